"""Every contract is closed at one price, what a member is owed and owes is set off, and claims share what there is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array, number, vector
from allocopt.facts.problem import LossProblem
from allocopt.mechanisms.outcome import Outcome, amount_table, named, unit_of
from allocopt.schemes.pro_rata import ProRata


@dataclass(frozen=True, eq=False, repr=False)
class CloseOut(Outcome):
    """One net claim for each member, what is paid on it, and what is not."""

    ids: pd.Index
    net_claims: Array
    collected: Array
    assets: float
    currency: str

    @property
    def net(self) -> pd.Series[float]:
        """The net amount between member and clearing house: owed to the member > 0, owed by it < 0."""
        return pd.Series(self.net_claims.copy(), index=self.ids, name="net")

    @property
    def fund(self) -> float:
        """What there is to pay claims from: the assets, and what is collected from members who owe."""
        return self.assets + float(self.collected.sum())

    @property
    def claims(self) -> pd.Series[float]:
        """What each member is owed."""
        return self.net.clip(lower=0.0).rename("claim")

    @property
    def rate(self) -> float:
        """The part of every claim that is paid."""
        total = float(self.claims.sum())
        return min(1.0, self.fund / total) if total > 0 else 1.0

    @property
    def shares(self) -> pd.Series[float]:
        """What each member loses of its claim."""
        return pd.Series(self.allocation.paid.copy(), index=self.ids, name="loss")

    @property
    def payouts(self) -> pd.Series[float]:
        """What each member is paid."""
        return (self.claims - self.shares).rename("payout")

    @property
    def residual(self) -> float:
        """What no claim bears: zero, since claims bear everything that is missing."""
        return self.allocation.residual

    @property
    def surplus(self) -> float:
        """What is left of the fund when every claim is paid in full."""
        return max(self.fund - float(self.claims.sum()), 0.0)

    @cached_property
    def allocation(self) -> Allocation:
        """The shortfall divided pro rata to claims, none above its claim, with its certificate."""
        table = pd.DataFrame({"claim": np.maximum(self.net_claims, 0.0)}, index=self.ids)
        short = max(float(table["claim"].sum()) - self.fund, 0.0)
        about = "service closed: claims after set-off share the shortfall"
        return ProRata(key="claim").allocate(LossProblem(short, table, "claim", self.currency, about=about))

    @cached_property
    def certificate(self) -> Certificate:
        """The shortfall's own certificate, and whether what is paid is what there is."""
        found = self.allocation.certificate
        whole = max(self.fund, float(self.claims.sum())) or 1.0
        kept = abs(float(self.payouts.sum()) + self.surplus - self.fund) / whole
        return Certificate(max(found.primal, kept), found.dual, found.gap, "set-off", "all claims are paid at one rate")

    def explain(self, member: Any) -> str:
        """The member's net amount and what comes of it."""
        at, unit = named(member, self.ids, "member"), unit_of(self.currency)
        net = float(self.net_claims[at])
        if net < 0:
            return f"{member} owes {unit}{-net:,.2f} after set-off; {unit}{self.collected[at]:,.2f} of it is collected."
        return (
            f"{member} is owed {unit}{net:,.2f} after set-off. All claims of {unit}{self.claims.sum():,.2f} share "
            f"{unit}{self.fund:,.2f} and are paid at {self.rate:.4%}: it gets {unit}{self.payouts.iloc[at]:,.2f} and "
            f"loses {unit}{self.shares.iloc[at]:,.2f}."
        )

    def __repr__(self) -> str:
        unit = unit_of(self.currency)
        return (
            f"CloseOut({len(self.ids)} members: claims {unit}{self.claims.sum():,.2f}, fund {unit}{self.fund:,.2f}, "
            f"paid at {self.rate:.4%})"
        )


def full_tear_up(
    positions: pd.DataFrame,
    prices: Any,
    marks: Any,
    assets: float,
    *,
    unpaid: Any = 0.0,
    recovery: Any = 1.0,
    currency: str = "",
) -> CloseOut:
    r"""Close a service: every contract at one price, one net claim for each member, claims paid at one rate.

    .. math:: n_i = u_i + \sum_k q_{ik} (p_k - m_k), \qquad R = A + \sum_{n_i < 0} r_i |n_i|, \qquad
       y_i = n_i^+ \min\Bigl(1, \frac{R}{\sum_j n_j^+}\Bigr)

    :math:`q_{ik}` is the position of member :math:`i` in contract :math:`k` (long > 0), :math:`p_k` the price at which
    it is closed and :math:`m_k` the price to which it was last settled; :math:`u_i` is variation margin due and unpaid
    (due to the member > 0). Gains and debts of one member are set off into :math:`n_i`. Who owes pays the part
    :math:`r_i` of it; :math:`A` are the assets of the service. :math:`y_i` is paid; the rest of the claim is lost.

    A row is one claim in law. Where client and house accounts may not be set off, give each its own row.

    Parameters
    ----------
    positions : DataFrame members x contracts of signed quantities.
    prices, marks : close-out price and last settlement price, a Series by contract (any sign).
    assets : what the service has, >= 0, in currency.
    unpaid : variation margin due and unpaid, by member; a number for all.
    recovery : the part of its debt that a debtor pays, between 0 and 1, by member; 1 by default.

    Raises
    ------
    DataError : a number that is none, a contract without a price, a recovery outside 0 to 1.

    Sources: Regulation (EU) 2021/23 Art. 29(3) (value each contract, update balances, net with margin due and unpaid);
    ISDA (August 2013): full tear-up of the product line as the last resort. Proportional payment is insolvency's rule.

    >>> book = pd.DataFrame({"gas": [10.0, -4.0, -6.0]}, index=["A", "B", "C"])
    >>> price, mark = pd.Series({"gas": 12.0}), pd.Series({"gas": 10.0})
    >>> closed = full_tear_up(book, price, mark, assets=0.0, recovery=[1, 1, 0.5])
    >>> closed.net.to_dict(), closed.payouts.to_dict()
    ({'A': 20.0, 'B': -8.0, 'C': -12.0}, {'A': 14.0, 'B': 0.0, 'C': 0.0})
    """
    unit_of(currency)
    q, frame = amount_table(positions, "positions", "member", "contract", low=-np.inf)
    for name, given in (("prices", prices), ("marks", marks)):
        lone = given.index.difference(frame.columns, sort=False) if isinstance(given, pd.Series) else pd.Index([])
        if len(lone):
            raise DataError(f"{name}: {lone[0]!r} is no contract of the positions; leave it out")
    move = vector(prices, frame.columns, "prices", low=-np.inf) - vector(marks, frame.columns, "marks", low=-np.inf)
    net = q @ move + vector(unpaid, frame.index, "unpaid", low=-np.inf)
    paid = np.maximum(-net, 0.0) * vector(recovery, frame.index, "recovery", high=1.0)
    return CloseOut(frame.index, net, paid, number(assets, "assets"), currency)
