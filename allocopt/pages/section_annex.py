"""What a page ends with: the notation, the limits of its data, its sources, and how to make it again."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from allocopt.facts.event import Event, Source
from allocopt.facts.problem import LossProblem
from allocopt.notation import SYMBOLS, symbols_in
from allocopt.pages.blocks import Block, Code, Folded, Formula, Heading, Listing, Math, Paragraph, Snippet, Table, Text
from allocopt.pages.numerals import residual
from allocopt.pages.section_facts import fingerprint, rulebook, stated
from allocopt.pages.section_rules import TOLERANCE, own_letters
from allocopt.shelf.library import shelf

if TYPE_CHECKING:
    from allocopt.judgement.scorecard import Scorecard

_PACKAGES = ("allocopt", "numpy", "scipy", "pandas", "cvxpy", "clarabel", "highspy", "piqp", "numba", "matplotlib")


def notation(blocks: Iterable[Block], rules: Iterable[Any] = ()) -> list[Block]:
    """The symbols that the formulas of these blocks use, but for those to which a rule gives a meaning of its own."""
    own = {letter for rule in rules for letter in own_letters(rule)}
    names = dict.fromkeys(symbol for latex in _formulas(blocks) for symbol in symbols_in(latex))
    known = [SYMBOLS[name] for name in names if name in SYMBOLS and name not in own]
    rows: list[list[Text]] = [[Math(symbol.latex), symbol.meaning, symbol.unit] for symbol in known]
    if not rows:
        return []
    table = Table("Symbols", ["symbol", "meaning", "unit"], rows, frozenset([0, 1, 2]))
    return [Heading(2, "Notation"), table]


def _formulas(blocks: Iterable[Block]) -> Iterable[str]:
    for block in blocks:
        if isinstance(block, Formula):
            yield block.latex
        elif isinstance(block, Folded):
            yield from _formulas(block.blocks)
        elif isinstance(block, Table):
            yield from (cell.latex for row in block.rows for cell in row if isinstance(cell, Math))


def limits(card: Scorecard) -> list[Block]:
    """What the reader must not conclude."""
    document = stated(card.event)
    lines: list[Text] = list(document.sheet.limits) if document is not None else []
    for model in filter(None, map(rulebook, card.cascades.values())):
        dated = f", as of {model.as_of}" if model.as_of else ""
        lines.append(f"{model.title}: {model.summary} The model is {model.status}{dated}, and no legal text.")
    lines += [
        ("Criteria judge by one exposure, ", Code(card.by), "; another exposure can reverse a ranking."),
        "One event is one draw: a rule that looks well on it need not look well on the next.",
        "Payers are taken to stay as they are; beyond the incentives listed, nobody reacts to the rule.",
    ]
    return [Heading(2, "Limits"), Listing(lines)]


def sources(cited: Iterable[Source]) -> list[Block]:
    """The sources, numbered as they are cited; printed, not linked, so that the page loads nothing."""
    listed = list(cited)
    return [Heading(2, "Sources"), Listing([str(source) for source in listed], numbered=True)] if listed else []


def reproducibility(
    problem: LossProblem, event: Event | None, models: Iterable[str], lines: str, methods: Iterable[str]
) -> list[Block]:
    """Versions, fingerprints of the facts, the tolerance, and the lines that make the page again."""
    rows: list[list[Text]] = [
        ["fingerprint of the question (SHA-256)", Code(fingerprint(problem))],
        ["tolerance of the certificates", f"{residual(TOLERANCE)} of the loss"],
        ["methods", "; ".join(sorted(set(methods)))],
        ["randomness", "none beyond the seeds stated with the data and the rules"],
    ]
    rows += [[f"file {name} (SHA-256)", Code(digest)] for name, digest in _files(event, models).items()]
    rows += [[package, number] for package, number in _versions().items()]
    return [
        Heading(2, "Reproducibility"),
        Table("What this page was made from", ["item", "value"], rows, frozenset([0, 1])),
        Paragraph("These lines make it again:"),
        Snippet(lines),
    ]


def _files(event: Event | None, models: Iterable[str]) -> Mapping[str, str]:
    found = {}
    if event is not None and stated(event) is not None:
        folder = shelf("datasets") / event.name
        for name in ("event.toml", "payers.csv", "scenarios.csv"):
            if (folder / name).is_file():
                found[f"datasets/{event.name}/{name}"] = folder / name
    for name in models:
        found[f"models/{name}.toml"] = shelf("models") / f"{name}.toml"
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found.items()}


def _versions() -> Mapping[str, str]:
    found = {"Python": ".".join(map(str, sys.version_info[:3]))}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
