"""Everybody gives up the same utility; how much more the large pay is one number, the relative risk aversion."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array, number
from allocopt.facts.problem import LossProblem
from allocopt.maths.program import Clause, Program
from allocopt.maths.sacrifice import clear_sacrifice, sacrifice, supplied, total_sacrifice
from allocopt.schemes.base import Scheme, bill, left_over, position, single_point, tidied
from allocopt.schemes.one_price import CLAUSES, READINGS

# Beyond this the rule is equal losses to six digits, and prices leave the range of floating-point numbers.
STEEPEST = 20.0

# A cone solver sees 1 - x / c, in which a small loss is a small difference: its cost is good to 1e-8 where its shares
# are good to 1e-4. Newton's correction replaces them only if it costs no more than that above them.
_FLAT = 1e-8


@dataclass(frozen=True, eq=False, kw_only=True)
class EqualSacrifice(Scheme):
    r"""Each payer's bill costs it the same utility, when utility has constant relative risk aversion.

    .. math:: \min_x \sum_i \int_0^{x_i} \bigl[u(c_i) - u(c_i - t)\bigr] dt \quad \text{s.t.} \quad \sum_i x_i = L,\
       0 \le x_i \le c_i \qquad\Longrightarrow\qquad u(c_i) - u(c_i - x_i) = p \ \text{ where } x_i < c_i

    with :math:`u'(z) = (z / M)^{-\gamma}`: :math:`c_i` is the cap, which stands for what the payer has,
    :math:`M = \max_j c_j`, both in currency, and :math:`\gamma` is ``rra``. The price :math:`p` is the sacrifice,
    measured in money of the largest payer. One dial from flat to steep: 0 is constrained equal awards, 1 (logarithm) is
    pro-rata to the caps, above 1 the rate rises with the cap, and as it grows the rule tends to constrained equal
    losses. In the payout reading everybody forgoes the same utility of its award, and the price is minus that.

    Raises ``DataError`` when a cap is infinite or ``rra`` is not between 0 and 20.

    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"wealth": [1.0, 2.0, 4.0]}, index=["A", "B", "C"])
    >>> answer = EqualSacrifice(rra=2).allocate(LossProblem(2.5, table, cap="wealth"))
    >>> answer.shares.round(4).to_list(), (answer.shares / table["wealth"]).round(4).to_list()
    ([0.1652, 0.5672, 1.7676], [0.1652, 0.2836, 0.4419])
    """

    name = "equal-sacrifice"
    formula = r"u(c_i) - u(c_i - x_i) = p,\quad u'(z) \propto z^{-\gamma}"
    objective = r"\sum_i \int_0^{x_i} \bigl[u(c_i) - u(c_i - t)\bigr] dt"
    source = "Young (1987), Journal of Public Economics 32:203-214; Young (1988), Journal of Economic Theory 44:321-335"
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

    def __post_init__(self) -> None:
        if self.reading not in READINGS:
            raise DataError(f"reading is {self.reading!r}; expected 'burden' (who pays) or 'payout' (who is paid)")
        number(self.rra, "rra", high=STEEPEST)

    def _divided(self, problem: LossProblem) -> float:
        endless = np.flatnonzero(np.isinf(problem.caps))
        if len(endless):
            raise DataError(
                f"{self.name} ({self.reading} reading) measures sacrifice against the cap, and payer "
                f"{problem.ids[int(endless[0])]!r} has none ({len(endless)} without); state finite caps with cap=..."
            )
        return problem.loss if self.reading == "burden" else max(problem.capacity - problem.loss, 0.0)

    def _turned(self, caps: Array, given: Array) -> Array:
        return given if self.reading == "burden" else caps - given

    def closed_form(self, problem: LossProblem) -> Allocation:
        """Shares by a safeguarded Newton iteration on the one price."""
        return self._found(problem, "closed form")

    def _found(self, problem: LossProblem, method: str) -> Allocation:
        amount = self._divided(problem)
        given, log_price = clear_sacrifice(np.array([amount]), problem.caps, self.rra)
        point = single_point(problem, problem.caps)
        paid = self._turned(problem.caps, given[0]) if point is None else point
        return self._answer(problem, paid, float(np.exp(log_price[0])), method)

    def solve(self, problem: LossProblem, solvers: tuple[str, ...] | None = None) -> Allocation:
        """Shares by the convex program, corrected to rounding; a single feasible point needs no solving."""
        amount, caps = self._divided(problem), problem.caps
        if single_point(problem, caps) is not None:
            return self._found(problem, "program (single feasible point)")
        found = self.program(problem).solve(solvers)
        price = abs(found.prices["budget"]) / float(caps.max())
        paid, method = tidied(found.x, problem, caps), f"program ({found.solver})"
        given, log_price = clear_sacrifice(np.array([amount]), caps, self.rra, np.log([max(price, 1e-300)]))
        near = self._turned(caps, given[0])
        dearer = float((self._costs(caps, given[0]) - self._costs(caps, self._turned(caps, paid))).sum())
        if dearer <= _FLAT * float(np.exp(log_price[0])) * amount:
            paid, price = near, float(np.exp(log_price[0]))
        return self._answer(problem, paid, price, method, found.trail)

    def program(self, problem: LossProblem) -> Program:
        """The integral of the sacrifice in closed form: quadratic, entropy, logarithm or power of what is kept."""
        import cvxpy as cp

        rra, caps, amount = self.rra, problem.caps, self._divided(problem)
        unit = problem.loss or 1.0
        some = np.flatnonzero(caps > 0)
        held, top = caps[some], float(caps.max(initial=0.0)) or 1.0
        # Where little is left, prices are near what the largest sacrifices when it bears the average part; where little
        # is divided, the slopes of the terms are near one.
        part = min(amount / (problem.capacity or 1.0), 0.999)
        scale = max(1.0, float(sacrifice(np.array([part]), rra)[0]))
        weight = held * (held / top) ** (1.0 - rra) / (scale * unit)
        x = cp.Variable(problem.n, name="x")
        shared = cp.multiply(unit / held, x[some])
        cost = weight @ _integral(shared if self.reading == "burden" else 1.0 - shared, rra)
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
        amounts = losses if self.reading == "burden" else np.maximum(caps.sum(axis=1) - losses, 0.0)
        return np.array(self._turned(caps, clear_sacrifice(amounts, caps, self.rra).given))

    def _answer(
        self, problem: LossProblem, paid: Array, price: float, method: str, notes: tuple[str, ...] = ()
    ) -> Allocation:
        money = price * float(problem.caps.max(initial=0.0)) if problem.n else 0.0
        signed = money if self.reading == "burden" else -money
        own = self._own(problem, np.ones(problem.n))
        bound = np.zeros(problem.n)
        if np.isfinite(money):
            bound = np.where(problem.caps > 0, np.minimum(own - money, 0.0), 0.0)
        name, other = ("cap", "floor") if self.reading == "burden" else ("floor", "cap")
        duals = {
            "budget": signed,
            name: pd.Series(bound if name == "cap" else -bound, index=problem.ids, name=name),
            other: pd.Series(0.0, index=problem.ids, name=other),
        }
        residual = left_over(problem, paid, problem.caps)
        return Allocation(problem, paid, residual, signed, duals, method, self, self._evidence, notes)

    def _own(self, problem: LossProblem, fraction: Array) -> Array:
        """Each payer's sacrifice when it gives this part of its cap, in money of the largest."""
        top = float(problem.caps.max(initial=0.0)) or 1.0
        ratio = np.where(problem.caps > 0, problem.caps, top) / top
        with np.errstate(divide="ignore", over="ignore"):
            # in logarithms, since a small payer's marginal utility alone may leave the range of floats
            return np.asarray(top * np.exp(np.log(sacrifice(fraction, self.rra)) - (self.rra - 1.0) * np.log(ratio)))

    def _costs(self, caps: Array, given: Array) -> Array:
        """Each payer's term of the objective, in units of the price."""
        held = np.where(caps > 0, caps, 1.0)
        top = float(caps.max(initial=0.0)) or 1.0
        part = np.clip(given / held, 0.0, 1.0)
        with np.errstate(over="ignore", invalid="ignore"):
            terms = held * (held / top) ** (1.0 - self.rra) * total_sacrifice(part, self.rra)
        return np.where(caps > 0, terms, 0.0)

    def _evidence(self, answer: Allocation) -> Certificate:
        """Budget and caps; what everybody supplies at the price; the cost above the bound that the price proves."""
        problem, caps, loss = answer.problem, answer.problem.caps, answer.problem.loss or 1.0
        amount, top = self._divided(problem), float(problem.caps.max(initial=0.0))
        paid = answer.paid
        budget = abs(float(paid.sum()) + answer.residual - problem.loss) / loss
        primal = max(budget, float(max((paid - caps).max(initial=0.0), (-paid).max(initial=0.0))) / loss)
        kind, statement = "one price", "everybody gives up the same utility, or all it has"
        point = single_point(problem, caps)
        if point is not None:
            off = float(np.abs(paid - point).max(initial=0.0)) / loss
            return Certificate(primal, off, 0.0, kind, statement)
        price = abs(answer.price) / top
        with np.errstate(divide="ignore"):
            best = supplied(float(np.log(price)), caps, self.rra)
        given = self._turned(caps, paid)
        dual = float(np.abs(given - best).max()) / loss
        # By convexity the cost above the bound is at most the difference of sacrifices times the difference of shares.
        moved, held = given - best, np.where(caps > 0, caps, 1.0)
        with np.errstate(invalid="ignore"):
            excess = (self._own(problem, np.clip(given / held, 0.0, 1.0)) / top - price) * moved
        excess = np.where(moved == 0.0, 0.0, excess)
        gap = abs(float(excess.sum())) / (price * max(amount, loss))
        return Certificate(primal, dual, gap, kind, statement)

    def reason(self, allocation: Allocation, payer: Any) -> str:
        """The sacrifice of this payer beside the common one."""
        problem = allocation.problem
        at = position(problem, payer)
        words = [bill(allocation, at), self.sentence()]
        if problem.caps[at] == 0:
            return " ".join([*words, "Its cap is zero, so it pays nothing."])
        given = self._turned(problem.caps, allocation.paid)
        own = float(self._own(problem, np.clip(given / np.where(problem.caps > 0, problem.caps, 1.0), 0.0, 1.0))[at])
        words.append(
            f"Measured in money of the largest payer, with a relative risk aversion of {self.rra:g}, that costs it "
            f"{own:,.6g}; the common price is {abs(allocation.price):,.6g}."
        )
        return " ".join(words)

    @property
    def title(self) -> str:
        """The label, or the name with the aversion and the reading where it differs from the default."""
        return self.label or f"{self.name} {self.rra:g}{' (payout)' if self.reading == 'payout' else ''}"


def _integral(part: Any, rra: float) -> Any:
    """The sum-ready convex expression of ``total_sacrifice``."""
    import cvxpy as cp

    if rra == 0:
        return 0.5 * cp.square(part)
    if rra == 1:
        return part - cp.entr(1.0 - part)
    if rra == 2:
        return -cp.log(1.0 - part) - part
    power = 2.0 - rra
    return part / (1.0 - rra) + (cp.power(1.0 - part, power, approx=False) - 1.0) / ((1.0 - rra) * power)
