"""One loss or many sent down a waterfall: the run, its page, statements of payers, and a table by loss."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allocopt.cli import dividing
from allocopt.cli.inputs import Asked, number_or_text
from allocopt.cli.screen import marks, plain, show, show_json, table
from allocopt.errors import DataError
from allocopt.pages.numerals import amount, decimals, figure
from allocopt.pages.provenance import used

if TYPE_CHECKING:
    from allocopt.mechanisms.cascade import Cascade
    from allocopt.mechanisms.ensemble import Ensemble
    from allocopt.mechanisms.waterfall import Waterfall

_MOST = 100_000  # losses that a terminal may ask for


def one(asked: Asked, model: str | None) -> tuple[Waterfall, Cascade]:
    """The waterfall and its run, proven."""
    return dividing.run(asked, model)


def show_one(
    waterfall: Waterfall, cascade: Cascade, payer: str | None, all_: bool, json: bool, out: Path | None, command: str
) -> None:
    """Print the run, or why one payer bears its share; write the page where one was asked for."""
    if out is not None:
        _write(cascade, out, command)
    dividing.show_run(waterfall, cascade, payer, all_, json)
    if out is not None and not json:
        show(f"The page, with every layer, proof and source: {out}")


def show_statements(cascade: Cascade, payers: list[str], out: Path | None, json: bool, command: str) -> None:
    """Print the statement of each payer, layer by layer; they are on the page as well where one was asked for."""
    found = {payer: cascade.statement(payer) for payer in payers}
    if out is not None:
        _write(cascade, out, command, payers)
    if json:
        event = cascade.event
        facts = {"event": event.name, "model": cascade.name, "currency": event.currency, "statements": found}
        return show_json(facts)
    places, parts = decimals(cascade.loss), list[Any]()
    for payer, frame in found.items():
        unit = f"{cascade.event.currency} ".lstrip()
        title = f"{payer} bears {unit}{amount(float(frame['share'].sum()), places)} under {cascade.name}"
        sheet = table(title, ["layer", "rule"], ["limit", "used before", "cap", "share", "price"])
        sheet.add_column("bound by", overflow="fold")
        for layer, line in frame.iterrows():
            figures = [amount(float(line[name]), places) for name in ("limit", "used before", "cap", "share")]
            sheet.add_row(str(layer), line["rule"], *figures, figure(float(line["price"])), line["bound by"])
        parts.append(sheet if len(frame) else f"{title}: no layer asks it.")
    return show(*parts, *marks(used(cascade)), *([] if out is None else [f"The page: {out}"]))


def many(asked: Asked, model: str | None, typed: str) -> Ensemble:
    """Losses from the lowest to the highest, in equal steps, down the waterfall at once."""
    losses = _losses(typed)
    if asked.loss is None:
        asked = dataclasses.replace(asked, loss=float(losses.max()))  # a table of payers states none
    waterfall, event = dividing.chosen(asked, model)
    return waterfall.run_many(losses, event)


def _losses(typed: str) -> pd.Series[float]:
    parts = [number_or_text(part) for part in typed.split(":")]
    low, high, count = parts if len(parts) == 3 else ("", "", "")
    if not (isinstance(low, float) and isinstance(high, float) and isinstance(count, float)):
        raise DataError(f"--losses is {typed!r}; give LOW:HIGH:COUNT, as in 1e6:1e9:50")
    if not 0 <= low <= high < np.inf:
        raise DataError(f"--losses run from {low:g} to {high:g}; give 0 <= LOW <= HIGH")
    if count != int(count if np.isfinite(count) else 0) or not 1 <= count <= _MOST:
        raise DataError(f"--losses asks for {count:g} losses; give a whole number from 1 to {_MOST:,}")
    return pd.Series(np.linspace(low, high, int(count)))


def show_many(found: Ensemble, out: Path | None, json: bool) -> None:
    """Print what each layer and nobody bears, loss by loss; or write it, payers included, as a CSV."""
    if out is not None:
        if out.suffix.lower() != ".csv":
            raise DataError(f"{out.name}: many losses are written as a table; give a path that ends in .csv")
        out.parent.mkdir(parents=True, exist_ok=True)
        _whole(found).to_csv(out, index=False)
    ends = found.exhaustion
    if json:
        rows = [dict(zip(frame_columns(found), row, strict=True)) for row in _by_layer(found).to_numpy().tolist()]
        return show_json(
            {
                "event": found.event.name, "model": found.name, "currency": found.event.currency,
                "exhaustion": ends, "losses": plain(rows), "notes": found.notes,
            }
        )  # fmt: skip
    frame, places = _by_layer(found), decimals(float(found.loss.max()))
    unit = f", {found.event.currency}" if found.event.currency else ""
    sheet = table(f"{found.event.title}\n{len(found):,} losses down {found.name}{unit}", [], frame.columns)
    for row in frame.to_numpy():
        sheet.add_row(*(amount(float(value), places) for value in row))
    sheet.add_section()
    sheet.add_row("exhausted at", *(amount(float(end), places) for end in ends), "")
    return show(sheet, *found.notes, *marks(used(found)), *([] if out is None else [f"The table, with payers: {out}"]))


def frame_columns(found: Ensemble) -> list[str]:
    """The columns of the table by loss."""
    return ["loss", *map(str, found.by_layer.columns), "residual"]


def _by_layer(found: Ensemble) -> pd.DataFrame:
    return pd.concat([found.loss, found.by_layer, found.residual], axis=1).set_axis(frame_columns(found), axis=1)


def _whole(found: Ensemble) -> pd.DataFrame:
    """By loss: layers, then payers, then nobody; each column says which it is."""
    layers = found.by_layer.add_prefix("layer: ")
    return pd.concat([found.loss, layers, found.by_payer.add_prefix("payer: "), found.residual], axis=1)


def _write(cascade: Cascade, out: Path, command: str, payers: list[str] | None = None) -> None:
    from allocopt.pages.report import write

    out.parent.mkdir(parents=True, exist_ok=True)
    write(cascade, out, command=command, payers=payers or ())
