"""How far an order can be trusted: what changes when something is left out, and paired differences over many losses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.judgement.choice import VALUE, Ranking
from allocopt.judgement.inequality import ROUNDING
from allocopt.judgement.uncertainty import scenarios_called
from allocopt.pages.canvas import Size, axes, blank, footnote, tall
from allocopt.pages.heat import below, heat, table_size
from allocopt.pages.provenance import note
from allocopt.pages.style import INK, MUTED, PALETTE, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from allocopt.judgement.scorecard import Scorecard

_MOST = 20  # changes drawn; the table has all
_AS_IT_IS = "as it is"


def stability_data(ranking: Ranking, members: int = 10) -> pd.DataFrame:
    """What :func:`stability` prints: the place of every scheme when something is left out, the changed orders alone.

    One row per change (its kind and what is left out), the first as it is; one column per scheme, in order.
    """
    found = ranking.stability(members)
    rows = {key: places(str(order), ranking.schemes) for key, order in found["order"].items()}
    frame = pd.DataFrame.from_dict(rows, orient="index")[ranking.order]
    frame.index = found.index
    changed = (frame != frame.iloc[0]).any(axis=1)
    changed.iloc[0] = True
    return frame[changed]


def places(order: str, schemes: list[str]) -> dict[str, int]:
    """The place of each scheme in an order that is written as one line; names may hold commas themselves.

    >>> places("b, then c, a", ["a", "b, then c"])
    {'b, then c': 1, 'a': 2}
    """
    found = _cut(order, frozenset(schemes))
    return {one: place for place, one in enumerate(found or (), 1)}


def _cut(line: str, left: frozenset[str]) -> list[str] | None:
    if not left:
        return [] if not line else None
    for one in sorted(left, key=len, reverse=True):
        head = one if len(left) == 1 else f"{one}, "
        if line.startswith(head):
            rest = _cut(line[len(head) :], left - {one})
            if rest is not None:
                return [one, *rest]
    return None


def stability_size(ranking: Ranking, members: int = 10) -> Size:
    """The size of the picture of changed orders."""
    return table_size(min(len(stability_data(ranking, members)), _MOST), len(ranking.schemes))


def stability(ranking: Ranking, members: int = 10, *, ax: Axes | None = None) -> Axes:
    """The places of all schemes when a criterion, a part of the criteria or a large payer is left out.

    Omissions that leave the order as it is are counted and not drawn.
    """
    whole, tried = stability_data(ranking, members), len(ranking.stability(members)) - 1
    frame = whole.iloc[:_MOST]
    with axes(ax, table_size(*frame.shape)) as at:
        now = frame.iloc[0].to_numpy()
        moved = now - frame.to_numpy()
        levels = np.where(moved == 0, np.nan, np.where(moved > 0, 1.0, 0.0))
        texts = np.array(
            [[f"{p}{'' if m == 0 else f' ▲{m}' if m > 0 else f' ▼{-m}'}" for p, m in zip(row, shift, strict=True)]
             for row, shift in zip(frame.to_numpy(), moved, strict=True)], dtype=object,
        )  # fmt: skip
        heat(at, texts, levels, [left_out(ranking, *key) for key in frame.index], list(frame.columns))
        at.set_title("What changes the order")
        same = tried - len(whole) + 1
        said = f"place of each scheme; {same} of {tried} omissions leave the order as it is"
        more = f"; {len(whole) - len(frame)} more change it" if len(whole) > len(frame) else ""
        below(at, f"{said}{more}; blue ▲: up, orange ▼: down", note(ranking.card), frame.shape[1])
    return at


def left_out(ranking: Ranking, kind: str, what: str) -> str:
    """What is left out, in words."""
    if kind == "criterion":
        return f"without “{ranking.card.criteria[what].label(ranking.card.by)}”"
    return {"nothing": _AS_IT_IS, "part": f"without {what}"}.get(kind, f"without {what}")


def uncertainty_data(
    subject: Scorecard | Ranking, metric: str | None = None, reference: str | None = None
) -> pd.DataFrame:
    """What :func:`uncertainty` draws: per rival of the reference the mean difference, its interval, who is better."""
    table, title = _pairs(subject, metric)
    order = subject.order if isinstance(subject, Ranking) else list(subject.answers)
    if reference is not None and reference not in order:
        raise unknown("scheme of this card", reference, order)
    one = order[0] if reference is None else reference
    known = table.to_dict("index")
    rows = {rival: known.get((one, rival)) or _turned(known[rival, one]) for rival in order if rival != one}
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=list(table.columns)).rename_axis("rival")
    frame.attrs = {"reference": one, "criterion": title}
    return frame


def _pairs(subject: Scorecard | Ranking, metric: str | None) -> tuple[pd.DataFrame, str]:
    if isinstance(subject, Ranking):
        return subject.uncertainty, VALUE.name
    table = subject.uncertainty
    listed = list(dict.fromkeys(table.index.get_level_values(0)))
    if not listed:
        raise DataError("the card has no fairness metric or no two schemes, so there is no difference to draw")
    if metric is not None and metric not in listed:
        raise unknown("fairness metric of this card", metric, listed)
    differing = [name for name in listed if (table.xs(name)["difference"].abs() > 0).any()]
    name = metric or (differing or listed)[0]
    return pd.DataFrame(table.xs(name)), str(name)


def _turned(row: dict[Any, Any]) -> dict[Any, Any]:
    """The same pair with the other scheme first."""
    return {
        "difference": -row["difference"], "low": -row["high"], "high": -row["low"], "better": row["worse"],
        "worse": row["better"], "likely": 1.0 - row["likely"],
    }  # fmt: skip


def uncertainty_size(subject: Scorecard | Ranking) -> Size:
    """The size of the picture of paired differences: a line for every rival."""
    schemes = subject.schemes if isinstance(subject, Ranking) else list(subject.answers)
    return tall(len(schemes) - 1, width=8.6, row=0.34, frame=2.0)


def uncertainty(
    subject: Scorecard | Ranking, metric: str | None = None, reference: str | None = None, *, ax: Axes | None = None
) -> Axes:
    """One scheme against every other over the same losses: mean paired difference, 95 % interval, how often better.

    Of a ranking the difference in value, of a card that in one of its fairness metrics (by default the first in which
    the schemes differ). An interval that spans zero leaves the pair undecided. Everything is relative to ``reference``,
    by default the first.
    """
    frame = uncertainty_data(subject, metric, reference)
    card = subject.card if isinstance(subject, Ranking) else subject
    one, name = frame.attrs["reference"], frame.attrs["criterion"]
    criterion, spread = VALUE if isinstance(subject, Ranking) else card.criteria[name], card.ensemble
    title = plain(
        f"{one} against the others, over {0 if spread is None else len(spread)} {scenarios_called(spread)}", 76, 2
    )
    with axes(ax, uncertainty_size(subject)) as at:
        if frame.empty:
            blank(at, title, "there is no other scheme")
            return at
        rows = np.arange(len(frame))
        at.axvline(0.0, color=MUTED, lw=0.9)
        for row, (_, found) in enumerate(frame.iterrows()):
            decided = bool(found["low"] > ROUNDING or found["high"] < -ROUNDING)
            ahead = found["better"] > found["worse"]
            color = MUTED if not decided else PALETTE[0] if ahead else PALETTE[1]
            at.plot([found["low"], found["high"]], [row, row], color=color, lw=2.2, solid_capstyle="butt")
            at.plot(found["difference"], row, marker="o" if decided else "d", ms=6, color=color, ls="none",
                    mfc=color if decided else "none", mew=1.3)  # fmt: skip
            said = f"better in {found['better']:.0%}, worse in {found['worse']:.0%}; P {found['likely']:.2f}"
            at.annotate(
                said.replace("nan%", "–"), (1.0, row), (6, 0), xycoords=("axes fraction", "data"),
                textcoords="offset points", va="center", fontsize=7.5, color=INK, annotation_clip=False,
            )  # fmt: skip
        at.set_yticks(rows, [f"− {plain(rival, 30, 2)}" for rival in frame.index])
        at.set_ylim(len(frame) - 0.5, -0.5)
        at.tick_params(axis="y", length=0)
        at.grid(axis="x")
        at.set_axisbelow(True)
        unit = f", {criterion.unit}" if criterion.unit else ""
        what = "value" if criterion is VALUE else criterion.label(card.by)
        at.set_xlabel(
            plain(f"difference in {what}{unit} ({criterion.direction}): mean and 95 % interval over paired losses; "
                  "filled: zero is outside it; P: how likely it is better on average", 92, 3)
        )  # fmt: skip
        at.set_title(title)
        footnote(at, note(card))
    return at
