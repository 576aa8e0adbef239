"""How a loss runs down a waterfall: what each layer bears, and what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from allocopt.mechanisms.cascade import Cascade
from allocopt.pages.canvas import axes, footnote, tall
from allocopt.pages.provenance import note
from allocopt.pages.style import INK, MUTED, PALETTE, money, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def waterfall_data(cascade: Cascade) -> pd.DataFrame:
    """What :func:`waterfall` draws: the loss, every layer and the residual, each amount with what is left after it."""
    steps = cascade.steps
    rows = [("loss", cascade.loss, cascade.loss)]
    paid = steps["paid"].to_numpy(dtype=float)
    left = cascade.loss - paid.cumsum()  # of the whole loss: a layer of one pool passes on its pool's rest
    rows += list(zip(map(str, steps.index), paid.tolist(), left.tolist(), strict=True))
    rows.append(("residual: borne by nobody", cascade.residual, cascade.residual))
    return pd.DataFrame(rows, columns=["step", "amount", "left"]).set_index("step")


def waterfall(cascade: Cascade, *, ax: Axes | None = None) -> Axes:
    """The loss, cut down layer by layer to what nobody could bear."""
    frame = waterfall_data(cascade)
    unit, word = money(cascade.loss, cascade.event.currency)
    amounts, left = frame["amount"].to_numpy() / unit, frame["left"].to_numpy() / unit
    start = left.copy()
    start[[0, -1]] = 0.0
    with axes(ax, tall(len(frame), row=0.42)) as at:
        rows = np.arange(len(frame))
        colors = [INK, *([PALETTE[0]] * (len(frame) - 2)), PALETTE[1]]
        at.barh(rows, amounts, left=start, color=colors, height=0.62)
        at.vlines(left[:-1], rows[:-1], rows[1:], colors=MUTED, linewidths=0.8, zorder=0)
        top = float(left[0]) or 1.0
        for row, amount, begin in zip(rows, amounts, start, strict=True):
            part = f" ({amount / top:.1%})" if row > 0 and cascade.loss > 0 else ""
            at.annotate(
                f"{amount:,.4g}{part}",
                (begin + amount, row),
                (4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
            )
        at.set_yticks(rows, [plain(name, 30, 2) for name in frame.index])
        at.set_ylim(len(frame) - 0.5, -0.5)
        at.set_xlim(0, top * 1.18)
        at.tick_params(axis="y", length=0)
        at.set_xlabel(word)
        at.set_title(plain(f"The way of the loss: {cascade.name}", 70, 2))
        footnote(at, note(cascade))
    return at
