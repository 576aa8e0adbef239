"""A game given by its worths, one per coalition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array, vector
from allocopt.games.base import Coalitions, Game, player_index
from allocopt.maths.shapley import player_count


@dataclass(frozen=True, eq=False, repr=False)
class TableGame(Game):
    """A game that looks its worths up: ``values[mask]`` is the worth of the players whose bits are set."""

    values: Array

    def worths(self, coalitions: Coalitions) -> Array:
        masks = coalitions @ (1 << np.arange(self.n, dtype=np.int64))
        return np.asarray(self.values[masks])

    def block(self, index: int) -> Array:
        """A view; nothing is copied."""
        start = index << self.block_bits
        return self.values[start : start + (1 << self.block_bits)]

    def table(self) -> Array:
        """All worths by bit mask, read-only; nothing is computed or copied."""
        return self.values


def table(values: Array | Sequence[float], players: Sequence[Any] | None = None, kind: str = "cost") -> TableGame:
    r"""The game with these worths.

    Parameters
    ----------
    values : :math:`v(S)` by bit mask, length :math:`2^n`: bit i of the mask is player i, and ``values[0]``, the worth
        of the empty coalition, is 0. Finite, any sign, one unit throughout.
    players : one name per player, in the order of the bits; 0 .. n - 1 when left out.
    kind : ``cost`` or ``gain``.

    Raises
    ------
    DataError : a length that is no power of two, an empty coalition that is worth something, NaN, a name used twice.

    >>> game = table([0, 10, 12, 18], players=["A", "B"])
    >>> game.grand, game([[True, False]])
    (18.0, array([10.]))
    """
    entries = np.atleast_1d(np.asarray(values)) if not isinstance(values, pd.Series) else values.to_numpy()
    if entries.ndim != 1:
        raise DataError(f"values has shape {entries.shape}; give the worths as one list, by bit mask")
    n = player_count(len(entries))
    worths = vector(entries, pd.RangeIndex(len(entries), name="mask"), "values (by coalition mask)", low=-np.inf)
    if worths[0] != 0:
        raise DataError(f"values[0], the worth of the empty coalition, is {worths[0]:g}; it must be 0: list it first")
    return TableGame(player_index(players, n), kind, worths)
