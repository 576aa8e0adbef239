"""Least squares that adds up over parts of a sample, and many models of rising width from one factorisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from allocopt.facts.checks import Array
from allocopt.maths.sampling import Whole
from allocopt.maths.sampling_surrogates import Surrogates

_RIDGE = 1e-10  # of each diagonal entry: terms that repeat each other are told apart, fits keep ten digits
_NOTHING = 1e-12  # of its size: a term that varies less about its means is a constant and rounding


@dataclass(frozen=True, eq=False)
class Sums:
    """What a least-squares fit needs to know of some rows; sums over two sets of rows add up."""

    gram: Array
    moment: Array
    square: float
    terms: Array
    gaps: Array
    count: Array

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.gram + other.gram, self.moment + other.moment, self.square + other.square, self.terms + other.terms,
            self.gaps + other.gaps, self.count + other.count,
        )  # fmt: skip

    def centred(self, weight: Array, free: Array) -> tuple[Array, Array, float]:
        """Gram matrix, moments and sum of squares about the mean of each size that may have a mean."""
        each = np.where(self.count > 0, weight * free / np.maximum(self.count, 1.0), 0.0)
        lean = self.terms * np.sqrt(each)[:, None]
        gaps = self.gaps * np.sqrt(each)
        gram, moment = self.gram - lean.T @ lean, self.moment - lean.T @ gaps
        nothing = np.diag(gram) <= _NOTHING * np.diag(self.gram)
        gram[nothing], gram[:, nothing], moment[nothing] = 0.0, 0.0, 0.0
        return gram, moment, self.square - float(gaps @ gaps)

    def level(self, terms: Array, free: Array) -> Array:
        """The mean by size of what the fit leaves over."""
        return (self.gaps - self.terms @ terms) * free / np.maximum(self.count, 1.0)


class Model(NamedTuple):
    """The first ``width`` of ``columns`` are fitted; ``words`` says what they are."""

    columns: Whole
    width: int
    words: str


def models(surrogates: Surrogates) -> list[list[Model]]:
    """Two rising sequences of models, each of which takes one factorisation: by size first, or covers first."""
    n, block = surrogates.n, np.arange(surrogates.width).reshape(-1, surrogates.n)
    curves = [f"additive terms of degree {q} in size" for q in range(surrogates.degree + 1)]
    curves[0] = "additive terms"
    alone = block[: surrogates.degree + 1].ravel()
    rising = [Model(alone, (q + 1) * n, words) for q, words in enumerate(curves)]
    if not surrogates.covers:
        return [[Model(alone, 0, "no surrogate"), *rising]]
    covers = block[surrogates.degree + 1 :].ravel()
    mixed = np.concatenate((block[0], covers, block[1 : surrogates.degree + 1].ravel()))
    tops = [f"additive and largest-{k} terms" if k > 1 else "additive and maximum terms"
            for k in range(1, surrogates.covers + 1)]  # fmt: skip
    both = [Model(mixed, (1 + k) * n, words) for k, words in enumerate(tops, 1)]
    both += [Model(mixed, (1 + surrogates.covers + q) * n, f"{tops[-1]}, degree {q} in size")
             for q in range(1, surrogates.degree + 1)]  # fmt: skip
    return [[Model(alone, 0, "no surrogate"), *rising], both]


def fitted(gram: Array, moment: Array, path: list[Model], rounds: int = 1) -> list[Array]:
    """The least-squares terms of every model of a path: a factor of the widest holds those of the others.

    A second of the ``rounds`` takes out what the ridge did to the first.
    """
    from scipy.linalg import LinAlgError, cho_solve, cholesky

    columns = path[0].columns[: max(model.width for model in path)]
    inner = gram[np.ix_(columns, columns)]
    scale = np.sqrt(np.maximum(np.diag(inner), 0.0))
    scale[scale == 0] = 1.0
    inner /= scale
    inner /= scale[:, None]
    goal, ridge = moment[columns] / scale, _RIDGE
    while True:
        try:
            inner[np.diag_indices_from(inner)] = 1.0 + ridge  # also for a term that is nothing on these rows
            factor = cholesky(inner, lower=True, check_finite=False)
            break
        except LinAlgError:  # terms that are all but nothing about their means are rounding
            ridge *= 100.0
    out = []
    for model in path:
        terms, width = np.zeros(len(moment)), model.width
        if width:
            found = np.zeros(width)
            for _ in range(rounds):
                lack = goal[:width] - inner[:width, :width] @ found + ridge * found
                found += cho_solve((factor[:width, :width], True), lack, check_finite=False)
            terms[columns[:width]] = found / scale[:width]
        out.append(terms)
    return out
