"""Amounts in whole lots: as much as lots make up, then as near as they come to what is fair; exact, or with a bound."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from allocopt.errors import DataError, SolverError

Array = NDArray[np.float64]

_COUNTABLE = 10**9  # units of the common measure in one amount: beyond this a solver's tolerance hides a unit
_SECONDS = 60.0  # after which the best division so far is given with the gap that is then proven
_SLACK = 1e-6  # of a unit: HiGHS stops within this of an integer and of its bound
_BITS = Fraction(1, 10**12)  # of a count: sums and products of decimals are off by this much at most


def _fair(Q: float, q: Array) -> Array:
    """The pro-rata quantities that lots try to meet."""
    total = float(q.sum())
    return q * (min(Q, total) / total) if total > 0 else q


def _whole(count: Fraction) -> int:
    """Whole lots in a count; the last bits of a float decide nothing (0.1 added up ten times holds ten lots)."""
    near = round(count)
    return near if abs(count - near) <= _BITS * max(near, 1) else math.floor(count)


def _held(amount: float, lot: float) -> int:
    """How many lots an amount holds, read as the decimals that were written (0.3 holds three lots of 0.1)."""
    return _whole(Fraction(repr(amount)) / Fraction(repr(lot)))


def one_size(Q: float, q: Array, lot: float, fair: Array | None = None) -> Array:
    """Largest remainders, in exact fractions: with lots of one size no division is nearer to what is fair.

    Every lot goes where the next one is most overdue. That is least both in squares and in sizes of the distance: the
    two price a lot that rounds up by its remainder, and any lot beyond that higher.
    """
    held = [Fraction(repr(amount)) / Fraction(repr(lot)) for amount in q.tolist()]
    quantity, total = Fraction(repr(Q)) / Fraction(repr(lot)), sum(held)
    rate = min(quantity / total, Fraction(1)) if total else Fraction(0)
    near = [rate * amount for amount in held]
    if fair is not None:
        near = [Fraction(repr(amount)) / Fraction(repr(lot)) for amount in fair.tolist()]
    room = [_whole(amount) for amount in held]
    count = [min(math.floor(amount), top) for amount, top in zip(near, room, strict=True)]
    missing = min(_whole(quantity), sum(room)) - sum(count)
    while missing > 0:
        able = sorted((i for i in range(len(q)) if count[i] < room[i]), key=lambda i: count[i] - near[i])
        for i in able[:missing]:
            count[i] += 1
        missing -= len(able[:missing])
    return np.array(count, dtype=np.float64) * lot


def mixed(Q: float, q: Array, lot: Array, fair: Array | None = None) -> tuple[Array, float]:
    """Two integer programs in whole units of a common measure: least left over, then least distance to what is fair.

    Returns the amounts and the proven gap: by how much of the quantity a better division could still beat this one.
    """
    sizes, whole, measure = _common(lot.tolist(), Q)
    most = [_held(amount, size) for amount, size in zip(q.tolist(), lot.tolist(), strict=True)]
    near = (_fair(Q, q) if fair is None else fair) / float(measure)
    capacity = sum(size * count for size, count in zip(sizes, most, strict=True))
    gap = 0.0
    if capacity <= whole:
        count = most
    elif not whole:
        count = [0] * len(sizes)
    else:
        count, bound = _solve(-np.array(sizes, dtype=np.float64), sizes, most, (0, whole))
        reached = _closed(sizes, count)
        gap = max(math.floor(-bound + _SLACK) - reached, 0) / whole
        count, short = _nearest(sizes, most, near, reached)
        gap = max(gap, short / whole)
    if _closed(sizes, count) > whole or any(c > top for c, top in zip(count, most, strict=True)):
        raise SolverError("HiGHS gave more lots than there are; state quantities in a coarser unit")
    closed = np.array([float(size * c) for size, c in zip(sizes, count, strict=True)]) * float(measure)
    return closed, gap


def _closed(sizes: list[int], count: list[int]) -> int:
    return sum(size * c for size, c in zip(sizes, count, strict=True))


def _nearest(sizes: list[int], most: list[int], fair: Array, total: int) -> tuple[list[int], float]:
    """The lots nearest to the fair quantities, and how far from the least distance they may be.

    The distance is convex in the lots: it falls by a lot's size for every lot below the fair quantity, changes by less
    for the one that passes it, and rises by the size beyond. So three groups of lots, each at its own cost.
    """
    size, top = np.array(sizes, dtype=np.float64), np.array(most, dtype=np.float64)
    under = np.minimum(np.floor(fair / size), top)
    past = np.minimum(top - under, 1.0)
    passing = np.abs(size * (under + 1) - fair) - np.abs(size * under - fair)
    cost = np.concatenate((-size, passing, size))
    room = np.concatenate((under, past, top - under - past))
    lots, bound = _solve(cost, sizes * 3, room.astype(int).tolist(), (total, total))
    count = np.array(lots).reshape(3, len(sizes)).sum(axis=0)
    distance = float(np.abs(size * count - fair).sum())
    short = max(distance - float(fair.sum()) - bound, 0.0)
    return count.tolist(), short if short > _SLACK * max(1.0, float(fair.sum())) else 0.0


def _common(lot: list[float], Q: float) -> tuple[list[int], int, Fraction]:
    """Lots and quantity as integers of the largest measure that divides every lot, read to the digits a float keeps."""
    exact = [Fraction(f"{size:.15g}") for size in lot]
    below = math.lcm(*(size.denominator for size in exact))
    measure = Fraction(math.gcd(*(int(size * below) for size in exact)), below)
    whole = _whole(Fraction(repr(Q)) / measure)
    if whole > _COUNTABLE:
        raise DataError(
            f"the lots have the common measure {float(measure):g}, and {Q:,.6g} is {whole:,} of it, too many to count "
            "exactly; round the lots to a coarser measure"
        )
    return [int(size / measure) for size in exact], whole, measure


def _solve(cost: Array, sizes: list[int], most: list[int], total: tuple[int, int]) -> tuple[list[int], float]:
    """The cheapest lots whose sizes sum to a total in this range, and the bound that HiGHS proves for their cost."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    found = milp(
        cost, integrality=np.ones(len(cost)), bounds=Bounds(0.0, np.array(most, dtype=np.float64)),
        constraints=[LinearConstraint(np.array(sizes, dtype=np.float64)[None], *total)],
        options={"mip_rel_gap": 0.0, "time_limit": _SECONDS},
    )  # fmt: skip
    if found.x is None:
        raise SolverError(f"HiGHS gave no division into lots ({found.message}); state quantities in a coarser unit")
    return np.rint(found.x).astype(int).tolist(), float(found.mip_dual_bound)
