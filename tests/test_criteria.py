"""Every fairness measure agrees with exact fractions; criteria keep their ends, families and units; traps are named."""

from __future__ import annotations

import itertools
import math
import pickle
from fractions import Fraction as F

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_metrics import division

import allocopt as ao
from allocopt.errors import DataError
from allocopt.judgement.acceptability import ranked
from allocopt.judgement.card import Scorecard
from allocopt.judgement.measure import incentive_measures
from allocopt.judgement.metric import fairness_metrics, metric
from allocopt.judgement.ranking import by_criterion, costs, dominance, filled
from allocopt.judgement.settled import settled
from allocopt.judgement.weighting import weighting

m, cr = ao.metrics, ao.criteria
quick = settings(derandomize=True, deadline=None, max_examples=40)
FUND = ao.LossProblem(
    80,
    pd.DataFrame(
        {"fund": [60.0, 30.0, 10.0, 40.0], "stress_loss": [30.0, 90.0, 10.0, 20.0], "size": ["l", "s", "s", "l"]},
        index=["A", "B", "C", "D"],
    ),
    "fund",
)
RULES = ["pro-rata", "constrained-equal-awards", "constrained-equal-losses", "talmud"]


@pytest.fixture(scope="module")
def card():
    return ao.compare(FUND, RULES, axioms=False)


# --- every rational measure in exact fractions, written from its definition alone


def mean_differences(x, w):
    """Gini of x/w, each pair counted by its weights."""
    both = itertools.product(range(len(x)), repeat=2)
    return sum(w[i] * w[j] * abs(F(x[i], w[i]) - F(x[j], w[j])) for i, j in both) / (2 * sum(w) * sum(x))


def ranks(r):
    """Average ranks from 1."""
    return [F(sum(a < b for a in r)) + F(sum(a == b for a in r) + 1, 2) for b in r]


def concentration(x, r):
    n = len(x)
    return sum((2 * rank - n - 1) * a for rank, a in zip(ranks(r), x, strict=True)) / F(n * sum(x))


def curve(x, y, r):
    """One less the sum of dX (Y + Y before) over the levels of r, X running shares of x and Y of y."""
    total, before, gone = F(1), F(0), F(0)
    for level in sorted(set(r)):
        step = F(sum(a for a, v in zip(x, r, strict=True) if v == level), sum(x))
        gone += F(sum(a for a, v in zip(y, r, strict=True) if v == level), sum(y))
        total -= step * (gone + before)
        before = gone
    return total


def tail(x, level):
    """Mean of the heaviest 1 - level, the last payer in part."""
    k, out = (1 - level) * len(x), F(0)
    for at, a in enumerate(sorted(x, reverse=True)):
        out += min(max(k - at, F(0)), F(1)) * a
    return out / k


def parts_of(x, groups):
    """Half the squared variation between and within groups, every payer counting once."""
    n, mean = len(x), F(sum(x), len(x))
    out = [F(0), F(0)]
    for g in set(groups):
        inside = [a for a, v in zip(x, groups, strict=True) if v == g]
        own = F(sum(inside), len(inside))
        out[0] += len(inside) * (own - mean) ** 2 / (2 * n * mean**2)
        out[1] += sum((a - own) ** 2 for a in inside) / (2 * n * mean**2)
    return out


def rates(x, w):
    return [F(a, b) for a, b in zip(x, w, strict=True)]


EXACT = {
    "gini": lambda x, w: (m.gini(x), mean_differences(x, [1] * len(x))),
    "gini unbiased": lambda x, w: (
        m.gini(x, unbiased=True), mean_differences(x, [1] * len(x)) * F(len(x), len(x) - 1)),
    "gini by": lambda x, w: (m.gini(x, by=w), mean_differences(x, w)),
    "jain": lambda x, w: (m.jain(x), F(sum(x) ** 2, len(x) * sum(a * a for a in x))),
    "jain by": lambda x, w: (m.jain(x, w), F(sum(x) ** 2) / (sum(w) * sum(F(a * a, b) for a, b in pairs(x, w)))),
    "hhi": lambda x, w: (m.hhi(x), F(sum(a * a for a in x), sum(x) ** 2)),
    "variation": lambda x, w: (m.coefficient_of_variation(x) ** 2, sum(parts_of(x, [0] * len(x))) * 2),
    "ge(2)": lambda x, w: (m.generalized_entropy(x, 2), parts_of(x, [0] * len(x))[1]),
    "hoover by": lambda x, w: (
        m.hoover(x, w), sum(abs(F(a, sum(x)) - F(b, sum(w))) for a, b in pairs(x, w)) / 2),
    "envy": lambda x, w: (m.envy(x, w), max(rates(x, w)) - min(rates(x, w))),
    "heaviest": lambda x, w: (m.max_burden(x, w), max(rates(x, w))),
    "ratio": lambda x, w: (m.max_min_ratio(x, w), max(rates(x, w)) / min(rates(x, w))),
    "cvar": lambda x, w: (m.cvar_of_burden(x, 0.75, w), tail(rates(x, w), F(3, 4))),
    "top": lambda x, w: (m.top_share(x, 2), F(sum(sorted(x)[-2:]), sum(x))),
    "concentration": lambda x, w: (m.concentration_index(x, w), concentration(x, w)),
    "kakwani": lambda x, w: (m.kakwani(x, w), concentration(x, w) - concentration(w, w)),
    "suits": lambda x, w: (m.suits(x, w), curve(w, x, w)),
    "deviation": lambda x, w: (m.deviation_index(x, [2] * len(x), w), curve([1] * len(x), x, w)),
    "deviation from another": lambda x, w: (m.deviation_index(x, w[::-1], w), curve(w[::-1], x, w)),
    "reynolds-smolensky": lambda x, w: (
        m.reynolds_smolensky(x, [99 * b for b in w]),
        concentration(w, w) - concentration([99 * b - a for a, b in pairs(x, w)], w)),
    "distance": lambda x, w: (
        m.distance(x, w), F(sum(abs(a - b) for a, b in pairs(x, w)), 2 * max(sum(x), sum(w)))),
    "free riding": lambda x, w: (
        m.free_rider_index(x, w), sum(abs(F(a, sum(x)) - F(b, sum(w))) for a, b in pairs(x, w)) / 2),
    "atkinson(2)": lambda x, w: (m.atkinson(x, 2), 1 - F(len(x) ** 2) / (sum(x) * sum(F(1, a) for a in x))),
    "atkinson(2) equivalent": lambda x, w: (m.atkinson_ede(x, 2), len(x) / sum(F(1, a) for a in x)),
    "group gap": lambda x, w: (m.group_gap(x, w, halves(x)), grouped(x, w)[0] - grouped(x, w)[1]),
    "group ratio": lambda x, w: (m.group_ratio(x, w, halves(x)), grouped(x, w)[0] / grouped(x, w)[1]),
    "between groups": lambda x, w: (m.entropy_decomposition(x, 2, halves(x)).between, parts_of(x, halves(x))[0]),
    "within groups": lambda x, w: (m.entropy_decomposition(x, 2, halves(x)).within, parts_of(x, halves(x))[1]),
}  # fmt: skip


def pairs(x, w):
    return zip(x, w, strict=True)


def halves(x):
    return ["first"] * (len(x) // 2) + ["rest"] * (len(x) - len(x) // 2)


def grouped(x, w):
    at = len(x) // 2
    return sorted((F(sum(x[:at]), sum(w[:at])), F(sum(x[at:]), sum(w[at:]))), reverse=True)


def require_equal(name, x, w):
    ours, exact = EXACT[name](x, w)
    assert ours == pytest.approx(float(exact), rel=1e-12, abs=1e-14), (name, x, w)


@pytest.mark.parametrize("name", EXACT)
def test_the_measure_is_its_definition_in_exact_fractions(name):
    rng = np.random.default_rng(7)
    for n in (2, 3, 5, 8) * 5:
        x, w = rng.integers(1, 9, (2, n)).tolist()
        require_equal(name, x, w)
    require_equal(name, [3, 1, 2], [1, 1, 1])


def test_the_comparison_with_fractions_sees_a_wrong_answer(monkeypatch):
    monkeypatch.setattr(m, "suits", lambda x, by: 0.1)
    with pytest.raises(AssertionError):
        require_equal("suits", [1, 2, 3], [1, 2, 5])


def test_the_deviation_index_of_the_package_claims_problems():
    claims = [2, 4, 7, 8]
    awards = ao.allocate(ao.LossProblem(10, pd.DataFrame({"c": claims}), "c"), "constrained-equal-awards").paid
    # giniindex(10, c(2, 4, 7, 8), PRO) = 1/4 and the proportional deviation index of CEA: -13/63, both ways
    assert m.deviation_index(awards, claims, by=claims) == pytest.approx(-13 / 63, abs=1e-12)
    assert m.suits(awards, claims) == pytest.approx(-13 / 63, abs=1e-12)
    assert m.deviation_index(claims, awards, by=claims) == pytest.approx(13 / 63, abs=1e-12)
    assert m.deviation_index([1, 1, 1], [1, 1, 1], by=[1, 2, 3]) == 0.0
    assert m.deviation_index([0, 0], [1, 2], by=[1, 2]) == 0.0
    assert m.deviation_index([2, 1], [1, 1], by=[-1, 5]) == m.concentration_index([2, 1], [1, 2])


@quick
@given(st.lists(st.integers(1, 9), min_size=2, max_size=9), st.sampled_from([-2.0, -0.5, 0.0, 0.3, 1.0, 2.0, 3.5]),
       st.data())  # fmt: skip
def test_between_and_within_groups_add_up_with_any_exposure(x, alpha, data):
    w = data.draw(st.lists(st.integers(1, 9), min_size=len(x), max_size=len(x)))
    groups = data.draw(st.lists(st.sampled_from("abc"), min_size=len(x), max_size=len(x)))
    found = m.entropy_decomposition(x, alpha, groups, by=w)
    assert found.between + found.within == pytest.approx(found.total, rel=1e-9, abs=1e-12)
    assert found.total == pytest.approx(m.generalized_entropy(x, alpha, w))
    # what aif360 does: everybody bears the rate of the group, then the same index
    level = m.group_rates(x, w, groups)
    even = [level[g] * b for g, b in zip(groups, w, strict=True)]
    assert found.between == pytest.approx(m.generalized_entropy(even, alpha, w), abs=1e-12)
    assert list(found.by_group.index) == list(level.index) == list(dict.fromkeys(groups))


def test_groups_that_pay_nothing_or_without_exposure():
    assert m.entropy_decomposition([0, 0], 1, ["a", "b"]).total == 0.0
    assert m.entropy_decomposition([], 1, []).within == 0.0
    assert m.entropy_decomposition([1, 1, 2], 2, ["a", "a", "b"], by=[0, 0, 1]).between == math.inf
    assert m.entropy_decomposition([0, 0, 2], -1, ["a", "a", "b"]).between == math.inf
    assert m.group_gap([1, 1], [0, 1], ["a", "b"]) == math.inf and m.group_gap([0, 0], [1, 2], ["a", "b"]) == 0.0
    assert math.isnan(m.group_rates([0, 1], [0, 1], ["a", "b"])["a"])
    x = pd.Series({"A": 1.0, "B": 3.0})
    labels = pd.Series({"B": "b", "A": "a", "C": "c"})
    assert m.group_rates(x, None, labels).to_dict() == {"a": 1.0, "b": 3.0}


@quick
@given(st.lists(st.floats(0, 100), min_size=1, max_size=8), st.floats(1e-9, 0.5), st.floats(0, 1e4))
def test_the_kolm_pollak_index_is_absolute_and_keeps_its_digits(x, kappa, more):
    x = np.array(x)
    index = m.kolm_pollak_index(x, kappa)
    assert index == pytest.approx(m.kolm_pollak_index(x + more, kappa), rel=1e-6, abs=1e-9)
    assert m.kolm_pollak(x, kappa) == pytest.approx(x.mean() + index)
    assert -1e-12 <= index <= x.max() - x.mean() + 1e-9
    assert m.kolm_pollak_index(2 * x, kappa / 2) == pytest.approx(2 * index, rel=1e-9, abs=1e-12)
    if kappa < 1e-6:  # half the variance times kappa: digits a difference of two logarithms would lose
        assert index == pytest.approx(kappa * x.var() / 2, rel=1e-3, abs=1e-18)
    assert m.kolm_pollak_index(x, -kappa) <= 1e-12


def test_entropies_keep_their_digits_beside_their_limits():
    x = [1, 2, 3, 4]
    for limit, near in ((1.0, m.theil(x)), (0.0, m.theil_l(x))):
        for step in (1e-6, 1e-9, 1e-12):
            assert m.generalized_entropy(x, limit + step) == pytest.approx(near, rel=10 * step + 1e-13)
            assert m.generalized_entropy(x, limit - step) == pytest.approx(near, rel=10 * step + 1e-13)


@pytest.mark.parametrize("scale", [1e-140, 1e-9, 1e12, 1e140])
def test_nobody_one_payer_nothing_paid_and_any_currency(scale):
    for x in ([], [0.0], [0.0, 0.0], [scale], [scale, scale], np.array([]), pd.Series([scale, scale], ["A", "B"])):
        w, labels = [1.0] * len(x), ["a", "b"][: len(x)]
        assert m.kolm_pollak_index(x, 1.0) == 0.0 and m.deviation_index(x, w, w) == 0.0
        assert m.atkinson_ede(x, 0.5) == m.kolm_pollak(x, 0.0) == (np.mean(x) if len(x) else 0.0)
        assert m.burden_dominates(x, x) == m.burden_dominates(x, x, by=w) == 2
        assert m.group_gap(x, None, labels) == m.entropy_decomposition(x, 1, labels).total == 0.0
        assert m.group_ratio(x, None, labels) == 1.0 and len(m.group_rates(x, None, labels)) == len(x)
        if len(x) == 2 and np.any(x):
            assert m.distance_to_shapley(x, [0.0, scale, scale, 2 * scale]) == 0.0
            assert m.max_core_excess(x, [0.0, scale, scale, 2 * scale]) == pytest.approx(np.max(x) - scale, abs=0.0)
    x, w = np.array([1.0, 2.0, 5.0]), [3, 1, 1]
    assert m.deviation_index(x * scale, w, [1, 2, 3]) == pytest.approx(m.deviation_index(x, w, [1, 2, 3]))
    assert m.burden_dominates(x * scale, x[::-1] * scale) == 2 and m.burden_dominates(x * scale, 2 * x * scale) == 1
    assert m.kolm_pollak_index(x * scale, 1 / scale) == pytest.approx(scale * m.kolm_pollak_index(x, 1))
    assert m.group_gap(x * scale, w, list("aab")) == pytest.approx(scale * m.group_gap(x, w, list("aab")))


# --- the order of burdens whose totals differ


@quick
@given(st.data())
def test_the_order_of_burdens_is_that_of_the_heaviest_sums(data):
    n = data.draw(st.integers(1, 6))
    x, y = (np.array(data.draw(st.lists(st.integers(0, 6), min_size=n, max_size=n)), dtype=float) for _ in "xy")
    ours, theirs = (np.cumsum(-np.sort(-v)) for v in (x, y))
    less, more = (ours < theirs - 1e-9).any(), (ours > theirs + 1e-9).any()
    assert m.burden_dominates(x, y) == {(1, 0): 1, (0, 1): -1, (0, 0): 2, (1, 1): 0}[int(less), int(more)]
    if x.sum() == y.sum():
        assert m.burden_dominates(x, y) == m.lorenz_dominates(x, y)
    if m.burden_dominates(x, y) == 1:
        assert m.kolm_pollak(x, 0.7) <= m.kolm_pollak(y, 0.7) + 1e-9
        assert m.cvar_of_burden(x, 0.5) <= m.cvar_of_burden(y, 0.5) + 1e-9
    w = np.array(data.draw(st.lists(st.integers(1, 4), min_size=n, max_size=n)))
    split = [np.repeat(v / w, w) for v in (x, y)]  # an account of exposure 3 is three of exposure 1
    assert m.burden_dominates(x, y, by=w) == m.burden_dominates(*split)


def test_the_order_of_burdens_at_the_ends():
    assert m.burden_dominates([], []) == m.burden_dominates([0, 0], [0, 0]) == 2
    assert m.burden_dominates([0, 0], [0, 1]) == 1 and m.burden_dominates([1, 0], [0, 1]) == 2
    assert m.burden_dominates([1, 1], [0, 2], by=[0, 1]) == -1  # who pays without exposure is infinitely burdened
    card = ao.compare(FUND, RULES, metrics=[], measures=[], axioms=False)
    assert card.lorenz().loc["pro-rata"].to_list() == [2, 1, 1, 1]
    assert card.lorenz(rates=False).loc["constrained-equal-awards"].to_list() == [1, 2, 1, 1]


# --- coalitions


def test_the_least_core_is_the_floor_of_the_excess():
    costs = [0, 2, 2, 3, 2, 3, 3, 6]
    floor = m.least_core_value(costs)
    assert floor == pytest.approx(1.0) == m.least_core_value(ao.games.table(costs))
    assert m.least_core_value(lambda rows: np.array([0, 2, 3, 6])[rows.sum(axis=1)] * 1.0, n=3) == pytest.approx(1.0)
    rng = np.random.default_rng(3)
    drawn = 6 * rng.dirichlet(np.ones(3), 300)
    found = [m.max_core_excess(x, costs) for x in drawn]
    assert min(found) >= floor - 1e-9 and m.max_core_excess([2, 2, 2], costs) == pytest.approx(floor)


def test_one_implementation_answers_in_every_form():
    game = ao.games.table([0, 10, 12, 18], players=["A", "B"])
    x = pd.Series({"B": 7.0, "A": 11.0})
    same = [m.max_core_excess(x, game), m.max_core_excess([11, 7], game), m.max_core_excess([11, 7], [0, 10, 12, 18])]
    assert same == [1.0, 1.0, 1.0] == [float(ao.max_excess(game, x))] * 3
    answer = ao.allocate(
        ao.LossProblem(18, pd.DataFrame({"w": [11.0, 7.0]}, index=["A", "B"]), None), "pro-rata", key="w"
    )
    for form in (game, game.dual(), [0, 10, 12, 18]):
        found = ao.incentives.coalition_excess(answer, form)
        assert found.value == pytest.approx(1.0) and "A bear 11.00 and would bear 10.00" in found.witness


@quick
@given(st.lists(st.integers(1, 20), min_size=2, max_size=6), st.floats(0.01, 0.99), st.integers(0, 3))
def test_every_claims_rule_is_in_the_core_of_the_claims_game(claims, part, at):
    loss = part * sum(claims)
    answer = ao.allocate(ao.LossProblem(loss, pd.DataFrame({"c": claims}, dtype=float), "c"), RULES[at])
    assert m.max_core_excess(answer.paid, ao.games.claims(loss, claims)) <= 1e-9
    with pytest.raises(DataError, match="tells no two rules apart"):
        cr.core_excess(ao.games.claims(loss, claims))
    with pytest.raises(DataError, match="tells no two rules apart"):
        cr.core_excess(ao.games.claims(loss, claims).dual().scaled(2.0))


def test_the_claims_game_is_refused_as_a_fact_of_the_card_too():
    game = ao.games.claims(80, FUND.column("fund"), players=list("ABCD"))
    with pytest.raises(DataError, match="tells no two rules apart"):
        ao.compare(FUND, RULES, metrics=[], facts={"costs": game})
    made, measured = cr.core_excess(ao.games.airport([1, 2, 3, 4])), incentive_measures()["coalition_excess"]
    assert made.family == measured.family  # one number under two names counts once


def test_the_distance_to_shapley():
    costs = np.array([0, 10, 12, 18])
    assert m.distance_to_shapley([8, 10], costs) == pytest.approx(0.0, abs=1e-15)
    assert m.distance_to_shapley([10, 8], costs) == pytest.approx(2 / 18)
    assert m.distance_to_shapley(pd.Series({"B": 8.0, "A": 10.0}), ao.games.table(costs, players=["A", "B"])) == (
        pytest.approx(2 / 18)
    )
    large = ao.games.function(lambda rows: np.sqrt(rows.sum(axis=1)), 40)
    with pytest.raises(DataError, match="40 players"):
        m.distance_to_shapley(np.ones(40), large)


# --- criteria that are made


def test_made_criteria_are_rows_of_the_card():
    costs = np.array([0, 30, 60, 70, 20, 45, 70, 75, 30, 50, 80, 85, 40, 60, 85, 90])
    game = ao.games.table(costs, players=list("ABCD"))
    talmud = ao.allocate(FUND, "talmud")
    made = [
        cr.core_excess(game), cr.distance_to_shapley(game), cr.distance_from("talmud"), cr.distance_from(talmud.shares),
        cr.deviation_from("pro-rata"), cr.deviation_from("talmud"), cr.rank_correlation("stress_loss"),
        cr.group_ratio("size"), cr.group_gap("size"), cr.between_groups("size"), cr.between_groups("size", 2),
    ]  # fmt: skip
    with pytest.raises(DataError, match="two criteria are called 'between_groups_size'"):
        ao.compare(FUND, RULES, metrics=made, measures=[])
    card = ao.compare(FUND, RULES, metrics=made[:-1], measures=[], axioms=False, scenarios=[80.0, 100.0])
    phi = ao.shapley(game).values
    for title, answer in card.allocations.items():
        of, x, w, size = card.scores[title], answer.paid, FUND.column("fund"), FUND.labels("size")
        assert of["core_excess"] == pytest.approx(m.max_core_excess(answer.shares, game) / 80)
        assert of["distance_to_shapley"] == pytest.approx(m.distance(answer.shares, phi * 80 / phi.sum()))
        assert of["distance_from_talmud"] == of["distance_from_the reference"] == m.distance(x, talmud.paid)
        assert of["deviation_from_pro-rata"] == pytest.approx(m.suits(x, w), abs=1e-12)
        assert of["deviation_from_talmud"] == m.deviation_index(x, talmud.paid, w)
        assert of["rank_correlation_stress_loss"] == pytest.approx(
            m.kendall_tau_b(np.rint(x * 1e6), FUND.column("stress_loss")))  # fmt: skip
        assert of["group_ratio_size"] == m.group_ratio(x, w, size) and of["group_gap_size"] == m.group_gap(x, w, size)
        assert of["between_groups_size"] == m.entropy_decomposition(x, 1, size, w).between
        assert card.ensemble.loc[80.0].unstack()[title][of.index].to_numpy() == pytest.approx(of.to_numpy(), abs=1e-12)
    assert card.criteria["deviation_from_pro-rata"].family == "gini"
    assert card.scores.loc["distance_from_talmud", "talmud"] == 0.0
    for one in made:
        assert pickle.loads(pickle.dumps(one))(talmud, "fund") == one(talmud, "fund")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: cr.core_excess([0, 1]), "give a game"),
        (lambda: cr.distance_to_shapley("game"), "give a game"),
        (lambda: cr.distance_to_shapley(ao.games.table([0, 0, 0, 0])), "more than 0"),
        (lambda: cr.distance_from("talmut"), "did you mean 'talmud'"),
        (lambda: cr.group_ratio(""), "is no column"),
        (lambda: cr.rank_correlation(None), "is no column"),
        (lambda: cr.between_groups("size", math.nan), "alpha is NaN"),
        (lambda: ao.compare(FUND, RULES, metrics=[cr.group_gap("sise")], measures=[]), "did you mean 'size'"),
        (lambda: ao.compare(FUND, RULES, [cr.core_excess(ao.games.table([0, 1]))], measures=[]), "x has|no entry"),
        (lambda: m.entropy_decomposition([1, 2], 1, "ab"), "one label per payer"),
        (lambda: m.group_gap([1, 2], None, ["a", None]), "row 1 is missing"),
        (lambda: m.max_core_excess([1, 2, 3], ao.games.table([0, 1, 1, 2])), "2 players and the division 3"),
        (lambda: m.max_core_excess([1, math.nan], [0, 1, 1, 2]), "1 is NaN"),
        (lambda: m.max_core_excess(pd.Series({"A": 1.0, "C": 1.0}), ao.games.airport({"A": 1, "B": 2})), "'B'"),
        (lambda: m.least_core_value(lambda rows: rows.sum(axis=1) * 1.0), "how many payers"),
        (lambda: m.least_core_value([0, 1, 2]), "2"),
        (lambda: m.deviation_index([1, 2], [0, 0], [1, 2]), "no ratio is defined"),
        (lambda: m.deviation_index([1, -2], [1, 2], [1, 2]), "x: 1 is -2"),
        (lambda: m.burden_dominates([1, 2], [1, 2, 3]), "y has shape"),
        (lambda: m.burden_dominates([1, 2], [1, 2], by=[0, 0]), "no ratio is defined"),
        (lambda: m.kolm_pollak_index([1, math.inf], 1), "x: 1 is inf"),
        (lambda: m.atkinson_ede([1, -1], 0.5), "x: 1 is -1"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_said_in_one_line(call, words):
    with pytest.raises(DataError, match=words) as fault:
        call()
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e12])
def test_currency_does_not_matter(scale):
    table = FUND.payers.assign(fund=FUND.payers["fund"] * scale)
    here, there = (ao.compare(q, RULES, measures=[]) for q in (FUND, ao.LossProblem(80 * scale, table, "fund")))
    np.testing.assert_allclose(here.normalised(), there.normalised(), atol=1e-9)
    # rates per contract instead of per unit of currency: other figures, the same scores
    table = FUND.payers.assign(contracts=FUND.payers["stress_loss"] * scale)
    plain, moved = (
        ao.compare(ao.LossProblem(80, table, "fund"), RULES, measures=[], by=by) for by in ("stress_loss", "contracts")
    )
    np.testing.assert_allclose(plain.normalised(), moved.normalised(), atol=1e-9)
    pd.testing.assert_frame_equal(plain.dominance(), moved.dominance())


# --- ends, families, favourites

CRITERIA = fairness_metrics()


@pytest.mark.parametrize("n", [2, 3, 10, 200])
def test_the_ends_are_reached_or_approached_as_payers_grow_in_number(n):
    """One payer bears all: the worst among n, which tends to the worst end; docs/metrics.md states these."""
    one, w = np.zeros(n), np.ones(n)
    one[-1] = 1.0
    a = division(one, w)
    among = {
        "gini": 1 - 1 / n, "gini_of_burdens": 1 - 1 / n, "jain": 1 / n, "jain_of_burdens": 1 / n, "hhi_of_burdens": 1.0,
        "top_share_of_burdens": 1.0, "coefficient_of_variation": math.sqrt(n - 1), "theil": math.log(n),
        "hoover": 1 - 1 / n, "max_min_ratio": math.inf, "envy": 1.0, "max_burden": 1.0,
        "kolm_pollak": math.log((n - 1 + math.exp(n)) / n) - 1,
    }  # fmt: skip
    for name, value in among.items():
        assert CRITERIA[name](a, "exposure") == pytest.approx(value), name
    exposures = np.arange(1.0, n + 1)
    small = np.zeros(n)
    small[0] = 1.0
    b = division(small, exposures)
    assert CRITERIA["gini"](b, "exposure") == pytest.approx(1 - 1 / exposures.sum())
    assert CRITERIA["hoover"](b, "exposure") == pytest.approx(1 - 1 / exposures.sum())
    assert CRITERIA["suits"](b, "exposure") == pytest.approx(-(1 - 1 / exposures.sum()))
    assert CRITERIA["concentration_index"](b, "exposure") == pytest.approx(-(1 - 1 / n))
    assert CRITERIA["kakwani"](b, "exposure") == pytest.approx(-(1 - 1 / n) - m.gini(exposures))
    assert CRITERIA["kendall_tau_b"](division(exposures, exposures[::-1]), "exposure") == pytest.approx(-1.0)


def favourite(rule, draw):
    """What a rule and other rules and keys answer on one question where no cap binds."""
    w = draw.uniform(1, 5, 6)
    loss = 0.1 * w.min()  # so small that no cap binds under equal shares
    q = ao.LossProblem(loss, pd.DataFrame({"w": w, "risk": w}), "w")
    for other in RULES:
        yield ao.allocate(q, rule), ao.allocate(q, other)
    yield ao.allocate(q, rule), ao.allocate(q, "constrained-equal-awards", key=pd.Series(draw.dirichlet(np.ones(6))))


@pytest.mark.parametrize("name", [n for n, c in CRITERIA.items() if c.favours])
def test_a_criterion_is_best_for_the_rule_it_favours(name):
    one, draw = CRITERIA[name], np.random.default_rng(1)
    for _ in range(3):
        for its, other in favourite(one.favours, draw):
            assert one.cost(one(its, "w")) <= one.cost(one(other, "w")) + 1e-9, (name, other.scheme.name)


def test_favourites_are_told_on_the_card(card):
    told = pd.concat([card.metrics["favours"], card.measures["favours"]])
    assert told["gini"] == told["split_gain"] == told["merge_gain"] == "pro-rata"
    assert told["gini_of_burdens"] == "constrained-equal-awards" and told["own_price"] == ""
    assert set(told) <= {"", *ao.schemes()}
    # the ranking without what favours a rule is one line
    rest = [name for name in card.rank().names if told[name] != "pro-rata"]
    assert 0 < len(rest) < len(card.rank().names) and card.rank(criteria=rest).names == tuple(rest)


def test_families_count_once_on_card_filter_and_ranking(card):
    families = {name: one.family for name, one in {**CRITERIA, **incentive_measures()}.items()}
    same = lambda *names: len({families[name] for name in names}) == 1  # noqa: E731
    assert same("jain", "coefficient_of_variation", "theil") and same("jain_of_burdens", "hhi_of_burdens")
    assert same("gini", "suits") and same("gini_of_burdens", "concentration_index")
    kept = [card.criteria[name].family for name in card.costs().index]
    assert len(kept) == len(set(kept)) and set(card.rank().names) == set(card.costs().index)
    for one, other in (("jain", "theil"), ("gini", "suits"), ("jain_of_burdens", "hhi_of_burdens")):
        for asked in ({"criteria": [one, other]}, {"weights": [one, other]}, {"weights": {one: 1, other: 1}}):
            with pytest.raises(DataError, match="of one family") as fault:
                card.rank(**asked)
            assert "\n" not in str(fault.value)


def test_criteria_that_coincide_on_a_question_count_once_there(card):
    # four payers: the worst tenth is the worst one
    assert (card.scores.loc["cvar_of_burden"] == card.scores.loc["max_burden"]).all()
    assert card.rank().left_out["cvar_of_burden"] == "counted once, with max_burden"
    t = 80 / 140  # for one loss Reynolds-Smolensky is Kakwani times t / (1 - t), when both are about the caps
    np.testing.assert_allclose(
        card.scores.loc["reynolds_smolensky"], card.scores.loc["kakwani"] * t / (1 - t), atol=1e-12
    )
    assert card.criteria["reynolds_smolensky"].family == "kakwani"
    by_risk = ao.compare(FUND, RULES, axioms=False, by="stress_loss")
    np.testing.assert_allclose(by_risk.scores.loc["hoover"], by_risk.incentives.loc["free_riding"])
    assert by_risk.rank().left_out["free_riding"] == "counted once, with hoover"
    assert by_risk.criteria["reynolds_smolensky"].family == "reynolds_smolensky"
    many = ao.LossProblem(5, pd.DataFrame({"w": np.arange(1.0, 12)}), "w")
    assert settled(CRITERIA["cvar_of_burden"], many, "w", "").family == "cvar_of_burden"


def test_traps_are_refused_where_they_are_met():
    for name in ("atkinson", "theil_l", "atkinson_of_burdens"):
        with pytest.raises(DataError, match=r"wrong way round.*kolm_pollak") as fault:
            ao.compare(FUND, RULES, metrics=[name])
        assert "\n" not in str(fault.value)
    for name, remedy in (("max_core_excess", "criteria.core_excess"), ("distance_to_shapley", "criteria.distance_to"),
                         ("group_ratio", "allocopt.criteria"), ("deviation_index", "allocopt.criteria")):  # fmt: skip
        with pytest.raises(DataError, match=remedy):
            ao.compare(FUND, RULES, metrics=[name])
    card = ao.compare(FUND, RULES, measures=[], axioms=False)
    assert {"gini", "gini_of_burdens", "jain", "jain_of_burdens"} <= set(card.scores.index)
    assert card.metrics.loc["gini", "of"] == "burden per unit of fund"


def test_an_exhausted_cap_leaves_nothing_even_after_rounding():
    q = ao.LossProblem(140 * (1 - 1e-14), FUND.payers, "fund")
    for name in ("gini_of_residual_wealth", "atkinson_of_residual_wealth"):
        assert CRITERIA[name](ao.allocate(q, "pro-rata"), "fund") == 0.0
    assert CRITERIA["reynolds_smolensky"](ao.allocate(q, "talmud"), "fund") == pytest.approx(
        m.gini(FUND.column("fund"))
    )
    free = ao.LossProblem(5, FUND.payers, None)
    assert math.isnan(CRITERIA["reynolds_smolensky"](ao.allocate(free, "pro-rata", key="fund"), "fund"))


# --- adding a scheme reorders nobody


def stated(name, values, direction, worst):
    def said(allocation, by):
        """What the test says."""
        return values[allocation.scheme.label]

    said.__name__ = name
    best = 1.0 if direction == "higher is better" else 0.0
    return metric(title=name, of="rules", formula="v", direction=direction, best=best, worst=worst)(said)


SCALES = [
    ("higher is better", 0.0),
    ("lower is better", 1.0),
    ("lower is better", None),
    ("closer to zero is better", 2.0),
]
SMALL = ao.LossProblem(1, pd.DataFrame({"w": [1.0, 2.0]}), "w")
ANSWERS = {label: ao.scheme("pro-rata", label=label).allocate(SMALL) for label in "abcde"}


def random_values(rng):
    """Criteria with values by scheme; the last scheme may lack some, be another's twin, or be beaten throughout."""
    size, schemes = int(rng.integers(1, 5)), int(rng.integers(3, 6))
    figures = np.round(rng.random((size, schemes)) * rng.choice([0.2, 1.0, 3.0]), 1)
    if rng.random() < 0.5:
        figures[:, -1] = figures[:, 0]
    figures[:, -1] = np.where(rng.random(size) < 0.25, np.nan, figures[:, -1])
    if np.isnan(figures[:, -1]).all():
        figures[0, -1] = 0.3
    if size > 1 and rng.random() < 0.2:
        figures[0] = [math.nan] * (schemes - 1) + [0.6]  # a criterion that only the newcomer has
    made = {}
    for k, row in enumerate(figures):
        one = stated(f"c{k}", dict(zip("abcde", row, strict=False)), *SCALES[int(rng.integers(len(SCALES)))])
        made[one.name] = one
    return pd.DataFrame(figures, index=list(made), columns=list("abcde"[:schemes])), made


def placed(values, made, weights=None):
    """What a ranking places schemes by, from the functions it is made of."""
    found = weighting(values, made, weights, None)
    profile = by_criterion(values.loc[list(found.names)], {name: one.on_scale for name, one in made.items()})
    return found.vertices.mean(axis=1) @ filled(profile.to_numpy())


def stretched(values, made):
    """The same by scales taken from the schemes compared, which this package does not use."""
    cost = costs(values, made)
    low, high = cost.min(axis=1), cost.max(axis=1)
    return -cost.sub(low, axis=0).div((high - low).replace(0, 1.0), axis=0).mean().to_numpy()


def kinds(values, rng):
    """No weights, weights, and an order of importance where every scheme has all values."""
    yield None
    if not values.isna().any(axis=None):
        yield dict(zip(values.index, rng.random(len(values)) + 0.1, strict=True))
        yield list(rng.permutation(values.index))


def test_no_scheme_added_reorders_the_rest():
    rng, turned = np.random.default_rng(5), 0
    for case in range(200):
        more, made = random_values(rng)
        few = more.iloc[:, :-1]
        for weights in kinds(more, rng) if case % 4 == 0 else [None]:
            assert placed(more, made, weights)[:-1] == pytest.approx(placed(few, made, weights), abs=1e-14)
        now = dominance(costs(more, made)).iloc[:-1, :-1]
        assert (now == dominance(costs(few, made))).all(axis=None)
        turned += (ranked(stretched(more, made)[:-1]) != ranked(stretched(few, made))).any()
    assert turned > 5  # scales of the sample would have reordered the rest: the trap is real


def test_the_ranking_of_a_card_is_not_reordered_either():
    rng = np.random.default_rng(6)
    for _ in range(8):
        values, made = random_values(rng)
        more, few = (
            Scorecard(SMALL, None, "w", {a: ANSWERS[a].scheme for a in who}, {a: ANSWERS[a] for a in who}, {}, made,
                      {a: {} for a in who}) for who in (values.columns, values.columns[:-1])
        )  # fmt: skip
        rest = list(few.answers)
        assert np.array_equal(more.normalised()[rest], few.normalised(), equal_nan=True)
        for weights in kinds(values, rng):
            after, before = more.rank(weights, draws=20), few.rank(weights, draws=20)
            assert after.value.to_numpy() == pytest.approx(placed(values, made, weights))
            assert [s for s in after.order if s in rest] == before.order
            if after.names == before.names:
                assert np.allclose(after.winning.loc[rest, rest], before.winning, atol=1e-12)


def test_a_rule_that_lacks_values_takes_no_criterion_from_the_others(card):
    odd = ao.scheme("pro-rata", key=FUND.payers["stress_loss"], label="by figures")
    few, more = card, ao.compare(FUND, [*RULES, odd], axioms=False)
    assert more.incentives.loc["split_gain"].isna().to_list() == [False] * 4 + [True]
    assert few.rank().names == more.rank().names and "split_gain" in more.rank().names
    assert [s for s in more.rank(draws=100).order if s != "by figures"] == few.rank(draws=100).order
    pd.testing.assert_series_equal(more.rank(draws=100).value[RULES], few.rank(draws=100).value)
    found = more.rank(draws=100)
    assert found.lacking.loc["split_gain", "by figures"] and not found.lacking[RULES].any(axis=None)
    own = more.normalised().loc[list(found.names), "by figures"]
    assert found.value["by figures"] == pytest.approx(own.mean()) == found.profile.loc["split_gain", "by figures"]
    assert "It has no value on" in found.explain("by figures") and "no value on" not in found.explain("talmud")
    with pytest.raises(DataError, match="no value for 'by figures'"):
        more.rank(criteria=["split_gain", "gini"])
    only = ao.compare(FUND, ["talmud", odd], metrics=[], measures=["split_gain"], axioms=False)
    with pytest.raises(DataError, match="'by figures' has no value on any criterion"):
        only.rank()


def test_what_a_scheme_lacks_in_every_scenario_is_filled_in_each():
    odd = ao.scheme("pro-rata", key=FUND.payers["stress_loss"], label="by figures")
    asked = {"metrics": ["gini", "gini_of_burdens"], "measures": ["split_gain"], "axioms": False, "uncertain": "all"}
    few, more = (
        ao.compare(FUND, who, scenarios=[60.0, 90.0], **asked).rank() for who in (RULES[:2], [*RULES[:2], odd])
    )
    assert more.lacking.loc["split_gain"].to_list() == [False, False, True] and few.names == more.names
    assert np.isfinite(more.profile).all(axis=None)
    assert more.value["by figures"] == pytest.approx(more.profile.loc[["gini", "gini_of_burdens"], "by figures"].mean())
    pd.testing.assert_series_equal(more.value[RULES[:2]], few.value)


def test_a_large_figure_of_another_scheme_makes_nobody_equal():
    small = ao.LossProblem(1, pd.DataFrame({"w": [1.0, 2.0]}), "w")
    rules = [ao.scheme("pro-rata", label=label) for label in "abc"]
    one = stated("c", {"a": 5.0, "b": 900.0, "c": 1e15}, "lower is better", None)
    card = ao.compare(small, rules, metrics=[one], measures=[], axioms=False)
    assert card.dominance().loc["a", "b"] and card.pareto().to_list() == [True, False, False]


def test_acceptability_by_a_second_method(card):
    """Brute force: draw weights, add up, count; no MCDA package has it (scikit-criteria 0.10 has no SMAA)."""
    found = card.rank()
    u = np.random.default_rng(99).dirichlet(np.ones(len(found.names)), 40_000) @ found.profile.to_numpy()
    place = (u[:, None, :] > u[:, :, None] + 1e-9).sum(axis=2)
    for i, title in enumerate(RULES):
        shares = np.bincount(place[:, i], minlength=4) / len(u)
        error = np.hypot(found.standard_error.loc[title], np.sqrt(shares * (1 - shares) / len(u)))
        assert (np.abs(found.acceptability.loc[title] - shares) <= 5 * error + 1e-4).all()
        assert (u[:, i] - u.mean(axis=1)).mean() == pytest.approx(found.value[title] - found.value.mean(), abs=0.003)
    wins = (u[:, :, None] > u[:, None, :] + 1e-9).mean(axis=0)
    assert np.allclose(wins, found.winning, atol=0.015)
