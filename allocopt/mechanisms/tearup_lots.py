"""Tear-up in whole lots: as much as lots can close, then as near to pro rata as they allow; exact, or with a bound."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array
from allocopt.maths import lots
from allocopt.mechanisms.outcome import worst_of
from allocopt.mechanisms.torn import TearUp


def whole_lots(Q: Array, q: Array, ids: pd.Index, contracts: pd.Index | None, lot: Array) -> TearUp:
    """Every contract by itself; one lot size for all needs no solver."""
    if (lot <= 0).any():
        raise DataError(f"lot: {ids[int(np.argmin(lot))]!r} is {lot.min():g}; a lot is positive")
    t, proofs, found_by = np.zeros(q.shape), [], "exact algorithm"
    alike = bool(len(lot) == 0 or (lot == lot[0]).all())
    for k in range(len(Q)):
        if alike:
            t[:, k], proof = _one_size(float(Q[k]), q[:, k], float(lot[0]) if len(lot) else 1.0)
        else:
            t[:, k], proof = _mixed(float(Q[k]), q[:, k], lot)
            found_by = "integer program (HiGHS)"
        proofs.append(proof)
    statement = "whole lots, no better division exists beyond the gap"
    return TearUp(
        ids, contracts, Q, q, t, np.full(len(Q), math.nan), "lots", found_by, worst_of(proofs, "whole lots", statement)
    )


def _one_size(Q: float, q: Array, lot: float) -> tuple[Array, Certificate]:
    return lots.one_size(Q, q, lot), Certificate(0.0, 0.0, 0.0, "whole lots")


def _mixed(Q: float, q: Array, lot: Array) -> tuple[Array, Certificate]:
    closed, gap = lots.mixed(Q, q, lot)
    return closed, Certificate(0.0, 0.0, gap, "whole lots")
