r"""Measures of the auto-deleveraging literature: burdens against the true optimum, overshoot, survivors, stability.

Plain functions of haircuts and capacities, one entry per account, as Series (aligned by account), arrays or lists. The
normalisation is always named: the best that can be done about :math:`\max_i x_i / b_i` is pro rata to the *same* base
:math:`b`, so a gap measured against another base, or against a rule that is not optimal, fines fairness. Gaps here are
one-sided: nothing is better than the optimum, and being nearer to it is never a fault.

One answer: :mod:`~allocopt.judgement.adl_burdens`; several about one book: :mod:`~allocopt.judgement.adl_book`; orders,
noise and split accounts: :mod:`~allocopt.judgement.adl_stability`. Several rounds: their losses, regret against a class
or the best of each round, variation and churn in :mod:`~allocopt.judgement.adl_rounds`; how much of a deficit to take,
learned online, in :mod:`~allocopt.judgement.adl_severity`; the published regret, its bound and what is counted twice in
:mod:`~allocopt.judgement.adl_study`.
"""

from __future__ import annotations

from allocopt.facts.allocation import Allocation
from allocopt.facts.checks import number
from allocopt.judgement.adl_book import book_scores
from allocopt.judgement.adl_burdens import (
    FairnessGap,
    fairness_gap,
    haircut_burdens,
    least_burden,
    overshoot,
    survivor_totals,
)
from allocopt.judgement.adl_rounds import (
    churn_probability,
    class_regret,
    dynamic_regret,
    effective_slopes,
    path_variation,
    round_losses,
)
from allocopt.judgement.adl_severity import severities, severity_descent, severity_regret
from allocopt.judgement.adl_stability import (
    burden_stability,
    instability,
    queue_instability,
    rank_inversions,
    rank_stability,
    sybil_gain,
)
from allocopt.judgement.adl_study import adl_regret, adl_regret_bound, standing_losses

__all__ = [
    "FairnessGap", "adl_regret", "adl_regret_bound", "adl_scores", "book_scores", "burden_stability",
    "churn_probability", "class_regret", "dynamic_regret", "effective_slopes", "fairness_gap", "haircut_burdens",
    "instability", "least_burden", "overshoot", "path_variation", "queue_instability", "rank_inversions",
    "rank_stability", "round_losses", "severities", "severity_descent", "severity_regret", "standing_losses",
    "survivor_totals", "sybil_gain",
]  # fmt: skip


def adl_scores(answer: Allocation, needed: float | None = None) -> dict[str, float]:
    """The measures of one allocation of a venue's deficit, by equity and by profit, with what they are measured by.

    The question's table must hold ``equity`` and ``profit``, as :func:`allocopt.deficit_problem` makes it; ``needed``
    is what should have been taken (the loss of the question unless said otherwise).

    >>> import allocopt as ao
    >>> question = ao.deficit_problem(ao.simulate_book(200, seed=1), side="long")
    >>> scores = adl_scores(ao.allocate(question, "pro-rata", key="profit"))
    >>> round(scores["fairness gap by profit"], 9), scores["overshoot"], scores["rank inversions"]
    (0.0, 0.0, 0.0)
    """
    problem, paid = answer.problem, answer.paid
    profit = problem.column("profit")
    want = problem.loss if needed is None else number(needed, "needed")
    out = {}
    for base in ("equity", "profit"):
        gap = fairness_gap(paid, problem.column(base), problem.caps)
        out[f"largest burden by {base}"], out[f"fairness gap by {base}"] = gap.largest, gap.value
    away = overshoot(float(paid.sum()), want)
    kept = survivor_totals(profit, paid, problem.loss, problem.loss)
    return out | {
        "overshoot": away["over"], "shortfall": away["under"], "best survivor keeps": kept["largest"],
        "top winner keeps": kept["top"], "survivor ratio": kept["ptsr"],
        "rank inversions": rank_inversions(profit, profit - paid),
    }  # fmt: skip
