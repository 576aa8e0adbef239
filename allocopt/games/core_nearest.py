"""The division in the core nearest to a reference, and the proof that there is none when there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError, InfeasibleError
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array, number, vector
from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.core import excesses, named
from allocopt.games.nucleolus import chain
from allocopt.maths.excess import members
from allocopt.maths.nearest import Side, nearest

_FEW = 5  # players whose core is cut by few enough sides to try all its corners
_SAME = 1e-9  # corners, and objections, closer than this fraction of the largest worth are the same


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CoreNearest(GameValue):
    """The nearest division in the core, with its evidence.

    ``objections`` are the coalitions that keep the answer from the reference, with what the cost would fall by per unit
    that each could be pushed further; ``distance`` is :math:`\\tfrac12 \\sum (x_i - r_i)^2 / w_i`.
    """

    distance: float
    objections: dict[tuple[Any, ...], float]
    certificate: Certificate


@dataclass(frozen=True, eq=False)
class Balance:
    """Whether a game has a core: true when it has.

    ``epsilon`` is the least that the worst-treated coalition can object; ``point`` a division where it objects no more,
    which is in the core when there is one. When there is none, ``collection`` is a balanced collection that shows it:
    weights of coalitions under which every player is counted exactly once, worth ``shortfall`` more (costing that much
    less) than all players together.
    """

    holds: bool
    epsilon: float
    point: pd.Series[float]
    collection: dict[tuple[Any, ...], float] = field(default_factory=dict)
    shortfall: float = 0.0

    def __bool__(self) -> bool:
        return self.holds


def is_balanced(game: Game) -> Balance:
    r"""Does the game have a core: a division to which no coalition objects?

    .. math:: \sum_S \lambda_S v(S) \le v(N) \quad \text{for all } \lambda \ge 0 \text{ with }
       \sum_S \lambda_S 1_S = 1_N

    (for costs: at least). One linear program, whose rows are found by looking through all coalitions; its answer is
    either a division in the core or weights that rule one out, and both can be checked by hand. For up to 30 players.

    Source: Bondareva (1963); Shapley, "On balanced sets and cores", Naval Research Logistics Quarterly 14 (1967).

    >>> from allocopt.games.table import table
    >>> found = is_balanced(table([0, 0, 0, 1, 0, 1, 1, 1], kind="gain", players=["a", "b", "c"]))
    >>> bool(found), {c: round(w, 6) for c, w in found.collection.items()}, round(found.shortfall, 6)
    (False, {('a', 'b'): 0.5, ('a', 'c'): 0.5, ('b', 'c'): 0.5}, 0.5)
    """
    everyone = excesses(game)
    solved = chain(game, everyone, None, levels=1)
    point = pd.Series(everyone.sign * solved.x, index=game.players, name="point")
    if not solved.levels:
        return Balance(True, 0.0, point)
    level = solved.levels[0]
    largest = max(float(np.abs(block).max()) for block in everyone.blocks())
    if level.excess <= _SAME * largest:
        return Balance(True, level.excess, point)
    rows = members(np.array(level.rows, dtype=np.int64), game.n)
    counted = float((level.multipliers @ rows).mean())
    weights = level.multipliers / counted
    collection = {named(game, mask): float(weight) for mask, weight in zip(level.rows, weights, strict=True)}
    return Balance(False, level.excess, point, collection, level.excess * float(weights.sum()))


def core_nearest(game: Game, reference: Any, weights: Any = 1.0, bound: float = 0.0) -> CoreNearest:
    r"""The division in the core that is nearest to a reference.

    .. math:: \min_x \tfrac12 \sum_i \frac{(x_i - r_i)^2}{w_i} \quad\text{s.t.}\quad x(N) = v(N),\quad
       e(S, x) \le h \ (\emptyset \ne S \subset N)

    Parameters
    ----------
    game : the game, of up to 30 players.
    reference : r, one amount per player; it need not add up to the worth of all.
    weights : w > 0, one per player or one for all: a player with twice the weight moves twice as far for the same push.
    bound : h, the objection that a coalition may keep, in the units of the worths; 0 is the core.

    Raises
    ------
    InfeasibleError : there is no such division. The message names a balanced collection that shows it, and the least
        bound for which there is one.
    DataError : NaN or text among the numbers, a weight that is not positive, more players than can be looked through.

    Source: dual active-set method of Goldfarb and Idnani, Mathematical Programming 27 (1983).

    >>> from allocopt.games.table import table
    >>> costs = table([0, 10, 12, 18], players=["A", "B"])
    >>> found = core_nearest(costs, [4, 14])
    >>> found.values.to_dict(), round(found.objections["B",], 9)
    ({'A': 6.0, 'B': 12.0}, 4.0)
    """
    start = vector(reference, game.players, "the reference", low=-np.inf)
    width = vector(weights, game.players, "weights")
    if (width <= 0).any():
        raise DataError(f"the weight of {game.players[width <= 0][0]!r} is 0; weights must be positive")
    allowed = number(bound, "bound")
    everyone = excesses(game)
    n, sign = game.n, everyone.sign
    if n == 0:
        return CoreNearest(game, np.zeros(0), np.zeros(0), 0, "no players", distance=0.0, objections={},
                           certificate=Certificate(0.0, 0.0, 0.0, "nearest point"))  # fmt: skip
    known: dict[int, Side] = {}
    passes = 0

    def violated(x: Array) -> list[Side]:
        """Sides already known first: only when none of them is missed are all coalitions looked through."""
        nonlocal passes
        missed = sorted(known.values(), key=lambda side: float(side.normal @ x) - side.bound)
        if missed and missed[0].bound - missed[0].normal @ x > 1e-11 * scale:
            return missed
        passes += 1
        loud = everyone.top(sign * x, 4 * n, allowed)
        rows = members(loud.masks, n)
        bounds = sign * loud.worths - allowed
        for mask, row, floor in zip(loud.masks.tolist(), rows, bounds.tolist(), strict=True):
            known.setdefault(mask, Side(mask, row, floor))
        return [known[mask] for mask in loud.masks.tolist()]

    scale = max(float(np.abs(start).max()), abs(game.grand), 1e-300)
    found = nearest(sign * start, width, sign * game.grand, violated)
    if found.x is None:
        raise _empty(game, allowed, found.multipliers, found.total)
    x = sign * found.x
    objections = {named(game, mask): price for mask, price in found.multipliers.items() if price > 0}
    negative = max((-price for price in found.multipliers.values()), default=0.0)
    worst = everyone.top(x, 1).excess.max(initial=-np.inf) - allowed
    certificate = Certificate(
        primal=max(found.feasibility, worst / scale, abs(float(x.sum()) - game.grand) / scale),
        dual=found.stationarity,
        gap=max(negative, 0.0) * float(width.max()) / scale,
        kind="nearest point",
        statement="primal: the largest objection beyond the bound; dual: pull to the reference less push of the "
        "coalitions; gap: the most negative push; each as a fraction of the amounts",
    )
    distance = 0.5 * float((((x - start) ** 2) / width).sum())
    how = f"dual active set, {len(known)} of {2**n} coalitions, {passes} passes"
    return CoreNearest(
        game, x + 0.0, np.zeros(n), passes * 2**n, how, distance=distance, objections=objections,
        certificate=certificate,
    )  # fmt: skip


def _empty(game: Game, allowed: float, weights: dict[int, float], counted: float) -> InfeasibleError:
    """The error that names the collection and the least bound."""
    total = 1.0 / counted if counted else 1.0
    shown = ", ".join(f"{total * w:.3g} x {named(game, mask)}" for mask, w in list(weights.items())[:8])
    more = f" and {len(weights) - 8} more" if len(weights) > 8 else ""
    least = is_balanced(game).epsilon
    turn = "cost less" if game.kind == "cost" else "are worth more"
    within = f" within {allowed:g}" if allowed else ""
    return InfeasibleError(
        f"the core{within} is empty: the coalitions {shown}{more}, which count every player once, {turn} than all "
        f"together ({game.grand:g}); the least core allows an objection of {least:.10g}: "
        f"use bound={least * 1.000001:.7g}"
    )


def core_vertices(game: Game) -> pd.DataFrame:
    """All corners of the core, one a row, one column per player; no rows when the core is empty. Up to 5 players.

    Every choice of n - 1 coalitions that determines a division is tried; those to which nobody objects are corners.

    >>> from allocopt.games.table import table
    >>> core_vertices(table([0, 10, 12, 18], players=["A", "B"])).to_numpy().tolist()
    [[6.0, 12.0], [10.0, 8.0]]
    """
    n = game.n
    if n > _FEW:
        raise DataError(f"{n} players have too many coalitions to try every corner; up to {_FEW} players are tried")
    masks = np.arange(1, max((1 << n) - 1, 1))
    rows, worths = members(masks, n), game.table()[masks] if n > 1 else np.zeros(0)
    chosen = np.array(list(combinations(range(len(masks) if n > 1 else 0), max(n - 1, 0))), dtype=np.intp)
    if n == 0:
        return pd.DataFrame(index=range(1))
    systems = np.concatenate((rows[chosen].reshape(len(chosen), n - 1, n), np.ones((len(chosen), 1, n))), axis=1)
    right = np.column_stack((worths[chosen].reshape(len(chosen), n - 1), np.full(len(chosen), game.grand)))
    whole = np.abs(np.linalg.det(systems)) > 0.5  # determinants of 0/1 matrices are whole numbers
    points = np.linalg.solve(systems[whole], right[whole][..., None])[..., 0]
    scale = float(np.abs(game.table()).max()) or 1.0
    sign = -1.0 if game.kind == "cost" else 1.0
    if n > 1:
        points = points[(sign * (worths - points @ rows.T)).max(axis=1) <= _SAME * scale]
    _, first = np.unique(np.round(points / (_SAME * scale)) + 0.0, axis=0, return_index=True)
    return pd.DataFrame(points[first] + 0.0, columns=game.players)
