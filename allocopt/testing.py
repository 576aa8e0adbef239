"""Does a sharing rule behave? One call tries to break it, and says in a sentence where it broke."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd

from allocopt.facts.allocation import Allocation
from allocopt.facts.checks import Array
from allocopt.facts.problem import LossProblem
from allocopt.judgement.axioms import check_axioms, divides_by_caps_alone
from allocopt.notation import COLUMNS
from allocopt.schemes.base import Scheme

_EXACT = 1e-9  # of the loss: budget, caps and re-ordered sums are a few roundings off, never more
_MOVED = 1e-3  # of the loss: a share moved by this much must not pass the certificate


def check_scheme(scheme: Scheme, problems: Iterable[LossProblem] | None = None, *, tol: float = 1e-6) -> None:
    """Raise AssertionError, with the question and what went wrong, unless the rule keeps to what every rule must.

    On every question: shares add up to the loss and respect the caps; what nobody can bear is the residual; a second
    call gives the same; nobody's table is changed; the certificate holds and rejects shares that were moved; the
    convex program gives the shares of the formula; the order of the payers does not matter.

    What the rule *claims* is put to the test as well: equal treatment, loss monotonicity and homogeneity on the same
    questions, and every claim of a rule that divides by the caps alone by :func:`allocopt.check_axioms`.

    ``problems`` are questions of one's own, for a rule that reads columns of its own. Without them the rule meets no
    payers, one payer, zero loss, zero caps, ties, a loss above all caps, and ordinary questions; every usual column
    (``default_fund``, ``initial_margin``, ``equity`` ...) is there. ``tol`` is what program and certificate may be off
    by, as a fraction of the loss.

    >>> import allocopt as ao
    >>> check_scheme(ao.scheme("pro-rata", key="initial_margin"))
    """
    if not isinstance(scheme, Scheme):
        raise AssertionError(f"{scheme!r} is no Scheme; derive it from allocopt.Scheme")
    _require(bool(scheme.name), f"{type(scheme).__name__} has no name; set the class variable 'name'")
    for problem in ordinary_questions() if problems is None else problems:
        _check(scheme, problem, tol)
    if divides_by_caps_alone(scheme):
        for name, finding in check_axioms(scheme, sorted(scheme.claims)).items():
            _require(finding.holds, f"{scheme.title} claims {name!r}, which is {finding}")


def ordinary_questions() -> list[LossProblem]:
    """Questions that every rule must answer: the degenerate ones first."""
    questions = [question([], 0.0), question([], 3.0)]
    for caps in itertools.product((0.0, 2.0, 5.0), repeat=2):
        questions += [question(caps, loss) for loss in (0.0, 1.0, 3.0, 100.0)]
    questions += [question([4.0], loss) for loss in (0.0, 1.0, 4.0, 9.0)]
    for caps in ((1.0, 1.0, 1.0), (2.0, 4.0, 7.0, 8.0), (10.0, 20.0, 30.0, 30.0, 60.0)):
        questions += [question(caps, part * sum(caps)) for part in (0.1, 0.45, 0.5, 0.8, 1.0, 1.3)]
    return questions


def question(caps: Sequence[float], loss: float) -> LossProblem:
    """A question with these caps, a figure in every usual column, and a label ``size``; equal caps, equal payers."""
    size = np.array(caps, dtype=float)
    table = pd.DataFrame(index=[f"payer {k}" for k in range(len(caps))])
    table["cap"] = size
    for k, column in enumerate(COLUMNS):
        # Positive where the cap is zero, and in another proportion to it in every column.
        table[column] = (1.0 + size) ** (1.0 + 0.1 * (k % 4)) * (1 + k)
    table["size"] = np.where(size > np.median(size) if len(size) else False, "large", "small")
    return LossProblem(loss, table, cap="cap", currency="EUR")


def _require(held: bool, sentence: str) -> None:
    if not held:
        raise AssertionError(sentence)


def _check(scheme: Scheme, problem: LossProblem, tol: float) -> None:
    where = f"{scheme.title}, loss {problem.loss:g}, caps {_listed(problem.caps)}"
    before = problem.payers
    answer = scheme.allocate(problem)
    shares, unit = answer.paid, problem.loss or 1.0
    _require(answer.problem is problem, f"{where}: the answer belongs to another question")
    _require(problem.payers.equals(before), f"{where}: the table of payers was changed")
    _require(list(answer.shares.index) == list(problem.ids), f"{where}: the shares are not indexed by the payers' ids")
    _require(bool(np.isfinite(shares).all()), f"{where}: a share is not a finite number: {_listed(shares)}")
    gap = float(shares.sum()) + answer.residual - problem.loss
    _require(abs(gap) <= _EXACT * unit, f"{where}: shares and residual miss the loss by {gap:g}")
    _require(float(shares.min(initial=0.0)) >= -_EXACT * unit, f"{where}: a share is negative: {_listed(shares)}")
    over = float((shares - problem.caps).max(initial=0.0))
    _require(over <= _EXACT * unit, f"{where}: a share is {over:g} above its cap: {_listed(shares)}")
    _require(answer.residual >= 0.0, f"{where}: the residual is {answer.residual:g}")
    short = max(problem.loss - problem.capacity, 0.0)
    _require(answer.residual >= short - _EXACT * unit, f"{where}: the residual is less than the caps leave, {short:g}")
    _require(bool(answer.certificate.holds(tol)), f"{where}: the certificate does not hold ({answer.certificate})")
    _same(where, "a second call", shares, scheme.allocate(problem).paid, 0.0)
    program = scheme.allocate(problem, by="program")
    _same(where, "the convex program", shares, program.paid, tol * unit)
    _require(
        program.certificate.holds(tol), f"{where}: the program's certificate does not hold ({program.certificate})"
    )
    _reject(where, answer, tol)
    _reordered(where, scheme, problem, shares)
    for claim in sorted(scheme.claims & _CLAIMS.keys()):
        _CLAIMS[claim](where, scheme, problem, shares)


def _same(where: str, other: str, shares: Array, found: Array, off: float) -> None:
    apart = float(np.abs(shares - found).max(initial=0.0))
    _require(apart <= off, f"{where}: {other} gives {_listed(found)} instead of {_listed(shares)}")


def _reject(where: str, answer: Allocation, tol: float) -> None:
    """Shares that do not add up, and shares moved from one payer to another, must not pass."""
    problem, shares = answer.problem, answer.paid
    if problem.loss == 0 or not shares.any():
        return
    step = _MOVED * problem.loss
    giver = int(np.argmax(shares))
    short = shares.copy()
    short[giver] -= min(step, shares[giver])
    wrong = [("that do not add up", short)]
    room = np.where(np.arange(problem.n) == giver, -math.inf, problem.caps - shares)
    taker = int(np.argmax(room))
    # Where somebody bears nothing whatever the loss, only the rule knows whether it may: no certificate is asked.
    if room[taker] > 2 * step and shares[taker] > 0:
        moved = short.copy()
        moved[taker] += shares[giver] - short[giver]
        wrong.append(("that were moved between payers", moved))
    for what, paid in wrong:
        verdict = dataclasses.replace(answer, paid=paid).certificate
        _require(not verdict.holds(tol), f"{where}: the certificate holds for shares {what}: {_listed(paid)}")


def _reordered(where: str, scheme: Scheme, problem: LossProblem, shares: Array) -> None:
    order = np.arange(problem.n)[::-1]
    back = problem.replace(payers=problem.payers.iloc[order], cap=problem.caps[order])
    found = np.asarray(scheme.allocate(back).shares.reindex(problem.ids), dtype=np.float64)
    _same(where, "the same table in another order", shares, found, _EXACT * (problem.loss or 1.0))


def _equals(where: str, scheme: Scheme, problem: LossProblem, shares: Array) -> None:
    facts = problem.payers.assign(**{"": problem.caps}).astype(object).apply(tuple, axis=1)
    for first, second in itertools.combinations(range(problem.n), 2):
        if facts.iloc[first] == facts.iloc[second]:
            apart = abs(shares[first] - shares[second])
            named = f"{problem.ids[first]!r} and {problem.ids[second]!r}"
            _require(apart <= _EXACT * (problem.loss or 1.0), f"{where}: equals {named} bear amounts {apart:g} apart")


def _rises(where: str, scheme: Scheme, problem: LossProblem, shares: Array) -> None:
    more = scheme.allocate(problem.replace(loss=1.1 * problem.loss + 0.1)).paid
    fall = float((shares - more).max(initial=0.0))
    _require(fall <= _EXACT * (problem.loss or 1.0), f"{where}: a larger loss lowers a share by {fall:g}")


def _scales(where: str, scheme: Scheme, problem: LossProblem, shares: Array) -> None:
    factor = 1024.0  # a power of two, so that nothing but the rule can make a difference
    numbers = problem.payers.select_dtypes("number") * factor
    larger = problem.replace(
        loss=problem.loss * factor, payers=problem.payers.assign(**numbers), cap=problem.caps * factor
    )
    found = scheme.allocate(larger).paid / factor
    _same(where, "the same question in another unit of money", shares, found, _EXACT * (problem.loss or 1.0))


_CLAIMS: dict[str, Callable[[str, Scheme, LossProblem, Array], None]] = {
    "equal treatment": _equals,
    "loss monotonicity": _rises,
    "homogeneity": _scales,
}


def _listed(values: Array) -> str:
    shown = ", ".join(f"{value:g}" for value in values[:6])
    return f"[{shown}, ...]" if len(values) > 6 else f"[{shown}]"
