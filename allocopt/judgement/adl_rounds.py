"""Deleveraging over many rounds: money taken against money needed, the bound, and deficits that were counted twice."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.judgement.adl_columns import columns

_SAME = 1e-9  # relative: two deficits this close are one figure, recorded twice


def tracking_regret(
    budgets: Any, needed: Any, burdens: Any = None, least: Any = None, *, absolute: bool = False
) -> dict[str, float]:
    r"""How far money taken round by round was from money needed, and burdens from the least possible.

    .. math:: T = \sum_t |B_t - N_t|,\qquad F = \sum_t N_t\, (m_t - m^*_t)^+,\qquad T + F

    :math:`B_t` taken, :math:`N_t` needed, :math:`m_t` the largest burden and :math:`m^*_t` the least possible in the
    same normalisation (:func:`least_burden`). ``absolute=True`` takes :math:`|m_t - m^*_t|`, as in published tables,
    which fines a rule for being *fairer* than its reference: state it to reproduce them, not to judge by it.

    >>> tracking_regret([10.0, 4.0], [8.0, 5.0], [0.3, 0.1], [0.2, 0.2])
    {'tracking': 3.0, 'fairness': 0.8, 'total': 3.8}
    """
    _, (taken, want) = columns(budgets=budgets, needed=needed)
    tracking, fairness = float(np.abs(taken - want).sum()), 0.0
    if (burdens is None) != (least is None):
        raise DataError("burdens and least go together: give the largest burden of every round and the least possible")
    if burdens is not None:
        _, (worst, best) = columns(burdens=burdens, least=least)
        off = np.abs(worst - best) if absolute else np.maximum(worst - best, 0.0)
        fairness = round(float((want * off).sum()), 12)
    return {"tracking": tracking, "fairness": fairness, "total": tracking + fairness}


def regret_bound(deficits: Any, needed: Any) -> dict[str, float]:
    r"""The bound for online gradient descent on the severity, and the path length it rests on.

    .. math:: \sqrt{(1 + 2 P) \textstyle\sum_t D_t^2},\qquad P = \sum_t |\theta_t - \theta_{t-1}|,\qquad
       \theta_t = \min(1, N_t / D_t)

    Check the deficits with :func:`stock_or_flow` first: a standing deficit counted in every round inflates the bound.

    Source: Chitra et al. (2026), arXiv 2602.15182, Proposition 1.

    >>> regret_bound([3.0, 4.0], [3.0, 2.0])["path"]
    0.5
    """
    _, (D, N) = columns(deficits=deficits, needed=needed)
    severity = np.minimum(1.0, np.divide(N, D, out=np.ones(len(D)), where=D > 0))
    path = float(np.abs(np.diff(severity)).sum())
    return {"bound": math.sqrt((1.0 + 2.0 * path) * float((D**2).sum())), "path": path}


@dataclass(frozen=True)
class StockOrFlow:
    """Whether the same deficit was counted in several rounds: the rounds, the sum as stated, and counted once."""

    repeated: dict[float, tuple[Any, ...]]
    stated: float
    once: float

    @property
    def flagged(self) -> bool:
        """True when a figure recurs: a standing amount (a stock) has been added up as if it were new (a flow)."""
        return bool(self.repeated)


def stock_or_flow(largest: Any, totals: Any = None) -> StockOrFlow:
    """Find a deficit that stands still and is counted again and again.

    ``largest`` is the largest single deficit of every round; a figure that recurs to nine digits in several rounds is
    one account whose negative equity was never settled. ``totals`` are the rounds' deficits from which the repeats are
    taken out (by default the largest themselves). A flag is a question to the data, not a proof.

    >>> told = stock_or_flow([10.0, 10.0, 3.0], [12.0, 11.0, 3.0])
    >>> told.flagged, told.repeated, told.stated, told.once
    (True, {10.0: (0, 1)}, 26.0, 16.0)
    """
    ids, (most,) = columns(largest=largest)
    whole = most if totals is None else columns(totals=totals)[1][0]
    if len(whole) != len(most):
        raise DataError(f"largest has {len(most)} rounds and totals {len(whole)}; give one of each per round")
    order = np.argsort(most, kind="stable")
    new = np.ones(len(most), dtype=bool)
    new[1:] = np.diff(most[order]) > _SAME * np.abs(most[order][1:])
    repeated, double = {}, 0.0
    for group in np.split(order, np.flatnonzero(new)[1:]) if len(most) else []:
        value = float(most[group[0]]) if len(group) else 0.0
        if len(group) > 1 and value > 0:
            repeated[value] = tuple(ids[sorted(group.tolist())])
            double += value * (len(group) - 1)
    return StockOrFlow(repeated, float(whole.sum()), float(whole.sum()) - double)
