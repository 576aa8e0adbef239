"""Fairness of a division in numbers: plain functions on one burden per payer, all importable from here.

Indices of inequality come from ``inequality``, indices of who bears it from ``progressivity``; here are the rest.

The conventions are those of :mod:`allocopt.judgement.inequality`: burdens ``x`` >= 0, one per payer, as a Series
(aligned by payer id), an array or a list; ``by`` is a column of exposures and then the burden *rates* ``x / by`` are
judged, where a payer with neither burden nor exposure does not count and one who pays without exposure has an infinite
rate. Faulty columns raise :class:`~allocopt.errors.DataError`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number, vector
from allocopt.judgement.inequality import (
    ROUNDING,
    LorenzOrder,
    atkinson,
    coefficient_of_variation,
    fractions,
    generalized_entropy,
    gini,
    hhi,
    hoover,
    jain,
    lorenz_curve,
    lorenz_dominates,
    read,
    require_exposure,
    shares,
    theil,
    theil_l,
)
from allocopt.judgement.progressivity import concentration_index, kakwani, reynolds_smolensky, suits, totals

if TYPE_CHECKING:
    from allocopt.judgement.inequality import Column

    Worth = Callable[[NDArray[np.bool_]], Array]

__all__ = [
    "LorenzOrder",
    "atkinson",
    "coefficient_of_variation",
    "concentration_index",
    "cvar_of_burden",
    "distance",
    "envy",
    "free_rider_index",
    "generalized_entropy",
    "gini",
    "group_ratio",
    "hhi",
    "hoover",
    "jain",
    "kakwani",
    "kendall_tau_b",
    "kl_divergence",
    "kolm_pollak",
    "lorenz_curve",
    "lorenz_dominates",
    "max_burden",
    "max_core_excess",
    "max_min_ratio",
    "reynolds_smolensky",
    "solvency_breaches",
    "solvency_shortfall",
    "suits",
    "theil",
    "theil_l",
    "top_share",
]

_MOST_PLAYERS = 20  # the memberships of 2**20 coalitions take 20 MB; each further player doubles that


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


def kolm_pollak(x: Column, kappa: float) -> float:
    r"""Kolm-Pollak equally distributed equivalent: the equal burden that would be as bad as the burdens ``x``.

    .. math:: \frac1\kappa \log \frac1n \sum_i e^{\kappa x_i}

    ``kappa`` > 0, in 1 / unit of ``x``, is the aversion to heavy burdens; the result is in the unit of ``x``, at least
    the mean, and rises by c when every burden does. ``kappa = 0`` gives the mean; a negative kappa reads ``x`` as a
    good. Entries may be negative. This, not :func:`atkinson`, is made for burdens.

    Source: Sheriff and Maguire, Risk Analysis 2020, doi 10.1111/risa.13562; Kolm, Journal of Economic Theory 13,
    1976, 82-111.

    >>> round(kolm_pollak([1, 2, 3, 4], kappa=1), 6)
    3.053895
    """
    k = number(kappa, "kappa", low=-math.inf)
    (burden,) = read(signed=("x",), x=x)
    if not len(burden):
        return 0.0
    if k == 0:
        return float(burden.mean())
    scaled = k * burden
    top = float(scaled.max())
    return (top + math.log(np.exp(scaled - top).mean())) / k


def kl_divergence(x: Column, reference: Column) -> float:
    r"""Kullback-Leibler divergence of the shares of ``x`` from those of ``reference``, in nats; 0 when in proportion.

    Infinite when somebody pays whose reference is zero. The same number as ``theil(x, by=reference)``.

    >>> kl_divergence([2, 4], reference=[1, 2])
    0.0
    """
    return theil(x, by=reference)


def distance(x: Column, y: Column) -> float:
    r"""The part of the loss that must change hands to turn ``x`` into ``y``: :math:`\sum_i |x_i - y_i| / (2 L)`.

    :math:`L` is the total, the larger one when the totals differ. Total variation: 0 same, 1 disjoint. ``y`` may have
    negative entries (a Shapley value or a risk contribution of a hedger).

    >>> distance([50, 50, 100], [50, 75, 75])
    0.125
    """
    ours, theirs = read(signed=("y",), x=x, y=y)
    total = max(ours.sum(), theirs.sum())
    return float(np.abs(ours - theirs).sum() / (2 * total)) if total > 0 else 0.0


def free_rider_index(x: Column, risk: Column) -> float:
    r"""The part of the loss borne by others than those who brought the risk: :math:`\tfrac12 \sum |p_i - \rho_i|`.

    :math:`p_i` is the share of the burden and :math:`\rho_i` the share of the risk, ``risk`` over its total, which
    must be positive; contributions of hedgers may be negative. Payer i rides free by :math:`1 - p_i / \rho_i`.

    >>> free_rider_index([1, 1, 2], risk=[1, 2, 1])
    0.25
    """
    burden, brought = read(signed=("risk",), x=x, risk=risk)
    if not burden.any():
        return 0.0
    if brought.sum() <= 0:
        raise DataError(f"risk sums to {brought.sum():g}; expected a positive total risk to take shares of")
    return 0.5 * float(np.abs(fractions(burden) - fractions(brought)).sum())


def kendall_tau_b(x: Column, r: Column) -> float:
    r"""Kendall's tau-b: do those who rank higher in ``r`` (risk, exposure) bear more? 1 same order, -1 the reverse.

    .. math:: \tau_b = \frac{\#\text{concordant} - \#\text{discordant}}
        {\sqrt{\#\text{pairs untied in } x\ \cdot\ \#\text{pairs untied in } r}}

    0 when either column does not rank anybody (all equal, or fewer than two payers). ``r`` may be negative.

    Source: Kendall, Biometrika 33, 1945, 239-251.

    >>> round(kendall_tau_b([1, 1, 2, 3], [1, 2, 3, 4]), 6)
    0.912871
    """
    burden, rank = read(signed=("r",), x=x, r=r)
    if len(burden) < 2 or np.ptp(burden) == 0 or np.ptp(rank) == 0:
        return 0.0
    from scipy.stats import kendalltau

    return float(kendalltau(burden, rank).statistic)


def group_ratio(x: Column, by: Column | None, groups: Any) -> float:
    r"""How many times heavier the burden rate of one group is than that of another, at worst over pairs of groups.

    .. math:: \max_{G, H} \frac{x(G) / by(G)}{x(H) / by(H)}

    ``groups`` holds one label per payer (small or large, house or client). 1 when all groups bear the same rate or
    nothing is paid, infinite when one group pays nothing.

    >>> group_ratio([1, 3, 4], by=[2, 2, 8], groups=["small", "small", "large"])
    2.0
    """
    codes = pd.factorize(np.asarray(groups, dtype=object))[0]
    if (codes < 0).any():
        raise DataError(f"groups: the label at row {int(np.argmin(codes))} is missing; give every payer a group")
    labels = pd.Series(codes, index=groups.index) if isinstance(groups, pd.Series) else codes
    burden, exposure, group = read(x=x, by=by, groups=labels)
    at = group.astype(np.intp)
    return max_min_ratio(totals(burden, at), by=totals(exposure, at))


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


def max_core_excess(x: Column, costs: Array | Worth) -> float:
    r"""What the worst-treated coalition overpays: :math:`\max_S x(S) - c(S)` over all but the empty and the full one.

    ``costs`` is a *cost* game: the cost of every coalition by bit mask (2^n numbers, bit i = payer i, nothing for the
    empty one) or a function from memberships, bool of shape (m, n), to m costs. At most 0 exactly when ``x``, if it
    covers the cost of all, is in the core; a positive value is what that coalition saves by leaving. 0 with fewer than
    two payers. Every coalition is looked at, so up to 20 payers.

    >>> max_core_excess([3, 3], costs=[0, 2, 5, 6])
    1.0
    """
    (burden,) = read(signed=("x",), x=x)
    n = len(burden)
    if n > _MOST_PLAYERS:
        raise DataError(f"{n} payers form 2**{n} coalitions; up to {_MOST_PLAYERS} are enumerated: use max_excess")
    masks = np.arange(2**n, dtype=np.uint32)
    members = (masks[:, None] >> np.arange(n, dtype=np.uint32) & 1).astype(np.bool_)
    worth = costs(members) if callable(costs) else costs
    if np.shape(worth) != (2**n,):
        raise DataError(f"costs has shape {np.shape(worth)}; expected {2**n} costs, one per coalition of {n} payers")
    cost = vector(worth, pd.RangeIndex(2**n), "costs", low=-math.inf)
    if cost[0] != 0:
        raise DataError(f"costs: the empty coalition costs {cost[0]:g}; it must cost 0, and entry 0 is the empty one")
    paid = np.zeros(1)
    for share in burden:
        paid = np.concatenate([paid, paid + share])
    return float((paid - cost)[1:-1].max()) if n > 1 else 0.0
