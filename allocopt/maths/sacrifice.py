r"""Equal sacrifice under constant relative risk aversion: one price per row, found by a safeguarded Newton iteration.

With utility :math:`u'(z) = z^{-\gamma}`, means :math:`c_i` and weights :math:`w_i`, the amount :math:`x_i` that costs
agent :math:`i` the sacrifice :math:`u(c_i) - u(c_i - x_i) = w_i\, p` is a fraction of its means,

.. math:: \frac{x_i}{c_i} = 1 - \bigl(1 - (1 - \gamma)\, a_i\bigr)_+^{1 / (1 - \gamma)}, \qquad
   a_i = p\, w_i\, k_i^{\gamma - 1} \qquad (\gamma = 1:\ 1 - e^{-a_i})

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
_MANY, _FEW = 4096, 512
_PASSES = 120  # bisection alone would need about sixty; Newton takes five to ten


class Sacrificed(NamedTuple):
    """Amounts given and kept (S, n) and the logarithm of the price (S), in units of the largest means."""

    given: Array
    kept: Array
    log_price: Array


def clear_sacrifice(
    amounts: Array, means: Array, aversion: float, *, left: Array | None = None, weights: Array | None = None,
    start: Array | None = None,
) -> Sacrificed:  # fmt: skip
    """Amounts (S) divided over means (n) or (S, n); an amount beyond all means takes them whole.

    ``left`` is what all keep together, stated where it is known better than as the difference. ``weights`` have the
    shape of the means; who has none gives nothing. ``start`` is a guess of the logarithms of the prices.

    >>> clear_sacrifice(np.array([3.0]), np.array([2.0, 4.0]), 1.0).given
    array([[1., 2.]])
    """
    means = np.broadcast_to(means, (len(amounts), means.shape[-1]))
    able = means if weights is None else np.where(np.asarray(weights) > 0, means, 0.0)
    total = able.sum(axis=1)
    rest = total - amounts if left is None else left
    given = np.where((rest <= 0)[:, None], able, 0.0)
    kept = means - given
    top = means.max(axis=1, initial=0.0)
    own = shifts(able, np.where(top > 0, top, 1.0)[:, None], aversion, weights)
    log_price = np.where(rest <= 0, _log_full(own, able, aversion), -np.inf)
    some = (amounts > 0) & (rest > 0)
    if some.any():
        c, shift = able[some], own[some]
        guess = None if start is None else start[some] + log_rise(aversion)
        root = _root(amounts[some], rest[some], c, shift, aversion, guess)
        log_price[some] = root - log_rise(aversion)
        given[some], kept_here = _balanced(amounts[some], rest[some], c, root[:, None] + shift, aversion)
        kept[some] = np.where(c > 0, kept_here, means[some])
    return Sacrificed(given, kept, log_price)


def fractions(log_price: float, shift: Array, aversion: float) -> tuple[Array, Array]:
    """The fractions of its means that each agent gives and keeps at a price."""
    q = exponent(log_price + log_rise(aversion) + shift, aversion)
    return np.asarray(-np.expm1(-q)), np.asarray(np.exp(-q))


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
    """Minus the logarithm of what is kept, as a fraction, at ``t``: the log price in own units plus that of |1 - g|.

    Where all but a little is given, what is kept is a small difference of the price from the one that takes all; with
    that constant in ``t`` the difference is ``t`` itself.
    """
    rise = aversion - 1.0
    with np.errstate(divide="ignore", over="ignore"):
        if rise > 0:
            return np.asarray(np.logaddexp(0.0, t) / rise)
        if rise == 0:
            return np.asarray(np.exp(t))
        below = np.minimum(t, 0.0)
        rest = np.where(below < -0.5, np.log1p(-np.exp(below)), np.log(-np.expm1(below)))
        return np.asarray(rest / rise)


def shifts(means: Array, top: Array | float, aversion: float, weights: Array | None = None) -> Array:
    """Logarithm of one's own price over the common one; agents without means or weight have no say in it."""
    held = means > 0
    out = (aversion - 1.0) * np.log(np.where(held, means, top) / top)
    return np.asarray(out if weights is None else out + np.log(np.where(held, weights, 1.0)))


def log_rise(aversion: float) -> float:
    """The logarithm of |1 - g|, the constant between a log price and what ``exponent`` takes."""
    return float(np.log(abs(aversion - 1.0))) if aversion != 1 else 0.0


def _log_full(shift: Array, means: Array, aversion: float) -> Array:
    """The log price at which all means are exhausted."""
    if aversion >= 1:
        return np.full(len(means), np.inf)
    return np.asarray(-log_rise(aversion) - np.min(shift, axis=1, where=means > 0, initial=np.inf))


def _slope(kept: Array, q: Array, aversion: float) -> Array:
    """Change of the fraction given with the log price."""
    rise = aversion - 1.0
    if rise == 0:
        return np.asarray(np.where(kept > 0, kept * q, 0.0))
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(np.where(kept > 0, -kept * np.expm1(-rise * q) / rise, 0.0))


def _root(amounts: Array, rest: Array, means: Array, shift: Array, aversion: float, start: Array | None) -> Array:
    """Newton in logarithms, on what is given while that is the smaller part and on what is kept otherwise.

    At the prices where one agent alone would give the average fraction the others give less or more, so the least and
    the largest of these prices bracket the root. With many agents every so-many-th of them finds a start for all.
    """
    total = amounts + rest
    minor = amounts <= rest
    average = np.where(minor, -np.log1p(-np.minimum(amounts / total, 0.5)), -np.log(rest / total))
    alone = _log_price_of(average, aversion)[:, None] - shift
    held = means > 0
    low = np.min(alone, axis=1, where=held, initial=np.inf) - _WIDE
    high = np.max(alone, axis=1, where=held, initial=-np.inf) + _WIDE
    if start is None and means.shape[1] > _MANY:
        few = np.s_[:, :: means.shape[1] // _FEW]
        part = means[few].sum(axis=1) / total
        if (part > 0).all():
            start = _root(amounts * part, rest * part, means[few], shift[few], aversion, None)
    goal = np.where(minor, amounts, rest)
    at = 0.5 * (low + high) if start is None else np.clip(start, low, high)
    log_count = 1.0 + np.log2(means.shape[1])
    for _ in range(_PASSES):
        q = exponent(at[:, None] + shift, aversion)
        given = -np.expm1(-q)
        kept = 1.0 - given if minor.all() else np.exp(-q)
        part = np.where(minor, (means * given).sum(axis=1), (means * kept).sum(axis=1))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            off = np.where(minor, 1.0, -1.0) * np.log(part / goal)
            step = at - off * part / (means * _slope(kept, q, aversion)).sum(axis=1)
        low, high = np.where(off < 0, at, low), np.where(off > 0, at, high)
        # A price is a float, and a total of many terms is rounded: nearer than this is chance. What is left is spread.
        near = np.abs(off) <= 2 * _EPS * (log_count + np.abs(at))
        done = near | (high - low <= 2 * _EPS * np.abs(at))
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
    return np.asarray(z + np.log(-np.expm1(-z)) if rise > 0 else np.log(-np.expm1(-z)))


def _balanced(amounts: Array, rest: Array, means: Array, t: Array, aversion: float) -> tuple[Array, Array]:
    """What is given and kept at the price, the last rounding of the smaller total spread along the slopes."""
    q = exponent(t, aversion)
    given, kept = -means * np.expm1(-q), means * np.exp(-q)
    slope = means * _slope(np.exp(-q), q, aversion)
    rise = slope.sum(axis=1, keepdims=True)
    rise = np.where(rise > 0, rise, 1.0)
    minor = (amounts <= rest)[:, None]
    for _ in range(2):  # the second takes the total to the last bit
        given = np.clip(given + (amounts[:, None] - given.sum(axis=1, keepdims=True)) * slope / rise, 0.0, means)
        kept = np.clip(kept + (rest[:, None] - kept.sum(axis=1, keepdims=True)) * slope / rise, 0.0, means)
    return np.where(minor, given, means - kept), np.where(minor, means - given, kept)
