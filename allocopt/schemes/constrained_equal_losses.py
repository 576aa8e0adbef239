"""Everybody keeps the same amount of its cap, or nothing if the cap is smaller."""

from dataclasses import dataclass, field
from typing import Any

from allocopt.facts.checks import Array
from allocopt.maths.price import Supply
from allocopt.schemes.keys import per_weight
from allocopt.schemes.one_price import OnePrice


@dataclass(frozen=True, eq=False, kw_only=True)
class ConstrainedEqualLosses(OnePrice):
    r"""Every payer is left with the same amount of its cap unpaid (or the same amount per unit of weight).

    .. math:: \min_x \sum_i \frac{(c_i - x_i)^2}{2 w_i} \quad \text{s.t.} \quad \sum_i x_i = L,\ 0 \le x_i \le c_i
       \qquad\Longrightarrow\qquad x_i = c_i - \min(c_i, \mu\, w_i)

    The largest cap pays first and falls until it meets the next. Prices are counted from the largest ratio of cap to
    weight, :math:`p = \max_j c_j / w_j - \mu \ge 0`, which shifts the cost by a constant times :math:`L` and keeps a
    small loss from being the difference of two large numbers. Needs finite caps. It is the dual of constrained equal
    awards: the same shares follow from that rule with ``reading="payout"``.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"claim": [100.0, 200.0, 300.0]}, index=["A", "B", "C"])
    >>> ConstrainedEqualLosses().allocate(LossProblem(300, table, cap="claim")).shares.to_list()
    [0.0, 100.0, 200.0]
    """

    name = "constrained-equal-losses"
    aliases = ("cel", "uniform-losses")
    formula = r"x_i = c_i - \min(c_i,\ \mu\, w_i)"
    objective = r"\sum_i \frac{(c_i - x_i)^2}{2 w_i}"
    source = "Maimonides; Aumann and Maschler (1985), Journal of Economic Theory 36:195-213; Herrero (2003)"
    claims = frozenset({
        "equal treatment", "order preservation of burdens", "order preservation of what is left",
        "claim monotonicity", "others oriented claim monotonicity", "loss monotonicity", "supermodularity",
        "linked claim loss monotonicity", "population monotonicity", "consistency", "null payer", "composition down",
        "composition up", "homogeneity", "minimal rights first", "no gain from merging", "no transfer paradox",
        "progressivity", "lower bound on what is left", "replication invariance",
        "order preservation under claims variation", "order preservation under population variation",
        "linked loss population monotonicity", "bounded impact of transfers", "separability",
    })  # fmt: skip
    keyed = "key"
    bounded = True

    key: Any = field(default=None, metadata={"help": "weights: column, blend, or one figure per payer; one for each"})

    def supply(self, loss: Array, cap: Array, key: Array) -> Supply:
        """One block per payer that starts the earlier the larger the cap is for its weight."""
        ratio = per_weight(cap, key)
        start = ratio.max(axis=-1, keepdims=True, initial=0.0) - ratio
        return Supply(start[..., None, :], key[..., None, :], cap[..., None, :])
