"""Linear equations in exact fractions: small systems, whole numbers throughout, nothing rounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from math import ceil, gcd, lcm, log10

Row = list[int]

_CLEAN = 15  # every decimal of so many digits survives being stored as a float
_DIGITS = 14


def reader(largest: float) -> Callable[[float], Fraction]:
    """How floats are read when ``largest`` is the largest of them: as the shortest decimals that are stored as them.

    Up to 15 significant digits are read as they are. Longer ones, as the last digits of computed amounts are, are
    rounded to 14 digits of the largest: so 0.1 + 0.2 is three tenths.

    >>> read = reader(1.0)
    >>> read(0.1), read(0.1 + 0.2), read(3.0)
    (Fraction(1, 10), Fraction(3, 10), Fraction(3, 1))
    """
    unit = Fraction(10) ** (ceil(log10(largest)) - _DIGITS) if largest > 0 else Fraction(1)

    def read(value: float) -> Fraction:
        shortest = Decimal(repr(float(value)))
        if len(shortest.normalize().as_tuple().digits) <= _CLEAN:
            return Fraction(shortest)
        return round(Fraction(shortest) / unit) * unit

    return read


def solve(
    rows: Iterable[Sequence[Fraction | int]], unknowns: int, near: Sequence[float] | None = None
) -> list[Fraction] | None:
    """The solution of linear equations, each line holding its coefficients and then its right-hand side.

    None when they contradict each other. An unknown that they leave open is set to its entry in ``near``, as a simple
    fraction; with no ``near``, None.

    >>> solve([[1, 1, 3], [1, -1, 2], [2, 0, 5]], 2)
    [Fraction(5, 2), Fraction(1, 2)]
    """
    reduced, pivots = echelon(rows, unknowns)
    if any(row[unknowns] for row in reduced[len(pivots) :]):
        return None
    free = sorted(set(range(unknowns)) - set(pivots))
    if free and near is None:
        return None
    found = [Fraction(0)] * unknowns
    for k in free:
        found[k] = Fraction(near[k]).limit_denominator(10**6) if near is not None else Fraction(0)
    for row, pivot in zip(reduced, pivots, strict=False):
        rest = Fraction(row[unknowns]) - sum((row[k] * found[k] for k in free), Fraction(0))
        found[pivot] = rest / row[pivot]
    return found


def echelon(rows: Iterable[Sequence[Fraction | int]], columns: int) -> tuple[list[Row], list[int]]:
    """Equivalent rows of whole numbers, each with a pivot in a column where no other has an entry; and those columns.

    Only the first ``columns`` entries are pivots; rows without one come last.
    """
    left = [whole(row) for row in rows]
    done: list[Row] = []
    pivots: list[int] = []
    for column in range(columns):
        at = next((k for k, row in enumerate(left) if row[column]), None)
        if at is None:
            continue
        pivot = left.pop(at)
        left = [_cleared(row, pivot, column) for row in left]
        done = [_cleared(row, pivot, column) for row in done]
        done.append(pivot)
        pivots.append(column)
    return done + left, pivots


def whole(row: Sequence[Fraction | int]) -> Row:
    """The row in its smallest whole numbers.

    >>> whole([Fraction(1, 2), Fraction(1, 3)])
    [3, 2]
    """
    common = lcm(*(Fraction(entry).denominator for entry in row))
    return _shortened([int(entry * common) for entry in row])


def _shortened(row: Row) -> Row:
    common = gcd(*row)
    return [entry // common for entry in row] if common > 1 else row


def _cleared(row: Row, pivot: Row, column: int) -> Row:
    """The row less the multiple of the pivot's row that leaves it nothing in the column."""
    entry = row[column]
    if not entry:
        return row
    lead = pivot[column]
    common = gcd(entry, lead)
    entry, lead = entry // common, lead // common
    if lead < 0:
        entry, lead = -entry, -lead
    return _shortened([lead * mine - entry * other for mine, other in zip(row, pivot, strict=True)])


def orthogonal(rows: Iterable[Sequence[Fraction | int]], columns: int) -> list[Row]:
    """Whole numbers that are orthogonal to every row: a basis of all that are.

    >>> orthogonal([[1, 1, 1]], 3)
    [[-1, 1, 0], [-1, 0, 1]]
    """
    reduced, pivots = echelon(rows, columns)
    basis = []
    for free in sorted(set(range(columns)) - set(pivots)):
        line = [Fraction(0)] * columns
        line[free] = Fraction(1)
        for row, pivot in zip(reduced, pivots, strict=False):
            line[pivot] = Fraction(-row[free], row[pivot])
        basis.append(whole(line))
    return basis
