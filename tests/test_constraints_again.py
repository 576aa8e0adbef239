"""Every fairness constraint a second time: written from its formula in plain cvxpy, whose answer must be the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cvxpy as cp
import numpy as np
import pandas as pd
import pytest
import test_constraints as first

import allocopt as ao
from allocopt.judgement.frontier import price_of
from allocopt.schemes import constraints as cs
from allocopt.schemes.constraints.base import Posed

N, LOSS, TARGET, PROBLEM = first.N, first.LOSS, first.TARGET, first.PROBLEM
FUND, WEALTH, ONES = PROBLEM.column("fund"), PROBLEM.column("wealth"), np.ones(first.N)
LARGE = (PROBLEM.payers["size"] == "large").to_numpy()
RANK = np.argsort(np.argsort(FUND)) + 1.0


def pairs(rates: Any) -> list[Any]:
    return [rates[i] - rates[j] for i in range(N) for j in range(N) if i != j]


def gini(x: Any, w: np.ndarray, g: float) -> list[Any]:
    gaps = [cp.abs(w[j] * x[i] - w[i] * x[j]) for i in range(N) for j in range(i)]
    return [cp.sum(cp.hstack(gaps)) <= g * w.sum() * LOSS]


def divergence(x: Any, w: np.ndarray, k: float) -> list[Any]:
    return [cp.sum(cp.rel_entr(x, w / w.sum() * LOSS)) <= k * LOSS]


def factor(rates: Any, r: float) -> list[Any]:
    return (
        [cp.max(rates) <= r * cp.min(rates)]
        if r == 1
        else [rates[i] <= r * rates[j] for i in range(rates.size) for j in range(rates.size)]
    )


def groups(x: Any, w: np.ndarray) -> Any:
    return cp.hstack([cp.sum(x[g]) / w[g].sum() for g in (LARGE, ~LARGE)])


def owa(rates: Any, k: float) -> list[Any]:
    a = first.WEIGHTS
    falls = -np.diff(a, append=0.0)
    parts = [falls[k] * (cp.sum(rates) if k == N - 1 else cp.sum_largest(rates, k + 1)) for k in range(N)]
    return [cp.sum(cp.hstack(parts)) <= k]


def lorenz(x: Any, other: np.ndarray, w: np.ndarray, depth: float) -> list[Any]:
    q, p = w / w.sum(), other / other.sum()
    return [cp.sum(cp.pos(x / LOSS - t * q)) <= np.maximum(p - t * q, 0).sum() + depth for t in p / q]


def places(size: np.ndarray) -> np.ndarray:
    order = np.argsort(FUND)
    below = np.empty(N)
    below[order] = np.cumsum(size[order]) - size[order]
    return 2 * below + size - size.sum()


AWARDS = ao.allocate(PROBLEM, "constrained-equal-awards").paid
PRO_RATA = ao.allocate(PROBLEM, "pro-rata").paid
EVEN = np.full(N, 1 / N)
CUTS = np.arange(1, 2**N)
Rows = Callable[[Any, float], list[Any]]
AGAIN: dict[str, Rows] = {
    "jain": lambda x, b: [cp.norm2(x) <= LOSS / np.sqrt(N * b)],
    "jain per fund": lambda x, b: [cp.norm2(cp.multiply(FUND**-0.5, x)) <= LOSS / np.sqrt(FUND.sum() * b)],
    "theil": lambda x, b: divergence(x, ONES, b),
    "theil per fund": lambda x, b: divergence(x, FUND, b),
    "kl": lambda x, b: divergence(x, FUND, b),
    "atkinson 0.5": lambda x, b: [cp.pnorm(WEALTH - x, 0.5) >= (1 - b) * N**2 * (WEALTH.sum() - LOSS) / N],
    "atkinson 1": lambda x, b: [cp.sum(cp.log(WEALTH - x)) / N >= np.log((1 - b) * (WEALTH.sum() - LOSS) / N)],
    "atkinson 2": lambda x, b: [cp.harmonic_mean(WEALTH - x) >= (1 - b) * (WEALTH.sum() - LOSS) / N],
    "kolm-pollak": lambda x, b: [cp.log_sum_exp(3 * x) - np.log(N) <= 3 * b],
    "kolm-pollak per fund": lambda x, b: [cp.log_sum_exp(2 * cp.multiply(1 / FUND, x)) - np.log(N) <= 2 * b],
    "hoover": lambda x, b: [cp.norm1(x - LOSS / N) <= 2 * b * LOSS],
    "hoover per fund": lambda x, b: [cp.norm1(x - LOSS * FUND / FUND.sum()) <= 2 * b * LOSS],
    "ratio": lambda x, b: factor(x, b),
    "ratio per fund": lambda x, b: factor(cp.multiply(1 / FUND, x), b),
    "envy": lambda x, b: [gap <= b for gap in pairs(x)],
    "envy per fund": lambda x, b: [gap <= b for gap in pairs(cp.multiply(1 / FUND, x))],
    "group ratio": lambda x, b: factor(groups(x, FUND), b),
    "group gap": lambda x, b: [cp.abs(groups(x, FUND)[0] - groups(x, FUND)[1]) <= b],
    "group gap per head": lambda x, b: [cp.abs(groups(x, ONES)[0] - groups(x, ONES)[1]) <= b],
    "owa": owa,
    "owa per fund": lambda x, b: owa(cp.multiply(1 / FUND, x), b),
    "lorenz": lambda x, b: lorenz(x, AWARDS, ONES, b),
    "lorenz per fund": lambda x, b: lorenz(x, PRO_RATA, FUND, b),
    "concentration": lambda x, b: [((2 * RANK - N - 1) / N) @ x <= b * LOSS],
    "kakwani": lambda x, b: [places(EVEN) @ (x / LOSS - FUND / FUND.sum()) <= b],
    "suits": lambda x, b: [places(FUND / FUND.sum()) @ x <= b * LOSS],
    "core": lambda x, b: [first.MEMBERS[1:] @ x <= first.worths(PROBLEM)[1:] + b],
    "gini": lambda x, b: gini(x, FUND, b),
    "cvar": lambda x, b: [cp.cvar(x, 0.75) <= b],
}  # fmt: skip


def again(rows: list[Any], x: Any, cost: Any) -> np.ndarray:
    cp.Problem(cp.Minimize(cost), [cp.sum(x) == LOSS, x >= 0, x <= FUND, *rows]).solve(solver=cp.CLARABEL)
    return np.asarray(x.value)


@pytest.mark.parametrize("name", first.CASES)
def test_the_textbook_program_has_the_same_answer(name: str) -> None:
    bound, x = first.binding(name), cp.Variable(N)
    found = again(AGAIN[name](x, bound), x, cp.sum(cp.multiply(0.5 / TARGET, (x - TARGET) ** 2)))
    answer = first.solved(first.CASES[name][0](bound))
    np.testing.assert_allclose(answer.paid, found, atol=2e-6 * LOSS)
    assert np.abs(found - TARGET).max() > 1e-3 * LOSS


COSTS: dict[str, Callable[[Any], Any]] = {
    "kl": lambda x: cp.sum(cp.kl_div(x, TARGET)),
    "minimax": lambda x: cp.norm_inf(cp.multiply(1 / TARGET, x - TARGET)),
    "leximin": lambda x: cp.max(cp.multiply(1 / TARGET, x)),
}
TRIED = ["gini", "jain per fund", "theil", "atkinson 2", "hoover", "ratio per fund", "core", "lorenz", "suits", "cvar"]


@pytest.mark.parametrize("distance", COSTS)
@pytest.mark.parametrize("name", TRIED)
def test_every_distance_takes_every_constraint_and_prices_it(name: str, distance: str) -> None:
    make, bound = first.CASES[name][0], first.binding(name)
    rule = ao.scheme("fair", reference=first.REFERENCE, distance=distance, subject_to=[make(bound)])
    answer = rule.allocate(PROBLEM).verify(1e-6)
    assert make(bound).excess(answer.paid, PROBLEM, TARGET) <= 1e-7
    x = cp.Variable(N)
    found = again(AGAIN[name](x, bound), x, COSTS[distance](x))
    cost = rule.departure(answer.paid, PROBLEM, TARGET)
    assert cost == pytest.approx(rule.departure(found, PROBLEM, TARGET), rel=2e-5)
    if distance == "kl":
        np.testing.assert_allclose(answer.paid, found, atol=1e-5 * LOSS)
    step = 1e-4 * abs(bound)

    def at(b: float) -> float:
        moved = ao.scheme("fair", reference=first.REFERENCE, distance=distance, subject_to=[make(b)])
        return float(moved.departure(moved.allocate(PROBLEM).paid, PROBLEM, TARGET))

    slope = (at(bound + step) - at(bound - step)) / (2 * step)
    assert answer.duals[make(bound).name] == pytest.approx(slope, rel=2e-3, abs=1e-6 * abs(cost / bound))


def test_of_the_answers_with_the_least_largest_move_the_nearest_is_given() -> None:
    constraint = cs.group_gap_at_most(0.05, by="fund")
    rule = ao.scheme("fair", reference=first.REFERENCE, distance="minimax", subject_to=[constraint])
    answer = rule.allocate(PROBLEM).verify(1e-7)
    level = rule.departure(answer.paid, PROBLEM, TARGET)
    x = cp.Variable(N)
    rows = [*AGAIN["group gap"](x, 0.05), cp.abs(x - TARGET) <= level * (1 + 1e-8) * TARGET]
    found = again(rows, x, cp.sum(cp.multiply(0.5 / TARGET, (x - TARGET) ** 2)))
    np.testing.assert_allclose(answer.paid, found, atol=1e-5 * LOSS)


def test_a_distance_without_constraints_is_the_reference_and_unknown_ones_are_refused() -> None:
    for distance in ("ratio", "kl", "minimax", "leximin"):
        rule = ao.scheme("fair", reference=first.REFERENCE, distance=distance)
        np.testing.assert_allclose(rule.allocate(PROBLEM, by="program").verify(1e-6).paid, TARGET, atol=1e-5 * LOSS)
    with pytest.raises(ao.DataError, match="no distance of fair is called 'leximim'; did you mean 'leximin'"):
        ao.scheme("fair", distance="leximim")


@pytest.mark.parametrize("distance", ["kl", "leximin"])
def test_whom_the_reference_spares_is_spared_and_too_few_others_are_refused(distance: str) -> None:
    figures = pd.Series(np.where(np.arange(N) < 3, 0.0, FUND), index=PROBLEM.ids)
    figures *= LOSS / figures.sum()
    rule = ao.scheme("fair", reference=figures, distance=distance, subject_to=[cs.hoover_at_most(0.4)])
    assert (rule.allocate(PROBLEM).paid[:3] == 0).all()
    few = ao.scheme("fair", reference=figures.where(figures.index == "member 4", 0.0), distance=distance)
    with pytest.raises(ao.InfeasibleError, match=r"can bear only .* use measure='cap'"):
        few.allocate(PROBLEM)


@pytest.mark.parametrize("distance", ["ratio", "kl", "minimax", "leximin"])
@pytest.mark.parametrize("scale", [1e-9, 1e12])
def test_no_distance_depends_on_the_unit_of_money(distance: str, scale: float) -> None:
    table = PROBLEM.payers
    table[["fund", "margin", "wealth"]] *= scale
    scaled = PROBLEM.replace(payers=table, loss=LOSS * scale)
    rule = ao.scheme("fair", reference=first.REFERENCE, distance=distance, subject_to=[cs.gini_at_most(0.2, by="fund")])
    np.testing.assert_allclose(rule.allocate(scaled).paid / scale, rule.allocate(PROBLEM).paid, atol=1e-6 * LOSS)


@pytest.mark.parametrize("distance", ["kl", "minimax", "leximin"])
def test_the_frontier_of_every_distance_has_the_price_as_its_slope(distance: str) -> None:
    bounds = np.linspace(0.15, 0.25, 3)
    table = price_of(cs.hoover_at_most(0.15), PROBLEM, first.REFERENCE, bounds, distance=distance)
    near = price_of(cs.hoover_at_most(0.15), PROBLEM, first.REFERENCE, bounds + 1e-5, distance=distance)
    slope = (near["distance"] - table["distance"]).to_numpy() / 1e-5
    np.testing.assert_allclose(table["price"], slope, rtol=1e-2, atol=1e-6)
    assert (np.diff(table["distance"]) <= 0).all()


@pytest.mark.parametrize("name", first.CASES)
def test_a_constraint_needs_the_cone_it_names(name: str) -> None:
    x = cp.Variable(N)
    constraint = first.CASES[name][0](first.binding(name))
    clause = constraint.clause(Posed(x, PROBLEM, LOSS, TARGET), constraint.begin(PROBLEM, TARGET))
    dims = cp.Problem(cp.Minimize(0), list(clause.constraints)).get_problem_data(cp.CLARABEL)[0]["dims"]
    curved = {"second-order": dims.soc, "exponential": dims.exp, "power": dims.p3d}
    assert [cone for cone, rows in curved.items() if rows] == [constraint.cone][: constraint.cone != "linear"]
