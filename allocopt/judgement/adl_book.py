"""Several answers about one book of positions side by side: whom each hits, how hard, and what it turns round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array, number, vector
from allocopt.judgement.adl_burdens import fairness_gap, overshoot, survivor_totals
from allocopt.judgement.adl_columns import rates
from allocopt.judgement.adl_stability import rank_inversions
from allocopt.mechanisms.outcome import once_each
from allocopt.mechanisms.perpetual.book import PerpetualBook

_NOTHING = 1e-12  # of the deficit: what roundings leave of a haircut of zero


def book_scores(
    book: PerpetualBook, haircuts: Mapping[Any, pd.Series[float]] | pd.DataFrame, needed: float | None = None
) -> pd.DataFrame:
    r"""The measures of deleveraging for several rules on one book, from what each takes from every account.

    Burdens and gaps are measured over *all* accounts with equity, whether a rule asks them or not, so that its scope
    counts as a choice: the gap is the distance of the largest burden from the least by which the same money could have
    been raised from all of them in the same measure.

    Parameters
    ----------
    book : the positions before anything is taken.
    haircuts : by rule, what each account loses, in currency, >= 0: ``.haircut`` of an answer in contracts, ``.shares``
        of an allocation in cash (one in contracts times :meth:`PerpetualBook.gap`). Accounts that are not named lose
        nothing.
    needed : what should have been taken; the deficit of the book by default.

    Returns
    -------
    DataFrame : measures x rules. ``accounts hit`` and ``accounts without profit hit``; ``largest part of equity`` (and
        of profit) and its ``gap``; ``overshoot`` and ``shortfall`` in currency; ``largest survivor`` and what the
        ``top winner`` keeps of its profit, in currency; ``PTSR`` (the paper's); ``inversions`` of profits, over all
        pairs and ``adjacent``; ``bankrupted``, the accounts that lose more than their equity.

    Raises
    ------
    DataError : accounts the book does not have, negative or unknown haircuts, no rules.

    >>> accounts = pd.DataFrame({"contracts": [10.0, -6.0, -4.0], "entry_price": [100.0, 100.0, 95.0],
    ...                          "balance": [150.0, 80.0, 60.0]}, index=["D", "A", "B"])
    >>> book = PerpetualBook(accounts, mark=80.0)
    >>> table = book_scores(book, {"queue": pd.Series({"A": 50.0}), "profit": pd.Series({"A": 100 / 3, "B": 50 / 3})})
    >>> table.loc[["accounts hit", "largest part of profit", "gap by profit"]].round(4).to_numpy().tolist()
    [[1.0, 2.0], [0.4167, 0.2778], [0.1389, 0.0]]
    """
    if not isinstance(book, PerpetualBook):
        raise DataError(f"book is a {type(book).__name__}; give a PerpetualBook")
    want = book.deficit if needed is None else number(needed, "needed")
    rules = dict(haircuts.items()) if isinstance(haircuts, Mapping | pd.DataFrame) else {}
    if not rules:
        raise DataError("haircuts are empty or no mapping; give what each account loses, by rule")
    return pd.DataFrame({rule: _scores(book, _all(book, taken, rule), want) for rule, taken in rules.items()})


def _all(book: PerpetualBook, taken: Any, rule: Any) -> Array:
    """One haircut for every account of the book."""
    if not isinstance(taken, pd.Series):
        raise DataError(f"haircuts of {rule!r} are a {type(taken).__name__}; give a Series by account")
    once_each(taken.index, f"haircuts of {rule!r}", "account")
    strangers = taken.index.difference(book.ids)
    if len(strangers):
        raise unknown("account of the book", strangers[0], map(str, book.ids[:20]))
    figures = pd.Series(vector(taken, taken.index, f"haircuts of {rule!r}"), taken.index)
    return np.asarray(figures.reindex(book.ids, fill_value=0.0), dtype=np.float64)


def _scores(book: PerpetualBook, x: Array, want: float) -> dict[str, float]:
    equity, profit = np.maximum(book._equity, 0.0), np.maximum(book._pnl, 0.0)
    solvent = book._equity > 0
    hit = x > _NOTHING * max(want, float(x.sum()))
    paid = np.where(hit, x, 0.0)
    by_equity, by_profit = fairness_gap(paid, equity), fairness_gap(paid, profit)
    away = overshoot(float(x.sum()), want)
    kept = survivor_totals(profit, paid, book.deficit, float(np.maximum(-book._equity, 0.0).max(initial=0.0)))
    before, after = profit[solvent], (profit - paid)[solvent]
    return {
        "accounts hit": float(hit.sum()), "accounts without profit hit": float((hit & (profit == 0)).sum()),
        "largest part of equity": by_equity.largest, "gap by equity": by_equity.value,
        "largest part of profit": by_profit.largest, "gap by profit": by_profit.value,
        "overshoot": away["over"], "shortfall": away["under"], "largest survivor": kept["largest"],
        "top winner": kept["top"], "PTSR": kept["ptsr"], "inversions": rank_inversions(before, after),
        "adjacent inversions": rank_inversions(before, after, adjacent=True),
        "bankrupted": float((rates(paid, equity) > 1 + 1e-9).sum()),
    }  # fmt: skip
