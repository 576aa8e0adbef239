"""A payer changes how it appears: several accounts instead of one, one instead of several, a larger or smaller account.

A question is a :class:`~allocopt.facts.problem.LossProblem`, divided by a scheme, or an
:class:`~allocopt.facts.event.Event`, run through a waterfall. Every change gives a new question, the loss unchanged,
and says which of its payers are meant.

Numeric columns are amounts and move with the account, and so do caps that are no column; columns named in ``rates``
(leverage, a score, a rating) are the same for every piece of an account. Labels are carried along.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array, number
from allocopt.facts.event import Event
from allocopt.facts.problem import LossProblem

Question = LossProblem | Event

CAPS = "stated caps"  # what caps that are no column of the table are called beside its columns

_ONE = 1e-9  # fractions of an account add up to one within this


class Move(NamedTuple):
    """The changed question, and the payers in it who are, or were, the one that moved."""

    question: Any
    payers: tuple[Any, ...]


def split(
    question: Question,
    payer: Any,
    parts: int = 2,
    *,
    fractions: Mapping[str, Sequence[float]] | None = None,
    rates: Iterable[str] = (),
) -> Move:
    """One payer becomes several accounts, of equal amounts and caps.

    ``fractions`` says for single columns (or ``"stated caps"``, when the caps are no column) what goes into each
    account: one figure >= 0 per account, together 1.

    >>> table = pd.DataFrame({"fund": [60.0, 40.0]}, index=["A", "B"])
    >>> split(LossProblem(50, table, cap="fund"), "A", 2).question.payers["fund"].to_dict()
    {'A (1 of 2)': 30.0, 'A (2 of 2)': 30.0, 'B': 40.0}
    """
    if not isinstance(parts, int) or isinstance(parts, bool) or parts < 2:
        raise DataError(f"parts is {parts!r}; give the number of accounts, a whole number from 2")
    at, table = position(question, payer), _opened(question)
    divided = amounts(table, rates)
    weights = {_known(name, divided): _fractions(name, values, parts) for name, values in (fractions or {}).items()}
    rows = np.repeat(np.arange(len(table)), np.where(np.arange(len(table)) == at, parts, 1))
    names = tuple(f"{payer} ({k} of {parts})" for k in range(1, parts + 1))
    changed = {}
    for name in divided:
        values = figures(table[name])[rows]
        values[at : at + parts] *= weights.get(name, 1.0 / parts)
        changed[name] = values
    index = _ids([*table.index[:at], *names, *table.index[at + 1 :]], table)
    return Move(asked(question, _rebuilt(table, rows, changed, index)), names)


def merge(question: Question, payers: Iterable[Any], *, rates: Iterable[str] = ()) -> Move:
    """Several payers become one account, in the place of the first named, which gives it its labels and rates.

    >>> table = pd.DataFrame({"fund": [60.0, 30.0, 10.0]}, index=["A", "B", "C"])
    >>> merge(LossProblem(50, table, cap="fund"), ["B", "C"]).question.payers["fund"].to_dict()
    {'A': 60.0, 'B + C': 40.0}
    """
    joined = [payers] if isinstance(payers, str) else list(payers)
    if len(joined) < 2 or len(set(joined)) < len(joined):
        raise DataError(f"payers to merge are {joined!r}; name two or more, each once")
    places, table = [position(question, payer) for payer in joined], _opened(question)
    first, stay = places[0], np.setdiff1d(np.arange(len(table)), places[1:])
    name = " + ".join(map(str, joined))
    index = _ids([name if k == first else table.index[k] for k in stay], table)
    changed = {}
    for column in amounts(table, rates):
        values = figures(table[column])
        values[first] = values[places].sum()
        changed[column] = values[stay]
    return Move(asked(question, _rebuilt(table, stay, changed, index)), (name,))


def grow(
    question: Question,
    payer: Any,
    factor: float,
    columns: Iterable[str] | None = None,
    *,
    loss: float | None = None,
    rates: Iterable[str] = (),
) -> Move:
    """One payer's account becomes ``factor`` times as large: the columns named, or all amounts and the cap.

    A cap that is one of these columns goes with it. ``loss``, when given, is the loss of the changed question.

    >>> table = pd.DataFrame({"fund": [60.0, 40.0], "margin": [8.0, 4.0]}, index=["A", "B"])
    >>> grow(LossProblem(50, table, cap="fund"), "A", 0.5, ["margin"]).question.payers.loc["A"].to_dict()
    {'fund': 60.0, 'margin': 4.0}
    """
    times = number(factor, "the factor by which an account grows")
    at, table = position(question, payer), _opened(question)
    movable, changed = amounts(table, rates), {}
    for name in movable if columns is None else [_known(c, movable) for c in columns]:
        values = figures(table[name])
        values[at] *= times
        changed[name] = values
    return Move(asked(question, _rebuilt(table, slice(None), changed, table.index), loss), (payer,))


def leave(question: Question, *payers: Any) -> Move:
    """Some payers are gone; the others remain for the whole loss.

    >>> table = pd.DataFrame({"fund": [60.0, 40.0]}, index=["A", "B"])
    >>> list(leave(LossProblem(30, table, cap="fund"), "A").question.ids)
    ['B']
    """
    table = _opened(question)
    gone = table.index.get_indexer(pd.Index(payers, tupleize_cols=False))
    if (gone < 0).any():
        raise unknown("payer", payers[int(np.argmax(gone < 0))], map(str, table.index))
    return Move(asked(question, table.iloc[np.setdiff1d(np.arange(len(table)), gone)].copy()), ())


def amounts(table: pd.DataFrame, rates: Iterable[str] = ()) -> list[str]:
    """The columns that hold amounts: numbers that belong to an account and are not named as rates."""
    left_out = [_known(name, table.columns) for name in rates]
    return [name for name in table.columns if name not in left_out and _numeric(table[name])]


def position(question: Question, payer: Any) -> int:
    """The row of a payer."""
    ids = question.payers.index if isinstance(question, Event) else question.ids
    if payer not in ids:
        raise unknown("payer", payer, map(str, ids))
    return int(ids.get_indexer(pd.Index([payer]))[0])


def cap_column(question: Question) -> str:
    """The column that the caps are, or '' when they are none; the layers an event meets name columns of their own."""
    if isinstance(question, Event) or question.cap_name not in question.payers.columns:
        return ""
    return question.cap_name


def _opened(question: Question) -> pd.DataFrame:
    """The table, with caps that are no column of it as one more."""
    table = question.payers
    if isinstance(question, Event) or cap_column(question) or np.isinf(question.caps).all():
        return table
    return table.assign(**{CAPS: question.caps})


def asked(question: Question, table: pd.DataFrame, loss: float | None = None) -> Question:
    """The same question about this table."""
    amount = question.loss if loss is None else loss
    if isinstance(question, Event):
        return Event(
            question.name, loss=amount, currency=question.currency, date=question.date, payers=table,
            title=question.title, venue=question.venue, status=question.status, question=question.question,
        )  # fmt: skip
    stated = {"cap": table.pop(CAPS)} if CAPS in table.columns else {}
    return question.replace(payers=table, loss=amount, **stated)


def _rebuilt(table: pd.DataFrame, rows: Any, changed: Mapping[str, Array], index: pd.Index) -> pd.DataFrame:
    """These rows of the table, some columns changed, made at once: setting columns one by one takes most of a probe."""
    columns = {name: changed[name] if name in changed else table[name].array[rows] for name in table.columns}
    return pd.DataFrame(columns, index=index, columns=table.columns)


def _ids(names: list[Any], table: pd.DataFrame) -> pd.Index:
    index: pd.Index = pd.Index(names, name=table.index.name, tupleize_cols=False)
    return index


def _known(name: str, columns: Iterable[Any]) -> str:
    listed = list(columns)
    if name not in listed:
        raise unknown("amount of the payers' table", name, map(str, listed))
    return name


def _numeric(column: pd.Series[Any]) -> bool:
    if pd.api.types.is_numeric_dtype(column.dtype):
        return not pd.api.types.is_bool_dtype(column.dtype)
    stated = column.dropna()
    return bool(len(stated)) and all(isinstance(v, Real) and not isinstance(v, bool | np.bool_) for v in stated)


def figures(column: pd.Series[Any]) -> Array:
    """A column as floats, a copy; what is missing is NaN."""
    return np.array(pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan))


def _fractions(name: str, values: Sequence[float], parts: int) -> Array:
    given = np.array([number(v, f"fraction of {name!r}", high=1.0) for v in values])
    if len(given) != parts or abs(given.sum() - 1.0) > _ONE:
        raise DataError(
            f"fractions of {name!r} are {given.tolist()}; expected {parts} figures, one per account, together 1"
        )
    return given
