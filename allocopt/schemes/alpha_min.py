"""Equal amounts until the smallest claim is full, then in proportion to what is left of every claim."""

from dataclasses import dataclass

import numpy as np

from allocopt.facts.checks import Array
from allocopt.maths.price import Supply
from allocopt.schemes.one_price import OnePrice


@dataclass(frozen=True, eq=False, kw_only=True)
class AlphaMin(OnePrice):
    r"""Everybody pays the same amount while the smallest cap allows it; the rest is shared pro rata to the open caps.

    .. math:: x = y + z,\quad \min_{y, z} \sum_i \tfrac12 y_i^2 + \frac{M - m}{c_i - m} \cdot \tfrac12 z_i^2 + m z_i
       \quad\text{s.t.}\quad \sum_i x_i = L,\ 0 \le y_i \le m,\ 0 \le z_i \le c_i - m

    :math:`c_i` is the cap in currency, :math:`m` the smallest of the :math:`n` caps and :math:`M` the largest. While
    :math:`L \le n m`, :math:`x_i = L / n`; after that :math:`x_i = m + (L - n m) (c_i - m) / \sum_j (c_j - m)`. Of all
    mixtures of equal division and proportional division it is the one with most equal division that exceeds no cap. A
    payer whose cap is zero is the smallest claimant: with one in the table the rule is pro-rata to the caps.

    Raises ``DataError`` when a cap is infinite.

    No weighted form of this rule is known to us in print, so it takes no key.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"claim": [100.0, 200.0, 300.0]}, index=["A", "B", "C"])
    >>> AlphaMin().allocate(LossProblem(450, table, cap="claim")).shares.to_list()
    [100.0, 150.0, 200.0]
    """

    name = "alpha-min"
    formula = r"x_i = L/n\ \text{ then }\ m + (L - n m) \frac{c_i - m}{\sum_j (c_j - m)}"
    objective = r"\sum_i \tfrac12 y_i^2 + \frac{M - m}{2 (c_i - m)} z_i^2 + m z_i"
    source = "Gimenez-Gomez and Peris (2014), European Journal of Operational Research 232:109-116"
    claims = frozenset({
        "equal treatment", "order preservation of burdens", "order preservation of what is left",
        "claim monotonicity", "loss monotonicity", "supermodularity", "linked claim loss monotonicity",
        "composition down", "composition up", "homogeneity", "regressivity", "replication invariance",
        "order preservation under claims variation",
    })  # fmt: skip
    bounded = True

    def supply(self, loss: Array, cap: Array, key: Array) -> Supply:
        """An equal block up to the smallest cap, then one that rises with what is left of the cap."""
        least = np.zeros_like(cap)
        if cap.shape[-1]:
            least = np.broadcast_to(cap.min(axis=-1, keepdims=True), cap.shape)
        rest = cap - least
        span = rest.max(axis=-1, keepdims=True, initial=0.0)
        weight = np.stack((np.ones_like(cap), rest / np.where(span > 0, span, 1.0)), axis=-2)
        start = np.stack((np.zeros_like(cap), least), axis=-2)
        return Supply(start, weight, np.stack((least, rest), axis=-2), ("equal part", "proportional part"))
