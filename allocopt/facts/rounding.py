"""Money that is paid is in cents and adds up: largest remainders, within caps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allocopt.errors import DataError
from allocopt.facts.checks import Array

_EXACT = 2.0**53  # beyond this many units a float no longer counts every one
# 0.29 is 28.999999999999996 cents in binary: a few units in the last place decide whether a cent is whole. Wider, and
# real fractions of large amounts would be taken for whole cents.
_ULPS = 8 * float(np.finfo(np.float64).eps)


def _snapped(units: Array) -> Array:
    near = np.rint(units)
    return np.where(np.abs(units - near) <= _ULPS * np.abs(units), near, units)


def whole_units(amounts: Array, decimals: int) -> Array:
    """How many whole units of ``10**-decimals`` fit into each amount; ``inf`` stays.

    >>> whole_units(np.array([0.29, 0.299, np.inf]), 2)
    array([29., 29., inf])
    """
    finite = np.isfinite(amounts)
    units = np.floor(_snapped(np.where(finite, amounts, 0.0) * 10.0 ** _places(decimals)))
    return np.asarray(np.where(finite, units, np.inf), dtype=np.float64)


def largest_remainder(shares: Array, caps: Array, decimals: int) -> Array:
    """Round shares to ``decimals`` places so that they add up to the rounded total and none exceeds its cap.

    Every share is cut down to whole units of ``10**-decimals``; the units that are missing go one by one to the
    largest remainders (ties: the earlier row), skipping payers whose cap has no room for a whole unit. When the caps,
    counted in whole units, cannot hold the rounded total, the shares stop at the caps.

    >>> largest_remainder(np.array([1/3, 1/3, 1/3]) * 100, np.array([np.inf, np.inf, np.inf]), 2)
    array([33.34, 33.33, 33.33])
    """
    return np.asarray(apportioned(shares, caps, decimals) / 10.0**decimals, dtype=np.float64)


def apportioned(
    shares: Array, caps: Array, decimals: int, total: float | None = None, only: NDArray[np.bool_] | None = None
) -> Array:
    """Shares in whole units of ``10**-decimals`` that add up to ``total`` units, by largest remainders below the caps.

    Without a ``total`` it is the rounded sum of the shares. A total below the shares takes units back, the smallest
    remainders first. ``only`` says who may be given a unit beyond its share.

    >>> apportioned(np.array([1.4, 1.4, 1.2]), np.full(3, np.inf), 0, 5)
    array([2., 2., 1.])
    >>> apportioned(np.array([1.4, 1.4, 1.2]), np.full(3, np.inf), 0, 2)
    array([1., 1., 0.])
    """
    unit = 10.0 ** _places(decimals)
    units = shares * unit
    if len(units) and max(float(np.abs(units).sum()), total or 0.0) > _EXACT:
        raise DataError(f"{decimals} decimals of {shares.sum():,.0f} are more units than a float counts; use fewer")
    units = _snapped(units)
    room = whole_units(caps, decimals)
    whole = np.minimum(np.floor(units), room)
    missing = int((np.rint(units.sum()) if total is None else total) - whole.sum())
    order = np.argsort(-(units - whole), kind="stable")
    given = order if only is None else order[only[order]]
    while missing > 0:
        able = given[whole[given] + 1 <= room[given]][:missing]
        if not len(able):
            break
        whole[able] += 1
        missing -= len(able)
    while missing < 0:
        able = order[::-1][whole[order[::-1]] >= 1][:-missing]
        if not len(able):
            break
        whole[able] -= 1
        missing += len(able)
    return np.asarray(whole, dtype=np.float64)


def _places(decimals: int) -> int:
    if not isinstance(decimals, int) or isinstance(decimals, bool):
        raise DataError(f"decimals is {decimals!r}; give a whole number, 2 for cents")
    if not -15 <= decimals <= 15:
        raise DataError(f"decimals is {decimals}; expected a number between -15 and 15")
    return decimals
