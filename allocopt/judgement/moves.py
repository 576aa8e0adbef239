"""The changed questions of one question and what rules answer to them, each found once however often it is asked for.

Twelve schemes on a card are asked about the same splits, mergers and growth, and several measures about the same
payer: the changed table is built once for all of them, and the same rule is never asked the same thing twice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.facts.checks import Array
from allocopt.judgement import manipulation
from allocopt.judgement.manipulation import Move, Question
from allocopt.mechanisms.waterfall import Waterfall
from allocopt.schemes import Scheme

Rule = Scheme | Waterfall


class Moves:
    """A question with the changes of it that were asked for, and the answers of rules to them."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self._made: dict[Any, Move] = {}
        self._answers: dict[Any, tuple[Any, Move, Array, float]] = {}
        self._rows: dict[int, NDArray[np.intp]] = {}

    def as_is(self, payers: Iterable[Any]) -> Move:
        """The unchanged question, about these payers."""
        meant = tuple(payers)

        def known() -> Move:
            for payer in meant:
                manipulation.position(self.question, payer)
            return Move(self.question, meant)

        return self._once(("as is", meant), known)

    def split(
        self, payer: Any, parts: int = 2, fractions: Mapping[str, Sequence[float]] | None = None,
        rates: Iterable[str] = (),
    ) -> Move:  # fmt: skip
        """See :func:`~allocopt.judgement.manipulation.split`."""
        kept, uneven = tuple(rates), {name: tuple(by) for name, by in (fractions or {}).items()}
        return self._once(
            ("split", payer, parts, tuple(uneven.items()), kept),
            lambda: manipulation.split(self.question, payer, parts, fractions=fractions, rates=kept),
        )

    def merge(self, payers: Iterable[Any], rates: Iterable[str] = ()) -> Move:
        """See :func:`~allocopt.judgement.manipulation.merge`."""
        joined, kept = tuple(payers), tuple(rates)
        return self._once(
            ("merge", joined, kept), lambda: manipulation.merge(self.question, joined, rates=kept)
        )  # fmt: skip

    def grow(
        self, payer: Any, factor: float, columns: Iterable[str] | None = None, *, loss: float | None = None,
        rates: Iterable[str] = (),
    ) -> Move:  # fmt: skip
        """See :func:`~allocopt.judgement.manipulation.grow`."""
        named, kept = None if columns is None else tuple(columns), tuple(rates)
        same = loss is None or loss == self.question.loss
        return self._once(
            ("grow", payer, factor, named, None if same else loss, kept),
            lambda: manipulation.grow(self.question, payer, factor, named, loss=loss, rates=kept),
        )

    def _once(self, key: tuple[Any, ...], make: Any) -> Move:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def borne(self, rule: Rule, move: Move) -> tuple[Array, float]:
        """What the payers of a move bear under a rule, and what all bear together.

        A rule that draws its answer draws the same orders each time, so that a difference is not one of draws.
        """
        key = id(rule), id(move)
        if key not in self._answers:  # rule and move are kept beside the answer, so that no other takes their place
            self._answers[key] = (rule, move, *self._asked(rule, move))
        return self._answers[key][2:]

    def _asked(self, rule: Rule, move: Move) -> tuple[Array, float]:
        if isinstance(rule, Waterfall):
            paid = rule.run(move.question).by_payer
            return np.asarray(paid.loc[list(move.payers)], dtype=np.float64), float(paid.sum())
        if getattr(rule, "seed", 0) is None:
            rule = dataclasses.replace(rule, seed=0)  # type: ignore[call-arg]
        if id(move) not in self._rows:
            self._rows[id(move)] = move.question.ids.get_indexer(pd.Index(move.payers, tupleize_cols=False))
        return rule.borne(move.question, self._rows[id(move)])

    def paid(self, rule: Rule, move: Move) -> float:
        """What the payers of a move bear together."""
        return float(self.borne(rule, move)[0].sum())
