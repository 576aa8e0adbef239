"""Games built from unanimity games: an amount arises whenever all members of some group are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number
from allocopt.games.base import ClosedForm, Coalitions, Game, player_index
from allocopt.maths.closed_values import dividend_banzhaf, dividend_shapley

_ROWS = 1 << 22  # coalition x group entries held at once


@dataclass(frozen=True, eq=False, repr=False)
class DividendGame(Game):
    """A sum of unanimity games; ``groups`` has one row of true/false per group, ``amounts`` its dividend."""

    groups: NDArray[np.bool_]
    amounts: Array

    def worths(self, coalitions: Coalitions) -> Array:
        out = np.zeros(len(coalitions))
        step = max(1, _ROWS // max(1, len(self.groups)))
        groups = self.groups.T.astype(np.float64)
        for start in range(0, len(coalitions), step):
            missing = ~coalitions[start : start + step] @ groups
            out[start : start + step] = (missing == 0) @ self.amounts
        return out

    @cached_property
    def _parts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The bit masks of each group's members among the first players and among the others."""
        low = self.block_bits
        bits = 1 << np.arange(self.n, dtype=np.int64)
        return self.groups[:, :low] @ bits[:low], self.groups[:, low:] @ bits[: self.n - low]

    def block(self, index: int) -> Array:
        """Dividends are put in their places and summed over subsets, player by player."""
        low, high = self._parts
        there = (high & ~index) == 0
        size = 1 << self.block_bits
        out = np.asarray(np.bincount(low[there], self.amounts[there], size), dtype=np.float64)
        for i in range(self.block_bits):
            halves = out.reshape(-1, 2, 1 << i)
            halves[:, 1] += halves[:, 0]
        return out

    def closed_form(self, value: str = "shapley", seed: int | None = None) -> ClosedForm | None:
        """The members of a group share its dividend equally; a member of Banzhaf's sees the others half of the time."""
        known = {"shapley": dividend_shapley, "banzhaf": dividend_banzhaf}.get(value)
        return None if known is None else ClosedForm(known(self.groups, self.amounts), 0.0, "dividends")


def dividends(amounts: Mapping[Any, float], players: Sequence[Any], kind: str = "gain") -> DividendGame:
    r"""The game in which each listed group brings an amount whenever all its members are there.

    .. math:: v(S) = \sum_{T \subseteq S} d_T, \qquad \phi_i = \sum_{T \ni i} \frac{d_T}{|T|}

    Every game is such a sum for one choice of the (Harsanyi) dividends :math:`d_T`. Netting benefits between pairs of
    members, or costs that arise only when certain members are there together, are stated this way.

    Parameters
    ----------
    amounts : :math:`d_T` by group; a group is a tuple or frozenset of names, or one name. Finite, of any sign.
    players : the names of all players.
    kind : ``gain`` or ``cost``.

    Raises
    ------
    DataError : a group without members, with one named twice or with one who is not a player; NaN; a name used twice.

    Source: Harsanyi, "A simplified bargaining model for the n-person cooperative game", International Economic Review 4
    (1963).

    >>> dividends({("A", "B"): 6.0, "A": 1.0}, players=["A", "B"]).table()
    array([0., 1., 0., 7.])
    """
    if not isinstance(amounts, Mapping):
        raise DataError(f"amounts is {amounts!r}; give a mapping from groups of players to amounts")
    if isinstance(players, str) or not hasattr(players, "__len__"):
        raise DataError(f"players is {players!r}; give a list of names")
    names = player_index(players, len(players))
    groups = np.zeros((len(amounts), len(names)), dtype=np.bool_)
    for row, group in enumerate(amounts):
        members = list(group) if isinstance(group, tuple | frozenset) else [group]
        at = names.get_indexer(pd.Index(members, tupleize_cols=False))
        if not len(at) or (at < 0).any() or len(set(at.tolist())) < len(at):
            raise DataError(
                f"group {group!r} must name one or more players, each once; they are {', '.join(map(repr, names[:8]))}"
            )
        groups[row, at] = True
    given = [number(d, f"the dividend of group {g!r}", low=-np.inf) for g, d in amounts.items()]
    groups.flags.writeable = False
    return DividendGame(names, kind, groups, np.array(given, dtype=np.float64))


def unanimity(members: Sequence[Any], players: Sequence[Any], kind: str = "gain") -> DividendGame:
    r"""The game worth 1 to whoever has all of ``members``: :math:`u_T(S) = 1` if :math:`T \subseteq S`, else 0.

    Raises ``DataError`` for no members, a member who is not a player, or a name used twice. Source: Shapley (1953).

    >>> unanimity(["A", "B"], players=["A", "B", "C"]).table()
    array([0., 0., 0., 1., 0., 0., 0., 1.])
    """
    if isinstance(members, str) or not isinstance(members, Sequence):
        raise DataError(f"members is {members!r}; give a list of names")
    return dividends({tuple(members): 1.0}, players, kind)
