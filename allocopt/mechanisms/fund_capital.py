"""What a default-fund contribution costs a bank in capital: Basel's formula, and the shape it gives the exposure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.errors import DataError
from allocopt.facts.checks import Array, number, vector
from allocopt.mechanisms.outcome import named, once_each

_RATIO, _FLOOR = 0.08, 0.02  # CRE54.29 and CRE54.36


@dataclass(frozen=True, eq=False, repr=False)
class FundCapital:
    """Capital for default-fund contributions, by member."""

    ids: pd.Index
    funds: Array
    hypothetical: float
    per_unit: float

    @property
    def k_ccp(self) -> float:
        r"""The hypothetical capital requirement of the clearing house, :math:`K_{CCP}`, in currency."""
        return self.hypothetical

    @property
    def capital(self) -> pd.Series[float]:
        r"""The capital requirement of each member, :math:`K_{CM_i}`, in currency."""
        return pd.Series(self.funds * max(self.per_unit, _RATIO * _FLOOR), index=self.ids, name="capital")

    @property
    def risk_weighted(self) -> pd.Series[float]:
        """The risk-weighted exposure of each member: capital times 12.5."""
        return (self.capital * 12.5).rename("risk-weighted")

    @property
    def risk_weight(self) -> float:
        """Risk-weighted exposure per unit of contribution, the same for every member."""
        return 12.5 * max(self.per_unit, _RATIO * _FLOOR)

    @property
    def floor_binds(self) -> bool:
        """Whether the floor of 8 % times 2 % decides."""
        return self.per_unit < _RATIO * _FLOOR

    def explain(self, member: Any) -> str:
        """A member's capital and what decides it."""
        at = named(member, self.ids, "member")
        why = (
            "the floor of 8 % x 2 % of the contribution decides"
            if self.floor_binds
            else f"its part of the hypothetical capital {self.hypothetical:,.2f} decides"
        )
        return f"{member} holds {self.capital.iloc[at]:,.4f} for its contribution of {self.funds[at]:,.2f}: {why}."

    def __repr__(self) -> str:
        return (
            f"FundCapital(K_CCP {self.hypothetical:,.4g}, risk weight {self.risk_weight:.4%}, {len(self.ids)} members)"
        )


def default_fund_capital(
    exposure: Any, funds: Any, own: float, *, risk_weight: float = 0.2, capital_ratio: float = _RATIO
) -> FundCapital:
    r"""Capital that clearing members hold for their pre-funded contributions to a qualifying CCP's default fund.

    .. math:: K_{CCP} = \sum_i EAD_i \cdot RW \cdot 8\,\%, \qquad
       K_{CM_i} = \max\Bigl(K_{CCP}\, \frac{D_i}{D_{CCP} + \sum_j D_j},\ 8\,\% \cdot 2\,\% \cdot D_i\Bigr)

    :math:`EAD_i` is the exposure of the clearing house to member :math:`i`, margin and contribution set off,
    :math:`D_i` the member's pre-funded contribution, :math:`D_{CCP}` the clearing house's own resources that are junior
    to members' or used alongside, all in currency; :math:`RW = 20\,\%` at least. Both terms are proportional to
    :math:`D_i`: every member has one and the same risk weight, which falls as the fund or the own resources grow until
    the floor stops it.

    Parameters
    ----------
    exposure : exposure at default, a Series by account or member, or their sum.
    funds : pre-funded contributions, a Series by member.
    own : the clearing house's own pre-funded resources, junior or pari passu.
    risk_weight : 0.2, or more where a supervisor has raised it.
    capital_ratio : 0.08, or what a jurisdiction puts in its place in the first step.

    Raises
    ------
    DataError : a number that is none, a risk weight below 20 %, exposure without any resources.

    Source: Basel Framework, CRE54.28-54.36 (BCBS 282, April 2014); times 12.5: CRR Art. 308(4). Earlier methods with
    c-factors are superseded and left out.

    >>> held = default_fund_capital(1000.0, pd.Series({"A": 60.0, "others": 340.0}), own=40.0)
    >>> round(held.k_ccp, 9), held.capital.round(6).to_list(), f"{held.risk_weight:.4%}"
    (16.0, [2.181818, 12.363636], '45.4545%')
    """
    if not isinstance(funds, pd.Series):
        raise DataError(f"funds is a {type(funds).__name__}; give a Series by member")
    once_each(funds.index, "funds", "member")
    paid, resources = vector(funds, funds.index, "funds"), number(own, "own")
    at_risk = (
        float(vector(exposure, exposure.index, "exposure").sum())
        if isinstance(exposure, pd.Series)
        else number(exposure, "exposure")
    )
    weight = number(risk_weight, "risk_weight", low=0.2)
    hypothetical = at_risk * weight * number(capital_ratio, "capital_ratio")
    behind = resources + float(paid.sum())
    if hypothetical > 0 and not behind > 0:
        raise DataError("funds and own are all zero; a clearing house with exposure has pre-funded resources")
    return FundCapital(funds.index, paid, hypothetical, hypothetical / behind if behind > 0 else 0.0)


def sft_exposure(gross: Any, margin: Any, fund: Any) -> NDArray[np.float64]:
    r"""Exposure at default from securities financing: :math:`EAD_i = \max(EBRM_i - IM_i - D_i,\ 0)` (CRE54.34).

    One entry per account, in currency: ``gross`` the exposure before mitigation, ``margin`` the initial margin and
    ``fund`` the pre-funded contribution that the account brings.

    >>> sft_exposure(pd.Series({"A": 50.0, "B": 10.0}), 20.0, 5.0).tolist()
    [25.0, 0.0]
    """
    if not isinstance(gross, pd.Series):
        raise DataError(f"gross is a {type(gross).__name__}; give a Series by account")
    ids = gross.index
    return np.maximum(vector(gross, ids, "gross") - vector(margin, ids, "margin") - vector(fund, ids, "fund"), 0.0)
