"""Layers in order: each bears what it can, and what is left goes to the next."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from allocopt.errors import DataError, unknown
from allocopt.facts.allocation import Allocation
from allocopt.facts.checks import number
from allocopt.facts.event import Event, Source
from allocopt.mechanisms.cascade import Cascade
from allocopt.mechanisms.layer import Layer
from allocopt.schemes import scheme

_DUST = 1e-12  # of the loss: below it a negative share is rounding, above it a credit

STATUSES = ("rulebook", "stylised", "illustrative")


@dataclass(frozen=True, eq=False)
class Waterfall:
    r"""A default waterfall: layer :math:`k` bears :math:`\min(R_{k-1}, \text{its limits})` of what reaches it.

    .. math:: R_0 = L, \qquad R_k = R_{k-1} - \sum_i x_{ki}, \qquad x_k = \text{scheme}_k(R_{k-1})

    :math:`L` is the loss and :math:`R_k` the residual after layer :math:`k`, in currency; :math:`x_{ki}` is what payer
    :math:`i` bears in it. Nothing is lost on the way, :math:`\sum_{k,i} x_{ki} + R_K = L`, and no resource is used
    twice. Exhaustion is a result: the residual of the run.

    Parameters
    ----------
    name, title, summary : what the mechanism is called, in a word, in a line and in a paragraph.
    layers : the layers in the order in which they pay.
    currency : of the amounts the layers name; '' fits any event, and amounts are then in the event's currency.
    status : ``rulebook`` (every layer has a dated source), ``stylised`` or ``illustrative``.
    as_of : the day whose rules these are.
    sources : where the layers were read; they cite these by key.

    Raises
    ------
    DataError : two layers of one name, a source that is not listed, or a ``rulebook`` with a layer that has no dated
        source or is unverified.

    >>> import pandas as pd, datetime
    >>> table = pd.DataFrame({"role": ["house", "survivor", "survivor"], "own_capital": [7.0, None, None],
    ...                       "default_fund": [None, 30.0, 10.0]}, index=["CCP", "A", "B"])
    >>> event = Event("toy", loss=20, currency="EUR", date=datetime.date(2020, 1, 1), payers=table)
    >>> toy = Waterfall("toy", (Layer("skin in the game", roles="house", cap="own_capital"),
    ...                         Layer("survivors' default fund", roles="survivor", cap="default_fund")))
    >>> toy.run(event).by_payer.to_dict()
    {'CCP': 7.0, 'A': 9.75, 'B': 3.25}
    """

    name: str
    layers: tuple[Layer, ...]
    title: str = ""
    summary: str = ""
    currency: str = ""
    status: str = "illustrative"
    as_of: dt.date | None = None
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "layers", tuple(self.layers))
        put(self, "sources", tuple(self.sources))
        put(self, "title", self.title or self.name)
        if self.status not in STATUSES:
            raise unknown("status of a waterfall", self.status, STATUSES)
        twice = [name for name, times in Counter(layer.name for layer in self.layers).items() if times > 1]
        if twice:
            raise DataError(f"two layers are called {twice[0]!r}; give each its own name")
        for layer in self.layers:
            self._check(layer)

    def _check(self, layer: Layer) -> None:
        listed = {source.key: source for source in self.sources}
        for key in layer.sources:
            if key not in listed:
                raise DataError(f"layer {layer.name!r}: key 'sources': {unknown('source', key, listed)}")
        if self.status != "rulebook":
            return
        if not any(re.search(r"\d{4}", listed[key].date) for key in layer.sources):
            raise DataError(
                f"layer {layer.name!r}: key 'sources': a rulebook needs a dated source on every layer; "
                "cite one, or set status to 'stylised'"
            )
        if layer.status == "unverified":
            raise DataError(
                f"layer {layer.name!r}: key 'status': a rulebook has no unverified layer; leave it out, "
                "or set the status of the model to 'stylised'"
            )

    def __getitem__(self, name: str) -> Layer:
        """The layer of that name."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise unknown(f"layer of {self.name!r}", name, [layer.name for layer in self.layers])

    def replace(self, layer: str, **changes: Any) -> Waterfall:
        """The same waterfall with one layer changed: ``replace("survivors' default fund", scheme="queue", ...)``.

        It is no venue's rulebook any more, so its status becomes ``illustrative`` and its name says what changed.
        """
        changed = self[layer].replace(**changes)
        ruled = {"scheme", "key", "parameters"} & set(changes)
        told = [changed.rule.title] if ruled else []
        told += [f"{what} {value}" for what, value in changes.items() if what not in ruled]
        return dataclasses.replace(
            self,
            name=f"{self.name} ({layer}: {', '.join(told)})",
            title=f"{self.title} ({layer}: {', '.join(told)})",
            status="illustrative",
            layers=tuple(changed if old.name == layer else old for old in self.layers),
        )

    def run(self, event: Event, loss: float | None = None) -> Cascade:
        """Send a loss (the event's own by default) down the layers; the answer keeps an allocation for each."""
        if not isinstance(event, Event):
            raise DataError(f"a waterfall runs through an Event, not a {type(event).__name__}; see load_event()")
        if self.currency and event.currency != self.currency:
            raise DataError(
                f"waterfall {self.name!r} states its amounts in {self.currency}, event {event.name!r} is in "
                f"{event.currency or 'no currency'}; convert one of them"
            )
        whole = event.loss if loss is None else number(loss, "the loss")
        left, drawn = whole, Counter[tuple[Any, str]]()
        allocations: dict[str, Allocation] = {}
        for layer in self.layers:
            answer = _divide(layer, event, left, drawn)
            for payer, share in zip(answer.problem.ids, answer.paid.tolist(), strict=True):
                drawn[payer, layer.pot] += share
            left = left - answer.problem.loss + answer.residual
            allocations[layer.name] = answer
        return Cascade(self.name, event, tuple(self.layers), whole, allocations, left)

    def cited(self, layer: Layer) -> Iterable[Source]:
        """The sources of one layer, in the order in which it cites them."""
        listed = {source.key: source for source in self.sources}
        return [listed[key] for key in layer.sources]

    def __repr__(self) -> str:
        head = f"Waterfall({self.name!r}, {self.status}{f', as of {self.as_of}' if self.as_of else ''})"
        return "\n".join([head, *(f"  {k}. {layer!r}" for k, layer in enumerate(self.layers, 1))])


def _divide(layer: Layer, event: Event, left: float, drawn: Mapping[tuple[Any, str], float]) -> Allocation:
    question = layer.question(event, left, drawn)
    # With nobody to pay every rule gives the empty answer; the layer's own would look for its key in a missing column.
    rule = layer.rule if question.n else scheme("pro-rata")
    try:
        answer = rule.allocate(question)
    except DataError as fault:
        raise DataError(f"layer {layer.name!r}: {fault}") from None
    if answer.paid.min(initial=0.0) < -_DUST * question.loss:
        who = question.ids[int(np.argmin(answer.paid))]
        raise DataError(
            f"layer {layer.name!r}: {rule.name} credits payer {who!r}, but a layer only collects; "
            "use policy='floor' or 'program'"
        )
    return answer
