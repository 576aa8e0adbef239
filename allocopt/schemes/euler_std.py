"""Every payer bears its part of the standard deviation of the joint loss."""

from __future__ import annotations

from dataclasses import dataclass

from allocopt.facts.checks import Array
from allocopt.maths.tails import spread_density
from allocopt.schemes.risk_rule import Contributions, RiskRule, adding_up, joint_risk


@dataclass(frozen=True, eq=False, kw_only=True)
class EulerStd(RiskRule):
    r"""Every payer bears its part of the standard deviation of the joint loss.

    .. math:: \kappa_i = \frac{\mathrm{cov}(\ell_i, \ell)}{\mathrm{sd}(\ell)}, \qquad \sum_i \kappa_i =
       \mathrm{sd}(\ell), \qquad x_i = \min(c_i,\ p\, \kappa_i^+)

    :math:`\ell_i` is the loss of payer :math:`i` in a scenario (minus its profit and loss), :math:`\ell` that of all;
    moments are those of the scenarios as they stand, without a correction for sampling. Gains count as much as losses.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> pnl = pd.DataFrame({"A": [3.0, 3.0, -3.0, -3.0], "B": [4.0, -4.0, 4.0, -4.0]})
    >>> table = pd.DataFrame({"cap": [10.0, 10.0]}, index=["A", "B"])
    >>> EulerStd(scenarios=pnl).allocate(LossProblem(5, table, cap="cap")).shares.round(6).to_list()
    [1.8, 3.2]
    """

    name = "euler-std"
    formula = r"x_i = \min(c_i,\ p\, \kappa_i^+),\quad \kappa_i = \mathrm{cov}(\ell_i, \ell) / \mathrm{sd}(\ell)"
    source = "Tasche (2008), arXiv:0708.2542; McNeil, Frey and Embrechts (2015), Quantitative Risk Management, ch. 8"

    def contribute(self, losses: Array, probabilities: Array | None) -> Contributions:
        """Covariances with the total, per unit of its standard deviation."""
        return adding_up(spread_density(losses, probabilities) @ losses, joint_risk(losses, "std", 0.5, probabilities))
