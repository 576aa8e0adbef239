"""A design meets its musts, grants its wishes as far as they go, proves itself, and names what it resembles."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import allocopt as ao
from allocopt.errors import DataError, InfeasibleError

TABLE = pd.DataFrame({"fund": [60.0, 30.0, 10.0], "equity": [5.0, 50.0, 50.0]}, index=["A", "B", "C"])
QUESTION = ao.LossProblem(30, TABLE, "fund", "EUR")
FEW = ["pro-rata", "constrained-equal-awards", "talmud"]


def test_without_wishes_it_is_the_reference_and_says_so():
    for name in FEW:
        found = ao.design(QUESTION, prefer=name, known=FEW)
        assert np.allclose(found.shares, ao.allocate(QUESTION, name).shares)
        assert found.distances[name] == pytest.approx(0, abs=1e-9) and found.distances.is_monotonic_increasing
    assert ao.design(QUESTION, known=FEW).nearest == "pro-rata"


def test_a_must_is_the_fair_program():
    bound = ao.gini_at_most(0.1, by="fund")
    found = ao.design(QUESTION, must=bound, prefer=["constrained-equal-awards"], known=FEW)
    fair = ao.scheme("fair", reference="constrained-equal-awards", subject_to=[bound]).allocate(QUESTION)
    assert np.allclose(found.shares, fair.shares) and found.certificate.holds()
    assert found.prices["gini"] < 0 and "price of gini" in found.explain()
    assert found.program.clauses and found.distances["pro-rata"] == pytest.approx(
        np.abs(fair.shares - ao.allocate(QUESTION, "pro-rata").shares).sum() / 60
    )


def test_a_wish_goes_as_far_as_the_musts_allow():
    found = ao.design(QUESTION, must=[ao.keep_solvent("equity")], prefer=[ao.gini_at_most(0, by="fund")], known=FEW)
    # A can bear 5 of 30: the least unequal rest is in proportion, 25 over 30 and 10
    best = np.array([5.0, 18.75, 6.25])
    assert np.allclose(found.shares, best, atol=1e-3)
    row = found.wishes.iloc[0]
    assert not row["holds"] and row["reached"] == pytest.approx(ao.metrics.gini(best, by=TABLE["fund"]), abs=1e-5)
    assert found.shares["A"] <= 5 + 1e-6 and "the musts allow" in found.explain()


def test_wishes_come_in_their_order():
    solvent, even = ao.keep_solvent("equity"), ao.gini_at_most(0, by="fund")
    first = ao.design(QUESTION, prefer=[solvent, even], known=FEW)
    assert first.wishes["holds"].tolist() == [True, False] and first.shares["A"] <= 5 + 1e-6
    second = ao.design(QUESTION, prefer=[even, solvent], known=FEW)
    assert second.wishes["holds"].tolist() == [True, False]
    assert np.allclose(second.shares, [18, 9, 3], atol=1e-4)


def test_the_rule_of_a_design_divides_another_loss():
    found = ao.design(QUESTION, must=[ao.gini_at_most(0.1, by="fund")], prefer=["talmud"], known=FEW)
    again = found.rule.allocate(QUESTION.replace(loss=50.0))
    assert again.shares.sum() == pytest.approx(50) and ao.metrics.gini(again.paid, by=TABLE["fund"]) <= 0.1 + 1e-6


def test_all_published_rules_are_asked_by_default():
    found = ao.design(QUESTION, prefer="talmud")
    assert {"pro-rata", "pro-rata by equity", "talmud", "reverse-talmud"} <= set(found.distances.index)
    assert found.distances["talmud"] == 0 and "queue" not in found.distances


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda: ao.design(3), DataError, "not a int"),
        (lambda: ao.design(QUESTION, must=["gini"]), DataError, "not a constraint"),
        (lambda: ao.design(QUESTION, prefer=["talmud", "pro-rata"]), DataError, "2 references"),
        (lambda: ao.design(QUESTION, known=["nobody"]), DataError, "nobody"),
        (lambda: ao.design(QUESTION, must=[ao.gini_at_most(0, by="fund"), ao.keep_solvent("equity")]), InfeasibleError,
         "gini"),
    ],
)  # fmt: skip
def test_what_cannot_be_designed_is_said(ask, error, words):
    with pytest.raises(error, match=words):
        ask()


def test_published_rules_are_asked_when_the_answer_is_compared_and_random_arrival_among_few():
    few, many = (ao.LossProblem(n / 2, pd.DataFrame({"fund": np.linspace(1, 2, n)}), "fund") for n in (60, 61))
    found = ao.design(few)
    assert "_distances" not in vars(found)
    assert "random-arrival" in found.distances and "random-arrival" not in ao.design(many).distances
    assert "random-arrival" in ao.design(many, known=["random-arrival"]).distances
    with pytest.raises(ValueError, match="read-only"):
        found.answer.paid[0] = 1.0


@pytest.mark.parametrize("scale", [1e-9, 1e12])
def test_the_size_of_the_currency_does_not_matter(scale):
    def asked(unit):
        table = TABLE[["fund"]] * unit
        problem = ao.LossProblem(30 * unit, table, "fund")
        return ao.design(problem, must=[ao.gini_at_most(0.1, by="fund")], prefer="talmud", known=FEW)

    plain, scaled = asked(1.0), asked(scale)
    assert np.allclose(scaled.shares / scale, plain.shares) and scaled.answer.certificate.holds()
    assert scaled.nearest == plain.nearest and np.allclose(scaled.distances, plain.distances)


def test_one_payer_ties_and_no_caps_are_ordinary():
    one = ao.LossProblem(3, pd.DataFrame({"fund": [10.0]}, index=["A"]), "fund")
    assert ao.design(one, must=[ao.gini_at_most(0)]).shares.tolist() == [3.0]
    same = ao.LossProblem(30, pd.DataFrame({"fund": [10.0] * 4}), "fund")
    assert (ao.design(same, prefer=[ao.gini_at_most(0)]).distances < 1e-9).any()
    free = ao.design(ao.LossProblem(30, TABLE[["fund"]]), prefer=["constrained-equal-awards"])
    assert np.allclose(free.shares, 10.0) and free.distances["constrained-equal-awards"] == 0


@pytest.mark.parametrize("loss", [0.0, 1e-6, 100.0, 120.0])
def test_no_loss_and_too_much_are_ordinary(loss):
    found = ao.design(QUESTION.replace(loss=loss), prefer=[ao.gini_at_most(0.5, by="fund")], known=FEW)
    assert found.shares.sum() == pytest.approx(min(loss, 100.0)) and (found.distances < 1e-6).all() == (loss != 1e-6)
