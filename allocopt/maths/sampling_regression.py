r"""The Shapley value from sampled pairs: the part a simple game explains is known, what it leaves over is averaged.

With :math:`d(S) = v(S) - v(N \setminus S)` and any g of :class:`~allocopt.maths.sampling_surrogates.Surrogates`,

.. math:: \phi_i = \frac{v(N)}{n} + \sum_s a_s \Bigl( \mathrm E_s[g(S)(1_{i \in S} - s/n)]
          + \mathrm E_s[(d - g)(S)(1_{i \in S} - s/n)] \Bigr),

the first mean in closed form, the second over the sample, which is unbiased whatever g is as long as g was not fitted
to the same coalitions. So the sample is dealt into folds, each corrected by the g that the others fit best. Which terms
g may have is chosen for one half of the folds by cross-validation inside the other half.

Sources: Musco and Witter, "Provably accurate Shapley value estimation via leverage score sampling" (2025), for pairs
and sizes; Witter, Liu and Musco, "Regression-adjusted Monte Carlo estimators for Shapley values and probabilistic
values" (2025), for the correction of a fit by what it leaves over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from allocopt.facts.checks import Array
from allocopt.maths.sampling import Rows, Whole, pair_counts, shares_of_size
from allocopt.maths.sampling_fits import Model, Sums, fitted, models
from allocopt.maths.sampling_surrogates import Surrogates

FOLDS = 4
DEGREE, COVERS = 2, 3
_ROUNDING = 1e-15  # of the largest worth: an exact fit leaves over less than the sums that follow lose
_LISTED = 1e-3  # weight of sizes listed in full: without error themselves, they pin down what the sample leaves open
_CALM = 0.1  # of the roughest size: how smooth any other may be taken to be before it has been looked at closely
_TERMS = 1000  # of one kind: the time of a fit grows with their square times the sample
_CELLS = 2**22  # entries of the table of terms held at once: 32 MiB


class Estimate(NamedTuple):
    """Values, their standard errors and degrees of freedom, one entry per player, how they were found in words, and
    how much the worths of each size vary about what explains them."""

    values: Array
    errors: Array
    freedom: Array
    words: str
    roughness: Array


def by_regression(
    rows: Rows, sizes: Whole, gaps: Array, total: float, rank: Array | None = None, surrogate: bool = True
) -> Estimate:
    """Estimate the Shapley value from pairs as :class:`~allocopt.maths.sampling.PairSampler` draws them.

    ``gaps`` holds :math:`d(S)`, one entry per row, ``total`` is v(N). ``rank``, when given, orders the players from the
    largest down for terms in which the largest decide. Without ``surrogate`` g is nothing: the plain
    mean by size. Errors are standard errors with the degrees of freedom that Satterthwaite's rule gives them.
    """
    n = rows.shape[1]
    counts = np.array([float(count) for count in pair_counts(n)])
    drawn = np.bincount(sizes, minlength=len(counts))
    share, half = shares_of_size(n), np.arange(len(counts)) / n
    listed = drawn >= counts
    values = np.full(n, total / n)
    full = listed[sizes]
    rate = np.divide(share, counts, out=np.zeros_like(share), where=counts > 0)
    values += (rate[sizes] * gaps)[full] @ (rows[full] - half[sizes[full], None])
    if full.all():
        return Estimate(
            _adding_up(values, total), np.zeros(n), np.full(n, np.inf), "all coalitions", np.zeros(len(counts))
        )
    sample = _Sample.of(rows, sizes, gaps, counts, drawn, listed, share)
    known, left, weights, words = sample.corrected(rank) if surrogate else sample.plain()
    values += known + (weights * share[sample.sizes]) @ (sample.rows - half[sample.sizes, None])
    errors, freedom = sample.spread(left)
    errors = np.hypot(errors, _ROUNDING * max(abs(total), float(np.abs(gaps).max())) * errors.any())
    return Estimate(_adding_up(values, total), errors, freedom, words, sample.roughness(left))


def _adding_up(values: Array, total: float) -> Array:
    """Values add up but for rounding; that is spread evenly."""
    return np.asarray(values + (total - values.sum()) / len(values))


@dataclass(frozen=True, eq=False)
class _Sample:
    """The sizes that are sampled, ordered by fold and size, and the listed ones beside them."""

    rows: Rows
    sizes: Whole
    gaps: Array
    fold: Whole
    counts: Array
    drawn: Array
    share: Array
    beside: tuple[Rows, Whole, Array]

    @classmethod
    def of(
        cls, rows: Rows, sizes: Whole, gaps: Array, counts: Array, drawn: Whole, listed: Rows, share: Array
    ) -> _Sample:
        full = listed[sizes]
        beside = rows[full], sizes[full], gaps[full]
        rows, sizes, gaps = rows[~full], sizes[~full], gaps[~full]
        place = np.empty(len(sizes), dtype=np.intp)
        place[np.argsort(sizes, kind="stable")] = np.arange(len(sizes))
        fold = place % FOLDS
        order = np.lexsort((sizes, fold))
        return cls(
            rows[order], sizes[order], gaps[order], fold[order], counts, np.where(listed, 0.0, drawn), share, beside
        )

    @property
    def n(self) -> int:
        return int(self.rows.shape[1])

    def _spread_weight(self) -> Array:
        """What a squared residual of each size adds to the variance of the values."""
        half = np.arange(len(self.counts)) / self.n
        every = np.where(self.drawn > 0, self.drawn, np.maximum(self.counts, 1.0))
        part = np.where(self.drawn > 0, 1.0 - self.drawn / np.maximum(self.counts, 1.0), _LISTED)
        return np.asarray(self.share**2 * half * (1.0 - half) * part / every**2)

    def _surrogates(self, rank: Array | None) -> Surrogates:
        """As many blocks of n terms as a quarter of the sample can carry, and as can be fitted in reasonable time."""
        blocks = max(1, min(len(self.sizes) // (FOLDS * self.n), _TERMS // self.n))
        order = np.argsort(-(np.zeros(self.n) if rank is None else rank), kind="stable")
        return Surrogates(self.n, min(DEGREE, blocks - 1), 0 if rank is None else min(COVERS, blocks), order)

    def _sums(self, surrogates: Surrogates, rows: Rows, sizes: Whole, gaps: Array, weight: Array) -> Sums:
        many, width = len(self.counts), surrogates.width
        gram, moment = np.zeros((width, width)), np.zeros(width)
        terms, square = np.zeros((many, width)), float(weight[sizes] @ gaps**2)
        step = max(1, _CELLS // width)
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            table = surrogates(rows[part], sizes[part])
            present, first = np.unique(sizes[part], return_index=True)
            terms[present] += np.add.reduceat(table, first, axis=0)
            root = np.sqrt(weight[sizes[part]])
            table *= root[:, None]
            gram += table.T @ table
            moment += table.T @ (root * gaps[part])
        gap = np.asarray(np.bincount(sizes, weights=gaps, minlength=many), dtype=np.float64)
        return Sums(gram, moment, square, terms, gap, np.bincount(sizes, minlength=many).astype(np.float64))

    def corrected(self, rank: Array | None) -> tuple[Array, Array, Array, str]:
        """The known part, residuals, weights of residuals in the estimate, and which terms were taken."""
        surrogates = self._surrogates(rank)
        weight = self._spread_weight()
        free = np.ones(len(self.counts))
        if self.n % 2 == 0:
            free[-1] = 0.0  # a pair of two halves has no first: its gap has mean zero
        rows, sizes, gaps = self.beside
        order = np.argsort(sizes, kind="stable")
        beside = self._sums(surrogates, rows[order], sizes[order], gaps[order], weight)
        folds = [self.fold == f for f in range(FOLDS)]
        sums = [self._sums(surrogates, self.rows[f], self.sizes[f], self.gaps[f], weight) for f in folds]
        paths = models(surrogates)
        chosen = [self._choice(paths, sums, beside, weight, free, pair) for pair in ((2, 3), (0, 1))]
        terms, levels = [], []
        for f in range(FOLDS):
            others = beside
            for g in range(FOLDS):
                if g != f:
                    others = others + sums[g]
            path = [chosen[f // 2]]
            terms.append(fitted(*others.centred(weight, free)[:2], path, rounds=2)[0])
            levels.append(others.level(terms[-1], free))
        left = self._residuals(surrogates, np.array(terms), np.array(levels))
        known, weights = np.zeros(self.n), np.zeros(len(self.rows))
        drawn = np.maximum(self.drawn, 1.0)
        for f, inside in enumerate(folds):
            part = sums[f].count / drawn
            rest = self.counts - (self.drawn - sums[f].count)  # coalitions of a size that the other folds do not hold
            each = np.where(inside, (rest / drawn)[self.sizes], part[self.sizes]) / self.counts[self.sizes]
            weights += each * left[:, f]
            known += (self.share * part) @ surrogates.effects(terms[f])
        words = " / ".join(dict.fromkeys(model.words for model in chosen))
        return known, left[np.arange(len(left)), self.fold], weights, words

    def _choice(
        self, paths: list[list[Model]], sums: list[Sums], beside: Sums, weight: Array, free: Array,
        pair: tuple[int, int],
    ) -> Model:  # fmt: skip
        """The model that, fitted to one fold of a pair, leaves least over in the other; the simplest of equals.

        A quarter of the sample fits worse than the three quarters that will be used: the usual rule for the loss of a
        fit, terms over spare rows, is applied to both.
        """
        tests = [sums[f].centred(weight, free) for f in pair]
        trains = [(sums[f] + beside).centred(weight, free) for f in pair]
        rows = len(self.rows) / FOLDS
        best, least, base = paths[0][0], np.inf, tests[0][2] + tests[1][2]
        for path in paths:
            found = [fitted(gram, moment, path) for gram, moment, _ in trains]
            for at, model in enumerate(path):
                over = 0.0
                for (gram, moment, square), terms in zip(tests, (found[1][at], found[0][at]), strict=True):
                    over += max(0.0, float(square - 2.0 * terms @ moment + terms @ gram @ terms))
                width = min(model.width, rows / 2.0)
                over *= (1.0 + width / (3.0 * rows - width)) / (1.0 + width / (rows - width))
                if over < least * (1.0 - 1e-6) and least > 1e-13 * base:
                    best, least = model, over
        return best

    def _residuals(self, surrogates: Surrogates, terms: Array, levels: Array) -> Array:
        """What each fold's fit leaves over of every gap: (rows, folds)."""
        out = np.empty((len(self.rows), FOLDS))
        step = max(1, _CELLS // surrogates.width)
        for start in range(0, len(out), step):
            part = slice(start, start + step)
            table = surrogates(self.rows[part], self.sizes[part])
            out[part] = self.gaps[part, None] - table @ terms.T - levels.T[self.sizes[part]]
        return out

    def plain(self) -> tuple[Array, Array, Array, str]:
        """No surrogate: gaps about the mean of their size, taken over the others of that size."""
        drawn, counts = np.maximum(self.drawn, 2.0), np.maximum(self.counts, 2.0)
        mean = np.bincount(self.sizes, weights=self.gaps, minlength=len(drawn)) / drawn
        grow = drawn / (drawn - 1.0) * (counts - 1.0) / counts
        if self.n % 2 == 0:
            mean[-1], grow[-1] = 0.0, 1.0
        left = (self.gaps - mean[self.sizes]) * grow[self.sizes]
        return np.zeros(self.n), left, left / drawn[self.sizes], "no surrogate"

    def roughness(self, left: Array) -> Array:
        """Root mean square by size, each size taken with its neighbours: a few coalitions say little on their own."""
        squares = np.bincount(self.sizes, weights=left**2, minlength=len(self.counts))
        kernel = np.array([0.25, 0.5, 0.25])
        number, squares = np.convolve(self.drawn, kernel, "same"), np.convolve(squares, kernel, "same")
        found = np.sqrt(np.divide(squares, number, out=np.zeros_like(squares), where=number > 0))
        return np.where(self.drawn > 0, np.maximum(found, _CALM * found.max(initial=0.0)), 0.0)

    def spread(self, left: Array) -> tuple[Array, Array]:
        """Standard errors from the spread within sizes, and the degrees of freedom they rest on."""
        order = np.argsort(self.sizes, kind="stable")
        sizes = self.sizes[order]
        half = sizes / self.n
        present, first = np.unique(sizes, return_index=True)
        each = (self.share[sizes] * left[order])[:, None] * (self.rows[order] - half[:, None])
        sums = np.add.reduceat(each, first, axis=0)
        many = self.drawn[present, None]
        squares = np.add.reduceat(np.square(each, out=each), first, axis=0)
        lost = (1.0 - many / self.counts[present, None]) / (many * (many - 1.0))
        by_size = lost * np.maximum(0.0, squares - sums**2 / many)
        variance = by_size.sum(axis=0)
        doubt = (by_size**2 / (many - 1.0)).sum(axis=0)
        freedom = np.divide(variance**2, doubt, out=np.full(self.n, np.inf), where=doubt > 0)
        return np.sqrt(variance), freedom
