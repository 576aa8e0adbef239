"""Long and short: signs, the facing side, and how a table states them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array, number, vector

Side = Literal["long", "short"]
SIDES: tuple[Side, Side] = ("long", "short")


def sign_of(side: str) -> float:
    """+1 for long, -1 for short."""
    if side not in SIDES:
        raise unknown("side", side, SIDES)
    return 1.0 if side == "long" else -1.0


def other(side: str) -> Side:
    """The side that is closed against this one."""
    return SIDES[1] if sign_of(side) > 0 else SIDES[0]


def price_above_zero(value: Any, what: str) -> float:
    """A price, or one clear line."""
    price = number(value, what, low=-np.inf)
    if price <= 0:
        raise DataError(f"{what} is {'zero' if price == 0 else format(price, 'g')}; it must be above zero")
    return price


def positions(table: pd.DataFrame) -> tuple[Array, Array]:
    """Sign and size of every position."""
    if "side" not in table.columns:
        signed = vector(table["contracts"], table.index, "contracts", low=-np.inf)
        return np.where(signed < 0, -1.0, 1.0), np.abs(signed)
    size, side = vector(table["contracts"], table.index, "contracts"), table["side"]
    long, short = np.asarray(side == "long", dtype=bool), np.asarray(side == "short", dtype=bool)
    neither = np.flatnonzero(~(long | short))
    if len(neither):
        at = int(neither[0])
        raise DataError(f"account {table.index[at]!r} has the side {side.iloc[at]!r}; expected 'long' or 'short'")
    return np.where(long, 1.0, -1.0), size
