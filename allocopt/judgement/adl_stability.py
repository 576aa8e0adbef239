"""How stable a closing order is: pairs it turns round, noise it survives, jumps it makes, accounts split to escape."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array, generator, number
from allocopt.judgement import incentives
from allocopt.judgement.adl_columns import columns
from allocopt.judgement.manipulation import Move, Question, asked, figures
from allocopt.judgement.moves import Moves
from allocopt.judgement.resolving import Incentive, Rule, columns_read, posed
from allocopt.mechanisms.outcome import amount_table, chosen
from allocopt.mechanisms.perpetual.queue import fill


def rank_inversions(before: Any, after: Any, *, adjacent: bool = False) -> float:
    r"""Part of the pairs whose order is turned round: richer before, strictly poorer after.

    .. math:: \frac{\#\{(i, j) : w_i > w_j,\ w'_i < w'_j\}}{\#\{(i, j) : w_i > w_j\}}

    Pro rata and capped pro rata to :math:`w` invert nothing; a queue may invert most pairs it touches. Amounts that
    differ by less than 1e-12 of the largest are equal.

    With ``adjacent`` only neighbours in the order before are compared (of accounts that were equal, those are meant
    that ended best or worst): the share of steps down the ranking at which somebody ends above somebody of the step
    before. The second paper counts these; a queue that empties a hundred accounts ahead of a thousand inverts one step
    of 1,099 and up to 100,000 pairs, so the two figures are of different size and are not to be mixed.

    Source of the adjacent form: arXiv 2602.15182 (2026), section 5.2 ("adjacent inversions after ADL").

    >>> rank_inversions([8.0, 4.0, 1.0], [0.5, 4.0, 1.0])  # the first falls below both others
    0.6666666666666666
    >>> rank_inversions([8.0, 4.0, 1.0], [0.5, 4.0, 1.0], adjacent=True)
    0.5
    """
    _, (first, second) = columns(low=-math.inf, before=before, after=after)
    top = max(float(np.abs(first).max(initial=0.0)), float(np.abs(second).max(initial=0.0))) or 1.0
    first, second = np.round(first / top, 12), np.round(second / top, 12)
    if adjacent:
        return _steps_turned(first, second)
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
    draw = generator(seed)
    shaken = s * (1.0 + spread * draw.standard_normal((_count(trials), len(s))))
    if len(s) < 2:
        return 1.0, 0.0
    found = np.array([kendalltau(s, row).statistic for row in shaken])
    found = np.where(np.isnan(found), 1.0, found)  # nobody is ranked, so nothing can change places
    return float(found.mean()), float(found.std(ddof=1) / math.sqrt(len(found))) if len(found) > 1 else 0.0


def burden_stability(burdens: pd.DataFrame, method: str = "spearman") -> pd.Series[float]:
    r"""Rank correlation of burdens between one round and the next: whether the same accounts are hit hardest again.

    ``burdens`` are haircuts per unit of a base, rounds x accounts; NaN where an account takes no part in a round. Each
    pair of rounds is correlated over the accounts of both (``method``: "spearman" or "kendall", ties averaged); the
    entry is NaN where fewer than two accounts are common, or all of them bear the same in one of the rounds, as under
    pro rata: then nobody is ranked. The average over pairs of rounds is what the second paper calls queue-position
    stability (it does not say which correlation).

    Source: arXiv 2602.15182 (2026), section 5.2.

    >>> burdens = pd.DataFrame({"A": [1.0, 1.0, 0.0], "B": [0.5, 0.6, 0.2], "C": [0.0, 0.0, 1.0]}, index=[1, 2, 3])
    >>> burden_stability(burdens).to_dict()
    {2: 1.0, 3: -1.0}
    """
    chosen(method, "correlation", ("spearman", "kendall"))
    rows = _rounds(burdens)
    out = {}
    for earlier, later in zip(rows.index[:-1], rows.index[1:], strict=True):
        both = rows.loc[[earlier, later]].dropna(axis=1)
        both = both.div(both.max(axis=1).where(lambda most: most > 0, 1.0), axis=0).round(12)  # roundings rank nobody
        ranked = both.shape[1] > 1 and bool((both.nunique(axis=1) > 1).all())
        out[later] = float(both.loc[earlier].corr(both.loc[later], method=method)) if ranked else math.nan
    return pd.Series(out, index=rows.index[1:], name="stability", dtype=float)


def instability(
    rule: str | Rule, question: Question, noise: float, *, columns: Iterable[str] | None = None, trials: int = 20,
    seed: int = 0,
) -> dict[str, float]:  # fmt: skip
    r"""How far any rule's answer jumps when what it reads moves a little, as a part of the most it can, :math:`2 B`.

    .. math:: \frac{\|R(s) - R(s')\|_1}{2 B} \in [0, 1],\qquad s'_i = s_i\, e^{\sigma \varepsilon_i},\
       \varepsilon \sim N(0, I)

    :math:`B` is what is paid in all. The rule is solved again for every draw; the column it reads (its key or score, or
    ``columns``) moves, the caps stay unless they are that column. Pro rata moves in proportion to the noise, a queue by
    leaps: :func:`queue_instability` is this for a queue alone, in one sweep.

    Returns ``largest`` and ``mean`` over the draws, with the mean's ``standard_error``.

    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"profit": [60.0, 60.0], "score": [1.0, 1.0 + 1e-9]}, index=["A", "B"])
    >>> question = LossProblem(60, table, cap="profit")
    >>> from allocopt.schemes import scheme
    >>> instability(scheme("queue", score="score"), question, 1e-6)["largest"]
    1.0
    >>> instability(scheme("pro-rata", key="score"), question, 1e-6)["largest"] < 1e-5
    True
    """
    solver, moves = posed(rule, question)
    asked_of = moves.question
    base = _shares(solver, asked_of)
    whole = float(base.sum())
    spread, count = number(noise, "the noise"), _count(trials)
    if whole <= 0:
        return {"largest": 0.0, "mean": 0.0, "standard_error": 0.0}
    read = list(columns_read(solver, moves, asked_of.payers.index[0]) if columns is None else columns)
    for name in read:
        if name not in asked_of.payers.columns:
            raise unknown("column of the payers", name, map(str, asked_of.payers.columns))
    draw = generator(seed)
    jumps = np.empty(count)
    for k in range(count):
        table = asked_of.payers.copy()
        for name in read:
            table[name] = figures(table[name]) * np.exp(spread * draw.standard_normal(len(table)))
        jumps[k] = float(np.abs(_shares(solver, asked(asked_of, table)) - base).sum()) / (2.0 * whole)
    return _summary(jumps)


def _shares(rule: Rule, question: Question) -> Array:
    """What every payer of the table bears."""
    return Moves(question).borne(rule, Move(question, tuple(question.payers.index)))[0]


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
    draw = generator(seed)
    shaken = s * (1.0 + number(noise, "the noise") * draw.standard_normal((_count(trials), len(s))))
    jumps = np.array([np.abs(_queued(row, most, amount) - base).sum() for row in shaken])
    return _summary(jumps / (2.0 * amount) if amount > 0 else jumps * 0.0)


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


def _summary(jumps: Array) -> dict[str, float]:
    error = float(jumps.std(ddof=1) / math.sqrt(len(jumps))) if len(jumps) > 1 else 0.0
    return {"largest": float(jumps.max(initial=0.0)), "mean": float(jumps.mean()), "standard_error": error}


def _rounds(burdens: Any) -> pd.DataFrame:
    """Rounds x accounts, zero or more each, NaN where an account takes no part."""
    if not isinstance(burdens, pd.DataFrame):
        raise DataError(f"burdens are a {type(burdens).__name__}; give a DataFrame, rounds x accounts")
    amount_table(burdens.fillna(0.0), "burdens", "round", "account")
    return burdens.astype(float)


def _steps_turned(first: Array, second: Array) -> float:
    """Of the steps from one level of ``first`` to the next lower one, the part at which somebody passes somebody."""
    order = np.lexsort((second, -first))  # richest first; within a level, those that end worst first
    level, end = first[order], second[order]
    starts = np.flatnonzero(np.diff(level, prepend=np.inf) != 0) if len(level) else np.zeros(0, dtype=np.intp)
    if len(starts) < 2:
        return 0.0
    worst, best = end[starts], end[np.append(starts[1:], len(end)) - 1]
    return float((worst[:-1] < best[1:]).mean())


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
    a, b = (np.unique(v, return_inverse=True)[1].astype(np.int64) for v in (x, y))
    tau = float(kendalltau(a, b).statistic)
    difference = tau * math.sqrt((pairs - tied_x) * (pairs - tied_y))  # concordant less discordant
    _, joint = np.unique(a * n + b, return_counts=True)
    tied = tied_x + tied_y - float((joint * (joint - 1) / 2).sum())
    return float(max(round((pairs - tied - difference) / 2), 0))


def _tied(x: Array) -> float:
    _, count = np.unique(x, return_counts=True)
    return float((count * (count - 1) / 2).sum())


def _count(trials: Any) -> int:
    return max(int(number(trials, "trials", low=1.0)), 1)
