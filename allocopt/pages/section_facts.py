"""What a page says before any rule: its purpose, what happened, the question, and how well each figure is known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from allocopt.facts.allocation import Allocation
from allocopt.facts.event import Event, Source
from allocopt.facts.problem import LossProblem
from allocopt.mechanisms.cascade import Cascade
from allocopt.mechanisms.waterfall import Waterfall
from allocopt.notation import column
from allocopt.pages.blocks import Banner, Block, Code, Formula, Heading, Math, Paragraph, Table, Text, prose
from allocopt.pages.numerals import amount, decimals
from allocopt.pages.provenance import WORDS, doubts, used
from allocopt.shelf.event_document import EventDocument
from allocopt.shelf.library import datasets, load_event_document, load_model, models

if TYPE_CHECKING:
    from allocopt.judgement.scorecard import Scorecard


_PURPOSE = """
This page divides one loss among its payers by {n}, proves each answer, and says what the answers deserve by stated
criteria and what they reward. It is written for those who must judge such rules: risk committees, members, supervisors.
Every number can be made again from the last section. A comparison on one event shows how rules differ; it does not say
which rule a venue must follow, and where a rulebook speaks, the rulebook decides.
"""


class Citations:
    """Sources in the order in which a page first lists them, each with its number."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self.sources = list(dict.fromkeys(sources))

    def marks(self, keys: Iterable[str], among: Iterable[Source]) -> str:
        """The numbers of the sources with these keys, as a reader sees them: ``[1] [3]``."""
        listed = {source.key: source for source in among}
        return " ".join(f"[{self.sources.index(listed[key]) + 1}]" for key in keys if key in listed)


def stated(event: Event | None) -> EventDocument | None:
    """The document of an event on the shelf, if the event is still what the document says; else None."""
    if event is None or event.name not in datasets():
        return None
    document = load_event_document(event.name)
    same = document.event.loss == event.loss and document.event.payers.equals(event.payers)
    return document if same else None


def rulebook(run: Cascade) -> Waterfall | None:
    """The model on the shelf that a run followed, if it followed it layer by layer; else None."""
    if run.name not in models():
        return None
    model = load_model(run.name)
    return model if [layer.name for layer in model.layers] == [layer.name for layer in run.layers] else None


def fingerprint(problem: LossProblem) -> str:
    """A digest of the loss, the currency, the caps and the table, so that a reader can tell whether facts changed.

    >>> import pandas as pd
    >>> len(fingerprint(LossProblem(1.0, pd.DataFrame({"fund": [2.0]}, index=["A"]), cap="fund")))
    64
    """
    digest = hashlib.sha256(f"{problem.loss!r}|{problem.currency}|{problem.cap_name}\n".encode())
    digest.update(",".join(map(repr, problem.caps.tolist())).encode())
    digest.update(problem.payers.to_csv(lineterminator="\n").encode())
    return digest.hexdigest()


def purpose(card: Scorecard) -> list[Block]:
    """What the page is for, for whom, and what it is not."""
    rules = len(card.answers)
    return [
        Heading(2, "Purpose and scope"),
        Paragraph(prose(_PURPOSE.format(n=f"{rules} rule{'s' if rules != 1 else ''}"))),
    ]


def happened(event: Event, cited: Citations) -> list[Block]:
    """The event in words and published figures."""
    when = f"{event.date:%d %B %Y}".lstrip("0") if event.date else "date not stated"
    blocks: list[Block] = [
        Heading(2, "What happened"),
        Paragraph(f"{event.venue + ', ' if event.venue else ''}{when}."),
    ]
    if event.summary:
        blocks.append(Paragraph(event.summary))
    rows: list[list[Text]] = [
        [
            figure.name,
            amount(figure.value, 0 if figure.value == round(figure.value) else decimals(abs(figure.value))),
            figure.unit,
            figure.status,
            cited.marks(figure.sources, event.sources),
            figure.note,
        ]
        for figure in event.figures
    ]
    if rows:
        head = ["figure", "value", "unit", "status", "source", "note"]
        blocks.append(Table("Figures of the episode", head, rows, frozenset([0, 2, 3, 4, 5])))
    return blocks


def question(problem: LossProblem, by: str | None = None) -> list[Block]:
    """The loss, the payers and the caps."""
    places = decimals(problem.loss)
    capacity = amount(problem.capacity, places) if np.isfinite(problem.capacity) else "no limit"
    unlimited = int(np.isinf(problem.caps).sum())
    rows: list[list[Text]] = [
        ["loss to be borne", (Math("L"), ""), amount(problem.loss, places), problem.currency],
        ["payers", (Math("n"), ""), f"{problem.n:,}", ""],
        [("caps: ", _named(problem, problem.cap_name)), (Math("c_i"), ""), capacity, problem.currency],
    ]
    if by is not None and problem.n:
        total = amount(float(problem.column(by).sum()), places)
        rows.append([("exposure: ", _named(problem, by)), (Math("w_i"), ""), total, ""])
    blocks: list[Block] = [
        Heading(2, "The question"),
        Paragraph(
            ("Divide the loss so that the shares ", Math("x_i"), " add up to it and none exceeds its cap; what "
             "the caps cannot bear is left over as the residual ", Math("R"), ":")
        ),
        Formula(r"\sum_i x_i + R = L, \qquad 0 \le x_i \le c_i, \qquad R = \left(L - \sum_i c_i\right)^+"),
        Table("The question in figures (totals over all payers)", ["quantity", "symbol", "value", "unit"], rows,
              frozenset([0, 1, 3])),
    ]  # fmt: skip
    if problem.exhausted:
        short = amount(problem.loss - problem.capacity, places)
        blocks.append(
            Banner(
                "The loss exceeds the caps.", f"Whatever the rule, {problem.currency} {short} is borne by nobody here."
            )
        )
    if 0 < unlimited < problem.n:
        blocks.append(Paragraph(f"{unlimited} of the payers have no cap."))
    if by is not None:
        said = """unless a criterion says otherwise: by amounts equal shares would look perfect and proportional ones
        unfair, by rates it is the reverse."""
        blocks.append(Paragraph(("Burdens are judged as rates, share per unit of ", Code(by), f", {prose(said)}")))
    return blocks


def _named(problem: LossProblem, name: str) -> Code | str:
    return Code(name) if name in problem.payers.columns else name


def warning(subject: Scorecard | Allocation | Cascade) -> list[Block]:
    """The banner at the top of a page whose figures are not all evidence."""
    doubtful = doubts(subject)
    if not doubtful:
        return []
    lines: list[str | Code] = []
    for word, names in doubtful.items():
        lines.append(f"{word.capitalize()} ({WORDS[word]}): ")
        for name in names:
            lines += [Code(name), ", " if name is not names[-1] else ". "]
    lines.append("No statement below about a single payer is a statement about a real one.")
    return [Banner("Not every figure on this page is real.", tuple(lines))]


def data(card: Scorecard, document: EventDocument | None) -> list[Block]:
    """Every column that was read: its symbol, meaning, unit, status, and the rule that made it if it is synthetic."""
    rows: list[list[Text]] = []
    for name, status in used(card).items():
        letter = column(name)
        known = document.columns.get(name) if document is not None else None
        meaning = known.meaning if known is not None else letter.meaning
        unit = known.unit if known is not None else card.question.currency
        made = str(known.rule) if known is not None and known.rule is not None else ""
        rows.append([Code(name), Math(letter.latex), meaning, unit, status or "not stated", made])
    blocks: list[Block] = [Heading(2, "The data and how well it is known")]
    if doubts(card):
        blocks.append(Paragraph("Columns marked synthetic or unverified stand for figures that were never published."))
    if rows:
        head = ["column", "symbol", "meaning", "unit", "status", "made by"]
        blocks.append(Table("Columns that the rules and criteria read", head, rows, frozenset(range(6))))
    if document is not None and document.sheet.split:
        blocks.append(Paragraph(document.sheet.split))
    meanings: list[list[Text]] = [[word, meaning] for word, meaning in WORDS.items()]
    return [*blocks, Table("What the statuses mean", ["status", "meaning"], meanings, frozenset([0, 1]))]
