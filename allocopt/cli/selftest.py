"""Does this installation give the published figures, and do its answers prove themselves?"""

from __future__ import annotations

import importlib.metadata
import math
import platform
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from allocopt.cli import UNPROVEN
from allocopt.cli.screen import show, show_json, table
from allocopt.errors import AllocOptError
from allocopt.pages.numerals import amount, residual

if TYPE_CHECKING:
    from allocopt.facts.event import Event

_TOLD = ("numpy", "scipy", "pandas", "cvxpy", "clarabel", "highspy", "numba")
_PROVEN = 1e-7  # of the loss: what shares found on two roads, or a certificate, may be off by
_EXACT = 1e-9  # of the figure: published figures are met to rounding


class Check(NamedTuple):
    """One figure or proof: what it is, what it should be, what was found, and by how much it may be off."""

    what: str
    expected: float
    found: float
    off: float

    @property
    def passed(self) -> bool:
        """Whether the figure found is the one expected."""
        return math.isfinite(self.found) and abs(self.found - self.expected) <= self.off


def run(json: bool) -> int:
    """Print every check; 4 when one fails."""
    checks = [*published_figures(), *worked_examples(), *proofs()]
    failed = [check for check in checks if not check.passed]
    versions = {"python": platform.python_version()} | {name: _version(name) for name in ("allocopt", *_TOLD)}
    if json:
        rows = [check._asdict() | {"passed": check.passed} for check in checks]
        show_json({"passed": not failed, "versions": versions, "checks": rows})
        return UNPROVEN if failed else 0
    out = table("", ["check"], ["expected", "found", ""])
    for check in checks:
        shown = [amount(v, 0) if abs(v) >= 1e5 else residual(v) if abs(v) < 1e-4 else f"{v:.6g}" for v in check[1:3]]
        out.add_row(check.what, *shown, "ok" if check.passed else "FAILED")
    told = f"{len(checks) - len(failed)} of {len(checks)} checks passed"
    show(out, told, ", ".join(f"{name} {version}" for name, version in versions.items()))
    return UNPROVEN if failed else 0


def published_figures() -> Iterator[Check]:
    """What each role bore in the real defaults on the shelf, and what nobody could bear, computed again; and the part
    of its cap that everybody lost, where that was one number for all."""
    from allocopt.schemes import allocate
    from allocopt.shelf.library import datasets, load_event

    for name in datasets():
        event = load_event(name)
        if "rate" in event.expected:
            rates = allocate(event.problem(), "pro-rata").burden(event.question["cap"])
            yield Check(f"{name}: lowest rate", event.expected["rate"], float(rates.min()), _EXACT)
            yield Check(f"{name}: highest rate", event.expected["rate"], float(rates.max()), _EXACT)
        expected = {k: v for k, v in event.expected.items() if k != "rate"}
        try:
            borne = _borne(event)
            found = {role: float(borne.get(role, 0.0)) for role in expected}
        except AllocOptError:
            found = dict.fromkeys(expected, math.nan)
        yield from (Check(f"{name}: {k}", v, found[k], _EXACT * event.loss) for k, v in expected.items())


def _borne(event: Event) -> dict[str, float]:
    """What each role bears and the residual: under the model the event names, else by its own question."""
    from allocopt.schemes import allocate
    from allocopt.shelf.library import load_model

    if "model" in event.question:
        run = load_model(event.question["model"]).run(event).verify()
        return {**run.by_role, "residual": run.residual}
    answer = allocate(event.problem(), "pro-rata", key=event.question.get("key")).verify()
    roles = event.payers["role"].reindex(answer.problem.ids)
    return {**answer.shares.groupby(roles).sum(), "residual": answer.residual}


def worked_examples() -> Iterator[Check]:
    """Divisions that are printed in the literature, among claims of 100, 200 and 300."""
    import pandas as pd

    from allocopt.facts.problem import LossProblem
    from allocopt.schemes import allocate

    claims = pd.DataFrame({"claim": [100.0, 200.0, 300.0]}, index=["A", "B", "C"])
    for rule, loss, expected in (
        ("talmud", 200, (50.0, 75.0, 75.0)),
        ("talmud", 300, (50.0, 100.0, 150.0)),
        ("random-arrival", 200, (100 / 3, 250 / 3, 250 / 3)),
        ("constrained-equal-awards", 400, (100.0, 150.0, 150.0)),
        ("constrained-equal-losses", 300, (0.0, 100.0, 200.0)),
    ):
        shares = allocate(LossProblem(loss, claims, cap="claim"), rule).paid
        for claim, value, share in zip((100, 200, 300), expected, shares, strict=True):
            yield Check(f"{rule}, loss {loss}: claim {claim}", value, float(share), _EXACT * loss)


def proofs() -> Iterator[Check]:
    """A formula against its convex program, and a fairness-constrained program, on a real default."""
    import numpy as np

    from allocopt.schemes import allocate
    from allocopt.schemes.constraints import gini_at_most
    from allocopt.shelf.library import load_event

    problem = load_event("nasdaq-clearing-2018").problem()
    for rule in ("pro-rata", "talmud"):
        formula, program = allocate(problem, rule), allocate(problem, rule, by="program")
        apart = float(np.abs(formula.paid - program.paid).max()) / problem.loss
        yield Check(f"{rule}: formula against {program.method}, of the loss", 0.0, apart, _PROVEN)
        yield Check(f"{rule}: certificate of the program, of the loss", 0.0, program.certificate.worst, _PROVEN)
    fair = allocate(problem, "fair", reference="talmud", subject_to=[gini_at_most(0.02, by="default_fund")])
    yield Check(f"fair: certificate of the {fair.method}, of the loss", 0.0, fair.certificate.worst, _PROVEN)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
