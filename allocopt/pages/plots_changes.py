"""Who pays more and who less: payer by payer between two schemes, and under every scheme against one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array
from allocopt.judgement.inequality import ROUNDING
from allocopt.pages.canvas import Size, axes, blank, footnote, tall
from allocopt.pages.provenance import note
from allocopt.pages.style import INK, MOST, MUTED, PALETTE, money, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from allocopt.judgement.scorecard import Scorecard

_MORE, _LESS = PALETTE[1], PALETTE[0]
_GOLDEN = 0.618033988749895  # steps of the golden ratio never fall on each other


def dumbbells_data(
    card: Scorecard, one: str | None = None, other: str | None = None, *, by: str | None = None, most: int | None = MOST
) -> pd.DataFrame:
    """What :func:`dumbbells` draws: per payer the burden under both schemes and the difference, who pays more first.

    In currency, or with ``by`` per unit of that column. Of more than ``most`` payers those whose burden rises and falls
    most are kept, and the others are one row, their mean; ``most=None`` keeps all.
    """
    first, second = pair(card, one, other)
    frame = card.shares[[first, second]]
    frame = frame[frame.any(axis=1) | frame.index.isin(card.question.ids)]  # the house only where it pays
    if by is not None:
        exposure = pd.Series(card.question.column(by), index=card.question.ids)
        exposure = exposure[exposure > 0]
        frame = frame.loc[exposure.index].div(exposure, axis=0)
    frame = frame.assign(difference=_difference(frame[first], frame[second]))
    frame = frame.sort_values("difference", ascending=False, kind="stable")
    if most is None or len(frame) <= most + 1:
        return frame
    up, size = (most + 1) // 2, len(frame)
    rest = frame.iloc[up : size - most // 2]
    middle = rest.mean().to_frame(f"mean of the other {len(rest)}").T
    return pd.concat([frame.iloc[:up], middle, frame.iloc[size - most // 2 :]])


def pair(card: Scorecard, one: str | None, other: str | None) -> tuple[str, str]:
    """The schemes to set against each other, by default the first two of the card."""
    listed = list(card.answers)
    if len(listed) < 2:
        raise DataError("the card holds one scheme; compare two or more to see who pays more and who less")
    for name in (one, other):
        if name is not None and name not in listed:
            raise unknown("scheme of this card", name, listed)
    first = one if one is not None else next(name for name in listed if name != other)
    second = other if other is not None else next(name for name in listed if name != first)
    if first == second:
        raise DataError(f"{first!r} is set against itself; name two schemes")
    return first, second


def _difference(before: pd.Series[float], after: pd.Series[float]) -> pd.Series[float]:
    """By how much the burden rises; what rounding leaves of no change is none."""
    change = after - before
    scale = float(np.maximum(before.abs(), after.abs()).max()) if len(change) else 0.0
    return change.mask(change.abs() <= ROUNDING * scale, 0.0)


def dumbbells_size(card: Scorecard, most: int | None = MOST) -> Size:
    """The size of the picture: a line for every payer that is drawn."""
    size = len(card.shares)
    return tall(size if most is None or size <= most + 1 else most + 1, row=0.28, frame=1.9)


def dumbbells(
    card: Scorecard, one: str | None = None, other: str | None = None, *, by: str | None = None,
    most: int | None = MOST, ax: Axes | None = None,
) -> Axes:  # fmt: skip
    """Each payer's burden under one scheme and under the other, joined by a line; who pays more stands on top.

    By default the first two schemes of the card, in currency; ``by`` names a column for rates.
    """
    first, second = pair(card, one, other)
    frame = dumbbells_data(card, first, second, by=by, most=most)
    unit, word = (1.0, f"share per unit of {by}") if by is not None else money(_top(frame), card.question.currency)
    with axes(ax, dumbbells_size(card, most)) as at:
        title = plain(f"Who pays more, who less: “{second}” instead of “{first}”", 54, 4)
        if frame.empty:
            blank(at, title, "nobody to pay")
            return at
        rows, change = np.arange(len(frame)), frame["difference"].to_numpy()
        before, after = frame[first].to_numpy() / unit, frame[second].to_numpy() / unit
        at.hlines(rows, 0, 1, transform=at.get_yaxis_transform(), colors=MUTED, alpha=0.2, linewidths=0.6)
        for mask, color, marker, said in (
            (change > 0, _MORE, ">", f"{second}: pays more"), (change < 0, _LESS, "<", f"{second}: pays less"),
            (change == 0, MUTED, "|", f"{second}: the same"),
        ):  # fmt: skip
            if mask.any():
                at.hlines(rows[mask], before[mask], after[mask], colors=color, linewidths=1.8)
                at.plot(after[mask], rows[mask], ls="none", marker=marker, ms=6.5, color=color, mew=1.2,
                        label=plain(said, 30, 4))  # fmt: skip
        at.plot(before, rows, ls="none", marker="o", ms=4.5, mfc="none", color=INK, mew=1.0,
                label=plain(first, 30, 4))  # fmt: skip
        at.set_yticks(rows, [plain(payer, 30, 2) for payer in frame.index], fontsize=8)
        at.set_ylim(len(frame) - 0.5, -0.5)
        at.set_xlim(left=min(0.0, float(min(before.min(), after.min()))))
        at.tick_params(axis="y", length=0)
        whole = dumbbells_data(card, first, second, most=None)["difference"]
        at.set_xlabel(f"{word if by is not None else f'borne, {word}'}\n{summary(card, whole)}")
        at.set_title(title)
        at.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0, labelspacing=0.7)
        footnote(at, note(card))
    return at


def summary(card: Scorecard, change: pd.Series[float]) -> str:
    """Who pays more and who less, in numbers, and how much of the loss changes hands."""
    up, down = int((change > 0).sum()), int((change < 0).sum())
    loss = card.question.loss
    moved = min(float(change.clip(lower=0).sum()), float(change.clip(upper=0).abs().sum())) / loss if loss > 0 else 0.0
    same = len(change) - up - down
    if not up + down:
        return "nobody pays more or less"
    told = [f"{up} {'pays' if up == 1 else 'pay'} more", f"{down} {'pays' if down == 1 else 'pay'} less"]
    told += [f"{same} the same"] if same else []
    return f"{', '.join(told)}; {moved:.1%} of the loss changes hands"


def _top(frame: pd.DataFrame) -> float:
    return float(np.nanmax(np.abs(frame.to_numpy(dtype=float)), initial=0.0))


def changes_data(card: Scorecard, reference: str | None = None, *, by: str | None = None) -> pd.DataFrame:
    """What :func:`changes` draws: payers x schemes, how much more each bears than under the reference scheme."""
    listed = list(card.answers)
    one = listed[0] if reference is None and listed else reference
    if one not in listed:
        raise unknown("scheme of this card", one, listed)
    others = [name for name in listed if name != one]
    columns = {name: dumbbells_data(card, one, name, by=by, most=None)["difference"] for name in others}
    frame = pd.DataFrame(columns, columns=others)
    return frame.reindex([payer for payer in card.shares.index if payer in frame.index]) if others else frame


def changes_size(card: Scorecard) -> Size:
    """The size of the picture of changes: two lines for every scheme but the reference."""
    return tall(len(card.answers) - 1, width=8.6, row=0.5, frame=1.7)


def changes(card: Scorecard, reference: str | None = None, *, by: str | None = None, ax: Axes | None = None) -> Axes:
    """Every scheme against one of them: each payer is a mark at what it bears more, or less, than under the reference.

    The reference is by default the first scheme of the card; ``by`` names a column for rates.
    """
    frame = changes_data(card, reference, by=by)
    one = reference if reference is not None else next(iter(card.answers))
    unit, word = (1.0, f"share per unit of {by}") if by is not None else money(_top(frame), card.question.currency)
    with axes(ax, changes_size(card)) as at:
        title = plain(f"Who pays more, who less, than under “{one}”", 62, 3)
        if frame.empty:
            blank(at, title, "there is no other scheme, or nobody to pay")
            return at
        at.axvline(0.0, color=MUTED, lw=0.9)
        for row, name in enumerate(frame.columns):
            change = frame[name].to_numpy() / unit
            for mask, color, marker in ((change > 0, _MORE, ">"), (change < 0, _LESS, "<"), (change == 0, MUTED, "|")):
                spread = row + _spread(int(mask.sum()))
                at.plot(np.sort(change[mask]), spread, ls="none", marker=marker, ms=5, color=color, alpha=0.65, mew=0.8)
            whole = frame[name] if by is None else dumbbells_data(card, one, name, most=None)["difference"]
            at.annotate(
                plain(summary(card, whole), 34, 3), (1.0, row), (8, 0), xycoords=("axes fraction", "data"),
                textcoords="offset points", va="center", fontsize=7, annotation_clip=False,
            )  # fmt: skip
        at.set_yticks(np.arange(frame.shape[1]), [plain(name, 28, 3) for name in frame.columns])
        at.set_ylim(frame.shape[1] - 0.5, -0.5)
        at.tick_params(axis="y", length=0)
        at.set_xlabel(f"{word}, more (▶, orange) or less (◀, blue) than under it; one mark per payer")
        at.set_title(title)
        footnote(at, note(card))
    return at


def _spread(count: int) -> Array:
    """Small steps up and down, the same at every drawing, so that marks at one place are seen to be many."""
    return np.asarray(0.22 * (2.0 * ((np.arange(count) * _GOLDEN) % 1.0) - 1.0)) if count > 1 else np.zeros(count)
