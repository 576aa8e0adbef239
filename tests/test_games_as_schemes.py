"""Values of games as sharing rules: brute force, the programs behind them, caps, and what the notes must say."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import allocopt as ao
from allocopt.maths.dividends import dividends, proportional_shapley_from_table

RULES = ("shapley", "proportional-shapley")


def question(loss: float, caps: list[float]) -> ao.LossProblem:
    return ao.LossProblem(loss, pd.DataFrame(index=[f"payer {i}" for i in range(len(caps))]), cap=caps)


@st.composite
def worths(draw: st.DrawFn) -> list[float]:
    n = draw(st.integers(1, 4))
    alone = draw(st.lists(st.floats(0.5, 9), min_size=n, max_size=n))
    extra = draw(st.lists(st.floats(0, 3), min_size=2**n, max_size=2**n))
    size = [bin(m).count("1") for m in range(2**n)]
    return [sum(a for i, a in enumerate(alone) if m >> i & 1) + (extra[m] if size[m] > 1 else 0) for m in range(2**n)]


def by_orders(v: list[float]) -> list[float]:
    """The Shapley value from its definition: every order of arrival."""
    n = len(v).bit_length() - 1
    orders = list(itertools.permutations(range(n)))
    out = [0.0] * n
    for order in orders:
        mask = 0
        for player in order:
            out[player] += (v[mask | 1 << player] - v[mask]) / len(orders)
            mask |= 1 << player
    return out


def by_dividends(v: list[float]) -> list[float]:
    """The proportional Shapley value from its definition, coalition by coalition."""
    n = len(v).bit_length() - 1
    out = [0.0] * n
    for s in range(1, len(v)):
        members = [i for i in range(n) if s >> i & 1]
        subsets = [t for t in range(len(v)) if t & s == t]
        dividend = sum((-1) ** (bin(s).count("1") - bin(t).count("1")) * v[t] for t in subsets)
        for i in members:
            out[i] += v[1 << i] / sum(v[1 << j] for j in members) * dividend
    return out


@given(worths())
def test_values_are_their_definitions(v: list[float]) -> None:
    n = len(v).bit_length() - 1
    problem = question(v[-1], [2 * v[-1]] * n)
    for rule, definition in zip(RULES, (by_orders, by_dividends), strict=True):
        expected = definition(v)
        answer = ao.allocate(problem, rule, game=v).verify()
        if min(expected) >= 0:
            np.testing.assert_allclose(answer.paid, expected, rtol=1e-9, atol=1e-9)
            assert any("shares are the" in note for note in answer.notes)
        program = ao.allocate(problem, rule, by="program", game=v).verify()
        np.testing.assert_allclose(program.paid, answer.paid, atol=1e-8 * v[-1])


@given(worths())
def test_dividends_add_up_to_every_worth(v: list[float]) -> None:
    d = dividends(np.array(v))
    for s in range(len(v)):
        assert sum(d[t] for t in range(len(v)) if t & s == t) == pytest.approx(v[s], abs=1e-9)


def test_the_definitions_disagree_where_they_should() -> None:
    v = [0.0, 1.0, 3.0, 8.0]
    assert by_orders(v) == [3.0, 5.0] and by_dividends(v) == [2.0, 6.0]
    equal = np.array([0.0, 2.0, 2.0, 7.0, 2.0, 5.0, 4.0, 11.0])
    np.testing.assert_allclose(proportional_shapley_from_table(equal), by_orders(equal.tolist()))


@pytest.mark.parametrize("rule", RULES)
def test_caps_and_other_losses_turn_the_values_into_a_key(rule: str) -> None:
    v = [0.0, 1.0, 3.0, 8.0]
    value = ao.allocate(question(8, [9, 9]), rule, game=v).paid
    scaled = ao.allocate(question(4, [9, 9]), rule, game=v).verify()
    np.testing.assert_allclose(scaled.paid, value / 2)
    capped = ao.allocate(question(8, [9, 4]), rule, game=v).verify()
    np.testing.assert_allclose(capped.paid, [4, 4])
    for answer in (scaled, capped):
        assert any("used as a key" in note and "largest departure" in note for note in answer.notes)


def test_payers_are_found_by_name_and_null_players_pay_nothing() -> None:
    table = pd.DataFrame({"cap": [9.0, 9.0, 9.0]}, index=["A", "B", "C"])
    game = ao.games.table([0, 0, 2, 2, 3, 3, 5, 5], players=["C", "A", "B"])
    answer = ao.allocate(ao.LossProblem(5, table, cap="cap"), "shapley", game=game).verify()
    assert answer.shares.to_dict() == pytest.approx({"A": 2.0, "B": 3.0, "C": 0.0})


@pytest.mark.parametrize(
    ("game", "message"),
    [
        ([0, 1, 2], "number of players"),
        ([0, 1, 2, float("nan")], "NaN"),
        ([1, 1, 2, 3], "empty"),
        ([0, 1], "1 players and the question 2 payers"),
        ([0, 0, 2, 3], "positive worths"),
        (["one", 1, 2, 3], "number"),
    ],
)
def test_bad_games_are_refused(game: list[float], message: str) -> None:
    with pytest.raises(ao.DataError, match=message):
        ao.allocate(question(3, [9, 9]), "proportional-shapley", game=game)


@given(worths().filter(lambda v: len(v) > 2))
def test_the_least_squares_value_is_its_formula_and_shapley_is_one_of_the_family(v: list[float]) -> None:
    n = len(v).bit_length() - 1
    asked = question(v[-1], [1e6] * n)
    a = [sum(v[m] for m in range(len(v) - 1) if m >> i & 1) for i in range(n)]
    expected = np.array([v[-1] / n + (n * x - sum(a)) / (n * 2 ** (n - 2)) for x in a])
    answer = ao.allocate(asked, "least-squares-value", game=v).verify(1e-9)
    if (expected >= 0).all():
        np.testing.assert_allclose(answer.paid, expected, atol=1e-9 * v[-1])
        assert any("shares are the least-squares values" in note for note in answer.notes)
    sizes = [1 / math.comb(n - 2, s - 1) for s in range(1, n)]
    family = ao.scheme("least-squares-value", game=v, weights=sizes)
    np.testing.assert_allclose(family.values, by_orders(v), atol=1e-9 * v[-1])
    assert not np.allclose(expected + 1e-3, answer.paid, atol=1e-9 * v[-1])
