"""The part of the loss that would have to change hands to be in proportion stays below a bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from allocopt.facts.checks import Array, number
from allocopt.facts.problem import LossProblem
from allocopt.maths.program import Clause
from allocopt.schemes.constraints.base import Constraint, Posed, exposure, portions


@dataclass(frozen=True, eq=False)
class HooverAtMost(Constraint):
    r"""The Hoover index of the burden per unit of ``by`` is at most ``bound``; without ``by``, of the burdens.

    .. math:: \frac12 \sum_i \Bigl| \frac{x_i}{L} - \frac{w_i}{W} \Bigr| \le h

    :math:`h` in [0, 1] is the fraction of the loss that may be out of proportion to the exposure. Linear. A lower
    bound on inequality is not convex and does not exist here.
    """

    name = "hoover"
    latex = r"\frac12 \sum_i \Bigl| \frac{x_i}{L} - \frac{w_i}{W} \Bigr| \le h"
    reading = "what one more part of the loss out of proportion would change the cost by"

    bound: float
    by: str | None = None

    def __post_init__(self) -> None:
        number(self.bound, "the bound of hoover_at_most", high=1.0)

    @property
    def limit(self) -> float:
        """The bound, a fraction of the loss."""
        return self.bound

    def measure(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """Half the sum of absolute departures; 0 when nothing is paid."""
        p, q = portions(shares), portions(exposure(self.by, problem))
        return 0.5 * float(np.abs(p - q).sum()) if p.any() else 0.0

    def clause(self, posed: Posed, state: Any) -> Clause:
        """Departures upwards make half of all departures, because both sides add up to the same."""
        import cvxpy as cp

        q = portions(exposure(self.by, posed.problem))
        over = cp.Variable(posed.problem.n, name="over")
        rows = [cp.sum(over) <= self.bound + posed.slack, posed.x - q <= over, over >= 0]
        return Clause(self.name, rows, self.latex, self.reading, -1.0, 1.0, [1.0, 0.0, 0.0])

    def __str__(self) -> str:
        return f"hoover of {'burden per ' + self.by if self.by else 'burdens'} at most {self.bound:g}"
