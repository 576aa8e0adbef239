"""A period day by day: what each line of its log moved, and what is left of every resource after it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from allocopt.facts.event import Event
from allocopt.mechanisms.asking import Book, ask
from allocopt.mechanisms.book import Entry, again
from allocopt.mechanisms.history import book_of, paid_in, period_of
from allocopt.mechanisms.layer import Layer
from allocopt.mechanisms.terms import business_days_later
from allocopt.mechanisms.together import pooled
from allocopt.mechanisms.waterfall import Waterfall

COLUMNS = ("line", "date", "kind", "what", "resource", "drawn", "paid in", "repaid", "left", "whole")


def timeline(log: Sequence[Entry], waterfall: Waterfall, holidays: tuple[dt.date, ...], decimals: int) -> pd.DataFrame:
    """One row for each line of the log and each resource, from the first default on, in order.

    ``drawn``, ``paid in`` and ``repaid`` are what the line moved, in currency. ``left`` is what the resource could bear
    were the payers of the latest default asked again on that day, ``whole`` what it could if nothing had been used;
    both ``inf`` without a limit. The defaulters' own resources are left out: another default brings its own. Lines
    ``restored`` and ``period over`` (line 0) stand on the days on which resources are whole again by themselves.
    """
    rows: list[tuple[Any, ...]] = []
    resources: dict[str, list[Layer]] = {}
    for layer in waterfall.layers:
        if layer.roles != ("defaulter",):
            resources.setdefault(layer.pot, []).append(layer)
    for line, day, kind, what, count in _lines(log, waterfall, holidays):
        event = _latest(log[:count], waterfall)
        if event is None:
            continue
        # A default of that day, which takes nothing, opens a new capped period where the old one is over.
        asked = Entry("default", day, {"event": event, "losses": {}})
        book = book_of((*log[:count], asked), day, waterfall, holidays, decimals)
        moved = _moved(log, line - 1) if line else {}
        for pot, layers in resources.items():
            three = [moved.get((pot, way), 0.0) for way in ("drawn", "paid in", "repaid")]
            left, whole = _room(layers, event, book), _room(layers, event, None)
            rows.append((line, day, kind, what, pot, *three, left, whole))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _lines(
    log: Sequence[Entry], waterfall: Waterfall, holidays: tuple[dt.date, ...]
) -> list[tuple[int, dt.date, str, str, int]]:
    """Number (0 for days that come by themselves), day, kind and subject of each line, and how much of the log counts.

    Lines of the log come first on their day."""
    found = [(k, entry.date, entry.kind, _subject(entry), k) for k, entry in enumerate(log, 1)]
    alone: dict[tuple[dt.date, str], str] = {}
    for layer in waterfall.layers:
        if layer.restored_after is not None:
            for entry in log:
                names = {used.name for used in entry.layers if used.pot == layer.pot}
                if any(name in names for name, *_ in entry.outcome):
                    alone[business_days_later(entry.date, layer.restored_after, holidays), "restored"] = layer.pot
    if any(layer.renews == "period" or layer.period_factor is not None for layer in waterfall.layers):
        ends = dict(period_of(log[:k], waterfall.period, holidays) for k in range(1, len(log) + 1))
        days = [end for end in ends.values() if end is not None and end < dt.date.max]
        alone |= {(end + dt.timedelta(days=1), "period over"): "" for end in days}
    for (day, kind), what in alone.items():
        found.append((0, day, kind, what, sum(entry.date <= day for entry in log)))
    return sorted(found, key=lambda line: (line[1], line[4], line[0] == 0))


def _subject(entry: Entry) -> str:
    return " and ".join(event.name for event in entry.events) or str(entry.facts.get("payer", ""))


def _latest(log: Sequence[Entry], waterfall: Waterfall) -> Event | None:
    """The event of the latest default, or the joint event of the latest defaults of one day."""
    for entry in reversed(log):
        if entry.kind == "together":
            return pooled(waterfall, entry.events, entry.facts["losses"])[1]
        if entry.events:
            return entry.events[0]
    return None


def _moved(log: Sequence[Entry], at: int) -> dict[tuple[str, str], float]:
    """What one line of the log moved, by resource and way."""
    entry, found = log[at], dict[tuple[str, str], float]()
    if entry.kind == "recover":
        pots = {layer.name: layer.pot for layer in paid_in(log, entry.facts["default"]).layers}
    else:
        pots = {layer.name: layer.pot for layer in entry.layers}
    own = {layer.name for layer in entry.layers if layer.roles == ("defaulter",)}
    way = {"recover": "repaid", "replenish": "paid in"}.get(entry.kind, "drawn")
    for name, _, amount in entry.outcome:
        if name in own:
            continue
        moved = pots.get(name, name), way  # what is paid in again names the resource itself
        found[moved] = found.get(moved, 0.0) + amount
    return found


def _room(layers: Sequence[Layer], event: Event, book: Book | None) -> float:
    """What the payers of a resource can bear in one default: each once, however many layers draw on it."""
    most: dict[Any, float] = {}
    amounts = []
    for layer in layers:
        asked = ask(again(layer), event, book)
        amounts.append(asked.amount)
        for payer, room in zip(asked.ids, asked.caps(np.zeros(len(asked.ids))).tolist(), strict=True):
            most[payer] = max(most.get(payer, 0.0), room)
    return min(sum(most.values()), sum(amounts))
