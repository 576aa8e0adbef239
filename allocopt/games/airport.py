"""The airport game: a coalition costs what its largest member costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from allocopt.facts.checks import Array
from allocopt.games.base import ClosedForm, Coalitions, Game, player_amounts
from allocopt.maths.closed_values import airport_shapley, cover_banzhaf
from allocopt.maths.coalitions import picked, subset_maxima
from allocopt.maths.structured_nucleolus import airport_nucleolus


@dataclass(frozen=True, eq=False, repr=False)
class AirportGame(Game):
    """An airport game; ``costs`` holds the stand-alone cost of each player."""

    costs: Array

    def worths(self, coalitions: Coalitions) -> Array:
        return np.asarray(np.where(coalitions, self.costs, 0.0).max(axis=1, initial=0.0))

    @cached_property
    def _low(self) -> Array:
        return subset_maxima(self.costs[: self.block_bits])

    def block(self, index: int) -> Array:
        others = self.costs[picked(index, self.block_bits, self.n)]
        return np.asarray(np.maximum(self._low, others.max(initial=0.0)))

    def closed_form(self, value: str = "shapley", seed: int | None = None) -> ClosedForm | None:
        """Every step in cost is shared by those who need it."""
        if value == "shapley":
            return ClosedForm(airport_shapley(self.costs), 0.0, "airport formula")
        if value in ("nucleolus", "prenucleolus"):
            return ClosedForm(airport_nucleolus(self.costs), 0.0, "Littlechild's recursion")
        return ClosedForm(cover_banzhaf(self.costs, 1), 0.0, "airport formula") if value == "banzhaf" else None


def airport(costs: Array | Sequence[float] | pd.Series[Any], players: Sequence[Any] | None = None) -> AirportGame:
    r"""The cost of a facility that must be as large as its largest user needs it: a runway, or a cover-1 fund.

    .. math:: c(S) = \max_{i \in S} a_i, \qquad c(\emptyset) = 0

    A default fund that must stand the default of any one member (cover 1) is such a facility: a coalition of members
    needs the largest exposure among them. The kind is ``cost``; the game is concave and its Shapley value shares each
    step between two neighbouring costs equally among all whose cost reaches it.

    Parameters
    ----------
    costs : :math:`a_i`, the stand-alone cost of each player, in currency, finite and >= 0; a Series names the players.
    players : one name per player; the index of ``costs``, or 0 .. n - 1, when left out.

    Raises
    ------
    DataError : NaN, infinite, negative or text among the costs, a name used twice.

    Source: Littlechild and Owen, "A simple expression for the Shapley value in a special case", Management Science 20
    (1973).

    >>> airport([1, 2, 6], players=["small", "middle", "large"]).table()
    array([0., 1., 2., 2., 6., 6., 6., 6.])
    """
    names, amounts = player_amounts(costs, players, "costs")
    return AirportGame(names, "cost", amounts)
