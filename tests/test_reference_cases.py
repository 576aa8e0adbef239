"""Published and exactly computed answers of the rules that are here, from the literature's own examples."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest

import allocopt as ao

# rule, parameters, estate, claims, awards; the estate is the loss and awards are burdens (burden reading).
# Sources: Mishnah Ketubot 93a and Aumann and Maschler (1985) for 100/200/300; Moreno-Ternero and Villar (2006) for the
# family; the weighted and the one-payer cases are exact arithmetic.
CASES: list[tuple[str, dict[str, Any], str, list[str], list[str]]] = [
    ("pro-rata", {}, "100", ["100", "200", "300"], ["50/3", "100/3", "50"]),
    ("constrained-equal-awards", {}, "300", ["100", "200", "300"], ["100", "100", "100"]),
    ("constrained-equal-losses", {}, "300", ["100", "200", "300"], ["0", "100", "200"]),
    ("constrained-equal-losses", {}, "500", ["100", "200", "300"], ["200/3", "500/3", "800/3"]),
    ("talmud", {}, "100", ["100", "200", "300"], ["100/3", "100/3", "100/3"]),
    ("talmud", {}, "200", ["100", "200", "300"], ["50", "75", "75"]),
    ("talmud", {}, "300", ["100", "200", "300"], ["50", "100", "150"]),
    ("talmud", {}, "1", ["1/2", "1"], ["1/4", "3/4"]),
    ("random-arrival", {}, "200", ["100", "200", "300"], ["100/3", "250/3", "250/3"]),
    ("random-arrival", {}, "500", ["100", "200", "300"], ["200/3", "500/3", "800/3"]),
    ("tal-family", {"theta": 1 / 3}, "10", ["2", "4", "7", "8"], ["2/3", "4/3", "7/2", "9/2"]),
    ("tal-family", {"theta": 0.0}, "10", ["2", "4", "7", "8"], ["0", "1", "4", "5"]),
    ("constrained-equal-awards", {"key": [1.0, 2.0, 3.0]}, "12", ["10", "10", "4"], ["8/3", "16/3", "4"]),
    ("talmud", {}, "3", ["5"], ["3"]),
]

NAMES = {
    "PRO": "pro-rata", "CEA": "constrained-equal-awards", "CEL": "constrained-equal-losses", "TALMUD": "talmud",
    "RA": "random-arrival", "TAL": "tal-family", "WCEA": "constrained-equal-awards", "RTALMUD": "reverse-talmud",
    "PIN": "piniles", "CE": "constrained-egalitarian", "MO": "minimal-overlap", "APRO": "adjusted-proportional",
    "TPRO": "truncated-proportional", "DT": "dominguez-thomson", "AA": "average-of-awards", "ALPHAMIN": "alpha-min",
    "AV": "average-of-equal",
}  # fmt: skip


def burdens(rule: str, parameters: dict[str, Any], loss: float, caps: list[float]) -> ao.Allocation:
    table = pd.DataFrame({"claim": caps}, index=[f"claimant {i}" for i in range(len(caps))])
    return ao.allocate(ao.LossProblem(loss, table, cap="claim"), rule, **parameters)


@pytest.mark.parametrize(("rule", "parameters", "estate", "claims", "awards"), CASES)
def test_published_division(
    rule: str, parameters: dict[str, Any], estate: str, claims: list[str], awards: list[str]
) -> None:
    answer = burdens(rule, parameters, float(Fraction(estate)), [float(Fraction(c)) for c in claims])
    np.testing.assert_allclose(answer.paid, [float(Fraction(a)) for a in awards], rtol=1e-12, atol=1e-12)
    answer.verify(1e-9)


def test_shared_division_cases(shared_cases: Any) -> None:
    """Every shared case whose rule is registered, to 1e-9 of its estate."""
    checked = 0
    for case in shared_cases("division.json")["claims_cases"]:
        rule = NAMES.get(case["rule"], "")
        if rule not in ao.schemes():
            continue
        parameters: dict[str, Any] = {}
        if "weights" in case["params"]:
            parameters["key"] = [float(Fraction(w)) for w in case["params"]["weights"]]
        if "theta" in case["params"]:
            parameters["theta"] = float(Fraction(case["params"]["theta"]))
        loss, claims = float(Fraction(case["endowment"])), [float(Fraction(c)) for c in case["claims"]]
        answer = burdens(rule, parameters, loss, claims)
        np.testing.assert_allclose(answer.paid, case["awards"], rtol=1e-9, atol=1e-12 * loss, err_msg=case["id"])
        checked += 1
    assert checked >= 60


def test_shapley_of_the_airport_game_is_sequential_equal_contributions() -> None:
    """Littlechild and Owen (1973): runway costs 1, 2, 3 give 1/3, 5/6, 11/6."""
    table = pd.DataFrame({"cap": [9.0, 9.0, 9.0]}, index=["A", "B", "C"])
    problem = ao.LossProblem(3.0, table, cap="cap")
    worths = [max([0, *(c for i, c in enumerate((1, 2, 3)) if mask >> i & 1)]) for mask in range(8)]
    answer = ao.allocate(problem, "shapley", game=worths)
    np.testing.assert_allclose(answer.paid, [1 / 3, 5 / 6, 11 / 6], rtol=1e-12)
    assert answer.price == pytest.approx(1.0) and any("are the Shapley values" in n for n in answer.notes)
    capped = ao.allocate(problem.replace(cap=[9.0, 9.0, 1.0]), "shapley", game=worths).verify()
    np.testing.assert_allclose(capped.paid, [2 * (1 / 3) / (7 / 6), 2 * (5 / 6) / (7 / 6), 1.0], rtol=1e-12)
    assert any("used as a key" in n for n in capped.notes)
