"""Numbers as they are printed: amounts that line up, scores in three figures, residuals as powers of ten."""

from __future__ import annotations

import math

from allocopt.judgement.inequality import ROUNDING

_FIGURES = 8  # figures that amounts below one keep


def decimals(top: float) -> int:
    """To how many places amounts are printed when the largest is ``top``: cents, fewer when huge, more when tiny.

    >>> decimals(107e6), decimals(50.0), decimals(0.003)
    (0, 2, 10)
    """
    if not math.isfinite(top) or top <= 0:
        return 2
    if top >= 1e5:
        return 0
    return 2 if top >= 1 else _FIGURES - 1 - math.floor(math.log10(top))


def amount(value: float, places: int) -> str:
    """An amount with its thousands set apart; no cap reads as ∞ and an unknown figure as a dash.

    >>> amount(1234567.891, 2), amount(float("inf"), 2), amount(float("nan"), 0), amount(-0.0, 2)
    ('1,234,567.89', '∞', '–', '0.00')
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:,.{places}f}"
    return text.replace("-", "−") if text.strip("-0.,") else text.lstrip("-")


def figure(value: float) -> str:
    """A price: six significant figures, thousands set apart, powers of ten only for the very small and very large.

    >>> figure(0.66875), figure(1250907.3), figure(-56.0927), figure(3e-9), figure(0.0)
    ('0.66875', '1,250,907', '−56.0927', '3e−9', '0')
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value) or (value != 0 and not 1e-5 <= abs(value) < 1e12):
        return _power(value)
    places = 0 if value == 0 else min(10, max(0, 5 - math.floor(math.log10(abs(value)))))
    text = f"{value:,.{places}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")


def percent(value: float) -> str:
    """A part of a whole.

    >>> percent(0.0764)
    '7.64 %'
    """
    return "–" if math.isnan(value) else f"{value:.2%}".replace("%", " %")


def residual(value: float) -> str:
    """How far an answer is from exact, as a fraction of the loss.

    >>> residual(0.0), residual(3.2e-16), residual(1e-6), residual(float("nan"))
    ('0', '3.2e−16', '1e−6', 'unknown')
    """
    return "unknown" if math.isnan(value) else "0" if value == 0 else _power(value)


def _power(value: float) -> str:
    """Two figures and a power of ten, without the zeros that a machine pads it with."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}".replace("-", "−")


def digits(value: float) -> str:
    """A score in three significant figures; what rounding left of a zero reads as zero.

    >>> digits(0.12345), digits(1e-17), digits(float("inf")), digits(float("nan"))
    ('0.123', '0', '∞', '–')
    """
    if math.isnan(value):
        return "–"
    if abs(value) < ROUNDING:
        return "0"
    return f"{value:.3g}".replace("-", "−") if 1e-4 <= abs(value) < 1e5 else _power(value)
