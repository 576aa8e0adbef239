"""Everybody gives up the same utility; how much more the large pay is one number, the relative risk aversion."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError, SolverError
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array, number
from allocopt.facts.problem import LossProblem
from allocopt.maths.program import Clause, Program
from allocopt.maths.sacrifice import clear_sacrifice, fractions, sacrifice, shifts, total_sacrifice
from allocopt.maths.sacrifice_program import integral, sacrifice_by_steps
from allocopt.schemes.base import Scheme, bill, left_over, position, single_point, tidied
from allocopt.schemes.keys import key_values
from allocopt.schemes.one_price import CLAUSES, READINGS

# Beyond this the rule is equal losses to six digits, and prices leave the range of floating-point numbers.
STEEPEST = 20.0

# A cone solver sees 1 - x / c, in which a small loss is a small difference: its cost is good to 1e-8 where its shares
# are good to 1e-4. Newton's correction replaces them only if it costs no more than that above them.
_FLAT = 1e-8

_LAST_BITS = 4 * float(np.finfo(np.float64).eps)  # a share this near to what is called for is what is called for


@dataclass(frozen=True, eq=False, kw_only=True)
class EqualSacrifice(Scheme):
    r"""Each payer's bill costs it the same utility, when utility has constant relative risk aversion.

    .. math:: \min_x \sum_i \frac{1}{w_i} \int_0^{x_i} \bigl[u(c_i) - u(c_i - t)\bigr] dt \quad \text{s.t.} \quad
       \sum_i x_i = L,\ 0 \le x_i \le c_i \quad\Longrightarrow\quad u(c_i) - u(c_i - x_i) = w_i p\ (x_i < c_i)

    with :math:`u'(z) = (z / M)^{-\gamma}`: :math:`c_i` is the cap, which stands for what the payer has,
    :math:`M = \max_j c_j`, both in currency, and :math:`\gamma` is ``rra``. The price :math:`p` is the sacrifice,
    measured in money of the largest payer. One dial from flat to steep: 0 is constrained equal awards, 1 (logarithm) is
    pro-rata to the caps, above 1 the rate rises with the cap, and as it grows the rule tends to constrained equal
    losses. With weights :math:`w_i` (``key``, one for each by default) the sacrifice is equal per unit of weight; a
    payer with weight zero bears nothing. In the payout reading everybody forgoes the same utility of its award, and the
    price is minus that. Where the cost is too steep for a cone solver, ``by="program"`` takes quadratic programs.

    Raises ``DataError`` when a cap is infinite or ``rra`` is not between 0 and 20.

    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"wealth": [1.0, 2.0, 4.0]}, index=["A", "B", "C"])
    >>> answer = EqualSacrifice(rra=2).allocate(LossProblem(2.5, table, cap="wealth"))
    >>> answer.shares.round(4).to_list(), (answer.shares / table["wealth"]).round(4).to_list()
    ([0.1652, 0.5672, 1.7676], [0.1652, 0.2836, 0.4419])
    """

    name = "equal-sacrifice"
    keyed = "key"
    formula = r"u(c_i) - u(c_i - x_i) = w_i\, p,\quad u'(z) \propto z^{-\gamma}"
    objective = r"\sum_i \frac{1}{w_i} \int_0^{x_i} \bigl[u(c_i) - u(c_i - t)\bigr] dt"
    source = (
        "Young (1987), Journal of Public Economics 32:203-214; Young (1988), Journal of Economic Theory 44:321-335; "
        "weights: Stovall (2014), Games and Economic Behavior 84:87-110 (asymmetric parametric rules)"
    )
    claims = frozenset({
        "equal treatment", "order preservation of burdens", "order preservation of what is left",
        "claim monotonicity", "others oriented claim monotonicity", "loss monotonicity", "supermodularity",
        "linked claim loss monotonicity", "population monotonicity", "consistency", "null payer", "composition up",
        "homogeneity", "no transfer paradox", "replication invariance",
    })  # fmt: skip

    reading: str = field(default="burden", metadata={"help": "'burden' divides the loss, 'payout' what is left"})
    rra: float = field(
        default=2.0, metadata={"help": "relative risk aversion: 0 equal bills, 1 pro rata, above steeper"}
    )

    key: Any = field(default=None, metadata={"help": "weights: column, blend, or one figure per payer; one for each"})

    def __post_init__(self) -> None:
        if self.reading not in READINGS:
            raise DataError(f"reading is {self.reading!r}; expected 'burden' (who pays) or 'payout' (who is paid)")
        number(self.rra, "rra", high=STEEPEST)

    def _weights(self, problem: LossProblem) -> tuple[Array, Array, Array]:
        """Weights, what each can be charged, and the logarithm of each one's own price over the common one."""
        endless = np.flatnonzero(np.isinf(problem.caps))
        if len(endless):
            raise DataError(
                f"{self.name} ({self.reading} reading) measures sacrifice against the cap, and payer "
                f"{problem.ids[int(endless[0])]!r} has none ({len(endless)} without); state finite caps with cap=..."
            )
        weight = key_values(self.key, problem, np.ones(problem.n))
        able = np.where(weight > 0, problem.caps, 0.0)
        unpaid = np.flatnonzero(able < problem.caps)
        if len(unpaid) and self.reading == "payout":
            raise DataError(
                f"{self.name} in the payout reading: payer {problem.ids[int(unpaid[0])]!r} has a claim but a key of "
                "zero, so what is left cannot be divided; give it a positive key"
            )
        return weight, able, shifts(able, _top(problem.caps), self.rra, weight)

    def _amounts(self, problem: LossProblem, able: Array) -> tuple[float, float]:
        """What the rule divides in the reading asked for, and what stays."""
        other = max(float(able.sum()) - problem.loss, 0.0)
        return (problem.loss, other) if self.reading == "burden" else (other, problem.loss)

    def closed_form(self, problem: LossProblem) -> Allocation:
        """Shares by a safeguarded Newton iteration on the one price."""
        return self._found(problem, "closed form")

    def _found(self, problem: LossProblem, method: str, start: Array | None = None) -> Allocation:
        weight, able, _ = self._weights(problem)
        amount, rest = self._amounts(problem, able)
        found = clear_sacrifice(
            np.array([amount]), problem.caps, self.rra, left=np.array([rest]), weights=weight, start=start
        )
        paid = single_point(problem, able)
        if paid is None:
            paid = (found.given if self.reading == "burden" else found.kept)[0]
        return self._answer(problem, paid, float(np.exp(found.log_price[0])), method)

    def solve(self, problem: LossProblem, solvers: tuple[str, ...] | None = None) -> Allocation:
        """Shares by the convex program, corrected to rounding; where its cost is too steep, by quadratic programs."""
        _, able, shift = self._weights(problem)
        if single_point(problem, able) is not None:
            return self._found(problem, "program (single feasible point)")
        try:
            with np.errstate(divide="ignore", invalid="ignore"):  # the cost is infinite where all is given
                found = self.program(problem).solve(solvers)
        except SolverError:
            return self._stepped(problem, able, shift, solvers)
        price = abs(found.prices["budget"]) / _top(problem.caps)
        near = self._found(problem, f"program ({found.solver})", np.log([max(price, 1e-300)]))
        paid = tidied(found.x, problem, able)
        level = abs(near.price) / _top(problem.caps)
        dearer = float((self._costs(problem, near.paid) - self._costs(problem, paid)).sum())
        if dearer <= _FLAT * level * self._amounts(problem, able)[0]:
            return replace(near, notes=found.trail)
        return self._stepped(problem, able, shift, solvers)

    def _stepped(self, problem: LossProblem, able: Array, shift: Array, solvers: tuple[str, ...] | None) -> Allocation:
        found = sacrifice_by_steps(*self._amounts(problem, able), able, shift, self.rra, solvers)
        paid = np.minimum(found.given if self.reading == "burden" else found.kept, able)
        return self._answer(
            problem, paid, float(np.exp(found.log_price)), f"program ({found.steps} quadratic programs, {found.solver})"
        )

    def program(self, problem: LossProblem) -> Program:
        """The integral of the sacrifice in closed form: quadratic, entropy, logarithm or power of what is kept."""
        import cvxpy as cp

        weights, caps, _ = self._weights(problem)
        rra, amount, unit = self.rra, self._amounts(problem, caps)[0], problem.loss or 1.0
        some = np.flatnonzero(caps > 0)
        held, top = caps[some], _top(problem.caps)
        # Where little is left, prices are near what the largest sacrifices when it bears the average part; where little
        # is divided, the slopes of the terms are near one.
        part = min(amount / (float(caps.sum()) or 1.0), 0.999)
        scale = max(1.0, float(sacrifice(np.array([part]), rra)[0]))
        weight = held * (held / top) ** (1.0 - rra) / (scale * unit * weights[some])
        x = cp.Variable(problem.n, name="x")
        shared = cp.multiply(unit / held, x[some])
        cost = weight @ integral(shared if self.reading == "burden" else 1.0 - shared, rra)
        near = np.flatnonzero(caps <= unit)
        clauses = (
            Clause("budget", [cp.sum(x) == 1.0], *CLAUSES["budget"]),
            Clause("floor", [x >= 0], *CLAUSES["floor"], +1.0, rows=np.arange(problem.n)),
            Clause("cap", [x[near] <= caps[near] / unit] if len(near) else [], *CLAUSES["cap"], rows=near),
        )
        return Program(cost, x, clauses, self.objective, unit, top * scale)

    def batch(self, losses: Array, keys: Array | None, caps: Array) -> Array:
        """Shares for many losses in one call."""
        caps = np.broadcast_to(caps, (len(losses), caps.shape[-1]))
        if np.isinf(caps).any():
            raise DataError(f"{self.name} measures sacrifice against the cap; state finite caps")
        able = caps if keys is None else np.where(np.broadcast_to(keys, caps.shape) > 0, caps, 0.0)
        other = np.maximum(able.sum(axis=1) - losses, 0.0)
        if self.reading == "burden":
            return clear_sacrifice(losses, caps, self.rra, weights=keys).given
        if (able < caps).any():
            raise DataError(f"{self.name} in the payout reading: a payer has a claim but a key of zero")
        found = clear_sacrifice(other, caps, self.rra, left=np.minimum(losses, able.sum(axis=1)), weights=keys)
        return found.kept

    def _answer(
        self, problem: LossProblem, paid: Array, price: float, method: str, notes: tuple[str, ...] = ()
    ) -> Allocation:
        money = price * float(problem.caps.max(initial=0.0)) if problem.n else 0.0
        signed = money if self.reading == "burden" else -money
        able = self._weights(problem)[1]
        bound = np.zeros(problem.n)
        if np.isfinite(money):
            bound = np.where(able > 0, np.minimum(self._own(problem, np.ones(problem.n)) - money, 0.0), 0.0)
        name, other = ("cap", "floor") if self.reading == "burden" else ("floor", "cap")
        duals = {
            "budget": signed,
            name: pd.Series(bound if name == "cap" else -bound, index=problem.ids, name=name),
            other: pd.Series(0.0, index=problem.ids, name=other),
        }
        residual = left_over(problem, paid, able)
        return Allocation(problem, paid, residual, signed, duals, method, self, self._evidence, notes)

    def _own(self, problem: LossProblem, fraction: Array) -> Array:
        """Each payer's sacrifice per weight when it gives this part of its cap, in money of the largest."""
        _, able, shift = self._weights(problem)
        with np.errstate(divide="ignore", over="ignore"):
            # in logarithms, since a small payer's marginal utility alone may leave the range of floats
            own = _top(problem.caps) * np.exp(np.log(sacrifice(fraction, self.rra)) - shift)
        return np.asarray(np.where(able > 0, own, 0.0))

    def _given(self, problem: LossProblem, paid: Array) -> Array:
        """The fraction of each cap that is given, in the reading asked for."""
        part = np.clip(paid / np.where(problem.caps > 0, problem.caps, 1.0), 0.0, 1.0)
        return np.asarray(part if self.reading == "burden" else 1.0 - part)

    def _costs(self, problem: LossProblem, paid: Array) -> Array:
        """Each payer's term of the objective, in units of the price."""
        weight, able, _ = self._weights(problem)
        held = np.where(able > 0, able, 1.0)
        with np.errstate(over="ignore", invalid="ignore"):
            unit = held * (held / _top(problem.caps)) ** (1.0 - self.rra) / np.where(able > 0, weight, 1.0)
            terms = unit * total_sacrifice(self._given(problem, paid), self.rra)
        return np.where(able > 0, terms, 0.0)

    def _evidence(self, answer: Allocation) -> Certificate:
        """Budget and caps; what everybody supplies at the price; the cost above the bound that the price proves."""
        problem, paid, loss = answer.problem, answer.paid, answer.problem.loss or 1.0
        _, able, shift = self._weights(problem)
        budget = abs(float(paid.sum()) + answer.residual - problem.loss) / loss
        primal = max(budget, float(max((paid - able).max(initial=0.0), (-paid).max(initial=0.0))) / loss)
        kind, statement = "one price", "everybody gives up the same utility, or all it has"
        point = single_point(problem, able)
        if point is not None:
            off = float(np.abs(paid - point).max(initial=0.0)) / loss
            return Certificate(primal, off, 0.0, kind, statement)
        price = abs(answer.price) / _top(problem.caps)
        with np.errstate(divide="ignore"):
            parts = fractions(float(np.log(price)), shift, self.rra)
        moved = paid - able * parts[self.reading == "payout"]
        dual = float(np.abs(moved).max()) / loss
        # By convexity the cost above the bound is at most the difference of sacrifices times the difference of shares.
        with np.errstate(invalid="ignore"):
            excess = (self._own(problem, self._given(problem, paid)) / _top(problem.caps) - price) * moved
        excess = np.where(np.abs(moved) <= _LAST_BITS * able, 0.0, excess)
        gap = abs(float(excess.sum())) / (price * max(self._amounts(problem, able)[0], loss))
        return Certificate(primal, dual, gap, kind, statement)

    def reason(self, allocation: Allocation, payer: Any) -> str:
        """The sacrifice of this payer beside the common one."""
        problem = allocation.problem
        at = position(problem, payer)
        words = [bill(allocation, at), self.sentence()]
        if self._weights(problem)[1][at] == 0:
            return " ".join([*words, f"Its {'key' if problem.caps[at] else 'cap'} is zero, so it pays nothing."])
        own = float(self._own(problem, self._given(problem, allocation.paid))[at])
        words.append(
            f"Measured in money of the largest payer, with a relative risk aversion of {self.rra:g}, that costs it "
            f"{own:,.6g}; the common price is {abs(allocation.price):,.6g}."
        )
        return " ".join(words)

    @property
    def title(self) -> str:
        """The label, or the name with the aversion and the reading where it differs from the default."""
        return self.label or f"{self.name} {self.rra:g}{' (payout)' if self.reading == 'payout' else ''}"


def _top(caps: Array) -> float:
    """The largest cap, whose money sacrifices are counted in."""
    return float(caps.max(initial=0.0)) or 1.0
