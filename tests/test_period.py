"""Defaults in a row: what the first has left, what is paid in again, who is repaid, and all of it again to the cent."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocopt as ao
from allocopt.errors import DataError
from allocopt.facts.event import Event
from allocopt.mechanisms.layer import Layer
from allocopt.mechanisms.period import Period
from allocopt.mechanisms.terms import Terms, business_days_later, months_later
from allocopt.mechanisms.waterfall import Waterfall
from allocopt.schemes import scheme
from allocopt.shelf.library import load_model


def event(name: str = "first", defaulter: str = "D", loss: float = 50.0, **columns: Any) -> Event:
    rows = {
        "D": {"role": "survivor", "fund": 5.0, "margin": 10.0},
        "E": {"role": "survivor", "fund": 7.0, "margin": 20.0},
        "CCP": {"role": "house", "own": 8.0},
        "A": {"role": "survivor", "fund": 30.0, "margin": 0.0},
        "B": {"role": "survivor", "fund": 10.0, "margin": 0.0},
    }
    rows[defaulter]["role"] = "defaulter"
    table = pd.DataFrame.from_dict(rows, orient="index").assign(**columns)
    return Event(name, loss=loss, currency="EUR", date=dt.date(2024, 3, 1), payers=table)


FUND = Layer("fund", roles="survivor", cap="fund")
OWN = Layer("own", roles="house", cap="own")
CALLS = Layer("calls", roles="survivor", cap="fund", resource="calls", factor=2.0)


def without(payer: str, of: Event) -> Event:
    """The event without a payer, as after its default."""
    table = of.payers.drop(index=payer)
    return Event(of.name, loss=of.loss, currency="EUR", date=of.date, payers=table)


def period(*layers: Layer, **terms: Any) -> Period:
    return Period(Waterfall("toy", layers, period=Terms(**terms)))


def no_defaulter(loss: float = 0.0) -> Event:
    """Survivors A and B and the house only."""
    return Event("plain", loss=loss, currency="EUR", date=None, payers=event().payers.drop(index=["D", "E"]))


# Calendars.


@pytest.mark.parametrize(
    ("terms", "defaults", "end"),
    [
        (Terms(length=20), ["2024-01-02"], "2024-01-29"),
        (Terms(length=20, extended="restart"), ["2024-01-02", "2024-01-10"], "2024-02-06"),
        (Terms(length=20, extended="add"), ["2024-01-02", "2024-01-10"], "2024-02-26"),
        (Terms(length=20, extended="no"), ["2024-01-02", "2024-01-10"], "2024-01-29"),
        (Terms(length=20), ["2024-01-02", "2024-01-10"], "2024-01-29"),
        (Terms(length=20, extended="restart", most_months=1), ["2024-01-02", "2024-01-10"], "2024-02-01"),
        (Terms(length=30, unit="calendar days"), ["2024-01-31"], "2024-02-29"),
        (Terms(length=5, most_days=3), ["2024-01-02"], "2024-01-04"),
        (Terms(length=2), ["2024-01-06"], "2024-01-09"),  # a Saturday: the first business day is Monday
    ],
)
def test_a_capped_period_ends_when_its_terms_say(terms: Terms, defaults: list[str], end: str) -> None:
    found = Period(Waterfall("toy", (FUND,), period=terms))
    for day in defaults:
        found.default(no_defaulter(), day)
    assert found.start == dt.date.fromisoformat(defaults[0]) and found.end == dt.date.fromisoformat(end)


def test_holidays_are_no_business_days() -> None:
    found = Period(Waterfall("toy", (FUND,), period=Terms(length=3)), holidays=["2024-03-29", dt.date(2024, 4, 1)])
    found.default(no_defaulter(), "2024-03-28")
    assert found.end == dt.date(2024, 4, 3)
    assert business_days_later(dt.date(2024, 1, 6), 1) == dt.date(2024, 1, 8)
    assert months_later(dt.date(2023, 12, 31), 2) == dt.date(2024, 2, 29)


def test_after_its_last_day_a_new_period_begins() -> None:
    found = period(CALLS.replace(renews="period"), length=20, extended="restart")
    assert found.default(no_defaulter(), "2024-01-02", 60).by_payer.to_dict() == {"CCP": 0, "A": 45, "B": 15}
    assert found.default(no_defaulter(), "2024-01-29", 60).by_payer.to_dict() == {"CCP": 0, "A": 15, "B": 5}
    assert found.start == dt.date(2024, 1, 2) and found.end == dt.date(2024, 2, 23)
    assert found.default(no_defaulter(), "2024-02-26", 60).residual == 0
    assert found.start == dt.date(2024, 2, 26)


def test_a_period_can_be_closed_early() -> None:
    found = period(CALLS.replace(renews="period"), length=20, extended="restart")
    found.default(no_defaulter(), "2024-01-02", 80)
    found.close("2024-01-08")
    assert found.end == dt.date(2024, 1, 8)
    assert found.default(no_defaulter(), "2024-01-09", 80).residual == 0
    with pytest.raises(DataError, match="no period to close"):
        period(FUND).close("2024-01-01")


def test_terms_say_what_was_stated_and_nothing_else() -> None:
    assert Terms().told == () and Terms(note="Invented.").told == ("Invented.",)
    assert Terms(length=10).told == ("A capped period lasts 10 business days.",)
    full = Terms(length=20, extended="add", most_months=3, order="continue", recoveries="pro rata", notice_factor=2.0)
    assert len(full.told) == 4 and "at most 3 months in all" in full.told[0]
    for wrong in ({"length": 0}, {"unit": "weeks"}, {"extended": "yes"}, {"most_days": 1.5}, {"notice_factor": -1.0}):
        with pytest.raises(DataError, match="period"):
            Terms(**wrong)  # type: ignore[arg-type]


# Limits over several defaults.


def test_no_resource_is_used_twice_over_two_defaults() -> None:
    found = period(OWN, FUND)
    first = found.default(no_defaulter(), "2024-03-01", 28)
    assert first.by_payer.to_dict() == {"CCP": 8, "A": 15, "B": 5}
    second = found.default(no_defaulter(), "2024-03-04", 28).verify()
    assert second.by_payer.to_dict() == {"CCP": 0, "A": 15, "B": 5} and second.residual == 8
    assert found.balances["missing"].to_dict() == {("own", "CCP"): 8, ("fund", "A"): 30, ("fund", "B"): 10}


def test_a_promise_is_limited_in_one_default_and_in_the_period() -> None:
    """275 per cent of a contribution after one default, 550 per cent after several."""
    found = period(CALLS.replace(factor=2.75, renews="default", period_factor=5.5))
    paid = [found.default(no_defaulter(), f"2024-03-0{k}", 1000).by_payer["A"] for k in (4, 5, 6)]
    assert paid == [82.5, 82.5, 0]
    small = period(CALLS.replace(factor=2.75, renews="default", period_factor=5.5))
    paid = [small.default(no_defaulter(), f"2024-03-0{k}", 100).by_payer["A"] for k in (4, 5, 6, 7)]
    assert paid == [75, 75, 15, 0] and sum(paid) == 5.5 * 30


def test_once_per_default_and_three_times_in_the_period_with_topping_up() -> None:
    found = period(FUND.replace(period_factor=3))
    paid = []
    for k in range(4):
        paid.append(found.default(no_defaulter(), f"2024-03-0{k + 1}", 100).by_payer["A"])
        found.replenish(f"2024-03-0{k + 1}")
    assert paid == [30, 30, 30, 0]


def test_skin_in_the_game_is_gone_until_it_is_restored() -> None:
    """What was used reduces the contribution for the following 250 business days."""
    found = period(OWN.replace(restored_after=250))
    assert found.default(no_defaulter(), "2024-01-02", 5).by_payer["CCP"] == 5
    back = business_days_later(dt.date(2024, 1, 2), 250)
    assert found.until("2024-12-31").default(no_defaulter(), back - dt.timedelta(days=1), 9).by_payer["CCP"] == 3
    assert found.default(no_defaulter(), back, 9).by_payer["CCP"] == 8


def test_a_top_up_before_the_restoration_does_not_count_twice() -> None:
    found = period(OWN.replace(restored_after=2))
    found.default(no_defaulter(), "2024-01-02", 8)
    assert found.replenish("2024-01-03").to_dict() == {"CCP": 8}
    assert found.default(no_defaulter(), "2024-01-10", 6).by_payer["CCP"] == 6
    assert found.default(no_defaulter(), "2024-01-11", 6).by_payer["CCP"] == 2


def test_replenishing_makes_whole_in_full_or_in_part() -> None:
    found = period(OWN, FUND)
    found.default(no_defaulter(), "2024-03-01", 28)
    assert found.replenish("2024-03-02", "fund", {"A": 10.0}).to_dict() == {"A": 10}
    assert found.default(no_defaulter(), "2024-03-03", 100).by_payer.to_dict() == {"CCP": 0, "A": 25, "B": 5}
    assert found.replenish("2024-03-04").to_dict() == {"CCP": 8, "A": 30, "B": 10}
    assert found.replenish("2024-03-04").empty
    with pytest.raises(DataError, match="what 'A' pays in is 1"):
        found.replenish("2024-03-04", "fund", {"A": 1.0})
    with pytest.raises(DataError, match="no resource that is replenished is called 'found'; did you mean 'fund'"):
        found.replenish("2024-03-04", "found")
    with pytest.raises(DataError, match="name it with resource"):
        found.replenish("2024-03-04", amounts={"A": 1.0})


def test_the_defaulted_pay_in_nothing_and_survive_nothing() -> None:
    found = period(Layer("own fund", roles="defaulter", cap="fund"), FUND)
    found.default(event(loss=20), "2024-03-01")
    assert "D" not in found.replenish("2024-03-01").index
    with pytest.raises(DataError, match="payer 'D' is a survivor but defaulted on 2024-03-01"):
        found.default(event("second", "E"), "2024-03-04")
    found.default(without("D", event("second", "E")), "2024-03-04")


def test_a_further_default_goes_on_with_old_money_and_then_begins_again() -> None:
    """The first source was topped up, but the next default carries on from the source that is not exhausted."""
    layers = (OWN, FUND, Layer("second own", payer="Parent", amount=6.0))
    for order, expected in (("continue", [0, 20, 6, 4]), ("top", [8, 20, 2])):
        found = period(*layers, order=order)
        found.default(no_defaulter(), "2024-03-01", 28)
        found.replenish("2024-03-02", "own")
        second = found.default(no_defaulter(), "2024-03-04", 30).verify()
        assert second.by_layer.to_list() == pytest.approx(expected)
        assert list(second.by_layer.index)[3:] == (["own, topped up"] if order == "continue" else [])
    assert period(*layers, order="continue").default(no_defaulter(), "2024-03-01", 28).by_layer.to_list() == [8, 20, 0]
    with pytest.raises(DataError, match="old and topped-up money"):
        period(FUND.replace(amount=5.0), order="continue")


def test_a_member_that_gave_notice_has_its_cap_fixed_and_its_promise_not_renewed() -> None:
    found = period(CALLS.replace(factor=1.0, renews="default"))
    assert found.default(no_defaulter(), "2024-03-01", 100).by_payer["A"] == 30
    found.withdraw("A", "2024-03-02", gone="2024-03-20")
    grown = no_defaulter()
    table = grown.payers
    table.loc["A", "fund"] = 90.0
    grown = Event("grown", loss=100.0, currency="EUR", date=None, payers=table)
    assert found.default(grown, "2024-03-04", 100).by_payer["A"] == 30
    assert found.default(grown, "2024-03-05", 100).by_payer["A"] == 0
    assert found.default(grown, "2024-03-20", 100).by_payer.to_dict() == {"CCP": 0, "A": 0, "B": 10}


def test_a_rulebook_may_ask_a_leaving_member_twice() -> None:
    found = period(CALLS.replace(factor=1.0, renews="default"), notice_factor=2.0)
    found.withdraw("A", "2024-03-01", figures={"fund": 30.0})
    paid = [found.default(no_defaulter(), f"2024-03-0{k}", 100).by_payer["A"] for k in (4, 5, 6)]
    assert paid == [30, 30, 0]
    with pytest.raises(DataError, match="no default so far names payer 'Z'"):
        found.withdraw("Z", "2024-03-06")


# Several defaults of one day.


LADDER = (
    Layer("margin", roles="defaulter", cap="margin"),
    Layer("own fund", roles="defaulter", cap="fund"),
    OWN,
    FUND,
)


def test_defaults_of_one_day_in_order_and_together() -> None:
    """Pooled, each defaulter's resources cover its own loss only, and what is left is one loss."""
    one, two = event("first", "D", 12.0), event("second", "E", 60.0)
    found = period(*LADDER)
    run = found.together([one, two], "2024-03-01").verify()
    assert run.by_layer.to_dict() == pytest.approx(
        {"margin, first": 10, "margin, second": 20, "own fund, first": 2, "own fund, second": 7, "own": 8, "fund": 25}
    )
    assert run.loss == 72 and run.residual == 0
    assert found.balances.loc["fund"]["drawn"].to_dict() == {"A": 18.75, "B": 6.25, "D": 2, "E": 7}
    ordered = period(*LADDER)
    first = ordered.default(without("E", one), "2024-03-01")
    second = ordered.default(without("D", two), "2024-03-01")
    assert first.residual == second.residual == 0
    assert first.by_layer.sum() + second.by_layer.sum() == pytest.approx(72)


def test_a_surplus_of_one_defaulter_does_not_pay_for_another() -> None:
    run = period(*LADDER).together([event("first", "D", 1.0), event("second", "E", 40.0)], "2024-03-01")
    assert run.by_payer["D"] == 1 and run.by_payer["E"] == 27 and run.by_payer["CCP"] == 8


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([], "0 defaults and 0 losses"),
        ([event("x"), event("x", "E")], "two defaults of the day are called 'x'"),
        ([event("x"), event("y")], "payer 'D' defaults in both 'x' and 'y'"),
        ([event("x"), event("y", "E", fund=[1.0, 2, math.nan, 3, 4])], "column 'fund' of payer 'A' is 30.0 in one"),
    ],
)
def test_defaults_that_cannot_be_pooled_say_why(events: list[Event], message: str) -> None:
    with pytest.raises(DataError, match=message):
        period(*LADDER).together(events, "2024-03-01")


# Recoveries.


def recovered(order: str, amount: float) -> dict[str, float]:
    found = period(OWN, FUND, Layer("second own", payer="Parent", amount=6.0), recoveries=order)
    found.default(no_defaulter(), "2024-03-01", 52)
    return {str(k): v for k, v in found.recover(amount, "2024-06-03").by_payer.items()}


def test_recoveries_are_repaid_in_the_order_of_the_rulebook() -> None:
    reverse, rata, forward = recovered("reverse", 10), recovered("pro rata", 26), recovered("in order", 10)
    assert reverse == pytest.approx({"CCP": 0, "A": 4.5, "B": 1.5, "Parent": 4})
    assert rata == pytest.approx({"CCP": 4, "A": 15, "B": 5, "Parent": 2})
    assert forward == pytest.approx({"CCP": 8, "A": 1.5, "B": 0.5, "Parent": 0})


def test_nobody_is_repaid_more_than_it_paid_and_the_rest_is_a_surplus() -> None:
    found = period(OWN, FUND)
    found.default(no_defaulter(), "2024-03-01", 28)
    assert found.recover(20, "2024-06-03").by_payer.to_dict() == {"CCP": 0, "A": 15, "B": 5}
    last = found.recover(20, "2024-06-04")
    assert last.by_payer.to_dict() == {"CCP": 8, "A": 0, "B": 0} and last.surplus == 12
    assert found.claims().to_dict() == {"CCP": 0, "A": 0, "B": 0}


def test_the_defaulter_is_owed_nothing() -> None:
    found = period(*LADDER)
    found.default(event(loss=40), "2024-03-01")
    assert "D" not in found.claims().index
    assert found.recover(1e6, "2024-04-01").table.to_numpy().sum() == pytest.approx(25)


def test_a_recovery_belongs_to_its_own_default() -> None:
    found = period(FUND)
    found.default(no_defaulter(), "2024-03-01", 20)
    found.default(no_defaulter(), "2024-03-04", 4)
    found.recover(20, "2024-05-01", default=1)
    assert found.claims(1).sum() == 0 and found.claims(2).sum() == 4
    for wrong in (0, 3, True, 1.0):
        with pytest.raises(DataError, match="counted from 1"):
            found.recover(1, "2024-05-02", default=wrong)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no layer of that default is called 'found'"):
        found.recover(1, "2024-05-02", layers=["found"])
    with pytest.raises(DataError, match="no order of recoveries"):
        found.recover(1, "2024-05-02", order="last")


def test_a_recompense_schedule_repays_all_alike() -> None:
    found = period(FUND, Layer("gains", roles="survivor", cap="gains"))
    facts = no_defaulter().payers.assign(gains=[math.nan, 6.0, 18.0])
    found.default(Event("x", loss=60, currency="EUR", date=None, payers=facts), "2024-03-01")
    schedule = pd.Series({dt.date(2025, 3, 1): 8.0, dt.date(2026, 3, 1): 8.0, dt.date(2027, 3, 1): 8.0})
    paid = found.recompense(schedule, layers=["gains"])
    assert paid["B"].to_list() == pytest.approx([6, 6, 3]) and paid["A"].to_list() == pytest.approx([2, 2, 1])
    assert found.claims(layers="gains").sum() == 0 and found.claims().sum() == pytest.approx(40)


def test_a_schedule_of_recompense_from_profits_is_paid_out() -> None:
    found = period(FUND)
    found.default(no_defaulter(), "2024-03-01", 20)
    profits = pd.Series({2024: 10.0, 2025: 10.0, 2026: 20.0})
    schedule = ao.recompense(found.claims(), profits)
    paid = found.recompense(schedule.payments)
    assert paid.sum(axis=1).to_dict() == pytest.approx({2024: 7, 2025: 7, 2026: 6})
    assert found.claims().sum() == 0 and found.log[-1].date == dt.date(2026, 12, 31)


# The log is the truth.


def busy() -> Period:
    """A period in which everything happens."""
    layers = (
        *LADDER, CALLS.replace(renews="default", period_factor=5, pari_passu="g"),
        Layer("more", payer="Parent", amount=33.33, pari_passu="g", restored_after=10),
        Layer("exchange", payer="Exchange", amount={"of": "fund", "factor": 0.25, "payers": "survivor"}),
    )  # fmt: skip
    rules = Waterfall("toy", layers, currency="EUR", period=Terms(length=20, most_months=3, order="continue"))
    found = Period(rules, holidays=["2024-03-29"])
    found.together([event("first", "D", 55.55), event("second", "E", 77.77)], "2024-03-01")
    found.replenish("2024-03-05", "own")
    found.replenish("2024-03-06")
    found.withdraw("A", "2024-03-07", gone="2024-05-01")
    found.default(no_defaulter(99.99), "2024-03-08")
    found.recover(12.34, "2024-03-09", default=1)
    found.recover(5, "2024-03-09", order="pro rata", layers=["fund"])
    found.close("2024-03-20")
    found.default(no_defaulter(), "2024-04-02", {"": 123.45})
    return found


def test_saved_and_loaded_it_is_the_same_to_the_cent(tmp_path: Path) -> None:
    found = busy()
    again = Period.load(found.save(tmp_path / "period.json"))
    assert again.to_json() == found.to_json()
    assert [entry.outcome for entry in again.log] == [entry.outcome for entry in found.log]
    pd.testing.assert_frame_equal(again.balances, found.balances)
    assert (again.start, again.end) == (found.start, found.end)
    assert again.default(no_defaulter(), "2024-04-03", 50).by_payer.to_dict() == (
        found.default(no_defaulter(), "2024-04-03", 50).by_payer.to_dict()
    )


def test_members_with_numbers_for_names_are_saved_as_well() -> None:
    table = pd.DataFrame({"role": "survivor", "fund": [30.0, 10.0]}, index=pd.Index(np.array([7, 8]), name="member"))
    facts = Event("x", loss=20, currency="EUR", date=None, payers=table)
    found = period(FUND)
    found.default(facts, "2024-03-01")
    found.replenish("2024-03-02", "fund", {np.int64(7): 5})
    found.withdraw(np.int64(8), "2024-03-03")
    again = Period.from_json(found.to_json())
    assert again.to_json() == found.to_json() and again.balances.loc["fund", 7]["missing"] == 10


def test_every_outcome_is_in_whole_cents_and_adds_up() -> None:
    for entry in busy().log:
        cents = [100 * x for _, _, x in entry.outcome]
        assert all(abs(c - round(c)) < 1e-6 for c in cents)
        if entry.kind == "recover":
            assert round(sum(cents)) <= round(100 * entry.facts["amount"])


def test_a_file_whose_amounts_were_changed_is_refused() -> None:
    document = json.loads(busy().to_json())
    document["log"][0]["outcome"][0][2] += 0.01
    with pytest.raises(
        DataError, match=r"entry 1 \(together of 2024-03-01\): 'D' under 'margin, first' comes to 10.00"
    ):
        Period.from_json(json.dumps(document))
    document = json.loads(busy().to_json())
    document["waterfall"]["layers"][3]["factor"] = 0.5
    with pytest.raises(DataError, match="comes to"):
        Period.from_json(json.dumps(document))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("log"), "has no 'log'"),
        (lambda d: d.update(schema=9), "'schema' is 9"),
        (lambda d: d["log"][0].update(kind="defaults"), "of kind 'defaults'"),
        (lambda d: d["log"][0].update(date="yesterday"), "cannot be used"),
        (lambda d: d["waterfall"]["layers"][0].update(cap=None, roles=[]), "either the roles that pay or one payer"),
    ],
)
def test_a_damaged_file_says_what_is_wrong(change: Any, message: str) -> None:
    found = period(FUND)
    found.default(no_defaulter(), "2024-03-01", 5)
    document = json.loads(found.to_json())
    change(document)
    with pytest.raises(DataError, match=message):
        Period.from_json(json.dumps(document))


def test_what_cannot_be_written_or_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="layer 'fund': its scheme is an object"):
        Period(Waterfall("toy", (FUND.replace(scheme=scheme("pro-rata")),))).to_json()
    with pytest.raises(DataError, match="is not JSON"):
        Period.from_json("{")
    with pytest.raises(DataError, match="no period can be read"):
        Period.load(tmp_path / "nothing.json")


def test_days_do_not_run_backwards() -> None:
    found = period(FUND)
    found.default(no_defaulter(), "2024-03-01", 5)
    for act in (found.replenish, found.close, lambda day: found.recover(1, day), lambda day: found.withdraw("A", day)):
        with pytest.raises(DataError, match="the log has come to 2024-03-01"):
            act("2024-02-29")
    for wrong in ("1 March", 20240301, None, dt.datetime(2024, 3, 1, 12)):
        with pytest.raises(DataError, match="give a date"):
            found.default(no_defaulter(), wrong)
    assert len(found.log) == 1


def test_a_refused_action_leaves_no_trace() -> None:
    found = period(FUND)
    with pytest.raises(DataError):
        found.default(no_defaulter(), "2024-03-01", -5)
    with pytest.raises(DataError):
        found.default(
            Event("x", loss=1, currency="EUR", date=None, payers=pd.DataFrame({"role": ["survivor"]})), "2024-03-01"
        )
    assert found.log == () and found.start is None and found.balances.empty


def test_what_might_have_been_leaves_the_period_alone() -> None:
    found = busy()
    before = found.to_json()
    other = found.until("2024-03-08")
    other.default(no_defaulter(), "2024-03-08", 500)
    assert found.to_json() == before and len(other.log) == 6


@settings(max_examples=12)
@given(
    losses=st.lists(st.floats(0.0, 120.0), min_size=1, max_size=4),
    funds=st.lists(st.sampled_from([0.0, 0.01, 10.0, 33.33]), min_size=2, max_size=2),
    topped=st.booleans(),
)
def test_over_any_defaults_money_is_conserved_and_limits_hold(
    losses: list[float], funds: list[float], topped: bool
) -> None:
    """Whatever is drawn never exceeds what was there and what was paid in again; a replay is the same."""
    table = no_defaulter().payers.assign(fund=[math.nan, *funds])
    facts = Event("x", loss=0.0, currency="EUR", date=None, payers=table)
    found = period(OWN, FUND, CALLS.replace(renews="default", period_factor=3), length=20)
    for k, loss in enumerate(losses):
        run = found.default(facts, dt.date(2024, 3, 1) + dt.timedelta(days=k), loss).verify()
        assert run.by_layer.sum() + run.residual == pytest.approx(loss, abs=1e-9)
        if topped:
            found.replenish(dt.date(2024, 3, 1) + dt.timedelta(days=k))
    for (pot, payer), row in found.balances.iterrows():
        figure = 8.0 if pot == "own" else dict(zip("AB", funds, strict=True))[payer]
        limit = 3 * figure if pot == "calls" else figure + row["paid in"]
        assert row["drawn"] <= limit + 1e-9
    assert Period.from_json(found.to_json()).to_json() == found.to_json()


# On the shelf.


def test_the_depository_carries_on_and_begins_again_within_three_times() -> None:
    """Rules 7.9.2, 7.9.3 and 7.10.5 of the CDP Clearing Rules, on a made-up event."""
    table = pd.DataFrame(
        {
            "role": ["house", "survivor", "survivor"],
            "default_fund": [math.nan] * 3,
            "first_contribution": [10.0, math.nan, math.nan],
            "second_contribution": [15.0, math.nan, math.nan],
            "collateralised_contribution": [math.nan, 30.0, 10.0],
            "contingent_contribution": [math.nan, 60.0, 20.0],
        },
        index=["CDP", "A", "B"],
    )
    facts = Event("x", loss=30.0, currency="SGD", date=None, payers=table)
    found = ao.Period(load_model("sgx-cdp"))
    assert found.default(facts, "2024-11-04").by_layer.to_list() == [0, 10, 20, 0, 0]
    found.replenish("2024-11-05")
    second = found.default(facts, "2024-11-06", 50).by_layer
    assert second[
        ["collateralised contributions", "CDP second contribution", "contingent contributions"]
    ].to_list() == [20, 15, 15]
    for k in range(4):
        found.default(facts, dt.date(2024, 11, 7 + k), 1000)
        found.replenish(dt.date(2024, 11, 7 + k))
    drawn = found.balances["drawn"]
    assert drawn["collateralised_contribution", "A"] == 90 and drawn["contingent_contribution", "A"] == 180
    assert np.isfinite(found.balances.to_numpy()).all() and found.end == dt.date(2024, 12, 3)
