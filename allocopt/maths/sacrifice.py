r"""Equal sacrifice under constant relative risk aversion: one price per row, found by a safeguarded Newton iteration.

With utility :math:`u'(z) = z^{-\gamma}` and means :math:`c_i`, the amount :math:`x_i` that costs agent :math:`i` the
sacrifice :math:`u(c_i) - u(c_i - x_i) = p` is a fraction of its means,

.. math:: \frac{x_i}{c_i} = 1 - \bigl(1 - (1 - \gamma)\, a_i\bigr)_+^{1 / (1 - \gamma)}, \qquad
   a_i = p\, k_i^{\gamma - 1} \qquad (\gamma = 1:\ 1 - e^{-a_i})

where :math:`k_i = c_i / \max_j c_j` and the price is measured in marginal utility of the largest means. Everything is
done in logarithms of the price, which spans hundreds of powers of ten when means differ and :math:`\gamma` is large.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)
_WIDE = 1e-9  # the ends of the bracket are themselves rounded
_PASSES = 120  # bisection alone would need about sixty; Newton takes five to ten


class Sacrificed(NamedTuple):
    """Amounts (S, n) and the logarithm of the price (S), in units of the largest means."""

    given: Array
    log_price: Array


def clear_sacrifice(amounts: Array, means: Array, aversion: float, start: Array | None = None) -> Sacrificed:
    """Amounts (S) divided over means (n) or (S, n); an amount beyond all means takes them whole.

    ``start`` is a guess of the logarithms of the prices.

    >>> clear_sacrifice(np.array([3.0]), np.array([2.0, 4.0]), 1.0).given
    array([[1., 2.]])
    """
    means = np.broadcast_to(means, (len(amounts), means.shape[-1]))
    total = means.sum(axis=1)
    given = np.where((amounts >= total)[:, None], means, 0.0)
    top = means.max(axis=1, initial=0.0)
    log_price = np.where(amounts >= total, _log_full(aversion), -np.inf)
    open_rows = (amounts > 0) & (amounts < total)
    if open_rows.any():
        c, L = means[open_rows], amounts[open_rows]
        shift = _shift(c, top[open_rows][:, None], aversion)
        root = _root(L, c, shift, aversion, None if start is None else start[open_rows])
        log_price[open_rows] = root
        given[open_rows] = _balanced(L, c, root[:, None] + shift, aversion)
    return Sacrificed(given, log_price)


def supplied(log_price: float, means: Array, aversion: float) -> Array:
    """What each agent gives at a price."""
    top = means.max(initial=0.0)
    return np.asarray(-means * np.expm1(-exponent(log_price + _shift(means, top, aversion), aversion)))


def sacrifice(fraction: Array, aversion: float) -> Array:
    """The utility lost with a fraction of one's means, in units of means times marginal utility."""
    with np.errstate(divide="ignore", over="ignore"):
        lost = np.log1p(-fraction)
        return np.asarray(-lost if aversion == 1 else -np.expm1((1 - aversion) * lost) / (1 - aversion))


def total_sacrifice(fraction: Array, aversion: float) -> Array:
    """The integral of ``sacrifice`` from zero: the cost whose slope it is."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        kept = 1.0 - fraction
        lost = np.log1p(-fraction)
        if aversion == 1:
            return np.asarray(np.where(kept > 0, fraction + kept * lost, 1.0))
        if aversion == 2:
            return np.asarray(-lost - fraction)
        return np.asarray((fraction + np.expm1((2 - aversion) * lost) / (2 - aversion)) / (1 - aversion))


def exponent(t: Array, aversion: float) -> Array:
    """Minus the logarithm of what is kept, as a fraction, at the log price ``t`` in units of one's own means."""
    rise = aversion - 1.0
    with np.errstate(divide="ignore", over="ignore"):
        if rise > 0:
            return np.asarray(np.logaddexp(0.0, t + np.log(rise)) / rise)
        if rise == 0:
            return np.asarray(np.exp(t))
        return np.asarray(np.log1p(-np.minimum(-rise * np.exp(t), 1.0)) / rise)


def _shift(means: Array, top: Array, aversion: float) -> Array:
    """Logarithm of one's own price over the common one; agents without means have no say in it."""
    return np.asarray((aversion - 1.0) * np.log(np.where(means > 0, means, top) / top))


def _log_full(aversion: float) -> float:
    """The log price at which the largest means are exhausted."""
    return -np.log(1.0 - aversion) if aversion < 1 else np.inf


def _slope(q: Array, aversion: float) -> Array:
    """Change of the fraction given with the log price."""
    kept, rise = np.exp(-q), aversion - 1.0
    if rise == 0:
        return np.asarray(np.where(kept > 0, kept * q, 0.0))
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(np.where(kept > 0, -kept * np.expm1(-rise * q) / rise, 0.0))


def _root(amounts: Array, means: Array, shift: Array, aversion: float, start: Array | None) -> Array:
    """Newton in logarithms, on what is given while that is the smaller part and on what is kept otherwise.

    At the prices where one agent alone would give the average fraction the others give less or more, so the least and
    the largest of these prices bracket the root.
    """
    total = means.sum(axis=1)
    left = total - amounts
    minor = amounts <= left
    average = np.where(minor, -np.log1p(-np.minimum(amounts / total, 0.5)), -np.log(left / total))
    alone = _log_price_of(average, aversion)[:, None] - shift
    held = means > 0
    low = np.min(alone, axis=1, where=held, initial=np.inf) - _WIDE
    high = np.max(alone, axis=1, where=held, initial=-np.inf) + _WIDE
    goal = np.log(np.where(minor, amounts, left))
    at = 0.5 * (low + high) if start is None else np.clip(start, low, high)
    for _ in range(_PASSES):
        q = exponent(at[:, None] + shift, aversion)
        part = np.where(minor, (-means * np.expm1(-q)).sum(axis=1), (means * np.exp(-q)).sum(axis=1))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            off = np.where(minor, 1.0, -1.0) * (np.log(part) - goal)
            step = at - off * part / (means * _slope(q, aversion)).sum(axis=1)
        low, high = np.where(off < 0, at, low), np.where(off > 0, at, high)
        done = (np.abs(off) <= 2 * _EPS) | (high - low <= 2 * _EPS * np.abs(at))
        if done.all():
            break
        inside = (step > low) & (step < high)
        at = np.where(done, at, np.where(inside, step, 0.5 * (low + high)))
    return np.asarray(at)


def _log_price_of(q: Array, aversion: float) -> Array:
    """The inverse of ``exponent``."""
    rise = aversion - 1.0
    if rise == 0:
        return np.log(q)
    z = np.abs(rise) * q
    grown = z + np.log(-np.expm1(-z)) if rise > 0 else np.log(-np.expm1(-z))
    return np.asarray(grown - np.log(np.abs(rise)))


def _balanced(amounts: Array, means: Array, t: Array, aversion: float) -> Array:
    """Amounts at the price, with the last rounding of the total spread along the slopes."""
    q = exponent(t, aversion)
    given, slope = -means * np.expm1(-q), means * _slope(q, aversion)
    rise = slope.sum(axis=1, keepdims=True)
    for _ in range(2):  # the second takes the total to the last bit
        miss = amounts[:, None] - given.sum(axis=1, keepdims=True)
        given = np.clip(given + miss * slope / np.where(rise > 0, rise, 1.0), 0.0, means)
    return np.asarray(given)
