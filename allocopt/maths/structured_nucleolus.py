"""Nucleoli that need no coalitions: of claims on an estate, and of costs that the most demanding alone decides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allocopt.maths.division import equal_awards

Array = NDArray[np.float64]


def claims_nucleolus(estate: float, claims: Array) -> Array:
    r"""The nucleolus of :math:`v(S) = (E - c(N \setminus S))^+`: half of every claim first, in equal amounts.

    .. math:: x_i = \min(c_i / 2, \lambda) \ \text{ if } E \le \tfrac12 c(N), \qquad
       x_i = c_i - \min(c_i / 2, \mu) \ \text{ otherwise}

    ``claims`` are finite and add up to at least ``estate``; none is above it. O(n log n). Source: Aumann and Maschler,
    "Game theoretic analysis of a bankruptcy problem from the Talmud", Journal of Economic Theory 36 (1985), section 4.

    >>> claims_nucleolus(200.0, np.array([100.0, 200.0, 200.0]))
    array([50., 75., 75.])
    """
    if not len(claims) or not estate:
        return np.zeros(len(claims))
    missing = float(claims.sum()) - estate
    if missing <= 0:
        return claims.copy()
    return _up_to_half(estate, claims) if estate <= missing else np.asarray(claims - _up_to_half(missing, claims))


def _up_to_half(amount: float, claims: Array) -> Array:
    """Equal amounts up to half of each claim; an amount that rounding puts at half of all claims is just that."""
    halves = claims / 2
    if amount >= float(halves.sum()) * (1 - 1e-12):
        return np.asarray(halves * (amount / halves.sum()))
    return np.asarray(equal_awards(np.array([amount]), halves[None, :])[0])


def airport_nucleolus(costs: Array) -> Array:
    r"""The nucleolus of :math:`c(S) = \max_{i \in S} c_i`, the cost of a runway: one walk along the sorted costs.

    With :math:`c_1 \le \dots \le c_n` and :math:`P_k = x_1 + \dots + x_k`,

    .. math:: x_k = \min_{k \le j < n} \frac{c_j - P_{k-1}}{j - k + 2}, \qquad x_n = c_n - P_{n-1}

    Players up to the largest minimising j get the same. The minimum is the slope of the line from
    :math:`(k - 1, P_{k-1})` that touches the points :math:`(j + 1, c_j)`, j = k .. n - 1, from below; it touches their
    lower convex hull, and as k grows the hull is passed once. O(n log n) for the sort. Source: Littlechild, "A simple
    expression for the nucleolus in a special case", International Journal of Game Theory 3 (1974).

    >>> airport_nucleolus(np.array([1.0, 2.0, 3.0, 6.0]))
    array([0.5  , 0.75 , 0.875, 3.875])
    """
    order = np.argsort(costs, kind="stable")
    shares = np.empty(len(costs))
    shares[order] = _littlechild(costs[order].tolist())
    return shares


def _littlechild(costs: list[float]) -> list[float]:
    """Shares for sorted costs."""
    n = len(costs)
    if not n:
        return []
    # From the back: `after[j]` is the next corner of the lower hull of the points (j + 1, costs[j - 1]) for j .. n - 1.
    after = [n] * (n + 1)
    for j in range(n - 2, 0, -1):
        corner = j + 1
        while after[corner] < n:
            beyond = after[corner]
            rise = (costs[corner - 1] - costs[j - 1]) * (beyond - j)
            if rise < (costs[beyond - 1] - costs[j - 1]) * (corner - j):
                break
            corner = beyond
        after[j] = corner
    shares: list[float] = []
    paid = 0.0
    while len(shares) < n - 1:
        k = len(shares) + 1
        j = k
        while after[j] < n:
            beyond = after[j]
            if (costs[beyond - 1] - paid) * (j - k + 2) > (costs[j - 1] - paid) * (beyond - k + 2):
                break
            j = beyond
        share = max((costs[j - 1] - paid) / (j - k + 2), 0.0)
        shares += [share] * (j - k + 1)
        paid += share * (j - k + 1)
    return [*shares, costs[-1] - paid]
