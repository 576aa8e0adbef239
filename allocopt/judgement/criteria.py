r"""Criteria that need more than an exposure: a game, a reference, groups or a column to rank by.

Each function makes one row of the scorecard, to be handed to the comparison::

    ao.compare(problem, rules, metrics=["gini", ao.criteria.core_excess(game), ao.criteria.group_ratio("size")])

Those that need nothing more are rows of every card: :func:`~allocopt.judgement.metric.fairness_metrics`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.checks import Array, number, vector
from allocopt.games.base import Game
from allocopt.games.core import max_excess
from allocopt.judgement import metrics
from allocopt.judgement.coalitions import exact_shapley, require_telling
from allocopt.judgement.inequality import ROUNDING
from allocopt.judgement.metric import RATES, Metric, paid_of
from allocopt.judgement.settled import RATE
from allocopt.schemes import resolve
from allocopt.schemes.base import Scheme
from allocopt.schemes.fair import shares_of

__all__ = [
    "between_groups",
    "core_excess",
    "deviation_from",
    "distance_from",
    "distance_to_shapley",
    "group_gap",
    "group_ratio",
    "rank_correlation",
]

LOSS = "share of the loss"


def core_excess(game: Game) -> Metric:
    r"""What the group with most reason to leave saves by it, as a part of the loss: :math:`\max_S (x(S) - c(S)) / L`.

    0 or less in the core, so the best end is 0 and being deeper inside is no better; at most 1 when costs are >= 0.
    Where the core is empty no division gets below ``metrics.least_core_value(game)``. The game states worths in the
    currency of the loss.

    Raises DataError for the claims game: every division within the caps is in its core, so that no two claims rules
    would ever be told apart.

    >>> import allocopt as ao, pandas as pd
    >>> table = pd.DataFrame({"fund": [60.0, 40.0]}, index=["A", "B"])
    >>> game = ao.games.table([0, 20, 40, 50], players=["A", "B"])
    >>> card = ao.compare(ao.LossProblem(50, table, cap="fund"), ["pro-rata"], [core_excess(game)], measures=[])
    >>> round(float(card.scores.loc["core_excess", "pro-rata"]), 12)
    0.2
    """
    _require_game(game)
    require_telling(game)
    return Metric(
        "core_excess", "Excess", r"\max_S (x(S) - c(S)) / L", "lower is better", LOSS, 0.0, 1.0,
        "the worst-treated coalition", "coalition_excess",
        "What the coalition with most reason to leave saves by leaving; 0 or less when the division is in the core.",
        _Excess(game),
    )  # fmt: skip


def distance_to_shapley(game: Game) -> Metric:
    """The part of the loss that must change hands to reach the exact Shapley value of the game, scaled to the loss.

    >>> import allocopt as ao
    >>> distance_to_shapley(ao.games.airport([1, 2, 3])).label("fund")
    'Distance of burdens from the Shapley value'
    """
    _require_game(game)
    value = exact_shapley(game)
    if value.sum() <= 0:
        raise DataError(f"all players together are worth {value.sum():g}; expected more than 0, to share a loss by")
    return Metric(
        "distance_to_shapley", "Distance", r"\sum_i |x_i - \phi_i| / (2 L)", "lower is better", LOSS, 0.0, 1.0,
        "burdens from the Shapley value", "distance_to_shapley",
        "The part of the loss that must change hands until everybody bears its average marginal cost.",
        _Shapley(value / value.sum()), favours="shapley",
    )  # fmt: skip


def distance_from(reference: Any) -> Metric:
    r"""The part of the loss that must change hands to reach a reference: :math:`\sum_i |x_i - y_i| / (2 L)`.

    ``reference`` is a scheme, its name, or shares by payer.

    >>> distance_from("talmud").label("fund"), distance_from("talmud").favours
    ('Distance of burdens from talmud', 'talmud')
    """
    name, rule = _named(reference)
    return Metric(
        f"distance_from_{name}", "Distance", r"\sum_i |x_i - y_i| / (2 L)", "lower is better", LOSS, 0.0, 1.0,
        f"burdens from {name}", f"distance_from_{name}",
        f"The part of the loss that must change hands to reach {name}; 0 exactly there.",
        _Distance(reference), favours=rule,
    )  # fmt: skip


def deviation_from(reference: Any) -> Metric:
    """On whom the division falls more than a reference does: > 0 on the large, < 0 on the small (exposures).

    ``reference`` is a scheme, its name, or shares by payer. Against pro-rata to the exposure it is the Suits index.

    >>> deviation_from("talmud").label("fund")
    'Deviation index of burdens from talmud, ranked by fund'
    """
    name, rule = _named(reference)
    return Metric(
        f"deviation_from_{name}", "Deviation index", r"1 - \sum_k (X_k - X_{k-1})(Y_k + Y_{k-1})",
        "closer to zero is better", "", 0.0, 1.0, f"burdens from {name}, ranked by {{by}}", f"deviation_from_{name}",
        f"Whether the large (> 0) or the small (< 0) bear more than under {name}; 0 when that balances.",
        _Deviation(reference), favours=rule,
    )  # fmt: skip


def rank_correlation(column: str) -> Metric:
    """Kendall's tau-b of burdens against a column, such as risk contributions: do those who bring more bear more?

    >>> rank_correlation("stress_loss").label("fund")
    "Kendall's tau-b of burdens against stress_loss"
    """
    return Metric(
        f"rank_correlation_{_column(column)}", "Kendall's tau-b", r"\tau_b(x, \rho)", "higher is better", "", 1.0, -1.0,
        f"burdens against {column}", f"rank_correlation_{column}",
        f"Whether those with more {column} bear more; 1 the same order, -1 the reverse.", _Correlation(column),
    )  # fmt: skip


def group_ratio(group: str) -> Metric:
    """How many times heavier the burden rate of one group is than that of another, at worst; ``group`` is a column.

    >>> group_ratio("size").label("fund")
    'Heaviest over lightest group by size of burden per unit of fund'
    """
    return Metric(
        f"group_ratio_{_column(group)}", f"Heaviest over lightest group by {group}", r"\max_{G, H} r(G) / r(H)",
        "lower is better", "times", 1.0, None, RATES, f"group_ratio_{group}",
        f"How many times heavier the worst-treated group by {group} is charged than the best-treated one.",
        _Groups(group, "ratio"), favours="pro-rata",
    )  # fmt: skip


def group_gap(group: str) -> Metric:
    """By how much the burden rate of one group exceeds that of another, at worst; ``group`` is a column.

    >>> group_gap("size").label("fund")
    'Largest gap between groups by size of burden per unit of fund'
    """
    return Metric(
        f"group_gap_{_column(group)}", f"Largest gap between groups by {group}", r"\max_{G, H} r(G) - r(H)",
        "lower is better", RATE, 0.0, None, RATES, f"group_ratio_{group}",
        f"By how much the rate of the worst-treated group by {group} exceeds that of the best-treated one.",
        _Groups(group, "gap"), favours="pro-rata",
    )  # fmt: skip


def between_groups(group: str, alpha: float = 1.0) -> Metric:
    r"""The part of a generalised entropy of the rates that lies between groups: :math:`GE_\alpha(p_G, q_G)`.

    ``group`` is a column of labels; ``alpha`` 1 is Theil's T. 0 when all groups bear the same rate, whatever goes on
    within them: see ``metrics.entropy_decomposition``.

    >>> between_groups("size").label("fund")
    'Theil index between groups by size of burden per unit of fund'
    """
    a = number(alpha, "alpha", low=-np.inf)
    index = "Theil index" if a == 1 else f"Generalised entropy ({a:g})"
    return Metric(
        f"between_groups_{_column(group)}", f"{index} between groups by {group}", r"GE_\alpha(p_G, q_G)",
        "lower is better", "nats" if a == 1 else "", 0.0, None, RATES, f"group_ratio_{group}",
        f"How unequal the rates of the groups by {group} are, as if each were even inside.",
        _Groups(group, "between", a), favours="pro-rata",
    )  # fmt: skip


def _require_game(game: Any) -> None:
    if not isinstance(game, Game):
        raise DataError(f"game is a {type(game).__name__}; give a game, such as games.table(costs, players=[...])")


def _named(reference: Any) -> tuple[str, str]:
    """How a reference is called, and the name of its rule ('' for figures by payer)."""
    if isinstance(reference, str | Scheme):
        rule = resolve(reference)
        return rule.title, rule.name
    return "the reference", ""


def _column(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise DataError(f"{name!r} is no column; name one of the payers' table")
    return name


@dataclass(frozen=True, eq=False)
class _Excess:
    game: Game

    def __call__(self, allocation: Allocation, by: Array) -> float:
        loss = allocation.problem.loss
        return max_excess(self.game, allocation.shares).excess / loss if loss > 0 else 0.0


@dataclass(frozen=True, eq=False)
class _Shapley:
    fractions: pd.Series[float]

    def __call__(self, allocation: Allocation, by: Array) -> float:
        paid = np.maximum(allocation.paid, 0.0)
        value = vector(self.fractions, allocation.problem.ids, "the Shapley value", low=-np.inf)
        return metrics.distance(paid, value * paid.sum())


@dataclass(frozen=True, eq=False)
class _Distance:
    reference: Any

    def __call__(self, allocation: Allocation, by: Array) -> float:
        there = shares_of(self.reference, allocation.problem)
        return metrics.distance(np.maximum(allocation.paid, 0.0), there)


@dataclass(frozen=True, eq=False)
class _Deviation:
    reference: Any

    def __call__(self, allocation: Allocation, by: Array) -> float:
        there = shares_of(self.reference, allocation.problem)
        return metrics.deviation_index(paid_of(allocation), np.maximum(there, 0.0), by)


@dataclass(frozen=True)
class _Correlation:
    column: str

    def __call__(self, allocation: Allocation, by: Array) -> float:
        paid = paid_of(allocation)
        grid = ROUNDING * paid.max(initial=0.0)
        rank = allocation.problem.column(self.column, low=-np.inf)
        return metrics.kendall_tau_b(np.rint(paid / grid) if grid > 0 else paid, rank)


@dataclass(frozen=True)
class _Groups:
    group: str
    what: str
    alpha: float = 1.0

    def __call__(self, allocation: Allocation, by: Array) -> float:
        paid, groups = paid_of(allocation), allocation.problem.labels(self.group)
        if self.what == "ratio":
            return metrics.group_ratio(paid, by, groups)
        if self.what == "gap":
            return metrics.group_gap(paid, by, groups)
        return metrics.entropy_decomposition(paid, self.alpha, groups, by).between
