"""Why constraints contradict each other: which of them do, by how much, and the least that each alone must give way."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from allocopt.errors import SolverError
from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.schemes.constraints.base import Constraint

# A constraint counts as met when its excess is below this fraction of its size: polished answers reach 1e-12, and an
# answer that misses by more is a contradiction or a failure, never rounding.
MET = 1e-7
_DOUBLINGS = 40
_CLOSE = 1e-7  # of a bound: digits beyond are not worth another program in a message

# Constraints, and which of them are loose -> the shares that need the least slack.
Elastic = Callable[[Sequence[Constraint], Sequence[bool]], Array]


def contradiction(
    constraints: Sequence[Constraint], problem: LossProblem, target: Array, elastic: Elastic
) -> str | None:
    """What to say of constraints that cannot be met together, or None when they can.

    Decided by an always feasible program. Constraints that can be dropped without curing the conflict are left out of
    the message: what remains conflicts as it stands, and dropping any one of it helps. For each of these the least
    relaxation is found that cures the conflict while all others stay as they are.
    """

    def broken(given: Sequence[Constraint]) -> bool:
        if not given:
            return False
        shares = elastic(given, [True] * len(given))
        return any(c.excess(shares, problem, target) > MET for c in given)

    def cure(constraint: Constraint) -> str:
        others = [c for c in culprits if c is not constraint]
        try:
            shares = elastic([constraint, *others], [True] + [False] * len(others))
        except SolverError:
            return "no relaxation of it alone is enough"
        low, high = constraint.limit, constraint.measure(shares, problem, target)
        if (constraint.linear_in_bound and np.isfinite(high)) or constraint.excess(shares, problem, target) <= MET:
            return constraint.missed(shares, problem, target)
        for _ in range(_DOUBLINGS):
            if np.isfinite(high) and not broken([_at(constraint, high), *others]):
                break
            high = 2.0 * (high if np.isfinite(high) else max(low, 1.0))
        else:
            return "no relaxation of it alone is enough"
        while high - low > _CLOSE * max(abs(high), 1e-300):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if broken([_at(constraint, middle), *others]) else (low, middle)
        return f"would have to reach {high:,.6g}"

    culprits = list(constraints)
    if not broken(culprits):
        return None
    for constraint in list(culprits):
        rest = [c for c in culprits if c is not constraint]
        if broken(rest):
            culprits = rest
    named = "; ".join(f"{c} ({cure(c)})" for c in culprits)
    return _sentence(len(culprits), problem, "least relaxation of each that cures it, the others kept", named)


def no_choice(constraints: Sequence[Constraint], shares: Array, problem: LossProblem, target: Array) -> str:
    """What to say of constraints that the only possible shares break."""
    named = "; ".join(f"{c} ({c.missed(shares, problem, target)})" for c in constraints)
    return _sentence(len(constraints), problem, "the loss leaves no choice", named)


def _at(constraint: Constraint, bound: float) -> Constraint:
    moved: dict[str, Any] = {"bound": bound}
    return dataclasses.replace(constraint, **moved)


def _sentence(count: int, problem: LossProblem, where: str, named: str) -> str:
    many = "contradict each other" if count > 1 else "cannot be met"
    return (
        f"fair: with the budget of {problem.loss:,.6g} and the caps, these constraints {many} ({where}): {named}; "
        "loosen one of them"
    )
