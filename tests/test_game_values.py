"""Values of games: every one meets its definition in exact fractions, its axioms, and the published answers."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction
from math import comb, factorial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocopt as ao
from allocopt.errors import DataError, InfeasibleError
from allocopt.games import exact
from allocopt.games.airport import airport
from allocopt.games.table import table
from allocopt.games.weighted import threshold, weighted
from allocopt.maths import shapley as maths
from allocopt.maths.path import integral
from allocopt.maths.tails import path_density, risks
from allocopt.maths.threshold import threshold_values

SHARED = Path(__file__).resolve().parents[2] / "shared" / "cases" / "games.json"

quick = settings(derandomize=True, deadline=None, max_examples=25)
worths = st.integers(1, 5).flatmap(
    lambda n: st.lists(
        st.one_of(st.sampled_from([0, 1, 6]), st.integers(-20, 60)), min_size=2**n - 1, max_size=2**n - 1
    )
)
kinds = st.sampled_from(["cost", "gain"])


def same(found, expected, tolerance=1e-12):
    found = found.amounts if hasattr(found, "amounts") else np.asarray(found)
    expected = np.array([float(x) for x in expected])
    scale = max(np.abs(expected).max(initial=0.0), 1.0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale)


def test_the_check_of_this_file_sees_a_wrong_answer():
    with pytest.raises(AssertionError):
        same([1.0, 2.0 + 1e-9], [1, 2])


def of(entries, kind="cost"):
    v = [0, *entries]
    return table([float(x) for x in v], kind=kind), [Fraction(x) for x in v], len(v).bit_length() - 1


def members(mask, n):
    return [i for i in range(n) if mask >> i & 1]


def by_orders(v, n, orders=None):
    total, count = [Fraction(0)] * n, 0
    for order in orders or itertools.permutations(range(n)):
        mask, count = 0, count + 1
        for i in order:
            total[i] += v[mask | 1 << i] - v[mask]
            mask |= 1 << i
    return [t / count for t in total]


def marginal_sum(v, n, i, weight):
    return sum(weight(len(members(s, n))) * (v[s | 1 << i] - v[s]) for s in range(2**n) if not s >> i & 1)


@quick
@given(worths)
def test_semivalues_meet_their_definition(entries):
    game, v, n = of(entries)
    same(ao.banzhaf(game), [marginal_sum(v, n, i, lambda s: Fraction(1, 2 ** (n - 1))) for i in range(n)])
    third = [Fraction(1, 3) ** s * Fraction(2, 3) ** (n - 1 - s) for s in range(n)]
    same(ao.semivalue(game, [float(p) for p in third]), [marginal_sum(v, n, i, lambda s: third[s]) for i in range(n)])
    same(ao.semivalue(game, maths.shapley_weights(n)), by_orders(v, n))


@pytest.mark.parametrize("n", [13, 18, 19])
def test_compiled_and_numpy_passes_agree_and_keep_their_digits(n):
    """Exact sums of whole worths, by player and size, against both passes; half of the worths are one number."""
    rng = np.random.default_rng(n)
    whole = rng.integers(0, 2**20, 2**n)
    whole[rng.random(2**n) < 0.5] = 2**19 + 1
    whole[0] = 0
    values = whole * 0.1  # no longer exact in binary, so that adding up rounds
    sizes = np.bitwise_count(np.arange(2**n))
    totals = [int(whole[sizes == s].sum()) for s in range(n + 1)]
    weight = maths.shapley_weights(n)
    streamed = maths.semivalue(iter(maths.blocks_of(values)), n, weight)
    stored = maths.semivalue(maths.blocks_of(values), n, weight)
    for i in (0, n // 2, n - 1):
        inside = (np.arange(2**n) >> i & 1).astype(bool)
        phi = Fraction(0)
        for s in range(1, n + 1):
            joined = int(whole[inside & (sizes == s)].sum())
            left = totals[s - 1] - int(whole[inside & (sizes == s - 1)].sum())
            phi += Fraction(joined - left, n * comb(n - 1, s - 1))
        for found in (streamed, stored):
            assert abs(float(Fraction(found[i]) - phi * Fraction(0.1))) <= 1e-14 * values.max()


def test_equal_worths_do_not_drift():
    """2^20 times 0.1, plain summation loses four digits; every player gets exactly nothing but for the empty set."""
    n = 20
    values = np.full(2**n, 0.1)
    values[0] = 0.0
    for blocks in (maths.blocks_of(values), iter(maths.blocks_of(values))):
        same(maths.semivalue(blocks, n, maths.shapley_weights(n)), np.full(n, 0.1 / n), 1e-14)


def test_read_only_and_writable_tables_are_read_alike():
    values = np.random.default_rng(1).random(2**18)
    frozen = values.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(maths.shapley_from_table(values), maths.shapley_from_table(frozen))
    assert values.flags.writeable


def test_every_entry_keeps_its_relative_accuracy_stored_or_not():
    """The smallest player's value is a difference of sums a thousand times as large; the formula knows it exactly."""
    game = weighted(np.arange(1.0, 21.0), np.sqrt)
    exactly = threshold_values(np.arange(1, 21), np.sqrt).shapley
    stored = maths.shapley_from_table(game.table())
    streamed = maths.semivalue(exact.every_worth(game), 20, maths.shapley_weights(20))
    np.testing.assert_allclose(stored, exactly, rtol=8e-15, atol=0)
    np.testing.assert_allclose(streamed, exactly, rtol=8e-15, atol=0)


def test_a_pass_that_takes_too_long_is_refused_when_that_is_known(monkeypatch, caplog):
    clock = iter(range(0, 10**9, 7))
    monkeypatch.setattr(exact.time, "monotonic", lambda: next(clock))
    game = weighted(np.ones(38), np.sqrt)
    with pytest.raises(DataError, match=r"would take about 32,6\d\d\.\d hours for its 274,877,906,944 coalitions"):
        ao.semivalue(game, maths.shapley_weights(38))
    caplog.set_level("INFO", exact.__name__)
    list(exact.every_worth(weighted(np.ones(17), np.sqrt)))
    assert "2 of 8 blocks of worths" in caplog.text
    with pytest.raises(DataError, match="exact values end at 40 players"):
        ao.solidarity(weighted(np.ones(41), np.sqrt))


def test_memberships_are_the_bits_of_the_masks():
    rows = maths.memberships(3, 9, 4)
    assert rows.tolist() == [[bool(m >> i & 1) for i in range(4)] for m in range(3, 9)]
    assert maths.memberships(2**33, 2**33 + 1, 34).sum() == 1 and maths.memberships(0, 1, 0).shape == (1, 0)


@quick
@given(worths)
def test_solidarity_shares_average_contributions(entries):
    game, v, n = of(entries)
    average = [Fraction(0)] + [
        sum(v[s] - v[s ^ 1 << k] for k in members(s, n)) / len(members(s, n)) for s in range(1, 2**n)
    ]
    weight = [Fraction(factorial(n - s) * factorial(s - 1), factorial(n)) if s else 0 for s in range(n + 1)]
    expected = [sum(weight[len(members(s, n))] * average[s] for s in range(2**n) if s >> i & 1) for i in range(n)]
    found = ao.solidarity(game)
    same(found, expected)
    assert sum(expected) == v[-1] and found.evaluations == 2**n and not found.standard_error.any()


@quick
@given(worths, st.integers(0, 9))
def test_least_squares_minimises_the_spread_of_excesses(entries, seed):
    """The stationary point of the weighted squares under the budget, solved as a linear system."""
    game, v, n = of(entries)
    if n == 1:
        same(ao.least_squares(game), v[1:])
        return
    m = np.random.default_rng(seed).random(n - 1) + 0.1
    rows = maths.memberships(1, 2**n - 1, n).astype(float)
    w = m[rows.sum(axis=1).astype(int) - 1]
    worth = np.array([float(x) for x in v[1:-1]])
    system = np.block([[rows.T @ (w[:, None] * rows), np.ones((n, 1))], [np.ones((1, n)), np.zeros((1, 1))]])
    solved = np.linalg.solve(system, np.append(rows.T @ (w * worth), float(v[-1])))[:n]
    same(ao.least_squares(game, m), solved, 1e-10)
    as_shapley = [1 / comb(n - 2, s - 1) for s in range(1, n)]
    same(ao.least_squares(game, as_shapley), by_orders(v, n))
    same(ao.least_squares(game, m * 1e6), solved, 1e-10)


@quick
@given(worths, st.lists(st.integers(1, 9), min_size=5, max_size=5))
def test_weighted_shapley_shares_dividends(entries, weights):
    game, v, n = of(entries)
    w = weights[:n]
    dividend = [sum((-1) ** len(members(s ^ t, n)) * v[t] for t in range(2**n) if t & s == t) for s in range(2**n)]
    share = [Fraction(0)] + [dividend[s] / sum(w[j] for j in members(s, n)) for s in range(1, 2**n)]
    same(ao.weighted_shapley(game, w), [w[i] * sum(share[s] for s in range(2**n) if s >> i & 1) for i in range(n)])
    same(ao.weighted_shapley(game, np.full(n, 1e-9)), by_orders(v, n))


@quick
@given(worths)
def test_proportional_shapley_weighs_by_what_players_are_worth_alone(entries):
    n = (len(entries) + 1).bit_length() - 1
    for i in range(n):
        entries[(1 << i) - 1] = abs(entries[(1 << i) - 1]) + 1
    game, v, n = of(entries)
    same(ao.proportional_shapley(game), ao.weighted_shapley(game, [float(v[1 << i]) for i in range(n)]).amounts)


def test_weights_far_apart_put_the_heavy_last():
    game, v, n = of([1, 5, 9, 2, 8, 6, 20])
    found = ao.weighted_shapley(game, [1e-12, 1.0, 1e12])
    same(found, by_orders(v, n, [(0, 1, 2)]), 1e-9)


def compatible_orders(unions):
    for order in itertools.permutations(unions):
        for inner in itertools.product(*(itertools.permutations(u) for u in order)):
            yield [i for part in inner for i in part]


def partitions(n):
    for labels in itertools.product(range(n), repeat=n):
        if all(labels[i] <= max(labels[:i], default=-1) + 1 for i in range(n)):
            yield [[i for i in range(n) if labels[i] == k] for k in range(max(labels) + 1)]


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_owen_is_the_average_over_orders_that_keep_unions_together(n):
    rng = np.random.default_rng(n)
    game, v, _ = of(rng.integers(-9, 30, 2**n - 1).tolist())
    for unions in partitions(n):
        expected = by_orders(v, n, list(compatible_orders(unions)))
        same(ao.owen(game, unions), expected)
        labels = {i: k for k, union in enumerate(unions) for i in union}
        same(ao.owen(game, pd.Series(labels)), expected)
        coins = []
        for i in range(n):
            own = next(u for u in unions if i in u)
            others = [u for u in unions if u is not own]
            rest = [j for j in own if j != i]
            total = Fraction(0)
            for r in itertools.product([0, 1], repeat=len(others)):
                for t in itertools.product([0, 1], repeat=len(rest)):
                    mask = sum(1 << j for u, on in zip(others, r, strict=True) if on for j in u)
                    mask |= sum(1 << j for j, on in zip(rest, t, strict=True) if on)
                    total += v[mask | 1 << i] - v[mask]
            coins.append(total / 2 ** (len(others) + len(rest)))
        same(ao.owen(game, unions, "banzhaf", "banzhaf"), coins)


def test_unions_get_what_they_are_worth_among_unions():
    game = table(np.append(0.0, np.random.default_rng(7).random(127)), players=list("ABCDEFG"))
    unions = [["B", "F"], ["A", "C", "G"]]
    found = ao.owen(game, unions).values
    quotient = np.zeros(16)
    masks = [0b0100010, 0b1000101, 0b0001000, 0b0010000]
    for r in range(16):
        quotient[r] = game.values[sum(m for k, m in enumerate(masks) if r >> k & 1)]
    among = maths.shapley_from_table(quotient)
    same([found[["B", "F"]].sum(), found[["A", "C", "G"]].sum(), found["D"], found["E"]], among)
    same(ao.owen(game, []), ao.shapley(game).amounts)
    same(ao.owen(game, [list("GFEDCBA")]), ao.shapley(game).amounts)
    mixed = ao.owen(game, unions, between="banzhaf")
    assert mixed.method.startswith("banzhaf between and shapley within unions, 4 unions")


def test_many_players_in_few_unions_are_no_trouble():
    game = airport(np.arange(1.0, 65.0))
    found = ao.owen(game, [range(k * 8, k * 8 + 8) for k in range(8)])
    assert found.evaluations == 8 * 2**15
    among = ao.shapley(airport(np.arange(8.0, 65.0, 8.0))).amounts
    same(found.amounts.reshape(8, 8).sum(axis=1), among)


def restricted_to_parts(v, n, links):
    ways = [*links, *((b, a) for a, b in links)]
    out = [Fraction(0)] * 2**n
    for s in range(2**n):
        left = s
        while left:
            part, before = left & -left, 0
            while part != before:
                before = part
                for i, j in ways:
                    if part >> i & 1 and s >> j & 1:
                        part |= 1 << j
            out[s] += v[part]
            left &= ~part
    return out


@quick
@given(worths, st.data())
def test_myerson_is_the_value_of_the_game_of_connected_parts(entries, data):
    game, v, n = of(entries, "gain")
    pairs = list(itertools.combinations(range(n), 2))
    links = [pair for pair in pairs if data.draw(st.booleans())]
    expected = by_orders(restricted_to_parts(v, n, links), n)
    found = ao.myerson(game, links)
    same(found, expected)
    same(ao.myerson(game, pairs), by_orders(v, n))
    same(ao.myerson(game, []), [v[1 << i] for i in range(n)])
    for one, other in links:  # fairness: a link is worth the same to both its ends
        cut = ao.myerson(game, [link for link in links if link != (one, other)]).amounts
        gained = found.amounts - cut
        assert gained[one] == pytest.approx(gained[other], abs=1e-10)


def test_a_line_of_sixty_has_few_connected_coalitions():
    game = weighted(np.ones(60), np.square, kind="gain")
    found = ao.myerson(game, [(i, i + 1) for i in range(59)])
    assert found.evaluations == 60 * 61 // 2
    assert found.values.sum() == pytest.approx(3600.0, rel=1e-12)
    same(found.amounts, found.amounts[::-1])


def tau_of_gain(v, n):
    """By definition, in fractions; None when the game is not quasi-balanced."""
    everybody = 2**n - 1
    most = [v[-1] - v[everybody ^ 1 << i] for i in range(n)]
    least = [
        max(v[s] - sum(most[j] for j in members(s, n) if j != i) for s in range(2**n) if s >> i & 1) for i in range(n)
    ]
    if any(a > b for a, b in zip(least, most, strict=True)) or not sum(least) <= v[-1] <= sum(most):
        return None
    wide = sum(most) - sum(least)
    share = (v[-1] - sum(least)) / wide if wide else Fraction(0)
    return [a + share * (b - a) for a, b in zip(least, most, strict=True)]


@settings(derandomize=True, deadline=None, max_examples=120)
@given(worths, kinds)
def test_tau_meets_its_definition_or_says_why_there_is_none(entries, kind):
    game, v, n = of(entries, kind)
    if kind == "cost":  # the definition through the savings of cooperating
        saved = [sum(v[1 << i] for i in members(s, n)) - v[s] for s in range(2**n)]
        through = tau_of_gain(saved, n)
        expected = None if through is None else [v[1 << i] - through[i] for i in range(n)]
    else:
        expected = tau_of_gain(v, n)
    if expected is None:
        with pytest.raises(InfeasibleError, match="the game is not quasi-balanced"):
            ao.tau_value(game)
    else:
        same(ao.tau_value(game), expected)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e12])
def test_tau_goes_with_the_unit_and_with_fixed_amounts(scale):
    game = airport(np.array([1.0, 2.0, 3.0, 6.0]))
    base = ao.tau_value(game).amounts
    own = np.array([3.0, -1.0, 0.0, 2.0])
    moved = table(scale * (game.table() + maths.memberships(0, 16, 4) @ own))
    np.testing.assert_allclose(ao.tau_value(moved).amounts, scale * (base + own), rtol=0, atol=1e-11 * scale)
    np.testing.assert_allclose(ao.gately(moved).amounts, scale * (ao.gately(game).amounts + own), atol=1e-11 * scale)


def test_majority_has_no_tau_value():
    with pytest.raises(InfeasibleError, match=r"all together are worth 1, but .* sum to 3 at least|at least"):
        ao.tau_value(threshold([1, 1, 1, 1], 2))
    with pytest.raises(InfeasibleError, match="on balance leaving hurts nobody"):
        ao.gately(threshold([1, 1, 1, 1], 2))


@quick
@given(worths, kinds)
def test_gately_makes_every_departure_hurt_alike(entries, kind):
    game, v, n = of(entries, kind)
    alone = [v[1 << i] for i in range(n)]
    last = [v[-1] - v[(2**n - 1) ^ 1 << i] for i in range(n)]
    reach, surplus = sum(last) - sum(alone), v[-1] - sum(alone)
    if not reach and not surplus:
        same(ao.gately(game), alone)
    elif not reach:
        with pytest.raises(InfeasibleError, match="Gately"):
            ao.gately(game)
    else:
        x = [a + (b - a) * surplus / reach for a, b in zip(alone, last, strict=True)]
        found = ao.gately(game)
        same(found, x)
        assert sum(x) == v[-1]
        if surplus:  # propensities to disrupt, multiplied out
            assert (
                len(
                    {
                        (sum(x) - x[i] - (v[-1] - last[i])) * surplus - (reach - surplus) * (x[i] - alone[i])
                        for i in range(n)
                    }
                )
                == 1
            )
            assert f"{float(reach / surplus - 1):.4g}" in found.method
        regret = [b - a if kind == "cost" else a - b for a, b in zip(alone, x, strict=True)]
        assert ("not individually rational" in found.method) == (max(regret) > 0)


@quick
@given(worths)
def test_equal_surplus_and_its_dual(entries):
    game, v, n = of(entries)
    each = [v[1 << i] for i in range(n)]
    same(ao.equal_surplus(game), [e + (v[-1] - sum(each)) / n for e in each])
    same(ao.equal_surplus(game, "last"), ao.equal_surplus(game.dual()).amounts)


@quick
@given(worths)
def test_interactions_meet_their_definition(entries):
    game, v, n = of(entries)
    for index in ("shapley", "banzhaf"):
        found = ao.interactions(game, index)
        assert found.shape == (n, n)
        for i, j in itertools.permutations(range(n), 2):
            total = Fraction(0)
            for s in range(2**n):
                if not s >> i & 1 and not s >> j & 1:
                    p = (
                        Fraction(1, (n - 1) * comb(n - 2, len(members(s, n))))
                        if index == "shapley"
                        else Fraction(1, 2 ** (n - 2))
                    )
                    total += p * (v[s | 1 << i | 1 << j] - v[s | 1 << i] - v[s | 1 << j] + v[s])
            assert found.loc[i, j] == pytest.approx(float(total), abs=1e-10)
        assert not np.diag(found).any()


def test_aumann_shapley_of_polynomials_is_their_integral():
    x = np.array([1.0, 2.0, 3.0, -1.0])
    square = ao.aumann_shapley(
        lambda at: at.sum(axis=1) ** 2, x, gradient=lambda at: 2 * at.sum(axis=1)[:, None] + 0 * at
    )
    same(square, x * x.sum())
    product = ao.aumann_shapley(lambda at: at[:, 0] * at[:, 1] * at[:, 2], x)
    same(product, [2.0, 2.0, 2.0, 0.0], 1e-9)
    assert "adds up within" in product.method and product.evaluations > 0
    same(square.game.table()[[0, 1, 15]], [0.0, 1.0, 25.0])


def test_aumann_shapley_of_an_excess_of_loss_layer():
    """Everybody pays for the layer in proportion, although the margin jumps from nothing on the way."""
    x = np.array([1.0, 2.0, 7.0])
    found = ao.aumann_shapley(lambda at: np.clip(at.sum(axis=1) - np.pi, 0.0, 4.0), x)
    same(found, 4.0 * x / 10.0, 1e-8)


def test_aumann_shapley_of_risk_measures_is_what_the_risk_rules_say():
    losses = np.random.default_rng(3).normal(size=(500, 4)) @ np.diag([1.0, 2.0, 0.5, 1.0])
    spread = ao.aumann_shapley(lambda at: risks(at @ losses.T, "std", 0.9), np.ones(4))
    total = losses.sum(axis=1)
    same(spread, [np.cov(losses[:, i], total, bias=True)[0, 1] / total.std() for i in range(4)], 1e-8)
    theta = 0.7
    entropic = ao.aumann_shapley(lambda at: np.log(np.exp(theta * (at @ losses.T)).mean(axis=1)) / theta, np.ones(4))
    same(entropic, path_density(losses, theta) @ losses, 1e-8)


def test_path_integrals_are_right_where_it_jumps_and_where_it_turns_fast():
    steep = integral(lambda t: np.column_stack([np.exp(-1e4 * t), t >= 1 / 3, 1 / np.sqrt(t)]), 1e-13)
    assert np.all(np.abs(steep - [1e-4, 2 / 3, 2.0]) <= [1e-12, 1e-12, 1e-6])


def test_published_answers_are_met():
    lemaire = table([0, 46125, 17437.5, 69187.5, 5812.5, 53812.5, 30750, 90000], kind="gain")
    same(ao.tau_value(lemaire), [51900, 25687.5, 12412.5])
    same(ao.gately(lemaire), [51900, 25687.5, 12412.5])
    same(ao.banzhaf(lemaire), [51281.25, 25406.25, 11906.25])
    coop = [
        0,
        0,
        0,
        0,
        5,
        15,
        25,
        5,
        15,
        25,
        35,
        30,
        40,
        50,
        60,
        10,
        20,
        30,
        40,
        35,
        45,
        55,
        65,
        45,
        55,
        65,
        75,
        70,
        80,
        90,
        100,
    ]
    same(ao.tau_value(of(coop, "gain")[0]), [Fraction(k, 23) for k in (170, 340, 425, 625, 740)])


def test_the_shared_collection_is_met():
    if not SHARED.exists():
        pytest.skip("the shared collection of cases is not beside the repository")
    ways = {"banzhaf": ao.banzhaf, "tau": ao.tau_value, "gately": ao.gately}
    tried = 0
    for case in json.loads(SHARED.read_text()):
        for name, way in ways.items():
            if "v" in case and name in case["expected"]:
                game = table([0.0, *(float(Fraction(w)) for w in case["v"])], kind=case["kind"])
                same(way(game), case["expected"][name], 1e-11)
                tried += 1
    assert tried >= 25


def test_twenty_players_agree_with_what_is_known_of_airports():
    costs = np.arange(1.0, 21.0)
    game = airport(costs)
    stored = table(game.table())
    same(ao.weighted_shapley(stored, np.ones(20)), ao.shapley(game).amounts)
    same(ao.least_squares(stored, [1 / comb(18, s - 1) for s in range(1, 20)]), ao.shapley(game).amounts)
    same(ao.myerson(stored, [(i, j) for j in range(20) for i in range(j)][:45]).amounts.sum(), [sum(costs[10:]) + 10.0])
    assert ao.solidarity(stored).values.sum() == pytest.approx(20.0, rel=1e-13)
    alone, last = costs, np.append(np.zeros(19), 1.0)
    share = (20.0 - last.sum()) / (np.append(alone[:19], 20.0).sum() - last.sum())
    same(ao.tau_value(stored), last + share * (alone - last))


VALUES = [
    ao.banzhaf, ao.solidarity, ao.least_squares, ao.tau_value, ao.gately, ao.equal_surplus, ao.proportional_shapley,
    lambda g: ao.weighted_shapley(g, np.ones(g.n)), lambda g: ao.owen(g, [list(g.players)] if g.n else []),
    lambda g: ao.myerson(g, []), lambda g: ao.semivalue(g, maths.shapley_weights(g.n)),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
def test_nobody_and_one_and_large_and_small_amounts(value):
    assert value(table([0.0])).values.empty
    assert value(table([0.0, 7.0], players=["A"])).values.to_dict() == {"A": 7.0}
    game = airport(np.array([1.0, 2.0, 3.0]))
    base = value(table(game.table())).amounts
    for scale in (1e-9, 1e12):
        np.testing.assert_allclose(value(table(scale * game.table())).amounts, scale * base, rtol=1e-12)
    found = value(game)
    with pytest.raises(ValueError, match="read-only"):
        found.amounts[0] = 1.0
    assert found.method and repr(found).startswith("GameValue(")


GAME = table([0, 1, 3, 8], players=["A", "B"])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ao.semivalue(GAME, [1.0]), "expected 2 numbers"),
        (lambda: ao.semivalue(GAME, [1.0, 1.0]), "share out 2"),
        (lambda: ao.semivalue(GAME, [1.5, -0.5]), "weights: 1 is -0.5"),
        (lambda: ao.semivalue(GAME, [np.nan, 1.0]), "0 is NaN"),
        (lambda: ao.semivalue(GAME, "ab"), "expected 2 numbers"),
        (lambda: ao.least_squares(GAME, [0.0]), "all weights are 0"),
        (lambda: ao.weighted_shapley(GAME, [1.0, 0.0]), "player 'B' has weight 0"),
        (lambda: ao.weighted_shapley(GAME, [1.0, np.inf]), "'B' is inf"),
        (lambda: ao.weighted_shapley(GAME, [1.0]), "weights"),
        (lambda: ao.proportional_shapley(table([0, 0, 3, 8], players=["A", "B"])), "player 'A' is worth 0 alone"),
        (lambda: ao.interactions(airport(np.ones(28))), "interactions of pairs end at 27"),
        (lambda: ao.owen(GAME, [["A", "C"]]), "no player is called 'C'"),
        (lambda: ao.owen(GAME, [["A"], ["B", "A"]]), "'A' is in union 0 and again in union 1"),
        (lambda: ao.owen(GAME, [[]]), "union 0 is empty"),
        (lambda: ao.owen(GAME, "AB"), "the text 'AB'"),
        (lambda: ao.owen(GAME, [], between="nash"), "no way to bargain is called 'nash'"),
        (lambda: ao.owen(airport(np.ones(60)), [[0, 1]]), "form fewer or smaller unions"),
        (lambda: ao.myerson(GAME, [("A", "C")]), "no player is called 'C'"),
        (lambda: ao.myerson(GAME, [("A", "A")]), "to itself"),
        (lambda: ao.myerson(GAME, ["AB"]), "'AB' is no link"),
        (lambda: ao.myerson(GAME, [("A",)]), "is no link"),
        (lambda: ao.myerson(airport(np.ones(63)), []), "up to 62"),
        (lambda: ao.equal_surplus(GAME, "first"), "no base of equal surplus is called 'first'"),
        (lambda: ao.interactions(GAME, "owen"), "no index of interaction is called 'owen'"),
        (lambda: ao.aumann_shapley(lambda x: x.sum(axis=1) + 1.0, [1.0]), "no exposure at all costs 1"),
        (lambda: ao.aumann_shapley(lambda x: x, [1.0, 2.0]), r"shape \(1, 2\) for 1 rows"),
        (lambda: ao.aumann_shapley(3.0, [1.0]), "give a function"),
        (lambda: ao.aumann_shapley(lambda x: x.sum(axis=1), [1.0, np.nan]), "1 is NaN"),
        (lambda: ao.aumann_shapley(lambda x: (x > 0.5).sum(axis=1) * 1.0, [1.0, 2.0]), "a cost that jumps"),
        (lambda: ao.aumann_shapley(lambda x: x[:, 0] * 2.0, [1.0], gradient=lambda x: x), "check the gradient"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call, words):
    with pytest.raises(DataError, match=words):
        call()


def test_too_many_connected_coalitions_are_refused(monkeypatch):
    from allocopt.maths import connected

    monkeypatch.setattr(connected, "MOST_CONNECTED", 100)
    with pytest.raises(DataError, match="more than 100 coalitions of the 8 players hang together"):
        ao.myerson(airport(np.ones(8)), itertools.combinations(range(8), 2))
