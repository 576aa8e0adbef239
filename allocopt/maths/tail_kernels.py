r"""Tail means, quantiles and norms of the sums over every subset of columns: one compiled pass, one addition each.

The sum over a subset is that over the subset without its lowest member plus one column, and that smaller sum is still
in the work space when subsets follow each other by bit mask. So every sum is one vector addition, in a fixed order
(high bit to low), and nothing is ever subtracted: no rounding builds up along the way.

A tail needs the few largest of many sums. How much weight lies above a trial value, and how far above it, are sums
without branches, which the processor does eight at a time; they say where the next trial value should be if the tail
were exponential, and a handful of trials ends at the scenario on the boundary. The first trial starts from what the
smaller subset needed. Where trials do not end (many equal sums), a selection does.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

Array = NDArray[np.float64]

_CHUNK = 10  # subsets of this many columns are one thread's share: the work space of their sums stays in its cache
_TRIALS = 24  # four to six are usual


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
    low = min(_CHUNK, count.bit_length() - 1)
    return np.asarray(_tails(columns, first >> low, count >> low, low, mass, tail, slack, mean))


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
def _next(columns: Array, mask: int, low: int, work: Array) -> tuple[int, int]:  # pragma: no cover - compiled
    """Put the sum over the subset ``mask`` (of the low members) into a row of the work space; return that row and the
    one of the subset without its lowest member."""
    if mask == 0:
        return low, low
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
    return at, above


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nnan", "nsz"})
def _above(sums: Array, mass: Array, alike: bool, value: float) -> tuple[float, float]:  # pragma: no cover - compiled
    """The weight of the sums beyond ``value``, and the weighted sum of how far beyond they are."""
    weight, excess = 0.0, 0.0
    if alike:
        for s in range(len(sums)):
            weight += 1.0 if sums[s] > value else 0.0
        for s in range(len(sums)):
            excess += max(sums[s] - value, 0.0)
        return weight * mass[0], excess * mass[0]
    for s in range(len(sums)):
        weight += mass[s] if sums[s] > value else 0.0
    for s in range(len(sums)):
        excess += mass[s] * max(sums[s] - value, 0.0)
    return weight, excess


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nnan", "nsz"})
def _total_above(sums: Array, mass: Array, value: float) -> float:  # pragma: no cover - compiled
    """The weighted total of the sums beyond ``value``: not from how far beyond they are, as a trial value can be far
    larger than all of them, and with it the rounding."""
    total = 0.0
    for s in range(len(sums)):
        total += mass[s] * sums[s] if sums[s] > value else 0.0
    return total


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "nnan", "nsz"})
def _next_below(sums: Array, value: float) -> float:  # pragma: no cover - compiled
    """The largest sum that is not beyond ``value``."""
    most = -np.inf
    for s in range(len(sums)):
        most = max(most, sums[s] if sums[s] <= value else -np.inf)
    return most


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "nnan", "nsz"})
def _equal(sums: Array, mass: Array, value: float) -> float:  # pragma: no cover - compiled
    """The weight of the sums that are ``value``."""
    weight = 0.0
    for s in range(len(sums)):
        weight += mass[s] if sums[s] == value else 0.0
    return weight


@njit(cache=True, error_model="numpy")
def _tried(
    sums: Array, mass: Array, alike: bool, most: float, heaviest: float, start: float, reach: float
) -> tuple[bool, float, float, float]:  # pragma: no cover - compiled
    """Whether the boundary was found; the sum on it, and weight and weighted sum beyond it; or else a value with more
    than ``most`` beyond it."""
    value = start
    low, high = -np.inf, np.inf
    low_weight, high_weight = 0.0, 0.0
    target = np.log(most + 0.5 * heaviest)
    for _ in range(_TRIALS):
        weight, excess = _above(sums, mass, alike, value)
        if weight <= most and weight > most - heaviest:
            edge = _next_below(sums, value)
            if alike or weight + _equal(sums, mass, edge) > most:
                return True, edge, weight, _total_above(sums, mass, value)
            value = edge  # nothing lies between
        if weight > most:
            low, low_weight = value, weight
        else:
            high, high_weight = value, weight
        if weight > 0.0:
            reach = excess / weight
        step = value + reach * (np.log(weight + 0.5 * heaviest) - target)
        if not low < step < high:
            if low == -np.inf or high == np.inf:
                break
            here, there = np.log(low_weight + 0.5 * heaviest), np.log(high_weight + 0.5 * heaviest)
            step = low + (high - low) * (here - target) / (here - there)
            if not low < step < high:
                break
        value = step
    return False, low, 0.0, 0.0


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
    columns: Array, first: int, chunks: int, low: int, mass: Array, tail: float, slack: float, mean: bool
) -> Array:  # pragma: no cover - compiled
    scenarios = columns.shape[1]
    out = np.empty(chunks << low)
    heaviest = mass.max()
    alike = mass.min() == heaviest
    partial = tail + slack < mass.sum()  # else the mean of everything: there is no boundary
    for chunk in prange(chunks):
        work = np.empty((low + 1, scenarios))
        kept, weights = np.empty(scenarios), np.empty(scenarios)
        edges, reaches, shifts = np.zeros(low + 1), np.zeros(low + 1), np.zeros(low + 1)
        _start(columns, first + chunk, low, work)
        for mask in range(1 << low):
            at, above = _next(columns, mask, low, work)
            sums = work[at]
            found, bound = False, -np.inf
            edge, weight, total = 0.0, 0.0, 0.0
            if mask and partial:
                start, reach = edges[above] + shifts[at], reaches[above]
                found, bound, weight, total = _tried(sums, mass, alike, tail + slack, heaviest, start, reach)
                edge = bound
            if not found:
                count = 0
                for s in range(scenarios):
                    kept[count] = sums[s]
                    weights[count] = mass[s]
                    count += sums[s] > bound
                edge, weight, total = _cut(kept, weights, count, tail, slack)
            left = tail - weight
            if left <= slack and weight > 0.0:
                left = 0.0  # rounding, and the edge it belongs to may be far off
            average = (total + left * edge) / (weight + left)
            shifts[at] = edge - edges[above]
            edges[at], reaches[at] = edge, average - edge
            out[chunk << low | mask] = average if mean else edge
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
            sums = work[_next(columns, mask, low, work)[0]]
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
