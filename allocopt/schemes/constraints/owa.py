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

_TURNED = 1e-10  # of the mean rate: a smaller reversal is an interior point's dust and moves the sum by no more
_MOST = 200  # payers; 150 took 16 seconds when two places in three were open, and the work grows with the square


@dataclass(frozen=True, eq=False)
class OwaAtMost(Constraint):
    r"""The ordered weighted sum of the burdens is at most ``bound``: the generalised Gini of those who state weights.

    .. math:: \sum_k a_k\, r_{(k)} \le k_0, \qquad r_{(1)} \ge r_{(2)} \ge \dots \ge r_{(n)}, \qquad r_i = x_i / w_i

    ``weights`` :math:`a_1 \ge \dots \ge a_n`, one for each payer, the first for the heaviest burden. Without ``by`` the
    burdens are amounts and ``bound`` is in currency; with it they are rates, in currency per unit of the column.
    Non-increasing weights make it convex: a sum over :math:`k` of :math:`(a_k - a_{k+1})` times the :math:`k` largest,
    each a threshold and the excess over it, posed only where the order of the reference turns round. Increasing weights
    would reward inequality, are not convex and are refused.

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

    def _falls(self, problem: LossProblem) -> Array:
        """By how much the weight falls after each place, in units of the first weight."""
        return -np.diff(self._weights(problem), append=0.0) / (self.weights[0] or 1.0)

    def begin(self, problem: LossProblem, reference: Array) -> Any:
        """The order of the rates in the reference, and no place yet at which the order is open."""
        if problem.n > _MOST:
            raise DataError(f"owa_at_most takes up to {_MOST} payers, not {problem.n}; group small payers into one")
        order = np.argsort(-reference / exposure(self.by, problem), kind="stable")
        return order, np.zeros(problem.n, dtype=np.bool_)

    def refine(self, shares: Array, problem: LossProblem, state: Any) -> Any:
        """Open the places at which those who stand first are no longer the heaviest."""
        order, open_places = state
        rates = shares / exposure(self.by, problem)
        short = np.cumsum(np.sort(rates)[::-1]) - np.cumsum(rates[order])
        turned = ~open_places & (self._falls(problem) > 0) & (short > _TURNED * typical_rate(self.by, problem))
        turned[-1:] = False
        return (order, open_places | turned) if turned.any() else None

    def clause(self, posed: Posed, state: Any) -> Clause:
        """Where the order is known a linear form; where it is open a threshold and the excess over it."""
        import cvxpy as cp

        order, open_places = state
        n, weight, fall = posed.problem.n, exposure(self.by, posed.problem), self._falls(posed.problem)
        mean = float(weight.mean())
        rate = cp.multiply(mean / weight, posed.x)
        settled = np.zeros(n)
        settled[order] = np.cumsum(np.where(open_places, 0.0, fall)[::-1])[::-1]
        form: Any = settled @ rate
        rows = []
        places = np.flatnonzero(open_places)
        if len(places):
            threshold, over = cp.Variable(len(places), name="t"), cp.Variable((len(places), n), name="over")
            form = form + (fall[places] * (places + 1)) @ threshold + fall[places] @ cp.sum(over, axis=1)
            line, column = cp.reshape(rate, (1, n), order="C"), cp.reshape(threshold, (len(places), 1), order="C")
            rows = [line - column <= over, over >= 0]
        unit = posed.unit / mean * (self.weights[0] or 1.0)
        bound = form <= self.bound / unit + posed.slack
        return Clause(self.name, [bound, *rows], self.latex, self.reading, -1.0, unit, [1.0, *([0.0] * len(rows))])

    def __str__(self) -> str:
        return f"ordered sum of burden{f's per {self.by}' if self.by else 's'} at most {self.bound:,.6g}"
