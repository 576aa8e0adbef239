"""What rounds of deleveraging cost: losses per round, regret against a class or the best, variation, churn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import number, vector
from allocopt.judgement.adl_columns import columns, rates
from allocopt.mechanisms.outcome import amount_table


def round_losses(
    needed: pd.Series[float], taken: pd.DataFrame, burdens: pd.DataFrame | None = None, *, under: float = 1.0,
    over: float = 1.0, fair: float | pd.Series[float] = 0.0,
) -> pd.DataFrame:  # fmt: skip
    r"""The loss of every policy in every round: too little taken, too much taken, and the worst burden, each weighed.

    .. math:: \ell_{tp} = \lambda^-\,(B_t - H_{tp})^+ + \lambda^+\,(H_{tp} - B_t)^+ + \phi_t\, m_{tp}

    :math:`B_t` is the budget needed, :math:`H_{tp}` what policy :math:`p` took, in currency, and :math:`m_{tp}` the
    largest burden of an account, a fraction. A venue that fears insolvency sets :math:`\lambda^- > \lambda^+`.

    Parameters
    ----------
    needed : by round. ``taken``, ``burdens`` : rounds x policies, the same rounds and policies.
    under, over : :math:`\lambda^-, \lambda^+ \ge 0`.
    fair : :math:`\phi_t \ge 0`, what a burden of one costs, in currency: a number, or a Series by round (the budget
        needed, in the published table). Money and fractions are not added otherwise.

    Raises
    ------
    DataError : rounds or policies that differ, negative or unknown figures, a weight on burdens that are not given.

    Source: arXiv 2602.15182v1 (2026), equations 9 and 10.

    >>> needed = pd.Series([10.0, 10.0])
    >>> taken = pd.DataFrame({"timid": [8.0, 10.0], "eager": [12.0, 10.0]})
    >>> round_losses(needed, taken, under=3.0).sum().to_dict()
    {'timid': 6.0, 'eager': 2.0}
    """
    sums, taken = amount_table(taken, "taken", "round", "policy")
    if not isinstance(needed, pd.Series):
        raise DataError(f"needed is a {type(needed).__name__}; give a Series by round")
    budget = vector(needed, taken.index, "needed (by round)")[:, None]
    short, much = number(under, "the weight of taking too little"), number(over, "the weight of taking too much")
    weight = vector(fair, taken.index, "the weight of burdens (by round)")[:, None]
    out = short * np.maximum(budget - sums, 0.0) + much * np.maximum(sums - budget, 0.0)
    if burdens is not None:
        worst, burdens = amount_table(burdens, "burdens", "round", "policy")
        if not (taken.index.equals(burdens.index) and taken.columns.equals(burdens.columns)):
            raise DataError("taken and burdens do not have the same rounds and policies in the same order; align them")
        out = out + weight * worst
    elif weight.any():
        raise DataError("burdens have a weight but are not given; pass the largest burden by round and policy")
    return pd.DataFrame(out, index=taken.index, columns=taken.columns)


def class_regret(losses: pd.DataFrame) -> pd.Series[float]:
    r"""What each policy lost beyond the one that, kept throughout, lost least: regret against the class.

    .. math:: \sum_t \ell_{tp} - \min_{p'} \sum_t \ell_{tp'}

    Zero for the best of those listed, which need not be good. Source: arXiv 2602.15182v1 (2026), equation 14.

    >>> class_regret(pd.DataFrame({"queue": [3.0, 0.0], "pro rata": [1.0, 1.0]})).to_dict()
    {'queue': 1.0, 'pro rata': 0.0}
    """
    figures, losses = amount_table(losses, "losses", "round", "policy")
    whole = figures.sum(axis=0)
    return pd.Series(whole - whole.min(initial=np.inf), index=losses.columns, name="regret")


def dynamic_regret(losses: pd.DataFrame, best: pd.Series[float] | None = None) -> pd.Series[float]:
    r"""What each policy lost beyond the best of every single round: :math:`\sum_t (\ell_{tp} - \ell^*_t)`.

    ``best`` holds the least loss that was possible, by round; without it the least among the policies listed stands
    in, which is no optimum and makes every regret too small. A ``best`` above what a policy lost is no lower bound,
    and is refused.

    Source: arXiv 2602.15182v1 (2026), equation 13.

    >>> losses = pd.DataFrame({"queue": [3.0, 0.5], "pro rata": [1.0, 1.0]})
    >>> dynamic_regret(losses).to_dict(), dynamic_regret(losses, pd.Series([0.5, 0.5])).to_dict()
    ({'queue': 2.0, 'pro rata': 0.5}, {'queue': 2.5, 'pro rata': 1.0})
    """
    figures, losses = amount_table(losses, "losses", "round", "policy")
    if best is None:
        least = figures.min(axis=1, initial=np.inf) if figures.shape[1] else np.zeros(len(figures))
    else:
        least = vector(best, losses.index, "best (by round)")
        beaten = figures < least[:, None] * (1 - 1e-12)
        if beaten.any():
            t, p = (int(at) for at in np.argwhere(beaten)[0])
            raise DataError(
                f"best: in round {losses.index[t]!r} policy {losses.columns[p]!r} lost {figures[t, p]:,.6g}, less than "
                f"the {least[t]:,.6g} said to be the least possible; give a lower bound"
            )
    return pd.Series((figures - least[:, None]).sum(axis=0), index=losses.columns, name="regret")


def path_variation(path: Any) -> float:
    r"""How far a path travels: :math:`\sum_{t > 1} |z_t - z_{t-1}|`, summed over columns when there are several.

    >>> path_variation([0.0, 1.0, 0.5])
    1.5
    """
    frame = path if isinstance(path, pd.DataFrame) else pd.DataFrame({"z": columns(low=-np.inf, path=path)[1][0]})
    figures, _ = amount_table(frame, "path", "round", "column", low=-np.inf)
    return float(np.abs(np.diff(figures, axis=0)).sum())


def effective_slopes(closed: pd.DataFrame, slopes: Any) -> pd.Series[float]:
    r"""The price impact that the closings of each round meet, weighed by what they cost.

    .. math:: \bar\alpha_t = \frac{\sum_i \alpha_i\, q_{it}^2}{\sum_i q_{it}^2}

    ``closed`` are quantities :math:`q_{it} \ge 0`, rounds x accounts; :math:`\alpha_i \ge 0` the slope of the price in
    the quantity of account :math:`i`. NaN in a round in which nothing is closed. A queue takes accounts one by one and
    goes wherever their slopes go; pro rata always meets the same mixture.

    Source: arXiv 2602.15182v1 (2026), Proposition 11.

    >>> effective_slopes(pd.DataFrame({"A": [1.0, 0.0], "B": [0.0, 2.0]}), [0.1, 0.3]).to_list()
    [0.1, 0.3]
    """
    figures, closed = amount_table(closed, "closed", "round", "account")
    alpha = vector(slopes, closed.columns, "slopes (by account)")
    most = figures.max(axis=1, keepdims=True, initial=0.0)
    square = (figures / np.where(most > 0, most, 1.0)) ** 2
    whole = square.sum(axis=1)
    met = np.divide(square @ alpha, whole, out=np.full(len(figures), np.nan), where=whole > 0)
    return pd.Series(met, index=closed.index, name="slope")


def churn_probability(haircut: Any, endowment: Any, beta: float = 8.0) -> pd.Series[float]:
    r"""The probability that a winner leaves after being cut: :math:`1 - e^{-\beta\, x_i / w_i}`, by account.

    The form and :math:`\beta = 8` are **assumptions** of the first paper's code, fitted to nothing that is published:
    at that value an account that loses a tenth of its profit leaves with probability .55. The sum over accounts is
    the number expected to leave.

    Source: Chitra (2025), arXiv 2512.01112 (form), and its code (the constant).

    >>> churn_probability([1.0, 0.0, 5.0], [10.0, 10.0, 5.0]).round(4).to_list()
    [0.5507, 0.0, 0.9997]
    """
    ids, (x, w) = columns(haircut=haircut, endowment=endowment)
    pull = number(beta, "beta")
    burden = rates(x, w)
    return pd.Series(-np.expm1(-pull * burden) if pull > 0 else 0.0 * x, index=ids, name="churn")
