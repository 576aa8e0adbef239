"""Games of a total weight: what a coalition is worth depends on the sum of its members' weights alone."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number
from allocopt.games.base import ClosedForm, Coalitions, Game, player_amounts
from allocopt.maths.coalitions import picked, subset_sums
from allocopt.maths.tails import SAME
from allocopt.maths.threshold import threshold_values, threshold_work

# Steps of the generating function, about 1e9 a second: never more than some seconds, and beyond a little no more than
# looking at all coalitions would take.
_MOST_WORK, _LITTLE_WORK = 2.0**33, 2.0**24


@dataclass(frozen=True, eq=False, repr=False)
class TotalGame(Game):
    """A game of the total weight; ``weights`` holds one weight per player."""

    weights: Array

    @abstractmethod
    def of_totals(self, totals: Array) -> Array:
        """The worth of coalitions with these total weights."""

    def worths(self, coalitions: Coalitions) -> Array:
        return self.of_totals(coalitions @ self.weights)

    @cached_property
    def _low(self) -> Array:
        return subset_sums(self.weights[: self.block_bits])

    def block(self, index: int) -> Array:
        return self.of_totals(self._low + self.weights[picked(index, self.block_bits, self.n)].sum())

    def closed_form(self, value: str = "shapley", seed: int | None = None) -> ClosedForm | None:
        """From the distributions of the total, where the weights are whole numbers and not too large."""
        whole = np.all((self.weights >= 0) & (self.weights == np.floor(self.weights)) & (self.weights < 2**53))
        if value not in ("shapley", "banzhaf") or not whole:
            return None
        if threshold_work(self.weights) > min(_MOST_WORK, max(_LITTLE_WORK, 2.0 ** (self.n + 4))):
            return None
        return ClosedForm(getattr(threshold_values(self.weights, self.of_totals), value), 0.0, "generating function")


@dataclass(frozen=True, eq=False, repr=False)
class WeightedGame(TotalGame):
    """A game of the total weight in which ``f`` turns totals into worths."""

    f: Callable[[Array], Array]

    def of_totals(self, totals: Array) -> Array:
        found = np.asarray(self.f(totals), dtype=np.float64)
        if found.shape != totals.shape:
            raise DataError(f"f gave worths of shape {found.shape} for {len(totals)} totals; expected one for each")
        bad = np.flatnonzero(~np.isfinite(found))
        if len(bad):
            raise DataError(f"f({totals[bad[0]]:g}) is {found[bad[0]]}; every worth must be finite")
        return found


@dataclass(frozen=True, eq=False, repr=False)
class ThresholdGame(TotalGame):
    """A threshold game; ``quota`` is the total weight a coalition must reach to be worth 1."""

    quota: float

    def of_totals(self, totals: Array) -> Array:
        # Totals of fractions are off in their last digits: a quota that is met on paper is met.
        return np.asarray((totals >= self.quota * (1.0 - SAME)).astype(np.float64))


@dataclass(frozen=True, eq=False, repr=False)
class AdditiveGame(TotalGame):
    """A game without interaction; ``weights`` holds what each player is worth, alone and in any coalition."""

    def of_totals(self, totals: Array) -> Array:
        return totals

    def closed_form(self, value: str = "shapley", seed: int | None = None) -> ClosedForm | None:
        """Each player's own worth: the only point of the core, and every semivalue."""
        known = ("shapley", "banzhaf", "nucleolus", "prenucleolus")
        return ClosedForm(self.weights.copy(), 0.0, "additive, each its own") if value in known else None


def threshold(
    weights: Array | Sequence[float] | pd.Series[Any],
    quota: float,
    players: Sequence[Any] | None = None,
    kind: str = "gain",
) -> ThresholdGame:
    r"""The weighted threshold (voting) game: a coalition achieves something once its weight reaches the quota.

    .. math:: v(S) = 1 \text{ if } \sum_{i \in S} w_i \ge q, \text{ else } 0

    Votes in a default management committee, or members whose joint exposure breaks through a fund: the value says how
    often each is the one who makes the difference.

    Parameters
    ----------
    weights : :math:`w_i`, one per player, finite and >= 0, in one unit; a Series names the players.
    quota : :math:`q > 0`, in the unit of the weights. It may be out of reach: then no coalition is worth anything.
    players : one name per player; the index of ``weights``, or 0 .. n - 1, when left out.
    kind : ``gain`` or ``cost``.

    Raises
    ------
    DataError : NaN, infinite, negative or text among the weights, a quota that is not positive, a name used twice.

    Source: von Neumann and Morgenstern (1944); Shapley and Shubik, American Political Science Review 48 (1954).

    >>> threshold([50, 49, 1], quota=51).table()
    array([0., 0., 0., 1., 0., 1., 0., 1.])
    """
    names, amounts = player_amounts(weights, players, "weights")
    quota = number(quota, "the quota")
    if not quota > 0:
        raise DataError("the quota is 0, which the empty coalition reaches too; expected a positive quota")
    return ThresholdGame(names, kind, amounts, quota)


def weighted(
    weights: Array | Sequence[float] | pd.Series[Any],
    f: Callable[[Array], Array],
    players: Sequence[Any] | None = None,
    kind: str = "cost",
) -> WeightedGame:
    r"""A game in which only the total weight of a coalition counts.

    .. math:: v(S) = f\Bigl(\sum_{i \in S} w_i\Bigr), \qquad f(0) = 0

    With variances as weights and the square root as ``f`` it is the standard deviation of independent losses; with
    ``np.square`` a cost that grows with concentration.

    Parameters
    ----------
    weights : :math:`w_i`, one per player, finite, of any sign, in one unit; a Series names the players.
    f : takes an array of totals and gives as many worths; ``f(0) = 0``.
    players : one name per player; the index of ``weights``, or 0 .. n - 1, when left out.
    kind : ``cost`` or ``gain``.

    Raises
    ------
    DataError : NaN, infinite or text among the weights, ``f(0)`` other than 0, an ``f`` that gives no number, a name
        used twice.

    >>> weighted([9.0, 16.0], np.sqrt).table()
    array([0., 3., 4., 5.])
    """
    names, amounts = player_amounts(weights, players, "weights", low=-np.inf)
    if not callable(f):
        raise DataError(f"f is {f!r}; give a function of an array of totals, such as np.sqrt")
    game = WeightedGame(names, kind, amounts, f)
    nothing = float(game.of_totals(np.zeros(1))[0])
    if nothing != 0:
        raise DataError(f"f(0), the worth of the empty coalition, is {nothing:g}; it must be 0: subtract it")
    return game


def additive(
    amounts: Array | Sequence[float] | pd.Series[Any], players: Sequence[Any] | None = None, kind: str = "cost"
) -> AdditiveGame:
    r"""The game without interaction: a coalition is worth the sum of its members, :math:`v(S) = \sum_{i \in S} a_i`.

    ``amounts`` holds :math:`a_i`, finite, of any sign, in one unit; a Series names the players. Raises ``DataError``
    for NaN, infinite or text among the amounts, or a name used twice.

    >>> additive([1, 10], players=["A", "B"]).table()
    array([ 0.,  1., 10., 11.])
    """
    names, values = player_amounts(amounts, players, "amounts", low=-np.inf)
    return AdditiveGame(names, kind, values)
