"""Questions for every rule: small and degenerate on purpose (ties, zeros, no cap), then random, then at every scale."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

import allocopt as ao
from allocopt.schemes.base import Scheme
from allocopt.schemes.game_rule import GameRule

INF = float("inf")


def question(loss: float, keys: list[float], caps: list[float]) -> ao.LossProblem:
    """A question with a key column, a score column and a size label."""
    n = len(caps)
    table = pd.DataFrame(
        {
            "key": np.array(keys, dtype=float),
            "cap": np.array(caps, dtype=float),
            "equity": np.array(caps, dtype=float),
            "size": ["small" if i % 2 else "large" for i in range(n)],
        },
        index=[f"payer {i}" for i in range(n)],
    )
    return ao.LossProblem(loss, table, cap="cap", currency="EUR")


def edge_questions() -> Iterator[ao.LossProblem]:
    """Every question with at most three payers, keys and caps from a handful of values: exhaustive, no chance."""
    yield from (question(loss, [], []) for loss in (0.0, 3.0))
    for n in (1, 2, 3):
        keys = list(itertools.product((1.0, 2.0), repeat=n)) if n < 3 else [(1.0, 1.0, 2.0)]
        for key, cap in itertools.product(keys, itertools.product((0.0, 1.0, 5.0), repeat=n)):
            for loss in (0.0, 1.0, 3.0, 100.0):
                yield question(loss, list(key), list(cap))


@st.composite
def questions(draw: Any, most: int = 7, scale: float = 1.0) -> ao.LossProblem:
    """Random questions that lean towards ties, zero caps and losses at the edge of capacity."""
    n = draw(st.integers(1, most))
    value = st.one_of(st.sampled_from([1.0, 2.0, 2.0, 5.0]), st.floats(0.01, 100.0))
    keys = draw(st.lists(value, min_size=n, max_size=n))
    caps = draw(st.lists(st.one_of(st.just(0.0), value), min_size=n, max_size=n))
    part = draw(st.one_of(st.sampled_from([0.0, 0.5, 1.0, 1.2]), st.floats(0.001, 0.999)))
    return question(part * sum(caps) * scale, keys, [c * scale for c in caps])


def registered() -> dict[str, Scheme]:
    """One example of every registered scheme and of its variants, by a readable name.

    A scheme that needs parameters is given them here; a new rule without required parameters is covered unasked.
    """
    given: dict[str, list[dict[str, Any]]] = {
        "queue": [{"score": "key"}, {"score": "key", "ascending": True}, {"score": "key", "reading": "payout"}],
        "pro-rata": [{}, {"key": "key"}, {"key": "key", "reading": "payout"}, {"key": {"key": 0.5, "cap": 0.5}}],
        "constrained-equal-awards": [{}, {"key": "key"}, {"reading": "payout"}],
        "constrained-equal-losses": [{}, {"key": "key"}, {"reading": "payout"}],
        "tal-family": [{"theta": 0.0}, {"theta": 1 / 3}, {"theta": 1.0}, {"theta": 1 / 3, "reading": "payout"}],
        "leximin": [{}, {"by": "key"}, {"of": "residual"}],
        "leximax": [{}, {"of": "residual", "by": "key"}],
        "talmud": [{}, {"key": "key"}, {"key": "key", "reading": "payout"}],
        **{name: [{}, {"key": "key"}] for name in ("reverse-talmud", "constrained-egalitarian")},
        "equal-sacrifice": [{}, {"rra": 0.5}, {"key": "key"}, {"reading": "payout"}],
        **{name: [{}, {"reading": "payout"}] for name in ("piniles", "truncated-proportional", "minimal-overlap")},
        "contract-pro-rata": [{"key": "key"}],
        "risk-aware-pro-rata": [{"leverage": "key"}, {"leverage": "key", "power": 1.0}],
        "minimax-leverage": [{"equity": "key"}, {"equity": "key", "notional": "cap"}],
        "lots": [],  # shares in lots leave more than the caps do: tested in test_crypto_rules
        # scenarios fix the payers of risk rules: tested in test_risk_rules
        "euler-es": [], "euler-var": [], "euler-std": [], "covariance": [], "haircut": [], "with-without": [],
        "cost-gap": [], "aumann-shapley": [], "shortfall-risk": [], "optimal-capital": [], "elliptical": [],
        "serial": [{"key": "key"}, {"key": "key", "cost": 1.0}, {"key": "key", "policy": "program"}],
    }  # fmt: skip
    out = {}
    for name, kind in ao.schemes().items():
        if issubclass(kind, GameRule):
            continue  # a game fixes the payers: tested in test_games_as_schemes, every one of them
        for parameters in given.get(name, [{}]):
            shown = ", ".join(f"{k}={v}" for k, v in parameters.items())
            out[f"{name}({shown})"] = ao.scheme(name, **parameters)
    return out
