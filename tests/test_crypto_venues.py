"""The venues of crypto derivatives and lending: who pays in what order, each worked by hand on one invented book."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

import allocopt as ao
from allocopt.errors import DataError
from allocopt.mechanisms.perpetual.rankings import RANKINGS

# A long of 10 contracts went bankrupt at 85 while the mark is 80: closing costs 5 a contract, 50 in all. Two winners
# are short 6 and 4 contracts; a third account is long 5 and made nothing; the fund holds 20 and the house 3.
NAMES = ["Fund", "House", "Short six", "Short four", "Long five"]
BOOK = pd.DataFrame(
    {
        "role": ["insurance fund", "house", "trader", "trader", "trader"],
        "balance": [20.0, np.nan, np.nan, np.nan, np.nan],
        "fee_pool": [np.nan, 3.0, np.nan, np.nan, np.nan],
        "surplus": [np.nan, 3.0, np.nan, np.nan, np.nan],
        "deficit_offset": [np.nan, 3.0, np.nan, np.nan, np.nan],
        "scope": ["", "", "opposite side", "opposite side", "same side"],
        "contracts": [np.nan, np.nan, 6.0, 4.0, 5.0],
        "closing_cost": [np.nan, np.nan, 30.0, 20.0, 25.0],
        "score": [np.nan, np.nan, 0.4, 0.9, 5.0],
        "draw": [np.nan, np.nan, 1.0, 2.0, 0.0],
        "session_profit": [np.nan, np.nan, 60.0, 40.0, 0.0],
        "supplied": [np.nan, np.nan, 100.0, 300.0, 600.0],
        "stake": [np.nan, np.nan, 10.0, 30.0, 60.0],
        "tokens": [np.nan, np.nan, 1.0, 3.0, 4.0],
    },
    index=NAMES,
)


def event(loss: float = 50.0, **columns: Any) -> ao.Event:
    return ao.Event("invented", loss=loss, currency="USD", date=dt.date(2025, 1, 1), payers=BOOK.assign(**columns))


def paid(model: str, loss: float = 50.0, **columns: Any) -> dict[str, float]:
    run = ao.load_model(model).run(event(loss, **columns)).verify()
    assert run.by_payer.sum() + run.residual == pytest.approx(loss)
    return {name: round(value, 6) for name, value in run.by_payer.items() if value} | {"residual": run.residual}


@pytest.mark.parametrize("model", ["bitmex", "binance-futures", "bybit", "okx", "hyperliquid"])
def test_the_fund_then_the_highest_score_on_the_other_side(model: str) -> None:
    """30 are left after the fund: Short four (score 0.9) pays its 20, Short six the last 10, the long nothing."""
    assert paid(model) == {"Fund": 20, "Short four": 20, "Short six": 10, "residual": 0}
    assert paid(model, 15.0) == {"Fund": 15, "residual": 0}
    assert paid(model, 90.0) == {"Fund": 20, "Short four": 20, "Short six": 30, "residual": 20}


def test_a_random_order_knows_no_profit() -> None:
    assert paid("dydx-v4") == {"Fund": 20, "Short six": 30, "residual": 0}


@pytest.mark.parametrize("model", ["deribit", "crypto-com"])
def test_winners_of_the_session_pay_one_percentage_of_their_profit(model: str) -> None:
    assert paid(model) == {"Fund": 20, "Short six": 18, "Short four": 12, "residual": 0}
    assert paid(model, 150.0)["residual"] == 30


def test_drift_charges_every_contract_on_both_sides_alike() -> None:
    """27 are left after 20 and 3: 1.8 for each of 15 contracts, long or short."""
    assert paid("drift-v2") == {
        "Fund": 20,
        "House": 3,
        "Short six": 10.8,
        "Short four": 7.2,
        "Long five": 9,
        "residual": 0,
    }


def test_a_fund_or_reserve_without_a_limit_owes_the_rest() -> None:
    assert paid("perpetual-protocol-v2") == {"Fund": 50, "residual": 0}
    assert paid("compound-v3") == {"House": 50, "residual": 0}


def test_lenders_of_a_market_lose_the_same_part() -> None:
    assert paid("morpho-blue") == {"Short six": 5, "Short four": 15, "Long five": 30, "residual": 0}
    assert paid("morpho-blue", 1_200.0)["residual"] == 200


def test_stakers_of_the_asset_come_after_the_treasury() -> None:
    scope = ["", "", "stakers", "stakers", "depositor"]
    assert paid("aave-umbrella", scope=scope) == {"House": 3, "Short six": 10, "Short four": 30, "residual": 7}


def test_token_holders_are_diluted_after_the_surplus() -> None:
    scope = ["", "", "token holders", "token holders", "other"]
    assert paid("maker-2020", scope=scope) == {"House": 3, "Short six": 11.75, "Short four": 35.25, "residual": 0}


@pytest.mark.parametrize(
    ("model", "ranking"),
    [("bitmex", "bitmex"), ("binance-futures", "binance"), ("hyperliquid", "hyperliquid-documented")],
)
def test_the_layer_in_cash_is_the_queue_in_contracts(model: str, ranking: str) -> None:
    """The model, fed with the venue's own score, against the closing of positions one by one."""
    rng = np.random.default_rng(11)
    size = rng.integers(1, 9, size=12).astype(float)
    accounts = pd.DataFrame(
        {
            "contracts": [size.sum(), *-size],
            "entry_price": [100.0, *rng.uniform(90, 110, size=12)],
            "balance": [15.0 * size.sum(), *(size * rng.uniform(5, 40, size=12) + 30 * size)],
        },
        index=["D", *(f"T{k}" for k in range(12))],
    )
    accounts["maintenance_margin"] = 0.4 * accounts["contracts"].abs()
    book = ao.PerpetualBook(accounts, mark=80.0)
    queue = ao.adl_queue(book, 0.6 * size.sum(), ranking=ranking, price=85.0, limit="position").verify()
    winners = pd.DataFrame(
        {
            "role": "trader",
            "balance": np.nan,
            "scope": "opposite side",
            "closing_cost": 5.0 * size,
            "score": queue.score[1:],
        },
        index=accounts.index[1:],
    )
    assert winners["score"].is_unique
    loss = 5.0 * 0.6 * size.sum()
    run = ao.load_model(model).run(ao.Event("book", loss=loss, currency="USD", date=None, payers=winners)).verify()
    assert run.by_payer.to_numpy() == pytest.approx(queue.haircut[winners.index].to_numpy(), abs=1e-9)
    assert ranking in RANKINGS


def test_a_rule_of_a_clearing_house_runs_on_an_exchange_s_loss_and_the_reverse() -> None:
    fair = ao.load_model("bitmex").replace("auto-deleveraging", scheme="pro-rata", key="closing_cost")
    assert fair.run(event()).by_payer[["Short six", "Short four"]].to_list() == pytest.approx([18, 12])
    ccp = ao.load_event("nasdaq-clearing-2018")
    queue = ao.load_model("nasdaq-clearing").replace(
        "survivors' default fund", scheme=ao.scheme("queue", score="default_fund")
    )
    run = queue.run(ccp).verify()
    assert run.by_role["survivor"] == pytest.approx(107e6) and (run.by_payer > 0).sum() < 167


def test_a_venue_asked_about_a_book_without_its_columns_says_which() -> None:
    with pytest.raises(DataError, match="closing_cost"):
        ao.load_model("bitmex").run(
            ao.Event("book", loss=50.0, currency="USD", date=None, payers=BOOK.drop(columns="closing_cost"))
        )


def test_what_was_not_confirmed_says_so() -> None:
    assert ao.load_model("okx")["auto-deleveraging"].status == "unverified"
    assert ao.load_model("deribit")["winners of the day"].status == "unverified"
    assert "left out" in ao.load_model("bybit").summary and "gap" in ao.load_model("dydx-v4").summary


def test_an_episode_in_which_only_the_fund_paid_runs_down_its_venue() -> None:
    """No trader is in the document, so nothing has to be known of traders."""
    run = ao.load_model("bitmex").run(ao.load_event("bitmex-2020-03")).verify()
    assert run.by_layer.to_dict() == {"insurance fund": 1_627, "auto-deleveraging": 0} and run.residual == 0
