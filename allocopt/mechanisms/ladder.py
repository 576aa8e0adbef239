"""Rungs in order: each bears what it can by its own weights and caps, and what is left goes to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.facts.rounding import largest_remainder
from allocopt.maths.price import Supply, clear
from allocopt.mechanisms.outcome import Outcome, named, unit_of, worst_of
from allocopt.schemes.pro_rata import ProRata


@dataclass(frozen=True, eq=False)
class Rung:
    """Who stands on it, with what weight each answers, and up to what; ``rule`` says so in words.

    ``on``, ``weight`` and ``cap`` have one entry per member of the whole ladder. ``status`` is how well the rule is
    known: published, or unverified when its text could not be read.
    """

    name: str
    on: NDArray[np.bool_]
    weight: Array
    cap: Array
    rule: str = ""
    status: str = "published"

    @property
    def supply(self) -> Supply:
        """What the rung offers at each rate of its weights."""
        return Supply(np.zeros(1), np.where(self.on, self.weight, 0.0)[None], np.where(self.on, self.cap, 0.0)[None])


def climb(loss: float, rungs: Sequence[Rung], members: int) -> tuple[Array, float]:
    """What each member pays on each rung (rungs, members), and what is left above the last one."""
    paid, left = np.zeros((len(rungs), members)), loss
    for level, rung in enumerate(rungs):
        supply = rung.supply
        paid[level] = clear(left, supply).given[0]
        able = float(supply.able.sum())
        left = left - able if left > able else 0.0
    return paid, left


@dataclass(frozen=True, eq=False, repr=False)
class Ladder(Outcome):
    r"""A loss divided rung by rung, each rung capped pro rata, with an allocation and a certificate for each.

    .. math:: x_{ki} = \min(c_{ki},\ \lambda_k w_{ki}), \qquad \sum_i x_{ki} = \min\Bigl(R_{k-1}, \sum_i c_{ki}\Bigr),
       \qquad R_k = R_{k-1} - \sum_i x_{ki}, \quad R_0 = L

    :math:`w_{ki}` is the weight and :math:`c_{ki}` the cap of member :math:`i` on rung :math:`k`; ``residual`` is
    :math:`R_K`, what nobody could bear.
    """

    name: str
    ids: pd.Index
    rungs: tuple[Rung, ...]
    loss: float
    paid: Array
    residual: float
    currency: str

    @property
    def table(self) -> pd.DataFrame:
        """What each member bears on each rung (rungs x members), in currency."""
        return pd.DataFrame(self.paid.copy(), index=[rung.name for rung in self.rungs], columns=self.ids)

    @property
    def shares(self) -> pd.Series[float]:
        """What each member bears in all."""
        return pd.Series(self.paid.sum(axis=0), index=self.ids, name=self.name)

    @property
    def by_rung(self) -> pd.Series[float]:
        """What each rung bears."""
        return self.table.sum(axis=1).rename(self.name)

    @cached_property
    def allocations(self) -> Mapping[str, Allocation]:
        """Every rung as a question of its own, divided by the pro-rata scheme, with its certificate."""
        left, out = self.loss, {}
        for rung in self.rungs:
            table = pd.DataFrame({"weight": rung.weight, "limit": rung.cap}, index=self.ids)[rung.on]
            question = LossProblem(left, table, "limit", self.currency, about=f"{self.name}: {rung.name}")
            out[rung.name] = ProRata(key="weight").allocate(question)
            left = out[rung.name].residual
        return MappingProxyType(out)

    @cached_property
    def certificate(self) -> Certificate:
        """The worst of the rungs' certificates, and whether the whole adds up and is what the rungs say."""
        unit = self.loss or 1.0
        apart = [
            float(np.abs(self.paid[level][rung.on] - answer.paid).max(initial=0.0)) / unit
            for level, (rung, answer) in enumerate(zip(self.rungs, self.allocations.values(), strict=True))
        ]
        whole = abs(float(self.paid.sum()) + self.residual - self.loss) / unit
        own = Certificate(whole, max(apart, default=0.0), 0.0, "ladder")
        each = [answer.certificate for answer in self.allocations.values()]
        return worst_of([own, *each], "ladder", "every rung is divided at one rate before the next one pays")

    def rounded(self, decimals: int = 2) -> pd.DataFrame:
        """The same climb in whole cents: every cap is cut to whole cents, and the rounded loss is divided exactly."""
        left = float(largest_remainder(np.array([self.loss]), np.array([np.inf]), decimals)[0])
        out = np.zeros(self.paid.shape)
        for level, rung in enumerate(self.rungs):
            cap = np.where(rung.on & (rung.weight > 0), rung.cap, 0.0)
            whole = np.where(
                np.isfinite(cap), largest_remainder(np.where(np.isfinite(cap), cap, 0.0), cap, decimals), cap
            )
            reached = min(left, float(whole.sum()))
            given = clear(reached, Supply(np.zeros(1), rung.weight[None], whole[None])).given[0]
            out[level] = largest_remainder(given, whole, decimals)
            left = round(left - float(out[level].sum()), decimals)
        return pd.DataFrame(out, index=[rung.name for rung in self.rungs], columns=self.ids)

    def explain(self, payer: Any) -> str:
        """Why this member bears this much: a line for every rung it stands on."""
        at, unit = named(payer, self.ids, "member"), unit_of(self.currency)
        lines = [f"{payer} bears {unit}{self.paid[:, at].sum():,.2f} of {unit}{self.loss:,.2f} ({self.name})."]
        reached = self.loss
        for level, rung in enumerate(self.rungs):
            if rung.on[at]:
                doubt = " (weight unverified in the rule's text)" if rung.status == "unverified" else ""
                lines.append(
                    f"{rung.name}: {unit}{reached:,.2f} reached it, {rung.rule}{doubt}; weight {rung.weight[at]:,.6g} "
                    f"of {rung.weight[rung.on].sum():,.6g}, limit {unit}{rung.cap[at]:,.2f}: "
                    f"{unit}{self.paid[level, at]:,.2f}."
                )
            reached = max(reached - float(self.paid[level].sum()), 0.0)
        if len(lines) == 1:
            lines.append("It stands on no rung.")
        return "\n".join(lines)

    def __repr__(self) -> str:
        unit = unit_of(self.currency)
        lines = [f"{type(self).__name__}({self.name}: {unit}{self.loss:,.2f})"]
        lines += [f"  {name}: {unit}{paid:,.2f}" for name, paid in self.by_rung.items()]
        return "\n".join([*lines, f"  residual: {unit}{self.residual:,.2f}"])
