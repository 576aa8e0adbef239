"""How much of a deficit to take, round by round: the severity, its regret, and the online rule the bound speaks of."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from allocopt.facts.checks import Array, number, vector
from allocopt.judgement.adl_study import adl_regret_bound


def severities(amount: Any, deficit: Any) -> pd.Series[float]:
    r"""The part of each round's deficit that an amount is, never above one: :math:`\theta_t = \min(1, B_t / D_t)`.

    Where nothing is missing (:math:`D_t = 0`) the severity is zero.

    >>> severities([1.0, 3.0, 1.0], [2.0, 2.0, 0.0]).to_list()
    [0.5, 1.0, 0.0]
    """
    rounds, amounts, lost = _read(amount, deficit)
    return pd.Series(_theta(amounts, lost), index=rounds, name="severity")


def severity_regret(taken: Any, needed: Any, deficit: Any) -> float:
    r"""What was taken too much or too little *of the deficits*, in currency: the loss the regret bound is about.

    .. math:: \sum_t D_t\, |\theta_t - \theta^*_t|,\qquad \theta_t = \min(1, H_t / D_t),\quad
       \theta^*_t = \min(1, B_t / D_t)

    :math:`H_t` is what was taken, :math:`B_t` what was needed, :math:`D_t` the deficit. Money taken or needed beyond
    the deficit does not count, and neither does who paid it: this is never above the tracking part of
    :func:`~allocopt.adl_regret`, and the bound of :func:`~allocopt.adl_regret_bound` speaks of this alone.

    Source: arXiv 2602.15182v1 (2026), Proposition 1.

    >>> severity_regret(taken=[9.0, 1.0], needed=[1.0, 3.0], deficit=[4.0, 4.0])  # 9 counts as 4
    5.0
    """
    _, had, lost = _read(taken, deficit)
    _, asked, _ = _read(needed, deficit)
    return float((lost * np.abs(_theta(had, lost) - _theta(asked, lost))).sum())


@dataclass(frozen=True, eq=False)
class SeverityPath:
    """The severities an online rule chose, each before it saw its round; what that cost, and the bound on the cost."""

    severity: pd.Series[float]
    taken: pd.Series[float]
    regret: float
    bound: float
    step: float = field(metadata={"help": "how far the severity moves for one unit of currency missed"})


def severity_descent(needed: Any, deficit: Any, *, start: float = 0.0, step: float | None = None) -> SeverityPath:
    r"""Learn the severity online: after each round move it towards what that round would have needed.

    .. math:: \theta_{t+1} = \Pi_{[0, 1]}\bigl(\theta_t - \eta\, D_t\, \operatorname{sgn}(\theta_t - \theta^*_t)\bigr),
       \qquad \sum_t D_t |\theta_t - \theta^*_t| \le \frac{1 + 2P}{2 \eta} + \frac{\eta}{2} \sum_t D_t^2

    :math:`P` is the variation of :math:`\theta^*`. The ``step`` that makes the bound smallest,
    :math:`\eta = \sqrt{(1 + 2P) / \sum_t D_t^2}`, is the default; it needs figures that are known only afterwards, so
    the default is a reference and no rule that could have been run. ``bound`` is for the step that was used.

    Parameters
    ----------
    needed, deficit : one entry per round, >= 0, in currency.
    start : the severity of the first round, between 0 and 1.
    step : :math:`\eta > 0`, per unit of currency.

    Source: arXiv 2602.15182v1 (2026), Proposition 1 (projected online gradient descent).

    >>> path = severity_descent([2.0, 2.0, 2.0], [4.0, 4.0, 4.0], step=0.125)
    >>> path.severity.to_list(), path.regret, path.bound
    ([0.0, 0.5, 0.5], 2.0, 7.0)
    """
    rounds, asked, lost = _read(needed, deficit)
    aim = _theta(asked, lost)
    least, path = adl_regret_bound(asked, lost)
    unit = float(lost.max(initial=0.0)) or 1.0
    square = float(((lost / unit) ** 2).sum())
    # The step in units of the largest deficit: theta moves by speed * (D / unit).
    best = math.sqrt((1.0 + 2.0 * path) / square) if square > 0 else 0.0
    speed = best if step is None else number(step, "the step") * unit
    theta, found = number(start, "the first severity", high=1.0), np.empty(len(lost))
    for t in range(len(lost)):
        found[t] = theta
        theta = min(max(theta - speed * lost[t] / unit * float(np.sign(theta - aim[t])), 0.0), 1.0)
    if step is None:
        bound = least
    else:
        bound = unit * ((1.0 + 2.0 * path) / (2.0 * speed) + speed / 2.0 * square) if speed > 0 else math.inf
    return SeverityPath(
        pd.Series(found, index=rounds, name="severity"), pd.Series(found * lost, index=rounds, name="taken"),
        float((lost * np.abs(found - aim)).sum()), bound, speed / unit,
    )  # fmt: skip


def _theta(amounts: Array, lost: Array) -> Array:
    some = np.where(lost > 0, lost, 1.0)
    return np.asarray(np.where(lost > 0, np.minimum(amounts, lost) / some, 0.0))


def _read(amount: Any, deficit: Any) -> tuple[pd.Index, Array, Array]:
    """Both by round, aligned by the deficits' labels."""
    rounds = deficit.index if isinstance(deficit, pd.Series) else pd.RangeIndex(1, np.size(deficit) + 1)
    return rounds, vector(amount, rounds, "the amount (by round)"), vector(deficit, rounds, "deficit (by round)")
