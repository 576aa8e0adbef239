"""How well the figures behind a comparison are known: which columns it used, and which of those are no evidence."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from allocopt.facts.allocation import Allocation
from allocopt.facts.event import Event
from allocopt.judgement.tradeoff import Frontier
from allocopt.mechanisms.cascade import Cascade
from allocopt.mechanisms.ensemble import Ensemble
from allocopt.mechanisms.period import Period

if TYPE_CHECKING:
    from allocopt.judgement.scorecard import Scorecard

WORDS = {
    "published": "read in the source named",
    "derived": "computed from published figures",
    "synthetic": "made by a stated, seeded rule; nobody's real figure",
    "unverified": "reported, but not confirmed in a source that was read",
}
DOUBTFUL = ("synthetic", "unverified")

# Measures that read a column of their own, whatever the rules read.
_MEASURED = {"free_riding": "stress_loss", "follow_on_defaults": "equity"}


def columns_named(thing: Any, columns: Iterable[str]) -> set[str]:
    """The columns that a rule, a key, a constraint or a layer names anywhere in its parameters.

    >>> from allocopt.schemes import scheme
    >>> sorted(columns_named(scheme("pro-rata", key={"gross": 0.5, "net": 0.5}), ["gross", "net", "equity"]))
    ['gross', 'net']
    """
    known = set(columns)
    if isinstance(thing, str):
        return {thing} & known
    if isinstance(thing, Mapping):
        return columns_named([*thing.keys(), *thing.values()], known)
    if isinstance(thing, list | tuple):
        return set().union(*(columns_named(entry, known) for entry in thing))
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        return columns_named([getattr(thing, entry.name) for entry in dataclasses.fields(thing)], known)
    return set()


def used(subject: Scorecard | Frontier | Allocation | Cascade | Ensemble | Period) -> dict[str, str]:
    """Every column that an answer, a run or a comparison read -> its status, '' when nobody has said."""
    if isinstance(subject, Allocation):
        problem = subject.problem
        return _known(problem.payers, problem.status, {problem.cap_name, *_named(subject.scheme, problem.payers)})
    if isinstance(subject, Period):
        of_each = [_known(e.payers, e.status, _named(subject.waterfall.layers, e.payers)) for e in _events(subject)]
        return {name: word for columns in of_each for name, word in columns.items()}
    if isinstance(subject, Cascade | Ensemble):
        return _known(subject.event.payers, subject.event.status, _named(subject.layers, subject.event.payers))
    if isinstance(subject, Frontier):
        question = subject.question
        bounds = [*subject.must, *(one.bound for one in subject.axes)]
        held = _known(
            question.payers, question.status, {subject.by, question.cap_name, *_named(bounds, question.payers)}
        )
        return {name: word for part in subject.named.values() for name, word in used(part).items()} | held
    question, figures = subject.question, subject.incentives
    measured = {c for m, c in _MEASURED.items() if m in figures.index and figures.loc[m].notna().any()}
    found = _known(question.payers, question.status, {subject.by, question.cap_name, *measured})
    parts: list[Allocation | Cascade] = [*subject.allocations.values(), *subject.cascades.values()]
    for part in parts:
        found |= used(part)
    return found


def _events(period: Period) -> list[Event]:
    return [event for entry in period.log for event in entry.events]


def _named(thing: Any, table: pd.DataFrame) -> set[str]:
    return columns_named(thing, map(str, table.columns))


def _known(table: pd.DataFrame, status: Mapping[str, str], named: set[str]) -> dict[str, str]:
    return {name: status.get(name, "") for name in map(str, table.columns) if name in named}


def doubts(subject: Scorecard | Frontier | Allocation | Cascade | Ensemble | Period) -> dict[str, list[str]]:
    """Status -> the columns used that have it, for the two statuses that are not evidence."""
    columns = used(subject)
    found = {word: [name for name, status in columns.items() if status == word] for word in DOUBTFUL}
    return {word: names for word, names in found.items() if names}


def note(subject: Scorecard | Frontier | Cascade | Ensemble | Period) -> str:
    """The line of small print under every figure: whose figures they are, and which are synthetic."""
    if isinstance(subject, Period):
        about = "; ".join(dict.fromkeys(event.title for event in _events(subject)))
    elif isinstance(subject, Cascade | Ensemble):
        about = subject.event.title
    else:
        about = subject.event.title if subject.event is not None else subject.question.about
    parts = [about, *(f"{word.capitalize()}: {', '.join(names)}" for word, names in doubts(subject).items())]
    return " ".join(f"{part.rstrip('.')}." for part in parts if part)
