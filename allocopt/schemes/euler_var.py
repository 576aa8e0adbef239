"""Every payer bears what it loses in the scenario that is value at risk."""

from __future__ import annotations

from dataclasses import dataclass, field

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number
from allocopt.maths.tails import quantile_density
from allocopt.schemes.risk_rule import Contributions, RiskRule, adding_up, joint_risk


@dataclass(frozen=True, eq=False, kw_only=True)
class EulerVaR(RiskRule):
    r"""Every payer bears what it loses in the scenario that is value at risk.

    .. math:: \kappa_i = E[\ell_i \mid \ell = \mathrm{VaR}_\alpha(\ell)], \qquad \sum_i \kappa_i =
       \mathrm{VaR}_\alpha(\ell), \qquad x_i = \min(c_i,\ p\, \kappa_i^+)

    :math:`\ell_i` is the loss of payer :math:`i` in a scenario (minus its profit and loss), :math:`\ell` that of all,
    :math:`\alpha` the level. One scenario decides, so contributions are noisy, and groups can be charged more than
    their own value at risk. ``window`` :math:`h` steadies them: contributions are averaged over the levels from
    :math:`\alpha - h` to :math:`\alpha + h`, and add up to the average value at risk over those levels.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> pnl = pd.DataFrame({"A": [0.0, -1.0, -1.0, -9.0], "B": [0.0, -1.0, -3.0, 0.0]})
    >>> table = pd.DataFrame({"cap": [10.0, 10.0]}, index=["A", "B"])
    >>> EulerVaR(scenarios=pnl, level=0.75).allocate(LossProblem(4, table, cap="cap")).shares.to_list()
    [1.0, 3.0]
    """

    name = "euler-var"
    aliases = ("var-contribution",)
    formula = r"x_i = \min(c_i,\ p\, \kappa_i^+),\quad \kappa_i = E[\ell_i \mid \ell = \mathrm{VaR}]"
    source = "Tasche (1999, 2008, arXiv:0708.2542)"

    level: float = field(default=0.99, metadata={"help": "level of value at risk, strictly between 0 and 1"})
    window: float = field(default=0.0, metadata={"help": "levels on either side to average over; 0 for none"})

    def __post_init__(self) -> None:
        super().__post_init__()
        if number(self.window, "the window of euler-var") >= min(self.level, 1.0 - self.level):
            raise DataError(
                f"the window of euler-var is {self.window:g}; levels from {self.level - self.window:g} to "
                f"{self.level + self.window:g} must lie strictly between 0 and 1"
            )

    def contribute(self, losses: Array, probabilities: Array | None) -> Contributions:
        """Mean losses over the scenarios at the quantile of the total."""
        values = quantile_density(losses, self.level, probabilities, self.window) @ losses
        joint = float(values.sum()) if self.window else joint_risk(losses, "var", self.level, probabilities)
        return adding_up(values, joint)
