"""Whether it pays to take part: to bid, to be careful, to stay, alone or together; and who gains from clearing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.facts.allocation import Allocation
from allocopt.facts.checks import Array, number, vector
from allocopt.facts.event import Event
from allocopt.games.base import Game
from allocopt.games.core import max_excess
from allocopt.judgement.coalitions import as_game
from allocopt.judgement.inequality import ROUNDING
from allocopt.judgement.manipulation import Move, Question, asked, figures, position
from allocopt.judgement.resolving import Asked, Incentive, Rule, money, posed
from allocopt.mechanisms.waterfall import Waterfall


def auction_incentive(
    scheme: str | Rule, problem: Asked, payer: Any, column: str, bid: Any, no_bid: Any, *, relative: bool = False
) -> Incentive:
    r"""What a bid in the default auction spares a payer: :math:`x_i(\text{no bid}) - x_i(\text{bid})`, in currency.

    ``column`` is what the rule reads of the auction (a rank of seniority, a score); ``bid`` and ``no_bid`` are its
    entries for one who bids well and one who does not. 0 when bidding changes nothing. ``relative`` states it as a
    part of what the payer bears without a bid.

    >>> from allocopt.facts.problem import LossProblem
    >>> from allocopt.schemes import scheme
    >>> table = pd.DataFrame({"fund": [60.0, 40.0], "junior": [0.0, 0.0]}, index=["A", "B"])
    >>> rule = scheme("queue", score="junior")
    >>> auction_incentive(rule, LossProblem(50, table, cap="fund"), "A", "junior", bid=-1.0, no_bid=1.0).value
    40.0
    """
    rule, moves = posed(scheme, problem)
    question = moves.question
    position(question, payer)
    if column not in question.payers.columns:
        raise DataError(f"the payers' table has no column {column!r}; name what the rule reads of the auction")
    borne = {}
    for entry in (bid, no_bid):
        table = question.payers.copy()
        table[column] = table[column].astype(object).where(table.index != payer, entry).infer_objects()
        borne[repr(entry)] = moves.paid(rule, Move(asked(question, table), (payer,)))
    with_bid, without = (borne[repr(entry)] for entry in (bid, no_bid))
    told = f"{payer} bears {money(question, with_bid)} with a bid and {money(question, without)} without"
    unit = 1.0 if not relative else without if without > 0 else math.inf
    return Incentive((without - with_bid) / unit + 0.0, told, question, (payer,))


def incentive_budget(scheme: str | Rule, safe: Sequence[Question], risky: Sequence[Question], payer: Any) -> Incentive:
    r"""The largest private gain from taking risk that the rule deters: :math:`B_i = E[x_i|risky] - E[x_i|safe]`.

    ``safe`` and ``risky`` are equally likely questions under either behaviour. 0 or less deters nothing: others bear
    all that the payer adds.

    Source: Biais, Heider and Hoerova, ECB working paper 1481, 2012 (why full mutualisation cannot deter).

    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"fund": [60.0, 40.0]}, index=["A", "B"])
    >>> one = LossProblem(10, table, cap="fund")
    >>> incentive_budget("pro-rata", [one], [one.replace(loss=30.0)], "A").value
    12.0
    """
    means = []
    for name, questions in (("safe", safe), ("risky", risky)):
        if isinstance(questions, str) or not isinstance(questions, Sequence) or not questions:
            raise DataError(f"{name} holds no question; give a list of LossProblems or Events, even of one")
        asked_of = [posed(scheme, question) for question in questions]
        means.append(float(np.mean([moves.paid(rule, moves.as_is((payer,))) for rule, moves in asked_of])))
    told = f"{payer} bears {money(safe[0], means[0])} on average when careful and {money(safe[0], means[1])} when not"
    return Incentive(means[1] - means[0], told, risky[0], (payer,))


def least_budget(scheme: str | Rule, safe: Sequence[Question], risky: Any, by: str) -> Incentive:
    r"""The private gain from taking risk that the rule deters in every payer: :math:`\min_i B_i / e_i`, per unit.

    :math:`B_i` is the budget of :func:`incentive_budget` and :math:`e_i` the payer's exposure, column ``by`` of the
    first safe question. ``risky`` is a list of questions, whoever takes the risk, or a mapping from payer to the list
    when it is that payer; then the minimum is over these payers. Payers without exposure do not count.

    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"fund": [60.0, 40.0]}, index=["A", "B"])
    >>> one = LossProblem(10, table, cap="fund")
    >>> least_budget("constrained-equal-awards", [one], [one.replace(loss=30.0)], "fund").payers
    ('A',)
    """
    first = posed(scheme, safe[0])[1].question if isinstance(safe, Sequence) and safe else None
    if first is None:
        raise DataError("safe holds no question; give a list of LossProblems or Events, even of one")
    table = first.payers
    if by not in table.columns:
        raise unknown("column of the payers' table", by, map(str, table.columns))
    exposure = pd.Series(figures(table[by]), index=table.index)
    payers = [p for p in (risky if isinstance(risky, Mapping) else table.index) if exposure.get(p, 0.0) > 0]
    if not payers:
        raise DataError(f"no payer has {by}; name an exposure that somebody has")
    found = {}
    careful = _means(scheme, safe, payers)
    careless = None if isinstance(risky, Mapping) else _means(scheme, risky, payers)
    for payer in payers:
        rash = _means(scheme, risky[payer], [payer]) if careless is None else careless
        found[payer] = (float(rash[payer] - careful[payer]) / float(exposure[payer]), float(rash[payer]))
    least = min(found, key=lambda payer: found[payer][0])
    told = (
        f"{least} bears {money(first, float(careful[least]))} on average when payers are careful and "
        f"{money(first, found[least][1])} when not, with {by} of {exposure[least]:,.10g}"
    )
    return Incentive(found[least][0], told, first, (least,))


def _means(scheme: str | Rule, questions: Sequence[Question], payers: Sequence[Any]) -> pd.Series[float]:
    """What these payers bear on average over equally likely questions."""
    paid = []
    for question in questions:
        rule, moves = posed(scheme, question)
        paid.append(moves.borne(rule, moves.as_is(payers))[0])
    return pd.Series(np.mean(paid, axis=0), pd.Index(payers, tupleize_cols=False), np.float64)


def exit_gain(allocation: Allocation, standalone: Any, fees: Any = 0.0) -> Incentive:
    r"""What the payer with most reason to leave saves by it: :math:`\max_i x_i + f_i - s_i`, in currency.

    ``standalone`` holds what each would bear alone (a column or figures by payer), ``fees`` what membership costs
    besides. Above zero somebody is better off outside.

    >>> from allocopt.schemes import allocate
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"fund": [50.0, 50.0], "alone": [10.0, 90.0]}, index=["A", "B"])
    >>> print(exit_gain(allocate(LossProblem(60, table, cap="fund"), "pro-rata"), "alone").witness)
    A bears 30.00 inside and 10.00 outside
    """
    problem = allocation.problem
    outside = _figures(problem, standalone, "standalone")
    inside = allocation.paid + _figures(problem, fees, "fees")
    if not problem.n:
        return Incentive(0.0, "there are no payers", problem)
    at = int(np.argmax(inside - outside))
    told = f"{problem.ids[at]} bears {money(problem, inside[at])} inside and {money(problem, outside[at])} outside"
    return Incentive(float(inside[at] - outside[at]), told, problem, (problem.ids[at],))


def coalition_excess(allocation: Allocation, costs: Any) -> Incentive:
    r"""What the group with most reason to leave saves by it: :math:`\max_S x(S) - c(S)`, in currency; <= 0 in the core.

    ``costs`` is a game, or costs as for :func:`~allocopt.judgement.coalitions.max_core_excess`; the witness names the
    group. Allocation by Value-at-Risk (Euler) can leave the core.

    >>> from allocopt.schemes import allocate
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"fund": [50.0, 50.0]}, index=["A", "B"])
    >>> print(coalition_excess(allocate(LossProblem(60, table, cap="fund"), "pro-rata"), [0, 20, 50, 60]).witness)
    A bear 30.00 and would bear 20.00 by themselves
    """
    problem = allocation.problem
    game = as_game(costs, problem.ids)
    game = game if game.kind == "cost" else game.dual()  # the same excesses, of those who bear and not of those who get
    if problem.n < 2:
        return Incentive(0.0, "fewer than two payers form no group", problem)
    worst = max_excess(game, allocation.shares if isinstance(costs, Game) else allocation.paid)
    inside = np.asarray(game.players.isin(worst.coalition))
    borne = float(allocation.shares[list(worst.coalition)].sum())
    own = float(game(inside[None])[0])
    told = (
        f"{', '.join(map(str, worst.coalition))} bear {money(problem, borne)} and would bear "
        f"{money(problem, own)} by themselves"
    )
    return Incentive(worst.excess, told, problem, worst.coalition)


def clearing_benefit(allocation: Allocation, bilateral: Any, directional: Any) -> pd.DataFrame:
    r"""Who gains from clearing: :math:`(b_i - x_i) / b_i` of flat and of directional portfolios, one row per kind.

    ``bilateral`` holds the loss each would bear without clearing, ``directional`` how one-sided each portfolio is,
    |net| / gross from 0 (flat, a dealer) to 1 (one direction, a hedger); below one half counts as flat. The benefit of
    a kind is that of all its losses together; NaN where it has none. A key of net risk favours flat portfolios.

    Source: Kubitza, Pelizzon and Getmansky Sherman, Review of Asset Pricing Studies 14(2), 2024, 237-273.

    >>> from allocopt.schemes import allocate
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"fund": [20.0, 60.0], "net": [0.1, 0.9]}, index=["dealer", "hedger"])
    >>> answer = allocate(LossProblem(40, table, cap="fund"), "pro-rata")
    >>> clearing_benefit(answer, [50.0, 50.0], "net")["benefit"].to_dict()
    {'flat': 0.8, 'directional': 0.4}
    """
    problem = allocation.problem
    without = _figures(problem, bilateral, "bilateral")
    stated = problem.column(directional) if isinstance(directional, str) else directional
    oneness = vector(stated, problem.ids, "directional", high=1.0)
    kind = np.where(oneness < 0.5, "flat", "directional")
    rows = {}
    for name in ("flat", "directional"):
        of = kind == name
        before, after = float(without[of].sum()), float(allocation.paid[of].sum())
        rows[name] = {
            "payers": int(of.sum()), "bilateral": before, "cleared": after,
            "benefit": (before - after) / before if before > 0 else math.nan,
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("portfolio")


def clearing_view(answers: Mapping[str, Allocation], bilateral: Any, directional: Any) -> pd.DataFrame:
    """As :func:`clearing_benefit` for several schemes: one row per scheme and kind of portfolio."""
    found = {title: clearing_benefit(answer, bilateral, directional) for title, answer in answers.items()}
    return pd.concat(found, names=["scheme", "portfolio"])


def expected_absorption(waterfall: Waterfall, event: Event, losses: Any) -> Incentive:
    r"""The part of the losses beyond the defaulter that the house bears on average: its skin in the game at work.

    .. math:: \frac{E[x_{house}]}{E[(L - x_{defaulter})^+]}

    over ``losses``, equally likely. 0 when no loss goes beyond the defaulter.
    """
    found = waterfall.run_many(losses, event)
    roles = found.by_role
    own = float(roles["house"].mean()) if "house" in roles else 0.0
    beyond = found.loss.to_numpy() - (roles["defaulter"].to_numpy() if "defaulter" in roles else 0.0)
    mean = float(np.maximum(beyond, 0.0).mean()) if len(beyond) else 0.0
    told = f"of {money(event, mean)} beyond the defaulter on average, the house bears {money(event, own)}"
    return Incentive(own / mean if mean > ROUNDING * float(found.loss.max()) else 0.0, told, event)


def _figures(problem: Any, given: Any, what: str) -> Array:
    if isinstance(given, str):
        return np.asarray(problem.column(given), dtype=np.float64)
    if np.ndim(given) == 0:
        return np.full(problem.n, number(given, what))
    return vector(given, problem.ids, what)
