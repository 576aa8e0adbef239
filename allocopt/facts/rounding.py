"""Money that is paid is in cents and adds up: largest remainders, within caps."""

from __future__ import annotations

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array

_EXACT = 2.0**53  # beyond this many units a float no longer counts every one
# 0.29 is 28.999999999999996 cents in binary: a few units in the last place decide whether a cent is whole. Wider, and
# real fractions of large amounts would be taken for whole cents.
_ULPS = 8 * float(np.finfo(np.float64).eps)


def _snapped(units: Array) -> Array:
    near = np.rint(units)
    return np.where(np.abs(units - near) <= _ULPS * np.abs(units), near, units)


def largest_remainder(shares: Array, caps: Array, decimals: int) -> Array:
    """Round shares to ``decimals`` places so that they add up to the rounded total and none exceeds its cap.

    Every share is cut down to whole units of ``10**-decimals``; the units that are missing go one by one to the
    largest remainders (ties: the earlier row), skipping payers whose cap has no room for a whole unit. When the caps,
    counted in whole units, cannot hold the rounded total, the shares stop at the caps.

    >>> largest_remainder(np.array([1/3, 1/3, 1/3]) * 100, np.array([np.inf, np.inf, np.inf]), 2)
    array([33.34, 33.33, 33.33])
    """
    if not isinstance(decimals, int) or isinstance(decimals, bool):
        raise DataError(f"decimals is {decimals!r}; give a whole number, 2 for cents")
    if not -15 <= decimals <= 15:
        raise DataError(f"decimals is {decimals}; expected a number between -15 and 15")
    unit = 10.0**decimals
    units = shares * unit
    if len(units) and float(np.abs(units).sum()) > _EXACT:
        raise DataError(f"{decimals} decimals of {shares.sum():,.0f} are more units than a float counts; use fewer")
    units = _snapped(units)
    room = np.where(np.isfinite(caps), np.floor(_snapped(np.where(np.isfinite(caps), caps, 0.0) * unit)), np.inf)
    whole = np.minimum(np.floor(units), room)
    missing = int(np.rint(units.sum()) - whole.sum())
    order = np.argsort(-(units - whole), kind="stable")
    while missing > 0:
        able = order[whole[order] + 1 <= room[order]][:missing]
        if not len(able):
            break
        whole[able] += 1
        missing -= len(able)
    return np.asarray(whole / unit, dtype=np.float64)
