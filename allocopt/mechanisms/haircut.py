"""Variation-margin gains are cut in proportion until the losses are paid, day by day or over all days so far."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.errors import DataError
from allocopt.facts.checks import Array, vector
from allocopt.maths.price import Supply, clear
from allocopt.mechanisms.gains import GainsHaircut
from allocopt.mechanisms.outcome import amount_table, chosen, once_each, stakes, unit_of

TIMINGS = ("daily", "cumulative")
NETTINGS = ("account", "member")


def haircut_gains(
    flows: pd.DataFrame,
    losses: Any,
    timing: str = "daily",
    netting: str = "account",
    *,
    cap: Any = None,
    currency: str = "",
) -> GainsHaircut:
    r"""Cut the variation-margin gains of survivors, all at one rate, to pay losses that nothing else has covered.

    .. math:: \text{daily:}\quad h_t = \min\Bigl(1, \frac{L_t}{\sum_i G_{it}^+}\Bigr),\qquad x_{it} = h_t G_{it}^+

    .. math:: \text{cumulative:}\quad h_t = \min\Bigl(1, \frac{\sum_{s \le t} L_s}{\sum_i C_{it}^+}\Bigr),\qquad
       \sum_{s \le t} x_{is} = h_t C_{it}^+, \qquad C_{it} = \sum_{s \le t} G_{is}

    :math:`G_{it}` is the variation margin of account :math:`i` on day :math:`t` (gain > 0, in currency),
    :math:`L_t \ge 0` the loss to be funded on that day, :math:`h_t` the rate. Losses of survivors are paid in full
    under both timings; only gains are cut. Daily looks at one day alone: a loss that the day's gains cannot fund stays
    unfunded. Cumulative looks at the net gain since the first day: an earlier haircut is refunded when the gain it was
    taken from is lost again (``haircuts`` of that day is then negative), and an unfunded loss waits for later gains.

    With ``netting="member"`` the gains and losses of a member's accounts are set off first; what is taken from the
    member is split over its accounts in proportion to their gains. The base shrinks, never grows:
    :math:`\sum_m (\sum_{a \in m} G_a)^+ \le \sum_a G_a^+`.

    **Capacity.** Positions sum to zero, so the survivors' gains less their losses are what the defaulter's positions
    lost: :math:`\sum_i G_i^+ = \sum_i G_i^- + D`. Gains haircutting can therefore always pay the defaulter's loss since
    haircutting began, at a rate of at most one, but not a loss from before that, nor an auction premium.

    Parameters
    ----------
    flows : DataFrame days x accounts of variation margin, in the order in which the days passed; columns are account
        ids, or pairs (member, account), which ``netting="member"`` needs.
    losses : the loss of each day, >= 0: a Series by day, in which a day that is left out has none, or one entry per row
        of ``flows``.
    timing : ``"daily"`` or ``"cumulative"``.
    netting : ``"account"`` or ``"member"``.
    cap : the most each account (or member, when netting by member) may lose over all days: a Series, one number for
        all, or None. Rulebooks differ, so there is no default; what a cap cuts off is taken from the rest.

    Returns
    -------
    GainsHaircut : ``.haircuts`` (days x accounts), ``.by_account``, ``.rates`` and ``.unfunded`` (by day),
        ``.residual``, ``.allocation(day)``, ``.rounded(2)``, ``.certificate``, ``.explain(account)``.

    Raises
    ------
    DataError : a number that is none, a loss on a day without flows, days out of order, a negative loss or cap, netting
        by member without members.

    Sources: the daily form is the one in common use; ISDA (August 2013) proposes gains accumulated since the default,
    at the level of the beneficial owner; Heath, Kelly and Manning (2015), RBA RDP 2015-02, compare it with cash calls.

    >>> flows = pd.DataFrame({"A": [30.0, -30.0], "B": [10.0, 30.0], "C": [-20.0, 20.0]}, index=["Mon", "Tue"])
    >>> daily = haircut_gains(flows, [20.0, 0.0])
    >>> daily.by_account.to_dict(), daily.rates.to_dict()
    ({'A': 15.0, 'B': 5.0, 'C': 0.0}, {'Mon': 0.5, 'Tue': 0.0})

    A lost on Tuesday what it had gained on Monday. Over both days it gained nothing, so it gets its 15 back and B pays:

    >>> over_both = haircut_gains(flows, [20.0, 0.0], timing="cumulative")
    >>> over_both.haircuts.to_numpy().tolist(), over_both.by_account.to_dict()
    ([[15.0, 5.0, 0.0], [-15.0, 15.0, 0.0]], {'A': 0.0, 'B': 20.0, 'C': 0.0})
    """
    chosen(timing, "timing", TIMINGS)
    chosen(netting, "netting", NETTINGS)
    unit_of(currency)
    moves, frame = amount_table(flows, "flows", "day", "account", low=-np.inf)
    _in_order(frame.index)
    owed = _by_day(losses, frame.index)
    members, owner = _netted(frame.columns, netting)
    room = np.full(len(members), np.inf) if cap is None else vector(cap, members, "cap", finite=False)

    cumulative = timing == "cumulative"
    gains = np.cumsum(moves, axis=0) if cumulative else moves
    due = np.cumsum(owed) if cumulative else owed
    net = np.maximum(_summed(gains, owner, len(members)), 0.0)
    taken, rates = np.zeros(net.shape), np.zeros(len(net))
    left = room
    for t in range(len(net)):
        taken[t], rates[t] = _cut(due[t], net[t], np.minimum(net[t], left))
        if not cumulative:
            left = np.maximum(left - taken[t], 0.0)
    return GainsHaircut(
        frame.index, frame.columns, members, owner, np.maximum(gains, 0.0), net, room, owed, taken, rates,
        timing, netting, currency,
    )  # fmt: skip


def _cut(due: float, gains: Array, most: Array) -> tuple[Array, float]:
    """What each payer loses of its gains, at one rate, none above its most; and the rate."""
    if due <= 0:
        return np.zeros(len(gains)), 0.0
    if (most == gains).all():
        total = float(gains.sum())
        return (gains * (due / total), due / total) if due < total else (gains, 1.0)
    given, rate = clear(due, Supply(np.zeros(1), gains[None], most[None]))
    return given[0], min(rate, 1.0)


def _summed(gains: Array, owner: NDArray[np.intp], members: int) -> Array:
    """Gains less losses of all accounts of each owner, by day."""
    if members == gains.shape[1]:
        return gains
    return np.array([np.bincount(owner, weights=row, minlength=members) for row in gains]).reshape(-1, members)


def _netted(accounts: pd.Index, netting: str) -> tuple[pd.Index, NDArray[np.intp]]:
    """Who pays: the accounts themselves, or the members that own them; and the owner of every account."""
    if netting == "account":
        return accounts, np.arange(len(accounts))
    if not isinstance(accounts, pd.MultiIndex):
        raise DataError(
            "netting by member needs the owner of every account; name the columns of flows by pairs (member, account)"
        )
    owner, members = pd.factorize(accounts.get_level_values(0))
    return pd.Index(members, name=accounts.names[0]), owner


def _in_order(days: pd.Index) -> None:
    dated = isinstance(days, pd.DatetimeIndex | pd.PeriodIndex) or pd.api.types.is_numeric_dtype(days.dtype)
    if dated and not days.is_monotonic_increasing:
        raise DataError("flows: the days are out of order; sort them first (flows.sort_index())")


def _by_day(losses: Any, days: pd.Index) -> Array:
    if isinstance(losses, pd.Series):
        once_each(losses.index, "losses", "day")
        lone = losses.index[~losses.index.isin(days)]
        if len(lone):
            raise DataError(f"flows have no row for day {lone.tolist()[0]!r}, on which there is a loss; add it")
        losses = losses.reindex(days.union(losses.index, sort=False), fill_value=0.0)
    elif np.ndim(losses) == 0 and len(days) > 1:
        raise DataError(f"losses is {losses!r}; give one loss for each of the {len(days)} days")
    return stakes(losses, days, "losses (by day)")
