"""Shapley and Banzhaf values of games that look only at a total of whole weights: distributions, not coalitions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allocopt.errors import DataError
from allocopt.facts.checks import Array

Whole = NDArray[np.int64]

# Cell updates, about a thousand million of them a second: beyond this an answer takes more than some minutes.
_MOST_WORK = 2.0**38

_CELLS = 1 << 20  # probabilities held per level of the recursion: 8 MiB


class TotalValues(NamedTuple):
    """The Shapley and the Banzhaf value, one entry per player each."""

    shapley: Array
    banzhaf: Array


def threshold_values(weights: Array | Whole, f: Callable[[Array], Array]) -> TotalValues:
    r"""The Shapley and Banzhaf values of :math:`v(S) = f(\sum_{i \in S} w_i)` with whole weights.

    .. math:: \phi_i = \int_0^1 E\bigl[f(X_{-i}^p + w_i) - f(X_{-i}^p)\bigr]\, dp, \qquad
       \beta_i = E\bigl[f(X_{-i}^{1/2} + w_i) - f(X_{-i}^{1/2})\bigr]

    where :math:`X_{-i}^p` is the total weight of the others when each is there with probability p: a player who
    arrives at a uniform time meets each other with that probability. The integrand is a polynomial of degree n - 1,
    so ceil(n / 2) Gauss-Legendre nodes integrate it exactly.

    ``weights`` has one whole number >= 0 per player; ``f`` takes an array of totals and returns an array, with f(0) =
    0. The distributions that leave one player out come from halving the players again and again, O(n log n) admissions
    for all of them, and nothing is ever taken out. So only positive numbers are added, and where f never falls each
    value has a relative error of at most a few n units of rounding, however small it is. Equal weights are done once.

    Sources: Owen, "Multilinear extensions of games", Management Science 18 (1972); generating functions for voting
    games: Mann and Shapley, RM-3158, RAND (1962).

    Raises
    ------
    DataError : a weight that is negative or not whole; weights too many or too large (see :func:`threshold_work`).

    >>> two = threshold_values(np.array([50, 49, 1]), lambda total: (total >= 51).astype(float))
    >>> two.shapley.round(6), two.banzhaf
    (array([0.666667, 0.166667, 0.166667]), array([0.75, 0.25, 0.25]))
    """
    whole, unit = _in_units(weights)
    n, work = whole.size, threshold_work(weights)
    if work > _MOST_WORK:
        raise DataError(
            f"{n} weights that add up to {whole.sum()} take {work:.0e} steps; at most {_MOST_WORK:.0e} are made: "
            "round the weights to coarser units, or sample the value"
        )
    levels, which, counts = np.unique(whole, return_inverse=True, return_counts=True)
    worth = np.asarray(f(unit * np.arange(whole.sum() + 1.0)), dtype=np.float64)
    nodes, masses = np.polynomial.legendre.leggauss((n + 1) // 2) if n else (np.empty(0), np.empty(0))
    times, masses = np.append(0.5 * (nodes + 1.0), 0.5), np.append(0.5 * masses, 0.0)  # Banzhaf's node comes last
    shapley = np.zeros(levels.size)
    banzhaf = np.zeros(levels.size)
    step = max(1, _CELLS // worth.size)
    for start in range(0, times.size if n else 0, step):
        time, mass = times[start : start + step], masses[start : start + step]
        for level, total in _without_one(time, levels, counts):
            added = worth[levels[level] :] - worth[: worth.size - levels[level]]
            met = (total[:, : added.size] * added).sum(axis=1)
            shapley[level] += mass @ met
            banzhaf[level] = met[-1]  # the last node of the last block stays
    return TotalValues(shapley[which], banzhaf[which])


def threshold_work(weights: Array | Whole) -> float:
    """How many probabilities :func:`threshold_values` updates: nodes x admissions x totals.

    >>> threshold_work(np.array([2, 2, 4]))
    45.0
    """
    whole, _ = _in_units(weights)
    halvings = max(1, int(np.unique(whole).size - 1).bit_length()) + 1
    return float(((whole.size + 1) // 2 + 1) * whole.size * (halvings if whole.any() else 1) * (whole.sum() + 1) / 2)


def _in_units(weights: Array | Whole) -> tuple[Whole, int]:
    """The weights divided by their greatest common divisor, and that divisor."""
    given = np.asarray(weights)
    whole = given.astype(np.int64) if np.isfinite(given).all() and (np.abs(given) < 2**53).all() else None
    if whole is None or (whole != given).any() or (whole < 0).any():
        at = int(np.flatnonzero(~((given >= 0) & (given == np.floor(given)) & (given < 2**53)))[0])
        raise DataError(f"weight {at} is {given[at]}; give whole numbers >= 0: multiply all weights by one factor")
    unit = int(np.gcd.reduce(whole)) or 1 if whole.size else 1
    return whole // unit, unit


def _without_one(times: Array, levels: Whole, counts: NDArray[np.intp]) -> Iterator[tuple[int, Array]]:
    """For each level of weight, the distribution of the total of all players but one of that level, a row per time."""
    nobody = np.zeros((times.size, int(levels @ counts) + 1))
    nobody[:, 0] = 1.0
    keep = 1.0 - times[:, None]

    def admit(total: Array, level: int, count: int) -> Array:
        weight = int(levels[level])
        for _ in range(count if weight else 0):
            joined = keep * total
            joined[:, weight:] += times[:, None] * total[:, : total.shape[1] - weight]
            total = joined
        return total

    def halve(first: int, last: int, total: Array) -> Iterator[tuple[int, Array]]:
        if last - first == 1:
            yield first, admit(total, first, int(counts[first]) - 1)
            return
        middle = (first + last) // 2
        for stay, come in (((first, middle), range(middle, last)), ((middle, last), range(first, middle))):
            half = total
            for level in come:
                half = admit(half, level, int(counts[level]))
            yield from halve(*stay, half)

    return halve(0, levels.size, nobody)
