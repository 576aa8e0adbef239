"""Slippage of books walked by hand, concentration, and the quantile, tail mean and tail sum in a second way."""

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

level_of_book = st.tuples(st.integers(1, 99).map(float), st.integers(0, 20).map(float))


@settings(max_examples=50)
@given(st.lists(level_of_book, min_size=0, max_size=8), st.integers(1, 30))
def test_walking_the_book_is_buying_unit_by_unit(book: list[tuple[float, float]], quantity: int) -> None:
    units = sorted((price for price, size in book for _ in range(int(size))), reverse=True)[:quantity]
    prices, sizes = [p for p, _ in book], [s for _, s in book]
    found = ao.book_slippage(prices, sizes, float(quantity), 100.0)
    if len(units) < quantity:
        assert found == math.inf
        return
    assert found == pytest.approx(sum(100.0 - p for p in units) / quantity / 100.0)
    mirrored = ao.book_slippage([200.0 - p for p in prices], sizes, float(quantity), 100.0, side="buy")
    assert mirrored == pytest.approx(found)


def test_the_paper_s_hundred_bitcoin() -> None:
    """arXiv 2603.09164, example 3.2: 100 coins at 60,000 that cost 180,000 slip by 3 per cent."""
    assert ao.book_slippage([58_200.0], [100.0], 100.0, 60_000.0) == pytest.approx(0.03)
    assert 180_000 / (100 * 60_000) == 0.03


@pytest.mark.parametrize("scale", [1e-9, 1e12])
def test_slippage_does_not_depend_on_the_unit(scale: float) -> None:
    found = ao.book_slippage([99.0 * scale, 98.0 * scale], [6.0 * scale, 10.0 * scale], 10.0 * scale, 100.0 * scale)
    assert found == pytest.approx(0.014)
    assert ao.book_slippage([99.0], [0.1] * 1, 0.1, 100.0) == pytest.approx(0.01)
    assert ao.book_slippage([99.0] * 3, [0.1] * 3, 0.3, 100.0) == pytest.approx(0.01)  # .1 + .1 + .1 is enough for .3
    assert ao.book_slippage([], [], 0.0, 100.0) == 0.0 and ao.book_slippage([], [], 1.0, 100.0) == math.inf


def test_concentration_is_counted_as_in_the_paper_s_two_books() -> None:
    """arXiv 2603.09164, example 4.1: a hundred providers of 10,000 each, and two of 500,000 each."""
    many, two = ao.liquidity_concentration([10_000.0] * 100), ao.liquidity_concentration([500_000.0] * 2)
    assert (many.effective, many.largest, many.haircut) == pytest.approx((100.0, 0.01, 0.0))
    assert (two.effective, two.largest) == (2.0, 0.5)
    assert two.haircut == pytest.approx(0.5 * (15 / 2 - 1) + 0.3 * (0.5 - 0.25))
    looser = ao.liquidity_concentration([500_000.0] * 2, threshold=0.5)  # the threshold of the paper's algorithm
    assert looser.haircut == pytest.approx(0.5 * (15 / 2 - 1))
    mixed = ao.liquidity_concentration(pd.Series({"a": 6.0, "b": 3.0, "c": 0.0, "d": 1.0}))
    assert mixed.effective == pytest.approx(float(1 / (Fraction(6, 10) ** 2 + Fraction(3, 10) ** 2 + Fraction(1, 100))))
    assert ao.liquidity_concentration([1e-300, 1e-300]).effective == 2.0


def test_the_paper_s_approximation_of_the_loss_of_one_provider_is_off_by_the_number_of_providers() -> None:
    """Equation 25 takes the mean of w squared for the Herfindahl index; it is that over the number of providers."""
    share = np.array([0.3] + [0.1] * 7)
    exact, index = float((share / (1 - share)).mean()), float((share**2).sum())
    assert exact == pytest.approx(1 / 8 + index / 8, rel=0.04)
    assert 1 / 8 + index > 1.7 * exact


slips = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5), st.integers(0, 4)), min_size=1, max_size=12)


@settings(max_examples=50)
@given(slips, st.integers(0, 20))
def test_quantile_mean_and_sum_of_the_tail_are_those_of_the_definition(
    rows: list[tuple[int, int, int]], twentieths: int
) -> None:
    slip, size, weight = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    level = Fraction(twentieths, 20)
    for v in (np.ones(len(rows)), weight):
        if not v.any():
            continue
        found = ao.slippage_at_risk(slip / 100, size, float(level), weights=v).verify()
        whole = sum(Fraction(w) for w in v)
        reach = [
            s
            for s in [0.0, *sorted(slip)]
            if sum(Fraction(w) for w, x in zip(v, slip, strict=True) if x <= s) / whole >= level
        ]
        assert found.quantile == reach[0] / 100
        tail = [k for k in range(len(rows)) if slip[k] > reach[0]]
        assert found.tail == tail
        assert found.total == pytest.approx(sum(slip[k] / 100 * size[k] for k in tail))
        assert math.isnan(found.expected) if not tail else found.expected == pytest.approx(slip[tail].mean() / 100)


def test_the_quantile_is_that_of_numpy_and_haircuts_come_first() -> None:
    rng = np.random.default_rng(4)
    slip, size, extra = rng.gamma(0.6, 0.02, 184), rng.lognormal(13, 1, 184), rng.random(184)
    found = ao.slippage_at_risk(slip, size, 0.95, haircuts=extra).verify()
    adjusted = slip * (1 + extra)
    assert found.quantile == pytest.approx(np.quantile(adjusted, 0.95, method="inverted_cdf"))
    assert len(found.tail) == 9  # of 184 contracts, as in the paper
    assert found.fund(2.5) == pytest.approx(2.5 * (adjusted * size)[adjusted > found.quantile].sum())


def test_a_higher_level_suggests_a_smaller_fund() -> None:
    """The tail shrinks: so neither r/kappa nor 1 - r/kappa of the newsvendor can be put in for the level as it is."""
    slip, size = np.linspace(0.001, 0.1, 50), np.full(50, 1e6)
    funds = [ao.slippage_at_risk(slip, size, level).fund(2.0) for level in (0.05, 0.5, 0.95, 1.0)]
    assert funds == sorted(funds, reverse=True) and funds[-1] == 0.0


def test_a_book_that_is_too_thin_is_in_the_tail_and_costs_without_limit() -> None:
    found = ao.slippage_at_risk(pd.Series({"BTC": 0.01, "X": math.inf, "Y": math.inf}), [1e6, 1e3, 0.0], 0.3).verify()
    assert found.quantile == 0.01 and found.tail == ["X", "Y"] and found.total == found.expected == math.inf
    assert ao.slippage_at_risk([0.01, math.inf], [1.0, 0.0], 0.5).total == 0.0  # nothing is to be closed there
    assert ao.slippage_at_risk([0.01, math.inf], [1.0, 1.0], 0.9).verify().quantile == math.inf


def test_the_certificate_sees_another_quantile() -> None:
    found = ao.slippage_at_risk([0.01, 0.02, 0.03, 0.1], [1.0] * 4, 0.75)
    for wrong in (0.02, 0.1):
        with pytest.raises(CertificateError):
            dataclasses.replace(found, quantile=wrong).verify()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ao.book_slippage([101.0], [1.0], 1.0, 100.0), "better than the mid price"),
        (lambda: ao.book_slippage([99.0], [1.0], 1.0, 100.0, side="buy"), "give asks"),
        (lambda: ao.book_slippage([99.0], [1.0], 1.0, 100.0, side="long"), "side"),
        (lambda: ao.book_slippage([0.0], [1.0], 1.0, 100.0), "price is zero"),
        (lambda: ao.book_slippage([99.0], [1.0, 2.0], 1.0, 100.0), "sizes"),
        (lambda: ao.book_slippage([99.0], [-1.0], 1.0, 100.0), "sizes: .*-1"),
        (lambda: ao.book_slippage([math.nan], [1.0], 1.0, 100.0), "prices: .*NaN"),
        (lambda: ao.book_slippage(99.0, [1.0], 1.0, 100.0), "one entry per resting order"),
        (lambda: ao.book_slippage([99.0], [1.0], "much", 100.0), "quantity"),
        (lambda: ao.liquidity_concentration([0.0, 0.0]), "nobody provides"),
        (lambda: ao.liquidity_concentration(3.0), "one entry per provider"),
        (lambda: ao.liquidity_concentration([1.0], threshold=2.0), "threshold"),
        (lambda: ao.slippage_at_risk([], []), "slippage is empty"),
        (lambda: ao.slippage_at_risk([0.1], [1.0], 1.5), "level is 1.5"),
        (lambda: ao.slippage_at_risk([0.1], [1.0], weights=[0.0]), "weights are all zero"),
        (lambda: ao.slippage_at_risk([-0.1], [1.0]), "slippage: .*-0.1"),
        (lambda: ao.slippage_at_risk([0.1], [1.0], haircuts=-1.0), "haircuts"),
        (lambda: ao.slippage_at_risk([0.1], [1.0]).fund(math.nan), "multiplier"),
    ],
)
def test_bad_input_gets_one_line(call: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        call()
    assert "\n" not in str(raised.value)
