r"""Tails of discrete distributions: quantiles, tail means, and what each part contributes to them, exactly.

Losses of parts add up to a total, :math:`S = \sum_i X_i`, in finitely many scenarios with probabilities :math:`P_s`.
Every gradient (Euler) contribution here is a mean under other probabilities that depend on the total alone,

.. math:: K_i = \sum_s d_s X_{si},

and a *density* is that vector :math:`d`. Levels are cumulative: the quantile at :math:`a` is the smallest :math:`q`
with :math:`P(S \le q) \ge a`, and the tail mean averages the worst :math:`1 - a` of the probability, so the scenario
on the boundary counts with the fraction that makes the tail exactly that large. Where several scenarios lie on the
boundary every split of that fraction gives a valid gradient; here they share it in proportion to their probability,
which makes the contribution a conditional expectation, :math:`E[X_i \mid S = q]`, and treats equal scenarios equally.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allocopt.maths.path import integral

Array = NDArray[np.float64]

# Cumulative probabilities and totals are sums whose last digits depend on the order of adding: a level that is a whole
# number of scenarios, and totals that are equal on paper, must not be told apart by them.
SAME = 1e-12

MEASURES = ("es", "var", "std")

_BLOCK = 1 << 22  # amounts held at once while subsets are summed: 32 MiB
_SETTLED = 1e-14  # of the probability of all scenarios: no density of a path integral is off by more


class Tail(NamedTuple):
    """The quantile, the density of the tail mean (sums to one) and that of the scenarios at the quantile."""

    quantile: float
    beyond: Array
    boundary: Array


def even(probabilities: Array | None, count: int) -> Array:
    """The probabilities as an array; None means equally likely."""
    return np.full(count, 1.0 / count) if probabilities is None else probabilities


def _cumulated(probabilities: Array | None, order: NDArray[np.intp]) -> Array:
    """Cumulative probability in this order; without rounding when all are equally likely."""
    if probabilities is None:
        count = order.shape[-1]
        return np.asarray(np.arange(1, count + 1) / count)
    return np.asarray(np.cumsum(probabilities[order], axis=-1))


def tail(losses: Array, level: float, probabilities: Array | None = None) -> Tail:
    """The upper tail of the row sums of ``losses`` (scenarios x parts) at ``level``, strictly between 0 and 1.

    >>> tail(np.array([[0.0, 0.0], [0.0, 0.0], [4.0, 0.0], [0.0, 4.0]]), 0.75).beyond
    array([0. , 0. , 0.5, 0.5])
    >>> tail(np.array([[1.0], [2.0], [3.0], [4.0], [5.0]]), 0.7).beyond  # tail of 1.5 scenarios
    array([0.        , 0.        , 0.        , 0.33333333, 0.66666667])
    """
    total = losses.sum(axis=1)
    order = np.argsort(total, kind="stable")
    last = len(total) - 1
    rank = min(int(np.searchsorted(_cumulated(probabilities, order), level - SAME)), last)
    quantile = float(total[order[rank]])
    tie = SAME * float(np.abs(losses[order[rank]]).sum())
    mass = even(probabilities, len(total))
    above, tied = total > quantile + tie, np.abs(total - quantile) <= tie
    boundary = np.where(tied, mass, 0.0)
    boundary /= boundary.sum()
    beyond = np.where(above, mass, 0.0)
    beyond += boundary * max(1.0 - level - float(beyond.sum()), 0.0)
    return Tail(quantile, beyond / beyond.sum(), boundary)


def quantile_density(losses: Array, level: float, probabilities: Array | None = None, window: float = 0.0) -> Array:
    r"""The density of the quantile at ``level``, or of its mean over the levels within ``window`` on either side.

    One scenario, or the few tied with it, decides a quantile, so contributions jump from scenario to scenario. The mean
    of the quantiles at the levels :math:`a - h` to :math:`a + h` is a difference of two tail means; its contributions
    are steadier and still add up exactly.
    """
    if not window:
        return tail(losses, level, probabilities).boundary
    low, high = level - window, level + window
    wide, narrow = tail(losses, low, probabilities).beyond, tail(losses, high, probabilities).beyond
    return np.asarray(((1.0 - low) * wide - (1.0 - high) * narrow) / (2.0 * window))


def spread_density(losses: Array, probabilities: Array | None = None) -> Array:
    """The density of the standard deviation: K_i = cov(X_i, S) / sd(S), and zero where the total does not vary."""
    total = losses.sum(axis=1)
    mass = even(probabilities, len(total))
    away = total - mass @ total
    sd = float(np.sqrt(mass @ away**2))
    return np.asarray(mass * away / sd) if sd > SAME * float(np.abs(total).max()) else np.zeros(len(total))


def density(losses: Array, measure: str, level: float, probabilities: Array | None = None) -> Array:
    """The density whose means are the contributions to ``measure``: ``es``, ``var`` or ``std``."""
    if measure == "std":
        return spread_density(losses, probabilities)
    found = tail(losses, level, probabilities)
    return found.beyond if measure == "es" else found.boundary


def risks(totals: Array, measure: str, level: float, probabilities: Array | None = None) -> Array:
    """``es``, ``var`` or ``std`` of each row of ``totals`` (rows x scenarios).

    >>> risks(np.array([[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 8.0]]), "es", 0.5)
    array([3.5, 4. ])
    """
    count = totals.shape[-1]
    if measure == "std":
        mass = even(probabilities, count)
        away = totals - (totals @ mass)[:, None]
        return np.asarray(np.sqrt(away**2 @ mass))
    if probabilities is None:
        rank = max(int(np.ceil(count * (level - SAME))), 1)
        # The boundary scenario is in its place and all worse ones are behind it: that is all a tail mean needs.
        parted = np.partition(totals, rank - 1, axis=-1)
        quantile = parted[:, rank - 1]
        if measure == "var":
            return np.asarray(quantile)
        weight = np.concatenate(([max(rank - count * level, 0.0)], np.ones(count - rank)))
        return np.asarray(parted[:, rank - 1 :] @ weight / weight.sum())
    order = np.argsort(totals, axis=-1, kind="stable")
    values = np.take_along_axis(totals, order, axis=-1)
    reached = _cumulated(probabilities, order)
    if measure == "var":
        rank_of = np.minimum((reached < level - SAME).sum(axis=-1), count - 1)
        return np.asarray(np.take_along_axis(values, rank_of[:, None], axis=-1)[:, 0])
    mass = np.diff(np.maximum(reached, level), axis=-1, prepend=level)
    return np.asarray((values * mass).sum(axis=-1) / mass.sum(axis=-1))


def coalition_risks(losses: Array, measure: str, level: float, probabilities: Array | None = None) -> Array:
    """The risk of the summed losses of every subset of the parts, by bit mask; that of the empty set is 0.

    Sums are built by doubling: each part is added to all subsets of the parts before it, a block of subsets at a time.
    """
    count, n = losses.shape
    low = min(n, max(0, int(np.log2(_BLOCK / count)) if count < _BLOCK else 0))
    sums = np.zeros((1 << low, count))
    for i in range(low):
        sums[1 << i : 2 << i] = sums[: 1 << i] + losses[:, i]
    out = np.empty(1 << n)
    for high in range(1 << (n - low)):
        members = [low + j for j in range(n - low) if high >> j & 1]
        block = sums + losses[:, members].sum(axis=1)
        out[high << low : (high + 1) << low] = risks(block, measure, level, probabilities)
    out[0] = 0.0
    return out


def entropic(totals: Array, rate: float, probabilities: Array | None = None) -> float:
    """The entropic measure of one vector of totals, without overflow."""
    mass = even(probabilities, len(totals))
    top = float(totals[mass > 0].max())
    return top + float(np.log(mass @ np.exp(rate * np.minimum(totals - top, 0.0)))) / rate


def path_density(losses: Array, rate: float, probabilities: Array | None = None) -> Array:
    r"""The Aumann-Shapley density of the entropic measure :math:`\rho(S) = \tfrac1\theta \log E\,e^{\theta S}`.

    .. math:: K_i = \int_0^1 \frac{E[X_i\, e^{\theta g S}]}{E[e^{\theta g S}]}\, dg

    The path is cut into panels that halve towards zero, where the exponential weights turn fastest.
    """
    total = losses.sum(axis=1)
    mass = even(probabilities, len(total))
    top = float(total[mass > 0].max())
    behind = np.where(mass > 0, total - top, -np.inf)  # every exponent is <= 0, so nothing overflows

    def tilted(times: Array) -> Array:
        weight = mass * np.exp(rate * times[:, None] * behind)
        return np.asarray(weight / weight.sum(axis=1, keepdims=True))

    span = rate * float(-behind[mass > 0].min())
    edges = np.concatenate(([0.0], 0.5 ** np.arange(max(0, int(np.ceil(np.log2(max(span, 1.0) / 4.0)))), -1, -1)))
    return integral(tilted, _SETTLED, edges)
