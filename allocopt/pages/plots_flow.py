"""Where the loss goes: from the loss through the layers to the payers, as bands as wide as their amounts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from allocopt.facts.checks import Array
from allocopt.facts.event import ROLES
from allocopt.mechanisms.cascade import Cascade
from allocopt.pages.canvas import axes, blank, footnote
from allocopt.pages.plots_layers import NOBODY, roles_of
from allocopt.pages.provenance import note
from allocopt.pages.style import INK, MUTED, ROLE_COLORS, money, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMED = 8  # payers named one by one; the others of a role are one band

_LINE = 0.3  # inches that a line of text takes, so that no label stands on another
_BAR = 0.018  # of the width
_COLUMNS = (0.0, 0.46, 0.76)  # where the three columns of bars stand


def flow_data(cascade: Cascade, most: int = NAMED) -> pd.DataFrame:
    """What :func:`flow` draws: a row for each band from a layer to a payer, or to the others of a role.

    The ``most`` payers who bear most have bands of their own; ``others`` is how many payers a band stands for beside
    them. A band to ``borne by nobody`` is the residual. The amounts, in currency, add up to the loss.
    """
    borne, roles = cascade.by_payer, roles_of(cascade).to_dict()
    order = borne[borne > 0].sort_values(ascending=False, kind="stable").index
    name, others = {payer: str(payer) for payer in order[:most]}, dict.fromkeys(order, 0)
    for role in ROLES:
        rest = [payer for payer in order[most:] if roles[payer] == role]
        more = "other " if any(roles[payer] == role for payer in name) else ""
        label = f"{len(rest)} {more}{role}s" if len(rest) > 1 else ""
        name |= {payer: label or str(payer) for payer in rest}
        others |= dict.fromkeys(rest, len(rest) if label else 0)
    rows = [
        (layer, str(roles[payer]), name[payer], others[payer], float(amount))
        for layer, paid in cascade.table.iterrows()
        for payer, amount in paid[order][paid[order] > 0].items()
    ]
    if cascade.residual > 0:
        rows.append((f"residual: {NOBODY}", "nobody", NOBODY, 0, cascade.residual))
    frame = pd.DataFrame(rows, columns=["layer", "role", "payer", "others", "amount"])
    return frame.groupby(["layer", "role", "payer", "others"], sort=False)[["amount"]].sum().reset_index()


def flow(cascade: Cascade, *, most: int = NAMED, ax: Axes | None = None) -> Axes:
    """Bands from the loss through the layers to those who pay, as wide as what they bear; colours say who pays."""
    frame = flow_data(cascade, most)
    title = plain(f"From the loss to those who bear it: {cascade.name}", 80, 2)
    with axes(ax, flow_size(cascade, most)) as at:
        if frame.empty:
            blank(at, title, "nothing to pay")
            return at
        unit, word = money(cascade.loss, cascade.event.currency)
        whole = float(frame["amount"].sum())
        frame = frame.assign(part=frame["amount"] / whole)
        places = 3 if whole / unit < 10 else 2 if whole / unit < 100 else 1
        layers = frame.groupby("layer", sort=False)["part"].sum()
        payers = _in_turn(frame)
        one = np.array([1.0])
        wide, deep = np.array(layers, dtype=np.float64), np.array(payers, dtype=np.float64)
        line = 1.0 / max(6, len(layers), len(payers))  # the loss is as tall as all labels of the longer column
        tops = [np.zeros(1), _tops(wide, line), _tops(deep, line)]
        tall = max(_bottom(t, h, line) for t, h in zip(tops[1:], (wide, deep), strict=True))
        tops[0] = np.array([max(0.0, (tall - 1.0) / 2)])
        roles = dict(zip(frame["payer"], frame["role"], strict=True))
        out = dict(zip(layers.index, tops[1], strict=True))
        into = dict(zip(payers.index, tops[2], strict=True))
        height = float(tops[0][0])
        for layer, part in layers.items():
            _band(at, (_COLUMNS[0], height), (_COLUMNS[1], out[layer]), part, MUTED)
            height += part
        leaving = dict(out)
        for payer in payers.index:
            for _, row in frame[frame["payer"] == payer].iterrows():
                start, end = (_COLUMNS[1], leaving[row["layer"]]), (_COLUMNS[2], into[payer])
                _band(at, start, end, row["part"], ROLE_COLORS[row["role"]])
                leaving[row["layer"]] += row["part"]
                into[payer] += row["part"]
        _bars(at, _COLUMNS[0], tops[0], one, [INK], [f"the loss\n{whole / unit:,.{places}f}"], before=True)
        told = [f"{plain(name, 40, 2)}  {part * whole / unit:,.{places}f}" for name, part in layers.items()]
        _bars(at, _COLUMNS[1], tops[1], wide, [INK] * len(layers), told, before=True)
        told = [f"{plain(name, 26, 1)}  {part * whole / unit:,.{places}f}" for name, part in payers.items()]
        colors = [ROLE_COLORS[roles[name]] for name in payers.index]
        _bars(at, _COLUMNS[2], tops[2], deep, colors, told)
        at.set_xlim(-0.12, 1.06)
        at.set_ylim(tall, 0.0)
        at.set_yticks([])
        at.set_xticks(_COLUMNS, ["the loss", "layers", "payers"], ha="left")
        at.tick_params(axis="x", length=0)
        at.spines[["left", "bottom"]].set_visible(False)
        at.set_xlabel(f"amounts in {word}")
        at.set_title(title)
        _legend(at, roles.values())
        footnote(at, note(cascade))
    return at


def flow_size(cascade: Cascade, most: int = NAMED) -> tuple[float, float]:
    """The size of the picture: a line for every name in its longer column."""
    frame = flow_data(cascade, most)
    return 9.4, 1.6 + _LINE * max(10, 1.35 * frame["layer"].nunique(), 1.35 * frame["payer"].nunique())


def _in_turn(frame: pd.DataFrame) -> pd.Series[float]:
    """The payers' parts from top to bottom: roles as the layers call them, in each the largest first, others last."""
    turns = {role: k for k, role in enumerate(dict.fromkeys(frame["role"]))}
    parts = frame.groupby(["payer", "role", "others"], sort=False)[["part"]].sum().reset_index()
    parts = parts.assign(turn=parts["role"].map(turns))
    ordered = parts.sort_values(["turn", "others", "part"], ascending=[True, True, False], kind="stable")
    return pd.Series(ordered["part"].to_numpy(), index=ordered["payer"])


def _tops(parts: Array, line: float) -> Array:
    """Where each bar of a column begins: below the one above it, and with a line of text for each."""
    room = np.maximum(parts, line) + 0.35 * line
    starts = np.concatenate([[0.0], room.cumsum()[:-1]])
    return np.asarray(starts + (np.maximum(parts, line) - parts) / 2)


def _bottom(tops: Array, parts: Array, line: float) -> float:
    return float(tops[-1] + parts[-1] + max(line - parts[-1], 0.0) / 2)


def _band(ax: Axes, start: tuple[float, float], end: tuple[float, float], width: float, color: str) -> None:
    """A band of one width from a bar to another, level where it leaves and where it arrives."""
    across = np.linspace(0.0, 1.0, 40)
    smooth = across**2 * (3 - 2 * across)
    x = start[0] + _BAR + across * (end[0] - start[0] - _BAR)
    top = start[1] + smooth * (end[1] - start[1])
    ax.fill_between(x, top, top + width, color=color, alpha=0.35, linewidth=0)


def _bars(
    ax: Axes, x: float, tops: Array, parts: Array, colors: list[str], told: list[str], *, before: bool = False
) -> None:  # fmt: skip
    ax.bar(x, parts, _BAR, bottom=tops, align="edge", color=colors)
    for top, part, words in zip(tops, parts, told, strict=True):
        place = (x, top + part / 2) if before else (x + _BAR, top + part / 2)
        ax.annotate(
            words, place, (-4 if before else 4, 0), textcoords="offset points", va="center",
            ha="right" if before else "left", fontsize=8,
        )  # fmt: skip


def _legend(ax: Axes, roles: Iterable[str]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=ROLE_COLORS[role], label=role) for role in dict.fromkeys(roles)]
    ax.legend(handles=handles, title="paid by", alignment="left", loc="upper left", bbox_to_anchor=(1.0, 1.0))
