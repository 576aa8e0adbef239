"""A comparison as tables: who bears what, how fair it is, what it rewards, and which schemes nothing beats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.checks import number
from allocopt.facts.event import Event
from allocopt.facts.problem import LossProblem
from allocopt.judgement import card_tables, ranking
from allocopt.judgement.axiom_list import AXIOMS
from allocopt.judgement.choice import DRAWS, Ranking
from allocopt.judgement.measure import Measure
from allocopt.judgement.metric import Metric, paid_of
from allocopt.judgement.participation import clearing_view
from allocopt.judgement.resolving import Incentive, Rule
from allocopt.judgement.uncertainty import bootstrap, known_throughout, whole_seed
from allocopt.mechanisms.cascade import Cascade
from allocopt.views import view

if TYPE_CHECKING:
    from rich.table import Table

    from allocopt.judgement.tradeoff import Frontier
    from allocopt.schemes.constraints.base import Constraint

_Kind = TypeVar("_Kind", Metric, Measure)


@dataclass(frozen=True, eq=False, repr=False)
class Scorecard:
    """Schemes compared on one question; every table is a DataFrame with one column per scheme, made afresh.

    ``question`` is what was divided, ``event`` where it came from (or None), ``by`` the exposure that burdens are
    related to, ``rules`` the schemes and waterfalls. ``allocations`` holds the answer of every scheme and ``cascades``
    the run of every waterfall; ``answers`` has both, a run as what it lays on the payers of the question. ``findings``
    holds, by scheme and measure, the :class:`~allocopt.judgement.incentives.Incentive` with its changed question.
    ``ensemble`` has one row of scores per loss or event when several were given, and ``facts`` what else is known.
    """

    question: LossProblem
    event: Event | None
    by: str
    rules: Mapping[str, Rule]
    answers: Mapping[str, Allocation]
    cascades: Mapping[str, Cascade]
    criteria: Mapping[str, Metric | Measure]
    findings: Mapping[str, Mapping[str, Incentive]]
    ensemble: pd.DataFrame | None = None
    seed: int = 0
    hunted: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def allocations(self) -> dict[str, Allocation]:
        """The answers of the schemes; those of waterfalls are in ``cascades``."""
        return {title: answer for title, answer in self.answers.items() if title not in self.cascades}

    @property
    def shares(self) -> pd.DataFrame:
        """What each payer bears, in currency; a waterfall may add payers beyond the question, such as the house."""
        found = {t: self.cascades[t].by_payer if t in self.cascades else a.shares for t, a in self.answers.items()}
        beyond = (payer for run in self.cascades.values() for payer in _bearing(run))
        ids = pd.Index(dict.fromkeys([*self.question.ids, *beyond]), name=self.question.ids.name, tupleize_cols=False)
        return self._frame({t: s.reindex(ids, fill_value=0.0) for t, s in found.items()}, ids)

    @property
    def burdens(self) -> pd.DataFrame:
        """Share per unit of ``by``, for the payers of the question."""
        return self._frame({t: a.burden(self.by) for t, a in self.answers.items()}, self.question.ids)

    @property
    def scores(self) -> pd.DataFrame:
        """Fairness metrics x schemes; ``metrics`` says what each number means."""
        return self._frame(self._scores, list(self._of(Metric)))

    @cached_property
    def _scores(self) -> dict[str, dict[str, float]]:
        return {t: {name: m(a, self.by) for name, m in self._of(Metric).items()} for t, a in self.answers.items()}

    @property
    def metrics(self) -> pd.DataFrame:
        """What each fairness metric means: label, direction, unit, best and worst, of what, formula, family, favours.

        ``family`` names criteria that count once, ``favours`` the rule that has its best value by construction.
        """
        return card_tables.meanings(self._of(Metric), self.by)

    @property
    def incentives(self) -> pd.DataFrame:
        """Incentive measures x schemes; ``measures`` says what each number means, ``witnesses`` where it comes from."""
        found = {t: {n: i.value for n, i in row.items()} for t, row in self.findings.items()}
        return self._frame(found, list(self._of(Measure)))

    @property
    def measures(self) -> pd.DataFrame:
        """What each incentive measure means, as ``metrics`` does."""
        return card_tables.meanings(self._of(Measure), self.by)

    @property
    def witnesses(self) -> pd.DataFrame:
        """The change of appearance behind each incentive number, or why there is none."""
        found = {t: {n: i.witness for n, i in row.items()} for t, row in self.findings.items()}
        return self._frame(found, list(self._of(Measure)))

    @property
    def prices(self) -> pd.DataFrame:
        """Per scheme the price of the loss, what is covered and what nobody could bear; a run has no single price."""
        return card_tables.prices(self.answers, self.cascades)

    @cached_property
    def _certificates(self) -> pd.DataFrame:
        return card_tables.certificates(self.answers)

    @property
    def certificates(self) -> pd.DataFrame:
        """Per scheme the residuals of its certificate, how it was found and whether it stands; of a run, the worst."""
        return self._certificates.copy()

    @property
    def clearing(self) -> pd.DataFrame:
        """Who gains from clearing: per scheme, flat and directional portfolios without it, with it, and the benefit."""
        if not {"bilateral", "directional"} <= set(self.facts):
            raise DataError("bilateral losses or kinds of portfolios are not known; see facts={'bilateral': ..., ...}")
        return clearing_view(self.answers, self.facts["bilateral"], self.facts["directional"])

    def normalised(self) -> pd.DataFrame:
        """Every score and incentive from 0 (worst) to 1 (best) against the fixed ends of its own scale.

        No scheme's number depends on which other schemes are compared, so that adding one never reorders the rest.
        """
        return ranking.by_criterion(self.values(), {name: one.on_scale for name, one in self.criteria.items()})

    def costs(self) -> pd.DataFrame:
        """What :meth:`pareto` compares: lower is better, each family once, without what no scheme has a value for."""
        return ranking.costs(self.values(), self.criteria)

    def dominance(self) -> pd.DataFrame:
        """Schemes x schemes: whether that of the row beats that of the column (see :meth:`pareto`)."""
        return ranking.dominance(self.costs())

    def pareto(self) -> pd.Series[bool]:
        """Per scheme, whether no other is at least as good on every criterion of :meth:`costs` and better on one.

        Two schemes are compared on the criteria that both have a value for.
        """
        return ranking.efficient(self.costs())

    def lorenz(self, rates: bool = True) -> pd.DataFrame:
        """Schemes x schemes: 1 where the row is more equal than the column by every index, -1 the reverse, 2 alike.

        0 where Lorenz curves cross, so that indices may disagree; of burdens per unit of ``by``, or of amounts.
        """
        paid = {title: paid_of(answer) for title, answer in self.answers.items()}
        return ranking.lorenz_order(paid, self.question.column(self.by) if rates else None)

    def rank(
        self, weights: Any = None, *, criteria: Iterable[str] | None = None, draws: int = DRAWS, seed: int | None = None
    ) -> Ranking:
        r"""Which scheme to choose: a profile on fixed scales, how often each is first, and what the order rests on.

        Parameters
        ----------
        weights : criterion -> weight >= 0, a dict or a Series (their sum does not matter; those not named do not
            count), or names of criteria from the most important to the least, or None: every set of weights is as
            likely as any other, which is stochastic multicriteria acceptability analysis (SMAA).
        criteria : which criteria count when no weights are given; by default each family once (Jain's index and the
            coefficient of variation say the same). Where a scheme has no value on one of them, the mean of its own
            others stands in, so that it takes the criterion from nobody else.
        draws : how many weights are drawn where volumes are not measured exactly (three criteria or more); the error
            is stated in ``standard_error``. Values, winning indices and shifts are exact throughout.
        seed : of the draws, by default the card's.

        Raises
        ------
        DataError : an unknown criterion, one that a scheme has no value for, two of one family, no weight above zero.

        >>> import allocopt as ao, pandas as pd
        >>> table = pd.DataFrame({"fund": [60.0, 30.0, 10.0]}, index=["A", "B", "C"])
        >>> card = ao.compare(ao.LossProblem(50, table, cap="fund"), ["pro-rata", "constrained-equal-awards"])
        >>> found = card.rank(criteria=["gini", "gini_of_burdens"])
        >>> found.acceptability.round(3).to_numpy().tolist(), found.exact
        ([[0.524, 0.476], [0.476, 0.524]], True)
        """
        from allocopt.judgement.weighting import weighting

        times = number(draws, "draws", low=1, high=1e8)
        found = weighting(known_throughout(self.values(), self.ensemble), self.criteria, weights, criteria)
        return Ranking(self, *found, int(times), self.seed if seed is None else whole_seed(seed))

    def frontier(
        self, x: Any, y: Any, z: Any = None, *, must: Iterable[Constraint] | Constraint = (), points: int | None = None
    ) -> Frontier:
        """What any division can do between two or three criteria, the card's rules placed beside it.

        Criteria, ``must`` and ``points`` are those of :func:`allocopt.frontier`; rates are per unit of the card's
        ``by``.
        """
        from allocopt.judgement.tradeoff import traced

        criteria = (x, y) if z is None else (x, y, z)
        return traced(self.question, self.event, criteria, self.by, self.answers, must, points, self.criteria)

    @cached_property
    def _uncertainty(self) -> pd.DataFrame:
        if self.ensemble is None:
            raise DataError("this card was made for one loss; pass scenarios=[...] to compare() for its uncertainty")
        moved = set(self.ensemble.columns.get_level_values(0))
        return bootstrap(self.ensemble, {n: c for n, c in self.criteria.items() if n in moved}, self.seed)

    @property
    def uncertainty(self) -> pd.DataFrame:
        """Pairs of schemes over scenarios: mean difference of a score, its 95 % interval, how often who is better."""
        return self._uncertainty.copy()

    def values(self) -> pd.DataFrame:
        """Every criterion x scheme: ``scores`` above ``incentives``."""
        return pd.concat([self.scores, self.incentives])

    def _of(self, kind: type[_Kind]) -> dict[str, _Kind]:
        return {name: c for name, c in self.criteria.items() if isinstance(c, kind)}

    def _frame(self, columns: Mapping[str, Any], index: Any) -> pd.DataFrame:
        return pd.DataFrame(columns, index=index, columns=list(self.answers))

    @property
    def axioms(self) -> pd.DataFrame:
        """Axioms x schemes: "holds (n tried)", or the counterexample; hunted when first asked for.

        A rule that reads more than the caps (a key, a game, scenarios) has "not a rule of the caps alone" throughout.
        """
        return self._frame(self._hunts, list(AXIOMS) if self.hunted else [])

    @cached_property
    def _hunts(self) -> dict[str, dict[str, str]]:
        return card_tables.axioms(self.answers, self.seed) if self.hunted else {}

    @property
    def plot(self) -> Any:
        """The figures: ``card.plot.shares()``, ``.burdens()``, ``.fairness()``, ``.pareto()``, ``.lorenz()``, ..."""
        return view("scorecard plots")(self)

    def report(self, path: str | PathLike[str], *, ranking: Ranking | None = None) -> Path:
        """Write the comparison as a page, ``.html`` (one file, opens offline) or ``.md``, and return where it is.

        The page says which scheme to choose, and why, by ``ranking``; by default that over all weights, ``rank()``,
        where there are schemes to choose from and criteria that have a value for all of them.
        """
        if ranking is None and len(self.answers) > 1:
            with suppress(DataError):
                ranking = self.rank()
        return Path(view("report")(self, path, ranking=ranking))

    def __repr__(self) -> str:
        q = self.question
        amount = f"{q.currency} {q.loss:,.2f}".lstrip()
        return f"Scorecard({amount} over {q.n} payers, by {self.by}: {', '.join(self.answers)})"

    def _repr_html_(self) -> str:
        from allocopt.judgement.card_view import html

        return html(self)

    def __rich__(self) -> Table:
        from allocopt.judgement.card_view import terminal

        return terminal(self)


def _bearing(run: Cascade) -> list[Any]:
    paid = run.by_payer
    return list(paid.index[np.asarray(paid) > 0])
