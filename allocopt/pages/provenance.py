"""How well the figures behind a comparison are known: which columns it used, and which of those are no evidence."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from allocopt.judgement.scorecard import Scorecard

WORDS = {
    "published": "read in the source named",
    "derived": "computed from published figures",
    "synthetic": "made by a stated, seeded rule; nobody's real figure",
    "unverified": "reported, but not confirmed in a source that was read",
}
DOUBTFUL = ("synthetic", "unverified")


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


def used(card: Scorecard) -> dict[str, str]:
    """Every column this comparison read -> its status, '' when nobody has said; in the order of the table."""
    status = card.question.status | (card.event.status if card.event is not None else {})
    table = card.question.payers if card.event is None else card.event.payers
    named = {card.by, card.question.cap_name}
    for answer in card.allocations.values():
        named |= columns_named(answer.scheme, table.columns)
    for run in card.cascades.values():
        named |= columns_named(run.layers, table.columns)
    return {name: status.get(name, "") for name in map(str, table.columns) if name in named}


def doubts(card: Scorecard) -> dict[str, list[str]]:
    """Status -> the columns used that have it, for the two statuses that are not evidence."""
    columns = used(card)
    found = {word: [name for name, status in columns.items() if status == word] for word in DOUBTFUL}
    return {word: names for word, names in found.items() if names}


def note(card: Scorecard) -> str:
    """The line of small print under every figure: whose figures they are, and which are synthetic."""
    about = card.event.title if card.event is not None else card.question.about
    parts = [f"{word.capitalize()}: {', '.join(names)}" for word, names in doubts(card).items()]
    return ". ".join([*([about] if about else []), *parts]) + ("." if about or parts else "")
