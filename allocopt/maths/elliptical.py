r"""Tails in closed form when losses are jointly normal or Student-t: the yardstick for every estimate from scenarios.

Losses :math:`X` with location :math:`\mu` and scale matrix :math:`\Sigma` (the covariance matrix when normal) have a
total whose risk at a level is :math:`\mu_S + k\,\sigma_S`, and each part contributes
:math:`\mu_i + k\,(\Sigma 1)_i / \sigma_S`, where :math:`k` is the same risk of the standard distribution.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def standard_quantile(level: float, nu: float | None = None) -> float:
    """The quantile of the standard normal, or of Student's t with ``nu`` degrees of freedom.

    >>> round(standard_quantile(0.975), 6)
    1.959964
    """
    from scipy.special import ndtri, stdtrit

    return float(ndtri(level) if nu is None else stdtrit(nu, level))


def standard_tail_mean(level: float, nu: float | None = None) -> float:
    r"""The tail mean of the standard normal, :math:`\varphi(z) / (1 - a)`, or of Student's t,
    :math:`f(z)\,(\nu + z^2) / ((\nu - 1)(1 - a))`, which needs more than one degree of freedom.

    >>> round(standard_tail_mean(0.975), 6), round(standard_tail_mean(0.975, nu=8), 6)
    (2.337803, 2.969907)
    """
    from scipy.special import gammaln

    z = standard_quantile(level, nu)
    if nu is None:
        return float(np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)) / (1.0 - level)
    log_peak = gammaln(0.5 * (nu + 1.0)) - gammaln(0.5 * nu) - 0.5 * np.log(nu * np.pi)
    height = float(np.exp(log_peak - 0.5 * (nu + 1.0) * np.log1p(z * z / nu)))
    return height * (nu + z * z) / ((nu - 1.0) * (1.0 - level))


def elliptical_contributions(
    location: Array, scale: Array, level: float, measure: str = "es", nu: float | None = None
) -> Array:
    """What each part contributes to the ``es``, ``var`` or ``std`` of the sum; ``std`` is that of the scale matrix.

    >>> elliptical_contributions(np.zeros(2), np.diag([9.0, 16.0]), 0.975).round(6)
    array([4.208045, 7.480969])
    """
    rows = scale.sum(axis=1)
    spread = float(np.sqrt(rows.sum()))
    if measure == "std":
        return np.asarray(rows / spread)
    k = standard_tail_mean(level, nu) if measure == "es" else standard_quantile(level, nu)
    return np.asarray(location + k * rows / spread)
