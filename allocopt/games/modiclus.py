"""Two relatives of the nucleolus: one that looks at pairs of coalitions, one that looks at pairs of players."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array
from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.core import excesses
from allocopt.games.nucleolus import prenucleolus
from allocopt.maths.biexcess import modified_nucleolus

_PAIRED = 20  # players; their 2^n excesses are sorted for every pass
_EVEN = 1e-10  # fraction of the largest worth by which two surpluses may differ: rounding


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class KernelPoint(GameValue):
    """A point of the pre-kernel: ``over.loc[i, j]`` is the surplus of i over j, equal to ``over.loc[j, i]``."""

    surplus: Array

    @property
    def over(self) -> pd.DataFrame:
        """The surplus of each player (row) over each other (column)."""
        return pd.DataFrame(self.surplus.copy(), index=self.game.players, columns=self.game.players)

    @property
    def imbalance(self) -> float:
        """The largest difference between a surplus and the one that stands against it."""
        return float(np.abs(self.surplus - self.surplus.T).max(initial=0.0))


def modiclus(game: Game) -> GameValue:
    r"""The division at which the excesses of coalitions are as close together as can be: the modified nucleolus.

    .. math:: \operatorname{lex\,min}_{x(N) = v(N)} \; \bigl( e(S, x) - e(T, x) \bigr)_{S, T \subseteq N}
       \text{ in decreasing order}

    All pairs count, those with nobody or with all included, so both what coalitions can reach and what they can
    prevent has a say: it is the prenucleolus of the dual cover,
    :math:`\tilde v(S \cup T^*) = \max\{v(S) + v^*(T), v^*(S) + v(T)\}`, among the players and their doubles. For up to
    20 players.

    Raises
    ------
    DataError : more players.

    Source: Sudholter, "The modified nucleolus: properties and axiomatizations", International Journal of Game Theory 26
    (1997), section 2.

    >>> from allocopt.games.table import table
    >>> modiclus(table([0, 0, 0, 1, 0, 1, 0, 1], kind="gain")).values.round(6).to_list()
    [0.5, 0.25, 0.25]
    """
    if game.n > _PAIRED:
        raise DataError(f"{game.n} players form 4**{game.n} pairs of coalitions; up to {_PAIRED} players are compared")
    sign = -1.0 if game.kind == "cost" else 1.0
    solved = modified_nucleolus(sign * game.table(), sign * game.grand)
    how = f"row generation, {solved.rows} of {4**game.n} pairs, {solved.passes} passes"
    return GameValue(game, sign * solved.x + 0.0, np.zeros(game.n), solved.passes * 2**game.n, how)


def kernel_point(game: Game) -> KernelPoint:
    r"""A division at which every two players have equal claims on each other: a point of the pre-kernel.

    .. math:: s_{ij}(x) = s_{ji}(x) \ (i \ne j), \qquad s_{ij}(x) = \max_{S \ni i,\ S \not\ni j} e(S, x), \qquad
       x(N) = v(N)

    There may be several; this one is reached from the division that gives each player what it has alone and shares the
    rest equally. The prenucleolus is always one, and the only one in convex games; it is the answer where the steps do
    not arrive (``.method`` says so). ``.imbalance`` is how far surpluses differ, rounding included. For up to 30
    players.

    Source: Maschler, Peleg and Shapley, "The kernel and bargaining set for convex games", International Journal of Game
    Theory 1 (1972); steps: Meinhardt, "The pre-kernel as a tractable solution for cooperative games" (2013).

    >>> from allocopt.games.table import table
    >>> found = kernel_point(table([0, 1, 2, 2, 3, 3, 3, 3], players=["a", "b", "c"]))
    >>> found.values.round(6).to_dict()
    {'a': 0.5, 'b': 0.75, 'c': 1.75}
    """
    from allocopt.maths.prekernel import prekernel_point, surpluses

    everyone = excesses(game)
    n = game.n
    alone = game(np.eye(n, dtype=np.bool_))
    if n < 2:
        return KernelPoint(game, alone, np.zeros(n), n, "worth of all", surplus=np.zeros((n, n)))
    largest = max(float(np.abs(block).max()) for block in everyone.blocks())
    x, surplus, passes = prekernel_point(everyone, alone + (game.grand - alone.sum()) / n, _EVEN * largest)
    how = f"least squares on surpluses, {passes} passes"
    if np.abs(surplus - surplus.T).max() > _EVEN * largest:
        x = prenucleolus(game).amounts
        surplus = surpluses(everyone, x)[0]
        how = "the prenucleolus, as least squares on surpluses did not arrive"
    return KernelPoint(game, x + 0.0, np.zeros(n), passes * 2**n, how, surplus=surplus)
