"""A game given by a function of the coalition, whatever it computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number
from allocopt.games.base import Coalitions, Game, player_index


@dataclass(frozen=True, eq=False, repr=False)
class FunctionGame(Game):
    """A game whose worths a function computes; ``vectorised`` says whether it takes many coalitions at once."""

    f: Callable[[Any], Any]
    vectorised: bool

    def worths(self, coalitions: Coalitions) -> Array:
        if self.vectorised:
            return np.asarray(self.f(coalitions))
        names = self.players.to_numpy(dtype=object)
        found = [self.f(frozenset(names[row])) for row in coalitions]
        return np.array([number(w, "a worth that f gave", low=-np.inf) for w in found], dtype=np.float64)


def function(
    f: Callable[[Any], Any], players: Sequence[Any] | int, vectorised: bool = True, kind: str = "cost"
) -> FunctionGame:
    r"""The game whose worths a function of yours computes, :math:`v(S) = f(S)`.

    Parameters
    ----------
    f : with ``vectorised``, takes true/false rows (coalitions x players) and gives one worth per row; otherwise takes
        the frozenset of the members' names and gives a number. The empty coalition must be worth 0.
    players : the names, or how many players there are (then 0 .. n - 1).
    vectorised : False calls ``f`` once per coalition: simple, and slow beyond some 15 players (``.cached()`` helps).
    kind : ``cost`` or ``gain``.

    Raises
    ------
    DataError : ``f`` cannot be called, gives something that is not one finite number per coalition, or a worth other
        than 0 for nobody; a name used twice.

    >>> function(lambda members: len(members) ** 2, ["A", "B"], vectorised=False).table()
    array([0., 1., 1., 4.])
    >>> function(lambda rows: rows.sum(axis=1) ** 0.5, players=2, kind="gain").grand.__round__(3)
    1.414
    """
    if not callable(f):
        raise DataError(f"f is {f!r}; give a function of the coalition (a table of worths goes to table())")
    if isinstance(players, Integral) and not isinstance(players, bool):
        players = range(int(number(players, "the number of players")))
    elif isinstance(players, str) or not isinstance(players, Sequence | pd.Index | np.ndarray):
        raise DataError(f"players is {players!r}; give a list of names, or how many players there are")
    names = player_index(players, len(players))
    game = FunctionGame(names, kind, f, bool(vectorised))
    nothing = float(game(np.zeros((1, len(names)), dtype=np.bool_))[0])
    if nothing != 0:
        raise DataError(f"f gives {nothing:g} for the empty coalition; it must be worth 0: subtract it")
    return game
