"""A haircut on withdrawals alone: what leaves pays, what stays does not, and the order of leaving decides (Paradex)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array, number, vector
from allocopt.mechanisms.outcome import Outcome, once_each


@dataclass(frozen=True, eq=False, repr=False)
class WithdrawalHaircuts(Outcome):
    """Withdrawals in the order in which they came: the factor each met, what it paid and what it received."""

    ids: pd.Index
    step_ids: list[Any]
    asked: Array
    factor: Array
    fund: Array
    kept: Array
    start: Array
    first_fund: float
    added: Array
    currency: str

    @property
    def table(self) -> pd.DataFrame:
        """One row per withdrawal: account, amount, factor, haircut, received, and the fund afterwards."""
        return pd.DataFrame(
            {
                "account": self.step_ids, "amount": self.asked, "factor": self.factor,
                "haircut": self.factor * self.asked, "received": (1.0 - self.factor) * self.asked, "fund": self.fund,
            }
        )  # fmt: skip

    @property
    def shares(self) -> pd.Series[float]:
        """What every account has paid so far; who has not withdrawn has paid nothing."""
        paid = pd.Series(self.factor * self.asked).groupby(pd.Series(self.step_ids, dtype=object), sort=False).sum()
        return paid.reindex(self.ids, fill_value=0.0).astype(float).rename("haircut")

    @property
    def balances(self) -> pd.Series[float]:
        """Settlement balances after the last withdrawal."""
        return pd.Series(self.kept.copy(), index=self.ids, name="balance")

    @property
    def residual(self) -> float:
        """Bankruptcy of the exchange that is still not covered."""
        last = float(self.fund[-1]) if len(self.fund) else self.first_fund
        return max(float(np.maximum(-self.kept, 0.0).sum()) - last, 0.0)

    @property
    def certificate(self) -> Certificate:
        """Evidence: every haircut went to the fund, every withdrawal left a balance, and no factor leaves [0, 1]."""
        unit = float(np.abs(self.start).sum()) or 1.0
        last = float(self.fund[-1]) if len(self.fund) else self.first_fund
        money = abs(last - self.first_fund - float(self.added.sum()) - float((self.factor * self.asked).sum()))
        moved = abs(float(self.start.sum() - self.kept.sum() - self.asked.sum()))
        outside = max(float((self.factor - 1.0).max(initial=0.0)), float((-self.factor).max(initial=0.0)))
        return Certificate(max(money, moved) / unit, outside, 0.0, "withdrawals", "what withdrawals pay, the fund has")

    def __repr__(self) -> str:
        return (
            f"WithdrawalHaircuts({len(self.asked)} withdrawals, {float((self.factor * self.asked).sum()):,.2f} "
            f"{self.currency}".rstrip()
            + f" paid, {self.residual:,.2f} not covered)"
        )


def withdrawal_haircuts(
    balances: pd.Series[Any], withdrawals: pd.DataFrame, fund: float = 0.0, *, currency: str = ""
) -> WithdrawalHaircuts:
    r"""Run a sequence of withdrawals through the last resort of a venue that charges only what leaves.

    .. math:: X = \max\Bigl(0,\ \sum_i B_i^- - F\Bigr),\qquad f = \frac{X}{T + X},\qquad
       \text{a withdrawal of } w \text{ pays } f w \text{ to the fund } F

    :math:`B_i` is a settlement balance, :math:`T = \sum_i B_i + F` the cash the exchange holds. It is a sequence with a
    state, not an allocation: while nothing else happens the factor stays as it is from withdrawal to withdrawal, so
    that all would pay their part if all left; but whoever leaves *before* a further loss escapes it, and who waits for
    the fund to be refilled pays less. That is an incentive to run, or to wait, and it is what this function shows.

    Parameters
    ----------
    balances : settlement balance of every account; below zero it is bankrupt.
    withdrawals : rows in order, with ``account`` and ``amount``; optional ``loss`` (falls on the account named in
        ``loser``) and ``refill`` (paid into the fund) take effect before the row's withdrawal.
    fund : the insurance fund at the start.

    Raises
    ------
    DataError : a withdrawal above the balance, an account that is not there.

    Source: docs.paradex.trade, risk, socialized losses (T as the cash held is derived from the formula's sense: only
    then do all withdrawals together cover the bankruptcy exactly).

    >>> told = withdrawal_haircuts(pd.Series({"A": 60.0, "B": 40.0, "D": -20.0}),
    ...                            pd.DataFrame({"account": ["A", "B"], "amount": [60.0, 40.0]}), fund=10.0)
    >>> told.table["factor"].round(12).to_list(), told.shares.round(12).to_dict(), told.residual
    ([0.1, 0.1], {'A': 6.0, 'B': 4.0, 'D': 0.0}, 0.0)
    """
    if not isinstance(balances, pd.Series):
        raise DataError(f"balances is a {type(balances).__name__}; give a Series by account")
    once_each(balances.index, "balances", "account")
    held = vector(balances, balances.index, "balances", low=-np.inf).copy()
    steps = _steps(withdrawals, balances.index)
    asked, loss, refill = (steps[c].to_numpy(dtype=float) for c in ("amount", "loss", "refill"))
    where, loser = (balances.index.get_indexer(pd.Index(steps[c])) for c in ("account", "loser"))
    start, pot = held.copy(), number(fund, "the fund")
    factors, funds, first = np.zeros(len(asked)), np.zeros(len(asked)), pot
    for k in range(len(asked)):
        if loss[k]:
            held[loser[k]] -= loss[k]
            start[loser[k]] -= loss[k]
        pot += refill[k]
        if asked[k] > held[where[k]] * (1 + 1e-12):
            raise DataError(
                f"withdrawal {k + 1}: account {steps['account'].iloc[k]!r} asks for {asked[k]:,.6g} of a balance of "
                f"{held[where[k]]:,.6g}; a withdrawal stays within the balance"
            )
        owed = max(float(np.maximum(-held, 0.0).sum()) - pot, 0.0)
        base = float(held.sum()) + pot + owed
        factors[k] = min(owed / base, 1.0) if base > 0 else float(owed > 0)
        held[where[k]] = max(held[where[k]] - asked[k], 0.0)
        pot += factors[k] * asked[k]
        funds[k] = pot
    return WithdrawalHaircuts(
        balances.index, list(steps["account"]), asked, factors, funds, held, start, first, refill, currency
    )


def _steps(withdrawals: Any, ids: pd.Index) -> pd.DataFrame:
    if not isinstance(withdrawals, pd.DataFrame):
        raise DataError(f"withdrawals is a {type(withdrawals).__name__}; give a DataFrame with account and amount")
    for column in ("account", "amount"):
        if column not in withdrawals.columns:
            raise unknown("column of the withdrawals", column, [str(c) for c in withdrawals.columns])
    rows = withdrawals.reset_index(drop=True)
    out = pd.DataFrame({"account": rows["account"]})
    for column in ("amount", "loss", "refill"):
        out[column] = vector(rows[column], rows.index, column) if column in rows.columns else 0.0
    out["loser"] = rows["loser"] if "loser" in rows.columns else rows["account"]
    for column, on in (("account", out["amount"] >= 0), ("loser", out["loss"] > 0)):
        lone = out.loc[on & ~out[column].isin(ids), column]
        if len(lone):
            raise unknown("account", lone.iloc[0], map(str, ids[:20]))
    return out
