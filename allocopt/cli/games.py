"""A game from a few words: what groups of payers cost, by the scenarios or a column of the event."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from allocopt.errors import DataError, unknown

if TYPE_CHECKING:
    import pandas as pd

    from allocopt.facts.event import Event
    from allocopt.facts.problem import LossProblem
    from allocopt.games.base import Game
    from allocopt.schemes.base import Scheme

# What each game is called, and what may be typed behind its name, in order.
GAMES: dict[str, tuple[str, ...]] = {
    "tail": ("level", "measure"), "variance": (), "cover": ("k", "by"), "airport": ("by",), "claims": ("by",),
    "threshold": ("quota", "by"), "additive": ("by",),
}  # fmt: skip
EXAMPLES = "tail:0.975, cover:2:by=stress_loss or airport:by=stress_loss"


@dataclass(frozen=True)
class GameAsked:
    """A game as typed: its name, and what was typed behind it."""

    name: str
    placed: tuple[Any, ...] = ()
    named: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name not in GAMES:
            raise unknown("game", self.name, GAMES)
        known = GAMES[self.name]
        for word in self.named:
            if word not in known:
                raise unknown(f"parameter of the game {self.name}", word, known or ("none",))
        if len(self.placed) > len(known) or set(known[: len(self.placed)]) & set(self.named):
            takes = f"{', '.join(known)}, each once" if known else "nothing"
            raise DataError(f"the game {self.name} takes {takes}; write it as {EXAMPLES}")

    def of(self, event: Event, problem: LossProblem, by: str | None) -> Game:
        """The game among the payers of the question; ``by`` stands in for a column that was not typed."""
        from allocopt import games

        typed = dict(zip(GAMES[self.name], self.placed, strict=False)) | self.named
        column = typed.pop("by", by)
        if self.name == "tail":
            return games.tail(self._scenarios(event, problem), **typed)
        if self.name == "variance":
            return games.variance(self._scenarios(event, problem).cov())
        if self.name == "claims" and column is None:
            return games.claims(problem.loss, self._series(problem.caps, problem))
        if column is None:
            raise DataError(
                f"the game {self.name} needs a column; name one with --by, or as {self.name}:by=stress_loss"
            )
        amounts = self._series(problem.column(str(column)), problem)
        if self.name == "threshold" and "quota" not in typed:
            raise DataError(
                "the game threshold needs a quota, in the unit of the column; write it as threshold:51:by=votes"
            )
        if self.name == "claims":
            return games.claims(problem.loss, amounts)
        made: Game = getattr(games, self.name)(amounts, **typed)
        return made

    def _scenarios(self, event: Event, problem: LossProblem) -> pd.DataFrame:
        if event.scenarios is None:
            raise DataError(
                f"the game {self.name} is made from scenarios and {event.name} has none; take a game of a column, such "
                "as cover:2:by=stress_loss, or a dataset folder with scenarios"
            )
        missing = problem.ids.difference(event.scenarios.columns)
        if len(missing):
            raise DataError(f"the scenarios of {event.name} have no column for payer {missing[0]!r}; narrow --roles")
        return event.scenarios[list(problem.ids)]

    @staticmethod
    def _series(amounts: Any, problem: LossProblem) -> pd.Series[float]:
        import pandas as pd

        return pd.Series(amounts, index=problem.ids)


def typed_game(text: str) -> GameAsked:
    """``name``, ``name:value`` or ``name:parameter=value`` as a game.

    >>> typed_game("cover:2:by=stress_loss")
    GameAsked(name='cover', placed=(2,), named={'by': 'stress_loss'})
    """
    from allocopt.cli.inputs import assignment, split, value

    name, *rest = split(text, ":") or [""]
    placed = tuple(value(part) for part in rest if "=" not in part)
    return GameAsked(name, placed, dict(assignment(part) for part in rest if "=" in part))


def asks_game(kind: type[Scheme] | None) -> bool:
    """Whether a rule divides by a game."""
    return kind is not None and any(f.name == "game" for f in dataclasses.fields(kind))


def with_game(
    kind: type[Scheme], parameters: dict[str, Any], game: str | None, event: Event, problem: LossProblem, by: str | None
) -> dict[str, Any]:
    """The parameters of a rule that asks a game, with the game that was typed for it, or for all rules."""
    asked = parameters.get("game", None if game is None else typed_game(game))
    if isinstance(asked, str):
        asked = typed_game(asked)
    if asked is None:
        raise DataError(f"{kind.name} divides by a game; name one with --game, such as {EXAMPLES}")
    return {**parameters, "game": asked.of(event, problem, by) if isinstance(asked, GameAsked) else asked}
