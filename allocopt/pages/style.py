"""How figures look: a palette that colour-blind readers can tell apart, markers to go with it, and a quiet frame."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

# Okabe and Ito (2008), Color Universal Design: told apart in the three common kinds of colour blindness and in print.
# Their yellow is left out, being too pale for a thin line, and their black is INK, which turns light in dark mode.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
MARKERS = ("o", "s", "D", "^", "v", "P", "X")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))

# One colour for each kind of payer in every picture of a waterfall; what nobody bears stands out.
ROLE_COLORS = {
    "defaulter": PALETTE[4], "house": PALETTE[2], "survivor": PALETTE[0], "insurance fund": PALETTE[5],
    "trader": PALETTE[3], "nobody": PALETTE[1],
}  # fmt: skip

MOST = 15  # payers a figure or a table names before it sums up the rest

INK = "#1d2127"
MUTED = "#5f6873"
GRID = "#dde1e6"
PAPER = "#ffffff"

RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so a figure has the same measures on every machine
    "font.size": 9.0,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10.0,
    "axes.titlecolor": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "figure.facecolor": PAPER,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "svg.hashsalt": "allocopt",
}


class Look(NamedTuple):
    """How one scheme is drawn in every figure of a page."""

    color: str
    marker: str
    dash: Any


def look(position: int) -> Look:
    """The look of the scheme in this position; dashes let a line show through another that lies on it."""
    colors = (*PALETTE, INK)
    return Look(
        colors[position % len(colors)],
        MARKERS[(position + position // len(colors)) % len(MARKERS)],
        DASHES[position % len(DASHES)],
    )


def told_apart(positions: Sequence[int]) -> list[Look]:
    """The looks of a few schemes that share a figure: their own, but where two would have one colour, one that is free.

    >>> [one.color for one in told_apart([0, 7, 1])]
    ['#0072b2', '#d55e00', '#009e73']
    """
    found: list[Look] = []
    for position in positions:
        style, taken = look(position), {one.color for one in found}
        free = [color for color in (style.color, *PALETTE, INK) if color not in taken]
        found.append(style._replace(color=free[0]) if free else style)
    return found


def plain(text: object, width: int = 34, lines: int = 3) -> str:
    """A name fit for a figure: wrapped, cut after some lines, and never taken for a formula.

    >>> plain("Pension fund with a very long name indeed", width=16, lines=2)
    'Pension fund\\nwith a very …'
    """
    words = " ".join(str(text).split()).replace("$", r"\$")
    return "\n".join(textwrap.wrap(words, width, max_lines=lines, placeholder=" …", break_long_words=True) or [""])


def money(top: float, currency: str) -> tuple[float, str]:
    """What to divide amounts by so that they can be read, and what the unit is then called.

    >>> money(107e6, "EUR")
    (1000000.0, 'EUR million')
    """
    for power, word in ((12, "trillion"), (9, "billion"), (6, "million"), (3, "thousand")):
        if math.isfinite(top) and top >= 10**power:
            return 10.0**power, f"{currency} {word}".strip()
    return 1.0, currency or "currency units"
