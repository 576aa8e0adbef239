"""The worst price of a partial liquidation: the one that leaves an account exactly as safe as it was (Lighter)."""

from __future__ import annotations

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import number
from allocopt.mechanisms.perpetual.sides import price_above_zero, sign_of


def lighter_zero_price(mark: float, side: str, fraction: float, account_value: float, requirement: float) -> float:
    r"""The zero price: closing any part of a position there keeps account value over maintenance margin as it is.

    .. math:: P^0 = P\,\Bigl(1 - s\, m\, \frac{A}{M}\Bigr)

    :math:`s = +1` for a long, :math:`m` the contract's maintenance margin ``fraction``, :math:`A` the total account
    value and :math:`M > 0` the maintenance ``requirement`` of all positions. Closing :math:`t` contracts at it costs
    :math:`t P m A / M` and frees :math:`t P m` of requirement, so :math:`A / M` stays; when the last position is closed
    the account has nothing left and owes nothing. A fill at a better price pays up to 1 % of it to the insurance fund
    (:func:`lighter_fee`).

    Source: docs.lighter.xyz, liquidations and insurance fund: an immediate-or-cancel order at the price at which the
    ratio of account value to maintenance margin stays the same; the formula is derived from that statement.

    >>> lighter_zero_price(100.0, "long", 0.05, 40.0, 50.0), lighter_zero_price(100.0, "short", 0.05, 40.0, 50.0)
    (96.0, 104.0)
    """
    price, whole = price_above_zero(mark, "the mark price"), number(requirement, "the requirement")
    if whole == 0:
        raise DataError("the requirement is zero; an account with a position has one above zero")
    value = number(account_value, "the account value", low=-np.inf)
    return price * (1.0 - sign_of(side) * number(fraction, "the fraction", high=1.0) * value / whole)


def lighter_fee(fill: float, zero: float, side: str, contracts: float = 1.0, *, most: float = 0.01) -> float:
    r"""What a fill better than the zero price pays to the insurance fund: the improvement, at most 1 % of the fill.

    .. math:: \min\bigl(\phi\, P\, t,\ (s\,(P - P^0))^+\, t\bigr)

    Source: docs.lighter.xyz ("up to 1% liquidation fee"); that 1 % is of the value of the fill is **unverified**.

    >>> lighter_fee(96.5, 96.0, "long", 2.0), lighter_fee(99.0, 96.0, "long"), lighter_fee(95.0, 96.0, "long")
    (1.0, 0.99, 0.0)
    """
    price, count = price_above_zero(fill, "the fill price"), number(contracts, "contracts")
    better = max(sign_of(side) * (price - price_above_zero(zero, "the zero price")), 0.0)
    return min(number(most, "most", high=1.0) * price, better) * count
