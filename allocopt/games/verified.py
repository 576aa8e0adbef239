"""Whether a division of a game is its nucleolus, and where it fails when it is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import unknown
from allocopt.facts.checks import Array, number
from allocopt.games.base import Game
from allocopt.games.core import division, excesses, named
from allocopt.games.nucleolus import floors_of
from allocopt.maths.kohlberg import kohlberg

# How each member of the family weighs an excess, and whether players insist on what they get alone.
CONCEPTS = {
    "nucleolus": ("plain", True),
    "prenucleolus": ("plain", False),
    "per-capita nucleolus": ("size", True),
    "per-capita prenucleolus": ("size", False),
    "proportional nucleolus": ("worth", True),
    "proportional prenucleolus": ("worth", False),
}

_ROUNDING = 1e-12  # fraction of the largest worth below which two excesses are never told apart


@dataclass(frozen=True, eq=False)
class Verdict:
    """True when the division is right; when it is not, where it fails.

    ``levels`` are the excesses that stand, largest first. A wrong division fails at ``level`` (0: it does not add up,
    or a player has less than alone): the excess of ``coalition`` can be lowered there by ``amount`` while that of no
    coalition rises to the level, and ``better`` is a division that does so.
    """

    holds: bool
    levels: tuple[float, ...] = ()
    level: int | None = None
    coalition: tuple[Any, ...] | None = None
    amount: float = 0.0
    better: pd.Series[float] | None = None
    reason: str = ""

    def __bool__(self) -> bool:
        return self.holds

    def __str__(self) -> str:
        return self.reason or f"stands at {len(self.levels)} levels"


def verify_nucleolus(game: Game, x: Any, tolerance: float = 1e-7, of: str = "nucleolus") -> Verdict:
    r"""Check a division against Kohlberg's criterion, which does not ask how the division was found.

    At every level the coalitions with the largest excess must be balanced: there are weights :math:`\lambda_S > 0` with
    :math:`\sum_S \lambda_S 1_S = 1_N` on those of this level and above (players at their floor may join).

    Parameters
    ----------
    game : the game, of up to 30 players; each level takes a pass over all coalitions.
    x : one amount per player; a Series is read by the players' names.
    tolerance : which excesses count as equal, as a fraction of the largest amount in the division.
    of : ``nucleolus``, ``prenucleolus``, ``per-capita nucleolus``, ``per-capita prenucleolus``, ``proportional
        nucleolus`` or ``proportional prenucleolus``.

    Raises
    ------
    InfeasibleError : a game without imputations has no nucleolus; ask for the prenucleolus.
    DataError : NaN or text in the division, a player left out, an unknown concept.

    Source: Kohlberg, "On the nucleolus of a characteristic function game", SIAM Journal on Applied Mathematics 20
    (1971), theorem 4.

    >>> from allocopt.games.table import table
    >>> airport = table([0, 1, 2, 2, 3, 3, 3, 3], players=["a", "b", "c"])
    >>> bool(verify_nucleolus(airport, [0.5, 0.75, 1.75]))
    True
    >>> print(verify_nucleolus(airport, [0.5, 1, 1.5]))
    level 1: the excess of coalition ('a', 'b') is -0.5 and can be lowered by 0.25 while none rises to it
    """
    if of not in CONCEPTS:
        raise unknown("concept", of, CONCEPTS)
    weighing, rational = CONCEPTS[of]
    amounts = division(game, x)
    width = number(tolerance, "tolerance", high=1.0)
    everyone = excesses(game, weighing)
    if game.n == 0:
        return Verdict(True)
    largest = max(float(np.abs(block).max()) for block in everyone.blocks())
    tie = max(width * float(np.abs(amounts).max()), _ROUNDING * largest)
    floors = everyone.sign * floors_of(game) if rational else None
    wrong = _outside(game, amounts, floors, tie, everyone.sign)
    if wrong is not None:
        return wrong
    found = kohlberg(everyone, amounts, floors, tie / largest if everyone.own else tie, tie)
    if found.failure is None:
        return Verdict(True, found.levels)
    at = found.failure
    coalition = named(game, at.mask)
    reason = (
        f"level {at.level}: the excess of coalition {coalition} is {at.excess:g} and can be lowered by {at.amount:.6g} "
        "while none rises to it"
    )
    better = pd.Series(at.better, index=game.players, name="better")
    return Verdict(False, found.levels, at.level, coalition, at.amount, better, reason)


def _outside(game: Game, x: Array, floors: Array | None, tie: float, sign: float) -> Verdict | None:
    """The verdict on a division that does not divide the worth of all, or leaves a player worse off than alone."""
    off = float(x.sum()) - game.grand
    if abs(off) > tie:
        reason = f"level 0: the division adds up to {x.sum():.10g} and all together are worth {game.grand:.10g}"
        return Verdict(False, (), 0, tuple(game.players), abs(off), None, reason)
    if floors is None:
        return None
    short = sign * (floors - x)
    worst = int(np.argmax(short))
    if short[worst] <= tie:
        return None
    player = game.players[worst]
    bound = "bears more than its own cost" if sign < 0 else "gets less than alone"
    reason = f"level 0: {player!r} {bound}, {x[worst]:.10g} against {floors[worst]:.10g}, by {short[worst]:.6g}"
    return Verdict(False, (), 0, (player,), float(short[worst]), None, reason)
