"""Tails: exact means with a fractional boundary, contributions that add up, and three roads to the same numbers."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import linprog

from allocopt.errors import DataError
from allocopt.facts.scenarios import read_scenarios, scenario_probabilities, tail_level
from allocopt.judgement.risk import expected_shortfall, tail_contributions, var
from allocopt.maths.elliptical import elliptical_contributions, standard_quantile, standard_tail_mean
from allocopt.maths.tails import (
    MEASURES,
    coalition_risks,
    density,
    entropic,
    path_density,
    quantile_density,
    risks,
    tail,
)

Array = np.ndarray


def assert_adds_up(contributions: Array, whole: float, size: float) -> None:
    """The parts sum to the whole within rounding of the amounts that were added."""
    assert abs(float(np.sum(contributions)) - whole) <= 1e-11 * size, (contributions, whole)


@st.composite
def books(draw: Any, most: int = 4, weighted: bool = False) -> Any:
    """Small books full of ties: whole-number losses of 1 to ``most`` parts, a level, and perhaps weights."""
    count, n = draw(st.integers(1, 12)), draw(st.integers(1, most))
    row = st.lists(st.integers(-5, 5), min_size=n, max_size=n)
    losses = np.array(draw(st.lists(row, min_size=count, max_size=count)), dtype=float).reshape(count, n)
    level = draw(st.one_of(st.sampled_from([0.5, 0.75, 0.9, 0.975]), st.integers(1, 99).map(lambda k: k / 100)))
    if not weighted:
        return losses, level
    weights = draw(st.lists(st.integers(0, 4), min_size=count, max_size=count).filter(any))
    return losses, level, scenario_probabilities(weights, count)


def exact_tail(values: list[Fraction], masses: list[Fraction], level: Fraction) -> tuple[Fraction, Fraction]:
    """Quantile and tail mean in rational arithmetic, straight from the definitions."""
    pairs = sorted(zip(values, masses, strict=True))
    reached, quantile, tail_sum = Fraction(0), None, Fraction(0)
    for value, mass in pairs:
        below, reached = reached, reached + mass
        if quantile is None and reached >= level and mass > 0:
            quantile = value
        tail_sum += value * max(Fraction(0), reached - max(below, level))
    assert quantile is not None
    return quantile, tail_sum / (1 - level)


def test_degenerate_tails() -> None:
    assert var([7.0], 0.5) == expected_shortfall([7.0], 0.99) == 7.0
    assert var([0.0, 0.0], 0.5) == expected_shortfall([0.0, 0.0], 0.5) == 0.0
    assert tail_contributions(np.zeros((3, 2)), 0.9, "std").to_list() == [0.0, 0.0]
    assert tail_contributions(pd.DataFrame(index=[0, 1]), 0.9).empty
    assert var([1.0, 2.0], 1e-15) == 1.0
    assert expected_shortfall([1.0, 9.0], 0.5, weights=[1.0, 0.0]) == 1.0


@given(books(weighted=True))
def test_quantile_and_tail_mean_are_exact(book: Any) -> None:
    losses, level, probabilities = book
    total = losses.sum(axis=1)
    weights = [Fraction(p).limit_denominator(100) for p in probabilities]
    quantile, mean = exact_tail([Fraction(t) for t in total], weights, Fraction(level).limit_denominator(1000))
    assert var(total, level, probabilities) == float(quantile)
    assert expected_shortfall(total, level, probabilities) == pytest.approx(float(mean), abs=1e-11)
    found = tail(losses, level, probabilities)
    assert found.quantile == float(quantile)
    assert_adds_up(found.beyond @ losses, float(mean), 10.0)
    assert_adds_up(found.boundary @ losses, float(quantile), 10.0)


@given(books())
def test_equal_weights_are_no_weights(book: Any) -> None:
    losses, level = book
    even = np.full(len(losses), 1.0 / len(losses))
    for measure in MEASURES:
        np.testing.assert_allclose(
            density(losses, measure, level) @ losses, density(losses, measure, level, even) @ losses, atol=1e-12
        )
        np.testing.assert_allclose(
            risks(losses.T, measure, level), risks(losses.T, measure, level, even), rtol=1e-12, atol=1e-12
        )


@given(books())
def test_the_boundary_scenario_carries_a_fraction(book: Any) -> None:
    """No scenario counts for more than its share of the tail, all together count for one, ties count alike."""
    losses, level = book
    found, total = tail(losses, level), losses.sum(axis=1)
    most = 1.0 / len(losses) / (1.0 - level)
    assert found.beyond.sum() == pytest.approx(1.0, abs=1e-12)
    assert (found.beyond >= 0).all() and (found.beyond <= most + 1e-12).all()
    for value in np.unique(total):
        assert np.ptp(found.beyond[total == value]) <= 1e-15
    assert (found.beyond[total < found.quantile] == 0).all()
    assert (np.abs(found.beyond[total > found.quantile] - most) <= 1e-9).all()


@given(books(), st.integers(1, 3))
def test_repeating_scenarios_is_weighing_them(book: Any, times: int) -> None:
    losses, level = book
    again = np.repeat(losses, [times] + [1] * (len(losses) - 1), axis=0)
    weights = scenario_probabilities([float(times)] + [1.0] * (len(losses) - 1), len(losses))
    for measure in MEASURES:
        np.testing.assert_allclose(
            density(again, measure, level) @ again, density(losses, measure, level, weights) @ losses, atol=1e-10
        )


@given(books(), st.integers(0, 5))
def test_order_and_unit_do_not_matter(book: Any, seed: int) -> None:
    losses, level = book
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(len(losses)), rng.permutation(losses.shape[1])
    for measure in MEASURES:
        here = tail_contributions(-losses, level, measure).to_numpy()
        there = tail_contributions(-1e6 * losses[rows][:, columns], level, measure).to_numpy()
        np.testing.assert_allclose(there / 1e6, here[columns], atol=1e-11)


def test_totals_that_are_equal_on_paper_are_ties() -> None:
    """0.1 + 0.2 is not 0.3 in binary; the two scenarios still share the tail."""
    losses = np.array([[0.1, 0.2], [0.3, 0.0], [0.0, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(tail_contributions(-losses, 0.75), [0.2, 0.1], atol=1e-15)
    huge = losses + np.array([1e6, -1e6])  # positions that nearly cancel: rounding is that of the positions
    np.testing.assert_allclose(tail_contributions(-huge, 0.75) - [1e6, -1e6], [0.2, 0.1], atol=1e-8)


def test_a_level_that_is_a_whole_number_of_scenarios() -> None:
    """0.9952 of 1,250 scenarios is 1,244, whatever binary says; the tail is the six worst."""
    losses = np.arange(1.0, 1251.0)
    assert expected_shortfall(losses, 1 - 6 / 1250) == pytest.approx(1247.5, rel=1e-12)
    assert var(losses, 1 - 6 / 1250) == 1244.0
    assert var(losses, 0.29) == 363.0  # 0.29 * 1250 = 362.5
    assert var(np.arange(1.0, 101.0), 0.29) == var(np.arange(1.0, 101.0), 0.29, np.ones(100)) == 29.0


@pytest.mark.parametrize("seed", range(5))
def test_contributions_are_the_dual_of_the_linear_program(seed: int) -> None:
    """min q + sum p u / (1 - a), u >= S - q: the multipliers of its rows are the density of the tail mean."""
    rng = np.random.default_rng(seed)
    losses = rng.standard_t(3, (40, 5))
    total, level = losses.sum(axis=1), 0.83
    cost = np.concatenate(([1.0], np.full(40, 1.0 / 40 / (1.0 - level))))
    rows = np.hstack((-np.ones((40, 1)), -np.eye(40)))
    out = linprog(cost, A_ub=rows, b_ub=-total, bounds=[(None, None)] + [(0, None)] * 40, method="highs")
    assert out.fun == pytest.approx(expected_shortfall(total, level), rel=1e-9)
    np.testing.assert_allclose(-out.ineqlin.marginals @ losses, tail_contributions(-losses, level), rtol=1e-8)


@given(books(most=4))
def test_expected_shortfall_contributions_undercut_no_coalition(book: Any) -> None:
    """No group of parts is charged more than its own tail mean, or more than its own standard deviation."""
    losses, level = book
    for measure in ("es", "std"):
        contributions = density(losses, measure, level) @ losses
        alone = coalition_risks(losses, measure, level)
        charged = [sum(c for i, c in enumerate(contributions) if mask >> i & 1) for mask in range(len(alone))]
        assert (np.array(charged) <= alone + 1e-9).all()


def test_quantile_contributions_can_undercut() -> None:
    """Each loses 10 in one scenario of four: alone both are safe at 75%, together they are charged 5 each."""
    losses = np.array([[10.0, 0.0], [0.0, 10.0], [0.0, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(tail_contributions(-losses, 0.75, "var"), [5.0, 5.0])
    assert coalition_risks(losses, "var", 0.75).tolist() == [0.0, 0.0, 0.0, 10.0]


@given(books())
def test_coalition_risks_are_risks_of_sums(book: Any) -> None:
    losses, level = book
    for measure in MEASURES:
        found = coalition_risks(losses, measure, level)
        for mask in range(1, len(found)):
            members = [i for i in range(losses.shape[1]) if mask >> i & 1]
            alone = risks(losses[:, members].sum(axis=1)[None, :], measure, level)[0]
            assert found[mask] == pytest.approx(alone, abs=1e-12)


def test_coalitions_beyond_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = np.random.default_rng(0).normal(size=(16, 6))
    whole = coalition_risks(losses, "es", 0.8)
    monkeypatch.setattr("allocopt.maths.tails._BLOCK", 64)
    np.testing.assert_allclose(coalition_risks(losses, "es", 0.8), whole, rtol=1e-12)


def test_a_window_averages_quantiles() -> None:
    losses = np.random.default_rng(1).normal(size=(1000, 3))
    total = losses.sum(axis=1)
    found = quantile_density(losses, 0.9, None, 0.05)
    levels = (np.arange(850, 950) + 0.5) / 1000
    assert_adds_up(found @ losses, float(np.mean([var(total, a) for a in levels])), 10.0)
    narrow = quantile_density(losses, 0.9, None, 1e-9)
    np.testing.assert_allclose(narrow @ losses, tail(losses, 0.9).boundary @ losses, atol=1.0)


@pytest.mark.parametrize("rate", [0.01, 1.0, 30.0, 3000.0])
def test_the_path_adds_up_and_agrees_with_quadrature(rate: float) -> None:
    rng = np.random.default_rng(2)
    losses = rng.standard_t(3, (50, 3))
    mass = scenario_probabilities(rng.uniform(0, 1, 50), 50)
    assert mass is not None
    total = losses.sum(axis=1)
    found = path_density(losses, rate, mass) @ losses
    assert_adds_up(found, entropic(total, rate, mass), 10.0)

    def marginal(g: float) -> float:
        weight = mass * np.exp(rate * g * (total - total.max()))
        return float(weight @ losses[:, 0] / weight.sum())

    edges = np.concatenate(([0.0], np.geomspace(1e-6, 1.0, 25)))
    slow = sum(quad(marginal, a, b, epsabs=1e-13)[0] for a, b in itertools.pairwise(edges))
    assert found[0] == pytest.approx(slow, rel=1e-8)


def gauss_hermite(mean: list[float], covariance: list[list[float]], nodes: int = 14) -> tuple[Array, Array]:
    """Weighted scenarios that reproduce the moments of a normal vector: a tensor of Gauss-Hermite points."""
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    n = len(mean)
    grid = np.stack([g.ravel() for g in np.meshgrid(*[points] * n, indexing="ij")], axis=1)
    mass = np.prod(np.stack([g.ravel() for g in np.meshgrid(*[weights] * n, indexing="ij")], axis=1), axis=1)
    return np.asarray(mean) + grid @ np.linalg.cholesky(np.array(covariance)).T, mass / mass.sum()


def test_entropic_path_of_normal_losses() -> None:
    """Mean plus half the aversion times the covariance with the sum; plain marginals would not add up to 8.5."""
    losses, mass = gauss_hermite([1.0, 2.0, 3.0], [[4, 2, 1], [2, 5, 1], [1, 1, 8]])
    np.testing.assert_allclose(path_density(losses, 0.2, mass) @ losses, [1.7, 2.8, 4.0], rtol=1e-9)
    assert entropic(losses.sum(axis=1), 0.2, mass) == pytest.approx(8.5, rel=1e-9)


# mean, covariance or scale, exposures, level, degrees of freedom, contributions
# Source: closed form of McNeil, Frey and Embrechts (2015), ch. 8; figures recomputed at 30 digits.
ELLIPTICAL: list[tuple[list[float], list[list[float]], list[float], float, float | None, list[float]]] = [
    ([0, 0], [[9, 0], [0, 16]], [1, 1], 0.975, None, [4.208045025962546, 7.480968935044526]),
    ([0, 0], [[9, 12], [12, 16]], [1, 1], 0.975, None, [7.013408376604243, 9.351211168805659]),
    ([0, 0], [[1, -2], [-2, 16]], [1, 1], 0.99, None, [-0.7391974255040444, 10.348763957056622]),
    ([1, 2, 3], [[4, 2, 1], [2, 5, 1], [1, 1, 8]], [1, 1, 1], 0.975, None,
     [4.27292390908198, 5.740484467522263, 7.675605584402829]),
    ([0, 0, 0], [[4, 2, 1], [2, 5, 1], [1, 1, 8]], [2, -1, 1], 0.99, None,
     [7.780298140887844, 0.0, 5.001620233427899]),
    ([0, 0], [[9, 0], [0, 16]], [1, 1], 0.975, 4, [7.188402640883132, 12.779382472681123]),
]  # fmt: skip


@pytest.mark.parametrize(("mean", "scale", "exposure", "level", "nu", "expected"), ELLIPTICAL)
def test_estimates_meet_the_closed_form(
    mean: list[float], scale: list[list[float]], exposure: list[float], level: float, nu: float | None,
    expected: list[float],
) -> None:  # fmt: skip
    w = np.array(exposure, dtype=float)
    location, spread = w * mean, w[:, None] * np.array(scale, dtype=float) * w
    np.testing.assert_allclose(elliptical_contributions(location, spread, level, "es", nu), expected, atol=1e-12)
    rng = np.random.default_rng(7)
    root = np.linalg.cholesky(spread + 1e-12 * np.eye(len(w)))
    draws = rng.standard_normal((200_000, len(w))) @ root.T
    draws = np.concatenate((draws, -draws))  # antithetic: the mean is exact
    if nu is not None:
        draws /= np.sqrt(rng.chisquare(nu, (len(draws), 1)) / nu)
    losses = location + draws
    size = np.abs(expected).sum()
    np.testing.assert_allclose(tail_contributions(-losses, level), expected, atol=(0.01 if nu is None else 0.03) * size)
    steady = tail_contributions(-losses, level, "var", window=0.002)
    exact = elliptical_contributions(location, spread, level, "var", nu)
    np.testing.assert_allclose(steady, exact, atol=0.03 * size)
    if nu is None:
        deviations = elliptical_contributions(location, spread, level, "std")
        np.testing.assert_allclose(tail_contributions(-losses, measure="std"), deviations, atol=0.01 * size)


def test_standard_tails(shared_cases: Any) -> None:
    cases = {case["id"]: case for case in shared_cases("risk.json")["cases"]}
    for name, nu in (("var_es_normal_std", None), ("var_es_student_t_nu8", 8.0)):
        case = cases[name]
        for level, quantile, mean in zip(
            case["inputs"]["levels"], case["expected"]["VaR"], case["expected"]["ES"], strict=True
        ):
            assert standard_quantile(level, nu) == pytest.approx(quantile, rel=1e-9)
            assert standard_tail_mean(level, nu) == pytest.approx(mean, rel=1e-9)


def test_shared_risk_allocation_cases(shared_cases: Any) -> None:
    checked = 0
    for case in shared_cases("division.json")["risk_allocation_cases"]:
        model, level = case["model"], float(Fraction(case["params"].get("alpha", "1/2")))
        if model["type"] == "scenarios":
            found = tail_contributions(-np.array(model["losses"], dtype=float), level).to_numpy()
        elif model["type"] in ("multivariate_normal_losses", "multivariate_t") and case["method"] == "euler_ES":
            scale = np.array(model.get("Sigma", model.get("Sigma_scale")), dtype=float)
            w = np.array(model.get("weights", np.ones(len(scale))), dtype=float)
            mean = w * np.array(model.get("mu", np.zeros(len(scale))))
            found = elliptical_contributions(mean, w[:, None] * scale * w, level, "es", model.get("nu"))
        else:
            continue
        np.testing.assert_allclose(found, case["allocation"], atol=1e-10, err_msg=case["id"])
        checked += 1
    assert checked >= 7


def test_public_functions_leave_their_inputs_alone() -> None:
    frame = pd.DataFrame({"B": [1.0, -2.0], "A": [0.5, -0.5]})
    before = frame.copy(deep=True)
    found = tail_contributions(frame, 0.6, weights=pd.Series([1, 3]))
    pd.testing.assert_frame_equal(frame, before)
    assert list(found.index) == ["B", "A"]
    book = read_scenarios(frame)
    frame.loc[0, "B"] = 99.0
    assert book.losses[0, 0] == -1.0
    with pytest.raises(ValueError, match="read-only"):
        book.losses[0, 0] = 5.0


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, 1.5, float("nan"), "0.9", True])
def test_a_level_lies_strictly_inside(level: Any) -> None:
    for call in (lambda: var([1.0], level), lambda: tail_contributions([[1.0]], level), lambda: tail_level(level)):
        with pytest.raises(DataError, match="level"):
            call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: var([], 0.9), "losses are empty"),
        (lambda: var([1.0, float("nan")], 0.9), "1 is NaN"),
        (lambda: var([[1.0]], 0.9), "one loss per scenario"),
        (lambda: var([1.0, "x"], 0.9), "'x', not a number"),
        (lambda: expected_shortfall([1.0, 2.0], 0.9, weights=[1.0]), "one for each of the 2 scenarios"),
        (lambda: expected_shortfall([1.0, 2.0], 0.9, weights=[0.0, 0.0]), "all zero"),
        (lambda: expected_shortfall([1.0, 2.0], 0.9, weights=[2.0, -1.0]), "-1"),
        (lambda: tail_contributions(pd.DataFrame({"A": [1.0, np.nan]})), "payer 'A' has nan in scenario 1"),
        (lambda: tail_contributions([[1.0, np.inf]]), "payer 1 has inf in scenario 0"),
        (lambda: tail_contributions(pd.DataFrame({"A": ["x"]})), "column 'A' holds"),
        (lambda: tail_contributions(pd.DataFrame([[1.0, 2.0]], columns=["A", "A"])), "'A' twice"),
        (lambda: tail_contributions([["x"]]), "not a number"),
        (lambda: tail_contributions([1.0, 2.0]), "two dimensions"),
        (lambda: tail_contributions(pd.DataFrame({"A": []}, dtype=float)), "no rows"),
        (lambda: tail_contributions([[1e308], [1e308]]), "payer 0 has 1e\\+308 in scenario 0 \\(2 such"),
        (lambda: tail_contributions([[1.0]], measure="ess"), "no risk measure is called 'ess'"),
        (lambda: tail_contributions([[1.0]], 0.9, "var", window=0.2), "window"),
        (lambda: tail_contributions([[1.0]], 0.9, "es", window=0.01), "window"),
    ],
)
def test_bad_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        call()


def test_the_helper_notices_a_wrong_answer() -> None:
    with pytest.raises(AssertionError):
        assert_adds_up(np.array([1.0, 2.0]), 3.1, 10.0)
