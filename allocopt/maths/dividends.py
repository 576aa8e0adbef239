"""What a coalition adds beyond all its parts, and values that hand that dividend out among its members."""

from __future__ import annotations

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array
from allocopt.maths.shapley import player_count


def dividends(values: Array) -> Array:
    r"""Harsanyi dividends by bit mask: :math:`d(S) = \sum_{T \subseteq S} (-1)^{|S| - |T|} v(T)`, O(n 2^n).

    ``values`` holds v by bit mask, length :math:`2^n`, the empty coalition first.

    >>> dividends(np.array([0.0, 1.0, 2.0, 4.0]))
    array([0., 1., 2., 1.])
    """
    out = np.array(values, dtype=np.float64)
    for player in range(player_count(out.size)):
        pairs = out.reshape(-1, 2, 1 << player)
        pairs[:, 1] -= pairs[:, 0]
    return out


def proportional_shapley_from_table(values: Array) -> Array:
    r"""Every dividend is shared among its members in proportion to what each is worth alone.

    .. math:: \psi_i = \sum_{S \ni i} \frac{v(i)}{\sum_{j \in S} v(j)}\, d(S)

    Stand-alone worths :math:`v(i)` must be positive. The values sum to the worth of all players; with equal
    stand-alone worths they are the Shapley value. Source: Béal, Ferrières, Rémila and Solal (2018), "The proportional
    Shapley value and applications", Games and Economic Behavior 108.

    >>> proportional_shapley_from_table(np.array([0.0, 1.0, 3.0, 8.0]))
    array([2., 6.])
    """
    from allocopt.maths.weighted_orders import weighted_shapley_from_table

    alone = np.asarray(values, dtype=np.float64)[1 << np.arange(player_count(values.size))]
    if (alone <= 0).any():
        at = int(np.flatnonzero(alone <= 0)[0])
        raise DataError(
            f"player {at} is worth {alone[at]:g} alone; the proportional Shapley value needs positive worths"
        )
    return weighted_shapley_from_table(values, alone)
