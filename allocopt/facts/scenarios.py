"""What each payer may lose, scenario by scenario: profit and loss from outside, read once, with its sign turned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number, vector

_LARGEST = 1e100  # an amount whose square still is a number, in any currency


@dataclass(frozen=True, eq=False)
class Scenarios:
    """Losses by scenario (rows) and payer (columns), and the probability of each scenario.

    ``losses`` are positive where money is lost, the opposite sign of the profit and loss they were read from.
    ``probabilities`` sum to one, or are None when all scenarios are equally likely. ``ids`` names the columns;
    ``named`` says whether those names were given or are only positions.
    """

    ids: pd.Index
    losses: Array
    probabilities: Array | None
    named: bool

    def of(self, payers: pd.Index) -> Array:
        """The losses of these payers, in their order; columns of others are left out."""
        if not self.named:
            if len(self.ids) != len(payers):
                raise DataError(
                    f"scenarios have {len(self.ids)} columns and the question {len(payers)} payers; give one column "
                    "per payer, or a DataFrame with payer ids as columns"
                )
            return self.losses
        if self.ids.equals(payers):
            return self.losses
        at = self.ids.get_indexer(payers)
        missing = payers[at < 0]
        if len(missing):
            raise DataError(
                f"scenarios have no column for payer {missing[0]!r} ({len(missing)} missing); "
                "name the columns as the payers are named"
            )
        return self.losses[:, at]


def read_scenarios(scenarios: Any, weights: Any = None, what: str = "scenarios") -> Scenarios:
    """Check a table of profit and loss (scenarios x payers, gain > 0) and turn it into losses; a private copy.

    ``weights`` holds a non-negative weight per scenario and is divided by its sum; None makes all equally likely.

    >>> book = read_scenarios(pd.DataFrame({"A": [1.0, -4.0], "B": [0.0, -1.0]}))
    >>> book.losses.tolist(), list(book.ids)
    ([[-1.0, -0.0], [4.0, 1.0]], ['A', 'B'])
    """
    named = isinstance(scenarios, pd.DataFrame)
    if named:
        if not scenarios.columns.is_unique:
            twice = scenarios.columns[scenarios.columns.duplicated()][0]
            raise DataError(f"{what} name payer {twice!r} twice; keep one column per payer")
        for name, kind in scenarios.dtypes.items():
            if pd.api.types.is_bool_dtype(kind) or not pd.api.types.is_numeric_dtype(kind):
                raise DataError(f"{what}: column {name!r} holds {kind}, not numbers; give profit and loss as numbers")
        ids, figures = scenarios.columns, scenarios.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        try:
            figures = np.asarray(scenarios, dtype=np.float64)
        except (TypeError, ValueError):
            raise DataError(f"{what} hold something that is not a number; give scenarios x payers") from None
        if figures.ndim != 2:
            raise DataError(f"{what} have shape {figures.shape}; expected two dimensions, scenarios x payers")
        ids = pd.RangeIndex(figures.shape[1])
    if not len(figures):
        raise DataError(f"{what} have no rows; give at least one scenario")
    # NaN and infinities show in the extremes, which are found without a table of flags as large as the scenarios.
    size = max(-figures.min(initial=0.0), figures.max(initial=0.0))
    if not size <= _LARGEST:
        bad = np.argwhere(~(np.abs(figures) <= _LARGEST))
        row, column = bad[0]
        label = scenarios.index[row] if named else int(row)
        raise DataError(
            f"{what}: payer {ids[column]!r} has {figures[row, column]} in scenario {label!r} "
            f"({len(bad)} such entries); expected finite amounts: fill or drop those scenarios"
        )
    losses = np.negative(figures)
    losses.flags.writeable = False
    return Scenarios(ids, losses, scenario_probabilities(weights, len(losses)), named)


def read_losses(losses: Any) -> Array:
    """One loss per scenario (loss > 0), as a read-only vector; a Series or any sequence."""
    if np.ndim(losses) != 1:
        raise DataError(f"losses have shape {np.shape(losses)}; expected one loss per scenario (sum over payers first)")
    if not len(losses):
        raise DataError("losses are empty; give at least one scenario")
    figures = losses.to_numpy() if isinstance(losses, pd.Series) else losses
    return vector(figures, pd.RangeIndex(len(losses), name="scenario"), "losses (by scenario)", low=-np.inf)


def scenario_probabilities(weights: Any, count: int) -> Array | None:
    """Weights of scenarios divided by their sum, read-only; None stands for equally likely."""
    if weights is None:
        return None
    if np.ndim(weights) != 1 or len(weights) != count:
        raise DataError(f"weights have shape {np.shape(weights)}; expected one for each of the {count} scenarios")
    figures = weights.to_numpy() if isinstance(weights, pd.Series) else weights
    given = vector(figures, pd.RangeIndex(count, name="scenario"), "weights (by scenario)")
    if not given.sum() > 0:
        raise DataError("weights of the scenarios are all zero; give one that is positive")
    out = np.asarray(given / given.sum(), dtype=np.float64)
    out.flags.writeable = False
    return out


def tail_level(level: Any) -> float:
    """A level strictly between 0 and 1: the probability that is *not* in the tail."""
    value = number(level, "the level", high=1.0)
    if not 0.0 < value < 1.0:
        raise DataError(f"the level is {value:g}; expected a value strictly between 0 and 1, such as 0.975")
    return value
