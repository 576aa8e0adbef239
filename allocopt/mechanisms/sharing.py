"""How a layer divides what reaches it: by its rule, by tiers where it has them, beside its neighbours if so said."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.mechanisms.asking import Asked, Ledger
from allocopt.schemes import Scheme, scheme
from allocopt.schemes.base import bill, figure, position

_DUST = 1e-12  # of the loss: below it a negative share is rounding, above it a credit

BY_SIZE = scheme("pro-rata", key="weight", label="side by side")


@dataclass(frozen=True, eq=False)
class Tiers:
    """The rule of a layer with tiers: each tier divides by the layer's rule what the tiers before it could not bear."""

    rule: Scheme
    column: str
    parts: Mapping[float, Allocation]

    @property
    def name(self) -> str:
        """The layer's rule and the column that ranks its payers."""
        return f"{self.rule.title}, tier by tier of {self.column}"

    def reason(self, allocation: Allocation, payer: Any) -> str:
        """The payer's tier, what reached it, and its share there."""
        for tier, part in self.parts.items():
            if payer in part.problem.ids:
                unit = f"{part.problem.currency} ".lstrip()
                reached = f"{unit}{part.problem.loss:,.2f} reaches tier {figure(tier)} of {self.column}."
                return f"{bill(allocation, position(allocation.problem, payer))} {reached} {part.explain(payer)}"
        raise DataError(f"no payer of the layer is called {payer!r}")


def collect(rule: Scheme, question: LossProblem) -> Allocation:
    """The rule's answer, if nobody is credited: a layer takes a loss on, and has nothing to give."""
    answer = rule.allocate(question)
    if answer.paid.min(initial=0.0) < -_DUST * question.loss:
        who = question.ids[int(np.argmin(answer.paid))]
        raise DataError(
            f"{rule.name} credits payer {who!r}, but a layer only collects; use policy='floor' or 'program'"
        )
    return answer


def share(asked: Asked, loss: float, drawn: Ledger) -> tuple[Allocation, tuple[Allocation, ...]]:
    """The layer's answer, and its parts: one for each tier, or the answer itself."""
    question = asked.problem(loss, drawn)
    # With nobody to pay every rule gives the empty answer; the layer's own would look for its key in a missing column.
    rule = asked.layer.rule if question.n else scheme("pro-rata")
    try:
        if asked.tiers is None:
            answer = collect(rule, question)
            return answer, (answer,)
        return _by_tier(asked, rule, question)
    except DataError as fault:
        raise DataError(f"layer {asked.layer.name!r}: {fault}") from None


def _by_tier(asked: Asked, rule: Scheme, question: LossProblem) -> tuple[Allocation, tuple[Allocation, ...]]:
    left, paid = question.loss, np.zeros(question.n)
    parts: dict[float, Allocation] = {}
    ranks = np.asarray(asked.tiers)
    for tier in np.unique(ranks):
        rows = np.flatnonzero(ranks == tier)
        part = question.replace(
            loss=left, payers=question.payers.iloc[rows], about=f"{question.about}, tier {figure(float(tier))}",
            **({} if asked.label is None else {"cap": question.cap_name}),
        )  # fmt: skip
        parts[float(tier)] = answer = collect(rule, part)
        paid[rows] = answer.paid
        left = answer.residual
    told = Tiers(rule, str(asked.layer.tiers), parts)
    answers = tuple(parts.values())
    method = f"{len(parts)} tiers: {', '.join(dict.fromkeys(part.method for part in answers))}"
    notes = tuple(dict.fromkeys(note for part in answers for note in part.notes))
    whole = Allocation(
        question, paid, left, math.nan, {}, method, told, partial(_evidence, parts=answers), notes,
        {"tiers": pd.Series(ranks, index=question.ids, name=asked.layer.tiers), "parts": parts},
    )  # fmt: skip
    return whole, answers


def _evidence(judged: Allocation, parts: Sequence[Allocation]) -> Certificate:
    """The worst residual of the tiers; no tier was touched before the one below it was exhausted; the sums agree."""
    problem = judged.problem
    loss = problem.loss or 1.0
    found = [part.certificate for part in parts]
    early = max([0.0, *(float(b.paid.sum()) for a, b in pairwise(parts) if not a.residual)])
    whole = abs(float(judged.paid.sum()) + judged.residual - problem.loss)
    stated = pd.concat([part.shares for part in parts]).reindex(problem.ids) if parts else judged.shares
    moved = float(np.abs(judged.paid - stated.to_numpy()).max(initial=0.0))
    primal, dual, gap = (float(np.max([0.0, *(getattr(c, part) for c in found)])) for part in ("primal", "dual", "gap"))
    return Certificate(
        max(primal, early / loss, whole / loss), max(dual, moved / loss), gap, "tiers",
        "each tier is exhausted before the next is touched, and within a tier the layer's rule holds",
        {"touched too early": early / loss},
    )  # fmt: skip


def side_by_side(
    group: Sequence[Asked], loss: float, drawn: Ledger
) -> tuple[Allocation, list[tuple[Allocation, tuple[Allocation, ...]]]]:
    """Divide a loss among neighbouring layers in proportion to their weights, and within each by its rule.

    A layer cannot be made to bear more than its size; a rule that leaves some of its payers out can bear less than its
    limits say. Then what it turned out to bear is its limit, with its weight as before, and the loss is divided again.
    """
    apart(group)
    sizes = [asked.size(drawn) for asked in group]
    weights = weights_of(group, np.array(sizes))
    for _ in range(len(group) + 1):
        split = _split(group, loss, weights, sizes)
        answers = [share(asked, float(part), drawn) for asked, part in zip(group, split.paid, strict=True)]
        borne = [float(answer.paid.sum()) for answer, _ in answers]
        short = [k for k, (answer, _) in enumerate(answers) if answer.residual > 0 and borne[k] < sizes[k]]
        if not short:
            break
        sizes = [borne[k] if k in short else size for k, size in enumerate(sizes)]
    return split, answers


def _split(group: Sequence[Asked], loss: float, weights: Array, sizes: Sequence[float]) -> Allocation:
    first, names = group[0], pd.Index([asked.layer.name for asked in group], name="layer")
    table = pd.DataFrame({"weight": weights, "size": sizes}, index=names, dtype=float)
    about = f"{first.event.title}: {first.layer.pari_passu}"
    return BY_SIZE.allocate(LossProblem(loss, table, "size", first.event.currency, about=about))


def weights_of(group: Sequence[Asked], sizes: Array) -> Array:
    """The weight of each layer of a group: the stated one, or its size (layers along the last axis)."""
    if group[0].layer.weight is not None:
        return np.array([asked.layer.weight for asked in group], dtype=np.float64)
    endless = np.flatnonzero(np.isinf(sizes).reshape(-1, len(group)).any(axis=0))
    if len(endless):
        raise DataError(
            f"layer {group[int(endless[0])].layer.name!r} has no limit, so it has no size to be used in proportion "
            f"to; give every layer of group {group[0].layer.pari_passu!r} a weight"
        )
    return sizes


def apart(group: Sequence[Asked]) -> None:
    """Layers used side by side draw on pots of their own: what one takes cannot depend on the other."""
    seen: dict[tuple[Any, str], str] = {}
    for asked in group:
        for payer in asked.ids if asked.label is not None else ():
            other = seen.setdefault((payer, asked.layer.pot), asked.layer.name)
            if other != asked.layer.name:
                raise DataError(
                    f"layer {asked.layer.name!r}: draws on {asked.layer.pot!r} of {payer!r} side by side with "
                    f"{other!r}; give each a resource of its own"
                )


def residual_of(split: Allocation, answers: Sequence[tuple[Allocation, tuple[Allocation, ...]]]) -> float:
    """What a group leaves: what its sizes could not hold, and what its layers then could not bear."""
    return split.residual + float(np.sum([answer.residual for answer, _ in answers]))
