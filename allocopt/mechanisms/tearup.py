"""The defaulter's positions are closed against survivors who hold the other side: pro rata, cheapest, or in lots."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array, vector
from allocopt.maths.price import Supply, clear
from allocopt.mechanisms.outcome import amount_table, chosen, stake, stakes
from allocopt.mechanisms.torn import TearUp, box_certificate

METHODS = ("pro-rata", "linear", "quadratic", "lots")
_BELONGS = {"cost": "linear", "weight": "quadratic", "covariance": "quadratic", "side": "quadratic", "lot": "lots"}


def tear_up(
    quantity: Any,
    opposite: Any,
    method: str = "pro-rata",
    *,
    cost: Any = None,
    weight: Any = None,
    covariance: Any = None,
    side: Any = None,
    lot: Any = None,
) -> TearUp:
    r"""Terminate a defaulter's position against the survivors' opposite positions (partial tear-up).

    .. math:: \min_t\ \sum_i \rho_i(t_i) \quad \text{s.t.} \quad \sum_i t_{ik} = \min\Bigl(Q_k, \sum_i q_{ik}\Bigr),
       \quad 0 \le t_{ik} \le q_{ik}

    :math:`Q_k \ge 0` is the defaulter's remaining quantity of contract :math:`k` and :math:`q_{ik} \ge 0` what survivor
    :math:`i` holds on the other side; :math:`t_{ik}` is what is closed, all in units of the contract.

    ==========  ========================================================================================================
    pro-rata    :math:`\rho_i = \sum_k t_{ik}^2 / 2 q_{ik}`, so :math:`t_{ik} = Q_k q_{ik} / \sum_j q_{jk}`: JSCC's rule
    linear      :math:`\rho_i = \sum_k a_{ik} t_{ik}`: the cheapest positions first; equal costs share pro rata
    quadratic   :math:`\rho_i = t_i^\top S\, t_i / 2 w_i`: the least disturbance of the survivors' books, per unit of
                their size :math:`w_i`. :math:`S_{kl} = s_k s_l\,\Sigma_{kl}` is the ``covariance`` of price moves with
                the ``side`` :math:`s_k = \pm 1` of each contract; without it every contract stands alone
    lots        whole lots only: as much as lots can close, then least
                :math:`\sum_i |t_i - Q q_i / \sum_j q_j|`
                (where several divisions are equally near: with lots of one size the earlier row goes first, with lots
                that differ it is one of them)
    ==========  ========================================================================================================

    Without a weight the quadratic form takes :math:`w_i = \sum_k \sqrt{\Sigma_{kk}}\, q_{ik}`; for one contract it is
    then the pro-rata rule.

    Parameters
    ----------
    quantity : a number for one contract, or a Series by contract.
    opposite : a Series by survivor, or a DataFrame survivors x contracts (columns as ``quantity`` is indexed).
    method : ``"pro-rata"``, ``"linear"``, ``"quadratic"`` or ``"lots"``.
    cost : linear: what closing one unit costs each survivor (as ``opposite`` is given, or by survivor).
    weight : quadratic: size of each survivor, > 0, by survivor.
    covariance, side : quadratic: K x K matrix of price moves; +1 where the defaulter is long (default), -1 where short.
    lot : lots: size of a lot, one number or one per survivor; 1 by default.

    Returns
    -------
    TearUp : ``.closed`` and ``.left`` (as ``opposite`` is given), ``.residual`` (a number, or by contract),
        ``.price`` (the marginal cost of one more unit), ``.certificate``, ``.explain(survivor)``.

    Raises
    ------
    DataError : NaN, negative or unnamed positions, contracts that do not match, a parameter of another method, a
        covariance that is not symmetric and positive semidefinite.
    SolverError : no solver gave an answer that stands.

    Sources: pro rata to the offsetting positions: JSCC's rules of July 2020 (FIA Japan); Regulation (EU) 2021/23
    Art. 29 (tear-up as a resolution tool). The optimising forms are this package's, with the pro-rata rule as the
    special case.

    >>> tear_up(30, pd.Series({"A": 40.0, "B": 10.0, "C": 10.0})).closed.to_dict()
    {'A': 20.0, 'B': 5.0, 'C': 5.0}
    >>> tear_up(30, pd.Series({"A": 40.0, "B": 10.0, "C": 10.0}), "linear", cost=[2.0, 1.0, 5.0]).closed.to_dict()
    {'A': 20.0, 'B': 10.0, 'C': 0.0}
    >>> tear_up(7, pd.Series({"A": 4.0, "B": 4.0, "C": 4.0}), "lots", lot=[2, 2, 3]).closed.to_dict()
    {'A': 2.0, 'B': 2.0, 'C': 3.0}
    """
    chosen(method, "method", METHODS)
    given = {"cost": cost, "weight": weight, "covariance": covariance, "side": side, "lot": lot}
    for name, value in given.items():
        if value is not None and method != _BELONGS[name]:
            raise DataError(f"{name} belongs to method {_BELONGS[name]!r}, not to {method!r}; leave it out")
    Q, q, ids, contracts = _read(quantity, opposite)
    if method == "linear":
        if cost is None:
            raise DataError("method 'linear' needs cost: what closing one unit costs each survivor")
        t, price, certificate = _cheapest_first(Q, q, _costs(cost, ids, contracts))
    elif method == "quadratic" and covariance is not None:
        from allocopt.mechanisms.tearup_quadratic import least_disturbance

        size = None if weight is None else _sizes(weight, ids)
        return least_disturbance(Q, q, ids, _need_contracts(contracts), covariance, side, size)
    elif method == "lots":
        from allocopt.mechanisms.tearup_lots import whole_lots

        return whole_lots(Q, q, ids, contracts, vector(1.0 if lot is None else lot, ids, "lot"))
    else:
        if side is not None:
            raise DataError("side says which way contracts move together; it needs a covariance")
        t, price, certificate = _by_size(
            Q, q, q if weight is None else np.where(q > 0, _sizes(weight, ids)[:, None], 0.0)
        )
    return TearUp(ids, contracts, Q, q, t, price, method, "closed form", certificate)


def _read(quantity: Any, opposite: Any) -> tuple[Array, Array, pd.Index, pd.Index | None]:
    """Quantities (K), opposite positions (n, K), survivors, and contracts (None when there is only one)."""
    if isinstance(opposite, pd.Series):
        if isinstance(quantity, pd.Series):
            raise DataError("quantity is a Series by contract; give opposite as a DataFrame, survivors x contracts")
        _, frame = amount_table(opposite.to_frame("opposite"), "opposite", "survivor", "contract")
        return (
            np.array([stake(quantity, "quantity")]),
            vector(opposite, frame.index, "opposite")[:, None],
            frame.index,
            None,
        )
    q, frame = amount_table(opposite, "opposite", "survivor", "contract")
    if not isinstance(quantity, pd.Series):
        raise DataError(f"quantity is {quantity!r}; with a table of positions give a Series by contract")
    for have, need, what in ((quantity.index, frame.columns, "opposite"), (frame.columns, quantity.index, "quantity")):
        lone = have[~have.isin(need)]
        if len(lone):
            raise DataError(f"{what} has no contract {lone[0]!r}; give quantity and opposite for the same contracts")
    return stakes(quantity, frame.columns, "quantity"), q, frame.index, frame.columns


def _costs(cost: Any, ids: pd.Index, contracts: pd.Index | None) -> Array:
    if isinstance(cost, pd.DataFrame):
        if contracts is None:
            raise DataError("cost is a table but there is one contract; give a Series by survivor")
        figures, frame = amount_table(cost, "cost", "survivor", "contract", low=-np.inf)
        lone = [label for label in (*ids, *contracts) if label not in frame.index and label not in frame.columns]
        if lone:
            raise DataError(f"cost has no entry for {lone[0]!r}; give one for every survivor and contract")
        return np.asarray(figures[frame.index.get_indexer(ids)][:, frame.columns.get_indexer(contracts)])
    column = vector(cost, ids, "cost", low=-np.inf)[:, None]
    return np.repeat(column, 1 if contracts is None else len(contracts), axis=1)


def _sizes(weight: Any, ids: pd.Index) -> Array:
    sizes = vector(weight, ids, "weight")
    if (sizes == 0).any():
        raise DataError(f"weight: {ids[int(np.argmin(sizes))]!r} is 0; a size is positive")
    return sizes


def _need_contracts(contracts: pd.Index | None) -> pd.Index:
    if contracts is None:
        raise DataError("a covariance is between contracts; give quantity as a Series and opposite as a DataFrame")
    return contracts


def _by_size(Q: Array, q: Array, w: Array) -> tuple[Array, Array, Certificate]:
    """Every contract at one rate of the sizes, up to what each survivor holds."""
    t, price = np.zeros(q.shape), np.zeros(len(Q))
    for k in range(len(Q)):
        given, price[k] = clear(float(Q[k]), Supply(np.zeros(1), w[None, :, k], q[None, :, k]))
        t[:, k] = given[0]
    slope = np.divide(t, w, out=np.zeros(q.shape), where=w > 0)
    return t, price, box_certificate(Q, q, t, slope, price, "one rate for every contract")


def _cheapest_first(Q: Array, q: Array, cost: Array) -> tuple[Array, Array, Certificate]:
    """Fill from the lowest cost; survivors of equal cost share pro rata to what they hold."""
    t, price = np.zeros(q.shape), np.zeros(len(Q))
    for k in range(len(Q)):
        left = float(Q[k])
        for level in np.unique(cost[q[:, k] > 0, k]):
            if left <= 0:
                break
            at = np.flatnonzero((cost[:, k] == level) & (q[:, k] > 0))
            held = float(q[at, k].sum())
            t[at, k] = q[at, k] if left >= held else q[at, k] * (left / held)
            left, price[k] = left - held, level
    return t, price, box_certificate(Q, q, t, cost, price, "the cheapest positions are closed first")
