"""An insurance pool that several symbols share: whose loss emptied it, and a symbol that is moved out of it (Bybit)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from allocopt.facts.checks import number
from allocopt.facts.problem import LossProblem
from allocopt.mechanisms.outcome import named
from allocopt.mechanisms.perpetual.book import PerpetualBook
from allocopt.mechanisms.perpetual.scope import failed_side
from allocopt.mechanisms.perpetual.sides import sign_of
from allocopt.mechanisms.perpetual.social import SocialLoss, account_column
from allocopt.schemes.pro_rata import ProRata


def redistribute_pool_loss(pnl: pd.Series[Any], balance: float, *, currency: str = "") -> SocialLoss:
    r"""Spread what an empty pool is short of over its symbols, in proportion to what the pool lost with each.

    .. math:: L = V^-,\qquad x_s = L\, \frac{\Pi_s^-}{\sum_r \Pi_r^-}

    :math:`V` is the pool's balance (nothing is spread while it is above zero) and :math:`\Pi_s` its profit with symbol
    :math:`s`. Symbols with which it gained bear nothing. What falls on a symbol is won back from the winners of that
    symbol: :func:`pool_closing_price` says at which price. Nobody bears more than the pool lost with it; the rest of
    the loss is the residual.

    Source: Bybit, API documentation v5, "Get ADL Alert", example 3: the loss is redistributed "across symbols based on
    their PnL when pool balance = 0", and the bankruptcy price is that at which the balance is zero. That the shares are
    in proportion to the losses is how it is read here: the formula itself is **unverified**.

    >>> told = redistribute_pool_loss(pd.Series({"A": -600.0, "B": -300.0, "C": 50.0}), -90.0)
    >>> told.shares.to_dict(), told.rate
    ({'A': 60.0, 'B': 30.0, 'C': 0.0}, 0.1)
    """
    table = account_column(pnl, "pnl", low=-math.inf)
    table["lost"] = (-table["pnl"]).clip(lower=0.0)
    short = max(-number(balance, "the balance", low=-math.inf), 0.0)
    total = float(table["lost"].sum())
    answer = ProRata(key="lost").allocate(LossProblem(short, table, "lost", currency))
    return SocialLoss(answer, {}, min(short / total, 1.0) if short and total > 0 else 0.0)


def pool_closing_price(book: PerpetualBook, loss: float, side: str | None = None) -> float:
    r"""The price at which closing the bankrupt side's contracts brings in this loss: a symbol's part of a pool's.

    .. math:: P^c = P + s\, \frac{L}{q\, m} \qquad \Bigl(\text{inverse: } \frac1{P^c} = \frac1P - s\,
       \frac{L}{q\, m}\Bigr)

    :math:`q` are the contracts of the bankrupt accounts and of the engine on ``side`` (:math:`s = +1` for longs: they
    are sold above the mark). Infinite where an inverse contract cannot bring it in.

    >>> accounts = pd.DataFrame({"contracts": [10.0, -6.0, -4.0], "entry_price": [100.0, 100.0, 95.0],
    ...                          "balance": [150.0, 80.0, 60.0]}, index=["D", "A", "B"])
    >>> pool_closing_price(PerpetualBook(accounts, mark=80.0), 30.0)
    83.0
    """
    failed = failed_side(book, side)
    wanted, owed = book.deficit_contracts(failed), number(loss, "the loss")
    if owed == 0:
        return book.mark
    step = sign_of(failed) * owed / (wanted * book.multiplier) if wanted > 0 else math.inf
    if book.kind == "linear":
        return max(book.mark + step, 0.0)
    rest = 1.0 / book.mark - step
    return 1.0 / rest if rest > 0 else math.inf


@dataclass(frozen=True)
class SeparatedPool:
    """A pool after one symbol was moved out: the balance that stays, the symbol's own, and who is closed by equity."""

    symbol: Any
    rest: float
    own: float
    pnl: pd.Series[float]

    @property
    def empty(self) -> list[str]:
        """Which of the two pools is at or below zero, so that winners are closed there: ``rest``, ``own``, both."""
        return [name for name, held in (("rest", self.rest), ("own", self.own)) if held <= 0]


def separate_symbol(pnl: pd.Series[Any], balance: float, symbol: Any, *, endowment: float = 0.0) -> SeparatedPool:
    r"""Move one symbol out of a shared pool into one of its own, with its profit or loss and a part of the money.

    .. math:: V^{\text{own}} = \Pi_s + a,\qquad V^{\text{rest}} = V - \Pi_s - a

    The two balances add up to the old one :math:`V`. The symbol takes its own profit :math:`\Pi_s` (a loss, as a rule)
    with it and an ``endowment`` :math:`a` of the pool's money: the other symbols are relieved of a loss that is not
    theirs, and the symbol's own winners are closed as long as its pool is not above zero.

    Source: Bybit, API documentation v5, "Get ADL Alert", case 3. How much money goes with a symbol is not stated there;
    the endowment is this package's name for it.

    >>> told = separate_symbol(pd.Series({"A": -600.0, "B": -100.0}), 300.0, "A", endowment=500.0)
    >>> told.own, told.rest, told.empty
    (-100.0, 400.0, ['own'])
    """
    table = account_column(pnl, "pnl", low=-math.inf)
    at = named(symbol, table.index, "symbol")
    held, given = number(balance, "the balance", low=-math.inf), number(endowment, "the endowment")
    own = float(table["pnl"].iloc[at]) + given
    return SeparatedPool(symbol, held - own, own, table["pnl"].drop(index=[symbol]))
