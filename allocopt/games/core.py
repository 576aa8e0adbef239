"""Whether a division is in the core, and who objects to it most."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array, vector
from allocopt.games.base import Game, ask_for_table
from allocopt.games.table import TableGame
from allocopt.maths.excess import Excesses, Masks, members
from allocopt.maths.shapley import memberships

WEIGHINGS = ("plain", "size", "worth")

# 2^30 worths are looked through once in seconds where they are made quickly; twice as many players, in years.
LOOKED_THROUGH = 30

_PIECE = 2**20  # worths made at a time where there is no table: 8 MiB


class Objection(NamedTuple):
    """The coalition that objects most, by its players' names, and its excess in the units of the worths."""

    coalition: tuple[Any, ...]
    excess: float

    def __float__(self) -> float:
        return self.excess


def max_excess(game: Game, x: Any) -> Objection:
    r"""The coalition that a division treats worst, and by how much.

    .. math:: \max_{\emptyset \ne S \subset N} e(S, x), \qquad
       e(S, x) = x(S) - c(S) \text{ (cost)}, \quad v(S) - x(S) \text{ (gain)}

    A division x of the worth of all is in the core exactly when this is at most 0; a positive excess is what the
    coalition saves, or gains, by leaving. Every coalition is looked at, in one pass. Of coalitions that object equally
    the first by bit mask is named. With fewer than two players nobody can object: the excess is 0.

    Parameters
    ----------
    game : the game, of up to 30 players.
    x : one amount per player, in the units of the worths, of any sign; a Series is read by the players' names.

    Raises
    ------
    DataError : NaN or text among the amounts, a player without one, more players than can be looked through.

    Source: Gillies, "Solutions to general non-zero-sum games", Annals of Mathematics Studies 40 (1959).

    >>> from allocopt.games.table import table
    >>> costs = table([0, 10, 12, 18], players=["A", "B"])
    >>> max_excess(costs, [11, 7])
    Objection(coalition=('A',), excess=1.0)
    """
    amounts = division(game, x)
    if game.n < 2:
        return Objection((), 0.0)
    loudest = excesses(game).top(amounts, 1)
    return Objection(named(game, int(loudest.masks[0])), float(loudest.excess[0]))


def division(game: Game, x: Any) -> Array:
    """One finite amount per player, in the order of the players."""
    return vector(x, game.players, "x", low=-np.inf)


def named(game: Game, mask: int) -> tuple[Any, ...]:
    """The members of a coalition given by its bit mask."""
    return tuple(game.players[memberships(mask, mask + 1, game.n)[0]])


def excesses(game: Game, weighing: str = "plain") -> Excesses:
    """All excesses of a game: as they are, per member (``size``), or per unit of worth (``worth``).

    The worths are put into a table where there is room for one, and made anew for every pass where there is not.
    """
    if weighing not in WEIGHINGS:
        raise unknown("weighing of excesses", weighing, WEIGHINGS)
    if game.n > LOOKED_THROUGH:
        raise DataError(
            f"{game.n} players form 2**{game.n} coalitions; up to {LOOKED_THROUGH} players they are looked through: "
            "group small players into one, or take a game whose answer has a closed form"
        )
    weights = np.arange(game.n + 1, dtype=np.float64) if weighing == "size" else None
    sign = -1.0 if game.kind == "cost" else 1.0
    if isinstance(game, TableGame) or _fits(game.n):
        worths = game.table()

        def passes() -> Iterable[Array]:
            return (worths,)
    else:

        def passes() -> Iterable[Array]:
            blocks = iter(game.blocks())
            while piece := list(islice(blocks, max(1, _PIECE >> game.block_bits))):
                yield np.concatenate(piece)

    return Excesses(game.n, passes, sign, weights, weighing == "worth")


def _fits(n: int) -> bool:
    """Whether there is room for a table."""
    try:
        ask_for_table(n)
    except DataError:
        return False
    return True


def worth_of(game: Game) -> Callable[[Masks], Array]:
    """The worths of coalitions given by their bit masks."""
    return lambda masks: game(members(masks, game.n).astype(np.bool_))
