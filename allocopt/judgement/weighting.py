"""Which criteria count and with what weights: those given, an order of importance, or all weights alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array, number
from allocopt.judgement.criterion import Criterion

NO_WEIGHT = "no weight"


class Weighting(NamedTuple):
    """The criteria that count, the corners of their weight set (criteria, corners), in words, and who is left out."""

    names: tuple[str, ...]
    vertices: Array
    basis: str
    left_out: pd.Series[str]


def weighting(values: pd.DataFrame, criteria: Mapping[str, Criterion], weights: Any, chosen: Any) -> Weighting:
    """The weight set that a reader's ``weights`` describe on criteria ``chosen`` (None: all) of values by scheme."""
    if weights is not None and chosen is not None:
        raise DataError("weights already names the criteria that count; leave criteria=... out")
    if isinstance(weights, pd.Series) and pd.api.types.is_numeric_dtype(weights.dtype):
        if not weights.index.is_unique:
            raise DataError(f"criteria are named twice in {list(weights.index)}; name each once")
        weights = weights.to_dict()
    named = weights if weights is not None else chosen
    if named is None:
        names, why = _each_family_once(values, criteria)
        if not names:
            raise DataError("no criterion that counts has a value for any scheme; compare with metrics or measures")
        empty = values.columns[values.loc[list(names)].isna().all(axis=0)]
        if len(empty):
            raise DataError(f"{empty[0]!r} has no value on any criterion that counts; leave that scheme out")
        return Weighting(names, np.eye(len(names)), "nothing assumed about their weights", why)
    if isinstance(named, str) or not isinstance(named, Iterable):
        raise DataError(f"{named!r} is no set of criteria; give a dict of weights or a list of names")
    listed = [str(name) for name in named]
    _usable(listed, values, criteria)
    if isinstance(weights, Mapping):
        given = np.array([number(weights[name], f"the weight of {name!r}") for name in named])
        if not given.any():
            raise DataError("all weights are zero; give at least one criterion a weight above zero")
        listed = [name for name, w in zip(listed, given, strict=True) if w > 0]
        scaled = given[given > 0] / given.max()
        vertices, basis = (scaled / scaled.sum())[:, None], "with the weights given"
    elif weights is not None:
        vertices = falling(len(listed))
        basis = "of falling importance"
    else:
        vertices, basis = np.eye(len(listed)), "nothing assumed about their weights"
    families: dict[str, str] = {}
    for name in listed:
        twin = families.setdefault(criteria[name].family, name)
        if twin != name:
            raise DataError(f"{twin!r} and {name!r} are of one family ({criteria[name].family}); let one of them count")
    why = {name: NO_WEIGHT for name in values.index if name not in listed}
    return Weighting(tuple(listed), vertices, basis, pd.Series(why, dtype=object, name="left out"))


def falling(count: int) -> Array:
    """The corners of all weights that fall from the first criterion to the last, one per column.

    >>> falling(2).tolist()
    [[1.0, 0.5], [0.0, 0.5]]
    """
    size = np.arange(1, count + 1)
    return np.where(size[:, None] <= size, 1.0 / size, 0.0)


def _usable(listed: list[str], values: pd.DataFrame, criteria: Mapping[str, Criterion]) -> None:
    if not listed:
        raise DataError("no criterion is named; name at least one, or leave the argument out for all")
    for name in listed:
        if name not in values.index:
            raise unknown("criterion of this card", name, map(str, values.index))
        lacking = values.columns[np.isnan(values.loc[name].to_numpy(np.float64))]
        if len(lacking):
            raise DataError(f"{name!r} has no value for {lacking[0]!r}; leave the criterion or that scheme out")
        if criteria[name].best is None:
            raise DataError(f"{name!r} has no best end, so it cannot be put on a scale beside others")
    if len(set(listed)) < len(listed):
        raise DataError(f"criteria are named twice in {listed}; name each once")


def _each_family_once(values: pd.DataFrame, criteria: Mapping[str, Criterion]) -> tuple[tuple[str, ...], Any]:
    """The criteria that count: the first of each family that has a value for some scheme; of the others, why not.

    A criterion counts whoever else is compared: one that a scheme lacks stays, one that none has says nothing.
    """
    families: dict[str, str] = {}
    why: dict[str, str] = {}
    for name in map(str, values.index):
        if values.loc[name].isna().all():
            why[name] = "no value for any scheme"
        elif criteria[name].best is None:
            why[name] = "no best end, so no scale"
        else:
            twin = families.setdefault(criteria[name].family, name)
            if twin != name:
                why[name] = f"counted once, with {twin}"
    return tuple(families.values()), pd.Series(why, dtype=object, name="left out")
