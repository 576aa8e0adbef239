"""One layer of a waterfall: who pays next, up to what, and by which sharing rule."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from types import MappingProxyType
from typing import Any

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import number
from allocopt.facts.event import ROLES
from allocopt.facts.problem import STATUSES
from allocopt.facts.travelling import parts
from allocopt.schemes import Scheme, scheme

RENEWALS = ("replenished", "default", "period")


@dataclass(frozen=True)
class PartOf:
    """An amount stated as a part of another: ``factor`` times the total of column ``of`` over ``roles`` (all payers).

    >>> PartOf("default_fund", 0.1, "survivor")
    PartOf(of='default_fund', factor=0.1, roles=('survivor',))
    """

    of: str
    factor: float = 1.0
    roles: tuple[str, ...] | str = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "roles", (self.roles,) if isinstance(self.roles, str) else tuple(self.roles))
        object.__setattr__(self, "factor", number(self.factor, f"factor of the part of {self.of!r}"))
        for role in self.roles:
            if role not in ROLES:
                raise unknown(f"role (part of {self.of!r})", role, ROLES)


@dataclass(frozen=True, eq=False)
class Layer:
    r"""Some payers, a limit on each, and the rule by which they share what reaches them.

    The layer divides :math:`L = \min(\text{what is left}, A)` among its payers, none above

    .. math:: c_i = \min\bigl(\max(0,\ f\, q_i - u_i),\ a_i\bigr)

    where :math:`q_i` is the ``cap`` column of the event, in currency (one entry per payer), :math:`f` the ``factor``
    (assessments are a multiple of a contribution), :math:`u_i` what payer :math:`i` has already paid from the same
    ``resource``, :math:`a_i` the loss ``attributed`` to it, and :math:`A` the ``amount`` the whole layer may bear.

    Parameters
    ----------
    name : what the rulebook calls the layer.
    roles : the roles that pay (a word or several), read from the event's table; or
    payer : one payer named by the model itself, with its ``amount``; it needs no row in the event.
    only : column -> value, or list of values: of these roles, only the payers in whose row the column holds one.
    cap : column that limits each payer; None for no limit of its own.
    factor : multiple of that column, >= 0; in one default.
    attributed : column with the part of the loss that is each payer's own doing (its trades with the defaulter, its
        own positions). Nobody bears more than that here, and it is the key unless the rule names another.
    amount : limit on the whole layer, in currency, or a :class:`PartOf` (``{"of": column, "factor": 0.1}``); for a
        named ``payer`` it is what that payer brings.
    scheme : the sharing rule, by name or as an object; ``key`` and ``parameters`` are handed to a rule given by name.
    resource : the pot that is drawn on, by default the cap column. Layers that name the same pot share it, and no
        money in it is used twice; a promise measured by a column (assessments) is a pot of its own and needs a name.
    tiers : column with the tier of each payer: the lowest tier is exhausted before the next is touched (bidders after
        those who did not bid).
    pool : the product or service whose loss this layer bears; without it, the layer bears what is left of every pool.
    pari_passu : name of a group: neighbouring layers of one group are used side by side, in proportion to ``weight``.
    weight : the layer's weight in its group; by default what it can bear.
    renews : when a used resource is whole again, for defaults in a row (:class:`~allocopt.Period`): when
        ``replenished``, with each ``default`` (a promise), or with each capped ``period``.
    period_factor : multiple of the cap column in one capped period, over all its defaults.
    restored_after : business days after which what was used is restored (skin in the game that is topped up).
    sources, status, note : where the layer was read (keys), how well it is known, and what a reader must know.

    Raises
    ------
    DataError : unknown role, scheme or status; neither or both of roles and payer; a payer without amount; a factor
        without a cap; a period cap below the cap in one default.

    >>> Layer("survivors' default fund", roles="survivor", cap="default_fund", key="default_fund").pot
    'default_fund'
    """

    name: str
    roles: tuple[str, ...] | str = ()
    payer: str = ""
    only: Mapping[str, Any] = field(default_factory=dict)
    cap: str | None = None
    factor: float = 1.0
    attributed: str | None = None
    amount: float | PartOf | None = None
    scheme: str | Scheme = "pro-rata"
    key: str | Mapping[str, float] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    resource: str = ""
    tiers: str | None = None
    pool: str = ""
    pari_passu: str = ""
    weight: float | None = None
    renews: str = "replenished"
    period_factor: float | None = None
    restored_after: int | None = None
    sources: tuple[str, ...] = ()
    status: str = "published"
    note: str = ""

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "roles", (self.roles,) if isinstance(self.roles, str) else tuple(self.roles))
        put(self, "sources", (self.sources,) if isinstance(self.sources, str) else tuple(self.sources))
        put(self, "parameters", MappingProxyType(dict(self.parameters)))
        put(self, "only", MappingProxyType({column: _listed(v) for column, v in dict(self.only).items()}))
        put(self, "factor", number(self.factor, self._of("factor")))
        if isinstance(self.amount, Mapping):
            put(self, "amount", _part(self.amount, self.name))
        elif self.amount is not None and not isinstance(self.amount, PartOf):
            put(self, "amount", number(self.amount, self._of("amount")))
        self._check_payers()
        self._check_limits()
        _ = self.rule

    def __reduce__(self) -> tuple[Any, ...]:
        return parts(self)

    def _of(self, what: str) -> str:
        return f"{what} of layer {self.name!r}"

    def _check_payers(self) -> None:
        where = f"layer {self.name!r}"
        if bool(self.roles) == bool(self.payer):
            raise DataError(f"{where}: name either the roles that pay or one payer, and not both")
        for role in self.roles:
            if role not in ROLES:
                raise unknown(f"role ({where})", role, ROLES)
        stray = [self.cap, self.key, self.attributed, self.tiers, *self.only]
        if self.payer and (self.amount is None or any(part is not None for part in stray)):
            raise DataError(
                f"{where}: give its amount to payer {self.payer!r}, and neither a cap nor a key; 'only', 'tiers' and "
                "'attributed' choose among payers with a row in the event"
            )
        if self.status not in STATUSES:
            raise unknown(f"status ({where})", self.status, STATUSES)

    def _check_limits(self) -> None:
        where = f"layer {self.name!r}"
        if self.renews not in RENEWALS:
            raise unknown(f"renewal ({where})", self.renews, RENEWALS)
        for what in ("factor", "period_factor"):
            given = getattr(self, what)
            if self.cap is None and not (given is None or (what == "factor" and given == 1.0)):
                if what == "period_factor" and self.payer:
                    continue
                raise DataError(f"{where}: {what} {given:g} multiplies no cap; name the cap column")
        if self.period_factor is not None:
            number(self.period_factor, self._of("period_factor"), low=self.factor)
        if self.weight is not None:
            number(self.weight, self._of("weight"))
            if not self.pari_passu:
                raise DataError(f"{where}: weight {self.weight:g} weighs against nothing; name the group in pari_passu")
        days = self.restored_after
        if days is not None and (isinstance(days, bool) or not isinstance(days, int) or days < 0):
            raise DataError(f"{where}: restored_after is {days!r}; give a whole number of business days")

    @property
    def rule(self) -> Scheme:
        """The sharing rule as an object."""
        if isinstance(self.scheme, Scheme):
            return self.scheme
        chosen = dict(self.parameters) if self.key is None else {"key": self.key, **self.parameters}
        if self.attributed and self.scheme == "pro-rata":
            chosen = {"key": self.attributed, **chosen}
        try:
            return scheme(self.scheme, **chosen)
        except DataError as fault:
            raise DataError(f"layer {self.name!r}: {fault}") from None

    @property
    def pot(self) -> str:
        """The resource that is drawn on; an amount the model brings itself is a pot of its own."""
        return self.resource or self.cap or self.attributed or self.name

    @property
    def who(self) -> str:
        """Who pays, in words."""
        chosen = [f"{column} {' or '.join(map(str, values))}" for column, values in self.only.items()]
        return ", ".join([self.payer or " and ".join(self.roles), *chosen])

    @property
    def traits(self) -> tuple[str, ...]:
        """What is special about the layer, in words: its pool, its neighbours, its tiers, its limits over time."""
        told = []
        if self.pool:
            told.append(f"losses of {self.pool} only")
        if self.pari_passu:
            told.append(f"side by side in group {self.pari_passu}")
        if self.tiers:
            told.append(f"tier by tier of {self.tiers}")
        if self.period_factor is not None:
            told.append(f"{self.period_factor:g} × in a period")
        if self.renews != "replenished":
            told.append(f"anew with each {self.renews}")
        if self.restored_after is not None:
            told.append(f"restored after {self.restored_after} business days")
        return tuple(told)

    def replace(self, **changes: Any) -> Layer:
        """The layer with something changed. A new scheme comes with its own key and parameters, or with none."""
        known = [f.name for f in dataclasses.fields(self)]
        for stray in set(changes) - set(known):
            raise unknown("part of a layer", stray, known)
        fresh: dict[str, Any] = {"key": None, "parameters": {}} if "scheme" in changes else {}
        return dataclasses.replace(self, **(fresh | changes))

    def __repr__(self) -> str:
        upto = f", up to {'' if self.factor == 1 else f'{self.factor:g} x '}{self.cap}" if self.cap else ""
        own = f", of {self.attributed} each its own" if self.attributed else ""
        told = "".join(f", {trait}" for trait in self.traits)
        return f"Layer({self.name!r}: {self.who}{upto}{own}{most(self.amount)}, {self.rule.title}{told})"


def most(amount: float | PartOf | None) -> str:
    """The limit on a whole layer, in words that follow a comma."""
    if isinstance(amount, PartOf):
        return f", at most {amount.factor:g} x {amount.of} of {' and '.join(amount.roles) or 'all payers'}"
    return "" if amount is None else f", at most {amount:,.0f}"


def _listed(values: Any) -> tuple[Any, ...]:
    found = tuple(values) if isinstance(values, list | tuple | set | frozenset) else (values,)
    for value in found:
        if not isinstance(value, str | Real):
            raise DataError(f"'only' holds {value!r}; give a text or a number, or a list of them")
    return found


def _part(stated: Mapping[str, Any], name: str) -> PartOf:
    known = {"of", "factor", "payers"}
    for key in stated:
        if key not in known:
            raise DataError(f"layer {name!r}: amount: {unknown('key', key, sorted(known))}")
    if not isinstance(stated.get("of"), str):
        raise DataError(f"layer {name!r}: amount: key 'of' is {stated.get('of')!r}; expected the name of a column")
    try:
        return PartOf(stated["of"], stated.get("factor", 1.0), stated.get("payers", ()))
    except DataError as fault:
        raise DataError(f"layer {name!r}: amount: {fault}") from None
