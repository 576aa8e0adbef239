"""Games from facts: every worth is its definition, coalition by coalition, and formulas are what enumeration finds."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import allocopt as ao
from allocopt.errors import DataError
from allocopt.games import base
from allocopt.maths.shapley import banzhaf_from_table, memberships, shapley_from_table
from allocopt.maths.tails import coalition_risks

g = ao.games
quick = settings(derandomize=True, deadline=None, max_examples=30)
sizes = st.one_of(st.sampled_from([0.0, 1.0, 1.0, 2.5]), st.floats(0, 9))
RNG = np.random.default_rng(7)
PNL = RNG.integers(-9, 9, (11, 5)) / 2
MASS = np.array([0, 1, 2, 1, 1, 3, 1, 0, 1, 1, 5])
HELD = RNG.integers(-5, 5, (5, 3)).astype(float)
MOVES = RNG.integers(-4, 5, (9, 3)).astype(float)
JOINT = np.cov(MOVES.T)
DEBTS = RNG.integers(0, 6, (5, 5)) * (1 - np.eye(5))
ASSETS, STRUCK, OUT = np.array([6.0, 1, 9, 2, 4]), np.array([6.0, 0.5, 3, 2, 0]), np.array([4.0, 3, 0, 2, 5])


def tail_mean(losses, mass, level):
    """Expected shortfall from its definition, in fractions: the worst part of the probability, largest losses first."""
    whole = sum(Fraction(m) for m in mass)
    left = tail = 1 - Fraction(level)
    total = Fraction(0)
    for loss, m in sorted(zip(losses, mass, strict=True), reverse=True):
        part = min(left, Fraction(m) / whole)
        total, left = total + part * Fraction(loss), left - part
    return float(total / tail)


def quantile(losses, mass, level):
    """The smallest loss that is not exceeded with probability ``level``, in fractions."""
    whole, reached = sum(Fraction(m) for m in mass), Fraction(0)
    for loss, m in sorted(zip(losses, mass, strict=True)):
        reached += Fraction(m) / whole
        if reached >= Fraction(level):
            return float(loss)
    raise AssertionError("no quantile")


def joint_loss(members):
    return [-sum(row[i] for i in members) for row in PNL]


def payments(debts, outside, assets, safe=(), alpha=1.0, beta=1.0):
    """The greatest clearing payments by walking down from payment in full, far beyond convergence."""
    owed = debts.sum(axis=1) + outside
    share = np.divide(debts, owed[:, None], out=np.zeros_like(debts), where=owed[:, None] > 0)
    paid = owed.copy()
    for _ in range(5000):
        before, got = paid, share.T @ paid
        solvent = (assets + got >= owed * (1 - 1e-13)) | np.isin(np.arange(len(owed)), list(safe))
        paid = np.where(solvent, owed, alpha * assets + beta * got)
        if (paid == before).all():
            break
    return owed, paid


def shortfall(members, struck, alpha=1.0, beta=1.0, outside=False):
    """What creditors lose beyond what they lose anyway when the members are struck (or, without a shock, rescued)."""

    def lost(some):
        assets = ASSETS - np.where(np.isin(np.arange(5), list(some)), STRUCK, 0) if struck else ASSETS
        owed, paid = payments(DEBTS, OUT, assets, () if struck else some, alpha, beta)
        share = np.divide(OUT, owed, out=np.zeros(5), where=owed > 0) if outside else np.ones(5)
        return (owed - paid) @ share

    return (lost(members) - lost(())) * (1 if struck else -1)


A = [2.0, 7.0, 7.0, 0.0, 4.5]
KINDS = {
    "airport": (g.airport(A), lambda s: max((A[i] for i in s), default=0)),
    **{
        f"cover {k}": (g.cover(A, k), lambda s, k=k: sum(sorted((A[i] for i in s), reverse=True)[:k]))
        for k in (1, 2, 3, 5, 9)
    },
    "claims": (g.claims(9.5, A), lambda s: max(0.0, 9.5 - sum(A[i] for i in range(5) if i not in s))),
    "additive": (g.additive(A), lambda s: sum(A[i] for i in s)),
    "threshold of whole weights": (
        g.threshold([3, 2, 2, 0, 5], 7),
        lambda s: float(sum((3, 2, 2, 0, 5)[i] for i in s) >= 7),
    ),
    "weighted by whole weights": (
        g.weighted([3, 2, 2, 0, 5], np.sqrt),
        lambda s: sum((3, 2, 2, 0, 5)[i] for i in s) ** 0.5,
    ),
    "threshold": (g.threshold(A, 9.0), lambda s: float(sum(A[i] for i in s) >= 9)),
    "weighted": (g.weighted(A, np.sqrt), lambda s: sum(A[i] for i in s) ** 0.5),
    "function": (g.function(lambda s: len(s) ** 2, 5, vectorised=False), lambda s: len(s) ** 2),
    "rows": (g.function(lambda rows: rows @ np.array(A) ** 2, list("abcde")), lambda s: sum(A[i] ** 2 for i in s)),
    "dividends": (
        g.dividends({(0, 3): 2.0, (1,): -1.0, (2, 3, 4): 5.0, 4: 1.5}, range(5)),
        lambda s: 2 * ({0, 3} <= s) - (1 in s) + 5 * ({2, 3, 4} <= s) + 1.5 * (4 in s),
    ),
    "unanimity": (g.unanimity([1, 4], range(5)), lambda s: float({1, 4} <= s)),
    "variance": (
        g.variance(np.cov(PNL.T)),
        lambda s: float(np.var([sum(row[i] for i in s) for row in PNL], ddof=1)),
    ),
    "es": (g.tail(PNL, 0.8), lambda s: tail_mean(joint_loss(s), [1] * 11, 0.8)),
    "es, weights": (g.tail(PNL, 0.8, weights=MASS), lambda s: tail_mean(joint_loss(s), MASS.tolist(), 0.8)),
    "var": (g.tail(PNL, 0.6, "var"), lambda s: quantile(joint_loss(s), [1] * 11, 0.6) if s else 0.0),
    "var, weights": (
        g.tail(PNL, 0.75, "var", MASS),
        lambda s: quantile(joint_loss(s), MASS.tolist(), 0.75) if s else 0.0,
    ),
    "std": (g.tail(PNL, measure="std"), lambda s: float(np.std(joint_loss(s)))),
    "std, weights": (
        g.tail(PNL, measure="std", weights=MASS),
        lambda s: float(np.sqrt(np.cov(joint_loss(s), fweights=MASS, ddof=0))),
    ),
    "spectral": (
        g.tail(PNL, {0.0: 1, 0.5: 1, 0.9: 2}, "spectral"),
        lambda s: sum(w * tail_mean(joint_loss(s), [1] * 11, a) for a, w in ((0, 0.25), (0.5, 0.25), (0.9, 0.5))),
    ),
    "margin by rates": (
        g.margin(HELD, rates=[1.0, 0.5, 3.0]),
        lambda s: sum(r * abs(sum(HELD[i, c] for i in s)) for c, r in enumerate((1.0, 0.5, 3.0))),
    ),
    "margin by covariance": (
        g.margin(HELD, covariance=JOINT, multiple=2.5),
        lambda s: 2.5 * float(np.sqrt(HELD[list(s)].sum(axis=0) @ JOINT @ HELD[list(s)].sum(axis=0))),
    ),
    "margin by scenarios": (
        g.margin(HELD, scenarios=MOVES, level=0.7, multiple=2.0),
        lambda s: max(0.0, 2 * tail_mean([-m @ HELD[list(s)].sum(axis=0) for m in MOVES], [1] * 9, 0.7)),
    ),
    "worst margin": (
        g.margin(HELD, scenarios=MOVES, measure="worst"),
        lambda s: max(0.0, *(-m @ HELD[list(s)].sum(axis=0) for m in MOVES)),
    ),
    "struck": (
        g.network(DEBTS, ASSETS, STRUCK, OUT),
        lambda s: shortfall(s, True),
    ),
    "struck, outside, costly": (
        g.network(DEBTS, ASSETS, STRUCK, OUT, (0.5, 0.8), "outside"),
        lambda s: shortfall(s, True, 0.5, 0.8, True),
    ),
    "rescued": (g.network(DEBTS, 0.3 * ASSETS, None, OUT), None),
}
EXAMPLES = pytest.mark.parametrize("name", KINDS)


def coalitions(n):
    return [{i for i in range(n) if mask >> i & 1} for mask in range(1 << n)]


def assert_same(found, expected, tolerance=1e-11):
    expected = np.asarray(expected, dtype=float)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * max(np.abs(expected).max(initial=0), 1e-300))


def test_the_check_of_this_file_sees_a_wrong_answer():
    with pytest.raises(AssertionError):
        assert_same([1.0, 2.0 + 1e-9], [1.0, 2.0])


@EXAMPLES
def test_every_worth_is_its_definition_in_whatever_way_it_is_asked_for(name, monkeypatch):
    game, definition = KINDS[name]
    rows = memberships(0, 1 << game.n, game.n)
    worths = game(rows)
    if definition:
        assert_same(worths, [definition(s) for s in coalitions(game.n)])
    table = game.table()
    assert_same(table, worths)
    assert table[0] == 0 and table.dtype == np.float64
    assert_same(game(rows[::-3]), worths[::-3])
    for bits in (0, 1, 3):
        monkeypatch.setattr(base, "BLOCK_BITS", bits)
        game.__dict__.pop("_low", None)
        game.__dict__.pop("_parts", None)
        blocks = list(game.blocks())
        assert [len(b) for b in blocks] == [1 << bits] * (1 << (game.n - bits))
        assert_same(np.concatenate(blocks), worths)
    game.__dict__.pop("_low", None)
    game.__dict__.pop("_parts", None)


@EXAMPLES
def test_a_closed_form_is_what_enumeration_finds(name):
    game = KINDS[name][0]
    table = game.table()
    for value, by_table in (("shapley", shapley_from_table), ("banzhaf", banzhaf_from_table)):
        known = game.closed_form(value)
        if known is not None:
            assert_same(known.values, by_table(table), 1e-12)
        for derived in (2.5 * game, game + game, game.dual()):
            form = derived.closed_form(value)
            assert (form is None) == (known is None)
            if form is not None:
                assert_same(form.values, by_table(derived.table()), 1e-12)
    assert game.closed_form("no such value") is None
    forms = ("airport", "cover", "additive", "threshold of", "weighted by", "dividends", "unanimity", "variance")
    exact = game.closed_form("banzhaf") is not None
    assert exact == name.startswith(forms)


@quick
@given(st.lists(sizes, min_size=1, max_size=5), st.integers(1, 6))
def test_the_value_of_a_cover_game_is_its_formula_and_lies_in_the_core(exposures, k):
    game = g.cover(exposures, k)
    falling = sorted(exposures, reverse=True)
    steps = [a - b for a, b in zip(falling, [*falling[1:], 0.0], strict=True)]
    formula = {a: sum(s * min(k, t) / t for t, s in enumerate(steps, 1) if falling[t - 1] <= a) for a in exposures}
    orders = list(itertools.permutations(range(len(exposures))))
    average = sum(game.marginal_vector(list(o)).to_numpy() for o in orders) / len(orders)
    value = ao.shapley(game)
    assert value.method == f"cover-{k} formula"
    assert_same(value.values, average)
    assert_same(value.values, [formula[a] for a in exposures], 1e-9)
    assert game.is_convex().name == "concave" and game.is_convex() and game.is_monotone() and game.is_superadditive()
    rows = memberships(0, 1 << game.n, game.n)
    assert (rows @ value.amounts <= game.table() + 1e-12 * max(game.grand, 1e-300)).all()


def test_cover_one_is_the_airport_and_covering_everybody_is_additive():
    np.testing.assert_array_equal(g.cover(A, 1).table(), g.airport(A).table())
    assert g.cover(A, 5).is_additive() and not g.cover(A, 3).is_additive()


tables = st.integers(0, 5).flatmap(
    lambda n: st.lists(st.sampled_from([-1.0, 0.0, 0.0, 1.0, 2.0]), min_size=2**n - 1, max_size=2**n - 1)
)


def violations(v, n, sign):
    """By definition, over all pairs of coalitions: the largest violation of each property."""
    pairs = [(s, t) for s in range(1 << n) for t in range(1 << n)]
    return {
        "additive": max(abs(v[s] - sum(v[1 << i] for i in range(n) if s >> i & 1)) for s, _ in pairs),
        "monotone": max(v[s] - v[s | t] for s, t in pairs),
        "convex": max(sign * (v[s] + v[t] - v[s | t] - v[s & t]) for s, t in pairs),
        "superadditive": max(sign * (v[s] + v[t] - v[s | t]) for s, t in pairs if not s & t),
    }


@settings(derandomize=True, deadline=None, max_examples=80)
@given(tables, st.sampled_from(["gain", "cost"]))
def test_properties_hold_exactly_when_no_pair_of_coalitions_breaks_them(worths, kind):
    v = [0.0, *worths]
    game = g.table(v, kind=kind)
    worst = violations(v, game.n, 1 if kind == "gain" else -1)
    sign = -1 if kind == "cost" else 1

    def worth(members):
        return v[sum(1 << i for i in members)]

    for name, gap in worst.items():
        found = getattr(game, f"is_{name}")()
        assert found.holds == bool(found) == (gap <= found.allowed), name
        if found:
            continue
        one, two = found.witness
        seen = {
            "additive": abs(worth(one | two) - worth(one) - worth(two)),
            "monotone": worth(one) - worth(two),
            "convex": sign * (worth(one) + worth(two) - worth(one | two) - worth(one & two)),
            "superadditive": sign * (worth(one) + worth(two) - worth(one | two)),
        }[name]
        assert seen == found.gap > found.allowed and "fails by" in str(found)
        assert one <= two if name == "monotone" else not (one & two) or name == "convex"
        if name in ("monotone", "superadditive"):
            assert found.gap <= gap


def test_what_is_known_of_the_games():
    assert g.claims(100, [30, 60, 80, 90]).is_convex()
    assert g.airport(A).is_convex() and g.airport(A).is_monotone()
    assert g.threshold([3, 2, 2, 1], 4).is_monotone() and not g.threshold([3, 2, 2, 1], 4).is_superadditive()
    for measure in ("es", "std"):
        assert g.tail(PNL, 0.8, measure).is_superadditive() and g.tail(PNL, 0.8, measure, MASS).is_superadditive()
    assert g.tail(PNL, {0.0: 1.0, 0.7: 1.0}, "spectral").is_superadditive()
    assert g.margin(HELD, rates=[1, 2, 3]).is_superadditive() and g.margin(HELD, covariance=JOINT).is_superadditive()
    assert g.margin(HELD, scenarios=MOVES, measure="worst").is_superadditive()
    two = np.array([[-9.0, 0.0], [0.0, -9.0], *[[0.0, 0.0]] * 3])  # each loses alone with 20 %, one of them with 40 %
    assert not g.tail(two, 0.75, "var").is_superadditive()
    assert (g.margin(HELD, rates=[1, 2, 3]).savings().table() >= 0).all()
    same = np.outer(np.arange(10.0), [1.0, 2.0, 0.5])
    assert g.tail(-same, 0.7).is_additive(), "comonotone losses have nothing to net"
    assert g.tail(same * [1, -1, 2], measure="std")(np.array([[True, True, True]]))[0] == pytest.approx(0.0, abs=1e-15)
    assert g.variance(np.diag([1.0, 2.0])).is_additive() and not g.variance([[1.0, 0.5], [0.5, 1.0]]).is_convex()


def test_checks_are_refused_where_they_cannot_be_made():
    with pytest.raises(DataError, match="ends at 24 players"):
        g.airport(np.ones(25)).is_convex()
    with pytest.raises(DataError, match=r"3\*\*20 pairs"):
        g.threshold(np.ones(20), 3).is_superadditive()
    assert g.airport(np.arange(20.0)).is_superadditive(), "concave, so subadditive, without looking at pairs"
    for n in (0, 1):
        game = g.airport(np.ones(n))
        assert game.is_convex() and game.is_monotone() and game.is_additive() and game.is_superadditive()


@EXAMPLES
def test_derived_games_are_what_they_say(name):
    game = KINDS[name][0]
    v, full = game.table(), (1 << game.n) - 1
    rows = memberships(0, 1 << game.n, game.n)
    alone = v[1 << np.arange(game.n)]
    expected = {
        "scaled": (game.scaled(3.0), 3 * v),
        "sum": (game + 2 * game, 3 * v),
        "dual": (game.dual(), v[-1] - v[full - np.arange(1 << game.n)]),
        "dual of the dual": (game.dual().dual(), v),
    }
    if v[-1]:
        expected["scaled to a loss"] = (game.scaled(to=100.0), v * (100 / v[-1]))
    if game.kind == "cost":
        expected["savings"] = (game.savings(), rows @ alone - v)
        assert game.savings().kind == "gain" and game.savings().dual().kind == "cost"
    for other, worths in expected.values():
        assert_same(other.table(), worths)
        assert_same(other(rows), worths)
    assert game.dual().kind != game.kind == game.dual().dual().kind
    some = [game.players[3], game.players[0]]
    assert_same(game.restricted(some).table(), v[[0, 8, 1, 9]])
    order = [game.players[i] for i in (2, 0, 4, 1, 3)]
    assert_same(game.marginal_vector(order)[order], np.diff(v[[0, 4, 5, 21, 23, 31]]))


def test_what_a_dual_objects_to_is_what_the_game_objects_to():
    game, x = g.cover(A, 2), np.array([1.0, 4.0, 5.0, 0.5, 3.5])
    rows = memberships(0, 32, 5)
    np.testing.assert_allclose(rows @ x - game(rows), game.dual()(~rows) - ~rows @ x, atol=1e-12)


def test_counted_and_cached_games_keep_count():
    counted = g.airport(A).counted()
    assert counted.evaluations == 0
    counted.table()
    counted([[True] * 5])
    assert counted.evaluations == 33
    inner = g.airport(A).counted()
    cached = inner.cached()
    rows = memberships(0, 32, 5)
    assert_same(
        cached(np.concatenate([rows, rows[:7]])), np.concatenate([cached.of.of.table(), cached.of.of.table()[:7]])
    )
    assert (cached.evaluations, cached.hits, inner.evaluations) == (32, 7, 32)
    cached.table()
    assert (cached.evaluations, cached.hits, inner.evaluations) == (32, 39, 32)
    assert ao.shapley(cached).method == ao.shapley(counted).method == "airport formula"
    assert cached(np.zeros((0, 5), dtype=bool)).size == 0


@pytest.mark.parametrize("scale", [1e-9, 1e12])
def test_amounts_of_any_size_give_the_same_game(scale):
    pairs = [
        (g.airport(np.array(A) * scale), g.airport(A)),
        (g.cover(np.array(A) * scale, 2), g.cover(A, 2)),
        (g.tail(PNL * scale, 0.8), g.tail(PNL, 0.8)),
        (g.tail(PNL * scale, 0.8, "std", MASS), g.tail(PNL, 0.8, "std", MASS)),
        (g.margin(HELD * scale, rates=[1, 2, 3]), g.margin(HELD, rates=[1, 2, 3])),
        (g.network(DEBTS * scale, ASSETS * scale, STRUCK * scale, OUT * scale), g.network(DEBTS, ASSETS, STRUCK, OUT)),
        (g.claims(9.5 * scale, np.array(A) * scale), g.claims(9.5, A)),
    ]
    for large, plain in pairs:
        assert_same(large.table(), plain.table() * scale)
        assert large.is_convex().holds == plain.is_convex().holds
    np.testing.assert_array_equal(g.threshold(np.array(A) * scale, 9 * scale).table(), g.threshold(A, 9).table())


def test_a_quota_that_is_met_on_paper_is_met():
    assert g.threshold([0.1, 0.2], 0.3).grand == g.threshold([0.1] * 10, 1.0).grand == 1.0
    assert g.threshold([0.1, 0.2], 0.3000001).grand == 0.0


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    st.integers(1, 40),
    st.integers(1, 5),
    st.sampled_from([0.001, 0.5, 0.6, 0.75, 0.9, 0.975, 0.9999]),
    st.integers(0, 10**6),
    st.sampled_from(["es", "var", "std"]),
    st.booleans(),
)
def test_the_compiled_pass_finds_what_numpy_finds(count, n, level, seed, measure, weighed):
    rng = np.random.default_rng(seed)
    pnl = rng.integers(-3, 4, (count, n)).astype(float)  # ties everywhere
    weights = rng.integers(0, 3, count) + (np.arange(count) == 0) if weighed else None
    game = g.tail(pnl, level, measure, weights)
    oracle = coalition_risks(game.losses, measure, level, game.probabilities)
    np.testing.assert_allclose(game.table(), oracle, rtol=0, atol=1e-12)


@pytest.mark.parametrize("weights", [None, np.append(np.ones(5), 2.0)])
def test_huge_gains_take_no_digits_from_small_losses(weights):
    pnl = np.array([[-1.0, -2.0], [-1.25, -1.0], [-3.0, -1.5], [1e12, 1e12], [3e12, 2e12], [1e12, 5e12]])
    level = 1 - 3 / (6 if weights is None else 7)
    np.testing.assert_allclose(g.tail(pnl, level, weights=weights).table(), [0, 1.75, 1.5, 3.25], rtol=1e-14)


def test_many_scenarios_and_players_are_summed_in_blocks():
    rng = np.random.default_rng(3)
    pnl = rng.standard_t(3, (400, 15))
    for measure in ("es", "var", "std"):
        game = g.tail(pnl, 0.975, measure)
        table = game.table()
        masks = rng.integers(1, 1 << 15, 50)
        rows = (masks[:, None] >> np.arange(15) & 1).astype(bool)
        np.testing.assert_allclose(table[masks], game(rows), rtol=1e-12)
    assert ao.shapley(game).values.sum() == pytest.approx(game.grand, rel=1e-12)


def test_large_tables_are_written_by_halves():
    rng = np.random.default_rng(4)
    a = rng.random(20)
    masks = rng.integers(0, 1 << 20, 200)
    rows = (masks[:, None] >> np.arange(20) & 1).astype(bool)
    for game in (g.airport(a), g.cover(a, 3), g.threshold(a, 5.0), g.claims(4.0, a), g.additive(a)):
        np.testing.assert_allclose(game.table()[masks], game(rows), rtol=0, atol=1e-13)


def test_formulas_reach_far_beyond_enumeration():
    a = np.random.default_rng(5).random(100_000)
    for game in (g.cover(a, 2), g.airport(a)):
        found = ao.shapley(game)
        assert found.values.sum() == pytest.approx(game.grand, rel=1e-9) and found.evaluations == 0
    votes = ao.shapley(g.threshold(np.arange(1, 101), 2526))
    assert votes.method == "generating function" and votes.values.sum() == pytest.approx(1.0, abs=1e-12)
    assert g.threshold(np.arange(1, 41) + 0.5, 300).closed_form() is None
    assert g.threshold([10**9, 1, 1], 5).closed_form() is None, "dearer than looking at eight coalitions"


def test_a_chain_of_defaults_and_two_that_hold_each_other_up():
    chain = np.zeros((8, 8))
    chain[np.arange(7), np.arange(1, 8)] = 1.0
    game = g.network(chain, [1.0, *[0.0] * 7], [0.5, *[0.0] * 7])
    assert game.grand == pytest.approx(7 * 0.5), "every creditor down the chain loses a half"
    both = g.network([[0.0, 1.0], [1.0, 0.0]], [0.0, 0.0], [0.0, 0.0])
    assert both.grand == both.unstruck == 0.0, "the greatest payments: each pays from what the other pays"
    costly = g.network([[0.0, 2.2], [2.2, 0.0]], [1.0, 1.0], None, None, (0.5, 0.5))
    assert costly.unstruck == pytest.approx(0.0, abs=1e-12), "Rogers and Veraart, example 3.3: (2.2, 2.2) clears"
    mild = g.network(DEBTS, ASSETS, STRUCK, OUT)
    assert (g.network(DEBTS, ASSETS, STRUCK, OUT, (0.5, 0.5)).shortfalls(memberships(0, 32, 5)) + 1e-12
            >= mild.shortfalls(memberships(0, 32, 5))).all()  # fmt: skip


def test_payments_are_those_of_a_linear_program():
    """Eisenberg and Noe, lemma 4: the greatest clearing vector maximises the sum of payments."""
    game = g.network(DEBTS, ASSETS, STRUCK, OUT)
    for mask in range(32):
        struck = np.array([mask >> i & 1 for i in range(5)], dtype=bool)
        found = linprog(
            -np.ones(5),
            A_ub=np.eye(5) - game.relative.T,
            b_ub=ASSETS - np.where(struck, STRUCK, 0),
            bounds=list(zip(np.zeros(5), game.owed, strict=True)),
        )
        assert game.shortfalls(struck[None])[0] == pytest.approx(game.owed.sum() + found.fun, abs=1e-7)


def test_rescuing_somebody_spares_creditors_no_less_than_nothing():
    game = KINDS["rescued"][0]
    assert game.kind == "gain" and game.is_monotone() and game.grand == pytest.approx(game.unstruck)
    expected = [0.0]
    for s in coalitions(5)[1:]:
        (owed, before), (_, after) = (payments(DEBTS, OUT, 0.3 * ASSETS, safe) for safe in ((), s))
        expected.append(float((owed - before).sum() - (owed - after).sum()))
    assert_same(game.table(), expected)


def event(loss=40.0):
    table = pd.DataFrame(
        {
            "role": ["defaulter", "house", "survivor", "survivor", "survivor"],
            "fund": [5.0, None, 30.0, 10.0, 4.0],
            "own": [None, 7.0, None, None, None],
        },
        index=["D", "CCP", "A", "B", "C"],
    )
    return ao.Event("toy", loss=loss, currency="EUR", date=None, payers=table)


TOY = ao.Waterfall(
    "toy",
    (
        ao.Layer("defaulter", roles="defaulter", cap="fund"),
        ao.Layer("own", roles="house", cap="own"),
        ao.Layer("fund", roles="survivor", cap="fund"),
    ),
)


def test_a_waterfall_game_is_the_dual_of_a_claims_game():
    """After 12 of the defaulter and the house, members share 28 up to their funds: min(28, c(S)), the dual of O'Neill's
    game."""
    game = g.waterfall(TOY, event())
    assert list(game.players) == ["A", "B", "C"] and game.kind == "cost" and game.is_convex()
    assert_same(game.table(), [min(28, f) for f in (0, 30, 10, 40, 4, 34, 14, 44)])
    assert_same(game.table(), g.claims(28, [30, 10, 4]).dual().table())
    relief = g.waterfall(TOY, event(), worth="relief")
    assert relief.kind == "gain"
    assert_same(relief.table(), game.table())
    one = g.waterfall(TOY, event(), members=["B"])
    assert_same(one.table(), [0.0, 28 * 10 / 44])  # A and C are no players: they are always there and pay their part


class Flat:
    """A rule of one's own: everybody in the table bears the same, nothing is capped."""

    def run(self, event):
        share = pd.Series(event.loss / len(event.payers), index=event.payers.index)
        return type("Run", (), {"by_payer": share, "residual": 0.0})()


def test_any_rule_that_runs_makes_a_game():
    game = g.waterfall(Flat(), event())
    sizes_of = memberships(0, 8, 3).sum(axis=1)
    assert_same(game.table(), 40 * sizes_of / (2 + sizes_of))


def test_the_shared_collection_is_met(shared_cases):
    met = 0
    for case in shared_cases("games.json"):
        p = case["params"]
        made = None
        if "costs" in p:
            made = g.airport(p["costs"])
            if case["n"] != made.n:
                continue
        elif "estate" in p:
            made = g.claims(p["estate"], p["claims"])
        elif "quota" in p:
            made = g.threshold(p["weights"], p["quota"])
        elif "variances" in p:
            made = g.weighted(p["variances"], np.sqrt)
        elif "scenarios" in p:
            losses = np.array(p["scenarios"], dtype=float)
            made = g.tail(-losses, 1 - p["worst_k"] / len(losses))
        elif "weights" in p:
            made = g.weighted(p["weights"], np.square)
        if made is None:
            continue
        met += 1
        if "v" in case:
            assert_same(made.table()[1:], [float(Fraction(w)) for w in case["v"]], 1e-12)
        assert_same(ao.shapley(made).values, case["expected"]["shapley"], 1e-12)
    assert met >= 10


def test_games_are_frozen_named_and_keep_no_hold_on_their_input():
    costs = np.array([1.0, 2.0])
    game = g.airport(costs)
    costs[:] = 9
    assert game.grand == 2.0
    with pytest.raises(AttributeError):
        game.costs = costs
    with pytest.raises(ValueError, match="read-only"):
        game.costs[0] = 5
    pnl = pd.DataFrame(PNL, columns=list("vwxyz"))
    game = g.tail(pnl, 0.8)
    pnl.iloc[:] = 0
    assert list(game.players) == list("vwxyz") and game.grand == KINDS["es"][0].grand
    assert list(g.margin(pd.DataFrame(HELD, index=list("abcde")), rates=1.0).players) == list("abcde")
    assert list(g.cover(pd.Series({"A": 1.0, "B": 2.0}), 1).players) == ["A", "B"]
    assert g.airport([]).table().tolist() == g.additive([]).table().tolist() == [0.0]
    assert g.tail([[1.0]], 0.5).table().tolist() == [0.0, -1.0]
    assert g.tail(PNL, 1 - 1e-13).grand == g.tail(PNL, 1 - 1e-13).table()[-1] == max(joint_loss(range(5)))


def test_contracts_are_found_by_name():
    held = pd.DataFrame(HELD, columns=["oil", "gas", "power"])
    mixed = ["power", "oil", "gas"]
    moves = pd.DataFrame(MOVES, columns=held.columns)[mixed]
    joint = pd.DataFrame(JOINT, held.columns, held.columns).loc[mixed, mixed]
    assert_same(g.margin(held, scenarios=moves).table(), g.margin(HELD, scenarios=MOVES).table())
    assert_same(g.margin(held, covariance=joint).table(), g.margin(HELD, covariance=JOINT).table())
    rates = pd.Series({"power": 3.0, "oil": 1.0, "gas": 2.0})
    assert_same(g.margin(held, rates=rates).table(), g.margin(HELD, rates=[1, 2, 3]).table())
    assert_same(g.margin(held, rates=rates.to_dict()).table(), g.margin(HELD, rates=[1, 2, 3]).table())


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: g.airport([1.0, NAN]), "costs: 1 is NaN"),
        (lambda: g.airport([1.0, -1.0]), "costs: 1 is -1"),
        (lambda: g.airport([1.0, INF]), "costs: 1 is inf"),
        (lambda: g.airport(["a", 1.0]), "not a number|numbers"),
        (lambda: g.airport([[1.0, 2.0]]), "one entry per player"),
        (lambda: g.airport([1.0, 2.0], players=["A", "A"]), "named twice"),
        (lambda: g.cover([1.0], k=0), "k, the number of defaults covered, is 0"),
        (lambda: g.cover([1.0], k=1.5), "whole number"),
        (lambda: g.cover([1.0], k="2"), "not a number"),
        (lambda: g.threshold([1.0], 0), "positive quota"),
        (lambda: g.threshold([1.0], NAN), "quota is NaN"),
        (lambda: g.threshold([-1.0], 1), "weights: 0 is -1"),
        (lambda: g.threshold([1.0], 1, kind="profit"), "no kind of game"),
        (lambda: g.weighted([1.0], 3), "give a function"),
        (lambda: g.weighted([1.0], np.cos), "must be 0: subtract it"),
        (lambda: g.weighted([1.0, 2.0], lambda t: t[:1] * 0).table(), "expected one for each"),
        (lambda: g.weighted([-4.0, 1.0], lambda t: np.where(t < 0, NAN, t)).table(), r"f\(-4\) is nan"),
        (lambda: g.function(3, 2), "give a function of the coalition"),
        (lambda: g.function(len, "AB", False), "list of names"),
        (lambda: g.function(len, -1, False), "number of players is -1"),
        (lambda: g.function(lambda s: len(s) + 1, 2, False), "gives 1 for the empty coalition"),
        (lambda: g.function(lambda s: "x" if s else 0, 2, False).table(), "not a number"),
        (lambda: g.function(lambda rows: rows.sum(), 2), "one number per coalition"),
        (lambda: g.tail(np.zeros((0, 2))), "no rows"),
        (lambda: g.tail([[1.0, NAN]]), "nan"),
        (lambda: g.tail([1.0, 2.0]), "two dimensions"),
        (lambda: g.tail([[1.0]], 1.0), "strictly between 0 and 1"),
        (lambda: g.tail([[1.0]], 0.9, "cvar"), "no risk measure is called 'cvar'"),
        (lambda: g.tail([[1.0]], 0.9, "spectral"), "mapping of levels"),
        (lambda: g.tail([[1.0]], {1.0: 1.0}, "spectral"), "a level of the mixture is 1"),
        (lambda: g.tail([[1.0]], {0.5: 0.0}, "spectral"), "all zero"),
        (lambda: g.tail([[1.0]], 0.5, weights=[0.0]), "all zero"),
        (lambda: g.tail([[1.0, 2.0]], 0.5, players=["A"]), "1 players are named"),
        (lambda: g.variance([[1.0, 2.0]]), "as many rows as columns"),
        (lambda: g.variance([[1.0, 2.0], [0.0, 9.0]]), "a covariance is symmetric"),
        (lambda: g.variance([[1.0, 2.0], [2.0, 1.0]]), "a variance of -1"),
        (lambda: g.variance([[NAN]]), "covariance: the entry"),
        (lambda: g.variance(pd.DataFrame([[1.0]], ["A"], ["B"])), "differently"),
        (lambda: g.dividends([1.0], ["A"]), "give a mapping"),
        (lambda: g.dividends({(): 1.0}, ["A"]), "one or more players"),
        (lambda: g.dividends({("A", "A"): 1.0}, ["A"]), "each once"),
        (lambda: g.dividends({"Z": 1.0}, ["A"]), "one or more players"),
        (lambda: g.dividends({"A": NAN}, ["A"]), "NaN"),
        (lambda: g.dividends({"A": 1.0}, "A"), "list of names"),
        (lambda: g.unanimity("A", ["A"]), "list of names"),
        (lambda: g.margin(HELD), "give one of scenarios, rates and covariance; given: none"),
        (lambda: g.margin(HELD, rates=1.0, covariance=JOINT), "given: rates, covariance"),
        (lambda: g.margin(HELD, rates=[1.0, 2.0]), "rates"),
        (lambda: g.margin(HELD, rates=1.0, multiple=0), "positive factor"),
        (lambda: g.margin(HELD, scenarios=MOVES[:, :2]), "2 contracts and the positions have 3"),
        (lambda: g.margin(HELD, scenarios=MOVES, measure="cvar"), "no measure of margin"),
        (lambda: g.margin([[NAN]], rates=1.0), "positions: the entry of 0 and 0 is nan"),
        (lambda: g.margin([["x"]], rates=1.0), "not a number"),
        (lambda: g.margin([1.0], rates=1.0), "rows and columns"),
        (lambda: g.margin(pd.DataFrame({"c": ["x"]}), rates=1.0), "not numbers"),
        (lambda: g.network(DEBTS[:3], ASSETS), "one row and one column per member"),
        (lambda: g.network(DEBTS + np.eye(5), ASSETS), "0 owes itself 1"),
        (lambda: g.network(DEBTS, ASSETS[:3]), "external assets"),
        (lambda: g.network(DEBTS, ASSETS, ASSETS + 1), "expected no more than there are"),
        (lambda: g.network(-DEBTS, ASSETS), "expected finite numbers >= 0"),
        (lambda: g.network(DEBTS, ASSETS, recovery=0.5), "give two parts"),
        (lambda: g.network(DEBTS, ASSETS, recovery=(0.5, 1.5)), "recovery of receipts is 1.5"),
        (lambda: g.network(DEBTS, ASSETS, creditors="banks"), "no group of creditors"),
        (lambda: g.network(pd.DataFrame(DEBTS, list("abcde")), ASSETS), "differently"),
        (lambda: g.waterfall(3, event()), "has no method run"),
        (lambda: g.waterfall(TOY, 3), "give an Event"),
        (lambda: g.waterfall(TOY, event(), worth="all"), "no worth of a waterfall game"),
        (lambda: g.waterfall(TOY, event(), members=["Z"]), "'Z' is not a payer"),
        (lambda: g.waterfall(TOY, event(), members="A"), "list of names"),
        (lambda: g.airport([1.0]).scaled(NAN), "factor is NaN"),
        (lambda: g.airport([0.0]).scaled(to=5.0), "no factor turns into 5"),
        (lambda: g.airport([1.0]).scaled(2.0, to=5.0), "not both"),
        (lambda: g.airport([1.0]) + 1, "only games can be added"),
        (lambda: g.airport([1.0]) + g.airport([1.0, 2.0]), "different players"),
        (lambda: g.airport([1.0]) + g.claims(1, [1.0]), "a cost and a gain"),
        (lambda: g.claims(1, [1.0]).savings(), "those of a cost game"),
        (lambda: g.airport([1.0]).restricted(["Z"]), "no player 'Z'"),
        (lambda: g.airport([1.0]).restricted("Z"), "list of names"),
        (lambda: g.airport([1.0, 2.0]).marginal_vector([0]), "names 1 of 2 players"),
        (lambda: g.airport([1.0, 2.0]).is_convex(tolerance=-1), "tolerance is -1"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(DataError, match=words):
        call()
