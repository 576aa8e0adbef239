"""The trigger with memory: starts below one line, stops above another, and in between stays as it was."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocopt as ao
from allocopt.errors import CertificateError, DataError

POOL = 100.0


def pool(*pnl: float) -> pd.Series[float]:
    return pd.Series(pnl, index=np.arange(len(pnl), dtype=float))


def slow(pnl: pd.Series[float], balance: pd.Series[float], window: float, least: float) -> list[bool]:
    """The rule as a loop over times, with the window looked through afresh."""
    state, states = False, []
    for now in pnl.index:
        inside = [t for t in pnl.index if now - window <= t <= now]
        fall, held = pnl[now] - max(pnl[t] for t in inside), max(balance[t] for t in inside)
        ratio = 0.0 if fall >= 0 else fall / held if held > 0 else -np.inf
        if ratio < -0.3 and balance[now] > least:
            state = True
        elif ratio > -0.25:
            state = False
        states.append(state)
    return states


# Degenerate first.


def test_no_times_and_one_time_are_ordinary() -> None:
    none = ao.adl_trigger(pd.Series(dtype=float), pd.Series(dtype=float)).verify()
    assert none.active.empty and none.episodes.empty
    one = ao.adl_trigger(pool(5.0), pool(POOL)).verify()
    assert one.active.to_list() == [False] and one.gap.to_list() == [0.0]


def test_a_pool_that_never_falls_never_triggers() -> None:
    rising = pool(*range(50))
    assert not ao.adl_trigger(rising, rising + POOL).verify().active.any()


def test_exactly_on_a_line_nothing_changes() -> None:
    pnl = pool(0.0, -30.0, -30.5, -25.0, -24.9)
    assert ao.adl_trigger(pnl, pnl + POOL).verify().active.to_list() == [False, False, True, True, False]


# Memory.


def test_between_the_lines_the_state_is_what_it_was() -> None:
    down, up = pool(0.0, -27.0), pool(0.0, -31.0, -27.0)
    assert not ao.adl_trigger(down, down + POOL).active.iloc[-1]
    assert ao.adl_trigger(up, up + POOL).active.iloc[-1]


def test_closings_have_to_win_back_just_the_start_line() -> None:
    pnl = pool(0.0, -42.0, -30.0)
    found = ao.adl_trigger(pnl, pnl + POOL).verify()
    assert found.ratio.to_list() == pytest.approx([0, -0.42, -0.30])
    assert found.gap.to_list() == pytest.approx([0, 12, 0])
    assert found.active.to_list() == [False, True, True]
    assert found.episodes.to_dict("records") == [{"first": 1.0, "last": 2.0, "gap": pytest.approx(12)}]


def test_a_peak_older_than_eight_hours_is_forgotten() -> None:
    pnl = pool(0.0, *[-40.0] * 10)
    found = ao.adl_trigger(pnl, pnl + POOL)
    assert found.active.to_list() == [False, *[True] * 8, False, False]
    assert ao.adl_trigger(pnl, pnl + POOL, window=100.0).active.sum() == 10


def test_an_empty_pool_triggers_by_equity_until_it_is_above_zero() -> None:
    pnl = pool(0.0, -10.0, -12.0, -9.0)
    found = ao.adl_trigger(pnl, pnl + 10.0, least=1.0).verify()
    assert found.reason.to_list() == ["none", "equity", "equity", "none"]
    assert found.gap.to_list() == pytest.approx([0, 0, 2, 0])
    assert ao.adl_trigger(pnl, pnl + 10.0, least=0.0).reason.iloc[-1] == "drawdown"


# From Bybit's API documentation v5, "Get ADL Alert", the examples of which are these figures.


def test_the_first_example_of_the_document_closes_fifty_thousand() -> None:
    """A pool of 1M loses 350K with one symbol: the ratio is -35 %, and 50K bring it back to -30 %."""
    pnl = pool(0.0, -350_000.0, -300_000.0, -249_000.0)
    found = ao.adl_trigger(pnl, pnl + 1_000_000.0, least=1.0).verify()
    assert found.ratio.iloc[1] == pytest.approx(-0.35) and found.gap.iloc[1] == pytest.approx(50_000)
    assert found.active.to_list() == [False, True, True, False]  # it stops above -25 % only


def test_the_second_example_counts_from_the_largest_balance_of_the_eight_hours() -> None:
    """A gain of 1M made the pool 2M; a fall of 600K is then -30 %, on the line: a dollar more starts it."""
    pnl = pool(0.0, 1_000_000.0, 400_000.0, 399_999.0)
    found = ao.adl_trigger(pnl, pnl + 1_000_000.0, least=1.0).verify()
    assert found.ratio.to_list()[:3] == pytest.approx([0, 0, -0.3])
    assert found.active.to_list() == [False, False, False, True]  # "<", as the condition is written
    # The largest balance need not be that of the symbol's best hour: others earned 1M afterwards.
    later = pool(1_000_000.0, 2_000_000.0, 1_400_000.0)
    assert ao.adl_trigger(pool(0.0, 0.0, -350_000.0), later).ratio.iloc[-1] == pytest.approx(-0.175)


def test_the_third_example_is_an_empty_pool_without_any_drawdown_of_thirty_per_cent() -> None:
    found = ao.adl_trigger(pool(0.0, -250_000.0), pool(1_000_000.0, 0.0), least=1.0).verify()
    assert found.reason.to_list() == ["none", "equity"]


def test_a_small_pool_is_left_to_the_equity_rule() -> None:
    pnl = pool(0.0, -50.0)
    assert ao.adl_trigger(pnl, pnl + POOL).active.iloc[-1]
    assert not ao.adl_trigger(pnl, pnl + POOL, least=10_000.0).active.iloc[-1]


def test_timestamps_take_a_timedelta() -> None:
    pnl = pool(0.0, *[-40.0] * 10)
    pnl.index = pd.date_range("2025-10-10", periods=11, freq="h", tz="UTC")
    found = ao.adl_trigger(pnl, pnl + POOL, window="8h")
    assert found.active.sum() == 8 and found.episodes["first"][0] == pnl.index[1]
    with pytest.raises(DataError, match="timestamps"):
        ao.adl_trigger(pnl, pnl + POOL, window=8.0)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(
    steps=st.lists(st.tuples(st.integers(-12, 10), st.integers(-9, 9)), min_size=1, max_size=40),
    window=st.integers(1, 12), least=st.sampled_from([0.0, 5.0, 60.0]),
)  # fmt: skip
def test_the_vectorised_state_is_that_of_the_loop(steps: list[tuple[int, int]], window: int, least: float) -> None:
    pnl = pool(*np.cumsum([own for own, _ in steps]).astype(float))
    balance = pnl + 40.0 + np.cumsum([others for _, others in steps])  # the pool is shared with other symbols
    found = ao.adl_trigger(pnl, balance, window=float(window), least=least).verify()
    ours = pd.Series(found.drawn, index=pnl.index)
    assert ours.to_list() == slow(pnl, balance, window, least)
    assert (found.gap[~found.active] == 0).all()


@pytest.mark.parametrize("scale", [1e-9, 1e12])
def test_the_rule_does_not_depend_on_the_unit(scale: float) -> None:
    pnl = pool(0.0, -31.0, -27.0, -24.0) * scale
    found = ao.adl_trigger(pnl, pnl + POOL * scale)
    assert found.active.to_list() == [False, True, True, False] and found.gap.iloc[1] == pytest.approx(scale)


def test_a_long_series_is_done_at_once() -> None:
    walk = np.cumsum(np.random.default_rng(1).normal(size=200_000))
    pnl = pd.Series(walk, index=np.arange(200_000) / 60.0)
    found = ao.adl_trigger(pnl, pnl - walk.min() + 50.0)
    assert 0 < found.active.mean() < 1


def test_the_certificate_sees_a_state_that_was_changed() -> None:
    pnl = pool(0.0, -31.0, -27.0)
    found = ao.adl_trigger(pnl, pnl + POOL)
    with pytest.raises(CertificateError):
        dataclasses.replace(found, drawn=np.array([False, True, False])).verify()
    with pytest.raises(ValueError, match="read-only"):
        found.drawn[0] = True


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stop": -0.4}, "stop is -0.4, below start"),
        ({"start": 0.3}, "start is 0.3"),
        ({"window": 0.0}, "window"),
        ({"window": "8h"}, "window is '8h'"),
        ({"least": -1.0}, "least"),
        ({"pnl": pool(0.0, np.nan)}, "pnl: .*1.0.* is NaN"),
        ({"pnl": [0.0, 1.0]}, "give a Series"),
        ({"balance": pool(1.0)}, "balance has no entry"),
        ({"pnl": pd.Series([0.0, 1.0], index=[1.0, 0.0])}, "do not increase"),
        ({"pnl": pd.Series([0.0, 1.0], index=[1.0, 1.0])}, "more than once"),
        ({"pnl": pd.Series([0.0, 1.0], index=["a", "b"])}, "the times"),
    ],
)
def test_bad_input_gets_one_line(change: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"pnl": pool(0.0, 1.0), "balance": pool(POOL, POOL)} | change
    with pytest.raises(DataError, match=message) as raised:
        ao.adl_trigger(given.pop("pnl"), given.pop("balance"), **given)
    assert "\n" not in str(raised.value)


def test_eight_hours_are_the_default_in_either_unit() -> None:
    """A peak nine hours ago is forgotten, one seven hours ago is not."""
    for hours, on in ((7, True), (9, False)):
        stamps = pd.date_range("2025-10-10", periods=2, freq=f"{hours}h")
        for times in (stamps, pd.Index([0.0, float(hours)])):
            found = ao.adl_trigger(pd.Series([0.0, -40.0], index=times), pd.Series([100.0, 100.0], index=times))
            assert found.active.to_list() == [False, on]
