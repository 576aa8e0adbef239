"""The margin game: a group of portfolios needs the margin of the portfolio they make together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array, number, vector
from allocopt.facts.scenarios import read_scenarios
from allocopt.games.base import Coalitions, Game, player_index
from allocopt.games.matrices import covariance_matrix, matrix
from allocopt.games.tail import TailGame, tail

MARGIN_MEASURES = ("es", "var", "std", "worst")

_ROWS = 1 << 22  # coalition x factor entries held at once


@dataclass(frozen=True, eq=False, repr=False)
class ScenarioMarginGame(Game):
    """Margin by scenarios: the risk of the joint loss, and nothing when that is a gain."""

    risk: TailGame

    def worths(self, coalitions: Coalitions) -> Array:
        return np.maximum(self.risk.worths(coalitions), 0.0)

    def block(self, index: int) -> Array:
        return np.maximum(self.risk.block(index), 0.0)


@dataclass(frozen=True, eq=False, repr=False)
class NormMarginGame(Game):
    """Margin by rates or covariance; ``exposures`` (players x factors) add up, ``rates`` weigh what is left of each:
    absolute values, or the root of the sum of squares where ``square``."""

    exposures: Array
    rates: Array
    square: bool

    def worths(self, coalitions: Coalitions) -> Array:
        out = np.empty(len(coalitions))
        step = max(1, _ROWS // max(1, self.exposures.shape[1]))
        for start in range(0, len(coalitions), step):
            net = coalitions[start : start + step] @ self.exposures
            out[start : start + step] = np.sqrt(net**2 @ self.rates) if self.square else np.abs(net) @ self.rates
        return out

    def block(self, index: int) -> Array:
        from allocopt.maths.tail_kernels import subset_norms

        size = 1 << self.block_bits
        return subset_norms(self.exposures, index * size, size, self.rates, self.square)


def margin(
    positions: Any,
    scenarios: Any = None,
    rates: Any = None,
    covariance: Any = None,
    level: float = 0.99,
    measure: str = "es",
    multiple: float = 1.0,
    weights: Any = None,
    players: Sequence[Any] | None = None,
) -> Game:
    r"""The margin of a group of portfolios when they are netted: what netting saves is what they gain by joining.

    .. math:: c(S) = m\Bigl(\sum_{i \in S} q_i\Bigr)

    with :math:`q_i` the positions of member i, a vector over contracts, and the margin m of a portfolio by one of three
    models. *Scenarios*: :math:`m(q) = k\,\rho(-\sum_c q_c r_c)^+`, a risk measure of the loss over price moves, never
    below zero (with ``worst``, the largest loss over all scenarios, a SPAN-type grid). *Rates*:
    :math:`m(q) = k \sum_c \mu_c |q_c|`, a rate per unit of the net position. *Covariance*:
    :math:`m(q) = k \sqrt{q^\top \Sigma q}`. The kind is ``cost``; except for ``var`` the game is subadditive: netting
    never costs, and ``.savings()`` is the netting benefit as a gain.

    Parameters
    ----------
    positions : members (rows) x contracts (columns), net positions in units, long > 0; a DataFrame names both.
    scenarios : profit and loss of one unit long, scenarios x contracts, in currency, *gain > 0*; or
    rates : :math:`\mu_c \ge 0`, margin per unit of each contract, in currency; or
    covariance : :math:`\Sigma` of the price moves, contracts x contracts, in squared currency.
    level, measure : the risk measure over scenarios: ``es``, ``var``, ``std`` or ``worst`` (no level).
    multiple : :math:`k > 0`, for instance a quantile for the covariance model or the root of a holding period.
    weights : a weight per scenario, all alike when left out.
    players : one name per member; the rows' names, or 0 .. n - 1, when left out.

    Raises
    ------
    DataError : no model or more than one, contracts that do not match, NaN, an unknown measure, a level outside (0, 1).

    >>> book = pd.DataFrame({"oil": [10.0, -6.0], "gas": [0.0, 5.0]}, index=["A", "B"])
    >>> margin(book, rates={"oil": 2.0, "gas": 1.0}).table()  # A: 20; B: 12 + 5; together 4 oil and 5 gas
    array([ 0., 20., 17., 13.])
    >>> margin(book, scenarios=[[-3.0, 0.0], [2.0, -1.0]], measure="worst").table()
    array([ 0., 30., 17., 12.])
    """
    held, members, contracts = matrix(positions, "positions")
    names = player_index(members if players is None else players, len(held))
    named = isinstance(positions, pd.DataFrame)
    chosen = [w for w, m in (("scenarios", scenarios), ("rates", rates), ("covariance", covariance)) if m is not None]
    if len(chosen) != 1:
        raise DataError(f"give one of scenarios, rates and covariance; given: {', '.join(chosen) or 'none'}")
    times = number(multiple, "the multiple")
    if not times > 0:
        raise DataError("the multiple is 0; expected a positive factor on the margin")
    if rates is not None:
        given = pd.Series(rates) if isinstance(rates, dict) else rates
        per_unit = vector(given, contracts, "rates (by contract)")
        return NormMarginGame(names, "cost", held.copy(), times * per_unit, False)
    if covariance is not None:
        joint, moves = covariance_matrix(covariance)
        joint = joint[np.ix_(*2 * [_columns(moves, contracts, named and isinstance(covariance, pd.DataFrame))])]
        spread, axes = np.linalg.eigh(joint)
        return NormMarginGame(names, "cost", np.ascontiguousarray(held @ axes), times**2 * np.maximum(spread, 0), True)
    if measure not in MARGIN_MEASURES:
        raise unknown("measure of margin", measure, MARGIN_MEASURES)
    grid = read_scenarios(scenarios, weights)
    per_unit = -grid.losses[:, _columns(grid.ids, contracts, named and grid.named)]
    if measure == "worst":  # the mean of a tail that is thinner than any one scenario
        heavy = 1.0 / len(per_unit) if grid.probabilities is None else grid.probabilities[grid.probabilities > 0].min()
        level, measure = 1.0 - 0.5 * float(heavy), "es"
    return ScenarioMarginGame(names, "cost", tail(times * (per_unit @ held.T), level, measure, weights, names))


def _columns(given: pd.Index, contracts: pd.Index, named: bool) -> Any:
    """Where each contract stands in a model: by name when both name them, otherwise in the order given."""
    if not named:
        if len(given) != len(contracts):
            raise DataError(f"the model has {len(given)} contracts and the positions have {len(contracts)}")
        return np.arange(len(contracts))
    at = given.get_indexer(contracts)
    if (at < 0).any():
        raise DataError(f"the model has no contract {contracts[at < 0][0]!r}; name contracts as the positions do")
    return at
