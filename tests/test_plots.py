"""The figures draw whatever the card holds, on the axes they are given, and hand over exactly what they draw."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import allocopt as ao
from allocopt.pages import plots
from allocopt.pages.canvas import inline_svg, rendered
from allocopt.pages.style import PALETTE, look, plain

FIGURES = ("shares", "burdens", "lorenz", "fairness", "incentives", "pareto")
MEASURES = ["split_gain", "follow_on_defaults"]


def card(
    ids: list[Any], fund: Any, loss: float, rules: Any = ("pro-rata", "constrained-equal-awards"), **choices: Any
) -> Any:
    table = pd.DataFrame({"default_fund": np.asarray(fund, dtype=float)}, index=pd.Index(ids))
    problem = ao.LossProblem(loss, table, cap="default_fund", currency="EUR")
    return ao.compare(problem, list(rules), measures=MEASURES, **choices)


CARDS = {
    "nobody": lambda: card([], [], 5.0, by="default_fund"),
    "one": lambda: card(["A"], [10], 5.0),
    "nothing to pay": lambda: card(["A", "B"], [10, 5], 0.0),
    "nothing to pay with": lambda: card(["A", "B"], [0, 0], 5.0),
    "one with exposure": lambda: card(["A", "B", "C"], [10, 0, 0], 5.0),
    "three": lambda: card(["A", "B", "C"], [60, 30, 10], 50.0),
    "numbers for names": lambda: card([1, 2, 3], [60, 30, 10], 50.0),
    "more loss than caps": lambda: card(["A", "B"], [10, 5], 50.0),
    "tiny": lambda: card(["A", "B"], [1e-6, 3e-6], 2e-6),
    "nine schemes": lambda: card(
        list("ABC"), [60, 30, 10], 50.0, [ao.scheme("tal-family", theta=k / 8, label=f"cut {k}") for k in range(9)]
    ),
}  # fmt: skip


@cache
def ready(name: str) -> Any:
    return CARDS[name]()


@pytest.fixture(scope="module")
def nasdaq() -> Any:
    event = ao.load_event("nasdaq-clearing-2018")
    rules = ["pro-rata", "talmud", ao.scheme("queue", score="net_exposure"), ao.load_model("nasdaq-clearing")]
    return ao.compare(event, rules, measures=MEASURES)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    from matplotlib import pyplot

    yield
    pyplot.close("all")


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("name", CARDS)
def test_every_figure_draws_on_every_card(name: str, figure: str) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    canvas = FigureCanvasAgg(Figure())
    getattr(plots.CardPlots(ready(name)), figure)(ax=canvas.figure.subplots())
    canvas.draw()


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_is_drawn_on_the_axes_given_and_opens_one_only_without(figure: str) -> None:
    from matplotlib import pyplot
    from matplotlib.figure import Figure

    mine = Figure().subplots()
    draw = getattr(plots.CardPlots(ready("three")), figure)
    assert draw(ax=mine) is mine
    assert pyplot.get_fignums() == [], "axes were given, so no figure was to be opened"
    assert draw() is not mine
    assert pyplot.get_fignums() == [1]


@pytest.mark.parametrize("figure", [*FIGURES, "waterfall"])
def test_the_figures_of_a_real_case_name_their_units_and_say_what_is_synthetic(nasdaq: Any, figure: str) -> None:
    ax = getattr(plots.CardPlots(nasdaq), figure)()
    ax.figure.canvas.draw()
    words = " ".join(text.get_text() for text in ax.texts).replace("\n", " ")
    assert "Synthetic: default_fund" in words
    assert ax.get_title(loc="left") or ax.get_title()
    assert ax.get_xlabel()
    if figure in ("shares", "waterfall"):
        assert "EUR million" in ax.get_xlabel()


@pytest.mark.parametrize("figure", [*FIGURES, "waterfall"])
def test_nothing_is_clipped_or_drawn_over_other_text(nasdaq: Any, figure: str) -> None:
    ax = getattr(plots.CardPlots(nasdaq), figure)()
    boxes = text_boxes(ax)
    assert outside(boxes, ax.figure.bbox) == []
    assert overlapping([label.get_window_extent() for label in tick_labels(ax)]) == 0


def tick_labels(ax: Any) -> list[Any]:
    """The labels that are printed: matplotlib also keeps some for ticks beyond the ends of the axis."""
    return [
        label
        for axis in (ax.xaxis, ax.yaxis)
        for at, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True)
        if label.get_text() and min(axis.get_view_interval()) <= at <= max(axis.get_view_interval())
    ]


def text_boxes(ax: Any) -> list[Any]:
    ax.figure.canvas.draw()
    shown = [*ax.texts, *tick_labels(ax), ax.xaxis.label, ax.yaxis.label]
    legend = ax.get_legend()
    shown += [] if legend is None else list(legend.get_texts())
    return [text.get_window_extent() for text in shown if text.get_text()]


def outside(boxes: list[Any], page: Any) -> list[Any]:
    slack = 2.0  # pixels: extents are rounded outward
    return [b for b in boxes if b.x0 < page.x0 - slack or b.y0 < page.y0 - slack
            or b.x1 > page.x1 + slack or b.y1 > page.y1 + slack]  # fmt: skip


def overlapping(boxes: list[Any]) -> int:
    return sum(a.padded(-1).overlaps(b.padded(-1)) for k, a in enumerate(boxes) for b in boxes[:k])


def test_the_checks_of_layout_see_clipped_and_overlapping_text() -> None:
    from matplotlib.transforms import Bbox

    page = Bbox([[0, 0], [100, 100]])
    assert len(outside([Bbox([[-20, 0], [10, 10]])], page)) == 1
    assert overlapping([Bbox([[0, 0], [10, 10]]), Bbox([[5, 5], [15, 15]])]) == 1


def test_the_named_payers_and_the_mean_of_the_others_make_up_the_loss(nasdaq: Any) -> None:
    frame = plots.shares_data(nasdaq, most=15)
    others = len(nasdaq.shares) - 15
    assert frame.index[-1] == f"mean of the other {others}"
    whole = frame.iloc[:-1].sum() + frame.iloc[-1] * others
    np.testing.assert_allclose(whole, nasdaq.shares.sum(), rtol=1e-12)


@pytest.mark.parametrize("most", [166, 167, 168])
def test_a_single_payer_is_never_called_the_others(nasdaq: Any, most: int) -> None:
    assert len(plots.shares_data(nasdaq, most)) == len(nasdaq.shares)


@pytest.mark.parametrize("groups", [1, 7, 8, None])
def test_groups_of_payers_bear_what_their_payers_bear(nasdaq: Any, groups: int | None) -> None:
    frame = plots.burdens_data(nasdaq, groups)
    exposure = np.sort(nasdaq.question.column("default_fund"))[::-1]
    count = len(exposure) if groups is None else groups
    assert len(frame) == count
    sizes = [part.sum() for part in np.split(exposure, _edges(len(exposure), count))]
    np.testing.assert_allclose(frame["pro-rata"] @ np.array(sizes), 107e6, rtol=1e-12)
    np.testing.assert_allclose(frame["pro-rata"], frame["pro-rata"].iloc[0], rtol=1e-12)


def _edges(n: int, groups: int) -> list[int]:
    place = np.arange(n) * groups // n
    return list(np.flatnonzero(np.diff(place)) + 1)


def test_lorenz_curves_run_from_nothing_to_everything_and_proportion_is_the_diagonal(nasdaq: Any) -> None:
    frame = plots.lorenz_data(nasdaq)
    for scheme in nasdaq.shares.columns:
        curve = frame.loc[scheme]
        assert curve.iloc[0].tolist() == [0, 0] and curve.iloc[-1].tolist() == [1, 1]
        assert (curve["loss"] <= curve["exposure"] + 1e-9).all()
    diagonal = frame.loc["pro-rata"]
    np.testing.assert_allclose(diagonal["loss"], diagonal["exposure"], atol=1e-12)


def test_the_waterfall_goes_from_the_loss_to_the_residual(nasdaq: Any) -> None:
    run = next(iter(nasdaq.cascades.values()))
    frame = plots.waterfall_data(run)
    assert frame["amount"].iloc[0] == 114e6
    assert frame["amount"].iloc[1:].sum() == pytest.approx(114e6, rel=1e-12)
    assert frame["left"].iloc[-2] == pytest.approx(run.residual, abs=1e-6)


def test_colours_of_scores_are_the_normalised_scores_of_the_card(nasdaq: Any) -> None:
    both = pd.concat([plots.fairness_data(nasdaq), plots.incentives_data(nasdaq)])
    pd.testing.assert_frame_equal(both, nasdaq.normalised())
    finite = both.to_numpy()[np.isfinite(both.to_numpy())]
    assert ((finite >= 0) & (finite <= 1)).all()


def test_pareto_plots_the_criteria_asked_for_and_the_flags_of_the_card(nasdaq: Any) -> None:
    frame = plots.pareto_data(nasdaq, fairness="hoover", incentive="follow_on_defaults")
    assert list(frame.columns) == ["hoover", "follow_on_defaults", "efficient"]
    assert frame["efficient"].tolist() == nasdaq.pareto().tolist()
    with pytest.raises(ao.DataError, match="did you mean 'hoover'"):
        plots.pareto_data(nasdaq, fairness="hover")


def test_by_default_pareto_takes_criteria_on_which_the_schemes_differ() -> None:
    made = ready("three")
    across, up, _ = plots.pareto_data(made).columns
    assert made.scores.loc[across].nunique() > 1
    assert up in made.incentives.index


def test_a_card_without_that_waterfall_says_so(nasdaq: Any) -> None:
    with pytest.raises(ao.DataError, match="compares no waterfall"):
        plots.CardPlots(ready("three")).waterfall()
    with pytest.raises(ao.DataError, match="no waterfall of this card is called 'eurex'"):
        plots.CardPlots(nasdaq).waterfall("eurex")


def test_names_are_wrapped_and_never_read_as_formulas() -> None:
    hostile = card(["$x_1$ and $", "a" * 80, "line\nbreak", ""], [4, 3, 2, 1], 5.0)
    ax = plots.shares(hostile)
    ax.figure.canvas.draw()
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[0] == r"\$x_1\$ and \$"
    assert max(len(line) for name in names for line in name.split("\n")) <= 32
    assert plain("one two three four", width=9, lines=2).count("\n") == 1


def test_schemes_keep_their_look_and_the_first_are_told_apart() -> None:
    looks = [look(k) for k in range(7)]
    assert len({style.color for style in looks}) == 7 and len({style.marker for style in looks}) == 7
    assert len({look(k) for k in range(28)}) == 28
    assert {style.color for style in looks} > set(PALETTE)


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_the_same_figure_has_the_same_bytes_whatever_the_reader_has_set(nasdaq: Any, kind: str) -> None:
    import matplotlib

    def draw(ax: Any) -> Any:
        return plots.burdens(nasdaq, ax=ax)

    first = rendered(draw, (7.6, 3.8), kind)
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "lines.linewidth": 9}):
        assert rendered(draw, (7.6, 3.8), kind) == first


def test_an_inline_figure_loads_nothing_and_has_ids_of_its_own(nasdaq: Any) -> None:
    one, two = (inline_svg(lambda ax: plots.lorenz(nasdaq, ax=ax), (6, 4), name) for name in ("one", "two"))
    assert "http" not in one and "<metadata" not in one and one.startswith("<svg viewBox=")
    assert "var(--ink)" in one
    assert not _ids(one) & _ids(two) and _ids(one)
    assert all(used in _ids(one) for used in _used(one))


def _ids(svg: str) -> set[str]:
    return set(re.findall(r'\bid="([^"]*)"', svg))


def _used(svg: str) -> set[str]:
    return set(re.findall(r'href="#([^"]*)"', svg)) | set(re.findall(r"url\(#([^)]*)\)", svg))


def test_importing_the_pages_loads_neither_the_plotting_library_nor_the_modelling_layer() -> None:
    code = (
        "import sys, allocopt, allocopt.pages, allocopt.pages.plots, allocopt.pages.report; "
        "print(*(name for name in ('matplotlib', 'cvxpy', 'numba') if name in sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""
