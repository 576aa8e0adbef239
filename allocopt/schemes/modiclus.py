"""What groups can reach and what they can prevent is balanced, pair by pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.modiclus import modiclus
from allocopt.schemes.game_rule import GameRule


@dataclass(frozen=True, eq=False, kw_only=True)
class Modiclus(GameRule):
    r"""Every payer bears its part in the modiclus: the objections of groups are as close together as can be.

    .. math:: \operatorname{lex\,min}_{x(N) = v(N)} \; \bigl( e(S, x) - e(T, x) \bigr)_{S, T \subseteq N}
       \text{ in decreasing order}

    :math:`e(S, x)` is what group :math:`S` objects at the division :math:`x`. For up to 20 payers.
    Values that sum to the loss and respect the caps are the shares; otherwise they are the key of a capped pro-rata,
    and the answer's notes say so.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"cap": [9.0, 9.0, 9.0]}, index=["A", "B", "C"])
    >>> airport = [0, 1, 2, 2, 3, 3, 3, 3]
    >>> Modiclus(game=airport).allocate(LossProblem(3, table, cap="cap")).shares.round(4).to_list()
    [0.0, 1.0, 2.0]
    """

    name = "modiclus"
    source = "Sudholter (1997), International Journal of Game Theory 26"
    keyed = "modiclus"

    def value_of(self, game: Game, read: Mapping[str, Any]) -> GameValue:
        """The modiclus by player."""
        return modiclus(game)
