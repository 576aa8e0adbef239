"""Columns of figures as the measures of deleveraging read them: one entry per account, aligned, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array, vector


def rates(x: Array, base: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(base > 0, x / np.where(base > 0, base, 1.0), np.where(x > 0, np.inf, 0.0))


def columns(low: float = 0.0, **named: Any) -> tuple[pd.Index, list[Array]]:
    """One entry per account each, aligned by the first Series there is."""
    index = next((v.index for v in named.values() if isinstance(v, pd.Series)), None)
    first, given = next(iter(named.items()))
    if index is None and np.ndim(given) == 0 and not isinstance(given, str | dict | set):
        raise DataError(f"{first} is {given!r}; give one entry per account, a Series or a list")
    ids = pd.RangeIndex(len(given)) if index is None else index
    return ids, [vector(v, ids, k, low=low, finite=k != "caps") for k, v in named.items()]
