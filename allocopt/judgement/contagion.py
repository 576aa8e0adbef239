"""What a division sets off: who cannot bear its share fails, the others divide the loss again, until it rests."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import unknown
from allocopt.facts.checks import vector
from allocopt.facts.event import Event
from allocopt.judgement.inequality import ROUNDING
from allocopt.judgement.manipulation import Question, figures, leave
from allocopt.judgement.resolving import Asked, Incentive, Rule, money, posed
from allocopt.mechanisms.waterfall import Waterfall

_FEW = 6  # names of a round that are told; the incentive has all


def contagion(scheme: str | Rule, problem: Asked, equity: Any = "equity") -> Incentive:
    r"""The part of the payers who have failed when the loss, allocated again and again, makes nobody else fail.

    .. math:: D_{t+1} = D_t \cup \{i \notin D_t : x_i(N \setminus D_t) > E_i\}, \qquad \text{value} = |D_\infty| / n

    Every round divides the whole loss among those who still stand; whoever bears more than its equity fails and pays
    nothing from then on, so that the others bear its part as well: the cautious reading, in which nothing comes out of
    a failed payer in time. The set only grows, so it rests after at most n rounds, exactly. ``equity`` is a column, or
    figures by payer, which may be negative; in an event, payers without a figure (the house, the defaulter) never
    fail. The first round alone is :func:`~allocopt.judgement.incentives.follow_on_defaults`.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"fund": [50.0] * 3, "equity": [15.0, 25.0, 90.0]}, index=["A", "B", "C"])
    >>> found = contagion("pro-rata", LossProblem(60, table, cap="fund"))
    >>> print(f"{found.value:.3f}: {found.witness}")
    0.667: 2 of 3 payers fail, in 2 rounds: A; then B; the others bear 50.00 and 10.00 is borne by nobody
    """
    rule, moves = posed(scheme, problem)
    question = moves.question
    own = _equity(question, equity)
    rounds: list[list[Any]] = []
    now, paid = question, _paid(rule, question)
    while fallen := _breached(paid, own.reindex(paid.index)):
        rounds.append(fallen)
        now = leave(question, *(payer for each in rounds for payer in each)).question
        paid = _paid(rule, now)
    failed, counted = tuple(payer for each in rounds for payer in each), int(own.notna().sum())
    if not failed:
        return Incentive(0.0, f"none of {counted} payers bears more than its equity", question)
    told = "; then ".join(", ".join(map(str, [*each[:_FEW], *["..."] * (len(each) > _FEW)])) for each in rounds)
    left = question.loss - float(paid.sum())
    rest = f" and {money(question, left)} is borne by nobody" if left > ROUNDING * question.loss else ""
    said = (
        f"{len(failed)} of {counted} payers fail, in {len(rounds)} round{'s' * (len(rounds) > 1)}: {told}; the others "
        f"bear {money(question, float(paid.sum()))}{rest}"
    )
    return Incentive(len(failed) / counted, said, now, failed)


def _paid(rule: Rule, question: Question) -> pd.Series[float]:
    if isinstance(rule, Waterfall):
        return rule.run(question).by_payer  # type: ignore[arg-type]
    ids = question.ids  # type: ignore[union-attr]
    return pd.Series(rule.borne(question, np.arange(len(ids)))[0], index=ids)  # type: ignore[arg-type]


def _breached(paid: pd.Series[float], own: pd.Series[float]) -> list[Any]:
    """Who bears more than its equity; meeting it to a part in 1e9 of the largest burden is no breach."""
    borne, held = paid.to_numpy(np.float64), own.to_numpy(np.float64)
    most = float(borne.max(initial=0.0))
    beyond = np.where((borne > 0) & ~np.isnan(held), borne - np.maximum(np.nan_to_num(held), 0.0), 0.0)
    return list(paid.index[beyond > ROUNDING * most])


def _equity(question: Question, equity: Any) -> pd.Series[float]:
    if isinstance(question, Event):
        table = question.payers
        if isinstance(equity, str):
            if equity not in table.columns:
                raise unknown("column of the payers' table", equity, map(str, table.columns))
            return pd.Series(figures(table[equity]), index=table.index)
        return pd.Series(equity, dtype=np.float64).reindex(table.index)
    stated = question.column(equity, low=-math.inf) if isinstance(equity, str) else equity
    return pd.Series(vector(stated, question.ids, "equity", low=-math.inf), index=question.ids)
