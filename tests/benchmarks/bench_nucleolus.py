"""How much faster the nucleolus is than coopgame's on the same games in the same run, and what a proof costs.

Run: python tests/benchmarks/bench_nucleolus.py [n ...] (20 when left out). The peer runs where the package coopgame is
installed for an interpreter named by the variable PEER_PYTHON; without it only our times are shown.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import allocopt as ao

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from seeded_games import seeded_game

PEER = """
import json, sys, time
import coopgame
game = coopgame.Game(json.load(sys.stdin))
start = time.perf_counter()
found = coopgame.nucleolus(game)
took = time.perf_counter() - start
print(json.dumps([took, found["allocation"]]))
"""


def seconds(act: Callable[[], object], times: int = 3) -> float:
    """The median of several runs after one that is not counted."""
    act()
    marks = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        marks.append(time.perf_counter() - start)
    return statistics.median(marks)


def peer(worths: np.ndarray) -> tuple[float, np.ndarray] | None:
    """The peer's own time for the solve alone, and its answer."""
    python = os.environ.get("PEER_PYTHON")
    if not python:
        return None
    out = subprocess.run(
        [python, "-c", PEER], input=json.dumps(worths[1:].tolist()), capture_output=True, text=True, check=True
    )
    took, found = json.loads(out.stdout)
    return took, np.array(found)


def games(n: int) -> dict[str, np.ndarray]:
    sums = np.zeros(1)
    for weight in np.random.default_rng(1).integers(1, 50, n):
        sums = np.concatenate((sums, sums + weight))
    out = {f"seeded, family {family}": seeded_game(family, n, 569125) for family in (1, 2, 3, 4)}
    out["weighted voting"] = (sums > sums[-1] / 2) * 1.0
    out["claims"] = np.maximum(0.0, sums - sums[-1] // 2)
    return out


for n in [int(a) for a in sys.argv[1:]] or [20]:
    for name, worths in games(n).items():
        game = ao.games.table(worths, kind="gain")
        ours = seconds(lambda game=game: ao.nucleolus(game))
        proven = seconds(lambda game=game: ao.nucleolus(game, exact=True), 1)
        verified = seconds(lambda game=game: ao.verify_nucleolus(game, ao.nucleolus(game).values), 1) - ours
        line = f"n = {n}, {name:17}: {ours:7.3f} s, proven in fractions {proven:7.3f} s, verified {verified:7.3f} s"
        theirs = peer(worths)
        if theirs is not None:
            off = np.abs(theirs[1] - ao.nucleolus(game).amounts).max() / max(np.abs(worths).max(), 1e-300)
            line += f"; coopgame {theirs[0]:7.2f} s, ratio {theirs[0] / ours:6.1f}, answers differ by {off:.0e}"
        print(line, flush=True)
