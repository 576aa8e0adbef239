"""One place where numbers from outside are looked at: each check returns its argument clean or says what is wrong."""

from __future__ import annotations

import math
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.errors import DataError

Array = NDArray[np.float64]

# Products of two amounts (variances, costs) must stay within the range of floats; no currency needs more.
LARGEST = 1e150

_SHOWN = 80  # characters of a value that is shown in a message
_LISTED = 5  # how many faulty entries a message names before it counts the rest


def number(value: Any, what: str, *, low: float = 0.0, high: float = math.inf, finite: bool = True) -> float:
    """Return ``value`` as a float within ``[low, high]``.

    >>> number("12", "the loss")
    Traceback (most recent call last):
    allocopt.errors.DataError: the loss is '12' (str), not a number; give an int or a float
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise DataError(f"{what} is {shown(value)} ({type(value).__name__}), not a number; give an int or a float")
    try:
        out = float(value)
    except OverflowError:
        raise DataError(f"{what} is too large for a float; state amounts in a larger unit") from None
    if math.isnan(out):
        raise DataError(f"{what} is NaN; give a number, or leave the item out")
    if math.isfinite(out) and abs(out) > LARGEST:
        raise DataError(f"{what} is {out:g}, beyond {LARGEST:g}; state amounts in a larger unit")
    if finite and math.isinf(out):
        raise DataError(f"{what} is {out}; give a finite number")
    if not low <= out <= high:
        raise DataError(f"{what} is {out:g}; expected a value {_range(low, high)}")
    return out


def shown(value: Any) -> str:
    """A value as it is written in a message: on one line, and not longer than a line.

    >>> shown(pd.Series([3.0, 4.0]))
    '0 3.0 1 4.0 dtype: float64'
    """
    text = " ".join(repr(value).split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _range(low: float, high: float) -> str:
    if math.isinf(high):
        return "of either sign" if math.isinf(low) else f">= {low:g}"
    return f"between {low:g} and {high:g}"


def vector(
    values: Any, ids: pd.Index, what: str, *, low: float = 0.0, high: float = math.inf, finite: bool = True
) -> Array:
    """Return one float per payer, read-only, every entry within ``[low, high]``; faults are collected and named.

    A Series is aligned by payer id (every payer must be there); a scalar is repeated; anything else must have one
    entry per payer, in the order of the table. ``finite=False`` lets ``inf`` through.
    """
    if isinstance(values, pd.Series):
        series = _aligned(values, ids, what)
    elif isinstance(values, Real) and not isinstance(values, bool | np.bool_):
        series = pd.Series(number(values, what, low=-math.inf, finite=False), index=ids)
    else:
        series = _listed(values, ids, what)
    if pd.api.types.is_bool_dtype(series.dtype):
        raise DataError(f"{what} holds true/false; expected numbers")
    if pd.api.types.is_complex_dtype(series.dtype):
        raise DataError(f"{what} holds complex numbers; expected real ones")
    if not pd.api.types.is_numeric_dtype(series.dtype):
        series = _parsed(series, what)
    out = series.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    faults = [f"{ids[int(i)]!r} is NaN" for i in np.flatnonzero(np.isnan(out))]
    if finite:
        faults += [f"{ids[int(i)]!r} is {out[i]}" for i in np.flatnonzero(np.isinf(out))]
    wrong = (out < low) | (out > high)
    huge = np.isfinite(out) & (np.abs(out) > LARGEST)
    faults += [f"{ids[int(i)]!r} is {out[i]:g}, beyond {LARGEST:g}" for i in np.flatnonzero(huge & ~wrong)]
    if finite:
        wrong &= np.isfinite(out)
    faults += [f"{ids[int(i)]!r} is {out[i]:g}" for i in np.flatnonzero(wrong)]
    if faults:
        more = f" and {len(faults) - _LISTED} more" if len(faults) > _LISTED else ""
        kind = "finite numbers" if finite else "numbers"
        raise DataError(
            f"{what}: {', '.join(faults[:_LISTED])}{more}; expected {kind} {_range(low, high)}: "
            "correct the entry or drop the payer"
        )
    out.flags.writeable = False
    return out


def generator(seed: Any) -> np.random.Generator:
    """The source of draws for a seed: a whole number >= 0, a Generator (used as it is), or None for fresh ones.

    >>> generator(-1)
    Traceback (most recent call last):
    allocopt.errors.DataError: seed is -1; give a whole number >= 0 or a numpy Generator
    """
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise DataError(f"seed is {shown(seed)}; give a whole number >= 0 or a numpy Generator") from None


def _listed(values: Any, ids: pd.Index, what: str) -> pd.Series[Any]:
    """A list, tuple or array with one entry per payer, in the order of the table."""
    if not isinstance(values, list | tuple | np.ndarray | pd.Index | range):
        raise DataError(
            f"{what} is {shown(values)} ({type(values).__name__}); give a number, a Series by payer or a list"
        )
    array = np.asarray(values, dtype=object) if not isinstance(values, np.ndarray) else values
    if array.ndim != 1 or len(array) != len(ids):
        raise DataError(f"{what} has shape {array.shape}; expected one entry for each of the {len(ids)} payers")
    return pd.Series(array, index=ids)


def _aligned(values: pd.Series[Any], ids: pd.Index, what: str) -> pd.Series[Any]:
    if not values.index.is_unique:
        twice = values.index[values.index.duplicated()].unique()[0]
        raise DataError(f"{what} names payer {twice!r} twice; keep one row per payer")
    if values.index is ids or values.index.equals(ids):
        return values
    missing = ids.difference(values.index, sort=False)
    if len(missing):
        raise DataError(f"{what} has no entry for payer {missing[0]!r} ({len(missing)} missing); give one per payer")
    return values.reindex(ids)


def _parsed(series: pd.Series[Any], what: str) -> pd.Series[Any]:
    """Object columns may hold Python numbers (or None for NaN); text in them is named, never guessed at."""
    out = np.empty(len(series))
    for at, (payer, value) in enumerate(series.items()):
        if value is None or value is pd.NA or value is pd.NaT:
            out[at] = math.nan
            continue
        if isinstance(value, bool | np.bool_) or not isinstance(value, Real | Decimal):
            raise DataError(f"{what}: {payer!r} is {value!r}, not a number; write it as a plain number")
        try:
            out[at] = float(value)
        except OverflowError:
            raise DataError(f"{what}: {payer!r} is too large for a float; state amounts in a larger unit") from None
    return pd.Series(out, index=series.index)


def payer_table(payers: Any, what: str = "payers") -> pd.DataFrame:
    """Return a private copy of the table, with unique payer ids as its index."""
    if isinstance(payers, pd.Series):
        raise DataError(f"{what} is a Series; give a DataFrame with one row per payer (series.to_frame() makes one)")
    if not isinstance(payers, pd.DataFrame):
        try:
            payers = pd.DataFrame(payers)
        except (ValueError, TypeError) as fault:
            raise DataError(f"{what} cannot be read as a table ({fault}); give a pandas DataFrame") from None
    table: pd.DataFrame = payers.copy(deep=True)
    if isinstance(table.index, pd.MultiIndex):
        named = bool(table.index.to_frame().isna().to_numpy().any())
    else:
        named = table.index.hasnans
    if named:
        raise DataError(f"{what}: a payer id is missing (NaN in the index); name every payer")
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()].unique()
        raise DataError(f"{what}: payer id {twice[0]!r} occurs more than once; ids must be unique")
    if not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()].unique()
        raise DataError(f"{what}: column {twice[0]!r} occurs more than once; rename one")
    return table


def one_currency(table: pd.DataFrame, currency: str) -> str:
    """Return the single currency of the table and the question; amounts in two currencies are never added."""
    if not isinstance(currency, str):
        raise DataError(f"currency is {currency!r}; give a code such as 'EUR', or '' when the amounts have none")
    if "currency" not in table.columns or not len(table):
        return currency
    if table["currency"].isna().any():
        payer = table.index[table["currency"].isna()][0]
        raise DataError(f"payer {payer!r} has no currency; fill the column 'currency' or drop it")
    found = [str(c) for c in pd.unique(table["currency"])]
    if len(found) > 1:
        rows = {c: table.index[table["currency"].astype(str) == c][0] for c in found}
        named = ", ".join(f"{c} (payer {rows[c]!r})" for c in found)
        raise DataError(f"payers are stated in several currencies: {named}; convert them to one before dividing a loss")
    if currency and found[0] != currency:
        raise DataError(f"the loss is in {currency} but the payers' amounts are in {found[0]}; convert one of them")
    return found[0]
