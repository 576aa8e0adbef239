"""Whether a payer who takes more risk pays for it: expected shares over scenarios, as its own losses spread out."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array, number, vector
from allocopt.facts.event import Event
from allocopt.facts.problem import LossProblem
from allocopt.facts.scenarios import read_scenarios
from allocopt.judgement.manipulation import Question
from allocopt.judgement.many import answered, burdens
from allocopt.judgement.moves import Moves
from allocopt.judgement.resolving import Asked, Incentive, Rule, money, posed

# Relative step of the spread; expected losses are piecewise linear in it, with a kink per scenario at most.
STEP = 1e-3

_ROUND = 1e-12  # of the expected loss: smaller changes are rounding


def moral_hazard(
    scheme: str | Rule, problem: Asked, payer: Any, pnl: Any, margin: Any = 0.0, *, columns: Iterable[str] = ()
) -> Incentive:
    r"""By how many per cent a payer's expected share grows when its own risk does by one.

    .. math:: \frac{d \log E x_i}{d \log \sigma_i}, \qquad L = \sum_j (\ell_j - \text{margin}_j)^+

    ``pnl`` holds equally likely scenarios, profit and loss by payer (gain > 0); in each the losses beyond ``margin``
    (a column, figures by payer, or one number) are pooled and divided by the rule among the payers of the question,
    whose own loss is not used. :math:`\sigma_i` spreads payer i's profit and loss around its mean; ``columns`` of the
    table (a measured risk) grow with it. 0: carelessness is free, 1 and more: it is paid for at least in step.
    Central difference with a relative step of 1e-3. 0 for a payer who bears nothing.

    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"fund": [60.0, 40.0]}, index=["A", "B"])
    >>> pnl = pd.DataFrame({"A": [-20.0, 20.0], "B": [5.0, -5.0]})
    >>> round(moral_hazard("pro-rata", LossProblem(1, table, cap="fund"), "A", pnl).value, 6)
    0.8
    """
    rule, moves = posed(scheme, problem)
    found = _response(rule, moves, payer, pnl, margin, tuple(columns))
    if found.own <= 0:
        return Incentive(0.0, f"{payer} bears nothing in any scenario", moves.question, (payer,))
    value = found.rise / found.own
    unit = moves.question
    more = money(unit, found.rise * 0.01)
    told = f"{payer} bears {money(unit, found.own)} on average, and {more} more if it takes 1% more risk"
    return Incentive(value, told, unit, (payer,))


def risk_pass_through(
    scheme: str | Rule, problem: Asked, payer: Any, pnl: Any, margin: Any = 0.0, *, columns: Iterable[str] = ()
) -> Incentive:
    r"""The part of the expected loss that a payer's risk adds and others bear: :math:`\sum_{j \ne i} dE x_j / dE L`.

    Arguments as for :func:`moral_hazard`. As long as the caps cover every scenario, all shares together move as the
    loss does, :math:`\sum_j dE x_j = dE L`; one less this is what the payer internalises, and a payer who internalises
    nothing cannot be made careful by the sharing rule.

    Source: Biais, Heider and Hoerova, ECB working paper 1481, 2012 (why full mutualisation cannot deter).

    >>> table = pd.DataFrame({"fund": [60.0, 40.0]}, index=["A", "B"])
    >>> pnl = pd.DataFrame({"A": [-20.0, 20.0], "B": [5.0, -5.0]})
    >>> round(risk_pass_through("pro-rata", LossProblem(1, table, cap="fund"), "A", pnl).value, 6)
    0.4
    """
    rule, moves = posed(scheme, problem)
    found = _response(rule, moves, payer, pnl, margin, tuple(columns))
    if found.added <= 0:
        return Incentive(0.0, f"{payer} adds nothing to the expected loss", moves.question, (payer,))
    value = found.others / found.added
    told = (
        f"of each unit of expected loss that {payer} adds with more risk, others bear {value:.4g} and {payer} "
        f"{found.rise / found.added:.4g}"
    )
    return Incentive(value, told, moves.question, (payer,))


class _Response(NamedTuple):
    """Expected shares now, and their change per unit of log spread."""

    own: float
    rise: float
    others: float
    added: float


def _response(
    rule: Rule, moves: Moves, payer: Any, pnl: Any, margin: Any, columns: tuple[str, ...]
) -> _Response:  # fmt: skip
    moves.as_is((payer,))  # refuses a stranger
    book = read_scenarios(pnl)
    if payer not in book.ids:
        raise DataError(f"the scenarios have no column for payer {payer!r}; give its profit and loss")
    at = int(book.ids.get_indexer(pd.Index([payer], tupleize_cols=False))[0])
    centre, covered = book.losses[:, at].mean(), _margins(moves.question, margin, book.ids)

    def expected(sign: float) -> Array:
        """The payer's share, that of all others, and the loss: means over the scenarios."""
        spread = book.losses.copy()
        spread[:, at] = centre + (1.0 + sign * STEP) * (spread[:, at] - centre)
        pooled = np.maximum(spread - covered, 0.0).sum(axis=1)
        facts = moves.grow(payer, 1.0 + sign * STEP, columns).question if columns and sign else moves.question
        event, question = (facts, facts.problem()) if isinstance(facts, Event) else (None, facts)
        paid = mean_shares(rule, question, event, pooled)
        own = float(paid.loc[payer])
        return np.array([own, float(paid.sum()) - own, float(pooled.mean())])

    now, low, high = (expected(sign) for sign in (0.0, -1.0, 1.0))
    rise, others, added = np.where(np.abs(high - low) <= _ROUND * now[2], 0.0, (high - low) / (2 * STEP))
    return _Response(float(now[0]), float(rise), float(others), float(added))


def mean_shares(rule: Rule, question: LossProblem, event: Event | None, losses: Array) -> pd.Series[float]:
    """What each payer of the question bears on average over these losses."""
    paid = burdens(rule, question, event, losses)
    if paid is None:
        levels, which = np.unique(losses, return_inverse=True)
        paid = np.array([answered(rule, question, event, float(level)).paid for level in levels])[which]
    return pd.Series(paid.mean(axis=0), index=question.ids)


def _margins(question: Question, margin: Any, ids: pd.Index) -> Array:
    """What each payer of the scenarios covers itself of its own loss; nothing where the table has no figure."""
    if isinstance(margin, Real) and not isinstance(margin, bool):
        return np.full(len(ids), number(margin, "margin"))
    table = question.payers
    if isinstance(margin, str) and margin not in table.columns:
        raise unknown("column of the payers' table", margin, map(str, table.columns))
    stated = table[margin] if isinstance(margin, str) else margin
    series = stated if isinstance(stated, pd.Series) else pd.Series(vector(stated, table.index, "margin"), table.index)
    return vector(series.reindex(ids).fillna(0.0), ids, "margin")
