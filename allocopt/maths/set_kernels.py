"""Does joining two coalitions without common members ever lose? Every pair is looked at, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

Array = NDArray[np.float64]


def worst_split(values: Array) -> tuple[float, int, int]:
    """The largest ``v(S) + v(T) - v(S | T)`` over disjoint non-empty S and T, with their bit masks: O(3^n).

    >>> worst_split(np.array([0.0, 1.0, 1.0, 1.5]))
    (0.5, 1, 2)
    """
    gaps, parts = _splits(values)
    whole = int(np.argmax(gaps))
    return float(gaps[whole]), int(parts[whole]), whole ^ int(parts[whole])


@njit(parallel=True, cache=True)
def _splits(values: Array) -> tuple[Array, NDArray[np.int64]]:  # pragma: no cover - compiled
    """For every coalition the worst way to split it in two; the part with the highest member is looked at once."""
    gaps = np.full(len(values), -np.inf)
    parts = np.zeros(len(values), dtype=np.int64)
    for whole in prange(1, len(values)):
        top = whole
        while top & (top - 1):
            top &= top - 1
        rest = whole ^ top
        part, most, at = rest, -np.inf, 0
        while part:
            gap = values[part] + values[whole ^ part]
            if gap > most:
                most, at = gap, part
            part = (part - 1) & rest
        if at:
            gaps[whole] = most - values[whole]
            parts[whole] = at
    return gaps, parts
