"""Share in proportion to a key, up to each cap; what a cap cuts off is shared again among the rest."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from allocopt.facts.checks import Array
from allocopt.maths.price import Supply
from allocopt.schemes.one_price import OnePrice


@dataclass(frozen=True, eq=False, kw_only=True)
class ProRata(OnePrice):
    r"""Every payer bears the same rate of its key, until its cap stops it.

    .. math:: \min_x \sum_i \frac{x_i^2}{2 w_i} \quad \text{s.t.} \quad \sum_i x_i = L,\ 0 \le x_i \le c_i
       \qquad\Longrightarrow\qquad x_i = \min(c_i, p\, w_i)

    :math:`w_i \ge 0` is the key (a column such as ``default_fund`` or ``initial_margin``, a blend, figures of one's
    own; by default the caps), :math:`c_i` the cap in currency, and the price :math:`p` is the common loss rate: loss
    per unit of key among those whose cap does not bind. What a cap cuts off is re-spread; clearing houses call the
    passes rounds. A payer with key zero bears nothing. Exposure-weighted allocation is this rule with the exposure as
    its key: gross, net, initial margin or stress loss.

    Raises ``DataError`` when no key is named and a cap is infinite, or when the key is negative or NaN.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"margin": [1.0, 2.0, 3.0], "limit": [10.0, 10.0, 4.0]}, index=["A", "B", "C"])
    >>> ProRata(key="margin").allocate(LossProblem(12, table, cap="limit")).shares.round(4).to_list()
    [2.6667, 5.3333, 4.0]
    """

    name = "pro-rata"
    aliases = ("proportional",)
    formula = r"x_i = \min(c_i,\ p\, w_i)"
    objective = r"\sum_i \frac{x_i^2}{2 w_i}"
    source = "O'Neill (1982), Mathematical Social Sciences 2:345-371; Moulin (2000), Econometrica 68:643-684 (caps)"
    claims = frozenset({
        "equal treatment", "order preservation of burdens", "order preservation of what is left",
        "claim monotonicity", "others oriented claim monotonicity", "loss monotonicity", "supermodularity",
        "linked claim loss monotonicity", "population monotonicity", "consistency", "null payer", "composition down",
        "composition up", "self duality", "midpoint", "homogeneity", "no gain from splitting",
        "no gain from merging", "no transfer paradox", "no advantageous transfer", "progressivity", "regressivity",
        "replication invariance", "group order preservation", "order preservation under claims variation",
        "order preservation under population variation", "linked loss population monotonicity",
        "bounded impact of transfers", "separability",
    })  # fmt: skip
    keyed = "key"
    by_caps = True

    key: Any = field(default=None, metadata={"help": "column, blend of columns, or one figure per payer; the caps"})

    def supply(self, loss: Array, cap: Array, key: Array) -> Supply:
        """One block per payer, from price zero, rising with the key."""
        return Supply(np.zeros(1), key[..., None, :], cap[..., None, :])
