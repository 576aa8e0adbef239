"""The scorecard repeats what the plain functions say, on fixed scales, and no scheme's score depends on another."""

from __future__ import annotations

import datetime as dt
import io
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocopt as ao
from allocopt import incentives as inc
from allocopt.errors import DataError
from allocopt.judgement.measure import incentive_measures
from allocopt.judgement.metric import fairness_metrics, metric
from allocopt.judgement.ranking import costs, dominance, efficient

RULES = ["pro-rata", "constrained-equal-awards", "constrained-equal-losses", "talmud"]
TABLE = pd.DataFrame(
    {"fund": [60.0, 30.0, 10.0, 40.0], "stress_loss": [30.0, 90.0, 10.0, 20.0], "equity": [30.0, 500.0, 20.0, 90.0]},
    index=["A", "B", "C", "D"],
)


@pytest.fixture(scope="module")
def card():
    return ao.compare(ao.LossProblem(80, TABLE, "fund", "EUR"), [*RULES, ao.scheme("pro-rata", key="stress_loss")])


@pytest.fixture
def event():
    table = TABLE.assign(role="survivor", own=math.nan)
    table.loc["CCP"] = [math.nan, math.nan, math.nan, "house", 7.0]
    question = {"roles": "survivor", "cap": "fund", "loss": 50.0}
    return ao.Event("toy", loss=57, currency="EUR", date=dt.date(2020, 1, 1), payers=table, question=question)


def waterfall(rule="pro-rata", own="own"):
    return ao.Waterfall("toy", (ao.Layer("skin", roles="house", cap=own),
                                ao.Layer("fund", roles="survivor", cap="fund", scheme=rule)))  # fmt: skip


# --- what the tables hold


def test_scores_are_those_of_the_plain_functions(card):
    for title, answer in card.allocations.items():
        pd.testing.assert_series_equal(card.shares[title], answer.shares, check_names=False)
        pd.testing.assert_series_equal(card.burdens[title], answer.burden("fund"), check_names=False)
        for name, one in fairness_metrics().items():
            np.testing.assert_equal(card.scores.loc[name, title], one(answer, "fund"))
        np.testing.assert_equal(card.scores.loc["gini", title], ao.metrics.gini(answer.paid, by=TABLE["fund"]))
        assert card.prices.loc[title, "price"] == answer.price
        assert card.prices.loc[title, "covered"] + card.prices.loc[title, "residual"] == pytest.approx(80)
        assert card.certificates.loc[title, "holds"] and card.certificates.loc[title, "method"] == answer.method


def test_incentives_are_those_of_the_plain_functions(card):
    q = card.question
    for title, answer in card.allocations.items():
        rule, of = answer.scheme, card.incentives[title]
        accounts = (2, 3, 5, 10)
        splits = [inc.split_gain(rule, q, payer, accounts).value for payer in "AD" if answer.shares[payer] > 0]
        assert of["split_gain"] == max(splits)
        assert of["own_price"] == inc.own_price(rule, q, "A", "fund", whole_account=True).value
        assert of["free_riding"] == inc.free_riding(answer, "stress_loss").value
        assert of["follow_on_defaults"] == inc.follow_on_defaults(answer).value
        assert math.isnan(of["house_absorption"])
        assert "house is not among" in card.witnesses.loc["house_absorption", title]


def test_every_number_is_explained(card):
    known = {name: one for name, one in incentive_measures().items() if set(one.needs) <= set(card.facts)}
    for values, meaning, of in (
        (card.scores, card.metrics, fairness_metrics()),
        (card.incentives, card.measures, known),
    ):
        assert list(values.index) == list(meaning.index) == list(of)
        assert list(meaning) == ["label", "direction", "unit", "best", "worst", "of", "formula", "family", "favours"]
        assert not meaning["label"].str.contains("{", regex=False).any() and meaning["label"].is_unique
    assert "burden per unit of fund" in card.metrics.loc["gini", "label"]
    assert (card.witnesses.map(len) > 10).all(axis=None)


def test_witnesses_of_the_card_run_again(card):
    for title, found in card.findings.items():
        one, rule = found["split_gain"], card.allocations[title].scheme
        payer = str(one.payers[0]).split(" ")[0]
        then = rule.allocate(one.problem).shares[list(one.payers)].sum()
        assert one.value == pytest.approx(1 - then / card.shares.loc[payer, title], abs=1e-8), one.witness


def test_tables_are_made_afresh(card):
    for name in ("shares", "burdens", "scores", "incentives", "prices", "certificates"):
        table = getattr(card, name)
        table.iloc[0, 0] = -1.0
        assert getattr(card, name).iloc[0, 0] != -1.0
    with pytest.raises(AttributeError):
        card.by = "equity"


@settings(max_examples=5)
@given(st.permutations(list(range(6))), st.integers(0, 3))
def test_the_order_of_payers_does_not_matter(order, seed):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {"fund": rng.integers(1, 5, 6) * 10.0, "stress_loss": rng.uniform(1, 9, 6)}, index=list("ABCDEF")
    )
    one, other = (ao.compare(ao.LossProblem(70, t, "fund"), RULES) for t in (table, table.iloc[order]))
    pd.testing.assert_frame_equal(one.scores, other.scores, atol=1e-9)
    pd.testing.assert_frame_equal(one.incentives, other.incentives, atol=1e-7)
    assert (one.pareto() == other.pareto()).all()


# --- titles, events, waterfalls


def test_titles_name_the_columns_and_equal_ones_are_numbered():
    q = ao.LossProblem(80, TABLE, "fund")
    assert list(ao.compare(q, ["pro-rata", "talmud", "pro-rata"]).scores) == ["pro-rata", "talmud", "pro-rata (2)"]
    assert list(ao.compare(q, {"ours": "pro-rata", "theirs": ao.scheme("talmud")}).scores) == ["ours", "theirs"]


def test_a_waterfall_is_judged_by_what_it_lays_on_the_payers_of_the_question(event):
    card = ao.compare(event, ["pro-rata", waterfall()])
    run = waterfall().run(event)
    pd.testing.assert_series_equal(card.shares["toy"], run.by_payer[card.shares.index], check_names=False)
    assert list(card.shares.index) == ["A", "B", "C", "D", "CCP"] and card.shares.loc["CCP", "pro-rata"] == 0.0
    assert list(card.allocations) == ["pro-rata"] and list(card.cascades) == ["toy"]
    assert card.event is event and card.question.loss == 50 and list(card.burdens.index) == list("ABCD")
    # Both lay 50 on the survivors in proportion to the fund, so every score agrees, and so do their rewards.
    pd.testing.assert_series_equal(card.scores["toy"], card.scores["pro-rata"], check_names=False, atol=1e-9)
    rewards = card.incentives.drop("house_absorption")
    pd.testing.assert_series_equal(rewards["toy"], rewards["pro-rata"], check_names=False, atol=1e-7)
    assert card.incentives.loc["house_absorption", "toy"] == pytest.approx(7 / 57)
    assert card.prices.loc["toy", "covered"] == 57 and math.isnan(card.prices.loc["toy", "price"])
    assert card.certificates.loc["toy", "kind"] == "waterfall" and card.certificates.loc["toy", "holds"]
    assert card.pareto().all()
    assert "Layer 2" in card.answers["toy"].explain("A")


def test_a_waterfall_that_takes_more_than_the_caps_of_the_question(event):
    more = ao.Layer("assessment", roles="survivor", cap="fund", factor=0.5, resource="assessment")
    deep = ao.Waterfall("deep", (*waterfall().layers, more))
    big = ao.Event("big", loss=170, currency="EUR", date=None, payers=event.payers, question=event.question)
    answer = ao.compare(big, [deep], measures=[]).answers["deep"]
    assert answer.paid.sum() == pytest.approx(163) and (answer.paid <= answer.problem.caps).all()
    assert answer.residual == 0.0 and answer.verify() is answer


def test_a_real_event():
    event = ao.load_event("nasdaq-clearing-2018")
    card = ao.compare(event, ["pro-rata", "talmud", ao.load_model("nasdaq-clearing")], metrics=["gini", "envy"])
    title = next(iter(card.cascades))
    assert card.shares[title].sum() == pytest.approx(114e6) and card.prices.loc["talmud", "covered"] == 107e6
    assert card.incentives.loc["house_absorption", title] == pytest.approx(7 / 114)
    assert list(card.scores.index) == ["gini", "envy"]
    assert "Nasdaq Clearing" in card._repr_html_()


# --- choosing


def toy_costs(**schemes):
    return pd.DataFrame(schemes, index=["one", "two"])


def test_dominance_by_hand():
    c = toy_costs(a=[1.0, 1.0], b=[1.0, 2.0], c=[0.0, 3.0], d=[2.0, 3.0])
    assert efficient(c).to_dict() == {"a": True, "b": False, "c": True, "d": False}
    beats = dominance(c)
    assert [(x, y) for x in c for y in c if beats.loc[x, y]] == [("a", "b"), ("a", "d"), ("b", "d"), ("c", "d")]


def test_equal_schemes_and_rounding_dominate_nobody():
    c = toy_costs(a=[1.0, math.inf], b=[1.0 + 1e-12, math.inf], c=[5.0, 5.0])
    assert efficient(c).all()
    assert efficient(pd.DataFrame(columns=["a", "b"], dtype=float)).all()


def test_each_family_counts_once_and_only_what_every_scheme_has(card):
    compared = card.costs()
    assert "jain" in compared.index and "coefficient_of_variation" not in compared.index
    assert "house_absorption" not in compared.index and "split_gain" in compared.index
    assert compared.loc["jain"].equals(-card.scores.loc["jain"])
    # A split that costs the payer is no better than one that changes nothing.
    assert card.incentives.loc["split_gain", "constrained-equal-awards"] < 0.0
    assert compared.loc["split_gain", "constrained-equal-awards"] == 0.0
    assert costs(card.scores.iloc[:0], card.criteria).empty


def test_a_dominated_scheme_is_told_and_changes_nobody_elses_score():
    q = ao.LossProblem(80, TABLE, "fund")
    chosen = {"metrics": ["gini", "envy", "hoover"], "measures": ["split_gain", "merge_gain"]}
    few = ao.compare(q, RULES, **chosen)
    more = ao.compare(q, [*RULES, ao.scheme("queue", score="fund")], **chosen)
    assert not more.pareto()["queue by fund"] and more.dominance().loc["pro-rata", "queue by fund"]
    pd.testing.assert_frame_equal(few.normalised(), more.normalised()[RULES])
    assert few.pareto().equals(more.pareto()[RULES])


def test_scales_are_fixed(card):
    scale = card.normalised()
    assert scale.notna().all(axis=1).drop("house_absorption").all()
    assert scale.min(axis=None) >= 0.0 and scale.max(axis=None) <= 1.0
    assert scale.loc["gini", "pro-rata"] == pytest.approx(1.0)
    assert scale.loc["gini", "talmud"] == pytest.approx(1 - card.scores.loc["gini", "talmud"])
    assert scale.loc["max_min_ratio", "constrained-equal-losses"] == 0.0  # somebody pays nothing: an infinite ratio
    assert scale.loc["kakwani", "talmud"] == pytest.approx(1 - abs(card.scores.loc["kakwani", "talmud"]) / 2)


# --- a card on many losses


def test_losses_give_every_difference_an_interval():
    q = ao.LossProblem(80, TABLE, "fund")
    losses = np.linspace(10, 130, 25)
    spread = ao.compare(q, RULES, ["gini", "jain"], measures=[], scenarios=losses, seed=3)
    assert spread.ensemble.shape == (25, 8)
    at = spread.ensemble.loc[losses[4], ("gini", "talmud")]
    assert at == ao.metrics.gini(ao.allocate(q.replace(loss=losses[4]), "talmud").paid, by=TABLE["fund"])
    found = spread.uncertainty.loc[("gini", "pro-rata", "constrained-equal-awards")]
    assert found["low"] < found["difference"] < found["high"] < 0 and found["better"] == 1.0
    assert spread.uncertainty.loc[("jain", "pro-rata", "constrained-equal-awards"), "better"] == 1.0
    again = ao.compare(q, RULES, ["gini", "jain"], measures=[], scenarios=losses, seed=3)
    pd.testing.assert_frame_equal(spread.uncertainty, again.uncertainty)


def test_the_bootstrap_is_paired():
    q = ao.LossProblem(80, TABLE, "fund")
    spread = ao.compare(q, ["talmud", "constrained-equal-losses"], ["max_burden"], measures=[],
                        scenarios=np.linspace(10, 130, 25))  # fmt: skip
    row = spread.uncertainty.iloc[0]
    rng, values = np.random.default_rng(0), spread.ensemble["max_burden"]
    one, other = (values[t].to_numpy()[rng.integers(0, 25, (2000, 25))].mean(axis=1) for t in values)
    unpaired = np.diff(np.quantile(one - other, [0.025, 0.975]))[0]
    assert row["high"] - row["low"] < 0.7 * unpaired


def test_ties_and_infinite_scores_are_counted():
    q = ao.LossProblem(50, TABLE, "fund")
    rules = ["pro-rata", ao.scheme("pro-rata", label="twin"), "constrained-equal-losses"]
    spread = ao.compare(q, rules, ["max_min_ratio"], measures=[], scenarios=[10.0, 20.0]).uncertainty
    tie = spread.loc[("max_min_ratio", "pro-rata", "twin")]
    assert tie.to_dict() == {"difference": 0.0, "low": 0.0, "high": 0.0, "better": 0.0, "worse": 0.0, "likely": 0.5}
    assert spread.loc[("max_min_ratio", "twin", "constrained-equal-losses"), "better"] == 1.0


def test_a_waterfall_meets_the_same_losses_beyond_the_house(event):
    spread = ao.compare(event, ["pro-rata", waterfall()], ["gini"], measures=[], scenarios=[20.0, 90.0])
    np.testing.assert_allclose(spread.ensemble[("gini", "toy")], spread.ensemble[("gini", "pro-rata")], atol=1e-12)


def test_uncertainty_needs_losses(card):
    with pytest.raises(DataError, match="pass scenarios"):
        _ = card.uncertainty
    q = ao.LossProblem(80, TABLE, "fund")
    for losses, message in (([1.0], "two or more"), ([1.0, math.nan], "NaN"), ([1.0, -2.0], "-2")):
        with pytest.raises(DataError, match=message):
            ao.compare(q, ["pro-rata"], scenarios=losses)


# --- degenerate questions and bad input


@pytest.mark.parametrize("rows", [0, 1, 2])
@pytest.mark.parametrize("loss", [0.0, 30.0, 1e4])
def test_few_payers_and_any_loss_make_a_card(rows, loss):
    card = ao.compare(ao.LossProblem(loss, TABLE.iloc[:rows], "fund"), RULES)
    assert card.shares.shape == (rows, 4) and card.scores.notna().all(axis=None)
    assert card.incentives.loc["split_gain"].isna().all() == (rows == 0)
    for title in RULES:
        assert card.shares[title].sum() + card.prices.loc[title, "residual"] == pytest.approx(loss)
    assert "<table" in card._repr_html_()


def test_one_scheme_makes_a_card(event):
    card = ao.compare(event, ["pro-rata"])
    assert card.pareto().to_dict() == {"pro-rata": True}
    assert "Pareto" not in card._repr_html_()


def test_the_scale_of_the_amounts_changes_no_score():
    cards = [
        ao.compare(ao.LossProblem(80 * k, TABLE * k, "fund"), [*RULES, ao.scheme("pro-rata", key="stress_loss")])
        for k in (1.0, 1e-6, 1e10)
    ]
    for other in cards[1:]:
        pd.testing.assert_frame_equal(cards[0].scores, other.scores, atol=1e-9)
        pd.testing.assert_frame_equal(cards[0].incentives, other.incentives, atol=1e-6)


def test_the_exposure_is_the_cap_or_the_only_number():
    assert ao.compare(ao.LossProblem(80, TABLE, "fund"), ["pro-rata"], measures=[]).by == "fund"
    assert ao.compare(ao.LossProblem(80, TABLE, "fund"), ["pro-rata"], measures=[], by="equity").by == "equity"
    assert ao.compare(ao.LossProblem(8, TABLE[["fund"]], 9.0), ["pro-rata"], measures=[]).by == "fund"
    with pytest.raises(DataError, match="name the exposure with by="):
        ao.compare(ao.LossProblem(8, TABLE, 9.0), ["pro-rata"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda q: ao.compare(q, []), "schemes is empty"),
        (lambda q: ao.compare(q, "pro-rata"), "give a list"),
        (lambda q: ao.compare(q, ["pro-rate"]), "did you mean 'pro-rata'"),
        (lambda q: ao.compare(q, [3]), "not a int"),
        (lambda q: ao.compare("nasdaq-clearing-2018", ["pro-rata"]), "load it first, load_event"),
        (lambda q: ao.compare(q, ["pro-rata"], by="fnud"), "did you mean 'fund'"),
        (lambda q: ao.compare(q, ["pro-rata"], ["ginny"]), "no fairness metric is called 'ginny'"),
        (lambda q: ao.compare(q, ["pro-rata"], measures=["split"]), "no incentive measure is called 'split'"),
        (lambda q: ao.compare(q, ["pro-rata"], ["split_gain"]), r"name it in measures=\[...\]"),
        (lambda q: ao.compare(q, ["pro-rata"], measures=["gini"]), r"name it in metrics=\[...\]"),
        (lambda q: ao.compare(q, ["pro-rata"], [ao.metrics.gini]), "'gini' is a plain function"),
        (lambda q: ao.compare(q, ["pro-rata"], seed=-1), "seed is -1; give a whole number"),
        (lambda q: ao.compare(q, ["pro-rata"], seed="one"), "seed is 'one'"),
        (lambda q: ao.compare(q, ["pro-rata"], seed=None), "seed is None"),
        (lambda q: ao.compare(q, ["pro-rata"], scenarios=pd.DataFrame([[1.0, 2.0]])), r"shape \(1, 2\); give one loss"),
        (lambda q: ao.compare(q, ["pro-rata"], risk="stress"), "did you mean 'stress_loss'"),
        (lambda q: ao.compare(q, ["pro-rata"], rates=["lever"]), "no amount"),
        (lambda q: ao.compare(q, [waterfall()]), "compare it on the Event"),
        (lambda q: ao.compare(q, ["pro-rata"], problem=q), "goes with an Event"),
        (lambda q: ao.compare("nasdaq", ["pro-rata"]), "an Event or a LossProblem"),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_line(call, message):
    with pytest.raises(DataError, match=message) as fault:
        call(ao.LossProblem(80, TABLE, "fund"))
    assert "\n" not in str(fault.value)


def test_figures_by_payer_are_compared_and_their_incentives_left_open():
    card = ao.compare(ao.LossProblem(80, TABLE, "fund"), [ao.scheme("pro-rata", key=TABLE["equity"])])
    assert card.scores.notna().all(axis=None) and math.isnan(card.incentives.loc["split_gain"].iloc[0])
    assert "figures by payer" in card.witnesses.loc["split_gain"].iloc[0]


def test_a_criterion_of_one_s_own_stands_beside_the_others():
    @metric(title="Heaviest burden", of="the loss", formula="x", direction="lower is better", best=0.0, worst=1.0)
    def heaviest(allocation, by):
        """How much one payer bears."""
        return float(allocation.fractions.max())

    card = ao.compare(ao.LossProblem(80, TABLE, "fund"), RULES, [heaviest, "gini"], measures=["own_price"])
    assert list(card.scores.index) == ["heaviest", "gini"] and list(card.incentives.index) == ["own_price"]
    with pytest.raises(DataError, match="two criteria are called 'gini'"):
        ao.compare(ao.LossProblem(80, TABLE, "fund"), RULES, ["gini", metric(
            title="", of="", formula="", direction="lower is better", best=0.0, worst=1.0)(gini)])  # fmt: skip


def gini(allocation, by):
    """A namesake."""
    return 0.0


# --- how it looks


def test_names_are_text_on_the_page_and_in_the_terminal():
    from rich.console import Console

    table = pd.DataFrame({"fund": [9.0, 5.0]}, index=["<b>", "[red]B[/red]"])
    q = ao.LossProblem(7, table, "fund", about="<i>why</i>")
    card = ao.compare(q, {"<script>x</script>": "pro-rata", "[bold]y[/bold]": "talmud"})
    page = card._repr_html_()
    assert "<b>" not in page and "<script>" not in page and "<i>" not in page
    assert "&lt;script&gt;x&lt;/script&gt;" in page and "&lt;b&gt; splits into" in page
    console = Console(width=200, file=io.StringIO())
    console.print(card)
    text = console.file.getvalue()
    assert "[bold]y[/bold]" in text and "Gini coefficient of burden per" in text
    assert "Pareto-efficient" in text and "talmud" not in text


def test_the_page_marks_the_best_and_tells_the_witness(card):
    page = card._repr_html_()
    assert "● " in page and "splits into" in page and "background:rgba" in page
    assert "http" not in page and "src=" not in page  # opens offline
    assert "Scorecard(EUR 80.00 over 4 payers, by fund: pro-rata" in repr(card)
