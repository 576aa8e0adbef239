r"""The largest of several numbers is made as small as it can be, then the second largest, and so on: leximax.

Each stage minimises one level over the numbers that are still open,

.. math:: t_k = \min t \quad\text{s.t.}\quad r_i(x) \le t\ (i \text{ open}),\quad
   r_i(x) \le t_{s(i)}\ (i \text{ settled}),\quad x \in X

A row with a positive multiplier is tight in *every* optimal point of its stage (complementarity), so its number is
settled at :math:`t_k`. The multipliers of a stage cannot all vanish, so each stage settles at least one number, and
there are at most as many stages as numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allocopt.errors import SolverError
from allocopt.maths.program import Answer

Array = NDArray[np.float64]

# Multipliers are scaled to sum to one. One below this could be an interior point's dust and proves nothing; the largest
# of n is at least 1/n, so a stage always settles a number as long as there are fewer than a million.
PROVEN = 1e-6


class Stage(NamedTuple):
    """One stage: the level that was reached, the numbers it settles with their multipliers, and how exact it is."""

    level: float
    settled: NDArray[np.intp]
    multipliers: Array
    residual: float
    solver: str


class Leximax(NamedTuple):
    """The point of the last stage, every number's level, and the stages that prove them."""

    x: Array
    levels: Array
    stages: tuple[Stage, ...]
    answer: Answer


def leximax(
    ask: Callable[[NDArray[np.bool_], Array], tuple[Answer, Array, Array, bool]], n: int, unit: float | None = None
) -> Leximax:
    """Settle ``n`` numbers stage by stage; ``unit`` is the size of their differences, the first level when left out.

    ``ask(open, levels)`` solves one stage: the numbers marked ``open`` below one common level, the others below their
    entry of ``levels``. It returns the program's answer, the numbers, and one multiplier for each (zero where it is not
    open), scaled to sum to one. A multiplier is believed when it is larger than what its row leaves open: an interior
    point keeps the product of the two at the size of its error, and one of them is that error. The last entry says that
    the stage has one optimal point only (a strictly convex constraint binds), so that its numbers are all settled.
    """
    left = np.ones(n, dtype=np.bool_)
    levels = np.zeros(n)
    stages: list[Stage] = []
    while left.any():
        answer, values, multipliers, unique = ask(left, levels)
        level = float(values[left].max())
        scale = unit or (stages[0].level if stages else level)
        slack = (level - values) / scale if scale > 0 else np.zeros(n)
        settled = np.flatnonzero(left & (multipliers > np.maximum(slack, PROVEN)))
        if not len(settled):
            raise SolverError(
                f"leximax: stage {len(stages) + 1} proves no number tight (largest multiplier "
                f"{multipliers.max(initial=0.0):.1e}); solve with another solver"
            )
        if unique:
            settled = np.flatnonzero(left)
        levels[settled] = values[settled] if unique else level
        left[settled] = False
        stages.append(Stage(level, settled, multipliers[settled], max(answer.residuals), answer.solver))
    return Leximax(answer.x, levels, tuple(stages), answer)
