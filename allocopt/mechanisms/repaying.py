"""Money that comes back after a default: who is repaid, in which order, to the cent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from allocopt.errors import unknown
from allocopt.facts.rounding import apportioned, whole_units
from allocopt.mechanisms.layer import Layer
from allocopt.mechanisms.walk import stages


@dataclass(frozen=True, eq=False)
class Recovery:
    """Who is repaid what (layers x payers), and what is left when everybody has been repaid."""

    table: pd.DataFrame
    surplus: float

    @property
    def by_payer(self) -> pd.Series[float]:
        """What each payer is repaid."""
        return self.table.sum(axis=0).rename("repaid")

    @property
    def by_layer(self) -> pd.Series[float]:
        """What each layer is repaid."""
        return self.table.sum(axis=1).rename("repaid")


def repay(amount: float, owed: pd.DataFrame, layers: Sequence[Layer], order: str, decimals: int) -> Recovery:
    r"""Divide an amount among those who are owed (layers x payers), none above what it is owed.

    In turn for each layer (``reverse`` begins with the last), or at once for all (``pro rata``):

    .. math:: r_{ki} = o_{ki}\, \min\bigl(1,\ A / \textstyle\sum_{ki} o_{ki}\bigr)

    :math:`o_{ki}` is what payer :math:`i` is owed under layer :math:`k` and :math:`A` what is left of the amount, both
    in currency; cents go by largest remainders. Layers used side by side are one turn.
    """
    unit = 10.0**decimals
    left = float(whole_units(np.array([amount]), decimals)[0])
    repaid = owed * 0.0
    for rows in _turns(owed, layers, order):
        cells = owed.loc[rows].to_numpy(dtype=np.float64)
        total = min(left, float(np.rint(cells * unit).sum()))
        if total > 0:
            shares = cells.ravel() * (total / unit / cells.sum())
            units = apportioned(shares, cells.ravel(), decimals, total)
            repaid.loc[rows] = units.reshape(cells.shape) / unit
            left -= float(units.sum())
    return Recovery(repaid, left / unit)


def chosen(owed: pd.DataFrame, names: Iterable[str] | None) -> pd.DataFrame:
    """What is owed under some of the layers."""
    if names is None:
        return owed
    for name in (wanted := [names] if isinstance(names, str) else list(names)):
        if name not in owed.index:
            raise unknown("layer of that default", name, map(str, owed.index))
    return owed.loc[wanted]


def _turns(owed: pd.DataFrame, layers: Sequence[Layer], order: str) -> Iterator[list[str]]:
    if order == "pro rata":
        yield list(owed.index)
        return
    turns = [[layer.name for layer in stage if layer.name in owed.index] for stage in stages(layers)]
    yield from (turn for turn in (reversed(turns) if order == "reverse" else turns) if turn)
