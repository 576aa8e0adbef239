"""One loss divided by one rule, or sent down one waterfall."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from allocopt.cli.games import asks_game
from allocopt.cli.inputs import Asked, assignment, named_scheme
from allocopt.cli.screen import marks, payers_table, show, show_json, table
from allocopt.errors import CertificateError, DataError
from allocopt.pages.numerals import amount, decimals, digits, residual
from allocopt.pages.provenance import used
from allocopt.schemes import schemes

if TYPE_CHECKING:
    from allocopt.facts.allocation import Allocation
    from allocopt.facts.event import Event
    from allocopt.mechanisms.cascade import Cascade
    from allocopt.mechanisms.waterfall import Waterfall


def divide(asked: Asked, rule: str, typed: list[str], program: bool) -> tuple[Event, Allocation]:
    """The event and its loss divided; pro-rata takes the event's own key where none is typed."""
    event = asked.event()
    parameters = dict(assignment(text) for text in typed)
    proportional = schemes()["pro-rata"]
    if rule in (proportional.name, *proportional.aliases) and "key" in event.question:
        parameters = {"key": event.question["key"], **parameters}
    if asked.game is not None and rule in schemes() and not asks_game(schemes()[rule]):
        raise DataError(
            f"--game goes with a rule that divides by a game, such as shapley or nucleolus, not with {rule}"
        )
    chosen = named_scheme(rule, parameters, asked, event)
    return event, proven(chosen.allocate(asked.problem(event), "program" if program else "auto"))


def proven(answer: Allocation) -> Allocation:
    """The answer, unless it does not stand; one that was sampled states its own error instead."""
    found = answer.certificate
    if found.kind != "sampled":
        return answer.verify()
    if not found.primal <= 1e-6:
        raise CertificateError(f"{answer.scheme.name}: the shares do not add up ({found})")
    return answer


def show_answer(event: Event, answer: Allocation, by: str | None, payer: str | None, all_: bool, json: bool) -> None:
    """Print who bears what and why it stands, or why one payer bears its share."""
    told = {} if payer is None else {"explanation": answer.explain(payer)}
    if json:
        return show_json(_answer_facts(event, answer, by) | told)
    if told:
        return show(*told.values())
    problem, rule = answer.problem, _rule(answer)
    exposure = by or (problem.cap_name if problem.cap_name in problem.payers else "")
    columns = [c for c in dict.fromkeys([rule["key"], exposure, problem.cap_name]) if c in problem.payers or c == by]
    amounts = pd.DataFrame({c: problem.column(c, low=-math.inf, finite=False) for c in columns}, index=problem.ids)
    amounts["bears"] = answer.shares
    money = f"{event.currency} {amount(problem.loss, decimals(problem.loss))}".strip()
    return show(
        payers_table(
            f"{event.title}\n{money} among {problem.n} payers: {rule['title']}",
            amounts, "bears", exposure, event.status, all_,
        ),
        *_left(answer.residual, problem.loss, event.currency),
        f"{answer.method}; price of the loss {digits(answer.price)}; {_certified(answer)}",
        *answer.notes,
        *marks(used(answer)),
    )  # fmt: skip


def run(asked: Asked, model: str | None) -> tuple[Waterfall, Cascade]:
    """The waterfall that was typed, or the event's own, and its run on the event."""
    waterfall, event = chosen(asked, model)
    return waterfall, waterfall.run(event, asked.loss).verify()


def chosen(asked: Asked, model: str | None) -> tuple[Waterfall, Event]:
    """The waterfall that was typed, or the event's own, and the event."""
    from allocopt.shelf.library import load_model

    event = asked.event()
    name = model or event.question.get("model")
    if name is None:
        raise DataError(f"{event.name} names no model of its own; name one with --model (see allocopt models)")
    return load_model(name), event


def show_run(waterfall: Waterfall, cascade: Cascade, payer: str | None, all_: bool, json: bool) -> None:
    """Print the way of the loss layer by layer and who bore it, or why one payer bears its share."""
    told = {} if payer is None else {"explanation": cascade.explain(payer)}
    event = cascade.event
    if json:
        return show_json(
            {
                "event": event.name, "model": waterfall.name, "status": waterfall.status, "as_of": waterfall.as_of,
                "currency": event.currency, "loss": cascade.loss, "residual": cascade.residual,
                "layers": cascade.steps, "by_role": cascade.by_role, "by_payer": cascade.by_payer,
                "columns": event.status, **told,
            }
        )  # fmt: skip
    if told:
        return show(*told.values())
    places = decimals(cascade.loss)
    steps = table(
        f"{event.title}\n{f'{event.currency} {amount(cascade.loss, places)}'.strip()} down {waterfall.title}",
        ["layer", "rule"], ["payers", "reached it", "bears", "passed on"],
    )  # fmt: skip
    for layer, (name, step) in zip(cascade.layers, cascade.steps.iterrows(), strict=True):
        figures = [amount(step[part], places) for part in ("reached", "paid", "passed on")]
        beside = ", side by side" if layer.pari_passu else ""
        steps.add_row(f"{name}{beside}", step["scheme"], str(step["payers"]), *figures)
    amounts = pd.DataFrame({"bears": cascade.by_payer})
    return show(
        steps,
        payers_table("", amounts[amounts["bears"] > 0], "bears", "", event.status, all_),
        *_left(cascade.residual, cascade.loss, event.currency),
        f"The model is {waterfall.status}{f', as of {waterfall.as_of}' if waterfall.as_of else ''}. "
        "Every layer's certificate holds, and nothing was lost between layers.",
        *marks(used(cascade)),
    )


def _certified(answer: Allocation) -> str:
    found = answer.certificate
    if found.kind == "sampled":
        return f"sampled: largest standard error {residual(found.gap)} of the loss"
    return f"certificate holds ({found.kind}, off by {residual(found.worst)} of the loss)"


def _left(left: float, loss: float, currency: str) -> list[str]:
    if left <= 0:
        return []
    return [f"Borne by nobody: {f'{currency} {amount(left, decimals(loss))}'.strip()} (the caps are exhausted)"]


def _rule(answer: Allocation) -> dict[str, str]:
    """What the rule is called, and the column that is its key ("" for none)."""
    rule: Any = answer.scheme
    return {"title": getattr(rule, "title", rule.name), "key": rule.key_label() if hasattr(rule, "key_label") else ""}


def _answer_facts(event: Event, answer: Allocation, by: str | None) -> dict[str, Any]:
    problem, found = answer.problem, answer.certificate
    return {
        "event": event.name, "currency": event.currency, "loss": problem.loss, "scheme": answer.scheme.name,
        "title": _rule(answer)["title"], "shares": answer.shares, "fractions": answer.fractions,
        "caps": pd.Series(problem.caps, index=problem.ids), "residual": answer.residual, "price": answer.price,
        "duals": answer.duals, "method": answer.method,
        "certificate": {"kind": found.kind, "primal": found.primal, "dual": found.dual, "gap": found.gap,
                        "holds": found.holds()},
        **{name: answer.extras[name] for name in ("values", "standard_error") if name in answer.extras},
        "notes": answer.notes, "columns": problem.status, **({} if by is None else {"burden": answer.burden(by)}),
    }  # fmt: skip
