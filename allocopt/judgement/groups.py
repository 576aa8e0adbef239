"""How groups of payers fare against each other, and how much of an inequality lies between them.

Same conventions as :mod:`allocopt.judgement.inequality`; ``groups`` holds one label per payer (small or large, house or
client), a Series by payer or in the order of the payers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number
from allocopt.judgement.burdens import envy, max_min_ratio
from allocopt.judgement.inequality import fractions, generalized_entropy, read, require_exposure
from allocopt.judgement.progressivity import totals

if TYPE_CHECKING:
    from allocopt.judgement.inequality import Column


def group_rates(x: Column, by: Column | None, groups: Any) -> pd.Series[float]:
    r"""The burden rate of each group, :math:`x(G) / by(G)`, by label; without ``by`` the mean burden of its payers.

    NaN for a group with neither burden nor exposure, infinite for one that pays without exposure.

    >>> group_rates([1, 3, 4], by=[2, 2, 8], groups=["small", "small", "large"]).to_dict()
    {'small': 1.0, 'large': 0.5}
    """
    labels, burden, exposure, _ = _by_group(x, by, groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        return pd.Series(burden / exposure, index=labels, name="rate")


def group_ratio(x: Column, by: Column | None, groups: Any) -> float:
    r"""How many times heavier the burden rate of one group is than that of another, at worst over pairs of groups.

    .. math:: \max_{G, H} \frac{x(G) / by(G)}{x(H) / by(H)}

    ``groups`` holds one label per payer (small or large, house or client). 1 when all groups bear the same rate or
    nothing is paid, infinite when one group pays nothing.

    >>> group_ratio([1, 3, 4], by=[2, 2, 8], groups=["small", "small", "large"])
    2.0
    """
    _, burden, exposure, _ = _by_group(x, by, groups)
    return max_min_ratio(burden, by=exposure)


def group_gap(x: Column, by: Column | None, groups: Any) -> float:
    r"""By how much the burden rate of one group exceeds that of another, at worst over pairs of groups.

    .. math:: \max_{G, H} \frac{x(G)}{by(G)} - \frac{x(H)}{by(H)}

    In currency per unit of ``by``; 0 when all groups bear the same rate or nothing is paid.

    >>> group_gap([1, 3, 4], by=[2, 2, 8], groups=["small", "small", "large"])
    0.5
    """
    _, burden, exposure, _ = _by_group(x, by, groups)
    return envy(burden, by=exposure)


class Decomposition(NamedTuple):
    """An inequality as the part between groups and the part within them; ``by_group`` is the index within each."""

    total: float
    between: float
    within: float
    by_group: pd.Series[float]


def entropy_decomposition(x: Column, alpha: float, groups: Any, by: Column | None = None) -> Decomposition:
    r"""How much of a generalised entropy lies between groups, and how much within them.

    .. math:: GE_\alpha = \underbrace{GE_\alpha(p_G, q_G)}_{\text{between}} +
        \underbrace{\sum_G p_G^{\alpha} q_G^{1 - \alpha}\, GE_\alpha(G)}_{\text{within}}

    :math:`p_G` is the group's share of the burden and :math:`q_G` its share of the exposure (of the payers without
    ``by``). Between is what would be left if every group were even inside: the ``between_group`` indices of package
    aif360. Weights are the shares of burden for Theil's T (alpha 1) and of exposure for Theil's L (alpha 0). A group
    that pays without exposure counts as even inside, for its rates are all infinite.

    Source: Shorrocks, Econometrica 48, 1980, 613-625; Speicher et al., KDD 2018, 2239-2248.

    >>> parts = entropy_decomposition([1, 3, 4, 4], alpha=2, groups=["a", "a", "b", "b"])
    >>> [round(part, 6) for part in parts[:3]]
    [0.083333, 0.055556, 0.027778]
    """
    a = number(alpha, "alpha", low=-np.inf)
    total = generalized_entropy(x, a, by)
    labels, burden, exposure, members = _by_group(x, by, groups)
    between = generalized_entropy(burden, a, exposure)
    each = np.array([generalized_entropy(p, a, q) if q.any() else 0.0 for p, q in members])
    p, q = fractions(burden), fractions(exposure)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        weight = np.where(q > 0, q * (p / q) ** a, 0.0) if p.any() else q
        within = float(np.where(each > 0, weight * each, 0.0).sum())
    return Decomposition(total, between, within, pd.Series(each, index=labels, name="within"))


def _by_group(
    x: Column, by: Column | None, groups: Any
) -> tuple[pd.Index, Array, Array, list[tuple[Array, Array]]]:  # fmt: skip
    """The labels, burdens and exposures of the groups, and those of their members."""
    named = np.asarray(groups, dtype=object)
    if named.ndim != 1:
        raise DataError(f"groups is {groups!r}; give one label per payer: a Series, an array or a list")
    codes, labels = pd.factorize(named)
    if (codes < 0).any():
        raise DataError(f"groups: the label at row {int(np.argmin(codes))} is missing; give every payer a group")
    numbered = pd.Series(codes, index=groups.index) if isinstance(groups, pd.Series) else codes
    burdens, exposures, group = read(x=x, by=by, groups=numbered)
    require_exposure(burdens, exposures)
    present, at = np.unique(group.astype(np.intp), return_inverse=True)
    members = [(burdens[at == k], exposures[at == k]) for k in range(len(present))]
    return pd.Index(labels[present]), totals(burdens, at), totals(exposures, at), members
