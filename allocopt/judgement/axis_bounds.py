"""Bounds that only a trade-off needs: how unequal what is kept may be, and how far shares may be from stated ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.maths.program import Clause
from allocopt.schemes.constraints.atkinson import AtkinsonAtMost
from allocopt.schemes.constraints.base import Constraint, Posed
from allocopt.schemes.constraints.gini import GiniAtMost
from allocopt.schemes.constraints.progressive import ConcentrationBetween, centred


@dataclass(frozen=True, eq=False)
class GiniOfKept(GiniAtMost):
    r"""The Gini coefficient of what payers keep of their caps, :math:`G(c - x)`, is at most ``bound``.

    What is kept sums to :math:`C - L`, so the rows are those of the Gini coefficient of burdens, in other amounts.
    """

    def measure(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """The coefficient of what is kept, by sorting."""
        return super().measure(np.maximum(problem.caps - shares, 0.0), problem, reference)

    def begin(self, problem: LossProblem, reference: Array) -> Any:
        """The order of what the reference leaves."""
        return super().begin(problem, problem.caps - reference)

    def refine(self, shares: Array, problem: LossProblem, state: Any) -> Any:
        """Open the pairs whose order of what is kept has turned round."""
        return super().refine(problem.caps - shares, problem, state)

    def clause(self, posed: Posed, state: Any) -> Clause:
        """The rows of the Gini coefficient, for parts of what is kept."""
        caps = posed.problem.caps / posed.unit
        kept = (caps - posed.x) / (float(caps.sum()) - 1.0)
        return super().clause(replace(posed, x=kept), state)


@dataclass(frozen=True, eq=False)
class RedistributionBetween(ConcentrationBetween):
    r"""The Reynolds-Smolensky index of what is left of the caps, :math:`G_c - C_{c - x}`, lies between two bounds.

    What is left sums to :math:`C - L` and caps give the rank, so the index is linear in the shares.
    """

    name = "reynolds-smolensky"
    latex = r"l \le G_c - C_{c - x} \le h"

    def form(self, problem: LossProblem) -> tuple[Array, float]:
        """Centred ranks by cap over what is left, and the index if nothing were paid but all were divided."""
        caps = problem.caps
        rank = centred(caps, np.full(problem.n, 1.0 / max(problem.n, 1)))
        left = max(problem.capacity - problem.loss, 0.0) or 1.0
        return rank * (min(problem.loss, problem.capacity) / left), float(rank @ caps) * (
            1.0 / problem.capacity - 1.0 / left
        )


@dataclass(frozen=True, eq=False)
class AtkinsonOfKept(AtkinsonAtMost):
    """Atkinson's index of what payers keep of their caps at an aversion of one half, in second-order cones.

    A root is a square's bound, :math:`t_i^2 \\le y_i`, on which solvers keep the digits that power cones lose.
    """

    cone = "second-order"

    bound: float = 0.5
    epsilon: float = 0.5

    def clause(self, posed: Posed, state: Any) -> Clause:
        """The mean root of what is kept over its mean; who has nothing keeps nothing."""
        import cvxpy as cp

        had, n = posed.problem.caps / posed.unit, posed.problem.n
        some = np.flatnonzero(had > 0)
        kept = (had[some] - posed.x[some]) * (n / (float(had.sum()) - 1.0))
        root = cp.Variable(len(some), name="root")
        rows = [-cp.sum(root) / n <= -float(np.sqrt(1.0 - self.bound)) + posed.slack, cp.square(root) <= kept]
        return Clause(self.name, rows, self.latex, self.reading, -1.0, 1.0, [1.0, 0.0])


@dataclass(frozen=True, eq=False)
class Apart(Constraint):
    r"""At most this part of the loss changes hands between the shares and stated ones.

    .. math:: \frac{1}{2 L} \sum_i |x_i - q_i| \le h

    The stated shares ``of`` sum to what is divided, so what is borne beyond them is half of all that differs.
    """

    name = "distance"
    latex = r"\frac{1}{2 L} \sum_i |x_i - q_i| \le h"
    reading = "what one more part of the loss changing hands would change the other criterion by"

    bound: float
    of: Array

    @property
    def limit(self) -> float:
        """The bound, a part of the loss."""
        return self.bound

    def measure(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """Half the sum of differences over the total."""
        total = float(shares.sum())
        return float(np.abs(shares - self.of).sum()) / (2.0 * total) if total > 0 else 0.0

    def clause(self, posed: Posed, state: Any) -> Clause:
        """What each payer bears beyond its stated share, and the sum."""
        import cvxpy as cp

        over = cp.Variable(posed.problem.n, name="over")
        rows = [cp.sum(over) <= self.bound + posed.slack, posed.x - self.of / posed.unit <= over, over >= 0]
        return Clause(self.name, rows, self.latex, self.reading, -1.0, 1.0, [1.0, 0.0, 0.0])
