"""The tables of a comparison that need no scores: what its numbers mean, what the loss is priced at, what proves it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from allocopt.facts.allocation import Allocation
from allocopt.judgement.axiom_list import AXIOMS
from allocopt.judgement.axioms import check_axioms, divides_by_caps_alone
from allocopt.judgement.criterion import Criterion
from allocopt.mechanisms.cascade import Cascade
from allocopt.schemes import Scheme


def meanings(criteria: Mapping[str, Criterion], by: str) -> pd.DataFrame:
    """One row per criterion: label, direction, unit, ends, of what, formula, family, and the rule it favours."""
    rows = {
        name: {
            "label": c.label(by), "direction": c.direction, "unit": c.unit,
            "best": math.nan if c.best is None else c.best, "worst": math.nan if c.worst is None else c.worst,
            "of": c.of_what.format(by=by), "formula": c.formula, "family": c.family, "favours": c.favours,
        }
        for name, c in criteria.items()
    }  # fmt: skip
    columns = ["label", "direction", "unit", "best", "worst", "of", "formula", "family", "favours"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def prices(answers: Mapping[str, Allocation], cascades: Mapping[str, Cascade]) -> pd.DataFrame:
    """One row per scheme: the price of the loss, what nobody could bear, what is covered."""
    rows = {
        t: {
            "price": a.price,
            "residual": cascades[t].residual if t in cascades else a.residual,
            "covered": float(cascades[t].by_layer.sum()) if t in cascades else float(a.paid.sum()),
        }
        for t, a in answers.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("scheme")


def certificates(answers: Mapping[str, Allocation]) -> pd.DataFrame:
    """One row per scheme: the residuals of its certificate, its kind, how the answer was found, whether it stands."""
    rows = {}
    for title, answer in answers.items():
        found = answer.certificate
        rows[title] = {
            "primal": found.primal, "dual": found.dual, "gap": found.gap, "kind": found.kind,
            "method": answer.method, "holds": found.holds(),
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("scheme")


def axioms(answers: Mapping[str, Allocation], seed: int) -> dict[str, dict[str, str]]:
    """Scheme -> axiom -> "holds (n tried)" or the counterexample, where the rule reads the caps alone."""
    out = {}
    for title, answer in answers.items():
        rule = answer.scheme
        if isinstance(rule, Scheme) and divides_by_caps_alone(rule):
            out[title] = {name: str(finding) for name, finding in check_axioms(rule, seed=seed).items()}
        else:
            out[title] = dict.fromkeys(AXIOMS, "not a rule of the caps alone")
    return out
