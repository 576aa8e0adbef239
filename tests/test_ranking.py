"""A ranking stands on fixed scales: volumes agree with draws, twins count once, and a dominated scheme moves nobody."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocopt as ao
from allocopt.errors import DataError
from allocopt.judgement.acceptability import above_zero, acceptability, least_shift, ranked
from allocopt.judgement.metric import metric

RULES = ["pro-rata", "constrained-equal-awards", "constrained-equal-losses", "talmud"]
TABLE = pd.DataFrame(
    {"fund": [60.0, 30.0, 10.0, 40.0], "stress_loss": [30.0, 90.0, 10.0, 20.0], "equity": [30.0, 500.0, 20.0, 90.0]},
    index=["A", "B", "C", "D"],
)
QUESTION = ao.LossProblem(80, TABLE, "fund", "EUR")


@pytest.fixture(scope="module")
def card():
    return ao.compare(QUESTION, RULES, axioms=False)


@pytest.fixture(scope="module")
def found(card):
    return card.rank()


def said(name, values, direction="higher is better"):
    """A criterion whose value by rule is stated, from 0 to 1."""

    def stated(allocation, by):
        """What the test says."""
        return values[allocation.scheme.name]

    stated.__name__ = name
    return metric(title=name, of="rules", formula="v", direction=direction, best=1.0, worst=0.0)(stated)


def stated_card(table, rules=None):
    """A card with nothing but these values: criterion -> rule -> value."""
    rules = rules or list(next(iter(table.values())))
    return ao.compare(QUESTION, rules, metrics=[said(n, v) for n, v in table.items()], measures=[], axioms=False)


# --- volumes


@settings(max_examples=40)
@given(st.lists(st.floats(-5, 5).map(lambda v: round(v, 2)), min_size=1, max_size=6), st.integers(0, 9))
def test_the_volume_above_zero_agrees_with_draws_and_with_the_closed_formula(slopes, seed):
    d = np.array(slopes)
    exact = float(above_zero(d))
    w = np.random.default_rng(seed).dirichlet(np.ones(len(d)), 20_000)
    assert exact == pytest.approx((w @ d > 0).mean(), abs=0.02)
    gaps = np.abs(d[:, None] - d) + np.eye(len(d))
    if gaps.min() > 0.3:
        terms = [v ** (len(d) - 1) / np.prod([v - u for u in d if u != v]) for v in d if v > 0]
        assert exact == pytest.approx(sum(terms), abs=1e-6)


def test_volumes_by_hand_and_at_the_ends():
    assert above_zero(np.array([1.0])) == 1 and above_zero(np.array([0.0])) == 0 and above_zero(np.array([-2.0])) == 0
    assert above_zero(np.array([1.0, -1.0, 0.0])) == pytest.approx(0.5)
    assert above_zero(np.array([2.0, 2.0, -1.0])) == pytest.approx(1 - 1 / 9)
    many = np.random.default_rng(0).normal(size=(60, 50))
    assert np.allclose(above_zero(many) + above_zero(-many), 1) and (above_zero(many) >= 0).all()


def test_two_criteria_are_measured_exactly():
    found = stated_card({"a": {"pro-rata": 1.0, "talmud": 0.0, "constrained-equal-awards": 0.7},
                         "b": {"pro-rata": 0.0, "talmud": 1.0, "constrained-equal-awards": 0.5}}).rank()  # fmt: skip
    assert found.exact and (found.standard_error == 0).all(axis=None)
    # a third of all at 0.7 w + 0.5 (1 - w): above w from 0 to 5/8, above 1 - w from w = 5/12
    first = {"pro-rata": 3 / 8, "talmud": 5 / 12, "constrained-equal-awards": 5 / 8 - 5 / 12}
    for title, share in first.items():
        assert found.acceptability.loc[title, 1] == pytest.approx(share, abs=1e-12)
    assert found.central_weights.loc["a", "talmud"] == pytest.approx(5 / 24)
    assert (found.confidence == 1).all()
    assert found.winning.loc["pro-rata", "talmud"] == pytest.approx(0.5)


def test_draws_agree_with_exact_volumes_and_with_winning(found):
    b, error = found.acceptability, found.standard_error
    assert not found.exact and found.draws == 20_000
    assert np.allclose(b.sum(axis=1), 1) and np.allclose(b.sum(axis=0), 1) and (error > 0).all(axis=None)
    again = found.card.rank(seed=7)
    assert (np.abs(b - again.acceptability) < 5 * np.hypot(error, again.standard_error)).all(axis=None)
    # with three or more criteria the winning index is exact: expected rank is one more than the rivals who win
    expected = (b * b.columns).sum(axis=1)
    assert np.allclose(expected, 1 + found.winning.sum(axis=0), atol=0.05)
    total = found.winning + found.winning.T
    assert np.allclose(total.to_numpy()[~np.eye(4, dtype=bool)], 1)
    pd.testing.assert_frame_equal(b, found.card.rank().acceptability)


def test_the_mean_value_is_that_of_the_draws(found):
    w = np.random.default_rng(3).dirichlet(np.ones(len(found.names)), 40_000)
    assert np.allclose((w @ found.profile.to_numpy()).mean(axis=0), found.value, atol=0.003)
    assert found.weights.sum() == pytest.approx(1)


# --- weights


def test_weights_given_make_one_exact_value(card):
    found = card.rank({"gini": 3, "merge_gain": 1, "hoover": 0})
    expected = (3 * card.normalised().loc["gini"] + card.normalised().loc["merge_gain"]) / 4
    pd.testing.assert_series_equal(found.value, expected, check_names=False)
    assert found.exact and set(np.unique(found.acceptability)) <= {0.0, 1.0}
    assert found.left_out["hoover"] == "no weight" and found.names == ("gini", "merge_gain")
    assert card.rank({"gini": 3e-9, "merge_gain": 1e-9}).value.to_numpy() == pytest.approx(found.value.to_numpy())
    assert card.rank({"gini": 3e100, "merge_gain": 1e100}).order == found.order


def test_weights_may_be_a_series_such_as_those_of_a_ranking(card, found):
    given = card.rank({"gini": 1, "split_gain": 3})
    again = card.rank(given.weights)
    assert again.names == given.names and again.value.to_dict() == pytest.approx(given.value.to_dict())
    assert card.rank(found.weights).value.to_dict() == pytest.approx(found.value.to_dict())
    assert card.rank(pd.Series(["split_gain", "gini"])).basis == "of falling importance"


def test_an_order_of_importance_weighs_what_comes_first_most(card):
    names = ["merge_gain", "gini", "hoover"]
    found = card.rank(names)
    assert np.allclose(found.weights, [11 / 18, 5 / 18, 2 / 18])
    w = -np.sort(-np.random.default_rng(0).dirichlet(np.ones(3), 50_000), axis=1)
    u = w @ found.profile.to_numpy()
    wins = (u[:, :, None] > u[:, None, :] + 1e-9).mean(axis=0)
    assert np.allclose(found.winning, wins, atol=0.01)
    assert np.allclose(found.acceptability[1], (ranked(u) == 0).mean(axis=0), atol=0.02)


def test_twins_count_once(card, found):
    assert {"gini", "jain"} <= set(found.names)
    assert not {"suits", "coefficient_of_variation", "theil", "hhi_of_burdens"} & set(found.names)
    assert found.left_out["coefficient_of_variation"] == "counted once, with jain"
    assert "no value for" in found.left_out["house_absorption"]
    with pytest.raises(DataError, match="one family"):
        card.rank({"jain": 1, "coefficient_of_variation": 1})
    doubled = ao.compare(QUESTION, RULES, metrics=["jain", "coefficient_of_variation", "gini"], measures=[])
    plain = ao.compare(QUESTION, RULES, metrics=["jain", "gini"], measures=[])
    pd.testing.assert_frame_equal(doubled.rank().acceptability, plain.rank().acceptability)


# --- rank reversal and stability

LEVELS = st.lists(st.lists(st.integers(0, 10), min_size=3, max_size=3), min_size=1, max_size=4)


@settings(max_examples=25)
@given(LEVELS, st.integers(0, 2), st.lists(st.integers(0, 5), min_size=4, max_size=4))
def test_a_dominated_scheme_never_reorders_the_rest(levels, above, worse):
    three, fourth = RULES[:3], RULES[3]
    table = {
        f"c{k}": {**dict(zip(three, np.array(row) / 10, strict=True)), fourth: max(0, row[above] - worse[k]) / 10}
        for k, row in enumerate(levels)
    }
    before, after = stated_card(table, three).rank(draws=500), stated_card(table, RULES).rank(draws=500)
    assert [s for s in after.order if s != fourth] == before.order
    pd.testing.assert_series_equal(after.value[three], before.value)
    pd.testing.assert_frame_equal(after.winning.loc[three, three], before.winning)
    # who is first stays so, with the same draws, but where the newcomer ties
    assert (after.acceptability.loc[three, 1] == before.acceptability[1]).all()
    assert (after.shifts.loc[after.shifts.index.isin(before.shifts.index)] == before.shifts).all(axis=None) or (
        after.order[0] == fourth
    )


def test_a_scheme_that_sample_scales_would_reorder_by():
    values = {"pro-rata": 0.9, "talmud": 0.5}, {"pro-rata": 0.5, "talmud": 0.8}
    far = {"constrained-equal-awards": 0.0}
    small = stated_card({"a": values[0], "b": values[1]})
    large = stated_card({"a": values[0] | {"constrained-equal-awards": 0.4}, "b": values[1] | far})

    def span(c):
        low = c.scores.min(axis=1)
        return c.scores.sub(low, axis=0).div(c.scores.max(axis=1) - low, axis=0)

    by_sample = [span(c).mean()[["pro-rata", "talmud"]] for c in (small, large)]
    assert np.sign(by_sample[0].diff().iloc[1]) != np.sign(by_sample[1].diff().iloc[1])  # the trap is real
    assert small.rank().order == [s for s in large.rank().order if s in values[0]]


def test_equal_schemes_share_a_place():
    found = stated_card({"a": {"pro-rata": 0.5, "talmud": 0.5}, "b": {"pro-rata": 0.2, "talmud": 0.2}}).rank()
    assert (found.place == 1).all() and (found.acceptability[1] == 1).all() and (found.winning == 0).all(axis=None)
    assert "talmud has the same" in found.explain()
    assert found.shifts.loc["talmud", "moved"] == 0


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 9)), min_size=1, max_size=4))
def test_the_least_shift_is_that_of_the_linear_program(rows):
    from scipy.optimize import linprog

    d, w = np.array(rows, dtype=float).T
    if not w.any():
        return
    w /= w.sum()
    moved, then = least_shift(d, w)
    m = len(d)
    # w' = w + plus - minus
    answer = linprog(
        np.full(2 * m, 0.5), A_ub=[np.r_[d, -d]], b_ub=[-d @ w], A_eq=[np.r_[np.ones(m), -np.ones(m)]], b_eq=[0],
        bounds=[(0, None)] * m + [(0, v) for v in w],
    )  # fmt: skip
    if d @ w <= 1e-9:
        assert moved == 0
    elif answer.status == 2:
        assert math.isinf(moved)
    else:
        assert moved == pytest.approx(answer.fun, abs=1e-7) and d @ then <= 1e-9
        assert then.sum() == pytest.approx(1) and (then >= -1e-12).all()


def test_stability_leaves_out_criteria_parts_and_payers(card, found):
    table = found.stability(members=2)
    assert table.loc[("nothing", ""), "first"] == found.order[0] and table.loc[("nothing", ""), "tau"] == 1
    assert list(table.loc["criterion"].index) == list(found.names)
    assert list(table.loc["payer"].index) == ["A", "D"] and list(table.loc["part"].index) == ["fairness", "incentives"]
    only = card.rank(criteria=[n for n in found.names if n != "gini"])
    assert table.loc[("criterion", "gini"), "order"] == ", ".join(only.order)
    smaller = ao.compare(ao.LossProblem(80, TABLE.drop("A"), "fund"), RULES, measures=[]).normalised()
    fair = card.rank({"gini": 1, "hoover": 1})
    expected = smaller.loc[["gini", "hoover"]].mean().sort_values(ascending=False, kind="stable")
    assert fair.stability(1).loc[("payer", "A"), "first"] == expected.index[0]
    with pytest.raises(DataError, match="members"):
        found.stability(-1)


def test_a_ranking_meets_the_scenarios():
    card = ao.compare(QUESTION, RULES, measures=[], axioms=False, scenarios=[20, 70, 100, 139])
    found = card.rank(criteria=["gini_of_burdens", "max_burden"])
    assert found.exact
    values = card.criteria["gini_of_burdens"].on_scale(card.ensemble["gini_of_burdens"]).mean(axis=0)
    assert np.allclose(found.profile.loc["gini_of_burdens"], values)
    one_by_one = [
        ao.compare(ao.LossProblem(loss, TABLE, "fund"), RULES, measures=[]).rank(criteria=list(found.names))
        for loss in (20, 70, 100, 139)
    ]
    assert np.allclose(found.acceptability, sum(r.acceptability.to_numpy() for r in one_by_one) / 4)
    assert np.allclose(found.winning, sum(r.winning.to_numpy() for r in one_by_one) / 4)
    drawn = card.rank()
    never = drawn.central_weights.isna().any()
    assert (drawn.confidence[never] == 0).all() and set(drawn.confidence) <= {0.0, 0.25, 0.5, 0.75, 1.0}
    assert "weights and scenarios" in drawn.explain()


def test_groups_of_scenarios_make_the_same_kind_of_answer():
    values = np.random.default_rng(1).random((40, 5, 4))
    one = acceptability(values, np.eye(5), 40_000, np.random.default_rng(0))
    mean = np.mean([acceptability(v[None], np.eye(5), 4000, np.random.default_rng(0)).ranks for v in values], axis=0)
    assert np.allclose(one.ranks, mean, atol=0.02)
    pairs = np.mean([[[(above_zero(v[:, i] - v[:, j])) for j in range(4)] for i in range(4)] for v in values], axis=0)
    assert np.allclose(one.winning, pairs)


# --- reasons and bad input


def test_the_reasons_name_place_chance_sides_and_what_would_change_it(found):
    told = found.explain()
    leader, rival = found.order[0], found.shifts["moved"].idxmin()
    for part in (f"{leader} is number 1 of 4", "It is first under", "Monte Carlo error", "loses most value on",
                 f"{rival} catches up with {leader} when", "counted once, with jain"):  # fmt: skip
        assert part in told, told
    for title in RULES:
        assert title in found.explain(title)
    assert "<table" in found._repr_html_() and leader in repr(found)
    assert list(found.table.index) == found.order and found.table["pareto"].all()


def test_a_beaten_scheme_is_told():
    found = stated_card({"a": {"pro-rata": 0.5, "talmud": 0.4}, "b": {"pro-rata": 0.2, "talmud": 0.2}}).rank()
    assert "better on one: pro-rata" in found.explain("talmud")
    assert "No weights put another scheme ahead" in found.explain() or "catches up" in found.explain()
    assert list(found.pareto) == [True, False]


def test_one_scheme_is_ranked(card):
    alone = ao.compare(QUESTION, ["pro-rata"]).rank()
    assert alone.order == ["pro-rata"] and alone.acceptability.to_numpy().tolist() == [[1.0]]
    assert "number 1 of 1" in alone.explain() and not len(alone.shifts)
    assert (alone.stability()["first"] == "pro-rata").all()


@pytest.mark.parametrize(
    ("call", "words"),
    list(
        itertools.chain(
            [(lambda c, w=w: c.rank(w), "weight|number|NaN|expected") for w in
             ({"gini": -1}, {"gini": math.nan}, {"gini": "2"}, {"gini": 0}, {"gini": math.inf})],
            [
                (lambda c: c.rank({"ginni": 1}), "did you mean 'gini'"),
                (lambda c: c.rank("gini"), "dict of weights"),
                (lambda c: c.rank(3), "dict of weights"),
                (lambda c: c.rank({}), "no criterion is named"),
                (lambda c: c.rank(["gini", "gini"]), "twice"),
                (lambda c: c.rank({"house_absorption": 1}), "no value for 'pro-rata'"),
                (lambda c: c.rank({"gini": 1}, criteria=["gini"]), "leave criteria"),
                (lambda c: c.rank(draws=0), "draws"),
                (lambda c: c.rank(seed=-1), "seed is -1"),
                (lambda c: c.rank(pd.Series([1.0, 2.0], index=["gini", "gini"])), "twice"),
                (lambda c: c.rank().explain("nobody"), "no scheme of this card"),
                (lambda c: ao.compare(QUESTION, RULES, metrics=[], measures=[]).rank(), "no criterion that counts"),
            ],
        )
    ),
)  # fmt: skip
def test_what_cannot_be_ranked_is_said_in_one_line(card, call, words):
    with pytest.raises(DataError, match=words) as fault:
        call(card)
    assert "\n" not in str(fault.value)
