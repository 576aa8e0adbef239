"""Pictures of games: the core with divisions in it, what coalitions object, and how a sample comes to rest.

As every figure here, ``f(..., ax=None)`` returns the Axes, shows nothing, and has a companion ``f_data(...)`` that
returns the DataFrame it draws. Divisions are given by name: values of a game, allocations, or Series by player.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.checks import Array, number
from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.core import division, excesses
from allocopt.games.shapley import shapley
from allocopt.pages.canvas import axes
from allocopt.pages.style import MUTED, look, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PROFILE_LIMIT = 20  # players; a million sorted excesses per line is as much as a picture can show
_SHOWN = 400  # points of a line; more are not told apart
_PLAYERS = 6  # players whose sampled values are drawn


def divisions_of(game: Game, divisions: Mapping[str, Any] | pd.DataFrame) -> dict[str, Array]:
    """Named divisions, or the columns of a table of them, as amounts in the order of the players."""
    if isinstance(divisions, pd.DataFrame):
        divisions = {str(name): divisions[name] for name in divisions}
    if not isinstance(divisions, Mapping):
        raise DataError(f"divisions is a {type(divisions).__name__}; give a mapping of names to divisions")
    out = {}
    for name, given in divisions.items():
        amounts = given.values if isinstance(given, GameValue) else given
        amounts = given.shares if isinstance(given, Allocation) else amounts
        try:
            out[str(name)] = division(game, amounts)
        except DataError as fault:
            raise DataError(f"division {name!r}: {fault}") from None
    return out


def excess_profile_data(game: Game, divisions: Mapping[str, Any] | pd.DataFrame) -> pd.DataFrame:
    """What :func:`excess_profile` draws: for each division the excesses of all coalitions, the largest first.

    One row per rank (1 is the worst-treated coalition), one column per division, in the units of the worths; nobody and
    all together are left out.

    >>> from allocopt.games import table
    >>> costs = table([0, 10, 12, 18], players=["A", "B"])
    >>> excess_profile_data(costs, {"half": [9, 9], "all on A": [18, 0]}).to_dict("list")
    {'half': [-1.0, -3.0], 'all on A': [8.0, -12.0]}
    """
    if game.n > PROFILE_LIMIT:
        raise DataError(f"{game.n} players form 2**{game.n} coalitions; a profile shows up to {PROFILE_LIMIT} players")
    named, everyone = divisions_of(game, divisions), excesses(game)
    count = max(2**game.n - 2, 0)
    columns = {name: everyone.top(x, count).excess if count else np.zeros(0) for name, x in named.items()}
    return pd.DataFrame(columns, index=pd.RangeIndex(1, count + 1, name="rank"))


def excess_profile(game: Game, divisions: Mapping[str, Any] | pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """What coalitions object to each division, the worst-treated first; above the line at zero they would leave.

    The nucleolus is the division whose line is lowest at the left, then as low as can be further on.
    """
    frame = excess_profile_data(game, divisions)
    with axes(ax, (7.6, 4.0)) as at:
        drawn = np.unique(np.geomspace(1, max(len(frame), 1), _SHOWN).astype(int)) if len(frame) else np.zeros(0, int)
        few = len(frame) <= 30
        at.axhline(0.0, color=MUTED, lw=0.8)
        for k, name in enumerate(frame.columns):
            style = look(k)
            at.plot(
                drawn, frame[name].to_numpy()[drawn - 1], color=style.color, ls=style.dash, lw=1.6,
                marker=style.marker if few else None, ms=4, mew=0, label=plain(name, 26),
            )  # fmt: skip
        if len(frame) > 100:
            at.set_xscale("log")
            decades = 10 ** np.arange(len(str(len(frame))))
            at.set_xticks(decades, [f"{mark:,}" for mark in decades])
            at.minorticks_off()
        else:
            at.set_xlim(0.5, max(len(frame), 1) + 0.5)  # ranks begin at one, so that no tick stands at none
        at.set_xlabel("coalitions, from the one that objects most" + (" (log scale)" if len(frame) > 100 else ""))
        cost = game.kind == "cost"
        at.set_ylabel("borne above own cost" if cost else "missed of own worth")
        at.grid(axis="y")
        at.set_title(f"What coalitions object: {'x(S) − c(S)' if cost else 'v(S) − x(S)'}")
        if len(frame.columns):
            at.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0, labelspacing=0.7)
    return at


def convergence_data(
    game: Game,
    budgets: Sequence[int],
    players: Sequence[Any] | None = None,
    *,
    method: str = "regression",
    seed: int | None = 0,
    level: float = 0.95,
    exact: Any = None,
) -> pd.DataFrame:
    """What :func:`convergence` draws: the sampled Shapley value at each budget with its interval, and the exact one.

    Rows are (player, coalitions looked at), columns ``value``, ``lower``, ``upper`` and ``exact`` (NaN when ``exact``,
    a division, is not given). Without ``players`` those with the largest values are taken. Every budget is a sample of
    its own with the same seed.
    """
    if not len(budgets):
        raise DataError("budgets is empty; give how many coalitions may be looked at, such as [200, 1000, 5000]")
    counts = [int(number(budget, "a budget", low=1)) for budget in budgets]
    truth = pd.Series(np.full(game.n, np.nan), game.players)
    if exact is not None:
        truth = pd.Series(divisions_of(game, {"exact": exact})["exact"], game.players)
    found = [shapley(game, method, budget, seed) for budget in counts]
    if players is None:
        order = found[-1].values.sort_values(ascending=False, kind="stable").index
        chosen = list(order[:_PLAYERS])
    else:
        chosen = list(players)
        strange = [p for p in chosen if p not in game.players]
        if strange:
            raise DataError(f"the game has no player {strange[0]!r}; it has {', '.join(map(repr, game.players[:8]))}")
    parts = []
    for value in found:
        bounds = value.interval(level)
        part = pd.DataFrame({"value": value.values, **bounds, "exact": truth}).loc[chosen]
        parts.append(part.set_index(pd.Index([value.evaluations] * len(chosen), name="coalitions"), append=True))
    frame = pd.concat(parts)
    frame.index.names = ["player", "coalitions"]
    return frame.loc[chosen]


def convergence(
    game: Game,
    budgets: Sequence[int],
    players: Sequence[Any] | None = None,
    *,
    method: str = "regression",
    seed: int | None = 0,
    level: float = 0.95,
    exact: Any = None,
    ax: Axes | None = None,
) -> Axes:
    """Sampled Shapley values against the coalitions looked at, each in its interval; exact values as dashed lines."""
    frame = convergence_data(game, budgets, players, method=method, seed=seed, level=level, exact=exact)
    with axes(ax, (7.6, 4.2)) as at:
        for k, player in enumerate(frame.index.unique("player")):
            style, own = look(k), frame.loc[player]
            at.fill_between(own.index, own["lower"], own["upper"], color=style.color, alpha=0.18, lw=0)
            at.plot(own.index, own["value"], color=style.color, marker=style.marker, ms=4.5, mew=0, lw=1.4,
                    label=plain(player, 26))  # fmt: skip
            if own["exact"].notna().all():
                at.axhline(float(own["exact"].iloc[0]), color=style.color, lw=0.9, ls=(0, (5, 3)))
        at.set_xscale("log")
        marks = frame.index.unique("coalitions")
        at.set_xticks(marks, [f"{mark:,}" for mark in marks])
        at.minorticks_off()
        at.set_xlabel("coalitions looked at (log scale)")
        at.set_ylabel("Shapley value")
        at.grid(axis="y")
        dashed = "; dashed: exact" if frame["exact"].notna().any() else ""
        at.set_title(f"Sampled values with {level:.0%} intervals{dashed}")
        at.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0, labelspacing=0.7)
    return at
