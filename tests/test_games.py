"""Games: worths are what they are said to be, and every way to a value gives the same value."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction
from math import comb
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocopt.errors import DataError
from allocopt.games import base
from allocopt.games.base import Game
from allocopt.games.claims import claims
from allocopt.games.shapley import shapley
from allocopt.games.table import table
from allocopt.maths import shapley as maths
from allocopt.maths.arrival import random_arrival

HERE = Path(__file__).resolve().parent
OWN = json.loads((HERE / "cases" / "games_small.json").read_text())["games"]
SHARED = HERE.parent.parent / "shared" / "cases" / "games.json"

quick = settings(derandomize=True, deadline=None, max_examples=40)
tables = st.integers(0, 6).flatmap(
    lambda n: st.lists(st.floats(-10, 10), min_size=2**n - 1, max_size=2**n - 1).map(lambda v: np.array([0.0, *v]))
)


class SumOf(Game):
    """Worth f(total weight): additive, squared or voting, at any size."""

    def __init__(self, weights, f=lambda total: total, kind="cost"):
        object.__setattr__(self, "weights", np.asarray(weights, dtype=float))
        object.__setattr__(self, "f", f)
        super().__init__(pd.RangeIndex(len(weights)), kind)

    def worths(self, coalitions):
        return self.f(coalitions @ self.weights)


def by_all_orders(values):
    """The definition: let everybody arrive in every order."""
    n = maths.player_count(len(values))
    total, orders = np.zeros(n), 0
    for order in itertools.permutations(range(n)):
        mask = 0
        for i in order:
            total[i] += values[mask | 1 << i] - values[mask]
            mask |= 1 << i
        orders += 1
    return total / orders


def assert_value(found, expected, tolerance=1e-12):
    expected = np.asarray(expected, dtype=float)
    scale = max(1.0, np.abs(expected).max(initial=0.0))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale)


def test_the_check_of_this_file_sees_a_wrong_answer():
    with pytest.raises(AssertionError):
        assert_value([1.0, 2.0 + 1e-9], [1.0, 2.0])


@pytest.mark.parametrize("case", OWN, ids=[c["name"] for c in OWN])
def test_published_values_are_met(case):
    worths = [float(Fraction(w)) for w in case["worths"]]
    game = table(worths, kind=case["kind"])
    expected = [float(Fraction(x)) for x in case["shapley"]]
    found = shapley(game)
    assert (found.method, found.evaluations) == ("exact enumeration", len(worths))
    assert_value(found.values, expected)
    assert_value(maths.banzhaf_from_table(game.table()), [float(Fraction(x)) for x in case["banzhaf"]])
    sampled = shapley(game, "permutation", budget=4000, seed=1)
    assert np.all(np.abs(sampled.values - expected) <= 5 * sampled.standard_error + 1e-9 * max(map(abs, worths)))


def test_the_shared_collection_is_met():
    if not SHARED.exists():
        pytest.skip("the shared collection of cases is not beside the repository")
    tried = 0
    for case in json.loads(SHARED.read_text()):
        if "v" in case and "shapley" in case["expected"]:
            game = table([0.0, *(float(Fraction(w)) for w in case["v"])], kind=case["kind"])
            assert_value(shapley(game).values, case["expected"]["shapley"], 1e-11)
            if "banzhaf" in case["expected"]:
                assert_value(maths.banzhaf_from_table(game.table()), case["expected"]["banzhaf"], 1e-11)
            tried += 1
    assert tried >= 20


@quick
@given(tables)
def test_the_pass_over_the_table_is_the_average_over_all_orders(values):
    found = shapley(table(values))
    assert_value(found.values, by_all_orders(values))
    assert found.values.sum() == pytest.approx(values[-1], abs=1e-12 * max(1.0, np.abs(values).max()))


@quick
@given(tables, tables)
def test_values_are_additive_and_blind_to_names(one, other):
    size = min(len(one), len(other))
    one, other = one[:size], other[:size]
    assert_value(maths.shapley_from_table(one + other), maths.shapley_from_table(one) + maths.shapley_from_table(other))
    n = maths.player_count(size)
    rows = maths.memberships(0, size, n)
    backwards = one[rows @ (1 << np.arange(n)[::-1])]
    assert_value(maths.shapley_from_table(backwards)[::-1], maths.shapley_from_table(one))


@pytest.mark.parametrize("bits", [1, 2, 5])
def test_blocks_of_any_size_give_the_same_sums(monkeypatch, bits):
    values = np.random.default_rng(bits).random(2**9)
    whole = maths.shapley_from_table(values), maths.banzhaf_from_table(values)
    monkeypatch.setattr(maths, "BLOCK_BITS", bits)
    assert_value(maths.shapley_from_table(values), whole[0])
    assert_value(maths.banzhaf_from_table(values), whole[1])


def test_sums_over_members_and_sizes_are_what_they_say():
    n = 5
    values = np.random.default_rng(5).random(2**n)
    weights = np.random.default_rng(6).random(n + 1)
    rows = maths.memberships(0, 2**n, n)
    sums, totals = maths.member_sums(maths.blocks_of(values), n, weights)
    sizes = rows.sum(axis=1)
    assert_value(sums, [(weights[sizes] * values)[rows[:, i]].sum() for i in range(n)])
    assert_value(totals, np.bincount(sizes, weights=values))


def test_a_large_table_keeps_its_digits():
    """2^20 worths, half of them equal: one-sided rounding would show here."""
    weights = np.random.default_rng(20).integers(1, 100, 20).astype(float)
    estate = float(weights.sum() // 2)
    values = claims(estate, weights).table()
    assert_value(maths.shapley_from_table(values), random_arrival(estate, weights, "dynamic program").values, 1e-13)


def test_sampled_voting_power_is_within_its_errors():
    """51 states, quota 270 of 538: the large state's power is known exactly (Shapley-Shubik)."""
    votes = [55, 38, 29, 29, 20, 20, 18, 16, 16, 15, 14, 13, 12, 11, 11, 11, 11, 10, 10, 10, 10, 9, 9, 9, 8, 8]
    votes += [7, 7, 7, 6, 6, 6, 6, 6, 6, 5, 5, 5, 4, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 3]
    game = SumOf(votes, lambda total: (total >= 270).astype(float), "gain")
    found = shapley(game, seed=2)
    assert found.method.startswith("sampled") and 49_000 < found.evaluations <= 50_000
    assert abs(found.values[0] - 1263781128247751 / 11457997205775120) <= 4 * found.standard_error[0]
    assert found.values.sum() == pytest.approx(1.0, abs=1e-12)


def test_a_pair_of_opposite_orders_is_exact_when_no_three_players_interact():
    weights = np.arange(1.0, 41.0)
    found = shapley(SumOf(weights, np.square), "permutation", budget=2000, seed=0)
    assert_value(found.values, weights * weights.sum())
    assert found.standard_error.max() <= 1e-12 * weights.sum() ** 2


def test_stated_standard_errors_are_those_seen_over_seeds():
    values = np.random.default_rng(3).random(2**5)
    values[0] = 0.0
    game, true = table(values), maths.shapley_from_table(values)
    runs = [shapley(game, "permutation", budget=1601, seed=seed) for seed in range(300)]
    inside = np.mean([np.abs(r.amounts - true) <= 1.96 * r.errors for r in runs])
    assert 0.93 <= inside <= 0.97


def test_an_additive_game_gives_each_its_own_and_a_null_player_nothing():
    found = shapley(SumOf([3.0, 0.0, 5.0, 2.5]))
    assert_value(found.values, [3.0, 0.0, 5.0, 2.5])
    assert found.method == "exact enumeration" and not found.standard_error.any()


def test_players_who_add_the_same_get_the_same():
    found = shapley(SumOf([2.0, 2.0, 2.0, 1.0], np.sqrt)).values
    assert np.ptp(found[:3]) <= 1e-15


def test_games_of_nobody_and_of_one():
    assert shapley(table([0.0])).values.empty
    assert shapley(table([0.0])).values.sum() == table([0.0]).grand == 0.0
    assert shapley(table([0.0, 7.0])).values.tolist() == [7.0]
    assert shapley(table([0.0, 7.0]), "permutation").values.tolist() == [7.0]
    assert shapley(claims(0.0, [])).values.empty


@quick
@given(tables)
def test_a_table_answers_row_by_row_what_it_was_given(values):
    game = table(values)
    rows = maths.memberships(0, len(values), game.n)
    np.testing.assert_array_equal(game(rows), values)
    np.testing.assert_array_equal(game.table(), values)
    assert game.grand == values[-1]


def test_a_table_is_written_out_by_mask_for_any_game(monkeypatch):
    monkeypatch.setattr(base, "BLOCK_BITS", 2)
    np.testing.assert_array_equal(SumOf([1.0, 10.0, 100.0]).table(), [0, 1, 10, 11, 100, 101, 110, 111])


def test_the_claims_game_is_what_is_left_when_others_are_paid():
    game = claims(200, pd.Series([100.0, 200.0, np.inf], index=["A", "B", "C"]))
    assert game.kind == "gain" and list(game.players) == ["A", "B", "C"]
    np.testing.assert_array_equal(game.table(), [0, 0, 0, 0, 0, 0, 100, 200])
    found = shapley(game)
    assert found.method == "random arrival, exact enumeration" and found.evaluations == 0
    assert_value(found.values, shapley(game, "exact").values)
    assert found.values.index.tolist() == ["A", "B", "C"]


def test_many_claims_go_by_their_closed_form():
    amounts = np.random.default_rng(60).integers(1, 50, 60)
    found = shapley(claims(500, amounts))
    assert found.method == "random arrival, exact dynamic program"
    assert found.values.sum() == pytest.approx(500, rel=1e-12)


def test_games_are_frozen_and_keep_no_hold_on_their_input():
    given_worths = np.array([0.0, 1.0, 2.0, 4.0])
    game = table(given_worths)
    given_worths[3] = 99.0
    assert game.grand == 4.0
    with pytest.raises(AttributeError):
        game.kind = "gain"
    with pytest.raises(ValueError, match="read-only"):
        game.table()[1] = 5.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: table([0.0, 1.0, 2.0]), "a table of 3 worths"),
        (lambda: table([]), "a table of 0 worths"),
        (lambda: table([1.0, 2.0]), "the worth of the empty coalition, is 1"),
        (lambda: table([0.0, np.nan]), "1 is NaN"),
        (lambda: table([0.0, "x"]), "values"),
        (lambda: table([[0.0, 1.0]]), "one list"),
        (lambda: table([0.0, 1.0, 1.0, 2.0], players=["A", "A"]), "'A' is named twice"),
        (lambda: table([0.0, 1.0, 1.0, 2.0], players=["A"]), "1 players are named but the worths are for 2"),
        (lambda: table([0.0, 1.0, 1.0, 2.0], players="AB"), "a list with one name per player"),
        (lambda: table([0.0, 1.0], kind="profit"), "no kind of game is called 'profit'"),
        (lambda: claims(10, [1.0, 2.0]), "pay them in full"),
        (lambda: claims(10, [100.0, -2.0]), "claims: 1 is -2"),
        (lambda: claims(1, [1.0, 2.0], players=["A", None]), "missing"),
        (lambda: table([0.0, 1.0])([[1.0]]), "true/false"),
        (lambda: table([0.0, 1.0])([[True, False]]), "expected one row of 1"),
        (lambda: SumOf([1.0], lambda total: total * np.nan)([[True]]), "every worth must be finite"),
        (lambda: SumOf([1.0], lambda total: 1.0)([[True]]), "one number per coalition"),
        (lambda: shapley(table([0.0, 1.0]), "exactly"), "no method for the Shapley value is called 'exactly'"),
        (lambda: shapley(table([0.0, 1.0]), "closed-form"), "no closed form"),
        (lambda: shapley(SumOf(np.ones(50)), "exact"), "exact values end at 40 players"),
        (lambda: shapley(SumOf(np.ones(30)), "permutation", budget=20), "at least 117 coalitions"),
        (lambda: shapley(table([0.0, 1.0]), budget=0), "budget is 0"),
        (lambda: SumOf(np.ones(40)).table(), "tables end at 28 players"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(DataError, match=words):
        call()


def test_memory_is_asked_for_before_it_is_taken(monkeypatch):
    monkeypatch.setattr(base, "_free_memory", lambda: 1e6)
    with pytest.raises(DataError, match=r"takes 0\.1 GiB and 0\.0 GiB are free"):
        SumOf(np.ones(24)).table()
    monkeypatch.setattr(base, "_free_memory", lambda: None)
    assert SumOf(np.ones(4)).table().size == 16


def test_weights_of_the_shapley_value_share_out_one():
    for n in range(1, 12):
        weights = maths.shapley_weights(n)
        assert sum(comb(n - 1, s) * w for s, w in enumerate(weights)) == pytest.approx(1.0, abs=1e-14)
