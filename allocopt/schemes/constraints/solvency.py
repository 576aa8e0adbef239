"""Nobody is made to bear more than it has: the allocation itself causes no further default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from allocopt.facts.checks import Array, number
from allocopt.facts.problem import LossProblem
from allocopt.maths.program import Clause
from allocopt.schemes.constraints.base import Constraint, Posed


@dataclass(frozen=True, eq=False)
class KeepSolvent(Constraint):
    r"""No payer's share exceeds its equity less a buffer.

    .. math:: x_i \le (1 - b)\, e_i \quad (i = 1, \dots, n)

    :math:`e_i` is the column ``equity``; the buffer :math:`b` in [0, 1] is the fraction that must be left.
    """

    name = "solvency"
    latex = r"x_i \le (1 - b)\, e_i \quad (i = 1, \dots, n)"
    reading = "what more equity of this payer would change the cost by"

    equity: str = "equity"
    buffer: float = 0.0

    def __post_init__(self) -> None:
        number(self.buffer, "the buffer of keep_solvent", high=1.0)

    @property
    def limit(self) -> float:
        """No breach at all."""
        return 0.0

    def size(self, problem: LossProblem) -> float:
        """The loss: breaches are amounts."""
        return problem.loss or 1.0

    def _room(self, problem: LossProblem) -> Array:
        return np.asarray(problem.column(self.equity) * (1.0 - self.buffer))

    def measure(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """The largest amount by which a share exceeds what its payer has."""
        return float(max((shares - self._room(problem)).max(initial=0.0), 0.0))

    def missed(self, shares: Array, problem: LossProblem, reference: Array) -> str:
        """The equity that is missing at the worst-placed payer."""
        short = np.maximum(shares - self._room(problem), 0.0)
        return f"short by {short.max(initial=0.0):,.6g} at the worst-placed of {int((short > 0).sum())} payers"

    def clause(self, posed: Posed, state: Any) -> Clause:
        """One row per payer whose equity could bind; above the loss it cannot."""
        room = self._room(posed.problem) / posed.unit
        near = np.flatnonzero(room <= 1.0)
        held = [posed.x[near] <= room[near] + posed.slack] if len(near) else []
        return Clause(self.name, held, self.latex, self.reading, -1.0, rows=near)

    def __str__(self) -> str:
        left = f" less {self.buffer:.0%}" if self.buffer else ""
        return f"every share within {self.equity}{left}"
