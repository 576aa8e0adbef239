"""First what each claimant is sure to bear or get, then the rest in proportion to what each can still claim of it."""

from dataclasses import dataclass

import numpy as np

from allocopt.facts.checks import Array
from allocopt.maths.price import Supply
from allocopt.schemes.one_price import OnePrice

# What the minimal shares leave is a difference of sums; below this fraction of the loss it is rounding.
_ROUNDING = 8 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False, kw_only=True)
class AdjustedProportional(OnePrice):
    r"""Each first bears what all others together cannot; the rest is pro-rata to the open caps, cut to that rest.

    .. math:: m_i = \bigl(L - \textstyle\sum_{j \ne i} c_j\bigr)^+, \quad R = L - \sum_j m_j, \quad
       t_i = \min(c_i - m_i, R), \quad x_i = m_i + R\, \frac{t_i}{\sum_j t_j}

    :math:`c_i` is the cap and :math:`L` the loss, in currency. As a program, :math:`x = y + z` with

    .. math:: \min_{y, z} \sum_i \frac{\bar m}{m_i} \cdot \tfrac12 y_i^2 + \frac{\bar t}{t_i} \cdot \tfrac12 z_i^2
       + \bar m z_i \quad\text{s.t.}\quad \sum_i x_i = L,\ 0 \le y_i \le m_i,\ 0 \le z_i \le c_i - m_i

    where :math:`\bar m` and :math:`\bar t` are the largest :math:`m_i` and :math:`t_i`: the minimal shares are full at
    price :math:`\bar m`, where the proportional part begins. The tau-value of the claims game. Self-dual: both readings
    give the same shares. A cap above the loss counts as the loss, so infinite caps are fine in the burden reading.

    Raises ``DataError`` in the payout reading when a cap is infinite.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"claim": [100.0, 200.0, 300.0]}, index=["A", "B", "C"])
    >>> AdjustedProportional().allocate(LossProblem(400, table, cap="claim")).shares.to_list()
    [60.0, 120.0, 220.0]
    """

    name = "adjusted-proportional"
    formula = r"x_i = m_i + R \frac{t_i}{\sum_j t_j}"
    objective = r"\sum_i \tfrac12 \frac{\bar m}{m_i} y_i^2 + \tfrac12 \frac{\bar t}{t_i} z_i^2 + \bar m z_i"
    source = "Curiel, Maschler and Tijs (1987), Zeitschrift fuer Operations Research 31:A143-A159"
    claims = frozenset({
        "equal treatment", "order preservation of burdens", "order preservation of what is left",
        "claim monotonicity", "loss monotonicity", "supermodularity", "linked claim loss monotonicity", "null payer",
        "self duality", "midpoint", "homogeneity", "claims truncation invariance", "minimal rights first",
        "no transfer paradox", "lower bound on burdens", "lower bound on what is left",
        "bounded impact of transfers",
    })  # fmt: skip

    def supply(self, loss: Array, cap: Array, key: Array) -> Supply:
        """Minimal shares first, each in step with the others; then the rest by truncated open caps."""
        whole = np.minimum(loss, cap.sum(axis=-1, keepdims=True))
        counted = np.minimum(cap, whole)
        sure = np.clip(whole - (counted.sum(axis=-1, keepdims=True) - counted), 0.0, counted)
        rest = whole - sure.sum(axis=-1, keepdims=True)
        open_cap = cap - sure
        # With no rest to divide any weight gives the same shares; the payout reading still needs one.
        weight = np.where(rest > _ROUNDING * whole, np.minimum(open_cap, rest), 1.0)
        last = sure.max(axis=-1, keepdims=True, initial=0.0)
        slopes = np.stack((_of_largest(sure), _of_largest(weight)), axis=-2)
        start = np.stack((np.zeros_like(sure), np.broadcast_to(last, sure.shape)), axis=-2)
        return Supply(start, slopes, np.stack((sure, open_cap), axis=-2), ("minimal part", "proportional part"))


def _of_largest(values: Array) -> Array:
    top = values.max(axis=-1, keepdims=True, initial=0.0)
    return np.asarray(values / np.where(top > 0, top, 1.0))
