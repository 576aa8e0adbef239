"""Calls, closure, recompense, forced allocation, own resources and capital: by hand, by a second road, and refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocopt as ao
from allocopt.errors import CertificateError, DataError
from allocopt.mechanisms.fund_capital import sft_exposure

MEMBERS = pd.DataFrame({"default_fund": [50.0, 30.0, 20.0]}, index=list("ABC"))

# Cash calls.


def test_what_one_cannot_pay_is_called_again_from_the_rest() -> None:
    call = ao.cash_call(40, MEMBERS, "default_fund", able=pd.Series({"A": 100.0, "B": 5.0, "C": 100.0}))
    assert call.called.to_numpy().tolist() == [[20.0, 12.0, 8.0], [5.0, 0.0, 2.0]]
    assert call.paid.to_numpy().tolist() == [[20.0, 5.0, 8.0], [5.0, 0.0, 2.0]]
    assert call.failed == ["B"] and call.residual == 0.0
    for answer in call.allocations.values():
        answer.verify(1e-9)
    call.verify(1e-9)


def test_a_second_member_may_fail_on_the_second_call() -> None:
    call = ao.cash_call(60, MEMBERS, "default_fund", able=[100.0, 0.0, 14.0])
    assert call.failed == ["B", "C"] and len(call.called) == 3
    # 30, 18, 12 called, 18 missing; 12.86 and 5.14 called, C has 2; the rest is A's, whose limit is 50
    assert call.shares.to_list() == pytest.approx([46.0, 0.0, 14.0])
    assert call.explain("C").count("Round") == 2 and "cannot pay the rest" in call.explain("C")
    call.verify(1e-9)


def test_headroom_is_the_multiple_less_what_was_called_before() -> None:
    call = ao.cash_call(200, MEMBERS, "default_fund", multiple=2.0, called=pd.Series({"A": 90.0, "B": 0.0, "C": 0.0}))
    assert call.shares.to_list() == [10.0, 60.0, 40.0] and call.residual == 90.0
    over = ao.cash_call(10, MEMBERS, "default_fund", called=[99.0, 0.0, 0.0])
    assert over.shares.to_list() == [0.0, 6.0, 4.0]


def test_rounds_may_be_limited_and_what_is_missing_stays() -> None:
    call = ao.cash_call(40, MEMBERS, "default_fund", able=[100.0, 5.0, 100.0], rounds=1)
    assert call.residual == 7.0 and len(call.called) == 1
    call.verify(1e-9)


@given(
    st.lists(st.tuples(st.floats(0.5, 50), st.floats(0, 60), st.floats(0, 40)), min_size=1, max_size=6),
    st.floats(0.1, 150),
)
def test_the_rounds_lose_nothing_and_end_at_one_rate(rows: list[tuple[float, float, float]], loss: float) -> None:
    members = pd.DataFrame({"fund": [r[0] for r in rows]})
    able, before = np.array([r[1] for r in rows]), np.array([r[2] for r in rows])
    call = ao.cash_call(loss, members, "fund", multiple=2.0, able=able, called=before)
    limit = np.maximum(2 * members["fund"].to_numpy() - before, 0.0)
    assert call.shares.sum() + call.residual == pytest.approx(loss, rel=1e-12)
    assert (call.called.sum() <= limit + 1e-9).all() and (call.shares <= able + 1e-9).all()
    known = ao.LossProblem(loss, members.assign(most=np.minimum(limit, able)), cap="most")
    once = ao.allocate(known, "pro-rata", key="fund")
    assert np.allclose(call.shares, once.shares, rtol=1e-9, atol=1e-9 * loss)
    assert call.residual == pytest.approx(once.residual, abs=1e-9 * loss)
    call.verify(1e-9)


def test_degenerate_calls_are_ordinary() -> None:
    assert ao.cash_call(0, MEMBERS, "default_fund").called.shape == (0, 3)
    assert ao.cash_call(5, MEMBERS.iloc[:0], "default_fund").residual == 5.0
    assert ao.cash_call(5, MEMBERS, "default_fund", able=0.0).failed == ["A", "B", "C"]
    assert ao.cash_call(1e12, MEMBERS * 1e12, "default_fund").residual == 0.0
    with pytest.raises(CertificateError):
        call = ao.cash_call(40, MEMBERS, "default_fund")
        dataclasses.replace(call, payments=call.payments * 0.5).verify()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loss": -1.0}, "the loss is -1"), ({"key": "fund"}, "no column"), ({"multiple": -1.0}, "multiple is -1"),
        ({"rounds": 0}, "rounds is 0"), ({"rounds": 1.5}, "rounds is 1.5"),
        ({"able": [1.0, -1.0, 1.0]}, "able: 'B' is -1"),
        ({"called": float("nan")}, "called"), ({"currency": 1}, "currency is 1"),
    ],
)  # fmt: skip
def test_a_bad_call_gets_one_clear_line(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        ao.cash_call(**{"loss": 40.0, "members": MEMBERS, "key": "default_fund", **change})


# Closing a service.

BOOK = pd.DataFrame({"gas": [10.0, -4.0, -6.0], "oil": [-5.0, 5.0, 0.0]}, index=list("ABC"))
PRICE, MARK = pd.Series({"gas": 12.0, "oil": 7.0}), pd.Series({"gas": 10.0, "oil": 5.0})


def test_gains_and_debts_of_one_member_are_set_off_before_claims_share() -> None:
    closed = ao.full_tear_up(
        BOOK, PRICE, MARK, assets=1.0, unpaid=pd.Series({"A": -2.0, "B": 1.0, "C": 0.0}), recovery=0.5
    )
    # A: 20 - 10 - 2, B: -8 + 10 + 1, C: -12
    assert closed.net.to_list() == [8.0, 3.0, -12.0] and closed.fund == 7.0
    assert closed.payouts.to_list() == pytest.approx([8 * 7 / 11, 3 * 7 / 11, 0.0])
    assert closed.shares.sum() == pytest.approx(4.0) and closed.residual == 0.0
    assert (
        closed.rate == pytest.approx(7 / 11)
        and "it gets 5.09" in closed.explain("A")
        and "owes 12.00" in closed.explain("C")
    )
    closed.verify(1e-9)


def test_set_off_never_enlarges_the_claims() -> None:
    split = pd.concat(
        [BOOK.drop(index="A"), pd.DataFrame({"gas": [10.0, 0.0], "oil": [0.0, -5.0]}, index=["A1", "A2"])]
    )
    together = ao.full_tear_up(BOOK, PRICE, MARK, assets=0.0)
    apart = ao.full_tear_up(split, PRICE, MARK, assets=0.0)
    assert together.claims.sum() < apart.claims.sum()


@settings(max_examples=40)
@given(
    st.lists(st.integers(-5000, 5000).map(lambda cents: cents / 100), min_size=1, max_size=6),
    st.floats(0, 80),
    st.floats(0, 1),
)
def test_what_is_paid_is_what_there_is(net: list[float], assets: float, recovery: float) -> None:
    book = pd.DataFrame({"x": net})
    closed = ao.full_tear_up(book, pd.Series({"x": 1.0}), pd.Series({"x": 0.0}), assets, recovery=recovery)
    assert closed.payouts.sum() + closed.surplus == pytest.approx(closed.fund, abs=1e-9)
    assert (closed.payouts <= closed.claims + 1e-9).all()
    assert np.allclose(closed.payouts, closed.claims * closed.rate, atol=1e-9)
    closed.verify(1e-9)


def test_full_recovery_of_a_flat_book_pays_every_claim() -> None:
    closed = ao.full_tear_up(BOOK, PRICE, MARK, assets=0.0)
    assert closed.rate == 1.0 and closed.shares.eq(0).all() and "paid at 100" in repr(closed)
    assert ao.full_tear_up(BOOK.iloc[:0], PRICE, MARK, assets=3.0).surplus == 3.0
    broke = ao.full_tear_up(BOOK, PRICE, MARK, assets=0.0, recovery=0.0)
    assert broke.rate == 0.0 and broke.shares.equals(broke.claims.rename("loss"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prices": PRICE.drop("oil")}, "prices has no entry for payer 'oil'"),
        ({"marks": pd.concat([MARK, pd.Series({"tin": 1.0})])}, "marks: 'tin' is no contract"),
        ({"assets": -1.0}, "assets is -1"), ({"recovery": 1.5}, "recovery: 'A' is 1.5"),
        ({"positions": BOOK.replace(10.0, float("nan"))}, "is NaN"),
        ({"positions": BOOK["gas"]}, "positions is a Series"),
    ],
)  # fmt: skip
def test_a_bad_closure_gets_one_clear_line(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        ao.full_tear_up(**{"positions": BOOK, "prices": PRICE, "marks": MARK, "assets": 0.0, **change})


# Recompense.


def test_recompense_pays_its_share_of_profit_until_the_claim_is_met() -> None:
    plan = ao.recompense(100, pd.Series({2024: 60.0, 2025: -20.0, 2026: 50.0, 2027: 80.0, 2028: 10.0}))
    assert plan.payments.to_list() == pytest.approx([42.0, 0.0, 35.0, 23.0, 0.0])
    assert list(plan.payments.index) == [2024, 2025, 2026, 2027, 2028] and plan.residual == 0.0
    assert plan.outstanding.to_list() == pytest.approx([58.0, 58.0, 23.0, 0.0, 0.0]) and plan.lawful
    plan.verify(1e-9)


def test_recompense_ends_with_the_last_year() -> None:
    plan = ao.recompense(1000, [100.0] * 15)
    assert (
        len(plan.payments) == 10
        and plan.payments.sum() == pytest.approx(700.0)
        and plan.residual == pytest.approx(300.0)
    )
    short = ao.recompense(1000, [100.0] * 15, share=0.5, years=2)
    assert short.payments.to_list() == [50.0, 50.0] and short.residual == 900.0
    assert not ao.recompense(1, [1.0], share=0.9).lawful and not ao.recompense(1, [1.0], years=11).lawful


def test_several_claimants_are_paid_pari_passu() -> None:
    plan = ao.recompense(pd.Series({"A": 60.0, "B": 20.0}), [50.0, 100.0])
    assert plan.by_claimant.to_numpy() == pytest.approx(np.array([[26.25, 8.75], [33.75, 11.25]]))
    assert plan.shares.to_list() == pytest.approx([60.0, 20.0]) and "B, with 25.0000%" in plan.explain("B")
    cents = ao.recompense(pd.Series({"A": 1.0, "B": 1.0, "C": 1.0}), [0.1 / 0.7] * 40, years=40).rounded()
    assert np.array_equal(np.rint(cents.sum(axis=1) * 100)[:30], np.full(30, 10)) and (cents.sum() == 1.0).all()


@given(st.floats(0, 1e6), st.lists(st.floats(-1e5, 1e5), max_size=14), st.floats(0, 1), st.integers(1, 12))
def test_recompense_adds_up(claim: float, profits: list[float], share: float, years: int) -> None:
    plan = ao.recompense(claim, profits, share, years)
    assert plan.payments.sum() + plan.residual == pytest.approx(claim, rel=1e-9, abs=1e-9)
    assert (plan.payments.to_numpy() <= share * np.maximum(profits[:years], 0.0) + 1e-12).all()
    assert (plan.payments >= 0).all() and plan.present_value(0.0) == pytest.approx(plan.payments.sum())
    plan.verify(1e-9)
    longer = ao.recompense(claim, profits, share, years + 1)
    assert longer.residual <= plan.residual + 1e-9 * max(claim, 1.0)


def test_a_schedule_that_stops_short_does_not_stand() -> None:
    plan = ao.recompense(100, [60.0, 60.0])
    with pytest.raises(CertificateError):
        dataclasses.replace(plan, paid=np.array([42.0, 10.0])).verify()
    assert plan.present_value(0.05) == pytest.approx(42 / 1.05 + 42 / 1.05**2)
    assert ao.recompense(0, [5.0]).payments.to_list() == [0.0] and ao.recompense(7, []).residual == 7.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"claim": -1.0}, "claim is -1"), ({"claim": float("nan")}, "claim is NaN"), ({"share": 1.2}, "share is 1.2"),
        ({"years": 0}, "years is 0"), ({"years": 2.5}, "years is 2.5"), ({"profits": 5.0}, "one profit per year"),
        ({"profits": [float("inf")]}, "is inf"), ({"profits": ["x"]}, "not a number"),
        ({"profits": pd.Series([1.0, 2.0], index=[2024, 2024])}, "year 2024 occurs more than once"),
        ({"claim": pd.Series([1.0, 2.0], index=["A", "A"])}, "claimant 'A' occurs more than once"),
    ],
)  # fmt: skip
def test_a_bad_schedule_gets_one_clear_line(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        ao.recompense(**{"claim": 100.0, "profits": [50.0], **change})


# Forced allocation and margin haircut.


def test_positions_are_forced_on_members_with_their_sign_and_cost() -> None:
    forced = ao.forced_allocation(-30, pd.Series({"A": 2.0, "B": 1.0}), limit=[12.0, 99.0], price=99.0, market=101.0)
    assert forced.assigned.to_dict() == {"A": -12.0, "B": -18.0} and forced.residual == 0.0
    assert forced.cost.to_dict() == {"A": 24.0, "B": 36.0} and "EU" in forced.prohibited
    assert (
        "it loses 24.00" in forced.explain("A") and forced.verify(1e-9) is forced and "prohibited: EU" in repr(forced)
    )
    short = ao.forced_allocation(10, pd.Series({"A": 1.0}), limit=4.0)
    assert short.residual == 6.0 and short.cost["A"] == 0.0 and short.shares["A"] == 4.0


def test_a_margin_haircut_is_pro_rata_and_says_where_it_is_forbidden() -> None:
    cut = ao.haircut_margin(30, pd.Series({"A": 100.0, "B": 50.0}))
    assert cut.shares.to_dict() == {"A": 20.0, "B": 10.0} and cut.verify(1e-9).price == pytest.approx(0.2)
    assert any(note.startswith("prohibited: EU") for note in cut.notes) and "comparison only" in cut.notes
    assert ao.haircut_margin(200, pd.Series({"A": 100.0, "B": 50.0})).residual == 50.0


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: ao.forced_allocation(1, [1.0]), "weight is a list"),
        (lambda: ao.forced_allocation(float("nan"), pd.Series([1.0])), "quantity is NaN"),
        (lambda: ao.forced_allocation(1, pd.Series([-1.0])), "is -1"),
        (lambda: ao.haircut_margin(1, {"A": 1.0}), "margin is a dict"),
        (lambda: ao.haircut_margin(-1, pd.Series({"A": 1.0})), "the loss is -1"),
    ],
)  # fmt: skip
def test_bad_positions_and_margins_get_one_clear_line(ask: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        ask()


# Non-default losses and own resources.

KEYS = {"investment": "cash", "custody": "securities", "cyber": None}
HOLDERS = pd.DataFrame({"cash": [60.0, 40.0], "securities": [0.0, 90.0], "most": [15.0, 99.0]}, index=["A", "B"])


@pytest.mark.parametrize(
    ("kind", "limit", "shares", "residual"),
    [
        ("investment", None, [30.0, 24.0, 16.0], 0.0),
        ("investment", "most", [30.0, 15.0, 25.0], 0.0),
        ("custody", None, [30.0, 0.0, 40.0], 0.0),
        ("cyber", None, [30.0, 0.0, 0.0], 40.0),
        ("investment", 10.0, [30.0, 10.0, 10.0], 20.0),
    ],
)
def test_each_kind_of_loss_has_its_own_key(kind: str, limit: Any, shares: list[float], residual: float) -> None:
    shared = ao.non_default_loss(70, kind, {"capital": 20.0, "second skin": 10.0}, HOLDERS, KEYS, limit=limit)
    assert shared.shares.to_list() == pytest.approx(shares) and shared.residual == pytest.approx(residual)
    assert shared.by_rung.to_list()[:2] == [20.0, 10.0] and "paid by the clearing house alone" in shared.explain("CCP")
    shared.verify(1e-9)
    assert shared.rounded().to_numpy().sum() == pytest.approx(70 - residual)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "war"}, "no kind of loss is called 'war'"), ({"keys": {"investment": "gold"}}, "'gold'"),
        ({"house": "A"}, "a member is called 'A'"), ({"own": {"capital": -1.0}}, "own resource 'capital' is -1"),
        ({"limit": "cap"}, "'cap'"), ({"own": [1.0]}, "own is a list"), ({"keys": None}, "keys is a NoneType"),
        ({"loss": float("inf")}, "the loss is inf"),
    ],
)  # fmt: skip
def test_a_bad_non_default_loss_gets_one_clear_line(change: dict[str, Any], message: str) -> None:
    facts = {"loss": 70.0, "kind": "investment", "own": {}, "members": HOLDERS, "keys": KEYS, **change}
    with pytest.raises(DataError, match=message):
        ao.non_default_loss(**facts)


def test_the_second_skin_is_an_interval_until_the_percentage_is_known() -> None:
    skin = ao.second_skin(200.0, pd.Series({"equities": 300.0, "rates": 100.0}))
    assert (skin.low, skin.high) == (20.0, 50.0) and np.isnan(skin.amount) and "not been verified" in skin.explain()
    assert skin.by_fund.sum().to_list() == [20.0, 50.0] and skin.non_default == (20.0, 50.0)
    known = ao.second_skin(200.0, percentage=17.4)
    assert known.amount == 34.0 and known.by_fund["low"].to_list() == [34.0] and "17 %" in known.explain()
    assert ao.second_skin(200.0, percentage=24.5).percentage == 25
    for bad, message in ((9.4, "percentage is 9.4"), (26.0, "percentage is 26"), (float("nan"), "NaN")):
        with pytest.raises(DataError, match=message):
            ao.second_skin(200.0, percentage=bad)
    with pytest.raises(DataError, match="all zero"):
        ao.second_skin(200.0, pd.Series({"rates": 0.0}))
    with pytest.raises(DataError, match="funds is a list"):
        ao.second_skin(200.0, [1.0])


# Capital for default-fund contributions.


def test_capital_follows_the_published_formula(shared_cases: Any) -> None:
    for case in shared_cases("risk.json")["cases"]:
        if case["id"] != "bcbs282_kcm":
            continue
        facts, expected = case["inputs"], case["expected"]
        funds = pd.Series({"i": facts["df_i"], "others": facts["df_cm_total"] - facts["df_i"]})
        held = ao.default_fund_capital(facts["ead_sum"], funds, facts["df_ccp"])
        assert held.k_ccp == pytest.approx(expected["K_CCP"]) and held.capital["i"] == pytest.approx(expected["K_CM"])
        assert held.risk_weighted["i"] == pytest.approx(expected["RWA"]) and 0.0016 * facts["df_i"] == expected["floor"]


def test_every_member_has_one_risk_weight_and_the_floor_stops_it() -> None:
    funds = pd.Series({"A": 60.0, "B": 340.0})
    held = ao.default_fund_capital(pd.Series({"A": 400.0, "B": 600.0}), funds, 40.0)
    assert (held.capital / funds).nunique() == 1 and not held.floor_binds
    assert held.capital["A"] == pytest.approx(16 * 60 / 440) and "hypothetical capital" in held.explain("A")
    least = ao.default_fund_capital(1.0, funds, 40.0)
    assert least.floor_binds and least.capital["A"] == pytest.approx(0.096) and least.risk_weight == pytest.approx(0.02)
    assert "floor" in least.explain("A") and ao.default_fund_capital(0.0, funds * 0, 0.0).capital.eq(0).all()
    heavier = ao.default_fund_capital(1000.0, funds, 40.0, risk_weight=0.5)
    assert heavier.k_ccp == pytest.approx(40.0)
    assert sft_exposure(pd.Series({"A": 50.0, "B": 10.0}), 20.0, 5.0).tolist() == [25.0, 0.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"risk_weight": 0.1}, "risk_weight is 0.1"), ({"own": -1.0}, "own is -1"),
        ({"funds": [1.0]}, "funds is a list"),
        ({"exposure": float("nan")}, "exposure is NaN"), ({"funds": pd.Series({"A": 0.0}), "own": 0.0}, "all zero"),
        ({"funds": pd.Series([1.0, 2.0], index=["A", "A"])}, "member 'A' occurs more than once"),
    ],
)  # fmt: skip
def test_bad_capital_figures_get_one_clear_line(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        ao.default_fund_capital(**{"exposure": 1000.0, "funds": pd.Series({"A": 1.0}), "own": 1.0, **change})
