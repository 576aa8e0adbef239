r"""Divisions of an amount among claims by exact algorithms, for rules that no single price describes.

Equal awards, equal losses and minimal overlap by sorting. Throughout, :math:`L` is the amount, :math:`c_i` the claims,
with :math:`0 < L < \sum_i c_i`, and an infinite claim counts as :math:`L`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def equal_awards(amounts: Array, claims: Array) -> Array:
    """Everybody gets the same amount or its claim, for amounts (S) and claims (S, n), by sorting."""
    ordered = np.sort(claims, axis=1)
    count = np.arange(claims.shape[1], 0, -1)
    level = (amounts[:, None] - (np.cumsum(ordered, axis=1) - ordered)) / count
    return np.asarray(np.minimum(claims, _first(level, level <= ordered)))


def equal_losses(amounts: Array, claims: Array) -> Array:
    """Everybody is left with the same amount or nothing, counted down from the largest claim."""
    lead = claims.max(axis=1, keepdims=True) - claims
    ordered = np.sort(lead, axis=1)
    level = (amounts[:, None] + np.cumsum(ordered, axis=1)) / np.arange(1, claims.shape[1] + 1)
    beyond = np.append(ordered[:, 1:], np.full((len(claims), 1), np.inf), axis=1)
    return np.asarray(np.clip(_first(level, level <= beyond) - lead, 0.0, claims))


def _first(level: Array, holds: NDArray[np.bool_]) -> Array:
    return np.take_along_axis(level, np.argmax(holds, axis=1)[:, None], axis=1)


class Overlap(NamedTuple):
    """The arrangement of minimal overlap: claims are nested up to ``level`` (S) and lie side by side above it."""

    level: Array
    shares: Array


def minimal_overlap(amounts: Array, claims: Array) -> Overlap:
    r"""Every unit of the amount is split equally among those whose claims lie on it, when claims overlap least.

    .. math:: x_i = \sum_{k \le i} \frac{t_k - t_{k-1}}{n - k + 1} + (c_i - t)^+, \qquad t_i = \min(c_i, t),\
       t_1 \le \dots \le t_n

    The level :math:`t` is :math:`L` when a claim reaches it; when none does, it solves
    :math:`t + \sum_j (c_j - t)^+ = L`. O(n log n).
    """
    order = np.argsort(claims, axis=1)
    cut = np.minimum(np.take_along_axis(claims, order, axis=1), amounts[:, None])
    level = np.where(cut[:, -1] >= amounts, amounts, _overlap_level(amounts, cut))
    nested = np.minimum(cut, level[:, None])
    steps = np.diff(nested, prepend=0.0, axis=1)
    shares = np.empty_like(cut)
    sorted_shares = np.cumsum(steps / np.arange(cut.shape[1], 0, -1), axis=1) + (cut - nested)
    np.put_along_axis(shares, order, sorted_shares, axis=1)
    return Overlap(level, shares)


def least_overlap_left(amounts: Array, claims: Array) -> Overlap:
    r"""What minimal overlap leaves of the claims when all but the amount is shared out: its dual, added up directly.

    .. math:: x_i = \sum_{k \le i} (t_k - t_{k-1}) \Bigl(1 - \frac{1}{n - k + 1}\Bigr) + (c_i - E)^+, \qquad
       t_i = \min(c_i, t), \qquad E = \sum_j c_j - L

    On every unit all who claim it but one go without. The level :math:`t` is :math:`E`, what is shared out, when a
    claim reaches it, else :math:`\sum_j \min(c_j, t) - t = L`. An amount far below the claims keeps its digits.
    """
    order = np.argsort(claims, axis=1)
    c = np.take_along_axis(claims, order, axis=1)
    below, larger = _before(c), _before(c[:, ::-1])[:, ::-1]
    above = np.maximum(amounts[:, None] - (below + larger), 0.0)  # how far a claim exceeds all that is shared out
    count = np.arange(c.shape[1], 0, -1)
    reach = below + (count - 1) * c  # what is left when the level is this claim; rises from claim to claim
    k, rows = np.argmax(reach >= amounts[:, None], axis=1), np.arange(len(c))
    side = (amounts - below[rows, k]) / np.maximum(count[k] - 1, 1)
    topped = above[:, -1] > 0
    level = np.where(topped, c[:, -1] - above[:, -1], side)
    nested = np.where(topped[:, None], c - above, np.minimum(c, level[:, None]))
    steps = np.diff(nested, prepend=0.0, axis=1)
    shares = np.empty(c.shape)
    np.put_along_axis(shares, order, np.cumsum(steps * (1.0 - 1.0 / count), axis=1) + above, axis=1)
    return Overlap(level, shares)


def _before(values: Array) -> Array:
    """The sum of all entries before each, added up without the entry itself, so that nothing cancels."""
    return np.concatenate((np.zeros((len(values), 1)), np.cumsum(values[:, :-1], axis=1)), axis=1)


def _overlap_level(amounts: Array, cut: Array) -> Array:
    """The root of t + sum (c - t)+ = L for sorted claims all below L: on each segment a line in t."""
    above = np.cumsum(cut[:, ::-1], axis=1)[:, ::-1]  # sum of this claim and all larger ones
    count = np.arange(cut.shape[1], 0, -1)
    reach = cut + above - count * cut  # the left side at t = c_k; falls from the sum of claims to the largest
    k = np.argmax(reach <= amounts[:, None], axis=1)  # the first claim at which it is at most L
    rows = np.arange(len(cut))
    return np.asarray((above[rows, k] - amounts) / np.maximum(count[k] - 1, 1))
