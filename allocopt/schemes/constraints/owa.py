"""An ordered weighted sum of the burdens, the heaviest first, stays below a bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number
from allocopt.facts.problem import LossProblem
from allocopt.maths.program import Clause
from allocopt.schemes.constraints.base import Constraint, Posed, exposure, typical_rate


@dataclass(frozen=True, eq=False)
class OwaAtMost(Constraint):
    r"""The ordered weighted sum of the burdens is at most ``bound``: the generalised Gini of those who state weights.

    .. math:: \sum_k a_k\, r_{(k)} \le k_0, \qquad r_{(1)} \ge r_{(2)} \ge \dots \ge r_{(n)}, \qquad r_i = x_i / w_i

    ``weights`` :math:`a_1 \ge \dots \ge a_n`, one for each payer, the first for the heaviest burden. Without ``by`` the
    burdens are amounts and ``bound`` is in currency; with it they are rates, in currency per unit of the column.
    Non-increasing weights make it convex: a sum over :math:`k` of :math:`(a_k - a_{k+1})` times the :math:`k` largest,
    each a threshold and the excess over it. Increasing weights would reward inequality, are not convex and are refused.

    Source: Ogryczak and Sliwinski, European Journal of Operational Research 148, 2003, 80-91.
    """

    name = "owa"
    latex = r"\sum_k a_k\, r_{(k)} \le k_0"
    reading = "what a higher allowed ordered sum would change the cost by"

    bound: float
    weights: Sequence[float]
    by: str | None = None

    def __post_init__(self) -> None:
        number(self.bound, "the bound of owa_at_most")
        given = tuple(number(a, f"weight {k} of owa_at_most") for k, a in enumerate(self.weights))
        rise = next((k for k in range(1, len(given)) if given[k] > given[k - 1]), None)
        if rise is not None:
            raise DataError(
                f"weight {rise} of owa_at_most is {given[rise]:g} after {given[rise - 1]:g}; "
                "weights must not increase from the heaviest burden to the lightest, or the bound is not convex"
            )
        object.__setattr__(self, "weights", given)

    @property
    def limit(self) -> float:
        """The bound, in currency or in currency per unit of ``by``, times the unit of the weights."""
        return self.bound

    def _weights(self, problem: LossProblem) -> Array:
        if len(self.weights) != problem.n:
            raise DataError(f"owa_at_most has {len(self.weights)} weights for {problem.n} payers; give one for each")
        return np.asarray(self.weights, dtype=np.float64)

    def size(self, problem: LossProblem) -> float:
        """The mean rate times the sum of the weights."""
        return typical_rate(self.by, problem) * (sum(self.weights) or 1.0)

    def measure(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """Sort and weigh."""
        return float(self._weights(problem) @ np.sort(shares / exposure(self.by, problem))[::-1])

    def clause(self, posed: Posed, state: Any) -> Clause:
        """A threshold and the excess over it for every place at which the weights fall."""
        import cvxpy as cp

        n, weight = posed.problem.n, exposure(self.by, posed.problem)
        mean, scale = float(weight.mean()), self.weights[0] or 1.0
        fall = -np.diff(self._weights(posed.problem), append=0.0) / scale
        places = np.flatnonzero(fall[:-1] > 0)
        rate = cp.multiply(mean / weight, posed.x)
        form: Any = fall[-1] * cp.sum(rate)
        rows = []
        if len(places):
            threshold, over = cp.Variable(len(places), name="t"), cp.Variable((len(places), n), name="over")
            form = form + (fall[places] * (places + 1)) @ threshold + fall[places] @ cp.sum(over, axis=1)
            rows = [cp.reshape(rate, (1, n), order="C") - cp.reshape(threshold, (len(places), 1), order="C") <= over,
                    over >= 0]  # fmt: skip
        unit = posed.unit / mean * scale
        bound = form <= self.bound / unit + posed.slack
        return Clause(self.name, [bound, *rows], self.latex, self.reading, -1.0, unit, [1.0, *([0.0] * len(rows))])

    def __str__(self) -> str:
        return f"ordered sum of burden{f's per {self.by}' if self.by else 's'} at most {self.bound:,.6g}"
