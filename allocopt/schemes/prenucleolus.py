"""Objections of groups are settled, the loudest first, with no regard to what each pays alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.nucleolus import prenucleolus
from allocopt.schemes.game_rule import SettledRule


@dataclass(frozen=True, eq=False, kw_only=True)
class PrenucleolusRule(SettledRule):
    r"""Every payer bears its part in the prenucleolus: objections are settled whatever each would pay alone.

    .. math:: \operatorname{lex\,min}_{x(N) = c(N)} \bigl(x(S) - c(S)\bigr)_S \text{ in decreasing order}

    It exists for every game, and is the nucleolus where that exists and respects what each payer would bear alone.
    Values that sum to the loss and respect the caps are the shares; otherwise they are the key of a capped pro-rata,
    and the answer's notes say so.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"cap": [9.0, 9.0, 9.0]}, index=["A", "B", "C"])
    >>> airport = [0, 1, 2, 2, 3, 3, 3, 3]
    >>> PrenucleolusRule(game=airport).allocate(LossProblem(3, table, cap="cap")).shares.round(4).to_list()
    [0.5, 0.75, 1.75]
    """

    name = "prenucleolus"
    source = "Sobolev (1975); Peleg and Sudholter (2007), Introduction to the Theory of Cooperative Games, chapter 5"
    keyed = "prenucleolus"

    def value_of(self, game: Game, read: Mapping[str, Any]) -> GameValue:
        """The prenucleolus by player."""
        return prenucleolus(game, self.proven)
