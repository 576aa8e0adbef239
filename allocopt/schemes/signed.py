r"""Shares that may be negative: who offsets the risk of others is credited, and only caps hold.

.. math:: \min_x \sum_i \tfrac12 \Bigl(x_i - \tfrac{L}{\sum_j \kappa_j} \kappa_i\Bigr)^2 \quad\text{s.t.}\quad
   \sum_i x_i = L,\ x_i \le c_i \qquad\Longrightarrow\qquad x_i = \min(c_i,\ t_i + p)

where :math:`t_i` is the contribution scaled to the loss. What caps cut off is borne by the others in equal amounts, so
:math:`p \ge 0`, and where no cap binds the shares are the contributions themselves.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.maths.price import Supply, clear
from allocopt.maths.program import Clause, Program
from allocopt.schemes.one_price import CLAUSES

if TYPE_CHECKING:
    from allocopt.schemes.risk_rule import ContributionRule, Contributions

LATEX = r"\sum_i \tfrac12 \bigl(x_i - \tfrac{L}{\sum_j \kappa_j} \kappa_i\bigr)^2"


def scaled(name: str, key: Array, loss: Array) -> Array:
    """Contributions scaled to the loss, in rows (..., n) and (..., 1); refused where they do not sum to a cost."""
    total = key.sum(axis=-1, keepdims=True)
    if key.shape[-1] and ((total <= 0) & (loss > 0)).any():
        raise DataError(
            f"{name}: contributions sum to {float(total.min()):,.6g}, which cannot be scaled to a loss; "
            "use policy='floor'"
        )
    return np.asarray(key * (loss / np.where(total > 0, total, 1.0)))


def credited(loss: float, target: Array, caps: Array) -> tuple[Array, float]:
    """The nearest shares below the caps and their price."""
    if loss >= caps.sum():
        return caps.copy(), float(np.max(caps - target, initial=0.0))
    base = np.minimum(target, caps)
    room = Supply(np.zeros(1), np.ones(1), (caps - base)[None, :])
    given, price = clear(loss - float(base.sum()), room)
    return base + given[0], price


def credited_many(losses: Array, target: Array, caps: Array) -> Array:
    """The same for many losses, shape (S, n)."""
    from allocopt.maths.batch import clear_many

    base = np.minimum(target, caps)
    room = np.broadcast_to(caps, base.shape) - base
    out = base + clear_many(losses - base.sum(axis=1), Supply(np.zeros(1), np.ones(1), room[:, None, :]))
    return np.where((losses >= np.broadcast_to(caps, base.shape).sum(axis=1))[:, None], caps, out)


def program(problem: LossProblem, target: Array) -> Program:
    """The program in units of the loss: budget and caps, no floor."""
    import cvxpy as cp

    unit = problem.loss or 1.0
    x = cp.Variable(problem.n, name="x")
    held = np.flatnonzero(np.isfinite(problem.caps))
    clauses = (
        Clause("budget", [cp.sum(x) == 1.0], *CLAUSES["budget"]),
        Clause("cap", [x[held] <= problem.caps[held] / unit] if len(held) else [], *CLAUSES["cap"], rows=held),
    )
    return Program(0.5 * cp.sum_squares(x - target / unit), x, clauses, LATEX, unit, unit)


def answer(
    rule: ContributionRule, problem: LossProblem, found: Contributions, notes: tuple[str, ...],
    solvers: tuple[str, ...] | None, by_program: bool,
) -> Allocation:  # fmt: skip
    """Shares by formula or by program, with the certificate of either."""
    target = scaled(rule.name, found.values, np.array([problem.loss]))
    paid, price = credited(problem.loss, target, problem.caps)
    method = "closed form"
    if by_program:
        method = "program (single feasible point)"
        if 0 < problem.loss < problem.capacity:
            solved = program(problem, target).solve(solvers)
            paid, price = np.minimum(solved.x, problem.caps), solved.prices["budget"]
            method, notes = f"program ({solved.solver})", (*notes, *solved.trail)
    residual = max(problem.loss - problem.capacity, 0.0)
    duals: dict[str, Any] = {
        "budget": float(price),
        "cap": pd.Series(np.minimum(problem.caps - target - price, 0.0), index=problem.ids, name="cap"),
    }
    evidence = partial(_certify, target=target, misfit=found.misfit)
    extras = {"contributions": pd.Series(rule.values(problem), index=problem.ids, name="contributions")}
    return Allocation(problem, paid, residual, float(price), duals, method, rule, evidence, notes, extras)


def _certify(judged: Allocation, target: Array, misfit: float) -> Certificate:
    """Budget and caps; every share against its cap or its target plus the price; the cost above the price's bound."""
    problem, paid, loss = judged.problem, judged.paid, judged.problem.loss or 1.0
    budget = abs(float(paid.sum()) + judged.residual - problem.loss) / loss
    primal = max(budget, float((paid - problem.caps).max(initial=0.0)) / loss)
    best = np.minimum(problem.caps, target + judged.price)
    moved = paid - best
    dual = float(np.abs(moved).max(initial=0.0)) / loss
    excess = 0.5 * moved**2 + (best - target - judged.price) * moved
    size = float(np.abs(target).sum()) or 1.0
    gap = abs(float(excess.sum())) / (loss * max(size, loss))
    return Certificate(
        primal, max(dual, misfit), gap, "contributions and one price, credits allowed",
        "the contributions satisfy the identity that defines them, the shares add up, and each is its scaled "
        "contribution plus the price, or its cap",
        {"contributions": misfit},
    )  # fmt: skip
