"""Payers arrive in random order and each pays what is still open, up to its cap; shares are the average."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array, number
from allocopt.facts.problem import LossProblem
from allocopt.maths.arrival import (
    ENUMERABLE,
    FEW,
    ArrivalResult,
    least_squares_moments,
    random_arrival,
)
from allocopt.maths.arrival_few import few_arrivals
from allocopt.maths.arrival_many import many_arrivals
from allocopt.maths.arrival_some import some_arrivals
from allocopt.maths.arrival_weighted import served, weighted_arrival
from allocopt.maths.exact import ratios
from allocopt.maths.program import Answer, Clause, Program
from allocopt.schemes.base import Scheme, left_over, single_point, tidied
from allocopt.schemes.exact_rule import nearest_to
from allocopt.schemes.keys import key_values
from allocopt.schemes.one_price import CLAUSES, READINGS

_CELLS = 2**20  # worths held at once in a batch: some megabytes
_SIGMAS = 6.0  # two draws that agree are this many standard errors apart once in a thousand million


@dataclass(frozen=True, eq=False, kw_only=True)
class RandomArrival(Scheme):
    r"""The average, over all orders of arrival, of paying what is still open up to one's cap.

    .. math:: x_i = E_\pi \min\bigl(c_i,\ (L - c(\text{those before } i))^+\bigr)

    The Shapley value of the claims game :math:`v(S) = (L - c(N \setminus S))^+`, hence also the solution of the convex
    program :math:`\min_x \sum_S m_{|S|} (v(S) - x(S))^2,\ x(N) = L`, with :math:`1 / m_s = \binom{n-2}{s-1}`, which is
    what ``by="program"`` solves. Exact by a dynamic program when amounts are multiples of a common unit, by enumeration
    for up to 22 payers, otherwise on a fine grid whose error is stated; ``way="sampled"`` draws orders and states the
    standard error of every share. A cap above the loss counts as the loss, so infinite caps are fine. Self-dual: both
    readings give the same shares. The price is known for up to 22 payers, and by program beyond.

    With a ``key`` (weights: a column, a blend or figures) the next to arrive is drawn by its weight among
    those still out: the weighted Shapley value of the claims game. A heavy payer tends to come first and pays first;
    in the payout reading it is paid first, so it bears less. Exact for up to 16 payers (20 with ``way="enumeration"``),
    beyond from drawn orders with the standard error of every share; a weight of zero bears nothing. The program is then
    the least mean squared distance to what is paid over all orders, and the price is not defined (NaN).

    >>> table = pd.DataFrame({"claim": [100.0, 200.0, 300.0]}, index=["A", "B", "C"])
    >>> RandomArrival().allocate(LossProblem(200, table, cap="claim")).shares.round(3).to_list()
    [33.333, 83.333, 83.333]
    """

    name = "random-arrival"
    aliases = ("o-neill", "recursive-completion")
    formula = r"x_i = E_\pi \min\bigl(c_i,\ (L - c(\text{before } i))^+\bigr)"
    objective = r"\sum_{S} m_{|S|} \bigl(v(S) - x(S)\bigr)^2"
    source = (
        "O'Neill (1982), Mathematical Social Sciences 2:345-371; Ruiz, Valenciano and Zarzuelo (1998), GEB 24; with "
        "weights Kalai and Samet (1987), International Journal of Game Theory 16"
    )
    keyed = "key"
    claims = frozenset({
        "equal treatment", "order preservation of burdens", "order preservation of what is left",
        "claim monotonicity", "others oriented claim monotonicity", "loss monotonicity", "supermodularity",
        "linked claim loss monotonicity", "population monotonicity", "null payer", "self duality", "midpoint",
        "homogeneity", "claims truncation invariance", "minimal rights first", "no transfer paradox",
        "lower bound on burdens", "lower bound on what is left", "order preservation under claims variation",
        "order preservation under population variation", "linked loss population monotonicity",
        "bounded impact of transfers",
    })  # fmt: skip

    reading: str = field(default="burden", metadata={"help": "'burden' or 'payout'; the rule is self-dual"})
    way: str = field(default="auto", metadata={"help": "auto, dynamic program, enumeration or sampled"})
    key: Any = field(default=None, metadata={"help": "weights of the draw, column, blend or figures; all alike"})
    permutations: int = field(default=20_000, metadata={"help": "orders to draw when sampled"})
    seed: int | None = field(default=None, metadata={"help": "seed of the draw; sampled only"})

    def __post_init__(self) -> None:
        if self.reading not in READINGS:
            raise DataError(f"reading is {self.reading!r}; expected one of {READINGS}")

    def closed_form(self, problem: LossProblem) -> Allocation:
        """Shares by the exact algorithm that fits, or sampled when asked."""
        if self.key is not None:
            return self._weighted(problem)
        found = random_arrival(problem.loss, problem.caps, self.way, self.permutations, self.seed)
        sampled = bool(np.any(found.standard_error))
        price = float("nan")
        if problem.n <= ENUMERABLE and not sampled:
            price = _price(problem, found.values)
        extras = {"standard_error": pd.Series(np.broadcast_to(found.standard_error, problem.n), index=problem.ids)}
        evidence = partial(self._certify, found=found)
        return Allocation(
            problem, found.values, left_over(problem, found.values, problem.caps), price, {"budget": price},
            found.method, self, evidence, (), extras if sampled else {},
        )  # fmt: skip

    def solve(self, problem: LossProblem, solvers: tuple[str, ...] | None = None) -> Allocation:
        """Shares by least squares over coalitions."""
        if single_point(problem, problem.caps) is not None:
            return self.closed_form(problem)
        if self.key is not None:
            return self._weighted(problem, self.program(problem).solve(solvers))
        found = self.program(problem).solve(solvers)
        price = _price(problem, found.x)
        exact = ArrivalResult(found.x, 0.0, "program", max(found.residuals) * problem.loss)
        evidence = partial(self._certify, found=exact)
        duals = {"budget": price}
        paid = tidied(found.x, problem, problem.caps)
        return Allocation(
            problem, paid, 0.0, price, duals, f"program ({found.solver})", self, evidence, found.trail
        )  # fmt: skip

    def program(self, problem: LossProblem) -> Program:
        """Least squares over coalitions; on the budget its quadratic form is the identity plus a constant."""
        import cvxpy as cp

        if self.key is not None:
            paid = self._weighted(problem).paid
            cost, x, clauses = nearest_to(paid, problem.loss or 1.0, problem.caps)
            unit = problem.loss or 1.0
            return Program(cost, x, tuple(clauses), r"E_\pi\, |x - y_\pi|^2", unit, unit)
        unit = min(problem.loss, problem.capacity) or 1.0
        moments = least_squares_moments(problem.loss, problem.caps)
        x = cp.Variable(problem.n, name="x")
        cost = 0.5 * cp.sum_squares(x - moments.linear / unit)
        return Program(cost, x, (Clause("budget", [cp.sum(x) == 1.0], *CLAUSES["budget"]),), self.objective, unit, unit)

    def borne(self, problem: LossProblem, rows: NDArray[np.intp]) -> tuple[Array, float]:
        """A few shares from the grid alone, each for a small part of the work that all take."""
        if self.key is None and self.way in ("auto", "dynamic program") and single_point(problem, problem.caps) is None:
            found = some_arrivals(problem.loss, problem.caps, rows)
            if found is not None:
                return found, problem.loss
        return super().borne(problem, rows)

    def batch(self, losses: Array, keys: Array | None, caps: Array) -> Array:
        """Shares for many losses in one call, while payers are few or where all rows have the same caps."""
        n = caps.shape[-1]
        if keys is not None and n <= FEW and self.way != "sampled":
            if self.reading == "payout" and ((keys <= 0) & (caps > 0)).any():
                raise DataError("random-arrival in the payout reading: a payer has a claim but a key of zero")
            return self._weighted_many(losses, keys, caps)
        found = self.many(losses, caps) if keys is None and caps.ndim == 1 and n > FEW else None
        if found is not None:
            return found
        if keys is not None or n > FEW or self.way == "sampled":
            return super().batch(losses, keys, caps)
        caps = np.minimum(np.broadcast_to(caps, (len(losses), n)), losses[:, None])
        rows = max(1, _CELLS >> n)
        parts = [few_arrivals(losses[k : k + rows], caps[k : k + rows]) for k in range(0, len(losses), rows)]
        return np.minimum(np.concatenate(parts), caps) if parts else np.zeros((0, n))

    def many(self, losses: Array, caps: Array) -> Array | None:
        """Shares for many losses among the same caps from one pass over the grid, or None where each is found alone."""
        if self.key is not None or self.way not in ("auto", "dynamic program"):
            return None
        return self.batch(losses, None, caps) if len(caps) <= FEW else many_arrivals(losses, caps)

    def exact(self, loss: Fraction, caps: Sequence[Fraction]) -> tuple[Fraction, ...] | None:
        """Shares without rounding, over all coalitions."""
        if len(caps) > FEW or self.key is not None or self.way == "sampled":
            return None
        return tuple(ratios(few_arrivals(ratios([min(loss, sum(caps, Fraction(0)))]), ratios(caps)[None, :])[0]))

    def _weighted(self, problem: LossProblem, solved: Answer | None = None) -> Allocation:
        """Shares with weights, and the certificate of a second road: all sets of those who came before."""
        weights = key_values(self.key, problem, np.ones(problem.n))
        last, caps = self.reading == "payout", np.where(weights > 0, problem.caps, 0.0)
        idle = np.flatnonzero(problem.caps > caps)
        if len(idle) and last:
            raise DataError(
                f"random-arrival in the payout reading: payer {problem.ids[int(idle[0])]!r} has a claim but a key of "
                "zero, so what is left cannot be divided; give it a positive key"
            )
        loss = min(problem.loss, float(caps.sum()))
        draws = int(number(self.permutations, "permutations", low=4))
        single = single_point(problem, caps)

        def drawn(seed: int | None) -> ArrivalResult:
            return weighted_arrival(loss, caps, weights, last, self.way, draws, seed)

        found = drawn(self.seed) if single is None else ArrivalResult(single, 0.0, "closed form", 0.0)
        sampled = bool(np.any(found.standard_error))
        paid, method, notes = np.minimum(found.values, caps), found.method, solved.trail if solved is not None else ()
        if solved is not None:
            paid, method = tidied(solved.x, problem, caps), f"program ({solved.solver})"
        if len(idle):
            notes = (*notes, f"{len(idle)} payers with a cap but a key of zero bear nothing")

        def evidence(answer: Allocation) -> Certificate:
            unit = problem.loss or 1.0
            budget = abs(float(answer.paid.sum()) + answer.residual - problem.loss) / unit
            bounds = float(max((answer.paid - caps).max(initial=0.0), (-answer.paid).max(initial=0.0))) / unit
            allowed: Any = 0.0
            if sampled:
                again = drawn(None if self.seed is None else self.seed + 1)
                second, allowed = again.values, _SIGMAS * np.hypot(found.standard_error, again.standard_error)
            else:
                second = single if single is not None else self._weighted_many(np.array([loss]), weights, caps)[0]
            off = float(np.maximum(np.abs(answer.paid - second) - allowed, 0.0).max(initial=0.0)) / unit
            return Certificate(
                max(budget, bounds), off, found.error / unit, "sampled" if sampled else "all sets of those before",
                "a second draw agrees within its errors; the largest standard error is stated as the gap" if sampled
                else "shares equal the mean over all who can come before, by probability",
            )  # fmt: skip

        extras = {"standard_error": pd.Series(found.standard_error, index=problem.ids)} if sampled else {}
        left = left_over(problem, paid, caps)
        return Allocation(problem, paid, left, float("nan"), {}, method, self, evidence, notes, extras)

    def _weighted_many(self, losses: Array, weights: Array, caps: Array) -> Array:
        """The definition for many losses; payers without a claim or a weight do not disturb the others."""
        shape = (len(losses), caps.shape[-1])
        caps = np.broadcast_to(np.where(weights > 0, caps, 0.0), shape)
        last = self.reading == "payout"
        if weights.ndim == 2:
            rows = [self._weighted_many(losses[[k]], weights[k], caps[k]) for k in range(len(losses))]
            return np.concatenate(rows) if rows else np.zeros(shape)
        asked, some = np.minimum(losses, caps.sum(axis=1)), (caps > 0).any(axis=0)
        cut, out, step = np.minimum(caps, asked[:, None]), np.zeros(shape), max(1, _CELLS >> int(some.sum()))
        for k in range(0, len(losses), step):
            part = slice(k, k + step)
            out[part, some] = served(asked[part], cut[part][:, some], weights[some], last)
        return np.minimum(out, caps)

    def _certify(self, answer: Allocation, found: ArrivalResult) -> Certificate:
        """Budget and caps; the distance to the least-squares solution, found on another road; the stated error."""
        problem = answer.problem
        loss, paid = problem.loss or 1.0, answer.paid
        budget = abs(float(paid.sum()) + answer.residual - problem.loss) / loss
        bounds = float(max((paid - problem.caps).max(initial=0.0), (-paid).max(initial=0.0))) / loss
        off = float(np.abs(paid - _least_squares(problem)).max(initial=0.0)) / loss
        sampled = bool(np.any(found.standard_error))
        return Certificate(
            max(budget, bounds), off, found.error / loss, "sampled" if sampled else "least squares over coalitions",
            "the largest standard error is stated as the gap" if sampled
            else "shares equal the additive worths that fit the claims game best",
        )  # fmt: skip


def _least_squares(problem: LossProblem) -> Array:
    """The minimiser of the least-squares program, by its optimality conditions."""
    point = single_point(problem, problem.caps)
    if point is not None:
        return point
    linear = least_squares_moments(problem.loss, problem.caps).linear
    return np.asarray(linear + (problem.loss - linear.sum()) / problem.n)


def _price(problem: LossProblem, shares: Array) -> float:
    """The multiplier of the budget: the same for every payer at the optimum, so their mean."""
    if single_point(problem, problem.caps) is not None:
        return 0.0
    moments = least_squares_moments(problem.loss, problem.caps)
    return float((shares - moments.linear).mean() + moments.off_diagonal * shares.sum())
