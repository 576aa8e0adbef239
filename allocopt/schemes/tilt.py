r"""How much more than in proportion leverage counts: the factor :math:`g` of risk-aware pro-rata."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array

TILTS = ("power", "linear", "cvar", "optimal")


def shortfall(room: Any, mean: float, deviation: float, scenarios: Array | None = None) -> Array:
    r"""What an account with this much room is expected to lose beyond it: :math:`\psi(u) = E[(u + Z)^-]`.

    .. math:: \psi(u) = \sigma\, \varphi(d) - (u + \mu)\, \Phi(-d),\quad d = \frac{u + \mu}{\sigma}
       \qquad (Z \sim N(\mu, \sigma^2)),\qquad \psi(u) = \tfrac1S \textstyle\sum_s (u + z_s)^-

    :math:`u` is the equity per unit of notional, :math:`Z` the relative move of the position, > 0 in its favour:
    normal, or one of ``scenarios`` (equally likely). Infinite room loses nothing.

    >>> shortfall([0.0, 0.1], 0.0, 0.1).round(6).tolist(), shortfall(0.1, 0.0, 0.0, np.array([0.2, -0.3])).item()
    ([0.039894, 0.008332], 0.09999999999999999)
    """
    from scipy.special import ndtr

    u = np.asarray(room, dtype=np.float64)
    if scenarios is not None:
        moves = np.sort(scenarios)
        below = np.searchsorted(moves, -u)  # how many moves use up more than the room
        sums = np.concatenate(([0.0], np.cumsum(moves)))[below]
        return np.where(below > 0, np.maximum(-(np.where(below > 0, u, 0.0) * below + sums), 0.0), 0.0) / len(moves)
    middle = np.where(np.isfinite(u), u, 0.0) + mean
    if deviation == 0:
        return np.where(np.isfinite(u), np.maximum(-middle, 0.0), 0.0)
    d = middle / deviation
    lost = deviation * np.exp(-0.5 * d * d) / np.sqrt(2.0 * np.pi) - middle * ndtr(-d)
    return np.where(np.isfinite(u), np.maximum(lost, 0.0), 0.0)


def weights(
    g: str | Callable[[Array], Any], leverage: Array, *, power: float = 0.0, threshold: float = 0.0,
    mean: float = 0.0, deviation: float = 0.1, scenarios: Array | None = None,
) -> Array:  # fmt: skip
    r"""Leverage times :math:`g` of it, relative to the largest in each row: how fast each payer's rate rises.

    >>> weights("cvar", np.array([1.0, 2.0, 4.0]), threshold=1.0)
    array([0.        , 0.16666667, 1.        ])
    """
    if g in ("power", "linear"):
        most = leverage.max(axis=-1, keepdims=True, initial=0.0)
        exponent = 2.0 if g == "linear" else 1.0 + power
        return np.asarray((leverage / (most + (most == 0))) ** exponent)
    if g == "cvar":
        out = leverage * np.maximum(leverage - threshold, 0.0)
    elif g == "optimal":
        with np.errstate(divide="ignore"):
            room = np.where(leverage > 0, 1.0 / np.where(leverage > 0, leverage, 1.0), np.inf)
        out = leverage * shortfall(room, mean, deviation, scenarios)
    else:
        out = leverage * _called(g, leverage)
    most = out.max(axis=-1, keepdims=True, initial=0.0)
    return np.asarray(out / (most + (most == 0)))


def _called(g: Any, leverage: Array) -> Array:
    """What a function of one's own makes of the leverages, checked."""
    made = np.asarray(g(leverage.copy()), dtype=np.float64)
    if made.shape not in ((), leverage.shape):
        raise DataError(f"g returns the shape {made.shape} for leverages of shape {leverage.shape}; give one of each")
    bad = ~(np.isfinite(made) & (made >= 0))
    if bad.any():
        at = float(np.broadcast_to(leverage, bad.shape)[bad].flat[0]) if bad.shape else float(leverage.flat[0])
        raise DataError(f"g({at:g}) is {made[bad].flat[0]:g}; expected a finite factor >= 0 at every leverage")
    return made
