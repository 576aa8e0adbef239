"""Net or gross: what a payer saves by holding its long and its short positions in two accounts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from allocopt.errors import unknown
from allocopt.facts.checks import number
from allocopt.judgement.inequality import ROUNDING
from allocopt.judgement.manipulation import Move, amounts, asked, figures, position
from allocopt.judgement.moves import Moves
from allocopt.judgement.resolving import Asked, Incentive, Rule, money, posed


def leg_split_gain(
    scheme: str | Rule, problem: Asked, payer: Any, long: str, short: str, *, net: Iterable[str] = (),
    rates: Iterable[str] = (),
) -> Incentive:  # fmt: skip
    r"""What a payer saves by one account for its long and one for its short positions, as a part of what it bears.

    .. math:: 1 - \frac{x_{long} + x_{short}}{x_i}

    ``long`` and ``short`` name the columns of the two legs, both >= 0. Each goes to its own account; columns in ``net``
    become :math:`|\text{long} - \text{short}|` of the account, which is the whole leg, and all other amounts follow in
    proportion to the legs. A key of gross positions is neutral; one of net positions charges those who do not net, so
    that the gain is negative and the two accounts gain by merging.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> from allocopt.schemes import scheme
    >>> table = pd.DataFrame({"long": [30.0, 20.0], "short": [20.0, 0.0], "net": [10.0, 20.0]}, index=["A", "B"])
    >>> rule, question = scheme("pro-rata", key="net"), LossProblem(21, table)
    >>> print(leg_split_gain(rule, question, "A", "long", "short", net=["net"]).witness)
    A holds its long and its short positions in two accounts, which together bear 15.00 instead of 7.00
    """
    rule, moves = posed(scheme, problem)
    before = moves.paid(rule, moves.as_is((payer,)))
    move = _legs(moves, payer, long, short, tuple(net), tuple(rates))
    if move is None:
        return Incentive(0.0, f"{payer} has positions on one side only", moves.question, (payer,))
    if before <= 0:
        return Incentive(0.0, f"{payer} bears nothing, so there is nothing to gain", moves.question, (payer,))
    after = moves.paid(rule, move)
    gain = 1.0 - after / before
    gain = 0.0 if abs(gain) <= ROUNDING else gain
    spared = f"instead of {money(moves.question, before)}" if gain else "as before"
    told = (
        f"{payer} holds its long and its short positions in two accounts, which together bear "
        f"{money(moves.question, after)} {spared}"
    )
    return Incentive(gain, told, *move)


def _legs(
    moves: Moves, payer: Any, long: str, short: str, net: tuple[str, ...], rates: tuple[str, ...]
) -> Move | None:  # fmt: skip
    table = moves.question.payers
    for name in (long, short, *net):
        if name not in table.columns:
            raise unknown("column of the payers' table", name, map(str, table.columns))
    at = position(moves.question, payer)
    up, down = (number(figures(table[name])[at], f"column {name!r} of payer {payer!r}") for name in (long, short))
    if not (up > 0 and down > 0):
        return None
    part = up / (up + down)
    uneven = {name: (part, 1.0 - part) for name in amounts(table, rates) if name not in net}
    moved, names = moves.split(payer, 2, uneven | {long: (1.0, 0.0), short: (0.0, 1.0)}, rates)
    if not net:
        return Move(moved, names)
    changed = moved.payers
    for name in net:
        values = figures(changed[name])
        values[changed.index.get_indexer(list(names))] = np.array([up, down])
        changed[name] = values
    return Move(asked(moved, changed), names)
