"""What every rule owes: budget, caps, equal treatment, monotonicity in the loss, no matter the order or the unit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import question, questions, registered

import allocopt as ao

RULES = registered()

# By their published definitions these two count a payer with a cap of zero (they do not claim the axiom "null payer").
MINDFUL_OF_NOBODY = ("alpha-min", "dominguez-thomson")


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=30)
@given(problem=questions(most=9), factor=st.floats(1.0, 1.5))
def test_more_loss_never_lowers_a_bill(rule: str, problem: ao.LossProblem, factor: float) -> None:
    less = RULES[rule].allocate(problem)
    more = RULES[rule].allocate(problem.replace(loss=problem.loss * factor))
    assert (more.paid - less.paid >= -1e-9 * (problem.loss or 1.0)).all()


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=30)
@given(problem=questions(most=9), seed=st.integers(0, 9))
def test_the_order_of_the_table_does_not_matter(rule: str, problem: ao.LossProblem, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(problem.n)
    shuffled = problem.replace(payers=problem.payers.iloc[order])
    here, there = RULES[rule].allocate(problem).shares, RULES[rule].allocate(shuffled).shares
    assert list(there.index) == list(problem.ids[order])
    pd.testing.assert_series_equal(here, there.reindex(here.index), rtol=1e-9, atol=1e-12 * (problem.loss or 1.0))


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=20)
@given(problem=questions(most=6))
def test_equals_are_treated_equally(rule: str, problem: ao.LossProblem) -> None:
    table = problem.payers
    twins = pd.concat((table, table.rename(index=lambda name: f"{name} twin")))
    doubled = problem.replace(payers=twins, loss=2 * problem.loss)
    answer = RULES[rule].allocate(doubled)
    n = problem.n
    np.testing.assert_allclose(answer.paid[:n], answer.paid[n:], rtol=1e-9, atol=1e-10 * (problem.loss or 1.0))


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=20)
@given(problem=questions(most=9), power=st.integers(-6, 12))
def test_the_unit_of_money_does_not_matter(rule: str, problem: ao.LossProblem, power: int) -> None:
    unit = 10.0**power
    table = problem.payers
    table["cap"] *= unit
    table["equity"] *= unit
    scaled = problem.replace(payers=table, loss=problem.loss * unit)
    here, there = RULES[rule].allocate(problem), RULES[rule].allocate(scaled)
    np.testing.assert_allclose(there.paid / unit, here.paid, rtol=1e-9, atol=1e-9 * (problem.loss or 1.0))


@pytest.mark.parametrize("rule", [name for name, rule in RULES.items() if rule.name not in MINDFUL_OF_NOBODY])
@settings(max_examples=20)
@given(problem=questions(most=6))
def test_a_payer_with_no_cap_room_changes_nothing(rule: str, problem: ao.LossProblem) -> None:
    nobody = problem.payers.iloc[:1].assign(key=0.0, cap=0.0, equity=0.0)
    nobody.index = ["nobody"]
    wider = problem.replace(payers=pd.concat((problem.payers, nobody)))
    here, there = RULES[rule].allocate(problem), RULES[rule].allocate(wider)
    assert there.shares["nobody"] == 0.0
    np.testing.assert_allclose(there.paid[:-1], here.paid, rtol=1e-9, atol=1e-9 * (problem.loss or 1.0))


@pytest.mark.parametrize("rule", RULES)
@given(problem=questions(most=9))
@settings(max_examples=15)
def test_cents_add_up_within_caps(rule: str, problem: ao.LossProblem) -> None:
    answer = RULES[rule].allocate(problem)
    cents = answer.rounded(2)
    assert (cents <= problem.caps + 1e-12).all()
    assert np.abs(cents * 100 - np.rint(cents * 100)).max() < 1e-9
    room = np.floor(np.minimum(problem.caps, 1e12) * 100 + 1e-9).sum()
    assert abs(float(cents.sum()) * 100 - min(float(answer.paid.sum()) * 100, room)) <= 0.5 + 1e-6


@pytest.mark.parametrize("rule", RULES)
def test_every_payer_is_told_why(rule: str) -> None:
    problem = _question()
    answer = RULES[rule].allocate(problem)
    for payer in problem.ids:
        text = answer.explain(payer)
        assert str(payer) in text and f"{answer.shares[payer]:,.2f}" in text


def _question() -> ao.LossProblem:
    return question(9.0, [3.0, 1.0, 2.0, 2.0], [2.0, 0.0, 7.0, 8.0])


def test_dual_rules_change_places_with_the_reading() -> None:
    problem = _question()
    awards = ao.allocate(problem, "constrained-equal-awards", reading="payout")
    losses = ao.allocate(problem, "constrained-equal-losses")
    np.testing.assert_allclose(awards.paid, losses.paid, atol=1e-12)
    for name in ("talmud", "random-arrival", "pro-rata"):
        burden, payout = (ao.allocate(problem, name, reading=r) for r in ("burden", "payout"))
        np.testing.assert_allclose(burden.paid, payout.paid, atol=1e-12)


def test_inputs_are_never_written_to() -> None:
    table = _question().payers
    before = table.copy(deep=True)
    problem = ao.LossProblem(9.0, table, cap="cap")
    for rule in RULES.values():
        rule.allocate(problem).rounded(2)
    pd.testing.assert_frame_equal(table, before)
    handed_out = problem.payers
    handed_out.loc[:, "cap"] = 0.0
    assert problem.capacity > 0
    with pytest.raises(ValueError, match="read-only"):
        problem.caps[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        ao.allocate(problem, "pro-rata").paid[0] = 1.0
