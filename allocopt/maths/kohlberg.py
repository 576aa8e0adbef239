r"""Whether a division is the nucleolus, decided without computing it; where it is not, a better division says so.

Level by level: of the coalitions that are not yet settled, take those with the largest excess. They settle when they
are balanced, that is, when no direction d with :math:`d(N) = 0`, :math:`d(S) = 0` on what is settled and
:math:`d_i \ge 0` for players at their floor has :math:`d(S) \ge 0` on all of them and is not 0 on some. Such a
direction would lower some of these excesses and raise none. A division is the nucleolus exactly when every level
settles. Each level is a linear program in the directions, whose coefficients are 0 and 1 whatever the worths are.

Source: Kohlberg, "On the nucleolus of a characteristic function game", SIAM Journal on Applied Mathematics 20 (1971);
settling by span: Nguyen, "Simplifying the Kohlberg criterion on the nucleolus" (2016).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allocopt.errors import SolverError
from allocopt.maths.coalitions import subset_sums
from allocopt.maths.excess import Array, Excesses, Masks, members
from allocopt.maths.rational import Row, orthogonal

_PIECE = 2**16  # coalitions looked at together
_BROUGHT = 60  # coalitions that join a program at a time

# Directions are between -1 and 1 and rows hold 0 and 1: what is not 0 is far from it.
_ZERO = 1e-7


class Failure(NamedTuple):
    """Where a division fails: the level, a coalition whose excess there can be lowered while no other at the level or
    above rises, by how much, and the division that does it."""

    level: int
    mask: int
    excess: float
    amount: float
    better: Array


class Finding(NamedTuple):
    """The excess of every level that settled, and the failure if there is one."""

    levels: tuple[float, ...]
    failure: Failure | None


def kohlberg(everyone: Excesses, x: Array, floors: Array | None, tie: float, near: float) -> Finding:
    """Check a division, in the units of the worths: excesses within ``tie`` of each other count as equal, and amounts
    within ``near`` of their floor are at it.

    ``floors`` (None: none) are, like x, in the players' own sign: what a player gets at least of a gain, or bears at
    most of a cost.
    """
    n = everyone.n
    room = np.full(n, np.inf) if floors is None else everyone.sign * (x - floors)
    settled: list[Row] = [[1] * n]
    levels: list[float] = []
    rng = np.random.default_rng(1)
    while normals := orthogonal(settled, n):
        top, masks = _loudest(everyone, x, normals, tie, rng)
        while len(masks):
            step = _improvement(masks, normals, np.flatnonzero(room <= near), rng)
            if isinstance(step, _Direction):
                return Finding(tuple(levels), _failure(everyone, x, room, top, masks, normals, step.d, len(levels)))
            settled += step
            normals = orthogonal(settled, n)
            masks = masks[(members(masks, n) @ np.array(normals, dtype=float).reshape(-1, n).T != 0).any(axis=1)]
        levels.append(top)
    return Finding(tuple(levels), None)


class _Direction(NamedTuple):
    d: Array


def _pieces(everyone: Excesses, *vectors: Array) -> Iterator[tuple[Masks, Array, list[Array]]]:
    """Masks, worths and the sums of each vector over the members, a piece at a time; plain numpy, for independence."""
    n = everyone.n
    low = min(n, _PIECE.bit_length() - 1)
    sums = [subset_sums(vector[:low]) for vector in vectors]
    start = 0
    for block in everyone.blocks():
        for piece in block.reshape(-1, min(len(block), 1 << low)):
            high = (np.array([start >> low]) >> np.arange(n - low)) & 1
            offset = start & ((1 << low) - 1)
            masks = np.arange(start, start + len(piece))
            part = slice(offset, offset + len(piece))
            added = [each[part] + high @ vector[low:] for each, vector in zip(sums, vectors, strict=True)]
            proper = (masks > 0) & (masks < (1 << n) - 1)
            if proper.all():
                yield masks, piece, added
            else:
                yield masks[proper], piece[proper], [each[proper] for each in added]
            start += len(piece)


def _excess(everyone: Excesses, masks: Masks, worths: Array, given: Array) -> Array:
    return np.asarray(everyone.sign * (worths - given) / everyone.weight(masks, worths))


def _loudest(
    everyone: Excesses, x: Array, normals: list[Row], tie: float, rng: np.random.Generator
) -> tuple[float, Masks]:
    """The largest excess of what is not settled, and all coalitions within ``tie`` of it."""
    mixed = rng.integers(1, 2**20, len(normals)) @ np.array(normals, dtype=float)
    top, held, levels = -np.inf, [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for masks, worths, (given, lean) in _pieces(everyone, x, mixed):
        excess = np.where(lean != 0, _excess(everyone, masks, worths, given), -np.inf)
        top = max(top, float(excess.max(initial=-np.inf)))
        near = excess >= top - tie
        held.append(masks[near])
        levels.append(excess[near])
    kept = np.concatenate(levels) >= top - tie
    return top, np.concatenate(held)[kept]


def _improvement(
    masks: Masks, normals: list[Row], tight: NDArray[np.intp], rng: np.random.Generator
) -> _Direction | list[Row]:
    """A direction that lowers some excess of the coalitions and raises none, or rows among them that balance."""
    from scipy.optimize import linprog

    space = np.array(normals, dtype=float)  # directions are combinations of these: zero on all that is settled
    space /= np.linalg.norm(space, axis=1)[:, None]
    n = space.shape[1]
    rows = members(masks if len(masks) <= 2 * _BROUGHT else rng.choice(masks, _BROUGHT, replace=False), n)
    while True:
        above = np.vstack((rows @ space.T, space.T[tight]))
        box = np.vstack((space.T, -space.T))
        goal = (rows @ space.T).sum(axis=0)
        found = linprog(
            -goal, np.vstack((-above, box)), np.append(np.zeros(len(above)), np.ones(2 * n)), bounds=(None, None),
            method="highs-ds",
        )  # fmt: skip
        if found.status != 0:
            raise SolverError(f"the check of balancedness was not solved: {found.message}")
        if -found.fun <= _ZERO * len(rows):
            return [[int(entry) for entry in row] for row in rows]
        d = found.x @ space
        moved = np.concatenate([members(part, n) @ d for part in np.array_split(masks, 1 + len(masks) // _PIECE)])
        worst = np.argsort(moved)[:_BROUGHT]
        if moved[worst[0]] >= -_ZERO:
            return _Direction(d)
        rows = np.vstack((rows, members(masks[worst[moved[worst] < -_ZERO]], n)))


def _failure(
    everyone: Excesses, x: Array, room: Array, top: float, masks: Masks, normals: list[Row], d: Array, level: int
) -> Failure:
    """Go along the direction until a player reaches its floor, or half way to where another coalition reaches the
    level: so that none does."""
    mixed = np.random.default_rng(2).integers(1, 2**20, len(normals)) @ np.array(normals, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        step = float(np.where(d < -_ZERO, room / -d, np.inf).min())
    for each, worths, (given, lean, moved) in _pieces(everyone, x, mixed, d):
        rises = (lean != 0) & (moved < -_ZERO) & ~np.isin(each, masks)
        gap = (top - _excess(everyone, each, worths, given)) * everyone.weight(each, worths)
        step = min(step, 0.5 * float((gap[rises] / -moved[rises]).min(initial=np.inf)))
    step = max(step, 0.0)
    falls = np.concatenate([members(part, everyone.n) @ d for part in np.array_split(masks, 1 + len(masks) // _PIECE)])
    loud = int(masks[np.argmax(falls)])
    for each, worths, (given,) in _pieces(everyone, x):
        at = np.flatnonzero(each == loud)
        if len(at):
            weight = float(everyone.weight(each[at], worths[at])[0])
            excess = float(_excess(everyone, each[at], worths[at], given[at])[0])
    return Failure(level + 1, loud, excess, step * float(falls.max()) / weight, x + everyone.sign * step * d)
