"""A game whose worths are made once, when they are first needed, for everybody who asks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from allocopt.facts.checks import Array
from allocopt.games.base import ClosedForm, Coalitions, Game
from allocopt.games.table import TableGame

KEPT_LIMIT = 22  # players; a table of 2^22 worths is 32 MiB, little beside what makes it


@dataclass(frozen=True, eq=False, repr=False)
class KeptGame(Game):
    """The game ``of`` with its table beside it; what the game knows by formula it still answers by formula."""

    of: Game

    @cached_property
    def _kept(self) -> Array:
        return np.empty(1 << self.n)

    @cached_property
    def _made(self) -> NDArray[np.bool_]:
        return np.zeros(1 << (self.n - self.block_bits), dtype=np.bool_)

    def worths(self, coalitions: Coalitions) -> Array:
        """As the game has them, whether or not the table is there: a sample must not depend on who asked before."""
        return self.of.worths(coalitions)

    def block(self, index: int) -> Array:
        """A read-only view; a block is made when it is first asked for."""
        start = index << self.block_bits
        piece = self._kept[start : start + (1 << self.block_bits)]
        if not self._made[index]:
            piece[:] = self.of.block(index)
            self._made[index] = True
        piece = piece.view()
        piece.flags.writeable = False
        return piece

    def table(self) -> Array:
        """All worths by bit mask, read-only; the second time nothing is computed."""
        for index in np.flatnonzero(~self._made):
            self.block(int(index))
        values = self._kept.view()
        values.flags.writeable = False
        return values

    def closed_form(self, value: str = "shapley", seed: int | None = None) -> ClosedForm | None:
        return self.of.closed_form(value, seed)

    def __repr__(self) -> str:
        return repr(self.of)


def kept(game: Game) -> Game:
    """The game with its table kept, or the game itself where a table is there already or would be large."""
    known = isinstance(game, KeptGame | TableGame) or game.n > KEPT_LIMIT
    return game if known else KeptGame(game.players, game.kind, game)
