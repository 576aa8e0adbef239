"""A run in cents: the same way down the layers in whole units, so that every layer adds up and no limit is broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from allocopt.facts.checks import Array
from allocopt.facts.rounding import apportioned, whole_units
from allocopt.mechanisms.asking import Asked
from allocopt.mechanisms.sharing import collect
from allocopt.mechanisms.walk import Passage, Walk


def in_cents(found: Walk, losses: Mapping[str, float], decimals: int) -> tuple[pd.DataFrame, dict[str, float]]:
    """Shares by layer and payer in whole units of ``10**-decimals``, and what is left of each pool.

    The loss is rounded once. A layer that was not exhausted takes all the units that reach it; one that was takes what
    fits below its limits in whole units, and the rest goes on, as it does in the run. Within a layer units follow the
    shares by largest remainders.
    """
    unit = 10.0**decimals
    amounts = np.array(list(losses.values()), dtype=np.float64)
    left = dict(zip(losses, apportioned(amounts, np.full(len(amounts), np.inf), decimals).tolist(), strict=True))
    drawn: Counter[tuple[Any, str]] = Counter()
    rows: dict[str, pd.Series[float]] = {}
    for pool, group in _stages(found.passages):
        reached = left.get(pool, 0.0) if pool else sum(left.values())
        budgets = _budgets(group, found, reached, drawn, decimals)
        for passage, budget in zip(group, budgets, strict=True):
            taken = _layer(passage, budget, drawn, decimals)
            rows[passage.asked.layer.name] = taken / unit
            reached -= float(taken.sum())
        left = _after(left, pool, reached)
    return pd.DataFrame(rows).T, {name: units / unit for name, units in left.items()}


def _stages(passages: Sequence[Passage]) -> list[tuple[str, list[Passage]]]:
    numbered = enumerate(passages)
    grouped = groupby(numbered, lambda at: at[1].asked.layer.pari_passu or at[0])
    stages = [[passage for _, passage in group] for _, group in grouped]
    return [(stage[0].asked.layer.pool, stage) for stage in stages]


def _budgets(
    group: Sequence[Passage], found: Walk, reached: float, drawn: Counter[tuple[Any, str]], decimals: int
) -> list[float]:
    """The units each layer of a stage may take: its amount in whole units, and its part where layers go together."""
    most = [float(whole_units(np.array([p.asked.amount]), decimals)[0]) for p in group]
    if len(group) == 1:
        return [min(reached, most[0])]
    split = found.splits[group[0].asked.layer.pari_passu]
    held = [float(_rooms(p.asked, p.asked.ids, drawn, decimals).sum()) for p in group]
    rooms = np.minimum(most, held)
    total = min(reached, float(rooms.sum()))
    return list(apportioned(split.paid, rooms / 10.0**decimals, decimals, total).tolist())


def _layer(passage: Passage, budget: float, drawn: Counter[tuple[Any, str]], decimals: int) -> pd.Series[float]:
    """The units the payers of one layer bear, tier by tier."""
    asked = passage.asked
    taken = [pd.Series(0.0, index=asked.ids)]
    for part in passage.parts:
        ids, unit = part.problem.ids, 10.0**decimals
        rooms = _rooms(asked, ids, drawn, decimals)
        paid = part.paid
        if budget > 0 and not paid.any() and len(ids):
            # Units that did not fit into an earlier layer, where the run in floats had nothing left to pass on.
            paid = collect(asked.layer.rule, part.problem.replace(loss=budget / unit)).paid
        total = budget
        if part.residual > 0:  # who is at its limit pays all that is left of it in whole units, the others their share
            full = np.where(paid >= part.problem.caps, rooms, np.minimum(whole_units(paid, decimals), rooms))
            paid, total = full / unit, min(budget, float(full.sum()))
        units = apportioned(paid, rooms / unit, decimals, total, only=paid > 0)
        for payer, count in zip(ids, units.tolist(), strict=True):
            drawn[payer, asked.layer.pot] += count
        taken.append(pd.Series(units, index=ids))
        budget -= float(units.sum())
    whole = pd.concat(taken)
    return whole.groupby(level=0, sort=False).sum().reindex(asked.ids)


def _rooms(asked: Asked, ids: pd.Index, drawn: Counter[tuple[Any, str]], decimals: int) -> Array:
    """The units each payer has left: its limit in whole units, less the units already drawn from the pot."""
    at = asked.ids.get_indexer(ids)
    spent = np.array([drawn[payer, asked.layer.pot] for payer in ids])
    room = np.minimum(whole_units(asked.ceiling[at], decimals) - spent, whole_units(asked.own[at], decimals))
    return np.asarray(np.maximum(room, 0.0), dtype=np.float64)


def _after(left: Mapping[str, float], pool: str, rest: float) -> dict[str, float]:
    if pool:
        return {**left, pool: rest} if pool in left else dict(left)
    before = np.array(list(left.values()))
    share = before * (rest / before.sum()) if before.sum() > 0 else before
    return dict(zip(left, apportioned(share, before, 0, rest).tolist(), strict=True))
