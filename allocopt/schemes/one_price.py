r"""Rules with one price: every payer supplies what the price of the loss calls for, and one price clears the loss."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.maths.exact import clear_exactly, ratios
from allocopt.maths.price import Supply, clear, residuals
from allocopt.maths.program import Clause, Program
from allocopt.schemes.base import Scheme, bill, figure, left_over, position, single_point, tidied
from allocopt.schemes.keys import key_name, key_values

READINGS = ("burden", "payout")

_LETTERS = "yz"  # the blocks of one payer's share, in the order in which they are asked

CLAUSES = {
    "budget": (r"\sum_i x_i = L", "cost of one more unit of loss"),
    "floor": (r"x_i \ge 0 \quad (i = 1, \dots, n)", "what it would cost to make this payer bear something"),
    "cap": (r"x_i \le c_i \quad (i = 1, \dots, n)", "what a higher cap on this payer would change the cost by"),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class OnePrice(Scheme):
    r"""A rule that minimises a separable cost :math:`\sum_i F_i(x_i)` over budget and caps.

    A subclass states, in :meth:`supply`, at which price each payer starts to pay, how fast its share rises with the
    price, and where it stops; the kernel, the program, the prices, the certificate, the batch and the explanation all
    follow from that one statement. ``reading="payout"`` divides what is *left* (:math:`C - L`) by the same rule and
    charges each payer its cap less its award: the dual rule.
    """

    keyed: ClassVar[str] = ""  # what the key is called; "" when the rule has none
    by_caps: ClassVar[bool] = False  # whether the key is the caps when none is named (otherwise one for everybody)
    key_low: ClassVar[float] = 0.0  # the least a key may be; scores may be negative, weights may not
    bounded: ClassVar[bool] = False  # whether the rule divides the caps themselves and so needs finite ones

    reading: str = field(default="burden", metadata={"help": "'burden' divides the loss, 'payout' what is left"})

    def __post_init__(self) -> None:
        if self.reading not in READINGS:
            raise DataError(f"reading is {self.reading!r}; expected 'burden' (who pays) or 'payout' (who is paid)")

    @abstractmethod
    def supply(self, loss: Array, cap: Array, key: Array) -> Supply:
        """Blocks of supply, shape (..., blocks, n), from the loss (..., 1), caps (..., n) and key (..., n)."""

    def offered(self, loss: Array, cap: Array, key: Array) -> Supply:
        """The supply in the reading asked for."""
        if self.reading == "burden":
            return self.supply(loss, cap, key)
        total = cap.sum(axis=-1, keepdims=True)
        return self.supply(np.maximum(total - loss, 0.0), cap, key).dual()

    def _posed(self, problem: LossProblem) -> Supply:
        cap = problem.caps
        if self.bounded or self.reading == "payout":
            self._need_finite(problem)
        stated = getattr(self, "key", None)
        if stated is None and self.by_caps:
            self._need_finite(problem, f"name a {self.keyed} with {self.keyed}=..., or state finite caps with cap=...")
        default = cap if self.by_caps else np.ones(problem.n)
        key = key_values(stated, problem, default, self.keyed or "key", self.key_low)
        supply = self.offered(np.array([problem.loss]), cap, key)
        if self.reading == "payout":
            unpaid = np.flatnonzero((supply.able.sum(axis=0) == 0) & (cap > 0))
            if len(unpaid):
                raise DataError(
                    f"{self.name} in the payout reading: payer {problem.ids[int(unpaid[0])]!r} has a claim but a "
                    f"{self.keyed} of zero, so what is left cannot be divided; give it a positive {self.keyed}"
                )
        return supply

    def _need_finite(self, problem: LossProblem, remedy: str = "state finite caps with cap=...") -> None:
        endless = np.flatnonzero(np.isinf(problem.caps))
        if len(endless):
            raise DataError(
                f"{self.name} ({self.reading} reading) divides the caps themselves, and payer "
                f"{problem.ids[int(endless[0])]!r} has none ({len(endless)} without); {remedy}"
            )

    def closed_form(self, problem: LossProblem) -> Allocation:
        """Shares by sorted breakpoints, exact, O(n log n)."""
        supply = self._posed(problem)
        given, price = clear(problem.loss, supply)
        return self._answer(problem, supply, given.sum(axis=0), price, "closed form", ())

    def borne(self, problem: LossProblem, rows: NDArray[np.intp]) -> tuple[Array, float]:
        """Shares at the price, without prices of the bounds or evidence."""
        if type(self).closed_form is not OnePrice.closed_form:
            return super().borne(problem, rows)
        paid = np.minimum(clear(problem.loss, self._posed(problem))[0].sum(axis=0), problem.caps)
        return paid[rows], float(paid.sum())

    def solve(self, problem: LossProblem, solvers: tuple[str, ...] | None = None) -> Allocation:
        """Shares by the convex program; where the budget leaves a single point there is nothing to solve."""
        supply = self._posed(problem)
        if single_point(problem, supply.able.sum(axis=0)) is not None:
            given, price = clear(problem.loss, supply)
            method = "program (single feasible point)"
            return self._answer(problem, supply, given.sum(axis=0), price, method, ())
        found = self._program(problem, supply).solve(solvers)
        price = found.prices["budget"] + float(supply.start[supply.able > 0].min())
        duals = _duals(problem, found.prices | {"budget": price})
        paid = tidied(found.x, problem, supply.able.sum(axis=0))
        return self._answer(problem, supply, paid, price, f"program ({found.solver})", found.trail, duals)

    def _answer(
        self, problem: LossProblem, supply: Supply, paid: Array, price: float, method: str,
        notes: tuple[str, ...], duals: Mapping[str, Any] | None = None,
    ) -> Allocation:  # fmt: skip
        able = np.minimum(supply.able.sum(axis=0), problem.caps)
        paid = np.minimum(paid, problem.caps)  # two halves of a cap can add up to one bit more than the cap
        residual = left_over(problem, paid, able)
        idle = int(((problem.caps > 0) & (able == 0)).sum())
        if idle:
            notes = (*notes, f"{idle} payers with a cap but a {self.keyed or 'key'} of zero bear nothing")
        return Allocation(
            problem, paid, residual, float(price), duals or _duals(problem, _prices(supply, price)), method, self,
            partial(certify, supply=supply), notes,
        )  # fmt: skip

    def program(self, problem: LossProblem) -> Program:
        """The convex program, posed in units of the loss."""
        return self._program(problem, self._posed(problem))

    def _program(self, problem: LossProblem, supply: Supply) -> Program:
        import cvxpy as cp

        blocks, n = supply.start.shape
        offers = [np.flatnonzero(supply.able[b] > 0) for b in range(blocks)]
        unit = min(problem.loss, float(supply.able.sum())) or 1.0
        slope = float(supply.weight[supply.able > 0].max(initial=0.0)) or 1.0
        lowest = float(supply.start[supply.able > 0].min(initial=np.inf)) if any(map(len, offers)) else 0.0
        cost: Any = 0
        parts, floors, caps = [], [], []
        for b, rows in enumerate(offers):
            if not len(rows):
                continue
            y = cp.Variable(len(rows), name=f"y{b}")
            start = (supply.start[b, rows] - lowest) * (slope / unit)
            cost += 0.5 * cp.sum_squares(cp.multiply(np.sqrt(slope / supply.weight[b, rows]), y)) + start @ y
            parts.append(_spread(rows, n) @ y)
            label, letter = (f", {supply.labels[b]}", _LETTERS[b]) if blocks > 1 else ("", "x")
            floors.append(_clause("floor", label, [y >= 0], +1.0, rows, letter))
            # A cap above the loss cannot bind; leaving its row out keeps the numbers near one.
            near = np.flatnonzero(supply.cap[b, rows] <= unit)
            held = [y[near] <= supply.cap[b, rows[near]] / unit] if len(near) else []
            caps.append(_clause("cap", label, held, -1.0, rows[near], letter))
        x = sum(parts[1:], start=parts[0]) if parts else cp.Constant(np.zeros(n))
        budget = _clause("budget", "", [cp.sum(x) == 1.0] if parts else [], -1.0, None)
        if blocks > 1:
            whole = " + ".join(f"{letter}_i" for letter in _LETTERS[:blocks])
            budget = replace(budget, latex=rf"{budget.latex}, \quad x_i = {whole}")
        return Program(cost, x, (budget, *floors, *caps), self.stated_objective(), unit, unit / slope)

    def stated_objective(self) -> str:
        """The objective in LaTeX, in the reading asked for."""
        return self.objective if self.reading == "burden" else self.objective.replace("x_i", "(c_i - x_i)")

    def batch(self, losses: Array, keys: Array | None, caps: Array) -> Array:
        """Shares for many losses in one call."""
        from allocopt.maths.batch import clear_many

        key = keys if keys is not None else caps if self.by_caps else np.ones(caps.shape[-1])
        divided = self.bounded or self.reading == "payout" or (keys is None and self.by_caps)
        if divided and np.isinf(caps).any():
            raise DataError(f"{self.name} ({self.reading} reading) divides the caps themselves; state finite caps")
        supply = self.offered(losses[:, None], caps, key)
        if self.reading == "payout" and ((supply.able.sum(axis=-2) == 0) & (caps > 0)).any():
            raise DataError(f"{self.name} in the payout reading: a payer has a claim but a {self.keyed} of zero")
        return clear_many(losses, supply)

    def exact(self, loss: Fraction, caps: Sequence[Fraction]) -> tuple[Fraction, ...] | None:
        """Shares without rounding: the same statement of supply on fractions, one exact price.

        None when the rule has a key of its own, or a supply that no fraction describes (logarithms, roots).
        """
        if getattr(self, "key", None) is not None:
            return None
        cap = ratios(caps)
        key = cap if self.by_caps else ratios([1] * len(cap))
        try:
            return tuple(clear_exactly(loss, self.offered(ratios([loss]), cap, key)))
        except (TypeError, AttributeError):  # what numpy raises for a function that fractions do not have
            return None

    def reason(self, allocation: Allocation, payer: Any) -> str:
        """Price times key, up to the cap: the same numbers that made the share."""
        problem = allocation.problem
        at = position(problem, payer)
        supply = self._posed(problem)
        able, price = supply.able[:, at], allocation.price
        unit = f"{problem.currency} ".lstrip()
        words = [bill(allocation, at), self.sentence()]
        if not able.any():
            words.append(f"Its {'cap' if problem.caps[at] == 0 else self.keyed or 'key'} is zero, so it pays nothing.")
        for b in np.flatnonzero(able > 0):
            start, weight, cap = supply.start[b, at], supply.weight[b, at], supply.cap[b, at]
            name = f"In the {supply.labels[b]} of its claim it" if len(supply.labels) > 1 else "It"
            share = float(np.clip(weight * (price - start), 0.0, able[b]))
            rule = f"{name} pays {figure(weight)} per unit of price above {figure(start)}"
            limit = "with no cap" if np.isinf(cap) else f"up to {unit}{cap:,.2f}"
            bound = "; the cap binds" if share >= cap > 0 else ""
            words.append(f"{rule}, {limit}: at the price {figure(price)} that is {unit}{share:,.2f}{bound}.")
        return " ".join(words)

    def key_label(self) -> str:
        """What the key is, for tables."""
        return key_name(getattr(self, "key", None), "caps" if self.by_caps else "one each")

    @property
    def title(self) -> str:
        """The label, or the name with its key and reading where they differ from the default."""
        if self.label:
            return self.label
        key = getattr(self, "key", None)
        by = f" by {key_name(key, '')}" if key is not None else ""
        return f"{self.name}{by}{' (payout)' if self.reading == 'payout' else ''}"


def certify(answer: Allocation, supply: Supply) -> Certificate:
    """Judge shares and price, whoever found them, against the optimality conditions of the supply."""
    problem = answer.problem
    found = residuals(problem.loss, supply, answer.paid, answer.price)
    whole = abs(float(answer.paid.sum()) + answer.residual - problem.loss) / problem.loss if problem.loss > 0 else 0.0
    return Certificate(
        max(found.primal, whole), found.dual, found.gap, "one price",
        "every payer bears what it supplies at the price of the loss, and the shares add up",
    )  # fmt: skip


def _spread(rows: Any, n: int) -> Any:
    import scipy.sparse as sp

    return sp.csr_array((np.ones(len(rows)), (rows, np.arange(len(rows)))), shape=(n, len(rows)))


def _clause(name: str, label: str, constraints: list[Any], sign: float, rows: Any, letter: str = "x") -> Clause:
    latex, reading = CLAUSES[name]
    if letter != "x":  # the limit of one block is a part of the cap, written with a bar over the block's letter
        latex = latex.replace("x_i", f"{letter}_i").replace("c_i", rf"\bar {letter}_i")
        reading = f"{reading} ({label.lstrip(', ')})"
    return Clause(name + label, constraints, latex, reading, sign, rows=rows)


def _prices(supply: Supply, price: float) -> dict[str, Any]:
    """Prices of budget, floors and caps from stationarity: what the price of the loss leaves unexplained."""
    out: dict[str, Any] = {"budget": float(price)}
    offers = supply.able > 0
    full = np.where(offers, supply.full, np.inf)
    for b, label in enumerate(supply.labels):
        tail = f", {label}" if len(supply.labels) > 1 else ""
        out["floor" + tail] = np.where(offers[b], np.maximum(supply.start[b] - price, 0.0), 0.0)
        out["cap" + tail] = np.where(offers[b], np.minimum(full[b] - price, 0.0), 0.0)
    return out


def _duals(problem: LossProblem, prices: Mapping[str, Any]) -> dict[str, Any]:
    """Prices under their names: a number, or a Series by payer id."""
    import pandas as pd

    return {k: pd.Series(v, index=problem.ids, name=k) if np.ndim(v) else float(v) for k, v in prices.items()}
