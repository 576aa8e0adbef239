r"""The nucleolus in fractions, with a proof that needs no solver: weights for every level, a look at all coalitions.

From the coalitions that settle at each level a linear system gives x and the levels exactly. Level k is proven by

* weights :math:`\lambda_S > 0` on the coalitions that settle, :math:`\rho_i > 0` on the floors that do, and any
  :math:`\mu` on what settled before, with :math:`\sum \lambda_S 1_S + \sum \rho_i 1_i + \sum \mu_F 1_F = 0`
  and :math:`\sum \lambda_S w(S) = 1`: no division that keeps the levels before can have all of these excesses below
  :math:`t_k`, and one that has none above has them all at :math:`t_k`;
* :math:`e(S, x) \le t_k` for every coalition that is not a combination of what is settled. All coalitions are looked
  at in floating point with a bound on the rounding; those within it are decided in whole numbers.

Source: Kohlberg, "On the nucleolus of a characteristic function game", SIAM Journal on Applied Mathematics 20 (1971).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import numpy as np
from numpy.typing import NDArray

from allocopt.errors import CertificateError
from allocopt.maths.excess import Array, Excesses, Masks
from allocopt.maths.nucleolus import Level
from allocopt.maths.rational import orthogonal, reader, solve

_UNIT = 2.0**-53
_READ = 1e-13  # no float is read as a decimal that is further off than this fraction of the largest

ExactOf = Callable[[Sequence[int]], list[Fraction]]  # the worths of coalitions given by their masks


@dataclass(frozen=True)
class ProvenLevel:
    """A level in fractions: weights by bit mask of those that settle (``weights``), of the floors that do (``floors``,
    by position), and multipliers of what settled before (``before``; a mask, or -1 - i for the floor of i)."""

    excess: Fraction
    weights: dict[int, Fraction]
    floors: dict[int, Fraction]
    before: dict[int, Fraction]


@dataclass(frozen=True)
class Proof:
    """The division in fractions and the levels that prove it; ``decided`` coalitions were looked at in whole numbers.

    Worths are read as :func:`~allocopt.maths.rational.reader` does.
    """

    x: tuple[Fraction, ...]
    levels: tuple[ProvenLevel, ...]
    decided: int


def prove(everyone: Excesses, levels: Sequence[Level], worth_of: Callable[[Masks], Array], floors: bool) -> Proof:
    """Solve and prove; CertificateError names what does not hold.

    ``levels`` are those of the chain, ``worth_of`` gives the worths of listed coalitions, ``floors`` says whether every
    player insists on what it is worth alone.
    """
    n = everyone.n
    largest = max(float(np.abs(block).max()) for block in everyone.blocks())
    read = reader(largest)

    def exact_of(masks: Sequence[int]) -> list[Fraction]:
        return [read(worth) for worth in worth_of(np.array(masks, dtype=np.int64))]

    x, excesses = _solved(everyone, levels, exact_of)
    if floors:
        _above_floors(everyone, x, exact_of)
    settled: dict[int, list[int]] = {(1 << n) - 1: [1] * n}
    proven = []
    decided = 0
    rounded = np.array([float(part) for part in x])
    slack = _rounding(everyone, rounded, largest, max((abs(float(excess)) for excess in excesses), default=0.0))
    for k, level in enumerate(levels):
        proven.append(_balanced(everyone, level, excesses[k], settled, exact_of))
        settled.update({mask: _line(mask, n) for mask in level.rows})
        settled.update({-1 - i: _line(1 << i, n) for i in level.floors})
        decided += _none_louder(everyone, x, excesses[k], list(settled.values()), k, slack, read)
    return Proof(tuple(x), tuple(proven), decided)


def _line(mask: int, n: int) -> list[int]:
    return [mask >> i & 1 for i in range(n)]


def _weight(everyone: Excesses, mask: int, worth: Fraction) -> Fraction:
    by_size = Fraction(1) if everyone.weights is None else Fraction(float(everyone.weights[mask.bit_count()]))
    return by_size * abs(worth) if everyone.own else by_size


def _solved(everyone: Excesses, levels: Sequence[Level], exact_of: ExactOf) -> tuple[list[Fraction], list[Fraction]]:
    """The division and the levels that make every settled excess what its level says."""
    n, sign = everyone.n, int(everyone.sign)
    whole = (1 << n) - 1
    lines: list[list[Fraction | int]] = []
    if n:
        lines.append([*_line(whole, n), *([0] * len(levels)), *exact_of([whole])])
    for k, level in enumerate(levels):
        for mask, worth in zip(level.rows, exact_of(level.rows), strict=True):
            at: list[Fraction | int] = [0] * len(levels)
            at[k] = sign * _weight(everyone, mask, worth)
            lines.append([*_line(mask, n), *at, worth])
        alone = [1 << i for i in level.floors]
        for mask, worth in zip(alone, exact_of(alone), strict=True):
            lines.append([*_line(mask, n), *([0] * len(levels)), worth])
    found = solve(lines, n + len(levels))
    if found is None:
        raise CertificateError(
            "the coalitions that were found to settle contradict each other in fractions: worths differ by less than "
            "floating point can tell apart; round them"
        )
    return found[:n], found[n:]


def _above_floors(everyone: Excesses, x: Sequence[Fraction], exact_of: ExactOf) -> None:
    alone = exact_of([1 << i for i in range(everyone.n)])
    for i, (part, floor) in enumerate(zip(x, alone, strict=True)):
        if everyone.sign * (part - floor) < 0:
            raise CertificateError(
                f"player number {i} ends up with {part}, on the wrong side of {floor}, its floor; worths differ by "
                "less than floating point can tell apart: round them"
            )


def _balanced(
    everyone: Excesses, level: Level, excess: Fraction, settled: dict[int, list[int]], exact_of: ExactOf
) -> ProvenLevel:
    """Weights in fractions near those that the solver gave, on the same coalitions; all of them must be positive."""
    n = everyone.n
    weights = [
        _weight(everyone, mask, worth)
        for mask, worth in zip(level.rows, exact_of(level.rows), strict=True)
    ]  # fmt: skip
    columns = [_line(mask, n) for mask in level.rows] + [_line(1 << i, n) for i in level.floors] + [*settled.values()]
    lines: list[list[Fraction | int]] = [[*(column[i] for column in columns), 0] for i in range(n)]
    lines.append([*weights, *([0] * (len(columns) - len(weights))), 1])
    # Put last, what settled before is eliminated last: open unknowns are among its multipliers and may be anything.
    near = [*level.multipliers, *level.floor_multipliers, *([0.0] * len(settled))]
    found = solve(_reversed(lines), len(columns), near[::-1])
    count = len(level.rows)
    if found is None or min(found[::-1][: count + len(level.floors)]) <= 0:
        raise CertificateError(f"no positive weights in fractions balance the coalitions that settle at {excess}")
    found = found[::-1]
    last = count + len(level.floors)
    return ProvenLevel(
        excess,
        dict(zip(level.rows, found[:count], strict=True)),
        dict(zip(level.floors, found[count:last], strict=True)),
        {key: value for key, value in zip(settled, found[last:], strict=True) if value},
    )


def _reversed(lines: list[list[Fraction | int]]) -> list[list[Fraction | int]]:
    """Columns in reverse, the right-hand side still last: pivots are taken among what settled before first."""
    return [[*line[-2::-1], line[-1]] for line in lines]


def _none_louder(
    everyone: Excesses,
    x: Sequence[Fraction],
    excess: Fraction,
    span: list[list[int]],
    level: int,
    slack: float,
    read: Callable[[float], Fraction],
) -> int:
    """Check that no coalition outside the span objects more than the level; how many needed whole numbers."""
    n = everyone.n
    normals = orthogonal(span, n)
    if not normals:
        return 0
    rounded = np.array([float(part) for part in x])
    # Entries of the normals are ratios of minors of a 0/1 matrix: below 2^47 for 30 players, so sums fit 64 bits.
    masks, worths = everyone.beyond(rounded, float(excess) - slack, np.array(normals, dtype=np.int64))
    louder = _louder(everyone, x, excess, masks, worths, read)
    if louder.any():
        raise CertificateError(
            f"level {level + 1}: coalition with mask {masks[louder][0]} objects more than {excess}; worths differ by "
            "less than floating point can tell apart: round them"
        )
    return len(masks)


def _rounding(everyone: Excesses, x: Array, largest: float, excess: float) -> float:
    """More than rounding, and reading worths to so many digits, can change the excess of any coalition by."""
    amount, unit = float(np.abs(x).sum()) + largest, 1.0
    if everyone.own:
        unit = min(float(np.abs(block[block != 0]).min(initial=np.inf)) for block in everyone.blocks())
    return (4 * (everyone.n + 8) * _UNIT + _READ) * (amount / unit + abs(excess))


def _louder(
    everyone: Excesses,
    x: Sequence[Fraction],
    excess: Fraction,
    masks: Masks,
    worths: Array,
    read: Callable[[float], Fraction],
) -> NDArray[np.bool_]:
    """Whether each listed coalition objects more than ``excess``, in whole numbers."""
    if not len(masks):
        return np.zeros(0, dtype=np.bool_)
    distinct, kind = np.unique(worths, return_inverse=True)
    values = [read(worth) for worth in distinct]
    unit = lcm(1, excess.denominator, *(part.denominator for part in x), *(value.denominator for value in values))
    sizes = np.bitwise_count(masks).astype(np.int64)
    by_size = [1] * (everyone.n + 1) if everyone.weights is None else [int(w) for w in everyone.weights]
    shares = [int(part * unit) for part in x]
    amounts = [int(value * unit) for value in values]
    # With weights by worth the right-hand side is excess * |v|: a fraction of the unit, so everything is multiplied.
    factor = excess.denominator if everyone.own else 1
    bound = [int(excess * abs(v) * unit * factor) for v in values] if everyone.own else [int(excess * unit)]
    most = factor * (max(map(abs, amounts)) + sum(map(abs, shares))) + max(map(abs, bound)) * everyone.n
    number = np.int64 if most < 2**62 else object
    total = np.array([factor * amount for amount in amounts], dtype=number)[kind]
    for i, share in enumerate(shares):
        total = total - (masks >> i & 1).astype(number) * np.array(factor * share, dtype=number)
    right = np.array(bound, dtype=number)
    right = right[kind] if everyone.own else right[0] * np.array(by_size, dtype=number)[sizes]
    return np.asarray(int(everyone.sign) * total > right, dtype=np.bool_)
