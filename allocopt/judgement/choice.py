"""The ranking of a comparison: which scheme to choose under all weights, an order of importance, or given weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array
from allocopt.judgement.acceptability import Acceptability, acceptability, least_shift, ranked
from allocopt.judgement.criterion import Criterion
from allocopt.judgement.ranking import efficient, filled, turned
from allocopt.judgement.uncertainty import bootstrap, known_throughout
from allocopt.views import view

if TYPE_CHECKING:
    from rich.console import Group

    from allocopt.judgement.card import Scorecard

DRAWS = 20_000  # the standard error of a probability is then at most 0.4 of a per cent

# What a ranking places schemes by, as a criterion, so that it can be judged over scenarios as any other.
VALUE = Criterion(
    "value", "Mean value", r"u_i = \sum_k w_k v_{ki}", "higher is better", "", 1.0, 0.0, "all criteria that count",
    "value", "The weighted mean of all criteria on their fixed scales, 1 best on all.",
)  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Ranking:
    r"""Schemes in order, with how sure the order is: a profile and its reasons, never one number alone.

    Every criterion is put on its fixed scale, 0 worst and 1 best, and the value of a scheme is the weighted mean,
    :math:`u_i(w) = \sum_k w_k v_{ki}`. Schemes are placed by their mean value over the weight set, which is exact and
    which a further scheme cannot change, so that adding one never reorders the rest. ``names`` are the criteria that
    count, ``vertices`` (criteria, corners) the weight set: one point for weights given, the unit vectors for none, the
    corners of an order of importance. ``left_out`` says of every other criterion why it does not count.

    Source: Lahdelma, Hokkanen and Salminen, European Journal of Operational Research 106, 1998, 137-143; Tervonen and
    Lahdelma, European Journal of Operational Research 178, 2007, 500-513.
    """

    card: Scorecard
    names: tuple[str, ...]
    vertices: Array
    basis: str
    left_out: pd.Series[str]
    draws: int
    seed: int

    @property
    def schemes(self) -> list[str]:
        """The schemes as the card lists them."""
        return list(self.card.answers)

    @cached_property
    def _values(self) -> Array:
        """Values on the fixed scales, (scenarios, criteria, schemes); what no scenario moves is the same in all."""
        card = self.card
        fixed = card.normalised().loc[list(self.names)].to_numpy(dtype=np.float64)
        if card.ensemble is None:
            return filled(fixed)[None]
        out = np.repeat(fixed[None], len(card.ensemble), axis=0)
        for k, name in enumerate(self.names):
            if name in card.ensemble.columns.get_level_values(0):
                out[:, k] = card.criteria[name].on_scale(card.ensemble[name][self.schemes])
        return filled(np.where(self.lacking.to_numpy(), np.nan, out))

    @property
    def by_scenario(self) -> Array:
        """Values on the fixed scales, (scenarios, criteria, schemes), a copy; one scenario where none were given."""
        return self._values.copy()

    @property
    def profile(self) -> pd.DataFrame:
        """Criteria x schemes from 0 (worst) to 1 (best) on their fixed scales; the mean over scenarios where given.

        Where a scheme has no value (see ``lacking``) the mean of its own others stands in: that neither helps nor harms
        it, and takes the criterion from nobody else.
        """
        return pd.DataFrame(self._values.mean(axis=0), index=list(self.names), columns=self.schemes)

    @property
    def lacking(self) -> pd.DataFrame:
        """Criteria x schemes: whether a scheme has no value there (gains from splitting, of figures by payer)."""
        return known_throughout(self.card.values(), self.card.ensemble).loc[list(self.names)].isna()

    @property
    def weights(self) -> pd.Series[float]:
        """The mean of the weight set, which places the schemes: the weights given, or those between all extremes."""
        return pd.Series(self.vertices.mean(axis=1), index=list(self.names), name="weight")

    @property
    def value(self) -> pd.Series[float]:
        """The mean value of each scheme over the weight set, exact."""
        found = self.weights.to_numpy() @ self.profile.to_numpy()
        return pd.Series(found, index=self.schemes, name="value")

    @property
    def place(self) -> pd.Series[Any]:
        """The place of each scheme by value, 1 the best; values within 1e-9 share a place."""
        return pd.Series(1 + ranked(np.asarray(self.value)).astype(int), index=self.schemes, name="place")

    @property
    def order(self) -> list[str]:
        """The schemes from the first to the last."""
        return list(self.place.sort_values(kind="stable").index)

    @cached_property
    def _found(self) -> Acceptability:
        return acceptability(self._values, self.vertices, self.draws, np.random.default_rng(self.seed))

    @property
    def exact(self) -> bool:
        """Whether the rank acceptabilities are volumes measured exactly; otherwise see ``standard_error``."""
        return self._found.draws == 0

    @property
    def acceptability(self) -> pd.DataFrame:
        """Schemes x ranks: for which part of the weights (and scenarios) a scheme has that rank; ties share one."""
        return self._by_rank(self._found.ranks)

    @property
    def standard_error(self) -> pd.DataFrame:
        """Schemes x ranks: the Monte Carlo error of ``acceptability``, 0 where exact."""
        return self._by_rank(self._found.errors)

    def _by_rank(self, figures: Array) -> pd.DataFrame:
        return pd.DataFrame(figures, index=self.schemes, columns=pd.RangeIndex(1, len(self.schemes) + 1, name="rank"))

    @property
    def winning(self) -> pd.DataFrame:
        """Schemes x schemes: for which part of the weights (and scenarios) the row has more value than the column."""
        return pd.DataFrame(self._found.winning, index=self.schemes, columns=self.schemes)

    @property
    def central_weights(self) -> pd.DataFrame:
        """Criteria x schemes: the mean of the weights under which a scheme is first; NaN where it never is."""
        return pd.DataFrame(self._found.central, index=list(self.names), columns=self.schemes)

    @property
    def confidence(self) -> pd.Series[float]:
        """How likely each scheme is first at its own central weights: 1 or 0 unless scenarios make scores vary."""
        return pd.Series(self._found.confidence, index=self.schemes, name="confidence")

    @property
    def pareto(self) -> pd.Series[bool]:
        """Whether no other scheme is at least as good on every criterion that counts and better on one."""
        card = self.card
        return efficient(turned(card.values().loc[list(self.names)], card.criteria))

    @property
    def table(self) -> pd.DataFrame:
        """One row per scheme, the first first: place, value, how often first (and its error), which ranks, Pareto."""
        found, size = self._found, len(self.schemes)
        reached = found.ranks > 0
        rows = pd.DataFrame(
            {
                "place": self.place, "value": self.value, "first": found.ranks[:, 0], "error": found.errors[:, 0],
                "best rank": 1 + reached.argmax(axis=1), "worst rank": size - reached[:, ::-1].argmax(axis=1),
                "confidence": found.confidence, "pareto": self.pareto,
            },
            index=pd.Index(self.schemes, name="scheme"),
        )  # fmt: skip
        return rows.loc[self.order]

    @property
    def shifts(self) -> pd.DataFrame:
        """Per rival of the first: the least weight that must move before it catches up, from where to where.

        The smaller, the less the choice can rest on these weights; infinite when no weights put the rival ahead.
        """
        profile, weights, leader = self.profile, np.asarray(self.weights), self.order[0]
        rows: dict[str, dict[str, Any]] = {}
        for rival in self.order[1:]:
            moved, then = least_shift(np.asarray(profile[leader] - profile[rival]), weights)
            change = then - weights
            given = [self.names[k] for k in np.argsort(change, kind="stable") if change[k] < 0]
            to = self.names[int(np.argmax(change))] if moved and np.isfinite(moved) else ""
            rows[rival] = {"moved": moved, "from": ", ".join(given) if to else "", "to": to}
        return pd.DataFrame.from_dict(rows, orient="index", columns=["moved", "from", "to"]).rename_axis("rival")

    def stability(self, members: int = 10) -> pd.DataFrame:
        """What becomes of the order when one criterion, one part of the criteria or one large payer is left out.

        One row per change: who is first then, Kendall's tau-b of the values with those now, and the new order. Without
        a payer the loss stays and every scheme divides it anew; only fairness is judged anew. ``members`` is how many
        of the largest payers are left out one by one. Of scenarios, each event is left out in turn, or either half of
        the losses. ``note`` says what of a row could not be judged anew and is as before.
        """
        from allocopt.judgement.stability import stability

        found = self._stabilities.get(repr(members))
        if found is None:
            found = self._stabilities[repr(members)] = stability(self, members)
        return found.copy()

    @cached_property
    def _stabilities(self) -> dict[str, pd.DataFrame]:
        """What was asked once; every payer left out is a new solution of every scheme."""
        return {}

    def sets(self) -> dict[str, Ranking]:
        """The ranking on parts of its criteria: without those that proportion has by construction, on one kind alone.

        Several criteria are at their best for proportional sharing whatever the figures (one rate for all, nothing
        gained by splitting); a ranking is to be read with and without them. The first entry is this ranking.
        """
        from allocopt.judgement.sets import criterion_sets

        return criterion_sets(self)

    @cached_property
    def by_construction(self) -> tuple[str, ...]:
        """The criteria that count and are at their best for sharing in proportion to the card's exposure, always."""
        from allocopt.judgement.sets import by_construction

        given = by_construction(self.card)
        return tuple(name for name in self.names if name in given)

    @cached_property
    def _uncertainty(self) -> pd.DataFrame:
        if self.card.ensemble is None:
            raise DataError("this card was made for one loss; pass scenarios=[...] to compare() for its uncertainty")
        by_loss = np.einsum("k,ski->si", self.weights.to_numpy(), self._values)[
            :, np.argsort(np.asarray(self.place), kind="stable")
        ]
        columns = pd.MultiIndex.from_tuples([(VALUE.name, one) for one in self.order], names=["metric", "scheme"])
        return bootstrap(pd.DataFrame(by_loss, columns=columns), {VALUE.name: VALUE}, self.seed).droplevel("metric")

    @property
    def uncertainty(self) -> pd.DataFrame:
        """Pairs of schemes over the losses: mean difference of values, its 95 % interval, who is better how often.

        As ``card.uncertainty``, of the value that places the schemes, the better placed of a pair first.
        """
        return self._uncertainty.copy()

    @property
    def plot(self) -> Any:
        """The figures: ``ranking.plot.acceptability()``, ``.profile()``, ``.winning()``, ``.stability()``, ..."""
        return view("ranking plots")(self)

    def explain(self, scheme: str | None = None) -> str:
        """Why this scheme (by default the first) stands where it does, in sentences for a committee."""
        from allocopt.judgement.reasons import explain

        return explain(self, scheme)

    def __repr__(self) -> str:
        told = ", ".join(f"{self.place[one]} {one} ({self.value[one]:.3f})" for one in self.order)
        return f"Ranking({len(self.names)} criteria, {self.basis}: {told})"

    def _repr_html_(self) -> str:
        from allocopt.judgement.reasons import html

        return html(self)

    def __rich__(self) -> Group:
        from allocopt.judgement.reasons import terminal

        return terminal(self)
