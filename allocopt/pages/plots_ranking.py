"""A ranking in pictures: which ranks a scheme can have, who beats whom, and the weights that favour each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allocopt.judgement.choice import Ranking
from allocopt.judgement.uncertainty import scenarios_called
from allocopt.pages import plots_profile, plots_robust
from allocopt.pages.canvas import Size, axes, blank, footnote, tall
from allocopt.pages.heat import below, heat, table_size
from allocopt.pages.plots_profile import HIGHLIGHT
from allocopt.pages.plots_scores import told
from allocopt.pages.provenance import note
from allocopt.pages.style import PAPER, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["RankingPlots", "acceptability", "acceptability_data", "weights", "weights_data", "winning", "winning_data"]

# From the first rank to the last: one hue, so that the order is seen by everybody and in print.
_FIRST, _LAST = "#08457e", "#dbe6f0"
_PRINT = "#14181d"
_NUMBERED = 0.045  # of the width: narrower parts of a bar have no room for the number of the rank
GIVEN = "the weights given"
_TOLD = 0.13  # and narrower than this none for the per cent


def over(ranking: Ranking) -> str:
    """What the probabilities of a ranking run over."""
    varied = ["weights"] * (ranking.vertices.shape[1] > 1)
    if ranking.card.ensemble is not None:
        varied.append(scenarios_called(ranking.card.ensemble))
    return " and ".join(varied) or GIVEN


def sure(ranking: Ranking) -> str:
    """How well the probabilities are known."""
    if ranking.exact:
        return "exact"
    error = float(ranking.standard_error.to_numpy().max())
    said = f"{error:.2%}" if error >= 1e-4 else "0.01%"
    return f"standard error at most {said}, over {ranking.draws:,} draws of weights (seed {ranking.seed})"


def acceptability_data(ranking: Ranking) -> pd.DataFrame:
    """What :func:`acceptability` draws: schemes in order x ranks, and the largest standard error of each scheme."""
    frame = ranking.acceptability.loc[ranking.order]
    return frame.assign(error=ranking.standard_error.loc[ranking.order].max(axis=1))


def acceptability_size(ranking: Ranking) -> Size:
    """The size of the picture of ranks: a bar for every scheme."""
    return tall(len(ranking.schemes), row=0.36, frame=1.9)


def acceptability(ranking: Ranking, *, ax: Axes | None = None) -> Axes:
    """For each scheme in order, the part of the weights under which it is first, second, ...: a bar cut into ranks."""
    from matplotlib.colors import LinearSegmentedColormap

    frame = acceptability_data(ranking).drop(columns="error")
    count, rows = frame.shape[1], np.arange(len(frame))
    shade = LinearSegmentedColormap.from_list("ranks", [_FIRST, _LAST])
    with axes(ax, acceptability_size(ranking)) as at:
        below = np.zeros(len(frame))
        for k, rank in enumerate(frame.columns):
            level = k / max(count - 1, 1)
            part = frame[rank].to_numpy()
            at.barh(rows, part, left=below, color=shade(level), height=0.72, edgecolor=PAPER, linewidth=0.6)
            for row, (start, width) in enumerate(zip(below, part, strict=True)):
                if width >= _NUMBERED:
                    said = f"{rank}: {width:.0%}" if width >= _TOLD else f"{rank}"
                    at.text(start + width / 2, row, said, ha="center", va="center", fontsize=8,
                            color=PAPER if level < 0.5 else _PRINT)  # fmt: skip
            below += part
        place = ranking.place
        at.set_yticks(rows, [f"{place[one]}. {plain(one, 32, 2)}" for one in frame.index])
        at.set_ylim(len(frame) - 0.5, -0.5)
        at.set_xlim(0, 1)
        at.set_xticks(np.linspace(0, 1, 6), [f"{v:.0%}" for v in np.linspace(0, 1, 6)])
        at.tick_params(axis="y", length=0)
        at.set_xlabel(f"for which part of {over(ranking)} a scheme has this rank (dark: first); {sure(ranking)}")
        at.xaxis.label.set_text(plain(at.get_xlabel(), 92, 2))
        at.set_title("How often each scheme has which rank")
        footnote(at, note(ranking.card))
    return at


def winning_data(ranking: Ranking) -> pd.DataFrame:
    """What :func:`winning` prints: in order, how often the scheme of the row has more value than that of the column."""
    frame = ranking.winning.loc[ranking.order, ranking.order]
    return frame.mask(np.eye(len(frame), dtype=bool))


def winning(ranking: Ranking, *, ax: Axes | None = None) -> Axes:
    """Who beats whom: for every pair, the part of the weights under which the row has more value; exact."""
    frame = winning_data(ranking)
    with axes(ax, table_size(*frame.shape)) as at:
        apart = frame.to_numpy() - frame.to_numpy().T  # of ties, which count for neither, nothing
        heat(at, _percents(frame), 0.5 + apart / 2.0, list(frame.index), list(frame.columns))
        at.set_title("Who has more value than whom")
        said = f"part of {over(ranking)} for which the row beats the column (exact; ties count for neither)"
        said += "; blue: more often than the reverse, orange: less often"
        below(at, said, note(ranking.card), len(frame))
    return at


def weights_data(ranking: Ranking) -> pd.DataFrame:
    """What :func:`weights` prints: central weights, criteria x schemes in order, those never first left out."""
    return ranking.central_weights[ranking.order].dropna(axis=1, how="all")


def weights_size(ranking: Ranking) -> Size:
    """The size of the picture of central weights."""
    return table_size(*weights_data(ranking).shape)


def weights(ranking: Ranking, *, ax: Axes | None = None) -> Axes:
    """What somebody who prefers a scheme seems to value: the mean of the weights under which it is first."""
    frame = weights_data(ranking)
    with axes(ax, weights_size(ranking)) as at:
        if frame.empty:
            blank(at, "Weights that favour each scheme", "no scheme is ever first")
            return at
        usual = ranking.weights.to_numpy()[:, None]
        apart = frame.to_numpy() - usual
        most = float(np.abs(apart).max())
        meanings = pd.concat([ranking.card.metrics, ranking.card.measures])
        levels = 0.5 + apart / (2.0 * most) if most > 0 else np.full(frame.shape, 0.5)
        heat(at, _percents(frame), levels, [told(meanings.loc[n]) for n in frame.index], list(frame.columns))
        at.set_title("Weights that favour each scheme")
        said = (
            "mean of the weights under which the scheme is first; blue: heavier than the mean of all, orange: lighter"
        )
        absent = len(ranking.schemes) - frame.shape[1]
        also = f"; {absent} scheme{'s are' if absent > 1 else ' is'} never first" if absent else ""
        below(at, said + also, note(ranking.card), frame.shape[1])
    return at


def _percents(frame: pd.DataFrame) -> Any:
    printed = [_percent(v) for v in frame.to_numpy(dtype=float).ravel()]
    return np.array(printed, dtype=object).reshape(frame.shape)


def _percent(value: float) -> str:
    """A probability as short as it is honest: what is not quite nothing or everything does not look like it.

    >>> _percent(0.0), _percent(0.0004), _percent(0.042), _percent(0.9999), _percent(1.0), _percent(float("nan"))
    ('0%', '<0.1%', '4.2%', '>99.9%', '100%', '')
    """
    if np.isnan(value):
        return ""
    if 0 < value < 0.001 or 0.999 < value < 1:
        return "<0.1%" if value < 0.5 else ">99.9%"
    return f"{value:.1%}" if 0 < value < 0.0995 or 0.995 <= value < 1 else f"{value:.0%}"


class RankingPlots:
    """The figures of one ranking: ``ranking.plot.acceptability()``, ``ranking.plot.profile()``, ..."""

    __slots__ = ("_ranking",)

    def __init__(self, ranking: Ranking) -> None:
        self._ranking = ranking

    def acceptability(self, *, ax: Axes | None = None) -> Axes:
        """How often each scheme has which rank; see :func:`allocopt.pages.plots.acceptability`."""
        return acceptability(self._ranking, ax=ax)

    def profile(self, *, highlight: int = HIGHLIGHT, ax: Axes | None = None) -> Axes:
        """The schemes on all scales that count; see :func:`allocopt.pages.plots.profile`."""
        return plots_profile.profile(self._ranking, highlight=highlight, ax=ax)

    def winning(self, *, ax: Axes | None = None) -> Axes:
        """Who has more value than whom; see :func:`allocopt.pages.plots.winning`."""
        return winning(self._ranking, ax=ax)

    def weights(self, *, ax: Axes | None = None) -> Axes:
        """The weights that favour each scheme; see :func:`allocopt.pages.plots.weights`."""
        return weights(self._ranking, ax=ax)

    def stability(self, members: int = 10, *, ax: Axes | None = None) -> Axes:
        """Whose or what's absence changes the order; see :func:`allocopt.pages.plots.stability`."""
        return plots_robust.stability(self._ranking, members, ax=ax)

    def uncertainty(self, *, ax: Axes | None = None) -> Axes:
        """The first against every other over many losses; see :func:`allocopt.pages.plots.uncertainty`."""
        return plots_robust.uncertainty(self._ranking, ax=ax)
