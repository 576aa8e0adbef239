"""What a criterion becomes on one question: the unit of its distances, and with which other it coincides there.

Both depend on the question alone, never on the schemes compared, so that a further scheme cannot change them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from allocopt.facts.problem import LossProblem
from allocopt.judgement.criterion import Criterion
from allocopt.judgement.manipulation import cap_column

_Kind = TypeVar("_Kind", bound=Criterion)

RATE = "per unit of exposure"

# Criterion -> the family it falls into, and on which questions (with which exposure and risk contributions) it does.
COINCIDES: dict[str, tuple[str, Callable[[LossProblem, str, str], bool]]] = {
    "cvar_of_burden": ("max_burden", lambda question, by, risk: question.n <= 10),  # the worst tenth is one payer
    "reynolds_smolensky": ("kakwani", lambda question, by, risk: cap_column(question) == by),
    "deviation_from_pro-rata": ("gini", lambda question, by, risk: cap_column(question) == by),
    "distance_from_pro-rata": ("hoover", lambda question, by, risk: cap_column(question) == by),
    "free_riding": ("hoover", lambda question, by, risk: risk == by),
}


def settled(criterion: _Kind, question: LossProblem, by: str, risk: str) -> _Kind:
    """The criterion as this question has it.

    Distances in rates, which have the unit of the exposure, are counted in the mean rate at which all caps are
    exhausted (without caps, the mean rate of the loss): 1 when the exposure is the cap.
    """
    family, when = COINCIDES.get(criterion.name, (criterion.family, lambda *_: False))
    family = family if when(question, by, risk) else criterion.family
    total, most = float(question.column(by).sum()), float(question.caps.sum())
    amount = most if most < float("inf") else question.loss
    scale = amount / total if criterion.unit == RATE and total > 0 and amount > 0 else criterion.scale
    if family == criterion.family and scale == criterion.scale:
        return criterion
    return replace(criterion, family=family, scale=scale)
