"""Is a game additive, monotone, superadditive, convex? Exact from the table, with the coalitions that say no."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number
from allocopt.games.base import Game
from allocopt.maths.coalitions import subset_sums

PAIR_LIMIT = 24  # players; looking at every pair of players takes n^2 / 2 passes over a quarter of the table
SPLIT_LIMIT = 19  # players; a game that is not convex has 3^n / 2 pairs of disjoint coalitions to look at


@dataclass(frozen=True)
class Finding:
    """Whether a game has a property; true where it does.

    ``witness`` holds the two coalitions (names of members) that come nearest to a violation or are beyond it, and
    ``gap`` by how much, in the units of the worths: the property ``holds`` when no gap exceeds ``allowed``, a fraction
    of the largest worth, below which differences are rounding. ``reading`` says in words what was looked for.
    """

    name: str
    holds: bool
    witness: tuple[frozenset[Any], frozenset[Any]]
    gap: float
    allowed: float
    reading: str

    def __bool__(self) -> bool:
        return self.holds

    def __str__(self) -> str:
        if self.holds:
            return f"{self.name}: holds, {self.reading}"
        one, two = ("{" + ", ".join(sorted(map(str, side))) + "}" for side in self.witness)
        return f"{self.name}: fails by {self.gap:g} at {one} and {two}; expected {self.reading}"


def additive(game: Game, tolerance: float = 1e-10) -> Finding:
    r"""Is every coalition worth the sum of its members, :math:`v(S) = \sum_{i \in S} v(\{i\})`?

    The witness is a coalition and a player whose joining changes its worth by something else than the player's own.

    >>> from allocopt.games.table import table
    >>> print(additive(table([0, 1, 2, 4])))
    additive: fails by 1 at {0} and {1}; expected v(S + i) = v(S) + v(i)
    """
    values, allowed = _looked_at(game, tolerance, PAIR_LIMIT)
    off = np.abs(values - subset_sums(values[1 << np.arange(game.n)]))
    # The smallest coalition that is off was not off before its last member came: that is the pair to show.
    sizes = np.bitwise_count(np.arange(len(values)))
    wrong = np.flatnonzero(off > allowed)
    worst = int(wrong[np.argmin(sizes[wrong])]) if len(wrong) else int(np.argmax(off))
    last = 1 << worst.bit_length() >> 1
    pair = (worst ^ last, last)
    gap = abs(float(values[worst] - values[pair[0]] - values[pair[1]])) if worst else 0.0
    return _finding(game, "additive", not len(wrong), pair, gap, allowed, "v(S + i) = v(S) + v(i)")


def monotone(game: Game, tolerance: float = 1e-10) -> Finding:
    r"""Is a coalition never worth less than a part of it, :math:`v(S) \le v(S \cup i)`? O(n 2^n).

    >>> from allocopt.games.table import table
    >>> bool(monotone(table([0, 1, 2, 2]))), bool(monotone(table([0, 1, 2, 1.5])))
    (True, False)
    """
    values, allowed = _looked_at(game, tolerance, PAIR_LIMIT)
    gap, pair = 0.0, (0, 0)
    for i, without, joined in _halves(values):
        drop = without - joined
        at = int(np.argmax(drop))
        if float(drop.flat[at]) > gap or not i:
            gap, part = float(drop.flat[at]), _mask(at, i)
            pair = (part, part | 1 << i)
    return _finding(game, "monotone", gap <= allowed, pair, gap, allowed, "v(S) <= v(S + i)")


def convex(game: Game, tolerance: float = 1e-10) -> Finding:
    r"""Does a player add at least as much to a larger coalition (at most, for a cost)? O(n^2 2^n).

    .. math:: v(S) + v(T) \le v(S \cup T) + v(S \cap T)

    The two coalitions of the witness differ by one player each. A convex gain and a concave cost have a core that
    contains the Shapley value. Source: Shapley, "Cores of convex games", International Journal of Game Theory 1 (1971).

    >>> from allocopt.games import airport, threshold
    >>> print(airport([1, 2, 3]).is_convex())
    concave: holds, c(S) + c(T) >= c(S or T) + c(S and T)
    >>> threshold([2, 1, 1], 3).is_convex().witness
    (frozenset({0, 1}), frozenset({0, 2}))
    """
    values, allowed = _looked_at(game, tolerance, PAIR_LIMIT)
    sign = -1.0 if game.kind == "cost" else 1.0
    gap, pair = -np.inf, (0, 0)
    for i, without, joined in _halves(values):
        added = (sign * (joined - without)).ravel()  # what player i adds, by the mask of the others
        for j, earlier, later in _halves(added, i):
            drop = earlier - later
            at = int(np.argmax(drop))
            if float(drop.flat[at]) > gap:
                rest = _mask(_mask(at, j), i)
                gap, pair = float(drop.flat[at]), (rest | 1 << j, rest | 1 << i)
    gap = gap if np.isfinite(gap) else 0.0
    name, reading = "convex", "v(S) + v(T) <= v(S or T) + v(S and T)"
    if game.kind == "cost":
        name, reading = "concave", "c(S) + c(T) >= c(S or T) + c(S and T)"
    return _finding(game, name, gap <= allowed, pair, gap, allowed, reading)


def superadditive(game: Game, tolerance: float = 1e-10) -> Finding:
    r"""Do two coalitions without common members never lose by joining?

    .. math:: v(S) + v(T) \le v(S \cup T) \quad \text{for } S \cap T = \emptyset

    For a cost the sign turns: subadditive. A convex game passes at once; otherwise every pair is looked at, 3^n / 2.

    >>> from allocopt.games import tail
    >>> pnl = [[0.0, 0.0], [-4.0, 1.0], [-2.0, -6.0], [1.0, 0.0]]
    >>> print(tail(pnl, 0.5).is_superadditive())
    subadditive: holds, c(S) + c(T) >= c(S or T) if S and T share nobody
    """
    values, allowed = _looked_at(game, tolerance, PAIR_LIMIT)
    name, reading = "superadditive", "v(S) + v(T) <= v(S or T) if S and T share nobody"
    if game.kind == "cost":
        name, reading = "subadditive", "c(S) + c(T) >= c(S or T) if S and T share nobody"
    if game.n > SPLIT_LIMIT:
        known = convex(game, tolerance)
        if known.holds:
            return _finding(game, name, True, (0, 0), 0.0, allowed, reading)
        raise DataError(
            f"the game of {game.n} players is not {known.name}, and it has 3**{game.n} pairs of coalitions to look at; "
            f"this check ends at {SPLIT_LIMIT} players: look at restricted() games, or at is_convex()"
        )
    from allocopt.maths.set_kernels import worst_split

    gap, one, two = (0.0, 0, 0) if game.n < 2 else worst_split(-values if game.kind == "cost" else values)
    return _finding(game, name, gap <= allowed, (one, two), gap, allowed, reading)


def _looked_at(game: Game, tolerance: float, limit: int) -> tuple[Array, float]:
    """The table, and the difference that counts as rounding."""
    if game.n > limit:
        raise DataError(
            f"this check looks at every coalition and ends at {limit} players; the game has {game.n}: look at "
            "restricted() games"
        )
    values = game.table()
    return values, number(tolerance, "the tolerance") * float(np.abs(values).max(initial=0.0))


def _halves(values: Array, most: int | None = None) -> Iterator[tuple[int, Array, Array]]:
    """For each player the worths of the coalitions without it and, in the same places, with it; views."""
    for i in range(values.size.bit_length() - 1 if most is None else most):
        split = values.reshape(-1, 2, 1 << i)
        yield i, split[:, 0], split[:, 1]


def _mask(position: int, player: int) -> int:
    """The bit mask of the coalition in this place among those without ``player``: a zero bit is put in."""
    below = position & ((1 << player) - 1)
    return (position ^ below) << 1 | below


def _finding(
    game: Game, name: str, holds: bool, pair: tuple[int, int], gap: float, allowed: float, reading: str
) -> Finding:
    one, two = (frozenset(game.players[[i for i in range(game.n) if mask >> i & 1]]) for mask in pair)
    return Finding(name, bool(holds), (one, two), gap, allowed, reading)
