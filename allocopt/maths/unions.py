"""Values of players who stand together in unions: first the unions bargain, then the members of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from allocopt.facts.checks import Array
from allocopt.maths.shapley import blocks_of, memberships, semivalue

_ROWS = 1 << 14  # coalitions asked for at once

Weights = Callable[[int], Array]


def union_count(unions: Sequence[NDArray[np.intp]]) -> float:
    """How many coalitions :func:`union_value` looks at.

    >>> union_count([np.array([0, 1]), np.array([2])])
    12.0
    """
    return float(sum(2.0 ** (len(unions) - 1 + union.size) for union in unions))


def union_value(
    worths: Callable[[NDArray[np.bool_]], Array],
    n: int,
    unions: Sequence[NDArray[np.intp]],
    between: Weights,
    within: Weights,
) -> Array:
    r"""A semivalue among unions, and within each union a semivalue of the game its parts play against the others.

    .. math:: \phi_i = \sum_{R \subseteq M \setminus k} p_{|R|} \sum_{T \subseteq B_k \setminus i} q_{|T|}
       \bigl( v(Q_R \cup T \cup i) - v(Q_R \cup T) \bigr), \qquad Q_R = \bigcup_{r \in R} B_r

    for player i of union :math:`B_k`. ``worths`` gives the worths of rows of true/false; ``unions`` lists the players
    of each, every player once; ``between(m)`` and ``within(b)`` are the weights p and q for m unions and b members.
    Only unions of whole unions with a part of one are looked at, so many players in few unions cost little.
    """
    m = len(unions)
    weights = between(m) if m else np.empty(0)
    out = np.empty(n)
    for k, union in enumerate(unions):
        others = [b for j, b in enumerate(unions) if j != k]
        parts = memberships(0, 1 << union.size, union.size)
        average = np.zeros(len(parts))
        step = max(1, _ROWS // len(parts))
        for start in range(0, 1 << (m - 1), step):
            present = memberships(start, min(start + step, 1 << (m - 1)), m - 1)
            rows = np.zeros((len(present), len(parts), n), dtype=np.bool_)
            for j, other in enumerate(others):
                rows[:, :, other] = present[:, None, None, j]
            rows[:, :, union] = parts
            found = worths(rows.reshape(-1, n)).reshape(len(present), -1)
            # Only differences within the union count: what the others are worth without it is taken off at once.
            average += (weights[present.sum(axis=1)][:, None] * (found - found[:, :1])).sum(axis=0)
        out[union] = semivalue(blocks_of(average), union.size, within(union.size))
    return out
