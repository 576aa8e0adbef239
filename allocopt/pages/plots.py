"""The figures of a comparison: each takes ``ax=``, returns the Axes, shows nothing, and hands over its data.

Every figure ``f(card, ax=None)`` has a companion ``f_data(card)`` that returns the DataFrame it draws, for readers who
prefer a chart of their own. matplotlib is loaded when the first figure is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allocopt.errors import DataError, unknown
from allocopt.mechanisms.cascade import Cascade
from allocopt.pages.plots_changes import changes, changes_data, dumbbells, dumbbells_data
from allocopt.pages.plots_ensemble import ensemble, ensemble_data
from allocopt.pages.plots_flow import flow, flow_data
from allocopt.pages.plots_frontier import frontier, frontier_data
from allocopt.pages.plots_layers import waterfall, waterfall_data
from allocopt.pages.plots_payers import GROUPS, burdens, burdens_data, lorenz, lorenz_data, shares, shares_data
from allocopt.pages.plots_period import timeline, timeline_data
from allocopt.pages.plots_profile import HIGHLIGHT, heatmap, heatmap_data, profile, profile_data
from allocopt.pages.plots_ranking import (
    RankingPlots,
    acceptability,
    acceptability_data,
    weights,
    weights_data,
    winning,
    winning_data,
)
from allocopt.pages.plots_robust import stability, stability_data, uncertainty, uncertainty_data
from allocopt.pages.plots_scores import (
    fairness,
    fairness_data,
    incentives,
    incentives_data,
    pareto,
    pareto_data,
)
from allocopt.pages.style import MOST

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from allocopt.judgement.scorecard import Scorecard

__all__ = [
    "CardPlots",
    "RankingPlots",
    "acceptability",
    "acceptability_data",
    "burdens",
    "burdens_data",
    "changes",
    "changes_data",
    "dumbbells",
    "dumbbells_data",
    "ensemble",
    "ensemble_data",
    "fairness",
    "fairness_data",
    "flow",
    "flow_data",
    "frontier",
    "frontier_data",
    "heatmap",
    "heatmap_data",
    "incentives",
    "incentives_data",
    "lorenz",
    "lorenz_data",
    "pareto",
    "pareto_data",
    "profile",
    "profile_data",
    "shares",
    "shares_data",
    "stability",
    "stability_data",
    "timeline",
    "timeline_data",
    "uncertainty",
    "uncertainty_data",
    "waterfall",
    "waterfall_data",
    "weights",
    "weights_data",
    "winning",
    "winning_data",
]


class CardPlots:
    """The figures of one scorecard: ``card.plot.shares()``, ``card.plot.pareto()``, ..."""

    __slots__ = ("_card",)

    def __init__(self, card: Scorecard) -> None:
        self._card = card

    def shares(self, *, most: int = MOST, ax: Axes | None = None) -> Axes:
        """What each payer bears under each scheme; see :func:`allocopt.pages.plots.shares`."""
        return shares(self._card, most=most, ax=ax)

    def burdens(self, *, groups: int | None = GROUPS, ax: Axes | None = None) -> Axes:
        """Loss rates, the largest exposures first; see :func:`allocopt.pages.plots.burdens`."""
        return burdens(self._card, groups=groups, ax=ax)

    def fairness(self, *, ax: Axes | None = None) -> Axes:
        """Fairness scores on their fixed scales; see :func:`allocopt.pages.plots.fairness`."""
        return fairness(self._card, ax=ax)

    def incentives(self, *, ax: Axes | None = None) -> Axes:
        """Incentive measures on their fixed scales; see :func:`allocopt.pages.plots.incentives`."""
        return incentives(self._card, ax=ax)

    def pareto(self, fairness: str | None = None, incentive: str | None = None, *, ax: Axes | None = None) -> Axes:
        """One fairness score against one incentive measure; see :func:`allocopt.pages.plots.pareto`."""
        return pareto(self._card, fairness, incentive, ax=ax)

    def heatmap(self, *, ax: Axes | None = None) -> Axes:
        """All scores and measures on their fixed scales in one table; see :func:`allocopt.pages.plots.heatmap`."""
        return heatmap(self._card, ax=ax)

    def profile(self, *, highlight: int = HIGHLIGHT, ax: Axes | None = None) -> Axes:
        """The schemes as lines through all scales; see :func:`allocopt.pages.plots.profile`."""
        return profile(self._card, highlight=highlight, ax=ax)

    def dumbbells(
        self, one: str | None = None, other: str | None = None, *, by: str | None = None, most: int | None = MOST,
        ax: Axes | None = None,
    ) -> Axes:  # fmt: skip
        """Who pays more and who less under another scheme; see :func:`allocopt.pages.plots.dumbbells`."""
        return dumbbells(self._card, one, other, by=by, most=most, ax=ax)

    def changes(self, reference: str | None = None, *, by: str | None = None, ax: Axes | None = None) -> Axes:
        """Every scheme against one of them, payer by payer; see :func:`allocopt.pages.plots.changes`."""
        return changes(self._card, reference, by=by, ax=ax)

    def uncertainty(self, metric: str | None = None, reference: str | None = None, *, ax: Axes | None = None) -> Axes:
        """One scheme against the others over many losses; see :func:`allocopt.pages.plots.uncertainty`."""
        return uncertainty(self._card, metric, reference, ax=ax)

    def frontier(self, x: Any, y: Any, z: Any = None, *, points: int | None = None, ax: Axes | None = None) -> Axes:
        """What any division can do between two or three criteria; see :func:`allocopt.pages.plots.frontier`."""
        return frontier(self._card.frontier(x, y, z, points=points), ax=ax)

    def lorenz(self, *, ax: Axes | None = None) -> Axes:
        """Lorenz curves of the burden; see :func:`allocopt.pages.plots.lorenz`."""
        return lorenz(self._card, ax=ax)

    def waterfall(self, name: str | None = None, *, ax: Axes | None = None) -> Axes:
        """The loss layer by layer under one of the card's waterfalls, by default its first."""
        return waterfall(self._run(name), ax=ax)

    def _run(self, name: str | None) -> Cascade:
        runs: dict[str, Any] = dict(self._card.cascades)
        if not runs:
            raise DataError(
                "this card compares no waterfall; pass one to compare(), such as load_model('stylised-ccp')"
            )
        if name is not None and name not in runs:
            raise unknown("waterfall of this card", name, runs)
        found: Cascade = runs[name] if name is not None else next(iter(runs.values()))
        return found
