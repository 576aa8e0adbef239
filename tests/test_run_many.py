"""Many losses in one call are what one run after another gives, for every kind of layer and rule."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from allocopt.errors import DataError
from allocopt.facts.event import Event
from allocopt.mechanisms.ensemble import batched
from allocopt.mechanisms.layer import Layer
from allocopt.mechanisms.waterfall import Waterfall
from allocopt.schemes import scheme

CLOSE = 1e-12  # of the loss


def event(n: int = 12, **columns: Any) -> Event:
    rng = np.random.default_rng(7)
    none = [math.nan, math.nan]
    table = pd.DataFrame(
        {
            "role": ["defaulter", "house", *["survivor"] * n],
            "margin": [20.0, math.nan, *rng.lognormal(2, 1, n)],
            "fund": [5.0, math.nan, *rng.lognormal(0, 1, n)],
            "own": [math.nan, 4.0, *[math.nan] * n],
            "gains": [*none, *rng.lognormal(1, 1, n) * (rng.random(n) < 0.7)],
            "bid": [*none, *rng.integers(1, 4, n).astype(float)],
            "caused": [*none, *rng.random(n) * (rng.random(n) < 0.5)],
            **columns,
        },
        index=["D", "CCP", *(f"member {i}" for i in range(n))],
    )
    return Event("toy", loss=100.0, currency="EUR", date=None, payers=table)


LAYERS = (
    Layer("margin", roles="defaulter", cap="margin"),
    Layer("own contribution", roles="defaulter", cap="fund"),
    Layer("direct", roles="survivor", attributed="caused"),
    Layer("skin in the game", roles="house", cap="own"),
    Layer("half the fund", roles="survivor", cap="fund", factor=0.5, key="margin"),
    Layer("the rest by bids", roles="survivor", cap="fund", key="margin", tiers="bid"),
    Layer("calls", roles="survivor", cap="fund", factor=2, resource="calls", key="margin", pari_passu="g"),
    Layer("dedicated amount", payer="CCP Holding", amount=6.0, pari_passu="g"),
    Layer("equal awards", roles="survivor", cap="margin", scheme="constrained-equal-awards", amount=30.0),
    Layer("talmud", roles="survivor", cap="margin", scheme="talmud"),
    Layer("gains", roles="survivor", cap="gains", key="gains"),
    Layer("insurance", payer="Insurer", amount=15.0),
)


def assert_equal_to_runs(waterfall: Waterfall, facts: Event, losses: Any, rows: list[Any] | None = None) -> None:
    """Every row is the run of its loss: by layer, by payer, residual."""
    many = waterfall.run_many(losses, facts)
    for row in range(len(many)) if rows is None else rows:
        loss = {pool: values[row] for pool, values in losses.items()} if isinstance(losses, dict) else losses[row]
        run, most = waterfall.run(facts, loss), CLOSE * max(many.loss.iloc[row], 1e-300)
        assert np.abs(many.by_layer.iloc[row] - run.by_layer).max() <= most
        assert np.abs(many.by_payer.iloc[row] - run.by_payer).max() <= most
        assert abs(many.residual.iloc[row] - run.residual) <= most
        assert np.abs(many.by_role.iloc[row] - run.by_role).max() <= most


def test_the_comparison_sees_a_wrong_row() -> None:
    with pytest.raises(AssertionError):
        waterfall = Waterfall("toy", LAYERS[:4])
        many, run = waterfall.run_many([30.0], event()), waterfall.run(event(), 31.0)
        assert np.abs(many.by_layer.iloc[0] - run.by_layer).max() <= CLOSE * 31


def test_twelve_layers_of_every_kind_agree_with_one_run_after_another() -> None:
    facts, waterfall = event(), Waterfall("toy", LAYERS)
    capacity = waterfall.run(facts, 1e6).by_layer.cumsum()
    # The edges of the layers, where a branch could go the wrong way, and losses in between.
    losses = np.concatenate([[0.0, 1e-9], capacity, capacity * (1 + 1e-9), np.linspace(1, 1.2 * capacity.iloc[-1], 9)])
    assert_equal_to_runs(waterfall, facts, losses)


@pytest.mark.parametrize("scale", [1e-9, 1e12])
def test_the_scale_does_not_matter(scale: float) -> None:
    facts = event()
    table = facts.payers
    table[["margin", "fund", "own", "gains", "caused"]] *= scale
    layers = tuple(x if x.amount is None else x.replace(amount=float(x.amount) * scale) for x in LAYERS)  # type: ignore[arg-type]
    scaled = Event("scaled", loss=1.0, currency="EUR", date=None, payers=table)
    assert_equal_to_runs(Waterfall("toy", layers), scaled, np.array([10.0, 60.0, 150.0]) * scale)


def test_pools_have_losses_of_their_own() -> None:
    layers = (
        Layer("swap fund", roles="survivor", cap="fund", pool="swaps", key="margin"),
        Layer("futures fund", roles="survivor", cap="gains", pool="futures"),
        Layer("own", roles="house", cap="own"),
        Layer("unused gains", roles="survivor", cap="gains"),
    )
    losses = {"swaps": np.array([0.0, 5.0, 90.0]), "futures": np.array([3.0, 80.0, 7.0]), "": np.array([1.0, 0.0, 2.0])}
    assert_equal_to_runs(Waterfall("toy", layers), event(), losses)


def test_a_rule_without_a_batch_is_asked_loss_by_loss_and_says_so() -> None:
    fair = scheme("leximin")
    assert not batched(fair) and batched(scheme("pro-rata")) and not batched(scheme("serial", key="margin"))
    layers = (LAYERS[3], Layer("fund", roles="survivor", cap="fund", scheme=scheme("serial", key="margin")))
    waterfall, losses = Waterfall("toy", layers), np.array([0.0, 3.0, 9.0])
    many = waterfall.run_many(losses, event(4))
    assert many.notes == ("layer 'fund': serial by margin has no batch form; asked loss by loss",)
    assert_equal_to_runs(waterfall, event(4), losses)


@pytest.mark.parametrize("name", ["queue", "piniles", "constrained-equal-losses", "equal-sacrifice"])
def test_rules_with_a_batch_agree_in_a_layer(name: str) -> None:
    chosen = {"score": "margin"} if name == "queue" else {}
    layer = Layer("fund", roles="survivor", cap="fund", scheme=name, parameters=chosen)
    waterfall = Waterfall("toy", (layer, layer.replace(name="again", factor=1.5)))
    assert waterfall.run_many([1.0], event(5)).notes == ()
    assert_equal_to_runs(waterfall, event(5), np.array([0.5, 4.0, 11.0, 80.0]))


def test_the_rows_keep_the_names_of_the_losses() -> None:
    waterfall = Waterfall("toy", LAYERS[:5])
    many = waterfall.run_many(pd.Series([10.0, 50.0], index=["mild", "severe"]), event())
    assert list(many.by_layer.index) == list(many.residual.index) == ["mild", "severe"]
    assert many.loss["severe"] == pytest.approx(many.by_payer.loc["severe"].sum() + many.residual["severe"])
    assert "2 losses" in repr(many)


def test_no_losses_and_nobody_are_ordinary() -> None:
    assert len(Waterfall("toy", LAYERS).run_many([], event())) == 0
    nobody = Event("empty", loss=5, currency="EUR", date=None, payers=pd.DataFrame({"role": []}))
    assert Waterfall("toy", LAYERS).run_many([100.0], nobody).by_payer.iloc[0].to_dict() == {
        "CCP Holding": 6,
        "Insurer": 15,
    }
    assert Waterfall("nothing", ()).run_many([5.0], event()).residual.to_list() == [5.0]


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ([1.0, math.nan], "losses .by scenario.: 1 is NaN"),
        ([-1.0], "0 is -1"),
        ([math.inf], "0 is inf"),
        ([["a"]], "shape"),
        (3.0, "one loss per scenario"),
        (["text"], "not a number"),
        ({}, "no pool"),
        ({"swaps": [1.0]}, "no pool of waterfall 'toy' is called 'swaps'"),
    ],
)
def test_bad_losses_are_named(losses: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Waterfall("toy", LAYERS).run_many(losses, event())


def test_a_bad_layer_is_named_as_in_a_run() -> None:
    with pytest.raises(DataError, match="layer 'fund' is limited by column 'equity'"):
        Waterfall("toy", (Layer("fund", roles="survivor", cap="equity"),)).run_many([1.0], event())
