"""Whether a ranking stands when one criterion, one part of the criteria, or one large payer is left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allocopt.errors import AllocOptError, DataError
from allocopt.facts.checks import Array
from allocopt.judgement.acceptability import ranked
from allocopt.judgement.inequality import ROUNDING
from allocopt.judgement.manipulation import leave
from allocopt.judgement.metric import Metric
from allocopt.judgement.metrics import kendall_tau_b
from allocopt.judgement.passage import passage
from allocopt.mechanisms.waterfall import Waterfall

if TYPE_CHECKING:
    from allocopt.judgement.card import Scorecard
    from allocopt.judgement.choice import Ranking


def stability(ranking: Ranking, members: int) -> pd.DataFrame:
    """One row per change: who is first, Kendall's tau-b with the values now, the order; the first row is as it is."""
    if not isinstance(members, int) or isinstance(members, bool) or members < 0:
        raise DataError(f"members is {members!r}; give a whole number of payers to leave out in turn, 0 or more")
    now = ranking.value.to_numpy()
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for kind, what, values in _changes(ranking, members):
        order = np.argsort(ranked(values), kind="stable")
        grid = [np.rint(v / ROUNDING) for v in (now, values)]
        rows[kind, what] = {
            "first": ranking.schemes[order[0]],
            "tau": 1.0 if (grid[0] == grid[1]).all() else kendall_tau_b(grid[0], grid[1]),
            "order": ", ".join(ranking.schemes[k] for k in order),
        }
    index = pd.MultiIndex.from_tuples(list(rows), names=["left out", "which"])
    return pd.DataFrame(list(rows.values()), index=index, columns=["first", "tau", "order"])


def _changes(ranking: Ranking, members: int) -> Iterator[tuple[str, str, Array]]:
    profile, card = ranking.profile.to_numpy(), ranking.card
    weights = ranking.weights.to_numpy()
    yield "nothing", "", weights @ profile
    fair = np.array([isinstance(card.criteria[name], Metric) for name in ranking.names])
    parts = [("criterion", name, np.arange(len(weights)) != k) for k, name in enumerate(ranking.names)]
    parts += [("part", "fairness", ~fair), ("part", "incentives", fair)]
    for kind, name, stay in parts:
        if stay.any() and not stay.all() and weights[stay].any():
            yield kind, name, weights[stay] @ profile[stay] / weights[stay].sum()
    exposure = card.question.column(card.by)
    for at in np.argsort(-exposure, kind="stable")[: members if card.question.n > 1 else 0]:
        payer = card.question.ids[at]
        try:
            scores = without(card, payer, [n for n, f in zip(ranking.names, fair, strict=True) if f])
        except AllocOptError:  # a scheme that cannot be asked without this payer says nothing about stability
            continue
        judged = profile.copy()
        judged[fair] = scores
        if not np.isnan(judged).any():
            yield "payer", str(payer), weights @ judged


def without(card: Scorecard, payer: Any, names: list[str]) -> Array:
    """Fairness on the fixed scales, (criteria, schemes), when the others divide the same loss."""
    question = leave(card.question, payer).question
    out = np.empty((len(names), len(card.answers)))
    metrics = [one for one in (card.criteria[name] for name in names) if isinstance(one, Metric)]
    for i, (title, rule) in enumerate(card.rules.items()):
        if isinstance(rule, Waterfall):
            run = card.cascades[title]
            again = passage(rule.run(leave(run.event, payer).question, run.loss), question, title)
        else:
            again = rule.allocate(question)
        out[:, i] = [one.normalised(one(again, card.by)) for one in metrics]
    return out
