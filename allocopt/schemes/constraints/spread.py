"""How far apart rates may lie, by a factor or by a difference, between payers or between groups of them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number
from allocopt.facts.problem import LossProblem
from allocopt.maths.program import Clause
from allocopt.schemes.constraints.base import Constraint, Posed, exposure, typical_rate


def group_rates(problem: LossProblem, group: str, by: str | None) -> Any:
    """One row per group: shares times the row give the group's burden per unit of ``by``, or per head."""
    weight, labels = exposure(by, problem), problem.labels(group)
    if labels.isna().any():
        raise DataError(f"column {group!r} of payer {labels.index[labels.isna()][0]!r} is empty; name its group")
    codes = labels.astype("category").cat.codes.to_numpy()
    member = codes[None, :] == np.arange(codes.max(initial=-1) + 1)[:, None]
    return np.asarray(member / (member @ weight)[:, None], dtype=np.float64)


class _Spread(Constraint):
    """Rates are linear in the shares; a variable above all of them and one below say how far apart they are."""

    bound: float
    by: str | None

    @property
    def limit(self) -> float:
        """The bound, a factor or a rate."""
        return self.bound

    @abstractmethod
    def rates(self, problem: LossProblem) -> Any:
        """The rows that turn shares into rates."""

    def mean_rate(self, problem: LossProblem) -> float:
        """The loss per unit of exposure, in which rates are posed."""
        return 1.0 / float(exposure(self.by, problem).sum())


class _Factor(_Spread):
    """The largest rate is at most ``bound`` times the smallest."""

    linear_in_bound = False
    reading = "what a larger allowed ratio would change the cost by"

    def __post_init__(self) -> None:
        number(self.bound, f"the bound of {self.name.replace(' ', '_')}_at_most", low=1.0)

    def measure(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """The largest rate over the smallest; infinite when one is zero and another is not."""
        rates = self.rates(problem) @ shares
        if len(rates) < 2 or rates.max() <= 0:
            return 1.0
        return float(rates.max() / rates.min()) if rates.min() > 0 else np.inf

    def excess(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """How far the highest rate is above the bound times the lowest, relative to the mean rate."""
        rates = self.rates(problem) @ shares
        if len(rates) < 2 or rates.max() <= 0:
            return 0.0
        return max(float(rates.max() - self.bound * rates.min()) / float(rates.mean()), 0.0)

    def clause(self, posed: Posed, state: Any) -> Clause:
        """Every rate between a level and the bound times that level."""
        import cvxpy as cp

        lowest = cp.Variable(name="lowest")
        rates = self.rates(posed.problem) / self.mean_rate(posed.problem) @ posed.x
        rows = [rates <= self.bound * lowest + posed.slack, lowest <= rates]
        return Clause(self.name, rows, self.latex, self.reading, -1.0, 1.0, [lowest, 0.0])


class _Difference(_Spread):
    """The largest rate is at most ``bound`` above the smallest."""

    reading = "what a larger allowed difference would change the cost by"

    def __post_init__(self) -> None:
        number(self.bound, f"the bound of {self.name.replace(' ', '_')}_at_most")

    def size(self, problem: LossProblem) -> float:
        """The loss per unit of exposure."""
        return typical_rate(self.by, problem)

    def measure(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """The largest rate less the smallest."""
        rates = self.rates(problem) @ shares
        return float(rates.max() - rates.min()) if len(rates) else 0.0

    def clause(self, posed: Posed, state: Any) -> Clause:
        """Every rate between a level and the bound above that level."""
        import cvxpy as cp

        lowest, mean = cp.Variable(name="lowest"), self.mean_rate(posed.problem)
        rates = self.rates(posed.problem) / mean @ posed.x
        unit = posed.unit * mean
        rows = [rates <= lowest + self.bound / unit + posed.slack, lowest <= rates]
        return Clause(self.name, rows, self.latex, self.reading, -1.0, unit, [1.0, 0.0])


def _each(problem: LossProblem, by: str | None) -> Any:
    import scipy.sparse as sp

    return sp.diags_array(1.0 / exposure(by, problem)).tocsr() if problem.n else np.zeros((0, 0))


@dataclass(frozen=True, eq=False)
class RatioAtMost(_Factor):
    r"""No payer's burden per unit of ``by`` is more than so many times that of another.

    .. math:: \max_i \frac{x_i}{w_i} \le \rho\, \min_i \frac{x_i}{w_i}

    :math:`w_i > 0` is the exposure ``by``, or one for each; :math:`\rho \ge 1`. Linear. Every payer then pays something
    as soon as one does, so a payer with cap zero contradicts any bound.
    """

    name = "ratio"
    latex = r"\max_i \frac{x_i}{w_i} \le \rho\, \min_i \frac{x_i}{w_i}"

    bound: float
    by: str | None = None

    def rates(self, problem: LossProblem) -> Any:
        """One row per payer."""
        return _each(problem, self.by)

    def __str__(self) -> str:
        return f"ratio of burden{f' per {self.by}' if self.by else ''} between payers at most {self.bound:g}"


@dataclass(frozen=True, eq=False)
class GroupRatioAtMost(_Factor):
    r"""For every two groups the burden per unit of ``by`` differs by a factor of at most ``bound``.

    .. math:: \frac{x(G)}{w(G)} \le \rho\, \frac{x(H)}{w(H)} \quad \text{for all groups } G \ne H

    Groups are the labels in column ``group`` (small and large, house and client); :math:`w` is the exposure ``by``, or
    a head count; :math:`\rho \ge 1`.
    """

    name = "group ratio"
    latex = r"\frac{x(G)}{w(G)} \le \rho\, \frac{x(H)}{w(H)} \quad (G \ne H)"
    reading = "what a larger allowed ratio between groups would change the cost by"

    bound: float
    group: str = "size"
    by: str | None = None

    def rates(self, problem: LossProblem) -> Any:
        """One row per group."""
        return group_rates(problem, self.group, self.by)

    def __str__(self) -> str:
        return f"ratio of burden per {self.by or 'head'} between groups of {self.group} at most {self.bound:g}"


@dataclass(frozen=True, eq=False)
class EnvyAtMost(_Difference):
    r"""No payer's burden per unit of ``by`` exceeds that of another by more than ``bound``.

    .. math:: \max_{i,j}\ \Bigl(\frac{x_i}{w_i} - \frac{x_j}{w_j}\Bigr) \le h

    :math:`w_i > 0` is the exposure ``by``, or one for each; :math:`h \ge 0` is in currency per unit of it. Linear.
    """

    name = "envy"
    latex = r"\max_{i,j}\ \Bigl(\frac{x_i}{w_i} - \frac{x_j}{w_j}\Bigr) \le h"

    bound: float
    by: str | None = None

    def rates(self, problem: LossProblem) -> Any:
        """One row per payer."""
        return _each(problem, self.by)

    def __str__(self) -> str:
        return f"envy in burden{f' per {self.by}' if self.by else ''} at most {self.bound:,.6g}"


@dataclass(frozen=True, eq=False)
class GroupGapAtMost(_Difference):
    r"""For every two groups the burden per unit of ``by`` differs by at most ``bound``.

    .. math:: \Bigl|\frac{x(G)}{w(G)} - \frac{x(H)}{w(H)}\Bigr| \le h \quad \text{for all groups } G \ne H

    Groups are the labels in column ``group``; :math:`w` is the exposure ``by``, or a head count; :math:`h \ge 0` is in
    currency per unit of it. Linear.
    """

    name = "group gap"
    latex = r"\Bigl|\frac{x(G)}{w(G)} - \frac{x(H)}{w(H)}\Bigr| \le h \quad (G \ne H)"
    reading = "what a larger allowed difference between groups would change the cost by"

    bound: float
    group: str = "size"
    by: str | None = None

    def rates(self, problem: LossProblem) -> Any:
        """One row per group."""
        return group_rates(problem, self.group, self.by)

    def __str__(self) -> str:
        return f"gap in burden per {self.by or 'head'} between groups of {self.group} at most {self.bound:,.6g}"
