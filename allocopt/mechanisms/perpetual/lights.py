"""What an account is shown of its place in the line: the lights of BitMEX, and the quantile of Binance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import vector
from allocopt.mechanisms.perpetual.book import PerpetualBook
from allocopt.mechanisms.perpetual.rankings import Ranking, ranking_named

LIGHTS = 5


def adl_lights(book: PerpetualBook, side: str, ranking: str | Ranking | Any = "bitmex") -> pd.DataFrame:
    r"""The line of one side as its holders see it, first to be closed at the top.

    .. math:: \text{percentile}_{(k)} = \tfrac15 \Bigl\lceil 5\, \frac{\sum_{j \le k} q_{(j)}}{\sum_j q_j} \Bigr\rceil,
       \qquad \text{lights} = 6 - 5 \cdot \text{percentile},\qquad \text{quantile}_{(k)} = \frac{k}{n}

    The percentile counts **contracts** from the top of the line, in steps of 20 %, the quantile counts **accounts**.
    All five lights are lit in the first 20 %. Equal scores stand in the order of the book's rows; bankrupt accounts
    are in no line.

    Parameters
    ----------
    book : the positions.
    side : whose holders are ranked, ``"long"`` or ``"short"``.
    ranking : as for :func:`~allocopt.adl_queue`.

    Returns
    -------
    DataFrame by account, in the order of the line: ``score``, ``contracts``, ``quantile``, ``percentile``, ``lights``.

    Raises
    ------
    DataError : an unknown side or ranking, NaN among the scores.

    Source: BitMEX, app/autoDeleveragingExamples (its table of six longs is a test of this package); Binance faq
    360033525471 (rank over number of users; that place 1 is the first to be closed is how it is read here).

    >>> accounts = pd.DataFrame({"contracts": [10.0, -6.0, -4.0], "entry_price": [100.0, 100.0, 95.0],
    ...                          "balance": [150.0, 80.0, 60.0]}, index=["D", "A", "B"])
    >>> adl_lights(PerpetualBook(accounts, mark=80.0), "short")[["percentile", "lights"]].to_dict("index")
    {'A': {'percentile': 0.6, 'lights': 3}, 'B': {'percentile': 1.0, 'lights': 1}}
    """
    if not isinstance(book, PerpetualBook):
        raise DataError(f"book is a {type(book).__name__}; give a PerpetualBook")
    if isinstance(ranking, str):
        ranking = ranking_named(ranking)
    if isinstance(ranking, Ranking):
        score = ranking.of(book)
    else:
        score = vector(ranking, book.ids, "the score", low=-np.inf, finite=False)
    line = np.flatnonzero(book.on(side) & ~book._bankrupt)
    line = line[np.argsort(-score[line], kind="stable")]
    held = np.cumsum(book._size[line])
    steps = np.ceil(LIGHTS * held / (held[-1] if len(held) else 1.0) * (1.0 - 1e-12))
    place = np.arange(1, len(line) + 1)
    return pd.DataFrame(
        {
            "score": score[line], "contracts": book._size[line], "quantile": place / max(len(line), 1),
            "percentile": steps / LIGHTS, "lights": (LIGHTS + 1 - steps).astype(int),
        },
        index=book.ids[line],
    )  # fmt: skip
