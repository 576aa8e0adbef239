"""Rules with an exact algorithm and no single price: the answer, a second road to it, and a program that has it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.maths.exact import Ratio, ratios
from allocopt.maths.program import Clause, Program
from allocopt.schemes.base import Scheme, left_over, single_point, tidied
from allocopt.schemes.one_price import CLAUSES, READINGS


@dataclass(frozen=True, eq=False, kw_only=True)
class ExactRule(Scheme):
    r"""A claims rule :math:`R(E, d)` that divides an amount :math:`E` among claims :math:`d` by an algorithm.

    ``reading="burden"`` divides the loss, :math:`x = R(L, c)`; ``reading="payout"`` divides what is left and charges
    the rest of the cap, :math:`x = c - R(C - L, c)`. The price of the loss is not defined (NaN): no cost is being
    minimised whose slope it could be. The certificate recomputes the shares on a second road.
    """

    bounded: ClassVar[bool] = False  # whether infinite claims cannot be cut to the amount without changing the answer
    self_dual: ClassVar[bool] = False  # whether both readings give the same shares, so that the loss can be divided

    reading: str = field(default="burden", metadata={"help": "'burden' divides the loss, 'payout' what is left"})

    def __post_init__(self) -> None:
        if self.reading not in READINGS:
            raise DataError(f"reading is {self.reading!r}; expected 'burden' (who pays) or 'payout' (who is paid)")

    @abstractmethod
    def awards(self, amounts: Array, claims: Array) -> Array:
        """The rule for many questions (S, n) at once; amounts (S) lie above zero and below the sum of the claims."""

    @abstractmethod
    def second_road(self, amount: float, claims: Array) -> Array:
        """The same awards for one question, found differently."""

    @abstractmethod
    def award_program(self, amount: float, claims: Array) -> tuple[Any, Any, list[Clause]]:
        """Objective, awards in units of the amount, and clauses: a convex program whose solution the awards are."""

    def remainders(self, amounts: Array, claims: Array) -> Array:
        """The dual rule: what is left of the claims when all but the amounts is awarded.

        A rule whose awards then come close to the claims states it by its own formula, so that no digit is lost.
        """
        return np.asarray(claims - self.awards(claims.sum(axis=1) - amounts, claims))

    def second_remainders(self, amount: float, claims: Array) -> Array:
        """The same remainders for one question, found differently."""
        return np.asarray(claims - self.second_road(float(claims.sum()) - amount, claims))

    def remainder_program(self, amount: float, claims: Array) -> tuple[Any, Any, list[Clause]]:
        """As ``award_program``, for the remainders; in units of the amount."""
        given = float(claims.sum()) - amount
        cost, awards, clauses = self.award_program(given, claims)
        return cost, claims / amount - awards * (given / amount), clauses

    @property
    def _direct(self) -> bool:
        return self.reading == "burden" or self.self_dual

    def _need_finite(self, problem: LossProblem) -> None:
        endless = np.flatnonzero(np.isinf(problem.caps))
        if len(endless) and (self.bounded or not self._direct):
            raise DataError(
                f"{self.name} ({self.reading} reading) divides the caps themselves, and payer "
                f"{problem.ids[int(endless[0])]!r} has none ({len(endless)} without); state finite caps with cap=..."
            )

    def closed_form(self, problem: LossProblem) -> Allocation:
        """Shares by the exact algorithm."""
        self._need_finite(problem)
        paid = single_point(problem, problem.caps)
        if paid is None:
            rule = self.awards if self._direct else self.remainders
            paid = rule(np.array([problem.loss]), problem.caps[None, :])[0]
        return self._answer(problem, paid, "exact algorithm")

    def solve(self, problem: LossProblem, solvers: tuple[str, ...] | None = None) -> Allocation:
        """Shares by the convex program; where the budget leaves a single point there is nothing to solve."""
        self._need_finite(problem)
        paid = single_point(problem, problem.caps)
        if paid is not None:
            return self._answer(problem, paid, "program (single feasible point)")
        found = self.program(problem).solve(solvers)
        paid = tidied(found.x, problem, problem.caps)
        return self._answer(problem, paid, f"program ({found.solver})", found.trail)

    def program(self, problem: LossProblem) -> Program:
        """The convex program of the awards, or of what they leave, in units of the loss."""
        self._need_finite(problem)
        unit = problem.loss or 1.0
        posed = self.award_program if self._direct or unit >= problem.capacity else self.remainder_program
        cost, x, clauses = posed(unit, problem.caps)
        return Program(cost, x, tuple(clauses), self.objective, unit, unit)

    def batch(self, losses: Array, keys: Array | None, caps: Array) -> Array:
        """Shares for many losses in one call."""
        caps = np.broadcast_to(caps, (len(losses), caps.shape[-1]))
        total = caps.sum(axis=1)
        paid = np.where((losses > 0)[:, None], np.minimum(caps, losses[:, None]), 0.0)
        paid[losses >= total] = caps[losses >= total]
        some = (losses > 0) & (losses < total)
        if some.any():
            c, L = caps[some], losses[some]
            paid[some] = (self.awards if self._direct else self.remainders)(L, c)
        return paid

    def exact(self, loss: Fraction, caps: Sequence[Fraction]) -> tuple[Fraction, ...] | None:
        """Shares without rounding: the same algorithm on fractions; None when it knows floats only."""
        cap, total = ratios(caps), sum(caps, Fraction(0))
        if not 0 < loss < total:
            return tuple(ratios(caps if loss > 0 else [0] * len(cap)))
        try:
            awards = self.exact_awards(Ratio(loss if self._direct else total - loss), cap)
        except (TypeError, AttributeError):  # what numpy raises for a function that fractions do not have
            return None
        return tuple(ratios(awards if self._direct else cap - awards))

    def exact_awards(self, amount: Any, claims: Any) -> Any:
        """The awards of one question on fractions, by the same lines as in floats unless a rule says otherwise."""
        return self.awards(ratios([amount]), claims[None, :])[0]

    def _answer(self, problem: LossProblem, paid: Array, method: str, notes: tuple[str, ...] = ()) -> Allocation:
        residual = left_over(problem, paid, problem.caps)
        return Allocation(problem, paid, residual, float("nan"), {}, method, self, self._evidence, notes)

    def _evidence(self, answer: Allocation) -> Certificate:
        """Budget and caps, and the distance to the shares found on the second road."""
        problem, paid = answer.problem, answer.paid
        loss = problem.loss or 1.0
        budget = abs(float(paid.sum()) + answer.residual - problem.loss) / loss
        bounds = float(max((paid - problem.caps).max(initial=0.0), (-paid).max(initial=0.0))) / loss
        again = single_point(problem, problem.caps)
        if again is None:
            again = (self.second_road if self._direct else self.second_remainders)(problem.loss, problem.caps)
        off = float(np.abs(paid - again).max(initial=0.0)) / loss
        return Certificate(max(budget, bounds), off, 0.0, "exact algorithm", "a second road leads to the same shares")


def nearest_to(awards: Array, amount: float, claims: Array) -> tuple[Any, Any, list[Clause]]:
    """The feasible division nearest to given awards, in units of the amount."""
    import cvxpy as cp

    x = cp.Variable(len(awards), name="x")
    bound = np.flatnonzero(claims <= amount)
    held = [x[bound] <= claims[bound] / amount] if len(bound) else []
    clauses = [
        Clause("budget", [cp.sum(x) == 1.0], *CLAUSES["budget"]),
        Clause("floor", [x >= 0], *CLAUSES["floor"], +1.0, rows=np.arange(len(awards))),
        Clause("cap", held, *CLAUSES["cap"], rows=bound),
    ]
    return 0.5 * cp.sum_squares(x - awards / amount), x, clauses
