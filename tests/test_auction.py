"""Default auctions: who bids badly or not at all pays first, by SGX's rule to the letter and by rules like it."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocopt as ao
from allocopt.errors import CertificateError, DataError
from allocopt.mechanisms.ladder import Ladder

MEMBERS = pd.DataFrame(
    {
        "bid": [100.0, 98.0, 90.0, 60.0, None, None, 50.0],
        "obliged": [True, True, True, True, True, False, False],
        "deposit": [20.0, 20.0, 10.0, 20.0, 15.0, 10.0, 5.0],
        "assessment": [20.0, 20.0, 10.0, 20.0, 5.0, 10.0, 5.0],
    },
    index=["win", "near", "poor", "bad", "silent", "spared", "volunteer"],
)


def assert_stands(ladder: Ladder) -> None:
    """Nothing lost, nobody above its cap on any rung, no rung used while an earlier one still had room."""
    unit = ladder.loss or 1.0
    assert ladder.shares.sum() + ladder.residual == pytest.approx(ladder.loss, rel=1e-12, abs=1e-300)
    caps = np.array([np.where(rung.on & (rung.weight > 0), rung.cap, 0.0) for rung in ladder.rungs])
    assert (ladder.paid <= caps + 1e-12 * unit).all() and (ladder.paid >= 0).all()
    full = [ladder.paid[k].sum() >= caps[k].sum() - 1e-12 * unit for k in range(len(caps))]
    used = [ladder.paid[k].sum() > 1e-12 * unit for k in range(len(caps))]
    assert all(full[k] or not any(used[k + 1 :]) for k in range(len(caps)))
    ladder.verify(1e-9)


def test_the_check_sees_a_rung_that_was_skipped() -> None:
    auction = ao.sgx_auction(10, MEMBERS, 99)
    with pytest.raises(AssertionError):
        assert_stands(dataclasses.replace(auction, paid=auction.paid[::-1]))
    with pytest.raises(CertificateError):
        dataclasses.replace(auction, paid=auction.paid * 1.01).verify()


# SGX-DC, by hand. Reference price 99: "win" is at it, "near", "poor" and "bad" are below, "silent" did not bid.


def test_sgx_the_silent_pay_deposits_then_assessments_before_any_bidder() -> None:
    auction = ao.sgx_auction(18, MEMBERS, 99)
    assert auction.table.loc[:, "silent"].to_list() == [15.0, 3.0, 0.0, 0.0, 0.0, 0.0]
    assert auction.shares.sum() == 18.0 and auction.residual == 0.0
    assert_stands(auction)


def test_sgx_low_bidders_pay_by_distance_times_deposit_and_caps_are_respread() -> None:
    # Weights (99 - bid) x deposit: near 1 x 20, poor 9 x 10, bad 39 x 20; 30 reach them after the silent paid 20.
    auction = ao.sgx_auction(50, MEMBERS, 99)
    third = auction.table.iloc[2]
    assert 30 * 780 / 890 > 20  # "bad" stops at its deposit, and what that cuts off goes to the other two
    assert third[["near", "poor", "bad"]].to_list() == pytest.approx([10 * 20 / 110, 10 * 90 / 110, 20.0])
    free = ao.sgx_auction(40, MEMBERS, 99).table.iloc[2]
    assert free[["near", "poor", "bad"]].to_list() == pytest.approx([20 * 20 / 890, 20 * 90 / 890, 20 * 780 / 890])
    assert_stands(auction)


def test_sgx_everybody_else_comes_last_whether_it_bid_well_or_had_no_duty() -> None:
    auction = ao.sgx_auction(20 + 50 + 50 + 7, MEMBERS, 99)
    last = auction.table.iloc[4]
    assert last[["win", "spared", "volunteer"]].to_list() == pytest.approx([4.0, 2.0, 1.0])
    assert auction.tiers["volunteer"] == "exempt" and auction.tiers["win"] == "competitive"
    assert_stands(auction)
    done = ao.sgx_auction(1e6, MEMBERS, 99)
    assert done.residual == 1e6 - MEMBERS[["deposit", "assessment"]].to_numpy().sum()
    assert_stands(done)


def test_sgx_weighs_by_the_requirement_and_stops_at_what_is_apportioned() -> None:
    bids = pd.DataFrame(
        {"bid": [None, None], "deposit": [6.0, 20.0], "assessment": [0.0, 0.0], "deposit requirement": [30.0, 10.0]},
        index=["A", "B"],
    )
    auction = ao.sgx_auction(10, bids, 0.0)
    assert auction.shares.to_dict() == {"A": 6.0, "B": 4.0}  # 7.5 and 2.5 before the cap


def test_sgx_marks_what_could_not_be_read() -> None:
    auction = ao.sgx_auction(100, MEMBERS, 99)
    assert [rung.status for rung in auction.rungs] == ["published"] * 3 + ["unverified"] * 3
    assert [rung.name[0] for rung in auction.rungs] == list("abcdef")
    assert "unverified" in auction.explain("bad") and "unverified" not in auction.explain("silent").splitlines()[1]


# The general form.


def test_a_band_tolerates_bids_that_are_almost_good() -> None:
    auction = ao.juniorise(60, MEMBERS, 99, resources="deposit", band=1.0)
    assert auction.tiers.to_list() == [
        "competitive", "within band", "non-competitive", "non-competitive", "no bid", "exempt", "exempt",
    ]  # fmt: skip
    assert auction.shares.to_list() == pytest.approx([0, 15, 10, 20, 15, 0, 0])
    assert ao.juniorise(60, MEMBERS, 98, resources="deposit", band=8.0).tiers["poor"] == "within band"
    assert_stands(auction)


def test_tiers_can_burn_in_any_order_and_together() -> None:
    order = (("no bid", "non-competitive"), ("within band", "competitive", "exempt"))
    auction = ao.juniorise(30, MEMBERS, 99, resources="deposit", order=order, by_distance=())
    assert auction.shares[["near", "poor", "bad", "silent"]].to_list() == pytest.approx(
        [30 * w / 65 for w in (20, 10, 20, 15)]
    )
    flat = ao.juniorise(30, MEMBERS, 99, resources="deposit", order=[ao_all()], by_distance=())
    pro_rata = ao.allocate(ao.LossProblem(30, MEMBERS[["deposit"]], cap="deposit"), "pro-rata", key="deposit")
    assert np.allclose(flat.shares, pro_rata.shares)


def ao_all() -> tuple[str, ...]:
    from allocopt.mechanisms.auction import TIERS

    return TIERS


def test_negative_prices_are_ordinary_a_buyer_may_ask_to_be_paid() -> None:
    bids = pd.DataFrame({"bid": [-10.0, -40.0], "contribution": [5.0, 5.0]}, index=["A", "B"])
    auction = ao.juniorise(4, bids, -20.0)
    assert auction.shares.to_dict() == {"A": 0.0, "B": 4.0} and auction.best_bid == -10.0


def test_the_burn_order_lists_weights_that_sum_to_one_on_each_rung() -> None:
    burn = ao.sgx_auction(42, MEMBERS, 99).burn_order
    assert burn.groupby("rung")["weight"].sum().to_list() == pytest.approx([1.0] * 6)
    assert burn[burn["rung"] == 3].set_index("member")["weight"].to_dict() == pytest.approx(
        {"near": 20 / 890, "poor": 90 / 890, "bad": 780 / 890}
    )


def test_each_rung_is_the_pro_rata_scheme() -> None:
    auction = ao.sgx_auction(42, MEMBERS, 99)
    for name, answer in auction.allocations.items():
        assert np.allclose(answer.shares, auction.table.loc[name, list(answer.problem.ids)])
        answer.verify(1e-9)


# Incentives.


def test_the_incentive_is_the_share_without_a_bid_less_the_share_with_it() -> None:
    for loss in (5.0, 42.0, 70.0, 130.0):
        auction = ao.sgx_auction(loss, MEMBERS, 99)
        table = auction.incentive()
        for member in MEMBERS.index:
            silent, speaking = MEMBERS.copy(), MEMBERS.copy()
            silent.loc[member, "bid"] = np.nan
            if math.isnan(speaking.loc[member, "bid"]):
                speaking.loc[member, "bid"] = 99.0
            without = ao.sgx_auction(loss, silent, 99).shares[member]
            having = ao.sgx_auction(loss, speaking, 99).shares[member]
            assert table.loc[member, "incentive"] == pytest.approx(without - having, abs=1e-9)
            assert table.loc[member, "actual"] == pytest.approx(auction.shares[member], abs=1e-9)


@st.composite
def auctions(draw: Any) -> tuple[float, pd.DataFrame, float]:
    n = draw(st.integers(1, 6))
    money = st.one_of(st.sampled_from([0.0, 1.0, 5.0]), st.floats(0.01, 50))
    bid = st.one_of(st.none(), st.sampled_from([0.0, 10.0]), st.floats(-30, 30))
    lists = {name: draw(st.lists(money, min_size=n, max_size=n)) for name in ("deposit", "assessment")}
    bids = draw(st.lists(bid, min_size=n, max_size=n))
    obliged = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    table = pd.DataFrame({"bid": pd.Series(bids, dtype=float), "obliged": obliged, **lists})
    return draw(st.one_of(st.just(0.0), st.floats(0.01, 200))), table, draw(st.sampled_from([0.0, 10.0, -5.0]))


@settings(max_examples=25)
@given(auctions())
def test_any_auction_adds_up_and_burns_in_order(case: tuple[float, pd.DataFrame, float]) -> None:
    loss, bids, price = case
    assert_stands(ao.sgx_auction(loss, bids, price))
    assert_stands(ao.juniorise(loss, bids, price, resources=("deposit",), band=4.0))


@given(auctions())
def test_bidding_at_the_price_never_costs_an_obliged_member_more_than_silence(
    case: tuple[float, pd.DataFrame, float],
) -> None:
    loss, bids, price = case
    bids = bids.assign(bid=np.where(bids["bid"].notna(), price, np.nan))
    assert (ao.sgx_auction(loss, bids, price).incentive()["incentive"] >= -1e-9 * max(loss, 1.0)).all()


@given(auctions(), st.floats(0.1, 50))
def test_more_loss_never_lowers_a_bill(case: tuple[float, pd.DataFrame, float], more: float) -> None:
    loss, bids, price = case
    less, raised = ao.sgx_auction(loss, bids, price), ao.sgx_auction(loss + more, bids, price)
    assert (raised.shares >= less.shares - 1e-9).all()


@given(auctions())
def test_in_cents_it_adds_up_exactly(case: tuple[float, pd.DataFrame, float]) -> None:
    loss, bids, price = round(case[0], 2), case[1], case[2]
    auction = ao.sgx_auction(loss, bids, price)
    cents = np.rint(auction.rounded(2).to_numpy() * 100)
    caps = np.array([np.where(rung.on, rung.cap, 0.0) for rung in auction.rungs])
    assert (cents <= np.floor(caps * 100 + 1e-6)).all()
    if auction.residual == 0 and cents.sum() != np.rint(loss * 100):
        assert np.floor(caps * 100 + 1e-9).sum() < loss * 100  # only where whole cents of the caps cannot hold it
    assert cents.sum() <= np.rint(loss * 100)


def test_contributions_are_apportioned_to_auctions_by_notional() -> None:
    parts = ao.apportion(MEMBERS["deposit"], pd.Series({"rates": 30.0, "metals": 10.0, "none": 0.0}))
    assert np.allclose(parts.sum(axis=1), MEMBERS["deposit"]) and parts.loc["win"].to_list() == [15.0, 5.0, 0.0]
    some = ao.apportion(MEMBERS["deposit"], pd.Series({"rates": 30.0}), whole=120.0)
    assert some.loc["win", "rates"] == 5.0
    with pytest.raises(DataError, match="whole is 20, less than"):
        ao.apportion(MEMBERS["deposit"], pd.Series({"rates": 30.0}), whole=20.0)
    for amounts, notionals, message in (
        (MEMBERS["deposit"], pd.Series({"rates": 0.0}), "all zero"),
        (MEMBERS["deposit"], [1.0], "notionals is a list"),
        (MEMBERS["deposit"], pd.Series([1.0, 1.0], index=["x", "x"]), "auction 'x' occurs more than once"),
        (-MEMBERS["deposit"], pd.Series({"rates": 1.0}), "amounts: 'win' is -20"),
    ):
        with pytest.raises(DataError, match=message):
            ao.apportion(amounts, notionals)


# Degenerate, and what a reader sees.


def test_nobody_no_loss_and_no_bids_are_ordinary() -> None:
    nobody = ao.sgx_auction(5, MEMBERS.iloc[:0], 99)
    assert nobody.residual == 5.0 and len(nobody.incentive()) == 0 and math.isnan(nobody.best_bid)
    none = ao.sgx_auction(0, MEMBERS, 99)
    assert none.shares.eq(0).all() and none.incentive()["incentive"].eq(0).all()
    silence = ao.sgx_auction(30, MEMBERS.assign(bid=np.nan), 99)
    assert silence.tiers.value_counts().to_dict() == {"no bid": 5, "exempt": 2}
    for auction in (nobody, none, silence):
        assert_stands(auction)


@pytest.mark.parametrize("scale", [1e-9, 1e12])
def test_the_unit_of_money_does_not_matter(scale: float) -> None:
    money = MEMBERS[["bid", "deposit", "assessment"]].astype(float) * scale
    other = ao.sgx_auction(42 * scale, MEMBERS.assign(**money), 99 * scale)
    assert np.allclose(other.shares, ao.sgx_auction(42, MEMBERS, 99).shares * scale, rtol=1e-9)
    assert_stands(other)


def test_a_member_can_see_every_rung_it_stands_on() -> None:
    words = ao.sgx_auction(42, MEMBERS, 99, currency="SGD").explain("bad")
    assert words.startswith("bad bears SGD 19.28")
    assert "c: deposits of members that bid below the reference price: SGD 22.00 reached it" in words
    assert "Auction(SGX-DC 7A.01B.3" in repr(ao.sgx_auction(42, MEMBERS, 99))
    with pytest.raises(DataError, match="no member is called 'Z'"):
        ao.sgx_auction(42, MEMBERS, 99).explain("Z")


def test_the_callers_table_is_left_alone() -> None:
    kept = MEMBERS.copy()
    ao.sgx_auction(42, MEMBERS, 99).incentive()
    assert MEMBERS.equals(kept)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loss": -1.0}, "the loss is -1"),
        ({"loss": float("nan")}, "the loss is NaN"),
        ({"loss": 1e-300}, "too close to zero"),
        ({"price": float("inf")}, "price is inf"),
        ({"bids": MEMBERS.drop(columns="bid")}, "no column of bids is called 'bid'"),
        ({"bids": MEMBERS.drop(columns="deposit")}, "no column of bids is called 'deposit'"),
        ({"bids": MEMBERS.assign(bid=["x"] * 7)}, "'x', not a number"),
        ({"bids": MEMBERS.assign(bid=float("inf"))}, "bid: 'win' is inf"),
        ({"bids": MEMBERS.assign(obliged=["yes"] * 7)}, "obliged: 'win' is 'yes'; write True or False"),
        ({"bids": MEMBERS.assign(deposit=-1.0)}, "column 'deposit': 'win' is -1"),
        ({"bids": pd.concat([MEMBERS, MEMBERS])}, "occurs more than once"),
        ({"band": -1.0}, "band is -1"),
        ({"order": ("no bid",)}, "order names tier 'non-competitive' 0 times"),
        ({"order": (*(("no bid",),) * 2,)}, "2 times"),
        ({"order": None}, "order is None"),
        ({"resources": []}, "resources is empty"),
        ({"order": ("losers",)}, "no tier is called 'losers'"),
        ({"by_distance": "competitive"}, "only bids below the price"),
        ({"order": [ao_all()]}, "cannot burn together"),
    ],
)
def test_bad_input_gets_one_clear_line(change: dict[str, Any], message: str) -> None:
    facts: dict[str, Any] = {"loss": 42.0, "bids": MEMBERS, "price": 99.0, "resources": "deposit", **change}
    with pytest.raises(DataError, match=message):
        ao.juniorise(**facts)
