"""A period over time: when defaults struck, what they drew, what was paid in again, what is left of each resource."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from allocopt.mechanisms.period import Period
from allocopt.pages.canvas import axes, blank, footnote
from allocopt.pages.plots_ensemble import role_of
from allocopt.pages.provenance import note
from allocopt.pages.style import GRID, INK, MUTED, PALETTE, ROLE_COLORS, money, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# How each kind of line is marked; a colour of its own where something comes back.
_MARKS = {
    "default": ("v", PALETTE[1], "default"), "together": ("v", PALETTE[1], "default"),
    "replenish": ("^", PALETTE[2], "paid in again"), "recover": ("D", PALETTE[5], "recovery repaid"),
    "withdraw": ("s", MUTED, "notice of withdrawal"), "close": ("X", INK, "period closed"),
    "restored": ("P", PALETTE[2], "restored"), "period over": ("o", INK, "capped period over"),
}  # fmt: skip
_TALL = 0.72  # of a lane


def timeline_data(period: Period) -> pd.DataFrame:
    """What :func:`timeline` draws: what moved and what is left, by line of the log and resource."""
    return period.timeline


def timeline(period: Period, *, ax: Axes | None = None) -> Axes:
    """A lane for each resource, filled as far as it is not used, and a mark on top for everything that was done."""
    frame = timeline_data(period)
    title = plain(f"What is left over time: {period.waterfall.name}", 80, 2)
    pots = list(dict.fromkeys(frame["resource"]))
    with axes(ax, timeline_size(period)) as at:
        if frame.empty:
            blank(at, title, "no default so far")
            return at
        finite = frame["whole"][np.isfinite(frame["whole"])]
        unit, word = money(float(finite.max()) if len(finite) else 0.0, _currency(period))
        first, last = min(frame["date"]), max(frame["date"])
        span = max((last - first).days, 7)
        edges = _day(first) - 0.06 * span, _day(last) + 0.10 * span
        colors = {layer.pot: ROLE_COLORS[role_of(layer)] for layer in reversed(period.waterfall.layers)
                  if layer.roles != ("defaulter",)}  # fmt: skip
        for lane, pot in enumerate(pots, 1):
            _lane(at, lane, frame[frame["resource"] == pot], edges, colors[pot], unit)
        _marks(at, frame.drop_duplicates(["line", "date", "kind"]), edges[1] - edges[0])
        for line in sorted(set(frame["date"])):
            at.axvline(_day(line), color=GRID, lw=0.8, zorder=0)
        at.set_yticks(range(1, len(pots) + 1), [plain(pot, 30, 2) for pot in pots])
        at.tick_params(axis="y", length=0)
        at.set_ylim(len(pots) + 0.6, -1.0)
        at.set_xlim(*edges)
        _dates(at)
        at.spines["left"].set_visible(False)
        at.set_xlabel(f"drawn (−), paid in again (+) and left, in {word}")
        at.set_title(title)
        at.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)
        footnote(at, note(period))
    return at


def timeline_size(period: Period) -> tuple[float, float]:
    """The size of the picture: a lane for each resource."""
    return 9.4, 2.0 + 0.62 * max(2, period.timeline["resource"].nunique())


def _lane(ax: Axes, lane: int, rows: pd.DataFrame, edges: tuple[float, float], color: str, unit: float) -> None:
    """One resource: a band as tall as the part of it that is left, with what moved and what is left in figures."""
    whole = rows["whole"].to_numpy(dtype=float)
    if not np.isfinite(whole).all():
        ax.annotate("no limit", (edges[0], lane), (4, 0), textcoords="offset points", va="center", color=MUTED)
        return
    left = rows["left"].to_numpy(dtype=float)
    part = np.divide(left, whole, out=np.zeros(len(left)), where=whole > 0)
    days = np.array([edges[0], *map(_day, rows["date"]), edges[1]])
    levels = np.array([1.0 if whole[0] > 0 else 0.0, *part, part[-1]])
    bottom = lane + _TALL / 2
    ax.hlines([bottom, bottom - _TALL], days[0], days[-1], colors=GRID, lw=0.8, zorder=0)
    ax.fill_between(days, bottom, bottom - _TALL * levels, step="post", color=color, alpha=0.55, linewidth=0)
    for _, row in rows.iterrows():
        moved = float(row["paid in"]) - float(row["drawn"])
        if moved:
            told = f"{'+' if moved > 0 else '−'}{abs(moved) / unit:,.3g}"
            ax.annotate(told, (_day(row["date"]), lane), (3, 0), textcoords="offset points", va="center", fontsize=7.5)
    end = f"{left[-1] / unit:,.4g} of {whole[-1] / unit:,.4g}"
    ax.annotate(end, (days[-1], lane), (-3, 0), textcoords="offset points", va="center", ha="right", fontsize=8)


def _marks(ax: Axes, lines: pd.DataFrame, width: float) -> None:
    """A mark for each line above the lanes, with the name of what defaulted; names that would meet are stacked."""
    said: set[str] = set()
    reached = [-np.inf] * 4  # where the last name on each line ends
    for _, line in lines.iterrows():
        shape, color, meaning = _MARKS[line["kind"]]
        label = None if meaning in said else meaning
        said.add(meaning)
        ax.plot([_day(line["date"])], [0.25], shape, color=color, ms=7, mew=0, ls="none", label=label, clip_on=False)
        if line["kind"] in ("default", "together", "withdraw"):
            name, at = plain(line["what"], 26, 1), _day(line["date"])
            free = next((k for k, end in enumerate(reached) if end <= at), len(reached) - 1)
            reached[free] = at + 0.013 * len(name) * width
            ax.annotate(
                name, (at, 0.25), (0, 7 + 10 * free), textcoords="offset points", ha="left", fontsize=7.5,
                annotation_clip=False,
            )  # fmt: skip


def _day(day: dt.date) -> float:
    """A date as matplotlib counts days."""
    return float((day - dt.date(1970, 1, 1)).days)


def _dates(ax: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    places = AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(places)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(places))  # type: ignore[no-untyped-call]


def _currency(period: Period) -> str:
    return next((event.currency for entry in period.log for event in entry.events), "")
