"""A ranking asked again on parts of its criteria: without what proportion has by construction, or on one kind alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allocopt.errors import AllocOptError
from allocopt.facts.problem import LossProblem
from allocopt.judgement.inequality import ROUNDING
from allocopt.judgement.manipulation import amounts
from allocopt.judgement.measure import Case, Measure
from allocopt.judgement.metric import Metric
from allocopt.schemes import scheme

if TYPE_CHECKING:
    from allocopt.judgement.card import Scorecard
    from allocopt.judgement.choice import Ranking

ALL = "all that count"
PROPORTION = "without what proportion has by construction"
FAIRNESS = "fairness alone"
INCENTIVES = "incentives alone"

QUESTIONS = 3  # drawn to see what proportion is best at: a coincidence does not come three times
_PAYERS = 6
_SEED = 20180911


def criterion_sets(ranking: Ranking) -> dict[str, Ranking]:
    """The ranking on each part of its criteria that is a part: neither empty nor all."""
    card, names = ranking.card, ranking.names
    given = ranking.by_construction
    parts = {
        ALL: names,
        PROPORTION: tuple(name for name in names if name not in given),
        FAIRNESS: tuple(name for name in names if isinstance(card.criteria[name], Metric)),
        INCENTIVES: tuple(name for name in names if isinstance(card.criteria[name], Measure)),
    }
    return {
        title: ranking if part == names else restricted(ranking, part)
        for title, part in parts.items()
        if title == ALL or (part and part != names)
    }


def restricted(ranking: Ranking, part: tuple[str, ...]) -> Ranking:
    """The same kind of weights on some of the criteria: those given in their old proportions, an order in its order."""
    return ranking.card.rank(**asked(ranking, part), draws=ranking.draws, seed=ranking.seed)


def asked(ranking: Ranking, part: tuple[str, ...]) -> dict[str, Any]:
    """What ``card.rank`` was asked, on some of the criteria: weights, an order of importance, or criteria alone."""
    if ranking.vertices.shape[1] == 1:
        return {"weights": {name: float(ranking.weights[name]) for name in part}}
    if (ranking.vertices == np.eye(len(ranking.names))).all():
        return {"criteria": list(part)}
    return {"weights": list(part)}


def by_construction(card: Scorecard) -> tuple[str, ...]:
    """The criteria of the card on which sharing in proportion to its exposure is at the best end on every question.

    They are part of what proportion means (one rate for all, nothing gained by splitting) and speak for it before
    anything is measured, so an honest comparison is published with and without them. They are found by asking: a rule
    in proportion to the exposure, up to caps of the same exposure, is judged on drawn questions with the columns of the
    card.
    """
    if not card.question.n:
        return ()
    rule = scheme("pro-rata", key=card.by)
    found = dict.fromkeys(card.criteria, True)
    for question in _drawn(card.question, card.by):
        answer = rule.allocate(question)
        risk = "stress_loss" if "stress_loss" in question.payers else ""
        case = Case(rule, question, question, answer, None, card.by, risk)
        for name in [name for name, still in found.items() if still]:
            one = card.criteria[name]
            try:
                value = one(answer, card.by) if isinstance(one, Metric) else one(case).value
            except (AllocOptError, LookupError, ValueError, ArithmeticError):
                value = float("nan")  # a criterion of the reader's own that cannot judge a drawn question
            found[name] = one.normalised(value) >= 1.0 - ROUNDING
    return tuple(name for name, at_best in found.items() if at_best)


def _drawn(question: LossProblem, by: str) -> list[LossProblem]:
    """Questions with the columns of this one, every amount drawn anew around the same mean."""
    rng = np.random.default_rng(_SEED)
    table = question.payers.iloc[np.arange(_PAYERS) % question.n].set_axis(pd.RangeIndex(_PAYERS), axis=0)
    drawn = []
    for loaded in rng.uniform(0.4, 0.9, QUESTIONS):
        fresh = {name: rng.lognormal(0.0, 1.0, _PAYERS) for name in {*amounts(table), by}}
        payers = table.assign(**{name: fresh[name] for name in table.columns if name in fresh})
        drawn.append(LossProblem(float(loaded * payers[by].sum()), payers, cap=by, currency=question.currency))
    return drawn
