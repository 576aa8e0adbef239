"""The core: who objects to a division, and by how much."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seeded_games import seeded_game

import allocopt as ao
from allocopt.errors import DataError, InfeasibleError
from allocopt.games import core
from allocopt.games.core import excesses, max_excess
from allocopt.maths import excess_kernels
from allocopt.maths.excess import members


def loudest(game, x, weighing, count, above, apart, margin):
    """All excesses at once, and a sort."""
    masks = np.arange(1, 2**game.n - 1)
    rows = members(masks, game.n)
    worths = game(rows.astype(bool))
    weight = {"plain": 1.0, "size": rows.sum(axis=1), "worth": np.abs(worths)}[weighing]
    excess = (worths - rows @ x) / weight * (1 if game.kind == "gain" else -1)
    kept = (excess > above) & (np.abs(rows @ apart) > margin)
    order = np.lexsort((masks[kept], -excess[kept]))[:count]
    return masks[kept][order], excess[kept][order]


@given(st.integers(2, 9), st.integers(0, 2**16), st.sampled_from(core.WEIGHINGS), st.sampled_from(["cost", "gain"]))
def test_the_compiled_pass_is_a_sort_of_all_excesses(n, seed, weighing, kind):
    rng = np.random.default_rng(seed)
    worths = np.append(0.0, rng.integers(1, 9, 2**n - 1).astype(float))
    x, apart = rng.integers(-4, 5, n).astype(float), rng.integers(-1, 2, n).astype(float)
    above, count = float(rng.integers(-5, 3)), int(rng.integers(1, 40))
    game = ao.games.table(worths, kind=kind)
    found = excesses(game, weighing).top(x, count, above, apart, 0.5)
    masks, excess = loudest(game, x, weighing, count, above, apart, 0.5)
    assert found.masks.tolist() == masks.tolist()
    np.testing.assert_allclose(found.excess, excess, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(found.worths, worths[masks])


def test_threads_and_pieces_change_nothing(monkeypatch):
    rng = np.random.default_rng(3)
    game = ao.games.table(np.append(0.0, rng.integers(0, 50, 2**16 - 1).astype(float)))
    x, apart = rng.random(16), rng.standard_normal(16)
    whole = excesses(game).top(x, 70, -30.0, apart, 0.1)
    monkeypatch.setattr(excess_kernels, "_SERIAL", 2**10)
    by_threads = excesses(game).top(x, 70, -30.0, apart, 0.1)
    monkeypatch.setattr("allocopt.games.base.TABLE_LIMIT", 3)
    monkeypatch.setattr(core, "_PIECE", 2**14)
    pieces = excesses(ao.games.claims(7, np.arange(1.0, 16.0)))
    assert len(list(pieces.blocks())) == 2
    assert (
        pieces.top(x[:15], 9).masks.tolist()
        == loudest(ao.games.claims(7, np.arange(1.0, 16.0)), x[:15], "plain", 9, -np.inf, np.ones(15), 0.0)[0].tolist()
    )
    for one, other in zip(whole, by_threads, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_worst_treated_coalition_is_named():
    airport = ao.games.table([0, 1, 2, 2, 3, 3, 3, 3], players=["a", "b", "c"])
    found = max_excess(airport, pd.Series({"c": 0.5, "a": 0.5, "b": 2.0}))
    assert found == (("a", "b"), 0.5) and float(found) == 0.5
    gains = ao.games.table([0, 0, 0, 10, 0, 0, 0, 12], kind="gain")
    assert max_excess(gains, [2, 2, 8]) == ((0, 1), 6.0)
    assert max_excess(gains, [6, 6, 0]).excess <= 0


@pytest.mark.parametrize("scale", [1e-9, 1e12])
def test_excesses_keep_their_digits_at_any_scale(scale):
    worths = scale * np.array([0.0, 1, 2, 2])
    assert max_excess(ao.games.table(worths), scale * np.array([1.5, 0.5])).excess == pytest.approx(0.5 * scale)


GAMES = [(n, family, seed) for n in (2, 3, 4, 5) for family in (1, 2, 4) for seed in (1, 2)]


@pytest.mark.parametrize("kind", ["gain", "cost"])
def test_a_core_is_shown_by_a_division_or_ruled_out_by_weights(kind):
    """Three ways: one program, all corners, and the nearest point."""
    sign = 1.0 if kind == "gain" else -1.0
    found = {True: 0, False: 0}
    for n, family, seed in GAMES:
        game = ao.games.table(sign * seeded_game(family, n, seed), kind=kind)
        tolerance = 1e-8 * max(np.abs(game.table()).max(), 1.0)
        balance = ao.is_balanced(game)
        assert balance.epsilon == pytest.approx(ao.least_core(game).epsilon, abs=tolerance)
        assert max_excess(game, balance.point).excess <= balance.epsilon + tolerance
        corners = ao.core_vertices(game)
        assert bool(balance) == (len(corners) > 0)
        found[bool(balance)] += 1
        reference = np.random.default_rng(seed).standard_normal(n) * game.grand
        if balance:
            assert max(max_excess(game, row).excess for row in corners.to_numpy()) <= tolerance
            near = ao.core_nearest(game, reference)
            assert near.certificate.holds(1e-9) and max_excess(game, near.values).excess <= tolerance
            # nearest: the pull points away from every corner
            away = (corners.to_numpy() - near.amounts) @ (near.amounts - reference)
            assert np.all(away >= -tolerance * max(np.abs(game.table()).max(), 1.0))
            assert not balance.collection and balance.shortfall == 0
        else:
            counted = np.zeros(n)
            worth = 0.0
            for coalition, weight in balance.collection.items():
                row = np.isin(np.arange(n), coalition)
                assert weight > 0
                counted += weight * row
                worth += weight * game(row[None, :])[0]
            np.testing.assert_allclose(counted, 1.0, atol=1e-9)
            assert sign * (worth - game.grand) == pytest.approx(balance.shortfall) and balance.shortfall > 0
            with pytest.raises(InfeasibleError, match=r"the core is empty: the coalitions .* use bound=") as error:
                ao.core_nearest(game, reference)
            bound = float(str(error.value).rsplit("=", 1)[1])
            near = ao.core_nearest(game, reference, bound=bound)
            assert max_excess(game, near.values).excess <= bound + tolerance
    assert min(found.values()) >= 5


@pytest.mark.parametrize("scale", [1e-9, 1e12])
def test_the_nearest_division_is_the_one_a_second_solver_finds(scale):
    import cvxpy as cp

    rng = np.random.default_rng(5)
    for n in (3, 6):
        rows = members(np.arange(2**n), n)
        game = ao.games.table(scale * np.sqrt(rows @ rng.random(n)), kind="cost")
        reference, weights = scale * rng.random(n), rng.random(n) + 0.1
        found = ao.core_nearest(game, reference, weights)
        x = cp.Variable(n)
        sides = [cp.sum(x) == game.grand / scale, rows[1:-1] @ x <= game.table()[1:-1] / scale]
        cost = cp.sum(cp.multiply(0.5 / weights, cp.square(x - reference / scale)))
        best = cp.Problem(cp.Minimize(cost), sides).solve(solver=cp.CLARABEL)
        assert found.distance / scale**2 == pytest.approx(best, rel=1e-6)
        np.testing.assert_allclose(found.amounts / scale, x.value, atol=1e-5)
        assert found.certificate.holds(1e-9)
        push = np.zeros(n)
        for coalition, price in found.objections.items():
            push -= price * np.isin(np.arange(n), coalition)
        pull = (found.amounts - reference) / weights
        np.testing.assert_allclose((pull - push) / scale, np.mean((pull - push) / scale), atol=1e-8)


def test_the_nearest_division_of_few_players_or_bad_numbers():
    assert ao.core_nearest(ao.games.table([0.0]), []).values.empty
    assert ao.core_nearest(ao.games.table([0.0, 4.0]), [9]).values.to_list() == [4.0]
    assert ao.core_vertices(ao.games.table([0.0, 4.0])).to_numpy().tolist() == [[4.0]]
    assert len(ao.core_vertices(ao.games.table([0.0]))) == 1
    assert ao.is_balanced(ao.games.table([0.0])) and ao.is_balanced(ao.games.table([0.0, 4.0]))
    game = ao.games.table([0, 10, 12, 18], players=["A", "B"])
    with pytest.raises(DataError, match="weight of 'B' is 0"):
        ao.core_nearest(game, [1, 2], weights=[1, 0])
    with pytest.raises(DataError, match="NaN"):
        ao.core_nearest(game, [1, np.nan])
    with pytest.raises(DataError, match="bound"):
        ao.core_nearest(game, [1, 2], bound=-1)
    with pytest.raises(DataError, match="up to 5 players"):
        ao.core_vertices(ao.games.airport(np.ones(6)))


def test_nobody_objects_alone_or_absent():
    assert max_excess(ao.games.table([0.0]), []) == max_excess(ao.games.table([0.0, 5.0]), [7]) == ((), 0.0)


@pytest.mark.parametrize(
    ("x", "says"),
    [([1, np.nan], "NaN"), ([1], "shape"), ([1, "2"], "not a number"), (pd.Series({0: 1.0}), "no entry"),
     ([np.inf, 1], "inf")],
)  # fmt: skip
def test_a_division_that_cannot_be_read_is_refused(x, says):
    with pytest.raises(DataError, match=says):
        max_excess(ao.games.table([0, 1, 2, 3]), x)


def test_what_cannot_be_looked_through_is_refused():
    with pytest.raises(DataError, match="31 players form"):
        max_excess(ao.games.claims(3, np.ones(31)), np.zeros(31))
    with pytest.raises(DataError, match="weighing"):
        excesses(ao.games.table([0, 1]), "weight")
