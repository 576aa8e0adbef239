"""Rules that share a loss by a value of a game: a value that adds up to the loss is the shares, any other a key."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.games.nucleolus import Nucleolus
from allocopt.games.table import table
from allocopt.games.verified import verify_nucleolus
from allocopt.maths.price import Supply
from allocopt.schemes.base import position
from allocopt.schemes.one_price import OnePrice, certify

_SAME = 1e-9  # values count as summing to the loss within this fraction of it: rounding of the worths, not a choice
_LOOKED_THROUGH = 22  # players; beyond, a pass over all coalitions for every level takes longer than the answer did


class Checked(NamedTuple):
    """What a value was held against: the largest breach as a fraction of the amounts, what it is called, in words."""

    misfit: float
    kind: str
    statement: str


@dataclass(frozen=True, eq=False, kw_only=True)
class GameRule(OnePrice):
    r"""A rule that asks a game what every payer answers for.

    ``game`` is a :class:`~allocopt.games.base.Game`, or the worths of all coalitions by bit mask (bit :math:`i` is the
    payer in row :math:`i`, ``values[0] = 0``). Players are payers by name; unnamed players stand in the order of the
    table. When the values sum to the loss and respect the caps the price is 1 and the shares are the values. Otherwise
    they are the key of a capped pro-rata, and the answer's notes say so, with the largest departure. A negative value
    (a payer whose presence lowers the loss) counts as zero. Rules that share a game share its table.
    """

    formula = r"x_i = \min(c_i,\ p\, \phi_i^+)"
    objective = r"\sum_i \frac{x_i^2}{2 \phi_i^+}"
    claims = frozenset({"loss monotonicity"})
    keyed = "value"
    efficient: ClassVar[bool] = True  # whether the entries of the value add up to the worth of all

    game: Any = field(metadata={"help": "a Game, or the worths of all coalitions by bit mask"})

    @abstractmethod
    def value_of(self, game: Game, read: Mapping[str, Any]) -> GameValue:
        """The value of the game, with what was read from the question."""

    def reads(self, problem: LossProblem) -> dict[str, Any]:
        """What the rule reads of the question beside its payers: figures, or Series by player; nothing as a rule."""
        return {}

    @cached_property
    def played(self) -> Game:
        """The game, its table kept."""
        game: Game = self.game if isinstance(self.game, Game) else table(self.game)
        return game.kept

    @cached_property
    def _last(self) -> dict[Any, GameValue]:
        return {}

    @property
    def values(self) -> pd.Series[float]:
        """The value by player, for rules that read nothing of the question beside its payers."""
        try:
            return self._found({}).values
        except KeyError as missing:
            raise DataError(f"{self.name} reads {missing} of a question; see .valued(problem), or the answer") from None

    def valued(self, problem: LossProblem) -> GameValue:
        """The value by player for this question; found anew only when what is read of the question differs."""
        return self._found(self.reads(problem))

    def _found(self, read: Mapping[str, Any]) -> GameValue:
        mark = tuple((name, tuple(part) if isinstance(part, pd.Series) else part) for name, part in read.items())
        if mark not in self._last:
            found = self.value_of(self.played, read)
            self._last.clear()
            self._last[mark] = found
        return self._last[mark]

    def places(self, problem: LossProblem) -> Any:
        """The player behind each payer: by name, or by position where players have no names."""
        players = self.played.players
        if len(players) != problem.n:
            raise DataError(f"the game has {len(players)} players and the question {problem.n} payers; they must match")
        at = players.get_indexer(problem.ids)
        if (at >= 0).all():
            return at
        if list(players) == list(range(problem.n)):
            return np.arange(problem.n)
        stray = next(p for p in players if p not in problem.ids)
        raise DataError(f"the game has a player {stray!r} who is not among the payers; name players as the payers are")

    def by_player(self, problem: LossProblem, figures: Any) -> pd.Series[Any]:
        """Figures in the order of the payers, as a Series in the order of the players."""
        out = pd.Series(figures, index=self.played.players[self.places(problem)])
        return out.reindex(self.played.players)

    def checked(self, value: GameValue) -> Checked:
        """What the value can be held against without solving again."""
        if not self.efficient:
            return Checked(0.0, "game value", f"the key is the {self.keyed}: {value.method}")
        gap = abs(float(value.amounts.sum()) - value.game.grand) / _size(value)
        return Checked(gap, "game value", f"the {self.keyed} ({value.method}) adds up to the worth of all")

    def _posed(self, problem: LossProblem) -> Supply:
        at = self.places(problem)
        key = np.maximum(self.valued(problem).amounts[at], 0.0)
        return self.offered(np.array([problem.loss]), problem.caps, key)

    def supply(self, loss: Array, cap: Array, key: Array) -> Supply:
        """One block per payer, rising with its value."""
        return Supply(np.zeros(1), key[..., None, :], cap[..., None, :])

    def batch(self, losses: Array, keys: Array | None, caps: Array) -> Array:
        """Shares for many losses; ``keys`` are values, which are never guessed from the position of a payer."""
        if keys is None:
            raise DataError(f"{self.name} in a batch needs values as keys: solve the game once and pass its values")
        return super().batch(losses, keys, caps)

    def _answer(self, problem: LossProblem, supply: Supply, paid: Array, *rest: Any) -> Allocation:
        price, method, notes, *duals = rest
        value, at = self.valued(problem), self.places(problem)
        own, errors = value.amounts[at], value.errors[at]
        sampled = bool(errors.any())
        method = f"{value.method}; {method}" if sampled else method
        notes = (*notes, *self.notes(problem, value, own, paid))
        answer = super()._answer(problem, supply, paid, price, method, notes, *duals)
        extras: dict[str, Any] = {"values": pd.Series(own.copy(), index=problem.ids, name=self.keyed)}
        if isinstance(value, Nucleolus) and value.stages:
            extras["epsilon"] = value.epsilon
        if sampled:
            extras["standard_error"] = pd.Series(errors.copy(), index=problem.ids, name="standard error")

        evidence = partial(self._evidence, supply=supply, value=value, error=float(errors.max(initial=0.0)))
        return dataclasses.replace(answer, extras=extras, evidence=evidence)

    def _evidence(self, judged: Allocation, *, supply: Supply, value: GameValue, error: float) -> Certificate:
        """The division by the key, the value against what defines it, and how far a sampled value can be off."""
        shared, found = certify(judged, supply), self.checked(value)
        statement = f"{found.statement}; {shared.statement}"
        if error > 0:
            statement += "; the gap is the largest standard error of a share"
        return dataclasses.replace(
            shared, dual=max(shared.dual, found.misfit), statement=statement,
            gap=max(shared.gap, error * abs(judged.price) / (judged.problem.loss or 1.0)),
            kind="sampled" if error > 0 else f"{found.kind} and one price", details={"value": found.misfit},
        )  # fmt: skip

    def notes(self, problem: LossProblem, value: GameValue, own: Array, paid: Array) -> tuple[str, ...]:
        """Where the shares are not the values, by how much; how the value was found, and how far it can be off."""
        out = []
        if (own < 0).any():
            count = int((own < 0).sum())
            out.append(f"{count} payer{'s have' if count > 1 else ' has'} a negative value, counted as zero")
        off = float(np.abs(paid - own).max(initial=0.0))
        if off <= _SAME * (problem.loss or 1.0):
            out.append(f"shares are the {self.keyed}{'s' if self.keyed.endswith('value') else ''}")
        else:
            total = f"the values sum to {own.sum():,.6g} for a loss of {problem.loss:,.6g}"
            if abs(float(own.sum()) - problem.loss) <= _SAME * problem.loss:
                total = "the values sum to the loss, but caps or zeros stop some"
            out.append(f"{total}: used as a key for capped pro-rata; largest departure {off:,.6g}")
        worst = float(value.errors.max(initial=0.0))
        error = f"; largest standard error {worst:,.4g}" if worst > 0 else ""
        out.append(f"{self.keyed} found by {value.method}{error}")
        return tuple(out)

    def reason(self, allocation: Allocation, payer: Any) -> str:
        """The price, and what the game says of the payer."""
        at = position(allocation.problem, payer)
        own = float(allocation.extras["values"].iloc[at])
        words, zero = super().reason(allocation, payer), f"Its {self.keyed} is zero, so"
        if own < 0 and zero in words:
            return words.replace(
                zero, f"Its {self.keyed} is {own:,.6g}, negative because it lowers what others cost, so"
            )
        return words if zero in words else f"{words} Its {self.keyed} is {own:,.6g}."

    def key_label(self) -> str:
        """What the key is, for tables."""
        return self.keyed

    @property
    def title(self) -> str:
        """The label, or the name."""
        return self.label or f"{self.name}{' (payout)' if self.reading == 'payout' else ''}"


@dataclass(frozen=True, eq=False, kw_only=True)
class SettledRule(GameRule):
    r"""A rule that settles the objections of coalitions, the worst first: the nucleolus and its family.

    The certificate holds the value against Kohlberg's criterion, which does not ask how it was found. ``proven`` solves
    and proves it in fractions as well.
    """

    proven: bool = field(default=False, metadata={"help": "whether to solve and prove the value in exact fractions"})

    @property
    def concept(self) -> str:
        """Which of the family it is, as :func:`~allocopt.games.verified.verify_nucleolus` calls it."""
        return self.keyed

    def checked(self, value: GameValue) -> Checked:
        """Kohlberg's criterion, where all coalitions can be looked through."""
        whole = super().checked(value)
        if value.game.n > _LOOKED_THROUGH:
            return Checked(
                whole.misfit, whole.kind, f"{whole.statement}; with {value.game.n} players Kohlberg's criterion is not "
                "checked here: see allocopt.verify_nucleolus"
            )  # fmt: skip
        found = verify_nucleolus(value.game, value.amounts, of=self.concept)
        if not found:
            return Checked(max(whole.misfit, found.amount / _size(value)), "Kohlberg", f"Kohlberg's criterion: {found}")
        return Checked(
            whole.misfit, "Kohlberg", f"the {self.keyed} passes Kohlberg's criterion at {len(found.levels)} levels: at "
            "each, the coalitions that object most are balanced"
        )  # fmt: skip


def _size(value: GameValue) -> float:
    """The size of the amounts, to which breaches are relative."""
    return max(float(np.abs(value.amounts).sum()), abs(value.game.grand)) or 1.0


@dataclass(frozen=True, eq=False, kw_only=True)
class RatedRule(SettledRule):
    """A rule of the family that measures objections at a rate, over imputations or over all divisions."""

    imputations: bool = field(default=True, metadata={"help": "whether nobody may bear more than it would alone"})

    @property
    def concept(self) -> str:
        """The nucleolus, or the prenucleolus where what each pays alone is left out of account."""
        return self.keyed if self.imputations else self.keyed.replace("nucleolus", "prenucleolus")
