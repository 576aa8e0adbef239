"""How defaults in a row count together: the length of a capped period, the order after a default, who is repaid."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import number

UNITS = ("business days", "calendar days")
EXTENSIONS = ("restart", "add", "no")
ORDERS = ("top", "continue")
RECOVERIES = ("reverse", "pro rata", "in order")

_EXTENDED = {
    "": "",
    "restart": ", counted again from every further default",
    "add": ", and as many more for every further default",
    "no": ", whatever further defaults there are",
}
_REPAID = {
    "reverse": "to the last layer first",
    "pro rata": "to all who paid, in proportion to what they paid",
    "in order": "to the first layer first",
}


@dataclass(frozen=True)
class Terms:
    """What a rulebook says about several defaults.

    Parameters
    ----------
    length : days of a capped period, the day of the first default being the first; None when limits run without end.
    unit : ``business days`` (Monday to Friday, holidays left out) or ``calendar days``.
    extended : by a further default within the period: ``restart`` (``length`` days are counted again from that
        default), ``add`` (it ends ``length`` days later than it would have), ``no``; as ``no`` where nothing is said.
    most_months, most_days : the longest a period can become, in calendar months or days, its first day counted.
    order : a default after another starts at the ``top`` of the layers; or it may ``continue``: first what is left of
        the resources as they stood, in order, and only then, in order again, what was paid in since.
    recoveries : repaid to those who paid, ``reverse`` (the last layer first), ``pro rata`` to all they paid, or
        ``in order`` (the first layer first); within a layer always in proportion to what was paid; as ``reverse``
        where nothing is said.
    notice_factor : the most a member that gave notice still pays, as a multiple of its figure on that day; by default
        the factor of each layer once more.
    sources, note : where the terms were read (keys), and what a reader must know.

    >>> Terms(length=20, most_months=3).end(dt.date(2024, 1, 5), dt.date(2024, 1, 5), None)
    datetime.date(2024, 2, 1)
    """

    length: int | None = None
    unit: str = "business days"
    extended: str | None = None
    most_months: int | None = None
    most_days: int | None = None
    order: str = "top"
    recoveries: str | None = None
    notice_factor: float | None = None
    sources: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "sources", (self.sources,) if isinstance(self.sources, str) else tuple(self.sources))
        for what, known in (("unit", UNITS), ("extended", EXTENSIONS), ("order", ORDERS), ("recoveries", RECOVERIES)):
            stated = getattr(self, what)
            if stated is not None and stated not in known:
                raise unknown(f"choice for {what} of the period", stated, known)
        for what in ("length", "most_months", "most_days"):
            days = getattr(self, what)
            if days is not None and (isinstance(days, bool) or not isinstance(days, int) or days < 1):
                raise DataError(f"{what} of the period is {days!r}; give a whole number >= 1")
        if self.notice_factor is not None:
            number(self.notice_factor, "notice_factor of the period")

    @property
    def told(self) -> tuple[str, ...]:
        """The terms in sentences; none where a rulebook states none."""
        said = []
        if self.length is not None:
            longest = [f"{self.most_months} months"] if self.most_months is not None else []
            longest += [f"{self.most_days} calendar days"] if self.most_days is not None else []
            within = f", at most {' and '.join(longest)} in all" if longest else ""
            said.append(f"A capped period lasts {self.length} {self.unit}{_EXTENDED[self.extended or '']}{within}.")
        if self.order == "continue":
            said.append("A further default first uses what is left of the old resources, then what was paid in since.")
        if self.recoveries is not None:
            said.append(f"Recoveries are repaid {_REPAID[self.recoveries]}.")
        if self.notice_factor is not None:
            said.append(f"A member that gave notice still pays at most {self.notice_factor:g} times its figure.")
        return tuple([*said, self.note] if self.note else said)

    def end(
        self, start: dt.date, default: dt.date, running: dt.date | None, holidays: Sequence[dt.date] = ()
    ) -> dt.date | None:
        """The last day of the period that began on ``start`` once a default on ``default`` counts; None: no end."""
        if self.length is None:
            return None
        if running is None:
            end = self._last(start, self.length, holidays)
        elif self.extended not in ("restart", "add"):
            end = running
        else:
            restarts = self.extended == "restart"
            end = max(running, self._last(default if restarts else running, self.length + (not restarts), holidays))
        if self.most_months is not None:
            end = min(end, months_later(start, self.most_months) - dt.timedelta(days=1))
        if self.most_days is not None:
            end = min(end, start + dt.timedelta(days=self.most_days - 1))
        return end

    def _last(self, first: dt.date, length: int, holidays: Sequence[dt.date]) -> dt.date:
        """The last of so many days; where the first is no business day, counting begins with the next."""
        if self.unit == "calendar days":
            return first + dt.timedelta(days=length - 1)
        closed = np.array(list(holidays), dtype="datetime64[D]")
        found = np.busday_offset(np.datetime64(first, "D"), length - 1, roll="forward", holidays=closed)
        return dt.date.fromisoformat(str(found))


def business_days_later(day: dt.date, days: int, holidays: Sequence[dt.date] = ()) -> dt.date:
    """The date so many business days after a day; a day that is none itself counts as the business day before it.

    >>> business_days_later(dt.date(2024, 3, 28), 1, [dt.date(2024, 3, 29)])
    datetime.date(2024, 4, 1)
    """
    closed = np.array(list(holidays), dtype="datetime64[D]")
    found = np.busday_offset(np.datetime64(day, "D"), days, roll="backward", holidays=closed)
    return dt.date.fromisoformat(str(found))


def months_later(day: dt.date, months: int) -> dt.date:
    """The same day so many months later, or the last day of that month if it is shorter.

    >>> months_later(dt.date(2023, 11, 30), 3)
    datetime.date(2024, 2, 29)
    """
    whole = day.year * 12 + day.month - 1 + months
    year, month = divmod(whole, 12)
    following = dt.date(year + month // 11, (month + 1) % 12 + 1, 1)
    last = (following - dt.timedelta(days=1)).day
    return dt.date(year, month + 1, min(day.day, last))
