"""Every payer would hurt the others equally by leaving, relative to what it would lose itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.compromise import gately
from allocopt.schemes.game_rule import GameRule


@dataclass(frozen=True, eq=False, kw_only=True)
class Gately(GameRule):
    r"""Every payer bears its part in the Gately point, at which all have the same propensity to disrupt.

    .. math:: x_i = c(i) - \frac{c(i) - M_i}{\sum_j (c(j) - M_j)} \Bigl( \sum_j c(j) - c(N) \Bigr), \qquad
       M_i = c(N) - c(N \setminus i)

    Stand-alone costs, less what joining saves in proportion to the most that each payer could save: the alternative
    cost avoided method of water engineering. It looks at 2 n + 1 groups only.
    Values that sum to the loss and respect the caps are the shares; otherwise they are the key of a capped pro-rata,
    and the answer's notes say so.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"cap": [9.0, 9.0, 9.0]}, index=["A", "B", "C"])
    >>> airport = [0, 1, 2, 2, 3, 3, 3, 3]
    >>> Gately(game=airport).allocate(LossProblem(3, table, cap="cap")).shares.round(4).to_list()
    [0.4, 0.8, 1.8]
    """

    name = "gately"
    source = "Gately (1974), International Economic Review 15; Straffin and Heaney (1981), Int. J. of Game Theory 10"
    keyed = "Gately point"

    def value_of(self, game: Game, read: Mapping[str, Any]) -> GameValue:
        """The Gately point by player."""
        return gately(game)
