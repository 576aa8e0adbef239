"""How long a million accounts take: to check the book, to rank and close it, to pose and share the deficit pro rata.

The queue is compared with a plain Python loop over the sorted accounts (what venues' reference scripts do), on the same
book in the same run; both must close the same contracts. Pro rata is compared with cutting and re-spreading in rounds.

Run: python tests/benchmarks/bench_adl.py [accounts]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import allocopt as ao


def best(act: Callable[[], Any], times: int = 3) -> tuple[float, Any]:
    """The best of several runs, in seconds, and what was found."""
    marks, found = [], None
    for _ in range(times):
        start = time.perf_counter()
        found = act()
        marks.append(time.perf_counter() - start)
    return min(marks), found


def loop(book: ao.PerpetualBook, score: np.ndarray, limit: np.ndarray, quantity: float) -> np.ndarray:
    """Sort and take, one account at a time."""
    closed = np.zeros(len(score))
    facing = [k for k in range(len(score)) if limit[k] > 0]
    for k in sorted(facing, key=lambda k: -score[k]):
        closed[k] = min(limit[k], quantity)
        quantity -= closed[k]
        if quantity <= 0:
            break
    return closed


def rounds(loss: float, key: np.ndarray, cap: np.ndarray) -> np.ndarray:
    """Pro rata by rounds: what caps cut off is shared again."""
    paid, free, left = np.zeros(len(key)), np.ones(len(key), dtype=bool), loss
    while left > 1e-9 * loss and free.any():
        paid[free] += left * key[free] / key[free].sum()
        free &= paid < cap
        paid = np.minimum(paid, cap)
        left = loss - paid.sum()
    return paid


def main(accounts: int) -> None:
    book = ao.simulate_book(accounts)
    table, mark = book.accounts, book.mark
    print(
        f"{accounts:,} accounts, {book.deficit_contracts('long'):,.0f} contracts to close, deficit {book.deficit:,.0f}"
    )
    spent, _ = best(lambda: ao.PerpetualBook(table, mark=mark))
    print(f"{'book checked and matched':<44} {spent:7.3f} s")
    for name in ("bitmex", "binance", "hyperliquid-decompiled", "ethereal"):
        spent, adl = best(lambda r=name: ao.adl_queue(book, side="long", ranking=r, price="bankruptcy").verify(), 2)
        theirs, closed = best(lambda a=adl: loop(book, a.score, a.limit, a.wanted), 1)
        off = float(np.abs(adl.taken - closed).max())
        assert off <= 1e-6 * adl.wanted, off
        print(f"{'queue, ' + name + ', proven':<44} {spent:7.3f} s, loop {theirs:6.2f} s without ranking or proof")
    spent, adl = best(lambda: ao.dydx_deleverage(book, side="long", seed=1).verify(), 1)
    print(f"{'dYdX, random start, states checked, proven':<44} {spent:7.3f} s, {int((adl.taken > 0).sum()):,} closed")
    spent, _ = best(lambda: ao.adl_lights(book, "short"), 1)
    print(f"{'lights of one side':<44} {spent:7.3f} s")
    posing, question = best(lambda: ao.deficit_problem(book, side="long"))
    print(f"{'posed as an ordinary question':<44} {posing:7.3f} s")
    for key in ("capacity", "equity"):
        spent, answer = best(lambda k=key: ao.allocate(question, "pro-rata", key=k))
        theirs, paid = best(lambda k=key: rounds(question.loss, question.column(k), question.caps), 1)
        assert np.abs(answer.paid - paid).max() <= 1e-6 * question.loss
        print(f"{'capped pro rata by ' + key:<44} {spent:7.3f} s, rounds {theirs:6.2f} s")
        whole, _ = best(lambda k=key: ao.allocate(ao.deficit_problem(book, side="long"), "pro-rata", key=k).verify())
        print(f"{'  posed, divided and proven':<44} {whole:7.3f} s")
    words = table.set_axis([f"account {k}" for k in range(accounts)])
    named, _ = best(lambda: ao.PerpetualBook(words, mark=mark), 1)
    print(f"{'book checked, ids in words':<44} {named:7.3f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
