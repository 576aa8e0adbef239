"""The facts when a loss strikes: who was there, what was lost, when, and how well each figure is known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import number, one_currency, payer_table
from allocopt.facts.problem import STATUSES, LossProblem

ROLES = ("defaulter", "house", "survivor", "insurance fund", "trader")


@dataclass(frozen=True)
class Source:
    """Where a figure was read: a key for reference, title, publisher, date as printed, and a locator."""

    key: str
    title: str
    publisher: str = ""
    date: str = ""
    locator: str = ""

    def __str__(self) -> str:
        return ", ".join(part for part in (self.publisher, f"“{self.title}”", self.date, self.locator) if part)


@dataclass(frozen=True)
class Figure:
    """One number of the episode with its unit, how it is known, and the keys of its sources."""

    name: str
    value: float
    unit: str
    status: str
    sources: tuple[str, ...] = ()
    note: str = ""


class Event:
    """The facts when a loss strikes; no rule.

    ``payers`` has one row per payer, a ``role`` column (defaulter, house, survivor, insurance fund, trader) and named
    quantities in one currency. ``scenarios``, when given, holds profit and loss by scenario (rows) and payer (columns),
    gain > 0. ``status`` says of each column whether its figures are published, derived, synthetic or unverified.
    ``question`` is the question asked of this event by default: roles, cap and loss (see :meth:`problem`).
    ``tables`` holds what else is known and speaks of no payer (by wave, by shock), each with its own rows.

    >>> import pandas as pd, datetime
    >>> table = pd.DataFrame({"role": ["house", "survivor"], "default_fund": [0.0, 9.0]}, index=["CCP", "A"])
    >>> event = Event("toy", loss=5, currency="EUR", date=datetime.date(2020, 1, 1), payers=table)
    >>> event.problem(roles=["survivor"], cap="default_fund").n
    1
    """

    __slots__ = ("_payers", "_scenarios", "_tables", "currency", "date", "expected", "figures", "loss", "name",
                 "question", "sources", "status", "summary", "title", "venue")  # fmt: skip

    name: str
    title: str
    venue: str
    summary: str
    loss: float
    currency: str
    date: dt.date | None
    status: dict[str, str]
    figures: tuple[Figure, ...]
    sources: tuple[Source, ...]
    question: dict[str, Any]
    expected: dict[str, float]
    _payers: pd.DataFrame
    _scenarios: pd.DataFrame | None
    _tables: dict[str, pd.DataFrame]

    def __init__(
        self,
        name: str,
        *,
        loss: float,
        currency: str,
        date: dt.date | None,
        payers: pd.DataFrame,
        scenarios: pd.DataFrame | None = None,
        title: str = "",
        venue: str = "",
        summary: str = "",
        status: Mapping[str, str] | None = None,
        figures: Iterable[Figure] = (),
        sources: Iterable[Source] = (),
        question: Mapping[str, Any] | None = None,
        expected: Mapping[str, float] | None = None,
        tables: Mapping[str, pd.DataFrame] | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "name", name)
        put(self, "title", title or name)
        put(self, "venue", venue)
        put(self, "summary", summary)
        put(self, "loss", number(loss, f"loss of event {name!r}"))
        put(self, "date", date)
        table = payer_table(payers, f"payers of event {name!r}")
        if "role" not in table.columns:
            raise DataError(f"payers of event {name!r} have no column 'role'; add one with values from {list(ROLES)}")
        known = [role in ROLES for role in table["role"].tolist()]
        if not all(known):
            at = known.index(False)
            payer, role = table.index[at], table["role"].iloc[at]
            raise DataError(f"event {name!r}: payer {payer!r} has role {role!r}; expected one of {list(ROLES)}")
        put(self, "_payers", table)
        put(self, "currency", one_currency(table, currency))
        put(self, "_scenarios", self._checked_scenarios(scenarios, table, name))
        put(self, "status", dict(status or {}))
        for column, word in self.status.items():
            if word not in STATUSES:
                raise DataError(f"event {name!r}: column {column!r} has status {word!r}; expected {list(STATUSES)}")
        put(self, "figures", tuple(figures))
        put(self, "sources", tuple(sources))
        put(self, "question", dict(question or {}))
        put(self, "expected", dict(expected or {}))
        put(self, "_tables", {title: frame.copy() for title, frame in (tables or {}).items()})

    def __reduce__(self) -> Any:
        return _rebuilt, ({slot: getattr(self, slot) for slot in self.__slots__},)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"an Event is frozen; build a new one to change {name!r}")

    @staticmethod
    def _checked_scenarios(scenarios: pd.DataFrame | None, table: pd.DataFrame, name: str) -> pd.DataFrame | None:
        if scenarios is None:
            return None
        stray = [c for c in scenarios.columns if c not in table.index]
        if stray:
            raise DataError(f"event {name!r}: scenarios name payer {stray[0]!r}, who is not in the table of payers")
        bad = scenarios.columns[scenarios.isna().any()]
        if len(bad):
            raise DataError(f"event {name!r}: scenarios of payer {bad[0]!r} hold NaN; fill or drop those rows")
        return scenarios.astype(float).copy()

    @property
    def payers(self) -> pd.DataFrame:
        """The table of payers, a copy."""
        return self._payers.copy()

    @property
    def scenarios(self) -> pd.DataFrame | None:
        """Profit and loss, scenarios x payers (gain > 0), a copy, or None."""
        return None if self._scenarios is None else self._scenarios.copy()

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The further tables by name, copies; empty where the event has none."""
        return {title: frame.copy() for title, frame in self._tables.items()}

    def problem(
        self, roles: Iterable[str] | str | None = None, cap: Any = None, loss: float | None = None
    ) -> LossProblem:
        """One question about this event: divide ``loss`` among the payers in these roles, none above ``cap``.

        What is left out comes from the event's own question (``event.question``), then from the event: every payer
        and the whole loss. Pass ``cap="none"`` for no cap at all.
        """
        asked = self.question
        roles = asked.get("roles") if roles is None else roles
        wanted = [roles] if isinstance(roles, str) else list(ROLES if roles is None else roles)
        for role in wanted:
            if role not in ROLES:
                raise unknown("role", role, ROLES)
        cap = asked.get("cap") if cap is None else cap
        if isinstance(cap, str) and cap == "none":
            cap = None
        loss = asked.get("loss", self.loss) if loss is None else loss
        table = self._payers[self._payers["role"].isin(wanted)]
        return LossProblem(loss, table, cap, self.currency, status=self.status, about=self.title)

    def __repr__(self) -> str:
        return f"Event({self.name!r}, {self.loss:,.0f} {self.currency}, {self.date}, {len(self._payers)} payers)"


def _rebuilt(state: Mapping[str, Any]) -> Event:
    """An event from its parts, for copy and pickle: nothing is checked twice."""
    event = Event.__new__(Event)
    for slot, value in state.items():
        object.__setattr__(event, slot, value)
    return event
