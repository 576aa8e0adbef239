"""The mean burden of the worst-hit payers is bounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number
from allocopt.facts.problem import LossProblem
from allocopt.maths.program import Clause
from allocopt.schemes.constraints.base import Constraint, Posed, exposure, typical_rate


@dataclass(frozen=True, eq=False)
class CvarAtMost(Constraint):
    r"""The mean burden of the worst-hit fraction :math:`1 - \beta` of payers is at most ``bound``.

    .. math:: \min_t\ t + \frac{1}{(1 - \beta)\, n} \sum_i (r_i - t)^+ \le k, \qquad r_i = x_i / w_i

    Conditional value at risk taken across payers, not across scenarios. Without ``by`` the burdens are amounts and
    ``bound`` is in currency; with it they are rates and ``bound`` is currency per unit of the column. The boundary
    payer enters with the fractional weight that makes the tail exactly :math:`1 - \beta`.
    """

    name = "cvar"
    latex = r"t + \frac{1}{(1 - \beta)\, n} \sum_i (r_i - t)^+ \le k"
    reading = "what a higher allowed mean burden of the worst-hit would change the cost by"

    bound: float
    level: float = 0.8
    by: str | None = None

    def __post_init__(self) -> None:
        number(self.bound, "the bound of cvar_at_most")
        number(self.level, "the level of cvar_at_most", high=1.0)
        if self.level == 1.0:
            raise DataError("the level of cvar_at_most is 1, which leaves no tail; give less, such as 0.8")

    @property
    def limit(self) -> float:
        """The bound, in currency or in currency per unit of ``by``."""
        return self.bound

    def size(self, problem: LossProblem) -> float:
        """The loss for amounts, the mean rate for rates."""
        return typical_rate(self.by, problem)

    def measure(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """The mean of the worst tail, with a fractional boundary payer."""
        rates = np.sort(shares / exposure(self.by, problem))[::-1]
        tail = (1.0 - self.level) * len(rates)
        if not len(rates):
            return 0.0
        weight = np.clip(tail - np.arange(len(rates)), 0.0, 1.0)
        return float(weight @ rates / tail)

    def clause(self, posed: Posed, state: Any) -> Clause:
        """A threshold, the excess over it, and their mean; rates in units of the mean exposure."""
        import cvxpy as cp

        weight, n = exposure(self.by, posed.problem), posed.problem.n
        mean = float(weight.mean()) if n else 1.0
        rate = cp.multiply(mean / weight, posed.x)
        threshold, over = cp.Variable(name="t"), cp.Variable(n, name="over")
        unit = posed.unit / mean
        bound = threshold + cp.sum(over) / ((1.0 - self.level) * n) <= self.bound / unit + posed.slack
        rows = [bound, rate - threshold <= over, over >= 0]
        return Clause(self.name, rows, self.latex, self.reading, -1.0, unit, [1.0, 0.0, 0.0])

    def __str__(self) -> str:
        what = f"burden per {self.by}" if self.by else "burden"
        return f"mean {what} of the worst-hit {1 - self.level:.0%} at most {self.bound:,.6g}"
