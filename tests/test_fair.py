"""Fairness constraints: met at their bound, priced by finite difference, contradictions named, a second solver."""

from __future__ import annotations

from typing import Any

import cvxpy as cp
import numpy as np
import pandas as pd
import pytest

import allocopt as ao


def question(n: int = 12, seed: int = 3) -> ao.LossProblem:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "fund": rng.lognormal(0, 1, n),
            "margin": rng.lognormal(0, 1, n),
            "equity": rng.lognormal(0.5, 1, n) + 4,
            "size": np.where(np.arange(n) % 3 == 0, "large", "small"),
        },
        index=[f"member {i}" for i in range(n)],
    )
    return ao.LossProblem(0.4 * table["fund"].sum(), table, cap="fund", currency="EUR")


PROBLEM = question()
REFERENCE = ao.scheme("pro-rata", key="margin")
BINDING = {
    "gini per fund": (lambda b: ao.gini_at_most(b, by="fund"), 0.2),
    "gini": (lambda b: ao.gini_at_most(b), 0.56),
    "groups": (lambda b: ao.group_ratio_at_most(b, group="size", by="fund"), 1.3),
    "within": (lambda b: ao.within(b, of="constrained-equal-awards"), 0.6),
    "cvar": (lambda b: ao.cvar_at_most(b, level=0.75), 0.235 * PROBLEM.loss),
    "cvar per fund": (lambda b: ao.cvar_at_most(b, level=0.75, by="fund"), 0.45),
}


def solved(*constraints: Any, problem: ao.LossProblem = PROBLEM, **parameters: Any) -> ao.Allocation:
    given = {"reference": REFERENCE, **parameters}
    return ao.allocate(problem, "fair", subject_to=list(constraints), **given).verify(1e-8)


def cost(answer: ao.Allocation) -> float:
    target = answer.extras["reference"].to_numpy()
    return float(((answer.paid - target) ** 2 / (2 * target)).sum())


@pytest.mark.parametrize("name", BINDING)
def test_a_binding_constraint_is_met_at_its_bound(name: str) -> None:
    make, bound = BINDING[name]
    answer = solved(make(bound))
    target = answer.extras["reference"].to_numpy()
    assert make(bound).measure(answer.paid, PROBLEM, target) == pytest.approx(bound, rel=1e-9)
    assert make(bound).measure(target, PROBLEM, target) > bound


@pytest.mark.parametrize("name", BINDING)
def test_its_price_is_the_slope_of_the_cost(name: str) -> None:
    make, bound = BINDING[name]
    answer, step = solved(make(bound)), 1e-4 * bound
    price = answer.duals[make(bound).name]
    slope = (cost(solved(make(bound + step))) - cost(solved(make(bound - step)))) / (2 * step)
    assert price == pytest.approx(slope, rel=1e-5) and price < 0


def test_the_price_of_equity_is_the_slope_of_the_cost() -> None:
    answer = solved(ao.keep_solvent("equity"))
    tight = answer.duals["solvency"].abs().idxmax()

    def shifted(step: float) -> float:
        table = PROBLEM.payers
        table.loc[tight, "equity"] += step
        return cost(solved(ao.keep_solvent("equity"), problem=PROBLEM.replace(payers=table)))

    slope = (shifted(1e-4) - shifted(-1e-4)) / 2e-4
    assert answer.duals["solvency"][tight] == pytest.approx(slope, rel=1e-5) and slope < 0
    assert answer.shares[tight] == pytest.approx(PROBLEM.payers.loc[tight, "equity"])


def test_an_independent_program_finds_the_same_shares() -> None:
    """All constraints at once, written again in plain cvxpy with pairwise terms and solved by another solver."""
    fund, equity = PROBLEM.column("fund"), PROBLEM.column("equity")
    large = (PROBLEM.payers["size"] == "large").to_numpy()
    target, loss = REFERENCE.allocate(PROBLEM).paid, PROBLEM.loss
    problem = PROBLEM.replace(payers=PROBLEM.payers.assign(plenty=1.2 * equity))
    x = cp.Variable(PROBLEM.n)
    pairs = [cp.abs(fund[j] * x[i] - fund[i] * x[j]) for i in range(PROBLEM.n) for j in range(i)]
    rate_large, rate_small = cp.sum(x[large]) / fund[large].sum(), cp.sum(x[~large]) / fund[~large].sum()
    rows = [
        cp.sum(x) == loss, x >= 0, x <= fund, x <= 1.2 * equity,
        cp.sum(cp.hstack(pairs)) <= 0.3 * fund.sum() * loss,
        rate_large <= 2 * rate_small, rate_small <= 2 * rate_large,
    ]  # fmt: skip
    distance = cp.sum(cp.multiply(1 / target, (x - target) ** 2))
    cp.Problem(cp.Minimize(distance), rows).solve(solver=cp.OSQP, eps_abs=1e-9, eps_rel=1e-9, max_iter=200_000)
    answer = solved(
        ao.gini_at_most(0.3, by="fund"),
        ao.group_ratio_at_most(2, group="size", by="fund"),
        ao.keep_solvent("plenty"),
        problem=problem,
    )
    np.testing.assert_allclose(answer.paid, x.value, atol=1e-5 * loss)
    assert np.abs(answer.paid - target).max() > 1e-2 * loss


def test_a_slack_constraint_has_no_price_and_moves_nobody() -> None:
    answer = solved(ao.gini_at_most(0.99, by="fund"), ao.within(0.5))
    assert "meets every constraint" in answer.method
    np.testing.assert_allclose(answer.paid, REFERENCE.allocate(PROBLEM).paid)
    forced = ao.scheme("fair", reference=REFERENCE, subject_to=[ao.gini_at_most(0.99, by="fund")])
    program = forced.allocate(PROBLEM, by="program").verify(1e-8)
    np.testing.assert_allclose(program.paid, answer.paid, atol=1e-9 * PROBLEM.loss)
    assert program.duals["gini"] == pytest.approx(0.0, abs=1e-9)


def test_no_constraint_is_the_reference_and_zero_gini_is_pro_rata() -> None:
    np.testing.assert_allclose(solved().paid, REFERENCE.allocate(PROBLEM).paid)
    level = solved(ao.gini_at_most(0.0, by="fund"))
    np.testing.assert_allclose(level.paid, ao.allocate(PROBLEM, "pro-rata", key="fund").paid, rtol=1e-7)


def test_a_reference_that_spares_somebody_is_measured_against_the_caps() -> None:
    answer = solved(ao.gini_at_most(0.3, by="fund"), reference=ao.scheme("queue", score="margin"))
    assert any("against the caps" in note for note in answer.notes)
    assert ao.gini_at_most(0.3, by="fund").measure(answer.paid, PROBLEM, answer.paid) == pytest.approx(0.3, rel=1e-7)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e12])
def test_the_scale_of_the_money_does_not_matter(scale: float) -> None:
    table = PROBLEM.payers
    table[["fund", "margin", "equity"]] *= scale
    scaled = PROBLEM.replace(payers=table, loss=PROBLEM.loss * scale)
    rules = [ao.gini_at_most(0.3, by="fund"), ao.cvar_at_most(0.5, level=0.75, by="fund")]
    np.testing.assert_allclose(solved(*rules, problem=scaled).paid / scale, solved(*rules).paid, rtol=1e-7, atol=1e-9)


def test_contradictions_are_named_with_the_amount() -> None:
    with pytest.raises(ao.InfeasibleError) as pair:
        solved(ao.gini_at_most(0.01, by="fund"), ao.within(0.05), ao.cvar_at_most(99.0))
    text = str(pair.value)
    assert "contradict each other" in text and "gini of burden per fund at most 0.01" in text and "within 5%" in text
    assert "equity" not in text and "would have to reach" in text
    with pytest.raises(ao.InfeasibleError, match=r"short by .* at the worst-placed of 6 payers"):
        solved(ao.keep_solvent("equity", buffer=0.9))
    with pytest.raises(ao.InfeasibleError, match="the loss leaves no choice"):
        solved(ao.gini_at_most(0.1), problem=PROBLEM.replace(loss=2 * PROBLEM.capacity))


def test_the_stated_relaxation_cures_the_conflict() -> None:
    bound = 0.9 * PROBLEM.loss / PROBLEM.n
    with pytest.raises(ao.InfeasibleError, match="would have to reach") as conflict:
        solved(ao.cvar_at_most(bound, level=0.5))
    needed = float(str(conflict.value).split("would have to reach ")[1].split(")")[0].replace(",", ""))
    solved(ao.cvar_at_most(needed * 1.0001, level=0.5))
    with pytest.raises(ao.InfeasibleError):
        solved(ao.cvar_at_most(needed * 0.999, level=0.5))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ao.gini_at_most(-0.1), "gini_at_most is -0.1"),
        (lambda: ao.gini_at_most("low"), "not a number"),
        (lambda: ao.group_ratio_at_most(0.5), "expected a value >= 1"),
        (lambda: ao.cvar_at_most(1.0, level=1.0), "leaves no tail"),
        (lambda: solved(ao.gini_at_most(0.2, by="funds")), "did you mean 'fund'"),
        (lambda: solved("gini"), "not a constraint"),
        (lambda: solved(ao.group_ratio_at_most(2, group="rank")), "no column"),
    ],
)
def test_bad_constraints_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ao.DataError, match=message):
        make()
