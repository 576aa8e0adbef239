"""The insurance fund: flows in two ways, the cheapest size in three, and how sure a simulated figure is."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocopt as ao
from allocopt.errors import CertificateError, DataError
from allocopt.judgement.risk import expected_shortfall, var

AMOUNTS = st.lists(st.integers(0, 50).map(float), min_size=1, max_size=12)


def cost(size: float, losses: Any, rate: float, penalty: float) -> float:
    return rate * size + penalty * float(np.maximum(np.asarray(losses) - size, 0).mean())


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


# Simulation.


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


# Size.


def test_the_size_at_the_edges() -> None:
    losses = [0.0, 1.0, 2.0, 10.0]
    assert ao.size_insurance_fund(losses, 1.0).verify().size == 0
    assert ao.size_insurance_fund(losses, 5.0).verify().size == 0
    free = ao.size_insurance_fund(losses, 0.0).verify()
    assert (free.size, free.largest, free.cost, free.exhaustion) == (10.0, math.inf, 0.0, 0.0)
    assert ao.size_insurance_fund(losses, 0.3, 0.0).verify().size == 0
    assert ao.size_insurance_fund([0.0, 0.0], 0.1).verify().cost == 0
    one = ao.size_insurance_fund([7.0], 0.1).verify()
    assert (one.size, one.largest, one.cost) == (7.0, 7.0, pytest.approx(0.7)) and math.isnan(one.standard_error)


def test_where_several_sizes_cost_the_same_both_ends_are_given() -> None:
    found = ao.size_insurance_fund([0.0, 1.0, 2.0, 10.0], 0.25).verify()
    assert (found.size, found.largest) == (2.0, 10.0)
    assert [cost(k, [0, 1, 2, 10], 0.25, 1) for k in (2, 5, 10)] == pytest.approx([found.cost] * 3)


@settings(derandomize=True, deadline=None, max_examples=120)
@given(AMOUNTS, st.integers(0, 24), st.integers(1, 20))
def test_no_size_costs_less(losses: list[float], rate: int, penalty: int) -> None:
    r, kappa = rate / 12, penalty / 10
    found = ao.size_insurance_fund(losses, r, kappa).verify(1e-9)
    best = min(cost(k, losses, r, kappa) for k in [0.0, *losses])
    assert found.cost == pytest.approx(best, abs=1e-9)
    assert cost(found.size, losses, r, kappa) == pytest.approx(best, abs=1e-9)
    assert found.size == 0 or cost(found.size - 0.5, losses, r, kappa) > best - 1e-9
    if math.isfinite(found.largest):
        assert cost(found.largest, losses, r, kappa) == pytest.approx(best, abs=1e-9)
        assert r == 0 or cost(found.largest + 0.5, losses, r, kappa) > best + 1e-12


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e12])
@pytest.mark.parametrize("rate", [0.0, 0.013, 0.31, 0.77, 1.5])
def test_the_convex_program_finds_the_same_cost_and_prices(rate: float, scale: float) -> None:
    losses = np.random.default_rng(5).lognormal(0, 2, size=37) * scale
    exact, solved = (ao.size_insurance_fund(losses, rate, 1.2, by=by).verify() for by in ("closed form", "program"))  # type: ignore[arg-type]
    assert solved.method.startswith("program")
    assert solved.cost == pytest.approx(exact.cost, rel=1e-7, abs=1e-9 * scale)
    assert solved.duals.to_numpy() == pytest.approx(exact.duals.to_numpy(), abs=1e-7)


def test_the_size_is_the_quantile_and_the_cost_the_tail_mean_of_risk_measurement() -> None:
    losses = np.random.default_rng(2).gamma(0.5, 10.0, size=1001)
    found = ao.size_insurance_fund(losses, 0.02, 0.8)
    assert found.level == pytest.approx(0.975)
    assert found.size == pytest.approx(float(var(losses, 0.975)))
    assert found.cost == pytest.approx(0.02 * float(expected_shortfall(losses, 0.975)))


def test_stated_probabilities_weigh_like_repeated_scenarios() -> None:
    ids = ["calm", "storm"]
    stated = ao.size_insurance_fund(
        pd.Series([1.0, 9.0], ids), 0.2, probabilities=pd.Series([0.75, 0.25], ids)
    ).verify()
    drawn = ao.size_insurance_fund([1.0, 1.0, 1.0, 9.0], 0.2)
    assert (stated.size, stated.cost, stated.exhaustion) == pytest.approx((drawn.size, drawn.cost, drawn.exhaustion))
    assert stated.duals.to_dict() == pytest.approx({"calm": 0.0, "storm": 0.2})
    assert math.isnan(stated.standard_error) and not math.isnan(drawn.standard_error)


def test_the_price_of_a_scenario_is_the_change_of_the_cost() -> None:
    losses = np.array([0.0, 3.0, 5.0, 8.0, 20.0])
    found = ao.size_insurance_fund(losses, 0.27)
    for at, price in enumerate(found.prices):
        more = losses + 1e-4 * (np.arange(5) == at)
        assert (ao.size_insurance_fund(more, 0.27).cost - found.cost) / 1e-4 == pytest.approx(price, abs=1e-9)


def test_the_certificate_sees_another_size_and_other_prices() -> None:
    found = ao.size_insurance_fund([0.0, 1.0, 2.0, 10.0], 0.3)
    for change in ({"size": 5.0}, {"prices": found.prices * 1.1}, {"prices": found.prices[::-1].copy()}):
        with pytest.raises(CertificateError):
            dataclasses.replace(found, **change).verify()


def test_the_errors_shrink_with_the_number_of_draws() -> None:
    draws = np.random.default_rng(4).exponential(size=40_000)
    few, many = ao.size_insurance_fund(draws[:400], 0.05), ao.size_insurance_fund(draws, 0.05)
    assert many.standard_error < few.standard_error / 5
    assert abs(many.size - -math.log(0.05)) < 0.05 and abs(many.exhaustion - 0.05) < 4 * many.exhaustion_error


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
        (lambda: ao.size_insurance_fund([], 0.1), "losses are empty"),
        (lambda: ao.size_insurance_fund([1.0], -0.1), "rate is -0.1"),
        (lambda: ao.size_insurance_fund([1.0], 0.1, math.nan), "penalty is NaN"),
        (lambda: ao.size_insurance_fund([1.0, 2.0], 0.1, probabilities=[0.5, 0.6]), "add up to 1.1"),
        (lambda: ao.size_insurance_fund([1.0], 0.1, by="magic"), "magic"),
        (lambda: ao.size_insurance_fund(1.0, 0.1), "one entry per scenario"),
    ],
)
def test_bad_input_gets_one_line(call: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        call()
    assert "\n" not in str(raised.value)
