"""The best way to split an account, found by search over how unevenly each amount the rule reads is divided."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np

from allocopt.errors import AllocOptError
from allocopt.facts.checks import number
from allocopt.facts.problem import LossProblem
from allocopt.judgement.inequality import ROUNDING
from allocopt.judgement.manipulation import CAPS, Move, cap_column
from allocopt.judgement.moves import Moves
from allocopt.judgement.resolving import Asked, Incentive, Rule, columns_read, money, posed
from allocopt.mechanisms.waterfall import Waterfall

_STEPS = (0.2, 0.1, 0.05, 0.01)  # how far a fraction moves while searching; gains are smooth or flat below the last
_COLUMNS = 4  # amounts whose corners are all tried; with more, 2**n solutions would be too many


def best_split(
    scheme: str | Rule, problem: Asked, payer: Any, *, floor: float = 0.0, refine: bool = True,
    rates: Iterable[str] = (),
) -> Incentive:  # fmt: skip
    r"""What a payer saves by the best split into two accounts of *unequal* make, as a part of what it bears.

    .. math:: \max_{f}\ 1 - \frac{x_{i1}(f) + x_{i2}(1 - f)}{x_i}, \qquad \text{floor} \le f_c \le 1 - \text{floor}

    :math:`f_c` is the part of amount c (the rule's key, its caps) that goes into the first account; other amounts are
    halved. Corners and a grid of the diagonal are tried, then the best is improved one amount at a time: what is found
    is a gain that can be had, and a lower bound of the largest. Capped pro-rata is neutral to splits in proportion but
    pays for putting the key where the cap is not; a ``floor`` (each account must hold that part of every amount)
    bounds it. ``refine=False`` stops after corners and grid, for rules that take long.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> from allocopt.schemes import scheme
    >>> table = pd.DataFrame({"fund": [40.0, 60.0], "margin": [50.0, 50.0]}, index=["A", "B"])
    >>> found = best_split(scheme("pro-rata", key="margin"), LossProblem(60, table, cap="fund"), "A", floor=0.1)
    >>> print(found.witness)
    A splits into 2 accounts, margin as 0.1 : 0.9 and fund as 0.9 : 0.1, which together bear 9.09 instead of 30.00
    """
    rule, asked = posed(scheme, problem)
    question = asked.question
    low = number(floor, "floor", high=0.5)
    kept = tuple(rates)
    before = asked.paid(rule, asked.as_is((payer,)))
    if before <= 0:
        return Incentive(0.0, f"{payer} bears nothing, so there is nothing to gain", question, (payer,))
    columns = _amounts(rule, asked, payer, kept)
    tried: dict[tuple[float, ...], tuple[float, Move]] = {}

    def gain(parts: tuple[float, ...]) -> float:
        at = tuple(round(min(max(part, low), 1.0 - low), 6) for part in parts)
        if at not in tried:
            fractions = {name: (part, 1.0 - part) for name, part in zip(columns, at, strict=True)}
            move = asked.split(payer, 2, fractions, kept)
            try:
                tried[at] = 1.0 - asked.paid(rule, move) / before, move
            except AllocOptError:  # an account the rule refuses (a claim without a key) is no way to save
                tried[at] = -np.inf, move
        return tried[at][0]

    def leading() -> tuple[float, ...]:
        """The first of those that gain most, so that an even split is told where no other gains more."""
        return max(tried, key=lambda at: round(tried[at][0], 9))

    for even in (0.5, 0.6, 0.75, 0.9):
        gain((even,) * len(columns))
    for corner in product((low, 1.0 - low), repeat=min(len(columns), _COLUMNS)):
        gain((*corner, *[0.5] * (len(columns) - len(corner))))
    best = leading()
    for step in _STEPS if refine else ():
        for k, sign in product(range(len(columns)), (-1.0, 1.0)):
            gain(tuple(part + sign * step * (j == k) for j, part in enumerate(best)))
        best = leading()
    value, move = tried[best]
    value = 0.0 if abs(value) <= ROUNDING else value
    how = " and ".join(f"{name} as {part:g} : {round(1 - part, 6):g}" for name, part in zip(columns, best, strict=True))
    spared = f"instead of {money(question, before)}" if value else "as before"
    told = (
        f"{payer} splits into 2 accounts, {how}, which together bear {money(question, asked.paid(rule, move))} {spared}"
    )
    return Incentive(value, told, *move)


def _amounts(rule: Rule, asked: Moves, payer: Any, rates: tuple[str, ...]) -> list[str]:
    """What can be divided unevenly to effect: the columns the rule reads, and the caps."""
    question = asked.question
    found = columns_read(rule, asked, payer)
    if isinstance(rule, Waterfall):
        found += [layer.cap for layer in rule.layers if isinstance(layer.cap, str) and not layer.payer]
    elif cap_column(question):
        found.append(cap_column(question))
    elif isinstance(question, LossProblem) and np.isfinite(question.caps).any():
        found.append(CAPS)
    row = question.payers.loc[payer]
    return [c for c in dict.fromkeys(found) if c not in rates and (c == CAPS or (c in row.index and row[c] == row[c]))]
