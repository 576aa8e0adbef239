"""Pro rata to what each payer has, tilted towards the leverage at which it has it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from allocopt.facts.checks import Array, number
from allocopt.maths.price import Supply
from allocopt.schemes.one_price import OnePrice


@dataclass(frozen=True, eq=False, kw_only=True)
class RiskAwareProRata(OnePrice):
    r"""The rate at which a payer is cut rises with its leverage, until its cap stops it.

    .. math:: h_i = \min\bigl(1,\ p\, \ell_i^{\,1 + k}\bigr),\quad x_i = c_i h_i,\quad \sum_i x_i = L
       \qquad\Longleftarrow\qquad \min_x \sum_i \frac{x_i^2}{2\, c_i\, \ell_i^{\,1+k}}

    :math:`c_i` is the cap (the profit, or the smaller of profit and equity), :math:`\ell_i \ge 0` the leverage, and
    :math:`k \ge 0` the ``power``: 0 is leverage pro-rata (the soft form of a leverage queue), 1 weighs by the square of
    leverage, and large powers approach the queue. A payer without leverage bears nothing. It minimises the stated
    quadratic cost; the claim in the literature that it is optimal for a linear risk objective does not hold (that
    optimum is a queue).

    Needs finite caps.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"profit": [10.0, 10.0, 20.0], "leverage": [6.0, 2.0, 1.0]}, index=["A", "B", "C"])
    >>> RiskAwareProRata(leverage="leverage").allocate(LossProblem(5, table, cap="profit")).shares.round(9).to_list()
    [3.0, 1.0, 1.0]
    """

    name = "risk-aware-pro-rata"
    aliases = ("rap", "leverage-pro-rata")
    formula = r"x_i = c_i \min\bigl(1,\ p\, \ell_i^{\,1+k}\bigr)"
    objective = r"\sum_i \frac{x_i^2}{2\, c_i\, \ell_i^{\,1+k}}"
    source = "Chitra (2025), arXiv 2512.01112 (risk-aware policies, with g a power)"
    claims = frozenset({"equal treatment", "loss monotonicity", "homogeneity", "null payer"})
    letters: ClassVar[Mapping[str, str]] = {
        r"\ell_i": "leverage of payer i",
        "k": "how much more than in proportion leverage counts",
    }
    keyed = "leverage"
    bounded = True

    leverage: Any = field(metadata={"help": "column, or one figure per payer: notional over equity"})
    power: float = field(default=0.0, metadata={"help": "0 in proportion to leverage, 1 to its square"})

    def __post_init__(self) -> None:
        super().__post_init__()
        number(self.power, "power", high=100.0)

    @property
    def key(self) -> Any:
        """The leverage is what the batch calls the key."""
        return self.leverage

    def supply(self, loss: Array, cap: Array, key: Array) -> Supply:
        """One block per payer, from price zero, rising with its cap and leverage."""
        most = key.max(axis=-1, keepdims=True, initial=0.0)
        tilt = (key / (most + (most == 0))) ** (1.0 + self.power)
        return Supply(cap[..., None, :] * 0.0, (cap * tilt)[..., None, :], cap[..., None, :])
