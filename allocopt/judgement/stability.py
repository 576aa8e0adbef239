"""Whether a ranking stands when a criterion, a part of the criteria, some scenarios or a large payer is left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.errors import AllocOptError, DataError
from allocopt.facts.checks import Array
from allocopt.judgement.acceptability import ranked
from allocopt.judgement.inequality import ROUNDING
from allocopt.judgement.manipulation import leave
from allocopt.judgement.metric import Metric
from allocopt.judgement.metrics import kendall_tau_b
from allocopt.judgement.passage import passage
from allocopt.mechanisms.waterfall import Waterfall

if TYPE_CHECKING:
    from allocopt.judgement.card import Scorecard
    from allocopt.judgement.choice import Ranking


_EVENTS = 20  # events left out one by one; of more, halves


def stability(ranking: Ranking, members: int) -> pd.DataFrame:
    """One row per change: who is first, Kendall's tau-b with the values now, the order; the first row is as it is.

    ``note`` says what of a row could not be judged anew and is as before.
    """
    if not isinstance(members, int) or isinstance(members, bool) or members < 0:
        raise DataError(f"members is {members!r}; give a whole number of payers to leave out in turn, 0 or more")
    now = ranking.value.to_numpy()
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for kind, what, values, note in _changes(ranking, members):
        order = np.argsort(ranked(values), kind="stable")
        grid = [np.rint(v / ROUNDING) for v in (now, values)]
        rows[kind, what] = {
            "first": ranking.schemes[order[0]],
            "tau": 1.0 if (grid[0] == grid[1]).all() else kendall_tau_b(grid[0], grid[1]),
            "order": ", ".join(ranking.schemes[k] for k in order),
            "note": note,
        }
    index = pd.MultiIndex.from_tuples(list(rows), names=["left out", "which"])
    return pd.DataFrame(list(rows.values()), index=index, columns=["first", "tau", "order", "note"])


def _changes(ranking: Ranking, members: int) -> Iterator[tuple[str, str, Array, str]]:
    profile, card = ranking.profile.to_numpy(), ranking.card
    weights = ranking.weights.to_numpy()
    yield "nothing", "", weights @ profile, ""
    fair = np.array([isinstance(card.criteria[name], Metric) for name in ranking.names])
    parts = [("criterion", name, np.arange(len(weights)) != k) for k, name in enumerate(ranking.names)]
    parts += [("part", "fairness", ~fair), ("part", "incentives", fair)]
    for kind, name, stay in parts:
        if stay.any() and not stay.all() and weights[stay].any():
            yield kind, name, weights[stay] @ profile[stay] / weights[stay].sum(), ""
    for name, stay in _scenarios(ranking):
        yield "scenarios", name, weights @ ranking.by_scenario[stay].mean(axis=0), ""
    exposure = card.question.column(card.by)
    for at in np.argsort(-exposure, kind="stable")[: members if card.question.n > 1 else 0]:
        payer = card.question.ids[at]
        anew, notes = without(card, payer, [n for n, f in zip(ranking.names, fair, strict=True) if f])
        judged = profile.copy()
        judged[fair] = np.where(np.isnan(anew), profile[fair], anew)
        if not fair.all():
            notes.append("incentives are those with all payers")
        if card.ensemble is not None:
            notes.append("fairness is that of the card's own loss")
        yield "payer", str(payer), weights @ judged, "; ".join(notes)


def _scenarios(ranking: Ranking) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """What scenarios to leave out, and which stay: every event in turn, or either half of the losses by size."""
    spread = ranking.card.ensemble
    if spread is None:
        return
    if spread.index.name == "event" and len(spread) <= _EVENTS:
        for row, event in enumerate(spread.index):
            yield str(event), np.arange(len(spread)) != row
        return
    order = np.argsort(spread.index, kind="stable") if spread.index.name == "loss" else np.arange(len(spread))
    small = np.zeros(len(spread), dtype=np.bool_)
    small[order[: len(spread) // 2]] = True
    kind = ("smaller", "larger", "losses") if spread.index.name == "loss" else ("first", "second", "events")
    yield f"the {kind[0]} half of the {kind[2]}", ~small
    yield f"the {kind[1]} half of the {kind[2]}", small


def without(card: Scorecard, payer: Any, names: list[str]) -> tuple[Array, list[str]]:
    """Fairness on the fixed scales, (criteria, schemes), when the others divide the same loss; NaN where that cannot be
    said, and why."""
    question = leave(card.question, payer).question
    out = np.full((len(names), len(card.answers)), np.nan)
    metrics = [one for one in (card.criteria[name] for name in names) if isinstance(one, Metric)]
    notes = []
    for i, (title, rule) in enumerate(card.rules.items()):
        try:
            if isinstance(rule, Waterfall):
                run = card.cascades[title]
                again = passage(rule.run(leave(run.event, payer).question, run.loss), question, title)
            else:
                again = rule.allocate(question)
        except AllocOptError as fault:
            notes.append(f"{title} is as before, for it cannot be asked without {payer}: {fault}")
            continue
        out[:, i] = [one.normalised(one(again, card.by)) for one in metrics]
        silent = [one.name for one, value in zip(metrics, out[:, i], strict=True) if np.isnan(value)]
        if silent:
            notes.append(f"{', '.join(silent)} of {title} as before")
    return out, notes
