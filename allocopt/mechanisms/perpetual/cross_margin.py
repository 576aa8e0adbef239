"""Deleveraging accounts that hold several contracts: one shadow price per contract, every account by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import vector
from allocopt.mechanisms.outcome import amount_table, stakes
from allocopt.mechanisms.tearup_quadratic import quadratic_program, signed_covariance
from allocopt.mechanisms.torn import TearUp, box_certificate

_RISK = r"\sum_i \frac{z_i^\top \Sigma z_i}{2 E_i}"


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
        found = quadratic_program(
            Q, q, S, E, t - facing, rows, columns, _RISK, "shadow price of the contract: cost of closing one more"
        ).solve()
        cut = np.clip(found.x * Q[columns], 0.0, q[rows, columns])
        t[rows, columns] = np.where(cut <= 1e-13 * Q[columns], 0.0, cut)
        for k in np.unique(columns):
            price[k] = found.prices[f"budget {k}"] / Q[k]
        found_by = f"program ({found.solver})"
    slope = -((facing - t) @ S) / E[:, None]
    proof = box_certificate(Q, q, t, slope, price, "no other division leaves less risk per unit of equity")
    notes = ("the covariance is singular, so other divisions may be as good",) if flat else ()
    return TearUp(ids, contracts, Q, q, t, price, "leverage", found_by, proof, notes)
