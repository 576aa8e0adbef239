"""Games made from other games: scaled, added, turned round, cut down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number
from allocopt.games.base import ClosedForm, Coalitions, Game, player_index
from allocopt.maths.coalitions import picked, subset_sums

_LINEAR = ("shapley", "banzhaf")  # values that are additive over games, and the same for a game and its dual


@dataclass(frozen=True, eq=False, repr=False)
class ScaledGame(Game):
    """``factor`` times the worths of ``of``."""

    of: Game
    factor: float

    def worths(self, coalitions: Coalitions) -> Array:
        return self.factor * self.of.worths(coalitions)

    def block(self, index: int) -> Array:
        return self.factor * self.of.block(index)

    def closed_form(self, value: str = "shapley", seed: int | None = None) -> ClosedForm | None:
        """Every value scales with the game when the factor is positive."""
        known = self.of.closed_form(value, seed)
        if known is None or self.factor < 0:
            return None
        return ClosedForm(self.factor * known.values, self.factor * known.standard_error, known.method)


@dataclass(frozen=True, eq=False, repr=False)
class SumGame(Game):
    """The worths of ``first`` and ``second`` added up."""

    first: Game
    second: Game

    def worths(self, coalitions: Coalitions) -> Array:
        return self.first.worths(coalitions) + self.second.worths(coalitions)

    def block(self, index: int) -> Array:
        return self.first.block(index) + self.second.block(index)

    def closed_form(self, value: str = "shapley", seed: int | None = None) -> ClosedForm | None:
        """Linear values add up, where both games have a form that is not sampled."""
        if value not in _LINEAR:
            return None
        one, two = self.first.closed_form(value, seed), self.second.closed_form(value, seed)
        if one is None or two is None or np.any(one.standard_error) or np.any(two.standard_error):
            return None
        return ClosedForm(one.values + two.values, 0.0, f"{one.method}, plus {two.method}")


@dataclass(frozen=True, eq=False, repr=False)
class DualGame(Game):
    """What a coalition keeps of the worth of all in ``of`` when the others are served first."""

    of: Game

    def worths(self, coalitions: Coalitions) -> Array:
        return self.of.grand - self.of.worths(~coalitions)

    def block(self, index: int) -> Array:
        last = (1 << (self.n - self.block_bits)) - 1
        return self.of.grand - self.of.block(last - index)[::-1]

    def closed_form(self, value: str = "shapley", seed: int | None = None) -> ClosedForm | None:
        """Linear values do not tell a game from its dual; nor does the prenucleolus, as the excesses are the same."""
        return self.of.closed_form(value, seed) if value in (*_LINEAR, "prenucleolus") else None


@dataclass(frozen=True, eq=False, repr=False)
class SavingsGame(Game):
    """What the coalitions of the cost game ``of`` save by paying together."""

    of: Game

    @cached_property
    def alone(self) -> Array:
        """The cost of each player on its own."""
        return self.of(np.eye(self.n, dtype=np.bool_))

    def worths(self, coalitions: Coalitions) -> Array:
        return np.asarray(coalitions @ self.alone - self.of.worths(coalitions))

    def block(self, index: int) -> Array:
        low = self.block_bits
        sums = subset_sums(self.alone[:low]) + self.alone[picked(index, low, self.n)].sum()
        return np.asarray(sums - self.of.block(index))

    def closed_form(self, value: str = "shapley", seed: int | None = None) -> ClosedForm | None:
        """What a player saves: its own cost less its share."""
        known = self.of.closed_form(value, seed) if value in (*_LINEAR, "nucleolus", "prenucleolus") else None
        return None if known is None else ClosedForm(self.alone - known.values, known.standard_error, known.method)


@dataclass(frozen=True, eq=False, repr=False)
class RestrictedGame(Game):
    """The game ``of`` among some of its players; ``at`` holds their places in it."""

    of: Game
    at: tuple[int, ...]

    def worths(self, coalitions: Coalitions) -> Array:
        rows = np.zeros((len(coalitions), self.of.n), dtype=np.bool_)
        rows[:, list(self.at)] = coalitions
        return self.of.worths(rows)


def scaled(game: Game, factor: float, to: float | None) -> ScaledGame:
    """Every worth times ``factor``, or so that all together are worth ``to``."""
    if to is not None:
        to = number(to, "what all together are to be worth", low=-np.inf)
        if number(factor, "the factor", low=-np.inf) != 1.0:
            raise DataError("give either a factor or what all together are to be worth, not both")
        if game.grand == 0:
            raise DataError(f"all together are worth 0, which no factor turns into {to:g}")
        factor = to / game.grand
    return ScaledGame(game.players, game.kind, game, number(factor, "the factor", low=-np.inf))


def added(first: Game, second: Any) -> SumGame:
    """The sum of two games of one kind among the same players in the same order."""
    if not isinstance(second, Game):
        raise DataError(f"{second!r} is no game; only games can be added to a game")
    if not first.players.equals(second.players):
        raise DataError("the games have different players; name the same players in the same order")
    if first.kind != second.kind:
        raise DataError(f"a {first.kind} and a {second.kind} cannot be added; turn one round with dual() or savings()")
    return SumGame(first.players, first.kind, first, second)


def savings(game: Game) -> SavingsGame:
    """The savings of a cost game, a gain."""
    if game.kind != "cost":
        raise DataError("savings are those of a cost game, and this game is a gain; its dual() is a cost")
    return SavingsGame(game.players, "gain", game)


def restricted(game: Game, players: Sequence[Any]) -> RestrictedGame:
    """The game among ``players`` alone."""
    at = _places(game, players)
    return RestrictedGame(game.players[at], game.kind, game, tuple(at))


def marginal_vector(game: Game, order: Sequence[Any]) -> pd.Series[float]:
    """What each player adds to those before it in ``order``."""
    at = _places(game, order)
    if len(at) != game.n:
        raise DataError(f"the order names {len(at)} of {game.n} players; name each of them once")
    before = np.zeros((game.n + 1, game.n), dtype=np.bool_)
    for rank, place in enumerate(at):
        before[rank + 1 :, place] = True
    added = np.empty(game.n)
    added[at] = np.diff(game(before))
    return pd.Series(added, index=game.players, name="marginal worth")


def _places(game: Game, players: Any) -> list[int]:
    if isinstance(players, str) or not isinstance(players, Sequence | pd.Index | np.ndarray):
        raise DataError(f"players is {players!r}; give a list of names")
    names = player_index(players, len(players))
    at = game.players.get_indexer(names)
    if (at < 0).any():
        raise DataError(f"the game has no player {names[at < 0][0]!r}; it has {', '.join(map(repr, game.players[:8]))}")
    return [int(i) for i in at]
