"""The fairness metrics give the published numbers, agree with a second method, and keep their theorems."""

from __future__ import annotations

import itertools
import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.problem import LossProblem
from allocopt.judgement import metrics as m
from allocopt.judgement.metric import Metric, fairness_metrics, metric
from allocopt.judgement.metrics import LorenzOrder

HERE = Path(__file__).parent
PUBLISHED = HERE.parent.parent / "shared" / "cases" / "division.json"
quick = settings(derandomize=True, deadline=None, max_examples=60)

# Ties and zeros as often as not; nothing so small that scaling it loses digits.
amount = st.one_of(st.sampled_from([0.0, 0.0, 1.0, 2.0, 5.0]), st.floats(1e-3, 1e6))
positive = st.one_of(st.sampled_from([1.0, 2.0, 5.0]), st.floats(1e-3, 1e6))
burdens = st.lists(amount, min_size=1, max_size=12).map(np.array)


@st.composite
def burdens_by_exposure(draw, exposure=positive):
    n = draw(st.integers(1, 12))
    return np.array(draw(st.lists(amount, min_size=n, max_size=n))), np.array(
        draw(st.lists(exposure, min_size=n, max_size=n))
    )


def value(entry):
    """Numbers as they are, fractions in text as floats, lists of either; labels stay."""
    if isinstance(entry, list):
        return [value(e) for e in entry]
    try:
        return float(Fraction(entry))
    except ValueError:
        return entry


def require_case(case):
    got = getattr(m, case["function"])(**{k: value(v) for k, v in case["arguments"].items()}, **case["options"])
    assert got == pytest.approx(value(case["exact"]), rel=1e-12, abs=1e-12), case


# --- published and exact values


OWN = json.loads((HERE / "cases" / "fairness.json").read_text("utf-8"))["cases"]


@pytest.mark.parametrize("case", OWN, ids=[f"{at}-{case['function']}" for at, case in enumerate(OWN)])
def test_exact_cases(case):
    require_case(case)


def test_the_case_check_sees_a_wrong_answer():
    with pytest.raises(AssertionError):
        require_case({"function": "gini", "arguments": {"x": [1, 2, 3, 4]}, "options": {}, "exact": "1/3"})


TRANSLATED = {
    "gini": lambda x: m.gini(x),
    "gini_unbiased": lambda x: m.gini(x, unbiased=True),
    "weighted_gini_of_ratios": lambda x, w: m.gini(x, by=w),
    "hhi_of_shares": lambda x: m.hhi(x),
    "atkinson": lambda x, epsilon: m.atkinson(x, epsilon),
    "theil_T": lambda x: m.theil(x),
    "max_envy": lambda x, w: m.envy(x, w),
    "cvar_of_burden": lambda x, beta: m.cvar_of_burden(x, beta),
    "kolm_pollak_ede_burden": lambda x, kappa: m.kolm_pollak(x, kappa),
    "kakwani": lambda x, w: m.kakwani(x, w),
    "suits": lambda x, w: m.suits(x, w),
    "core_max_excess": lambda game, x: m.max_core_excess(x, [0, 2, 5, 6]),
}


def test_every_published_case_when_the_collection_is_at_hand():
    if not PUBLISHED.exists():
        pytest.skip("the shared collection of cases is not beside the repository")
    cases = json.loads(PUBLISHED.read_text("utf-8"))["fairness_metric_cases"]
    assert cases
    for case in cases:
        function = TRANSLATED.get(case["metric"]) or getattr(m, case["metric"])
        inputs = {k: value(v) for k, v in (case["inputs"] | case["params"]).items()}
        assert function(**inputs) == pytest.approx(case["value"], rel=1e-12, abs=1e-12), case["id"]


# --- degenerate inputs: nobody, one payer, nothing paid, ties

INEQUALITY = {  # each is 0 when nothing is unequal
    "gini": m.gini, "cv": m.coefficient_of_variation, "theil": m.theil, "theil_l": m.theil_l, "hoover": m.hoover,
    "ge(2)": lambda x, by=None: m.generalized_entropy(x, 2, by),
    "ge(-1)": lambda x, by=None: m.generalized_entropy(x, -1, by),
    "ge(0.5)": lambda x, by=None: m.generalized_entropy(x, 0.5, by),
    "1-jain": lambda x, by=None: 1 - m.jain(x, by),
    "envy": m.envy, "max/min-1": lambda x, by=None: m.max_min_ratio(x, by) - 1,
}  # fmt: skip
UNWEIGHTED = {
    "atkinson(1/2)": lambda x: m.atkinson(x, 0.5),
    "atkinson(1)": lambda x: m.atkinson(x, 1),
    "atkinson(3)": lambda x: m.atkinson(x, 3),
    "gini unbiased": lambda x: m.gini(x, unbiased=True),
}


@pytest.mark.parametrize("x", [[], [0.0], [7.0], [0.0, 0.0], [3.0, 3.0, 3.0], np.array([]), pd.Series(dtype=float)])
@pytest.mark.parametrize("index", [*INEQUALITY, *UNWEIGHTED])
def test_nobody_one_payer_nothing_paid_and_equal_burdens_are_equal(index, x):
    assert (INEQUALITY | UNWEIGHTED)[index](x) == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("by", [[1.0, 2.0, 4.0], [0.0, 2.0, 4.0]])
@pytest.mark.parametrize("rate", [0.0, 0.3])
@pytest.mark.parametrize("index", INEQUALITY)
def test_in_proportion_to_exposure_nothing_is_unequal_and_no_exposure_does_not_count(index, rate, by):
    x = rate * np.array(by)
    assert INEQUALITY[index](x, by=by) == pytest.approx(0.0, abs=1e-15)
    for progressivity in (m.kakwani, m.suits, m.reynolds_smolensky):
        assert progressivity(x, by) == pytest.approx(0.0, abs=1e-15)


def test_what_is_not_zero_by_nature_has_its_own_convention():
    assert m.hhi([]) == 0.0 and m.hhi([0, 0]) == 0.5 and m.jain([]) == 1.0
    assert m.top_share([], 1) == 0.0 and m.top_share([0, 0, 0, 0], 1) == 0.25 and m.top_share([1, 2], 5) == 1.0
    assert m.top_share([1, 2], 0) == 0.0
    assert m.max_burden([]) == 0.0 and m.cvar_of_burden([], 0.9) == 0.0 and m.kolm_pollak([], 1) == 0.0
    assert m.kolm_pollak([1, 3], 0) == 2.0
    assert m.cvar_of_burden([1, 3], 0) == 2.0 and m.cvar_of_burden([1, 3], 1) == 3.0
    assert m.kendall_tau_b([], []) == m.kendall_tau_b([1], [2]) == m.kendall_tau_b([1, 1], [1, 2]) == 0.0
    assert m.distance([], []) == m.distance([0, 0], [0, 0]) == m.free_rider_index([0, 0], [0, 0]) == 0.0
    assert m.kakwani([], []) == m.suits([], []) == m.concentration_index([0, 0], [1, 2]) == 0.0
    assert m.kakwani([1, 0], [0, 0]) == 0.0
    assert m.reynolds_smolensky([1, 3], [1, 3]) == m.gini([1, 3])
    assert m.max_core_excess([], [0]) == m.max_core_excess([5], [0, 3]) == 0.0
    assert m.group_ratio([], [], []) == m.group_ratio([0, 0], [1, 1], ["a", "b"]) == 1.0
    assert m.solvency_breaches([], []) == 0 and m.solvency_shortfall([], []) == 0.0
    for nobody in (m.lorenz_curve([]), m.lorenz_curve([0, 0])):
        assert nobody[0][-1] == nobody[1][-1] == 1.0 and np.array_equal(*nobody)


def test_who_pays_nothing_or_pays_without_exposure_is_told_apart():
    assert m.theil_l([0, 1]) == m.max_min_ratio([0, 1]) == m.generalized_entropy([0, 1], -1) == math.inf
    assert m.theil([1, 1], by=[0, 1]) == m.kl_divergence([1, 1], [0, 1]) == m.generalized_entropy([1, 1], 2, [0, 1])
    assert m.theil([1, 1], by=[0, 1]) == m.coefficient_of_variation([1, 1], [0, 1]) == math.inf
    assert m.jain([1, 1], [0, 1]) == 0.0 and m.gini([1, 1], by=[0, 1]) == m.hoover([1, 1], [0, 1]) == 0.5
    assert m.max_burden([1, 1], [0, 1]) == m.envy([1, 1], [0, 1]) == m.max_min_ratio([1, 1], [0, 1]) == math.inf
    assert m.cvar_of_burden([1, 1, 1], 0.5, by=[0, 1, 1]) == math.inf
    assert m.group_ratio([1, 1], [0, 1], ["a", "b"]) == m.group_ratio([1, 0], [1, 1], ["a", "b"]) == math.inf
    assert m.generalized_entropy([1, 1], 0.5, [0, 1]) == pytest.approx(4 * (1 - math.sqrt(0.5)))


def test_equal_exposures_make_the_order_of_rows_irrelevant():
    for x in itertools.permutations([0.0, 1.0, 5.0]):
        for index in (m.kakwani, m.suits, m.concentration_index, m.reynolds_smolensky):
            assert index([*x, 2.0], [3.0, 3.0, 3.0, 9.0]) == pytest.approx(index([0, 1, 5, 2], [3, 3, 3, 9]), abs=1e-15)
    assert m.suits([0, 0, 9], [3, 3, 3]) == m.concentration_index([0, 0, 9], [3, 3, 3]) == 0.0


def test_huge_and_tiny_amounts_neither_overflow_nor_vanish():
    for scale in (5e-324, 1e-200, 1e100, 1e150):
        x = np.array([0.0, 0.0, 0.0, 1.0]) * scale
        assert m.gini(x) == m.gini(x, by=[1, 1, 1, 1]) == 0.75 and m.jain(x) == pytest.approx(0.25)
        assert m.theil(x) == pytest.approx(math.log(4)) and m.kakwani(x, [1, 2, 3, 4]) == pytest.approx(0.5)
    assert m.kolm_pollak([0, 1e6], 1.0) == pytest.approx(1e6 - math.log(2))


# --- two methods must agree


@quick
@given(burdens_by_exposure(), st.lists(st.integers(0, 3), min_size=12, max_size=12))
def test_gini_is_the_mean_difference_over_all_pairs(pair, copies):
    x, w = pair
    f = np.array(copies[: len(x)])
    n, total = f.sum(), (f * x).sum()
    assume(total > 0)
    differences = f[:, None] * f * np.abs(x[:, None] - x)
    assert m.gini(x, weights=f) == pytest.approx(differences.sum() / (2 * n * total), abs=1e-12)
    assert m.gini(x, weights=f) == pytest.approx(m.gini(np.repeat(x, f)), abs=1e-12)
    rates = np.outer(w, w) * np.abs((x / w)[:, None] - x / w)
    assert m.gini(x, by=w) == pytest.approx(rates.sum() / (2 * w.sum() * x.sum()), abs=1e-12)
    assert m.gini(x, weights=f, by=w) == pytest.approx(m.gini(np.repeat(x, f), by=np.repeat(w, f)), abs=1e-12)


@quick
@given(burdens_by_exposure())
def test_jain_variation_concentration_and_entropies_are_one_family(pair):
    x, w = pair
    n = len(x)
    assume(x.any())
    cv = x.std() / x.mean()
    assert m.coefficient_of_variation(x) == pytest.approx(cv, abs=1e-9)
    assert m.jain(x) == pytest.approx(x.sum() ** 2 / (n * (x**2).sum()))
    assert m.jain(x) == pytest.approx(1 / (1 + cv**2)) == pytest.approx(1 / (n * m.hhi(x)))
    assert m.generalized_entropy(x, 2) == pytest.approx(cv**2 / 2, abs=1e-9)
    assert m.generalized_entropy(x, 1) == m.theil(x)
    assert m.generalized_entropy(x, 1 + 1e-6) == pytest.approx(m.theil(x), rel=1e-4, abs=1e-6)
    assert m.generalized_entropy(x + 1, 1e-6) == pytest.approx(m.theil_l(x + 1), rel=1e-4, abs=1e-6)
    p, q = x / x.sum(), w / w.sum()
    assert m.jain(x, by=w) == pytest.approx(1 / np.sum(p**2 / q))
    assert m.generalized_entropy(x, 2, by=w) == pytest.approx(
        m.coefficient_of_variation(x, by=w) ** 2 / 2, rel=1e-6, abs=1e-9
    )
    assert m.theil(x, by=w) == m.kl_divergence(x, w)
    positive_part = x > 0
    assert m.theil(x, by=w) == pytest.approx(np.sum(p * np.log(p / q, where=positive_part, out=0 * p)), abs=1e-9)


@quick
@given(burdens, st.floats(0, 4), st.floats(0.5, 3))
def test_atkinson_is_one_less_the_power_mean_and_bounds_its_neighbours(x, epsilon, more):
    y = x + 1.0
    power = 1 - epsilon
    mean = np.exp(np.log(y).mean()) if abs(power) < 1e-3 else np.mean(y**power) ** (1 / power)
    assert m.atkinson(y, epsilon) == pytest.approx(1 - mean / y.mean(), abs=2e-3 if abs(power) < 1e-3 else 1e-9)
    assert m.atkinson(y, epsilon) <= m.atkinson(y, epsilon + more) + 1e-12
    assert m.atkinson(y, 1) == pytest.approx(1 - math.exp(-m.theil_l(y)), abs=1e-12)


@quick
@given(burdens_by_exposure())
def test_progressivity_agrees_with_ranks_and_with_the_area_under_the_curve(pair):
    x, w = pair
    n = len(x)
    assume(x.any())
    ranks = (2 * rankdata(w) - n - 1) / n
    assert m.concentration_index(x, w) == pytest.approx(ranks @ x / x.sum(), abs=1e-12)
    assert m.kakwani(x, w) == pytest.approx(ranks @ (x / x.sum() - w / w.sum()), abs=1e-12)
    levels = np.unique(w)
    burden = np.cumsum([0.0, *(x[w == level].sum() for level in levels)]) / x.sum()
    exposure = np.cumsum([0.0, *(w[w == level].sum() for level in levels)]) / w.sum()
    assert m.suits(x, w) == pytest.approx(1 - 2 * np.trapezoid(burden, exposure), abs=1e-12)


@quick
@given(burdens_by_exposure())
def test_progressivity_has_its_theorems(pair):
    x, w = pair
    assert m.kakwani(w, w) == 0.0 and abs(m.suits(w, w)) < 1e-15
    assert m.concentration_index(w, w) == pytest.approx(m.gini(w), abs=1e-15)
    assert abs(m.concentration_index(x, w)) <= m.gini(x) + 1e-12
    assert abs(m.suits(x, w)) <= m.gini(x, by=w) + 1e-12
    if len(np.unique(w)) > 1:
        assert m.suits(w**2, w) == pytest.approx(m.gini(w**2, by=w), abs=1e-12)
        assert m.suits(np.sqrt(w), w) == pytest.approx(-m.gini(np.sqrt(w), by=w), abs=1e-12)
    x = x * (0.9 * w.sum() / max(x.sum(), 1e-3))
    part = x.sum() / w.sum()
    assert m.reynolds_smolensky(x, w) == pytest.approx(m.kakwani(x, w) * part / (1 - part), abs=1e-9)


@quick
@given(burdens, st.floats(0, 0.99))
def test_cvar_is_the_best_threshold_plus_the_mean_excess(x, level):
    best = min(t + np.maximum(x - t, 0).mean() / (1 - level) for t in x)
    assert m.cvar_of_burden(x, level) == pytest.approx(best, rel=1e-9)


@quick
@given(burdens, st.floats(0, 1), st.floats(0, 1))
def test_cvar_rises_with_the_level_from_the_mean_to_the_maximum(x, one, other):
    low, high = sorted((one, other))
    tail = m.cvar_of_burden(x, low), m.cvar_of_burden(x, high)
    assert x.mean() * (1 - 1e-12) <= tail[0] <= tail[1] * (1 + 1e-12) <= x.max() * (1 + 1e-11)


@quick
@given(burdens, st.floats(1e-6, 1e-3), st.floats(-1e3, 1e3))
def test_kolm_pollak_moves_with_the_burdens_and_lies_between_mean_and_maximum(x, kappa, shift):
    ede = m.kolm_pollak(x, kappa)
    assert ede == pytest.approx(np.log(np.mean(np.exp(kappa * (x - x.max())))) / kappa + x.max(), rel=1e-9, abs=1e-6)
    assert m.kolm_pollak(x + shift, kappa) == pytest.approx(ede + shift, rel=1e-9, abs=1e-6)
    assert x.mean() - 1e-6 <= ede <= x.max() + 1e-6
    assert m.kolm_pollak(x, -kappa) <= x.mean() + 1e-6


@quick
@given(burdens_by_exposure())
def test_kendall_is_the_count_of_agreeing_pairs(pair):
    x, r = pair
    a, b = np.sign(x[:, None] - x), np.sign(r[:, None] - r)
    untied = math.sqrt((a * a).sum() * (b * b).sum())
    assert m.kendall_tau_b(x, r) == pytest.approx((a * b).sum() / untied if untied else 0.0, abs=1e-12)


@quick
@given(burdens_by_exposure())
def test_distances_agree(pair):
    x, w = pair
    assume(x.any())
    assert m.free_rider_index(x, w) == pytest.approx(m.hoover(x, by=w), abs=1e-12)
    assert m.distance(x, w * x.sum() / w.sum()) == pytest.approx(m.hoover(x, by=w), abs=1e-12)
    assert m.distance(x, x) == 0.0 and m.distance(x, 0 * x) == 0.5
    apart = m.distance(np.append(x, 0.0), np.append(0 * x, x.sum()))
    assert apart == pytest.approx(1.0)


def test_distance_between_different_totals_is_of_the_larger_one():
    assert m.distance([1, 0], [2, 2]) == m.distance([2, 2], [1, 0]) == 3 / 8


def test_a_burden_that_meets_equity_up_to_rounding_is_no_breach():
    assert m.solvency_breaches([5 * (1 + 1e-12), 5 * (1 + 1e-6)], [5, 5]) == 1
    assert m.solvency_shortfall([5 * (1 + 1e-12), 6], [5, 5]) == 1.0


@quick
@given(st.lists(amount, min_size=2, max_size=5), st.lists(st.floats(-5, 50), min_size=31, max_size=31))
def test_core_excess_is_the_worst_of_all_proper_coalitions_by_table_and_by_function(x, worths):
    n = len(x)
    costs = np.array([0.0, *worths[: 2**n - 1]])
    worst = max(
        sum(x[i] for i in members) - costs[sum(2**i for i in members)]
        for size in range(1, n)
        for members in itertools.combinations(range(n), size)
    )
    assert m.max_core_excess(x, costs) == pytest.approx(worst, abs=1e-9)
    assert m.max_core_excess(x, lambda members: costs[members @ 2 ** np.arange(n)]) == m.max_core_excess(x, costs)


# --- theorems every index of inequality keeps

RELATIVE = {k: v for k, v in INEQUALITY.items() if k != "envy"}


@quick
@given(burdens_by_exposure(), st.sampled_from([0.5, 3.0, 1e6]), st.randoms(use_true_random=False))
def test_scale_order_and_proportional_splits_change_nothing(pair, factor, random):
    x, w = pair
    order = random.sample(range(len(x)), len(x))
    for name, index in RELATIVE.items():
        before = index(x, by=w)
        for after in (index(factor * x, by=w), index(x, by=factor * w), index(x[order], by=w[order])):
            assert after == pytest.approx(before, rel=1e-9, abs=1e-9), name
        halves = index(np.repeat(x / 2, 2), by=np.repeat(w / 2, 2))
        assert halves == pytest.approx(before, rel=1e-9, abs=1e-9), name
        assert index(np.tile(x, 3)) == pytest.approx(index(x), rel=1e-9, abs=1e-9), name
    for name, index in UNWEIGHTED.items():
        assert index(factor * x) == pytest.approx(index(x), rel=1e-9, abs=1e-9)
        if name != "gini unbiased":
            assert index(np.tile(x, 3)) == pytest.approx(index(x), rel=1e-9, abs=1e-9)


@quick
@given(st.lists(positive, min_size=2, max_size=12).map(np.array), st.floats(0, 0.5))
def test_relief_of_the_heavier_at_the_cost_of_the_lighter_is_never_more_unequal(x, part):
    fairer = x.copy()
    heavy, light = int(x.argmax()), int(x.argmin())
    moved = part * (x[heavy] - x[light])
    fairer[heavy] -= moved
    fairer[light] += moved
    for name, index in (INEQUALITY | UNWEIGHTED).items():
        assert index(fairer) <= index(x) * (1 + 1e-9) + 1e-9, name
    assert m.hhi(fairer) <= m.hhi(x) + 1e-12
    assert m.kolm_pollak(fairer, 1e-3) <= m.kolm_pollak(x, 1e-3) * (1 + 1e-9)
    assert m.lorenz_dominates(fairer, x) in (LorenzOrder.FIRST_DOMINATES, LorenzOrder.EQUAL)


@quick
@given(burdens, st.lists(amount, min_size=1, max_size=5).map(np.array))
def test_lorenz_order_is_that_of_the_curves_and_every_index_follows_it(x, y):
    order = m.lorenz_dominates(x, y)
    grid = np.linspace(0, 1, 12 * 11 * 10 * 7 + 1)
    gap = np.interp(grid, *m.lorenz_curve(x)) - np.interp(grid, *m.lorenz_curve(y))
    assume(not 1e-10 < np.abs(gap).max() < 1e-8)
    above, below = gap.max() > 1e-9, gap.min() < -1e-9
    assert order == {(True, False): 1, (False, True): -1, (False, False): 2, (True, True): 0}[above, below]
    mirrored = {1: -1, -1: 1, 0: 0, 2: 2}
    assert m.lorenz_dominates(y, x) == mirrored[order]
    if order == LorenzOrder.FIRST_DOMINATES:
        for name in ("gini", "cv", "theil", "hoover", "ge(0.5)"):
            assert INEQUALITY[name](x) <= INEQUALITY[name](y) + 1e-9, name


def test_lorenz_order_with_exposure_sees_who_pays_without_any():
    assert m.lorenz_dominates([1, 1], [0, 2], by=[1, 1]) == LorenzOrder.FIRST_DOMINATES
    assert m.lorenz_dominates([0, 2], [1, 1], by=[0, 1]) == LorenzOrder.FIRST_DOMINATES
    assert m.lorenz_dominates([1, 2, 3], [2, 4, 6], by=[1, 2, 3]) == LorenzOrder.EQUAL
    assert m.lorenz_dominates([], [1, 1]) == LorenzOrder.EQUAL
    assert m.lorenz_dominates([], [1, 2]) == LorenzOrder.FIRST_DOMINATES
    assert m.lorenz_dominates([1, 2], []) == LorenzOrder.SECOND_DOMINATES


@quick
@given(burdens_by_exposure())
def test_gini_is_twice_the_area_above_the_lorenz_curve(pair):
    x, w = pair
    for by in (None, w):
        p, share = m.lorenz_curve(x, by)
        assert p[0] == share[0] == 0.0 and p[-1] == share[-1] == 1.0 and np.all(np.diff(share) >= -1e-15)
        assert m.gini(x, by=by) == pytest.approx(1 - 2 * np.trapezoid(share, p), abs=1e-12)


# --- what goes in


def test_columns_are_aligned_by_payer_and_left_alone():
    x = pd.Series({"A": 10, "B": 10, "C": 30})
    by = pd.Series({"C": 20.0, "A": 10.0, "B": 20.0, "D": 99.0})
    assert m.gini(x, by=by) == m.gini([10, 10, 30], by=[10, 20, 20])
    assert m.gini(x, by=[10, 20, 20]) == m.gini([30, 10, 10], by=by[["C", "A", "B"]])
    groups = pd.Series({"C": "large", "B": "small", "A": "small"})
    assert m.group_ratio(x, by, groups) == pytest.approx(1.5 / (20 / 30))
    assert list(by.index) == ["C", "A", "B", "D"]
    frozen = np.array([3.0, 1.0, 2.0])
    frozen.flags.writeable = False
    m.gini(frozen, by=frozen), m.kakwani(frozen, frozen), m.cvar_of_burden(frozen, 0.5), m.lorenz_curve(frozen)


ID = ["A", "B"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: m.gini([1, math.nan]), "x: 1 is NaN"),
        (lambda: m.gini(pd.Series([1.0, -2.0], ID)), "x: 'B' is -2"),
        (lambda: m.jain([1, math.inf]), "x: 1 is inf"),
        (lambda: m.theil(["1", 2]), "not a number"),
        (lambda: m.theil([True, False]), "True, not a number"),
        (lambda: m.hoover([1, 2], by=[1, 2, 3]), "by has shape"),
        (lambda: m.hoover(np.ones((2, 2))), "x has shape"),
        (lambda: m.hoover(3.0), "x is a float; expected one number per payer"),
        (lambda: m.hoover("12"), "expected one number per payer"),
        (lambda: m.hoover({1: 2.0}), "expected one number per payer"),
        (lambda: m.hoover(pd.DataFrame({"x": [1.0]})), "expected one number per payer"),
        (lambda: m.suits(pd.Series([1.0, 2.0], ID), pd.Series({"A": 1.0})), "no entry for payer 'B'"),
        (lambda: m.suits(pd.Series([1.0, 2.0], ["A", "A"]), [1, 2]), "'A' twice"),
        (lambda: m.gini([1, 2], by=[0, 0]), "no ratio is defined"),
        (lambda: m.envy([1, 2], by=[0, 0]), "no ratio is defined"),
        (lambda: m.gini([1, 2], by=[1, 2], unbiased=True), "leave out by"),
        (lambda: m.gini([1, 2], weights=[0.3, 0.3], unbiased=True), "counts"),
        (lambda: m.atkinson([1, 2], -1), "epsilon is -1"),
        (lambda: m.generalized_entropy([1, 2], math.nan), "alpha is NaN"),
        (lambda: m.cvar_of_burden([1, 2], 1.5), "level is 1.5"),
        (lambda: m.kolm_pollak([1, 2], "1"), "kappa is '1'"),
        (lambda: m.top_share([1, 2], 0.5), "whole number"),
        (lambda: m.top_share([1, 2], -1), "whole number"),
        (lambda: m.reynolds_smolensky([1, 9], [4, 5]), "leave nothing"),
        (lambda: m.free_rider_index([1, 2], [-1, 1]), "risk sums to 0"),
        (lambda: m.group_ratio([1, 2], [1, 2], ["a", None]), "label at row 1 is missing"),
        (lambda: m.group_ratio([1, 2], [1, 2], ["a"]), "groups has shape"),
        (lambda: m.max_core_excess([1, 2], [0, 1, 2]), "expected 4 costs"),
        (lambda: m.max_core_excess([1, 2], [1, 1, 2, 3]), "empty coalition"),
        (lambda: m.max_core_excess(np.ones(21), []), "expected 2097152 costs"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(DataError, match=words):
        call()


# --- the criteria of the scorecard


class Hand:
    name = "by hand"

    def reason(self, allocation, payer):
        return "because the test says so"


def division(paid, exposure, cap="exposure"):
    table = pd.DataFrame({"exposure": exposure}, index=[f"payer {i}" for i in range(len(exposure))])
    problem = LossProblem(float(np.sum(paid)), table, cap)
    certificate = Certificate(0.0, 0.0, 0.0, "by hand")
    return Allocation(problem, np.asarray(paid, float), 0.0, 0.0, {}, "by hand", Hand(), lambda _: certificate)


CRITERIA = fairness_metrics()
DIRECTIONS = {"lower is better", "higher is better", "closer to zero is better"}


def test_there_are_at_least_twelve_criteria_and_each_says_what_it_is():
    assert len(CRITERIA) >= 12
    for name, criterion in CRITERIA.items():
        assert name == criterion.name and criterion.formula and criterion.doc and criterion.family
        assert criterion.direction in DIRECTIONS
        assert "\n" not in criterion.label("margin") and "{" not in criterion.label("margin")
    assert CRITERIA["gini"].label("margin") == "Gini coefficient of burden per unit of margin"


def test_every_criterion_has_its_value_on_one_division():
    a = division([10, 10, 30], [10, 20, 20], cap=[20, 40, 40])
    exact = {
        "gini": 0.24, "gini_of_burdens": 4 / 15, "jain": 5 / 6, "coefficient_of_variation": math.sqrt(0.2),
        "jain_of_burdens": 25 / 33, "hhi_of_burdens": 0.44, "top_share_of_burdens": 0.6,
        "theil": 0.2 * math.log(0.5) + 0.6 * math.log(1.5), "hoover": 0.2, "max_min_ratio": 3.0, "envy": 1.0,
        "max_burden": 1.5, "cvar_of_burden": 1.5, "kakwani": 0.0, "suits": 0.0, "kendall_tau_b": 0.5,
        "concentration_index": 1 / 5 * 2 / 3, "reynolds_smolensky": 0.0,
        "kolm_pollak": math.log((math.exp(1) + math.exp(0.5) + math.exp(1.5)) / 3) - 1,
        "gini_of_residual_wealth": 4 / 15,
        "atkinson_of_residual_wealth": 1 - ((2 * math.sqrt(10) + math.sqrt(30)) / 3) ** 2 / (50 / 3),
    }  # fmt: skip
    assert {name: c(a, "exposure") for name, c in CRITERIA.items()} == pytest.approx(exact, abs=1e-12)
    with_spectator = division([10, 10, 30, 0], [10, 20, 20, 0], cap=None)
    for name, criterion in CRITERIA.items():
        if "per unit" in criterion.of_what:
            assert criterion(with_spectator, "exposure") == pytest.approx(exact[name]), "no exposure, no burden, no say"
    many = division(np.arange(20.0), np.ones(20))
    assert CRITERIA["cvar_of_burden"](many, "exposure") == pytest.approx(18.5)
    assert CRITERIA["kolm_pollak"](division([1.0, 1.0], [0.0, 1.0]), "exposure") == math.inf


def require_in_range(criterion, got):
    assert not math.isnan(got), criterion
    if criterion.direction == "closer to zero is better":
        assert abs(got) <= criterion.worst, (criterion, got)
        return
    ends = [criterion.best, math.inf if criterion.worst is None else criterion.worst]
    assert min(ends) - 1e-9 <= got <= max(ends) + 1e-9, (criterion, got)


def test_the_range_check_sees_a_value_out_of_range():
    with pytest.raises(AssertionError):
        require_in_range(CRITERIA["gini"], 1.5)
    with pytest.raises(AssertionError):
        require_in_range(CRITERIA["suits"], -1.5)
    with pytest.raises(AssertionError):
        require_in_range(CRITERIA["jain"], math.nan)


@quick
@given(burdens_by_exposure())
def test_every_criterion_stays_between_its_ends_and_pro_rata_reaches_the_best_rates(pair):
    x, w = pair
    some = division(x * (w.sum() / max(x.sum(), 1e-3)) * 0.5, w)
    pro_rata = division(0.4 * w, w)
    for criterion in CRITERIA.values():
        require_in_range(criterion, criterion(some, "exposure"))
        fair = criterion(pro_rata, "exposure")
        if criterion.of_what.startswith("burden per unit") and criterion.name not in ("max_burden", "cvar_of_burden"):
            assert fair == pytest.approx(criterion.best, abs=1e-6), criterion
        assert criterion.name not in ("kakwani", "suits") or fair == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_nobody_and_nothing_paid_are_ordinary(n):
    nothing = division(np.zeros(n), np.arange(1.0, n + 1))
    for criterion in CRITERIA.values():
        require_in_range(criterion, criterion(nothing, "exposure"))


def test_amounts_and_rates_judge_the_opposite_way():
    w = np.array([1.0, 2.0, 3.0, 4.0])
    equal, pro_rata = division([0.5] * 4, w), division(0.2 * w, w)
    assert CRITERIA["gini_of_burdens"](equal, "exposure") == 0.0
    assert CRITERIA["gini"](pro_rata, "exposure") == pytest.approx(0.0, abs=1e-15)
    assert CRITERIA["gini_of_burdens"](pro_rata, "exposure") == pytest.approx(0.25) == CRITERIA["gini"](equal, w)
    assert CRITERIA["kakwani"](equal, "exposure") == pytest.approx(-0.25)


@quick
@given(st.lists(burdens_by_exposure(), min_size=1, max_size=1), st.randoms(use_true_random=False))
def test_criteria_of_one_family_rank_alike(pairs, random):
    (x, w) = pairs[0]
    y = np.array([random.choice([0.0, 1.0, 2.5, v]) for v in x])
    assume(x.any() and y.any())
    one, other = division(x, w, None), division(y, w, None)
    for family in ("dispersion", "dispersion of burdens"):
        members = [c for c in CRITERIA.values() if c.family == family and c.name != "theil"]  # of one axiomatic family
        assert len(members) > 1
        gains = [c.cost(c(one, w)) - c.cost(c(other, w)) for c in members]
        assert len({np.sign(g) for g in gains if abs(g) > 1e-9}) <= 1, (family, gains)


def test_what_payers_keep_has_no_answer_without_caps():
    w = [1.0, 2.0]
    for name in ("gini_of_residual_wealth", "atkinson_of_residual_wealth"):
        assert math.isnan(CRITERIA[name](division([0.5, 0.5], w, None), "exposure"))
        assert CRITERIA[name](division([0.0, 1.0], w), "exposure") == 0.0


def test_a_solver_s_rounding_does_not_rank_equal_payers():
    w = np.arange(1.0, 9.0)
    noisy = 0.5 + 1e-12 * np.array([1, -1, 1, 1, -1, 1, -1, -1])
    assert CRITERIA["kendall_tau_b"](division(noisy, w), "exposure") == 0.0
    assert CRITERIA["kendall_tau_b"](division(0.1 * w, w), "exposure") == pytest.approx(1.0)
    below_zero = division([-1e-15, 1.0], [1.0, 3.0])
    assert CRITERIA["gini"](below_zero, "exposure") == CRITERIA["gini"](division([0.0, 1.0], [1.0, 3.0]), "exposure")
    with pytest.raises(DataError, match="credits payer 'payer 0'"):
        CRITERIA["gini"](division([-0.1, 1.1], [1.0, 3.0]), "exposure")


def test_cost_turns_every_direction_so_that_lower_is_better():
    assert CRITERIA["gini"].cost(0.2) == 0.2 and CRITERIA["jain"].cost(0.2) == -0.2
    assert CRITERIA["kakwani"].cost(-0.2) == CRITERIA["kakwani"].cost(0.2) == 0.2


def test_a_criterion_of_one_s_own_is_one_function():
    @metric(
        title="Small against large", of="burden per unit of {by}", formula="r(G)/r(H)",
        direction="lower is better", best=1.0, worst=None,
    )  # fmt: skip
    def small_against_large(allocation, by):
        """How much heavier the rate of the worse-treated size is."""
        return m.group_ratio(allocation.shares, by, np.where(by > 2, "large", "small"))

    assert isinstance(small_against_large, Metric) and small_against_large.family == "small_against_large"
    assert small_against_large(division([1.0, 1.0, 1.0], [1.0, 1.0, 4.0]), "exposure") == 4.0
    assert "small_against_large" not in fairness_metrics()
    with pytest.raises(DataError, match="documentation"):
        metric(title="", of="", formula="", direction="lower is better", best=0, worst=1)(lambda a, by: 0.0)


def test_a_faulty_exposure_is_named():
    a = division([1.0, 2.0], [1.0, 2.0])
    with pytest.raises(DataError, match="did you mean 'exposure'"):
        CRITERIA["gini"](a, "exposur")
    with pytest.raises(DataError, match="by has shape"):
        CRITERIA["gini"](a, [1.0])
