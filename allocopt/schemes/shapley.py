"""Everybody bears its average contribution to the worth of coalitions, as far as caps allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.shapley import shapley
from allocopt.schemes.game_rule import GameRule


@dataclass(frozen=True, eq=False, kw_only=True)
class Shapley(GameRule):
    r"""Every payer bears its Shapley value; where values do not sum to the loss, or a cap binds, they are a key.

    .. math:: \phi_i = \sum_{S \not\ni i} \frac{|S|!\,(n - |S| - 1)!}{n!} \bigl(v(S \cup i) - v(S)\bigr), \qquad
       x_i = \min(c_i,\ p\, \phi_i^+)

    ``game`` is a :class:`~allocopt.games.base.Game`, or the worths of all coalitions by bit mask (bit :math:`i` is the
    payer in row :math:`i`, ``values[0] = 0``). When the values sum to the loss and respect the caps the price is 1 and
    the shares are the values. Otherwise they are the key of a capped pro-rata, and the answer's notes say so, with the
    largest departure. A negative value (a payer whose presence lowers the loss) counts as zero. ``method``, ``budget``,
    ``seed`` and ``tolerance`` are those of :func:`~allocopt.games.shapley.shapley`: a sampled value states its standard
    errors, which become the gap of the certificate.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"cap": [9.0, 9.0, 9.0]}, index=["A", "B", "C"])
    >>> airport = [0, 1, 2, 2, 3, 3, 3, 3]
    >>> Shapley(game=airport).allocate(LossProblem(3, table, cap="cap")).shares.round(4).to_list()
    [0.3333, 0.8333, 1.8333]
    """

    name = "shapley"
    source = "Shapley (1953), Contributions to the Theory of Games II; Littlechild and Owen (1973) for the airport game"
    keyed = "Shapley value"

    method: str = field(default="auto", metadata={"help": "auto, closed-form, exact, or a way to sample: regression"})
    budget: int | None = field(default=None, metadata={"help": "how many coalitions may be looked at"})
    seed: int | None = field(default=None, metadata={"help": "seed of the sample"})
    tolerance: float | None = field(default=None, metadata={"help": "standard error at which a sample may stop"})

    def value_of(self, game: Game, read: Mapping[str, Any]) -> GameValue:
        """The Shapley value by player."""
        return shapley(game, self.method, self.budget, self.seed, self.tolerance)
