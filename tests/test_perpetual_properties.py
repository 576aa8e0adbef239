"""What every ranking and rule on a perpetual market keeps, whatever the book; and where not, the counter-example."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocopt as ao
from allocopt.errors import DataError
from allocopt.mechanisms.perpetual.queue import LIMITS, Deleveraging
from allocopt.mechanisms.perpetual.rankings import RANKINGS

# Rules that divide a deficit in cash, with the parameters they take from a book's table.
RULES: dict[str, dict[str, Any]] = {
    "pro-rata": {}, "pro-rata by equity": {"key": "equity"}, "queue": {"score": "leverage"},
    "contract-pro-rata": {"key": "contracts"}, "risk-aware-pro-rata": {"leverage": "leverage"},
    "risk-aware-pro-rata (optimal)": {"leverage": "leverage", "g": "optimal", "volatility": 0.2},
}  # fmt: skip


def rule(name: str) -> ao.Scheme:
    return ao.scheme(name.split(" ")[0], **RULES[name])


@st.composite
def books(draw: Any, most: int = 8) -> ao.PerpetualBook:
    """Small books of whole numbers, with ties, flat accounts and an engine that holds what is not matched."""
    n = draw(st.integers(2, most))
    size = [draw(st.sampled_from([1.0, 2.0, 2.0, 5.0])) for _ in range(n)]
    sign = [1.0, -1.0, *(draw(st.sampled_from([1.0, -1.0])) for _ in range(n - 2))]
    kind = draw(st.sampled_from(["linear", "inverse"]))
    entry = [draw(st.sampled_from([90.0, 100.0, 100.0, 120.0])) for _ in range(n)]
    mark = draw(st.sampled_from([70.0, 130.0]))
    signed = np.array(sign) * np.array(size)
    table = pd.DataFrame({"contracts": signed, "entry_price": entry}, index=[f"T{k}" for k in range(n)])
    loss = (np.array(entry) - mark) * signed if kind == "linear" else signed * (1 / mark - 1 / np.array(entry))
    unit = 100.0 if kind == "linear" else 0.01
    cushion = [draw(st.sampled_from([0.01, 0.05, 0.5])) for _ in range(n)]
    owes = [draw(st.sampled_from([True, True, False])) for _ in range(n)]
    # A loser may be bankrupt, a winner never is: that is what a book refuses.
    least = np.where((loss > 0) & np.array(owes), 0.3 * loss, np.maximum(loss, 0.0))
    table["balance"] = least + np.array(cushion) * np.array(size) * unit
    table["maintenance_margin"] = 0.02 * np.array(size) * unit
    table["opened"] = np.arange(n, dtype=float)[::-1]
    return ao.PerpetualBook(
        table, mark, oracle=mark, previous_mark=100.0, kind=kind, engine=-float(signed.sum()), currency="X"
    )


def failing_side(book: ao.PerpetualBook) -> str | None:
    """A side with bankrupt accounts, if there is one."""
    return next((s for s in ("long", "short") if (book.on(s) & book._bankrupt).any()), None)


def assert_kept(adl: Deleveraging) -> None:
    """Contracts match on both sides afterwards, and only who was below zero is."""
    after = adl.after()
    signed = float(after.accounts["contracts"].sum()) + after.engine
    assert abs(signed) <= 1e-9 * adl.book.open_interest
    assert after.open_interest + float(adl.taken.sum()) == pytest.approx(adl.book.open_interest)
    scale = 1e-9 * (1.0 + np.abs(adl.book._balance))
    assert (after._equity[adl.taken > 0] >= -scale[adl.taken > 0]).all()


@settings(max_examples=60)
@given(
    book=books(),
    name=st.sampled_from(sorted(RANKINGS)),
    limit=st.sampled_from(LIMITS),
    part=st.sampled_from([0.4, 1.0]),
)
def test_every_ranking_leaves_matched_sides_and_nobody_below_zero(
    book: ao.PerpetualBook, name: str, limit: str, part: float
) -> None:
    side = failing_side(book)
    if side is None:
        return
    wanted = part * book.deficit_contracts(side)
    adl = ao.adl_queue(book, wanted, side, ranking=name, limit=limit)
    if limit != "position":  # whole positions are closed whatever it does to their holders
        assert_kept(adl)
    adl.verify(1e-9)
    assert (adl.left >= 0).all() and adl.taken[book.on(side)].sum() == 0
    assert_kept(ao.dydx_deleverage(book, wanted, side, seed=1).verify(1e-9))


def test_the_check_sees_contracts_that_were_added_and_a_winner_that_was_ruined() -> None:
    book = ao.simulate_book(20, seed=1)
    adl = ao.adl_queue(book, 0.5 * book.deficit_contracts("long"), side="long")
    assert_kept(adl)
    first = adl.line[0]
    for wrong in (
        dataclasses.replace(adl, taken=np.where(np.arange(20) == first, 2 * book._size, adl.taken)),
        dataclasses.replace(adl, close=np.full(20, 3.0 * book.mark)),
    ):
        with pytest.raises((AssertionError, DataError)):
            assert_kept(wrong)


@settings(max_examples=40)
@given(book=books(), name=st.sampled_from(sorted(RANKINGS)), seed=st.integers(0, 99))
def test_the_order_of_the_rows_decides_nothing_but_ties(book: ao.PerpetualBook, name: str, seed: int) -> None:
    side = failing_side(book)
    if side is None:
        return
    turned = np.random.default_rng(seed).permutation(len(book.ids))
    other = ao.PerpetualBook(
        book.accounts.iloc[turned], book.mark, oracle=book.oracle, previous_mark=book.previous_mark, kind=book.kind,
        engine=book.engine,
    )  # fmt: skip
    first, second = (ao.adl_queue(b, side=side, ranking=name, price=book.mark) for b in (book, other))
    scores = (pd.Series(a.score, index=a.book.ids) for a in (first, second))
    np.testing.assert_allclose(*(s.sort_index() for s in scores), rtol=1e-12)
    line = first.score[first.line]
    if len(np.unique(line)) == len(line):
        assert first.order == second.order
        pd.testing.assert_series_equal(first.closed, second.closed[book.ids])


@settings(max_examples=40)
@given(book=books(), name=st.sampled_from(sorted(RANKINGS)), scale=st.sampled_from([2.0**-30, 8.0, 2.0**40]))
def test_scores_do_not_depend_on_the_size_of_the_contract(book: ao.PerpetualBook, name: str, scale: float) -> None:
    """All amounts times a power of two, so that ties stay ties; Binance and Aevo count one unit of money apart."""
    table = book.accounts
    table[["contracts", "balance", "maintenance_margin"]] *= scale
    large = ao.PerpetualBook(
        table, book.mark, oracle=book.oracle, previous_mark=100.0, kind=book.kind, engine=book.engine * scale
    )
    small, big = (RANKINGS[name].of(b) for b in (book, large))
    if name not in ("binance", "aevo"):
        np.testing.assert_allclose(big, small, rtol=1e-9)
    side = failing_side(book)
    if side is not None and name not in ("binance", "aevo"):
        closed = [ao.adl_queue(b, side=side, ranking=name, price=book.mark).taken for b in (book, large)]
        np.testing.assert_allclose(closed[1], closed[0] * scale, rtol=1e-9)


def test_binance_counts_a_balance_below_one_as_one_so_its_line_depends_on_the_unit() -> None:
    """Balances of 2 and 0.5, profits of 1 and 0.4: by the dollar the first leads, by the cent the second."""
    rank = RANKINGS["binance"]
    rows = {"contracts": [1.0, 0.4, -1.4], "entry_price": [9.0, 9.0, 9.0], "balance": [2.0, 0.5, 50.0],
            "maintenance_margin": [0.1, 0.04, 0.1]}  # fmt: skip
    table = pd.DataFrame(rows, index=["A", "B", "S"])
    dollars = rank.of(ao.PerpetualBook(table, mark=10.0))
    table[["contracts", "balance", "maintenance_margin"]] *= 100
    cents = rank.of(ao.PerpetualBook(table, mark=10.0))
    assert dollars[0] > dollars[1] * 0.9 and cents[1] / cents[0] > 1.9 * dollars[1] / dollars[0]


def test_who_owes_after_a_whole_position_was_closed_keeps_no_winning_part() -> None:
    table = pd.DataFrame({"contracts": [10.0, -12.0, 2.0], "entry_price": [100.0, 82.0, 90.0],
                          "balance": [150.0, 10.0, 90.0]}, index=["D", "A", "B"])  # fmt: skip
    adl = ao.adl_queue(ao.PerpetualBook(table, mark=80.0), price=85.0, limit="position").verify()
    with pytest.raises(DataError, match="'A' is closed beyond its equity and keeps a part of a winning position"):
        adl.after()
    assert ao.adl_queue(ao.PerpetualBook(table, mark=80.0), price=85.0).after().equity["A"] == pytest.approx(
        0.0, abs=1e-9
    )


@pytest.mark.parametrize("quantity", [0.3, 123_456.7, 1e6 - 1e-8])
def test_lots_round_in_their_direction_at_any_number_of_them(quantity: float) -> None:
    table = pd.DataFrame({"contracts": [1e6, -1e6], "entry_price": 100.0, "balance": [15e6, 90e6]}, index=["D", "A"])
    book = ao.PerpetualBook(table, mark=80.0)
    for lot in (1e-8, 0.1, 7.0):
        down, up = (ao.adl_queue(book, quantity, lot=lot, rounding=r).verify(1e-9) for r in ("down", "up"))
        count = down.taken.sum() / lot
        assert count == pytest.approx(round(count), abs=1e-3) and down.taken.sum() <= quantity * (1 + 1e-15)
        assert up.taken.sum() >= min(quantity, 1e6 // lot * lot) * (1 - 1e-15)
        assert up.taken.sum() - down.taken.sum() <= lot * (1 + 1e-6)


# -- rules of division -------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(book=books(), name=st.sampled_from(sorted(RULES)), part=st.sampled_from([0.3, 1.0, 5.0]))
def test_every_rule_divides_the_deficit_within_profit_and_equity(
    book: ao.PerpetualBook, name: str, part: float
) -> None:
    side = failing_side(book)
    if side is None:
        return
    question = ao.deficit_problem(book, part * ao.deficit_problem(book, side=side).loss, side=side)
    answer = ao.allocate(question, rule(name)).verify()
    assert answer.paid.sum() + answer.residual == pytest.approx(question.loss)
    room = np.minimum(question.column("profit"), question.column("equity"))
    assert (answer.paid <= room * (1 + 1e-12) + 1e-12).all()
    turned = question.replace(payers=question.payers.iloc[::-1], cap="capacity")
    np.testing.assert_allclose(
        ao.allocate(turned, rule(name)).shares[question.ids], answer.shares, atol=1e-9 * question.loss
    )


WINNERS = pd.DataFrame(
    {"capacity": [8.0, 4.0, 0.5], "leverage": [3.0, 9.0, 1.0], "contracts": [2.0, 9.0, 4.0]},
    index=["A", "B", "C"],
)  # fmt: skip


@settings(max_examples=40)
@given(loss=st.floats(0.01, 12.4), parts=st.lists(st.integers(1, 9), min_size=2, max_size=4))
def test_pro_rata_keeps_the_order_and_does_not_reward_false_names(loss: float, parts: list[int]) -> None:
    question = ao.LossProblem(loss, WINNERS, cap="capacity")
    shares = ao.allocate(question, "pro-rata").shares
    left = WINNERS["capacity"] - shares
    assert shares["A"] >= shares["B"] >= shares["C"] and left["A"] >= left["B"] >= left["C"]
    share = np.array(parts) / sum(parts)
    pieces_of = pd.DataFrame(np.outer(share, WINNERS.loc["A"]), columns=WINNERS.columns)
    split = pd.concat([WINNERS.drop(index="A"), pieces_of.rename(index=lambda k: f"A{k}")])
    for name, parameters in (("pro-rata", {}), ("contract-pro-rata", {"key": "contracts"})):
        whole = ao.allocate(question, name, **parameters).shares
        pieces = ao.allocate(ao.LossProblem(loss, split, cap="capacity"), name, **parameters).shares
        assert pieces[[i for i in pieces.index if i.startswith("A")]].sum() == pytest.approx(whole["A"])
        assert pieces["B"] == pytest.approx(whole["B"])


def test_a_queue_turns_the_order_of_its_winners_around_and_contracts_do_too() -> None:
    """The facts of the paper: capacities 8, 4 and 0.5, of which 7.5 are needed."""
    question = ao.LossProblem(7.5, WINNERS, cap="capacity")
    queue = question.caps - ao.allocate(question, "queue", score="capacity").paid
    shared = question.caps - ao.allocate(question, "pro-rata").paid
    assert queue.tolist() == [0.5, 4.0, 0.5] and shared == pytest.approx([3.2, 1.6, 0.2])
    by_contract = ao.allocate(ao.LossProblem(5.0, WINNERS, cap="capacity"), "contract-pro-rata", key="contracts").shares
    assert by_contract["B"] > by_contract["A"]  # more contracts, less to lose


def test_a_queue_closes_one_of_two_equals_first_and_a_hair_turns_them_around() -> None:
    """Proposition 8 of the second paper: twice the quantity changes hands for the smallest change of a score."""
    rows = {"contracts": [10.0, -10.0, -10.0, 10.0], "entry_price": 100.0, "balance": [150.0, 900.0, 900.0, 900.0]}
    table = pd.DataFrame(rows, index=["D", "A", "B", "L"])
    book = ao.PerpetualBook(table, mark=80.0)
    one, other = (ao.adl_queue(book, 10, "long", ranking=[0, 1.0, 1.0 + e, 0]).taken for e in (-1e-12, 1e-12))
    assert np.abs(one - other).sum() == 20.0


def test_minimax_leverage_keeps_the_order_of_leverage_and_leaves_nobody_more_leveraged() -> None:
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"n": rng.uniform(1, 9, 9), "E": rng.uniform(1, 3, 9)})
    answer = ao.allocate(ao.LossProblem(11.0, table, cap="n"), "minimax-leverage", equity="E")
    before, after = table["n"] / table["E"], (table["n"] - answer.shares) / table["E"]
    assert (np.diff(after.iloc[np.argsort(before)]) >= -1e-12).all() and after.max() <= before.max()


# -- risk-aware pro-rata -----------------------------------------------------------------------------------------------


def test_risk_aware_shares_of_the_paper_s_example() -> None:
    """Chitra, main_examples.tex: leverages 1.031, 0.925, 1.548 and pro-rata shares 0.163, 0.728, 0.109."""
    table = pd.DataFrame({"c": [0.163, 0.728, 0.109], "lev": [1.031, 0.925, 1.548]}, index=["A", "C", "E"])
    question = ao.LossProblem(1e-3, table, cap="c")
    expected = {
        ("linear",): (0.164, 0.589, 0.246), ("power", ("power", 2.0)): (0.155, 0.498, 0.348),
        ("cvar", ("threshold", 0.9)): (0.149, 0.114, 0.737), ("power", ("power", 1.0)): (0.164, 0.589, 0.246),
    }  # fmt: skip
    for (g, *others), shares in expected.items():
        answer = ao.allocate(question, "risk-aware-pro-rata", leverage="lev", g=g, **dict(others))
        assert answer.paid / 1e-3 == pytest.approx(shares, abs=1.6e-3), g
        program = ao.allocate(question, "risk-aware-pro-rata", "program", leverage="lev", g=g, **dict(others)).verify()
        assert program.paid == pytest.approx(answer.paid, abs=1e-9)


def test_the_factor_called_optimal_is_the_loss_expected_beyond_equity() -> None:
    """By the closed form, by ten thousand quantiles of the normal, and as a function of one's own."""
    from scipy.stats import norm

    from allocopt.schemes.tilt import shortfall

    moves = norm.ppf((np.arange(10_000) + 0.5) / 10_000, 0.01, 0.3)
    table = pd.DataFrame({"c": [1.0, 2.0, 3.0], "lev": [8.0, 3.0, 1.0]})
    question = ao.LossProblem(1.0, table, cap="c")
    optimal = {"leverage": "lev", "g": "optimal"}
    exact = ao.allocate(question, "rap", **optimal, mean=0.01, volatility=0.3).verify()
    drawn = ao.allocate(question, "rap", **optimal, scenarios=moves).verify()
    own = ao.allocate(question, "rap", leverage="lev", g=lambda v: shortfall(1 / v, 0.01, 0.3))
    assert drawn.paid == pytest.approx(exact.paid, abs=2e-4) and own.paid == pytest.approx(exact.paid)
    density = [l * norm.expect(lambda z, u=1 / l: max(-(u + z), 0), loc=0.01, scale=0.3) for l in table["lev"]]
    rates = exact.paid / question.caps
    assert rates / rates[0] == pytest.approx(np.array(density) / density[0], rel=1e-4)
    rows = ao.allocate_many(
        ao.scheme("rap", **optimal, mean=0.01, volatility=0.3), [1.0, 2.0], table["lev"], table["c"]
    )
    assert rows[0] == pytest.approx(exact.paid)
    sure = ao.allocate(question, "rap", **optimal, scenarios=[0.1, -0.2])  # only beyond leverage 5 is anything lost
    assert sure.shares.tolist() == [1.0, 0.0, 0.0]


def test_the_rates_called_optimal_are_not_where_the_expected_deficit_is_least() -> None:
    """Two accounts alike but for rho = 2 and 1, a budget of 1: the queue leaves 1, the rates 2/3 and 1/3 leave 4/3."""
    table = pd.DataFrame({"c": [1.0, 1.0], "lev": [2.0, 1.0]})
    rates = ao.allocate(ao.LossProblem(1.0, table, cap="c"), "rap", leverage="lev", g=lambda v: np.ones_like(v)).paid
    queue = ao.allocate(ao.LossProblem(1.0, table, cap="c"), "queue", score="lev").paid
    left = [float(((1 - h) * [2.0, 1.0]).sum()) for h in (rates, queue)]
    assert rates == pytest.approx([2 / 3, 1 / 3]) and left == pytest.approx([4 / 3, 1.0])


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"g": "square"}, "factor g"), ({"g": "linear", "power": 2.0}, "power belongs to g='power'"),
        ({"g": "power", "threshold": 1.0}, "threshold belongs to g='cvar'"),
        ({"g": "cvar", "threshold": -1.0}, "threshold"), ({"g": "optimal", "volatility": -1.0}, "volatility"),
        ({"scenarios": [0.1]}, "scenarios belongs to g='optimal'"), ({"g": "optimal", "scenarios": []}, "scenarios"),
        ({"g": "optimal", "scenarios": [float("nan")]}, "scenarios"),
    ],
)  # fmt: skip
def test_factors_that_are_none_are_refused(parameters: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        ao.scheme("risk-aware-pro-rata", leverage="lev", **parameters)


@pytest.mark.parametrize("g", [lambda v: -v, lambda v: v * np.inf, lambda v: np.ones(7)])
def test_a_function_that_is_no_factor_is_refused_when_it_is_asked(g: Any) -> None:
    table = pd.DataFrame({"c": [1.0, 1.0], "lev": [2.0, 1.0]})
    with pytest.raises(DataError, match=r"^g"):
        ao.allocate(ao.LossProblem(1.0, table, cap="c"), "rap", leverage="lev", g=g)


# -- bad books ---------------------------------------------------------------------------------------------------------

GOOD = {"contracts": [10.0, -6.0, -4.0], "entry_price": [100.0, 100.0, 95.0], "balance": [150.0, 80.0, 60.0]}


@pytest.mark.parametrize(
    ("changes", "prices", "sentence"),
    [
        ({"contracts": [10.0, -6.0, -3.9]}, {}, "longs hold 10 contracts and shorts 9.9"),
        ({"contracts": [10.0, -6.0, float("inf")]}, {}, "'B' is inf"),
        ({"balance": [150.0, -121.0, 60.0]}, {}, "a winner cannot owe more than it has"),
        ({"entry_price": [0.0, 100.0, 95.0]}, {}, "'D' entered at a price of zero"),
        ({"entry_price": [100.0, float("nan"), 95.0]}, {}, "entry_price: 'A' is NaN"),
        ({}, {"mark": 0.0}, "the mark price is zero"), ({}, {"mark": -1.0}, "the mark price is -1; it must be above"),
        ({"contracts": [10.0, -6.0, float("nan")]}, {}, "expected finite numbers of either sign"),
        ({}, {"mark": float("nan")}, "the mark price is NaN"),
        ({}, {"oracle": 0.0}, "the oracle price is zero"), ({}, {"multiplier": 0.0}, "the multiplier is zero"),
        ({}, {"index": ["D", "A", "A"]}, "payer id 'A' occurs more than once"),
        ({}, {"index": ["D", "A", None]}, "a payer id is missing"), ({}, {"kind": "quanto"}, "kind of contract"),
        ({}, {"engine": 1.0}, r"liquidation engine \+1"), ({"balance": None}, {}, "neither 'balance' nor 'equity'"),
    ],
)  # fmt: skip
def test_bad_books_are_refused_in_one_line(changes: dict[str, Any], prices: dict[str, Any], sentence: str) -> None:
    prices = {"mark": 80.0, "index": ["D", "A", "B"]} | prices
    rows = {k: v for k, v in (GOOD | changes).items() if v is not None}
    with pytest.raises(DataError, match=sentence) as fault:
        ao.PerpetualBook(pd.DataFrame(rows, index=prices.pop("index")), **prices)
    assert "\n" not in str(fault.value) and len(str(fault.value)) < 300


def test_an_empty_book_is_no_fault_but_there_is_nobody_to_close() -> None:
    book = ao.PerpetualBook(pd.DataFrame(GOOD).iloc[:0], mark=80.0)
    with pytest.raises(DataError, match="holds no account"):
        ao.adl_queue(book)
    with pytest.raises(DataError, match="holds no account"):
        ao.deficit_problem(book)
    assert ao.adl_queue(book, 3.0, "long", price=80.0).residual == 3.0
