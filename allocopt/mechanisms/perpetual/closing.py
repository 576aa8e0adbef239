"""At which price positions are closed: by the word a venue uses, or by a number; never by a guess."""

from __future__ import annotations

from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array
from allocopt.mechanisms.outcome import chosen
from allocopt.mechanisms.perpetual.book import PerpetualBook
from allocopt.mechanisms.perpetual.sides import price_above_zero, sign_of

PRICES = ("bankruptcy", "mark", "oracle", "previous mark", "entry", "oracle capped at bankruptcy")


def closing_prices(book: PerpetualBook, price: Any, side: str, wanted: float) -> Array:
    """One closing price per account, by word or number."""
    n = len(book.ids)
    if not isinstance(price, str):
        return np.full(n, price_above_zero(price, "the closing price"))
    price = chosen(price.replace("_", " "), "closing price", PRICES)  # previous_mark, as the book spells it
    if price == "entry":
        return np.where(book._entry > 0, book._entry, book.mark)
    if price == "bankruptcy":
        if not wanted:
            return np.full(n, book.mark)  # nothing is to be closed, so no price is needed
        return np.full(n, price_above_zero(book.bankruptcy_price(side), f"the bankruptcy price of the {side} side"))
    stated = {"mark": book.mark, "oracle": book.oracle, "previous mark": book.previous_mark}
    figure = stated["oracle" if price.startswith("oracle") else price]
    if figure is None:
        word = "oracle" if price.startswith("oracle") else "previous_mark"
        raise DataError(f"closing at the {price} price needs it; state {word}=... when the book is made")
    if price == "oracle capped at bankruptcy":
        edge = book.bankruptcy_price(side)
        figure = max(figure, edge) if sign_of(side) > 0 else min(figure, edge)
    return np.full(n, figure)
