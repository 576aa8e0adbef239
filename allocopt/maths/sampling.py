r"""Which coalitions to look at: pairs of a coalition and its complement, every size its quota, none twice.

A pair stands for both its halves, so only sizes up to n/2 are drawn; at n/2 the half with player 0 is kept. A size
whose coalitions are fewer than its quota is listed in full and then has no sampling error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import comb

import numpy as np
from numpy.typing import NDArray

from allocopt.facts.checks import Array

Rows = NDArray[np.bool_]
Whole = NDArray[np.intp]

# Coalitions of one size up to this many are numbered and drawn by number; of more, repeats are rare and are redrawn.
_NUMBERED = 2**20
_LEAST = 3  # pairs of one size: their spread is the error, and two say little about a spread
_LONE = 4  # all single players are listed when that takes at most this fraction of the pairs


def pair_counts(n: int) -> list[int]:
    """How many pairs of a coalition and its complement there are of each size 0 .. n/2 (0 for the empty coalition).

    >>> pair_counts(5), pair_counts(4)
    ([0, 5, 10], [0, 4, 3])
    """
    counts = [comb(n, size) for size in range(n // 2 + 1)]
    counts[0] = 0
    if n > 0 and n % 2 == 0:
        counts[-1] //= 2
    return counts


def least_pairs(n: int) -> int:
    """The fewest pairs from which errors can be told: three of each size, or all of them."""
    return sum(min(_LEAST, count) for count in pair_counts(n))


def quotas(n: int, pairs: int, drawn: Whole | None = None, roughness: Array | None = None) -> Whole:
    r"""How many pairs of each size 0 .. n/2 to look at, ``pairs`` in all.

    At first as many of each size, half of it at n/2, none beyond all there are. Once ``drawn`` (so many by size) have
    told how much worths of each size vary about what explains them (``roughness``, a standard deviation by size), in
    proportion to :math:`a_s \sqrt{s(n-s)}` times that, which leaves the least error, and never fewer than drawn.

    >>> quotas(10, 100).tolist()
    [0, 10, 26, 26, 26, 12]
    >>> quotas(10, 200, np.array([0, 10, 26, 26, 26, 12]), np.array([0, 0, 0, 1.0, 1.0, 0])).tolist()
    [0, 10, 26, 79, 73, 12]
    """
    most = np.array([float(count) for count in pair_counts(n)])
    if drawn is None:
        least = np.minimum(most, _LEAST)
        if 1 < n <= pairs // _LONE:
            least[1] = most[1]
    else:
        least = drawn.astype(np.float64)
    share = np.where(most > 0, 1.0, 0.0)
    if n > 0 and n % 2 == 0:
        share[-1] = 0.5
    if roughness is not None:
        half = np.arange(len(most), dtype=np.float64)
        share = shares_of_size(n) * np.sqrt(half * (n - half)) * roughness
    target, free = least.copy(), share > 0
    while free.any():
        offered = (pairs - target[~free].sum()) * share / share[free].sum()
        full, short = free & (offered >= most), free & (offered <= least)
        stop = full if full.any() else short
        target[free] = np.clip(offered, least, most)[free]
        if not stop.any():
            break
        free &= ~stop
    whole = np.maximum(least, np.floor(target + 1e-9)).astype(np.intp)
    room = np.flatnonzero((whole < most) & (share > 0))
    whole[room[: max(0, pairs - int(whole.sum()))]] += 1
    return np.asarray(whole, dtype=np.intp)


def random_subsets(sizes: Whole, n: int, rng: np.random.Generator) -> Rows:
    """One random coalition of each of these sizes: rows of true/false, every coalition of a size equally likely."""
    if not len(sizes):
        return np.zeros((0, n), dtype=np.bool_)
    marks = rng.random((len(sizes), n))
    cut = np.sort(marks, axis=1)[np.arange(len(sizes)), sizes - 1]
    return np.asarray(marks <= cut[:, None])


def numbered_subsets(numbers: Whole, n: int, size: int) -> Rows:
    """The coalitions with these numbers among all of one size, in the order of their members.

    >>> numbered_subsets(np.arange(3), 3, 2).astype(int).tolist()
    [[1, 1, 0], [1, 0, 1], [0, 1, 1]]
    """
    rows = np.zeros((len(numbers), n), dtype=np.bool_)
    number = numbers.astype(np.int64)
    lack = np.full(len(numbers), size)
    for player in range(n):
        ways = np.array([comb(n - 1 - player, k - 1) if k else 0 for k in range(size + 1)], dtype=np.int64)[lack]
        joins = number < ways
        rows[:, player] = joins
        number -= np.where(joins, 0, ways)
        lack -= joins
    return rows


def fingerprints(rows: Rows) -> NDArray[np.uint64]:
    """One number per row: the bit mask itself up to 64 players, and beyond a mixture that tells rows apart."""
    n = rows.shape[1]
    weights: NDArray[np.uint64] = np.left_shift(np.uint64(1), np.arange(min(n, 64), dtype=np.uint64))
    if n > 64:
        weights = np.asarray(np.random.default_rng(n).integers(0, 2**64, n, dtype=np.uint64))
    return np.asarray(rows @ weights, dtype=np.uint64)


@dataclass(eq=False)
class PairSampler:
    """Draws pairs without repeats, a batch at a time; ``n`` players, at least 2."""

    n: int
    rng: np.random.Generator
    _numbers: dict[int, Whole] = field(default_factory=dict)
    _seen: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    _drawn: Whole = field(init=False)

    def __post_init__(self) -> None:
        self._counts = pair_counts(self.n)
        self._drawn = np.zeros(len(self._counts), dtype=np.intp)

    def draw(self, upto: Whole) -> tuple[Rows, Whole]:
        """The coalitions that bring each size to its quota, with their sizes."""
        lack = np.maximum(0, upto - self._drawn)
        numbered = [size for size in np.flatnonzero(lack).tolist() if self._counts[size] <= _NUMBERED]
        parts = [self._by_number(size, int(self._drawn[size]), int(lack[size])) for size in numbered]
        of_size = [np.full(len(part), size) for part, size in zip(parts, numbered, strict=True)]
        many = lack.copy()
        many[numbered] = 0
        sizes = np.repeat(np.arange(len(lack)), many)
        parts.append(self._fresh(sizes))
        self._drawn = self._drawn + lack
        return np.concatenate(parts), np.concatenate([*of_size, sizes]).astype(np.intp)

    def _by_number(self, size: int, start: int, count: int) -> Rows:
        if size not in self._numbers:
            self._numbers[size] = self.rng.permutation(self._counts[size])
        numbers = self._numbers[size][start : start + count]
        if 2 * size < self.n:
            return numbered_subsets(numbers, self.n, size)
        rest = numbered_subsets(numbers, self.n - 1, size - 1)
        return np.concatenate((np.ones((len(rest), 1), dtype=np.bool_), rest), axis=1)

    def _fresh(self, sizes: Whole) -> Rows:
        """Random coalitions, drawn again where they came before."""
        rows = self._random(sizes)
        marks = fingerprints(rows)
        while True:
            _, first = np.unique(marks, return_index=True)
            again = np.ones(len(rows), dtype=np.bool_)
            again[first] = False
            again |= np.isin(marks, self._seen)
            if not again.any():
                break
            rows[again] = self._random(sizes[again])
            marks[again] = fingerprints(rows[again])
        self._seen = np.concatenate((self._seen, marks))
        return rows

    def _random(self, sizes: Whole) -> Rows:
        rows = random_subsets(sizes, self.n, self.rng)
        other = (2 * sizes == self.n) & ~rows[:, 0]
        rows[other] = ~rows[other]
        return rows


def shares_of_size(n: int) -> Array:
    r"""What turns the mean of :math:`d(S)(1_{i \in S} - s/n)` over size s into that size's part of the Shapley value.

    .. math:: \phi_i = \frac{v(N)}{n} + \sum_{s=1}^{n/2} a_s\, \mathrm E_{|S|=s}[d(S)\,(1_{i \in S} - s/n)],
       \qquad a_s = \frac{n w_s}{s (n - s)}

    with :math:`d(S) = v(S) - v(N \setminus S)` and :math:`w_s = 1`, or 1/2 where :math:`s = n/2`.
    """
    sizes = np.arange(n // 2 + 1, dtype=np.float64)
    out = np.zeros(len(sizes))
    out[1:] = n / (sizes[1:] * (n - sizes[1:]))
    if n > 0 and n % 2 == 0:
        out[-1] /= 2.0
    return out
