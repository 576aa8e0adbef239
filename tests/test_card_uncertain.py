"""A card over several events, incentives over losses, and what becomes of the order without some of them."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest

import allocopt as ao
from allocopt.errors import DataError
from allocopt.judgement.uncertainty import DRAWS, STRATA, known_throughout

RULES = ["pro-rata", "constrained-equal-awards", "constrained-equal-losses", "talmud"]
LESS = {"metrics": ["gini", "max_burden"], "measures": ["split_gain", "merge_gain", "own_price"], "axioms": False}


def event(name, seed, part, **more):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"fund": rng.uniform(5, 60, 5), "stress_loss": rng.uniform(1, 50, 5), "role": "survivor"},
                         index=[f"{name} {k}" for k in range(5)])  # fmt: skip
    table.loc[f"{name} house"] = [math.nan, math.nan, "house"]
    table["own"] = [math.nan] * 5 + [4.0]
    loss = part * float(table["fund"].sum())
    question = {"roles": "survivor", "cap": "fund", "loss": loss}
    return ao.Event(name, loss=loss + 4.0, payers=table, question=question,
                    **{"currency": "EUR", "date": dt.date(2020, 1, 1)} | more)  # fmt: skip


EVENTS = [event(name, seed, part) for name, seed, part in (("one", 1, 0.2), ("two", 2, 0.5), ("three", 3, 0.9))]
WATERFALL = ao.Waterfall("toy", (ao.Layer("skin", roles="house", cap="own"),
                                 ao.Layer("fund", roles="survivor", cap="fund", scheme="talmud")))  # fmt: skip


@pytest.fixture(scope="module")
def several():
    return ao.compare(EVENTS, [*RULES, WATERFALL], uncertain="all", **LESS)


def test_every_row_is_the_card_of_its_event(several):
    assert several.event is EVENTS[0] and list(several.ensemble.index) == ["one", "two", "three"]
    assert several.ensemble.index.name == "event"
    for one in EVENTS:
        alone = ao.compare(one, [*RULES, WATERFALL], **LESS).values()
        row = several.ensemble.loc[one.name].unstack("scheme")[list(alone)].loc[alone.index]
        pd.testing.assert_frame_equal(row, alone, check_names=False)


def test_events_as_scenarios_of_one_of_them_are_the_same(several):
    again = ao.compare(EVENTS[0], [*RULES, WATERFALL], scenarios=EVENTS, uncertain="all", **LESS)
    pd.testing.assert_frame_equal(again.ensemble, several.ensemble)
    fair = ao.compare(EVENTS[0], RULES, scenarios=EVENTS[1:], **LESS)
    assert set(fair.ensemble.columns.get_level_values(0)) == {"gini", "max_burden"} and len(fair.ensemble) == 2


def test_pairs_of_schemes_are_told_on_incentives_too(several):
    row = several.uncertainty.loc[("split_gain", "pro-rata", "constrained-equal-losses")]
    values = several.ensemble["split_gain"]["constrained-equal-losses"]
    assert row["difference"] == pytest.approx(-values.mean()) and row["better"] == 1.0
    assert row["likely"] > 0.9
    tie = 1 - 1 / 54  # event two is at one half, where both are the same; one draw in 27 holds nothing else
    assert several.uncertainty.loc[("gini", "pro-rata", "talmud"), "likely"] == pytest.approx(tie, abs=0.01)
    twins = several.uncertainty.loc[("split_gain", "talmud", "toy")]  # the same rule behind a layer of the house
    assert twins["likely"] == 0.5 and twins["better"] == twins["worse"] == 0.0


def test_paired_intervals_are_narrower_than_unpaired_ones():
    rng = np.random.default_rng(4)
    q = ao.LossProblem(50, pd.DataFrame({"fund": rng.lognormal(size=12) * 9}), "fund")
    losses = rng.uniform(0.2, 0.8, 40) * q.capacity
    card = ao.compare(q, ["talmud", "piniles"], ["gini_of_burdens", "max_burden"], measures=[], scenarios=losses)
    for name in ("gini_of_burdens", "max_burden"):
        row, values = card.uncertainty.loc[name].iloc[0], card.ensemble[name].to_numpy()
        draws = [values[rng.integers(0, 40, (DRAWS, 40)), k].mean(axis=1) for k in (0, 1)]
        low, high = np.quantile(draws[0] - draws[1], [0.025, 0.975])
        assert 0 < row["high"] - row["low"] < 0.8 * (high - low)


def test_incentives_move_with_the_loss_at_the_middle_of_every_part():
    q = EVENTS[0].problem()
    losses = np.linspace(0.05, 0.95, 20)[::-1] * q.capacity
    card = ao.compare(q, RULES, scenarios=losses, uncertain="all", **LESS)
    assert card.ensemble["split_gain"]["talmud"].nunique() == STRATA
    for part in np.array_split(np.sort(losses), STRATA):
        middle = ao.compare(q.replace(loss=float(part[(len(part) - 1) // 2])), RULES, **LESS)
        rows = card.ensemble.loc[part]
        for name in LESS["measures"]:
            for title in RULES:
                assert (rows[name][title] == middle.incentives.loc[name, title]).all()
    assert card.ensemble["gini"]["talmud"].nunique() > 2 * STRATA
    exact = ao.compare(q, RULES, scenarios=losses[:4], uncertain="all", **LESS)
    assert exact.ensemble["split_gain"]["talmud"].nunique() == 4
    assert not card.rank().profile.equals(ao.compare(q, RULES, scenarios=losses, **LESS).rank().profile)


def test_a_waterfall_is_asked_at_the_same_losses():
    one = EVENTS[1]
    card = ao.compare(one, ["talmud", WATERFALL], scenarios=[20.0, 60.0], uncertain="all", **LESS)
    for name in LESS["measures"]:
        np.testing.assert_allclose(card.ensemble[name]["toy"], card.ensemble[name]["talmud"], atol=1e-7)


def test_measures_with_scenarios_of_their_own_do_not_move_with_the_loss():
    q = EVENTS[0].problem()
    pnl = pd.DataFrame(np.random.default_rng(0).normal(size=(9, 5)), columns=q.ids)
    card = ao.compare(q, RULES, ["gini"], measures=["moral_hazard", "own_price"], facts={"pnl": pnl},
                      scenarios=[10.0, 20.0], uncertain="all")  # fmt: skip
    assert set(card.ensemble.columns.get_level_values(0)) == {"gini", "own_price"}


def test_what_some_event_leaves_open_places_no_scheme(several):
    spread = several.ensemble.copy()
    spread.loc["two", ("gini", "talmud")] = math.nan
    values = known_throughout(several.values(), spread)
    assert math.isnan(values.loc["gini", "talmud"]) and values.notna().sum().sum() == values.size - 1
    pd.testing.assert_frame_equal(known_throughout(several.values(), None), several.values())


def test_the_order_is_tried_without_every_event_and_without_half_of_the_losses(several):
    found = several.rank()
    table = found.stability(members=1)
    assert list(table.loc["scenarios"].index) == ["one", "two", "three"]
    rest = ao.compare(EVENTS[:2], [*RULES, WATERFALL], uncertain="all", **LESS).rank()
    assert table.loc[("scenarios", "three"), "order"] == ", ".join(rest.order)
    note = table.loc["payer", "note"].iloc[0]
    assert "incentives are those with all payers" in note and "the card's own loss" in note
    q = EVENTS[0].problem()
    losses = [10.0, 90.0, 20.0, 70.0, 40.0]
    halves = ao.compare(q, RULES, scenarios=losses, **LESS).rank().stability(0).loc["scenarios"]
    assert list(halves.index) == ["the smaller half of the losses", "the larger half of the losses"]
    large = ao.compare(q, RULES, scenarios=[90.0, 70.0, 40.0], **LESS).rank()
    assert halves["order"].iloc[0] == ", ".join(large.order) and (halves["note"] == "").all()


def test_a_scheme_that_cannot_be_asked_without_a_payer_keeps_its_values_and_says_so():
    q = EVENTS[0].problem()
    rules = ["pro-rata", ao.scheme("pro-rata", key=q.payers["stress_loss"].to_list(), label="figures")]
    table = ao.compare(q, rules, ["gini"], measures=[]).rank().stability(2)
    notes = table.loc["payer", "note"]
    assert len(notes) == 2 and notes.str.contains("figures is as before, for it cannot be asked without").all()
    assert (table.loc["payer", "order"] == "pro-rata, figures").all()


NAN = EVENTS[0].payers.assign(fund=math.nan)
BAD = pd.DataFrame({"fund": [5.0, math.nan]})


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: ao.compare([], RULES), "list of events is empty"),
        (lambda: ao.compare([1, 2], RULES), "list of events is empty or holds something else"),
        (lambda: ao.compare(EVENTS[:1], RULES), "one event; give two or more"),
        (lambda: ao.compare([EVENTS[0], 3], RULES), "mix events with a int"),
        (lambda: ao.compare(EVENTS, RULES, scenarios=[1.0, 2.0]), "scenarios themselves"),
        (lambda: ao.compare([EVENTS[0], event("far", 4, 0.3, currency="USD")], RULES),
         "event 'far' is in USD, the first in EUR; state all amounts in one currency"),
        (lambda: ao.compare(EVENTS[0], RULES, scenarios=[EVENTS[1], EVENTS[2].problem().replace(currency="")]),
         "'question 2' is in no currency"),
        (lambda: ao.compare([EVENTS[0].problem(), ao.LossProblem(5, pd.DataFrame({"o": [9.0]}), "o", "EUR")], RULES),
         "event 'question 2': no column of the payers' table is called 'fund'"),
        (lambda: ao.compare(EVENTS[0].problem(), [*RULES, WATERFALL]), "compare it on the Event"),
        (lambda: ao.compare([EVENTS[0], EVENTS[1].problem()], [WATERFALL], [], measures=[]),
         "event 'question 2': waterfall 'toy' runs through an event"),
        (lambda: ao.compare(EVENTS[0], RULES, scenarios=[]), "scenarios hold 0 losses; give two or more"),
        (lambda: ao.compare(EVENTS[0], RULES, scenarios=[5.0]), "scenarios hold 1 loss; give two or more"),
        (lambda: ao.compare(EVENTS[0], RULES, scenarios=[5.0, -1.0]), "scenarios: 1 is -1; expected finite num"),
        (lambda: ao.compare(EVENTS[0], RULES, scenarios=[5.0, math.inf]), "inf"),
        (lambda: ao.compare(EVENTS[0], RULES, scenarios=["a", "b"]), "scenarios"),
        (lambda: ao.compare(EVENTS[0], RULES, scenarios=7.0), "scenarios"),
        (lambda: ao.compare(EVENTS[0], RULES, uncertain="some"), "uncertain is 'some'; expected 'fairness' or 'all'"),
        (lambda: ao.compare(EVENTS[0], ["pro-rate"]), "no scheme is called 'pro-rate'; did you mean"),
        (lambda: ao.compare(EVENTS[0], RULES, ["gina"]), "no fairness metric is called 'gina'; did you mean 'gini'"),
        (lambda: ao.compare(EVENTS[0], RULES, measures=["spilt_gain"]), "did you mean 'split_gain'"),
        (lambda: ao.compare(ao.LossProblem(-5, BAD, "fund"), RULES), "the loss is -5"),
        (lambda: ao.compare(ao.LossProblem(5, BAD, "fund"), RULES), "cap .column 'fund'.*NaN"),
        (lambda: ao.compare(ao.LossProblem(5, pd.DataFrame({"fund": [5.0], "key": [math.nan]}), "fund"), ["pro-rata"],
                            by="key"), "column 'key'.*NaN"),
        (lambda: ao.compare(ao.Event("bare", loss=5, currency="EUR", date=None, payers=NAN), RULES),
         "the caps are no column of the table; name the exposure with by="),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_said_in_one_line(ask, message):
    with pytest.raises(DataError, match=message) as caught:
        ask()
    assert "\n" not in str(caught.value)


def test_an_event_without_caps_is_compared_by_rules_that_need_none():
    table = pd.DataFrame({"role": "trader", "profit": [5.0, 9.0, 0.0]}, index=list("ABC"))
    bare = ao.Event("bare", loss=6, currency="EUR", date=None, payers=table)
    card = ao.compare(bare, [ao.scheme("pro-rata", key="profit"), "constrained-equal-awards"], axioms=False)
    assert card.by == "profit" and card.shares.sum().tolist() == pytest.approx([6.0, 6.0])
    with pytest.raises(DataError, match="divides the caps themselves, and payer 'A' has none"):
        ao.compare(bare, ["talmud"])


def test_equal_titles_are_numbered_and_one_scheme_one_payer_and_no_loss_are_ordinary():
    q = ao.LossProblem(0, pd.DataFrame({"fund": [5.0]}), "fund")
    card = ao.compare(q, ["talmud", "talmud"], scenarios=[0.0, 3.0, 9.0], uncertain="all")
    assert list(card.scores) == ["talmud", "talmud (2)"] and (card.uncertainty["likely"].dropna() == 0.5).all()
    assert card.rank().value.nunique() == 1
    alone = ao.compare(q, ["talmud"], scenarios=[0.0, 3.0], uncertain="all")
    assert len(alone.uncertainty) == 0 and alone.rank().order == ["talmud"]
    assert (alone.rank().stability(3)["first"] == "talmud").all()
