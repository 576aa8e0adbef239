r"""Random arrival: an estate is paid out first come, first served; what does each claim get on average over all orders?

.. math:: x_i = E \min(c_i, (L - c(\text{those before } i))^+)

This is the Shapley value of the game :math:`v(S) = (L - c(N \setminus S))^+`. With independent arrival times, uniform
on [0, 1], those before i at time t are the others by independent coins of probability t, so

.. math:: x_i = \int_0^1 E \min(c_i, (L - B_i(t))^+) \, dt, \qquad B_i(t) = \sum_{j \ne i} c_j \, \mathrm{Bernoulli}(t).

The integrand is a polynomial in t of degree at most n - 1, which Gauss-Legendre quadrature integrates exactly, and the
distribution of the capped sum follows on a grid of whole units by additions of probabilities alone.

Source: O'Neill, "A problem of rights arbitration from the Talmud", Mathematical Social Sciences 2 (1982) 345-371.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, comb, log2, sqrt
from typing import NamedTuple

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array, number, vector
from allocopt.maths.sampling_orders import Orders, shapley_by_orders
from allocopt.maths.shapley import blocks_of, member_sums, shapley_from_table

METHODS = ("auto", "dynamic program", "enumeration", "sampled")

_EPS = float(np.finfo(np.float64).eps)

# Up to here the 2^n coalitions are looked at in under a millisecond, sooner than the compiled kernels are loaded.
FEW = 12
# 2^22 subset sums are 32 MiB and take some tens of milliseconds.
ENUMERABLE = 22

# Cell updates of one dynamic program; at about a quarter of a nanosecond each the largest takes a second or so.
_WORK = 2.0**32
_EXACT_CELLS = 2**16
_GRIDS = tuple(1 << bits for bits in range(14, 9, -1))


@dataclass(frozen=True, eq=False)
class ArrivalResult:
    """Awards with the evidence for them.

    ``values`` has one award per claim, in the estate's units. ``standard_error`` is 0 for a computed answer, one entry
    per claim for a sampled one. ``method`` says in words how the answer was found. ``error`` estimates the absolute
    error of the worst award: rounding for an exact method, the difference between two grids for a grid, the largest
    standard error for a sample.
    """

    values: Array
    standard_error: float | Array
    method: str
    error: float


class LeastSquares(NamedTuple):
    """The program ``min 1/2 x'Qx - linear'x``: Q has ``diagonal`` on its diagonal and ``off_diagonal`` elsewhere."""

    diagonal: float
    off_diagonal: float
    linear: Array


@dataclass(frozen=True, eq=False)
class Reduced:
    """An equivalent problem with an estate of at most half the claims, counted in ``unit``.

    Claims above the estate are cut to it, and when more than half of all is there, what is missing is divided instead
    (``mirrored``: an award is then the cut claim less what the smaller problem gives). Neither changes the answer.
    """

    estate: float
    claims: Array
    cut: Array
    unit: float
    whole: bool
    mirrored: bool

    @classmethod
    def of(cls, estate: float, claims: Array) -> Reduced:
        cut = np.minimum(claims, estate)
        unit = common_unit(np.append(cut, estate))
        if unit is not None:
            cut, estate = np.rint(cut / unit), float(np.rint(estate / unit))
        missing = float(cut.sum()) - estate
        mirrored = missing < estate
        small = max(0.0, missing) if mirrored else estate
        return cls(small, np.minimum(cut, small), cut, unit or 1.0, unit is not None, mirrored)

    def restored(self, awards: Array) -> Array:
        return (self.cut - awards if self.mirrored else awards) * self.unit


def common_unit(amounts: Array) -> float | None:
    """The largest unit of which every amount is a whole multiple, or None when no decimal fraction is one.

    >>> common_unit(np.array([2.5, 10.0, 0.75])), common_unit(np.array([1e6, 3e6])), common_unit(np.array([1 / 3]))
    (0.25, 1000000.0, None)
    """
    for decimals in range(16):
        scaled = amounts * 10.0**decimals
        counts = np.rint(scaled)
        if counts.max(initial=0.0) > 2.0**49:  # beyond, rounding alone makes every amount look whole
            return None
        if np.all(np.abs(scaled - counts) <= 4 * _EPS * scaled):
            return float(np.gcd.reduce(counts.astype(np.int64))) / 10.0**decimals
    return None


def random_arrival(
    estate: float, claims: Array, method: str = "auto", permutations: int = 20_000, seed: int | None = None
) -> ArrivalResult:
    """Divide an estate by random arrival, exactly wherever that can be done in about a second.

    Parameters
    ----------
    estate : amount to divide (L), finite and >= 0; what exceeds all claims stays undivided.
    claims : one entry per claimant (c), in the same unit, >= 0, ``inf`` allowed.
    method : ``auto``, ``dynamic program``, ``enumeration`` (at most 22 claims) or ``sampled``.
    permutations : orders of arrival to sample, each second one the reverse of the one before; used by ``sampled``.
    seed : seed of the sample.

    Raises
    ------
    DataError : NaN, negative or text among the numbers, unknown method, too many claims to enumerate.

    >>> random_arrival(200.0, np.array([100.0, 200.0, 300.0])).values.round(3)
    array([33.333, 83.333, 83.333])
    """
    if method not in METHODS:
        raise unknown("method of random arrival", method, METHODS)
    estate = number(estate, "the estate")
    claims = vector(claims, pd.RangeIndex(len(claims)), "claims", finite=False)
    if estate >= claims.sum():
        return ArrivalResult(claims.copy(), 0.0, "closed form", 0.0)
    values = np.zeros(claims.size)
    if estate == 0.0:
        return ArrivalResult(values, 0.0, "closed form", 0.0)
    if method == "sampled":
        return _sampled(estate, claims, permutations, seed)
    positive = claims > 0
    reduced = Reduced.of(estate, claims[positive])
    if method == "auto":
        method = chosen(reduced)
        if method == "sampled":
            return _sampled(estate, claims, permutations, seed)
    awards, words, error = _enumerated(reduced) if method == "enumeration" else _on_grid(reduced)
    values[positive] = settled(reduced.restored(awards), claims[positive], estate)
    return ArrivalResult(values, 0.0, words, max(error * reduced.unit, claims.size * _EPS * estate))


def least_squares_moments(estate: float, claims: Array) -> LeastSquares:
    r"""The convex program whose solution on the budget is random arrival: additive worths that fit the game best.

    .. math:: \min_x \sum_{\emptyset \ne S \ne N} \binom{n-2}{|S|-1}^{-1} (v(S) - x(S))^2
              \quad\text{s.t.}\quad \textstyle\sum_i x_i = \min(L, \sum_i c_i)

    Divided by :math:`2 (n - 1)` and less a constant the objective is :math:`\tfrac12 x'Qx - b'x` with
    :math:`Q = I + (H - 1) \mathbf 1 \mathbf 1'`, :math:`H = 1 + 1/2 + \dots + 1/(n-1)`, and
    :math:`b_i = \sum_{t=1}^{n-1} \tfrac1t E(L - c(T))^+`, T a random set of t claimants other than i. For up to 22
    claims b comes from the 2^n coalitions, beyond from the distribution of sums by quadrature, on the same grid as
    :func:`random_arrival`. Arguments and errors are those of that function; one claim alone has Q = 1, b = 0.

    Source: Ruiz, Valenciano and Zarzuelo, "The family of least square values", Games and Economic Behavior 24 (1998).

    >>> diagonal, off_diagonal, linear = least_squares_moments(200.0, np.array([100.0, 200.0, 300.0]))
    >>> diagonal, off_diagonal, (linear + (200 - linear.sum()) / 3).round(3)
    (1.5, 0.5, array([33.333, 83.333, 83.333]))
    """
    claims = vector(claims, pd.RangeIndex(len(claims)), "claims", finite=False)
    estate = min(number(estate, "the estate"), float(claims.sum()))
    n = claims.size
    harmonic = sum(1.0 / t for t in range(1, n)) or 1.0
    if n < 2 or estate == 0.0:
        return LeastSquares(harmonic, harmonic - 1.0, np.zeros(n))
    reduced = Reduced.of(estate, claims)
    rest = _rests(reduced) if reduced.estate > 0 else np.zeros(n)
    if reduced.mirrored:
        # v(S) = c(S) - E + (E - c(S))+ with E what is missing; the first two terms have closed-form moments.
        rest += reduced.cut + (harmonic - 1.0) * reduced.cut.sum() - harmonic * reduced.estate
    return LeastSquares(harmonic, harmonic - 1.0, rest * reduced.unit)


def chosen(reduced: Reduced) -> str:
    n = reduced.claims.size
    cells = cells_of(reduced)
    if n <= FEW or (n <= ENUMERABLE and not _is_exact(reduced, cells)):
        return "enumeration"
    return "dynamic program" if _work(n, cells) <= _WORK else "sampled"


def cells_of(reduced: Reduced) -> int:
    """Whole units when they are few enough, else the finest grid within the allowance (the coarsest if none is)."""
    n = int(np.count_nonzero(reduced.claims))
    if reduced.whole and reduced.estate <= _EXACT_CELLS and _work(n, int(reduced.estate)) <= _WORK:
        return int(reduced.estate)
    return next((cells for cells in _GRIDS if _work(n, cells) <= _WORK), _GRIDS[-1])


def _is_exact(reduced: Reduced, cells: int) -> bool:
    return reduced.whole and cells == reduced.estate


def _work(n: int, cells: int) -> float:
    return float(node_count(n) * n * log2(n + 1) * cells)


def node_count(n: int) -> int:
    """Half of n, rounded up, is exact; four times its root leaves no more than rounding (seen up to n = 400)."""
    return min(-(-n // 2), ceil(4 * sqrt(n)))


def _subset_sums(claims: Array) -> Array:
    """The sum of every subset, by bit mask."""
    sums = np.zeros(1 << claims.size)
    for i, claim in enumerate(claims):
        np.add(sums[: 1 << i], claim, out=sums[1 << i : 2 << i])
    return sums


def _enumerated(reduced: Reduced) -> tuple[Array, str, float]:
    n = reduced.claims.size
    if n > ENUMERABLE:
        raise DataError(
            f"{n} positive claims have 2**{n} coalitions; enumeration ends at {ENUMERABLE}: "
            "use method='dynamic program' or 'sampled'"
        )
    sums = _subset_sums(reduced.claims)
    awards = shapley_from_table(np.minimum(reduced.estate, sums, out=sums))
    _, which, counts = np.unique(reduced.claims, return_inverse=True, return_counts=True)
    return (np.bincount(which, weights=awards) / counts)[which], "exact enumeration", 0.0


def _on_grid(reduced: Reduced) -> tuple[Array, str, float]:
    if reduced.estate == 0.0:
        return np.zeros(reduced.claims.size), "exact dynamic program", 0.0
    cells = cells_of(reduced)
    awards = _grid_awards(reduced, cells)
    if _is_exact(reduced, cells):
        return awards, "exact dynamic program", 0.0
    error = float(np.abs(awards - _grid_awards(reduced, cells // 2)).max())
    words = f"dynamic program on a grid of {cells} steps, error about {error * reduced.unit:.0e}"
    return awards, words, error


def _grid_awards(reduced: Reduced, cells: int) -> Array:
    from allocopt.maths.arrival_kernels import Grid, grid_awards

    return grid_awards(Grid.of(reduced.estate, reduced.claims, cells), node_count(reduced.claims.size))


def _rests(reduced: Reduced) -> Array:
    """``sum_t E (E - c(T))+ / t`` for the reduced problem; mirrored, i itself is in T and the sizes run backwards."""
    n = reduced.claims.size
    if n <= ENUMERABLE:
        weights = np.array([0.0, *(1.0 / ((n - s) * comb(n - 1, s - 1)) for s in range(1, n)), 0.0])
        worths = np.maximum(0.0, reduced.estate - _subset_sums(reduced.claims))
        if not reduced.mirrored:
            worths = worths[::-1].copy()  # by the mask of who is left out
        return member_sums(blocks_of(worths), n, weights)[0].astype(np.float64)
    from allocopt.maths.arrival_kernels import Grid, grid_rests

    grid = Grid.of(reduced.estate, reduced.claims, cells_of(reduced))
    return grid_rests(grid, node_count(n) + 1, without_own=reduced.mirrored)  # other times than the awards are found at


def _sampled(estate: float, claims: Array, permutations: int, seed: int | None) -> ArrivalResult:
    cut = np.minimum(claims, estate)

    def awards(orders: Orders) -> Array:
        paid = np.minimum(estate, np.cumsum(cut[orders], axis=1))
        return np.diff(paid, axis=1, prepend=0.0)

    pairs = int(number(permutations, "permutations", low=4)) // 2
    values, standard_error = shapley_by_orders(awards, cut.size, pairs, np.random.default_rng(seed))
    words = f"sampled, {2 * pairs} permutations"
    return ArrivalResult(settled(values, claims, estate), standard_error, words, float(standard_error.max()))


def settled(awards: Array, claims: Array, estate: float | Array) -> Array:
    """Take the last roundings out of awards that are right but for those: within the claims, and adding up.

    Of one estate, or of many in rows with an estate (rows, 1) each.
    """
    inside = np.clip(awards, 0.0, claims)
    # Awards at a bound stay there; the others move in proportion to the distance to both.
    slack = inside * (1.0 - inside / np.maximum(claims, np.finfo(np.float64).tiny))
    room = slack.sum(axis=-1, keepdims=True)
    off = estate - inside.sum(axis=-1, keepdims=True)
    inside += np.divide(off, room, out=np.zeros_like(room), where=room > 0) * slack
    return np.clip(inside, 0.0, claims)
