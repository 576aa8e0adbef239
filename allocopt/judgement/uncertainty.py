"""How sure a comparison is: scores over losses or events, and a paired bootstrap of the difference of two schemes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from allocopt.errors import AllocOptError, DataError
from allocopt.facts.checks import Array, vector
from allocopt.facts.event import Event
from allocopt.facts.problem import LossProblem
from allocopt.judgement.criterion import Criterion
from allocopt.judgement.inequality import ROUNDING
from allocopt.judgement.manipulation import asked
from allocopt.judgement.many import scores
from allocopt.judgement.measure import Measure
from allocopt.judgement.metric import Metric
from allocopt.judgement.probing import Terms, divided, probed
from allocopt.judgement.resolving import Rule

DRAWS = 2000  # the ends of a 95 % interval then rest on fifty draws each
STRATA = 8  # losses at which incentives are asked anew; each speaks for the losses nearest to it in size

_OWN = {"pnl", "losses", "safe", "risky"}  # facts over which a measure averages itself, whatever the loss


class Instance(NamedTuple):
    """One row of an ensemble of events: its label, its question, and the event it comes from, if any."""

    label: str
    question: LossProblem
    event: Event | None
    terms: Terms


def whole_seed(seed: Any) -> int:
    """A seed that numpy takes; None would make every look at a card another one."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise DataError(f"seed is {seed!r}; give a whole number >= 0, so that the same draws can be made again")
    return int(seed)


def losses_of(scenarios: Any) -> Array:
    """Losses, one per scenario, two or more of them."""
    if np.ndim(scenarios) > 1:
        raise DataError(f"scenarios have shape {np.shape(scenarios)}; give one loss per scenario, or a list of events")
    given = scenarios.to_numpy() if isinstance(scenarios, pd.Series) else scenarios
    amounts = vector(given, pd.RangeIndex(np.size(given)), "scenarios")
    if len(amounts) < 2:
        raise DataError(f"scenarios hold {len(amounts)} loss{'' if len(amounts) == 1 else 'es'}; give two or more")
    return amounts


def over_losses(
    rules: Mapping[str, Rule],
    question: LossProblem,
    event: Event | None,
    criteria: Mapping[str, Metric | Measure],
    terms: Terms,
    amounts: Array,
) -> pd.DataFrame:
    """Scores by loss (rows) and by (criterion, scheme); every scheme meets the same losses, which makes them pairs.

    Metrics are judged at every loss. Measures are asked at the middle loss of each of eight equal parts of the losses
    by size (at every loss when there are no more), and what is found there stands for the part; those that average
    over scenarios of their own do not move with the loss and are left out.
    """
    metrics = {name: one for name, one in criteria.items() if isinstance(one, Metric)}
    by_rule = {title: scores(rule, question, event, metrics, terms.by, amounts) for title, rule in rules.items()}
    found = {(name, title): by_rule[title][name] for name in metrics for title in rules}
    measures = {n: m for n, m in criteria.items() if isinstance(m, Measure) and not _OWN & set(m.needs)}
    if measures:
        found |= {key: np.empty(len(amounts)) for key in product(measures, rules)}
        for part in np.array_split(np.argsort(amounts, kind="stable"), min(STRATA, len(amounts))):
            loss = float(amounts[part[(len(part) - 1) // 2]])
            whole = None if event is None else asked(event, event.payers, max(0.0, event.loss - question.loss + loss))
            one = question.replace(loss=loss)
            answers, cascades = divided(rules, one, whole)  # type: ignore[arg-type]
            told = probed(rules, one, whole, answers, cascades, measures, terms)  # type: ignore[arg-type]
            for name, title in product(measures, rules):
                found[name, title][part] = told[title][name].value
    return _table(found, pd.Index(amounts, name="loss"))


def over_events(
    rules: Mapping[str, Rule], instances: Sequence[Instance], criteria: Mapping[str, Metric | Measure]
) -> pd.DataFrame:
    """Scores by event (rows) and by (criterion, scheme): metrics and, where they are among the criteria, measures."""
    measures = {name: one for name, one in criteria.items() if isinstance(one, Measure)}
    found: dict[tuple[str, str], Array] = {key: np.empty(len(instances)) for key in product(criteria, rules)}
    for row, (label, question, event, terms) in enumerate(instances):
        try:
            answers, cascades = divided(rules, question, event)
            told = probed(rules, question, event, answers, cascades, measures, terms)
            for (name, title), values in found.items():
                one = criteria[name]
                values[row] = told[title][name].value if isinstance(one, Measure) else one(answers[title], terms.by)
        except AllocOptError as fault:
            raise DataError(f"event {label!r}: {fault}") from None
    return _table(found, pd.Index([one.label for one in instances], name="event"))


def scenarios_called(spread: pd.DataFrame | None) -> str:
    """What the rows of an ensemble are, in a word."""
    return "events" if spread is not None and spread.index.name == "event" else "losses"


def known_throughout(values: pd.DataFrame, spread: pd.DataFrame | None) -> pd.DataFrame:
    """The values of a card, NaN where a scenario has none: what is known of some events only places no scheme."""
    out = values.copy()
    if spread is None:
        return out
    for name in dict.fromkeys(spread.columns.get_level_values(0)):
        out.loc[name] = out.loc[name].where(spread[name].notna().all(), math.nan)
    return out


def _table(found: Mapping[tuple[str, str], Array], index: pd.Index) -> pd.DataFrame:
    columns = pd.MultiIndex.from_tuples(list(found), names=["metric", "scheme"])
    figures = np.array(list(found.values())).T if found else np.empty((len(index), 0))
    return pd.DataFrame(figures, index=index, columns=columns)


def bootstrap(scored: pd.DataFrame, criteria: Mapping[str, Criterion], seed: int) -> pd.DataFrame:
    """For every criterion and pair of schemes: the mean difference, a 95 % interval for it, who is better how often.

    The losses or events are drawn anew, with replacement, and both schemes of a pair are scored on the same draw: what
    moves both alike cancels, so the interval is as narrow as the data allow. ``better`` is the part of them in which
    the first scheme has the better score, ``worse`` that of the second; the rest are ties to a part in 1e9. ``likely``
    is the part of the draws in which the first scheme is better on average, ties for half.
    """
    size = len(scored)
    weights = np.random.default_rng(seed).multinomial(size, np.full(size, 1.0 / size), size=DRAWS) / size
    titles = list(dict.fromkeys(scored.columns.get_level_values(1)))
    pairs = list(combinations(range(len(titles)), 2))
    one, other = ([pair[k] for pair in pairs] for k in (0, 1))
    names, columns = ["metric", "scheme", "other"], ["difference", "low", "high", "better", "worse", "likely"]
    parts = []
    for name, metric in criteria.items() if pairs else ():
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
