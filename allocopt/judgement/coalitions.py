"""How a division stands up to coalitions of payers: who would rather leave, and how far it is from the Shapley value.

Games come from :mod:`allocopt.games`; here they are asked about a division.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.errors import DataError
from allocopt.facts.checks import Array
from allocopt.games.base import Game
from allocopt.games.claims import ClaimsGame
from allocopt.games.core import max_excess
from allocopt.games.derived import DualGame, ScaledGame
from allocopt.games.function import function
from allocopt.games.nucleolus import least_core
from allocopt.games.shapley import shapley
from allocopt.games.table import table
from allocopt.judgement.departures import distance
from allocopt.judgement.inequality import read

if TYPE_CHECKING:
    from allocopt.judgement.inequality import Column

    Worth = Callable[[NDArray[np.bool_]], Array]


def max_core_excess(x: Column, costs: Game | Array | Worth) -> float:
    r"""What the worst-treated coalition overpays: :math:`\max_S x(S) - c(S)` over all but the empty and the full one.

    ``costs`` is a game, or a *cost* game stated plainly: the cost of every coalition by bit mask (2^n numbers, bit i =
    payer i, nothing for the empty one) or a function from memberships, bool of shape (m, n), to m costs. At most 0
    exactly when ``x``, if it covers the cost of all, is in the core; a positive value is what that coalition saves by
    leaving. 0 with fewer than two payers. The number of :func:`~allocopt.games.core.max_excess`, which also names the
    coalition.

    The claims game tells no rules apart: every division within the caps is in its core. Ask a game of what coalitions
    would *cost* (``games.tail``, ``games.cover``).

    >>> max_core_excess([3, 3], costs=[0, 2, 5, 6])
    1.0
    """
    (burden,) = read(signed=("x",), x=x)
    game = as_game(costs, x.index if isinstance(x, pd.Series) else pd.RangeIndex(len(burden)))
    return max_excess(game, x if isinstance(x, pd.Series) else burden).excess


def least_core_value(costs: Game | Array | Worth, n: int | None = None) -> float:
    r"""The least that the worst-treated coalition can overpay: :func:`max_core_excess` at its minimum over divisions.

    .. math:: \varepsilon^* = \min_{x(N) = c(N)} \max_{\emptyset \ne S \subset N} x(S) - c(S)

    What no division of the cost of all can beat, so the floor against which an excess is read: at most 0 exactly when
    the core is not empty. ``costs`` as in :func:`max_core_excess`; a function needs the number of payers ``n``.

    Source: Maschler, Peleg and Shapley, Mathematics of Operations Research 4, 1979, 303-338.

    >>> round(least_core_value([0, 2, 2, 3, 2, 3, 3, 6]), 9)
    1.0
    """
    if isinstance(costs, Game):
        return least_core(costs).epsilon
    if not callable(costs):
        return least_core(table(costs)).epsilon
    if n is None:
        raise DataError("costs is a function; say of how many payers with n=...")
    return least_core(function(costs, n)).epsilon


def distance_to_shapley(x: Column, costs: Game | Array | Worth) -> float:
    r"""The part of the loss that must change hands to reach the Shapley value: :math:`\sum_i |x_i - \phi_i| / (2 L)`.

    ``costs`` as in :func:`max_core_excess`; scale a game to the loss (``game.scaled(to=loss)``) when its units differ.
    0 at the Shapley value. Only exact Shapley values count: DataError when this game's could only be sampled.

    >>> distance_to_shapley([9, 9], costs=[0, 10, 12, 18])
    0.05555555555555555
    """
    (burden,) = read(x=x)
    game = as_game(costs, x.index if isinstance(x, pd.Series) else pd.RangeIndex(len(burden)))
    value = exact_shapley(game)
    return distance(x, value) if isinstance(x, pd.Series) else distance(burden, np.asarray(value))


def exact_shapley(game: Game) -> pd.Series[float]:
    """The Shapley value by player; raises DataError where it could only be sampled."""
    found = shapley(game, seed=0) if game.closed_form("shapley", 0) is not None else shapley(game, "exact")
    if np.any(found.standard_error):
        raise DataError(
            f"the Shapley value of {game!r} is only sampled; take distance(x, shapley(game).values) and state its error"
        )
    return found.values


def as_game(costs: Game | Array | Worth, ids: pd.Index) -> Game:
    """The game among these payers: as it is, from the costs of all coalitions, or from a function of memberships."""
    if isinstance(costs, Game):
        if costs.n != len(ids):
            raise DataError(f"the game has {costs.n} players and the division {len(ids)} payers; name the same ones")
        return costs
    if callable(costs):
        return function(costs, list(ids))
    size = np.size(costs)
    if size != 2 ** len(ids):
        raise DataError(f"costs holds {size}; expected {2 ** len(ids)} costs, one per coalition of {len(ids)} payers")
    return table(costs, list(ids))


def require_telling(game: Any) -> None:
    """Raise DataError for the claims game, whose core holds every division within the caps: it tells no rules apart."""
    inner = game
    while isinstance(inner, DualGame | ScaledGame):
        inner = inner.of
    if isinstance(inner, ClaimsGame):
        raise DataError(
            "every division within the caps is in the core of the claims game, so it tells no two rules apart; take a "
            "game of what coalitions would cost by themselves, such as games.tail or games.cover"
        )
