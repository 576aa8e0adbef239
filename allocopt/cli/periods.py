"""A saved period, done again to the cent: its log, and what is left of every resource."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from allocopt.cli.screen import marks, show, show_json, table
from allocopt.mechanisms.book import Entry
from allocopt.mechanisms.period import Period
from allocopt.pages.numerals import amount
from allocopt.pages.provenance import used


def show_period(file: Path, timeline: bool, json: bool) -> None:
    """Print the log with the sums it moved and what is left at its end, or after every line."""
    period = Period.load(file)
    frame = period.timeline
    sums = frame.groupby("resource", sort=False)[["drawn", "paid in", "repaid"]].transform("sum")
    shown = frame if timeline else frame.assign(**sums)[frame["line"] == len(period.log)]
    if json:
        return show_json(
            {
                "file": str(file), "model": period.waterfall.name, "verified": True,
                "start": period.start, "end": period.end, "log": [_line(entry) for entry in period.log],
                "left": shown.to_dict("records"),
            }
        )  # fmt: skip
    log = table(f"{period.waterfall.title}: {len(period.log)} lines, done again to the cent", ["date", "what"], ["sum"])
    for entry in period.log:
        line = _line(entry)
        log.add_row(str(line["date"]), f"{line['kind']} {line['of']}".strip(), amount(line["sum"], 2))
    room = table("What is left", ["date", "resource"], ["drawn", "paid in", "left", "whole"])
    for _, row in shown.iterrows():
        figures = [amount(float(row[name]), 2) for name in ("drawn", "paid in", "left", "whole")]
        room.add_row(str(row["date"]), row["resource"], *figures)
    ends = f"The capped period runs from {period.start} to {period.end}." if period.end else ""
    return show(log, *([room] if len(shown) else []), *([ends] if ends else []), *marks(used(period)))


def _line(entry: Entry) -> dict[str, Any]:
    amounts = pd.Series([x for _, _, x in entry.outcome], dtype=float)
    of = " and ".join(event.name for event in entry.events) or entry.facts.get("payer", "")
    return {"date": entry.date, "kind": entry.kind, "of": str(of), "sum": float(amounts.sum())}
