"""The insurance fund: what flows in and out in three ways, and how sure a simulated figure is."""

from __future__ import annotations

import dataclasses
import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocopt as ao
from allocopt.errors import CertificateError, DataError

AMOUNTS = st.lists(st.integers(0, 50).map(float), min_size=1, max_size=12)


# Flows.


def test_no_period_no_loss_and_an_empty_fund_are_ordinary() -> None:
    none = ao.insurance_fund(5.0, []).verify()
    assert none.balance.tolist() == [[5.0]] and none.exhaustion.value == 0
    calm = ao.insurance_fund(5.0, [0.0, 0.0]).verify()
    assert calm.balance.tolist() == [[5.0, 5.0, 5.0]] and calm.drawdown.tolist() == [0.0]
    empty = ao.insurance_fund(0.0, [3.0, 0.0]).verify()
    assert empty.residual.tolist() == [[3.0, 0.0]] and empty.exhausted.tolist() == [1.0] and empty.drawdown[0] == 0


def test_deribit_s_fund_in_march_2020_as_one_period() -> None:
    event = ao.load_event("deribit-2020-03")
    found = ao.insurance_fund(391.0, [event.loss], [500.0]).verify()
    assert found.balance.tolist() == [[391.0, 683.0]] and found.residual.tolist() == [[0.0]]


def test_what_cannot_be_paid_is_left_once_and_fees_come_after_the_loss() -> None:
    found = ao.insurance_fund(10.0, [12.0, 5.0, 1.0], [3.0, 0.0, 7.0]).verify()
    assert found.paid.tolist() == [[10.0, 3.0, 0.0]] and found.residual.tolist() == [[2.0, 2.0, 1.0]]
    assert found.balance.tolist() == [[10.0, 3.0, 0.0, 7.0]] and found.drawdown.tolist() == [1.0]


@settings(derandomize=True, deadline=None, max_examples=80)
@given(st.integers(0, 60).map(float), AMOUNTS, st.integers(0, 9).map(float))
def test_every_history_is_that_of_a_walk_reflected_at_zero(first: float, losses: list[float], fee: float) -> None:
    found = ao.insurance_fund(first, losses, fee).verify(1e-12)
    assert (found.paid + found.residual == found.losses).all() and (found.balance >= 0).all()


@pytest.mark.parametrize("scale", [1e-9, 1e12])
def test_flows_do_not_depend_on_the_unit(scale: float) -> None:
    found = ao.insurance_fund(10.0 * scale, np.array([[12.0, 5.0]]) * scale, 1.0 * scale).verify(1e-9)
    assert found.residual / scale == pytest.approx(np.array([[2.0, 4.0]]))


def test_the_certificate_sees_money_that_was_made_up() -> None:
    found = ao.insurance_fund(10.0, [4.0, 9.0], 1.0)
    with pytest.raises(CertificateError):
        dataclasses.replace(found, balance=found.balance + np.array([[0.0, 0.0, 1.0]])).verify()
    with pytest.raises(ValueError, match="read-only"):
        found.balance[0, 0] = 1.0


def test_a_fund_that_is_just_large_enough_is_not_exhausted_by_roundings() -> None:
    found = ao.insurance_fund(0.3, [0.1, 0.1, 0.1]).verify()  # .3 - .1 - .1 is a little less than .1
    assert found.exhausted[0] == math.inf and found.residual.sum() == 0 and found.breach_rate.value == 0
    assert found.paid.sum() == pytest.approx(0.3) and found.drawdown[0] == pytest.approx(1.0)
    short = ao.insurance_fund(0.3, [0.1, 0.1, 0.1 + 1e-9]).verify()
    assert short.exhausted[0] == 3 and short.residual[0, 2] == pytest.approx(1e-9)


def test_the_first_paper_s_fund_after_the_closing_that_was_worked_out_from_entry() -> None:
    """Fees of 20 bp at the mark of 1.05 and 10 bp at 1.55: .00365, half of it kept; deficit .449 and not .399."""
    deficit = 1.55 - (1 + 10 / 99)
    fees = 0.0020 * 1.05 * 1 + 0.0010 * 1.55 * 1
    assert fees == pytest.approx(0.00365)
    flow = ao.fund_inflows([fees], alpha=0.5)
    small = ao.insurance_fund(0.2, [deficit], flow.to_list()).verify()
    assert small.residual[0, 0] == pytest.approx(deficit - 0.2) and small.balance[0, 1] == pytest.approx(0.5 * 0.00365)
    large = ao.insurance_fund(1.0, [deficit], flow.to_list()).verify()
    assert large.balance[0, 1] == pytest.approx(1.0 + 0.5 * 0.00365 - deficit) and large.residual[0, 0] == 0


def test_inflows_are_parts_of_fees_trading_and_funding_by_period() -> None:
    days = pd.Index(["Mon", "Tue"])
    found = ao.fund_inflows(
        pd.Series([4.0, 8.0], days), pd.Series([100.0, 0.0], days), 50.0, alpha=0.25, eta=0.01, beta=0.02
    )
    assert found.to_dict() == {"Mon": 1.0 + 1.0 + 1.0, "Tue": 2.0 + 0.0 + 1.0}
    assert ao.fund_inflows([], alpha=1.0).empty


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.integers(0, 60).map(float), AMOUNTS, st.integers(0, 9).map(float))
def test_every_history_is_what_plain_steps_give(first: float, losses: list[float], fee: float) -> None:
    found = ao.insurance_fund(first, losses, fee)
    balance, seen, deepest, short = first, [first], 0.0, []
    for loss in losses:
        pays = min(balance, loss)
        short.append(loss - pays)
        balance += fee - pays
        seen.append(balance)
    for k, before in enumerate(seen):
        for after in seen[k:]:
            if before > 0:
                deepest = max(deepest, (before - after) / before)
    assert found.balance[0].tolist() == seen and found.residual[0].tolist() == short
    assert found.drawdown[0] == pytest.approx(deepest)
    assert found.exhausted[0] == next((k + 1 for k, s in enumerate(short) if s > 0), math.inf)
    assert found.breach_rate.value == pytest.approx(sum(s > 0 for s in short) / len(short))


# Simulation.


def test_the_simulated_figures_are_those_of_every_path_there_is() -> None:
    """Three pasts, five periods: all 243 futures, each run in fractions, against sixty thousand drawn ones."""
    past, fee = [(0, 1), (2, 0), (5, 3)], 5
    totals = {"exhaustion": Fraction(0), "expected_residual": Fraction(0), "breach_rate": Fraction(0)}
    paths = list(itertools.product(past, repeat=5))
    for path in paths:
        balance, short = Fraction(fee), []
        for loss, inflow in path:
            short.append(max(loss - balance, Fraction(0)))
            balance = max(balance - loss, Fraction(0)) + inflow
        totals["exhaustion"] += any(short)
        totals["expected_residual"] += sum(short)
        totals["breach_rate"] += Fraction(sum(s > 0 for s in short), 5)
    every = ao.insurance_fund(5.0, [[loss for loss, _ in p] for p in paths], [[flow for _, flow in p] for p in paths])
    drawn = ao.simulate_insurance_fund(
        5.0, [float(loss) for loss, _ in past], [float(flow) for _, flow in past], periods=5, paths=60_000, seed=3
    ).verify()
    for name, total in totals.items():
        exact = float(total / len(paths))
        assert getattr(every.verify(), name).value == pytest.approx(exact, abs=1e-12), name
        value, error = getattr(drawn, name)
        assert error > 0 and abs(value - exact) < 4 * error, name
    assert (
        abs(drawn.expected_drawdown.value - every.expected_drawdown.value) < 4 * drawn.expected_drawdown.standard_error
    )


def test_the_simulated_probability_is_the_exact_one_within_its_error() -> None:
    """A loss of 1 with probability 0.1, a fund of 2, no fees: used up when at least three of ten periods lose."""
    from scipy.stats import binom

    found = ao.simulate_insurance_fund(2.0, [0.0] * 9 + [1.0], periods=10, paths=40_000, seed=7).verify()
    exact = float(binom.sf(2, 10, 0.1))
    value, error = found.exhaustion
    assert 0 < error < 0.003 and abs(value - exact) < 4 * error
    residual = sum(max(k - 2, 0) * binom.pmf(k, 10, 0.1) for k in range(11))
    assert abs(found.expected_residual.value - residual) < 4 * found.expected_residual.standard_error


def test_the_same_seed_gives_the_same_figures_and_another_seed_others() -> None:
    past = [0.0, 0.0, 4.0]
    one, same, other = (ao.simulate_insurance_fund(5.0, past, 1.0, periods=9, paths=50, seed=s) for s in (1, 1, 2))
    assert (one.balance == same.balance).all() and (one.balance != other.balance).any()


def test_blocks_keep_periods_in_a_row_and_losses_keep_their_inflows() -> None:
    past = pd.Series([1.0, 2.0, 3.0, 4.0, 5.0])
    found = ao.simulate_insurance_fund(1e6, past, past * 10, periods=7, paths=200, block=5, seed=3)
    assert (found.inflows == 10 * found.losses).all()
    assert set(np.diff(found.losses[:, :5]).ravel().tolist()) == {1.0, -4.0}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ao.insurance_fund(-1.0, [1.0]), "initial is -1"),
        (lambda: ao.insurance_fund(1.0, [math.nan]), "losses: .*NaN"),
        (lambda: ao.insurance_fund(1.0, [-1.0]), "losses: .*-1"),
        (lambda: ao.insurance_fund(1.0, ["a"]), "not a number"),
        (lambda: ao.insurance_fund(1.0, 3.0), "one entry per period"),
        (lambda: ao.insurance_fund(1.0, [1.0], [1.0, 2.0]), "give both alike"),
        (lambda: ao.insurance_fund(1.0, np.array([[1.0, math.inf]])), "losses: .*inf"),
        (lambda: ao.simulate_insurance_fund(1.0, []), "losses are empty"),
        (lambda: ao.simulate_insurance_fund(1.0, [1.0], paths=0), "paths is 0"),
        (lambda: ao.simulate_insurance_fund(1.0, [1.0], seed=1.5), "seed is 1.5"),
        (lambda: ao.simulate_insurance_fund(1.0, [1.0], periods=10**6, paths=10**6), "100 million"),
        (lambda: ao.fund_inflows([1.0], alpha=1.5), "alpha is 1.5"),
        (lambda: ao.fund_inflows([1.0], [1.0, 2.0], alpha=0.5), "traded"),
        (lambda: ao.fund_inflows(1.0, alpha=0.5), "one entry per period"),
        (lambda: ao.fund_inflows([math.nan], alpha=0.5), "liquidation_fees: .*NaN"),
    ],
)
def test_bad_input_gets_one_line(call: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        call()
    assert "\n" not in str(raised.value)
