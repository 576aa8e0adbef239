"""The most leveraged are closed first and all come down to one level: nobody is left with more leverage than needed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.maths.price import Supply
from allocopt.schemes.keys import key_values, per_weight
from allocopt.schemes.one_price import OnePrice


@dataclass(frozen=True, eq=False, kw_only=True)
class MinimaxLeverage(OnePrice):
    r"""Positions are reduced so that the highest leverage left is as low as it can be.

    .. math:: \min_x \max_i \frac{n_i - x_i}{E_i} \quad\text{s.t.}\quad \sum_i x_i = L,\ 0 \le x_i \le c_i
       \qquad\Longrightarrow\qquad x_i = \min\bigl(c_i,\ (n_i - \eta E_i)^+\bigr)

    :math:`n_i` is the notional of the position, :math:`E_i` the equity, :math:`\eta` the leverage to which all above
    it come down. The loss is a notional to be closed, in the unit of :math:`n`; a payer below :math:`\eta` is not
    touched. The optimum is unique while no cap below the notional binds; with such caps it is the one that
    also minimises :math:`\sum_i (n_i - x_i)^2 / 2 E_i`, the cost from which the price comes. Prices are counted down
    from the highest leverage, :math:`p = \max_j n_j / E_j - \eta`.

    Without a ``notional`` the caps stand for it, and must be finite. A position without equity has no leverage that
    could come down: it is refused.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"notional": [100.0, 60.0, 20.0], "equity": [10.0, 10.0, 10.0]}, index=["A", "B", "C"])
    >>> answer = MinimaxLeverage(notional="notional", equity="equity").allocate(LossProblem(80, table))
    >>> answer.shares.to_list(), 10 - answer.price
    ([60.0, 20.0, 0.0], 4.0)
    """

    name = "minimax-leverage"
    aliases = ("leverage-draining",)
    formula = r"x_i = \min\bigl(c_i,\ (n_i - \eta E_i)^+\bigr)"
    objective = r"\sum_i \frac{(n_i - x_i)^2}{2 E_i}"
    source = "Campbell, Hey, Moallemi and Nutz (2026), arXiv 2603.15963 (single asset, isolated margin)"
    claims = frozenset({"equal treatment", "loss monotonicity", "homogeneity", "null payer"})
    letters: ClassVar[Mapping[str, str]] = {
        "n_i": "notional of payer i's position", "E_i": "equity of payer i",
        r"\eta": "the leverage to which all above it come down",
    }  # fmt: skip
    keyed = "equity"
    bounded = True

    equity: Any = field(metadata={"help": "column, or one figure per payer, of equities above zero"})
    notional: Any = field(default=None, metadata={"help": "column, or one figure per payer, of notionals; the caps"})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reading != "burden":
            raise DataError(f"{self.name} closes positions; it has no reading {self.reading!r}, use 'burden'")

    @property
    def key(self) -> Any:
        """The equity is what the batch calls the key."""
        return self.equity

    def supply(self, loss: Array, cap: Array, key: Array) -> Supply:
        """One block per payer that starts the earlier the higher its leverage, and rises with its equity."""
        return _draining(cap, key, cap)

    def _posed(self, problem: LossProblem) -> Supply:
        if self.notional is None:
            self._need_finite(problem, "name a notional with notional=..., or state finite caps with cap=...")
        notional = key_values(self.notional, problem, problem.caps, "notional")
        equity = key_values(self.equity, problem, np.ones(problem.n), "equity")
        without = np.flatnonzero((equity == 0) & (notional > 0) & (problem.caps > 0))
        if len(without):
            raise DataError(
                f"{self.name}: payer {problem.ids[int(without[0])]!r} has a position of {notional[without[0]]:,.6g} "
                f"and no equity ({len(without)} such), a leverage without limit; close it before the others"
            )
        return _draining(notional, equity, np.minimum(notional, problem.caps))

    def batch(self, losses: Array, keys: Array | None, caps: Array) -> Array:
        """Shares for many losses in one call; the caps are the notionals."""
        if self.notional is not None:
            raise DataError(f"{self.name} in a batch takes the caps for notionals; leave notional out")
        return super().batch(losses, keys, caps)


def _draining(notional: Array, equity: Array, cap: Array) -> Supply:
    leverage = per_weight(notional, equity)
    start = leverage.max(axis=-1, keepdims=True, initial=0.0) - leverage
    return Supply(start[..., None, :], equity[..., None, :], cap[..., None, :])
