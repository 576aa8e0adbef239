"""Shares in whole lots: as much of the loss as lots can bear, then as near to pro rata as they come."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.maths import lots
from allocopt.maths.program import Program
from allocopt.schemes.base import Scheme
from allocopt.schemes.keys import key_name, key_values
from allocopt.schemes.pro_rata import ProRata


@dataclass(frozen=True, eq=False, kw_only=True)
class Lots(Scheme):
    r"""Every share is a whole number of its payer's lots; what lots cannot make up stays as the residual.

    .. math:: \max_k \sum_i \delta_i k_i,\ \text{then}\ \min_k \sum_i |\delta_i k_i - f_i| \quad\text{s.t.}\quad
       \sum_i \delta_i k_i \le L,\ 0 \le \delta_i k_i \le c_i,\ k_i \in \mathbb{Z}

    :math:`\delta_i > 0` is the lot of payer :math:`i` and :math:`f_i` its pro-rata share by the ``key`` (the caps
    unless named), all in the unit of the loss: contracts, as a rule. With lots of one size largest remainders solve it
    exactly in fractions (equal remainders go to the earlier payer); otherwise it is a **mixed-integer program** solved
    by HiGHS, whose bound is the gap of the certificate. ``program`` is its continuous relaxation, pro rata, which no
    division in lots can beat; the prices of an integer program are not defined (NaN).

    Raises ``DataError`` for a lot of zero, lots without a countable common measure, or no key and an infinite cap.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"contracts": [4.0, 4.0, 4.0], "lot": [2.0, 2.0, 3.0]}, index=["A", "B", "C"])
    >>> answer = Lots(lot="lot").allocate(LossProblem(7.5, table, cap="contracts"))
    >>> answer.shares.to_list(), answer.residual, answer.certificate.gap
    ([2.0, 2.0, 3.0], 0.5, 0.0)
    """

    name = "lots"
    aliases = ("integer-pro-rata",)
    formula = r"x_i = \delta_i k_i,\ k_i = 0, 1, 2, \dots"
    objective = r"\sum_i |\delta_i k_i - f_i|"
    source = "Largest remainders: Balinski and Young (1982), Fair Representation; the program is this package's"
    letters: ClassVar[Mapping[str, str]] = {
        r"\delta_i": "lot of payer i", "k_i": "whole lots that payer i bears", "f_i": "share of payer i pro rata",
    }  # fmt: skip

    lot: Any = field(metadata={"help": "column, one number for all, or one figure per payer, above zero"})
    key: Any = field(default=None, metadata={"help": "column, blend, or one figure per payer; the caps"})

    def closed_form(self, problem: LossProblem) -> Allocation | None:
        """Largest remainders for lots of one size; None when lots differ and an integer program is needed."""
        lot = self._lots(problem)
        if len(lot) and (lot != lot[0]).any():
            return None
        fair, cap = self._fair(problem)
        paid = np.zeros(0)
        if len(lot):
            paid = lots.one_size(problem.loss, cap, float(lot[0]), None if self.key is None else fair)
        return self._answer(problem, lot, fair, paid, 0.0, "largest remainders")

    def solve(self, problem: LossProblem, solvers: tuple[str, ...] | None = None) -> Allocation:
        """The mixed-integer program, whatever the lots; HiGHS is the solver."""
        lot = self._lots(problem)
        fair, cap = self._fair(problem)
        if not len(lot):
            return self._answer(problem, lot, fair, np.zeros(0), 0.0, "integer program (no payers)")
        paid, gap = lots.mixed(problem.loss, cap, lot, fair)
        return self._answer(problem, lot, fair, paid, gap, "integer program (HiGHS)")

    def program(self, problem: LossProblem) -> Program:
        """The continuous relaxation: the program of pro rata."""
        return ProRata(key=self.key).program(problem)

    @property
    def title(self) -> str:
        """The label, or the name with the key."""
        return self.label or (self.name if self.key is None else f"{self.name} by {key_name(self.key, '')}")

    def _lots(self, problem: LossProblem) -> Array:
        lot = key_values(self.lot, problem, np.ones(problem.n), "lot")
        if (lot == 0).any():
            raise DataError(f"lot: payer {problem.ids[int(np.argmin(lot))]!r} has a lot of zero; a lot is above zero")
        return lot

    def _fair(self, problem: LossProblem) -> tuple[Array, Array]:
        """Pro-rata shares, and the most each payer can be asked in all."""
        fair = ProRata(key=self.key).allocate(problem).paid
        key = key_values(self.key, problem, problem.caps)
        return fair, np.where(key > 0, np.minimum(problem.caps, problem.loss if self.key is not None else np.inf), 0.0)

    def _answer(
        self, problem: LossProblem, lot: Array, fair: Array, paid: Array, gap: float, method: str
    ) -> Allocation:
        paid = np.minimum(paid, problem.caps)  # a lot that the last bits of a cap fall short of
        rest = problem.loss - float(paid.sum())
        residual = 0.0 if rest <= 1e-12 * problem.loss else rest
        notes = (f"{residual:,.6g} cannot be made up of lots",) if residual and not problem.exhausted else ()
        evidence = partial(_evidence, lot=lot, fair=fair, best=paid.copy(), proven=gap)
        return Allocation(problem, paid, residual, float("nan"), {}, method, self, evidence, notes)


def _evidence(answer: Allocation, lot: Array, fair: Array, best: Array, proven: float) -> Certificate:
    """Bounds and budget; whole lots; and by how much a better division could beat this one."""
    problem, paid = answer.problem, answer.paid
    unit = problem.loss or 1.0
    budget = abs(float(paid.sum()) + answer.residual - problem.loss)
    bounds = max(float((paid - problem.caps).max(initial=0.0)), float((-paid).max(initial=0.0)))
    broken = float(np.abs(paid - lot * np.rint(paid / lot)).max(initial=0.0))
    short = max(float(best.sum() - paid.sum()), 0.0)
    farther = max(float(np.abs(paid - fair).sum() - np.abs(best - fair).sum()), 0.0)
    gap = proven + (short + farther) / unit
    return Certificate(
        max(budget, bounds) / unit,
        broken / unit,
        gap,
        "whole lots",
        "no other division into lots is nearer to pro rata",
    )
