"""Everybody bears its average contribution to the worth of coalitions, as far as caps allow."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.games.base import Game
from allocopt.games.shapley import shapley
from allocopt.games.table import table
from allocopt.maths.price import Supply
from allocopt.schemes.one_price import OnePrice

_SAME = 1e-9  # values count as summing to the loss within this fraction of it: rounding of the worths, not a choice


@dataclass(frozen=True, eq=False, kw_only=True)
class Shapley(OnePrice):
    r"""Every payer bears its Shapley value; where values do not sum to the loss, or a cap binds, they are a key.

    .. math:: \phi_i = \sum_{S \not\ni i} \frac{|S|!\,(n - |S| - 1)!}{n!} \bigl(v(S \cup i) - v(S)\bigr), \qquad
       x_i = \min(c_i,\ p\, \phi_i^+)

    ``game`` is a :class:`~allocopt.games.base.Game`, or the worths of all coalitions by bit mask (bit :math:`i` is the
    payer in row :math:`i`, ``values[0] = 0``). When the values sum to the loss and respect the caps the price is 1 and
    the shares are the values. Otherwise they are the key of a capped pro-rata, and the answer's notes say so, with the
    largest departure. A negative value (a payer whose presence lowers the loss) counts as zero.

    >>> table = pd.DataFrame({"cap": [9.0, 9.0, 9.0]}, index=["A", "B", "C"])
    >>> airport = [0, 1, 2, 2, 3, 3, 3, 3]
    >>> Shapley(game=airport).allocate(LossProblem(3, table, cap="cap")).shares.round(4).to_list()
    [0.3333, 0.8333, 1.8333]
    """

    name = "shapley"
    formula = r"x_i = \min(c_i,\ p\, \phi_i^+)"
    objective = r"\sum_i \frac{x_i^2}{2 \phi_i^+}"
    source = "Shapley (1953), Contributions to the Theory of Games II; Littlechild and Owen (1973) for the airport game"
    claims = frozenset({"loss monotonicity"})
    keyed = "Shapley value"

    game: Any = field(metadata={"help": "a Game, or the worths of all coalitions by bit mask"})

    @cached_property
    def values(self) -> pd.Series[float]:
        """The Shapley value by player."""
        game = self.game if isinstance(self.game, Game) else table(self.game)
        return shapley(game).values

    @property
    def key(self) -> Any:
        """The value of each player, negative values counted as zero."""
        return self.values.clip(lower=0.0)

    def _posed(self, problem: LossProblem) -> Supply:
        values = self._by_payer(problem)
        return self.offered(np.array([problem.loss]), problem.caps, np.maximum(values, 0.0))

    def _by_payer(self, problem: LossProblem) -> Array:
        """Players are payers by name; unnamed players stand in the order of the table."""
        values = self.values
        if len(values) != problem.n:
            raise DataError(f"the game has {len(values)} players and the question {problem.n} payers; they must match")
        if set(values.index) == set(problem.ids):
            return np.asarray(values.reindex(problem.ids), dtype=np.float64)
        if list(values.index) == list(range(problem.n)):
            return np.asarray(values, dtype=np.float64)
        stray = next(p for p in values.index if p not in problem.ids)
        raise DataError(f"the game has a player {stray!r} who is not among the payers; name players as the payers are")

    def supply(self, loss: Array, cap: Array, key: Array) -> Supply:
        """One block per payer, rising with its value."""
        return Supply(np.zeros(1), key[..., None, :], cap[..., None, :])

    def _answer(self, problem: LossProblem, supply: Supply, paid: Array, *rest: Any) -> Allocation:
        price, method, notes, *duals = rest
        values = self._by_payer(problem)
        off = float(np.abs(paid - values).max(initial=0.0))
        if (values < 0).any():
            notes = (*notes, f"{int((values < 0).sum())} payers have a negative value, counted as zero")
        if off <= _SAME * (problem.loss or 1.0):
            notes = (*notes, f"shares are the {self.keyed}s")
        else:
            total = f"the values sum to {values.sum():,.6g} for a loss of {problem.loss:,.6g}"
            notes = (*notes, f"{total}: used as a key for capped pro-rata; largest departure {off:,.6g}")
        return super()._answer(problem, supply, paid, price, method, notes, *duals)
