"""Auto-deleveraging: the bankrupt side's contracts are closed against the other side, one account after another."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.errors import DataError
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array, number, vector
from allocopt.mechanisms.outcome import Outcome, chosen, named, stake
from allocopt.mechanisms.perpetual.book import PerpetualBook
from allocopt.mechanisms.perpetual.closing import closing_prices
from allocopt.mechanisms.perpetual.rankings import RANKINGS, Ranking, ranking_named
from allocopt.mechanisms.perpetual.rounding import whole_steps
from allocopt.mechanisms.perpetual.scope import failed_side
from allocopt.mechanisms.perpetual.sides import Side, other, sign_of

LIMITS = ("equity", "capacity", "position")
ROUNDINGS = ("down", "up")


@dataclass(frozen=True, eq=False, repr=False)
class Deleveraging(Outcome):
    """Which accounts are closed, in which order, by how many contracts, at which price, and what it costs them."""

    book: PerpetualBook
    side: Side
    wanted: float
    score: Array
    line: NDArray[np.intp]
    limit: Array
    taken: Array
    close: Array
    ranking: str
    lot: float
    rounding: str
    notes: tuple[str, ...] = field(default=())

    @property
    def order(self) -> list[Any]:
        """The accounts that are closed, first to last."""
        return list(self.book.ids[self.line[self.taken[self.line] > 0]])

    @property
    def closed(self) -> pd.Series[float]:
        """Contracts closed of every account; zero for those that are not reached."""
        return pd.Series(self.taken.copy(), index=self.book.ids, name="closed")

    @property
    def left(self) -> pd.Series[float]:
        """Contracts every account keeps."""
        return pd.Series(self.book._size - self.taken, index=self.book.ids, name="left")

    @cached_property
    def _cost(self) -> Array:
        at_mark, at_close = (self.book.value_change(self.book._entry, price) for price in (self.book.mark, self.close))
        part = np.divide(self.taken, self.book._size, out=np.zeros(len(self.taken)), where=self.book._size > 0)
        return np.asarray(part * (at_mark - at_close)) + 0.0  # no -0.0

    @property
    def haircut(self) -> pd.Series[float]:
        """What closing at this price instead of the mark costs every account, in currency; < 0 is a gain."""
        return pd.Series(self._cost.copy(), index=self.book.ids, name="haircut")

    @property
    def price(self) -> float:
        """The closing price; NaN where every account is closed at its own (entry)."""
        return float(self.close[0]) if len(self.close) and (self.close == self.close[0]).all() else math.nan

    @property
    def residual(self) -> float:
        """Contracts that nobody could close: a result, never an error."""
        return _rest(self.wanted, float(self.taken.sum()))

    @property
    def excess(self) -> float:
        """Contracts closed beyond the quantity, when the last fill is rounded up to a whole lot."""
        return _rest(float(self.taken.sum()), self.wanted)

    @property
    def table(self) -> pd.DataFrame:
        """The line in closing order: score, contracts held, closed, and the haircut."""
        at = self.line
        return pd.DataFrame(
            {
                "score": self.score[at], "contracts": self.book._size[at], "closed": self.taken[at],
                "haircut": self._cost[at],
            },
            index=self.book.ids[at],
        )  # fmt: skip

    def after(self) -> PerpetualBook:
        """The book once the contracts are closed: both sides fall by the same number, profits are realised.

        The bankrupt accounts (and the engine's contracts) of the closed side shrink pro rata, and the money the other
        side pays goes to their deficits pro rata: each is closed at its own bankruptcy price when it covers them all.
        """
        book, total = self.book, float(self.taken.sum())
        failed = book.on(self.side) & book._bankrupt
        mine = max(sign_of(self.side) * book.engine, 0.0)
        held = float(book._size[failed].sum()) + mine
        if total > held * (1 + 1e-12):
            raise DataError(f"{total:,.6g} contracts are closed but the bankrupt {self.side} side holds {held:,.6g}")
        rate = min(total / held, 1.0) if held > 0 else 0.0
        gone = self.taken + np.where(failed, rate * book._size, 0.0)
        part = np.divide(gone, book._size, out=np.zeros(len(gone)), where=book._size > 0)
        table = book.accounts.drop(columns=["side", "equity"], errors="ignore")
        rest = book._size - gone
        self._need_solvent_payers(rest)
        table["contracts"] = book._sign * np.where(rest <= 1e-12 * book._size, 0.0, rest)
        relief = float(self._cost.sum()) * (1.0 - mine / held) if held > 0 else 0.0
        owed = np.where(failed, -book._equity, 0.0)
        close = np.where(failed, book.mark, self.close)
        table["balance"] = book._balance + part * book.value_change(book._entry, close)
        if failed.any():
            table["balance"] += relief * owed / owed.sum()
        return PerpetualBook(
            table, book.mark, oracle=book.oracle, previous_mark=book.previous_mark, kind=book.kind,
            engine=book.engine - sign_of(self.side) * rate * mine, multiplier=book.multiplier, currency=book.currency,
        )  # fmt: skip

    def _need_solvent_payers(self, rest: Array) -> None:
        """Whole positions are closed whatever it costs; who then owes cannot keep a winning part."""
        owes = self._cost - np.maximum(self.book._equity, 0.0)
        ruined = np.flatnonzero((rest > 0) & (self.book._pnl > 0) & (owes > 1e-9 * np.abs(self._cost)))
        if len(ruined):
            raise DataError(
                f"account {self.book.ids[int(ruined[0])]!r} is closed beyond its equity and keeps a part of a winning "
                "position, so there is no book afterwards; close with limit='equity'"
            )

    @property
    def certificate(self) -> Certificate:
        r"""Evidence: quantities and limits hold, and nobody is closed before somebody ahead in the line is exhausted.

        The queue is the vertex of :math:`\max_t \sum_i s_i t_i` over :math:`0 \le t_i \le u_i,\ \sum_i t_i = Q`; the
        gap is the part of the quantity that stands behind an account with room.
        """
        unit = self.wanted or 1.0
        over = max((self.taken - self.limit).max(initial=0.0), (-self.taken).max(initial=0.0))
        budget = abs(float(self.taken.sum()) + self.residual - self.excess - self.wanted)
        target = min(self.wanted, float(self.limit.sum()))
        lots = self.lot if self.lot > 0 else 0.0
        short = max(abs(float(self.taken.sum()) - target) - lots, 0.0)
        taken, room = self.taken[self.line], (self.limit - self.taken)[self.line]
        free = np.flatnonzero(room > max(lots, 1e-12 * unit))
        behind = float(taken[free[0] + 1 :].sum()) if len(free) else 0.0
        worst = self.score[self.line]
        disorder = float((worst[1:] > worst[:-1]).any())
        return Certificate(
            max(over, budget) / unit, disorder, max(behind, short) / unit, "queue",
            "nobody is closed before everybody ahead in the line is closed up to its limit",
        )  # fmt: skip

    def explain(self, account: Any) -> str:
        """The place of this account in the line and what is closed of it."""
        at = named(account, self.book.ids, "account")
        place = np.flatnonzero(self.line == at)
        if not len(place):
            return (
                f"{account} holds no position on the other side of the bankrupt {self.side} accounts; it is not asked."
            )
        return (
            f"{account} stands at place {int(place[0]) + 1} of {len(self.line)} ({self.ranking}, score "
            f"{self.score[at]:,.6g}): {self.taken[at]:,.6g} of {self.book._size[at]:,.6g} contracts are closed at "
            f"{self.close[at]:,.6g}, which costs it {self._cost[at]:,.2f} {self.book.currency}".rstrip()
            + "."
        )

    def __repr__(self) -> str:
        left = f", {self.residual:,.6g} left open" if self.residual else ""
        return (
            f"Deleveraging({self.ranking}: {self.taken.sum():,.6g} of {self.wanted:,.6g} contracts closed with "
            f"{int((self.taken > 0).sum())} of {len(self.line)} accounts, {self._cost.sum():,.2f} "
            f"{self.book.currency}".rstrip()
            + f"{left})"
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>{self.table.to_html(max_rows=20)}"


def adl_queue(
    book: PerpetualBook,
    quantity: float | None = None,
    side: str | None = None,
    *,
    ranking: str | Ranking | Any = "bitmex",
    price: str | float | None = None,
    limit: str = "equity",
    lot: float = 0.0,
    rounding: str = "down",
) -> Deleveraging:
    r"""Close a bankrupt side's contracts against the other side in the order of a venue's ranking.

    .. math:: t_{(k)} = \min\Bigl(u_{(k)},\ \bigl(Q - \textstyle\sum_{j<k} u_{(j)}\bigr)^+\Bigr),\qquad
       x_i = g_i\, t_i

    :math:`(k)` is the account at place :math:`k` in the line (highest score first; **equal scores in the order of the
    book's rows**), :math:`Q` the quantity in contracts, :math:`u_i` the limit, :math:`x_i` the haircut in currency for
    the gap :math:`g_i` between closing price and mark. The last account is closed in part.

    Parameters
    ----------
    book : the positions.
    quantity : contracts to close; by default all of the bankrupt accounts and the engine on that side.
    side : the bankrupt side; by default the one on which there is something to close.
    ranking : a name of :data:`RANKINGS` (``bitmex``, ``bybit``, ``binance``, ``aevo``, ``okx``, ``ethereal``,
        ``dango``, ``hyperliquid-documented``, ``hyperliquid-decompiled``), a :class:`Ranking`, or a score per account
        (a column of the accounts, a Series or a list).
    price : ``bankruptcy`` (at which the bankrupt accounts of the side together come out at zero), ``mark``,
        ``oracle``, ``previous mark``, ``entry`` (each at its own), ``oracle capped at bankruptcy`` or a number; the
        venue's own by default (bankruptcy for a score of one's own).
    limit : ``equity`` closes of no account more than its equity can pay, so that nobody is bankrupted by the queue;
        ``capacity`` not more than the smaller of profit and equity; ``position`` closes whole positions, as venues do.
    lot : contracts are closed in multiples of this (0: any quantity). Positions below one lot are passed over.
    rounding : ``down`` leaves what is less than a lot open; ``up`` closes the last lot whole (see ``excess``).

    Returns
    -------
    Deleveraging : ``.order``, ``.closed``, ``.haircut``, ``.price``, ``.residual``, ``.table``, ``.after()``,
        ``.certificate``, ``.explain(account)``.

    Raises
    ------
    DataError : unknown ranking, price or side; a price the book does not state; NaN among the scores.

    >>> accounts = pd.DataFrame({"contracts": [10.0, -6.0, -4.0], "entry_price": [100.0, 100.0, 95.0],
    ...                          "balance": [150.0, 80.0, 60.0]}, index=["D", "A", "B"])
    >>> adl = adl_queue(PerpetualBook(accounts, mark=80.0), 8)
    >>> adl.order, adl.closed.to_dict(), adl.price
    (['A', 'B'], {'D': 0.0, 'A': 6.0, 'B': 2.0}, 85.0)
    >>> adl.haircut.to_dict(), adl.verify().residual
    ({'D': 0.0, 'A': 30.0, 'B': 10.0}, 0.0)
    """
    if not isinstance(book, PerpetualBook):
        raise DataError(f"book is a {type(book).__name__}; give a PerpetualBook")
    chosen(limit, "limit", LIMITS)
    chosen(rounding, "rounding", ROUNDINGS)
    step = number(lot, "the lot")
    failed = failed_side(book, side)
    wanted = book.deficit_contracts(failed) if quantity is None else stake(quantity, "the quantity")
    score, rule, usual = scores(book, ranking)
    close = closing_prices(book, usual if price is None else price, failed, wanted)
    line = np.flatnonzero(book.on(other(failed)) & ~book._bankrupt)
    line = line[np.argsort(-score[line], kind="stable")]
    most = np.zeros(len(score))
    most[line] = limits(book, close, limit)[line]
    if step > 0:
        most = whole_steps(most, step, up=False) * step
    taken = np.zeros(len(score))
    taken[line] = fill(wanted, most[line], step, rounding)
    return Deleveraging(book, failed, wanted, score, line, most, taken, close, rule, step, rounding)


def fill(quantity: float, most: Array, lot: float = 0.0, rounding: str = "down") -> Array:
    """What a line gives in its order: each up to its most until the quantity is met, the last in part."""
    before = np.concatenate(([0.0], np.cumsum(most)))[:-1]
    need = np.maximum(quantity - before, 0.0)
    if lot > 0:
        need = lot * whole_steps(need, lot, up=rounding == "up")
    return np.minimum(most, need)


def limits(book: PerpetualBook, close: Array, limit: str) -> Array:
    """The most contracts that may be closed of every account at these prices."""
    if limit == "position":
        return book._size
    cost = book.value_change(book._entry, book.mark) - book.value_change(book._entry, close)
    purse = book._capacity if limit == "capacity" else np.maximum(book._equity, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(cost > 0, np.minimum(purse / np.where(cost > 0, cost, 1.0), 1.0), 1.0)
    return np.asarray(part * book._size)


def scores(book: PerpetualBook, ranking: Any) -> tuple[Array, str, str]:
    """Scores, what they are called, and the closing price that goes with them."""
    if isinstance(ranking, str):
        own = ranking not in RANKINGS and ranking in book._table.columns
        ranking = book._table[ranking] if own else ranking_named(ranking)
    if isinstance(ranking, Ranking):
        return ranking.of(book), ranking.name, ranking.price
    return vector(ranking, book.ids, "the score", low=-np.inf, finite=False), "stated score", "bankruptcy"


def _rest(whole: float, part: float) -> float:
    rest = whole - part
    return 0.0 if rest <= 1e-12 * whole else rest
