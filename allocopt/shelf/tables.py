"""Read a CSV strictly: a blank cell is "not known", and nothing else than numbers counts as a number."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from importlib.resources.abc import Traversable

import pandas as pd

from allocopt.errors import unknown
from allocopt.shelf.documents import Findings


def read_rows(source: Traversable, found: Findings) -> tuple[list[str], list[list[str]]]:
    """Header and rows as text; rows of the wrong length, repeated columns and repeated ids are noted and dropped."""
    try:
        lines = list(csv.reader(io.StringIO(source.read_text(encoding="utf-8-sig"), newline=""), strict=True))
    except FileNotFoundError:
        found.add("", "there is no such file", source)
        return [], []
    except (UnicodeDecodeError, csv.Error) as fault:
        found.add("", f"is not a CSV file in UTF-8 ({fault})", source)
        return [], []
    if not lines:
        found.add("", "is empty; expected a header line", source)
        return [], []
    header = [name.strip() for name in lines[0]]
    for column in sorted({name for name in header if header.count(name) > 1}):
        found.add(f"column {column!r}", "occurs more than once; rename one", source)
    rows, seen = [], set()
    for at, row in enumerate(lines[1:], 2):
        if not row:
            continue
        if len(row) != len(header):
            found.add(f"line {at}", f"has {len(row)} cells; expected {len(header)}, as in the header", source)
        elif not row[0].strip():
            found.add(f"line {at}", f"column {header[0]!r} is blank; every row needs an id", source)
        elif row[0].strip() in seen:
            found.add(f"row {row[0].strip()!r}", f"{header[0]} occurs more than once; ids must be unique", source)
        else:
            seen.add(row[0].strip())
            rows.append([cell.strip() for cell in row])
    return header, rows


def read_payers(
    source: Traversable, found: Findings, numeric: Iterable[str], labels: Iterable[str], *, drafting: bool = False
) -> pd.DataFrame:
    """The table of payers: the columns the document declares, no more and (unless ``drafting``) no less."""
    table = read_table(source, found, "payer", numeric, ["role", *labels], drafting=drafting)
    return pd.DataFrame({"role": []}) if table is None else table


def read_table(
    source: Traversable, found: Findings, first: str, numeric: Iterable[str], labels: Iterable[str], *,
    low: float = 0.0, drafting: bool = False,
) -> pd.DataFrame | None:  # fmt: skip
    """A table whose rows are named in column ``first``, with the columns declared; None when it cannot be read."""
    header, rows = read_rows(source, found)
    numbers, words = list(numeric), list(labels)
    if not header:
        return None
    if header[0] != first:
        found.add("", f"begins with column {header[0]!r}; expected {first!r}, and commas between cells", source)
        return None
    for column in [*words, *numbers]:
        if column not in header and (column == "role" or not drafting):
            found.add(f"column {column!r}", "is declared in the document but is not in the table", source)
    for column in header[1:]:
        if column not in words and column not in numbers:
            found.add("", str(unknown("declared column", column, [*words, *numbers])), source)
    cells = {column: dict(zip((r[0] for r in rows), (r[at] for r in rows), strict=True))
             for at, column in enumerate(header)}  # fmt: skip
    table = pd.DataFrame(index=pd.Index(list(cells[first]), name=first, dtype=object))
    for column in header[1:]:
        if column in numbers:
            table[column] = [to_number(cell, row, column, found, source, low) for row, cell in cells[column].items()]
        elif column in words:
            table[column] = pd.Series(cells[column], dtype=object)
    for column in numbers:
        if column not in table:
            table[column] = math.nan
    return table


def to_number(cell: str, row: str, column: str, found: Findings, source: object, low: float = 0.0) -> float:
    """A cell as a number; blank is NaN, "not known"."""
    if not cell:
        return math.nan
    where = f"row {row!r}, column {column!r}"
    try:
        value = float(cell)
    except ValueError:
        found.add(where, f"is {cell!r}; expected a plain number such as 1250000.00, or a blank if unknown", source)
        return math.nan
    if not math.isfinite(value):
        found.add(where, f"is {cell!r}; expected a finite number, or a blank if it is not known", source)
        return math.nan
    if value < low:
        found.add(where, f"is {cell}; expected a number >= {low:g}", source)
    return value


def read_scenarios(source: Traversable, found: Findings, payers: Iterable[str]) -> pd.DataFrame:
    """Profit and loss by scenario (rows) and payer (columns), gain > 0; every cell is a number."""
    header, rows = read_rows(source, found)
    known = list(payers)
    if header and header[0] != "scenario":
        found.add("", f"begins with column {header[0]!r}; expected 'scenario'", source)
    for payer in header[1:]:
        if payer not in known:
            found.add("", str(unknown("payer", payer, known)), source)
    values = []
    for name, *cells in rows:
        for payer, cell in zip(header[1:], cells, strict=True):
            if not cell:
                found.add(f"row {name!r}, column {payer!r}", "is blank; every scenario needs a figure", source)
        values.append([to_number(c, name, p, found, source, -math.inf) for p, c in zip(header[1:], cells, strict=True)])
    return pd.DataFrame(values, index=pd.Index([row[0] for row in rows], name="scenario"), columns=header[1:])
