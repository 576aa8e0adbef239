r"""Simple games whose Shapley value is known size by size; a game less its nearest such game varies little.

Two kinds of terms, each taken as :math:`g(S) - g(N \setminus S)`, in which a game and its dual are the same:

* **additive by size**: :math:`\theta_{qi} T_q(4s/n - 1)(1_{i \in S} - s/n)`, T the Chebyshev polynomials;
* **covers**: :math:`\min(k, |S \cap T_t|)`, with T_t the first t players in a given order. Sums of these with k = 1 are
  all games of the form "the largest member decides" (airport games), with k up to K those where the K largest do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from allocopt.facts.checks import Array
from allocopt.maths.sampling import Rows, Whole


@dataclass(frozen=True, eq=False)
class Surrogates:
    """``degree`` of the additive terms, ``covers`` levels K, and the ``order`` of the players, the largest first."""

    n: int
    degree: int
    covers: int
    order: Whole

    @property
    def width(self) -> int:
        """How many terms there are: additive ones by degree, then covers by level, n of each."""
        return self.n * (self.degree + 1 + self.covers)

    @cached_property
    def _half(self) -> Array:
        return np.arange(self.n // 2 + 1, dtype=np.float64)

    @cached_property
    def _curves(self) -> Array:
        """The Chebyshev polynomials at every size: (sizes, degrees)."""
        return np.asarray(np.polynomial.chebyshev.chebvander(4.0 * self._half / self.n - 1.0, self.degree))

    @cached_property
    def _chances(self) -> tuple[Array, Array]:
        """P(|S ∩ T_t| = j) and P(|T_t - S| = j) for |S| = s: (levels, sizes, prefixes)."""
        n = self.n
        logs = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, n + 1)))))

        def log_choose(a: Array, b: Array) -> Array:
            fits = (b >= 0) & (b <= a)
            b = np.where(fits, b, 0).astype(np.intp)
            a = np.where(fits, a, 0).astype(np.intp)
            return np.where(fits, logs[a] - logs[b] - logs[a - b], -np.inf)

        s, t = self._half[:, None], np.arange(1.0, n + 1)[None, :]
        inside, outside = [], []
        for j in range(self.covers):
            inside.append(log_choose(t, j + 0 * s) + log_choose(n - t, s - j) - log_choose(n + 0 * t, s + 0 * t))
            outside.append(log_choose(t, t - j) + log_choose(n - t, s - t + j) - log_choose(n + 0 * t, s + 0 * t))
        return np.exp(np.array(inside)), np.exp(np.array(outside))

    def __call__(self, rows: Rows, sizes: Whole) -> Array:
        """Every term at every coalition, one row per coalition; additive terms have mean 0 in every size."""
        n = self.n
        out = np.empty((len(rows), self.width))
        centred = rows - (sizes / n)[:, None]
        for q in range(self.degree + 1):
            np.multiply(centred, self._curves[sizes, q][:, None], out=out[:, q * n : (q + 1) * n])
        if self.covers:
            inside = np.cumsum(rows[:, self.order], axis=1, dtype=np.float64)
            outside = np.arange(1.0, n + 1) - inside
            for k in range(1, self.covers + 1):
                at = (self.degree + k) * n
                out[:, at : at + n] = np.minimum(inside, k) - np.minimum(outside, k)
        return out

    def effects(self, terms: Array) -> Array:
        """Mean of the surrogate times the centred membership of each player, by size: (sizes, players)."""
        n = self.n
        blocks = terms.reshape(-1, n)
        slopes = self._curves @ blocks[: self.degree + 1]
        chance = (self._half / n * (1.0 - self._half / n))[:, None]
        out = chance * n / max(1, n - 1) * (slopes - slopes.mean(axis=1, keepdims=True))
        if self.covers:
            inside, outside = self._chances
            t = np.arange(1.0, n + 1)
            mean = self._half[:, None] * t / n
            members = np.zeros_like(mean)
            for k in range(1, self.covers + 1):
                for j in range(k):
                    gap = inside[j] * (j - mean) - outside[j] * (t - j - mean)
                    members -= (k - j) * gap * blocks[self.degree + k]
            each = members / t
            other = np.divide(members, n - t, out=np.zeros_like(members), where=t < n)
            ranked = np.cumsum(each[:, ::-1], axis=1)[:, ::-1]
            ranked[:, 1:] -= np.cumsum(other, axis=1)[:, :-1]
            out[:, self.order] += ranked
        return np.asarray(out)
