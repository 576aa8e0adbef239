"""The lines of Python that make a page again: facts, rules and criteria as the calls that produce them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from allocopt.facts.allocation import Allocation
from allocopt.facts.event import Event
from allocopt.judgement.known import known
from allocopt.judgement.measure import incentive_measures
from allocopt.judgement.metric import fairness_metrics
from allocopt.judgement.sets import asked
from allocopt.judgement.uncertainty import scenarios_called
from allocopt.mechanisms.cascade import Cascade
from allocopt.pages.section_facts import fingerprint, rulebook, stated
from allocopt.schemes import Key, Scheme, constraints

if TYPE_CHECKING:
    from allocopt.judgement.choice import Ranking
    from allocopt.judgement.scorecard import Scorecard

_LISTED = 20  # losses that a line can hold


def recipe(subject: Scorecard | Allocation | Cascade, file: str, ranking: Ranking | None = None) -> str:
    """The lines that write the page to ``file``; what no line can say stands as ``...`` with a comment."""
    if isinstance(subject, Allocation):
        facts, rules, made = None, [("", _rule(subject.scheme))], "rules[0].allocate(facts)"
    elif isinstance(subject, Cascade):
        facts, rules, made = subject.event, [("", _model(subject))], "rules[0].run(facts)"
    else:
        facts, rules = subject.event, _rules(subject)
        made = f"ao.compare(facts, rules, {_choices(subject)})"
    lines = ["import allocopt as ao", "from allocopt.pages import report", "", f"facts = {_facts(facts)}"]
    titled = all(title for title, _ in rules)
    inside = [f"    {f'{title!r}: ' if titled else ''}{_ended(call)}" for title, call in rules]
    lines += ["rules = {" if titled else "rules = [", *inside, "}" if titled else "]"]
    if ranking is None:
        return "\n".join([*lines, f"report.write({made}, {file!r})"])
    usual = ranking.card.rank()
    choice = asked(ranking, ranking.names) | {"draws": ranking.draws, "seed": ranking.seed}
    if choice == asked(usual, usual.names) | {"draws": usual.draws, "seed": usual.seed}:
        choice = {}
    ranked = ", ".join(f"{word}={value!r}" for word, value in choice.items())
    return "\n".join([*lines, f"card = {made}", f"report.write(card, {file!r}, ranking=card.rank({ranked}))"])


def _facts(event: Event | None) -> str:
    known = event is not None and stated(event) is not None
    return f"ao.load_event({event.name!r})" if event is not None and known else "...  # the facts described above"


def _rules(card: Scorecard) -> list[tuple[str, str]]:
    """Title and call of every rule; no titles when they are the rules' own."""
    calls, own = [], []
    for title, answer in card.answers.items():
        run = card.cascades.get(title)
        model = None if run is None else rulebook(run)
        calls.append((title, _rule(answer.scheme) if run is None else _model(run)))
        own.append(model.title if model is not None else getattr(answer.scheme, "title", title))
    return [("", call) for _, call in calls] if own == list(card.answers) else calls


def _ended(call: str) -> str:
    """The call with its comma, which goes before a comment."""
    return call.replace("  #", ",  #", 1) if call.startswith("...") else f"{call},"


def _choices(card: Scorecard) -> str:
    parts = [f"by={card.by!r}"]
    for word, chosen, listed in (
        ("metrics", card.scores.index, fairness_metrics()),
        ("measures", card.incentives.index, incentive_measures(card.facts)),
    ):
        if list(chosen) != list(listed):
            parts.append(f"{word}={list(map(str, chosen))!r}")
    if card.event is not None and fingerprint(card.event.problem()) != fingerprint(card.question):
        parts.append("problem=...")
    losses = card.ensemble is not None and scenarios_called(card.ensemble) == "losses"
    if set(card.facts) - {*known(None, card.question, card.event), *(["losses"] * losses)}:
        parts.append("facts=...")
    if card.ensemble is not None:
        rows = card.ensemble.index.tolist()
        parts.append(f"scenarios={rows!r}" if losses and len(rows) <= _LISTED else "scenarios=...")
        if set(card.incentives.index) & set(card.ensemble.columns.get_level_values(0)):
            parts.append("uncertain='all'")
    if card.seed:
        parts.append(f"seed={card.seed!r}")
    return ", ".join(parts)


def _model(run: Cascade) -> str:
    return f"ao.load_model({run.name!r})" if rulebook(run) is not None else f"...  # {_line(run.name)}"


def _rule(rule: Any) -> str:
    return _call(rule) or f"...  # {_line(getattr(rule, 'title', rule.name))}"


def _line(text: str) -> str:
    return " ".join(text.split())


def _call(value: Any) -> str | None:
    """A value as Python that makes it, or None when it holds figures that no line can say.

    >>> from allocopt.schemes import scheme
    >>> _call(scheme("fair", reference="talmud", subject_to=[constraints.gini_at_most(0.2, by="fund")]))
    "ao.scheme('fair', reference='talmud', subject_to=[ao.gini_at_most(bound=0.2, by='fund')])"
    """
    if value is None or isinstance(value, str | int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        entries = [_call(entry) for entry in value]
        return None if None in entries else f"[{', '.join(map(str, entries))}]"
    if isinstance(value, Mapping):
        pairs = {key: _call(entry) for key, entry in value.items()}
        return None if None in pairs.values() else f"{{{', '.join(f'{k!r}: {v}' for k, v in pairs.items())}}}"
    made = _maker(value)
    if made is None:
        return None
    name, first = made
    parts = [*first]
    for entry in dataclasses.fields(value):
        held = getattr(value, entry.name)
        if not entry.init or (isinstance(held, type(entry.default)) and held == entry.default):
            continue
        said = _call(held)
        if said is None:
            return None
        parts.append(f"{entry.name}={said}")
    return f"{name}({', '.join(parts)})"


def _maker(value: Any) -> tuple[str, list[str]] | None:
    """The public name that makes such a value, with its first argument."""
    if isinstance(value, Scheme):
        return "ao.scheme", [repr(value.name)]
    if isinstance(value, Key):
        return "ao.Key", []
    public = {getattr(constraints, name): name for name in constraints.__all__}
    return (f"ao.{public[type(value)]}", []) if type(value) in public else None
