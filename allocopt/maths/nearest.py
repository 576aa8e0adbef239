r"""The point of a polytope with very many sides that is nearest to another point: sides join one at a time.

.. math:: \min_x \tfrac12 \sum_i \frac{(x_i - r_i)^2}{w_i} \quad\text{s.t.}\quad x(N) = T,\quad a \cdot x \ge b

A dual active-set method: it starts at the nearest point with the right sum and brings in the most violated side, found
by an oracle that looks at all of them. Every step raises the distance, so no set of sides comes twice and the method
ends; sides that are let go have lost their multiplier. When the last side cannot be met by moving along the others, it
is a combination of them that they contradict, which is the proof that there is no point.

Source: Goldfarb and Idnani, "A numerically stable dual method for solving strictly convex quadratic programs",
Mathematical Programming 27 (1983).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allocopt.errors import SolverError

Array = NDArray[np.float64]

_STEPS = 10_000
_DEPENDENT = 1e-10  # a side whose part across the others is below this fraction of it runs along them
_MET = 1e-11  # fraction of the amounts by which a side may be missed: rounding


class Side(NamedTuple):
    """One side :math:`a \\cdot x \\ge b` with a key."""

    key: int
    normal: Array
    bound: float


class Nearest(NamedTuple):
    """The point and the multipliers of its sides by key; or, with ``x`` None, weights of sides that contradict the sum.

    ``total`` is the multiplier of the sum. ``feasibility`` and ``stationarity`` are the largest miss of a side and the
    largest difference between the pull to the reference and the push of the sides, in units of the amounts.
    """

    x: Array | None
    multipliers: dict[int, float]
    total: float
    feasibility: float = 0.0
    stationarity: float = 0.0


def nearest(reference: Array, weights: Array, total: float, violated: Callable[[Array], list[Side]]) -> Nearest:
    """The nearest point; ``violated(x)`` lists sides with what they miss, the worst first, met ones last or not at all.

    >>> def at_least_two(x):
    ...     return [Side(0, np.array([1.0, 0.0]), 2.0)]
    >>> nearest(np.array([1.0, 1.0]), np.ones(2), 3.0, at_least_two).x
    array([2., 1.])
    """
    stretch = np.sqrt(weights)
    scale = max(float(np.abs(reference).max(initial=0.0)), abs(total), 1e-300)
    normals = stretch[:, None].copy()  # the sum first: it stays
    keys: list[int] = [-1]
    sides: dict[int, Side] = {}
    reach = (total - reference.sum()) / float(stretch @ stretch)
    z = reach * stretch
    multipliers = np.array([reach])
    for _ in range(_STEPS):
        x = reference + stretch * z
        side = next((s for s in violated(x) if s.bound - s.normal @ x > _MET * scale), None)
        if side is None:
            return _polished(reference, stretch, total, keys, sides, normals, scale)
        new, gain = stretch * side.normal, 0.0
        while True:
            along = np.linalg.lstsq(normals, new, rcond=None)[0]
            across = new - normals @ along
            free = float(across @ across) > (_DEPENDENT * float(np.linalg.norm(new))) ** 2
            missing = side.bound - float(side.normal @ (reference + stretch * z))
            full = missing / float(across @ across) if free else np.inf
            losing = np.flatnonzero(along[1:] > 1e-12) + 1
            ratios = multipliers[losing] / along[losing]
            first = float(ratios.min(initial=np.inf))
            step = min(full, first)
            if not np.isfinite(step):
                weights_of = {key: -float(r) for key, r in zip(keys[1:], along[1:], strict=True) if r < -1e-10}
                return Nearest(None, {side.key: 1.0, **weights_of}, float(along[0]))
            multipliers = multipliers - step * along
            gain += step
            if free:
                z = z + step * across
            if step == full:
                break
            gone = int(losing[np.argmin(ratios)])
            keys.pop(gone)
            normals, multipliers = np.delete(normals, gone, axis=1), np.delete(multipliers, gone)
        keys.append(side.key)
        sides[side.key] = side
        normals, multipliers = np.column_stack((normals, new)), np.append(multipliers, gain)
    raise SolverError(f"the nearest point was not found in {_STEPS} steps; round the amounts")


def _polished(
    reference: Array, stretch: Array, total: float, keys: list[int], sides: dict[int, Side], normals: Array,
    scale: float,
) -> Nearest:  # fmt: skip
    """Solve once more for the point from the sides that bind, and say how well it stands."""
    bounds = np.array([total - reference.sum(), *(sides[k].bound - sides[k].normal @ reference for k in keys[1:])])
    z = np.linalg.lstsq(normals.T, bounds, rcond=None)[0]
    found = reference + stretch * z
    pushes = np.linalg.lstsq(normals, z, rcond=None)[0]
    missed = float(np.abs(normals.T @ z - bounds).max()) / scale
    push = float(np.abs(stretch * (z - normals @ pushes)).max(initial=0.0)) / scale
    prices = {key: float(price) for key, price in zip(keys[1:], pushes[1:], strict=True)}
    return Nearest(found, prices, float(pushes[0]), missed, push)
