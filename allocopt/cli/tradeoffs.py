"""The frontier between criteria on the screen: what any division can do, and what each rule leaves on the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allocopt.cli.inputs import split
from allocopt.cli.screen import table
from allocopt.errors import DataError
from allocopt.pages.numerals import digits, percent

if TYPE_CHECKING:
    from pathlib import Path

    from allocopt.judgement.card import Scorecard
    from allocopt.judgement.tradeoff import Frontier


def trace(card: Scorecard, criteria: str) -> Frontier:
    """The frontier between the criteria that were typed, the card's rules beside it."""
    names = split(criteria)
    if len(names) not in (2, 3):
        raise DataError(f"--frontier names {len(names)} criteria; give two or three, as in gini,gini_of_burdens")
    return card.frontier(*names)


def tables(found: Frontier, letters: dict[str, str]) -> list[Any]:
    """The points with their prices, every rule with what it could save, and a sentence on each."""
    prices = [name for name in found.table.columns if name.startswith("price")]
    curve = table("Frontier over all divisions", [""], [*found.names, *prices])
    for k, row in found.table.iterrows():
        curve.add_row(str(k), *(digits(float(row[name])) for name in [*found.names, *prices]))
    beside = table("", ["rule", ""], [*found.names, *(f"saves {n}" for n in found.names), "changes hands"])
    for title, row in found.schemes.iterrows():
        cells = [digits(float(row[name])) for name in row.index[: 2 * len(found.names)]]
        beside.add_row(str(title), letters.get(str(title), ""), *cells, percent(float(row["changes hands"])))
    return [curve, beside]


def facts(found: Frontier) -> dict[str, Any]:
    """The same for machines."""
    placed = found.schemes
    return {
        "frontier": {
            "criteria": {a.name: {"label": a.label, "direction": a.direction, "unit": a.unit} for a in found.axes},
            "points": found.table, "shares": {str(k): found.shares[k] for k in found.shares.columns},
            "schemes": placed.astype({"efficient": bool}), "reasons": found.explain(),
        }
    }  # fmt: skip


def draw(found: Frontier, page: Path) -> Path:
    """The figure beside the page, an SVG."""
    from allocopt.pages.canvas import rendered
    from allocopt.pages.plots_frontier import SIZE, frontier

    place = page.with_name(f"{page.stem}-frontier.svg")
    place.write_bytes(rendered(lambda ax: frontier(found, ax=ax), SIZE))
    return place
