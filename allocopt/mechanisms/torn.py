"""The answer to a tear-up: what is closed with whom, what cannot be closed, the marginal cost, and why it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array
from allocopt.mechanisms.outcome import Outcome, named

_EXPLAINED = {
    "pro-rata": "closed in proportion to the opposite positions",
    "linear": "closed where it costs least, equal costs in proportion to the positions",
    "quadratic": "closed so that the survivors' books are disturbed least, by their size",
    "leverage": "closed so that least risk is left per unit of equity",
    "lots": "closed in whole lots, as near to the pro-rata quantities as lots allow",
}


@dataclass(frozen=True, eq=False, repr=False)
class TearUp(Outcome):
    """Quantities closed, by survivor and contract; amounts in units of each contract."""

    ids: pd.Index
    contracts: pd.Index | None
    wanted: Array
    held: Array
    torn: Array
    marginal: Array
    method: str
    found_by: str
    proof: Certificate
    notes: tuple[str, ...] = field(default=())

    def _shaped(self, values: Array, name: str) -> Any:
        if self.contracts is None:
            return pd.Series(values[:, 0].copy(), index=self.ids, name=name)
        return pd.DataFrame(values.copy(), index=self.ids, columns=self.contracts)

    def _by_contract(self, values: Array, name: str) -> Any:
        return float(values[0]) if self.contracts is None else pd.Series(values.copy(), index=self.contracts, name=name)

    @property
    def closed(self) -> Any:
        """What is closed with each survivor: a Series, or survivors x contracts."""
        return self._shaped(self.torn, "closed")

    @property
    def left(self) -> Any:
        """What each survivor keeps of the positions it had on the other side."""
        return self._shaped(self.held - self.torn, "left")

    @property
    def residual(self) -> Any:
        """What could not be closed: a number, or by contract. A result, never an error."""
        return self._by_contract(self.open, "residual")

    @property
    def price(self) -> Any:
        """The marginal cost of closing one more unit, in the units of the method's cost; NaN where there is none."""
        return self._by_contract(self.marginal, "price")

    @property
    def open(self) -> Array:
        """What could not be closed, one entry per contract; what is only rounding is zero."""
        rest = self.wanted - self.torn.sum(axis=0)
        return np.where(rest <= 1e-12 * self.wanted, 0.0, rest)

    @property
    def certificate(self) -> Certificate:
        """Evidence for the answer, relative to the quantity to be closed."""
        return self.proof

    def explain(self, survivor: Any) -> str:
        """What is closed with this survivor and by which rule."""
        at = named(survivor, self.ids, "survivor")
        lines = []
        for k, contract in enumerate([""] if self.contracts is None else self.contracts):
            of = f" of {contract}" if self.contracts is not None else ""
            lines.append(
                f"{survivor} closes {self.torn[at, k]:,.6g}{of}, {_EXPLAINED[self.method]}: it holds "
                f"{self.held[at, k]:,.6g} of {self.held[:, k].sum():,.6g} on the other side of {self.wanted[k]:,.6g}."
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        what = "1 contract" if self.contracts is None else f"{len(self.contracts)} contracts"
        left = f", {self.open.sum():,.6g} left open" if self.open.any() else ""
        return (
            f"TearUp({self.method}: {self.torn.sum():,.6g} of {self.wanted.sum():,.6g} in {what} over {len(self.ids)} "
            f"survivors{left}, {self.found_by})"
        )


def box_certificate(Q: Array, q: Array, t: Array, slope: Array, price: Array, statement: str) -> Certificate:
    r"""Judge a division of quantities within boxes by the slopes of its convex cost, whoever found it.

    With reduced slopes :math:`g_{ik} = \partial \rho / \partial t_{ik} - p_k`, convexity bounds the cost of any other
    division from below by the cost of this one less :math:`\sum g^+ t + g^- (q - t)`; that sum is the gap, relative to
    the size of the slopes times the quantity. Dual: how far a step against the reduced slopes leads within the box,
    quantities in units of the whole and slopes of the largest.
    """
    target = np.minimum(Q, q.sum(axis=0))
    unit = np.where(Q > 0, Q, 1.0)
    off = np.abs(t.sum(axis=0) - target) / unit
    primal = max(off.max(initial=0.0), ((t - q) / unit).max(initial=0.0), (-t / unit).max(initial=0.0))
    some = (q > 0) & (target > 0) & (target < q.sum(axis=0))  # where all or nothing is closed there is no choice
    g = np.where(some, slope - price, 0.0)
    size = max(float(np.abs(np.where(some, slope, 0.0)).max(initial=0.0)), float(np.abs(price).max(initial=0.0))) or 1.0
    waste = np.maximum(g, 0.0) * t + np.maximum(-g, 0.0) * (q - t)
    step = np.abs(t / unit - np.clip(t / unit - g / size, 0.0, q / unit))
    gap = float((waste / unit).sum()) / size
    return Certificate(float(primal), float(step.max(initial=0.0)), gap, "tear-up", statement)
