"""What a fairness constraint costs: how far from the reference each value of its bound takes the answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError, InfeasibleError
from allocopt.facts.allocation import Allocation
from allocopt.facts.checks import Array, number
from allocopt.facts.problem import LossProblem
from allocopt.schemes.constraints.base import Constraint
from allocopt.schemes.fair import Fair, shares_of

_POINTS = 11  # bounds on the frontier when none are given


def price_of(
    constraint: Constraint | Callable[[float], Constraint],
    problem: LossProblem,
    reference: Any = "pro-rata",
    bounds: Iterable[float] | None = None,
    *,
    subject_to: Sequence[Constraint] = (),
    distance: str = "ratio",
    measure: str = "auto",
) -> pd.DataFrame:
    r"""Trace the frontier between a constraint's bound and the distance from the reference.

    .. math:: d(b) = \min_x \sum_i \frac{(x_i - q_i)^2}{2 m_i} \quad \text{s.t.} \quad \sum_i x_i = L,\
       0 \le x_i \le c_i,\ \text{the constraint at } b, \qquad \text{price}(b) = d'(b)

    :math:`q_i` are the shares of the reference and :math:`m_i` the units in which the scheme ``fair`` measures moves,
    both in currency. The distance is convex in the bound wherever the bound is the right-hand side of a convex
    constraint, and falls to zero at the level that the reference has by itself. (For a ratio, and for Jain's index, the
    bound enters otherwise: the frontier is monotone, and convex only in the reformulated bound.)

    Parameters
    ----------
    constraint : a constraint, whose ``bound`` is moved and everything else kept, or a function from a bound to a
        constraint (``lambda high: ao.suits_between(-1, high, by="margin")``).
    problem : the question.
    reference : a scheme, its name, or shares by payer.
    bounds : values of the bound, in the unit of the constraint; by default eleven from the constraint's own bound to
        the level the reference has. A function needs them stated.
    subject_to : other constraints, kept as they are.
    distance, measure : what "nearest" means and what moves are measured in, as in the scheme ``fair``; for ``"kl"``
        and ``"ratio"`` the distance is in currency, for ``"minimax"`` and ``"leximin"`` a pure number.

    Returns
    -------
    One row per bound, in the order given: ``bound``; ``distance`` :math:`d(b)`, in currency; ``price``
    :math:`d'(b)`, the multiplier of the constraint, 0 where it does not bind; ``feasible``. Where no shares meet the
    bound, distance and price are NaN.

    Raises
    ------
    DataError : a constraint without a bound to move, a bound that the constraint refuses, no bounds.

    >>> from allocopt.schemes.constraints import gini_at_most
    >>> table = pd.DataFrame({"fund": [60.0, 30.0, 10.0]}, index=["A", "B", "C"])
    >>> problem = LossProblem(30, table, cap="fund")
    >>> price_of(gini_at_most(0.1, by="fund"), problem, "constrained-equal-awards", [0.1, 0.2, 0.5]).round(4)
       bound  distance    price  feasible
    0    0.1    2.7632 -23.6842      True
    1    0.2    0.9023 -13.5338      True
    2    0.5    0.0000   0.0000      True
    """
    make = _maker(constraint)
    target = shares_of(reference, problem)
    chosen: dict[str, Any] = {"reference": reference, "distance": distance, "measure": measure}
    rows = [
        _point(float(bound), problem, target, Fair(subject_to=(make(float(bound)), *subject_to), **chosen))
        for bound in _chosen(constraint, bounds, problem, target)
    ]
    return pd.DataFrame(rows, columns=["bound", "distance", "price", "feasible"])


def _maker(constraint: Constraint | Callable[[float], Constraint]) -> Callable[[float], Constraint]:
    if not isinstance(constraint, Constraint):
        if not callable(constraint):
            raise DataError(f"price_of takes a constraint or a function that makes one, not {constraint!r}")
        return constraint
    if not any(f.name == "bound" for f in dataclasses.fields(constraint)):
        raise DataError(f"the constraint '{constraint}' has no single bound to move; give a function from one number")
    return lambda bound: dataclasses.replace(constraint, bound=bound)  # type: ignore[call-arg]


def _chosen(
    constraint: Constraint | Callable[[float], Constraint],
    bounds: Iterable[float] | None,
    problem: LossProblem,
    target: Array,
) -> Array:
    if bounds is not None:
        return np.array([number(b, "a bound of price_of", low=-np.inf) for b in bounds])
    if not isinstance(constraint, Constraint):
        raise DataError("price_of was given a function and no bounds; state bounds=[...]")
    level = constraint.measure(target, problem, target)
    if not np.isfinite(level):
        raise DataError(f"the reference has no finite level of '{constraint}'; state bounds=[...]")
    return np.linspace(constraint.limit, level, _POINTS)


def _point(bound: float, problem: LossProblem, target: Array, rule: Fair) -> tuple[float, float, float, bool]:
    try:
        answer = rule.allocate(problem)
    except InfeasibleError:
        return bound, np.nan, np.nan, False
    return bound, rule.departure(answer.paid, problem, target), _price(answer, rule.subject_to[0].name), True


def _price(answer: Allocation, name: str) -> float:
    """The multiplier of the constraint, 0 where no program was needed because nothing binds."""
    return float(np.sum(answer.duals.get(name, 0.0)))
