"""Every payer bears the cost only it causes, and the rest is shared by how much each would concede of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.maths.tails import MEASURES, SAME, coalition_risks
from allocopt.schemes.risk_rule import Contributions, RiskRule, adding_up, measure_named

_MOST = 1 << 31  # amounts summed over all coalitions and scenarios: some ten seconds of work


@dataclass(frozen=True, eq=False, kw_only=True)
class CostGap(RiskRule):
    r"""Every payer bears the cost only it causes, and the rest is shared by how much each would concede of it.

    .. math:: \kappa_i = \nu_i + \frac{\lambda_i}{\sum_j \lambda_j}\, \gamma(N), \quad \nu_i = v(N) - v(N \setminus i),
       \quad \gamma(S) = v(S) - \sum_{j \in S} \nu_j, \quad \lambda_i = \min_{S \ni i} \gamma(S)

    :math:`v(S)` is the risk of the payers in :math:`S` together (``measure`` ``"es"``, ``"var"`` or ``"std"`` at
    ``level``), :math:`\nu_i` the part of the joint risk that would vanish without payer :math:`i`, and
    :math:`\gamma(S)` the cost gap, what coalition :math:`S` has to carry beyond such parts. Contributions add up to
    :math:`v(N)`. All :math:`2^n` coalitions are evaluated, so this is for some twenty payers.

    Raises ``DataError`` where the rule is not defined (a negative gap, or payers who together concede too little, as
    can happen with ``"var"``) and when there are too many payers.

    >>> import pandas as pd
    >>> pnl = pd.DataFrame({"A": [3.0, 3.0, -3.0, -3.0], "B": [4.0, -4.0, 4.0, -4.0]})
    >>> table = pd.DataFrame({"cap": [10.0, 10.0]}, index=["A", "B"])
    >>> CostGap(scenarios=pnl, measure="std").allocate(LossProblem(5, table, cap="cap")).shares.to_list()
    [2.0, 3.0]
    """

    name = "cost-gap"
    aliases = ("tijs-driessen",)
    formula = r"x_i = \min(c_i,\ p\, \kappa_i^+),\quad \kappa_i = \nu_i + \lambda_i\, \gamma(N) / \sum_j \lambda_j"
    source = "Tijs and Driessen (1986), Management Science 32:1015-1028"

    level: float = field(default=0.975, metadata={"help": "level of the risk measure, strictly between 0 and 1"})
    measure: str = field(default="es", metadata={"help": "joint risk: 'es', 'var' or 'std'"})

    def __post_init__(self) -> None:
        super().__post_init__()
        measure_named(self.measure, MEASURES)

    def found(self, problem: LossProblem) -> Contributions:
        """The cost-gap values, payers who cannot be enumerated refused before any work is done."""
        work = 2.0**problem.n * len(self.book.losses)
        if work > _MOST:
            raise DataError(
                f"cost-gap looks at all 2**{problem.n} coalitions in {len(self.book.losses)} scenarios, beyond what is "
                "done in reasonable time; merge payers into groups, or use euler-es"
            )
        return super().found(problem)

    def contribute(self, losses: Array, probabilities: Array | None) -> Contributions:
        """The values of the game of joint risks."""
        costs = coalition_risks(losses, self.measure, self.level, probabilities)
        return adding_up(cost_gap_values(costs), float(costs[-1]))


def cost_gap_values(costs: Any) -> Array:
    """The cost-gap values of a game by its costs, by bit mask (bit i is player i), the empty coalition first.

    >>> cost_gap_values([0, 6, 7, 10, 8, 11, 12, 14]).round(6)
    array([3.666667, 4.666667, 5.666667])
    """
    cost = np.asarray(costs, dtype=np.float64)
    n = len(cost).bit_length() - 1
    whole = len(cost) - 1
    alone = cost[whole] - cost[[whole ^ (1 << i) for i in range(n)]]
    gap = cost.copy()
    for i in range(n):
        gap.reshape(-1, 2, 1 << i)[:, 1, :] -= alone[i]
    least = np.array([gap.reshape(-1, 2, 1 << i)[:, 1, :].min() for i in range(n)])
    dust = SAME * float(np.abs(cost).max()) * n
    if gap[whole] <= dust and gap.min() >= -dust:
        return np.asarray(alone + gap[whole] / n)
    if gap.min() < -dust or least.sum() < gap[whole] - dust:
        raise DataError(
            f"the cost-gap rule is not defined here: gaps reach {gap.min():,.6g}, payers concede {least.sum():,.6g} of "
            f"the {gap[whole]:,.6g} to be shared; use a sub-additive measure such as 'es'"
        )
    return np.asarray(alone + least * (gap[whole] / least.sum()))
