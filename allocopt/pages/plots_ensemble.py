"""Who bears what as the loss grows: layer upon layer, and the loss at which each is exhausted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from allocopt.mechanisms.ensemble import Ensemble
from allocopt.mechanisms.layer import Layer
from allocopt.pages.canvas import axes, blank, footnote
from allocopt.pages.plots_layers import NOBODY
from allocopt.pages.provenance import note
from allocopt.pages.style import INK, PAPER, ROLE_COLORS, money, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHADES = (0.95, 0.6, 0.78, 0.42)  # layers of one kind of payer, told apart by how full their colour is
_NEAR = 0.03  # of the width: exhausted nearer to each other than this, layers share one label


def ensemble_data(ensemble: Ensemble) -> pd.DataFrame:
    """What :func:`ensemble` draws: by loss, from the smallest to the largest, what each layer bears and nobody."""
    frame = ensemble.by_layer.assign(**{NOBODY: ensemble.residual})
    frame.index = pd.Index(ensemble.loss.to_numpy(), name="loss")
    return frame.sort_index(kind="stable")


def ensemble(ensemble: Ensemble, *, ax: Axes | None = None) -> Axes:
    """Areas stacked layer upon layer over the loss; a numbered line stands where a layer is exhausted."""
    frame = ensemble_data(ensemble)
    top = float(frame.index.max()) if len(frame) else 0.0
    unit, word = money(top, ensemble.event.currency)
    ends = ensemble.exhaustion
    title = plain(f"Who bears the loss as it grows: {ensemble.name}", 80, 2)
    with axes(ax, ensemble_size(ensemble)) as at:
        if top <= 0:
            blank(at, title, "no loss to bear")
            return at
        x, below, seen = frame.index.to_numpy(dtype=float) / unit, np.zeros(len(frame)), dict[str, int]()
        for number, layer in enumerate(ensemble.layers, 1):
            role, above = role_of(layer), below + frame[layer.name].to_numpy() / unit
            shade = _SHADES[seen.setdefault(role, 0) % len(_SHADES)]
            seen[role] += 1
            told = _said(number, layer, ends, unit)
            at.fill_between(x, below, above, color=ROLE_COLORS[role], alpha=shade, linewidth=0, label=told)
            at.plot(x, above, color=PAPER, lw=0.6)
            below = above
        if frame[NOBODY].any():
            whole = below + frame[NOBODY].to_numpy() / unit
            at.fill_between(x, below, whole, color=ROLE_COLORS["nobody"], linewidth=0, label=NOBODY)
        _marks(at, ends, ensemble.layers, unit, float(x[-1] - x[0]))
        at.set_xlim(float(x[0]) if x[0] < x[-1] else 0.0, float(x[-1]))
        at.set_ylim(0, top / unit)
        at.set_xlabel(f"loss, {word}")
        at.set_ylabel(f"borne, {word}")
        at.set_title(title, pad=20.0)
        handles, labels = at.get_legend_handles_labels()
        at.legend(handles[::-1], labels[::-1], loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)
        footnote(at, note(ensemble))
    return at


def ensemble_size(ensemble: Ensemble) -> tuple[float, float]:
    """The size of the picture: a line for every layer beside it."""
    return 9.4, 1.8 + max(3.0, 0.36 * len(ensemble.layers))


def role_of(layer: Layer) -> str:
    """The kind of payer a layer is coloured by: the first of its roles, the house for one the model names itself."""
    return layer.roles[0] if layer.roles else "house"


def _said(number: int, layer: Layer, ends: pd.Series[float], unit: float) -> str:
    end = float(ends[layer.name])
    told = "" if np.isnan(end) else f"\nexhausted at {end / unit:,.4g}"
    return f"{number}. {plain(layer.name, 34, 1)}{told}"


def _marks(ax: Axes, ends: pd.Series[float], layers: tuple[Layer, ...], unit: float, width: float) -> None:
    """A line at each loss that exhausts layers, with their numbers above it."""
    numbers = {layer.name: str(k) for k, layer in enumerate(layers, 1)}
    places: list[tuple[float, list[str]]] = []
    for name, end in (ends / unit).dropna().sort_values(kind="stable").items():
        ax.axvline(float(end), color=INK, lw=0.7, ls=(0, (2, 2)))
        if not places or end > places[-1][0] + _NEAR * width:
            places.append((float(end), []))
        places[-1][1].append(numbers[str(name)])
    for place, told in places:
        ax.annotate(
            ", ".join(told), (place, 1.0), (0, 3), xycoords=("data", "axes fraction"), textcoords="offset points",
            ha="center", va="bottom", fontsize=7.5,
        )  # fmt: skip
