"""Everybody answers for what it adds, on average, to a group of the others drawn by fair coins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.values import banzhaf
from allocopt.schemes.game_rule import GameRule


@dataclass(frozen=True, eq=False, kw_only=True)
class Banzhaf(GameRule):
    r"""Every payer bears in proportion to its Banzhaf value: what it adds to a group drawn by fair coins.

    .. math:: \beta_i = 2^{1-n} \sum_{S \not\ni i} \bigl(v(S \cup i) - v(S)\bigr), \quad x_i = \min(c_i,\ p\, \beta_i^+)

    The entries need not add up to the worth of all, so the value is as a rule the key of a capped pro-rata, and the
    answer's notes say so.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"cap": [9.0, 9.0, 9.0]}, index=["A", "B", "C"])
    >>> airport = [0, 1, 2, 2, 3, 3, 3, 3]
    >>> Banzhaf(game=airport).allocate(LossProblem(3, table, cap="cap")).shares.round(4).to_list()
    [0.2727, 0.8182, 1.9091]
    """

    name = "banzhaf"
    source = "Banzhaf (1965), Rutgers Law Review 19; Owen (1975), Naval Research Logistics Quarterly 22"
    keyed = "Banzhaf value"
    efficient = False

    seed: int | None = field(default=None, metadata={"help": "seed, where the game's own formula is a sample"})

    def value_of(self, game: Game, read: Mapping[str, Any]) -> GameValue:
        """The Banzhaf value by player."""
        return banzhaf(game, self.seed)
