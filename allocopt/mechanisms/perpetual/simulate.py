"""Books of perpetual positions drawn at random: sides match, sizes are heavy-tailed, some accounts are bankrupt."""

from __future__ import annotations

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array, generator, number
from allocopt.mechanisms.perpetual.book import PerpetualBook


def simulate_book(
    accounts: int = 1000,
    *,
    seed: int | np.random.Generator = 0,
    mark: float = 100.0,
    move: float = -0.08,
    tail: float = 1.3,
    leverage: float = 8.0,
    most_leverage: float = 50.0,
    spread: float = 0.05,
    maintenance: float = 0.005,
    lot: float = 0.0,
    currency: str = "USD",
) -> PerpetualBook:
    r"""Draw a market, then move its price: winners on one side, bankrupt accounts on the other.

    .. math:: q_i \sim \mathrm{Pareto}(\alpha),\qquad \log \ell_i \sim N(\log \ell, 0.8^2) \le \log \ell_{\max},\qquad
       B_i = \frac{q_i P^0_i}{\ell_i}

    Sides are drawn by coin and the lighter one is scaled up, so that longs equal shorts. Before the move every account
    still has a fifth of its balance or more. All of it is **synthetic**: shapes are plausible, figures are of no venue.

    Parameters
    ----------
    accounts : how many, >= 2.
    seed : an integer or a Generator; the same seed gives the same book.
    mark : mark price before the move, > 0.
    move : relative move of the mark, > -1; with -0.08 highly leveraged longs go bankrupt.
    tail : Pareto exponent :math:`\alpha` of the sizes, > 0; below 2 the variance is infinite.
    leverage, most_leverage : median and largest leverage at entry, >= 1.
    spread : standard deviation of entry prices around the mark, relative.
    maintenance : maintenance margin as a part of the notional.
    lot : sizes are whole multiples of this; 0 for any size.

    Raises
    ------
    DataError : fewer than two accounts, a move to or below zero, parameters out of range.

    >>> book = simulate_book(1000, seed=1)
    >>> signed = book.accounts["contracts"]
    >>> bool(abs(signed.sum()) < 1e-9 * signed.abs().sum()), bool(book.deficit > 0)
    (True, True)
    """
    if isinstance(accounts, bool) or not isinstance(accounts, int | np.integer) or accounts < 2:
        raise DataError(f"accounts is {accounts!r}; a market has at least two")
    price, shift = number(mark, "mark"), number(move, "move", low=-np.inf)
    if price == 0 or shift <= -1:
        raise DataError(f"mark is {price:g} and move {shift:g}; prices stay above zero")
    alpha = number(tail, "tail")
    if alpha == 0:
        raise DataError("tail is zero; a Pareto exponent is above zero")
    middle = number(leverage, "leverage", low=1.0)
    top = number(most_leverage, "most_leverage", low=middle)
    around, margin = number(spread, "spread"), number(maintenance, "maintenance", high=1.0)
    draw = generator(seed)
    sign = np.where(draw.random(accounts) < 0.5, 1.0, -1.0)
    sign[:2] = 1.0, -1.0
    size = _matched(sign, np.minimum((1.0 - draw.random(accounts)) ** (-1.0 / alpha), 1e9), number(lot, "lot"))
    lever = np.clip(middle * np.exp(0.8 * draw.standard_normal(accounts)), 1.0, top)
    gain = np.clip(around * lever * draw.standard_normal(accounts), -0.8, 0.9 * lever)  # profit over balance so far
    entry = price / (1.0 + sign * gain / lever)
    now = price * (1.0 + shift)
    table = pd.DataFrame(
        {
            "contracts": sign * size, "entry_price": entry, "balance": size * entry / lever,
            "maintenance_margin": margin * size * now, "opened": draw.permutation(accounts).astype(float),
        },
        index=pd.RangeIndex(accounts, name="account"),
    )  # fmt: skip
    return PerpetualBook(table, now, previous_mark=price, oracle=now, currency=currency)


def _matched(sign: Array, size: Array, lot: float) -> Array:
    """Sizes with the same sum on both sides, in whole lots if there are any."""
    if lot > 0:
        size = np.ceil(size / lot)
    long, short = float(size[sign > 0].sum()), float(size[sign < 0].sum())
    light = 1.0 if long < short else -1.0
    if lot == 0:
        return np.where(sign == light, size * (max(long, short) / min(long, short)), size)
    grown = np.where(sign == light, np.floor(size * (max(long, short) / min(long, short))), size)
    first = int(np.flatnonzero(sign == light)[0])
    grown[first] += max(long, short) - float(grown[sign == light].sum())
    return np.asarray(grown * lot)
