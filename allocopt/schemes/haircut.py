"""Every payer bears the loss in proportion to its own, stand-alone risk."""

from __future__ import annotations

from dataclasses import dataclass, field

from allocopt.facts.checks import Array
from allocopt.maths.tails import MEASURES, risks
from allocopt.schemes.risk_rule import Contributions, RiskRule, measure_named


@dataclass(frozen=True, eq=False, kw_only=True)
class Haircut(RiskRule):
    r"""Every payer bears the loss in proportion to its own, stand-alone risk.

    .. math:: \kappa_i = L\, \frac{\mathrm{VaR}_\alpha(\ell_i)}{\sum_j \mathrm{VaR}_\alpha(\ell_j)}, \qquad
       x_i = \min(c_i,\ p\, \kappa_i^+)

    :math:`\ell_i` is the loss of payer :math:`i` in a scenario (minus its profit and loss), :math:`\alpha` the level.
    ``measure`` may be ``"var"`` (the published rule), ``"es"`` or ``"std"``. How losses move together plays no part:
    a payer who offsets the others' losses is charged like one who adds to them.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> pnl = pd.DataFrame({"A": [0.0, -30.0], "B": [-50.0, 0.0], "C": [0.0, -120.0]})
    >>> problem = LossProblem(150, pd.DataFrame(index=["A", "B", "C"]))
    >>> Haircut(scenarios=pnl).allocate(problem).shares.to_list()
    [22.5, 37.5, 90.0]
    """

    name = "haircut"
    aliases = ("haircut-principle",)
    formula = r"x_i = \min(c_i,\ p\, \kappa_i^+),\quad \kappa_i \propto \mathrm{VaR}(\ell_i)"
    source = "Dhaene, Tsanakas, Valdez and Vanduffel (2012), Journal of Risk and Insurance 79:1-28"
    divides = True

    level: float = field(default=0.99, metadata={"help": "level of the stand-alone risk, strictly between 0 and 1"})
    measure: str = field(default="var", metadata={"help": "stand-alone risk: 'var', 'es' or 'std'"})

    def __post_init__(self) -> None:
        super().__post_init__()
        measure_named(self.measure, MEASURES)

    def contribute(self, losses: Array, probabilities: Array | None) -> Contributions:
        """The risk of each column by itself."""
        return Contributions(risks(losses.T, self.measure, self.level, probabilities))
