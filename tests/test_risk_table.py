"""Row by row, the table of risk-capital rules: each formula on figures to check by hand, and its reference case."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad

import allocopt as ao
import allocopt.schemes.constraints as cs
from allocopt.judgement.risk_axioms import RISK_AXIOMS, Risk
from allocopt.maths.shortfall import mean_penalty, shortfall_amounts

NAMES = ["A", "B", "C"]
SIGMA = np.array([[4.0, 2, 1], [2, 5, 1], [1, 1, 8]])


def ask(loss: float, n: int = 3, caps: Any = None) -> ao.LossProblem:
    return ao.LossProblem(loss, pd.DataFrame(index=NAMES[:n]), cap=caps)


def contributions(name: str, n: int = 3, loss: float = 1.0, **parameters: Any) -> np.ndarray[Any, Any]:
    return np.asarray(ao.scheme(name, **parameters).allocate(ask(loss, n)).extras["contributions"])


def draws(seed: int, count: int = 40) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).standard_t(3, (count, 3)) @ np.linalg.cholesky(SIGMA).T


def test_row_euler_expected_shortfall_splits_the_boundary_scenario() -> None:
    """Five equally likely losses, level 0.7: the tail is 1.5 scenarios, weights 2/3 and 1/3, no differences taken."""
    losses = np.array([[0, 1], [1, 0], [0, 3], [5, 1], [2, 8]], dtype=float)  # totals 1, 1, 3, 6, 10
    found = contributions("euler-es", 2, scenarios=-losses, level=0.7)
    np.testing.assert_allclose(found, [2 / 3 * 2 + 1 / 3 * 5, 2 / 3 * 8 + 1 / 3 * 1], rtol=1e-14)
    assert found.sum() == pytest.approx((10 + 0.5 * 6) / 1.5)
    tie = contributions("euler-es", 2, scenarios=-np.array([[0, 0], [0, 0], [4, 0], [0, 4.0]]), level=0.75)
    np.testing.assert_allclose(tie, [2.0, 2.0], rtol=1e-14)


@pytest.mark.parametrize("name", ["euler-es", "euler-std"])
def test_row_euler_is_the_derivative(name: str) -> None:
    """Only this test takes a difference: where no scenario changes its rank, the risk is smooth in every position."""
    losses, step = draws(1), 1e-6
    level = {} if name == "euler-std" else {"level": 0.83}

    def risk(scaled: Any) -> float:
        return float(contributions(name, scenarios=-scaled, **level).sum())

    slopes = [(risk(losses * (1 + step * e)) - risk(losses * (1 - step * e))) / (2 * step) for e in np.eye(3)]
    np.testing.assert_allclose(contributions(name, scenarios=-losses, **level), slopes, rtol=1e-6, atol=1e-8)


def test_row_euler_value_at_risk_is_the_mean_at_the_quantile() -> None:
    """Totals 1, 3, 3, 9: the quantile at 3/4 is 3, reached twice; contributions average the two."""
    losses = np.array([[1, 0], [3, 0], [0, 3], [9, 0]], dtype=float)
    np.testing.assert_allclose(contributions("euler-var", 2, scenarios=-losses, level=0.75), [1.5, 1.5])
    weighed = contributions("euler-var", 2, scenarios=-losses, weights=[2, 2, 1, 1], level=0.75)
    np.testing.assert_allclose(weighed, [2.0, 1.0])


def test_row_standard_deviation_and_covariance() -> None:
    """K_i = cov(X_i, S) / sd(S); the covariance rule scales it to the loss: row sums 7, 8, 10 of 25."""
    root = np.linalg.cholesky(SIGMA)
    points = np.sqrt(3.0) * np.concatenate((root.T, -root.T))
    np.testing.assert_allclose(contributions("euler-std", scenarios=points), np.array([7, 8, 10]) / 5, rtol=1e-12)
    np.testing.assert_allclose(contributions("covariance", loss=100.0, scenarios=points), [28, 32, 40], rtol=1e-12)


@pytest.mark.parametrize("nu", [None, 4.0])
@pytest.mark.parametrize("measure", ["es", "var", "std"])
def test_row_elliptical(measure: str, nu: float | None) -> None:
    """mu_i + (rho(S) - mu_S) (Sigma 1)_i / 1'Sigma 1, and the parts of a risk found by integrating the quantiles."""
    from scipy import stats

    law = stats.norm if nu is None else stats.t(nu)
    whole = {
        "var": law.ppf(0.9), "std": law.std(), "es": quad(law.ppf, 0.9, 1.0, limit=200)[0] / 0.1,
    }[measure]  # fmt: skip
    mu = np.array([1.0, 2.0, 3.0])
    found = contributions("elliptical", scale=SIGMA, location=mu, measure=measure, level=0.9, nu=nu)
    base = mu if measure != "std" else 0.0
    np.testing.assert_allclose(found, base + whole * SIGMA.sum(axis=1) / 5.0, rtol=1e-6)


def test_elliptical_exposures_are_signed_and_payers_are_matched_by_name() -> None:
    scale = pd.DataFrame(SIGMA, NAMES, NAMES)
    table = pd.DataFrame({"position": [2.0, -1.0, 1.0], "mean": [0.1, 0.2, 0.3]}, index=NAMES)
    problem = ao.LossProblem(5.0, table)
    rule = ao.scheme("elliptical", scale=scale.loc[["C", "A", "B"], ["C", "A", "B"]], location="mean",
                     exposure="position", level=0.99)  # fmt: skip
    here = rule.allocate(problem).verify().extras["contributions"]
    w = table["position"].to_numpy()
    signed = ao.scheme("elliptical", scale=w[:, None] * SIGMA * w, location=w * table["mean"].to_numpy(), level=0.99)
    np.testing.assert_allclose(here, signed.allocate(problem).extras["contributions"], rtol=1e-12)
    turned = ao.LossProblem(5.0, table.loc[["B", "C", "A"]])
    pd.testing.assert_series_equal(rule.allocate(turned).extras["contributions"].reindex(NAMES), here)
    for policy in ("floor", "program", "allow"):
        kind = ao.scheme("elliptical", scale=[[1.0, -2.0], [-2.0, 16.0]], level=0.99, policy=policy)
        fast, slow = kind.allocate(ask(9.0, 2)).verify(), kind.allocate(ask(9.0, 2), by="program").verify()
        np.testing.assert_allclose(fast.paid, slow.paid, atol=1e-8)
        assert (fast.paid[0] < 0) == (policy == "allow")
    flat = ao.scheme("elliptical", scale=[[1.0, -1.0], [-1.0, 1.0]], location=[2.0, 1.0])
    np.testing.assert_allclose(flat.allocate(ask(3.0, 2)).verify().paid, [2.0, 1.0])  # a perfect hedge
    for unit in (1e-9, 1e12):
        big = ao.scheme("elliptical", scale=SIGMA * unit**2, location=[unit] * 3).allocate(ask(unit)).verify()
        np.testing.assert_allclose(big.fractions, contributions("elliptical", scale=SIGMA, location=[1.0] * 3)
                                   / contributions("elliptical", scale=SIGMA, location=[1.0] * 3).sum())  # fmt: skip
    assert ao.scheme("elliptical", scale=np.zeros((0, 0))).allocate(ao.LossProblem(1.0, table.iloc[:0])).residual == 1.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale": np.ones((2, 3))}, "square matrix"),
        ({"scale": [["x", "y"], ["z", "u"]]}, "not a number"),
        ({"scale": [[1.0, np.nan], [0.0, 1.0]]}, "NaN"),
        ({"scale": [[1.0, 0.5], [0.0, 1.0]]}, "not symmetric"),
        ({"scale": [[1.0, 2.0], [2.0, 1.0]]}, "negative variance"),
        ({"scale": np.eye(2)}, "matrix of 2 payers and the question has 3"),
        ({"scale": pd.DataFrame(np.eye(3), list("ABD"), list("ABD"))}, "no row for payer 'C'"),
        ({"scale": pd.DataFrame(np.eye(3), list("ABC"), list("ACB"))}, "differently"),
        ({"nu": 1.0}, "'es' of a Student-t with nu=1"),
        ({"nu": 2.0, "measure": "std"}, "does not exist"),
        ({"theta": 0.1}, "theta goes with"),
        ({"theta": 0.0, "measure": "entropic"}, "theta of elliptical is 0"),
        ({"theta": 0.1, "measure": "entropic", "nu": 5.0}, "does not exist"),
        ({"measure": "cvar"}, "no risk measure"),
        ({"level": 1.0}, "level"),
        ({"reading": "payout"}, "no payout reading"),
    ],
)
def test_elliptical_refuses_clearly(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ao.DataError, match=message):
        ao.scheme("elliptical", **({"scale": np.eye(3)} | changes)).allocate(ask(1.0))


def test_row_aumann_shapley_of_a_convex_measure_that_is_not_homogeneous() -> None:
    """Entropic risk: the path integral by a general-purpose quadrature; plain marginals do not add up, these do."""
    losses, theta = draws(2), 0.4
    total = losses.sum(axis=1)

    def marginal(size: float, i: int) -> float:
        weight = np.exp(theta * size * total)
        return float(weight @ losses[:, i] / weight.sum())

    found = contributions("aumann-shapley", scenarios=-losses, theta=theta)
    np.testing.assert_allclose(found, [quad(marginal, 0, 1, args=(i,), epsabs=1e-12)[0] for i in range(3)], rtol=1e-9)
    joint = float(np.log(np.mean(np.exp(theta * total))) / theta)
    assert found.sum() == pytest.approx(joint, rel=1e-12)
    assert abs(sum(marginal(1.0, i) for i in range(3)) - joint) > 0.1
    halves = np.column_stack((losses[:, 0] / 2, losses[:, 0] / 2, losses[:, 1] + losses[:, 2]))
    split = contributions("aumann-shapley", scenarios=-halves, theta=theta)
    assert split[:2].sum() == pytest.approx(found[0], rel=1e-9)  # splitting a position changes nothing inside


@pytest.mark.parametrize("name", ["euler-es", "euler-std", "aumann-shapley"])
def test_row_denault_coherent_allocation(name: str) -> None:
    """Full allocation, no undercut, symmetry and, for expected shortfall, the riskless amount: no breach is found."""
    scenarios = [[0.0]]
    rule = Risk(ao.scheme(name, scenarios=scenarios))
    demands = ["adding up", "no undercut", "symmetry", "merge and split neutrality", "homogeneity"]
    demands += ["riskless allocation"] if name != "euler-std" else []
    rng = np.random.default_rng(0)
    for _ in range(60):
        X = rng.integers(-4, 9, (8, 3)).astype(float)
        for demand in demands:
            assert RISK_AXIOMS[demand].breach(rule, X, 0.5) <= 1e-9, demand
    broken = Risk(ao.scheme("haircut", scenarios=scenarios, measure="es"))
    assert max(RISK_AXIOMS["no undercut"].breach(broken, rng.integers(-4, 9, (8, 3)) * 1.0, 0.5) for _ in range(20)) > 1


def test_row_haircut_and_with_without_and_cost_gap() -> None:
    """150 by values at risk 30, 50, 120; sd 3 and 4 of 5 jointly: 1 and 2 remain, and the gap of 2 is shared evenly."""
    np.testing.assert_allclose(
        contributions("haircut", loss=150.0, scenarios=-np.diag([30.0, 50, 120])), [22.5, 37.5, 90]
    )
    corners = np.array(list(itertools.product((3.0, -3.0), (4.0, -4.0))))
    marginal = contributions("with-without", 2, scenarios=corners, measure="std")
    np.testing.assert_allclose(marginal, [1.0, 2.0])
    np.testing.assert_allclose(contributions("cost-gap", 2, scenarios=corners, measure="std"), marginal + 1.0)


def test_row_serial_and_proportional_shapley() -> None:
    """Squares of 1, 2, 3: 3, 11, 22; dividends 1, 3 and 4 shared 1 to 3: 2 and 6."""
    rule = ao.scheme("serial", key=[1.0, 2.0, 3.0], cost=np.square)
    np.testing.assert_allclose(rule.allocate(ask(36.0)).verify().paid, [3.0, 11.0, 22.0], rtol=1e-12)
    shares = ao.scheme("proportional-shapley", game=[0, 1, 3, 8]).allocate(ask(8.0, 2)).verify()
    np.testing.assert_allclose(shares.paid, [2.0, 6.0], rtol=1e-12)


@pytest.mark.parametrize("systemic", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("weights", [None, np.arange(1.0, 21.0)])
def test_row_shortfall_risk_has_weights_that_prove_the_total(systemic: float, weights: Any) -> None:
    """The dual: one weight per scenario and payer, columns of sum one, and no smaller total is acceptable."""
    losses = draws(5, 20)
    rule = ao.scheme("shortfall-risk", scenarios=-losses, weights=weights, systemic=systemic, unit=1.0, bound=0.5)
    answer = rule.allocate(ask(1.0)).verify(1e-7)
    amounts = answer.extras["contributions"].to_numpy()
    z = rule.scenario_weights(ask(1.0))
    np.testing.assert_allclose(z.sum(), 1.0, rtol=1e-12)
    assert (z >= 0).all(axis=None) and list(z.columns) == NAMES
    mass = np.full(20, 1 / 20) if weights is None else weights / weights.sum()
    found = shortfall_amounts(losses, systemic, 0.5, None if weights is None else mass)
    assert found.proven == pytest.approx(found.values.sum(), abs=1e-7)
    y = losses - amounts
    rate = float((z.to_numpy() / mass[:, None]).min())  # a scenario in which nobody exceeds its amount counts least
    over = np.maximum(y, 0.0)
    slope = 1 + (1 - systemic) * over + systemic * over.sum(axis=1, keepdims=True) * (y > 0)
    clear = np.abs(y) > 1e-3  # on the boundary the weight is a fraction between the two slopes
    np.testing.assert_allclose((z.to_numpy() / mass[:, None])[clear], (rate * slope)[clear], atol=1e-3)
    assert mean_penalty(losses, amounts, systemic, mass) == pytest.approx(0.5, abs=1e-9)
    larger = losses.copy()
    larger[7, 1] += 1e-4
    moved = shortfall_amounts(larger, systemic, 0.5, None if weights is None else mass).values.sum()
    assert (moved - found.values.sum()) / 1e-4 == pytest.approx(z.iloc[7, 1], abs=2e-3)


def test_weights_of_anything_prove_no_more_than_the_total() -> None:
    """Weak duality: weights that are not the solver's give a bound, and a lower one."""
    from allocopt.maths.shortfall import _dual

    losses, mass = draws(6, 12), np.full(12, 1 / 12)
    total = shortfall_amounts(losses, 0.4, 0.5).values.sum()
    rng = np.random.default_rng(0)
    bounds = [_dual(losses, 0.4, 0.5, mass, rng.uniform(0, 0.05, losses.shape))[1] for _ in range(50)]
    assert max(bounds) < total - 1e-3
    assert _dual(losses, 0.4, 0.5, mass, np.ones(losses.shape))[1] == -np.inf


def test_all_shared_cases_of_the_table(shared_cases: Any) -> None:
    file = shared_cases("division.json")
    seen = 0
    for case in file["risk_allocation_cases"]:
        model, method, params = case["model"], case["method"], case["params"]
        n = len(case["allocation"])
        kind = {"loss": 1.0, "n": n, "level": float(Fraction(params.get("alpha", "1/2")))}
        scale = model.get("Sigma", model.get("Sigma_scale"))
        games = {frozenset(k): float(v) for k, v in model.get("c", {}).items()}
        elliptical = {"scale": scale, "location": model.get("mu"), "exposure": model.get("weights")}
        if method == "euler_ES" and model["type"] == "scenarios":
            found = contributions("euler-es", scenarios=-np.array(model["losses"], dtype=float), **kind)
        elif method == "euler_ES":
            found = contributions("elliptical", nu=model.get("nu"), **elliptical, **kind)
        elif method == "aumann_shapley_entropic":
            found = contributions("elliptical", measure="entropic", theta=float(params["theta"]), **elliptical, **kind)
        elif method == "covariance":
            root = np.sqrt(n) * np.linalg.cholesky(np.array(scale, dtype=float)).T
            found = contributions("covariance", n, params["K"], scenarios=np.concatenate((root, -root)))
        elif method == "haircut":
            found = contributions("haircut", n, params["K"], scenarios=-np.diag(model["standalone_VaR"]) * 1.0)
        else:
            worth = [games.get(frozenset(str(i + 1) for i in range(n) if m >> i & 1), 0.0) for m in range(1 << n)]
            if method == "cost_gap":
                from allocopt.schemes.cost_gap import cost_gap_values

                found = cost_gap_values(worth)
            else:  # risks 3, 4 and 5 are the standard deviations of two independent payers
                corners = np.array(list(itertools.product((worth[1], -worth[1]), (worth[2], -worth[2]))))
                found = contributions("with-without", n, scenarios=corners, measure="std")
        np.testing.assert_allclose(found, case["allocation"], atol=1e-10, err_msg=case["id"])
        seen += 1
    assert seen == len(file["risk_allocation_cases"]) >= 12
    for case in file["cost_sharing_cases"]:
        if case["rule"] == "shapley":
            worst = [max((case["inputs"]["c"][i] for i in range(3) if m >> i & 1), default=0) for m in range(8)]
            found = ao.scheme("shapley", game=worst).allocate(ask(3.0)).verify().paid
        else:
            games = {frozenset(k): v for k, v in case["inputs"]["c"].items()}
            costs = [games.get(frozenset(str(i + 1) for i in range(3) if m >> i & 1), 0) for m in range(8)]
            found = ao.allocate(ask(14.0), "leximin", subject_to=[cs.in_core(costs)]).verify().paid
        np.testing.assert_allclose(found, case["value"], atol=1e-7, err_msg=case["name"])
