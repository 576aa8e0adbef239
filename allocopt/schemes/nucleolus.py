"""The loudest objection of any group is as quiet as it can be, then the second loudest, and so on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.nucleolus import nucleolus
from allocopt.schemes.game_rule import SettledRule


@dataclass(frozen=True, eq=False, kw_only=True)
class NucleolusRule(SettledRule):
    r"""Every payer bears its part in the nucleolus: no group has a louder objection than need be.

    .. math:: \operatorname{lex\,min}_{x(N) = c(N),\ x_i \le c(i)} \bigl(x(S) - c(S)\bigr)_S \text{ decreasingly},
       \qquad \text{shares } \min(\bar c_i,\ p\, x_i^+)

    :math:`c(S)` is what the group :math:`S` would bear by itself, :math:`x(S) - c(S)` its objection and
    :math:`\bar c_i` the cap of a payer. It lies in the core when there is one. Values that sum to the loss and respect
    the caps are the shares; otherwise they are the key of a capped pro-rata, and the answer's notes say so. The
    certificate includes Kohlberg's criterion, which does not ask how the division was found (up to 22 payers).

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"cap": [9.0, 9.0, 9.0]}, index=["A", "B", "C"])
    >>> airport = [0, 1, 2, 2, 3, 3, 3, 3]
    >>> NucleolusRule(game=airport).allocate(LossProblem(3, table, cap="cap")).shares.round(4).to_list()
    [0.5, 0.75, 1.75]
    """

    name = "nucleolus"
    source = "Schmeidler (1969), SIAM Journal on Applied Mathematics 17; Kohlberg (1971), the same journal 20"
    keyed = "nucleolus"

    def value_of(self, game: Game, read: Mapping[str, Any]) -> GameValue:
        """The nucleolus by player."""
        return nucleolus(game, self.proven)
