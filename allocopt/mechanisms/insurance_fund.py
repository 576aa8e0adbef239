"""How an insurance fund fares: what flows in, what it pays and leaves unpaid, how far it falls, how often it fails."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array, number, vector
from allocopt.mechanisms.outcome import Outcome, amount_table

_NONE = 1e-12


class Estimate(NamedTuple):
    """A figure over paths and its standard error; zero where there is one path, which is then a fact."""

    value: float
    standard_error: float


@dataclass(frozen=True, eq=False, repr=False)
class FundHistory(Outcome):
    """A fund over time on one or many paths; arrays are paths x periods, balances paths x (periods + 1)."""

    losses: Array
    inflows: Array
    balance: Array

    @property
    def paid(self) -> Array:
        """What the fund paid, by path and period."""
        return self.losses - self.residual

    @cached_property
    def residual(self) -> Array:
        """What it could not pay, by path and period: it falls to whoever comes next.

        What many subtractions leave of a fund that is just large enough is no failure: gaps below 1e-12 of the highest
        balance so far are none.
        """
        gap = self.losses - self.balance[:, :-1]
        peak = np.maximum.accumulate(self.balance[:, :-1], axis=1)
        unpaid = np.where(gap > _NONE * peak, np.maximum(gap, 0.0), 0.0)
        unpaid.flags.writeable = False
        return unpaid

    @property
    def drawdown(self) -> Array:
        """The deepest fall of each path from its highest balance so far, a fraction of that balance."""
        peak = np.maximum.accumulate(self.balance, axis=1)
        fall = np.divide(peak - self.balance, peak, out=np.zeros_like(peak), where=peak > 0)
        return np.asarray(fall.max(axis=1), dtype=np.float64)

    @property
    def exhausted(self) -> Array:
        """The first period (from 1) in which each path leaves something unpaid; infinity where there is none."""
        short = np.pad(self.residual > 0, ((0, 0), (0, 1)), constant_values=True)  # beyond the last period
        found = short.argmax(axis=1) + 1.0
        return np.where(found < short.shape[1], found, np.inf)

    @property
    def exhaustion(self) -> Estimate:
        """The probability that something is left unpaid over the whole time."""
        return _mean(np.isfinite(self.exhausted).astype(np.float64))

    @property
    def breach_rate(self) -> Estimate:
        """The part of the periods in which something is left unpaid; each path counts once in the error."""
        periods = self.losses.shape[1]
        return _mean((self.residual > 0).mean(axis=1) if periods else np.zeros(len(self.losses)))

    @property
    def expected_residual(self) -> Estimate:
        """What is left unpaid over the whole time, on average."""
        return _mean(self.residual.sum(axis=1))

    @property
    def expected_drawdown(self) -> Estimate:
        """The deepest fall, on average."""
        return _mean(self.drawdown)

    @cached_property
    def certificate(self) -> Certificate:
        r"""The balance found in another way: a walk reflected at zero.

        What is unpaid up to time :math:`t` is :math:`\max_{s \le t} (-S_s)^+` with :math:`S_s` the first balance plus
        what flowed in before less all losses to :math:`s`; and nothing is lost between first and last balance.
        """
        losses, inflows, first = self.losses, self.inflows, self.balance[:, :1]
        before = np.cumsum(inflows, axis=1) - inflows
        walk = first + before - np.cumsum(losses, axis=1)
        unpaid = np.maximum.accumulate(np.maximum(-walk, 0.0), axis=1)
        unit = max(float(first.max(initial=0.0)), float(inflows.sum(axis=1).max(initial=0.0)),
                   float(losses.sum(axis=1).max(initial=0.0))) or 1.0  # fmt: skip
        other = float(np.abs(np.cumsum(self.residual, axis=1) - unpaid).max(initial=0.0)) / unit
        kept = self.balance[:, -1] - first[:, 0] - inflows.sum(axis=1) + self.paid.sum(axis=1)
        return Certificate(
            float(np.abs(kept).max(initial=0.0)) / unit, other, 0.0, "balance",
            "balances add up, and what is unpaid is that of a walk reflected at zero",
        )  # fmt: skip

    def __repr__(self) -> str:
        paths, periods = self.losses.shape
        return f"FundHistory({paths} paths, {periods} periods, exhausted on {self.exhaustion.value:.2%})"


def insurance_fund(initial: float, losses: Any, inflows: Any = 0.0) -> FundHistory:
    r"""Run a fund through losses: each period it pays what it can, then takes in fees.

    .. math:: V_{t+1} = V_t + f_t - \min(V_t, D_t), \qquad R_t = (D_t - V_t)^+

    :math:`V_t` is the balance before the losses of period :math:`t`, :math:`D_t` those losses, :math:`f_t` what flows
    in after them (liquidation fees, a part of trading fees and funding) and :math:`R_t` what is left for the next in
    line, all in currency.

    Parameters
    ----------
    initial : the balance before the first period, >= 0.
    losses, inflows : one entry per period (a list or Series, one path), or an array or DataFrame of paths x periods,
        both of one shape; or one number for ``inflows``, the same in every period. All >= 0.

    Returns
    -------
    FundHistory : ``.balance``, ``.paid``, ``.residual``, ``.drawdown``, ``.exhausted``; and over paths ``.exhaustion``,
        ``.breach_rate``, ``.expected_residual``, ``.expected_drawdown``, each with its standard error;
        ``.certificate``. What flows in is worked out from fees by :func:`fund_inflows`.

    Raises
    ------
    DataError : negative or unknown figures, shapes that differ.

    Source: T. Chitra, "Autodeleveraging: Impossibilities and Optimization", arXiv 2512.01112, the fund's recursion.

    >>> found = insurance_fund(10.0, [4.0, 9.0, 0.0], 1.0)
    >>> found.balance.tolist(), found.residual.tolist()
    ([[10.0, 7.0, 1.0, 2.0]], [[0.0, 2.0, 0.0]])
    """
    first = number(initial, "initial")
    lost = _paths(losses, "losses")
    gained = np.full(lost.shape, number(inflows, "inflows")) if np.ndim(inflows) == 0 else _paths(inflows, "inflows")
    if gained.shape != lost.shape:
        raise DataError(f"inflows are {gained.shape} (paths x periods) and losses {lost.shape}; give both alike")
    return FundHistory(lost, gained, _run(first, lost, gained))


def fund_inflows(
    liquidation_fees: Any, traded: Any = 0.0, funding: Any = 0.0, *, alpha: float, eta: float = 0.0, beta: float = 0.0
) -> pd.Series[float]:
    r"""What flows into a fund: a part of liquidation fees, of the notional traded and of funding payments.

    .. math:: f_t = \alpha \sum_j \tau_t(\Delta q_j) + \eta\, p_t V_t + \beta\, |\gamma_t|\, p_t \sum_i q_i

    Parameters
    ----------
    liquidation_fees : fees of each period's liquidations, :math:`\sum_j \tau_t`, in currency: one entry per period.
    traded : notional traded, :math:`p_t V_t`, in currency; by period, or one number.
    funding : funding that changed hands, :math:`|\gamma_t|\, p_t \sum_i q_i`, in currency; by period, or one number.
    alpha, eta, beta : the parts of the three that the fund receives, between 0 and 1.

    Raises
    ------
    DataError : negative or unknown figures, parts that are none, periods that differ.

    Source: T. Chitra, "Autodeleveraging: Impossibilities and Optimization", arXiv 2512.01112, the fund's recursion.

    >>> fund_inflows([10.0, 0.0], traded=[5e4, 1e4], funding=20.0, alpha=0.5, eta=1e-4, beta=0.1).to_list()
    [12.0, 3.0]
    """
    periods = _line(liquidation_fees, "liquidation_fees")
    out = np.zeros(len(periods))
    for what, amounts, name, part in (
        ("liquidation_fees", liquidation_fees, "alpha", alpha), ("traded", traded, "eta", eta),
        ("funding", funding, "beta", beta),
    ):  # fmt: skip
        out += number(part, name, high=1.0) * vector(amounts, periods, what)
    return pd.Series(out, index=periods, name="inflow")


def simulate_insurance_fund(
    initial: float, losses: Any, inflows: Any = 0.0, *, periods: int = 250, paths: int = 10_000, block: int = 1,
    seed: int = 0,
) -> FundHistory:  # fmt: skip
    """Run a fund through many futures drawn from its past, with replacement, losses together with their inflows.

    With ``block`` above 1 so many periods in a row are drawn together (and the past is closed to a ring), so that
    losses which come in clusters still do.

    Parameters
    ----------
    initial : the balance today.
    losses, inflows : the past, one entry per period; or one number for ``inflows``.
    periods, paths, block : how many periods ahead, how many futures, how many periods are drawn together.
    seed : of the draws; the same seed gives the same figures.

    Returns
    -------
    FundHistory : as :func:`insurance_fund`; the errors of its averages are those of the draws, and say nothing of how
        well the past speaks for the future.

    Raises
    ------
    DataError : negative or unknown figures, an empty past, counts that are no whole number >= 1, too large a run.

    >>> past = [0.0] * 95 + [3.0] * 5
    >>> simulate_insurance_fund(10.0, past, 0.1, periods=50, paths=4000, seed=1).exhaustion
    Estimate(value=..., standard_error=...)
    """
    first = number(initial, "initial")
    lost = vector(losses, _line(losses, "losses"), "losses")
    gained = vector(inflows, _line(losses, "losses"), "inflows")
    if not len(lost):
        raise DataError("losses are empty; give at least one period to draw from")
    for what, count in (("periods", periods), ("paths", paths), ("block", block), ("seed", seed)):
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < (what != "seed"):
            raise DataError(f"{what} is {count!r}; give a whole number >= {int(what != 'seed')}")
    if periods * paths > 10**8:
        raise DataError(f"{paths:,} paths of {periods:,} periods are more than 100 million draws; ask for fewer")
    starts = np.random.default_rng(seed).integers(len(lost), size=(paths, -(-periods // block)))
    drawn = (starts[:, :, None] + np.arange(block)).reshape(paths, -1)[:, :periods] % len(lost)
    return FundHistory(lost[drawn], gained[drawn], _run(first, lost[drawn], gained[drawn]))


def _run(first: float, losses: Array, inflows: Array) -> Array:
    balance = np.empty((losses.shape[0], losses.shape[1] + 1))
    balance[:, 0] = first
    for period in range(losses.shape[1]):
        balance[:, period + 1] = np.maximum(balance[:, period] - losses[:, period], 0.0) + inflows[:, period]
    return balance


def _line(values: Any, what: str) -> pd.Index:
    """The periods of one path."""
    if isinstance(values, pd.Series):
        return values.index
    if np.ndim(values) != 1:
        raise DataError(f"{what} is a {type(values).__name__}; give one entry per period, a list or a Series")
    return pd.RangeIndex(1, len(values) + 1)


def _paths(values: Any, what: str) -> Array:
    """One path or many, as paths x periods."""
    if np.ndim(values) == 2:
        frame = values if isinstance(values, pd.DataFrame) else pd.DataFrame(np.asarray(values))
        return amount_table(frame, what, "path", "period")[0]
    return vector(values, _line(values, what), what)[None, :]


def _mean(values: Array) -> Estimate:
    count = len(values)
    error = float(values.std(ddof=1)) / np.sqrt(count) if count > 1 else 0.0
    return Estimate(float(values.mean()) if count else 0.0, float(error))
