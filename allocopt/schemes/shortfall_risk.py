"""Every payer bears the amount that, with the others' amounts, makes the joint losses acceptable at the least total."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number
from allocopt.facts.problem import LossProblem
from allocopt.maths.shortfall import mean_penalty, shortfall_amounts
from allocopt.maths.tails import SAME, risks
from allocopt.schemes.risk_rule import Contributions, RiskRule

_PRUDENT = 0.01  # with 1 instead, 124 of 166 members of unequal size got a negative amount; with this, 5
_MOST = 200_000  # scenarios times payers: a quarter of a minute for the conic solver


@dataclass(frozen=True, eq=False, kw_only=True)
class ShortfallRisk(RiskRule):
    r"""Every payer bears the amount that, with the others' amounts, makes joint losses acceptable at the least total.

    .. math:: \min_{\kappa} \sum_i \kappa_i \quad\text{s.t.}\quad E\Bigl[\sum_i y_i + \tfrac{1 - a}{2} \sum_i (y_i^+)^2
       + \tfrac{a}{2} \bigl(\textstyle\sum_i y_i^+\bigr)^2\Bigr] \le b, \quad y_i = \frac{\ell_i - \kappa_i}{u}, \qquad
       x_i = \min(c_i,\ p\, \kappa_i^+)

    :math:`\ell_i` is the loss of payer :math:`i` in a scenario (minus its profit and loss). Losses beyond the amounts
    are punished more than those below are rewarded; ``systemic`` :math:`a` in [0, 1] says how much more they weigh
    when several payers exceed their amounts in the same scenario; ``bound`` :math:`b` is the mean penalty that is still
    acceptable. ``unit`` :math:`u` is the money in which excesses are counted: the smaller, the nearer amounts come to
    the worst losses; the larger, the nearer they come to mean losses, and payers with little risk then get *negative*
    amounts. Left out, it is a hundredth of the mean stand-alone standard deviation, so that the currency does not
    matter. A convex program, solved and certified by its dual (weights of scenarios, see ``scenario_weights``: no
    smaller total is acceptable), amounts to about six digits; meant for some thousand scenarios.

    >>> pnl = pd.DataFrame({"A": [-4.0, 0.0, -3.0, 0.0], "B": [0.0, -2.0, -3.0, 0.0]})
    >>> rule = ShortfallRisk(scenarios=pnl, systemic=1.0, unit=1.0, bound=1.0)
    >>> rule.allocate(LossProblem(10 / 3, pd.DataFrame(index=["A", "B"]))).shares.round(4).to_list()
    [2.6667, 0.6667]
    """

    name = "shortfall-risk"
    aliases = ("multivariate-shortfall-risk",)
    formula = r"x_i = \min(c_i,\ p\, \kappa_i^+),\quad \kappa = \arg\min\ \text{total that makes losses acceptable}"
    source = (
        "Armenti, Crepey, Drapeau and Papapantoleon (2018), SIAM Journal on Financial Mathematics 9:90-126, "
        "arXiv:1507.05351"
    )

    systemic: float = field(default=0.0, metadata={"help": "weight of joint excesses, between 0 and 1"})
    bound: float = field(default=0.0, metadata={"help": "mean penalty still acceptable"})
    unit: float | None = field(
        default=None, metadata={"help": "money in which excesses are counted; 1% of the mean sd"}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        number(self.systemic, "systemic of shortfall-risk", high=1.0)
        number(self.bound, "the bound of shortfall-risk", low=-np.inf)
        if self.unit is not None and number(self.unit, "the unit of shortfall-risk") == 0:
            raise DataError("the unit of shortfall-risk is 0; give a positive amount of money")

    def contribute(self, losses: Array, probabilities: Array | None) -> Contributions:
        """The amounts of the convex program, in currency."""
        if losses.size > _MOST:
            raise DataError(
                f"shortfall-risk solves a program with {losses.size} entries (scenarios x payers), more than {_MOST}; "
                "draw fewer scenarios, or use euler-es"
            )
        unit = self.unit or _small_change(losses, probabilities)
        found = shortfall_amounts(losses / unit, self.systemic, self.bound, probabilities)
        penalty = mean_penalty(losses / unit, found.values, self.systemic, probabilities)
        size = max(1.0, abs(self.bound), float(np.abs(found.values).sum()))
        proven = abs(float(found.values.sum()) - found.proven)
        return Contributions(found.values * unit, max(abs(penalty - self.bound), proven) / size)

    def scenario_weights(self, problem: LossProblem) -> pd.DataFrame:
        """What each scenario counts for each payer: the dual answer, columns that sum to one.

        One more unit of loss of a payer in a scenario adds its weight to the total of all amounts; where a loss is
        equal to the amount the weight is the fraction that makes the column sum to one.
        """
        losses = self.book.of(problem.ids)
        unit = self.unit or _small_change(losses, self.book.probabilities)
        found = shortfall_amounts(losses / unit, self.systemic, self.bound, self.book.probabilities)
        return pd.DataFrame(found.weights, columns=problem.ids)


def _small_change(losses: Array, probabilities: Array | None) -> float:
    """A hundredth of the mean stand-alone standard deviation; the largest loss where nothing varies."""
    largest = float(np.abs(losses).max()) or 1.0
    spread = float(risks(losses.T, "std", 0.5, probabilities).mean())
    return _PRUDENT * spread if spread > SAME * largest else largest
