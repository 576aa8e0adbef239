"""Sampled values: right on average, as far off as they say, adding up, and never asking for the same worth twice."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocopt as ao
from allocopt.games.base import Game
from allocopt.games.sampled import ORDERS, PAIRS, Ledger, least_budget
from allocopt.maths.sampling import PairSampler, fingerprints, numbered_subsets, pair_counts, quotas, random_subsets
from allocopt.maths.sampling_orders import KINDS, sets_of_orders, size_of_sets
from allocopt.maths.sampling_regression import by_regression
from allocopt.maths.sampling_surrogates import Surrogates

SAMPLED = (*PAIRS, *ORDERS)
quick = settings(derandomize=True, deadline=None, max_examples=25)


class Worths(Game):
    """A game by its function, that counts what it is asked and refuses to be asked twice."""

    def __init__(self, n, f, strict=True):
        object.__setattr__(self, "f", f)
        object.__setattr__(self, "asked", set())
        object.__setattr__(self, "strict", strict)
        super().__init__(pd.RangeIndex(n), "cost")

    def worths(self, coalitions):
        marks = [row.tobytes() for row in coalitions]
        assert not self.strict or (len(set(marks)) == len(marks) and self.asked.isdisjoint(marks)), "asked twice"
        self.asked.update(marks)
        return np.asarray(self.f(coalitions), dtype=float)


def airport_value(costs):
    """Littlechild and Owen: each step between neighbouring costs is shared by all who reach it."""
    order = np.argsort(costs)
    steps = np.diff(costs[order], prepend=0.0) / np.arange(len(costs), 0, -1)
    out = np.empty(len(costs))
    out[order] = np.cumsum(steps)
    return out


def value_of_sum(weights, f):
    """The exact value of f(sum of whole weights): the sum of random others of every number, by dynamic programming."""
    n, top = len(weights), int(weights.sum())
    worth, out = f(np.arange(top + 1.0)), np.empty(len(weights))
    for own in np.unique(weights):
        others = list(weights)
        others.remove(own)
        chance = np.zeros((n, top + 1))
        chance[0, 0] = 1.0
        for seen, weight in enumerate(others):
            joins = np.minimum(1.0, np.arange(n) / (seen + 1))[:, None]
            stays = chance * (1.0 - joins)
            stays[1:, weight:] += joins[1:] * chance[:-1, : top + 1 - weight]
            chance = stays
        added = np.zeros(top + 1)
        added[: top + 1 - own] = worth[own:] - worth[: top + 1 - own]
        out[weights == own] = (chance @ added).mean()
    return out


@cache
def known(name, n):
    """A worth function and its exact Shapley value."""
    rng = np.random.default_rng(n)
    weights, costs = rng.integers(1, 10, n), rng.lognormal(0, 1, n)
    whole = weights.sum()
    functions = {"deviation": np.sqrt, "voting": lambda s: 1.0 * (s > whole / 2), "squared": np.square}
    if name in functions:
        f = functions[name]
        return (lambda rows: f(rows @ (1.0 * weights))), value_of_sum(weights, f)
    if name == "airport":
        return (lambda rows: np.where(rows, costs, 0.0).max(axis=1)), airport_value(costs)
    if name == "mixed":
        root, value = known("deviation", n)
        return (lambda rows: np.where(rows, costs, 0.0).max(axis=1) + root(rows)), airport_value(costs) + value
    half = np.arange(n) % 2 == 0
    sides = [np.where(half, costs, 0.0), np.where(half, 0.0, costs[::-1])]
    value = sum((np.where(side > 0, airport_value(side), 0.0) for side in sides), np.zeros(n))
    return (lambda rows: sum(np.where(rows, side, 0.0).max(axis=1) for side in sides)), value


def assert_covered(inside, low=0.93, high=0.97):
    assert low <= float(np.mean(inside)) <= high, float(np.mean(inside))


def covered(name, n, method, budget, seeds):
    f, true = known(name, n)
    game, inside, off, stated = Worths(n, f, strict=False), [], [], []
    for seed in range(seeds):
        found = ao.shapley(game, method, budget=budget, seed=seed)
        bounds = found.interval(0.95)
        inside.append((bounds["lower"] <= true) & (true <= bounds["upper"]))
        off.append(found.amounts - true)
        stated.append(found.errors)
    return np.array(inside), np.array(off), np.array(stated)


def test_the_checks_of_this_file_see_a_wrong_answer():
    with pytest.raises(AssertionError):
        assert_covered([True, True, False])
    game = Worths(2, lambda rows: rows.sum(axis=1))
    game(np.array([[True, False]]))
    with pytest.raises(AssertionError, match="asked twice"):
        game(np.array([[True, False]]))


def test_the_references_of_this_file_agree_with_enumeration():
    for name in ("deviation", "voting", "squared", "airport", "mixed", "two maxima"):
        f, true = known(name, 9)
        np.testing.assert_allclose(ao.shapley(Worths(9, f), "exact").amounts, true, atol=1e-12 * np.abs(true).max())


@pytest.mark.parametrize("method", SAMPLED)
@pytest.mark.parametrize("name", ["deviation", "voting"])
def test_values_add_up_stay_within_the_budget_and_ask_for_nothing_twice(method, name):
    f, true = known(name, 15)
    game = Worths(15, f)
    found = ao.shapley(game, method, budget=1500, seed=4)
    assert found.amounts.sum() == pytest.approx(game.grand, abs=1e-12 * max(1.0, game.grand))
    assert found.evaluations == len(game.asked) <= 1500
    assert found.method.startswith("sampled") and found.errors.max() > 0
    assert np.all(np.abs(found.amounts - true) <= 5.5 * found.errors.max())
    again = ao.shapley(Worths(15, f), method, budget=1500, seed=4)
    np.testing.assert_array_equal(found.amounts, again.amounts)
    assert not np.array_equal(found.amounts, ao.shapley(Worths(15, f), method, budget=1500, seed=5).amounts)


@pytest.mark.parametrize("method", SAMPLED)
def test_small_games_are_right_whatever_the_method(method):
    assert ao.shapley(ao.games.table([0.0]), method).values.empty
    assert ao.shapley(ao.games.table([0.0, 7.0]), method).values.tolist() == [7.0]
    np.testing.assert_allclose(ao.shapley(ao.games.table([0.0, 10.0, 12.0, 18.0]), method).amounts, [8.0, 10.0])
    free = ao.shapley(ao.games.table(np.zeros(8)), method, seed=1)
    assert not free.amounts.any() and not free.errors.any()


@quick
@given(st.integers(2, 7), st.integers(0, 2**32 - 1), st.sampled_from([1e-9, 1.0, 1e12]))
def test_a_budget_for_all_coalitions_gives_the_exact_value(n, seed, scale):
    values = np.random.default_rng(seed).standard_normal(2**n) * scale
    values[0] = 0.0
    exact = ao.shapley(ao.games.table(values)).amounts
    for method in ("regression", "unadjusted"):
        found = ao.shapley(ao.games.table(values), method, budget=2**n, seed=seed)
        assert found.method == "exact enumeration" and not found.errors.any() and found.evaluations == 2**n - 1
        np.testing.assert_allclose(found.amounts, exact, atol=1e-13 * np.abs(values).max())


@pytest.mark.parametrize(("name", "n"), [("squared", 40), ("airport", 30), ("airport", 80)])
def test_games_within_the_surrogates_are_found_to_rounding(name, n):
    f, true = known(name, n)
    found = ao.shapley(Worths(n, f), "regression", budget=3000 if n < 80 else 6000, seed=0)
    np.testing.assert_allclose(found.amounts, true, atol=1e-7 * true.max())
    assert "maximum terms" in found.method or name == "squared"


def test_a_maximum_with_any_additive_part_and_the_dual_of_one_are_found_to_rounding():
    rng = np.random.default_rng(8)
    costs, own = rng.lognormal(0, 1, 30), rng.normal(0, 2, 30)
    mixed = Worths(30, lambda rows: np.where(rows, costs, 0.0).max(axis=1) + rows @ own)
    np.testing.assert_allclose(ao.shapley(mixed, "regression", 3000, 1).amounts, airport_value(costs) + own, atol=1e-7)
    top = costs.max()
    dual = Worths(30, lambda rows: top - np.where(rows, 0.0, costs).max(axis=1))
    np.testing.assert_allclose(ao.shapley(dual, "regression", 3000, 1).amounts, airport_value(costs), atol=1e-7)
    found = ao.shapley(Worths(30, ao.games.cover(costs, 3).worths), "regression", 3000, 1)
    ranked = np.append(np.sort(costs)[::-1], 0.0)
    shared = -np.diff(ranked) * np.minimum(3, np.arange(1, 31)) / np.arange(1, 31)
    expected = np.cumsum(shared[::-1])[::-1][np.argsort(np.argsort(-costs))]
    np.testing.assert_allclose(found.amounts, expected, atol=1e-7)
    assert "largest-3" in found.method


@pytest.mark.parametrize("name", ["deviation", "voting", "mixed", "two maxima"])
def test_a_surrogate_never_makes_the_error_larger(name):
    _, off, _ = covered(name, 16, "regression", 800, 12)
    _, bare, _ = covered(name, 16, "unadjusted", 800, 12)
    assert np.sqrt((off**2).mean()) <= 1.05 * np.sqrt((bare**2).mean())


@pytest.mark.parametrize(("name", "n"), [("deviation", 12), ("voting", 10), ("two maxima", 12)])
def test_intervals_hold_as_often_as_they_say_and_values_are_right_on_average(name, n):
    inside, off, stated = covered(name, n, "regression", 400, 120)
    assert_covered(inside, 0.925, 0.975)  # 120 samples of a dozen dependent players: one percent of chance
    z = off.mean(axis=0) / (off.std(axis=0) / np.sqrt(len(off)))
    assert (z**2).mean() <= 3.0
    assert 0.9 <= np.sqrt((stated**2).mean() / (off**2).mean()) <= 1.1


@pytest.mark.slow
@pytest.mark.parametrize(("name", "n"), [("deviation", 40), ("voting", 12), ("mixed", 12), ("two maxima", 40)])
def test_intervals_hold_as_often_as_they_say_over_games_and_sizes(name, n):
    assert_covered(covered(name, n, "regression", 40 * n, 400)[0])


@pytest.mark.slow
@pytest.mark.parametrize("method", ["unadjusted", "leverage", "permutation", "stratified", "orthogonal", "quasi"])
@pytest.mark.parametrize("name", ["mixed"])
def test_intervals_of_every_method_hold_as_often_as_they_say(name, method):
    assert_covered(covered(name, 14, method, 4000, 400)[0])


def test_levels_widen_an_interval_and_a_computed_value_has_none():
    f, _ = known("deviation", 12)
    found = ao.shapley(Worths(12, f), "regression", 300, 0)
    widths = [np.ptp(found.interval(level).to_numpy(), axis=1) for level in (0.5, 0.9, 0.99)]
    assert (widths[0] < widths[1]).all() and (widths[1] < widths[2]).all()
    assert not np.ptp(found.interval(0.0).to_numpy(), axis=1).any()
    with pytest.raises(ao.DataError, match=r"level of an interval is 1\.5"):
        found.interval(1.5)


@pytest.mark.parametrize("method", ["regression", "permutation", "quasi", "leverage"])
def test_a_tolerance_stops_the_sample_and_the_budget_stops_it_before(method):
    f, true = known("mixed", 14)
    game = Worths(14, f)
    rough = ao.shapley(Worths(14, f), method, budget=900, seed=2)
    wanted = 1.5 * float(rough.errors.max())
    told = []
    found = ao.shapley(game, method, budget=8000, seed=2, tolerance=wanted, progress=lambda *at: told.append(at))
    assert found.errors.max() <= wanted and found.evaluations == len(game.asked) < 8000
    assert told[-1] == (found.evaluations, float(found.errors.max()))
    assert [at[0] for at in told] == sorted({at[0] for at in told})
    assert np.all(np.abs(found.amounts - true) <= 5.5 * found.errors)
    held = ao.shapley(Worths(14, f), method, budget=900, seed=2, tolerance=0.0)
    assert held.evaluations <= 900 and held.errors.max() > 0
    stopped = ao.shapley(Worths(14, f), method, 8000, 2, tolerance=0.0, progress=lambda count, error: False)
    assert stopped.evaluations < 2000


def test_null_players_get_nothing_and_equals_the_same_within_the_error():
    weights = np.array([0.0, 3.0, 3.0, 5.0, 0.0, 2.0, 7.0, 1.0, 4.0, 6.0, 2.0, 8.0])
    game = Worths(12, lambda rows: np.sqrt(rows @ weights))
    for method in SAMPLED:
        found = ao.shapley(Worths(12, game.f), method, 1000, 3)
        bounds = found.interval(0.9999)
        assert (bounds["lower"][[0, 4]] <= 1e-12).all() and (bounds["upper"][[0, 4]] >= -1e-12).all()
        assert abs(found.amounts[1] - found.amounts[2]) <= 6 * found.errors[:3].max()
        if method in ORDERS:
            assert not found.amounts[[0, 4]].any()


def test_auto_takes_regression_for_large_games_and_orders_for_very_large_ones():
    f, _ = known("deviation", 40)
    assert "regression" in ao.shapley(Worths(40, f), budget=2000).method
    many = Worths(1200, lambda rows: np.sqrt(rows.sum(axis=1)), strict=False)
    found = ao.shapley(many, budget=8000)
    assert "permutations" in found.method
    np.testing.assert_allclose(found.amounts, np.sqrt(1200) / 1200, atol=6 * found.errors.max() + 1e-12)


@pytest.mark.parametrize("method", SAMPLED)
def test_the_least_budget_is_named_and_is_enough(method):
    f, _ = known("deviation", 30)
    least = least_budget(Worths(30, f), method)
    with pytest.raises(ao.DataError, match=f"at least {least} coalitions"):
        ao.shapley(Worths(30, f), method, budget=least - 1)
    found = ao.shapley(Worths(30, f), method, budget=least, seed=0)
    assert found.evaluations <= least and np.isfinite(found.errors).all()


@pytest.mark.parametrize("n", range(2, 9))
def test_pairs_are_drawn_without_repeats_until_all_are_there(n):
    sampler = PairSampler(n, np.random.default_rng(n))
    every = np.array(pair_counts(n))
    rows, sizes = sampler.draw(quotas(n, sum(every) // 2))
    more, of_more = sampler.draw(every)
    rows, sizes = np.concatenate((rows, more)), np.concatenate((sizes, of_more))
    assert np.bincount(sizes, minlength=len(every)).tolist() == every.tolist()
    assert (rows.sum(axis=1) == sizes).all()
    assert len(np.unique(fingerprints(np.concatenate((rows, ~rows))))) == 2 * sum(every) == 2**n - 2


def test_unnumbered_coalitions_do_not_repeat_either(monkeypatch):
    monkeypatch.setattr("allocopt.maths.sampling._NUMBERED", 0)
    for n in (6, 7, 70):
        sampler = PairSampler(n, np.random.default_rng(n))
        goal = quotas(n, 25 if n < 10 else 300)
        rows, sizes = sampler.draw(goal)
        more, _ = sampler.draw(goal + (np.arange(len(goal)) > 1))
        both = np.concatenate((rows, more))
        assert np.array_equal(np.bincount(sizes, minlength=len(goal)), goal)
        assert len({row.tobytes() for row in np.concatenate((both, ~both))}) == 2 * len(both)


@quick
@given(st.integers(2, 40), st.integers(1, 3000))
def test_quotas_keep_to_the_pairs_and_to_what_there_is(n, pairs):
    found = quotas(n, pairs)
    every = np.array([float(count) for count in pair_counts(n)])
    assert (found <= every).all() and found.sum() == max(min(pairs, every.sum()), np.minimum(3, every).sum())
    rough = np.random.default_rng(n).random(len(every))
    more = quotas(n, 2 * pairs, found, rough)
    assert (more >= found).all() and (more <= every).all() and more.sum() <= max(2 * pairs, found.sum())


def test_numbered_and_random_coalitions_are_all_alike():
    listed = numbered_subsets(np.arange(20), 6, 3)
    assert {tuple(np.flatnonzero(row)) for row in listed} == set(itertools.combinations(range(6), 3))
    rows = random_subsets(np.full(60_000, 2), 4, np.random.default_rng(0))
    counts = np.unique(fingerprints(rows), return_counts=True)[1]
    assert len(counts) == 6 and (np.abs(counts - 10_000) < 450).all()


@pytest.mark.parametrize("kind", KINDS)
def test_orders_are_orders_with_their_reverses_and_anybody_may_come_first(kind):
    rng = np.random.default_rng(1)
    size = size_of_sets(kind, 5, 200)
    sets = sets_of_orders(kind, 5, size, 800, rng)
    for orders in sets[:5]:
        assert (np.sort(orders, axis=1) == np.arange(5)).all()
        np.testing.assert_array_equal(orders[size:], orders[:size, ::-1])
    firsts = np.bincount(sets[:, 0, 0], minlength=5)
    assert (np.abs(firsts - 160) < 55).all()
    with pytest.raises(ao.DataError, match="no kind of orders is called 'shuffled'"):
        sets_of_orders("shuffled", 5, 2, 1, rng)


@pytest.mark.parametrize("n", [4, 5, 7])
def test_effects_of_surrogates_are_their_means_over_all_coalitions(n):
    rng = np.random.default_rng(n)
    game = Surrogates(n, 2, 3, rng.permutation(n))
    terms = rng.standard_normal(game.width)
    for size in range(1, n // 2 + 1):
        rows = numbered_subsets(np.arange(len(list(itertools.combinations(range(n), size)))), n, size)
        worth = game(rows, np.full(len(rows), size)) @ terms
        np.testing.assert_allclose(
            (worth[:, None] * (rows - size / n)).mean(axis=0), game.effects(terms)[size], atol=1e-13
        )


def test_regression_on_some_rows_does_not_depend_on_their_units():
    f, _ = known("mixed", 14)
    sampler = PairSampler(14, np.random.default_rng(0))
    rows, sizes = sampler.draw(quotas(14, 600))
    gaps, total = f(rows) - f(~rows), float(f(np.ones((1, 14), bool))[0])
    one = by_regression(rows, sizes, gaps, total)
    for scale in (1e-9, 1e12):
        other = by_regression(rows, sizes, scale * gaps, scale * total)
        np.testing.assert_allclose(other.values, scale * one.values, rtol=1e-6)
        np.testing.assert_allclose(other.errors, scale * one.errors, rtol=1e-4)
        assert other.words == one.words


def test_the_ledger_asks_once_and_remembers_in_order():
    game = Worths(70, lambda rows: rows @ np.arange(70.0))
    ledger, rng = Ledger(game), np.random.default_rng(0)
    rows = rng.random((50, 70)) < 0.5
    for part in (rows[:30], rows[10:], np.concatenate((rows, rows))):
        np.testing.assert_allclose(ledger.worths(part), part @ np.arange(70.0))
    assert ledger.evaluations == 51


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ao.shapley(ao.games.airport([1.0, 2.0]), "regress"), "did you mean 'regression'"),
        (lambda: ao.shapley(ao.games.airport([1.0, 2.0]), "regression", tolerance=-1), "tolerance is -1"),
        (lambda: ao.shapley(ao.games.airport([1.0, 2.0]), "regression", tolerance=float("nan")), "tolerance is NaN"),
        (lambda: ao.shapley(ao.games.airport([1.0, 2.0]), "regression", budget="many"), "budget is 'many'"),
        (lambda: ao.shapley(ao.games.function(lambda s: s[:, 0] * np.nan, 9), "regression", 100), "must be finite"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ao.DataError, match=words):
        call()
