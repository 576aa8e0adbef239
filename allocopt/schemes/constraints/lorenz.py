"""The burdens are at least as equal as a reference by every index that respects the Lorenz order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from allocopt.facts.checks import Array, number
from allocopt.facts.problem import LossProblem
from allocopt.maths.program import Clause
from allocopt.schemes.constraints.base import Constraint, Posed, called, exposure, portions

_MISSING = 1e-10  # fraction of the loss by which a row must be broken before it is added: below is rounding


@dataclass(frozen=True, eq=False)
class LorenzDominates(Constraint):
    r"""The Lorenz curve of the burdens lies nowhere below that of ``reference``.

    .. math:: \sum_i \Bigl(\frac{x_i}{L} - t\, \frac{w_i}{W}\Bigr)^+ \le
       \sum_i \Bigl(\frac{q_i}{\sum_j q_j} - t\, \frac{w_i}{W}\Bigr)^+ + \delta \qquad (t \ge 0)

    ``reference`` is a scheme, its name, or a Series of shares :math:`q_i`; ``by`` the exposure :math:`w_i` (one for
    each by default: then this says that the :math:`k` lightest burdens bear at least what they bear in the reference,
    for every :math:`k`). Both sides are the conjugates of the Lorenz curves. The right-hand side has corners only at
    the reference's own rates, so those :math:`n` values of :math:`t` are enough, and rows are added as they are needed.
    ``bound`` :math:`\delta \ge 0`, a fraction of the loss, lets the curve lie lower by so much. Linear. The reverse, at
    least as *un*equal as a reference, is not convex and does not exist here.
    """

    name = "lorenz"
    latex = (
        r"\sum_i \Bigl(\frac{x_i}{L} - t\, \frac{w_i}{W}\Bigr)^+ \le "
        r"\sum_i \Bigl(\frac{q_i}{\sum_j q_j} - t\, \frac{w_i}{W}\Bigr)^+ + \delta \quad (t \ge 0)"
    )
    reading = "what a Lorenz curve lower by one more part of the loss would change the cost by"

    reference: Any
    by: str | None = None
    bound: float = 0.0

    def __post_init__(self) -> None:
        number(self.bound, "the bound of lorenz_dominates", high=1.0)

    @property
    def limit(self) -> float:
        """The allowed depth, a fraction of the loss."""
        return self.bound

    def _known(self, problem: LossProblem) -> tuple[Array, Array, Array]:
        """Shares of exposure, the reference's rates, and what it bears beyond each of them."""
        from allocopt.schemes.fair import shares_of

        q, target = portions(exposure(self.by, problem)), portions(shares_of(self.reference, problem))
        rates = np.unique(target / q)
        return q, rates, _beyond(target, q, rates)

    def measure(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """The largest depth of the curve below the reference's, measured between the conjugates."""
        q, rates, allowed = self._known(problem)
        p = portions(shares)
        return max(float((_beyond(p, q, rates) - allowed).max(initial=0.0)), 0.0) if p.any() else 0.0

    def begin(self, problem: LossProblem, reference: Array) -> Any:
        """The largest rate of the reference: nobody may bear a higher one."""
        return np.array([len(self._known(problem)[1]) - 1])

    def refine(self, shares: Array, problem: LossProblem, state: Any) -> Any:
        """Every rate beyond which these shares bear too much and which has no row yet."""
        q, rates, allowed = self._known(problem)
        deep = np.flatnonzero(_beyond(portions(shares), q, rates) > allowed + self.bound + _MISSING)
        new = np.setdiff1d(deep, state)
        return np.union1d(state, new) if len(new) else None

    def clause(self, posed: Posed, state: Any) -> Clause:
        """For each rate the excesses over it, and their sum."""
        import cvxpy as cp

        q, rates, allowed = self._known(posed.problem)
        over = cp.Variable((len(state), posed.problem.n), name="over")
        line = cp.reshape(posed.x, (1, posed.problem.n), order="C")
        rows = [
            cp.sum(over, axis=1) <= allowed[state] + self.bound + posed.slack,
            line - rates[state][:, None] * q[None, :] <= over,
            over >= 0,
        ]
        return Clause(self.name, rows, self.latex, self.reading, -1.0, 1.0, [1.0, 0.0, 0.0])

    def __str__(self) -> str:
        within = f" within {self.bound:g} of the loss" if self.bound else ""
        return f"burden{f's per {self.by}' if self.by else 's'} Lorenz-dominate {called(self.reference)}{within}"


def _beyond(p: Array, q: Array, rates: Array) -> Array:
    """What is borne beyond each rate."""
    return np.asarray(np.maximum(p[None, :] - rates[:, None] * q[None, :], 0.0).sum(axis=1))
