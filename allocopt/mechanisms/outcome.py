"""What a mechanism hands back: amounts that add up, and evidence that anyone can recompute."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from pandas.errors import InvalidIndexError

from allocopt.errors import CertificateError, DataError, unknown
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import LARGEST, Array, number, vector

FAINT = 1e-290  # the quotient of two amounts must stay within the range of floats


class Outcome(ABC):
    """A frozen answer of a mechanism with a certificate; its arrays are read-only."""

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    @property
    @abstractmethod
    def certificate(self) -> Certificate:
        """How far the answer is from what defines it, relative to the amount at stake."""

    def verify(self, tol: float = 1e-6) -> Self:
        """Return the answer if its certificate holds; raise CertificateError if it does not."""
        if not self.certificate.holds(tol):
            raise CertificateError(
                f"{type(self).__name__}: the answer does not stand ({self.certificate}; allowed {tol:.0e})"
            )
        return self


def worst_of(certificates: Iterable[Certificate], kind: str, statement: str) -> Certificate:
    """One certificate for several: the largest of each residual (NaN when one is unknown)."""
    rows = [(c.primal, c.dual, c.gap) for c in certificates] or [(0.0, 0.0, 0.0)]
    primal, dual, gap = (float(value) for value in np.max(np.array(rows), axis=0))
    return Certificate(primal, dual, gap, kind, statement)


def named(payer: Any, ids: pd.Index, kind: str = "payer") -> int:
    """The position of a payer; one that is not there is named with its neighbours."""
    try:
        at = ids.get_loc(payer)
    except (KeyError, TypeError, InvalidIndexError):
        raise unknown(kind, payer, map(str, ids[:20])) from None
    if not isinstance(at, int):
        raise unknown(kind, payer, map(str, ids[:20]))
    return at


def chosen(value: Any, what: str, among: Sequence[str]) -> str:
    """A word from a list."""
    if value not in among:
        raise unknown(what, value, among)
    return str(value)


def stake(value: Any, what: str) -> float:
    """An amount to be divided: a finite number >= 0, and not so close to zero that ratios of it overflow."""
    out = number(value, what)
    if 0 < out < FAINT:
        raise DataError(f"{what} is {out:g}, too close to zero to be divided; state it in a smaller unit")
    return out


def stakes(values: Any, labels: pd.Index, what: str) -> Array:
    """The same for one amount per label."""
    out = vector(values, labels, what)
    faint = labels[(out > 0) & (out < FAINT)]
    if len(faint):
        raise DataError(f"{what}: {faint[0]!r} is too close to zero to be divided; state amounts in a smaller unit")
    return out


def once_each(labels: pd.Index, what: str, kind: str) -> None:
    """Refuse labels that occur twice."""
    if not labels.is_unique:
        twice = labels[labels.duplicated()].tolist()[0]
        raise DataError(f"{what}: {kind} {twice!r} occurs more than once; keep one of each")


def amount_table(frame: Any, what: str, rows: str, columns: str, *, low: float = 0.0) -> tuple[Array, pd.DataFrame]:
    """A table of amounts, checked: the figures (read-only) and the frame with its labels."""
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"{what} is a {type(frame).__name__}; give a DataFrame, {rows}s x {columns}s")
    for labels, word in ((frame.index, rows), (frame.columns, columns)):
        once_each(labels, what, word)
        absent = labels.to_frame().isna().to_numpy().any() if isinstance(labels, pd.MultiIndex) else labels.hasnans
        if absent:
            raise DataError(f"{what}: one {word} has no name (NaN); name every {word}")
    raw = frame.to_numpy()
    if raw.dtype == np.float64 and raw.size and raw.min() >= low and np.abs(raw).max() <= LARGEST:
        figures = raw.copy()  # nothing to find fault with: a NaN fails both comparisons
        figures.flags.writeable = False
        return figures, frame
    cells = pd.MultiIndex.from_product([list(frame.index), list(frame.columns)])
    return vector(raw.ravel(), cells, what, low=low).reshape(frame.shape), frame


def unit_of(currency: str) -> str:
    """The currency with a blank behind it, or nothing."""
    if not isinstance(currency, str):
        raise DataError(f"currency is {currency!r}; give a code such as 'EUR', or '' when the amounts have none")
    return f"{currency} ".lstrip()
