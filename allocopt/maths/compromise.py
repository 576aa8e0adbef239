"""What a player can hope for at most and must get at least, judged by what all the others together can do."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from allocopt.facts.checks import Array
from allocopt.maths.coalitions import subset_sums
from allocopt.maths.shapley import BLOCK_BITS, bit_maxima


def minimal_rights(blocks: Array | Iterable[Array], utopia: Array) -> Array:
    r"""What is left for a player in its best coalition when all other members get their utopia payoff.

    .. math:: m_i = \max_{S \ni i} \Bigl( v(S) - \sum_{j \in S \setminus i} M_j \Bigr)

    ``blocks`` is as in :func:`~allocopt.maths.shapley.member_sums`; ``utopia`` holds :math:`M_i`, one per player. Each
    worth is read once, O(2^n).

    >>> minimal_rights(np.array([[0.0, 1, 3, 8]]), np.array([5.0, 7.0]))
    array([1., 3.])
    """
    low = min(utopia.size, BLOCK_BITS)
    inside, above = subset_sums(utopia[:low]), subset_sums(utopia[low:])
    best = np.full(1 << low, -np.inf)
    tops = np.empty(1 << (utopia.size - low))
    for index, block in enumerate(blocks):
        gaps = block - (inside + above[index])
        tops[index] = gaps.max()
        np.maximum(best, gaps, out=best)
    return np.concatenate([bit_maxima(best), bit_maxima(tops)]) + utopia
