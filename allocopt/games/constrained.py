"""The division nearest to the Shapley value within caps, stand-alone worths and the core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import CertificateError, DataError
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import number, vector
from allocopt.games.answer import GameValue
from allocopt.games.base import TABLE_LIMIT, Game
from allocopt.games.core import excesses
from allocopt.games.nearest import Limit, Nearest, contradictions
from allocopt.games.shapley import shapley
from allocopt.games.table import TableGame


@dataclass(frozen=True, eq=False, repr=False)
class ConstrainedValue(GameValue):
    """A constrained Shapley value with its evidence.

    ``unconstrained`` is the Shapley value it departs from. ``duals`` maps each constraint to its price, the derivative
    of :math:`\\tfrac12 \\lVert x - \\phi \\rVert^2` with respect to its right-hand side: ``budget`` a number, ``caps``,
    ``individual rationality`` and ``nonnegative`` one per player, ``core`` one per coalition that binds. Where the
    Shapley value was sampled, ``errors`` holds for every player the root of the sum of all squared errors: the nearest
    point moves no further than what it is nearest to.
    """

    unconstrained: GameValue = field(kw_only=True)
    duals: Mapping[str, Any] = field(kw_only=True)
    certificate: Certificate = field(kw_only=True)

    @property
    def departure(self) -> pd.Series[float]:
        """What the constraints add to each player's Shapley value."""
        return (self.values - self.unconstrained.values).rename("departure")

    def verify(self, tol: float = 1e-6) -> ConstrainedValue:
        """Return the value if its certificate holds; raise CertificateError if it does not."""
        if not self.certificate.holds(tol):
            raise CertificateError(f"the constrained Shapley value does not stand ({self.certificate}); scale the game")
        return self


def constrained_shapley(
    game: Game,
    caps: Any = None,
    individual_rationality: bool = True,
    core: bool | Game = False,
    nonnegative: bool = False,
    relaxation: float = 0.0,
    budget: int | None = None,
    seed: int | None = None,
) -> ConstrainedValue:
    r"""The Shapley value as far as it respects caps, what each would bear alone, and what coalitions would.

    .. math:: \min_x \sum_S \binom{n-2}{|S|-1}^{-1} \bigl(v(S) - x(S)\bigr)^2 \quad \text{s.t.} \quad x(N) = v(N),\
       x_i \le \text{cap}_i,\ x_i \le c(i),\ x(S) \le c(S) + h

    Without the inequalities this least-squares program is the Shapley value :math:`\phi`. On the budget its objective
    is a multiple of :math:`\lVert x - \phi \rVert^2` and a constant, so the answer is the point of the constraints
    nearest to :math:`\phi`: no sample is needed for the objective, only, in large games, for :math:`\phi`. In a game of
    kind ``gain`` the last two constraints read :math:`x_i \ge v(i)` and :math:`x(S) \ge v(S) - h`. Rows of the core are
    added for the coalitions that object, found by looking at all of them.

    Parameters
    ----------
    game : the game.
    caps : the most each player may bear, in the units of the worths, >= 0, ``inf`` allowed: a Series by player, a list
        or one number; None for no cap.
    individual_rationality : whether nobody may do worse than alone.
    core : True for the core of the game, or another game of the same players whose core counts; up to 30 players.
    nonnegative : whether nobody may be paid for taking part in a cost (or charged in a gain).
    relaxation : h, what a coalition may be off by; the least one that works stands in the error when none does.
    budget, seed : for the Shapley value, where it has to be sampled; see :func:`~allocopt.games.shapley.shapley`.

    Raises
    ------
    DataError : caps that are NaN, negative or missing; another game with other players; too many players for a core.
    InfeasibleError : caps and stand-alone worths that leave too little or ask for too much, or an empty core, with the
        least relaxation that would do.

    Source: Ruiz, Valenciano and Zarzuelo, "The family of least square values for transferable utility games", Games and
    Economic Behavior 24 (1998); Charnes, Golany, Keane and Rousseau, "Extremal principle solutions of games in
    characteristic function form" (1988).

    >>> from allocopt.games.table import table
    >>> runway = table([0, 1, 2, 2, 3, 3, 3, 3], players=["small", "middle", "large"])
    >>> found = constrained_shapley(runway, caps=[1, 2, 1.5], core=True)
    >>> found.values.round(4).to_list(), found.departure.round(4).to_list()
    ([0.5, 1.0, 1.5], [0.1667, 0.1667, -0.3333])
    """
    relaxation = number(relaxation, "relaxation")
    limits = _limits(game, caps, individual_rationality, nonnegative)
    judged = _judged(game, core)
    judge = None if judged is None else excesses(judged)
    worths = judged if core is True and judged is not None else game  # each worth is asked for once
    value = replace(shapley(worths, budget=budget, seed=seed), game=game)
    total = float(value.amounts.sum())
    unit = max(abs(total), float(np.abs(value.amounts).max(initial=0.0))) or 1.0
    contradictions(game, limits, total, unit)
    problem = Nearest(game, value.amounts, total, unit, limits, judge, judged or game, relaxation)
    x, duals, masks, words = problem.solved()
    errors = np.full(game.n, np.sqrt(np.sum(value.errors**2)))
    looked = value.evaluations + (2**game.n if judged is not None and judged is not worths else 0)
    return ConstrainedValue(
        game, x, errors, looked, f"nearest to the Shapley value ({value.method}); {words}", value.freedom,
        unconstrained=value, duals=problem.reported(duals, masks), certificate=problem.certificate(x, duals, masks),
    )  # fmt: skip


def _limits(game: Game, caps: Any, rational: bool, nonnegative: bool) -> list[Limit]:
    out = []
    if caps is not None:
        out.append(Limit("caps", vector(caps, game.players, "caps", finite=False), True))
    if rational and game.n:
        out.append(Limit("individual rationality", game(np.eye(game.n, dtype=np.bool_)), game.kind == "cost"))
    if nonnegative:
        out.append(Limit("nonnegative", np.zeros(game.n), False))
    return out


def _judged(game: Game, core: bool | Game) -> Game | None:
    """The game whose core counts, as a table where there is room for one."""
    if not isinstance(core, bool | Game):
        raise DataError(f"core is {core!r}; give True, False or a Game")
    if core is False or game.n < 2:
        return None
    out = game if core is True else core
    assert isinstance(out, Game)
    if list(out.players) != list(game.players):
        raise DataError("core is a game with other players; give one of the same players in the same order")
    if isinstance(out, TableGame) or out.n > TABLE_LIMIT:
        return out
    return TableGame(out.players, out.kind, out.table())
