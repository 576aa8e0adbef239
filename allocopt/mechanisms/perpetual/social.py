"""Losses socialised without closing anybody: per contract, out of the session's profits, or by one factor for all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.checks import number, vector
from allocopt.facts.problem import LossProblem
from allocopt.mechanisms.outcome import chosen, once_each, stake
from allocopt.mechanisms.perpetual.rounding import rounded_up
from allocopt.schemes.contract_pro_rata import ContractProRata
from allocopt.schemes.pro_rata import ProRata

SESSIONS = ("okex-2018", "crypto.com", "crypto.com-flat", "deribit")
_FLAT = 0.01  # of every profit, in the older version of Crypto.com's rule


@dataclass(frozen=True, eq=False)
class SocialLoss:
    """A loss after its first bearers: what they paid, and who pays the rest (an ordinary :class:`Allocation`)."""

    allocation: Allocation
    first: dict[str, float]
    rate: float
    surplus: float = 0.0

    @property
    def shares(self) -> pd.Series[float]:
        """What every account bears."""
        return self.allocation.shares

    @property
    def residual(self) -> float:
        """What nobody could bear."""
        return self.allocation.residual


def drift_social_loss(
    loss: float,
    contracts: pd.Series[Any],
    *,
    vault: float = 0.0,
    insurance_left: float = math.inf,
    fee_pool: float = 0.0,
    unit: float = 1e-6,
    step: float = 1e-6,
    currency: str = "",
) -> SocialLoss:
    r"""Drift v2: insurance, then the market maker's fees, then the same amount from every open contract, long or short.

    .. math:: a = \min(L, V - u, A),\quad b = \min(L - a, F),\quad
       \delta = \Bigl\lceil \frac{L - a - b}{\sum_i |z_i|} \Bigr\rceil_{s},\quad x_i = \delta |z_i|

    :math:`V` the insurance ``vault``, of which one smallest ``unit`` :math:`u` stays, :math:`A` what insurance may
    still pay for this market (``insurance_left``), :math:`F` the ``fee_pool``. The amount per contract is rounded up to
    a ``step`` :math:`s` (a millionth of the currency, as in the code), so the shares exceed the loss by the
    ``surplus``, less than a step per contract. It is charged through the funding rate: added for longs and subtracted
    for shorts, so that both sides pay.

    Source: drift-labs/protocol-v2, controller/liquidation.rs, resolve_perp_bankruptcy.

    >>> told = drift_social_loss(100, pd.Series({"A": 6.0, "B": -3.0, "C": 1.0}), vault=31.0, unit=1.0, fee_pool=10.0)
    >>> told.first, told.shares.to_dict()
    ({'insurance': 30.0, 'fee pool': 10.0}, {'A': 36.0, 'B': 18.0, 'C': 6.0})
    """
    whole = stake(loss, "the loss")
    table = account_column(contracts, "contracts", low=-math.inf)
    insured = min(whole, max(number(vault, "vault") - number(unit, "unit"), 0.0))
    insured = min(insured, number(insurance_left, "insurance_left", finite=False))
    fees = min(whole - insured, number(fee_pool, "fee_pool"))
    rest = whole - insured - fees
    open_contracts = float(table["contracts"].abs().sum())
    if not open_contracts:
        rate, charged = 0.0, rest
    else:
        rate = rounded_up(rest / open_contracts, number(step, "step"))
        charged = max(rate * open_contracts, rest)
    answer = ContractProRata(key="contracts").allocate(LossProblem(charged, table, None, currency))
    return SocialLoss(answer, {"insurance": insured, "fee pool": fees}, rate, charged - rest if open_contracts else 0.0)


def socialise_session(
    loss: float, profits: pd.Series[Any], venue: str = "okex-2018", *, fund: float = 0.0, currency: str = ""
) -> SocialLoss:
    r"""Take a loss from the accounts that made a net profit in the session, all at one rate of it.

    .. math:: h = \min\Bigl(1, \frac{(L - F)^+}{\sum_i P_i^+}\Bigr),\qquad x_i = h\, P_i^+

    :math:`P_i` is the net profit of the session, realised and unrealised, :math:`F` the ``fund`` that pays first.

    ==================  ==========================================================================================
    okex-2018           the week's net profit over all contracts of the coin; one percentage for all who gained
    crypto.com          pro rata to the session's profit
    crypto.com-flat     its older version: 1 % of every profit while that is enough (the surplus goes to the fund)
    deribit             winners of the day; that the share is in proportion to profit is **unverified**
    ==================  ==========================================================================================

    Raises ``DataError`` for profits that are no numbers or an unknown venue.

    Sources: OKEx clawback of 31 July 2018 (trustnodes.com, 3 August 2018); Crypto.com Exchange help 4894442 (two
    versions); Deribit support 25944777576477.

    >>> socialise_session(30, pd.Series({"A": 100.0, "B": 50.0, "C": -40.0})).shares.to_dict()
    {'A': 20.0, 'B': 10.0, 'C': 0.0}
    >>> told = socialise_session(1, pd.Series({"A": 100.0, "B": 50.0}), "crypto.com-flat")
    >>> told.shares.to_dict(), told.surplus
    ({'A': 1.0, 'B': 0.5}, 0.5)
    """
    chosen(venue, "venue", SESSIONS)
    whole = stake(loss, "the loss")
    table = account_column(profits, "session_profit", low=-math.inf)
    table["gain"] = table["session_profit"].clip(lower=0.0)
    paid = min(whole, number(fund, "fund"))
    rest, total = whole - paid, float(table["gain"].sum())
    taken = rest
    if venue == "crypto.com-flat" and 0 < rest < _FLAT * total:
        taken = _FLAT * total
    answer = ProRata(key="gain").allocate(LossProblem(taken, table, "gain", currency))
    rate = min(taken / total, 1.0) if total > 0 else 0.0
    return SocialLoss(answer, {"fund": paid}, rate, taken - rest)


def percolator_factor(
    vault: float, capital: float, insurance: float, profits: pd.Series[Any], *, currency: str = ""
) -> SocialLoss:
    r"""One factor for all profits: what is left after deposits and insurance, over the sum of positive profits.

    .. math:: R = \max(0, V - C - I),\qquad h = \frac{\min(R, \Pi)}{\Pi},\qquad \Pi = \sum_i P_i^+,\qquad
       x_i = (1 - h)\, P_i^+

    Capital :math:`C` is senior and untouched; profits are a junior claim worth :math:`h` each (the ``rate``); no
    position is closed. The form balances: deposits, insurance and the paid profits never exceed the vault.

    Source: aeyakovenko/percolator (the newer specification of a research protocol; Apache-2.0).

    >>> told = percolator_factor(1000, 800, 50, pd.Series({"A": 150.0, "B": 50.0, "C": -30.0}))
    >>> told.rate, told.shares.to_dict()
    (0.75, {'A': 37.5, 'B': 12.5, 'C': 0.0})
    """
    table = account_column(profits, "profit", low=-math.inf)
    table["gain"] = table["profit"].clip(lower=0.0)
    total = float(table["gain"].sum())
    left = max(number(vault, "vault") - number(capital, "capital") - number(insurance, "insurance"), 0.0)
    backed = min(left, total)
    answer = ProRata(key="gain").allocate(LossProblem(total - backed, table, "gain", currency))
    return SocialLoss(answer, {}, backed / total if total > 0 else 1.0)


def account_column(values: Any, name: str, *, low: float = 0.0) -> pd.DataFrame:
    """A Series by account as a table with one checked column."""
    if not isinstance(values, pd.Series):
        raise DataError(f"{name} is a {type(values).__name__}; give a Series by account")
    once_each(values.index, name, "account")
    return pd.DataFrame({name: vector(values, values.index, name, low=low)}, index=values.index)
