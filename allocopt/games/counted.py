"""Games that keep count of the coalitions they are asked for, and games that remember them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from allocopt.facts.checks import Array
from allocopt.games.base import ClosedForm, Coalitions, Game


@dataclass(frozen=True, eq=False, repr=False)
class CountedGame(Game):
    """The game ``of``, counting; every coalition counts each time it is asked for, those of a block too."""

    of: Game
    count: list[int] = field(default_factory=lambda: [0])

    @property
    def evaluations(self) -> int:
        """How many coalitions were looked at so far."""
        return self.count[0]

    def worths(self, coalitions: Coalitions) -> Array:
        self.count[0] += len(coalitions)
        return self.of.worths(coalitions)

    def block(self, index: int) -> Array:
        self.count[0] += 1 << self.block_bits
        return self.of.block(index)

    def closed_form(self, value: str = "shapley", seed: int | None = None) -> ClosedForm | None:
        return self.of.closed_form(value, seed)


@dataclass(frozen=True, eq=False, repr=False)
class CachedGame(Game):
    """The game ``of``, remembering: no coalition is computed twice, whoever asks and in whatever batch.

    ``hits`` counts the answers that were remembered, ``evaluations`` those that were computed. For games whose worths
    are dear; a worth that takes less than a microsecond is cheaper to compute again.
    """

    of: Game
    known: dict[bytes, float] = field(default_factory=dict)
    count: list[int] = field(default_factory=lambda: [0])

    @property
    def evaluations(self) -> int:
        """How many coalitions were computed so far, each once."""
        return len(self.known)

    @property
    def hits(self) -> int:
        """How many answers were remembered so far."""
        return self.count[0]

    def worths(self, coalitions: Coalitions) -> Array:
        packed = np.packbits(coalitions, axis=1)
        keys = [row.tobytes() for row in packed]
        fresh = {key: at for at, key in enumerate(keys) if key not in self.known}
        if fresh:
            self.known.update(zip(fresh, self.of(coalitions[list(fresh.values())]).tolist(), strict=True))
        self.count[0] += len(keys) - len(fresh)
        return np.array([self.known[key] for key in keys], dtype=np.float64)

    def closed_form(self, value: str = "shapley", seed: int | None = None) -> ClosedForm | None:
        return self.of.closed_form(value, seed)
