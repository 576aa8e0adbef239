"""The same loss divided by several rules, side by side: who bears what, how fair it is, what it rewards."""

from __future__ import annotations

from pathlib import Path
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allocopt.cli import tradeoffs
from allocopt.cli.dividing import proven
from allocopt.cli.inputs import Asked, split
from allocopt.cli.inputs import scheme as typed_scheme
from allocopt.cli.screen import TOP, marks, show, show_json, table, waiting
from allocopt.errors import DataError, InfeasibleError
from allocopt.judgement.inequality import ROUNDING
from allocopt.judgement.scorecard import Scorecard, compare
from allocopt.pages.numerals import amount, decimals, digits
from allocopt.pages.provenance import used
from allocopt.pages.style import money
from allocopt.schemes import scheme
from allocopt.schemes.constraints import gini_at_most, keep_solvent
from allocopt.shelf.library import load_model

if TYPE_CHECKING:
    from rich.table import Table

    from allocopt.facts.event import Event
    from allocopt.facts.problem import LossProblem
    from allocopt.judgement.tradeoff import Frontier
    from allocopt.schemes.base import Scheme

# What a second key and a queue are taken from, the first that the event knows for every payer.
_EXPOSURES = ("initial_margin", "net_exposure", "gross_exposure", "turnover", "equity")
_RISKS = ("stress_loss", "net_exposure", "gross_exposure", "initial_margin")
_UNEQUAL = 0.1  # the Gini coefficient of loss rates that the fairness-constrained rule may reach
_FEW = 200  # payers up to which every rule, asked some forty times by the measures, takes seconds and not minutes
_WIDTHS = (25, 7)  # characters of the columns of words and figures: nine rules fit a hundred columns
_ARROWS = {"lower is better": "↓", "higher is better": "↑", "closer to zero is better": "→0"}


def judge(asked: Asked, schemes: str | None, model: str | None, by: str | None) -> Scorecard:
    """The card of the rules that were typed, or of the usual ones, beside a waterfall.

    The event's own waterfall joins unasked where it lays on the payers of the question just the loss that is asked.
    """
    event = asked.event()
    problem = asked.problem(event)
    rules: list[Any] = (
        usual(event, problem) if schemes is None else [typed_scheme(s, asked, event) for s in split(schemes)]
    )
    if not rules:
        raise DataError("--schemes names no rule; give one or more, separated by commas (see allocopt schemes)")
    chosen = model or event.question.get("model", "none")
    if chosen != "none":
        waterfall = load_model(chosen)
        reaches = float(waterfall.run(event).by_payer.reindex(problem.ids).sum())
        if abs(reaches - problem.loss) <= 1e-9 * problem.loss:
            rules.append(waterfall)
        elif model is not None:
            raise DataError(
                f"down {model} {reaches:,.10g} of {event.name} reaches these payers, and the rules divide "
                f"{problem.loss:,.10g}; ask about the same loss and payers with --loss and --roles"
            )
    with waiting(f"dividing {problem.loss:,.6g} {event.currency} by {len(rules)} rules, and judging the answers"):
        card = compare(event, rules, by=by, problem=problem)
    for answer in card.answers.values():
        proven(answer)
    return card


def write_page(card: Scorecard, place: Path, command: str, rank: bool = False) -> None:
    """Write the comparison as a page; ``command`` is the line that makes it again. ``rank`` adds which, and why."""
    from allocopt.pages.report import write

    place.parent.mkdir(parents=True, exist_ok=True)
    write(card, place, command=command, ranking=card.rank() if rank else None)


def show_card(
    card: Scorecard, all_: bool, json: bool, page: Path | None, rank: bool = False, traced: Frontier | None = None
) -> None:
    """Print the rules, what payers bear, and every score; with a frontier what any division can do."""
    figure = None if traced is None or page is None else tradeoffs.draw(traced, page)
    if json:
        more = _order(card) if rank else {}
        more |= {} if traced is None else tradeoffs.facts(traced)
        more |= {} if page is None else {"page": str(page)}
        return show_json(_facts(card) | more | ({} if figure is None else {"figure": str(figure)}))
    letters = dict(zip(card.answers, _letters(len(card.answers)), strict=True))
    return show(
        _rules(card, letters),
        _shares(card, letters, all_),
        _criteria(card, letters),
        "● best of these; ↓ lower is better, ↑ higher, →0 nearer to zero",
        *(_ranking(card, letters) if rank else []),
        *([] if traced is None else tradeoffs.tables(traced, letters)),
        *marks(used(card)),
        *([] if page is None else [f"The page, with every rule, proof and source: {page}"]),
        *([] if figure is None else [f"The figure of the frontier: {figure}"]),
    )


def usual(event: Event, problem: LossProblem) -> list[Scheme]:
    """The rules to begin with: proportional, equal, lawful, in line, at random, and as fair as stated bounds allow."""
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
    if problem.n <= _FEW:
        rules.append(scheme("random-arrival"))
    if problem.n <= _FEW and key in known:
        bounds = [gini_at_most(_UNEQUAL, by=key), *([keep_solvent("equity")] if "equity" in known else [])]
        start = rules[1]
        label = f"fair: near {other or start.name}, Gini at most {_UNEQUAL:g}{', solvent' * (len(bounds) > 1)}"
        fair = scheme("fair", reference=start, subject_to=bounds, label=label)
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


def _rules(card: Scorecard, letters: dict[str, str]) -> Table:
    """Every rule with its letter, its largest share, and whether it is proven and efficient."""
    problem = card.question
    places = decimals(problem.loss)
    payers = f"{problem.n} payer{'s' * (problem.n != 1)}"
    title = f"{f'{problem.currency} {amount(problem.loss, places)}'.strip()} among {payers}"
    if card.event is not None:
        title = f"{card.event.title}\n{title}"
    out = table(title, ["", "rule"], ["largest share", "residual", "certificate", "Pareto"])
    flags = card.pareto()
    for name, letter in letters.items():
        largest = float(card.answers[name].fractions.max()) if card.question.n else 0.0
        proof = "holds" if card.certificates["holds"][name] else "sampled"
        left = float(card.prices["residual"][name])
        out.add_row(
            letter, name, f"{largest:.1%}", amount(left, places if left else 0), proof, "yes" if flags[name] else "no"
        )
    return out


def _shares(card: Scorecard, letters: dict[str, str], all_: bool) -> Table:
    """What the payers with the largest exposures bear under every rule; the rest summed."""
    shares = card.shares
    total = float(shares.sum().max()) if len(shares) else 0.0
    unit, word = money(total, card.question.currency) if total >= 1e6 else (1.0, card.question.currency)
    places = 2 if total / unit < 1e3 else 1 if total / unit < 1e4 else 0
    exposure = card.question.payers[card.by].reindex(shares.index).fillna(np.inf)
    order = shares.index if all_ else exposure.sort_values(ascending=False, kind="stable").index
    cut = len(order) if all_ or len(order) <= TOP + 1 else TOP
    out = table("", [f"Bears{f', {word}' if word else ''}"], letters.values(), widths=_WIDTHS)

    def row(name: str, figures: pd.Series[float], style: str = "") -> None:
        out.add_row(name, *(amount(value / unit, places) for value in figures), style=style)

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
        lines.setdefault(str(card.metrics["of"][str(name)]), []).append((str(name), row))
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


def _ranking(card: Scorecard, letters: dict[str, str]) -> list[Any]:
    """The rules in order, how often each is first, and why the first is."""
    found = card.rank()
    out = table("", ["Ranking over all weights", ""], ["value", "first", "ranks"])
    for name, row in found.table.iterrows():
        ranks = f"{row['best rank']} to {row['worst rank']}"
        out.add_row(f"{row['place']}  {name}", letters[str(name)], f"{row['value']:.3f}", f"{row['first']:.1%}", ranks)
    return [out, found.explain()]


def _order(card: Scorecard) -> dict[str, Any]:
    found = card.rank()
    return {"ranking": found.table, "acceptability": found.acceptability, "reasons": found.explain()}


def _facts(card: Scorecard) -> dict[str, Any]:
    def by_rule(frame: pd.DataFrame) -> dict[str, pd.Series[Any]]:
        return {title: frame[title] for title in card.answers}

    return {
        "event": card.event.name if card.event is not None else None, "currency": card.question.currency,
        "loss": card.question.loss, "by": card.by, "schemes": list(card.answers), "shares": by_rule(card.shares),
        "prices": card.prices, "certificates": card.certificates, "pareto": card.pareto(),
        "scores": by_rule(card.scores), "metrics": card.metrics, "incentives": by_rule(card.incentives),
        "measures": card.measures, "witnesses": by_rule(card.witnesses), "columns": used(card),
    }  # fmt: skip
