"""dYdX v4: no ranking; offsetting accounts are visited from a random start and closed at the bankruptcy price."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import number
from allocopt.mechanisms.outcome import stake
from allocopt.mechanisms.perpetual.book import PerpetualBook
from allocopt.mechanisms.perpetual.closing import closing_prices
from allocopt.mechanisms.perpetual.queue import Deleveraging
from allocopt.mechanisms.perpetual.scope import failed_side
from allocopt.mechanisms.perpetual.sides import other, sign_of


def dydx_bankruptcy_quote(
    notional: Any, notional_after: Any, collateral: Any, margin: Any, margin_after: Any, total_margin: Any
) -> int:
    r"""Quote quantums at which a part of a position is closed so that the account's loss is spread by margin.

    .. math:: \Bigl\lceil -\Delta N - C\,\frac{|\Delta M|}{M^{\text{all}}} \Bigr\rceil, \qquad
       \Delta N = N' - N,\ \Delta M = M' - M

    Rounded towards plus infinity, so that closing at the rounded figure never draws on the insurance fund. Received
    when > 0, paid when < 0. All arguments in quote quantums, integers or fractions: no float is rounded on the way.

    Parameters
    ----------
    notional, notional_after : signed net notional of the position before and after the part is closed.
    collateral : total net collateral of the account, any sign.
    margin, margin_after : maintenance margin of the position before and after.
    total_margin : maintenance margin of all positions of the account, > 0.

    Raises
    ------
    DataError : a figure that is no rational number, or an account without margin requirement.

    Source: dydxprotocol/v4-chain, x/clob/keeper/liquidations.go, GetBankruptcyPriceInQuoteQuantums.

    >>> dydx_bankruptcy_quote(5_000_000_000, 0, 499_000_000, 500_000_000, 0, 500_000_000)  # sell 0.1 BTC for $4,501
    4501000000
    """
    figures = [
        _exact(value, what)
        for value, what in (
            (notional, "notional"), (notional_after, "notional_after"), (collateral, "collateral"),
            (margin, "margin"), (margin_after, "margin_after"), (total_margin, "total_margin"),
        )
    ]  # fmt: skip
    before, after, net, held, kept, whole = figures
    if whole <= 0:
        raise DataError(f"total_margin is {float(whole):g}; an account with a position has a requirement above zero")
    return math.ceil(before - after - net * abs(kept - held) / whole)


def dydx_fillable_price(
    notional: float, size: float, margin: float, collateral: float, total_margin: float, *,
    adjustment: float = 1.0, spread: float = 1.0,
) -> float:  # fmt: skip
    r"""The price of a liquidation order: it moves from the oracle price towards bankruptcy as collateral falls.

    .. math:: \frac{N - a\,\sigma\,M}{q},\qquad a = \beta\,\Bigl(1 - \frac{C}{M^{\text{all}}}\Bigr)

    :math:`\beta` is the bankruptcy ``adjustment``, :math:`\sigma` the ``spread`` to maintenance margin ratio, both set
    by governance; :math:`q` the signed ``size``.

    Source: dydxprotocol/v4-chain, x/clob/keeper/liquidations.go; documents of the chain.

    >>> dydx_fillable_price(5_000.0, 0.1, 500.0, 250.0, 500.0)  # half way to bankruptcy: half of the margin is given up
    47500.0
    """
    position = number(size, "size", low=-np.inf)
    whole = number(total_margin, "total_margin")
    if position == 0 or whole == 0:
        raise DataError("size and total_margin must not be zero: there is nothing to fill")
    rate = number(adjustment, "adjustment") * (1.0 - number(collateral, "collateral", low=-np.inf) / whole)
    given = rate * number(spread, "spread") * number(margin, "margin")
    return (number(notional, "notional", low=-np.inf) - given) / position


def dydx_deleverage(
    book: PerpetualBook,
    quantity: float | None = None,
    side: str | None = None,
    *,
    start: int | None = None,
    seed: int | np.random.Generator = 0,
    most: int | None = None,
    price: str | float = "bankruptcy",
    quantum: float = 0.0,
) -> Deleveraging:
    r"""Close a bankrupt position against opposite accounts in the order of the book, from a random start.

    Account :math:`k` of the :math:`n` on the other side is visited as number :math:`(k - k_0) \bmod n`, with
    :math:`k_0` drawn by ``seed`` unless ``start`` names it. Each gives
    :math:`\min(q_i, \text{what is left})`, all of it or, when its equity could not pay that, nothing. Neither profit
    nor leverage matters.

    Parameters
    ----------
    book, quantity, side : as for :func:`~allocopt.adl_queue`.
    start : index of the first account among those on the other side, from 0.
    seed : of the draw of the start.
    most : the most accounts that are visited; None for all.
    price : ``bankruptcy``, ``oracle`` (markets in final settlement) or a number.
    quantum : smallest unit of cash; every fill's quote amount is rounded up to it, in favour of the bankrupt account.

    Raises
    ------
    DataError : a start beyond the accounts, and what ``adl_queue`` refuses.

    Source: dydxprotocol/v4-chain, x/clob/keeper/deleveraging.go.

    >>> import pandas as pd
    >>> accounts = pd.DataFrame({"contracts": [10.0, -6.0, -4.0], "entry_price": [100.0, 100.0, 95.0],
    ...                          "balance": [150.0, 80.0, 60.0]}, index=["D", "A", "B"])
    >>> dydx_deleverage(PerpetualBook(accounts, mark=80.0), 8, start=1).closed.to_dict()
    {'D': 0.0, 'A': 4.0, 'B': 4.0}
    """
    failed = failed_side(book, side)
    wanted = book.deficit_contracts(failed) if quantity is None else stake(quantity, "the quantity")
    close = closing_prices(book, price, failed, wanted).copy()
    unit = number(quantum, "the quantum")
    facing = np.flatnonzero(book.on(other(failed)))
    first = _start(start, len(facing), seed)
    line = np.roll(facing, -first)
    visited = len(line) if most is None else int(number(most, "most"))
    cost = sign_of(other(failed)) * (book.mark - close) * book.multiplier
    if book.kind == "inverse":
        cost = sign_of(other(failed)) * (1.0 / close - 1.0 / book.mark) * book.multiplier
    taken, limit, left, skipped = np.zeros(len(close)), np.zeros(len(close)), wanted, 0
    for at in line[:visited].tolist():
        if left <= 0:
            limit[at] = book._size[at]
            continue
        fill = min(float(book._size[at]), left)
        if fill * cost[at] > max(float(book._equity[at]), 0.0) * (1 + 1e-12):
            skipped += 1
            continue
        taken[at], limit[at] = fill, book._size[at]
        left -= fill
        if unit > 0 and book.kind == "linear":
            quote = Fraction(close[at] * fill * book.multiplier) / Fraction(unit) * int(sign_of(failed))
            near = round(quote)
            whole = near if abs(quote - near) <= Fraction(1, 10**9) * max(1, abs(near)) else math.ceil(quote)
            close[at] = abs(whole) * unit / (fill * book.multiplier)
    score = np.full(len(close), -np.inf)
    score[line] = -np.arange(len(line), dtype=np.float64)
    notes = (f"{skipped} accounts could not pay their part and were passed over",) if skipped else ()
    return Deleveraging(book, failed, wanted, score, line, limit, taken, close, "dydx-v4", 0.0, "down", notes)


def _start(start: int | None, accounts: int, seed: int | np.random.Generator) -> int:
    if start is None:
        return int(np.random.default_rng(seed).integers(accounts)) if accounts else 0
    if isinstance(start, bool) or not isinstance(start, int | np.integer) or not 0 <= start < max(accounts, 1):
        raise DataError(
            f"start is {start!r}; give the index of one of the {accounts} accounts on the other side, from 0"
        )
    return int(start)


def _exact(value: Any, what: str) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction) or not math.isfinite(value):
        raise DataError(f"{what} is {value!r}; give an integer or a fraction of quote quantums")
    return Fraction(value)
