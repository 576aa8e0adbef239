"""Compromises between what a player can hope for and what it can be held to: tau, Gately, equal surplus."""

from __future__ import annotations

import numpy as np

from allocopt.errors import InfeasibleError, unknown
from allocopt.facts.checks import Array
from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.exact import every_worth
from allocopt.games.values import computed
from allocopt.maths.compromise import minimal_rights

SURPLUS_BASES = ("alone", "last")

# Worths are sums whose last digits depend on the order of adding: bounds that meet on paper must be allowed to meet.
_SAME = 1e-11


def tau_value(game: Game) -> GameValue:
    r"""The efficient point on the line between what each player can hope for and the least it can insist on.

    .. math:: \tau = m + \alpha (M - m), \quad \sum_i \tau_i = v(N), \qquad
       M_i = v(N) - v(N \setminus i), \quad m_i = \max_{S \ni i} \Bigl( v(S) - \sum_{j \in S \setminus i} M_j \Bigr)

    A player cannot hope for more than its utopia payoff M, what the others lose without it; it can insist on its
    minimal right m, what is left in its best coalition when the other members get their utopia payoffs. For a cost,
    M is the least a player can hope to pay (its separable cost) and m, with a minimum in place of the maximum, the
    most it can be asked: the answer is that of the savings game taken off the stand-alone costs.

    Raises
    ------
    InfeasibleError : the game is not quasi-balanced, so there is no such point: some m is beyond M, or v(N) is not
        between the sum of m and that of M; the message has the numbers.
    DataError : too many players.

    Source: Tijs, "Bounds for the core and the tau-value", in: Game Theory and Mathematical Economics (1981).

    >>> from allocopt.games import airport
    >>> tau_value(airport([1, 2, 4])).values.round(4).tolist()
    [0.4, 0.8, 2.8]
    """
    sign = -1.0 if game.kind == "cost" else 1.0
    _, last = _extremes(game)
    rights = sign * minimal_rights((sign * block for block in every_worth(game)), sign * last)
    least, most = (last, rights) if game.kind == "cost" else (rights, last)
    allowed = _SAME * max(float(np.abs(last).max(initial=0.0)), float(np.abs(rights).max(initial=0.0)), abs(game.grand))
    crossed = np.flatnonzero(least > most + allowed)
    if crossed.size:
        i = int(crossed[np.argmax((least - most)[crossed])])
        raise InfeasibleError(
            f"the tau value does not exist: player {game.players[i]!r} would get at least {least[i]:g} and at most "
            f"{most[i]:g}, which contradict each other by {least[i] - most[i]:g}; the game is not quasi-balanced: use "
            "the Shapley value or the prenucleolus"
        )
    low, high = float(least.sum()), float(most.sum())
    if not low - game.n * allowed <= game.grand <= high + game.n * allowed:
        gap = max(low - game.grand, game.grand - high)
        raise InfeasibleError(
            f"the tau value does not exist: all together are worth {game.grand:g}, but the bounds of the players sum "
            f"to {low:g} at least and {high:g} at most, off by {gap:g}; the game is not quasi-balanced: use the "
            "Shapley value or the prenucleolus"
        )
    share = min(1.0, max(0.0, (game.grand - low) / (high - low))) if high - low > game.n * allowed else 0.0
    amounts = least + share * (most - least)
    amounts += (game.grand - amounts.sum()) / max(game.n, 1)  # what rounding of the bounds leaves
    return computed(game, amounts, f"tau value, {share:.4g} of the way from the lower to the upper bounds")


def gately(game: Game) -> GameValue:
    r"""The division at which every player would hurt the others equally by leaving, relative to its own loss.

    .. math:: \frac{M_i - x_i}{x_i - v(i)} = d \ \text{ for all } i, \qquad
       x_i = v(i) + \frac{M_i - v(i)}{\sum_j (M_j - v(j))} \Bigl( v(N) - \sum_j v(j) \Bigr)

    with :math:`M_i = v(N) - v(N \setminus i)`. For a cost this is the alternative cost avoided method of water
    engineering: separable costs, and the rest in proportion to what taking part saves. It looks at 2 n + 1 coalitions.
    Where somebody would do better alone, which the formula does not exclude, ``method`` says so.

    Raises
    ------
    InfeasibleError : the utopia payoffs sum to the stand-alone worths while v(N) does not: no disruption is equal.

    Sources: Gately, "Sharing the gains from regional cooperation", International Economic Review 15 (1974); Straffin
    and Heaney, "Game theory and the Tennessee Valley Authority", International Journal of Game Theory 10 (1981).

    >>> from allocopt.games import airport
    >>> gately(airport([1, 2, 4])).values.round(4).tolist()
    [0.4, 0.8, 2.8]
    """
    alone, last = _extremes(game)
    reach, surplus = float((last - alone).sum()), game.grand - float(alone.sum())
    allowed = _SAME * max(1, game.n) * max(float(np.abs(last).max(initial=0)), float(np.abs(alone).max(initial=0)))
    if abs(surplus) <= allowed and abs(reach) <= allowed:
        return computed(game, alone, "Gately point, nothing to share beyond the stand-alone worths", 2 * game.n + 1)
    if abs(reach) <= allowed:
        raise InfeasibleError(
            f"the Gately point does not exist: what the players are worth alone sums to {alone.sum():g} and what they "
            f"add last to {last.sum():g}, so on balance leaving hurts nobody, while all together are worth "
            f"{game.grand:g}; use the Shapley value"
        )
    amounts = alone + (last - alone) * (surplus / reach)
    better_alone = amounts - alone if game.kind == "cost" else alone - amounts
    left = ", not individually rational" if (better_alone > allowed).any() else ""
    method = f"Gately point, propensity to disrupt {_propensity(reach, surplus)}{left}"
    return computed(game, amounts, method, 2 * game.n + 1)


def _propensity(reach: float, surplus: float) -> str:
    return f"{reach / surplus - 1.0:.4g}" if surplus else "infinite"


def equal_surplus(game: Game, base: str = "alone") -> GameValue:
    r"""Each player gets what it is worth by itself, and what is over is shared equally.

    .. math:: x_i = b_i + \frac{1}{n} \Bigl( v(N) - \sum_j b_j \Bigr)

    Parameters
    ----------
    game : the game; n + 1 coalitions are looked at.
    base : ``alone``, :math:`b_i = v(i)`: the centre of the imputation set, also called equal surplus division; or
        ``last``, :math:`b_i = v(N) - v(N \setminus i)`: the egalitarian non-separable contribution (for a cost:
        separable costs, and the non-separable cost equally).

    Raises
    ------
    DataError : no such base.

    Source: Driessen and Funaki, "Coincidence of and collinearity between game theoretic solutions", OR Spektrum 13
    (1991).

    >>> from allocopt.games import airport
    >>> equal_surplus(airport([1, 2, 4])).values.tolist()
    [0.0, 1.0, 3.0]
    >>> equal_surplus(airport([1, 2, 4]), base="last").values.round(4).tolist()
    [0.6667, 0.6667, 2.6667]
    """
    if base not in SURPLUS_BASES:
        raise unknown("base of equal surplus", base, SURPLUS_BASES)
    n = game.n
    rows = np.eye(n, dtype=np.bool_)
    each = game(rows) if base == "alone" else game.grand - game(~rows)
    amounts = each + (game.grand - each.sum()) / max(n, 1)
    names = {"alone": "equal surplus over stand-alone worths", "last": "equal surplus over what each adds last"}
    return computed(game, amounts, names[base], n + 1)


def _extremes(game: Game) -> tuple[Array, Array]:
    """What each player is worth alone, and what it adds when it comes last."""
    rows = np.eye(game.n, dtype=np.bool_)
    return game(rows), game.grand - game(~rows)
