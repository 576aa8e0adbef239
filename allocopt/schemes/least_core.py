"""The largest objection of any group is as small as it can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.nucleolus import least_core
from allocopt.schemes.game_rule import SettledRule


@dataclass(frozen=True, eq=False, kw_only=True)
class LeastCoreRule(SettledRule):
    r"""Every payer bears its part in a division whose largest objection is as small as it can be.

    .. math:: \varepsilon^* = \min_{x(N) = c(N)} \max_{\emptyset \ne S \subset N} \bigl(x(S) - c(S)\bigr)

    Many divisions reach :math:`\varepsilon^*`; the shares are the one that is singled out by going on to the second
    largest objection, the prenucleolus. ``extras["epsilon"]`` is :math:`\varepsilon^*`, at most 0 exactly when no group
    would rather leave.
    Values that sum to the loss and respect the caps are the shares; otherwise they are the key of a capped pro-rata,
    and the answer's notes say so.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"cap": [9.0, 9.0, 9.0]}, index=["A", "B", "C"])
    >>> airport = [0, 1, 2, 2, 3, 3, 3, 3]
    >>> answer = LeastCoreRule(game=airport).allocate(LossProblem(3, table, cap="cap"))
    >>> answer.shares.round(4).to_list(), round(answer.extras["epsilon"], 4)
    ([0.5, 0.75, 1.75], -0.5)
    """

    name = "least-core"
    source = "Maschler, Peleg and Shapley (1979), Mathematics of Operations Research 4, section 2"
    keyed = "least-core division"

    @property
    def concept(self) -> str:
        """The division that is singled out."""
        return "prenucleolus"

    def value_of(self, game: Game, read: Mapping[str, Any]) -> GameValue:
        """The least-core division by player."""
        return least_core(game, self.proven)
