"""Layers side by side, by tier, by pool, by attribution, with parts of totals: each in money, in cents and in words."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocopt.errors import CertificateError, DataError
from allocopt.facts.event import Event
from allocopt.facts.rounding import apportioned, whole_units
from allocopt.mechanisms.cascade import Cascade
from allocopt.mechanisms.layer import Layer, PartOf
from allocopt.mechanisms.waterfall import Waterfall

RELATIVE = 1e-9


def event(loss: float = 100.0, **columns: Any) -> Event:
    table = pd.DataFrame(
        {
            "role": ["house", "survivor", "survivor", "survivor"],
            "fund": [math.nan, 30.0, 20.0, 10.0],
            "own": [40.0, math.nan, math.nan, math.nan],
            "bid": [math.nan, 2.0, 1.0, 2.0],
            "service": ["", "swaps", "futures", "swaps"],
            "caused": [math.nan, 4.0, 8.0, 0.0],
            **columns,
        },
        index=["CCP", "A", "B", "C"],
    )
    return Event("toy", loss=loss, currency="EUR", date=dt.date(2024, 1, 5), payers=table)


def members(**facts: Any) -> Layer:
    stated = {"name": "fund", "roles": "survivor", "cap": "fund", **facts}
    return Layer(**stated)


def house(**facts: Any) -> Layer:
    return Layer(**{"name": "own", "roles": "house", "cap": "own", **facts})


def chain(*layers: Layer) -> Waterfall:
    return Waterfall("toy", layers)


# Side by side.


def test_layers_side_by_side_pay_in_proportion_to_their_sizes() -> None:
    """The clearing house's L*F/(A+F) beside the members' L*A/(A+F)."""
    run = chain(members(pari_passu="g"), house(pari_passu="g")).run(event(loss=50)).verify()
    assert run.by_layer.to_dict() == pytest.approx({"fund": 50 * 60 / 100, "own": 50 * 40 / 100})
    assert run.by_payer.to_dict() == pytest.approx({"CCP": 20, "A": 15, "B": 10, "C": 5})
    assert run.splits["g"].certificate.holds()


def test_side_by_side_all_are_exhausted_at_once() -> None:
    pair = chain(members(pari_passu="g"), house(pari_passu="g"))
    assert pair.run(event(loss=100)).by_layer.to_dict() == {"fund": 60, "own": 40}
    run = pair.run(event(loss=130))
    assert run.by_layer.to_dict() == {"fund": 60, "own": 40} and run.residual == 30


def test_a_stated_weight_is_spread_again_when_a_size_binds() -> None:
    """Own funds bear a quarter until the members are exhausted, then the rest."""
    pair = chain(members(pari_passu="g", weight=0.75), house(pari_passu="g", weight=0.25))
    assert pair.run(event(loss=40)).by_layer.to_dict() == pytest.approx({"fund": 30, "own": 10})
    assert pair.run(event(loss=90)).by_layer.to_dict() == pytest.approx({"fund": 60, "own": 30})


def test_a_layer_that_bears_less_than_its_limits_leaves_the_rest_to_its_neighbour() -> None:
    """A member with a key of zero bears nothing, so the fund is worth 30 and not 60."""
    fund = members(pari_passu="g", key="weight")
    run = chain(fund, house(pari_passu="g")).run(event(loss=70, weight=[math.nan, 1.0, 0.0, 0.0])).verify()
    assert run.by_layer.to_dict() == pytest.approx({"fund": 30, "own": 40}) and run.residual == 0
    many = chain(fund, house(pari_passu="g")).run_many([35.0, 51.0], event(weight=[math.nan, 1.0, 0.0, 0.0]))
    assert many.by_layer.to_numpy() == pytest.approx(np.array([[21, 14], [30, 21]]))


def test_layers_around_a_group_keep_their_order() -> None:
    layers = (Layer("first", payer="X", amount=7.0), members(pari_passu="g"), house(pari_passu="g"),
              Layer("last", payer="X", amount=9.0))  # fmt: skip
    assert chain(*layers).run(event(loss=7)).by_layer.to_list() == [7, 0, 0, 0]
    assert chain(*layers).run(event(loss=57)).by_layer.to_list() == pytest.approx([7, 30, 20, 0])
    assert chain(*layers).run(event(loss=110)).by_layer.to_list() == pytest.approx([7, 60, 40, 3])


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((members(pari_passu="g"),), "no neighbour is in group 'g'"),
        ((members(pari_passu="g"), house(), members(name="x", pari_passu="g")), "not neighbours|no neighbour"),
        ((members(pari_passu="g"), house(pari_passu="g", weight=1.0)), "some layers of group 'g' have a weight"),
        ((members(pari_passu="g"), house(pari_passu="g", pool="p")), "different pools"),
    ],
)
def test_a_group_that_is_none_says_why(layers: tuple[Layer, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        chain(*layers)


def test_a_group_needs_sizes_or_weights_and_pots_of_its_own() -> None:
    endless = Layer("haircut", roles="survivor", key="fund", pari_passu="g")
    with pytest.raises(DataError, match=r"layer 'haircut' has no limit.*give every layer of group 'g' a weight"):
        chain(endless, house(pari_passu="g")).run(event())
    with pytest.raises(DataError, match=r"draws on 'fund' of 'A' side by side with 'fund'; give each a resource"):
        chain(members(pari_passu="g"), members(name="again", pari_passu="g")).run(event())


# Tiers.


def test_a_tier_is_exhausted_before_the_next_is_touched() -> None:
    tiered = chain(members(tiers="bid"))
    paid = {
        loss: tiered.run(event(loss=loss)).verify().by_payer[["A", "B", "C"]].to_list() for loss in (10, 20, 40, 70)
    }
    assert paid == {10: [0, 10, 0], 20: [0, 20, 0], 40: pytest.approx([15, 20, 5]), 70: [30, 20, 10]}


def test_tiers_agree_with_layers_of_one_tier_each() -> None:
    """The same rule written as two layers that choose their payers."""
    two = chain(members(only={"bid": 1}), members(name="second", only={"bid": [2, 3]}))
    for loss in (0.0, 5.0, 20.0, 33.3, 60.0, 80.0):
        one, other = chain(members(tiers="bid")).run(event(loss=loss)), two.run(event(loss=loss))
        assert one.by_payer.to_dict() == pytest.approx(other.by_payer.to_dict(), abs=1e-12)
        assert one.residual == pytest.approx(other.residual)


def test_weights_within_a_tier_need_not_be_caps() -> None:
    """Bids below the reference: weight is distance times deposit, cap the deposit; what a cap cuts is spread again."""
    run = (
        chain(members(tiers="bid", key="distance")).run(event(loss=45, distance=[math.nan, 300.0, 1.0, 100.0])).verify()
    )
    assert run.by_payer[["A", "B", "C"]].to_list() == pytest.approx([18.75, 20, 6.25])
    more = chain(members(tiers="bid", key="distance")).run(event(loss=55, distance=[math.nan, 300.0, 1.0, 10.0]))
    assert more.by_payer[["A", "B", "C"]].to_list() == pytest.approx([30, 20, 5])


def test_the_certificate_of_tiers_sees_a_tier_touched_too_early() -> None:
    run = chain(members(tiers="bid")).run(event(loss=10))
    answer = run.allocations["fund"]
    early = dataclasses.replace(answer, paid=np.array([5.0, 5.0, 0.0]))
    with pytest.raises(CertificateError):
        early.verify()
    assert answer.extras["tiers"].to_dict() == {"A": 2, "B": 1, "C": 2}


def test_tiers_are_explained_with_what_reached_them() -> None:
    text = chain(members(tiers="bid")).run(event(loss=40)).explain("A")
    assert "EUR 20.00 reaches tier 2 of bid" in text and "A bears EUR 15.00 of EUR 40.00" in text


def test_an_unknown_tier_is_an_error_and_not_a_last_place() -> None:
    with pytest.raises(DataError, match=r"layer 'fund': column 'bid': 'B' is NaN"):
        chain(members(tiers="bid")).run(event(bid=[math.nan, 1.0, math.nan, 2.0]))
    with pytest.raises(DataError, match="ranks its payers by column 'rank', which event 'toy' has not"):
        chain(members(tiers="rank")).run(event())


# Choosing payers, attribution, parts of totals.


def test_only_the_payers_whose_row_holds_the_value_pay() -> None:
    run = chain(members(only={"service": "swaps"}), members(name="rest")).run(event(loss=50)).verify()
    assert run.table.loc["fund"].to_dict() == {"CCP": 0, "A": 30, "B": 0, "C": 10}
    assert run.table.loc["rest"].to_dict() == {"CCP": 0, "A": 0, "B": 10, "C": 0}
    nobody = chain(members(only={"service": "none"})).run(event(loss=50))
    assert nobody.residual == 50 and nobody.allocations["fund"].problem.n == 0
    with pytest.raises(DataError, match="chooses its payers by column 'desk'"):
        chain(members(only={"desk": "x"})).run(event())


def test_an_attributed_loss_is_borne_by_whoever_caused_it_and_no_more() -> None:
    direct = Layer("off-market trades", roles="survivor", attributed="caused")
    run = chain(direct, members()).run(event(loss=42)).verify()
    assert run.table.loc["off-market trades"].to_dict() == {"CCP": 0, "A": 4, "B": 8, "C": 0}
    assert run.by_layer["fund"] == pytest.approx(30)
    small = chain(direct).run(event(loss=6))
    assert small.by_payer.to_dict() == pytest.approx({"CCP": 0, "A": 2, "B": 4, "C": 0})


def test_an_attributed_loss_is_limited_by_the_resource_as_well() -> None:
    direct = members(name="direct", attributed="caused")
    run = chain(direct, members()).run(event(loss=100, caused=[math.nan, 4.0, 28.0, 0.0])).verify()
    assert run.table.loc["direct"].to_dict() == {"CCP": 0, "A": 4, "B": 20, "C": 0}
    assert run.table.loc["fund"].to_dict() == {"CCP": 0, "A": 26, "B": 0, "C": 10}
    assert "at most caused" in run.explain("A")


def test_an_attributed_loss_is_not_attributed_twice() -> None:
    twice = chain(*(Layer(name, roles="survivor", attributed="caused") for name in ("one", "two")))
    assert twice.run(event(loss=100)).by_layer.to_dict() == {"one": 12, "two": 0}


def test_an_amount_may_be_a_part_of_a_total() -> None:
    tenth = PartOf("fund", 0.1, "survivor")
    for amount in (tenth, {"of": "fund", "factor": 0.1, "payers": "survivor"}):
        assert chain(members(amount=amount)).run(event()).by_layer["fund"] == pytest.approx(6)
    named = chain(Layer("exchange's share", payer="Exchange", amount={"of": "fund", "factor": 0.25}))
    assert named.run(event()).by_payer["Exchange"] == pytest.approx(15)
    assert "(0.1 x fund)" in chain(members(amount=tenth)).run(event()).explain("A")
    with pytest.raises(DataError, match="a part of column 'equity', which event 'toy' has not"):
        chain(members(amount={"of": "equity"})).run(event())
    with pytest.raises(DataError, match="'CCP' is NaN"):
        chain(members(amount={"of": "fund", "payers": "house"})).run(event())


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"amount": {"off": "fund"}}, r"layer 'fund': amount: no key is called 'off'; did you mean 'of'"),
        ({"amount": {"of": 3}}, "'of' is 3"),
        ({"amount": {"of": "fund", "payers": "members"}}, "role"),
        ({"amount": {"of": "fund", "factor": math.nan}}, "factor of the part of 'fund' is NaN"),
        ({"only": {"bid": [[1]]}}, "'only' holds"),
        ({"renews": "daily"}, "no renewal"),
        ({"period_factor": 0.5}, "period_factor of layer 'fund' is 0.5; expected a value >= 1"),
        ({"cap": None, "period_factor": 2.0}, "period_factor 2 multiplies no cap"),
        ({"restored_after": -1}, "restored_after is -1"),
        ({"restored_after": 1.5}, "restored_after is 1.5"),
        ({"weight": 1.0}, "weighs against nothing"),
        ({"roles": (), "payer": "X", "cap": None, "amount": 1.0, "tiers": "bid"}, "neither a cap nor a key"),
    ],
)
def test_a_bad_part_of_a_layer_says_which_and_why(facts: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        members(**facts)


# Pools.


def pooled() -> Waterfall:
    return chain(
        members(name="swap fund", cap="swap_fund", pool="swaps"),
        members(name="futures fund", cap="futures_fund", pool="futures"),
        house(),
        members(name="unused futures fund", cap="futures_fund"),
    )


POOLS = {"swap_fund": [math.nan, 10.0, 0.0, 5.0], "futures_fund": [math.nan, 0.0, 20.0, 20.0]}


def test_a_pool_s_resources_bear_its_own_loss_only() -> None:
    run = pooled().run(event(**POOLS), loss={"swaps": 35, "futures": 10}).verify()
    assert run.by_layer.to_list() == pytest.approx([15, 10, 20, 0])
    assert run.loss == 45 and run.residual == 0


def test_the_unused_resources_of_a_pool_are_touched_only_where_the_rules_say_so() -> None:
    run = pooled().run(event(**POOLS), loss={"swaps": 75, "futures": 10}).verify()
    assert run.by_layer.to_list() == pytest.approx([15, 10, 40, 20])
    kept = chain(*pooled().layers[:3]).run(event(**POOLS), loss={"swaps": 75, "futures": 10}).verify()
    assert kept.residual == 20 and kept.residuals.to_dict() == {"swaps": 20, "futures": 0}


def test_what_all_pools_leave_is_relieved_in_proportion() -> None:
    run = pooled().run(event(own=[20.0, *[math.nan] * 3], swap_fund=POOLS["swap_fund"], futures_fund=[0.0] * 4),
                       loss={"swaps": 45, "futures": 30})  # fmt: skip
    assert run.by_layer["own"] == 20 and run.residuals.to_dict() == pytest.approx({"swaps": 20, "futures": 20})


def test_a_loss_of_no_pool_leaves_the_pools_alone() -> None:
    run = pooled().run(event(**POOLS), loss=30)
    assert run.by_layer.to_list() == [0, 0, 30, 0]
    asked = Event(
        "p", loss=1, currency="EUR", date=None, payers=event(**POOLS).payers, question={"losses": {"swaps": 9}}
    )
    assert pooled().run(asked).by_layer.to_list() == [9, 0, 0, 0]
    with pytest.raises(DataError, match="no pool of waterfall 'toy' is called 'swap'; did you mean 'swaps'"):
        pooled().run(event(**POOLS), loss={"swap": 1})
    with pytest.raises(DataError, match="the loss of pool 'swaps' is -1"):
        pooled().run(event(**POOLS), loss={"swaps": -1})
    assert "losses of swaps only" in pooled().run(event(**POOLS), loss={"swaps": 3}).explain("A")


# Cents.


def in_cents(amount: float) -> int:
    return round(amount * 100)


def assert_cents(run: Cascade, caps: dict[tuple[str, str], float]) -> None:
    """Whole cents, layer by layer no limit is broken, and all of it adds up to the rounded loss."""
    table = run.rounded(2)
    units = table.to_numpy() * 100
    assert np.abs(units - np.rint(units)).max(initial=0) < 1e-6 and (units >= 0).all()
    left = in_cents(run.loss) - int(np.rint(units).sum())
    assert left >= 0 and (left == 0 or run.residual > 0)
    for (layer, payer), cap in caps.items():
        assert table.at[layer, payer] <= cap + 1e-9
    assert (np.abs(table - run.table) < 0.01 * (2 + len(run.layers))).all(axis=None)


def test_the_check_of_cents_sees_a_broken_cap() -> None:
    run = chain(members()).run(event(loss=50))
    with pytest.raises(AssertionError):
        assert_cents(run, {("fund", "A"): 20.0})


@settings(max_examples=20)
@given(
    loss=st.one_of(st.just(0.0), st.floats(0.004, 250.0)),
    funds=st.lists(st.floats(0.0, 40.0), min_size=3, max_size=3),
    own=st.floats(0.0, 30.0),
    whole=st.booleans(),
)
def test_cents_add_up_layer_by_layer_whatever_the_limits(
    loss: float, funds: list[float], own: float, whole: bool
) -> None:
    """Groups, tiers, shared pots and limits that are no whole cents; with whole cents even the residual is exact."""
    if whole:
        funds, own = [round(f, 2) for f in funds], round(own, 2)
    facts = event(fund=[math.nan, *funds], own=[own, *[math.nan] * 3])
    waterfall = chain(
        members(name="half", factor=0.5), house(), members(name="rest", tiers="bid", scheme="constrained-equal-awards"),
        members(name="calls", resource="calls", pari_passu="g"),
        Layer("more", payer="CCP", amount=12.345, pari_passu="g"),
    )  # fmt: skip
    run = waterfall.run(facts, loss)
    caps = {("calls", payer): fund for payer, fund in zip("ABC", funds, strict=True)}
    caps |= {("rest", payer): fund for payer, fund in zip("ABC", funds, strict=True)}
    assert_cents(run, caps | {("own", "CCP"): own, ("more", "CCP"): 12.345})
    drawn = run.rounded(2).loc[["half", "rest"], list("ABC")].sum()
    assert (drawn.to_numpy() <= np.array(funds) + 1e-9).all()
    if whole and run.residual > 0.02:
        left = in_cents(loss) - in_cents(float(run.rounded(2).to_numpy().sum()))
        assert abs(left - 100 * run.residual) <= 2


def test_a_cent_that_fits_no_limit_goes_to_the_next_layer() -> None:
    facts = event(loss=1.005 * 3, fund=[math.nan, 1.005, 1.005, 1.005])
    run = chain(members(), house()).run(facts)
    assert run.rounded(2).loc["fund"].to_list() == [0, 1.0, 1.0, 1.0]
    assert run.rounded(2).at["own", "CCP"] == pytest.approx(in_cents(run.loss) / 100 - 3.0)


def test_units_follow_the_shares_by_largest_remainders() -> None:
    assert whole_units(np.array([0.29, 1.005, np.inf]), 2).tolist() == [29, 100, math.inf]
    assert apportioned(np.array([1.4, 1.3, 1.3]), np.array([1.0, 9, 9]), 0, 4).tolist() == [1, 2, 1]
    assert apportioned(np.array([0.0, 2.5]), np.full(2, np.inf), 0, 3, only=np.array([False, True])).tolist() == [0, 3]
    with pytest.raises(DataError, match="more units than a float counts"):
        chain(members(), house()).run(event(loss=1e16, fund=[math.nan, 1e16, 0, 0])).rounded()


# What every waterfall keeps.


def ladder() -> Waterfall:
    return chain(
        Layer("direct", roles="survivor", attributed="caused"), members(name="bidders", factor=0.5, tiers="bid"),
        house(),
        members(name="calls", resource="calls", pari_passu="g"),
        Layer("more", payer="CCP", amount=12.0, pari_passu="g"),
        members(name="last", factor=2.0, resource="more calls", scheme="constrained-equal-losses"),
    )  # fmt: skip


@settings(max_examples=20)
@given(
    loss=st.one_of(st.just(0.0), st.floats(1e-9, 400.0)),
    funds=st.lists(st.sampled_from([0.0, 1.0, 2.0, 50.0]), min_size=3, max_size=3),
    bids=st.lists(st.sampled_from([1.0, 2.0, 3.0]), min_size=3, max_size=3),
    scale=st.sampled_from([1e-9, 1.0, 1e12]),
)
def test_properties_of_every_run(loss: float, funds: list[float], bids: list[float], scale: float) -> None:
    """Conserved; juniors are exhausted first; more loss lowers nobody's bill; no resource is used twice."""
    facts = event(
        fund=[math.nan, *(f * scale for f in funds)], own=[40.0 * scale, *[math.nan] * 3],
        caused=[math.nan, 4.0 * scale, 8.0 * scale, 0.0], bid=[math.nan, *bids],
    )  # fmt: skip
    waterfall = ladder().replace("more", amount=12.0 * scale)
    run = waterfall.run(facts, loss * scale).verify()
    table, most = run.table, RELATIVE * max(run.loss, 1e-300)
    assert abs(table.to_numpy().sum() + run.residual - run.loss) <= most
    assert (table.to_numpy() >= 0).all()
    size = {"direct": 12.0, "bidders": 0.5 * sum(funds), "own": 40.0, "calls": sum(funds), "more": 12.0}
    order = [["direct"], ["bidders"], ["own"], ["calls", "more"], ["last"]]
    for junior, senior in pairwise(order):
        if run.by_layer[senior].sum() > most:
            assert run.by_layer[junior].sum() >= sum(size[name] for name in junior) * scale - most
    for payer, fund in zip("ABC", funds, strict=True):
        assert table.at["bidders", payer] <= 0.5 * fund * scale + most
        assert table.at["calls", payer] <= fund * scale + most
    more = waterfall.run(facts, loss * scale * 1.1)
    assert (more.by_payer >= run.by_payer - RELATIVE * max(more.loss, 1e-300)).all()
    if funds[0] == funds[2] and bids[0] == bids[2]:
        assert run.table.loc["bidders", "A"] == pytest.approx(run.table.loc["bidders", "C"], abs=most)


def split_in_two(facts: Event, payer: str, part: float) -> Event:
    table = facts.payers
    numbers = table.select_dtypes("number").columns.drop("bid")
    halves = [table.loc[payer].copy(), table.loc[payer].copy()]
    for half, share in zip(halves, (part, 1 - part), strict=True):
        half[numbers] = half[numbers] * share
    cut = pd.concat([table.drop(index=payer), pd.DataFrame(halves, index=[f"{payer}1", f"{payer}2"])]).infer_objects()
    return Event("split", loss=facts.loss, currency="EUR", date=facts.date, payers=cut)


@pytest.mark.parametrize("loss", [5.0, 30.0, 77.0, 150.0])
def test_splitting_an_account_gains_nothing_where_every_layer_is_in_proportion(loss: float) -> None:
    waterfall = chain(*ladder().layers[:-1])
    whole = waterfall.run(event(loss=loss)).by_payer["A"]
    cut = waterfall.run(split_in_two(event(loss=loss), "A", 0.3)).by_payer
    assert cut["A1"] + cut["A2"] == pytest.approx(whole)


def test_splitting_an_account_pays_where_what_is_left_is_made_equal() -> None:
    """The witness: under equal losses two halves of A bear less than A did."""
    waterfall = chain(members(scheme="constrained-equal-losses"))
    whole = waterfall.run(event(loss=20)).by_payer["A"]
    cut = waterfall.run(split_in_two(event(loss=20), "A", 0.5)).by_payer
    assert whole - (cut["A1"] + cut["A2"]) > 1


def test_a_layer_says_what_is_special_about_it() -> None:
    told = repr(members(tiers="bid", pool="p", pari_passu="g", period_factor=3, renews="default", restored_after=5,
                        only={"service": ["swaps", "fx"]}, amount={"of": "fund", "factor": 0.1}))  # fmt: skip
    for word in ("tier by tier of bid", "losses of p only", "group g", "3 × in a period", "anew with each default",
                 "after 5 business days", "service swaps or fx", "at most 0.1 x fund of all payers"):  # fmt: skip
        assert word in told
