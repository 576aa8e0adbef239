"""Members who bore a loss are paid back from the clearing house's later profits, a share a year, all at one rate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array, number, vector
from allocopt.facts.rounding import largest_remainder
from allocopt.mechanisms.outcome import Outcome, named, once_each, unit_of

LARGEST_SHARE, LONGEST = 0.7, 10  # Delegated Regulation (EU) 2023/450, Articles 2 and 3


@dataclass(frozen=True, eq=False, repr=False)
class Recompense(Outcome):
    """A schedule of payments from profits."""

    claimants: pd.Index
    claims: Array
    years: pd.Index
    offered: Array
    paid: Array
    share: float
    longest: int
    currency: str

    @property
    def payments(self) -> pd.Series[float]:
        """What is paid each year, to all claimants together."""
        return pd.Series(self.paid.copy(), index=self.years, name="payment")

    @property
    def _quota(self) -> Array:
        total = float(self.claims.sum())
        return self.claims / total if total > 0 else self.claims

    @property
    def by_claimant(self) -> pd.DataFrame:
        """What is paid each year to each claimant (years x claimants), pari passu: in proportion to the claims."""
        return pd.DataFrame(np.outer(self.paid, self._quota), index=self.years, columns=self.claimants)

    @property
    def shares(self) -> pd.Series[float]:
        """What each claimant is paid in all."""
        return pd.Series(float(self.paid.sum()) * self._quota, index=self.claimants, name="recompense")

    @property
    def residual(self) -> float:
        """What is never paid back."""
        total = float(self.claims.sum())
        rest = total - float(self.paid.sum())
        return 0.0 if rest <= 1e-12 * total else rest

    @property
    def outstanding(self) -> pd.Series[float]:
        """What is still owed at the end of each year."""
        rest = float(self.claims.sum()) - np.cumsum(self.paid)
        return pd.Series(np.where(rest <= 1e-12 * self.claims.sum(), 0.0, rest), index=self.years, name="outstanding")

    @property
    def lawful(self) -> bool:
        """Whether share and years keep within Delegated Regulation (EU) 2023/450: 70 % of profits, 10 years."""
        return self.share <= LARGEST_SHARE and self.longest <= LONGEST

    def present_value(self, rate: float) -> float:
        r"""The payments discounted at ``rate`` a year, the first one year from now: :math:`\sum_k y_k (1 + r)^{-k}`."""
        r = number(rate, "rate")
        return float(self.paid @ (1.0 + r) ** -np.arange(1.0, len(self.paid) + 1.0))

    def rounded(self, decimals: int = 2) -> pd.DataFrame:
        """Payments in whole cents, by year and claimant; no claimant gets a cent above its claim, no year one above
        the payment of the years so far."""
        steps = [largest_remainder(total * self._quota, self.claims, decimals) for total in np.cumsum(self.paid)]
        table = np.array(steps).reshape(len(self.paid), len(self.claims))
        by_year = np.round(np.diff(table, axis=0, prepend=0.0), decimals)
        return pd.DataFrame(by_year, index=self.years, columns=self.claimants)

    @cached_property
    def certificate(self) -> Certificate:
        """Payments and residual make the claim; none exceeds its year's share; none stops short while money is owed."""
        total = float(self.claims.sum())
        unit = total or 1.0
        before = total - np.cumsum(self.paid) + self.paid
        due = np.minimum(self.offered, np.maximum(before, 0.0))
        whole = abs(float(self.paid.sum()) + self.residual - total) / unit
        beyond = float((self.paid - self.offered).max(initial=0.0)) / unit
        short = float(np.abs(self.paid - due).max(initial=0.0)) / unit
        return Certificate(
            max(whole, beyond), short, 0.0, "schedule", "each year pays its share of profit or what is owed"
        )

    def explain(self, claimant: Any = None) -> str:
        """The schedule in words, for one claimant when several share it."""
        unit = unit_of(self.currency)
        at = None if claimant is None else named(claimant, self.claimants, "claimant")
        quota = 1.0 if at is None else float(self._quota[at])
        who = "The claim" if at is None else f"{claimant}, with {quota:.4%} of all claims,"
        owed = float(self.claims.sum()) if at is None else float(self.claims[at])
        lines = [
            f"{who} is owed {unit}{owed:,.2f} and gets {unit}{self.paid.sum() * quota:,.2f} from {self.share:.0%} of "
            f"profits over at most {self.longest} years."
        ]
        lines += [
            f"{year}: {unit}{pay * quota:,.2f} of {unit}{offer * quota:,.2f} on offer."
            for year, pay, offer in zip(self.years, self.paid, self.offered, strict=True)
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        unit = unit_of(self.currency)
        return (
            f"Recompense({unit}{self.paid.sum():,.2f} of {unit}{self.claims.sum():,.2f} in {len(self.years)} years at "
            f"{self.share:.0%} of profits, residual {unit}{self.residual:,.2f})"
        )


def recompense(claim: Any, profits: Any, share: float = 0.7, years: int = 10, *, currency: str = "") -> Recompense:
    r"""Pay claims back from the clearing house's profits, year by year, until paid or out of time.

    .. math:: y_k = \min\Bigl(s\, \Pi_k^+,\ C - \sum_{j < k} y_j\Bigr) \quad (k = 1, \dots, N), \qquad
       y_{ik} = y_k\, \frac{C_i}{\sum_j C_j}

    :math:`C = \sum_i C_i` is the claim in currency, :math:`\Pi_k` the profit of year :math:`k` (a year of loss pays
    nothing and is not made up), :math:`s` the ``share`` of a year's profit that may be used, :math:`N` the number of
    ``years``. Profits after year :math:`N` pay nothing, whatever is still owed. No interest accrues: the rule states
    none. Claimants are paid pari passu.

    Parameters
    ----------
    claim : one amount, or a Series by claimant, >= 0.
    profits : annual profits from the first year on, any sign: a Series by year or a list. Profits that are transferred
        to a parent under an agreement are to be added back first (Article 1(3)).
    share : the part of a year's profit, between 0 and 1; the regulation allows at most 0.7.
    years : how many years at most, a whole number; the regulation allows at most 10.

    Returns
    -------
    Recompense : ``.payments`` (by year), ``.residual``, ``.by_claimant`` (years x claimants), ``.outstanding``,
        ``.present_value(rate)``, ``.rounded(2)``, ``.lawful``, ``.certificate``, ``.explain()``.

    Raises
    ------
    DataError : a number that is none, a negative claim, a share outside 0 to 1, years that are no whole number >= 1.

    Source: Regulation (EU) 2021/23 Art. 20(1) (after gains were reduced in a recovery caused by a non-default event);
    Delegated Regulation (EU) 2023/450 Arts. 1-3.

    >>> plan = recompense(100, [60.0, -20.0, 50.0, 80.0])
    >>> plan.payments.round(2).to_list(), plan.residual
    ([42.0, 0.0, 35.0, 23.0], 0.0)
    """
    unit_of(currency)
    if isinstance(years, bool) or not isinstance(years, int | np.integer) or years < 1:
        raise DataError(f"years is {years!r}; give a whole number of years, 1 or more")
    part = number(share, "share", high=1.0)
    if not isinstance(claim, pd.Series):
        ids, claims = pd.Index(["claim"]), np.array([number(claim, "claim")])
    else:
        once_each(claim.index, "claim", "claimant")
        ids, claims = claim.index, vector(claim, claim.index, "claim")
    if not isinstance(profits, pd.Series):
        if np.ndim(profits) != 1:
            raise DataError(f"profits is a {type(profits).__name__}; give one profit per year, a list or a Series")
        profits = pd.Series(profits, index=pd.RangeIndex(1, len(profits) + 1, name="year"), dtype=object)
    once_each(profits.index, "profits", "year")
    earned = vector(profits, profits.index, "profits (by year)", low=-np.inf)[: int(years)]
    offered = part * np.maximum(earned, 0.0)
    total = float(claims.sum())
    before = np.minimum(np.concatenate(([0.0], np.cumsum(offered)[:-1])), total) if len(offered) else offered
    paid = np.minimum(offered, total - before)
    return Recompense(
        ids, claims, profits.index[: int(years)], offered, paid, part, int(years), currency
    )  # fmt: skip
