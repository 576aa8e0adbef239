"""Figures that were never published, made by a stated, seeded rule, so that anyone can make them again.

Only uniform draws are taken from the generator and the rest is arithmetic and distribution functions, so the same rule
gives the same figures on every machine.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array, number
from allocopt.facts.event import ROLES
from allocopt.facts.rounding import largest_remainder
from allocopt.shelf.documents import Section


@dataclass(frozen=True)
class Rule:
    """A named generator with its parameters, and the roles whose rows it fills (all of them when none is named)."""

    generator: str
    parameters: Mapping[str, Any]
    roles: tuple[str, ...] = ()

    def make(self, table: pd.DataFrame) -> pd.DataFrame:
        """The figures of the payers it speaks of, one row each; scenarios make one column per scenario."""
        rows = table[table["role"].isin(self.roles)] if self.roles else table
        try:
            return pd.DataFrame(GENERATORS[self.generator](rows, **self.parameters), index=rows.index)
        except (TypeError, ValueError, KeyError) as fault:
            raise DataError(f"the rule {self} does not work: {fault}") from None

    @property
    def decimals(self) -> int:
        """To how many places its figures are written."""
        return int(self.parameters.get("decimals", 2))

    def __str__(self) -> str:
        stated = ", ".join(f"{key} {value}" for key, value in self.parameters.items())
        return f"{self.generator} ({stated})"


def read_rule(entry: Section) -> Rule:
    """A table [columns.NAME.rule]: generator, roles, and the generator's own parameters."""
    generator = entry.text("generator", choices=GENERATORS)
    roles = entry.texts("roles", default=(), choices=ROLES)
    stated = entry.rest()
    if generator in GENERATORS:
        accepted = inspect.signature(GENERATORS[generator]).parameters
        known = [name for name in accepted if accepted[name].kind is inspect.Parameter.KEYWORD_ONLY]
        for key in stated:
            if key not in known:
                entry.found.add(entry.where, str(unknown(f"parameter of {generator!r}", key, known)))
        for key in known:
            if key not in stated and accepted[key].default is inspect.Parameter.empty:
                entry.fault(key, f"is missing; generator {generator!r} needs it")
    return Rule(generator, stated, roles)


def synthetic_members(
    n: int, total: float, seed: int, *, sigma: float = 1.0, minimum: float = 0.0, decimals: int = 2
) -> Array:
    r"""Sizes of ``n`` members, largest first, that add up to ``total`` to the cent.

    .. math:: s_i = m + (T - n m) \frac{e^{\sigma z_i}}{\sum_j e^{\sigma z_j}}

    :math:`T` is the total and :math:`m` the least any member has, in currency, :math:`\sigma` the spread of the
    lognormal sizes and :math:`z_i` standard normal draws from ``seed``; cents go by largest remainders.

    >>> synthetic_members(4, 100.0, seed=1, sigma=1.0, minimum=5.0)
    array([40.6 , 39.98, 12.05,  7.37])
    """
    count = int(number(n, "the number of members"))
    whole, least = number(total, "the total"), number(minimum, "the minimum")
    if count == 0:
        return np.zeros(0)
    if count * least > whole:
        raise DataError(f"{count} members of at least {least:,.2f} need more than the total {whole:,.2f}; lower one")
    weight = np.sort(np.exp(sigma * _normal(count, seed)))[::-1]
    sizes = least + (whole - count * least) * weight / weight.sum()
    return largest_remainder(sizes, np.full(count, np.inf), decimals)


def _uniform(n: int, seed: int) -> Array:
    """Draws strictly inside (0, 1)."""
    return np.random.default_rng(seed).random(n) + 2.0**-54


def _normal(n: int, seed: int) -> Array:
    from scipy.special import ndtri

    return np.asarray(ndtri(_uniform(n, seed)), dtype=np.float64)


def _lognormal(
    rows: pd.DataFrame, *, members: int, total: float, seed: int, sigma: float = 1.0, minimum: float = 0.0,
    decimals: int = 2,
) -> Array:  # fmt: skip
    """Lognormal sizes that add up to a total, largest first."""
    if members != len(rows):
        raise DataError(f"the rule is for {members} members, the table has {len(rows)} rows of these roles")
    return synthetic_members(members, total, seed, sigma=sigma, minimum=minimum, decimals=decimals)


def _multiple(
    rows: pd.DataFrame, *, of: str, factor: float | Mapping[str, float], by: str = "", sigma: float = 0.0,
    seed: int = 0, decimals: int = 2,
) -> Array:  # fmt: skip
    """A multiple of another column, one factor for all or one per label of ``by``, with lognormal noise around it."""
    factors = rows[by].map(factor) if isinstance(factor, Mapping) else pd.Series(factor, index=rows.index)
    if factors.isna().any():
        raise DataError(f"no factor for label {rows[by][factors.isna()].iloc[0]!r} of column {by!r}")
    noise = np.exp(sigma * _normal(len(rows), seed) - sigma**2 / 2) if sigma else 1.0
    return np.round(rows[of].to_numpy(dtype=float) * factors.to_numpy(dtype=float) * noise, decimals)


def _labels(rows: pd.DataFrame, *, counts: Mapping[str, int], seed: int) -> NDArray[Any]:
    """Labels in stated numbers, dealt out at random."""
    deck = [label for label, times in counts.items() for _ in range(times)]
    if len(deck) != len(rows):
        raise DataError(f"the counts deal {len(deck)} labels, the table has {len(rows)} rows of these roles")
    return np.array(deck, dtype=object)[np.argsort(_uniform(len(rows), seed), kind="stable")]


def _bands(rows: pd.DataFrame, *, of: str, labels: list[str]) -> NDArray[Any]:
    """Labels by rank in another column: the first for the largest, in bands of equal number."""
    rank = (-rows[of].to_numpy(dtype=float)).argsort(kind="stable").argsort(kind="stable")
    return np.array(labels, dtype=object)[rank * len(labels) // max(len(rows), 1)]


def _one_factor(
    rows: pd.DataFrame, *, count: int, exposure: str, seed: int, volatility: float, correlation: float, tail: float,
    decimals: int = 2,
) -> Array:  # fmt: skip
    r"""Profit and loss :math:`\pm q_i \sigma (\rho F_s + \sqrt{1-\rho^2}\, e_{si})`, Student-t draws, side by coin."""
    from scipy.special import stdtrit

    n = len(rows)
    draws = _uniform(n + count * (n + 1), seed)
    side = np.where(draws[:n] < 0.5, -1.0, 1.0)
    shocks = np.asarray(stdtrit(tail, draws[n:].reshape(count, n + 1)), dtype=np.float64)
    blend = correlation * shocks[:, :1] + np.sqrt(1 - correlation**2) * shocks[:, 1:]
    profit = np.round(side * rows[exposure].to_numpy(dtype=float) * volatility * blend, decimals)
    return np.asarray(profit.T + 0.0, dtype=np.float64)


GENERATORS: Mapping[str, Callable[..., NDArray[Any]]] = {
    "lognormal": _lognormal,
    "multiple": _multiple,
    "labels": _labels,
    "bands": _bands,
    "one factor": _one_factor,
}
