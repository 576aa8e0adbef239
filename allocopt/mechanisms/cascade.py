"""The run of a waterfall: who paid how much in which layer, and why it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import CertificateError
from allocopt.facts.allocation import Allocation
from allocopt.facts.checks import Array
from allocopt.facts.event import Event
from allocopt.mechanisms.cents import in_cents
from allocopt.mechanisms.layer import Layer, PartOf
from allocopt.mechanisms.outcome import named
from allocopt.mechanisms.statement import statement
from allocopt.mechanisms.walk import Walk
from allocopt.schemes.base import figure
from allocopt.views import view

_ROUND_OFF = 1e-12  # of the loss: shares are sums of floats, and a sum of a million of them is off by less than this


@dataclass(frozen=True, eq=False, repr=False)
class Cascade:
    r"""What each payer bears in each layer, with an allocation and its certificate for every layer.

    .. math:: \sum_k \sum_i x_{ki} + R = L

    ``table`` holds :math:`x_{ki}` (layers x payers, currency), ``residual`` is :math:`R \ge 0`, what is left when the
    last layer is exhausted, and ``loss`` is :math:`L`. ``allocations`` maps the name of each layer to its answer,
    ``losses`` each pool to its loss ('' is the loss of no pool), and ``way`` keeps what was asked of each layer.
    """

    name: str
    event: Event
    layers: tuple[Layer, ...]
    loss: float
    allocations: Mapping[str, Allocation]
    residual: float
    losses: Mapping[str, float]
    way: Walk

    @property
    def splits(self) -> Mapping[str, Allocation]:
        """For each group of layers used side by side, how the loss was divided among them."""
        return self.way.splits

    @property
    def residuals(self) -> pd.Series[float]:
        """What nobody could bear, by pool ('' is the loss of no pool)."""
        return pd.Series(dict(self.way.left), name=self.name, dtype=float).rename_axis("pool")

    @cached_property
    def _payers(self) -> pd.Index:
        """Everybody who could be asked: the payers of the event, then those the model names itself."""
        everybody = list(self.event.payers.index)
        named = [layer.payer for layer in self.layers if layer.payer]
        return pd.Index(dict.fromkeys([*everybody, *named]), name=self.event.payers.index.name)

    @cached_property
    def _paid(self) -> Array:
        """What each payer bears in each layer, (layers, payers)."""
        paid = np.zeros((len(self.allocations), len(self._payers)))
        for row, answer in zip(paid, self.allocations.values(), strict=True):
            row[self._payers.get_indexer(answer.problem.ids)] = answer.paid
        return paid

    @property
    def table(self) -> pd.DataFrame:
        """What each payer bears in each layer, in currency; payers the model names itself come last."""
        layers = pd.Index(list(self.allocations), name="layer")
        return pd.DataFrame(self._paid.copy(), index=layers, columns=self._payers)

    @property
    def by_payer(self) -> pd.Series[float]:
        """What each payer bears in all layers together."""
        return pd.Series(self._paid.sum(axis=0), index=self._payers, name=self.name)

    @property
    def by_layer(self) -> pd.Series[float]:
        """What each layer bears."""
        layers = pd.Index(list(self.allocations), name="layer")
        return pd.Series(self._paid.sum(axis=1), index=layers, name=self.name)

    @property
    def by_role(self) -> pd.Series[float]:
        """What each role bears; a payer the model names itself counts as house."""
        paid = self.by_payer
        roles = self.event.payers["role"].reindex(paid.index).fillna("house")
        return paid.groupby(roles.astype(str), sort=False).sum().rename(self.name)

    @property
    def steps(self) -> pd.DataFrame:
        """The way of the loss: per layer how many payers, the rule, what reached it, what it bore, what went on."""
        passages = self.way.passages
        return pd.DataFrame(
            {
                "payers": [answer.problem.n for answer in self.allocations.values()],
                "scheme": [layer.rule.title for layer in self.layers],
                "reached": [passage.reached for passage in passages],
                "paid": self.by_layer.to_numpy(),
                "passed on": [passage.passed for passage in passages],
            },
            index=pd.Index([layer.name for layer in self.layers], name="layer"),
        )

    def rounded(self, decimals: int = 2) -> pd.DataFrame:
        """The table in cents (``decimals=2``): it adds up exactly to the rounded loss, less what nobody could bear.

        Every layer adds up as well, and no limit is broken by a cent: where a limit in whole cents cannot hold what
        the layer bears, the cent goes to the next layer, as any other part of the loss.
        """
        table, _ = in_cents(self.way, self.losses, decimals)
        return table.reindex(columns=self.table.columns, fill_value=0.0).fillna(0.0).rename_axis("layer")

    def explain(self, payer: Any) -> str:
        """Why this payer bears this much: one line per layer that names it, each from the rule that made the share."""
        paid = self.by_payer
        named(payer, paid.index)
        unit = f"{self.event.currency} ".lstrip()
        lines = [f"{payer} bears {unit}{paid[payer]:,.2f} of {unit}{self.loss:,.2f} under {self.name}."]
        for number, layer in enumerate(self.layers, 1):
            answer = self.allocations[layer.name]
            if payer in answer.problem.ids:
                told = [answer.explain(payer), *self._limit(layer, answer, payer), *self._side_by_side(layer)]
                lines.append(f"Layer {number}, {layer.name}: {' '.join(told)}")
        if len(lines) == 1:
            lines.append("No layer names it.")
        return "\n".join(lines)

    def statement(self, payer: Any) -> pd.DataFrame:
        r"""What this payer is told: one row for each layer that asks it, in the order of the layers.

        .. math:: x_{ki} \le c_{ki} = \min\bigl(\max(0,\ f_k q_i - u_{ki}),\ a_{ki}\bigr)

        ``limit`` is :math:`f_k q_i`, what it stands for while nothing has been used (``inf`` without a limit);
        ``used before`` is :math:`u_{ki}`, what earlier layers of this run or earlier defaults took from the
        ``resource``, or what a capped period or a notice bars; ``cap`` is :math:`c_{ki}`, what was left of it, and no
        more than is attributed to it; ``share`` is :math:`x_{ki}`, all in currency. ``reached`` is the loss that came
        to the layer, ``price`` the price of the loss in it (NaN for a rule without one), and ``bound by`` says what
        kept the share from being larger.

        Raises ``DataError`` for a payer that is neither in the event nor named by the model.

        >>> event = Event("toy", loss=20, currency="EUR", date=None, payers=pd.DataFrame(
        ...     {"role": ["survivor", "survivor"], "fund": [12.0, 4.0]}, index=["A", "B"]))
        >>> from allocopt.mechanisms.waterfall import Waterfall
        >>> toy = Waterfall("toy", (Layer("fund", roles="survivor", cap="fund"),
        ...                         Layer("assessments", roles="survivor", cap="fund", resource="promise")))
        >>> toy.run(event).statement("A")[["resource", "limit", "cap", "share", "bound by"]]
                    resource  limit   cap  share                bound by
        layer
        fund            fund   12.0  12.0   12.0                 its cap
        assessments  promise   12.0  12.0    3.0  the loss, covered here
        """
        return statement(self, payer)

    def _limit(self, layer: Layer, answer: Allocation, payer: Any) -> list[str]:
        """What limits this payer in the layer, and what limits the layer."""
        at, problem = answer.problem.ids.get_loc(payer), answer.problem
        unit = f"{self.event.currency} ".lstrip()
        told = []
        if layer.cap or layer.attributed:
            told.append(f"Its limit is {problem.cap_name}, {unit}{problem.caps[at]:,.2f}.")
        if layer.amount is not None and not layer.payer:
            whole = next(p.asked.amount for p in self.way.passages if p.asked.layer is layer)
            part = f" ({layer.amount.factor:g} x {layer.amount.of})" if isinstance(layer.amount, PartOf) else ""
            told.append(f"The layer bears at most {unit}{whole:,.2f}{part}.")
        if layer.pool:
            told.append(f"The layer bears losses of {layer.pool} only.")
        return told

    def _side_by_side(self, layer: Layer) -> list[str]:
        """How much of the loss came to this layer where it is used beside others."""
        if not layer.pari_passu:
            return []
        split = self.splits[layer.pari_passu]
        unit = f"{self.event.currency} ".lstrip()
        weights = ", ".join(f"{name} {figure(weight)}" for name, weight in split.problem.payers["weight"].items())
        return [
            f"It is used side by side with its neighbours ({weights}): of {unit}{split.problem.loss:,.2f} it takes "
            f"{unit}{split.shares[layer.name]:,.2f}."
        ]

    def verify(self, tol: float = 1e-6) -> Cascade:
        """Return the run if every layer's certificate holds and nothing was lost on the way; else CertificateError."""
        for layer, answer in self.allocations.items():
            try:
                answer.verify(tol)
            except CertificateError as fault:
                raise CertificateError(f"layer {layer!r}: {fault}") from None
        for group, split in self.splits.items():
            try:
                split.verify(tol)
            except CertificateError as fault:
                raise CertificateError(f"pari-passu group {group!r}: {fault}") from None
        lost = abs(float(np.sum([a.paid.sum() for a in self.allocations.values()])) + self.residual - self.loss)
        if lost > _ROUND_OFF * max(1, len(self.allocations)) * self.loss:
            raise CertificateError(f"{self.name}: {lost:.3g} of {self.loss:,.2f} was lost between the layers")
        return self

    def plot(self, ax: Any = None) -> Any:
        """The run as a chart, from the loss through every layer to what is left; returns the Axes."""
        return view("waterfall plot")(self, ax=ax)

    def plot_flow(self, ax: Any = None, *, most: int = 8) -> Any:
        """The run as a flow from the loss through the layers to ``most`` payers and the others; returns the Axes."""
        return view("flow plot")(self, most=most, ax=ax)

    def __repr__(self) -> str:
        unit = f"{self.event.currency} ".lstrip()
        lines = [f"Cascade({self.name}: {unit}{self.loss:,.2f} of {self.event.title})"]
        lines += [f"  {name}: {unit}{paid:,.2f}" for name, paid in self.by_layer.items()]
        return "\n".join([*lines, f"  residual: {unit}{self.residual:,.2f}"])

    def _repr_html_(self) -> str:
        unit = escape(f"{self.event.currency} ".lstrip())
        head = f"<p>{escape(self.name)}: {unit}{self.loss:,.2f}, {escape(self.event.title)}</p>"
        return f"{head}{self.steps.to_html(float_format='{:,.2f}'.format)}<p>Residual: {unit}{self.residual:,.2f}</p>"
