"""Half of every claim in equal amounts, and then the other half in equal amounts again."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from allocopt.facts.checks import Array
from allocopt.maths.price import Supply
from allocopt.schemes.keys import per_weight
from allocopt.schemes.one_price import OnePrice


@dataclass(frozen=True, eq=False, kw_only=True)
class Piniles(OnePrice):
    r"""Everybody pays the same amount up to half of its cap; when all halves are full, the same again.

    .. math:: x = y + z,\quad \min_{y, z} \sum_i \frac{y_i^2 + z_i^2}{2 w_i} + M z_i
       \quad\text{s.t.}\quad \sum_i x_i = L,\ 0 \le y_i, z_i \le c_i / 2

    :math:`c_i` is the cap in currency and :math:`M = \tfrac12 \max_j c_j / w_j` makes the second halves wait until the
    first are full. While :math:`L \le \tfrac12 \sum c`, :math:`x_i = \min(c_i / 2, p\, w_i)`; after that
    :math:`x_i = c_i / 2 + \min(c_i / 2, (p - M)\, w_i)`. Constrained equal awards of the half claims, twice, on the
    weights :math:`w_i` (``key``, one for each by default); a payer with weight zero bears nothing.

    Raises ``DataError`` when a cap is infinite.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"claim": [100.0, 200.0, 300.0]}, index=["A", "B", "C"])
    >>> Piniles().allocate(LossProblem(400, table, cap="claim")).shares.round(4).to_list()
    [83.3333, 133.3333, 183.3333]
    """

    name = "piniles"
    formula = r"x_i = \min(c_i/2, p w_i)\ \text{ then }\ c_i/2 + \min(c_i/2, \mu w_i)"
    objective = r"\sum_i \frac{y_i^2 + z_i^2}{2 w_i} + M z_i"
    source = "Piniles (1861), Darkah shel Torah, Vienna; Thomson (2003), Mathematical Social Sciences 45:249-297"
    claims = frozenset({
        "equal treatment", "order preservation of burdens", "order preservation of what is left",
        "claim monotonicity", "others oriented claim monotonicity", "loss monotonicity", "supermodularity",
        "linked claim loss monotonicity", "population monotonicity", "consistency", "null payer", "midpoint",
        "homogeneity", "no gain from splitting", "no transfer paradox", "regressivity", "lower bound on burdens",
        "replication invariance", "order preservation under claims variation",
        "order preservation under population variation", "linked loss population monotonicity",
        "bounded impact of transfers", "separability",
    })  # fmt: skip
    keyed = "key"
    bounded = True

    key: Any = field(default=None, metadata={"help": "weights: column, blend, or one figure per payer; one for each"})

    def supply(self, loss: Array, cap: Array, key: Array) -> Supply:
        """Two equal blocks; the second starts when the largest first half is full."""
        half = 0.5 * cap
        rate = per_weight(half, key)
        later = np.broadcast_to(rate.max(axis=-1, keepdims=True, initial=0.0), rate.shape)
        start = np.stack((np.zeros_like(rate), later), axis=-2)
        block = np.stack((half, half), axis=-2)
        return Supply(start, key[..., None, :], block, ("first half", "second half"))
