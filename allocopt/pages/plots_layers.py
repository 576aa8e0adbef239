"""How a loss runs down a waterfall: what each layer bears, who pays it, and what is left."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from allocopt.facts.event import ROLES
from allocopt.mechanisms.cascade import Cascade
from allocopt.pages.canvas import axes, footnote, tall
from allocopt.pages.provenance import note
from allocopt.pages.style import INK, MUTED, ROLE_COLORS, money, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NOBODY = "borne by nobody"


def waterfall_data(cascade: Cascade) -> pd.DataFrame:
    """What :func:`waterfall` draws: the loss, every layer and the residual, each amount with what is left after it.

    A column for each role says who pays the amount of a layer, ``group`` which layers are used side by side, and
    ``state`` whether a layer was exhausted.
    """
    steps = cascade.steps
    paid = steps["paid"].to_numpy(dtype=float)
    left = np.maximum(cascade.loss - paid.cumsum(), 0.0)  # of the whole loss: a layer of one pool passes on its pool's
    roles = cascade.table.T.groupby(roles_of(cascade).to_numpy(), sort=False).sum().T
    roles = roles[[role for role in ROLES if role in roles]]
    frame = pd.DataFrame({"amount": paid, "left": left}, index=steps.index).join(roles)
    frame["group"] = np.array([layer.pari_passu for layer in cascade.layers], dtype=object)
    frame["state"] = np.array([_state(cascade, k) for k in range(len(cascade.layers))], dtype=object)
    frame.loc[f"residual: {NOBODY}"] = [cascade.residual] * 2 + [0.0] * roles.shape[1] + ["", ""]
    whole = pd.DataFrame([[cascade.loss] * 2 + [0.0] * roles.shape[1] + ["", ""]], ["loss"], frame.columns)
    return pd.concat([whole, frame]).rename_axis("step")


def roles_of(cascade: Cascade) -> pd.Series[str]:
    """The role of every payer of the run; one the model names itself counts as house."""
    return cascade.event.payers["role"].reindex(cascade.table.columns).fillna("house").astype(str)


def _state(cascade: Cascade, number: int) -> str:
    passage, layer = cascade.way.passages[number], cascade.layers[number]
    answer = cascade.allocations[layer.name]
    if passage.reached <= 0:
        return "not reached"
    if not answer.problem.n:
        return "nobody to pay"
    paid = float(answer.paid.sum())
    most = min(answer.problem.capacity, passage.asked.amount)
    if most <= 0:
        return "empty"
    return "exhausted" if paid >= most * (1 - 1e-12) or answer.residual > 0 else "used in part"


def waterfall(cascade: Cascade, *, ax: Axes | None = None) -> Axes:
    """The loss, cut down layer by layer to what nobody could bear; colours say who pays."""
    frame = waterfall_data(cascade)
    unit, word = money(cascade.loss, cascade.event.currency)
    amounts, left = frame["amount"].to_numpy() / unit, frame["left"].to_numpy() / unit
    start = left.copy()
    start[[0, -1]] = 0.0
    with axes(ax, waterfall_size(len(frame))) as at:
        rows = np.arange(len(frame))
        at.barh(rows[[0]], amounts[[0]], color=INK, height=0.62)
        at.barh(rows[[-1]], amounts[[-1]], color=ROLE_COLORS["nobody"], height=0.62)
        begin = start.copy()
        for role in [role for role in ROLES if role in frame and frame[role].any()]:
            part = frame[role].to_numpy() / unit
            at.barh(rows[1:-1], part[1:-1], left=begin[1:-1], color=ROLE_COLORS[role], height=0.62, label=role)
            begin = begin + part
        at.vlines(left[:-1], rows[:-1], rows[1:], colors=MUTED, linewidths=0.8, zorder=0)
        top = float(left[0]) or 1.0
        places = _places(top)
        for row, (amount, state) in enumerate(zip(amounts, frame["state"], strict=True)):
            told = _told(amount, amount / top, state, places, first=row == 0)
            at.annotate(
                told, (start[row] + amount, row), (4, 0), textcoords="offset points", va="center", fontsize=8,
                color=MUTED if row and amount <= 0 else INK,
            )  # fmt: skip
        _beside(at, frame["group"].tolist())
        at.set_yticks(rows, [plain(name, 30, 2) for name in frame.index])
        at.set_ylim(len(frame) - 0.5, -0.5)
        at.set_xlim(0, top * (1.6 if frame["group"].any() else 1.42))  # room for what stands behind the bars
        at.set_xticks([tick for tick in at.get_xticks() if 0 <= tick <= top * 1.0001])
        at.tick_params(axis="y", length=0)
        at.set_xlabel(word)
        at.set_title(plain(f"The way of the loss: {cascade.name}", 70, 2))
        if at.get_legend_handles_labels()[0]:
            at.legend(title="paid by", alignment="left", loc="lower right", bbox_to_anchor=(1.0, 0.0))
        footnote(at, note(cascade))
    return at


def waterfall_size(rows: int) -> tuple[float, float]:
    """The size of the chart for so many rows: the layers, the loss and the residual."""
    return tall(rows, row=0.42)


def _places(top: float) -> int:
    """Decimals that show an amount to a thousandth of the loss, the same for every bar."""
    return max(0, 3 - math.floor(math.log10(top))) if 0 < top < math.inf else 2


def _told(amount: float, part: float, state: str, places: int, *, first: bool) -> str:
    if first:
        return f"{amount:,.{places}f}"
    if amount <= 0:
        return state or "0"
    share = f"{part:.1%}" if part >= 0.0005 else "< 0.1%"
    return f"{amount:,.{places}f} ({share}){f', {state}' if state else ''}"


def _beside(ax: Axes, groups: list[str]) -> None:
    """A bracket at the left edge around layers that are used side by side."""
    for group in dict.fromkeys(name for name in groups if name):
        rows = [row for row, name in enumerate(groups) if name == group]
        ax.annotate(
            "", (0.985, rows[0] - 0.3), (0.985, rows[-1] + 0.3), xycoords=("axes fraction", "data"),
            arrowprops=dict.fromkeys(("shrinkA", "shrinkB"), 0)
            | {"arrowstyle": "|-|,widthA=0.25,widthB=0.25", "color": MUTED, "lw": 0.9},
        )  # fmt: skip
        ax.annotate(
            "side by\nside", (0.985, (rows[0] + rows[-1]) / 2), (-6, 0), xycoords=("axes fraction", "data"),
            textcoords="offset points", ha="right", va="center", fontsize=7.5, color=MUTED,
        )  # fmt: skip
