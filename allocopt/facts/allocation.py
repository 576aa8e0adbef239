"""The answer with its evidence: who pays what, at which price, and why it stands."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from allocopt.errors import CertificateError, DataError
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array, vector
from allocopt.facts.problem import LossProblem
from allocopt.facts.rounding import largest_remainder
from allocopt.facts.travelling import parts

if TYPE_CHECKING:
    from rich.table import Table

_SHOWN = 20  # payers that a table on a screen names


class Rule(Protocol):
    """What an Allocation needs to know of the scheme that made it."""

    @property
    def name(self) -> str:
        """The rule's published name."""

    def reason(self, allocation: Allocation, payer: Any) -> str:
        """Why this payer pays this much, in a sentence."""


@dataclass(frozen=True, eq=False, repr=False)
class Allocation:
    """Shares of a loss, what nobody could bear, the prices, and a certificate.

    ``paid`` holds one share per payer, in the problem's currency, in the order of its table. ``price`` is the price of
    the loss, d(optimal cost)/d(loss). ``duals`` maps each named constraint to its price, a number or one per payer.
    ``method`` says how the answer was found and ``notes`` what a reader must know (a rule used as a key, a fallback).
    """

    problem: LossProblem
    paid: Array
    residual: float
    price: float
    duals: Mapping[str, Any]
    method: str
    scheme: Rule
    evidence: Callable[[Allocation], Certificate]
    notes: tuple[str, ...] = ()
    extras: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        paid = np.array(self.paid, dtype=np.float64)
        paid.flags.writeable = False
        object.__setattr__(self, "paid", paid)
        object.__setattr__(self, "duals", MappingProxyType(dict(self.duals)))
        object.__setattr__(self, "extras", MappingProxyType(dict(self.extras)))

    def __reduce__(self) -> tuple[Any, ...]:
        return parts(self)

    @property
    def shares(self) -> pd.Series[float]:
        """What each payer bears, in currency, by payer id; a copy."""
        return pd.Series(self.paid.copy(), index=self.problem.ids, name=self.scheme.name)

    @property
    def fractions(self) -> pd.Series[float]:
        """Each payer's share of what is covered; zeros when nothing is."""
        covered = float(self.paid.sum())
        return self.shares / covered if covered > 0 else self.shares * 0.0

    def burden(self, by: str | pd.Series[Any] | Array) -> pd.Series[float]:
        """The loss rate: share per unit of a column; with none of it the rate is 0 for who pays nothing, else inf."""
        base = self.problem.column(by) if isinstance(by, str) else vector(by, self.problem.ids, "by")
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.where(base > 0, self.paid / base, np.where(self.paid == 0, 0.0, np.copysign(np.inf, self.paid)))
        return pd.Series(rate, index=self.problem.ids, name=by if isinstance(by, str) else "burden")

    def rounded(self, decimals: int = 2) -> pd.Series[float]:
        """Shares to whole cents (``decimals=2``) by largest remainders: they add up, and no cap is broken."""
        cut = largest_remainder(self.paid, self.problem.caps, decimals)
        return pd.Series(cut, index=self.problem.ids, name=self.scheme.name)

    @cached_property
    def certificate(self) -> Certificate:
        """Evidence for the answer, computed when first asked for."""
        return self.evidence(self)

    def verify(self, tol: float = 1e-6) -> Allocation:
        """Return the allocation if its certificate holds; raise CertificateError if it does not."""
        certificate = self.certificate
        if not certificate.holds(tol):
            raise CertificateError(
                f"{self.scheme.name}: the answer does not stand ({certificate}; allowed {tol:.0e}); "
                "solve it again with by='program' or tighter tolerances"
            )
        return self

    def explain(self, payer: Any) -> str:
        """Why this payer pays this much, in words a member can check by hand."""
        if not isinstance(payer, Hashable) or payer not in self.problem.ids:
            raise DataError(f"no payer is called {payer!r}; payers: {', '.join(map(repr, self.problem.ids[:8]))} ...")
        return self.scheme.reason(self, payer)

    def __repr__(self) -> str:
        p = self.problem
        left = f", residual {self.residual:,.2f}" if self.residual > 0 else ""
        return (
            f"Allocation({self.scheme.name}: {self.paid.sum():,.2f} {p.currency} over {p.n} payers{left}, "
            f"price {self.price:.6g}, {self.method})"
        )

    def __rich__(self) -> Table:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        heaviest = self.shares.sort_values(ascending=False, kind="stable")
        named = heaviest.iloc[: len(heaviest) if len(heaviest) <= _SHOWN + 1 else _SHOWN]
        rest, covered = heaviest.iloc[len(named) :], float(self.paid.sum())
        lines = [(str(payer), float(share)) for payer, share in named.items()]
        lines += [(f"the other {len(rest)}", float(rest.sum()))] if len(rest) else []
        table = Table(caption=Text(repr(self)), caption_justify="left", box=SIMPLE_HEAD, pad_edge=False)
        for head in ("payer", f"share {self.problem.currency}".strip(), "fraction"):
            table.add_column(Text(head), justify="left" if head == "payer" else "right", overflow="fold")
        for name, share in lines:
            table.add_row(Text(name), _money(share, covered), f"{share / covered if covered > 0 else 0.0:.2%}")
        return table

    def _repr_html_(self) -> str:
        from html import escape

        frame, covered = pd.DataFrame({"share": self.shares, "fraction": self.fractions}), float(self.paid.sum())
        printed = {"share": lambda share: _money(share, covered), "fraction": "{:.2%}".format}
        return f"<p>{escape(repr(self))}</p>" + frame.to_html(formatters=printed, max_rows=_SHOWN)


def _money(amount: float, total: float) -> str:
    """Cents where the whole is money; six figures where it is smaller than one unit of it."""
    return f"{amount:,.2f}" if total >= 1 else f"{amount:.6g}"
