r"""One price clears every separable division: sort the breakpoints, find the segment, solve it.

Each agent offers blocks of supply. A block starts at price :math:`s`, rises with slope :math:`w` and stops at its cap
:math:`c`; its cost is :math:`s x + x^2 / (2 w)`. Then

.. math:: \min \sum_b s_b x_b + \frac{x_b^2}{2 w_b} \quad\text{s.t.}\quad \sum_b x_b = L,\ 0 \le x_b \le c_b

has the solution :math:`x_b = \mathrm{clip}(w_b (p - s_b),\, 0,\, c_b)` with one price :math:`p` for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_LAST_BITS = 2 * float(np.finfo(np.float64).eps)
_WORTH = 0.8  # blocks are dropped when a fifth of them can go: copying the others costs about as much as one visit


@dataclass(frozen=True)
class Supply:
    """Blocks of supply: ``start``, ``weight`` (slope) and ``cap``, each of shape (..., blocks, n).

    ``labels`` names the blocks. A block of weight or cap zero offers nothing. Leading axes are rows of a batch. Entries
    are floats, or fractions (dtype object) as soon as one of the three holds fractions.
    """

    start: Array
    weight: Array
    cap: Array
    labels: tuple[str, ...] = ("",)

    def __post_init__(self) -> None:
        shape = np.broadcast_shapes(self.start.shape, self.weight.shape, self.cap.shape)
        dtype = np.result_type(np.float64, self.start, self.weight, self.cap)
        for name in ("start", "weight", "cap"):
            object.__setattr__(self, name, np.broadcast_to(np.asarray(getattr(self, name), dtype=dtype), shape))

    @cached_property
    def able(self) -> Array:
        """The most each block can give: its cap, or nothing when its weight is zero."""
        return np.where(self.weight > 0, self.cap, 0.0)

    @cached_property
    def full(self) -> Array:
        """The price at which each block is exhausted; ``inf`` without a cap."""
        able = self.able
        with np.errstate(over="ignore"):
            rise = able / np.where(able > 0, self.weight, 1.0)
        return np.asarray(self.start + rise)

    def dual(self) -> Supply:
        """The supply of what is *not* given: burden and payout change places, the last block to fill comes first.

        Starts are counted from the first block to give, so that a small loss is not a difference of large prices.
        """
        full = np.where(self.able > 0, self.full, 0.0)  # prices are never negative, so zero cannot be the last
        last = full.max(axis=(-2, -1), keepdims=True, initial=0.0)
        lead = np.where((self.able > 0) & (last - full > _LAST_BITS * last), last - full, 0.0)  # equal but for rounding
        return Supply(lead, self.weight, self.cap, self.labels)

    def at(self, price: Array | float) -> Array:
        """What each block gives at a price (a number, or one per row of the batch)."""
        price = np.asarray(price, dtype=np.float64)[..., None, None]
        with np.errstate(invalid="ignore"):
            return np.clip(self.weight * (price - self.start), 0.0, self.able)


class Clearing(NamedTuple):
    """What each block gives (blocks, n) and the price that clears."""

    given: Array
    price: float


def clear(loss: float, supply: Supply) -> Clearing:
    """The unique minimiser for one row, exact by sorted breakpoints in O(m log m) for m blocks.

    ``loss`` must not exceed what the blocks can give. Where supply is flat at ``loss`` (a plateau between blocks) the
    lowest clearing price is returned.

    >>> one_block = Supply(np.zeros((1, 3)), np.array([[1.0, 2.0, 3.0]]), np.array([[10.0, 10.0, 4.0]]))
    >>> clear(12.0, one_block)
    Clearing(given=array([[2.66666667, 5.33333333, 4.        ]]), price=2.6666666666666665)
    """
    shape = supply.start.shape
    offers = (supply.able > 0).ravel()
    given = np.zeros(offers.shape)
    if loss <= 0 or not offers.any():
        floor = float(supply.start.ravel()[offers].min()) if offers.any() else 0.0
        return Clearing(given.reshape(shape), floor)
    s, w, c = (a.ravel()[offers] for a in (supply.start, supply.weight, supply.cap))
    # Slopes only matter relative to each other; a power of two brings them near one and costs no digit.
    scale = 2.0 ** np.floor(np.log2(w.max()))
    w = w / scale
    s = s * scale
    with np.errstate(over="ignore"):
        full = s + c / w
    total = c.sum()
    if loss >= total:
        given[offers] = c
        return Clearing(given.reshape(shape), float(full.max() / scale))
    left = _segment_start(loss, s, w, c, full)
    active = (s <= left) & (full > left)
    slope = w[active].sum()
    below = np.clip(w * (left - s), 0.0, c)
    if not slope:  # but for the last bit the loss is the total, or what a plateau gives
        given[offers] = c if left >= full.max() else np.where(full <= left, c, below)
        return Clearing(given.reshape(shape), float(left / scale))
    step = (loss - below.sum()) / slope
    x = _segment(w, left - s, c, step, active, below)
    step += (loss - x.sum()) / slope  # one correction takes the budget to the last bit
    x = _segment(w, left - s, c, step, active, below)
    given[offers] = x
    return Clearing(given.reshape(shape), float((left + step) / scale))


def _segment_start(loss: float, s: Array, w: Array, c: Array, full: Array) -> float:
    """The last breakpoint at which less than the loss is given.

    Bisection over the sorted breakpoints with a direct sum at each visit, so nothing cancels as running sums of slopes
    do when weights differ by 1e9; blocks that the bracket leaves full or untouched are counted once and dropped.
    """
    points = np.sort(np.concatenate((s, full[np.isfinite(full)])))
    points = points[np.append(True, points[1:] > points[:-1])]  # proportional shares all end at one price
    low, high, done = 0, len(points), 0.0
    while high - low > 1:
        middle = (low + high) // 2
        price = points[middle]
        give = price - s
        give *= w
        short = done + float(np.clip(give, 0.0, c, out=give).sum()) < loss
        low, high = (middle, high) if short else (low, middle)
        keep = full > price if short else s < price
        if np.count_nonzero(keep) <= _WORTH * len(keep):
            done += float(c[~keep].sum()) if short else 0.0
            s, w, c, full = s[keep], w[keep], c[keep], full[keep]
    return float(points[low])


def _segment(w: Array, lead: Array, c: Array, step: float, active: NDArray[np.bool_], below: Array) -> Array:
    return np.asarray(np.where(active, np.clip(w * (lead + step), 0.0, c), below))


class Residuals(NamedTuple):
    """Distance of an answer from feasible, from supply at the price, and from the bound the price proves."""

    primal: float
    dual: float
    gap: float


def residuals(loss: float, supply: Supply, x: Array, price: float) -> Residuals:
    r"""Check an answer of any origin against the optimality conditions, relative to the loss.

    ``x`` (n) holds totals per agent. Primal: budget and bounds. Dual: :math:`|x_i - X_i(p)|`, the distance from what
    agent :math:`i` supplies at the price. Gap: cost minus the Lagrangian bound
    :math:`p L - \sum_b \max_x (p x - f_b(x))`, relative to the price times the loss. The price may be any point of a
    plateau, and when supply is exhausted any price at or above the last full block. A price is a float: what agent
    :math:`i` supplies at it is the range between the prices next to it, which a tiny loss far up the ladder can see.
    """
    able = supply.able.sum(axis=-2)
    covered = min(loss, float(able.sum()))
    if not x.size:
        return Residuals(0.0, 0.0, 0.0)
    if loss <= 0:
        return Residuals(*((0.0 if not x.any() else np.inf,) * 3))
    unit = covered if covered > 0 else loss
    primal = float(max(abs(x.sum() - covered), (x - able).max(), (-x).max(), 0.0)) / unit
    least, most = (supply.at(price + side * _LAST_BITS * abs(price)).sum(axis=-2) for side in (-1, 1))
    dual = float(np.maximum(least - x, x - most).max(initial=0.0)) / unit
    # The cost of a total is the cost of its cheapest split over blocks, which fills blocks in order of price.
    split = _cheapest_split(supply, x)
    best = supply.at(price)
    with np.errstate(divide="ignore", invalid="ignore"):
        curve = np.where(supply.able > 0, 0.5 / supply.weight, 0.0)
    # Excess cost of each block over its own Lagrangian minimum: a sum of non-negative terms, so nothing cancels.
    excess = curve * (split - best) ** 2 + (supply.start - price + 2 * curve * best) * (split - best)
    rise = abs(price - float(supply.start.min()))
    total = float(np.where(supply.able > 0, excess, 0.0).sum()) + price * (covered - float(x.sum()))
    gap = abs(total) / unit / (rise or 1.0)
    return Residuals(primal, dual, gap)


def _cheapest_split(supply: Supply, x: Array) -> Array:
    """Split each agent's total over its blocks, cheapest start first (blocks of one agent never overlap in price)."""
    split = np.zeros(supply.start.shape)
    left = np.maximum(x, 0.0)
    order = np.argsort(supply.start, axis=-2, kind="stable")
    agents = np.arange(len(x))
    for rank in range(order.shape[0]):
        take = np.minimum(left, supply.able[order[rank], agents])
        split[order[rank], agents] = take
        left = left - take
    split[order[-1], agents] += left  # what exceeds the caps stays visible in the primal residual
    return split
