"""The objections of groups vary as little as can be, squared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.values import least_squares
from allocopt.schemes.game_rule import GameRule


@dataclass(frozen=True, eq=False, kw_only=True)
class LeastSquaresValue(GameRule):
    r"""Every payer bears its part in the division whose objections vary least, squared.

    .. math:: \min_x \sum_{\emptyset \ne S \subsetneq N} m_{|S|} \left( v(S) - x(S) - \bar e \right)^2
       \quad \text{s.t.} \quad x(N) = v(N)

    :math:`\bar e` is the mean of what groups object, :math:`m_s` the weight of a group of :math:`s` members
    (``weights``, one for each size from 1 to n - 1; all alike when left out). With equal weights this is the
    least-squares prenucleolus, :math:`x_i = v(N)/n + (n a_i - \sum_j a_j) / (n\, 2^{n-2})` with :math:`a_i` the worth
    of all groups with i but N together; :math:`m_s = 1 / \binom{n-2}{s-1}` gives the Shapley value.
    Values that sum to the loss and respect the caps are the shares; otherwise they are the key of a capped pro-rata,
    and the answer's notes say so.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"cap": [9.0, 9.0, 9.0]}, index=["A", "B", "C"])
    >>> airport = [0, 1, 2, 2, 3, 3, 3, 3]
    >>> LeastSquaresValue(game=airport).allocate(LossProblem(3, table, cap="cap")).shares.round(4).to_list()
    [0.3333, 0.8333, 1.8333]
    """

    name = "least-squares-value"
    aliases = ("least-squares-prenucleolus",)
    source = "Ruiz, Valenciano and Zarzuelo (1998), Games and Economic Behavior 24"
    keyed = "least-squares value"

    weights: Any = field(default=None, metadata={"help": "a weight for each size of group, 1 .. n - 1; all alike"})

    def value_of(self, game: Game, read: Mapping[str, Any]) -> GameValue:
        """The least-squares value by player."""
        return least_squares(game, self.weights)
