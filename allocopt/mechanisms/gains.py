"""The answer to a gains haircut: who lost how much of which gain on which day, at which rate, and why it stands."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.facts.rounding import largest_remainder
from allocopt.maths.price import Supply, residuals
from allocopt.mechanisms.outcome import Outcome, named, unit_of, worst_of
from allocopt.schemes.pro_rata import ProRata


@dataclass(frozen=True, eq=False, repr=False)
class GainsHaircut(Outcome):
    r"""Haircuts on gains, by day and account.

    .. math:: \sum_i x_{it} + u_t = L_t \quad (t = 1, \dots, T), \qquad 0 \le \sum_{s \le t} x_{is} \le C_{it}^+

    :math:`x_{it}` are the ``haircuts`` (days x accounts), :math:`u_t` the ``unfunded`` loss of the day and
    :math:`L_t` the loss. Cumulative haircuts of a day may be negative: a refund; so may :math:`u_t`: a loss of earlier
    days funded today. Of daily haircuts each is at most the gain of its day.
    """

    days: pd.Index
    accounts: pd.Index
    payers: pd.Index
    owner: NDArray[np.intp]
    account_gains: Array
    gains: Array
    room: Array
    losses: Array
    taken: Array
    rate: Array
    timing: str
    netting: str
    currency: str

    @property
    def cumulative(self) -> bool:
        """Whether each day settles everything since the first."""
        return self.timing == "cumulative"

    @cached_property
    def _split(self) -> Array:
        """What is taken from each account: of the day, or to date; a member's haircut is spread by its gains."""
        if self.netting == "account":
            return self.taken
        whole = np.array(
            [np.bincount(self.owner, weights=row, minlength=len(self.payers)) for row in self.account_gains]
        )
        whole = whole.reshape(self.taken.shape)
        rate = np.divide(self.taken, whole, out=np.zeros(self.taken.shape), where=whole > 0)
        return np.asarray(np.minimum(self.account_gains * rate[:, self.owner], self.account_gains))

    @property
    def haircuts(self) -> pd.DataFrame:
        """What each account loses on each day (days x accounts), in currency; a refund is negative."""
        by_day = np.diff(self._split, axis=0, prepend=0.0) if self.cumulative else self._split.copy()
        return pd.DataFrame(by_day, index=self.days, columns=self.accounts)

    @property
    def by_account(self) -> pd.Series[float]:
        """What each account loses over all days."""
        last = self._split[-1:] if self.cumulative else self._split
        return pd.Series(last.sum(axis=0), index=self.accounts, name="gains haircut")

    @property
    def shares(self) -> pd.Series[float]:
        """What each payer (account, or member when netted by member) loses over all days."""
        last = self.taken[-1:] if self.cumulative else self.taken
        return pd.Series(last.sum(axis=0), index=self.payers, name="gains haircut")

    @property
    def rates(self) -> pd.Series[float]:
        """The part of every (net) gain that is cut, by day; of the gain to date when cumulative."""
        return pd.Series(self.rate.copy(), index=self.days, name="rate")

    @property
    def capacity(self) -> pd.Series[float]:
        """The net gains that could be cut, by day; to date when cumulative. Caps are not counted."""
        return pd.Series(self.gains.sum(axis=1), index=self.days, name="capacity")

    @property
    def unfunded(self) -> pd.Series[float]:
        """The loss of each day less what was cut on it; negative where cumulative gains make up for an earlier day."""
        due = self._due - self.taken.sum(axis=1)
        # Where the gains covered the loss the difference is rounding, and nothing is left.
        due = np.where(due <= 1e-12 * self._due, 0.0, due)
        return pd.Series(np.diff(due, prepend=0.0) if self.cumulative else due, index=self.days, name="unfunded")

    @property
    def residual(self) -> float:
        """The loss that the gains of these days could not pay."""
        return float(self.unfunded.sum())

    @property
    def _due(self) -> Array:
        return np.cumsum(self.losses) if self.cumulative else self.losses

    def _limits(self) -> Array:
        """The most each payer may lose, row by row: its gain, and what its cap still allows."""
        if self.cumulative:
            return np.minimum(self.gains, self.room)
        before = np.cumsum(self.taken, axis=0) - self.taken
        return np.minimum(self.gains, np.maximum(self.room - before, 0.0))

    def allocation(self, day: Any) -> Allocation:
        """The haircut of one day (to date when cumulative) as a loss divided pro rata to gains, with its proof."""
        at = named(day, self.days, "day")
        table = pd.DataFrame({"gain": self.gains[at], "limit": self._limits()[at]}, index=self.payers)
        about = f"gains haircut, {self.timing}, netted by {self.netting}: {day}"
        return ProRata(key="gain").allocate(LossProblem(self._due[at], table, "limit", self.currency, about=about))

    @cached_property
    def certificate(self) -> Certificate:
        """Every day against the conditions of one rate for all, and whether accounts and days add up."""
        found = []
        for due, gains, most, taken, rate in zip(
            self._due, self.gains, self._limits(), self.taken, self.rate, strict=True
        ):
            judged = residuals(due, Supply(np.zeros(1), gains[None], most[None]), taken, float(rate))
            found.append(Certificate(*judged, "one rate"))
        unit = float(self.losses.sum()) or 1.0
        days = self.haircuts.to_numpy().sum(axis=1) + self.unfunded.to_numpy() - self.losses
        beyond = (self._split - self.account_gains).max(initial=0.0)
        primal = float(max(np.abs(days).max(initial=0.0), beyond, -self._split.min(initial=0.0))) / unit
        own = Certificate(primal, 0.0, 0.0, "one rate")
        return worst_of([own, *found], "one rate", "every gain is cut at the rate of its day, and every day adds up")

    def rounded(self, decimals: int = 2) -> pd.DataFrame:
        """Haircuts in whole cents: each day's add up to what it funds, none above its gain (largest remainders)."""
        cut = [
            largest_remainder(row, most, decimals) for row, most in zip(self._split, self.account_gains, strict=True)
        ]
        table = np.array(cut).reshape(self._split.shape)
        by_day = np.round(np.diff(table, axis=0, prepend=0.0), decimals) if self.cumulative else table
        return pd.DataFrame(by_day, index=self.days, columns=self.accounts)

    def explain(self, account: Any) -> str:
        """Why this account loses this much: the days on which it had a gain to cut, with gain and rate."""
        at, unit = named(account, self.accounts, "account"), unit_of(self.currency)
        cuts = self.haircuts.iloc[:, at].to_numpy()
        lines = [
            f"{account} loses {unit}{cuts.sum():,.2f} of its gains (haircut {self.timing}, netted by {self.netting})."
        ]
        to_date = " to date" if self.cumulative else ""
        for t, day in enumerate(self.days):
            gain = self.account_gains[t, at]
            if not (gain or cuts[t]):
                continue
            words = f"{day}: gain{to_date} {unit}{gain:,.2f}"
            if self.netting == "member":
                who = self.owner[at]
                words += f", net gain{to_date} of {self.payers[who]} {unit}{self.gains[t, who]:,.2f}"
            verb = "refunded" if cuts[t] < 0 else "taken"
            lines.append(f"{words}, cut at {self.rate[t]:.4%}: {unit}{abs(cuts[t]):,.2f} {verb} on the day.")
        return "\n".join(lines)

    def __repr__(self) -> str:
        unit = unit_of(self.currency)
        return (
            f"GainsHaircut({self.timing}, by {self.netting}: {unit}{self.shares.sum():,.2f} of "
            f"{unit}{self.losses.sum():,.2f} over {len(self.days)} days and {len(self.accounts)} accounts, "
            f"residual {unit}{self.residual:,.2f})"
        )
