r"""Payments that clear a network of debts, for many balance sheets at once: default by default, one exact solve each.

A node that owes :math:`\bar p_i` pays it in full when its assets and what it receives suffice, and otherwise all it
has:

.. math:: p_i = \bar p_i \text{ if } e_i + \sum_j \Pi_{ji} p_j \ge \bar p_i, \text{ else }
   \alpha e_i + \beta \sum_j \Pi_{ji} p_j

The greatest solution is found by starting from payment in full: whoever cannot pay is added to the set of defaults,
the equations of that set are solved, and so on until nobody is added, at most n times.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Fraction of what is owed below which a shortfall is rounding: with default costs a tie decides about a jump, and the
# greatest solution gives it to the debtor.
_SAME = 1e-12


def greatest_payments(
    relative: Array, owed: Array, assets: Array, safe: NDArray[np.bool_], alpha: float = 1.0, beta: float = 1.0
) -> Array:
    r"""The greatest clearing payments, one row per row of ``assets``.

    ``relative`` is :math:`\Pi`, rows summing to at most 1 (the rest leaves the network) and zero on the diagonal;
    ``owed`` is :math:`\bar p`; ``assets`` (m, n) >= 0; ``safe`` (m, n) marks nodes that pay in full whatever happens;
    ``alpha`` and ``beta``, in [0, 1], are what a default leaves of assets and receipts.

    Sources: Eisenberg and Noe, "Systemic risk in financial systems", Management Science 47 (2001), section 3.2; with
    costs of default Rogers and Veraart, "Failure and rescue in an interbank network", Management Science 59 (2013),
    section 3.

    >>> chain = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    >>> greatest_payments(chain, np.array([2.0, 2.0, 0.0]), np.array([[1.0, 0.5, 0.0]]), np.zeros((1, 3), dtype=bool))
    array([[1. , 1.5, 0. ]])
    """
    return np.asarray(_rows(np.array(relative), np.array(owed), assets, safe, float(alpha), float(beta)))


@njit(parallel=True, cache=True, error_model="numpy")
def _rows(
    relative: Array, owed: Array, assets: Array, safe: NDArray[np.bool_], alpha: float, beta: float
) -> Array:  # pragma: no cover - compiled
    out = np.empty(assets.shape)
    for row in prange(len(assets)):
        _clear(relative, owed, assets[row], safe[row], alpha, beta, out[row])
    return out


@njit(cache=True, error_model="numpy")
def _clear(
    relative: Array, owed: Array, assets: Array, safe: NDArray[np.bool_], alpha: float, beta: float, paid: Array
) -> None:  # pragma: no cover - compiled
    n = len(owed)
    failed = np.zeros(n, dtype=np.bool_)
    members = np.empty(n, dtype=np.int64)
    system = np.empty((n, n + 1))
    paid[:] = owed
    for _ in range(n):
        more = False
        for i in range(n):
            if failed[i] or safe[i]:
                continue
            held = assets[i]
            for j in range(n):
                held += relative[j, i] * paid[j]
            if held < owed[i] * (1.0 - _SAME):
                failed[i] = True
                more = True
        if not more:
            return
        size = 0
        for i in range(n):
            if failed[i]:
                members[size] = i
                size += 1
        for a in range(size):
            i = members[a]
            fixed = 0.0
            for j in range(n):
                if not failed[j]:
                    fixed += relative[j, i] * owed[j]
            system[a, size] = alpha * assets[i] + beta * fixed
            for b in range(size):
                system[a, b] = (a == b) - beta * relative[members[b], i]
        _solve(system, size)
        for a in range(size):
            paid[members[a]] = min(max(system[a, size], 0.0), owed[members[a]])


@njit(cache=True, error_model="numpy")
def _solve(system: Array, size: int) -> None:  # pragma: no cover - compiled
    """Elimination without exchanges: columns are dominated by their diagonal, and stay so. The answer replaces the
    right-hand side. No set of defaulting nodes passes all it gets in a circle, so no pivot is zero."""
    for a in range(size):
        pivot = system[a, a]
        for b in range(a + 1, size):
            factor = system[b, a] / pivot
            if factor != 0.0:
                for c in range(a + 1, size + 1):
                    system[b, c] -= factor * system[a, c]
    for a in range(size - 1, -1, -1):
        total = system[a, size]
        for c in range(a + 1, size):
            total -= system[a, c] * system[c, size]
        system[a, size] = total / system[a, a]
