"""The data sheet of a dataset in Markdown: what happened, who paid, every figure with its source, and the limits."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from decimal import Decimal

from allocopt.facts.event import Figure, Source
from allocopt.shelf.event_document import Column, EventDocument

_WORDS = {
    "published": "read in the source named",
    "derived": "computed from published figures",
    "synthetic": "made by a stated, seeded rule; nobody's real figure",
    "unverified": "reported, but not confirmed in a source that was read",
}


def data_sheet(document: EventDocument) -> str:
    """The README.md of a dataset, made from its document so that the two cannot differ."""
    event, sheet = document.event, document.sheet
    parts = [
        f"# {event.title}",
        f"{event.venue}, {event.date}. Loss: {_figure(event.loss)} {event.currency}. "
        f"Load it with `load_event({event.name!r})`.",
        "## What happened",
        _wrapped(event.summary),
        "## Who paid, in order",
        _numbered(sheet.paid),
        "## Figures",
        _figures(event.figures),
        "## Columns of payers.csv",
        "A blank cell means *not known*, or that the figure does not apply to that payer; it never means zero.",
        _columns(document.columns.values()),
    ]
    if sheet.split:
        parts += ["## How the split was made", _wrapped(sheet.split)]
    rules = [c for c in [*document.columns.values(), document.scenarios] if c is not None and c.rule is not None]
    if rules:
        parts.append("\n".join(f"- `{c.name}`: {c.rule}" for c in rules))
    if event.scenarios is not None and document.scenarios is not None:
        count, payers = event.scenarios.shape
        parts += ["## Scenarios", _wrapped(f"{count} scenarios for {payers} payers: {document.scenarios.meaning}")]
    for table in document.tables:
        parts += [f"## Table {table.name}.csv", _wrapped(table.meaning), _columns(table.columns)]
    parts += [
        "## Limits of the data",
        "\n".join(_item("-", limit) for limit in sheet.limits),
        "## Status of a figure",
        "\n".join(f"- **{word}**: {meaning}" for word, meaning in _WORDS.items()),
        "## Sources",
        "\n".join(_source(source) for source in event.sources),
    ]
    if sheet.licence:
        parts += ["## Licence", *map(_wrapped, sheet.licence)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _figure(value: float) -> str:
    return f"{Decimal(repr(value)):,.8f}".rstrip("0").rstrip(".")  # as written: a float's last digits are noise


def _wrapped(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 118, break_long_words=False, break_on_hyphens=False)


def _item(mark: str, text: str) -> str:
    return textwrap.indent(_wrapped(f"{mark} {text}"), "  ").strip()


def _numbered(lines: Iterable[str]) -> str:
    return "\n".join(_item(f"{k}.", line) for k, line in enumerate(lines, 1))


def _figures(figures: Iterable[Figure]) -> str:
    rows = ["| figure | value | unit | status | sources | note |", "|---|---:|---|---|---|---|"]
    rows += [
        f"| {f.name} | {_figure(f.value)} | {f.unit} | {f.status} | {', '.join(f.sources)} | {f.note} |"
        for f in figures
    ]
    return "\n".join(rows)


def _columns(columns: Iterable[Column]) -> str:
    rows = ["| column | meaning | unit | status | sources |", "|---|---|---|---|---|"]
    rows += [f"| `{c.name}` | {c.meaning} | {c.unit} | {c.status} | {', '.join(c.sources)} |" for c in columns]
    return "\n".join(rows)


def _source(source: Source) -> str:
    return f"- `{source.key}`: {source}"
