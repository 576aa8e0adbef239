"""The waterfall game: what a group of members would bear, or save, if only they were members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array
from allocopt.facts.event import Event
from allocopt.games.base import Coalitions, Game, player_index

WORTHS = ("burden", "relief")


class Outcome(Protocol):
    """What a run tells: what each payer bears, and what is left over."""

    @property
    def by_payer(self) -> pd.Series[float]: ...

    @property
    def residual(self) -> float: ...


class Mechanism(Protocol):
    """Anything that sends the loss of an event down its layers: a Waterfall, or a rule of your own."""

    def run(self, event: Event) -> Outcome: ...


@dataclass(frozen=True, eq=False, repr=False)
class WaterfallGame(Game):
    """A waterfall game; ``mechanism`` runs through ``event`` with the members of a coalition only, and ``worth`` says
    whether what they bear counts or what they spare others."""

    mechanism: Mechanism
    event: Event
    worth: str

    def outcome(self, members: Sequence[Any]) -> Outcome:
        """The run when, of the players, only ``members`` are there."""
        table = self.event.payers
        absent = self.players.difference(pd.Index(members, dtype=object), sort=False)
        event = Event(
            self.event.name,
            loss=self.event.loss,
            currency=self.event.currency,
            date=self.event.date,
            payers=table.drop(index=absent),
            title=self.event.title,
            venue=self.event.venue,
            status=self.event.status,
        )
        return self.mechanism.run(event)

    def worths(self, coalitions: Coalitions) -> Array:
        out = np.empty(len(coalitions))
        nobody = float(self.outcome([]).residual) if self.worth == "relief" else 0.0
        for at, row in enumerate(coalitions):
            members = list(self.players[row])
            if not members:
                out[at] = 0.0
            elif self.worth == "burden":
                out[at] = float(self.outcome(members).by_payer.reindex(members).sum())
            else:
                out[at] = nobody - float(self.outcome(members).residual)
        return out


def waterfall(
    waterfall: Mechanism, event: Event, members: Sequence[Any] | None = None, worth: str = "burden"
) -> WaterfallGame:
    r"""Who pays what if only some of the members had been members when the loss struck.

    .. math:: c(S) = \sum_{i \in S} x_i(L;\, S), \qquad v(S) = R(L;\, \emptyset) - R(L;\, S)

    The waterfall runs through the event with the members of S in the table of payers and the other players out of it;
    everybody who is no player (the defaulter, the house) stays, and so does the loss L. :math:`x_i(L; S)` is what
    member i then bears in all layers, and :math:`R(L; S)` what nobody can bear. ``burden`` is the cost c: what S would
    be charged if it were alone with the loss, so a division in its core charges no group more than that. ``relief`` is
    the gain v: what the resources of S add to the protection of everybody outside.

    Every worth is a run of the waterfall, a millisecond or more: see :meth:`~allocopt.games.base.Game.cached`.

    Parameters
    ----------
    waterfall : a :class:`~allocopt.Waterfall`, or anything with a method ``run(event)`` whose answer has ``by_payer``
        and ``residual``.
    event : the loss and all payers.
    members : the players, names of payers; all payers in the role of survivor when left out.
    worth : ``burden`` or ``relief``.

    Raises
    ------
    DataError : no survivors, a member who is not a payer of the event, an unknown worth, something that does not run.

    >>> import allocopt as ao, datetime
    >>> table = pd.DataFrame({"role": ["house", "survivor", "survivor"], "own": [7.0, None, None],
    ...                       "fund": [None, 30.0, 10.0]}, index=["CCP", "A", "B"])
    >>> event = ao.Event("toy", loss=40, currency="EUR", date=datetime.date(2020, 1, 1), payers=table)
    >>> toy = ao.Waterfall("toy", (ao.Layer("own", roles="house", cap="own"),
    ...                            ao.Layer("fund", roles="survivor", cap="fund")))
    >>> waterfall(toy, event).table()  # the house pays 7 of 40 before them
    array([ 0., 30., 10., 33.])
    """
    if not callable(getattr(waterfall, "run", None)):
        raise DataError(f"{waterfall!r} has no method run(event); give a Waterfall")
    if not isinstance(event, Event):
        raise DataError(f"the event is {event!r}; give an Event, see load_event()")
    if worth not in WORTHS:
        raise unknown("worth of a waterfall game", worth, WORTHS)
    table = event.payers
    if members is None:
        members = list(table.index[table["role"] == "survivor"])
        if not members:
            raise DataError(f"event {event.name!r} has no payer in the role of survivor; name the members")
    elif isinstance(members, str) or not isinstance(members, Sequence | pd.Index):
        raise DataError(f"members is {members!r}; give a list of names")
    names = player_index(members, len(members))
    stray = [m for m in names if m not in table.index]
    if stray:
        raise DataError(f"{stray[0]!r} is not a payer of event {event.name!r}; members are among its payers")
    return WaterfallGame(names, "cost" if worth == "burden" else "gain", waterfall, event, worth)
