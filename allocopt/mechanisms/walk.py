"""The way of a loss down the layers: what reaches each, what it bears, and what goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from allocopt.facts.allocation import Allocation
from allocopt.facts.event import Event
from allocopt.mechanisms.asking import Asked, Book, ask
from allocopt.mechanisms.layer import Layer
from allocopt.mechanisms.sharing import residual_of, share, side_by_side


@dataclass(frozen=True, eq=False)
class Passage:
    """How the loss passed one layer: who was asked, what was left of its losses when its turn came, and its parts.

    ``parts`` holds an answer for each tier of the layer, or the one answer of the layer. ``passed`` is what is left
    of its losses after it; layers used side by side are counted one after the other.
    """

    asked: Asked
    reached: float
    passed: float
    parts: tuple[Allocation, ...]


@dataclass(frozen=True, eq=False)
class Walk:
    """The answers by layer, the passages in order, the splits among layers used side by side, what is left by pool."""

    answers: Mapping[str, Allocation]
    passages: tuple[Passage, ...]
    splits: Mapping[str, Allocation]
    left: Mapping[str, float]


def stages(layers: Iterable[Layer]) -> list[list[Layer]]:
    """The layers in order; neighbours of one pari-passu group make one stage."""
    found: list[list[Layer]] = []
    for layer in layers:
        if layer.pari_passu and found and found[-1][-1].pari_passu == layer.pari_passu:
            found[-1].append(layer)
        else:
            found.append([layer])
    return found


def walk(layers: Sequence[Layer], event: Event, losses: Mapping[str, float], book: Book | None = None) -> Walk:
    """Send losses (by pool; the pool '' is nobody's own) down the layers."""
    left, drawn = dict(losses), Counter[tuple[Any, str]]()
    answers: dict[str, Allocation] = {}
    passages: list[Passage] = []
    splits: dict[str, Allocation] = {}
    for stage in stages(layers):
        pool = stage[0].pool
        reached = left.get(pool, 0.0) if pool else sum(left.values())
        group = [ask(layer, event, book) for layer in stage]
        if len(group) == 1:
            asked = group[0]
            found = [share(asked, min(reached, asked.amount), drawn)]
            rest = reached - found[0][0].problem.loss + found[0][0].residual
        else:
            splits[stage[0].pari_passu], found = side_by_side(group, reached, drawn)
            rest = residual_of(splits[stage[0].pari_passu], found)
        before = reached
        for asked, (answer, parts) in zip(group, found, strict=True):
            for payer, borne in zip(answer.problem.ids, answer.paid.tolist(), strict=True):
                drawn[payer, asked.layer.pot] += borne
            after = rest if asked is group[-1] else before - float(answer.paid.sum())
            answers[asked.layer.name] = answer
            passages.append(Passage(asked, before, after, parts))
            before = after
        left = passed_on(left, pool, reached, rest)
    return Walk(answers, tuple(passages), splits, left)


def passed_on(left: Mapping[str, float], pool: str, reached: float, rest: float) -> dict[str, float]:
    """What is left of each pool's loss; a layer of no pool relieves all of them in proportion to what is left."""
    if pool:
        return {**left, pool: rest} if pool in left else dict(left)
    if len(left) == 1 or rest == 0.0:
        return dict.fromkeys(left, rest)
    return {name: amount * (rest / reached) if reached > 0 else amount for name, amount in left.items()}
