"""The core of a game of three or four players, and where divisions lie: a triangle or a tetrahedron of amounts.

Every point of the picture is a division of the worth of all: the nearer to a player's corner, the more that player
bears or gets. The picture is cut to the part that matters; the amounts along its edges say which.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.errors import DataError
from allocopt.facts.checks import Array
from allocopt.games.base import Game
from allocopt.games.core_nearest import core_vertices
from allocopt.pages.canvas import axes
from allocopt.pages.plots_games import divisions_of
from allocopt.pages.style import GRID, INK, MUTED, PALETTE, PAPER, RC, look, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Places = NDArray[np.intp]

_CORNERS = {
    3: np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]]),
    4: np.array([[0, 0, 0], [1, 0, 0], [0.5, np.sqrt(0.75), 0], [0.5, np.sqrt(1 / 12), np.sqrt(2 / 3)]], dtype=float),
}
_STEPS = 5  # lines across the picture for each player, or somewhat more: their amounts are round
_CLEAR = 0.06  # part of an edge next to a corner that is left to the corner's name
_FLAT = 1e-9  # a core thinner than this part of the picture is drawn as a line or a point


def simplex_data(game: Game, divisions: Mapping[str, Any] | pd.DataFrame) -> pd.DataFrame:
    """What :func:`simplex` draws, one row per point: ``frame`` (a corner of the picture), ``core`` (a corner of the
    core) or ``division``, the amount of every player, and the place (``x``, ``y`` and, for four players, ``z``).

    Rows are named by what the point is and by player, number or division.

    >>> from allocopt.games import airport
    >>> frame = simplex_data(airport([1, 2, 3], players=list("abc")), {"equal": [1, 1, 1]})
    >>> frame.loc["core", list("abc")].to_numpy().tolist()
    [[0.0, 0.0, 3.0], [0.0, 2.0, 1.0], [1.0, 0.0, 2.0], [1.0, 1.0, 1.0]]
    """
    if game.n not in _CORNERS:
        raise DataError(f"the game has {game.n} players; a simplex is drawn for 3 or 4: look at restricted() games")
    named, core = divisions_of(game, divisions), core_vertices(game).to_numpy()
    for name, x in named.items():
        if abs(float(x.sum()) - game.grand) > 1e-6 * max(float(np.abs(x).sum()), abs(game.grand)):
            raise DataError(
                f"division {name!r} adds up to {x.sum():g} and all together are worth {game.grand:g}; only divisions "
                "of that worth lie in the picture: scale it"
            )
    inside = np.array([*core, *named.values()]).reshape(-1, game.n)
    low, size = _cut(inside, game.grand)
    frame = low + size * np.eye(game.n)
    points = np.concatenate((frame, inside))
    kinds = [("frame", player) for player in game.players]
    kinds += [("core", k) for k in range(len(core))] + [("division", name) for name in named]
    out = pd.DataFrame(points, pd.MultiIndex.from_tuples(kinds, names=["what", "which"]), game.players)
    places = (points - low) / size @ _CORNERS[game.n]
    return out.assign(**dict(zip("xyz", places.T, strict=False)))


def _cut(points: Array, total: float) -> tuple[Array, float]:
    """The least amounts in the picture, rounded down, and the length of its edges."""
    n = points.shape[1]
    if not len(points):
        points = np.full((1, n), total / n)
    least = points.min(axis=0)
    size = total - float(least.sum())
    size = size if size > 1e-9 * max(float(np.abs(points).max()), 1e-300) else float(np.abs(points).max()) or 1.0
    step = _round_step(size)
    low = np.floor(least / step - 0.25) * step
    # A whole picture of amounts from zero is easier to read, where it is not much larger.
    if (least >= 0).all() and 0 < total <= 1.6 * size:
        low = np.zeros(n)
    return low, total - float(low.sum())


def _round_step(size: float) -> float:
    """A round amount of which some make up the length of an edge."""
    power = float(10.0 ** np.floor(np.log10(size / _STEPS)))
    return next(k * power for k in (1, 2, 2.5, 5, 10) if k * power >= size / _STEPS * (1 - 1e-9))


def simplex(game: Game, divisions: Mapping[str, Any] | pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """The core of a game of three or four players, shaded, and divisions as marks in it or outside it.

    Four players need three dimensions: ``ax`` must then be made with ``projection="3d"``.
    """
    frame = simplex_data(game, divisions)
    if game.n == 3:
        with axes(ax, (6.8, 4.6)) as at:
            _triangle(at, game, frame)
        return at
    if ax is None:
        from matplotlib import pyplot

        with pyplot.rc_context(RC):
            ax = pyplot.figure(figsize=(7.2, 5.2), layout="constrained").add_subplot(projection="3d")
            _tetrahedron(ax, game, frame)
        return ax
    if ax.name != "3d":
        raise DataError("ax has two dimensions; four players need axes made with projection='3d'")
    _tetrahedron(ax, game, frame)
    return ax


def _triangle(ax: Axes, game: Game, frame: pd.DataFrame) -> None:
    places, amounts = frame[["x", "y"]].to_numpy()[:3], frame[list(game.players)].to_numpy()[:3]
    center, size = places.mean(axis=0), float(amounts[0, 0] - amounts[1, 0])
    step = _round_step(size)
    for i, (arrow, turn) in enumerate((("← {}", 0), ("{} →", -60), ("{} →", 60))):
        j, k = (i + 1) % 3, (i + 2) % 3
        out = places[j] + places[i] - 2 * center
        ax.plot(*places[[j, k]].T, color=MUTED, lw=1.0, zorder=1)
        # The amounts of player i stand outside the edge that leads to its corner, each at the end of its line.
        first = np.floor(amounts[j, i] / step * (1 + 1e-9)) + 1
        for value in np.arange(first, (amounts[i, i] - 1e-9 * size) / step) * step:
            part = (value - amounts[j, i]) / size
            if not _CLEAR < part < 1 - _CLEAR:
                continue
            ends = (1 - part) * places[[j, k]] + part * places[i]
            ax.plot(*ends.T, color=GRID, lw=0.7, zorder=1)
            ax.annotate(f"{value:,.6g}", ends[0] + 0.08 * out, ha="center", va="center", fontsize=7.5, color=MUTED)
        name = plain(game.players[i], 18, 1)
        along = (places[i] + places[j]) / 2 + 0.2 * out
        ax.annotate(arrow.format(name), along, ha="center", va="center", rotation=turn, fontsize=8.5, color=MUTED)
        ax.annotate(
            name, places[i] + 0.11 * (places[i] - center), ha="center", va="center" if i == 2 else "top", fontsize=9,
            color=INK, fontweight="bold",
        )  # fmt: skip
    core = _points(frame, "core", 2)
    if len(core):
        around = core - core.mean(axis=0)
        order = np.argsort(np.arctan2(around[:, 1], around[:, 0]))
        ax.fill(*core[order].T, facecolor=PALETTE[5], alpha=0.3, zorder=2, lw=0, label="core")
        ax.plot(*core[np.append(order, order[:1])].T, color=PALETTE[0], lw=1.3, zorder=2)
    _marks(ax, frame, 2)
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.set_xlim(-0.22, 1.22)
    ax.set_ylim(-0.24, 1.0)
    _finish(ax, game, len(core))


def _tetrahedron(ax: Any, game: Game, frame: pd.DataFrame) -> None:
    places, amounts = frame[["x", "y", "z"]].to_numpy()[:4], frame[list(game.players)].to_numpy()[:4]
    center = places.mean(axis=0)
    for i in range(4):
        for j in range(i):
            ax.plot(*places[[i, j]].T, color=MUTED, lw=0.9)
        place = places[i] + 0.14 * (places[i] - center)
        lowest = amounts[(i + 1) % 4][i]
        text = f"{plain(game.players[i], 18, 2)}\n{lowest:,.4g} to {amounts[i][i]:,.4g}"
        paper = {"facecolor": PAPER, "alpha": 0.75, "lw": 0, "pad": 1.5}
        ax.text(*place, text, ha="center", va="center", fontsize=8.5, color=INK, fontweight="bold", bbox=paper)
    core = _points(frame, "core", 3)
    for face in _faces(core):
        _shade(ax, core[face])
    if len(core):
        ax.plot([], [], color=PALETTE[0], lw=6, alpha=0.4, label="core")
    _marks(ax, frame, 3)
    ax.set_axis_off()
    ax.set_box_aspect((1, 1, 0.9), zoom=1.08)
    ax.view_init(elev=18, azim=-62)
    _finish(ax, game, len(core))


def _faces(core: Array) -> list[Places]:
    """The faces of the core as rows of corners in order around them; a flat core has one, a line or a point its own."""
    if len(core) < 4 or np.linalg.matrix_rank(core - core[0], tol=_FLAT) < 3:
        if len(core) < 3:
            return [np.arange(len(core))] if len(core) else []
        _, _, axes_of = np.linalg.svd(core - core.mean(axis=0))
        return [_around(core, np.arange(len(core)), axes_of[2])]
    from scipy.spatial import ConvexHull

    planes = ConvexHull(core).equations
    _, first = np.unique(np.round(planes, 7), axis=0, return_index=True)
    on = [np.flatnonzero(np.abs(core @ plane[:3] + plane[3]) <= 1e-7) for plane in planes[first]]
    return [_around(core, at, plane[:3]) for at, plane in zip(on, planes[first], strict=True)]


def _around(core: Array, at: Places, normal: Array) -> Places:
    """Corners of a face in the order in which they go around it."""
    away = core[at] - core[at].mean(axis=0)
    one = away[np.argmax(np.linalg.norm(away, axis=1))]
    return at[np.argsort(np.arctan2(away @ np.cross(normal, one), away @ one))]


def _shade(ax: Any, corners: Array) -> None:
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    ax.add_collection3d(Poly3DCollection([corners], facecolor=PALETTE[5], edgecolor=PALETTE[0], alpha=0.16, lw=1.1))


def _points(frame: pd.DataFrame, what: str, dimensions: int) -> Array:
    if what not in frame.index.get_level_values("what"):
        return np.zeros((0, dimensions))
    return np.asarray(frame.loc[what, list("xyz")[:dimensions]].to_numpy())


def _marks(ax: Any, frame: pd.DataFrame, dimensions: int) -> None:
    if "division" not in frame.index.get_level_values("what"):
        return
    for k, (name, point) in enumerate(frame.loc["division"].iterrows()):
        style = look(k + 1)  # the first look is that of the core
        ax.plot(
            *([value] for value in point[list("xyz")[:dimensions]]), ls="none", marker=style.marker, ms=7, mew=0.8,
            mec="white", color=style.color, label=plain(name, 26), zorder=5,
        )  # fmt: skip


def _finish(ax: Any, game: Game, corners: int) -> None:
    empty = "" if corners else "; the core is empty"
    verb = "borne" if game.kind == "cost" else "got"
    ax.set_title(f"Divisions of {game.grand:,.6g}, by what is {verb}{empty}", loc="left")
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 0.98), borderaxespad=0.0, labelspacing=0.7)
