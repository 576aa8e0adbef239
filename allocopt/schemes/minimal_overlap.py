"""Claims are laid on the amount so that they overlap least; every unit is split equally among those who claim it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from allocopt.facts.checks import Array
from allocopt.maths.division import least_overlap_left, minimal_overlap
from allocopt.maths.program import Clause
from allocopt.schemes.exact_rule import ExactRule


@dataclass(frozen=True, eq=False, kw_only=True)
class MinimalOverlap(ExactRule):
    r"""Each unit of the loss is shared by those whose caps lie on it, laid out so that as few as possible meet.

    .. math:: x_i = \sum_{k \le i} \frac{t_k - t_{k-1}}{n - k + 1} + (c_i - t)^+, \qquad t_i = \min(c_i, t),\
       t_0 = 0,\ c_1 \le \dots \le c_n

    :math:`c_i` is the cap and :math:`L` the loss, in currency. Claims are nested up to the level :math:`t` and lie side
    by side above it: :math:`t = L` when a cap reaches the loss, else :math:`t + \sum_j (c_j - t)^+ = L`. The program
    splits every layer :math:`k`, of width :math:`\delta_k`, among the claims :math:`N_k` that cover it:

    .. math:: \min_{s \ge 0} \sum_k \delta_k \sum_{i \in N_k} \tfrac12 s_{ik}^2 \quad\text{s.t.}\quad
       \sum_{i \in N_k} s_{ik} = 1\ \forall k, \qquad x_i = \sum_k \delta_k s_{ik}

    While the largest cap reaches the loss it is the Shapley value of the airport game with the capped claims as costs.
    A cap above the loss counts as the loss, so infinite caps are fine in the burden reading; the payout reading raises
    ``DataError`` on them.

    No weighted form of this rule is known to us in print, so it takes no key.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"claim": [30.0, 40.0, 60.0, 120.0]}, index=["A", "B", "C", "D"])
    >>> MinimalOverlap().allocate(LossProblem(120, table, cap="claim")).shares.round(4).to_list()
    [7.5, 10.8333, 20.8333, 80.8333]
    """

    name = "minimal-overlap"
    formula = r"x_i = \sum_{k \le i} \frac{t_k - t_{k-1}}{n - k + 1} + (c_i - t)^+"
    objective = r"\sum_k \delta_k \sum_{i \in N_k} \tfrac12 s_{ik}^2"
    source = "O'Neill (1982), Mathematical Social Sciences 2:345-371"
    claims = frozenset({
        "equal treatment", "order preservation of burdens", "order preservation of what is left",
        "claim monotonicity", "others oriented claim monotonicity", "loss monotonicity", "supermodularity",
        "linked claim loss monotonicity", "population monotonicity", "null payer", "homogeneity",
        "claims truncation invariance", "minimal rights first", "no transfer paradox", "lower bound on burdens",
        "lower bound on what is left", "order preservation under claims variation",
        "order preservation under population variation", "bounded impact of transfers",
    })  # fmt: skip

    def awards(self, amounts: Array, claims: Array) -> Array:
        """By sorting."""
        return minimal_overlap(amounts, claims).shares

    def remainders(self, amounts: Array, claims: Array) -> Array:
        """What is left of the claims, by sorting."""
        return least_overlap_left(amounts, claims).shares

    def second_road(self, amount: float, claims: Array) -> Array:
        """Bisection for the level, then every layer counted by how many claims cover it."""
        cut = np.minimum(claims, amount)
        level = _bisected(cut, lambda t: t + float(np.maximum(cut - t, 0.0).sum()) <= amount)
        nested = np.minimum(cut, level)
        return np.asarray(_layered(nested, lambda covered: 1.0 / covered) + (cut - nested))

    def second_remainders(self, amount: float, claims: Array) -> Array:
        """The same for what is left: in every layer all go without but one."""
        top = int(np.argmax(claims))
        spare = amount - float(np.delete(claims, top).sum())  # of the largest claim, beyond all that is shared out
        cut = np.minimum(claims, claims[top] - spare) if spare > 0 else claims
        beyond = claims - cut
        level = _bisected(cut, lambda t: float((np.minimum(cut, t) + beyond).sum()) - t >= amount)
        return np.asarray(_layered(np.minimum(cut, level), lambda covered: 1.0 - 1.0 / covered) + beyond)

    def award_program(self, amount: float, claims: Array) -> tuple[Any, Any, list[Clause]]:
        """Least squares in every layer, the part above the level fixed."""
        cut = np.minimum(claims, amount)
        level = float(minimal_overlap(np.array([amount]), cut[None, :]).level[0]) if len(cut) else 0.0
        cost, awards, whole = _in_layers(np.minimum(cut, level), amount)
        return cost, awards + (cut - np.minimum(cut, level)) / amount, [whole]

    def remainder_program(self, amount: float, claims: Array) -> tuple[Any, Any, list[Clause]]:
        """The same layers; what is left is what each does not get of those it covers."""
        found = least_overlap_left(np.array([amount]), claims[None, :])
        nested = np.minimum(claims, float(found.level[0]))
        cost, awards, whole = _in_layers(nested, amount)
        top = int(np.argmax(claims))
        spare = max(amount - float(np.delete(claims, top).sum()), 0.0)
        beyond = np.maximum(claims - (claims[top] - spare), 0.0) if spare > 0 else 0.0
        return cost, nested / amount - awards + beyond / amount, [whole]


def _bisected(cut: Array, fits: Callable[[float], bool]) -> float:
    """The lowest level that fits, at most the second largest claim: above it one claim lies alone."""
    low, high = 0.0, float(np.sort(cut)[-2]) if len(cut) > 1 else float(cut[0])
    for _ in range(120):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def _layered(nested: Array, part: Callable[[Array], Array]) -> Array:
    """Layer by layer from the bottom: each who covers one gets this part of it, given how many cover it."""
    layers, at = np.unique(np.append(0.0, nested), return_inverse=True)
    covered = (len(nested) - np.searchsorted(np.sort(nested), layers[1:])).astype(np.float64)
    reach = np.append(0.0, np.cumsum(np.diff(layers) * part(covered)))
    return np.asarray(reach[at[1:]])


def _in_layers(nested: Array, amount: float) -> tuple[Any, Any, Clause]:
    """Every layer split by least squares: the cost, what each gets in units of the amount, and the clause."""
    import cvxpy as cp
    import scipy.sparse as sp

    layers = np.unique(np.append(0.0, nested))
    width = np.diff(layers) / amount
    payer, layer = np.nonzero(nested[:, None] >= layers[None, 1:])
    s = cp.Variable(max(len(payer), 1), name="s", nonneg=True)
    count, ones = np.arange(len(payer)), np.ones(len(payer))
    into = sp.csr_array((width[layer], (payer, count)), shape=(len(nested), s.size))
    across = sp.csr_array((ones, (layer, count)), shape=(len(width), s.size))
    cost = 0.5 * cp.sum_squares(cp.multiply(np.sqrt(width[layer]), s)) if len(payer) else 0.5 * cp.sum_squares(s)
    full = [across @ s == np.ones(len(width))] if len(width) else []
    return cost, into @ s, Clause("layer", full, r"\sum_{i \in N_k} s_{ik} = 1", "cost of one more unit in every layer")
