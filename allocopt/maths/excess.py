"""How much coalitions object to a division, and which object most; worths come as a table or a block at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Masks = NDArray[np.int64]


class Objections(NamedTuple):
    """Coalitions by bit mask, what each is worth, and how much each objects."""

    masks: Masks
    worths: Array
    excess: Array


@dataclass(frozen=True, eq=False)
class Excesses:
    r"""The excess of every coalition at a division x of the worth of all.

    .. math:: e(S, x) = \sigma \, \frac{v(S) - x(S)}{w(S)}

    ``sign`` :math:`\sigma` is +1 for gains and -1 for costs, so that a positive excess is an objection. The weight w(S)
    is the entry of ``weights`` for the size of S (0 .. n; all ones when left out), times :math:`|v(S)|` when ``own``.
    ``blocks`` makes a pass over all worths in the order of their masks, in pieces of equal length, a power of two.
    """

    n: int
    blocks: Callable[[], Iterable[Array]]
    sign: float = 1.0
    weights: Array | None = None
    own: bool = False

    @property
    def _scale(self) -> Array:
        by_size = np.ones(self.n + 1) if self.weights is None else self.weights
        return self.sign / np.maximum(by_size, 1e-300)

    def top(
        self, x: Array, count: int, above: float = -np.inf, apart: Array | None = None, margin: float = 0.0
    ) -> Objections:
        """The ``count`` loudest coalitions whose excess is beyond ``above``, loudest first; neither nobody nor all.

        With ``apart`` (one entry per player), only those whose members' entries do not add up to 0 within ``margin``.
        """
        from allocopt.maths.excess_kernels import scan

        leaning = np.zeros(self.n) if apart is None else apart
        margin = -1.0 if apart is None else margin
        masks, worths = [np.zeros(0, np.int64)], [np.zeros(0)]
        start = 0
        for block in self.blocks():
            loud = scan(block, start, x, leaning, self._scale, self.own, above, margin, count)
            masks.append(loud)
            worths.append(block[loud - start])
            start += len(block)
        listed, worth = np.concatenate(masks), np.concatenate(worths)
        excess = self.of(listed, worth, x)
        order = np.lexsort((listed, -excess))[:count]
        return Objections(listed[order], worth[order], excess[order])

    def beyond(self, x: Array, above: float, normals: Masks) -> tuple[Masks, Array]:
        """Masks and worths of all proper coalitions with an excess beyond ``above`` that a line of ``normals`` (whole
        numbers) tells apart: the entries of its members do not add up to 0."""
        from allocopt.maths.excess_kernels import all_beyond

        masks, worths = [np.zeros(0, np.int64)], [np.zeros(0)]
        start = 0
        for block in self.blocks():
            found = all_beyond(block, start, x, normals, self._scale, self.own, above)
            masks.append(found)
            worths.append(block[found - start])
            start += len(block)
        return np.concatenate(masks), np.concatenate(worths)

    def weight(self, masks: Masks, worths: Array) -> Array:
        """The weight of each listed coalition."""
        weight = np.ones(len(masks)) if self.weights is None else self.weights[np.bitwise_count(masks)]
        return weight * np.abs(worths) if self.own else weight

    def of(self, masks: Masks, worths: Array, x: Array) -> Array:
        """The excess of each listed coalition."""
        return np.asarray(self.sign * (worths - members(masks, self.n) @ x) / self.weight(masks, worths))


def members(masks: Masks, n: int) -> Array:
    """One row per coalition: 1 for its members, 0 for the others.

    >>> members(np.array([1, 6]), 3)
    array([[1., 0., 0.],
           [0., 1., 1.]])
    """
    return np.asarray(masks[:, None] >> np.arange(n) & 1, dtype=np.float64)
