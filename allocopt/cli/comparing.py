"""The same loss divided by several rules, side by side: who bears what, how fair it is, what it rewards."""

from __future__ import annotations

from pathlib import Path
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allocopt.cli.dividing import question
from allocopt.cli.inputs import open_event, split
from allocopt.cli.inputs import scheme as typed_scheme
from allocopt.cli.screen import TOP, marks, show, show_json, table
from allocopt.errors import CertificateError, DataError
from allocopt.judgement.inequality import ROUNDING
from allocopt.pages.numerals import amount, decimals, digits
from allocopt.pages.style import money

if TYPE_CHECKING:
    from rich.table import Table

    from allocopt.facts.event import Event
    from allocopt.facts.problem import LossProblem
    from allocopt.judgement.card import Scorecard
    from allocopt.schemes.base import Scheme

# What a second key and a queue are taken from, the first that the event knows for every payer.
_EXPOSURES = ("initial_margin", "net_exposure", "gross_exposure", "turnover", "equity")
_RISKS = ("stress_loss", "net_exposure", "gross_exposure", "initial_margin")
_UNEQUAL = 0.1  # the Gini coefficient of loss rates that the fairness-constrained rule may reach
_WIDTHS = (25, 7)  # of the columns of words and figures: nine rules fit a hundred columns
_ARROWS = {"lower is better": "↓", "higher is better": "↑", "closer to zero is better": "→0"}


def compare(
    name: str, schemes: str | None, model: str | None, loss: float | None, currency: str, roles: str | None,
    cap: str | None, by: str | None, out: Path | None, *, all_: bool, json: bool,
) -> None:  # fmt: skip
    """Compare, prove, print, and write the page that was asked for."""
    from allocopt.judgement.scorecard import compare as judged
    from allocopt.pages.report import write
    from allocopt.shelf.library import load_model

    event = open_event(name, loss, currency)
    problem = question(event, roles, cap, loss)
    own = loss is None and roles is None
    if model is not None and model != "none" and problem.loss != event.question.get("loss", event.loss):
        raise DataError(f"a model runs through all of {event.name}; leave out --loss, or use: allocopt run --loss")
    rules: list[Any] = [typed_scheme(part) for part in split(schemes)] if schemes else usual(event, problem)
    chosen = model or (event.question.get("model") if own else None)
    if chosen is not None and chosen != "none":
        rules.append(load_model(chosen))
    card = judged(event, rules, by=by, problem=problem)
    for title, stands in card.certificates["holds"].items():
        if not stands and card.certificates.loc[title, "kind"] != "sampled":
            raise CertificateError(f"{title}: the answer does not stand ({card.answers[str(title)].certificate})")
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        write(card, out, command=_command(name, schemes, model, loss, currency, roles, cap, by, out))
    if json:
        return show_json(_facts(card, event) | ({} if out is None else {"page": str(out)}))
    letters = dict(zip(card.answers, _letters(len(card.answers)), strict=True))
    read = [str(c) for c in problem.payers.columns if str(c) in {card.by, problem.cap_name, *_named(rules)}]
    show(
        _rules(card, event, letters),
        _shares(card, letters, all_),
        _criteria(card, letters),
        "● best of these; ↓ lower is better, ↑ higher, →0 nearer to zero",
        *marks(read, event.status),
    )
    if out is not None:
        show(f"The page, with every rule, proof and source: {out}")


def usual(event: Event, problem: LossProblem) -> list[Scheme]:
    """The rules to begin with: proportional, equal, lawful, in line, at random, and as fair as stated bounds allow."""
    from allocopt.errors import InfeasibleError
    from allocopt.schemes import scheme
    from allocopt.schemes.constraints import gini_at_most, keep_solvent

    known = [str(c) for c in problem.payers.columns if _known(problem.payers[c])]
    capped = problem.cap_name in known
    key = event.question.get("key") or (problem.cap_name if capped else next((c for c in known), None))
    rules = [scheme("pro-rata", key=key)]
    other = next((c for c in _EXPOSURES if c in known and c != key), None)
    if other:
        rules.append(scheme("pro-rata", key=other))
    rules.append(scheme("constrained-equal-awards"))
    if np.isfinite(problem.caps).all():
        rules += [scheme("constrained-equal-losses"), scheme("talmud")]
    risk = next((c for c in _RISKS if c in known), None)
    if risk:
        rules.append(scheme("queue", score=risk))
    rules.append(scheme("random-arrival"))
    if key in known:
        bounds = [gini_at_most(_UNEQUAL, by=key), *([keep_solvent("equity")] if "equity" in known else [])]
        label = f"fair: near {other or 'random-arrival'}, Gini at most {_UNEQUAL:g}{', solvent' * (len(bounds) > 1)}"
        fair = scheme("fair", reference=rules[1] if other else rules[-1], subject_to=bounds, label=label)
        try:
            fair.allocate(problem)
        except InfeasibleError:
            return rules
        rules.append(fair)
    return rules


def _known(column: pd.Series[Any]) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) and np.isfinite(column).all() and (column > 0).all())


def _letters(count: int) -> list[str]:
    return [ascii_uppercase[k % 26] * (1 + k // 26) for k in range(count)]


def _named(rules: list[Any]) -> set[str]:
    """Whatever words the rules name; those that are columns get the mark of their status."""
    words = {str(getattr(rule, name, None)) for rule in rules for name in ("key", "score")}
    for rule in rules:
        for layer in getattr(rule, "layers", ()):
            words |= {str(layer.cap), str(layer.key)}
    return words


def _rules(card: Scorecard, event: Event, letters: dict[str, str]) -> Table:
    """Every rule with its letter, its largest share, and whether it is proven and efficient."""
    places = decimals(card.question.loss)
    whole = f"{event.currency} {amount(card.question.loss, places)}".strip()
    title = f"{event.title}\n{whole} among {card.question.n} payers"
    out = table(title, ["", "rule"], ["largest share", "residual", "certificate", "Pareto"])
    flags = card.pareto()
    for name, letter in letters.items():
        largest = float(card.answers[name].fractions.max()) if card.question.n else 0.0
        proof = "holds" if card.certificates.loc[name, "holds"] else "sampled"
        left = float(card.prices.loc[name, "residual"])
        out.add_row(
            letter, name, f"{largest:.1%}", amount(left, places if left else 0), proof, "yes" if flags[name] else "no"
        )
    return out


def _shares(card: Scorecard, letters: dict[str, str], all_: bool) -> Table:
    """What the payers with the largest exposures bear under every rule; the rest summed."""
    shares = card.shares
    unit, word = money(float(shares.to_numpy(dtype=float).max(initial=0.0)), card.question.currency)
    exposure = card.question.payers[card.by].reindex(shares.index).fillna(np.inf)
    order = shares.index if all_ else exposure.sort_values(ascending=False, kind="stable").index
    cut = len(order) if all_ or len(order) <= TOP + 1 else TOP
    out = table("", [f"Bears, {word}"], letters.values(), widths=_WIDTHS)

    def row(name: str, figures: pd.Series[float], style: str = "") -> None:
        out.add_row(name, *(f"{value / unit:,.2f}" for value in figures), style=style)

    for payer in order[:cut]:
        row(str(payer), shares.loc[payer])
    if cut < len(order):
        row(f"{len(order) - cut} others", shares.loc[order[cut:]].sum(), "dim")
    out.add_section()
    row("all", shares.sum(), "bold")
    return out


def _criteria(card: Scorecard, letters: dict[str, str]) -> Table:
    """Every criterion across the rules, under a line that says what is judged."""
    lines: dict[str, list[tuple[str, pd.Series[float]]]] = {}
    for name, row in card.scores.iterrows():
        lines.setdefault(str(card.metrics.loc[name, "of"]), []).append((str(name), row))
    lines["incentives"] = [(str(name), row) for name, row in card.incentives.iterrows()]
    out = table("", ["Fairness and incentives"], letters.values(), widths=_WIDTHS)
    for judged, rows in lines.items():
        out.add_section()
        out.add_row(judged, style="bold")
        for name, row in rows:
            criterion = card.criteria[name]
            cost = row.map(criterion.cost)
            best = (cost <= cost.min() + ROUNDING * max(1.0, abs(cost.min()))) & (cost.min() < cost.max() - ROUNDING)
            cells = [f"{'●' if best[title] else ''}{_score(float(row[title]))}" for title in letters]
            out.add_row(f"{criterion.title} {_ARROWS[criterion.direction]}", *cells)
    return out


def _score(value: float) -> str:
    """Three decimals where they say enough, so that columns stay narrow."""
    small = ROUNDING < abs(value) < 10
    return f"{value:.3f}".replace("-0.000", "0.000").replace("-", "−") if small else digits(value)


def _facts(card: Scorecard, event: Event) -> dict[str, Any]:
    return {
        "event": event.name, "currency": event.currency, "loss": card.question.loss, "by": card.by,
        "schemes": list(card.answers), "shares": {t: card.shares[t] for t in card.answers}, "prices": card.prices,
        "certificates": card.certificates, "scores": {t: card.scores[t] for t in card.answers},
        "metrics": card.metrics, "incentives": {t: card.incentives[t] for t in card.answers},
        "measures": card.measures, "witnesses": {t: card.witnesses[t] for t in card.answers},
        "pareto": card.pareto(), "columns": event.status,
    }  # fmt: skip


def _command(name: str, schemes: str | None, *rest: Any) -> str:
    """The line that makes the page again."""
    import shlex

    options = dict(zip(("model", "loss", "currency", "roles", "cap", "by", "out"), rest, strict=True))
    chosen = {"schemes": schemes} | options
    typed = [f"--{option} {shlex.quote(f'{value}')}" for option, value in chosen.items() if value not in (None, "")]
    return " ".join(["allocopt compare", shlex.quote(name), *typed])
