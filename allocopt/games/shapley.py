"""The Shapley value of a game: by formula, from all coalitions, or sampled with its error."""

from __future__ import annotations

import numpy as np

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array, number
from allocopt.games.answer import GameValue
from allocopt.games.base import TABLE_LIMIT, Game
from allocopt.games.table import TableGame
from allocopt.maths.shapley import Orders, semivalue, shapley_by_orders, shapley_weights

SHAPLEY_METHODS = ("auto", "closed-form", "exact", "permutation")

_EXACT_BUDGET = 2**20  # coalitions looked at before a stated game is sampled instead: 20 players
_SAMPLED_BUDGET = 50_000
_SAMPLED_BYTES = 2**24  # memberships held at once: one byte per order x position x player


def shapley(game: Game, method: str = "auto", budget: int | None = None, seed: int | None = None) -> GameValue:
    r"""What each player adds to the coalition it joins, on average over all orders in which the players may arrive.

    .. math:: \phi_i = \frac{1}{n!} \sum_\pi \left( v(P_i^\pi \cup i) - v(P_i^\pi) \right)

    with :math:`P_i^\pi` the players before i in the order :math:`\pi`. The entries add up to the worth of all.

    Parameters
    ----------
    game : the game.
    method : ``closed-form`` where the game has one; ``exact`` looks at all 2^n coalitions once; ``permutation`` samples
        orders, each with its reverse, and gives standard errors; ``auto`` takes the first of these that can be had.
    budget : how many coalitions may be looked at (2^20 exactly or 50,000 sampled when left out).
    seed : seed of the sample.

    Raises
    ------
    DataError : unknown method, no closed form, more players than an exact method can take, too small a budget.

    Source: Shapley, "A value for n-person games" (1953); reversed orders: Mitchell, Cooper, Frank and Holmes,
    "Sampling permutations for Shapley value estimation", Journal of Machine Learning Research 23 (2022).

    >>> from allocopt.games.table import table
    >>> shapley(table([0, 10, 12, 18], players=["A", "B"])).values.to_dict()
    {'A': 8.0, 'B': 10.0}
    """
    if method not in SHAPLEY_METHODS:
        raise unknown("method for the Shapley value", method, SHAPLEY_METHODS)
    if budget is not None:
        budget = int(number(budget, "budget", low=1))
    if method in ("auto", "closed-form"):
        known = game.closed_form("shapley", seed)
        if known is not None:
            return GameValue(game, known.values, np.zeros(game.n) + known.standard_error, 0, known.method)
        if method == "closed-form":
            raise DataError(f"{game!r} has no closed form for the Shapley value; use 'exact' or 'permutation'")
    within = isinstance(game, TableGame) or 2**game.n <= (budget or _EXACT_BUDGET)
    if method == "exact" or (method == "auto" and within):
        return _exact(game)
    return _sampled(game, budget or _SAMPLED_BUDGET, seed)


def _exact(game: Game) -> GameValue:
    if game.n > TABLE_LIMIT:
        raise DataError(
            f"{game.n} players have 2**{game.n} coalitions; exact values end at {TABLE_LIMIT} players: "
            "use 'permutation'"
        )
    amounts = semivalue(game.blocks(), game.n, shapley_weights(game.n))
    return GameValue(game, amounts, np.zeros(game.n), 2**game.n, "exact enumeration")


def _sampled(game: Game, budget: int, seed: int | None) -> GameValue:
    n = game.n
    looked_at = 0

    def contributions(orders: Orders) -> Array:
        """Worths along each order; the first is nothing, the last everything, so only those between are looked at."""
        nonlocal looked_at
        worths = np.zeros((len(orders), n + 1))
        worths[:, n] = game.grand
        step = max(1, _SAMPLED_BYTES // (n * n))
        place = np.argsort(orders, axis=1)
        for start in range(0, len(orders) if n > 1 else 0, step):
            before = place[start : start + step, None, :] < np.arange(1, n)[:, None]
            looked_at += before.shape[0] * (n - 1)
            worths[start : start + step, 1:n] = game(before.reshape(-1, n)).reshape(-1, n - 1)
        return np.diff(worths, axis=1)

    pairs = (budget - 1) // (2 * max(1, n - 1))
    if pairs < 2:
        raise DataError(
            f"budget is {budget}; a sample of {n} players needs at least {4 * max(1, n - 1) + 1} coalitions "
            "(two orders and their reverses)"
        )
    amounts, errors = shapley_by_orders(contributions, n, pairs, np.random.default_rng(seed))
    return GameValue(game, amounts, errors, looked_at + 1, f"sampled, {2 * pairs} permutations")
