"""A convex program in named clauses: stated in scaled numbers, solved once, prices with one sign convention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from allocopt.maths.conic import ConicProgram, Solved, solve

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Clause:
    """A named group of constraints with its LaTeX and the reading of its price.

    ``constraints`` are cvxpy constraints; ``sign`` turns a multiplier into d(optimal cost)/d(right-hand side): -1 for
    ``<=`` and ``==``, +1 for ``>=``. ``rhs_unit`` is what one scaled unit of the right-hand side is worth: None for an
    amount (the program's own unit), 1 for a pure number. ``slopes``, when given, holds per constraint the derivative of
    its right-hand side with respect to the bound the price speaks of (a number, an array or a cvxpy expression).
    ``rows``, when given, are the positions of the agents that the rows of the constraint speak of.
    """

    name: str
    constraints: Sequence[Any]
    latex: str
    reading: str
    sign: float = -1.0
    rhs_unit: float | None = None
    slopes: Sequence[Any] | None = None
    rows: NDArray[np.intp] | None = None

    def price(self, agents: int) -> Any:
        """The multiplier with our sign: one number, or one per agent when the clause has a row for each."""
        if self.rows is None:
            slopes = self.slopes or [1.0] * len(self.constraints)
            parts = zip(self.constraints, slopes, strict=True)
            return self.sign * float(sum(np.sum(c.dual_value * getattr(slope, "value", slope)) for c, slope in parts))
        out = np.zeros(agents)
        for constraint in self.constraints:
            out[self.rows] += self.sign * np.atleast_1d(constraint.dual_value)
        return out


class Answer(NamedTuple):
    """What a program found: amounts per agent, prices by clause name, and the evidence."""

    x: Array
    prices: dict[str, Any]
    solver: str
    trail: tuple[str, ...]
    residuals: tuple[float, float, float]


@dataclass(frozen=True)
class Program:
    """Minimise ``objective`` over ``x`` subject to ``clauses``, all in scaled numbers.

    ``x`` is a cvxpy expression of amounts per agent divided by ``unit``; ``price_unit`` is what one unit of the scaled
    price of an amount is worth. So an amount's price is scaled by ``price_unit``, a cost by ``unit * price_unit``.
    ``latex`` states the objective.
    """

    objective: Any
    x: Any
    clauses: tuple[Clause, ...]
    latex: str
    unit: float = 1.0
    price_unit: float = 1.0
    notes: tuple[str, ...] = field(default=())

    def clause(self, name: str) -> Clause:
        """The clause of this name."""
        return next(c for c in self.clauses if c.name == name)

    @cached_property
    def _stated(self) -> Any:
        import cvxpy as cp

        return cp.Problem(cp.Minimize(self.objective), [k for clause in self.clauses for k in clause.constraints])

    def _posed(self) -> tuple[ConicProgram, Any, Any]:
        """The program as arrays; the modelling layer keeps what it compiled and only puts in parameters anew."""
        import cvxpy as cp
        import scipy.sparse as sp

        data, chain, inverse = self._stated.get_problem_data(cp.CLARABEL, solver_opts={})
        q = np.asarray(data["c"], dtype=np.float64)
        P = sp.csc_array(data["P"]) if "P" in data else sp.csc_array((len(q), len(q)))
        dims = data["dims"]

        def ask(native: dict[str, Any], options: dict[str, Any]) -> Any:
            return chain.solver.solve_via_data(native, False, False, options)

        conic = ConicProgram(P, q, sp.csc_array(data["A"]), np.asarray(data["b"]), dims.zero, dims.nonneg, data, ask)
        return conic, chain, inverse

    def solve(self, solvers: tuple[str, ...] | None = None) -> Answer:
        """Solve for the parameters as they are now, polish, certify; raise SolverError when nothing stands."""
        conic, chain, inverse = self._posed()
        found = solve(conic, solvers)
        self._unpack(self._stated, chain, inverse, found)
        agents = self.x.size
        cost_unit = self.price_unit * self.unit
        prices = {
            c.name: c.price(agents) * cost_unit / (self.unit if c.rhs_unit is None else c.rhs_unit)
            for c in self.clauses
            if c.constraints
        }
        x = np.asarray(self.x.value, dtype=np.float64).ravel() * self.unit
        return Answer(x, prices, found.solver, found.trail, conic.residuals(found.x, found.z))

    @staticmethod
    def _unpack(problem: Any, chain: Any, inverse: Any, found: Solved) -> None:
        """Carry the conic vectors back through the modelling layer's own transformations into variables and duals."""
        raw = SimpleNamespace(status="Solved", x=found.x, z=found.z, obj_val=0.0, solve_time=0.0, iterations=0)
        problem.unpack_results(raw, chain, inverse)

    def statement(self) -> str:
        """The whole program in LaTeX, one clause a line."""
        lines = [rf"\min_x \quad & {self.latex}"]
        for position, clause in enumerate(c for c in self.clauses if c.latex):
            lead = r"\text{s.t.} \quad &" if position == 0 else "&"
            lines.append(f"{lead} {clause.latex}")
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"
