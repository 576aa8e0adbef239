"""Which scenarios count for a payer: those of a tail (its own, of all together, of a market), or as stated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array
from allocopt.facts.scenarios import read_scenarios
from allocopt.maths.tails import density, even

DRIVERS = ("joint", "own", "none")


def masses(
    losses: Array, probabilities: Array | None, driver: Any, measure: str, level: float, zeta: Any, ids: Any
) -> Array:
    """Probability times weight, scenarios x payers; each column sums to one (to zero for a standard deviation)."""
    count, n = losses.shape
    if zeta is not None:
        return _stated(zeta, even(probabilities, count), n, ids)
    if isinstance(driver, str):
        if driver == "none":
            return np.broadcast_to(even(probabilities, count)[:, None], losses.shape)
        if driver == "joint" or not n:
            return np.broadcast_to(density(losses, measure, level, probabilities)[:, None], losses.shape)
        return np.column_stack([density(losses[:, [i]], measure, level, probabilities) for i in range(n)])
    if np.ndim(driver) != 1 or len(driver) != count:
        raise DataError(
            f"the driver has shape {np.shape(driver)}; give 'joint', 'own', 'none', or one profit and loss of the "
            f"market for each of the {count} scenarios"
        )
    market = read_scenarios(np.asarray(driver)[:, None], what="the driver").losses
    return np.broadcast_to(density(market, measure, level, probabilities)[:, None], losses.shape)


def table_of(zeta: Any, count: int) -> Any:
    """Stated weights, checked and copied: scenarios x 1, scenarios x payers, or a DataFrame of the latter; or None."""
    if zeta is None:
        return None
    figures = zeta.to_numpy() if isinstance(zeta, pd.DataFrame | pd.Series) else zeta
    try:
        table = np.array(figures, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("zeta holds something that is not a number; give weights >= 0 by scenario") from None
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2 or len(table) != count:
        raise DataError(f"zeta has shape {np.shape(zeta)}; give one row for each of the {count} scenarios")
    bad = np.argwhere(~((table >= 0) & np.isfinite(table)))
    if len(bad):
        raise DataError(f"zeta is {table[tuple(bad[0])]} in scenario {bad[0][0]}; weights are finite and >= 0")
    return pd.DataFrame(table, columns=zeta.columns) if isinstance(zeta, pd.DataFrame) else table


def _stated(zeta: Any, mass: Array, n: int, ids: Any) -> Array:
    if isinstance(zeta, pd.DataFrame) and ids is not None:
        missing = [i for i in ids if i not in zeta.columns]
        if missing:
            raise DataError(f"zeta has no column for payer {missing[0]!r}; name its columns as the payers are named")
        zeta = zeta[list(ids)]
    table = np.asarray(zeta, dtype=np.float64)
    if table.shape[1] not in (1, n):
        raise DataError(f"zeta has {table.shape[1]} columns for {n} payers; give one in all, or one per payer")
    weighed = mass[:, None] * table
    total = weighed.sum(axis=0)
    if not (total > 0).all():
        raise DataError("zeta is zero in every scenario that can happen; give a positive weight")
    return np.broadcast_to(weighed / total, (len(mass), n))
