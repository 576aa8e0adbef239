"""A table drawn as coloured cells: every figure is printed, and its colour says how good it is on a fixed scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from allocopt.pages.canvas import Size, footnote
from allocopt.pages.style import GRID, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Vermilion for the worst end, blue for the best, both pale enough for dark print on them in either colour scheme.
_WORST, _MIDDLE, _BEST = "#f4b795", "#f6f5f2", "#93c4e6"
_PRINT = "#14181d"


def table_size(rows: int, columns: int) -> Size:
    """The size of a figure that prints a table."""
    return 3.4 + 0.92 * max(columns, 2), 1.9 + 0.36 * max(rows, 2)


def heat(ax: Axes, texts: Any, levels: Any, rows: Sequence[object], columns: Sequence[object]) -> None:
    """Cells with ``texts`` (rows, columns), coloured by ``levels`` from 0 (worst) to 1 (best); NaN has no colour."""
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import LinearSegmentedColormap

    shade = LinearSegmentedColormap.from_list("scores", [_WORST, _MIDDLE, _BEST])
    corners = np.array([[0.02, 0.03], [0.98, 0.03], [0.98, 0.97], [0.02, 0.97]])
    cells: list[Any] = [corners + np.array([c, r]) for r in range(len(rows)) for c in range(len(columns))]
    shown = [k for k, text in enumerate(texts.ravel()) if text]
    paints = ["none" if math.isnan(level) else shade(level) for level in levels.ravel()]
    ax.add_collection(
        PolyCollection([cells[k] for k in shown], facecolors=[paints[k] for k in shown], edgecolors=GRID,
                       linewidths=0.6)
    )  # fmt: skip
    for (r, c), told in np.ndenumerate(texts):
        text = ax.text(c + 0.5, r + 0.5, told, ha="center", va="center", fontsize=8.5)
        if not math.isnan(levels[r, c]):
            text.set_color(_PRINT)
    ax.set_yticks(np.arange(len(rows)) + 0.5, [plain(label, 50, 2) for label in rows], fontsize=7.5)
    ax.set_xticks(np.arange(len(columns)) + 0.5, [plain(label, 14, 6) for label in columns], fontsize=8)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.set_xlim(0, len(columns))
    ax.set_ylim(len(rows), 0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.xaxis.set_label_position("bottom")


def below(ax: Axes, meaning: str, source: str, columns: int) -> None:
    """What the colours mean and where the figures come from, in lines that are no wider than the cells above them."""
    ax.set_xlabel(plain(meaning, max(30, 15 * columns), 7), fontsize=8)
    footnote(ax, source, min(86, max(30, 4 + 14 * columns)))
