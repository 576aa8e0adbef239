"""Half of every claim first, so that what is left of the halves is equal; then the other halves in equal amounts."""

from dataclasses import dataclass, field
from typing import Any

from allocopt.facts.checks import Array
from allocopt.maths.price import Supply
from allocopt.schemes.keys import per_weight
from allocopt.schemes.one_price import OnePrice


@dataclass(frozen=True, eq=False, kw_only=True)
class ReverseTalmud(OnePrice):
    r"""The shares closest to half of every cap: the largest pay first, and near exhaustion the smallest are full first.

    .. math:: \min_x \sum_i \frac{(x_i - c_i / 2)^2}{2 w_i} \quad \text{s.t.} \quad \sum_i x_i = L,\ 0 \le x_i \le c_i

    While :math:`L \le \tfrac12 \sum c`, :math:`x_i = (c_i / 2 - \lambda\, w_i)^+`; after that
    :math:`x_i = c_i / 2 + \min(c_i / 2, \mu\, w_i)`: equal losses on one half of the claims, then equal awards on the
    other, the Talmud rule in reverse. :math:`c_i` is the cap and :math:`L` the loss, in currency; :math:`w_i` are
    weights (``key``, one for each by default), and a payer with weight zero bears nothing. Prices are counted from the
    largest half per weight, so the first to pay starts at zero. Self-dual: both readings give the same shares.

    Raises ``DataError`` when a cap is infinite.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"claim": [100.0, 200.0, 300.0]}, index=["A", "B", "C"])
    >>> ReverseTalmud().allocate(LossProblem(200, table, cap="claim")).shares.round(4).to_list()
    [16.6667, 66.6667, 116.6667]
    """

    name = "reverse-talmud"
    formula = r"x_i = (c_i/2 - \lambda w_i)^+\ \text{ then }\ c_i/2 + \min(c_i/2, \mu w_i)"
    objective = r"\sum_i \frac{1}{2 w_i} \left(x_i - \tfrac12 c_i\right)^2"
    source = "Chun, Schummer and Thomson (2001), Seoul Journal of Economics 14"
    claims = frozenset({
        "equal treatment", "order preservation of burdens", "order preservation of what is left",
        "claim monotonicity", "others oriented claim monotonicity", "loss monotonicity", "supermodularity",
        "linked claim loss monotonicity", "population monotonicity", "consistency", "null payer", "self duality",
        "midpoint", "homogeneity", "no transfer paradox", "replication invariance",
        "order preservation under claims variation", "order preservation under population variation",
        "linked loss population monotonicity", "bounded impact of transfers", "separability",
    })  # fmt: skip
    keyed = "key"
    bounded = True

    key: Any = field(default=None, metadata={"help": "weights: column, blend, or one figure per payer; one for each"})

    def supply(self, loss: Array, cap: Array, key: Array) -> Supply:
        """One block per payer that starts the earlier the larger its half is."""
        half = 0.5 * per_weight(cap, key)
        start = half.max(axis=-1, keepdims=True, initial=0.0) - half
        return Supply(start[..., None, :], key[..., None, :], cap[..., None, :])
