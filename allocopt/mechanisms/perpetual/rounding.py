"""Whole steps of a grid, up or down: the direction is the venue's, and the last bits of a float decide nothing."""

from __future__ import annotations

import numpy as np

from allocopt.facts.checks import Array

_NOISE = 1e-9  # of a step: what a decimal loses when it is written as a float
_BITS = 2e-15  # of the count: a few roundings of the product that was divided


def whole_steps(values: Array | float, step: float, *, up: bool) -> Array:
    """How many steps of this size make up each value, rounded up or down to a whole number.

    >>> whole_steps(np.array([0.3, 0.35, -2.5]), 0.1, up=False).tolist()
    [3.0, 3.0, -25.0]
    """
    steps = np.asarray(values, dtype=np.float64) / step
    near = np.rint(steps)
    other = np.ceil(steps) if up else np.floor(steps)
    return np.where(np.abs(steps - near) <= _NOISE + _BITS * np.abs(near), near, other)


def rounded_up(value: float, step: float) -> float:
    """The smallest multiple of ``step`` that is not below ``value``; the value itself for a step of zero.

    >>> rounded_up(100 / 11, 1e-6), rounded_up(0.1 + 0.2, 0.1), rounded_up(-2.5, 1.0)
    (9.09091, 0.3, -2.0)
    """
    return _times(float(whole_steps(value, step, up=True)), step) if step > 0 else value


def rounded_down(value: float, step: float) -> float:
    """The largest multiple of ``step`` that is not above ``value``; the value itself for a step of zero.

    >>> rounded_down(100 / 11, 1e-6), rounded_down(0.1 + 0.2, 0.1), rounded_down(-2.5, 1.0)
    (9.090909, 0.3, -3.0)
    """
    return _times(float(whole_steps(value, step, up=False)), step) if step > 0 else value


def _times(count: float, step: float) -> float:
    """A step such as 1e-6 is no float, but a millionth of a whole number is the nearest one there is."""
    parts = round(1.0 / step)
    return count / parts if parts > 1 and parts * step == 1.0 else count * step
