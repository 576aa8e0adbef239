"""Who bears most: the heaviest burdens, how far they are from the lightest, and what goes beyond equity.

Same conventions as :mod:`allocopt.judgement.inequality`; with ``by`` the burden *rates* ``x / by`` are judged, where a
payer with neither burden nor exposure does not count and one who pays without exposure has an infinite rate.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number
from allocopt.judgement.inequality import ROUNDING, read, require_exposure, shares

if TYPE_CHECKING:
    from allocopt.judgement.inequality import Column


def _rates(x: Column, by: Column | None) -> Array:
    burden, exposure = read(x=x, by=by)
    require_exposure(burden, exposure)
    counts = (burden > 0) | (exposure > 0)
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(burden[counts] / exposure[counts], dtype=np.float64)


def max_burden(x: Column, by: Column | None = None) -> float:
    r"""The heaviest burden, :math:`\max_i x_i`, or burden rate, :math:`\max_i x_i / by_i`; 0 when there is nobody.

    >>> max_burden([10, 10, 30], by=[10, 20, 20])
    1.5
    """
    return float(_rates(x, by).max(initial=0.0))


def max_min_ratio(x: Column, by: Column | None = None) -> float:
    r"""How many times heavier the heaviest burden (or rate) is than the lightest; 1 when equal or when nothing is paid.

    Infinite when somebody pays nothing while others pay.

    >>> max_min_ratio([10, 10, 30], by=[10, 20, 20]), max_min_ratio([0, 1])
    (3.0, inf)
    """
    rates = _rates(x, by)
    if not rates.any():
        return 1.0
    low, high = float(rates.min()), float(rates.max())
    return high / low if low > 0 else math.inf


def envy(x: Column, by: Column | None = None) -> float:
    r"""The largest envy, :math:`\max_{ij} (r_i - r_j)^+`: heaviest minus lightest burden (or rate), in their unit.

    >>> envy([10, 10, 30], by=[10, 20, 20])
    1.0
    """
    rates = _rates(x, by)
    return float(rates.max() - rates.min()) if len(rates) else 0.0


def cvar_of_burden(x: Column, level: float, by: Column | None = None) -> float:
    r"""The mean burden (or rate) of the worst ``1 - level`` of the payers, each payer counting once.

    .. math:: \frac{1}{k} \Big(\sum_{i \le \lfloor k \rfloor} x_{(i)} + (k - \lfloor k \rfloor)
        x_{(\lfloor k \rfloor + 1)}\Big), \quad k = (1 - level)\, n, \quad x_{(1)} \ge x_{(2)} \ge \dots

    ``level`` is between 0 (the mean) and 1 (the maximum); a tail that ends within a payer counts a fraction of that
    payer.

    Source: Rockafellar and Uryasev, Journal of Banking & Finance 26, 2002, 1443-1471.

    >>> round(cvar_of_burden(range(1, 11), level=0.75), 12)
    9.2
    """
    tail = 1.0 - number(level, "level", high=1.0)
    heaviest = np.sort(_rates(x, by))[::-1]
    k = tail * len(heaviest)
    if not len(heaviest):
        return 0.0
    if k <= 1:
        return float(heaviest[0])
    heaviest = heaviest[: math.ceil(k)]
    counted = np.minimum(k - np.arange(len(heaviest)), 1.0)
    return float(np.sum(counted * heaviest) / k)


def top_share(x: Column, k: int = 1) -> float:
    r"""The part of the loss borne by the ``k`` who bear most; k/n when all bear the same or nothing is paid.

    >>> top_share([1, 2, 3, 4], k=2)
    0.7
    """
    if not isinstance(k, int) or isinstance(k, bool) or k < 0:
        raise DataError(f"k is {k!r}; give a whole number of payers, 0 or more")
    p = shares(*read(x=x, by=None))[0]
    return float(np.sum(np.sort(p)[::-1][:k]))


def solvency_breaches(x: Column, equity: Column) -> int:
    """How many payers bear more than the equity they have; a payer who bears nothing breaches nothing.

    A burden that meets the equity to a part in 1e9 of the largest burden is not a breach.

    >>> solvency_breaches([5, 5, 0], equity=[4, 5, -1])
    1
    """
    beyond, rounding = _beyond_equity(x, equity)
    return int(np.sum(beyond > rounding))


def solvency_shortfall(x: Column, equity: Column) -> float:
    r"""The part of the burdens that equity does not cover, :math:`\sum_i (x_i - \max(e_i, 0))^+`, in currency.

    >>> solvency_shortfall([5, 5, 0], equity=[4, 5, -1])
    1.0
    """
    beyond, rounding = _beyond_equity(x, equity)
    return float(beyond[beyond > rounding].sum())


def _beyond_equity(x: Column, equity: Column) -> tuple[Array, float]:
    burden, own = read(signed=("equity",), x=x, equity=equity)
    return burden - np.maximum(own, 0.0), ROUNDING * float(burden.max(initial=0.0))
