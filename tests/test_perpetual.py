"""Perpetual markets: books are matched and priced, rankings are the venues', closing conserves contracts and money."""

from __future__ import annotations

import dataclasses
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocopt as ao
from allocopt.errors import CertificateError, DataError
from allocopt.mechanisms.perpetual import rankings as rank
from allocopt.mechanisms.perpetual.dydx import dydx_bankruptcy_quote, dydx_fillable_price
from allocopt.mechanisms.perpetual.queue import Deleveraging

ROWS = {"contracts": [10.0, -6.0, -4.0], "entry_price": [100.0, 100.0, 95.0], "balance": [150.0, 80.0, 60.0]}


def accounts(**changes: Any) -> pd.DataFrame:
    return pd.DataFrame({**ROWS, **changes}, index=["D", "A", "B"])


def book(mark: float = 80.0, **changes: Any) -> ao.PerpetualBook:
    return ao.PerpetualBook(accounts(**changes), mark=mark)


def assert_stands(adl: Deleveraging) -> None:
    """Contracts and money are conserved, nobody is pushed below zero, and the certificate holds."""
    adl.verify(1e-9)
    taken, unit = float(adl.taken.sum()), max(adl.wanted, 1e-300)
    assert abs(taken + adl.residual - adl.excess - adl.wanted) <= 1e-9 * unit
    after = adl.after()
    signed = after.accounts["contracts"].sum() + after.engine
    assert abs(signed) <= 1e-9 * max(adl.book.open_interest, 1e-300)
    assert after.open_interest == pytest.approx(adl.book.open_interest - taken, rel=1e-9, abs=1e-9 * unit)
    paid = adl.taken > 0
    assert (after.equity[paid] >= -1e-9 * (1 + adl.book._notional[paid])).all()
    if adl.book.engine == 0:
        money = adl.book._equity.sum() - after._equity.sum()
        assert abs(money) <= 1e-9 * np.abs(adl.book._balance).sum()


# -- books ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"contracts": [10.0, -6.0, -3.0]}, "longs hold 10 contracts and shorts 9"),
        ({"entry_price": [100.0, 0.0, 95.0]}, "account 'A' entered at a price of zero"),
        ({"balance": [150.0, -300.0, 60.0]}, "account 'A' has a profit of 120 but a negative equity of -180"),
        ({"balance": [150.0, float("nan"), 60.0]}, "'A' is NaN"),
        ({"contracts": [10.0, "six", -4.0]}, "'A' is 'six'"),
        ({"equity": [-50.0, 200.0, 121.0]}, "account 'B': a balance of 60"),
        ({"side": ["long", "short", "up"], "contracts": [10.0, 6.0, 4.0]}, "'B' has the side 'up'"),
        ({"side": ["long", "short", "short"]}, "'A' is -6"),
    ],
)
def test_bad_books_are_refused_in_one_line(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence) as fault:
        book(**changes)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf"), "80"])
def test_a_price_is_a_number_above_zero(price: Any) -> None:
    for prices in ({"mark": price}, {"mark": 80.0, "oracle": price}, {"mark": 80.0, "previous_mark": price}):
        with pytest.raises(DataError, match="price is"):
            ao.PerpetualBook(accounts(), **prices)
    with pytest.raises(DataError):
        ao.adl_queue(book(), 1, price=price)


def test_columns_that_are_missing_are_named() -> None:
    with pytest.raises(DataError, match="entry_price"):
        ao.PerpetualBook(accounts().drop(columns="entry_price"), mark=80)
    with pytest.raises(DataError, match="neither 'balance' nor 'equity'"):
        ao.PerpetualBook(accounts().drop(columns="balance"), mark=80)
    with pytest.raises(DataError, match="occurs more than once"):
        ao.PerpetualBook(accounts().set_axis(["D", "A", "A"]), mark=80)


def test_sides_in_words_and_in_signs_are_one_book() -> None:
    worded = book(side=["long", "short", "short"], contracts=[10.0, 6.0, 4.0])
    assert worded.equity.equals(book().equity)
    by_equity = ao.PerpetualBook(accounts(equity=book().equity).drop(columns="balance"), mark=80)
    assert np.allclose(by_equity._balance, book()._balance)


def test_a_book_is_frozen_and_does_not_share_the_table() -> None:
    table = accounts()
    made = ao.PerpetualBook(table, mark=80.0)
    table.loc["D", "balance"] = 0.0
    assert made.equity["D"] == -50.0
    with pytest.raises(AttributeError, match="frozen"):
        made.mark = 90.0
    with pytest.raises(ValueError, match="read-only"):
        made._balance[0] = 1.0


def test_empty_books_and_flat_accounts_are_ordinary() -> None:
    nobody = ao.PerpetualBook(accounts().iloc[:0], mark=80.0)
    assert nobody.deficit == 0 and nobody.open_interest == 0
    assert ao.adl_queue(nobody, 0, "long").order == []
    flat = book(contracts=[0.0, 0.0, 0.0])
    with pytest.raises(DataError, match="no long account is bankrupt"):
        ao.adl_queue(flat, 5, "long")
    assert flat.deficit == 0 and ao.adl_queue(flat, 5, "long", price=80).residual == 5


def test_the_engine_holds_what_accounts_do_not() -> None:
    rest = accounts().drop(index="D")
    with pytest.raises(DataError, match="liquidation engine"):
        ao.PerpetualBook(rest, mark=80.0)
    taken_over = ao.PerpetualBook(rest, mark=80.0, engine=10.0)
    adl = ao.adl_queue(taken_over, price=85.0)
    assert adl.wanted == 10 and adl.haircut.sum() == 50.0 and adl.after().engine == 0
    assert_stands(adl)


def test_an_inverse_contract_is_margined_in_the_coin() -> None:
    table = pd.DataFrame({"contracts": [1000.0, -1000.0], "entry_price": [10_000.0, 10_000.0],
                          "balance": [0.01, 0.05]}, index=["D", "A"])  # fmt: skip
    coin = ao.PerpetualBook(table, mark=8_000.0, kind="inverse")
    assert coin.pnl.to_dict() == pytest.approx({"D": -0.025, "A": 0.025})
    price = coin.bankruptcy_price("long")
    assert 1 / price == pytest.approx(1 / 10_000 + 0.01 / 1000)  # where 1000 contracts lose the margin of 0.01
    adl = ao.adl_queue(coin)
    assert adl.haircut["A"] == pytest.approx(0.015)
    assert_stands(adl)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10_000), move=st.sampled_from([-0.3, -0.08, 0.08, 0.3]), scale=st.sampled_from([1e-6, 1, 1e9])
)
def test_the_two_numeraires_are_one_map(seed: int, move: float, scale: float) -> None:
    made = ao.simulate_book(40, seed=seed, move=move, mark=100 * scale)
    side = "long" if move < 0 else "short"
    failed = made.on(side) & made._bankrupt
    if not failed.any():
        return
    cash = float(-made._equity[failed].sum())
    facing = "short" if side == "long" else "long"
    gap = made.gap(facing, made.bankruptcy_price(side))
    assert gap * made._size[failed].sum() == pytest.approx(cash, rel=1e-9)
    own = made.bankruptcy_prices()[failed]
    for price, at in zip(own, np.flatnonzero(failed), strict=True):
        assert made.gap(side, price) * made._size[at] == pytest.approx(made._equity[at], rel=1e-7, abs=1e-9 * cash)


# -- rankings ------------------------------------------------------------------------------------------------------


def test_bitmex_multiplies_profit_and_divides_loss_by_leverage() -> None:
    # A short of value -100 at the mark, entered at -150, bankrupt at -120: profit rate 1/3, leverage 5.
    assert rank.bitmex_score([-100.0], [-150.0], [-120.0]) == pytest.approx([5 / 3])
    assert rank.bitmex_score([-150.0], [-100.0], [-180.0]) == pytest.approx([-0.5 / 5])
    assert rank.bitmex_score([0.0, 10.0], [0.0, 8.0], [0.0, 10.0]).tolist() == [0.0, np.inf]


def test_binance_guards_both_denominators_with_the_figures_of_its_document() -> None:
    scores = rank.binance_score([50.0, 0.5, -5.0, 5.0], [100.0, 0.25, 100.0, -10.0], [15.0, 0.3, 15.0, 1.0])
    assert scores == pytest.approx([0.5 * 0.1, 0.5 * 0.3 / 0.75, 0.0, 0.0])


def test_okx_divides_profit_and_multiplies_loss() -> None:
    assert rank.okx_score([0.5, -0.1, 0.0], [2.0, 3.0, 1.0]).tolist() == pytest.approx([0.25, -0.3, 0.0])


def test_hyperliquids_document_and_its_binary_disagree() -> None:
    """L = 10 with 1 % of profit against L = 1 with 50 %: the two formulas give opposite orders."""
    documented = rank.hyperliquid_documented_score([1.01, 1.5], 1.0, [10.0, 1.0], 1.0)
    decompiled = rank.hyperliquid_decompiled_score([10.0, 1.0], 1.0, [0.1, 0.5], [10.0, 1.0])
    assert documented == pytest.approx([10.1, 1.5]) and decompiled == pytest.approx([0.1, 0.5])
    assert np.argmax(documented) != np.argmax(decompiled)
    assert rank.hyperliquid_decompiled_score([0.0], 1.0, [-1.0], [0.0]) == pytest.approx([1e-16])
    short = rank.hyperliquid_documented_score([80.0, 90.0], 100.0, 1.0, 1.0)
    assert short[0] < short[1]  # as documented, the short with more profit comes later


def test_ethereal_is_strictly_lexicographic() -> None:
    keys = ([5.0, 5.0, 5.0, 9.0], [1.0, 1.0, 2.0, 0.0], [-3.0, -2.0, -9.0, -9.0])
    assert rank.lexicographic_score(*keys).tolist() == [0.0, 1.0, 2.0, 3.0]
    assert rank.lexicographic_score([1.0, 1.0], [2.0, 2.0]).tolist() == [0.0, 0.0]
    table = accounts(opened=[0.0, 1.0, 2.0])
    both = pd.concat([table.loc[["D"]] * [2, 1, 2, 1], table.loc[["A", "A", "B", "B"]].set_axis(["A", "E", "B", "F"])])
    both.loc["E", "opened"] = 7.0
    made = ao.PerpetualBook(both, mark=80.0, oracle=81.0)
    assert ao.adl_queue(made, ranking="ethereal").order[0] in ("A", "E", "B", "F")
    line = ao.adl_queue(made, ranking="ethereal").table.index.tolist()
    assert line.index("E") < line.index("A")  # alike in all else, the newer account goes first


def test_every_ranking_closes_its_own_line_and_says_how_well_it_is_known() -> None:
    made = ao.simulate_book(60, seed=4)
    for name, ranking in rank.RANKINGS.items():
        assert ranking.status in ("published", "unverified") and ranking.source
        adl = ao.adl_queue(made, side="long", ranking=name)
        assert_stands(adl)
        scores = ranking.of(made)
        line = adl.table.index
        assert (np.diff(scores[line]) <= 0).all(), name
    assert {n for n, r in rank.RANKINGS.items() if r.status == "unverified"} == {
        "bybit", "okx", "hyperliquid-decompiled"
    }  # fmt: skip


def test_a_ranking_that_lacks_its_column_or_is_unknown_says_so() -> None:
    with pytest.raises(DataError, match="reads column 'maintenance_margin'"):
        ao.adl_queue(book(), ranking="binance")
    with pytest.raises(DataError, match="did you mean 'bitmex'"):
        ao.adl_queue(book(), ranking="bitmexx")
    with pytest.raises(DataError, match="'A' is NaN"):
        ao.adl_queue(book(), ranking=[1.0, float("nan"), 2.0])


# -- closing -------------------------------------------------------------------------------------------------------


def test_closing_order_partial_last_fill_and_the_stable_tie() -> None:
    adl = ao.adl_queue(book(), 8, ranking=[0.0, 1.0, 1.0])
    assert adl.order == ["A", "B"] and adl.closed.to_dict() == {"D": 0.0, "A": 6.0, "B": 2.0}
    turned = ao.PerpetualBook(accounts().loc[["B", "A", "D"]], mark=80.0)
    assert ao.adl_queue(turned, 8, ranking=[1.0, 1.0, 0.0]).order == ["B", "A"]
    with pytest.raises((AssertionError, CertificateError)):
        assert_stands(dataclasses.replace(adl, taken=np.array([0.0, 5.0, 3.5])))
    with pytest.raises(CertificateError):
        dataclasses.replace(adl, taken=np.array([0.0, 4.0, 4.0])).verify()  # B before A is exhausted


def test_closing_prices_are_stated_not_guessed() -> None:
    made = ao.PerpetualBook(accounts(), mark=80.0, oracle=82.0, previous_mark=84.0)
    costs = {price: ao.adl_queue(made, price=price).haircut.sum()
             for price in ("bankruptcy", "mark", "oracle", "previous mark", "entry", 90.0)}  # fmt: skip
    assert costs == pytest.approx(
        {"bankruptcy": 50.0, "mark": 0.0, "oracle": 20.0, "previous mark": 40.0, "entry": 180.0, 90.0: 100.0}
    )
    assert ao.adl_queue(made, price="oracle capped at bankruptcy").price == 85.0
    with pytest.raises(DataError, match="state oracle="):
        ao.adl_queue(book(), price="oracle")
    assert ao.adl_queue(made, ranking="hyperliquid-documented").price == 84.0


def test_lots_round_down_to_a_residual_or_up_to_an_excess() -> None:
    down = ao.adl_queue(book(), 7.5, lot=2.0)
    assert down.closed.to_dict() == {"D": 0.0, "A": 6.0, "B": 0.0} and down.residual == 1.5
    up = ao.adl_queue(book(), 7.5, lot=2.0, rounding="up")
    assert up.closed.to_dict() == {"D": 0.0, "A": 6.0, "B": 2.0} and up.excess == 0.5
    tenth = ao.adl_queue(book(), 0.3, lot=0.1)
    assert tenth.closed["A"] == pytest.approx(0.3) and tenth.residual == 0
    for adl in (down, up, tenth):
        adl.verify(1e-9)


def test_nobody_is_bankrupted_by_paying_unless_positions_are_closed_whole() -> None:
    thin = ao.PerpetualBook(accounts(entry_price=[100.0, 80.0, 95.0], balance=[150.0, 12.0, 60.0]), mark=80.0)
    within = ao.adl_queue(thin, 10)
    assert within.closed["A"] == pytest.approx(12 / 5) and within.residual == pytest.approx(10 - 4 - 12 / 5)
    assert within.after().equity["A"] == pytest.approx(0.0, abs=1e-12)
    whole = ao.adl_queue(thin, 10, limit="position")
    assert whole.closed["A"] == 6 and whole.after().equity["A"] == pytest.approx(-18.0)
    assert ao.adl_queue(thin, 10, limit="capacity").closed["A"] == 0  # no profit, nothing to give


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000), n=st.integers(2, 30), move=st.sampled_from([-0.5, -0.1, 0.1, 0.4]),
    part=st.sampled_from([0.0, 0.3, 1.0]), name=st.sampled_from(sorted(rank.RANKINGS)),
    lot=st.sampled_from([0.0, 0.0, 0.25]),
)  # fmt: skip
def test_closing_conserves_contracts_and_money(
    seed: int, n: int, move: float, part: float, name: str, lot: float
) -> None:
    made = ao.simulate_book(n, seed=seed, move=move)
    side = "long" if move < 0 else "short"
    total = made.deficit_contracts(side)
    if total == 0:
        return
    assert_stands(ao.adl_queue(made, part * total, side, ranking=name, lot=lot))
    start = ao.dydx_deleverage(made, part * total, side, seed=seed)
    assert_stands(start)


def test_a_queue_is_the_vertex_of_its_linear_program() -> None:
    from scipy.optimize import linprog

    made = ao.simulate_book(50, seed=3)
    adl = ao.adl_queue(made, side="long")
    line = adl.line
    found = linprog(-adl.score[line], A_eq=np.ones((1, len(line))), b_eq=[adl.wanted - adl.residual],
                    bounds=list(zip(np.zeros(len(line)), adl.limit[line], strict=True)))  # fmt: skip
    assert float(adl.score[line] @ adl.taken[line]) == pytest.approx(-found.fun, rel=1e-9)


def test_explanations_name_place_price_and_cost() -> None:
    adl = ao.adl_queue(book(), 8)
    assert "place 1 of 2" in adl.explain("A") and "30.00" in adl.explain("A")
    assert "not asked" in adl.explain("D")
    with pytest.raises(DataError, match="no account is called 'Z'"):
        adl.explain("Z")


def test_books_and_closings_travel_between_processes() -> None:
    adl = pickle.loads(pickle.dumps(ao.adl_queue(book(), 8)))
    assert adl.closed.to_dict() == {"D": 0.0, "A": 6.0, "B": 2.0} and adl.verify().book.equity["D"] == -50.0


# -- dYdX v4 -------------------------------------------------------------------------------------------------------

MILLION = 1_000_000  # quote quantums to the dollar
# From the unit tests of dydxprotocol/v4-chain: oracle 50,000 (BTC) and 3,000 (ETH), maintenance 10 %.
# (position notional, part closed, quote balance of the account, notional of its other positions, quote expected)
VECTORS = [
    (5_000 * MILLION, 1, -4_501 * MILLION, 0, 4_501_000_000),
    (-5_000 * MILLION, 1, 5_499 * MILLION, 0, -5_499_000_000),
    (5_000 * MILLION, 1, -5_000 * MILLION, 0, 5_000_000_000),
    (5_000 * MILLION, Fraction(1, 2), -5_000 * MILLION, 0, 2_500_000_000),
    (-5_000 * MILLION, Fraction(1, 2), 5_000 * MILLION, 0, -2_500_000_000),
    (5_000 * MILLION, 1, -5_100 * MILLION, 0, 5_100_000_000),
    (-5_000 * MILLION, 1, 4_900 * MILLION, 0, -4_900_000_000),
    (300 * MILLION, 1, -490 * MILLION, 200 * MILLION, 294_000_000),
    (-300 * MILLION, 1, 510 * MILLION, -200 * MILLION, -306_000_000),
    (-300 * MILLION, 1, 110 * MILLION, 200 * MILLION, -306_000_000),
    (50_000 * MILLION, Fraction(21_347, 10**8), -13 * MILLION, 0, 2_776),  # rounded up from 2,775.11
    (-50_000 * MILLION, Fraction(21_347, 10**8), 13 * MILLION, 0, -2_775),  # rounded up from -2,775.11
    (50_000 * MILLION, 1, MILLION, 0, -1_000_000),
]


@pytest.mark.parametrize(("position", "part", "quote", "others", "expected"), VECTORS)
def test_bankruptcy_prices_are_those_of_dydx_unit_tests(
    position: int, part: Fraction, quote: int, others: int, expected: int
) -> None:
    margin = Fraction(abs(position), 10)
    found = dydx_bankruptcy_quote(
        position, position * (1 - Fraction(part)), quote + position + others, margin, margin * (1 - Fraction(part)),
        margin + Fraction(abs(others), 10),
    )  # fmt: skip
    assert found == expected


def test_dydx_refuses_figures_that_are_none() -> None:
    with pytest.raises(DataError, match="requirement above zero"):
        dydx_bankruptcy_quote(1, 0, 1, 0, 0, 0)
    with pytest.raises(DataError, match="collateral is nan"):
        dydx_bankruptcy_quote(1, 0, float("nan"), 1, 0, 1)
    assert dydx_fillable_price(-5_000.0, -0.1, 500.0, 500.0, 500.0) == 50_000.0  # at maintenance: the oracle price
    assert dydx_fillable_price(-5_000.0, -0.1, 500.0, 0.0, 500.0) == pytest.approx(55_000.0)


def test_dydx_starts_anywhere_and_wraps_around() -> None:
    table = pd.concat([accounts(), accounts().set_axis(["D2", "A2", "B2"])])
    made = ao.PerpetualBook(table, mark=80.0)
    line = [ao.dydx_deleverage(made, 3, start=k).order for k in range(4)]
    assert line == [["A"], ["B"], ["A2"], ["B2"]]
    assert ao.dydx_deleverage(made, 12, start=3).order == ["B2", "A", "B"]
    assert ao.dydx_deleverage(made, 12, start=0, most=1).residual == 6
    assert ao.dydx_deleverage(made, 12, seed=5).order == ao.dydx_deleverage(made, 12, seed=5).order
    starts = {ao.dydx_deleverage(made, 1, seed=s).order[0] for s in range(40)}
    assert starts == {"A", "B", "A2", "B2"}
    with pytest.raises(DataError, match="one of the 4 accounts"):
        ao.dydx_deleverage(made, 1, start=4)


def test_dydx_passes_over_who_cannot_pay_and_rounds_for_the_bankrupt() -> None:
    thin = ao.PerpetualBook(accounts(entry_price=[100.0, 80.0, 95.0], balance=[150.0, 12.0, 60.0]), mark=80.0)
    adl = ao.dydx_deleverage(thin, 10, start=0)
    assert adl.closed.to_dict() == {"D": 0.0, "A": 0.0, "B": 4.0} and "passed over" in adl.notes[0]
    assert_stands(adl)
    made = book(contracts=[9.0, -6.0, -3.0])
    exact, rounded = ao.dydx_deleverage(made, start=0), ao.dydx_deleverage(made, start=0, quantum=10.0)
    quotes, due = (x.close[1:] * x.taken[1:] for x in (rounded, exact))
    assert due == pytest.approx([500.0, 250.0]) and quotes == pytest.approx([500.0, 250.0])  # whole already
    cents = ao.dydx_deleverage(made, start=0, quantum=300.0)
    assert cents.close[1:] * cents.taken[1:] == pytest.approx([600.0, 300.0])  # up: more for the bankrupt long
    up = book(mark=120.0, contracts=[-9.0, 6.0, 3.0], balance=[150.0, 10.0, 10.0])
    paid = ao.dydx_deleverage(up, start=0, quantum=300.0)
    assert paid.close[1:] * paid.taken[1:] == pytest.approx([600.0, 300.0])  # 700 and 350: the bankrupt short pays less


# -- the same event under the rules of both worlds ------------------------------------------------------------------


def test_a_clearing_houses_rules_divide_an_exchanges_deficit() -> None:
    made = ao.simulate_book(80, seed=2)
    question = ao.deficit_problem(made, side="long")
    assert question.loss == pytest.approx(made.deficit) and (question.caps == question.column("capacity")).all()
    for name, parameters in (("pro-rata", {"key": "equity"}), ("talmud", {}), ("queue", {"score": "leverage"})):
        ao.allocate(question, name, **parameters).verify()
    event = ao.deficit_event(made, role="survivor")
    model = ao.Waterfall("a clearing house", [
        ao.Layer("fund", payer="insurance fund", amount=100.0),
        ao.Layer("winners", roles="survivor", cap="capacity", key="profit"),
    ])  # fmt: skip
    cascade = model.run(event)
    assert cascade.residual == 0 and cascade.by_payer.sum() == pytest.approx(event.loss)


def test_scopes_choose_the_payers_and_their_limits() -> None:
    table = accounts(session_profit=[-5.0, 40.0, 0.0], withdrawal=[0.0, 10.0, 5.0], stake=[0.0, 0.0, 90.0])
    made = ao.PerpetualBook(table, mark=80.0)
    asked = {scope: list(ao.deficit_problem(made, scope=scope).ids) for scope in
             ("opposite side", "both sides", "session profit", "withdrawers", "stakers")}  # fmt: skip
    assert asked == {"opposite side": ["A", "B"], "both sides": ["A", "B"], "session profit": ["A"],
                     "withdrawers": ["A", "B"], "stakers": ["B"]}  # fmt: skip
    assert ao.deficit_problem(made, scope="stakers").caps.tolist() == [90.0]
    in_contracts = ao.deficit_problem(made, unit="contracts")
    assert in_contracts.loss == 10 and in_contracts.caps.tolist() == [6.0, 4.0]
    with pytest.raises(DataError, match="reads column 'tokens'"):
        ao.deficit_problem(made, scope="token holders")
    with pytest.raises(DataError, match="did you mean 'lenders'"):
        ao.deficit_problem(made, scope="lender")


# -- simulated books -------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 60), lot=st.sampled_from([0.0, 0.001, 1.0, 100.0]))
def test_simulated_books_match_and_repeat(seed: int, n: int, lot: float) -> None:
    first, second = (ao.simulate_book(n, seed=seed, lot=lot) for _ in range(2))
    assert first.accounts.equals(second.accounts)
    signed = first.accounts["contracts"]
    assert abs(signed.sum()) <= 1e-9 * signed.abs().sum() and (signed != 0).all()
    if lot:
        assert np.abs(signed / lot - np.rint(signed / lot)).max() < 1e-6


def test_a_simulated_book_has_bankrupt_losers_only_on_the_side_the_price_left() -> None:
    down, up = ao.simulate_book(3000, seed=0), ao.simulate_book(3000, seed=0, move=0.08)
    assert down.deficit_contracts("long") > 0 == down.deficit_contracts("short")
    assert up.deficit_contracts("short") > 0 == up.deficit_contracts("long")
    sizes = np.sort(down._size)[::-1]
    assert sizes[:30].sum() > 0.2 * sizes.sum()  # one account in a hundred holds a fifth: heavy tails


@pytest.mark.parametrize("wrong", [{"accounts": 1}, {"mark": 0.0}, {"move": -1.0}, {"tail": 0.0}, {"leverage": 0.5}])
def test_a_market_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        ao.simulate_book(**wrong)
