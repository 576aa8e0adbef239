"""A book run down the model of its venue: the queue in cash is the queue in contracts; others can be asked."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import allocopt as ao
from allocopt.errors import DataError

ACCOUNTS = pd.DataFrame(
    {"contracts": [10.0, -6.0, -4.0, 3.0, -3.0], "entry_price": [100.0, 100.0, 95.0, 80.0, 80.0],
     "balance": [150.0, 80.0, 60.0, 50.0, 2.0]},
    index=["D", "A", "B", "C", "E"],
)  # fmt: skip


def book(**columns: Any) -> ao.PerpetualBook:
    return ao.PerpetualBook(ACCOUNTS.assign(**columns), mark=80.0, previous_mark=82.0)


def test_a_book_says_what_the_model_of_its_venue_asks() -> None:
    """D is bankrupt at 85, so closing costs the shorts 5 a contract; E can pay 2 of its 15."""
    table = ao.deficit_event(book(), fund=20.0).payers
    assert table["scope"].to_dict() == {
        "D": "", "A": "opposite side", "B": "opposite side", "C": "same side", "E": "opposite side",
        "insurance fund": "",
    }  # fmt: skip
    assert table.loc[["A", "B", "E"], "closing_cost"].to_list() == pytest.approx([30, 20, 2])
    assert table.loc["insurance fund", ["role", "balance"]].to_list() == ["insurance fund", 20]
    whole = ao.deficit_event(book(), limit="position").payers
    assert whole.loc["E", "closing_cost"] == pytest.approx(15)
    assert "insurance fund" not in whole.index


@pytest.mark.parametrize(
    ("model", "ranking"),
    [("bitmex", "bitmex"), ("bybit", "bybit"), ("okx", "okx"), ("binance-futures", "binance"),
     ("hyperliquid", "hyperliquid-documented")],
)  # fmt: skip
def test_the_model_takes_what_the_queue_closes(model: str, ranking: str) -> None:
    market = ao.simulate_book(200, seed=4)
    queue = ao.adl_queue(market, ranking=ranking, price="bankruptcy").verify()
    run = ao.load_model(model).run(ao.deficit_event(market, ranking=ranking, price="bankruptcy")).verify()
    assert run.residual == 0.0
    assert (run.by_payer - queue.haircut).abs().max() < 1e-9 * market.deficit


def test_what_the_accounts_say_themselves_stays() -> None:
    """A score of one's own, and with columns for a clearing house the book goes down its waterfall too."""
    own = book(score=[0.0, 1.0, 9.0, 0.0, 0.0], collateral=0.0, default_fund=[0.0, 30.0, 10.0, 0.0, 0.0])
    run = ao.load_model("bitmex").run(ao.deficit_event(own))
    assert run.by_payer.round(9).to_dict() == {"D": 0, "A": 30, "B": 20, "C": 0, "E": 0}
    assert ao.adl_queue(own, 8, ranking="score").order == ["B", "A"]
    event = ao.deficit_event(own, role="survivor")
    shared = ao.allocate(event.problem(roles=["survivor"], cap="default_fund"), "pro-rata")
    assert shared.shares.to_dict() == {"A": 30, "B": 10, "C": 0, "E": 0} and shared.residual == 10


def test_a_book_in_which_nothing_failed_is_an_event_without_a_line() -> None:
    event = ao.deficit_event(book(balance=500.0))
    assert event.loss == 0.0 and "closing_cost" not in event.payers.columns


def test_wrong_words_are_one_line() -> None:
    for wrong, sentence in (
        ({"ranking": "bitmax"}, "no ranking is called 'bitmax'; did you mean 'bitmex'"),
        ({"price": "oracle"}, "closing at the oracle price needs it"),
        ({"limit": "all"}, "no limit is called 'all'"),
        ({"fund": -1.0}, "the fund is -1"),
        ({"side": "left"}, "no side is called 'left'"),
        ({"ranking": "binance"}, "maintenance_margin"),
    ):
        with pytest.raises(DataError, match=sentence) as told:
            ao.deficit_event(book(), **wrong)
        assert "\n" not in str(told.value)


def test_the_price_may_be_spelled_as_the_book_spells_it() -> None:
    assert ao.adl_queue(book(), price="previous_mark").price == 82.0


def test_a_deficit_is_judged_without_saying_what_limits_it() -> None:
    """The caps are columns of the table, so a comparison knows the exposure."""
    question = ao.deficit_problem(book())
    assert question.cap_name == "capacity" and question.caps.tolist() == [
        120 if p == "A" else 60 if p == "B" else 0 for p in question.ids
    ]
    assert ao.deficit_problem(book(), unit="contracts").cap_name == "contracts"
    card = ao.compare(question, ["pro-rata", ao.scheme("queue", score="leverage")], axioms=False)
    assert card.shares.shape == (3, 2)


def test_a_closing_shows_its_line_in_a_notebook() -> None:
    shown = ao.adl_queue(book(), 8)._repr_html_()
    assert "8 of 8 contracts" in shown and "<table" in shown


def test_seeds_that_are_none_are_one_line() -> None:
    for seed in ("x", -1):
        with pytest.raises(DataError, match="give a whole number >= 0 or a numpy Generator"):
            ao.simulate_book(10, seed=seed)  # type: ignore[arg-type]
        with pytest.raises(DataError, match="give a whole number >= 0 or a numpy Generator"):
            ao.dydx_deleverage(book(), seed=seed)  # type: ignore[arg-type]


def test_a_message_stays_on_one_line() -> None:
    with pytest.raises(DataError) as told:
        ao.PerpetualBook(ACCOUNTS, mark=pd.Series([80.0]))  # type: ignore[arg-type]
    assert "\n" not in str(told.value)


def test_billions_of_debt_auctions_at_one_price_are_counted_not_listed() -> None:
    told = ao.maker_flop(1e15, 0.0, pd.Series({"A": 1.0}), 250.0)
    assert told.rate == pytest.approx(4e12 / (1 + 4e12))
    with pytest.raises(DataError, match="prices: expected one price above zero"):
        ao.maker_flop(1e5, 0.0, pd.Series({"A": 1.0}), "two")
