"""What is on the shelf and in the house, and what is wrong with a document of one's own."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from allocopt.cli.screen import show, show_json, table
from allocopt.pages.numerals import amount


def datasets(json: bool) -> None:
    """Name, title, date and loss of every dataset."""
    from allocopt.shelf.library import datasets, load_event

    events = [load_event(name) for name in datasets()]
    if json:
        return show_json(
            {
                e.name: {
                    "title": e.title,
                    "date": e.date,
                    "loss": e.loss,
                    "currency": e.currency,
                    "payers": len(e.payers),
                }
                for e in events
            }
        )
    out = table("", ["dataset", "title"], ["date", "loss", "payers"])
    for e in events:
        out.add_row(e.name, e.title, str(e.date), f"{amount(e.loss, 0)} {e.currency}", f"{len(e.payers)}")
    return show(out, "Divide one: allocopt allocate NAME; compare rules on it: allocopt compare NAME.")


def models(json: bool) -> None:
    """Name, title, status and layers of every model."""
    from allocopt.shelf.library import load_model, models

    waterfalls = [load_model(name) for name in models()]
    if json:
        return show_json(
            {
                w.name: {
                    "title": w.title, "status": w.status, "as_of": w.as_of, "currency": w.currency,
                    "layers": [layer.name for layer in w.layers],
                }
                for w in waterfalls
            }
        )  # fmt: skip
    out = table("", ["model", "title", "status", "as of"], ["layers"])
    for w in waterfalls:
        out.add_row(w.name, w.title, w.status, str(w.as_of or ""), str(len(w.layers)))
    return show(out, "Run one: allocopt run DATASET --model NAME.")


def schemes(json: bool) -> None:
    """Name, parameters and sentence of every scheme."""
    from allocopt.schemes import schemes

    kinds = schemes()
    if json:
        return show_json(
            {
                name: {
                    "sentence": _sentence(kind), "aliases": kind.aliases, "formula": kind.formula,
                    "source": kind.source, "claims": sorted(kind.claims), "parameters": _parameters(kind),
                }
                for name, kind in kinds.items()
            }
        )  # fmt: skip
    out = table("", ["scheme", "what it does", "parameters"], [])
    for name, kind in kinds.items():
        out.add_row(name, _sentence(kind), ", ".join(_parameters(kind)))
    return show(out, "Use one: allocopt allocate DATASET --scheme NAME --param parameter=value.")


def metrics(json: bool) -> None:
    """Name, label, direction, scale and family of every criterion of the scorecard, fairness first."""
    from allocopt.judgement.measure import incentive_measures
    from allocopt.judgement.metric import fairness_metrics

    criteria = {**fairness_metrics(), **incentive_measures()}
    if json:
        return show_json(
            {
                name: {
                    "label": one.label("the exposure"), "sentence": one.doc, "formula": one.formula, "unit": one.unit,
                    "direction": one.direction, "best": one.best, "worst": one.worst, "family": one.family,
                    "favours": one.favours,
                }
                for name, one in criteria.items()
            }
        )  # fmt: skip
    out = table("", ["criterion", "what it is", "family"], ["better", "best", "worst"])
    better = {"lower is better": "low", "higher is better": "high", "closer to zero is better": "zero"}
    for name, one in criteria.items():
        ends = ["no end" if end is None else f"{end:g}" for end in (one.best, one.worst)]
        out.add_row(name, one.label("exposure"), one.family, better[one.direction], *ends)
    return show(out, "Criteria of one family count once. Compare by them: allocopt compare DATASET.")


def check(file: Path, json: bool) -> int:
    """Print the findings; 1 when there is any."""
    from allocopt.shelf.library import check_document

    findings = check_document(file)
    if json:
        show_json({"file": str(file), "fine": not findings, "findings": findings})
    else:
        show(*(findings or [f"{file}: nothing to find fault with"]))
    return 1 if findings else 0


def _sentence(kind: type[Any]) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


def _parameters(kind: type[Any]) -> dict[str, str]:
    """Parameter -> what it is."""
    return {f.name: f.metadata.get("help", "") for f in dataclasses.fields(kind) if f.init and f.name != "label"}
