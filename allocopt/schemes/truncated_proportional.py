"""In proportion to the claims, each counted at most at the whole amount."""

from dataclasses import dataclass

import numpy as np

from allocopt.facts.checks import Array
from allocopt.maths.price import Supply
from allocopt.schemes.one_price import OnePrice


@dataclass(frozen=True, eq=False, kw_only=True)
class TruncatedProportional(OnePrice):
    r"""Pro-rata to the caps, where the part of a cap above the loss does not count.

    .. math:: \min_x \sum_i \frac{x_i^2}{2 t_i} \quad \text{s.t.} \quad \sum_i x_i = L,\ 0 \le x_i \le c_i
       \qquad\Longrightarrow\qquad x_i = L\, \frac{t_i}{\sum_j t_j}, \quad t_i = \min(c_i, L)

    :math:`c_i` is the cap and :math:`L` the loss, in currency; the price is the common rate, loss per unit of
    truncated cap. Nobody's share depends on by how much its cap exceeds the loss, so an infinite cap is fine in the
    burden reading. The payout reading truncates the claims at what is left.

    Raises ``DataError`` in the payout reading when a cap is infinite.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"claim": [100.0, 200.0, float("inf")]}, index=["A", "B", "C"])
    >>> TruncatedProportional().allocate(LossProblem(200, table, cap="claim")).shares.to_list()
    [40.0, 80.0, 80.0]
    """

    name = "truncated-proportional"
    formula = r"x_i = L \frac{\min(c_i, L)}{\sum_j \min(c_j, L)}"
    objective = r"\sum_i \frac{x_i^2}{2 \min(c_i, L)}"
    source = "Thomson (2003), Mathematical Social Sciences 45:249-297"
    claims = frozenset({
        "equal treatment", "order preservation of burdens", "order preservation of what is left",
        "claim monotonicity", "others oriented claim monotonicity", "loss monotonicity", "supermodularity",
        "linked claim loss monotonicity", "population monotonicity", "null payer", "homogeneity",
        "claims truncation invariance", "no gain from splitting", "no transfer paradox", "regressivity",
        "lower bound on burdens", "order preservation under claims variation",
        "order preservation under population variation", "bounded impact of transfers",
    })  # fmt: skip

    def supply(self, loss: Array, cap: Array, key: Array) -> Supply:
        """One block per payer that rises with its truncated cap; with nothing to divide the weight has no meaning."""
        weight = np.where(loss > 0, np.minimum(cap, loss), 1.0)
        return Supply(np.zeros(1), weight[..., None, :], cap[..., None, :])
