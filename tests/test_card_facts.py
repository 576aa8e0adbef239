"""Rows that need more than the table: legs, own scenarios, care, bids, exit, clearing, contagion, each by hand."""

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
from allocopt.judgement.known import FACTS
from allocopt.judgement.measure import incentive_measures

RULES = ["pro-rata", "constrained-equal-awards", "constrained-equal-losses", "talmud"]
TABLE = pd.DataFrame(
    {"fund": [60.0, 30.0, 10.0, 40.0], "equity": [30.0, 500.0, 20.0, 90.0], "long": [30.0, 20.0, 5.0, 9.0],
     "short": [20.0, 0.0, 5.0, 3.0], "net": [10.0, 20.0, 0.0, 6.0], "standalone": [30.0, 40.0, 3.0, 9.0],
     "bilateral": [40.0, 50.0, 9.0, 12.0], "directional": [0.2, 0.9, 0.1, 0.6], "junior": [1.0, 2.0, 2.0, 1.0]},
    index=list("ABCD"),
)  # fmt: skip
QUESTION = ao.LossProblem(80, TABLE, "fund", "EUR")
PNL = pd.DataFrame(np.random.default_rng(0).standard_t(3, (25, 4)) * 8, columns=list("ABCD"))


def costs(members):
    return (members @ np.array([30.0, 40.0, 20.0, 20.0])) ** 0.8


@pytest.fixture(scope="module")
def card():
    safe, risky = [QUESTION.replace(loss=30)], {"A": [QUESTION.replace(loss=90)], "B": [QUESTION.replace(loss=70)]}
    facts = {
        "pnl": PNL, "margin": 2.0, "safe": safe, "risky": risky, "costs": costs, "net": "net",
        "auction": {"column": "junior", "bid": 9.0, "no_bid": 0.0},
    }  # fmt: skip
    rules = [*RULES, ao.scheme("queue", score="junior", ascending=True), ao.scheme("pro-rata", key="net")]
    return ao.compare(QUESTION, rules, [], facts=facts, rates=["junior", "directional"])


def test_a_row_is_there_when_its_facts_are(card):
    rows = set(card.incentives.index)
    assert rows == {n for n, m in incentive_measures().items() if set(m.needs) <= set(card.facts)}
    assert "expected_absorption" not in rows and {"contagion", "moral_hazard", "clearing_gap"} <= rows
    assert {need for m in incentive_measures().values() for need in m.needs} <= set(FACTS)
    bare = ao.compare(ao.LossProblem(80, TABLE[["fund"]], "fund"), ["pro-rata"], [])
    assert bare.incentives.index[-1] == "house_absorption"
    asked = ao.compare(ao.LossProblem(80, TABLE[["fund"]], "fund"), ["pro-rata"], [], measures=["exit_gain"])
    assert math.isnan(asked.incentives.loc["exit_gain", "pro-rata"])
    assert "facts={'standalone': ...}" in asked.witnesses.loc["exit_gain", "pro-rata"]


def test_amounts_are_parts_of_the_loss_or_of_a_burden(card):
    for title, answer in card.answers.items():
        of = card.incentives[title]
        assert of["exit_gain"] == pytest.approx((answer.paid - TABLE["standalone"]).max() / 80)
        masks = np.array([[m >> i & 1 for i in range(4)] for m in range(1, 15)], dtype=bool)
        assert of["coalition_excess"] == pytest.approx((masks @ answer.paid - costs(masks)).max() / 80)
        flat, one_sided = [0, 2], [1, 3]
        benefit = [1 - answer.paid[k].sum() / TABLE["bilateral"].iloc[k].sum() for k in (flat, one_sided)]
        assert of["clearing_benefit"] == pytest.approx(min(benefit))
        assert of["clearing_gap"] == pytest.approx(benefit[0] - benefit[1])
        assert card.clearing.loc[(title, "flat"), "benefit"] == pytest.approx(benefit[0])


def test_a_bid_is_rewarded_where_the_rule_reads_it(card):
    queue = next(t for t in card.rules if "queue" in t)
    bids = {entry: QUESTION.replace(payers=TABLE.assign(junior=[entry, 2.0, 2.0, 1.0])) for entry in (9.0, 0.0)}
    with_bid, without = (card.rules[queue].allocate(bids[entry]).shares["A"] for entry in (9.0, 0.0))
    assert card.incentives.loc["auction_incentive", queue] == pytest.approx(1 - with_bid / without) and with_bid == 0.0
    assert (card.incentives.loc["auction_incentive", RULES] == 0.0).all()


def test_the_least_deterred_payer_sets_the_budget(card):
    for title, rule in card.rules.items():
        budgets = {
            payer: (rule.allocate(QUESTION.replace(loss=loss)).shares[payer]
                    - rule.allocate(QUESTION.replace(loss=30)).shares[payer]) / TABLE.loc[payer, "fund"]
            for payer, loss in (("A", 90), ("B", 70))
        }  # fmt: skip
        found = card.findings[title]["incentive_budget"]
        assert found.value == pytest.approx(min(budgets.values())) and found.payers == (min(budgets, key=budgets.get),)
    both = inc.least_budget("pro-rata", [QUESTION], [QUESTION, QUESTION.replace(loss=120)], "fund")
    assert both.value == pytest.approx(20 / 140)


# --- own risk


def by_hand(rule, payer, step, covered=2.0):
    """Expected shares and loss when the spread of one payer's profit and loss is another, one scenario at a time."""
    pnl = PNL.copy()
    pnl[payer] = pnl[payer].mean() + (1 + step) * (pnl[payer] - pnl[payer].mean())
    losses = (-pnl - covered).clip(lower=0).sum(axis=1)
    return np.mean([rule.allocate(QUESTION.replace(loss=x)).paid for x in losses], axis=0), losses.mean()


def test_own_risk_is_priced_as_scenario_by_scenario(card):
    for title, rule in card.rules.items():
        (low, less), (now, _), (high, more) = (by_hand(rule, "A", step) for step in (-1e-3, 0.0, 1e-3))
        rise, added = (high - low) / 2e-3, (more - less) / 2e-3
        assert card.incentives.loc["moral_hazard", title] == pytest.approx(rise[0] / now[0], abs=1e-7)
        assert card.incentives.loc["risk_pass_through", title] == pytest.approx(rise[1:].sum() / added, abs=1e-7)


@settings(max_examples=8)
@given(st.integers(0, 999), st.sampled_from(RULES))
def test_what_risk_adds_to_the_expected_loss_is_borne_by_somebody(seed, name):
    rng = np.random.default_rng(seed)
    pnl = pd.DataFrame(rng.standard_t(3, (12, 4)), columns=list("ABCD"))
    table = TABLE.assign(fund=rng.uniform(1, 9, 4) * 1e3)  # the caps cover every scenario
    q, rule = ao.LossProblem(1, table, "fund"), ao.scheme(name)
    passed = inc.risk_pass_through(rule, q, "B", pnl).value
    own = inc.moral_hazard(rule, q, "B", pnl)
    losses = (-pnl).clip(lower=0).sum(axis=1)
    borne = np.mean([rule.allocate(q.replace(loss=x)).shares["B"] for x in losses])
    added = (-(pnl["B"] - pnl["B"].mean()))[pnl["B"] < 0].sum() / 12  # the exact derivative of the expected loss
    assert passed + own.value * borne / added == pytest.approx(1.0, abs=1e-2)


def test_pro_rata_answers_to_own_risk_as_the_expected_loss_does():
    losses = (-PNL).clip(lower=0).sum(axis=1)
    added = (-(PNL["A"] - PNL["A"].mean()))[PNL["A"] < 0].sum() / len(PNL)
    wide = QUESTION.replace(payers=TABLE.assign(fund=TABLE["fund"] * 100))
    assert inc.moral_hazard("pro-rata", wide, "A", PNL).value == pytest.approx(added / losses.mean(), rel=1e-3)
    assert inc.risk_pass_through("pro-rata", wide, "A", PNL).value == pytest.approx(1 - 60 / 140, rel=1e-6)
    measured = wide.replace(payers=wide.payers.assign(risk=5.0))
    keyed = ao.scheme("pro-rata", key="risk")
    dearer = inc.risk_pass_through(keyed, measured, "A", PNL, columns=["risk"]).value
    assert dearer < inc.risk_pass_through(keyed, measured, "A", PNL).value == pytest.approx(0.75, rel=1e-6)


def test_the_scenarios_of_an_event_are_used_when_asked_for():
    table = TABLE[["fund"]].assign(role="survivor")
    event = ao.Event("toy", loss=80, currency="EUR", date=None, payers=table, scenarios=PNL, question={"cap": "fund"})
    card = ao.compare(event, RULES, [], facts={"pnl": "event"}, measures=["moral_hazard"])
    plain = ao.LossProblem(80, TABLE[["fund"]], "fund")
    assert card.incentives.loc["moral_hazard", "talmud"] == inc.moral_hazard("talmud", plain, "A", PNL).value
    assert "moral_hazard" not in ao.compare(event, ["pro-rata"], []).incentives.index


def test_who_adds_or_bears_nothing_is_told():
    calm = PNL.assign(A=1.0)
    assert inc.risk_pass_through("pro-rata", QUESTION, "A", calm).value == 0.0
    gains = PNL.abs()
    assert inc.moral_hazard("pro-rata", QUESTION, "A", gains).value == 0.0


# --- legs


def test_netting_is_rewarded_by_a_key_of_net_positions_and_not_by_one_of_gross(card):
    assert card.incentives.loc["leg_split_gain", "pro-rata"] == 0.0
    two = pd.DataFrame({"net": [30.0, 20.0, 20.0, 0.0, 6.0], "fund": [36.0, 24.0, 30.0, 10.0, 40.0]})
    rule = ao.scheme("pro-rata", key="net")
    then = rule.allocate(ao.LossProblem(80, two, "fund")).paid[:2].sum()
    found = card.findings["pro-rata by net"]["leg_split_gain"]
    assert found.value == pytest.approx(1 - then / card.shares.loc["A", "pro-rata by net"]) and found.value < -0.6
    assert found.problem.payers.loc[list(found.payers), ["long", "short"]].to_numpy().tolist() == [[30, 0], [0, 20]]
    assert inc.leg_split_gain(rule, QUESTION, "B", "long", "short", net=["net"]).witness.endswith("one side only")


# --- contagion


def until_it_rests(rule, question, equity):
    """Losers leave one round at a time; the same fixed point found with plain loops and sets."""
    out = set()
    while True:
        rest = question.payers.loc[[p for p in question.ids if p not in out]]
        paid = rule.allocate(question.replace(payers=rest)).shares
        more = {p for p in rest.index if paid[p] > max(equity[p], 0) * (1 + 1e-12) and paid[p] > 0}
        if not more:
            return out
        out |= more


@settings(max_examples=30)
@given(st.integers(0, 9999), st.sampled_from(RULES), st.floats(0.1, 1.2))
def test_contagion_rests_where_loops_and_sets_say(seed, name, part):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"fund": rng.uniform(1, 9, 6), "equity": rng.uniform(-1, 8, 6)})
    q, rule = ao.LossProblem(part * table["fund"].sum(), table, "fund"), ao.scheme(name)
    found, expected = inc.contagion(rule, q), until_it_rests(rule, q, table["equity"])
    assert set(found.payers) == expected and found.value == len(expected) / 6
    assert found.value >= inc.follow_on_defaults(rule.allocate(q)).value
    if expected:
        assert set(found.problem.ids) == set(range(6)) - expected


def test_contagion_by_hand_and_in_figures():
    q = ao.LossProblem(60, pd.DataFrame({"fund": [50.0] * 3}, index=list("ABC")), "fund")
    found = inc.contagion("pro-rata", q, pd.Series({"C": 90.0, "A": 15.0, "B": 25.0}))
    assert found.value == pytest.approx(2 / 3) and "A; then B; the others bear 50.00 and 10.00" in found.witness
    assert inc.contagion("pro-rata", q, [20.0, 20.0, 20.0]).value == 0.0  # met exactly is no failure
    everyone = inc.contagion("pro-rata", q, -1.0)
    assert everyone.value == 1.0 and "bear 0.00 and 60.00 is borne by nobody" in everyone.witness


def house_event(loss=57.0):
    table = pd.DataFrame(
        {"role": ["house", "survivor", "survivor", "survivor"], "own": [7.0, None, None, None],
         "fund": [None, 60.0, 30.0, 10.0], "equity": [None, 20.0, 16.0, 90.0]},
        index=["CCP", "A", "B", "C"],
    )  # fmt: skip
    question = {"roles": "survivor", "cap": "fund", "loss": loss - 7.0}
    return ao.Event("toy", loss=loss, currency="EUR", date=dt.date(2020, 1, 1), payers=table, question=question)


WATERFALL = ao.Waterfall("toy", (ao.Layer("skin", roles="house", cap="own"),
                                 ao.Layer("fund", roles="survivor", cap="fund", scheme="pro-rata")))  # fmt: skip


def test_a_waterfall_spreads_as_its_scheme_does():
    event = house_event()
    found = inc.contagion(WATERFALL, event)
    q = event.problem()
    assert set(found.payers) == until_it_rests(ao.scheme("pro-rata"), q, q.payers["equity"]) == {"A", "B"}
    assert found.value == pytest.approx(2 / 3)  # the house has no equity here and is not counted
    card = ao.compare(event, [WATERFALL, "pro-rata"], [], measures=["contagion", "expected_absorption"],
                      facts={"losses": [0.0, 50.0]})  # fmt: skip
    assert card.incentives.loc["contagion"].nunique() == 1
    assert card.incentives.loc["expected_absorption", "toy"] == pytest.approx(14 / (7 + 57))
    assert "only a waterfall" in card.witnesses.loc["expected_absorption", "pro-rata"]
    over = ao.compare(event, [WATERFALL], [], scenarios=[0.0, 50.0])
    assert over.incentives.loc["expected_absorption", "toy"] == pytest.approx(14 / (7 + 57))


# --- bad facts


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"standalon": "x"}, "no fact is called 'standalon'; did you mean 'standalone'"),
        ({"standalone": "alone"}, "no column of the payers' table is called 'alone'"),
        ({"standalone": [1.0, math.nan, 1.0, 1.0]}, "fact 'standalone'.*NaN"),
        ({"fees": -1.0}, "fact 'fees'"),
        ({"directional": [0.5, 2.0, 0.1, 0.1]}, "fact 'directional'"),
        ({"equity": "equities"}, "did you mean 'equity'"),
        ({"costs": [0.0, 1.0]}, "cost"),
        ({"long": "lon"}, "no column"),
        ({"net": ["nett"]}, "did you mean 'net'"),
        ({"auction": "junior"}, "'column': ..., 'bid': ..., 'no_bid'"),
        ({"auction": {"column": "jun", "bid": 1, "no_bid": 2}}, "no column"),
        ({"safe": []}, "fact 'safe' holds no question"),
        ({"risky": {"A": [3]}}, "fact 'risky' of payer 'A' holds a int"),
        ({"pnl": [[1.0]]}, "fact 'pnl' is a list"),
        ({"pnl": "event"}, "'event' where the event has scenarios"),
        ({"pnl": pd.DataFrame({"A": [math.nan]})}, "fact 'pnl'"),
        ({"margin": -2.0}, "fact 'margin'"),
        ({"losses": [1.0, -1.0]}, "fact 'losses'"),
        ({"floor": 0.7}, "fact 'floor'"),
        ("standalone", "facts is a str"),
    ],
)
def test_a_fact_that_cannot_be_used_is_said_in_one_line(facts, message):
    with pytest.raises(DataError, match=message) as caught:
        ao.compare(QUESTION, ["pro-rata"], [], facts=facts)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: inc.moral_hazard("pro-rata", QUESTION, "A", PNL[["B"]]), "no column for payer 'A'"),
        (lambda: inc.moral_hazard("pro-rata", QUESTION, "Z", PNL), "no payer is called 'Z'"),
        (lambda: inc.moral_hazard("pro-rata", QUESTION, "A", PNL, "margins"), "no column of the payers' table"),
        (lambda: inc.risk_pass_through("pro-rata", QUESTION, "A", PNL, columns=["risk"]), "no amount"),
        (lambda: inc.contagion("pro-rata", QUESTION, "own"), "no column"),
        (lambda: inc.contagion("pro-rata", QUESTION, [1.0, 2.0, math.nan, 1.0]), "NaN"),
        (lambda: inc.contagion(WATERFALL, house_event(), "own equity"), "no column"),
        (lambda: inc.leg_split_gain("pro-rata", QUESTION, "A", "long", "shorts"), "did you mean 'short'"),
        (lambda: inc.least_budget("pro-rata", [], [QUESTION], "fund"), "safe holds no question"),
        (lambda: inc.least_budget("pro-rata", [QUESTION], [QUESTION], "fun"), "did you mean 'fund'"),
        (lambda: ao.compare(QUESTION.replace(payers=TABLE[["fund"]]), ["pro-rata"], []).clearing, "not known"),
    ],
)
def test_what_cannot_be_asked_is_said_in_one_line(ask, message):
    with pytest.raises(DataError, match=message):
        ask()
