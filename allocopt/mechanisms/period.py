"""Defaults in a row: what the first has left, what is paid in again, who gave notice, and what recoveries repay."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import number
from allocopt.facts.event import Event
from allocopt.facts.rounding import whole_units
from allocopt.mechanisms import history, period_file
from allocopt.mechanisms.book import Book, Entry, again, cells
from allocopt.mechanisms.cascade import Cascade
from allocopt.mechanisms.history import read_day
from allocopt.mechanisms.repaying import Recovery, chosen, repay
from allocopt.mechanisms.terms import RECOVERIES
from allocopt.mechanisms.timeline import timeline
from allocopt.mechanisms.together import pooled
from allocopt.mechanisms.walk import stages
from allocopt.mechanisms.waterfall import Waterfall
from allocopt.views import view


class Period:
    r"""A waterfall over time: every default meets what earlier ones have left.

    .. math:: c_i = \min\bigl(f q_i - D_i + T_i,\ F q_i - P_i\bigr)^+

    :math:`q_i` is the figure of payer :math:`i` in the cap's column (of the event of the day, in currency), :math:`f`
    the layer's factor and :math:`F` its ``period_factor``; :math:`D_i` is what earlier defaults drew from the same
    resource, :math:`T_i` what was paid in again, :math:`P_i` what was drawn in the capped period. Columns therefore
    state what a payer stands for when nothing has been used; the period subtracts what has.

    What is done (:meth:`default`, :meth:`recover`, :meth:`replenish`, :meth:`withdraw`, :meth:`close`) is appended to
    ``log`` and every balance is derived from the log, in whole cents. :meth:`save` writes it, :meth:`load` does all of
    it again and refuses a file whose amounts differ by a cent.

    Parameters
    ----------
    waterfall : the rules, with their terms over time (``waterfall.period``).
    holidays : days that are no business days, beside Saturdays and Sundays.
    decimals : places of the smallest unit that is paid, 2 for cents.

    Raises
    ------
    DataError : days that run backwards, a survivor that has defaulted, a recovery of a default that never was.

    >>> from allocopt.mechanisms.layer import Layer
    >>> table = pd.DataFrame({"role": ["survivor", "survivor"], "default_fund": [30.0, 10.0]}, index=["A", "B"])
    >>> event = Event("toy", loss=20, currency="EUR", date=None, payers=table)
    >>> period = Period(Waterfall("toy", (Layer("fund", roles="survivor", cap="default_fund"),)))
    >>> period.default(event, "2024-03-01").residual, period.default(event, "2024-03-04", loss=30).residual
    (0.0, 10.0)
    >>> period.replenish("2024-03-05").to_dict()
    {'A': 30.0, 'B': 10.0}
    >>> period.recover(8, "2024-06-03").by_payer.to_dict()
    {'A': 6.0, 'B': 2.0}
    """

    def __init__(self, waterfall: Waterfall, *, holidays: Iterable[Any] = (), decimals: int = 2) -> None:
        if not isinstance(waterfall, Waterfall):
            raise DataError(f"a period runs a Waterfall, not a {type(waterfall).__name__}; see load_model()")
        self._waterfall = waterfall
        self._holidays = tuple(sorted(read_day(day, "a holiday") for day in holidays))
        self._decimals = decimals
        self._log: tuple[Entry, ...] = ()
        whole_units(np.zeros(1), decimals)
        limited = [layer.name for layer in waterfall.layers if layer.roles and layer.amount is not None]
        if waterfall.period.order == "continue" and limited:
            raise DataError(
                f"layer {limited[0]!r}: an amount for the whole layer cannot be told apart into old and topped-up "
                "money, which order = 'continue' needs; limit its payers by a cap"
            )

    @property
    def waterfall(self) -> Waterfall:
        """The rules."""
        return self._waterfall

    @property
    def log(self) -> tuple[Entry, ...]:
        """All that was done, in order; the truth from which everything else is derived."""
        return self._log

    @property
    def start(self) -> dt.date | None:
        """First day of the latest capped period; None before the first default."""
        return history.period_of(self._log, self._waterfall.period, self._holidays)[0]

    @property
    def end(self) -> dt.date | None:
        """Last day of the latest capped period; None before the first default and where periods have no end."""
        return history.period_of(self._log, self._waterfall.period, self._holidays)[1]

    def default(self, event: Event, date: Any = None, loss: float | Mapping[str, float] | None = None) -> Cascade:
        """Send a default down what is left of the layers; the draws are kept, in cents."""
        losses = self._waterfall.losses(event, loss)
        day = self._next_day(date if date is not None else event.date)
        history.refuse_the_dead(self._log, event)
        entry = Entry("default", day, {"event": event, "losses": losses})
        return self._run(entry, self._waterfall, event, losses)

    def together(self, events: Sequence[Event], date: Any, losses: Sequence[float] | None = None) -> Cascade:
        """Several defaults of one day as one: each defaulter answers for its own loss, all others for the sum.

        Defaults of one day that are to be dealt with one after the other are calls of :meth:`default` in that order.
        """
        amounts = [e.loss for e in events] if losses is None else [number(x, "a loss") for x in losses]
        day = self._next_day(date)
        waterfall, event, by_default = pooled(self._waterfall, events, amounts)
        history.refuse_the_dead(self._log, event)
        entry = Entry("together", day, {"events": tuple(events), "losses": tuple(amounts)})
        return self._run(entry, waterfall, event, by_default)

    def _run(self, entry: Entry, waterfall: Waterfall, event: Event, losses: Mapping[str, float]) -> Cascade:
        # The day may open a new capped period, so the book is opened with the entry already in the log.
        book = self._book(entry.date, entry)
        layers = list(waterfall.layers)
        if self._waterfall.period.order == "continue" and book.start is not None:
            fresh = {move.pot for move in book.moves if move.cents < 0 and move.date >= book.start}
            topped = [stage for stage in stages(waterfall.layers) if fresh & {layer.pot for layer in stage}]
            layers += [again(layer) for stage in topped for layer in stage]
        run = dataclasses.replace(waterfall, layers=tuple(layers)).run(event, losses, book=book)
        self._append(dataclasses.replace(entry, outcome=cells(run.rounded(self._decimals)), layers=tuple(layers)))
        return run

    def _append(self, entry: Entry) -> None:
        self._log = (*self._log, entry)

    def _book(self, day: dt.date, *more: Entry) -> Book:
        return history.book_of((*self._log, *more), day, self._waterfall, self._holidays, self._decimals)

    def _next_day(self, value: Any) -> dt.date:
        day = read_day(value, "the date")
        if self._log and day < self._log[-1].date:
            raise DataError(f"the date is {day}, but the log has come to {self._log[-1].date}; tell things in order")
        return day

    def recover(
        self, amount: float, date: Any, *, default: int | None = None, order: str | None = None,
        layers: Iterable[str] | None = None,
    ) -> Recovery:  # fmt: skip
        """Repay those who paid, the defaulter excepted, from money that came back; in cents, never more than was paid.

        ``default`` counts the defaults from 1 (the latest by default), ``order`` overrides the rulebook's recoveries
        and ``layers`` leaves the payers of other layers out.
        """
        which = history.default_number(self._log, default)
        turn = order or self._waterfall.period.recoveries or "reverse"
        if turn not in RECOVERIES:
            raise unknown("order of recoveries", turn, RECOVERIES)
        money = number(amount, "the amount recovered")
        names = [layers] if isinstance(layers, str) else None if layers is None else list(layers)
        owed = chosen(history.owed(self._log, which), names)
        found = repay(money, owed, history.paid_in(self._log, which).layers, turn, self._decimals)
        facts = {"amount": money, "default": which, "order": turn, "layers": names}
        self._append(Entry("recover", self._next_day(date), facts, cells(found.table)))
        return found

    def recompense(
        self, payments: pd.Series[float], *, default: int | None = None, layers: Iterable[str] | None = None
    ) -> pd.DataFrame:
        """Pay a schedule (an amount by day) to those still out of pocket, all alike; what each is paid on each day.

        :meth:`claims` is what a schedule has to repay, ``ao.recompense(period.claims(), profits).payments`` is one; a
        year stands for its last day.
        """
        which = history.default_number(self._log, default)
        names = None if layers is None else [layers] if isinstance(layers, str) else list(layers)
        paid = {
            day: self.recover(
                amount,
                dt.date(day, 12, 31) if isinstance(day, int) else day,
                default=which,
                order="pro rata",
                layers=names,
            ).by_payer
            for day, amount in payments.items()
        }
        return pd.DataFrame(paid).T

    def claims(self, default: int | None = None, layers: Iterable[str] | None = None) -> pd.Series[float]:
        """What each payer bore in a default (the latest) and has not been repaid; the defaulter has no claim."""
        return (
            chosen(history.owed(self._log, history.default_number(self._log, default)), layers)
            .sum(axis=0)
            .rename("claim")
        )

    def replenish(
        self, date: Any, resource: str | None = None, amounts: Mapping[Any, float] | None = None
    ) -> pd.Series[float]:
        """Pay in again what was used of a resource (of all that are replenished); what each payer pays in.

        Without ``amounts`` everybody who has not defaulted makes its own part whole, the house as well.
        """
        day = self._next_day(date)
        due = history.due(self._log, self._book(day), self._waterfall)
        known = sorted({layer.pot for layer in self._waterfall.layers if layer.renews == "replenished"})
        if resource is not None and resource not in known:
            raise unknown("resource that is replenished", resource, known)
        if amounts is not None:
            if resource is None:
                raise DataError("amounts are paid into one resource; name it with resource=...")
            due = {
                (resource, payer): number(x, f"what {payer!r} pays in", high=due.get((resource, payer), 0.0))
                for payer, x in amounts.items()
            }
        outcome = tuple((pot, who, x) for (pot, who), x in due.items() if x and (resource is None or pot == resource))
        facts = {"resource": resource, "amounts": None if amounts is None else [list(item) for item in amounts.items()]}
        self._append(Entry("replenish", day, facts, outcome))
        paid: dict[Any, float] = {}
        for _, who, x in outcome:
            paid[who] = paid.get(who, 0.0) + x
        return pd.Series(paid, name="paid in", dtype=float)

    def withdraw(self, payer: Any, date: Any, gone: Any = None, figures: Mapping[str, float] | None = None) -> None:
        """A member gives notice: its caps are fixed at the figures of the day, and its promises are not renewed.

        ``figures`` (column -> amount) are those of the last default's event by default. From the day ``gone`` on it
        pays for no further default.
        """
        figures = history.figures_of(self._log, payer) if figures is None else figures
        stated = {column: number(x, f"{column} of {payer!r}") for column, x in figures.items()}
        leaves = None if gone is None else read_day(gone, "the day it is gone")
        self._append(Entry("withdraw", self._next_day(date), {"payer": payer, "gone": leaves, "figures": stated}))

    def close(self, date: Any) -> None:
        """End the capped period early, on this day: a default after it opens a new one."""
        day = self._next_day(date)
        if self.start is None:
            raise DataError("there is no period to close before the first default")
        self._append(Entry("close", day, {}))

    @property
    def balances(self) -> pd.DataFrame:
        """By resource and payer: what was drawn, what was paid in again, and what is missing on the last day."""
        day = self._log[-1].date if self._log else dt.date.min
        return history.balances(self._log, self._book(day), self._waterfall)

    @property
    def timeline(self) -> pd.DataFrame:
        """What moved and what is left, by line of the log and resource; see :mod:`allocopt.mechanisms.timeline`."""
        return timeline(self._log, self._waterfall, self._holidays, self._decimals)

    def plot(self, ax: Any = None) -> Any:
        """Defaults, draws and replenishments over time, with what is left of each resource; returns the Axes."""
        return view("period plot")(self, ax=ax)

    def until(self, date: Any) -> Period:
        """A period of its own with the log up to and including a day, to try what might have been."""
        day = read_day(date, "the day")
        other = Period(self._waterfall, holidays=self._holidays, decimals=self._decimals)
        other._log = tuple(entry for entry in self._log if entry.date <= day)
        return other

    def to_json(self) -> str:
        """Rules and log as text; :meth:`from_json` makes the period again."""
        return period_file.written(self._waterfall, self._holidays, self._decimals, self._log)

    @classmethod
    def from_json(cls, text: str, what: str = "the text") -> Period:
        """Do again all that the text says was done, and refuse it when a single cent comes out differently."""
        waterfall, holidays, decimals, log = period_file.read(text, what)
        period = cls(waterfall, holidays=holidays, decimals=decimals)
        for number_, entry in enumerate(log, 1):
            period_file.redo(period, entry)
            period_file.compare(period._log[-1], entry, f"{what}: entry {number_} ({entry.kind} of {entry.date})")
        return period

    def save(self, path: str | PathLike[str]) -> Path:
        """Write rules and log to a file."""
        place = Path(path)
        place.write_text(self.to_json(), encoding="utf-8")
        return place

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Period:
        """The period of a file, done again to the same cent."""
        place = Path(path)
        try:
            text = place.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as fault:
            raise DataError(f"{place}: no period can be read ({fault}); give a file that save() wrote") from None
        return cls.from_json(text, str(place))
