"""Gains haircutting: one rate for all, nothing lost, refunds where gains are lost again, members netted or not."""

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
from allocopt.mechanisms.gains import GainsHaircut

ROUND = 1e-12


def flows(*rows: list[float], accounts: Any = None) -> pd.DataFrame:
    columns = accounts if accounts is not None else [f"account {i}" for i in range(len(rows[0]))]
    return pd.DataFrame(list(rows), columns=columns, index=[f"day {t}" for t in range(1, len(rows) + 1)])


def owned(*rows: list[float]) -> pd.DataFrame:
    """Accounts two by two in the hands of members."""
    pairs = [(f"member {i // 2}", f"account {i}") for i in range(len(rows[0]))]
    return flows(*rows, accounts=pd.MultiIndex.from_tuples(pairs, names=["member", "account"]))


def assert_stands(cut: GainsHaircut) -> None:
    """Every day adds up, no haircut is above its gain, and all are cut at one rate."""
    moves, losses = cut.account_gains, cut.losses
    unit = max(float(losses.sum()), 1e-300)
    by_day = cut.haircuts.to_numpy().sum(axis=1) + cut.unfunded.to_numpy()
    assert np.allclose(by_day, losses, rtol=0, atol=ROUND * unit * max(1, len(losses)))
    assert cut.haircuts.to_numpy().sum() + cut.residual == pytest.approx(losses.sum(), rel=1e-12, abs=1e-300)
    to_date = cut.haircuts.to_numpy().cumsum(axis=0) if cut.cumulative else cut.haircuts.to_numpy()
    assert (to_date <= moves + ROUND * unit).all() and (to_date >= -ROUND * unit).all()
    assert cut.by_account.sum() == pytest.approx(cut.shares.sum(), rel=1e-12, abs=1e-300)
    cut.verify(1e-9)


def test_the_check_sees_a_haircut_that_is_off() -> None:
    cut = ao.haircut_gains(flows([30.0, 10.0, -20.0]), [20.0])
    with pytest.raises(CertificateError, match="does not stand"):
        assert_stands(dataclasses.replace(cut, losses=np.array([21.0])))
    with pytest.raises(AssertionError):
        assert_stands(dataclasses.replace(cut, account_gains=np.array([[14.0, 10.0, 0.0]])))
    wrong = dataclasses.replace(cut, taken=np.array([[14.0, 6.0, 0.0]]))
    with pytest.raises(CertificateError, match="does not stand"):
        wrong.verify()


# Degenerate first.


@pytest.mark.parametrize("timing", ["daily", "cumulative"])
@pytest.mark.parametrize("netting", ["account", "member"])
def test_no_loss_no_gain_no_account_and_no_day_are_ordinary(timing: str, netting: str) -> None:
    none = ao.haircut_gains(owned([5.0, -5.0], [0.0, 0.0]), [0.0, 0.0], timing, netting)
    assert none.by_account.eq(0).all() and none.residual == 0 and none.rates.eq(0).all()
    barren = ao.haircut_gains(owned([-5.0, -1.0]), [7.0], timing, netting)
    assert barren.residual == 7.0 and barren.by_account.eq(0).all()
    nobody = ao.haircut_gains(owned([1.0, 2.0]).iloc[:, :0], [7.0], timing, netting)
    assert nobody.residual == 7.0 and nobody.haircuts.shape == (1, 0)
    never = ao.haircut_gains(owned([1.0, 2.0]).iloc[:0], [], timing, netting)
    assert never.residual == 0.0 and never.haircuts.shape == (0, 2)
    alone = ao.haircut_gains(owned([8.0]), [3.0], timing, netting)
    assert alone.by_account.to_list() == [3.0]
    for cut in (none, barren, nobody, never, alone):
        assert_stands(cut)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e12])
def test_the_unit_of_money_does_not_matter(scale: float) -> None:
    base = ao.haircut_gains(owned([30.0, -5.0, 10.0], [-40.0, 20.0, 5.0]), [20.0, 10.0], "cumulative", "member")
    other = ao.haircut_gains(
        owned([30.0, -5.0, 10.0], [-40.0, 20.0, 5.0]) * scale, [20.0 * scale, 10.0 * scale], "cumulative", "member"
    )
    assert np.allclose(other.haircuts.to_numpy(), base.haircuts.to_numpy() * scale, rtol=1e-12, atol=0)
    assert_stands(other)


# The published formulas, by hand.


def test_daily_each_gain_of_the_day_is_cut_at_the_rate_of_the_day() -> None:
    cut = ao.haircut_gains(flows([30.0, 10.0, -20.0], [-10.0, 20.0, 20.0]), [20.0, 60.0])
    assert cut.rates.to_list() == [0.5, 1.0]
    assert cut.haircuts.to_numpy().tolist() == [[15.0, 5.0, 0.0], [0.0, 20.0, 20.0]]
    assert cut.unfunded.to_list() == [0.0, 20.0] and cut.residual == 20.0
    assert cut.capacity.to_list() == [40.0, 40.0]


def test_cumulative_a_lost_gain_is_refunded_and_a_later_gain_pays_an_earlier_loss() -> None:
    moves = flows([30.0, 10.0], [-30.0, 30.0])
    refunded = ao.haircut_gains(moves, [20.0, 0.0], "cumulative")
    assert refunded.rates.to_list() == [0.5, 0.5]
    assert refunded.haircuts.to_numpy().tolist() == [[15.0, 5.0], [-15.0, 15.0]]
    later = ao.haircut_gains(flows([5.0, 0.0], [0.0, 20.0]), [15.0, 0.0], "cumulative")
    assert later.unfunded.to_list() == [10.0, -10.0] and later.residual == 0.0
    assert later.by_account.to_list() == pytest.approx([3.0, 12.0])
    assert ao.haircut_gains(flows([5.0, 0.0], [0.0, 20.0]), [15.0, 0.0]).residual == 10.0
    assert_stands(refunded)
    assert_stands(later)


def test_netting_by_member_sets_its_accounts_off_and_spreads_the_rest_by_their_gains() -> None:
    moves = owned([30.0, -10.0, 20.0, 0.0])
    apart, together = (ao.haircut_gains(moves, [10.0], netting=how) for how in ("account", "member"))
    assert apart.by_account.to_list() == [6.0, 0.0, 4.0, 0.0]
    assert together.capacity.to_list() == [40.0]
    assert together.shares.to_dict() == {"member 0": 5.0, "member 1": 5.0}
    assert together.by_account.to_list() == [5.0, 0.0, 5.0, 0.0]
    spread = ao.haircut_gains(owned([30.0, 10.0, -20.0, 0.0]), [8.0], netting="member")
    assert spread.by_account.to_list() == [6.0, 2.0, 0.0, 0.0]


def test_a_cap_over_all_days_is_respread_to_the_rest() -> None:
    moves = flows([20.0, 20.0, 10.0], [20.0, 20.0, 10.0])
    cut = ao.haircut_gains(
        moves, [20.0, 20.0], cap=pd.Series({"account 0": 10.0, "account 1": 99.0, "account 2": 99.0})
    )
    assert cut.haircuts.to_numpy() == pytest.approx(np.array([[8.0, 8.0, 4.0], [2.0, 12.0, 6.0]]))
    assert_stands(cut)
    whole = ao.haircut_gains(moves, [20.0, 20.0], "cumulative", cap=10.0)
    assert whole.by_account.to_list() == [10.0, 10.0, 10.0] and whole.residual == 10.0
    assert_stands(whole)


def test_the_haircut_of_a_day_is_the_pro_rata_scheme_on_gains() -> None:
    cut = ao.haircut_gains(owned([30.0, -10.0, 20.0, 5.0], [3.0, 1.0, -2.0, 9.0]), [10.0, 4.0], "cumulative", "member")
    for t, day in enumerate(cut.days):
        answer = cut.allocation(day).verify(1e-9)
        assert np.allclose(answer.paid, cut.taken[t], rtol=1e-12)
        assert answer.price == pytest.approx(cut.rates.iloc[t])


# Properties.

amount = st.one_of(st.sampled_from([0.0, 1.0, -1.0, 10.0, -10.0]), st.floats(-100, 100))


@st.composite
def cases(draw: Any) -> tuple[pd.DataFrame, list[float]]:
    days, accounts = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    rows = draw(st.lists(st.lists(amount, min_size=accounts, max_size=accounts), min_size=days, max_size=days))
    losses = draw(st.lists(st.one_of(st.just(0.0), st.floats(0.01, 150)), min_size=days, max_size=days))
    return owned(*rows), losses


@settings(max_examples=25)
@given(cases())
def test_every_variant_adds_up_and_stands(case: tuple[pd.DataFrame, list[float]]) -> None:
    moves, losses = case
    for timing in ("daily", "cumulative"):
        by_account, by_member = (ao.haircut_gains(moves, losses, timing, netting) for netting in ("account", "member"))
        assert_stands(by_account)
        assert_stands(by_member)
        assert_stands(ao.haircut_gains(moves, losses, timing, "member", cap=12.0))
        assert (by_member.capacity <= by_account.capacity + 1e-9).all()
        assert by_member.residual >= by_account.residual - 1e-9


@given(cases())
def test_the_rates_are_the_published_ratios(case: tuple[pd.DataFrame, list[float]]) -> None:
    moves, losses = case
    table = moves.to_numpy()
    gains = {"daily": np.maximum(table, 0.0), "cumulative": np.maximum(table.cumsum(axis=0), 0.0)}
    due = {"daily": np.array(losses), "cumulative": np.cumsum(losses)}
    for timing in gains:
        cut = ao.haircut_gains(moves, losses, timing)
        for rate, need, have in zip(cut.rates, due[timing], gains[timing].sum(axis=1), strict=True):
            assert rate == pytest.approx(0.0 if need == 0 else min(1.0, need / have) if have > 0 else 1.0)


@given(cases())
def test_the_defaulters_loss_since_the_start_can_always_be_paid(case: tuple[pd.DataFrame, list[float]]) -> None:
    """Positions sum to zero: what survivors gain in net is what the defaulter lost, and no haircut exceeds it."""
    moves, _ = case
    net = moves.to_numpy().sum(axis=1)
    daily = ao.haircut_gains(moves, np.maximum(net, 0.0))
    assert daily.residual == pytest.approx(0.0, abs=1e-9) and (daily.rates <= 1.0).all()
    gains, losses = np.maximum(moves.to_numpy(), 0.0).sum(axis=1), np.maximum(-moves.to_numpy(), 0.0).sum(axis=1)
    assert np.allclose(gains, losses + net)  # the capacity identity
    whole = ao.haircut_gains(
        moves.iloc[-1:].mul(0.0).add(moves.to_numpy().sum(axis=0)), [max(net.sum(), 0.0)], "cumulative"
    )
    assert whole.residual == pytest.approx(0.0, abs=1e-9)


@given(cases())
def test_one_day_is_the_same_daily_and_cumulative(case: tuple[pd.DataFrame, list[float]]) -> None:
    moves, losses = case[0].iloc[:1], case[1][:1]
    daily, cumulative = (ao.haircut_gains(moves, losses, timing) for timing in ("daily", "cumulative"))
    assert np.allclose(daily.haircuts, cumulative.haircuts)


@settings(max_examples=30)
@given(cases())
def test_in_cents_every_day_adds_up_exactly(case: tuple[pd.DataFrame, list[float]]) -> None:
    moves, losses = case
    cents = [round(loss, 2) for loss in losses]
    for timing in ("daily", "cumulative"):
        for netting in ("account", "member"):
            cut = ao.haircut_gains(moves.round(2), cents, timing, netting)
            table = np.rint(cut.rounded(2).to_numpy() * 100)
            assert np.array_equal(table / 100, cut.rounded(2).to_numpy())
            funded = np.rint((np.array(cents) - cut.unfunded.to_numpy()) * 100)
            assert np.array_equal(table.sum(axis=1), funded)
            to_date = table.cumsum(axis=0) if timing == "cumulative" else table
            assert (to_date <= np.rint(cut.account_gains * 100)).all()


@given(cases(), st.floats(0.1, 50))
def test_more_loss_on_one_day_never_lowers_a_daily_haircut(case: tuple[pd.DataFrame, list[float]], more: float) -> None:
    moves, losses = case
    less, raised = ao.haircut_gains(moves, losses), ao.haircut_gains(moves, [losses[0] + more, *losses[1:]])
    assert (raised.by_account >= less.by_account - 1e-9).all()


def test_many_accounts_go_in_one_call_and_agree_with_a_loop() -> None:
    rng = np.random.default_rng(3)
    moves = pd.DataFrame(rng.normal(size=(10, 3000)) * 1e5)
    losses = np.abs(rng.normal(size=10)) * 3e7
    cut = ao.haircut_gains(moves, losses)
    for t in range(10):
        gains = np.maximum(moves.to_numpy()[t], 0.0)
        assert np.allclose(cut.haircuts.to_numpy()[t], gains * min(1.0, losses[t] / gains.sum()), rtol=1e-12)
    assert_stands(cut)


# What a reader sees.


def test_an_account_can_see_its_days_gains_and_rates() -> None:
    cut = ao.haircut_gains(owned([30.0, -10.0], [-25.0, 1.0]), [10.0, 0.0], "cumulative", "member", currency="EUR")
    words = cut.explain(("member 0", "account 0"))
    assert "loses EUR 0.00" in words and "cut at 50.0000%: EUR 10.00 taken" in words and "refunded" in words
    assert "cumulative, by member" in repr(cut)
    for stranger in ("X", ["X"], "member 0"):
        with pytest.raises(DataError, match="no account is called"):
            cut.explain(stranger)


def test_a_day_left_out_of_the_losses_has_none_and_their_order_does_not_matter() -> None:
    moves = flows([30.0, 10.0], [5.0, 5.0], [1.0, 3.0])
    sparse = ao.haircut_gains(moves, pd.Series({"day 3": 2.0, "day 1": 20.0}))
    assert sparse.haircuts.equals(ao.haircut_gains(moves, [20.0, 0.0, 2.0]).haircuts)


def test_the_answer_cannot_be_changed() -> None:
    cut = ao.haircut_gains(flows([30.0, 10.0]), [20.0])
    table = cut.haircuts
    table.iloc[0, 0] = 99.0
    assert cut.haircuts.iloc[0, 0] == 15.0
    with pytest.raises(ValueError, match="read-only"):
        cut.taken[0, 0] = 99.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        cut.timing = "weekly"  # type: ignore[misc]


def test_the_callers_table_is_left_alone() -> None:
    moves, losses = flows([30.0, 10.0]), pd.Series({"day 1": 5.0})
    kept = moves.copy(), losses.copy()
    ao.haircut_gains(moves, losses, "cumulative").rounded()
    assert moves.equals(kept[0]) and losses.equals(kept[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"flows": flows([float("nan"), 1.0])}, r"flows: \('day 1', 'account 0'\) is NaN"),
        ({"flows": flows([float("inf"), 1.0])}, "is inf"),
        ({"flows": flows(["x", 1.0])}, "'x', not a number"),  # type: ignore[list-item]
        ({"flows": flows([1.0, 2.0], accounts=["A", "A"])}, "account 'A' occurs more than once"),
        ({"flows": pd.concat([flows([1.0, 2.0])] * 2), "losses": [1.0, 1.0]}, "day 'day 1' occurs more than once"),
        ({"flows": [[1.0]]}, "flows is a list; give a DataFrame"),
        ({"flows": flows([1.0, 2.0], [1.0, 2.0])}, "one entry for each of the 2"),
        ({"flows": flows([1.0, 2.0], [1.0, 2.0]), "losses": 3.0}, "one loss for each of the 2 days"),
        ({"losses": [-1.0]}, "'day 1' is -1"),
        ({"losses": [float("nan")]}, "'day 1' is NaN"),
        ({"losses": pd.Series({"day 2": 1.0})}, "flows have no row for day 'day 2'"),
        ({"losses": pd.Series([1.0, 1.0], index=["day 1", "day 1"])}, "day 'day 1' occurs more than once"),
        ({"losses": pd.Series({"day 1": None})}, "'day 1' is NaN"),
        ({"timing": "weekly"}, "no timing is called 'weekly'"),
        ({"netting": "group"}, "no netting is called 'group'"),
        ({"netting": "member"}, r"by pairs \(member, account\)"),
        ({"cap": -1.0}, "cap: 'account 0' is -1"),
        ({"cap": pd.Series({"account 0": 1.0})}, "cap has no entry for payer 'account 1'"),
        ({"currency": 3}, "currency is 3"),
    ],
)
def test_bad_input_gets_one_clear_line(change: dict[str, Any], message: str) -> None:
    facts = {"flows": flows([1.0, 2.0]), "losses": [1.0], **change}
    with pytest.raises(DataError, match=message):
        ao.haircut_gains(**facts)


def test_days_out_of_order_are_refused() -> None:
    moves = flows([1.0, 2.0], [1.0, 2.0])
    moves.index = pd.to_datetime(["2020-01-02", "2020-01-01"])
    with pytest.raises(DataError, match="out of order"):
        ao.haircut_gains(moves, [1.0, 1.0])
