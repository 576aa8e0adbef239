"""One number per player that sums up a whole game, with how it was found and how far it can be off."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from allocopt.facts.checks import Array
from allocopt.games.base import Game


@dataclass(frozen=True, eq=False, repr=False)
class GameValue:
    """A value of a game with its evidence.

    ``amounts`` and ``errors`` hold one entry per player, in the units of the worths; ``errors`` are standard errors,
    0 for a computed value. ``evaluations`` counts the coalitions that were looked at.
    """

    game: Game
    amounts: Array
    errors: Array
    evaluations: int
    method: str

    @property
    def values(self) -> pd.Series[float]:
        """The value by player; a copy."""
        return pd.Series(self.amounts.copy(), index=self.game.players, name="value")

    @property
    def standard_error(self) -> pd.Series[float]:
        """The standard error by player; zeros where the value was computed."""
        return pd.Series(self.errors.copy(), index=self.game.players, name="standard error")

    def __repr__(self) -> str:
        off = f", standard error up to {self.errors.max():.2g}" if self.errors.any() else ""
        return f"GameValue({self.amounts.sum():g} over {self.game.n} players, {self.method}{off})"
