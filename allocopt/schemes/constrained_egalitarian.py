"""Bills as equal as they can be when nobody may be charged beyond half of its claim before everybody has been."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from allocopt.facts.checks import Array
from allocopt.maths.price import Supply
from allocopt.schemes.keys import per_weight
from allocopt.schemes.one_price import OnePrice


@dataclass(frozen=True, eq=False, kw_only=True)
class ConstrainedEgalitarian(OnePrice):
    r"""Equal amounts up to half of every cap; beyond it the smallest bill is raised first, until it meets the next.

    .. math:: x = y + z,\quad \min_{y, z} \sum_i \frac{y_i^2 + z_i^2}{2 w_i}
       + \tfrac12 \Bigl(M + \frac{c_i}{w_i} - m\Bigr) z_i
       \quad\text{s.t.}\quad \sum_i x_i = L,\ 0 \le y_i, z_i \le c_i / 2

    While :math:`L \le \tfrac12 \sum c`, :math:`x_i = \min(c_i / 2, \lambda\, w_i)`; after that
    :math:`x_i = \max(c_i / 2, \min(c_i, \lambda\, w_i))`. :math:`c_i` is the cap in currency, :math:`w_i` the weight
    (``key``, one for each by default), :math:`M` the largest and :math:`m` the smallest cap per weight above zero: the
    second halves wait until the first are full, and then the smallest claim per weight moves first because its bill per
    weight is the smallest. A payer with weight zero bears nothing.

    Raises ``DataError`` when a cap is infinite.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"claim": [100.0, 200.0, 300.0]}, index=["A", "B", "C"])
    >>> ConstrainedEgalitarian().allocate(LossProblem(400, table, cap="claim")).shares.to_list()
    [100.0, 150.0, 150.0]
    """

    name = "constrained-egalitarian"
    formula = r"x_i = \min(c_i/2, \lambda w_i)\ \text{ then }\ \max(c_i/2, \min(c_i, \lambda w_i))"
    objective = r"\sum_i \frac{y_i^2 + z_i^2}{2 w_i} + \tfrac12 \bigl(M + c_i / w_i - m\bigr) z_i"
    source = "Chun, Schummer and Thomson (2001), Seoul Journal of Economics 14"
    claims = frozenset({
        "equal treatment", "order preservation of burdens", "order preservation of what is left",
        "claim monotonicity", "others oriented claim monotonicity", "loss monotonicity",
        "linked claim loss monotonicity", "population monotonicity", "consistency", "null payer", "midpoint",
        "homogeneity", "no gain from splitting", "no transfer paradox", "regressivity", "lower bound on burdens",
        "replication invariance", "linked loss population monotonicity", "bounded impact of transfers",
        "separability",
    })  # fmt: skip
    keyed = "key"
    bounded = True

    key: Any = field(default=None, metadata={"help": "weights: column, blend, or one figure per payer; one for each"})

    def supply(self, loss: Array, cap: Array, key: Array) -> Supply:
        """Two blocks; the second halves start when the first are full, the smallest claim at once."""
        half = 0.5 * cap
        rate = per_weight(half, key)
        top = rate.max(axis=-1, keepdims=True, initial=0.0)
        least = np.minimum(rate.min(axis=-1, keepdims=True, initial=np.inf, where=rate > 0), top)
        start = np.stack((np.zeros_like(rate), np.maximum(top + rate - least, 0.0)), axis=-2)
        block = np.stack((half, half), axis=-2)
        return Supply(start, key[..., None, :], block, ("first half", "second half"))
