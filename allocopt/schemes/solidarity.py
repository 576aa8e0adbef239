"""The members of a group share what one of them adds to it on average."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.values import solidarity
from allocopt.schemes.game_rule import GameRule


@dataclass(frozen=True, eq=False, kw_only=True)
class Solidarity(GameRule):
    r"""Every payer bears its solidarity value: members of a group share what one of them adds on average.

    .. math:: \psi_i = \sum_{S \ni i} \frac{(n - |S|)!\,(|S| - 1)!}{n!} \frac{1}{|S|} \sum_{k \in S}
       (v(S) - v(S \setminus k))

    Whoever causes little bears more than under the Shapley value, and a payer that adds nothing is not spared.
    Values that sum to the loss and respect the caps are the shares; otherwise they are the key of a capped pro-rata,
    and the answer's notes say so.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"cap": [9.0, 9.0, 9.0]}, index=["A", "B", "C"])
    >>> airport = [0, 1, 2, 2, 3, 3, 3, 3]
    >>> Solidarity(game=airport).allocate(LossProblem(3, table, cap="cap")).shares.round(4).to_list()
    [0.6944, 0.9444, 1.3611]
    """

    name = "solidarity"
    source = "Nowak and Radzik (1994), International Journal of Game Theory 23"
    keyed = "solidarity value"

    def value_of(self, game: Game, read: Mapping[str, Any]) -> GameValue:
        """The solidarity value by player."""
        return solidarity(game)
