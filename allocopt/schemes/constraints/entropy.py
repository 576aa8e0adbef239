"""The divergence of the burdens from an even or an exposure-weighted division stays below a bound."""

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
class _Divergence(Constraint):
    """The Kullback-Leibler divergence of shares of burden from shares of exposure is at most ``bound``."""

    reading = "what one more nat of allowed divergence would change the cost by"
    cone = "exponential"
    strict = True

    bound: float
    by: str | None

    def __post_init__(self) -> None:
        number(self.bound, f"the bound of {self.name}_at_most")
        if self.bound == 0:
            raise DataError(
                f"the bound of {self.name}_at_most is 0, which leaves one division and no finite price; "
                "say gini_at_most(0, by=...), which means the same"
            )

    @property
    def limit(self) -> float:
        """The bound, in nats."""
        return self.bound

    def measure(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """The divergence, with 0 log 0 = 0; terms are each >= 0, so nothing cancels."""
        p, q = portions(shares), portions(exposure(self.by, problem))
        if not p.any():
            return 0.0
        paying = p > 0
        return max(float((p[paying] * np.log(p[paying] / q[paying])).sum() + (q - p).sum()), 0.0)

    def clause(self, posed: Posed, state: Any) -> Clause:
        """One exponential cone per payer."""
        import cvxpy as cp

        q = portions(exposure(self.by, posed.problem))
        rows = [cp.sum(cp.rel_entr(posed.x, q)) <= self.bound + posed.slack]
        return Clause(self.name, rows, self.latex, self.reading, -1.0, 1.0)


@dataclass(frozen=True, eq=False)
class TheilAtMost(_Divergence):
    r"""Theil's index T of the burden per unit of ``by`` is at most ``bound``; without ``by``, of the burdens.

    .. math:: \sum_i \frac{x_i}{L} \log \frac{x_i / L}{w_i / W} \le k

    :math:`k > 0` in nats: 0 would be exactly pro-rata, :math:`\log n` one payer bearing all. A payer who bears nothing
    adds nothing. Exponential cones. A lower bound on inequality is not convex and does not exist here.
    """

    name = "theil"
    latex = r"\sum_i \frac{x_i}{L} \log \frac{x_i / L}{w_i / W} \le k"

    by: str | None = None

    def __str__(self) -> str:
        return f"theil of {'burden per ' + self.by if self.by else 'burdens'} at most {self.bound:g}"


@dataclass(frozen=True, eq=False)
class KlAtMost(_Divergence):
    r"""The Kullback-Leibler divergence of the shares from the exposures ``by`` is at most ``bound``.

    .. math:: \sum_i \frac{x_i}{L} \log \frac{x_i / L}{w_i / W} \le k

    :math:`w_i > 0` is the column ``by``, :math:`k > 0` in nats. The same number as Theil's T by exposure: this name is
    for those who mean a distance from a stated division rather than an inequality.
    """

    name = "kl"
    latex = r"\sum_i \frac{x_i}{L} \log \frac{x_i / L}{w_i / W} \le k"

    by: str

    def __str__(self) -> str:
        return f"divergence of the shares from {self.by} at most {self.bound:g}"
