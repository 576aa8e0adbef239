"""On whom the loss falls, the large or the small, stays between two bounds; linear, because exposure gives the rank."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number
from allocopt.facts.problem import LossProblem
from allocopt.maths.program import Clause
from allocopt.schemes.constraints.base import Constraint, Posed, portions


def centred(rank: Array, size: Array) -> Array:
    """For each payer, the part of ``size`` ranked below it less the part above; equals in rank stand together."""
    _, group = np.unique(rank, return_inverse=True)
    part = np.bincount(group, weights=size) if len(rank) else size
    below = np.cumsum(part) - part
    return np.asarray((2 * below + part - part.sum())[group], dtype=np.float64)


class _Between(Constraint):
    """An index that is linear in the shares lies between ``low`` and ``high``.

    The price is the slope of the cost as both bounds move up together: positive when the lower binds, negative when the
    upper does.
    """

    reading = "what moving both bounds up would change the cost by"

    low: float
    high: float
    by: str

    def __post_init__(self) -> None:
        for side in ("low", "high"):
            number(getattr(self, side), f"the {side} bound of {self.name}_between", low=-2.0, high=2.0)
        if self.low > self.high:
            raise DataError(f"{self.name}_between has low {self.low:g} above high {self.high:g}; exchange them")

    @abstractmethod
    def form(self, problem: LossProblem) -> tuple[Array, float]:
        """The index as coefficients on shares of the loss, and a constant."""

    @property
    def limit(self) -> float:
        """The upper bound."""
        return self.high

    def measure(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """The index; 0 when nothing is paid."""
        places, constant = self.form(problem)
        return float(places @ portions(shares)) + constant if shares.any() else 0.0

    def excess(self, shares: Array, problem: LossProblem, reference: Array) -> float:
        """By how much the index is outside its bounds."""
        index = self.measure(shares, problem, reference)
        return max(index - self.high, self.low - index, 0.0) if shares.any() else 0.0

    def clause(self, posed: Posed, state: Any) -> Clause:
        """Two rows."""
        places, constant = self.form(posed.problem)
        index = places @ posed.x + constant
        rows = [index <= self.high + posed.slack, -index <= -self.low + posed.slack]
        return Clause(self.name, rows, self.latex, self.reading, -1.0, 1.0, [1.0, -1.0])

    def __str__(self) -> str:
        return f"{self.name} index by {self.by} between {self.low:g} and {self.high:g}"


def _sized(problem: LossProblem, by: str) -> Array:
    """Shares of exposure, which must not all be zero."""
    exposures = problem.column(by)
    if problem.n and not exposures.any():
        raise DataError(f"column {by!r} is zero for every payer, so nobody is large or small; choose another column")
    return portions(exposures)


@dataclass(frozen=True, eq=False)
class ConcentrationBetween(_Between):
    r"""The concentration index of the burdens, payers ranked by ``by``, lies between two bounds.

    .. math:: l \le \sum_i \frac{2 R_i - n - 1}{n} \frac{x_i}{L} \le h

    :math:`R_i` is the rank of payer :math:`i` by exposure, the average rank among equals. Above 0 the loss falls on the
    large, below on the small. Linear, because the ranking is a fact and does not move with the shares.
    """

    name = "concentration"
    latex = r"l \le \sum_i \frac{2 R_i - n - 1}{n} \frac{x_i}{L} \le h"

    low: float
    high: float
    by: str

    def form(self, problem: LossProblem) -> tuple[Array, float]:
        """Centred ranks."""
        rank = problem.column(self.by, low=-np.inf)
        return centred(rank, np.full(problem.n, 1.0 / max(problem.n, 1))), 0.0


@dataclass(frozen=True, eq=False)
class KakwaniBetween(_Between):
    r"""Kakwani's index of progressivity by ``by`` lies between two bounds.

    .. math:: l \le C_x - G_w \le h

    :math:`C_x` is the concentration index of the burdens ranked by exposure, :math:`G_w` the Gini coefficient of the
    exposures, a constant. 0 is pro-rata, above 0 the large bear more than in proportion. Linear.
    """

    name = "kakwani"
    latex = r"l \le C_x - G_w \le h"

    low: float
    high: float
    by: str

    def form(self, problem: LossProblem) -> tuple[Array, float]:
        """Centred ranks, and the Gini coefficient of the exposures."""
        q = _sized(problem, self.by)
        places = centred(q, np.full(problem.n, 1.0 / max(problem.n, 1)))
        return places, -float(places @ q)


@dataclass(frozen=True, eq=False)
class SuitsBetween(_Between):
    r"""Suits' index of progressivity by ``by`` lies between two bounds.

    .. math:: l \le \sum_i \frac{w(\text{below } i) - w(\text{above } i)}{W} \frac{x_i}{L} \le h

    Payers stand in order of exposure, equals together; one less twice the area under the curve of burden against
    exposure. 0 is pro-rata, towards 1 the largest bears all. Linear.
    """

    name = "suits"
    latex = r"l \le \sum_i \frac{w(\text{below } i) - w(\text{above } i)}{W} \frac{x_i}{L} \le h"

    low: float
    high: float
    by: str

    def form(self, problem: LossProblem) -> tuple[Array, float]:
        """Exposure below less exposure above."""
        q = _sized(problem, self.by)
        return centred(q, q), 0.0
