"""A criterion that convex programs over all divisions can hold down: its rows, its level, its value from the shares."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.judgement.axis_bounds import GiniOfKept
from allocopt.maths.program import Clause
from allocopt.schemes.constraints.base import Constraint, Posed, exposure

Turn = Callable[[float], float]
_TIED = 1e-6  # rates closer than this part of themselves may change places at the next bound


def _same(value: float) -> float:
    return value


def _one(value: float) -> float:
    return 1.0


@dataclass(frozen=True, eq=False)
class Axis:
    """One axis of a trade-off: a criterion of which less (or more) is better, convex in the shares in its ``level``.

    ``compute`` gives the value from the shares alone, by the plain formula; no program and no solver. ``level`` turns a
    value into what the rows bound, less being better: the coefficient of variation for Jain's index, the value itself
    for most; ``steep`` is its derivative. ``on_scale`` puts a value between 0 (worst) and 1 (best). ``bound`` is a
    constraint whose rows are posed once, at the level ``nominal``, and moved by their slack. ``lowest`` is the least
    level of any division.
    """

    name: str
    label: str
    unit: str
    direction: str
    family: str
    compute: Callable[[Array], float]
    bound: Constraint
    nominal: float
    on_scale: Turn
    level: Turn = _same
    steep: Turn = _one
    lowest: float = 0.0
    loosest: float = 0.0  # of a fraction: a level that no division exceeds
    direct: bool = False  # whether the slack of the rows is the level, whatever unit the constraint's bound has

    @property
    def strict(self) -> bool:
        """Whether one division alone has the least level."""
        return self.bound.strict

    def size(self, problem: LossProblem) -> float:
        """What a difference of levels is small against."""
        return 1.0 if self.direct or isinstance(self, Fraction) else self.bound.size(problem)

    def begin(self, problem: LossProblem, shares: Array) -> Any:
        """What the rows start from."""
        return self.bound.begin(problem, shares)

    def refine(self, problem: LossProblem, shares: Array, state: Any) -> Any:
        """More rows, when these shares need them; None when nothing is missing."""
        return self.bound.refine(shares, problem, state)

    def rows(self, posed: Posed, state: Any, level: Any) -> tuple[Clause, float]:
        """The clause, whose slack is ``posed.slack``, and how much slack one unit of the level is."""
        clause = self.bound.clause(posed, state)
        given = [1.0] * len(clause.constraints) if clause.slopes is None else list(clause.slopes)
        per = 1.0 if self.direct else 1.0 / (posed.unit if clause.rhs_unit is None else clause.rhs_unit)
        slopes = [1.0 if self.direct and np.any(g) else np.abs(g) * per for g in given]  # both ends of a range move out
        scalar = bool(slopes) and np.ndim(slopes[0]) == 0
        rate = float(slopes[0]) if scalar else per  # a fraction of shares is a slack of its own in every row
        held = dataclasses.replace(clause, name=self.name, slopes=slopes, rhs_unit=1.0, rows=None, sign=-1.0)
        return held, rate


@dataclass(frozen=True, eq=False)
class Ordered(Axis):
    """An axis by a Gini coefficient: pairs whose order may turn are open, all others known from the last answer."""

    def begin(self, problem: LossProblem, shares: Array) -> Any:
        """The order of the shares; pairs that are tied are open."""
        sign, open_pairs = self.bound.begin(problem, shares)
        kept = isinstance(self.bound, GiniOfKept)
        rates = problem.caps - shares if kept else shares / exposure(self.bound.by, problem)  # type: ignore[attr-defined]
        first, second = np.triu_indices(problem.n, 1)
        tied = np.abs(rates[first] - rates[second]) <= _TIED * np.maximum(np.abs(rates[first]), np.abs(rates[second]))
        return sign, open_pairs | tied

    def refine(self, problem: LossProblem, shares: Array, state: Any) -> Any:
        """Open the pairs that turned; those that are settled take their order from these shares."""
        wider = self.bound.refine(shares, problem, state)
        if wider is None:
            return None
        sign, tied = self.begin(problem, shares)
        opened = wider[1]
        return np.where(opened, wider[0], sign), opened | tied


@dataclass(frozen=True, eq=False)
class Fraction(Axis):
    r"""An axis that is a fraction, :math:`N(x) / D(x)`, of a convex numerator over a concave positive denominator.

    For every level it is a convex constraint, :math:`N - \text{level} \cdot D \le 0`; its least level is found by
    Dinkelbach's iteration on that difference.

    Source: Dinkelbach, Management Science 13, 1967, 492-498.
    """

    @abstractmethod
    def difference(self, posed: Posed) -> tuple[Any, Any, list[Any]]:
        """Numerator, denominator and the rows that define them, in scaled numbers."""

    def rows(self, posed: Posed, state: Any, level: Any) -> tuple[Clause, float]:
        """One row between the two, beside those that define them."""
        top, bottom, rows = self.difference(posed)
        slopes: list[Any] = [bottom, *(np.zeros(row.args[0].size) for row in rows)]
        held = [top - level * bottom <= posed.slack, *rows]
        return Clause(self.name, held, self.bound.latex, self.bound.reading, -1.0, 1.0, slopes), 1.0


@dataclass(frozen=True, eq=False)
class HeaviestOverLightest(Fraction):
    """The heaviest rate over the lightest; the level is minus its inverse, which is 0 where somebody pays nothing."""

    def difference(self, posed: Posed) -> tuple[Any, Any, list[Any]]:
        """Minus the lightest rate over the heaviest."""
        import cvxpy as cp

        rates = self.bound.rates(posed.problem) / self.bound.mean_rate(posed.problem) @ posed.x  # type: ignore[attr-defined]
        heaviest, lightest = cp.Variable(name="heaviest"), cp.Variable(name="lightest")
        return -lightest, heaviest, [rates <= heaviest, lightest <= rates]


@dataclass(frozen=True, eq=False)
class KolmPollakExcess(Fraction):
    """The Kolm-Pollak equivalent of the rates over their mean, less one, at an aversion of one over the mean rate."""

    def difference(self, posed: Posed) -> tuple[Any, Any, list[Any]]:
        """The equivalent less the mean, over the mean: exponential cones with the mean as their scale."""
        import cvxpy as cp

        problem = posed.problem
        weight = exposure(self.bound.by, problem)  # type: ignore[attr-defined]
        rates = cp.multiply(float(weight.mean()) / weight, posed.x) * problem.n
        mean = cp.sum(rates) / problem.n
        equivalent, lifted = cp.Variable(name="equivalent"), cp.Variable(problem.n, name="lifted")
        ones = np.ones(problem.n)
        cone = cp.ExpCone(rates - equivalent, mean * ones, lifted)
        return equivalent - mean, mean, [cp.sum(lifted) <= problem.n * mean, cone]
