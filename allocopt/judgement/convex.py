"""Which criteria a convex program can hold down, and by which rows: the one table, and what is said of the others."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array, vector
from allocopt.facts.problem import LossProblem
from allocopt.judgement.axis import Axis, HeaviestOverLightest, KolmPollakExcess, Ordered
from allocopt.judgement.axis_bounds import Apart, AtkinsonOfKept, GiniOfKept, RedistributionBetween
from allocopt.judgement.criterion import Criterion
from allocopt.judgement.metric import Metric, fairness_metrics
from allocopt.judgement.metrics import distance
from allocopt.schemes import Scheme, resolve, schemes
from allocopt.schemes import constraints as bounds
from allocopt.schemes.base import bill, position
from allocopt.schemes.constraints.atkinson import AtkinsonAtMost
from allocopt.schemes.constraints.base import Constraint, called
from allocopt.schemes.constraints.gini import GiniAtMost
from allocopt.schemes.constraints.jain import JainAtLeast
from allocopt.schemes.constraints.within import Within

_BETWEEN = (bounds.concentration_between, bounds.kakwani_between, bounds.suits_between)
_FACTOR = (bounds.ratio_at_most, bounds.group_ratio_at_most)

# What is said of a criterion that no convex program bounds from the side that is better.
NOT_CONVEX = {
    "kendall_tau_b": "it counts pairs in order, which no convex program can bound; use 'kakwani' or 'suits'",
}

# Between Jain's index and the coefficient of variation, which the cone bounds.
_inverse_square: dict[str, Any] = {
    "level": lambda jain: math.sqrt(max(1.0 / jain - 1.0, 0.0)) if jain > 0 else math.inf,
    "steep": lambda jain: -1.0 / (2.0 * jain * jain * math.sqrt(1.0 / jain - 1.0)) if 0 < jain < 1 else -math.inf,
}

# A criterion by name -> the class of its axis and what that takes, from the exposure and the question. This table is
# the only place to touch when a criterion is added: the constraint says how its rows bound it, the rest how its value
# and the level of the rows go together.
_Made = tuple[type[Axis], dict[str, Any]]
CONVEX: dict[str, Callable[[str, LossProblem], _Made]] = {
    "gini": lambda by, p: (Ordered, _plain(bounds.gini_at_most(0.5, by=by), 0.5)),
    "gini_of_burdens": lambda by, p: (Ordered, _plain(bounds.gini_at_most(0.5), 0.5)),
    "gini_of_residual_wealth": lambda by, p: (Ordered, _plain(GiniOfKept(0.5), 0.5)),
    "jain": lambda by, p: (Axis, _dispersion(by) | _inverse_square),
    "jain_of_burdens": lambda by, p: (Axis, _dispersion(None) | _inverse_square),
    "coefficient_of_variation": lambda by, p: (Axis, _dispersion(by)),
    "hhi_of_burdens": lambda by, p: (Axis, _dispersion(None) | _squares(p.n)),
    "top_share_of_burdens": lambda by, p: (Axis, _largest(None, p) | _times(_covered(p))),
    "theil": lambda by, p: (Axis, _plain(bounds.theil_at_most(0.5, by=by), 0.5)),
    "hoover": lambda by, p: (Axis, _plain(bounds.hoover_at_most(0.5, by=by), 0.5)),
    "max_min_ratio": lambda by, p: (HeaviestOverLightest, _ratio(bounds.ratio_at_most(2.0, by=by))),
    "envy": lambda by, p: (Axis, _plain(bounds.envy_at_most(0.0, by=by), 0.0)),
    "max_burden": lambda by, p: (Axis, _largest(by, p)),
    "cvar_of_burden": lambda by, p: (Axis, _plain(bounds.cvar_at_most(0.0, 0.9, by=by), 0.0)),
    "kolm_pollak": lambda by, p: (KolmPollakExcess, _excess(by, p.n)),
    "kakwani": lambda by, p: (Axis, _plain(bounds.kakwani_between(-0.5, 0.5, by=by), 0.5)),
    "concentration_index": lambda by, p: (Axis, _plain(bounds.concentration_between(-0.5, 0.5, by=by), 0.5)),
    "reynolds_smolensky": lambda by, p: (Axis, _plain(RedistributionBetween(-0.5, 0.5, by), 0.5)),
    "suits": lambda by, p: (Axis, _plain(bounds.suits_between(-0.5, 0.5, by=by), 0.5)),
    "atkinson_of_residual_wealth": lambda by, p: (Axis, _power(AtkinsonOfKept())),
}


def axis(criterion: Any, by: str, problem: LossProblem, known: Mapping[str, Criterion] | None = None) -> Axis:
    """The axis that a criterion makes: a metric by name or itself, a constraint, or the distance from a division.

    ``known`` holds the criteria of a card by name; a scheme, the name of one, or shares by payer mean how far a
    division is from theirs. DataError says why a criterion is none and what to use.
    """
    named = {**fairness_metrics(), **(known or {})}
    if isinstance(criterion, Constraint):
        return _of_constraint(criterion, problem)
    one = (
        criterion if isinstance(criterion, Criterion) else named.get(criterion) if isinstance(criterion, str) else None
    )
    if one is not None:
        return _of_criterion(one, by, problem)
    if isinstance(criterion, str) and criterion not in schemes() and not _aliased(criterion):
        raise unknown("criterion or scheme", criterion, [*CONVEX, *schemes()])
    if not isinstance(criterion, str | Scheme | pd.Series):
        raise DataError(
            f"{criterion!r} is no criterion; give the name of a metric, a constraint such as ao.gini_at_most(0.2), or "
            "a scheme or shares by payer, which mean the distance from them"
        )
    return _distance(criterion, problem)


def _aliased(name: str) -> bool:
    return any(name in kind.aliases for kind in schemes().values())


def _of_criterion(one: Criterion, by: str, problem: LossProblem) -> Axis:
    if not isinstance(one, Metric):
        why = "is about what a rule rewards on other questions, not about one division"
        raise DataError(f"{one.name} {why}, so no program can hold it down; give a fairness metric or a constraint")
    if one.name in NOT_CONVEX or one.name not in CONVEX:
        why = NOT_CONVEX.get(
            one.name, "no convex program for it is known; give a constraint, such as ao.gini_at_most(0)"
        )
        raise DataError(f"{one.name} cannot be an axis of a trade-off: {why}")
    kept = one.name.endswith("_of_residual_wealth") or one.name == "reynolds_smolensky"
    if kept and not np.isfinite(problem.caps).all():
        raise DataError(f"{one.name} judges what payers keep of their caps, and somebody has none; state caps")
    kind, given = CONVEX[one.name](by, problem)
    signed = one.direction == "closer to zero is better"
    column = problem.column(by)

    def compute(paid: Array) -> float:
        value = float(one.compute(_divided(problem, paid), column))
        return abs(value) if signed else value

    return kind(
        name=one.name, label=f"{one.label(by)}{', absolute' if signed else ''}", unit=one.unit,
        direction="lower is better" if signed else one.direction, family=one.family, compute=compute,
        on_scale=lambda value: float(one.on_scale(value)), **given,
    )  # fmt: skip


def settled(constraint: Constraint, reference: pd.Series[float]) -> Constraint:
    """The constraint with the shares it departs from, where it takes them from the program it stands in."""
    if isinstance(constraint, Within) and constraint.of is None:
        return dataclasses.replace(constraint, of=reference)
    return constraint


def _of_constraint(one: Constraint, problem: LossProblem) -> Axis:
    """The axis along which a constraint's own bound moves."""
    nothing = np.zeros(problem.n)
    kind, given = Axis, _plain(one, one.limit)
    if isinstance(one, Within):
        one = dataclasses.replace(one, of=pd.Series(_stated(one.of or "pro-rata", problem), index=problem.ids))
        if (one.of == 0).any():
            spared = one.of.index[int(np.argmin(one.of))]
            raise DataError(f"within(...) spares payer {spared!r}; give the scheme itself, for the distance from it")
        given = _plain(one, one.bound)
    elif isinstance(one, _BETWEEN):
        one = dataclasses.replace(one, low=-0.5, high=0.5)
        given = _plain(one, 0.5)
    elif isinstance(one, JainAtLeast):
        given = _dispersion(one.by) | _inverse_square
    elif isinstance(one, AtkinsonAtMost):
        given = _power(one)
    elif isinstance(one, _FACTOR):
        kind, given = HeaviestOverLightest, _ratio(one)
    elif isinstance(one, GiniAtMost):
        kind, given = Ordered, _plain(one, one.bound)
    signed = isinstance(one, _BETWEEN)
    size = one.size(problem)

    def compute(paid: Array) -> float:
        value = one.measure(paid, problem, nothing)
        return abs(value) if signed else value

    higher = isinstance(one, JainAtLeast)
    name, words = one.name.replace(" ", "_"), str(one)
    for mark in (" at most ", " at least ", " between "):
        words = words.split(mark)[0]
    return kind(
        name=name, label=words[:1].upper() + words[1:], unit="", family=name,
        direction="higher is better" if higher else "lower is better", compute=compute,
        on_scale=(lambda v: v) if higher else (lambda v: 1.0 / (1.0 + v / size)), **given,
    )  # fmt: skip


def _distance(reference: Any, problem: LossProblem) -> Axis:
    words = f"distance from {called(reference)}"
    made = apart_from(Apart(0.0, _stated(reference, problem)))
    return dataclasses.replace(made, name=words, label=f"{words[0].upper()}{words[1:]}", family=words)


def apart_from(apart: Apart) -> Axis:
    """How far a division is from the stated one: the part of the loss that changes hands."""
    return Axis(
        name=apart.name, label="Distance", unit="share of the loss", direction="lower is better", family=apart.name,
        compute=lambda paid: _apart(apart, paid), on_scale=lambda value: 1.0 - value, **_plain(apart, 0.0),
    )  # fmt: skip


def _apart(apart: Apart, paid: Array) -> float:
    """By the plain function of the metrics."""
    return distance(paid, apart.of)


def _stated(reference: Any, problem: LossProblem) -> Array:
    """Shares that divide what there is to divide."""
    if isinstance(reference, pd.Series):
        q = np.array(vector(reference, problem.ids, "the reference", low=-math.inf))
        covered = _covered(problem)
        if abs(q.sum() - covered) > 1e-9 * covered:
            raise DataError(f"the stated shares sum to {q.sum():,.6g} and {covered:,.6g} is divided; scale them to it")
        return q
    return resolve(reference).allocate(problem).paid


def _covered(problem: LossProblem) -> float:
    return min(problem.loss, problem.capacity)


def _plain(bound: Constraint, nominal: float) -> dict[str, Any]:
    return {"bound": bound, "nominal": nominal}


def _dispersion(by: str | None) -> dict[str, Any]:
    """The coefficient of variation, which is the radius in the cone of Jain's index; 1 where the index is 1/2."""
    return {"bound": JainAtLeast(0.5, by), "nominal": 1.0, "direct": True}


def _squares(n: int) -> dict[str, Any]:
    """The Herfindahl index is one more than the squared coefficient of variation, over the number of payers."""
    return {
        "level": lambda hhi: math.sqrt(max(n * hhi - 1.0, 0.0)),
        "steep": lambda hhi: n / (2.0 * math.sqrt(n * hhi - 1.0)) if n * hhi > 1 else math.inf,
    }


def _largest(by: str | None, problem: LossProblem) -> dict[str, Any]:
    """The largest burden is the mean over the worst-hit one of n payers."""
    return _plain(bounds.cvar_at_most(0.0, 1.0 - 1.0 / max(problem.n, 1), by=by), 0.0)


def _times(factor: float) -> dict[str, Any]:
    return {"level": lambda v: v * factor, "steep": lambda v: factor}


def _ratio(bound: Constraint) -> dict[str, Any]:
    """Minus the lightest over the heaviest."""
    return {
        "bound": bound, "nominal": 0.0, "lowest": -1.0, "level": lambda ratio: -1.0 / ratio,
        "steep": lambda ratio: 1.0 / ratio**2,
    }  # fmt: skip


def _excess(by: str, n: int) -> dict[str, Any]:
    """One payer who bears all has a rate of n times the mean, and nothing is worse."""
    return _plain(bounds.kolm_pollak_at_most(0.0, 1.0, by=by), 0.0) | {"loosest": float(n)}


def _power(bound: AtkinsonAtMost) -> dict[str, Any]:
    """What the rows of Atkinson's index bound: a power of the equal equivalent, its logarithm at an aversion of one."""
    power = 1.0 - bound.epsilon
    if power == 0:
        made: dict[str, Any] = {
            "level": lambda a: -math.log1p(-a) if a < 1 else math.inf,
            "steep": lambda a: 1.0 / (1.0 - a) if a < 1 else math.inf,
        }
    else:
        sign = -1.0 if power > 0 else 1.0
        made = {
            "level": partial(_raised, sign, power), "lowest": sign,
            "steep": lambda a: -sign * power * (1.0 - a) ** (power - 1.0) if a < 1 else math.inf,
        }  # fmt: skip
    level: Any = made["level"]
    return {"bound": bound, "nominal": level(bound.bound), "direct": True, **made}


def _raised(sign: float, power: float, index: float) -> float:
    return sign * (1.0 - index) ** power if index < 1 or power > 0 else math.inf


class Division:
    """A division of no rule's making, to be judged as an allocation is."""

    name = "frontier"

    def reason(self, allocation: Allocation, payer: Any) -> str:
        """What the payer bears."""
        return bill(allocation, position(allocation.problem, payer))


def _divided(problem: LossProblem, paid: Array) -> Allocation:
    unknown_gap = Certificate(0.0, math.nan, math.nan, "stated")
    return Allocation(problem, paid, 0.0, 0.0, {}, "stated", Division(), lambda _: unknown_gap)
