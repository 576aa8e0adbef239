r"""Arithmetic without rounding: fractions that arrays can hold, and the price that clears a division of fractions.

An array of dtype ``object`` whose entries are :class:`Ratio` goes through the same array code as one of floats. A float
that meets a ratio (a constant of a formula, a parameter) is read as the simplest fraction that rounds to it, so that
0.5 is a half and 0.3333333333333333 a third.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allocopt.maths.price import Supply

_SIMPLE = 10**6  # denominators up to here are tried first: no two such fractions round to the same float


class Ratio(Fraction):
    """A fraction that stays one in arithmetic with floats.

    >>> Ratio(1, 3) + 0.5, 0.1 * Ratio(3), Ratio(1, 3) < 0.5
    (Ratio(5, 6), Ratio(3, 10), True)
    """

    __slots__ = ()


def _closed(name: str) -> Callable[[Any, Any], Any]:
    plain = getattr(Fraction, name)

    def operation(left: Ratio, right: Any) -> Any:
        return Ratio(plain(left, read(right))) if isinstance(right, int | float | Fraction) else NotImplemented

    return operation


for _name in ("add", "sub", "mul", "truediv", "mod"):
    setattr(Ratio, f"__{_name}__", _closed(f"__{_name}__"))
    setattr(Ratio, f"__r{_name}__", _closed(f"__r{_name}__"))
for _name in ("__neg__", "__pos__", "__abs__"):
    setattr(Ratio, _name, (lambda plain: lambda self: Ratio(plain(self)))(getattr(Fraction, _name)))


def read(value: Any) -> Fraction:
    """A number as a fraction: a float as the simplest one that rounds to it.

    >>> read(1 / 3), read(2.5), read(1e-300) == Fraction(1e-300)
    (Fraction(1, 3), Fraction(5, 2), True)
    """
    if not isinstance(value, float):
        return Fraction(value)
    near = Fraction(value).limit_denominator(_SIMPLE)
    return near if float(near) == value else Fraction(value)


def ratios(values: Iterable[Any]) -> NDArray[Any]:
    """Numbers as an array of ratios.

    >>> ratios([0.5, 2]).sum()
    Ratio(5, 2)
    """
    listed = [Ratio(read(value)) for value in values]
    out = np.empty(len(listed), dtype=object)
    out[:] = listed
    return out


def clear_exactly(loss: Fraction, supply: Supply) -> NDArray[Any]:
    """What each agent gives at the price that clears, for one row of blocks (blocks, n) of fractions.

    The same supply as for :func:`allocopt.maths.price.clear`, on fractions: at every breakpoint the sum is compared
    with the loss, and on the segment between two of them the price is a quotient of fractions.

    >>> blocks = Supply(np.zeros((1, 3)), ratios([1, 2, 3])[None, :], ratios([10, 10, 4])[None, :])
    >>> [str(x) for x in clear_exactly(Fraction(12), blocks)]
    ['8/3', '16/3', '4']
    """
    agents = supply.start.shape[-1]
    blocks = [
        (read(s), read(w), read(c), k % agents)
        for k, (s, w, c) in enumerate(zip(supply.start.flat, supply.weight.flat, supply.cap.flat, strict=True))
        if w > 0 and c > 0
    ]
    given = [Ratio(0)] * agents
    low, price = min((s for s, *_ in blocks), default=Fraction(0)), None
    below = Fraction(0)
    for point in sorted({s for s, *_ in blocks} | {s + c / w for s, w, c, _ in blocks}):
        reached = sum((min(max(w * (point - s), Fraction(0)), c) for s, w, c, _ in blocks), Fraction(0))
        if reached >= loss:
            rise = reached - below
            price = low + (point - low) * (loss - below) / rise if rise else point
            break
        low, below = point, reached
    for s, w, c, agent in blocks:
        given[agent] += c if price is None else min(max(w * (price - s), Fraction(0)), c)
    return ratios(given)
