"""The run of a waterfall: who paid how much in which layer, and why it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import CertificateError, unknown
from allocopt.facts.allocation import Allocation
from allocopt.facts.event import Event
from allocopt.mechanisms.layer import Layer
from allocopt.views import view

_ROUND_OFF = 1e-12  # of the loss: shares are sums of floats, and a sum of a million of them is off by less than this


@dataclass(frozen=True, eq=False, repr=False)
class Cascade:
    r"""What each payer bears in each layer, with an allocation and its certificate for every layer.

    .. math:: \sum_k \sum_i x_{ki} + R = L

    ``table`` holds :math:`x_{ki}` (layers x payers, currency), ``residual`` is :math:`R \ge 0`, what is left when the
    last layer is exhausted, and ``loss`` is :math:`L`. ``allocations`` maps the name of each layer to its answer.
    """

    name: str
    event: Event
    layers: tuple[Layer, ...]
    loss: float
    allocations: Mapping[str, Allocation]
    residual: float

    @property
    def table(self) -> pd.DataFrame:
        """What each payer bears in each layer, in currency; payers the model names itself come last."""
        everybody = list(self.event.payers.index)
        named = [layer.payer for layer in self.layers if layer.payer]
        payers = pd.Index(dict.fromkeys([*everybody, *named]), name=self.event.payers.index.name)
        rows = {name: answer.shares.reindex(payers, fill_value=0.0) for name, answer in self.allocations.items()}
        return pd.DataFrame.from_dict(rows, orient="index", columns=payers).rename_axis("layer")

    @property
    def by_payer(self) -> pd.Series[float]:
        """What each payer bears in all layers together."""
        return self.table.sum(axis=0).rename(self.name)

    @property
    def by_layer(self) -> pd.Series[float]:
        """What each layer bears."""
        return self.table.sum(axis=1).rename(self.name)

    @property
    def by_role(self) -> pd.Series[float]:
        """What each role bears; a payer the model names itself counts as house."""
        paid = self.by_payer
        roles = self.event.payers["role"].reindex(paid.index).fillna("house")
        return paid.groupby(roles.astype(str), sort=False).sum().rename(self.name)

    @property
    def steps(self) -> pd.DataFrame:
        """The way of the loss: per layer how many payers, the rule, what reached it, what it bore, what went on."""
        paid = self.by_layer
        reached = self.loss - paid.cumsum().shift(fill_value=0.0)
        return pd.DataFrame(
            {
                "payers": [answer.problem.n for answer in self.allocations.values()],
                "scheme": [layer.rule.title for layer in self.layers],
                "reached": reached,
                "paid": paid,
                "passed on": reached - paid,
            }
        )

    def explain(self, payer: Any) -> str:
        """Why this payer bears this much: one line per layer that names it, each from the rule that made the share."""
        paid = self.by_payer
        if payer not in paid.index:
            raise unknown("payer", payer, map(str, paid.index))
        unit = f"{self.event.currency} ".lstrip()
        lines = [f"{payer} bears {unit}{paid[payer]:,.2f} of {unit}{self.loss:,.2f} under {self.name}."]
        for number, (layer, answer) in enumerate(self.allocations.items(), 1):
            if payer in answer.problem.ids:
                lines.append(f"Layer {number}, {layer}: {answer.explain(payer)}")
        if len(lines) == 1:
            lines.append("No layer names it.")
        return "\n".join(lines)

    def verify(self, tol: float = 1e-6) -> Cascade:
        """Return the run if every layer's certificate holds and nothing was lost on the way; else CertificateError."""
        for layer, answer in self.allocations.items():
            try:
                answer.verify(tol)
            except CertificateError as fault:
                raise CertificateError(f"layer {layer!r}: {fault}") from None
        lost = abs(float(np.sum([a.paid.sum() for a in self.allocations.values()])) + self.residual - self.loss)
        if lost > _ROUND_OFF * max(1, len(self.allocations)) * self.loss:
            raise CertificateError(f"{self.name}: {lost:.3g} of {self.loss:,.2f} was lost between the layers")
        return self

    def plot(self, ax: Any = None) -> Any:
        """The run as a chart, from the loss through every layer to what is left; returns the Axes."""
        return view("waterfall plot")(self, ax=ax)

    def __repr__(self) -> str:
        unit = f"{self.event.currency} ".lstrip()
        lines = [f"Cascade({self.name}: {unit}{self.loss:,.2f} of {self.event.title})"]
        lines += [f"  {name}: {unit}{paid:,.2f}" for name, paid in self.by_layer.items()]
        return "\n".join([*lines, f"  residual: {unit}{self.residual:,.2f}"])

    def _repr_html_(self) -> str:
        unit = escape(f"{self.event.currency} ".lstrip())
        head = f"<p>{escape(self.name)}: {unit}{self.loss:,.2f}, {escape(self.event.title)}</p>"
        return f"{head}{self.steps.to_html(float_format='{:,.2f}'.format)}<p>Residual: {unit}{self.residual:,.2f}</p>"
