"""What an axiom is: a demand in a sentence, and the function that measures by how much a rule misses it.

In the burden reading the loss is the estate and the caps are the claims: ``R(E, C)`` takes losses (S,) and caps (S, n)
and returns shares (S, n). An axiom is a function ``(R, E, C, draw) -> breach`` whose result (S,) says by how much each
question breaks it, in currency; a number below zero says how far the question is from breaking it. ``draw`` holds one
number in [0, 1) per row, from which it takes whatever else it needs to choose (a fraction, a payer). The same lines
serve floats and fractions (arrays of dtype ``object``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # of floats, or of fractions
Divide = Callable[[Array, Array], Array]
Breach = Callable[[Divide, Array, Array, Array], Array]


@dataclass(frozen=True)
class Axiom:
    """A named demand, in a sentence, with the function that measures its breach."""

    name: str
    sentence: str
    breach: Breach
    payers: int = 2  # the fewest payers it speaks of
    loss: Callable[[Array], Array] | None = None  # the loss it speaks of, where the caps decide it


@dataclass(frozen=True)
class Finding:
    """What a hunt brought home: a witness, or how many questions were tried in vain.

    ``witness`` is a :class:`~allocopt.judgement.axioms.Witness`, for risk capital a
    :class:`~allocopt.judgement.risk_axioms.RiskWitness`. ``discarded`` counts questions on which the axiom seemed
    broken in floats and is not in exact arithmetic.
    """

    axiom: str
    tried: int
    witness: Any = None
    discarded: int = 0

    @property
    def holds(self) -> bool:
        """Whether nothing was found; a failed hunt is no proof."""
        return self.witness is None

    def __str__(self) -> str:
        return f"holds ({self.tried:,} tried)" if self.witness is None else f"broken: {self.witness}"


AXIOMS: dict[str, Axiom] = {}


def axiom(sentence: str, payers: int = 2, loss: Callable[[Array], Array] | None = None) -> Callable[[Breach], Breach]:
    """Register a function as the axiom of its name."""

    def register(function: Breach) -> Breach:
        name = function.__name__.replace("_", " ")
        AXIOMS[name] = Axiom(name, sentence, function, payers, loss)
        return function

    return register


def pick(draw: Array, n: int) -> NDArray[np.intp]:
    """One of n columns per row."""
    return np.minimum((draw * n).astype(np.intp), n - 1)


def again(draw: Array) -> Array:
    """A second number that the first does not tell, so that one draw serves for two choices."""
    return np.asarray((draw * 9973.0) % 1.0)


def at(values: Array, column: NDArray[np.intp]) -> Array:
    """The entry of one column per row."""
    return np.asarray(np.take_along_axis(values, column[:, None], axis=1)[:, 0])


def replaced(values: Array, column: NDArray[np.intp], new: Array) -> Array:
    """A copy with one entry per row exchanged."""
    out = values.copy()
    np.put_along_axis(out, column[:, None], new[:, None], axis=1)
    return out


def without(values: Array, column: NDArray[np.intp]) -> Array:
    """A copy with one entry per row left out."""
    keep = np.arange(values.shape[1])[None, :] != column[:, None]
    return np.asarray(values[keep].reshape(len(values), -1))


def worst(values: Array) -> Array:
    """The largest entry of every row."""
    return np.asarray(values.max(axis=1))


def raised(C: Array, draw: Array) -> tuple[NDArray[np.intp], Array, Array]:
    """One payer's cap grows, by up to the mean cap."""
    payer = pick(draw, C.shape[1])
    more = np.ceil(again(draw) * 8) / 8 * np.maximum(C.sum(axis=1) / C.shape[1], 0.5)
    return payer, more, replaced(C, payer, at(C, payer) + more)
