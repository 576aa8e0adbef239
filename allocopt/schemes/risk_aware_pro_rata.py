"""Pro rata to what each payer has, tilted towards the leverage at which it has it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array, number
from allocopt.maths.price import Supply
from allocopt.schemes.one_price import OnePrice
from allocopt.schemes.tilt import TILTS, weights


@dataclass(frozen=True, eq=False, kw_only=True)
class RiskAwareProRata(OnePrice):
    r"""The rate at which a payer is cut rises with its leverage, until its cap stops it.

    .. math:: h_i = \min\bigl(1,\ p\, \ell_i\, g(\ell_i)\bigr),\quad x_i = c_i h_i,\quad \sum_i x_i = L
       \qquad\Longleftarrow\qquad \min_x \sum_i \frac{x_i^2}{2\, c_i\, \ell_i\, g(\ell_i)}

    :math:`c_i` is the cap (the profit, or the smaller of profit and equity), :math:`\ell_i \ge 0` the leverage. The
    factor :math:`g` is one of

    ===========  ====================================================================================================
    power        :math:`\ell^k`, with ``power`` :math:`k \ge 0`: 0 is leverage pro-rata (the soft form of a leverage
                 queue), large powers approach the queue
    linear       :math:`\ell`, the power 1
    cvar         :math:`(\ell - \ell_0)^+`, with ``threshold`` :math:`\ell_0`: only who is above it pays
    optimal      :math:`\rho(\ell) / \ell` with :math:`\rho(\ell) = \ell\, \psi(1/\ell)` and
                 :math:`\psi(u) = E[(u + Z)^-]`: what the account is expected to lose beyond its equity, per unit of
                 it, when its position moves by :math:`Z \sim N(\mu, \sigma^2)` (``mean``, ``volatility``) or by one of
                 equally likely ``scenarios``
    a function   of an array of leverages, >= 0
    ===========  ====================================================================================================

    A payer without leverage bears nothing. It minimises the stated quadratic cost. The name *optimal* is that of the
    literature; its claim that these rates minimise the deficit expected next, :math:`\sum_i (1 - h_i)\, \rho(\ell_i)\,
    E_i`, does not hold: that sum falls fastest in a queue by :math:`\rho(\ell_i) E_i / c_i`.

    Needs finite caps. Raises ``DataError`` for an unknown factor or one that is negative or not finite somewhere.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"profit": [10.0, 10.0, 20.0], "leverage": [6.0, 2.0, 1.0]}, index=["A", "B", "C"])
    >>> problem = LossProblem(5, table, cap="profit")
    >>> RiskAwareProRata(leverage="leverage").allocate(problem).shares.round(9).to_list()
    [3.0, 1.0, 1.0]
    >>> RiskAwareProRata(leverage="leverage", g="cvar", threshold=1.5).allocate(problem).shares.round(6).to_list()
    [4.821429, 0.178571, 0.0]
    """

    name = "risk-aware-pro-rata"
    aliases = ("rap", "leverage-pro-rata")
    formula = r"x_i = c_i \min\bigl(1,\ p\, \ell_i\, g(\ell_i)\bigr)"
    objective = r"\sum_i \frac{x_i^2}{2\, c_i\, \ell_i\, g(\ell_i)}"
    source = "Chitra (2025), arXiv 2512.01112 (risk-aware policies: power, linear, CVaR and perspective factors)"
    claims = frozenset({"equal treatment", "loss monotonicity", "homogeneity", "null payer"})
    letters: ClassVar[Mapping[str, str]] = {
        r"\ell_i": "leverage of payer i",
        "g": "how much more than in proportion leverage counts",
    }
    keyed = "leverage"
    bounded = True

    leverage: Any = field(metadata={"help": "column, or one figure per payer: notional over equity"})
    g: Any = field(default="power", metadata={"help": "'power', 'linear', 'cvar', 'optimal', or a function"})
    power: float = field(default=0.0, metadata={"help": "of g='power': 0 in proportion to leverage, 1 to its square"})
    threshold: float = field(default=0.0, metadata={"help": "of g='cvar': the leverage up to which nobody pays"})
    mean: float = field(default=0.0, metadata={"help": "of g='optimal': mean move of a position, in its favour"})
    volatility: float = field(default=0.1, metadata={"help": "of g='optimal': standard deviation of the move"})
    scenarios: Any = field(default=None, metadata={"help": "of g='optimal': equally likely moves, not normal ones"})

    def __post_init__(self) -> None:
        super().__post_init__()
        number(self.power, "power", high=100.0)
        if not callable(self.g) and self.g not in TILTS:
            raise unknown("factor g", self.g, TILTS)
        number(self.threshold, "threshold")
        number(self.mean, "mean", low=-np.inf)
        number(self.volatility, "volatility")
        for name, stated, given in (
            ("power", self.power != 0, "power"), ("threshold", self.threshold != 0, "cvar"),
            ("mean", self.mean != 0, "optimal"), ("scenarios", self.scenarios is not None, "optimal"),
        ):  # fmt: skip
            if stated and self.g != given:
                raise DataError(f"{name} belongs to g={given!r}, but g is {self.g!r}; leave one of them out")
        if self.scenarios is not None:
            moves = np.asarray(self.scenarios, dtype=np.float64)
            if moves.ndim != 1 or not len(moves) or not np.isfinite(moves).all():
                raise DataError("scenarios: give a list of finite relative moves, > 0 in favour of the position")

    @property
    def key(self) -> Any:
        """The leverage is what the batch calls the key."""
        return self.leverage

    def supply(self, loss: Array, cap: Array, key: Array) -> Supply:
        """One block per payer, from price zero, rising with its cap and leverage."""
        moves = None if self.scenarios is None else np.asarray(self.scenarios, dtype=np.float64)
        tilt = weights(
            self.g, key, power=self.power, threshold=self.threshold, mean=self.mean, deviation=self.volatility,
            scenarios=moves,
        )  # fmt: skip
        return Supply(cap[..., None, :] * 0.0, (cap * tilt)[..., None, :], cap[..., None, :])
