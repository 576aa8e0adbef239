"""How much faster gains of all accounts are cut at once than one by one, and what the proof of it costs.

Run: python tests/benchmarks/bench_recovery.py [accounts]
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd

import allocopt as ao


def one_by_one(moves: np.ndarray, losses: np.ndarray, cumulative: bool) -> np.ndarray:
    """The published formulas, account by account and day by day."""
    days, accounts = moves.shape
    to_date, out = [0.0] * accounts, np.zeros(moves.shape)
    before, due = [0.0] * accounts, 0.0
    for t in range(days):
        gains = []
        for i in range(accounts):
            to_date[i] += moves[t, i]
            gains.append(max(to_date[i] if cumulative else moves[t, i], 0.0))
        due = due + losses[t] if cumulative else losses[t]
        total = sum(gains)
        rate = min(1.0, due / total) if total > 0 else 0.0
        for i in range(accounts):
            out[t, i] = rate * gains[i] - (before[i] if cumulative else 0.0)
            before[i] = rate * gains[i]
    return out


def main(accounts: int) -> None:
    """Print times, ratio and largest difference for both timings."""
    rng = np.random.default_rng(0)
    moves = pd.DataFrame(rng.normal(size=(10, accounts)) * 1e5)
    losses = np.abs(rng.normal(size=10)) * accounts * 1e4
    ao.haircut_gains(moves.iloc[:, :10], losses).verify()
    for timing in ("daily", "cumulative"):
        marks = [time.perf_counter()]
        cut = ao.haircut_gains(moves, losses, timing)
        marks.append(time.perf_counter())
        cut.verify(1e-9)
        marks.append(time.perf_counter())
        slow = one_by_one(moves.to_numpy(), losses, timing == "cumulative")
        marks.append(time.perf_counter())
        ours, proof, loop = np.diff(marks)
        off = np.abs(slow - cut.haircuts.to_numpy()).max() / losses.sum()
        print(f"{timing:10}: {accounts:,} accounts, 10 days: {1e3 * ours:7.1f} ms, proof {1e3 * proof:7.1f} ms, one by "
              f"one {1e3 * loop:9.1f} ms, ratio {loop / ours:5.0f}; largest difference {off:.0e}")  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
