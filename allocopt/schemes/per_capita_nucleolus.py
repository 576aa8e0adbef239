"""Objections of groups are measured per member and settled, the loudest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.nucleolus import per_capita_nucleolus
from allocopt.schemes.game_rule import RatedRule


@dataclass(frozen=True, eq=False, kw_only=True)
class PerCapitaNucleolus(RatedRule):
    r"""Every payer bears its part in the per-capita nucleolus: objections are measured per member.

    .. math:: \operatorname{lex\,min}_{x(N) = c(N)} \left(\frac{x(S) - c(S)}{|S|}\right)_S \text{ in decreasing order}

    A large group's objection counts no more than that of each of its members.
    ``imputations`` says whether nobody may bear more than it would alone.
    Values that sum to the loss and respect the caps are the shares; otherwise they are the key of a capped pro-rata,
    and the answer's notes say so.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"cap": [9.0, 9.0, 9.0]}, index=["A", "B", "C"])
    >>> airport = [0, 1, 2, 2, 3, 3, 3, 3]
    >>> PerCapitaNucleolus(game=airport).allocate(LossProblem(3, table, cap="cap")).shares.round(4).to_list()
    [0.6667, 0.6667, 1.6667]
    """

    name = "per-capita-nucleolus"
    source = "Grotte (1970); Lemaire (1991), ASTIN Bulletin 21"
    keyed = "per-capita nucleolus"

    def value_of(self, game: Game, read: Mapping[str, Any]) -> GameValue:
        """The per-capita nucleolus by player."""
        return per_capita_nucleolus(game, self.imputations, self.proven)
