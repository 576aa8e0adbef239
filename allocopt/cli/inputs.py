"""What a user types becomes facts and rules: an event from a name or a file, a scheme and its parameters from text."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from allocopt.errors import DataError, unknown

if TYPE_CHECKING:
    import pandas as pd

    from allocopt.facts.event import Event
    from allocopt.facts.problem import LossProblem
    from allocopt.schemes.base import Scheme

_OPENING, _CLOSING = "([{", ")]}"
_CALL = re.compile(r"([\w-]+)\((.*)\)", re.DOTALL)


@dataclass(frozen=True)
class Asked:
    """The event and the question as typed: what is left out is the event's own."""

    name: str
    loss: float | None = None
    currency: str = ""
    roles: str | None = None
    cap: str | None = None
    game: str | None = None
    by: str | None = None

    def event(self) -> Event:
        """An event of the shelf, of a dataset folder or an event.toml, or a plain CSV with one payer per row.

        A CSV states no loss, so it must be typed; a payer without a role in it counts as a survivor.
        """
        from allocopt.facts.event import Event
        from allocopt.shelf.library import load_event

        path = Path(self.name)
        if path.suffix.lower() != ".csv":
            return load_event(self.name)
        table = read_table(path)
        if self.loss is None:
            raise DataError(f"{path} is a table of payers and states no loss; give one with --loss, as in --loss 107e6")
        if "role" not in table:
            table["role"] = "survivor"
        return Event(path.stem, loss=self.loss, currency=self.currency, date=None, payers=table, title=path.name)

    def problem(self, event: Event) -> LossProblem:
        """The question asked of the event."""
        roles = None if self.roles is None else split(self.roles)
        cap: Any = None if self.cap is None else number_or_text(self.cap)
        return event.problem(roles=roles, cap=cap, loss=self.loss)


def read_table(path: Path) -> pd.DataFrame:
    """A CSV of payers: ids in the first column; a column of numbers is numeric, any other keeps its words.

    A blank cell is not known. In a column that is mostly numbers a word stays as it is, so that whoever needs the
    column as numbers can name the payer at fault.
    """
    import pandas as pd

    from allocopt.shelf.documents import Findings
    from allocopt.shelf.tables import read_rows

    found = Findings(path)
    header, rows = read_rows(path, found)
    found.settle(header)
    ids = pd.Index([row[0] for row in rows], name=header[0], dtype=object)
    table = pd.DataFrame(index=ids)
    for at, column in enumerate(header[1:], 1):
        cells = [number_or_text(row[at]) for row in rows]
        if all(isinstance(cell, str) for cell in cells if cell != ""):
            table[column] = pd.Series([str(cell) for cell in cells], index=ids, dtype=object)
        else:
            blanked = [math.nan if cell == "" else cell for cell in cells]
            words = any(isinstance(cell, str) for cell in blanked)
            table[column] = pd.Series(blanked, index=ids, dtype=object if words else float)
    return table


def number_or_text(text: str) -> float | str:
    """The text as a number if it is one."""
    try:
        return float(text)
    except ValueError:
        return text


def split(text: str, mark: str = ",") -> list[str]:
    """The parts between marks that stand outside all brackets and quotes.

    >>> split("pro-rata, fair:subject_to=[gini_at_most(0.1, by=equity), keep_solvent()]")
    ['pro-rata', 'fair:subject_to=[gini_at_most(0.1, by=equity), keep_solvent()]']
    """
    parts, depth, quote, begin = [], 0, "", 0
    for at, letter in enumerate(text):
        if quote or letter in "\"'":
            quote = "" if letter == quote else quote or letter
        elif letter in _OPENING:
            depth += 1
        elif letter in _CLOSING:
            depth -= 1
        elif letter == mark and depth == 0:
            parts.append(text[begin:at])
            begin = at + 1
        if depth < 0:
            break
    if depth or quote:
        raise DataError(f"the brackets or quotes in {text!r} do not match; close each one that is opened")
    return [part.strip() for part in [*parts, text[begin:]] if part.strip()]


def value(text: str) -> Any:
    """A parameter as typed: a number, true or false, a word, a [list], a {name=weight} blend, a constraint or rule(..).

    >>> value("0.3"), value("{default_fund=0.5, initial_margin=0.5}"), value("default_fund")
    (0.3, {'default_fund': 0.5, 'initial_margin': 0.5}, 'default_fund')
    >>> str(value("gini_at_most(0.3, by=default_fund)"))
    'gini of burden per default_fund at most 0.3'
    """
    text = text.strip()
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text[:1] == text[-1:] and text[:1] in ("'", '"'):
        return text[1:-1]
    if text[:1] == "[" and text[-1:] == "]":
        return [value(part) for part in split(text[1:-1])]
    if text[:1] == "{" and text[-1:] == "}":
        return dict(assignment(part) for part in split(text[1:-1]))
    if call := _CALL.fullmatch(text):
        return _made(call[1], split(call[2]))
    number = number_or_text(text)
    if isinstance(number, float) and re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    return number


def assignment(text: str) -> tuple[str, Any]:
    """``name=value`` as a pair."""
    name, equals, typed = text.partition("=")
    if not equals or not name.strip():
        raise DataError(f"{text!r} is not name=value; write it as key=default_fund")
    return name.strip(), value(typed)


def scheme(text: str, asked: Asked, event: Event) -> Scheme:
    """``name`` or ``name:parameter=value:parameter=value`` as a scheme."""
    name, *parameters = split(text, ":") or [""]
    return named_scheme(name, dict(assignment(part) for part in parameters), asked, event)


def named_scheme(name: str, parameters: dict[str, Any], asked: Asked, event: Event) -> Scheme:
    """The scheme with these parameters; a rule that reads scenarios and is given none reads those of the event, and
    one that divides by a game takes the one that was asked for."""
    from allocopt.cli.games import asks_game, with_game
    from allocopt.schemes import scheme, schemes

    kind = schemes().get(name)
    if kind is not None and asks_game(kind):
        parameters = with_game(kind, parameters, asked.game, event, asked.problem(event), asked.by)
    if kind is not None and "scenarios" in kind.__dataclass_fields__ and event.scenarios is not None:
        parameters = {"scenarios": event.scenarios, **parameters}
    return scheme(name, **parameters)


def _made(name: str, arguments: list[str]) -> Any:
    """A fairness constraint or a scheme by name: positional arguments first, then name=value."""
    from allocopt.cli.games import GAMES, GameAsked
    from allocopt.schemes import constraints, scheme, schemes

    placed = [value(part) for part in arguments if "=" not in part]
    named = dict(assignment(part) for part in arguments if "=" in part)
    if name in schemes() and not placed:
        return scheme(name, **named)
    if name in GAMES:
        return GameAsked(name, tuple(placed), named)
    known = [entry for entry in constraints.__all__ if entry != "Constraint"]
    if name not in known:
        raise unknown("constraint", name, known)
    try:
        return getattr(constraints, name)(*placed, **named)
    except TypeError as fault:
        raise DataError(f"{name}({', '.join(arguments)}): {str(fault).partition(')')[2].strip()}") from None
