"""Splits of unequal make, bids, care and exit: each gain is found, told, and found again by asking the rule anew."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocopt as ao
from allocopt import incentives as inc
from allocopt.errors import DataError
from allocopt.judgement.manipulation import split

TABLE = pd.DataFrame(
    {"fund": [40.0, 60.0, 30.0], "margin": [50.0, 50.0, 20.0], "junior": [0.0, 1.0, 2.0]}, index=["A", "B", "C"]
)
QUESTION = ao.LossProblem(60, TABLE, "fund", "EUR")

RULES = ["pro-rata", "constrained-equal-losses", "constrained-equal-awards", "talmud"]


def again(rule, found):
    """What the accounts of a witness bear, asked anew."""
    return rule.allocate(found.problem).shares[list(found.payers)].sum()


@settings(max_examples=8)
@given(
    st.integers(0, 99), st.sampled_from(["pro-rata", "constrained-equal-losses", "constrained-equal-awards", "talmud"])
)
def test_the_best_split_runs_again_and_beats_splits_drawn_at_random(seed, name):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"fund": rng.uniform(5, 50, 4), "margin": rng.uniform(5, 50, 4)})
    rule = ao.scheme(name, key="margin") if name == "pro-rata" else ao.scheme(name)
    q = ao.LossProblem(float(rng.uniform(0.2, 0.7) * table["fund"].sum()), table, "fund")
    found = inc.best_split(rule, q, 0, floor=0.1)
    before = rule.allocate(q).shares[0]
    if before <= 0:
        assert found.value == 0
        return
    assert found.value == pytest.approx(1 - again(rule, found) / before, abs=1e-8)
    for _ in range(15):
        columns = ["margin", "fund"] if name == "pro-rata" else ["fund"]
        parts = {c: (f, 1 - f) for c, f in zip(columns, rng.uniform(0.1, 0.9, 2), strict=False)}
        move = split(q, 0, 2, fractions=parts)
        assert 1 - rule.allocate(move.question).shares[list(move.payers)].sum() / before <= found.value + 0.01


def test_capped_pro_rata_pays_for_uneven_splits_until_accounts_need_a_floor():
    rule = ao.scheme("pro-rata", key="margin")
    gains = [inc.best_split(rule, QUESTION, "A", floor=floor).value for floor in (0.0, 0.1, 0.3, 0.45, 0.5)]
    assert gains == sorted(gains, reverse=True) and gains[0] > 0.5 and gains[-1] == 0.0
    assert inc.split_gain(rule, QUESTION, "A").value == 0.0
    assert inc.best_split("pro-rata", QUESTION, "A").value == 0.0  # the caps themselves: neutral to any split


def test_uneven_splits_find_more_than_equal_ones_where_there_is_more():
    even = inc.split_gain("constrained-equal-losses", QUESTION, "A", parts=2).value
    assert inc.best_split("constrained-equal-losses", QUESTION, "A").value >= even - 1e-12 > 0
    assert inc.best_split("constrained-equal-awards", QUESTION, "A").value <= 0


def test_a_shorter_search_finds_no_more_and_the_corners_all_the_same():
    rule = ao.scheme("pro-rata", key="margin")
    quick, whole = (inc.best_split(rule, QUESTION, "A", refine=refine).value for refine in (False, True))
    assert 0.5 < quick <= whole


def by_tail(seed, measure):
    """The answer of Euler's rule on drawn scenarios, and the tail cost of every coalition."""
    rng = np.random.default_rng(seed)
    scenarios = pd.DataFrame(rng.standard_t(2, (200, 3)), columns=list("ABC"))
    game = ao.games.tail(scenarios, 0.95, measure=measure)
    masks = np.array([[(m >> i) & 1 for i in range(3)] for m in range(8)], dtype=bool)
    cost = game(masks)
    parts = pd.Series(np.asarray(ao.tail_contributions(scenarios, 0.95, measure)), index=list("ABC"))
    if parts.min() < 0:
        return None
    table = pd.DataFrame({"part": parts})
    answer = ao.allocate(ao.LossProblem(float(parts.sum()), table, None), "pro-rata", key="part")
    return answer, cost


def test_euler_by_value_at_risk_leaves_the_core_and_by_expected_shortfall_never():
    excess = {
        measure: [inc.coalition_excess(*made).value for made in (by_tail(s, measure) for s in range(12)) if made]
        for measure in ("var", "es")
    }
    assert max(excess["var"]) > 0.1 and max(excess["es"]) <= 1e-9 and len(excess["es"]) > 3


def test_the_group_that_overpays_is_named():
    answer = ao.allocate(QUESTION, "pro-rata")
    cost = [0.0, 15.0, 40.0, 45.0, 40.0, 25.0, 70.0, 60.0]
    found = inc.coalition_excess(answer, cost)
    assert found.value == ao.metrics.max_core_excess(answer.paid, cost) > 0
    mask = sum(1 << "ABC".index(p) for p in found.payers)
    assert answer.shares[list(found.payers)].sum() - cost[mask] == pytest.approx(found.value)


def test_a_bid_spares_what_seniority_spares():
    rule = ao.scheme("queue", score="junior")
    found = inc.auction_incentive(rule, QUESTION, "A", "junior", bid=-5.0, no_bid=5.0)
    with_bid = rule.allocate(QUESTION.replace(payers=TABLE.assign(junior=[-5.0, 1.0, 2.0]))).shares["A"]
    without = rule.allocate(QUESTION.replace(payers=TABLE.assign(junior=[5.0, 1.0, 2.0]))).shares["A"]
    assert found.value == without - with_bid == 40.0
    assert inc.auction_incentive("pro-rata", QUESTION, "A", "junior", bid=-5.0, no_bid=5.0).value == 0.0
    assert TABLE.loc["A", "junior"] == 0.0


def test_what_a_rule_deters_is_what_carelessness_costs_its_author():
    risky = [QUESTION.replace(loss=60.0), QUESTION.replace(loss=120.0)]
    found = inc.incentive_budget("pro-rata", [QUESTION.replace(loss=30.0)], risky, "A")
    assert found.value == pytest.approx((90 - 30) * 40 / 130)


def test_who_would_leave_is_named():
    answer = ao.allocate(QUESTION, "pro-rata")
    found = inc.exit_gain(answer, pd.Series({"C": 1.0, "B": 100.0, "A": 100.0}), fees=2.0)
    assert found.payers == ("C",) and found.value == pytest.approx(60 * 30 / 130 + 2 - 1)
    assert inc.exit_gain(answer, answer.shares).value == pytest.approx(0.0)


def test_a_key_of_net_risk_favours_flat_portfolios():
    table = pd.DataFrame({"gross": [100.0, 100.0], "net": [10.0, 90.0], "one": [0.1, 0.9]}, index=["dealer", "hedger"])
    q = ao.LossProblem(50, table, cap=None)
    by_net, by_gross = (
        inc.clearing_benefit(ao.allocate(q, "pro-rata", key=key), [60.0, 60.0], "one")["benefit"]
        for key in ("net", "gross")
    )
    assert by_net["flat"] > by_net["directional"] and by_gross["flat"] == by_gross["directional"]
    assert math.isnan(inc.clearing_benefit(ao.allocate(q, "pro-rata", key="net"), 60.0, [0.9, 0.9])["benefit"]["flat"])


def test_the_house_absorbs_on_average_what_it_bears_run_by_run():
    table = pd.DataFrame(
        {"fund": [60.0, 30.0, math.nan, math.nan], "own": [math.nan, math.nan, 7.0, math.nan],
         "margin": [math.nan] * 3 + [5.0], "role": ["survivor", "survivor", "house", "defaulter"]},
        index=["A", "B", "CCP", "D"],
    )  # fmt: skip
    event = ao.Event("toy", loss=57, currency="EUR", date=dt.date(2020, 1, 1), payers=table)
    model = ao.Waterfall("toy", (ao.Layer("margin", roles="defaulter", cap="margin"), ao.Layer("skin", roles="house",
                         cap="own"), ao.Layer("fund", roles="survivor", cap="fund", scheme="pro-rata")))  # fmt: skip
    losses = [3.0, 8.0, 50.0]
    found = inc.expected_absorption(model, event, losses)
    assert found.value == pytest.approx((0 + 3 + 7) / (0 + 3 + 45))
    assert inc.expected_absorption(model, event, [1.0]).value == 0.0


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: inc.best_split("pro-rata", QUESTION, "Z"), "no payer"),
        (lambda: inc.best_split("pro-rata", QUESTION, "A", floor=0.7), "floor"),
        (lambda: inc.auction_incentive("pro-rata", QUESTION, "A", "rank", 1, 2), "no column 'rank'"),
        (lambda: inc.incentive_budget("pro-rata", [], [QUESTION], "A"), "safe holds no question"),
        (lambda: inc.exit_gain(ao.allocate(QUESTION, "pro-rata"), [1.0, math.nan, 2.0]), "standalone"),
        (lambda: inc.clearing_benefit(ao.allocate(QUESTION, "pro-rata"), 1.0, "margin"), "directional"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_said(ask, words):
    with pytest.raises(DataError, match=words):
        ask()
