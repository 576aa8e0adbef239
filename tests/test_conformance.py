"""The public conformance check passes the rules of the house, and catches every way in which a rule can misbehave."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

import allocopt as ao
from allocopt.facts.allocation import Allocation
from allocopt.facts.problem import LossProblem
from allocopt.schemes.constrained_equal_awards import ConstrainedEqualAwards
from allocopt.schemes.pro_rata import ProRata
from allocopt.testing import check_scheme, ordinary_questions, question

HOUSE = {
    "pro-rata by key": ao.scheme("pro-rata", key="initial_margin"),
    "pro-rata, payout": ao.scheme("pro-rata", reading="payout"),
    "equal awards": ao.scheme("constrained-equal-awards"),
    "equal losses": ao.scheme("constrained-equal-losses", key="default_fund"),
    "talmud": ao.scheme("talmud"),
    "queue": ao.scheme("queue", score="stress_loss"),
    "fair": ao.scheme("fair", reference="talmud", subject_to=[ao.gini_at_most(0.3, by="default_fund")]),
}


@pytest.mark.parametrize("rule", HOUSE)
def test_rules_of_the_house_pass(rule: str) -> None:
    check_scheme(HOUSE[rule])


def without_parameters() -> list[str]:
    """Every registered rule that can be made without a choice."""
    return [
        name
        for name, kind in ao.schemes().items()
        if all(
            f.default is not dataclasses.MISSING or f.default_factory is not dataclasses.MISSING
            for f in dataclasses.fields(kind)
        )
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", without_parameters())
def test_every_registered_rule_passes(name: str) -> None:
    check_scheme(ao.scheme(name))


def test_the_questions_begin_with_the_degenerate_ones() -> None:
    questions = ordinary_questions()
    assert questions[0].n == 0 and any(p.n == 1 for p in questions)
    assert any(p.loss == 0 for p in questions) and any(p.exhausted for p in questions)
    assert any((p.caps == 0).any() for p in questions)
    assert any(len(set(p.caps)) < p.n for p in questions)


class Wrong(ProRata):
    """Pro-rata, spoilt after the fact."""

    claims = frozenset()

    def closed_form(self, problem: LossProblem) -> Allocation:
        return self.spoil(super().closed_form(problem))

    def solve(self, problem: LossProblem, solvers: tuple[str, ...] | None = None) -> Allocation:
        return self.spoil(super().solve(problem, solvers))

    def spoil(self, answer: Allocation) -> Allocation:
        raise AssertionError("each wrong rule spoils in its own way")


class Loses(Wrong):
    def spoil(self, answer: Allocation) -> Allocation:
        return dataclasses.replace(answer, paid=answer.paid * 0.999)


class Overcharges(Wrong):
    def spoil(self, answer: Allocation) -> Allocation:
        if not len(answer.paid):
            return answer
        extra = np.zeros(len(answer.paid))
        extra[0] = answer.residual
        return dataclasses.replace(answer, paid=answer.paid + extra, residual=0.0)


class Refunds(Wrong):
    def spoil(self, answer: Allocation) -> Allocation:
        moved = answer.paid.copy()
        if len(moved) > 1:
            moved[0], moved[-1] = -1.0, moved[-1] + moved[0] + 1.0
        return dataclasses.replace(answer, paid=moved)


class Elsewhere(Wrong):
    def spoil(self, answer: Allocation) -> Allocation:
        return dataclasses.replace(answer, problem=answer.problem.replace())


class Gullible(Wrong):
    def spoil(self, answer: Allocation) -> Allocation:
        return dataclasses.replace(answer, evidence=lambda _: ao.Certificate(0.0, 0.0, 0.0, "word of honour"))


class Doubtful(Wrong):
    def spoil(self, answer: Allocation) -> Allocation:
        return dataclasses.replace(answer, evidence=lambda _: ao.Certificate(0.0, float("nan"), 0.0, "unknown"))


class TwoMinds(ProRata):
    def solve(self, problem: LossProblem, solvers: tuple[str, ...] | None = None) -> Allocation:
        return ConstrainedEqualAwards().solve(problem, solvers)


class FirstComeFirstServed(ProRata):
    claims = frozenset()

    def _posed(self, problem: LossProblem) -> Any:
        return ProRata(key=np.arange(problem.n, 0.0, -1.0))._posed(problem)


class Moody(ProRata):
    claims = frozenset()
    asked = 0

    def _posed(self, problem: LossProblem) -> Any:
        Moody.asked += 1
        return ProRata(key=problem.caps + Moody.asked)._posed(problem)


class Boasts(ProRata):
    """Adds one unit of money to every key, which depends on the unit, and claims that it does not."""

    claims = frozenset({"homogeneity"})

    def _posed(self, problem: LossProblem) -> Any:
        return ProRata(key=problem.caps + 1.0)._posed(problem)


class PrefersEarly(ProRata):
    """Favours payers by the number in their name, and claims equal treatment."""

    claims = frozenset({"equal treatment"})

    def _posed(self, problem: LossProblem) -> Any:
        return ProRata(key=[1.0 + int(str(payer)[-1]) for payer in problem.ids])._posed(problem)


class TurnsRound(ProRata):
    """Shares small losses by cap and large ones against it, and claims that more loss never lowers a share."""

    claims = frozenset({"loss monotonicity"})

    def _posed(self, problem: LossProblem) -> Any:
        small = problem.loss < 0.46 * problem.capacity
        return ProRata(key=problem.caps**3 if small else 1.0 + 0 * problem.caps)._posed(problem)


class ClaimsTooMuch(ConstrainedEqualAwards):
    claims = frozenset({"self duality"})


class Nameless(ProRata):
    name = ""


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (Loses(), "miss the loss by"),
        (Overcharges(), "above its cap"),
        (Refunds(), "a share is negative"),
        (Elsewhere(), "belongs to another question"),
        (Gullible(), "the certificate holds for shares that do not add up"),
        (Doubtful(), "the certificate does not hold"),
        (TwoMinds(), "the convex program gives"),
        (FirstComeFirstServed(), "in another order"),
        (Moody(), "a second call gives"),
        (Boasts(), "in another unit of money"),
        (PrefersEarly(), "bear amounts"),
        (TurnsRound(), "a larger loss lowers a share"),
        (ClaimsTooMuch(), "claims 'self duality', which is broken"),
        (Nameless(), "has no name"),
        ("pro-rata", "is no Scheme"),
    ],
)
def test_every_misbehaviour_is_named(rule: Any, sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence):
        check_scheme(rule)


def test_questions_of_ones_own() -> None:
    table = pd.DataFrame({"points": [3.0, 1.0]}, index=["A", "B"])
    rule = ao.scheme("pro-rata", key="points")
    with pytest.raises(ao.DataError, match="points"):
        check_scheme(rule)
    check_scheme(rule, [ao.LossProblem(10, table, cap=8.0), ao.LossProblem(10, table)])
    with pytest.raises(AssertionError, match="the certificate does not hold"):
        check_scheme(Doubtful(), [question([1.0, 2.0], 2.0)])
