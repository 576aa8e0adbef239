"""Fairness of a division in numbers: plain functions on one burden per payer, all importable from here.

The conventions are those of :mod:`allocopt.judgement.inequality`: burdens ``x`` >= 0, one per payer, as a Series
(aligned by payer id), an array or a list; ``by`` is a column of exposures and then the burden *rates* ``x / by`` are
judged, where a payer with neither burden nor exposure does not count and one who pays without exposure has an infinite
rate. Faulty columns raise :class:`~allocopt.errors.DataError`. ``docs/metrics.md`` lists all with their traps.
"""

from __future__ import annotations

from allocopt.judgement.burdens import (
    cvar_of_burden,
    envy,
    max_burden,
    max_min_ratio,
    solvency_breaches,
    solvency_shortfall,
    top_share,
)
from allocopt.judgement.coalitions import distance_to_shapley, least_core_value, max_core_excess
from allocopt.judgement.departures import distance, free_rider_index, kendall_tau_b, kl_divergence
from allocopt.judgement.equivalents import atkinson, atkinson_ede, kolm_pollak, kolm_pollak_index
from allocopt.judgement.groups import Decomposition, entropy_decomposition, group_gap, group_rates, group_ratio
from allocopt.judgement.inequality import (
    coefficient_of_variation,
    generalized_entropy,
    gini,
    hhi,
    hoover,
    jain,
    theil,
    theil_l,
)
from allocopt.judgement.lorenz import LorenzOrder, burden_dominates, lorenz_curve, lorenz_dominates
from allocopt.judgement.progressivity import (
    concentration_index,
    deviation_index,
    kakwani,
    reynolds_smolensky,
    suits,
)

__all__ = [
    "Decomposition",
    "LorenzOrder",
    "atkinson",
    "atkinson_ede",
    "burden_dominates",
    "coefficient_of_variation",
    "concentration_index",
    "cvar_of_burden",
    "deviation_index",
    "distance",
    "distance_to_shapley",
    "entropy_decomposition",
    "envy",
    "free_rider_index",
    "generalized_entropy",
    "gini",
    "group_gap",
    "group_rates",
    "group_ratio",
    "hhi",
    "hoover",
    "jain",
    "kakwani",
    "kendall_tau_b",
    "kl_divergence",
    "kolm_pollak",
    "kolm_pollak_index",
    "least_core_value",
    "lorenz_curve",
    "lorenz_dominates",
    "max_burden",
    "max_core_excess",
    "max_min_ratio",
    "reynolds_smolensky",
    "solvency_breaches",
    "solvency_shortfall",
    "suits",
    "theil",
    "theil_l",
    "top_share",
]
