r"""A conic program as plain arrays, the solvers that may answer it, and the residuals that judge them.

.. math:: \min_x \tfrac12 x^\top P x + q^\top x \quad\text{s.t.}\quad b - A x \in K

:math:`K` is a product of zero, non-negative and possibly curved cones, in that order. Its dual vector :math:`z` proves
an answer: :math:`P x + q + A^\top z = 0`, :math:`z \in K^*`, :math:`x^\top P x + q^\top x + b^\top z = 0`. This is the
one place that reads a solver's status, and a status alone is never believed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from allocopt.errors import SolverError
from allocopt.maths.cones import violation

Array = NDArray[np.float64]

# An answer whose residuals exceed this (in units of the scaled data, so a fraction of the loss) is refused and the
# next solver asked. Interior-point defaults reach 1e-8; a wrong "optimal" is off by far more than 1e-6.
ACCEPTED = 1e-6
_POLISH_ROUNDS = 8
_POLISH_DEGENERATE = 500  # unknowns; a corner of 4,000 pairs took minutes to factor where the solve took 0.3 s
_ROUNDING = 1e-12  # scaled numbers are of order one: differences below this are rounding
_SHIFT = 1e-10
_ABSURD = 1e100  # scaled numbers of an infeasible program run away; their squares still have to be numbers
_TIGHT = {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12}


class Residuals(NamedTuple):
    """Violations of the cone, of stationarity, and the duality gap."""

    primal: float
    dual: float
    gap: float


@dataclass(frozen=True)
class ConicProgram:
    """The data, with ``zero`` equality rows first, then ``linear`` inequality rows, then ``curved`` cone rows.

    ``native`` is the data in the form the conic interface of the modelling layer wants, ``ask`` that interface.
    """

    P: Any
    q: Array
    A: Any
    b: Array
    zero: int
    linear: int
    native: dict[str, Any] = field(repr=False)
    ask: Callable[[dict[str, Any], dict[str, Any]], Any] = field(repr=False)

    @property
    def polyhedral(self) -> bool:
        """Whether every row is linear, so that an active set describes the answer."""
        return self.zero + self.linear == len(self.b)

    @property
    def flat(self) -> bool:
        """Whether the objective is linear."""
        return bool(self.P.nnz == 0)

    def residuals(self, x: Array, z: Array) -> Residuals:
        """Judge a primal and a dual vector on the data alone, whoever found them."""
        slack = self.b - self.A @ x
        ends = self.zero + self.linear
        primal = max(_top(np.abs(slack[: self.zero])), _top(-slack[self.zero : ends]))
        dual = max(_top(np.abs(self.P @ x + self.q + self.A.T @ z)), _top(-z[self.zero : ends]))
        if not self.polyhedral:
            primal = max(primal, violation(slack[ends:], self.native["dims"], dual=False))
            dual = max(dual, violation(z[ends:], self.native["dims"], dual=True))
        cost = float(self.q @ x)
        curve = float(x @ (self.P @ x))
        gap = abs(curve + cost + float(self.b @ z)) / max(1.0, abs(0.5 * curve + cost))
        return Residuals(primal, dual / max(1.0, _top(np.abs(self.q))), gap)

    def bound(self, x: Array, z: Array) -> float:
        """The dual value: no feasible answer costs less, up to the dual residual."""
        return -0.5 * float(x @ (self.P @ x)) - float(self.b @ z)


class Solved(NamedTuple):
    """A primal and dual vector that passed the residual test, who found it, and who was asked before in vain."""

    x: Array
    z: Array
    solver: str
    trail: tuple[str, ...]


def _top(values: Array) -> float:
    return float(values.max(initial=0.0))


def _clarabel(program: ConicProgram) -> tuple[str, Array | None, Array | None]:
    raw = program.ask(program.native, dict(_TIGHT))
    if str(raw.status) == "AlmostSolved":
        # Curved cones can stall short of 1e-12 and stop where they stand; asked for 1e-10 they get there.
        raw = program.ask(program.native, dict.fromkeys(_TIGHT, 1e-10))
    return str(raw.status), np.array(raw.x), np.array(raw.z)


def _highs(program: ConicProgram) -> tuple[str, Array | None, Array | None]:
    import scipy.sparse as sp
    from scipy.optimize import linprog

    A, b, zero = sp.csr_array(program.A), program.b, program.zero
    tight = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    out = linprog(
        program.q, A_ub=A[zero:], b_ub=b[zero:], A_eq=A[:zero], b_eq=b[:zero], bounds=(None, None),
        method="highs", options=tight,
    )  # fmt: skip
    if out.x is None:
        return str(out.message), None, None
    return str(out.message), out.x, -np.concatenate((out.eqlin.marginals, out.ineqlin.marginals))


def _piqp(program: ConicProgram) -> tuple[str, Array | None, Array | None]:
    import piqp
    import scipy.sparse as sp

    solver = piqp.SparseSolver()
    solver.settings.eps_abs = solver.settings.eps_rel = 1e-10
    A, zero = sp.csc_matrix(program.A), program.zero
    solver.setup(sp.csc_matrix(program.P), program.q, A[:zero], program.b[:zero], A[zero:], None, program.b[zero:])
    status = solver.solve()
    z = np.concatenate((solver.result.y, getattr(solver.result, "z_u", solver.result.y[:0])))
    return str(status), np.array(solver.result.x), np.array(z)


def _osqp(program: ConicProgram) -> tuple[str, Array | None, Array | None]:
    import osqp
    import scipy.sparse as sp

    solver = osqp.OSQP()
    low = np.where(np.arange(len(program.b)) < program.zero, program.b, -np.inf)
    solver.setup(
        sp.csc_matrix(sp.triu(program.P)), program.q, sp.csc_matrix(program.A), low, program.b,
        verbose=False, eps_abs=1e-9, eps_rel=1e-9, max_iter=100_000, polishing=True,
    )  # fmt: skip
    out = solver.solve(raise_error=False)
    return str(out.info.status), np.array(out.x), np.array(out.y)


_BACKENDS: dict[str, Callable[[ConicProgram], tuple[str, Array | None, Array | None]]] = {
    "CLARABEL": _clarabel,
    "HIGHS": _highs,
    "PIQP": _piqp,
    "OSQP": _osqp,
}


def order(program: ConicProgram) -> tuple[str, ...]:
    """Which solvers to ask, best first: an exact vertex for linear programs, an interior point for the rest.

    HiGHS is never given a quadratic objective: its QP solver has returned wrong answers with status optimal.
    """
    if not program.polyhedral:
        return ("CLARABEL",)
    chain = ["HIGHS", "CLARABEL"] if program.flat else ["CLARABEL"]
    if importlib.util.find_spec("piqp"):
        chain.append("PIQP")
    return (*chain, "OSQP")


def solve(program: ConicProgram, solvers: tuple[str, ...] | None = None) -> Solved:
    """Ask the solvers in turn until one gives vectors whose residuals stand; polish them on the active set."""
    trail: list[str] = []
    for name in solvers or order(program):
        if name not in _BACKENDS:
            raise SolverError(f"no solver is called {name!r}; known: {', '.join(_BACKENDS)}")
        try:
            status, x, z = _BACKENDS[name](program)
        except Exception as fault:
            # Solvers raise whatever they like, compiled ones included; the reason is kept and the next one is asked.
            trail.append(f"{name} failed: {type(fault).__name__}: {str(fault).splitlines()[0] if str(fault) else ''}")
            continue
        if x is None or z is None or not ((np.abs(x) < _ABSURD).all() and (np.abs(z) < _ABSURD).all()):
            trail.append(f"{name} gave no answer ({status})")
            continue
        if program.polyhedral:
            x, z = polish(program, x, z)
        judged = program.residuals(x, z)
        if max(judged) <= ACCEPTED:
            return Solved(x, z, name, tuple(trail))
        trail.append(f"{name} said {status!r} but its residuals are {max(judged):.1e}")
    raise SolverError(
        f"no solver gave an answer that stands ({'; '.join(trail)}); "
        "check the constraints, or install the extra allocopt[solvers]"
    )


def polish(program: ConicProgram, x: Array, z: Array) -> tuple[Array, Array]:
    """Read the active rows, solve their optimality conditions as linear equations, keep the result if it stands.

    Interior points stop at about 1e-8; on the right active set the equations give 1e-15. Rows that turn out violated
    join the set, rows with a negative multiplier leave it, a few times. The answer is kept when its residuals are
    smaller or at rounding level: there an exact solution of the active set is the better one, whatever the last digit.
    """
    slack = program.b - program.A @ x
    equal = np.arange(len(program.b)) < program.zero
    active = equal | (z > slack)
    if active.sum() > len(x) > _POLISH_DEGENERATE:
        # More binding rows than unknowns: a degenerate corner, whose factors fill up and whose multipliers are many.
        return x, z
    for _ in range(_POLISH_ROUNDS):
        found = _on_active_set(program, x, z, active)
        if found is None:
            break
        px, pz = found
        slack = program.b - program.A @ px
        revised = equal | np.where(active, pz > -_ROUNDING, slack < -_ROUNDING)
        if (revised == active).all():
            if max(program.residuals(px, pz)) <= max(_ROUNDING, *program.residuals(x, z)):
                return px, pz
            break
        active = revised
    return x, z


def _on_active_set(program: ConicProgram, x: Array, z: Array, active: NDArray[np.bool_]) -> tuple[Array, Array] | None:
    """Solve the optimality equations with these rows binding.

    Where active rows depend on each other the small diagonal term picks one set of multipliers and refinement removes
    its bias.
    """
    import scipy.sparse as sp
    from scipy.sparse.linalg import splu

    A = sp.csc_array(sp.csr_array(program.A)[active])
    n, m = len(x), int(active.sum())
    exact = sp.block_array([[program.P, A.T], [A, None]], format="csc") if m else sp.csc_array(program.P)
    diagonal = sp.diags_array(np.concatenate((np.full(n, _SHIFT), np.full(m, -_SHIFT))))
    target = np.concatenate((-program.q, program.b[active]))
    try:
        factor = splu(sp.csc_matrix(exact + diagonal))
    except RuntimeError:  # exactly singular: the interior-point answer stays
        return None
    guess = np.concatenate((x, z[active]))
    for _ in range(5):
        guess = guess + factor.solve(target - exact @ guess)
        if not (np.abs(guess) < _ABSURD).all():  # at the edge of what is feasible the equations run away
            return None
    full = np.zeros(len(z))
    full[active] = guess[n:]
    return guess[:n], full
