"""One question: divide this loss among these payers, none above its cap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array, number, one_currency, payer_table, vector

# Half of the smallest floats is zero: a loss this small cannot be shared, nor its price be told from nothing.
_FAINT = 1e-290

STATUSES = ("published", "derived", "synthetic", "unverified")


def _statuses(status: Any) -> dict[str, str]:
    if status is not None and not isinstance(status, Mapping):
        raise DataError(f"status is {status!r}; give a mapping from column to one of {list(STATUSES)}")
    for column, word in (status or {}).items():
        if word not in STATUSES:
            raise DataError(f"column {column!r} has status {word!r}; expected one of {list(STATUSES)}")
    return dict(status or {})


class LossProblem:
    r"""Divide a loss among payers, none of whom pays more than its cap.

    .. math:: P(L, c) = \{x : \textstyle\sum_i x_i = \min(L, \sum_i c_i),\ 0 \le x_i \le c_i\}

    :math:`L` is the loss (a number, in ``currency``), :math:`c_i` the cap of payer :math:`i` (one entry per payer,
    same currency, ``inf`` allowed). What the caps cannot bear is the residual of the answer, never an error. The
    table is copied, so the caller's frame is never written to, and every property hands out a copy.

    Parameters
    ----------
    loss : amount to be borne, finite and >= 0.
    payers : DataFrame with one row per payer, indexed by payer id; its columns are named quantities.
    cap : column name, Series by payer id, one entry per payer, one number for all, or None for no cap.
    currency : the one currency of all amounts; a ``currency`` column in the table must agree with it.
    status : column name -> ``published``, ``derived``, ``synthetic`` or ``unverified``; carried onto every page.

    Raises
    ------
    DataError : NaN, negative, duplicate id, unknown column, text where a number belongs, mixed currencies.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"default_fund": [60.0, 40.0]}, index=["Bank A", "Bank B"])
    >>> problem = LossProblem(loss=50, payers=table, cap="default_fund", currency="EUR")
    >>> problem.capacity, problem.exhausted
    (100.0, False)
    """

    __slots__ = ("_about", "_cap", "_caps", "_currency", "_loss", "_payers", "_status")

    def __init__(
        self,
        loss: float,
        payers: pd.DataFrame,
        cap: str | pd.Series[Any] | Sequence[float] | Array | float | None = None,
        currency: str = "",
        *,
        status: Mapping[str, str] | None = None,
        about: str = "",
    ) -> None:
        self._loss = number(loss, "the loss")
        if 0 < self._loss < _FAINT:
            raise DataError(f"the loss is {self._loss:g}, too close to zero to be divided; state it in a smaller unit")
        self._payers = payer_table(payers)
        self._currency = one_currency(self._payers, currency)
        self._status = _statuses(status)
        self._about = about
        self._cap = cap
        if cap is None:
            caps = np.full(len(self._payers), np.inf)
            caps.flags.writeable = False
            self._caps = caps
        elif isinstance(cap, str):
            self._caps = vector(self._series(cap), self._payers.index, f"cap (column {cap!r})", finite=False)
        else:
            self._caps = vector(cap, self._payers.index, "cap", finite=False)
            # Kept by payer and apart from the caller's array, so that replace() finds what was stated.
            self._cap = pd.Series(self._caps.copy(), index=self._payers.index, name=getattr(cap, "name", None))

    def __reduce__(self) -> tuple[Any, ...]:
        made = partial(LossProblem, status=self._status, about=self._about)
        return made, (self._loss, self._payers, self._cap, self._currency)

    @property
    def loss(self) -> float:
        """The amount to be borne."""
        return self._loss

    @property
    def currency(self) -> str:
        """The one currency of all amounts, or '' when none was named."""
        return self._currency

    @property
    def payers(self) -> pd.DataFrame:
        """The table of payers, a copy."""
        return self._payers.copy()

    @property
    def ids(self) -> pd.Index:
        """Payer ids, in the order of the table."""
        return self._payers.index.copy()

    @property
    def n(self) -> int:
        """How many payers there are; none is an ordinary question."""
        return len(self._payers)

    @property
    def caps(self) -> Array:
        """The most each payer can be made to bear; one entry per payer, read-only."""
        return self._caps

    @property
    def cap_name(self) -> str:
        """What the caps are, in a word or two, for pages and messages."""
        if self._cap is None:
            return "no cap"
        return self._cap if isinstance(self._cap, str) else "stated caps"

    @property
    def status(self) -> dict[str, str]:
        """Column -> where its figures come from (published, derived, synthetic, unverified)."""
        return dict(self._status)

    @property
    def about(self) -> str:
        """One line on where the question comes from."""
        return self._about

    @property
    def capacity(self) -> float:
        """The sum of the caps, in currency; ``inf`` as soon as one payer has no cap."""
        return float(self._caps.sum())

    @property
    def exhausted(self) -> bool:
        """Whether the loss exceeds what all payers together can bear; decided by arithmetic, never by a solver."""
        return self._loss > self.capacity

    def _series(self, name: str) -> pd.Series[Any]:
        if name not in self._payers.columns:
            raise unknown("column of the payers' table", name, [str(c) for c in self._payers.columns])
        return self._payers[name]

    def column(self, name: str, *, low: float = 0.0, finite: bool = True) -> Array:
        """One named quantity as numbers, one entry per payer; ``low=-inf`` lets signed quantities through."""
        return vector(self._series(name), self._payers.index, f"column {name!r}", low=low, finite=finite)

    def labels(self, name: str) -> pd.Series[Any]:
        """One named column as it stands (group labels, roles), a copy."""
        return self._series(name).copy()

    def replace(self, **changes: Any) -> LossProblem:
        """The same question with something changed: ``problem.replace(loss=2e6)``."""
        facts: dict[str, Any] = {
            "loss": self._loss, "payers": self._payers, "cap": self._cap, "currency": self._currency,
            "status": self._status, "about": self._about,
        }  # fmt: skip
        stray = [name for name in changes if name not in facts]
        if stray:
            raise unknown("part of a LossProblem", stray[0], facts)
        return LossProblem(**(facts | changes))

    def __repr__(self) -> str:
        capacity = "no limit" if np.isinf(self.capacity) else f"{self.capacity:,.2f}"
        return f"LossProblem(loss {self._loss:,.2f} {self._currency}, {self.n} payers, capacity {capacity})"
