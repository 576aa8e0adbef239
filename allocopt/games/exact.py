"""Every worth of a game for an exact value: from its table, or one block after the other with an eye on the clock."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from allocopt.errors import DataError
from allocopt.facts.checks import Array
from allocopt.games.base import Game
from allocopt.games.table import TableGame
from allocopt.maths.shapley import blocks_of

EXACT_LIMIT = 40  # players; beyond it even a million million coalitions are not all

_PATIENCE = 3600.0  # seconds; a pass that will take longer is refused as soon as that can be seen
_REPORT = 10.0  # seconds between lines in the log

_log = logging.getLogger(__name__)


def every_worth(game: Game) -> Array | Iterable[Array]:
    """All worths in the order of the bit masks, as :func:`~allocopt.maths.shapley.member_sums` reads them.

    A table is read where it stands. Any other game is asked block by block and no table is made, so memory does not
    limit the number of players; time does. After a second the rate is known: a pass that would take more than an hour
    raises DataError. Progress goes to the log of this module (``INFO``) every ten seconds, and the pass can be
    interrupted between blocks.
    """
    if isinstance(game, TableGame):
        return blocks_of(game.values)
    if game.n > EXACT_LIMIT:
        raise DataError(
            f"{game.n} players have 2**{game.n} coalitions; exact values end at {EXACT_LIMIT} players: use a sampled "
            "method, or a game with a closed form"
        )
    return _watched(game)


def _watched(game: Game) -> Iterator[Array]:
    total = 1 << (game.n - game.block_bits)
    start = said = time.monotonic()
    judged = False
    for done, block in enumerate(game.blocks()):
        yield block
        now = time.monotonic()
        left = (now - start) / (done + 1) * (total - done - 1)
        if not judged and now - start > 1.0:
            judged = True
            if left > _PATIENCE:
                raise DataError(
                    f"{game!r} would take about {left / 3600:,.1f} hours for its {2**game.n:,} coalitions "
                    f"({1e9 * (now - start) / ((done + 1) * block.size):,.0f} ns each): use a sampled method, a game "
                    "with a closed form, or fewer players"
                )
        if now - said > _REPORT:
            said = now
            _log.info("%d of %d blocks of worths, about %.0f s left", done + 1, total, left)


def worths_by_mask(game: Game, masks: NDArray[np.int64]) -> Array:
    """The worths of coalitions given by bit mask, at most 62 players."""
    if isinstance(game, TableGame):
        return np.asarray(game.values[masks])
    packed = masks.astype("<i8").view(np.uint8).reshape(-1, 8)
    return game(np.unpackbits(packed, axis=1, count=game.n, bitorder="little").view(np.bool_))
