"""Every payer bears its mean loss in the scenarios where all together lose most."""

from __future__ import annotations

from dataclasses import dataclass, field

from allocopt.facts.checks import Array
from allocopt.maths.tails import tail
from allocopt.schemes.risk_rule import Contributions, RiskRule, adding_up, joint_risk


@dataclass(frozen=True, eq=False, kw_only=True)
class EulerES(RiskRule):
    r"""Every payer bears its mean loss in the scenarios where all together lose most.

    .. math:: \kappa_i = E[\ell_i \mid \ell \text{ in its worst } 1 - \alpha], \qquad \sum_i \kappa_i =
       \mathrm{ES}_\alpha(\ell), \qquad x_i = \min(c_i,\ p\, \kappa_i^+)

    :math:`\ell_i` is the loss of payer :math:`i` in a scenario (minus its profit and loss), :math:`\ell` that of all,
    :math:`\alpha` the level. The gradient (Euler) contributions to expected shortfall, exact: the boundary scenario
    enters with the fraction that makes the tail exactly :math:`1 - \alpha`, and scenarios tied there share that
    fraction in proportion to their probability. Contributions add up to the expected shortfall, no group of payers is
    charged more than its own expected shortfall, and merging or splitting accounts changes nothing for others. A payer
    whose position offsets the others' has a negative contribution: see ``policy``.

    Raises ``DataError`` for a level outside (0, 1), scenarios with NaN, or a payer without a column.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> pnl = pd.DataFrame({"A": [0.0, 0.0, -4.0, 0.0], "B": [0.0, 0.0, 0.0, -4.0]})
    >>> table = pd.DataFrame({"cap": [10.0, 10.0]}, index=["A", "B"])
    >>> EulerES(scenarios=pnl, level=0.75).allocate(LossProblem(4, table, cap="cap")).shares.to_list()
    [2.0, 2.0]
    """

    name = "euler-es"
    aliases = ("es-contribution", "cvar-contribution")
    formula = r"x_i = \min(c_i,\ p\, \kappa_i^+),\quad \kappa_i = E[\ell_i \mid \ell \text{ in its tail}]"
    source = "Tasche (1999, 2008, arXiv:0708.2542); Kalkbrener (2005), Mathematical Finance 15:425-437"

    level: float = field(default=0.975, metadata={"help": "level of expected shortfall, strictly between 0 and 1"})

    def contribute(self, losses: Array, probabilities: Array | None) -> Contributions:
        """Mean losses over the tail of the total."""
        values = tail(losses, self.level, probabilities).beyond @ losses
        return adding_up(values, joint_risk(losses, "es", self.level, probabilities))
