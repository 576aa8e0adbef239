"""Values of a game beside the Shapley value that look at all coalitions alike, or at players by weight."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array, vector
from allocopt.games.answer import GameValue
from allocopt.games.base import Game, ask_for_table
from allocopt.games.exact import every_worth
from allocopt.maths.linear_values import least_squares_value, solidarity_value
from allocopt.maths.shapley import semivalue as semivalue_of

_ONE = 1e-9  # weights share out one within rounding of their statement

Numbers = Array | Sequence[float]


def computed(
    game: Game, amounts: Array, method: str, evaluations: float | None = None, error: float | Array = 0.0
) -> GameValue:
    """The value, its arrays read-only; every coalition was looked at unless ``evaluations`` says otherwise."""
    amounts.flags.writeable = False
    errors = np.zeros(game.n) + error
    errors.flags.writeable = False
    return GameValue(game, amounts, errors, int(2**game.n if evaluations is None else evaluations), method)


def semivalue(game: Game, weights: Numbers) -> GameValue:
    r"""What each player adds to the coalition it joins, on average under given weights of coalitions by size.

    .. math:: \phi_i = \sum_{S \not\ni i} p_{|S|} \, (v(S \cup i) - v(S)), \qquad
       \sum_{s=0}^{n-1} \binom{n-1}{s} p_s = 1

    Any such value treats equal players equally and pays a player who never adds anything nothing; only the Shapley
    value also adds up to the worth of all.

    Parameters
    ----------
    game : the game; every worth is looked at once.
    weights : :math:`p_0, \dots, p_{n-1}`, one number >= 0 for each size of coalition that player i may join: the
        probability of one particular coalition of that size.

    Raises
    ------
    DataError : weights of the wrong number, negative, NaN, or that do not share out one; too many players.

    Source: Dubey, Neyman and Weber, "Value theory without efficiency", Mathematics of Operations Research 6 (1981).

    >>> from allocopt.games import airport
    >>> semivalue(airport([1, 2, 4]), [0.5, 0.0, 0.5]).values.tolist()
    [0.5, 1.0, 3.0]
    """
    p = _by_size(weights, game.n, "weights", "coalitions of 0 .. n - 1 others")
    shared = sum(comb(game.n - 1, s) * float(w) for s, w in enumerate(p))
    if game.n and abs(shared - 1.0) > _ONE:
        raise DataError(
            f"the weights share out {shared:.9g} over the coalitions of {game.n - 1} others; expected 1 (weight times "
            "number of coalitions, over all sizes): divide them by that sum"
        )
    return computed(game, semivalue_of(every_worth(game), game.n, p), "semivalue, exact enumeration")


def banzhaf(game: Game, seed: int | None = None) -> GameValue:
    r"""What each player adds to a coalition of the others that is drawn by fair coins.

    .. math:: \beta_i = 2^{1-n} \sum_{S \not\ni i} (v(S \cup i) - v(S))

    The entries need not add up to the worth of all: as an allocation the value is a key. Games with a formula of their
    own are answered by it; ``seed`` matters only where that formula is a sample.

    Source: Banzhaf, "Weighted voting doesn't work", Rutgers Law Review 19 (1965); Owen, "Multilinear extensions and
    the Banzhaf value", Naval Research Logistics Quarterly 22 (1975).

    >>> from allocopt.games import threshold
    >>> banzhaf(threshold([50, 49, 1], 51)).values.tolist()
    [0.75, 0.25, 0.25]
    """
    known = game.closed_form("banzhaf", seed)
    if known is not None:
        return computed(game, known.values.copy(), known.method, 0, known.standard_error)
    amounts = semivalue_of(every_worth(game), game.n, np.full(game.n, 2.0 ** (1 - game.n)))
    return computed(game, amounts, "Banzhaf, exact enumeration")


def solidarity(game: Game) -> GameValue:
    r"""The members of a coalition share what one of them adds to it on average, so the weak are carried by the strong.

    .. math:: \psi_i = \sum_{S \ni i} \frac{(n - |S|)!\,(|S| - 1)!}{n!} \frac{1}{|S|} \sum_{k \in S}
       (v(S) - v(S \setminus k))

    The entries add up to the worth of all. A player who adds nothing is not spared: that is what the name says.

    Source: Nowak and Radzik, "A solidarity value for n-person transferable utility games", International Journal of
    Game Theory 23 (1994).

    >>> from allocopt.games import airport
    >>> solidarity(airport([0, 6])).values.tolist()
    [1.5, 4.5]
    """
    return computed(game, solidarity_value(every_worth(game), game.n), "solidarity, exact enumeration")


def least_squares(game: Game, weights: Numbers | None = None) -> GameValue:
    r"""The division whose excesses (what coalitions object) vary least, squared and weighed by the size of coalition.

    .. math:: \min_x \sum_{\emptyset \ne S \subsetneq N} m_{|S|} \left( v(S) - x(S) - \bar e \right)^2
       \quad \text{s.t.} \quad x(N) = v(N)

    with :math:`\bar e` the mean of the excesses v(S) - x(S).

    Parameters
    ----------
    game : the game; every worth is looked at once.
    weights : :math:`m_1, \dots, m_{n-1}`, one number >= 0 for each size, not all 0; ones (the least-squares
        prenucleolus) when left out. Only their proportions count; symmetric weights leave no difference between cost
        and gain readings.

    Raises
    ------
    DataError : weights of the wrong number, negative, NaN, or all 0; too many players.

    Source: Ruiz, Valenciano and Zarzuelo, "The least square prenucleolus and the least square nucleolus", International
    Journal of Game Theory 25 (1996), and Games and Economic Behavior 24 (1998).

    >>> from allocopt.games import airport
    >>> least_squares(airport([1, 2, 4])).values.round(4).tolist()
    [0.3333, 0.8333, 2.8333]
    """
    m = np.ones(max(game.n - 1, 0)) if weights is None else weights
    m = _by_size(m, max(game.n - 1, 0), "weights", "coalitions of 1 .. n - 1 players")
    if m.size and not m.any():
        raise DataError("all weights are 0, so no coalition counts; give at least one size a positive weight")
    amounts = least_squares_value(every_worth(game), game.n, m)
    return computed(game, amounts, "least squares of excesses, exact enumeration")


def weighted_shapley(game: Game, weights: Numbers | pd.Series[Any]) -> GameValue:
    r"""What a coalition adds beyond all its parts is shared among its members in proportion to given weights.

    .. math:: \phi_i = w_i \sum_{S \ni i} \frac{d(S)}{\sum_{j \in S} w_j}, \qquad
       d(S) = \sum_{T \subseteq S} (-1)^{|S| - |T|} v(T)

    The entries add up to the worth of all; equal weights give the Shapley value. In the orders behind it a player of
    larger weight tends to arrive later.

    Parameters
    ----------
    game : the game; its table is made (or is there).
    weights : :math:`w_i`, one positive number per player, any unit; a Series is aligned by player.

    Raises
    ------
    DataError : weights that are not positive, NaN, of the wrong number; a table that is too large.

    Source: Kalai and Samet, "On weighted Shapley values", International Journal of Game Theory 16 (1987).

    >>> from allocopt.games import table
    >>> weighted_shapley(table([0, 1, 3, 8], players=["A", "B"]), [1, 3]).values.to_dict()
    {'A': 2.0, 'B': 6.0}
    """
    w = vector(weights, game.players, "weights")
    if not (w > 0).all():
        at = int(np.flatnonzero(w <= 0)[0])
        raise DataError(
            f"weights: player {game.players[at]!r} has weight {w[at]:g}; expected positive weights: restrict the game "
            "to the others if this player is to get nothing"
        )
    return _by_weight(game, w, "weighted Shapley, exact enumeration")


def proportional_shapley(game: Game) -> GameValue:
    r"""What a coalition adds beyond all its parts is shared in proportion to what its members are worth alone.

    .. math:: \psi_i = \sum_{S \ni i} \frac{v(i)}{\sum_{j \in S} v(j)}\, d(S)

    The weighted Shapley value with the stand-alone worths as weights. Raises ``DataError`` when one is not positive, or
    the table is too large.

    Source: Béal, Ferrières, Rémila and Solal, "The proportional Shapley value and applications", Games and Economic
    Behavior 108 (2018).

    >>> from allocopt.games import table
    >>> proportional_shapley(table([0, 1, 3, 8])).values.tolist()
    [2.0, 6.0]
    """
    alone = game(np.eye(game.n, dtype=np.bool_))
    if not (alone > 0).all():
        at = int(np.flatnonzero(alone <= 0)[0])
        raise DataError(
            f"player {game.players[at]!r} is worth {alone[at]:g} alone; the proportional Shapley value needs positive "
            "worths: use weighted_shapley with weights of your own"
        )
    return _by_weight(game, alone, "proportional Shapley, exact enumeration")


def _by_weight(game: Game, weights: Array, method: str) -> GameValue:
    from allocopt.maths.weighted_orders import weighted_shapley_from_table

    values = game.table()
    ask_for_table(game.n)  # the probabilities of all coalitions take as much again
    return computed(game, weighted_shapley_from_table(values, weights), method)


def _by_size(weights: Numbers, count: int, what: str, sizes: str) -> Array:
    """One weight >= 0 per size of coalition."""
    entries = np.atleast_1d(np.asarray(weights))
    if entries.shape != (count,):
        raise DataError(f"{what} has shape {entries.shape}; expected {count} numbers, one for {sizes}")
    return vector(entries, pd.RangeIndex(count), what)
