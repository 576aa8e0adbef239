"""A period as text: rules, log and what came of every entry, so that it can be done again and compared to the cent."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.event import Event, Source
from allocopt.mechanisms.book import KINDS, Entry
from allocopt.mechanisms.layer import Layer, PartOf
from allocopt.mechanisms.terms import Terms
from allocopt.mechanisms.waterfall import Waterfall

if TYPE_CHECKING:
    from allocopt.mechanisms.period import Period

SCHEMA = 1


def written(waterfall: Waterfall, holidays: Sequence[dt.date], decimals: int, log: Sequence[Entry]) -> str:
    """Rules, holidays, decimals and log as JSON."""
    document = {
        "schema": SCHEMA,
        "waterfall": _rules(waterfall),
        "holidays": [day.isoformat() for day in holidays],
        "decimals": decimals,
        "log": [_line(entry) for entry in log],
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read(text: str, what: str) -> tuple[Waterfall, tuple[dt.date, ...], int, tuple[Entry, ...]]:
    """Rules, holidays, decimals and log from JSON."""
    try:
        document = json.loads(text)
        if document["schema"] != SCHEMA:
            raise DataError(f"{what}: key 'schema' is {document['schema']!r}; this version reads schema {SCHEMA}")
        holidays = tuple(dt.date.fromisoformat(day) for day in document["holidays"])
        log = tuple(_entry(line) for line in document["log"])
        return _waterfall(document["waterfall"]), holidays, document["decimals"], log
    except json.JSONDecodeError as fault:
        raise DataError(f"{what} is not JSON ({fault}); give what save() or to_json() wrote") from None
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        if isinstance(fault, DataError):
            raise
        told = f"has no {fault}" if isinstance(fault, KeyError) else f"cannot be used ({fault})"
        raise DataError(f"{what} {told}; give what save() or to_json() wrote") from None


def redo(period: Period, entry: Entry) -> None:
    """Do again what an entry says was done."""
    facts, day = entry.facts, entry.date
    if entry.kind == "default":
        period.default(facts["event"], day, facts["losses"])
    elif entry.kind == "together":
        period.together(facts["events"], day, facts["losses"])
    elif entry.kind == "recover":
        period.recover(facts["amount"], day, default=facts["default"], order=facts["order"], layers=facts["layers"])
    elif entry.kind == "replenish":
        period.replenish(day, facts["resource"], None if facts["amounts"] is None else dict(facts["amounts"]))
    elif entry.kind == "withdraw":
        period.withdraw(facts["payer"], day, facts["gone"], facts["figures"])
    elif entry.kind == "close":
        period.close(day)
    else:
        raise DataError(f"an entry of the log is of kind {entry.kind!r}; expected one of {', '.join(KINDS)}")


def compare(done: Entry, stated: Entry, where: str) -> None:
    """Refuse an entry whose amounts are not those of the file."""
    ours = {(layer, who): x for layer, who, x in done.outcome}
    theirs = {(layer, who): x for layer, who, x in stated.outcome}
    for layer, who in {**theirs, **ours}:
        a, b = ours.get((layer, who), 0.0), theirs.get((layer, who), 0.0)
        if a != b:
            raise DataError(
                f"{where}: {who!r} under {layer!r} comes to {a:,.2f} when done again, the file says {b:,.2f}; "
                "the file was changed, or the rules are not those it was made with"
            )


def _rules(waterfall: Waterfall) -> dict[str, Any]:
    facts = {f.name: getattr(waterfall, f.name) for f in dataclasses.fields(waterfall)}
    facts["layers"] = [_layer(layer) for layer in waterfall.layers]
    facts["sources"] = [dataclasses.asdict(source) for source in waterfall.sources]
    facts["period"] = dataclasses.asdict(waterfall.period)
    facts["as_of"] = None if waterfall.as_of is None else waterfall.as_of.isoformat()
    return facts


def _layer(layer: Layer) -> dict[str, Any]:
    if not isinstance(layer.scheme, str):
        raise DataError(
            f"layer {layer.name!r}: its scheme is an object ({layer.rule.title}), which cannot be written; "
            "give the scheme by name, with key and parameters"
        )
    facts: dict[str, Any] = {}
    for f in dataclasses.fields(layer):
        value = getattr(layer, f.name)
        if isinstance(value, PartOf):
            value = {"of": value.of, "factor": value.factor, "payers": list(value.roles)}
        facts[f.name] = (
            dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, tuple) else value
        )
    try:
        json.dumps(facts)
    except TypeError as fault:
        raise DataError(f"layer {layer.name!r} cannot be written ({fault}); give its key by column") from None
    return facts


def _waterfall(facts: Mapping[str, Any]) -> Waterfall:
    made = dict(facts)
    made["layers"] = tuple(Layer(**layer) for layer in facts["layers"])
    made["sources"] = tuple(Source(**source) for source in facts["sources"])
    made["period"] = Terms(**facts["period"])
    made["as_of"] = None if facts["as_of"] is None else dt.date.fromisoformat(facts["as_of"])
    return Waterfall(**made)


def _line(entry: Entry) -> dict[str, Any]:
    facts = dict(entry.facts)
    if "event" in facts:
        facts["event"] = _event(facts["event"])
    if "events" in facts:
        facts["events"] = [_event(event) for event in facts["events"]]
    if facts.get("gone") is not None:
        facts["gone"] = facts["gone"].isoformat()
    if "payer" in facts:
        facts["payer"] = _plain(facts["payer"])
    if facts.get("amounts") is not None:
        facts["amounts"] = [[_plain(who), float(x)] for who, x in facts["amounts"]]
    outcome = [[layer, _plain(who), x] for layer, who, x in entry.outcome]
    return {"kind": entry.kind, "date": entry.date.isoformat(), "facts": facts, "outcome": outcome}


def _entry(line: Mapping[str, Any]) -> Entry:
    facts = dict(line["facts"])
    if "event" in facts:
        facts["event"] = _read_event(facts["event"])
    if "events" in facts:
        facts["events"] = tuple(_read_event(event) for event in facts["events"])
    if facts.get("gone") is not None:
        facts["gone"] = dt.date.fromisoformat(facts["gone"])
    outcome = tuple((str(layer), who, float(x)) for layer, who, x in line["outcome"])
    return Entry(line["kind"], dt.date.fromisoformat(line["date"]), facts, outcome)


def _event(event: Event) -> dict[str, Any]:
    table = event.payers
    return {
        "name": event.name, "title": event.title, "venue": event.venue, "loss": event.loss,
        "currency": event.currency, "date": None if event.date is None else event.date.isoformat(),
        "status": event.status, "index": table.index.name,
        "payers": [_plain(payer) for payer in table.index],
        "columns": {str(column): [_cell(cell) for cell in table[column]] for column in table.columns},
    }  # fmt: skip


def _read_event(facts: Mapping[str, Any]) -> Event:
    table = pd.DataFrame(facts["columns"], index=pd.Index(facts["payers"], name=facts["index"]))
    for column in table.columns:
        if column != "role" and not any(isinstance(cell, str) for cell in table[column]):
            table[column] = table[column].astype(float)
    return Event(
        facts["name"], title=facts["title"], venue=facts["venue"], loss=facts["loss"], currency=facts["currency"],
        date=None if facts["date"] is None else dt.date.fromisoformat(facts["date"]), payers=table,
        status=facts["status"],
    )  # fmt: skip


def _cell(value: Any) -> str | float | None:
    """A cell of the table: a text, or a number as a float, for whole numbers come back as floats."""
    found = _plain(value)
    return found if found is None or isinstance(found, str) else float(found)


def _plain(value: Any) -> str | float | int | None:
    """A cell or an id as JSON has it: text, number, or nothing for what is not known."""
    if isinstance(value, str):
        return value
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    raise DataError(f"{value!r} ({type(value).__name__}) cannot be written; payers and cells are texts or numbers")
