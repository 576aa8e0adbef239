"""One incentive measure of the scorecard: a number about a rule asked again, with its witness and what it means.

A measure is one function of a :class:`Case` under :func:`measure`; being in one of the files ``measures`` puts it on
the list of :func:`incentive_measures`. A measure of your own needs no list, hand it to the comparison.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from allocopt.errors import AllocOptError, DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.problem import LossProblem
from allocopt.judgement.criterion import Criterion, Direction
from allocopt.judgement.incentives import Incentive
from allocopt.judgement.moves import Moves
from allocopt.judgement.resolving import Rule
from allocopt.mechanisms.cascade import Cascade

_ACCOUNTS = (2, 3, 5, 10)  # numbers of accounts tried; few, for each is one more solution of the rule


@dataclass(frozen=True, eq=False)
class Case:
    """A rule with its answer, as a measure sees it.

    ``question`` holds the payers who are compared and ``answer`` what they bear; ``facts`` is what the rule is asked
    about, the question or the whole event, with the changes that other rules were asked about, and ``cascade`` the run
    of a waterfall. ``by`` names the exposure, ``risk`` the risk contributions ('' for none), ``rates`` the columns that
    do not move with an account. ``given`` holds what else is known (see :mod:`allocopt.judgement.known`).
    """

    rule: Rule
    question: LossProblem
    facts: Moves
    answer: Allocation
    cascade: Cascade | None
    by: str
    risk: str = ""
    rates: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def ranked(self) -> list[Any]:
        """The payers from the smallest exposure to the largest; among equals by name, so that rows may come in any
        order."""
        exposure = self.question.column(self.by)
        ids = self.question.ids
        if not len(ids):
            raise DataError("there are no payers")
        return [ids[k] for k in sorted(range(len(ids)), key=lambda k: (exposure[k], str(ids[k])))]

    def fact(self, name: str) -> Any:
        """Something else that is known, or why this cannot be judged."""
        if name not in self.given:
            raise DataError(f"{name} is not known; compare(..., facts={{{name!r}: ...}}) says it")
        return self.given[name]

    def at(self, *quantiles: float) -> list[Any]:
        """The payers at these quantiles of exposure, 0 the smallest and 1 the largest, each once."""
        return list(dict.fromkeys(self.ranked[round(q * (len(self.ranked) - 1))] for q in quantiles))

    def paying(self, groups: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """The groups of payers who bear something, who alone have something to gain; the first group if none does."""
        each, borne = list(dict.fromkeys(groups)), self.answer.shares
        return [group for group in each if borne.loc[list(group)].sum() > 0] or each[:1]


Probe = Callable[[Case], Incentive]


@dataclass(frozen=True)
class Measure(Criterion):
    """A measure: called with a :class:`Case`; NaN, with the reason as its witness, where it has no answer.

    ``needs`` names the facts without which it is not on a card unless asked for.

    >>> split = incentive_measures()["split_gain"]
    >>> split.label("default_fund"), split.direction, split.best, split.worst
    ('Split gain of the largest or median payer by default_fund', 'lower is better', 0.0, 1.0)
    """

    probe: Probe = field(repr=False)
    needs: tuple[str, ...] = ()

    def __call__(self, case: Case) -> Incentive:
        """The value for this case with its witness."""
        try:
            return self.probe(case)
        except AllocOptError as fault:
            return Incentive(math.nan, str(fault))


def measure(
    *,
    title: str,
    of: str,
    formula: str,
    direction: Direction,
    best: float | None,
    worst: float | None,
    unit: str = "",
    family: str = "",
    favours: str = "",
    needs: tuple[str, ...] = (),
) -> Callable[[Probe], Measure]:
    """Make a measure of a function of a case; its name and documentation carry over."""

    def make(probe: Probe) -> Measure:
        name, doc = getattr(probe, "__name__", ""), (probe.__doc__ or "").strip()
        if not doc:
            raise DataError(f"measure {name!r} has no documentation; say in a sentence what a reader may conclude")
        probe.__qualname__ = f"{name}.probe"  # where pickle finds the function now that its name is the measure's
        ends = (best, worst)
        return Measure(
            name, title, formula, direction, unit, *ends, of, family or name, doc, probe, needs, favours=favours
        )

    return make


def incentive_measures(given: Mapping[str, Any] | None = None) -> dict[str, Measure]:
    """The measures of every question, then those that need further facts, by name; each is called with a case.

    With ``given``, only those whose facts are there: what is on a card unless others are asked for.

    >>> list(incentive_measures())[:4]
    ['own_price', 'own_elasticity', 'pass_through', 'split_gain']
    """
    from allocopt.judgement import measures, measures_of_facts

    listed = {**vars(measures), **vars(measures_of_facts)}
    found = {m.name: m for m in listed.values() if isinstance(m, Measure)}
    return {name: m for name, m in found.items() if given is None or set(m.needs) <= set(given)}
