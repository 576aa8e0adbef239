"""What every coalition adds beyond its parts is shared in proportion to what its members are worth alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.values import proportional_shapley
from allocopt.schemes.game_rule import GameRule


@dataclass(frozen=True, eq=False, kw_only=True)
class ProportionalShapley(GameRule):
    r"""Every payer bears its proportional Shapley value: dividends are shared by stand-alone worth.

    .. math:: \psi_i = \sum_{S \ni i} \frac{v(i)}{\sum_{j \in S} v(j)}\, d(S), \qquad x_i = \min(c_i,\ p\, \psi_i^+)

    :math:`d(S)` is what coalition :math:`S` adds beyond all its parts (the Harsanyi dividend) and :math:`v(i) > 0`
    what payer :math:`i` is worth alone: an exposure-weighted Shapley value. As with ``shapley``, values that do not
    sum to the loss, or that a cap stops, are the key of a capped pro-rata, and the answer's notes say so.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> payers = pd.DataFrame({"cap": [9.0, 9.0]}, index=["A", "B"])
    >>> ProportionalShapley(game=[0, 1, 3, 8]).allocate(LossProblem(8, payers, cap="cap")).shares.to_list()
    [2.0, 6.0]
    """

    name = "proportional-shapley"
    source = "Béal, Ferrières, Rémila and Solal (2018), Games and Economic Behavior 108"
    keyed = "proportional Shapley value"

    def value_of(self, game: Game, read: Mapping[str, Any]) -> GameValue:
        """The proportional Shapley value by player."""
        return proportional_shapley(game)
