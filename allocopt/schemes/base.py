"""What a sharing rule is: a question goes in, an answer with its evidence comes out, by closed form or by program."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array, vector
from allocopt.facts.problem import LossProblem
from allocopt.maths.program import Program

WAYS = ("auto", "closed form", "program")


@dataclass(frozen=True, eq=False, kw_only=True)
class Scheme(ABC):
    """A sharing rule. A subclass with a ``name`` is registered by being in this folder.

    It owns ``program``, the convex program (always there), and may own ``closed_form``, the fast path; tests require
    both to give the same shares, the same prices and a certificate. ``claims`` lists the axioms it claims, which tests
    try to break; ``source`` is where it was published; ``formula`` is its answer in LaTeX.
    """

    name: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()
    formula: ClassVar[str] = ""
    objective: ClassVar[str] = ""
    source: ClassVar[str] = ""
    claims: ClassVar[frozenset[str]] = frozenset()
    letters: ClassVar[Mapping[str, str]] = MappingProxyType({})  # what this rule's own letters stand for

    label: str = field(default="", metadata={"help": "a name of your own for tables and figures"})

    @abstractmethod
    def program(self, problem: LossProblem) -> Program:
        """The convex program whose solution is the answer."""

    def closed_form(self, problem: LossProblem) -> Allocation | None:
        """The answer by formula or exact algorithm, or None when there is only the program."""
        return None

    @abstractmethod
    def solve(self, problem: LossProblem, solvers: tuple[str, ...] | None = None) -> Allocation:
        """The answer by the convex program."""

    def allocate(self, problem: LossProblem, by: str = "auto", *, solvers: tuple[str, ...] | None = None) -> Allocation:
        """Divide the loss; ``by="program"`` forces the convex program, ``by="closed form"`` forbids it."""
        if not isinstance(problem, LossProblem):
            raise DataError(f"a scheme divides a LossProblem, not a {type(problem).__name__}; see event.problem(...)")
        if by not in WAYS:
            raise DataError(f"by is {by!r}; expected one of {', '.join(map(repr, WAYS))}")
        if by != "program":
            answer = self.closed_form(problem)
            if answer is not None:
                return answer
            if by == "closed form":
                raise DataError(f"{self.name} has no closed form for this question; use by='program'")
        return self.solve(problem, solvers)

    def borne(self, problem: LossProblem, rows: NDArray[np.intp]) -> tuple[Array, float]:
        """What the payers in these rows bear, and what all bear together, without evidence: for who asks often."""
        paid = self.allocate(problem).paid
        return paid[rows], float(paid.sum())

    def batch(self, losses: Array, keys: Array | None, caps: Array) -> Array:
        """Shares for many losses (S) at once, shape (S, n); ``keys`` and ``caps`` are (n,) or (S, n)."""
        raise DataError(f"{self.name} has no batch form; call allocate() for each loss")

    def exact(self, loss: Fraction, caps: Sequence[Fraction]) -> tuple[Fraction, ...] | None:
        """Shares without rounding, dividing by the caps alone; None for a rule that has no rational face."""
        return None

    def certify(self, problem: LossProblem, shares: Any) -> Certificate:
        """Judge shares of any origin (a spreadsheet, a venue's statement) as an answer of this rule to this question.

        The prices are this rule's own; the shares stand if they are feasible and are what those prices call for.
        """
        paid = vector(shares, problem.ids, "shares", low=-np.inf)
        own = self.allocate(problem)
        return replace(own, paid=paid, method="stated").certificate

    def reason(self, allocation: Allocation, payer: Any) -> str:
        """Why this payer pays this much; rules with prices say more."""
        problem = allocation.problem
        at = position(problem, payer)
        return f"{bill(allocation, at)} {self.sentence()}"

    def sentence(self) -> str:
        """The rule in a sentence: the first line of its documentation."""
        return (type(self).__doc__ or "").strip().splitlines()[0]

    @property
    def title(self) -> str:
        """The label if one was given, else the name with what was chosen."""
        return self.label or self.name


def position(problem: LossProblem, payer: Any) -> int:
    """The row of a payer in the table."""
    return int(problem.ids.get_indexer(pd.Index([payer]))[0])


def bill(allocation: Allocation, at: int) -> str:
    """The amount in words: what payer ``at`` bears of the whole."""
    problem = allocation.problem
    amount, unit = allocation.paid[at], f"{problem.currency} ".lstrip()
    part = f" ({amount / problem.loss:.2%} of the loss)" if problem.loss > 0 else ""
    return f"{problem.ids[at]} bears {unit}{amount:,.2f} of {unit}{problem.loss:,.2f}{part}."


def figure(value: float) -> str:
    """A number in words: six digits, but large amounts in full, never in powers of ten."""
    return f"{value:,.2f}" if abs(value) >= 1e6 else f"{value:,.6g}"


def single_point(problem: LossProblem, able: Array) -> Array | None:
    """The only feasible shares when the budget leaves no choice: nothing to pay, or everybody at the limit.

    Decided by arithmetic before any solver sees the question, so that exhaustion is never read off a status.
    """
    if problem.loss == 0 or not able.any():
        return np.zeros(problem.n)
    if problem.loss >= able.sum():
        return able.copy()
    return None


def left_over(problem: LossProblem, paid: Array, able: Array) -> float:
    """What nobody could bear: zero unless the loss exceeds the limits, and then exact."""
    return problem.loss - float(paid.sum()) if problem.loss > able.sum() else 0.0


def tidied(shares: Array, problem: LossProblem, able: Array) -> Array:
    """A solver's shares without its dust: nothing below zero, nothing above the limit, no 1e-17 of the loss."""
    dust = 1e-14 * problem.loss
    cut = np.clip(shares, 0.0, able)
    return np.asarray(np.where(cut <= dust, 0.0, np.where(able - cut <= dust, able, cut)))
