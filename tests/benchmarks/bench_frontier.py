"""How long a frontier of 11 points takes among 50, 100 and 200 payers, by pair of criteria; run as a script."""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd

import allocopt as ao

PAIRS = (
    ("hoover", "top_share_of_burdens"), ("jain", "jain_of_burdens"), ("hoover", "cvar_of_burden"),
    ("theil", "gini_of_burdens"), ("gini", "gini_of_burdens"),
)  # fmt: skip


def question(n: int) -> ao.LossProblem:
    """Lognormal funds, and a loss of two fifths of them."""
    fund = np.random.default_rng(0).lognormal(0.0, 1.0, n)
    return ao.LossProblem(0.4 * float(fund.sum()), pd.DataFrame({"fund": fund}), "fund")


def main(sizes: list[int]) -> None:
    """One line per pair and size: seconds for the curve, and the largest residual of a certificate."""
    ao.frontier(question(5), "hoover", "top_share_of_burdens", points=3)  # what is loaded once
    for n in sizes:
        for pair in PAIRS:
            begin = time.perf_counter()
            found = ao.frontier(question(n), *pair)
            spent = time.perf_counter() - begin
            print(
                f"{n:4d} payers  {' / '.join(pair):34s} {spent:7.2f} s  gap {found.table['gap'].max():.1e}", flush=True
            )


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [50, 100, 200])
