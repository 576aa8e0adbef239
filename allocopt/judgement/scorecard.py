"""Schemes side by side: who bears what, how fair it is, what it rewards, and which schemes nothing beats."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.facts.allocation import Allocation
from allocopt.facts.event import Event
from allocopt.facts.problem import LossProblem
from allocopt.judgement import ranking
from allocopt.judgement.manipulation import amounts, cap_column
from allocopt.judgement.measure import Case, Measure, incentive_measures
from allocopt.judgement.metric import Criterion, Metric, fairness_metrics
from allocopt.judgement.passage import passage
from allocopt.judgement.resolving import Incentive, Rule
from allocopt.judgement.uncertainty import bootstrap, ensemble
from allocopt.mechanisms.cascade import Cascade
from allocopt.mechanisms.waterfall import Waterfall
from allocopt.schemes import Scheme, resolve

if TYPE_CHECKING:
    from rich.table import Table

RISK = "stress_loss"  # the column that holds risk contributions unless another is named

_Kind = TypeVar("_Kind", Metric, Measure)


@dataclass(frozen=True, eq=False, repr=False)
class Scorecard:
    """Schemes compared on one question; every table is a DataFrame with one column per scheme, made afresh.

    ``question`` is what was divided, ``event`` where it came from (or None), ``by`` the exposure that burdens are
    related to. ``allocations`` holds the answer of every scheme and ``cascades`` the run of every waterfall;
    ``answers`` has both, a run as what it lays on the payers of the question. ``findings`` holds, by scheme and
    measure, the :class:`~allocopt.judgement.incentives.Incentive` with its changed question. ``ensemble`` has one row
    of scores per loss when losses were given.
    """

    question: LossProblem
    event: Event | None
    by: str
    answers: Mapping[str, Allocation]
    cascades: Mapping[str, Cascade]
    criteria: Mapping[str, Metric | Measure]
    findings: Mapping[str, Mapping[str, Incentive]]
    ensemble: pd.DataFrame | None = None
    seed: int = 0

    @property
    def allocations(self) -> dict[str, Allocation]:
        """The answers of the schemes; those of waterfalls are in ``cascades``."""
        return {title: answer for title, answer in self.answers.items() if title not in self.cascades}

    @property
    def shares(self) -> pd.DataFrame:
        """What each payer bears, in currency; a waterfall may add payers beyond the question, such as the house."""
        found = {t: self.cascades[t].by_payer if t in self.cascades else a.shares for t, a in self.answers.items()}
        ids = pd.Index(dict.fromkeys([*self.question.ids, *(p for run in self.cascades.values() for p in _bearing(run))]))
        return pd.DataFrame({t: s.reindex(ids, fill_value=0.0) for t, s in found.items()}, index=ids).rename_axis(
            index=self.question.ids.name
        )

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
        """What each fairness metric means: label, direction, unit, best and worst, of what, formula, family."""
        return self._meanings(self._of(Metric))

    @property
    def incentives(self) -> pd.DataFrame:
        """Incentive measures x schemes; ``measures`` says what each number means, ``witnesses`` where it comes from."""
        found = {t: {n: i.value for n, i in row.items()} for t, row in self.findings.items()}
        return self._frame(found, list(self._of(Measure)))

    @property
    def measures(self) -> pd.DataFrame:
        """What each incentive measure means, as ``metrics`` does."""
        return self._meanings(self._of(Measure))

    @property
    def witnesses(self) -> pd.DataFrame:
        """The change of appearance behind each incentive number, or why there is none."""
        found = {t: {n: i.witness for n, i in row.items()} for t, row in self.findings.items()}
        return self._frame(found, list(self._of(Measure)))

    @property
    def prices(self) -> pd.DataFrame:
        """Per scheme the price of the loss, what is covered and what nobody could bear; a run has no single price."""
        rows = {
            t: {
                "price": a.price,
                "residual": self.cascades[t].residual if t in self.cascades else a.residual,
                "covered": float(self.cascades[t].by_layer.sum()) if t in self.cascades else float(a.paid.sum()),
            }
            for t, a in self.answers.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("scheme")

    @cached_property
    def _certificates(self) -> pd.DataFrame:
        rows = {}
        for title, answer in self.answers.items():
            found = answer.certificate
            rows[title] = {
                "primal": found.primal, "dual": found.dual, "gap": found.gap, "kind": found.kind,
                "method": answer.method, "holds": found.holds(),
            }  # fmt: skip
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("scheme")

    @property
    def certificates(self) -> pd.DataFrame:
        """Per scheme the residuals of its certificate, how it was found and whether it stands; of a run, the worst."""
        return self._certificates.copy()

    def normalised(self) -> pd.DataFrame:
        """Every score and incentive from 0 (worst) to 1 (best) against the fixed ends of its own scale.

        No scheme's number depends on which other schemes are compared, so that adding one never reorders the rest.
        """
        values = self._values()
        return values.apply(lambda row: row.map(self.criteria[str(row.name)].normalised), axis=1) if len(values) else values

    def costs(self) -> pd.DataFrame:
        """What the Pareto filter compares: lower is better, each family once, without what some scheme has no value of."""
        return ranking.costs(self._values(), self.criteria)

    def dominance(self) -> pd.DataFrame:
        """Schemes x schemes: whether that of the row beats that of the column (see :meth:`pareto`)."""
        return ranking.dominance(self.costs())

    def pareto(self) -> pd.Series[bool]:
        """Per scheme, whether no other is at least as good on every criterion of :meth:`costs` and better on one."""
        return ranking.efficient(self.costs())

    @cached_property
    def _uncertainty(self) -> pd.DataFrame:
        if self.ensemble is None:
            raise DataError("this card was made for one loss; pass losses=[...] to compare() for its uncertainty")
        return bootstrap(self.ensemble, self._of(Metric), self.seed)

    @property
    def uncertainty(self) -> pd.DataFrame:
        """Pairs of schemes over the losses: mean difference of each score, its 95 % interval, how often one is better."""
        return self._uncertainty.copy()

    def _values(self) -> pd.DataFrame:
        return pd.concat([self.scores, self.incentives])

    def _of(self, kind: type[_Kind]) -> dict[str, _Kind]:
        return {name: c for name, c in self.criteria.items() if isinstance(c, kind)}

    def _frame(self, columns: Mapping[str, Any], index: Any) -> pd.DataFrame:
        return pd.DataFrame(columns, index=index, columns=list(self.answers))

    def _meanings(self, criteria: Mapping[str, Criterion]) -> pd.DataFrame:
        rows = {
            name: {
                "label": c.label(self.by), "direction": c.direction, "unit": c.unit,
                "best": math.nan if c.best is None else c.best, "worst": math.nan if c.worst is None else c.worst,
                "of": c.of_what.format(by=self.by), "formula": c.formula, "family": c.family,
            }
            for name, c in criteria.items()
        }  # fmt: skip
        columns = ["label", "direction", "unit", "best", "worst", "of", "formula", "family"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

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


def compare(
    event_or_problem: Event | LossProblem,
    schemes: Iterable[str | Rule] | Mapping[str, str | Rule],
    metrics: Iterable[str | Metric] | None = None,
    *,
    measures: Iterable[str | Measure] | None = None,
    by: str | None = None,
    problem: LossProblem | None = None,
    risk: str | None = None,
    rates: Iterable[str] = (),
    losses: Sequence[float] | None = None,
    seed: int = 0,
) -> Scorecard:
    """Divide one loss by several schemes and judge the answers on the same scales.

    Parameters
    ----------
    event_or_problem : a question, or an event, whose own question (``event.problem()``) is asked unless ``problem``
        gives another. Waterfalls need the event: they run through all of it, and are judged by what they lay on the
        payers of the question.
    schemes : names, schemes or waterfalls; a dict gives them labels of its own. Equal titles are numbered.
    metrics, measures : which fairness metrics and incentive measures, by name or as objects; all by default, ``[]``
        for none. Measures solve every scheme some forty times; leave them out where one solution takes long.
    by : the exposure that burdens are related to; by default the column that caps the payers, or the only numeric one.
    risk : column of risk contributions for the free-rider index; by default ``stress_loss`` where there is one.
    rates : columns that stay as they are when an account is split or grows (leverage, a score).
    losses : losses to judge the schemes on, for ``card.uncertainty``; a waterfall gets the same difference to the
        event's loss that the question's loss has. ``seed`` is that of the bootstrap.

    Raises
    ------
    DataError : no scheme, an unknown name, no column for ``by``, or a waterfall without its event.

    >>> table = pd.DataFrame({"fund": [60.0, 30.0, 10.0]}, index=["A", "B", "C"])
    >>> card = compare(LossProblem(50, table, cap="fund", currency="EUR"), ["pro-rata", "constrained-equal-awards"])
    >>> card.scores.loc[["gini", "gini_of_burdens"]].round(3).to_numpy().tolist()
    [[0.0, 0.2], [0.333, 0.133]]
    >>> card.metrics.loc["gini", "label"]
    'Gini coefficient of burden per unit of fund'
    """
    event, question = _asked(event_or_problem, problem)
    rules = _rules(schemes)
    column = _exposure(question, by)
    criteria = _criteria(metrics, measures)
    if risk is not None:
        question.column(risk, low=-math.inf)
    kept = tuple(rates)
    amounts(question.payers, kept)
    answers: dict[str, Allocation] = {}
    cascades: dict[str, Cascade] = {}
    for title, rule in rules.items():
        if isinstance(rule, Waterfall):
            if event is None:
                raise DataError(f"waterfall {rule.name!r} runs through an event; compare it on the Event")
            cascades[title] = rule.run(event)
            answers[title] = passage(cascades[title], question, title)
        else:
            answers[title] = rule.allocate(question)
    contributions = risk or (RISK if RISK in question.payers.columns else "")
    findings = {}
    for title, rule in rules.items():
        facts = event if event is not None and title in cascades else question
        case = Case(rule, question, facts, answers[title], cascades.get(title), column, contributions, kept)
        findings[title] = {name: m(case) for name, m in criteria.items() if isinstance(m, Measure)}
    card = Scorecard(question, event, column, answers, cascades, criteria, findings, None, seed)
    _ = card.scores
    if losses is None:
        return card
    fairness = {name: m for name, m in criteria.items() if isinstance(m, Metric)}
    return Scorecard(
        question, event, column, answers, cascades, criteria, findings,
        ensemble(rules, question, event, fairness, column, losses), seed,
    )  # fmt: skip


def _asked(given: Event | LossProblem, problem: LossProblem | None) -> tuple[Event | None, LossProblem]:
    if isinstance(given, Event):
        return given, given.problem() if problem is None else problem
    if not isinstance(given, LossProblem):
        raise DataError(f"compare judges an Event or a LossProblem, not a {type(given).__name__}")
    if problem is not None:
        raise DataError("problem=... goes with an Event; the first argument is already a question")
    return None, given


def _rules(schemes: Any) -> dict[str, Rule]:
    """Title -> rule; titles that come twice are numbered."""
    if isinstance(schemes, str | Scheme | Waterfall):
        raise DataError(f"schemes is a single {type(schemes).__name__}; give a list, even of one")
    named = list(schemes.items()) if isinstance(schemes, Mapping) else [(None, one) for one in schemes]
    if not named:
        raise DataError("schemes is empty; name at least one, see allocopt.schemes()")
    rules: dict[str, Rule] = {}
    for label, one in named:
        rule = one if isinstance(one, Waterfall) else resolve(one)
        title = stem = rule.title if label is None else str(label)
        times = 1
        while title in rules:
            times += 1
            title = f"{stem} ({times})"
        rules[title] = rule
    return rules


def _exposure(question: LossProblem, by: str | None) -> str:
    """The column that burdens are related to, a finite figure for every payer."""
    table = question.payers
    numeric = amounts(table)
    chosen = by or cap_column(question) or (numeric[0] if len(numeric) == 1 else "")
    if not chosen:
        raise DataError(f"the caps are no column of the table; name the exposure with by=..., one of {numeric}")
    question.column(chosen)
    return chosen


def _criteria(metrics: Any, measures: Any) -> dict[str, Metric | Measure]:
    fair = _chosen("fairness metric", metrics, fairness_metrics(), Metric)
    found: list[Metric | Measure] = [*fair, *_chosen("incentive measure", measures, incentive_measures(), Measure)]
    out: dict[str, Metric | Measure] = {}
    for one in found:
        if out.setdefault(one.name, one) is not one:
            raise DataError(f"two criteria are called {one.name!r}; rename one")
    return out


def _chosen(kind: str, wanted: Any, listed: Mapping[str, _Kind], of: type[_Kind]) -> list[_Kind]:
    if wanted is None:
        return list(listed.values())
    chosen = []
    for one in [wanted] if isinstance(wanted, str | of) else wanted:
        if not isinstance(one, of) and one not in listed:
            raise unknown(kind, one, listed)
        chosen.append(one if isinstance(one, of) else listed[one])
    return chosen


def _bearing(run: Cascade) -> list[Any]:
    paid = run.by_payer
    return list(paid.index[np.asarray(paid) > 0])
