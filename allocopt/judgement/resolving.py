"""A rule asked again about a changed question: what each payer bears, and what of the question the rule reads."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.event import Event
from allocopt.facts.problem import LossProblem
from allocopt.judgement.manipulation import Question, cap_column, position
from allocopt.judgement.moves import Moves, Rule
from allocopt.mechanisms.waterfall import Waterfall
from allocopt.schemes import Key, Scheme, resolve

Asked = Question | Moves  # a question, or one whose changes are remembered for the next rule

__all__ = ["Asked", "Incentive", "Rule", "columns_read", "money", "posed"]


@dataclass(frozen=True)
class Incentive:
    """A number with its witness: the changed question, whose payers' shares under the rule give the number again."""

    value: float
    witness: str
    problem: Question | None = field(default=None, repr=False)
    payers: tuple[Any, ...] = ()

    def __float__(self) -> float:
        return self.value


def posed(scheme: str | Rule, problem: Asked) -> tuple[Rule, Moves]:
    """The rule and its question, each of the kind that goes with the other."""
    rule = scheme if isinstance(scheme, Waterfall) else resolve(scheme)
    moves = problem if isinstance(problem, Moves) else Moves(problem)
    question = moves.question
    if not isinstance(question, LossProblem | Event):
        raise DataError(f"problem is a {type(question).__name__}; give a LossProblem or an Event")
    if isinstance(rule, Waterfall) and not isinstance(question, Event):
        raise DataError(f"waterfall {rule.name!r} runs through an event; give the Event, not a single question")
    if isinstance(question, Event) and isinstance(rule, Scheme):
        moves = Moves(question.problem())
    held = _by_payer(rule, len(moves.question.payers))
    if held:
        raise DataError(
            f"{rule.title} holds {held} as figures by payer, which say nothing about other accounts; put them into "
            "the table as a column, problem.replace(payers=problem.payers.assign(...)), and name the column"
        )
    return rule, moves


def _by_payer(held: Any, n: int) -> str:
    """The name of what holds figures by payer or by coalition somewhere inside a rule, or ''."""
    for f in dataclasses.fields(held):
        inside = getattr(held, f.name)
        for value in inside if isinstance(inside, list | tuple) else [inside]:
            if isinstance(value, pd.Series | pd.Index | np.ndarray):
                return f.name
            if dataclasses.is_dataclass(value) and not isinstance(value, type) and _by_payer(value, n):
                return f.name
        if isinstance(inside, list | tuple) and len(inside) in (n, 2**n) and all(isinstance(v, Real) for v in inside):
            return f.name if len(inside) else ""
    return ""


def columns_read(scheme: str | Rule, problem: Asked, payer: Any) -> list[str]:
    """The columns whose figure for this payer decides its share: the key of the rule, or else the caps.

    Of a waterfall, those of every layer; only columns in which the payer has a figure.
    """
    rule, moves = posed(scheme, problem)
    question = moves.question
    if isinstance(rule, Waterfall):
        found = [c for layer in rule.layers if not layer.payer for c in _keys(layer.rule, layer.cap or "")]
    else:
        found = _keys(rule, cap_column(question))
    row = question.payers.iloc[position(question, payer)]
    read = [c for c in dict.fromkeys(found) if isinstance(row.get(c), Real) and not math.isnan(row[c])]
    if not read:
        raise DataError(f"{rule.title} reads no column in which {payer!r} has a figure; name the column")
    return read


def _keys(rule: Scheme, cap: str) -> list[str]:
    key = getattr(rule, "key", None)
    if isinstance(key, str):
        return [key]
    if isinstance(key, Mapping | Key):
        return list(key.parts if isinstance(key, Key) else key)
    for within in (getattr(rule, f.name) for f in dataclasses.fields(rule)):
        if isinstance(within, Scheme):
            return _keys(within, cap)
    return [cap] if cap else []


def money(question: Question, amount: float) -> str:
    """An amount with its currency."""
    shown = f"{amount:,.2f}" if amount == 0 or abs(amount) >= 1 else f"{amount:.6g}"
    return f"{question.currency} {shown}".lstrip()
