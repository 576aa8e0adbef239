"""Random arrival: every way to compute it agrees with every other, and the answer divides the estate as it should."""

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

import allocopt as ao
from allocopt.errors import DataError
from allocopt.maths import arrival
from allocopt.maths.arrival import least_squares_moments, random_arrival
from allocopt.maths.arrival_some import some_arrivals

HERE = Path(__file__).resolve().parent
OWN = json.loads((HERE / "cases" / "games_small.json").read_text())["claims"]
SHARED = HERE.parent.parent / "shared" / "cases" / "division.json"

quick = settings(derandomize=True, deadline=None, max_examples=60)
amounts = st.one_of(
    st.sampled_from([0.0, 1.0, 2.0, 5.0]), st.floats(0, 1e6).map(lambda c: round(c, 2)), st.floats(0, 3)
)
problems = st.tuples(st.floats(0, 1.2), st.lists(amounts, max_size=9)).map(
    lambda drawn: (drawn[0] * sum(drawn[1]), np.array(drawn[1]))
)


def by_all_orders(estate, claims):
    """The definition, in exact fractions: serve everyone in every order."""
    claims = [Fraction(c) for c in claims]
    total = [Fraction(0)] * len(claims)
    orders = 0
    for order in itertools.permutations(range(len(claims))):
        left = Fraction(estate)
        for i in order:
            paid = min(claims[i], left)
            total[i] += paid
            left -= paid
        orders += 1
    return np.array([float(t / orders) for t in total])


def program_answer(estate, claims):
    """The minimiser of the least-squares program on its budget, in closed form (Q is the identity plus a constant)."""
    diagonal, off_diagonal, linear = least_squares_moments(estate, claims)
    assert diagonal - off_diagonal == pytest.approx(1.0, abs=1e-12)
    budget = min(estate, float(np.sum(claims)))
    return linear + (budget - linear.sum()) / max(1, len(claims))


def assert_divides(values, estate, claims):
    """Within the claims, adding up, equals alike, larger claims no less."""
    claims = np.asarray(claims, dtype=float)
    assert np.all(values >= 0) and np.all(values <= claims)
    assert values.sum() == pytest.approx(min(estate, claims.sum()), rel=1e-12, abs=1e-300)
    assert np.all(values[claims == 0] == 0)
    for level in np.unique(claims):
        assert np.ptp(values[claims == level]) <= 1e-15 * estate
    assert np.all(np.diff(values[np.argsort(claims, kind="stable")]) >= -1e-12 * estate)


def assert_same(values, expected, estate, tolerance=1e-12):
    np.testing.assert_allclose(values, expected, rtol=0, atol=tolerance * max(estate, 1e-300))


@pytest.mark.parametrize(
    "wrong",
    [[3.0, 4.0, 3.0], [3.0, 3.0, 3.9], [-1.0, -1.0, 12.0], [5.0, 5.0, 0.0], [3.0, 3.0, 4.0 + 1e-9]],
)
def test_the_checks_of_this_file_see_a_wrong_answer(wrong):
    with pytest.raises(AssertionError):
        assert_divides(np.array(wrong), 10.0, [4.0, 4.0, 9.0])
    with pytest.raises(AssertionError):
        assert_same(np.array(wrong), by_all_orders(10, [4, 4, 9]), 10.0)


@pytest.mark.parametrize("method", arrival.METHODS)
@pytest.mark.parametrize(
    ("estate", "claims", "expected"),
    [
        (5.0, [], []),
        (0.0, [], []),
        (0.0, [3.0, 4.0], [0.0, 0.0]),
        (3.0, [0.0, 0.0], [0.0, 0.0]),
        (3.0, [5.0], [3.0]),
        (7.0, [5.0], [5.0]),
        (9.0, [4.0, 5.0], [4.0, 5.0]),
        (99.0, [4.0, 5.0], [4.0, 5.0]),
        (3.0, [0.0, np.inf, 0.0], [0.0, 3.0, 0.0]),
        (3.0, [np.inf, np.inf, np.inf], [1.0, 1.0, 1.0]),
        (7.0, [7.0] * 40, [7.0 / 40] * 40),
    ],
)
def test_degenerate_problems_are_ordinary(method, estate, claims, expected):
    if method == "enumeration" and len(claims) > arrival.ENUMERABLE:
        pytest.skip("too many claims to enumerate")
    found = random_arrival(estate, np.array(claims), method, seed=3)
    slack = 4 * np.max(found.standard_error, initial=0.0)
    np.testing.assert_allclose(found.values, expected, rtol=0, atol=1e-12 + slack)
    program = program_answer(estate, np.array(claims))
    np.testing.assert_allclose(program, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("case", OWN, ids=[f"{c['estate']} of {','.join(c['claims'])}" for c in OWN])
@pytest.mark.parametrize("method", ["auto", "dynamic program", "enumeration"])
def test_published_answers_are_met(case, method):
    estate = float(Fraction(case["estate"]))
    claims = np.array([float(Fraction(c)) for c in case["claims"]])
    expected = [float(Fraction(a)) for a in case["awards"]]
    found = random_arrival(estate, claims, method)
    assert found.method.startswith("exact") and found.standard_error == 0.0
    assert_same(found.values, expected, estate)
    assert_same(program_answer(estate, claims), expected, estate)


def test_the_shared_collection_is_met():
    if not SHARED.exists():
        pytest.skip("the shared collection of cases is not beside the repository")
    cases = [c for c in json.loads(SHARED.read_text())["claims_cases"] if c["rule"] == "RA"]
    assert cases
    for case in cases:
        estate, claims = float(Fraction(case["endowment"])), [float(Fraction(c)) for c in case["claims"]]
        assert_same(random_arrival(estate, np.array(claims)).values, case["awards"], estate)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.integers(0, 40), st.lists(st.integers(0, 12), min_size=1, max_size=6))
def test_every_method_gives_the_average_over_all_orders(estate, claims):
    expected = by_all_orders(estate, claims)
    values = np.array(claims, dtype=float)
    for method in ("auto", "dynamic program", "enumeration"):
        assert_same(random_arrival(float(estate), values, method).values, expected, estate)
    assert_same(program_answer(float(estate), values), expected, max(estate, sum(claims)))
    sampled = random_arrival(float(estate), values, "sampled", permutations=2000, seed=1)
    assert np.all(np.abs(sampled.values - expected) <= 5 * sampled.standard_error + 1e-12)


@quick
@given(problems)
def test_the_answer_divides_the_estate(problem):
    estate, claims = problem
    kept = claims.copy()
    found = random_arrival(estate, claims)
    assert_divides(found.values, estate, claims)
    np.testing.assert_array_equal(claims, kept)


@quick
@given(problems)
def test_what_is_missing_is_divided_alike(problem):
    estate, claims = problem
    total = float(claims.sum())
    estate = min(estate, total)
    paid, missed = random_arrival(estate, claims).values, random_arrival(max(0.0, total - estate), claims).values
    assert_same(paid + missed, claims, total)


@quick
@given(problems, st.floats(0, 1))
def test_nobody_gets_less_of_a_larger_estate(problem, part):
    estate, claims = problem
    more, less = random_arrival(estate, claims).values, random_arrival(part * estate, claims).values
    assert np.all(more >= less - 1e-12 * estate)


@quick
@given(problems, st.sampled_from([1e-6, 0.37, 1e12]))
def test_units_and_order_do_not_matter(problem, scale):
    estate, claims = problem
    values = random_arrival(estate, claims).values
    assert_same(random_arrival(scale * estate, scale * claims).values, scale * values, scale * estate)
    assert_same(random_arrival(estate, claims[::-1].copy()).values[::-1], values, estate)


@quick
@given(problems)
def test_claims_beyond_the_estate_count_as_the_estate(problem):
    estate, claims = problem
    raised = np.where(claims > estate, np.inf, claims)
    assert_same(random_arrival(estate, raised).values, random_arrival(estate, claims).values, estate)


@pytest.mark.parametrize("n", range(2, 13))
@pytest.mark.parametrize("part", [0.07, 0.5, 0.93])
def test_the_program_and_the_quadrature_are_two_routes_to_one_answer(n, part):
    rng = np.random.default_rng(n)
    claims = rng.integers(1, 60, n).astype(float)
    estate = float(np.rint(part * claims.sum()))
    quadrature = random_arrival(estate, claims, "dynamic program")
    assert quadrature.method == "exact dynamic program"
    assert_same(program_answer(estate, claims), quadrature.values, estate, 1e-12)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_the_moments_are_those_of_the_stated_program(n):
    rng = np.random.default_rng(7)
    claims, x = rng.random(n), rng.random(n)
    estate = 0.6 * claims.sum()
    diagonal, off_diagonal, linear = least_squares_moments(estate, claims)
    gradient = np.zeros(n)
    for mask in range(1, 2**n - 1):
        inside = (mask >> np.arange(n)) & 1 == 1
        worth = max(0.0, estate - claims[~inside].sum())
        gradient[inside] += 2 * (x[inside].sum() - worth) / comb(n - 2, inside.sum() - 1)
    stated = (diagonal - off_diagonal) * x + off_diagonal * x.sum() - linear
    np.testing.assert_allclose(2 * (n - 1) * stated, gradient, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_enumeration_quadrature_and_program_agree_where_all_can_be_had(part):
    rng = np.random.default_rng(20)
    claims = rng.integers(1, 100, 20).astype(float)
    estate = float(np.rint(part * claims.sum()))
    quadrature, listed = random_arrival(estate, claims), random_arrival(estate, claims, "enumeration")
    assert (quadrature.method, listed.method) == ("exact dynamic program", "exact enumeration")
    assert_same(quadrature.values, listed.values, estate, 1e-13)
    assert_same(program_answer(estate, claims), listed.values, estate, 1e-13)
    assert_divides(quadrature.values, estate, claims)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_beyond_enumeration_two_exact_routes_agree(part):
    claims = np.random.default_rng(30).integers(1, 200, 30).astype(float) / 100
    estate = round(part * claims.sum(), 2)
    found = random_arrival(estate, claims)
    assert found.method == "exact dynamic program"
    assert_divides(found.values, estate, claims)
    assert_same(program_answer(estate, claims), found.values, estate, 1e-12)


@pytest.mark.parametrize("part", [0.1, 0.5])
def test_a_grid_is_as_near_as_it_says(part):
    """Irrational amounts have no unit; among few of them the coalitions can still be counted, the true answer known."""
    claims = np.random.default_rng(21).lognormal(0, 1, 21)
    estate = part * claims.sum()
    true, gridded = random_arrival(estate, claims, "enumeration"), random_arrival(estate, claims, "dynamic program")
    assert gridded.method.startswith("dynamic program on a grid of 16384 steps, error about")
    off = np.abs(true.values - gridded.values).max()
    assert off <= 3 * gridded.error
    assert gridded.error <= 1e-6 * estate
    assert_divides(gridded.values, estate, claims)


def test_a_grid_is_within_the_noise_of_a_sample():
    claims = np.random.default_rng(40).lognormal(0, 1, 40)
    estate = 0.3 * claims.sum()
    gridded = random_arrival(estate, claims)
    sampled = random_arrival(estate, claims, "sampled", permutations=20_000, seed=4)
    assert gridded.method.startswith("dynamic program on a grid") and gridded.error < 1e-6 * estate
    assert sampled.method == "sampled, 20000 permutations"
    assert np.all(np.abs(gridded.values - sampled.values) <= 4 * sampled.standard_error)
    assert sampled.values.sum() == pytest.approx(estate, rel=1e-12)
    assert sampled.error == sampled.standard_error.max() < 0.01 * estate
    assert_same(program_answer(estate, claims), gridded.values, estate, 1e-12)


def test_fewer_quadrature_points_leave_no_more_than_rounding(monkeypatch):
    claims = np.random.default_rng(100).integers(1, 60, 100).astype(float)
    estate = float(claims.sum() // 3)
    few = random_arrival(estate, claims)
    assert arrival.node_count(100) < 50
    monkeypatch.setattr(arrival, "node_count", lambda n: -(-n // 2))
    assert_same(random_arrival(estate, claims).values, few.values, estate, 1e-14)


def test_too_many_claims_for_a_grid_are_sampled(monkeypatch):
    monkeypatch.setattr(arrival, "_WORK", 1e5)
    claims = np.random.default_rng(5).random(200)
    found = random_arrival(40.0, claims, permutations=200, seed=1)
    assert found.method == "sampled, 200 permutations"
    assert found.values.sum() == pytest.approx(40.0, rel=1e-12)


def test_a_seed_fixes_the_sample():
    claims = np.array([1.0, 2.0, 4.0, 8.0])
    first, again, other = (random_arrival(6.0, claims, "sampled", 100, seed).values for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_stated_standard_errors_are_those_seen_over_seeds():
    claims = np.array([1.0, 2.0, 4.0, 8.0, 3.0])
    true = by_all_orders(7, [1, 2, 4, 8, 3])
    runs = [random_arrival(7.0, claims, "sampled", 400, seed) for seed in range(300)]
    inside = np.mean([np.abs(r.values - true) <= 1.96 * r.standard_error for r in runs])
    assert 0.93 <= inside <= 0.97


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((-1.0, [1.0]), "the estate is -1"),
        ((np.nan, [1.0]), "the estate is NaN"),
        ((np.inf, [1.0]), "give a finite number"),
        ((1.0, [1.0, -2.0]), "claims: 1 is -2"),
        ((1.0, [1.0, np.nan]), "claims: 1 is NaN"),
        ((1.0, [1.0, 2.0], "exact"), "no method of random arrival is called 'exact'"),
        ((1.0, [1.0] * 30, "enumeration"), "enumeration ends at 22"),
        ((1.0, [1.0, 2.0], "sampled", 2), "permutations is 2"),
    ],
)
def test_bad_input_is_named(arguments, words):
    estate, claims, *rest = arguments
    with pytest.raises(DataError, match=words):
        random_arrival(estate, np.array(claims), *rest)


def test_a_common_unit_is_found_through_binary_noise():
    assert arrival.common_unit(np.array([0.1 + 0.2, 0.6])) == pytest.approx(0.3)
    assert arrival.common_unit(np.array([3.0000000000000004e-06, 9e-06])) == pytest.approx(3e-6)
    assert arrival.common_unit(np.array([1.25e9, 1e9])) == 2.5e8
    assert arrival.common_unit(np.array([np.pi, 1.0])) is None


@pytest.mark.parametrize("part", [0.3, 0.8])
def test_a_few_awards_are_those_of_all(part):
    claims = np.random.default_rng(5).lognormal(size=30)
    claims[[3, 7]] = [0.0, claims[9]]  # nothing, and a twin
    estate, rows = part * claims.sum(), np.array([9, 3, 0, 7])
    whole = random_arrival(estate, claims).values
    assert_same(some_arrivals(estate, claims, rows), whole[rows], estate)
    with pytest.raises(AssertionError):
        assert_same(some_arrivals(estate, claims, rows[::-1]), whole[rows], estate)
    assert some_arrivals(0.5 * claims[:6].sum(), claims[:6], np.array([0])) is None  # all are found as soon
    table = pd.DataFrame({"claim": claims})
    paid, total = ao.scheme("random-arrival").borne(ao.LossProblem(estate, table, "claim"), rows)
    assert_same(paid, whole[rows], estate)
    assert total == estate
