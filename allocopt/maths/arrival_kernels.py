"""Random arrival on a grid: how a capped sum is distributed when one claim is left out, for every claim (compiled).

The kernel walks a plan, a list of steps ``(depth, first, last, leaf)``: take the distribution that
stands at ``depth - 1``, let in the members ``first .. last - 1``, keep the result at ``depth``, and, when ``leaf`` is
not negative, price that claim against it. Halving the claims again and again gives every leave-one-out distribution
with n log n admissions; nothing is ever taken out again, so there is no subtraction and no cancellation. Asked about
a few claims, a plan admits every other claim only once or twice.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from allocopt.facts.checks import Array

Whole = NDArray[np.int64]

# Far below any probability that shows in a float64 answer, far above the denormal range, where arithmetic is slow.
_NEGLIGIBLE = 1e-250

# Cells filled below which a second thread would cost about as much as it saves, some ten milliseconds of work.
_LONG = 10_000_000


@dataclass(frozen=True, eq=False)
class Grid:
    """Claims as whole steps plus a fraction; a claim between two points is one or the other, right on average.

    The random split leaves every mean as it is, so the awards still add up to the estate, and moves them by an amount
    of second order in the step. Equal claims share a level; ``members`` names the level of each, in rising order.
    """

    cells: int
    step: float
    whole: Whole
    fraction: Array
    members: NDArray[np.intp]
    which: NDArray[np.intp]
    plan: Whole

    @classmethod
    def of(cls, estate: float, claims: Array, cells: int, rows: Any = slice(None)) -> Grid:
        """The grid for all claims, asked about those in ``rows``."""
        levels, which, counts = np.unique(claims, return_inverse=True, return_counts=True)
        size = levels / estate * cells  # in this order a claim on all of the estate is exactly ``cells`` steps
        whole = np.floor(size)
        members = np.repeat(np.arange(levels.size), counts)
        asked = np.zeros(levels.size, dtype=np.bool_)
        asked[which[rows]] = True
        return cls(cells, estate / cells, whole.astype(np.int64), size - whole, members, which, _plan(counts, asked))

    @property
    def size(self) -> Array:
        """Each level in steps."""
        return self.whole + self.fraction

    def back(self, levels: Array) -> Array:
        """From steps by level to amounts by claim."""
        return np.asarray(levels[self.which] * self.step)


def grid_awards(grid: Grid, node_count: int) -> Array:
    """The random-arrival award of each claim that the grid asks about, by quadrature over the time of arrival."""
    times, weights = _quadrature(node_count)
    whole, fraction = grid.whole[grid.members], grid.fraction[grid.members]
    none = np.zeros(times.size)
    return grid.back(_in_halves(grid, whole, fraction, grid.size, times, weights, none, True))


def grid_masses(grid: Grid, node_count: int) -> Array:
    """How the capped sum of those who come before it is distributed, for each level: (levels, cells).

    A row sums to one less what is beyond the last cell.
    """
    times, weights = _quadrature(node_count)
    whole, fraction = grid.whole[grid.members], grid.fraction[grid.members]
    none = np.zeros(times.size)
    return _in_halves(grid, whole, fraction, grid.size, times, weights, none, True, masses=True)


def grid_rests(grid: Grid, node_count: int, *, without_own: bool) -> Array:
    r"""``sum_t E (estate - c(T))+ / t`` over random sets T of t = 1, 2, ... other claims, for each claim.

    With independent coins of probability p, :math:`\int_0^1 P(|T| = t) \, dp / p` is :math:`1 / t` for every
    :math:`t \ge 1`; the empty set, which would weigh infinitely much, is taken off. ``without_own`` takes the claim
    itself off the estate as well, and counts the others that are *not* in T; then it is the set of all others that is
    left out, and it leaves nothing of an estate of at most half of all claims.
    """
    times, weights = _quadrature(node_count)
    whole, fraction = grid.whole[grid.members], grid.fraction[grid.members]
    if without_own:
        own, scaled, empty = grid.size, weights / (1.0 - times), np.zeros(times.size)
    else:
        own, scaled = np.zeros(grid.whole.size), weights / times
        empty = grid.cells * (1.0 - times) ** (grid.members.size - 1)
    return grid.back(_in_halves(grid, whole, fraction, own, times, scaled, empty, False))


def _in_halves(
    grid: Grid, whole: Whole, fraction: Array, sizes: Array, times: Array, weights: Array, less: Array, awards: bool,
    *, masses: bool = False,
) -> Array:  # fmt: skip
    """The sum of :func:`_over_time` over every other time and over the rest, on two processors when it is long."""

    def part(first: int) -> Array:
        at, by, off = (v[first::2].copy() for v in (times, weights, less))
        room = np.zeros((sizes.size, grid.cells) if masses else (0, 0))
        found: Array = _over_time(grid.plan, whole, fraction, sizes, grid.cells, at, by, off, awards, room)
        return room if masses else found

    if len(grid.plan) * grid.cells * times.size < _LONG:
        return part(0) + part(1)
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(part, (0, 1))
    return np.asarray(one + other)


def _quadrature(node_count: int) -> tuple[Array, Array]:
    """Points and weights on the unit interval."""
    nodes, weights = np.polynomial.legendre.leggauss(node_count)
    return (nodes + 1) / 2, weights / 2


def _plan(counts: NDArray[np.intp], asked: NDArray[np.bool_]) -> Whole:
    """The steps for members sorted by level, ``counts[k]`` of them on level k, one leaf per level that is asked
    about."""
    ends = np.append(0, np.cumsum(counts)).tolist()
    wanted = np.append(0, np.cumsum(asked)).tolist()
    steps: list[list[int]] = []

    def halve(first: int, last: int, depth: int) -> None:
        if last - first == 1:
            steps.append([depth + 1, ends[first], ends[last] - 1, first])
            return
        middle = (first + last) // 2
        for keep, admit in (((first, middle), (middle, last)), ((middle, last), (first, middle))):
            if wanted[keep[1]] > wanted[keep[0]]:
                steps.append([depth + 1, ends[admit[0]], ends[admit[1]], -1])
                halve(*keep, depth + 1)

    halve(0, len(counts), 0)
    return np.array(steps, dtype=np.int64)


@njit(cache=True, error_model="numpy", fastmath={"contract"})
def _admit(stay: Array, come: Array, out: Array, out_weight: float, whole: int, lower: float, upper: float) -> None:
    """``out[m] = out_weight stay[m] + lower come[m - whole] + upper come[m - whole - 1]`` on the cells of the grid."""
    cells = stay.size
    for m in range(min(whole, cells)):
        out[m] = out_weight * stay[m]
    if whole >= cells:
        return
    out[whole] = out_weight * stay[whole] + lower * come[0]
    # Four equally long slices and one index: with offsets inside the brackets the loop is not vectorised.
    head, kept, near, far = out[whole + 1 :], stay[whole + 1 :], come[1:], come
    for m in range(head.size):
        mass = out_weight * kept[m] + lower * near[m] + upper * far[m]
        head[m] = mass if mass > _NEGLIGIBLE else 0.0


@njit(cache=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _expected_award(mass: Array, size: float) -> float:
    """``E min(size, (cells - B)+)`` for the capped sum B; both in steps of the grid."""
    total = 0.0
    for m in range(mass.size):
        total += mass[m] * min(size, float(mass.size - m))
    return total


@njit(cache=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _expected_rest(mass: Array, size: float) -> float:
    """``E (cells - size - B)+`` for the capped sum B; both in steps of the grid."""
    total = 0.0
    for m in range(mass.size):
        total += mass[m] * max(0.0, mass.size - size - m)
    return total


@njit(cache=True, error_model="numpy", nogil=True)
def _over_time(
    plan: Whole, whole: Whole, fraction: Array, sizes: Array, cells: int, times: Array, weights: Array, less: Array,
    awards: bool, masses: Array,
) -> Array:  # fmt: skip
    """One entry per leaf, a weighted sum over times t of what the other members leave, each there with probability t.

    With B the capped sum of those who are there, it is ``E min(size_i, (cells - B)+)`` (``awards``), else
    ``E (cells - size_i - B)+``, less what ``less`` says of that time. Where there is room in ``masses``, the
    distribution of B is added up there instead. A member of ``whole + fraction`` steps counts ``whole`` with
    probability ``1 - fraction``, else ``whole + 1``.
    """
    depths = plan[:, 0].max() + 1
    mass = np.zeros((depths, 2, cells))
    side = np.zeros(depths, np.int64)
    out = np.zeros(sizes.size)
    for a in range(times.size):
        t = times[a]
        mass[0, 0, 0] = 1.0
        for step in range(plan.shape[0]):
            depth, first, last, leaf = plan[step]
            now = mass[depth - 1, side[depth - 1]]
            if first == last:
                mass[depth, 0, :] = now
                side[depth] = 0
            for j in range(first, last):
                turn = (j - first) % 2
                fresh = mass[depth, turn]
                _admit(now, now, fresh, 1.0 - t, whole[j], t * (1.0 - fraction[j]), t * fraction[j])
                now = fresh
                side[depth] = turn
            if leaf >= 0 and masses.size:
                for m in range(cells):
                    masses[leaf, m] += weights[a] * now[m]
            elif leaf >= 0:
                expected = _expected_award(now, sizes[leaf]) if awards else _expected_rest(now, sizes[leaf])
                out[leaf] += weights[a] * (expected - less[a])
    return out
