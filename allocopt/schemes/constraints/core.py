"""No coalition of payers bears more than it would cost them on their own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number
from allocopt.facts.problem import LossProblem
from allocopt.games.base import Game
from allocopt.games.table import table
from allocopt.maths.program import Clause
from allocopt.schemes.constraints.base import Constraint, Posed

_MOST = 20  # payers; beyond, 2^n coalitions are not looked through in seconds
_MISSING = 1e-10  # fraction of the loss by which a coalition must be broken before its row is added: below is rounding


@dataclass(frozen=True, eq=False)
class InCore(Constraint):
    r"""No coalition bears more than its own cost: nobody gains by leaving together.

    .. math:: x(S) \le c(S) + h \quad \text{for all } S \subseteq N

    ``game`` is a :class:`~allocopt.games.base.Game`, or the worths of all coalitions by bit mask, in currency; its
    players are the payers, by name or by position. For a game of kind ``gain`` a worth is what a coalition cannot
    escape bearing and the rows turn round: :math:`x(S) \ge v(S) - h`. ``bound`` :math:`h \ge 0`, in currency, is what a
    coalition may be off by; the least :math:`h` for which there is an answer is the one of the least core, and the
    error of a contradiction states it. Rows are added for the coalitions that object, found by looking at all of them,
    up to 20 payers. Linear.
    """

    name = "core"
    latex = r"x(S) \le c(S) + h \quad (S \subseteq N)"
    reading = "what a higher allowed objection would change the cost by"

    game: Any
    bound: float = 0.0

    def __post_init__(self) -> None:
        number(self.bound, "the bound of in_core")
        if not isinstance(self.game, Game):
            object.__setattr__(self, "game", table(self.game))

    @property
    def limit(self) -> float:
        """The objection allowed to a coalition, in currency."""
        return self.bound

    def size(self, problem: LossProblem) -> float:
        """The loss: objections are amounts."""
        return problem.loss or 1.0

    @cached_property
    def _worths(self) -> Array:
        if self.game.n > _MOST:
            raise DataError(
                f"in_core looks at all coalitions of up to {_MOST} payers and the game has {self.game.n}; "
                "group small payers into one"
            )
        return np.asarray(self.game.table())

    def _order(self, problem: LossProblem) -> Any:
        """The row of each player in the table of payers: by name, or as they stand when players have no names."""
        players = self.game.players
        if len(players) != problem.n:
            raise DataError(f"the game has {len(players)} players and the question {problem.n} payers; they must match")
        if set(players) == set(problem.ids):
            return problem.ids.get_indexer(players)
        if list(players) == list(range(problem.n)):
            return np.arange(problem.n)
        stray = next(p for p in players if p not in problem.ids)
        raise DataError(f"the game has a player {stray!r} who is not among the payers; name players as the payers are")

    def _objections(self, shares: Array, problem: LossProblem) -> Array:
        """What each coalition bears beyond its cost (or short of its worth), by bit mask; the empty one never does."""
        borne = np.zeros(1)
        for share in shares[self._order(problem)]:
            borne = np.concatenate((borne, borne + share))
        objections = borne - self._worths if self.game.kind == "cost" else self._worths - borne
        objections[0] = -np.inf
        return np.asarray(objections)

    def measure(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """The largest objection of a coalition; 0 when none has one."""
        return max(float(self._objections(shares, problem).max(initial=0.0)), 0.0)

    def begin(self, problem: LossProblem, reference: Array) -> Any:
        """The coalitions that object to the reference."""
        return self._loudest(reference, problem, np.zeros(0, dtype=np.intp))

    def refine(self, shares: Array, problem: LossProblem, state: Any) -> Any:
        """More of the coalitions that object, the loudest first."""
        wider = self._loudest(shares, problem, state)
        return wider if len(wider) > len(state) else None

    def _loudest(self, shares: Array, problem: LossProblem, known: Any) -> Any:
        objections = self._objections(shares, problem)
        objections[known] = -np.inf
        loud = np.flatnonzero(objections > self.bound + _MISSING * (problem.loss or 1.0))
        first = loud[np.argsort(-objections[loud], kind="stable")][: 8 * problem.n]
        return np.concatenate((known, first))

    def clause(self, posed: Posed, state: Any) -> Clause:
        """One row for each coalition that has objected."""
        member = np.zeros((len(state), posed.problem.n))
        member[:, self._order(posed.problem)] = state[:, None] >> np.arange(posed.problem.n) & 1
        sign = 1.0 if self.game.kind == "cost" else -1.0
        room = (sign * self._worths[state] + self.bound) / posed.unit
        rows = [sign * member @ posed.x <= room + posed.slack] if len(state) else []
        return Clause(self.name, rows, self.latex, self.reading, -1.0)

    def __str__(self) -> str:
        within = f" within {self.bound:,.6g}" if self.bound else ""
        return f"in the core of {self.game!r}{within}"
