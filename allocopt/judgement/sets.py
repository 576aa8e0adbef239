"""A ranking asked again on parts of its criteria: without what proportion has by construction, or on one kind alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allocopt.judgement.measure import Measure
from allocopt.judgement.metric import Metric
from allocopt.judgement.weighting import NO_WEIGHT, falling

if TYPE_CHECKING:
    from allocopt.judgement.card import Scorecard
    from allocopt.judgement.choice import Ranking

ALL = "all that count"
PROPORTION = "without what proportion has by construction"
FAIRNESS = "fairness alone"
INCENTIVES = "incentives alone"


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
    from allocopt.judgement.choice import Ranking

    rows = ranking.vertices[[ranking.names.index(name) for name in part]]
    if rows.shape[1] == 1:
        vertices = rows / rows.sum()
    elif nothing_assumed(ranking):
        vertices = np.eye(len(part))
    else:
        vertices = falling(len(part))
    why = {name: ranking.left_out.get(name, NO_WEIGHT) for name in ranking.card.criteria if name not in part}
    left_out = pd.Series(why, dtype=object, name=ranking.left_out.name)
    return Ranking(ranking.card, part, vertices, ranking.basis, left_out, ranking.draws, ranking.seed)


def nothing_assumed(ranking: Ranking) -> bool:
    """Whether any weights are as likely as any others."""
    return ranking.vertices.shape[1] > 1 and bool((ranking.vertices == np.eye(len(ranking.names))).all())


def asked(ranking: Ranking, part: tuple[str, ...]) -> dict[str, Any]:
    """What ``card.rank`` was asked, on some of the criteria: weights, an order of importance, or criteria alone."""
    if ranking.vertices.shape[1] == 1:
        return {"weights": {name: float(ranking.weights[name]) for name in part}}
    if nothing_assumed(ranking):
        return {"criteria": list(part)}
    return {"weights": list(part)}


def by_construction(card: Scorecard) -> tuple[str, ...]:
    """The criteria of the card that favour sharing in proportion to its exposure, on every question.

    They are part of what proportion means (one rate for all, nothing gained by splitting) and speak for it before
    anything is measured, so an honest comparison is published with and without them.
    """
    return tuple(name for name, one in card.criteria.items() if one.favours == "pro-rata")
