"""How much faster exact values are than coopgame-py, shapiq and numpy on the same tables in the same run.

Run: python tests/benchmarks/bench_values.py [largest number of players]

Prints, for every number of players, milliseconds of the fastest of several warm runs, the ratio to each peer, and the
largest difference between the answers relative to the largest worth. Peers that are not installed are named.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from math import comb
from typing import Any

import numpy as np

import allocopt as ao
from allocopt.games.exact import every_worth
from allocopt.games.weighted import weighted
from allocopt.maths.shapley import semivalue, shapley_weights
from allocopt.maths.threshold import threshold_values

ELECTORS = [55, 38, 29, 29, 20, 20, 18, 16, 16, 15, 14, 13, 12, 11, 11, 11, 11, 10, 10, 10, 10, 9, 9, 9, 8, 8]
ELECTORS += [7, 7, 7, 6, 6, 6, 6, 6, 6, 5, 5, 5, 4, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 3]


def peer(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        print(f"without {module}: pip install {package}")
        return None


def fastest_ms(act: Callable[[], Any], times: int) -> tuple[float, Any]:
    best, answer = np.inf, None
    for _ in range(times):
        start = time.perf_counter()
        answer = act()
        best = min(best, 1e3 * (time.perf_counter() - start))
    return best, answer


def by_numpy(values: np.ndarray, n: int) -> np.ndarray:
    """What one writes down first: for every player, the weighted mean of its marginal worths."""
    sizes = np.bitwise_count(np.arange(1 << (n - 1)))
    weight = np.array([1 / (n * comb(n - 1, s)) for s in range(n)])[sizes]
    out = np.empty(n)
    for i in range(n):
        pairs = values.reshape(-1, 2, 1 << i)
        out[i] = weight @ (pairs[:, 1] - pairs[:, 0]).ravel()
    return out


def stored(n: int, coopgame: Any, shapiq: Any) -> None:
    values = np.random.default_rng(n).random(1 << n)
    values[0] = 0.0
    game = ao.games.table(values)
    ao.shapley(game)  # compiles, once and for all
    ours, mine = fastest_ms(lambda: ao.shapley(game).amounts, 5)
    line = f"n = {n:2d}, table: allocopt {ours:9.2f} ms"
    rivals: list[tuple[str, Callable[[], Any], int]] = []
    if n <= 26:
        rivals.append(("numpy", lambda: by_numpy(values, n), 1))
    if coopgame is not None and n <= 24:
        theirs = coopgame.Game(values[1:].tolist())
        rivals.append(("coopgame-py", lambda: coopgame.shapley(theirs), 2 if n < 24 else 1))
    if shapiq is not None and n <= 16:
        bits = 1 << np.arange(n)
        exact = lambda: shapiq.ExactComputer(lambda rows: values[rows @ bits], n_players=n)("SV", order=1)  # noqa: E731
        rivals.append(("shapiq", exact, 1))
    for name, act, times in rivals:
        took, answer = fastest_ms(act, times)
        if name == "shapiq":
            answer = [answer[(i,)] for i in range(n)]
        off = float(np.abs(np.array(answer) - mine).max())
        line += f"; {name} {took:9.1f} ms, ratio {took / ours:7.0f}, difference {off:.0e}"
    print(line)


def others(n: int, coopgame: Any) -> None:
    values = np.random.default_rng(n).random(1 << n)
    values += 4.0 * np.bitwise_count(np.arange(1 << n)) ** 1.5  # worth more together, so that all of the values exist
    values[0] = 0.0
    game = ao.games.table(values, kind="gain")
    unions = [list(range(k, n, 5)) for k in range(5)]
    links = [(i, j) for j in range(n) for i in range(j) if (i * j) % 3 == 0]
    ways = [
        ("banzhaf", lambda: ao.banzhaf(game), lambda g: coopgame.banzhaf(g)),
        ("solidarity", lambda: ao.solidarity(game), lambda g: coopgame.solidarity(g)),
        ("owen", lambda: ao.owen(game, unions), lambda g: coopgame.owen(g, unions)),
        ("myerson", lambda: ao.myerson(game, links), lambda g: coopgame.myerson(g, links)),
        ("gately", lambda: ao.gately(game), lambda g: coopgame.gately_point(g)),
        ("weighted_shapley", lambda: ao.weighted_shapley(game, np.arange(1.0, n + 1)), None),
        ("least_squares", lambda: ao.least_squares(game), None),
        ("interactions", lambda: ao.interactions(game), None),
    ]  # fmt: skip
    theirs = coopgame.Game(values[1:].tolist()) if coopgame is not None else None
    for name, act, rival in ways:
        ours, mine = fastest_ms(act, 3)
        line = f"n = {n:2d}, {name}: allocopt {ours:9.2f} ms"
        if theirs is not None and rival is not None:
            took, answer = fastest_ms(lambda rival=rival: rival(theirs), 1)
            off = np.abs(np.array(answer) - mine.amounts).max() / values.max()
            line += f"; coopgame-py {took:9.1f} ms, ratio {took / ours:7.1f}, difference {off:.0e}"
        print(line)


def streamed(n: int) -> None:
    game = weighted(np.arange(1.0, n + 1.0), np.sqrt)
    took, mine = fastest_ms(lambda: semivalue(every_worth(game), n, shapley_weights(n)), 1)
    known, exact = fastest_ms(lambda: threshold_values(np.arange(1, n + 1), np.sqrt).shapley, 2)
    print(f"n = {n:2d}, worths never stored: {took / 1e3:7.2f} s; by formula {known:7.1f} ms, "
          f"largest relative difference {np.abs(mine / exact - 1).max():.0e}")  # fmt: skip


def main(most: int) -> None:
    coopgame, shapiq = peer("coopgame", "coopgame-py"), peer("shapiq", "shapiq")
    for n in range(12, most + 1, 4):
        stored(n, coopgame, shapiq)
    others(min(20, most), coopgame)
    for n in range(24, most + 3, 3):
        streamed(n)
    took, answer = fastest_ms(lambda: threshold_values(np.array(ELECTORS), lambda votes: (votes >= 270) * 1.0), 3)
    print(f"n = 51, electoral college: {took:7.1f} ms, California {answer.shapley[0]:.12f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 28)
