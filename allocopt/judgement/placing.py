"""Where a named division lies beside the frontier: what could be saved of each criterion, and what that would move."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from allocopt.facts.checks import Array
from allocopt.judgement.axis_bounds import Apart
from allocopt.judgement.convex import apart_from
from allocopt.judgement.efficient import end, only
from allocopt.judgement.tracing import Found, Programs

_NOTHING = 1e-6  # of the size of a level: a saving below this is what solvers leave
_AT_END = 1e-7  # of the size: a level this close to the least is at the end of the frontier


class Place(NamedTuple):
    """A division's levels; per axis the division that saves most of it, and of that one the nearest; what it moves."""

    levels: list[float]
    saved: list[float]
    savers: list[Found | None]
    moved: float
    nearest: Array


def place(programs: Programs, paid: Array, ends: Sequence[Array]) -> Place:
    """Ask for each axis how much less of it there is among divisions that are no worse on the others.

    ``ends`` holds for every axis the division that is best on it and, of those, best on the others. Of an axis, a
    division that saves all but a millionth counts as saving all; the nearest of those is found by a further program.
    """
    best_of = [programs.levels(end) for end in ends]
    least = [best_of[k][k] for k in range(len(ends))]
    levels = programs.levels(paid)
    axes = range(len(programs.axes))
    savers: list[Found | None] = []
    saved, best, nearest = [], math.inf, paid
    for k in axes:
        others = {j: levels[j] for j in axes if j != k}
        within = all(best_of[k][j] <= level + _AT_END * programs.scale(j) for j, level in others.items())
        found = only(programs.problem, ends[k]) if within else _saver(programs, k, others, least)
        saving = levels[k] - programs.levels(found.paid)[k]
        if not saving > _NOTHING * programs.scale(k):
            savers.append(None)
            saved.append(0.0)
            continue
        savers.append(found)
        saved.append(saving)
        if saving == math.inf:
            saving = 0.0
        close = _closest(programs, paid, k, others, found, least)
        moved = float(np.abs(close - paid).sum()) / (2.0 * float(paid.sum()))
        if moved < best:
            best, nearest = moved, close
    return Place(levels, saved, savers, best if best < math.inf else 0.0, nearest)


def _saver(programs: Programs, k: int, others: dict[int, float], least: list[float]) -> Found:
    """The least of axis k within the levels of the others, which at the end of the frontier leave no interior."""
    at_end = [j for j, level in others.items() if level <= least[j] + _AT_END * programs.scale(j)]
    if at_end:
        return end(programs, (*at_end, k), {j: level for j, level in others.items() if j not in at_end})
    return programs.least_at_end(k, others, list(others))


def _closest(
    programs: Programs, paid: Array, k: int, others: dict[int, float], found: Found, least: list[float]
) -> Array:  # fmt: skip
    """Of the divisions that save as much, the one in which least of the loss changes hands."""
    axes = programs.axes
    binding = [j for j in others if axes[j].strict and others[j] <= least[j] + _AT_END * programs.scale(j)]
    if axes[k].strict or binding:
        return found.paid
    target = programs.levels(found.paid)[k]
    both = Programs(programs.problem, [*axes, apart_from(Apart(0.0, paid))], programs.must, found.paid)
    held = {**others, k: target + _NOTHING * programs.scale(k)}
    return both.least_at_end(len(axes), held, list(held)).paid
