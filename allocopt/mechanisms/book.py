"""All resources on one day: what was drawn, what was paid in again, and so what each payer can still bear."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from allocopt.facts.checks import Array
from allocopt.facts.event import Event
from allocopt.facts.rounding import whole_units
from allocopt.mechanisms.layer import Layer
from allocopt.mechanisms.terms import Terms, business_days_later

KINDS = ("default", "together", "recover", "replenish", "withdraw", "close")
TOPPED_UP = ", topped up"  # the name of a layer when a further default uses what was paid in since


@dataclass(frozen=True)
class Entry:
    """One line of the log: what was done on which day, what it needs to be done again, and what came of it.

    ``kind`` is ``default``, ``together``, ``recover``, ``replenish``, ``withdraw`` or ``close``; ``facts`` holds what
    was said; ``outcome`` the amounts by layer (or resource) and payer, in currency, to the cent.
    """

    kind: str
    date: dt.date
    facts: Mapping[str, Any]
    outcome: tuple[tuple[str, Any, float], ...] = ()
    layers: tuple[Layer, ...] = ()  # of the run of a default, in order

    @property
    def events(self) -> tuple[Event, ...]:
        """The events of a default; none for other entries."""
        return (self.facts["event"],) if self.kind == "default" else tuple(self.facts.get("events", ()))


def again(layer: Layer) -> Layer:
    """The layer once more, for what was paid into its resource since the first default of the period."""
    group = f"{layer.pari_passu}{TOPPED_UP}" if layer.pari_passu else ""
    return layer.replace(name=f"{layer.name}{TOPPED_UP}", resource=layer.pot, pari_passu=group)


def cells(table: pd.DataFrame) -> tuple[tuple[str, Any, float], ...]:
    """The amounts of a table that are not zero: (layer, payer, amount)."""
    return tuple((str(layer), who, float(x)) for layer, row in table.iterrows() for who, x in row.items() if x)


class Move(NamedTuple):
    """Whole cents that left a payer's resource (> 0) or were paid into it again (< 0): when, in which entry."""

    at: int
    date: dt.date
    payer: Any
    pot: str
    cents: float


class Notice(NamedTuple):
    """A member that gave notice: in which entry, from when it is gone (None: not yet), its figures on that day."""

    at: int
    gone: dt.date | None
    figures: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Book:
    """The state of all resources on one day; it answers how much of a layer each payer can still be made to bear."""

    date: dt.date
    terms: Terms
    holidays: tuple[dt.date, ...]
    start: dt.date | None
    decimals: int
    moves: tuple[Move, ...] = ()
    notices: Mapping[Any, Notice] = field(default_factory=dict)

    def ceiling(self, layer: Layer, ids: pd.Index, base: Array) -> Array:
        """The most each payer can be made to bear in this layer in a default of today."""
        base = np.array([self._fixed(layer, payer, value) for payer, value in zip(ids, base.tolist(), strict=True)])
        most = self._less(layer.factor * base, ids, self.missing(layer))
        if layer.period_factor is not None:
            most = np.minimum(most, self._less(layer.period_factor * base, ids, self._drawn(layer.pot)))
        return np.asarray(np.minimum(most, self._noticed(layer, ids, base)), dtype=np.float64)

    def missing(self, layer: Layer, *, after_top_ups: bool = False) -> dict[Any, float]:
        """What has left the layer's resource and is not back yet, in cents by payer."""
        if layer.renews == "default":
            return {}
        if layer.renews == "period":
            return self._drawn(layer.pot)
        # A further default that continues first uses what is left of the old resources.
        fresh = after_top_ups or layer.name.endswith(TOPPED_UP) or self.terms.order == "top"
        open_: dict[Any, list[Move]] = defaultdict(list)
        for move in self.moves:
            if move.pot != layer.pot:
                continue
            held = open_[move.payer] = self._outstanding(open_[move.payer], layer, move.date)
            if move.cents > 0:
                held.append(move)
            elif fresh or self.start is None or move.date < self.start:
                back = -move.cents
                while held and back > 0:
                    first = held.pop(0)
                    if first.cents > back:
                        held.insert(0, first._replace(cents=first.cents - back))
                    back -= first.cents
        found = {who: sum(m.cents for m in self._outstanding(held, layer, self.date)) for who, held in open_.items()}
        return {who: cents for who, cents in found.items() if cents}

    def _outstanding(self, held: list[Move], layer: Layer, day: dt.date) -> list[Move]:
        """The draws that have not been restored by a day."""
        days = layer.restored_after
        if days is None:
            return held
        return [move for move in held if business_days_later(move.date, days, self.holidays) > day]

    def _drawn(self, pot: str, after: int | None = None) -> dict[Any, float]:
        """All that was drawn in the capped period, or after an entry of the log, whether or not it came back."""
        found: dict[Any, float] = defaultdict(float)
        for move in self.moves:
            inside = move.at > after if after is not None else self.start is None or move.date >= self.start
            if move.pot == pot and move.cents > 0 and inside:
                found[move.payer] += move.cents
        return found

    def _fixed(self, layer: Layer, payer: Any, value: float) -> float:
        """The figure of the day of notice for a member under notice, nothing for one that has gone."""
        notice = self.notices.get(payer)
        if notice is None:
            return value
        if notice.gone is not None and self.date >= notice.gone:
            return 0.0
        return notice.figures.get(layer.cap or "", value)

    def _noticed(self, layer: Layer, ids: pd.Index, base: Array) -> Array:
        """What a member under notice can still pay in all: its promises are not renewed."""
        most = np.full(len(ids), np.inf)
        for at, payer in enumerate(ids):
            notice = self.notices.get(payer)
            if notice is not None:
                times = layer.factor if self.terms.notice_factor is None else self.terms.notice_factor
                since = self._drawn(layer.pot, notice.at)
                most[at] = self._less(np.array([times * base[at]]), pd.Index([payer]), since)[0]
        return most

    def _less(self, amounts: Array, ids: pd.Index, used: Mapping[Any, float]) -> Array:
        """Amounts less what was used: counted in whole cents, so that no difference of floats loses one."""
        spent = np.array([used.get(payer, 0.0) for payer in ids], dtype=np.float64)
        left = np.maximum(whole_units(amounts, self.decimals) - spent, 0.0) / 10.0**self.decimals
        return np.asarray(np.where(spent > 0, left, amounts), dtype=np.float64)
