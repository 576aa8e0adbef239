r"""The centroid of all divisions of an amount among claims: a sum over corners, a conditional mean, or a sample.

:math:`L` is the amount, :math:`c_i` the claims, with :math:`0 < L < \sum_i c_i`; an infinite claim counts as :math:`L`.
"""

from __future__ import annotations

from math import hypot, inf, lcm, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Complex = NDArray[np.complexfloating]

# Up to here the 2^n corners are looked at in exact integers in a few milliseconds; twice that many take seconds.
FEW = 12
ENUMERABLE = 20

_EPS = float(np.finfo(np.float64).eps)
_TERMS = 2**24  # complex numbers one Fourier series may cost, a second or two
_BLOCK = 2**19
_FAR = 50.0  # e^-50 is what the copies one period away may add, far below rounding

# Amounts on the grid of one part in 1,680 (sixteenths, and thirds, fifths and sevenths of them) are whole on it.
_PARTS = 1680
_ROUND_OFF = 4 * np.finfo(np.float64).eps  # of an amount: what floats that stand for a fraction may be off by
_WHOLE = 2.0**62  # sums of products below this stay whole in 64 bits; beyond it they are Python's own

_CELLS = 2**19  # questions x subsets held at once


def average_of_awards(amount: float, claims: Array) -> Array | None:
    r"""The centroid of all divisions :math:`\{x : 0 \le x \le c, \sum x = L\}`; None when only sampling can find it.

    Small problems are summed over corners in exact integers; larger ones are a conditional mean of independent uniform
    amounts, found by a Fourier series that converges fast when there are many.
    """
    sure, rest, some = _contested(amount, claims)
    room = claims[some] - sure[some]
    if not len(room):
        return np.asarray(sure * (amount / sure.sum()))
    room = np.minimum(room, rest)
    centre = centroid_by_corners(rest, room) if len(room) <= FEW else conditional_means(rest, room)
    if centre is None and len(room) <= ENUMERABLE:
        centre = centroid_by_corners(rest, room)
    if centre is None:
        return None
    sure[some] += centre * (rest / centre.sum())
    return sure


def sampled_average_of_awards(
    amount: float, claims: Array, draws: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """The centroid estimated, and the standard error of every share.

    All but the largest claim are drawn independently, tilted so that the sum is right on average; the largest takes
    what is left of the amount, and the draw counts by the density of that (zero outside its claim).
    """
    sure, rest, some = _contested(amount, claims)
    error = np.zeros(len(claims))
    if not some.any():
        return np.asarray(sure * (amount / sure.sum())), error
    centre, error[some] = _importance(rest, np.minimum(claims[some] - sure[some], rest), draws, rng)
    sure[some] += centre
    return sure, error


def _importance(amount: float, claims: Array, draws: int, rng: np.random.Generator) -> tuple[Array, Array]:
    total = float(claims.sum())
    if amount > 0.5 * total:
        centre, error = _importance(total - amount, claims, draws, rng)
        return claims - centre, error
    tilt, last = _tilt(amount, claims), int(np.argmax(claims))
    z = tilt * claims
    u = rng.random((draws, len(claims)))
    x = claims * np.where(z < -1e-12, np.log1p(u * np.expm1(z)) / np.where(z < -1e-12, z, 1.0), u)
    x[:, last] = 0.0
    x[:, last] = amount - x.sum(axis=1)
    inside = (x[:, last] >= 0.0) & (x[:, last] <= claims[last])
    weight = np.where(inside, np.exp(tilt * np.maximum(x[:, last], 0.0)), 0.0)
    weight /= weight.sum()
    centre = weight @ x
    return centre, np.sqrt((weight**2) @ (x - centre) ** 2)


def _contested(amount: float, claims: Array) -> tuple[Array, float, NDArray[np.bool_]]:
    """What nobody else can take goes to each first; neither that nor cutting claims to the rest moves the centroid."""
    counted = np.minimum(claims, amount)
    sure = np.maximum(amount - (counted.sum() - counted), 0.0)
    rest = amount - float(sure.sum())
    return sure, rest, (counted > sure) & (rest > 4 * _EPS * amount)


def centroid_by_corners(amount: float, claims: Array) -> Array:
    r"""Inclusion and exclusion over the :math:`2^n` corners, in integers, so that nothing cancels.

    .. math:: x_i = \frac{\sum_S (-1)^{|S|} \left[ T_S^n / n + 1_{i \in S}\, c_i\, T_S^{n-1} \right]}
       {\sum_S (-1)^{|S|}\, T_S^{n-1}}, \qquad T_S = (L - c(S))^+
    """
    tops, bottom = corner_sums(amount, claims)
    # No volume: the amount is the sum of the claims to the last bit, and pays them.
    return np.array([top / bottom for top in tops]) if bottom else claims.copy()


def corner_sums(amount: Any, claims: Any) -> tuple[list[int], int]:
    """The centroid as whole numbers over a common one, from floats or fractions."""
    n = len(claims)
    whole = [value.as_integer_ratio() for value in (*claims, amount)]
    base = lcm(*(below for _, below in whole))
    *c, total = (above * (base // below) for above, below in whole)
    left, sign = np.array([total], dtype=object), np.array([1], dtype=object)
    for claim in c:
        left, sign = np.concatenate((left, left - claim)), np.concatenate((sign, -sign))
    left = np.where(left > 0, left, 0)
    face = sign * left ** (n - 1)
    volume, spread = int(face.sum()), int((face * left).sum())
    inside = [int(face.reshape(-1, 2, 1 << i)[:, 1].sum()) for i in range(n)]
    return [spread + n * claim * part for claim, part in zip(c, inside, strict=True)], n * volume * base


def conditional_means(amount: float, claims: Array) -> Array | None:
    r"""Means of independent :math:`U_i` uniform on :math:`[0, c_i]`, given that they sum to the amount.

    Weighting each :math:`U_i` by :math:`e^{\theta U_i}` changes nothing about them given their sum; the tilt is chosen
    so that the sum has the amount as its mean, where its density is largest and its Fourier series has no cancellation.
    The sum has bounded support, so on a period that covers it the series is exact. Returns None when it would be too
    long: when all but two or three claims are negligible.
    """
    total = float(claims.sum())
    if amount > 0.5 * total:
        other = conditional_means(max(total - amount, 0.0), claims)
        return None if other is None else claims - other
    tilt = _tilt(amount, claims)
    period = _period(tilt, claims)
    harmonics = _harmonics(tilt, period, claims)
    if harmonics is None:
        return None
    density, moments = 0.0, np.zeros(len(claims))
    centre = claims * _mean(tilt * claims)
    for first in range(0, harmonics, max(1, _BLOCK // len(claims))):
        k = np.arange(first, min(harmonics, first + max(1, _BLOCK // len(claims))))
        turn = 2j * np.pi * k[:, None] / period
        z = (tilt + turn) * claims
        wave = np.prod(_transform(z) / _transform(tilt * claims + 0j) * np.exp(-turn * centre), axis=1)
        wave *= np.exp(turn[:, 0] * (centre.sum() - amount)) * np.where(k > 0, 2.0, 1.0)
        density += float(wave.real.sum())
        moments += (wave[:, None] * _mean(z)).real.sum(axis=0)
    return np.asarray(np.clip(claims * moments / density, 0.0, claims))


def _tilt(amount: float, claims: Array) -> float:
    """The tilt at most zero under which the sum has the amount as its mean, by bisection: any nearby value serves."""
    low, high = -len(claims) / amount, 0.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if float(claims @ _mean(middle * claims).real) < amount else (low, middle)
    return high


def _variance(z: Array, claims: Array) -> Array:
    """Variances of the tilted amounts."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        spread = np.where(np.abs(z) < 1e-2, 1 / 12, 1 / z**2 - 0.25 / np.sinh(0.5 * z) ** 2)
    return np.asarray(claims**2 * spread)


def _period(tilt: float, claims: Array) -> float:
    """The support of the sum, or less where the copies one period away are provably below rounding.

    Bernstein's inequality twice: for amounts bounded by the largest claim, and for amounts whose k-th moment is at most
    k / |tilt| times the one before, as it is for every tilted one.
    """
    variance = _variance(tilt * claims, claims)
    squares = variance + (claims * _mean(tilt * claims).real) ** 2
    reach = _FAR * float(claims.max()) / 3
    bounded = reach + (reach**2 + 2 * _FAR * float(variance.sum())) ** 0.5
    tail = _FAR / -tilt if tilt < 0 else inf
    return min(float(claims.sum()), float(bounded), tail + hypot(tail, (2 * _FAR * float(squares.sum())) ** 0.5))


def _harmonics(tilt: float, period: float, claims: Array) -> int | None:
    """How many terms until a bound on all later ones is below rounding; None when that is too many.

    A tilted transform is at most coth(|tilt| c / 2) |tilt| / |tilt + it|, and exp(-2 t^2 var / pi^2) while t c <= pi.
    """
    z = np.abs(tilt) * claims
    variance = _variance(tilt * claims, claims)
    with np.errstate(divide="ignore", invalid="ignore"):
        lead = np.log(np.where(z > 1e-8, np.abs(tilt) / np.tanh(0.5 * z), 2.0 / claims))
    terms = 16
    while terms * len(claims) <= _TERMS:
        t = 2 * np.pi * terms / period
        bound = np.minimum(lead - np.log(np.hypot(tilt, t)), 0.0)
        near = t * claims <= np.pi
        bound[near] = np.minimum(bound[near], -2 * (t / np.pi) ** 2 * variance[near])
        if float(bound.sum()) < log(_EPS * 1e-3 / terms):
            return terms
        terms *= 2
    return None


def _transform(z: Complex) -> Complex:
    """(e^z - 1) / z, the transform of the uniform law, with its limit 1 at zero."""
    zero = z == 0
    safe = np.where(zero, 1.0, z)
    return np.asarray(np.where(zero, 1.0, np.expm1(safe) / safe))


def _mean(z: NDArray[np.inexact]) -> NDArray[np.inexact]:
    """1 / (1 - e^-z) - 1 / z, its logarithmic derivative; by its series near zero, where the two terms cancel."""
    near = np.abs(z) < 0.1
    safe = np.where(near, 1.0, z)
    series = 0.5 + z * (1 / 12 - z**2 * (1 / 720 - z**2 * (1 / 30240 - z**2 / 1209600)))
    with np.errstate(over="ignore", invalid="ignore"):
        # e^z / (e^z - 1): for a negative real part the exponential is bounded
        direct = np.exp(safe) / np.expm1(safe) - 1.0 / safe
    return np.asarray(np.where(near, series, direct))


def on_grid(amounts: Array, claims: Array) -> NDArray[np.bool_]:
    """Which questions (S) have an amount and claims (S, n) that are whole numbers of parts."""
    values = np.column_stack((claims, amounts)) * _PARTS
    return np.asarray((np.abs(values - np.rint(values)) <= _ROUND_OFF * values).all(axis=1))


def centroids(amounts: Array, claims: Array) -> Array:
    r"""The centroid of :math:`\{x : 0 \le x \le c, \sum x = L\}` for each question: amounts (S) and claims (S, n).

    .. math:: x_i = \frac{\sum_T (-1)^{|T|} \left[ R_T^m / m + 1_{i \in T}\, c_i\, R_T^{m-1} \right]}
       {\sum_T (-1)^{|T|}\, R_T^{m-1}}, \qquad R_T = (L - c(T))^+

    over the subsets T of the m claims that are not zero. Amounts must lie above zero and below the sum of the claims,
    and all be :func:`on_grid`; the answer is then exact up to its last rounding.

    >>> centroids(np.array([1.0, 3.0]), np.array([[1.0, 1.0], [1.0, 4.0]]))
    array([[0.5, 0.5],
           [0.5, 2.5]])
    """
    awards = np.zeros(claims.shape)
    cut = np.minimum(claims, amounts[:, None])
    counts = (cut > 0).sum(axis=1)
    for m in np.unique(counts).tolist():
        rows = np.flatnonzero(counts == m)
        for some in np.array_split(rows, -(-(len(rows) << m) // _CELLS)):
            order = np.argsort(-cut[some], axis=1, kind="stable")[:, :m]
            found = _same_count(amounts[some], np.take_along_axis(cut[some], order, axis=1), m)
            awards[some[:, None], order] = found
    return awards


def _same_count(amounts: Array, claims: Array, m: int) -> Array:
    if m == 1:
        return amounts[:, None]
    whole, total = np.rint(claims * _PARTS), np.rint(amounts * _PARTS)
    kind = np.int64 if m * 2.0**m * float(total.max()) ** m < _WHOLE else object
    c = whole.astype(np.int64).astype(kind)
    left = total.astype(np.int64).astype(kind)[:, None]
    sign = np.ones(1, dtype=np.int64)
    for i in range(m):
        left, sign = np.concatenate((left, left - c[:, i : i + 1]), axis=1), np.concatenate((sign, -sign))
    left = np.where(left > 0, left, 0)
    face = sign * left ** (m - 1)
    volume, spread = face.sum(axis=1), (face * left).sum(axis=1)
    full = volume == 0  # an amount that rounds to the sum of the claims pays them
    volume = np.where(full, 1, volume)
    inside = [face.reshape(len(c), -1, 2, 1 << i)[:, :, 1].sum(axis=(1, 2)) for i in range(m)]
    tops = [spread + m * c[:, i] * part for i, part in enumerate(inside)]
    found = np.column_stack([(top / (m * volume)).astype(np.float64) for top in tops]) / _PARTS
    return np.where(full[:, None], claims, found)
