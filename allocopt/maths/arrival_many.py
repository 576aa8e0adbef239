"""Random arrival of many estates among the same claims: who comes before whom does not depend on what is divided.

With :math:`B` the claims of those who come before, an award is
:math:`E \\min(c, (e - B)^+) = G(e) - G(e - c)`, where :math:`G(z) = E (z - B)^+` is the same function for every estate
:math:`e`. So one pass over the grid answers for all estates of one size, down to half of the largest.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from allocopt.facts.checks import Array
from allocopt.maths.arrival import Reduced, cells_of, chosen, node_count, settled


def many_arrivals(estates: Array, claims: Array) -> Array | None:
    """The awards of every claim under every estate, (estates, claims), or None where each estate is found at once.

    ``estates`` and ``claims`` are >= 0, claims may be ``inf``; what exceeds all claims stays undivided. Estates above
    half of all claims are divided as what is missing, which changes nothing; on the grid of the largest of a group an
    estate of half its size has an error of about four times the largest's.

    >>> many_arrivals(np.array([0.0, 400.0, 410.0, 900.0]), np.arange(1.0, 41.0))[:, -1].round(4).tolist()
    [0.0, 19.5041, 20.0, 40.0]
    """
    most = float(estates.max(initial=0.0))
    cut = np.minimum(claims, most)
    total = float(cut.sum())
    if chosen(Reduced.of(total / 2, cut[cut > 0])) != "dynamic program":
        return None
    out = np.zeros((len(estates), claims.size))
    missing = np.maximum(total - estates, 0.0)
    mirrored = missing < estates
    small = np.where(mirrored, missing, estates)
    while (small > 0).any():
        largest = float(small.max())
        group = np.flatnonzero(small > largest / 2)
        out[group] = _one_size(small[group], cut, largest)
        small[group] = 0.0
    out[mirrored] = cut - out[mirrored]
    return settled(out, cut, np.minimum(estates, total)[:, None])


def _one_size(estates: Array, claims: Array, largest: float) -> Array:
    from allocopt.maths.arrival_kernels import Grid, grid_masses

    positive = claims > 0
    counted = Reduced.of(largest, claims[positive])
    exact = counted.whole and np.array_equal(np.rint(estates / counted.unit) * counted.unit, estates)
    cells = cells_of(counted if exact else replace(counted, whole=False))
    grid = Grid.of(largest, np.minimum(claims[positive], largest), cells)
    masses = grid_masses(grid, node_count(int(positive.sum())))
    # G at the points of the grid: every term is positive, so the sums of sums lose nothing.
    expected = np.zeros((len(masses), cells + 1))
    expected[:, 1:] = np.cumsum(np.cumsum(masses, axis=1), axis=1)
    at = estates / grid.step
    awards = _between(expected, np.broadcast_to(at, (len(masses), len(at))))
    awards -= _between(expected, at - grid.size[:, None])
    out = np.zeros((len(estates), claims.size))
    out[:, positive] = awards[grid.which].T * grid.step
    return out


def _between(values: Array, at: Array) -> Array:
    """Rows of ``values`` at 0, 1, 2, ... read at points between by straight lines; nothing below 0."""
    low = np.clip(np.floor(at), 0, values.shape[1] - 2).astype(np.intp)
    left, right = (np.take_along_axis(values, low + k, axis=1) for k in (0, 1))
    return np.asarray(np.where(at > 0, left + (right - left) * (at - low), 0.0))
