"""Layers in order: each bears what it can, and what is left goes to the next."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import number
from allocopt.facts.event import Event, Source
from allocopt.mechanisms.asking import Book
from allocopt.mechanisms.cascade import Cascade
from allocopt.mechanisms.ensemble import Ensemble, run_many
from allocopt.mechanisms.layer import Layer
from allocopt.mechanisms.terms import Terms
from allocopt.mechanisms.walk import stages, walk

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
    period : how defaults in a row count together, and how recoveries are repaid (see :class:`~allocopt.Period`).

    Raises
    ------
    DataError : two layers of one name, a pari-passu group whose layers are apart or alone, a source that is not
        listed, or a ``rulebook`` with a layer that has no dated source or is unverified.

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
    period: Terms = field(default_factory=Terms)

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
        for key in self.period.sources:
            if key not in (listed := {source.key for source in self.sources}):
                raise DataError(f"[period]: key 'sources': {unknown('source', key, sorted(listed))}")
        self._check_groups()

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

    def _check_groups(self) -> None:
        seen: set[str] = set()
        for stage in stages(self.layers):
            first, group = stage[0], stage[0].pari_passu
            if not group:
                continue
            where = f"layer {first.name!r}: key 'pari_passu'"
            if group in seen:
                raise DataError(f"{where}: the layers of group {group!r} are not neighbours; put them side by side")
            seen.add(group)
            if len(stage) == 1:
                raise DataError(f"{where}: no neighbour is in group {group!r}; name it in both, or in neither")
            if len({layer.pool for layer in stage}) > 1:
                raise DataError(f"{where}: the layers of group {group!r} bear the losses of different pools")
            if len({layer.weight is None for layer in stage}) > 1:
                raise DataError(f"{where}: some layers of group {group!r} have a weight and some not; give all or none")

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

    def run(
        self, event: Event, loss: float | Mapping[str, float] | None = None, *, book: Book | None = None
    ) -> Cascade:
        """Send a loss (the event's own by default) down the layers; the answer keeps an allocation for each.

        Where layers belong to pools, ``loss`` maps each pool to its loss (and '' to what is no pool's own). A plain
        number is the loss of no pool: the layers of pools are then not touched, and the layers of all pools bear it.
        ``book`` says what earlier defaults left of the resources; :class:`~allocopt.Period` keeps one.
        """
        losses = self.losses(event, loss)
        found = walk(self.layers, event, losses, book)
        whole, left = sum(losses.values()), sum(found.left.values())
        return Cascade(self.name, event, self.layers, whole, found.answers, left, losses, found)

    def losses(self, event: Event, loss: float | Mapping[str, float] | None = None) -> dict[str, float]:
        """The loss by pool, checked; the event's own where none is given."""
        if not isinstance(event, Event):
            raise DataError(f"a waterfall runs through an Event, not a {type(event).__name__}; see load_event()")
        if self.currency and event.currency != self.currency:
            raise DataError(
                f"waterfall {self.name!r} states its amounts in {self.currency}, event {event.name!r} is in "
                f"{event.currency or 'no currency'}; convert one of them"
            )
        given = event.question.get("losses", event.loss) if loss is None else loss
        if not isinstance(given, Mapping):
            return {"": number(given, "the loss")}
        pools = ["", *self.pools]
        for pool in given:
            if pool not in pools:
                raise unknown(f"pool of waterfall {self.name!r}", pool, self.pools)
        return {pool: number(given[pool], f"the loss of pool {pool!r}") for pool in pools if pool in given} or {"": 0.0}

    @property
    def pools(self) -> tuple[str, ...]:
        """The pools whose losses have layers of their own, in the order of the layers."""
        return tuple(dict.fromkeys(layer.pool for layer in self.layers if layer.pool))

    def run_many(self, losses: Any, event: Event) -> Ensemble:
        """Send many losses down the layers in one call: what each layer, each payer and nobody bears, loss by loss.

        ``losses`` is one loss per scenario, or a mapping from pool to that; the answer equals :meth:`run` on each.
        """
        return run_many(self, losses, event)

    def cited(self, layer: Layer) -> Iterable[Source]:
        """The sources of one layer, in the order in which it cites them."""
        listed = {source.key: source for source in self.sources}
        return [listed[key] for key in layer.sources]

    def __repr__(self) -> str:
        head = f"Waterfall({self.name!r}, {self.status}{f', as of {self.as_of}' if self.as_of else ''})"
        return "\n".join([head, *(f"  {k}. {layer!r}" for k, layer in enumerate(self.layers, 1))])
