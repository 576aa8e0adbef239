"""Random arrival for many questions with few claims each: all coalitions of every row at once, floats or fractions."""

from __future__ import annotations

from math import factorial

import numpy as np

from allocopt.facts.checks import Array


def few_arrivals(estates: Array, claims: Array) -> Array:
    r"""Awards (S, n) from estates (S) and claims (S, n), of floats or of fractions (dtype object).

    .. math:: x_i = \sum_{T \not\ni i} \frac{|T|!\, (n - |T| - 1)!}{n!} \min\bigl(c_i,\ (L - c(T))^+\bigr)

    >>> few_arrivals(np.array([200.0]), np.array([[100.0, 200.0, 300.0]])).round(3)
    array([[33.333, 83.333, 83.333]])
    """
    n = claims.shape[1]
    sums = np.zeros((len(claims), 1), dtype=claims.dtype)
    for i in range(n):
        sums = np.concatenate((sums, sums + claims[:, i, None]), axis=1)
    left = np.maximum(estates[:, None] - sums, 0)
    sizes = np.bitwise_count(np.arange(1 << n)).astype(int)
    orders = np.array([factorial(s) * factorial(n - s - 1) if s < n else 0 for s in sizes.tolist()], dtype=claims.dtype)
    awards = np.empty_like(claims)
    for i in range(n):
        before = left.reshape(len(claims), -1, 2, 1 << i)[:, :, 0, :].reshape(len(claims), -1)
        chance = orders.reshape(-1, 2, 1 << i)[:, 0, :].ravel()
        awards[:, i] = (np.minimum(claims[:, i, None], before) * chance).sum(axis=1) / factorial(n)
    return awards
