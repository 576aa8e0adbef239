"""What a page says of all rules side by side: shares, prices, scores, incentives, and who is beaten by nobody."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from allocopt.pages import plots_payers, plots_scores
from allocopt.pages.blocks import Block, Folded, Heading, Math, Paragraph, Picture, Table, Text, prose
from allocopt.pages.canvas import tall
from allocopt.pages.heat import table_size
from allocopt.pages.numerals import amount, decimals, digits, figure, residual
from allocopt.pages.section_rules import FULL, TOLERANCE
from allocopt.pages.style import MOST

if TYPE_CHECKING:
    from allocopt.judgement.scorecard import Scorecard


_EVIDENCE = """
No answer is trusted because a solver called it optimal. Each is put back, with its prices, into the conditions that
define it: the primal residual says how far it is from feasible, the dual residual how far shares are from what the
prices call for, the gap how far its cost is from the bound its prices prove. All three are fractions of the loss and
can be recomputed without the solver. Rules that are no convex program state evidence of another kind.
"""


def shares(card: Scorecard) -> list[Block]:
    """Who pays what under every rule, in a figure and a table, and the loss rates."""
    problem = card.question
    currency = f", {problem.currency}" if problem.currency else ""
    size = tall(len(plots_payers.shares_data(card)), row=0.2 + 0.035 * len(card.shares.columns))
    blocks: list[Block] = [
        Heading(3, "Shares"),
        Picture("shares", "What the payers with the heaviest burdens bear under each rule.",
                lambda ax: plots_payers.shares(card, ax=ax), size),
        _shares_table(card, f"Shares under every rule{currency}", MOST),
    ]  # fmt: skip
    if MOST < len(card.shares) <= FULL:
        full = _shares_table(card, f"Shares of all payers under every rule{currency}", len(card.shares))
        blocks.append(Folded(f"Shares of all {len(card.shares)} payers", [full]))
    caption = f"Loss rates: share per unit of {card.by}, from the largest exposures to the smallest."
    blocks += [
        Heading(3, "Loss rates"),
        Picture("burdens", caption, lambda ax: plots_payers.burdens(card, ax=ax), (7.6, 3.8)),
        Picture("lorenz", "Lorenz curves: the nearer to the diagonal, the nearer to one rate for all.",
                lambda ax: plots_payers.lorenz(card, ax=ax), (6.8, 4.2)),
    ]  # fmt: skip
    if 0 < len(card.burdens) <= FULL:
        rates = [[str(payer), *(digits(float(v)) for v in row)] for payer, row in _rows(card.burdens)]
        head = ["payer", *map(str, card.burdens.columns)]
        table = Table(f"Loss rates: share per unit of {card.by}", head, rows=rates)
        blocks.append(Folded(f"Loss rates of all {len(rates)} payers", [table]))
    return blocks


def _rows(frame: pd.DataFrame) -> list[tuple[Any, Any]]:
    """The rows of a frame as they stand, without the conversion to one type that ``iterrows`` makes."""
    return list(zip(frame.index, frame.to_numpy(), strict=True))


def _shares_table(card: Scorecard, caption: str, most: int) -> Table:
    places = decimals(card.question.loss)
    frame = card.shares.loc[card.shares.mean(axis=1).sort_values(ascending=False, kind="stable").index]

    def line(name: str, figures: Any) -> list[Text]:
        return [name, *(amount(float(v), places) for v in figures)]

    rows = [line(str(payer), figures) for payer, figures in _rows(frame.iloc[:most])]
    if len(frame) > most:
        rows.append(line(f"the other {len(frame) - most}", frame.iloc[most:].sum()))
    foot = [line(f"all {len(frame)} payers", frame.sum())]
    if (card.prices["residual"].astype(float) > 0).any():
        foot.append(line("borne by nobody (residual)", card.prices["residual"].reindex(frame.columns)))
    return Table(caption, ["payer", *map(str, frame.columns)], rows, frozenset([0]), foot)


def prices(card: Scorecard) -> list[Block]:
    """The price of the loss under every rule; prices compare payers under one rule, not rules."""
    places = decimals(card.question.loss)
    rows: list[list[Text]] = []
    for name, row in _rows(card.prices[["price", "covered", "residual"]]):
        price, covered, left = map(float, row)
        rows.append([str(name), figure(price), amount(covered, places), amount(left, places)])
    head = ["rule", "price of the loss", "covered", "residual"]
    said = (
        "The price of the loss is what one more unit of loss would add to the cost the rule minimises. Rules minimise "
        "different costs, so prices are read within a rule and not across rules. A waterfall has a price in each layer."
    )
    return [Heading(3, "Prices and cover"), Paragraph(said), Table("Prices and cover", head, rows, frozenset([0]))]


def fairness(card: Scorecard) -> list[Block]:
    """Scores with what they judge, which way is better, and the ends of their scales."""
    return [
        Heading(3, "Fairness scores"),
        Paragraph(
            "Each criterion says of what it judges the inequality. Criteria of one family are not independent and "
            "count once."
        ),
        Picture("fairness", "Fairness scores, coloured by their place between the fixed ends of each scale.",
                lambda ax: plots_scores.fairness(card, ax=ax), table_size(*card.scores.shape)),
        Folded("The scores as a table", [_scores(card.scores, card.metrics, "Fairness scores")]),
        Folded("How the scores are computed", [_criteria(card.metrics)]),
    ]  # fmt: skip


def incentives(card: Scorecard) -> list[Block]:
    """What each rule rewards, with a witness that anyone can run again."""
    if card.incentives.empty:
        return []
    rows: list[list[Text]] = []
    for name in card.incentives.index:
        label = str(card.measures.loc[name, "label"])
        for scheme in card.incentives.columns:
            value = float(card.incentives.loc[name, scheme])
            rows.append([label, str(scheme), digits(value), str(card.witnesses.loc[name, scheme])])
    head = ["measure", "rule", "value", "witness"]
    witnesses = Table("Witnesses: the change of appearance behind each number", head, rows, frozenset([0, 1, 3]))
    return [
        Heading(3, "Incentives"),
        Paragraph(
            "A gain above zero says that somebody pays less by changing how it appears, while the loss stays the same. "
            "Every number comes with the change that produces it."
        ),
        Picture("incentives", "Incentive measures, coloured by their place between the fixed ends of each scale.",
                lambda ax: plots_scores.incentives(card, ax=ax), table_size(*card.incentives.shape)),
        Folded("The measures as a table", [_scores(card.incentives, card.measures, "Incentives")]),
        Folded("The witnesses", [witnesses]),
        Folded("How the measures are computed", [_criteria(card.measures)]),
    ]  # fmt: skip


def _scores(values: pd.DataFrame, criteria: pd.DataFrame, caption: str) -> Table:
    rows: list[list[Text]] = []
    for name, figures in _rows(values):
        row = criteria.loc[name]
        rows.append([str(row["label"]), str(row["direction"]), *(digits(float(v)) for v in figures)])
    return Table(caption, ["criterion", "direction", *map(str, values.columns)], rows, frozenset([0, 1]))


def _criteria(criteria: pd.DataFrame) -> Table:
    rows: list[list[Text]] = []
    for _, row in criteria.iterrows():
        ends = [_end(row["best"]), _end(row["worst"])]
        formula: Text = Math(str(row["formula"])) if row["formula"] else ""
        rows.append(
            [str(row["label"]), formula, str(row["direction"]), *ends, str(row["unit"] or ""), str(row["family"])]
        )
    head = ["criterion", "formula", "direction", "best", "worst", "unit", "family"]
    return Table("Criteria, their scales and their families", head, rows, frozenset([0, 1, 2, 5, 6]))


def _end(value: Any) -> str:
    return "no end" if value is None or (isinstance(value, float) and math.isnan(value)) else digits(float(value))


def efficiency(card: Scorecard) -> list[Block]:
    """Which rules no other rule beats on every criterion at once."""
    flags = card.pareto().reindex(card.shares.columns)
    rows: list[list[Text]] = [[str(name), "yes" if flag else "no"] for name, flag in flags.items()]
    blocks: list[Block] = [
        Heading(3, "Fairness against incentives"),
        Paragraph(
            "A rule is efficient when no other rule is at least as good on every criterion and better on one. With so "
            "many criteria most rules are; being inefficient is the stronger statement."
        ),
    ]
    if not (card.scores.empty or card.incentives.empty):
        caption = "One fairness score against one incentive measure; filled marks are efficient on all criteria."
        blocks.append(Picture("pareto", caption, lambda ax: plots_scores.pareto(card, ax=ax), (6.8, 4.2)))
    return [*blocks, Table("Efficient on all criteria", ["rule", "efficient"], rows, frozenset([0, 1]))]


def validation(card: Scorecard) -> list[Block]:
    """The certificates of all answers in one table."""
    rows: list[list[Text]] = []
    for name, row in card.certificates.iterrows():
        three: list[Text] = [residual(float(row[part])) for part in ("primal", "dual", "gap")]
        rows.append(
            [str(name), str(row["kind"]), *three, "holds" if row["holds"] else "DOES NOT HOLD", str(row["method"])]
        )
    head = ["rule", "kind of evidence", "primal", "dual", "gap", f"at {residual(TOLERANCE)}", "found by"]
    return [
        Heading(2, "Validation"),
        Paragraph(prose(_EVIDENCE)),
        Table("Certificates", head, rows, frozenset([0, 1, 5, 6])),
    ]
