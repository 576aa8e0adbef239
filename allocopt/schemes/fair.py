"""As near to a reference as stated fairness constraints allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError, InfeasibleError, SolverError, unknown
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array, vector
from allocopt.facts.problem import LossProblem
from allocopt.maths.program import Answer, Clause, Program
from allocopt.schemes.base import Scheme, bill, left_over, position, single_point, tidied
from allocopt.schemes.conflict import MET, contradiction, no_choice
from allocopt.schemes.constraints.base import Constraint, Posed
from allocopt.schemes.constraints.within import Within
from allocopt.schemes.distances import DISTANCES
from allocopt.schemes.one_price import CLAUSES

_LEVEL = 1e-9  # what the second stage of "minimax" may add to the level of the first, as a fraction of it: rounding


def shares_of(reference: Any, problem: LossProblem) -> Array:
    """The shares a reference gives: a scheme, its name, or figures by payer."""
    from allocopt.schemes import resolve

    if isinstance(reference, str | Scheme):
        return resolve(reference).allocate(problem).paid
    return vector(reference, problem.ids, "the reference")


@dataclass(frozen=True, eq=False, kw_only=True)
class Fair(Scheme):
    r"""The shares nearest to a reference among those that meet every stated fairness constraint.

    .. math:: \min_x \sum_i \frac{(x_i - q_i)^2}{2 m_i} \quad \text{s.t.} \quad \sum_i x_i = L,\ 0 \le x_i \le c_i,\
       \text{and each constraint of } \texttt{subject_to}

    :math:`q_i` is the share the reference gives (a scheme, its name, or a Series; in currency). :math:`m_i` says in
    what a payer's move is measured: the reference share itself, so that moves count in proportion, or the caps when
    the reference spares somebody (``measure`` fixes it: ``"reference"``, ``"cap"`` or a column). All constraints of
    :mod:`allocopt.schemes.constraints` combine freely. The price of each is d(distance)/d(its bound): zero when it does
    not bind, negative when a looser bound would bring the answer nearer to the reference.

    ``distance`` says what "nearest" means: ``"ratio"``, the squares above; ``"kl"``, the divergence
    :math:`\sum_i x_i \log (x_i / q_i) - x_i + q_i`; ``"minimax"``, the largest move :math:`\max_i |x_i - q_i| / m_i`,
    and among the answers that share it the nearest by squares; ``"leximin"``, the multiples :math:`x_i / q_i` in
    descending order, the largest as small as can be, then the second, and so on. Under ``"kl"`` and ``"leximin"`` a
    payer whom the reference spares stays spared.

    Raises ``InfeasibleError`` when the constraints contradict each other: it names those in conflict and, for each, the
    least level it alone would have to be allowed to reach while the others stay as they are.

    >>> import pandas as pd
    >>> from allocopt.schemes.constraints import gini_at_most
    >>> table = pd.DataFrame({"fund": [60.0, 30.0, 10.0]}, index=["A", "B", "C"])
    >>> rule = Fair(reference="constrained-equal-awards", subject_to=[gini_at_most(0.1, by="fund")])
    >>> rule.allocate(LossProblem(30, table, cap="fund")).shares.round(3).to_list()
    [15.789, 8.684, 5.526]
    """

    name = "fair"
    aliases = ("fairness-constrained",)
    formula = r"x = \arg\min\ \text{distance to the reference, subject to the constraints}"
    objective = r"\sum_i \frac{(x_i - q_i)^2}{2 m_i}"

    reference: Any = field(default="pro-rata", metadata={"help": "scheme, name of a scheme, or shares by payer"})
    subject_to: Sequence[Constraint] = field(default=(), metadata={"help": "fairness constraints"})
    measure: str = field(default="auto", metadata={"help": "what moves are measured in: reference, cap or a column"})
    distance: str = field(default="ratio", metadata={"help": "what nearest means: ratio, kl, minimax or leximin"})

    def __post_init__(self) -> None:
        if isinstance(self.subject_to, Constraint):
            object.__setattr__(self, "subject_to", (self.subject_to,))
        if not isinstance(self.subject_to, list | tuple):
            raise DataError(f"subject_to is {self.subject_to!r}; give a list of constraints such as gini_at_most(0.2)")
        object.__setattr__(self, "subject_to", tuple(self.subject_to))
        for constraint in self.subject_to:
            if not isinstance(constraint, Constraint):
                raise DataError(f"subject_to holds {constraint!r}, not a constraint; see allocopt.gini_at_most(...)")
        if not isinstance(self.distance, str) or self.distance not in DISTANCES:
            raise unknown("distance of fair", self.distance, DISTANCES)

    def departure(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """The distance of shares from the reference's, which the program makes as small as it can be."""
        m, _ = self._measure(problem, reference)
        moving = m > 0
        return DISTANCES[self.distance].value(shares[moving], reference[moving], m[moving])

    def _measure(self, problem: LossProblem, target: Array) -> tuple[Array, str]:
        ample = np.minimum(problem.caps, problem.loss)
        if DISTANCES[self.distance].by_reference:
            return np.where(ample > 0, target, 0.0), f"nearest in {self.distance}: whom the reference spares is spared"
        if self.measure == "cap" or (self.measure == "auto" and ((target == 0) & (ample > 0)).any()):
            return ample, "moves are measured against the caps"
        if self.measure in ("auto", "reference"):
            return np.where(ample > 0, target, 0.0), "moves are measured against the reference shares"
        return np.where(ample > 0, problem.column(self.measure), 0.0), f"moves are measured against {self.measure}"

    def closed_form(self, problem: LossProblem) -> Allocation | None:
        """No program is needed when the budget leaves one point, or when the reference meets every constraint."""
        target = shares_of(self.reference, problem)
        self._measure(problem, target)  # a measure that names no column is refused whether or not it is needed
        point = single_point(problem, problem.caps)
        if point is None:
            capped = np.minimum(target, problem.caps)
            if abs(float(capped.sum()) - problem.loss) > 1e-12 * problem.loss:
                return None
            point = capped
        broken = [c for c in self.subject_to if c.excess(point, problem, target) > MET]
        if broken and single_point(problem, problem.caps) is None:
            return None
        if broken:
            raise InfeasibleError(no_choice(broken, point, problem, target))
        note = "the reference meets every constraint" if len(point) else "no payers"
        evidence = partial(self._certify, target=target, optimum=point, found=(0.0, 0.0, 0.0))
        return Allocation(
            problem, point, left_over(problem, point, problem.caps), 0.0, {"budget": 0.0}, f"closed form ({note})",
            self, evidence, (), {"reference": pd.Series(target, index=problem.ids)},
        )  # fmt: skip

    def solve(self, problem: LossProblem, solvers: tuple[str, ...] | None = None) -> Allocation:
        """Solve the program; add rows where a constraint needs them, until the answer meets every constraint."""
        if single_point(problem, problem.caps) is not None:
            answer = self.closed_form(problem)
            assert answer is not None  # a single point is either feasible or reported
            return answer
        target = shares_of(self.reference, problem)
        self._refuse_too_few(problem, target)
        try:
            if self.distance == "leximin":
                return self._by_rates(problem, target, solvers)
            found = self._rounds(problem, target, self.subject_to, solvers)
            if self.distance == "minimax":
                found = self._nearest_of_widest(problem, target, found, solvers)
        except SolverError as failure:
            self.explain_conflict(problem, target, failure)
            raise
        spare = [c for c in self.subject_to if c.excess(found.x, problem, target) > MET]
        if spare:
            raise SolverError(f"fair: the program's answer breaks {', '.join(map(str, spare))}; try another solver")
        evidence = partial(self._certify, target=target, optimum=found.x, found=found.residuals)
        duals = {
            k: pd.Series(v, index=problem.ids, name=k) if np.ndim(v) else float(v) for k, v in found.prices.items()
        }
        paid = tidied(found.x, problem, problem.caps)
        return Allocation(
            problem, paid, 0.0, float(found.prices["budget"]), duals, f"program ({found.solver})", self, evidence,
            (self._measure(problem, target)[1], *found.trail), {"reference": pd.Series(target, index=problem.ids)},
        )  # fmt: skip

    def program(self, problem: LossProblem) -> Program:
        """The program with the rows that hold at its answer; of a sequence of programs the first."""
        target = shares_of(self.reference, problem)
        states = [c.begin(problem, target) for c in self.subject_to]
        return self._program(problem, target, self.subject_to, states)

    def _program(
        self, problem: LossProblem, target: Array, constraints: Sequence[Constraint], states: list[Any],
        loose: Sequence[bool] = (), widest: float | None = None,
    ) -> Program:  # fmt: skip
        import cvxpy as cp

        unit = min(problem.loss, problem.capacity) or 1.0
        n = problem.n
        x = cp.Variable(n, name="x")
        slacks = [cp.Variable(name=f"slack{k}") if free else 0.0 for k, free in enumerate(loose)]
        slacks = slacks or [0.0] * len(constraints)
        near = np.flatnonzero(problem.caps <= unit)
        weight, _ = self._measure(problem, target)
        still = np.flatnonzero((weight <= 0) & (problem.caps > 0))
        clauses = [
            Clause("budget", [cp.sum(x) == 1.0], *CLAUSES["budget"]),
            Clause("floor", [x >= 0], *CLAUSES["floor"], 1.0, rows=np.arange(n)),
            Clause("cap", [x[near] <= problem.caps[near] / unit] if len(near) else [], *CLAUSES["cap"], rows=near),
        ]
        for number, (constraint, state, slack) in enumerate(zip(constraints, states, slacks, strict=True)):
            clause = constraint.clause(Posed(x, problem, unit, target, slack), state)
            twin = sum(c.name == constraint.name for c in constraints[:number])
            clauses.append(replace(clause, name=f"{clause.name} ({twin + 1})") if twin else clause)
        if len(still):
            clauses.append(Clause("spared", [x[still] == 0], r"x_i = 0 \text{ where } m_i = 0", "", rows=still))
        if any(loose):
            given = [slack for slack, free in zip(slacks, loose, strict=True) if free]
            clauses.append(Clause("slack", [s >= 0 for s in given], "", ""))
            return Program(cp.sum(cp.hstack(given)), x, tuple(clauses), "", unit, 1.0)
        top = float(weight.max(initial=0.0)) or 1.0
        moving = np.flatnonzero(weight > 0)
        posed = DISTANCES[self.distance] if widest is None else DISTANCES["ratio"]
        cost: Any = 0.0
        if len(moving):
            m, q = weight[moving], target[moving] / unit
            cost, rows = posed.pose(x[moving], q, m)
            if widest is not None:
                room = widest * (1.0 + _LEVEL) * m / unit
                rows = [Clause("widest", [x[moving] - q <= room, q - x[moving] <= room], "", "")]
            clauses += rows
        return Program(cost, x, tuple(clauses), posed.latex, unit, posed.price_unit(unit, top))

    def _rounds(
        self, problem: LossProblem, target: Array, constraints: Sequence[Constraint],
        solvers: tuple[str, ...] | None, loose: Sequence[bool] = (), widest: float | None = None,
    ) -> Answer:  # fmt: skip
        states = [c.begin(problem, target) for c in constraints]
        while True:
            found = self._program(problem, target, constraints, states, loose, widest).solve(solvers)
            more = [c.refine(found.x, problem, s) for c, s in zip(constraints, states, strict=True)]
            if all(m is None for m in more):
                return found
            states = [s if m is None else m for s, m in zip(states, more, strict=True)]

    def _nearest_of_widest(
        self, problem: LossProblem, target: Array, first: Answer, solvers: tuple[str, ...] | None
    ) -> Answer:
        """Many answers share the largest move; of these the nearest by squares, with the prices of the largest move."""
        level = self.departure(first.x, problem, target)
        second = self._rounds(problem, target, self.subject_to, solvers, widest=level)
        primal, dual, gap = (max(pair) for pair in zip(first.residuals, second.residuals, strict=True))
        return first._replace(x=second.x, residuals=(primal, dual, gap), trail=(*first.trail, *second.trail))

    def _by_rates(self, problem: LossProblem, target: Array, solvers: tuple[str, ...] | None) -> Allocation:
        """The sequence of programs of ``leximin`` on the multiples of the reference."""
        from allocopt.schemes.leximin import Leximin

        reference = pd.Series(target, index=problem.ids)
        held = [Within(c.bound, of=reference) if isinstance(c, Within) and c.of is None else c for c in self.subject_to]
        found = Leximin(by=target, subject_to=held).solve(problem, solvers)
        return replace(found, scheme=self, extras={"reference": reference, **found.extras})

    def _refuse_too_few(self, problem: LossProblem, target: Array) -> None:
        weight, words = self._measure(problem, target)
        able = float(problem.caps[weight > 0].sum())
        if able < problem.loss:
            raise InfeasibleError(
                f"fair: {words}, and the payers it lets move can bear only {able:,.6g} of {problem.loss:,.6g}; "
                "use measure='cap' with distance='ratio' or 'minimax'"
            )

    def explain_conflict(self, problem: LossProblem, target: Array, failure: SolverError) -> None:
        """Raise InfeasibleError when the constraints contradict each other; return when they do not."""

        def elastic(constraints: Sequence[Constraint], loose: Sequence[bool]) -> Array:
            return self._rounds(problem, target, constraints, None, loose).x

        words = contradiction(self.subject_to, problem, target, elastic)
        if words is not None:
            raise InfeasibleError(words) from failure

    def _certify(
        self, answer: Allocation, target: Array, optimum: Array, found: tuple[float, float, float]
    ) -> Certificate:
        """Feasibility from the shares alone; optimality from the conic residuals and the distance to their point."""
        problem, paid = answer.problem, answer.paid
        loss = problem.loss or 1.0
        excess = {str(c): c.excess(paid, problem, target) for c in self.subject_to}
        budget = abs(float(paid.sum()) + answer.residual - problem.loss) / loss
        bounds = float(max((paid - problem.caps).max(initial=0.0), (-paid).max(initial=0.0))) / loss
        off = float(np.abs(paid - optimum).max(initial=0.0)) / loss
        return Certificate(
            max(budget, bounds, found[0], *excess.values(), 0.0), max(found[1], off), found[2], "conic dual",
            "every constraint holds on the shares; the multipliers prove that no feasible shares are nearer",
            excess,
        )  # fmt: skip

    def reason(self, allocation: Allocation, payer: Any) -> str:
        """What the reference would charge, and which constraints moved it."""
        problem = allocation.problem
        at = position(problem, payer)
        target = float(allocation.extras["reference"].iloc[at])
        unit = f"{problem.currency} ".lstrip()
        name = self.reference if isinstance(self.reference, str) else getattr(self.reference, "title", "the reference")
        moved = allocation.paid[at] - target
        words = [bill(allocation, at), f"By {name} it would bear {unit}{target:,.2f}; it bears {unit}{abs(moved):,.2f} "
                 f"{'more' if moved > 0 else 'less'}."]  # fmt: skip
        sizes = {k: float(np.abs(np.asarray(v)).max(initial=0.0)) for k, v in allocation.duals.items()}
        tight = [f"{key} (price {size:,.6g})" for key, size in sizes.items() if key not in CLAUSES and size > 1e-9]
        if tight:
            words.append(f"Binding: {', '.join(tight)}.")
        return " ".join(words)

    @property
    def title(self) -> str:
        """The label, or the reference with its constraints."""
        if self.label:
            return self.label
        name = self.reference if isinstance(self.reference, str) else getattr(self.reference, "title", "reference")
        name += "" if self.distance == "ratio" else f" by {self.distance}"
        return f"fair: {name}, " + ", ".join(map(str, self.subject_to)) if self.subject_to else f"fair: {name}"
