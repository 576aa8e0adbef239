"""Several answers about one book in one table: by hand, against the measures of one answer, and with bad figures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

import allocopt as ao
from allocopt.errors import DataError

# Equities at a mark of 80: D -50, A 200 (profit 120), B 120 (profit 60), C 40 (no profit: entered at the mark).
ACCOUNTS = pd.DataFrame(
    {
        "contracts": [10.0, -6.0, -4.0, -3.0, 3.0],
        "entry_price": [100.0, 100.0, 95.0, 80.0, 80.0],
        "balance": [150.0, 80.0, 60.0, 40.0, 0.0],
    },
    index=["D", "A", "B", "C", "Z"],
)
BOOK = ao.PerpetualBook(ACCOUNTS, mark=80.0)


def test_every_measure_of_a_small_book_by_hand() -> None:
    table = ao.adl.book_scores(
        BOOK, {"one": pd.Series({"A": 50.0}), "lots": pd.Series({"C": 10.0, "A": 50.0}), "none": pd.Series(dtype=float)}
    )
    assert (BOOK.deficit, BOOK.equity["C"], BOOK.pnl["C"]) == (50.0, 40.0, 0.0)
    one, lots, none = (table[name] for name in ("one", "lots", "none"))
    assert one["accounts hit"] == 1 and one["accounts without profit hit"] == 0
    assert one["largest part of equity"] == 50 / 200 and one["largest part of profit"] == pytest.approx(50 / 120)
    assert one["gap by equity"] == pytest.approx(50 / 200 - 50 / 360) and one["gap by profit"] == pytest.approx(
        50 / 120 - 50 / 180
    )
    assert one["overshoot"] == one["shortfall"] == 0
    assert one["largest survivor"] == one["top winner"] == 70 and one["PTSR"] == pytest.approx(70 / 50)
    assert one["inversions"] == one["adjacent inversions"] == 0  # 70 is still above 60
    assert lots["accounts hit"] == 2 and lots["accounts without profit hit"] == 1
    assert lots["largest part of profit"] == lots["gap by profit"] == math.inf and lots["overshoot"] == 10
    assert none["shortfall"] == 50 and none["largest part of equity"] == 0 and math.isnan(none["PTSR"])
    turned = ao.adl.book_scores(BOOK, {"x": pd.Series({"A": 90.0})}, needed=90.0)["x"]
    assert turned["top winner"] == 30 and turned["largest survivor"] == 60  # the largest survivor is another
    assert turned["inversions"] == pytest.approx(1 / 3) and turned["adjacent inversions"] == 0.5
    assert turned["bankrupted"] == 0 and turned["shortfall"] == turned["overshoot"] == 0
    assert ao.adl.book_scores(BOOK, {"x": pd.Series({"C": 41.0})})["x"]["bankrupted"] == 1


def test_the_table_agrees_with_the_measures_of_each_answer_alone() -> None:
    book = ao.simulate_book(200, seed=3)
    question = ao.deficit_problem(book, side="long", scope="both sides", cap="profit")
    answers = {key: ao.allocate(question, "pro-rata", key=key) for key in ("profit", "equity")}
    table = ao.adl.book_scores(book, {key: answer.shares for key, answer in answers.items()})
    for key, answer in answers.items():
        alone = ao.adl.adl_scores(answer)
        assert table.at["largest part of equity", key] == pytest.approx(alone["largest burden by equity"])
        assert table.at["gap by profit", key] == pytest.approx(alone["fairness gap by profit"], abs=1e-12)
        assert table.at["top winner", key] == pytest.approx(alone["top winner keeps"])
        assert table.at["PTSR", key] == pytest.approx(alone["survivor ratio"])
        assert table.at["inversions", key] == pytest.approx(alone["rank inversions"])
    assert table.at["gap by profit", "profit"] == pytest.approx(0.0, abs=1e-12)


def test_an_answer_in_contracts_and_the_same_queue_in_cash_are_one() -> None:
    book = ao.simulate_book(200, seed=3)
    engine = ao.adl_queue(book, side="long", ranking="hyperliquid-decompiled", limit="position", price="bankruptcy")
    gap = book.gap("short", book.bankruptcy_price("long"))
    table = ao.adl.book_scores(book, {"engine": engine.haircut, "contracts": engine.closed * gap})
    assert table["engine"].to_numpy() == pytest.approx(table["contracts"].to_numpy())


@pytest.mark.parametrize("scale", [1e-9, 1e12])
def test_the_table_does_not_depend_on_the_unit(scale: float) -> None:
    scaled = ao.PerpetualBook(
        ACCOUNTS.assign(contracts=ACCOUNTS["contracts"] * scale, balance=ACCOUNTS["balance"] * scale), 80.0
    )
    taken = pd.Series({"A": 40.0, "B": 10.0})
    found, same = (ao.adl.book_scores(b, {"x": t})["x"] for b, t in ((scaled, taken * scale), (BOOK, taken)))
    money = {"overshoot", "shortfall", "largest survivor", "top winner"}
    for name, value in same.items():
        assert found[name] / (scale if name in money else 1) == pytest.approx(value, abs=1e-12), name


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ao.adl.book_scores(ACCOUNTS, {"x": pd.Series({"A": 1.0})}), "give a PerpetualBook"),
        (lambda: ao.adl.book_scores(BOOK, {}), "haircuts are empty"),
        (lambda: ao.adl.book_scores(BOOK, [1.0]), "no mapping"),
        (lambda: ao.adl.book_scores(BOOK, {"x": [1.0, 2.0]}), "give a Series"),
        (lambda: ao.adl.book_scores(BOOK, {"x": pd.Series({"E": 1.0})}), "'E'"),
        (lambda: ao.adl.book_scores(BOOK, {"x": pd.Series({"A": -1.0})}), "haircuts of 'x': 'A' is -1"),
        (lambda: ao.adl.book_scores(BOOK, {"x": pd.Series({"A": math.nan})}), "NaN"),
        (lambda: ao.adl.book_scores(BOOK, {"x": pd.Series([1.0, 1.0], ["A", "A"])}), "more than once"),
        (lambda: ao.adl.book_scores(BOOK, {"x": pd.Series({"A": 1.0})}, needed=np.inf), "needed"),
    ],
)
def test_bad_figures_get_one_line(call: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        call()
    assert "\n" not in str(raised.value)
