r"""The Shapley value from random orders of arrival, in sets that balance each other, and how far it can be off."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import Array

Orders = NDArray[np.intp]

KINDS = ("reversed", "rotated", "orthogonal", "Sobol")

_SAMPLED_CELLS = 2**19  # order x player entries held at once while sampling: a few tens of megabytes
_SETS = 24  # independent sets of orders wanted, for their spread is the error: one in ten is off by 15 %


def size_of_sets(kind: str, n: int, pairs: int) -> int:
    """How many orders, reverses not counted, one set of this kind holds when ``pairs`` are to be had in all."""
    most = max(1, pairs // _SETS)
    if kind == "reversed":
        return 1
    if kind == "rotated":
        return min(max(1, n), most)
    if kind == "orthogonal":
        return min(max(1, n - 1), most)
    return 1 << (most.bit_length() - 1)


def sets_of_orders(kind: str, n: int, size: int, many: int, rng: np.random.Generator) -> Orders:
    """``many`` independent sets, each of ``size`` orders and then their reverses: (sets, orders, players).

    Every order on its own is uniformly random. ``reversed``: independent orders. ``rotated``: rotations of one order by
    n/size places, so that everybody arrives about equally often in each part of the queue. ``orthogonal``: the ranks of
    orthogonal directions. ``Sobol``: the ranks of a scrambled Sobol sequence.
    """
    if kind == "reversed":
        orders = rng.permuted(np.tile(np.arange(n), (many, size, 1)), axis=2)
    elif kind == "rotated":
        first = rng.permuted(np.tile(np.arange(n), (many, 1)), axis=1)
        orders = first[:, (np.arange(n) + (np.arange(size) * n // size)[:, None]) % max(1, n)]
    elif kind == "orthogonal":
        directions = rng.standard_normal((many, n, size))
        spread, slope = np.linalg.qr(directions - directions.mean(axis=1, keepdims=True))
        # The signs that the factorisation chose follow the data; with those of the slopes directions are uniform.
        spread = spread * np.sign(np.einsum("kii->ki", slope))[:, None, :]
        orders = np.argsort(spread.transpose(0, 2, 1), axis=2)
    elif kind == "Sobol":
        from scipy.stats.qmc import Sobol

        orders = np.array([np.argsort(Sobol(n, seed=rng).random(size), axis=1) for _ in range(many)])
    else:
        raise unknown("kind of orders", kind, KINDS)
    return np.concatenate((orders, orders[:, :, ::-1]), axis=1)


def shapley_by_orders(
    contributions: Callable[[Orders], Array],
    n: int,
    pairs: int,
    rng: np.random.Generator,
    kind: str = "reversed",
    size: int = 1,
) -> tuple[Array, Array]:
    r"""Estimate the Shapley value from random orders, each taken with its reverse, and say how far it can be off.

    .. math:: \hat\phi_i = \frac{1}{m} \sum_{k=1}^m \frac{1}{2q} \sum_{\pi \in P_k} ( d_i(\pi) + d_i(\bar\pi) )

    ``contributions(orders)`` returns, for each order (one per row), what each arrival adds, in the order of arrival.
    Returns the estimate and its standard error, one entry per player; ``pairs`` orders are drawn from ``rng`` in m sets
    of q = ``size`` (m at least 2) as :func:`sets_of_orders` says. A set with its reverses is one observation: orders
    within are not independent, sets are. For games in which no three players interact an order with its reverse is
    exact.
    """
    sets = pairs // size
    if sets < 2:
        raise DataError(f"{pairs} pair(s) of orders give no standard error; allow at least {2 * size} pairs")
    if n == 0:
        return np.empty(0), np.empty(0)
    total, squares, origin = np.zeros(n), np.zeros(n), np.zeros(n)
    done = 0
    while done < sets:
        many = min(sets - done, max(1, _SAMPLED_CELLS // (2 * size * n)))
        orders = sets_of_orders(kind, n, size, many, rng).reshape(-1, n)
        added = np.empty((len(orders), n))
        np.put_along_axis(added, orders, contributions(orders), axis=1)
        found = added.reshape(many, 2 * size, n).mean(axis=1)
        if not done:
            origin = found.mean(axis=0)  # near the mean, squares of deviations lose no digits
        total += (found - origin).sum(axis=0)
        squares += ((found - origin) ** 2).sum(axis=0)
        done += many
    variance = np.maximum(0.0, squares - total**2 / sets) / (sets - 1)
    return origin + total / sets, np.sqrt(variance / sets)
