"""Rules with weights against their definitions in fractions, their plain selves and their duals; tiny losses."""

from __future__ import annotations

import dataclasses
import random
from fractions import Fraction as F
from typing import Any

import exact_rules
import numpy as np
import pandas as pd
import pytest
from test_two_faces import assert_stands

import allocopt as ao

WEIGHTED = [name for name, (_, _, weighted) in exact_rules.RULES.items() if weighted]
SACRIFICE = ("equal-sacrifice", {"rra": 3.0})
READINGS = ("burden", "payout")


def question(loss: Any, claims: list[Any], weights: list[Any] | None = None) -> ao.LossProblem:
    table = pd.DataFrame({"claim": [float(x) for x in claims], "weight": [float(x) for x in weights or claims]})
    return ao.LossProblem(float(loss), table, cap="claim")


def questions(count: int, most: int, seed: int, tiny: bool = False) -> list[tuple[F, list[F], list[F]]]:
    """Numbers that a float holds exactly, with ties and zeros; losses from tiny to almost everything."""
    draw, out = random.Random(seed), []
    while len(out) < count:
        n = draw.randint(1, most)
        claims = [F(draw.choice([0, 1, 2, 2, 3, 5, 8, 1000, F(7, 4), F(1, 1024)])) for _ in range(n)]
        weights = [F(draw.choice([1, 1, 2, 3, F(1, 2), F(1, 64), 100])) for _ in range(n)]
        part = draw.choice(
            [F(1, 2), F(1, 8), F(7, 8), F(1, 2**30), F(1, 2**40)] if tiny else [F(1, 2), F(1, 8), F(7, 8)]
        )
        if sum(claims):
            out.append((sum(claims) * part, claims, weights))
    return out


def assert_as_defined(
    name: str, case: tuple[F, list[F], list[F]], reading: str, weighted: bool, tol: float = 1e-9
) -> None:
    loss, claims, weights = case
    plain = weights if weighted else [F(1)] * len(claims)
    expected = exact_rules.shares(name, loss, claims, plain, reading)
    rule = ao.scheme(name, reading=reading, **exact_rules.RULES[name][1], **({"key": "weight"} if weighted else {}))
    answer = rule.allocate(question(loss, claims, weights)).verify(1e-8)
    np.testing.assert_allclose(
        answer.paid, expected, rtol=0, atol=tol * float(loss), err_msg=f"{loss} {claims} {plain}"
    )


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("name", exact_rules.RULES)
def test_every_rule_is_its_definition_in_fractions(name: str, reading: str) -> None:
    slow = name in ("dominguez-thomson", "random-arrival", "average-of-awards")
    for case in questions(15 if slow else 60, 4 if slow else 7, seed=len(name), tiny=not slow):
        assert_as_defined(name, case, reading, weighted=False)


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("name", WEIGHTED)
def test_every_weighted_rule_is_its_definition_in_fractions(name: str, reading: str) -> None:
    slow = name == "random-arrival"
    for case in questions(15 if slow else 60, 5 if slow else 7, seed=2 + len(name)):
        assert_as_defined(name, case, reading, weighted=True)


def test_the_definitions_notice_a_wrong_rule() -> None:
    case = (F(12), [F(2), F(5), F(9)], [F(1), F(2), F(1)])
    expected = exact_rules.shares("talmud", *case, "burden")
    for wrong in ("piniles", "reverse-talmud", "constrained-egalitarian"):
        assert not np.allclose(expected, exact_rules.shares(wrong, *case, "burden"))
    assert not np.allclose(expected, exact_rules.shares("talmud", *case[:2], [F(1)] * 3, "burden"))
    with pytest.raises(AssertionError, match="not between"):
        exact_rules.equal_awards(F(99), *case[1:])


def variants() -> list[tuple[str, dict[str, Any]]]:
    return [*((name, exact_rules.RULES[name][1]) for name in WEIGHTED), SACRIFICE]


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize(("name", "parameters"), variants())
def test_equal_weights_are_no_weights_and_their_scale_does_not_matter(
    name: str, parameters: dict[str, Any], reading: str
) -> None:
    for loss, claims, weights in questions(12, 6, seed=5):
        asked = question(loss, claims, weights)
        plain = ao.scheme(name, reading=reading, **parameters).allocate(asked).paid
        equal = ao.scheme(name, reading=reading, key=[3.0] * asked.n, **parameters).allocate(asked).paid
        np.testing.assert_allclose(equal, plain, atol=1e-11 * float(loss))
        once, twice = (
            ao.scheme(name, reading=reading, key=asked.column("weight") * scale, **parameters).allocate(asked).paid
            for scale in (1.0, 1e7)
        )
        np.testing.assert_allclose(twice, once, atol=1e-10 * float(loss))


@pytest.mark.parametrize(("name", "parameters"), variants())
def test_the_payout_reading_of_a_weighted_rule_is_its_dual(name: str, parameters: dict[str, Any]) -> None:
    for loss, claims, weights in questions(12, 6, seed=6):
        asked = question(loss, claims, weights)
        left = asked.replace(loss=asked.capacity - asked.loss)
        payout = ao.scheme(name, reading="payout", key="weight", **parameters).allocate(asked).verify(1e-9).paid
        burden = ao.scheme(name, key="weight", **parameters).allocate(left).paid
        np.testing.assert_allclose(payout, asked.caps - burden, atol=1e-10 * asked.capacity)


@pytest.mark.parametrize("name", ["talmud", "reverse-talmud"])
def test_weighted_midpoint_rules_stay_self_dual(name: str) -> None:
    for loss, claims, weights in questions(12, 6, seed=7):
        both = [
            ao.scheme(name, key="weight", reading=r).allocate(question(loss, claims, weights)).paid for r in READINGS
        ]
        np.testing.assert_allclose(both[0], both[1], atol=1e-10 * float(sum(claims)))


@pytest.mark.parametrize(("name", "parameters"), variants())
def test_two_faces_of_weighted_rules_agree(name: str, parameters: dict[str, Any]) -> None:
    for reading in READINGS:
        rule = ao.scheme(name, reading=reading, key="weight", **parameters)
        for loss in (0.5, 9.0, 17.0, 20.0, 30.0):
            asked = question(loss, [2.0, 4.0, 7.0, 8.0], [1.0, 3.0, 2.0, 0.5])
            fast, slow = rule.allocate(asked), rule.allocate(asked, by="program")
            assert_stands(fast)
            assert_stands(slow)
            np.testing.assert_allclose(fast.paid, slow.paid, atol=1e-8 * asked.loss)
            assert "of the loss" in fast.explain(asked.ids[0])


@pytest.mark.parametrize(("name", "parameters"), variants())
def test_a_weight_of_zero_bears_nothing_and_cannot_be_paid(name: str, parameters: dict[str, Any]) -> None:
    asked = question(30.0, [2.0, 4.0, 7.0, 8.0], [1.0, 0.0, 2.0, 0.5])
    answer = ao.scheme(name, key="weight", **parameters).allocate(asked).verify(1e-9)
    assert answer.paid[1] == 0.0 and answer.residual == pytest.approx(13.0)
    part = ao.scheme(name, key="weight", **parameters).allocate(asked.replace(loss=6.0)).verify(1e-9)
    assert part.paid[1] == 0.0 and part.paid.sum() == pytest.approx(6.0)
    with pytest.raises(ao.DataError, match="key of zero"):
        ao.scheme(name, key="weight", reading="payout", **parameters).allocate(asked)
    with pytest.raises(ao.DataError):
        ao.scheme(name, key=[1.0, -1.0, 1.0, 1.0], **parameters).allocate(asked)


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize(("name", "parameters"), variants())
def test_keys_of_a_batch_are_the_weights(name: str, parameters: dict[str, Any], reading: str) -> None:
    rng = np.random.default_rng(3)
    losses, caps = np.array([0.0, 1.0, 5.0, 13.0, 99.0]), rng.uniform(1, 9, 6)
    for keys in (rng.uniform(0.5, 3, 6), rng.uniform(0.5, 3, (5, 6))):
        together = ao.allocate_many(name, losses, keys, caps, reading=reading, **parameters)
        for row, loss in enumerate(losses):
            key = keys[row] if keys.ndim == 2 else keys
            alone = ao.scheme(name, key=key, reading=reading, **parameters).allocate(question(loss, list(caps))).paid
            np.testing.assert_allclose(together[row], alone, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("rra", [0.5, 1.0, 2.0, 5.0, 20.0])
def test_equal_sacrifice_by_program_at_both_ends(rra: float, reading: str) -> None:
    """Near exhaustion, and with caps thousands of times the loss, where a cone solver sees nothing."""
    rule = ao.scheme("equal-sacrifice", rra=rra, reading=reading)
    for claims in ([0.5, 2.0, 3.0, 3.0, 8.0], [1.0, 1e3, 1e6]):
        for part in (1e-9, 1e-4, 0.9999, 1 - 1e-9):
            asked = question(part * sum(claims), claims)
            fast, slow = rule.allocate(asked).verify(1e-8), rule.allocate(asked, by="program").verify(1e-7)
            np.testing.assert_allclose(slow.paid, fast.paid, atol=1e-8 * asked.loss)


@pytest.mark.parametrize("name", ["minimal-overlap", "dominguez-thomson", "constrained-equal-awards", "talmud"])
def test_a_loss_far_below_capacity_keeps_its_digits_in_the_payout_reading(name: str) -> None:
    for claims in ([3.0, 5.0, 9.0], [1.0, 1.0, 1000.0], [2.0, 2.0, 2.0, 2.0]):
        for part in (2.0**-30, 2.0**-45):
            case = (F(part) * F(sum(claims)), [F(x) for x in claims], [F(1)] * len(claims))
            if name != "dominguez-thomson":
                assert_as_defined(name, case, "payout", weighted=False, tol=1e-11)
            rule, asked = ao.scheme(name, reading="payout"), question(case[0], claims)
            fast, slow = rule.allocate(asked).verify(1e-9), rule.allocate(asked, by="program").verify(1e-7)
            np.testing.assert_allclose(slow.paid, fast.paid, atol=1e-8 * asked.loss)


def test_many_payers_in_a_batch_search_instead_of_tabulating() -> None:
    rng = np.random.default_rng(4)
    caps, keys = rng.lognormal(0, 1, 3000), rng.lognormal(0, 1, 3000)
    losses = np.array([0.01, 0.4, 0.99, 1.5]) * caps.sum()
    together = ao.allocate_many("talmud", losses, keys, caps)
    for row, loss in enumerate(losses):
        alone = ao.scheme("talmud", key="weight").allocate(question(loss, list(caps), list(keys))).paid
        np.testing.assert_allclose(together[row], alone, rtol=1e-10, atol=1e-12 * loss)


def game_of_claims(loss: float, claims: np.ndarray[Any, Any], payout: bool) -> np.ndarray[Any, Any]:
    sums = np.array([claims[[i for i in range(len(claims)) if m >> i & 1]].sum() for m in range(1 << len(claims))])
    return np.minimum(loss, sums) if payout else np.maximum(0.0, loss - sums[::-1])


@pytest.mark.parametrize("reading", READINGS)
def test_weighted_random_arrival_is_the_weighted_shapley_value_of_the_claims_game(reading: str) -> None:
    from allocopt.games.table import table
    from allocopt.games.values import weighted_shapley

    rng = np.random.default_rng(5)
    for n, spread in ((1, 1.0), (4, 1.0), (9, 3.0), (9, 12.0), (14, 1.0)):
        caps, keys = rng.lognormal(0, 1, n), np.exp(rng.normal(0, spread, n))
        asked = question(0.4 * caps.sum(), list(caps), list(keys))
        answer = ao.scheme("random-arrival", key="weight", reading=reading).allocate(asked).verify(1e-12)
        value = weighted_shapley(table(game_of_claims(asked.loss, caps, reading == "payout")), keys).values
        np.testing.assert_allclose(answer.paid, value, rtol=1e-9, atol=1e-14)
        with pytest.raises(ao.CertificateError):
            dataclasses.replace(answer, paid=answer.paid * (1 - 1e-3)).verify()


@pytest.mark.parametrize("reading", READINGS)
def test_many_weighted_arrivals_are_sampled_and_say_so(reading: str) -> None:
    rng = np.random.default_rng(6)
    caps, keys = rng.lognormal(0, 1, 18), rng.lognormal(0, 1, 18)
    asked = question(0.5 * caps.sum(), list(caps), list(keys))
    exact = ao.scheme("random-arrival", key="weight", reading=reading, way="enumeration").allocate(asked).verify(1e-12)
    drawn = ao.scheme("random-arrival", key="weight", reading=reading, seed=1, permutations=40_000).allocate(asked)
    error = drawn.extras["standard_error"]
    assert drawn.verify(0.01).method == "sampled, 40000 weighted orders"
    assert (np.abs(drawn.paid - exact.paid) <= 5 * error + 1e-12).all()
    assert 0 < error.max() < 0.02 * asked.loss and drawn.paid.sum() == pytest.approx(asked.loss)
    wrong = drawn.paid + np.where(np.arange(18) == 3, 0.1, np.where(np.arange(18) == 4, -0.1, 0.0)) * asked.loss
    with pytest.raises(ao.CertificateError):
        dataclasses.replace(drawn, paid=np.clip(wrong, 0, caps)).verify(0.01)
    equal = ao.scheme("random-arrival", key=[2.0] * 18, reading=reading, seed=2).allocate(asked)
    plain = ao.scheme("random-arrival").allocate(asked)
    assert (np.abs(equal.paid - plain.paid) <= 6 * equal.extras["standard_error"] + 1e-12).all()


def test_weighted_random_arrival_at_every_scale_and_without_caps() -> None:
    claims, weights = [2.0, 5.0, 9.0, 0.0], [1.0, 3.0, 2.0, 7.0]
    here = ao.scheme("random-arrival", key="weight").allocate(question(7.0, claims, weights)).paid
    np.testing.assert_allclose(here, [2 / 3, 3.0, 10 / 3, 0.0], rtol=1e-12)  # six orders, by hand
    for unit in (1e-9, 1e12):
        asked = question(7.0 * unit, [c * unit for c in claims], [w * unit for w in weights])
        there = ao.scheme("random-arrival", key="weight").allocate(asked).verify(1e-12).paid
        np.testing.assert_allclose(there / unit, here, rtol=1e-12)
    endless = ao.LossProblem(6.0, pd.DataFrame({"weight": [1.0, 2.0]}))
    first = ao.scheme("random-arrival", key="weight").allocate(endless).verify(1e-12).paid
    np.testing.assert_allclose(first, [2.0, 4.0])  # whoever comes first pays all
    with pytest.raises(ao.DataError, match="weights do not allow"):
        ao.scheme("random-arrival", key="weight", way="dynamic program").allocate(question(7.0, claims, weights))
    with pytest.raises(ao.DataError, match="enumeration ends at 20"):
        many = question(7.0, [1.0] * 30, [1.0] * 30)
        ao.scheme("random-arrival", key="weight", way="enumeration").allocate(many)
    assert ao.scheme("random-arrival", key="weight").exact(F(1), (F(1), F(2))) is None
    assert ao.scheme("random-arrival", key="weight").allocate(question(0.0, [], [])).verify().residual == 0.0
