"""The closed form and the convex program of every rule give the same shares, the same prices and a certificate."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from strategies import edge_questions, question, questions, registered

import allocopt as ao
from allocopt.schemes.base import Scheme

RULES = registered()


def assert_stands(answer: ao.Allocation, tol: float = 1e-7) -> None:
    """Budget, bounds and certificate; nothing the solver said is consulted."""
    problem = answer.problem
    unit = problem.loss or 1.0
    assert abs(answer.paid.sum() + answer.residual - problem.loss) <= 1e-12 * unit
    assert (answer.paid >= -1e-12 * unit).all()
    assert (answer.paid <= problem.caps + 1e-12 * unit).all()
    assert answer.certificate.holds(tol), str(answer.certificate)


def assert_same(first: ao.Allocation, second: ao.Allocation, tol: float = 1e-7) -> None:
    """Equal shares, and equal prices where a share is strictly between zero and its cap (else prices are a range)."""
    problem = first.problem
    unit = problem.loss or 1.0
    assert np.abs(first.paid - second.paid).max(initial=0.0) <= tol * unit
    inside = (first.paid > 1e-6 * unit) & (first.paid < np.minimum(problem.caps, problem.loss) - 1e-6 * unit)
    if inside.any() and np.isfinite(first.price) and np.isfinite(second.price):
        assert first.price == pytest.approx(second.price, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=8)
@given(problem=questions())
def test_two_faces_agree(rule: str, problem: ao.LossProblem) -> None:
    fast, program = RULES[rule].allocate(problem), RULES[rule].allocate(problem, by="program")
    assert_stands(fast)
    assert_stands(program)
    assert_same(fast, program)


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=100)
@given(problem=questions(most=12))
def test_two_faces_agree_widely(rule: str, problem: ao.LossProblem) -> None:
    fast, program = RULES[rule].allocate(problem), RULES[rule].allocate(problem, by="program")
    assert_stands(fast)
    assert_stands(program)
    assert_same(fast, program)


@pytest.mark.parametrize("rule", RULES)
def test_every_edge_case_has_an_answer_that_stands(rule: str) -> None:
    for problem in edge_questions():
        answer = RULES[rule].allocate(problem)
        assert_stands(answer)
        if problem.exhausted:
            assert answer.residual == pytest.approx(problem.loss - problem.capacity)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("scale", [1e-6, 1e3, 1e12])
def test_answers_scale_with_the_money(rule: str, scale: float) -> None:
    small = question(9.0, [3.0, 1.0, 2.0, 2.0], [2.0, 4.0, 7.0, 8.0])
    large = question(9.0 * scale, [3.0, 1.0, 2.0, 2.0], [c * scale for c in (2.0, 4.0, 7.0, 8.0)])
    for by in ("auto", "program"):
        answer = RULES[rule].allocate(large, by=by)
        assert_stands(answer)
        np.testing.assert_allclose(
            answer.paid, RULES[rule].allocate(small).paid * scale, rtol=1e-8, atol=1e-12 * large.loss
        )


@pytest.mark.parametrize("rule", RULES)
def test_infinite_caps_get_an_answer_or_a_clear_refusal(rule: str) -> None:
    problem = question(9.0, [3.0, 1.0, 2.0], [2.0, float("inf"), 7.0])
    try:
        answer = RULES[rule].allocate(problem)
    except ao.DataError as refusal:
        assert "finite" in str(refusal) and "payer 1" in str(refusal)
        return
    assert_stands(answer)
    assert_same(answer, RULES[rule].allocate(problem, by="program"))


@pytest.mark.parametrize("rule", RULES)
def test_a_perturbed_answer_is_rejected(rule: str) -> None:
    problem = question(9.0, [3.0, 1.0, 2.0, 2.0], [2.0, 4.0, 7.0, 8.0])
    for by in ("auto", "program"):
        answer = RULES[rule].allocate(problem, by=by)
        moved = answer.paid.copy()
        moved[2] -= 1e-4 * problem.loss
        moved[3] += 1e-4 * problem.loss
        wrong = dataclasses.replace(answer, paid=moved)
        with pytest.raises(ao.CertificateError, match="does not stand"):
            wrong.verify()
        short = dataclasses.replace(answer, paid=answer.paid * (1 - 1e-4))
        with pytest.raises(ao.CertificateError):
            short.verify()


def test_the_helpers_notice_a_wrong_answer() -> None:
    problem = question(9.0, [1.0, 1.0], [8.0, 8.0])
    right = ao.allocate(problem, "pro-rata")
    wrong = dataclasses.replace(right, paid=np.array([4.0, 5.0]))
    with pytest.raises(AssertionError):
        assert_stands(wrong)
    with pytest.raises(AssertionError):
        assert_same(right, wrong)
    with pytest.raises(AssertionError):
        assert_same(right, dataclasses.replace(right, price=right.price * 1.01))


def finite_difference(rule: Scheme, problem: ao.LossProblem, cost: object, step: float) -> float:
    up, down = (rule.allocate(problem.replace(loss=problem.loss + h), by="program") for h in (step, -step))
    return float((cost(up.paid) - cost(down.paid)) / (2 * step))  # type: ignore[operator]


def test_the_price_of_the_loss_is_the_slope_of_the_cost() -> None:
    """Strata's habit: every price against a finite difference."""
    problem = question(9.0, [3.0, 1.0, 2.0, 2.0], [2.0, 4.0, 7.0, 8.0])
    key, cap = problem.column("key"), problem.caps
    cases = {
        "pro-rata": ({"key": "key"}, lambda x: (x**2 / (2 * key)).sum()),
        "constrained-equal-awards": ({}, lambda x: (x**2 / 2).sum()),
        # equal losses count prices from the largest cap: the cost differs by that constant times the loss
        "constrained-equal-losses": ({}, lambda x: ((cap - x) ** 2 / 2).sum() + cap.max() * x.sum()),
    }
    for name, (parameters, cost) in cases.items():
        rule = ao.scheme(name, **parameters)
        for by in ("auto", "program"):
            slope = finite_difference(rule, problem, cost, 1e-4)
            assert rule.allocate(problem, by=by).price == pytest.approx(slope, rel=1e-6)


def test_the_price_of_a_cap_is_the_slope_of_the_cost() -> None:
    problem = question(9.0, [3.0, 1.0, 2.0, 2.0], [2.0, 4.0, 7.0, 8.0])
    rule, key = ao.scheme("pro-rata", key="key"), problem.column("key")

    def cost(first_cap: float) -> float:
        x = rule.allocate(problem.replace(cap=[first_cap, 4.0, 7.0, 8.0])).paid
        return float((x**2 / (2 * key)).sum())

    slope = (cost(2.0001) - cost(1.9999)) / 2e-4
    for by in ("auto", "program"):
        assert rule.allocate(problem, by=by).duals["cap"].iloc[0] == pytest.approx(slope, rel=1e-6)
