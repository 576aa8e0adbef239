"""As near to a reference as stated fairness constraints allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError, InfeasibleError, SolverError
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array, vector
from allocopt.facts.problem import LossProblem
from allocopt.maths.program import Answer, Clause, Program
from allocopt.schemes.base import Scheme, bill, left_over, position, single_point, tidied
from allocopt.schemes.constraints.base import Constraint, Posed
from allocopt.schemes.one_price import CLAUSES

# A constraint counts as met when its excess is below this fraction of its size: polished answers reach 1e-12, and an
# answer that misses by more is a contradiction or a failure, never rounding.
MET = 1e-7


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
    the reference spares somebody (``measure`` fixes it: ``"reference"``, ``"cap"`` or a column). Constraints come from
    ``ao.gini_at_most``, ``ao.group_ratio_at_most``, ``ao.within``, ``ao.cvar_at_most``, ``ao.keep_solvent`` and combine
    freely. The price of each constraint is d(cost)/d(its bound): zero when it does not bind, negative when a looser
    bound would bring the answer nearer to the reference.

    Raises ``InfeasibleError`` when the constraints contradict each other, with the constraints in conflict and the
    level each would have to be allowed to reach.

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

    def __post_init__(self) -> None:
        if isinstance(self.subject_to, Constraint):
            object.__setattr__(self, "subject_to", (self.subject_to,))
        if not isinstance(self.subject_to, list | tuple):
            raise DataError(f"subject_to is {self.subject_to!r}; give a list of constraints such as gini_at_most(0.2)")
        object.__setattr__(self, "subject_to", tuple(self.subject_to))
        for constraint in self.subject_to:
            if not isinstance(constraint, Constraint):
                raise DataError(f"subject_to holds {constraint!r}, not a constraint; see allocopt.gini_at_most(...)")

    def _measure(self, problem: LossProblem, target: Array) -> tuple[Array, str]:
        ample = np.minimum(problem.caps, problem.loss)
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
            raise InfeasibleError(self._complaint(broken, point, problem, target, "the loss leaves no choice"))
        note = "the reference meets every constraint" if len(point) else "no payers"

        def evidence(answer: Allocation) -> Certificate:
            return self._certify(answer, target, point, (0.0, 0.0, 0.0))

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
        try:
            found = self._rounds(problem, target, self.subject_to, solvers)
        except SolverError as failure:
            self._explain_conflict(problem, target, failure)
            raise
        spare = [c for c in self.subject_to if c.excess(found.x, problem, target) > MET]
        if spare:
            raise SolverError(f"fair: the program's answer breaks {', '.join(map(str, spare))}; try another solver")

        def evidence(answer: Allocation) -> Certificate:
            return self._certify(answer, target, found.x, found.residuals)

        duals = {
            k: pd.Series(v, index=problem.ids, name=k) if np.ndim(v) else float(v) for k, v in found.prices.items()
        }
        paid = tidied(found.x, problem, problem.caps)
        return Allocation(
            problem, paid, 0.0, float(found.prices["budget"]), duals, f"program ({found.solver})", self, evidence,
            (self._measure(problem, target)[1], *found.trail), {"reference": pd.Series(target, index=problem.ids)},
        )  # fmt: skip

    def program(self, problem: LossProblem) -> Program:
        """The program with the rows that hold at its answer."""
        target = shares_of(self.reference, problem)
        states = [c.begin(problem, target) for c in self.subject_to]
        return self._program(problem, target, self.subject_to, states)

    def _program(
        self, problem: LossProblem, target: Array, constraints: Sequence[Constraint], states: list[Any],
        elastic: bool = False,
    ) -> Program:  # fmt: skip
        import cvxpy as cp

        unit = min(problem.loss, problem.capacity) or 1.0
        n = problem.n
        x = cp.Variable(n, name="x")
        slacks = [cp.Variable(nonneg=False, name=f"slack{k}") if elastic else 0.0 for k in range(len(constraints))]
        near = np.flatnonzero(problem.caps <= unit)
        clauses = [
            Clause("budget", [cp.sum(x) == 1.0], *CLAUSES["budget"]),
            Clause("floor", [x >= 0], *CLAUSES["floor"], 1.0, rows=np.arange(n)),
            Clause("cap", [x[near] <= problem.caps[near] / unit] if len(near) else [], *CLAUSES["cap"], rows=near),
        ]
        for number, (constraint, state, slack) in enumerate(zip(constraints, states, slacks, strict=True)):
            clause = constraint.clause(Posed(x, problem, unit, target, slack), state)
            twin = sum(c.name == constraint.name for c in constraints[:number])
            clauses.append(_renamed(clause, f"{clause.name} ({twin + 1})") if twin else clause)
        if elastic:
            clauses.append(Clause("slack", [s >= 0 for s in slacks], "", ""))
            return Program(cp.sum(cp.hstack(slacks)), x, tuple(clauses), "", unit, 1.0)
        weight, _ = self._measure(problem, target)
        top = float(weight.max(initial=0.0)) or 1.0
        moving = np.flatnonzero(weight > 0)
        still = np.flatnonzero((weight <= 0) & (problem.caps > 0))
        scale = np.sqrt(top / weight[moving])
        cost = 0.5 * cp.sum_squares(cp.multiply(scale, x[moving] - target[moving] / unit))
        if len(still):
            clauses.append(Clause("spared", [x[still] == 0], r"x_i = 0 \text{ where } m_i = 0", "", rows=still))
        return Program(cost, x, tuple(clauses), self.objective, unit, unit / top)

    def _rounds(
        self, problem: LossProblem, target: Array, constraints: Sequence[Constraint],
        solvers: tuple[str, ...] | None, elastic: bool = False,
    ) -> Answer:  # fmt: skip
        states = [c.begin(problem, target) for c in constraints]
        while True:
            found = self._program(problem, target, constraints, states, elastic).solve(solvers)
            more = [c.refine(found.x, problem, s) for c, s in zip(constraints, states, strict=True)]
            if all(m is None for m in more):
                return found
            states = [s if m is None else m for s, m in zip(states, more, strict=True)]

    def _explain_conflict(self, problem: LossProblem, target: Array, failure: SolverError) -> None:
        """Decide by an always feasible program whether the constraints contradict each other, and name those that do.

        Constraints that can be dropped without curing the conflict are left out of the message: what remains conflicts
        as it stands, and dropping any one of it helps.
        """

        def nearest(constraints: Sequence[Constraint]) -> Array:
            return self._rounds(problem, target, constraints, None, elastic=True).x

        def broken(constraints: Sequence[Constraint]) -> list[Constraint]:
            if not constraints:
                return []
            shares = nearest(constraints)
            return [c for c in constraints if c.excess(shares, problem, target) > MET]

        culprits = list(self.subject_to)
        if not broken(culprits):
            return
        for constraint in list(culprits):
            rest = [c for c in culprits if c is not constraint]
            if broken(rest):
                culprits = rest
        shares = nearest(culprits)
        raise InfeasibleError(
            self._complaint(culprits, shares, problem, target, "least relaxation that cures it")
        ) from failure

    def _complaint(
        self, constraints: Sequence[Constraint], shares: Array, problem: LossProblem, target: Array, where: str
    ) -> str:
        named = "; ".join(
            f"{c} ({c.missed(shares, problem, target)})" if c.excess(shares, problem, target) > MET else str(c)
            for c in constraints
        )
        many = "contradict each other" if len(constraints) > 1 else "cannot be met"
        return (
            f"fair: with the budget of {problem.loss:,.6g} and the caps, these constraints {many} ({where}): {named}; "
            "loosen one of them"
        )

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
        tight = [
            f"{key} (price {np.abs(value).max():,.6g})"
            for key, value in allocation.duals.items()
            if key not in CLAUSES and np.abs(np.asarray(value)).max(initial=0.0) > 1e-9
        ]
        if tight:
            words.append(f"Binding: {', '.join(tight)}.")
        return " ".join(words)

    @property
    def title(self) -> str:
        """The label, or the reference with its constraints."""
        if self.label:
            return self.label
        name = self.reference if isinstance(self.reference, str) else getattr(self.reference, "title", "reference")
        return f"fair: {name}, " + ", ".join(map(str, self.subject_to)) if self.subject_to else f"fair: {name}"


def _renamed(clause: Clause, name: str) -> Clause:
    from dataclasses import replace

    return replace(clause, name=name)
