r"""Equal division of what each claim is sure of, repeated on the rest until nothing is left: one compiled recursion."""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

Array = NDArray[np.float64]

# A remainder below this fraction of the amount is below rounding; it is shared as one more round would share it.
_NOTHING = 1e-18
_FRESH = 64  # products of so many rounds before the power is taken anew: seven digits from where rounding shows


def recursive_lower_bounds(amounts: Array, claims: Array) -> Array:
    r"""Give everybody :math:`\min(c_i, L) / n`, then do the same with what is left of amount and claims, and so on.

    .. math:: x(L, c) = b + x\bigl(L - \textstyle\sum_j b_j,\ c - b\bigr), \qquad b_i = \min(c_i, L) / n

    At least :math:`L / n` goes out in a round once a claim reaches the amount; before that amount and claims shrink by
    the same sum, so the amount falls at least as fast as the claims, which fall by :math:`1 / n`. Hence after
    :math:`k` rounds at most :math:`(1 - 1/n)^k L` is left, and :math:`n \ln 10^{18}` rounds bring the error below
    rounding; the loop ends at once when every claim reaches what is left.

    A claim below the amount shrinks by the factor :math:`1 - 1/n` every round, and once it reaches what is left it does
    so for good. So a round needs only the sum of the claims still below: O(n log n + rounds).

    Amounts (S) and claims (S, n) make awards (S, n).

    >>> recursive_lower_bounds(np.array([10.0]), np.array([[4.0, 20.0]]))
    array([[3.25, 6.75]])
    """
    claims = np.minimum(claims, amounts[:, None])
    order = np.argsort(claims, axis=1)
    ordered = np.take_along_axis(claims, order, axis=1)
    shares = np.empty(claims.shape)
    np.put_along_axis(shares, order, _rows(amounts, ordered, np.cumsum(ordered, axis=1)), axis=1)
    return np.asarray(np.minimum(shares * (amounts / shares.sum(axis=1))[:, None], claims))


@njit(parallel=True, cache=True)
def _rows(amounts: Array, claims: Array, sums: Array) -> Array:  # pragma: no cover - compiled
    out = np.empty(claims.shape)
    for row in prange(len(amounts)):
        out[row] = _rounds(amounts[row], claims[row], sums[row])
    return out


@njit(cache=True)
def _rounds(amount: float, claims: Array, sums: Array) -> Array:  # pragma: no cover - compiled
    n = len(claims)
    shares = np.zeros(n)
    below = n
    left, out, k, keep = amount, 0.0, 0, 1.0
    shortfall = sums[-1] - amount
    while True:
        while below > 0 and claims[below - 1] * keep >= left:
            # from here on this claim takes part with all that is left: what it has, less what the others had by now
            below -= 1
            shares[below] = claims[below] * (1.0 - keep) - out
        if below == 0 or left <= _NOTHING * amount:
            break
        k += 1
        part = left / n
        whole = sums[below - 1] * keep / n + (n - below) * part
        keep = np.exp(k * np.log1p(-1.0 / n)) if n > 1 else 0.0
        out += part
        left = sums[-1] * keep - shortfall if below == n else left - whole
    for i in range(n):
        if i < below:
            shares[i] = claims[i] * (1.0 - keep) + min(claims[i] * keep, left) / n
        else:
            shares[i] += out + left / n
    return shares


def recursive_remainders(amounts: Array, claims: Array) -> Array:
    r"""What the recursion leaves of every claim when it gives out all but the amount: its dual, without cancellation.

    Claims shrink round by round until they sum to :math:`L`. One that lies below what is still to be given out shrinks
    by :math:`1 - 1/n`; one above it exceeds it by :math:`L` less all other claims, an excess to which every round adds
    what the others are given. Sums of positive numbers of the size of :math:`L`, however large the claims are.

    Amounts (S) and claims (S, n) make remainders (S, n).

    >>> recursive_remainders(np.array([10.0]), np.array([[10.0, 10.0]]))
    array([[5., 5.]])
    """
    order = np.argsort(claims, axis=1)
    ordered = np.take_along_axis(claims, order, axis=1)
    sums = np.concatenate((np.zeros((len(claims), 1)), np.cumsum(ordered, axis=1)), axis=1)
    shares = np.empty(claims.shape)
    np.put_along_axis(shares, order, _remainders(amounts, ordered, sums), axis=1)
    return np.asarray(np.minimum(shares * (amounts / shares.sum(axis=1))[:, None], claims))


@njit(parallel=True, cache=True)
def _remainders(amounts: Array, claims: Array, sums: Array) -> Array:  # pragma: no cover - compiled
    out = np.empty(claims.shape)
    for row in prange(len(amounts)):
        out[row] = _shrunk(amounts[row], claims[row], sums[row])
    return out


@njit(cache=True)
def _shrunk(amount: float, claims: Array, sums: Array) -> Array:  # pragma: no cover - compiled
    n = len(claims)
    shares = np.empty(n)
    if n == 1:
        shares[0] = amount
        return shares
    pace, k = np.log1p(-1.0 / n), 0
    if sums[n - 1] > amount:  # rounds until the largest claim exceeds what is left, all at once
        k = max(int(np.log(amount / sums[n - 1]) / pace) - 1, 0)
        while sums[n - 1] * np.exp(k * pace) > amount:
            k += 1
    keep = np.exp(k * pace)
    below, gain = n - 1, 0.0
    shares[below] = max(amount - sums[below] * keep, 0.0)
    left = claims[below] * keep - shares[below]
    while True:
        while below > 0 and claims[below - 1] * keep >= left:
            below -= 1
            shares[below] = claims[below] * keep - left - gain
        if below == 0 or left <= _NOTHING * amount:
            break
        part = left / n
        others = sums[below] * keep / n + (n - below - 1) * part
        gain += others
        left = max(left - (others + part), 0.0)
        k += 1
        keep = keep * (1.0 - 1.0 / n) if k % _FRESH else np.exp(k * pace)
    gain += left * (n - 1) / n if below == 0 else 0.0
    for i in range(n):
        shares[i] = claims[i] * keep if i < below else shares[i] + gain
    return shares
