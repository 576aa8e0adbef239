"""Who bears the loss when payers are ranked by exposure: on the large, on the small, or in proportion.

Same conventions as :mod:`allocopt.judgement.inequality`. Payers of equal exposure are taken together, so that the order
of rows never matters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from allocopt.errors import DataError
from allocopt.facts.checks import Array
from allocopt.judgement.inequality import fractions, read, shares, twice_the_area

if TYPE_CHECKING:
    from allocopt.judgement.inequality import Column


def concentration_index(x: Column, by: Column) -> float:
    r"""Where burdens fall when payers are ranked by ``by``: > 0 on the large, < 0 on the small, 0 on neither.

    .. math:: C = \sum_i \frac{2 R_i - n - 1}{n} p_i

    :math:`R_i` is the rank of payer i by ``by`` (average rank among equals, so the order of rows is irrelevant) and
    :math:`p_i` the share of burden. Within -(1 - 1/n) and 1 - 1/n. ``by`` may be negative, it only ranks.

    Source: Wagstaff, Paci and van Doorslaer, Social Science & Medicine 33, 1991, 545-557.

    >>> concentration_index([1, 2, 3, 4], by=[1, 2, 3, 4]), concentration_index([1, 1, 1, 1], by=[1, 2, 3, 4])
    (0.25, 0.0)
    """
    burden, rank = read(signed=("by",), x=x, by=by)
    return _concentration(burden, rank)


def _concentration(amounts: Array, rank: Array) -> float:
    """Twice the area under the diagonal of the concentration curve; payers equal in rank make one straight piece."""
    if not amounts.any():
        return 0.0
    _, group, count = np.unique(rank, return_inverse=True, return_counts=True)
    return twice_the_area(totals(fractions(amounts), group), count / len(rank))


def totals(amounts: Array, group: NDArray[np.intp]) -> Array:
    """The sum of the amounts of each group, groups numbered from 0."""
    return np.asarray(np.bincount(group, weights=amounts), dtype=np.float64)


def kakwani(x: Column, by: Column) -> float:
    r"""Kakwani progressivity, :math:`C_x - G_{by}`: 0 pro-rata to ``by``, > 0 falls on the large, < 0 on the small.

    The concentration index of burdens ranked by exposure less the Gini coefficient of exposure; above -2, below 1.
    Which sign is fair is a question of policy; that zero is neutral is not.

    Source: Kakwani, Economic Journal 87, 1977, 71-80.

    >>> kakwani([1, 1, 1, 1], by=[1, 2, 3, 4]), kakwani([2, 4, 6, 8], by=[1, 2, 3, 4])
    (-0.25, 0.0)
    """
    burden, exposure = read(x=x, by=by)
    return _concentration(burden, exposure) - _concentration(exposure, exposure) if burden.any() else 0.0


def suits(x: Column, by: Column) -> float:
    r"""Suits progressivity: one less twice the area under the curve of burden against exposure, smallest payers first.

    0 pro-rata to ``by``, towards 1 when the largest bears all, towards -1 when the smallest does. Payers of equal
    exposure make one straight piece. Where rates rise with exposure it is the Gini coefficient of the rates, where
    they fall its negative: not a second opinion. It is the :func:`deviation_index` from pro-rata.

    Source: Suits, American Economic Review 67, 1977, 747-752.

    >>> round(suits([0, 1, 2, 3], by=[1, 2, 3, 4]), 12)
    0.166666666667
    """
    return deviation_index(x, by, by)


def deviation_index(x: Column, reference: Column, by: Column) -> float:
    r"""On whom a division falls more than a reference division does: > 0 on the large, < 0 on the small, 0 on neither.

    .. math:: I = 1 - \sum_k (X_k - X_{k-1})(Y_k + Y_{k-1})

    :math:`X_k` are the running shares of the ``reference`` and :math:`Y_k` those of ``x``, payers in order of ``by``
    (their claims, caps or exposures), smallest first; payers equal in ``by`` make one straight piece. Between -1 and
    1. Against pro-rata to ``by`` it is the Suits index; against equal burdens the concentration index. 0 says that the
    two curves balance, not that the divisions are the same: for that see
    :func:`~allocopt.judgement.departures.distance`. Raises DataError when the reference lays nothing on anybody.

    Source: manual of R package ClaimsProblems 1.0.0, ``deviationindex`` (signed form; definition).

    >>> round(deviation_index([2, 8 / 3, 8 / 3, 8 / 3], [2, 4, 7, 8], by=[2, 4, 7, 8]) * 63, 9)
    -13.0
    """
    burden, basis, rank = read(signed=("by",), x=x, reference=reference, by=by)
    group = np.unique(rank, return_inverse=True)[1]
    p, q = shares(burden, basis)
    return twice_the_area(totals(p, group), totals(q, group))


def reynolds_smolensky(x: Column, by: Column) -> float:
    r"""Reynolds-Smolensky index, :math:`G_{by} - C_{by - x}`: by how much the loss makes what is left more equal.

    ``by`` is what payers had (wealth, default fund contribution) in the unit of ``x``, and what is left is ranked by
    it. Equal to the Kakwani index times :math:`t/(1-t)`, :math:`t = \sum x / \sum by`: for one loss the same ranking.
    Raises DataError when the burdens together reach what there was, unless every payer is left with exactly nothing
    (then all inequality is gone).

    Source: Reynolds and Smolensky, Public Expenditures, Taxes, and the Distribution of Income, 1977.

    >>> round(reynolds_smolensky([0, 0, 1, 2], by=[1, 2, 3, 4]), 12)
    0.142857142857
    """
    burden, had = read(x=x, by=by)
    left = had - burden
    if left.any() and left.sum() <= 0:
        raise DataError(f"burdens of {burden.sum():g} leave nothing of {had.sum():g} in by; choose what payers had")
    return _concentration(had, had) - _concentration(left, had)
