"""The EU's second skin in the game: between 10 % and 25 % of risk-based capital, and its split over default funds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number, vector
from allocopt.mechanisms.outcome import once_each

LOWEST, HIGHEST = 10, 25  # per cent of the risk-based capital requirement: Delegated Regulation (EU) 2023/840


@dataclass(frozen=True, eq=False, repr=False)
class SecondSkin:
    """The amount as an interval, or as a number when the percentage is known."""

    capital: float
    percentage: int | None
    funds: pd.Index
    sizes: Array

    @property
    def low(self) -> float:
        """The least the amount can be."""
        return (LOWEST if self.percentage is None else self.percentage) * self.capital / 100

    @property
    def high(self) -> float:
        """The most the amount can be."""
        return (HIGHEST if self.percentage is None else self.percentage) * self.capital / 100

    @property
    def amount(self) -> float:
        """The amount when the percentage is stated; NaN while only its range is known."""
        return math.nan if self.percentage is None else self.low

    @property
    def by_fund(self) -> pd.DataFrame:
        """The interval allotted to each default fund in proportion to its size, for defaults in its segment."""
        part = self.sizes / self.sizes.sum()
        return pd.DataFrame({"low": part * self.low, "high": part * self.high}, index=self.funds)

    @property
    def non_default(self) -> tuple[float, float]:
        """The interval for a non-default loss: the full amount, whatever fund it was allotted to."""
        return self.low, self.high

    def explain(self) -> str:
        """The amount in words, with what is not known about it."""
        if self.percentage is not None:
            return f"{self.percentage} % of the risk-based capital of {self.capital:,.2f}: {self.amount:,.2f}."
        return (
            f"Between {LOWEST} % and {HIGHEST} % of the risk-based capital of {self.capital:,.2f}: {self.low:,.2f} to "
            f"{self.high:,.2f}. The percentage follows from parameters A1-A5 and B1-B3 of the regulation's annex; how "
            "they combine has not been verified, so no single figure is given."
        )

    def __repr__(self) -> str:
        return f"SecondSkin({self.low:,.2f} to {self.high:,.2f}, {len(self.funds)} default funds)"


def second_skin(risk_based_capital: float, funds: Any = None, *, percentage: float | None = None) -> SecondSkin:
    r"""Additional pre-funded own resources of an EU clearing house, as an interval until the percentage is known.

    .. math:: S_2 = P \cdot K_{\text{risk}}, \qquad 10\,\% \le P \le 25\,\%, \qquad
       S_{2,f} = S_2\, \frac{D_f}{\sum_g D_g}

    :math:`K_{\text{risk}}` is the risk-based capital requirement in currency, :math:`P` the percentage, rounded to a
    whole number, :math:`D_f` the size of default fund :math:`f`. The regulation builds :math:`P` from eight parameters
    by a formula that could not be read; it is not reproduced from memory. Give ``percentage`` when the clearing house
    publishes it, or 25 where it chose the maximum, which needs no calculation.

    Parameters
    ----------
    risk_based_capital : the requirement under Article 16(2) of Regulation (EU) 648/2012, >= 0.
    funds : size of every default fund, a Series by fund; None for one fund.
    percentage : 10 to 25, in per cent; rounded to the nearest whole number (halves up).

    Raises
    ------
    DataError : a number that is none, a percentage outside the range, funds that are all zero.

    Source: Delegated Regulation (EU) 2023/840 Arts. 1-2 and Annex, under Art. 9(14) of Regulation (EU) 2021/23.

    >>> skin = second_skin(200.0, pd.Series({"equities": 300.0, "rates": 100.0}))
    >>> skin.low, skin.high, skin.by_fund.loc["rates"].to_dict()
    (20.0, 50.0, {'low': 5.0, 'high': 12.5})
    """
    capital = number(risk_based_capital, "risk_based_capital")
    whole = None
    if percentage is not None:
        whole = math.floor(number(percentage, "percentage", high=100.0) + 0.5)
        if not LOWEST <= whole <= HIGHEST:
            raise DataError(
                f"percentage is {percentage:g}; expected per cent between {LOWEST} and {HIGHEST}, such as 17"
            )
    if funds is None:
        return SecondSkin(capital, whole, pd.Index(["default fund"]), np.ones(1))
    if not isinstance(funds, pd.Series):
        raise DataError(f"funds is a {type(funds).__name__}; give a Series by default fund")
    once_each(funds.index, "funds", "default fund")
    sizes = vector(funds, funds.index, "funds")
    if not sizes.any():
        raise DataError("funds are all zero; give the size of at least one default fund, or None for one fund in all")
    return SecondSkin(capital, whole, funds.index, sizes)
