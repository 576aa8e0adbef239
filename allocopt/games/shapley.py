"""The Shapley value of a game: by formula, from all coalitions, or sampled with its error."""

from __future__ import annotations

import numpy as np

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import number
from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.exact import every_worth
from allocopt.games.sampled import ORDERS, PAIRS, Progress, least_budget, sampled
from allocopt.games.table import TableGame
from allocopt.maths.shapley import semivalue, shapley_weights

SHAPLEY_METHODS = ("auto", "closed-form", "exact", *PAIRS, *ORDERS, "constrained")

_EXACT_BUDGET = 2**20  # coalitions looked at before a stated game is sampled instead: 20 players
_SAMPLED_BUDGET = 50_000
_REGRESSED = 1000  # players; beyond, a fit of as many terms takes longer than more orders do


def shapley(
    game: Game,
    method: str = "auto",
    budget: int | None = None,
    seed: int | None = None,
    tolerance: float | None = None,
    progress: Progress | None = None,
) -> GameValue:
    r"""What each player adds to the coalition it joins, on average over all orders in which the players may arrive.

    .. math:: \phi_i = \frac{1}{n!} \sum_\pi \left( v(P_i^\pi \cup i) - v(P_i^\pi) \right)

    with :math:`P_i^\pi` the players before i in the order :math:`\pi`. The entries add up to the worth of all, sampled
    or not. A sampled value has standard errors and intervals (``.interval(0.95)``); no coalition is looked at twice.

    Parameters
    ----------
    game : the game.
    method : ``closed-form`` where the game has one; ``exact`` looks at all 2^n coalitions once; ``auto`` takes the
        first of these that can be had, else samples by ``regression``. Sampled methods: ``regression`` draws
        coalitions with their complements, fits the nearest game whose value is known (additive, maximum and largest-k
        terms, as cross-validation tells) and averages what that leaves over: exact for squared sums, airport and cover
        games; ``unadjusted`` is the same without a fit; ``leverage`` the regression on additive games alone.
        ``permutation`` (also ``antithetic``, ``paired``) samples orders, each with its reverse; ``stratified`` rotates
        them through the queue, ``orthogonal`` and ``quasi`` take them from orthogonal directions and a scrambled Sobol
        sequence; their errors rest on the orders drawn, and with hardly more orders than players they miss what is
        rare. ``constrained`` is :func:`~allocopt.games.constrained.constrained_shapley` with its defaults.
    budget : how many coalitions may be looked at (2^20 exactly or 50,000 sampled when left out).
    seed : seed of the sample.
    tolerance : stop as soon as the largest standard error is at most this, in the units of the worths; the budget is
        spent in batches, each as large as all before it.
    progress : called after every batch with the coalitions looked at and the largest standard error; return False to
        stop with what there is.

    Raises
    ------
    DataError : unknown method, no closed form, more players than an exact method can take, too small a budget.

    Source: Shapley, "A value for n-person games" (1953). Sampling: Castro, Gómez and Tejada, Computers & Operations
    Research 36 (2009); Mitchell, Cooper, Frank and Holmes, "Sampling permutations for Shapley value estimation",
    Journal of Machine Learning Research 23 (2022); :mod:`allocopt.maths.sampling_regression`.

    >>> from allocopt.games.table import table
    >>> shapley(table([0, 10, 12, 18], players=["A", "B"])).values.to_dict()
    {'A': 8.0, 'B': 10.0}
    """
    if method not in SHAPLEY_METHODS:
        raise unknown("method for the Shapley value", method, SHAPLEY_METHODS)
    if budget is not None:
        budget = int(number(budget, "budget", low=1))
    if tolerance is not None:
        tolerance = number(tolerance, "tolerance")
    if method == "constrained":
        from allocopt.games.constrained import constrained_shapley

        return constrained_shapley(game, budget=budget, seed=seed)
    if method in ("auto", "closed-form"):
        known = game.closed_form("shapley", seed)
        if known is not None:
            return GameValue(game, known.values, np.zeros(game.n) + known.standard_error, 0, known.method)
        if method == "closed-form":
            raise DataError(f"{game!r} has no closed form for the Shapley value; use 'exact' or 'regression'")
    within = isinstance(game, TableGame) or 2**game.n <= (budget or _EXACT_BUDGET)
    if method == "exact" or (method == "auto" and within):
        return _exact(game)
    budget = budget or _SAMPLED_BUDGET
    if method == "auto":
        fits = game.n <= _REGRESSED and budget >= least_budget(game, "regression")
        method = "regression" if fits else "permutation"
    return sampled(game, method, budget, seed, tolerance, progress)


def _exact(game: Game) -> GameValue:
    amounts = semivalue(every_worth(game), game.n, shapley_weights(game.n))
    return GameValue(game, amounts, np.zeros(game.n), 2**game.n, "exact enumeration")
