"""Who makes whom dearer: what two players together add beyond what each adds alone."""

from __future__ import annotations

from math import comb

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.games.base import Game, ask_for_table
from allocopt.maths.linear_values import pair_interactions

INDICES = ("shapley", "banzhaf")

PAIR_LIMIT = 27  # players; three tables of 2^27 numbers are 3 GiB


def interactions(game: Game, index: str = "shapley") -> pd.DataFrame:
    r"""What each pair of players adds together beyond what the two add one by one, averaged over coalitions of others.

    .. math:: I_{ij} = \sum_{S \not\ni i, j} p_{|S|} \bigl( v(S \cup \{i, j\}) - v(S \cup i) - v(S \cup j) + v(S) \bigr)

    Positive: each makes the other dearer (a cost) or more useful (a gain); negative: they diversify or replace each
    other. Returns a table, players by players, in the units of the worths, with zeros on its diagonal.

    Parameters
    ----------
    game : the game; its table is made (or is there).
    index : ``shapley``, :math:`p_s = 1 / ((n - 1) \binom{n-2}{s})`, or ``banzhaf``, :math:`p_s = 2^{2-n}`.

    Raises
    ------
    DataError : no such index; a table that is too large.

    Source: Grabisch and Roubens, "An axiomatic approach to the concept of interaction among players in cooperative
    games", International Journal of Game Theory 28 (1999).

    >>> from allocopt.games import table
    >>> interactions(table([0, 1, 3, 8], players=["A", "B"])).to_numpy()
    array([[0., 4.],
           [4., 0.]])
    """
    if index not in INDICES:
        raise unknown("index of interaction", index, INDICES)
    n = game.n
    if n > PAIR_LIMIT:
        raise DataError(
            f"the game has {n} players; interactions of pairs end at {PAIR_LIMIT}: look at restricted() games"
        )
    values = game.table()
    ask_for_table(n + 1)  # weighed worths and their weights take two more
    sizes = range(max(n - 1, 0))
    weights = [1.0 / ((n - 1) * comb(n - 2, s)) if index == "shapley" else 2.0 ** (2 - n) for s in sizes]
    found = pair_interactions(values, n, np.array(weights))
    return pd.DataFrame(found, index=game.players, columns=game.players)
