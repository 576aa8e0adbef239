"""Coalitions that hang together in a graph, and the value of a game in which only they can act."""

from __future__ import annotations

from collections.abc import Callable
from math import comb

import numpy as np
from numpy.typing import NDArray

from allocopt.errors import DataError
from allocopt.facts.checks import Array
from allocopt.maths.shapley import bit_sums

Masks = NDArray[np.int64]

MOST_CONNECTED = 1 << 23  # coalitions; a mask, a boundary and a worth each take 200 MiB together

_CHUNK = 1 << 14


def connected_coalitions(adjacent: Masks) -> tuple[Masks, Masks]:
    """Every connected coalition by bit mask, each once, with its neighbours (players outside linked to a member).

    ``adjacent[i]`` is the bit mask of the players linked to player i; at most 62 players. A coalition grows from its
    first member by one neighbour at a time; neighbours already passed over are never taken later, so that none is
    found twice. Source of the search: Wernicke, IEEE/ACM Transactions on Computational Biology and Bioinformatics 3
    (2006).

    >>> masks, beside = connected_coalitions(np.array([0b010, 0b101, 0b010]))
    >>> sorted(masks.tolist()), beside[masks == 2].tolist()
    ([1, 2, 3, 4, 6, 7], [5])
    """
    n = adjacent.size
    bit = np.int64(1) << np.arange(n, dtype=np.int64)
    later = ~((bit << 1) - 1)
    inside, beside, open_to = bit, adjacent, adjacent & later
    found: list[tuple[Masks, Masks]] = []
    count = 0
    while inside.size:
        found.append((inside, beside))
        count += inside.size
        if count > MOST_CONNECTED:
            raise DataError(
                f"more than {MOST_CONNECTED:,} coalitions of the {n} players hang together; take fewer links or players"
            )
        grown = []
        for j in range(n):
            rows = np.flatnonzero(open_to & bit[j])
            if rows.size:
                was, around = inside[rows], beside[rows]
                new = adjacent[j] & ~(was | around)
                after_first = -((was & -was) << 1)
                grown.append((was | bit[j], (around | new) ^ bit[j], open_to[rows] & later[j] | new & after_first))
        if not grown:
            break
        inside, beside, open_to = (np.concatenate(part) for part in zip(*grown, strict=True))
    if not found:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    return np.concatenate([m for m, _ in found]), np.concatenate([b for _, b in found])


def myerson_value(worths: Callable[[Masks], Array], adjacent: Masks) -> tuple[Array, int]:
    r"""The Shapley value of the game in which a coalition is worth what its connected parts are worth.

    .. math:: \mu_i = \sum_{C \ni i} \frac{(|C| - 1)!\, |\partial C|!}{(|C| + |\partial C|)!} v(C)
              - \sum_{\partial C \ni i} \frac{|C|!\, (|\partial C| - 1)!}{(|C| + |\partial C|)!} v(C)

    over connected coalitions C with neighbours :math:`\partial C`: C is a part of those who have arrived exactly when
    all of C and none of its neighbours are there, so its last member brings v(C) and the first neighbour takes it away.
    ``worths`` gives the worths of coalitions by bit mask. Returns the value and the number of coalitions looked at.
    Source of the value: Myerson, "Graphs and cooperation in games", Mathematics of Operations Research 2 (1977).

    >>> line = np.array([0b010, 0b101, 0b010])
    >>> myerson_value(lambda masks: np.bitwise_count(masks) ** 2.0 - 1.0, line)[0].round(6)
    array([2.166667, 3.666667, 2.166667])
    """
    n = adjacent.size
    masks, beside = connected_coalitions(adjacent)
    size, around = np.bitwise_count(masks), np.bitwise_count(beside)
    orders = np.array([[1.0 / comb(s + b, s) for b in range(n + 1)] for s in range(n + 1)])  # s! b! / (s + b)!
    common = np.empty(masks.size)
    for start in range(0, masks.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        common[part] = orders[size[part], around[part]] * worths(masks[part])
    takes = np.divide(common, around, out=np.zeros(masks.size), where=around > 0)
    return _member_totals(masks, common / size, n) - _member_totals(beside, takes, n), masks.size


def _member_totals(masks: Masks, entries: Array, n: int) -> Array:
    """For each player, the sum of the entries whose mask contains it."""
    if 1 << n <= 8 * masks.size:  # most coalitions are there: halving the whole table is the shortest way
        return bit_sums(np.bincount(masks, entries, 1 << n).astype(np.float64))
    out = np.zeros(n)
    for start in range(0, masks.size, _CHUNK):
        out += entries[start : start + _CHUNK] @ _rows(masks[start : start + _CHUNK], n)
    return out


def _rows(masks: Masks, n: int) -> Array:
    """Ones and zeros, one row per mask; floats, because only those are multiplied fast."""
    packed = masks.astype("<i8").view(np.uint8).reshape(-1, 8)
    return np.unpackbits(packed, axis=1, count=n, bitorder="little").astype(np.float64)
