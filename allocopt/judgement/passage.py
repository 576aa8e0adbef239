"""The run of a waterfall seen from one question: what it lays on the payers of that question."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.problem import LossProblem
from allocopt.mechanisms.cascade import Cascade


@dataclass(frozen=True)
class Passage:
    """The rule behind such an answer: the whole run, which explains every share."""

    name: str
    run: Cascade

    @property
    def title(self) -> str:
        """What the waterfall is called."""
        return self.name

    def reason(self, allocation: Allocation, payer: Any) -> str:
        """Why this payer bears this much, layer by layer."""
        return self.run.explain(payer)


def passage(run: Cascade, question: LossProblem, title: str) -> Allocation:
    """What each payer of the question bears in all layers together, as an answer to that part of the loss.

    Its question is the given one with the loss that these payers bear, and with caps raised to it where layers take
    more than one resource. It has no single price; its certificate holds the worst residual of all layers.
    """
    borne = run.by_payer
    strangers = [payer for payer in question.ids if payer not in borne.index]
    if strangers:
        raise DataError(f"the question names payer {strangers[0]!r}, who is not in event {run.event.name!r}")
    paid = np.array(borne.reindex(question.ids), dtype=np.float64)
    part = question.replace(loss=float(paid.sum()))
    if (paid > question.caps).any():
        part = part.replace(cap=np.maximum(question.caps, paid))
    method = f"waterfall of {len(run.layers)} layers"
    return Allocation(part, paid, 0.0, math.nan, {}, method, Passage(title, run), partial(_worst, run=run))


def _worst(_: Allocation, run: Cascade) -> Certificate:
    found = [answer.certificate for answer in [*run.allocations.values(), *run.splits.values()]]
    kept = abs(float(run.by_layer.sum()) + run.residual - run.loss) / run.loss if run.loss > 0 else 0.0
    primal, dual, gap = (np.max([0.0, *(getattr(c, part) for c in found)]) for part in ("primal", "dual", "gap"))
    return Certificate(
        float(np.maximum(primal, kept)), float(dual), float(gap), "waterfall",
        "the worst residual of all layers, and no part of the loss was lost between them",
    )  # fmt: skip
