"""A perpetual contract's open positions: matched, priced, and read in contracts and in cash."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array, number, payer_table, vector
from allocopt.mechanisms.perpetual.sides import positions, price_above_zero, sign_of

KINDS = ("linear", "inverse")

_MATCHED = 1e-9  # of the open interest: a million sizes read from decimals add up to within this, a lost account not
_CANCELLED = 1e-13  # of the amounts: a few roundings of balance plus profit


class PerpetualBook:
    r"""All accounts of one perpetual contract at one moment: longs and shorts match, every price is above zero.

    .. math:: \mathrm{PnL}_i = s_i\, q_i\, m\, (P - P^0_i),\qquad E_i = B_i + \mathrm{PnL}_i,\qquad
       \sum_i s_i q_i + z = 0

    :math:`s_i = +1` for a long and :math:`-1` for a short, :math:`q_i \ge 0` contracts, :math:`P^0_i` the entry price,
    :math:`B_i` the wallet balance (the margin, for an isolated position), :math:`E_i` the equity, :math:`m` what one
    contract is worth per unit of price, :math:`P` the mark price. An inverse contract (margined in the coin) earns
    :math:`s_i q_i m\,(1/P^0_i - 1/P)`. :math:`z` is what the liquidation engine, fund or vault holds itself.

    An account is *bankrupt* when its equity is below zero. The deficit is stated twice: in cash,
    :math:`\sum_i E_i^-`, and in contracts, :math:`\sum_{E_i < 0} q_i`. The map between the two is the gap between the
    closing price and the mark, :meth:`gap`.

    Parameters
    ----------
    accounts : one row per account, with ``contracts`` (signed; or not, with a column ``side`` that says ``long`` or
        ``short``), ``entry_price`` and ``balance`` (or ``equity`` instead). Other columns are carried along;
        ``maintenance_margin``, ``opened``, ``session_profit``, ``withdrawal`` and so on are read by what needs them.
    mark : the mark price, > 0. ``oracle`` and ``previous_mark`` are other prices at which a venue may close.
    engine : contracts the liquidation engine holds, long > 0, short < 0; they are matched by accounts.
    kind : ``"linear"`` or ``"inverse"``.
    multiplier : :math:`m`, > 0.
    currency : the currency of balances, profits and losses.

    Raises
    ------
    DataError : sides that do not match, a price of zero, a profit in an account whose equity is negative, and the
        usual faults of tables.

    >>> accounts = pd.DataFrame({"contracts": [10.0, -6.0, -4.0], "entry_price": [100.0, 100.0, 95.0],
    ...                          "balance": [150.0, 80.0, 60.0]}, index=["D", "A", "B"])
    >>> book = PerpetualBook(accounts, mark=80.0)
    >>> book.equity.to_dict(), book.deficit, book.deficit_contracts("long")
    ({'D': -50.0, 'A': 200.0, 'B': 120.0}, 50.0, 10.0)
    >>> book.bankruptcy_price("long")  # 5 above the mark: closing 10 contracts there costs the shorts those 50
    85.0
    """

    def __init__(
        self,
        accounts: pd.DataFrame,
        mark: float,
        *,
        oracle: float | None = None,
        previous_mark: float | None = None,
        engine: float = 0.0,
        kind: str = "linear",
        multiplier: float = 1.0,
        currency: str = "",
    ) -> None:
        if kind not in KINDS:
            raise unknown("kind of contract", kind, KINDS)
        if not isinstance(currency, str):
            raise DataError(f"currency is {currency!r}; give a code such as 'USD', or ''")
        self.kind, self.currency = kind, currency
        self.mark = price_above_zero(mark, "the mark price")
        self.oracle = None if oracle is None else price_above_zero(oracle, "the oracle price")
        self.previous_mark = (
            None if previous_mark is None else price_above_zero(previous_mark, "the previous mark price")
        )
        self.engine = number(engine, "contracts of the liquidation engine", low=-np.inf)
        self.multiplier = price_above_zero(multiplier, "the multiplier")
        table = payer_table(accounts, "accounts")
        for column in ("contracts", "entry_price"):
            if column not in table.columns:
                raise unknown("column of the accounts", column, [str(c) for c in table.columns])
        self._table = table
        self._sign, self._size = positions(table)
        self._entry = vector(table["entry_price"], table.index, "entry_price")
        self._need_entry_prices()
        self._match()
        self._balance = self._read_balance(table)
        self._need_solvent_winners()
        for figures in (self._sign, self._size, self._entry, self._balance):
            figures.flags.writeable = False
        self._complete = True

    def __setattr__(self, name: str, value: Any) -> None:
        if "_complete" in self.__dict__:
            raise AttributeError(f"a PerpetualBook is frozen; build a new one to change {name!r}")
        object.__setattr__(self, name, value)

    def _need_entry_prices(self) -> None:
        free = np.flatnonzero((self._entry == 0) & (self._size > 0))
        if len(free):
            raise DataError(
                f"entry_price: account {self.ids[int(free[0])]!r} entered at a price of zero ({len(free)} such); state "
                "the price at which the position was opened"
            )

    def _match(self) -> None:
        net, gross = float((self._sign * self._size).sum()) + self.engine, float(self._size.sum()) + abs(self.engine)
        if abs(net) > _MATCHED * gross:
            longs, shorts = (float(self._size[self._sign == s].sum()) for s in (1.0, -1.0))
            raise DataError(
                f"longs hold {longs:,.6g} contracts and shorts {shorts:,.6g} (liquidation engine {self.engine:+,.6g}); "
                "every contract has two sides: add the missing accounts, or state what the engine holds"
            )

    def _read_balance(self, table: pd.DataFrame) -> Array:
        given = [c for c in ("balance", "equity") if c in table.columns]
        if not given:
            raise DataError("accounts have neither 'balance' nor 'equity'; add the wallet balance (margin) of each")
        figures = {c: vector(table[c], table.index, c, low=-np.inf) for c in given}
        if len(given) == 1:
            return figures["balance"] if "balance" in figures else figures["equity"] - self._pnl
        off = np.abs(figures["balance"] + self._pnl - figures["equity"])
        wrong = np.flatnonzero(off > 1e-6 * (np.abs(figures["balance"]) + np.abs(self._pnl)) + 1e-9)
        if len(wrong):
            at = int(wrong[0])
            raise DataError(
                f"account {self.ids[at]!r}: a balance of {figures['balance'][at]:,.6g} and an unrealised profit of "
                f"{self._pnl[at]:,.6g} do not make the equity {figures['equity'][at]:,.6g}; give one of the two"
            )
        return figures["balance"]

    def _need_solvent_winners(self) -> None:
        wrong = np.flatnonzero((self._pnl > 0) & (self._equity < 0))
        if len(wrong):
            at = int(wrong[0])
            raise DataError(
                f"account {self.ids[at]!r} has a profit of {self._pnl[at]:,.6g} but a negative equity of "
                f"{self._equity[at]:,.6g} ({len(wrong)} such): a winner cannot owe more than it has; settle its other "
                "losses first"
            )

    # -- what each account has -----------------------------------------------------------------------------------

    @property
    def ids(self) -> pd.Index:
        """The accounts, in the order of the table."""
        return self._table.index

    @property
    def accounts(self) -> pd.DataFrame:
        """The table as it was given, a copy."""
        return self._table.copy()

    def _series(self, values: Array, name: str) -> pd.Series[float]:
        return pd.Series(values.copy(), index=self.ids, name=name)

    @property
    def contracts(self) -> pd.Series[float]:
        """Size of every position, >= 0, in contracts."""
        return self._series(self._size, "contracts")

    @property
    def pnl(self) -> pd.Series[float]:
        """Unrealised profit (> 0) or loss at the mark, in currency."""
        return self._series(self._pnl, "pnl")

    @property
    def equity(self) -> pd.Series[float]:
        """Balance and unrealised profit, in currency; below zero the account is bankrupt."""
        return self._series(self._equity, "equity")

    @property
    def capacity(self) -> pd.Series[float]:
        """The most an account can be cut: the smaller of its profit and its equity, never below zero."""
        return self._series(self._capacity, "capacity")

    @cached_property
    def _pnl(self) -> Array:
        return self.value_change(self._entry, self.mark)

    @cached_property
    def _equity(self) -> Array:
        whole = self._balance + self._pnl
        # What two amounts leave when they cancel but for their last digits is nothing, not a bankruptcy.
        return np.where(np.abs(whole) <= _CANCELLED * (np.abs(self._balance) + np.abs(self._pnl)), 0.0, whole)

    @cached_property
    def _capacity(self) -> Array:
        return np.maximum(np.minimum(self._pnl, self._equity), 0.0)

    @cached_property
    def _notional(self) -> Array:
        return np.asarray(self._size * self.multiplier * (self.mark if self.kind == "linear" else 1.0 / self.mark))

    @cached_property
    def _leverage(self) -> Array:
        with np.errstate(divide="ignore"):
            ratio = np.where(self._equity > 0, self._notional / np.where(self._equity > 0, self._equity, 1.0), np.inf)
        return np.asarray(np.where(self._notional > 0, ratio, 0.0))

    @cached_property
    def _bankrupt(self) -> NDArray[np.bool_]:
        return np.asarray(self._equity < 0)

    def value_change(self, before: Any, after: Any) -> Array:
        """What every account gains when the price goes from ``before`` to ``after``, in currency."""
        start, end = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
        if self.kind == "linear":
            return np.asarray(self._sign * self._size * self.multiplier * (end - start))
        inverse = 1.0 / np.where(start > 0, start, np.inf) - 1.0 / end
        return np.asarray(self._sign * self._size * self.multiplier * inverse)

    # -- the whole ------------------------------------------------------------------------------------------------

    def on(self, side: str) -> NDArray[np.bool_]:
        """Which accounts hold a position on this side."""
        return np.asarray((self._sign == sign_of(side)) & (self._size > 0))

    @property
    def open_interest(self) -> float:
        """Contracts open on each side, those of the liquidation engine included."""
        return float(self._size[self._sign > 0].sum()) + max(self.engine, 0.0)

    @property
    def deficit(self) -> float:
        """Equity below zero, added up over accounts: the loss in cash."""
        return float(np.maximum(-self._equity, 0.0).sum())

    def deficit_contracts(self, side: str) -> float:
        """Contracts of bankrupt accounts on this side, and of the liquidation engine: the loss in contracts."""
        held = float(self._size[self.on(side) & self._bankrupt].sum())
        return held + max(sign_of(side) * self.engine, 0.0)

    def bankruptcy_prices(self) -> pd.Series[float]:
        r"""The price at which each account's equity is zero, :math:`P - s_i E_i / (q_i m)`; NaN without a position."""
        return self._series(self._zero_at(self._sign, self._size, self._equity), "bankruptcy_price")

    def bankruptcy_price(self, side: str) -> float:
        """The one price at which the bankrupt accounts of a side would together come out at zero."""
        who = self.on(side) & self._bankrupt
        if not who.any():
            raise DataError(f"no {side} account is bankrupt, so there is no bankruptcy price; give the price itself")
        sums = [np.array([v]) for v in (sign_of(side), self._size[who].sum(), self._equity[who].sum())]
        return float(self._zero_at(*sums)[0])

    def _zero_at(self, sign: Array, size: Array, equity: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            step = sign * equity / (size * self.multiplier)
            if self.kind == "linear":
                return np.where(size > 0, self.mark - step, np.nan)
            inverse = 1.0 / self.mark + step
            return np.where(size > 0, np.where(inverse > 0, 1.0 / inverse, np.inf), np.nan)

    def gap(self, side: str, price: float) -> float:
        r"""What closing one contract of ``side`` at ``price`` instead of the mark costs its holder; < 0 is a gain.

        .. math:: g = s\, m\, (P - P^c) \quad\text{(inverse: } s\, m\, (1/P^c - 1/P)\text{)}

        The map between the numeraires: :math:`x_i = g\, t_i` in cash for :math:`t_i` contracts closed.
        """
        close = price_above_zero(price, "the closing price")
        move = self.mark - close if self.kind == "linear" else 1.0 / close - 1.0 / self.mark
        return sign_of(side) * self.multiplier * move

    def __repr__(self) -> str:
        return (
            f"PerpetualBook({len(self.ids)} accounts, {self.open_interest:,.6g} contracts a side, "
            f"mark {self.mark:,.6g}, deficit {f'{self.deficit:,.2f} {self.currency}'.rstrip()})"
        )
