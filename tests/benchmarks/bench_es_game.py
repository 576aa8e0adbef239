"""How long it takes to divide a tail loss of 20 members by six values of the game it makes, proofs included.

Run: python tests/benchmarks/bench_es_game.py [members] [scenarios] (20 and 1,000 when left out). The table of worths is
made once and shared; every line says what one rule and its certificate take beside it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

import allocopt as ao


def members(count: int, scenarios: int) -> pd.DataFrame:
    """Profit and loss of members of different sizes in common and own shocks with heavy tails."""
    rng = np.random.default_rng(20)
    sizes = np.geomspace(1.0, 12.0, count)
    common = rng.standard_t(4, scenarios)[:, None]
    own = rng.standard_t(3, (scenarios, count))
    return pd.DataFrame((0.6 * common + 0.8 * own) * sizes, columns=[f"M{i + 1}" for i in range(count)])


def timed(what: str, act: Callable[[], Any]) -> Any:
    start = time.perf_counter()
    found = act()
    print(f"{what:<42} {time.perf_counter() - start:8.3f} s", flush=True)
    return found


def main(count: int = 20, scenarios: int = 1000) -> None:
    warm = ao.games.tail(members(6, 50), 0.9)
    start = time.perf_counter()
    ao.shapley(warm)
    ao.verify_nucleolus(warm, ao.nucleolus(warm).values)
    ao.constrained_shapley(warm, core=True)
    print(f"{'(loading libraries, not counted)':<42} {time.perf_counter() - start:8.3f} s")
    pnl = members(count, scenarios)
    game = ao.games.tail(pnl, 0.975)
    print(f"expected shortfall (97.5 %) of {count} members on {scenarios:,} scenarios")
    begin = time.perf_counter()
    timed(f"table of {2**count:,} worths", lambda: game.kept.table())
    groups = [f"group {i % (count // 2)}" for i in range(count)]
    payers = pd.DataFrame({"fund": pnl.std(), "group": groups}, index=pnl.columns)
    problem = ao.LossProblem(game.grand, payers, currency="EUR")
    reference = ao.scheme("pro-rata", key="fund")
    rules = [
        ao.scheme("shapley", game=game), ao.scheme("nucleolus", game=game), ao.scheme("tau-value", game=game),
        ao.scheme("owen", game=game, unions="group"), ao.scheme("constrained-shapley", game=game, core=True),
        ao.scheme("core-nearest", game=game, reference=reference),
    ]  # fmt: skip
    for rule in rules:
        answer = timed(rule.name, partial(rule.allocate, problem))
        timed("  its certificate", answer.verify)
    timed("worst objection to pro-rata", lambda: ao.max_excess(game.kept, reference.allocate(problem).shares))
    print(f"{'all of it':<42} {time.perf_counter() - begin:8.3f} s")
    print(pd.DataFrame({rule.name: rule.allocate(problem).shares for rule in rules}).round(3).to_string())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
