"""Where a hunt for a counterexample looks: small grids, random questions, and the surroundings of near-misses."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator

import numpy as np

from allocopt.judgement.axiom import Array

# Rules are computed in floats on caps of order ten: 1e-7 is far above their rounding and far below any real breach.
BREACH = 1e-7
_DRAWS = np.array([0.0, 1 / 16, 5 / 16, 1 / 2, 11 / 16, 15 / 16])
_LARGEST = 200.0  # a cap that is doubled again and again stays readable


def over(margin: Array, losses: Array) -> Array:
    """What a breach is above what rounding explains; at most zero where the axiom holds."""
    return np.asarray(margin - BREACH * np.maximum(1.0, losses))


def questions(payers: int, tries: int, seed: int, quick: bool) -> Iterator[tuple[Array, Array, Array]]:
    """Small grids first (ties, zeros, losses at zero, half and all), then random whole numbers."""
    for n in (payers, payers + 1):
        caps = np.array(list(itertools.combinations_with_replacement((0.0, 1.0, 2.0, 3.0, 5.0), n)))
        caps = np.concatenate((caps, caps[:, ::-1]))
        if not quick:
            caps = caps[:: 1 + len(caps) // 25]
        parts = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
        grid = np.array(list(itertools.product(range(len(caps)), parts, _DRAWS if quick else _DRAWS[1::2])))
        C = caps[grid[:, 0].astype(np.intp)]
        yield np.rint(grid[:, 1] * C.sum(axis=1) * 2) / 2, C, grid[:, 2].copy()
    rng = np.random.default_rng(seed)
    for n in range(payers, payers + 3):
        C = rng.integers(0, 13, (tries // 3 + 1, n)).astype(float)
        E = np.rint(rng.random(len(C)) * C.sum(axis=1))
        yield E, C, np.floor(rng.random(len(C)) * 16) / 16


def climbs(
    asked: list[Array], rng: np.random.Generator, quick: bool
) -> Generator[tuple[Array, Array, Array] | None, Array, None]:
    """Questions ever nearer to a breach: yields variants of the nearest ones and is sent their margins; None ends it.

    ``asked`` are the losses, caps, draws and margins of questions already asked.
    Starts from the ordinary questions (no cap, loss or remainder of zero, where every axiom is nearly broken for want
    of anything to divide) that came nearest, and from a few others, so that not all climb the same hill. A margin
    counts in parts of all caps: a hill is not climbed by making the numbers larger.
    """
    E, C, draw, margin = asked
    parents, children, rounds = (24, 8, 5) if quick else (3, 4, 3)
    total = C.sum(axis=1)
    plain = np.flatnonzero((C > 0).all(axis=1) & (E > 0) & (total > E))
    if not len(plain):
        yield None
        return
    best = plain[np.argsort(-(margin / np.maximum(total, 1.0))[plain], kind="stable")][: parents // 2 + 1]
    start = np.concatenate((best, rng.choice(plain, parents // 2)))
    E, C, draw, height = E[start], C[start], draw[start], (margin / np.maximum(total, 1.0))[start]
    for _ in range(rounds):
        family = np.repeat(np.arange(len(E)), children)
        tried = _varied(E[family], C[family], draw[family], rng)
        reached = (yield tried) / np.maximum(tried[1].sum(axis=1), 1.0)
        first = reached.reshape(len(E), children).argmax(axis=1) + children * np.arange(len(E))
        better = reached[first] >= height
        E, draw = np.where(better, tried[0][first], E), np.where(better, tried[2][first], draw)
        C, height = np.where(better[:, None], tried[1][first], C), np.where(better, reached[first], height)
    yield None


def _varied(E: Array, C: Array, draw: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """One change to each question: a cap moved, doubled, halved or made equal to another, the loss, or the draw."""
    rows, n = C.shape
    C, at, kind = C.copy(), np.arange(rows), rng.integers(0, 7, rows)
    one, other = rng.integers(0, n, rows), rng.integers(0, n, rows)
    own, step = C[at, one], rng.integers(1, 4, rows) * rng.choice([-1.0, 1.0], rows)
    new = np.select(
        [kind == 0, kind == 1, kind == 2, kind == 3],
        [own + step, 2 * own, np.ceil(own / 2), C[at, other]], own,
    )  # fmt: skip
    C[at, one] = np.clip(new, 1.0, _LARGEST)
    total = C.sum(axis=1)
    moved = np.where(kind == 4, E + step / 2, np.where(kind == 5, np.rint(2 * rng.random(rows) * total) / 2, E))
    return np.clip(moved, 0.5, total), C, np.where(kind == 6, rng.integers(0, 16, rows) / 16, draw)


def smaller(loss: float, caps: Array, payers: int) -> Iterator[tuple[float, Array]]:
    """Questions one step smaller: a payer less, everything halved, a cap or the loss down by one or to a whole."""
    if len(caps) > payers:
        for k in range(len(caps)):
            rest = np.delete(caps, k)
            yield min(loss, float(rest.sum())), rest
    if caps.max(initial=0.0) > 3:
        yield float(np.floor(loss / 2)), np.floor(caps / 2)
    for k in np.flatnonzero(caps >= 1).tolist():
        less = caps.copy()
        less[k] -= 1
        if loss <= less.sum():
            yield loss, less
        if loss >= 1:
            yield min(loss - 1, float(less.sum())), less
    if loss >= 1:
        yield loss - 1, caps
    if loss != round(loss):
        yield float(np.floor(loss)), caps
