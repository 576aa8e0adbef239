r"""The oracle of the modified nucleolus: of all pairs of coalitions, those whose excesses are furthest apart.

The pair (S, T) has the row :math:`(1_S - 1_T) \cdot x + t \ge v(S) - v(T)`; nobody and all take part, with excess 0.
Coalitions on which a vector orthogonal to the settled rows has equal sums make pairs that are settled, so coalitions
are put into classes by that sum and only the largest and the smallest excess of a class count.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allocopt.maths.coalitions import subset_sums
from allocopt.maths.excess import members
from allocopt.maths.nucleolus import Oracle, Rows, Solved, nucleolus

Array = NDArray[np.float64]

_ENDS = 40  # classes at either end of which pairs are formed
_AT_ONCE = 100


def modified_nucleolus(worths: Array, total: float) -> Solved:
    """The chain of programs over all pairs, for the 2^n worths of a gain by mask."""
    n = worths.size.bit_length() - 1
    alone = 1 << np.arange(n)
    nobody = np.zeros(n, dtype=np.int64)
    first = _rows(worths, np.append(alone, nobody), np.append(nobody, alone))
    return nucleolus(first, _oracle(worths, n), total, None)


def _rows(worths: Array, one: NDArray[np.int64], other: NDArray[np.int64]) -> Rows:
    n = worths.size.bit_length() - 1
    keys = (one * (1 << n) + other).tolist()
    return Rows(keys, members(one, n) - members(other, n), worths[one] - worths[other], np.ones(len(one)))


def _oracle(worths: Array, n: int) -> Oracle:
    def violated(x: Array, t: float, tolerance: float, apart: Array, margin: float) -> Rows:
        excess = worths - subset_sums(x)
        excess[-1] = 0.0  # all: x divides their worth, up to rounding
        lean = subset_sums(apart)
        order = np.argsort(lean, kind="stable")
        starts = np.append(0, np.flatnonzero(np.diff(lean[order]) > margin) + 1)
        ordered = excess[order]
        high, low = np.maximum.reduceat(ordered, starts), np.minimum.reduceat(ordered, starts)
        class_of = np.cumsum(np.isin(np.arange(len(order)), starts)) - 1
        ends = min(_ENDS, len(starts))
        loud = np.argpartition(-high, ends - 1)[:ends]
        calm = np.argpartition(low, ends - 1)[:ends]
        gap = np.where(loud[:, None] == calm[None, :], -np.inf, high[loud][:, None] - low[calm][None, :])
        best = np.argsort(-gap, axis=None, kind="stable")[:_AT_ONCE]
        best = best[gap.ravel()[best] > t + tolerance]
        one, other = np.divmod(best, ends)
        at_high, at_low = np.full(len(starts), len(order)), np.full(len(starts), len(order))
        np.minimum.at(at_high, class_of[ordered == high[class_of]], np.flatnonzero(ordered == high[class_of]))
        np.minimum.at(at_low, class_of[ordered == low[class_of]], np.flatnonzero(ordered == low[class_of]))
        return _rows(worths, order[at_high[loud[one]]], order[at_low[calm[other]]])

    return violated
