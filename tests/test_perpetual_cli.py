"""The queue from the terminal: what Python says, and bad books refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from test_cli import Run, refused
from test_cli import run as run

import allocopt as ao

BOOK = """account,contracts,entry_price,balance
D,10,100,150
A,-6,100,80
B,-4,95,60
"""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.csv"
    path.write_text(BOOK)
    return path


def test_the_queue_is_that_of_python(run: Run, book: Path) -> None:
    code, out, err = run("adl", book, "--mark", 80, "--quantity", 8, "--json")
    facts = json.loads(out)
    table = pd.read_csv(book, index_col=0)
    found = ao.adl_queue(ao.PerpetualBook(table, mark=80.0), 8)
    assert (code, err) == (0, "") and facts["order"] == found.order and facts["price"] == 85.0
    assert facts["haircut"] == found.haircut.to_dict() and facts["residual"] == 0.0
    code, out, _ = run("adl", book, "--mark", 80, "--currency", "USD", "--price", "90", "--ranking", "dango")
    assert code == 0 and "dango: 10.00 long contracts at 90" in out and "USD" in out and "primal 0.0e+00" in out
    assert "place 1 of 2" in run("adl", book, "--mark", 80, "--explain", "A")[1]


@pytest.mark.parametrize(
    ("old", "new", "options", "words"),
    [
        ("B,-4", "B,-3", (), "longs hold 10 contracts and shorts 9"),
        ("A,-6,100,80", "A,-6,100,-130", (), "a winner cannot owe more than it has"),
        ("A,-6,100", "A,-6,0", (), "entered at a price of zero"), ("A,-6,100", "A,-6,", (), "'A' is NaN"),
        ("B,-4", "A,-4", (), "occurs more than once"), ("B,-4", "B,four", (), "'four'"),
        ("D,10,100,150\nA,-6,100,80\nB,-4,95,60\n", "", (), "holds no account"),
        ("balance", "cash", (), "neither 'balance'"),
        ("", "", ("--mark", "99"), "on neither side"),
        ("", "", ("--mark", "0"), "the mark price is zero"), ("", "", ("--mark", "nan"), "the mark price is NaN"),
        ("", "", ("--mark", "80", "--ranking", "bitmax"), "did you mean 'bitmex'"),
        ("", "", ("--mark", "80", "--side", "both"), "side"),
        ("", "", ("--mark", "80", "--price", "last"), "closing price"),
        ("", "", ("--mark", "80", "--ranking", "binance"), "maintenance_margin"),
    ],
)  # fmt: skip
def test_bad_books_are_one_line_on_the_terminal(
    run: Run, book: Path, old: str, new: str, options: tuple[str, ...], words: str
) -> None:
    book.write_text(BOOK.replace(old, new) if old else BOOK)
    refused(run("adl", book, *(options or ("--mark", "80"))), 2, words)


def test_a_book_that_is_no_table_is_refused(run: Run, tmp_path: Path) -> None:
    refused(run("adl", tmp_path / "book.toml", "--mark", 80), 2, "is no .csv")
    refused(run("adl", tmp_path / "absent.csv", "--mark", 80), 2, "absent.csv")
