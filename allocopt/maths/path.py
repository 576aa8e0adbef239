"""Integrals over the path from nothing to everything, refined where the integrand turns fast or jumps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from allocopt.facts.checks import Array

_NODES = 8
_HALVINGS = 44  # a jump is closed in to 2^-44 of the path, below rounding
_PANELS = 4096  # where so many are open, it is noise that keeps them open, and halving does not help


def integral(integrand: Callable[[Array], Array], tolerance: float, edges: Array | None = None) -> Array:
    r"""The integral over [0, 1] of a vector that depends on one number, :math:`\int_0^1 g(\tau)\, d\tau`.

    ``integrand`` takes k numbers and gives k rows. Every panel (between ``edges``; the whole interval when left out) is
    integrated by eight Gauss-Legendre nodes at once and in two halves; it counts when both agree in every entry within
    ``tolerance``, and is halved otherwise. A jump costs some forty halvings and nothing elsewhere.

    >>> integral(lambda t: np.column_stack([t**2, np.where(t < 0.3, 0.0, 1.0)]), 1e-12).round(9)
    array([0.33333333, 0.7       ])
    """
    points, shares = np.polynomial.legendre.leggauss(_NODES)
    points, shares = 0.5 * (points + 1.0), 0.5 * shares

    def panels(starts: Array, widths: Array) -> Array:
        # One panel at a time: eight rows of a long vector are held, not eight for every panel.
        each = [shares @ integrand(start + width * points) * width for start, width in zip(starts, widths, strict=True)]
        return np.array(each)

    bounds = np.array([0.0, 1.0]) if edges is None else edges
    starts, widths = bounds[:-1], np.diff(bounds)
    whole = panels(starts, widths)
    out = np.zeros(whole.shape[1])
    for _ in range(_HALVINGS):
        halves = np.repeat(0.5 * widths, 2)
        firsts = np.column_stack([starts, starts + 0.5 * widths]).ravel()
        parts = panels(firsts, halves)
        both = parts.reshape(-1, 2, parts.shape[1]).sum(axis=1)
        settled = np.abs(both - whole).max(axis=1, initial=0.0) <= tolerance
        out += both[settled].sum(axis=0)
        open_panels = np.repeat(~settled, 2)
        starts, widths, whole = firsts[open_panels], halves[open_panels], parts[open_panels]
        if not 0 < starts.size <= _PANELS:
            break
    return np.asarray(out + whole.sum(axis=0))
