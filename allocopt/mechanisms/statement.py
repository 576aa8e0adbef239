"""What one payer is told: by layer its resource, the rule, what was left of it, its share, and what stopped it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allocopt.facts.allocation import Allocation
from allocopt.mechanisms.outcome import named
from allocopt.mechanisms.walk import Passage

if TYPE_CHECKING:
    from allocopt.mechanisms.cascade import Cascade

_FULL = 1e-12  # of the cap: a share nearer to it than this is the cap, for shares are products of floats

COLUMNS = ("resource", "rule", "reached", "limit", "used before", "cap", "share", "price", "bound by")


def statement(cascade: Cascade, payer: Any) -> pd.DataFrame:
    """One row for each layer that asks this payer; see :meth:`allocopt.mechanisms.cascade.Cascade.statement`."""
    named(payer, cascade.table.columns)
    rows, drawn = {}, dict[str, float]()
    for passage in cascade.way.passages:
        asked, layer = passage.asked, passage.asked.layer
        if payer not in asked.ids:
            continue
        at, before = named(payer, asked.ids), drawn.get(layer.pot, 0.0)
        answer = cascade.allocations[layer.name]
        part = next(part for part in passage.parts if payer in part.problem.ids)
        limit, cap, share = _limit(passage, at), float(answer.problem.caps[at]), float(answer.paid[at])
        earlier = max(limit - float(asked.ceiling[at]), 0.0) if np.isfinite(limit) else 0.0
        own = asked.own[at] < asked.ceiling[at] - before
        bound = _bound(passage, part, cap, share, "what is attributed to it" if own else "its cap")
        used = before + earlier
        rows[layer.name] = (layer.pot, layer.rule.title, passage.reached, limit, used, cap, share, part.price, bound)
        drawn[layer.pot] = before + share
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS)).rename_axis("layer")


def _limit(passage: Passage, at: int) -> float:
    """What the payer stands for in the layer while nothing has been used: the factor times its figure."""
    asked, layer = passage.asked, passage.asked.layer
    if layer.payer:
        return float(asked.table["amount"].iloc[at])
    column = layer.cap or layer.attributed
    return np.inf if column is None else float(asked.table[column].iloc[at]) * layer.factor


def _bound(passage: Passage, part: Allocation, cap: float, share: float, limit: str) -> str:
    """Why the payer bears no more in this layer, in words; ``limit`` says what its cap is."""
    layer = passage.asked.layer
    if passage.reached <= 0:
        return "nothing reached the layer"
    if cap <= 0:
        return "nothing is left of it"
    if share >= cap * (1.0 - _FULL):
        return limit
    if part.problem.loss <= 0:
        return "tiers before its own bore it" if layer.tiers else "its neighbours bore it"
    if share <= 0:
        return "the rule spares it"
    if layer.pari_passu:
        return "the layer's part beside its neighbours"
    if passage.asked.amount < passage.reached:
        return "the amount of the layer"
    return "the loss, covered here"
