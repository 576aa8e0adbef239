"""Every payer bears what it would alone, and what is over or saved is shared equally."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.compromise import equal_surplus
from allocopt.schemes.game_rule import GameRule


@dataclass(frozen=True, eq=False, kw_only=True)
class EqualSurplus(GameRule):
    r"""Every payer bears what it would alone, less an equal part of what joining saves.

    .. math:: x_i = b_i + \frac{1}{n} \Bigl( c(N) - \sum_j b_j \Bigr)

    :math:`b_i = c(i)`, or with ``base="last"`` what the payer adds when it comes last, :math:`c(N) - c(N \setminus i)`.
    A payer that adds nothing to any group is not spared: it has its part in the surplus.
    Values that sum to the loss and respect the caps are the shares; otherwise they are the key of a capped pro-rata,
    and the answer's notes say so.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"cap": [9.0, 9.0, 9.0]}, index=["A", "B", "C"])
    >>> airport = [0, 1, 2, 2, 3, 3, 3, 3]
    >>> EqualSurplus(game=airport, base="last").allocate(LossProblem(3, table, cap="cap")).shares.round(4).to_list()
    [0.6667, 0.6667, 1.6667]
    """

    name = "equal-surplus"
    source = "Driessen and Funaki (1991), OR Spektrum 13"
    keyed = "equal surplus division"

    base: str = field(default="alone", metadata={"help": "'alone', or 'last': what a payer adds when it comes last"})

    def value_of(self, game: Game, read: Mapping[str, Any]) -> GameValue:
        """The equal surplus division by player."""
        return equal_surplus(game, self.base)
