"""Axioms as hunts: each looks for a question on which a rule breaks it, and hands over the smallest it found."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.errors import AllocOptError, DataError, unknown
from allocopt.facts.problem import LossProblem
from allocopt.judgement.axiom_list import AXIOMS, Axiom, Divide
from allocopt.schemes import Scheme, resolve

Array = NDArray[np.float64]

# Rules are computed in floats on caps of order ten: 1e-7 is far above their rounding and far below any real breach.
BREACH = 1e-7
_DRAWS = np.array([0.0, 1 / 16, 5 / 16, 1 / 2, 11 / 16, 15 / 16])


@dataclass(frozen=True)
class Witness:
    """A question, in small whole numbers, on which a rule breaks an axiom, and by how much.

    ``draw`` (printed as t when it is not zero) settles what the axiom leaves open: the part that is moved or revealed
    first, and the payer it is about.
    """

    axiom: str
    loss: float
    caps: tuple[float, ...]
    draw: float
    breach: float
    shares: tuple[float, ...]

    def recheck(self, scheme: str | Scheme) -> float:
        """The breach, worked out again."""
        E, C, draw = np.array([self.loss]), np.array([self.caps]), np.array([self.draw])
        return float(AXIOMS[self.axiom].breach(divider(resolve(scheme)), E, C, draw)[0])

    def __str__(self) -> str:
        shares = ", ".join(_fraction(s) for s in self.shares)
        caps = ", ".join(f"{c:g}" for c in self.caps)
        choice = f", t {_fraction(self.draw)}" if self.draw else ""
        return f"loss {self.loss:g}, caps ({caps}){choice}, shares ({shares}): off by {_fraction(self.breach)}"


def _fraction(value: float) -> str:
    """A small fraction when the number is one, else six digits: what a reader can check by hand."""
    near = Fraction(value).limit_denominator(2520)
    return str(near) if abs(float(near) - value) < 1e-10 else f"{value:.6g}"


@dataclass(frozen=True)
class Finding:
    """What a hunt brought home: a witness, or how many questions were tried in vain."""

    axiom: str
    tried: int
    witness: Witness | None = None

    @property
    def holds(self) -> bool:
        """Whether nothing was found; a failed hunt is no proof."""
        return self.witness is None

    def __str__(self) -> str:
        return f"holds ({self.tried:,} tried)" if self.witness is None else f"broken: {self.witness}"


def divider(scheme: Scheme) -> Divide:
    """The rule as a function of losses (S,) and caps (S, n); a loss above the caps is cut to them."""
    batched = _batched(scheme)

    def divide(E: Array, C: Array) -> Array:
        C = np.maximum(C, 0.0)
        E = np.clip(E, 0.0, C.sum(axis=1))
        if batched:
            return scheme.batch(E, None, C)
        ids = pd.RangeIndex(C.shape[1])
        rows = zip(E.tolist(), C, strict=True)
        return np.array([scheme.allocate(LossProblem(e, pd.DataFrame(index=ids), c)).paid for e, c in rows])

    return divide


def _batched(scheme: Scheme) -> bool:
    try:
        scheme.batch(np.array([1.0]), None, np.array([[1.0, 2.0]]))
    except AllocOptError:
        return False
    return True


def check_axioms(
    scheme: str | Scheme,
    axioms: Iterable[str] | None = None,
    tries: int | None = None,
    seed: int = 0,
    **parameters: Any,
) -> Mapping[str, Finding]:
    """Hunt for a counterexample to every axiom (or those named): first small grids, then random questions.

    The rule must divide by the caps alone. ``tries`` is the number of random questions for each axiom (2,000 for rules
    with a batch form, 150 for the others). A counterexample is shrunk to the smallest whole numbers that still break
    the axiom, and anyone can work it out again by hand or with :meth:`Witness.recheck`.

    >>> found = check_axioms("constrained-equal-losses", ["equal treatment", "no gain from splitting"])
    >>> found["equal treatment"].holds, str(found["no gain from splitting"])
    (True, 'broken: loss 1, caps (1, 1, 1), shares (1/3, 1/3, 1/3): off by 1/3')
    """
    rule = resolve(scheme, **parameters)
    divide = divider(rule)
    refusal = _refusal(rule)
    if refusal:
        raise DataError(
            f"axioms speak of rules that divide by the caps alone, and {rule.title} asks for more: {refusal}"
        )
    quick = _batched(rule)
    chosen = list(AXIOMS) if axioms is None else list(axioms)
    out = {}
    for name in chosen:
        if name not in AXIOMS:
            raise unknown("axiom", name, AXIOMS)
        out[name] = _hunt(AXIOMS[name], divide, tries if tries is not None else 2000 if quick else 150, seed, quick)
    return out


def divides_by_caps_alone(rule: Scheme) -> bool:
    """Whether a rule answers a question that holds nothing but a loss and caps."""
    return not _refusal(rule)


def _refusal(rule: Scheme) -> str:
    if getattr(rule, "key", None) is not None:
        return "it has a key of its own"
    try:
        rule.allocate(LossProblem(1.0, pd.DataFrame(index=["A", "B"]), cap=[1.0, 2.0]))
    except AllocOptError as fault:
        return str(fault)
    return ""


def _hunt(axiom: Axiom, divide: Divide, tries: int, seed: int, quick: bool) -> Finding:
    tried = 0
    for E, C, draw in _questions(axiom.payers, tries, seed, quick):
        breach = axiom.breach(divide, E, C, draw)
        tried += len(E)
        limit = BREACH * np.maximum(1.0, E)
        if (breach > limit).any():
            worst = int(np.argmax(breach - limit))
            return Finding(axiom.name, tried, _shrunk(axiom, divide, E[worst], C[worst], draw[worst]))
    return Finding(axiom.name, tried)


def _questions(payers: int, tries: int, seed: int, quick: bool) -> Iterator[tuple[Array, Array, Array]]:
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


def _shrunk(axiom: Axiom, divide: Divide, E: float, C: Array, draw: float) -> Witness:
    """Take steps towards smaller numbers and fewer payers while the axiom stays broken."""
    best = (float(E), C.copy(), float(draw))
    while True:
        for loss_, caps_ in _smaller(best[0], best[1], axiom.payers):
            question = np.array([loss_]), caps_[None, :], np.array([best[2]])
            if axiom.breach(divide, *question)[0] > BREACH * max(1.0, loss_):
                best = (loss_, caps_, best[2])
                break
        else:
            break
    loss, caps, draw = best
    breach = float(axiom.breach(divide, np.array([loss]), caps[None, :], np.array([draw]))[0])
    shares = divide(np.array([loss]), caps[None, :])[0]
    return Witness(axiom.name, loss, tuple(caps.tolist()), draw, breach, tuple(shares.tolist()))


def _smaller(loss: float, caps: Array, payers: int) -> Iterator[tuple[float, Array]]:
    if len(caps) > payers:
        for k in range(len(caps)):
            rest = np.delete(caps, k)
            yield min(loss, float(rest.sum())), rest
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
