"""Inequality of the burden per unit of exposure stays below a Gini bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number
from allocopt.facts.problem import LossProblem
from allocopt.maths.program import Clause
from allocopt.schemes.constraints.base import Constraint, Posed, exposure

# A pair counts as turned when it is off by more than an interior-point answer is; a smaller reversal cannot move the
# index by more than this.
_TURNED = 1e-10
_MOST = 3000  # pairs are held in memory; 3,000 payers make 4.5 million


@dataclass(frozen=True, eq=False)
class GiniAtMost(Constraint):
    r"""The Gini index of the burden per unit of ``by`` is at most ``bound``; without ``by``, of the burdens themselves.

    .. math:: \frac{\sum_{i<j} |w_j x_i - w_i x_j|}{W L} \le g, \qquad W = \textstyle\sum_i w_i

    :math:`w_i` is the exposure (column ``by``, or one for each); :math:`g` in [0, 1]. Zero means exactly pro-rata to
    the exposure. Every absolute value is a linear row as long as the order of the two rates is known, so the program
    starts from the order of the reference and adds a variable only for the pairs that change places: exact, and a few
    thousand rows instead of :math:`n^2`.
    """

    name = "gini"
    latex = r"\frac{1}{W L} \sum_{i<j} |w_j x_i - w_i x_j| \le g"
    reading = "what one more point of allowed inequality would change the cost by"

    bound: float
    by: str | None = None

    def __post_init__(self) -> None:
        number(self.bound, "the bound of gini_at_most", high=1.0)

    @property
    def limit(self) -> float:
        """The bound, a pure number."""
        return self.bound

    def measure(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """The Gini index, by sorting."""
        weight, total = exposure(self.by, problem), float(shares.sum())
        if total <= 0 or problem.n < 2:
            return 0.0
        order = np.argsort(shares / weight, kind="stable")
        w, x = weight[order], shares[order]
        below = np.cumsum(w) - w
        return float(((2 * below + w - w.sum()) * x).sum() / (w.sum() * total))

    def begin(self, problem: LossProblem, reference: Array) -> Any:
        """The order of the rates in the reference, and no pair yet whose order is open."""
        if problem.n > _MOST:
            raise DataError(f"gini_at_most takes up to {_MOST} payers, not {problem.n}; group small payers into one")
        weight = exposure(self.by, problem)
        first, second = np.triu_indices(problem.n, 1)
        sign = np.where(reference[first] * weight[second] >= reference[second] * weight[first], 1.0, -1.0)
        return sign, np.zeros(len(first), dtype=bool)

    def _pairs(self, problem: LossProblem, chosen: Any) -> Any:
        """Rows (w_j x_i - w_i x_j) / W for the chosen pairs."""
        import scipy.sparse as sp

        weight = exposure(self.by, problem)
        weight = weight / weight.sum()
        first, second = (k[chosen] for k in np.triu_indices(problem.n, 1))
        rows = np.arange(len(first))
        entries = np.concatenate((weight[second], -weight[first]))
        return sp.csr_array(
            (entries, (np.tile(rows, 2), np.concatenate((first, second)))), shape=(len(rows), problem.n)
        )

    def clause(self, posed: Posed, state: Any) -> Clause:
        """Known orders enter as one linear form, open ones as variables above both signs."""
        import cvxpy as cp

        sign, open_pairs = state
        covered = min(posed.problem.loss, posed.problem.capacity) / posed.unit
        settled = ~open_pairs
        form = (sign[settled] @ self._pairs(posed.problem, settled)) @ posed.x
        rows = []
        if open_pairs.any():
            gap = cp.Variable(int(open_pairs.sum()), name="gap")
            difference = self._pairs(posed.problem, open_pairs) @ posed.x
            rows = [difference <= gap, -difference <= gap]
            form = form + cp.sum(gap)
        bound = form / covered <= self.bound + posed.slack
        slopes: list[Any] = [1.0, *([0.0] * len(rows))]
        return Clause(self.name, [bound, *rows], self.latex, self.reading, -1.0, 1.0, slopes)

    def refine(self, shares: Array, problem: LossProblem, state: Any) -> Any:
        """Open the pairs whose order the answer has turned round."""
        sign, open_pairs = state
        turned = ~open_pairs & (sign * (self._pairs(problem, slice(None)) @ shares) < -_TURNED * problem.loss)
        return (sign, open_pairs | turned) if turned.any() else None

    def __str__(self) -> str:
        return f"gini of {'burden per ' + self.by if self.by else 'burdens'} at most {self.bound:g}"
