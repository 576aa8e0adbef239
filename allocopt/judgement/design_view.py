"""A design as tables, in a notebook and in a terminal: what was wished and reached, what it resembles, who pays."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from allocopt.judgement.card_view import STYLE, figure

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from allocopt.judgement.design import Design

_FEW = 5  # published rules listed
_PAYERS = 10


def wishes(design: Design) -> list[list[str]]:
    """Each wish: what was asked, what was reached, and in words whether it holds."""
    return [
        [str(wish), figure(float(row["asked"])), figure(float(row["reached"])),
         "● holds" if row["holds"] else f"○ {row['told'] or 'does not hold'}"]
        for wish, row in design.wishes.iterrows()
    ]  # fmt: skip


def rules(design: Design) -> list[list[str]]:
    """The published rules nearest to it, and which part of the loss would change hands under each."""
    near = design.distances.iloc[:_FEW]
    return [[f"{'● ' if not k else ''}{name}", f"{float(apart):.2%}"] for k, (name, apart) in enumerate(near.items())]


def payers(design: Design) -> list[list[str]]:
    """The payers who bear most, and the others together."""
    shares, answer = design.shares.sort_values(ascending=False, kind="stable"), design.answer
    total = float(answer.paid.sum())

    def line(name: str, amount: float) -> list[str]:
        return [name, f"{amount:,.2f}" if total >= 1 else f"{amount:.6g}", f"{amount / total if total > 0 else 0:.2%}"]

    cut = len(shares) if len(shares) <= _PAYERS + 1 else _PAYERS
    out = [line(str(payer), float(amount)) for payer, amount in shares.iloc[:cut].items()]
    rest = shares.iloc[cut:]
    return [*out, *([line(f"the other {len(rest)}", float(rest.sum()))] if len(rest) else [])]


def parts(design: Design) -> list[tuple[str, list[str], list[list[str]]]]:
    """The tables of a design: caption, head, rows."""
    unit = design.answer.problem.currency
    borne = f"share, {unit}" if unit else "share"
    found = [
        ("Wishes, in order of importance", ["wish", "asked", "reached", ""], wishes(design)),
        ("Published rules, nearest first", ["rule", "changes hands"], rules(design)),
        ("Who pays", ["payer", borne, "part"], payers(design)),
    ]
    return [(caption, head, rows_) for caption, head, rows_ in found if rows_]


def html(design: Design) -> str:
    """The sentences and the tables, with nothing that has to be loaded."""
    made = []
    for caption, head, body in parts(design):
        top = "".join(f'<th scope="col">{escape(word)}</th>' for word in head)
        lines = "".join(_row(cells) for cells in body)
        made.append(
            f'<table class="ao-card"><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead>'
            f"<tbody>{lines}</tbody></table>"
        )
    return f'<div style="overflow-x:auto"><style>{STYLE}</style><p>{escape(design.explain())}</p>{"".join(made)}</div>'


def _row(cells: list[str]) -> str:
    """One row; what holds, or is nearest, is blue as well as marked."""
    first, *rest = cells
    told = [first, *rest][-1] if len(cells) == 4 else first
    shade = ' style="background:rgba(0,114,178,0.24)"' if told.startswith("●") else ""
    return f'<tr{shade}><th scope="row">{escape(first)}</th>' + "".join(f"<td>{escape(c)}</td>" for c in rest) + "</tr>"


def terminal(design: Design) -> Group:
    """The same for a terminal."""
    from rich.console import Group
    from rich.text import Text

    made: list[Any] = [Text(design.explain())]
    made += [table(*part) for part in parts(design)]
    return Group(*made)


def table(caption: str, head: list[str], body: list[list[str]]) -> Table:
    """One table in a terminal: names to the left, figures to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    out = Table(title=Text(caption), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for k, word in enumerate(head):
        out.add_column(Text(word), justify="right" if k else "left", overflow="fold")
    for cells in body:
        out.add_row(*map(Text, cells))
    return out
