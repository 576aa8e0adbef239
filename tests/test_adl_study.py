"""The measures of the study on 10 October 2025 as such, and counterexamples to what is claimed of rules."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocopt as ao
from allocopt.errors import DataError


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.floats(1, 1e3), st.floats(0.05, 3)), min_size=2, max_size=8), st.floats(0.01, 0.95))
def test_pro_rata_to_equity_makes_the_largest_part_of_equity_smallest(
    book: list[tuple[float, float]], part: float
) -> None:
    """The reference of the one-sided table, against a linear program, with profits as caps."""
    from scipy.optimize import linprog

    equity = np.array([e for e, _ in book])
    profit = equity * np.array([p for _, p in book])
    loss = part * float(profit.sum())
    table = pd.DataFrame({"equity": equity, "profit": profit})
    answer = ao.allocate(ao.LossProblem(loss, table, cap="profit"), "pro-rata", key="equity")
    n = len(book)
    ceiling = np.hstack([np.eye(n), -equity[:, None]])
    best = linprog(
        [*np.zeros(n), 1.0], A_ub=ceiling, b_ub=np.zeros(n), A_eq=[[*np.ones(n), 0.0]], b_eq=[loss],
        bounds=[*zip(np.zeros(n), profit, strict=True), (0, None)],
    )  # fmt: skip
    assert answer.burden("equity").max() == pytest.approx(best.fun, rel=1e-7)


def test_the_queue_leaves_a_larger_survivor_than_pro_rata_in_the_paper_s_own_example() -> None:
    """arXiv 2512.01112 says the queue is worst by the largest survivor; it is by what is left of the largest winner."""
    winners = pd.DataFrame({"gain": [8.0, 4.0, 0.5]}, index=["first", "second", "third"])
    problem = ao.LossProblem(7.5, winners, cap="gain")
    queue, rata = ao.allocate(problem, "queue", score="gain"), ao.allocate(problem, "pro-rata", key="gain")
    left = {"queue": winners["gain"] - queue.shares, "pro-rata": winners["gain"] - rata.shares}
    assert (left["queue"].max(), left["pro-rata"].max()) == pytest.approx((4.0, 3.2))
    assert (left["queue"]["first"], left["pro-rata"]["first"]) == pytest.approx((0.5, 3.2))


def test_risk_aware_pro_rata_is_not_the_best_answer_to_a_linear_objective() -> None:
    """The counterexample to the optimality of the water-filling rule: w = e = (1, 1), rho = (2, 1), one to be taken."""
    rho = np.array([2.0, 1.0])
    table = pd.DataFrame({"gain": [1.0, 1.0], "rho": rho})
    problem = ao.LossProblem(1.0, table, cap="gain")
    aware = ao.allocate(problem, "pro-rata", key="rho").shares.to_numpy()
    greedy = ao.allocate(problem, "queue", score="rho").shares.to_numpy()
    kept = [float(rho @ (1 - taken)) for taken in (greedy, aware)]
    assert kept == pytest.approx([1.0, 4 / 3])


# The measures themselves.


def test_nothing_needed_and_no_rounds_are_ordinary() -> None:
    none = pd.DataFrame({"queue": pd.Series(dtype=float)})
    assert ao.adl_regret(pd.Series(dtype=float), none, none, "queue").loc["queue"].eq(0).all()
    assert ao.adl_regret_bound([], []) == (0.0, 0.0)
    assert ao.adl_regret_bound([1.0], [0.0]) == (0.0, 0.0)
    assert ao.standing_losses(pd.Series(dtype=float), pd.Series(dtype=float)).empty


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e12, 1e140])
def test_the_bound_is_in_the_unit_of_the_deficits(scale: float) -> None:
    bound, path = ao.adl_regret_bound(np.array([1.0, 3.0]) * scale, np.array([2.0, 2.0]) * scale)
    assert (bound / scale, path) == pytest.approx((4.0, 0.5))


def test_losses_of_zero_are_no_account() -> None:
    found = ao.standing_losses(pd.Series([1.0, 2.0]), pd.Series([0.0, 0.0]))
    assert not found["repeated"].any() and found["once"].to_list() == [1.0, 2.0]


ROUNDS = pd.Series([1.0, 2.0])
TABLE = pd.DataFrame({"queue": [1.0, 2.0]})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ao.adl_regret(ROUNDS, TABLE, TABLE, "qeue"), "did you mean 'queue'"),
        (lambda: ao.adl_regret(ROUNDS, TABLE, TABLE.set_axis(["a"], axis=1), "queue"), "same rounds and policies"),
        (lambda: ao.adl_regret(ROUNDS, -TABLE, TABLE, "queue"), "taken"),
        (lambda: ao.adl_regret(ROUNDS * math.nan, TABLE, TABLE, "queue"), "needed .*NaN"),
        (lambda: ao.adl_regret([1, 2], TABLE, TABLE, "queue"), "give a Series"),
        (lambda: ao.adl_regret(ROUNDS, TABLE.values, TABLE, "queue"), "DataFrame"),
        (lambda: ao.adl_regret(ROUNDS, TABLE, TABLE, "queue", one_sided="yes"), "one_sided"),
        (lambda: ao.adl_regret_bound([1.0], [1.0, 2.0]), "one entry for each"),
        (lambda: ao.adl_regret_bound([1.0], [math.inf]), "finite"),
        (lambda: ao.adl_regret_bound(["x"], [1.0]), "not a number"),
        (lambda: ao.standing_losses(ROUNDS, ROUNDS * 2), "round 0 has a largest loss"),
        (lambda: ao.standing_losses([1.0], ROUNDS), "give a Series"),
        (lambda: ao.standing_losses(pd.Series([1.0, 1.0], index=[1, 1]), ROUNDS), "more than once"),
    ],
)
def test_bad_figures_get_one_line(call: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        call()
    assert "\n" not in str(raised.value)
