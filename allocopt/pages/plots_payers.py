"""Who pays: shares and loss rates of payers under every scheme, and the Lorenz curves of the burden."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from allocopt.judgement.inequality import lorenz_curve
from allocopt.pages.canvas import axes, blank, footnote, tall
from allocopt.pages.provenance import note
from allocopt.pages.style import MUTED, look, money, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from allocopt.judgement.scorecard import Scorecard

MOST = 15  # payers a figure or a table names before it sums up the rest


def shares_data(card: Scorecard, most: int = MOST) -> pd.DataFrame:
    """What :func:`shares` draws: the payers who bear most, in currency, and the average of the others."""
    frame = card.shares.loc[card.shares.mean(axis=1).sort_values(ascending=False, kind="stable").index]
    if len(frame) <= most + 1:
        return frame
    rest = frame.iloc[most:]
    frame = frame.iloc[:most].copy()
    frame.loc[f"mean of the other {len(rest)}"] = rest.mean()
    return frame


def shares(card: Scorecard, *, most: int = MOST, ax: Axes | None = None) -> Axes:
    """What each payer bears under each scheme: one row per payer, one mark per scheme, the heaviest burdens first."""
    frame = shares_data(card, most)
    unit, word = money(float(np.nanmax(frame.to_numpy(), initial=0.0)), card.question.currency)
    schemes = len(frame.columns)
    with axes(ax, tall(len(frame), row=0.2 + 0.035 * schemes)) as at:
        if frame.empty:
            blank(at, "Shares of the loss", "nobody to pay")
            return at
        rows = np.arange(len(frame))
        at.hlines(rows, 0, 1, transform=at.get_yaxis_transform(), colors=MUTED, alpha=0.25, linewidths=0.6)
        for k, scheme in enumerate(frame.columns):
            style = look(k)
            lift = (k - (schemes - 1) / 2) * 0.72 / schemes
            at.plot(
                frame[scheme] / unit, rows + lift, ls="none", marker=style.marker, ms=5, mew=0, color=style.color,
                label=plain(scheme, 26),
            )  # fmt: skip
        at.set_yticks(rows, [plain(payer, 28, 2) for payer in frame.index])
        at.set_ylim(len(frame) - 0.5, -0.5)
        at.set_xlim(left=0)
        at.tick_params(axis="y", length=0)
        at.spines["left"].set_visible(False)
        at.set_xlabel(f"share of the loss, {word}")
        at.set_title("Shares of the loss")
        _legend(at)
        footnote(at, note(card))
    return at


def burdens_data(card: Scorecard) -> pd.DataFrame:
    """What :func:`burdens` draws: loss rates by payer and scheme, the largest exposure first; infinite ones are NaN."""
    exposure = pd.Series(card.question.column(card.by), index=card.question.ids)
    order = exposure.sort_values(ascending=False, kind="stable").index
    rates: pd.DataFrame = card.burdens.loc[order]
    return rates.replace([np.inf, -np.inf], np.nan)


def burdens(card: Scorecard, *, ax: Axes | None = None) -> Axes:
    """The loss rate of every payer, the largest exposure on the left; a level line treats all exposures alike."""
    frame = burdens_data(card)
    with axes(ax, (7.6, 3.8)) as at:
        if frame.empty:
            blank(at, "Loss rates", "nobody to pay")
            return at
        few = len(frame) <= 12
        for k, scheme in enumerate(frame.columns):
            style = look(k)
            at.plot(
                np.arange(1, len(frame) + 1), frame[scheme], color=style.color, ls=style.dash, lw=1.4,
                marker=style.marker if few else None, ms=4, label=plain(scheme, 26), clip_on=False,
            )  # fmt: skip
        if few:
            at.set_xticks(np.arange(1, len(frame) + 1), [plain(payer, 12) for payer in frame.index])
        at.set_xlabel(f"payers, from the largest to the smallest {card.by}")
        at.set_ylabel(f"share per unit of {card.by}")
        at.set_xlim(1 - 0.5 * few, len(frame) + 0.5 * few)
        at.set_ylim(bottom=0)
        at.grid(axis="y")
        at.set_title("Loss rates")
        _legend(at)
        footnote(at, note(card))
    return at


def lorenz_data(card: Scorecard) -> pd.DataFrame:
    """What :func:`lorenz` draws: per scheme, the exposure and the loss that the best-treated payers account for."""
    exposure = card.question.column(card.by)
    curves = {}
    for scheme in card.shares.columns:
        part, borne = lorenz_curve(card.shares[scheme].to_numpy(), exposure)
        curves[scheme] = pd.DataFrame({"exposure": part, "loss": borne})
    return pd.concat(curves, names=["scheme", "point"]) if curves else pd.DataFrame({"exposure": [], "loss": []})


def lorenz(card: Scorecard, *, ax: Axes | None = None) -> Axes:
    """How far each scheme is from the same rate for all: the diagonal is exact proportion, a sagging curve is not."""
    frame = lorenz_data(card)
    with axes(ax, (6.8, 4.2)) as at:
        at.plot([0, 1], [0, 1], color=MUTED, lw=0.8)
        for k, scheme in enumerate(card.shares.columns):
            style, curve = look(k), frame.loc[scheme]
            at.plot(curve["exposure"], curve["loss"], color=style.color, ls=style.dash, lw=1.6, label=plain(scheme, 26))
        at.set_xlabel(f"part of all {card.by}, lowest loss rates first")
        at.set_ylabel("part of the loss they bear")
        at.set_aspect("equal")
        at.set_xlim(0, 1)
        at.set_ylim(0, 1)
        at.set_title("Lorenz curves of the burden")
        _legend(at)
        footnote(at, note(card))
    return at


def _legend(ax: Axes) -> None:
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0, labelspacing=0.7)
