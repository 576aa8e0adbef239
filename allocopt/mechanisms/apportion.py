"""What a member has pledged to a fund is apportioned to several auctions by the notional of the portfolio in each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import vector
from allocopt.mechanisms.outcome import once_each, stakes


def apportion(amounts: Any, notionals: Any) -> pd.DataFrame:
    r"""Split contributions over auctions, so that no money answers for two of them.

    .. math:: c_{ia} = c_i\, \frac{N_a}{\sum_b N_b}

    :math:`c_i` is what member :math:`i` (or the clearing house) has in the fund, in currency, and :math:`N_a` the
    notional of the defaulter's portfolio in auction :math:`a`. Rows of the answer sum to the contributions; a column is
    what :func:`juniorise` takes as a resource of one auction.

    Parameters
    ----------
    amounts : a Series by member, >= 0.
    notionals : a Series by auction, >= 0 and not all zero.

    Returns
    -------
    DataFrame members x auctions, in currency.

    Raises
    ------
    DataError : a number that is none, a member or auction named twice, notionals that are all zero.

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
    parts = np.outer(vector(amounts, amounts.index, "amounts"), size / size.sum())
    return pd.DataFrame(parts, index=amounts.index, columns=notionals.index)
