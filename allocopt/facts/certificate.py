"""Evidence that anyone can recompute without the solver that found the answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Certificate:
    """How far an answer is from feasible, from stationary and from optimal, each relative to the loss.

    ``primal`` is the largest violation of budget, caps and named constraints. ``dual`` is the largest distance between
    a share and what its payer supplies at the stated prices (for rules that are no convex program: the largest breach
    of an identity the rule must satisfy). ``gap`` is the difference between the cost of the answer and the bound its
    prices prove (for sampled rules: the largest standard error). ``kind`` says which of these readings applies and
    ``statement`` says it in a sentence. A residual that could not be computed is NaN, and then nothing holds.

    >>> Certificate(primal=1e-12, dual=0.0, gap=2e-9, kind="one price").holds()
    True
    >>> Certificate(primal=1e-12, dual=math.nan, gap=0.0, kind="one price").holds()
    False
    """

    primal: float
    dual: float
    gap: float
    kind: str
    statement: str = ""
    details: Mapping[str, float] = field(default_factory=dict)

    @property
    def worst(self) -> float:
        """The largest of the three residuals; NaN when one is unknown."""
        residuals = (self.primal, self.dual, self.gap)
        return math.nan if any(math.isnan(r) for r in residuals) else max(residuals)

    def holds(self, tol: float = 1e-6) -> bool:
        """Whether every residual is known and at most ``tol`` (a fraction of the loss)."""
        return self.worst <= tol

    def __str__(self) -> str:
        return f"{self.kind}: primal {self.primal:.1e}, dual {self.dual:.1e}, gap {self.gap:.1e} of the loss"
