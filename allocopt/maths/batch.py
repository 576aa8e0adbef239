"""One price per row, for a million rows in one call: compiled kernels, checked row by row against the exact one.

When every row shares one supply and only the loss varies, the supply is tabulated at its breakpoints once and each row
is a binary search; with more breakpoints than the rows are worth a table for, each row searches by adding up. When the
supply varies, each row runs Newton's method on its piecewise linear supply, kept inside a bracket: it ends on the
segment that clears, usually after three or four passes.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import numpy as np
from numba import njit, prange, types
from numpy.typing import NDArray

from allocopt.maths.price import Supply

Array = NDArray[np.float64]

_PASSES = 200  # bisection alone halves the bracket 60 times before floats run out; Newton needs far fewer
_SEARCH = 16  # additions over all blocks that a search by row takes; a table takes one for every breakpoint
_SHARED = 2**16  # entries from which it pays to wake a second thread: on a busy machine that takes milliseconds
_EPS = 4 * np.finfo(np.float64).eps


def clear_many(losses: Array, supply: Supply) -> Array:
    """Totals per agent for each loss, shape (S, n); a loss beyond the supply takes all of it.

    ``supply`` holds blocks of shape (blocks, n), the same for all rows, or (S, blocks, n).

    >>> clear_many(np.array([1.0, 3.0]), Supply(np.zeros((1, 2)), np.ones((1, 2)), np.array([[1.0, 9.0]])))
    array([[0.5, 0.5],
           [1. , 2. ]])
    """
    losses = np.ascontiguousarray(losses, dtype=np.float64)
    blocks, n = supply.start.shape[-2:]
    out = np.zeros((len(losses), n))
    if not n or not len(losses):
        return out
    if supply.start.ndim == 2:
        able = (supply.able > 0).ravel()
        s, w, c = (np.ascontiguousarray(a.ravel()[able]) for a in (supply.start, supply.weight, supply.cap))
        if len(s):
            agent = np.tile(np.arange(n), blocks)[able]
            points = np.unique(np.concatenate((s, (s + c / w)[np.isfinite(c)])))
            if len(points) <= _SEARCH * len(losses):
                below, slope = _tabulate(points, s, w, c)
                _fixed(losses, points, below, slope, s, w, c, agent, out)
            else:
                _searched(losses, points, s, w, c, agent, out)
    else:
        _varying(supply.start.size >= _SHARED)(losses, supply.start, supply.weight, supply.cap, out)
    return out


@njit(cache=True)
def _at(point: float, s: Array, w: Array, c: Array) -> tuple[float, float]:  # pragma: no cover - compiled
    """Supply and slope to the right of a price."""
    total, rise = 0.0, 0.0
    for j in range(len(s)):
        give = w[j] * (point - s[j])
        if give >= c[j] or point >= s[j] + c[j] / w[j]:
            total += c[j]
        elif give >= 0.0:
            total += give
            rise += w[j]
    return total, rise


@njit(parallel=True, cache=True)
def _tabulate(points: Array, s: Array, w: Array, c: Array) -> tuple[Array, Array]:  # pragma: no cover - compiled
    """Supply and slope to the right of each breakpoint, summed directly so that nothing cancels."""
    below, slope = np.zeros(len(points)), np.zeros(len(points))
    for k in prange(len(points)):
        below[k], slope[k] = _at(points[k], s, w, c)
    return below, slope


@njit(parallel=True, cache=True)
def _fixed(
    losses: Array,
    points: Array,
    below: Array,
    slope: Array,
    s: Array,
    w: Array,
    c: Array,
    agent: NDArray[np.intp],
    out: Array,
) -> None:  # pragma: no cover - compiled
    for row in prange(len(losses)):
        loss = losses[row]
        if loss <= 0.0:
            continue
        k = np.searchsorted(below, loss) - 1
        step = (loss - below[k]) / slope[k] if slope[k] > 0.0 else 0.0
        whole = k == len(below) - 1 and slope[k] == 0.0
        for j in range(len(s)):
            give = c[j] if whole else w[j] * ((points[k] - s[j]) + step)
            out[row, agent[j]] += min(max(give, 0.0), c[j])


@njit(parallel=True, cache=True)
def _searched(
    losses: Array, points: Array, s: Array, w: Array, c: Array, agent: NDArray[np.intp], out: Array
) -> None:  # pragma: no cover - compiled
    for row in prange(len(losses)):
        loss = losses[row]
        if loss <= 0.0:
            continue
        low, high = 0, len(points)
        while high - low > 1:
            middle = (low + high) // 2
            if _at(points[middle], s, w, c)[0] < loss:
                low = middle
            else:
                high = middle
        below, slope = _at(points[low], s, w, c)
        step = (loss - below) / slope if slope > 0.0 else 0.0
        whole = low == len(points) - 1 and slope == 0.0
        for j in range(len(s)):
            give = c[j] if whole else w[j] * ((points[low] - s[j]) + step)
            out[row, agent[j]] += min(max(give, 0.0), c[j])


@njit(cache=True)
def _one(loss: float, s: Array, w: Array, c: Array, out: Array) -> None:  # pragma: no cover - compiled
    blocks, n = s.shape
    low, high, total = np.inf, np.inf, 0.0
    for b in range(blocks):
        for i in range(n):
            if w[b, i] > 0.0 and c[b, i] > 0.0:
                low = min(low, s[b, i])
                total += c[b, i]
    if total <= loss:
        for b in range(blocks):
            for i in range(n):
                if w[b, i] > 0.0:
                    out[i] += c[b, i]
        return
    price = low
    for _ in range(_PASSES):
        given, rise, beyond = 0.0, 0.0, np.inf
        for b in range(blocks):
            for i in range(n):
                if w[b, i] > 0.0 and c[b, i] > 0.0:
                    lead = price - s[b, i]
                    if lead < 0.0:
                        beyond = min(beyond, s[b, i])
                    elif w[b, i] * lead < c[b, i]:
                        given += w[b, i] * lead
                        rise += w[b, i]
                    else:
                        given += c[b, i]
        if abs(given - loss) <= _EPS * loss:
            break
        if given < loss:
            low = price
            step = price + (loss - given) / rise if rise > 0.0 else beyond
        else:
            high = price
            step = price + (loss - given) / rise if rise > 0.0 else low
        if not low < step < high:
            step = 0.5 * (low + high) if high < np.inf else step
        if step == price:
            break
        price = step
    for b in range(blocks):
        for i in range(n):
            if w[b, i] > 0.0:
                out[i] += min(max(w[b, i] * (price - s[b, i]), 0.0), c[b, i])


def _in_turn(losses: Array, start: Array, weight: Array, cap: Array, out: Array) -> None:  # pragma: no cover - compiled
    for row in range(len(losses)):
        if losses[row] > 0.0:
            _one(losses[row], start[row].copy(), weight[row].copy(), cap[row].copy(), out[row])  # plain, so quick


def _at_once(losses: Array, start: Array, weight: Array, cap: Array, out: Array) -> None:  # pragma: no cover - compiled
    for row in prange(len(losses)):
        if losses[row] > 0.0:
            _one(losses[row], start[row].copy(), weight[row].copy(), cap[row].copy(), out[row])  # plain, so quick


@cache
def _varying(shared: bool) -> Any:
    """The kernel for supplies that vary, compiled once for arrays of any layout: supplies are views, often broadcast,
    and left to itself the compiler makes a kernel for every combination of layouts it meets."""
    read = partial(types.Array, types.float64, layout="A", readonly=True)
    signature = types.void(read(ndim=1), read(ndim=3), read(ndim=3), read(ndim=3), types.float64[:, ::1])
    return njit(signature, parallel=shared, cache=True)(_at_once if shared else _in_turn)
