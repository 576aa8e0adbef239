"""The figure of a frontier shows the points, the schemes and what they could save, names them, and says whose data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import allocopt as ao
from allocopt.pages import plots
from allocopt.pages.canvas import rendered
from allocopt.pages.plots_frontier import SIZE

TABLE = pd.DataFrame({"fund": [60.0, 30.0, 10.0], "margin": [1.0, 5.0, 3.0]}, index=["A", "B", "C"])
QUESTION = ao.LossProblem(
    50, TABLE, "fund", "EUR", status={"fund": "synthetic"}, about="three members of a house that never was"
)
RULES = ["pro-rata", "constrained-equal-awards", "talmud", "constrained-equal-losses"]


@pytest.fixture(scope="module")
def found() -> ao.Frontier:
    return ao.frontier(QUESTION, "gini", "gini_of_burdens", points=3, schemes=RULES)


def test_what_is_drawn_is_handed_over(found):
    data = plots.frontier_data(found)
    assert set(data["kind"]) == {"frontier", "scheme", "efficient scheme", "could reach"}
    line = data[data["kind"] == "frontier"]
    assert (np.diff(line["gini"]) >= 0).all() and (np.diff(line["gini_of_burdens"]) <= 1e-9).all()
    reach = data[data["kind"] == "could reach"]
    assert set(reach["scheme"]) == {"constrained-equal-losses"}


def test_axes_schemes_and_source_are_named(found):
    ax = found.plot()
    words = [t.get_text() for t in ax.get_legend().get_texts()]
    assert " ".join(ax.get_ylabel().split()) == "Gini coefficient of burdens (lower is better)"
    assert any("pro-rata\ntalmud" in w for w in words), "schemes in one place share one mark"
    assert any("could save 0.22 of gini" in " ".join(w.split()) for w in words)
    small = " ".join(t.get_text() for t in ax.texts)
    assert "never was" in small and "Synthetic: fund" in small and "no division reaches this" in small


@pytest.mark.parametrize("pair", [("jain", "kakwani"), ("gini", "theil"), ("jain", "jain_of_burdens")])
def test_every_direction_and_a_single_point_are_drawn(pair):
    made = ao.frontier(QUESTION, *pair, points=3, schemes=RULES[:2])
    ax = plots.frontier(made)
    (outline,) = [p.get_xy() for p in ax.patches]
    one, other = made.points[0], made.points[-1]
    sides = [axis.direction == "higher is better" for axis in made.axes]
    best = [ends[side] for ends, side in zip((ax.get_xlim(), ax.get_ylim()), sides, strict=True)]
    assert any(np.allclose(corner, best) for corner in outline), "the shade reaches the corner where both are best"
    for point in (one, other):
        at = [point.extras[a.name] for a in made.axes]
        assert np.isclose(outline, at).all(axis=1).any()


def test_three_criteria_are_drawn_in_colour_and_the_bytes_are_the_same_each_time():
    made = ao.frontier(QUESTION, "hoover", "top_share_of_burdens", "gini_of_residual_wealth", by="margin", points=3,
                       schemes=RULES)  # fmt: skip
    first, second = (rendered(lambda ax: plots.frontier(made, ax=ax), SIZE) for _ in range(2))
    assert first == second and first.startswith(b"<?xml")


def test_a_card_draws_its_own():
    card = ao.compare(QUESTION, RULES[:2], metrics=["gini"], measures=[])
    assert (
        card.plot.frontier("hoover", "gini_of_burdens", points=3).get_title(loc="left").startswith("What any division")
    )
