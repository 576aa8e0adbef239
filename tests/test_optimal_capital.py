"""The umbrella of Dhaene et al.: every deviation, every weighting, its special cases, its program and its bounds."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

import allocopt as ao
from allocopt.maths.deviations import KINDS, Deviations
from allocopt.pages.mathml import mathml

NAMES = ["A", "B", "C", "D"]
CHOICES = [("quadratic", "upper"), ("absolute", "upper"), ("semi", "upper"), ("semi", "lower")]


def book(seed: int = 0, count: int = 40, n: int = 4) -> pd.DataFrame:
    """Heavy-tailed profit and loss with a common factor; the last payer offsets the third."""
    rng = np.random.default_rng(seed)
    pnl = rng.standard_t(3, (count, 1)) * np.arange(1, n + 1) + rng.normal(size=(count, n))
    pnl[:, -1] = -0.5 * pnl[:, -2]
    return pd.DataFrame(pnl, columns=NAMES[:n])


def ask(loss: float, caps: Any = None, names: list[str] = NAMES) -> ao.LossProblem:
    table = pd.DataFrame({"size": np.arange(1.0, len(names) + 1)}, index=names)
    return ao.LossProblem(loss, table, cap=caps, currency="EUR")


def made(scenarios: Any, deviation: str, side: str = "upper", **changes: Any) -> Any:
    given = {"level": 0.8, "driver": "none", "volume": "size"} | changes
    return ao.scheme("optimal-capital", scenarios=scenarios, deviation=deviation, side=side, **given)


def cost(rule: Any, problem: ao.LossProblem, x: Any) -> float:
    """The objective by its definition, in plain numbers."""
    posed = rule.posed(problem)
    y = (posed.losses - x) / posed.volume
    one = {"quadratic": y**2 / 2, "absolute": np.abs(y)}.get(rule.deviation)
    if one is None:
        one = np.maximum(y if rule.side == "upper" else -y, 0.0) ** 2 / 2
    return float((posed.volume * (posed.mass * one).sum(axis=0)).sum())


@pytest.mark.parametrize(("deviation", "side"), CHOICES)
@pytest.mark.parametrize("policy", ["program", "allow"])
@pytest.mark.parametrize("driver", ["none", "joint", "own"])
def test_closed_form_and_program_agree(deviation: str, side: str, policy: str, driver: str) -> None:
    rule = made(book(1), deviation, side, policy=policy, driver=driver)
    for loss, caps in ((0.0, None), (3.0, None), (6.0, [1.0, 2.0, 0.5, 4.0]), (90.0, None), (5e6, None), (9.0, 2.0)):
        fast, slow = rule.allocate(ask(loss, caps)), rule.allocate(ask(loss, caps), by="program")
        for answer in (fast, slow):
            answer.verify(1e-6)
            assert answer.paid.sum() + answer.residual == pytest.approx(loss, rel=1e-9, abs=1e-12)
            assert (answer.paid <= answer.problem.caps).all()
            assert policy == "allow" or (answer.paid >= 0).all()
        np.testing.assert_allclose(slow.paid, fast.paid, atol=1e-5 * (loss or 1.0))
        inside = (fast.paid > 1e-6 * loss) & (fast.paid < fast.problem.caps)
        if inside.any() and deviation != "absolute":
            assert slow.price == pytest.approx(fast.price, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize(("deviation", "side"), CHOICES)
@given(seed=st.integers(0, 10_000), part=st.floats(0.05, 2.0), capped=st.booleans())
@settings(max_examples=20)
def test_no_other_shares_are_nearer(deviation: str, side: str, part: float, capped: bool, seed: int) -> None:
    """Against a linear program written out here (absolute), or a general-purpose optimiser."""
    scenarios = book(seed, 12, 3)
    problem = ask(5.0 * part, [2.0, 4.0, 8.0] if capped else None, NAMES[:3])
    rule = made(scenarios, deviation, side, weights=np.arange(1.0, 13.0))
    answer = rule.allocate(problem).verify(1e-9)
    found = cost(rule, problem, answer.paid)
    bounds = [(0.0, c if np.isfinite(c) else None) for c in problem.caps]
    if deviation == "absolute":
        losses, mass = -scenarios.to_numpy(), rule.posed(problem).mass
        pick = np.kron(np.eye(3), np.ones((12, 1)))  # which share each deviation is counted from
        split = np.hstack((pick, np.eye(36), -np.eye(36)))
        rows = np.vstack((split, np.concatenate((np.ones(3), np.zeros(72)))))
        price = np.concatenate((np.zeros(3), mass.T.ravel(), mass.T.ravel()))
        best = linprog(
            price, A_eq=rows, b_eq=np.append(losses.T.ravel(), problem.loss), bounds=bounds + [(0, None)] * 72
        )
        assert found == pytest.approx(best.fun, rel=1e-8)
        return
    rival = minimize(
        lambda x: cost(rule, problem, x), np.full(3, problem.loss / 3).clip(max=problem.caps), method="SLSQP",
        bounds=bounds, constraints={"type": "eq", "fun": lambda x: x.sum() - problem.loss}, options={"ftol": 1e-13},
    )  # fmt: skip
    assert found <= rival.fun + 1e-6 * max(1.0, abs(rival.fun))


@pytest.mark.parametrize("name", ["euler-es", "euler-var", "euler-std"])
def test_joint_tail_weights_give_the_euler_contributions(name: str) -> None:
    """Quadratic, weights of the joint tail, a loss equal to the joint risk: the Euler rule of that measure."""
    scenarios = book(3)[NAMES[:3]]
    parameters = {} if name == "euler-std" else {"level": 0.8}
    euler = ao.scheme(name, scenarios=scenarios, policy="allow", **parameters)
    contributions = euler.allocate(ask(1.0, names=NAMES[:3])).extras["contributions"]
    problem = ask(float(contributions.sum()), names=NAMES[:3])
    rule = made(scenarios, "quadratic", driver="joint", measure=name[6:], policy="allow")
    np.testing.assert_allclose(rule.allocate(problem).paid, contributions, rtol=1e-12)


def test_own_tails_by_contribution_are_the_haircut() -> None:
    """Stand-alone values at risk 30, 50, 120 and a capital of 100: 15, 25, 60 (exact)."""
    scenarios = -np.diag([30.0, 50.0, 120.0])
    shared = {"level": 0.9, "measure": "var", "driver": "own", "volume": "contribution"}
    problem = ask(100.0, names=NAMES[:3])
    answer = made(scenarios, "quadratic", **shared).allocate(problem)
    np.testing.assert_allclose(answer.paid, [15.0, 25.0, 60.0], rtol=1e-12)
    same = ao.scheme("haircut", scenarios=scenarios, level=0.9).allocate(problem)
    np.testing.assert_allclose(answer.paid, same.paid, rtol=1e-12)


def test_volumes_by_contribution_scale_the_contributions() -> None:
    """Any weights, volumes equal to the contributions: x_i = L k_i / sum k."""
    for driver in ("joint", "own"):
        rule = made(book(5)[["A", "B"]], "quadratic", driver=driver, volume="contribution")
        answer = rule.allocate(ask(7.0, names=["A", "B"]))
        k = answer.extras["contributions"]
        np.testing.assert_allclose(answer.paid, 7.0 * k / k.sum(), rtol=1e-12)
    hedged = made(book(5), "quadratic", driver="joint", volume="contribution")
    with pytest.raises(ao.DataError, match="'D' has volume -"):
        hedged.allocate(ask(7.0))


@given(seed=st.integers(0, 1000), level=st.floats(0.05, 0.95))
@settings(max_examples=25)
def test_absolute_shares_are_quantiles_at_one_level(seed: int, level: float) -> None:
    """The loss is the sum of all quantiles at a level: everybody bears its own, and the price is the level."""
    losses = -book(seed, 37, 4)
    quantiles = np.sort(losses.to_numpy(), axis=0)[int(np.ceil(level * 37 - 1e-9)) - 1]
    if not 0 < quantiles.sum() < losses.max().sum():
        return
    answer = made(-losses, "absolute", policy="allow").allocate(ask(float(quantiles.sum()))).verify(1e-9)
    np.testing.assert_allclose(answer.paid, quantiles, atol=1e-9)
    share = (losses.to_numpy() <= quantiles + 1e-9).mean(axis=0)
    assert (answer.price + 1) / 2 <= share[0] + 1e-12
    assert (share == share[0]).all()


@given(part=st.floats(0.01, 0.99))
@settings(max_examples=15)
def test_losses_that_move_together_are_cut_like_their_sizes(part: float) -> None:
    """Losses b_i Z: the quantile allocation is L b_i / sum b at every loss, between the quantiles as well."""
    z = np.sort(np.random.default_rng(0).exponential(size=23))
    sizes = np.array([1.0, 2.0, 5.0, 0.5])
    scenarios = pd.DataFrame(-z[:, None] * sizes, columns=NAMES)
    loss = float(sizes.sum() * (z[0] + part * (z[-1] - z[0])))
    for driver in ("none", "joint"):
        answer = made(scenarios, "absolute", driver=driver, level=1e-6).allocate(ask(loss)).verify(1e-9)
        np.testing.assert_allclose(answer.paid, loss * sizes / sizes.sum(), rtol=1e-9)


def test_one_sided_linear_deviations_are_the_absolute_one() -> None:
    """E(l - x)+ = (E|l - x| + E(l - x)) / 2, and the last term is fixed by the budget."""
    rule, problem = made(book(2), "absolute"), ask(6.0)
    posed, here = rule.posed(problem), rule.allocate(problem).paid
    for seed in range(20):
        other = np.random.default_rng(seed).dirichlet(np.ones(4)) * 6.0
        above = [float((posed.mass * np.maximum(posed.losses - x, 0.0)).sum()) for x in (here, other)]
        assert above[1] - above[0] == pytest.approx((cost(rule, problem, other) - cost(rule, problem, here)) / 2)
        assert above[1] >= above[0] - 1e-12


def test_beyond_the_worst_losses_the_rest_goes_by_volume() -> None:
    """Worst losses 4 and 2, volumes 1 and 2, a loss of 12: 4 + 2 and 2 + 4 (exact); a cap of 5 on A sends 1 to B."""
    scenarios = pd.DataFrame({"A": [-4.0, 0.0], "B": [-2.0, -1.0]})
    for deviation in ("absolute", "semi"):
        rule = made(scenarios, deviation)
        for by in ("auto", "program"):
            np.testing.assert_allclose(rule.allocate(ask(12.0, names=["A", "B"]), by).paid, [6.0, 6.0], atol=1e-7)
            capped = rule.allocate(ask(12.0, [5.0, 90.0], ["A", "B"]), by).verify()
            np.testing.assert_allclose(capped.paid, [5.0, 7.0], atol=1e-7)
    low = made(-scenarios - 5.0, "semi", "lower", policy="allow").allocate(ask(1.0, names=["A", "B"])).verify()
    assert low.paid.sum() == pytest.approx(1.0)


def test_weights_can_be_stated_and_named() -> None:
    scenarios = book(4)
    losses = -scenarios.to_numpy()
    weights = np.random.default_rng(1).uniform(0, 2, losses.shape)
    problem = ask(5.0)
    stated = made(scenarios, "quadratic", zeta=pd.DataFrame(weights, columns=NAMES)[["D", "B", "A", "C"]])
    means = (weights * losses).sum(axis=0) / weights.sum(axis=0)
    np.testing.assert_allclose(stated.allocate(problem).extras["contributions"], means, rtol=1e-12)
    one = made(scenarios, "quadratic", zeta=weights[:, 0]).allocate(problem).extras["contributions"]
    np.testing.assert_allclose(one, weights[:, 0] @ losses / weights[:, 0].sum(), rtol=1e-12)
    market = scenarios.sum(axis=1).to_numpy()
    tail = made(scenarios, "absolute", driver=market).allocate(problem)
    np.testing.assert_allclose(tail.paid, made(scenarios, "absolute", driver="joint").allocate(problem).paid)
    own = made(scenarios, "quadratic", driver="own").allocate(problem).extras["contributions"]
    alone = np.sort(losses, axis=0)[-8:].mean(axis=0)  # the worst fifth of forty
    np.testing.assert_allclose(own, alone, rtol=1e-12)


@pytest.mark.parametrize(("deviation", "side"), CHOICES)
@pytest.mark.parametrize("policy", ["program", "allow"])
def test_scales_order_and_degenerate_questions(deviation: str, side: str, policy: str) -> None:
    scenarios = book(6)
    here = made(scenarios, deviation, side, policy=policy).allocate(ask(7.0, [2.0, 3.0, 3.0, 3.0])).paid
    for unit in (1e-9, 1e12):
        caps = np.array([2.0, 3.0, 3.0, 3.0]) * unit
        there = made(scenarios * unit, deviation, side, policy=policy).allocate(ask(7.0 * unit, caps)).verify(1e-9)
        np.testing.assert_allclose(there.paid / unit, here, rtol=1e-9, atol=1e-10)
    turned = made(scenarios.sample(frac=1.0, random_state=1)[NAMES[::-1]], deviation, side, policy=policy)
    np.testing.assert_allclose(turned.allocate(ask(7.0, [2.0, 3.0, 3.0, 3.0])).paid, here, atol=1e-9)
    twice = pd.concat((scenarios, scenarios.iloc[:5]))
    weighed = made(scenarios, deviation, side, policy=policy, weights=[2.0] * 5 + [1.0] * 35)
    repeated = made(twice, deviation, side, policy=policy)
    np.testing.assert_allclose(weighed.allocate(ask(7.0)).paid, repeated.allocate(ask(7.0)).paid, atol=1e-9)
    rule = made(pd.DataFrame(np.zeros((5, 4)), columns=NAMES), deviation, side, policy=policy)
    np.testing.assert_allclose(rule.allocate(ask(10.0)).verify().paid, [1.0, 2.0, 3.0, 4.0], rtol=1e-12)
    one = made(scenarios[["A"]], deviation, side, policy=policy)
    assert one.allocate(ask(3.0, names=["A"])).verify().paid.tolist() == pytest.approx([3.0])
    assert made(scenarios, deviation, side, policy=policy).allocate(ask(3.0, names=[])).verify().residual == 3.0


@pytest.mark.parametrize(("deviation", "side"), CHOICES)
def test_a_moved_share_is_rejected_and_words_and_pages_hold(deviation: str, side: str) -> None:
    rule, problem = made(book(2), deviation, side, policy="allow"), ask(6.0, 4.0)
    for by in ("auto", "program"):
        answer = rule.allocate(problem, by).verify()
        for step in ([1e-3, -1e-3, 0, 0], [0, 1e-3, 0, 0]):
            with pytest.raises(ao.CertificateError):
                dataclasses.replace(answer, paid=answer.paid - np.array(step)).verify()
    with pytest.raises(ao.CertificateError):
        dataclasses.replace(answer, price=answer.price + 0.5).verify()
    assert "of the volume" in answer.explain("A")
    assert mathml(rule.program(problem).statement()) and mathml(rule.formula)
    capped = made(book(2), deviation, side).allocate(ask(6.0, [9.0, 0.1, 9.0, 9.0]))
    assert "its cap binds" in capped.explain("B")


@pytest.mark.parametrize("kind", KINDS)
def test_marginal_costs_are_those_of_the_cost(kind: str) -> None:
    """A difference quotient of the cost, and the corners the algorithm walks along, tell the same slopes."""
    losses = -book(9).to_numpy()
    mass = np.random.default_rng(0).dirichlet(np.ones(40), 4).T
    volume = np.array([0.1, 0.2, 0.3, 0.4])
    posed = Deviations(kind, losses, mass, volume, np.full(4, -np.inf), np.full(4, np.inf), 5.0)
    x, step = np.array([0.3, -0.7, 1.1, 0.2]), 1e-6
    left, right = posed.slopes(x)
    quotient = (posed.cost(x + step) - posed.cost(x - step)) / (2 * step)
    np.testing.assert_allclose(quotient, (left + right) / 2, rtol=1e-5, atol=1e-7)
    for loss in (-5.0, 0.5, 4.0, 11.0):
        values, price = posed.nearest(loss)
        left, right = posed.slopes(values)
        assert values.sum() == pytest.approx(loss, abs=1e-9)
        assert (left <= price + 1e-9).all() and (right >= price - 1e-9).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"deviation": "cubic"}, "no deviation is called 'cubic'"),
        ({"deviation": "semi", "side": "left"}, "no side of a semi-deviation is called 'left'"),
        ({"deviation": "absolute", "driver": "all"}, "no driver is called 'all'"),
        ({"deviation": "absolute", "driver": [1.0, 2.0]}, "one profit and loss of the market for each of the 40"),
        ({"deviation": "absolute", "driver": "joint", "measure": "std"}, "only the quadratic deviation"),
        ({"deviation": "absolute", "zeta": [1.0]}, "one row for each of the 40 scenarios"),
        ({"deviation": "absolute", "zeta": -np.ones(40)}, "zeta is -1.0 in scenario 0"),
        ({"deviation": "absolute", "zeta": np.zeros(40)}, "zero in every scenario"),
        ({"deviation": "absolute", "zeta": np.ones((40, 2))}, "2 columns for 4 payers"),
        ({"deviation": "absolute", "zeta": ["x"] * 40}, "not a number"),
        ({"deviation": "absolute", "zeta": pd.DataFrame(np.ones((40, 2)), columns=["A", "B"])}, "no column for payer"),
        ({"deviation": "absolute", "volume": [1.0, 0.0, 1.0, 1.0]}, "'B' has volume 0"),
        ({"deviation": "absolute", "policy": "floor"}, "its floor is in the program"),
    ],
)
def test_refusals_are_clear(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ao.DataError, match=message):
        made(book(0), **changes).allocate(ask(5.0))


def test_a_program_too_large_for_a_solver_says_so() -> None:
    rule = made(np.random.default_rng(0).normal(size=(60_000, 4)), "absolute")
    assert rule.allocate(ask(2.0)).certificate.holds(1e-9)
    with pytest.raises(ao.DataError, match="exact, or draw fewer scenarios"):
        rule.allocate(ask(2.0), by="program")
