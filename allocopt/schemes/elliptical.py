"""Every payer bears what it contributes to the joint risk when losses are jointly normal or Student-t."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number, vector
from allocopt.facts.problem import LossProblem
from allocopt.facts.scenarios import tail_level
from allocopt.maths.elliptical import elliptical_contributions, standard_quantile, standard_tail_mean
from allocopt.maths.tails import MEASURES, SAME
from allocopt.schemes.keys import key_values
from allocopt.schemes.risk_rule import ContributionRule, Contributions, adding_up, measure_named


@dataclass(frozen=True, eq=False, kw_only=True)
class Elliptical(ContributionRule):
    r"""Every payer bears what it contributes to the joint risk when losses are jointly normal or Student-t.

    .. math:: \kappa_i = \mu_i + \bigl(\mathrm{risk}(\ell) - \mu_\ell\bigr) \frac{(\Sigma 1)_i}{1^\top \Sigma 1}, \qquad
       \sum_i \kappa_i = \mathrm{risk}(\ell) = \mu_\ell + k \sqrt{1^\top \Sigma 1}, \qquad
       x_i = \min(c_i,\ p\,\kappa_i^+)

    :math:`\mu_i` is the mean loss of payer :math:`i` per unit of its position (``location``: a column or figures, zero
    by default; loss > 0), :math:`\Sigma` the covariance matrix (``scale``, payers x payers; with ``nu`` degrees of
    freedom the scale matrix of a Student-t), both multiplied by the ``exposure`` (a column or signed figures, one each
    by default). :math:`k` is the ``"es"``, ``"var"`` or ``"std"`` of the standard distribution at ``level``. With
    ``measure="entropic"``, :math:`\tfrac1\theta \log E\,e^{\theta \ell}` of normal losses, contributions are those of
    Aumann and Shapley, :math:`\kappa_i = \mu_i + \tfrac\theta2 (\Sigma 1)_i`. No scenarios are drawn, so nothing is
    estimated; a payer who offsets the others has a negative contribution: see ``policy``.

    >>> table = pd.DataFrame({"cap": [20.0, 20.0]}, index=["A", "B"])
    >>> rule = Elliptical(scale=[[9.0, 0.0], [0.0, 16.0]], measure="std")
    >>> rule.allocate(LossProblem(5, table, cap="cap")).shares.round(9).to_list()
    [1.8, 3.2]
    """

    name = "elliptical"
    aliases = ("normal-contribution", "alloc-ellip")
    formula = (
        r"x_i = \min(c_i,\ p\, \kappa_i^+),\quad "
        r"\kappa_i = \mu_i + k\, (\Sigma 1)_i / \sqrt{1^\top \Sigma 1}"
    )
    source = "McNeil, Frey and Embrechts (2015), Corollary 8.43; Tasche (2008), arXiv:0708.2542"
    letters = MappingProxyType(
        {
            r"\mu_i": "mean loss of payer i",
            r"\Sigma": "covariance, or scale, of the losses of all payers",
            r"k": "the risk measure of the standard distribution",
        }
    )

    scale: Any = field(repr=False, metadata={"help": "covariance or scale matrix of losses, payers x payers"})
    location: Any = field(default=None, metadata={"help": "mean loss of each payer: column or figures; zero"})
    exposure: Any = field(default=None, metadata={"help": "signed position of each payer: column or figures; one"})
    level: float = field(default=0.975, metadata={"help": "level of the risk measure, strictly between 0 and 1"})
    measure: str = field(default="es", metadata={"help": "'es', 'var', 'std' or 'entropic'"})
    nu: float | None = field(default=None, metadata={"help": "degrees of freedom of a Student-t; normal when left out"})
    theta: float | None = field(default=None, metadata={"help": "aversion to risk per unit of money (entropic)"})

    def __post_init__(self) -> None:
        super().__post_init__()
        tail_level(self.level)
        measure_named(self.measure, (*MEASURES, "entropic"))
        if (self.measure == "entropic") != (self.theta is not None):
            raise DataError("elliptical: theta goes with measure='entropic', and that needs it, per unit of money")
        if self.theta is not None and number(self.theta, "theta of elliptical") == 0:
            raise DataError("theta of elliptical is 0, which leaves the plain mean; give a positive number")
        if self.nu is not None:
            least = {"es": 1.0, "var": 0.0, "std": 2.0, "entropic": np.inf}[self.measure]
            if not number(self.nu, "nu of elliptical", finite=False) > least:
                raise DataError(
                    f"elliptical: {self.measure!r} of a Student-t with nu={self.nu:g} does not exist; give nu above "
                    f"{least:g}, or leave nu out for normal losses"
                )
        _ = self.matrix

    @cached_property
    def matrix(self) -> pd.DataFrame:
        """The matrix, checked: square, finite, symmetric, no direction of negative variance."""
        named = isinstance(self.scale, pd.DataFrame)
        try:
            figures = np.array(self.scale, dtype=np.float64)
        except (TypeError, ValueError):
            raise DataError("scale holds something that is not a number; give a matrix, payers x payers") from None
        if figures.ndim != 2 or figures.shape[0] != figures.shape[1]:
            raise DataError(f"scale has shape {figures.shape}; expected a square matrix, payers x payers")
        if not np.isfinite(figures).all():
            raise DataError("scale holds NaN or infinite entries; give finite variances and covariances")
        size = float(np.abs(figures).max(initial=0.0))
        if size and np.abs(figures - figures.T).max() > 1e-9 * size:
            raise DataError("scale is not symmetric; the covariance of A with B is that of B with A")
        if size and np.linalg.eigvalsh(figures / size).min() < -1e-9:
            raise DataError("scale gives some portfolio a negative variance; give a positive semi-definite matrix")
        if named and not (self.scale.index.equals(self.scale.columns) and self.scale.index.is_unique):
            raise DataError("scale names its rows and columns differently, or twice; use the payer ids for both")
        ids = self.scale.index if named else pd.RangeIndex(len(figures))
        return pd.DataFrame(figures, index=ids, columns=ids)

    def found(self, problem: LossProblem) -> Contributions:
        """Mean plus a part of the spread by row sums; they must add up to the risk of the total."""
        if not problem.n:
            return Contributions(np.zeros(0))
        at = self._figures(self.exposure, problem, 1.0, "exposure")
        mean = at * self._figures(self.location, problem, 0.0, "location")
        spread = at[:, None] * self._matrix_of(problem.ids) * at
        variance = float(at @ self._matrix_of(problem.ids) @ at)
        if self.theta is not None:
            values = mean + 0.5 * self.theta * spread.sum(axis=1)
            return adding_up(values, float(mean.sum()) + 0.5 * self.theta * variance)
        if variance <= SAME * float(np.abs(spread).sum()):
            return Contributions(mean if self.measure != "std" else np.zeros(problem.n))
        values = elliptical_contributions(mean, spread, self.level, self.measure, self.nu)
        if self.measure == "std":
            wide = 1.0 if self.nu is None or np.isinf(self.nu) else np.sqrt(self.nu / (self.nu - 2.0))
            return adding_up(values * wide, wide * float(np.sqrt(variance)))
        k = (standard_tail_mean if self.measure == "es" else standard_quantile)(self.level, self.nu)
        return adding_up(values, float(mean.sum()) + k * float(np.sqrt(variance)))

    def _figures(self, stated: Any, problem: LossProblem, default: float, what: str) -> Array:
        return key_values(stated, problem, vector(default, problem.ids, what), what, -np.inf)

    def _matrix_of(self, ids: pd.Index) -> Array:
        matrix = self.matrix
        if isinstance(self.scale, pd.DataFrame):
            missing = ids.difference(matrix.index, sort=False)
            if len(missing):
                raise DataError(f"scale has no row for payer {missing[0]!r}; name its rows and columns as the payers")
            return np.asarray(matrix.loc[ids, ids])
        if len(matrix) != len(ids):
            raise DataError(f"scale is a matrix of {len(matrix)} payers and the question has {len(ids)}")
        return np.asarray(matrix)
