r"""Amounts nearest to random losses in mean deviation: every marginal cost is a polyline, and one price clears them.

.. math:: \min_x \sum_j F_j(x_j) \quad\text{s.t.}\quad \sum_j x_j = L,\ l_j \le x_j \le c_j

With a mass :math:`\mu_{sj}` on the loss :math:`X_{sj}` of part :math:`j` in scenario :math:`s` (columns sum to one),
volumes :math:`v_j > 0` that sum to one, and :math:`m_j = \sum_s \mu_{sj} X_{sj}`, the cost :math:`F_j(x)` is
``quadratic`` :math:`(x - m_j)^2 / 2 v_j`; ``absolute`` :math:`\sum_s \mu_{sj} |X_{sj} - x|`; ``upper``
:math:`\sum_s \mu_{sj} ((X_{sj} - x)^+)^2 / 2 v_j`; ``lower`` the same with :math:`(x - X_{sj})^+`.

Where the cost does not tell amounts apart, the choice is this. At one level of the quantiles (``absolute``) all parts
go the same fraction of the way from their lower to their upper quantile. Beyond the largest loss of every part
(``absolute``, ``upper``), or below the smallest (``absolute``, ``lower``), the rest is spread by volume.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from allocopt.facts.checks import Array
from allocopt.maths.price import Supply, clear
from allocopt.maths.tails import SAME

KINDS = ("quadratic", "absolute", "upper", "lower")

_PLACES = 12  # decimals of a level: sums of the same masses in another order are the same level


class Nearest(NamedTuple):
    """The amounts and the price of the budget."""

    values: Array
    price: float


@dataclass(frozen=True)
class Deviations:
    """The costs of one division: losses and masses (scenarios x parts), volumes and bounds (one per part)."""

    kind: str
    losses: Array
    mass: Array
    volume: Array
    low: Array
    high: Array
    reach: float = 0.0  # the largest loss that will be divided

    @cached_property
    def means(self) -> Array:
        """The mean loss of each part under its masses."""
        return np.asarray((self.mass * self.losses).sum(axis=0))

    @cached_property
    def _clean(self) -> Array:
        """Losses, those without mass moved to where they change nothing."""
        least = np.where(self.mass > 0, self.losses, np.inf).min(axis=0)
        return np.where(self.mass > 0, self.losses, least)

    @cached_property
    def least(self) -> Array:
        """The smallest loss of each part that has a mass (the mean, for squares on both sides)."""
        return self.means if self.kind == "quadratic" else self._clean.min(axis=0)

    @cached_property
    def most(self) -> Array:
        """The largest loss of each part that has a mass."""
        return self.means if self.kind == "quadratic" else self._clean.max(axis=0)

    def cost(self, x: Array) -> Array:
        """The cost of each part at these amounts, straight from the definition."""
        if self.kind == "quadratic":
            return np.asarray((x - self.means) ** 2 / (2.0 * self.volume))
        off = self.losses - x
        if self.kind == "absolute":
            return np.asarray((self.mass * np.abs(off)).sum(axis=0))
        over = np.maximum(off if self.kind == "upper" else -off, 0.0)
        return np.asarray((self.mass * over**2).sum(axis=0) / (2.0 * self.volume))

    def slopes(self, x: Array) -> tuple[Array, Array]:
        """The marginal cost of each part to the left and to the right of these amounts."""
        if self.kind == "quadratic":
            slope = (x - self.means) / self.volume
            return slope, slope
        off = self.losses - x
        if self.kind == "absolute":
            near = SAME * np.abs(self.losses).max(axis=0, initial=0.0)
            below, upto = (self.mass * (off < -near)).sum(axis=0), (self.mass * (off <= near)).sum(axis=0)
            return 2.0 * below - 1.0, 2.0 * upto - 1.0
        side = 1.0 if self.kind == "upper" else -1.0
        slope = -side * (self.mass * np.maximum(side * off, 0.0)).sum(axis=0) / self.volume
        return slope, slope

    @cached_property
    def _corners(self) -> tuple[Array, Array]:
        """Prices and amounts at the corners of each marginal cost, neither ever falling, shape (corners, parts)."""
        if self.kind == "quadratic":
            prices, amounts = np.zeros((1, len(self.volume))), self.means[None, :]
            return self._with_rays(prices, amounts, True, True)
        order = np.argsort(self._clean, axis=0, kind="stable")
        amounts = np.take_along_axis(self._clean, order, axis=0)
        mass = np.take_along_axis(self.mass, order, axis=0)
        upto = np.cumsum(mass, axis=0)
        if self.kind == "absolute":
            level = np.round(np.concatenate((np.zeros((1, upto.shape[1])), upto)) / upto[-1], _PLACES)
            return np.repeat(2.0 * level - 1.0, 2, axis=0)[1:-1], np.repeat(amounts, 2, axis=0)
        steps = np.diff(amounts, axis=0)
        none = np.zeros((1, amounts.shape[1]))
        if self.kind == "lower":
            prices = np.concatenate((none, np.cumsum(upto[:-1] * steps, axis=0))) / self.volume
            return self._with_rays(prices, amounts, False, True)
        beyond = np.cumsum(mass[::-1], axis=0)[::-1][1:]
        prices = -np.concatenate((np.cumsum((beyond * steps)[::-1], axis=0)[::-1], none)) / self.volume
        return self._with_rays(prices, amounts, True, False)

    def _with_rays(self, prices: Array, amounts: Array, down: bool, up: bool) -> tuple[Array, Array]:
        """A far corner where a marginal cost goes on rising or falling: further than any division can get."""
        finite = np.concatenate([b[np.isfinite(b)] for b in (self.low, self.high)])
        far = 2.0 * float(np.abs(amounts).sum(axis=1).max() + np.abs(finite).sum() + np.abs(self.reach)) or 1.0
        slack = far / float(self.volume.min())
        if down:
            edge = prices[0].min() - slack
            amounts = np.concatenate(((amounts[0] + self.volume * (edge - prices[0]))[None, :], amounts))
            prices = np.concatenate((np.full((1, prices.shape[1]), edge), prices))
        if up:
            edge = prices[-1].max() + slack
            amounts = np.concatenate((amounts, (amounts[-1] + self.volume * (edge - prices[-1]))[None, :]))
            prices = np.concatenate((prices, np.full((1, prices.shape[1]), edge)))
        return prices, amounts

    def between(self, price: float) -> tuple[Array, Array]:
        """The least and the largest amounts that this price calls for, within the bounds."""
        prices, amounts = self._corners
        columns, last = np.arange(prices.shape[1]), len(prices) - 1
        first, after = (prices < price).sum(axis=0), (prices <= price).sum(axis=0)

        def on_the_way(index: Array) -> Array:
            """The amount between the corners on either side of the price."""
            upper = np.clip(index, 1, last) if last else index * 0
            lower = np.maximum(upper - 1, 0)
            start, end = prices[lower, columns], prices[upper, columns]
            part = np.clip((price - start) / np.where(end > start, end - start, 1.0), 0.0, 1.0)
            return np.asarray(amounts[lower, columns] + part * (amounts[upper, columns] - amounts[lower, columns]))

        met = after > first
        way = on_the_way(first)
        least = np.where(met, amounts[np.minimum(first, last), columns], way)
        most = np.where(met, amounts[np.maximum(after - 1, 0), columns], way)
        return np.clip(least, self.low, self.high), np.clip(most, self.low, self.high)

    def nearest(self, loss: float) -> Nearest:
        """The amounts for this loss, which the bounds must allow, and their price; exact, by sorted corners."""
        if not len(self.volume):
            return Nearest(np.zeros(0), 0.0)
        if loss >= self.high.sum():
            return Nearest(self.high.copy(), float(self.slopes(self.high)[0].max()))
        edge = self._beyond(loss)
        if edge is not None:
            return edge
        prices, amounts = self._corners
        held = [_price_at(prices[:, j], amounts[:, j], b[j]) for b in (self.low, self.high)
                for j in np.flatnonzero(np.isfinite(b))]  # fmt: skip
        marks = np.unique(np.append(prices, held))
        low, high = -1, len(marks) - 1  # the upper amounts at `high` reach the loss, those at `low` do not
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.between(marks[middle])[1].sum() >= loss else (middle, high)
        least, most = self.between(marks[high])
        if least.sum() <= loss or low < 0:
            return Nearest(_part_way(least, most, loss), float(marks[high]))
        start = self.between(marks[low])[1]
        part = (loss - float(start.sum())) / float(least.sum() - start.sum())
        return Nearest(_part_way(start, least, loss), float(marks[low] + part * (marks[high] - marks[low])))

    def at(self, price: float, loss: float, spread: float = 0.0) -> Array:
        """The amounts that a price calls for; where it leaves a choice, the one that adds up to the loss."""
        edge = self._beyond(loss)
        if edge is not None and abs(edge.price - price) <= max(spread, 4 * np.finfo(float).eps):
            return edge.values
        return _part_way(self.between(price - spread)[0], self.between(price + spread)[1], loss)

    def edge(self, loss: float) -> Nearest | None:
        """Where the cost is flat at this loss: what amounts start from (largest or smallest losses), and the price."""
        absolute = self.kind == "absolute"
        if self.kind in ("absolute", "upper") and loss >= np.clip(self.most, self.low, self.high).sum():
            return Nearest(self.most, 1.0 if absolute else 0.0)
        if self.kind in ("absolute", "lower") and loss <= np.clip(self.least, self.low, self.high).sum():
            return Nearest(self.least, -1.0 if absolute else 0.0)
        return None

    def _beyond(self, loss: float) -> Nearest | None:
        """Past the last corner of every marginal cost: by volume, from the last corner."""
        flat = self.edge(loss)
        if flat is None:
            return None
        base = np.clip(flat.values, self.low, self.high)
        missing = loss - float(base.sum())
        room, late = (self.high - base, base - flat.values) if missing > 0 else (base - self.low, flat.values - base)
        given, _ = clear(abs(missing), Supply(np.maximum(late, 0.0) / self.volume, self.volume, room[None, :]))
        return Nearest(base + np.copysign(given[0], missing), flat.price)


def _price_at(prices: Array, amounts: Array, amount: float) -> float:
    """The lowest price at which the marginal cost has got to an amount."""
    after = int(np.searchsorted(amounts, amount, side="left"))
    if after in (0, len(amounts)):
        return float(prices[min(after, len(amounts) - 1)])
    part = (amount - amounts[after - 1]) / (amounts[after] - amounts[after - 1])
    return float(prices[after - 1] + part * (prices[after] - prices[after - 1]))


def _part_way(start: Array, end: Array, loss: float) -> Array:
    """The same fraction of the way from ``start`` to ``end`` for all, such that amounts add up to the loss."""
    way = end - start
    room = float(way.sum())
    part = min(max((loss - float(start.sum())) / room, 0.0), 1.0) if room > 0 else 0.0
    return np.asarray(start + part * way)
