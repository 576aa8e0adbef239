"""Every contract bears the same amount, long or short: the loss is spread over positions, not over profits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from allocopt.facts.checks import Array
from allocopt.maths.price import Supply
from allocopt.schemes.one_price import OnePrice


@dataclass(frozen=True, eq=False, kw_only=True)
class ContractProRata(OnePrice):
    r"""Every open contract pays the same amount, whichever side it is on and whether it is in profit or not.

    .. math:: \min_x \sum_i \frac{x_i^2}{2 |z_i|} \quad \text{s.t.} \quad \sum_i x_i = L,\ 0 \le x_i \le c_i
       \qquad\Longrightarrow\qquad x_i = \min(c_i,\ p\, |z_i|)

    :math:`z_i` is the position in contracts, of either sign; the price :math:`p` is the loss per contract,
    :math:`L / \sum_j |z_j|` while no cap binds. Drift v2 spreads what its insurance does not cover over all open
    contracts of both sides in this way and without caps (its code rounds the amount per contract up; see
    :func:`allocopt.mechanisms.perpetual.social.drift_social_loss`); with the accounts of one side alone it is the
    pro-rata tear-up.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"contracts": [6.0, -3.0, 1.0]}, index=["A", "B", "C"])
    >>> ContractProRata(key="contracts").allocate(LossProblem(20, table)).shares.to_list()
    [12.0, 6.0, 2.0]
    """

    name = "contract-pro-rata"
    aliases = ("social-loss",)
    formula = r"x_i = \min(c_i,\ p\, |z_i|)"
    objective = r"\sum_i \frac{x_i^2}{2 |z_i|}"
    source = "Drift v2 (drift-labs/protocol-v2), controller/liquidation.rs, resolve_perp_bankruptcy"
    claims = frozenset({"equal treatment", "loss monotonicity", "homogeneity", "null payer"})
    letters: ClassVar[Mapping[str, str]] = {"z_i": "position of payer i in contracts, long > 0, short < 0"}
    keyed = "key"
    key_low = -np.inf

    key: Any = field(metadata={"help": "column, or one figure per payer, with positions in contracts of either sign"})

    def supply(self, loss: Array, cap: Array, key: Array) -> Supply:
        """One block per payer, from price zero, rising with its contracts."""
        return Supply(np.zeros(1), np.abs(key)[..., None, :], cap[..., None, :])
