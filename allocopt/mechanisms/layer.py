"""One layer of a waterfall: who pays next, up to what, and by which sharing rule."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array, number, vector
from allocopt.facts.event import ROLES, Event
from allocopt.facts.problem import STATUSES, LossProblem
from allocopt.schemes import Scheme, scheme

Ledger = Mapping[tuple[Any, str], float]  # (payer, resource) -> what has been drawn so far


@dataclass(frozen=True, eq=False)
class Layer:
    r"""Some payers, a limit on each, and the rule by which they share what reaches them.

    The layer divides :math:`L = \min(\text{what is left}, A)` among its payers, none above

    .. math:: c_i = \max(0,\ f\, q_i - u_i)

    where :math:`q_i` is the ``cap`` column of the event, in currency (one entry per payer), :math:`f` the ``factor``
    (assessments are a multiple of a contribution), :math:`u_i` what payer :math:`i` has already paid from the same
    ``resource``, and :math:`A` the ``amount`` the whole layer may bear.

    Parameters
    ----------
    name : what the rulebook calls the layer.
    roles : the roles that pay (a word or several), read from the event's table; or
    payer : one payer named by the model itself, with its ``amount``; it needs no row in the event.
    cap : column that limits each payer; None for no limit of its own.
    factor : multiple of that column, >= 0.
    amount : limit on the whole layer, in currency; for a named ``payer`` it is what that payer brings.
    scheme : the sharing rule, by name or as an object; ``key`` and ``parameters`` are handed to a rule given by name.
    resource : the pot that is drawn on, by default the cap column. Layers that name the same pot share it, and no
        money in it is used twice; a promise measured by a column (assessments) is a pot of its own and needs a name.
    sources, status, note : where the layer was read (keys), how well it is known, and what a reader must know.

    Raises
    ------
    DataError : unknown role, scheme or status; neither or both of roles and payer; a payer without amount.

    >>> Layer("survivors' default fund", roles="survivor", cap="default_fund", key="default_fund").pot
    'default_fund'
    """

    name: str
    roles: tuple[str, ...] | str = ()
    payer: str = ""
    cap: str | None = None
    factor: float = 1.0
    amount: float | None = None
    scheme: str | Scheme = "pro-rata"
    key: str | Mapping[str, float] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    resource: str = ""
    sources: tuple[str, ...] = ()
    status: str = "published"
    note: str = ""

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "roles", (self.roles,) if isinstance(self.roles, str) else tuple(self.roles))
        put(self, "sources", (self.sources,) if isinstance(self.sources, str) else tuple(self.sources))
        put(self, "parameters", MappingProxyType(dict(self.parameters)))
        put(self, "factor", number(self.factor, f"factor of layer {self.name!r}"))
        if self.amount is not None:
            put(self, "amount", number(self.amount, f"amount of layer {self.name!r}"))
        if bool(self.roles) == bool(self.payer):
            raise DataError(f"layer {self.name!r}: name either the roles that pay or one payer, and not both")
        for role in self.roles:
            if role not in ROLES:
                raise unknown(f"role (layer {self.name!r})", role, ROLES)
        if self.payer and (self.amount is None or self.cap is not None or self.key is not None):
            raise DataError(
                f"layer {self.name!r}: give its amount to payer {self.payer!r}, and neither a cap nor a key"
            )
        if self.status not in STATUSES:
            raise unknown(f"status (layer {self.name!r})", self.status, STATUSES)
        if self.cap is None and self.factor != 1.0:
            raise DataError(f"layer {self.name!r}: factor {self.factor:g} multiplies no cap; name the cap column")
        _ = self.rule

    @property
    def rule(self) -> Scheme:
        """The sharing rule as an object."""
        if isinstance(self.scheme, Scheme):
            return self.scheme
        chosen = dict(self.parameters) if self.key is None else {"key": self.key, **self.parameters}
        try:
            return scheme(self.scheme, **chosen)
        except DataError as fault:
            raise DataError(f"layer {self.name!r}: {fault}") from None

    @property
    def pot(self) -> str:
        """The resource that is drawn on; an amount the model brings itself is a pot of its own."""
        return self.resource or self.cap or self.name

    def replace(self, **changes: Any) -> Layer:
        """The layer with something changed. A new scheme comes with its own key and parameters, or with none."""
        known = [f.name for f in dataclasses.fields(self)]
        for stray in set(changes) - set(known):
            raise unknown("part of a layer", stray, known)
        fresh: dict[str, Any] = {"key": None, "parameters": {}} if "scheme" in changes else {}
        return dataclasses.replace(self, **(fresh | changes))

    def question(self, event: Event, left: float, drawn: Ledger) -> LossProblem:
        """What this layer is asked to divide, after ``drawn`` has been paid and with ``left`` still to be borne."""
        table = self._payers(event)
        loss = left if self.amount is None else min(left, self.amount)
        cap = None
        if len(table) and (self.cap or self.payer):
            cap, limits = self._limits(table, event, drawn)
            table[cap] = limits
        return LossProblem(loss, table, cap, event.currency, status=event.status, about=f"{event.title}: {self.name}")

    def _payers(self, event: Event) -> pd.DataFrame:
        if self.payer:
            return pd.DataFrame({"role": ["house"], "amount": [self.amount]}, index=pd.Index([self.payer]))
        table = event.payers
        return table[table["role"].isin(self.roles)].copy()

    def _limits(self, table: pd.DataFrame, event: Event, drawn: Ledger) -> tuple[str, Array]:
        """The most each payer can still be made to bear, and what to call it."""
        column = self.cap or "amount"
        if column not in table:
            raise DataError(
                f"layer {self.name!r} is limited by column {column!r}, which event {event.name!r} has not (it has "
                f"{', '.join(map(str, event.payers.columns))}): add the column, or name another with replace()"
            )
        base = vector(table[column], table.index, f"layer {self.name!r}: column {column!r}", finite=False)
        spent = np.array([drawn.get((payer, self.pot), 0.0) for payer in table.index])
        label = column if self.factor == 1.0 else f"{self.factor:g} x {column}"
        return f"{label}, not yet drawn" if spent.any() else label, np.maximum(self.factor * base - spent, 0.0)

    def __repr__(self) -> str:
        who = self.payer or " and ".join(self.roles)
        upto = f", up to {'' if self.factor == 1 else f'{self.factor:g} x '}{self.cap}" if self.cap else ""
        most = f", at most {self.amount:,.0f}" if self.amount is not None else ""
        return f"Layer({self.name!r}: {who}{upto}{most}, {self.rule.title})"
