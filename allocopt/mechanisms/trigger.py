"""When closing winners starts and when it stops: a rule with memory, over the history of an insurance pool."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.errors import DataError
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array, number, vector
from allocopt.mechanisms.outcome import Outcome, once_each

REASONS = ("none", "drawdown", "equity", "both")


@dataclass(frozen=True, eq=False, repr=False)
class Triggered(Outcome):
    """When closings were on, why, and how much had to be won back, by time."""

    times: pd.Index
    pnl: Array
    balance: Array
    peaks: NDArray[np.intp]
    base: Array
    drawn: NDArray[np.bool_]
    empty: NDArray[np.bool_]
    start: float
    stop: float
    least: float

    @property
    def ratio(self) -> pd.Series[float]:
        """The fall of the profit from its peak in the window, over the largest balance in it; never above zero."""
        return pd.Series(self._ratio.copy(), index=self.times, name="ratio")

    @cached_property
    def _ratio(self) -> Array:
        return _drawdown(self.pnl - self.pnl[self.peaks], self.base)

    @property
    def active(self) -> pd.Series[bool]:
        """Whether winners are being closed."""
        return pd.Series(self.drawn | self.empty, index=self.times, name="active")

    @property
    def reason(self) -> pd.Series[str]:
        """``drawdown``, ``equity``, ``both`` or ``none``."""
        return pd.Series(
            np.array(REASONS, dtype=object)[self.drawn + 2 * self.empty.astype(int)], index=self.times, name="reason"
        )

    @property
    def gap(self) -> pd.Series[float]:
        """What closings have to win back for the pool: up to the start line in a drawdown, up to zero when it is empty,
        the larger of the two; in currency."""
        base = np.maximum(self.base, 0.0)
        line = np.maximum(self.start * base - (self.pnl - self.pnl[self.peaks]), 0.0)
        missing = np.maximum(-self.balance, 0.0)
        owed = np.maximum(np.where(self.drawn, line, 0.0), np.where(self.empty, missing, 0.0))
        return pd.Series(owed, index=self.times, name="gap")

    @property
    def episodes(self) -> pd.DataFrame:
        """One row per stretch of closings: ``first`` and ``last`` time on, and the largest ``gap`` in it."""
        on = (self.drawn | self.empty).astype(int)
        begins, ends = np.flatnonzero(np.diff(on, prepend=0) == 1), np.flatnonzero(np.diff(on, append=0) == -1)
        gap = self.gap.to_numpy()
        return pd.DataFrame(
            {
                "first": self.times[begins],
                "last": self.times[ends],
                "gap": [float(gap[a : b + 1].max()) for a, b in zip(begins, ends, strict=True)],
            }
        )

    @cached_property
    def certificate(self) -> Certificate:
        """The state read again, time by time: on beyond the start line, off beyond the stop line, else kept."""
        ratio, was, wrong = self._ratio, False, 0
        for at in range(len(self.pnl)):
            if ratio[at] > self.stop:
                was = False
            elif ratio[at] < self.start and self.balance[at] > self.least:
                was = True
            wrong += int(was != self.drawn[at]) + int(bool(self.empty[at]) != bool(self.balance[at] <= 0))
        return Certificate(float(wrong), 0.0, 0.0, "state by state", "start and stop conditions hold at every time")

    def __repr__(self) -> str:
        on = self.drawn | self.empty
        return f"Triggered({len(self.episodes)} episodes, {int(on.sum())} of {len(on)} times)"


def adl_trigger(
    pnl: Any,
    balance: Any,
    *,
    start: float = -0.3,
    stop: float = -0.25,
    window: Any = None,
    least: float = 0.0,
) -> Triggered:
    r"""Start closing winners when a profit has fallen far from its peak, and stop only when it is well back.

    .. math:: \rho_t = \frac{\Pi_t - \max_{t - w \le s \le t} \Pi_s}{\max_{t - w \le s \le t} V_s}, \qquad
       a_t = \begin{cases} 1 & \rho_t < \alpha \text{ and } V_t > V_{\min} \\ 0 & \rho_t > \beta \\
       a_{t-1} & \text{else} \end{cases}

    :math:`\Pi_t` is the cumulative profit of the pool with one symbol and :math:`V_t` the balance of the pool at time
    :math:`t`, in currency; :math:`w` the ``window``, :math:`\alpha` the ``start`` and :math:`\beta \ge \alpha` the
    ``stop``, fractions of the largest balance in the window. Between the two lines the state is what it was: the rule
    has memory, so the same pool can be closing winners or not according to where it came from. Beside it, and whatever
    :math:`a_t`, closings are on while :math:`V_t \le 0`. Where the pool held nothing in the window any fall is below
    every line.

    Parameters
    ----------
    pnl, balance : Series by time, the same increasing times (numbers or timestamps), any sign, in currency.
    start, stop : the two lines, between -1 and 0, start <= stop.
    window : how far back the peak is looked for, in the unit of the times, or a timedelta such as ``"8h"`` when they
        are timestamps; by default eight hours, with times that are numbers taken for hours.
    least : the balance above which the drawdown rule applies.

    Returns
    -------
    Triggered : ``.active``, ``.reason``, ``.ratio``, ``.gap`` (what closings have to win back), each a Series by time,
        ``.episodes``, ``.certificate``.

    Raises
    ------
    DataError : times that differ, fall or repeat; unknown figures; a stop below the start; a window that is not > 0.

    Source: Bybit, API documentation v5, "Get ADL Alert": starts below ``insurancePnlRatio`` -0.3 while the balance is
    above ``adlTriggerThreshold`` (1 in the text, 10000 in the sample: set it with ``least``), closes just enough to
    return to -0.3, stops above -0.25; by equity when the balance is <= 0. The condition is written with "<" and so it
    is here; the document's second example starts at exactly -0.3.

    >>> hours = [0.0, 1.0, 2.0, 3.0, 4.0]
    >>> pnl = pd.Series([0.0, -20.0, -31.0, -27.0, -24.0], index=hours)
    >>> found = adl_trigger(pnl, 100.0 + pnl)
    >>> found.active.to_list(), found.gap.max().item()
    ([False, False, True, True, False], 1.0)
    """
    lines = number(start, "start", low=-1.0, high=0.0), number(stop, "stop", low=-1.0, high=0.0)
    if lines[1] < lines[0]:
        raise DataError(f"stop is {lines[1]:g}, below start {lines[0]:g}; closings that start would stop at once")
    for what, given in (("pnl", pnl), ("balance", balance)):
        if not isinstance(given, pd.Series):
            raise DataError(f"{what} is a {type(given).__name__}; give a Series by time")
        once_each(given.index, what, "time")
    times, back = _times(pnl.index, window)
    gained = vector(pnl, pnl.index, "pnl", low=-np.inf)
    held = vector(balance, pnl.index, "balance", low=-np.inf)
    peaks = _peaks(times, gained, back)
    base = held[_peaks(times, held, back)]
    ratio = _drawdown(gained - gained[peaks], base)
    on, off = (ratio < lines[0]) & (held > number(least, "least")), ratio > lines[1]
    # The state is that of the last time at which a line was crossed; before the first it is off.
    said = np.where(on | off, np.arange(len(on)), -1)
    last = np.maximum.accumulate(said) if len(said) else said
    drawn = np.where(last >= 0, on[last], False) if len(said) else on
    return Triggered(pnl.index, gained, held, peaks, base, drawn, held <= 0, *lines, float(least))


def _drawdown(fall: Array, base: Array) -> Array:
    """A fall over what was there; nothing where nothing fell, without limit where nothing was there."""
    return np.where(fall < 0, np.divide(fall, base, out=np.full(len(fall), -np.inf), where=base > 0), 0.0)


def _times(index: pd.Index, window: Any) -> tuple[Array, float]:
    """Times as numbers from the first, and the window in the same unit; eight hours unless stated."""
    if window is None:
        window = "8h" if isinstance(index, pd.DatetimeIndex) else 8.0
    if isinstance(index, pd.DatetimeIndex):
        try:
            back = pd.Timedelta(window) if isinstance(window, str) or not np.isscalar(window) else None
        except (ValueError, TypeError):
            back = None
        if back is None or not isinstance(back, pd.Timedelta):
            raise DataError(f"window is {window!r} but the times are timestamps; give a timedelta such as '8h'")
        times, length = (index - index[:1].min()).total_seconds().to_numpy(dtype=np.float64), back.total_seconds()
    else:
        times, length = vector(index, index, "the times", low=-np.inf), number(window, "window")
    if not length > 0:
        raise DataError(f"window is {window!r}; give a length of time > 0")
    if len(times) > 1 and not (np.diff(times) > 0).all():
        raise DataError("the times do not increase; sort the series by time")
    return times, length


def _peaks(times: Array, values: Array, window: float) -> NDArray[np.intp]:
    """The position of the largest value within the window that ends at each time, the latest of equals.

    A sparse table of maxima over spans of 2, 4, 8, ... positions: every window is two overlapping spans.
    """
    count = len(values)
    if count == 0:
        return np.zeros(0, dtype=np.intp)
    first = np.searchsorted(times, times - window, side="left")
    here = np.arange(count)
    spans = here - first + 1
    level = np.log2(spans).astype(np.intp)
    table = [here.astype(np.intp)]
    while (1 << len(table)) <= int(spans.max()):
        below, half = table[-1], 1 << (len(table) - 1)
        left, right = below[: count - 2 * half + 1], below[half : count - half + 1]
        better = np.where(values[right] >= values[left], right, left)
        table.append(np.concatenate([better, below[len(better) :]]))
    stacked = np.array(table)
    left = stacked[level, first]
    right = stacked[level, here + 1 - (1 << level)]
    return np.asarray(np.where(values[right] >= values[left], right, left), dtype=np.intp)
