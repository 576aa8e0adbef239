r"""Tail means, quantiles and norms of the sums over every subset of columns: one compiled pass, one addition each.

The sum over a subset is that over the subset without its lowest member plus one column, and that smaller sum is still
in the work space when subsets follow each other by bit mask. So every sum is one vector addition, in a fixed order
(high bit to low), and nothing is ever subtracted: no rounding builds up along the way.

A tail needs the few largest of many sums. The largest of each of :math:`g` groups of scenarios are found without
branches; the k-th largest of those is no larger than the k-th largest of all, so what lies below it is dropped, and
the selection works on the few that are left.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

Array = NDArray[np.float64]

_CHUNK = 10  # subsets of this many columns are one thread's share: the work space of their sums stays in its cache
_GROUPS = 3  # groups per scenario wanted: more groups leave fewer scenarios above the bound and cost more themselves


def subset_tails(columns: Array, first: int, count: int, mass: Array, tail: float, mean: bool, slack: float) -> Array:
    r"""The tail mean, or the quantile, of the sums over ``count`` subsets whose bit masks begin at ``first``.

    ``columns`` (players x scenarios) hold what each player adds; ``mass`` the weight of each scenario and ``tail`` the
    weight of the tail, at most their sum. The scenario on the boundary is the one with which the weight from the top
    first exceeds ``tail + slack``; the quantile is its sum, and in the mean it counts with what is left of the tail.
    ``count`` is a power of two and ``first`` a multiple of it.

    >>> subset_tails(np.array([[1.0, 4.0, 2.0], [0.0, 1.0, 6.0]]), 0, 4, np.ones(3), 1.5, True, 0.0).round(3)
    array([0.   , 3.333, 4.333, 7.   ])
    """
    mass = np.array(mass)  # read-only arrays are another type to the compiler
    lightest = np.cumsum(np.sort(mass))
    need = min(int(np.searchsorted(lightest, tail + slack, side="right")) + 1, len(mass))
    low = min(_CHUNK, count.bit_length() - 1)
    return np.asarray(_tails(columns, first >> low, count >> low, low, mass, tail, need, mean, slack))


def subset_norms(columns: Array, first: int, count: int, mass: Array, square: bool) -> Array:
    r"""The weighted sum of absolute values, or the root of the weighted sum of squares, of the sums over subsets.

    .. math:: \sum_s m_s \Bigl|\sum_{i \in S} X_{is}\Bigr| \quad\text{or}\quad
       \sqrt{\sum_s m_s \Bigl(\sum_{i \in S} X_{is}\Bigr)^2}

    ``first`` and ``count`` as in :func:`subset_tails`.

    >>> subset_norms(np.array([[3.0, 0.0], [0.0, -4.0]]), 0, 4, np.ones(2), True)
    array([0., 3., 4., 5.])
    """
    low = min(_CHUNK, count.bit_length() - 1)
    return np.asarray(_norms(columns, first >> low, count >> low, low, np.array(mass), square))


@njit(cache=True)
def _start(columns: Array, high: int, low: int, work: Array) -> None:  # pragma: no cover - compiled
    """The sum over the high members alone stands in the last row of the work space."""
    work[low] = 0.0
    for j in range(len(columns) - low - 1, -1, -1):
        if high >> j & 1:
            work[low] += columns[low + j]


@njit(cache=True)
def _next(columns: Array, mask: int, low: int, work: Array) -> int:  # pragma: no cover - compiled
    """Put the sum over the subset ``mask`` (within the low members) into a row of the work space; return the row."""
    if mask == 0:
        return low
    at = 0
    while not mask >> at & 1:
        at += 1
    rest = mask & (mask - 1)
    above = low
    if rest:
        above = at + 1
        while not rest >> above & 1:
            above += 1
    old, new, column = work[above], work[at], columns[at]
    for s in range(len(column)):
        new[s] = old[s] + column[s]
    return at


@njit(cache=True, error_model="numpy", fastmath={"nnan", "nsz"})
def _bound(sums: Array, need: int, groups: int, tops: Array) -> float:  # pragma: no cover - compiled
    """A number that at least ``need`` of the sums reach."""
    tops[:groups] = sums[:groups]
    at = groups
    while at + groups <= len(sums):
        for g in range(groups):
            x = sums[at + g]
            tops[g] = x if x > tops[g] else tops[g]
        at += groups
    for s in range(at, len(sums)):
        x = sums[s]
        tops[s - at] = x if x > tops[s - at] else tops[s - at]
    return _kth(tops, groups, need)


@njit(cache=True, error_model="numpy")
def _kth(values: Array, count: int, k: int) -> float:  # pragma: no cover - compiled
    """The k-th largest of the first ``count`` values, which are put in another order."""
    left, right, at = 0, count - 1, k - 1
    while left < right:
        pivot = values[(left + right) >> 1]
        i, j = left, right
        while i <= j:
            while values[i] > pivot:
                i += 1
            while values[j] < pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if at <= j:
            right = j
        elif at >= i:
            left = i
        else:
            break
    return float(values[at])


@njit(cache=True, error_model="numpy")
def _cut(
    values: Array, weights: Array, count: int, tail: float, slack: float
) -> tuple[float, float, float]:  # pragma: no cover - compiled
    """The value at which the weight from the top first exceeds the tail; weight and weighted sum before it."""
    left, right = 0, count - 1
    weight, total = 0.0, 0.0
    while left < right:
        pivot = values[(left + right) >> 1]
        i, j = left, right
        while i <= j:
            while values[i] > pivot:
                i += 1
            while values[j] < pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                weights[i], weights[j] = weights[j], weights[i]
                i += 1
                j -= 1
        upper, upper_sum = 0.0, 0.0
        for s in range(left, j + 1):
            upper += weights[s]
            upper_sum += weights[s] * values[s]
        if weight + upper > tail + slack:
            right = j
            continue
        weight += upper
        total += upper_sum
        left = j + 1
        if left < i:  # one value equal to the pivot stands between
            if weight + weights[left] > tail + slack:
                break
            weight += weights[left]
            total += weights[left] * values[left]
            left = i
    left = min(left, count - 1)
    return values[left], weight, total


@njit(parallel=True, cache=True, error_model="numpy")
def _tails(
    columns: Array, first: int, chunks: int, low: int, mass: Array, tail: float, need: int, mean: bool, slack: float
) -> Array:  # pragma: no cover - compiled
    scenarios = columns.shape[1]
    out = np.empty(chunks << low)
    groups = need * _GROUPS
    for chunk in prange(chunks):
        work = np.empty((low + 1, scenarios))
        kept, weights, tops = np.empty(scenarios), np.empty(scenarios), np.empty(scenarios)
        _start(columns, first + chunk, low, work)
        for mask in range(1 << low):
            sums = work[_next(columns, mask, low, work)]
            bound = -np.inf
            if 2 * groups <= scenarios:
                bound = _bound(sums, need, groups, tops)
            count = 0
            for s in range(scenarios):
                kept[count] = sums[s]
                weights[count] = mass[s]
                count += sums[s] >= bound
            edge, weight, total = _cut(kept, weights, count, tail, slack)
            out[chunk << low | mask] = (total + max(tail - weight, 0.0) * edge) / tail if mean else edge
    return out


@njit(parallel=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _norms(
    columns: Array, first: int, chunks: int, low: int, mass: Array, square: bool
) -> Array:  # pragma: no cover - compiled
    out = np.empty(chunks << low)
    for chunk in prange(chunks):
        work = np.empty((low + 1, columns.shape[1]))
        _start(columns, first + chunk, low, work)
        for mask in range(1 << low):
            sums = work[_next(columns, mask, low, work)]
            total = 0.0
            if square:
                for s in range(len(sums)):
                    total += mass[s] * sums[s] * sums[s]
                total = np.sqrt(total)
            else:
                for s in range(len(sums)):
                    total += mass[s] * abs(sums[s])
            out[chunk << low | mask] = total
    return out
