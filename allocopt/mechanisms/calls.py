"""Cash is called from members; what some cannot pay is called again from the rest, up to their limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array, number, vector
from allocopt.facts.problem import LossProblem
from allocopt.facts.rounding import largest_remainder
from allocopt.maths.price import Supply, clear, residuals
from allocopt.mechanisms.outcome import Outcome, named, unit_of, worst_of
from allocopt.schemes.pro_rata import ProRata

_ROUNDING = 1e-12  # of the loss: a call this close to what a member can pay is paid


@dataclass(frozen=True, eq=False, repr=False)
class CashCall(Outcome):
    """Rounds of calls: who was called for what, who paid, and what is still missing."""

    ids: pd.Index
    loss: float
    key: Array
    limit: Array
    able: Array
    calls: Array
    payments: Array
    reached: Array
    stopped: bool
    currency: str

    @property
    def called(self) -> pd.DataFrame:
        """What each member is called for, round by round."""
        return self._rounds(self.calls)

    @property
    def paid(self) -> pd.DataFrame:
        """What each member pays, round by round."""
        return self._rounds(self.payments)

    def _rounds(self, values: Array) -> pd.DataFrame:
        return pd.DataFrame(values.copy(), index=pd.RangeIndex(1, len(values) + 1, name="round"), columns=self.ids)

    @property
    def shares(self) -> pd.Series[float]:
        """What each member pays in all."""
        return pd.Series(self.payments.sum(axis=0), index=self.ids, name="cash call")

    @property
    def failed(self) -> list[Any]:
        """Members that paid less than they were called for."""
        return list(self.ids[self._failed])

    @property
    def _failed(self) -> NDArray[np.bool_]:
        short = self.calls - self.payments > _ROUNDING * self.loss
        return np.asarray(short.any(axis=0), dtype=np.bool_)

    @property
    def residual(self) -> float:
        """What is still missing after the last round."""
        rest = self.loss - float(self.payments.sum())
        return 0.0 if rest <= _ROUNDING * self.loss else rest

    @cached_property
    def allocations(self) -> Mapping[int, Allocation]:
        """Each round's call as a loss divided pro rata among those still standing, with its certificate."""
        out, called = {}, np.zeros(len(self.ids))
        standing = np.ones(len(self.ids), dtype=np.bool_)
        for r, (call, pay) in enumerate(zip(self.calls, self.payments, strict=True)):
            table = pd.DataFrame({"key": self.key, "limit": self.limit - called}, index=self.ids)[standing]
            table["limit"] = table["limit"].clip(lower=0.0)
            question = LossProblem(self.reached[r], table, "limit", self.currency, about=f"cash call, round {r + 1}")
            out[r + 1] = ProRata(key="key").allocate(question)
            called, standing = called + call, standing & ~(call - pay > _ROUNDING * self.loss)
        return MappingProxyType(out)

    @cached_property
    def certificate(self) -> Certificate:
        """All rounds together against one capped division in which what members can pay was known from the start.

        When the rounds were stopped before their end, each of them by itself.
        """
        total = self.payments.sum(axis=0)
        unit = self.loss or 1.0
        lost = abs(float(total.sum()) + self.residual - self.loss) / unit
        before = np.cumsum(self.payments, axis=0) - self.payments
        due = np.minimum(self.calls, np.maximum(self.able - before, 0.0))
        apart = float(np.abs(self.payments - due).max(initial=0.0)) / unit
        own = Certificate(lost, apart, 0.0, "rounds")
        if self.stopped:
            each = [answer.certificate for answer in self.allocations.values()]
            return worst_of([own, *each], "rounds", "every round is called at one rate among those who still stand")
        most = np.minimum(self.limit, self.able)
        supply = Supply(np.zeros(1), self.key[None], most[None])
        rate = clear(min(self.loss, float(supply.able.sum())), supply).price
        whole = Certificate(*residuals(self.loss, supply, total, rate), "one rate")
        statement = "the rounds end at one rate for all who could pay it, up to limits and means"
        return worst_of([own, whole], "rounds", statement)

    def rounded(self, decimals: int = 2) -> pd.Series[float]:
        """What each member pays in all, in whole cents that add up; none above its limit or its means."""
        total = largest_remainder(self.payments.sum(axis=0), np.minimum(self.limit, self.able), decimals)
        return pd.Series(total, index=self.ids, name="cash call")

    def explain(self, member: Any) -> str:
        """The member's calls and payments, round by round."""
        at, unit = named(member, self.ids, "member"), unit_of(self.currency)
        lines = [f"{member} pays {unit}{self.payments[:, at].sum():,.2f} of {unit}{self.loss:,.2f} called."]
        for r in range(len(self.calls)):
            if self.calls[r, at] > 0:
                fails = (
                    "; it cannot pay the rest"
                    if self.calls[r, at] - self.payments[r, at] > _ROUNDING * self.loss
                    else ""
                )
                lines.append(
                    f"Round {r + 1}: {unit}{self.reached[r]:,.2f} is missing; called {unit}{self.calls[r, at]:,.2f}, "
                    f"pays {unit}{self.payments[r, at]:,.2f}{fails}."
                )
        return "\n".join(lines)

    def __repr__(self) -> str:
        unit = unit_of(self.currency)
        return (
            f"CashCall({unit}{self.payments.sum():,.2f} of {unit}{self.loss:,.2f} in {len(self.calls)} rounds, "
            f"{int(self._failed.sum())} of {len(self.ids)} members failed, residual {unit}{self.residual:,.2f})"
        )


def cash_call(
    loss: float,
    members: pd.DataFrame,
    key: str,
    *,
    multiple: float = 1.0,
    called: Any = 0.0,
    able: Any = np.inf,
    rounds: int | None = None,
    currency: str = "",
) -> CashCall:
    r"""Call cash pro rata, up to each member's headroom; call what is not paid again from those who still stand.

    .. math:: A_i = (k\, d_i - a_i)^+, \qquad x_i^{(r)} = \min\bigl(A_i^{(r)}, \lambda_r d_i\bigr), \qquad
       y_i^{(r)} = \min\bigl(x_i^{(r)}, m_i^{(r)}\bigr), \qquad L^{(r+1)} = L^{(r)} - \sum_i y_i^{(r)}

    :math:`d_i` is the key (the default-fund contribution, in currency), :math:`k` the ``multiple`` a rulebook allows,
    :math:`a_i` what was ``called`` already in the period, so that :math:`A_i` is the headroom; :math:`m_i` is what the
    member is ``able`` to pay. :math:`x` is called and :math:`y` paid in round :math:`r`; whoever pays less than it is
    called for is not called again. No money is lost: :math:`\sum_{i,r} y_i^{(r)} + \text{residual} = L`.

    The rounds end where one division with limits :math:`\min(A_i, m_i)` would have ended, had it been known what
    members could pay: rates add up over the rounds. The certificate checks the answer against that division.

    Parameters
    ----------
    loss : what is to be called, >= 0.
    members : one row per member; ``key`` names the column.
    multiple : how many times the key may be called in the period. Rulebooks differ: 2 at Eurex in a capped period, 2.75
        for one default at CME and up to 5.5 for several.
    called : what was called before in the same period, by member; a number for all.
    able : what each member can pay, by member; without limit by default.
    rounds : the most rounds of calls; None goes on until everything is paid or nobody is left.

    Raises
    ------
    DataError : a number that is none, a column that is missing, rounds below one.

    Sources: NSCC Rule 4 (loss allocation in rounds); Eurex and CME rules on assessments (multiples); LME, March 2022
    (members expected not to meet a call).

    >>> members = pd.DataFrame({"default_fund": [50.0, 30.0, 20.0]}, index=["A", "B", "C"])
    >>> call = cash_call(40, members, "default_fund", able=pd.Series({"A": 100.0, "B": 5.0, "C": 100.0}))
    >>> call.shares.to_dict(), call.failed, call.residual
    ({'A': 25.0, 'B': 5.0, 'C': 10.0}, ['B'], 0.0)
    >>> call.called.to_numpy().tolist()
    [[20.0, 12.0, 8.0], [5.0, 0.0, 2.0]]
    """
    if rounds is not None and (isinstance(rounds, bool) or not isinstance(rounds, int | np.integer) or rounds < 1):
        raise DataError(f"rounds is {rounds!r}; give a whole number, 1 or more, or None for as many as it takes")
    unit_of(currency)
    question = LossProblem(loss, members)
    d, ids = question.column(key), question.ids
    before, means = vector(called, ids, "called"), vector(able, ids, "able", finite=False)
    limit = np.maximum(number(multiple, "multiple") * d - before, 0.0)
    due, paid = np.zeros(len(ids)), np.zeros(len(ids))
    standing = np.ones(len(ids), dtype=np.bool_)
    calls: list[Array] = []
    payments: list[Array] = []
    reached: list[float] = []
    left = question.loss
    while left > _ROUNDING * question.loss and (rounds is None or len(calls) < rounds):
        room = np.where(standing, np.maximum(limit - due, 0.0), 0.0)
        call = clear(left, Supply(np.zeros(1), d[None], room[None])).given[0]
        if not call.any():
            break
        pay = np.minimum(call, np.maximum(means - paid, 0.0))
        calls.append(call)
        payments.append(pay)
        reached.append(left)
        due, paid, standing = due + call, paid + pay, standing & ~(call - pay > _ROUNDING * question.loss)
        left = max(question.loss - float(paid.sum()), 0.0)
    shape = (len(calls), len(ids))
    return CashCall(
        ids, question.loss, d, limit, means, np.array(calls).reshape(shape), np.array(payments).reshape(shape),
        np.array(reached), rounds is not None and len(calls) == rounds, currency,
    )  # fmt: skip
