"""How far a division is from another, or from the order that risk would suggest.

Same conventions as :mod:`allocopt.judgement.inequality`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from allocopt.errors import DataError
from allocopt.judgement.inequality import fractions, read, theil

if TYPE_CHECKING:
    from allocopt.judgement.inequality import Column


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
