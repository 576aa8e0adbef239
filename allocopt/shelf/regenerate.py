"""Make the synthetic figures and the data sheet of a dataset again from its document: the rule is the truth."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from allocopt.shelf.documents import Findings
from allocopt.shelf.event_document import EventDocument, open_event
from allocopt.shelf.sheet import data_sheet
from allocopt.shelf.tables import read_rows


def made_payers(document: EventDocument) -> pd.DataFrame:
    """The payers' table with every synthetic column made from its rule, in the order of the document."""
    table = document.event.payers
    for column in document.columns.values():
        if column.rule is not None:
            table[column.name] = column.rule.make(table)[0].reindex(table.index)
    return table


def made_scenarios(document: EventDocument) -> pd.DataFrame | None:
    """Scenarios (rows) by payer (columns) made from their rule, or None when the document states none."""
    if document.scenarios is None or document.scenarios.rule is None:
        return None
    spread = document.scenarios.rule.make(made_payers(document)).T
    return spread.set_axis([f"S{k:03d}" for k in range(1, len(spread) + 1)]).rename_axis("scenario")


def stale(document: EventDocument) -> list[str]:
    """What the files say and the rules do not, one line each; empty when they agree."""
    made, held = made_payers(document), document.event.payers
    lines = []
    for column in document.columns.values():
        if column.rule is not None:
            wrong = ~_same(made[column.name], held[column.name], column.rule.decimals)
            lines += [
                f"payers.csv: row {payer!r}, column {column.name!r}: is {held.at[payer, column.name]!r}; "
                f"its rule gives {made.at[payer, column.name]!r}"
                for payer in held.index[wrong]
            ]
    scenarios, kept = made_scenarios(document), document.event.scenarios
    if scenarios is not None and kept is not None and document.scenarios and document.scenarios.rule:
        places = document.scenarios.rule.decimals
        if scenarios.shape != kept.shape or not _same(scenarios, kept, places).all():
            lines.append("scenarios.csv: differs from its rule")
    return lines


def _same(made: Any, held: Any, decimals: int) -> Any:
    if isinstance(held, pd.Series) and not pd.api.types.is_numeric_dtype(held):
        return (made.fillna("") == held).to_numpy()
    # One unit of the last place may fall the other way with another machine's exponential.
    return np.isclose(made.to_numpy(dtype=float), held.to_numpy(dtype=float), 0, 1.01 * 10.0**-decimals, equal_nan=True)


def regenerate(folder: Path) -> None:
    """Write payers.csv, scenarios.csv and README.md of a dataset folder again."""
    draft = open_event(folder, drafting=True)
    header, rows = read_rows(folder / "payers.csv", Findings(folder))
    made = made_payers(draft)
    for column in draft.columns.values():
        if column.rule is None:
            continue
        if column.name not in header:
            header.append(column.name)
            rows = [[*row, ""] for row in rows]
        at = header.index(column.name)
        for row in rows:
            row[at] = _written(made.at[row[0], column.name], column.rule.decimals)
    _write(folder / "payers.csv", header, rows)
    scenarios = made_scenarios(draft)
    if scenarios is not None and draft.scenarios and draft.scenarios.rule:
        places = draft.scenarios.rule.decimals
        body = [[name, *(_written(v, places) for v in row)] for name, row in scenarios.T.items()]
        _write(folder / "scenarios.csv", ["scenario", *scenarios.columns], body)
    (folder / "README.md").write_text(data_sheet(open_event(folder)), encoding="utf-8")


def _written(value: Any, decimals: int) -> str:
    if isinstance(value, str):
        return value
    return "" if np.isnan(value) else f"{value:.{max(decimals, 0)}f}"


def _write(path: Path, header: Iterable[Any], rows: Iterable[Iterable[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([list(header), *map(list, rows)])


if __name__ == "__main__":
    for given in sys.argv[1:]:
        regenerate(Path(given))
