"""Who did not bid well for the defaulter's portfolio pays first: tiers of members by their bid, each a rung."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array, number, payer_table, vector
from allocopt.mechanisms.ladder import Ladder, Rung, climb
from allocopt.mechanisms.outcome import stake, unit_of

TIERS = ("no bid", "non-competitive", "within band", "competitive", "exempt")
ORDER = (("no bid",), ("non-competitive",), ("within band",), ("competitive", "exempt"))


@dataclass(frozen=True, eq=False, repr=False)
class Auction(Ladder):
    """A loss that is left after a default auction, borne in the order of the bids."""

    bid: Array  # NaN where none was made
    obliged: NDArray[np.bool_]
    price: float
    band: float
    order: tuple[tuple[str, ...], ...]
    by_distance: tuple[str, ...]
    pots: tuple[_Pot, ...]

    @property
    def tiers(self) -> pd.Series[Any]:
        """The tier of every member: no bid, non-competitive, within band, competitive or exempt."""
        names = np.array(TIERS, dtype=object)[_tier(self.bid, self.obliged, self.price, self.band)]
        return pd.Series(names, index=self.ids, name="tier")

    @property
    def burn_order(self) -> pd.DataFrame:
        """Rungs in the order in which they burn, with members, weights (of one on each rung) and caps: one row each."""
        rows = [
            (level, rung.name, self.ids[i], rung.weight[i] / (rung.weight[rung.on].sum() or 1.0), rung.cap[i])
            for level, rung in enumerate(self.rungs, 1)
            for i in np.flatnonzero(rung.on).tolist()
        ]
        return pd.DataFrame(rows, columns=["rung", "name", "member", "weight", "cap"])

    @property
    def best_bid(self) -> float:
        """The highest bid; NaN when nobody bid."""
        return float(np.nanmax(self.bid)) if np.isfinite(self.bid).any() else float("nan")

    def incentive(self) -> pd.DataFrame:
        r"""What bidding is worth to each member: its share had it not bid, less its share with its bid.

        .. math:: \Delta_i = x_i(\text{no bid}) - x_i(b_i)

        The bids of all others and the loss stay as they are. For a member that did not bid, :math:`b_i` is the
        reference price. ``actual`` is what it bears as things are; an exempt member has nothing to gain.
        """
        without = np.array([self._share_of(i, math.nan) for i in range(len(self.ids))])
        bids = np.where(np.isnan(self.bid), self.price, self.bid).tolist()
        having = np.array([self._share_of(i, bid) for i, bid in enumerate(bids)])
        return pd.DataFrame(
            {
                "bid": self.bid, "no bid": without, "with bid": having, "incentive": without - having,
                "actual": self.paid.sum(axis=0),
            },
            index=self.ids,
        )  # fmt: skip

    def _share_of(self, member: int, bid: float) -> float:
        """What a member would bear had it made another bid, or none (NaN)."""
        bids = self.bid.copy()
        bids[member] = bid
        rungs = [
            Rung("", on, np.where(on, weight, 0.0), np.where(on, cap, 0.0))
            for _, on, weight, cap in _levels(
                bids, self.obliged, self.price, self.band, self.order, self.by_distance, self.pots
            )
        ]
        return float(climb(self.loss, rungs, len(bids))[0][:, member].sum())


@dataclass(frozen=True, eq=False)
class _Pot:
    """A resource of the members: its name, what each has in it, and the requirement by which it answers."""

    name: str
    cap: Array
    weight: Array


def juniorise(
    loss: float,
    bids: pd.DataFrame,
    price: float,
    *,
    resources: str | Sequence[str] = "contribution",
    band: float = 0.0,
    order: Sequence[str | Sequence[str]] = ORDER,
    by_distance: str | Sequence[str] = "non-competitive",
    currency: str = "",
) -> Auction:
    r"""Burn members' contributions in the order of their bids for the defaulter's portfolio (juniorisation).

    .. math:: \text{tier}(i) = \begin{cases} \text{no bid} & i \text{ had to bid and did not} \\
       \text{non-competitive} & b_i < P - \beta \\ \text{within band} & P - \beta \le b_i < P \\
       \text{competitive} & b_i \ge P \\ \text{exempt} & i \text{ had no duty to bid, and did not bid } P
       \end{cases}

    :math:`b_i` is the bid and :math:`P` the reference price of the portfolio, both in currency and of any sign (a bid
    below zero asks to be paid); :math:`\beta \ge 0` is the tolerance ``band``. The tiers burn in ``order``; a group of
    tiers burns together. Within it every resource is exhausted before the next, shared pro rata to the requirement, or
    in a tier named by ``by_distance`` to

    .. math:: w_i = (P - b_i)\, r_i

    with :math:`r_i` the requirement. A share never exceeds what the member has in the resource; what that cuts off is
    shared again by the rest of the rung, and only then does the next rung pay.

    Parameters
    ----------
    loss : what is left of the loss after the auction and all that is used before members' contributions.
    bids : one row per member. ``bid`` (missing where none was made); one column for every resource: what the member
        has in it, in currency. Optional: ``obliged`` (True or False; everybody is unless said otherwise) and
        ``<resource> requirement`` (the resource itself unless said otherwise).
    price : the reference price.
    resources : columns in the order in which they burn within a tier.
    band : how far below the reference price a bid is still tolerated.
    order : tiers, or groups of tiers, in the order in which they burn; every tier once.
    by_distance : tiers in which the weight is distance times requirement; only tiers below the reference price.

    Returns
    -------
    Auction : ``.tiers``, ``.burn_order``, ``.table`` (rung x member), ``.shares``, ``.residual``, ``.incentive()``,
        ``.allocations[rung]``, ``.rounded(2)``, ``.certificate``, ``.explain(member)``.

    Raises
    ------
    DataError : a bid that is infinite or text, a column that is missing, an order that leaves a tier out.

    Sources: Huang and Zhu (2024), JET 217 (first use of bad bidders' contributions); Eurex: failing to give a valid
    bid may put a contribution before those of others; SGX-DC: :func:`sgx_auction`.

    >>> bids = pd.DataFrame({"bid": [-10.0, -14.0, -30.0, None], "contribution": [20.0, 20.0, 20.0, 20.0]},
    ...                     index=["A", "B", "C", "D"])
    >>> auction = juniorise(50, bids, price=-12, band=5)
    >>> auction.tiers.to_list()
    ['competitive', 'within band', 'non-competitive', 'no bid']
    >>> auction.shares.to_dict(), auction.incentive()["incentive"].to_dict()
    ({'A': 0.0, 'B': 10.0, 'C': 20.0, 'D': 20.0}, {'A': 20.0, 'B': 10.0, 'C': 0.0, 'D': 15.0})
    """
    groups = _grouped(order)
    pots = (resources,) if isinstance(resources, str) else tuple(resources)
    distance = (by_distance,) if isinstance(by_distance, str) else tuple(by_distance)
    return _auction("juniorised auction", loss, bids, price, pots, band, groups, distance, {}, currency)


def sgx_auction(loss: float, bids: pd.DataFrame, price: float, *, currency: str = "") -> Auction:
    r"""Burn deposits and assessments after an auction as SGX-DC's rule 7A.01B.3 did (OTCF contracts, to November 2018).

    ====  ==========================================  ==============  ===============================================
    a     obliged members that did not bid            deposits        pro rata to the deposit requirement
    b     the same                                    assessments     pro rata to the assessment requirement
    c     obliged members with a bid below :math:`P`  deposits        pro rata to :math:`(P - b_i)` times requirement
    d     the same                                    assessments     as c, of assessments (*weight unverified*)
    e, f  all others                                  both, in turn   pro rata to the requirement (*weight unverified*)
    ====  ==========================================  ==============  ===============================================

    Each source is exhausted before the next. :math:`P` is the Reference Price, :math:`b_i` the bid. The texts of a, b
    and c were read; of d, e and f only who pays and in what order, so those rungs carry the status ``unverified``.

    ``bids`` has the columns ``bid``, ``deposit``, ``assessment`` (what is apportioned to the auction) and optionally
    ``obliged``, ``deposit requirement`` and ``assessment requirement``. Returns and raises as :func:`juniorise`, of
    which this is the case with no band and everybody else in one last tier.

    Source: rulebook.sgx.com, SGX-DC Clearing Rules 7A.01B.3 (version effective up to 11 November 2018) and its Practice
    Note on 7A.01B.3.c and d.

    >>> bids = pd.DataFrame({"bid": [100.0, 90.0, 60.0, None], "deposit": [10.0, 10.0, 10.0, 10.0],
    ...                      "assessment": [10.0, 10.0, 10.0, 10.0]}, index=["A", "B", "C", "D"])
    >>> sgx_auction(27, bids, price=100).table.loc[:, "B":].round(10).to_numpy().tolist()[:3]
    [[0.0, 0.0, 10.0], [0.0, 0.0, 10.0], [1.4, 5.6, 0.0]]
    """
    groups = (("no bid",), ("non-competitive",), ("within band", "competitive", "exempt"))
    names = {
        (level, pot): (f"{letter}: {pot}s of {who}", status)
        for (level, who), pairs in zip(
            enumerate(("members that did not bid", "members that bid below the reference price", "all others")),
            (("ab", ("published", "published")), ("cd", ("published", "unverified")), ("ef", ("unverified",) * 2)),
            strict=True,
        )
        for letter, pot, status in zip(pairs[0], ("deposit", "assessment"), pairs[1], strict=True)
    }
    pots = ("deposit", "assessment")
    return _auction("SGX-DC 7A.01B.3", loss, bids, price, pots, 0.0, groups, ("non-competitive",), names, currency)


def _auction(
    name: str, loss: Any, bids: Any, price: Any, resources: tuple[str, ...], band: Any,
    order: tuple[tuple[str, ...], ...], by_distance: tuple[str, ...],
    names: Mapping[tuple[int, str], tuple[str, str]], currency: str,
) -> Auction:  # fmt: skip
    whole, reference, tolerance = stake(loss, "the loss"), number(price, "price", low=-np.inf), number(band, "band")
    unit_of(currency)
    if not resources:
        raise DataError("resources is empty; name at least one column that members pay from")
    for tier in by_distance:
        if tier not in ("non-competitive", "within band"):
            raise DataError(f"by_distance names {tier!r}; only bids below the price have a distance to it")
        if (tier,) not in order:
            raise DataError(
                f"tier {tier!r} is weighed by distance and cannot burn together with others; give it its own place"
            )
    table = payer_table(bids, "bids")
    bid, obliged = _bids(table)
    pots = tuple(_pot(table, resource) for resource in resources)
    rungs = []
    for (level, pot), on, weight, cap in _levels(bid, obliged, reference, tolerance, order, by_distance, pots):
        own, status = names.get((level, pot), (f"{' and '.join(order[level])}: {pot}", "published"))
        far = order[level][0] in by_distance
        rule = (
            f"shared in proportion to {'distance from the price times ' if far else ''}{pot} requirement, up to {pot}"
        )
        rungs.append(Rung(own, on, np.where(on, weight, 0.0), np.where(on, cap, 0.0), rule, status))
    paid, left = climb(whole, rungs, len(table))
    return Auction(
        name, table.index, tuple(rungs), whole, paid, left, currency,
        bid, obliged, reference, tolerance, order, by_distance, pots,
    )  # fmt: skip


def _levels(
    bid: Array, obliged: NDArray[np.bool_], price: float, band: float, order: tuple[tuple[str, ...], ...],
    by_distance: tuple[str, ...], pots: tuple[_Pot, ...],
) -> list[tuple[tuple[int, str], NDArray[np.bool_], Array, Array]]:  # fmt: skip
    """Who stands on each rung, with which weight and cap."""
    tier = _tier(bid, obliged, price, band)
    out = []
    for level, group in enumerate(order):
        on = np.isin(tier, [TIERS.index(name) for name in group])
        far = np.where(on, price - np.nan_to_num(bid), 0.0) if group[0] in by_distance else 1.0
        out += [((level, pot.name), on, pot.weight * far, pot.cap) for pot in pots]
    return out


def _tier(bid: Array, obliged: NDArray[np.bool_], price: float, band: float) -> NDArray[np.intp]:
    """The place of each member in TIERS; a volunteer below the price is exempt like one that does not bid."""
    with np.errstate(invalid="ignore"):
        below = np.where(bid < price - band, 1, np.where(bid < price, 2, 3))
    tier = np.where(np.isnan(bid), 0, below)
    return np.where(~obliged & (tier < 3), 4, tier)


def _bids(table: pd.DataFrame) -> tuple[Array, NDArray[np.bool_]]:
    if "bid" not in table.columns:
        raise unknown("column of bids", "bid", map(str, table.columns))
    made = table["bid"].notna().to_numpy()
    bid = np.full(len(table), np.nan)
    bid[made] = vector(table["bid"][made], table.index[made], "bid", low=-np.inf)
    obliged = np.ones(len(table), dtype=np.bool_)
    if "obliged" in table.columns:
        words = table["obliged"]
        if not words.isin([True, False]).all():
            at = words.index[~words.isin([True, False])][0]
            raise DataError(f"obliged: {at!r} is {words[at]!r}; write True or False")
        obliged = words.astype(bool).to_numpy()
    return bid, obliged


def _pot(table: pd.DataFrame, name: str) -> _Pot:
    if name not in table.columns:
        raise unknown("column of bids", name, map(str, table.columns))
    cap = vector(table[name], table.index, f"column {name!r}")
    required = f"{name} requirement"
    weight = vector(table[required], table.index, f"column {required!r}") if required in table.columns else cap
    return _Pot(name, cap, weight)


def _grouped(order: Sequence[str | Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    if not isinstance(order, Sequence):
        raise DataError(f"order is {order!r}; give the tiers, or groups of tiers, in the order in which they burn")
    groups = tuple((group,) if isinstance(group, str) else tuple(group) for group in order)
    flat = [tier for group in groups for tier in group]
    for tier in flat:
        if tier not in TIERS:
            raise unknown("tier", tier, TIERS)
    if sorted(flat) != sorted(TIERS):
        wrong = next(tier for tier in TIERS if flat.count(tier) != 1)
        raise DataError(f"order names tier {wrong!r} {flat.count(wrong)} times; name every tier once")
    return groups
