"""Sampled values: worths are asked for once, counted, and asked for in batches until they suffice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allocopt.errors import DataError
from allocopt.facts.checks import Array
from allocopt.games.answer import GameValue
from allocopt.games.base import Coalitions, Game
from allocopt.maths.sampling import PairSampler, Whole, fingerprints, least_pairs, pair_counts, quotas
from allocopt.maths.sampling_leverage import by_leverage
from allocopt.maths.sampling_orders import Orders, shapley_by_orders, size_of_sets
from allocopt.maths.sampling_regression import Estimate, by_regression

# Called after each batch with the coalitions looked at and the largest standard error; False stops there.
Progress = Callable[[int, float], Any]

ORDERS = {"permutation": "reversed", "antithetic": "reversed", "paired": "reversed", "stratified": "rotated",
          "orthogonal": "orthogonal", "quasi": "Sobol"}  # fmt: skip
PAIRS = ("regression", "unadjusted", "leverage")

_HELD = 2**24  # memberships held at once while orders are walked: one byte per order x position x player
_PILOT = 4  # a quarter of the coalitions says where to look with the others
_FIRST = 8  # pairs per player of the first batch when batches go on until an error is met
_FIRST_SETS = 32  # orders of the first batch
_WIDTH = 4  # bytes over which the rows of one call to the game are spread out, for the games' own working arrays


@dataclass(eq=False)
class Ledger:
    """The worths that were looked at; a coalition that comes again is read here and not asked for again."""

    game: Game
    evaluations: int = 1  # all players together
    _marks: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    _worths: Array = field(default_factory=lambda: np.zeros(0))

    def worths(self, rows: Coalitions) -> Array:
        """The worth of every row, in order."""
        marks = fingerprints(rows)
        at = np.searchsorted(self._marks, marks)
        at[at == len(self._marks)] = 0
        known = self._marks[at] == marks if len(self._marks) else np.zeros(len(rows), dtype=np.bool_)
        out = np.empty(len(rows))
        out[known] = self._worths[at[known]]
        fresh, first, which = np.unique(marks[~known], return_index=True, return_inverse=True)
        found = self.asked(rows[~known][first])
        out[~known] = found[which]
        marks = np.concatenate((self._marks, fresh))
        order = np.argsort(marks, kind="stable")
        self._marks, self._worths = marks[order], np.concatenate((self._worths, found))[order]
        return out

    def asked(self, rows: Coalitions) -> Array:
        """The worth of rows that are known to be new, a block at a time."""
        self.evaluations += len(rows)
        step = max(1, _HELD // (_WIDTH * max(1, self.game.n)))
        if not len(rows):
            return np.zeros(0)
        return np.concatenate([self.game(rows[start : start + step]) for start in range(0, len(rows), step)])


def least_budget(game: Game, method: str) -> int:
    """The fewest coalitions with which a sampled method can tell its errors."""
    if method in ORDERS:
        return 4 * max(1, game.n - 1) + 1
    pairs = least_pairs(game.n)
    every = sum(pair_counts(game.n))
    return 1 + 2 * (min(every, max(pairs, 2 * game.n)) if method == "leverage" else pairs)


def sampled(
    game: Game,
    method: str,
    budget: int,
    seed: int | None,
    tolerance: float | None = None,
    progress: Progress | None = None,
) -> GameValue:
    """The Shapley value by a sampled method, within a budget or until the largest standard error is small enough."""
    if budget < least_budget(game, method):
        orders = " (two orders and their reverses)" if method in ORDERS else ""
        raise DataError(
            f"budget is {budget}; a sample of {game.n} players by {method!r} needs at least "
            f"{least_budget(game, method)} coalitions{orders}"
        )
    if game.n < 2:
        return GameValue(game, np.full(game.n, game.grand), np.zeros(game.n), 1, "exact enumeration")
    rng = np.random.default_rng(seed)
    draw = _by_orders if method in ORDERS else _by_pairs
    return draw(game, method, budget, rng, tolerance, progress)


def _enough(found: GameValue, tolerance: float | None, progress: Progress | None) -> bool:
    worst = float(found.errors.max(initial=0.0))
    told = progress is not None and progress(found.evaluations, worst) is False
    return told or worst <= (0.0 if tolerance is None else tolerance)


def _by_pairs(
    game: Game, method: str, budget: int, rng: np.random.Generator, tolerance: float | None, progress: Progress | None
) -> GameValue:
    n, total = game.n, game.grand
    every, ledger, sampler = sum(pair_counts(n)), Ledger(game), PairSampler(n, rng)
    most = min(every, (budget - 1) // 2)
    least = min(most, (least_budget(game, method) - 1) // 2)
    first = most // _PILOT if tolerance is None else _FIRST * n
    first = most if method != "regression" and tolerance is None else min(most, max(least, first))
    if most == every:
        first = most
    rows, sizes, gaps = np.zeros((0, n), dtype=np.bool_), np.zeros(0, dtype=np.intp), np.zeros(0)
    rank, ranked = np.zeros(n), False
    goal, upto = first, quotas(n, first)
    while True:
        new, of_size = sampler.draw(upto)
        worths = ledger.asked(np.concatenate((new, ~new)))
        rows, sizes = np.concatenate((rows, new)), np.concatenate((sizes, of_size))
        gaps = np.concatenate((gaps, worths[: len(new)] - worths[len(new) :]))
        one = np.flatnonzero(of_size == 1)
        if len(one) == n:
            # What a player is worth alone beyond what it adds to all others: its cost where the largest decides.
            rank[new[one].argmax(axis=1)] = np.abs(worths[one] + worths[len(new) + one] - total)
            ranked = True
        found = _estimate(method, rows, sizes, gaps, total, rank if ranked else None)
        value = GameValue(game, found.values, found.errors, ledger.evaluations, _words(method, found, len(rows)),
                          found.freedom)  # fmt: skip
        if _enough(value, tolerance, progress) or goal >= most:
            return value
        goal = min(most, 2 * goal) if tolerance is not None else most
        upto = quotas(n, goal, upto, found.roughness if method == "regression" else None)


def _estimate(method: str, rows: Coalitions, sizes: Whole, gaps: Array, total: float, rank: Array | None) -> Estimate:
    if method == "leverage":
        return by_leverage(rows, sizes, gaps, total)
    return by_regression(rows, sizes, gaps, total, rank, surrogate=method == "regression")


def _words(method: str, found: Estimate, pairs: int) -> str:
    if not found.errors.any() and found.words == "all coalitions":
        return "exact enumeration"
    how = {"regression": f"regression on {found.words}", "leverage": "leverage-score regression",
           "unadjusted": "means by size"}[method]  # fmt: skip
    return f"sampled, {pairs} pairs of coalitions, {how}"


def _by_orders(
    game: Game, method: str, budget: int, rng: np.random.Generator, tolerance: float | None, progress: Progress | None
) -> GameValue:
    n, kind, ledger = game.n, ORDERS[method], Ledger(game)

    def contributions(orders: Orders) -> Array:
        """Worths along each order; the first is nothing, the last everything, so only those between are looked at."""
        worths = np.zeros((len(orders), n + 1))
        worths[:, n] = game.grand
        step = max(1, _HELD // (n * n))
        place = np.argsort(orders, axis=1)
        for start in range(0, len(orders), step):
            before = place[start : start + step, None, :] < np.arange(1, n)[:, None]
            worths[start : start + step, 1:n] = ledger.worths(before.reshape(-1, n)).reshape(-1, n - 1)
        return np.diff(worths, axis=1)

    most = (budget - 1) // (2 * max(1, n - 1))
    size = size_of_sets(kind, n, most)
    most = most // size * size
    goal = most if tolerance is None else min(most, max(2, _FIRST_SETS // size) * size)
    done, mean, spread = 0, np.zeros(n), np.zeros(n)
    while True:
        sets = (goal - done) // size
        values, errors = shapley_by_orders(contributions, n, goal - done, rng, kind, size)
        # Two batches become one: means by their number of sets, sums of squares with the distance of the means.
        before, after = done // size, done // size + sets
        spread = spread + errors**2 * sets * (sets - 1) + (values - mean) ** 2 * before * sets / after
        mean = mean + (values - mean) * sets / after
        done = goal
        errors = np.sqrt(spread / max(1, after - 1) / after)
        amounts = mean + (game.grand - mean.sum()) / n
        words = f"sampled, {2 * done} {'' if kind == 'reversed' else kind + ' '}permutations"
        value = GameValue(game, amounts, errors, ledger.evaluations, words, float(after - 1))
        if _enough(value, tolerance, progress) or most - done < 2 * size:
            return value
        goal = min(most, 2 * done)
