"""The random-arrival awards of a few claims, when nobody asks for the others: one look at those in their way each.

Every award of n claims takes n log n admissions to the grid, one award only n. The grid is that of all awards, so what
is found is the same number but for rounding; a probe that changes one claim and asks what it is awarded now costs a
tenth of all awards.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allocopt.facts.checks import Array
from allocopt.maths.arrival import Reduced, cells_of, chosen, node_count


def some_arrivals(estate: float, claims: Array, rows: NDArray[np.intp]) -> Array | None:
    """The awards of the claims in ``rows``, or None where finding all of them is as quick.

    ``estate`` is above zero and below the sum of the claims, which are >= 0, ``inf`` allowed.

    >>> some_arrivals(400.0, np.arange(1.0, 41.0), np.array([0, 39])).round(4)
    array([ 0.4882, 19.5041])
    """
    from allocopt.maths.arrival_kernels import Grid, grid_awards

    positive = claims > 0
    reduced = Reduced.of(estate, claims[positive])
    if chosen(reduced) != "dynamic program":
        return None
    if reduced.estate == 0.0:
        awards = np.zeros(int(positive.sum()))
    else:
        asked = np.cumsum(positive)[rows[positive[rows]]] - 1
        grid = Grid.of(reduced.estate, reduced.claims, cells_of(reduced), asked)
        awards = grid_awards(grid, node_count(reduced.claims.size))
    values = np.zeros(claims.size)
    values[positive] = reduced.restored(awards)
    return np.asarray(np.clip(values[rows], 0.0, claims[rows]))
