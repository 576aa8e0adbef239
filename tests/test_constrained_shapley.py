"""The constrained Shapley value: nearest among all divisions that meet the constraints, and proven so."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocopt as ao
from allocopt.maths.shapley import memberships

quick = settings(derandomize=True, deadline=None, max_examples=8)


def least_squares(game, x):
    """The objective as it is defined: every coalition by its weight."""
    from math import comb

    n, rows = game.n, memberships(0, 1 << game.n, game.n)
    sizes = rows.sum(axis=1)
    weight = np.array([0.0, *(1.0 / comb(n - 2, s - 1) for s in range(1, n)), 0.0])
    return float(weight[sizes] @ (game.table() - rows @ x) ** 2)


def by_cvxpy(game, caps, gain=False):
    """The program as it is stated, with a row for every coalition."""
    import cvxpy as cp

    rows, worths = memberships(0, 1 << game.n, game.n)[1:-1].astype(float), game.table()[1:-1]
    x = cp.Variable(game.n)
    held = rows @ x >= worths if gain else rows @ x <= worths
    problem = cp.Problem(cp.Minimize(cp.sum_squares(x - ao.shapley(game, "exact").amounts)),
                         [cp.sum(x) == game.grand, held, x <= caps])  # fmt: skip
    problem.solve(solver=cp.CLARABEL)
    return np.asarray(x.value), problem.status


def concave(seed, n=5):
    """Costs of a concave game: what the largest costs, and the root of what all weigh."""
    rng = np.random.default_rng(seed)
    costs, weights = rng.uniform(0, 3, n), rng.uniform(0, 5, n)
    return ao.games.function(lambda s: np.where(s, costs, 0.0).max(axis=1) + np.sqrt(s @ weights), n)


@quick
@given(st.integers(0, 10_000))
def test_the_answer_is_the_one_of_the_whole_program(seed):
    game = concave(seed)
    value = ao.shapley(game, "exact").amounts
    caps = value * np.random.default_rng(seed).uniform(0.8, 1.6, 5)
    if caps.sum() < 1.01 * game.grand:
        caps *= 1.05 * game.grand / caps.sum()
    expected, status = by_cvxpy(game, caps)
    if status != "optimal":
        with pytest.raises(ao.InfeasibleError):
            ao.constrained_shapley(game, caps, core=True)
        return
    found = ao.constrained_shapley(game, caps, core=True).verify(1e-9)
    np.testing.assert_allclose(found.amounts, expected, atol=1e-5 * game.grand)
    assert found.amounts.sum() == pytest.approx(game.grand, rel=1e-12)
    assert ao.max_excess(game, found.amounts).excess <= 1e-8 * game.grand
    np.testing.assert_allclose(found.departure, found.amounts - value)


def test_the_nearest_point_is_the_least_of_the_weighted_squares():
    game = concave(3)
    value = ao.shapley(game, "exact").amounts
    caps = np.where(np.arange(5) == value.argmax(), 0.7 * value.max(), np.inf)
    found = ao.constrained_shapley(game, caps, individual_rationality=False)
    least, rng = least_squares(game, found.amounts), np.random.default_rng(0)
    for _ in range(300):
        step = rng.standard_normal(5) * rng.choice([1e-4, 1e-2, 0.3])
        other = found.amounts + step - step.mean()
        if (other <= caps).all():
            assert least_squares(game, other) >= least - 1e-9
    at = int(value.argmax())
    assert found.amounts[at] == pytest.approx(0.7 * value[at])
    spread = np.delete(found.amounts - value, at)
    np.testing.assert_allclose(spread, 0.3 * value[at] / 4)  # the excess is shared equally: that is the metric


def test_what_does_not_bind_changes_nothing():
    game = ao.games.airport([1.0, 2.0, 3.0], players=["small", "middle", "large"])
    found = ao.constrained_shapley(game, core=True).verify(1e-12)
    np.testing.assert_allclose(found.amounts, ao.shapley(game, "exact").amounts)
    assert "no constraint binds" in found.method and not found.departure.any() and found.duals["core"].empty
    assert list(found.values.index) == ["small", "middle", "large"]


def test_prices_are_what_a_looser_bound_would_change():
    game = concave(11)
    value = ao.shapley(game, "exact").amounts
    caps = pd.Series(np.where(np.arange(5) < 2, 0.8 * value, np.inf))

    def cost(loose):
        found = ao.constrained_shapley(game, caps + loose, individual_rationality=False).amounts
        return 0.5 * float(((found - value) ** 2).sum())

    found = ao.constrained_shapley(game, caps, individual_rationality=False)
    for player in (0, 1):
        step = np.where(np.arange(5) == player, 1e-5, 0.0)
        assert found.duals["caps"][player] == pytest.approx((cost(step) - cost(-step)) / 2e-5, rel=1e-4)
    assert (found.duals["caps"][2:] == 0).all()


def test_coalitions_that_bind_have_a_price_and_a_name():
    values = [0.0, 6.0, 6.0, 7.0, 9.0, 12.0, 12.0, 15.0]
    game = ao.games.table(values, players=["A", "B", "C"])
    found = ao.constrained_shapley(game, core=True).verify(1e-10)
    assert list(found.duals["core"].index) == [("A", "B")] and (found.duals["core"] < 0).all()
    np.testing.assert_allclose(found.amounts, [3.5, 3.5, 8.0])
    assert ao.max_excess(game, found.values).excess == pytest.approx(-0.0, abs=1e-9)


def test_a_gain_game_is_the_dual_of_a_cost_game():
    game = concave(5)
    cap = 0.9 * ao.shapley(game, "exact").amounts.max()
    one = ao.constrained_shapley(game, cap, individual_rationality=False, core=True).verify(1e-9)
    other = ao.constrained_shapley(game.dual(), cap, individual_rationality=False, core=True).verify(1e-9)
    np.testing.assert_allclose(one.amounts, other.amounts, atol=1e-8 * game.grand)
    alone = ao.constrained_shapley(ao.games.table([0.0, 5.0, 0.0, 6.0], kind="gain"), caps=[9.0, 0.25])
    np.testing.assert_allclose(alone.amounts, [5.75, 0.25])


def test_an_empty_core_is_named_with_the_least_relaxation_that_works():
    game = ao.games.table([0.0, 1, 1, 1, 1, 1, 1, 1], kind="gain", players=["A", "B", "C"])  # any one has it all
    majority = ao.games.table([0.0, 0, 0, 1, 0, 1, 1, 1], kind="gain", players=["A", "B", "C"])
    with pytest.raises(ao.InfeasibleError, match=r"relaxation=0\.333333"):
        ao.constrained_shapley(majority, core=True)
    found = ao.constrained_shapley(majority, core=True, relaxation=0.3333334)
    np.testing.assert_allclose(found.amounts, 1 / 3)
    with pytest.raises(ao.InfeasibleError, match="asks for 3 in all and there is 1"):
        ao.constrained_shapley(game)
    uneven = ao.games.table([0.0, 0, 0, 8, 0, 8, 6, 9], kind="gain", players=["A", "B", "C"])
    with pytest.raises(ao.InfeasibleError, match=r"\{.*object by 1\.33333333.*relaxation=1\.33333333"):
        ao.constrained_shapley(uneven, core=True)
    ao.constrained_shapley(uneven, core=True, relaxation=1.333334).verify()


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e12])
def test_units_do_not_matter(scale):
    game = ao.games.airport(np.array([1.0, 2.0, 3.0]) * scale)
    found = ao.constrained_shapley(game, np.array([1.0, 2.0, 1.5]) * scale, core=True, nonnegative=True).verify(1e-10)
    np.testing.assert_allclose(found.amounts, np.array([0.5, 1.0, 1.5]) * scale, rtol=1e-9)


def test_another_game_may_give_the_core():
    game, other = ao.games.airport([1.0, 2.0, 3.0]), ao.games.table([0.0, 2, 2, 2, 3, 3, 3, 3])
    found = ao.constrained_shapley(game, core=other).verify(1e-10)
    assert ao.max_excess(other, found.amounts).excess <= 1e-9
    with pytest.raises(ao.DataError, match="other players"):
        ao.constrained_shapley(game, core=ao.games.airport([1.0, 2.0]))
    with pytest.raises(ao.DataError, match="core is 'yes'"):
        ao.constrained_shapley(game, core="yes")


def test_a_large_game_is_sampled_and_the_error_carries_over():
    weights = np.random.default_rng(0).uniform(1, 5, 40)
    game = ao.games.function(lambda rows: np.sqrt(rows @ weights), 40)
    found = ao.constrained_shapley(game, caps=0.3, budget=2000, seed=1).verify(1e-9)
    assert "regression" in found.method and found.amounts.max() <= 0.3 + 1e-12 and (found.errors > 0).all()
    assert found.evaluations == found.unconstrained.evaluations <= 2000
    same = ao.shapley(game, "regression", budget=2000, seed=1)
    np.testing.assert_array_equal(found.unconstrained.amounts, same.amounts)
    assert ao.shapley(game, "constrained", budget=2000, seed=1).evaluations <= 2000


def test_a_wrong_answer_does_not_stand():
    from allocopt.facts.certificate import Certificate

    found = ao.constrained_shapley(ao.games.airport([1.0, 2.0, 3.0]), [1.0, 2.0, 1.5], core=True)
    wrong = dataclasses.replace(found, certificate=Certificate(0.0, 1e-3, 0.0, "prices of a projection"))
    with pytest.raises(ao.CertificateError, match="does not stand"):
        wrong.verify()


def test_certificates_see_a_point_that_is_not_the_nearest_and_one_that_breaks_a_bound():
    from allocopt.games.core import excesses
    from allocopt.games.nearest import Limit, Nearest

    game = ao.games.airport([1.0, 2.0, 3.0])
    value = ao.shapley(game, "exact").amounts
    limit = Limit("caps", np.array([1.0, 2.0, 1.5]), True)
    problem = Nearest(game, value, 3.0, 3.0, [limit], excesses(game), game, 0.0)
    x, duals, masks, _ = problem.solved()
    assert problem.certificate(x, duals, masks).holds(1e-10)
    assert not problem.certificate(x + np.array([0.01, -0.01, 0.0]), duals, masks).holds(1e-4)
    assert not problem.certificate(x + np.array([-0.01, 0.0, 0.01]), duals, masks).holds(1e-4)
    assert not problem.certificate(x, duals | {"caps": -duals["caps"]}, masks).holds(1e-4)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda g: ao.constrained_shapley(g, [1.0, -1.0, 9.0]), ao.DataError, "caps: 1 is -1"),
        (lambda g: ao.constrained_shapley(g, [1.0, np.nan, 9.0]), ao.DataError, "NaN"),
        (lambda g: ao.constrained_shapley(g, "some"), ao.DataError, "caps is 'some'"),
        (lambda g: ao.constrained_shapley(g, [1.0]), ao.DataError, "one entry for each of the 3"),
        (lambda g: ao.constrained_shapley(g, 0.5), ao.InfeasibleError, "1.5 more is needed"),
        (lambda g: ao.constrained_shapley(g, relaxation=-1.0), ao.DataError, "relaxation is -1"),
    ],
)
def test_bad_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call(ao.games.airport([1.0, 2.0, 3.0]))


def test_games_of_nobody_and_of_one():
    assert ao.constrained_shapley(ao.games.table([0.0]), core=True).values.empty
    assert ao.constrained_shapley(ao.games.table([0.0, 7.0]), caps=7.0, core=True).values.tolist() == [7.0]
    with pytest.raises(ao.InfeasibleError, match="1 more is needed"):
        ao.constrained_shapley(ao.games.table([0.0, 7.0]), caps=6.0)
    free = ao.constrained_shapley(ao.games.table(np.zeros(8)), caps=0.0, core=True, nonnegative=True)
    assert not free.amounts.any()
