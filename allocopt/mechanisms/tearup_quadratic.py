"""Tear-up across contracts that move together, so that the survivors' books are disturbed least: a convex program."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array, vector
from allocopt.maths.program import Clause, Program
from allocopt.mechanisms.torn import TearUp, box_certificate

_ROUNDING = 1e-9  # of the largest variance: below this an eigenvalue is rounding of zero

_DISTURBANCE = r"\sum_i \frac{t_i^\top S\, t_i}{2 w_i}"


def least_disturbance(
    Q: Array, q: Array, ids: pd.Index, contracts: pd.Index, covariance: Any, side: Any, size: Array | None
) -> TearUp:
    """Solve the quadratic form; where a contract leaves no choice its quantities are fixed by arithmetic first."""
    S, flat = signed_covariance(covariance, side, contracts)
    if size is None:
        size = q @ np.sqrt(np.diag(S))
    total = q.sum(axis=0)
    t = np.where(total <= Q, q, 0.0)
    free = (Q > 0) & (total > Q)
    rows, columns = np.nonzero((q > 0) & free)
    idle = ids[np.unique(rows)][size[np.unique(rows)] <= 0]
    if len(idle):
        raise DataError(f"covariance gives survivor {idle[0]!r} a risk of zero; state a weight for every survivor")
    price, found_by = np.zeros(len(Q)), "closed form (no choice)"
    if len(rows):
        found = quadratic_program(
            Q, q, S, size, t, rows, columns, _DISTURBANCE, "marginal cost of closing one more unit"
        ).solve()
        cut = np.clip(found.x * Q[columns], 0.0, q[rows, columns])
        t[rows, columns] = np.where(cut <= 1e-13 * Q[columns], 0.0, cut)
        price[free] = [found.prices[f"budget {k}"] / Q[k] for k in np.flatnonzero(free)]
        found_by = f"program ({found.solver})"
    slope = np.divide(t @ S, size[:, None], out=np.zeros(q.shape), where=size[:, None] > 0)
    proof = box_certificate(Q, q, t, slope, price, "no other division disturbs the books less")
    notes = ("the covariance is singular, so other divisions may be as good",) if flat else ()
    return TearUp(ids, contracts, Q, q, t, price, "quadratic", found_by, proof, notes)


def quadratic_program(
    Q: Array, q: Array, S: Array, size: Array, fixed: Array, rows: Any, columns: Any, latex: str, reading: str
) -> Program:
    """The least variance per unit of size of what is closed, ``fixed`` included, over the open pairs of survivor and
    contract; quantities in units of each contract's own, variances and sizes in units of the largest."""
    import cvxpy as cp
    import scipy.sparse as sp

    n, contracts = q.shape
    unit = np.where(Q > 0, Q, 1.0)
    y = cp.Variable(len(rows), name="t")
    values, vectors = np.linalg.eigh(S * np.outer(unit, unit))
    variance, largest = float(values.max()) or 1.0, float(size.max()) or 1.0
    root = vectors * np.sqrt(np.maximum(values, 0.0) / variance)
    spread = sp.csr_array(
        (np.ones(len(rows)), (rows * contracts + columns, np.arange(len(rows)))), shape=(n * contracts, len(rows))
    )
    scaled = np.sqrt(np.divide(largest, size, out=np.zeros(n), where=size > 0))
    blocks = sp.kron(sp.diags_array(scaled), sp.csr_array(root.T), format="csr")
    already = blocks @ (fixed / unit).ravel()
    cost = 0.5 * cp.sum_squares((blocks @ spread) @ y + already)
    clauses = [
        Clause(f"budget {k}", [cp.sum(y[np.flatnonzero(columns == k)]) == 1.0], r"\sum_i t_{ik} = Q_k",
               reading)
        for k in np.unique(columns)
    ]  # fmt: skip
    clauses.append(Clause("floor", [y >= 0], r"t_{ik} \ge 0", "price of the floor", +1.0, rows=np.arange(len(rows))))
    near = np.flatnonzero(q[rows, columns] <= unit[columns])
    if len(near):
        bound = q[rows[near], columns[near]] / unit[columns[near]]
        clauses.append(Clause("held", [y[near] <= bound], r"t_{ik} \le q_{ik}", "price of the position", rows=near))
    return Program(cost, y, tuple(clauses), latex, 1.0, variance / largest)


def signed_covariance(covariance: Any, side: Any, contracts: pd.Index) -> tuple[Array, bool]:
    """The covariance as the survivors meet it, and whether it is singular."""
    count = len(contracts)
    if isinstance(covariance, pd.DataFrame):
        lone = [c for c in contracts if c not in covariance.index or c not in covariance.columns]
        if lone:
            raise DataError(f"covariance has no contract {lone[0]!r}; give a row and a column for each")
        covariance = covariance.loc[contracts, contracts].to_numpy()
    figures = np.asarray(covariance)
    if figures.shape != (count, count):
        raise DataError(f"covariance has shape {figures.shape}; expected {count} x {count}, a row per contract")
    cells = pd.MultiIndex.from_product([list(contracts), list(contracts)])
    matrix = vector(figures.ravel(), cells, "covariance", low=-np.inf).reshape(count, count)
    largest = float(np.abs(matrix).max(initial=0.0))
    if not np.allclose(matrix, matrix.T, rtol=1e-9, atol=1e-12 * largest):
        raise DataError("covariance is not symmetric; give the same figure above and below the diagonal")
    lowest = float(np.linalg.eigvalsh(matrix).min(initial=0.0)) if count else 0.0
    if lowest < -_ROUNDING * largest:
        raise DataError(f"covariance has the negative eigenvalue {lowest:.3g}; give a positive semidefinite matrix")
    sides = np.ones(count) if side is None else vector(side, contracts, "side", low=-1.0, high=1.0)
    if (np.abs(sides) != 1).any():
        raise DataError("side: give +1 where the defaulter is long and -1 where it is short")
    deviation = np.sqrt(np.diag(matrix))
    scaled = matrix / np.where(deviation > 0, np.outer(deviation, deviation), 1.0)
    flat = bool(count and np.linalg.eigvalsh(scaled).min() <= _ROUNDING)
    return 0.5 * (matrix + matrix.T) * np.outer(sides, sides), flat
