"""The equal amount that would be as good, or as bad, as amounts that differ: Atkinson of goods, Kolm-Pollak of burdens.

Which of the two is a question of what the amounts are. Atkinson's index weighs those who have *little* most: right for
what payers keep, the wrong way round for what they bear. Kolm-Pollak with ``kappa`` > 0 weighs those who bear *most*.
Same conventions as :mod:`allocopt.judgement.inequality`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from allocopt.facts.checks import number
from allocopt.judgement.inequality import read, shares

if TYPE_CHECKING:
    from allocopt.judgement.inequality import Column


def atkinson(x: Column, epsilon: float) -> float:
    r"""Atkinson index: the part of the total of a *good* that equality would save; 0 when equal, at most 1.

    .. math:: A = 1 - \frac{1}{\bar x}\Big(\frac1n \sum_i x_i^{1-\epsilon}\Big)^{1/(1-\epsilon)},\qquad
        \epsilon = 1:\ 1 - \frac{\text{geometric mean}}{\bar x}

    ``epsilon`` >= 0 is the aversion to inequality. Meant for what payers keep (``cap - x``), **not for burdens**: it
    weighs those who bear little most, and with epsilon >= 1 one payer who bears nothing makes it 1. For burdens use
    :func:`kolm_pollak`.

    Source: Atkinson, Journal of Economic Theory 2, 1970, 244-263; the warning: EPA NCEE working paper 2013-04.

    >>> round(atkinson([1, 2, 3, 4], epsilon=1), 6)
    0.114654
    """
    e = number(epsilon, "epsilon")
    p, q = shares(*read(x=x, by=None))
    if e == 0 or not len(p):
        return 0.0
    if e >= 1 and not p.all():
        return 1.0
    with np.errstate(divide="ignore"):
        logs = np.log(p / q)
    if e == 1:
        return max(0.0, -math.expm1(float(logs.mean())))
    scaled = (1 - e) * logs
    top = float(scaled.max())
    return max(0.0, -math.expm1((top + math.log(np.exp(scaled - top).mean())) / (1 - e)))


def atkinson_ede(x: Column, epsilon: float) -> float:
    r"""The equal amount of a *good* that would be as good as the amounts ``x``: :math:`\bar x\,(1 - A_\epsilon)`.

    The power mean of order :math:`1 - \epsilon`, in the unit of ``x``, between the smallest amount and the mean. For
    what payers keep, **not for burdens**: see :func:`atkinson`, and :func:`kolm_pollak` for burdens.

    Source: Atkinson, Journal of Economic Theory 2, 1970, 244-263.

    >>> round(atkinson_ede([1, 4], epsilon=0.5), 12)
    2.25
    """
    (amounts,) = read(x=x)
    return float(amounts.mean()) * (1.0 - atkinson(x, epsilon)) if len(amounts) else 0.0


def kolm_pollak(x: Column, kappa: float) -> float:
    r"""Kolm-Pollak equally distributed equivalent: the equal burden that would be as bad as the burdens ``x``.

    .. math:: \frac1\kappa \log \frac1n \sum_i e^{\kappa x_i}

    ``kappa`` > 0, in 1 / unit of ``x``, is the aversion to heavy burdens; the result is in the unit of ``x``, at least
    the mean, and rises by c when every burden does. ``kappa = 0`` gives the mean; a negative kappa reads ``x`` as a
    good. Entries may be negative. This, not :func:`atkinson`, is made for burdens. Package inequalipy turns the sign:
    there ``kappa`` < 0 is for bads.

    Source: Sheriff and Maguire, Risk Analysis 2020, doi 10.1111/risa.13562; Kolm, Journal of Economic Theory 13,
    1976, 82-111.

    >>> round(kolm_pollak([1, 2, 3, 4], kappa=1), 6)
    3.053895
    """
    (amounts,) = read(signed=("x",), x=x)
    return float(amounts.mean()) + kolm_pollak_index(x, kappa) if len(amounts) else 0.0


def kolm_pollak_index(x: Column, kappa: float) -> float:
    r"""Kolm-Pollak index: by how much the equivalent of :func:`kolm_pollak` exceeds the mean, in the unit of ``x``.

    .. math:: \frac1\kappa \log \frac1n \sum_i e^{\kappa (x_i - \bar x)}

    0 when equal; an *absolute* index: the same burden on top of everybody's changes nothing, twice the burdens at half
    the kappa are twice as unequal. At most the largest burden less the mean. Below zero for a good (``kappa`` < 0).

    Source: Kolm, Journal of Economic Theory 13, 1976, 82-111; ``index`` = equivalent less mean, as in inequalipy 1.0.5.

    >>> round(kolm_pollak_index([1, 2, 3, 4], kappa=1), 6)
    0.553895
    """
    k = number(kappa, "kappa", low=-math.inf)
    (amounts,) = read(signed=("x",), x=x)
    if not len(amounts) or k == 0:
        return 0.0
    scaled = k * (amounts - amounts.mean())
    top = float(scaled.max())
    if top < 1.0:  # small numbers keep their digits
        return math.log1p(float(np.expm1(scaled).mean())) / k
    return (top + math.log(np.exp(scaled - top).mean())) / k
