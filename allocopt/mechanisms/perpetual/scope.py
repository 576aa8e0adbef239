"""Who is asked: one deficit as an ordinary question about one circle of payers or another, in cash or contracts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import vector
from allocopt.facts.problem import LossProblem
from allocopt.mechanisms.outcome import chosen
from allocopt.mechanisms.perpetual.book import PerpetualBook
from allocopt.mechanisms.perpetual.sides import SIDES, Side, other

UNITS = ("cash", "contracts")


@dataclass(frozen=True)
class Scope:
    """A circle of payers: who they are, by which column they are found, and what limits each of them.

    ``column`` is "" for holders of positions; otherwise payers are the accounts with an amount above zero in it, and
    no one bears more than that amount. ``example`` names a venue whose documents or code use the circle.
    """

    name: str
    who: str
    column: str
    example: str


SCOPES = {
    scope.name: scope
    for scope in (
        Scope("opposite side", "solvent accounts on the other side of the bankrupt ones", "", "every ADL queue"),
        Scope("both sides", "every solvent account with a position, long or short", "", "Drift v2"),
        Scope("session profit", "accounts with a net profit in the session", "session_profit", "OKEx 2018, Crypto.com"),
        Scope("withdrawers", "accounts that withdraw", "withdrawal", "Paradex"),
        Scope("lenders", "depositors of the asset that was lent", "deposit", "Morpho Blue, Drift v2 spot"),
        Scope("stakers", "stakers of the asset in deficit", "stake", "Aave Umbrella"),
        Scope("vault", "holders of the vault that backs the market", "vault_share", "Hyperliquid HLP, Lighter LLP"),
        Scope("token holders", "holders of the venue's token", "tokens", "Maker"),
    )
}


def deficit_problem(
    book: PerpetualBook,
    loss: float | None = None,
    *,
    scope: str = "opposite side",
    side: str | None = None,
    unit: str = "cash",
    cap: Any = None,
) -> LossProblem:
    r"""A venue's deficit as an ordinary question, so that any rule of the package can divide it.

    .. math:: \text{cash:}\quad L = \textstyle\sum_i E_i^-,\quad c_i = \min(\mathrm{PnL}_i^+, E_i^+);\qquad
       \text{contracts:}\quad L = \textstyle\sum_{E_i < 0} q_i,\quad c_i = q_i

    Parameters
    ----------
    book : the positions.
    loss : amount to divide, in the unit; by default the deficit of the bankrupt accounts on ``side``.
    scope : who pays, one of :data:`SCOPES`.
    side : the side that went bankrupt; by default the one on which there are bankrupt accounts (or engine contracts).
    unit : ``"cash"`` (haircuts in currency) or ``"contracts"`` (positions closed).
    cap : column name or figures; by default the capacity for holders of positions, the scope's column for others, and
        the position itself in contracts.

    Returns
    -------
    LossProblem whose table holds ``side``, ``contracts``, ``entry_price``, ``pnl``, ``profit``, ``equity``,
    ``balance``, ``notional``, ``leverage``, ``capacity`` and every other column of the accounts.

    Raises
    ------
    DataError : an unknown scope or unit, bankrupt accounts on both sides and no ``side``, a scope without its column.

    >>> import allocopt as ao
    >>> accounts = pd.DataFrame({"contracts": [10.0, -6.0, -4.0], "entry_price": [100.0, 100.0, 95.0],
    ...                          "balance": [150.0, 80.0, 60.0]}, index=["D", "A", "B"])
    >>> book = ao.PerpetualBook(accounts, mark=80.0)
    >>> ao.allocate(deficit_problem(book), "pro-rata", key="equity").shares.to_dict()  # a rule for clearing houses
    {'A': 31.25, 'B': 18.75}
    """
    chosen(unit, "unit", UNITS)
    if scope not in SCOPES:
        raise unknown("scope", scope, SCOPES)
    circle = SCOPES[scope]
    bankrupt = book._bankrupt
    if circle.column:
        if unit == "contracts":
            raise DataError(f"scope {scope!r} pays in cash; contracts can only be closed with holders of positions")
        if circle.column not in book._table.columns:
            raise DataError(f"scope {scope!r} reads column {circle.column!r}, which the accounts do not have; add it")
        amounts = vector(book._table[circle.column], book._table.index, circle.column, low=-np.inf)
        payers = (amounts > 0) & ~bankrupt
    else:
        facing = (book._size > 0) if scope == "both sides" else book.on(other(failed_side(book, side)))
        payers = facing & ~bankrupt
    owed = _owed(book, side, unit) if loss is None else loss
    table = position_table(book, payers)
    limits: Any = cap
    if cap is None:
        limits = circle.column or ("contracts" if unit == "contracts" else "capacity")
    elif isinstance(limits, pd.Series):
        limits = limits.reindex(table.index)
    currency = book.currency if unit == "cash" else ""
    about = f"deficit of a perpetual market in {unit}, borne by: {circle.who}"
    return LossProblem(owed, table, limits, currency, about=about)


def position_table(book: PerpetualBook, rows: NDArray[np.bool_] | None = None) -> pd.DataFrame:
    """What each account has, in words a rule can name as its key or cap; of all accounts, or of some rows."""
    at = np.arange(len(book.ids)) if rows is None else np.flatnonzero(rows)
    given = book._table.take(at)
    words = pd.Series(SIDES).array.take(np.where(book._sign[at] > 0, 0, 1))
    made = {
        "side": words, "contracts": book._size[at], "entry_price": book._entry[at],
        "pnl": book._pnl[at], "profit": np.maximum(book._pnl[at], 0.0), "equity": book._equity[at],
        "balance": book._balance[at], "notional": book._notional[at], "leverage": book._leverage[at],
        "capacity": book._capacity[at],
    }  # fmt: skip
    columns = {name: made.pop(name, given[name]) for name in given.columns}
    return pd.DataFrame(columns | made, index=given.index)


def failed_side(book: PerpetualBook, side: str | None) -> Side:
    """The side that went bankrupt, when only one did."""
    if side is not None:
        return other(other(side))
    failed = [s for s in SIDES if book.deficit_contracts(s) > 0]
    if not len(book.ids):
        raise DataError("the book holds no account, so there is nobody to close")
    if len(failed) != 1:
        what = "on neither side" if not failed else "on both sides"
        raise DataError(f"there are contracts to close {what}; say which with side='long' or side='short'")
    return failed[0]


def _owed(book: PerpetualBook, side: str | None, unit: str) -> float:
    if unit == "contracts":
        return book.deficit_contracts(failed_side(book, side))
    failed: NDArray[np.bool_] = book._bankrupt if side is None else book._bankrupt & book.on(side)
    return float(-book._equity[failed].sum()) + 0.0
