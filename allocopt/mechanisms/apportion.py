"""What a member has pledged to a fund is apportioned to several auctions by the notional of the portfolio in each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import number, vector
from allocopt.mechanisms.outcome import once_each, stakes

_ROUNDING = 1e-12  # of the whole: auctions that sum to it in floats


def apportion(amounts: Any, notionals: Any, *, whole: float | None = None) -> pd.DataFrame:
    r"""Split contributions over auctions, so that no money answers for two of them.

    .. math:: c_{ia} = c_i\, \frac{N_a}{N}

    :math:`c_i` is what member :math:`i` (or the clearing house) has in the fund, in currency, and :math:`N_a` the
    notional of the defaulter's portfolio in auction :math:`a`, of :math:`N \ge \sum_a N_a` in the whole contract class.
    A column of the answer is what :func:`juniorise` takes as a resource of one auction; what rows leave over belongs to
    positions that are not auctioned.

    Parameters
    ----------
    amounts : a Series by member, >= 0.
    notionals : a Series by auction, >= 0 and not all zero.
    whole : the notional of everything the defaulter held in the class; the sum of the auctions unless said otherwise.

    Returns
    -------
    DataFrame members x auctions, in currency.

    Raises
    ------
    DataError : a number that is none, a member or auction named twice, notionals that are all zero or exceed ``whole``.

    Source: SGX-DC Practice Note 7A.01A.2B.2 (in force from 17 July 2019), sections 2 and 3.

    >>> apportion(pd.Series({"A": 20.0, "B": 10.0}), pd.Series({"rates": 75.0, "metals": 25.0})).loc["A"].to_dict()
    {'rates': 15.0, 'metals': 5.0}
    """
    for given, what, kind in ((amounts, "amounts", "member"), (notionals, "notionals", "auction")):
        if not isinstance(given, pd.Series):
            raise DataError(f"{what} is a {type(given).__name__}; give a Series by {kind}")
        once_each(given.index, what, kind)
    size = stakes(notionals, notionals.index, "notionals")
    if not size.any():
        raise DataError("notionals are all zero; give the notional of at least one auction")
    total = float(size.sum()) if whole is None else number(whole, "whole")
    if total < float(size.sum()) * (1 - _ROUNDING):
        raise DataError(
            f"whole is {total:g}, less than the notionals of the auctions, {size.sum():g}; correct one of them"
        )
    parts = np.outer(vector(amounts, amounts.index, "amounts"), size / total)
    return pd.DataFrame(parts, index=amounts.index, columns=notionals.index)
