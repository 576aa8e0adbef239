"""The nucleolus and its family: published answers, two independent checks of every answer, and wrong ones refused."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seeded_games import draws, seeded_game

import allocopt as ao
from allocopt.errors import CertificateError, DataError, InfeasibleError
from allocopt.games import core
from allocopt.games.core import excesses, worth_of
from allocopt.games.nucleolus import Nucleolus
from allocopt.maths.excess import members
from allocopt.maths.nucleolus_exact import prove

FAMILY = {
    "nucleolus": ao.nucleolus,
    "prenucleolus": ao.prenucleolus,
    "per-capita nucleolus": ao.per_capita_nucleolus,
    "per-capita prenucleolus": lambda game, **k: ao.per_capita_nucleolus(game, imputations=False, **k),
    "proportional nucleolus": ao.proportional_nucleolus,
    "proportional prenucleolus": lambda game, **k: ao.proportional_nucleolus(game, imputations=False, **k),
}
quick = settings(max_examples=25)


def named_game(case):
    return ao.games.table([0.0, *(float(Fraction(w)) for w in case["v"])], kind=case["kind"])


def assert_shares(found, expected, tolerance=1e-9):
    expected = np.asarray(expected, dtype=float)
    scale = max(np.abs(expected).max(initial=0.0), 1e-300)
    np.testing.assert_allclose(np.asarray(found, dtype=float) / scale, expected / scale, rtol=0, atol=tolerance)


def assert_proof(game, answer: Nucleolus, weighing="plain", imputations=True):
    """Recheck a proof from its numbers alone, in fractions, coalition by coalition."""
    n, sign = game.n, 1 if game.kind == "gain" else -1
    proof = answer.proof
    masks = np.arange(1, 2**n - 1)
    worths = {int(m): Fraction(repr(float(w))) for m, w in zip(masks, game.table()[masks], strict=True)}
    weights = {m: {"plain": 1, "size": m.bit_count(), "worth": abs(w)}[weighing] for m, w in worths.items()}
    x = proof.x
    assert sum(x) == Fraction(repr(game.grand))
    excess = {m: sign * (w - sum(x[i] for i in range(n) if m >> i & 1)) / weights[m] for m, w in worths.items()}
    if imputations:
        assert all(sign * (x[i] - worths.get(1 << i, x[i])) >= 0 for i in range(n))
    settled = {2**n - 1: np.ones(n, dtype=int)}
    for level in proof.levels:
        total = np.array([Fraction(0)] * n)
        for mask, weight in level.weights.items():
            assert weight > 0 and excess[mask] == level.excess
            total = total + weight * np.array([mask >> i & 1 for i in range(n)])
        for i, weight in level.floors.items():
            assert imputations and weight > 0 and x[i] == worths[1 << i]
            total = total + weight * np.eye(n, dtype=int)[i]
        for key, weight in level.before.items():
            total = total + weight * settled[key]
        assert not total.any()
        assert sum(w * weights[m] for m, w in level.weights.items()) == 1
        settled |= {m: np.array([m >> i & 1 for i in range(n)]) for m in level.weights}
        settled |= {-1 - i: np.eye(n, dtype=int)[i] for i in level.floors}
        span = np.array(list(settled.values()), dtype=float)
        rank = np.linalg.matrix_rank(span)
        rows = members(masks, n)
        for mask, row in zip(masks.tolist(), rows, strict=True):
            if excess[mask] > level.excess:
                assert np.linalg.matrix_rank(np.vstack((span, row))) == rank
    if n > 1:
        assert np.linalg.matrix_rank(np.array(list(settled.values()), dtype=float)) == n


def test_the_checks_of_this_file_see_a_wrong_answer():
    with pytest.raises(AssertionError):
        assert_shares([1.0, 2.0 + 1e-8], [1.0, 2.0])
    game = ao.games.table([0, 1, 2, 2, 3, 3, 3, 3])
    right = ao.nucleolus(game, exact=True)
    assert_proof(game, right)
    first = right.proof.levels[0]
    for wrong in (
        {"x": (Fraction(1, 2), Fraction(1), Fraction(3, 2))},
        {"levels": right.proof.levels[:1]},
        {"levels": (type(first)(first.excess, {k: -w for k, w in first.weights.items()}, {}, first.before),)},
    ):
        proof = type(right.proof)(**{"x": right.proof.x, "levels": right.proof.levels, "decided": 0, **wrong})
        with pytest.raises(AssertionError):
            assert_proof(game, Nucleolus(game, right.amounts, right.errors, 0, "", proof=proof))


def test_published_answers_are_met(shared_cases):
    tried = 0
    for case in shared_cases("games.json"):
        if "v" not in case:
            continue
        game = named_game(case)
        for name, solve in FAMILY.items():
            key = name.replace("-", "_").replace(" ", "_")
            if key in case["expected"]:
                assert_shares(solve(game).values, case["expected"][key])
                exact = solve(game, exact=True)
                assert_shares(exact.values, case["expected"][key], 1e-14)
                if key in case["expected_exact"]:
                    assert list(exact.fractions.values()) == [Fraction(s) for s in case["expected_exact"][key]]
                if game.n <= 6:
                    assert_proof(game, exact, "size" if "capita" in name else "worth" if "prop" in name else "plain",
                                 "pre" not in name)  # fmt: skip
                assert ao.verify_nucleolus(game, case["expected"][key], of=name)
                tried += 1
        if "least_core_epsilon" in case["expected"]:
            found = ao.least_core(game).epsilon
            assert found == pytest.approx(case["expected"]["least_core_epsilon"], rel=1e-9, abs=1e-12 * abs(game.grand))
            assert (found <= 1e-9 * abs(game.grand)) == case["expected"]["core_nonempty"]
    assert tried >= 28


def test_published_nucleoli_of_seeded_games_are_met(shared_cases):
    tried = 0
    for case in shared_cases("games.json"):
        if "bnf_type" in case["params"] and case["n"] <= 20:
            worths = seeded_game(case["params"]["bnf_type"], case["n"], case["params"]["seed"])
            if "v" in case:
                assert worths[1:].tolist() == [float(Fraction(w)) for w in case["v"]]
            game = ao.games.table(worths, kind="gain")
            assert_shares(ao.nucleolus(game).values, case["expected"]["nucleolus"], 1e-10)
            tried += 1
    assert tried >= 8


def test_draws_follow_the_recurrence():
    state, expected = 461375, []
    for _ in range(50):
        state = (214013 * state + 2531011) % 2**32
        expected.append(state >> 16 & 0x7FFF)
    assert draws(461375, 50).tolist() == expected


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("kind", ["gain", "cost"])
def test_two_independent_checks_agree_with_every_answer(name, kind):
    weighing = "size" if "capita" in name else "worth" if "prop" in name else "plain"
    rng = np.random.default_rng(7)
    for n, family, seed in [(1, 2, 5), (2, 2, 1), (3, 2, 3), (4, 3, 8), (5, 1, 4), (6, 4, 2), (7, 2, 9)]:
        worths = seeded_game(family, n, seed)
        if weighing == "worth":
            worths = np.maximum(worths, 1.0) * np.bitwise_count(np.arange(2**n)) ** 2
        elif kind == "cost":
            worths = -worths
        game = ao.games.table(worths, kind=kind)
        if (
            kind == "cost"
            and weighing == "worth"
            and "pre" not in name
            and worths[-1] > worths[1 << np.arange(n)].sum()
        ):
            with pytest.raises(InfeasibleError):
                FAMILY[name](game)
            continue
        answer = FAMILY[name](game)
        assert answer.values.sum() == pytest.approx(game.grand)
        assert ao.verify_nucleolus(game, answer.values, of=name)
        exact = FAMILY[name](game, exact=True)
        assert_shares(answer.values, exact.values, 1e-12)
        assert_proof(game, exact, weighing, "pre" not in name)
        if n > 1:
            off = rng.standard_normal(n)
            off = (off - off.mean()) / np.abs(off - off.mean()).max() * np.abs(answer.amounts).max()
            verdict = ao.verify_nucleolus(game, answer.amounts + 1e-5 * off, of=name)
            assert not verdict and verdict.amount > 0 and verdict.level is not None


@quick
@given(st.integers(2, 6), st.integers(0, 2**20), st.sampled_from([1, 2, 8]), st.booleans())
def test_tied_worths_are_solved_and_proven(n, seed, most, floors):
    """Worths from a handful of values: ties at every level and degenerate programs."""
    worths = np.append(0.0, np.random.default_rng(seed).integers(0, most + 1, 2**n - 1))
    worths[-1] = max(worths[-1], worths[1 << np.arange(n)].sum())
    game = ao.games.table(worths, kind="gain")
    answer = (ao.nucleolus if floors else ao.prenucleolus)(game, exact=True)
    assert_proof(game, answer, imputations=floors)
    assert ao.verify_nucleolus(game, answer.values, of="nucleolus" if floors else "prenucleolus")


@quick
@given(st.integers(2, 6), st.integers(0, 2**20))
def test_the_answer_moves_with_the_game(n, seed):
    """Scale, shift of what players have alone, names of the players, and the sign of the worths."""
    rng = np.random.default_rng(seed)
    worths = np.append(0.0, rng.random(2**n - 1))
    masks = np.arange(2**n)
    alone = rng.standard_normal(n)
    base = ao.prenucleolus(ao.games.table(worths, kind="gain")).amounts
    for scale in (1e-9, 1e12):
        assert_shares(ao.prenucleolus(ao.games.table(worths * scale, kind="gain")).amounts, base * scale, 1e-8)
    assert_shares(
        ao.prenucleolus(ao.games.table(worths + members(masks, n) @ alone, kind="gain")).amounts, base + alone
    )
    assert_shares(ao.prenucleolus(ao.games.table(-worths, kind="cost")).amounts, -base)
    order = rng.permutation(n)
    renamed = worths[members(masks, n).astype(int) @ (1 << order)]
    assert_shares(ao.prenucleolus(ao.games.table(renamed, kind="gain")).amounts, base[order])


def test_a_single_imputation_is_found_whatever_the_rounding():
    game = ao.games.table([0, 0.1, 0.2, 0.1 + 0.2], kind="gain")
    assert_shares(ao.nucleolus(game).values, [0.1, 0.2])
    assert_shares(ao.nucleolus(ao.games.table([0, 0.1, 0.2, 0.3], kind="gain"), exact=True).values, [0.1, 0.2])
    additive = members(np.arange(2**6), 6) @ np.array([1e12, 3, 1e-9, 5e6, 0, 7])
    assert_shares(ao.nucleolus(ao.games.table(additive)).values, [1e12, 3, 1e-9, 5e6, 0, 7])


def test_few_players_and_no_worth():
    assert ao.nucleolus(ao.games.table([0.0])).values.empty
    assert ao.nucleolus(ao.games.table([0.0]), exact=True).fractions == {}
    assert ao.verify_nucleolus(ao.games.table([0.0]), [])
    one = ao.games.table([0.0, 5.0], players=["only"])
    for solve in FAMILY.values():
        assert solve(one).values.to_dict() == {"only": 5.0}
    assert ao.least_core(one).epsilon == 0.0
    assert ao.nucleolus(ao.games.table(np.zeros(8))).values.to_list() == [0.0, 0.0, 0.0]


def test_answers_say_what_they_are():
    game = ao.games.table([0, 0, 0, 1, 0, 1, 1, 1], kind="gain", players=list("abc"))
    answer = ao.nucleolus(game)
    assert answer.epsilon == pytest.approx(1 / 3) and answer.worst.excess == pytest.approx(1 / 3)
    np.testing.assert_allclose(list(answer.stages[0].coalitions.values()), 1 / 3)
    assert set(answer.stages[0].coalitions) == {("a", "b"), ("a", "c"), ("b", "c")}
    assert answer.method.startswith("row generation") and answer.evaluations % 8 == 0
    assert not answer.standard_error.any()
    with pytest.raises(DataError, match="exact=True"):
        _ = answer.fractions
    assert set(ao.nucleolus(game, exact=True).fractions.values()) == {Fraction(1, 3)}


def test_a_floor_that_binds_is_named_with_its_weight():
    game = ao.games.table([0, 0, 0, 10, 0, 0, 0, 2], kind="gain", players=list("abc"))
    answer = ao.nucleolus(game, exact=True)
    assert_shares(answer.values, [1, 1, 0])
    assert set(answer.stages[0].floors) == {"c"}
    assert_proof(game, answer)


def test_a_proof_of_a_wrong_chain_is_refused():
    game = ao.games.table(seeded_game(1, 5, 3), kind="gain")
    everyone, right = excesses(game), ao.nucleolus(game)
    from allocopt.games.nucleolus import chain, floors_of

    levels = chain(game, everyone, floors_of(game)).levels
    assert prove(everyone, levels, worth_of(game), True).x == ao.nucleolus(game, exact=True).proof.x
    for wrong in (levels[1:], (levels[0]._replace(rows=levels[0].rows[:1]), *levels[1:]), levels[::-1]):
        with pytest.raises(CertificateError):
            prove(everyone, wrong, worth_of(game), True)
    assert right.values.sum() == pytest.approx(game.grand)


def test_worths_that_were_added_up_in_floats_are_read_as_the_sums_they_stand_for():
    sums = members(np.arange(2**6), 6) @ np.full(6, 0.1)
    assert 0.1 + 0.2 in sums and 0.1 + 0.2 != 0.3
    answer = ao.nucleolus(ao.games.table(np.minimum(sums, 0.35)), exact=True)
    assert set(answer.fractions.values()) == {Fraction(7, 120)}
    noise = 1e6 * sums * (1 + 1e-13 * np.random.default_rng(1).standard_normal(64))
    with pytest.raises(CertificateError, match="round them"):
        ao.nucleolus(ao.games.table(noise - 1e-7 * (np.arange(64) == 63)), exact=True)


def test_worths_that_are_made_anew_for_every_pass_give_the_same_answer(monkeypatch):
    whole = ao.prenucleolus(ao.games.claims(20, np.arange(1.0, 10.0)), exact=True)
    monkeypatch.setattr("allocopt.games.base.TABLE_LIMIT", 3)
    monkeypatch.setattr(core, "_PIECE", 128)
    monkeypatch.setattr("allocopt.games.base.BLOCK_BITS", 6)
    game = ao.games.claims(20, np.arange(1.0, 10.0))
    assert len(list(excesses(game).blocks())) == 4
    pieces = ao.prenucleolus(game, exact=True)
    assert pieces.fractions == whole.fractions
    assert ao.verify_nucleolus(game, pieces.values)


@pytest.mark.slow
@pytest.mark.parametrize("n", [5, 8, 10, 12, 15, 18, 20])
def test_seeded_games_are_solved_proven_and_verified(n):
    for family in (1, 2, 3, 4):
        for seed in range(4 if n > 15 else 15):
            game = ao.games.table(seeded_game(family, n, 977 * seed + n), kind="gain")
            answer = ao.nucleolus(game, exact=True)
            assert ao.verify_nucleolus(game, answer.values)
            assert_shares(ao.nucleolus(game).values, answer.values, 1e-11)
            off = np.zeros(n)
            off[:2] = 1e-5 * np.abs(answer.amounts).max() * np.array([1, -1])
            assert not ao.verify_nucleolus(game, answer.amounts + off)
