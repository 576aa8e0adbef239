"""What else a comparison may know of its question, under which name, and what it is good for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import AllocOptError, DataError, unknown
from allocopt.facts.checks import number, vector
from allocopt.facts.event import Event
from allocopt.facts.problem import LossProblem
from allocopt.facts.scenarios import read_scenarios
from allocopt.judgement import metrics
from allocopt.judgement.coalitions import require_telling

#: Name of a fact -> what it is. A column of the question with the name of a figure or of a leg is that fact.
FACTS = {
    "standalone": "what each payer would bear alone, a column or figures by payer: gain from leaving",
    "fees": "what membership costs each payer besides, a column, figures or one number: gain from leaving",
    "costs": "what each group would bear by itself, a cost game of up to 30 payers: coalition excess",
    "bilateral": "what each payer would lose without clearing, a column or figures: clearing benefit",
    "directional": "how one-sided each portfolio is, |net| / gross from 0 to 1, a column or figures: clearing benefit",
    "equity": "what each payer can lose before it fails, a column or figures: contagion",
    "long": "the column of long positions: gain from two legs",
    "short": "the column of short positions: gain from two legs",
    "net": "columns that are |long - short| of an account, a name or several: gain from two legs",
    "auction": "what the rule reads of the auction, {'column': ..., 'bid': ..., 'no_bid': ...}: reward for bidding",
    "safe": "questions when payers are careful, a list: least deterred gain",
    "risky": "questions when they are not, a list, or a mapping from payer to the list when it is the one",
    "pnl": "equally likely scenarios, profit and loss by payer, or 'event' for the event's: moral hazard",
    "margin": "what each payer covers of its own loss in a scenario, a column, figures or one number: moral hazard",
    "losses": "equally likely losses, by default the scenarios of the comparison: expected house absorption",
    "floor": "the least part of every amount that an account must hold, 0 to 0.5: uneven split gain",
}

_FIGURES = {"standalone": np.inf, "fees": np.inf, "bilateral": np.inf, "directional": 1.0}
_BY_NAME = ("standalone", "fees", "bilateral", "directional", "equity", "long", "short")


def known(
    facts: Mapping[str, Any] | None, question: LossProblem, event: Event | None, losses: Any = None
) -> dict[str, Any]:
    """The facts, checked, with those that columns, the event and the scenarios of the comparison bring themselves.

    >>> table = pd.DataFrame({"fund": [9.0, 5.0], "standalone": [3.0, 4.0]}, index=["A", "B"])
    >>> known({"floor": 0.1}, LossProblem(7, table, "fund"), None)
    {'floor': 0.1, 'standalone': A    3.0
    B    4.0
    dtype: float64}
    """
    if facts is not None and not isinstance(facts, Mapping):
        raise DataError(f"facts is a {type(facts).__name__}; give a mapping from name to fact")
    found = {}
    for name, value in (facts or {}).items():
        if name not in FACTS:
            raise unknown("fact", name, FACTS)
        if name == "pnl" and isinstance(value, str):  # every scenario is a solution of every rule, so never unasked
            if value != "event" or event is None or event.scenarios is None:
                raise DataError(f"fact 'pnl' is {value!r}; give a DataFrame, or 'event' where the event has scenarios")
            value = event.scenarios
        found[name] = _checked(name, value, question)
    for name in _BY_NAME:
        if name not in found and name in question.payers.columns:
            try:
                found[name] = _checked(name, name, question)
            except AllocOptError:  # a namesake that holds no such figures
                continue
    if "losses" not in found and losses is not None:
        found["losses"] = losses
    return found


def _checked(name: str, value: Any, question: LossProblem) -> Any:
    what = f"fact {name!r}"
    if name in _FIGURES:
        stated = question.column(value) if isinstance(value, str) else value
        return pd.Series(vector(stated, question.ids, what, high=_FIGURES[name]), index=question.ids)
    if name == "equity":
        stated = question.column(value, low=-np.inf) if isinstance(value, str) else value
        figures = pd.Series(vector(stated, question.ids, what, low=-np.inf), index=question.ids)
        return value if isinstance(value, str) else figures
    if name in ("long", "short"):
        question.column(value)
        return value
    return _OTHERS[name](value, what, question)


def _net(value: Any, what: str, question: LossProblem) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else tuple(value)
    for name in names:
        question.column(name)
    return names


def _auction(value: Any, what: str, question: LossProblem) -> dict[str, Any]:
    if not isinstance(value, Mapping) or set(value) != {"column", "bid", "no_bid"}:
        raise DataError(f"{what} is {value!r}; give {{'column': ..., 'bid': ..., 'no_bid': ...}}")
    question.labels(value["column"])
    return dict(value)


def _questions(value: Any, what: str, question: LossProblem) -> Any:
    if isinstance(value, Mapping) and "risky" in what:
        return {payer: _questions(each, f"{what} of payer {payer!r}", question) for payer, each in value.items()}
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise DataError(f"{what} holds no question; give a list of LossProblems or Events, even of one")
    for one in value:
        if not isinstance(one, LossProblem | Event):
            raise DataError(f"{what} holds a {type(one).__name__}; give LossProblems or Events")
    return list(value)


def _pnl(value: Any, what: str, question: LossProblem) -> pd.DataFrame:
    if not isinstance(value, pd.DataFrame):
        raise DataError(f"{what} is a {type(value).__name__}; give a DataFrame, scenarios x payers")
    read_scenarios(value, what=what)
    return value.copy()


def _margin(value: Any, what: str, question: LossProblem) -> Any:
    if isinstance(value, str):
        question.column(value)
        return value
    if np.ndim(value):
        return pd.Series(vector(value, question.ids, what), index=question.ids)
    return number(value, what)


def _costs(value: Any, what: str, question: LossProblem) -> Any:
    metrics.max_core_excess(np.zeros(question.n), value)
    require_telling(value)
    return value


def _losses(value: Any, what: str, question: LossProblem) -> Any:
    return vector(value, pd.RangeIndex(np.size(value)), what)


_OTHERS: dict[str, Callable[[Any, str, LossProblem], Any]] = {
    "net": _net, "auction": _auction, "safe": _questions, "risky": _questions, "pnl": _pnl, "margin": _margin,
    "costs": _costs, "losses": _losses, "floor": lambda value, what, question: number(value, what, high=0.5),
}  # fmt: skip
