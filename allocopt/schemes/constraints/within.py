"""Nobody's share departs from a reference by more than a stated fraction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from allocopt.facts.checks import Array, number
from allocopt.facts.problem import LossProblem
from allocopt.maths.program import Clause
from allocopt.schemes.constraints.base import Constraint, Posed, called


@dataclass(frozen=True, eq=False)
class Within(Constraint):
    r"""Every share lies within a fraction of the share a reference gives.

    .. math:: |x_i - q_i| \le \delta\, q_i \quad (i = 1, \dots, n)

    ``of`` is a scheme, its name, or a Series of shares :math:`q_i`; by default the reference of the program it is used
    in. :math:`\delta \ge 0` is a fraction: 0.1 lets a share move by a tenth. A payer whom the reference spares stays
    spared.
    """

    name = "deviation"
    latex = r"|x_i - q_i| \le \delta\, q_i \quad (i = 1, \dots, n)"
    reading = "what a wider allowed departure from the reference would change the cost by"

    bound: float
    of: Any = None

    def __post_init__(self) -> None:
        number(self.bound, "the fraction of within")

    @property
    def limit(self) -> float:
        """The bound, a fraction of each reference share."""
        return self.bound

    def _target(self, problem: LossProblem, reference: Array) -> Array:
        from allocopt.schemes.fair import shares_of

        return reference if self.of is None else shares_of(self.of, problem)

    def measure(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """The largest relative departure; infinite when somebody the reference spares pays."""
        target = self._target(problem, reference)
        off = np.abs(shares - target)
        paying = target > 0
        if (off[~paying] > 1e-12 * problem.loss).any():
            return np.inf
        return float((off[paying] / target[paying]).max(initial=0.0))

    def excess(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """The largest breach in currency, relative to the loss."""
        target = self._target(problem, reference)
        return float(max((np.abs(shares - target) - self.bound * target).max(initial=0.0), 0.0)) / (problem.loss or 1.0)

    def clause(self, posed: Posed, state: Any) -> Clause:
        """Two rows per payer; a slack is a fraction as the bound is, an amount for whom the reference spares."""
        target = self._target(posed.problem, posed.reference) / posed.unit
        room = self.bound * target + posed.slack * np.where(target > 0, target, 1.0)
        rows = [posed.x - target <= room, target - posed.x <= room]
        return Clause(self.name, rows, self.latex, self.reading, -1.0, 1.0, [target, target])

    def __str__(self) -> str:
        of = "" if self.of is None else f" of {called(self.of)}"
        return f"within {self.bound:.0%}{of}"
