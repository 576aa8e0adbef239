"""Figures from venues' own documents and unit tests: rankings, closing orders, prices and roundings, to the digit."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest

import allocopt as ao
from allocopt.errors import DataError
from allocopt.mechanisms.perpetual import rankings as rank
from allocopt.mechanisms.perpetual.dydx import dydx_bankruptcy_quote, dydx_fillable_price
from allocopt.mechanisms.perpetual.dydx_state import dydx_fund_can_pay, dydx_insurance_delta, dydx_transition
from allocopt.mechanisms.perpetual.lending import morpho_incentive
from allocopt.mechanisms.perpetual.rounding import rounded_down, rounded_up
from allocopt.mechanisms.perpetual.zero_price import lighter_fee


def duel(short: float, *longs: float, mark: float = 50_000.0, **columns: Any) -> ao.PerpetualBook:
    """One short of 1 BTC with this equity against longs of 1 BTC in all, in equal parts."""
    n = len(longs)
    table = pd.DataFrame(
        {"contracts": [-1.0, *[1.0 / n] * n], "entry_price": mark, "equity": [short, *longs], **columns},
        index=["Carl", *[f"Dave {k}" for k in range(n)]],
    )
    return ao.PerpetualBook(table, mark=mark)


# -- BitMEX: app/autoDeleveragingExamples ---------------------------------------------------------------------------


SIX = pd.DataFrame(
    {
        "contracts": [10.0, 10.0, 20.0, 30.0, 20.0, 10.0, -100.0], "entry_price": 600.0, "balance": 1e4,
    },
    index=["1", "2", "3", "4", "5", "6", "S"],
)  # fmt: skip
SCORES = [3.0, 6.0, 1.0, 4.0, 5.0, 2.0, 0.0]


def test_bitmex_closes_accounts_two_and_five_of_its_example() -> None:
    """A short of 20 is liquidated with a bankruptcy price of 650: account 2 is closed, 5 keeps 10 of its 20."""
    book = ao.PerpetualBook(SIX, mark=660.0)
    adl = ao.adl_queue(book, 20, "short", ranking=SCORES, price=650.0, limit="position").verify()
    assert adl.order == ["2", "5"] and adl.closed[["2", "5"]].to_list() == [10, 10] and adl.left["5"] == 10
    assert adl.price == 650.0 and adl.haircut[["2", "5"]].to_list() == [100, 100]


def test_bitmex_shows_the_percentiles_of_its_example() -> None:
    shown = ao.adl_lights(ao.PerpetualBook(SIX, mark=660.0), "long", SCORES)
    assert shown.index.to_list() == ["2", "5", "4", "1", "6", "3"]
    assert shown["percentile"].to_list() == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 1.0])
    assert shown["lights"].to_list() == [5, 4, 3, 2, 2, 1]
    assert shown["quantile"].to_list() == pytest.approx([k / 6 for k in range(1, 7)])


def test_lights_of_an_empty_side_and_of_unknown_words() -> None:
    book = ao.PerpetualBook(SIX.iloc[:0], mark=660.0)
    assert ao.adl_lights(book, "long").empty
    with pytest.raises(DataError, match="side"):
        ao.adl_lights(book, "up")
    with pytest.raises(DataError, match="PerpetualBook"):
        ao.adl_lights(SIX, "long")  # type: ignore[arg-type]


def test_a_short_of_an_inverse_contract_ranks_by_signed_values() -> None:
    """BitMEX writes XBTUSD values as contracts over price, longs below zero: 1000 short from 10,000 to 8,000."""
    table = pd.DataFrame(
        {"contracts": [1000.0, -1000.0], "entry_price": 1e4, "balance": [0.05, 0.02]}, index=["L", "S"]
    )
    score = rank.RANKINGS["bitmex"].of(ao.PerpetualBook(table, mark=8_000.0, kind="inverse"))
    profit, leverage = (1000 / 8000 - 1000 / 10_000) / (1000 / 10_000), (1000 / 8000) / (0.02 + 0.025)
    assert score[1] == pytest.approx(profit * leverage)
    assert score[0] == pytest.approx(-profit / ((1000 / 8000) / (0.05 - 0.025)))


# -- Binance, Aevo, OKX ---------------------------------------------------------------------------------------------


def test_binance_worked_question_of_its_developer_forum() -> None:
    """dev.binance.vision 17801: profit 40.2, balance 4.27, margin ratio 13.42 %: 9.41 and 1.26."""
    margin = 0.1342 * (4.27 + 40.2)
    assert rank.binance_score([40.2], [4.27], [margin]) == pytest.approx([40.2 / 4.27 * 0.1342])
    assert round(40.2 / 4.27, 2) == 9.41 and round(rank.binance_score(40.2, 4.27, margin).item(), 2) == 1.26


def test_aevo_guards_the_ratio_by_the_profit_and_binance_by_the_equity() -> None:
    assert rank.aevo_score([0.0, -5.0, 5.0], [100.0, 1.0, 0.5], [1.0, 1.0, 1.1]).tolist() == pytest.approx([0, 0, 1.0])
    assert rank.binance_score(5.0, -5.0, 1.0) == 0.0 and rank.aevo_score(5.0, -5.0, 1.0) == math.inf


# -- dYdX v4: x/clob/keeper/liquidations_test.go, deleveraging_test.go; x/subaccounts/lib/updates_test.go -----------

# Oracle 50,000 (BTC) and 3,000 (ETH), maintenance 10 %: notional, size, quote balance, other notional, adjustment,
# spread, the price expected.
FILLABLE = [
    (5_000, "0.1", -4_501, 0, 1, "0.1", 49_999),
    (5_000, "0.1", -4_501, 0, 2, "0.1", 49_998),
    (5_000, "0.1", -4_501, 0, 1, "0.2", 49_998),
    (-5_000, "-0.1", 5_499, 0, 1, "0.1", 50_001),
    (-5_000, "-0.1", 5_499, 0, 2, "0.1", 50_002),
    (5_000, "0.1", -5_000, 0, 1, "0.1", 49_500),  # at the bankruptcy price
    (-5_000, "-0.1", 5_000, 0, 1, "0.1", 50_500),
    (5_000, "0.1", -5_500, 0, 1, "0.1", 49_500),  # below it: the rating is kept at 1
    (-5_000, "-0.1", 4_500, 0, 1, "0.1", 50_500),
    (300, "0.1", -490, 200, 1, "0.1", 2_976),
    (5_000, "0.1", -4_501, 0, 4_294.967295, "0.1", 49_500),  # the largest adjustment there is
    (5_000, "0.1", -4_501, 0, 1, "0.000001", 49_999.99999),
    (5_000, "0.1", -4_501, 0, 1, "1", 49_990),
]


@pytest.mark.parametrize("row", FILLABLE)
def test_fillable_prices_are_those_of_dydx_unit_tests(row: tuple[Any, ...]) -> None:
    notional, size, quote, others, adjustment, spread, price = row
    margin = abs(notional) / 10
    found = dydx_fillable_price(
        float(notional), float(size), margin, float(quote + notional + others), margin + abs(others) / 10,
        adjustment=float(adjustment), spread=float(spread),
    )  # fmt: skip
    assert found == pytest.approx(price, rel=1e-12)


def test_an_account_above_its_requirement_is_not_priced_beyond_the_oracle() -> None:
    assert dydx_fillable_price(5_000.0, 0.1, 500.0, 2_000.0, 500.0) == 50_000.0


# quote of the fill, quote at bankruptcy, largest fee, delta expected
DELTAS = [
    (5_610, 5_100, 0.005, 28.05), (5_610, 5_100, 0.025, 140.25), (5_610, 5_100, 1.0, 510),
    (-4_410, -4_900, 0.005, 22.05), (-4_410, -4_900, 0.025, 110.25), (-4_410, -4_900, 1.0, 490),
    (5_105.1, 5_100, 0.005, 5.1), (-4_895.1, -4_900, 0.005, 4.9), (5_100, 5_100, 0.005, 0), (5_000, 5_100, 0.005, -100),
]  # fmt: skip


@pytest.mark.parametrize("row", DELTAS)
def test_the_insurance_fund_earns_at_most_the_fee(row: tuple[float, ...]) -> None:
    quote, least, fee, delta = row
    assert dydx_insurance_delta(quote, least, most_fee=fee) == pytest.approx(delta)


def test_a_fill_stands_while_the_fund_can_pay_for_it() -> None:
    cases = [(9_998, 0, True), (0, 0, True), (9_998, 1, True), (0, 1, True), (9_998, -1, True), (10_000, -10_000, True),
             (10_000, -10_000.000001, False), (0, -1e-6, False)]  # fmt: skip
    assert [dydx_fund_can_pay(float(fund), float(delta)) for fund, delta, _ in cases] == [
        stands for *_, stands in cases
    ]


def test_states_that_dydx_refuses() -> None:
    """TestIsValidStateTransitionForUndercollateralizedSubaccount_ZeroMarginRequirements, case by case."""
    still = "still undercollateralised"
    cases = {
        (-1, 0, 0, -2, 1): still, (-1, 0, 0, -1, 1): still, (-1, 0, 0, 100, 1): still, (-1, 0, 0, -1, 0): still,
        (-1, 0, 0, -2, 0): still, (-2, 0, 0, -1, 0): "valid", (-2, 1, 1, -1, 0): still,
    }  # fmt: skip
    assert {case: dydx_transition(*map(float, case)) for case in cases} == cases
    assert dydx_transition(30.0, 20.0, 10.0, 4.0, 5.0) == "newly undercollateralised"
    assert dydx_transition(-10.0, 20.0, 10.0, -5.0, 5.0) == "valid"  # as risky as before, to the digit


# TestProcessDeleveraging: equity of the short, of the long; the price at which they are closed, or None when refused.
PAIRS = [
    (4_999, 100_000, 54_999), (4_999, 4_999, 54_999), (4_999, 0, 54_999), (4_999, -1, 54_999),
    (0, 100_000, 50_000), (0, 4_999, 50_000), (0, 0, 50_000), (0, -1, None),
    (-1, 100_000, 49_999), (-1, 4_999, 49_999), (-1, 0, None), (-1, -1, None),
]  # fmt: skip


@pytest.mark.parametrize("part", [1.0, 0.1])
@pytest.mark.parametrize("pair", PAIRS)
def test_dydx_closes_a_pair_where_bankruptcy_prices_overlap(pair: tuple[int, int, int | None], part: float) -> None:
    short, long, price = pair
    book = duel(short, long, maintenance_margin=5_000.0, initial_margin=10_000.0)
    at = dydx_bankruptcy_quote(-50_000, 0, short, 5_000, 0, 5_000)
    adl = ao.dydx_deleverage(book, part, "short", start=0, price=float(-at)).verify()
    assert adl.taken.sum() == (0.0 if price is None else part)
    if price is not None:
        assert -at == price
        assert long - adl.haircut["Dave 0"] == pytest.approx(long + part * (price - 50_000))


def test_dydx_spreads_the_loss_over_positions_by_margin() -> None:
    """80,800 of cash, short 1 BTC and 10 ETH: collateral 800, margins 5,000 and 3,000: BTC is closed at 50,500."""
    assert dydx_bankruptcy_quote(-50_000, 0, 800, 5_000, 0, 8_000) == -50_500


def test_dydx_offsets_one_after_another_and_skips_who_cannot() -> None:
    """TestOffsetSubaccountPerpetualPosition: two halves at 27,499.5 each; a long that would owe 1 is passed over."""
    halves = ao.dydx_deleverage(duel(4_999, 75_000, 75_000), 1, "short", start=0, price=54_999.0)
    assert halves.closed[["Dave 0", "Dave 1"]].to_list() == [0.5, 0.5]
    assert (halves.close[1:] * halves.taken[1:]).tolist() == pytest.approx([27_499.5, 27_499.5])
    table = pd.DataFrame({"contracts": [-1.0, 1.0, 1.0, -1.0], "entry_price": 5e4, "equity": [0.0, -1.0, 1e5, 1e5]},
                         index=["Carl", "Dave 0", "Dave 1", "other short"])  # fmt: skip
    skipped = ao.dydx_deleverage(ao.PerpetualBook(table, mark=5e4), 1, "short", start=0, price=5e4)
    assert skipped.order == ["Dave 1"] and "passed over" in skipped.notes[0]
    alone = ao.PerpetualBook(table.iloc[[0, 1]], mark=5e4)
    assert ao.dydx_deleverage(alone, 1, "short", start=0, price=5e4).residual == 1.0


def test_the_account_that_is_left_must_not_be_riskier_than_before() -> None:
    """Half of a long is closed one dollar below the mark: its equity may fall if its margin falls faster."""
    columns = {"maintenance_margin": [1.0, 5_000.0], "initial_margin": [2.0, 10_000.0]}
    safe, thin = (duel(1e5, long, **columns) for long in (6_000.0, 40.0))
    for book, price, closed in ((safe, 49_000.0, 0.5), (thin, 49_990.0, 0.5), (thin, 49_950.0, 0.0)):
        adl = ao.dydx_deleverage(book, 0.5, "short", start=0, price=price)
        assert adl.taken.sum() == closed, (book.equity.to_list(), price)
    plain = duel(1e5, 40.0)  # without margins only a debt is refused
    assert ao.dydx_deleverage(plain, 0.5, "short", start=0, price=49_950.0).taken.sum() == 0.5


def test_final_settlement_is_at_the_oracle_price_and_says_when_the_chain_would_not() -> None:
    table = pd.DataFrame({"contracts": [-1.0, 1.0], "entry_price": 5e4, "equity": [-500.0, 1e5]}, index=["C", "D"])
    bankrupt = ao.PerpetualBook(table, mark=5e4, oracle=5e4)
    settled = ao.dydx_deleverage(bankrupt, price="oracle")
    assert settled.price == 5e4 and "bankruptcy price" in settled.notes[0]
    solvent = ao.PerpetualBook(table.assign(equity=[500.0, 1e5]), mark=5e4, oracle=5e4)
    assert ao.dydx_deleverage(solvent, 1, "short", price="oracle").notes == ()


def test_quotes_round_up_for_the_bankrupt_whatever_their_size() -> None:
    quanta = [Fraction(10**12 + 1, 2), Fraction(-(10**12) - 1, 2)]
    assert [rounded_up(float(q), 1.0) for q in quanta] == [math.ceil(q) for q in quanta]
    assert [rounded_down(float(q), 1.0) for q in quanta] == [math.floor(q) for q in quanta]
    assert rounded_up(0.3, 0.1) == 0.3 and rounded_up(3e-7, 1e-6) == 1e-6 and rounded_up(5.5, 0.0) == 5.5


# -- Drift v2: math/liquidation/tests.rs, controller/liquidation/tests.rs ------------------------------------------


def test_drift_rounds_the_charge_per_contract_up_to_a_millionth() -> None:
    """100 over 7 long and 4 short: 9.0909090909... becomes 9.090910 (funding rate delta 9090910000)."""
    told = ao.drift_social_loss(100.0, pd.Series({"L": 7.0, "S": -4.0}))
    assert told.rate == 9.09091 and told.shares.to_dict() == pytest.approx({"L": 63.63637, "S": 36.36364})
    assert told.surplus == pytest.approx(0.00001) and told.allocation.verify()


def test_drift_takes_fifty_dollars_from_each_side_of_five_contracts() -> None:
    told = ao.drift_social_loss(100.0, pd.Series({"L": 5.0, "S": -5.0}))
    assert told.rate == 10.0 and told.shares.to_dict() == {"L": 50.0, "S": 50.0} and told.surplus == 0.0


def test_drift_insurance_leaves_one_unit_and_keeps_to_what_is_left_of_the_market_limit() -> None:
    book = pd.Series({"L": 5.0, "S": -5.0})
    assert ao.drift_social_loss(100.0, book, vault=40.000001).first["insurance"] == 40.0
    assert ao.drift_social_loss(100.0, book, vault=500.0, insurance_left=25.0).first["insurance"] == 25.0
    paid = ao.drift_social_loss(100.0, book, vault=500.0, insurance_left=25.0, fee_pool=60.0)
    assert paid.first == {"insurance": 25.0, "fee pool": 60.0} and paid.rate == 1.5
    assert ao.drift_social_loss(100.0, book, vault=1e-6).first["insurance"] == 0.0


def test_drift_lenders_lose_the_same_part_of_their_deposits() -> None:
    """11 of 120: the index falls by 0.0916666667 (rounded up); 100 of 1,000 leave 900."""
    told = ao.drift_spot_loss(11.0, pd.Series({"A": 120.0}))
    assert told.rate == 0.0916666667 and told.surplus == pytest.approx(4e-9, rel=0.01)
    tenth = ao.drift_spot_loss(100.0, pd.Series({"A": 600.0, "B": 400.0}))
    assert tenth.rate == 0.1 and tenth.shares.to_list() == [60.0, 40.0]
    assert ao.drift_spot_loss(5.0, pd.Series({"A": 0.0})).residual == 5.0
    assert ao.drift_spot_loss(50.0, pd.Series({"A": 20.0})).residual == pytest.approx(30.0)


# -- GMX v2: test/exchange/DecreasePosition/CappedPnl.ts, AdlHandler.sol ---------------------------------------------


def test_gmx_caps_the_profit_of_a_side_at_a_part_of_its_pool() -> None:
    """Two longs each gain 125,000 on a pool of 1,000,000; at 7 % the first to leave is paid 35,000."""
    both = ao.gmx_payout(pd.Series({"A": 125_000.0, "B": 125_000.0}), 1_000_000.0, cap=0.07).verify()
    assert (125_000 - both.shares).to_list() == pytest.approx([35_000, 35_000])
    alone = ao.gmx_payout(pd.Series({"B": 125_000.0}), 982_500.0, cap=0.07)  # the pool less half of what A took
    assert 125_000 - alone.shares["B"] == pytest.approx(68_775)


def test_gmx_holds_the_cap_against_the_side_s_sum_losers_included() -> None:
    told = ao.gmx_payout(pd.Series({"A": 90.0, "B": 30.0, "C": -40.0}), 100.0)
    assert told.shares.sum() == 0.0  # 80 in all is below 90
    assert ao.gmx_payout(pd.Series({"A": 90.0, "B": -100.0}), 0.0).shares.sum() == 0.0  # the side lost


def test_gmx_allows_adl_above_the_line_only_and_refuses_to_overcorrect() -> None:
    assert not ao.gmx_pool_factor(85.0, 100.0).allowed and ao.gmx_pool_factor(85.000001, 100.0).allowed
    state = ao.gmx_pool_factor(90.0, 100.0)
    verdicts = [state.after(p, 100.0) for p in (90.0, 89.9, 77.0, 76.9)]
    assert verdicts == ["not reduced", "stands", "stands", "overcorrected"]
    assert state.after(-5.0, 100.0) == "overcorrected"


# -- Crypto.com: help 4894442, both versions ----------------------------------------------------------------------

WINNERS = pd.Series({"A": 50_000.0, "B": 45_000.0, "C": 30_000.0, "D": 30_000.0, "E": 15_000.0, "F": 1_000.0})


def test_crypto_com_table_of_ten_thousand() -> None:
    expected = [2_923.98, 2_631.58, 1_754.39, 1_754.39, 877.19, 58.48]
    for venue in ("crypto.com", "crypto.com-flat"):  # above 1 % the older version shares pro rata too
        told = ao.socialise_session(10_000.0, WINNERS, venue)
        assert told.shares.round(2).to_list() == expected and told.surplus == 0.0


def test_crypto_com_older_table_of_one_thousand_keeps_710_for_the_fund() -> None:
    told = ao.socialise_session(1_000.0, WINNERS, "crypto.com-flat")
    assert told.shares.to_list() == pytest.approx([500, 450, 300, 300, 150, 10]) and told.surplus == pytest.approx(710)
    exactly = ao.socialise_session(1_710.0, WINNERS, "crypto.com-flat")
    assert exactly.surplus == 0.0 and exactly.rate == pytest.approx(0.01)


# -- Paradex: documents, socialized losses -------------------------------------------------------------------------


def test_paradex_formula_says_20_per_cent_where_its_example_says_25() -> None:
    """A fund of 1,000; settlement balances -2,000, 4,000 and 1,000: 1,000 / (4,000 + 1,000), not 1,000 / 4,000.

    The formula is followed: at 20 % those with 5,000 pay the 1,000 that is missing; at 25 % they would pay 1,250.
    """
    balances = pd.Series({"Alice": -2_000.0, "Bob": 4_000.0, "Charlie": 1_000.0})
    one = pd.DataFrame({"account": ["Charlie"], "amount": [500.0]})
    told = ao.withdrawal_haircuts(balances, one, 1_000.0).verify()
    assert told.table.loc[0, ["factor", "haircut", "received", "fund"]].to_list() == [0.2, 100.0, 400.0, 1_100.0]
    rest = pd.DataFrame({"account": ["Charlie", "Charlie", "Bob"], "amount": [500.0, 500.0, 4_000.0]})
    assert ao.withdrawal_haircuts(balances, rest, 1_000.0).residual == pytest.approx(0.0, abs=1e-9)


# -- Bybit: Get ADL Alert, example 3 and case 3 --------------------------------------------------------------------


def test_bybit_spreads_an_empty_pool_s_loss_over_the_symbols_it_lost_with() -> None:
    pnl = pd.Series({"A": -280.0, "B": -290.0, "C": -250.0, "D": -230.0, "E": 40.0})
    told = ao.redistribute_pool_loss(pnl, -10.0)
    assert told.shares.to_dict() == pytest.approx({k: 10 * max(-v, 0) / 1050 for k, v in pnl.items()})
    assert ao.redistribute_pool_loss(pnl, 5.0).shares.sum() == 0.0
    assert ao.redistribute_pool_loss(pd.Series({"A": 5.0}), -10.0).residual == 10.0
    with pytest.raises(DataError, match="give a Series"):
        ao.redistribute_pool_loss([1.0], -10.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["linear", "inverse"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_symbol_s_part_is_won_back_at_the_closing_price(kind: str, sign: float) -> None:
    mark = 80.0 if sign > 0 else 125.0
    own = 10.0 if kind == "linear" else 0.001
    table = pd.DataFrame({"contracts": [10.0 * sign, -6.0 * sign, -4.0 * sign], "entry_price": 100.0,
                          "balance": [own, own * 300, own * 300]}, index=["D", "A", "B"])  # fmt: skip
    book = ao.PerpetualBook(table, mark=mark, kind=kind)
    part = 0.3 * book.deficit
    adl = ao.adl_queue(book, price=ao.pool_closing_price(book, part), limit="position")
    assert adl.haircut.sum() == pytest.approx(part)
    assert ao.pool_closing_price(book, book.deficit) == pytest.approx(
        book.bankruptcy_price("long" if sign > 0 else "short")
    )
    assert ao.pool_closing_price(book, 0.0) == mark


def test_a_symbol_that_is_moved_out_takes_its_loss_with_it() -> None:
    pnl = pd.Series({"A": -600.0, "B": -100.0})
    told = ao.separate_symbol(pnl, 300.0, "A", endowment=500.0)
    assert told.own + told.rest == 300.0 and told.pnl.to_dict() == {"B": -100.0} and told.empty == ["own"]
    assert ao.separate_symbol(pnl, -700.0, "A").empty == ["rest", "own"]
    with pytest.raises(DataError, match="no symbol is called 'Z'"):
        ao.separate_symbol(pnl, 300.0, "Z")


# -- Lighter: documents, liquidations ------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize("value", [40.0, -10.0, 0.0])
def test_at_the_zero_price_account_value_over_margin_stays_as_it_is(side: str, value: float) -> None:
    sign, mark, fraction, size, others = (1 if side == "long" else -1), 200.0, 0.05, 7.0, 30.0
    requirement = size * mark * fraction + others
    zero = ao.lighter_zero_price(mark, side, fraction, value, requirement)
    for part in (0.5, size):
        after = value + sign * part * (zero - mark)
        assert after / (requirement - part * mark * fraction) == pytest.approx(value / requirement)
    last = ao.lighter_zero_price(mark, side, fraction, value, size * mark * fraction)
    assert value + sign * size * (last - mark) == pytest.approx(0.0, abs=1e-9)
    with pytest.raises(DataError, match="requirement is zero"):
        ao.lighter_zero_price(mark, side, fraction, value, 0.0)


def test_lighter_takes_the_improvement_up_to_one_per_cent() -> None:
    assert lighter_fee(104.0, 104.5, "short") == pytest.approx(0.5)
    assert lighter_fee(100.0, 104.0, "short", 3.0) == pytest.approx(3.0)


# -- lending --------------------------------------------------------------------------------------------------------


def test_umbrella_slashes_a_thousand_of_ten_thousand_and_counts_its_fee_as_surplus() -> None:
    """tests/umbrella/Umbrella.t.sol: deficit 1,000, stake 10,000, no offset. Rounded down to the token's unit."""
    told = ao.umbrella_slash(1_000.0, pd.Series({"user": 10_000.0}))
    assert told.shares["user"] == 1_000.0 and told.rate == 0.1 and told.surplus == 0.0
    assert ao.umbrella_slash(1_000.0, pd.Series({"user": 10_000.0}), pending=1_000.0).shares["user"] == 0.0
    fee = ao.umbrella_slash(1_000.0, pd.Series({"user": 10_000.0}), fee=0.1, stake_price=3.0, unit=1e-6)
    assert fee.shares["user"] == 366.666666 and fee.surplus == pytest.approx(366.666666 / 11)


def test_morpho_incentive_factors_of_its_markets() -> None:
    expected = {0.385: 1.15, 0.625: 1 / 0.8875, 0.77: 1 / 0.931, 0.86: 1 / 0.958, 0.915: 1 / 0.9745, 0.945: 1 / 0.9835,
                0.965: 1 / 0.9895, 0.98: 1 / 0.994, 1.0: 1.0}  # fmt: skip
    assert {k: morpho_incentive(k) for k in expected} == pytest.approx(expected)


def test_maker_s_86_auctions_of_march_2020() -> None:
    """More than 4.3 million dai in 86 auctions of 50,000, at 246.05 a token on average: 17,476 tokens."""
    told = ao.maker_flop(4_300_000.0, 0.0, pd.Series({"holders": 1_000_000.0}), 246.05)
    assert told.shares.sum() == 86 * 50_000 and told.surplus == 0.0
    minted = told.rate * 1_000_000 / (1 - told.rate)
    assert minted == pytest.approx(17_476.12, abs=0.01)


def test_bitfinex_and_okex_rates() -> None:
    """36.067 % of all balances in 2016; 17 % of the week's profits in 2018, after 2,510 of exchange and fund."""
    cut = ao.allocate(ao.load_event("bitfinex-2016").problem(), "pro-rata")
    assert (cut.paid / cut.problem.caps).tolist() == pytest.approx([0.36067] * cut.problem.n, rel=1e-4)
    told = ao.socialise_session(3_710.0, pd.Series({"all": 7_058.82352941}), fund=2_510.0)
    assert told.rate == pytest.approx(0.17)


# -- Percolator ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e12])
def test_percolator_never_burns_more_than_there_is_and_never_pays_more_than_is_left(scale: float) -> None:
    rng = np.random.default_rng(5)
    for _ in range(30):
        profits = pd.Series(rng.normal(size=6) * 100) * scale
        vault, capital, insurance = rng.uniform(0, 800) * scale, rng.uniform(0, 500) * scale, rng.uniform(0, 50) * scale
        told = ao.percolator_factor(vault, capital, insurance, profits)
        gains = profits.clip(lower=0)
        kept = gains - told.shares
        assert kept.sum() <= max(vault - capital - insurance, 0.0) + 1e-9 * scale  # conservation
        assert (told.shares >= 0).all() and (told.shares <= gains * (1 + 1e-12)).all()  # nothing is burned twice
        richer = ao.percolator_factor(vault + scale, capital, insurance, profits)
        assert richer.rate >= told.rate - 1e-12  # monotone
        assert (ao.percolator_factor(vault, capital, insurance, profits * 0).rate) == 1.0


# -- Kraken, Bybit: bankruptcy prices of their examples --------------------------------------------------------------


def test_bankruptcy_prices_of_the_venues_examples() -> None:
    """Kraken 360022835671: 1,000 contracts from 8,000 with 0.01 BTC: 7,407. Bybit 900000031623: 7,735.372549 at 50x.

    Bybit, help centre: long 100 from 500, margin 1,000 and wallet 100, at a mark of 400: 489.
    """

    def zero(size: float, entry: float, margin: float, mark: float, kind: str) -> float:
        rows = {"contracts": [size, -size], "entry_price": entry, "balance": [margin, 1e6]}
        book = ao.PerpetualBook(pd.DataFrame(rows, index=["L", "S"]), mark=mark, kind=kind)
        return float(book.bankruptcy_prices()["L"])

    assert zero(1_000.0, 8_000.0, 0.01, 7_481.0, "inverse") == pytest.approx(7_407.407, abs=1e-3)
    assert zero(5_000.0, 7_890.08, 5_000 / 7_890.08 / 50, 7_773.5, "inverse") == pytest.approx(7_735.372549)
    assert zero(100.0, 500.0, 1_100.0, 400.0, "linear") == pytest.approx(489.0)
