r"""Random arrival with weights: orders are drawn from the front, the next to come by its weight among those still out.

.. math:: x_i = E_\pi \min\bigl(c_i,\ (L - c(\text{those before } i))^+\bigr), \qquad
   P(i \text{ comes next after the set } T) = \frac{w_i}{w(N \setminus T)}

The weighted Shapley value of the claims game :math:`v(S) = (L - c(N \setminus S))^+`, in which orders are drawn from
the back. ``last`` turns the queue round: whoever is drawn first is served last, :math:`\min(c_i, (L - c(\text{those
after } i))^+)`, the value of :math:`\min(L, c(S))`. Source: Kalai and Samet, "On weighted Shapley values",
International Journal of Game Theory 16 (1987).
"""

from __future__ import annotations

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array
from allocopt.maths.arrival import ArrivalResult
from allocopt.maths.coalitions import subset_sums

EXACT = 16  # the 2^16 coalitions take a millisecond; beyond, orders are drawn unless enumeration is asked for
ENUMERABLE = 20

_CELLS = 2**19  # amounts held at once while drawing orders
_EPS = float(np.finfo(np.float64).eps)


def weighted_arrival(
    loss: float, claims: Array, weights: Array, last: bool, way: str, draws: int, seed: int | None
) -> ArrivalResult:
    """Awards of one question by enumeration or by sample; ``weights`` above zero, ``loss`` at most all claims.

    >>> weighted_arrival(3.0, np.array([2.0, 3.0]), np.array([1.0, 3.0]), False, "auto", 0, None).values
    array([0.5, 2.5])
    """
    some = claims > 0
    cut, weight = np.minimum(claims[some], loss), weights[some]
    n, values = int(some.sum()), np.zeros(claims.size)
    if way == "dynamic program":
        raise DataError(
            "the dynamic program counts how many came before, which weights do not allow; use way='enumeration' or "
            "'sampled'"
        )
    if way == "enumeration" and n > ENUMERABLE:
        raise DataError(f"{n} claims have 2**{n} coalitions; enumeration ends at {ENUMERABLE}: use way='sampled'")
    if way == "sampled" or (n > EXACT and way != "enumeration"):
        found, error = _sampled(loss, cut, weight, last, draws, seed)
        values[some] = found
        spread = np.zeros(claims.size)
        spread[some] = error
        return ArrivalResult(
            values, spread, f"sampled, {2 * (draws // 2)} weighted orders", float(error.max(initial=0))
        )
    from allocopt.maths.weighted_orders import weighted_shapley_from_table

    sums = subset_sums(cut)
    worths = np.minimum(loss, sums) if last else np.maximum(0.0, loss - sums[::-1])
    worths[0] = 0.0
    values[some] = weighted_shapley_from_table(worths, weight)
    return ArrivalResult(values, 0.0, "exact enumeration", n * n * _EPS * loss)


def served(losses: Array, claims: Array, weights: Array, last: bool) -> Array:
    """Awards (S, n) straight from the definition: every set of those who came before, and its probability.

    >>> served(np.array([3.0]), np.array([[2.0, 3.0]]), np.array([1.0, 3.0]), False)
    array([[0.5, 2.5]])
    """
    n = claims.shape[1]
    masks = np.arange(1 << n)
    weights = weights / weights.max(initial=0.0)
    still = subset_sums(weights)[::-1]  # what those who are still out weigh
    share = np.divide(1.0, still, where=still > 0, out=np.zeros(len(masks)))
    came = np.zeros(1 << n)
    came[0] = 1.0
    sizes = np.bitwise_count(masks)
    for size in range(n):
        layer = masks[sizes == size]
        for i in range(n):
            without = layer[(layer >> i & 1) == 0]
            came[without | 1 << i] += came[without] * share[without] * weights[i]
    before = np.zeros((len(claims), 1))
    for i in range(n):
        before = np.concatenate((before, before + claims[:, i, None]), axis=1)
    awards = np.empty_like(claims)
    for i in range(n):
        without = masks[(masks >> i & 1) == 0]
        ahead = before[:, (len(masks) - 1 - without) ^ 1 << i] if last else before[:, without]
        paid = np.minimum(claims[:, i, None], np.maximum(losses[:, None] - ahead, 0.0))
        awards[:, i] = paid @ (came[without] * share[without] * weights[i])
    return awards


def _sampled(
    loss: float, claims: Array, weights: Array, last: bool, draws: int, seed: int | None
) -> tuple[Array, Array]:
    """The mean over orders by exponential clocks, each with its mirror image, and the standard error."""
    rng, n, pairs = np.random.default_rng(seed), claims.size, draws // 2
    total, squares, done = np.zeros(n), np.zeros(n), 0
    while done < pairs:
        many = min(pairs - done, max(1, _CELLS // max(1, n)))
        chance = rng.uniform(size=(many, n))
        both = np.zeros((many, n))
        for clock in (-np.log1p(-chance), -np.log(np.maximum(chance, np.finfo(np.float64).tiny))):
            order = np.argsort(clock / weights, axis=1)
            queue = claims[order[:, ::-1]] if last else claims[order]
            paid = np.diff(np.minimum(loss, np.cumsum(queue, axis=1)), axis=1, prepend=0.0)
            at = np.empty((many, n))
            np.put_along_axis(at, order, paid[:, ::-1] if last else paid, axis=1)
            both += 0.5 * at
        total += both.sum(axis=0)
        squares += (both**2).sum(axis=0)
        done += many
    mean = total / pairs
    variance = np.maximum(squares / pairs - mean**2, 0.0) * pairs / max(pairs - 1, 1)
    size = float(mean.sum())
    return np.minimum(mean * (loss / size if size > 0 else 1.0), claims), np.sqrt(variance / pairs)
