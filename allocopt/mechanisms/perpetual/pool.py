"""Deleveraging that protects a pool: profits owed may not grow beyond a part of what backs them (GMX v2)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.checks import number
from allocopt.facts.problem import LossProblem
from allocopt.mechanisms.perpetual.social import account_column
from allocopt.schemes.pro_rata import ProRata

TRIGGER, FLOOR, PAYOUT = 0.85, 0.77, 0.90  # defaults of the configuration; markets set their own (45 % to 85 %)


@dataclass(frozen=True)
class PoolFactor:
    """Profit owed to one side over the pool that backs it: whether positions may be closed, and how much at most.

    ``most`` is the profit that may be paid out in one step before the factor falls below its floor: each unit paid
    leaves both the profit and the pool. It is zero when deleveraging is not allowed.
    """

    factor: float
    allowed: bool
    most: float
    floor: float

    def after(self, profit: float, pool: float) -> str:
        """What the contract says of a state afterwards: ``stands``, ``not reduced`` or ``overcorrected``."""
        now = _factor(profit, pool)
        if now >= self.factor:
            return "not reduced"
        return "overcorrected" if now < self.floor else "stands"


def gmx_pool_factor(profit: float, pool: float, *, trigger: float = TRIGGER, floor: float = FLOOR) -> PoolFactor:
    r"""Whether a side of a market may be deleveraged, and how far: the pool factor of GMX v2.

    .. math:: \phi = \frac{\Pi}{V},\qquad \text{allowed iff } \phi > \phi_{\max},\qquad
       \phi_{\min} \le \phi' < \phi,\qquad m = \frac{(\Pi - \phi_{\min} V)^+}{1 - \phi_{\min}}

    :math:`\Pi` is the pending profit of the side (losses of its positions taken off), :math:`V` the value of its pool;
    a pool of zero has the factor zero, as in the code. Nobody is bankrupt: the pool is protected. The contract does not
    check that the largest or most profitable position is closed first, so no order is claimed here. :math:`m`
    (``most``) follows from profit and pool both falling by what is paid.

    Source: gmx-io/gmx-synthetics, AdlUtils and market configuration (defaults 85 % and 77 %).

    >>> state = gmx_pool_factor(90.0, 100.0)
    >>> state.allowed, round(state.most, 6), state.after(90 - 40, 100 - 40), state.after(40.0, 100.0)
    (True, 56.521739, 'stands', 'overcorrected')
    """
    owed, backing = number(profit, "profit", low=-math.inf), number(pool, "pool")
    high, low = number(trigger, "trigger"), number(floor, "floor", high=1.0)
    if low >= high or low == 1.0:
        raise DataError(f"the floor {low:g} is not below the trigger {high:g} (and one); a step must have room to fall")
    factor = _factor(owed, backing)
    allowed = factor > high
    most = max(owed - low * backing, 0.0) / (1.0 - low) if allowed else 0.0
    return PoolFactor(factor, allowed, min(most, max(owed, 0.0)), low)


def gmx_payout(profits: pd.Series[Any], pool: float, *, cap: float = PAYOUT, currency: str = "") -> Allocation:
    r"""What traders lose when a side's profit exceeds the part of the pool that may be paid out: all at one rate.

    .. math:: \Pi = \sum_i P_i,\qquad x_i = P_i^+\, \frac{(\Pi - \phi\, V)^+}{\Pi} \quad (\Pi > 0)

    :math:`P_i` are the profits of all positions of the side, losers among them: the cap is held against their sum
    :math:`\Pi`, because what losers pay in backs winners too. Winners are paid :math:`\phi V / \Pi` of their profit.

    Source: gmx-io/gmx-synthetics, PositionUtils.getPositionPnlUsd and MarketUtils.getCappedPnl (maxPnlFactorForTraders,
    90 % by default).

    >>> gmx_payout(pd.Series({"A": 80.0, "B": 50.0, "C": -10.0}), 100.0).shares.to_dict()
    {'A': 20.0, 'B': 12.5, 'C': 0.0}
    """
    table = account_column(profits, "profit", low=-math.inf)
    table["gain"] = table["profit"].clip(lower=0.0)
    most, owed = number(cap, "cap") * number(pool, "pool"), float(table["profit"].sum())
    loss = float(table["gain"].sum()) * (owed - most) / owed if owed > most else 0.0
    return ProRata(key="gain").allocate(LossProblem(loss, table, "gain", currency))


def _factor(profit: float, pool: float) -> float:
    return profit / pool if pool > 0 else 0.0
