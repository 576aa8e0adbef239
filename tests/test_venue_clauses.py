"""The clause each venue is known for, worked by hand from its rule: who pays beside whom, before whom, how often."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pandas as pd
import pytest

import allocopt as ao
from allocopt.facts.event import Event


def event(loss: float, currency: str, rows: dict[str, dict[str, Any]]) -> Event:
    return Event("case", loss=loss, currency=currency, date=dt.date(2024, 3, 4),
                 payers=pd.DataFrame.from_dict(rows, orient="index"))  # fmt: skip


def test_eurex_shares_what_the_fund_leaves_between_members_and_itself() -> None:
    """Assessments A = 2 x (150 + 50) = 400 and the further amount F = 300: of 70 left, 40 and 30 (L*A/(A+F))."""
    facts = event(0.0, "EUR", {
        "D": {"role": "defaulter", "collateral": 10e6, "default_fund": 5e6},
        "A": {"role": "survivor", "default_fund": 150e6},
        "B": {"role": "survivor", "default_fund": 50e6},
    })  # fmt: skip
    before = 10e6 + 5e6 + 143e6 + 200e6 + 57e6
    run = ao.load_model("eurex-clearing").run(facts, loss=before + 70e6).verify()
    assert run.by_layer["assessments"] == pytest.approx(40e6)
    assert run.by_layer["further dedicated amount"] == pytest.approx(30e6)
    assert run.table.loc["assessments", ["A", "B"]].to_list() == pytest.approx([30e6, 10e6])
    last = ao.load_model("eurex-clearing").run(facts, loss=before + 700e6 + 600e6 + 600e6 + 1e6)
    assert last.residual == pytest.approx(1e6)  # both exhausted, then equity and letter of comfort, 600 million each
    assert last.by_payer["A"] == pytest.approx(3 * 150e6)  # a liability of three times the contribution, no more


def test_eurex_calls_twice_the_contribution_once_in_a_capped_period() -> None:
    """20 business days from the day of the default, counted again from a further one, and never over three months."""
    facts = event(1.0, "EUR", {
        "D": {"role": "defaulter", "collateral": 0.0, "default_fund": 0.0},
        "A": {"role": "survivor", "default_fund": 100e6},
    })  # fmt: skip
    period = ao.Period(ao.load_model("eurex-clearing"))
    period.default(facts, "2024-03-04", loss=143e6 + 100e6 + 57e6 + 500e6)
    assert period.balances.loc["assessments", "A"]["drawn"] == 200e6 and period.end == dt.date(2024, 3, 29)
    second = period.default(Event("next", loss=1.0, currency="EUR", date=None, payers=facts.payers.drop("D")),
                            "2024-03-18", loss=50e6)  # fmt: skip
    assert second.by_layer["assessments"] == 0 and period.end == dt.date(2024, 4, 12)
    period.replenish("2024-03-19")
    for day in ("2024-04-10", "2024-05-07", "2024-06-03"):
        period.default(Event(day, loss=1.0, currency="EUR", date=None, payers=facts.payers.drop("D")), day)
    assert period.end == dt.date(2024, 6, 3)


def test_cme_assesses_275_per_cent_once_and_550_over_several_defaults() -> None:
    """The powers disclosed for 30 September 2023 are 2.75 times the fund: 2.75 x 6,154,113,094 = 16,923,811,008.50."""
    model = ao.load_model("cme-base")
    facts = event(0.0, "USD", {"D": {"role": "defaulter", "collateral": 0.0, "default_fund": 0.0},
                               "M": {"role": "survivor", "default_fund": 6_154_113_094.0}})  # fmt: skip
    run = model.run(facts, loss=1e12)
    assert run.by_layer["assessments"] == pytest.approx(16_923_811_009, abs=1)
    period = ao.Period(model)
    drawn = [period.default(renamed(facts, str(k)), f"2024-03-0{k + 4}", loss=1e12).by_layer for k in range(3)]
    assert [d["assessments"] / 6_154_113_094 for d in drawn] == pytest.approx([2.75, 2.75, 0.0])


def renamed(facts: Event, name: str) -> Event:
    """The same survivors, another default: the defaulter's resources are not used twice."""
    table = facts.payers[facts.payers["role"] != "defaulter"]
    return Event(name, loss=facts.loss, currency=facts.currency, date=facts.date, payers=table)


def test_cme_swaps_put_up_150_million_before_their_own_fund() -> None:
    facts = event(0.0, "USD", {"D": {"role": "defaulter", "collateral": 20e6, "default_fund": 10e6, "assessment": 0.0},
                               "A": {"role": "survivor", "default_fund": 30e6, "assessment": 5e6}})  # fmt: skip
    run = ao.load_model("cme-irs").run(facts, loss=200e6)
    assert run.by_layer.to_list() == pytest.approx([20e6, 10e6, 150e6, 20e6, 0.0])


def test_nscc_calls_in_rounds_until_every_cap_binds() -> None:
    """Averages 60, 30, 10 share 100 after the corporation's half of 40: B stops at 20 of its 24, the others divide 60.

    Round 1 of 80: 48, 24 (cap 20), 8. Round 2 of 4, key 60 to 10: 24/7 and 4/7. In all 51.43, 20, 8.57.
    """
    facts = event(0.0, "USD", {
        "D": {"role": "defaulter", "required_deposit": 15.0, "cross_guaranty": 5.0},
        "NSCC": {"role": "house", "business_risk_capital": 40.0},
        "A": {"role": "survivor", "off_market_loss": 0.0, "loss_allocation_cap": 60.0, "average_deposit": 60.0},
        "B": {"role": "survivor", "off_market_loss": 0.0, "loss_allocation_cap": 20.0, "average_deposit": 30.0},
        "C": {"role": "survivor", "off_market_loss": 0.0, "loss_allocation_cap": 12.0, "average_deposit": 10.0},
    })  # fmt: skip
    run = ao.load_model("nscc").run(facts, loss=120.0).verify()
    assert run.by_layer.to_list() == pytest.approx([15, 5, 0, 20, 80])
    assert run.table.loc["loss allocation", ["A", "B", "C"]].to_list() == pytest.approx([48 + 24 / 7, 20, 8 + 4 / 7])
    assert ao.load_model("nscc").run(facts, loss=140.0).residual == pytest.approx(140 - 40 - 92)


def test_nscc_leaves_an_off_market_trade_to_its_counterparty() -> None:
    facts = event(0.0, "USD", {
        "D": {"role": "defaulter", "required_deposit": 10.0, "cross_guaranty": 0.0},
        "NSCC": {"role": "house", "business_risk_capital": 0.0},
        "A": {"role": "survivor", "off_market_loss": 7.0, "loss_allocation_cap": 50.0, "average_deposit": 50.0},
        "B": {"role": "survivor", "off_market_loss": 0.0, "loss_allocation_cap": 50.0, "average_deposit": 50.0},
    })  # fmt: skip
    run = ao.load_model("nscc").run(facts, loss=27.0).verify()
    assert run.by_payer[["A", "B"]].to_list() == pytest.approx([7 + 5, 5])


def test_nscc_s_own_contribution_is_gone_for_250_business_days() -> None:
    facts = event(0.0, "USD", {
        "NSCC": {"role": "house", "business_risk_capital": 40.0},
        "A": {"role": "survivor", "off_market_loss": 0.0, "loss_allocation_cap": 60.0, "average_deposit": 60.0},
    })  # fmt: skip
    table = facts.payers.assign(required_deposit=math.nan, cross_guaranty=math.nan)
    period = ao.Period(ao.load_model("nscc"))
    drawn = {}
    for day, loss in (("2024-03-04", 12.0), ("2024-03-06", 12.0), ("2025-02-14", 12.0), ("2025-02-18", 30.0)):
        run = period.default(Event(day, loss=loss, currency="USD", date=None, payers=table), day)
        drawn[day] = run.by_layer["corporate contribution"]
    # 250 business days after 4 March 2024 is 17 February 2025: the 12 are whole again, the 8 of the 6th on the 19th.
    assert drawn == {"2024-03-04": 12, "2024-03-06": 8, "2025-02-14": 0, "2025-02-18": 12}


def test_nscc_s_cap_is_one_for_all_defaults_of_ten_business_days() -> None:
    table = pd.DataFrame({"role": ["house", "survivor"], "business_risk_capital": [0.0, math.nan],
                          "required_deposit": math.nan, "cross_guaranty": math.nan, "off_market_loss": [math.nan, 0.0],
                          "loss_allocation_cap": [math.nan, 50.0], "average_deposit": [math.nan, 40.0]},
                         index=["NSCC", "A"])  # fmt: skip
    period = ao.Period(ao.load_model("nscc"))
    paid = [
        period.default(Event(day, loss=loss, currency="USD", date=None, payers=table), day).by_payer["A"]
        for day, loss in (("2024-03-04", 30.0), ("2024-03-15", 30.0), ("2024-03-18", 30.0))
    ]
    assert paid == [30, 20, 30]  # the period of ten business days ends on 15 March


SGX = {
    "D": {"role": "defaulter", "collateral": 20.0},
    "SGX-DC": {"role": "house", "first_loss_contribution": 8.0, "intermediate_contribution": 6.0,
               "other_contributions": 0.0},
    "A": {"role": "survivor", "active": "yes", "clearing_fund_deposit": 30.0},
    "B": {"role": "survivor", "active": "yes", "clearing_fund_deposit": 10.0},
    "C": {"role": "survivor", "active": "no", "clearing_fund_deposit": 20.0},
}  # fmt: skip


def test_sgx_asks_active_members_before_its_second_contribution_and_the_others_after_it() -> None:
    """Rule 7A.01A.2B.2: 20 | 8 | 40 of A and B | 6 | 20 of C | assessments up to once the deposit: 6, 2 and 4 of 12."""
    run = ao.load_model("sgx-dc").run(event(0.0, "SGD", SGX), loss=20 + 8 + 40 + 6 + 20 + 12.0).verify()
    assert run.by_layer.to_list() == pytest.approx([20, 8, 40, 6, 20, 12, 0])
    assert run.table.loc["further assessments", ["A", "B", "C"]].to_list() == pytest.approx([6, 2, 4])
    most = ao.load_model("sgx-dc").run(event(0.0, "SGD", SGX), loss=1000.0)
    assert most.by_payer[["A", "B", "C"]].to_list() == [60, 20, 40] and most.residual == 1000 - 154


def test_sgx_carries_on_where_the_first_default_stopped_for_90_days() -> None:
    """Rule 7A.06.6: the first default stops within the active deposits, the next draws on what is left of them."""
    period = ao.Period(ao.load_model("sgx-dc"))
    facts = event(0.0, "SGD", SGX)
    period.default(facts, "2024-03-04", loss=20 + 8 + 24.0)
    second = period.default(renamed(facts, "second"), "2024-03-20", loss=18.0)
    assert second.by_layer[["active members' deposits", "clearing house intermediate contribution"]].to_list() == [
        16,
        2,
    ]
    assert period.end == dt.date(2024, 6, 1)  # fixed: the further default does not begin a new period


def test_korea_before_2014_spared_the_exchange_and_now_its_junior_part_comes_first() -> None:
    """A loss of 50 after the defaulter, fund 40 and reserve 10 + 90: members 40, exchange 10; now 10, 40."""
    rows = {
        "D": {"role": "defaulter", "collateral": 5.0, "default_fund": 3.0, "assets": 5.0},
        "KRX": {"role": "house", "own_capital": 100.0, "junior_capital": 10.0, "senior_capital": 90.0},
        "A": {"role": "survivor", "default_fund": 30.0},
        "B": {"role": "survivor", "default_fund": 10.0},
    }
    facts = event(0.0, "KRW", rows)
    before = ao.load_model("krx-2013").run(facts, loss=5 + 30.0)
    assert before.by_role.to_dict() == pytest.approx({"defaulter": 5, "house": 0, "survivor": 30})
    for name in ("krx", "krx-securities"):
        after = ao.load_model(name).run(facts, loss=8 + 30.0)
        assert after.by_role.to_dict() == pytest.approx({"defaulter": 8, "house": 10, "survivor": 20})
        assert after.by_payer[["A", "B"]].to_list() == pytest.approx([15, 5])
        more = ao.load_model(name).run(facts, loss=8 + 60.0)
        assert more.by_layer["senior settlement reserve"] == pytest.approx(10)
    assert ao.load_model("krx-2013").run(facts, loss=5 + 50.0).by_role["house"] == pytest.approx(10)


def test_korea_s_otc_business_ends_by_cutting_settlement_payments_alike() -> None:
    """5 | 3 | 10 | 40 | 12 additional | then 6 of 30 to be received: a fifth of each."""
    facts = event(0.0, "KRW", {
        "D": {"role": "defaulter", "collateral": 5.0, "default_fund": 3.0},
        "KRX": {"role": "house", "own_capital": 10.0},
        "A": {"role": "survivor", "default_fund": 30.0, "additional_contribution": 9.0, "net_settlement_cash": 0.0},
        "B": {"role": "survivor", "default_fund": 10.0, "additional_contribution": 3.0, "net_settlement_cash": 25.0},
        "C": {"role": "survivor", "default_fund": 0.0, "additional_contribution": 0.0, "net_settlement_cash": 5.0},
    })  # fmt: skip
    run = ao.load_model("krx-otc").run(facts, loss=76.0).verify()
    assert run.by_layer.to_list() == pytest.approx([5, 3, 10, 40, 12, 6])
    assert run.table.loc["net settlement cash", ["A", "B", "C"]].to_list() == pytest.approx([0, 5, 1])


def test_b3_climbs_from_the_investor_to_the_clearing_member() -> None:
    facts = event(0.0, "BRL", {
        "investor": {"role": "defaulter", "investor_collateral": 1.0, "investor_excess": 2.0},
        "broker": {"role": "defaulter", "broker_collateral": 3.0, "broker_default_fund": 5.0},
        "member": {"role": "defaulter", "collateral": 4.0, "default_fund": 6.0},
        "B3": {"role": "house", "own_capital": 7.0, "dedicated_cash": 9.0, "other_assets": 10.0},
        "A": {"role": "survivor", "default_fund": 8.0},
    })  # fmt: skip
    whole = Event("case", loss=0.0, currency="BRL", date=None, payers=facts.payers.fillna(0.0))
    run = ao.load_model("b3").run(whole, loss=1000.0)
    assert run.by_layer.to_list() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] and run.residual == 1000 - 55


RATES = {
    "D": {"role": "defaulter", "collateral": 0.0, "default_fund": 0.0},
    "Nasdaq": {"role": "house", "own_capital": 10.0},
    "A": {"role": "survivor", "loss_sharing_pool": 15.0, "default_fund": 20.0},
    "B": {"role": "survivor", "loss_sharing_pool": 5.0, "default_fund": 20.0},
    "C": {"role": "survivor", "loss_sharing_pool": 0.0, "default_fund": 40.0},
}


def test_nasdaq_s_pool_bears_what_rates_lost_and_nothing_else() -> None:
    """10 of junior capital relieve 30 in rates by 6, 20 elsewhere by 4; the pool bears 20 of 24, the fund 4 + 16."""
    run = ao.load_model("nasdaq-clearing-rates").run(event(0.0, "SEK", RATES), loss={"rates": 30.0, "": 20.0}).verify()
    assert run.by_layer.to_list() == pytest.approx([0, 0, 10, 20, 20])
    assert run.table.loc["loss-sharing pool", ["A", "B", "C"]].to_list() == pytest.approx([15, 5, 0])
    other = ao.load_model("nasdaq-clearing-rates").run(event(0.0, "SEK", RATES), loss=50.0)
    assert other.by_layer.to_list() == pytest.approx([0, 0, 10, 0, 40])


def test_india_s_corporation_pays_twice_before_members_share_with_it() -> None:
    """Required corpus 100: 5 first, penalties 2, a quarter 25 of the corporation's 50, then 20 of the 75 that are left.

    Left are 25 of the corporation, 30 of the exchange, 15 and 5 of members: 20 is shared 20/3, 8, 4 and 4/3.
    """
    facts = event(0.0, "INR", {
        "D": {"role": "defaulter", "collateral": 10.0},
        "insurer": {"role": "insurance fund", "cover": 3.0},
        "CC": {"role": "house", "entity": "clearing corporation", "own_capital": 60.0, "penalties": 2.0,
               "core_fund": 50.0, "required_corpus": 100.0, "other_resources": 8.0, "other_segments": 6.0},
        "SE": {"role": "house", "entity": "exchange", "core_fund": 30.0, "other_segments": 4.0},
        "A": {"role": "survivor", "core_fund": 15.0, "additional_contribution": 10.0, "payouts": 40.0},
        "B": {"role": "survivor", "core_fund": 5.0, "additional_contribution": 10.0, "payouts": 10.0},
    })  # fmt: skip
    before = 10 + 3 + 5 + 2 + 25
    run = ao.load_model("sebi-core-sgf").run(facts, loss=before + 20.0).verify()
    assert run.by_layer.to_list() == pytest.approx([10, 3, 5, 2, 25, 20, 0, 0, 0, 0])
    shared = run.table.loc["core fund: all that is left", ["CC", "SE", "A", "B"]]
    assert shared.to_list() == pytest.approx([20 / 3, 8, 4, 4 / 3])
    last = ao.load_model("sebi-core-sgf").run(facts, loss=before + 75 + 8 + 10 + 20 + 5.0)
    assert last.by_layer.to_list()[-4:] == pytest.approx([8, 10, 20, 5])
    assert last.table.loc["haircut of payouts", ["A", "B"]].to_list() == pytest.approx([4, 1])


def test_india_calls_its_members_once_in_thirty_days() -> None:
    table = pd.DataFrame(
        {"role": ["survivor"], "core_fund": [0.0], "additional_contribution": [10.0], "payouts": [0.0]}, index=["A"]
    ).assign(collateral=math.nan, cover=math.nan, own_capital=math.nan, penalties=math.nan, required_corpus=math.nan,
             other_resources=math.nan, other_segments=math.nan, entity="")  # fmt: skip
    period = ao.Period(ao.load_model("sebi-core-sgf"))
    paid = [
        period.default(Event(day, loss=8.0, currency="INR", date=None, payers=table), day).by_payer["A"]
        for day in ("2024-03-04", "2024-03-05", "2024-04-02", "2024-04-03")
    ]
    assert paid == [8, 2, 0, 8]  # the thirty days end on 2 April


def test_europe_asks_a_quarter_of_the_minimum_capital_before_the_members() -> None:
    facts = event(0.0, "EUR", {
        "D": {"role": "defaulter", "collateral": 10.0, "default_fund": 2.0},
        "CCP": {"role": "house", "minimum_capital": 40.0, "second_skin": 6.0},
        "A": {"role": "survivor", "default_fund": 30.0, "assessment": 30.0},
    })  # fmt: skip
    run = ao.load_model("emir").run(facts, loss=60.0)
    assert run.by_layer.to_list() == pytest.approx([10, 2, 10, 30, 6, 2])


def test_swapclear_uses_the_fund_of_those_who_did_not_bid_first() -> None:
    """After GBP 34.7 million tier 1 (did not bid) is used up, 100, then tiers 2 and 3; then once more the fund."""
    facts = event(0.0, "GBP", {
        "D": {"role": "defaulter", "collateral": 0.0, "default_fund": 0.0},
        "bid": {"role": "survivor", "bid_tier": 3, "default_fund": 300e6},
        "bid badly": {"role": "survivor", "bid_tier": 2, "default_fund": 50e6},
        "did not bid": {"role": "survivor", "bid_tier": 1, "default_fund": 100e6},
    })  # fmt: skip
    run = ao.load_model("lch-swapclear").run(facts, loss=34.7e6 + 120e6).verify()
    assert run.by_payer.to_dict() == pytest.approx(
        {"D": 0, "bid": 0, "bid badly": 20e6, "did not bid": 100e6, "LCH": 34.7e6}
    )
    more = ao.load_model("lch-swapclear").run(facts, loss=34.7e6 + 450e6 + 45e6)
    assert more.table.loc["committed contributions", ["bid", "did not bid"]].to_list() == pytest.approx([30e6, 10e6])


def test_options_members_pay_beside_the_deferred_pay_of_executives() -> None:
    """Funds of 90 and deferred pay of 10 side by side: of 20, 18 and 2."""
    facts = event(0.0, "USD", {
        "D": {"role": "defaulter", "collateral": 5.0, "default_fund": 5.0},
        "OCC": {"role": "house", "own_capital": 10.0, "deferred_pay": 10.0},
        "A": {"role": "survivor", "default_fund": 90.0, "assessment": 90.0},
    })  # fmt: skip
    run = ao.load_model("occ").run(facts, loss=40.0).verify()
    assert run.by_layer.to_list() == pytest.approx([5, 5, 10, 18, 2, 0])


def test_japan_puts_9_point_1_billion_before_the_survivors() -> None:
    facts = event(0.0, "JPY", {
        "D": {"role": "defaulter", "collateral": 1e9, "default_fund": 1e9, "special_clearing_charge": 0.0},
        "A": {"role": "survivor", "default_fund": 3e9, "special_clearing_charge": 3e9},
    })  # fmt: skip
    run = ao.load_model("jscc-listed").run(facts, loss=13e9)
    assert run.by_layer.to_list() == pytest.approx([1e9, 1e9, 9.1e9, 1.9e9, 0])


def test_ice_lists_50_and_75_million_before_its_members() -> None:
    facts = event(0.0, "USD", {
        "D": {"role": "defaulter", "collateral": 10e6, "default_fund": 5e6},
        "A": {"role": "survivor", "default_fund": 60e6},
        "B": {"role": "survivor", "default_fund": 20e6},
    })  # fmt: skip
    run = ao.load_model("ice-clear-credit").run(facts, loss=160e6)
    assert run.by_layer.to_list() == pytest.approx([10e6, 5e6, 50e6, 75e6, 20e6])
    assert run.by_payer[["A", "B"]].to_list() == pytest.approx([15e6, 5e6])


def test_lme_clear_calls_its_members_again_once_the_fund_is_gone() -> None:
    facts = event(0.0, "USD", {
        "D": {"role": "defaulter", "collateral": 10.0, "default_fund": 5.0},
        "LME Clear": {"role": "house", "own_capital": 3.0},
        "A": {"role": "survivor", "default_fund": 30.0, "assessment": 30.0},
        "B": {"role": "survivor", "default_fund": 10.0, "assessment": 10.0},
    })  # fmt: skip
    run = ao.load_model("lme-clear").run(facts, loss=66.0)
    assert run.by_layer.to_list() == pytest.approx([10, 5, 3, 40, 8])
    assert run.by_payer[["A", "B"]].to_list() == pytest.approx([36, 12])
