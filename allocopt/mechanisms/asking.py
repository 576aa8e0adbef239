"""What a layer is asked: its payers, the most each can still be made to bear, and the loss that is put to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array, vector
from allocopt.facts.event import Event
from allocopt.facts.problem import LossProblem
from allocopt.mechanisms.layer import Layer, PartOf

Ledger = Mapping[tuple[Any, str], float]  # (payer, resource) -> what has been drawn so far


class Book(Protocol):
    """What earlier defaults have left of a layer's resources."""

    def ceiling(self, layer: Layer, ids: pd.Index, base: Array) -> Array:
        """The most each payer can be made to bear in this default, from the figures of its cap column."""


class FreshBook:
    """No default came before: every resource is whole."""

    def ceiling(self, layer: Layer, ids: pd.Index, base: Array) -> Array:
        """The factor of the layer times the column."""
        return np.asarray(layer.factor * base, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Asked:
    """One layer and one event, before anybody knows how much of the loss reaches the layer.

    ``ceiling`` is the most that may be drawn from each payer's pot in this default (shared by the layers that name the
    pot), ``own`` what each payer may bear in this layer alone; both have one entry per payer and may be ``inf``.
    ``amount`` limits the whole layer and ``tiers`` ranks the payers where the layer has tiers.
    """

    layer: Layer
    event: Event
    table: pd.DataFrame
    ceiling: Array
    own: Array
    amount: float
    tiers: Array | None
    label: str | None
    depleted: bool

    @property
    def ids(self) -> pd.Index:
        """The payers of the layer."""
        return self.table.index

    def caps(self, drawn: Array) -> Array:
        """What each payer may still bear here when ``drawn`` has been taken from its pot (one row per scenario)."""
        return np.minimum(np.maximum(self.ceiling - drawn, 0.0), self.own)

    def problem(self, loss: float, drawn: Ledger) -> LossProblem:
        """The question: divide this loss among the payers, none above what it has left."""
        spent = np.array([drawn.get((payer, self.layer.pot), 0.0) for payer in self.ids])
        table, cap = self.table, None
        if len(table) and self.label is not None:
            cap = f"{self.label}, not yet drawn" if self.depleted or spent.any() else self.label
            table = table.assign(**{cap: self.caps(spent)})
        about = f"{self.event.title}: {self.layer.name}"
        return LossProblem(loss, table, cap, self.event.currency, status=self.event.status, about=about)

    def size(self, drawn: Ledger) -> float:
        """The most the layer can bear: the sum of what its payers have left, or its amount."""
        spent = np.array([drawn.get((payer, self.layer.pot), 0.0) for payer in self.ids])
        return min(float(self.caps(spent).sum()), self.amount)


def ask(layer: Layer, event: Event, book: Book | None = None) -> Asked:
    """Look up the payers of a layer, their limits and their tiers in the event."""
    whole = _amount(layer, event)
    if layer.payer:
        table = pd.DataFrame({"role": ["house"], "amount": [whole]}, index=pd.Index([layer.payer]))
    else:
        table = _payers(layer, event)
    ids, free = table.index, np.full(len(table), np.inf)
    ceiling, own, label, depleted = free, free, None, False
    if len(table) and (layer.cap or layer.payer):
        column = layer.cap or "amount"
        base = _column(layer, event, table, column, "is limited by column", finite=False)
        ceiling = (book or FreshBook()).ceiling(layer, ids, base)
        label = column if layer.factor == 1.0 else f"{layer.factor:g} x {column}"
        depleted = bool((ceiling < layer.factor * base).any())
    if len(table) and layer.attributed:
        own = _column(layer, event, table, layer.attributed, "attributes by column")
        label = f"{label}, at most {layer.attributed}" if label else layer.attributed
        if layer.cap is None:  # what is attributed is then the pot itself: no loss is attributed twice
            ceiling, own = own, free
    tiers = None
    if len(table) and layer.tiers:
        tiers = _column(layer, event, table, layer.tiers, "ranks its payers by column", low=-np.inf)
    amount = np.inf if layer.payer or whole is None else whole
    return Asked(layer, event, table, ceiling, own, amount, tiers, label, depleted)


def _payers(layer: Layer, event: Event) -> pd.DataFrame:
    table = event.payers
    table = table[table["role"].isin(layer.roles)]
    for column, values in layer.only.items():
        if not len(table):
            break  # nobody of the role is there, so there is nobody to choose among
        if column not in table:
            raise _missing(layer, event, column, "chooses its payers by column")
        words = {value for value in values if isinstance(value, str)}
        figures = {float(value) for value in values if not isinstance(value, str)}
        table = table[[cell in words or bool(figures and _figure(cell) in figures) for cell in table[column].tolist()]]
    return table


def _figure(cell: Any) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return float("nan")


def _amount(layer: Layer, event: Event) -> float | None:
    if not isinstance(layer.amount, PartOf):
        return layer.amount
    part = layer.amount
    table = event.payers
    table = table[table["role"].isin(part.roles)] if part.roles else table
    if part.of not in table:
        raise _missing(layer, event, part.of, "has an amount that is a part of column")
    # A blank is an error where the roles are named; of all payers, those without a figure have none of it.
    base = table[part.of] if part.roles else table[part.of].dropna()
    return part.factor * float(vector(base, base.index, f"layer {layer.name!r}: column {part.of!r}").sum())


def _column(
    layer: Layer, event: Event, table: pd.DataFrame, column: str, does: str, *, low: float = 0.0, finite: bool = True
) -> Array:
    if column not in table:
        raise _missing(layer, event, column, does)
    return vector(table[column], table.index, f"layer {layer.name!r}: column {column!r}", low=low, finite=finite)


def _missing(layer: Layer, event: Event, column: str, does: str) -> DataError:
    return DataError(
        f"layer {layer.name!r} {does} {column!r}, which event {event.name!r} has not (it has "
        f"{', '.join(map(str, event.payers.columns))}): add the column, or name another with replace()"
    )
