"""What a page says of one rule: the rule in words, its program, its prices, the shares, and why the answer stands."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allocopt.errors import AllocOptError
from allocopt.facts.allocation import Allocation
from allocopt.facts.problem import LossProblem
from allocopt.judgement.inequality import ROUNDING
from allocopt.notation import SYMBOLS, column, symbols_in
from allocopt.pages.blocks import Block, Code, Folded, Formula, Listing, Math, Paragraph, Strong, Table, Text
from allocopt.pages.numerals import amount, decimals, figure, percent, residual
from allocopt.pages.provenance import columns_named
from allocopt.pages.style import MOST
from allocopt.schemes import Scheme

if TYPE_CHECKING:
    from allocopt.maths.program import Program

FULL = 2000  # payers beyond which the full table would make the page too heavy to open
_COMMON = ("x_i", "x", "c_i", "L", "n", "i")  # letters that mean the same in every rule and are explained once
TOLERANCE = 1e-6  # of the loss: what a certificate may be off by and still hold


def program_of(answer: Allocation) -> Program | None:
    """The convex program behind an answer, or None when its rule poses none for this question."""
    pose: Callable[..., Program] | None = getattr(answer.scheme, "program", None)
    if pose is None or answer.problem.n == 0:
        return None
    try:
        return pose(answer.problem)
    except AllocOptError:
        return None


def allocation_blocks(answer: Allocation, *, most: int = MOST) -> list[Block]:
    """One answer by one rule: in words, as a program, in figures, with its certificate."""
    rule: Any = answer.scheme
    blocks: list[Block] = [Paragraph(_words(rule))]
    chosen = _parameters(rule)
    if chosen:
        blocks.append(Listing(chosen))
    program = program_of(answer)
    formulas = []
    if program is not None:
        formulas.append(program.statement())
        blocks += [Paragraph("The rule as a convex program:"), Formula(formulas[-1])]
    if getattr(rule, "formula", ""):
        formulas.append(rule.formula)
        blocks += [Paragraph("Its answer:"), Formula(formulas[-1])]
    letters = _letters(answer, formulas)
    blocks += [Paragraph("In this question:"), Listing(letters)] if letters else []
    blocks.append(shares_table(answer, most))
    if most < answer.problem.n <= FULL:
        blocks.append(Folded(f"All {answer.problem.n} payers", [shares_table(answer, answer.problem.n)]))
    if answer.problem.n:
        heaviest = answer.shares.idxmax()
        blocks.append(Paragraph((Strong("Why, for one payer."), " ", answer.explain(heaviest))))
    blocks += [_prices(answer, program), *certificate_blocks(answer)]
    if answer.notes:
        blocks.append(Listing(answer.notes))
    return blocks


def _words(rule: Any) -> Text:
    said = rule.sentence() if hasattr(rule, "sentence") else str(rule.name)
    source = str(getattr(rule, "source", ""))
    return f"{said} Source: {source.rstrip('.')}." if source else said


def _parameters(rule: Any) -> list[Text]:
    """What was chosen where the rule leaves a choice."""
    if not dataclasses.is_dataclass(rule):
        return []
    chosen = {entry.name: getattr(rule, entry.name) for entry in dataclasses.fields(rule) if entry.name != "label"}
    return [(Code(name), f": {_chosen(value)}") for name, value in chosen.items() if value is not None]


def _chosen(value: Any) -> str:
    if isinstance(value, pd.Series | np.ndarray):
        return "figures of one's own, one per payer"
    if isinstance(value, list | tuple):
        return "; ".join(_chosen(entry) for entry in value) or "none"
    return value.title if isinstance(value, Scheme) else str(value)


def _letters(answer: Allocation, formulas: Iterable[str]) -> list[Text]:
    """What the letters of the program are here: the question's own figures first, then the rule's."""
    problem, own = answer.problem, own_letters(answer.scheme)
    names = dict.fromkeys(name for latex in formulas for name in symbols_in(latex))
    here: dict[str, tuple[Any, ...]] = {
        "L": ("the loss, ", _money(problem.loss, answer)),
        "c_i": ("the cap: ", *_column(problem, problem.cap_name)),
    }
    label: Callable[[], str] | None = getattr(answer.scheme, "key_label", None)
    if label is not None:
        here["w_i"] = ("the key: ", *_column(problem, label()))
    here = {name: said for name, said in here.items() if name in names}
    for name in names:
        if name in own:
            here[name] = (own[name],)
        elif name in SYMBOLS and name not in _COMMON:
            here.setdefault(name, (SYMBOLS[name].meaning,))
    return [(Math(name), ": ", *said) for name, said in here.items()]


def own_letters(rule: Any) -> Mapping[str, str]:
    """Letters to which a rule, or a constraint it is subject to, gives a meaning of its own."""
    parts = [rule, *getattr(rule, "subject_to", ())]
    return {letter: meaning for part in parts for letter, meaning in getattr(part, "letters", {}).items()}


def _column(problem: LossProblem, name: str) -> tuple[Any, ...]:
    """A column with its symbol; what is no column stands as it is."""
    known = name in problem.payers.columns
    return ("column ", Code(name), " (", Math(column(name).latex), ")") if known else (name,)


def _money(value: float, answer: Allocation) -> str:
    return f"{answer.problem.currency} {amount(value, decimals(answer.problem.loss))}".strip()


def shares_table(answer: Allocation, most: int = MOST) -> Table:
    """Who bears what: the heaviest burdens first, the others summed."""
    problem = answer.problem
    extra = [
        name for name in problem.payers.columns
        if name in columns_named(answer.scheme, problem.payers.columns) - {problem.cap_name}
        and pd.api.types.is_numeric_dtype(problem.payers[name])
    ]  # fmt: skip
    capped = bool(np.isfinite(problem.caps).any())
    frame = pd.DataFrame({name: problem.payers[name].astype(float) for name in extra}, index=problem.ids)
    if capped:
        frame[f"cap: {problem.cap_name}"] = problem.caps
    frame["share"] = answer.paid
    order = frame["share"].sort_values(ascending=False, kind="stable").index
    part = answer.paid / problem.loss if problem.loss > 0 else np.zeros(problem.n)
    frame["part of the loss"] = part
    places = decimals(max(problem.loss, 0.0))
    binds = pd.Series((answer.paid >= problem.caps * (1 - 1e-12)) & (problem.caps > 0), index=problem.ids)

    def line(name: Text, row: pd.Series[float], bound: str) -> list[Text]:
        cells: list[Text] = [amount(float(v), places) for v in row.iloc[:-1]]
        return [name, *cells, percent(float(row.iloc[-1])), *([bound] if capped else [])]

    named, rest = order[:most], order[most:]
    rows = [line(str(payer), frame.loc[payer], "yes" if binds[payer] else "") for payer in named]
    if len(rest):
        rows.append(line(f"the other {len(rest)}", frame.loc[rest].sum(), _some(binds[rest])))
    foot = [line(f"all {problem.n} payers", frame.sum(), _some(binds))]
    if answer.residual > 0:
        blank: list[Text] = [""] * (len(frame.columns) - 2)
        left = [amount(answer.residual, places), percent(answer.residual / problem.loss)]
        foot.append(["borne by nobody (residual)", *blank, *left, *([""] if capped else [])])
    unit = f", {problem.currency}" if problem.currency else ""
    head: list[Text] = ["payer", *map(str, frame.columns), *(["at its cap"] if capped else [])]
    words = frozenset([0, len(head) - 1]) if capped else frozenset([0])
    return Table(f"Shares under {title_of(answer)}{unit}", head, rows, words, foot)


def _some(flags: pd.Series[bool]) -> str:
    return f"{int(flags.sum())} of them" if flags.any() else "none"


def title_of(answer: Allocation) -> str:
    """What the rule of an answer is called in tables: its label, or its name with what was chosen."""
    return str(getattr(answer.scheme, "title", answer.scheme.name))


def _prices(answer: Allocation, program: Program | None) -> Table:
    """What one more unit of each right-hand side would change the cost by."""
    clauses = {clause.name: clause for clause in program.clauses} if program is not None else {}
    rows: list[list[Text]] = []
    for name, value in answer.duals.items():
        clause = clauses.get(name)
        stated: Text = Math(clause.latex) if clause is not None and clause.latex else ""
        rows.append([name, stated, _price(value, abs(answer.price)), clause.reading if clause is not None else ""])
    return Table(
        f"Prices under {title_of(answer)}", ["clause", "constraint", "price", "reading"], rows, frozenset([0, 1, 3])
    )


def _price(value: Any, scale: float) -> str:
    """One price, or the span of those that are not zero; what a solver left of a zero is a part in 1e9 of the scale."""
    if np.ndim(value) == 0:
        return figure(float(value))
    figures = np.asarray(value, dtype=float)
    active = figures[np.abs(figures) > ROUNDING * scale]
    if not len(active):
        return "0 for every payer"
    ends = [figure(float(end)) for end in (active.min(), active.max())]
    span = ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
    return f"{span} for {len(active)} of {len(figures)} payers"


def certificate_blocks(answer: Allocation) -> list[Block]:
    """The evidence, in a sentence and three numbers."""
    found = answer.certificate
    verdict = "It holds" if found.holds(TOLERANCE) else "IT DOES NOT HOLD"
    numbers = (
        f"primal residual {residual(found.primal)}, dual residual {residual(found.dual)}, gap {residual(found.gap)}"
    )
    said = f" ({found.statement})" if found.statement else ""
    return [
        Paragraph(
            (
                Strong("Certificate."),
                f" Found by {answer.method}; kind of evidence: {found.kind}{said}. Relative to the loss: {numbers}. "
                f"{verdict} at the tolerance {residual(TOLERANCE)}.",
            )
        )
    ]
