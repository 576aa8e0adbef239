"""How large an insurance fund should be: where the next unit of money costs as much as the losses it would save."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array, number, vector
from allocopt.maths.program import Clause, Program
from allocopt.mechanisms.outcome import Outcome, chosen

_SAME = 1e-12  # probabilities that differ by less add up to the same level


@dataclass(frozen=True, eq=False, repr=False)
class FundSize(Outcome):
    """The size of a fund and what proves it: its cost, the price of a loss in each scenario, the range of equals."""

    scenarios: pd.Index
    losses: Array
    mass: Array
    rate: float
    penalty: float
    size: float
    largest: float
    prices: Array
    method: str
    sampled: bool

    @property
    def level(self) -> float:
        r"""The level of the quantile that the size is: :math:`1 - r/\kappa`, or 0 when a fund does not pay."""
        return max(0.0, 1.0 - self.rate / self.penalty) if self.penalty > 0 else 0.0

    @property
    def cost(self) -> float:
        """What the fund and the losses beyond it cost together, in currency."""
        return self.rate * self.size + self.penalty * self.expected_residual

    @property
    def expected_residual(self) -> float:
        """What the fund leaves unpaid, on average."""
        return float(self.mass @ np.maximum(self.losses - self.size, 0.0))

    @property
    def exhaustion(self) -> float:
        """The probability that it leaves something unpaid."""
        return float(self.mass[self.losses > self.size].sum())

    @property
    def duals(self) -> pd.Series[float]:
        """What one more unit of loss in a scenario would cost, by scenario; they add up to the rate, or to less when no
        fund is worth having."""
        return pd.Series(self.prices.copy(), index=self.scenarios, name="price")

    @property
    def standard_error(self) -> float:
        """Of ``cost``, when the losses are draws: NaN with stated probabilities or a single draw."""
        count = len(self.losses)
        if not self.sampled or count < 2:
            return math.nan
        return self.penalty * float(np.maximum(self.losses - self.size, 0.0).std(ddof=1)) / math.sqrt(count)

    @property
    def exhaustion_error(self) -> float:
        """The standard error of ``exhaustion``, when the losses are draws."""
        p, count = self.exhaustion, len(self.losses)
        return math.sqrt(p * (1.0 - p) / count) if self.sampled and count > 1 else math.nan

    @cached_property
    def certificate(self) -> Certificate:
        r"""Prices between 0 and :math:`\kappa p_s` that add up to at most the rate, and prove the cost."""
        unit = max(self.penalty * float(self.mass @ self.losses), self.rate * self.size) or 1.0
        top = self.rate or 1.0
        over = max(
            float((self.prices - self.penalty * self.mass).max(initial=0.0)), -float(self.prices.min(initial=0.0))
        )
        over = max(over, float(self.prices.sum()) - self.rate)
        gap = (self.cost - float(self.prices @ self.losses)) / unit
        return Certificate(
            max(-self.size, 0.0) / (float(self.losses.max(initial=0.0)) or 1.0), max(over, 0.0) / top, abs(gap),
            "linear program", "prices that are allowed prove that no size costs less",
        )  # fmt: skip

    def __repr__(self) -> str:
        return (
            f"FundSize({self.size:,.2f}, the {self.level:.2%} quantile of {len(self.losses)} losses; cost "
            f"{self.cost:,.2f}, exhausted with probability {self.exhaustion:.2%}, {self.method})"
        )


def size_insurance_fund(
    losses: Any, rate: float, penalty: float = 1.0, *, probabilities: Any = None, by: str = "closed form"
) -> FundSize:
    r"""The fund that costs least: money held costs a rate, losses beyond it cost a penalty.

    .. math:: \min_{K \ge 0}\ r K + \kappa\, \mathbb{E}(D - K)^+, \qquad
       K^* = \mathrm{VaR}_{1 - r/\kappa}(D), \qquad \text{cost} = r\, \mathrm{ES}_{1 - r/\kappa}(D)

    :math:`D` is the loss of a period, one figure per scenario, in currency; :math:`r` what holding one unit for the
    period costs and :math:`\kappa` what one unit unpaid costs (1: itself; more where winners leave). It is the
    newsvendor's problem, so the least size is a quantile. Where several sizes cost the same, the smallest is given and
    ``.largest`` is the other end (infinite when holding is free). If :math:`r \ge \kappa` no fund is worth having:
    the size is 0. The dual program, :math:`\max \sum_s q_s D_s` subject to :math:`\sum_s q_s \le r` and
    :math:`0 \le q_s \le \kappa p_s`, gives the price of a loss in each scenario and proves the answer.

    Parameters
    ----------
    losses : one entry per scenario, >= 0: a Series or a list.
    rate, penalty : both >= 0, per unit and period.
    probabilities : of the scenarios, adding up to 1; by default the losses are draws, all alike, and ``.cost`` and
        ``.exhaustion`` have standard errors.
    by : ``"closed form"`` (exact, by sorting) or ``"program"`` (the same as a convex program).

    Returns
    -------
    FundSize : ``.size``, ``.cost``, ``.level``, ``.exhaustion``, ``.expected_residual``, ``.duals``, ``.certificate``.

    Raises
    ------
    DataError : negative or unknown figures, no scenarios, probabilities that do not add up to 1.

    Source: T. Chitra, "Autodeleveraging: Impossibilities and Optimization", arXiv 2512.01112 (size of the fund); R. T.
    Rockafellar and S. Uryasev (2000), "Optimization of conditional value-at-risk", Journal of Risk 2:21-41 (duality).

    >>> found = size_insurance_fund([0.0, 1.0, 2.0, 10.0], rate=0.3)
    >>> found.size, round(found.cost, 9), found.duals.round(2).to_list()
    (2.0, 2.6, [0.0, 0.0, 0.05, 0.25])
    """
    if not isinstance(losses, pd.Series) and np.ndim(losses) != 1:
        raise DataError(f"losses is a {type(losses).__name__}; give one entry per scenario, a list or a Series")
    ids = losses.index if isinstance(losses, pd.Series) else pd.RangeIndex(len(losses), name="scenario")
    lost = vector(losses, ids, "losses")
    if not len(lost):
        raise DataError("losses are empty; give at least one scenario")
    r, kappa = number(rate, "rate"), number(penalty, "penalty")
    mass = np.full(len(lost), 1.0 / len(lost))
    if probabilities is not None:
        mass = vector(probabilities, ids, "probabilities", high=1.0)
        if abs(float(mass.sum()) - 1.0) > 1e-9:
            raise DataError(f"probabilities add up to {mass.sum():.9g}; they must add up to 1")
    size, largest, prices = _sorted(lost, mass, r, kappa)
    method = "closed form"
    if chosen(by, "method", ("closed form", "program")) == "program":
        size, prices, method = _program(lost, mass, r, kappa)
    return FundSize(ids, lost, mass, r, kappa, size, largest, prices, method, probabilities is None)


def _sorted(lost: Array, mass: Array, rate: float, penalty: float) -> tuple[float, float, Array]:
    """The quantile, the other end of the range of optima, and prices: full from the largest loss down to the rate."""
    order = np.argsort(-lost, kind="stable")
    room = penalty * mass[order]
    above = np.cumsum(room) - room
    prices = np.empty(len(lost))
    prices[order] = np.clip(rate - above, 0.0, room)
    spent = above + room
    slack = _SAME * penalty
    # The size is the largest loss such that what is at or above it outweighs the rate; zero when nothing does.
    beyond, reaching = spent > rate + slack, spent >= rate - slack
    size = float(lost[order][beyond.argmax()]) if beyond.any() else 0.0
    largest = float(lost[order][reaching.argmax()]) if reaching.any() else 0.0
    return size, math.inf if rate == 0 else max(size, largest), prices


def _program(lost: Array, mass: Array, rate: float, penalty: float) -> tuple[float, Array, str]:
    """The linear program over the size and what each scenario leaves unpaid."""
    import cvxpy as cp

    unit = float(lost.max()) or 1.0
    worth = max(rate, penalty) or 1.0
    size, unpaid = cp.Variable(nonneg=True), cp.Variable(len(lost), nonneg=True)
    covered = Clause(
        "loss", [lost / unit - size <= unpaid], r"D_s - K \le u_s", "what one more unit of loss would cost",
        sign=1.0, rows=np.arange(len(lost)),
    )  # fmt: skip
    program = Program(
        (rate * size + penalty * (mass @ unpaid)) / worth, cp.hstack([size, unpaid]), (covered,),
        r"r K + \kappa \sum_s p_s u_s", unit=unit, price_unit=worth,
    )  # fmt: skip
    answer = program.solve()
    prices = np.asarray(answer.prices["loss"])[: len(lost)]
    return float(max(answer.x[0], 0.0)), np.asarray(prices, dtype=np.float64), f"program ({answer.solver})"
