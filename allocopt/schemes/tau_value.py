"""A compromise between the least each payer can hope to bear and the most it can be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.compromise import tau_value
from allocopt.schemes.game_rule import GameRule


@dataclass(frozen=True, eq=False, kw_only=True)
class TauValue(GameRule):
    r"""Every payer bears its tau value: a point between the least it can hope for and the most it can be asked.

    .. math:: \tau = M + \alpha (m - M), \quad \sum_i \tau_i = c(N), \qquad M_i = c(N) - c(N \setminus i), \quad
       m_i = \min_{S \ni i} \Bigl( c(S) - \sum_{j \in S \setminus i} M_j \Bigr)

    :math:`M_i` is what payer :math:`i` adds when it comes last, :math:`m_i` the most it can be asked for. It exists in
    quasi-balanced games only; in others ``InfeasibleError`` says which bounds contradict each other.
    Values that sum to the loss and respect the caps are the shares; otherwise they are the key of a capped pro-rata,
    and the answer's notes say so.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"cap": [9.0, 9.0, 9.0]}, index=["A", "B", "C"])
    >>> airport = [0, 1, 2, 2, 3, 3, 3, 3]
    >>> TauValue(game=airport).allocate(LossProblem(3, table, cap="cap")).shares.round(4).to_list()
    [0.4, 0.8, 1.8]
    """

    name = "tau-value"
    source = "Tijs (1981), Bounds for the core and the tau-value"
    keyed = "tau value"

    def value_of(self, game: Game, read: Mapping[str, Any]) -> GameValue:
        """The tau value by player."""
        return tau_value(game)
