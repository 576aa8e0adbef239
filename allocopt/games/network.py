"""The network game: what shocks to a group cost all creditors, or what rescuing a group saves them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array, number, vector
from allocopt.games.base import Coalitions, Game, player_index
from allocopt.games.matrices import matrix

CREDITORS = ("all", "outside")


@dataclass(frozen=True, eq=False, repr=False)
class NetworkGame(Game):
    """A network game; ``relative`` holds the share of each debtor's debt (row) that is owed to each member (column),
    ``owed`` what each owes in total, ``assets`` what each has from outside, ``shocks`` what its shock would take (None
    where the members of a coalition are rescued), ``recovery`` what a default leaves of assets and of receipts, and
    ``shares`` the part of each debtor's shortfall that counts."""

    relative: Array
    owed: Array
    assets: Array
    shocks: Array | None
    recovery: tuple[float, float]
    shares: Array

    def shortfalls(self, coalitions: Coalitions) -> Array:
        """What creditors lose when exactly these members are struck, or rescued; one entry per coalition."""
        from allocopt.maths.clearing_kernels import greatest_payments

        if self.shocks is None:
            held, safe = np.tile(self.assets, (len(coalitions), 1)), np.array(coalitions)
        else:
            held, safe = self.assets - np.where(coalitions, self.shocks, 0.0), np.zeros_like(coalitions)
        paid = greatest_payments(self.relative, self.owed, held, safe, *self.recovery)
        return np.asarray((self.owed - paid) @ self.shares)

    @cached_property
    def unstruck(self) -> float:
        """What creditors lose when nobody is struck or rescued."""
        return float(self.shortfalls(np.zeros((1, self.n), dtype=np.bool_))[0])

    def worths(self, coalitions: Coalitions) -> Array:
        lost = self.shortfalls(coalitions)
        return self.unstruck - lost if self.shocks is None else lost - self.unstruck


def network(
    liabilities: Any,
    external_assets: Any,
    shocks: Any = None,
    external_liabilities: Any = None,
    recovery: tuple[float, float] = (1.0, 1.0),
    creditors: str = "all",
    players: Sequence[Any] | None = None,
) -> NetworkGame:
    r"""Who causes a loss that spreads through a network of debts.

    With ``shocks``, a coalition costs what creditors lose in addition when its members, and nobody else, are struck:

    .. math:: c(S) = \Lambda(e - s\,1_S) - \Lambda(e), \qquad
       \Lambda(e) = \sum_i \gamma_i \bigl(\bar p_i - p_i(e)\bigr)

    Without, it gains what creditors are spared when its members are rescued and pay in full whatever happens:
    :math:`v(S) = \Lambda(e) - \Lambda_S(e)`. Here :math:`p(e)` are the greatest payments that clear the network when
    external assets are :math:`e`: a member that cannot pay its debt :math:`\bar p_i` pays out all it has, to all
    creditors in proportion, after costs of default. :math:`\gamma_i` is 1 when all creditors count (``all``) and the
    share of the debt that is owed outside the network for ``outside``: then losses that members pass on to each other
    count once, where they end.

    Parameters
    ----------
    liabilities : members x members, what the member in the row owes the one in the column, in currency, >= 0, zero on
        the diagonal; a DataFrame names the players.
    external_assets : :math:`e_i \ge 0`, what each member has from outside the network, in currency.
    shocks : :math:`s_i`, what each member's shock takes of its external assets, between 0 and :math:`e_i`.
    external_liabilities : what each member owes outside, in the same rank; none when left out.
    recovery : the parts of external assets and of receipts that are left in a default, (1, 1) without costs.
    creditors : ``all`` or ``outside``.
    players : one name per member; the rows' names, or 0 .. n - 1, when left out.

    Raises
    ------
    DataError : a table that is not square, a debt to oneself, a shock beyond the assets, NaN or negative amounts, a
        recovery outside [0, 1].

    Sources: Tarashev, Tsatsaronis and Borio, "Risk attribution using the Shapley value: methodology and policy
    applications", Review of Finance 20 (2016), for attributing systemic losses by a game; Eisenberg and Noe, "Systemic
    risk in financial systems", Management Science 47 (2001), and Rogers and Veraart, "Failure and rescue in an
    interbank network", Management Science 59 (2013), for the payments.

    >>> debts = [[0.0, 8.0, 0.0], [0.0, 0.0, 8.0], [0.0, 0.0, 0.0]]
    >>> network(debts, [8.0, 2.0, 0.0], shocks=[6.0, 2.0, 0.0]).table()  # 0 fails on 1, who fails on 2
    array([ 0., 10.,  0., 12.,  0., 10.,  0., 12.])
    """
    debts, rows, columns = matrix(liabilities, "liabilities", low=0.0)
    if debts.shape[0] != debts.shape[1]:
        raise DataError(f"liabilities have shape {debts.shape}; expected one row and one column per member")
    if not rows.equals(columns):
        raise DataError("liabilities name their rows and columns differently; name both alike, in one order")
    names = player_index(rows if players is None else players, len(debts))
    selfish = np.flatnonzero(np.diag(debts))
    if len(selfish):
        at = int(selfish[0])
        raise DataError(f"{names[at]!r} owes itself {debts[at, at]:g}; the diagonal of liabilities must be 0")
    assets = vector(external_assets, names, "external assets")
    outside = np.zeros(len(names))
    if external_liabilities is not None:
        outside = vector(external_liabilities, names, "external liabilities")
    struck = None if shocks is None else vector(shocks, names, "shocks")
    if struck is not None and (struck > assets).any():
        at = int(np.argmax(struck - assets))
        raise DataError(
            f"the shock of {names[at]!r} takes {struck[at]:g} of external assets of {assets[at]:g}; expected no more "
            "than there are"
        )
    if not isinstance(recovery, tuple | list) or len(recovery) != 2:
        raise DataError(f"recovery is {recovery!r}; give two parts between 0 and 1: of assets and of receipts")
    left = (number(recovery[0], "recovery of assets", high=1.0), number(recovery[1], "recovery of receipts", high=1.0))
    if creditors not in CREDITORS:
        raise unknown("group of creditors", creditors, CREDITORS)
    owed = debts.sum(axis=1) + outside
    per_debt = np.divide(1.0, owed, out=np.zeros_like(owed), where=owed > 0)
    shares = np.ones(len(names)) if creditors == "all" else outside * per_debt
    kind = "gain" if struck is None else "cost"
    return NetworkGame(names, kind, debts * per_debt[:, None], owed, assets, struck, left, shares)
