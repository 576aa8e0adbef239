"""Every rule asked one question, and every measure about every rule: the work behind one card, or one row of many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.event import Event
from allocopt.facts.problem import LossProblem
from allocopt.judgement.incentives import Incentive
from allocopt.judgement.measure import Case, Measure
from allocopt.judgement.moves import Moves
from allocopt.judgement.passage import passage
from allocopt.judgement.resolving import Rule
from allocopt.mechanisms.cascade import Cascade
from allocopt.mechanisms.waterfall import Waterfall

RISK = "stress_loss"  # the column that holds risk contributions unless another is named


@dataclass(frozen=True)
class Terms:
    """On what rules are judged: the exposure, the risk contributions ('' for none), the rates, and what else is
    known."""

    by: str
    risk: str = ""
    rates: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, question: LossProblem, by: str, risk: str | None, rates: tuple[str, ...], given: Mapping[str, Any]
    ) -> Terms:
        """The terms of a question, whose stress losses are the risk contributions unless others are named."""
        return cls(by, risk or (RISK if RISK in question.payers.columns else ""), rates, given)


def divided(
    rules: Mapping[str, Rule], question: LossProblem, event: Event | None
) -> tuple[dict[str, Allocation], dict[str, Cascade]]:
    """The answer of every rule, and the runs of waterfalls, which are judged by what they lay on these payers."""
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
    return answers, cascades


def probed(
    rules: Mapping[str, Rule],
    question: LossProblem,
    event: Event | None,
    answers: Mapping[str, Allocation],
    cascades: Mapping[str, Cascade],
    measures: Mapping[str, Measure],
    terms: Terms,
) -> dict[str, dict[str, Incentive]]:
    """Title of a rule -> measure -> what was found; every changed question is made once for all rules."""
    asked, whole = Moves(question), Moves(question if event is None else event)
    found = {}
    for title, rule in rules.items():
        facts, run = (whole if title in cascades else asked), cascades.get(title)
        case = Case(rule, question, facts, answers[title], run, terms.by, terms.risk, terms.rates, terms.given)
        found[title] = {name: one(case) for name, one in measures.items()}
    return found
