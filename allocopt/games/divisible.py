"""Exposures that can be taken in any fraction: what each costs at the margin, averaged from nothing to full size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array
from allocopt.games.answer import GameValue
from allocopt.games.base import Coalitions, Game, player_amounts
from allocopt.games.values import computed
from allocopt.maths.path import integral

Cost = Callable[[Array], Array]

_STEP = 6e-6  # of an exposure: cube root of the rounding unit, where a central difference is most accurate
# Of the largest marginal contribution: how far the integral is taken, with a gradient and with differences.
_SETTLED, _SETTLED_BY_DIFFERENCES = 1e-13, 1e-10
_ADDS_UP = 1e-6  # of the cost: a gradient that integrates to anything else is not that of the cost


@dataclass(frozen=True, eq=False, repr=False)
class DivisibleGame(Game):
    """Players who take part with all of their exposure or not at all; ``exposures`` has one entry per player."""

    cost: Cost
    exposures: Array

    def worths(self, coalitions: Coalitions) -> Array:
        return _called(self.cost, np.where(coalitions, self.exposures, 0.0), "cost")


def aumann_shapley(
    cost: Cost,
    exposures: Array | Sequence[float] | pd.Series[Any],
    gradient: Callable[[Array], Array] | None = None,
    players: Sequence[Any] | None = None,
    kind: str = "cost",
) -> GameValue:
    r"""What each unit of exposure costs at the margin, averaged while all exposures grow from nothing to full size.

    .. math:: \phi_i = x_i \int_0^1 \frac{\partial c}{\partial x_i}(\tau x)\, d\tau, \qquad \sum_i \phi_i = c(x)

    For a cost that doubles when all exposures double (expected shortfall, standard deviation) the margin is the same
    all along and this is the Euler contribution. Where players can only take part as a whole, use the Shapley value of
    the same cost: ``answer.game`` is that game.

    Parameters
    ----------
    cost : takes an array of exposures, one row per question, shape (k, n), and returns k costs; c(0) = 0.
    exposures : :math:`x_i`, one per player, any sign; a Series names the players.
    gradient : takes the same array and returns its partial derivatives, shape (k, n). Central differences when left
        out, good to about nine digits of the cost.
    players : one name per player; the index of ``exposures``, or 0 .. n - 1, when left out.
    kind : ``cost`` or ``gain``.

    Raises
    ------
    DataError : a cost of nothing other than 0, arrays of the wrong shape, NaN, a gradient that does not integrate to
        the cost (the message says by how much).

    Sources: Aumann and Shapley, "Values of Non-Atomic Games" (1974); Billera and Heath, Mathematics of Operations
    Research 7 (1982); Denault, "Coherent allocation of risk capital", Journal of Risk 4 (2001).

    >>> cost = lambda x: np.sqrt((x**2).sum(axis=1))
    >>> aumann_shapley(cost, [3.0, 4.0], gradient=lambda x: x / cost(x)[:, None]).values.round(9).tolist()
    [1.8, 3.2]
    """
    names, amounts = player_amounts(exposures, players, "exposures", low=-np.inf)
    if not callable(cost):
        raise DataError(f"cost is {cost!r}; give a function of an array of exposures, one row per question")
    game = DivisibleGame(names, kind, cost, amounts)
    nothing = float(_called(cost, np.zeros((1, game.n)), "cost")[0]) if game.n else 0.0
    if nothing != 0:
        raise DataError(f"no exposure at all costs {nothing:g}; it must cost 0: subtract fixed cost, or share it apart")
    slopes = gradient or _differences(cost)
    asked = 0

    def margins(times: Array) -> Array:
        nonlocal asked
        asked += times.size
        return _called(slopes, times[:, None] * amounts, "gradient", game.n) * amounts

    top = float(np.abs(margins(np.array([0.25, 0.5, 1.0]))).max(initial=0.0)) if game.n else 0.0
    settled = top * (_SETTLED if gradient else _SETTLED_BY_DIFFERENCES)
    found = integral(margins, settled) if top else np.zeros(game.n)
    total = game.grand if game.n else 0.0
    off = abs(float(found.sum()) - total)
    if off > _ADDS_UP * max(top, abs(total)):
        raise DataError(
            f"the marginal contributions add up to {found.sum():.9g} but the cost is {total:.9g}, off by {off:.2g}: "
            "check the gradient; a cost that jumps has no Aumann-Shapley value"
        )
    by = "given gradient" if gradient else "central differences"
    method = f"Aumann-Shapley, path integral of the {by}, adds up within {off:.1g}"
    return computed(game, found, method, asked * (1 if gradient else 2 * game.n))


def _differences(cost: Cost) -> Callable[[Array], Array]:
    def slopes(at: Array) -> Array:
        out = np.empty(at.shape)
        for i in range(at.shape[1]):
            up, down = at.copy(), at.copy()
            up[:, i] *= 1.0 + _STEP  # in proportion: near the start of the path a fixed step would pass through zero
            down[:, i] *= 1.0 - _STEP
            apart = up[:, i] - down[:, i]
            change = _called(cost, up, "cost") - _called(cost, down, "cost")
            out[:, i] = np.divide(change, apart, out=np.zeros(len(at)), where=apart != 0)
        return out

    return slopes


def _called(function: Callable[[Array], Array], at: Array, what: str, columns: int | None = None) -> Array:
    found = np.asarray(function(at), dtype=np.float64)
    expected = (len(at),) if columns is None else (len(at), columns)
    if found.shape != expected:
        raise DataError(f"{what} gave an array of shape {found.shape} for {len(at)} rows; expected {expected}")
    if not np.isfinite(found).all():
        raise DataError(f"{what} gave {found[~np.isfinite(found)][0]} at some exposures; every answer must be finite")
    return found
