"""One number per player that sums up a whole game, with how it was found and how far it can be off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from allocopt.facts.checks import Array, number
from allocopt.games.base import Game

_ENDLESS = 1e9  # degrees of freedom beyond which a t distribution is normal


@dataclass(frozen=True, eq=False, repr=False)
class GameValue:
    """A value of a game with its evidence.

    ``amounts`` and ``errors`` hold one entry per player, in the units of the worths; ``errors`` are standard errors,
    0 for a computed value. ``evaluations`` counts the coalitions that were looked at. ``freedom`` is how many
    independent observations the errors rest on (degrees of freedom), one number or one per player.
    """

    game: Game
    amounts: Array
    errors: Array
    evaluations: int
    method: str
    freedom: float | Array = np.inf

    @property
    def values(self) -> pd.Series[float]:
        """The value by player; a copy."""
        return pd.Series(self.amounts.copy(), index=self.game.players, name="value")

    @property
    def standard_error(self) -> pd.Series[float]:
        """The standard error by player; zeros where the value was computed."""
        return pd.Series(self.errors.copy(), index=self.game.players, name="standard error")

    def interval(self, level: float = 0.95) -> pd.DataFrame:
        """Two bounds by player between which the true value lies with probability ``level``, each player by itself.

        The value plus and minus its standard error times a quantile of Student's distribution; for a computed value
        both bounds are the value.

        >>> from allocopt.games.shapley import shapley
        >>> from allocopt.games.table import table
        >>> shapley(table([0, 10, 12, 18], players=["A", "B"])).interval()
           lower  upper
        A    8.0    8.0
        B   10.0   10.0
        """
        from scipy.special import stdtrit

        level = number(level, "the level of an interval", high=1.0)
        reach = np.zeros(self.game.n)
        sampled = self.errors > 0
        freedom = np.minimum(np.broadcast_to(self.freedom, reach.shape), _ENDLESS)
        reach[sampled] = stdtrit(freedom[sampled], 0.5 + 0.5 * level) * self.errors[sampled]
        return pd.DataFrame({"lower": self.amounts - reach, "upper": self.amounts + reach}, index=self.game.players)

    def __repr__(self) -> str:
        off = f", standard error up to {self.errors.max():.2g}" if self.errors.any() else ""
        return f"GameValue({self.amounts.sum():g} over {self.game.n} players, {self.method}{off})"
