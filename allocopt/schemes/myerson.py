"""Payers answer together only along links: what a group costs is what its connected parts cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.cooperation import myerson
from allocopt.schemes.game_rule import GameRule


@dataclass(frozen=True, eq=False, kw_only=True)
class Myerson(GameRule):
    r"""Every payer bears its Myerson value: the Shapley value when payers act together only along links.

    .. math:: \mu_i = \phi_i(v^g), \qquad v^g(S) = \sum_{C \in S / g} v(C), \qquad x_i = \min(c_i,\ p\, \mu_i^+)

    :math:`S / g` are the connected parts of the group :math:`S`. The values add up to the worth of the connected parts
    of all, which is the worth of all when everybody is connected. Values that sum to the loss and respect the caps are
    the shares; otherwise they are the key of a capped pro-rata, and the answer's notes say so.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"cap": [9.0, 9.0, 9.0]}, index=["A", "B", "C"])
    >>> rule = Myerson(game=[0, 0, 0, 6, 0, 6, 6, 6], links=[(0, 1), (1, 2)])
    >>> rule.allocate(LossProblem(6, table, cap="cap")).shares.to_list()
    [1.0, 4.0, 1.0]
    """

    name = "myerson"
    source = "Myerson (1977), Mathematics of Operations Research 2"
    keyed = "Myerson value"
    efficient = False

    links: Any = field(metadata={"help": "pairs of players; each pair can act together"})

    def value_of(self, game: Game, read: Mapping[str, Any]) -> GameValue:
        """The Myerson value by player."""
        return myerson(game, self.links)
