"""One loss divided by one rule, or sent down one waterfall."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from allocopt.cli.inputs import assignment, number_or_text, open_event, split, value
from allocopt.cli.screen import marks, payers_table, show, show_json, table
from allocopt.errors import CertificateError, DataError
from allocopt.pages.numerals import amount, decimals, digits, residual

if TYPE_CHECKING:
    from allocopt.facts.allocation import Allocation
    from allocopt.facts.event import Event
    from allocopt.facts.problem import LossProblem


def question(event: Event, roles: str | None, cap: str | None, loss: float | None) -> LossProblem:
    """The question asked of the event: its own, with what was typed in its place."""
    limit: Any = cap if cap is None else number_or_text(cap)
    return event.problem(roles=None if roles is None else split(roles), cap=limit, loss=loss)


def allocate(
    name: str, scheme: str, key: str | None, typed: list[str], loss: float | None, currency: str, roles: str | None,
    cap: str | None, by: str | None, *, program: bool, payer: str | None, all_: bool, json: bool,
) -> None:  # fmt: skip
    """Divide, prove, print."""
    from allocopt.schemes import schemes
    from allocopt.schemes import scheme as named

    event = open_event(name, loss, currency)
    problem = question(event, roles, cap, loss)
    parameters = dict(assignment(text) for text in typed)
    if key is not None:
        parameters["key"] = value(key)
    elif "key" in event.question and scheme in (schemes()["pro-rata"].name, *schemes()["pro-rata"].aliases):
        parameters.setdefault("key", event.question["key"])
    answer = named(scheme, **parameters).allocate(problem, "program" if program else "auto")
    proven(answer)
    told = None if payer is None else answer.explain(payer)
    exposure = by or (problem.cap_name if problem.cap_name in problem.payers else "")
    if json:
        return show_json(_facts(event, answer, by) | ({} if told is None else {"explanation": told}))
    if told is not None:
        return show(told)
    rule: Any = answer.scheme
    columns = [c for c in dict.fromkeys([_key_column(answer), problem.cap_name, by]) if c and c in problem.payers]
    amounts = pd.DataFrame({c: problem.column(c, finite=False) for c in columns}, index=problem.ids)
    amounts["bears"] = answer.shares
    money = f"{event.currency} {amount(problem.loss, decimals(problem.loss))}".strip()
    heading = f"{event.title}\n{money} among {problem.n} payers: {rule.title}"
    return show(
        payers_table(heading, amounts, "bears", exposure, event.status, all_),
        *_left(answer.residual, problem.loss, event.currency),
        f"{answer.method}; price of the loss {digits(answer.price)}; {_certified(answer)}",
        *answer.notes,
        *marks(columns, event.status),
    )


def run(
    name: str, model: str | None, loss: float | None, currency: str, *, payer: str | None, all_: bool, json: bool
) -> None:
    """Run, prove, print layer by layer and payer by payer."""
    from allocopt.shelf.library import load_model

    event = open_event(name, loss, currency)
    chosen = model or event.question.get("model")
    if chosen is None:
        raise DataError(f"{event.name} names no model of its own; name one with --model (see allocopt models)")
    waterfall = load_model(chosen)
    cascade = waterfall.run(event, loss).verify()
    told = None if payer is None else cascade.explain(payer)
    if json:
        facts = {
            "event": event.name, "model": waterfall.name, "status": waterfall.status, "as_of": waterfall.as_of,
            "currency": event.currency, "loss": cascade.loss, "residual": cascade.residual, "layers": cascade.steps,
            "by_role": cascade.by_role, "by_payer": cascade.by_payer, "columns": event.status,
        }  # fmt: skip
        return show_json(facts | ({} if told is None else {"explanation": told}))
    if told is not None:
        return show(told)
    places = decimals(cascade.loss)
    steps = table(
        f"{event.title}\n{event.currency} {amount(cascade.loss, places)} down {waterfall.title}",
        ["layer", "rule"], ["payers", "reached it", "bears", "passed on"],
    )  # fmt: skip
    for layer, step in cascade.steps.iterrows():
        figures = [amount(step[part], places) for part in ("reached", "paid", "passed on")]
        steps.add_row(str(layer), step["scheme"], str(step["payers"]), *figures)
    amounts = pd.DataFrame({"bears": cascade.by_payer})
    used = {layer.cap for layer in cascade.layers if layer.cap} | {str(layer.key) for layer in cascade.layers}
    return show(
        steps,
        payers_table("", amounts[amounts["bears"] > 0], "bears", "", event.status, all_),
        *_left(cascade.residual, cascade.loss, event.currency),
        f"The model is {waterfall.status}{f', as of {waterfall.as_of}' if waterfall.as_of else ''}.",
        "Every layer's certificate holds; nothing was lost between layers.",
        *marks([c for c in event.status if c in used], event.status),
    )


def proven(answer: Allocation) -> None:
    """Refuse an answer that does not stand; one that was sampled states its own error instead."""
    if answer.certificate.kind != "sampled":
        answer.verify()
    elif max(answer.certificate.primal, 0.0) > 1e-6:
        raise CertificateError(f"{answer.scheme.name}: the shares do not add up ({answer.certificate})")


def _certified(answer: Allocation) -> str:
    found = answer.certificate
    if found.kind == "sampled":
        return f"sampled: largest standard error {residual(found.gap)} of the loss"
    return f"certificate holds ({found.kind}, off by {residual(found.worst)} of the loss)"


def _left(left: float, loss: float, currency: str) -> list[str]:
    if left <= 0:
        return []
    return [f"Borne by nobody: {currency} {amount(left, decimals(loss))} (the caps are exhausted)"]


def _key_column(answer: Allocation) -> str:
    label = getattr(answer.scheme, "key_label", None)
    return label() if label is not None else ""


def _facts(event: Event, answer: Allocation, by: str | None) -> dict[str, Any]:
    problem, found, rule = answer.problem, answer.certificate, answer.scheme
    return {
        "event": event.name, "currency": event.currency, "loss": problem.loss, "scheme": rule.name,
        "title": getattr(rule, "title", rule.name), "shares": answer.shares, "fractions": answer.fractions,
        "caps": dict(zip(problem.ids, problem.caps, strict=True)), "residual": answer.residual, "price": answer.price,
        "duals": answer.duals, "method": answer.method,
        "certificate": {"kind": found.kind, "primal": found.primal, "dual": found.dual, "gap": found.gap,
                        "holds": found.holds()},
        "notes": answer.notes, "columns": problem.status, **({} if by is None else {"burden": answer.burden(by)}),
    }  # fmt: skip
