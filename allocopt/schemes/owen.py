"""Affiliated payers stand together: unions share as one, then their members among themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from allocopt.errors import unknown
from allocopt.facts.problem import LossProblem
from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.cooperation import owen
from allocopt.schemes.game_rule import GameRule


@dataclass(frozen=True, eq=False, kw_only=True)
class Owen(GameRule):
    r"""Every payer bears its Owen value: unions of affiliated payers share as one, then among their members.

    .. math:: \phi_i = \sum_{R \subseteq M \setminus k} p_{|R|} \sum_{T \subseteq B_k \setminus i} q_{|T|}
       \bigl( v(Q_R \cup T \cup i) - v(Q_R \cup T) \bigr), \qquad x_i = \min(c_i,\ p\, \phi_i^+)

    for payer :math:`i` of union :math:`B_k`, :math:`Q_R` being all members of the unions :math:`R`: the average over
    orders of arrival in which members of a union come one after the other. ``unions`` is a column of the table that
    names each payer's union (payers without one stand alone), or lists of payers, or a Series. ``between`` and
    ``within`` are ``shapley`` or ``banzhaf``. Values that sum to the loss and respect the caps are the shares;
    otherwise they are the key of a capped pro-rata, and the answer's notes say so.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"cap": [9.0, 9.0, 9.0], "group": ["one", "one", "two"]}, index=["A", "B", "C"])
    >>> airport = [0, 1, 2, 2, 3, 3, 3, 3]
    >>> Owen(game=airport, unions="group").allocate(LossProblem(3, table, cap="cap")).shares.to_list()
    [0.25, 0.75, 2.0]
    """

    name = "owen"
    source = "Owen (1977), Values of games with a priori unions; Owen (1982) for the Banzhaf form"
    keyed = "Owen value"

    unions: Any = field(metadata={"help": "a column that names each payer's union, or lists of payers, or a Series"})
    between: str = field(default="shapley", metadata={"help": "how unions share: 'shapley' or 'banzhaf'"})
    within: str = field(default="shapley", metadata={"help": "how members of a union share: 'shapley' or 'banzhaf'"})

    @property
    def efficient(self) -> bool:  # type: ignore[override]
        """Whether the entries add up: under Shapley on both floors."""
        return self.between == self.within == "shapley"

    def reads(self, problem: LossProblem) -> dict[str, Any]:
        """The column of unions, where one is named."""
        if not isinstance(self.unions, str):
            return {}
        table = problem.payers
        if self.unions not in table:
            raise unknown("column of unions", self.unions, map(str, table.columns))
        return {"unions": self.by_player(problem, table[self.unions].astype(object).to_numpy())}

    def value_of(self, game: Game, read: Mapping[str, Any]) -> GameValue:
        """The Owen value by player."""
        return owen(game, read.get("unions", self.unions), self.between, self.within)
