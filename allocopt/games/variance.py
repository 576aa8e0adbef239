"""The variance game: a coalition costs what its summed loss varies by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from allocopt.facts.checks import Array
from allocopt.games.base import ClosedForm, Coalitions, Game, player_index
from allocopt.games.matrices import covariance_matrix
from allocopt.maths.closed_values import variance_shapley
from allocopt.maths.coalitions import picked, subset_forms, subset_sums


@dataclass(frozen=True, eq=False, repr=False)
class VarianceGame(Game):
    """A variance game; ``covariance`` holds the covariances of the players' losses."""

    covariance: Array

    def worths(self, coalitions: Coalitions) -> Array:
        rows = coalitions.astype(np.float64)
        return np.asarray(np.einsum("ij,ij->i", rows @ self.covariance, rows))

    @cached_property
    def _low(self) -> Array:
        return subset_forms(self.covariance[: self.block_bits, : self.block_bits])

    def block(self, index: int) -> Array:
        low = self.block_bits
        others = picked(index, low, self.n)
        across = 2.0 * self.covariance[others, :low].sum(axis=0)
        return np.asarray(self._low + subset_sums(across) + self.covariance[np.ix_(others, others)].sum())

    def closed_form(self, value: str = "shapley", seed: int | None = None) -> ClosedForm | None:
        """The covariance of each player's loss with that of all together."""
        if value not in ("shapley", "banzhaf"):
            return None
        return ClosedForm(variance_shapley(self.covariance), 0.0, "covariance with the whole")


def variance(covariance: Any, players: Sequence[Any] | None = None) -> VarianceGame:
    r"""How much the joint loss of a group varies: the sum of its variances and covariances.

    .. math:: c(S) = \operatorname{Var}\Bigl(\sum_{i \in S} \ell_i\Bigr) = \sum_{i, j \in S} \Sigma_{ij}

    No three players interact, so the Shapley value is the covariance of a player's loss with that of all,
    :math:`\phi_i = \sum_j \Sigma_{ij}`: the Euler share of the variance. The kind is ``cost``.

    Parameters
    ----------
    covariance : :math:`\Sigma`, one row and column per player, in squared currency, symmetric and without a negative
        eigenvalue; a DataFrame names the players.
    players : one name per player; the rows' names, or 0 .. n - 1, when left out.

    Raises
    ------
    DataError : not square, not symmetric, a combination of negative variance, NaN, a name used twice.

    Source: Colini-Baldeschi, Scarsini and Vaccari, "Variance allocation and Shapley value", Methodology and Computing
    in Applied Probability 20 (2018).

    >>> variance([[4.0, -1.0], [-1.0, 9.0]]).table()
    array([ 0.,  4.,  9., 11.])
    """
    found, rows = covariance_matrix(covariance)
    return VarianceGame(player_index(rows if players is None else players, len(found)), "cost", found)
