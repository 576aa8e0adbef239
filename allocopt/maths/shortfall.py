r"""The least amounts, one per part, that make random losses acceptable together: multivariate shortfall risk.

.. math:: \min_m \sum_i m_i \quad\text{s.t.}\quad E\, l(X - m) \le b, \qquad
   l(y) = \sum_i y_i + \tfrac{1 - a}{2} \sum_i (y_i^+)^2 + \tfrac{a}{2} \Bigl(\sum_i y_i^+\Bigr)^2

The last two terms are :math:`\tfrac12 \sum_i (y_i^+)^2 + a \sum_{i<j} y_i^+ y_j^+`, written so that convexity shows:
with :math:`a` in [0, 1], what exceeds the amounts of one part weighs more when other parts exceed theirs as well.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allocopt.maths.program import Answer, Clause, Program
from allocopt.maths.tails import even

Array = NDArray[np.float64]


def mean_penalty(losses: Array, amounts: Array, link: float, probabilities: Array | None = None) -> float:
    """The mean of the penalty on what remains after the amounts, by arithmetic: the judge of every solution."""
    left = losses - amounts
    over = np.maximum(left, 0.0)
    curve = (1.0 - link) * (over**2).sum(axis=1) + link * over.sum(axis=1) ** 2
    return float(even(probabilities, len(losses)) @ (left.sum(axis=1) + 0.5 * curve))


def shortfall_program(losses: Array, link: float, bound: float, probabilities: Array | None = None) -> Program:
    """The program, in units of the largest loss; amounts are its ``x``."""
    import cvxpy as cp

    count, n = losses.shape
    unit = float(np.abs(losses).max()) or 1.0
    mass = even(probabilities, count)
    root = np.sqrt(mass)
    amounts = cp.Variable(n, name="m")
    over = cp.Variable((count, n), name="over", nonneg=True)
    excess = over >= losses / unit - np.ones((count, 1)) @ cp.reshape(amounts, (1, n), order="C")
    linear = float(mass @ losses.sum(axis=1)) / unit - cp.sum(amounts)
    curve = 0.0
    if link < 1.0:
        curve += (1.0 - link) * cp.sum_squares(cp.multiply(np.repeat(root[:, None], n, axis=1), over))
    if link > 0.0:
        curve += link * cp.sum_squares(cp.multiply(root, cp.sum(over, axis=1)))
    # The linear term is of first, the curved of second order in money: dividing by the larger unit keeps both near one.
    scale = max(1.0, unit)
    acceptance = linear / scale + (0.5 * unit / scale) * curve <= bound / (unit * scale)
    clauses = (
        Clause("excess", [excess], r"y_{si} \ge X_{si} - m_i", "weight of this excess", rhs_unit=None),
        Clause("acceptance", [acceptance], r"E\, l(X - m) \le b", "what a looser bound would save", rhs_unit=None),
    )
    return Program(cp.sum(amounts), amounts, clauses, r"\sum_i m_i", unit, 1.0)


class Amounts(NamedTuple):
    """The amounts, the violations (acceptance, conic primal and dual, gap), who found them, and the dual side.

    ``weights`` say what each scenario counts for each part (scenarios x parts, columns sum to one): what one more unit
    of loss there adds to the total. ``proven`` is the bound they prove: no smaller total is acceptable.
    """

    values: Array
    residuals: tuple[float, float, float]
    solver: str
    weights: Array
    proven: float


def shortfall_amounts(
    losses: Array, link: float, bound: float, probabilities: Array | None = None, solvers: tuple[str, ...] | None = None
) -> Amounts:
    """Solve, then move all amounts alike until the constraint holds by arithmetic to the last digits."""
    program = shortfall_program(losses, link, bound, probabilities)
    found: Answer = program.solve(solvers)
    joint = np.asarray(program.clause("excess").constraints[0].dual_value)
    amounts = found.x
    for _ in range(_STEPS):
        miss = mean_penalty(losses, amounts, link, probabilities) - bound
        amounts = amounts + miss / _slope(losses, amounts, link, probabilities)
    weights, proven = _dual(losses, link, bound, even(probabilities, len(losses)), joint)
    return Amounts(amounts, found.residuals, found.solver, weights, proven)


def _dual(losses: Array, link: float, bound: float, mass: Array, joint: Array) -> tuple[Array, float]:
    r"""Weights of scenarios that are feasible to the last digit, and the bound that weak duality makes of them.

    .. math:: \max_{z, \lambda} \sum_i E[z_i X_i] - \lambda E\, l^*(z / \lambda) - \lambda b, \qquad E z_i = 1

    ``joint`` holds the multipliers of the excesses: what a scenario weighs beyond its probability times
    :math:`\lambda`. On the boundary of a part (its loss equals its amount) they are the fraction that makes the means
    one.
    """
    beyond = np.maximum(joint, 0.0)
    part = float(np.clip(beyond.sum(axis=0).mean(), 0.0, 1.0))
    column = beyond.sum(axis=0)
    idle = column <= 0
    beyond = np.where(idle, mass[:, None], beyond) * (part / np.where(idle, 1.0, column))
    rate = 1.0 - part
    weights = rate * mass[:, None] + beyond
    if rate <= 0:
        return weights, -np.inf
    risen = beyond / (rate * np.where(mass > 0, mass, 1.0)[:, None])
    proven = float((weights * losses).sum()) - rate * float(mass @ _conjugate(risen, link)) - rate * bound
    return weights, proven


def _conjugate(slope: Array, link: float) -> Array:
    r"""The largest :math:`w \cdot y - \tfrac{1-a}2 |y|^2 - \tfrac a2 (\sum y)^2` over :math:`y \ge 0`, by row."""
    if link >= 1.0:
        return np.asarray(0.5 * slope.max(axis=1) ** 2)
    ranked = -np.sort(-slope, axis=1)
    count = np.arange(1, slope.shape[1] + 1)
    # With the k largest slopes at work their total is sum w / (1 - a + a k); the last one must still be above zero.
    totals = np.cumsum(ranked, axis=1) / (1.0 - link + link * count)
    active = (ranked > link * totals).sum(axis=1)
    total = np.where(active > 0, np.take_along_axis(totals, np.maximum(active - 1, 0)[:, None], axis=1)[:, 0], 0.0)
    y = np.maximum(slope - link * total[:, None], 0.0) / (1.0 - link)
    return np.asarray((slope * y).sum(axis=1) - 0.5 * (1 - link) * (y**2).sum(axis=1) - 0.5 * link * y.sum(axis=1) ** 2)


def _slope(losses: Array, amounts: Array, link: float, probabilities: Array | None) -> float:
    """How fast the mean penalty falls when every amount rises alike; at least the number of parts."""
    over = np.maximum(losses - amounts, 0.0)
    rise = (1.0 - link) * over.sum(axis=1) + link * (over > 0).sum(axis=1) * over.sum(axis=1)
    return float(losses.shape[1] + even(probabilities, len(losses)) @ rise)


_STEPS = 4  # Newton steps on a convex function from a point that is already right to eight digits
