r"""Measures of the auto-deleveraging literature: burdens against the true optimum, overshoot, survivors, stability.

Plain functions of haircuts and capacities, one entry per account, as Series (aligned by account), arrays or lists. The
normalisation is always named: the best that can be done about :math:`\max_i x_i / b_i` is pro rata to the *same* base
:math:`b`, so a gap measured against another base, or against a rule that is not optimal, fines fairness. Gaps here are
one-sided: nothing is better than the optimum, and being nearer to it is never a fault. Regret over rounds and the
check for deficits counted twice come from :mod:`allocopt.judgement.adl_study`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from allocopt.facts.allocation import Allocation
from allocopt.facts.checks import number
from allocopt.judgement.adl_columns import columns, rates
from allocopt.judgement.adl_stability import queue_instability, rank_inversions, rank_stability, sybil_gain
from allocopt.judgement.adl_study import adl_regret, adl_regret_bound, standing_losses
from allocopt.maths.price import Supply, clear

__all__ = [
    "FairnessGap", "adl_regret", "adl_regret_bound", "adl_scores", "fairness_gap", "haircut_burdens", "least_burden",
    "overshoot", "queue_instability", "rank_inversions", "rank_stability", "standing_losses", "survivor_totals",
    "sybil_gain",
]  # fmt: skip


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
    _, (base, most) = columns(by=by, caps=np.full(len(by), np.inf) if caps is None else caps)
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
    r"""What the best-off winner keeps, per unit of the deficit: the survivor ratios of the literature.

    .. math:: \upsilon = \max_i (w_i - x_i)^+,\quad \mathrm{PTSR} = \frac{\upsilon}{\sum_i x_i},\quad
       \mathrm{PMR} = \frac{\upsilon}{\theta\,\Delta},\quad \theta = \frac{\sum_i x_i}{D}

    :math:`w_i` the profit, :math:`D` the total and :math:`\Delta` the largest deficit. ``top`` is what the *original*
    largest winner keeps, which a queue does lower; the maximum over survivors it may raise. ``as_implemented`` divides
    by the residual deficit :math:`D - \sum x_i` instead, as published code does (NaN when nothing is left), so that
    taking more raises it: not comparable with PTSR.

    Source: Chitra (2025), arXiv 2512.01112, and the code of its data study.

    >>> kept = survivor_totals([8.0, 4.0, 0.5], [7.5, 0.0, 0.0], 10.0, 10.0)
    >>> kept["largest"], kept["top"], round(kept["ptsr"], 4), kept["as_implemented"]
    (4.0, 0.5, 0.5333, 1.6)
    """
    _, (w, x) = columns(endowment=endowment, haircut=haircut)
    whole, worst = number(deficit, "the deficit"), number(largest_deficit, "the largest deficit")
    kept, paid = np.maximum(w - x, 0.0), float(x.sum())
    best = float(kept.max(initial=0.0))
    share = paid / whole if whole > 0 else math.nan
    return {
        "largest": best, "top": float(kept[int(np.argmax(w))]) if len(w) else 0.0, "total": float(kept.sum()),
        "ptsr": best / paid if paid > 0 else math.nan,
        "pmr": best / (share * worst) if share > 0 and worst > 0 else math.nan,
        "as_implemented": best / (whole - paid) if whole - paid > 0 else math.nan,
    }  # fmt: skip


def adl_scores(answer: Allocation, needed: float | None = None) -> dict[str, float]:
    """The measures of one allocation of a venue's deficit, by equity and by profit, with what they are measured by.

    The question's table must hold ``equity`` and ``profit``, as :func:`allocopt.deficit_problem` makes it; ``needed``
    is what should have been taken (the loss of the question unless said otherwise).

    >>> import allocopt as ao
    >>> question = ao.deficit_problem(ao.simulate_book(200, seed=1), side="long")
    >>> scores = adl_scores(ao.allocate(question, "pro-rata", key="profit"))
    >>> round(scores["fairness gap by profit"], 9), scores["overshoot"], scores["rank inversions"]
    (0.0, 0.0, 0.0)
    """
    problem, paid = answer.problem, answer.paid
    profit = problem.column("profit")
    want = problem.loss if needed is None else number(needed, "needed")
    out = {}
    for base in ("equity", "profit"):
        gap = fairness_gap(paid, problem.column(base), problem.caps)
        out[f"largest burden by {base}"], out[f"fairness gap by {base}"] = gap.largest, gap.value
    away = overshoot(float(paid.sum()), want)
    kept = survivor_totals(profit, paid, problem.loss, problem.loss)
    return out | {
        "overshoot": away["over"], "shortfall": away["under"], "best survivor keeps": kept["largest"],
        "top winner keeps": kept["top"], "rank inversions": rank_inversions(profit, profit - paid),
    }  # fmt: skip
