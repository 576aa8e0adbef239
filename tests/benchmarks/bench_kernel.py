"""How much faster the one-price kernel is than cvxpy with Clarabel on the same question in the same run.

Run: python tests/benchmarks/bench_kernel.py [rows of the batch]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import cvxpy as cp
import numpy as np
import pandas as pd

import allocopt as ao


def median_ms(act: Callable[[], object], times: int) -> float:
    """The median of several runs after one that is not counted, in milliseconds."""
    act()
    marks = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        marks.append(1e3 * (time.perf_counter() - start))
    return statistics.median(marks)


def single(n: int) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"margin": rng.lognormal(0, 1, n), "fund": rng.lognormal(0, 1.5, n)})
    problem = ao.LossProblem(0.4 * table["fund"].sum(), table, cap="fund")
    rule = ao.scheme("pro-rata", key="margin")
    weight, cap = table["margin"].to_numpy(), table["fund"].to_numpy() / problem.loss

    def by_cvxpy() -> np.ndarray:
        x = cp.Variable(n)
        cost = cp.sum_squares(cp.multiply(1 / np.sqrt(weight), x))
        cp.Problem(cp.Minimize(cost), [cp.sum(x) == 1, x >= 0, x <= cap]).solve(solver=cp.CLARABEL)
        return np.asarray(x.value) * problem.loss

    ours, theirs = median_ms(lambda: rule.allocate(problem), 9), median_ms(by_cvxpy, 3 if n > 5000 else 5)
    proven = median_ms(lambda: rule.allocate(problem).verify(1e-9), 5)
    off = np.abs(by_cvxpy() - rule.allocate(problem).paid).max() / problem.loss
    print(f"{n:>7,} payers: allocopt {ours:8.3f} ms (with its certificate {proven:8.3f} ms), cvxpy with Clarabel "
          f"{theirs:9.1f} ms, ratio {theirs / ours:6.0f}; largest difference {off:.0e} of the loss")  # fmt: skip


def batch(rows: int, n: int = 100) -> None:
    rng = np.random.default_rng(1)
    weight, cap = rng.lognormal(0, 1, n), rng.lognormal(0, 1.5, n)
    losses = rng.uniform(0, 1.1, rows) * cap.sum()
    scaled = cap * rng.uniform(0.5, 2.0, (rows, n))
    for name, caps in (("only the loss varies", cap), ("caps vary too", scaled)):
        ao.allocate_many("pro-rata", losses[:10], weight, caps[:10] if caps.ndim == 2 else caps)  # compiles
        start = time.perf_counter()
        out = ao.allocate_many("pro-rata", losses, weight, caps)
        took = time.perf_counter() - start
        table = pd.DataFrame({"margin": weight})
        start = time.perf_counter()
        for row in range(200):
            limits = caps[row] if caps.ndim == 2 else caps
            one = ao.allocate(ao.LossProblem(losses[row], table, limits), "pro-rata", key="margin").paid
            assert np.allclose(one, out[row], rtol=1e-10, atol=1e-12 * max(losses[row], 1.0))
        loop = (time.perf_counter() - start) / 200 * rows
        print(f"{rows:>9,} rows x {n} payers, {name}: {took:6.2f} s, {rows / took:12,.0f} rows/s; "
              f"a loop over allocate would take {loop:,.0f} s, ratio {loop / took:,.0f}")  # fmt: skip


if __name__ == "__main__":
    for size in (10, 200, 2_000, 20_000):
        single(size)
    batch(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
