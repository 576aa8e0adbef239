"""What a number on the scorecard means: its label, unit and formula, which way is better, and the ends of its scale."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from allocopt.facts.checks import Array

Direction = Literal["lower is better", "higher is better", "closer to zero is better"]


@dataclass(frozen=True)
class Criterion:
    """What a number on the scorecard means: its label, unit and formula, which way is better, and its ends.

    ``of_what`` says what it judges and ``title`` by which index; together they make the :meth:`label`. ``best`` and
    ``worst`` are the ends of its scale over all divisions among any number of payers, None where there is no end; for
    a criterion that is better closer to zero, ``worst`` is the largest distance. ``family`` names criteria of which
    one is enough: functions of each other, or of one axiomatic family. ``favours`` names the rule that reaches its best
    attainable value by construction, whatever the loss, when no cap binds. ``scale`` is one unit of distance where
    there is no worst end (of rates, the mean rate when all caps are exhausted). A value of NaN says that the question
    has no answer here (what payers keep, when none has a cap).
    """

    name: str
    title: str
    formula: str
    direction: Direction
    unit: str
    best: float | None
    worst: float | None
    of_what: str
    family: str
    doc: str = field(repr=False)
    favours: str = field(default="", kw_only=True)
    scale: float = field(default=1.0, kw_only=True, repr=False)

    def label(self, by: str) -> str:
        """The criterion in words, with the name of the exposure."""
        return f"{self.title} of {self.of_what}".format(by=by)

    def cost(self, value: float) -> float:
        """The value in units of ``scale``, turned so that lower is better: what a Pareto filter compares.

        Nothing is better than the best: beyond it (a split that costs the payer instead of paying) values are equal.
        """
        return float(self.costs(value))

    def costs(self, values: Any) -> Array:
        """As :meth:`cost`, of many values at once."""
        given = np.asarray(values, dtype=np.float64) / self.scale
        if self.direction == "closer to zero is better":
            return np.abs(given)
        sign = -1.0 if self.direction == "higher is better" else 1.0
        return sign * given if self.best is None else np.maximum(sign * given, sign * self.best / self.scale)

    def normalised(self, value: float) -> float:
        """The value between 0 (worst) and 1 (best) against the fixed ends of the scale, never against other schemes.

        Where the scale has no worst end, infinity is it, and the score is 1 / (1 + distance from the best / ``scale``).
        """
        return float(self.on_scale(value))

    def on_scale(self, values: Any) -> Array:
        """As :meth:`normalised`, of many values at once."""
        given = np.asarray(values, dtype=np.float64)
        if self.best is None:
            return np.full_like(given, np.nan)
        distance = self.costs(given) - self.cost(self.best)
        if self.worst is None:
            return np.asarray(1.0 / (1.0 + distance))
        return np.asarray(1.0 - np.minimum(1.0, distance / (self.cost(self.worst) - self.cost(self.best))))
