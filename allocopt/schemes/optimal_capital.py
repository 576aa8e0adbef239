"""Shares as near as possible to what each payer's tail calls for, deviations counted per unit of its business."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.maths.price import Supply
from allocopt.maths.tails import MEASURES, density, risks
from allocopt.schemes.keys import key_values
from allocopt.schemes.risk_rule import Contributions, RiskRule, measure_named


@dataclass(frozen=True, eq=False, kw_only=True)
class OptimalCapital(RiskRule):
    r"""Shares as near as possible to what each payer's tail calls for, deviations counted per unit of its business.

    .. math:: \min_x \sum_i \frac{(x_i - \kappa_i)^2}{2 w_i} \quad \text{s.t.} \quad \sum_i x_i = L,\ 0 \le x_i \le c_i
       \quad\Longrightarrow\quad x_i = \kappa_i + w_i\, \frac{L - \sum_j \kappa_j}{\sum_j w_j} \text{ inside the bounds}

    :math:`\kappa_i` is the mean loss of payer :math:`i` under the scenario weights of the risk measure: its Euler
    contribution to the joint risk, or with ``alone=True`` its stand-alone risk. :math:`w_i > 0` is the volume of its
    business (``volume``: a column, a blend, figures; one each by default): what the loss exceeds the contributions by
    is spread by volume. The quadratic case of the optimisation view of capital allocation; floor and caps are part of
    the program, so this is its own ``policy``. The price is counted from the largest :math:`\kappa_i / w_i`.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> pnl = pd.DataFrame({"A": [0.0, -1.0], "B": [0.0, -3.0]})
    >>> table = pd.DataFrame({"volume": [1.0, 3.0]}, index=["A", "B"])
    >>> OptimalCapital(scenarios=pnl, level=0.5, volume="volume").allocate(LossProblem(8, table)).shares.to_list()
    [2.0, 6.0]
    """

    name = "optimal-capital"
    aliases = ("dhaene",)
    formula = r"x_i = \kappa_i + p\, w_i \text{ within } 0 \le x_i \le c_i"
    objective = r"\sum_i \frac{(x_i - \kappa_i)^2}{2 w_i}"
    source = "Dhaene, Tsanakas, Valdez and Vanduffel (2012), Journal of Risk and Insurance 79:1-28"
    claims = frozenset({"loss monotonicity"})

    policy: str = field(default="program", metadata={"help": "'program': floor and caps are part of the program"})
    level: float = field(default=0.975, metadata={"help": "level of the risk measure, strictly between 0 and 1"})
    measure: str = field(default="es", metadata={"help": "'es', 'var' or 'std'"})
    alone: bool = field(default=False, metadata={"help": "stand-alone risks instead of contributions"})
    volume: Any = field(default=None, metadata={"help": "column, blend, or one figure per payer; one each"})

    def __post_init__(self) -> None:
        super().__post_init__()
        measure_named(self.measure, MEASURES)
        if self.policy != "program":
            raise DataError(f"policy of optimal-capital is {self.policy!r}; its floor is in the program: 'program'")

    def contribute(self, losses: Array, probabilities: Array | None) -> Contributions:
        """Mean losses under the weights of the measure, or each payer's own risk."""
        if self.alone:
            return Contributions(risks(losses.T, self.measure, self.level, probabilities))
        return Contributions(density(losses, self.measure, self.level, probabilities) @ losses)

    def stated_objective(self) -> str:
        """The objective in LaTeX."""
        return self.objective

    def batch(self, losses: Array, keys: Array | None, caps: Array) -> Array:
        """No batch: contributions and volumes are two figures per payer, a key is one."""
        raise DataError("optimal-capital has no batch form; call allocate() for each loss")

    def _posed(self, problem: LossProblem) -> Supply:
        volume = key_values(self.volume, problem, np.ones(problem.n), "volume")
        if (volume == 0).any():
            who = problem.ids[int(np.flatnonzero(volume == 0)[0])]
            raise DataError(
                f"optimal-capital: payer {who!r} has volume 0, so no deviation is allowed; give it a volume"
            )
        rate = self.found(problem).values / volume
        late = rate.max(initial=-np.inf) - rate
        return Supply(late[None, :], volume[None, :], problem.caps[None, :])
