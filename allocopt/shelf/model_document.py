"""A stated mechanism: one TOML document that names layers, columns, amounts, schemes and sources, and no expression."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from typing import Any

from allocopt.errors import DataError
from allocopt.facts.event import ROLES
from allocopt.facts.problem import STATUSES as HOW_KNOWN
from allocopt.mechanisms.layer import Layer
from allocopt.mechanisms.waterfall import STATUSES, Waterfall
from allocopt.shelf.documents import Findings, Section, read_heading, read_sources, read_toml


def read_model(source: Traversable, found: Findings) -> Waterfall | None:
    """The document as a Waterfall, or None when ``found`` holds faults."""
    root = read_toml(source, found)
    name, title = read_heading(root)
    status = root.text("status", choices=STATUSES)
    as_of = root.day("as_of", default=None)
    if status == "rulebook" and "as_of" not in root:
        root.fault("as_of", "is missing; a rulebook states the day whose rules it gives")
    facts: dict[str, Any] = {
        "summary": root.text("summary"),
        "currency": root.text("currency", default=""),
        "sources": read_sources(root),
    }
    layers = [_layer(entry, facts["currency"]) for entry in root.listed("layers", required=True)]
    root.close()
    if found.faults:
        return None
    try:
        stated = tuple(layer for layer in layers if layer is not None)
        return Waterfall(name, stated, title=title, status=status, as_of=as_of, **facts)
    except DataError as fault:
        found.add(*_place(str(fault)))
        return None


def _layer(entry: Section, currency: str) -> Layer | None:
    before = len(entry.found.faults)
    if "amount" in entry and not currency:
        entry.fault("amount", "has no currency; state the model's currency before its layers")
    stated: dict[str, Any] = {
        "name": entry.text("name"),
        "roles": entry.texts("payers", default=(), choices=ROLES),
        "payer": entry.text("payer", default=""),
        "cap": entry.text("cap", default="") or None,
        "factor": entry.amount("factor", default=1.0),
        "amount": entry.amount("amount", default=None),
        "scheme": entry.text("scheme", default="pro-rata"),
        "key": _key(entry),
        "resource": entry.text("resource", default=""),
        "sources": entry.texts("sources", default=()),
        "status": entry.text("status", default="published", choices=HOW_KNOWN),
        "note": entry.text("note", default=""),
    }
    parameters = entry.section("parameters", required=False)
    stated["parameters"] = {} if parameters is None else parameters.rest()
    entry.close()
    if len(entry.found.faults) > before:
        return None
    try:
        return Layer(**stated)
    except DataError as fault:
        entry.found.add(entry.where, str(fault).removeprefix(f"{entry.where}: "))
        return None


def _key(entry: Section) -> str | Mapping[str, float] | None:
    """A column, or a blend: a table of columns and their weights."""
    if not isinstance(entry.entries.get("key"), Mapping):
        return entry.text("key", default="") or None
    blend = entry.section("key")
    return None if blend is None else {column: blend.amount(column) for column in blend.entries}


def _place(message: str) -> tuple[str, str]:
    """Split "layer 'x': what is wrong" into the place and the fault."""
    found = re.match(r"(layer '[^:]*'|layer \"[^:]*\"): (.*)", message)
    return (found[1], found[2]) if found else ("", message)
