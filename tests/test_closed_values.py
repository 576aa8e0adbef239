"""Formulas for values: each is the value of the whole table, and the published one where there is one."""

from __future__ import annotations

import json
from fractions import Fraction
from math import comb
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocopt.errors import DataError
from allocopt.maths import threshold as totals
from allocopt.maths.closed_values import (
    airport_shapley,
    cover_banzhaf,
    cover_shapley,
    dividend_banzhaf,
    dividend_shapley,
    minimum_shapley,
    threshold_values,
    variance_shapley,
)
from allocopt.maths.dividends import dividends
from allocopt.maths.shapley import banzhaf_from_table, memberships, shapley_from_table

SHARED = Path(__file__).resolve().parents[2] / "shared" / "cases" / "games.json"

quick = settings(derandomize=True, deadline=None, max_examples=30)
amounts = st.lists(st.one_of(st.sampled_from([0.0, 1.0, 2.0, 2.0]), st.floats(0, 100)), max_size=7).map(np.array)

ELECTORS = [55, 38, 29, 29, 20, 20, 18, 16, 16, 15, 14, 13, 12, 11, 11, 11, 11, 10, 10, 10, 10, 9, 9, 9, 8, 8]
ELECTORS += [7, 7, 7, 6, 6, 6, 6, 6, 6, 5, 5, 5, 4, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 3]


def same(found, expected, tolerance=1e-13):
    expected = np.asarray(expected, dtype=float)
    scale = max(np.abs(expected).max(initial=0.0), 1e-300)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale)


def test_the_check_of_this_file_sees_a_wrong_answer():
    with pytest.raises(AssertionError):
        same([1.0, 2.0 + 1e-12], [1.0, 2.0])


def rows(n):
    return memberships(0, 2**n, n)


def in_fractions(weights, f):
    """Shapley and Banzhaf by counting coalitions of each size and total: whole numbers until the last division."""
    n = len(weights)
    counts = [{} for _ in range(n + 1)]
    counts[0][0] = 1
    for w in weights:
        for size in range(n - 1, -1, -1):
            for total, many in counts[size].items():
                counts[size + 1][total + w] = counts[size + 1].get(total + w, 0) + many
    shapley, banzhaf = [], []
    for w in weights:
        others = [{} for _ in range(n)]
        phi = beta = Fraction(0)
        for size in range(n):
            added = 0
            for total, many in counts[size].items():
                left = many - (others[size - 1].get(total - w, 0) if size else 0)
                if left:
                    others[size][total] = left
                    added += left * (f(total + w) - f(total))
            phi += Fraction(added, n * comb(n - 1, size))
            beta += Fraction(added, 2 ** (n - 1))
        shapley.append(phi)
        banzhaf.append(beta)
    return shapley, banzhaf


def test_the_electoral_college_is_exact_to_the_last_digits():
    found = threshold_values(np.array(ELECTORS), lambda total: (total >= 270).astype(float))
    shapley, banzhaf = in_fractions(ELECTORS, lambda total: int(total >= 270))
    assert sum(shapley) == 1 and shapley[0] == Fraction(1263781128247751, 11457997205775120)
    for got, exact in zip((*found.shapley, *found.banzhaf), (*shapley, *banzhaf), strict=True):
        assert abs(Fraction(got) / exact - 1) < 4e-15


def test_a_small_voter_keeps_its_relative_accuracy():
    """The voter of weight 1 is pivotal once in very many orders: nothing was subtracted to find that."""
    weights, quota = [40] * 12 + [1] * 3, 40 * 12 + 3
    found = threshold_values(np.array(weights), lambda total: (total >= quota).astype(float))
    shapley, banzhaf = in_fractions(weights, lambda total: int(total >= quota))
    assert abs(Fraction(found.banzhaf[-1]) / banzhaf[-1] - 1) < 1e-14 and banzhaf[-1] < 1e-4
    assert abs(Fraction(found.shapley[-1]) / shapley[-1] - 1) < 1e-14


@quick
@given(st.lists(st.integers(0, 9), max_size=7), st.integers(1, 3), st.sampled_from(["root", "square", "quota", "odd"]))
def test_functions_of_a_total_agree_with_their_table(weights, unit, shape):
    w = np.array(weights, dtype=int) * unit
    functions = {
        "root": np.sqrt, "square": np.square,
        "quota": lambda total: (2 * total > w.sum()).astype(float), "odd": lambda total: total % 2,
    }  # fmt: skip
    f = functions[shape]
    table = f((rows(len(w)) @ w).astype(float))
    found = threshold_values(w, f)
    same(found.shapley, shapley_from_table(table))
    same(found.banzhaf, banzhaf_from_table(table))


def test_blocks_of_nodes_change_nothing(monkeypatch):
    whole = threshold_values(np.array(ELECTORS), np.sqrt)
    monkeypatch.setattr(totals, "_CELLS", 600)
    parts = threshold_values(np.array(ELECTORS), np.sqrt)
    same(parts.shapley, whole.shapley, 1e-15)
    same(parts.banzhaf, whole.banzhaf, 1e-15)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([1.5, 2.0], r"weight 0 is 1\.5"),
        ([1, -2], "weight 1 is -2"),
        ([1.0, np.nan], "weight 1 is nan"),
        ([np.inf], "weight 0 is inf"),
        ([1e12, 3e12 + 1], "round the weights to coarser units"),
    ],
)
def test_weights_that_cannot_be_counted_are_named(weights, words):
    with pytest.raises(DataError, match=words):
        threshold_values(np.array(weights), np.sqrt)


def test_large_weights_with_a_common_unit_are_counted_in_that_unit():
    same(threshold_values(np.array([1e12, 2e12]), lambda t: t).shapley, [1e12, 2e12])


@quick
@given(amounts, st.integers(1, 9))
def test_the_k_largest_agree_with_their_table(exposures, k):
    n = exposures.size
    table = np.sort(np.where(rows(n), exposures, 0.0), axis=1)[:, max(0, n - k) :].sum(axis=1)
    same(cover_shapley(exposures, k), shapley_from_table(table))
    same(cover_banzhaf(exposures, k), banzhaf_from_table(table))
    if k == 1:
        same(airport_shapley(exposures), cover_shapley(exposures, 1))


@quick
@given(amounts)
def test_the_smallest_agrees_with_its_table(amounts):
    table = np.where(rows(amounts.size), amounts, np.inf).min(axis=1, initial=np.inf)
    table[0] = 0.0
    same(minimum_shapley(amounts), shapley_from_table(table))


def test_published_airports_and_covariances_are_met():
    birmingham = [65899, 76725, 95200, 97200, 97436, 98142, 102496, 104849, 113322, 115440, 117676]
    table = np.where(rows(11), birmingham, 0).max(axis=1).astype(float)
    same(airport_shapley(np.array(birmingham, dtype=float)), shapley_from_table(table))
    same(airport_shapley(np.array([1.0, 2.0, 3.0, 6.0])), [1 / 4, 7 / 12, 13 / 12, 49 / 12])
    root = np.random.default_rng(4).normal(size=(5, 5))
    sigma = root @ root.T
    table = np.array([row @ sigma @ row for row in rows(5).astype(float)])
    same(variance_shapley(sigma), shapley_from_table(table))
    same(variance_shapley(sigma), banzhaf_from_table(table))


@quick
@given(st.integers(0, 6), st.integers(0, 99))
def test_any_game_is_the_sum_of_its_dividends(n, seed):
    table = np.random.default_rng(seed).normal(size=2**n)
    table[0] = 0.0
    terms = dividends(table)[1:]
    same(dividend_shapley(rows(n)[1:], terms), shapley_from_table(table), 1e-12)
    same(dividend_banzhaf(rows(n)[1:], terms), banzhaf_from_table(table), 1e-12)


def test_a_hundred_thousand_players_are_shared_out_in_full():
    exposures = np.random.default_rng(1).lognormal(0, 2, 100_000)
    exposures[:10] = 0.0
    for k in (1, 2, 50):
        found = cover_shapley(exposures, k)
        largest = np.sort(exposures)[-k:].sum()
        assert abs(found.sum() / largest - 1) < 1e-12 and not found[:10].any()
    assert abs(minimum_shapley(exposures + 1.0).sum() - (exposures + 1.0).min()) < 1e-9


def test_nobody_and_one():
    none, one = np.empty(0), np.array([3.0])
    assert airport_shapley(none).size == minimum_shapley(none).size == cover_banzhaf(none, 2).size == 0
    assert threshold_values(np.empty(0, dtype=int), np.sqrt).shapley.size == 0
    assert airport_shapley(one) == minimum_shapley(one) == cover_banzhaf(one, 2) == 3.0
    assert threshold_values(np.array([9]), np.sqrt).shapley == [3.0]
    assert not threshold_values(np.array([0, 0]), np.sqrt).banzhaf.any()


def test_the_shared_collection_is_met():
    if not SHARED.exists():
        pytest.skip("the shared collection of cases is not beside the repository")
    tried = 0
    for case in json.loads(SHARED.read_text()):
        given_by, expected = case["params"], case["expected"]
        if "quota" in given_by:
            quota = given_by["quota"]
            found = threshold_values(np.array(given_by["weights"]), lambda total, q=quota: (total >= q).astype(float))
            same(found.banzhaf, expected["banzhaf"], 1e-12)
            phi = found.shapley
        elif "variances" in given_by or case["name"].startswith("squared"):
            f = np.sqrt if "variances" in given_by else np.square
            phi = threshold_values(np.array(given_by.get("variances") or given_by["weights"]), f).shapley
        elif "costs" in given_by:
            phi = airport_shapley(np.array(given_by["costs"], dtype=float))
        else:
            continue
        same(phi, expected["shapley"], 1e-12)
        tried += 1
    assert tried >= 8
