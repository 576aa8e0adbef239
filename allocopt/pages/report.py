"""The page of an answer or of a comparison, as HTML or Markdown: what was asked, each rule, the proof, the limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from allocopt.errors import DataError, MissingExtraError
from allocopt.facts.allocation import Allocation
from allocopt.facts.event import ROLES, Event, Source
from allocopt.facts.problem import LossProblem
from allocopt.mechanisms.cascade import Cascade
from allocopt.pages import html, markdown, section_annex, section_choice, section_facts, section_scores
from allocopt.pages.blocks import Block, Document, Heading
from allocopt.pages.numerals import amount, decimals
from allocopt.pages.recipe import recipe
from allocopt.pages.section_cascade import cascade_blocks
from allocopt.pages.section_rules import allocation_blocks, title_of
from allocopt.pages.section_statement import statement_blocks

if TYPE_CHECKING:
    from allocopt.judgement.choice import Ranking
    from allocopt.judgement.scorecard import Scorecard

FORMATS = (".html", ".md")


def write(
    subject: Scorecard | Allocation | Cascade, path: str | PathLike[str], *, command: str = "",
    payers: Iterable[Any] = (), ranking: Ranking | None = None,
) -> Path:  # fmt: skip
    """Write the page of a comparison, an answer or a run to ``path`` and return where it is.

    The suffix chooses: ``.html`` is one file with everything in it, which opens without network or script; ``.md`` is
    the same text for a forge or an editor, with its figures as SVG files beside it. ``command`` is printed as the line
    that makes the page again; without it the page prints the Python that does. The page of a run has a statement for
    each of ``payers``, by default for those who bear most. The page of a comparison says which scheme to choose, and
    why, when it is given a ``ranking`` of the card (``card.rank(...)``).

    Raises ``DataError`` for a suffix that means nothing here or a folder that is not there, and ``MissingExtraError``
    for Word and PDF, which this installation does not write.
    """
    place = Path(fspath(path))
    kind = place.suffix.lower()
    if kind in (".docx", ".pdf"):
        raise MissingExtraError(
            f"{place.name}: {kind[1:].upper()} is not written here; write .html, which prints to PDF, or .md, which "
            "pandoc turns into DOCX"
        )
    if kind not in FORMATS:
        raise DataError(f"{place.name}: no page ends in {kind or 'nothing'}; give a path that ends in .html or .md")
    if not place.parent.is_dir():
        raise DataError(f"there is no folder {place.parent}; make it, or give another path")
    document = compose(subject, place.name, command, payers, ranking)
    figures: Mapping[str, bytes] = {}
    if kind == ".html":
        text = html.render(document)
    else:
        text, figures = markdown.render(document, place.stem)
    place.write_text(text, encoding="utf-8", newline="\n")
    for name, drawing in figures.items():
        (place.parent / name).write_bytes(drawing)
    return place


def page(subject: Scorecard | Allocation | Cascade) -> str:
    """The page as HTML text: for one answer, a run of a waterfall, or a whole comparison.

    >>> import pandas as pd
    >>> import allocopt as ao
    >>> table = pd.DataFrame({"fund": [60.0, 40.0]}, index=["Bank A", "Bank B"])
    >>> answer = ao.allocate(ao.LossProblem(50, table, cap="fund", currency="EUR"), "pro-rata")
    >>> print(page(answer)[:15])
    <!doctype html>
    """
    return html.render(compose(subject))


def compose(
    subject: Scorecard | Allocation | Cascade,
    file: str = "page.html",
    command: str = "",
    payers: Iterable[Any] = (),
    ranking: Ranking | None = None,
) -> Document:
    """The page as a document, before anyone decides what it is printed as; ``file`` and ``command`` say how to make it.

    ``payers`` are those for whom the page of a run has a statement, ``ranking`` is what a comparison is decided by.
    """
    if ranking is not None and ranking.card is not subject:
        raise DataError("the ranking is of another card; give one of this card's own, as card.rank(...) returns it")
    lines = command or recipe(subject, file, ranking)
    if isinstance(subject, Allocation):
        return _answer(subject, lines)
    if isinstance(subject, Cascade):
        return _run(subject, lines, payers)
    return _comparison(subject, lines, ranking)


def _comparison(card: Scorecard, lines: str, ranking: Ranking | None) -> Document:
    problem, event = card.question, card.event
    models = [model for run in card.cascades.values() if (model := section_facts.rulebook(run)) is not None]
    cited = section_facts.Citations([*_sources(event), *(source for model in models for source in model.sources)])
    rules: list[Block] = [Heading(2, "The rules")]
    for title, answer in card.answers.items():
        run = card.cascades.get(title)
        rules += [Heading(3, title), *(allocation_blocks(answer) if run is None else cascade_blocks(run, cited))]
    middle = [
        *section_facts.question(problem, card.by),
        *section_facts.data(card, section_facts.stated(event)),
        *rules,
        Heading(2, "The comparison"),
        *section_scores.shares(card),
        *section_scores.prices(card),
        *section_scores.fairness(card),
        *section_scores.incentives(card),
        *section_scores.efficiency(card),
        *(section_choice.choice(ranking) if ranking is not None else []),
        *section_scores.validation(card),
    ]
    methods = map(str, card.certificates["method"])
    blocks = [
        *section_facts.warning(card),
        *section_facts.purpose(card),
        *(section_facts.happened(event, cited) if event is not None else []),
        *middle,
        *section_annex.limits(card),
        *section_annex.notation(middle, [answer.scheme for answer in card.allocations.values()]),
        *section_annex.sources(cited.sources),
        *section_annex.reproducibility(problem, event, [model.name for model in models], lines, methods),
    ]
    title = event.title if event is not None else problem.about or "Who bears the loss"
    rules_said = f"{len(card.answers)} rule{'s' if len(card.answers) != 1 else ''}"
    return Document(title, f"{_divided(problem)} by {rules_said}", blocks)


def _answer(answer: Allocation, lines: str) -> Document:
    problem = answer.problem
    middle: list[Block] = [*section_facts.question(problem), Heading(2, "The rule"), *allocation_blocks(answer)]
    blocks = [
        *section_facts.warning(answer),
        *middle,
        *section_annex.notation(middle, [answer.scheme]),
        *section_annex.reproducibility(problem, None, [], lines, [answer.method]),
    ]
    about = f": {problem.about}" if problem.about else ""
    return Document(f"{title_of(answer)}{about}", _divided(problem), blocks)


def _run(run: Cascade, lines: str, payers: Iterable[Any]) -> Document:
    event, model = run.event, section_facts.rulebook(run)
    cited = section_facts.Citations([*event.sources, *(model.sources if model is not None else ())])
    middle: list[Block] = [Heading(2, "The waterfall"), *cascade_blocks(run, cited), *statement_blocks(run, payers)]
    problem = event.problem(roles=ROLES, cap="none", loss=run.loss)
    methods = [answer.method for answer in run.allocations.values()]
    blocks = [
        *section_facts.warning(run),
        *section_facts.happened(event, cited),
        *middle,
        *section_annex.notation(middle, [layer.rule for layer in run.layers]),
        *section_annex.sources(cited.sources),
        *section_annex.reproducibility(problem, event, [model.name] if model is not None else [], lines, methods),
    ]
    return Document(f"{run.name}: {event.title}", _divided(problem), blocks)


def _sources(event: Event | None) -> tuple[Source, ...]:
    return event.sources if event is not None else ()


def _divided(problem: LossProblem) -> str:
    amount_text = f"{problem.currency} {amount(problem.loss, decimals(problem.loss))}".strip()
    return f"{amount_text} among {problem.n} payer{'s' if problem.n != 1 else ''}"
