"""What payers keep is no more unequal than an Atkinson bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number
from allocopt.facts.problem import LossProblem
from allocopt.maths.program import Clause
from allocopt.schemes.constraints.base import Constraint, Posed


@dataclass(frozen=True, eq=False)
class AtkinsonAtMost(Constraint):
    r"""The Atkinson index of what payers keep (their wealth less their burden) is at most ``bound``.

    .. math:: 1 - \frac{1}{\bar y} \Bigl(\frac1n \sum_i y_i^{1 - \epsilon}\Bigr)^{1/(1 - \epsilon)} \le A,
       \qquad y_i = v_i - x_i

    :math:`v_i` is the column ``wealth``, or the cap when none is named; :math:`\epsilon > 0` is the aversion to
    inequality (at 1 the power mean is the geometric mean); :math:`A` is above 0 and below 1. Power cones, exponential
    cones at :math:`\epsilon = 1`. Nobody may bear more than its wealth.

    The index is for goods, never for burdens: of burdens it would call it unfair that somebody pays little, and with
    :math:`\epsilon \ge 1` one payer who pays nothing would make it 1 whatever the others pay. So ``DataError`` is
    raised when caps are infinite and no wealth is named; for burdens use ``kolm_pollak_at_most``.
    """

    name = "atkinson"
    latex = (
        r"1 - \frac{1}{\bar y} \Bigl(\frac1n \sum_i y_i^{1 - \epsilon}\Bigr)^{1/(1 - \epsilon)} \le A,\ y_i = v_i - x_i"
    )
    reading = "what a higher allowed inequality of what is kept would change the cost by"
    cone = "power"  # exponential at epsilon 1
    strict = True

    bound: float
    epsilon: float
    wealth: str | None = None

    def __post_init__(self) -> None:
        number(self.bound, "the bound of atkinson_at_most", high=1.0)
        if self.bound in (0.0, 1.0):
            raise DataError(f"the bound of atkinson_at_most is {self.bound:g}; expected a value between 0 and 1")
        if number(self.epsilon, "the epsilon of atkinson_at_most") == 0:
            raise DataError("the epsilon of atkinson_at_most is 0, which no division breaks; give more, such as 0.5")
        if self.epsilon == 1:
            object.__setattr__(self, "cone", "exponential")

    @property
    def limit(self) -> float:
        """The bound, a pure number."""
        return self.bound

    def _had(self, problem: LossProblem) -> Array:
        had = problem.caps if self.wealth is None else problem.column(self.wealth)
        if np.isinf(had).any():
            payer = problem.ids[int(np.flatnonzero(np.isinf(had))[0])]
            raise DataError(
                f"atkinson_at_most judges what payers keep, and payer {payer!r} has no cap to keep anything of; name "
                "wealth=... (on the burdens themselves the index is 1 as soon as somebody pays nothing: for those "
                "use kolm_pollak_at_most)"
            )
        return had

    def measure(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """The index of what is kept; infinite when somebody bears more than it has."""
        had = self._had(problem)
        kept = had - shares
        if (kept < -1e-9 * problem.loss).any():
            return np.inf
        kept = np.maximum(kept, 0.0)
        if not kept.any():
            return 0.0
        kept = kept / kept.mean()
        if self.epsilon >= 1 and (kept == 0).any():
            return 1.0
        if self.epsilon == 1:
            return max(-float(np.expm1(np.log(kept).mean())), 0.0)
        mean = np.power(np.power(kept, 1.0 - self.epsilon).mean(), 1.0 / (1.0 - self.epsilon))
        return max(1.0 - float(mean), 0.0)

    def clause(self, posed: Posed, state: Any) -> Clause:
        """The power mean of what is kept over its mean, which the budget fixes."""
        import cvxpy as cp

        problem, n = posed.problem, posed.problem.n
        had = self._had(problem) / posed.unit
        if self.epsilon >= 1 and (had == 0).any():
            payer = problem.ids[int(np.flatnonzero(had == 0)[0])]
            raise DataError(
                f"atkinson_at_most with epsilon {self.epsilon:g}: payer {payer!r} has no wealth, so the index is 1 "
                "whatever is paid; drop the payer or choose epsilon below 1"
            )
        # Who has nothing keeps nothing: left out of the cones, whose corner at zero costs the solver its digits.
        some = np.flatnonzero(had > 0)
        kept = (had[some] - posed.x[some]) * (n / max(float(had.sum()) - 1.0, np.finfo(float).tiny))
        power, rest = 1.0 - self.epsilon, 1.0 - self.bound
        if power == 0:
            rows = [-cp.sum(cp.log(kept)) / n <= -np.log(rest) + posed.slack]
            slopes: list[Any] = [1.0 / rest]
        elif power > 0:
            lifted = cp.Variable(len(some), name="lifted")
            cone = cp.PowCone3D(kept, np.ones(len(some)), lifted, power)
            rows = [-cp.sum(lifted) / n <= -(rest**power) + posed.slack, cone, posed.x <= had]
            slopes = [power * rest ** (power - 1.0), np.zeros(len(some)), 0.0]
        else:
            lifted = cp.Variable(n, name="lifted")
            cone = cp.PowCone3D(lifted, kept, np.ones(n), 1.0 / (1.0 - power))
            rows = [cp.sum(lifted) / n <= rest**power + posed.slack, cone]
            slopes = [-power * rest ** (power - 1.0), np.zeros(n)]
        return Clause(self.name, rows, self.latex, self.reading, -1.0, 1.0, slopes)

    def __str__(self) -> str:
        return f"atkinson (epsilon {self.epsilon:g}) of {self.wealth or 'cap'} less burden at most {self.bound:g}"
