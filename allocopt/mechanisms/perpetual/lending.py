"""Bad debt of lending markets: which circle of holders bears what a liquidation did not bring in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.checks import number
from allocopt.facts.problem import LossProblem
from allocopt.mechanisms.outcome import named, stake
from allocopt.mechanisms.perpetual.rounding import rounded_down, rounded_up
from allocopt.mechanisms.perpetual.social import SocialLoss, account_column
from allocopt.schemes.pro_rata import ProRata

SUMP = 50_000.0  # DAI of bad debt per debt auction, as set in 2020


def morpho_incentive(threshold: float) -> float:
    r"""Morpho Blue's liquidation incentive factor for a liquidation loan-to-value :math:`\lambda`.

    .. math:: \min\Bigl(1.15,\ \frac{1}{1 - 0.3\,(1 - \lambda)}\Bigr)

    Source: morpho-org/morpho-blue, Morpho.sol.

    >>> round(morpho_incentive(0.8), 6), morpho_incentive(0.1)
    (1.06383, 1.15)
    """
    return min(1.15, 1.0 / (1.0 - 0.3 * (1.0 - number(threshold, "the loan-to-value threshold", high=1.0))))


def morpho_bad_debt(
    debt: float, deposits: pd.Series[Any], *, borrowed: float = math.inf, currency: str = ""
) -> Allocation:
    r"""Morpho Blue: when a borrower's collateral is gone, its debt is taken at once from all lenders of the market.

    .. math:: L = \min(D, \text{total borrowed}),\qquad x_i = L\, \frac{S_i}{\sum_j S_j}

    :math:`D` is what the borrower still owes with no collateral left, :math:`S_i` what lender :math:`i` has supplied.

    Source: morpho-org/morpho-blue, Morpho.sol (liquidate: badDebtAssets).

    >>> morpho_bad_debt(30, pd.Series({"A": 200.0, "B": 100.0})).shares.to_dict()
    {'A': 20.0, 'B': 10.0}
    """
    loss = min(stake(debt, "the debt"), number(borrowed, "borrowed", finite=False))
    table = account_column(deposits, "deposit")
    return ProRata(key="deposit").allocate(LossProblem(loss, table, "deposit", currency))


def umbrella_slash(
    deficit: float,
    stakes: pd.Series[Any],
    *,
    pending: float = 0.0,
    offset: float = 0.0,
    fee: float = 0.0,
    reserve_price: float = 1.0,
    stake_price: float = 1.0,
    unit: float = 0.0,
    currency: str = "",
) -> SocialLoss:
    r"""Aave Umbrella: the stakers of one asset are slashed for its new deficit, after the treasury's first loss.

    .. math:: N = \bigl(D - (\text{pending} + \text{offset})\bigr)^+,\qquad
       L = N\,(1 + f)\,\frac{P^{\text{reserve}}}{P^{\text{stake}}},\qquad x_i = \min(L, \textstyle\sum_j S_j)\,
       \frac{S_i}{\sum_j S_j}

    The loss and the stakes :math:`S_i` are counted in the staked asset, rounded down to whole ``unit`` (0: not at all).
    ``first`` holds the part of the deficit borne by the ``offset`` (in the reserve asset); the ``rate`` is the fall of
    the exchange rate, the ``surplus`` the liquidation fee :math:`f` within what is slashed.

    Source: aave-dao/aave-umbrella, Umbrella.sol and README.

    >>> told = umbrella_slash(150, pd.Series({"A": 300.0, "B": 100.0}), offset=50, stake_price=2.0)
    >>> told.shares.to_dict(), told.first, told.rate
    ({'A': 37.5, 'B': 12.5}, {'offset': 50.0}, 0.125)
    """
    owed, waiting, given = stake(deficit, "the deficit"), number(pending, "pending"), number(offset, "offset")
    price = number(stake_price, "stake_price")
    if price == 0:
        raise DataError("stake_price is zero; a price is above zero")
    fresh = max(owed - waiting - given, 0.0)
    extra = number(fee, "fee")
    loss = fresh * (1.0 + extra) * number(reserve_price, "reserve_price") / price
    loss = rounded_down(loss, number(unit, "the unit"))
    table = account_column(stakes, "stake")
    answer = ProRata(key="stake").allocate(LossProblem(loss, table, "stake", currency))
    total = float(table["stake"].sum())
    first = {"offset": min(given, max(owed - waiting, 0.0))}
    slashed = float(answer.paid.sum())
    return SocialLoss(answer, first, slashed / total if total > 0 else 0.0, slashed * extra / (1.0 + extra))


def drift_spot_loss(
    loss: float,
    deposits: pd.Series[Any],
    *,
    vault: float = 0.0,
    unit: float = 1e-6,
    step: float = 1e-10,
    currency: str = "",
) -> SocialLoss:
    r"""Drift v2, spot: insurance first, then every lender of the asset loses the same part of its deposit.

    .. math:: a = \min(L, V - u),\qquad \delta = \Bigl\lceil \frac{L - a}{\sum_j S_j} \Bigr\rceil_{s},\qquad
       x_i = \delta\, S_i

    The index of deposits is reduced, rounded up to a ``step`` :math:`s` of it (1e-10 in the code), so that the shares
    exceed the rest of the loss by the ``surplus``. :math:`V` is the insurance ``vault``, of which one ``unit``
    :math:`u` stays; the ``rate`` is :math:`\delta`.

    Source: drift-labs/protocol-v2, controller/liquidation.rs (resolve_spot_bankruptcy) and math/liquidation.rs.

    >>> told = drift_spot_loss(12.0, pd.Series({"A": 90.0, "B": 30.0}), vault=2.0, unit=1.0)
    >>> told.first, round(told.rate, 10), told.shares.round(6).to_dict()
    ({'insurance': 1.0}, 0.0916666667, {'A': 8.25, 'B': 2.75})
    """
    whole = stake(loss, "the loss")
    table = account_column(deposits, "deposit")
    insured = min(whole, max(number(vault, "vault") - number(unit, "unit"), 0.0))
    rest, total = whole - insured, float(table["deposit"].sum())
    rate = min(rounded_up(rest / total, number(step, "step")), 1.0) if total > 0 else 0.0
    charged = max(rate * total, rest)
    answer = ProRata(key="deposit").allocate(LossProblem(charged, table, "deposit", currency))
    return SocialLoss(answer, {"insurance": insured}, rate, charged - rest)


def comet_absorb(shortfall: float, reserves: float, deposits: pd.Series[Any], *, currency: str = "") -> SocialLoss:
    r"""Compound v3: the protocol's reserves take the whole shortfall at once, and may go below zero.

    .. math:: R' = R - L,\qquad x_i = (R')^-\, \frac{S_i}{\sum_j S_j}

    Nothing is booked to lenders. While :math:`R' < 0` the last of them to withdraw finds nothing: the shares state what
    each would bear if they stood together, the exposure behind a run, not a charge. ``first`` is what reserves took.

    Source: compound-finance/comet, Comet.sol, absorb ("all excess debt absorbed by reserves").

    >>> told = comet_absorb(30, 20.0, pd.Series({"A": 60.0, "B": 40.0}))
    >>> told.first, told.shares.to_dict()
    ({'reserves': 20.0}, {'A': 6.0, 'B': 4.0})
    """
    loss, held = stake(shortfall, "the shortfall"), number(reserves, "reserves", low=-math.inf)
    backed = min(loss, max(held, 0.0))
    table = account_column(deposits, "deposit")
    open_loss = loss - backed + max(-held, 0.0)
    answer = ProRata(key="deposit").allocate(LossProblem(open_loss, table, "deposit", currency))
    total = float(table["deposit"].sum())
    return SocialLoss(answer, {"reserves": backed}, min(open_loss / total, 1.0) if total > 0 else 0.0)


def maker_flop(
    debt: float, surplus: float, holdings: pd.Series[Any], prices: Any, *, sump: float = SUMP, currency: str = ""
) -> SocialLoss:
    r"""Maker: surplus first, then debt auctions of a fixed bid each, paid in new tokens that dilute all holders.

    .. math:: k = \Bigl\lfloor \frac{(D - S)^+}{\sigma} \Bigr\rfloor,\qquad
       m = \sum_{a \le k} \frac{\sigma}{p_a},\qquad x_i = k \sigma\, \frac{T_i}{\sum_j T_j}

    :math:`\sigma` is the ``sump``, :math:`p_a` the price per token at which auction :math:`a` clears (``prices``: one
    number, or one for each auction), :math:`m` the tokens minted. A holder's part of the venue falls from
    :math:`T_i / T` to :math:`T_i / (T + m)`; bidders pay what their tokens are worth to them, so holders bear the debt
    in proportion to what they hold. Debt short of a whole auction waits: it is the ``surplus`` of the answer, below
    zero. The ``rate`` is the dilution :math:`m / (T + m)`. Holders of the stablecoin bear nothing.

    Source: makerdao/dss, vow.sol and flop.sol.

    >>> told = maker_flop(130_000, 20_000, pd.Series({"A": 600.0, "B": 400.0}), 250.0)
    >>> told.shares.to_dict(), told.first, round(told.rate, 6), told.surplus
    ({'A': 60000.0, 'B': 40000.0}, {'surplus': 20000.0}, 0.285714, -10000.0)
    """
    owed, buffer, bid = stake(debt, "the debt"), number(surplus, "the surplus"), number(sump, "the sump")
    if bid == 0:
        raise DataError("the sump is zero; an auction raises an amount above zero")
    healed = min(owed, buffer)
    rest = owed - healed
    count = math.floor(rest / bid * (1 + 1e-12))
    try:
        price = np.asarray(prices, dtype=np.float64)
    except (TypeError, ValueError):
        price = np.full(1, np.nan)
    if price.shape not in ((), (count,)) or not (np.isfinite(price) & (price > 0)).all():
        raise DataError(f"prices: expected one price above zero for each of the {count} auctions, or one for all")
    table = account_column(holdings, "tokens")
    total = float(table["tokens"].sum())
    minted = float((bid / price).sum()) if price.ndim else count * bid / float(price)
    answer = ProRata(key="tokens").allocate(LossProblem(count * bid, table, None, currency))
    rate = minted / (total + minted) if total + minted > 0 else 0.0
    return SocialLoss(answer, {"surplus": healed}, rate, count * bid - rest if rest else 0.0)


@dataclass(frozen=True, eq=False)
class Redistribution:
    """A liquidated position spread over the rest of its vault: debt is a loss, collateral a gain."""

    debt: Allocation
    collateral: Allocation
    whole_vault: bool

    @property
    def net(self) -> pd.Series[float]:
        """Debt taken over less collateral received, by account, in the currency of the debt."""
        return self.debt.shares - self.collateral.shares


def synthetix_liquidation(
    account: Any, debt: float, collateral: float, shares: pd.Series[Any], *, currency: str = ""
) -> Redistribution:
    r"""Synthetix v3: a liquidated account's debt and its collateral go to the other positions of its vault, by shares.

    .. math:: x_i = D\, \frac{s_i}{\sum_{j \ne a} s_j},\qquad y_i = C\, \frac{s_i}{\sum_{j \ne a} s_j} \qquad (i \ne a)

    :math:`s_i` are the vault shares, :math:`C` the value of the seized collateral (after the liquidator's reward). When
    the account is the whole vault, nobody is there to take it over: ``whole_vault`` is true and the debt is the
    residual, which a vault liquidation sells.

    Source: Synthetixio/synthetix-v3, LiquidationModule.sol.

    >>> told = synthetix_liquidation("X", 90, 120.0, pd.Series({"X": 5.0, "A": 2.0, "B": 1.0}))
    >>> told.debt.shares.to_dict(), told.net.to_dict(), told.whole_vault
    ({'A': 60.0, 'B': 30.0}, {'A': -20.0, 'B': -10.0}, False)
    """
    table = account_column(shares, "shares")
    named(account, table.index, "account")
    rest = table.drop(index=[account])
    owed, seized = stake(debt, "the debt"), stake(collateral, "the collateral")
    rule = ProRata(key="shares")
    taken, given = (rule.allocate(LossProblem(amount, rest, None, currency)) for amount in (owed, seized))
    return Redistribution(taken, given, not bool((rest["shares"] > 0).any()))
