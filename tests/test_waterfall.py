"""Layers in order: what is left goes on, nothing is lost, nothing is used twice, and anyone can see why."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocopt.errors import CertificateError, DataError
from allocopt.facts.event import Event, Source
from allocopt.mechanisms.cascade import Cascade
from allocopt.mechanisms.layer import Layer
from allocopt.mechanisms.waterfall import Waterfall
from allocopt.schemes import scheme
from allocopt.shelf.library import datasets, load_event, load_model, models

RELATIVE = 1e-9  # of the loss: what may be lost to floats between a dozen layers


def event(loss: float = 100.0, currency: str = "EUR", **columns: list[float]) -> Event:
    table = pd.DataFrame(
        {
            "role": ["defaulter", "house", "survivor", "survivor", "survivor"],
            "collateral": [20.0, math.nan, math.nan, math.nan, math.nan],
            "default_fund": [5.0, math.nan, 30.0, 20.0, 10.0],
            "own_capital": [math.nan, 8.0, math.nan, math.nan, math.nan],
            **columns,
        },
        index=["D", "CCP", "A", "B", "C"],
    )
    return Event("toy", loss=loss, currency=currency, date=dt.date(2020, 1, 1), payers=table)


def ladder(**facts: object) -> Waterfall:
    layers = (
        Layer("collateral", roles="defaulter", cap="collateral"),
        Layer("own contribution", roles="defaulter", cap="default_fund"),
        Layer("skin in the game", roles="house", cap="own_capital"),
        Layer("fund", roles="survivor", cap="default_fund", key="default_fund"),
        Layer("assessments", roles="survivor", cap="default_fund", factor=2, resource="promised", key="default_fund"),
    )
    return Waterfall("ladder", layers, **facts)  # type: ignore[arg-type]


def assert_conserved(run: Cascade, tolerance: float = RELATIVE) -> None:
    """Shares and residual add up to the loss, all are >= 0, and no layer takes what did not reach it."""
    table = run.table.to_numpy()
    assert abs(table.sum() + run.residual - run.loss) <= tolerance * max(run.loss, 1e-300)
    assert (table >= 0).all() and run.residual >= 0
    assert (run.steps["paid"] <= run.steps["reached"] + tolerance * run.loss).all()
    assert run.steps["passed on"].iloc[-1] == pytest.approx(run.residual, abs=tolerance * max(run.loss, 1e-300))


def test_the_conservation_check_sees_a_loss_on_the_way() -> None:
    run = ladder().run(event())
    with pytest.raises(AssertionError):
        assert_conserved(dataclasses.replace(run, loss=run.loss + 1))


# Degenerate first.


def test_zero_loss_asks_nobody() -> None:
    run = ladder().run(event(), loss=0.0)
    assert run.by_payer.eq(0).all() and run.residual == 0.0
    assert_conserved(run.verify())


def test_no_layers_leave_everything() -> None:
    run = Waterfall("nothing", ()).run(event())
    assert run.residual == 100.0 and run.by_payer.sum() == 0


def test_a_layer_without_payers_passes_everything_on() -> None:
    empty = Waterfall("w", (Layer("traders", roles="trader", cap="no_such_column", key="nor_this"), *ladder().layers))
    run = empty.run(event())
    assert run.allocations["traders"].problem.n == 0
    assert run.by_payer.to_dict() == ladder().run(event()).by_payer.to_dict()
    assert_conserved(run.verify())


def test_an_event_without_payers_leaves_the_whole_loss() -> None:
    nobody = Event("empty", loss=5, currency="EUR", date=None, payers=pd.DataFrame({"role": []}))
    run = ladder().run(nobody)
    assert run.residual == 5.0 and run.table.shape == (5, 0)


def test_loss_above_all_resources_is_a_residual_not_an_error() -> None:
    run = ladder().run(event(loss=1000))
    assert run.residual == pytest.approx(1000 - 20 - 5 - 8 - 60 - 120)
    assert_conserved(run.verify())


def test_a_layer_with_zero_limits_pays_nothing() -> None:
    run = ladder().run(event(own_capital=[math.nan, 0.0, math.nan, math.nan, math.nan]))
    assert run.by_payer["CCP"] == 0
    assert_conserved(run)


# The order of payment.


def test_each_layer_is_exhausted_before_the_next_pays() -> None:
    paid = {loss: ladder().run(event(), loss=loss).by_layer.to_list() for loss in (15.0, 22.0, 33.0, 63.0, 123.0)}
    assert paid[15.0] == [15, 0, 0, 0, 0]
    assert paid[22.0] == [20, 2, 0, 0, 0]
    assert paid[33.0] == [20, 5, 8, 0, 0]
    assert paid[63.0] == pytest.approx([20, 5, 8, 30, 0])
    assert paid[123.0] == pytest.approx([20, 5, 8, 60, 30])


def test_the_run_agrees_with_a_ladder_worked_by_hand() -> None:
    run = ladder().run(event(loss=123))
    assert run.table.loc["fund"].to_list() == [0, 0, 30, 20, 10]
    assert run.table.loc["assessments"].to_list() == pytest.approx([0, 0, 15, 10, 5])
    assert run.by_role.to_dict() == pytest.approx({"defaulter": 25, "house": 8, "survivor": 90})


def test_an_amount_limits_the_whole_layer() -> None:
    capped = ladder().replace("fund", amount=12.0).replace("assessments", amount=0.0)
    run = capped.run(event())
    assert run.by_layer.to_list() == pytest.approx([20, 5, 8, 12, 0]) and run.residual == pytest.approx(55)
    assert_conserved(run.verify())


def test_a_payer_named_by_the_model_needs_no_row() -> None:
    layers = (Layer("first", payer="Clearing house", amount=30.0), Layer("rest", roles="survivor", cap="default_fund"))
    run = Waterfall("w", layers, currency="EUR").run(event(loss=50))
    assert run.by_payer["Clearing house"] == 30 and run.by_role["house"] == 30
    assert list(run.table.columns) == ["D", "CCP", "A", "B", "C", "Clearing house"]
    assert_conserved(run.verify())


def test_a_payer_named_in_two_layers_brings_two_amounts() -> None:
    layers = tuple(Layer(name, payer="Clearing house", amount=30.0) for name in ("first", "second"))
    assert Waterfall("w", layers, currency="EUR").run(event(loss=50)).by_payer["Clearing house"] == 50


def test_a_layer_without_limit_takes_the_rest() -> None:
    layers = (*ladder().layers, Layer("haircut", roles="survivor", key="default_fund"))
    run = Waterfall("w", layers).run(event(loss=1000))
    assert run.residual == 0 and run.by_layer["haircut"] == pytest.approx(787)
    assert_conserved(run.verify())


# Resources.


def test_no_resource_is_used_twice() -> None:
    layers = (
        Layer("first half", roles="survivor", cap="default_fund", factor=0.5, key="default_fund"),
        Layer("the rest", roles="survivor", cap="default_fund", scheme="constrained-equal-awards"),
        Layer("once more", roles="survivor", cap="default_fund"),
    )
    run = Waterfall("w", layers).run(event(loss=500))
    assert run.by_payer[["A", "B", "C"]].to_list() == pytest.approx([30, 20, 10])
    assert run.by_layer.to_list() == pytest.approx([30, 30, 0])
    assert run.allocations["the rest"].problem.cap_name == "default_fund, not yet drawn"
    assert_conserved(run.verify())


def test_a_resource_of_its_own_name_is_another_pot() -> None:
    run = ladder().run(event(loss=1000))
    assert run.by_payer[["A", "B", "C"]].to_list() == pytest.approx([90, 60, 30])
    shared = ladder().replace("assessments", resource="default_fund").run(event(loss=1000))
    assert shared.by_payer[["A", "B", "C"]].to_list() == pytest.approx([60, 40, 20])


def drawn_from_each_pot(run: Cascade) -> dict[tuple[str, str], float]:
    drawn: dict[tuple[str, str], float] = {}
    for layer in run.layers:
        for payer, share in run.table.loc[layer.name].items():
            drawn[str(payer), layer.pot] = drawn.get((str(payer), layer.pot), 0.0) + share
    return drawn


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    loss=st.one_of(st.just(0.0), st.floats(1e-9, 1e4)),
    funds=st.lists(st.sampled_from([0.0, 1.0, 2.0, 50.0, 1e3]), min_size=3, max_size=3),
    scale=st.sampled_from([1e-6, 1.0, 1e12]),
    rule=st.sampled_from(["pro-rata", "constrained-equal-awards", "constrained-equal-losses", "talmud"]),
)
def test_properties_of_every_run(loss: float, funds: list[float], scale: float, rule: str) -> None:
    """Conservation, resources within limits, and more loss never lowers anybody's bill, at any scale and rule."""
    given_funds = [5.0, math.nan, *funds]
    facts = event(
        collateral=[20.0 * scale, *[math.nan] * 4],
        own_capital=[math.nan, 8.0 * scale, *[math.nan] * 3],
        default_fund=[f * scale for f in given_funds],
    )
    chain = ladder().replace("fund", scheme=rule)
    run = chain.run(facts, loss=loss * scale).verify()
    assert_conserved(run)
    for (payer, pot), drawn in drawn_from_each_pot(run).items():
        column = "default_fund" if pot == "promised" else pot
        limit = facts.payers.loc[payer, column] * (2 if pot == "promised" else 1)
        assert drawn <= (0 if math.isnan(limit) else limit) + RELATIVE * run.loss
    more = chain.run(facts, loss=loss * scale * 1.1)
    assert (more.by_payer >= run.by_payer - RELATIVE * max(more.loss, 1e-300)).all()


@pytest.mark.parametrize("dataset", datasets())
def test_conservation_in_every_model_on_every_dataset_that_fits(dataset: str) -> None:
    facts = load_event(dataset)
    fitting = 0
    for model in models():
        chain = load_model(model)
        try:
            run = chain.run(facts)
        except DataError as unfit:
            assert "column" in str(unfit) or "states its amounts in" in str(unfit)
            continue
        fitting += 1
        assert_conserved(run.verify())
        assert_conserved(chain.run(facts, loss=0.0))
        assert_conserved(chain.run(facts, loss=1e3 * facts.loss))
    # A loan repaid by a levy, a fund nobody was charged for, a default that cost nobody else: no waterfall fits.
    assert fitting or dataset in ("hkfe-1987", "lehman-hkscc-2008", "lehman-swapclear-2008")


def test_the_way_of_a_rulebook_that_comes_back_to_the_house() -> None:
    """The depository pays once before and once between its members (CDP Clearing Rules, 7.9.1)."""
    facts = event(
        loss=100,
        first_contribution=[math.nan, 10.0, math.nan, math.nan, math.nan],
        second_contribution=[math.nan, 15.0, math.nan, math.nan, math.nan],
        collateralised_contribution=[math.nan, math.nan, 30.0, 20.0, 10.0],
        contingent_contribution=[math.nan, math.nan, 10.0, 20.0, 30.0],
    )
    run = load_model("sgx-cdp").run(facts).verify()
    assert run.by_layer.to_list() == pytest.approx([5, 10, 60, 15, 10])
    assert run.table.loc["contingent contributions", ["A", "B", "C"]].to_list() == pytest.approx([10 / 6, 20 / 6, 5])


# What-if.


def test_replace_changes_one_layer_and_nothing_else() -> None:
    chain = ladder(title="A ladder", status="stylised")
    other = chain.replace("fund", scheme="constrained-equal-awards")
    assert chain["fund"].scheme == "pro-rata" and other["fund"].scheme == "constrained-equal-awards"
    assert [layer.name for layer in other.layers] == [layer.name for layer in chain.layers]
    assert other["assessments"] is chain["assessments"]
    run = other.run(event(loss=63))
    assert run.table.loc["fund", ["A", "B", "C"]].to_list() == pytest.approx([10, 10, 10])
    assert run.by_layer.to_list() == pytest.approx(chain.run(event(loss=63)).by_layer.to_list())


def test_replace_takes_a_scheme_object_and_forgets_the_old_key() -> None:
    other = ladder().replace("fund", scheme=scheme("constrained-equal-losses"))
    assert other["fund"].key is None and other["fund"].rule.name == "constrained-equal-losses"
    assert ladder().replace("fund", cap=None, key="default_fund")["fund"].pot == "fund"


def test_a_changed_rulebook_is_no_rulebook() -> None:
    book = load_model("sgx-cdp")
    other = book.replace("collateralised contributions", scheme="talmud")
    assert (book.status, other.status) == ("rulebook", "illustrative")
    assert other.name == "sgx-cdp (collateralised contributions: talmud)"


def test_replace_refuses_what_is_not_there() -> None:
    with pytest.raises(DataError, match="did you mean 'fund'"):
        ladder().replace("fond", scheme="talmud")
    with pytest.raises(DataError, match="did you mean 'scheme'"):
        ladder().replace("fund", schema="talmud")


# Errors that name the layer.


def test_a_missing_column_is_named_with_what_the_event_has() -> None:
    with pytest.raises(DataError, match=r"layer 'fund' is limited by column 'equity'.*'toy' has not.*default_fund"):
        ladder().replace("fund", cap="equity").run(event())


def test_an_unknown_limit_is_an_error_and_not_a_zero() -> None:
    with pytest.raises(DataError, match=r"layer 'fund': column 'default_fund': 'B' is NaN"):
        ladder().run(event(default_fund=[5.0, math.nan, 30.0, math.nan, 10.0]))


def test_a_missing_key_column_names_the_layer() -> None:
    with pytest.raises(DataError, match="layer 'fund': no column of the payers' table is called 'gross'"):
        ladder().replace("fund", key="gross").run(event())


def test_amounts_in_another_currency_are_refused() -> None:
    chain = Waterfall("w", (Layer("first", payer="CCP", amount=1.0),), currency="EUR")
    with pytest.raises(DataError, match="amounts in EUR, event 'toy' is in KRW"):
        chain.run(event(currency="KRW"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"roles": ()}, "either the roles that pay or one payer"),
        ({"payer": "X", "amount": 1.0}, "either the roles that pay or one payer"),
        ({"roles": (), "payer": "X", "cap": None, "key": None}, "its amount"),
        ({"roles": "survivors"}, "did you mean 'survivor'"),
        ({"scheme": "prorata"}, "layer 'fund': no scheme is called 'prorata'; did you mean 'pro-rata'"),
        ({"parameters": {"keys": 1}}, "no parameter of pro-rata is called 'keys'"),
        ({"factor": -1.0}, "factor of layer 'fund' is -1"),
        ({"factor": math.nan}, "factor of layer 'fund' is NaN"),
        ({"cap": None, "factor": 2.0}, "multiplies no cap"),
        ({"amount": -5.0}, "amount of layer 'fund' is -5"),
        ({"status": "sure"}, "status"),
    ],
)
def test_a_bad_layer_says_which_and_why(change: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        ladder()["fund"].replace(**change)


def test_a_rulebook_needs_a_dated_source_on_every_layer() -> None:
    layer = Layer("fund", roles="survivor", cap="default_fund", sources="rule")
    dated, undated = Source("rule", "Rules", date="2024-10-31"), Source("rule", "Rules", date="undated")
    assert Waterfall("w", (layer,), status="rulebook", sources=(dated,)).status == "rulebook"
    with pytest.raises(DataError, match=r"layer 'fund'.*dated source"):
        Waterfall("w", (layer,), status="rulebook", sources=(undated,))
    with pytest.raises(DataError, match=r"layer 'fund'.*dated source"):
        Waterfall("w", (layer.replace(sources=()),), status="rulebook", sources=(dated,))
    with pytest.raises(DataError, match=r"layer 'fund'.*no unverified layer"):
        Waterfall("w", (layer.replace(status="unverified"),), status="rulebook", sources=(dated,))
    with pytest.raises(DataError, match=r"layer 'fund'.*no source is called 'rule'"):
        Waterfall("w", (layer,))


def test_two_layers_of_one_name_are_refused() -> None:
    with pytest.raises(DataError, match="two layers are called 'fund'"):
        Waterfall("w", (ladder()["fund"], ladder()["fund"]))


# Explaining and proving.


def test_every_layer_keeps_an_allocation_that_stands() -> None:
    run = ladder().run(event(loss=123))
    assert list(run.allocations) == [layer.name for layer in run.layers]
    assert all(answer.certificate.holds() for answer in run.allocations.values())
    assert run.verify() is run


def test_verify_finds_a_loss_between_the_layers() -> None:
    run = ladder().run(event(loss=123))
    with pytest.raises(CertificateError, match="lost between the layers"):
        dataclasses.replace(run, loss=run.loss + 1).verify()


def test_verify_names_the_layer_that_does_not_stand() -> None:
    run = ladder().run(event(loss=123))
    wrong = dict(run.allocations)
    wrong["fund"] = wrong["assessments"].__class__(
        **{**{f: getattr(wrong["fund"], f) for f in wrong["fund"].__dataclass_fields__}, "paid": np.array([1.0, 2, 3])}
    )
    with pytest.raises(CertificateError, match="layer 'fund'"):
        dataclasses.replace(run, allocations=wrong).verify()


def test_explain_follows_a_payer_through_the_layers() -> None:
    text = ladder().run(event(loss=123)).explain("A")
    assert "A bears EUR 45.00 of EUR 123.00 under ladder." in text
    assert "Layer 4, fund: A bears EUR 30.00" in text and "Layer 5, assessments: A bears EUR 15.00" in text
    assert "Layer 1" not in text
    with pytest.raises(DataError, match="no payer is called 'Z'"):
        ladder().run(event()).explain("Z")


def test_a_payer_no_layer_names_is_told_so() -> None:
    run = Waterfall("w", (ladder()["fund"],)).run(event(loss=10))
    assert run.explain("D").endswith("No layer names it.")


def test_runs_and_models_read_well_in_a_notebook() -> None:
    run = ladder().run(event(loss=123))
    assert "residual: EUR 0.00" in repr(run) and "<table" in run._repr_html_()
    assert "4. Layer('fund': survivor, up to default_fund, pro-rata by default_fund)" in repr(ladder())
    assert "up to 2 x default_fund" in repr(ladder()["assessments"])


def test_nothing_is_written_to_the_event() -> None:
    facts = event(loss=123)
    before = facts.payers
    ladder().run(facts)
    pd.testing.assert_frame_equal(facts.payers, before)
