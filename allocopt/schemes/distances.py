"""How far shares are from a reference: the objectives of the scheme ``fair``, each with its formula and its price."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from allocopt.facts.checks import Array
from allocopt.maths.program import Clause


class Distance(ABC):
    """An objective in shares ``x``, reference ``q`` and measure ``m``, one entry per payer who may move."""

    latex: ClassVar[str] = ""
    says: ClassVar[str] = ""
    by_reference: ClassVar[bool] = True  # whether moves are measured in the reference share, whatever ``measure`` says

    @abstractmethod
    def value(self, x: Array, q: Array, m: Array) -> float:
        """The distance, from the shares alone."""

    @abstractmethod
    def pose(self, x: Any, q: Array, m: Array) -> tuple[Any, list[Clause]]:
        """The objective on scaled numbers, with the rows it needs."""

    @abstractmethod
    def price_unit(self, unit: float, top: float) -> float:
        """What one scaled price of an amount is worth; ``top`` is the largest measure, which counts as one."""


class Squares(Distance):
    """Squared moves, each in units of its measure: moves count in proportion."""

    latex = r"\sum_i \frac{(x_i - q_i)^2}{2 m_i}"
    says = "squared moves in proportion to the measure, in currency"
    by_reference = False

    def value(self, x: Array, q: Array, m: Array) -> float:
        """In currency."""
        return float(((x - q) ** 2 / (2.0 * m)).sum())

    def pose(self, x: Any, q: Array, m: Array) -> tuple[Any, list[Clause]]:
        """One square per payer."""
        import cvxpy as cp

        return 0.5 * cp.sum_squares(cp.multiply(np.sqrt(m.max() / m), x - q)), []

    def price_unit(self, unit: float, top: float) -> float:
        """A cost of one is a square of the unit over the largest measure."""
        return unit / top


class Divergence(Distance):
    """The Kullback-Leibler divergence of the shares from the reference."""

    latex = r"\sum_i x_i \log \frac{x_i}{q_i} - x_i + q_i"
    says = "Kullback-Leibler divergence from the reference, in currency; moves towards nothing are dear"

    def value(self, x: Array, q: Array, m: Array) -> float:
        """In currency; a payer who bears nothing adds its reference."""
        ratio = np.where(x > 0, x, q) / q
        return float((x * np.log(ratio) - x + q).sum())

    def pose(self, x: Any, q: Array, m: Array) -> tuple[Any, list[Clause]]:
        """One exponential cone per payer."""
        import cvxpy as cp

        return cp.sum(cp.kl_div(x, q)), []

    def price_unit(self, unit: float, top: float) -> float:
        """A cost is an amount."""
        return 1.0


class Widest(Distance):
    """The largest move in units of its measure."""

    latex = r"\max_i \frac{|x_i - q_i|}{m_i}"
    says = "the largest move as a part of the measure; of the answers that share it, the nearest by squares"
    by_reference = False

    def value(self, x: Array, q: Array, m: Array) -> float:
        """A pure number when the measure is an amount."""
        return float((np.abs(x - q) / m).max(initial=0.0))

    def pose(self, x: Any, q: Array, m: Array) -> tuple[Any, list[Clause]]:
        """A level above every move."""
        import cvxpy as cp

        level = cp.Variable(name="widest")
        scaled = m / m.max()
        return level, [Clause("widest", [x - q <= scaled * level, q - x <= scaled * level], "", "")]

    def price_unit(self, unit: float, top: float) -> float:
        """The level is an amount over the largest measure."""
        return 1.0 / top


class Rates(Distance):
    """The shares as multiples of the reference, the largest first, then the next: see ``leximin``."""

    latex = r"\operatorname{lex\,min}\ \text{of}\ x_i / q_i \text{ in descending order}"
    says = "the largest multiple of the reference as small as can be, then the second, and so on"

    def value(self, x: Array, q: Array, m: Array) -> float:
        """By how much the largest multiple exceeds one."""
        return float((x / q).max(initial=1.0)) - 1.0

    def pose(self, x: Any, q: Array, m: Array) -> tuple[Any, list[Clause]]:
        """The first stage alone: a level above every multiple."""
        import cvxpy as cp

        level = cp.Variable(name="level")
        return level, [Clause("worst", [x <= q * level], "", "")]

    def price_unit(self, unit: float, top: float) -> float:
        """The level is a pure number."""
        return 1.0 / unit


DISTANCES: dict[str, Distance] = {"ratio": Squares(), "kl": Divergence(), "minimax": Widest(), "leximin": Rates()}
