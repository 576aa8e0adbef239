"""Everybody bears the amounts under which what coalitions object to varies least, as far as caps allow."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from allocopt.games.base import Game
from allocopt.games.table import table
from allocopt.games.values import least_squares
from allocopt.schemes.shapley import Shapley


@dataclass(frozen=True, eq=False, kw_only=True)
class LeastSquaresValue(Shapley):
    r"""Every payer bears its least-squares value: additive amounts that fit the worths of all coalitions best.

    .. math:: \min_\psi \sum_S m_{|S|} \bigl(v(S) - \psi(S)\bigr)^2\ \text{s.t.}\ \psi(N) = v(N), \qquad
       \psi_i = \frac{v(N)}{n} + \frac{n a_i - \sum_j a_j}{n\, 2^{n-2}}, \quad a_i = \sum_{S \ni i,\, S \ne N} v(S),
       \qquad x_i = \min(c_i,\ p\, \psi_i^+)

    The closed form is that of equal weights on all sizes of coalition, the default: the least-squares prenucleolus.
    ``weights`` :math:`m_1, \dots, m_{n-1}` give the other members of the family; :math:`1 / \binom{n-2}{s-1}` is the
    Shapley value. :math:`v(S)` is the worth of a coalition in currency. As with ``shapley``, values that do not sum to
    the loss, or that a cap stops, are the key of a capped pro-rata, and the answer's notes say so.

    >>> from allocopt.facts.problem import LossProblem
    >>> payers = pd.DataFrame({"cap": [9.0, 9.0, 9.0]}, index=["A", "B", "C"])
    >>> airport = [0, 1, 2, 2, 4, 4, 4, 4]
    >>> LeastSquaresValue(game=airport).allocate(LossProblem(4, payers, cap="cap")).shares.round(4).to_list()
    [0.3333, 0.8333, 2.8333]
    """

    name = "least-squares-value"
    aliases = ("least-squares-prenucleolus",)
    formula = r"x_i = \min(c_i,\ p\, \psi_i^+),\quad \psi_i = \frac{v(N)}{n} + \frac{n a_i - \sum_j a_j}{n\, 2^{n-2}}"
    source = "Ruiz, Valenciano and Zarzuelo (1998), Games and Economic Behavior 24:109-130; Keane (1969)"
    keyed = "least-squares value"

    weights: Any = field(default=None, metadata={"help": "weight of each size of coalition, 1 to n - 1; all alike"})

    @cached_property
    def values(self) -> pd.Series[float]:
        """The least-squares value by player."""
        game = self.game if isinstance(self.game, Game) else table(self.game)
        return least_squares(game, self.weights).values.rename("value")
