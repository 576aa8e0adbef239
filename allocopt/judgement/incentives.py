r"""What a sharing rule rewards: the gain from splitting, merging or misreporting, the price of exposure, free rides.

Every function solves the rule again on a changed question and returns an :class:`Incentive`: a number, and a witness
that anyone can run again. Gains are relative to what the payer bears now, > 0 when it would pay less. ``scheme`` is a
name, a scheme, or a waterfall; a waterfall is run through an event, a scheme divides a question. The loss is the same
before and after unless a function says otherwise. Amounts in the table move with an account; name columns that do not
(leverage, a score) in ``rates``. A scheme that holds figures by payer, such as a Series as its key or the worths of
coalitions, cannot be asked about other accounts and raises :class:`~allocopt.errors.DataError`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.checks import vector
from allocopt.judgement import metrics
from allocopt.judgement.care import moral_hazard, risk_pass_through
from allocopt.judgement.contagion import contagion
from allocopt.judgement.exposure import own_elasticity, own_price, pass_through
from allocopt.judgement.inequality import ROUNDING, fractions
from allocopt.judgement.legs import leg_split_gain
from allocopt.judgement.manipulation import Move, Question, grow, merge, split
from allocopt.judgement.moves import Moves
from allocopt.judgement.participation import (
    auction_incentive,
    clearing_benefit,
    clearing_view,
    coalition_excess,
    exit_gain,
    expected_absorption,
    incentive_budget,
    least_budget,
)
from allocopt.judgement.resolving import Asked, Incentive, Rule, columns_read, money, posed
from allocopt.judgement.splitting import best_split
from allocopt.mechanisms.cascade import Cascade

__all__ = [
    "Incentive",
    "auction_incentive",
    "best_split",
    "clearing_benefit",
    "clearing_view",
    "coalition_excess",
    "columns_read",
    "contagion",
    "exit_gain",
    "expected_absorption",
    "follow_on_defaults",
    "free_riding",
    "grow",
    "house_absorption",
    "incentive_budget",
    "least_budget",
    "leg_split_gain",
    "merge",
    "merge_gain",
    "misreport_gain",
    "moral_hazard",
    "own_elasticity",
    "own_price",
    "pass_through",
    "risk_pass_through",
    "split",
    "split_gain",
]


def split_gain(
    scheme: str | Rule,
    problem: Asked,
    payer: Any,
    parts: int | Iterable[int] = 10,
    *,
    fractions: Mapping[str, Sequence[float]] | None = None,
    rates: Iterable[str] = (),
) -> Incentive:
    r"""What a payer saves by appearing as ``parts`` equal accounts, as a part of what it bears: the Sybil gain.

    .. math:: 1 - \frac{\sum_{k=1}^{m} x_{ik}}{x_i}

    Every amount of the account and its cap are divided equally, unless ``fractions`` names a column and what goes into
    each account. Several numbers of ``parts`` give the best of them. Pro-rata is neutral; equal losses reward
    splitting, equal awards punish it, and the Talmud rule turns at half of all claims.

    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"fund": [60.0, 40.0]}, index=["A", "B"])
    >>> print(split_gain("constrained-equal-losses", LossProblem(50, table, cap="fund"), "A", parts=2).witness)
    A splits into 2 equal accounts, which together bear 26.67 instead of 35.00
    """
    rule, asked = posed(scheme, problem)
    moves = {m: asked.split(payer, m, fractions, rates) for m in ([parts] if isinstance(parts, int) else parts)}
    if not moves:
        raise DataError("parts is empty; give a number of accounts, or several to try")
    before = asked.paid(rule, asked.as_is((payer,)))
    if before <= 0:
        return _idle(asked.question, (payer,))
    gain, best, spared = _best(rule, asked, before, moves)
    uneven = "".join(f", {name} as {' : '.join(f'{v:g}' for v in by)}" for name, by in (fractions or {}).items())
    told = f"{payer} splits into {best} {'' if uneven else 'equal '}accounts{uneven}, which together bear {spared}"
    return Incentive(gain, told, *moves[best])


def merge_gain(scheme: str | Rule, problem: Asked, payers: Iterable[Any], *, rates: Iterable[str] = ()) -> Incentive:
    r"""What payers save by appearing as one account, as a part of what they bear: :math:`1 - x_{merged} / \sum_i x_i`.

    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"fund": [60.0, 20.0, 20.0]}, index=["A", "B", "C"])
    >>> print(merge_gain("constrained-equal-awards", LossProblem(30, table, cap="fund"), ["B", "C"]).witness)
    B and C merge into one account, which bears 15.00 instead of 20.00
    """
    rule, asked = posed(scheme, problem)
    joined = (payers,) if isinstance(payers, str) else tuple(payers)
    move = asked.merge(joined, rates)
    before = asked.paid(rule, asked.as_is(joined))
    if before <= 0:
        return _idle(asked.question, joined)
    gain, _, spared = _best(rule, asked, before, {1: move})
    return Incentive(gain, f"{_listed(joined)} merge into one account, which bears {spared}", *move)


def misreport_gain(
    scheme: str | Rule,
    problem: Asked,
    payer: Any,
    column: str | None = None,
    reports: Iterable[float] = (0.5, 0.75, 0.9),
) -> Incentive:
    r"""What a payer saves by the best report of its exposure: :math:`\max_r (x_i(e) - x_i(r e)) / x_i(e)`, at least 0.

    ``reports`` are the multiples of the truth that would go unnoticed, by default down to half; what is posted (margin,
    a paid-in fund) cannot be hidden at all. ``column`` is by default what the rule reads: its key (each column of a
    blend is tried), or the caps; a cap that is this column shrinks with the report.

    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"stress": [60.0, 40.0]}, index=["A", "B"])
    >>> gain = misreport_gain("pro-rata", LossProblem(20, table, cap="stress"), "A")
    >>> print(f"{gain.value:.3f}: {gain.witness}")
    0.286: A reports stress at 50% of the truth and bears 8.57 instead of 12.00
    """
    rule, asked = posed(scheme, problem)
    columns = columns_read(rule, asked, payer) if column is None else [column]
    moves = {(c, r): asked.grow(payer, r, [c]) for r in reports for c in columns}
    if not moves:
        raise DataError("reports is empty; give at least one multiple of the truth")
    before = asked.paid(rule, asked.as_is((payer,)))
    if before <= 0:
        return _idle(asked.question, (payer,))
    gain, best, spared = _best(rule, asked, before, moves)
    told = f"{payer} reports {best[0]} at {best[1]:.0%} of the truth and bears {spared}"
    return Incentive(max(0.0, gain), told if gain >= 0 else f"no false report pays: {told}", *moves[best])


def free_riding(allocation: Allocation, risk: str | pd.Series[Any]) -> Incentive:
    r"""The part of the loss that others bear than those who brought the risk: :math:`\tfrac12 \sum |x_i / L - \rho_i|`.

    ``risk`` holds risk contributions, a column or a Series; :math:`\rho_i` are their shares. Payer i rides free by
    :math:`1 - (x_i / L) / \rho_i`; the witness is who brings most beyond what it bears.

    >>> from allocopt.schemes import allocate
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"fund": [50.0, 50.0], "stress": [30.0, 10.0]}, index=["A", "B"])
    >>> found = free_riding(allocate(LossProblem(50, table, cap="fund"), "pro-rata"), "stress")
    >>> print(f"{found.value}: {found.witness}")
    0.25: A brings 75.0% of stress and bears 50.0% of the loss
    """
    problem = allocation.problem
    if isinstance(risk, str):
        brought, name = problem.column(risk, low=-math.inf), risk
    else:
        brought, name = vector(risk, problem.ids, "risk", low=-math.inf), str(risk.name or "risk")
    value = metrics.free_rider_index(allocation.paid, brought)
    if not problem.n or allocation.paid.sum() <= 0:
        return Incentive(0.0, "nobody bears anything", problem)
    borne, part = fractions(allocation.paid), fractions(brought)
    at = int(np.argmax(part - borne))
    told = f"{problem.ids[at]} brings {part[at]:.1%} of {name} and bears {borne[at]:.1%} of the loss"
    return Incentive(value, told, problem, (problem.ids[at],))


def follow_on_defaults(allocation: Allocation, equity: str = "equity") -> Incentive:
    r"""The part of the payers whose burden exceeds their equity, so that the allocation itself makes them default.

    >>> from allocopt.schemes import allocate
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"fund": [50.0, 50.0], "equity": [90.0, 10.0]}, index=["A", "B"])
    >>> print(follow_on_defaults(allocate(LossProblem(50, table, cap="fund"), "pro-rata")).witness)
    1 of 2 payers bear more than their equity, B most: 25.00 against 10.00
    """
    problem = allocation.problem
    own = problem.column(equity, low=-math.inf)
    count = metrics.solvency_breaches(allocation.paid, own)
    if not count:
        return Incentive(0.0, f"none of {problem.n} payers bears more than its {equity}", problem)
    at = int(np.argmax(np.where(allocation.paid > 0, allocation.paid - own, -np.inf)))
    told = (
        f"{count} of {problem.n} payers bear more than their {equity}, {problem.ids[at]} most: "
        f"{money(problem, allocation.paid[at])} against {money(problem, own[at])}"
    )
    return Incentive(count / problem.n, told, problem, (problem.ids[at],))


def house_absorption(answer: Allocation | Cascade) -> Incentive:
    """The part of the loss that the house bears itself, its skin in the game, in a waterfall or a division.

    Too little leaves the house careless, too much threatens it; where in the order it pays matters as well.
    """
    if isinstance(answer, Cascade):
        facts: Question = answer.event
        loss, paid = answer.loss, float(answer.by_role.get("house", 0.0))
    else:
        facts, loss = answer.problem, answer.problem.loss
        if "role" not in facts.payers.columns or not (facts.payers["role"] == "house").any():
            raise DataError("the house is not among the payers of this question, so it cannot absorb any of the loss")
        paid = float(answer.paid[(facts.payers["role"] == "house").to_numpy()].sum())
    told = f"the house bears {money(facts, paid)} of {money(facts, loss)}"
    return Incentive(paid / loss if loss > 0 else 0.0, told, facts)


def _best(rule: Rule, asked: Moves, before: float, moves: Mapping[Any, Move]) -> tuple[float, Any, str]:
    """The largest gain, relative to what is borne now, the move that brings it (the first of equals), and in words."""
    question = asked.question
    after = {name: asked.paid(rule, move) for name, move in moves.items()}
    gains = {name: 1.0 - borne / before for name, borne in after.items()}
    gains = {name: 0.0 if abs(gain) <= ROUNDING else gain for name, gain in gains.items()}
    best = max(gains, key=lambda name: gains[name])
    spared = f"instead of {money(question, before)}" if gains[best] else "as before"
    return gains[best], best, f"{money(question, after[best])} {spared}"


def _idle(question: Question, payers: tuple[Any, ...]) -> Incentive:
    """Who bears nothing can only lose."""
    verb = "bears" if len(payers) == 1 else "bear"
    return Incentive(0.0, f"{_listed(payers)} {verb} nothing, so there is nothing to gain", question, payers)


def _listed(payers: tuple[Any, ...]) -> str:
    *most, last = map(str, payers)
    return f"{', '.join(most)} and {last}" if most else last
