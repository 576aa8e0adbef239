"""The largest rate is made as small as it can be, then the second largest, and so on."""

from __future__ import annotations

from dataclasses import dataclass

from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.schemes.leximin import Leximin


@dataclass(frozen=True, eq=False, kw_only=True)
class Leximax(Leximin):
    r"""The largest rate is as small as it can be, then the second largest, whoever's rate that is.

    .. math:: \operatorname{lex\,min}_x\ \bigl(r_{(1)}, r_{(2)}, \dots, r_{(n)}\bigr) \quad \text{s.t.} \quad
       \sum_i x_i = L,\ 0 \le x_i \le c_i,\ \text{and each constraint of } \texttt{subject_to}

    :math:`r_{(1)} \ge r_{(2)} \ge \dots` are the rates in descending order. ``of="burden"``, :math:`r_i = x_i / w_i`:
    the worst-off payer is the one with the largest burden rate, so this is ``leximin`` of burdens, share for share.
    ``of="residual"``, :math:`r_i = (c_i - x_i) / w_i`: who has most left per key is levelled down first, where
    ``leximin`` of residuals levels up who has least. The two coincide while only budget and caps bind (both are then
    constrained equal losses on the key, the least spread there is) and part when constraints couple the payers.
    :math:`w_i` is the key ``by``, :math:`c_i` the cap and :math:`L` the loss, in currency. Stages, certificate and
    errors are those of ``leximin``.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"cap": [10.0, 30.0, 30.0]}, index=["A", "B", "C"])
    >>> problem = LossProblem(30, table, cap="cap")
    >>> Leximax().allocate(problem).shares.to_list(), Leximax(of="residual").allocate(problem).shares.to_list()
    ([10.0, 10.0, 10.0], [0.0, 15.0, 15.0])
    """

    name = "leximax"
    formula = r"x_i = \min(c_i,\ p\, w_i) \text{ when only budget and caps bind}"
    source = (
        "Ogryczak, Pioro and Tomaszewski (2005), Journal of Telecommunications and Information Technology 3:47-56; "
        "Frank and Murota, arXiv:2007.09616 (decreasingly minimal elements; unique in a base-polyhedron)"
    )

    def _lines(self, problem: LossProblem, weight: Array) -> tuple[float, Array]:
        """Of residuals what is left itself is made small."""
        return (-1.0, problem.caps) if self.of == "residual" else super()._lines(problem, weight)
