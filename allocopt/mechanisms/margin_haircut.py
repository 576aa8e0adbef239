"""Initial margin of survivors is cut pro rata: for comparison only, and forbidden where the law says so."""

from __future__ import annotations

import dataclasses
from typing import Any

import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.problem import LossProblem
from allocopt.schemes.pro_rata import ProRata

PROHIBITED = {
    "EU": "resolution may not write down or cut initial margin: it is not among the tools of Regulation (EU) 2021/23"
}


def haircut_margin(loss: float, margin: Any, *, currency: str = "") -> Allocation:
    r"""Cut survivors' initial margin in proportion to it: a comparison, not a tool to use.

    .. math:: x_i = \min\Bigl(1, \frac{L}{\sum_j m_j}\Bigr)\, m_i

    :math:`m_i` is the initial margin of survivor :math:`i` and :math:`L` the loss, both in currency. Every survivor
    loses the same part of its margin. It is here so that other rules can be measured against it; the answer carries a
    note that the European Union forbids it, and ``extras["prohibited"]`` says where and why. The arguments against it:
    members run before it strikes, and margin that can be cut is no longer bankruptcy-remote.

    Parameters
    ----------
    loss : the loss to be borne, >= 0.
    margin : initial margin, a Series by survivor, >= 0.

    Returns
    -------
    Allocation : shares, residual, price (the rate of the haircut) and certificate.

    Raises
    ------
    DataError : a number that is none, a survivor named twice.

    Source: the closed list of tools in Regulation (EU) 2021/23 as reported by Risk.net (17 July 2020).

    >>> cut = haircut_margin(30, pd.Series({"A": 100.0, "B": 50.0}))
    >>> cut.shares.to_dict(), cut.price, list(cut.extras["prohibited"])
    ({'A': 20.0, 'B': 10.0}, 0.2, ['EU'])
    """
    if not isinstance(margin, pd.Series):
        raise DataError(f"margin is a {type(margin).__name__}; give a Series by survivor")
    table = margin.to_frame("initial_margin")
    question = LossProblem(loss, table, "initial_margin", currency, about="initial margin haircut, for comparison only")
    answer = ProRata(key="initial_margin").allocate(question)
    notes = (*answer.notes, *(f"prohibited: {where} ({why})" for where, why in PROHIBITED.items()), "comparison only")
    return dataclasses.replace(answer, notes=notes, extras={**answer.extras, "prohibited": dict(PROHIBITED)})
