r"""A division at which no player has a larger claim on another than the other has on it.

The surplus of i over j is the largest excess of a coalition that has i and not j,
:math:`s_{ij}(x) = \max_{S \ni i,\, S \not\ni j} e(S, x)`. From the coalitions that attain the surpluses at x a linear
least-squares problem gives the next x; where they stay the same, all :math:`s_{ij} = s_{ji}`.

Source: Meinhardt, "The pre-kernel as a tractable solution for cooperative games" (2013), chapter 6; Davis and Maschler,
"The kernel of a cooperative game", Naval Research Logistics Quarterly 12 (1965).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from allocopt.maths.coalitions import subset_sums
from allocopt.maths.excess import Excesses, members

Array = NDArray[np.float64]
Masks = NDArray[np.int64]

_ROW_BITS = 10
_SEED = 2048  # loudest coalitions that set the surpluses first, so that most others are passed over
_STEPS = 100


def prekernel_point(everyone: Excesses, start: Array, even: float) -> tuple[Array, Array, int]:
    """A point found from ``start`` (in the worths' own sign), its surpluses, and the passes taken; surpluses that
    differ by less than ``even`` are equal. The steps may end without reaching one: look at the surpluses."""
    n = everyone.n
    x = start
    least = (np.inf, x, np.zeros((n, n)))
    passes = 0
    while passes < _STEPS:
        passes += 1
        surplus, masks, worths = surpluses(everyone, x)
        unfair = float(np.abs(surplus - surplus.T).max(initial=0.0))
        if unfair < least[0]:
            least = unfair, x, surplus
        if unfair <= even:
            break
        i, j = np.triu_indices(n, 1)
        rows = members(masks[i, j], n) - members(masks[j, i], n)
        gaps = worths[i, j] - worths[j, i] - rows @ x
        # the shortest move that closes the gaps as far as can be; rows with sum 0 have moves with sum 0
        centred = rows - rows.mean(axis=1, keepdims=True)
        x = x + np.linalg.lstsq(centred, gaps, rcond=1e-10)[0]
    return least[1], least[2], passes


def surpluses(everyone: Excesses, x: Array) -> tuple[Array, Masks, Array]:
    """The surplus of every player over every other, the coalition that attains it and its worth; the first by size and
    mask of those that do. What a player has over itself is 0."""
    n = everyone.n
    best = np.full((n, n), -np.inf)
    masks, worths = np.zeros((n, n), np.int64), np.zeros((n, n))
    loud = everyone.top(x, _SEED)
    _listed(loud.masks, loud.worths, loud.excess, n, best, masks, worths)
    start = 0
    for block in everyone.blocks():
        low = min(_ROW_BITS, len(block).bit_length() - 1)
        _all(block, start >> low, low, subset_sums(x[:low]), x, everyone.sign, best, masks, worths)
        start += len(block)
    np.fill_diagonal(best, 0.0)
    return best, masks, worths


@njit(cache=True, nogil=True)
def _listed(
    listed: Masks, worth: Array, excess: Array, n: int, best: Array, masks: Masks, worths: Array
) -> None:  # pragma: no cover - compiled
    for k in range(len(listed)):
        _offer(listed[k], worth[k], excess[k], n, best, masks, worths)


@njit(cache=True, nogil=True)
def _all(
    block: Array, offset: int, low: int, gets: Array, x: Array, sign: float, best: Array, masks: Masks, worths: Array
) -> None:  # pragma: no cover - compiled
    n = len(x)
    width = 1 << low
    whole = (1 << n) - 1
    for row in range(len(block) >> low):
        given = 0.0
        for bit in range(low, n):
            if (offset + row) << low >> bit & 1:
                given += x[bit]
        bar = np.inf
        for i in range(n):
            for j in range(n):
                if i != j and best[i, j] < bar:
                    bar = best[i, j]
        for k in range(width):
            mask = (offset + row) << low | k
            excess = sign * (block[row << low | k] - gets[k] - given)
            if excess >= bar and mask != 0 and mask != whole:
                _offer(mask, block[row << low | k], excess, n, best, masks, worths)


@njit(cache=True, nogil=True)
def _offer(
    mask: int, worth: float, excess: float, n: int, best: Array, masks: Masks, worths: Array
) -> None:  # pragma: no cover - compiled
    size = 0
    for i in range(n):
        size += mask >> i & 1
    for i in range(n):
        if mask >> i & 1:
            for j in range(n):
                if mask >> j & 1 or excess < best[i, j]:
                    continue
                if excess == best[i, j]:
                    held = 0
                    for k in range(n):
                        held += masks[i, j] >> k & 1
                    if held < size or (held == size and masks[i, j] <= mask):
                        continue
                best[i, j] = excess
                masks[i, j] = mask
                worths[i, j] = worth
