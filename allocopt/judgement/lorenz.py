"""The Lorenz curve of a division, and the two orders of divisions that every index of their kind respects.

Same conventions as :mod:`allocopt.judgement.inequality`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from allocopt.facts.checks import Array
from allocopt.judgement.inequality import ROUNDING, by_ratio, counted, ratio, read, require_exposure

if TYPE_CHECKING:
    from allocopt.judgement.inequality import Column


def lorenz_curve(x: Column, by: Column | None = None) -> tuple[Array, Array]:
    r"""Points of the Lorenz curve, lightest burden (or ratio) first: running shares of payers (or exposure), of burden.

    Both arrays start at 0 and end at 1. The Gini coefficient is twice the area between curve and diagonal.

    >>> p, L = lorenz_curve([50, 75, 75])
    >>> L.round(3).tolist()
    [0.0, 0.25, 0.625, 1.0]
    """
    burden, exposure = by_ratio(*counted(x, by))
    return tuple(np.concatenate([[0.0], np.cumsum(v)[:-1], [1.0]]) for v in (exposure, burden))  # type: ignore[return-value]


class LorenzOrder(IntEnum):
    """How two Lorenz curves lie, with the codes of R's ``ClaimsProblems::lorenzdominance``."""

    SECOND_DOMINATES = -1
    INCOMPARABLE = 0
    FIRST_DOMINATES = 1
    EQUAL = 2


def lorenz_dominates(x: Column, y: Column, by: Column | None = None) -> LorenzOrder:
    r"""Whether ``x`` is more equal than ``y`` by every index that respects the Lorenz order.

    1: yes, its curve lies nowhere below that of ``y`` and somewhere above. -1: the reverse. 2: the curves are equal.
    0: they cross, and indices may disagree. The curves are of shares, so totals and numbers of payers may differ;
    curves closer than a part in 1e9 count as equal.

    Source: manual of R package ClaimsProblems 1.0.0, ``lorenzdominance`` (definition and codes).

    >>> lorenz_dominates([50, 75, 75], [100 / 3, 250 / 3, 250 / 3]).name
    'FIRST_DOMINATES'
    """
    return _order(counted(x, by), counted(y, by), np.empty(0))


def burden_dominates(x: Column, y: Column, by: Column | None = None) -> LorenzOrder:
    r"""Whether ``x`` is lighter and more equal than ``y``: the Lorenz order of burdens whose totals may differ.

    1: for every k the k heaviest burdens together (with ``by`` the heaviest rates on any amount of exposure) are no
    more under ``x`` than under ``y``, and somewhere less, so everybody who dislikes burdens and their inequality
    prefers ``x``. Codes as in :func:`lorenz_dominates`, which compares shares and is blind to the total; for equal
    totals the two agree. Both columns are of the same payers. It is the generalised Lorenz order with its sign turned
    for burdens (weak majorisation; the increasing convex order).

    Source: Shorrocks, Economica 50, 1983, 3-17; Marshall, Olkin and Arnold, Inequalities, 2nd edition, 2011, 1.A.2.

    >>> burden_dominates([10, 20], [10, 30]).name, lorenz_dominates([10, 30], [10, 20]).name
    ('FIRST_DOMINATES', 'SECOND_DOMINATES')
    """
    ours, theirs, exposure = read(x=x, y=y, by=by)
    most = max(float(ours.sum()), float(theirs.sum()))
    if not most:
        return LorenzOrder.EQUAL
    require_exposure(ours + theirs, exposure)
    of = exposure / exposure.sum()
    counts = [(side > 0) | (of > 0) for side in (ours, theirs)]
    one, other = ((side[c] / most, of[c]) for side, c in zip((ours, theirs), counts, strict=True))
    return _order(one, other, np.zeros(1))


def _order(one: tuple[Array, Array], other: tuple[Array, Array], at: Array) -> LorenzOrder:
    """How two columns of burdens p on exposures q lie: which has less beyond each rate, theirs and those ``at``."""
    first, second = by_ratio(*one), by_ratio(*other)
    rates = np.concatenate([at, ratio(*first), ratio(*second)])
    rates = rates[np.isfinite(rates)]
    gap = _excess(*second, rates) - _excess(*first, rates)
    above, below = gap.max(initial=0.0) > ROUNDING, gap.min(initial=0.0) < -ROUNDING
    if above and below:
        return LorenzOrder.INCOMPARABLE
    if not above and not below:
        return LorenzOrder.EQUAL
    return LorenzOrder.FIRST_DOMINATES if above else LorenzOrder.SECOND_DOMINATES


def _excess(p: Array, q: Array, rates: Array) -> Array:
    r"""Burden beyond each rate, :math:`\sum_i (p_i - t q_i)^+`: the conjugate of the Lorenz curve, lower = more equal.

    It says the same as the curve, as far apart, and also sees a payer without exposure, whom points of the curve hide
    in a vertical step.
    """
    heavier = np.searchsorted(ratio(p, q), rates)
    burden, exposure = (np.append(np.cumsum(v[::-1])[::-1], 0.0)[heavier] for v in (p, q))
    return np.asarray(burden - rates * exposure, dtype=np.float64)
