"""The axioms of allocating risk capital: hunts over small scenario sets in whole numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allocopt.errors import AllocOptError
from allocopt.judgement.axiom import Finding
from allocopt.maths.tails import MEASURES, coalition_risks
from allocopt.schemes import Scheme, resolve, schemes
from allocopt.schemes.risk_rule import RiskRule

Array = NDArray[np.float64]

# With a handful of scenarios a level near one leaves the worst alone, and every measure is the maximum: judged here.
LEVEL = 0.75
_BREACH = 1e-7  # of the largest loss: far above rounding, far below a breach in whole numbers
_ROUGH = 1e-3  # for a rule that solves a conic program, whose amounts have about six digits
_TRIES = 300
_FEW = 6  # scenario sets for a rule that solves a program each time
_STEPS = 400  # evaluations that shrinking may cost


class Risk:
    """A rule of contributions, put to scenario sets: contributions of payers, and risks of groups of them.

    A rule that divides a stated amount divides the joint risk. The risk is the measure of the rule: ``es``, ``var`` or
    ``std`` at level 3/4 of the summed losses; for a rule with a risk of its own, the sum of its contributions.
    """

    def __init__(self, rule: RiskRule) -> None:
        stated: dict[str, Any] = {"level": LEVEL} if hasattr(rule, "level") else {}
        self.rule = dataclasses.replace(rule, **stated)
        own = getattr(rule, "measure", None) or getattr(rule, "chosen", None) or _MEASURED.get(rule.name, "es")
        self.measure = own if own in MEASURES else ""
        if rule.name == "shortfall-risk":
            self.measure = ""
        self.slow = rule.name == "shortfall-risk"

    def contributions(self, losses: Array) -> Array:
        """One per payer."""
        found = self.rule.contribute(losses, None).values
        if not self.rule.divides:
            return found
        total = float(found.sum())
        return found * (self.risk(losses) / total) if total > 0 else np.full(len(found), np.nan)

    def risks(self, losses: Array) -> Array:
        """The risk of every group of payers, by bit mask."""
        n = losses.shape[1]
        if self.measure:
            return coalition_risks(losses, self.measure, LEVEL)
        masks = (np.arange(1 << n)[:, None] >> np.arange(n) & 1).astype(bool)
        return np.array([0.0, *(self.contributions(losses[:, mask]).sum() for mask in masks[1:])])

    def risk(self, losses: Array) -> float:
        """The risk of all together."""
        if self.measure:
            return float(coalition_risks(losses.sum(axis=1, keepdims=True), self.measure, LEVEL)[-1])
        return float(self.contributions(losses).sum())


_MEASURED = {"euler-std": "std", "euler-var": "var"}  # rules whose name is their measure; all others speak of ES

Breach = Callable[[Risk, Array, float], float]


@dataclass(frozen=True)
class RiskAxiom:
    """A named demand on contributions, in a sentence, with the function that measures its breach."""

    name: str
    sentence: str
    breach: Breach


RISK_AXIOMS: dict[str, RiskAxiom] = {}


def _axiom(sentence: str) -> Callable[[Breach], Breach]:
    def register(function: Breach) -> Breach:
        name = function.__name__.replace("_", " ")
        RISK_AXIOMS[name] = RiskAxiom(name, sentence, function)
        return function

    return register


@_axiom("contributions add up to the joint risk")
def adding_up(R: Risk, X: Array, draw: float) -> float:
    return abs(float(R.contributions(X).sum()) - R.risk(X))


@_axiom("no group of payers contributes more than its own risk (the core)")
def no_undercut(R: Risk, X: Array, draw: float) -> float:
    borne = np.zeros(1)
    for share in R.contributions(X):
        borne = np.concatenate((borne, borne + share))
    return float((borne - R.risks(X))[1:-1].max(initial=-np.inf))


@_axiom("no payer contributes more than its own risk")
def stand_alone_bound(R: Risk, X: Array, draw: float) -> float:
    own = R.risks(X)[1 << np.arange(X.shape[1])]
    return float((R.contributions(X) - own).max())


@_axiom("a payer who loses the same in every scenario contributes what that sum by itself would")
def riskless_allocation(R: Risk, X: Array, draw: float) -> float:
    sure = np.full((len(X), 1), 1.0 + np.floor(4 * draw))
    return abs(float(R.contributions(np.concatenate((X, sure), axis=1))[-1]) - R.risk(sure))


@_axiom("merging two accounts changes neither what they contribute together nor what the others do")
def merge_and_split_neutrality(R: Risk, X: Array, draw: float) -> float:
    """The last two payers as one; read from the other side, one who splits gains nothing."""
    apart = R.contributions(X)
    merged = R.contributions(np.concatenate((X[:, :-2], X[:, -2:].sum(axis=1, keepdims=True)), axis=1))
    return float(np.abs(np.append(apart[:-2], apart[-2:].sum()) - merged).max())


@_axiom("the unit of money does not matter")
def homogeneity(R: Risk, X: Array, draw: float) -> float:
    unit = 2.0 + np.floor(7 * draw)
    return float(np.abs(R.contributions(unit * X) / unit - R.contributions(X)).max())


@_axiom("payers with the same losses contribute the same")
def symmetry(R: Risk, X: Array, draw: float) -> float:
    twins = X.copy()
    twins[:, -1] = X[:, 0]
    share = R.contributions(twins)
    return abs(float(share[0] - share[-1]))


@_axiom("a payer who loses no less than another in every scenario contributes no less")
def order_preservation(R: Risk, X: Array, draw: float) -> float:
    worse = X.copy()
    worse[:, -1] = X[:, 0] + np.maximum(X[:, -1], 0.0)
    share = R.contributions(worse)
    return float(share[0] - share[-1])


@_axiom("nobody contributes less than nothing")
def no_negative_contribution(R: Risk, X: Array, draw: float) -> float:
    return float((-R.contributions(X)).max())


@dataclass(frozen=True)
class RiskWitness:
    """Losses by scenario (rows) and payer, in whole numbers, on which a rule breaks an axiom, and by how much.

    Scenarios are equally likely and the level is 3/4; ``draw`` settles what the axiom leaves open (a sum, a unit).
    """

    axiom: str
    losses: tuple[tuple[float, ...], ...]
    draw: float
    breach: float
    contributions: tuple[float, ...]

    def recheck(self, scheme: str | Scheme, **parameters: Any) -> float:
        """The breach, worked out again."""
        rule = risk_rule(scheme, parameters)
        assert rule is not None  # a witness about risk was made by a rule of contributions
        return RISK_AXIOMS[self.axiom].breach(Risk(rule), np.array(self.losses), self.draw)

    def __str__(self) -> str:
        rows = "; ".join(", ".join(f"{x:g}" for x in row) for row in self.losses)
        shares = ", ".join(f"{x:.6g}" for x in self.contributions)
        choice = f", t {self.draw:g}" if self.draw else ""
        return f"losses by scenario ({rows}){choice}, contributions ({shares}): off by {self.breach:.6g}"


def risk_rule(scheme: str | Scheme, parameters: dict[str, Any]) -> RiskRule | None:
    """The rule when it is one of risk capital, else None; the hunt brings its own scenarios, so none need be stated."""
    kind = schemes().get(scheme) if isinstance(scheme, str) else None
    if kind is not None and issubclass(kind, RiskRule):
        parameters = {"scenarios": [[0.0]], **parameters}
    elif not isinstance(scheme, RiskRule):
        return None
    rule = resolve(scheme, **parameters)
    return rule if isinstance(rule, RiskRule) else None


def hunt_risk(axiom: RiskAxiom, rule: RiskRule, tries: int | None, seed: int) -> Finding:
    """Random small scenario sets, then the neighbourhood of the one that came nearest to a breach."""
    asked = Risk(rule)
    most = tries if tries is not None else _FEW if asked.slow else _TRIES
    rng = np.random.default_rng(seed)
    near, best, tried = None, -np.inf, 0
    for k in range(most + most // 3):
        if k < most or near is None:
            X = rng.integers(-4, 9, (int(rng.choice([4, 4, 8])), int(rng.integers(2, 5)))).astype(float)
            draw = float(rng.integers(0, 8)) / 8
        else:
            X, draw = near[0].copy(), near[1]
            X[rng.integers(len(X)), rng.integers(X.shape[1])] += rng.choice([-3.0, -1.0, 1.0, 3.0])
        margin = _margin(axiom, asked, X, draw)
        if not np.isfinite(margin):
            continue
        tried += 1
        if margin > 0:
            return Finding(axiom.name, tried, _shrunk(axiom, asked, X, draw))
        if margin >= best:
            near, best = (X, draw), margin
    return Finding(axiom.name, tried)


def _margin(axiom: RiskAxiom, asked: Risk, X: Array, draw: float) -> float:
    """The breach above what rounding explains; not finite where the rule has no answer."""
    try:
        if asked.rule.divides and not np.isfinite(asked.contributions(X)).all():
            return -np.inf
        breach = axiom.breach(asked, X, draw)
    except AllocOptError:  # the rule is not defined on these scenarios, and says so
        return -np.inf
    return breach - (_ROUGH if asked.slow else _BREACH) * max(1.0, float(np.abs(X).max()))


def _shrunk(axiom: RiskAxiom, asked: Risk, X: Array, draw: float) -> RiskWitness:
    left = _STEPS if not asked.slow else 25
    going = True
    while going and left > 0:
        going = False
        for smaller in _smaller(X):
            left -= 1
            if left <= 0:
                break
            if np.isfinite(margin := _margin(axiom, asked, smaller, draw)) and margin > 0:
                X, going = smaller, True
                break
    if _margin(axiom, asked, X, 0.0) > 0:
        draw = 0.0
    breach, shares = axiom.breach(asked, X, draw), asked.contributions(X)
    return RiskWitness(axiom.name, tuple(map(tuple, X.tolist())), draw, breach, tuple(shares.tolist()))


def _smaller(X: Array) -> Iterator[Array]:
    """A payer less, half of the scenarios, an entry at zero or nearer to it."""
    if X.shape[1] > 2:
        for k in range(X.shape[1]):
            yield np.delete(X, k, axis=1)
    if len(X) > 4:
        yield X[: len(X) // 2]
        yield X[len(X) // 2 :]
    for towards in (0.0, 1.0):
        for at in np.argwhere(np.abs(X) > towards):
            less = X.copy()
            less[tuple(at)] = 0.0 if not towards else np.trunc(less[tuple(at)] / 2)
            yield less
