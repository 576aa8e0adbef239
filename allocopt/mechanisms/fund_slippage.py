"""How much liquidations would lose in today's order books, contract by contract, and the fund that this suggests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array, number, vector
from allocopt.mechanisms.outcome import Outcome, chosen

_SAME = 1e-12  # parts of the market that differ by less are the same part


def book_slippage(prices: Any, sizes: Any, quantity: float, mid: float, *, side: str = "sell") -> float:
    r"""What a market order loses against the mid price by walking the book, as a part of it.

    .. math:: S(Q) = \frac{1}{Q\, P} \sum_k f_k\, |P - p_k|, \qquad
       f_k = \min\bigl(q_k,\ (Q - \textstyle\sum_{j<k} q_j)^+\bigr)

    Parameters
    ----------
    prices, sizes : the resting orders :math:`(p_k, q_k)` that are met, in any order: bids for a sale, asks for a
        purchase.
    quantity : :math:`Q \ge 0`, in the unit of the sizes. Nothing costs nothing.
    mid : the reference price :math:`P > 0`.
    side : ``"sell"`` closes longs against bids, ``"buy"`` shorts against asks.

    Returns infinity when the book is not deep enough.

    Raises
    ------
    DataError : prices of zero or on the wrong side of the mid price, negative or unknown figures, lists that differ.

    Source: O. Sepper, "Slippage-at-Risk", arXiv 2603.09164v1 (2026), Definition 3.1 and Algorithm 1.

    >>> book_slippage([99.0, 98.0], [6.0, 10.0], 10.0, 100.0)  # six at 1 below, four at 2 below
    0.014
    """
    if np.ndim(prices) != 1:
        raise DataError(f"prices is a {type(prices).__name__}; give one entry per resting order")
    levels = prices.index if isinstance(prices, pd.Series) else pd.RangeIndex(len(prices))
    at, size = vector(prices, levels, "prices"), vector(sizes, levels, "sizes")
    wanted, centre = number(quantity, "quantity"), number(mid, "the mid price")
    if centre == 0 or (at == 0).any():
        raise DataError("a price is zero; prices of orders and the mid price are above zero")
    sign = 1.0 if chosen(side, "side", ("sell", "buy")) == "sell" else -1.0
    short = sign * (centre - at)
    if (short < 0).any():
        worst = at[int(np.argmin(short))]
        raise DataError(
            f"prices: an order at {worst:,.6g} is better than the mid price {centre:,.6g}; give "
            f"{'bids to a sale' if sign > 0 else 'asks to a purchase'}, and the mid price between both"
        )
    if wanted == 0:
        return 0.0
    order = np.argsort(short, kind="stable")
    before = np.cumsum(size[order]) - size[order]
    filled = np.minimum(size[order], np.maximum(wanted - before, 0.0))
    if filled.sum() < wanted * (1 - _SAME):
        return math.inf
    return float(((filled / wanted) * (short[order] / centre)).sum())


class Concentration(NamedTuple):
    """How many equal providers a book is worth, the part of the largest, and by how much slippage is raised for it."""

    effective: float
    largest: float
    haircut: float


def liquidity_concentration(
    provided: Any, *, target: float = 15.0, threshold: float = 0.25, scarcity: float = 0.5, dominance: float = 0.3
) -> Concentration:
    r"""By how much the slippage of a book is raised because few stand behind it.

    .. math:: N = \frac{1}{\sum_m w_m^2}, \qquad
       h = \lambda \Bigl(\frac{N^{\text{target}}}{N} - 1\Bigr)^{\!+} + \mu\, (w_{(1)} - w^{\text{max}})^+

    :math:`w_m` is the part of the liquidity that provider :math:`m` gives, :math:`w_{(1)}` the largest. The figures by
    default (``target`` 15, ``threshold`` .25, ``scarcity`` :math:`\lambda` .5, ``dominance`` :math:`\mu` .3) are those
    the paper recommends in its Table 9; its Algorithm 2 has a threshold of .5. They are judgements, fitted to nothing
    that is published.

    Raises DataError for negative or unknown amounts, or when nobody provides anything.

    Source: O. Sepper, arXiv 2603.09164v1 (2026), Definitions 4.2 to 4.6.

    >>> liquidity_concentration([500_000.0, 500_000.0])
    Concentration(effective=2.0, largest=0.5, haircut=3.325)
    """
    if np.ndim(provided) != 1:
        raise DataError(f"provided is a {type(provided).__name__}; give one entry per provider of liquidity")
    ids = provided.index if isinstance(provided, pd.Series) else pd.RangeIndex(len(provided))
    amounts = vector(provided, ids, "provided")
    if not amounts.sum() > 0:
        raise DataError("nobody provides liquidity, so it is in nobody's hands; leave the contract out")
    share = amounts / amounts.max()
    share = share / share.sum()
    effective, largest = 1.0 / float((share**2).sum()), float(share.max())
    few = max(number(target, "target") / effective - 1.0, 0.0)
    much = max(largest - number(threshold, "threshold", high=1.0), 0.0)
    return Concentration(effective, largest, number(scarcity, "scarcity") * few + number(dominance, "dominance") * much)


@dataclass(frozen=True, eq=False, repr=False)
class SlippageAtRisk(Outcome):
    """Slippage over all contracts of a venue: its quantile, the mean beyond it, and what the tail would cost."""

    contracts: pd.Index
    slippage: Array
    notional: Array
    weight: Array
    level: float
    quantile: float

    @property
    def tail(self) -> list[Any]:
        """The contracts whose slippage is above the quantile."""
        return list(self.contracts[self.slippage > self.quantile])

    @property
    def expected(self) -> float:
        """ESaR: the mean slippage of the tail, every contract alike; NaN when the tail is empty."""
        beyond = self.slippage[self.slippage > self.quantile]
        return float(beyond.mean()) if len(beyond) else math.nan

    @property
    def total(self) -> float:
        """TSaR: what closing the stated notional of every contract of the tail would lose, in currency."""
        beyond = (self.slippage > self.quantile) & (self.notional > 0)
        return float((self.slippage[beyond] * self.notional[beyond]).sum())

    def fund(self, multiplier: float) -> float:
        r"""The fund suggested by the paper, a multiple of the total (1.5 to 3 in its words), in currency.

        The total *falls* as the level rises, for the tail has fewer contracts: a higher level is not more prudent here,
        and :math:`1 - r/\kappa` of :func:`~allocopt.size_insurance_fund` is not the level to take.
        """
        return number(multiplier, "multiplier") * self.total

    @property
    def certificate(self) -> Certificate:
        """Enough of the market is at or below the quantile, and not enough below it."""
        whole = float(self.weight.sum()) or 1.0
        reached = float(self.weight[self.slippage <= self.quantile].sum()) / whole
        below = float(self.weight[self.slippage < self.quantile].sum()) / whole
        smaller = self.quantile > 0 and below >= self.level - _SAME
        return Certificate(
            max(self.level - reached, 0.0), float(smaller), 0.0, "quantile",
            "the stated part of the market is at or below the quantile, and no smaller figure reaches it",
        )  # fmt: skip

    def __repr__(self) -> str:
        return (
            f"SlippageAtRisk({len(self.contracts)} contracts, {self.quantile:.2%} at {self.level:.0%}, "
            f"{len(self.tail)} beyond, {self.total:,.2f} in all)"
        )


def slippage_at_risk(
    slippage: Any, notional: Any, level: float = 0.95, *, haircuts: Any = 0.0, weights: Any = None
) -> SlippageAtRisk:
    r"""How thin a venue's books are where they are thinnest: SaR, ESaR and TSaR.

    .. math:: S'_i = S_i\,(1 + h_i), \quad \mathrm{SaR} = \inf\Bigl\{s : \textstyle\sum_{S'_i \le s} v_i \ge
       \alpha \sum_i v_i\Bigr\}, \quad \mathrm{ESaR} = \mathbb{E}[S'_i \mid S'_i > \mathrm{SaR}], \quad
       \mathrm{TSaR} = \sum_{S'_i > \mathrm{SaR}} S'_i\, Q_i

    :math:`S_i` is the slippage of closing the notional :math:`Q_i` of contract :math:`i`
    (:func:`book_slippage`; infinite where the book is too thin for it), and :math:`v_i` is 1, or the open interest.

    Parameters
    ----------
    slippage : by contract, a part of the price: a Series or a list, >= 0.
    notional : what would be liquidated of each, in currency: the smaller of 5 to 20 per cent of the open interest and
        the 95th percentile of position sizes, in the paper.
    level : :math:`\alpha`, between 0 and 1.
    haircuts : :math:`h_i \ge 0`, of :func:`liquidity_concentration`; for the paper's cascade form, a factor times the
        average leverage of the contract.
    weights : :math:`v_i`; every contract alike by default.

    Returns
    -------
    SlippageAtRisk : ``.quantile`` (SaR), ``.expected`` (ESaR), ``.total`` (TSaR), ``.tail``, ``.fund(multiplier)``.

    Raises
    ------
    DataError : no contracts, negative or unknown figures, weights that are all zero.

    Source: O. Sepper, "Slippage-at-Risk", arXiv 2603.09164v1 (2026), Definitions 3.5 to 3.8 and 4.7, Corollary 5.2.

    >>> found = slippage_at_risk([0.01, 0.02, 0.03, 0.10], [1e6, 1e6, 1e6, 2e5], level=0.75)
    >>> found.quantile, found.expected, found.total, found.fund(2.0)
    (0.03, 0.1, 20000.0, 40000.0)
    """
    if np.ndim(slippage) != 1:
        raise DataError(f"slippage is a {type(slippage).__name__}; give one entry per contract, a Series or a list")
    ids = slippage.index if isinstance(slippage, pd.Series) else pd.RangeIndex(len(slippage), name="contract")
    lost, size = vector(slippage, ids, "slippage", finite=False), vector(notional, ids, "notional")
    lost = lost * (1.0 + vector(haircuts, ids, "haircuts"))
    if not len(lost):
        raise DataError("slippage is empty; give at least one contract")
    part = number(level, "level", high=1.0)
    weight = np.ones(len(lost)) if weights is None else vector(weights, ids, "weights")
    whole = float(weight.sum())
    if whole == 0:
        raise DataError("weights are all zero; give the open interest of the contracts, or none for every one alike")
    order = np.argsort(lost, kind="stable")
    reached = np.cumsum(weight[order]) / whole >= part - _SAME
    reached[-1] = True
    quantile = float(lost[order][reached.argmax()]) if part > 0 else 0.0
    return SlippageAtRisk(ids, lost, size, weight.copy(), part, quantile)
