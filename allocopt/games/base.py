"""What a game is: players, and the worth of every coalition of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array, vector
from allocopt.maths.shapley import BLOCK_BITS, memberships

if TYPE_CHECKING:
    from allocopt.games.counted import CachedGame, CountedGame
    from allocopt.games.derived import DualGame, RestrictedGame, SavingsGame, ScaledGame, SumGame
    from allocopt.games.properties import Finding

Coalitions = NDArray[np.bool_]

KINDS = ("cost", "gain")

TABLE_LIMIT = 28  # players; a table of 2^28 worths is 2 GiB


class ClosedForm(NamedTuple):
    """A value found without looking at coalitions: amounts, standard errors (0 if computed), and how, in words."""

    values: Array
    standard_error: float | Array
    method: str


def player_index(players: Any, n: int) -> pd.Index:
    """The players' names, one for each of ``n``; 0 .. n - 1 when none are given."""
    if players is None:
        return pd.RangeIndex(n)
    if isinstance(players, str):
        raise DataError(f"players is the text {players!r}; give a list with one name per player")
    names = players if isinstance(players, pd.Index) else pd.Index(list(players), tupleize_cols=False)
    if len(names) != n:
        raise DataError(f"{len(names)} players are named but the worths are for {n}; name each player once")
    if names.hasnans:
        raise DataError("a player's name is missing (NaN); name every player")
    if not names.is_unique:
        raise DataError(f"player {names[names.duplicated()][0]!r} is named twice; names must be unique")
    return names


def player_amounts(values: Any, players: Any, what: str, **limits: Any) -> tuple[pd.Index, Array]:
    """The players and one amount for each: a Series names its players, a list has one entry per player.

    ``limits`` are those of :func:`~allocopt.facts.checks.vector`.
    """
    if isinstance(values, pd.Series):
        players = list(values.index) if players is None else players
        values = values.to_numpy()
    entries = np.atleast_1d(np.asarray(values))
    if entries.ndim != 1:
        raise DataError(f"{what} has shape {entries.shape}; give one entry per player")
    names = player_index(players, len(entries))
    return names, vector(entries, names, what, **limits)


@dataclass(frozen=True, eq=False)
class Game(ABC):
    r"""The worth of every coalition: :math:`v : 2^N \to \mathbb R` with :math:`v(\emptyset) = 0`.

    ``players`` names the members of N, in order; ``kind`` says whether a worth is a ``cost`` (a coalition objects to
    bearing more than it) or a ``gain`` (a coalition objects to getting less). A game is called with one row of
    true/false per coalition and answers with one worth per row. A new game is one method, :meth:`worths`.

    >>> class Airport(Game):
    ...     def worths(self, coalitions):
    ...         return np.where(coalitions, [1.0, 2.0, 3.0], 0.0).max(axis=1, initial=0.0)
    >>> game = Airport(pd.Index(["small", "middle", "large"]), "cost")
    >>> game([[True, True, False]]), game.grand
    (array([2.]), 3.0)
    """

    players: pd.Index
    kind: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown("kind of game", self.kind, KINDS)
        object.__setattr__(self, "players", player_index(self.players, len(self.players)))

    @abstractmethod
    def worths(self, coalitions: Coalitions) -> Array:
        """The worth of each coalition: rows of true/false in, one entry per row out."""

    def closed_form(self, value: str = "shapley", seed: int | None = None) -> ClosedForm | None:
        """The named value (``shapley``, ``banzhaf``, ``nucleolus`` ...) where this game has a formula or a quick
        algorithm for it; None where it has not."""
        return None

    def __call__(self, coalitions: Any) -> Array:
        rows = np.asarray(coalitions)
        if rows.size == 0 and rows.ndim == 2:
            rows = rows.astype(np.bool_)  # an empty list has no type of its own
        if rows.ndim != 2 or rows.shape[1] != self.n or rows.dtype != np.bool_:
            raise DataError(
                f"coalitions has shape {rows.shape} and type {rows.dtype}; expected one row of {self.n} true/false "
                "entries per coalition, in the order of the players"
            )
        found = np.asarray(self.worths(rows), dtype=np.float64)
        if found.shape != (len(rows),):
            raise DataError(
                f"{type(self).__name__} returned worths of shape {found.shape} for {len(rows)} coalitions; "
                "expected one number per coalition"
            )
        bad = np.flatnonzero(~np.isfinite(found))
        if len(bad):
            members = ", ".join(map(repr, self.players[rows[bad[0]]][:8]))
            raise DataError(f"the worth of coalition {{{members}}} is {found[bad[0]]}; every worth must be finite")
        return found

    @property
    def n(self) -> int:
        """How many players there are."""
        return len(self.players)

    @cached_property
    def grand(self) -> float:
        """The worth of all players together."""
        return float(self(np.ones((1, self.n), dtype=np.bool_))[0])

    def block(self, index: int) -> Array:
        """The worths whose bit masks begin at ``index`` times the length of a block; blocks follow each other by mask.

        A game that adds up, or has a compiled pass over coalitions, answers here without looking at memberships.
        """
        start = index << self.block_bits
        return self(memberships(start, start + (1 << self.block_bits), self.n))

    @property
    def block_bits(self) -> int:
        """How many players, the first ones, vary within a block of worths; the others vary between blocks."""
        return min(self.n, BLOCK_BITS)

    def blocks(self) -> Iterator[Array]:
        """Every worth in the order of the bit masks, a block at a time; the table need not exist as a whole."""
        for index in range(1 << (self.n - self.block_bits)):
            yield self.block(index)

    def table(self) -> Array:
        """All 2^n worths by bit mask (bit i = player i), the empty coalition first; memory is asked for beforehand."""
        ask_for_table(self.n)
        values = np.empty(1 << self.n)
        filled = 0
        for block in self.blocks():
            values[filled : filled + block.size] = block
            filled += block.size
        return values

    def scaled(self, factor: float = 1.0, to: float | None = None) -> ScaledGame:
        """The same game with every worth times ``factor``, or so that all players together are worth ``to``.

        >>> from allocopt.games import airport
        >>> airport([1, 2, 4]).scaled(to=100.0).table()
        array([  0.,  25.,  50.,  50., 100., 100., 100., 100.])
        """
        from allocopt.games.derived import scaled

        return scaled(self, factor, to)

    def __mul__(self, factor: float) -> ScaledGame:
        return self.scaled(factor)

    __rmul__ = __mul__

    def __add__(self, other: Game) -> SumGame:
        from allocopt.games.derived import added

        return added(self, other)

    def dual(self) -> DualGame:
        r"""What a coalition keeps when the others are served first, :math:`v^*(S) = v(N) - v(N \setminus S)`.

        A cost becomes a gain and the other way round: bearing at most c(S) is bearing at least the dual of the others,
        so a game and its dual have the same core, excesses, Shapley and Banzhaf values.
        """
        from allocopt.games.derived import DualGame

        return DualGame(self.players, "gain" if self.kind == "cost" else "cost", self)

    def savings(self) -> SavingsGame:
        r"""The gain of a coalition that pays its cost together: :math:`\sum_{i \in S} c(\{i\}) - c(S)`."""
        from allocopt.games.derived import savings

        return savings(self)

    def restricted(self, players: Sequence[Any]) -> RestrictedGame:
        """The game among ``players`` (names) alone, in the order given; the others never take part."""
        from allocopt.games.derived import restricted

        return restricted(self, players)

    def marginal_vector(self, order: Sequence[Any]) -> pd.Series[float]:
        """What each player adds to those before it in ``order``, a list of all names; indexed by player."""
        from allocopt.games.derived import marginal_vector

        return marginal_vector(self, order)

    def cached(self) -> CachedGame:
        """The same game, remembering the worth of every coalition it was asked for; counts ``evaluations`` and
        ``hits``."""
        from allocopt.games.counted import CachedGame

        return CachedGame(self.players, self.kind, self)

    @cached_property
    def kept(self) -> Game:
        """The same game with its table made once, when first needed, for all rules that ask; up to 22 players."""
        from allocopt.games.kept import kept

        return kept(self)

    def counted(self) -> CountedGame:
        """The same game, counting the coalitions it was asked for in ``evaluations``."""
        from allocopt.games.counted import CountedGame

        return CountedGame(self.players, self.kind, self)

    def is_additive(self, tolerance: float = 1e-10) -> Finding:
        """Is every coalition worth the sum of its members? ``tolerance`` is a fraction of the largest worth."""
        from allocopt.games.properties import additive

        return additive(self, tolerance)

    def is_monotone(self, tolerance: float = 1e-10) -> Finding:
        """Is no coalition worth more than a larger one? ``tolerance`` is a fraction of the largest worth."""
        from allocopt.games.properties import monotone

        return monotone(self, tolerance)

    def is_superadditive(self, tolerance: float = 1e-10) -> Finding:
        """Do two coalitions without common members never lose by joining (subadditive, for a cost)?"""
        from allocopt.games.properties import superadditive

        return superadditive(self, tolerance)

    def is_convex(self, tolerance: float = 1e-10) -> Finding:
        """Does a player gain at least as much by joining a larger coalition (concave, submodular, for a cost)?"""
        from allocopt.games.properties import convex

        return convex(self, tolerance)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.n} players, {self.kind})"


def ask_for_table(n: int) -> None:
    """Raise DataError when a table for ``n`` players is beyond the limit, or larger than the memory that is free."""
    size = 8 * 2.0**n
    remedy = "use a sampled method, or a game with a closed form"
    if n > TABLE_LIMIT:
        raise DataError(f"a table for {n} players has 2**{n} worths; tables end at {TABLE_LIMIT} players: {remedy}")
    free = _free_memory()
    if free is not None and size > free:
        raise DataError(
            f"a table for {n} players takes {size / 2**30:.1f} GiB and {free / 2**30:.1f} GiB are free: {remedy}"
        )


def _free_memory() -> float | None:
    """Bytes that can be taken without swapping, where the system says so (Linux); None elsewhere."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    kilobytes = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), None)
    return None if kilobytes is None else 1024.0 * int(kilobytes)
