"""Deleveraging accounts that hold several contracts: one shadow price per contract, every account by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array, vector
from allocopt.maths.program import Clause, Program
from allocopt.mechanisms.outcome import amount_table, stakes
from allocopt.mechanisms.tearup_quadratic import signed_covariance
from allocopt.mechanisms.torn import TearUp, box_certificate


def drain_leverage(quantity: Any, positions: pd.DataFrame, equity: Any, covariance: Any, side: Any = None) -> TearUp:
    r"""Close contracts so that the risk that accounts keep, per unit of their equity, is least.

    .. math:: \min_t \sum_i \frac{z_i^\top \Sigma\, z_i}{2 E_i},\quad z_i = q_i - s \circ t_i \quad\text{s.t.}\quad
       \sum_i t_{ik} = \min\Bigl(Q_k, \sum_i (s_k q_{ik})^+\Bigr),\quad 0 \le t_{ik} \le (s_k q_{ik})^+

    :math:`q_{ik}` is the signed position of account :math:`i` in contract :math:`k`, :math:`s_k = \pm 1` the side that
    is closed there (+1: accounts that are long), :math:`\Sigma` the covariance of price moves per contract and
    :math:`E_i` the equity. The duals of the quantities are **shadow prices**, one per contract; given them every
    account's reduction is its own small problem, so the division is separable. An account whose position hedges
    another one is spared, since closing it would raise its risk.

    With one contract this is the minimax-leverage rule (every strictly convex cost gives its water-filling), and with
    one factor, :math:`\Sigma = v v^\top`, it evens out the factor leverage :math:`v^\top z_i / E_i` of all that are
    touched, as in the one-factor model of the source. It is this package's quadratic form of the program, not the
    expected-shortfall objective of the paper.

    Parameters
    ----------
    quantity : Series by contract of what has to be closed, >= 0.
    positions : accounts x contracts, signed.
    equity : > 0, by account.
    covariance : contracts x contracts, symmetric and positive semidefinite.
    side : +1 or -1 by contract: which holders are closed; +1 for all unless said otherwise.

    Returns
    -------
    TearUp : ``.closed`` (>= 0), ``.residual``, ``.price`` (the shadow prices: cost of one more contract; below zero
        while closing relieves risk), ``.certificate``.

    Raises
    ------
    DataError : equity of zero, contracts that do not match, a covariance that is none.

    Source: Campbell, Hey, Moallemi and Nutz (2026), arXiv 2603.15963 (separability, one factor).

    >>> positions = pd.DataFrame({"BTC": [8.0, 4.0, 1.0]}, index=["A", "B", "C"])
    >>> told = drain_leverage(pd.Series({"BTC": 6.0}), positions, 1.0, [[1.0]])
    >>> told.closed["BTC"].round(6).to_list()
    [5.0, 1.0, 0.0]
    """
    signed, frame = amount_table(positions, "positions", "account", "contract", low=-np.inf)
    ids, contracts = frame.index, frame.columns
    Q = stakes(quantity, contracts, "quantity")
    E = vector(equity, ids, "equity")
    if (E == 0).any():
        raise DataError(
            f"equity: {ids[int(np.argmin(E))]!r} is 0, a leverage without limit; close it before the others"
        )
    S, flat = signed_covariance(covariance, side, contracts)
    sides = np.ones(len(contracts)) if side is None else vector(side, contracts, "side", low=-1.0, high=1.0)
    facing = signed * sides  # the covariance is turned the same way, so that risks stay what they are
    q = np.maximum(facing, 0.0)
    total = q.sum(axis=0)
    t = np.where(total <= Q, q, 0.0)
    rows, columns = np.nonzero((q > 0) & (Q > 0) & (total > Q))
    price, found_by = np.zeros(len(Q)), "closed form (no choice)"
    if len(rows):
        found = _program(Q, q, facing - t, S, E, rows, columns).solve()
        cut = np.clip(found.x * Q[columns], 0.0, q[rows, columns])
        t[rows, columns] = np.where(cut <= 1e-13 * Q[columns], 0.0, cut)
        for k in np.unique(columns):
            price[k] = found.prices[f"budget {k}"] / Q[k]
        found_by = f"program ({found.solver})"
    slope = -((facing - t) @ S) / E[:, None]
    proof = box_certificate(Q, q, t, slope, price, "no other division leaves less risk per unit of equity")
    notes = ("the covariance is singular, so other divisions may be as good",) if flat else ()
    return TearUp(ids, contracts, Q, q, t, price, "leverage", found_by, proof, notes)


def _program(Q: Array, q: Array, start: Array, S: Array, E: Array, rows: Any, columns: Any) -> Program:
    """Quantities in units of each contract's own; risks in units of the largest that is left."""
    import cvxpy as cp
    import scipy.sparse as sp

    n, contracts = q.shape
    unit = np.where(Q > 0, Q, 1.0)
    values, vectors = np.linalg.eigh(S * np.outer(unit, unit))
    variance, largest = float(values.max()) or 1.0, float(E.max())
    root = vectors * np.sqrt(np.maximum(values, 0.0) / variance)
    y = cp.Variable(len(rows), name="t")
    spread = sp.csr_array(
        (np.ones(len(rows)), (rows * contracts + columns, np.arange(len(rows)))), shape=(n * contracts, len(rows))
    )
    blocks = sp.kron(sp.diags_array(np.sqrt(largest / E)), sp.csr_array(root.T), format="csr")
    cost = 0.5 * cp.sum_squares(blocks @ (start / unit).ravel() - (blocks @ spread) @ y)
    clauses = [
        Clause(f"budget {k}", [cp.sum(y[np.flatnonzero(columns == k)]) == 1.0], r"\sum_i t_{ik} = Q_k",
               "shadow price of the contract: cost of closing one more")
        for k in np.unique(columns)
    ]  # fmt: skip
    clauses.append(Clause("floor", [y >= 0], r"t_{ik} \ge 0", "price of the floor", +1.0, rows=np.arange(len(rows))))
    near = np.flatnonzero(q[rows, columns] <= unit[columns])
    if len(near):
        bound = q[rows[near], columns[near]] / unit[columns[near]]
        clauses.append(Clause("held", [y[near] <= bound], r"t_{ik} \le q_{ik}", "price of the position", rows=near))
    return Program(cost, y, tuple(clauses), r"\sum_i \frac{z_i^\top \Sigma z_i}{2 E_i}", 1.0, variance / largest)
