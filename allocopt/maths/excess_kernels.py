"""Which coalitions object most to a division: one compiled pass over the worths of all of them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit
from numpy.typing import NDArray

from allocopt.maths.coalitions import subset_sums

Array = NDArray[np.float64]
Masks = NDArray[np.int64]

_ROW_BITS = 10  # 2^10 worths and what their members get are 16 KiB: both stay in the first-level cache
_SERIAL = 2**21  # worths below which a second thread costs more than it saves


def scan(
    worths: Array, start: int, x: Array, apart: Array, scale: Array, own: bool, above: float, margin: float, count: int
) -> Masks:
    r"""Masks of the ``count`` largest excesses beyond ``above``, largest first, ties by mask; proper coalitions only.

    ``worths`` are those of the masks ``start`` and up, a power of two of them; the excess of S is
    :math:`(v(S) - x(S))\,s_{|S|}` with ``scale`` s by size, and divided by :math:`|v(S)|` too when ``own``. Only
    coalitions with :math:`|a(S)|` beyond ``margin`` are listed, a being ``apart``.
    """
    n, size = len(x), len(worths)
    low = min(_ROW_BITS, size.bit_length() - 1)
    rows = size >> low
    sizes = np.bitwise_count(np.arange(1 << low)).astype(np.int64)
    scales = scale[np.minimum(sizes + np.arange(n - low + 1)[:, None], n)]
    gets, leaning = subset_sums(x[:low]), subset_sums(apart[:low])

    def part(first: int, last: int) -> tuple[Masks, Array]:
        found: tuple[Masks, Array] = _scan(
            worths, start >> low, first, last, low, gets, leaning, x[low:], apart[low:], scales, own, above, margin,
            count,
        )  # fmt: skip
        return found

    threads = 1 if size < _SERIAL else min(os.cpu_count() or 1, 8)
    if threads == 1:
        masks, excesses = part(0, rows)
    else:
        cuts = [k * rows // threads for k in range(threads + 1)]
        with ThreadPoolExecutor(threads) as pool:
            parts = list(pool.map(part, cuts[:-1], cuts[1:]))
        masks, excesses = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return masks[np.lexsort((masks, -excesses))][:count]


def all_beyond(
    worths: Array, start: int, x: Array, normals: Masks, scale: Array, own: bool, above: float
) -> Masks:  # fmt: skip
    """Masks of all proper coalitions whose excess is beyond ``above`` and that some of the ``normals`` tell apart.

    ``normals`` holds whole numbers, one line of n per vector; a coalition is told apart when its members' entries in a
    line do not add up to 0. The rest is as in :func:`scan`.
    """
    n = len(x)
    low = min(_ROW_BITS, len(worths).bit_length() - 1)
    sizes = np.bitwise_count(np.arange(1 << low)).astype(np.int64)
    scales = scale[np.minimum(sizes + np.arange(n - low + 1)[:, None], n)]
    leaning = np.zeros((len(normals), 1), dtype=np.int64)
    for bit in range(low):
        leaning = np.concatenate((leaning, leaning + normals[:, bit : bit + 1]), axis=1)
    gets, inner = subset_sums(x[:low]), np.ascontiguousarray(normals[:, low:])
    room = 1 << 16
    while True:
        masks, count = _all_beyond(worths, start >> low, low, gets, leaning, x[low:], inner, scales, own, above, room)
        if count <= room:
            return np.asarray(masks[:count])
        room = count


@njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})
def _all_beyond(
    worths: Array, offset: int, low: int, gets: Array, leaning: Masks, x: Array, inner: Masks, scales: Array, own: bool,
    above: float, room: int,
) -> tuple[Masks, int]:  # pragma: no cover - compiled  # fmt: skip
    width = 1 << low
    whole = (1 << (low + len(x))) - 1
    masks = np.zeros(room, np.int64)
    lean = np.zeros(len(inner), np.int64)
    count = 0
    for row in range(len(worths) >> low):
        high = offset + row
        members, given = 0, 0.0
        lean[:] = 0
        for bit in range(len(x)):
            if high >> bit & 1:
                members += 1
                given += x[bit]
                for k in range(len(inner)):
                    lean[k] += inner[k, bit]
        block = worths[row << low : (row + 1) << low]
        if not own:
            largest = -1e300
            for k in range(width):
                largest = max(largest, (block[k] - gets[k] - given) * scales[members, k])
            if largest <= above:
                continue
        for k in range(width):
            worth = block[k]
            excess = (worth - gets[k] - given) * scales[members, k]
            if own:
                excess = excess / max(abs(worth), 1e-300)
            if excess <= above:
                continue
            mask = high << low | k
            if mask == 0 or mask == whole:
                continue
            for j in range(len(inner)):
                if leaning[j, k] + lean[j] != 0:
                    if count < room:
                        masks[count] = mask
                    count += 1
                    break
    return masks, count


@njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})
def _scan(
    worths: Array, offset: int, first: int, last: int, low: int, gets: Array, leaning: Array, x: Array, apart: Array,
    scales: Array, own: bool, above: float, margin: float, count: int,
) -> tuple[Masks, Array]:  # pragma: no cover - compiled  # fmt: skip
    width = 1 << low
    whole = (1 << (low + len(x))) - 1
    masks = np.zeros(count, np.int64)
    kept = np.full(count, -np.inf)
    bar = above
    held = 0
    for row in range(first, last):
        high = offset + row
        members, given, lean = 0, 0.0, 0.0
        for bit in range(len(x)):
            if high >> bit & 1:
                members += 1
                given += x[bit]
                lean += apart[bit]
        block = worths[row << low : (row + 1) << low]
        scale = scales[members]
        largest = -1e300
        if own:
            for k in range(width):
                # the empty coalition has no worth to divide by; the others were looked at
                ratio = (block[k] - gets[k] - given) * scale[k] / max(abs(block[k]), 1e-300)
                largest = max(largest, ratio)
        else:
            for k in range(width):
                largest = max(largest, (block[k] - gets[k] - given) * scale[k])
        if largest <= bar:
            continue
        for k in range(width):
            excess = (block[k] - gets[k] - given) * scale[k]
            if own:
                excess = excess / max(abs(block[k]), 1e-300)
            if excess <= bar or abs(leaning[k] + lean) <= margin:
                continue
            mask = high << low | k
            if mask == 0 or mask == whole:
                continue
            if held < count:
                _rise(kept, masks, held, excess, mask)
                held += 1
            else:
                _sink(kept, masks, count, excess, mask)
            if held == count:
                bar = kept[0]
    return masks[:held], kept[:held]


@njit(cache=True, nogil=True)
def _rise(kept: Array, masks: Masks, at: int, excess: float, mask: int) -> None:  # pragma: no cover - compiled
    """Put one more entry into a heap whose smallest excess is on top; of equals, the larger mask."""
    while at > 0:
        above = (at - 1) >> 1
        if kept[above] < excess or (kept[above] == excess and masks[above] > mask):
            break
        kept[at] = kept[above]
        masks[at] = masks[above]
        at = above
    kept[at] = excess
    masks[at] = mask


@njit(cache=True, nogil=True)
def _sink(kept: Array, masks: Masks, count: int, excess: float, mask: int) -> None:  # pragma: no cover - compiled
    """Replace the top of a full heap."""
    at = 0
    while True:
        child = 2 * at + 1
        if child >= count:
            break
        other = child + 1
        if other < count and (
            kept[other] < kept[child] or (kept[other] == kept[child] and masks[other] > masks[child])
        ):
            child = other
        if kept[child] > excess or (kept[child] == excess and masks[child] < mask):
            break
        kept[at] = kept[child]
        masks[at] = masks[child]
        at = child
    kept[at] = excess
    masks[at] = mask
