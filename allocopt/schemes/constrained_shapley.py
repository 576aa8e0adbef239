"""The Shapley value as far as caps, stand-alone costs and the core allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.constrained import ConstrainedValue, constrained_shapley
from allocopt.games.shapley import shapley
from allocopt.schemes.game_rule import Checked, GameRule

_SAME = 1e-12  # a worth of all within this fraction of the loss is the loss


@dataclass(frozen=True, eq=False, kw_only=True)
class ConstrainedShapley(GameRule):
    r"""Every payer bears its Shapley value as far as its cap, what it would bear alone, and the core allow.

    .. math:: \min_x \lVert x - \phi \rVert^2 \quad \text{s.t.} \quad x(N) = L,\ 0 \le x_i \le \bar c_i,\
       x_i \le c(i),\ x(S) \le c(S) + h

    :math:`\bar c_i` is the cap of a payer in the question, :math:`c` the game scaled so that all together are worth the
    loss :math:`L`, and :math:`\phi` its Shapley value: unlike ``shapley``, which cuts at the caps and spreads the rest
    in proportion, this rule moves the values as little as it can. ``individual_rationality`` keeps
    :math:`x_i \le c(i)`, ``core`` the last constraint, with ``relaxation`` for :math:`h`. The notes say how far the
    Shapley value was moved; constraints that contradict each other are an ``InfeasibleError`` that names them. A loss
    beyond all caps leaves no choice: then the Shapley value is the key.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"cap": [1.0, 2.0, 1.5]}, index=["A", "B", "C"])
    >>> rule = ConstrainedShapley(game=[0, 1, 2, 2, 3, 3, 3, 3], core=True)
    >>> rule.allocate(LossProblem(3, table, cap="cap")).shares.round(4).to_list()
    [0.5, 1.0, 1.5]
    """

    name = "constrained-shapley"
    formula = r"x = \arg\min \lVert x - \phi \rVert^2 \text{ subject to the constraints}"
    letters = MappingProxyType(
        {
            r"\phi": "the Shapley value, one entry per payer",
        }
    )
    source = "Ruiz, Valenciano and Zarzuelo (1998), Games and Economic Behavior 24"
    keyed = "constrained Shapley value"
    claims = frozenset()

    individual_rationality: bool = field(default=True, metadata={"help": "whether nobody may bear more than alone"})
    core: bool = field(default=False, metadata={"help": "whether no group may bear more than by itself"})
    relaxation: float = field(default=0.0, metadata={"help": "what a group may be charged beyond that, in currency"})
    budget: int | None = field(default=None, metadata={"help": "how many coalitions a sampled value may look at"})
    seed: int | None = field(default=None, metadata={"help": "seed of the sample"})

    def reads(self, problem: LossProblem) -> dict[str, Any]:
        """The caps, and the loss to which the game is scaled."""
        return {"caps": self.by_player(problem, problem.caps), "loss": problem.loss}

    def value_of(self, game: Game, read: Mapping[str, Any]) -> GameValue:
        """The constrained Shapley value by player, in currency."""
        caps, loss = read["caps"], read["loss"]
        if loss == 0 or loss >= caps.sum():
            return shapley(game, budget=self.budget, seed=self.seed)
        if game.grand <= 0:
            raise DataError(f"all together are worth {game.grand:g}, which cannot be scaled to a loss of {loss:g}")
        if abs(game.grand - loss) > _SAME * loss:
            game = game.scaled(to=loss)
        return constrained_shapley(
            game, caps, self.individual_rationality, self.core, True, self.relaxation, self.budget, self.seed
        )

    def checked(self, value: GameValue) -> Checked:
        """The conditions of the nearest point."""
        if not isinstance(value, ConstrainedValue):
            return super().checked(value)
        found = value.certificate
        return Checked(found.worst, found.kind, found.statement)

    def notes(self, problem: LossProblem, value: GameValue, own: Array, paid: Array) -> tuple[str, ...]:
        """How far the constraints move the Shapley value."""
        told = super().notes(problem, value, own, paid)
        if not isinstance(value, ConstrainedValue):
            return (*told, "the loss leaves no choice: the key is the plain Shapley value")
        moved = float(np.abs(value.departure).max()) if len(own) else 0.0
        scaled = abs(self.played.grand - problem.loss) > _SAME * problem.loss
        was = f" (its worth of all, {self.played.grand:,.6g}, scaled to the loss)" if scaled else ""
        return (*told, f"the constraints move the Shapley value of the game{was} by up to {moved:,.6g}")
