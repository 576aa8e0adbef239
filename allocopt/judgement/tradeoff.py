"""The frontier between two or three criteria over all divisions, and how far each named scheme is from it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import AllocOptError, DataError, SolverError, unknown
from allocopt.facts.allocation import Allocation
from allocopt.facts.checks import Array, number
from allocopt.facts.event import Event
from allocopt.facts.problem import LossProblem
from allocopt.judgement import efficient
from allocopt.judgement.axis import Axis
from allocopt.judgement.convex import axis, settled
from allocopt.judgement.criterion import Criterion
from allocopt.judgement.manipulation import amounts, cap_column
from allocopt.judgement.placing import Place, place
from allocopt.judgement.tracing import Programs
from allocopt.schemes import Scheme, resolve, scheme
from allocopt.schemes.base import single_point
from allocopt.schemes.constraints.base import Constraint, called
from allocopt.schemes.constraints.within import Within
from allocopt.schemes.fair import Fair
from allocopt.views import view

POINTS = {2: 11, 3: 6}  # along a curve; along each side of the grid of a surface


@dataclass(frozen=True, eq=False, repr=False)
class Frontier:
    """Divisions that no other beats on two or three criteria at once, with the price of each in the other.

    ``question`` is what is divided, ``by`` the exposure that rates are taken to, ``must`` what every division meets.
    ``axes`` holds the criteria, ``points`` the divisions as allocations, from the best in the first criterion to the
    best in the last: each has its shares, its certificate, its values in ``extras`` and its prices in ``duals``.
    ``named`` are the divisions that are placed beside them.
    """

    question: LossProblem
    event: Event | None
    by: str
    axes: tuple[Axis, ...]
    must: tuple[Constraint, ...]
    points: tuple[Allocation, ...]
    named: Mapping[str, Allocation]
    programs: Programs | None

    @property
    def names(self) -> list[str]:
        """The criteria, as columns of the tables are called."""
        return [a.name for a in self.axes]

    @property
    def table(self) -> pd.DataFrame:
        """One row per point: the criteria, the price of each bound, how it was found, how far it can be from optimal.

        With two criteria ``price`` is d(second)/d(first) to the right of the point: what more of the first buys, 0 at
        the last. With three there is a price of each of the first two in the third, NaN at a corner. Where the curve
        has a corner it lies between the slopes of its two sides. ``gap`` is the largest residual of the certificate.
        """
        rows = []
        for point in self.points:
            row: dict[str, Any] = {name: point.extras[name] for name in self.names}
            if len(self.axes) == 2:
                row["price"] = point.duals.get(self.names[0], math.nan)
            else:
                row |= {f"price of {name}": point.duals.get(name, math.nan) for name in self.names[:2]}
            rows.append(row | {"method": point.method, "gap": point.certificate.worst})
        return pd.DataFrame(rows).rename_axis("point")

    @property
    def shares(self) -> pd.DataFrame:
        """Payers x points: what each bears, in currency."""
        return pd.DataFrame({k: p.paid for k, p in enumerate(self.points)}, index=self.question.ids).rename_axis(
            columns="point"
        )

    @property
    def schemes(self) -> pd.DataFrame:
        """One row per named scheme: where it is, and how far from the frontier.

        ``saves <criterion>`` is how much of it a division no worse on the others could save, found by a program of its
        own, not read off the curve. ``changes hands`` is the least part of the loss that must change hands to take one
        of these savings in full. ``distance`` is the largest saving on the criteria's fixed scales from 0 (worst) to 1
        (best), and ``efficient`` says that there is none. NaN for a scheme that does not divide the same amount.
        """
        rows = {title: self._row(title) for title in self.named}
        columns = [*self.names, *(f"saves {n}" for n in self.names), "changes hands", "distance", "efficient"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("scheme")

    def _row(self, title: str) -> dict[str, Any]:
        paid = self.named[title].paid
        here = {a.name: a.compute(paid) for a in self.axes}
        found = self._places[title]
        if found is None:
            lost = dict.fromkeys([*(f"saves {n}" for n in self.names), "changes hands", "distance"], math.nan)
            return here | lost | {"efficient": False}
        saves, scaled = {}, [0.0]
        for one, saver in zip(self.axes, found.savers, strict=True):
            there = here[one.name] if saver is None else one.compute(saver.paid)
            better = 1.0 if one.direction == "higher is better" else -1.0
            saves[f"saves {one.name}"] = better * (there - here[one.name]) if saver is not None else 0.0
            scaled.append(one.on_scale(there) - one.on_scale(here[one.name]) if saver is not None else 0.0)
        rest = {"changes hands": found.moved, "distance": max(scaled), "efficient": not any(found.savers)}
        return here | saves | rest

    @cached_property
    def _places(self) -> dict[str, Place | None]:
        return {title: self._placed(answer.paid) for title, answer in self.named.items()}

    def _placed(self, paid: Array) -> Place | None:
        covered = min(self.question.loss, self.question.capacity)
        nobody = np.zeros(len(paid))
        fits = abs(float(paid.sum()) - covered) <= 1e-9 * covered and (paid >= -1e-9 * covered).all()
        if not fits or any(c.excess(paid, self.question, nobody) > 1e-6 for c in self.must):
            return None
        if self.programs is None:
            levels = [a.level(a.compute(paid)) for a in self.axes]
            return Place(levels, [0.0] * len(levels), [None] * len(levels), 0.0, paid)
        reached = np.array([self.programs.levels(p.paid) for p in self.points])
        return place(self.programs, paid, [self.points[int(k)].paid for k in reached.argmin(axis=0)])

    def nearest(self, title: str) -> pd.Series[float]:
        """The shares that take one of a scheme's savings in full and move the least of the loss; its own if efficient.

        Raises DataError for a scheme that is not placed, or that does not divide the same amount.
        """
        if title not in self.named:
            raise unknown("scheme on this frontier", title, self.named)
        found = self._places[title]
        if found is None:
            raise DataError(f"{title} does not divide the same amount among these payers, or breaks a must")
        return pd.Series(found.nearest, index=self.question.ids, name=f"nearest to {title}")

    def savers(self, title: str) -> pd.DataFrame:
        """Per criterion the point a scheme could reach by saving as much of it as can be: values of all criteria."""
        found = self._places[title] if title in self.named else None
        rows = {}
        for one, saver in zip(self.axes, found.savers if found else (), strict=False):
            if saver is not None:
                rows[one.name] = {a.name: a.compute(saver.paid) for a in self.axes}
        return pd.DataFrame.from_dict(rows, orient="index", columns=self.names)

    def verify(self, tol: float = 1e-5) -> Frontier:
        """Return the frontier if every point's certificate holds; raise CertificateError if one does not."""
        for point in self.points:
            point.verify(tol)
        return self

    def explain(self) -> str:
        """What the frontier says, in sentences a committee can read."""
        from allocopt.judgement.tradeoff_words import explain

        return explain(self)

    def plot(self, *, ax: Any = None) -> Any:
        """The frontier, what no division reaches, and the named schemes; returns the Axes."""
        return view("frontier plot")(self, ax=ax)

    def __repr__(self) -> str:
        return f"Frontier({' against '.join(self.names)}: {len(self.points)} points, {len(self.named)} schemes)"

    def _repr_html_(self) -> str:
        from html import escape

        table = self.table.to_html(float_format="{:,.6g}".format)
        return f"<p>{escape(self.explain())}</p>{table}{self.schemes.to_html(float_format='{:,.4g}'.format)}"


def frontier(
    event_or_problem: Event | LossProblem,
    x: Any,
    y: Any,
    z: Any = None,
    *,
    by: str | None = None,
    schemes: Mapping[str, Any] | Iterable[Any] = (),
    must: Iterable[Constraint] | Constraint = (),
    points: int | None = None,
) -> Frontier:
    r"""Trace the frontier between two or three criteria over all divisions of a loss, not only over known rules.

    .. math:: y(b) = \min_x\ f_y(x) \quad \text{s.t.} \quad f_x(x) \le b,\ \sum_i x_i = L,\ 0 \le x_i \le c_i,
        \ \text{and every must}

    The ends are lexicographic (the least of one criterion and, among its divisions, the least of the other), bounds
    between them equally spaced. The multiplier of a bound is the slope of the frontier: the price of one criterion in
    the other. With three criteria the third is made small over a grid of bounds on the first two.

    Parameters
    ----------
    event_or_problem : the question, or an event whose own question is asked.
    x, y, z : criteria: the name of a fairness metric (``"gini"``, ``"gini_of_burdens"``, ``"theil"``, ...), a
        constraint whose bound moves (``ao.group_gap_at_most(0, by="fund")``), or a scheme, its name or shares by payer,
        for the part of the loss that changes hands against them. Two of one family are refused.
    by : the exposure that rates are taken to; by default the column that caps the payers, or the only numeric one.
    schemes : names, schemes, or labels with either, to be placed beside the frontier.
    must : constraints that every division meets.
    points : along the curve, 11 by default; for three criteria along each side of the grid, 6 by default.

    Raises
    ------
    DataError : a criterion that no convex program holds down (and what to use), two of one family.
    InfeasibleError : the musts contradict each other.

    Source: epsilon-constraint method, Haimes, Lasdon and Wismer, IEEE Transactions on Systems, Man, and Cybernetics 1,
    1971, 296-297; corners that are efficient in the whole, Mavrotas, Applied Mathematics and Computation 213, 2009,
    455-465.

    >>> table = pd.DataFrame({"fund": [60.0, 40.0]}, index=["A", "B"])
    >>> found = frontier(LossProblem(50, table, cap="fund"), "gini", "gini_of_burdens", points=3, schemes=["pro-rata"])
    >>> found.table[["gini", "gini_of_burdens", "price"]].round(6).to_numpy().tolist()
    [[0.0, 0.1, -1.0], [0.05, 0.05, -1.0], [0.1, 0.0, 0.0]]
    >>> bool(found.schemes.loc["pro-rata", "efficient"])
    True
    """
    event = event_or_problem if isinstance(event_or_problem, Event) else None
    problem = event.problem() if event is not None else event_or_problem
    if not isinstance(problem, LossProblem):
        raise DataError(f"frontier takes an Event or a LossProblem, not a {type(problem).__name__}")
    listed = [schemes] if isinstance(schemes, str | Scheme) else schemes
    rules = listed.items() if isinstance(listed, Mapping) else [(called(one), one) for one in listed]
    named = {title: resolve(one).allocate(problem) for title, one in rules}
    return traced(problem, event, (x, y) if z is None else (x, y, z), by, named, must, points, {})


def traced(
    problem: LossProblem, event: Event | None, criteria: tuple[Any, ...], by: str | None,
    named: Mapping[str, Allocation], must: Iterable[Constraint] | Constraint, points: int | None,
    known: Mapping[str, Criterion],
) -> Frontier:  # fmt: skip
    """The frontier of these criteria, with answers to place beside it."""
    column = by or cap_column(problem) or next(iter(amounts(problem.payers)), "")
    axes = tuple(axis(one, column, problem, known) for one in criteria)
    _refuse_twins(axes)
    bounds = (must,) if isinstance(must, Constraint) else tuple(must)
    for given in bounds:
        if not isinstance(given, Constraint):
            raise DataError(f"must holds {given!r}, not a constraint; see allocopt.gini_at_most(...)")
    if any(isinstance(one, Within) and one.of is None for one in bounds):
        reference = resolve("pro-rata").allocate(problem).shares
        bounds = tuple(settled(one, reference) for one in bounds)
    chosen = number(POINTS[len(axes)] if points is None else points, "points", low=2, high=1000)
    start = Fair(subject_to=bounds).allocate(problem).paid if bounds else _between(problem, column)
    paid = single_point(problem, problem.caps)
    programs = None
    if paid is not None:
        found = [efficient.only(problem, paid)]
    else:
        programs = Programs(problem, axes, bounds, start)
        for one in axes:
            if not np.isfinite(one.compute(start)) and one.lowest < 0 and not _finite(programs, axes.index(one)):
                raise DataError(f"{one.name} is infinite for every division: somebody with exposure can bear nothing")
        trace = efficient.along if len(axes) == 2 else efficient.across
        found = trace(programs, int(chosen))
    judge = Programs(problem, axes, bounds, start) if programs is None else programs
    made = tuple(efficient.answer(judge, one) for one in found)
    for point in made:
        if not point.certificate.holds(1e-4):
            raise SolverError(f"a point of the frontier does not stand: {point.certificate}; ask for other points")
    return Frontier(problem, event, column, axes, bounds, made, dict(named), programs)


def _finite(programs: Programs, k: int) -> bool:
    return math.isfinite(programs.axes[k].compute(programs.least(k, {}).paid))


def _refuse_twins(axes: tuple[Axis, ...]) -> None:
    families: dict[str, str] = {}
    for one in axes:
        if one.family in families:
            raise DataError(
                f"{families[one.family]} and {one.name} are of one family ({one.family}): the best of one is the best "
                "of the other; choose criteria that pull apart, such as gini and gini_of_burdens"
            )
        families[one.family] = one.name


def _between(problem: LossProblem, column: str) -> Array:
    """Half way between proportional and equal shares: an order of burdens, and of rates, to start from."""
    equal = scheme("constrained-equal-awards").allocate(problem).paid
    try:
        other = scheme("pro-rata", key=column).allocate(problem)
    except AllocOptError:  # no exposure, or nobody with any can bear it
        return equal
    return np.asarray(0.5 * (equal + other.paid)) if other.residual == 0 else equal
