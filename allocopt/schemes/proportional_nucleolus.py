"""Objections of groups are measured per unit of its worth and settled, the loudest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.nucleolus import proportional_nucleolus
from allocopt.schemes.game_rule import RatedRule


@dataclass(frozen=True, eq=False, kw_only=True)
class ProportionalNucleolus(RatedRule):
    r"""Every payer bears its part in the proportional nucleolus: objections are measured per unit of its worth.

    .. math:: \operatorname{lex\,min}_{x(N) = c(N)} \left(\frac{x(S) - c(S)}{c(S)}\right)_S \text{ in decreasing order}

    Objections are rates, so every group must cost more than nothing.
    ``imputations`` says whether nobody may bear more than it would alone.
    Values that sum to the loss and respect the caps are the shares; otherwise they are the key of a capped pro-rata,
    and the answer's notes say so.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"cap": [9.0, 9.0, 9.0]}, index=["A", "B", "C"])
    >>> airport = [0, 1, 2, 2, 3, 3, 3, 3]
    >>> ProportionalNucleolus(game=airport).allocate(LossProblem(3, table, cap="cap")).shares.round(4).to_list()
    [0.75, 0.75, 1.5]
    """

    name = "proportional-nucleolus"
    source = "Young, Okada and Hashimoto (1982), Water Resources Research 18; Lemaire (1991), ASTIN Bulletin 21"
    keyed = "proportional nucleolus"

    def value_of(self, game: Game, read: Mapping[str, Any]) -> GameValue:
        """The proportional nucleolus by player."""
        return proportional_nucleolus(game, self.imputations, self.proven)
