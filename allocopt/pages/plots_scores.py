"""What the answers deserve and reward: scores on fixed scales, and fairness against incentives."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.pages.canvas import Size, axes, blank, footnote
from allocopt.pages.numerals import digits
from allocopt.pages.provenance import note
from allocopt.pages.style import GRID, MUTED, look, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from allocopt.judgement.scorecard import Scorecard

# Vermilion for the worst end, blue for the best, both pale enough for dark print on them in either colour scheme.
_WORST, _MIDDLE, _BEST = "#f4b795", "#f6f5f2", "#93c4e6"
_PRINT = "#14181d"
_ARROWS = {"lower is better": "↓", "higher is better": "↑", "closer to zero is better": "→0"}


def fairness_data(card: Scorecard) -> pd.DataFrame:
    """What :func:`fairness` colours: scores from 0 (worst) to 1 (best) on their own scales, criteria x schemes."""
    return _scaled(card, card.scores)


def incentives_data(card: Scorecard) -> pd.DataFrame:
    """What :func:`incentives` colours: measures from 0 (worst) to 1 (best) on their own scales, measures x schemes."""
    return _scaled(card, card.incentives)


def _scaled(card: Scorecard, values: pd.DataFrame) -> pd.DataFrame:
    return card.normalised().reindex(values.index) if len(values) else values


def fairness(card: Scorecard, *, ax: Axes | None = None) -> Axes:
    """Every fairness score in figures, coloured by where it lies between the fixed ends of its scale."""
    with axes(ax, table_size(card.scores)) as at:
        _heat(at, card.scores, card.metrics, fairness_data(card), "Fairness scores")
        footnote(at, note(card))
    return at


def incentives(card: Scorecard, *, ax: Axes | None = None) -> Axes:
    """Every incentive measure in figures, coloured by where it lies between the fixed ends of its scale."""
    with axes(ax, table_size(card.incentives)) as at:
        _heat(at, card.incentives, card.measures, incentives_data(card), "Incentives")
        footnote(at, note(card))
    return at


def table_size(values: pd.DataFrame) -> Size:
    """The size of a figure that prints a table."""
    rows, columns = values.shape
    return 3.4 + 0.92 * max(columns, 2), 1.9 + 0.36 * max(rows, 2)


def _heat(ax: Axes, values: pd.DataFrame, criteria: pd.DataFrame, colours: pd.DataFrame, title: str) -> None:
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import LinearSegmentedColormap

    if values.empty:
        blank(ax, title, "nothing was measured")
        return
    rows, columns = values.shape
    shade = LinearSegmentedColormap.from_list("scores", [_WORST, _MIDDLE, _BEST])
    levels, figures = colours.to_numpy(dtype=float), values.to_numpy(dtype=float)
    corners = np.array([[0.02, 0.03], [0.98, 0.03], [0.98, 0.97], [0.02, 0.97]])
    cells: list[Any] = [corners + np.array([c, r]) for r in range(rows) for c in range(columns)]
    paints = ["none" if math.isnan(level) else shade(level) for level in levels.ravel()]
    ax.add_collection(PolyCollection(cells, facecolors=paints, edgecolors=GRID, linewidths=0.6))
    for (r, c), value in np.ndenumerate(figures):
        text = ax.text(c + 0.5, r + 0.5, digits(value), ha="center", va="center", fontsize=8.5)
        if not math.isnan(levels[r, c]):
            text.set_color(_PRINT)
    labels = [f"{_ARROWS[str(criteria.loc[name, 'direction'])]} {criteria.loc[name, 'label']}" for name in values.index]
    ax.set_yticks(np.arange(rows) + 0.5, [plain(label, 50, 2) for label in labels], fontsize=7.5)
    ax.set_xticks(np.arange(columns) + 0.5, [plain(scheme, 14, 6) for scheme in values.columns], fontsize=8)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.set_xlim(0, columns)
    ax.set_ylim(rows, 0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_title(title)
    ax.xaxis.set_label_position("bottom")
    scale = "blue: near the best end of its own scale; orange: near the worst; white: no value"
    ax.set_xlabel(plain(scale, max(30, 15 * columns), 5), fontsize=8)


def pareto_data(card: Scorecard, fairness: str | None = None, incentive: str | None = None) -> pd.DataFrame:
    """What :func:`pareto` draws: one fairness score, one incentive measure and the Pareto flag of every scheme."""
    across = _criterion("fairness", card.scores, fairness)
    up = _criterion("incentive", card.incentives, incentive)
    flags = card.pareto().reindex(card.shares.columns)
    return pd.DataFrame({across: card.scores.loc[across], up: card.incentives.loc[up], "efficient": flags})


def pareto(
    card: Scorecard, fairness: str | None = None, incentive: str | None = None, *, ax: Axes | None = None
) -> Axes:
    """One fairness score against one incentive measure; filled marks are efficient on all criteria of the card.

    ``fairness`` and ``incentive`` name a row of ``card.scores`` and of ``card.incentives``; by default the first row of
    each in which the schemes differ.
    """
    with axes(ax, (6.8, 4.2)) as at:
        if card.scores.empty or card.incentives.empty:
            blank(at, "Fairness against incentives", "nothing was measured")
            return at
        frame = pareto_data(card, fairness, incentive)
        across, up = frame.columns[:2]
        for k, (scheme, row) in enumerate(frame.iterrows()):
            style = look(k)
            fill = style.color if row["efficient"] else "none"
            at.plot(
                row[across], row[up], ls="none", marker=style.marker, ms=8, mew=1.5, mec=style.color, mfc=fill,
                label=plain(scheme, 26), clip_on=False,
            )  # fmt: skip
        for name, table, axis in ((across, card.metrics, at.xaxis), (up, card.measures, at.yaxis)):
            meaning = table.loc[name]
            unit = f", {meaning['unit']}" if meaning["unit"] else ""
            axis.set_label_text(plain(f"{meaning['label']}{unit} ({meaning['direction']})", 46))
        at.margins(0.08)
        at.grid()
        at.set_axisbelow(True)
        at.set_title("Fairness against incentives")
        _compass(at, str(card.metrics.loc[across, "direction"]), str(card.measures.loc[up, "direction"]))
        at.legend(
            loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0, labelspacing=0.7,
            title="filled: no other rule is as good\non all criteria and better on one", title_fontsize=7.5,
            alignment="left",
        )  # fmt: skip
        footnote(at, note(card))
    return at


def _compass(ax: Axes, across: str, up: str) -> None:
    """Point at the corner where both criteria are at their best, when there is one."""
    ends = {"lower is better": 0.0, "higher is better": 1.0}
    if across in ends and up in ends:
        x, y = ends[across], ends[up]
        arrow = {(0.0, 0.0): "↙", (0.0, 1.0): "↖", (1.0, 0.0): "↘", (1.0, 1.0): "↗"}[x, y]
        ax.text(
            0.02 + 0.96 * x, 0.02 + 0.96 * y, f"{arrow} better", transform=ax.transAxes, color=MUTED,
            ha="right" if x else "left", va="top" if y else "bottom",
        )  # fmt: skip


def _criterion(kind: str, values: pd.DataFrame, name: str | None) -> str:
    """The row asked for, or the first in which the schemes differ."""
    if name is not None:
        if name not in values.index:
            raise unknown(f"{kind} criterion of this card", name, map(str, values.index))
        return name
    if values.empty:
        raise DataError(f"the card holds no {kind} criterion; compare with some")
    finite = values.astype(float).replace([np.inf, -np.inf], np.nan)
    spread = finite.max(axis=1) - finite.min(axis=1)
    differing = spread.index[spread > 1e-9 * finite.abs().max(axis=1)]
    return str(differing[0] if len(differing) else values.index[0])
