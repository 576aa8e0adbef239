"""A ranking shows itself: figures draw what the tables hold, and the page says which scheme, why, and how surely."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from test_pages import Reader, check_self_contained, check_tables
from test_plots import outside, overlapping, text_boxes, tick_labels

import allocopt as ao
from allocopt.judgement.design import Design
from allocopt.judgement.sets import ALL, FAIRNESS, INCENTIVES, PROPORTION, asked
from allocopt.pages import html, markdown, plots, report
from allocopt.pages.blocks import Paragraph
from allocopt.pages.plots_changes import summary
from allocopt.pages.plots_robust import places
from allocopt.pages.section_choice import choice

METRICS = ["gini", "gini_of_burdens", "max_burden", "gini_of_residual_wealth"]
MEASURES = ["own_price", "split_gain"]
RULES = ["pro-rata", "constrained-equal-awards", "constrained-equal-losses", "talmud"]
OF_CARD = ("heatmap", "profile", "dumbbells", "changes")
OF_RANKING = ("acceptability", "profile", "winning", "weights", "stability")


def made(ids: list[str], fund: Any, loss: float, rules: Any = RULES, **choices: Any) -> Any:
    table = pd.DataFrame({"fund": np.asarray(fund, dtype=float)}, index=pd.Index(ids, name="payer"))
    question = ao.LossProblem(loss, table, "fund", "EUR", about="Made up", status={"fund": "synthetic"})
    chosen = {"metrics": METRICS, "measures": MEASURES, "axioms": False} | choices
    return ao.compare(question, rules, **chosen)


MANY = {f"a rule with a long name, cut at {k}/11": ao.scheme("tal-family", theta=k / 11) for k in range(12)}
CARDS = {
    "one payer": lambda: made(["A"], [10], 5.0),
    "nothing to pay": lambda: made(["A", "B"], [10, 5], 0.0, metrics=METRICS, measures=[]),
    "two schemes": lambda: made(["A", "B", "C"], [60, 30, 10], 40.0, RULES[:2]),
    "many": lambda: made([f"A member named {k:02d}" for k in range(40)], np.geomspace(1, 90, 40), 300.0, MANY),
    "losses": lambda: made(["A", "B", "C"], [60, 30, 10], 40.0, scenarios=[10.0, 30.0, 45.0, 70.0, 90.0]),
    "no value": lambda: made(["A", "B"], [10, 5], 4.0, metrics=["max_min_ratio"], measures=["free_riding"]),
}  # fmt: skip


@cache
def ready(name: str) -> Any:
    return CARDS[name]()


@cache
def ranked(name: str) -> Any:
    return ready(name).rank(draws=2000)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    from matplotlib import pyplot

    yield
    pyplot.close("all")


# --- figures


@pytest.mark.parametrize(
    ("name", "of_card", "of_ranking"),
    [("one payer", OF_CARD, OF_RANKING), ("no value", OF_CARD, OF_RANKING),
     ("nothing to pay", ("dumbbells", "changes"), ("acceptability", "weights"))],
)  # fmt: skip
def test_every_figure_draws_on_cards_at_the_edge(
    name: str, of_card: tuple[str, ...], of_ranking: tuple[str, ...]
) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    for subject, figures in ((ready(name), of_card), (ranked(name), of_ranking)):
        for figure in figures:
            canvas = FigureCanvasAgg(Figure())
            getattr(subject.plot, figure)(ax=canvas.figure.subplots())
            canvas.draw()


@pytest.mark.parametrize("figure", ["heatmap", "winning", "stability"])
def test_small_print_under_a_narrow_table_is_not_cut(figure: str) -> None:
    subject = ready("two schemes") if figure == "heatmap" else ranked("two schemes")
    ax = getattr(subject.plot, figure)()
    assert outside(text_boxes(ax), ax.figure.bbox) == []


@pytest.mark.parametrize("figure", [*OF_CARD, *OF_RANKING[2:], "acceptability", "uncertainty"])
def test_nothing_is_clipped_or_printed_over_other_text_and_the_source_is_named(figure: str) -> None:
    name = "losses" if figure == "uncertainty" else "many"
    subject = ready(name) if figure in OF_CARD else ranked(name)
    ax = getattr(subject.plot, figure)()
    boxes = text_boxes(ax)
    assert outside(boxes, ax.figure.bbox) == []
    assert overlapping([label.get_window_extent() for label in tick_labels(ax)]) == 0
    words = " ".join(text.get_text() for text in ax.texts).replace("\n", " ")
    assert "Made up. Synthetic: fund." in words and ax.get_title(loc="left") + ax.get_title()
    assert ax.get_xlabel()


def test_a_figure_is_drawn_on_the_axes_given() -> None:
    from matplotlib import pyplot
    from matplotlib.figure import Figure

    for subject, figure in ((ready("two schemes"), "dumbbells"), (ranked("two schemes"), "acceptability")):
        mine = Figure().subplots()
        assert getattr(subject.plot, figure)(ax=mine) is mine
    assert pyplot.get_fignums() == []


def test_bars_of_ranks_are_the_acceptabilities_in_order_with_their_error() -> None:
    found = ranked("many")
    frame = plots.acceptability_data(found)
    pd.testing.assert_frame_equal(
        frame.drop(columns="error"), found.acceptability.loc[found.order], check_column_type=False
    )
    assert (frame["error"] > 0).all() and "standard error at most" in plots.acceptability(found).get_xlabel()
    exact = ready("many").rank({"gini": 1.0})
    assert (plots.acceptability_data(exact)["error"] == 0).all()
    assert "exact" in plots.acceptability(exact).get_xlabel()


def test_the_profile_is_the_normalised_scores_by_part_with_the_first_schemes_named() -> None:
    card, found = ready("many"), ranked("many")
    frame = plots.profile_data(found)
    assert list(frame.columns) == found.order
    for part, names in (("Fairness", METRICS), ("Incentives", MEASURES)):
        pd.testing.assert_frame_equal(frame.loc[part], card.normalised().loc[names, found.order], check_names=False)
    named = [text.get_text() for text in plots.profile(found).get_legend().get_texts()]
    assert len(named) == 5 and named[-1] == "the other 8" and named[0].startswith("1. ")
    pd.testing.assert_frame_equal(plots.heatmap_data(card).droplevel(0), card.normalised(), check_names=False)


def test_a_profile_leaves_a_gap_where_there_is_no_value_and_needs_no_order() -> None:
    frame = plots.profile_data(ready("no value"))
    assert "free_riding" not in frame.index.get_level_values(1)
    bare = made(["A", "B"], [10, 5], 4.0, metrics=[], measures=["free_riding"])
    assert plots.profile_data(bare).empty
    assert "nothing was measured" in plots.profile(bare).texts[0].get_text()


def test_dumbbells_put_who_pays_more_on_top_and_add_up() -> None:
    card = ready("many")
    one, *_, other = card.answers
    whole = plots.dumbbells_data(card, one, other, most=None)
    assert whole["difference"].is_monotonic_decreasing and whole["difference"].sum() == pytest.approx(0, abs=1e-9)
    pd.testing.assert_series_equal(
        whole["difference"].sort_index(), (card.shares[other] - card.shares[one]).sort_index(), check_names=False
    )
    cut = plots.dumbbells_data(card, one, other, most=9)
    assert list(cut.index[:5]) == list(whole.index[:5]) and list(cut.index[-4:]) == list(whole.index[-4:])
    assert cut.index[5] == "mean of the other 31"
    assert cut.drop(index=cut.index[5]).sum()["difference"] + 31 * cut["difference"].iloc[5] == pytest.approx(
        0, abs=1e-9
    )
    rates = plots.dumbbells_data(card, one, other, by="fund", most=None)
    pd.testing.assert_series_equal(rates[other].sort_index(), card.burdens[other].sort_index(), check_names=False)
    with pytest.raises(ao.DataError, match="set against itself"):
        plots.dumbbells_data(card, one, one)
    with pytest.raises(ao.DataError, match="no scheme of this card is called 'nobody'"):
        plots.dumbbells_data(card, "nobody")
    with pytest.raises(ao.DataError, match="holds one scheme"):
        plots.dumbbells_data(made(["A"], [1], 1, ["pro-rata"]))


def test_changes_are_the_dumbbells_against_one_scheme_and_say_how_much_changes_hands() -> None:
    card = ready("two schemes")
    frame = plots.changes_data(card, "constrained-equal-awards")
    expected = card.shares["pro-rata"] - card.shares["constrained-equal-awards"]
    np.testing.assert_allclose(frame["pro-rata"], expected, atol=1e-12)
    moved = expected.clip(lower=0).sum() / 40
    assert summary(card, frame["pro-rata"]) == f"1 pays more, 2 pay less; {moved:.1%} of the loss changes hands"
    assert summary(card, frame["pro-rata"] * 0) == "nobody pays more or less"


def test_the_house_that_pays_under_a_waterfall_alone_is_a_payer_and_no_money_changes_hands() -> None:
    event = ao.load_event("nasdaq-clearing-2018")
    card = ao.compare(event, ["pro-rata", "talmud", ao.load_model("nasdaq-clearing")], metrics=["gini"], measures=[])
    run = list(card.answers)[-1]
    with_house = plots.dumbbells_data(card, "pro-rata", run, most=None)
    assert len(with_house) == 167 and with_house["difference"].iloc[0] == pytest.approx(7e6)
    assert summary(card, with_house["difference"]).endswith("; 0.0% of the loss changes hands")
    assert len(plots.dumbbells_data(card, "pro-rata", "talmud", most=None)) == 166


def test_central_weights_and_winning_are_drawn_in_order_without_those_never_first() -> None:
    found = ranked("many")
    pd.testing.assert_frame_equal(
        plots.weights_data(found), found.central_weights[found.order].dropna(axis=1, how="all")
    )
    drawn = plots.winning_data(found)
    assert np.isnan(np.diag(drawn)).all()
    assert drawn.iloc[0, 1] == found.winning.loc[found.order[0], found.order[1]]


@settings(max_examples=50)
@given(st.permutations(["a", "a, b", "b", "b, a, c", "c"]))
def test_an_order_written_as_a_line_is_read_back_though_names_hold_commas(order: list[str]) -> None:
    found = places(", ".join(order), ["a", "a, b", "b", "b, a, c", "c"])
    assert ", ".join(found) == ", ".join(order) and sorted(found.values()) == [1, 2, 3, 4, 5]


def test_omissions_that_leave_the_order_alone_are_counted_and_not_drawn() -> None:
    found = ranked("losses")
    frame, whole = plots.stability_data(found), found.stability()
    assert frame.iloc[0].tolist() == [1, 2, 3, 4]
    changed = (whole["order"] != whole["order"].iloc[0]).sum()
    assert len(frame) == changed + 1
    for key in frame.index:
        assert frame.loc[key].idxmin() == whole.loc[key, "first"]
    assert f"{len(whole) - 1 - changed} of {len(whole) - 1} omissions" in plots.stability(found).get_xlabel().replace(
        "\n", " "
    )


# --- uncertainty of the value


def test_the_difference_in_value_is_that_of_the_weighted_scores_loss_by_loss() -> None:
    card, found = ready("losses"), ranked("losses")
    one, other = found.order[:2]
    by_loss = []
    for loss in card.ensemble.index:
        again = ao.compare(card.question.replace(loss=loss), RULES, metrics=METRICS, measures=[], axioms=False)
        scores = again.normalised()
        scores = pd.concat([scores, card.normalised().loc[MEASURES]]).loc[list(found.names)]
        by_loss.append(found.weights @ scores)
    values = pd.DataFrame(by_loss)
    apart = values[one] - values[other]
    row = found.uncertainty.loc[(one, other)]
    assert row["difference"] == pytest.approx(apart.mean(), abs=1e-12)
    assert row["difference"] == pytest.approx(found.value[one] - found.value[other], abs=1e-12)
    assert row["better"] == (apart > 1e-9).mean() and row["worse"] == (apart < -1e-9).mean()
    assert apart.min() <= row["low"] <= row["difference"] <= row["high"] <= apart.max()
    with pytest.raises(ao.DataError, match="made for one loss"):
        _ = ranked("many").uncertainty


def test_a_pair_asked_the_other_way_round_is_the_same_pair() -> None:
    card = ready("losses")
    first = plots.uncertainty_data(card, "gini_of_burdens", "pro-rata").loc["talmud"]
    second = plots.uncertainty_data(card, "gini_of_burdens", "talmud").loc["pro-rata"]
    assert first["difference"] == -second["difference"] and first["low"] == -second["high"]
    assert first["better"] == second["worse"] and first["likely"] == pytest.approx(1 - second["likely"])
    assert card.scores.loc["gini_of_burdens", ["pro-rata", "talmud"]].nunique() == 2
    with pytest.raises(ao.DataError, match="did you mean 'gini'"):
        plots.uncertainty_data(card, "ginni")
    with pytest.raises(ao.DataError, match="no scheme of this card"):
        plots.uncertainty_data(card, None, "nobody")


# --- sets of criteria


def test_what_proportion_has_by_construction_is_found_and_the_order_is_given_without_it() -> None:
    found = ready("losses").rank(draws=500)
    assert found.by_construction == ("gini", "max_burden", "split_gain")
    sets = found.sets()
    assert list(sets) == [ALL, PROPORTION, FAIRNESS, INCENTIVES] and sets[ALL] is found
    assert sets[PROPORTION].names == ("gini_of_burdens", "gini_of_residual_wealth", "own_price")
    assert sets[FAIRNESS].names + sets[INCENTIVES].names == found.names
    assert sets[FAIRNESS].draws == 500


def test_sets_keep_the_kind_of_weights() -> None:
    card = ready("losses")
    weighed = card.rank({"gini": 3.0, "gini_of_burdens": 2.0, "own_price": 1.0}).sets()
    assert weighed[PROPORTION].weights.to_dict() == pytest.approx({"gini_of_burdens": 2 / 3, "own_price": 1 / 3})
    ordered = card.rank(["gini", "own_price", "gini_of_burdens"]).sets()
    assert ordered[PROPORTION].weights.to_dict() == pytest.approx({"own_price": 0.75, "gini_of_burdens": 0.25})
    assert set(card.rank({"own_price": 1.0}).sets()) == {ALL}


def test_a_part_is_what_the_card_ranks_on_those_criteria() -> None:
    card = ready("losses")
    for whole in (card.rank(draws=300), card.rank({"gini": 1, "own_price": 3, "max_burden": 2}, draws=300),
                  card.rank(["own_price", "gini", "max_burden"], draws=300)):  # fmt: skip
        for title, part in whole.sets().items():
            again = card.rank(**asked(whole, part.names), draws=300)
            pd.testing.assert_frame_equal(part.acceptability, again.acceptability)
            assert part.order == again.order and set(part.left_out.index) == set(again.left_out.index), title


def test_a_criterion_that_one_scheme_lacks_stays_in_every_set() -> None:
    event = ao.load_event("nasdaq-clearing-2018")
    card = ao.compare(event, ["pro-rata", "talmud", ao.load_model("nasdaq-clearing")], metrics=["gini"],
                      measures=["house_absorption", "own_price"], axioms=False)  # fmt: skip
    found = card.rank(draws=100)
    assert found.lacking.loc["house_absorption"].tolist() == [True, True, False]
    assert "house_absorption" in found.sets()[INCENTIVES].names
    frame = plots.profile_data(found).xs("house_absorption", level=1)
    assert frame.isna().sum(axis=1).item() == 2
    assert "Some schemes have no value for some criteria: " in " ".join(words(found))


def words(ranking: Any) -> list[str]:
    """The paragraphs of the section on the choice."""
    return [block.text for block in choice(ranking) if isinstance(block, Paragraph) and isinstance(block.text, str)]


# --- the page


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages as their words and tables alone, without the seconds that figures take."""
    monkeypatch.setattr(html, "inline_svg", lambda draw, size, name: f'<svg viewBox="0 0 1 1"><g id="{name}"/></svg>')
    monkeypatch.setattr(markdown, "rendered", lambda draw, size: b"<?xml")


def page_of(card: Any, ranking: Any = None) -> str:
    return Reader(html.render(report.compose(card, ranking=ranking))).text


def test_the_page_says_which_scheme_and_why_with_the_losses(tmp_path: Path) -> None:
    card = ready("losses")
    written = card.report(tmp_path / "page.html").read_text(encoding="utf-8")
    text = check_self_contained(written).text
    found = card.rank()
    for word in (
        "Which scheme, and why", f"Why {found.order[0]}.", "No weights were chosen", "standard error at most",
        "The profile", "Criteria that count, and those that do not", "What would overturn it", "How robust it is",
        "3 of the 6 criteria that count are part of what sharing in proportion to fund means", "Over many losses",
        "All schemes met the same 5 losses", "What the order does not say",
    ):  # fmt: skip
        assert word in text, word
    for figure in ("acceptability", "profile", "winning", "central-weights", "uncertainty"):
        assert f'id="{figure}' in written, figure


def test_markdown_says_the_same_and_the_usual_ranking_is_written_in_short(undrawn: None, tmp_path: Path) -> None:
    written = ready("losses").report(tmp_path / "page.md").read_text(encoding="utf-8")
    check_tables(written)
    assert "Which scheme, and why" in written and "page-acceptability.svg" in written
    assert "ranking=card.rank())" in written
    assert "Which scheme, and why" not in report.write(ready("losses"), tmp_path / "plain.md").read_text(
        encoding="utf-8"
    )


def test_given_weights_are_said_to_be_given_and_the_lines_make_that_page_again(
    undrawn: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    card = ready("losses")
    weighed = card.rank({"gini_of_burdens": 3.0, "own_price": 1.0})
    first = card.report("page.html", ranking=weighed).read_text(encoding="utf-8")
    read = Reader(first)
    assert "The weights are given, not found: Gini coefficient of burdens: 75.0%;" in read.text
    assert "4 other" in read.text or "no weight" in read.text
    lines = read.words[max(k for k, word in enumerate(read.words) if word.startswith("import allocopt"))]
    assert "scenarios=[10.0, 30.0, 45.0, 70.0, 90.0]" in lines and "'own_price': 0.25" in lines
    Path("page.html").unlink()
    exec(lines.replace("...  # the facts described above", "question"), {"question": card.question})
    assert Path("page.html").read_text(encoding="utf-8") == first
    ordered = page_of(card, card.rank(["own_price", "gini"]))
    assert "An order of importance is given: Own price of the next unit of fund of the largest payer, then" in ordered


def test_a_page_has_no_such_section_where_there_is_nothing_to_choose_and_refuses_a_stranger(
    undrawn: None, tmp_path: Path
) -> None:
    alone = made(["A", "B"], [10, 5], 4.0, ["pro-rata"])
    bare = made(["A", "B"], [10, 5], 4.0, metrics=[], measures=["free_riding"])
    for card in (alone, bare):
        assert "Which scheme, and why" not in card.report(tmp_path / "page.md").read_text(encoding="utf-8")
    assert "Which scheme, and why" in page_of(alone, alone.rank()), "asked for, it is there though there is one scheme"
    with pytest.raises(ao.DataError, match="the ranking is of another card"):
        report.compose(alone, ranking=ranked("losses"))


# --- notebooks and terminals


def printed(thing: Any) -> str:
    console = Console(width=110, color_system=None)
    with console.capture() as out:
        console.print(thing)
    return out.get()


def as_wished(question: Any) -> Any:
    """A design as :func:`allocopt.design` returns it, of which one wish came true and one did not."""
    rule = ao.scheme("fair", subject_to=[ao.gini_at_most(0.5, by="fund")])
    columns = ["asked", "reached", "holds", "told"]
    rows = {"few pay more": [0.5, 0.1, True, ""], "near to equal": [0.0, 0.2, False, "the musts allow 0.2"]}
    wishes = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return Design(ao.allocate(question, "pro-rata"), rule, wishes, {"talmud": "talmud", "piniles": "piniles"}, True)


def test_rankings_designs_and_allocations_show_themselves_with_marks_beside_colours() -> None:
    found, question = ranked("losses"), ready("losses").question
    design = as_wished(question)
    answer = ao.allocate(question, "pro-rata")
    for thing in (found, design, answer):
        page, text = thing._repr_html_(), printed(thing)
        read = Reader(page)
        assert read.open == [] and not read.targets and "url(" not in page and "<script" not in page
        assert "EUR" in text or thing is found
    assert (
        "● 1" in printed(found) and "● 1" in found._repr_html_() and found.explain() in Reader(found._repr_html_()).text
    )
    assert "● holds" in printed(design) and design.nearest in printed(design)
    assert "○ the musts allow 0.2" in printed(design) and "○ the musts allow 0.2" in design._repr_html_()
    assert "the other" not in printed(answer) and "20.00" not in repr(answer)


def test_hostile_names_stay_words_in_notebook_and_terminal() -> None:
    hostile = "<img src=x onerror=alert(1)> [bold]x[/bold]"
    card = made([hostile, "B"], [3, 2], 2, {hostile: "pro-rata", "b": "talmud"})
    found = card.rank(draws=100)
    assert "<img" not in found._repr_html_() and "[bold]" in printed(found)
    assert "[bold]" in printed(card.answers["b"]) and "<img" not in card.answers["b"]._repr_html_()


def test_many_payers_are_summed_up_in_a_terminal() -> None:
    text = printed(ready("many").answers[next(iter(MANY))])
    rest = re.search(r"the other 20 +([\d.,]+) +([\d.]+)%", text)
    assert rest is not None and text.count("A member named") == 20
