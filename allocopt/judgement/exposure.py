"""How a payer's share answers to its own exposure: price, elasticity, and what of its growth falls on others."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from allocopt.errors import DataError
from allocopt.judgement.manipulation import Move, figures, position
from allocopt.judgement.moves import Moves
from allocopt.judgement.resolving import Asked, Incentive, Rule, columns_read, money, posed

# Relative step of a derivative: curvature and the rounding of shares (1e-16 of the loss) both stay far below 1e-6.
STEP = 1e-4

# One-sided derivatives that differ by more than this are a kink; over a step of 1e-4 a smooth rule bends far less.
_KINK = 1e-3

# Of the loss per unit of exposure: differences of shares over one step are rounding below this.
_NOISE = 1e-8


def own_price(
    scheme: str | Rule,
    problem: Asked,
    payer: Any,
    by: str | None = None,
    *,
    whole_account: bool = False,
    rates: Iterable[str] = (),
) -> Incentive:
    r"""What one more unit of its own exposure costs a payer in this loss: :math:`\partial x_i / \partial e_i`, fixed L.

    ``by`` is the exposure that grows, by default the column the rule reads; a cap that is this column grows with it.
    ``whole_account=True`` lets every amount of the account grow in proportion, measured per unit of ``by``. Central
    difference with a relative step of 1e-4; the witness says so where the rule has a kink. As long as the loss is
    covered, all others together bear as much less as the payer bears more. For pro-rata it is
    :math:`(L / W)(1 - s_i)` with :math:`s_i` the payer's share, for uncapped equal awards 0, for equal losses
    :math:`(m - 1) / m` among m who pay. NaN for a payer without this exposure.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"fund": [60.0, 40.0]}, index=["A", "B"])
    >>> round(own_price("pro-rata", LossProblem(50, table, cap="fund"), "A").value, 6)
    0.2
    """
    rule, asked = posed(scheme, problem)
    return _incentive(_response(rule, asked, payer, by, whole_account, tuple(rates)), 1.0, "per unit")


def own_elasticity(
    scheme: str | Rule,
    problem: Asked,
    payer: Any,
    by: str | None = None,
    *,
    whole_account: bool = False,
    rates: Iterable[str] = (),
) -> Incentive:
    r"""By how many per cent a payer's share grows when its exposure does by one: :math:`(e_i / x_i)\,\partial x_i /
    \partial e_i`.

    Arguments as for :func:`own_price`. :math:`1 - s_i` for pro-rata; 0 for a payer who bears nothing.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"fund": [60.0, 40.0]}, index=["A", "B"])
    >>> round(own_elasticity("pro-rata", LossProblem(50, table, cap="fund"), "A").value, 6)
    0.4
    """
    rule, asked = posed(scheme, problem)
    found = _response(rule, asked, payer, by, whole_account, tuple(rates))
    if found.now <= 0:
        return Incentive(0.0, f"{payer} bears nothing, which does not change in proportion to anything", *found.move)
    return _incentive(found, found.exposure / found.now, "per cent for one per cent")


def pass_through(
    scheme: str | Rule,
    problem: Asked,
    payer: Any,
    by: str | None = None,
    loss_per_unit: float | None = None,
    *,
    whole_account: bool = False,
    rates: Iterable[str] = (),
) -> Incentive:
    r"""The part of the loss that a payer's growth adds and others bear: :math:`\sum_{j \ne i} dx_j / dL`.

    Here the loss grows with the exposure, by ``loss_per_unit``, by default the average :math:`L / \sum_j e_j`; other
    arguments as for :func:`own_price`. 0 when the payer bears exactly what it adds (pro-rata), 1 when others bear it
    all, negative when they pay less than before. One less this is what the payer internalises.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"fund": [60.0, 40.0]}, index=["A", "B"])
    >>> question = LossProblem(20, table, cap="fund")
    >>> [round(pass_through(rule, question, "A").value, 6) for rule in ("pro-rata", "constrained-equal-awards")]
    [0.0, 0.5]
    """
    rule, asked = posed(scheme, problem)
    found = _response(rule, asked, payer, by, whole_account, tuple(rates), loss_per_unit)
    if found.added == 0:
        return Incentive(0.0, f"{payer} adds nothing to the loss", *found.move)
    others, own = (0.0 if abs(v) <= _NOISE * found.added else v / found.added for v in (found.others, found.own))
    told = (
        found.told
        if math.isnan(others)
        else (
            f"of each unit of loss that {payer} adds with more {found.column} "
            f"({money(asked.question, found.added)} for one unit of it), others bear {others:.4g} and {payer} {own:.4g}"
        )
    )
    return Incentive(others, told, *found.move)


class _Response(NamedTuple):
    """How shares answer to a payer's exposure, per unit of it, below and above where it is now."""

    column: str
    exposure: float
    now: float
    added: float
    below: float
    above: float
    others: float
    kink: bool
    told: str
    move: Move

    @property
    def own(self) -> float:
        return (self.below + self.above) / 2


def _response(
    rule: Rule, asked: Moves, payer: Any, by: str | None, whole_account: bool, rates: tuple[str, ...],
    loss_per_unit: float | None = 0.0,
) -> _Response:  # fmt: skip
    question = asked.question
    column = by or _single(columns_read(rule, asked, payer))
    here = asked.grow(payer, 1.0, [column])  # refuses what is no amount of the table
    column_figures = figures(question.payers[column])
    exposure, total = float(column_figures[position(question, payer)]), float(np.nansum(column_figures))
    average = question.loss / total if 0 < total < math.inf else 0.0
    added = average if loss_per_unit is None else loss_per_unit
    now = asked.paid(rule, asked.as_is((payer,)))
    if not 0 < exposure < math.inf:
        told, nan = f"{payer} has no {column} that could grow", math.nan
        return _Response(column, exposure, now, added, nan, nan, nan, False, told, here)
    step = STEP * exposure

    def at(sign: float) -> tuple[Move, float, float]:
        loss = question.loss + sign * step * added
        move = asked.grow(payer, 1.0 + sign * STEP, None if whole_account else [column], loss=loss, rates=rates)
        (own,), total = asked.borne(rule, move)
        return move, float(own), total - float(own)

    (_, low, low_others), (move, high, high_others) = at(-1.0), at(+1.0)
    below, above = (now - low) / step, (high - now) / step
    kink = abs(above - below) > max(_KINK * max(abs(above), abs(below)), _NOISE * question.loss / exposure)
    when = f"when its whole account is scaled to {column}" if whole_account else f"with {column} of"
    told = f"{payer} bears {low:,.10g} {when} {exposure - step:,.10g}, {high:,.10g} at {exposure + step:,.10g}"
    others = (high_others - low_others) / (2 * step)
    return _Response(column, exposure, now, added, below, above, others, kink, told, move)


def _incentive(found: _Response, scale: float, unit: str) -> Incentive:
    if math.isnan(found.own):
        return Incentive(math.nan, found.told, *found.move)
    value, below, above = (slope * scale for slope in (found.own, found.below, found.above))
    kink = f" (a kink: {below:.4g} downwards, {above:.4g} upwards)" if found.kink else ""
    return Incentive(value, f"{found.told}: {value:.4g} {unit}{kink}", *found.move)


def _single(columns: list[str]) -> str:
    if len(columns) > 1:
        raise DataError(f"the rule reads several columns ({', '.join(columns)}); name the exposure with by=...")
    return columns[0]
