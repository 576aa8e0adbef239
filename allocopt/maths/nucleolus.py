r"""The division whose largest excess is as small as it can be, then the second largest, and so on: a chain of programs.

Level k of the chain is the linear program

.. math:: t_k = \min t \quad\text{s.t.}\quad a \cdot x + w t \ge b \ \text{ (rows not settled)},\quad
   a \cdot x + w\, t_j = b \ \text{ (rows settled at level } j < k),\quad x(N) = v(N),\ x \ge f

with one row per coalition (or pair of coalitions). A row with a positive multiplier is tight at every optimal x
(complementarity), so it is settled at :math:`t_k`; so is a floor :math:`x_i \ge f_i`. The multipliers of the rows
sum to 1, so every level settles a row that was not yet determined and there are at most n - 1 levels. Rows enter only
when an oracle that looks at all of them finds them violated; rows that are determined by the settled ones are told by a
random vector that is orthogonal to the settled rows: its product with a row is 0 exactly when the row is one of them.

Source: Kopelowitz, "Computation of the kernels of simple games and the nucleolus of n-person games" (1967); Maschler,
Peleg and Shapley, "Geometric properties of the kernel, nucleolus, and related solution concepts" (1979).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from allocopt.errors import SolverError

Array = NDArray[np.float64]

# Both are fractions of the largest amount in play. The solver keeps its own rows to FEASIBLE, so a row that is violated
# by less than VIOLATED might be in the program already; the settled rows are solved once more at the end.
FEASIBLE = 1e-10
VIOLATED = 1e-9

# A multiplier below this could be dust; the largest of at most a few hundred that sum to 1 is far above it.
POSITIVE = 1e-7

# Rounding of a product with the random vector is near 1e-15; one of 2^25 rows comes this close by chance once in 1,000.
APART = 1e-11


# Gaps below this fraction of the amounts are rounding: they are not blown up to the size of one.
_NOISE = 1e-12


class Rows(NamedTuple):
    """Rows :math:`a \\cdot x + w t \\ge b`: a key for each, coefficients (one line each), bounds and weights."""

    keys: list[int]
    coefficients: Array
    bounds: Array
    weights: Array


class Level(NamedTuple):
    """The largest excess among what was not yet settled, and what it settles: rows by key, floors by position."""

    excess: float
    rows: tuple[int, ...]
    multipliers: Array
    floors: tuple[int, ...]
    floor_multipliers: Array


class Solved(NamedTuple):
    """The division, the levels that lead to it, and how much was looked at."""

    x: Array
    levels: tuple[Level, ...]
    rows: int
    passes: int


# Called with x, t, a tolerance, a vector and a margin: the rows that are violated by more than the tolerance and whose
# product with the vector is beyond the margin, the most violated first.
Oracle = Callable[[Array, float, float, Array, float], Rows]


def nucleolus(
    first: Rows, oracle: Oracle, total: float, floors: Array | None, relative: bool = False, levels: int | None = None
) -> Solved:
    """Solve the chain over all x with sum ``total`` and ``floors`` (None: no floors), starting from the rows ``first``.

    ``relative`` says that weights are amounts, so that t is a pure number. ``levels`` stops early, after so many.
    """
    n = first.coefficients.shape[1]
    if n == 0:
        return Solved(np.zeros(0), (), 0, 0)
    chain = _Chain(first, total, floors, relative)
    found: list[Level] = []
    passes = 0
    x = chain.origin
    rng = np.random.default_rng(0)
    while chain.rank < n and (levels is None or len(found) < levels):
        apart = np.asarray(rng.standard_normal(n))
        for _ in range(2):  # twice, or the rounding of the first projection stays
            apart = apart - chain.basis @ (chain.basis.T @ apart)
        apart = apart / np.abs(apart).max()
        while True:
            x, t = chain.minimise()
            passes += 1
            violated = oracle(x, t, VIOLATED * chain.t_unit, apart, APART)
            if not chain.add(violated):
                break
        found.append(chain.settle())
    if chain.rank < n:
        return Solved(x, tuple(found), len(chain.keys), passes)
    resolved, excesses = chain.resolved()
    done = tuple(level._replace(excess=float(excess)) for level, excess in zip(found, excesses, strict=True))
    return Solved(resolved, done, len(chain.keys), passes)


class _Chain:
    """The linear program in its solver: scaled rows, which of them are settled, and the space they span."""

    def __init__(self, first: Rows, total: float, floors: Array | None, relative: bool) -> None:
        import highspy

        n = first.coefficients.shape[1]
        self.n, self.total, self.floors = n, total, floors
        start = np.zeros(n) if floors is None else floors
        self.origin = start + (total - start.sum()) / n
        gaps = first.bounds - first.coefficients @ self.origin
        spread = 0.0 if floors is None else float(np.abs(self.origin - floors).max())
        amount = max(float(np.abs(first.bounds).max(initial=0.0)), abs(total))
        self.unit = max(float(np.abs(gaps).max(initial=0.0)), spread)
        if self.unit <= _NOISE * amount:
            self.unit = amount or 1.0
        self.t_unit = 1.0 if relative else self.unit
        self.inf = highspy.kHighsInf
        self.optimal = highspy.HighsModelStatus.kOptimal
        self.highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        for option, value in (
            ("output_flag", False), ("threads", 1), ("presolve", "off"), ("solver", "simplex"),
            ("primal_feasibility_tolerance", FEASIBLE), ("dual_feasibility_tolerance", FEASIBLE),
        ):  # fmt: skip
            self.highs.setOptionValue(option, value)
        low = np.full(n + 1, -self.inf)
        if floors is not None:
            low[:n] = (floors - self.origin) / self.unit
        self.highs.addVars(n + 1, low, np.full(n + 1, self.inf))
        self.highs.changeColCost(n, 1.0)
        self.highs.addRow(0.0, 0.0, n, np.arange(n, dtype=np.int32), np.ones(n))
        self.keys: list[int] = []
        self.known: set[int] = set()
        self.rows = np.zeros((0, n))
        self.bounds, self.weights = np.zeros(0), np.zeros(0)
        self.open = np.zeros(0, dtype=np.bool_)
        self.open_floors = np.full(n, floors is not None)
        self.settled: list[tuple[list[int], list[int]]] = []
        self.basis = np.full((n, 1), n**-0.5)
        self.add(first)

    @property
    def rank(self) -> int:
        return int(self.basis.shape[1])

    def add(self, rows: Rows) -> bool:
        """Put the rows that are new into the program; whether there were any."""
        new = [k for k, key in enumerate(rows.keys) if key not in self.known]
        if not new:
            return False
        keys = [rows.keys[k] for k in new]
        coefficients, bounds, weights = rows.coefficients[new], rows.bounds[new], rows.weights[new]
        self.known.update(keys)
        self.keys += keys
        size = weights * self.t_unit
        body = np.column_stack((coefficients * (self.unit / size)[:, None], np.ones(len(new))))
        at, column = np.nonzero(body)
        starts = np.searchsorted(at, np.arange(len(new))).astype(np.int32)
        low = (bounds - coefficients @ self.origin) / size
        self.highs.addRows(
            len(new), low, np.full(len(new), self.inf), len(at), starts, column.astype(np.int32), body[at, column]
        )
        self.rows = np.vstack((self.rows, coefficients))
        self.bounds, self.weights = np.append(self.bounds, bounds), np.append(self.weights, weights)
        self.open = np.append(self.open, np.ones(len(new), dtype=np.bool_))
        return True

    def minimise(self) -> tuple[Array, float]:
        """Solve the program as it stands: the division and the level, in the caller's units."""
        self.highs.run()
        status = self.highs.getModelStatus()
        if status != self.optimal:
            raise SolverError(
                f"HiGHS stopped with {self.highs.modelStatusToString(status)!r} at level {len(self.settled) + 1} of "
                "the nucleolus; worths that differ by less than a billionth of the largest cannot be told apart: "
                "round them, or take the differences to what the players cost alone"
            )
        values = np.asarray(self.highs.getSolution().col_value)
        return self.origin + self.unit * values[: self.n], float(values[self.n]) * self.t_unit

    def settle(self) -> Level:
        """Fix every row and floor with a positive multiplier at the level, and let go of what they determine."""
        solution = self.highs.getSolution()
        t = float(solution.col_value[self.n])
        duals = np.asarray(solution.row_dual)[1:]
        slopes = np.asarray(solution.col_dual)[: self.n]
        rows = np.flatnonzero(self.open & (duals > POSITIVE))
        floors = np.flatnonzero(self.open_floors & (slopes > POSITIVE))
        if not len(rows):
            raise SolverError("HiGHS gave a level of the nucleolus without a positive multiplier; round the worths")
        self.settled.append((rows.tolist(), floors.tolist()))
        for k in rows.tolist():
            size = self.weights[k] * self.t_unit
            low = (self.bounds[k] - self.rows[k] @ self.origin) / size - t
            self.highs.changeCoeff(k + 1, self.n, 0.0)
            self.highs.changeRowBounds(k + 1, low, low)
        for i in floors.tolist():
            low = (self.floors[i] - self.origin[i]) / self.unit if self.floors is not None else 0.0
            self.highs.changeColBounds(i, low, low)
        self.open[rows] = False
        self.open_floors[floors] = False
        span = np.vstack((self.basis.T, self.rows[rows], np.eye(self.n)[floors]))
        left, sizes, _ = np.linalg.svd(span.T, full_matrices=False)
        self.basis = left[:, sizes > 1e-9 * sizes[0]]
        outside = self.rows - (self.rows @ self.basis) @ self.basis.T
        gone = np.flatnonzero(self.open & (np.abs(outside).max(axis=1) < 1e-9))
        for k in gone.tolist():
            self.highs.changeRowBounds(k + 1, -self.inf, self.inf)
        self.open[gone] = False
        return Level(
            t * self.t_unit,
            tuple(self.keys[k] for k in rows),
            np.asarray(duals[rows] / self.weights[rows]),
            tuple(floors.tolist()),
            np.asarray(slopes[floors] * (self.t_unit / self.unit)),
        )

    def resolved(self) -> tuple[Array, Array]:
        """Division and levels from the settled rows alone, as one linear system: exact to rounding."""
        count = len(self.settled)
        lines, right = [np.append(np.ones(self.n), np.zeros(count))], [0.0]
        for level, (rows, floors) in enumerate(self.settled):
            for k in rows:
                line = np.append(self.rows[k] / self.weights[k] * (self.unit / self.t_unit), np.zeros(count))
                line[self.n + level] = 1.0
                lines.append(line)
                right.append((self.bounds[k] - self.rows[k] @ self.origin) / self.weights[k] / self.t_unit)
            for i in floors:
                line = np.zeros(self.n + count)
                line[i] = 1.0
                lines.append(line)
                right.append((self.floors[i] - self.origin[i]) / self.unit if self.floors is not None else 0.0)
        found = np.linalg.lstsq(np.array(lines), np.array(right), rcond=None)[0]
        x = self.origin + self.unit * found[: self.n]
        return x + (self.total - x.sum()) / self.n, found[self.n :] * self.t_unit
