"""No group bears a rate more than so many times that of another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number
from allocopt.facts.problem import LossProblem
from allocopt.maths.program import Clause
from allocopt.schemes.constraints.base import Constraint, Posed, exposure


@dataclass(frozen=True, eq=False)
class GroupRatioAtMost(Constraint):
    r"""For every two groups the burden per unit of ``by`` differs by a factor of at most ``bound``.

    .. math:: \frac{x(G)}{w(G)} \le \rho\, \frac{x(H)}{w(H)} \quad \text{for all groups } G \ne H

    Groups are the labels in column ``group`` (small and large, house and client); :math:`w` is the exposure ``by``, or
    a head count; :math:`\rho \ge 1`.
    """

    name = "group ratio"
    latex = r"\frac{x(G)}{w(G)} \le \rho\, \frac{x(H)}{w(H)} \quad (G \ne H)"
    reading = "what a larger allowed ratio between groups would change the cost by"

    bound: float
    group: str = "size"
    by: str | None = None

    def __post_init__(self) -> None:
        number(self.bound, "the bound of group_ratio_at_most", low=1.0)

    @property
    def limit(self) -> float:
        """The bound, a pure number."""
        return self.bound

    def _rates(self, problem: LossProblem) -> Array:
        """One row per group: shares times the row give the group's rate."""
        weight, labels = exposure(self.by, problem), problem.labels(self.group)
        if labels.isna().any():
            raise DataError(
                f"column {self.group!r} of payer {labels.index[labels.isna()][0]!r} is empty; name its group"
            )
        codes = labels.astype("category").cat.codes.to_numpy()
        member = codes[None, :] == np.arange(codes.max(initial=-1) + 1)[:, None]
        return np.asarray(member / (member @ weight)[:, None], dtype=np.float64)

    def measure(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """The largest rate over the smallest; infinite when one group pays and another does not."""
        rates = self._rates(problem) @ shares
        if len(rates) < 2 or rates.max() <= 0:
            return 1.0
        return float(rates.max() / rates.min()) if rates.min() > 0 else np.inf

    def excess(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """How far the highest rate is above the bound times the lowest, relative to the mean rate."""
        rates = self._rates(problem) @ shares
        if len(rates) < 2 or rates.max() <= 0:
            return 0.0
        return max(float(rates.max() - self.bound * rates.min()) / float(rates.mean()), 0.0)

    def clause(self, posed: Posed, state: Any) -> Clause:
        """One row for each ordered pair of groups, in units of the mean rate."""
        weight = exposure(self.by, posed.problem)
        rates = self._rates(posed.problem) * float(weight.sum()) @ posed.x
        groups = rates.size
        pairs = [(g, h) for g in range(groups) for h in range(groups) if g != h]
        rows = [rates[g] <= self.bound * rates[h] + posed.slack for g, h in pairs]
        return Clause(self.name, rows, self.latex, self.reading, -1.0, 1.0, [rates[h] for _, h in pairs])

    def __str__(self) -> str:
        return f"ratio of burden per {self.by or 'head'} between groups of {self.group} at most {self.bound:g}"
