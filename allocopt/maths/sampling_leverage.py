r"""The Shapley value as the additive game nearest to a sample of coalitions, weighed as all coalitions would be.

.. math:: \min_x \sum_S \frac{1}{\binom{n-2}{|S|-1}} \bigl( v(S) - x(S) \bigr)^2 \quad\text{s.t.}\quad x(N) = v(N)

has the Shapley value as its solution, and the leverage of a coalition in it is the same for all of one size and for all
sizes together: so sizes are drawn alike, in pairs of a coalition and its complement, none twice. Source: Musco and
Witter, "Provably accurate Shapley value estimation via leverage score sampling" (2025).
"""

from __future__ import annotations

import numpy as np

from allocopt.facts.checks import Array
from allocopt.maths.sampling import Rows, Whole, pair_counts, shares_of_size
from allocopt.maths.sampling_regression import Estimate


def by_leverage(rows: Rows, sizes: Whole, gaps: Array, total: float) -> Estimate:
    """Fit pairs as :class:`~allocopt.maths.sampling.PairSampler` draws them, at least two of each size.

    ``gaps`` holds :math:`v(S) - v(N \\setminus S)`. The estimate is consistent, not unbiased; its errors are those of
    the fit linearised about its solution, each residual enlarged for its own pull on the fit.
    """
    n = rows.shape[1]
    counts = np.array([float(count) for count in pair_counts(n)])
    drawn = np.bincount(sizes, minlength=len(counts)).astype(np.float64)
    member = rows - (sizes / n)[:, None]
    weight = (shares_of_size(n) / np.maximum(drawn, 1.0))[sizes]
    target = (gaps - (2.0 * sizes / n - 1.0) * total) / 2.0
    gram = (member * weight[:, None]).T @ member + 1.0 / n  # memberships add up to nothing: that direction is filled
    solved = np.linalg.solve(gram, np.column_stack((member.T @ (weight * target), member.T)))
    away = solved[:, 0] - solved[:, 0].mean()
    pull = np.einsum("ij,ji->i", member, solved[:, 1:]) * weight
    left = (target - member @ away) / np.maximum(1.0 - pull, 0.5)
    each = solved[:, 1:].T * (weight * left)[:, None]
    many = np.maximum(drawn, 2.0)[:, None]
    sums, squares = np.zeros((len(counts), n)), np.zeros((len(counts), n))
    np.add.at(sums, sizes, each)
    np.add.at(squares, sizes, each**2)
    lost = (1.0 - drawn / np.maximum(counts, 1.0))[:, None] * many / (many - 1.0)
    by_size = lost * np.maximum(0.0, squares - sums**2 / many)
    variance, doubt = by_size.sum(axis=0), (by_size**2 / (many - 1.0)).sum(axis=0)
    freedom = np.divide(variance**2, doubt, out=np.full(n, np.inf), where=doubt > 0)
    return Estimate(total / n + away, np.sqrt(variance), freedom, "leverage scores", np.zeros(len(counts)))
