r"""How far a vector is outside a product of curved cones or their duals.

Second-order :math:`\|u\|_2 \le t`; exponential :math:`y e^{x/y} \le z,\ y > 0`; power
:math:`|z| \le x^{a} y^{1-a},\ x, y \ge 0`. Violations are in the units of the vector.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def violation(values: Array, dims: Any, *, dual: bool) -> float:
    """The largest violation over the curved cones of ``dims`` (second-order, exponential, power, in that order)."""
    worst, at = 0.0, 0
    for size in dims.soc:
        part, at = values[at : at + size], at + size
        worst = max(worst, float(np.linalg.norm(part[1:]) - part[0]))
    triples = values[at : at + 3 * dims.exp].reshape(-1, 3)
    at += 3 * dims.exp
    worst = max(worst, _exponential(triples, dual))
    for power in dims.p3d:
        part, at = values[at : at + 3], at + 3
        worst = max(worst, _power(part, float(power), dual))
    # A cone this function does not know cannot be called satisfied.
    return worst if at == len(values) else float("inf")


def _exponential(triples: Array, dual: bool) -> float:
    """Points at y = 0 are in the closure when x <= 0; the dual cone is -u exp(v/u) <= e w with u <= 0."""
    if not len(triples):
        return 0.0
    x, y, z = triples.T
    if dual:
        with np.errstate(divide="ignore", invalid="ignore"):
            exponent = np.where(x < 0, y / x - 1.0, 0.0)
        y = -x
        edge = np.where(x < 0, 0.0, np.maximum(-triples[:, 1], 0.0))
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            exponent = np.where(y > 0, x / y, 0.0)
        edge = np.where(y > 0, 0.0, np.maximum(x, 0.0))
    height = np.maximum(y, 0.0) * np.exp(np.minimum(exponent, 700.0))
    return float(max((height - z).max(), (-y).max(), edge.max(), 0.0))


def _power(part: Array, power: float, dual: bool) -> float:
    """The dual of the power cone is the power cone of (u/a, v/(1-a), w)."""
    x, y, z = part
    if dual:
        x, y = x / power, y / (1.0 - power)
    reach = max(x, 0.0) ** power * max(y, 0.0) ** (1.0 - power)
    return float(max(abs(z) - reach, -x, -y, 0.0))
