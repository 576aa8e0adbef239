"""How long every claims rule takes for a hundred thousand payers, in both readings, one by one and in a batch.

Run: python tests/benchmarks/bench_rules.py [payers]

Prints the median of warm runs in milliseconds of processor time (all threads together, so that what else the machine
does is not counted), and for the batch the time of one row of ten. The yardstick of every line is one sort of the same
caps, because no rule can be found without looking at every payer. Takes about a minute.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

import allocopt as ao

# A Gauss-Legendre node of random arrival, or a term of a Fourier series of average awards, costs as much as all of one
# of these rules: both are exponential or a convolution by nature and have their own benchmarks.
RULES: dict[str, dict[str, Any]] = {
    "pro-rata": {},
    "constrained-equal-awards": {},
    "constrained-equal-losses": {},
    "talmud": {},
    "reverse-talmud": {},
    "tal-family": {"theta": 1 / 3},
    "piniles": {},
    "constrained-egalitarian": {},
    "alpha-min": {},
    "adjusted-proportional": {},
    "truncated-proportional": {},
    "average-of-equal": {},
    "minimal-overlap": {},
    "dominguez-thomson": {},
    "equal-sacrifice": {"rra": 2.0},
    "queue": {"score": "weight"},
}
KEYED = ("pro-rata", "constrained-equal-awards", "constrained-equal-losses", "talmud", "reverse-talmud", "tal-family",
         "piniles", "constrained-egalitarian")  # fmt: skip
PARTS = (1e-6, 0.02, 0.5, 0.97)  # losses as fractions of what all payers can bear


def median_ms(act: Callable[[], object], times: int = 3) -> float:
    """The median of a few runs after one that is not counted, in milliseconds of processor time."""
    act()
    marks = []
    for _ in range(times):
        start = time.process_time()
        act()
        marks.append(1e3 * (time.process_time() - start))
    return statistics.median(marks)


def main(n: int) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"cap": rng.lognormal(0, 1.5, n), "weight": rng.lognormal(0, 1, n)})
    caps, weight, total = table["cap"].to_numpy(), table["weight"].to_numpy(), float(table["cap"].sum())
    problems = [ao.LossProblem(part * total, table, cap="cap") for part in PARTS]
    sort = median_ms(lambda: np.sort(caps))
    print(f"{n:,} payers; one sort of the caps takes {sort:.2f} ms; columns are losses of "
          f"{', '.join(f'{part:g}' for part in PARTS)} of all caps, in ms, then one row of a batch of ten")  # fmt: skip
    slowest, slow_batch = 0.0, 0.0
    for name, parameters in RULES.items():
        for reading in ("burden", "payout"):
            for key in (None, "weight") if name in KEYED else (None,):
                given = parameters if key is None else {**parameters, "key": key}
                rule = ao.scheme(name, reading=reading, **given)
                times = [median_ms(lambda rule=rule, p=problem: rule.allocate(p).shares) for problem in problems]
                keys = weight if key or name == "queue" else None
                losses = np.linspace(0.01, 0.99, 10) * total
                many = median_ms(lambda rule=rule, k=keys, m=losses: ao.allocate_many(rule, m, k, caps), 1) / 10
                varied = caps * rng.uniform(0.5, 2.0, (10, n))
                apart = median_ms(lambda rule=rule, k=keys, m=losses, c=varied: ao.allocate_many(rule, m, k, c), 1) / 10
                slowest, slow_batch = max(slowest, *times), max(slow_batch, many, apart)
                label = f"{name}{' by weight' if key else ''} ({reading})"
                cells = " ".join(f"{t:7.1f}" for t in times)
                ratio = max(times) / sort
                print(f"{label:46s} {cells} | {many:7.1f}, caps apart {apart:7.1f} | {ratio:4.0f} sorts", flush=True)
    print(f"slowest answer: {slowest:.1f} ms; slowest row of a batch: {slow_batch:.1f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
