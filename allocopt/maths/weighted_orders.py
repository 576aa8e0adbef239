"""The weighted Shapley value: orders drawn from the back, the last player first, by weight (compiled)."""

from __future__ import annotations

import numpy as np
from numba import njit

from allocopt.facts.checks import Array
from allocopt.maths.coalitions import subset_sums


def weighted_shapley_from_table(values: Array, weights: Array) -> Array:
    r"""Every dividend is shared among its members in proportion to their weights.

    .. math:: \phi_i = w_i \sum_{S \ni i} \frac{d(S)}{w(S)}
              = \sum_{S \ni i} R(S) \frac{w_i}{w(S)} \bigl( v(S) - v(S \setminus i) \bigr), \qquad
       R(N) = 1,\ R(S) = \sum_{j \notin S} R(S \cup j) \frac{w_j}{w(S \cup j)}

    R(S) is the probability that S is left when the order is drawn from the back. ``values`` holds v by bit mask, length
    :math:`2^n`; ``weights`` one positive number per player. Only positive numbers are added up before they meet the
    worths, so weights may be far apart, while dividends d alternate in sign and grow: O(n 2^n). Source: Kalai and
    Samet, "On weighted Shapley values", International Journal of Game Theory 16 (1987).

    >>> weighted_shapley_from_table(np.array([0.0, 1.0, 3.0, 8.0]), np.array([1.0, 3.0]))
    array([2., 6.])
    """
    table = values.view()
    table.flags.writeable = False  # one type of argument, one compilation
    scaled = weights / weights.max(initial=0.0)
    half = weights.size // 2
    return np.asarray(_drawn_from_the_back(table, scaled, subset_sums(scaled[:half]), subset_sums(scaled[half:])))


@njit(cache=True)
def _drawn_from_the_back(values: Array, weights: Array, low: Array, high: Array) -> Array:  # pragma: no cover
    """``low`` and ``high`` hold what the coalitions of the first and of the last half of the players weigh."""
    n = weights.size
    half = n // 2
    out, lost = np.zeros(n), np.zeros(n)
    reached = np.zeros(values.size)
    reached[-1] = 1.0
    for mask in range(values.size - 1, 0, -1):
        rate = reached[mask] / (low[mask & (low.size - 1)] + high[mask >> half])
        for i in range(n):
            # For a player who is not in the coalition everything below adds nothing; a branch would be guessed wrong
            # every other time.
            chance = rate * weights[i] * (mask >> i & 1)
            before = mask & ~(1 << i)
            reached[before] += chance
            # Compensated: half of all coalitions are added to each player.
            term = chance * (values[mask] - values[before]) - lost[i]
            total = out[i] + term
            lost[i] = (total - out[i]) - term
            out[i] = total
    return out
