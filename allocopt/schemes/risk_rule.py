"""Rules that share a loss by what each payer contributes: contributions are the shares, or the key of a pro-rata."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from allocopt.errors import DataError, unknown
from allocopt.facts.allocation import Allocation
from allocopt.facts.certificate import Certificate
from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.facts.scenarios import Scenarios, read_scenarios, tail_level
from allocopt.maths.price import Supply
from allocopt.maths.program import Program
from allocopt.maths.tails import risks
from allocopt.schemes import signed
from allocopt.schemes.base import bill, position
from allocopt.schemes.one_price import OnePrice, certify

POLICIES = ("floor", "program", "allow")
_SAME = 1e-9  # contributions count as the shares within this fraction of the loss: rounding of sums, not a choice
_NAMED = 3  # payers with a negative contribution that a note names before it counts the rest


class Contributions(NamedTuple):
    """One contribution per payer, and the largest breach of an identity they must satisfy, relative to their size."""

    values: Array
    misfit: float = 0.0


def adding_up(values: Array, joint: float) -> Contributions:
    """Contributions that must add up to the joint risk, which was found on another road."""
    size = max(float(np.abs(values).sum()), abs(joint)) or 1.0
    return Contributions(np.asarray(values), abs(float(values.sum()) - joint) / size)


@dataclass(frozen=True, eq=False, kw_only=True)
class ContributionRule(OnePrice):
    r"""A rule that finds a contribution :math:`\kappa_i` of either sign for every payer, and shares the loss by it.

    Contributions that are all >= 0, sum to the loss and respect the caps *are* the shares. Otherwise ``policy`` says
    what is made of them. ``"floor"``: a negative contribution counts as zero and the rest is the key of a capped
    pro-rata, :math:`x_i = \min(c_i, p\,\kappa_i^+)`. ``"program"``: the shares are the nearest to the contributions
    scaled to the loss, :math:`\min_x \sum_i \tfrac12 (x_i - \kappa_i L / \sum_j \kappa_j)^2` over
    :math:`0 \le x_i \le c_i`; its price is counted from the largest scaled contribution. Under both a payer who offsets
    the risk of others may go free but is not paid out of a loss. ``"allow"``: it is, its share is negative, a credit
    that the others fund; the program without its floor, so :math:`x_i = \min(c_i, \kappa_i L / \sum_j \kappa_j + p)`.
    """

    keyed = "contribution"
    key_low = -np.inf
    formula = r"x_i = \min(c_i,\ p\, \kappa_i^+)"
    objective = r"\sum_i \frac{x_i^2}{2 \kappa_i^+}"
    claims = frozenset({"loss monotonicity", "homogeneity"})
    divides: ClassVar[bool] = False  # whether the rule divides a stated amount: contributions are scaled to the loss

    policy: str = field(
        default="floor", metadata={"help": "negative contributions: 'floor', 'program' or 'allow' (credits)"}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.policy not in POLICIES:
            raise DataError(f"policy is {self.policy!r}; expected one of {', '.join(map(repr, POLICIES))}")
        if self.reading != "burden":
            raise DataError(
                f"{self.name} has no payout reading: contributions say who causes a loss, not who is owed money; "
                "use reading='burden'"
            )

    @abstractmethod
    def found(self, problem: LossProblem) -> Contributions:
        """The contribution of each payer, of either sign, in the order of the table."""

    def supply(self, loss: Array, cap: Array, key: Array) -> Supply:
        """Rising with the contribution from price zero, or at one pace after a head start by contribution."""
        if self.policy == "floor":
            return Supply(np.zeros(1), np.maximum(key, 0.0)[..., None, :], cap[..., None, :])
        target = signed.scaled(self.name, key, loss)
        late = target.max(axis=-1, keepdims=True, initial=0.0) - target
        return Supply(late[..., None, :], np.ones(1), cap[..., None, :])

    def stated_objective(self) -> str:
        """The objective in LaTeX, by policy."""
        return self.objective if self.policy == "floor" else signed.LATEX

    def closed_form(self, problem: LossProblem) -> Allocation:
        """Shares by sorted breakpoints; with credits allowed, by those of what caps cut off."""
        return self._credits(problem, None, False) if self.policy == "allow" else super().closed_form(problem)

    def solve(self, problem: LossProblem, solvers: tuple[str, ...] | None = None) -> Allocation:
        """Shares by the convex program."""
        return self._credits(problem, solvers, True) if self.policy == "allow" else super().solve(problem, solvers)

    def program(self, problem: LossProblem) -> Program:
        """The convex program, posed in units of the loss; without a floor where credits are allowed."""
        if self.policy != "allow":
            return super().program(problem)
        return signed.program(problem, signed.scaled(self.name, self.found(problem).values, np.array([problem.loss])))

    def _credits(self, problem: LossProblem, solvers: tuple[str, ...] | None, by_program: bool) -> Allocation:
        values = self.values(problem)
        found = signed.answer(self, problem, self.found(problem), self._negative(problem, values), solvers, by_program)
        return dataclasses.replace(found, notes=(*found.notes, self._standing(problem, values, found.paid)))

    def batch(self, losses: Array, keys: Array | None, caps: Array) -> Array:
        """Shares for many losses; ``keys`` are contributions, which are never guessed from the position of a payer."""
        if keys is None:
            raise DataError(f"{self.name} in a batch needs contributions as keys; see tail_contributions(...)")
        if self.policy == "allow":
            rows = np.broadcast_to(keys, (len(losses), caps.shape[-1]))
            return signed.credited_many(losses, signed.scaled(self.name, rows, losses[:, None]), caps)
        return super().batch(losses, keys, caps)

    def values(self, problem: LossProblem) -> Array:
        """The contributions; scaled to the loss where the rule divides a stated amount."""
        found = self.found(problem).values
        total = float(found.sum())
        return np.asarray(found * (problem.loss / total)) if self.divides and total > 0 else found

    def _posed(self, problem: LossProblem) -> Supply:
        return self.offered(np.array([problem.loss]), problem.caps, self.found(problem).values)

    def _answer(self, problem: LossProblem, supply: Supply, paid: Array, *rest: Any) -> Allocation:
        price, method, notes, *duals = rest
        values = self.values(problem)
        added = (*notes, *self._negative(problem, values), self._standing(problem, values, paid))
        answer = super()._answer(problem, supply, paid, price, method, added, *duals)
        extras = {"contributions": pd.Series(values, index=problem.ids, name="contributions")}
        misfit = self.found(problem).misfit
        return dataclasses.replace(answer, extras=extras, evidence=partial(_certify, supply=supply, misfit=misfit))

    def _negative(self, problem: LossProblem, values: Array) -> tuple[str, ...]:
        below = np.flatnonzero(values < 0)
        if not len(below):
            return ()
        worst = below[np.argsort(values[below], kind="stable")]
        named = ", ".join(f"{problem.ids[int(i)]} {values[i]:,.6g}" for i in worst[:_NAMED])
        more = f" and {len(worst) - _NAMED} more" if len(worst) > _NAMED else ""
        fates = {
            "floor": "counted as zero, the rest spread again", "program": "floored within the program",
            "allow": "credited, at the expense of the others",
        }  # fmt: skip
        return (f"negative contributions ({named}{more}): {fates[self.policy]}",)

    def _standing(self, problem: LossProblem, values: Array, paid: Array) -> str:
        off = float(np.abs(paid - values).max(initial=0.0))
        if off <= _SAME * (problem.loss or 1.0):
            return "shares are the contributions"
        total = f"the contributions sum to {values.sum():,.6g} for a loss of {problem.loss:,.6g}"
        use = "a key for capped pro-rata" if self.policy == "floor" else "the target of the nearest shares"
        return f"{total}: used as {use}; largest departure {off:,.6g}"

    def reason(self, allocation: Allocation, payer: Any) -> str:
        """The price and what the payer contributes."""
        own = float(allocation.extras["contributions"].iloc[position(allocation.problem, payer)])
        if self.policy == "allow":
            return self._credit(allocation, position(allocation.problem, payer), own)
        offset = ", negative because it offsets the losses of others" if own < 0 else ""
        return f"{super().reason(allocation, payer)} Its contribution is {own:,.6g}{offset}."

    def _credit(self, allocation: Allocation, at: int, own: float) -> str:
        problem, share = allocation.problem, float(allocation.paid[at])
        unit = f"{problem.currency} ".lstrip()
        words = bill(allocation, at)
        if share < 0:
            words = f"{problem.ids[at]} is credited {unit}{-share:,.2f}, which the others bear with the loss."
        whole = allocation.extras["contributions"].sum()
        scale = f"its contribution {own:,.6g}, scaled by {problem.loss / whole if whole > 0 else 0.0:,.6g} to the loss"
        cut = f", plus {unit}{allocation.price:,.2f} of what caps cut off elsewhere" if allocation.price > 0 else ""
        bound = "; its cap binds" if share >= problem.caps[at] else ""
        return f"{words} {self.sentence()} That is {scale}{cut}{bound}."


@dataclass(frozen=True, eq=False, kw_only=True)
class RiskRule(ContributionRule):
    r"""A rule whose contributions come from scenarios of profit and loss.

    ``scenarios`` has a row per scenario and a column per payer, profit and loss with gain > 0 (as ``event.scenarios``);
    losses are its negative. Columns are matched to payers by id, in the order of the table when they have no names;
    columns of others are left out, so the risk is that of the payers of the question together. ``weights`` are
    probabilities of the scenarios (divided by their sum); all alike when left out.
    """

    scenarios: Any = field(repr=False, metadata={"help": "profit and loss, scenarios x payers, gain > 0"})
    weights: Any = field(default=None, repr=False, metadata={"help": "probability of each scenario; all alike"})

    def __post_init__(self) -> None:
        super().__post_init__()
        if hasattr(self, "level"):
            tail_level(self.level)
        _ = self.book

    @cached_property
    def book(self) -> Scenarios:
        """The scenarios as losses, checked; a private copy."""
        return read_scenarios(self.scenarios, self.weights)

    @abstractmethod
    def contribute(self, losses: Array, probabilities: Array | None) -> Contributions:
        """Contributions from losses (scenarios x payers, at least one payer), one entry per payer."""

    @cached_property
    def _known(self) -> dict[tuple[Any, ...], Contributions]:
        return {}

    def found(self, problem: LossProblem) -> Contributions:
        """What each payer contributes to the risk of all payers of the question; found once per set of payers."""
        payers = tuple(problem.ids)
        if payers not in self._known:
            losses = self.book.of(problem.ids)
            found = self.contribute(losses, self.book.probabilities) if payers else Contributions(np.zeros(0))
            self._known[payers] = found
        return self._known[payers]


def _certify(judged: Allocation, supply: Supply, misfit: float) -> Certificate:
    """One price, and contributions that are what they are called."""
    shared = certify(judged, supply)
    return dataclasses.replace(
        shared, dual=max(shared.dual, misfit), kind="contributions and one price",
        statement="the contributions satisfy the identity that defines them, and " + shared.statement,
        details={"contributions": misfit},
    )  # fmt: skip


def measure_named(measure: Any, known: tuple[str, ...]) -> str:
    """The name of a risk measure, if it is one of those known."""
    if measure not in known:
        raise unknown("risk measure", measure, known)
    return str(measure)


def joint_risk(losses: Array, measure: str, level: float, probabilities: Array | None) -> float:
    """The risk of the sum over payers."""
    return float(risks(losses.sum(axis=1)[None, :], measure, level, probabilities)[0])
