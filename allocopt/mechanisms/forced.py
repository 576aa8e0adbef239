"""Positions that nobody bought are assigned to members by rule, whether they want them or not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array, number
from allocopt.facts.problem import LossProblem
from allocopt.mechanisms.outcome import Outcome, named
from allocopt.schemes.pro_rata import ProRata

PROHIBITED = {"EU": "forced allocation is not among the resolution tools of Regulation (EU) 2021/23"}


@dataclass(frozen=True, eq=False, repr=False)
class ForcedAllocation(Outcome):
    """Quantities assigned to members, and what it costs each to be assigned them."""

    quantities: Array
    direction: float
    division: Allocation
    price: float
    market: float
    prohibited: dict[str, str]

    @property
    def ids(self) -> pd.Index:
        """The members."""
        return self.division.problem.ids

    @property
    def assigned(self) -> pd.Series[float]:
        """What each member is assigned, in units of the contract; with the sign of the quantity."""
        return pd.Series(self.direction * self.quantities, index=self.ids, name="assigned")

    @property
    def cost(self) -> pd.Series[float]:
        """What each member loses at once: assigned at ``price``, worth ``market``; a gain is negative."""
        return (self.assigned * (self.price - self.market)).rename("cost")

    @property
    def shares(self) -> pd.Series[float]:
        """What each member is assigned, without sign."""
        return pd.Series(self.quantities.copy(), index=self.ids, name="assigned")

    @property
    def residual(self) -> float:
        """What could not be assigned within the limits; with the sign of the quantity."""
        return self.direction * self.division.residual

    @cached_property
    def certificate(self) -> Certificate:
        """The certificate of the division."""
        return self.division.certificate

    def explain(self, member: Any) -> str:
        """Why this member is assigned this much."""
        at = named(member, self.ids, "member")
        told = f"{member} is assigned {self.assigned.iloc[at]:,.6g} at {self.price:,.6g}, worth {self.market:,.6g}: "
        return f"{told}it loses {self.cost.iloc[at]:,.2f}. {self.division.explain(member)}"

    def __repr__(self) -> str:
        return (
            f"ForcedAllocation({self.direction * self.quantities.sum():,.6g} to {len(self.ids)} members at "
            f"{self.price:,.6g}, residual {self.residual:,.6g}, prohibited: {', '.join(self.prohibited)})"
        )


def forced_allocation(
    quantity: float, weight: Any, *, limit: Any = None, price: float = 0.0, market: float | None = None
) -> ForcedAllocation:
    r"""Assign a position to members pro rata, at a price that the clearing house sets.

    .. math:: a_i = \min(\bar a_i,\ \lambda w_i), \qquad \sum_i a_i = \min\Bigl(|Q|, \sum_i \bar a_i\Bigr), \qquad
       \text{cost}_i = \operatorname{sign}(Q)\, a_i\, (p - m)

    :math:`Q` is the position that is left (long > 0), :math:`w_i` the weight by which member :math:`i` answers and
    :math:`\bar a_i` its limit, :math:`p` the price at which it is assigned and :math:`m` what it is worth. A long
    position assigned above its worth costs the member; a short one pays it.

    Parameters
    ----------
    quantity : the position to be assigned, any sign.
    weight : a Series by member, >= 0.
    limit : the most each member can be assigned, by member; None for no limit.
    price, market : price of assignment and market price; the market price is ``price`` unless said otherwise.

    Returns
    -------
    ForcedAllocation : ``.assigned``, ``.cost``, ``.residual``, ``.division`` (the Allocation with its certificate),
        ``.prohibited`` (where the law forbids it, and why).

    Raises
    ------
    DataError : a number that is none, a member named twice.

    Sources: SwapClear's procedure of 2008 (unsold positions allocated to members pro rata, Financial News, 16 September
    2008); SGX-DC 7A.02.1.5.c (residual OTCF contracts assigned to members). Prohibited in EU resolution: Risk.net,
    17 July 2020.

    >>> left = forced_allocation(-30, pd.Series({"A": 2.0, "B": 1.0}), price=99.0, market=101.0)
    >>> left.assigned.to_dict(), left.cost.to_dict()
    ({'A': -20.0, 'B': -10.0}, {'A': 40.0, 'B': 20.0})
    """
    if not isinstance(weight, pd.Series):
        raise DataError(f"weight is a {type(weight).__name__}; give a Series by member")
    whole = number(quantity, "quantity", low=-np.inf)
    at = number(price, "price", low=-np.inf)
    worth = at if market is None else number(market, "market", low=-np.inf)
    question = LossProblem(abs(whole), weight.to_frame("weight"), limit, about="forced allocation of positions")
    division = ProRata(key="weight").allocate(question)
    return ForcedAllocation(
        division.paid, -1.0 if whole < 0 else 1.0, division, at, worth, dict(PROHIBITED)
    )  # fmt: skip
