"""A page as Markdown that any forge renders: formulas in ``$$``, tables in pipes, figures in files beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from allocopt.pages import blocks
from allocopt.pages.blocks import Block, Document, Text, pieces, slug
from allocopt.pages.canvas import rendered

_SPECIAL = re.compile(r"([\\`*_\[\]|$~#])")


def render(document: Document, stem: str) -> tuple[str, Mapping[str, bytes]]:
    """The text of the page, and its figures by the name of the file they go to; ``stem`` begins their names."""
    headings = iter(f"{number} {_plain(heading.text)}" for heading, number, _ in document.numbered())
    figures: dict[str, bytes] = {}
    parts = [f"# {_plain(document.title)}", f"*{_plain(document.subtitle)}*" if document.subtitle else ""]
    parts += [_block(block, headings, stem, figures) for block in document.blocks]
    return "\n\n".join(part for part in parts if part) + "\n", figures


def _block(block: Block, headings: Iterator[str], stem: str, figures: dict[str, bytes]) -> str:
    match block:
        case blocks.Heading(level, _):
            return f"{'#' * level} {next(headings)}"
        case blocks.Paragraph(text):
            return _text(text)
        case blocks.Banner(title, text):
            return f"> **{_plain(title)}** {_text(text)}"
        case blocks.Formula(latex):
            return f"$$\n{latex}\n$$"
        case blocks.Listing(items, numbered):
            return "\n".join(f"{f'{k}.' if numbered else '-'} {_text(item)}" for k, item in enumerate(items, 1))
        case blocks.Snippet(text, language):
            return f"```{language}\n{text}\n```"
        case blocks.Table():
            return _table(block)
        case blocks.Folded(title, inner):
            inside = "\n\n".join(_block(part, headings, stem, figures) for part in inner)
            return f"<details>\n<summary>{_plain(title)}</summary>\n\n{inside}\n\n</details>"
        case blocks.Picture(name, caption, draw, size):
            file = f"{stem}-{slug(name)}.svg"
            figures[file] = rendered(draw, size)
            return f"![{_plain(caption)}]({file})"


def _table(table: blocks.Table) -> str:
    marks = [":---" if k == 0 or k in table.words else "---:" for k in range(len(table.head))]
    lines = [_row(table.head), f"| {' | '.join(marks)} |", *(_row(row) for row in table.rows)]
    lines += [_row([_strong(cell) for cell in row]) for row in table.foot]
    return f"**{_plain(table.caption)}**\n\n" + "\n".join(lines)


def _strong(cell: Text) -> Text:
    return blocks.Strong(cell) if isinstance(cell, str) and cell else cell


def _row(cells: Sequence[Text]) -> str:
    return f"| {' | '.join(_text(cell, cell=True) for cell in cells)} |"


def _text(text: Text, *, cell: bool = False) -> str:
    return "".join(_piece(piece, cell) for piece in pieces(text))


def _piece(piece: blocks.Piece, cell: bool) -> str:
    match piece:
        case blocks.Math(latex):
            # A bar would end the cell of the table, even inside a formula.
            shown = latex.replace("|", r"\vert ") if cell else latex
            return f"${shown}$"
        case blocks.Code(text):
            ticks = "``" if "`" in text else "`"
            spaced = f" {text} " if "`" in text else text
            return f"{ticks}{' '.join(spaced.splitlines())}{ticks}".replace("|", r"\|" if cell else "|")
        case blocks.Strong(text):
            return f"**{_plain(text)}**"
        case str():
            return _plain(piece)


def _plain(text: str) -> str:
    """Words that mean nothing to Markdown or HTML."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return " ".join(_SPECIAL.sub(r"\\\1", safe).splitlines())
