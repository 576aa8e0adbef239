"""What each player adds to a coalition on average: exact from all 2^n worths in one pass."""

from __future__ import annotations

from collections.abc import Iterable
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allocopt.errors import DataError
from allocopt.facts.checks import Array

# Values are differences of sums that are larger by a factor of about n log n. Where the platform has wider floats the
# last additions, a small part of all, are made in them, so that the difference is right to a few units of rounding.
Wide = NDArray[np.longdouble]

# 2^14 worths are 128 KiB: a row stays in the processor's second-level cache while it is added and weighed.
BLOCK_BITS = 14

_GROUP_BITS = 6  # 2^6 rows are added up before they are added to all

# Smaller tables are read by numpy in about a millisecond, less than it takes to load the compiler.
_COMPILED_FROM = 18  # players


def player_count(length: int) -> int:
    """How many players have ``length`` coalitions, the empty one included.

    >>> player_count(8)
    3
    """
    n = length.bit_length() - 1
    if length < 1 or length != 1 << n:
        raise DataError(
            f"a table of {length} worths belongs to no number of players; give 2**n of them, one per coalition "
            "by bit mask (bit i = player i), the empty coalition first"
        )
    return n


def memberships(start: int, stop: int, n: int) -> NDArray[np.bool_]:
    """Who is in the coalitions with masks ``start .. stop - 1``: one row per coalition, one column per player.

    >>> memberships(1, 4, 2).astype(int).tolist()
    [[1, 0], [0, 1], [1, 1]]
    """
    masks = np.arange(start, stop, dtype="<i8")
    return np.unpackbits(masks.view(np.uint8).reshape(-1, 8), axis=1, count=n, bitorder="little").view(np.bool_)


def member_sums(blocks: Array | Iterable[Array], n: int, weights: Array | Wide) -> tuple[Wide, Wide]:
    r"""Weighted sums of worths over the coalitions that contain each player, and plain totals by coalition size.

    .. math:: A_i = \sum_{S \ni i} w_{|S|} v(S), \qquad V_s = \sum_{|S| = s} v(S)

    ``blocks`` yields the worths in the order of their masks, ``2**min(n, BLOCK_BITS)`` at a time, so the table need
    never exist as a whole; ``weights`` has one entry per size 0 .. n. Each worth is read once: rows whose high bits
    name equally many players are added up, and what is left is folded in half player by player, O(2^n) in all. A
    large table that stands in memory (an array, one block per row) is read on all processors by compiled code.

    Worths meet the weights as rounded to float64. What wider weights lose by that is put back as if worths of equal
    size were equal, which removes the part of the error that all players share, almost all of it.
    """
    rounded = weights.astype(np.float64)
    sums, totals = _member_sums(blocks, n, rounded)
    return sums + (weights - rounded) @ (totals * np.arange(n + 1) / max(n, 1)), totals


def _member_sums(blocks: Array | Iterable[Array], n: int, weights: Array) -> tuple[Wide, Wide]:
    if isinstance(blocks, np.ndarray) and n >= _COMPILED_FROM:
        from allocopt.maths.shapley_kernels import table_sums

        return _folded(*table_sums(blocks.ravel(), n, weights), weights)
    low = min(n, BLOCK_BITS)
    high = n - low
    sizes = np.bitwise_count(np.arange(1 << low)).astype(np.intp)
    square = (1 << low // 2, -1)
    weight = weights[sizes + np.arange(high + 1)[:, None]]
    added = np.zeros((high + 1, 1 << low), dtype=np.longdouble)
    together = np.zeros((_GROUP_BITS + 1, 1 << low))
    weighed = np.empty(1 << high)
    last = min(1 << high, 1 << _GROUP_BITS) - 1
    for row, block in enumerate(blocks):
        above, inside = row.bit_count(), (row & last).bit_count()
        together[inside] += block
        # Not the matrix product: threaded BLAS took 100 times as long on busy cores (n = 24). Adding up in two
        # stages keeps the rounding of many equal worths, which is one-sided, small; rows are added up in groups for
        # the same reason.
        weighed[row] = np.einsum("ij,ij->i", weight[above].reshape(square), block.reshape(square)).sum()
        if row & last == last:  # a group is complete
            for size in range(last.bit_count() + 1):
                added[above - inside + size] += together[size]
            together[:] = 0.0
    return _folded(added, weighed, weights)


def _folded(added: Array | Wide, weighed: Array, weights: Array) -> tuple[Wide, Wide]:
    """Sums by player and totals by size, from rows added up by the size of their high bits and weighed one by one."""
    high, low = added.shape[0] - 1, added.shape[1].bit_length() - 1
    sizes = np.bitwise_count(np.arange(1 << low)).astype(np.intp)
    wide = added.astype(np.longdouble)
    inside = (weights[sizes + np.arange(high + 1)[:, None]] * wide).sum(axis=0)
    sums = np.concatenate([_bit_sums(inside), _bit_sums(weighed.astype(np.longdouble))])
    totals = np.zeros(high + low + 1, dtype=np.longdouble)
    ends = np.cumsum([comb(low, size) for size in range(low)], dtype=np.intp)
    # take, not brackets: it leaves the rows contiguous, and only contiguous sums are pairwise.
    for size, alike in enumerate(np.split(np.take(wide, np.argsort(sizes), axis=1), ends, axis=1)):
        totals[size : size + high + 1] += alike.sum(axis=1)
    return sums, totals


def bit_sums(entries: Array) -> Array:
    """For every bit, the sum over the masks that contain it: the upper half holds the last bit, then halves are merged.

    >>> bit_sums(np.array([1.0, 10.0, 100.0, 1000.0]))
    array([1010., 1100.])
    """
    return np.asarray(_bit_sums(entries))


def _bit_sums(entries: NDArray[Any]) -> NDArray[Any]:
    sums = np.empty(entries.size.bit_length() - 1, dtype=entries.dtype)
    for bit in range(sums.size - 1, -1, -1):
        sums[bit] = entries[1 << bit :].sum()
        entries = entries[: 1 << bit] + entries[1 << bit :]
    return sums


def bit_maxima(entries: Array) -> Array:
    """For every bit, the largest entry among the masks that contain it.

    >>> bit_maxima(np.array([9.0, 1.0, 2.0, 0.0]))
    array([1., 2.])
    """
    found = np.empty(entries.size.bit_length() - 1)
    for bit in range(found.size - 1, -1, -1):
        found[bit] = entries[1 << bit :].max()
        entries = np.maximum(entries[: 1 << bit], entries[1 << bit :])
    return found


def blocks_of(values: Array) -> Array:
    """The rows in which :func:`member_sums` reads a table of 2^n worths; views, nothing is copied."""
    return values.reshape(-1, min(values.size, 1 << BLOCK_BITS))


def symmetric_value(blocks: Array | Iterable[Array], n: int, present: Array, absent: Array) -> Array:
    r"""Any value that is linear and treats players alike: worths with a player less worths without, by size.

    .. math:: \phi_i = \sum_{S \ni i} a_{|S|} v(S) - \sum_{S \not\ni i} b_{|S|} v(S)
              = \sum_{S \ni i} (a_{|S|} + b_{|S|}) v(S) - \sum_S b_{|S|} v(S)

    ``present`` holds :math:`a_0 .. a_n` and ``absent`` :math:`b_0 .. b_n`; ``blocks`` is as in :func:`member_sums`, and
    each worth is read once.
    """
    if n == 0:
        return np.empty(0)
    sums, totals = member_sums(blocks, n, present.astype(np.longdouble) + absent)
    return (sums - absent @ totals).astype(np.float64)


def semivalue(blocks: Array | Iterable[Array], n: int, weights: Array) -> Array:
    r"""Average marginal worth of each player under given weights of the coalitions it joins.

    .. math:: \phi_i = \sum_{S \not\ni i} p_{|S|} \, (v(S \cup i) - v(S))

    ``weights`` holds :math:`p_0 .. p_{n-1}`; ``blocks`` is as in :func:`member_sums`. Source: Dubey, Neyman and Weber,
    "Value theory without efficiency", Mathematics of Operations Research 6 (1981).
    """
    return symmetric_value(blocks, n, np.append(0.0, weights), np.append(weights, 0.0))


def shapley_weights(n: int) -> Array:
    """One over n times the number of coalitions of each size 0 .. n - 1 among the other players."""
    return np.array([1.0 / (n * comb(n - 1, size)) for size in range(n)])


def shapley_from_table(values: Array) -> Array:
    r"""The Shapley value: what each player adds to those before it, on average over all orders of arrival.

    .. math:: \phi_i = \sum_{S \not\ni i} \frac{1}{n \binom{n-1}{|S|}} \, (v(S \cup i) - v(S))

    ``values`` holds v by bit mask, length :math:`2^n`, bit i = player i, the empty coalition first. Returns one entry
    per player, in the units of v. Source: Shapley, "A value for n-person games" (1953).

    >>> shapley_from_table(np.array([0.0, 0, 0, 100, 0, 100, 100, 100])).round(3)
    array([33.333, 33.333, 33.333])
    """
    n = player_count(values.size)
    return semivalue(blocks_of(values), n, shapley_weights(n))


def banzhaf_from_table(values: Array) -> Array:
    r"""The Banzhaf value: what each player adds to a coalition of others drawn by fair coins.

    .. math:: \beta_i = 2^{1-n} \sum_{S \not\ni i} (v(S \cup i) - v(S))

    ``values`` as in :func:`shapley_from_table`. The entries need not add up to the worth of all. Source: Banzhaf,
    "Weighted voting doesn't work", Rutgers Law Review 19 (1965).

    >>> banzhaf_from_table(np.array([0.0, 0, 0, 1]))
    array([0.5, 0.5])
    """
    n = player_count(values.size)
    return semivalue(blocks_of(values), n, np.full(n, 2.0 ** (1 - n)))
