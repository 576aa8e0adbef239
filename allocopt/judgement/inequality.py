"""How unequal a division is: pure formulas on one column of burdens, or on burdens against a column of exposures.

Every function takes burdens ``x``, one number >= 0 per payer, as a Series (aligned by payer id), an array or a list.
With ``by`` (exposures, same payers) it judges the ratios ``x / by``, and every unit of ``by`` counts once, so that
splitting an account in proportion changes nothing: the shares of burden :math:`p_i = x_i / \\sum x` are held against
the shares of exposure :math:`q_i = by_i / \\sum by`. Without ``by`` every payer counts once, :math:`q_i = 1/n`.

When nothing is paid, or there is nobody to pay, nothing is unequal. A payer with neither burden nor exposure does not
count. NaN, infinite or negative entries, a payer missing from a column, and burdens on exposures that are all zero
raise :class:`~allocopt.errors.DataError`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number, vector

if TYPE_CHECKING:
    Column = pd.Series[Any] | Array | Sequence[float]

# What a closed form is certified to, relative to the loss: smaller differences are rounding and rank nobody.
ROUNDING = 1e-9


def read(signed: tuple[str, ...] = (), **columns: Any) -> tuple[Array, ...]:
    """Each named column as floats, aligned on the first Series among them; None reads as ones, a unit per payer."""
    for name, values in columns.items():
        listed = isinstance(values, pd.Series) or (isinstance(values, np.ndarray) and values.ndim)
        if not (values is None or listed or (isinstance(values, Sequence) and not isinstance(values, str))):
            kind = type(values).__name__
            raise DataError(f"{name} is a {kind}; expected one number per payer: a Series, an array or a list")
    labelled = [values.index for values in columns.values() if isinstance(values, pd.Series)]
    ids = labelled[0] if labelled else pd.RangeIndex(len(next(iter(columns.values()))))
    return tuple(
        np.ones(len(ids)) if values is None else vector(values, ids, name, low=-math.inf if name in signed else 0.0)
        for name, values in columns.items()
    )


def fractions(amounts: Array) -> Array:
    """Amounts over their total; zeros when there is nothing. Scaled first, so that no total overflows."""
    if not amounts.any():
        return np.zeros(len(amounts))
    scaled = amounts / np.abs(amounts).max()
    return np.asarray(scaled / scaled.sum(), dtype=np.float64)


def require_exposure(x: Array, w: Array) -> None:
    """Raise DataError when something is paid and nobody has exposure: no ratio is defined then."""
    if x.any() and not w.any():
        raise DataError("by sums to zero while something is paid, so no ratio is defined; choose another column")


def shares(x: Array, w: Array) -> tuple[Array, Array]:
    """Shares of burden and of exposure; the same when nothing is paid, for then nothing is unequal."""
    require_exposure(x, w)
    return fractions(x) if x.any() else fractions(w), fractions(w)


def counted(x: Column, by: Column | None) -> tuple[Array, Array]:
    """Shares of burden and of exposure of the payers who have either."""
    p, q = shares(*read(x=x, by=by))
    counts = (p > 0) | (q > 0)
    return p[counts], q[counts]


def ratio(p: Array, q: Array) -> Array:
    """Burden over exposure; infinite without exposure."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        return np.asarray(p / q, dtype=np.float64)


def by_ratio(p: Array, q: Array) -> tuple[Array, Array]:
    """The same payers, lightest ratio first."""
    order = np.argsort(ratio(p, q), kind="stable")
    return p[order], q[order]


def twice_the_area(p: Array, q: Array) -> float:
    """Twice the area between the diagonal and the curve through the running sums (q, p), in the order given.

    As a sum of cross products rather than one minus trapezoids: pairs with equal ratios cancel exactly.
    """
    return float(np.sum(p * (np.cumsum(q) - q) - q * (np.cumsum(p) - p)))


def gini(x: Column, weights: Column | None = None, by: Column | None = None, unbiased: bool = False) -> float:
    r"""Gini coefficient: half the mean difference between two payers, relative to the mean; 0 equal, towards 1 unequal.

    .. math:: G = \frac{\sum_{ij} |x_i - x_j|}{2 n^2 \bar x}, \qquad
        G_{by} = \frac{\sum_{ij} w_i w_j |r_i - r_j|}{2 \sum w \sum x},\ r_i = x_i / w_i,\ w = by

    This is the population form, at most 1 - 1/n (as in PySAL, inequalipy and ClaimsProblems); ``unbiased=True``
    multiplies it by n/(n-1) (as IneqPy does). ``weights`` are frequencies: an entry of weight 3 stands for three
    payers. Gini of burdens calls equal amounts perfect and pro-rata unfair, Gini by exposure the reverse: say which.
    Computed by sorting, O(n log n).

    Source: C. Gini, "Variabilità e mutabilità", 1912.

    >>> gini([1, 2, 3, 4]), round(gini([10, 10, 30], by=[10, 20, 20]), 12)
    (0.25, 0.24)
    """
    if unbiased and by is not None:
        raise DataError("unbiased=True corrects for the number of payers and has no meaning by exposure: leave out by")
    burdens, exposures, copies = read(x=x, by=by, weights=weights)
    value = max(0.0, twice_the_area(*by_ratio(*shares(burdens * copies, exposures * copies))))
    if not unbiased or value == 0.0:
        return value
    n = float(copies.sum())
    if n <= 1:
        raise DataError(f"weights sum to {n:g}; unbiased=True needs counts of payers, more than one in all")
    return value * n / (n - 1)


def coefficient_of_variation(x: Column, by: Column | None = None) -> float:
    r"""Standard deviation (population form) over the mean, :math:`\sqrt{\sum_i (p_i - q_i)^2 / q_i}`; 0 when equal.

    >>> round(coefficient_of_variation([1, 2, 3, 4]) ** 2, 12)
    0.2
    """
    p, q = counted(x, by)
    with np.errstate(divide="ignore", over="ignore"):
        return math.sqrt(np.sum((p - q) * ((p - q) / q)))


def jain(x: Column, by: Column | None = None) -> float:
    r"""Jain's index :math:`(\sum x)^2 / (n \sum x^2) = 1/(1 + CV^2)`: 1 when equal, 1/n when one payer bears all.

    A function of the coefficient of variation, so never a second opinion beside it (nor beside :func:`hhi`).

    Source: Jain, Chiu and Hawe, DEC-TR-301, 1984; the family it belongs to: Lan et al., arXiv 0906.0557.

    >>> round(jain([1, 2, 3, 4]), 12)
    0.833333333333
    """
    return 1.0 / (1.0 + coefficient_of_variation(x, by) ** 2)


def hhi(x: Column) -> float:
    r"""Herfindahl-Hirschman index of the shares, :math:`\sum_i p_i^2 = 1/(n J)`: 1/n when equal, 1 when one bears all.

    >>> round(hhi([1, 2, 3, 4]), 12)
    0.3
    """
    return float(np.sum(shares(*read(x=x, by=None))[0] ** 2))


def generalized_entropy(x: Column, alpha: float, by: Column | None = None) -> float:
    r"""Generalised entropy GE(alpha): 0 when equal; large alpha looks at heavy burdens, small alpha at light ones.

    .. math:: GE(\alpha) = \frac{1}{\alpha(\alpha - 1)} \Big[\sum_i q_i (p_i/q_i)^\alpha - 1\Big]

    GE(1) is Theil's T, GE(0) Theil's L, GE(2) half the squared coefficient of variation. With alpha <= 0 a payer who
    pays nothing makes it infinite; with alpha >= 1 a payer without exposure who pays does.

    Source: Shorrocks, Econometrica 48, 1980, 613-625.

    >>> round(generalized_entropy([1, 2, 3, 4], alpha=2), 12)
    0.1
    """
    a = number(alpha, "alpha", low=-math.inf)
    p, q = counted(x, by)
    if a in (0.0, 1.0):
        return _divergence(p, q) if a else _divergence(q, p)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        logs = np.log(p / q)
        # each term less its tangent at p = q, written so that nothing cancels as alpha nears 0 or 1
        if a < 0.5:
            terms = np.where(q > 0, q * np.expm1(a * logs), 0.0) - a * (p - q)
        else:
            terms = np.where(p > 0, p * np.expm1((a - 1) * logs), 0.0) - (a - 1) * (p - q)
    return max(0.0, float(np.sum(terms / (a * (a - 1)))))


def _divergence(p: Array, q: Array) -> float:
    """Kullback-Leibler divergence of p from q, with 0 log 0 = 0; each term is >= 0 because the totals agree."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        return max(0.0, float(np.sum(np.where(p > 0, p * np.log(p / q), 0.0) - p + q)))


def theil(x: Column, by: Column | None = None) -> float:
    r"""Theil's T, :math:`\sum_i p_i \log(p_i/q_i)` with 0 log 0 = 0: 0 when equal, log n when one payer bears all.

    Source: H. Theil, Economics and Information Theory, 1967.

    >>> round(theil([0, 0, 0, 1]) / math.log(4), 12)
    1.0
    """
    return generalized_entropy(x, 1.0, by)


def theil_l(x: Column, by: Column | None = None) -> float:
    r"""Theil's L, the mean log deviation :math:`\sum_i q_i \log(q_i/p_i)`; infinite as soon as one payer pays nothing.

    That makes it a wrong-way tool on burdens, where paying nothing is ordinary: use it on residual wealth.

    >>> theil_l([0, 1, 1])
    inf
    """
    return generalized_entropy(x, 0.0, by)


def hoover(x: Column, by: Column | None = None) -> float:
    r"""Hoover index :math:`\tfrac12 \sum_i |p_i - q_i|`: the part of the loss that would have to change hands.

    0 when equal, towards 1 when those with least exposure bear all.

    Source: Hoover, Review of Economics and Statistics 18, 1936, 162-171.

    >>> round(hoover([10, 10, 30], by=[10, 20, 20]), 12)
    0.2
    """
    p, q = counted(x, by)
    return 0.5 * float(np.abs(p - q).sum())
