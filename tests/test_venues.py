"""Every rulebook on the shelf: it runs at any loss, loses no cent, keeps its order, and its special clause by hand."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import allocopt as ao
from allocopt.facts.event import Event
from allocopt.mechanisms.asking import ask
from allocopt.mechanisms.cascade import Cascade
from allocopt.mechanisms.cents import in_cents
from allocopt.mechanisms.layer import Layer, PartOf
from allocopt.mechanisms.terms import Terms
from allocopt.mechanisms.walk import stages
from allocopt.mechanisms.waterfall import Waterfall

MODELS = list(ao.models())
RELATIVE = 1e-9


def columns_of(model: Waterfall) -> set[str]:
    """Every column that holds an amount a model asks of an event."""
    asked: set[str] = set()
    for layer in model.layers:
        keys = [layer.key] if isinstance(layer.key, str) else list(layer.key or {})
        part = [layer.amount.of] if isinstance(layer.amount, PartOf) else []
        score = [layer.parameters["score"]] if "score" in layer.parameters else []
        asked |= {c for c in [layer.cap, layer.attributed, *keys, *part, *score] if c}
    return asked


def made_for(model: Waterfall, seed: int = 7) -> Event:
    """A synthetic event with every column the model names, two payers or more in each role, ties and zeros included."""
    rng = np.random.default_rng(seed)
    roles = ["defaulter"] * 2 + ["house"] * 2 + ["insurance fund"] + ["survivor"] * 6 + ["trader"] * 3
    table = pd.DataFrame({"role": roles}, index=[f"{role} {k}" for k, role in enumerate(roles)])
    for column in sorted(columns_of(model)):
        table[column] = np.round(rng.uniform(1.0, 60.0, len(roles)), 2)
        table.loc[["survivor 6", "survivor 7"], column] = 20.0
        table.loc["survivor 8", column] = 0.0
    for layer in model.layers:
        for column, values in layer.only.items():
            other = {"yes": "no", "no": "yes"}.get(str(values[0]), "other")
            table[column] = [str(values[0]) if k % 2 else other for k in range(len(roles))]
        if layer.tiers:
            table[layer.tiers] = [float(k % 3 + 1) for k in range(len(roles))]
    # Amounts that models state themselves are in millions: so are the figures of the event.
    figures = sorted(columns_of(model))
    table[figures] *= 1e6
    return Event("made", loss=1e8, currency=model.currency or "EUR", date=dt.date(2024, 3, 4), payers=table)


def sizes(model: Waterfall, event: Event) -> list[float]:
    """What each stage can bear when all before it are exhausted, from the documents alone: the hand-written road."""
    drawn: dict[tuple[str, str], float] = {}
    found = []
    for stage in stages(model.layers):
        total = 0.0
        for layer in stage:
            held = room(layer, event, drawn)
            most = amount_of(layer, event)
            scale = 1.0 if sum(held.values()) <= most else most / sum(held.values())
            for payer, value in held.items():
                pot = (payer, layer.resource or layer.cap or layer.attributed or layer.name)
                drawn[pot] = drawn.get(pot, 0.0) + value * scale
            total += min(sum(held.values()), most)
        found.append(total)
    return found


def at_stake(held: list[float]) -> float:
    """What all stages can bear; one without a limit counts as a hundred million."""
    return sum(size if math.isfinite(size) else 1e8 for size in held)


def room(layer: Layer, event: Event, drawn: dict[tuple[str, str], float]) -> dict[str, float]:
    if layer.payer:
        return {layer.payer: amount_of(layer, event)}
    table = event.payers[event.payers["role"].isin(layer.roles)]
    for column, values in layer.only.items():
        table = table[table[column].isin(values)]
    cap = layer.cap or layer.attributed
    if cap is None:
        return dict.fromkeys(map(str, table.index), math.inf)
    pot = layer.resource or cap
    return {
        payer: max(layer.factor * float(row[cap]) - drawn.get((payer, pot), 0.0), 0.0)
        for payer, row in table.iterrows()
    }


def amount_of(layer: Layer, event: Event) -> float:
    if isinstance(layer.amount, PartOf):
        return layer.amount.factor * float(event.payers[layer.amount.of].sum())
    return math.inf if layer.amount is None else float(layer.amount)


def losses_for(model: Waterfall, amount: float) -> Any:
    """A loss of no pool, or half of it for each pool where the model has pools."""
    return dict.fromkeys(["", *model.pools], amount / 2) if model.pools else amount


def assert_in_order(run: Cascade, event: Event, model: Waterfall) -> None:
    """No stage pays while one before it that answers for the same loss could still have paid."""
    held = sizes(model, event)
    paid = [sum(float(run.by_layer[layer.name]) for layer in stage) for stage in stages(model.layers)]
    for k, stage in enumerate(stages(model.layers)):
        if paid[k] <= RELATIVE * run.loss:
            continue
        for j, before in enumerate(stages(model.layers)[:k]):
            answers = not before[0].pool or before[0].pool == stage[0].pool
            assert not answers or paid[j] == pytest.approx(held[j], rel=1e-6), (before[0].name, stage[0].name)


# All of them.


@pytest.mark.parametrize("name", MODELS)
def test_a_model_runs_at_every_loss_and_loses_no_cent(name: str) -> None:
    model = ao.load_model(name)
    event = made_for(model)
    held = sizes(model, event)
    whole, endless = at_stake(held), math.isinf(sum(held))
    for part in (0.0, 1e-9, 0.1, 0.35, 0.6, 0.85, 0.999, 1.0, 1.5, 1e3):
        loss = losses_for(model, part * whole)
        run = model.run(event, loss=loss).verify()
        table, left = in_cents(run.way, run.losses, 2)
        cents = table.fillna(0.0).to_numpy()
        assert cents.sum() + sum(left.values()) == pytest.approx(round(run.loss, 2), abs=1e-6)
        assert (cents >= 0).all() and min(left.values()) >= 0
        assert_in_order(run, event, model)
        if not model.pools:
            beyond = 0.0 if endless else max(part - 1.0, 0.0) * whole
            assert run.residual == pytest.approx(beyond, abs=1e-6 * whole)


@pytest.mark.parametrize("name", MODELS)
def test_more_loss_lowers_nobody_s_bill(name: str) -> None:
    model = ao.load_model(name)
    event = made_for(model, seed=3)
    whole = at_stake(sizes(model, event))
    parts = np.linspace(0.0, 1.2, 25)
    losses = losses_for(model, 1.0)
    many = model.run_many(
        {pool: share * parts * whole for pool, share in losses.items()} if model.pools else parts * whole, event
    )
    steps = np.diff(many.by_payer.to_numpy(), axis=0)
    assert steps.min() >= -1e-9 * whole


def test_the_check_of_order_sees_a_layer_that_pays_too_early() -> None:
    model = ao.load_model("stylised-ccp")
    event = made_for(model)
    turned = Waterfall("turned", tuple(reversed(model.layers)))
    with pytest.raises(AssertionError):
        assert_in_order(turned.run(event, loss=3e7), event, model)


def test_the_hand_written_sizes_see_a_changed_factor() -> None:
    model = ao.load_model("eurex-clearing")
    event = made_for(model)
    other = model.replace("assessments", factor=3)
    assert sum(sizes(other, event)) > sum(sizes(model, event))
    assert ask(model["assessments"], event).size({}) == pytest.approx(room_sum(model["assessments"], event))


def room_sum(layer: Layer, event: Event) -> float:
    return sum(room(layer, event, {}).values())


@pytest.mark.parametrize("name", [n for n in MODELS if ao.load_model(n).status != "illustrative"])
def test_every_layer_says_where_it_was_read(name: str) -> None:
    model = ao.load_model(name)
    for layer in model.layers:
        assert list(model.cited(layer)), layer.name
        assert layer.status != "unverified" or layer.note, f"{layer.name}: unverified, and no note says what"
    cited = {key for layer in model.layers for key in layer.sources} | set(model.period.sources)
    assert cited == {source.key for source in model.sources}


def test_the_tutorial_has_every_key_and_points_to_rulebooks_that_say_so() -> None:
    """What the reader of documents asks for is in the tables of docs/add-a-venue.md; each example is on the shelf."""
    page = (Path(__file__).resolve().parents[1] / "docs" / "add-a-venue.md").read_text(encoding="utf-8")
    tables = "\n".join(line for line in page.splitlines() if line.startswith("| "))
    renamed = {"roles": "payers"}
    keys = [renamed.get(f.name, f.name) for f in dataclasses.fields(Layer)] + [
        f.name for f in dataclasses.fields(Terms)
    ]
    for key in [*keys, "schema", "name", "title", "status", "as_of", "currency", "summary", "publisher", "locator"]:
        assert f"`{key}`" in tables or f"[layers.{key}]" in tables, key
    rows = tables[tables.index("| the rulebook says") :].split("| key of")[0].splitlines()[2:]
    named = {name for row in rows for name in re.findall(r"`([a-z0-9-]+)`", row.rsplit("|", 2)[1])}
    assert len(named) > 8 and named <= set(MODELS)


def test_the_venues_with_a_sourced_order_are_on_the_shelf() -> None:
    assert {
        "eurex-clearing", "cme-base", "cme-irs", "ice-clear-credit", "nscc", "sgx-dc", "sgx-cdp", "krx",
        "krx-securities", "krx-otc", "krx-2013", "b3", "nasdaq-clearing", "nasdaq-clearing-rates", "sebi-core-sgf",
        "emir", "lme-clear", "jscc-listed", "occ", "lch-swapclear",
    } <= set(MODELS)  # fmt: skip
