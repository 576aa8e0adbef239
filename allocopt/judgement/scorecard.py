"""Schemes side by side on one loss, each judged on the same scales of fairness and incentives."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from allocopt.errors import DataError, unknown
from allocopt.facts.allocation import Allocation
from allocopt.facts.event import Event
from allocopt.facts.problem import LossProblem
from allocopt.judgement.card import Scorecard
from allocopt.judgement.manipulation import amounts, cap_column
from allocopt.judgement.measure import Case, Measure, incentive_measures
from allocopt.judgement.metric import Metric, fairness_metrics
from allocopt.judgement.moves import Moves
from allocopt.judgement.passage import passage
from allocopt.judgement.resolving import Rule
from allocopt.judgement.uncertainty import ensemble
from allocopt.mechanisms.cascade import Cascade
from allocopt.mechanisms.waterfall import Waterfall
from allocopt.schemes import Scheme, resolve

__all__ = ["RISK", "Scorecard", "compare"]

RISK = "stress_loss"  # the column that holds risk contributions unless another is named

_Kind = TypeVar("_Kind", Metric, Measure)


def compare(
    event_or_problem: Event | LossProblem,
    schemes: Iterable[str | Rule] | Mapping[str, str | Rule],
    metrics: Iterable[str | Metric] | None = None,
    axioms: bool = True,
    *,
    measures: Iterable[str | Measure] | None = None,
    by: str | None = None,
    problem: LossProblem | None = None,
    risk: str | None = None,
    rates: Iterable[str] = (),
    scenarios: Sequence[float] | None = None,
    seed: int = 0,
) -> Scorecard:
    """Divide one loss by several schemes and judge the answers on the same scales.

    Parameters
    ----------
    event_or_problem : a question, or an event, whose own question (``event.problem()``) is asked unless ``problem``
        gives another. Waterfalls need the event: they run through all of it, and are judged by what they lay on the
        payers of the question.
    schemes : names, schemes or waterfalls; a dict gives them labels of its own. Equal titles are numbered.
    axioms : whether ``card.axioms`` hunts for counterexamples when it is asked for.
    metrics, measures : which fairness metrics and incentive measures, by name or as objects; all by default, ``[]``
        for none. Measures solve every scheme some forty times; leave them out where one solution takes long.
    by : the exposure that burdens are related to; by default the column that caps the payers, or the only numeric one.
    risk : column of risk contributions for the free-rider index; by default ``stress_loss`` where there is one.
    rates : columns that stay as they are when an account is split or grows (leverage, a score).
    scenarios : losses, one per scenario, to judge the schemes on, for ``card.uncertainty``; a waterfall gets the same
        difference to the event's loss that the question's loss has. ``seed`` is that of the bootstrap.

    Raises
    ------
    DataError : no scheme, an unknown name, no column for ``by``, or a waterfall without its event.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"fund": [60.0, 30.0, 10.0]}, index=["A", "B", "C"])
    >>> card = compare(LossProblem(50, table, cap="fund", currency="EUR"), ["pro-rata", "constrained-equal-awards"])
    >>> card.scores.loc[["gini", "gini_of_burdens"]].round(3).to_numpy().tolist()
    [[0.0, 0.22], [0.333, 0.133]]
    >>> card.metrics.loc["gini", "label"]
    'Gini coefficient of burden per unit of fund'
    """
    event, question = _asked(event_or_problem, problem)
    rules = _rules(schemes)
    column = _exposure(question, by)
    criteria = _criteria(metrics, measures)
    if risk is not None:
        question.column(risk, low=-math.inf)
    kept = tuple(rates)
    amounts(question.payers, kept)
    answers: dict[str, Allocation] = {}
    cascades: dict[str, Cascade] = {}
    for title, rule in rules.items():
        if isinstance(rule, Waterfall):
            if event is None:
                raise DataError(f"waterfall {rule.name!r} runs through an event; compare it on the Event")
            cascades[title] = rule.run(event)
            answers[title] = passage(cascades[title], question, title)
        else:
            answers[title] = rule.allocate(question)
    contributions = risk or (RISK if RISK in question.payers.columns else "")
    asked, whole = Moves(question), Moves(question if event is None else event)
    findings = {}
    for title, rule in rules.items():
        facts = whole if title in cascades else asked
        case = Case(rule, question, facts, answers[title], cascades.get(title), column, contributions, kept)
        findings[title] = {name: m(case) for name, m in criteria.items() if isinstance(m, Measure)}
    fairness = {name: m for name, m in criteria.items() if isinstance(m, Metric)}
    spread = None if scenarios is None else ensemble(rules, question, event, fairness, column, scenarios)
    card = Scorecard(question, event, column, rules, answers, cascades, criteria, findings, spread, seed, axioms)
    _ = card.scores  # a criterion that cannot judge these answers says so now
    return card


def _asked(given: Event | LossProblem, problem: LossProblem | None) -> tuple[Event | None, LossProblem]:
    if isinstance(given, Event):
        return given, given.problem() if problem is None else problem
    if not isinstance(given, LossProblem):
        raise DataError(f"compare judges an Event or a LossProblem, not a {type(given).__name__}")
    if problem is not None:
        raise DataError("problem=... goes with an Event; the first argument is already a question")
    return None, given


def _rules(schemes: Any) -> dict[str, Rule]:
    """Title -> rule; titles that come twice are numbered."""
    if isinstance(schemes, str | Scheme | Waterfall):
        raise DataError(f"schemes is a single {type(schemes).__name__}; give a list, even of one")
    named = list(schemes.items()) if isinstance(schemes, Mapping) else [(None, one) for one in schemes]
    if not named:
        raise DataError("schemes is empty; name at least one, see allocopt.schemes()")
    rules: dict[str, Rule] = {}
    for label, one in named:
        rule = one if isinstance(one, Waterfall) else resolve(one)
        title = stem = rule.title if label is None else str(label)
        times = 1
        while title in rules:
            times += 1
            title = f"{stem} ({times})"
        rules[title] = rule
    return rules


def _exposure(question: LossProblem, by: str | None) -> str:
    """The column that burdens are related to, a finite figure for every payer."""
    table = question.payers
    numeric = amounts(table)
    chosen = by or cap_column(question) or (numeric[0] if len(numeric) == 1 else "")
    if not chosen:
        raise DataError(f"the caps are no column of the table; name the exposure with by=..., one of {numeric}")
    question.column(chosen)
    return chosen


def _criteria(metrics: Any, measures: Any) -> dict[str, Metric | Measure]:
    fair = _chosen("fairness metric", metrics, fairness_metrics(), Metric)
    found: list[Metric | Measure] = [*fair, *_chosen("incentive measure", measures, incentive_measures(), Measure)]
    out: dict[str, Metric | Measure] = {}
    for one in found:
        if out.setdefault(one.name, one) is not one:
            raise DataError(f"two criteria are called {one.name!r}; rename one")
    return out


def _chosen(kind: str, wanted: Any, listed: Mapping[str, _Kind], of: type[_Kind]) -> list[_Kind]:
    if wanted is None:
        return list(listed.values())
    chosen = []
    for one in [wanted] if isinstance(wanted, str | of) else wanted:
        if isinstance(one, of):
            chosen.append(one)
        elif one in listed:
            chosen.append(listed[str(one)])
        else:
            raise unknown(kind, one, listed)
    return chosen
