r"""What a sharing rule rewards: the gain from splitting, merging or misreporting, the price of exposure, free rides.

Every function solves the rule again on a changed question and returns an :class:`Incentive`: a number, and a witness
that anyone can run again. Gains are relative to what the payer bears now, > 0 when it would pay less. ``scheme`` is a
name, a scheme, or a waterfall; a waterfall is run through an event, a scheme divides a question. The loss is the same
before and after unless a function says otherwise. Amounts in the table move with an account; name columns that do not
(leverage, a score) in ``rates``. A scheme that holds figures by payer, such as a Series as its key or the worths of
coalitions, cannot be asked about other accounts and raises :class:`~allocopt.errors.DataError`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.checks import vector
from allocopt.facts.event import Event
from allocopt.facts.problem import LossProblem
from allocopt.judgement import metrics
from allocopt.judgement.inequality import ROUNDING, fractions
from allocopt.judgement.manipulation import Move, Question, cap_column, grow, merge, position, split
from allocopt.mechanisms.cascade import Cascade
from allocopt.mechanisms.waterfall import Waterfall
from allocopt.schemes import Key, Scheme, resolve

Rule = Scheme | Waterfall

# Relative step of a derivative: rounding of the shares (1e-16 of the loss) and curvature both stay below 1e-6 of it.
STEP = 1e-4

# One-sided derivatives that differ by more than this are a kink; over a step of 1e-4 a smooth rule bends far less.
_KINK = 1e-3


@dataclass(frozen=True)
class Incentive:
    """A number with its witness: the changed question, whose payers' shares under the rule give the number again."""

    value: float
    witness: str
    problem: Question | None = field(default=None, repr=False)
    payers: tuple[Any, ...] = ()

    def __float__(self) -> float:
        return self.value


def split_gain(
    scheme: str | Rule,
    problem: Question,
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

    >>> table = pd.DataFrame({"fund": [60.0, 40.0]}, index=["A", "B"])
    >>> print(split_gain("constrained-equal-losses", LossProblem(50, table, cap="fund"), "A", parts=2).witness)
    A splits into 2 equal accounts, which together bear 23.33 instead of 35.00
    """
    rule, question = _posed(scheme, problem)
    moves = {m: split(question, payer, m, fractions=fractions, rates=rates)
             for m in ([parts] if isinstance(parts, int) else parts)}  # fmt: skip
    if not moves:
        raise DataError("parts is empty; give a number of accounts, or several to try")
    before = _paid(rule, Move(question, (payer,)))
    if before <= 0:
        return _nothing_to_gain(question, payer)
    after, best = min((_paid(rule, move), m) for m, move in moves.items())
    uneven = "".join(f", {name} as {' : '.join(f'{v:g}' for v in by)}" for name, by in (fractions or {}).items())
    told = (
        f"{payer} splits into {best} {'' if uneven else 'equal '}accounts{uneven}, which together bear "
        f"{_money(question, after)} instead of {_money(question, before)}"
    )
    return Incentive(_gain(before, after), told, *moves[best])


def merge_gain(scheme: str | Rule, problem: Question, payers: Iterable[Any], *, rates: Iterable[str] = ()) -> Incentive:
    r"""What payers save by appearing as one account, as a part of what they bear: :math:`1 - x_{merged} / \sum_i x_i`.

    >>> table = pd.DataFrame({"fund": [60.0, 20.0, 20.0]}, index=["A", "B", "C"])
    >>> print(merge_gain("constrained-equal-awards", LossProblem(30, table, cap="fund"), ["B", "C"]).witness)
    B and C merge into one account, which bears 15.00 instead of 20.00
    """
    rule, question = _posed(scheme, problem)
    joined = (payers,) if isinstance(payers, str) else tuple(payers)
    move = merge(question, joined, rates=rates)
    before, names = _paid(rule, Move(question, joined)), " and ".join(map(str, joined))
    if before <= 0:
        return _nothing_to_gain(question, names)
    after = _paid(rule, move)
    told = (
        f"{names} merge into one account, which bears {_money(question, after)} instead of {_money(question, before)}"
    )
    return Incentive(_gain(before, after), told, *move)


def misreport_gain(
    scheme: str | Rule,
    problem: Question,
    payer: Any,
    column: str | None = None,
    reports: Iterable[float] = (0.5, 0.75, 0.9),
) -> Incentive:
    r"""What a payer saves by the best report of its exposure: :math:`\max_r (x_i(e) - x_i(r e)) / x_i(e)`, at least 0.

    ``reports`` are the multiples of the truth that would go unnoticed, by default down to half; what is posted (margin,
    a paid-in fund) cannot be hidden at all. ``column`` is by default what the rule reads: its key (each column of a
    blend is tried), or the caps; a cap that is this column shrinks with the report.

    >>> table = pd.DataFrame({"stress": [60.0, 40.0]}, index=["A", "B"])
    >>> gain = misreport_gain("pro-rata", LossProblem(20, table, cap="stress"), "A")
    >>> print(f"{gain.value:.3f}: {gain.witness}")
    0.286: A reports stress at 50% of the truth and bears 8.57 instead of 12.00
    """
    rule, question = _posed(scheme, problem)
    columns = columns_read(rule, question, payer) if column is None else [column]
    moves = {(c, r): grow(question, payer, r, [c]) for c in columns for r in reports}
    if not moves:
        raise DataError("reports is empty; give at least one multiple of the truth")
    before = _paid(rule, Move(question, (payer,)))
    if before <= 0:
        return _nothing_to_gain(question, payer)
    after, best = min((_paid(rule, move), report) for report, move in moves.items())
    gain, (name, multiple) = max(0.0, _gain(before, after)), best
    spared = f"{_money(question, after)} instead of {_money(question, before)}"
    told = f"{payer} reports {name} at {multiple:.0%} of the truth and bears {spared}"
    none = f"{payer} gains by no false report of {' or '.join(columns)}: the best, {multiple:.0%}, costs {spared}"
    return Incentive(gain, told if gain > 0 else none, *moves[best])


def own_price(
    scheme: str | Rule,
    problem: Question,
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

    >>> table = pd.DataFrame({"fund": [60.0, 40.0]}, index=["A", "B"])
    >>> round(own_price("pro-rata", LossProblem(50, table, cap="fund"), "A").value, 6)
    0.2
    """
    rule, question = _posed(scheme, problem)
    return _price_of(_response(rule, question, payer, by, whole_account, tuple(rates)), 1.0, "per unit")


def own_elasticity(
    scheme: str | Rule,
    problem: Question,
    payer: Any,
    by: str | None = None,
    *,
    whole_account: bool = False,
    rates: Iterable[str] = (),
) -> Incentive:
    r"""By how many per cent a payer's share grows when its exposure does by one: :math:`(e_i / x_i)\,\partial x_i /
    \partial e_i`.

    Arguments as for :func:`own_price`. :math:`1 - s_i` for pro-rata; 0 for a payer who bears nothing.

    >>> table = pd.DataFrame({"fund": [60.0, 40.0]}, index=["A", "B"])
    >>> round(own_elasticity("pro-rata", LossProblem(50, table, cap="fund"), "A").value, 6)
    0.4
    """
    rule, question = _posed(scheme, problem)
    before = _paid(rule, Move(question, (payer,)))
    if before <= 0:
        return _nothing_to_gain(question, payer)
    found = _response(rule, question, payer, by, whole_account, tuple(rates))
    return _price_of(found, found.exposure / before, "per cent for one per cent")


def pass_through(
    scheme: str | Rule,
    problem: Question,
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

    >>> table = pd.DataFrame({"fund": [60.0, 40.0]}, index=["A", "B"])
    >>> question = LossProblem(20, table, cap="fund")
    >>> [round(pass_through(rule, question, "A").value, 6) for rule in ("pro-rata", "constrained-equal-awards")]
    [0.0, 0.5]
    """
    rule, question = _posed(scheme, problem)
    column = by or _single(columns_read(rule, question, payer))
    if loss_per_unit is None:
        total = float(pd.to_numeric(question.payers[column]).sum()) if column in question.payers.columns else 0.0
        loss_per_unit = question.loss / total if total > 0 else 0.0
    found = _response(rule, question, payer, column, whole_account, tuple(rates), loss_per_unit)
    if loss_per_unit == 0:
        return Incentive(0.0, f"{payer} adds nothing to the loss", question, (payer,))
    value = found.others / loss_per_unit
    told = (
        f"of the {_money(question, loss_per_unit)} that each unit of {column} adds to the loss when {payer}'s grows, "
        f"others bear {value:.4g} and {payer} {found.own / loss_per_unit:.4g} per unit of loss"
    )
    return Incentive(0.0 if abs(value) <= STEP**2 else value, told, *found.move)


def free_riding(allocation: Allocation, risk: str | pd.Series[Any]) -> Incentive:
    r"""The part of the loss borne by others than those who brought the risk: :math:`\tfrac12 \sum_i |x_i / L - \rho_i|`.

    ``risk`` holds risk contributions, a column or a Series; :math:`\rho_i` are their shares. Payer i rides free by
    :math:`1 - (x_i / L) / \rho_i`; the witness is who brings most beyond what it bears.

    >>> from allocopt.schemes import allocate
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
        f"{_money(problem, allocation.paid[at])} against {_money(problem, own[at])}"
    )
    return Incentive(count / problem.n, told, problem, (problem.ids[at],))


def house_absorption(answer: Allocation | Cascade) -> Incentive:
    """The part of the loss that the house bears itself, its skin in the game: of a waterfall, or of a division it is in.

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
    told = f"the house bears {_money(facts, paid)} of {_money(facts, loss)}"
    return Incentive(paid / loss if loss > 0 else 0.0, told, facts)


def columns_read(scheme: str | Rule, problem: Question, payer: Any) -> list[str]:
    """The columns whose figure for this payer decides its share: the key of the rule, or else the caps.

    Of a waterfall, those of every layer; only columns in which the payer has a figure above zero.
    """
    rule, question = _posed(scheme, problem)
    if isinstance(rule, Waterfall):
        found = [c for layer in rule.layers if not layer.payer for c in _keys(layer.rule, layer.cap or "")]
    else:
        found = _keys(rule, cap_column(question))
    row = question.payers.iloc[position(question, payer)]
    read = [c for c in dict.fromkeys(found) if isinstance(row.get(c), Real) and 0 < float(row[c]) < math.inf]
    if not read:
        raise DataError(f"{rule.title} reads no column in which {payer!r} has a figure above zero; name the column")
    return read


def _keys(rule: Scheme, cap: str) -> list[str]:
    key = getattr(rule, "key", None)
    if isinstance(key, str):
        return [key]
    if isinstance(key, Mapping | Key):
        return list(key.parts if isinstance(key, Key) else key)
    for within in (getattr(rule, f.name) for f in dataclasses.fields(rule)):
        if isinstance(within, Scheme):
            return _keys(within, cap)
    return [cap] if cap else []


def _single(columns: list[str]) -> str:
    if len(columns) > 1:
        raise DataError(f"the rule reads several columns ({', '.join(columns)}); name the exposure with by=...")
    return columns[0]


def _posed(scheme: str | Rule, problem: Question) -> tuple[Rule, Question]:
    """The rule and its question, each of the kind that goes with the other."""
    rule = scheme if isinstance(scheme, Waterfall) else resolve(scheme)
    if not isinstance(problem, LossProblem | Event):
        raise DataError(f"problem is a {type(problem).__name__}; give a LossProblem or an Event")
    if isinstance(rule, Waterfall) and not isinstance(problem, Event):
        raise DataError(f"waterfall {rule.name!r} runs through an event; give the Event, not a single question")
    question = problem.problem() if isinstance(problem, Event) and isinstance(rule, Scheme) else problem
    held = _by_payer(rule, len(question.payers))
    if held:
        raise DataError(
            f"{rule.title} holds {held} as figures by payer, which say nothing about other accounts; put them into "
            "the table as a column, problem.replace(payers=problem.payers.assign(...)), and name the column"
        )
    return rule, question


def _by_payer(held: Any, n: int) -> str:
    """The name of what holds figures by payer or by coalition somewhere inside a rule, or ''."""
    for f in dataclasses.fields(held):
        inside = getattr(held, f.name)
        for value in inside if isinstance(inside, list | tuple) else [inside]:
            if isinstance(value, pd.Series | pd.Index | np.ndarray):
                return f.name
            if dataclasses.is_dataclass(value) and not isinstance(value, type) and _by_payer(value, n):
                return f.name
        if isinstance(inside, list | tuple) and len(inside) in (n, 2**n) and all(isinstance(v, Real) for v in inside):
            return f.name if len(inside) else ""
    return ""


@lru_cache(maxsize=16)
def _shares(rule: Rule, question: Question) -> pd.Series[float]:
    """What each payer bears. Rules and questions are frozen and known by identity, so an answer stays an answer."""
    return rule.run(question).by_payer if isinstance(rule, Waterfall) else rule.allocate(question).shares  # type: ignore[arg-type]


def _paid(rule: Rule, move: Move) -> float:
    for payer in move.payers:
        position(move.question, payer)
    return float(_shares(rule, move.question).loc[list(move.payers)].sum())


def _gain(before: float, after: float) -> float:
    """Relative to what is borne now; what rounding makes of none is none."""
    gain = 1.0 - after / before
    return 0.0 if abs(gain) <= ROUNDING else gain


def _money(question: Question, amount: float) -> str:
    shown = f"{amount:,.2f}" if amount == 0 or abs(amount) >= 1 else f"{amount:.6g}"
    return f"{question.currency} {shown}".lstrip()


def _nothing_to_gain(question: Question, payer: Any) -> Incentive:
    return Incentive(0.0, f"{payer} bears nothing, so there is nothing to gain", question, (payer,))


class _Response(NamedTuple):
    """How shares answer to a payer's exposure, per unit of it."""

    payer: Any
    column: str
    exposure: float
    own: float
    others: float
    sides: tuple[float, float]
    told: str
    move: Move


def _response(
    rule: Rule, question: Question, payer: Any, by: str | None, whole_account: bool, rates: tuple[str, ...],
    loss_per_unit: float = 0.0,
) -> _Response:  # fmt: skip
    column = by or _single(columns_read(rule, question, payer))
    moved = None if whole_account else [column]
    _ = grow(question, payer, 1.0, [column])  # an unknown column is named here
    exposure = float(question.payers[column].iloc[position(question, payer)])
    if not 0 < exposure < math.inf:
        told = f"{payer} has no {column} that could grow"
        return _Response(payer, column, exposure, math.nan, math.nan, (math.nan,) * 2, told, Move(question, (payer,)))
    step = STEP * exposure

    def at(sign: float) -> tuple[Move, float, float]:
        loss = question.loss + sign * step * loss_per_unit
        move = grow(question, payer, 1.0 + sign * STEP, moved, loss=loss, rates=rates)
        own = _paid(rule, move)
        return move, own, float(_shares(rule, move.question).sum()) - own

    low, high, here = at(-1.0), at(+1.0), _paid(rule, Move(question, (payer,)))
    what = f"its whole account, {column}" if whole_account else column
    told = (
        f"{payer} bears {low[1]:,.10g} with {what} at {exposure - step:,.10g} and {high[1]:,.10g} at "
        f"{exposure + step:,.10g}"
    )
    return _Response(
        payer, column, exposure, (high[1] - low[1]) / (2 * step), (high[2] - low[2]) / (2 * step),
        ((here - low[1]) / step, (high[1] - here) / step), told, high[0],
    )  # fmt: skip


def _price_of(found: _Response, scale: float, unit: str) -> Incentive:
    if math.isnan(found.own):
        return Incentive(math.nan, found.told, *found.move)
    value, (below, above) = found.own * scale, (side * scale for side in found.sides)
    told = f"{found.told}: {value:.4g} {unit}"
    if abs(above - below) > _KINK * max(abs(above), abs(below)) and abs(above - below) > STEP**2 * scale:
        told += f" (a kink: {below:.4g} downwards, {above:.4g} upwards)"
    return Incentive(value, told, *found.move)
