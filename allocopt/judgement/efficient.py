"""Efficient divisions between two or three criteria: no other is better in one and no worse in the rest."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise, permutations

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.judgement.axis import Axis
from allocopt.judgement.convex import Division
from allocopt.judgement.tracing import Found, Programs
from allocopt.schemes.constraints.base import Constraint

_SAME = 1e-7  # levels in scaled numbers closer than this are one point
_ASIDE = 1e-5  # of the range: how far from the first point its slope is taken


def end(programs: Programs, order: Sequence[int], held: Mapping[int, float] | None = None) -> Found:
    """The division with the least level of the first axis, among those of the second, and so on."""
    limits = dict(held or {})
    found = programs.least(order[0], limits)
    for before, k in pairwise(order):
        if programs.axes[before].strict:
            return found
        limits[before] = programs.levels(found.paid)[before]
        found = programs.least_at_end(k, limits, list(limits))
    return found


def along(programs: Programs, points: int) -> list[Found]:
    """Between two criteria: the least of the second at equally spaced levels of the first, the best first."""
    last = end(programs, (1, 0))
    first = end(programs, (0, 1))
    (low, high_y), (high, low_y) = programs.levels(first.paid), programs.levels(last.paid)
    for k, level in enumerate((high, high_y)):
        if not math.isfinite(level):
            raise DataError(
                f"{programs.axes[k].name} is at its worst where {programs.axes[1 - k].name} is best, infinitely far "
                "in its own rows, so no bounds lie between; for an index of what is kept choose an aversion below 1"
            )
    if high - low <= _SAME * programs.scale(0) or high_y - low_y <= _SAME * programs.scale(1):
        return [first._replace(slopes={})]
    bounds = np.linspace(low, high, points)
    inner = [programs.least_at_end(1, {0: float(b)}, [0]) for b in bounds[-2:0:-1]]
    slope = math.nan
    if not programs.axes[0].strict:
        slope = programs.least(1, {0: low + _ASIDE * (high - low)}).slopes[0]
    return [first._replace(slopes={0: slope}), *inner[::-1], last._replace(slopes={0: 0.0})]


def across(programs: Programs, points: int) -> list[Found]:
    """Between three criteria: the least of the third over a grid of the first two that some division reaches."""
    corners = [end(programs, order) for order in permutations(range(3))]
    reached = np.array([programs.levels(c.paid) for c in corners])
    found = [c._replace(slopes={}) for c in corners]
    for b in np.linspace(reached[:, 0].min(), reached[:, 0].max(), points)[::-1]:
        limit = {0: float(b)}
        low = programs.levels(programs.least_at_end(1, limit, [0]).paid)[1]
        high = programs.levels(end(programs, (2, 1), limit).paid)[1]
        steps = np.linspace(low, high, points) if high - low > _SAME * programs.scale(1) else [high]
        for c in steps:
            limits = {**limit, 1: float(c)}
            point = programs.least_at_end(2, limits, [0, 1])
            if min(-point.slopes[0], -point.slopes[1]) <= _SAME:  # a bound that costs nothing may leave room
                point = _tightened(programs, point, limits)
            found.append(point)
    return _best(programs, found)


def _tightened(programs: Programs, point: Found, limits: Mapping[int, float]) -> Found:
    """The same least level of the third axis, with the first two as low as that allows."""
    if programs.axes[2].strict:
        return point
    held = {**limits, 2: programs.levels(point.paid)[2]}
    again = programs.least_at_end(0, {1: held[1], 2: held[2]}, [1, 2])
    if not programs.axes[0].strict:
        held[0] = programs.levels(again.paid)[0]
        again = programs.least_at_end(1, {0: held[0], 2: held[2]}, [0, 2])
    return again._replace(slopes=point.slopes)


def _best(programs: Programs, found: list[Found]) -> list[Found]:
    """Each point once, without those that another is as good as in all and better than in one."""
    levels = np.array([programs.levels(f.paid) for f in found])
    same = _SAME * np.array([programs.scale(k) for k in range(3)])
    kept: list[int] = []
    for i in np.lexsort(levels.T[::-1]):
        others = np.delete(levels, i, axis=0)
        beaten = ((others <= levels[i] + same).all(axis=1) & (others < levels[i] - 10 * same).any(axis=1)).any()
        twin = any((np.abs(levels[i] - levels[j]) <= 10 * same).all() for j in kept)
        if not beaten and not twin:
            kept.append(int(i))
    return [found[i] for i in kept]


def answer(programs: Programs, found: Found) -> Allocation:
    """The division as an allocation: its slopes in the criteria's own units, its certificate from the program."""
    axes, problem = programs.axes, programs.problem
    values = {a.name: a.compute(found.paid) for a in axes}
    last = axes[-1]
    prices = {axes[j].name: _slope(slope, axes[j], last, values) for j, slope in found.slopes.items()}
    evidence = _Evidence(found, programs.must)
    method = f"program ({found.solver})" if found.solver else "closed form (the loss leaves one division)"
    return Allocation(problem, found.paid, max(problem.loss - problem.capacity, 0.0), 0.0, prices, method, Division(),
                      evidence, (), values)  # fmt: skip


def _slope(slope: float, by: Axis, of: Axis, values: Mapping[str, float]) -> float:
    """d(value of one) / d(value of the other), from the slope between their levels."""
    if slope == 0:
        return 0.0
    below = of.steep(values[of.name])
    return slope * by.steep(values[by.name]) / below if below else math.nan


@dataclasses.dataclass(frozen=True)
class _Evidence:
    """What an efficient division is judged by: budget, caps and musts on the shares, and the program's residuals."""

    found: Found
    must: Sequence[Constraint]

    def __call__(self, given: Allocation) -> Certificate:
        problem, paid = given.problem, given.paid
        loss = problem.loss or 1.0
        nobody = np.zeros(problem.n)
        excess = {str(c): c.excess(paid, problem, nobody) for c in self.must}
        budget = abs(float(paid.sum()) + given.residual - problem.loss) / loss
        bounds = float(max((paid - problem.caps).max(initial=0.0), (-paid).max(initial=0.0))) / loss
        moved = float(np.abs(paid - self.found.paid).max(initial=0.0)) / loss
        primal, dual, gap = self.found.residuals
        return Certificate(
            max(budget, bounds, primal, *excess.values(), 0.0), max(dual, moved), gap + self.found.off, "conic dual",
            "the multipliers prove that no division has less of the last criterion within the bounds on the others",
            excess,
        )  # fmt: skip


def only(problem: LossProblem, paid: Array) -> Found:
    """The one division there is: nothing to pay, or everybody at the cap."""
    return Found(paid, {}, (0.0, 0.0, 0.0), 0.0, "")
