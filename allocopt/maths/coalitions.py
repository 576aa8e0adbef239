"""Set functions that build up player by player: sums, largest entries and quadratic forms over all subsets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def subset_sums(entries: Array) -> Array:
    """The sum over every subset by bit mask, by doubling: O(2^n) additions.

    >>> subset_sums(np.array([1.0, 10.0, 100.0]))
    array([  0.,   1.,  10.,  11., 100., 101., 110., 111.])
    """
    out = np.zeros(1 << len(entries))
    for i, entry in enumerate(entries.tolist()):
        np.add(out[: 1 << i], entry, out=out[1 << i : 2 << i])
    return out


def subset_maxima(entries: Array) -> Array:
    """The largest entry of every subset by bit mask, 0 for the empty one.

    >>> subset_maxima(np.array([2.0, 1.0, 5.0]))
    array([0., 2., 1., 2., 5., 5., 5., 5.])
    """
    out = np.zeros(1 << len(entries))
    for i, entry in enumerate(entries.tolist()):
        np.maximum(out[: 1 << i], entry, out=out[1 << i : 2 << i])
    return out


def subset_tops(entries: Array, k: int) -> Array:
    r"""The sum of the ``j`` largest entries of every subset, one row for each :math:`j = 0 .. k`, by bit mask.

    .. math:: t_j(S \cup i) = \max\bigl(t_j(S),\ t_{j-1}(S) + a_i\bigr)

    Either the new entry is among the j largest or it is not, and the better of the two is the sum of the largest;
    entries are >= 0, so fewer than j members count all of theirs.

    >>> subset_tops(np.array([2.0, 1.0, 5.0]), 2)[2]
    array([0., 2., 1., 3., 5., 7., 6., 7.])
    """
    out = np.zeros((k + 1, 1 << len(entries)))
    for i, entry in enumerate(entries.tolist()):
        size = 1 << i
        np.maximum(out[1:, :size], out[:-1, :size] + entry, out=out[1:, size : 2 * size])
    return out


def subset_forms(matrix: Array) -> Array:
    r"""The quadratic form :math:`\sum_{i,j \in S} C_{ij}` of every subset by bit mask, by doubling.

    >>> subset_forms(np.array([[1.0, 0.5], [0.5, 4.0]]))
    array([0., 1., 4., 6.])
    """
    out = np.zeros(1 << len(matrix))
    for i in range(len(matrix)):
        out[1 << i : 2 << i] = out[: 1 << i] + matrix[i, i] + subset_sums(matrix[i, :i] + matrix[:i, i])
    return out


def picked(index: int, first: int, last: int) -> NDArray[np.intp]:
    """The players ``first .. last - 1`` whose bits are set in ``index``; bit 0 is the first of them.

    >>> picked(5, 14, 17)
    array([14, 16])
    """
    players = np.arange(first, last)
    return np.asarray(players[(index >> (players - first)) & 1 == 1], dtype=np.intp)
