"""Halfway between equal bills and equal remainders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from allocopt.facts.checks import Array
from allocopt.maths.price import Supply, clear
from allocopt.maths.program import Clause
from allocopt.schemes.exact_rule import ExactRule


@dataclass(frozen=True, eq=False, kw_only=True)
class AverageOfEqual(ExactRule):
    r"""The average of constrained equal awards and constrained equal losses.

    .. math:: x = \tfrac12 (y + z), \qquad \min_{y, z} \sum_i \tfrac12 y_i^2 + \tfrac12 (c_i - z_i)^2 \quad\text{s.t.}\quad
       \sum_i y_i = \sum_i z_i = L,\ 0 \le y_i, z_i \le c_i

    :math:`c_i` is the cap and :math:`L` the loss, in currency. :math:`y_i = \min(c_i, \lambda)` makes bills equal and
    :math:`z_i = (c_i - \mu)^+` what is left. Self-dual: both readings give the same shares, and the certificate
    compares them.

    Raises ``DataError`` when a cap is infinite.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"claim": [100.0, 200.0, 300.0]}, index=["A", "B", "C"])
    >>> AverageOfEqual().allocate(LossProblem(300, table, cap="claim")).shares.to_list()
    [50.0, 100.0, 150.0]
    """

    name = "average-of-equal"
    formula = r"x_i = \tfrac12 \min(c_i, \lambda) + \tfrac12 (c_i - \mu)^+"
    objective = r"\sum_i \tfrac12 y_i^2 + \tfrac12 (c_i - z_i)^2"
    source = "Thomson (2019), How to Divide When There Isn't Enough, Cambridge University Press"
    claims = frozenset({"CLAIMS average-of-equal"})
    bounded = True
