"""Rules of crypto venues: contracts, leverage, lots, sessions, withdrawals, pools, lending; each by a second road."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocopt as ao
from allocopt.errors import CertificateError, DataError
from allocopt.mechanisms.perpetual.lending import morpho_incentive
from allocopt.mechanisms.torn import box_certificate
from allocopt.testing import check_scheme, question


def payers(**columns: Any) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    return pd.DataFrame(columns, index=[f"P{k}" for k in range(n)])


# -- schemes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule",
    [
        ao.scheme("contract-pro-rata", key="stress_loss"),
        ao.scheme("risk-aware-pro-rata", leverage="stress_loss", power=1.0),
        ao.scheme("minimax-leverage", equity="equity", notional="gross_exposure"),
        pytest.param(ao.scheme("minimax-leverage", equity="equity"), marks=pytest.mark.slow),
    ],
    ids=lambda rule: rule.title,
)
def test_the_rules_behave(rule: ao.Scheme) -> None:
    check_scheme(rule)


def test_both_sides_pay_the_same_per_contract() -> None:
    problem = ao.LossProblem(20, payers(contracts=[6.0, -3.0, 1.0, 0.0]))
    assert ao.allocate(problem, "contract-pro-rata", key="contracts").shares.tolist() == [12.0, 6.0, 2.0, 0.0]
    same = ao.allocate(problem.replace(payers=problem.payers.abs()), "pro-rata", key="contracts")
    assert same.shares.tolist() == [12.0, 6.0, 2.0, 0.0]
    rows = ao.allocate_many(ao.scheme("contract-pro-rata", key="contracts"), [20.0, 10.0], [6.0, 3.0, 1.0], None)
    assert rows.tolist() == [[12.0, 6.0, 2.0], [6.0, 3.0, 1.0]]


@settings(max_examples=60)
@given(
    rows=st.lists(st.tuples(st.floats(0.1, 100), st.floats(0.1, 20)), min_size=1, max_size=8),
    part=st.floats(0.001, 0.999),
)
def test_minimax_leverage_is_the_least_worst_leverage(rows: list[tuple[float, float]], part: float) -> None:
    n, E = (np.array(column) for column in zip(*rows, strict=True))
    loss = part * n.sum()
    answer = ao.allocate(ao.LossProblem(loss, payers(n=n, E=E)), "minimax-leverage", notional="n", equity="E")
    left = (n - answer.paid) / E
    level = float(left.max())
    # A lower level would call for more than the loss: sum (n - eta E)+ falls strictly in eta.
    assert np.maximum(n - level * E, 0).sum() == pytest.approx(loss, rel=1e-8)
    assert np.maximum(n - level * (1 - 1e-4) * E, 0).sum() > loss
    assert answer.paid == pytest.approx(np.maximum(n - level * E, 0), abs=1e-8 * loss)
    assert (n / E).max() - answer.price == pytest.approx(level, rel=1e-6, abs=1e-9 * (n / E).max())


def test_minimax_leverage_agrees_with_a_linear_program_and_with_equal_losses() -> None:
    from scipy.optimize import linprog

    n, E = np.array([100.0, 60.0, 20.0, 90.0]), np.array([10.0, 10.0, 10.0, 30.0])
    answer = ao.allocate(ao.LossProblem(110, payers(n=n, E=E), cap="n"), "minimax-leverage", equity="E")
    lp = linprog([0, 0, 0, 0, 1], A_ub=np.column_stack((-np.eye(4), -E)), b_ub=-n,
                 A_eq=[[1, 1, 1, 1, 0]], b_eq=[110], bounds=[*((0, k) for k in n), (0, None)])  # fmt: skip
    assert ((n - answer.paid) / E).max() == pytest.approx(lp.fun)
    twin = ao.allocate(ao.LossProblem(110, payers(n=n, E=E), cap="n"), "constrained-equal-losses", key="E")
    assert answer.paid == pytest.approx(twin.paid)


def test_minimax_leverage_refuses_a_leverage_without_limit_and_other_readings() -> None:
    problem = ao.LossProblem(5, payers(n=[10.0, 10.0], E=[0.0, 5.0]), cap="n")
    with pytest.raises(DataError, match="'P0' has a position of 10 and no equity"):
        ao.allocate(problem, "minimax-leverage", equity="E")
    with pytest.raises(DataError, match="no reading 'payout'"):
        ao.scheme("minimax-leverage", equity="E", reading="payout")
    with pytest.raises(DataError, match="'P0' has none"):
        ao.allocate(ao.LossProblem(5, problem.payers), "minimax-leverage", equity="E")
    with pytest.raises(DataError, match="expected finite numbers >= 0"):
        ao.allocate(problem, "minimax-leverage", equity=[-1.0, 1.0])


def test_risk_aware_rates_rise_with_leverage_and_a_great_power_is_the_queue() -> None:
    problem = ao.LossProblem(12, payers(u=[10.0, 10.0, 20.0], lev=[6.0, 2.0, 1.0]), cap="u")
    rates = ao.allocate(problem.replace(loss=5), "risk-aware-pro-rata", leverage="lev").paid / problem.caps
    assert rates == pytest.approx([0.3, 0.1, 0.05])
    squared = ao.allocate(problem.replace(loss=5), "risk-aware-pro-rata", leverage="lev", power=1.0)
    weight = problem.caps * np.array([36.0, 4.0, 1.0])
    assert squared.paid == pytest.approx(5 * weight / weight.sum())
    steep = ao.allocate(problem, "risk-aware-pro-rata", leverage="lev", power=60.0)
    line = ao.allocate(problem, "queue", score="lev")
    assert steep.paid == pytest.approx(line.paid, abs=1e-6)
    with pytest.raises(DataError, match="power is -1"):
        ao.scheme("risk-aware-pro-rata", leverage="lev", power=-1.0)


def brute_lots(loss: float, caps: list[float], lots: list[float], fair: np.ndarray) -> tuple[float, float]:
    """The most that lots can bear and the least distance to the fair shares, by trying every division."""
    grids = [np.arange(0, int(c / d + 1e-9) + 1) * d for c, d in zip(caps, lots, strict=True)]
    best = (-1.0, 0.0)
    for shares in itertools.product(*grids):
        total = float(sum(shares))
        if total <= loss + 1e-9:
            best = max(best, (round(total, 9), -round(float(np.abs(np.array(shares) - fair).sum()), 9)))
    return best[0], -best[1]


@settings(max_examples=40)
@given(
    caps=st.lists(st.integers(0, 7), min_size=1, max_size=4), loss=st.integers(0, 20),
    sizes=st.lists(st.sampled_from([1, 2, 3]), min_size=4, max_size=4), alike=st.booleans(), keyed=st.booleans(),
)  # fmt: skip
def test_lots_beat_every_other_division(caps: list[int], loss: int, sizes: list[int], alike: bool, keyed: bool) -> None:
    lot = [float(sizes[0])] * len(caps) if alike else [float(d) for d in sizes[: len(caps)]]
    table = payers(cap=[float(c) for c in caps], lot=lot, key=[1.0 + k for k in range(len(caps))])
    problem = ao.LossProblem(float(loss), table, cap="cap")
    key = "key" if keyed else None
    fair = ao.allocate(problem, "pro-rata", key=key).paid
    most, nearest = brute_lots(loss, [float(c) for c in caps], lot, fair)
    for by in ("auto", "program"):
        answer = ao.allocate(problem, "lots", by, lot="lot", key=key)
        answer.verify(1e-7)
        assert answer.paid.sum() == pytest.approx(most) and answer.residual == pytest.approx(loss - most)
        assert np.abs(answer.paid - fair).sum() == pytest.approx(nearest, abs=1e-6)
        assert np.abs(answer.paid / np.array(lot) - np.rint(answer.paid / np.array(lot))).max() < 1e-9


def test_lots_say_what_they_cannot_make_up_and_catch_a_wrong_answer() -> None:
    problem = ao.LossProblem(7.5, payers(cap=[4.0, 4.0, 4.0], lot=[2.0, 2.0, 3.0]), cap="cap")
    answer = ao.allocate(problem, "lots", lot="lot")
    assert answer.notes == ("0.5 cannot be made up of lots",) and np.isnan(answer.price)
    for wrong in ([4.0, 0.0, 3.0], [2.5, 1.5, 3.0], [2.0, 2.0, 0.0], [6.0, 0.0, 0.0]):
        with pytest.raises(CertificateError):
            dataclasses.replace(answer, paid=np.array(wrong)).verify()
    with pytest.raises(DataError, match="'P1' has a lot of zero"):
        ao.allocate(problem, "lots", lot=[1.0, 0.0, 1.0])
    with pytest.raises(DataError, match="name a key"):
        ao.allocate(ao.LossProblem(5, problem.payers), "lots", lot=1.0)
    assert ao.allocate(ao.LossProblem(3.0, problem.payers), "lots", lot=1.0, key="cap").shares.tolist() == [1.0] * 3
    assert ao.allocate(question([], 3.0), "lots", lot=1.0).residual == 3.0


@pytest.mark.parametrize(
    ("rule", "keyed"),
    [("queue", "score"), ("minimax-leverage", "equity"), ("contract-pro-rata", "key"), ("pro-rata", "key"),
     ("risk-aware-pro-rata", "leverage"), ("constrained-equal-awards", "key")],
)  # fmt: skip
def test_a_batch_without_keys_takes_the_figures_of_the_scheme(rule: str, keyed: str) -> None:
    losses, own = [1.0, 5.0, 8.0], [1.0, 2.0, 3.0]
    table = payers(cap=[4.0, 4.0, 4.0], own=own)
    alone = [ao.allocate(ao.LossProblem(loss, table, "cap"), rule, **{keyed: own}).shares for loss in losses]
    for figures in (own, np.array(own), pd.Series(own)):
        together = ao.allocate_many(ao.scheme(rule, **{keyed: figures}), losses, None, table["cap"])
        assert together == pytest.approx(np.array(alone), abs=1e-9)
    with pytest.raises(DataError, match="'own', and a batch has no table"):
        ao.allocate_many(rule, losses, None, table["cap"], **{keyed: "own"})


@pytest.mark.parametrize("lot", [0.1, pd.Series([0.1, 0.1 * 3], index=["A", "B"])], ids=["one size", "two sizes"])
def test_the_last_bits_of_a_sum_hide_no_lot(lot: Any) -> None:
    """Eight fills of 0.1 add up to 0.7999999999999999, which is eight lots; three times 0.1 is a lot of 0.3."""
    table = pd.DataFrame({"contracts": [sum([0.1] * 8), 0.1 * 3]}, index=["A", "B"])
    answer = ao.allocate(ao.LossProblem(1.1, table, cap="contracts"), "lots", lot=lot).verify()
    assert answer.shares.to_numpy() == pytest.approx([0.8, 0.3], abs=1e-15)
    assert (answer.shares <= table["contracts"]).all()
    assert answer.residual == 0.0


def test_an_exchanges_rules_divide_a_clearing_houses_event() -> None:
    event = ao.load_event("nasdaq-clearing-2018")
    problem = event.problem()
    key = next(c for c in ("default_fund", "initial_margin") if c in problem.payers.columns)
    for name, parameters in (
        ("queue", {"score": key}), ("contract-pro-rata", {"key": key}), ("minimax-leverage", {"equity": key}),
        ("lots", {"lot": 1000.0, "key": key}),
    ):  # fmt: skip
        capped = problem if name != "minimax-leverage" else problem.replace(cap=key)
        ao.allocate(capped, name, **parameters).verify()


def test_one_event_under_venues_rules_side_by_side() -> None:
    book = ao.simulate_book(60, seed=8)
    cash, contracts = ao.deficit_problem(book, side="long"), ao.deficit_problem(book, side="long", unit="contracts")
    for name, parameters in (
        ("pro-rata", {"key": "profit"}), ("pro-rata", {"key": "equity"}), ("contract-pro-rata", {"key": "contracts"}),
        ("risk-aware-pro-rata", {"leverage": "leverage"}), ("queue", {"score": "leverage"}),
    ):  # fmt: skip
        answer = ao.allocate(cash, name, **parameters).verify()
        assert (answer.paid <= cash.column("equity") + 1e-9).all() and answer.residual == 0
    notional = contracts.replace(loss=contracts.loss * book.mark, cap="notional")
    drained = ao.allocate(notional, "minimax-leverage", equity="equity").verify()
    after = (notional.column("notional") - drained.paid) / notional.column("equity")
    queued = ao.adl_queue(book, side="long", limit="position").left[contracts.ids] * book.mark
    assert after.max() <= (queued / notional.column("equity")).max() + 1e-9


# -- losses socialised -------------------------------------------------------------------------------------------------


def test_drift_pays_insurance_then_fees_then_every_contract() -> None:
    book = pd.Series({"A": 6.0, "B": -3.0, "C": 1.0})
    told = ao.drift_social_loss(100, book, vault=31.0, unit=1.0, fee_pool=10.0)
    assert told.first == {"insurance": 30.0, "fee pool": 10.0} and told.rate == pytest.approx(6.0)
    limited = ao.drift_social_loss(100, book, vault=31.0, unit=1.0, insurance_left=5.0)
    assert limited.first["insurance"] == 5.0 and limited.shares.sum() == pytest.approx(95.0)
    up = ao.drift_social_loss(1, pd.Series({"A": 2.0, "B": -1.0}), step=0.01)
    assert up.rate == pytest.approx(0.34) and up.surplus == pytest.approx(0.02)  # rounded up, never down
    assert up.shares.tolist() == pytest.approx([0.68, 0.34])
    assert ao.drift_social_loss(10, book, vault=100.0).shares.tolist() == [0.0, 0.0, 0.0]
    assert ao.drift_social_loss(10, pd.Series({"A": 0.0})).residual == 10.0


def test_the_session_pays_at_one_rate_of_its_profits() -> None:
    profits = pd.Series({"A": 100.0, "B": 50.0, "C": -40.0})
    for venue in ("okex-2018", "crypto.com", "deribit"):
        told = ao.socialise_session(30, profits, venue, fund=6.0)
        assert told.shares.to_dict() == pytest.approx({"A": 16.0, "B": 8.0, "C": 0.0})
        assert told.rate == pytest.approx(0.16)
        told.allocation.verify()
    assert ao.socialise_session(200, profits).residual == 50.0
    flat = ao.socialise_session(1, profits, "crypto.com-flat")
    assert flat.shares.tolist() == [1.0, 0.5, 0.0] and flat.surplus == 0.5
    assert ao.socialise_session(3, profits, "crypto.com-flat").shares.sum() == pytest.approx(3.0)
    assert ao.socialise_session(0, profits, "crypto.com-flat").shares.sum() == 0.0
    with pytest.raises(DataError, match="venue"):
        ao.socialise_session(1, profits, "okex")
    with pytest.raises(DataError, match="Series by account"):
        ao.socialise_session(1, [1.0, 2.0])  # type: ignore[arg-type]


@settings(max_examples=60)
@given(
    vault=st.floats(0, 1e6), capital=st.floats(0, 1e6), insurance=st.floats(0, 1e5),
    profits=st.lists(st.floats(-1e5, 1e5), min_size=1, max_size=6),
)  # fmt: skip
def test_the_global_factor_never_promises_more_than_the_vault(
    vault: float, capital: float, insurance: float, profits: list[float]
) -> None:
    told = ao.percolator_factor(vault, capital, insurance, pd.Series(profits))
    gains = np.maximum(profits, 0.0)
    kept = gains - told.shares.to_numpy()
    assert 0 <= told.rate <= 1 and kept == pytest.approx(told.rate * gains, abs=1e-6)
    assert kept.sum() <= max(vault - capital - insurance, 0.0) + 1e-6


# -- Paradex -------------------------------------------------------------------------------------------------------


def test_the_factor_stands_still_while_nothing_else_happens_and_all_who_leave_cover_the_loss() -> None:
    balances = pd.Series({"A": 60.0, "B": 40.0, "C": 100.0, "D": -30.0})
    order = pd.DataFrame({"account": ["A", "C", "A", "B", "C"], "amount": [10.0, 70.0, 50.0, 40.0, 30.0]})
    told = ao.withdrawal_haircuts(balances, order, fund=10.0)
    told.verify()
    assert told.table["factor"].to_numpy() == pytest.approx([0.1] * 5)
    assert told.residual == pytest.approx(0.0, abs=1e-12) and told.shares.sum() == pytest.approx(20.0)
    part = ao.withdrawal_haircuts(balances, order.iloc[:1], fund=10.0)
    assert part.shares.to_dict() == {"A": 1.0, "B": 0.0, "C": 0.0, "D": 0.0}  # who stays has paid nothing


def test_who_leaves_before_the_loss_escapes_it() -> None:
    balances = pd.Series({"A": 100.0, "B": 100.0, "D": 10.0})
    first = pd.DataFrame({"account": ["A", "B"], "amount": [100.0, 100.0], "loss": [0.0, 30.0], "loser": ["D", "D"]})
    told = ao.withdrawal_haircuts(balances, first)
    told.verify()
    assert told.shares["A"] == 0.0 and told.shares["B"] == pytest.approx(20.0)
    last = pd.DataFrame({"account": ["B", "A"], "amount": [100.0, 100.0], "loss": [30.0, 0.0], "loser": ["D", "D"]})
    both = ao.withdrawal_haircuts(balances, last)
    assert both.shares["A"] == both.shares["B"] == pytest.approx(10.0)
    refilled = last.assign(refill=[0.0, 10.0])
    assert ao.withdrawal_haircuts(balances, refilled).shares["A"] == 0.0  # and who waits may pay nothing


def test_bad_withdrawals_are_refused() -> None:
    balances = pd.Series({"A": 10.0})
    for wrong, sentence in (
        ({"account": ["A"], "amount": [11.0]}, "asks for 11 of a balance of 10"),
        ({"account": ["Z"], "amount": [1.0]}, "no account is called 'Z'"),
        ({"account": ["A"], "amount": [-1.0]}, "amount"),
        ({"account": ["A"]}, "amount"),
    ):
        with pytest.raises(DataError, match=sentence):
            ao.withdrawal_haircuts(balances, pd.DataFrame(wrong))
    empty = ao.withdrawal_haircuts(balances, pd.DataFrame({"account": [], "amount": []}))
    assert empty.shares.tolist() == [0.0] and empty.verify().residual == 0.0
    wrong = dataclasses.replace(empty, kept=np.array([5.0]))
    with pytest.raises(CertificateError):
        wrong.verify()


# -- pools and lending ---------------------------------------------------------------------------------------------


def test_a_pool_is_deleveraged_between_its_floor_and_its_trigger() -> None:
    state = ao.gmx_pool_factor(90.0, 100.0)
    paid = state.most
    assert (90 - paid) / (100 - paid) == pytest.approx(0.77)
    assert not ao.gmx_pool_factor(85.0, 100.0).allowed and ao.gmx_pool_factor(85.0, 100.0).most == 0
    assert state.after(95.0, 100.0) == "not reduced" and state.after(80.0, 100.0) == "stands"
    assert state.after(76.0, 100.0) == "overcorrected"
    assert ao.gmx_pool_factor(-5.0, 100.0).factor == -0.05 and ao.gmx_pool_factor(5.0, 0.0).factor == 0.0
    with pytest.raises(DataError, match="not below the trigger"):
        ao.gmx_pool_factor(1.0, 1.0, trigger=0.5, floor=0.6)
    payout = ao.gmx_payout(pd.Series({"A": 80.0, "B": 50.0, "C": -10.0}), 100.0).verify()
    assert payout.shares.tolist() == [20.0, 12.5, 0.0]


def test_bad_debt_reaches_the_circle_that_each_protocol_names() -> None:
    deposits = pd.Series({"A": 200.0, "B": 100.0})
    assert ao.morpho_bad_debt(30, deposits).shares.tolist() == [20.0, 10.0]
    assert ao.morpho_bad_debt(30, deposits, borrowed=15.0).shares.tolist() == [10.0, 5.0]
    assert ao.morpho_bad_debt(400, deposits).residual == 100.0
    slashed = ao.umbrella_slash(150, pd.Series({"A": 300.0, "B": 100.0}), pending=20.0, offset=30.0, fee=0.1)
    assert slashed.shares.sum() == pytest.approx(110.0) and slashed.first == {"offset": 30.0}
    assert ao.umbrella_slash(1e6, pd.Series({"A": 300.0})).residual == pytest.approx(1e6 - 300)
    assert ao.umbrella_slash(20, pd.Series({"A": 300.0}), offset=50.0).shares.tolist() == [0.0]
    absorbed = ao.comet_absorb(30, -5.0, deposits)
    assert absorbed.first == {"reserves": 0.0} and absorbed.shares.sum() == pytest.approx(35.0)
    assert ao.comet_absorb(30, 50.0, deposits).shares.sum() == 0.0


def test_maker_heals_from_surplus_and_auctions_whole_sumps() -> None:
    holders = pd.Series({"A": 600.0, "B": 400.0})
    told = ao.maker_flop(160_000, 0.0, holders, [250.0, 200.0, 400.0])
    minted = 50_000 / 250 + 50_000 / 200 + 50_000 / 400
    assert told.rate == pytest.approx(minted / (1000 + minted)) and told.surplus == -10_000
    assert told.shares.tolist() == [90_000.0, 60_000.0]
    assert ao.maker_flop(49_999, 0.0, holders, 250.0).shares.sum() == 0.0
    assert ao.maker_flop(10_000, 20_000, holders, 250.0).first == {"surplus": 10_000.0}
    with pytest.raises(DataError, match="each of the 2 auctions"):
        ao.maker_flop(100_000, 0.0, holders, [250.0, 0.0])


def test_synthetix_hands_debt_and_collateral_to_the_rest_of_the_vault() -> None:
    shares = pd.Series({"X": 5.0, "A": 2.0, "B": 1.0})
    told = ao.synthetix_liquidation("X", 90, 120.0, shares)
    assert told.debt.shares.to_dict() == {"A": 60.0, "B": 30.0} and told.net.sum() == pytest.approx(-30.0)
    alone = ao.synthetix_liquidation("X", 90, 120.0, shares.iloc[:1])
    assert alone.whole_vault and alone.debt.residual == 90.0


@pytest.mark.parametrize("threshold", np.linspace(0, 0.999, 12))
def test_morphos_incentive_never_outgrows_the_collateral(threshold: float) -> None:
    assert 1.0 <= morpho_incentive(float(threshold)) <= 1.15 and threshold * morpho_incentive(float(threshold)) < 1


# -- several contracts -----------------------------------------------------------------------------------------------


def test_one_contract_drains_leverage_to_one_level() -> None:
    rng = np.random.default_rng(0)
    q, E = rng.uniform(0, 10, 12), rng.uniform(1, 5, 12)
    told = ao.drain_leverage(pd.Series({"BTC": 25.0}), pd.DataFrame({"BTC": q}), E, [[0.04]])
    told.verify(1e-7)
    table = pd.DataFrame({"n": q, "E": E})
    twin = ao.allocate(ao.LossProblem(25.0, table, cap="n"), "minimax-leverage", equity="E")
    assert told.closed["BTC"].to_numpy() == pytest.approx(twin.paid, abs=1e-6)
    assert told.price["BTC"] == pytest.approx(-0.04 * ((q - twin.paid) / E).max(), rel=1e-5)


def test_shadow_prices_separate_the_accounts() -> None:
    from scipy.optimize import minimize

    positions = pd.DataFrame({"BTC": [8.0, 4.0, 3.0, -2.0], "ETH": [-5.0, 6.0, 2.0, 4.0]}, index=list("ABCD"))
    moves = np.array([[4.0, 1.5], [1.5, 1.0]])
    E = np.array([2.0, 5.0, 1.0, 3.0])
    told = ao.drain_leverage(pd.Series({"BTC": 6.0, "ETH": 3.0}), positions, E, moves)
    told.verify(1e-6)
    q, t = positions.to_numpy(), told.torn
    for i in range(4):  # given the prices every account solves a small problem of its own
        bounds = [(0.0, max(q[i, k], 0.0)) for k in range(2)]
        own = minimize(
            lambda x, i=i: (q[i] - x) @ moves @ (q[i] - x) / (2 * E[i]) - told.marginal @ x,
            np.zeros(2), bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-12},
        )  # fmt: skip
        assert t[i] == pytest.approx(own.x, abs=1e-4)
    moved = t + np.array([[0.0, 0.0], [0.0, 0.5], [0.0, -0.5], [0.0, 0.0]])
    slope = -((q - moved) @ moves) / E[:, None]
    assert not box_certificate(told.wanted, told.held, moved, slope, told.marginal, "moved").holds(1e-6)


def test_a_hedge_is_spared_and_one_factor_is_evened_out() -> None:
    positions = pd.DataFrame({"BTC": [5.0, 5.0], "ETH": [-5.0, 5.0]}, index=["hedged", "naked"])
    told = ao.drain_leverage(pd.Series({"BTC": 3.0, "ETH": 0.0}), positions, 1.0, [[1.0, 0.9], [0.9, 1.0]])
    assert told.closed.loc["hedged", "BTC"] == pytest.approx(0.0, abs=1e-7)
    v = np.array([2.0, 1.0])
    rng = np.random.default_rng(3)
    q, E = pd.DataFrame(rng.uniform(1, 9, (6, 2)), columns=["BTC", "ETH"]), rng.uniform(1, 4, 6)
    factor = ao.drain_leverage(pd.Series({"BTC": 12.0, "ETH": 9.0}), q, E, np.outer(v, v))
    factor.verify(1e-6)
    left = (q.to_numpy() - factor.torn) @ v / E
    inside = ((factor.torn > 1e-5) & (factor.torn < q.to_numpy() - 1e-5)).any(axis=1)
    assert left[inside] == pytest.approx(left.max(), rel=1e-4)
    assert any("singular" in note for note in factor.notes)


def test_short_sides_and_bad_input_of_several_contracts() -> None:
    positions = pd.DataFrame({"BTC": [-8.0, -4.0, -1.0]}, index=list("ABC"))
    told = ao.drain_leverage(pd.Series({"BTC": 6.0}), positions, 1.0, [[1.0]], side=[-1])
    assert told.closed["BTC"].to_numpy() == pytest.approx([5.0, 1.0, 0.0], abs=1e-6)
    assert "least risk" in told.explain("A")
    assert ao.drain_leverage(pd.Series({"BTC": 20.0}), -positions, 1.0, [[1.0]]).residual["BTC"] == 7.0
    with pytest.raises(DataError, match="'B' is 0, a leverage without limit"):
        ao.drain_leverage(pd.Series({"BTC": 6.0}), positions, [1.0, 0.0, 1.0], [[1.0]])
