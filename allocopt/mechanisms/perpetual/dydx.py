"""dYdX v4: no ranking; offsetting accounts are visited from a random start and closed at the bankruptcy price."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allocopt.errors import DataError
from allocopt.facts.checks import Array, generator, number, vector
from allocopt.mechanisms.outcome import stake
from allocopt.mechanisms.perpetual.book import PerpetualBook
from allocopt.mechanisms.perpetual.closing import closing_prices
from allocopt.mechanisms.perpetual.dydx_state import dydx_transition
from allocopt.mechanisms.perpetual.queue import Deleveraging
from allocopt.mechanisms.perpetual.rounding import rounded_up
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

    .. math:: \frac{N - a\,\sigma\,M}{q},\qquad
       a = \min\Bigl(1,\ \max\Bigl(0,\ \beta\,\Bigl(1 - \frac{C}{M^{\text{all}}}\Bigr)\Bigr)\Bigr)

    :math:`\beta` is the bankruptcy ``adjustment``, :math:`\sigma` the ``spread`` to maintenance margin ratio, both set
    by governance; :math:`q` the signed ``size``. The rating :math:`a` is kept between 0 and 1: below bankruptcy the
    price falls no further.

    Source: dydxprotocol/v4-chain, x/clob/keeper/liquidations.go, GetFillablePrice.

    >>> dydx_fillable_price(5_000.0, 0.1, 500.0, 250.0, 500.0)  # half way to bankruptcy: half of the margin is given up
    47500.0
    """
    position = number(size, "size", low=-np.inf)
    whole = number(total_margin, "total_margin")
    if position == 0 or whole == 0:
        raise DataError("size and total_margin must not be zero: there is nothing to fill")
    rating = number(adjustment, "adjustment") * (1.0 - number(collateral, "collateral", low=-np.inf) / whole)
    given = min(max(rating, 0.0), 1.0) * number(spread, "spread") * number(margin, "margin")
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
    :math:`k_0` drawn by ``seed`` unless ``start`` names it. Each gives :math:`t_i = \min(q_i, \text{what is left})`,
    all of it or, when the fill would leave its account in a state that the chain refuses, nothing. Neither profit nor
    leverage matters. With :math:`E'_i = E_i - g\, t_i` and margins that shrink with the position, a fill stands if

    .. math:: E'_i \ge I'_i \quad\text{or}\quad \frac{E'_i}{M'_i} \ge \frac{E_i}{M_i} \ (M_i, M'_i > 0)

    :math:`M_i` is the column ``maintenance_margin`` (none, if the accounts have no such column) and :math:`I_i` the
    column ``initial_margin`` (the maintenance margin, if there is none): whoever is closed in full, or has no margin
    stated, needs :math:`E'_i \ge 0`. The bankrupt side's own state is never worse afterwards: at its bankruptcy price
    collateral and margin fall in proportion, and quotes are rounded in its favour.

    Parameters
    ----------
    book, quantity, side : as for :func:`~allocopt.adl_queue`.
    start : index of the first account among those on the other side, from 0.
    seed : of the draw of the start.
    most : the most accounts that are visited; None for all.
    price : ``bankruptcy``, ``oracle`` (markets in final settlement, for accounts whose equity is not below zero) or a
        number.
    quantum : smallest unit of cash; every fill's quote amount is rounded up to it, in favour of the bankrupt account.

    Raises
    ------
    DataError : a start beyond the accounts, and what ``adl_queue`` refuses.

    Source: dydxprotocol/v4-chain, x/clob/keeper/deleveraging.go (OffsetSubaccountPerpetualPosition,
    ProcessDeleveraging) and x/subaccounts/lib/updates.go (the states that are refused).

    >>> import pandas as pd
    >>> accounts = pd.DataFrame({"contracts": [10.0, -6.0, -4.0], "entry_price": [100.0, 100.0, 95.0],
    ...                          "balance": [150.0, 80.0, 60.0]}, index=["D", "A", "B"])
    >>> dydx_deleverage(PerpetualBook(accounts, mark=80.0), 8, start=1).closed.to_dict()
    {'D': 0.0, 'A': 4.0, 'B': 4.0}
    """
    if not isinstance(book, PerpetualBook):
        raise DataError(f"book is a {type(book).__name__}; give a PerpetualBook")
    failed = failed_side(book, side)
    wanted = book.deficit_contracts(failed) if quantity is None else stake(quantity, "the quantity")
    close = closing_prices(book, price, failed, wanted).copy()
    unit = number(quantum, "the quantum")
    facing = np.flatnonzero(book.on(other(failed)))
    first = _start(start, len(facing), seed)
    line = np.roll(facing, -first)
    visited = len(line) if most is None else int(number(most, "most"))
    gap = book.value_change(book._entry, book.mark) - book.value_change(book._entry, close)
    taken, limit, skipped = _visit(line[:visited], book, gap, wanted)
    if unit > 0 and book.kind == "linear":
        for at in np.flatnonzero(taken).tolist():
            amount = taken[at] * book.multiplier
            close[at] = rounded_up(close[at] * amount * sign_of(failed), unit) * sign_of(failed) / amount
    score = np.full(len(close), -np.inf)
    score[line] = -np.arange(len(line), dtype=np.float64)
    notes = [f"{skipped} accounts could not pay their part and were passed over"] if skipped else []
    if price == "oracle" and (book.on(failed) & book._bankrupt).any():
        notes.append("equity is below zero on the closed side: the chain then closes at the bankruptcy price")
    return Deleveraging(book, failed, wanted, score, line, limit, taken, close, "dydx-v4", 0.0, "down", tuple(notes))


def _visit(line: NDArray[np.intp], book: PerpetualBook, gap: Array, wanted: float) -> tuple[Array, Array, int]:
    """What every account gives, its limit (nothing for those passed over), and how many were passed over."""
    upkeep = _margin(book, "maintenance_margin", np.zeros(len(gap)))
    entry = _margin(book, "initial_margin", upkeep)
    taken, limit, left, skipped = np.zeros(len(gap)), np.zeros(len(gap)), wanted, 0
    columns = (line, book._size[line], book._equity[line], gap[line], upkeep[line], entry[line])
    for place, (at, size, equity, cost, margin, initial) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
        if left <= 0:
            limit[line[place:]] = book._size[line[place:]]
            break
        fill = min(size, left)
        kept = (size - fill) / size
        after = equity - cost * (fill / size)
        slack = 1e-12 * (abs(equity) + abs(cost))
        safer = margin > 0 and dydx_transition(equity, initial, margin, after + slack, kept * margin) == "valid"
        if after < kept * initial - slack and not safer:
            skipped += 1
            continue
        taken[at], limit[at] = fill, size
        left -= fill
    return taken, limit, skipped


def _margin(book: PerpetualBook, name: str, default: Array) -> Array:
    """A margin column of the accounts, or what stands in for it."""
    if name not in book._table.columns:
        return default
    return vector(book._table[name], book._table.index, name)


def _start(start: int | None, accounts: int, seed: int | np.random.Generator) -> int:
    if start is None:
        return int(generator(seed).integers(accounts)) if accounts else 0
    if isinstance(start, bool) or not isinstance(start, int | np.integer) or not 0 <= start < max(accounts, 1):
        raise DataError(
            f"start is {start!r}; give the index of one of the {accounts} accounts on the other side, from 0"
        )
    return int(start)


def _exact(value: Any, what: str) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction) or not math.isfinite(value):
        raise DataError(f"{what} is {value!r}; give an integer or a fraction of quote quantums")
    return Fraction(value)
