r"""Centroids of the divisions of many amounts at once, where few claims share them: whole numbers, nothing cancels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allocopt.facts.checks import Array

# Amounts on the grid of one part in 1,680 (sixteenths, and thirds, fifths and sevenths of them) are whole on it.
_PARTS = 1680
_ROUND_OFF = 4 * np.finfo(np.float64).eps  # of an amount: what floats that stand for a fraction may be off by
_WHOLE = 2.0**62  # sums of products below this stay whole in 64 bits; beyond it they are Python's own

_CELLS = 2**19  # questions x subsets held at once


def on_grid(amounts: Array, claims: Array) -> NDArray[np.bool_]:
    """Which questions (S) have an amount and claims (S, n) that are whole numbers of parts."""
    values = np.column_stack((claims, amounts)) * _PARTS
    return np.asarray((np.abs(values - np.rint(values)) <= _ROUND_OFF * values).all(axis=1))


def centroids(amounts: Array, claims: Array) -> Array:
    r"""The centroid of :math:`\{x : 0 \le x \le c, \sum x = L\}` for each question: amounts (S) and claims (S, n).

    .. math:: x_i = \frac{\sum_T (-1)^{|T|} \left[ R_T^m / m + 1_{i \in T}\, c_i\, R_T^{m-1} \right]}
       {\sum_T (-1)^{|T|}\, R_T^{m-1}}, \qquad R_T = (L - c(T))^+

    over the subsets T of the m claims that are not zero. Amounts must lie above zero and below the sum of the claims,
    and all be :func:`on_grid`; the answer is then exact up to its last rounding.

    >>> centroids(np.array([1.0, 3.0]), np.array([[1.0, 1.0], [1.0, 4.0]]))
    array([[0.5, 0.5],
           [0.5, 2.5]])
    """
    awards = np.zeros(claims.shape)
    cut = np.minimum(claims, amounts[:, None])
    counts = (cut > 0).sum(axis=1)
    for m in np.unique(counts).tolist():
        rows = np.flatnonzero(counts == m)
        for some in np.array_split(rows, -(-(len(rows) << m) // _CELLS)):
            order = np.argsort(-cut[some], axis=1, kind="stable")[:, :m]
            found = _same_count(amounts[some], np.take_along_axis(cut[some], order, axis=1), m)
            awards[some[:, None], order] = found
    return awards


def _same_count(amounts: Array, claims: Array, m: int) -> Array:
    if m == 1:
        return amounts[:, None]
    whole, total = np.rint(claims * _PARTS), np.rint(amounts * _PARTS)
    kind = np.int64 if m * 2.0**m * float(total.max()) ** m < _WHOLE else object
    c = whole.astype(np.int64).astype(kind)
    left = total.astype(np.int64).astype(kind)[:, None]
    sign = np.ones(1, dtype=np.int64)
    for i in range(m):
        left, sign = np.concatenate((left, left - c[:, i : i + 1]), axis=1), np.concatenate((sign, -sign))
    left = np.where(left > 0, left, 0)
    face = sign * left ** (m - 1)
    volume, spread = face.sum(axis=1), (face * left).sum(axis=1)
    full = volume == 0  # an amount that rounds to the sum of the claims pays them
    volume = np.where(full, 1, volume)
    inside = [face.reshape(len(c), -1, 2, 1 << i)[:, :, 1].sum(axis=(1, 2)) for i in range(m)]
    tops = [spread + m * c[:, i] * part for i, part in enumerate(inside)]
    found = np.column_stack([(top / (m * volume)).astype(np.float64) for top in tops]) / _PARTS
    return np.where(full[:, None], claims, found)
