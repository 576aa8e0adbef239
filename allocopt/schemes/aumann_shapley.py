"""Every payer bears its marginal risk, averaged while the joint position grows from nothing to its full size."""

from __future__ import annotations

from dataclasses import dataclass, field

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number
from allocopt.maths.tails import MEASURES, density, entropic, path_density
from allocopt.schemes.risk_rule import Contributions, RiskRule, adding_up, joint_risk, measure_named


@dataclass(frozen=True, eq=False, kw_only=True)
class AumannShapley(RiskRule):
    r"""Every payer bears its marginal risk, averaged while the joint position grows from nothing to its full size.

    .. math:: \kappa_i = \int_0^1 \frac{\partial}{\partial h} \mathrm{risk}(\tau\, \ell + h\, \ell_i) \Big|_{h=0} d\tau,
       \quad \sum_i \kappa_i = \mathrm{risk}(\ell), \qquad x_i = \min(c_i,\ p\, \kappa_i^+)

    :math:`\ell_i` is the loss of payer :math:`i` in a scenario (minus its profit and loss), :math:`\ell` that of all.
    For measures that double when the position doubles (``"es"``, ``"var"``, ``"std"``) the marginal risk is the same
    all along the way and the rule is the Euler rule. It differs for ``"entropic"``,
    :math:`\mathrm{risk}(\ell) = \tfrac1\theta \log E\,e^{\theta \ell}`, where plain marginals would not add up.
    ``theta`` is the aversion to risk per unit of money, so it changes with the unit; stating it selects that measure.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> pnl = pd.DataFrame({"A": [0.0, -1.0, 0.0, -1.0], "B": [0.0, 0.0, -1.0, -1.0]})
    >>> table = pd.DataFrame({"cap": [10.0, 10.0]}, index=["A", "B"])
    >>> AumannShapley(scenarios=pnl, theta=0.5).allocate(LossProblem(2, table, cap="cap")).shares.round(9).to_list()
    [1.0, 1.0]
    """

    name = "aumann-shapley"
    formula = (
        r"x_i = \min(c_i,\ p\, \kappa_i^+),\quad \kappa_i = \int_0^1 \partial_i\, \mathrm{risk}(\tau\, \ell)\, d\tau"
    )
    source = "Aumann and Shapley (1974); Denault (2001), Journal of Risk 4(1); Tsanakas (2009), IME 44:268-277"

    level: float = field(default=0.975, metadata={"help": "level of 'es' and 'var', strictly between 0 and 1"})
    measure: str | None = field(
        default=None, metadata={"help": "'es', 'var', 'std' or 'entropic'; entropic when theta is stated, else es"}
    )
    theta: float | None = field(default=None, metadata={"help": "aversion to risk per unit of money (entropic)"})

    def __post_init__(self) -> None:
        super().__post_init__()
        measure_named(self.chosen, (*MEASURES, "entropic"))
        if (self.chosen == "entropic") != (self.theta is not None):
            raise DataError(
                "aumann-shapley: theta goes with measure='entropic', and that needs it; "
                "state theta per unit of money, such as 1e-6"
            )
        if self.theta is not None and number(self.theta, "theta of aumann-shapley") == 0:
            raise DataError("theta of aumann-shapley is 0, which leaves the plain mean; give a positive number")

    @property
    def chosen(self) -> str:
        """The measure asked for."""
        return self.measure or ("es" if self.theta is None else "entropic")

    def contribute(self, losses: Array, probabilities: Array | None) -> Contributions:
        """One mean under the scenario weights that the path averages to."""
        if self.theta is not None:
            joint = entropic(losses.sum(axis=1), self.theta, probabilities)
            return adding_up(path_density(losses, self.theta, probabilities) @ losses, joint)
        joint = joint_risk(losses, self.chosen, self.level, probabilities)
        return adding_up(density(losses, self.chosen, self.level, probabilities) @ losses, joint)
