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
from allocopt.judgement.criterion import Criterion
from allocopt.judgement.inequality import ROUNDING
from allocopt.judgement.many import scores
from allocopt.judgement.metric import Metric
from allocopt.judgement.resolving import Rule

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
    by_rule = {title: scores(rule, question, event, metrics, by, amounts) for title, rule in rules.items()}
    found = {(name, title): by_rule[title][name] for name in metrics for title in rules}
    columns = pd.MultiIndex.from_tuples(list(found), names=["metric", "scheme"])
    figures = np.array(list(found.values())).T if found else np.empty((len(amounts), 0))
    return pd.DataFrame(figures, index=pd.Index(amounts, name="loss"), columns=columns)


def bootstrap(scored: pd.DataFrame, metrics: Mapping[str, Criterion], seed: int) -> pd.DataFrame:
    """For every metric and pair of schemes: the mean difference, a 95 % interval for it, and who is better how often.

    The losses are drawn anew, with replacement, and both schemes of a pair are scored on the same draw: what moves both
    alike cancels, so the interval is as narrow as the data allow. ``better`` is the part of the losses in which the
    first scheme has the better score, ``worse`` that of the second; the rest are ties to a part in 1e9. ``likely`` is
    the part of the draws in which the first scheme is better on average, ties for half.
    """
    size = len(scored)
    weights = np.random.default_rng(seed).multinomial(size, np.full(size, 1.0 / size), size=DRAWS) / size
    titles = list(dict.fromkeys(scored.columns.get_level_values(1)))
    pairs = list(combinations(range(len(titles)), 2))
    one, other = ([pair[k] for pair in pairs] for k in (0, 1))
    names, columns = ["metric", "scheme", "other"], ["difference", "low", "high", "better", "worse", "likely"]
    parts = []
    for name, metric in metrics.items() if pairs else ():
        values = scored[name][titles].to_numpy(np.float64)
        a, b, cost = values[:, one], values[:, other], metric.costs(values)
        with np.errstate(invalid="ignore"):
            difference = np.where(a == b, 0.0, a - b)
            low, high = np.quantile(weights @ difference, [0.025, 0.975], axis=0)
            gain = np.where(a == b, 0.0, cost[:, other] - cost[:, one])
            means = weights @ gain
            same = ROUNDING * np.maximum(1.0, np.abs(a))
            level = ROUNDING * np.maximum(1.0, np.abs(weights @ a))
            likely = ((means > level).mean(axis=0) + 1.0 - (means < -level).mean(axis=0)) / 2
        at = pd.MultiIndex.from_tuples([(name, titles[i], titles[j]) for i, j in pairs], names=names)
        found = [difference.mean(axis=0), low, high, (gain > same).mean(axis=0), (gain < -same).mean(axis=0)]
        undecided = np.isnan(means).any(axis=0)
        parts.append(pd.DataFrame(np.array([*found, np.where(undecided, np.nan, likely)]).T, at, columns))
    return (
        pd.concat(parts) if parts else pd.DataFrame(index=pd.MultiIndex.from_tuples([], names=names), columns=columns)
    )
