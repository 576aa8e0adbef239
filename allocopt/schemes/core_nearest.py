"""The division nearest to a reference among those that no group would rather leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from allocopt.facts.problem import LossProblem
from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.core_nearest import CoreNearest, core_nearest
from allocopt.schemes.fair import shares_of
from allocopt.schemes.game_rule import Checked, GameRule


@dataclass(frozen=True, eq=False, kw_only=True)
class CoreNearestRule(GameRule):
    r"""Every payer bears its part in the division of the core that is nearest to a reference.

    .. math:: \min_x \tfrac12 \sum_i (x_i - r_i)^2 \quad\text{s.t.}\quad x(N) = c(N),\quad
       x(S) - c(S) \le h \ (\emptyset \ne S \subset N)

    :math:`r_i` is what the reference asks of payer :math:`i`: a scheme, its name, or figures by payer, in currency; it
    is scaled by :math:`c(N) / L` where all together are worth something else than the loss :math:`L`. ``bound`` is
    :math:`h`, in the units of the worths. An empty core is an ``InfeasibleError`` that names groups who show it and the
    least bound that would do. Values that sum to the loss and respect the caps are the shares; otherwise they are the
    key of a capped pro-rata, and the answer's notes say so. The certificate includes that of the nearest point.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"cap": [9.0, 9.0, 9.0]}, index=["A", "B", "C"])
    >>> rule = CoreNearestRule(game=[0, 1, 2, 2, 3, 3, 3, 3], reference="pro-rata")
    >>> rule.allocate(LossProblem(3, table, cap="cap")).shares.round(4).to_list()
    [1.0, 1.0, 1.0]
    """

    name = "core-nearest"
    source = "Goldfarb and Idnani (1983), Mathematical Programming 27, for the method"
    keyed = "nearest division in the core"
    claims = frozenset()

    reference: Any = field(default="pro-rata", metadata={"help": "scheme, name of a scheme, or figures by payer"})
    bound: float = field(default=0.0, metadata={"help": "what a group may still object, in the units of the worths"})

    def reads(self, problem: LossProblem) -> dict[str, Any]:
        """The reference, in the units of the worths."""
        factor = self.played.grand / problem.loss if problem.loss > 0 else 1.0
        return {"reference": self.by_player(problem, shares_of(self.reference, problem) * factor)}

    def value_of(self, game: Game, read: Mapping[str, Any]) -> GameValue:
        """The nearest division in the core, by player."""
        return core_nearest(game, read["reference"], bound=self.bound)

    def checked(self, value: GameValue) -> Checked:
        """The conditions of the nearest point: no group objects, and the groups at their bound push it there."""
        assert isinstance(value, CoreNearest)
        return Checked(
            value.certificate.worst, "nearest point", "no group objects beyond the bound, and what keeps the division "
            f"from the reference is the push of {len(value.objections)} groups at theirs"
        )  # fmt: skip
