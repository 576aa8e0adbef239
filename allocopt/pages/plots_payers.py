"""Who pays: shares and loss rates of payers under every scheme, and the Lorenz curves of the burden."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from allocopt.judgement.lorenz import lorenz_curve
from allocopt.pages.canvas import axes, blank, footnote, tall
from allocopt.pages.provenance import note
from allocopt.pages.style import MOST, MUTED, look, money, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from allocopt.judgement.scorecard import Scorecard

NAMED = 12  # points that can stand on a line with their names under it
GROUPS = 8  # more groups than that would hide the drift in the noise


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


def burdens_data(card: Scorecard, groups: int | None = GROUPS) -> pd.DataFrame:
    """What :func:`burdens` draws: loss rates, the largest exposures first, of payers or of groups of as many each.

    The rate of a group is what it bears over its exposure; payers without exposure, who have no rate, are left out.
    """
    exposure = pd.Series(card.question.column(card.by), index=card.question.ids)
    exposure = exposure[exposure > 0].sort_values(ascending=False, kind="stable")
    borne = card.shares.loc[exposure.index]
    if groups is None or len(exposure) <= NAMED:
        return borne.div(exposure, axis=0)
    place = np.arange(len(exposure))
    group = pd.Series(place * groups // len(exposure), index=exposure.index)
    names = [f"{part.min() + 1}–{part.max() + 1}" for part in (place[group == k] for k in range(groups))]
    rates = borne.groupby(group).sum().div(exposure.groupby(group).sum(), axis=0)
    return rates.set_axis(names)


def burdens(card: Scorecard, *, groups: int | None = GROUPS, ax: Axes | None = None) -> Axes:
    """Loss rates, the largest exposures on the left; a level line treats large and small alike.

    More than a dozen payers are drawn in ``groups`` of equal number; ``groups=None`` draws each payer.
    """
    frame = burdens_data(card, groups)
    grouped = groups is not None and len(frame) < int((card.question.column(card.by) > 0).sum())
    with axes(ax, (7.6, 3.8)) as at:
        if frame.empty:
            blank(at, "Loss rates", "nobody to pay")
            return at
        marked = len(frame) <= NAMED
        rows = np.arange(len(frame))
        for k, scheme in enumerate(frame.columns):
            style = look(k)
            at.plot(
                rows, frame[scheme], color=style.color, ls=style.dash, lw=1.4,
                marker=style.marker if marked else None, ms=4.5, mew=0, label=plain(scheme, 26), clip_on=False,
            )  # fmt: skip
        if marked:
            at.set_xticks(rows, [plain(name, 18, 2) for name in frame.index], fontsize=8)
            if not grouped:
                at.tick_params(axis="x", rotation=30)
                for label in at.get_xticklabels():
                    label.set(ha="right", rotation_mode="anchor")
        kind = "groups of payers" if grouped else "payers"
        at.set_xlabel(f"{kind}, from the largest to the smallest {card.by}")
        at.set_ylabel(f"share per unit of {card.by}")
        at.set_xlim(-0.4 * marked, len(frame) - 1 + 0.4 * marked)
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
        part, borne = lorenz_curve(card.shares.loc[card.question.ids, scheme].to_numpy(), exposure)
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
