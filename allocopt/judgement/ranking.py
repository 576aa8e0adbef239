"""Which schemes no other beats: costs on which schemes can be compared, dominance, and the Pareto filter."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from allocopt.judgement.inequality import ROUNDING
from allocopt.judgement.metric import Criterion


def costs(values: pd.DataFrame, criteria: Mapping[str, Criterion]) -> pd.DataFrame:
    """Criteria x schemes turned so that lower is better, each family once, without those that some scheme lacks."""
    families: dict[str, str] = {}
    for name in values.index[values.notna().all(axis=1)]:
        families.setdefault(criteria[name].family, name)
    kept = values.loc[list(families.values())]
    return kept.apply(lambda row: row.map(criteria[str(row.name)].cost), axis=1) if len(kept) else kept


def dominance(cost: pd.DataFrame) -> pd.DataFrame:
    """Whether the scheme of the row is no worse than that of the column on every criterion, and better on one.

    Costs that agree to a part in 1e9 (of the larger of 1 and the largest cost of the criterion) count as equal.

    >>> table = pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 3.0], "c": [0.0, 9.0]})
    >>> dominance(table).loc["a"].to_dict()
    {'a': False, 'b': True, 'c': False}
    """
    figures = cost.to_numpy(dtype=np.float64)
    finite = np.where(np.isfinite(figures), np.abs(figures), 0.0)
    same = ROUNDING * np.maximum(1.0, finite.max(axis=1, initial=0.0))[:, None, None]
    one, other = figures[:, :, None], figures[:, None, :]
    beats = (one <= other + same).all(axis=0) & (one < other - same).any(axis=0)
    return pd.DataFrame(beats, index=cost.columns, columns=cost.columns)


def efficient(cost: pd.DataFrame) -> pd.Series[bool]:
    """Whether no other scheme dominates this one."""
    return (~dominance(cost).any(axis=0)).rename("efficient")
