"""What a command shows: tables that fit a terminal, or the same facts as JSON for machines."""

from __future__ import annotations

import datetime as dt
import json
import math
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allocopt.pages.numerals import amount, decimals, percent
from allocopt.pages.provenance import DOUBTFUL

if TYPE_CHECKING:
    from rich.table import Table

TOP = 15  # payers a table shows one by one; the rest is summed
_PIPED = 100  # columns when the output is no terminal


def show(*parts: Any) -> None:
    """Print tables and lines; markup in names is printed as it stands."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else _PIPED, highlight=False, markup=False, emoji=False)
    for part in parts:
        console.print(part)


def waiting(words: str) -> Any:
    """A sign of life while something takes long; only where somebody is looking."""
    from rich.console import Console

    return Console(stderr=True).status(words)


def show_json(facts: Mapping[str, Any]) -> None:
    """Print facts as JSON: Series and tables by id, NaN and infinity as null."""
    print(json.dumps(plain(facts), indent=2, ensure_ascii=False, allow_nan=False))


def plain(fact: Any) -> Any:
    """The fact in types that JSON knows.

    >>> plain({"cap": pd.Series([1.0, math.inf], index=["A", "B"])})
    {'cap': {'A': 1.0, 'B': None}}
    """
    if isinstance(fact, pd.DataFrame):
        return {str(row): plain(fact.loc[row]) for row in fact.index}
    if isinstance(fact, pd.Series | Mapping):
        return {str(key): plain(entry) for key, entry in fact.items()}
    if isinstance(fact, np.generic):
        fact = fact.item()
    if isinstance(fact, float):
        return fact if math.isfinite(fact) else None
    if fact is None or isinstance(fact, bool | int | str):
        return fact
    if isinstance(fact, dt.date):
        return fact.isoformat()
    if isinstance(fact, Iterable):
        return [plain(entry) for entry in fact]
    return str(fact)


def table(title: str, words: Iterable[str], figures: Iterable[str], *, widths: tuple[int, int] | None = None) -> Table:
    """An empty table: columns of words to the left, columns of figures to the right, of these widths if given."""
    from rich import box
    from rich.table import Table

    first, other = widths or (None, None)
    out = Table(
        title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False,
        padding=(0, 0) if widths else (0, 1),
    )  # fmt: skip
    for name in words:
        out.add_column(name, overflow="fold", width=first)
    for name in figures:
        out.add_column(name, justify="right", overflow="fold", width=other)
    return out


def payers_table(
    title: str, amounts: pd.DataFrame, bears: str, by: str, status: Mapping[str, str], all_: bool
) -> Table:
    """Amounts by payer, largest share first, with part of the loss and rate; beyond the first payers one summed row.

    ``bears`` names the column of shares and ``by`` that of the exposure rates are taken on ("" for none). Columns that
    are synthetic or unverified carry a mark; see :func:`marks`.
    """
    shown = amounts if all_ else amounts.sort_values(bears, ascending=False, kind="stable")
    cut = len(shown) if all_ or len(shown) <= TOP + 1 else TOP
    heads = [f"{name}{'*' if status.get(str(name)) in DOUBTFUL else ''}" for name in amounts.columns]
    out = table(title, ["payer"], [*heads, "of all", *([f"per {by}"] if by else [])])
    total = float(amounts[bears].sum())
    finite = amounts.to_numpy(dtype=float)
    places = decimals(float(np.max(finite, where=np.isfinite(finite), initial=0.0)))

    def row(name: str, sums: pd.Series[float], **style: Any) -> None:
        cells = [amount(float(entry), places) for entry in sums]
        share = float(sums[bears])
        cells.append(percent(share / total if total > 0 else 0.0))
        if by:
            cells.append("∞" if share > 0 and sums[by] <= 0 else percent(share / sums[by] if share > 0 else 0.0))
        out.add_row(name, *cells, **style)

    for payer, sums in shown.iloc[:cut].iterrows():
        row(str(payer), sums)
    if cut < len(shown):
        row(f"{len(shown) - cut} others", shown.iloc[cut:].sum(), style="dim")
    out.add_section()
    row("all", amounts.sum(), style="bold")
    return out


def marks(status: Mapping[str, str]) -> list[str]:
    """What is said of columns that are no evidence: their status and their names."""
    named: dict[str, list[str]] = {}
    for column, word in status.items():
        if word in DOUBTFUL:
            named.setdefault(word, []).append(column)
    return [f"* {word}: {', '.join(columns)}" for word, columns in named.items()]
