"""Shapley and Banzhaf values by formula: the k largest, the smallest, quadratic forms, sums of unanimity games."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from allocopt.facts.checks import Array
from allocopt.maths.threshold import threshold_values

__all__ = [
    "airport_shapley", "cover_banzhaf", "cover_shapley", "dividend_banzhaf", "dividend_shapley", "minimum_shapley",
    "threshold_values", "variance_shapley",
]  # fmt: skip


def airport_shapley(costs: Array) -> Array:
    r"""The Shapley value of :math:`v(S) = \max_{i \in S} c_i`, O(n log n): each step is shared by all who need it.

    .. math:: \phi_{(i)} = \sum_{t \le i} \frac{c_{(t)} - c_{(t-1)}}{n - t + 1}, \qquad
       c_{(1)} \le \dots \le c_{(n)},\ c_{(0)} = 0

    ``costs`` has one entry per player, each >= 0. Source: Littlechild and Owen, "A simple expression for the Shapley
    value in a special case", Management Science 20 (1973).

    >>> airport_shapley(np.array([3.0, 1.0, 2.0])).round(4)
    array([1.8333, 0.3333, 0.8333])
    """
    return cover_shapley(costs, 1)


def cover_shapley(exposures: Array, k: int) -> Array:
    r"""The Shapley value of the sum of the k largest exposures in the coalition, O(n log n).

    .. math:: \phi_{(i)} = \sum_{t \ge i} (a_{(t)} - a_{(t+1)}) \frac{\min(k, t)}{t}, \qquad
       a_{(1)} \ge \dots \ge a_{(n)},\ a_{(n+1)} = 0

    because :math:`v(S) = \sum_t (a_{(t)} - a_{(t+1)}) \min(k, |S \cap \{1 .. t\}|)` and the players 1 .. t are alike in
    each term. ``exposures`` has one entry per player, each >= 0; ``k`` >= 1. The value lies in the core: every term is
    submodular.

    >>> cover_shapley(np.array([3.0, 2.0, 1.0]), 2).round(4)
    array([2.6667, 1.6667, 0.6667])
    """
    count = np.arange(1.0, exposures.size + 1.0)
    return _over_larger(exposures, np.minimum(k, count) / count)


def cover_banzhaf(exposures: Array, k: int) -> Array:
    r"""The Banzhaf value of the sum of the k largest exposures in the coalition, O(n log n).

    .. math:: \beta_{(i)} = \sum_{t \ge i} (a_{(t)} - a_{(t+1)})\, P\bigl(\mathrm{Bin}(t - 1, \tfrac12) < k\bigr)

    with the order and the terms of :func:`cover_shapley`: one more of the players 1 .. t counts while fewer than k of
    the others are there.

    >>> cover_banzhaf(np.array([3.0, 2.0, 1.0]), 2)
    array([2.75, 1.75, 0.75])
    """
    from scipy.special import bdtr

    others = np.arange(exposures.size, dtype=np.float64)
    fewer = np.where(others < k, 1.0, bdtr(float(k - 1), np.maximum(others, k).astype(np.int64), 0.5))
    return _over_larger(exposures, fewer)


def _over_larger(amounts: Array, rates: Array) -> Array:
    """Falling in size, each step ``a_t - a_(t+1)`` at its rate for everybody who is at least as large."""
    order = np.argsort(-amounts, kind="stable")
    falling = amounts[order]
    steps = falling - np.append(falling[1:], 0.0)[: falling.size]
    out = np.empty(amounts.size)
    out[order] = np.cumsum((steps * rates)[::-1])[::-1]
    return out


def minimum_shapley(amounts: Array) -> Array:
    r"""The Shapley value of :math:`v(S) = \min_{i \in S} a_i`, O(n log n); the values add up to the smallest amount.

    .. math:: \phi_{(i)} = \frac{a_{(1)}}{n} - \sum_{t < i} \frac{a_{(t)} - a_{(t+1)}}{n - t}, \qquad
       a_{(1)} \ge \dots \ge a_{(n)}

    :math:`v` is a sum of games that are worth :math:`a_{(t)} - a_{(t+1)}` to any coalition of the t largest: each of
    those brings it with probability 1/n, by coming first, and the first of the others destroys it.

    >>> minimum_shapley(np.array([2.0, 6.0]))
    array([-1.,  3.])
    """
    n = amounts.size
    if n == 0:
        return np.empty(0)
    order = np.argsort(-amounts, kind="stable")
    falling = amounts[order]
    out = np.empty(n)
    lost = np.cumsum((falling[:-1] - falling[1:]) / np.arange(n - 1.0, 0.0, -1.0))
    out[order] = falling[0] / n - np.append(0.0, lost)
    return out


def variance_shapley(covariance: Array) -> Array:
    r"""The Shapley value, and the Banzhaf value, of the variance of a sum: the covariance of each part with the whole.

    .. math:: v(S) = \sum_{i, j \in S} \Sigma_{ij}, \qquad \phi_i = \beta_i = \sum_j \Sigma_{ij}

    No three players interact, so every pair shares its covariance equally. ``covariance`` is symmetric, shape (n, n).
    Source: Colini-Baldeschi, Scarsini and Vaccari, "Variance allocation and Shapley value", Methodology and Computing
    in Applied Probability 20 (2018).

    >>> variance_shapley(np.array([[4.0, 1.0], [1.0, 9.0]]))
    array([ 5., 10.])
    """
    return np.asarray(covariance.sum(axis=1))


def dividend_shapley(coalitions: NDArray[np.bool_], dividends: Array) -> Array:
    r"""The Shapley value of a sum of unanimity games: members share each dividend equally, O(m n).

    .. math:: v(S) = \sum_{T \subseteq S} d(T), \qquad \phi_i = \sum_{T \ni i} \frac{d(T)}{|T|}

    ``coalitions`` has one row of true/false per term, shape (m, n), no row empty; ``dividends`` one entry per term.
    Source: Harsanyi, "A bargaining model for the cooperative n-person game" (1959).

    >>> dividend_shapley(np.array([[True, True, False], [True, True, True]]), np.array([2.0, 9.0]))
    array([4., 4., 3.])
    """
    return _shared(coalitions, dividends / coalitions.sum(axis=1))


def dividend_banzhaf(coalitions: NDArray[np.bool_], dividends: Array) -> Array:
    r"""The Banzhaf value of a sum of unanimity games: a member sees the others all there once in :math:`2^{|T|-1}`.

    .. math:: \beta_i = \sum_{T \ni i} 2^{1 - |T|}\, d(T)

    >>> dividend_banzhaf(np.array([[True, True, False], [True, True, True]]), np.array([2.0, 8.0]))
    array([3., 3., 2.])
    """
    return _shared(coalitions, dividends * 2.0 ** (1 - coalitions.sum(axis=1)))


def _shared(coalitions: NDArray[np.bool_], rates: Array) -> Array:
    out: NDArray[Any] = rates @ coalitions
    return out
