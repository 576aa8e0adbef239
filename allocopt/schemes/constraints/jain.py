"""Jain's index of the burdens stays above a bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number
from allocopt.facts.problem import LossProblem
from allocopt.maths.program import Clause
from allocopt.schemes.constraints.base import Constraint, Posed, exposure, portions


@dataclass(frozen=True, eq=False)
class JainAtLeast(Constraint):
    r"""Jain's index of the burden per unit of ``by`` is at least ``bound``; without ``by``, of the burdens themselves.

    .. math:: \frac{L^2}{W \sum_i x_i^2 / w_i} \ge J \quad\Longleftrightarrow\quad
       \Bigl\| \frac{x_i / L - w_i / W}{\sqrt{w_i / W}} \Bigr\|_2 \le \sqrt{1 / J - 1}

    :math:`J` is above 0 and below 1; 1 would be exactly pro-rata, which ``gini_at_most(0, by=...)`` says without a
    cone. One second-order cone. A bound from above (``at most so equal``) is not convex and does not exist here.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"fund": [60.0, 30.0, 10.0]}, index=["A", "B", "C"])
    >>> problem = LossProblem(30, table, cap="fund")
    >>> round(JainAtLeast(0.9).measure(np.array([18.0, 9.0, 3.0]), problem, table["fund"].to_numpy()), 4)
    0.7246
    """

    name = "jain"
    latex = r"\frac{L^2}{W \sum_i x_i^2 / w_i} \ge J"
    reading = "what a higher demanded index would change the cost by"
    cone = "second-order"
    strict = True

    bound: float
    by: str | None = None

    def __post_init__(self) -> None:
        number(self.bound, "the bound of jain_at_least", high=1.0)
        if self.bound in (0.0, 1.0):
            remedy = (
                "leave the constraint out" if self.bound == 0 else "for exactly pro-rata use gini_at_most(0, by=...)"
            )
            raise DataError(f"the bound of jain_at_least is {self.bound:g}; expected a value between 0 and 1: {remedy}")

    @property
    def limit(self) -> float:
        """The bound, a pure number."""
        return self.bound

    def measure(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """The index; 1 when nothing is paid."""
        p, q = portions(shares), portions(exposure(self.by, problem))
        return 1.0 / float((p * p / q).sum()) if p.any() else 1.0

    def excess(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """By how much the index is below the bound."""
        return max(self.bound - self.measure(shares, problem, reference), 0.0)

    def clause(self, posed: Posed, state: Any) -> Clause:
        """The length of the departures from pro-rata; in this form the cone is exact near 1 too."""
        import cvxpy as cp

        q = portions(exposure(self.by, posed.problem))
        radius = float(np.sqrt(1.0 / self.bound - 1.0))
        rows = [cp.norm2(cp.multiply(1.0 / np.sqrt(q), posed.x - q)) <= radius + posed.slack]
        slope = -1.0 / (2.0 * self.bound**2 * radius)
        return Clause(self.name, rows, self.latex, self.reading, -1.0, 1.0, [slope])

    def __str__(self) -> str:
        return f"jain of {'burden per ' + self.by if self.by else 'burdens'} at least {self.bound:g}"
