"""Equal awards on one part of every claim, equal losses on the rest: the family from equal losses to equal awards."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from allocopt.facts.checks import Array, number
from allocopt.maths.price import Supply
from allocopt.schemes.keys import per_weight
from allocopt.schemes.one_price import OnePrice


@dataclass(frozen=True, eq=False, kw_only=True)
class TalFamily(OnePrice):
    r"""Losses below a fraction of all caps are shared in equal amounts, the rest so that what is left is equal.

    .. math:: x = y + z,\quad \min_{y, z} \sum_i \frac{y_i^2 + z_i^2}{2 w_i}
       + \Bigl(M - \frac{(1-\theta) c_i}{w_i}\Bigr) z_i
       \quad\text{s.t.}\quad \sum_i x_i = L,\ 0 \le y_i \le \theta c_i,\ 0 \le z_i \le (1-\theta) c_i

    :math:`\theta \in [0, 1]` cuts every cap :math:`c_i` in two; :math:`M = \max_j c_j / w_j` is high enough for the
    second part to wait until the first is full. While :math:`L \le \theta \sum c`,
    :math:`x_i = \min(\theta c_i, p\, w_i)`; after that :math:`x_i = c_i - \min((1-\theta) c_i, \mu\, w_i)`.
    :math:`\theta = 1` is constrained equal awards, 0 constrained equal losses, 1/2 the Talmud rule. The weights
    :math:`w_i` (``key``, one for each by default) make amounts equal per unit of weight; with them the dual is the
    member :math:`1 - \theta` on the same weights, as without. A payer with weight zero bears nothing.

    Raises ``DataError`` when a cap is infinite.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"claim": [2.0, 4.0, 7.0, 8.0]}, index=list("ABCD"))
    >>> TalFamily(theta=1/3).allocate(LossProblem(10, table, cap="claim")).shares.round(6).to_list()
    [0.666667, 1.333333, 3.5, 4.5]
    """

    name = "tal-family"
    formula = r"x_i = \min(\theta c_i, p\, w_i)\ \text{ then }\ c_i - \min((1-\theta) c_i, \mu\, w_i)"
    objective = r"\sum_i \frac{y_i^2 + z_i^2}{2 w_i} + \bigl(M - (1-\theta) c_i / w_i\bigr) z_i"
    source = (
        "Moreno-Ternero and Villar (2006), Social Choice and Welfare 27:231-249; weights: Hokari and Thomson (2003)"
    )
    claims = frozenset({"equal treatment", "loss monotonicity", "homogeneity", "consistency", "null payer"})
    keyed = "key"
    bounded = True

    theta: float = field(default=0.5, metadata={"help": "where every claim is cut, between 0 and 1"})
    key: Any = field(default=None, metadata={"help": "weights: column, blend, or one figure per payer; one for each"})

    def __post_init__(self) -> None:
        super().__post_init__()
        number(self.theta, "theta", high=1.0)

    def supply(self, loss: Array, cap: Array, key: Array) -> Supply:
        """Two blocks: the first part of every claim from price zero, then the rest, the largest first."""
        first, rest = self.theta * cap, (1.0 - self.theta) * cap
        late, top = per_weight(rest, key), per_weight(cap, key).max(axis=-1, keepdims=True, initial=0.0)
        start = np.stack((np.zeros_like(late), top - late), axis=-2)
        block = np.stack((first, rest), axis=-2)
        return Supply(start, key[..., None, :], block, ("first part", "second part"))
