"""Several defaults of one day as one: each defaulter answers for its own loss, everybody else for the sum."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.event import Event
from allocopt.mechanisms.layer import Layer
from allocopt.mechanisms.walk import stages
from allocopt.mechanisms.waterfall import Waterfall

OF = "default it caused"  # the column of the joint table that says whose default a defaulter's row belongs to


def pooled(
    waterfall: Waterfall, events: Sequence[Event], losses: Sequence[float]
) -> tuple[Waterfall, Event, dict[str, float]]:
    """The waterfall with the defaulters' layers once for each default, the joint event, each default's loss."""
    if len(events) < 1 or len(events) != len(losses):
        raise DataError(f"{len(events)} defaults and {len(losses)} losses; give at least one, and a loss for each")
    if waterfall.pools:
        raise DataError(
            f"waterfall {waterfall.name!r} has pools of its own ({', '.join(waterfall.pools)}), so defaults cannot be "
            "pooled as well; call default() for each in order"
        )
    names = [event.name for event in events]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"two defaults of the day are called {name!r}; give each event its own name")
    layers: list[Layer] = []
    for stage in stages(waterfall.layers):
        own = [layer.roles == ("defaulter",) for layer in stage]
        if not any(own):
            layers += stage
        elif all(own):
            layers += [_own(layer, name) for name in names for layer in stage]
        else:
            raise DataError(
                f"layer {stage[0].name!r}: the defaulter's resources are used side by side with others', so defaults "
                "cannot be pooled; call default() for each in order"
            )
    joint = dataclasses.replace(waterfall, layers=tuple(layers))
    return joint, _joint(events), dict(zip(names, map(float, losses), strict=True))


def _own(layer: Layer, name: str) -> Layer:
    """The layer for one default of the day: its defaulter's resources, for its loss."""
    return layer.replace(
        name=f"{layer.name}, {name}", pool=name, only={**layer.only, OF: name}, resource=layer.pot,
        pari_passu=f"{layer.pari_passu}, {name}" if layer.pari_passu else "",
    )  # fmt: skip


def _joint(events: Sequence[Event]) -> Event:
    """One event: a row for every payer, the defaulters of all events as defaulters, the others as they stand."""
    first = events[0]
    rows: dict[Any, pd.Series[Any]] = {}
    for event in events:
        if event.currency != first.currency:
            raise DataError(f"events {first.name!r} and {event.name!r} are in different currencies; convert one")
        for payer, row in event.payers.iterrows():
            caused = event.name if row["role"] == "defaulter" else ""
            row = pd.concat([row, pd.Series({OF: caused})])
            before = rows.get(payer)
            if before is None or (caused and not before[OF]):
                rows[payer] = row
            elif caused and before[OF]:
                raise DataError(f"payer {payer!r} defaults in both {before[OF]!r} and {caused!r}; name it in one")
            elif not caused and not before[OF]:
                _agree(payer, before, row)
    table = pd.DataFrame(list(rows.values()), index=pd.Index(list(rows), name=first.payers.index.name))
    return Event(
        " and ".join(event.name for event in events), title=" and ".join(event.title for event in events),
        loss=sum(event.loss for event in events), currency=first.currency, date=first.date,
        payers=table.infer_objects(), status={k: v for event in events for k, v in event.status.items()},
    )  # fmt: skip


def _agree(payer: Any, one: pd.Series[Any], other: pd.Series[Any]) -> None:
    """Two events of one day say the same of whoever did not default."""
    for column in one.index.intersection(other.index):
        a, b = one[column], other[column]
        if a != b and not (pd.isna(a) and pd.isna(b)):
            raise DataError(
                f"column {column!r} of payer {payer!r} is {a!r} in one event and {b!r} in the other; events of one "
                "day state the same figures"
            )
