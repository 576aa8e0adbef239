"""A loss from investment, custody or operations: the clearing house pays first, then members by a key of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import number, payer_table, vector
from allocopt.mechanisms.ladder import Ladder, Rung, climb
from allocopt.mechanisms.outcome import stake, unit_of


def non_default_loss(
    loss: float,
    kind: str,
    own: Mapping[str, float],
    members: pd.DataFrame,
    keys: Mapping[str, str | None],
    *,
    house: str = "CCP",
    limit: Any = None,
    currency: str = "",
) -> Ladder:
    r"""Divide a loss that no member's default has caused: own resources in order, then members by the key of its kind.

    .. math:: x_{\text{house}} = \min\Bigl(L, \sum_k E_k\Bigr), \qquad x_i = \min(c_i,\ \lambda\, w_i^{(\text{kind})}),
       \qquad \sum_i x_i = \min\Bigl(L - x_{\text{house}}, \sum_i c_i\Bigr)

    :math:`E_k` are the clearing house's own resources, used in the order in which they are named;
    :math:`w_i^{(\text{kind})}` is the column that the rulebook names for this kind of loss (an investment loss by the
    cash that members keep there, a custody loss by the securities), :math:`c_i` the most member :math:`i` pays, all in
    currency. A kind without a key is not shared with members: what the house cannot bear is the residual.

    Parameters
    ----------
    loss : the loss, >= 0.
    kind : what caused it; one of ``keys``.
    own : own resources, name -> amount, in order: capital first; in the EU the second skin in the game counts here in
        full, whatever default fund it was allotted to (:func:`second_skin`).
    members : one row per member.
    keys : kind of loss -> column by which members share it, or None where they do not.
    house : what the clearing house is called among the payers.
    limit : the most each member pays: a column, a Series, one number, or None.

    Returns
    -------
    Ladder : ``.table`` (rung x payer), ``.shares``, ``.by_rung``, ``.residual``, ``.rounded(2)``, ``.certificate``,
        ``.explain(payer)``.

    Raises
    ------
    DataError : an unknown kind or column, a member called like the house, a number that is none.

    Sources: LME Clear publishes what members need to compute their exposure to such losses; Delegated Regulation (EU)
    2023/840 Art. 1(4) (the full second amount serves a non-default loss).

    >>> members = pd.DataFrame({"cash": [60.0, 40.0], "securities": [0.0, 90.0]}, index=["A", "B"])
    >>> keys = {"investment": "cash", "custody": "securities", "cyber": None}
    >>> shared = non_default_loss(50, "investment", {"capital": 30.0}, members, keys, limit=9.0)
    >>> shared.shares.to_dict(), shared.residual
    ({'CCP': 30.0, 'A': 9.0, 'B': 9.0}, 2.0)
    """
    unit_of(currency)
    whole, table = stake(loss, "the loss"), payer_table(members, "members")
    for given, name in ((own, "own"), (keys, "keys")):
        if not isinstance(given, Mapping):
            raise DataError(f"{name} is a {type(given).__name__}; give a mapping, name -> value")
    if kind not in keys:
        raise unknown("kind of loss", kind, map(str, keys))
    if house in table.index:
        raise DataError(f"a member is called {house!r} like the clearing house; name the house with house=...")
    ids = pd.Index([house, *table.index], name=table.index.name)
    mine = np.arange(len(ids)) == 0
    rungs = [
        Rung(
            name, mine, mine * 1.0, mine * number(amount, f"own resource {name!r}"), "paid by the clearing house alone"
        )
        for name, amount in own.items()
    ]
    column = keys[kind]
    if column is not None:
        if column not in table.columns:
            raise unknown(f"column of members (key of {kind!r})", column, map(str, table.columns))
        weight = vector(table[column], table.index, f"column {column!r}")
        if isinstance(limit, str) and limit not in table.columns:
            raise unknown("column of members (limit)", limit, map(str, table.columns))
        most = table[limit] if isinstance(limit, str) else np.inf if limit is None else limit
        cap = vector(most, table.index, "limit", finite=False)
        rule = f"shared in proportion to {column}"
        name = f"members, {kind} loss"
        rungs.append(Rung(name, ~mine, np.append(0.0, weight), np.append(0.0, cap), rule))
    paid, left = climb(whole, rungs, len(ids))
    return Ladder(f"{kind} loss", ids, tuple(rungs), whole, paid, left, currency)
