"""Values when players do not stand alone: members of unions (one group of firms) and players who need links to act."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array
from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.exact import every_worth, worths_by_mask
from allocopt.games.values import computed
from allocopt.maths.connected import myerson_value
from allocopt.maths.shapley import semivalue, shapley_weights
from allocopt.maths.unions import union_count, union_value

_MOST = 2**24  # coalitions of whole unions with a part of one; a second or two to a minute, as the game goes
_WIDE = 62  # players in a bit mask of 64 bits


def _coin_weights(n: int) -> Array:
    return np.full(n, 2.0 ** (1 - n))


BARGAINING = {"shapley": shapley_weights, "banzhaf": _coin_weights}


def owen(game: Game, unions: Any, between: str = "shapley", within: str = "shapley") -> GameValue:
    r"""The value of players who stand together in unions: unions bargain as one, then their members among themselves.

    .. math:: \phi_i = \sum_{R \subseteq M \setminus k} p_{|R|} \sum_{T \subseteq B_k \setminus i} q_{|T|}
       \bigl( v(Q_R \cup T \cup i) - v(Q_R \cup T) \bigr), \qquad Q_R = \bigcup_{r \in R} B_r

    for player i of union :math:`B_k`, one of m: the average of what i adds over all orders in which the members of a
    union come one after the other. Affiliated clearing members are such a union: they default, or stay, together. Only
    unions of whole unions with a part of one are looked at, so the number of players is limited by the unions alone.

    Parameters
    ----------
    game : the game.
    unions : lists of players (names), or a Series or dict from player to the name of its union. Players who are in no
        list, or whose union is missing, stand alone.
    between, within : ``shapley`` or ``banzhaf``, how unions bargain and how their members do. Shapley and Shapley give
        the Owen value, which adds up to the worth of all; Banzhaf and Banzhaf the Banzhaf-Owen value; Banzhaf between
        and Shapley within the symmetric coalitional Banzhaf value.

    Raises
    ------
    DataError : a name that is no player, a player in two unions, an empty union, more than 2^24 coalitions to look at.

    Sources: Owen, "Values of games with a priori unions" (1977); "Modification of the Banzhaf-Coleman index for games
    with a priori unions" (1982); Alonso-Meijide and Fiestras-Janeiro, Annals of Operations Research 109 (2002).

    >>> from allocopt.games import threshold
    >>> votes = threshold([2, 1, 1, 1], 3, players=["A", "B", "C", "D"])
    >>> owen(votes, [["A", "B"]]).values.round(4).to_dict()
    {'A': 0.6667, 'B': 0.3333, 'C': 0.0, 'D': 0.0}
    """
    for chosen in (between, within):
        if chosen not in BARGAINING:
            raise unknown("way to bargain", chosen, BARGAINING)
    groups = _groups(unions, game.players)
    names = {("shapley", "shapley"): "Owen", ("banzhaf", "banzhaf"): "Banzhaf-Owen"}
    name = names.get((between, within), f"{between} between and {within} within unions")
    method = f"{name}, {len(groups)} unions, exact enumeration"
    if all(group.size == 1 for group in groups):
        return computed(game, semivalue(every_worth(game), game.n, BARGAINING[between](game.n)), method)
    count = union_count(groups)
    if count > _MOST:
        raise DataError(
            f"{len(groups)} unions with up to {max(g.size for g in groups)} players have {count:,.0f} coalitions to "
            f"look at, more than {_MOST:,}: form fewer or smaller unions"
        )
    amounts = union_value(game, game.n, groups, BARGAINING[between], BARGAINING[within])
    return computed(game, amounts, method, count)


def myerson(game: Game, links: Iterable[tuple[Any, Any]]) -> GameValue:
    r"""The Shapley value when players act together only along links: a coalition is worth what its parts are worth.

    .. math:: \mu_i(v) = \phi_i(v^g), \qquad v^g(S) = \sum_{C \in S / g} v(C)

    with :math:`S / g` the connected parts of S. The entries add up to the worth of the connected parts of all players.
    Only connected coalitions are looked at, by the formula

    .. math:: \mu_i = \sum_{C \ni i} \frac{(|C| - 1)!\, |\partial C|!}{(|C| + |\partial C|)!} v(C)
              - \sum_{\partial C \ni i} \frac{|C|!\, (|\partial C| - 1)!}{(|C| + |\partial C|)!} v(C)

    where :math:`\partial C` are the players next to C: a line of 60 players has 1,830 of them.

    Parameters
    ----------
    game : the game, of at most 62 players.
    links : pairs of players (names); each pair can act together.

    Raises
    ------
    DataError : a link that is no pair, that names no player or one player twice; too many connected coalitions.

    Source: Myerson, "Graphs and cooperation in games", Mathematics of Operations Research 2 (1977).

    >>> from allocopt.games import table
    >>> myerson(table([0, 0, 0, 6, 0, 6, 6, 6], kind="gain"), [(0, 1), (1, 2)]).values.tolist()
    [1.0, 4.0, 1.0]
    """
    if game.n > _WIDE:
        raise DataError(f"the game has {game.n} players; the Myerson value takes up to {_WIDE}")
    adjacent = np.zeros(game.n, dtype=np.int64)
    for link in links:
        ends = None if isinstance(link, str) or not isinstance(link, Sequence | frozenset | set) else list(link)
        if ends is None or len(ends) != 2:
            raise DataError(f"{link!r} is no link; give pairs of players, such as ('A', 'B')")
        one, other = (_player(end, game.players) for end in ends)
        if one == other:
            raise DataError(f"the link {link!r} joins {ends[0]!r} to itself; a link joins two players")
        adjacent[one] |= 1 << other
        adjacent[other] |= 1 << one
    amounts, count = myerson_value(lambda masks: worths_by_mask(game, masks), adjacent)
    return computed(game, amounts, f"Myerson, exact over {count:,} connected coalitions", count)


def _player(name: Any, players: pd.Index) -> int:
    if name not in players:
        raise unknown("player", name, map(str, players))
    return int(np.flatnonzero(players == name)[0])


def _groups(unions: Any, players: pd.Index) -> list[NDArray[np.intp]]:
    """The players of every union by position, those who stand alone included."""
    if isinstance(unions, str):
        raise DataError(f"unions is the text {unions!r}; give lists of players, or a Series from player to union")
    if isinstance(unions, Mapping | pd.Series):
        labels = {name: label for name, label in unions.items() if not pd.isna(label)}
        lists: list[list[Any]] = [[p for p in labels if labels[p] == label] for label in dict.fromkeys(labels.values())]
    else:
        lists = [[union] if isinstance(union, str) else list(union) for union in unions]
    taken: dict[int, int] = {}
    groups = []
    for number, members in enumerate(lists):
        if not members:
            raise DataError(f"union {number} is empty; leave it out")
        places = [_player(name, players) for name in members]
        for name, place in zip(members, places, strict=True):
            if place in taken:
                raise DataError(f"player {name!r} is in union {taken[place]} and again in union {number}; name it once")
            taken[place] = number
        groups.append(np.array(places, dtype=np.intp))
    return groups + [np.array([i], dtype=np.intp) for i in range(len(players)) if i not in taken]
