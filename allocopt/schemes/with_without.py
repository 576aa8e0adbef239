"""Every payer bears what the joint risk would fall by without it."""

from __future__ import annotations

from dataclasses import dataclass, field

from allocopt.facts.checks import Array
from allocopt.maths.tails import MEASURES, risks
from allocopt.schemes.risk_rule import Contributions, RiskRule, joint_risk, measure_named


@dataclass(frozen=True, eq=False, kw_only=True)
class WithWithout(RiskRule):
    r"""Every payer bears what the joint risk would fall by without it.

    .. math:: \kappa_i = \mathrm{risk}(\ell) - \mathrm{risk}(\ell - \ell_i), \qquad x_i = \min(c_i,\ p\, \kappa_i^+)

    :math:`\ell_i` is the loss of payer :math:`i` in a scenario (minus its profit and loss), :math:`\ell` that of all,
    the risk being ``"es"``, ``"var"`` or ``"std"`` (``measure``) at ``level``. For a sub-additive measure these
    marginal amounts sum to at most the joint risk: as published, the remainder stays with the centre. Here they are a
    key.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> pnl = pd.DataFrame({"A": [3.0, 3.0, -3.0, -3.0], "B": [4.0, -4.0, 4.0, -4.0]})
    >>> table = pd.DataFrame({"cap": [10.0, 10.0]}, index=["A", "B"])
    >>> WithWithout(scenarios=pnl, measure="std").allocate(LossProblem(6, table, cap="cap")).shares.to_list()
    [2.0, 4.0]
    """

    name = "with-without"
    aliases = ("merton-perold", "marginal-capital")
    formula = r"x_i = \min(c_i,\ p\, \kappa_i^+),\quad \kappa_i = \mathrm{risk}(\ell) - \mathrm{risk}(\ell - \ell_i)"
    source = "Merton and Perold (1993), Journal of Applied Corporate Finance 6(3):16-32"

    level: float = field(default=0.975, metadata={"help": "level of the risk measure, strictly between 0 and 1"})
    measure: str = field(default="es", metadata={"help": "joint risk: 'es', 'var' or 'std'"})

    def __post_init__(self) -> None:
        super().__post_init__()
        measure_named(self.measure, MEASURES)

    def contribute(self, losses: Array, probabilities: Array | None) -> Contributions:
        """The joint risk less the risk of all others."""
        joint = joint_risk(losses, self.measure, self.level, probabilities)
        others = losses.sum(axis=1) - losses.T
        return Contributions(joint - risks(others, self.measure, self.level, probabilities))
