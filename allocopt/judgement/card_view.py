"""The scorecard as one table, in a notebook and in a terminal: schemes across, criteria down, the best marked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from allocopt.judgement.inequality import ROUNDING

if TYPE_CHECKING:
    from rich.table import Table

    from allocopt.judgement.scorecard import Scorecard

_ARROW = {"lower is better": "↓", "higher is better": "↑", "closer to zero is better": "→ 0"}
_ZERO = 1e-12  # scores are shares and rates near one: smaller ones are sums that rounding kept from cancelling
PARETO = "no other scheme is at least as good on every criterion and better on one"
STYLE = (
    ".ao-card{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    ".ao-card caption{text-align:left;padding:.3em 0;font-weight:600}"
    ".ao-card th,.ao-card td{padding:.25em .7em;border-bottom:1px solid rgba(128,128,128,.25);text-align:right}"
    ".ao-card thead th{vertical-align:bottom;border-bottom:2px solid rgba(128,128,128,.6)}"
    ".ao-card tbody th,.ao-card th:first-child{text-align:left;font-weight:400}"
    ".ao-card .ao-part th{font-weight:600;padding-top:.9em;border-bottom:1px solid rgba(128,128,128,.6)}"
    ".ao-card small{opacity:.7}"
)


@dataclass(frozen=True)
class Cell:
    """A figure, how good it is between 0 and 1 (NaN: no scale), whether none is better, and where it comes from."""

    text: str
    good: float = math.nan
    best: bool = False
    note: str = ""


@dataclass(frozen=True)
class Line:
    """One criterion across all schemes; without cells it opens a part of the table."""

    label: str
    mark: str = ""
    unit: str = ""
    note: str = ""
    cells: tuple[Cell, ...] = ()


def lines(card: Scorecard) -> Iterator[Line]:
    """The table line by line, the same for every medium."""
    prices, proofs, currency = card.prices, card.certificates, card.question.currency
    yield Line("Division")
    for name in ("covered", "residual"):
        yield Line(name.capitalize(), unit=currency, cells=tuple(Cell(_amount(v)) for v in prices[name]))
    proven = tuple(
        Cell("holds" if holds else "does not hold", note=str(how))
        for holds, how in zip(proofs["holds"], proofs["method"], strict=True)
    )
    yield Line("Certificate", cells=proven)
    scale = card.normalised()
    parts = (("Fairness", card.scores, card.metrics), ("Incentives", card.incentives, card.measures))
    for heading, values, meaning in parts:
        if len(values):
            yield Line(heading)
        for name in values.index:
            notes = card.witnesses.loc[name] if heading == "Incentives" else pd.Series("", index=values.columns)
            yield _criterion(card, str(name), values.loc[name], scale.loc[name], notes, meaning.loc[name])
    flags, beats = card.pareto(), card.dominance()
    if len(card.answers) > 1:
        yield Line("Choice")
        cells = tuple(Cell("yes" if flags[t] else "no", note=_beaten(beats[t])) for t in card.answers)
        yield Line("Pareto-efficient", note=PARETO, cells=cells)


def _criterion(
    card: Scorecard, name: str, values: pd.Series[float], scale: pd.Series[float], notes: pd.Series[str],
    meaning: pd.Series[str],
) -> Line:  # fmt: skip
    criterion = card.criteria[name]
    cost = values.map(criterion.cost)
    least, most = cost.min(), cost.max()
    same = ROUNDING * max(1.0, abs(least)) if math.isfinite(least) else 0.0
    cells = tuple(
        Cell(figure(values[t]), float(scale[t]), bool(least < most - same and cost[t] <= least + same), str(notes[t]))
        for t in card.answers
    )
    return Line(meaning["label"], _ARROW[criterion.direction], criterion.unit, criterion.doc, cells)


def _beaten(by: pd.Series[bool]) -> str:
    return f"beaten by {', '.join(map(str, by.index[by]))}" if by.any() else ""


def figure(value: float) -> str:
    """A number in four digits; – where there is none, 0 for what rounding makes of it.

    >>> figure(0.123456), figure(float("nan")), figure(float("inf")), figure(1234567.0)
    ('0.1235', '–', '∞', '1.235e+06')
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if abs(value) < _ZERO:
        return "0"
    return f"{value:.4g}".replace("-", "−", 1) if value < 0 else f"{value:.4g}"


def _amount(value: float) -> str:
    """Money in a narrow column: cents only where they matter."""
    return f"{value:,.0f}" if value >= 1e6 else f"{value:,.2f}" if value >= 1 or value == 0 else f"{value:.4g}"


def html(card: Scorecard) -> str:
    """A table that needs nothing around it and reads on light and dark pages; the deeper the blue, the better."""
    q = card.question
    width = len(card.answers) + 1
    head = "".join(f'<th scope="col">{escape(t)}</th>' for t in card.answers)
    body = []
    for line in lines(card):
        if not line.cells:
            body.append(f'<tr class="ao-part"><th colspan="{width}">{escape(line.label)}</th></tr>')
            continue
        told = ", ".join(filter(None, (line.mark, line.unit)))
        unit = f" <small>{escape(told)}</small>" if told else ""
        cells = "".join(_cell(cell) for cell in line.cells)
        body.append(f'<tr><th scope="row" title="{escape(line.note)}">{escape(line.label)}{unit}</th>{cells}</tr>')
    about = f"{escape(q.about)}: " if q.about else ""
    caption = f"{about}{escape(f'{q.currency} {q.loss:,.2f}'.strip())} among {q.n} payers, by {escape(card.by)}"
    return (
        f'<div style="overflow-x:auto"><style>{STYLE}</style><table class="ao-card"><caption>{caption}</caption>'
        f"<thead><tr><th></th>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
        "<p><small>● best of these schemes; deeper blue: nearer to the best end of a fixed scale; "
        "hover over a figure for its witness.</small></p></div>"
    )


def _cell(cell: Cell) -> str:
    shade = "" if math.isnan(cell.good) else f' style="background:rgba(0,114,178,{0.30 * cell.good:.2f})"'
    note = f' title="{escape(cell.note)}"' if cell.note else ""
    return f"<td{shade}{note}>{'● ' if cell.best else ''}{escape(cell.text)}</td>"


def terminal(card: Scorecard) -> Table:
    """The same table for a terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    q = card.question
    title = f"{f'{q.currency} {q.loss:,.2f}'.strip()} among {q.n} payers, by {card.by}"
    table = Table(title=Text(title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False,
                  caption="● best of these schemes; ↓ lower is better, ↑ higher, → 0 closer to zero",
                  caption_justify="left")  # fmt: skip
    table.add_column("", width=34)
    table.add_column("", no_wrap=True)
    for scheme in card.answers:
        table.add_column(Text(scheme), justify="right", overflow="fold")
    for line in lines(card):
        if not line.cells:
            table.add_row(Text(f"\n{line.label}", style="bold"))
            continue
        cells = [Text(f"{'● ' if c.best else ''}{c.text}", style="bold" if c.best else "") for c in line.cells]
        table.add_row(Text(line.label), Text(line.mark, style="dim"), *cells)
    return table
