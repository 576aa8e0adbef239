"""How far sampled Shapley values are off, and how long they take, beside shapiq's estimators at equal evaluations.

Run: python tests/benchmarks/bench_sampling.py [evaluations] [seeds] [players, ...]
shapiq is asked where it is installed; version 1.8 needs Python 3.12. Errors are relative L2 errors, means over seeds.
"""

from __future__ import annotations

import importlib.metadata
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

import allocopt as ao
from allocopt.games.base import Game


class Plain(Game):
    """A game by its function alone: nothing is known of it but its worths."""

    def __init__(self, n: int, f: Callable[[Any], Any]) -> None:
        object.__setattr__(self, "f", f)
        super().__init__(pd.RangeIndex(n), "cost")

    def worths(self, coalitions: Any) -> Any:
        return self.f(np.asarray(coalitions, dtype=bool))


def of_sum(weights: np.ndarray, f: Callable[[Any], Any]) -> np.ndarray:
    """Exact value of f(sum of whole weights), by the distribution of the sum of random others of every number."""
    n, top = len(weights), int(weights.sum())
    worth, out = f(np.arange(top + 1.0)), np.empty(n)
    for own in np.unique(weights):
        others = list(weights)
        others.remove(own)
        chance = np.zeros((n, top + 1))
        chance[0, 0] = 1.0
        for seen, weight in enumerate(others):
            joins = np.minimum(1.0, np.arange(n) / (seen + 1))[:, None]
            stays = chance * (1.0 - joins)
            stays[1:, weight:] += joins[1:] * chance[:-1, : top + 1 - weight]
            chance = stays
        added = np.zeros(top + 1)
        added[: top + 1 - own] = worth[own:] - worth[: top + 1 - own]
        out[weights == own] = (chance @ added).mean()
    return out


def littlechild_owen(costs: np.ndarray) -> np.ndarray:
    order = np.argsort(costs)
    out = np.empty(len(costs))
    out[order] = np.cumsum(np.diff(costs[order], prepend=0.0) / np.arange(len(costs), 0, -1))
    return out


def games(n: int) -> dict[str, tuple[Callable[[Any], Any], np.ndarray]]:
    rng = np.random.default_rng(n)
    costs, weights = rng.lognormal(0, 1, n), rng.integers(1, 13, n)
    total = float(weights.sum())
    other = rng.permutation(costs)
    half = np.arange(n) < n // 2
    sides = [np.where(half, other, 0.0), np.where(half, 0.0, other)]
    maxima = sum(np.where(side > 0, littlechild_owen(side), 0.0) for side in sides)
    deviation = of_sum(weights, np.sqrt)
    return {
        "airport": (lambda s: np.where(s, costs, 0.0).max(axis=1), littlechild_owen(costs)),
        "std-dev": (lambda s: np.sqrt(s @ (1.0 * weights)), deviation),
        "voting": (lambda s: 1.0 * (s @ (1.0 * weights) > total / 2), of_sum(weights, lambda t: 1.0 * (t > total / 2))),
        "squared": (lambda s: (s @ (1.0 * weights)) ** 2, weights * total),
        "two maxima": (lambda s: sum(np.where(s, side, 0.0).max(axis=1) for side in sides), maxima),
        "max + std": (lambda s: np.where(s, costs, 0.0).max(axis=1) + np.sqrt(s @ (1.0 * weights)),
                      littlechild_owen(costs) + deviation),
    }  # fmt: skip


def peers() -> dict[str, Callable[[int, int], Any]]:
    """shapiq's estimators of the Shapley value that this version has."""
    try:
        import shapiq
        from shapiq import approximator
    except ImportError:
        return {}
    known: dict[str, Callable[[int, int], Any]] = {}
    for name in ("SVARM", "StratifiedSamplingSV", "RegressionMSR", "LeverageSHAP", "OddSHAP", "KernelSHAP",
                 "PermutationSamplingSV"):  # fmt: skip
        maker = getattr(approximator, name, None) or getattr(shapiq, name, None)
        if maker is not None:
            index = {"index": "SV"} if name == "RegressionMSR" else {}
            known[name] = lambda n, seed, maker=maker, index=index: maker(n=n, random_state=seed, **index)
    return known


def asked(maker: Callable[[int, int], Any], n: int, seed: int, f: Any, budget: int) -> np.ndarray:
    def game(s: Any) -> Any:
        rows = np.asarray(s, dtype=bool)
        return f(np.atleast_2d(rows))

    return np.asarray(maker(n, seed).approximate(budget, game).get_n_order_values(1), dtype=float)


def main(budget: int, seeds: int, sizes: list[int]) -> None:
    warnings.simplefilter("ignore")
    rivals = peers()
    version = importlib.metadata.version("shapiq") if rivals else "not installed"
    print(f"{budget} evaluations, {seeds} seeds, Python {sys.version.split()[0]}, shapiq {version}")
    for n in sizes:
        for name, (f, true) in games(n).items():
            scale = float(np.linalg.norm(true))
            ao.shapley(Plain(n, f), "regression", budget=budget, seed=99)
            off, took, stated = [], [], []
            for seed in range(seeds):
                start = time.perf_counter()
                found = ao.shapley(Plain(n, f), "regression", budget=budget, seed=seed)
                took.append(time.perf_counter() - start)
                off.append(np.linalg.norm(found.amounts - true) / scale)
                stated.append(np.linalg.norm(found.errors) / scale)
            ours, spent = float(np.mean(off)), float(np.median(took))
            print(f"{name:10} n={n:<4} allocopt {ours:9.2e} (stated {np.mean(stated):.2e}) in {spent:5.2f} s", end="")
            best: tuple[float, str, float] | None = None
            for rival, maker in rivals.items():
                try:
                    start = time.perf_counter()
                    each = [np.linalg.norm(asked(maker, n, seed, f, budget) - true) / scale for seed in range(seeds)]
                    passed = (time.perf_counter() - start) / seeds
                except Exception as fault:
                    print(f" [{rival}: {type(fault).__name__}]", end="")
                    continue
                if best is None or np.mean(each) < best[0]:
                    best = float(np.mean(each)), rival, passed
            if best is not None:
                rate = best[0] / max(ours, 1e-15)
                print(f"; best of shapiq {best[0]:9.2e} ({best[1]}) in {best[2]:6.2f} s: "
                      f"error ratio {rate:8.2g}, time ratio {best[2] / spent:6.1f}", end="")  # fmt: skip
            print(flush=True)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*(numbers[:2] + [10_000, 3][len(numbers) :]), numbers[2:] or [30, 60, 100])
