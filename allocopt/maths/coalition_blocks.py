"""All coalitions in the order of their bit masks, a block at a time: who is in them, what they weigh, their maxima."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from allocopt.facts.checks import Array
from allocopt.maths.shapley import BLOCK_BITS, memberships


def membership_blocks(n: int, bits: int = BLOCK_BITS) -> Iterator[NDArray[np.bool_]]:
    """Who is in each coalition, ``2**min(n, bits)`` rows at a time; the columns of the low players are written once.

    >>> [block.astype(int).tolist() for block in membership_blocks(2, 1)]
    [[[0, 0], [1, 0]], [[0, 1], [1, 1]]]
    """
    low = min(n, bits)
    inside = np.zeros((1 << low, n), dtype=np.bool_)
    inside[:, :low] = memberships(0, 1 << low, low)
    for above in range(1 << (n - low)):
        block = inside.copy()  # whoever asked may keep it
        block[:, low:] = above >> np.arange(n - low) & 1
        yield block


def total_blocks(weights: Array, bits: int = BLOCK_BITS) -> Iterator[Array]:
    """The total weight of each coalition: the totals of the low players once, those of the high ones on top.

    >>> [block.tolist() for block in total_blocks(np.array([1.0, 10.0]), 1)]
    [[0.0, 1.0], [10.0, 11.0]]
    """
    low = min(weights.size, bits)
    inside = subset_totals(weights[:low])
    for above in subset_totals(weights[low:]):
        yield inside + above


def subset_totals(weights: Array) -> Array:
    """The total weight of each coalition by bit mask, by doubling.

    >>> subset_totals(np.array([1.0, 10.0, 100.0]))
    array([  0.,   1.,  10.,  11., 100., 101., 110., 111.])
    """
    totals = np.zeros(1 << weights.size)
    for i, weight in enumerate(weights):
        totals[1 << i : 2 << i] = totals[: 1 << i] + weight
    return totals


def member_maxima(blocks: Iterable[Array], n: int) -> Array:
    """For each player, the largest entry among the coalitions that contain it; each entry is read once.

    >>> member_maxima([np.array([9.0, 1.0, 2.0, 0.0])], 2)
    array([1., 2.])
    """
    inside: Array | None = None
    tops = []
    for block in blocks:
        inside = block.copy() if inside is None else np.maximum(inside, block, out=inside)
        tops.append(float(block.max()))
    if inside is None:
        return np.empty(0)
    return np.concatenate([_bit_maxima(inside), _bit_maxima(np.array(tops))])[:n]


def _bit_maxima(entries: Array) -> Array:
    found = np.empty(entries.size.bit_length() - 1)
    for bit in range(found.size - 1, -1, -1):
        found[bit] = entries[1 << bit :].max()
        entries = np.maximum(entries[: 1 << bit], entries[1 << bit :])
    return found
