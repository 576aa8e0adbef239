"""How stable a closing order is: pairs it turns round, noise it survives, jumps it makes, accounts split to escape."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number
from allocopt.judgement import incentives
from allocopt.judgement.adl_columns import columns
from allocopt.judgement.manipulation import Question
from allocopt.judgement.resolving import Incentive, Rule
from allocopt.mechanisms.perpetual.queue import fill


def rank_inversions(before: Any, after: Any) -> float:
    r"""Part of the pairs whose order is turned round: richer before, strictly poorer after.

    .. math:: \frac{\#\{(i, j) : w_i > w_j,\ w'_i < w'_j\}}{\#\{(i, j) : w_i > w_j\}}

    Pro rata and capped pro rata to :math:`w` invert nothing; a queue may invert most pairs it touches.

    >>> rank_inversions([8.0, 4.0, 1.0], [0.5, 4.0, 1.0])  # the first falls below both others
    0.6666666666666666
    """
    _, (first, second) = columns(low=-math.inf, before=before, after=after)
    n = len(first)
    ordered = n * (n - 1) / 2 - _tied(first)
    if not ordered:
        return 0.0
    return _discordant(first, second) / ordered


def rank_stability(score: Any, noise: float, *, trials: int = 200, seed: int = 0) -> tuple[float, float]:
    r"""Kendall's tau between a ranking and itself under relative noise of its scores: mean and standard error.

    .. math:: \mathbb{E}\,\tau_b\bigl(s,\ s \cdot (1 + \sigma \varepsilon)\bigr),\qquad \varepsilon \sim N(0, I)

    >>> rank_stability([1.0, 2.0, 3.0, 4.0], 0.0)
    (1.0, 0.0)
    """
    from scipy.stats import kendalltau

    _, (s,) = columns(low=-math.inf, score=score)
    spread = number(noise, "the noise")
    draw = np.random.default_rng(seed)
    shaken = s * (1.0 + spread * draw.standard_normal((_count(trials), len(s))))
    found = np.array([kendalltau(s, row).statistic for row in shaken])
    found = np.where(np.isnan(found), 1.0, found)  # nobody is ranked, so nothing can change places
    return float(found.mean()), float(found.std(ddof=1) / math.sqrt(len(found))) if len(found) > 1 else 0.0


def queue_instability(
    score: Any, capacity: Any, budget: float, noise: float, *, trials: int = 200, seed: int = 0
) -> dict[str, float]:
    r"""How far the queue's shares jump when scores move a little, as a part of the most they can, :math:`2 B`.

    .. math:: \frac{\|Q(s) - Q(s')\|_1}{2 B} \in [0, 1]

    However small the move, the value can be one: two equal scores with the budget on either of them. ``largest`` is
    over the draws, ``mean`` comes with its ``standard_error``.

    Source: Chitra et al. (2026), arXiv 2602.15182, Proposition 8.

    >>> queue_instability([1.0, 1.0 + 1e-12], [5.0, 5.0], 5.0, 1e-9)["largest"]
    1.0
    """
    _, (s,) = columns(low=-math.inf, score=score)
    _, (most,) = columns(capacity=capacity)
    if len(most) != len(s):
        raise DataError(f"score has {len(s)} entries and capacity {len(most)}; give one of each per account")
    amount = min(number(budget, "the budget"), float(most.sum()))
    base = _queued(s, most, amount)
    draw = np.random.default_rng(seed)
    shaken = s * (1.0 + number(noise, "the noise") * draw.standard_normal((_count(trials), len(s))))
    jumps = np.array([np.abs(_queued(row, most, amount) - base).sum() for row in shaken])
    jumps = jumps / (2.0 * amount) if amount > 0 else jumps * 0.0
    error = float(jumps.std(ddof=1) / math.sqrt(len(jumps))) if len(jumps) > 1 else 0.0
    return {"largest": float(jumps.max(initial=0.0)), "mean": float(jumps.mean()), "standard_error": error}


def sybil_gain(
    rule: str | Rule, question: Question, payer: Any, parts: int = 10, *, rates: tuple[str, ...] = ("leverage",)
) -> Incentive:
    """What an account saves by appearing as several with the same leverage: :func:`allocopt.incentives.split_gain`.

    ``rates`` are the columns that do not shrink with the account (leverage, scores, prices); those that are not there
    are left out. Pro rata to capacity gives zero.
    """
    table = question.payers
    there = tuple(column for column in rates if column in table.columns)
    return incentives.split_gain(rule, question, payer, parts, rates=there)


def _queued(score: Array, capacity: Array, budget: float) -> Array:
    line = np.argsort(-score, kind="stable")
    out = np.zeros(len(score))
    out[line] = fill(budget, capacity[line])
    return out


def _discordant(x: Array, y: Array) -> float:
    """Pairs in opposite strict order, counted in O(n log n) through Kendall's tau."""
    from scipy.stats import kendalltau

    n = len(x)
    pairs, tied_x, tied_y = n * (n - 1) / 2, _tied(x), _tied(y)
    if pairs in (tied_x, tied_y):
        return 0.0
    tau = float(kendalltau(x, y).statistic)
    difference = tau * math.sqrt((pairs - tied_x) * (pairs - tied_y))  # concordant less discordant
    _, joint = np.unique(np.column_stack((x, y)), axis=0, return_counts=True)
    tied = tied_x + tied_y - float((joint * (joint - 1) / 2).sum())
    return float(max(round((pairs - tied - difference) / 2), 0))


def _tied(x: Array) -> float:
    _, count = np.unique(x, return_counts=True)
    return float((count * (count - 1) / 2).sum())


def _count(trials: Any) -> int:
    return max(int(number(trials, "trials", low=1.0)), 1)
