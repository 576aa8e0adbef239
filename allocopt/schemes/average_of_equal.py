"""Halfway between equal bills and equal remainders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from allocopt.facts.checks import Array
from allocopt.maths.division import equal_awards, equal_losses
from allocopt.maths.price import Supply, clear
from allocopt.maths.program import Clause
from allocopt.schemes.exact_rule import ExactRule
from allocopt.schemes.one_price import CLAUSES


@dataclass(frozen=True, eq=False, kw_only=True)
class AverageOfEqual(ExactRule):
    r"""The average of constrained equal awards and constrained equal losses.

    .. math:: x = \tfrac12 (y + z), \quad \min_{y, z} \sum_i \tfrac12 y_i^2 + \tfrac12 (c_i - z_i)^2
       \quad\text{s.t.}\quad \sum_i y_i = \sum_i z_i = L,\ 0 \le y_i, z_i \le c_i

    :math:`c_i` is the cap and :math:`L` the loss, in currency. :math:`y_i = \min(c_i, \lambda)` makes bills equal and
    :math:`z_i = (c_i - \mu)^+` what is left. Self-dual: both readings give the same shares.

    Raises ``DataError`` when a cap is infinite.

    No weighted form of this rule is known to us in print, so it takes no key.

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
    claims = frozenset({
        "equal treatment", "order preservation of burdens", "order preservation of what is left",
        "claim monotonicity", "others oriented claim monotonicity", "loss monotonicity", "supermodularity",
        "linked claim loss monotonicity", "population monotonicity", "null payer", "self duality", "midpoint",
        "homogeneity", "no transfer paradox", "replication invariance", "order preservation under claims variation",
        "order preservation under population variation", "linked loss population monotonicity",
        "bounded impact of transfers",
    })  # fmt: skip
    bounded = True
    self_dual = True

    def awards(self, amounts: Array, claims: Array) -> Array:
        """Both halves by sorting."""
        return np.asarray(0.5 * (equal_awards(amounts, claims) + equal_losses(amounts, claims)))

    def second_road(self, amount: float, claims: Array) -> Array:
        """Both halves by the one price that clears each."""
        starts = (np.zeros_like(claims), claims.max() - claims)
        halves = [clear(amount, Supply(start[None, :], np.ones(1), claims[None, :])).given[0] for start in starts]
        return np.asarray(0.5 * (halves[0] + halves[1]))

    def award_program(self, amount: float, claims: Array) -> tuple[Any, Any, list[Clause]]:
        """Two divisions at once: one with equal awards, one with equal remainders."""
        import cvxpy as cp

        y, z = cp.Variable(len(claims), name="y"), cp.Variable(len(claims), name="z")
        cap = claims / amount
        cost = 0.5 * cp.sum_squares(y) + 0.5 * cp.sum_squares(cap - z)
        n = np.arange(len(claims))
        clauses = [
            Clause(name + label, rows, *CLAUSES[name], sign, rows=None if name == "budget" else n)
            for label, part in ((", equal awards", y), (", equal losses", z))
            for name, rows, sign in (
                ("budget", [cp.sum(part) == 1.0], -1.0), ("floor", [part >= 0], 1.0), ("cap", [part <= cap], -1.0)
            )
        ]  # fmt: skip
        return cost, 0.5 * (y + z), clauses
