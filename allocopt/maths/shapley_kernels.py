"""The sums every semivalue is made of, from a table of worths that stands in memory: one parallel read (compiled)."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from allocopt.facts.checks import Array

# 2^10 worths are 8 KiB: a row and the rows it is added to stay in the first- and second-level cache.
ROW_BITS = 10

# Parts of the table that are added up apart, on as many threads as there are. A fixed number, so that the last digits
# do not depend on the machine.
_PARTS = 8


def table_sums(values: Array, n: int, weights: Array) -> tuple[Array, Array]:
    """What :func:`allocopt.maths.shapley.member_sums` reads off a table, before it is folded.

    Returns the worths added up over all rows whose high bits name equally many players, shape (n - ROW_BITS + 1,
    2^ROW_BITS), and the weighted total of each row, length 2^(n - ROW_BITS). ``n`` is at least ROW_BITS + 3. Rows are
    added up in groups and then the groups, so that no entry is the sum of more than a few hundred terms one after the
    other: the rounding of many equal worths is one-sided.
    """
    sizes = np.bitwise_count(np.arange(1 << ROW_BITS)).astype(np.intp)
    high = n - ROW_BITS
    weight = np.ascontiguousarray(weights[sizes + np.arange(high + 1)[:, None]])
    rows = values.reshape(-1, 1 << ROW_BITS)
    rows.flags.writeable = False  # one type of argument, one compilation
    added = np.zeros((_PARTS, high + 1, 1 << ROW_BITS))
    weighed = np.empty(1 << high)
    _read(rows, weight, (high - 3) // 2, added, weighed)
    return added.sum(axis=0), weighed


@njit(parallel=True, cache=True)
def _read(rows: Array, weight: Array, group_bits: int, added: Array, weighed: Array) -> None:  # pragma: no cover
    group = 1 << group_bits
    groups = len(rows) // group
    parts = len(added)
    for part in prange(parts):
        together = np.zeros((group_bits + 1, rows.shape[1]))
        for g in range(part * groups // parts, (part + 1) * groups // parts):
            above = _count(g)
            together[:] = 0.0
            for within in range(group):
                row = g * group + within
                inside = _count(within)
                weighed[row] = _take(rows[row], together[inside], weight[above + inside])
            for inside in range(group_bits + 1):
                added[part, above + inside] += together[inside]


@njit(cache=True, fastmath={"reassoc", "contract"})
def _take(row: Array, together: Array, weight: Array) -> float:  # pragma: no cover - compiled
    """Add a row to its like and weigh it; several sums run side by side, so none is long."""
    total = 0.0
    for k in range(row.size):
        worth = row[k]
        together[k] += worth
        total += weight[k] * worth
    return total


@njit(cache=True)
def _count(mask: int) -> int:  # pragma: no cover - compiled
    count = 0
    while mask:
        mask &= mask - 1
        count += 1
    return count
