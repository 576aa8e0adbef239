"""What a page consists of, whatever it is printed as: headings, paragraphs, formulas, tables, figures."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from allocopt.pages.canvas import Size

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Math:
    """A formula inside a line, in LaTeX."""

    latex: str


@dataclass(frozen=True)
class Code:
    """A name or a line of code inside a text."""

    text: str


@dataclass(frozen=True)
class Strong:
    """Words that carry weight."""

    text: str


Piece = str | Math | Code | Strong
Text = Piece | tuple[Piece, ...]  # a run of words, formulas and names


@dataclass(frozen=True)
class Heading:
    """A heading; ``level`` 2 for a section, 3 for a part of one. The page numbers them."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    text: Text


@dataclass(frozen=True)
class Banner:
    """A warning that nobody can overlook."""

    title: str
    text: Text


@dataclass(frozen=True)
class Formula:
    """A formula on lines of its own, in LaTeX."""

    latex: str


@dataclass(frozen=True)
class Listing:
    """Items, numbered when their numbers are cited."""

    items: Sequence[Text]
    numbered: bool = False


@dataclass(frozen=True)
class Snippet:
    """Lines of code."""

    text: str
    language: str = "python"


@dataclass(frozen=True)
class Table:
    """A table with a caption; ``words`` are the columns that hold words, the others are numbers and line up.

    The first column names the row. ``foot`` holds rows of totals.
    """

    caption: str
    head: Sequence[Text]
    rows: Sequence[Sequence[Text]]
    words: frozenset[int] = frozenset()
    foot: Sequence[Sequence[Text]] = ()


@dataclass(frozen=True)
class Folded:
    """Blocks behind a line that opens them."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Picture:
    """A figure: how to draw it, its size in inches, and in words what it shows."""

    name: str
    caption: str
    draw: Callable[[Axes], Any]
    size: Size


Block = Heading | Paragraph | Banner | Formula | Listing | Snippet | Table | Folded | Picture


@dataclass(frozen=True)
class Document:
    """A page: its title, a line below it, and its blocks in order."""

    title: str
    subtitle: str
    blocks: Sequence[Block]

    def numbered(self) -> list[tuple[Heading, str, str]]:
        """Every heading with its number and its anchor, in order."""
        found: list[tuple[Heading, str, str]] = []
        section = part = 0
        anchors: set[str] = set()
        for block in self.blocks:
            if not isinstance(block, Heading):
                continue
            section, part = (section + 1, 0) if block.level == 2 else (section, part + 1)
            number = f"{section}" if block.level == 2 else f"{section}.{part}"
            anchor = slug(block.text)
            if anchor in anchors:
                anchor = f"{anchor}-{number.replace('.', '-')}"
            anchors.add(anchor)
            found.append((block, number, anchor))
        return found


def slug(text: str) -> str:
    """A text as an anchor or the name of a file.

    >>> slug("Fair: pro-rata, Gini at most 0.2")
    'fair-pro-rata-gini-at-most-0-2'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "section"


def prose(text: str) -> str:
    """A paragraph written over several lines, as one line."""
    return " ".join(text.split())


def pieces(text: Text) -> tuple[Piece, ...]:
    """A text as its pieces."""
    return text if isinstance(text, tuple) else (text,)
