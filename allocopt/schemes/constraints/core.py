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
from allocopt.games.core import excesses, worth_of
from allocopt.games.table import table
from allocopt.maths.excess import Excesses, Objections, members
from allocopt.maths.program import Clause
from allocopt.schemes.constraints.base import Constraint, Posed

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
    up to 30 payers. Linear.
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
    def _everyone(self) -> Excesses:
        return excesses(self.game)

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

    def _loudest(self, shares: Array, problem: LossProblem, count: int, above: float) -> Objections:
        """The coalitions that object most; all payers together come first when they do too."""
        x = shares[self._order(problem)]
        found = self._everyone.top(x, count, above)
        everybody = np.full(min(problem.n, 1), (1 << problem.n) - 1, dtype=np.int64)
        worth = worth_of(self.game)(everybody)
        excess = self._everyone.of(everybody, worth, x)
        loud = excess > above
        return Objections(*(np.append(a[loud], b) for a, b in zip((everybody, worth, excess), found, strict=True)))

    def measure(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """The largest objection of a coalition; 0 when none has one."""
        return float(self._loudest(shares, problem, 1, 0.0).excess.max(initial=0.0))

    def begin(self, problem: LossProblem, reference: Array) -> Any:
        """The coalitions that object to the reference."""
        return self._joined(reference, problem, np.zeros(0, dtype=np.int64))

    def refine(self, shares: Array, problem: LossProblem, state: Any) -> Any:
        """More of the coalitions that object, the loudest first."""
        wider = self._joined(shares, problem, state)
        return wider if len(wider) > len(state) else None

    def _joined(self, shares: Array, problem: LossProblem, known: Any) -> Any:
        above = self.bound + _MISSING * (problem.loss or 1.0)
        loud = self._loudest(shares, problem, 8 * problem.n + len(known), above).masks
        new = loud[~np.isin(loud, known)]
        return np.concatenate((known, new[: 8 * problem.n]))

    def clause(self, posed: Posed, state: Any) -> Clause:
        """One row for each coalition that has objected."""
        member = np.zeros((len(state), posed.problem.n))
        member[:, self._order(posed.problem)] = members(state, posed.problem.n)
        sign = 1.0 if self.game.kind == "cost" else -1.0
        room = (sign * worth_of(self.game)(state) + self.bound) / posed.unit
        rows = [sign * member @ posed.x <= room + posed.slack] if len(state) else []
        return Clause(self.name, rows, self.latex, self.reading, -1.0)

    def __str__(self) -> str:
        within = f" within {self.bound:,.6g}" if self.bound else ""
        return f"in the core of {self.game!r}{within}"
