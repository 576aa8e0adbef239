"""What a page says to single payers: where the loss went in one picture, and a statement for each of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from allocopt.mechanisms.cascade import Cascade
from allocopt.pages.blocks import Block, Code, Heading, Paragraph, Picture, Table, Text
from allocopt.pages.numerals import amount, decimals, figure
from allocopt.pages.plots_flow import flow, flow_size

LARGEST = 5  # payers who get a statement unasked


def statement_blocks(run: Cascade, payers: Iterable[Any] = ()) -> list[Block]:
    """The flow of the loss, and the statements of these payers, by default of those who bear most."""
    borne = run.by_payer.sort_values(ascending=False, kind="stable")
    chosen = list(payers) or list(borne.index[: min(LARGEST, int((borne > 0).sum()))])
    return [
        Heading(2, "Who bears it"),
        Picture(
            f"flow {run.name}",
            f"From the loss to those who bear it under {run.name}; a band is as wide as its amount.",
            lambda ax: flow(run, ax=ax),
            flow_size(run),
        ),
        *(block for payer in chosen for block in _statement(run, payer)),
    ]


def _statement(run: Cascade, payer: Any) -> list[Block]:
    frame, places = run.statement(payer), decimals(run.loss)
    unit = f"{run.event.currency} ".lstrip()
    rows: list[list[Text]] = [
        [
            str(layer), Code(line["resource"]), line["rule"],
            *(amount(float(line[name]), places) for name in ("limit", "used before", "cap", "share")),
            figure(float(line["price"])), line["bound by"],
        ]
        for layer, line in frame.iterrows()
    ]  # fmt: skip
    paid = amount(float(frame["share"].sum()), places)
    foot: list[list[Text]] = [["all layers", "", "", "", "", "", paid, "", ""]]
    head = ["layer", "resource", "rule", "limit", "used before", "cap", "share", "price", "bound by"]
    title = f"What {payer} bears, layer by layer{f', {run.event.currency}' if run.event.currency else ''}"
    return [
        Heading(3, f"Statement of {payer}"),
        Paragraph(f"{payer} bears {unit}{paid} of {unit}{amount(run.loss, places)}."),
        Table(title, head, rows, frozenset([0, 1, 2, 8]), foot),
    ]
