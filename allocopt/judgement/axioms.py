"""Axioms as hunts: each looks for a question on which a rule breaks it, and hands over the smallest it found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from allocopt.errors import AllocOptError, DataError, unknown
from allocopt.facts.problem import LossProblem
from allocopt.judgement.axiom import Array, Axiom, Divide, Finding
from allocopt.judgement.axiom_list import AXIOMS
from allocopt.judgement.hunt import climbs, over, questions, smaller
from allocopt.judgement.risk_axioms import RISK_AXIOMS, hunt_risk, risk_rule
from allocopt.maths.exact import ratios, read
from allocopt.schemes import Scheme, resolve

_JUDGED = 8  # of the questions that break an axiom in floats, how many are judged in fractions before the hunt goes on
# Draws that a witness may be stated with, the simplest first: 0, a half, quarters, eighths, sixteenths.
_SIMPLE = np.array(sorted(range(16), key=lambda k: (Fraction(k, 16).denominator, k))) / 16


@dataclass(frozen=True)
class Witness:
    """A question, in small whole numbers, on which a rule breaks an axiom, and by how much.

    ``draw`` (printed as t when it is not zero) settles what the axiom leaves open: the part that is moved or revealed
    first, and the payer it is about. Numbers are fractions, and the breach exact, when the rule can be worked out
    without rounding (``exact``); otherwise they are floats.
    """

    axiom: str
    loss: Fraction | float
    caps: tuple[Fraction | float, ...]
    draw: Fraction | float
    breach: Fraction | float
    shares: tuple[Fraction | float, ...]
    exact: bool = False

    def recheck(self, scheme: str | Scheme) -> Fraction | float:
        """The breach, worked out again: in fractions when the witness is exact."""
        rule = resolve(scheme)
        divide = exact_divider(rule) if self.exact else divider(rule)
        if divide is None:
            raise DataError(f"{rule.title} cannot be worked out in fractions, so an exact witness is not about it")
        return _breach(AXIOMS[self.axiom], divide, self.exact, self.loss, self.caps, self.draw)

    def __str__(self) -> str:
        shares = ", ".join(_fraction(s) for s in self.shares)
        caps = ", ".join(_fraction(c) for c in self.caps)
        choice = f", t {_fraction(self.draw)}" if self.draw else ""
        question = f"loss {_fraction(self.loss)}, caps ({caps}){choice}, shares ({shares})"
        return f"{question}: off by {_fraction(self.breach)}{'' if self.exact else ' (in floats)'}"


def _fraction(value: Fraction | float) -> str:
    """An exact fraction as such while it is short; else, or from floats, one of small terms or six digits."""
    if isinstance(value, Fraction) and value.denominator < 10**6:
        return str(Fraction(value))
    near = Fraction(value).limit_denominator(2520)
    return str(near) if abs(float(near) - value) < 1e-10 else f"{float(value):.6g}"


def divider(scheme: Scheme) -> Divide:
    """The rule as a function of losses (S,) and caps (S, n); a loss above the caps is cut to them."""
    batched = _batched(scheme)

    def divide(E: Array, C: Array) -> Array:
        C = np.maximum(C, 0.0)
        E = np.clip(E, 0.0, C.sum(axis=1))
        if batched:
            return scheme.batch(E, None, C)
        ids = pd.RangeIndex(C.shape[1])
        rows = zip(E.tolist(), C, strict=True)
        return np.array([scheme.allocate(LossProblem(e, pd.DataFrame(index=ids), c)).paid for e, c in rows])

    return divide


def exact_divider(scheme: Scheme) -> Divide | None:
    """The rule on fractions (arrays of dtype object), row by row; None when it has no rational face."""
    if scheme.exact(Fraction(1), (Fraction(1), Fraction(2))) is None:
        return None

    def divide(E: Array, C: Array) -> Array:
        out = np.empty_like(C)
        for k, (loss, row) in enumerate(zip(E, C, strict=True)):
            caps = ratios(max(c, 0) for c in row)
            out[k] = scheme.exact(read(min(max(loss, 0), caps.sum())), tuple(caps))
        return out

    return divide


def _batched(scheme: Scheme) -> bool:
    try:
        scheme.batch(np.array([1.0]), None, np.array([[1.0, 2.0]]))
    except AllocOptError:
        return False
    return True


def check_axioms(
    scheme: str | Scheme,
    axioms: Iterable[str] | None = None,
    tries: int | None = None,
    seed: int = 0,
    **parameters: Any,
) -> Mapping[str, Finding]:
    """Hunt for a counterexample to every axiom (or those named): small grids, random questions, then targeted ones.

    The rule must divide by the caps alone, or be a risk-capital rule. ``tries`` is the number of random questions for
    each axiom (2,000 for rules with a batch form, 150 for the others); the questions nearest to a breach are then
    changed step by step for as long as they come nearer. What breaks an axiom in floats is judged again in exact
    fractions wherever the rule has a rational face (:meth:`Scheme.exact`); a finding that vanishes there is dropped.
    A counterexample is shrunk to the smallest whole numbers that still break the axiom, and anyone can work it out
    again by hand or with :meth:`Witness.recheck`.

    A rule of risk capital is asked for its contributions on random scenarios instead, and judged by the axioms of
    risk capital (:data:`allocopt.judgement.risk_axioms.RISK_AXIOMS`); its own scenarios play no part.

    >>> found = check_axioms("constrained-equal-losses", ["equal treatment", "no gain from splitting"])
    >>> found["equal treatment"].holds, str(found["no gain from splitting"])
    (True, 'broken: loss 1, caps (1, 1, 1), shares (1/3, 1/3, 1/3): off by 1/3')
    """
    risk = risk_rule(scheme, parameters)
    known: Mapping[str, Any] = AXIOMS if risk is None else RISK_AXIOMS
    chosen = list(known) if axioms is None else list(axioms)
    for name in chosen:
        if name not in known:
            raise unknown("axiom", name, known)
    if risk is not None:
        return {name: hunt_risk(RISK_AXIOMS[name], risk, tries, seed) for name in chosen}
    rule = resolve(scheme, **parameters)
    refusal = _refusal(rule)
    if refusal:
        raise DataError(
            f"axioms speak of rules that divide by the caps alone, and {rule.title} asks for more: {refusal}"
        )
    hunter = _Hunter(divider(rule), exact_divider(rule), _batched(rule), seed)
    return {name: hunter.hunt(AXIOMS[name], tries) for name in chosen}


def divides_by_caps_alone(rule: Scheme) -> bool:
    """Whether a rule answers a question that holds nothing but a loss and caps."""
    return not _refusal(rule)


def _refusal(rule: Scheme) -> str:
    if getattr(rule, "key", None) is not None:
        return "it has a key of its own"
    try:
        rule.allocate(LossProblem(1.0, pd.DataFrame(index=["A", "B"]), cap=[1.0, 2.0]))
    except AllocOptError as fault:
        return str(fault)
    return ""


def _breach(axiom: Axiom, divide: Divide, exact: bool, loss: Any, caps: Any, draw: Any) -> Fraction | float:
    """The breach of one question, in fractions or in floats."""
    made = ratios if exact else lambda values: np.array(list(values), dtype=np.float64)
    breach = axiom.breach(divide, made([loss]), made(caps)[None, :], made([draw]))[0]
    return read(breach) if exact else float(breach)


@dataclass(frozen=True)
class _Hunter:
    """A rule under suspicion: quick in floats, exact where it can be, and how much may be asked of it."""

    divide: Divide
    exactly: Divide | None
    quick: bool
    seed: int

    def hunt(self, axiom: Axiom, tries: int | None) -> Finding:
        """Grids and random questions first, then the neighbourhood of those that came nearest to a breach."""
        tried, discarded = 0, 0
        asked = questions(
            axiom.payers, tries if tries is not None else 2000 if self.quick else 150, self.seed, self.quick
        )
        near: dict[int, list[tuple[Array, Array, Array, Array]]] = {}

        def judge(E: Array, C: Array, draw: Array) -> tuple[Array, Witness | None, int]:
            E = E if axiom.loss is None else axiom.loss(C)
            margin = axiom.breach(self.divide, E, C, draw)
            excess = over(margin, E)
            suspects = [int(k) for k in np.argsort(-excess, kind="stable")[:_JUDGED] if excess[k] > 0]
            for lost, k in enumerate(suspects):
                witness = self._witness(axiom, float(E[k]), C[k], float(draw[k]))
                if witness is not None:
                    return margin, witness, lost
            return margin, None, len(suspects)

        for E, C, draw in asked:
            margin, witness, lost = judge(E, C, draw)
            tried, discarded = tried + len(E), discarded + lost
            if witness is not None:
                return Finding(axiom.name, tried, witness, discarded)
            near.setdefault(C.shape[1], []).append((E, C, draw, margin))
        rng = np.random.default_rng(self.seed + 1)
        for groups in near.values():
            climb = climbs([np.concatenate(parts) for parts in zip(*groups, strict=True)], rng, self.quick)
            question = next(climb)
            while question is not None:
                margin, witness, lost = judge(*question)
                tried, discarded = tried + len(margin), discarded + lost
                if witness is not None:
                    return Finding(axiom.name, tried, witness, discarded)
                question = climb.send(margin)
        return Finding(axiom.name, tried, None, discarded)

    def _witness(self, axiom: Axiom, E: float, C: Array, draw: float) -> Witness | None:
        """The question made as small as it stays broken; None when exact arithmetic acquits it."""
        exact = self.exactly is not None
        divide = self.exactly or self.divide

        def judged(E: float, C: Array, draws: Array) -> Array:
            breaches = [float(_breach(axiom, divide, exact, E, C.tolist(), float(t))) for t in draws]
            return over(np.array(breaches), np.full(len(draws), E)) > 0

        def seen(E: float, C: Array, draws: Array) -> Array:
            losses = np.full(len(draws), E)
            return over(axiom.breach(self.divide, losses, np.tile(C, (len(draws), 1)), draws), losses) > 0

        if exact and not judged(E, C, np.array([draw]))[0]:
            return None
        found = _shrunk(axiom, E, C, draw, seen, _SIMPLE if self.quick else np.array([0.0, draw]))
        if exact and not judged(found[0], found[1], np.array([found[2]]))[0]:
            found = _shrunk(
                axiom, E, C, draw, judged, np.array([draw])
            )  # floats led to a question they alone see broken
        E, C, draw = found
        breach = _breach(axiom, divide, exact, E, C.tolist(), draw)
        made = ratios if exact else np.array
        shares = divide(made([E]), made(C.tolist())[None, :])[0]
        as_told = (lambda v: Fraction(read(v))) if exact else float
        return Witness(
            axiom.name, as_told(E), tuple(map(as_told, C.tolist())), as_told(draw), breach,
            tuple(map(as_told, shares.tolist())), exact,
        )  # fmt: skip


def _shrunk(
    axiom: Axiom, E: float, C: Array, draw: float, broken: Callable[[float, Array, Array], Array], draws: Array
) -> tuple[float, Array, float]:
    """Take steps towards smaller numbers and fewer payers while it stays broken, by the simplest draw that does."""
    first = broken(E, C, draws)
    draw = float(draws[first.argmax()]) if first.any() else draw
    while True:
        for loss, caps in smaller(E, C, axiom.payers):
            loss = loss if axiom.loss is None else float(axiom.loss(caps))
            if loss == E and len(caps) == len(C) and (caps == C).all():
                continue
            found = broken(loss, caps, draws)
            if found.any():
                E, C, draw = loss, caps, float(draws[found.argmax()])
                break
        else:
            return E, C, draw
