"""Everybody bears the same amount, or its cap if that is less."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from allocopt.facts.checks import Array
from allocopt.maths.price import Supply
from allocopt.schemes.one_price import OnePrice


@dataclass(frozen=True, eq=False, kw_only=True)
class ConstrainedEqualAwards(OnePrice):
    r"""Every payer bears the same amount (or the same amount per unit of weight), until its cap stops it.

    .. math:: \min_x \sum_i \frac{x_i^2}{2 w_i} \quad \text{s.t.} \quad \sum_i x_i = L,\ 0 \le x_i \le c_i
       \qquad\Longrightarrow\qquad x_i = \min(c_i, p\, w_i)

    With equal weights (the default) this is the least unequal vector of shares that respects the caps :math:`c_i`; the
    price :math:`p` is the common amount, in currency. With ``key`` weights it coincides with capped pro-rata on that
    key. Claims rules name it after the *awards* it equalises: in the burden reading the award is the burden; with
    ``reading="payout"`` what is left is paid out in equal amounts and the burden is the cap less that.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"claim": [100.0, 200.0, 300.0]}, index=["A", "B", "C"])
    >>> ConstrainedEqualAwards().allocate(LossProblem(400, table, cap="claim")).shares.to_list()
    [100.0, 150.0, 150.0]
    """

    name = "constrained-equal-awards"
    aliases = ("cea", "uniform-awards")
    formula = r"x_i = \min(c_i,\ p\, w_i)"
    objective = r"\sum_i \frac{x_i^2}{2 w_i}"
    source = "Maimonides; Aumann and Maschler (1985), Journal of Economic Theory 36:195-213; Dagan (1996)"
    claims = frozenset({
        "equal treatment", "order preservation of burdens", "order preservation of what is left",
        "claim monotonicity", "others oriented claim monotonicity", "loss monotonicity", "supermodularity",
        "linked claim loss monotonicity", "population monotonicity", "consistency", "null payer", "composition down",
        "composition up", "homogeneity", "claims truncation invariance", "no gain from splitting",
        "no transfer paradox", "regressivity", "lower bound on burdens", "replication invariance",
        "order preservation under claims variation", "order preservation under population variation",
        "linked loss population monotonicity", "bounded impact of transfers", "separability",
    })  # fmt: skip
    keyed = "key"

    key: Any = field(default=None, metadata={"help": "weights: column, blend, or one figure per payer; one for each"})

    def supply(self, loss: Array, cap: Array, key: Array) -> Supply:
        """One block per payer, from price zero, rising with its weight."""
        return Supply(np.zeros(1), key[..., None, :], cap[..., None, :])
