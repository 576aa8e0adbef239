"""In what proportion payers answer for a loss: a column, a blend, a power of one, or figures of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number, vector
from allocopt.facts.problem import LossProblem


@dataclass(frozen=True)
class Key:
    r"""A blend of columns, raised to a power: :math:`w_i = \bigl(\sum_k a_k\, q_{ik} / \sum_j q_{jk}\bigr)^\beta`.

    ``parts`` maps column names to their weights :math:`a_k \ge 0`. Each column is first divided by its own total, so a
    blend of margin (in billions) and a count of trades means what it says. ``power`` :math:`\beta` below one flattens
    the key towards equal shares, above one it leans on the largest.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"gross": [30.0, 10.0], "net": [5.0, 15.0]}, index=["A", "B"])
    >>> Key({"gross": 0.5, "net": 0.5}).values(LossProblem(1, table))
    array([0.5, 0.5])
    """

    parts: Mapping[str, float]
    power: float = 1.0
    label: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not self.parts:
            raise DataError("a key blends no column; name at least one, such as {'default_fund': 1.0}")
        for column, weight in self.parts.items():
            number(weight, f"weight of column {column!r} in the key")
        if not sum(self.parts.values()) > 0:
            raise DataError(f"the weights of the key are all zero: {dict(self.parts)}; give one that is positive")
        number(self.power, "power of the key", low=0.0)

    def values(self, problem: LossProblem) -> Array:
        """One entry per payer, without unit."""
        blend = np.zeros(problem.n)
        for column, weight in self.parts.items():
            figures = problem.column(column)
            total = float(figures.sum())
            blend += weight * (figures / total if total > 0 else figures)
        return np.asarray(blend**self.power, dtype=np.float64)

    def __str__(self) -> str:
        mix = " + ".join(name if weight == 1 else f"{weight:g}·{name}" for name, weight in self.parts.items())
        text = mix if self.power == 1 else f"({mix})^{self.power:g}"
        return self.label or text


def key_values(key: Any, problem: LossProblem, default: Array, what: str = "key", low: float = 0.0) -> Array:
    """The key as numbers >= ``low``, one entry per payer; ``default`` stands in for None."""
    if key is None:
        return default
    if isinstance(key, str):
        return problem.column(key, low=low)
    if isinstance(key, Mapping):
        key = Key(key)
    if isinstance(key, Key):
        return key.values(problem)
    return vector(key, problem.ids, what, low=low)


def per_weight(amounts: Array, weights: Array) -> Array:
    """Amounts per unit of weight; zero where there is no weight, for such a payer takes no part."""
    some = weights > 0
    return np.asarray(np.where(some, amounts / np.where(some, weights, 1.0), 0.0))


def key_name(key: Any, default: str) -> str:
    """The key in a word or two, for pages and messages."""
    if key is None:
        return default
    if isinstance(key, str):
        return key
    if isinstance(key, Mapping):
        return str(Key(key))
    return str(key) if isinstance(key, Key) else str(getattr(key, "name", None) or "stated key")
