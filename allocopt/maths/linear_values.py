"""Values that are linear and treat players alike, beside the semivalues; each reads every worth once."""

from __future__ import annotations

from collections.abc import Iterable
from math import comb

import numpy as np

from allocopt.facts.checks import Array
from allocopt.maths.shapley import bit_sums, member_sums, symmetric_value


def solidarity_value(blocks: Array | Iterable[Array], n: int) -> Array:
    r"""The solidarity value: players share what the members of a coalition add to it on average.

    .. math:: \psi_i = \sum_{S \ni i} \frac{(n - |S|)!\,(|S| - 1)!}{n!} A(S), \qquad
       A(S) = \frac{1}{|S|} \sum_{k \in S} (v(S) - v(S \setminus k))

    Collecting the terms of each worth, with :math:`c_s = 1 / (n \binom{n-1}{s-1})`: a coalition with player i counts
    :math:`c_s - c_{s+1} (n - s) / (s + 1)`, one without it :math:`- c_{s+1} / (s + 1)`. ``blocks`` is as in
    :func:`~allocopt.maths.shapley.member_sums`. Source: Nowak and Radzik, "A solidarity value for n-person transferable
    utility games", International Journal of Game Theory 23 (1994).

    >>> solidarity_value(np.array([[0.0, 1, 3, 8]]), 2)
    array([3.5, 4.5])
    """
    if n == 0:
        return np.empty(0)
    size = np.arange(n + 1.0)
    rates = np.array([0.0, *(1.0 / (n * comb(n - 1, s - 1)) for s in range(1, n + 1)), 0.0])
    following = rates[1:] / (size + 1.0)
    return symmetric_value(blocks, n, rates[:-1] - following * (n - size), following)


def least_squares_value(blocks: Array | Iterable[Array], n: int, weights: Array) -> Array:
    r"""The division of v(N) whose excesses vary least over coalitions, each weighed by its size.

    .. math:: \min_x \sum_{S \ne N, \emptyset} m_{|S|} \left( v(S) - x(S) - \bar e \right)^2
       \quad \text{s.t.} \quad x(N) = v(N)

    .. math:: x_i = \frac{v(N)}{n} + \frac{1}{\alpha} \Bigl( a_i - \frac1n \sum_j a_j \Bigr), \qquad
       a_i = \sum_{S \ni i, S \ne N} m_{|S|} v(S), \quad \alpha = \sum_{s=1}^{n-1} m_s \binom{n-2}{s-1}

    with :math:`\bar e` the mean excess, which the division does not change. ``weights`` holds :math:`m_1 .. m_{n-1}`,
    >= 0 and not all 0; ones give the least-squares prenucleolus, :math:`1 / \binom{n-2}{s-1}` the Shapley value.
    Source: Ruiz, Valenciano and Zarzuelo, "The family of least square values for transferable utility games", Games
    and Economic Behavior 24 (1998).

    >>> least_squares_value(np.array([[0.0, 1, 3, 8]]), 2, np.ones(1))
    array([3., 5.])
    """
    if n == 0:
        return np.empty(0)
    weighed = np.concatenate(([0.0], weights, [0.0]))[: n + 1]
    weighed[n] = 1.0  # the worth of all comes with every sum alike, and as the last total
    sums, totals = member_sums(blocks, n, weighed)
    sums -= totals[n]
    alpha = sum(float(weighed[s]) * comb(n - 2, s - 1) for s in range(1, n)) if n > 1 else 1.0
    return np.asarray(totals[n] / n + (sums - sums.mean()) / alpha, dtype=np.float64)


def pair_interactions(values: Array, n: int, weights: Array) -> Array:
    r"""What two players add together beyond what each adds, on average over the coalitions they join.

    .. math:: I_{ij} = \sum_{S \not\ni i, j} p_{|S|} \bigl( v(S \cup \{i, j\}) - v(S \cup i) - v(S \cup j) + v(S)
       \bigr)

    ``values`` is the table of worths and ``weights`` holds :math:`p_0 .. p_{n-2}`, for coalitions of the n - 2 others.
    Returns a symmetric (n, n) matrix with a diagonal of zeros. Halving the table again and again gives the sums over
    all pairs in O(2^n). Source: Grabisch and Roubens, International Journal of Game Theory 28 (1999).

    >>> pair_interactions(np.array([0.0, 1, 3, 8]), 2, np.ones(1))
    array([[0., 4.],
           [4., 0.]])
    """
    out = np.zeros((n, n))
    if n < 2:
        return out
    sizes = np.bitwise_count(np.arange(values.size, dtype=np.uint32))  # one byte each
    both = np.concatenate(([0.0, 0.0], weights))  # coalitions of this size with both, one and neither of two players
    one = np.concatenate(([0.0], weights, [0.0]))
    neither = np.concatenate((weights, [0.0, 0.0]))
    single = bit_sums((one + neither)[sizes] * values)
    entries = (both + 2.0 * one + neither)[sizes] * values
    for i in range(n - 1, -1, -1):
        out[i, :i] = bit_sums(entries[1 << i :])
        entries = entries[: 1 << i] + entries[1 << i :]
    out += out.T
    out += float((neither[sizes] * values).sum()) - single[:, None] - single
    np.fill_diagonal(out, 0.0)
    return out
