"""The cheapest insurance fund in four ways: by sorting, as a program, as a quantile, on a grid; and what it costs."""

from __future__ import annotations

import dataclasses
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
from allocopt.judgement.risk import expected_shortfall, var

AMOUNTS = st.lists(st.integers(0, 50).map(float), min_size=1, max_size=12)


def cost(size: float, losses: Any, rate: float, penalty: float) -> float:
    return rate * size + penalty * float(np.maximum(np.asarray(losses) - size, 0).mean())


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


@settings(derandomize=True, deadline=None, max_examples=60)
@given(AMOUNTS, st.integers(1, 24), st.integers(1, 20))
def test_the_size_is_the_quantile_as_defined_and_the_best_of_a_grid(losses: list[float], r: int, k: int) -> None:
    """inf {x >= 0: P(D <= x) >= 1 - r/kappa} in fractions, and the least of two thousand sizes."""
    rate, penalty = Fraction(r, 12), Fraction(k, 10)
    found = ao.size_insurance_fund(losses, float(rate), float(penalty))
    n = len(losses)
    reached = [x for x in [0.0, *sorted(losses)] if Fraction(sum(d <= x for d in losses), n) >= 1 - rate / penalty]
    assert found.size == reached[0]
    grid = np.linspace(0.0, max(losses) + 1.0, 2001)
    costs = float(rate) * grid + float(penalty) * np.maximum(np.array(losses)[:, None] - grid, 0).mean(axis=0)
    assert found.cost <= costs.min() + 1e-9
    step = float(grid[1]) * (float(rate) + float(penalty))  # the cost is Lipschitz: the grid comes this near
    assert found.cost >= costs.min() - step - 1e-9


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
