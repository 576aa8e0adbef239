"""A stated event: one folder with event.toml, payers.csv, and perhaps scenarios.csv and further tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

import pandas as pd

from allocopt.errors import unknown
from allocopt.facts.event import ROLES, Event, Figure
from allocopt.facts.problem import STATUSES
from allocopt.shelf.documents import CURRENCY, Findings, Section, read_heading, read_sources, read_toml
from allocopt.shelf.synthetic import Rule, read_rule
from allocopt.shelf.tables import read_payers, read_scenarios, read_table

LABEL = "label"  # the unit of a column that holds words


@dataclass(frozen=True)
class Column:
    """What a column means, its unit, how well it is known, and the rule that made it when it is synthetic."""

    name: str
    meaning: str
    unit: str
    status: str
    sources: tuple[str, ...] = ()
    rule: Rule | None = None


@dataclass(frozen=True)
class Table:
    """A further table of the folder, ``NAME.csv``: what a row is, what the table means, and its columns."""

    name: str
    row: str
    meaning: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Sheet:
    """What a reader must know beside the numbers: who paid in order, how the split was made, limits and licence."""

    paid: tuple[str, ...]
    limits: tuple[str, ...]
    split: str = ""
    licence: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class EventDocument:
    """An event as its document states it: the event, and what only the shelf needs (rules, meanings, data sheet)."""

    event: Event
    columns: Mapping[str, Column]
    sheet: Sheet
    scenarios: Column | None = None
    tables: tuple[Table, ...] = ()


def open_event(folder: Traversable, *, drafting: bool = False) -> EventDocument:
    """The folder as an event; raises DocumentError with the first fault. See :func:`read_event`."""
    found = Findings(folder / "event.toml")
    document = read_event(folder, found, drafting=drafting)
    return found.settle(document)


def read_event(folder: Traversable, found: Findings, *, drafting: bool = False) -> EventDocument | None:
    """The folder as an event, or None when ``found`` holds faults; ``drafting`` lets cells be blank as yet."""
    root = read_toml(folder / "event.toml", found)
    name, title = read_heading(root)
    currency = root.currency("currency")
    facts: dict[str, Any] = {
        "title": title,
        "venue": root.text("venue"),
        "date": root.day("date"),
        "loss": root.amount("loss"),
        "summary": root.text("summary"),
        "sources": read_sources(root),
    }
    listed = [source.key for source in facts["sources"]]
    facts["figures"] = [_figure(entry, currency, listed) for entry in root.listed("figures", required=True)]
    columns = {key: _column(key, entry, currency, listed) for key, entry in root.named("columns").items()}
    facts["question"] = _question(root)
    facts["expected"] = _expected(root)
    sheet = _sheet(root)
    spread = root.section("scenarios", required=False)
    scenarios = None if spread is None else _column("scenarios", spread, currency, listed)
    tables = tuple(_table(key, entry, currency, listed) for key, entry in root.named("tables").items())
    root.close()

    before = len(found.faults)
    table = read_payers(
        folder / "payers.csv", found,
        [c.name for c in columns.values() if c.unit != LABEL], [c.name for c in columns.values() if c.unit == LABEL],
        drafting=drafting,
    )  # fmt: skip
    _check_roles(table, folder / "payers.csv", found)
    if not drafting and len(found.faults) == before:
        _check_question(facts["question"], table, columns, root, folder / "payers.csv")
        if scenarios is not None:
            facts["scenarios"] = read_scenarios(folder / "scenarios.csv", found, table.index)
    facts["tables"] = {further.name: _rows(further, folder, found) for further in tables}
    if found.faults:
        return None
    status = {column.name: column.status for column in columns.values()}
    event = Event(name, currency=currency, payers=table, status=status, **facts)
    return EventDocument(event, columns, sheet, scenarios, tables)


def _figure(entry: Section, currency: str, sources: list[str]) -> Figure:
    foreign = entry.flag("foreign")
    figure = Figure(
        entry.text("name"),
        entry.amount("value", low=float("-inf")),
        _unit(entry, currency, foreign),
        entry.text("status", choices=STATUSES),
        entry.texts("sources", default=(), choices=sources),
        entry.text("note", default=""),
    )
    if figure.status == "published" and not figure.sources:
        entry.fault("sources", "is missing; a published figure names where it was read")
    if figure.status == "derived" and not figure.note:
        entry.fault("note", "is missing; a derived figure says how it was derived")
    entry.close()
    return figure


def _unit(entry: Section, currency: str, foreign: bool = False) -> str:
    unit = entry.text("unit")
    if CURRENCY.fullmatch(unit) and currency and unit != currency and not foreign:
        entry.fault(
            "unit", f"is {unit!r} but the document is in {currency}; convert it, or mark a figure foreign = true"
        )
    return unit


def _column(name: str, entry: Section, currency: str, sources: list[str]) -> Column:
    rule = entry.section("rule", required=False)
    column = Column(
        name,
        entry.text("meaning"),
        _unit(entry, currency),
        entry.text("status", choices=STATUSES),
        entry.texts("sources", default=(), choices=sources),
        None if rule is None else read_rule(rule),
    )
    if column.status == "synthetic" and column.rule is None:
        entry.fault("rule", "is missing; a synthetic column states the rule that made it")
    if column.rule is not None and column.status != "synthetic":
        entry.fault("status", f"is {column.status!r}; a column made by a rule is 'synthetic'")
    if column.status == "published" and not column.sources:
        entry.fault("sources", "is missing; a published column names where it was read")
    entry.close()
    return column


def _table(name: str, entry: Section, currency: str, sources: list[str]) -> Table:
    """[tables.NAME]: how its figures are known is said once, for all columns."""
    row, meaning = entry.text("row"), entry.text("meaning")
    status, read = entry.text("status", choices=STATUSES), entry.texts("sources", default=(), choices=sources)
    if status == "published" and not read:
        entry.fault("sources", "is missing; a published table names where it was read")
    columns = []
    for key, column in entry.named("columns").items():
        columns.append(Column(key, column.text("meaning"), _unit(column, currency), status, read))
        column.close()
    if not columns:
        entry.fault("columns", f"is missing or empty; declare every column of {name}.csv with meaning and unit")
    entry.close()
    return Table(name, row, meaning, tuple(columns))


def _rows(table: Table, folder: Traversable, found: Findings) -> pd.DataFrame | None:
    numbers = [column.name for column in table.columns if column.unit != LABEL]
    words = [column.name for column in table.columns if column.unit == LABEL]
    return read_table(folder / f"{table.name}.csv", found, table.row, numbers, words, low=float("-inf"))


def _question(root: Section) -> dict[str, Any]:
    entry = root.section("question")
    if entry is None:
        return {}
    asked: dict[str, Any] = {
        "roles": list(entry.texts("roles", choices=ROLES)),
        "cap": entry.text("cap"),
        "loss": entry.amount("loss", default=None),
        "key": entry.text("key", default=""),
        "model": entry.text("model", default=""),
    }
    losses = entry.section("losses", required=False)
    if losses is not None:
        asked["losses"] = {pool: losses.amount(pool) for pool in losses.entries}
    entry.close()
    return {key: value for key, value in asked.items() if value not in (None, "")}


def _expected(root: Section) -> dict[str, float]:
    entry = root.section("expected", required=False)
    if entry is None:
        return {}
    known = [*ROLES, "residual", "rate"]
    expected = {key: entry.amount(key) for key in known if key in entry}
    for key in entry.rest().keys() - set(known):
        entry.found.add(entry.where, str(unknown("key", key, known)))
    return expected


def _sheet(root: Section) -> Sheet:
    entry = root.section("sheet")
    if entry is None:
        return Sheet((), ())
    sheet = Sheet(
        entry.texts("paid"), entry.texts("limits"), entry.text("split", default=""), entry.texts("licence", default=())
    )
    entry.close()
    return sheet


def _check_roles(table: pd.DataFrame, source: object, found: Findings) -> None:
    if "role" not in table:
        return
    for payer, role in table["role"].items():
        if role not in ROLES:
            found.add(f"row {payer!r}, column 'role'", str(unknown("role", role, ROLES)), source)


def _check_question(
    question: Mapping[str, Any], table: pd.DataFrame, columns: Iterable[str], root: Section, source: object
) -> None:
    """The columns the default question needs are there, and known for everybody it asks."""
    asked = table[table["role"].isin(question.get("roles", ()))]
    for key in ("cap", "key"):
        column = question.get(key)
        if column is None or (key == "cap" and column == "none"):
            continue
        if column not in columns:
            root.found.add("[question]", f"key {key!r}: {unknown('column', column, columns)}")
        elif column in asked and pd.api.types.is_numeric_dtype(asked[column]):
            for payer in asked.index[asked[column].isna()][:1]:
                problem = f"is blank, but [question] {key} = {column!r} asks this payer; fill it, or ask other roles"
                root.found.add(f"row {payer!r}, column {column!r}", problem, source)
        elif column in asked:
            root.found.add("[question]", f"key {key!r}: column {column!r} holds labels; expected numbers")
