"""dYdX v4: which fills stand; what the insurance fund pays or earns on one, and which states an account may reach."""

from __future__ import annotations

from typing import Any

import numpy as np

from allocopt.facts.checks import number

TRANSITIONS = ("valid", "newly undercollateralised", "still undercollateralised")


def dydx_transition(
    collateral: float, initial: float, maintenance: float, new_collateral: float, new_maintenance: float
) -> str:
    r"""Whether an account that ends below its initial margin may go there: only to a state that is no riskier.

    .. math:: M' \le M \quad\text{and}\quad \frac{C'}{M'} \ge \frac{C}{M} \quad (M, M' > 0);\qquad
       C' > C \quad (M = M' = 0)

    :math:`C` is the net collateral, :math:`M` the maintenance margin, a prime marks the state afterwards. An account
    whose positions are all gone (:math:`M' = 0 < M`) and which still owes is refused. An account that keeps its initial
    margin is not asked this question at all.

    Returns ``"valid"``, ``"newly undercollateralised"`` (its initial margin :math:`I \le C` was held before) or
    ``"still undercollateralised"``.

    Source: dydxprotocol/v4-chain, x/subaccounts/lib/updates.go, IsValidStateTransitionForUndercollateralizedSubaccount.

    >>> dydx_transition(50.0, 20.0, 10.0, 4.0, 5.0), dydx_transition(-2.0, 2.0, 1.0, -1.0, 0.5)
    ('newly undercollateralised', 'valid')
    """
    refused = TRANSITIONS[1] if initial <= collateral else TRANSITIONS[2]
    if new_maintenance > maintenance:
        return refused
    if new_maintenance == 0 or maintenance == 0:
        improved = new_maintenance == maintenance == 0 and new_collateral > collateral
        return TRANSITIONS[0] if improved else refused
    return refused if new_collateral * maintenance < collateral * new_maintenance else TRANSITIONS[0]


def dydx_insurance_delta(quote: float, bankruptcy_quote: float, *, most_fee: float = 0.005) -> float:
    r"""What the insurance fund earns (> 0) or pays (< 0) when a part of a position is liquidated in the market.

    .. math:: \Delta = Q - Q^b,\qquad \min\bigl(\Delta,\ \phi\,|Q|\bigr) \text{ if } \Delta > 0

    :math:`Q` is the quote amount of the fill (received > 0, paid < 0), :math:`Q^b` that at the bankruptcy price
    (:func:`~allocopt.mechanisms.perpetual.dydx.dydx_bankruptcy_quote`), :math:`\phi` the largest liquidation fee, set
    by governance. What is left above the fee stays with the account.

    Source: dydxprotocol/v4-chain, x/clob/keeper/liquidations.go, GetLiquidationInsuranceFundDelta.

    >>> dydx_insurance_delta(5_610.0, 5_100.0), dydx_insurance_delta(-5_000.0, -4_900.0)
    (28.05, -100.0)
    """
    received, least = (number(v, w, low=-np.inf) for v, w in ((quote, "quote"), (bankruptcy_quote, "bankruptcy_quote")))
    delta = received - least
    return min(delta, number(most_fee, "most_fee", high=1.0) * abs(received)) if delta > 0 else delta


def dydx_fund_can_pay(fund: Any, delta: float) -> bool:
    """Whether a fill stands: the fund earns on it, or holds what it has to pay; else the account is deleveraged.

    Source: dydxprotocol/v4-chain, x/clob/keeper/deleveraging.go, IsValidInsuranceFundDelta.

    >>> dydx_fund_can_pay(100.0, -100.0), dydx_fund_can_pay(100.0, -100.5), dydx_fund_can_pay(0.0, 0.0)
    (True, False, True)
    """
    change = number(delta, "delta", low=-np.inf)
    return change >= 0 or number(fund, "the fund") + change >= 0
