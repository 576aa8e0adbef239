"""The division of a worth nearest to a given one within bounds and a core, with prices and a certificate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from allocopt.errors import InfeasibleError, SolverError
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array
from allocopt.games.base import Game
from allocopt.games.core import named
from allocopt.maths.excess import Excesses, Masks, members
from allocopt.maths.program import Clause, Program

# A coalition counts as content within this fraction of the largest amount: polished answers are right to 1e-12.
_CONTENT = 1e-9
_ROWS = 8  # times the number of players: how many coalitions that object are heard in one round


class Limit(NamedTuple):
    """A bound on every player's amount from one side; infinite where there is none."""

    name: str
    bound: Array
    upper: bool

    def excess(self, x: Array) -> Array:
        return np.asarray(x - self.bound if self.upper else self.bound - x)


def contradictions(game: Game, limits: list[Limit], total: float, unit: float) -> None:
    """Decide by arithmetic whether bounds leave room: player by player, and all together."""
    high, low = np.full(game.n, np.inf), np.full(game.n, -np.inf)
    for limit in limits:
        high = np.minimum(high, limit.bound) if limit.upper else high
        low = low if limit.upper else np.maximum(low, limit.bound)
    uppers = " and ".join(limit.name for limit in limits if limit.upper)
    lowers = " and ".join(limit.name for limit in limits if not limit.upper)
    crossed = np.flatnonzero(low > high + _CONTENT * unit)
    if len(crossed):
        at = int(crossed[0])
        raise InfeasibleError(
            f"player {game.players[at]!r}: {lowers} asks for at least {low[at]:,.6g} and {uppers} allows at most "
            f"{high[at]:,.6g}; they conflict by {low[at] - high[at]:,.6g}: loosen one of them"
        )
    if high.sum() < total - _CONTENT * unit:
        raise InfeasibleError(
            f"{uppers} allow {high.sum():,.6g} in all and {total:,.6g} must be borne; {total - high.sum():,.6g} more "
            "is needed: raise a cap, or divide only what the caps allow (game.scaled(to=...))"
        )
    if low.sum() > total + _CONTENT * unit:
        raise InfeasibleError(
            f"{lowers} asks for {low.sum():,.6g} in all and there is {total:,.6g}; {low.sum() - total:,.6g} is "
            "lacking: drop that constraint"
        )


@dataclass(frozen=True, eq=False)
class Nearest:
    """The program in amounts divided by ``unit``; rows of the core are coalitions by bit mask."""

    game: Game
    target: Array
    total: float
    unit: float
    limits: list[Limit]
    judge: Excesses | None
    judged: Game
    relaxation: float

    @property
    def _cost(self) -> bool:
        return self.judged.kind == "cost"

    def _posed(self, masks: Masks, worths: Array, elastic: bool = False) -> Program:
        import cvxpy as cp

        x = cp.Variable(self.game.n, name="x")
        clauses = [Clause("budget", [cp.sum(x) == self.total / self.unit], r"x(N) = v(N)", "one more to divide")]
        for limit in self.limits:
            at = np.flatnonzero(np.isfinite(limit.bound))
            bound = limit.bound[at] / self.unit
            rows = [x[at] <= bound if limit.upper else x[at] >= bound] if len(at) else []
            clauses.append(Clause(limit.name, rows, "", "", -1.0 if limit.upper else 1.0, rows=at))
        slack = cp.Variable(nonneg=True) if elastic else self.relaxation / self.unit
        if len(masks):
            held, room = members(masks, self.game.n) @ x, worths / self.unit
            clauses.append(Clause("core", [held <= room + slack if self._cost else held >= room - slack], "", "",
                                  -1.0 if self._cost else 1.0))  # fmt: skip
        objective = slack if elastic else 0.5 * cp.sum_squares(x - self.target / self.unit)
        return Program(objective, x, tuple(clauses), r"\tfrac12 \lVert x - \phi \rVert^2", self.unit, self.unit)

    def _objecting(self, x: Array, above: float, known: Masks) -> tuple[Masks, Array]:
        """More coalitions that object beyond ``above``, and their worths."""
        if self.judge is None:
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        loud = self.judge.top(x, _ROWS * self.game.n, above + _CONTENT * self.unit)
        fresh = ~np.isin(loud.masks, known)
        return loud.masks[fresh], loud.worths[fresh]

    def _met(self, x: Array) -> bool:
        loose = _CONTENT * self.unit
        held = all((limit.excess(x) <= loose).all() for limit in self.limits)
        return held and not len(self._objecting(x, self.relaxation, np.zeros(0, dtype=np.int64))[0])

    def solved(self) -> tuple[Array, dict[str, Any], Masks, str]:
        """The nearest division, prices by constraint, the coalitions that have rows, and how it was found."""
        masks, worths = np.zeros(0, dtype=np.int64), np.zeros(0)
        if self._met(self.target):
            return self.target.copy(), {"budget": 0.0}, masks, "no constraint binds"
        masks, worths = self._objecting(self.target, self.relaxation, masks)
        while True:
            posed = self._posed(masks, worths)
            try:
                found = posed.solve()
            except SolverError as failure:
                self._explain(failure)
                raise
            more, worth = self._objecting(found.x, self.relaxation, masks)
            if not len(more):
                break
            masks, worths = np.concatenate((masks, more)), np.concatenate((worths, worth))
        prices = dict(found.prices)
        if len(masks):
            clause = posed.clause("core")
            dual = np.atleast_1d(clause.constraints[0].dual_value)
            prices["core"] = clause.sign * dual * self.unit
        x = found.x + (self.total - found.x.sum()) / self.game.n
        return x, prices, masks, f"program ({found.solver}), {len(masks)} rows of the core"

    def _explain(self, failure: SolverError) -> None:
        """The least objection that has to be allowed, when that is more than is allowed."""
        masks, worths = self._objecting(self.target, -np.inf, np.zeros(0, dtype=np.int64))
        if not len(masks):
            return
        while True:
            found = self._posed(masks, worths, elastic=True).solve()
            loudest = self._posed_excess(found.x, masks, worths)
            more, worth = self._objecting(found.x, loudest, masks)
            if not len(more):
                break
            masks, worths = np.concatenate((masks, more)), np.concatenate((worths, worth))
        if loudest <= self.relaxation + _CONTENT * self.unit:
            return
        signed = 1.0 if self._cost else -1.0
        objection = signed * (members(masks, self.game.n) @ found.x - worths)
        loud = masks[objection >= loudest - 10 * _CONTENT * self.unit]
        listed = ["{" + ", ".join(map(str, named(self.game, int(mask)))) + "}" for mask in loud[:3]]
        more_words = f" and {len(loud) - 3} more" if len(loud) > 3 else ""
        within = " and ".join(limit.name for limit in self.limits)
        raise InfeasibleError(
            f"no division of {self.total:,.6g} is in the core{f' within {within}' if within else ''}: at best "
            f"{', '.join(listed)}{more_words} still object by {loudest:,.9g}; allow that much "
            f"(relaxation={loudest:.9g}, the least that works) or loosen a constraint"
        ) from failure

    def _posed_excess(self, x: Array, masks: Masks, worths: Array) -> float:
        signed = 1.0 if self._cost else -1.0
        return max(0.0, float((signed * (members(masks, self.game.n) @ x - worths)).max()))

    def reported(self, duals: dict[str, Any], masks: Masks) -> dict[str, Any]:
        """Prices by player, and by coalition for those that bind."""
        out = {k: pd.Series(v, index=self.game.players, name=k) if k not in ("budget", "core") else v
               for k, v in duals.items()}  # fmt: skip
        if self.judge is not None:
            prices = np.asarray(duals.get("core", np.zeros(0)))
            tight = np.flatnonzero(np.abs(prices) > _CONTENT * self.unit)
            labels = pd.Index([named(self.game, int(masks[k])) for k in tight], tupleize_cols=False, dtype=object)
            out["core"] = pd.Series(prices[tight], index=labels, name="core", dtype=np.float64)
        return out

    def certificate(self, x: Array, duals: dict[str, Any], masks: Masks) -> Certificate:
        """Feasibility against every bound and every coalition; stationarity; prices only where a constraint binds."""
        broken = {"budget": abs(float(x.sum()) - self.total)}
        away, wrong, idle = self.target - x + duals["budget"], 0.0, 0.0
        for limit in self.limits:
            excess = limit.excess(x)
            broken[limit.name] = max(0.0, float(excess.max(initial=0.0)))
            price = duals.get(limit.name, np.zeros(self.game.n))
            away = away + price
            wrong = max(wrong, float((price if limit.upper else -price).max(initial=0.0)))
            idle += float(np.abs(price[price != 0] * excess[price != 0]).sum())
        if self.judge is not None:
            loudest = self.judge.top(x, 1)
            broken["core"] = max(0.0, float(loudest.excess[0]) - self.relaxation)
        if len(masks):
            price, member = duals["core"], members(masks, self.game.n)
            away = away + price @ member
            wrong = max(wrong, float((price if self._cost else -price).max(initial=0.0)))
            worths = self.judged(member.astype(np.bool_))
            slack = (member @ x - worths) * (1.0 if self._cost else -1.0) - self.relaxation
            idle += float(np.abs(price * slack).sum())
        scaled = {name: amount / self.unit for name, amount in broken.items()}
        return Certificate(
            max(scaled.values()), max(float(np.abs(away).max(initial=0.0)), wrong) / self.unit, idle / self.unit**2,
            "prices of a projection",
            "every constraint holds; what the answer departs from the Shapley value by is the sum of the prices of the "
            "constraints that bind, so no division that meets them is nearer", scaled,
        )  # fmt: skip
