"""How much faster ten thousand losses run down twelve layers in one call than in a loop over ``run``, in the same run.

Run: python tests/benchmarks/bench_waterfall.py [losses] [members]
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd

import allocopt as ao

ASKED = 30  # runs of the loop that are timed and compared


def event(members: int) -> ao.Event:
    rng = np.random.default_rng(0)
    none = [np.nan, np.nan]
    table = pd.DataFrame(
        {
            "role": ["defaulter", "house", *["survivor"] * members],
            "margin": [20.0, np.nan, *rng.lognormal(2, 1, members)],
            "fund": [5.0, np.nan, *rng.lognormal(0, 1, members)],
            "own": [np.nan, 4.0, *[np.nan] * members],
            "gains": [*none, *rng.lognormal(1, 1, members)],
            "bid": [*none, *rng.integers(1, 4, members).astype(float)],
        },
        index=["defaulter", "house", *(f"member {i}" for i in range(members))],
    )
    return ao.Event("bench", loss=1.0, currency="EUR", date=None, payers=table)


def waterfall() -> ao.Waterfall:
    survivors = {"roles": "survivor", "cap": "fund", "key": "margin"}
    layers = (
        ao.Layer("margin", roles="defaulter", cap="margin"),
        ao.Layer("own contribution", roles="defaulter", cap="fund"),
        ao.Layer("skin in the game", roles="house", cap="own"),
        ao.Layer("insurance", payer="insurer", amount=3.0),
        ao.Layer("half of the fund", factor=0.5, **survivors),  # type: ignore[arg-type]
        ao.Layer("the rest by bids", tiers="bid", **survivors),  # type: ignore[arg-type]
        ao.Layer("second skin", payer="parent", amount=10.0),
        ao.Layer("calls", factor=2, resource="calls", pari_passu="calls", **survivors),  # type: ignore[arg-type]
        ao.Layer("dedicated amount", payer="parent", amount=60.0, pari_passu="calls"),
        ao.Layer("equal awards", roles="survivor", cap="margin", scheme="constrained-equal-awards", amount=100.0),
        ao.Layer("talmud", roles="survivor", cap="margin", scheme="talmud"),
        ao.Layer("gains", roles="survivor", cap="gains", key="gains"),
    )
    return ao.Waterfall("bench", layers)


def main(count: int, members: int) -> None:
    facts, chain = event(members), waterfall()
    top = chain.run(facts, loss=1e12).by_payer.sum()
    losses = np.random.default_rng(1).uniform(0.0, 1.1 * top, count)
    chain.run_many(losses[:10], facts)  # compiles
    start = time.perf_counter()
    many = chain.run_many(losses, facts)
    took = time.perf_counter() - start
    start = time.perf_counter()
    runs = [chain.run(facts, loss) for loss in losses[:ASKED]]
    loop = (time.perf_counter() - start) / ASKED * count
    off = max(float(np.abs(many.by_payer.iloc[k] - run.by_payer).max()) / run.loss for k, run in enumerate(runs))
    print(f"{count:,} losses down {len(chain.layers)} layers with {members} members: {took:.2f} s in one call; "
          f"a loop over run would take {loop:,.0f} s, ratio {loop / took:,.0f}; "
          f"largest difference {off:.0e} of the loss")  # fmt: skip


if __name__ == "__main__":
    main(*(int(n) for n in [*sys.argv[1:], *["10000", "200"][len(sys.argv) - 1 :]]))
