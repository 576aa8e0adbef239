"""How large is the tail of a loss, and what does each payer contribute to it?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.facts.checks import number
from allocopt.facts.scenarios import read_losses, read_scenarios, scenario_probabilities, tail_level
from allocopt.maths.tails import MEASURES, density, quantile_density, risks


def var(losses: Any, level: float = 0.99, weights: Any = None) -> float:
    r"""Value at risk: the smallest amount that losses stay within with probability ``level``.

    .. math:: \mathrm{VaR}_\alpha = \inf\{q : P(\ell \le q) \ge \alpha\}

    ``losses`` has one entry per scenario, in currency, *positive where money is lost* (the opposite of a P&L);
    ``weights`` are probabilities of the scenarios, all alike when left out. The lower quantile, an observed loss: no
    interpolation. ``DataError`` for no losses, NaN, or a level outside (0, 1).

    >>> var([1.0, 2.0, 3.0, 4.0], 0.75), var([1.0, 2.0, 3.0, 4.0], 0.76)
    (3.0, 4.0)
    """
    return _risk(losses, "var", level, weights)


def expected_shortfall(losses: Any, level: float = 0.975, weights: Any = None) -> float:
    r"""Expected shortfall: the mean of the worst :math:`1 - \alpha` of losses.

    .. math:: \mathrm{ES}_\alpha = \frac{1}{1 - \alpha} \int_\alpha^1 \mathrm{VaR}_u\, du
       = \min_q\ q + \frac{E(\ell - q)^+}{1 - \alpha}

    ``losses`` has one entry per scenario, in currency, *positive where money is lost* (the opposite of a P&L);
    ``weights`` are probabilities of the scenarios, all alike when left out. The boundary scenario counts with the
    fraction that makes the tail exactly :math:`1 - \alpha`. ``DataError`` for no losses, NaN, a level outside (0, 1).

    Source: Rockafellar and Uryasev (2002); Acerbi and Tasche (2002), both Journal of Banking and Finance 26.

    >>> expected_shortfall([1.0, 2.0, 3.0, 4.0], 0.5)
    3.5
    >>> round(expected_shortfall([1.0, 2.0, 3.0, 4.0], 0.6), 6)  # (4 + 0.6 * 3) / 1.6
    3.625
    """
    return _risk(losses, "es", level, weights)


def _risk(losses: Any, measure: str, level: float, weights: Any) -> float:
    figures = read_losses(losses)
    probabilities = scenario_probabilities(weights, len(figures))
    return float(risks(figures[None, :], measure, tail_level(level), probabilities)[0])


def tail_contributions(
    scenarios: Any, level: float = 0.975, measure: str = "es", weights: Any = None, window: float = 0.0
) -> pd.Series[float]:
    r"""What each payer contributes to the risk of all together, with its sign; contributions add up to that risk.

    .. math:: \kappa_i = \frac{\partial}{\partial h} \rho(\ell + h\, \ell_i) \Big|_{h = 0}, \qquad
       \sum_i \kappa_i = \rho(\ell)

    ``scenarios`` has a row per scenario and a column per payer: profit and loss with *gain > 0*; losses
    :math:`\ell_i` are its negative and :math:`\ell` their sum. ``measure`` is ``"es"`` (mean loss over the tail),
    ``"var"`` (mean loss where the total is at the quantile; ``window`` averages over the levels within it on either
    side) or ``"std"`` (covariance with the total over its standard deviation; no level). Exact tail averages, no finite
    differences: the boundary scenario counts by its fraction, and scenarios tied there share that fraction in
    proportion to their probability. A negative contribution belongs to a payer whose position offsets the others'.

    Returns a Series by column, in currency. ``DataError`` for NaN, no scenarios, a level outside (0, 1).

    >>> pnl = pd.DataFrame({"A": [0.0, -1.0, -6.0, -6.0], "hedger": [0.0, 1.0, 2.0, 1.0]})
    >>> tail_contributions(pnl, 0.5).to_dict()
    {'A': 6.0, 'hedger': -1.5}
    """
    if measure not in MEASURES:
        raise unknown("risk measure", measure, MEASURES)
    chosen = tail_level(level)
    if number(window, "the window") and (measure != "var" or not window < min(chosen, 1.0 - chosen)):
        raise DataError(f"the window is {window:g}; it goes with measure='var' and keeps levels strictly within (0, 1)")
    book = read_scenarios(scenarios, weights)
    if measure == "var":
        found = quantile_density(book.losses, chosen, book.probabilities, window)
    else:
        found = density(book.losses, measure, chosen, book.probabilities)
    return pd.Series(found @ book.losses, index=book.ids, name=f"contribution to {measure}")
