"""Tables of amounts with named rows and columns, looked at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array

_LARGEST = 1e100  # an amount whose square still is a number
_SAME = 1e-9  # of the largest entry: what a covariance that was computed may be off by


def matrix(values: Any, what: str, low: float = -np.inf) -> tuple[Array, pd.Index, pd.Index]:
    """A private, read-only table of finite numbers, each >= ``low``, and the names of its rows and columns."""
    table = values if isinstance(values, pd.DataFrame) else None
    if table is not None:
        for name, kind in table.dtypes.items():
            if pd.api.types.is_bool_dtype(kind) or not pd.api.types.is_numeric_dtype(kind):
                raise DataError(f"{what}: column {name!r} holds {kind}, not numbers")
    try:
        found = np.array(values if table is None else table.to_numpy(dtype=np.float64, na_value=np.nan), dtype=float)
    except (TypeError, ValueError):
        raise DataError(f"{what} hold something that is not a number; give a table of numbers") from None
    if found.ndim != 2:
        raise DataError(f"{what} have shape {found.shape}; expected a table with rows and columns")
    rows = pd.RangeIndex(found.shape[0]) if table is None else table.index
    columns = pd.RangeIndex(found.shape[1]) if table is None else table.columns
    bad = np.argwhere(~((np.abs(found) <= _LARGEST) & (found >= low)))
    if len(bad):
        row, column = bad[0]
        bound = "" if np.isinf(low) else f" >= {low:g}"
        raise DataError(
            f"{what}: the entry of {rows[row]!r} and {columns[column]!r} is {found[row, column]} ({len(bad)} such "
            f"entries); expected finite numbers{bound}"
        )
    found.flags.writeable = False
    return found, rows, columns


def covariance_matrix(values: Any, what: str = "covariance") -> tuple[Array, pd.Index]:
    """A covariance, checked to be one (square, symmetric, without a negative variance), and the names of its rows."""
    found, rows, columns = matrix(values, what)
    if found.shape[0] != found.shape[1]:
        raise DataError(f"{what} have shape {found.shape}; expected as many rows as columns")
    if not rows.equals(columns):
        raise DataError(f"{what} name their rows and columns differently; name both alike, in one order")
    size = float(np.abs(found).max(initial=0.0))
    off = np.abs(found - found.T)
    if off.max(initial=0.0) > _SAME * size:
        i, j = divmod(int(np.argmax(off)), len(found))
        raise DataError(
            f"{what} of {rows[i]!r} and {rows[j]!r} are {found[i, j]:g} one way and {found[j, i]:g} the other; "
            "a covariance is symmetric"
        )
    found = 0.5 * (found + found.T)
    least = float(np.linalg.eigvalsh(found)[0]) if len(found) else 0.0
    if least < -_SAME * max(size, 0.0) * max(len(found), 1):
        raise DataError(
            f"{what} give some combination a variance of {least:g} (their least eigenvalue); expected none below 0: "
            "estimate them from one set of observations, or set negative eigenvalues to 0"
        )
    found.flags.writeable = False
    return found, rows
