"""Whole steps of a grid, up or down: the direction is the venue's, and the last bits of a float decide nothing."""

from __future__ import annotations

import math
from collections.abc import Callable

_NOISE = 1e-9  # of a step: what a decimal loses when it is written as a float
_BITS = 2e-15  # of the count: a few roundings of the product that was divided


def rounded_up(value: float, step: float) -> float:
    """The smallest multiple of ``step`` that is not below ``value``; the value itself for a step of zero.

    >>> rounded_up(100 / 11, 1e-6), rounded_up(0.1 + 0.2, 0.1), rounded_up(-2.5, 1.0)
    (9.09091, 0.3, -2.0)
    """
    return _times(value, step, math.ceil)


def rounded_down(value: float, step: float) -> float:
    """The largest multiple of ``step`` that is not above ``value``; the value itself for a step of zero.

    >>> rounded_down(100 / 11, 1e-6), rounded_down(0.1 + 0.2, 0.1), rounded_down(-2.5, 1.0)
    (9.090909, 0.3, -3.0)
    """
    return _times(value, step, math.floor)


def _times(value: float, step: float, whole: Callable[[float], int]) -> float:
    if step <= 0:
        return value
    steps = value / step
    near = round(steps)
    count = near if abs(steps - near) <= _NOISE + _BITS * abs(near) else whole(steps)
    parts = round(1.0 / step)
    # A step such as 1e-6 is no float, but a millionth of a whole number is the nearest one there is.
    return count / parts if parts > 1 and parts * step == 1.0 else count * step
