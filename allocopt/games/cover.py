"""The cover-k game: a coalition needs what its k largest members could cost together."""

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
from allocopt.maths.closed_values import cover_banzhaf, cover_shapley
from allocopt.maths.coalitions import picked, subset_tops


@dataclass(frozen=True, eq=False, repr=False)
class CoverGame(Game):
    """A cover-k game; ``exposures`` holds one exposure per player, ``k`` how many defaults are to be stood."""

    exposures: Array
    k: int

    def worths(self, coalitions: Coalitions) -> Array:
        inside = np.where(coalitions, self.exposures, 0.0)
        if self.k >= self.n:
            return np.asarray(inside.sum(axis=1))
        return np.asarray(np.partition(inside, self.n - self.k, axis=1)[:, self.n - self.k :].sum(axis=1))

    @cached_property
    def _low(self) -> Array:
        return subset_tops(self.exposures[: self.block_bits], min(self.k, self.n))

    def block(self, index: int) -> Array:
        """The k largest of two groups are the j largest of one and the k - j largest of the other, for the best j."""
        most = len(self._low) - 1
        others = np.sort(self.exposures[picked(index, self.block_bits, self.n)])[::-1]
        tops = np.append(0.0, np.cumsum(others))[np.minimum(np.arange(most + 1), len(others))]
        out = self._low[most] + tops[0]
        for j in range(most):
            np.maximum(out, self._low[j] + tops[most - j], out=out)
        return np.asarray(out)

    def closed_form(self, value: str = "shapley", seed: int | None = None) -> ClosedForm | None:
        """Steps between neighbouring exposures, each shared by those who are at least as large."""
        known = {"shapley": cover_shapley, "banzhaf": cover_banzhaf}.get(value)
        if known is None:
            return None
        return ClosedForm(known(self.exposures, self.k), 0.0, f"cover-{self.k} formula")


def cover(
    exposures: Array | Sequence[float] | pd.Series[Any], k: int = 2, players: Sequence[Any] | None = None
) -> CoverGame:
    r"""The fund that stands the default of any k members at once: cover 1, cover 2, and so on.

    .. math:: c(S) = \max_{T \subseteq S,\ |T| \le k} \sum_{i \in T} a_i
       = \sum_{t=1}^n (a_t - a_{t+1}) \min(k,\ |S \cap \{1 .. t\}|), \qquad a_1 \ge a_2 \ge \dots \ge a_n,\ a_{n+1} = 0

    A default fund is often sized so that it covers the two members with the largest stressed losses over margin; this
    game says what each group of members makes necessary. In the sum, each term is a non-negative multiple of a concave
    function of a count, so the game is submodular (concave): its Shapley value

    .. math:: \phi_i = \sum_{t \ge i} (a_t - a_{t+1}) \frac{\min(k, t)}{t}

    lies in the core, and no group of members pays for more than it would need on its own. The formula follows term by
    term: in the game :math:`\min(k, |S \cap \{1 .. t\}|)` the players 1 .. t are alike and the others null. ``k = 1``
    is the airport game; with ``k >= n`` everybody's exposure is covered and the game is additive. The kind is ``cost``.

    Parameters
    ----------
    exposures : :math:`a_i`, what the default of each member would cost beyond its own margin, in currency, finite
        and >= 0; a Series names the players.
    k : how many simultaneous defaults are covered, a whole number >= 1.
    players : one name per player; the index of ``exposures``, or 0 .. n - 1, when left out.

    Raises
    ------
    DataError : NaN, infinite, negative or text among the exposures, a name used twice, ``k`` below 1 or not whole.

    Source: the cover-2 standard of CPSS-IOSCO, Principles for financial market infrastructures (2012), principle 4;
    the formula is proved above, and is that of Littlechild and Owen (1973) for k = 1.

    >>> cover([5, 3, 2], k=2, players=["A", "B", "C"]).table()
    array([0., 5., 3., 8., 2., 7., 5., 8.])
    """
    names, amounts = player_amounts(exposures, players, "exposures")
    count = number(k, "k, the number of defaults covered,", low=1)
    if count != int(count):
        raise DataError(f"k, the number of defaults covered, is {count:g}; expected a whole number")
    return CoverGame(names, "cost", amounts, int(count))
