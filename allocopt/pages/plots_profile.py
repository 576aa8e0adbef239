"""Everything that is judged in one picture: a heat map of all figures, and the profile of the schemes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.judgement.choice import Ranking
from allocopt.judgement.metric import Metric
from allocopt.pages.canvas import Size, axes, blank, footnote
from allocopt.pages.heat import below, heat, table_size
from allocopt.pages.plots_scores import SCALE, printed, told
from allocopt.pages.provenance import note
from allocopt.pages.style import GRID, MUTED, plain, told_apart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from allocopt.judgement.scorecard import Scorecard

HIGHLIGHT = 4  # lines that an eye can follow; the others stay in sight in grey
PARTS = ("Fairness", "Incentives")
_GAP = 0.22  # between the two groups, as a part of the width of one


def heatmap_data(card: Scorecard) -> pd.DataFrame:
    """What :func:`heatmap` colours: every criterion from 0 (worst) to 1 (best) on its scale, by part and criterion."""
    frame = card.normalised()
    part = [PARTS[0] if isinstance(card.criteria[str(name)], Metric) else PARTS[1] for name in frame.index]
    return frame.set_axis(pd.MultiIndex.from_arrays([part, frame.index], names=["part", "criterion"]))


def heatmap_size(card: Scorecard) -> Size:
    """The size of the heat map of everything, which has a line for each part."""
    return table_size(len(card.criteria) + len(PARTS), len(card.answers))


def heatmap(card: Scorecard, *, ax: Axes | None = None) -> Axes:
    """All fairness scores and incentive measures in figures, coloured by their place on their fixed scales."""
    levels = heatmap_data(card)
    with axes(ax, heatmap_size(card)) as at:
        if levels.empty:
            blank(at, "Fairness and incentives", "nothing was measured")
            return at
        meanings = pd.concat([card.metrics, card.measures])
        texts = pd.DataFrame(printed(card.values()), index=levels.index, columns=levels.columns)
        labels: list[str] = []
        parts: list[tuple[Any, Any]] = []
        for part in dict.fromkeys(levels.index.get_level_values(0)):
            labels += [part, *(told(meanings.loc[name]) for name in levels.loc[part].index)]
            empty = np.full((1, levels.shape[1]), "", dtype=object)
            parts += [(empty, np.full(empty.shape, np.nan)), (texts.loc[part].to_numpy(), levels.loc[part].to_numpy())]
        heat(at, np.vstack([t for t, _ in parts]), np.vstack([v for _, v in parts]), labels, list(levels.columns))
        for label in at.get_yticklabels():
            if label.get_text() in PARTS:
                label.set(fontweight="bold", fontsize=9)
        at.set_title("Fairness and incentives")
        below(at, SCALE, note(card), levels.shape[1])
    return at


def profile_data(subject: Scorecard | Ranking) -> pd.DataFrame:
    """What :func:`profile` draws: criteria by part from 0 (worst) to 1 (best), the schemes from the first to the last.

    Of a ranking the criteria that count; of a card every criterion that has a scale, in the order of its ranking over
    all weights if there is one. What a scheme has no value for is NaN and leaves a gap.
    """
    card = subject.card if isinstance(subject, Ranking) else subject
    everything = heatmap_data(card)
    if isinstance(subject, Ranking):
        frame = everything[everything.index.get_level_values(1).isin(subject.names)].copy()
        names = list(frame.index.get_level_values(1))
        frame[:] = subject.profile.loc[names].mask(subject.lacking.loc[names]).to_numpy()
    else:
        frame = everything.dropna(how="all")
    return frame[_order(subject)]


def _order(subject: Scorecard | Ranking) -> list[str]:
    place = _places(subject)
    return sorted(
        (subject.card if isinstance(subject, Ranking) else subject).answers, key=lambda one: place.get(one, 0)
    )


def _places(subject: Scorecard | Ranking) -> dict[str, int]:
    """The place of every scheme; none when nothing has a value for every scheme, so that there is no order."""
    try:
        found = subject if isinstance(subject, Ranking) else subject.rank()
    except DataError:
        return {}
    return {str(one): int(place) for one, place in found.place.items()}


def profile_size(subject: Scorecard | Ranking) -> Size:
    """The size of the profile: a line for every criterion of the longer part."""
    rows = profile_data(subject).groupby(level=0).size()
    return 10.6, 2.4 + 0.3 * max(int(rows.max()) if len(rows) else 0, 4)


def profile(subject: Scorecard | Ranking, *, highlight: int = HIGHLIGHT, ax: Axes | None = None) -> Axes:
    """Each scheme as a line through all criteria on their fixed scales, fairness beside incentives.

    The first ``highlight`` schemes are drawn in colour, each with a mark of its own, the others in grey.
    """
    frame = profile_data(subject)
    card = subject.card if isinstance(subject, Ranking) else subject
    names = _names(list(frame.columns), subject, highlight)
    groups = [(part, pd.DataFrame(frame.xs(part))) for part in PARTS if part in frame.index.get_level_values(0)]
    with axes(ax, profile_size(subject)) as at:
        if not groups:
            blank(at, "Profile of the schemes", "nothing was measured on a scale")
            return at
        rows = max(len(part) for _, part in groups)
        sides = [at, at.twinx()] if len(groups) == 2 else [at]
        meanings = pd.concat([card.metrics, card.measures])
        for k, ((title, part), side) in enumerate(zip(groups, sides, strict=True)):
            left = k * (1 + _GAP)
            at.hlines(np.arange(len(part)), left, left + 1, colors=GRID, linewidths=0.8, zorder=0)
            at.vlines([left, left + 0.5, left + 1], -0.5, len(part) - 0.5, colors=GRID, linewidths=0.8, zorder=0)
            at.text(left + 0.5, -1.0, title, ha="center", va="center", fontweight="bold")
            side.set_yticks(np.arange(len(part)), [plain(told(meanings.loc[n]), 42, 2) for n in part.index],
                            fontsize=7.5)  # fmt: skip
            _lines(at, part, left, highlight, names if k == 0 else {}, card)
            side.set_ylim(rows - 0.4, -1.6)
            side.tick_params(length=0)
            for spine in side.spines.values():
                spine.set_visible(False)
        ends = [k * (1 + _GAP) + end for k in range(len(groups)) for end in (0, 1)]
        at.set_xticks(ends, ["worst", "best"] * len(groups))
        at.set_xlim(-0.04, ends[-1] + 0.04)
        at.set_xlabel("place between the fixed ends of each scale, which no other scheme can change")
        handles, labels = at.get_legend_handles_labels()
        at.legend(
            handles[::-1],
            labels[::-1],
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=2,
            borderaxespad=0.2,
            labelspacing=0.4,
        )
        at.set_title("Profile of the schemes", pad=14.0 + 15.0 * ((len(names) + 1) // 2))
        footnote(at, note(card))
    return at


def _lines(ax: Axes, part: pd.DataFrame, left: float, highlight: int, names: dict[str, str], card: Scorecard) -> None:
    """The schemes of one part; marks of schemes that lie on each other are rings within rings, the first inmost."""
    rows, count = np.arange(len(part)), len(part.columns)
    looks = told_apart([list(card.answers).index(one) for one in part.columns[:highlight]])
    for k in reversed(range(count)):
        scheme = part.columns[k]
        values = left + part[scheme].to_numpy(dtype=float)
        if k >= highlight:
            ax.plot(values, rows, color=MUTED, lw=0.9, alpha=0.45, marker=".", ms=3, mew=0, label=names.get(scheme))
            continue
        style = looks[k]
        ax.plot(
            values, rows, color=style.color, ls=style.dash, lw=1.6, marker=style.marker, ms=4.2 + 1.9 * k,
            mew=1.3 * (k > 0), mfc="none" if k else style.color, zorder=3 + highlight - k, label=names.get(scheme),
            clip_on=False,
        )  # fmt: skip


def _names(schemes: list[str], subject: Scorecard | Ranking, highlight: int) -> dict[str, str]:
    """What the legend says of the schemes it names: with their places where there are places; the others once."""
    place = _places(subject)
    found = {one: f"{place[one]}. {plain(one, 40, 1)}" if place else plain(one, 40, 1) for one in schemes[:highlight]}
    if rest := schemes[highlight:]:
        found[rest[-1]] = f"the other {len(rest)}" if len(rest) > 1 else f"the other: {plain(rest[0], 34, 1)}"
    return found
