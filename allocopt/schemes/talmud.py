"""Half of every claim first, in equal amounts; then what is left of the other halves is made equal."""

from dataclasses import dataclass
from typing import ClassVar

from allocopt.schemes.tal_family import TalFamily


@dataclass(frozen=True, eq=False, kw_only=True)
class Talmud(TalFamily):
    r"""Up to half of all caps losses are shared in equal amounts; beyond it, what is left unpaid is made equal.

    .. math:: x_i = \min(c_i / 2,\ p\, w_i) \ \text{ if } L \le \tfrac12 \textstyle\sum c, \qquad
       x_i = c_i - \min(c_i / 2,\ \mu\, w_i) \ \text{ otherwise}

    The nucleolus of the claims game :math:`v(S) = (L - c(N \setminus S))^+`, and the only consistent rule that divides
    every two-payer problem as the Mishnah does. Both hold for equal weights, the default; ``key`` weights :math:`w_i`
    make amounts equal per unit of weight instead, the weighted hybrid of equal awards and equal losses. Self-dual with
    any weights: both readings give the same shares. Needs finite caps :math:`c_i`.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"claim": [100.0, 200.0, 300.0]}, index=["A", "B", "C"])
    >>> Talmud().allocate(LossProblem(200, table, cap="claim")).shares.to_list()
    [50.0, 75.0, 75.0]
    """

    name = "talmud"
    aliases = ("contested-garment-consistent",)
    formula = r"x_i = \min(c_i/2, p\, w_i)\ \text{ then }\ c_i - \min(c_i/2, \mu\, w_i)"
    objective = r"\sum_i \frac{y_i^2 + z_i^2}{2 w_i} + \bigl(M - c_i / (2 w_i)\bigr) z_i"
    source = (
        "Mishnah Ketubot 93a; Aumann and Maschler (1985), Journal of Economic Theory 36:195-213; "
        "weights: Hokari and Thomson (2003), Economic Theory 21:241-261 (weighted hybrid rules)"
    )

    claims = frozenset({
        "equal treatment", "order preservation of burdens", "order preservation of what is left",
        "claim monotonicity", "others oriented claim monotonicity", "loss monotonicity", "supermodularity",
        "linked claim loss monotonicity", "population monotonicity", "consistency", "null payer", "self duality",
        "midpoint", "homogeneity", "claims truncation invariance", "minimal rights first", "no transfer paradox",
        "lower bound on burdens", "lower bound on what is left", "replication invariance",
        "order preservation under claims variation", "order preservation under population variation",
        "linked loss population monotonicity", "bounded impact of transfers", "separability",
    })  # fmt: skip

    theta: ClassVar[float] = 0.5  # type: ignore[misc]
