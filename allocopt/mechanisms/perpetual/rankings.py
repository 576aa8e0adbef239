"""In which order venues close positions: every documented score as a function of figures, named after its document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array, vector
from allocopt.mechanisms.perpetual.book import PerpetualBook

_LEAST = 1e-8  # the floor of both factors in the decompiled score of Hyperliquid


def bitmex_score(mark_value: Any, entry_value: Any, bankrupt_value: Any) -> Array:
    r"""Profit rate times effective leverage while in profit, divided by it while at a loss.

    .. math:: \rho = \frac{V - V^0}{|V^0|},\qquad \ell = \frac{|V|}{V - V^b},\qquad
       s = \rho\,\ell \text{ if } \rho > 0, \text{ else } \rho / \ell

    :math:`V, V^0, V^b` are the signed values of the position at the mark, the average entry and the bankruptcy price (a
    short has negative values). At or beyond bankruptcy :math:`\ell` is infinite.

    Source: BitMEX, Auto-Deleveraging (support article 18589621443357; app/autoDeleveraging).

    >>> bitmex_score([12_000.0, 9_000.0], [10_000.0, 10_000.0], [9_000.0, 8_000.0]).round(4).tolist()
    [0.8, -0.0111]
    """
    value, entry, bankrupt = (np.asarray(v, dtype=np.float64) for v in (mark_value, entry_value, bankrupt_value))
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(entry != 0, (value - entry) / np.abs(entry), 0.0)
        left = value - bankrupt
        leverage = np.where(left > 0, np.abs(value) / left, np.inf)
        return _profit_first(rate, leverage)


def _profit_first(rate: Array, leverage: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        lost = np.where(leverage > 0, rate / np.where(leverage > 0, leverage, 1.0), rate)
        return np.where(rate > 0, rate * leverage, np.where(rate < 0, lost, 0.0)) + 0.0


def binance_score(pnl: Any, wallet_balance: Any, maintenance_margin: Any) -> Array:
    r"""Profit per unit of wallet balance times the margin ratio; losers score zero.

    .. math:: \frac{\max(0, U)}{\max(1, B)} \cdot \frac{M}{B + U} \qquad (\text{the second factor } 0 \text{ where }
       B + U \le 0)

    :math:`U` unrealised profit, :math:`B` wallet balance, :math:`M` maintenance margin, all in the margin currency: the
    1 is one unit of it.

    Source: Binance, USD-margined futures, ADL (support faq 360033525471).

    >>> binance_score([50.0, -10.0], [100.0, 100.0], [15.0, 15.0]).tolist()
    [0.05, 0.0]
    """
    profit, balance, margin = (np.asarray(v, dtype=np.float64) for v in (pnl, wallet_balance, maintenance_margin))
    return np.maximum(profit, 0.0) / np.maximum(balance, 1.0) * _margin_ratio(margin, balance + profit)


def aevo_score(pnl: Any, balance: Any, maintenance_margin: Any) -> Array:
    r"""Profit per unit of balance times the margin ratio, which counts as zero for losers.

    .. math:: \frac{U}{\max(1, B)} \cdot \frac{M}{B + U} \text{ where } U > 0, \text{ else } 0

    The document guards the second factor by the profit alone: a winner without equity (:math:`B + U = 0`) is infinitely
    leveraged here, where Binance counts it as zero.

    Source: Aevo, docs.aevo.xyz, auto-deleveraging (both sides of the trade are closed at the mark price).

    >>> aevo_score([50.0, -10.0], [100.0, 100.0], [15.0, 15.0]).tolist()
    [0.05, 0.0]
    """
    profit, balance, margin = (np.asarray(v, dtype=np.float64) for v in (pnl, balance, maintenance_margin))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(margin > 0, margin / (balance + profit), 0.0)
    return np.where(profit > 0, np.maximum(profit, 0.0) / np.maximum(balance, 1.0) * ratio, 0.0)


def _margin_ratio(margin: Array, equity: Array) -> Array:
    return np.asarray(np.where(equity > 0, margin / np.where(equity > 0, equity, 1.0), 0.0))


def okx_score(profit_rate: Any, margin_ratio: Any) -> Array:
    r"""Return over margin ratio while in profit, return times margin ratio while at a loss (*partly verified*).

    .. math:: \rho / \mu \text{ if } \rho > 0, \text{ else } \rho\,\mu

    :math:`\mu` is the margin ratio in OKX's sense (equity per unit of requirement: high is safe). That profit and high
    leverage are closed first is in OKX's own introduction to ADL; this formula line was read only in mirrors of it, so
    it is **partly verified**, and the venue's present formula is unverified.

    >>> okx_score([0.5, -0.1], [2.0, 3.0]).round(6).tolist()
    [0.25, -0.3]
    """
    rate, ratio = np.asarray(profit_rate, dtype=np.float64), np.asarray(margin_ratio, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = np.where(ratio > 0, rate / np.where(ratio > 0, ratio, 1.0), np.inf)
    return np.asarray(np.where(rate > 0, gain, np.where(rate < 0, rate * ratio, 0.0)))


def hyperliquid_documented_score(mark: Any, entry: Any, notional: Any, account_value: Any) -> Array:
    r"""The index of Hyperliquid's documents: price over entry times leverage, on both sides alike.

    .. math:: \frac{P}{P^0} \cdot \frac{n}{E}

    Read as it is written, a short's index falls as its profit rises. It does not give the order of
    :func:`hyperliquid_decompiled_score`; both are kept under their own names.

    Source: Hyperliquid documentation, trading / auto-deleveraging (closed at the previous mark price).

    >>> hyperliquid_documented_score([101.0, 150.0], 100.0, [10.0, 1.0], 1.0).tolist()
    [10.1, 1.5]
    """
    price, paid, size, value = (np.asarray(v, dtype=np.float64) for v in (mark, entry, notional, account_value))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(size > 0, price / paid * np.where(value > 0, size / value, np.inf), 0.0)


def hyperliquid_decompiled_score(notional: Any, account_value: Any, pnl: Any, entry_notional: Any) -> Array:
    r"""The score found in Hyperliquid's decompiled engine: leverage times profit rate, each at least 1e-8.

    .. math:: \max\Bigl(\frac{|n|}{E}, 10^{-8}\Bigr) \cdot \max\Bigl(\frac{U^+}{n^0}, 10^{-8}\Bigr)

    :math:`n^0` is the notional at entry. Source: OtterSec, 22 June 2026, Hyperliquid's risk engine (a reading of the
    binary by a third party, not a statement of the venue).

    >>> hyperliquid_decompiled_score([10.0, 1.0], 1.0, [0.1, 0.5], [10.0, 1.0]).round(4).tolist()
    [0.1, 0.5]
    """
    size, value, profit, start = (
        np.asarray(v, dtype=np.float64) for v in (notional, account_value, pnl, entry_notional)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        leverage = np.where(value > 0, np.abs(size) / value, np.inf)
        rate = np.where(start > 0, np.maximum(profit, 0.0) / np.where(start > 0, start, 1.0), 0.0)
        return np.maximum(leverage, _LEAST) * np.maximum(rate, _LEAST)


def lexicographic_score(*keys: Any) -> Array:
    """One figure per account that orders them by the first key, ties by the second and so on; high comes first.

    The figure is the place from the end, so that accounts equal in every key have equal scores.

    >>> lexicographic_score([5.0, 9.0, 5.0], [1.0, 0.0, 2.0]).tolist()
    [0.0, 2.0, 1.0]
    """
    columns = [np.atleast_1d(np.asarray(k, dtype=np.float64)) for k in keys]
    order = np.argsort(columns[0], kind="stable")
    step = _changes(columns[0][order])
    for column in columns[1:]:
        # Only those that are still equal are sorted again, within their run.
        tied = np.flatnonzero(~(step & np.append(step[1:], True)[: len(step)]))
        if not len(tied):
            break
        run = np.cumsum(step)[tied]
        order[tied] = order[tied][np.lexsort((column[order[tied]], run))]
        step[tied] |= _changes(column[order[tied]])
    place = np.empty(len(order))
    place[order] = np.cumsum(step) - 1.0
    return place


def _changes(ordered: Array) -> NDArray[np.bool_]:
    """Where a value differs from the one before it; the first always does."""
    return np.concatenate(([True], ordered[1:] != ordered[:-1]))[: len(ordered)]


@dataclass(frozen=True)
class Ranking:
    """A documented order of closing: who comes first, at which price, in which scope, and how well it is known.

    ``price`` is the venue's closing price (a word :func:`~allocopt.adl_queue` understands); ``status`` says whether the
    formula was read in the venue's own document (``published``) or not (``unverified``), ``note`` what to know.
    """

    name: str
    venue: str
    formula: str
    price: str
    status: str
    source: str
    score: Callable[[PerpetualBook], Array]
    scope: str = "opposite side"
    note: str = ""

    def of(self, book: PerpetualBook) -> Array:
        """The score of every account of the book; the highest is closed first."""
        return self.score(book)


def _column(book: PerpetualBook, name: str, why: str) -> Array:
    table = book._table
    if name not in table.columns:
        raise DataError(f"the ranking of {why} reads column {name!r}, which the accounts do not have; add it")
    return vector(table[name], table.index, name)


def _values(book: PerpetualBook) -> tuple[Array, Array, Array]:
    """Signed values at the mark, at entry and at bankruptcy, as BitMEX writes them (an inverse long is below zero)."""
    worth = book._sign * book._size * book.multiplier
    with np.errstate(divide="ignore"):
        entry = (
            worth * book._entry if book.kind == "linear" else -worth / np.where(book._entry > 0, book._entry, np.inf)
        )
    mark = worth * book.mark if book.kind == "linear" else -worth / book.mark
    return mark, entry, mark - book._equity


def _bitmex(book: PerpetualBook) -> Array:
    return bitmex_score(*_values(book))


def _binance(book: PerpetualBook) -> Array:
    return binance_score(book._pnl, book._balance, _column(book, "maintenance_margin", "Binance"))


def _aevo(book: PerpetualBook) -> Array:
    return aevo_score(book._pnl, book._balance, _column(book, "maintenance_margin", "Aevo"))


def _okx(book: PerpetualBook) -> Array:
    margin = _column(book, "maintenance_margin", "OKX")
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(book._balance > 0, book._pnl / np.where(book._balance > 0, book._balance, 1.0), np.inf)
        ratio = np.where(margin > 0, book._equity / np.where(margin > 0, margin, 1.0), np.inf)
    return okx_score(np.where(book._pnl == 0, 0.0, np.copysign(rate, book._pnl)), ratio)


def _documented(book: PerpetualBook) -> Array:
    with np.errstate(divide="ignore"):
        return hyperliquid_documented_score(
            book.mark, np.where(book._entry > 0, book._entry, np.inf), book._notional, book._equity
        )


def _decompiled(book: PerpetualBook) -> Array:
    start = np.abs(_values(book)[1])
    return hyperliquid_decompiled_score(book._notional, book._equity, book._pnl, start)


def _ethereal(book: PerpetualBook) -> Array:
    return lexicographic_score(book._leverage, book._pnl, -book._balance, _column(book, "opened", "Ethereal"))


def _dango(book: PerpetualBook) -> Array:
    return np.asarray(-book._sign * book._entry)


_BITMEX = r"\rho\,\ell \text{ if } \rho > 0, \text{ else } \rho/\ell"

RANKINGS = {
    ranking.name: ranking
    for ranking in (
        Ranking("bitmex", "BitMEX", _BITMEX, "bankruptcy", "published",
                "BitMEX support 18589621443357; app/autoDeleveraging", _bitmex),
        Ranking("bybit", "Bybit", _BITMEX, "bankruptcy", "unverified",
                "Bybit API documentation v5, adl-alert (trigger); help centre mirrors", _bitmex,
                note="documents say leveraged return, as at BitMEX; the formula line itself was not read"),
        Ranking("binance", "Binance USD-M", r"\frac{U^+}{\max(1,B)} \cdot \frac{M}{B+U}", "bankruptcy", "published",
                "Binance support faq 360033525471", _binance),
        Ranking("aevo", "Aevo", r"\frac{U^+}{\max(1,B)} \cdot \frac{M}{B+U}", "mark", "published",
                "docs.aevo.xyz, auto-deleveraging", _aevo),
        Ranking("okx", "OKX", r"\rho/\mu \text{ if } \rho > 0, \text{ else } \rho\,\mu", "mark", "unverified",
                "OKX, introduction to auto-deleveraging (order); mirrors (formula)", _okx,
                note="partly verified: the formula line was read in mirrors only; return is profit over balance "
                "here, and margin ratio equity over maintenance margin"),
        Ranking("hyperliquid-documented", "Hyperliquid", r"\frac{P}{P^0} \cdot \frac{n}{E}", "previous mark",
                "published", "Hyperliquid documentation, auto-deleveraging", _documented,
                note="does not give the order of hyperliquid-decompiled"),
        Ranking("hyperliquid-decompiled", "Hyperliquid",
                r"\max(n/E, 10^{-8}) \cdot \max(U^+/n^0, 10^{-8})", "previous mark", "unverified",
                "OtterSec, 22 June 2026", _decompiled, note="a third party's reading of the venue's binary"),
        Ranking("ethereal", "Ethereal", r"\text{leverage, then } U, \text{ then least } B, \text{ then newest}",
                "oracle capped at bankruptcy", "published", "Ethereal documentation", _ethereal,
                note="strictly lexicographic; reads column 'opened' (a number that grows with time)"),
        Ranking("dango", "Dango", r"\text{most profitable entry price}", "bankruptcy", "published",
                "Dango documentation", _dango),
    )
}  # fmt: skip


def ranking_named(name: Any) -> Ranking:
    """A ranking by its name."""
    if not isinstance(name, str) or name not in RANKINGS:
        raise unknown("ranking", name, RANKINGS)
    return RANKINGS[name]
