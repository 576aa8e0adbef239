"""The average of all divisions that break no claim, each as likely as any other."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.maths.centroids import (
    FEW,
    average_of_awards,
    centroids,
    corner_sums,
    on_grid,
    sampled_average_of_awards,
)
from allocopt.maths.exact import Ratio, ratios
from allocopt.maths.program import Clause
from allocopt.schemes.base import single_point
from allocopt.schemes.exact_rule import ExactRule, nearest_to

WAYS = ("exact", "sampled")


@dataclass(frozen=True, eq=False, kw_only=True)
class AverageOfAwards(ExactRule):
    r"""The centre of gravity of everything that budget and caps allow.

    .. math:: x = E\,[\,Y\,] = \arg\min_x E\, |x - Y|^2, \qquad Y \text{ uniform on }
       \{y : \textstyle\sum_i y_i = L,\ 0 \le y_i \le c_i\}

    :math:`c_i` is the cap and :math:`L` the loss, in currency. Equivalently, the mean of independent amounts, each
    uniform between zero and its cap, given that they add up to the loss. It is the core-centre of the claims game. The
    program is the mean squared distance, which up to a constant is the distance to the mean. Exact for any number of
    payers: in integers over all corners for a few, by a Fourier series with rounding error for many. The exception is
    more than 20 payers of whom all but two or three are negligible; that raises ``DataError`` and
    ``way="sampled"`` (with ``draws`` and ``seed``) estimates it and states the standard error of every share.

    Self-dual: both readings give the same shares, and the certificate divides what is left to see that it is so. A
    cap above the loss counts as the loss, so infinite caps are fine.

    No weighted form of this rule is known to us in print, so it takes no key.

    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"claim": [100.0, 200.0, 300.0]}, index=["A", "B", "C"])
    >>> AverageOfAwards().allocate(LossProblem(200, table, cap="claim")).shares.round(4).to_list()
    [44.4444, 77.7778, 77.7778]
    """

    name = "average-of-awards"
    aliases = ("core-centre",)
    formula = r"x_i = E\left[U_i \mid \textstyle\sum_j U_j = L\right],\quad U_j \sim \mathrm{Uniform}[0, c_j]"
    objective = r"E\, |x - Y|^2,\quad Y \sim \mathrm{Uniform}\{y : \textstyle\sum_i y_i = L,\ 0 \le y_i \le c_i\}"
    source = "Gonzalez-Diaz and Sanchez-Rodriguez (2007), International Journal of Game Theory 36"
    claims = frozenset({
        "equal treatment", "order preservation of burdens", "order preservation of what is left",
        "claim monotonicity", "others oriented claim monotonicity", "loss monotonicity", "supermodularity",
        "linked claim loss monotonicity", "population monotonicity", "null payer", "self duality", "midpoint",
        "homogeneity", "claims truncation invariance", "minimal rights first", "no transfer paradox",
        "lower bound on burdens", "lower bound on what is left", "order preservation under claims variation",
        "order preservation under population variation", "linked loss population monotonicity",
        "bounded impact of transfers",
    })  # fmt: skip

    self_dual = True

    way: str = field(default="exact", metadata={"help": "exact or sampled"})
    draws: int = field(default=20_000, metadata={"help": "how many divisions to draw when sampled"})
    seed: int | None = field(default=None, metadata={"help": "seed of the draw; sampled only"})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.way not in WAYS:
            raise DataError(f"way is {self.way!r}; expected one of {', '.join(map(repr, WAYS))}")
        if isinstance(self.draws, bool) or not isinstance(self.draws, int) or self.draws < 2:
            raise DataError(f"draws is {self.draws!r}; expected a whole number of at least 2")

    def awards(self, amounts: Array, claims: Array) -> Array:
        """Exact: many small questions in plain fractions at once, any other row by row."""
        awards, alone = np.empty(claims.shape), np.arange(len(amounts))
        if len(alone) > 1 and claims.shape[1] <= FEW:
            grid = on_grid(amounts, claims)
            awards[grid], alone = centroids(amounts[grid], claims[grid]), np.flatnonzero(~grid)
        for row in alone:
            found = average_of_awards(float(amounts[row]), claims[row])
            if found is None:
                raise DataError(
                    f"{self.name} of {claims.shape[1]} payers, all but a few of them negligible, is too long to "
                    "compute exactly; estimate it with way='sampled'"
                )
            awards[row] = found
        return awards

    def closed_form(self, problem: LossProblem) -> Allocation:
        """Shares by the exact algorithm, or sampled when asked."""
        if self.way == "exact" or single_point(problem, problem.caps) is not None:
            return super().closed_form(problem)
        rng = np.random.default_rng(self.seed)
        paid, error = sampled_average_of_awards(problem.loss, problem.caps, self.draws, rng)
        answer = self._answer(problem, paid, f"sampled, {self.draws} draws")
        return replace(
            answer,
            evidence=partial(self._sampled_certificate, error=error),
            extras={"standard_error": pd.Series(error, index=problem.ids)},
        )

    def _sampled_certificate(self, answer: Allocation, error: Array) -> Certificate:
        """Budget and caps; how much further than five standard errors a second sample is; the largest of them."""
        problem, loss = answer.problem, answer.problem.loss
        other = replace(self, seed=None if self.seed is None else self.seed + 1).closed_form(problem)
        spread = 5 * math.sqrt(2) * np.maximum(error, other.extras["standard_error"].to_numpy())
        off = float(np.maximum(np.abs(answer.paid - other.paid) - spread, 0.0).max(initial=0.0)) / loss
        budget = abs(float(answer.paid.sum()) - loss) / loss
        return Certificate(
            max(budget, float((answer.paid - problem.caps).max()) / loss, float(-answer.paid.min()) / loss), off,
            float(error.max(initial=0.0)) / loss, "sampled",
            "a second sample agrees within five standard errors; the largest standard error is stated as the gap",
        )  # fmt: skip

    def second_road(self, amount: float, claims: Array) -> Array:
        """What is left of the claims after dividing what is left in the same way."""
        cut = np.minimum(claims, amount)
        rest = float(cut.sum()) - amount
        if rest <= np.finfo(np.float64).eps * amount:
            return cut
        return np.asarray(cut - self.awards(np.array([rest]), cut[None, :])[0])

    def award_program(self, amount: float, claims: Array) -> tuple[Any, Any, list[Clause]]:
        """The mean squared distance to the feasible divisions, less their spread around the mean."""
        able = np.minimum(claims, amount)
        awards = self.awards(np.array([amount]), able[None, :])[0] if able.sum() > amount else able
        return nearest_to(awards, amount, claims)

    def exact_awards(self, amount: Any, claims: Any) -> Any:
        """By whole numbers over all corners; a claim of zero takes no part."""
        some = claims > 0
        awards = ratios([0] * len(claims))
        if some.sum() == 1:  # no room, so no volume
            awards[some] = amount
            return awards
        tops, bottom = corner_sums(amount, np.minimum(claims[some], amount))
        awards[some] = [Ratio(top, bottom) for top in tops]
        return awards
