"""Everybody first bears an equal part of its claim, cut to the amount; then the same with what is left, and so on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from allocopt.facts.checks import Array
from allocopt.maths.exact import ratios
from allocopt.maths.program import Clause
from allocopt.schemes.exact_rule import ExactRule, nearest_to


@dataclass(frozen=True, eq=False, kw_only=True)
class DominguezThomson(ExactRule):
    r"""Everybody bears at least one n-th of its cap or of the loss; applied again to the rest until nothing is left.

    .. math:: x(L, c) = b + x\bigl(L - \textstyle\sum_j b_j,\ c - b\bigr), \qquad b_i = \tfrac1n \min(c_i, L)

    :math:`c_i` is the cap and :math:`L` the loss, in currency, :math:`n` the number of payers in the table, those with
    a cap of zero included. After :math:`k` rounds at most :math:`(1 - 1/n)^k L` is left, so the recursion is carried
    out until the rest is below rounding. No convex program is known that has this answer without being told it:
    ``by="program"`` projects the recursion's answer on budget and caps and proves only that it is feasible,

    .. math:: \min_y \sum_i \tfrac12 (y_i - x_i)^2 \quad\text{s.t.}\quad \sum_i y_i = L,\ 0 \le y_i \le c_i

    The certificate carries out one round and divides the rest afresh. A cap above the loss counts as the loss, so
    infinite caps are fine in the burden reading; the payout reading raises ``DataError`` on them.

    No weighted form of this rule is known to us in print, so it takes no key.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"claim": [4.0, 20.0]}, index=["A", "B"])
    >>> DominguezThomson().allocate(LossProblem(10, table, cap="claim")).shares.to_list()
    [3.25, 6.75]
    """

    name = "dominguez-thomson"
    aliases = ("recursive-lower-bounds",)
    formula = r"x(L, c) = b + x\bigl(L - \textstyle\sum_j b_j, c - b\bigr),\quad b_i = \tfrac1n \min(c_i, L)"
    objective = r"\sum_i \tfrac12 \bigl(y_i - x_i(L, c)\bigr)^2"
    source = "Dominguez and Thomson (2006), Economic Theory 28:283-307"
    claims = frozenset({
        "equal treatment", "order preservation of burdens", "order preservation of what is left",
        "claim monotonicity", "others oriented claim monotonicity", "loss monotonicity", "supermodularity",
        "linked claim loss monotonicity", "homogeneity", "claims truncation invariance", "no transfer paradox",
        "regressivity", "lower bound on burdens", "order preservation under claims variation",
        "bounded impact of transfers",
    })  # fmt: skip

    def awards(self, amounts: Array, claims: Array) -> Array:
        """By the recursion."""
        from allocopt.maths.division_kernels import recursive_lower_bounds

        return recursive_lower_bounds(amounts, claims)

    def second_road(self, amount: float, claims: Array) -> Array:
        """One round by hand, then the rest from the start."""
        first = np.minimum(claims, amount) / len(claims)
        rest, open_claims = amount - float(first.sum()), np.minimum(claims, amount) - first
        if rest <= np.finfo(np.float64).eps * amount:
            return np.asarray(first * (amount / first.sum()))
        return np.asarray(first + self.awards(np.array([rest]), open_claims[None, :])[0])

    def award_program(self, amount: float, claims: Array) -> tuple[Any, Any, list[Clause]]:
        """The nearest feasible division to the recursion's."""
        able = np.minimum(claims, amount)
        awards = self.awards(np.array([amount]), able[None, :])[0] if able.sum() > amount else able
        return nearest_to(awards, amount, claims)

    def remainders(self, amounts: Array, claims: Array) -> Array:
        """By the recursion on what is left of the claims."""
        from allocopt.maths.division_kernels import recursive_remainders

        return recursive_remainders(amounts, claims)

    def second_remainders(self, amount: float, claims: Array) -> Array:
        """One round of awards by hand, then what the rest leaves from the start."""
        given = float(claims.sum()) - amount
        open_claims = claims - np.minimum(claims, given) / len(claims)
        if open_claims.sum() <= amount:
            return np.asarray(open_claims * (amount / open_claims.sum()))
        return np.asarray(self.remainders(np.array([amount]), open_claims[None, :])[0])

    def remainder_program(self, amount: float, claims: Array) -> tuple[Any, Any, list[Clause]]:
        """The nearest feasible division to what the recursion leaves."""
        able = claims if claims.sum() <= amount else self.remainders(np.array([amount]), claims[None, :])[0]
        return nearest_to(able, amount, claims)

    def exact_awards(self, amount: Any, claims: Any) -> Any:
        """By the recursion; once all that claim something claim all of the rest they share it equally, which ends it.

        This happens after finitely many rounds: what is left falls faster than the claims that are below it.
        """
        awards, n = ratios([0] * len(claims)), len(claims)
        open_claims = claims.copy()
        while True:
            some = open_claims > 0
            if (open_claims[some] >= amount).all():
                awards[some] = awards[some] + amount / int(some.sum())
                return awards
            part = np.minimum(open_claims, amount) / n
            awards, open_claims, amount = awards + part, open_claims - part, amount - part.sum()
