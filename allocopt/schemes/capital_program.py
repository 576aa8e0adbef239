"""The optimal-capital division as a convex program, stated straight from its definition."""

from __future__ import annotations

from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.maths.deviations import Deviations
from allocopt.maths.program import Clause, Program
from allocopt.schemes.one_price import CLAUSES

_MOST = 200_000  # scenarios times payers: a quarter of a minute for the conic solver


def capital_program(posed: Deviations, loss: float, latex: str) -> Program:
    """Deviations, budget and bounds; where the cost is flat at this loss, the choice by volume among its minima."""
    import cvxpy as cp

    n = len(posed.volume)
    edge = posed.edge(loss)
    entries = 0 if posed.kind == "quadratic" or edge is not None else posed.losses.size
    if entries > _MOST:
        raise DataError(
            f"optimal-capital by program has {entries} deviations (scenarios x payers), more than {_MOST}; "
            "leave by='auto', which is exact, or draw fewer scenarios"
        )
    unit = max(loss, float(np.abs(posed.losses).max(initial=0.0)) if entries else loss) or 1.0
    x = cp.Variable(n, name="x")
    slope = float(posed.volume.max(initial=0.0)) or 1.0
    scale = unit / slope
    cost: Any = 0
    if posed.kind == "quadratic" or edge is not None:
        aim = posed.means if edge is None else edge.values
        cost = 0.5 * cp.sum_squares(cp.multiply(np.sqrt(slope / posed.volume), x - aim / unit))
    else:
        counted = posed.mass > 0
        _, columns = np.nonzero(counted)
        mass, losses = posed.mass[counted], posed.losses[counted] / unit
        off = losses - x[columns]
        if posed.kind == "absolute":
            cost, scale = mass @ cp.abs(off), 1.0
        else:
            over = cp.pos(off) if posed.kind == "upper" else cp.neg(off)
            cost = 0.5 * cp.sum_squares(cp.multiply(np.sqrt(mass * slope / posed.volume[columns]), over))
    floors = np.flatnonzero(np.isfinite(posed.low))
    # A cap above the loss cannot bind while nobody is credited; leaving its row out keeps the numbers near one.
    caps = np.flatnonzero(np.isfinite(posed.high) & ((posed.high <= loss) | np.isinf(posed.low)))
    clauses = (
        Clause("budget", [cp.sum(x) == loss / unit] if n else [], *CLAUSES["budget"]),
        Clause("floor", [x[floors] >= posed.low[floors] / unit] if len(floors) else [], *CLAUSES["floor"], 1.0,
               rows=floors),
        Clause("cap", [x[caps] <= posed.high[caps] / unit] if len(caps) else [], *CLAUSES["cap"], rows=caps),
    )  # fmt: skip
    kept = clauses if len(floors) or not n else (clauses[0], clauses[2])
    return Program(cost, x, kept, latex, unit, scale)
