"""The frontier between criteria is what closed forms, a grid over all divisions and finite differences say it is."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

import allocopt as ao
from allocopt.errors import DataError, InfeasibleError
from allocopt.judgement.axis import Fraction
from allocopt.judgement.convex import CONVEX, NOT_CONVEX
from allocopt.judgement.metric import fairness_metrics, metric

TABLE = pd.DataFrame(
    {"fund": [60.0, 30.0, 10.0], "margin": [1.0, 5.0, 3.0], "size": ["large", "large", "small"]}, index=["A", "B", "C"]
)
QUESTION = ao.LossProblem(50, TABLE, "fund", "EUR")
RULES = ["pro-rata", "constrained-equal-awards", "talmud", "constrained-equal-losses"]


def grid(problem: ao.LossProblem, steps: int = 30) -> np.ndarray:
    """Every division of the loss among three payers on a lattice, within the caps."""
    k = np.arange(steps + 1)
    first, second = (a.ravel() for a in np.meshgrid(k, k))
    inside = first + second <= steps
    cells = np.stack([first[inside], second[inside], steps - first[inside] - second[inside]], axis=1)
    shares = cells * (problem.loss / steps)
    return shares[(shares <= problem.caps + 1e-9).all(axis=1)]


def supports(found: ao.Frontier, shares: np.ndarray, slack: float = 1e-5) -> bool:
    """Whether no division lies below the line through each point with its price as slope, in levels of the rows.

    A fraction is not convex in its level, only its bounds are: there no division is better on both.
    """
    x, y = found.axes
    levels = np.array([[a.level(a.compute(s)) for a in (x, y)] for s in shares])
    for point in found.points[1:]:
        price = point.duals[x.name] * y.steep(point.extras[y.name]) / x.steep(point.extras[x.name])
        at = [a.level(point.extras[a.name]) for a in (x, y)]
        if isinstance(x, Fraction) or isinstance(y, Fraction):
            if (levels < at - slack * np.abs(at)).all(axis=1).any():
                return False
            continue
        if (levels[:, 1] < at[1] + price * (levels[:, 0] - at[0]) - slack * max(1.0, abs(at[1]))).any():
            return False
    return True


def test_the_line_of_support_sees_a_point_that_is_not_efficient():
    found = ao.frontier(QUESTION, "gini", "gini_of_burdens", points=3)
    unfair = ao.within(0.2, of=pd.Series([20.0, 25.0, 5.0], index=list("ABC")))
    wrong = ao.frontier(QUESTION, "gini", "gini_of_burdens", points=3, must=unfair)
    assert supports(found, grid(QUESTION)) and not supports(wrong, grid(QUESTION))


def test_two_payers_by_hand():
    # shares (25 + t, 25 - t), funds 60 and 40: gini by fund |5 - t| / 50, of burdens |t| / 50, so they sum to 1/10
    problem = ao.LossProblem(50, pd.DataFrame({"fund": [60.0, 40.0]}, index=["A", "B"]), "fund")
    found = ao.frontier(problem, "gini", "gini_of_burdens", points=5)
    assert np.allclose(found.table["gini"] + found.table["gini_of_burdens"], 0.1)
    assert np.allclose(found.table["gini"], np.linspace(0, 0.1, 5)) and np.allclose(found.table["price"][:-1], -1.0)
    assert np.allclose(found.shares.loc["A"], np.linspace(30, 25, 5)) and found.table["price"].iloc[-1] == 0


def test_three_payers_by_hand():
    # From pro-rata (30, 15, 5) the largest hands to the smallest up to its cap, slope -10/9, then to the middle, -20/27
    found = ao.frontier(QUESTION, "gini", "gini_of_burdens")
    assert np.allclose(found.shares[0], [30, 15, 5]) and np.allclose(found.shares[10], [20, 20, 10])
    assert set(found.table["price"].round(6)) == {-1.111111, -0.740741, 0.0}
    assert np.allclose(found.table["gini"], np.linspace(0, 0.22, 11), atol=1e-12)
    assert found.table["gap"].max() < 1e-9 and found.verify() is found


@pytest.mark.parametrize(
    ("x", "y", "by"),
    [
        ("gini", "gini_of_burdens", "margin"), ("theil", "gini_of_residual_wealth", "margin"),
        ("jain", "hoover", "margin"), ("max_min_ratio", "hhi_of_burdens", "margin"),
        ("kolm_pollak", "top_share_of_burdens", "fund"), ("envy", "atkinson_of_residual_wealth", "fund"),
        ("suits", "gini_of_burdens", "fund"), ("cvar_of_burden", "kakwani", "margin"),
        ("reynolds_smolensky", "theil", "margin"), ("concentration_index", "gini", "fund"),
    ],
)  # fmt: skip
def test_no_division_on_a_dense_grid_is_beyond_the_frontier_and_the_grid_comes_near(x, y, by):
    found = ao.frontier(QUESTION, x, y, by=by, points=5)
    shares = grid(QUESTION)
    assert supports(found, shares)
    levels = np.array([[a.level(a.compute(s)) for a in found.axes] for s in shares])
    for point in found.points[1:-1]:
        at = [a.level(point.extras[a.name]) for a in found.axes]
        step = 0.08 * np.ptp(levels[np.isfinite(levels).all(axis=1)], axis=0)
        assert (levels <= at + step).all(axis=1).any(), "the grid has something next to every point"


@pytest.mark.parametrize(("x", "y"), [("theil", "gini_of_burdens"), ("jain", "kakwani"), ("gini", "jain_of_burdens")])
def test_the_price_is_the_slope_of_the_frontier(x, y):
    found = ao.frontier(QUESTION, x, y, points=4)
    whole = found.axes
    for point in found.points[1:-1]:
        at, step = whole[0].level(point.extras[x]), 1e-4
        ends = [found.programs.least(1, {0: at + side * step}).paid for side in (-1, 1)]
        dx, dy = (a.compute(ends[1]) - a.compute(ends[0]) for a in whole)
        assert point.duals[x] == pytest.approx(dy / dx, rel=1e-3, abs=1e-6)


def test_the_curve_is_convex_and_its_points_are_their_own_metrics():
    found = ao.frontier(QUESTION, "gini", "theil", by="margin", points=5, must=[ao.gini_at_most(0.5)])
    wide = ao.frontier(QUESTION, "theil", "gini_of_burdens", points=9)
    slopes = np.diff(wide.table["gini_of_burdens"]) / np.diff(wide.table["theil"])
    assert (np.diff(slopes) >= -1e-6).all() and (np.diff(wide.table["gini_of_burdens"]) < 0).all()
    for point in (*found.points, *wide.points):
        assert point.paid.sum() == pytest.approx(50) and (point.paid <= TABLE["fund"]).all()
    for k, paid in wide.shares.items():
        assert wide.table["theil"][k] == ao.metrics.theil(paid, by=TABLE["fund"])
        assert wide.table["gini_of_burdens"][k] == ao.metrics.gini(paid)


def test_a_scheme_is_placed_by_programs_of_its_own():
    found = ao.frontier(QUESTION, "gini", "gini_of_burdens", schemes=RULES, points=3)
    table = found.schemes
    assert table["efficient"].tolist() == [True, True, True, False]
    row = table.loc["constrained-equal-losses"]  # (40, 10, 0): no better than equal awards (20, 20, 10) on either
    assert row["gini"] == pytest.approx(0.22) and row["gini_of_burdens"] == pytest.approx(8 / 15)
    assert row["saves gini"] == pytest.approx(0.22) and row["saves gini_of_burdens"] == pytest.approx(0.4)
    assert row["changes hands"] == pytest.approx(0.2, abs=1e-4) and row["distance"] == pytest.approx(0.4)
    assert np.allclose(found.nearest("constrained-equal-losses"), [30, 15, 5], atol=1e-3)
    assert np.allclose(found.nearest("talmud"), ao.allocate(QUESTION, "talmud").shares)
    assert "could save 0.22 of gini" in found.explain() and "pro-rata: efficient" in found.explain()
    with pytest.raises(DataError, match="nobody"):
        found.nearest("nobody")


def test_a_saving_agrees_with_the_grid():
    found = ao.frontier(QUESTION, "theil", "gini_of_burdens", by="margin", schemes=["talmud"], points=3)
    row, shares = found.schemes.iloc[0], grid(QUESTION, 60)
    values = np.array([[a.compute(s) for a in found.axes] for s in shares])
    for k, name in enumerate(found.names):
        others = values[:, 1 - k] <= row[found.names[1 - k]] + 1e-9
        assert row[name] - values[others, k].min() == pytest.approx(row[f"saves {name}"], abs=0.03)


def test_a_card_places_its_own_answers_waterfalls_too():
    event = ao.load_event("hkfe-1987")
    card = ao.compare(event, [ao.scheme("pro-rata"), "constrained-equal-awards"], measures=[], metrics=["gini"])
    found = card.frontier("hoover", "top_share_of_burdens", points=3)
    assert list(found.schemes.index) == list(card.answers) and found.by == card.by


def test_three_criteria_have_no_point_that_another_beats():
    found = ao.frontier(QUESTION, "gini", "gini_of_burdens", "gini_of_residual_wealth", by="margin", points=3,
                        schemes=["pro-rata"])  # fmt: skip
    values = found.table[found.names].to_numpy()
    for one, other in itertools.permutations(values, 2):
        assert not ((one <= other + 1e-9).all() and (one < other - 1e-6).any())
    every = np.array([[a.compute(s) for a in found.axes] for s in grid(QUESTION, 20)])
    for point in values:
        assert not ((every <= point - 1e-6).all(axis=1)).any()
    assert found.table["gap"].max() < 1e-6 and "price of gini" in found.table and "range over" in found.explain()


def test_musts_bind_every_division():
    solvent = ao.within(0.2, of="pro-rata")
    alike = ao.frontier(QUESTION, "gini", "gini_of_burdens", must=ao.within(0.2), points=3)
    found = ao.frontier(QUESTION, "gini", "gini_of_burdens", must=[solvent], points=3, schemes=RULES[:2])
    nobody = np.zeros(3)
    assert all(solvent.excess(p.paid, QUESTION, nobody) < 1e-6 for p in found.points)
    assert np.isnan(found.schemes.loc["constrained-equal-awards", "distance"])
    assert np.allclose(alike.shares, found.shares)
    with pytest.raises(DataError, match="not a constraint"):
        ao.frontier(QUESTION, "gini", "gini_of_burdens", must=["gini"])
    with pytest.raises(InfeasibleError, match="gini"):
        ao.frontier(QUESTION, "gini", "gini_of_burdens", must=[ao.gini_at_most(0.0), ao.gini_at_most(0.0, by="fund")])


@pytest.mark.parametrize(
    "criterion",
    [
        ao.group_ratio_at_most(2, by="fund"), ao.group_gap_at_most(0, by="fund"), ao.keep_solvent("margin"),
        ao.owa_at_most(3.0, weights=[3, 2, 1]), ao.kl_at_most(0.1, by="margin"), ao.jain_at_least(0.5, by="margin"),
        ao.atkinson_at_most(0.2, 0.5), ao.cvar_at_most(10, 0.5), ao.concentration_between(-0.1, 0.1, by="margin"),
        ao.in_core(ao.games.table([0, 30, 20, 40, 10, 35, 28, 50], players=list("ABC"), kind="cost")),
        ao.kolm_pollak_at_most(10.0, 0.1), ao.within(0.1), "talmud", pd.Series([30.0, 15, 5], index=list("ABC")),
    ],
    ids=str,
)  # fmt: skip
def test_constraints_and_divisions_are_criteria(criterion):
    found = ao.frontier(QUESTION, criterion, "gini", by="margin", points=3)
    assert found.table["gap"].max() < 1e-5 and supports(found, grid(QUESTION, 15))


def test_every_metric_of_the_card_has_its_program_or_its_reason():
    assert set(CONVEX) | set(NOT_CONVEX) == set(fairness_metrics()) and not set(CONVEX) & set(NOT_CONVEX)


@pytest.mark.parametrize("scale", [1e-9, 1e12])
@pytest.mark.parametrize(
    "pair", [("gini", "gini_of_burdens"), ("envy", "top_share_of_burdens"), ("theil", "max_burden")]
)
def test_the_size_of_the_currency_does_not_matter(scale, pair):
    plain = ao.frontier(QUESTION, *pair, points=3)
    table = TABLE.assign(fund=TABLE["fund"] * scale)
    scaled = ao.frontier(ao.LossProblem(50 * scale, table, "fund"), *pair, points=3)
    assert np.allclose(scaled.shares / scale, plain.shares, atol=1e-3)
    assert np.allclose(scaled.table[list(pair)], plain.table[list(pair)], atol=1e-6)


@pytest.mark.parametrize("loss", [0.0, 100.0, 120.0])
def test_no_loss_and_no_choice_are_one_point(loss):
    found = ao.frontier(QUESTION.replace(loss=loss), "gini", "gini_of_burdens", schemes=RULES[:2])
    assert len(found.points) == 1 and found.schemes["efficient"].all() and found.points[0].certificate.holds()
    assert found.points[0].paid.sum() + found.points[0].residual == loss and "no trade-off" in found.explain()


def test_ties_one_payer_and_no_caps_are_ordinary():
    same = ao.LossProblem(30, pd.DataFrame({"fund": [10.0] * 4}), "fund")
    assert len(ao.frontier(same, "gini", "gini_of_burdens").points) == 1
    one = ao.LossProblem(3, pd.DataFrame({"fund": [10.0]}, index=["A"]), "fund")
    assert ao.frontier(one, "gini", "hhi_of_burdens").table.iloc[0, :2].tolist() == [0.0, 1.0]
    free = ao.LossProblem(30, TABLE[["fund"]])
    assert ao.frontier(free, "gini", "gini_of_burdens", points=3).shares[0].tolist() == pytest.approx([18, 9, 3])
    with pytest.raises(DataError, match="somebody has none"):
        ao.frontier(free, "gini", "gini_of_residual_wealth")


def test_one_division_best_on_both_is_a_frontier_of_one_point():
    found = ao.frontier(QUESTION, "gini", "theil")
    assert len(found.points) == 1 and np.allclose(found.points[0].paid, [30, 15, 5], atol=1e-6)


@metric(title="Mine", of="burdens", formula="x", direction="lower is better", best=0.0, worst=None)
def mine(allocation, by):
    """Nobody knows."""
    return 0.0


@pytest.mark.parametrize(
    ("criteria", "words"),
    [
        (("jain", "coefficient_of_variation"), "of one family"), (("gini", "suits"), "of one family"),
        (("gini", "gini"), "of one family"), (("gini", "kendall_tau_b"), "use 'kakwani' or 'suits'"),
        (("gini", mine), "no convex program for it is known"), (("gini", "ginni"), "did you mean 'gini'"),
        (("gini", 3), "no criterion"), (("gini", pd.Series([1.0, 2, 3], index=list("ABC"))), "scale them"),
    ],
)  # fmt: skip
def test_what_cannot_be_traced_is_refused_in_a_line(criteria, words):
    with pytest.raises(DataError, match=words) as refusal:
        ao.frontier(QUESTION, *criteria)
    assert "\n" not in str(refusal.value)


def test_bad_questions_are_refused():
    card = ao.compare(QUESTION, ["pro-rata"], metrics=["gini"], measures=["split_gain"])
    with pytest.raises(DataError, match="what a rule rewards"):
        card.frontier("gini", "split_gain")
    with pytest.raises(DataError, match="not a int"):
        ao.frontier(3, "gini", "theil")
    with pytest.raises(DataError, match="points"):
        ao.frontier(QUESTION, "gini", "gini_of_burdens", points=1)
    with pytest.raises(DataError, match="drop the payer"):
        ao.frontier(ao.LossProblem(5, TABLE.assign(margin=[0.0, 1, 2]), "fund"), "gini", "gini_of_burdens", by="margin")


def test_it_shows_itself():
    found = ao.frontier(QUESTION, "gini", "gini_of_burdens", points=3, schemes=RULES)
    assert "gini against gini_of_burdens" in repr(found) and "<table" in found._repr_html_()
