"""The least level of one criterion while others are held: programs over all divisions, compiled once, asked often."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from allocopt.errors import SolverError
from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.judgement.axis import Axis, Fraction, Ordered
from allocopt.maths.program import Clause, Program
from allocopt.schemes.base import tidied
from allocopt.schemes.constraints.base import Constraint, Posed
from allocopt.schemes.one_price import CLAUSES

_MANY = 8  # payers from which the pairs of a Gini coefficient are quicker by an interior point than by a simplex
_ROUNDS = 60
_SETTLED = 1e-12  # a fraction no longer falls by more, of its size
# What a bound at the very end of the frontier leaves, of the size of its level: a simplex needs nothing, an interior
# point needs an interior, and where a cone touches its corner there a little more of it.
_ROOM = (1e-10, 1e-8, 1e-6, 1e-5, 1e-4)


class Found(NamedTuple):
    """A division, the slope of its level by each level held, and the residuals of its program in scaled numbers."""

    paid: Array
    slopes: dict[int, float]
    residuals: tuple[float, float, float]
    off: float
    solver: str


@dataclass(frozen=True)
class _Compiled:
    program: Program
    knobs: dict[int, tuple[Any, float]]  # of each level held: the parameter, and how much of it one unit of level is
    goal: Any  # the parameter of a fraction that is made small
    aim: Any
    rate: float
    bottom: Any


class Programs:
    """One criterion as small as can be, others held at levels, over all divisions within caps and musts."""

    def __init__(self, problem: LossProblem, axes: Sequence[Axis], must: Sequence[Constraint], start: Array) -> None:
        self.problem, self.axes, self.must, self.start = problem, list(axes), list(must), start
        self.unit = min(problem.loss, problem.capacity)
        self.states = [a.begin(problem, start) for a in self.axes]
        self.kept = [m.begin(problem, start) for m in self.must]
        self._made: dict[tuple[int, tuple[int, ...]], _Compiled] = {}
        pairs = problem.n > _MANY and any(isinstance(a, Ordered) for a in self.axes)
        flat = all(c.cone == "linear" for c in (*(a.bound for a in self.axes), *self.must))
        self.solvers = None if not pairs else ("CLARABEL", "HIGHS") if flat else ("CLARABEL",)

    def levels(self, paid: Array) -> list[float]:
        """The level of every axis, from the shares alone."""
        return [a.level(a.compute(paid)) for a in self.axes]

    def scale(self, k: int) -> float:
        """The size of a level of this axis."""
        return self.axes[k].size(self.problem)

    def least(self, k: int, held: Mapping[int, float]) -> Found:
        """The division with the least level of axis ``k`` while the others do not exceed theirs."""
        held = {j: level for j, level in held.items() if math.isfinite(level)}
        axis = self.axes[k]
        for j in (k, *held):
            if isinstance(self.axes[j], Ordered):
                self.states[j] = self.axes[j].begin(self.problem, self.start)
                self._made.clear()
        for _ in range(_ROUNDS):
            found = self._answer(k, held)
            self.start = found.paid
            wider = {j: self.axes[j].refine(self.problem, found.paid, self.states[j]) for j in (k, *held)}
            more = [c.refine(found.paid, self.problem, s) for c, s in zip(self.must, self.kept, strict=True)]
            if all(w is None for w in wider.values()) and all(m is None for m in more):
                return found
            for j, state in wider.items():
                if state is not None:
                    self.states[j] = state
            self.kept = [s if m is None else m for s, m in zip(self.kept, more, strict=True)]
            self._made.clear()
        raise SolverError(f"{axis.name}: its rows did not settle in {_ROUNDS} rounds; ask for fewer payers")

    def least_at_end(self, k: int, held: Mapping[int, float], at: Sequence[int]) -> Found:
        """As ``least``, where the levels of the axes ``at`` are the least there are: with the room a solver needs."""
        linear = self.solvers is None and all(self.axes[j].bound.cone == "linear" for j in (k, *held))
        for room in (0.0, *_ROOM) if linear and all(m.cone == "linear" for m in self.must) else _ROOM:
            wider = {j: lv + room * max(abs(lv), self.scale(j)) if j in at else lv for j, lv in held.items()}
            try:
                return self.least(k, wider)
            except SolverError:
                if room == _ROOM[-1]:
                    raise
        raise AssertionError("the last room either answers or raises")

    def _answer(self, k: int, held: Mapping[int, float]) -> Found:
        """One program; of a fraction, one for each guess of its least level until none is lower."""
        key = (k, tuple(held))
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._compiled(k, key[1])
        for j, (knob, rate) in made.knobs.items():
            axis = self.axes[j]
            knob.value = held[j] if isinstance(axis, Fraction) else rate * (held[j] - axis.nominal)
        axis = self.axes[k]
        if not isinstance(axis, Fraction):
            answer = made.program.solve(self.solvers)
            level = axis.nominal + float(made.aim.value) / made.rate
            return self._found(k, held, answer, made, level, made.rate)
        level = axis.loosest
        for _ in range(_ROUNDS):
            made.goal.value = level
            answer = made.program.solve(self.solvers)
            bottom = float(made.bottom.value)
            lower = level + float(made.aim.value) / bottom
            if lower >= level - _SETTLED * max(1.0, abs(level)):
                break
            level = lower
        return self._found(k, held, answer, made, level, bottom)

    def _found(
        self, k: int, held: Mapping[int, float], answer: Any, made: _Compiled, level: float, rate: float
    ) -> Found:  # fmt: skip
        paid = tidied(answer.x, self.problem, self.problem.caps)
        off = abs(self.axes[k].level(self.axes[k].compute(paid)) - level) * rate
        slopes = {j: float(answer.prices.get(self._name(j), 0.0)) / rate for j in held}
        return Found(paid, slopes, tuple(answer.residuals), off, answer.solver)

    def _name(self, j: int) -> str:
        return f"axis {j}"

    def _compiled(self, k: int, held: tuple[int, ...]) -> _Compiled:
        import cvxpy as cp

        problem, n, caps = self.problem, self.problem.n, self.problem.caps / self.unit
        x, aim = cp.Variable(n, name="x"), cp.Variable(name="aim")
        near = np.flatnonzero(caps <= 1.0)
        clauses = [
            Clause("budget", [cp.sum(x) == 1.0], *CLAUSES["budget"]),
            Clause("floor", [x >= 0], *CLAUSES["floor"], 1.0, rows=np.arange(n)),
            Clause("cap", [x[near] <= caps[near]] if len(near) else [], *CLAUSES["cap"], rows=near),
        ]

        def rows(j: int, slack: Any, level: Any) -> tuple[Clause, float]:
            posed = Posed(x, problem, self.unit, self.start, slack)
            clause, rate = self.axes[j].rows(posed, self.states[j], level)
            return dataclasses.replace(clause, name=self._name(j)), rate

        goal = cp.Parameter(name="goal") if isinstance(self.axes[k], Fraction) else None
        clause, rate = rows(k, aim, goal)
        clauses.append(clause)
        if goal is None:
            clauses.append(Clause("least", [aim >= rate * (self.axes[k].lowest - self.axes[k].nominal)], "", ""))
        knobs = {}
        for j in held:
            knob = cp.Parameter(name=f"level {j}")
            if isinstance(self.axes[j], Fraction):
                held_rows, per = rows(j, 0.0, knob)
            else:
                held_rows, per = rows(j, knob, None)
            clauses.append(held_rows)
            knobs[j] = (knob, per)
        for number, (constraint, state) in enumerate(zip(self.must, self.kept, strict=True)):
            kept = constraint.clause(Posed(x, problem, self.unit, self.start), state)
            clauses.append(dataclasses.replace(kept, name=f"must {number}"))
        bottom = clause.slopes[0] if goal is not None and clause.slopes else None
        return _Compiled(
            Program(aim, x, tuple(clauses), "", self.unit, 1.0 / self.unit), knobs, goal, aim, rate, bottom
        )
