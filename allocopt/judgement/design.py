"""A division of one's own: what it must meet, what it should come near to, and the published rule nearest to it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from allocopt.errors import AllocOptError, DataError, InfeasibleError, SolverError
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.event import Event
from allocopt.facts.problem import LossProblem
from allocopt.judgement.convex import axis, settled
from allocopt.judgement.manipulation import amounts
from allocopt.judgement.metrics import distance
from allocopt.judgement.tracing import Programs
from allocopt.maths.program import Program
from allocopt.schemes import Scheme, resolve, scheme, schemes
from allocopt.schemes.base import single_point
from allocopt.schemes.constraints.base import Constraint, called
from allocopt.schemes.fair import Fair

if TYPE_CHECKING:
    from rich.console import Group

_MET = 1e-6  # of its size: what the answer of a program meets a bound to
_ROOM = (1e-6, 1e-5, 1e-4)  # of the way from the tightest bound to what is had without it: what solvers need
_FEW = {"random-arrival": 60}  # payers up to which a rule is asked unasked: 166 took 2.3 s, all others together 0.1 s
_HALVINGS = 22  # a bound is found to a four-millionth of the way between the wish and what is had without it


@dataclass(frozen=True, eq=False, repr=False)
class Design:
    """The division found, the rule that made it, how far each wish came true, and the nearest published rules.

    ``answer`` is the allocation with its prices and certificate and ``rule`` the scheme that gives it again, for this
    question or another. ``wishes`` has a row per preferred bound in order of importance: what was asked, what was
    reached, whether it holds. ``known`` are the published rules it is compared with, ``named`` whether they were asked
    for by name, so that one which cannot divide this loss is an error.
    """

    answer: Allocation
    rule: Fair
    wishes: pd.DataFrame
    known: Mapping[str, Scheme | str]
    named: bool

    @cached_property
    def _distances(self) -> pd.Series[float]:
        return _distances(self.answer, self.known, self.named)

    @property
    def distances(self) -> pd.Series[float]:
        """The part of the loss that would change hands under each published rule, nearest first.

        The rules are asked when this, ``nearest`` or a display is first looked at. Random arrival, which takes seconds
        among many payers, is asked unasked up to 60 of them; name it in ``known`` beyond.
        """
        return self._distances.copy()

    @property
    def shares(self) -> pd.Series[float]:
        """What each payer bears, in currency."""
        return self.answer.shares

    @property
    def certificate(self) -> Certificate:
        """The proof that the shares solve the program."""
        return self.answer.certificate

    @property
    def prices(self) -> Mapping[str, Any]:
        """What one more unit of every bound would save or cost, by its name: the duals of the program."""
        return self.answer.duals

    @property
    def program(self) -> Program:
        """The convex program that the shares solve."""
        return self.rule.program(self.answer.problem)

    @property
    def nearest(self) -> str:
        """The published rule under which the least of the loss would change hands; '' when none can be asked."""
        return str(self._distances.index[0]) if len(self._distances) else ""

    def explain(self) -> str:
        """What was asked, what was reached, what binds at which price, and what the division resembles."""
        told = [f"The shares nearest to {called(self.rule.reference)}"]
        told[0] += f", subject to {', '.join(map(str, self.rule.subject_to))}." if self.rule.subject_to else "."
        for wish, row in self.wishes.iterrows():
            told.append(f"Wished: {wish}; {'holds' if row['holds'] else row['told']}.")
        binding = {name: v for name, v in self.answer.duals.items() if isinstance(v, float) and v and name != "budget"}
        told += [f"The price of {name} is {value:,.4g}." for name, value in binding.items()]
        if self.nearest:
            told.append(f"Nearest published rule: {self.nearest}, {self._distances.iloc[0]:.2%} of the loss apart.")
        return " ".join(told)

    def __repr__(self) -> str:
        near = f", nearest to {self.nearest} ({self._distances.iloc[0]:.2%} apart)" if self.nearest else ""
        return f"Design({self.answer.method}{near})"

    def _repr_html_(self) -> str:
        from allocopt.judgement.design_view import html

        return html(self)

    def __rich__(self) -> Group:
        from allocopt.judgement.design_view import terminal

        return terminal(self)


def design(
    event_or_problem: Event | LossProblem,
    must: Iterable[Constraint] | Constraint = (),
    prefer: Iterable[Any] | Any = (),
    *,
    known: Mapping[str, Scheme] | Iterable[str | Scheme] | None = None,
) -> Design:
    r"""Find the division that meets every must, comes as near to the preferences as they allow, and say what it is.

    .. math:: \min_x \sum_i \frac{(x_i - q_i)^2}{2 m_i} \quad \text{s.t.} \quad \sum_i x_i = L,\ 0 \le x_i \le c_i,\
        \text{musts, and wishes at the tightest bound that can be met, in their order}

    Parameters
    ----------
    event_or_problem : the question, or an event whose own question is asked.
    must : constraints that hold without exception (``ao.gini_at_most(...)``, ``ao.keep_solvent(...)``).
    prefer : in order of importance, constraints as wishes, each met as far as the musts and the wishes before it allow
        (``ao.gini_at_most(0, by="fund")`` asks for the least Gini), and at most one reference (a scheme, its name, or
        shares by payer; pro-rata unless given) to which the rest is left.
    known : published rules to compare with, by name, as schemes, or labels with either; by default every rule that
        needs no parameter, and pro-rata by each column. They are asked when the answer is first compared with them.

    Raises
    ------
    DataError : a must that is no constraint, two references. InfeasibleError : the musts contradict each other.

    >>> import allocopt as ao, pandas as pd
    >>> table = pd.DataFrame({"fund": [60.0, 30.0, 10.0]}, index=["A", "B", "C"])
    >>> problem = ao.LossProblem(30, table, cap="fund")
    >>> found = design(problem, must=[ao.gini_at_most(0.1, by="fund")], prefer=["constrained-equal-awards"])
    >>> found.shares.round(3).to_list(), found.nearest
    ([15.789, 8.684, 5.526], 'pro-rata')
    """
    problem = event_or_problem.problem() if isinstance(event_or_problem, Event) else event_or_problem
    if not isinstance(problem, LossProblem):
        raise DataError(f"design takes an Event or a LossProblem, not a {type(problem).__name__}")
    bounds = [must] if isinstance(must, Constraint) else list(must)
    wanted = [prefer] if isinstance(prefer, str | Scheme | Constraint | pd.Series) else list(prefer)
    wishes = [one for one in wanted if isinstance(one, Constraint)]
    references = [one for one in wanted if not isinstance(one, Constraint)]
    if len(references) > 1:
        raise DataError(f"prefer names {len(references)} references; give one, the rest as constraints")
    rules = _published(problem) if known is None else _given(known)
    rule = Fair(reference=references[0] if references else "pro-rata", subject_to=bounds)
    answer = rule.allocate(problem)
    rows = {}
    for wish in wishes:
        rule, answer, rows[str(wish)] = _granted(rule, answer, wish, problem)
    columns = ["asked", "reached", "holds", "told"]
    told = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("wish")
    return Design(answer, rule, told, rules, known is not None)


def _granted(
    rule: Fair, answer: Allocation, wish: Constraint, problem: LossProblem
) -> tuple[Fair, Allocation, dict[str, Any]]:
    """The rule with the wish at the tightest bound that can be met."""

    def level(of: Allocation) -> float:
        return float(wish.measure(of.paid, problem, of.extras["reference"].to_numpy()))

    def tried(bound: Constraint) -> tuple[Fair, Allocation] | None:
        stricter = dataclasses.replace(rule, subject_to=(*rule.subject_to, bound))
        try:
            return stricter, stricter.allocate(problem)
        except (InfeasibleError, SolverError):
            return None

    least = _least(rule, answer, wish, problem)
    stated = float(getattr(wish, "bound", math.nan))
    had = level(answer)
    short = (least - stated) * (had - stated) > 0 and abs(least - stated) > _MET * max(abs(least), abs(stated))
    found = None if short else tried(wish)
    if found is not None:
        return *found, {"asked": wish.limit, "reached": level(found[1]), "holds": True, "told": ""}
    free = [f.name for f in dataclasses.fields(wish)]
    if "bound" not in free or wish.excess(answer.paid, problem, answer.extras["reference"].to_numpy()) == float("inf"):
        return rule, answer, {"asked": wish.limit, "reached": had, "holds": False, "told": "cannot be met at all"}
    way = had - least if math.isfinite(had) else least
    for room in _ROOM if short else ():
        near = tried(dataclasses.replace(wish, bound=least + room * way))  # type: ignore[call-arg]
        if near is not None:
            got = level(near[1])
            return *near, {"asked": wish.limit, "reached": got, "holds": False, "told": f"the musts allow {got:.6g}"}
    low, high = stated, had
    best = rule, answer
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        again = tried(dataclasses.replace(wish, bound=middle))  # type: ignore[call-arg]
        if again is None:
            low = middle
        else:
            high, best = middle, again
        if abs(high - low) <= _MET * max(abs(high), abs(stated)) / 4:
            break
    reached = level(best[1])
    return *best, {"asked": wish.limit, "reached": reached, "holds": False, "told": f"the musts allow {reached:.6g}"}


def _least(rule: Fair, answer: Allocation, wish: Constraint, problem: LossProblem) -> float:
    """The tightest bound of a wish that the musts and earlier wishes allow, by one program; NaN where it has none."""
    reference = answer.extras["reference"]
    if not hasattr(wish, "bound") or single_point(problem, problem.caps) is not None:
        return math.nan
    kept = [settled(c, reference) for c in rule.subject_to]
    try:
        one = axis(settled(wish, reference), "", problem)
        return one.compute(Programs(problem, [one], kept, answer.paid).least(0, {}).paid)
    except (DataError, SolverError):
        return math.nan


def _given(known: Any) -> dict[str, Scheme | str]:
    listed = [known] if isinstance(known, str | Scheme) else known
    return {title: resolve(one) for title, one in (listed.items() if isinstance(listed, Mapping) else _titled(listed))}


def _titled(listed: Iterable[str | Scheme]) -> list[tuple[str, str | Scheme]]:
    return [(called(one), one) for one in listed]


def _published(problem: LossProblem) -> dict[str, Scheme | str]:
    """Pro-rata by the caps and by each column, then every rule by name that is quick among so many payers."""
    rules: dict[str, Scheme | str] = {"pro-rata": "pro-rata"}
    for column in amounts(problem.payers):
        if column != problem.cap_name:
            rules[f"pro-rata by {column}"] = scheme("pro-rata", key=column)
    quick = [name for name in schemes() if problem.n <= _FEW.get(name, problem.n)]
    return rules | {name: name for name in quick if name not in rules and name != Fair.name}


def _distances(answer: Allocation, rules: Mapping[str, Scheme | str], named: bool) -> pd.Series[float]:
    """The part of the loss that would change hands under each rule, nearest first; rules that cannot be asked are out.

    Of equal distances the rule that is listed first comes first, which is pro-rata.
    """
    found = {}
    for name, one in rules.items():
        try:
            other = resolve(one).allocate(answer.problem, "auto" if named else "closed form")
            found[name] = distance(answer.paid, other.paid)
        except (AllocOptError, TypeError):  # a rule that needs a parameter, or has no formula for this question
            if named:
                raise
    return pd.Series(found, dtype=float, name="distance").sort_values(kind="stable")
