"""The equal burden that would be as bad as the actual ones stays below a bound."""

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
class KolmPollakAtMost(Constraint):
    r"""The Kolm-Pollak equally distributed equivalent of the burdens is at most ``bound``.

    .. math:: \frac1\kappa \log \frac1n \sum_i e^{\kappa r_i} \le k, \qquad r_i = x_i / w_i

    Without ``by`` the burdens are amounts, ``bound`` is in currency and ``kappa`` :math:`> 0`, the aversion to heavy
    burdens, in one over currency; with it both are per unit of the column. The equivalent is at least the mean burden
    and grows from the mean to the largest burden with ``kappa``. Exponential cones. This index, not Atkinson's, is made
    for burdens.

    Source: Sheriff and Maguire, Risk Analysis 2020, doi 10.1111/risa.13562.
    """

    name = "kolm-pollak"
    latex = r"\frac1\kappa \log \frac1n \sum_i e^{\kappa r_i} \le k"
    reading = "what a higher allowed equivalent burden would change the cost by"
    cone = "exponential"
    strict = True

    bound: float
    kappa: float
    by: str | None = None

    def __post_init__(self) -> None:
        number(self.bound, "the bound of kolm_pollak_at_most")
        if number(self.kappa, "the kappa of kolm_pollak_at_most") == 0:
            raise DataError("the kappa of kolm_pollak_at_most is 0, which is the plain mean; give a positive aversion")

    @property
    def limit(self) -> float:
        """The bound, in currency or in currency per unit of ``by``."""
        return self.bound

    def size(self, problem: LossProblem) -> float:
        """The loss for amounts, the mean rate for rates."""
        return typical_rate(self.by, problem)

    def measure(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """The equivalent; the largest burden is taken out first, so that no exponential overflows."""
        if not problem.n:
            return 0.0
        rates = self.kappa * shares / exposure(self.by, problem)
        top = float(rates.max())
        return (top + float(np.log(np.exp(rates - top).mean()))) / self.kappa

    def clause(self, posed: Posed, state: Any) -> Clause:
        """The logarithm of the mean exponential, without its unit."""
        import cvxpy as cp

        weight, n = exposure(self.by, posed.problem), posed.problem.n
        spread = cp.log_sum_exp(cp.multiply(self.kappa * posed.unit / weight, posed.x)) - np.log(n)
        rows = [spread <= self.kappa * self.bound + posed.slack]
        return Clause(self.name, rows, self.latex, self.reading, -1.0, 1.0, [self.kappa])

    def __str__(self) -> str:
        what = f"burden per {self.by}" if self.by else "burden"
        return f"kolm-pollak equivalent {what} (kappa {self.kappa:g}) at most {self.bound:,.6g}"
