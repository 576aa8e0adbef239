"""A frontier in sentences: what its ends are, what moving along it costs, and what each scheme could save."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocopt.judgement.inequality import ROUNDING
from allocopt.schemes.base import figure

if TYPE_CHECKING:
    from allocopt.judgement.tradeoff import Frontier


def explain(found: Frontier) -> str:
    """The ends, the price along the way, and the schemes with what they could save."""
    names, table = found.names, found.table
    labels = dict(zip(names, (a.label for a in found.axes), strict=True))
    told = [f"All divisions of {figure(found.question.loss)} {found.question.currency}".rstrip()]
    told[0] += f" among {found.question.n} payers are compared on: {'; '.join(labels.values())}."
    if len(table) == 1:
        at = ", ".join(f"{name} {_digits(table[name].iloc[0])}" for name in names)
        told.append(f"There is no trade-off: one division is best on all ({at}).")
    elif len(names) == 2:
        x, y = names
        first, last = table.iloc[0], table.iloc[-1]
        told.append(f"The best {x} is {_digits(first[x])}, at a {y} of {_digits(first[y])};")
        told.append(f"the best {y} is {_digits(last[y])}, at a {x} of {_digits(last[x])}.")
        middle = table.iloc[len(table) // 2]
        told.append(f"Half way, one more of {x} changes {y} by {middle['price']:.4g}.")
    else:
        ends = ", ".join(f"{n} {table[n].min():.4g} to {table[n].max():.4g}" for n in names)
        told.append(f"The {len(table)} efficient divisions range over {ends}.")
    for title, row in found.schemes.iterrows():
        told.append(f"{title}: {_standing(row, names)}.")
    return " ".join(told)


def _digits(value: float) -> str:
    """Four figures; what rounding left of a zero reads as zero."""
    return f"{value:.4g}" if abs(value) > ROUNDING else "0"


def _standing(row: object, names: list[str]) -> str:
    values: dict[str, float] = dict(row)  # type: ignore[call-overload]
    if values["distance"] != values["distance"]:
        return "does not divide the same amount, or breaks a must, and is not placed"
    if values["efficient"]:
        return "efficient, no division is better on one and no worse on the rest"
    parts = [f"{values[f'saves {n}']:.4g} of {n}" for n in names if values[f"saves {n}"]]
    saved = f"could save {' or '.join(parts)} at no cost to the rest"
    return f"{saved}, if {values['changes hands']:.2%} of the loss changed hands"
