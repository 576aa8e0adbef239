"""What any division can do between two or three criteria, and where the named schemes are beside it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allocopt.pages.canvas import axes, footnote
from allocopt.pages.numerals import digits
from allocopt.pages.provenance import note
from allocopt.pages.style import GRID, INK, MUTED, look, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from allocopt.judgement.tradeoff import Frontier

SIZE = (8.4, 4.6)
_TOGETHER = 1e-4  # of the axes' lengths: schemes closer than this share one mark
_BESIDE = 0.06  # of the axes' lengths: free margin around everything drawn


def frontier_data(found: Frontier) -> pd.DataFrame:
    """What :func:`frontier` draws: the efficient points, then each scheme and what it could reach, by ``kind``."""
    rows: list[dict[str, Any]] = [{"kind": "frontier", "scheme": ""} | _at(row, found) for _, row in _line(found)]
    table = found.schemes
    for title, row in table.iterrows():
        kind = "efficient scheme" if row["efficient"] else "scheme"
        rows.append({"kind": kind, "scheme": str(title)} | _at(row, found))
        for _, reach in found.savers(str(title)).iterrows():
            rows.append({"kind": "could reach", "scheme": str(title)} | _at(reach, found))
    return pd.DataFrame(rows)


def _at(row: Any, found: Frontier) -> dict[str, float]:
    return {name: float(row[name]) for name in found.names}


def _line(found: Frontier) -> Any:
    """The points of a curve with those that schemes could reach, which lie on it too; of a surface the points."""
    table = found.table[found.names]
    if len(found.names) == 2:
        reached = [found.savers(str(title)) for title in found.named]
        table = pd.concat([table, *(r for r in reached if len(r))], ignore_index=True)
        table = table.sort_values([found.names[0], found.names[1]], kind="stable")
        across, ends = table[found.names[0]].to_numpy(), found.table[found.names[0]]
        inside = (across >= ends.min()) & (across <= ends.max()) & np.isfinite(table.to_numpy()).all(axis=1)
        table = table.loc[inside].drop_duplicates()
    return table.iterrows()


def frontier(found: Frontier, *, ax: Axes | None = None) -> Axes:
    """The frontier, the region that no division reaches, and the named schemes with lines to what they could save.

    Filled marks are efficient. With three criteria the third is the colour of the points, and stands beside the names
    of the schemes.
    """
    with axes(ax, SIZE) as at:
        data = frontier_data(found)
        x, y = found.names[:2]
        finite = data.loc[np.isfinite(data[[x, y]].to_numpy()).all(axis=1)]
        limits = [_limits(finite[name]) for name in (x, y)]
        at.set_xlim(*limits[0])
        at.set_ylim(*limits[1])
        line = finite.loc[(finite["kind"] == "frontier").to_numpy(dtype=bool)]
        if len(found.names) == 2:
            _curve(at, line[[x, y]].to_numpy(), found, limits)
        else:
            _surface(at, line, found)
        _schemes(at, finite, found)
        for one, name, width in zip(found.axes, (at.xaxis, at.yaxis), (84, 44), strict=False):
            unit = f", {one.unit}" if one.unit else ""
            name.set_label_text(plain(f"{one.label}{unit} ({one.direction})", width))
        at.grid(zorder=0)
        at.set_axisbelow(True)
        at.set_title("What any division can do, and where the rules are")
        footnote(at, note(found))
    return at


def _limits(values: pd.Series[float]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = _BESIDE * ((high - low) or abs(high) or 1.0)
    return low - 2 * room, high + 2 * room


def _curve(ax: Axes, points: Any, found: Frontier, limits: list[tuple[float, float]]) -> None:
    """The curve, and beyond it, towards the corner where both are best, what no division reaches."""
    best, worst = [], []
    for one, (low, high) in zip(found.axes, limits, strict=True):
        ends = (high, low) if one.direction == "higher is better" else (low, high)
        best.append(ends[0])
        worst.append(ends[1])
    ordered = points if found.axes[0].direction != "higher is better" else points[::-1]
    outline = [(ordered[0][0], worst[1]), *ordered, (worst[0], ordered[-1][1])]
    corner = [(worst[0], best[1]), (best[0], best[1]), (best[0], worst[1])]
    ax.fill(*np.array([*outline, *corner]).T, color=GRID, alpha=0.55, lw=0, zorder=0.5)
    ax.plot(points[:, 0], points[:, 1], color=INK, lw=1.8, zorder=3, label="frontier: no division is beyond")
    if len(points) == 1:
        ax.plot(*points[0], marker="*", ms=11, color=INK, ls="none", zorder=3, label="one division is best on both")
    right, up = (1.0 if one.direction == "higher is better" else 0.0 for one in found.axes)
    ax.text(
        0.015 + 0.97 * right, 0.02 + 0.96 * up, "no division reaches this", transform=ax.transAxes, color=MUTED,
        ha="right" if right else "left", va="top" if up else "bottom", fontsize=8.5, zorder=1,
    )  # fmt: skip


def _surface(ax: Axes, line: pd.DataFrame, found: Frontier) -> None:
    """The efficient points, their third criterion as a shade that is told apart in print and by the colour-blind."""
    x, y, z = found.names
    drawn = ax.scatter(
        line[x], line[y], c=line[z], cmap="cividis", s=58,
        edgecolors=INK, linewidths=0.5, zorder=2, label="efficient divisions",
    )  # fmt: skip
    bar = ax.figure.colorbar(drawn, ax=ax, location="bottom", shrink=0.62, aspect=34, pad=0.02)
    one = found.axes[2]
    unit = f", {one.unit}" if one.unit else ""
    bar.set_label(plain(f"Colour: {one.label}{unit} ({one.direction})", 80), fontsize=8)
    bar.outline.set_visible(False)


def _schemes(ax: Axes, data: pd.DataFrame, found: Frontier) -> None:
    """One mark for each place, named beside the figure with what could be saved; thin lines to what it reaches."""
    x, y = found.names[:2]
    table = found.schemes
    table = table.loc[np.isfinite(table[[x, y]].to_numpy(dtype=float)).all(axis=1)]
    spans = [abs(ends[1] - ends[0]) for ends in (ax.get_xlim(), ax.get_ylim())]
    groups: list[list[str]] = []
    for title in table.index:
        near = next((g for g in groups if _together(table, g[0], str(title), found.names, spans)), None)
        groups.append([str(title)]) if near is None else near.append(str(title))
    reach = data[data["kind"] == "could reach"]
    for k, group in enumerate(groups):
        row, style = table.loc[group[0]], look(k)
        for _, end in reach[reach["scheme"] == group[0]].iterrows():
            ax.plot([row[x], end[x]], [row[y], end[y]], color=style.color, lw=0.9, ls=(0, (2, 2)), zorder=2)
        ax.plot(
            row[x], row[y], ls="none", marker=style.marker, ms=9, mew=1.7, mec=style.color, zorder=4,
            mfc=style.color if row["efficient"] else "#ffffff", label=_named(group, row, found),
        )  # fmt: skip
    ax.legend(
        loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0, labelspacing=0.8, fontsize=8,
        title="filled: no division is better on one\nand no worse on the rest", title_fontsize=7.5, alignment="left",
    )  # fmt: skip


def _together(table: pd.DataFrame, one: str, other: str, names: list[str], spans: list[float]) -> bool:
    figures = table[names[:2]].astype(float)
    apart = np.abs(figures.loc[one].to_numpy() - figures.loc[other].to_numpy())
    alike = bool(table.loc[one, "efficient"]) == bool(table.loc[other, "efficient"])
    return alike and all(a <= _TOGETHER * span for a, span in zip(apart, spans, strict=True))


def _named(group: list[str], row: Any, found: Frontier) -> str:
    """The schemes of one mark, and the most that could be saved of each criterion."""
    shown = [*group[:3], f"and {len(group) - 3} more"] if len(group) > 4 else group
    words = "\n".join(plain(title, 32, 2) for title in shown)
    if math.isnan(float(row["distance"])):
        return f"{words}\n(divides another amount)"
    for one in found.axes[2:]:
        words += f"\n{plain(f'{one.name} {digits(float(row[one.name]))}'.replace('_', ' '), 34)}"
    saved: list[str] = []
    before = ""
    for one in found.axes:
        if row[f"saves {one.name}"]:
            verb = "gain " if one.direction == "higher is better" else "save "
            amount = f"{digits(float(row[f'saves {one.name}']))} of {one.name.replace('_', ' ')}"
            saved.append(amount if verb == before else verb + amount)
            before = verb
    return f"{words}\n{plain('could ' + ' or '.join(saved), 34, 4)}" if saved else words
