"""What a group costs beyond its parts is shared among its members in proportion to given weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from allocopt.facts.problem import LossProblem
from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.values import weighted_shapley
from allocopt.schemes.game_rule import GameRule
from allocopt.schemes.keys import key_values


@dataclass(frozen=True, eq=False, kw_only=True)
class WeightedShapley(GameRule):
    r"""Every payer bears its weighted Shapley value: what a group adds is shared by weight.

    .. math:: \phi_i = w_i \sum_{S \ni i} \frac{d(S)}{\sum_{j \in S} w_j}, \qquad x_i = \min(c_i,\ p\, \phi_i^+)

    :math:`d(S)` is what the group :math:`S` adds beyond all its parts (the Harsanyi dividend) and :math:`w_i > 0` the
    weight of a payer: a column of the table, a blend of columns, or figures of one's own. Equal weights give the
    Shapley value. Values that sum to the loss and respect the caps are the shares; otherwise they are the key of a
    capped pro-rata, and the answer's notes say so.

    >>> import pandas as pd
    >>> payers = pd.DataFrame({"cap": [9.0, 9.0], "size": [1.0, 3.0]}, index=["A", "B"])
    >>> rule = WeightedShapley(game=[0, 1, 3, 8], weights="size")
    >>> rule.allocate(LossProblem(8, payers, cap="cap")).shares.to_list()
    [2.0, 6.0]
    """

    name = "weighted-shapley"
    source = "Kalai and Samet (1987), International Journal of Game Theory 16"
    keyed = "weighted Shapley value"

    weights: Any = field(metadata={"help": "positive weights: a column, a blend of columns, or figures by payer"})

    def reads(self, problem: LossProblem) -> dict[str, Any]:
        """The weights."""
        return {"weights": self.by_player(problem, key_values(self.weights, problem, np.ones(problem.n), "weights"))}

    def value_of(self, game: Game, read: Mapping[str, Any]) -> GameValue:
        """The weighted Shapley value by player."""
        return weighted_shapley(game, read["weights"])
