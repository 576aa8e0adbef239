"""Schemes side by side on one loss, each judged on the same scales of fairness and incentives."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from allocopt.errors import DataError, unknown
from allocopt.facts.event import Event
from allocopt.facts.problem import LossProblem
from allocopt.judgement.card import Scorecard
from allocopt.judgement.known import FACTS, known
from allocopt.judgement.manipulation import amounts, cap_column
from allocopt.judgement.measure import Measure, incentive_measures
from allocopt.judgement.metric import Metric, fairness_metrics
from allocopt.judgement.probing import RISK, Terms, divided, probed
from allocopt.judgement.resolving import Rule
from allocopt.judgement.settled import settled
from allocopt.judgement.uncertainty import Instance, losses_of, over_events, over_losses, whole_seed
from allocopt.mechanisms.waterfall import Waterfall
from allocopt.schemes import Scheme, resolve

__all__ = ["FACTS", "RISK", "Scorecard", "compare"]

_Kind = TypeVar("_Kind", Metric, Measure)

_GOODS = (
    "weighs those with little most, so on burdens it is the wrong way round (1, or infinite, when one pays nothing)"
)
_INSTEAD = "take 'kolm_pollak' for burdens, or 'atkinson_of_residual_wealth' for what payers keep"
# Names that a reader may ask for and must not get on burdens, or not without more facts -> what to do instead.
TRAPS = {
    **dict.fromkeys(("atkinson", "atkinson_of_burdens", "theil_l", "theil_l_of_burdens"), f"{_GOODS}; {_INSTEAD}"),
    **dict.fromkeys(
        ("max_core_excess", "core_excess"), "needs a game; hand criteria.core_excess(game) to metrics=[...]"
    ),
    "distance_to_shapley": "needs a game; hand criteria.distance_to_shapley(game) to metrics=[...]",
    **dict.fromkeys(("distance", "deviation_index"), "needs a reference; take it from allocopt.criteria"),
    **dict.fromkeys(("group_ratio", "group_gap"), "needs groups; take it from allocopt.criteria"),
}


def compare(
    event_or_problem: Event | LossProblem | Sequence[Event | LossProblem],
    schemes: Iterable[str | Rule] | Mapping[str, str | Rule],
    metrics: Iterable[str | Metric] | None = None,
    axioms: bool = True,
    *,
    measures: Iterable[str | Measure] | None = None,
    by: str | None = None,
    problem: LossProblem | None = None,
    risk: str | None = None,
    rates: Iterable[str] = (),
    facts: Mapping[str, Any] | None = None,
    scenarios: Sequence[float] | Sequence[Event | LossProblem] | None = None,
    uncertain: str = "fairness",
    seed: int = 0,
) -> Scorecard:
    """Divide one loss by several schemes and judge the answers on the same scales.

    Parameters
    ----------
    event_or_problem : a question, or an event, whose own question (``event.problem()``) is asked unless ``problem``
        gives another. Waterfalls need the event: they run through all of it, and are judged by what they lay on the
        payers of the question. Of several, in one currency, the first is the one on the card, and all are its
        scenarios.
    schemes : names, schemes or waterfalls; a dict gives them labels of its own. Equal titles are numbered.
    axioms : whether ``card.axioms`` hunts for counterexamples when it is asked for.
    metrics, measures : which fairness metrics and incentive measures, by name or as objects; ``[]`` for none. By
        default all metrics, and all measures that have the facts they need. Measures solve every scheme some fifty
        times; leave them out where one solution takes long.
    by : the exposure that burdens are related to; by default the column that caps the payers, or the only numeric one.
    risk : column of risk contributions for the free-rider index; by default ``stress_loss`` where there is one.
    rates : columns that stay as they are when an account is split or grows (leverage, a score).
    facts : what else is known, by name: what payers have outside (``standalone``), scenarios of their own (``pnl``), a
        reward for bids (``auction``) and more, each of which brings measures with it; :data:`FACTS` lists them. A
        column called ``standalone``, ``fees``, ``bilateral``, ``directional``, ``equity``, ``long`` or ``short`` is one
        without being named.
    scenarios : losses, one per scenario, or events (or questions), to judge the schemes on, for ``card.uncertainty``;
        a waterfall gets the same difference to the event's loss that the question's loss has. ``seed`` is that of the
        bootstrap.
    uncertain : ``"fairness"`` judges the metrics in every scenario; ``"all"`` the incentives too, in every event, or at
        eight losses, each of which stands for the losses near it.

    Raises
    ------
    DataError : no scheme, an unknown name, no column for ``by``, a waterfall without its event, events in different
        currencies, or fewer than two scenarios.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"fund": [60.0, 30.0, 10.0]}, index=["A", "B", "C"])
    >>> card = compare(LossProblem(50, table, cap="fund", currency="EUR"), ["pro-rata", "constrained-equal-awards"])
    >>> card.scores.loc[["gini", "gini_of_burdens"]].round(3).to_numpy().tolist()
    [[0.0, 0.22], [0.333, 0.133]]
    >>> card.metrics.loc["gini", "label"]
    'Gini coefficient of burden per unit of fund'
    """
    if uncertain not in ("fairness", "all"):
        raise DataError(f"uncertain is {uncertain!r}; expected 'fairness' or 'all'")
    start = whole_seed(seed)
    several = _several(event_or_problem, problem, scenarios)
    event, question = _asked(event_or_problem if several is None else several[0], problem)
    rules = _rules(schemes)
    column = _exposure(question, by)
    others = several if several is not None else _questions(scenarios)
    losses = None if scenarios is None or others is not None else losses_of(scenarios)
    given = known(facts, question, event, losses)
    criteria = _criteria(metrics, measures, given)
    if risk is not None:
        question.column(risk, low=-math.inf)
    kept = tuple(rates)
    amounts(question.payers, kept)
    terms = Terms.of(question, column, risk, kept, given)
    answers, cascades = divided(rules, question, event)
    criteria = {name: settled(one, question, terms.by, terms.risk) for name, one in criteria.items()}
    probes = {name: m for name, m in criteria.items() if isinstance(m, Measure)}
    findings = probed(rules, question, event, answers, cascades, probes, terms)
    spread = None
    moved = {name: m for name, m in criteria.items() if isinstance(m, Metric) or uncertain == "all"}
    if losses is not None:
        spread = over_losses(rules, question, event, moved, terms, losses)
    elif others is not None:
        spread = over_events(rules, _instances(others, question, column, risk, kept, facts), moved)
    card = Scorecard(
        question, event, column, rules, answers, cascades, criteria, findings, spread, start, axioms, given
    )
    _ = card.scores  # a criterion that cannot judge these answers says so now
    return card


def _several(given: Any, problem: LossProblem | None, scenarios: Any) -> list[Event | LossProblem] | None:
    """The events of a list of them; None for a single one."""
    if not isinstance(given, list | tuple):
        return None
    if scenarios is not None or problem is not None:
        raise DataError("several events are scenarios themselves; leave out scenarios=... and problem=...")
    found = _questions(given)
    if found is None:
        raise DataError("the list of events is empty or holds something else; give Events or LossProblems")
    return found


def _questions(scenarios: Any) -> list[Event | LossProblem] | None:
    """Scenarios that are events or questions; None for losses."""
    if not isinstance(scenarios, list | tuple) or not any(isinstance(one, Event | LossProblem) for one in scenarios):
        return None
    for one in scenarios:
        if not isinstance(one, Event | LossProblem):
            raise DataError(f"scenarios mix events with a {type(one).__name__}; give events only, or losses only")
    if len(scenarios) < 2:
        raise DataError("scenarios hold one event; give two or more, or leave them out")
    return list(scenarios)


def _instances(
    given: Sequence[Event | LossProblem], first: LossProblem, by: str, risk: str | None, rates: tuple[str, ...],
    facts: Mapping[str, Any] | None,
) -> list[Instance]:  # fmt: skip
    """The events with what each must bring: the currency, the exposure, the columns that facts name."""
    carried = {name: fact for name, fact in (facts or {}).items() if isinstance(fact, str | int | float)}
    found: list[Instance] = []
    for place, one in enumerate(given, 1):
        event, question = _asked(one, None)
        label = stem = event.name if event is not None else f"question {place}"
        times = 1
        while label in (other.label for other in found):
            times += 1
            label = f"{stem} ({times})"
        if question.currency != first.currency:
            raise DataError(
                f"event {label!r} is in {question.currency or 'no currency'}, the first in "
                f"{first.currency or 'none'}; state all amounts in one currency"
            )
        try:
            question.column(by)
            terms = Terms.of(question, by, risk, rates, known(carried, question, event))
        except DataError as fault:
            raise DataError(f"event {label!r}: {fault}") from None
        found.append(Instance(label, question, event, terms))
    return found


def _asked(given: Any, problem: LossProblem | None) -> tuple[Event | None, LossProblem]:
    if isinstance(given, Event):
        return given, given.problem() if problem is None else problem
    if not isinstance(given, LossProblem):
        remedy = f"; load it first, load_event({given!r})" if isinstance(given, str) else ""
        raise DataError(f"compare judges an Event or a LossProblem, not a {type(given).__name__}{remedy}")
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


def _criteria(metrics: Any, measures: Any, given: Mapping[str, Any]) -> dict[str, Metric | Measure]:
    fair = _chosen("fairness metric", metrics, fairness_metrics(), Metric)
    listed = incentive_measures(given if measures is None else None)
    found: list[Metric | Measure] = [*fair, *_chosen("incentive measure", measures, listed, Measure)]
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
        elif one in TRAPS:
            raise DataError(f"{one!r} {TRAPS[str(one)]}")
        elif callable(one):
            maker = f"allocopt.judgement.{of.__name__.lower()}"
            raise DataError(
                f"{getattr(one, '__name__', one)!r} is a plain function, which does not say what its number means; "
                f"name a {kind}, or make one of your own with the decorator of {maker}"
            )
        elif one in incentive_measures() or one in fairness_metrics():
            raise DataError(f"{one!r} is no {kind}; name it in {'measures' if of is Metric else 'metrics'}=[...]")
        else:
            raise unknown(kind, one, listed)
    return chosen
