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
        values, costs = self._shares(np.array([problem.loss]), exposure[None, :])
        return adding_up(values[0], float(costs[0]))

    def batch(self, losses: Array, keys: Array | None, caps: Array) -> Array:
        """Shares for many losses; ``keys`` are exposures, the caps when left out."""
        exposure = caps if keys is None else keys
        if np.isinf(exposure).any():
            raise DataError("serial divides by exposures, the caps unless keys are given; state finite ones")
        values, _ = self._shares(losses, np.broadcast_to(exposure, (len(losses), exposure.shape[-1])))
        return super().batch(losses, values, caps)

    def _shares(self, losses: Array, exposure: Array) -> tuple[Array, Array]:
        """Serial shares (S, n) of the costs of all exposure (S): sorted, each step shared by those still rising."""
        order = np.argsort(exposure, axis=1, kind="stable")
        ranked = np.take_along_axis(exposure, order, axis=1)
        n = exposure.shape[1]
        left = n - np.arange(n)
        totals = np.cumsum(ranked, axis=1) - ranked + left * ranked
        if callable(self.cost):
            costs = np.stack([self._costs(np.append(0.0, row)) for row in totals])
        else:
            costs = self._powers(totals, losses)
        values = np.empty(exposure.shape)
        np.put_along_axis(values, order, np.cumsum(np.diff(costs, axis=1) / left, axis=1), axis=1)
        return values, costs[:, -1]

    def _powers(self, totals: Array, losses: Array) -> Array:
        """The loss times a power of each total's part of all exposure, after nothing for none."""
        top = totals[:, -1:] if totals.shape[1] else np.zeros((len(totals), 1))
        parts = np.where(top > 0, totals / np.where(top > 0, top, 1.0), 0.0)
        return np.asarray(losses[:, None] * np.concatenate((np.zeros((len(totals), 1)), parts), axis=1) ** self.cost)

    def _costs(self, totals: Array) -> Array:
        """What the stated function charges for these totals."""
        assert callable(self.cost)
        found = np.asarray(self.cost(totals), dtype=np.float64)
        if found.shape != totals.shape or not np.isfinite(found).all():
            raise DataError(
                f"the cost function of serial gave {found!r} for totals {totals!r}; expected one finite cost for each"
            )
        if abs(found[0]) > 0:
            raise DataError(f"the cost function of serial charges {found[0]:,.6g} for no exposure; C(0) must be 0")
        return found
