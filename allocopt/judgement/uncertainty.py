"""How sure a comparison is: scores over many losses, and a paired bootstrap of the difference between two schemes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import vector
from allocopt.facts.event import Event
from allocopt.facts.problem import LossProblem
from allocopt.judgement.inequality import ROUNDING
from allocopt.judgement.metric import Metric
from allocopt.judgement.passage import passage
from allocopt.judgement.resolving import Rule
from allocopt.mechanisms.waterfall import Waterfall

DRAWS = 2000  # the ends of a 95 % interval then rest on fifty draws each


def ensemble(
    rules: Mapping[str, Rule],
    question: LossProblem,
    event: Event | None,
    metrics: Mapping[str, Metric],
    by: str,
    losses: Sequence[float] | Any,
) -> pd.DataFrame:
    """Scores by loss (rows) and by (metric, scheme); every scheme meets the same losses, which makes them pairs."""
    amounts = vector(losses, pd.RangeIndex(np.size(losses)), "losses")
    if len(amounts) < 2:
        raise DataError(f"losses holds {len(amounts)} figure; give two or more, or leave it out")
    found: dict[tuple[str, str], list[float]] = {(name, title): [] for name in metrics for title in rules}
    for loss in amounts.tolist():
        for title, rule in rules.items():
            if isinstance(rule, Waterfall) and event is not None:
                answer = passage(rule.run(event, max(0.0, event.loss - question.loss + loss)), question, title)
            else:
                answer = rule.allocate(question.replace(loss=loss))  # type: ignore[union-attr]
            for name, one in metrics.items():
                found[name, title].append(one(answer, by))
    columns = pd.MultiIndex.from_tuples(list(found), names=["metric", "scheme"])
    return pd.DataFrame(np.array(list(found.values())).T, index=pd.Index(amounts, name="loss"), columns=columns)


def bootstrap(scores: pd.DataFrame, metrics: Mapping[str, Metric], seed: int) -> pd.DataFrame:
    """For every metric and pair of schemes: the mean difference, a 95 % interval for it, and who is better how often.

    The losses are drawn anew, with replacement, and both schemes of a pair are scored on the same draw: what moves both
    alike cancels, so the interval is as narrow as the data allow. ``better`` is the part of the losses in which the
    first scheme has the better score, ``worse`` that of the second; the rest are ties to a part in 1e9.
    """
    size = len(scores)
    weights = np.random.default_rng(seed).multinomial(size, np.full(size, 1.0 / size), size=DRAWS) / size
    rows = {}
    for name, metric in metrics.items():
        values = scores[name]
        cost = values.map(metric.cost)
        for one, other in combinations(values.columns, 2):
            a, b = values[one].to_numpy(), values[other].to_numpy()
            with np.errstate(invalid="ignore"):
                difference = np.where(a == b, 0.0, a - b)
                low, high = np.quantile(weights @ difference, [0.025, 0.975])
                gain = np.where(a == b, 0.0, (cost[other] - cost[one]).to_numpy())
            same = ROUNDING * np.maximum(1.0, np.abs(a))
            rows[name, one, other] = {
                "difference": difference.mean(), "low": low, "high": high,
                "better": float((gain > same).mean()), "worse": float((gain < -same).mean()),
            }  # fmt: skip
    index = pd.MultiIndex.from_tuples(list(rows), names=["metric", "scheme", "other"])
    return pd.DataFrame(list(rows.values()), index=index)
