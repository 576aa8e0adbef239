"""A book of perpetual positions from a file, and its queue: who is closed, at which price, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from allocopt.cli.inputs import number_or_text, read_table
from allocopt.cli.screen import TOP, show, show_json, table
from allocopt.errors import DataError
from allocopt.pages.numerals import amount, decimals, digits

if TYPE_CHECKING:
    from allocopt.mechanisms.perpetual.queue import Deleveraging


@dataclass(frozen=True)
class Closing:
    """A queue as typed: the book's file and prices, and how its venue closes."""

    book: Path
    mark: float
    oracle: float | None = None
    previous_mark: float | None = None
    engine: float = 0.0
    kind: str = "linear"
    currency: str = ""
    side: str | None = None
    quantity: float | None = None
    ranking: str = "bitmex"
    price: str | None = None
    limit: str = "equity"

    def queue(self) -> Deleveraging:
        """The closings, proven."""
        from allocopt.mechanisms.perpetual.book import PerpetualBook
        from allocopt.mechanisms.perpetual.queue import adl_queue

        if self.book.suffix.lower() != ".csv":
            raise DataError(f"{self.book} is no .csv; give a table with one account per row")
        book = PerpetualBook(
            read_table(self.book), self.mark, oracle=self.oracle, previous_mark=self.previous_mark, engine=self.engine,
            kind=self.kind, currency=self.currency,
        )  # fmt: skip
        price = None if self.price is None else number_or_text(self.price)
        return adl_queue(book, self.quantity, self.side, ranking=self.ranking, price=price, limit=self.limit).verify()


def show_queue(asked: Closing, account: str | None, all_: bool, json: bool) -> None:
    """Print the line in closing order, or why one account is closed as it is."""
    adl = asked.queue()
    line = adl.table
    told = {} if account is None else {"explanation": adl.explain(account)}
    if json:
        facts = {
            "side": adl.side, "wanted": adl.wanted, "closed": float(adl.taken.sum()), "residual": adl.residual,
            "price": adl.price, "ranking": adl.ranking, "order": adl.order, "haircut": adl.haircut, "line": line,
            "certificate": str(adl.certificate),
        }  # fmt: skip
        return show_json(facts | told)
    if told:
        return show(*told.values())
    money = asked.currency or "cost"
    head = f"{adl.ranking}: {amount(adl.wanted, decimals(adl.wanted))} {adl.side} contracts at {digits(adl.price)}"
    shown = table(head, ["account"], ["score", "contracts", "closed", money])
    rows = line if all_ else line.head(TOP)
    for name, row in rows.iterrows():
        figures = [amount(float(row[c]), decimals(float(row[c]))) for c in ("contracts", "closed", "haircut")]
        shown.add_row(str(name), digits(float(row["score"])), *figures)
    rest = [f"and {len(line) - len(rows)} accounts after them"] if len(line) > len(rows) else []
    left = [f"{amount(adl.residual, decimals(adl.residual))} contracts stay open"] if adl.residual else []
    return show(shown, *rest, *left, str(adl.certificate))
