"""How much faster tables of games are written than by numpy, on the same games in the same run.

The expected-shortfall table is compared with sums by doubling and numpy's selection (``coalition_risks``, itself a
vectorised peer), the others with one row of members per coalition. Every pair of tables must agree.

Run: python tests/benchmarks/bench_games.py [players of the tail games]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

import allocopt as ao
from allocopt.maths.shapley import memberships
from allocopt.maths.tails import coalition_risks


def best(act: Callable[[], np.ndarray], times: int = 3) -> tuple[float, np.ndarray]:
    """The best of several runs, in seconds, and what was found."""
    marks, found = [], np.empty(0)
    for _ in range(times):
        start = time.perf_counter()
        found = act()
        marks.append(time.perf_counter() - start)
    return min(marks), found


def told(what: str, ours: tuple[float, np.ndarray], theirs: tuple[float, np.ndarray], unit: float = 1.0) -> None:
    off = np.abs(ours[1] - theirs[1]).max() / max(np.abs(theirs[1]).max(), 1e-300)
    assert off < 1e-11, (what, off)
    print(f"{what:<44} {1e3 * ours[0]:9.1f} ms, numpy {1e3 * theirs[0] * unit:10.1f} ms, "
          f"ratio {theirs[0] * unit / ours[0]:6.1f}; largest difference {off:.0e}")  # fmt: skip


def tails(n: int, scenarios: int = 1_000) -> None:
    pnl = -np.random.default_rng(0).standard_t(4, (scenarios, n))
    weights = np.random.default_rng(1).random(scenarios)
    part = max(n - 4, 1)  # numpy's time on 2^(n-4) coalitions, times 16
    for measure, weighed in (("es", None), ("var", None), ("std", None), ("es", weights)):
        ao.games.tail(pnl[:, :3], 0.975, measure, weighed).table()  # compiles
        ours = best(lambda m=measure, w=weighed: ao.games.tail(pnl, 0.975, m, w).table(), 2)
        mass = None if weighed is None else weighed / weighed.sum()
        theirs = best(lambda m=measure, p=mass: coalition_risks(-pnl[:, :part], m, 0.975, p), 1)
        what = f"{measure}{', weighted' if weighed is not None else ''}, {n} players, {scenarios} scenarios"
        told(what, (ours[0], ours[1][: 1 << part]), theirs, 2.0 ** (n - part))


def structured(n: int = 22) -> None:
    a = np.random.default_rng(2).random(n)
    games = {"airport": ao.games.airport(a), "cover 2": ao.games.cover(a, 2), "threshold": ao.games.threshold(a, n / 4),
             "claims": ao.games.claims(n / 4, a), "variance": ao.games.variance(np.diag(a))}  # fmt: skip
    for name, game in games.items():
        theirs = best(lambda g=game: np.concatenate(
            [g.worths(memberships(k << 14, k + 1 << 14, n)) for k in range(1 << n - 14)]), 1)  # fmt: skip
        told(f"{name}, {n} players", best(game.table), theirs)


def checks(n: int = 18) -> None:
    game = ao.games.cover(np.random.default_rng(3).random(n), 2)
    for name in ("is_additive", "is_monotone", "is_convex", "is_superadditive"):
        took, _ = best(lambda f=name: np.array(bool(getattr(game, f)())))
        print(f"{name}, {n} players: {1e3 * took:.1f} ms")


if __name__ == "__main__":
    tails(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
    structured()
    checks()
