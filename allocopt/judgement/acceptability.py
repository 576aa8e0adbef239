r"""How often an option is first, second, ... over all weights of a weight set: exact where volumes are, else by draws.

Weights are uniform on a simplex given by its vertices, one per column: the unit vectors for weights of which nothing is
known, one point for weights that are known, the corners of :math:`w_1 \ge w_2 \ge \dots` for an order of importance.
An option's value is :math:`u_i(w, \xi) = \sum_k w_k v_{ki}(\xi)`, with scores :math:`\xi` that may vary too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from allocopt.facts.checks import Array
from allocopt.judgement.inequality import ROUNDING

_BLOCK = 4096


class Acceptability(NamedTuple):
    """What :func:`acceptability` finds: probabilities, the weights that favour an option, and their Monte Carlo error.

    ``ranks`` (options, ranks) and ``winning`` (options, options) are probabilities, ``central`` (criteria, options) the
    mean of the weights under which an option is first (NaN: none), ``confidence`` (options,) the probability that it is
    first at those. ``errors`` are the standard errors of ``ranks``, zero when ``draws`` is, for then all is exact;
    ``winning`` always is.
    """

    ranks: Array
    winning: Array
    central: Array
    confidence: Array
    errors: Array
    draws: int


def above_zero(slopes: Array) -> Array:
    r"""The part of the unit simplex on which a linear function is above zero: :math:`P(\sum_k w_k d_k > 0)`.

    .. math:: P_{jk} = \frac{y_k P_{j-1,k} + x_j P_{j,k-1}}{x_j + y_k}, \quad P_{0k} = 1,\ P_{j0} = 0

    over the falls :math:`x_j = -d_j \ge 0` and the rises :math:`y_k = d_k > 0`; the last entry is the volume. Every
    step is a mean of probabilities, so no digits cancel as they do in the closed formula. ``slopes`` (criteria, ...).

    Source: Varsi, The multidimensional content of the frustum of the simplex, Pacific Journal of Mathematics 46, 1973,
    303-314.

    >>> above_zero(np.array([1.0, -3.0])).item()
    0.25
    """
    rises = slopes > 0
    part = [np.zeros(slopes.shape[1:])]
    for rise in rises:
        part.append(np.where(rise, 1.0, part[-1]))
    for j, fall in enumerate(slopes):
        for k, rise in enumerate(slopes):
            with np.errstate(invalid="ignore", divide="ignore"):
                mean = (rise * part[k + 1] - fall * part[k]) / (rise - fall)
            part[k + 1] = np.where(rises[k], np.where(rises[j], part[k + 1], mean), part[k])
    return np.asarray(part[-1])


def winning(values: Array, vertices: Array) -> Array:
    """How often the option of the row has the higher value than that of the column, exact; ties win for neither.

    ``values`` (scenarios, criteria, options); every scenario counts the same.
    """
    corners = np.einsum("kv,ski->vsi", vertices, values)
    one, other = np.triu_indices(values.shape[2], 1)
    gap = (corners[:, :, one] - corners[:, :, other]).reshape(len(corners), -1)
    gap[np.abs(gap) <= ROUNDING] = 0.0
    # In blocks that stay in the cache.
    ahead = np.concatenate([above_zero(gap[:, at : at + _BLOCK]) for at in range(0, max(1, gap.shape[1]), _BLOCK)])
    behind = np.where(gap.any(axis=0), 1.0 - ahead, 0.0)
    out = np.zeros((values.shape[2],) * 2)
    out[one, other] = ahead.reshape(len(values), -1).mean(axis=0)
    out[other, one] = behind.reshape(len(values), -1).mean(axis=0)
    return out


def acceptability(values: Array, vertices: Array, draws: int, rng: np.random.Generator) -> Acceptability:
    r"""Rank acceptability, central weights, confidence factors and pairwise winning of options over a weight set.

    .. math:: b_i^r = P\{1 + \#\{j : u_j > u_i\} = r\}, \qquad w_i^c = E[w \mid i \text{ first}], \qquad
        p_i^c = P\{i \text{ first at } w_i^c\}

    ``values`` (scenarios, criteria, options) between 0 and 1, higher better, every scenario as likely; ``vertices``
    (criteria, corners). Values within 1e-9 share a rank. On a point or a segment of weights the cells between crossings
    are measured exactly, otherwise ``draws`` weights are drawn, spread evenly over the scenarios.

    Source: Lahdelma, Hokkanen and Salminen, European Journal of Operational Research 106, 1998, 137-143; Tervonen and
    Lahdelma, European Journal of Operational Research 178, 2007, 500-513.
    """
    scenarios, criteria, options = values.shape
    exact = vertices.shape[1] <= 2
    ranks = np.zeros((options, options))
    first, pulled = np.zeros(options), np.zeros((criteria, options))
    if exact:
        batches = [(*_cells(one, vertices), one[None]) for one in values]
    else:
        each = -(-draws // scenarios)
        draws = each * scenarios
        # A gigabyte would hold the draws of few criteria; groups of scenarios keep the largest array near 32 MB.
        step = max(1, 4_000_000 // (each * max(criteria, options**2)))
        batches = [
            (*_drawn(len(values[at : at + step]), each, vertices, rng), values[at : at + step])
            for at in range(0, scenarios, step)
        ]
    for weights, mass, part in batches:
        place = ranked(weights @ part)
        for r in range(options):
            ranks[:, r] += np.einsum("sd,sdi->i", mass, place == r)
        leads = mass[:, :, None] * (place == 0)
        first += leads.sum(axis=(0, 1))
        pulled += np.einsum("sdk,sdi->ki", weights, leads)
    ranks /= scenarios if exact else draws
    central = np.divide(pulled, first, out=np.full_like(pulled, np.nan), where=first > 0)
    # A rank that no draw has is not impossible: with one draw more on either side the error is never zero.
    likely = (ranks * draws + 1) / (draws + 2)
    errors = np.zeros_like(ranks) if exact else np.sqrt(likely * (1 - likely) / draws)
    return Acceptability(
        ranks, winning(values, vertices), central, _confidence(values, central), errors, 0 if exact else draws
    )


def ranked(values: Array) -> Array:
    """How many options have a higher value (last axis), to a part in 1e9; options that tie share a place."""
    return np.asarray((values[..., None, :] > values[..., :, None] + ROUNDING).sum(axis=-1))


def _cells(values: Array, vertices: Array) -> tuple[Array, Array]:
    """Weights in the middle of the cells in which no two options cross, and how large the cells are."""
    ends = vertices.T @ values
    if len(ends) == 1:
        return vertices.T[None], np.ones((1, 1))
    gap = ends[:, :, None] - ends[:, None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        crossings = gap[0] / (gap[0] - gap[1])
    inside = crossings[(crossings > 0) & (crossings < 1)]
    knots = np.unique(np.concatenate([[0.0, 1.0], inside]))
    middle = (knots[1:] + knots[:-1]) / 2
    weights = np.outer(1 - middle, vertices[:, 0]) + np.outer(middle, vertices[:, 1])
    return weights[None], np.diff(knots)[None]


def _drawn(scenarios: int, each: int, vertices: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    flat = rng.standard_exponential((scenarios, each, vertices.shape[1]))
    flat /= flat.sum(axis=2, keepdims=True)
    return flat @ vertices.T, np.ones((scenarios, each))


def _confidence(values: Array, central: Array) -> Array:
    out = np.zeros(values.shape[2])
    for i in np.flatnonzero(~np.isnan(central).any(axis=0)):
        out[i] = (ranked(central[:, i] @ values)[:, i] == 0).mean()
    return out


def least_shift(ahead: Array, weights: Array) -> tuple[float, Array]:
    r"""The least weight that must move before a lead is gone, and the weights then; infinite when no weights undo it.

    .. math:: \min_{w'} \tfrac12 \sum_k |w'_k - w_k| \quad \text{s.t.} \quad \sum_k d_k w'_k \le 0,\ w' \ge 0,\
        \sum_k w'_k = 1

    ``ahead`` holds d, by how much the leader is better on each criterion. Weight is taken where the lead is largest and
    put where it is smallest, which no other move can better.

    >>> least_shift(np.array([0.5, -0.1]), np.array([0.5, 0.5]))[0]
    0.33333333333333337
    """
    lead = float(ahead @ weights)
    moved = weights.astype(np.float64)
    if lead <= ROUNDING:
        return 0.0, moved
    to = int(np.argmin(ahead))
    if ahead[to] > 0:
        return float("inf"), moved
    total = 0.0
    for at in np.argsort(-ahead, kind="stable"):
        rate = float(ahead[at] - ahead[to])
        if rate <= 0:
            break
        step = min(float(weights[at]), lead / rate)
        moved[at] -= step
        moved[to] += step
        total += step
        lead -= step * rate
        if step < weights[at]:
            break
    return total, moved
