"""How hard one answer hits: burdens, the gap to the true optimum in the same measure, overshoot, survivors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from allocopt.facts.checks import number
from allocopt.judgement.adl_columns import columns, rates
from allocopt.maths.price import Supply, clear


def haircut_burdens(haircut: Any, by: Any) -> pd.Series[float]:
    r"""Haircut per unit of a base (equity, profit, capacity), :math:`x_i / b_i`, by account.

    An account without base and haircut has burden zero; one that pays without base has an infinite one.

    >>> haircut_burdens([10.0, 5.0, 0.0], [100.0, 10.0, 0.0]).to_list()
    [0.1, 0.5, 0.0]
    """
    ids, (x, base) = columns(haircut=haircut, by=by)
    return pd.Series(rates(x, base), index=ids, name="burden")


def least_burden(budget: float, by: Any, caps: Any = None) -> float:
    r"""The lowest possible largest burden: :math:`\min_x \max_i x_i / b_i` over budget and caps.

    .. math:: \eta^* = \min\{\eta : \textstyle\sum_i \min(c_i, \eta b_i) = B\}

    It is attained by capped pro rata to the base itself. Infinite when the base and caps cannot bear the budget.

    >>> least_burden(30.0, [100.0, 50.0], caps=[15.0, 50.0])
    0.3
    """
    _, (base, most) = columns(by=by, caps=math.inf if caps is None else caps)
    amount = number(budget, "the budget")
    able = float(np.where(base > 0, most, 0.0).sum())
    if amount > able * (1 + 1e-12):
        return math.inf
    given, _ = clear(min(amount, able), Supply(np.zeros(1), base[None], most[None]))
    return float(rates(given[0], base).max(initial=0.0))


@dataclass(frozen=True)
class FairnessGap:
    """The largest burden, the least it could have been for the same money, and the distance, never below zero."""

    largest: float
    least: float

    @property
    def value(self) -> float:
        """How much heavier the worst burden is than it had to be."""
        return max(self.largest - self.least, 0.0) if math.isfinite(self.largest) else math.inf


def fairness_gap(haircut: Any, by: Any, caps: Any = None, *, budget: float | None = None) -> FairnessGap:
    r"""One-sided distance of the largest burden from the true optimum in the same normalisation.

    .. math:: \Bigl(\max_i \frac{x_i}{b_i} - \eta^*(B)\Bigr)^+

    :math:`B` is the money that was taken (or the ``budget``). Pro rata to equity is optimal by equity, pro rata to
    profit by profit; whole lots and limits by contract can only raise the optimum, so for rules bound by them the gap
    is an upper bound of what they give away.

    >>> gap = fairness_gap([10.0, 20.0], [100.0, 50.0])
    >>> gap.largest, gap.least, gap.value
    (0.4, 0.2, 0.2)
    """
    _, (x, base) = columns(haircut=haircut, by=by)
    amount = float(x.sum()) if budget is None else number(budget, "the budget")
    return FairnessGap(float(rates(x, base).max(initial=0.0)), least_burden(amount, base, caps))


def overshoot(taken: float, needed: float) -> dict[str, float]:
    """Money taken beyond what was needed, below it, and the absolute distance.

    >>> overshoot(60.0, 15.0)
    {'over': 45.0, 'under': 0.0, 'absolute': 45.0}
    """
    have, want = number(taken, "taken"), number(needed, "needed")
    over, under = max(have - want, 0.0), max(want - have, 0.0)
    return {"over": over, "under": under, "absolute": over + under}


def survivor_totals(endowment: Any, haircut: Any, deficit: float, largest_deficit: float) -> dict[str, float]:
    r"""What the best-off winner keeps, per unit of the deficit: the survivor ratios of the literature, both ways.

    .. math:: \upsilon = \max_i (w_i - x_i)^+,\quad \mathrm{PTSR} = \frac{\upsilon}{\theta D},\quad
       \mathrm{PMR} = \frac{\upsilon}{\theta\,\Delta},\quad \theta = \frac{H}{D},\quad H = \sum_i x_i

    :math:`w_i` the profit, :math:`D` the total and :math:`\Delta` the largest deficit, in currency. ``largest`` is
    :math:`\upsilon`, ``total`` what all winners keep, and ``top`` what the *original* largest winner keeps, which a
    queue by profit lowers; the maximum over survivors it may raise. ``ptsr`` and ``pmr`` are the paper's definitions.
    The code of its data study divides by the deficit that *remains*, and is given apart:

    .. math:: \texttt{as\_implemented} = \frac{\upsilon}{D - H},\quad
       \texttt{pmr\_as\_implemented} = \frac{\upsilon}{(1 - \theta)\,\Delta},\quad
       \texttt{rd\_nse} = \frac{\upsilon}{\upsilon + D - H}

    so that taking more raises these three: they are not comparable with the paper's, nor between rules that take
    different amounts; the last is above one where more is taken than was missing. What has no denominator (nothing
    taken, nothing left of the deficit) is NaN.

    Source: Chitra (2025), arXiv 2512.01112, and the code of its data study (``policy_per_wave.py``, MIT licence).

    >>> kept = survivor_totals([8.0, 4.0, 0.5], [7.5, 0.0, 0.0], 10.0, 10.0)
    >>> kept["largest"], kept["top"], round(kept["ptsr"], 4), kept["as_implemented"], round(kept["rd_nse"], 4)
    (4.0, 0.5, 0.5333, 1.6, 0.6154)
    """
    _, (w, x) = columns(endowment=endowment, haircut=haircut)
    whole, worst = number(deficit, "the deficit"), number(largest_deficit, "the largest deficit")
    kept, paid = np.maximum(w - x, 0.0), float(x.sum())
    best = float(kept.max(initial=0.0))
    severity = paid / whole if whole > 0 else math.nan
    left = whole - paid if whole - paid > 1e-12 * whole else math.nan  # nothing is left but roundings
    both = best + whole - paid
    return {
        "largest": best, "top": float(kept[int(np.argmax(w))]) if len(w) else 0.0, "total": float(kept.sum()),
        "ptsr": best / paid if paid > 0 else math.nan,
        "pmr": best / (severity * worst) if severity > 0 and worst > 0 else math.nan,
        "as_implemented": best / left,
        "pmr_as_implemented": best / (left / whole * worst) if worst > 0 and not math.isnan(left) else math.nan,
        "rd_nse": best / both if both > 1e-12 * max(best, whole) else math.nan,
    }  # fmt: skip
