r"""One criterion of the scorecard: a number about an Allocation, with what it means, which way is better, and its ends.

A criterion is one function of an allocation and a column of exposures, under :func:`metric`; being in this file puts it
on the list of :func:`fairness_metrics`. A criterion of your own needs no list, hand it to the comparison::

    @metric(title="Burden of the small against the large", of="burden per unit of {by}", formula=r"...",
            direction="lower is better", best=1.0, worst=None)
    def small_against_large(allocation, by):
        return metrics.group_ratio(allocation.shares, by, allocation.problem.labels("size"))

Inequality *of what* decides the ranking: by amounts paid, equal shares are perfect and pro-rata is unfair; by rates it
is the reverse. Criteria therefore judge rates (burden per unit of an exposure that the reader names) unless their name
says otherwise, and the Gini coefficient and Jain's index are there in both readings. Criteria that are functions of
each other (for a given number of payers, or whenever rates rise with exposure) or members of one axiomatic family
(Jain's index and the entropies: Lan et al., arXiv 0906.0557) share a ``family`` and are counted once. Atkinson's index
is applied to what payers keep, never to burdens. Criteria that need more than an exposure (a game, a reference, groups)
are made by :mod:`allocopt.judgement.criteria`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.allocation import Allocation
from allocopt.facts.checks import Array, vector
from allocopt.judgement import metrics
from allocopt.judgement.criterion import Criterion, Direction
from allocopt.judgement.inequality import ROUNDING

Compute = Callable[[Allocation, Array], float]


@dataclass(frozen=True)
class Metric(Criterion):
    """A criterion called with an allocation and an exposure (a column of its table, or one number per payer).

    >>> jain = fairness_metrics()["jain"]
    >>> jain.label("default_fund"), jain.direction, jain.best, jain.worst, jain.family
    ("Jain's index of burden per unit of default_fund", 'higher is better', 1.0, 0.0, 'dispersion')
    """

    compute: Compute = field(repr=False)

    def __call__(self, allocation: Allocation, by: Any) -> float:
        """The value for this allocation; raises DataError when ``by`` is no usable column."""
        problem = allocation.problem
        exposure = problem.column(by) if isinstance(by, str) else vector(by, problem.ids, "by")
        return float(self.compute(allocation, exposure))


def metric(
    *,
    title: str,
    of: str,
    formula: str,
    direction: Direction,
    best: float | None,
    worst: float | None,
    unit: str = "",
    family: str = "",
    favours: str = "",
) -> Callable[[Compute], Metric]:
    """Make a criterion of a function of an allocation and its exposures; its name and documentation carry over."""

    def make(compute: Compute) -> Metric:
        name = getattr(compute, "__name__", "")
        doc = (compute.__doc__ or "").strip()
        if not doc:
            raise DataError(
                f"metric {name!r} has no documentation; say in a sentence what a reader may conclude from it"
            )
        compute.__qualname__ = f"{name}.compute"  # where pickle finds the function now that its name is the criterion's
        ends = (best, worst)
        return Metric(name, title, formula, direction, unit, *ends, of, family or name, doc, compute, favours=favours)

    return make


# Rules that some criteria favour by construction; a committee should see the order without those too.
PRO, EQUAL, LEFT = "pro-rata", "constrained-equal-awards", "constrained-equal-losses"

RATES = "burden per unit of {by}"
BURDENS = "burdens"
KEPT = "what payers keep of their caps"


@metric(title="Gini coefficient", of=RATES, direction="lower is better", best=0.0, worst=1.0, family="gini",
        formula=r"\frac{\sum_{ij} w_i w_j |r_i - r_j|}{2 W X}", favours=PRO)  # fmt: skip
def gini(allocation: Allocation, by: Array) -> float:
    """How unequal the burden rates are; 0 exactly when burdens are in proportion to exposure."""
    return metrics.gini(paid_of(allocation), by=by)


@metric(title="Gini coefficient", of=BURDENS, direction="lower is better", best=0.0, worst=1.0,
        formula=r"\frac{\sum_{ij} |x_i - x_j|}{2 n^2 \bar x}", favours=EQUAL)  # fmt: skip
def gini_of_burdens(allocation: Allocation, by: Array) -> float:
    """How unequal the amounts paid are; 0 exactly when all pay the same, so pro-rata looks unfair."""
    return metrics.gini(paid_of(allocation))


@metric(title="Jain's index", of=RATES, direction="higher is better", best=1.0, worst=0.0, family="dispersion",
        formula=r"\frac{X^2}{W \sum_i x_i^2 / w_i} = \frac{1}{1 + CV^2}", favours=PRO)  # fmt: skip
def jain(allocation: Allocation, by: Array) -> float:
    """The part of all exposure that in effect bears the loss; 1 exactly when pro-rata."""
    return metrics.jain(paid_of(allocation), by)


@metric(title="Coefficient of variation", of=RATES, direction="lower is better", best=0.0, worst=None,
        family="dispersion", formula=r"\frac{1}{\bar r} \sqrt{\sum_i \tfrac{w_i}{W} (r_i - \bar r)^2}",
        favours=PRO)  # fmt: skip
def coefficient_of_variation(allocation: Allocation, by: Array) -> float:
    """Standard deviation of the rates over their mean, by exposure; says the same as Jain's index."""
    return metrics.coefficient_of_variation(paid_of(allocation), by)


@metric(title="Jain's index", of=BURDENS, direction="higher is better", best=1.0, worst=0.0,
        family="dispersion of burdens", formula=r"\frac{X^2}{n \sum_i x_i^2}", favours=EQUAL)  # fmt: skip
def jain_of_burdens(allocation: Allocation, by: Array) -> float:
    """The part of all payers who in effect bear the loss; 1 exactly when all pay the same."""
    return metrics.jain(paid_of(allocation))


@metric(title="Herfindahl-Hirschman index", of=BURDENS, direction="lower is better", best=0.0, worst=1.0,
        family="dispersion of burdens", formula=r"\sum_i (x_i / X)^2 = \frac{1}{n J}", favours=EQUAL)  # fmt: skip
def hhi_of_burdens(allocation: Allocation, by: Array) -> float:
    """Concentration: one over the number of equal payers who would share alike; says the same as Jain of burdens."""
    return metrics.hhi(paid_of(allocation))


@metric(title="Share of the largest payer", of=BURDENS, direction="lower is better", best=0.0, worst=1.0,
        unit="share of the loss", formula=r"\max_i x_i / X", favours=EQUAL)  # fmt: skip
def top_share_of_burdens(allocation: Allocation, by: Array) -> float:
    """How much of the loss hangs on one payer."""
    return metrics.top_share(paid_of(allocation))


@metric(title="Theil index", of=RATES, direction="lower is better", best=0.0, worst=None, unit="nats",
        family="dispersion", formula=r"\sum_i \frac{x_i}{X} \log \frac{x_i / X}{w_i / W}", favours=PRO)  # fmt: skip
def theil(allocation: Allocation, by: Array) -> float:
    """Divergence of the shares of burden from the shares of exposure; weighs heavy rates most."""
    return metrics.theil(paid_of(allocation), by)


@metric(title="Hoover index", of=RATES, direction="lower is better", best=0.0, worst=1.0, unit="share of the loss",
        formula=r"\tfrac12 \sum_i |x_i / X - w_i / W|", favours=PRO)  # fmt: skip
def hoover(allocation: Allocation, by: Array) -> float:
    """The part of the loss borne beyond proportion; by risk contributions, the part others bear for free riders."""
    return metrics.hoover(paid_of(allocation), by)


@metric(title="Heaviest over lightest", of=RATES, direction="lower is better", best=1.0, worst=None, unit="times",
        formula=r"\max_i r_i / \min_i r_i", favours=PRO)  # fmt: skip
def max_min_ratio(allocation: Allocation, by: Array) -> float:
    """How many times heavier the worst-treated payer's rate is; infinite when somebody with exposure pays nothing."""
    return metrics.max_min_ratio(paid_of(allocation), by)


@metric(title="Largest envy", of=RATES, direction="lower is better", best=0.0, worst=None, unit="per unit of exposure",
        formula=r"\max_{ij} (r_i - r_j)^+", favours=PRO)  # fmt: skip
def envy(allocation: Allocation, by: Array) -> float:
    """By how much the worst-treated payer's rate exceeds the best-treated one's."""
    return metrics.envy(paid_of(allocation), by)


@metric(title="Maximum", of=RATES, direction="lower is better", best=0.0, worst=None, unit="per unit of exposure",
        formula=r"\max_i r_i", favours=PRO)  # fmt: skip
def max_burden(allocation: Allocation, by: Array) -> float:
    """What the worst-treated payer loses per unit of exposure."""
    return metrics.max_burden(paid_of(allocation), by)


@metric(title="Mean over the worst-treated tenth", of=RATES, direction="lower is better", best=0.0, worst=None,
        unit="per unit of exposure", formula=r"\mathrm{CVaR}_{0.9}(r)", favours=PRO)  # fmt: skip
def cvar_of_burden(allocation: Allocation, by: Array) -> float:
    """What the worst-treated tenth of the payers lose per unit of exposure, each payer counting once."""
    return metrics.cvar_of_burden(paid_of(allocation), 0.9, by)


@metric(title="Kolm-Pollak excess", of=RATES, direction="lower is better", best=0.0, worst=None,
        unit="of the mean rate", formula=r"\log \frac1n \sum_i e^{r_i / \bar r} - 1", favours=PRO)  # fmt: skip
def kolm_pollak(allocation: Allocation, by: Array) -> float:
    """How much more than the mean rate would be as bad, if all bore it, as the rates are; made for burdens."""
    paid = paid_of(allocation)
    if not paid.any():
        return 0.0
    if paid[by == 0].any():
        return math.inf
    rates = paid[by > 0] / by[by > 0]
    return metrics.kolm_pollak(rates / rates.mean(), 1.0) - 1.0


@metric(title="Kakwani progressivity", of="burdens ranked by {by}", direction="closer to zero is better", best=0.0,
        worst=2.0, formula=r"C_x - G_w", favours=PRO)  # fmt: skip
def kakwani(allocation: Allocation, by: Array) -> float:
    """Whether the loss falls on large exposures (> 0) or small ones (< 0) more than in proportion."""
    return metrics.kakwani(paid_of(allocation), by)


@metric(title="Suits progressivity", of="burdens against {by}", direction="closer to zero is better", best=0.0,
        worst=1.0, family="gini", formula=r"1 - 2 \int_0^1 Y\,dW", favours=PRO)  # fmt: skip
def suits(allocation: Allocation, by: Array) -> float:
    """As Kakwani, per unit of exposure; where rates rise or fall with exposure it is the Gini coefficient, signed."""
    return metrics.suits(paid_of(allocation), by)


@metric(title="Concentration index", of="burdens ranked by {by}", direction="closer to zero is better", best=0.0,
        worst=1.0, family="gini_of_burdens", formula=r"C_x = \sum_i \tfrac{2 R_i - n - 1}{n} \tfrac{x_i}{X}",
        favours=EQUAL)  # fmt: skip
def concentration_index(allocation: Allocation, by: Array) -> float:
    """Whether amounts fall on large (> 0) or small exposures; where they rise with exposure, the Gini of burdens."""
    return metrics.concentration_index(paid_of(allocation), by)


@metric(title="Reynolds-Smolensky index", of=KEPT, direction="closer to zero is better", best=0.0, worst=2.0,
        formula=r"G_c - C_{c - x}", favours=PRO)  # fmt: skip
def reynolds_smolensky(allocation: Allocation, by: Array) -> float:
    """By how much the loss makes what is left of the caps more (> 0) or less equal; pro-rata to caps, not at all."""
    if not _capped(allocation):
        return math.nan
    caps = allocation.problem.caps
    return metrics.concentration_index(caps, caps) - metrics.concentration_index(_kept(allocation), caps)


@metric(title="Kendall's tau-b", of="burdens against {by}", direction="higher is better", best=1.0, worst=-1.0,
        formula=r"\tau_b(x, w)", favours=PRO)  # fmt: skip
def kendall_tau_b(allocation: Allocation, by: Array) -> float:
    """Whether those with more exposure pay more; burdens that agree to a part in 1e9 of the largest count as tied."""
    paid = paid_of(allocation)
    grid = ROUNDING * paid.max(initial=0.0)
    return metrics.kendall_tau_b(np.rint(paid / grid) if grid > 0 else paid, by)


@metric(title="Gini coefficient", of=KEPT, direction="lower is better", best=0.0, worst=1.0,
        formula=r"G(c - x)", favours=LEFT)  # fmt: skip
def gini_of_residual_wealth(allocation: Allocation, by: Array) -> float:
    """How unequal payers are after the loss, in what is left of their caps; NaN when a cap is infinite."""
    return metrics.gini(_kept(allocation)) if _capped(allocation) else math.nan


@metric(title="Atkinson index (aversion 1/2)", of=KEPT, direction="lower is better", best=0.0, worst=1.0,
        formula=r"1 - \frac{(\frac1n \sum_i \sqrt{c_i - x_i})^2}{\frac1n \sum_i (c_i - x_i)}",
        favours=LEFT)  # fmt: skip
def atkinson_of_residual_wealth(allocation: Allocation, by: Array) -> float:
    """The part of what is left that equality would save; with aversion below 1 no exhausted payer decides alone."""
    return metrics.atkinson(_kept(allocation), 0.5) if _capped(allocation) else math.nan


def paid_of(allocation: Allocation) -> Array:
    """The burdens; what rounding left below zero reads as zero, a credit is refused."""
    paid = allocation.paid
    if paid.min(initial=0.0) < -ROUNDING * paid.max(initial=0.0):
        who = allocation.problem.ids[int(np.argmin(paid))]
        what = f"{allocation.scheme.name} credits payer {who!r} ({paid.min():,.6g})"
        raise DataError(f"{what}; fairness is measured on burdens, so compare it with policy='floor' or 'program'")
    return np.maximum(paid, 0.0)


def _capped(allocation: Allocation) -> bool:
    return bool(np.isfinite(allocation.problem.caps).all())


def _kept(allocation: Allocation) -> Array:
    return kept(allocation.paid, allocation.problem.caps)


def kept(paid: Array, caps: Array) -> Array:
    """What is left of the caps; what rounding left of an exhausted one is nothing."""
    left = caps - paid
    return np.where(left > ROUNDING * caps, left, 0.0)


def fairness_metrics() -> dict[str, Metric]:
    """The criteria of this file by name, in its order; each is called with an allocation and an exposure.

    >>> list(fairness_metrics())[:3]
    ['gini', 'gini_of_burdens', 'jain']
    """
    return {m.name: m for m in globals().values() if isinstance(m, Metric)}
