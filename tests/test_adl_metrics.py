"""Measures of deleveraging: one-sided gaps to the true optimum, survivors, inversions, jumps, splitting."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocopt as ao
from allocopt.errors import DataError

amount = st.one_of(st.sampled_from([0.0, 1.0, 2.0, 2.0]), st.floats(0.01, 100.0))


def test_burdens_are_haircuts_per_unit_and_aligned_by_account() -> None:
    haircut = pd.Series({"A": 10.0, "B": 5.0, "C": 0.0, "D": 1.0})
    base = pd.Series({"D": 0.0, "C": 0.0, "B": 10.0, "A": 100.0})
    assert ao.adl.haircut_burdens(haircut, base).to_dict() == {"A": 0.1, "B": 0.5, "C": 0.0, "D": math.inf}
    for wrong in (-1.0, float("nan"), "ten"):
        with pytest.raises(DataError):
            ao.adl.haircut_burdens([wrong], [1.0])


@settings(max_examples=60)
@given(rows=st.lists(st.tuples(amount, amount), min_size=1, max_size=7), part=st.floats(0.01, 1.0))
def test_the_least_burden_is_that_of_a_linear_program(rows: list[tuple[float, float]], part: float) -> None:
    from scipy.optimize import linprog

    base, caps = (np.array(column) for column in zip(*rows, strict=True))
    able = float(caps[base > 0].sum())
    if able == 0:
        return
    budget = part * able
    n = int((base > 0).sum())
    found = linprog(
        [*np.zeros(n), 1.0], A_ub=np.column_stack((np.eye(n), -base[base > 0])), b_ub=np.zeros(n),
        A_eq=[[*np.ones(n), 0.0]], b_eq=[budget], bounds=[*((0, c) for c in caps[base > 0]), (0, None)],
    )  # fmt: skip
    assert ao.adl.least_burden(budget, base, caps) == pytest.approx(found.fun, rel=1e-6, abs=1e-9)
    assert ao.adl.least_burden(able * 1.01, base, caps) == math.inf


@settings(max_examples=60)
@given(
    base=st.lists(st.floats(0.1, 50), min_size=2, max_size=6), share=st.lists(st.floats(0, 1), min_size=6, max_size=6)
)
def test_the_gap_is_never_below_zero_and_zero_for_pro_rata(base: list[float], share: list[float]) -> None:
    haircut = np.array(base) * np.array(share[: len(base)])
    assert ao.adl.fairness_gap(haircut, base).value >= 0
    fair = haircut.sum() * np.array(base) / sum(base)
    assert ao.adl.fairness_gap(fair, base).value == pytest.approx(0.0, abs=1e-12)


def test_pro_rata_is_optimal_in_its_own_normalisation_only() -> None:
    question = ao.deficit_problem(ao.simulate_book(300, seed=1), side="long")
    by = {key: ao.adl.adl_scores(ao.allocate(question, "pro-rata", key=key)) for key in ("equity", "profit")}
    for key, other in (("equity", "profit"), ("profit", "equity")):
        assert by[key][f"fairness gap by {key}"] == pytest.approx(0.0, abs=1e-9)
        assert by[key][f"fairness gap by {other}"] > 1e-3
    queue = ao.adl.adl_scores(ao.allocate(question, "queue", score="leverage"), needed=question.loss / 2)
    assert queue["fairness gap by profit"] > 0.5 and queue["rank inversions"] > 0.01
    assert queue["overshoot"] == pytest.approx(question.loss / 2)
    assert ao.adl.fairness_gap([1.0, 1.0], [0.0, 1.0]).value == math.inf


def test_survivors_by_both_definitions_and_the_counterexample_to_the_queue() -> None:
    """w = (8, 4, 0.5), H = 7.5: the best-off survivor keeps 4.0 after a queue and 3.2 after pro rata."""
    w, H = np.array([8.0, 4.0, 0.5]), 7.5
    queue = ao.adl.survivor_totals(w, [7.5, 0.0, 0.0], 10.0, 5.0)
    rata = ao.adl.survivor_totals(w, H * w / w.sum(), 10.0, 5.0)
    assert queue["largest"] == 4.0 > rata["largest"] == pytest.approx(3.2)
    assert queue["top"] == 0.5 < rata["top"] == pytest.approx(3.2)  # true of the original top winner only
    assert queue["total"] == pytest.approx(rata["total"]) == pytest.approx(5.0)
    assert queue["ptsr"] == pytest.approx(4 / 7.5) and queue["pmr"] == pytest.approx(4 / (0.75 * 5))
    assert queue["as_implemented"] == pytest.approx(4 / 2.5)
    assert queue["pmr_as_implemented"] == pytest.approx(4 / (0.25 * 5)) and queue["rd_nse"] == pytest.approx(4 / 6.5)
    apart = {"as_implemented", "pmr_as_implemented", "rd_nse"}
    for deficit in (12.5, 1.0):  # nothing, or less than nothing, is left of the deficit
        none = ao.adl.survivor_totals(w, w, deficit, 1.0)
        assert {name for name, value in none.items() if math.isnan(value)} == apart


def test_taking_more_lowers_the_paper_s_ratio_and_raises_the_implemented_one() -> None:
    """Why a larger ratio of the queue in the published files is no evidence that it leaves more."""
    w = [8.0, 4.0, 0.5]
    less, more = (ao.adl.survivor_totals(w, [0.0, taken, 0.0], 4.0, 4.0) for taken in (1.0, 3.0))
    assert less["largest"] == more["largest"] == 8.0
    assert less["ptsr"] > more["ptsr"] and less["pmr"] > more["pmr"]
    for name in ("as_implemented", "pmr_as_implemented", "rd_nse"):
        assert less[name] < more[name]


def test_nobody_nothing_and_no_deficit_are_ordinary() -> None:
    adl = ao.adl
    empty = adl.survivor_totals([], [], 0.0, 0.0)
    assert empty["largest"] == empty["total"] == empty["top"] == 0 and math.isnan(empty["ptsr"])
    untouched = adl.survivor_totals([3.0, 1.0], [0.0, 0.0], 2.0, 2.0)
    assert math.isnan(untouched["ptsr"]) and untouched["as_implemented"] == 1.5 and untouched["rd_nse"] == 0.6
    rounded = adl.survivor_totals([1.0], [0.1 + 0.2], 0.3, 0.3)
    assert math.isnan(rounded["as_implemented"])  # .1 + .2 leaves nothing of .3
    assert adl.fairness_gap([], []).value == adl.fairness_gap([0.0], [0.0]).value == 0
    assert adl.least_burden(0.0, []) == 0.0 and adl.least_burden(1.0, []) == math.inf
    assert adl.haircut_burdens([], []).empty
    assert adl.rank_inversions([], []) == adl.rank_inversions([], [], adjacent=True) == 0.0
    assert adl.rank_stability([], 0.1) == adl.rank_stability([5.0], 0.1) == (1.0, 0.0)
    assert adl.queue_instability([], [], 0.0, 0.1)["largest"] == 0.0
    assert adl.overshoot(0.0, 0.0) == {"over": 0.0, "under": 0.0, "absolute": 0.0}


@pytest.mark.parametrize("scale", [1e-9, 1e12])
def test_burdens_gaps_and_survivors_do_not_depend_on_the_unit(scale: float) -> None:
    x, e = np.array([10.0, 20.0, 0.0]), np.array([100.0, 50.0, 30.0])
    gap, other = ao.adl.fairness_gap(x * scale, e * scale), ao.adl.fairness_gap(x, e)
    assert (gap.largest, gap.least, gap.value) == pytest.approx((other.largest, other.least, other.value))
    kept, same = (
        ao.adl.survivor_totals(e * scale, x * scale, 40 * scale, 25 * scale),
        ao.adl.survivor_totals(e, x, 40, 25),
    )
    for name, value in same.items():
        assert kept[name] / (scale if name in ("largest", "top", "total") else 1) == pytest.approx(value)


def test_a_gap_may_be_measured_against_the_money_that_was_needed() -> None:
    """Taking twice too much is a fault of the budget and of the burdens; the optimum is that of the money needed."""
    gap = ao.adl.fairness_gap([20.0, 10.0], [100.0, 50.0], budget=15.0)
    assert (gap.largest, gap.least, gap.value) == pytest.approx((0.2, 0.1, 0.1))
    assert ao.adl.fairness_gap([2.0, 1.0], [100.0, 50.0], budget=15.0).value == 0.0  # below the optimum: no fault


@settings(max_examples=80)
@given(rows=st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=1, max_size=9))
def test_inversions_are_counted_as_by_hand(rows: list[tuple[int, int]]) -> None:
    before, after = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    pairs = [(i, j) for i, j in itertools.permutations(range(len(rows)), 2) if before[i] > before[j]]
    turned = sum(after[i] < after[j] for i, j in pairs)
    assert ao.adl.rank_inversions(before, after) == pytest.approx(turned / len(pairs) if pairs else 0.0)


@settings(max_examples=80)
@given(rows=st.lists(st.tuples(st.integers(0, 3), st.integers(-3, 3)), min_size=1, max_size=9))
def test_adjacent_inversions_are_steps_of_the_ranking_that_somebody_crosses(rows: list[tuple[int, int]]) -> None:
    before, after = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    levels = sorted(set(before), reverse=True)
    steps = list(itertools.pairwise(levels))
    crossed = sum(
        any(after[i] < after[j] for i in np.flatnonzero(before == a) for j in np.flatnonzero(before == b))
        for a, b in steps
    )
    found = ao.adl.rank_inversions(before, after, adjacent=True)
    assert found == pytest.approx(crossed / len(steps) if steps else 0.0)
    assert (found == 0) == (ao.adl.rank_inversions(before, after) == 0)  # one is free of inversions when the other is


def test_capped_pro_rata_inverts_nobody() -> None:
    question = ao.deficit_problem(ao.simulate_book(300, seed=2), side="long")
    paid = ao.allocate(question, "pro-rata", key="capacity").paid
    assert ao.adl.rank_inversions(question.caps, question.caps - paid) == 0.0
    near = 1.0 + 1e-15 * np.arange(200)  # a last digit is no rank
    assert ao.adl.rank_inversions(near, near - 0.37 * near[::-1]) == 0.0
    assert ao.adl.rank_inversions(near, near[::-1], adjacent=True) == 0.0
    for scale in (1e-12, 1e12):
        assert ao.adl.rank_inversions(np.array([2.0, 1.0]) * scale, np.array([0.5, 1.0]) * scale) == 1.0


def test_stability_falls_with_noise_and_repeats() -> None:
    score = np.random.default_rng(0).random(50)
    quiet, loud = (ao.adl.rank_stability(score, noise, seed=1) for noise in (0.01, 1.0))
    assert 0.9 < quiet[0] <= 1.0 and loud[0] < quiet[0] and quiet[1] < 0.01
    assert ao.adl.rank_stability(score, 0.3, seed=1) == ao.adl.rank_stability(score, 0.3, seed=1)
    assert ao.adl.rank_stability([1.0, 1.0], 0.0) == (1.0, 0.0)


def test_burdens_of_one_round_and_the_next_are_correlated_as_scipy_does() -> None:
    from scipy.stats import kendalltau, spearmanr

    rows = pd.DataFrame(np.random.default_rng(3).random((4, 8)).round(1), columns=list("ABCDEFGH"), index=range(1, 5))
    rows.loc[2, ["A", "B"]] = np.nan  # take no part in the second round
    for method, made in {"spearman": spearmanr, "kendall": kendalltau}.items():
        found = ao.adl.burden_stability(rows, method)
        there = ~rows.loc[1].isna() & ~rows.loc[2].isna()
        assert found[2] == pytest.approx(made(rows.loc[1, there], rows.loc[2, there]).statistic)
        assert found[4] == pytest.approx(made(rows.loc[3], rows.loc[4]).statistic)
    flat = ao.adl.burden_stability(pd.DataFrame({"A": [0.1 + 0.2, 0.2, 0.3], "B": [0.3, 0.1, 0.5]}))
    assert math.isnan(flat[1])  # all bear the same in the first round, but for the last digit: nobody is ranked
    assert flat[2] == pytest.approx(-1.0)
    assert ao.adl.burden_stability(rows.iloc[:1]).empty and ao.adl.burden_stability(rows.iloc[:0]).empty
    for wrong in ("pearson", 3):
        with pytest.raises(DataError):
            ao.adl.burden_stability(rows, wrong)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="give a DataFrame"):
        ao.adl.burden_stability([[1.0]])  # type: ignore[arg-type]


def test_any_rule_can_be_shaken_and_only_the_queue_leaps() -> None:
    table = pd.DataFrame({"profit": 50.0, "score": 1.0 + 1e-9 * np.arange(6), "equity": 80.0}, index=list("ABCDEF"))
    question = ao.LossProblem(50, table, cap="profit")
    queue, rata = ao.scheme("queue", score="score"), ao.scheme("pro-rata", key="score")
    leap = ao.adl.instability(queue, question, 1e-3, trials=30, seed=2)
    assert leap["largest"] == pytest.approx(1.0) and 0 < leap["standard_error"] < leap["mean"] < 1
    alone = ao.adl.queue_instability(table["score"], table["profit"], 50.0, 1e-3, trials=30, seed=2)
    assert leap["mean"] == pytest.approx(alone["mean"])  # the same draws, a noise of e^s or 1 + s
    still = ao.adl.instability(rata, question, 1e-3, trials=30)
    assert 0 < still["mean"] <= still["largest"] < 2e-3
    assert ao.adl.instability(queue, question, 1e-3, columns=["equity"])["largest"] == 0.0  # not what it reads
    assert ao.adl.instability(rata, question.replace(loss=0), 1e-3)["largest"] == 0.0
    assert ao.adl.instability("pro-rata", question, 0.0)["largest"] == 0.0
    with pytest.raises(DataError, match="noise"):
        ao.adl.instability(rata, question, math.nan)
    with pytest.raises(DataError, match="equityy"):
        ao.adl.instability(rata, question, 0.1, columns=["equityy"])


def test_a_queue_jumps_by_twice_the_budget_however_small_the_noise() -> None:
    jump = ao.adl.queue_instability([1.0, 1.0 + 1e-12], [5.0, 5.0], 5.0, 1e-9)
    assert jump["largest"] == 1.0 and 0 < jump["mean"] < 1 and jump["standard_error"] < 0.06
    assert ao.adl.queue_instability([1.0, 2.0], [5.0, 5.0], 5.0, 1e-9)["largest"] == 0.0
    assert ao.adl.queue_instability([1.0, 2.0], [5.0, 5.0], 0.0, 1.0)["largest"] == 0.0
    with pytest.raises(DataError, match="one of each"):
        ao.adl.queue_instability([1.0, 2.0], [5.0], 5.0, 0.1)


def test_splitting_gains_nothing_under_pro_rata_and_escapes_equal_losses() -> None:
    table = pd.DataFrame({"capacity": [60.0, 30.0, 10.0], "leverage": [3.0, 2.0, 1.0]}, index=list("ABC"))
    question = ao.LossProblem(40, table, cap="capacity")
    assert ao.adl.sybil_gain("pro-rata", question, "A").value == pytest.approx(0.0, abs=1e-12)
    rated = ao.adl.sybil_gain(ao.scheme("risk-aware-pro-rata", leverage="leverage"), question, "A")
    assert rated.value == pytest.approx(0.0, abs=1e-9)  # leverage does not shrink with the account
    assert ao.adl.sybil_gain("constrained-equal-losses", question, "A").value > 0


def test_regret_and_stock_or_flow_are_those_of_the_study() -> None:
    assert ao.adl.adl_regret is ao.adl_regret and ao.adl.standing_losses is ao.standing_losses
    best = ao.adl.least_burden(10.0, [60.0, 40.0])
    needed = pd.Series([10.0], index=["round"])
    taken = pd.DataFrame({"queue": [10.0], "pro rata": [10.0]}, index=["round"])
    burdens = pd.DataFrame({"queue": [10 / 40], "pro rata": [best]}, index=["round"])
    told = ao.adl.adl_regret(needed, taken, burdens, "pro rata")
    gap = ao.adl.fairness_gap([0.0, 10.0], [60.0, 40.0]).value
    assert told.loc["queue", "fairness"] == pytest.approx(10 * gap) == pytest.approx(1.5)


@pytest.mark.parametrize("call", [
    lambda bad: ao.adl.overshoot(bad, 1.0), lambda bad: ao.adl.least_burden(bad, [1.0]),
    lambda bad: ao.adl.rank_stability([1.0], bad), lambda bad: ao.adl.survivor_totals([1.0], [bad], 1.0, 1.0),
    lambda bad: ao.adl.survivor_totals([1.0], [1.0], bad, 1.0), lambda bad: ao.adl.fairness_gap([1.0], [bad]),
    lambda bad: ao.adl.queue_instability([1.0], [bad], 1.0, 0.1), lambda bad: ao.adl.haircut_burdens(bad, [1.0]),
    lambda bad: ao.adl.fairness_gap([1.0], [1.0], budget=bad),
])  # fmt: skip
@pytest.mark.parametrize("bad", [float("nan"), -1.0, "much"])
def test_bad_figures_are_refused(call: Any, bad: Any) -> None:
    with pytest.raises(DataError):
        call(bad)
