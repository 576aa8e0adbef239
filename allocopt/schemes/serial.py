"""Every payer shares equally in the cost that would arise if nobody were larger than it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number
from allocopt.facts.problem import LossProblem
from allocopt.schemes.keys import key_values
from allocopt.schemes.risk_rule import ContributionRule, Contributions, adding_up


@dataclass(frozen=True, eq=False, kw_only=True)
class Serial(ContributionRule):
    r"""Every payer shares equally in the cost that would arise if nobody were larger than it.

    .. math:: \kappa_k = \kappa_{k-1} + \frac{C(q^k) - C(q^{k-1})}{n - k + 1}, \qquad
       q^k = \sum_{j < k} q_j + (n - k + 1)\, q_k, \qquad q_1 \le \dots \le q_n

    :math:`q_i` is the exposure of payer :math:`i` (``key``: a column, a blend, or figures; the caps by default),
    :math:`C` the cost of a total exposure with :math:`C(0) = 0`. ``cost`` is a power: :math:`C(q) = L (q / Q)^\beta`
    with :math:`Q = \sum_i q_i`, which divides the loss itself; 1 is pro-rata, and the higher, the less a small payer
    answers for the size of the large. Or ``cost`` is a function of an array of totals; if it is worth something else
    than the loss at :math:`Q`, contributions are a key.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"exposure": [1.0, 2.0, 3.0]}, index=["A", "B", "C"])
    >>> Serial(key="exposure", cost=2.0).allocate(LossProblem(36, table)).shares.round(9).to_list()
    [3.0, 11.0, 22.0]
    """

    name = "serial"
    aliases = ("serial-cost-sharing", "moulin-shenker")
    formula = r"\kappa_k = \kappa_{k-1} + \frac{C(q^k) - C(q^{k-1})}{n - k + 1},\quad x_i = \min(c_i,\ p\, \kappa_i^+)"
    source = "Moulin and Shenker (1992), Econometrica 60:1009-1037"
    claims = frozenset({"equal treatment", "loss monotonicity", "homogeneity"})

    key: Any = field(default=None, metadata={"help": "exposure: column, blend, or one figure per payer; the caps"})
    cost: float | Callable[[Array], Any] = field(
        default=2.0, metadata={"help": "power of the total exposure, or a function of an array of totals"}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not callable(self.cost) and number(self.cost, "the cost of serial (a power)") == 0:
            raise DataError(
                "the cost of serial is the power 0, a cost that does not depend on exposure; give 1 or more"
            )

    def found(self, problem: LossProblem) -> Contributions:
        """The serial shares of the cost, by a sort of the exposures."""
        if self.key is None:
            self._need_finite(problem, "name exposures with key=..., or state finite caps with cap=...")
        exposure = key_values(self.key, problem, problem.caps)
        order = np.argsort(exposure, kind="stable")
        ranked = exposure[order]
        left = problem.n - np.arange(problem.n)
        totals = np.concatenate(([0.0], np.cumsum(ranked) - ranked + left * ranked))
        costs = self._costs(totals, problem.loss)
        values = np.empty(problem.n)
        values[order] = np.cumsum(np.diff(costs) / left)
        return adding_up(values, float(costs[-1]))

    def batch(self, losses: Array, keys: Array | None, caps: Array) -> Array:
        """No batch: exposures are no contributions, and reading them as such would share in proportion."""
        raise DataError("serial has no batch form; call allocate() for each loss")

    def _costs(self, totals: Array, loss: float) -> Array:
        if not callable(self.cost):
            top = float(totals[-1])
            return np.asarray(loss * (totals / top) ** self.cost) if top > 0 else np.zeros(len(totals))
        found = np.asarray(self.cost(totals), dtype=np.float64)
        if found.shape != totals.shape or not np.isfinite(found).all():
            raise DataError(
                f"the cost function of serial gave {found!r} for totals {totals!r}; expected one finite cost for each"
            )
        if abs(found[0]) > 0:
            raise DataError(f"the cost function of serial charges {found[0]:,.6g} for no exposure; C(0) must be 0")
        return found
