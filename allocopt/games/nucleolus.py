"""The division of a game that treats its worst-treated coalitions as well as can be: the nucleolus and its family."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from allocopt.errors import DataError, InfeasibleError
from allocopt.facts.checks import Array
from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.core import Objection, excesses, max_excess, named, worth_of
from allocopt.maths.excess import Excesses, members
from allocopt.maths.nucleolus import Rows, Solved
from allocopt.maths.nucleolus import nucleolus as solve_chain
from allocopt.maths.nucleolus_exact import Proof, prove

_AT_ONCE = (
    100  # loudest coalitions taken into the program after each pass: fewer mean more passes, more larger programs
)

# A total that misses what the players insist on by less than this fraction of the amounts is a rounded sum.
_ROUNDED = 1e-12


@dataclass(frozen=True)
class Stage:
    """A level of the chain: the excess that was reached, and who holds it there.

    ``coalitions`` maps each coalition that settles at this level to its weight; the weights add up to 1 when each is
    counted with the weight of its excess. ``floors`` names players held at what they get alone.
    """

    excess: float
    coalitions: dict[tuple[Any, ...], float]
    floors: dict[Any, float]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Nucleolus(GameValue):
    """A division with the levels that lead to it.

    ``epsilon`` is the largest excess, the least that any division allows; ``stages`` are the levels with the coalitions
    that settle at each (empty when a formula gave the division), ``proof`` the certificate in exact fractions and
    ``fractions`` the division in them, where they were asked for.
    """

    stages: tuple[Stage, ...] = ()
    proof: Proof | None = field(default=None)

    @property
    def epsilon(self) -> float:
        """The largest excess of a coalition; negative when every coalition is better off than alone."""
        return self.stages[0].excess if self.stages else self.worst.excess

    @property
    def worst(self) -> Objection:
        """The coalition that objects most, with its excess."""
        return max_excess(self.game, self.amounts)

    @property
    def fractions(self) -> dict[Any, Any]:
        """The division in exact fractions, by player; only when an exact answer was asked for."""
        if self.proof is None:
            raise DataError("this answer was computed in floating point; ask for it with exact=True")
        return dict(zip(self.game.players, self.proof.x, strict=True))


def nucleolus(game: Game, exact: bool = False) -> Nucleolus:
    r"""The imputation that makes the largest excess as small as it can be, then the second largest, and so on.

    .. math:: \operatorname{lex\,min}_{x \in X} \; \theta(x), \qquad X = \{x : x(N) = v(N),\ x_i \ge v(\{i\})\}

    :math:`\theta(x)` lists the excesses of all coalitions in decreasing order: :math:`v(S) - x(S)` for gains,
    :math:`x(S) - c(S)` for costs, where an imputation lets nobody bear more than its own cost,
    :math:`x_i \le c(\{i\})`. There is exactly one such division. It is in the core when the core is not empty.

    Parameters
    ----------
    game : the game, of up to 30 players unless it has a quick algorithm of its own.
    exact : whether to solve and prove the answer in fractions, see :attr:`Nucleolus.proof`. Worths of up to 15
        significant digits are read as they are; longer ones are rounded to 14 digits of the largest.

    Raises
    ------
    InfeasibleError : the players insist on more, alone, than there is together: there is no imputation.
    DataError : more players than can be looked through.
    CertificateError : no proof in fractions, because worths differ by no more than the rounding of floats.

    Source: Schmeidler, "The nucleolus of a characteristic function game", SIAM Journal on Applied Mathematics 17
    (1969), section 2.

    >>> from allocopt.games.table import table
    >>> airport = table([0, 1, 2, 2, 3, 3, 3, 3], players=["a", "b", "c"])
    >>> nucleolus(airport).values.round(9).to_dict()
    {'a': 0.5, 'b': 0.75, 'c': 1.75}
    """
    known = None if exact else game.closed_form("nucleolus")
    if known is not None:
        return Nucleolus(game, known.values, np.zeros(game.n), 0, known.method)
    return _lexicographic(game, "plain", floors_of(game), exact)


def prenucleolus(game: Game, exact: bool = False) -> Nucleolus:
    r"""The nucleolus over all divisions of the worth of all, with no regard to what each player gets alone.

    .. math:: \operatorname{lex\,min}_{x(N) = v(N)} \; \theta(x)

    It exists for every game, and is the nucleolus whenever it gives every player what it gets alone. Parameters as in
    :func:`nucleolus`.

    Source: Sobolev (1975); Peleg and Sudholter, "Introduction to the theory of cooperative games" (2007), chapter 5.

    >>> from allocopt.games.table import table
    >>> prenucleolus(table([0, 0, 0, 10, 0, 0, 0, 2], kind="gain")).values.round(9).to_list()
    [3.0, 3.0, -4.0]
    """
    known = None if exact else game.closed_form("prenucleolus")
    if known is not None:
        return Nucleolus(game, known.values, np.zeros(game.n), 0, known.method)
    return _lexicographic(game, "plain", None, exact)


def per_capita_nucleolus(game: Game, imputations: bool = True, exact: bool = False) -> Nucleolus:
    r"""The nucleolus with every coalition's excess divided by the number of its members.

    .. math:: e(S, x) = \frac{v(S) - x(S)}{|S|} \text{ (gain)}, \qquad \frac{x(S) - c(S)}{|S|} \text{ (cost)}

    ``imputations=False`` takes all divisions of the worth of all into account. Otherwise as :func:`nucleolus`.

    Source: Grotte, "Computation of and observations on the nucleolus, the normalized nucleolus and the central games"
    (1970); example of Lemaire, ASTIN Bulletin 21 (1991).

    >>> from allocopt.games.table import table
    >>> lemaire = table([0, 46125, 17437.5, 69187.5, 5812.5, 53812.5, 30750, 90000], kind="gain")
    >>> per_capita_nucleolus(lemaire).values.round(6).to_list()
    [50500.0, 27437.5, 12062.5]
    """
    return _lexicographic(game, "size", floors_of(game) if imputations else None, exact)


def proportional_nucleolus(game: Game, imputations: bool = True, exact: bool = False) -> Nucleolus:
    r"""The nucleolus with every coalition's excess divided by its worth, so that objections are rates.

    .. math:: e(S, x) = \frac{v(S) - x(S)}{v(S)} \text{ (gain)}, \qquad \frac{x(S) - c(S)}{c(S)} \text{ (cost)}

    Every coalition but the empty one must be worth more than nothing. Otherwise as :func:`per_capita_nucleolus`.

    Source: Young, Okada and Hashimoto, "Cost allocation in water resources development", Water Resources Research 18
    (1982); example of Lemaire, ASTIN Bulletin 21 (1991).

    >>> from allocopt.games.table import table
    >>> lemaire = table([0, 46125, 17437.5, 69187.5, 5812.5, 53812.5, 30750, 90000], kind="gain")
    >>> proportional_nucleolus(lemaire).values.round(6).to_list()
    [54000.0, 27000.0, 9000.0]
    """
    start = 0
    for block in game.blocks():
        bad = np.flatnonzero(block[start == 0 :] <= 0)
        if len(bad) and game.n > 1:
            mask = start + int(bad[0]) + (start == 0)
            raise DataError(
                f"coalition {named(game, mask)} is worth {block[mask - start]:g}; excesses per unit of worth need "
                "every worth to be positive: use per_capita_nucleolus"
            )
        start += len(block)
    return _lexicographic(game, "worth", floors_of(game) if imputations else None, exact)


def least_core(game: Game, exact: bool = False) -> Nucleolus:
    r"""How much every coalition must be allowed to object before there is a division that all can accept.

    .. math:: \varepsilon^* = \min_{x(N) = v(N)} \; \max_{\emptyset \ne S \subset N} e(S, x)

    ``.epsilon`` is :math:`\varepsilon^*`, at most 0 exactly when the core is not empty; ``.values`` is the one member
    of the least core that is singled out by going on, the prenucleolus. Parameters as in :func:`nucleolus`.

    Source: Maschler, Peleg and Shapley, "Geometric properties of the kernel, nucleolus, and related solution concepts",
    Mathematics of Operations Research 4 (1979), section 2.

    >>> from allocopt.games.table import table
    >>> majority = least_core(table([0, 0, 0, 1, 0, 1, 1, 1], kind="gain"))
    >>> round(majority.epsilon, 12), majority.values.round(6).to_list()
    (0.333333333333, [0.333333, 0.333333, 0.333333])
    """
    return prenucleolus(game, exact)


def floors_of(game: Game) -> Array:
    """What each player insists on, in terms of gains: a cost is a gain with its sign turned."""
    sign = -1.0 if game.kind == "cost" else 1.0
    alone = sign * game(np.eye(game.n, dtype=np.bool_))
    short = alone.sum() - sign * game.grand
    if short > _ROUNDED * (np.abs(alone).sum() + abs(game.grand)):
        more = "costs more than the players alone" if sign < 0 else "is worth less than the players alone"
        raise InfeasibleError(
            f"all together ({game.grand:g}) {more} ({sign * alone.sum():g}), by {short:g}: no division gives every "
            "player what it has alone, so there is no imputation and no nucleolus; use prenucleolus, or leave the "
            "players out of account with imputations=False"
        )
    return np.asarray(alone - max(short, 0.0) / max(game.n, 1))


def _lexicographic(game: Game, weighing: str, floors: Array | None, exact: bool) -> Nucleolus:
    everyone = excesses(game, weighing)
    solved = chain(game, everyone, floors)
    stages = tuple(
        Stage(
            level.excess,
            {named(game, k): float(m) for k, m in zip(level.rows, level.multipliers, strict=True)},
            {game.players[i]: float(m) for i, m in zip(level.floors, level.floor_multipliers, strict=True)},
        )
        for level in solved.levels
    )
    proof = prove(everyone, solved.levels, worth_of(game), floors is not None) if exact else None
    x = everyone.sign * solved.x if proof is None else np.array([float(part) for part in proof.x])
    how = f"row generation, {solved.rows} of {2**game.n} coalitions, {solved.passes} passes"
    method = how if proof is None else f"{how}, proven in fractions"
    evaluations = solved.passes * 2**game.n
    return Nucleolus(game, x + 0.0, np.zeros(game.n), evaluations, method, stages=stages, proof=proof)


def chain(game: Game, everyone: Excesses, floors: Array | None, levels: int | None = None) -> Solved:
    """The chain of programs of a game, in terms of gains; no further than ``levels``."""
    n, sign = game.n, everyone.sign

    def rows(masks: Any, worths: Array) -> Rows:
        return Rows(masks.tolist(), members(masks, n), sign * worths, everyone.weight(masks, worths))

    def oracle(x: Array, t: float, tolerance: float, apart: Array, margin: float) -> Rows:
        loud = everyone.top(sign * x, _AT_ONCE, t + tolerance, apart, margin)
        return rows(loud.masks, loud.worths)

    whole = (1 << n) - 1
    alone = [1 << i for i in range(n)]
    masks = np.array(sorted({*alone, *(whole ^ mask for mask in alone)} - {0, whole}), dtype=np.int64)
    first = rows(masks, game(members(masks, n).astype(np.bool_)))
    return solve_chain(first, oracle, sign * game.grand, floors, relative=everyone.own, levels=levels)
