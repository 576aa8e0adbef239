"""The tail game: a coalition costs what the risk of its summed losses is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array, number
from allocopt.facts.scenarios import read_scenarios, tail_level
from allocopt.games.base import Coalitions, Game, player_index
from allocopt.maths.tails import SAME, even, risks

TAIL_MEASURES = ("es", "var", "std", "spectral")

_ROWS = 1 << 22  # amounts held at once while totals of single coalitions are formed: 32 MiB


@dataclass(frozen=True, eq=False, repr=False)
class TailGame(Game):
    """A tail game; ``losses`` holds losses (scenarios x players), ``probabilities`` is None when all are alike, and
    ``levels`` and ``weights`` the levels of expected shortfall that are mixed (one, unless the measure is spectral)."""

    losses: Array
    probabilities: Array | None
    measure: str
    levels: tuple[float, ...]
    weights: tuple[float, ...]

    def worths(self, coalitions: Coalitions) -> Array:
        out = np.zeros(len(coalitions))
        step = max(1, _ROWS // len(self.losses))
        for start in range(0, len(coalitions), step):
            totals = coalitions[start : start + step] @ self.losses.T
            out[start : start + step] = self._mixed(lambda level, of=totals: self._risks(of, level))
        return out

    def _risks(self, totals: Array, level: float) -> Array:
        return risks(totals, "es" if self.measure == "spectral" else self.measure, level, self.probabilities)

    def _mixed(self, risk: Any) -> Array:
        parts = (w * risk(level) for w, level in zip(self.weights, self.levels, strict=True))
        return np.asarray(sum(parts, start=np.zeros(1)))

    @cached_property
    def _columns(self) -> Array:
        """One row of losses per player, in one piece; around the mean where only deviations count."""
        losses = self.losses
        if self.measure == "std":
            losses = losses - even(self.probabilities, len(losses)) @ losses
        return np.array(losses.T, order="C")

    def block(self, index: int) -> Array:
        """Compiled: one vector addition and one selection per coalition."""
        from allocopt.maths.tail_kernels import subset_norms, subset_tails

        count, size = len(self.losses), 1 << self.block_bits
        if self.measure == "std":
            return subset_norms(self._columns, index * size, size, even(self.probabilities, count), square=True)
        alike = self.probabilities is None
        mass = np.ones(count) if self.probabilities is None else self.probabilities
        whole = float(count) if alike else 1.0
        return self._mixed(
            lambda level: subset_tails(
                self._columns, index * size, size, mass, whole - whole * level, self.measure != "var", whole * SAME
            )
        )


def tail(
    scenarios: Any,
    level: float | Mapping[float, float] = 0.975,
    measure: str = "es",
    weights: Any = None,
    players: Any = None,
) -> TailGame:
    r"""What a group of members would have to hold against the tail of its joint loss.

    .. math:: c(S) = \rho\Bigl(\sum_{i \in S} \ell_i\Bigr)

    with :math:`\ell_i` the loss of player i in each scenario and :math:`\rho` a risk measure: ``es``, expected
    shortfall, the mean of the worst :math:`1 - \alpha` of losses, the boundary scenario counting by its fraction;
    ``var``, the smallest amount that is not exceeded with probability :math:`\alpha`; ``std``, the standard deviation;
    ``spectral``, a mixture of expected shortfalls :math:`\sum_j w_j \mathrm{ES}_{\alpha_j}`, which on finitely many
    scenarios is every spectral measure there is. Expected shortfall, its mixtures and the standard deviation reward
    joining (the game is subadditive); value at risk need not. The kind is ``cost``. A group that gains in its tail has
    a negative cost.

    Parameters
    ----------
    scenarios : profit and loss by scenario (rows) and player (columns), *gain > 0* as everywhere; losses are its
        negative. A DataFrame names the players.
    level : :math:`\alpha`, strictly between 0 and 1, ignored for ``std``; for ``spectral`` a mapping from levels
        (0 is the mean, below 1) to weights >= 0, which are divided by their sum.
    measure : ``es``, ``var``, ``std`` or ``spectral``.
    weights : a probability (or any weight >= 0) per scenario; all alike when left out.
    players : one name per column; the columns' names, or 0 .. n - 1, when left out.

    Raises
    ------
    DataError : no scenarios, NaN or infinite amounts, an unknown measure, a level outside its range, a name used twice.

    Source: Denault, "Coherent allocation of risk capital", Journal of Risk 4 (2001), for the game; Acerbi, "Spectral
    measures of risk", Journal of Banking and Finance 26 (2002).

    >>> pnl = [[0.0, 0.0], [-4.0, 1.0], [-2.0, -6.0], [1.0, 0.0]]
    >>> tail(pnl, level=0.5).table()
    array([0. , 3. , 3. , 5.5])
    >>> tail(pnl, {0.0: 0.5, 0.5: 0.5}, "spectral").table()
    array([0.   , 2.125, 2.125, 4.   ])
    """
    if measure not in TAIL_MEASURES:
        raise unknown("risk measure", measure, TAIL_MEASURES)
    book = read_scenarios(scenarios, weights)
    names = player_index(book.ids if players is None else players, len(book.ids))
    levels: tuple[float, ...] = (0.5,)  # a standard deviation has no level
    shares: tuple[float, ...] = (1.0,)
    if measure == "spectral":
        levels, shares = _mixture(level)
    elif measure != "std":
        levels = (tail_level(level),)
    return TailGame(names, "cost", book.losses, book.probabilities, measure, levels, shares)


def _mixture(level: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if not isinstance(level, Mapping) or not level:
        raise DataError(f"level is {level!r}; a spectral measure takes a mapping of levels to weights, {{0.95: 1.0}}")
    levels = tuple(number(a, "a level of the mixture", high=1.0) for a in level)
    if max(levels) == 1.0:
        raise DataError("a level of the mixture is 1; expected levels from 0 to below 1")
    given = [number(w, "a weight of the mixture") for w in level.values()]
    if not sum(given) > 0:
        raise DataError("the weights of the mixture are all zero; give one that is positive")
    return levels, tuple(w / sum(given) for w in given)
