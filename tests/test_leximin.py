"""Leximin: capped pro-rata when nothing couples the payers, stages that prove themselves when something does."""

from __future__ import annotations

import dataclasses
import itertools
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from strategies import questions
from test_constraints import PROBLEM, N, question, worths

import allocopt as ao
from allocopt.maths.lexicographic import leximax
from allocopt.schemes import constraints as cs

KEYS = [None, "margin", "fund"]
COUPLINGS = {
    "group gap": lambda: cs.group_gap_at_most(0.02, by="margin"),
    "gini": lambda: cs.gini_at_most(0.3, by="wealth"),
    "theil": lambda: cs.theil_at_most(0.15, by="wealth"),
    "within": lambda: cs.within(0.3, of="talmud"),
    "core": lambda: cs.in_core(worths(PROBLEM)),
    "suits": lambda: cs.suits_between(0.05, 1.0, by="fund"),
}


def rates(answer: ao.Allocation, by: str | None) -> np.ndarray:
    return answer.paid / (1.0 if by is None else answer.problem.column(by))


def assert_lexicographically_least(answer: ao.Allocation, by: str | None, others: list[np.ndarray]) -> None:
    """No other feasible shares have a smaller vector of rates, the largest first."""
    weight = 1.0 if by is None else answer.problem.column(by)
    ours = np.sort(rates(answer, by))[::-1]
    unit = max(float(ours[0]), 1e-300)
    for x in others:
        theirs = np.sort(x / weight)[::-1]
        apart = np.flatnonzero(np.abs(ours - theirs) > 1e-7 * unit)
        assert not len(apart) or ours[apart[0]] < theirs[apart[0]], "other shares are lexicographically smaller"


@pytest.mark.parametrize("by", KEYS)
def test_with_budget_and_caps_alone_it_is_capped_pro_rata(by: str | None) -> None:
    key = by or np.ones(N)
    expected = ao.allocate(PROBLEM, "pro-rata", key=key).paid
    for way in ("auto", "program"):
        answer = (
            ao.allocate(PROBLEM, "leximin", by=way)
            if by is None
            else ao.scheme("leximin", by=by).allocate(PROBLEM, way)
        )
        np.testing.assert_allclose(answer.verify(1e-9).paid, expected, atol=1e-10 * PROBLEM.loss)
        assert ("capped pro-rata" in answer.method) == (way == "auto")
        assert answer.price == pytest.approx(slope(ao.scheme("leximin", by=by), PROBLEM, by), rel=1e-6)


def slope(rule: Any, problem: ao.LossProblem, by: str | None) -> float:
    step = 1e-6 * problem.loss
    high, low = (rates(rule.allocate(problem.replace(loss=problem.loss + h)), by).max() for h in (step, -step))
    return float((high - low) / (2 * step))


@settings(max_examples=25)
@given(problem=questions())
def test_the_stages_find_the_closed_form(problem: ao.LossProblem) -> None:
    rule = ao.scheme("leximin", by="key")
    fast, slow = rule.allocate(problem).verify(1e-9), rule.allocate(problem, by="program").verify(1e-9)
    np.testing.assert_allclose(fast.paid, slow.paid, atol=1e-8 * (problem.loss or 1.0))


@pytest.mark.parametrize("by", KEYS)
@pytest.mark.parametrize("name", COUPLINGS)
def test_no_feasible_shares_are_lexicographically_smaller(name: str, by: str | None) -> None:
    """Blends with every fair answer under the same constraint are feasible, and none is better."""
    coupling = COUPLINGS[name]()
    answer = ao.scheme("leximin", by=by, subject_to=[coupling]).allocate(PROBLEM).verify(1e-7)
    references = ("pro-rata", "constrained-equal-awards", "constrained-equal-losses", "talmud")
    fair = [ao.allocate(PROBLEM, "fair", reference=r, subject_to=[coupling]).paid for r in references]
    blends = [(1 - a) * answer.paid + a * x for x in fair for a in (0.01, 0.1, 1.0)]
    blends += [(x + y) / 2 for x, y in itertools.combinations(fair, 2)]
    assert_lexicographically_least(answer, by, blends)
    assert coupling.excess(answer.paid, PROBLEM, answer.paid) <= 1e-8 or name == "within"


@pytest.mark.parametrize(("by", "name"), [("margin", "gini"), (None, "core"), ("fund", "group gap")])
def test_of_residuals_the_least_is_raised_or_the_largest_cut(by: str | None, name: str) -> None:
    """No blend with a fair answer leaves the poorest more (leximin), or the richest less (leximax)."""
    coupling, caps = COUPLINGS[name](), PROBLEM.caps
    weight = np.ones(N) if by is None else PROBLEM.column(by)
    references = ("pro-rata", "constrained-equal-awards", "constrained-equal-losses", "talmud")
    fair = [ao.allocate(PROBLEM, "fair", reference=r, subject_to=[coupling]).paid for r in references]
    for kind, turn in (("leximin", -1.0), ("leximax", 1.0)):
        answer = ao.scheme(kind, of="residual", by=by, subject_to=[coupling]).allocate(PROBLEM).verify(1e-7)
        ours = np.sort(turn * (caps - answer.paid) / weight)[::-1]
        for x in [(1 - a) * answer.paid + a * y for y in fair for a in (0.01, 0.1, 1.0)]:
            if coupling.excess(x, PROBLEM, ao.allocate(PROBLEM, "constrained-equal-losses", key=weight).paid) > 1e-8:
                continue  # bounded deviation is measured from the rule's own reference
            theirs = np.sort(turn * (caps - x) / weight)[::-1]
            apart = np.flatnonzero(np.abs(ours - theirs) > 1e-7 * np.abs(ours).max())
            assert not len(apart) or ours[apart[0]] < theirs[apart[0]]


@pytest.mark.parametrize("by", [None, "margin"])
def test_leximax_and_leximin_part_only_where_constraints_couple_what_is_left(by: str | None) -> None:
    coupling = COUPLINGS["gini"]()
    both = {
        of: [ao.scheme(k, of=of, by=by, subject_to=[coupling]).allocate(PROBLEM).paid for k in ("leximin", "leximax")]
        for of in ("burden", "residual")
    }
    np.testing.assert_array_equal(*both["burden"])
    assert np.abs(np.subtract(*both["residual"])).max() > 0.01 * PROBLEM.loss
    key = np.ones(N) if by is None else by
    losses = ao.allocate(PROBLEM, "constrained-equal-losses", key=key).paid
    for kind in ("leximin", "leximax"):
        for way in ("auto", "program"):
            answer = ao.scheme(kind, of="residual", by=by).allocate(PROBLEM, way).verify(1e-9)
            np.testing.assert_allclose(answer.paid, losses, atol=1e-9 * PROBLEM.loss)
            assert ("constrained-equal-losses" in answer.method) == (way == "auto")


def test_levels_of_residuals_are_what_is_left() -> None:
    answer = ao.scheme("leximin", of="residual", subject_to=[COUPLINGS["gini"]()]).allocate(PROBLEM)
    left = PROBLEM.caps - answer.paid
    assert answer.extras["stages"]["level"].iloc[0] == pytest.approx(left.min())
    richest = ao.scheme("leximax", of="residual", subject_to=[COUPLINGS["gini"]()]).allocate(PROBLEM)
    assert richest.extras["stages"]["level"].iloc[0] == pytest.approx((PROBLEM.caps - richest.paid).max())
    assert "of residuals" in ao.scheme("leximin", of="residual").title and "what is left" in answer.explain(
        PROBLEM.ids[0]
    )
    with pytest.raises(ao.DataError, match="of is 'wealth'"):
        ao.scheme("leximax", of="wealth")
    with pytest.raises(ao.DataError, match="state finite caps"):
        ao.scheme("leximax", of="residual").allocate(PROBLEM.replace(cap=None))


def test_the_helper_notices_shares_that_are_not_least() -> None:
    answer = ao.allocate(PROBLEM, "constrained-equal-losses")
    with pytest.raises(AssertionError, match="lexicographically smaller"):
        assert_lexicographically_least(answer, None, [ao.allocate(PROBLEM, "constrained-equal-awards").paid])


def test_every_stage_stands_on_the_shares() -> None:
    answer = ao.scheme("leximin", by="margin", subject_to=[COUPLINGS["within"]()]).allocate(PROBLEM)
    stages = answer.extras["stages"]
    named = [name for row in stages["settled"] for name in row.split(", ")]
    assert sorted(named) == sorted(PROBLEM.ids) and len(stages) > 2
    assert (stages["level"].diff().dropna() <= 1e-9).all()
    for level, settled in zip(stages["level"], stages["settled"], strict=True):
        assert answer.burden("margin")[settled.split(", ")].to_numpy() == pytest.approx(level)
    assert answer.certificate.details["level of stage 1"] == pytest.approx(rates(answer, "margin").max())


def test_the_egalitarian_point_of_the_runway_game() -> None:
    """Dutta and Ray (Econometrica 57, 1989): in the core of a concave cost game the Lorenz-best point. By hand: the two
    small payers cannot be charged more than 12 together nor the first more than 2."""
    runway = [0, 2, 12, 12, 30, 30, 30, 30]
    table = pd.DataFrame({"key": [1.0, 1.0, 1.0]}, index=["A", "B", "C"])
    answer = ao.allocate(ao.LossProblem(30, table), "leximin", subject_to=[cs.in_core(runway)]).verify(1e-9)
    np.testing.assert_allclose(answer.paid, [2.0, 10.0, 18.0], atol=1e-9)
    assert answer.price == pytest.approx(1.0)


def test_perturbed_shares_are_rejected() -> None:
    for rule in (
        ao.scheme("leximin", by="margin"),
        ao.scheme("leximin", by="margin", subject_to=[COUPLINGS["gini"]()]),
        ao.scheme("leximin", by="margin", subject_to=[COUPLINGS["theil"]()]),
    ):
        answer = rule.allocate(PROBLEM)
        moved = answer.paid.copy()
        moved[1] += 1e-4 * PROBLEM.loss
        moved[2] -= 1e-4 * PROBLEM.loss
        with pytest.raises(ao.CertificateError, match="does not stand"):
            dataclasses.replace(answer, paid=moved).verify()


@pytest.mark.parametrize("scale", [1e-6, 1e12])
def test_the_scale_of_the_money_does_not_matter(scale: float) -> None:
    couplings = [cs.group_ratio_at_most(1.05, by="margin"), cs.gini_at_most(0.3, by="wealth")]
    rule = ao.scheme("leximin", by="margin", subject_to=couplings)
    here, there = rule.allocate(PROBLEM).verify(), rule.allocate(question(scale)).verify()
    np.testing.assert_allclose(there.paid / scale, here.paid, rtol=1e-8, atol=1e-9)


def test_contradictions_are_named() -> None:
    with pytest.raises(ao.InfeasibleError, match=r"gini .* at most 0.001.*within 1%"):
        ao.allocate(PROBLEM, "leximin", subject_to=[cs.gini_at_most(0.001, by="wealth"), cs.within(0.01, of="talmud")])
    spared = PROBLEM.payers.assign(key=[0.0] + [1.0] * (N - 1))
    with pytest.raises(ao.InfeasibleError, match="ratio of burden"):
        ao.scheme("leximin", by="key", subject_to=[cs.ratio_at_most(9.0)]).allocate(PROBLEM.replace(payers=spared))
    with pytest.raises(ao.InfeasibleError, match="leaves no choice"):
        ao.allocate(PROBLEM.replace(loss=2 * PROBLEM.capacity), "leximin", subject_to=[cs.gini_at_most(0.1)])
    with pytest.raises(ao.DataError, match="not a constraint"):
        ao.scheme("leximin", subject_to=["gini"])
    with pytest.raises(ao.DataError, match="did you mean 'margin'"):
        ao.scheme("leximin", by="margins").allocate(PROBLEM)


def test_a_key_of_zero_bears_nothing_and_no_payers_is_ordinary() -> None:
    spared = PROBLEM.replace(payers=PROBLEM.payers.assign(key=[0.0] + [1.0] * (N - 1)))
    for way in ("auto", "program"):
        answer = ao.scheme("leximin", by="key").allocate(spared, way).verify(1e-9)
        assert answer.paid[0] == 0.0
        nobody = ao.LossProblem(5.0, PROBLEM.payers.iloc[:0], cap="fund")
        assert ao.scheme("leximin", by="margin").allocate(nobody, way).residual == 5.0
    coupled = ao.scheme("leximin", by="key", subject_to=[cs.gini_at_most(0.2)]).allocate(spared).verify(1e-8)
    assert coupled.paid[0] == 0.0 and cs.gini_at_most(0.2).measure(coupled.paid, spared, spared.caps) <= 0.2 + 1e-9


def test_fifty_payers_with_groups_take_seconds() -> None:
    rng = np.random.default_rng(5)
    table = pd.DataFrame(
        {"fund": rng.lognormal(0, 1, 50), "margin": rng.lognormal(0, 1, 50), "size": ["large", "small"] * 25}
    )
    problem = ao.LossProblem(0.5 * table["fund"].sum(), table, cap="fund")
    plain = ao.scheme("leximin", by="margin").allocate(problem)
    gap = cs.group_gap_at_most(0.0, by="margin")
    assert gap.excess(plain.paid, problem, plain.paid) > 1e-3
    start = time.perf_counter()
    answer = ao.scheme("leximin", by="margin", subject_to=[gap, cs.hoover_at_most(0.3)]).allocate(problem)
    assert time.perf_counter() - start < 20
    answer.verify(1e-9)
    assert gap.measure(answer.paid, problem, answer.paid) <= 1e-9


def test_a_stage_that_proves_nothing_is_refused() -> None:
    from allocopt.maths.program import Answer

    hollow = Answer(np.zeros(2), {}, "CLARABEL", (), (0.0, 0.0, 0.0))
    with pytest.raises(ao.SolverError, match="proves no number tight"):
        leximax(lambda left, levels: (hollow, np.ones(2), np.zeros(2), False), 2)
