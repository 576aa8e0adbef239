"""Many estates among the same claims, from one pass over the grid, against one estate after another."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import allocopt as ao
from allocopt.maths.arrival import random_arrival
from allocopt.maths.arrival_many import many_arrivals
from allocopt.schemes.random_arrival import RandomArrival


def alone(estates: np.ndarray, claims: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = [random_arrival(float(estate), claims) for estate in estates]
    return np.array([one.values for one in found]), np.array([one.error for one in found])


def agree(many: np.ndarray | None, estates: np.ndarray, claims: np.ndarray) -> None:
    assert many is not None
    single, error = alone(estates, claims)
    assert (np.abs(many - single).max(axis=1) <= 1e-12 * estates + 8 * error + 1e-300).all()
    assert (np.abs(many.sum(axis=1) - np.minimum(estates, claims.sum())) <= 1e-9 * estates).all()
    assert (many >= 0).all() and (many <= claims).all()


@pytest.mark.parametrize("scale", [1e-9, 1e12])
def test_one_pass_says_what_one_estate_after_another_says(scale: float) -> None:
    draw = np.random.default_rng(0)
    claims = draw.lognormal(0.0, 1.0, 30) * scale
    claims[:3] = 0.0, claims[5], 2.5 * claims.sum()
    shares = np.array([0.0, 0.03, 0.2, 0.5, 0.55, 0.9, 1.0, 1.3])
    agree(many_arrivals(shares * claims.sum(), claims), shares * claims.sum(), claims)


def test_a_claim_without_end_counts_as_the_estate() -> None:
    claims = np.append(np.random.default_rng(1).lognormal(0.0, 1.0, 29), np.inf)
    estates = np.array([1.0, 20.0, 45.0])
    agree(many_arrivals(estates, claims), estates, claims)


def test_whole_amounts_are_exact() -> None:
    draw = np.random.default_rng(2)
    claims, estates = draw.integers(0, 50, 40).astype(float), draw.integers(0, 900, 6).astype(float)
    found = many_arrivals(estates, claims)
    assert found is not None
    np.testing.assert_allclose(found, alone(estates, claims)[0], atol=1e-11)


def test_the_comparison_sees_a_wrong_award() -> None:
    claims = np.arange(1.0, 31.0)
    found = many_arrivals(np.array([100.0]), claims)
    assert found is not None
    with pytest.raises(AssertionError):
        agree(found + np.eye(1, 30) - np.eye(1, 30, 1), np.array([100.0]), claims)


def test_few_claims_and_drawn_orders_are_left_to_others() -> None:
    assert many_arrivals(np.array([1.0]), np.ones(3)) is None
    rule = RandomArrival()
    few = rule.many(np.array([1.0, 2.0]), np.ones(3))
    assert few is not None and few.tolist() == [[1 / 3] * 3, [2 / 3] * 3]
    assert RandomArrival(way="sampled").many(np.array([1.0]), np.ones(30)) is None
    assert RandomArrival(key="w").many(np.array([1.0]), np.ones(30)) is None


def test_the_batch_and_a_card_over_losses_use_it() -> None:
    caps = np.random.default_rng(3).lognormal(0.0, 1.0, 30)
    losses = np.array([0.3, 0.6]) * caps.sum()
    agree(ao.allocate_many(RandomArrival(), losses, None, caps), losses, caps)
    problem = ao.LossProblem(float(losses[0]), pd.DataFrame({"fund": caps}), cap="fund")
    asked = {"metrics": ["gini"], "measures": [], "axioms": False}
    card = ao.compare(problem, ["random-arrival", "talmud"], scenarios=list(losses), **asked)
    for row, loss in enumerate(losses):
        one = ao.compare(problem.replace(loss=float(loss)), ["random-arrival", "talmud"], **asked).scores
        assert card.ensemble is not None
        assert card.ensemble.iloc[row]["gini", "random-arrival"] == pytest.approx(
            one.loc["gini", "random-arrival"], abs=1e-8
        )
