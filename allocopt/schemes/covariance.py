"""Every payer bears the loss in proportion to the covariance of its losses with those of all."""

from __future__ import annotations

from dataclasses import dataclass

from allocopt.schemes.euler_std import EulerStd


@dataclass(frozen=True, eq=False, kw_only=True)
class Covariance(EulerStd):
    r"""Every payer bears the loss in proportion to the covariance of its losses with those of all.

    .. math:: \kappa_i = L\, \frac{\mathrm{cov}(\ell_i, \ell)}{\mathrm{var}(\ell)}, \qquad \sum_i \kappa_i = L,
       \qquad x_i = \min(c_i,\ p\, \kappa_i^+)

    :math:`\ell_i` is the loss of payer :math:`i` in a scenario (minus its profit and loss), :math:`\ell` that of all.
    The shares are those of ``euler-std``; what differs is that contributions divide the loss itself, so they are the
    shares wherever none is negative and no cap binds.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> pnl = pd.DataFrame({"A": [3.0, 3.0, -3.0, -3.0], "B": [4.0, -4.0, 4.0, -4.0]})
    >>> table = pd.DataFrame({"cap": [90.0, 90.0]}, index=["A", "B"])
    >>> answer = Covariance(scenarios=pnl).allocate(LossProblem(100, table, cap="cap"))
    >>> answer.shares.round(6).to_list(), answer.notes[-1]
    ([36.0, 64.0], 'shares are the contributions')
    """

    name = "covariance"
    aliases = ("covariance-principle",)
    formula = r"x_i = \min(c_i,\ p\, \kappa_i^+),\quad \kappa_i = L\, \mathrm{cov}(\ell_i, \ell) / \mathrm{var}(\ell)"
    source = "Overbeck (2000); Dhaene, Tsanakas, Valdez and Vanduffel (2012), Journal of Risk and Insurance 79:1-28"
    divides = True
