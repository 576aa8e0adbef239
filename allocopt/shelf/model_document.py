"""A stated mechanism: one TOML document that names layers, columns, amounts, schemes and sources, and no expression."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from typing import Any

from allocopt.errors import DataError
from allocopt.facts.event import ROLES
from allocopt.facts.problem import STATUSES as HOW_KNOWN
from allocopt.mechanisms.layer import RENEWALS, Layer, PartOf
from allocopt.mechanisms.terms import EXTENSIONS, ORDERS, RECOVERIES, UNITS, Terms
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
        "currency": root.currency("currency", default=""),
        "sources": read_sources(root),
    }
    listed = [source.key for source in facts["sources"]]
    entries = root.listed("layers", required=True)
    layers = [_layer(entry, facts["currency"], listed, status) for entry in entries]
    _check_names(entries)
    period = _period(root, listed)
    root.close()
    if found.faults:
        return None
    try:
        stated = tuple(layer for layer in layers if layer is not None)
        return Waterfall(name, stated, title=title, status=status, as_of=as_of, period=period or Terms(), **facts)
    except DataError as fault:
        found.add(*_place(str(fault)))
        return None


def _period(root: Section, listed: list[str]) -> Terms | None:
    """The table [period]: how defaults in a row count together."""
    entry = root.section("period", required=False)
    if entry is None:
        return None
    stated: dict[str, Any] = {
        "length": entry.count("length", default=None),
        "unit": entry.text("unit", default=UNITS[0], choices=UNITS),
        "extended": entry.text("extended", default="", choices=EXTENSIONS) or None,
        "most_months": entry.count("most_months", default=None),
        "most_days": entry.count("most_days", default=None),
        "order": entry.text("order", default=ORDERS[0], choices=ORDERS),
        "recoveries": entry.text("recoveries", default="", choices=RECOVERIES) or None,
        "notice_factor": entry.amount("notice_factor", default=None),
        "sources": entry.texts("sources", default=(), choices=listed),
        "note": entry.text("note", default=""),
    }
    before = len(entry.found.faults)
    entry.close()
    return Terms(**stated) if len(entry.found.faults) == before and not root.found.faults else None


def _check_names(entries: list[Section]) -> None:
    """Layers are called by their names, so no two may share one."""
    seen: dict[Any, None] = {}
    for entry in entries:
        name = entry.entries.get("name")
        if isinstance(name, str) and name in seen:
            entry.fault("name", f"two layers are called {name!r}; give each its own name")
        if isinstance(name, str):
            seen[name] = None


def _layer(entry: Section, currency: str, listed: list[str], model_status: str) -> Layer | None:
    before = len(entry.found.faults)
    stated: dict[str, Any] = {
        "name": entry.text("name"),
        "roles": entry.texts("payers", default=(), choices=ROLES),
        "payer": entry.text("payer", default=""),
        "only": _only(entry),
        "cap": entry.text("cap", default="") or None,
        "factor": entry.amount("factor", default=1.0),
        "attributed": entry.text("attributed", default="") or None,
        "amount": _amount(entry, currency),
        "scheme": entry.text("scheme", default="pro-rata"),
        "key": _key(entry),
        "resource": entry.text("resource", default=""),
        "tiers": entry.text("tiers", default="") or None,
        "pool": entry.text("pool", default=""),
        "pari_passu": entry.text("pari_passu", default=""),
        "weight": entry.amount("weight", default=None),
        "renews": entry.text("renews", default=RENEWALS[0], choices=RENEWALS),
        "period_factor": entry.amount("period_factor", default=None),
        "restored_after": entry.count("restored_after", default=None, low=0),
        "sources": entry.texts("sources", default=(), choices=listed),
        "status": entry.text("status", default="published", choices=HOW_KNOWN),
        "note": entry.text("note", default=""),
    }
    if model_status == "stylised":
        _check_known(entry, stated)
    parameters = entry.section("parameters", required=False)
    stated["parameters"] = {} if parameters is None else parameters.rest()
    entry.close()
    if len(entry.found.faults) > before:
        return None
    try:
        return Layer(**stated)
    except DataError as fault:
        entry.found.add(entry.where, _keyed(str(fault).removeprefix(f"{entry.where}: ")))
        return None


def _check_known(entry: Section, stated: Mapping[str, Any]) -> None:
    """A stylised model is a venue's own: each layer says where it was read, or that it was not and what is missing."""
    if stated["status"] == "unverified" and not stated["note"]:
        entry.fault("note", "is missing; an unverified layer says what was not read")
    elif stated["status"] != "unverified" and not stated["sources"]:
        entry.fault("sources", "is missing or empty; cite where the layer was read, or set its status to 'unverified'")


def _keyed(message: str) -> str:
    """What a layer's own check finds, with the key it is about."""
    told = {
        "name either": "payers", "give its amount": "amount", "no scheme": "scheme", "no parameter": "parameters",
        "weight ": "weight", "factor ": "factor", "period_factor ": "period_factor",
    }  # fmt: skip
    for start, key in told.items():
        if message.startswith(start):
            return f"key {key!r}: {message}"
    return message


def _amount(entry: Section, currency: str) -> float | PartOf | None:
    """A number in the model's currency, or a part of the total of a column: { of = "default_fund", factor = 0.1 }."""
    if not isinstance(entry.entries.get("amount"), Mapping):
        if "amount" in entry and not currency:
            entry.fault("amount", "has no currency; state the model's currency before its layers")
        found: float | None = entry.amount("amount", default=None)
        return found
    part = entry.section("amount")
    if part is None:
        return None
    before = len(entry.found.faults)
    stated = part.text("of"), part.amount("factor", default=1.0), part.texts("payers", default=(), choices=ROLES)
    part.close()
    return PartOf(*stated) if len(entry.found.faults) == before else None


def _only(entry: Section) -> dict[str, Any]:
    """Columns and the value, or the list of values, that a payer's row must hold."""
    if "only" not in entry:
        return {}
    chosen = entry.section("only")
    if chosen is not None and not chosen.entries:
        entry.fault("only", "is an empty table; expected columns and the values a payer's row may hold")
    return {} if chosen is None else {column: chosen.choice(column) for column in chosen.entries}


def _key(entry: Section) -> str | Mapping[str, float] | None:
    """A column, or a blend: a table of columns and their weights."""
    if not isinstance(entry.entries.get("key"), Mapping):
        return entry.text("key", default="") or None
    blend = entry.section("key")
    if blend is None:
        return None
    weights = {column: blend.amount(column) for column in blend.entries}
    if not any(weights.values()):
        entry.fault("key", f"is {dict(blend.entries)!r}; expected columns with weights of which one is above 0")
    return weights


def _place(message: str) -> tuple[str, str]:
    """Split "layer 'x': what is wrong" into the place and the fault."""
    found = re.match(r"(layer '[^:]*'|layer \"[^:]*\"|\[period\]): (.*)", message)
    return (found[1], found[2]) if found else ("", message)
