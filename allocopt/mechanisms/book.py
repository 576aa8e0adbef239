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


class Draw(NamedTuple):
    """Whole cents that left a payer's resource, or came back to it, and when."""

    date: dt.date
    payer: Any
    pot: str
    cents: float


class Notice(NamedTuple):
    """A member that gave notice: when, from when it is gone (None: not yet), and its figures on that day."""

    date: dt.date
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
    draws: tuple[Draw, ...] = ()
    top_ups: tuple[Draw, ...] = ()
    notices: Mapping[Any, Notice] = field(default_factory=dict)

    def ceiling(self, layer: Layer, ids: pd.Index, base: Array) -> Array:
        """The most each payer can be made to bear in this layer in a default of today."""
        base = np.array([self._fixed(layer, payer, value) for payer, value in zip(ids, base.tolist(), strict=True)])
        most = self._less(layer.factor * base, ids, self.missing(layer))
        if layer.period_factor is not None:
            most = np.minimum(most, self._less(layer.period_factor * base, ids, self._drawn(layer.pot, self.start)))
        return np.asarray(np.minimum(most, self._noticed(layer, ids, base)), dtype=np.float64)

    def missing(self, layer: Layer, *, after_top_ups: bool = False) -> dict[Any, float]:
        """What has left the layer's resource and is not back yet, in cents by payer."""
        if layer.renews == "default":
            return {}
        since = self.start if layer.renews == "period" else None
        found = self._drawn(layer.pot, since, layer.restored_after)
        if after_top_ups or layer.name.endswith(TOPPED_UP) or self.terms.order == "top":
            back = self.top_ups
        else:  # a further default first uses what is left of the old resources
            back = tuple(top for top in self.top_ups if self.start is None or top.date < self.start)
        for top in back:
            if top.pot == layer.pot:
                found[top.payer] = max(found.get(top.payer, 0.0) - top.cents, 0.0)
        return found

    def _drawn(self, pot: str, since: dt.date | None, restored_after: int | None = None) -> dict[Any, float]:
        found: dict[Any, float] = defaultdict(float)
        for draw in self.draws:
            if draw.pot != pot or (since is not None and draw.date < since):
                continue
            if restored_after is not None:
                back = business_days_later(draw.date, restored_after, self.holidays)
                if back <= self.date:
                    continue
            found[draw.payer] += draw.cents
        return found

    def _fixed(self, layer: Layer, payer: Any, value: float) -> float:
        """The figure of the day of notice for a member under notice, nothing for one that has gone."""
        notice = self.notices.get(payer)
        if notice is None or self.date < notice.date:
            return value
        if notice.gone is not None and self.date >= notice.gone:
            return 0.0
        return min(value, notice.figures.get(layer.cap or "", value))

    def _noticed(self, layer: Layer, ids: pd.Index, base: Array) -> Array:
        """What a member under notice can still pay in all: its promises are not renewed."""
        most = np.full(len(ids), np.inf)
        for at, payer in enumerate(ids):
            notice = self.notices.get(payer)
            if notice is not None and self.date >= notice.date:
                times = layer.factor if self.terms.notice_factor is None else self.terms.notice_factor
                since = self._drawn(layer.pot, notice.date)
                most[at] = self._less(np.array([times * base[at]]), pd.Index([payer]), since)[0]
        return most

    def _less(self, amounts: Array, ids: pd.Index, used: Mapping[Any, float]) -> Array:
        """Amounts less what was used: counted in whole cents, so that no difference of floats loses one."""
        spent = np.array([used.get(payer, 0.0) for payer in ids], dtype=np.float64)
        left = np.maximum(whole_units(amounts, self.decimals) - spent, 0.0) / 10.0**self.decimals
        return np.asarray(np.where(spent > 0, left, amounts), dtype=np.float64)
