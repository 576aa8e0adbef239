"""Which schemes no other beats: costs on which schemes can be compared, dominance, the Pareto filter, Lorenz order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from allocopt.facts.checks import Array
from allocopt.judgement.criterion import Criterion
from allocopt.judgement.inequality import ROUNDING
from allocopt.judgement.lorenz import lorenz_dominates


def costs(values: pd.DataFrame, criteria: Mapping[str, Criterion]) -> pd.DataFrame:
    """Criteria x schemes turned so that lower is better, each family once, without those that no scheme has."""
    families: dict[str, str] = {}
    for name in values.index[values.notna().any(axis=1)]:
        families.setdefault(criteria[name].family, name)
    return turned(values.loc[list(families.values())], criteria)


def turned(values: pd.DataFrame, criteria: Mapping[str, Criterion]) -> pd.DataFrame:
    """Criteria x schemes with every direction turned so that lower is better."""
    return by_criterion(values, {name: one.costs for name, one in criteria.items()})


def by_criterion(values: pd.DataFrame, functions: Mapping[str, Callable[[Any], Array]]) -> pd.DataFrame:
    """Criteria x schemes, every row through the function of its criterion."""
    rows = [functions[str(name)](row) for name, row in zip(values.index, values.to_numpy(np.float64), strict=True)]
    figures = np.array(rows) if rows else np.empty(values.shape)
    return pd.DataFrame(figures, index=values.index, columns=values.columns)


def filled(profile: Array) -> Array:
    """(..., criteria, schemes) with the mean of a scheme's own others where it has no value, nothing of another's."""
    return np.where(np.isnan(profile), np.nanmean(profile, axis=-2, keepdims=True), profile)


def dominance(cost: pd.DataFrame) -> pd.DataFrame:
    """Whether the scheme of the row is no worse than that of the column on every criterion, and better on one.

    Costs that agree to a part in 1e9 (of the largest of 1 and the two) count as equal. Two schemes are compared on the
    criteria that both have a value for (NaN: none), so that what a third one has or lacks never matters to them.

    >>> table = pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 3.0], "c": [0.0, 9.0]})
    >>> dominance(table).loc["a"].to_dict()
    {'a': False, 'b': True, 'c': False}
    """
    figures = cost.to_numpy(dtype=np.float64)
    size = np.where(np.isfinite(figures), np.maximum(1.0, np.abs(figures)), 1.0)
    one, other = figures[:, :, None], figures[:, None, :]
    same = ROUNDING * np.maximum(size[:, :, None], size[:, None, :])
    worse, better = (one > other + same).any(axis=0), (one < other - same).any(axis=0)
    return pd.DataFrame(np.asarray(better & ~worse), index=cost.columns, columns=cost.columns)


def efficient(cost: pd.DataFrame) -> pd.Series[bool]:
    """Whether no other scheme dominates this one."""
    return (~dominance(cost).any(axis=0)).rename("efficient")


def lorenz_order(paid: Mapping[str, Array], by: Array | None) -> pd.DataFrame:
    """Schemes x schemes: how the Lorenz curve of the row lies to that of the column, as codes of ``LorenzOrder``."""
    codes = [[int(lorenz_dominates(one, other, by)) for other in paid.values()] for one in paid.values()]
    return pd.DataFrame(codes, index=list(paid), columns=list(paid))
