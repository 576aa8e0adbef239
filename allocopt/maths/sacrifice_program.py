r"""Equal sacrifice by convex programs: the integral of the sacrifice, or quadratic programs step by step.

A cone solver sees :math:`(1 - x_i / c_i)^{1 - \gamma}`, which leaves the range of its digits when little is kept or
little is given. The optimum does not change when all sacrifices pass through one increasing function. Measured by the
fraction :math:`\mu` that a reference agent keeps (who moves first, or exhausts last), every amount is a convex or
concave function of :math:`1 - \mu`, so the quadratic programs that replace it step by step converge from any start.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from allocopt.errors import SolverError
from allocopt.maths.program import Clause, Program
from allocopt.maths.sacrifice import exponent, log_rise

Array = NDArray[np.float64]

_STEPS = 60
_DONE = 1e-13  # of the smaller of what is given and what is kept
_FLAT = 1e-24  # agents whose amounts rise this much slower than the fastest stay where the last step put them


def integral(part: Any, aversion: float) -> Any:
    """The sum-ready convex expression of the integral of the sacrifice from zero to a fraction of one's means."""
    import cvxpy as cp

    if aversion == 0:
        return 0.5 * cp.square(part)
    if aversion == 1:
        return part - cp.entr(1.0 - part)
    if aversion == 2:
        return -cp.log(1.0 - part) - part
    power = 2.0 - aversion
    return part / (1.0 - aversion) + (cp.power(1.0 - part, power, approx=False) - 1.0) / ((1.0 - aversion) * power)


class Stepped(NamedTuple):
    """What everybody gives and keeps, the logarithm of the price, how many programs it took and who solved them."""

    given: Array
    kept: Array
    log_price: float
    steps: int
    solver: str


def sacrifice_by_steps(
    amount: float, rest: float, means: Array, shift: Array, aversion: float, solvers: tuple[str, ...] | None = None
) -> Stepped:
    """Divide an amount over means of which ``rest`` stays; ``shift`` is the logarithm of own over common price."""
    some = shift[means > 0]
    lead = float(some.max() if aversion >= 1 else some.min())
    kept_part, solver = rest / (amount + rest), ""
    given_part = amount / (amount + rest)
    for step in range(_STEPS):
        own = _own_log(given_part, kept_part, aversion) - lead
        q = exponent(own + shift, aversion)
        left = np.exp(-q)
        given, kept = -means * np.expm1(-q), means * left
        miss = amount - float(given.sum()) if amount <= rest else float(kept.sum()) - rest
        if abs(miss) <= _DONE * min(amount, rest):
            return Stepped(given, kept, own - log_rise(aversion), step, solver)
        rise = np.where(means > 0, means * np.exp(shift - lead) * _power(left / kept_part, aversion), 0.0)
        price, solver = _step(miss, rise, given, kept, solvers)
        move = float(np.clip(price, -0.5 * given_part, 0.5 * kept_part))
        given_part, kept_part = given_part + move, kept_part - move
        if given_part < 0.5:  # the smaller of the two keeps its digits
            kept_part = 1.0 - given_part
        else:
            given_part = 1.0 - kept_part
    raise SolverError(
        f"equal sacrifice: {_STEPS} quadratic programs did not reach the amount; use the closed form or a lower rra"
    )


def _power(left: Array, aversion: float) -> Array:
    return np.asarray(np.where(left > 0, left, 0.0) ** aversion if aversion else np.where(left > 0, 1.0, 0.0))


def _own_log(given: float, kept: float, aversion: float) -> float:
    """What ``exponent`` takes for an agent that gives and keeps these fractions."""
    lost = -np.log1p(-given) if given < 0.5 else -np.log(kept)
    z = (aversion - 1.0) * lost
    if z < -0.5:
        return float(np.log1p(-np.exp(z)))
    return float(np.log(lost) if aversion == 1 else np.log(abs(np.expm1(z))))


def _step(miss: float, rise: Array, given: Array, kept: Array, solvers: tuple[str, ...] | None) -> tuple[float, str]:
    """How far the level moves when what is missing is spread along the slopes: a quadratic program in its units."""
    import cvxpy as cp

    unit, sign = abs(miss), np.sign(miss)
    rows = np.flatnonzero(rise > _FLAT * rise.max())
    root = np.sqrt(rise[rows] / rise.max())
    room = np.where(sign > 0, kept, given)[rows] / unit
    near = np.flatnonzero(room < 1.0)
    e = cp.Variable(len(rows), name="e")
    clauses = (
        Clause("budget", [root @ e == 1.0], r"\sum_i d_i = m", "how far the level moves"),
        Clause("room", [cp.multiply(root[near], e[near]) <= room[near]] if len(near) else [], r"d_i \le r_i", ""),
    )
    cost = 0.5 * cp.sum_squares(e)
    program = Program(cost, cp.multiply(root, e), clauses, r"\sum_i d_i^2 / (2 s_i)", unit, unit / float(rise.max()))
    found = program.solve(solvers)
    return float(sign * found.prices["budget"]), found.solver
