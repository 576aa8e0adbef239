"""What a fairness constraint is: a named bound that knows its rows, its measure, its LaTeX and its reading."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.maths.program import Clause


@dataclass(frozen=True)
class Posed:
    """The question in the program's own numbers: ``x`` (cvxpy, sums to the covered part of one loss), the unit of an
    amount, a slack that loosens the bound (0 unless a contradiction is being measured), and the reference shares."""

    x: Any
    problem: LossProblem
    unit: float
    reference: Array
    slack: Any = 0.0


@dataclass(frozen=True, eq=False)
class Constraint(ABC):
    """A bound on an allocation, convex in the shares, that combines freely with any other."""

    name: ClassVar[str] = ""
    latex: ClassVar[str] = ""
    reading: ClassVar[str] = ""
    cone: ClassVar[str] = "linear"  # what the rows need: linear, second-order, exponential or power
    linear_in_bound: ClassVar[bool] = True  # whether a slack in the rows is a slack in the bound, monotone if not equal
    strict: ClassVar[bool] = False  # strictly convex: where it binds, a linear objective has one optimum only

    @property
    @abstractmethod
    def limit(self) -> float:
        """The bound, in the unit of :meth:`measure`."""

    @abstractmethod
    def measure(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """What the bound is a bound on, from the shares alone; no program, no solver."""

    @abstractmethod
    def clause(self, posed: Posed, state: Any) -> Clause:
        """The rows of the program; ``posed.slack`` is added to the right-hand side."""

    def begin(self, problem: LossProblem, reference: Array) -> Any:
        """What the rows start from, for constraints whose rows are added as they are needed."""
        return None

    def refine(self, shares: Array, problem: LossProblem, state: Any) -> Any:
        """More rows, when these shares break the constraint although the rows hold; None when nothing is missing."""
        return None

    def size(self, problem: LossProblem) -> float:
        """The size against which an excess is small: 1 for pure numbers, the loss for amounts."""
        return 1.0

    def excess(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """By how much the bound is broken, relative to its size; 0 when it holds."""
        over = self.measure(shares, problem, reference) - self.limit
        return max(over, 0.0) / self.size(problem) if np.isfinite(over) else np.inf

    def missed(self, shares: Array, problem: LossProblem, reference: Array) -> str:
        """What would have to be allowed for these shares to pass, in words."""
        return f"would have to reach {self.measure(shares, problem, reference):,.6g}"

    def __str__(self) -> str:
        return f"{self.name} at most {self.limit:g}"


def called(rule: Any) -> str:
    """What to call a reference in a message: a name as given, a scheme by its title, figures as such."""
    if isinstance(rule, str):
        return rule
    return str(getattr(rule, "title", None) or getattr(rule, "name", None) or "stated shares")


def portions(amounts: Array) -> Array:
    """Amounts over their total; zeros when there is nothing."""
    total = float(amounts.sum())
    return amounts / total if total > 0 else np.zeros(len(amounts))


def typical_rate(by: str | None, problem: LossProblem) -> float:
    """The size of a rate: the loss over the mean exposure; 1 when nothing is to be paid or nobody is there."""
    return problem.loss / float(exposure(by, problem).mean()) or 1.0 if problem.n else 1.0


def exposure(by: str | None, problem: LossProblem) -> Array:
    """The base of a ratio: a column, every entry positive, or one for each payer."""
    if by is None:
        return np.ones(problem.n)
    if not isinstance(by, str):
        raise DataError(f"by is {by!r}; name the column that burdens are related to, such as 'default_fund'")
    values = problem.column(by)
    if (values == 0).any():
        payer = problem.ids[int(np.flatnonzero(values == 0)[0])]
        raise DataError(f"column {by!r} of payer {payer!r} is 0, so its burden per unit has no value; drop the payer")
    return values
