"""What a policy of auto-deleveraging cost over rounds: budget missed, fairness missed, and a bound to hold it against.

The measures are those of the literature on the crash of 10 October 2025, with the choices it makes left open: against
which policy burdens are compared, whether a lower burden than that counts as a fault, and whether a loss that stands in
the books for several rounds is counted in each of them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array, vector
from allocopt.mechanisms.outcome import amount_table, named, once_each


def adl_regret(
    needed: pd.Series[float], taken: pd.DataFrame, burdens: pd.DataFrame, reference: str, *, one_sided: bool = True
) -> pd.DataFrame:
    r"""Regret by policy: what was taken too much or too little, and how much worse the worst-hit account fared.

    .. math:: T_p = \sum_t |B_{pt} - B_t|, \qquad F_p = \sum_t B_t\,(m_{pt} - m_{rt})^+, \qquad L_p = T_p + F_p

    :math:`B_t` is the budget needed in round :math:`t` and :math:`B_{pt}` what policy :math:`p` took, in currency;
    :math:`m_{pt}` is the largest burden of an account under the policy, a fraction of whatever burdens are measured by
    (equity, profit), and :math:`r` the reference policy. The reference should be the policy that makes the largest
    burden smallest in that very measure: pro rata to equity when burdens are fractions of equity, pro rata to profit
    when they are fractions of profit. Then :math:`F_p` is zero only for policies as good as the best.

    Parameters
    ----------
    needed : budget needed, one entry per round, in currency.
    taken : what each policy took, rounds x policies, in currency.
    burdens : the largest burden under each policy, rounds x policies, the same rounds and policies.
    reference : the policy burdens are compared with.
    one_sided : False takes :math:`|m_{pt} - m_{rt}|`, as the published table does: a policy fairer than the reference
        is then fined for it.

    Returns
    -------
    DataFrame : policies x ``tracking``, ``fairness``, ``regret``, ``overshoot`` (:math:`\sum_t (B_{pt} - B_t)^+`),
        ``undershoot`` (:math:`\sum_t (B_t - B_{pt})^+`), in currency, and ``below`` (in how many rounds the policy's
        largest burden is below the reference's: not zero means that the reference is not the best, or that the
        policy took less than was needed).

    Raises
    ------
    DataError : tables with different rounds or policies, a reference that is no policy, negative or unknown figures.

    Source: T. Chitra, N. Thogiti, M. Trujillo Ramirez, V. Xu, "Autodeleveraging as Online Learning", arXiv 2602.15182v1
    (2026), Table 2 (two-sided, against a policy called min-max ILP).

    >>> rounds = [1, 2]
    >>> needed = pd.Series([10.0, 20.0], index=rounds)
    >>> taken = pd.DataFrame({"queue": [12.0, 19.0], "equity": [10.0, 20.0]}, index=rounds)
    >>> burdens = pd.DataFrame({"queue": [1.0, 0.5], "equity": [0.1, 0.1]}, index=rounds)
    >>> adl_regret(needed, taken, burdens, "equity").loc["queue", ["tracking", "fairness", "regret"]].round(9).to_list()
    [3.0, 17.0, 20.0]
    """
    sums, taken = amount_table(taken, "taken", "round", "policy")
    worst, burdens = amount_table(burdens, "burdens", "round", "policy")
    if not (taken.index.equals(burdens.index) and taken.columns.equals(burdens.columns)):
        raise DataError("taken and burdens do not have the same rounds and policies in the same order; align them")
    if not isinstance(needed, pd.Series):
        raise DataError(f"needed is a {type(needed).__name__}; give a Series by round")
    budget = vector(needed, taken.index, "needed (by round)")[:, None]
    best = named(reference, taken.columns, "policy")
    if not isinstance(one_sided, bool):
        raise DataError(f"one_sided is {one_sided!r}; give True (only a higher burden is a fault) or False")
    worse: Array = worst - worst[:, [best]]
    gap = np.maximum(worse, 0.0) if one_sided else np.abs(worse)
    tracking, fairness = np.abs(sums - budget).sum(axis=0), (budget * gap).sum(axis=0)
    return pd.DataFrame(
        {
            "tracking": tracking,
            "fairness": fairness,
            "regret": tracking + fairness,
            "overshoot": np.maximum(sums - budget, 0.0).sum(axis=0),
            "undershoot": np.maximum(budget - sums, 0.0).sum(axis=0),
            "below": (worse < 0).sum(axis=0),
        },
        index=taken.columns,
    )


def adl_regret_bound(needed: Any, deficit: Any) -> tuple[float, float]:
    r"""The regret bound of online gradient descent on the severity, and the path variation it rests on.

    .. math:: \theta_t = \min\Bigl(1, \frac{B_t}{D_t}\Bigr), \qquad P = \sum_{t > 1} |\theta_t - \theta_{t-1}|, \qquad
       \mathrm{Reg} \le \sqrt{(1 + 2P) \sum_t D_t^2}

    :math:`B_t` is the budget needed and :math:`D_t` the deficit of round :math:`t`, in currency; where nothing is
    missing (:math:`D_t = 0`) nothing is needed of it and :math:`\theta_t = 0`. The bound is in currency, and grows with
    the deficits: counting one loss in several rounds loosens it. It is one on what that rule misses *of the deficits*
    (:func:`allocopt.judgement.adl_severity.severity_regret`); to hold tracking and fairness of :func:`adl_regret`
    against it, as the published table does, divides two different things.

    Returns the bound and :math:`P`. Raises DataError for figures that are negative, unknown, or not one per round.

    Source: arXiv 2602.15182v1 (2026), Proposition 1.

    >>> adl_regret_bound([1.0, 3.0], [2.0, 2.0])
    (4.0, 0.5)
    """
    rounds = deficit.index if isinstance(deficit, pd.Series) else pd.RangeIndex(1, np.size(deficit) + 1)
    lost, asked = vector(deficit, rounds, "deficit (by round)"), vector(needed, rounds, "needed (by round)")
    theta = np.minimum(1.0, np.divide(asked, lost, out=np.zeros(len(lost)), where=lost > 0))
    path = float(np.abs(np.diff(theta)).sum())
    unit = float(lost.max(initial=0.0)) or 1.0
    return unit * math.sqrt((1.0 + 2.0 * path) * float(((lost / unit) ** 2).sum())), path


def standing_losses(deficit: pd.Series[float], largest: pd.Series[float]) -> pd.DataFrame:
    r"""Flag a stock that was summed as a flow: the same largest loss, to the last digit, in more than one round.

    .. math:: D'_t = D_t - \ell_t\,[\exists s < t: \ell_s = \ell_t]

    :math:`D_t` is the deficit of round :math:`t` and :math:`\ell_t` the largest loss in it, in currency. An account
    whose equity is negative stays so until somebody pays; a sum of deficits over rounds counts it in each. Two
    different accounts do not owe the same amount to the last digit, so equality is taken as the sign of one account;
    losses of zero are none.

    Returns rounds x ``deficit``, ``largest``, ``repeated`` (whether a loss seen in an earlier round is in the deficit)
    and ``once`` (the deficit without it). Raises DataError for figures that are negative, unknown, not of the same
    rounds, or a largest loss above the deficit it is part of.

    >>> found = standing_losses(pd.Series([9.0, 10.0, 4.0]), pd.Series([9.0, 9.0, 3.0]))
    >>> found["once"].to_list(), found["repeated"].to_list()
    ([9.0, 1.0, 4.0], [False, True, False])
    """
    for what, given in (("deficit", deficit), ("largest", largest)):
        if not isinstance(given, pd.Series):
            raise DataError(f"{what} is a {type(given).__name__}; give a Series by round")
        once_each(given.index, what, "round")
    lost, most = vector(deficit, deficit.index, "deficit"), vector(largest, deficit.index, "largest")
    beyond = most > lost * (1 + 1e-12)
    if beyond.any():
        at = int(np.argmax(beyond))
        raise DataError(
            f"largest: round {deficit.index[at]!r} has a largest loss of {most[at]:,.2f} in a deficit of "
            f"{lost[at]:,.2f}; the deficit is the sum of the losses in the round"
        )
    again = pd.Series(most).duplicated().to_numpy() & (most > 0)
    once: Array = np.maximum(lost - np.where(again, most, 0.0), 0.0)
    return pd.DataFrame({"deficit": lost, "largest": most, "repeated": again, "once": once}, index=deficit.index)
