"""Relatives of the nucleolus and quick algorithms for it, each against a second way to the same answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from seeded_games import seeded_game
from test_nucleolus import assert_shares, named_game

import allocopt as ao
from allocopt.errors import DataError, InfeasibleError
from allocopt.maths import prekernel
from allocopt.maths.excess import members

SMALL = [(n, family, seed) for n in (2, 3, 4, 5) for family in (1, 2, 4) for seed in (3, 8)]


@pytest.mark.parametrize("seed", range(12))
def test_quick_algorithms_give_the_nucleolus_that_all_coalitions_give(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 8))
    amounts = rng.integers(0, 9, n).astype(float) if seed % 2 else rng.lognormal(0, 2, n)
    estate = float(rng.integers(0, amounts.sum() + 1)) if seed % 2 else amounts.sum() * rng.random()
    for game in (ao.games.airport(amounts), ao.games.claims(estate, amounts)):
        quick = ao.nucleolus(game)
        assert not quick.evaluations and not quick.stages
        tabled = ao.games.table(game.table(), kind=game.kind)
        proven = ao.nucleolus(tabled, exact=True)
        assert_shares(quick.values / max(amounts.max(), 1e-9), proven.values / max(amounts.max(), 1e-9), 1e-12)
        assert quick.epsilon == pytest.approx(proven.epsilon, abs=1e-12 * max(amounts.max(), 1e-9))
        assert_shares(ao.prenucleolus(game).values, quick.values)


def test_large_airports_and_estates_need_no_coalitions():
    costs = np.random.default_rng(0).lognormal(0, 2, 100_000)
    shares = ao.nucleolus(ao.games.airport(costs)).amounts
    assert shares.sum() == pytest.approx(costs.max())
    order = np.argsort(costs)
    assert np.all(np.diff(shares[order]) >= -1e-12) and np.all(shares <= costs)
    with_edges = costs[order].cumsum(), shares[order].cumsum()
    assert np.all(with_edges[1][:-1] <= costs[order][:-1] + 1e-9)  # nobody below pays more than its own runway
    half = ao.nucleolus(ao.games.claims(costs.sum() / 2, costs)).amounts
    assert half.sum() == pytest.approx(costs.sum() / 2)
    assert_shares(ao.nucleolus(ao.games.airport(np.zeros(4))).values, np.zeros(4))


def test_a_wrong_answer_is_told_where_it_fails_and_what_would_be_better():
    game = ao.games.table(seeded_game(1, 6, 4), kind="gain", players=list("abcdef"))
    right = ao.nucleolus(game).values
    for wrong in (right + np.array([1, -1, 0, 0, 0, 0]), ao.shapley(game).values):
        verdict = ao.verify_nucleolus(game, wrong)
        assert not verdict and str(verdict).startswith(f"level {verdict.level}: the excess of coalition")
        before = np.sort(_excess_of_all(game, wrong))[::-1]
        after = np.sort(_excess_of_all(game, verdict.better))[::-1]
        first = np.flatnonzero(np.abs(before - after) > 1e-9)[0]
        assert after[first] < before[first]


def _excess_of_all(game, x):
    masks = np.arange(1, 2**game.n - 1)
    rows = members(masks, game.n)
    return game.table()[masks] - rows @ np.asarray(x)


def test_a_division_that_does_not_add_up_or_leaves_a_player_short_fails_at_level_zero():
    game = ao.games.table([0, 10, 4, 20], kind="gain", players=["A", "B"])
    verdict = ao.verify_nucleolus(game, [13, 8])
    assert (bool(verdict), verdict.level, verdict.amount) == (False, 0, 1.0)
    verdict = ao.verify_nucleolus(game, [9, 11])
    assert (verdict.level, verdict.coalition, verdict.amount) == (0, ("A",), 1.0)
    assert "gets less than alone" in str(verdict)
    cost = ao.games.table([0, 10, 12, 18], players=["A", "B"])
    assert "bears more than its own cost" in str(ao.verify_nucleolus(cost, [11, 7]))
    assert str(ao.verify_nucleolus(game, [13, 7])) == "stands at 1 levels"
    with pytest.raises(DataError, match="did you mean 'nucleolus'"):
        ao.verify_nucleolus(game, [13, 7], of="nucleolis")


def test_no_imputation_is_said_with_its_numbers():
    greedy = ao.games.table([0, 6, 7, 10], kind="gain")
    for solve in (ao.nucleolus, ao.per_capita_nucleolus, ao.proportional_nucleolus):
        with pytest.raises(
            InfeasibleError, match=r"\(10\) is worth less than the players alone \(13\), by 3.*prenucle"
        ):
            solve(greedy)
    assert_shares(ao.prenucleolus(greedy).values, [4.5, 5.5])
    costly = ao.games.table([0, 6, 7, 15])
    with pytest.raises(InfeasibleError, match=r"\(15\) costs more than the players alone \(13\)"):
        ao.nucleolus(costly)
    with pytest.raises(DataError, match="worth 0; excesses per unit of worth"):
        ao.proportional_nucleolus(ao.games.table([0, 0, 1, 2]))


def test_amounts_by_name_are_read_by_name():
    game = ao.games.table([0, 10, 12, 18], players=["A", "B"])
    assert ao.verify_nucleolus(game, pd.Series({"B": 10.0, "A": 8.0}))


def dual_cover(worths):
    """Every player has a double; a coalition S and doubles of T are worth the better of v(S) + v*(T), v*(S) + v(T)."""
    dual = worths[-1] - worths[::-1]
    return np.maximum(worths[None, :] + dual[:, None], dual[None, :] + worths[:, None]).ravel()


@pytest.mark.parametrize("kind", ["gain", "cost"])
def test_the_modiclus_is_the_prenucleolus_of_the_dual_cover(kind):
    sign = 1.0 if kind == "gain" else -1.0
    for n, family, seed in SMALL:
        worths = seeded_game(family, n, seed)
        doubled = ao.prenucleolus(ao.games.table(dual_cover(worths), kind="gain"))
        assert ao.verify_nucleolus(doubled.game, doubled.values, of="prenucleolus")
        found = ao.modiclus(ao.games.table(sign * worths, kind=kind))
        assert_shares(sign * found.values, doubled.amounts[:n], 1e-10)
        assert_shares(doubled.amounts[n:], doubled.amounts[:n], 1e-10)


def test_the_modiclus_of_published_games_is_met(shared_cases):
    tried = 0
    for case in shared_cases("games.json"):
        if "modiclus" in case["expected"]:
            assert_shares(ao.modiclus(named_game(case)).values, case["expected"]["modiclus"])
            tried += 1
    assert tried >= 1


def test_the_modiclus_does_not_tell_a_game_from_its_dual_and_moves_with_it():
    worths = seeded_game(2, 5, 77)
    base = ao.modiclus(ao.games.table(worths, kind="gain")).amounts
    assert_shares(ao.modiclus(ao.games.table(worths[-1] - worths[::-1], kind="gain")).amounts, base)
    shift = np.array([3.0, -1, 0, 50, 7])
    moved = 1e9 * (worths + members(np.arange(32), 5) @ shift)
    assert_shares(ao.modiclus(ao.games.table(moved, kind="gain")).amounts, 1e9 * (base + shift))


def surplus_by_hand(game, x):
    """The definition, coalition by coalition."""
    sign = 1 if game.kind == "gain" else -1
    out = np.full((game.n, game.n), -np.inf)
    for mask in range(1, 2**game.n - 1):
        row = np.array([mask >> i & 1 for i in range(game.n)], dtype=bool)
        excess = sign * (game.table()[mask] - x[row].sum())
        for i in np.flatnonzero(row):
            for j in np.flatnonzero(~row):
                out[i, j] = max(out[i, j], excess)
    np.fill_diagonal(out, 0.0)
    return out


@pytest.mark.parametrize("kind", ["gain", "cost"])
def test_players_have_equal_claims_on_each_other_at_a_kernel_point(kind):
    sign = 1.0 if kind == "gain" else -1.0
    for n, family, seed in SMALL:
        game = ao.games.table(sign * seeded_game(family, n, seed), kind=kind)
        found = ao.kernel_point(game)
        by_hand = surplus_by_hand(game, found.amounts)
        scale = np.abs(game.table()).max()
        np.testing.assert_allclose(found.over.to_numpy(), by_hand, atol=1e-12 * scale)
        np.testing.assert_allclose(by_hand, by_hand.T, atol=1e-9 * scale)
        assert found.imbalance <= 1e-9 * scale and found.values.sum() == pytest.approx(game.grand)


def test_in_a_convex_game_the_kernel_is_the_nucleolus():
    for n, seed in [(3, 1), (6, 2), (9, 3)]:
        rows = members(np.arange(2**n), n)
        game = ao.games.table((rows @ np.random.default_rng(seed).random(n)) ** 2, kind="gain")
        assert_shares(ao.kernel_point(game).values, ao.nucleolus(game).values, 1e-8)


def test_where_the_steps_do_not_arrive_the_prenucleolus_is_the_kernel_point(monkeypatch):
    monkeypatch.setattr(prekernel, "_STEPS", 1)
    game = ao.games.table(seeded_game(1, 6, 4), kind="gain")
    found = ao.kernel_point(game)
    assert found.method.startswith("the prenucleolus")
    assert_shares(found.values, ao.prenucleolus(game).values, 1e-12)
    assert found.imbalance <= 1e-9 * game.grand


def test_few_or_too_many_players():
    for solve in (ao.modiclus, ao.kernel_point):
        assert solve(ao.games.table([0.0])).values.empty
        assert solve(ao.games.table([0.0, 5.0])).values.to_list() == [5.0]
        assert_shares(solve(ao.games.table([0, 10, 12, 18])).values, [8.0, 10.0])
    with pytest.raises(DataError, match="21 players form"):
        ao.modiclus(ao.games.airport(np.ones(21)))
    with pytest.raises(DataError, match="31 players form"):
        ao.kernel_point(ao.games.airport(np.ones(31)))
