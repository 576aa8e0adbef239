"""The claims game: a coalition is worth what is left of the estate when everybody else has been paid in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number
from allocopt.games.base import ClosedForm, Coalitions, Game, player_amounts
from allocopt.maths.arrival import random_arrival
from allocopt.maths.coalitions import picked, subset_sums
from allocopt.maths.structured_nucleolus import claims_nucleolus


@dataclass(frozen=True, eq=False, repr=False)
class ClaimsGame(Game):
    """A claims game; ``amounts`` holds one claim per player, none above ``estate``."""

    estate: float
    amounts: Array

    def worths(self, coalitions: Coalitions) -> Array:
        return np.asarray(np.maximum(0.0, self.estate - np.where(coalitions, 0.0, self.amounts).sum(axis=1)))

    @cached_property
    def _low(self) -> Array:
        """What others among the first players claim: subset sums read backwards."""
        return subset_sums(self.amounts[: self.block_bits])[::-1]

    def block(self, index: int) -> Array:
        others = self.amounts[picked(~index, self.block_bits, self.n)].sum()
        return np.asarray(np.maximum(0.0, self.estate - (self._low + others)))

    def closed_form(self, value: str = "shapley", seed: int | None = None) -> ClosedForm | None:
        """The Shapley value of this game is random arrival, its nucleolus the Talmud rule (it is convex, so floors do
        not bind)."""
        if value in ("nucleolus", "prenucleolus"):
            return ClosedForm(claims_nucleolus(self.estate, self.amounts), 0.0, "Talmud rule")
        if value != "shapley":
            return None
        found = random_arrival(self.estate, self.amounts, seed=seed)
        return ClosedForm(found.values, found.standard_error, f"random arrival, {found.method}")


def claims(
    estate: float, claims: Array | Sequence[float] | pd.Series[Any], players: Sequence[Any] | None = None
) -> ClaimsGame:
    r"""The game behind dividing an estate that does not cover all claims.

    .. math:: v(S) = (E - c(N \setminus S))^+

    In the payout reading S is sure to get v(S); in the burden reading, with the loss as estate and the caps as claims,
    S cannot escape bearing v(S). Both are lower bounds on what S ends up with, so the kind is ``gain``.

    Parameters
    ----------
    estate : the amount E to divide, finite, >= 0 and at most the sum of the claims.
    claims : one claim c per player, in the same unit, >= 0, ``inf`` allowed; a Series also names the players. What
        exceeds the estate changes no worth and is cut.
    players : one name per player; the index of ``claims``, or 0 .. n - 1, when left out.

    Raises
    ------
    DataError : NaN, negative or text among the numbers, a name used twice, an estate that covers every claim.

    Source: O'Neill, "A problem of rights arbitration from the Talmud", Mathematical Social Sciences 2 (1982).

    >>> claims(200, [100, 200, 300]).table()
    array([  0.,   0.,   0.,   0.,   0.,   0., 100., 200.])
    """
    estate = number(estate, "the estate")
    names, amounts = player_amounts(claims, players, "claims", finite=False)
    if estate > amounts.sum():
        raise DataError(
            f"the estate is {estate:g} but all claims are {amounts.sum():g}: pay them in full, and carry the rest as "
            f"residual (estate={amounts.sum():g} gives the game)"
        )
    cut = np.minimum(amounts, estate)
    cut.flags.writeable = False
    return ClaimsGame(names, "gain", estate, cut)
