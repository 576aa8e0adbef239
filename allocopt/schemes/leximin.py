"""The largest burden rate is made as small as it can be, then the second largest, and so on."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError, InfeasibleError, SolverError
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.maths.lexicographic import PROVEN, Leximax, leximax
from allocopt.maths.program import Answer, Clause, Program
from allocopt.schemes.base import Scheme, left_over, single_point, tidied
from allocopt.schemes.conflict import MET, no_choice
from allocopt.schemes.constrained_equal_losses import ConstrainedEqualLosses
from allocopt.schemes.constraints.base import Constraint, Posed
from allocopt.schemes.fair import Fair
from allocopt.schemes.keys import key_name, key_values, per_weight
from allocopt.schemes.one_price import CLAUSES, OnePrice
from allocopt.schemes.pro_rata import ProRata

_FULL = 1e-9  # fraction of the loss within which a share counts as being at its cap: what a program leaves

_WORST = (r"r_i \le t \quad (i \text{ open})", "how much of the common level this payer carries")
_SETTLED = (r"r_i \le t_i \quad (i \text{ settled})", "what a higher settled rate would change the level by")


@dataclass(frozen=True, eq=False, kw_only=True)
class Leximin(Scheme):
    r"""Nobody's burden rate can be lowered without raising that of somebody whose rate is as high or higher.

    .. math:: \operatorname{lex\,min}_x\ \bigl(r_{(1)}, r_{(2)}, \dots, r_{(n)}\bigr) \quad \text{s.t.} \quad
       \sum_i x_i = L,\ 0 \le x_i \le c_i,\ \text{and each constraint of } \texttt{subject_to}

    :math:`r_{(1)} \ge r_{(2)} \ge \dots` are the rates :math:`r_i = x_i / w_i` in descending order; :math:`w_i` is the
    key ``by`` (a column, a blend, figures of one's own; one for each by default). The worst-off payer comes first: with
    ``of="burden"`` the one with the highest rate, with ``of="residual"`` the one with the least left per key, so that
    :math:`(c_i - x_i) / w_i` is raised, the smallest first. ``leximax`` makes the largest small instead: of burdens
    that is the same rule, of residuals its mirror image. A payer with key zero bears nothing.

    When only budget and caps bind, the answer *is* capped pro-rata (of residuals: constrained equal losses on the key),
    as for every other measure of the spread of one and the same rate, and the closed form says so. With coupling
    constraints (groups, Gini, core, ...) it is a sequence of programs: each lowers the common level of the open rates,
    and the multipliers of its optimum prove which rates can not be lower in any optimum; these are settled and the next
    stage begins, until all are (all at once where a strictly convex constraint binds, for then the optimum is one
    point). The certificate re-checks every level on the shares and carries the worst residual of all stages;
    ``extras["stages"]`` lists them. The prices are those of the first stage: d(largest burden rate)/d(loss) and
    d(largest burden rate)/d(bound) of each constraint; of residuals none is stated.

    Raises ``InfeasibleError`` when the constraints contradict each other.

    >>> from allocopt.schemes.constraints import in_core
    >>> table = pd.DataFrame({"fund": [60.0, 30.0, 10.0], "cap": [10.0, 30.0, 30.0]}, index=["A", "B", "C"])
    >>> problem = LossProblem(30, table, cap="cap")
    >>> Leximin(by="fund").allocate(problem).shares.to_list()
    [10.0, 15.0, 5.0]
    >>> runway = [0, 6, 12, 12, 30, 30, 30, 30]
    >>> even = Leximin(subject_to=[in_core(runway)]).allocate(problem)
    >>> even.shares.round(6).to_list(), even.extras["stages"]["level"].round(6).to_list()[:2]
    ([6.0, 6.0, 18.0], [18.0, 6.0])
    """

    name = "leximin"
    formula = r"x_i = \min(c_i,\ p\, w_i) \text{ when only budget and caps bind}"
    objective = r"\operatorname{lex\,min}_x\ \bigl(r_{(1)}, r_{(2)}, \dots, r_{(n)}\bigr)"
    source = "Ogryczak, Pioro and Tomaszewski (2005), Journal of Telecommunications and Information Technology 3:47-56"

    by: Any = field(default=None, metadata={"help": "column, blend of columns, or one figure per payer; one for each"})
    subject_to: Sequence[Constraint] = field(default=(), metadata={"help": "fairness constraints"})
    of: str = field(default="burden", metadata={"help": "whose rates: 'burden' or 'residual', what is left of the cap"})

    def __post_init__(self) -> None:
        if self.of not in ("burden", "residual"):
            raise DataError(f"of is {self.of!r}; expected 'burden' (what is paid) or 'residual' (what is left)")
        object.__setattr__(self, "subject_to", Fair(subject_to=self.subject_to).subject_to)

    def _weight(self, problem: LossProblem) -> tuple[Array, Array]:
        """Keys, and the caps of those whose key is not zero."""
        if self.of == "residual" and np.isinf(problem.caps).any():
            who = problem.ids[int(np.argmax(np.isinf(problem.caps)))]
            raise DataError(f"{self.name} of residuals: payer {who!r} has no cap to keep any of; state finite caps")
        weight = key_values(self.by, problem, np.ones(problem.n), "by")
        return weight, np.where(weight > 0, problem.caps, 0.0)

    def _plain(self, weight: Array) -> OnePrice:
        """The rule whose answer this is when only budget and caps bind."""
        return ProRata(key=weight) if self.of == "burden" else ConstrainedEqualLosses(key=weight)

    def _lines(self, problem: LossProblem, weight: Array) -> tuple[float, Array]:
        """What is made small, per payer, is sign times share plus offset, over the key; levels are never negative."""
        if self.of == "burden":
            return 1.0, np.zeros(problem.n)
        worst = float(per_weight(problem.caps, weight).max(initial=0.0))
        return 1.0, worst * weight - problem.caps

    def _shown(self, problem: LossProblem, weight: Array, level: float) -> float:
        """A level in the terms of the question: what is left is counted from the best that anybody could keep."""
        sign, _ = self._lines(problem, weight)
        turned = self.of == "residual" and sign > 0
        return float(per_weight(problem.caps, weight).max(initial=0.0)) - level if turned else level

    def _nearest(self, weight: Array) -> Fair:
        """As near to capped pro-rata as the same constraints allow: it knows how to name a contradiction."""
        return Fair(reference=self._plain(weight), subject_to=self.subject_to)

    def closed_form(self, problem: LossProblem) -> Allocation | None:
        """Capped pro-rata, when it meets every constraint: then nothing else binds."""
        weight, able = self._weight(problem)
        base = self._plain(weight).closed_form(problem)
        broken = [c for c in self.subject_to if c.excess(base.paid, problem, base.paid) > MET]
        if broken and single_point(problem, able) is None:
            return None
        if broken:
            raise InfeasibleError(no_choice(broken, base.paid, problem, base.paid))
        price, same = self._slope(problem, base.paid), "capped pro-rata" if self.of == "burden" else base.scheme.name
        return dataclasses.replace(
            base, scheme=self, price=price, duals={"budget": price}, evidence=partial(_as_plain, base=base),
            method=f"closed form ({same}: only budget and caps bind)",
        )  # fmt: skip

    def _slope(self, problem: LossProblem, paid: Array) -> float:
        """What one more unit of loss raises the largest rate by when only budget and caps bind: 1 over open keys."""
        if self.of == "residual":
            return math.nan
        weight, able = self._weight(problem)
        room = float(weight[able - paid > _FULL * problem.loss].sum())
        return 1.0 / room if room > 0 else 0.0

    def solve(self, problem: LossProblem, solvers: tuple[str, ...] | None = None) -> Allocation:
        """The sequence of programs."""
        weight, able = self._weight(problem)
        point = single_point(problem, able)
        target = self._plain(weight).closed_form(problem).paid
        if point is not None:
            answer = self.closed_form(problem)
            assert answer is not None  # a single point is either feasible or reported
            return answer
        try:
            found = self._stages(problem, weight, able, target, solvers)
        except SolverError as failure:
            self._nearest(weight).explain_conflict(problem.replace(cap=able), target, failure)
            raise
        paid = tidied(found.x, problem, able)
        stated = {} if self.of == "residual" else found.prices
        price = stated["budget"] if stated and self.subject_to else self._slope(problem, paid)
        evidence = partial(self._certify, weight=weight, able=able, target=target, found=found.result)
        rows = [
            (
                self._shown(problem, weight, stage.level),
                ", ".join(map(str, problem.ids[found.rows[stage.settled]])),
                stage.residual,
            )
            for stage in found.result.stages
        ]
        stages = pd.DataFrame(rows, columns=["level", "settled", "residual"], index=range(1, len(rows) + 1))
        stages.index.name = "stage"
        solver = "/".join(sorted({stage.solver for stage in found.result.stages}))
        return Allocation(
            problem, paid, left_over(problem, paid, able), price, stated | {"budget": price},
            f"program ({len(rows)} stages, {solver})", self, evidence, (), {"stages": stages},
        )  # fmt: skip

    def program(self, problem: LossProblem) -> Program:
        """The program of the first stage: the largest rate as small as it can be."""
        weight, able = self._weight(problem)
        target = self._plain(weight).closed_form(problem).paid
        states = [c.begin(problem, target) for c in self.subject_to]
        rows = np.flatnonzero(able > 0)
        return _stage(
            problem, weight, able, target, self.subject_to, states, rows, np.ones(len(rows), bool), np.zeros(len(rows)),
            self._lines(problem, weight),
        )  # fmt: skip

    def _stages(
        self, problem: LossProblem, weight: Array, able: Array, target: Array, solvers: tuple[str, ...] | None
    ) -> _Found:
        rows = np.flatnonzero(able > 0)
        mean = float(weight[rows].mean())
        unit = problem.loss / mean
        states = [c.begin(problem, target) for c in self.subject_to]
        first: dict[str, float] = {}
        lines = sign, offset = self._lines(problem, weight)

        def ask(left: Any, levels: Array) -> tuple[Answer, Array, Array, bool]:
            while True:
                posed = _stage(problem, weight, able, target, self.subject_to, states, rows, left, levels / unit, lines)
                answer = posed.solve(solvers)
                more = [c.refine(answer.x, problem, s) for c, s in zip(self.subject_to, states, strict=True)]
                if all(m is None for m in more):
                    break
                states[:] = [s if m is None else m for s, m in zip(states, more, strict=True)]
            if not first:
                own = ("budget", *(c.name for c in posed.clauses[6:]))
                first.update({name: float(np.sum(answer.prices[name])) for name in own if name in answer.prices})
            carried = np.zeros(len(rows))
            carried[left] = -answer.prices["worst"][rows[left]]
            binding = {
                name.split(" (")[0] for name, price in answer.prices.items() if np.abs(price).max() > PROVEN * unit
            }
            unique = any(c.strict and c.name in binding for c in self.subject_to)
            values = (sign * answer.x[rows] + offset[rows]) / weight[rows]
            return answer, values, carried / max(float(carried.sum()), 1e-300), unique

        return _Found(leximax(ask, len(rows), unit if self.of == "residual" else None), rows, first)

    def _certify(self, answer: Allocation, weight: Array, able: Array, target: Array, found: Leximax) -> Certificate:
        """Feasibility and every settled level from the shares alone; optimality from the stages' conic residuals."""
        problem, paid = answer.problem, answer.paid
        loss, rows = problem.loss or 1.0, np.flatnonzero(able > 0)
        excess = {str(c): c.excess(paid, problem, target) for c in self.subject_to}
        budget = abs(float(paid.sum()) + answer.residual - problem.loss) / loss
        bounds = float(max((paid - able).max(initial=0.0), (-paid).max(initial=0.0))) / loss
        sign, offset = self._lines(problem, weight)
        off = float(np.abs(sign * paid[rows] + offset[rows] - found.levels * weight[rows]).max(initial=0.0)) / loss
        worst = max(stage.residual for stage in found.stages)
        return Certificate(
            max(budget, bounds, *excess.values(), 0.0), off, worst, "leximax stages",
            "every constraint holds on the shares, every rate stands at its settled level, and at each stage the "
            "multipliers prove that no feasible shares have a lower level",
            excess
            | {f"level of stage {k}": self._shown(problem, weight, s.level) for k, s in enumerate(found.stages, 1)},
        )  # fmt: skip

    def sentence(self) -> str:
        """The rule in a sentence, with its key."""
        what = "burdens" if self.of == "burden" else "what is left of the caps"
        return f"{super().sentence()} Rates are {what} per {key_name(self.by, 'payer')}."

    @property
    def title(self) -> str:
        """The label, or the name with its key and constraints."""
        if self.label:
            return self.label
        by = f" by {key_name(self.by, '')}" if self.by is not None else ""
        of = " of residuals" if self.of == "residual" else ""
        return f"{self.name}{of}{by}{': ' if self.subject_to else ''}{', '.join(map(str, self.subject_to))}"


@dataclass(frozen=True)
class _Found:
    """What the stages gave: their result, the payers it speaks of, and the slopes of the first level."""

    result: Leximax
    rows: Any
    prices: dict[str, float]

    @property
    def x(self) -> Array:
        return self.result.x


def _as_plain(answer: Allocation, base: Allocation) -> Certificate:
    """Judge the answer as what it is where only budget and caps bind: that of the plain rule, at its price."""
    return base.evidence(dataclasses.replace(answer, price=base.price))


def _stage(
    problem: LossProblem, weight: Array, able: Array, target: Array, constraints: Sequence[Constraint],
    states: list[Any], rows: Any, left: Any, levels: Array, lines: tuple[float, Array],
) -> Program:  # fmt: skip
    """One stage in numbers of order one: amounts in units of the loss, rates in units of loss per mean key."""
    import cvxpy as cp

    unit = problem.loss or 1.0
    x, level = cp.Variable(problem.n, name="x"), cp.Variable(name="t")
    mean = float(weight[rows].mean()) if len(rows) else 1.0
    key = weight / mean
    near, spared = np.flatnonzero((able > 0) & (able <= unit)), np.flatnonzero(able <= 0)
    free, done = rows[left], rows[~left]
    rate = lines[0] * x + lines[1] / unit
    clauses = [
        Clause("budget", [cp.sum(x) == 1.0], *CLAUSES["budget"]),
        Clause("floor", [x >= 0], *CLAUSES["floor"], 1.0, rows=np.arange(problem.n)),
        Clause("cap", [x[near] <= able[near] / unit] if len(near) else [], *CLAUSES["cap"], rows=near),
        Clause(
            "spared", [x[spared] == 0] if len(spared) else [], r"x_i = 0 \text{ where } w_i c_i = 0", "", rows=spared
        ),
        Clause("worst", [rate[free] <= cp.multiply(key[free], level)] if len(free) else [], *_WORST, rows=free),
        Clause("settled", [rate[done] <= key[done] * levels[~left]] if len(done) else [], *_SETTLED, rows=done),
    ]
    for number, (constraint, state) in enumerate(zip(constraints, states, strict=True)):
        clause = constraint.clause(Posed(x, problem, unit, target), state)
        twin = sum(c.name == constraint.name for c in constraints[:number])
        clauses.append(dataclasses.replace(clause, name=f"{clause.name} ({twin + 1})") if twin else clause)
    return Program(level, x, tuple(clauses), r"t", unit, 1.0 / mean)
