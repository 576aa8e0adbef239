"""What the answers deserve and reward: scores on fixed scales, and fairness against incentives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.pages.canvas import axes, blank, footnote
from allocopt.pages.heat import below, heat, table_size
from allocopt.pages.numerals import digits
from allocopt.pages.provenance import note
from allocopt.pages.style import MUTED, look, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from allocopt.judgement.scorecard import Scorecard

SCALE = "blue: near the best end of its own scale; orange: near the worst; white: no value"
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
    with axes(ax, table_size(*card.scores.shape)) as at:
        _heat(at, card, card.scores, card.metrics, "Fairness scores")
    return at


def incentives(card: Scorecard, *, ax: Axes | None = None) -> Axes:
    """Every incentive measure in figures, coloured by where it lies between the fixed ends of its scale."""
    with axes(ax, table_size(*card.incentives.shape)) as at:
        _heat(at, card, card.incentives, card.measures, "Incentives")
    return at


def _heat(ax: Axes, card: Scorecard, values: pd.DataFrame, criteria: pd.DataFrame, title: str) -> None:
    if values.empty:
        blank(ax, title, "nothing was measured")
        return
    rows = [told(criteria.loc[name]) for name in values.index]
    heat(ax, printed(values), _scaled(card, values).to_numpy(dtype=float), rows, list(values.columns))
    ax.set_title(title)
    below(ax, SCALE, note(card), len(values.columns))


def told(meaning: pd.Series[Any]) -> str:
    """A criterion in words, with an arrow that says which way is better."""
    return f"{_ARROWS[str(meaning['direction'])]} {meaning['label']}"


def printed(values: pd.DataFrame) -> Any:
    """Every figure as it is printed in a cell."""
    return np.array([[digits(float(v)) for v in row] for row in values.to_numpy(dtype=float)], dtype=object)


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
