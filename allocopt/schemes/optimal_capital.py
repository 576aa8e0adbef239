"""Shares as near as possible to what each payer loses in the scenarios that count for it, by a chosen deviation."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.maths.deviations import Deviations
from allocopt.maths.program import Program
from allocopt.maths.tails import MEASURES
from allocopt.schemes.base import bill, figure, position, single_point
from allocopt.schemes.capital_program import capital_program
from allocopt.schemes.capital_weights import DRIVERS, masses, table_of
from allocopt.schemes.keys import key_values
from allocopt.schemes.risk_rule import Contributions, RiskRule, measure_named

DEVIATIONS = ("quadratic", "absolute", "semi")
SIDES = ("upper", "lower")
_POLICIES = ("program", "allow")
_NEAR = 1e-7  # how well a solver knows the level of a quantile
_OF_VOLUME = ("contribution",)  # words for volumes that are no column


@dataclass(frozen=True, eq=False, kw_only=True)
class OptimalCapital(RiskRule):
    r"""Shares as near as possible to what each payer loses in the scenarios that count for it, by a chosen deviation.

    .. math:: \min_x \sum_i v_i\, E\Bigl[\zeta_i\, D\Bigl(\frac{\ell_i - x_i}{v_i}\Bigr)\Bigr] \quad \text{s.t.} \quad
       \sum_i x_i = L,\ 0 \le x_i \le c_i

    :math:`\ell_i` is the loss of payer :math:`i` in a scenario (minus its profit and loss) and :math:`v_i > 0` its
    ``volume`` (a column, a blend, figures, ``"contribution"`` for :math:`\kappa_i` itself; one each by default),
    divided by the sum of all. :math:`\zeta_i \ge 0`, of mean one, says which scenarios count: those of the joint tail
    (``driver="joint"``), of the payer's ``"own"`` tail, all alike (``"none"``), or of the tail of a market whose profit
    and loss per scenario is given as the ``driver``. The tail is that of ``measure`` at ``level``. ``zeta`` states the
    weights outright: a figure per scenario, or a table of scenarios x payers; each column is divided by its mean.
    :math:`D` is the ``deviation``:

    * ``"quadratic"`` :math:`y^2 / 2`: :math:`x_i = \kappa_i + v_i (L - \sum_j \kappa_j)` inside the bounds, where
      :math:`\kappa_i = E[\zeta_i \ell_i]` is the contribution (the Euler contribution to the measure for the joint
      tail, the stand-alone risk for the own tail);
    * ``"absolute"`` :math:`|y|`: quantiles at one common level, :math:`x_i = F_i^{-1}(\alpha)` under the weights; where
      the level leaves a choice, all go the same fraction of the way from lower to upper quantile. The linear one-sided
      deviations :math:`y^+` and :math:`y^-` differ from half of it by a constant, so give the same shares;
    * ``"semi"``: only losses above the shares count, :math:`(y^+)^2 / 2`, or only those below them (``side="lower"``).

    Beyond the largest losses (``"absolute"``, ``"semi"``) the cost is flat: the rest is spread by volume. With
    ``policy="program"`` no share is negative, with ``"allow"`` it may be; without a loss no money moves either way.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> pnl = pd.DataFrame({"A": [0.0, -1.0], "B": [0.0, -3.0]})
    >>> table = pd.DataFrame({"volume": [1.0, 3.0]}, index=["A", "B"])
    >>> OptimalCapital(scenarios=pnl, level=0.5, volume="volume").allocate(LossProblem(8, table)).shares.to_list()
    [2.0, 6.0]
    >>> quantiles = OptimalCapital(scenarios=pnl, deviation="absolute", driver="none")
    >>> quantiles.allocate(LossProblem(2, table)).shares.to_list()
    [0.5, 1.5]
    """

    name = "optimal-capital"
    aliases = ("dhaene",)
    formula = r"x_i = \kappa_i + p\, v_i,\quad F_i^{-1}(\alpha) \text{ or the like, within } 0 \le x_i \le c_i"
    objective = r"\sum_i v_i\, E\Bigl[\zeta_i\, D\Bigl(\frac{\ell_i - x_i}{v_i}\Bigr)\Bigr]"
    letters = MappingProxyType(
        {
            r"v_i": "volume of payer i, all adding up to 1",
            r"F_i": "distribution of the loss of payer i under its weights",
            r"\alpha": "the level that all payers share",
            r"\zeta_i": "weight of a scenario for payer i, mean 1",
            r"D": "the deviation: square, absolute value or one-sided square",
        }
    )
    source = "Dhaene, Tsanakas, Valdez and Vanduffel (2012), Journal of Risk and Insurance 79:1-28"
    claims = frozenset({"loss monotonicity"})

    policy: str = field(default="program", metadata={"help": "'program': shares >= 0; 'allow': credits as well"})
    level: float = field(default=0.975, metadata={"help": "level of the risk measure, strictly between 0 and 1"})
    measure: str = field(default="es", metadata={"help": "'es', 'var' or 'std': which tail weighs the scenarios"})
    driver: Any = field(
        default="joint", repr=False,
        metadata={"help": "whose tail: 'joint', 'own', 'none', or the profit and loss of a market by scenario"},
    )  # fmt: skip
    zeta: Any = field(
        default=None, repr=False, metadata={"help": "weights of scenarios, one each or by payer; instead of driver"}
    )
    volume: Any = field(
        default=None, metadata={"help": "column, blend, figures or 'contribution'; one each when left out"}
    )
    deviation: str = field(default="quadratic", metadata={"help": "'quadratic', 'absolute' or 'semi'"})
    side: str = field(default="upper", metadata={"help": "of 'semi': losses above the share, or 'lower'"})

    def __post_init__(self) -> None:
        if self.policy not in _POLICIES:
            raise DataError(f"policy of optimal-capital is {self.policy!r}; its floor is in the program: 'program', "
                            "or there is none: 'allow'")  # fmt: skip
        super().__post_init__()
        measure_named(self.measure, MEASURES)
        if self.deviation not in DEVIATIONS:
            raise unknown("deviation", self.deviation, DEVIATIONS)
        if self.side not in SIDES:
            raise unknown("side of a semi-deviation", self.side, SIDES)
        if isinstance(self.driver, str) and self.driver not in DRIVERS:
            raise unknown("driver", self.driver, DRIVERS)
        if self.deviation != "quadratic" and self.measure == "std" and self.zeta is None and self.driver != "none":
            raise DataError(
                "optimal-capital: the weights of 'std' may be negative, so only the quadratic deviation has a least "
                "value; use measure='es', or state weights >= 0 with zeta=..."
            )
        object.__setattr__(self, "zeta", table_of(self.zeta, len(self.book.losses)))

    def contribute(self, losses: Array, probabilities: Array | None) -> Contributions:
        """Mean losses under the weights."""
        return Contributions(np.asarray((self._mass(losses, None) * losses).sum(axis=0)))

    def _mass(self, losses: Array, ids: pd.Index | None) -> Array:
        return masses(losses, self.book.probabilities, self.driver, self.measure, self.level, self.zeta, ids)

    def found(self, problem: LossProblem) -> Contributions:
        """The mean loss of each payer under its weights."""
        posed = self.posed(problem)
        return Contributions(posed.means if problem.n else np.zeros(0))

    def posed(self, problem: LossProblem) -> Deviations:
        """The division as costs of deviations, bounds included."""
        if problem not in self._last:
            self._last.clear()  # the last question only: costs hold a table of scenarios
            self._last[problem] = self._weighed(problem)
        return self._last[problem]

    @cached_property
    def _last(self) -> dict[LossProblem, Deviations]:
        return {}

    def _weighed(self, problem: LossProblem) -> Deviations:
        losses = self.book.of(problem.ids) if problem.n else np.zeros((len(self.book.losses), 0))
        mass = self._mass(losses, problem.ids)
        kind = self.side if self.deviation == "semi" else self.deviation
        if isinstance(self.volume, str) and self.volume in _OF_VOLUME:
            volume = np.asarray((mass * losses).sum(axis=0))
        else:
            volume = np.asarray(key_values(self.volume, problem, np.ones(problem.n), "volume"))
        if (volume <= 0).any():
            who = int(np.flatnonzero(volume <= 0)[0])
            raise DataError(
                f"optimal-capital: payer {problem.ids[who]!r} has volume {volume[who]:,.6g}, so no deviation is "
                "allowed; give it a volume above zero"
            )
        floor = -np.inf if self.policy == "allow" else 0.0
        return Deviations(
            kind, losses, mass, volume / (volume.sum() or 1.0), np.full(problem.n, floor), problem.caps, problem.loss
        )

    def closed_form(self, problem: LossProblem) -> Allocation:
        """Shares by the corners of the marginal costs, exact."""
        return self._made(problem, "closed form")

    def solve(self, problem: LossProblem, solvers: tuple[str, ...] | None = None) -> Allocation:
        """Shares by the convex program; the level found by it decides where the cost leaves a choice."""
        posed = self.posed(problem)
        if single_point(problem, problem.caps) is not None:
            return self._made(problem, "program (single feasible point)")
        found = self.program(problem).solve(solvers)
        paid, price, misfit = found.x, found.prices["budget"], 0.0
        edge = posed.edge(problem.loss)
        if edge is not None:
            price = edge.price
        elif posed.kind == "absolute":
            paid = posed.at(price, problem.loss, _NEAR)
            least = float(posed.cost(found.x).sum())
            misfit = abs(least - float(posed.cost(paid).sum())) / max(least, problem.loss)
        paid = np.clip(paid, posed.low, posed.high)
        return self._finished(problem, paid, price, f"program ({found.solver})", found.trail, misfit)

    def program(self, problem: LossProblem) -> Program:
        """The convex program, posed in units of the loss or of the largest loss in a scenario."""
        return capital_program(self.posed(problem), problem.loss, self.objective)

    def stated_objective(self) -> str:
        """The objective in LaTeX."""
        return self.objective

    def batch(self, losses: Array, keys: Array | None, caps: Array) -> Array:
        """No batch: the shares depend on whole distributions, a key is one figure per payer."""
        raise DataError("optimal-capital has no batch form; call allocate() for each loss")

    def _made(self, problem: LossProblem, method: str) -> Allocation:
        posed = self.posed(problem)
        if problem.loss == 0:
            return self._finished(problem, np.zeros(problem.n), 0.0, method, (), 0.0)
        return self._finished(problem, *posed.nearest(problem.loss), method, (), 0.0)

    def _finished(
        self, problem: LossProblem, paid: Array, price: float, method: str, notes: tuple[str, ...], misfit: float
    ) -> Allocation:
        posed = self.posed(problem)
        left, right = posed.slopes(paid)
        duals: dict[str, Any] = {"budget": float(price)}
        if self.policy == "program":
            duals["floor"] = np.where(paid <= 0, np.maximum(right - price, 0.0), 0.0)
        duals["cap"] = np.where(paid >= problem.caps, np.minimum(left - price, 0.0), 0.0)
        series = {k: pd.Series(v, index=problem.ids, name=k) if np.ndim(v) else v for k, v in duals.items()}
        contributions = pd.Series(posed.means, index=problem.ids, name="contributions", dtype=np.float64)
        residual = max(problem.loss - problem.capacity, 0.0)
        added = (*notes, *self._negative(problem, posed.means), self._standing(problem, posed.means, paid))

        evidence = partial(_certify, posed=posed, misfit=misfit)
        return Allocation(
            problem, paid, residual, float(price), series, method, self, evidence, added,
            {"contributions": contributions},
        )  # fmt: skip

    def reason(self, allocation: Allocation, payer: Any) -> str:
        """The price, what the payer contributes and its part of the volume."""
        problem, at = allocation.problem, position(allocation.problem, payer)
        own, volume = allocation.extras["contributions"].iloc[at], self.posed(problem).volume[at]
        if self.deviation == "absolute":
            rule = f"Its share is the quantile of its weighted losses at level {(allocation.price + 1) / 2:.6g}"
        else:
            rule = f"Per unit of its volume its marginal cost is the price {figure(allocation.price)}"
        bound = next((f"; its {name} binds" for name, b in (("cap", problem.caps[at]), ("floor", 0.0))
                      if allocation.paid[at] == b and name in allocation.duals), "")  # fmt: skip
        return (
            f"{bill(allocation, at)} {self.sentence()} {rule}{bound}. Its mean loss is {figure(own)} and its part of "
            f"the volume {volume:.2%}."
        )


def _certify(judged: Allocation, posed: Deviations, misfit: float) -> Certificate:
    """Budget and bounds; every share against what the price calls for; the cost above the bound the price proves."""
    problem, paid, price = judged.problem, judged.paid, judged.price
    loss = problem.loss or 1.0
    budget = abs(float(paid.sum()) + judged.residual - problem.loss) / loss
    outside = float(max((paid - posed.high).max(initial=0.0), (posed.low - paid).max(initial=0.0))) / loss
    kind, words = "one price on deviations", (
        "the shares add up, each is what the price calls for, and no other shares within the bounds are nearer"
    )  # fmt: skip
    if problem.loss == 0 or not problem.n or judged.residual > 0:
        known = np.zeros(problem.n) if problem.loss == 0 else problem.caps
        off = float(np.abs(paid - known).max(initial=0.0)) / loss
        return Certificate(max(budget, outside), off, 0.0, kind, "the bounds leave a single choice")
    spread = _NEAR if posed.kind == "absolute" and "program" in judged.method else 0.0
    dual = float(np.abs(paid - posed.at(price, problem.loss, spread)).max()) / loss
    least, _ = posed.between(price)
    cost, bound = posed.cost(paid) - price * paid, posed.cost(least) - price * least
    scale = loss if posed.kind == "absolute" else loss * max(loss, float(np.abs(posed.losses).max(initial=0.0)))
    return Certificate(max(budget, outside), dual, max(abs(float((cost - bound).sum())) / scale, misfit), kind, words)
