"""What a log says: the capped period, the book of a day, who has defaulted, who is owed and who has to pay in again."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.event import Event
from allocopt.mechanisms.book import Book, Entry, Move, Notice
from allocopt.mechanisms.terms import Terms
from allocopt.mechanisms.waterfall import Waterfall


def read_day(value: Any, what: str) -> dt.date:
    """A date, or its ISO text."""
    if isinstance(value, dt.datetime):
        value = value.date() if value.time() == dt.time() else value.isoformat()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(value)
    except (TypeError, ValueError):
        raise DataError(f"{what} is {value!r}; give a date, or a text such as '2024-03-01'") from None


def period_of(
    entries: Sequence[Entry], terms: Terms, holidays: Sequence[dt.date]
) -> tuple[dt.date | None, dt.date | None]:
    """First and last day of the latest capped period; (None, None) before the first default."""
    start: dt.date | None = None
    end: dt.date | None = None
    for entry in entries:
        if entry.kind == "close":
            end = entry.date
        elif entry.events:
            if start is None or (end is not None and entry.date > end):
                start, end = entry.date, terms.end(entry.date, entry.date, None, holidays)
            elif end is not None:
                end = terms.end(start, entry.date, end, holidays)
    return start, end


def book_of(
    log: Sequence[Entry], day: dt.date, waterfall: Waterfall, holidays: tuple[dt.date, ...], decimals: int
) -> Book:
    """The state of all resources on a day, before what happens on it now."""
    moves: list[Move] = []
    notices: dict[Any, Notice] = {}
    for at, entry in enumerate(log):
        if entry.events:
            pots = {layer.name: layer.pot for layer in entry.layers}
            moves += [Move(at, entry.date, who, pots[name], _cents(x, decimals)) for name, who, x in entry.outcome]
        elif entry.kind == "replenish":
            moves += [Move(at, entry.date, who, pot, -_cents(x, decimals)) for pot, who, x in entry.outcome]
        elif entry.kind == "withdraw":
            notices[entry.facts["payer"]] = Notice(at, entry.facts["gone"], entry.facts["figures"])
    start = period_of(log, waterfall.period, holidays)[0]
    return Book(day, waterfall.period, holidays, start, decimals, tuple(moves), notices)


def defaulters(log: Sequence[Entry]) -> dict[Any, dt.date]:
    """Who has defaulted, and when."""
    return {
        payer: entry.date
        for entry in log
        for event in entry.events
        for payer in event.payers.index[event.payers["role"] == "defaulter"]
    }


def refuse_the_dead(log: Sequence[Entry], event: Event) -> None:
    """A survivor of a default has not defaulted before."""
    gone = defaulters(log)
    for payer, role in event.payers["role"].items():
        if role != "defaulter" and payer in gone:
            raise DataError(
                f"event {event.name!r}: payer {payer!r} is a {role} but defaulted on {gone[payer]}; "
                "leave it out, or give it the role defaulter"
            )


def figures_of(log: Sequence[Entry], payer: Any) -> dict[str, float]:
    """The figures of a payer in the latest default that names it."""
    tables = [event.payers for entry in log for event in entry.events]
    for table in reversed(tables):
        if payer in table.index:
            row = table.loc[payer]
            return {str(k): float(v) for k, v in row.items() if isinstance(v, Real) and not math.isnan(v)}
    raise DataError(f"no default so far names payer {payer!r}; state its figures with figures=...")


def default_number(log: Sequence[Entry], which: int | None) -> int:
    """A default counted from 1; the latest by default."""
    count = sum(1 for entry in log if entry.events)
    if which is None:
        which = count
    if isinstance(which, bool) or not isinstance(which, int) or not 1 <= which <= count:
        raise DataError(f"default is {which!r}; there have been {count}, counted from 1")
    return which


def paid_in(log: Sequence[Entry], which: int) -> Entry:
    """The entry of a default, counted from 1."""
    return [entry for entry in log if entry.events][which - 1]


def owed(log: Sequence[Entry], which: int) -> pd.DataFrame:
    """What each payer bore in a default under each layer and was not repaid; the defaulter is owed nothing."""
    entry = paid_in(log, which)
    own = defaulters([entry])
    repaid: dict[tuple[str, Any], float] = {}
    for later in log:
        if later.kind == "recover" and later.facts["default"] == which:
            for layer, who, x in later.outcome:
                repaid[layer, who] = repaid.get((layer, who), 0.0) + x
    cells = {(layer, who): x - repaid.get((layer, who), 0.0) for layer, who, x in entry.outcome if who not in own}
    rows = [layer.name for layer in entry.layers]
    table = pd.DataFrame(0.0, index=pd.Index(rows, name="layer"), columns=list(dict.fromkeys(who for _, who in cells)))
    for (layer, who), x in cells.items():
        table.at[layer, who] = x
    return table


def due(log: Sequence[Entry], book: Book, waterfall: Waterfall) -> dict[tuple[str, Any], float]:
    """What is missing from the resources that are replenished, by resource and payer; the defaulted pay in nothing."""
    out = {who for who, notice in book.notices.items() if notice.gone is not None and notice.gone <= book.date}
    out |= set(defaulters(log))
    unit = 10.0**book.decimals
    return {
        (layer.pot, who): cents / unit
        for layer in waterfall.layers
        if layer.renews == "replenished" and (layer.cap or layer.payer)
        for who, cents in book.missing(layer, after_top_ups=True).items()
        if cents > 0 and who not in out
    }


def balances(log: Sequence[Entry], book: Book, waterfall: Waterfall) -> pd.DataFrame:
    """By resource and payer: what was drawn, what was paid in again, and what is missing."""
    gone = {layer.pot: book.missing(layer, after_top_ups=True) for layer in waterfall.layers}
    rows: dict[tuple[str, Any], list[float]] = {}
    for move in book.moves:
        row = rows.setdefault((move.pot, move.payer), [0.0, 0.0, gone.get(move.pot, {}).get(move.payer, 0.0)])
        row[move.cents < 0] += abs(move.cents)
    index = pd.MultiIndex.from_tuples(list(rows), names=["resource", "payer"])
    table = pd.DataFrame(list(rows.values()), index=index, columns=["drawn", "paid in", "missing"], dtype=float)
    return table / 10.0**book.decimals


def _cents(amount: float, decimals: int) -> float:
    return float(np.rint(amount * 10.0**decimals))
