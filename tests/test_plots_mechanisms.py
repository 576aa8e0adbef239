"""The pictures of a waterfall, of many losses and of a period draw any run, and hand over exactly what they draw."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_plots import outside, overlapping, text_boxes, tick_labels

import allocopt as ao
from allocopt.pages import plots

LONG = "a layer whose name runs on and on, as the rulebook has it, $x_i$ and all"


def event(loss: float, **columns: Any) -> ao.Event:
    table = pd.DataFrame(
        {
            "role": ["defaulter", "house", "survivor", "survivor", "survivor"],
            "collateral": [10.0, 0, 0, 0, 0], "own": [0, 5.0, 0, 0, 0], "fund": [4.0, 0, 30, 20, 10],
            "bid": [0, 0, 1.0, 2.0, 2.0], "swaps": [0, 0, 6.0, 0, 2.0], **columns,
        },
        index=["D", "CCP", "A", "B", "C"],
    )  # fmt: skip
    return ao.Event("toy", loss=loss, currency="EUR", date=None, payers=table, status={"fund": "synthetic"})


DEFAULTER = (
    ao.Layer("collateral", roles="defaulter", cap="collateral"),
    ao.Layer("own contribution", roles="defaulter", cap="fund"),
)
SKIN, FUND = ao.Layer("skin", roles="house", cap="own"), ao.Layer("fund", roles="survivor", cap="fund")
TWELVE = (
    *DEFAULTER,
    *(ao.Layer(f"{k}. {LONG}", payer=f"Backer {k}, a company of the group", amount=1.0 + k) for k in range(10)),
)
WATERFALLS = {
    "plain": ao.Waterfall("plain", (*DEFAULTER, SKIN, FUND)),
    "side by side": ao.Waterfall(
        "side by side", (*DEFAULTER, SKIN.replace(pari_passu="both"), FUND.replace(pari_passu="both"))
    ),
    "tiers": ao.Waterfall("tiers", (*DEFAULTER, SKIN, FUND.replace(tiers="bid"))),
    "pools": ao.Waterfall(
        "pools", (*DEFAULTER, FUND.replace(name="swaps' fund", attributed="swaps", pool="swaps"), SKIN)
    ),
    "twelve": ao.Waterfall("twelve", TWELVE),
    "no limit": ao.Waterfall("no limit", (SKIN, FUND.replace(cap=None, key="fund"))),
    "nobody": ao.Waterfall("nobody", (ao.Layer("traders", roles="trader", cap="fund"), SKIN)),
    "no layers": ao.Waterfall("no layers", ()),
}
LOSSES = (0.0, 30.0, 1e12)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    from matplotlib import pyplot

    yield
    pyplot.close("all")


@cache
def period() -> ao.Period:
    """Two defaults with a notice between, all of it paid in again, and a recovery."""
    rules = ao.Waterfall(
        "rules",
        (*DEFAULTER, SKIN.replace(restored_after=5), FUND.replace(period_factor=2.0), ao.Layer(
            "assessments", roles="survivor", cap="fund", resource="assessments", renews="period")),
        period=ao.Terms(length=20),
    )  # fmt: skip
    made = ao.Period(rules)
    made.default(event(40.0), "2024-03-04")
    made.withdraw("C", "2024-03-05")
    second = event(35.0)
    table = second.payers.drop(index="D")
    table.loc["B", ["role", "collateral"]] = ["defaulter", 1.0]
    made.default(ao.Event("second", loss=35, currency="EUR", date=None, payers=table, title="The second"), "2024-03-06")
    made.replenish("2024-03-15")
    made.recover(12.0, "2024-06-03")
    return made


# The waterfall.


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", WATERFALLS)
def test_every_run_is_drawn_and_what_is_drawn_adds_up(name: str, loss: float) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    losses = {"": loss / 2, "swaps": loss / 2} if name == "pools" else loss
    run = WATERFALLS[name].run(event(loss), losses)
    frame = plots.waterfall_data(run)
    assert frame["amount"].iloc[1:].sum() == pytest.approx(loss, rel=1e-12)
    roles = [column for column in frame if column not in ("amount", "left", "group", "state")]
    np.testing.assert_allclose(frame[roles].sum(axis=1).iloc[1:-1], run.by_layer, rtol=1e-12)
    assert plots.flow_data(run)["amount"].sum() == pytest.approx(loss, rel=1e-12)
    for draw in (run.plot, run.plot_flow):
        canvas = FigureCanvasAgg(Figure())
        mine = canvas.figure.subplots()
        assert draw(ax=mine) is mine
        canvas.draw()


def test_the_bars_are_as_long_as_the_layers_and_begin_where_the_last_one_ended() -> None:
    run = WATERFALLS["plain"].run(event(50.0))
    ax = run.plot()
    bars = [bar for bar in ax.patches if bar.get_width() > 0]
    found = {round(bar.get_y() + bar.get_height() / 2): (bar.get_x(), bar.get_width()) for bar in bars}
    assert found[0] == (0.0, 50.0)
    at = 50.0
    for row, paid in enumerate(run.by_layer, 1):
        at -= paid
        assert found[row] == pytest.approx((at, paid))


def test_a_layer_says_whether_it_is_exhausted_empty_or_not_reached() -> None:
    states = plots.waterfall_data(WATERFALLS["plain"].run(event(15.0)))["state"]
    assert states.tolist() == ["", "exhausted", "exhausted", "used in part", "not reached", ""]
    empty = plots.waterfall_data(WATERFALLS["nobody"].run(event(3.0, own=0.0)))["state"]
    assert empty.tolist() == ["", "nobody to pay", "empty", ""]


def test_bands_go_to_the_heaviest_payers_and_to_the_others_and_a_single_payer_is_no_others() -> None:
    run = WATERFALLS["plain"].run(event(79.0))
    frame = plots.flow_data(run, most=2)
    assert set(frame["payer"]) == {"A", "B", "CCP", "D", "C"}, "each left over is the only one of its role"
    few = plots.flow_data(run, most=1)
    assert few.groupby("payer")["amount"].sum()["2 other survivors"] == pytest.approx(run.by_payer[["B", "C"]].sum())
    assert plots.flow_data(run, most=0).groupby("payer")["amount"].sum()["3 survivors"] == 60.0
    assert plots.flow_data(WATERFALLS["plain"].run(event(99.0)))["payer"].iloc[-1] == "borne by nobody"


def test_bars_of_the_flow_are_as_tall_as_what_they_stand_for() -> None:
    run = WATERFALLS["plain"].run(event(79.0))
    heights = sorted(bar.get_height() for bar in run.plot_flow().patches)
    parts = [1.0, *(run.by_layer / 79.0), *(run.by_payer / 79.0)]
    np.testing.assert_allclose(heights, sorted(part for part in parts if part > 0), rtol=1e-12)


@pytest.mark.parametrize("name", ["plain", "side by side", "twelve"])
@pytest.mark.parametrize("picture", ["plot", "plot_flow"])
def test_nothing_of_a_run_is_clipped_or_drawn_over_other_text(name: str, picture: str) -> None:
    ax = getattr(WATERFALLS[name].run(event(75.0)), picture)()
    boxes = text_boxes(ax)
    assert outside(boxes, ax.figure.bbox) == []
    assert overlapping([label.get_window_extent() for label in tick_labels(ax)]) == 0
    written = [text.get_window_extent() for text in ax.texts if text.get_text()]
    assert overlapping(written) == 0


@pytest.mark.parametrize("picture", ["plot", "plot_flow"])
def test_a_run_names_its_unit_and_what_is_synthetic(picture: str) -> None:
    ax = getattr(WATERFALLS["plain"].run(event(75.0)), picture)()
    words = " ".join(text.get_text() for text in ax.texts).replace("\n", " ")
    assert "Synthetic: fund" in words and "EUR" in ax.get_xlabel() and ax.get_title(loc="left")


# The statement.


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", WATERFALLS)
def test_statements_add_up_to_what_each_payer_bears(name: str, loss: float) -> None:
    run = WATERFALLS[name].run(event(loss))
    for payer, borne in run.by_payer.items():
        frame = run.statement(payer)
        assert frame["share"].sum() == pytest.approx(borne, rel=1e-12)
        assert (frame["share"] <= frame["cap"]).all() and (frame["used before"] >= 0).all()
        for layer, line in frame.iterrows():
            assert line["share"] == run.table.loc[layer, payer]


def test_a_statement_says_which_limit_bound() -> None:
    bound = {
        "nothing reached the layer": (WATERFALLS["plain"].run(event(12.0)), "A", "fund"),
        "its cap": (WATERFALLS["plain"].run(event(99.0)), "A", "fund"),
        "the loss, covered here": (WATERFALLS["plain"].run(event(30.0)), "A", "fund"),
        "nothing is left of it": (WATERFALLS["plain"].run(event(30.0, own=0.0)), "CCP", "skin"),
        "tiers before its own bore it": (WATERFALLS["tiers"].run(event(30.0)), "B", "fund"),
        "what is attributed to it": (WATERFALLS["pools"].run(event(0), {"swaps": 30.0}), "A", "swaps' fund"),
        "the layer's part beside its neighbours": (WATERFALLS["side by side"].run(event(30.0)), "A", "fund"),
        "the amount of the layer": (ao.Waterfall("w", (FUND.replace(amount=6.0),)).run(event(30.0)), "A", "fund"),
        "the rule spares it": (
            ao.Waterfall("w", (FUND.replace(scheme="queue", parameters={"score": "bid"}),)).run(event(9.0)), "A", "fund"
        ),
    }  # fmt: skip
    for words, (run, payer, layer) in bound.items():
        assert run.statement(payer).loc[layer, "bound by"] == words


def test_what_was_used_before_is_counted_in_the_run_and_in_the_period() -> None:
    twice = ao.Waterfall("w", (FUND, FUND.replace(name="again", factor=2.0, resource="fund")))
    frame = twice.run(event(90.0)).statement("A")
    assert frame["limit"].tolist() == [30.0, 60.0] and frame["used before"].tolist() == [0.0, 30.0]
    assert frame["cap"].tolist() == [30.0, 30.0] and frame["share"].tolist() == [30.0, 15.0]
    made = ao.Period(ao.Waterfall("w", (FUND,)))
    made.default(event(20.0), "2024-01-02")
    later = made.default(event(20.0), "2024-01-03").statement("A")
    assert later.loc["fund", ["limit", "used before", "cap", "share"]].tolist() == [30.0, 10.0, 20.0, 10.0]


def test_a_statement_for_nobody_known_is_one_clear_error() -> None:
    run = WATERFALLS["plain"].run(event(9.0))
    for stranger in ("Z", None, ["A"]):
        with pytest.raises(ao.DataError, match="no payer is called"):
            run.statement(stranger)
    assert run.statement("B")["share"].sum() == 0 and len(WATERFALLS["nobody"].run(event(9.0)).statement("A")) == 0


# Many losses.


@pytest.mark.parametrize("name", [name for name in WATERFALLS if name not in ("pools", "no layers")])
def test_the_stack_is_as_high_as_the_loss(name: str) -> None:
    found = WATERFALLS[name].run_many([70.0, 0.0, 5.0, 200.0], event(9.0))
    frame = plots.ensemble_data(found)
    assert frame.index.tolist() == [0.0, 5.0, 70.0, 200.0]
    np.testing.assert_allclose(frame.sum(axis=1), frame.index, rtol=1e-12)
    ax = found.plot()
    ax.figure.canvas.draw()
    assert outside(text_boxes(ax), ax.figure.bbox) == []
    assert "EUR" in ax.get_xlabel() and "EUR" in ax.get_ylabel()


@settings(max_examples=20)
@given(st.lists(st.integers(0, 120).map(float), min_size=2, max_size=12))
def test_a_layer_is_exhausted_at_the_sum_of_all_layers_up_to_it(losses: list[float]) -> None:
    found = WATERFALLS["plain"].run_many(sorted(losses), event(9.0))
    exact = pd.Series([10.0, 14.0, 19.0, 79.0], index=found.by_layer.columns)
    known = found.exhaustion.dropna()
    np.testing.assert_allclose(known, exact[known.index], rtol=1e-12)
    shown = exact.index[
        (exact < 0.999 * max(losses)) & np.array([any(e <= x < max(losses) for x in losses) for e in exact])
    ]
    assert set(shown) <= set(known.index)


def test_neighbours_are_exhausted_together_and_pools_at_the_first_loss_that_shows_it() -> None:
    found = WATERFALLS["side by side"].run_many(np.linspace(0, 120, 7), event(9.0)).exhaustion
    assert found[["skin", "fund"]].tolist() == [79.0, 79.0]
    pools = WATERFALLS["pools"].run_many({"": [0.0, 6, 30, 60], "swaps": [0.0, 6, 30, 60]}, event(9.0)).exhaustion
    assert pools["swaps' fund"] in (12.0, 60.0)


def test_an_ensemble_without_a_loss_is_an_empty_frame() -> None:
    for losses in ([], [0.0, 0.0]):
        found = WATERFALLS["plain"].run_many(losses, event(9.0))
        assert found.exhaustion.isna().all()
        assert "no loss to bear" in [text.get_text() for text in found.plot().texts]


# A period.


def test_what_is_left_falls_by_what_is_drawn_and_rises_by_what_is_paid_in() -> None:
    frame = period().timeline
    skin = frame[frame["resource"] == "own"].set_index(["date", "kind"])
    day = dt.date(2024, 3, 4)
    assert skin.loc[(day, "default"), ["drawn", "left", "whole"]].tolist() == [5.0, 0.0, 5.0]
    fund = frame[(frame["resource"] == "fund") & (frame["line"] > 0)]
    first, second = fund.iloc[0], fund[fund["kind"] == "default"].iloc[1]
    assert first["drawn"] == 21.0 and first["left"] == first["whole"] - 21.0
    # B, which had paid 7 of its 20, is in default itself: what is left is that of A and of C.
    assert second["whole"] == 40.0 and second["left"] == pytest.approx(40.0 - 14.0 - second["drawn"])
    again = fund[fund["kind"] == "replenish"].iloc[0]
    assert again["paid in"] == pytest.approx(14.0 + second["drawn"])
    assert fund[fund["kind"] == "recover"]["repaid"].sum() + 0.0 <= 12.0


def test_what_is_left_is_what_another_default_would_find() -> None:
    made = period()
    frame = made.timeline
    for line, day in enumerate((entry.date for entry in made.log), 1):
        if line not in (1, len(made.log)):
            continue
        before = made.until(day)
        latest = event(40.0) if line == 1 else before.log[2].facts["event"]
        run = before.default(latest if line > 1 else ao.Event(
            "next", loss=1e6, currency="EUR", date=None, payers=latest.payers), day, loss=1e6)  # fmt: skip
        for pot, layer in (("own", "skin"), ("fund", "fund"), ("assessments", "assessments")):
            left = frame[(frame["line"] == line) & (frame["resource"] == pot)]["left"].iloc[0]
            assert run.by_layer[layer] == pytest.approx(left), (line, pot)


def test_days_on_which_resources_are_whole_again_stand_in_the_timeline() -> None:
    frame = period().timeline
    alone = frame[frame["line"] == 0].drop_duplicates(["date", "kind"])
    assert ("restored", dt.date(2024, 3, 11)) in set(zip(alone["kind"], alone["date"], strict=True))
    end = period().end
    assert end is not None
    assert ("period over", end + dt.timedelta(days=1)) in set(zip(alone["kind"], alone["date"], strict=True))
    assert frame["date"].is_monotonic_increasing


def test_a_period_is_drawn_with_its_data_and_on_the_axes_given() -> None:
    from matplotlib.figure import Figure

    pd.testing.assert_frame_equal(plots.timeline_data(period()), period().timeline)
    mine = Figure().subplots()
    assert period().plot(ax=mine) is mine
    ax = period().plot()
    boxes = text_boxes(ax)
    assert outside(boxes, ax.figure.bbox) == []
    assert [label.get_text() for label in tick_labels(ax)[-3:]] == ["own", "fund", "assessments"]
    assert "EUR" in ax.get_xlabel()


def test_a_period_without_a_default_is_an_empty_frame() -> None:
    new = ao.Period(WATERFALLS["plain"])
    assert len(new.timeline) == 0
    assert "no default so far" in [text.get_text() for text in new.plot().texts]


def test_a_resource_without_limit_has_no_lane_to_fill() -> None:
    made = ao.Period(WATERFALLS["no limit"])
    made.default(event(30.0), "2024-03-04")
    assert np.isinf(made.timeline["left"].iloc[1])
    assert "no limit" in [text.get_text() for text in made.plot().texts]


def test_defaults_of_one_day_are_in_the_timeline() -> None:
    made = ao.Period(WATERFALLS["plain"])
    table = event(1.0).payers.drop(index="D")
    table.loc["B", "role"] = "defaulter"
    other = ao.Event("other", loss=30.0, currency="EUR", date=None, payers=table)
    made.together([event(20.0), other], "2024-03-04")
    frame = made.timeline
    assert frame["whole"].tolist() == [5.0, 40.0] and frame["kind"].tolist() == ["together"] * 2
