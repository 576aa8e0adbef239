"""A book as an event: what the waterfall of a venue, or of a clearing house, has to be told about its accounts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from allocopt.facts.checks import Array, number
from allocopt.facts.event import Event
from allocopt.mechanisms.outcome import chosen
from allocopt.mechanisms.perpetual.book import PerpetualBook
from allocopt.mechanisms.perpetual.closing import closing_prices
from allocopt.mechanisms.perpetual.queue import LIMITS, limits, scores
from allocopt.mechanisms.perpetual.rankings import Ranking
from allocopt.mechanisms.perpetual.scope import failed_side, position_table
from allocopt.mechanisms.perpetual.sides import SIDES, Side, other

FUND = "insurance fund"


def deficit_event(
    book: PerpetualBook,
    name: str = "perpetual market",
    role: str = "trader",
    *,
    side: str | None = None,
    ranking: str | Ranking | Any = "bitmex",
    price: str | float | None = None,
    limit: str = "equity",
    fund: float | None = None,
    **facts: Any,
) -> Event:
    r"""The book as an event, for waterfalls: bankrupt accounts are defaulters, all others have ``role``.

    .. math:: L = \textstyle\sum_i E_i^-,\qquad \text{closing cost}_i = g_i^+\, u_i

    :math:`E_i` is the equity, :math:`g_i` the gap between closing price and mark and :math:`u_i` the most contracts
    that may be closed. Where one side went bankrupt the table has, beside the columns of
    :func:`~allocopt.deficit_problem`, what the models of venues read: ``scope`` ("opposite side" or "same side", empty
    for who has no position or is bankrupt), ``score`` and ``closing_cost``. A queue in cash down that model is then the
    queue in contracts of :func:`~allocopt.adl_queue`. A column that the accounts have already stays as it is.

    Parameters
    ----------
    book, side, ranking, price, limit : as for :func:`~allocopt.adl_queue`.
    name, role : of the event, and of every account that is not bankrupt.
    fund : the balance of an insurance fund, which then has a row of its own; None for no such row.
    facts : what else an event takes: ``title``, ``venue``, ``summary``, ``sources`` ...

    Raises
    ------
    DataError : an unknown ranking, price, limit or side, a ranking without its columns, a fund below zero.

    >>> import allocopt as ao
    >>> accounts = pd.DataFrame({"contracts": [10.0, -6.0, -4.0], "entry_price": [100.0, 100.0, 95.0],
    ...                          "balance": [150.0, 80.0, 60.0]}, index=["D", "A", "B"])
    >>> event = deficit_event(PerpetualBook(accounts, mark=80.0), fund=15.0)
    >>> ao.load_model("bitmex").run(event).by_payer.to_dict()
    {'D': 0.0, 'A': 30.0, 'B': 5.0, 'insurance fund': 15.0}
    """
    table = position_table(book)
    table["role"] = np.where(book._bankrupt, "defaulter", role)
    failed = _failed(book, side)
    if failed is not None:
        facing, standing = book.on(other(failed)), ~book._bankrupt & (book._size > 0)
        made = {"scope": np.where(standing, np.where(facing, "opposite side", "same side"), "")}
        made["score"], made["closing_cost"] = _closing(book, failed, ranking, price, chosen(limit, "limit", LIMITS))
        table = table.assign(**{column: value for column, value in made.items() if column not in table.columns})
    if fund is not None:
        row = pd.DataFrame({"role": FUND, "balance": number(fund, "the fund")}, index=[FUND])
        words = {column: "" for column in ("side", "scope") if column in table.columns}
        table = pd.concat([table, row.assign(**words)])
    return Event(name, loss=book.deficit, currency=book.currency, date=None, payers=table, **facts)


def _failed(book: PerpetualBook, side: str | None) -> Side | None:
    """The side that went bankrupt; None where none did, or both and nobody says which is meant."""
    if side is not None:
        return failed_side(book, side)
    failed = [s for s in SIDES if (book._bankrupt & book.on(s)).any()]
    return failed[0] if len(failed) == 1 else None


def _closing(book: PerpetualBook, failed: Side, ranking: Any, price: Any, limit: str) -> tuple[Array, Array]:
    """The score of every account, and what closing it costs beside the mark."""
    score, _, usual = scores(book, ranking)
    close = closing_prices(book, usual if price is None else price, failed, book.deficit_contracts(failed))
    cost = book.value_change(book._entry, book.mark) - book.value_change(book._entry, close)
    part = np.divide(limits(book, close, limit), book._size, out=np.zeros(len(cost)), where=book._size > 0)
    return score, np.maximum(part * cost, 0.0)
