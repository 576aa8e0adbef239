"""Every claims rule against its definition in exact fractions, against its dual, and against the rules it meets."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from fractions import Fraction as F
from typing import Any

import numpy as np
import pandas as pd
import pytest

import allocopt as ao
from allocopt.maths.centroids import centroid_by_corners, conditional_means

Rule = Callable[[F, list[F]], list[F]]


def problem(loss: float, claims: Any) -> ao.LossProblem:
    """A question in which the caps are the claims."""
    table = pd.DataFrame({"claim": np.asarray(claims, dtype=float)}, index=[f"c{i}" for i in range(len(claims))])
    return ao.LossProblem(float(loss), table, cap="claim")


# The definitions, written down once more in fractions. Each takes 0 < E < sum(c).


def equal_awards(E: F, c: list[F]) -> list[F]:
    left, out = E, [F(0)] * len(c)
    for k, i in enumerate(sorted(range(len(c)), key=c.__getitem__)):
        out[i] = min(c[i], left / (len(c) - k))
        left -= out[i]
    return out


def equal_losses(E: F, c: list[F]) -> list[F]:
    return [a - b for a, b in zip(c, equal_awards(sum(c) - E, c), strict=True)]


def halves(first: Rule, second: Rule) -> Rule:
    def rule(E: F, c: list[F]) -> list[F]:
        half = [x / 2 for x in c]
        if sum(half) >= E:
            return first(E, half)
        return [h + s for h, s in zip(half, second(E - sum(half), half), strict=True)]

    return rule


def constrained_egalitarian(E: F, c: list[F]) -> list[F]:
    half = [x / 2 for x in c]
    if sum(half) >= E:
        return equal_awards(E, half)
    points = sorted({*half, *c})
    for low, high in itertools.pairwise([F(0), *points]):
        at = [[max(h, min(x, t)) for h, x in zip(half, c, strict=True)] for t in (low, high)]
        if sum(at[1]) >= E:
            part = (E - sum(at[0])) / (sum(at[1]) - sum(at[0]))
            return [a + part * (b - a) for a, b in zip(*at, strict=True)]
    raise AssertionError


def alpha_min(E: F, c: list[F]) -> list[F]:
    n, least = len(c), min(c)
    if n * least >= E:
        return [E / n] * n
    rest = sum(c) - n * least
    return [least + (E - n * least) * (x - least) / rest for x in c]


def truncated_proportional(E: F, c: list[F]) -> list[F]:
    cut = [min(x, E) for x in c]
    return [E * x / sum(cut) for x in cut]


def adjusted_proportional(E: F, c: list[F]) -> list[F]:
    sure = [max(F(0), E - (sum(c) - x)) for x in c]
    rest = E - sum(sure)
    cut = [min(x - m, rest) for x, m in zip(c, sure, strict=True)]
    return [m + (rest * t / sum(cut) if rest else 0) for m, t in zip(sure, cut, strict=True)]


def minimal_overlap(E: F, c: list[F]) -> list[F]:
    if max(c) >= E:
        nested, above = [min(x, E) for x in c], [F(0)] * len(c)
    else:  # the level is on the segment where t + sum (c - t)+ crosses E
        points = sorted({F(0), *c})
        for low, high in itertools.pairwise(points):
            ends = [t + sum(max(x - t, F(0)) for x in c) for t in (low, high)]
            if ends[0] >= E >= ends[1] and ends[0] > ends[1]:
                level = low + (ends[0] - E) * (high - low) / (ends[0] - ends[1])
                break
        nested, above = [min(x, level) for x in c], [max(x - level, F(0)) for x in c]
    points = sorted({F(0), *nested})
    out = above
    for low, high in itertools.pairwise(points):
        here = [i for i, x in enumerate(nested) if x >= high]
        for i in here:
            out[i] += (high - low) / len(here)
    return out


def dominguez_thomson(E: F, c: list[F]) -> list[F]:
    out, rest, n = [F(0)] * len(c), E, len(c)
    while rest > E / 10**14:
        b = [min(x, rest) / n for x in c]
        out, c, rest = (
            [o + x for o, x in zip(out, b, strict=True)],
            [x - y for x, y in zip(c, b, strict=True)],
            rest - sum(b),
        )
        if rest and rest.denominator.bit_length() > 2000:  # the fractions grow with every round; 600 digits are enough
            rest, c = F(round(rest * 10**60), 10**60), [F(round(x * 10**60), 10**60) for x in c]
    return out


def average_of_awards(E: F, c: list[F]) -> list[F]:
    c_all, c = c, [x for x in c if x]
    n, volume, moment = len(c), F(0), [F(0)] * len(c)
    for inside in itertools.product((0, 1), repeat=n):
        left = E - sum(x for x, s in zip(c, inside, strict=True) if s)
        if left <= 0:
            continue
        face = (-1) ** sum(inside) * left ** (n - 1)
        volume += face
        moment = [m + face * (left / n + x * s) for m, x, s in zip(moment, c, inside, strict=True)]
    means = iter(m / volume for m in moment)
    return [next(means) if x else F(0) for x in c_all]


DEFINITIONS: dict[str, Rule] = {
    "reverse-talmud": halves(equal_losses, equal_awards),
    "piniles": halves(equal_awards, equal_awards),
    "constrained-egalitarian": constrained_egalitarian,
    "alpha-min": alpha_min,
    "truncated-proportional": truncated_proportional,
    "adjusted-proportional": adjusted_proportional,
    "minimal-overlap": minimal_overlap,
    "dominguez-thomson": dominguez_thomson,
    "average-of-awards": average_of_awards,
    "average-of-equal": lambda E, c: [(a + b) / 2 for a, b in zip(equal_awards(E, c), equal_losses(E, c), strict=True)],
}
SELF_DUAL = {
    "pro-rata", "talmud", "random-arrival", "reverse-talmud", "adjusted-proportional", "average-of-awards",
    "average-of-equal",
}  # fmt: skip
TRUNCATING = ("truncated-proportional", "adjusted-proportional", "minimal-overlap", "dominguez-thomson",
              "average-of-awards", "random-arrival")  # fmt: skip
BOUNDED = ("reverse-talmud", "piniles", "constrained-egalitarian", "alpha-min", "average-of-equal", "equal-sacrifice")
ALL = [*DEFINITIONS, "equal-sacrifice"]


def questions(count: int, most: int, seed: int) -> list[tuple[F, list[F]]]:
    """Whole and half numbers with ties and zeros, and thirds, in no particular order."""
    draw, out = random.Random(seed), []
    while len(out) < count:
        claims = [F(draw.choice([0, 1, 2, 2, 3, 5, 8, 12, F(7, 3)])) for _ in range(draw.randint(2, most))]
        total = sum(claims)
        part = draw.choice([F(1, 2), F(1, 7), F(9, 10), F(1, 20), F(draw.randint(1, 99), 100)])
        if total:
            out.append((total * part, claims))
    return out


@pytest.mark.parametrize("name", DEFINITIONS)
def test_rules_are_their_definitions_in_fractions(name: str) -> None:
    most, count = (4, 25) if name == "dominguez-thomson" else (6, 80)
    for E, c in questions(count, most, seed=len(name)):
        exact = [float(x) for x in DEFINITIONS[name](E, c)]
        assert math.fsum(exact) == pytest.approx(float(E), rel=1e-13)
        answer = ao.allocate(problem(float(E), [float(x) for x in c]), name).verify(1e-9)
        np.testing.assert_allclose(answer.paid, exact, rtol=1e-11, atol=1e-12 * float(E), err_msg=f"{E} {c}")


@pytest.mark.parametrize("name", ALL)
def test_the_payout_reading_is_the_dual(name: str) -> None:
    for E, c in questions(20, 6, seed=3):
        asked = problem(float(E), [float(x) for x in c])
        left = asked.replace(loss=asked.capacity - asked.loss)
        payout = ao.allocate(asked, name, reading="payout").verify(1e-9).paid
        np.testing.assert_allclose(payout, asked.caps - ao.allocate(left, name).paid, atol=1e-11 * asked.capacity)
    asked = problem(7.0, [1.0, 4.0, 6.0, 9.0])
    same = np.allclose(ao.allocate(asked, name).paid, ao.allocate(asked, name, reading="payout").paid, atol=1e-9)
    assert same == (name in SELF_DUAL)


@pytest.mark.parametrize("name", sorted(SELF_DUAL))
def test_self_dual_rules_give_half_of_half(name: str) -> None:
    claims = [1.0, 4.0, 6.0, 9.0]
    np.testing.assert_allclose(ao.allocate(problem(10.0, claims), name).paid, np.array(claims) / 2, rtol=1e-12)


@pytest.mark.parametrize(
    "name", ["talmud", "random-arrival", "minimal-overlap", "adjusted-proportional", "average-of-awards"]
)
def test_two_claimants_concede_and_divide(name: str) -> None:
    """What the other does not claim is conceded; the rest is halved (Mishnah Bava Metzia 2a)."""
    for E, c in questions(40, 2, seed=5):
        sure = [max(F(0), E - c[1]), max(F(0), E - c[0])]
        expected = [float(m + (E - sum(sure)) / 2) if x else 0.0 for m, x in zip(sure, c, strict=True)]
        paid = ao.allocate(problem(float(E), [float(x) for x in c]), name).paid
        np.testing.assert_allclose(paid, expected, atol=1e-12 * float(E))


def test_families_meet_their_members() -> None:
    for E, c in questions(30, 6, seed=7):
        asked, half = problem(float(E), [float(x) for x in c]), problem(float(E), [float(x) / 2 for x in c])
        pairs = [
            (("tal-family", {"theta": 1.0}), ("constrained-equal-awards", {})),
            (("tal-family", {"theta": 0.0}), ("constrained-equal-losses", {})),
            (("equal-sacrifice", {"rra": 0.0}), ("constrained-equal-awards", {})),
            (("equal-sacrifice", {"rra": 1.0}), ("pro-rata", {})),
        ]
        for (first, chosen), (second, other) in pairs:
            left, right = (ao.allocate(asked, name, **p).paid for name, p in ((first, chosen), (second, other)))
            np.testing.assert_allclose(left, right, atol=1e-11 * asked.loss)
        if asked.loss <= half.capacity:
            below = ao.allocate(half, "constrained-equal-awards").paid
            for name in ("talmud", "piniles", "constrained-egalitarian"):
                np.testing.assert_allclose(ao.allocate(asked, name).paid, below, atol=1e-12 * asked.loss)


def test_minimal_overlap_is_the_shapley_value_of_the_airport_game() -> None:
    """While the largest claim reaches the amount; by all orders of arrival, each paying what it adds to the maximum."""
    for E, c in questions(15, 5, seed=11):
        if max(c) < E:
            continue
        cut, total = [min(x, E) for x in c], [F(0)] * len(c)
        for order in itertools.permutations(range(len(c))):
            built = F(0)
            for i in order:
                total[i] += max(cut[i] - built, F(0))
                built = max(built, cut[i])
        expected = [float(x / math.factorial(len(c))) for x in total]
        paid = ao.allocate(problem(float(E), [float(x) for x in c]), "minimal-overlap").paid
        np.testing.assert_allclose(paid, expected, atol=1e-13 * float(E))


def test_adjusted_proportional_is_the_tau_value_of_the_claims_game() -> None:
    """Between minimal rights and what each adds to all the others, at the point that adds up."""
    for E, c in questions(30, 6, seed=13):
        n, total = len(c), sum(c)
        low = [max(F(0), E - (total - x)) for x in c]
        high = [E - max(F(0), E - x) for x in c]
        spread = sum(high) - sum(low)
        part = (E - sum(low)) / spread if spread else F(0)
        tau = [float(low[i] + part * (high[i] - low[i])) for i in range(n)]
        paid = ao.allocate(problem(float(E), [float(x) for x in c]), "adjusted-proportional").paid
        np.testing.assert_allclose(paid, tau, atol=1e-12 * float(E))


@pytest.mark.parametrize("rra", [0.0, 0.4, 1.0, 1.0 + 1e-9, 2.0, 5.0, 20.0])
@pytest.mark.parametrize("reading", ["burden", "payout"])
def test_sacrifices_are_equal(rra: float, reading: str) -> None:
    for part in (1e-6, 0.2, 0.5, 0.97):
        claims = np.array([0.5, 2.0, 3.0, 3.0, 8.0])
        asked = problem(part * claims.sum(), claims)
        answer = ao.allocate(asked, "equal-sacrifice", rra=rra, reading=reading).verify(1e-9)
        given = answer.paid if reading == "burden" else claims - answer.paid
        kept = (claims - given) / claims.max()
        with np.errstate(divide="ignore"):
            utility = [
                np.log(z) if abs(rra - 1) < 1e-6 else (z ** (1 - rra) - 1) / (1 - rra)
                for z in (claims / claims.max(), kept)
            ]
        inside = kept > 1e-9
        lost = claims.max() * (utility[0] - utility[1])[inside]
        if rra <= 5:  # beyond, the utilities of the small are the difference of numbers too large for this check
            assert np.ptp(lost) <= 1e-6 * lost.max() + 1e-9
            assert abs(answer.price) == pytest.approx(lost.max(), rel=1e-6, abs=1e-9)


def test_risk_aversion_is_the_dial_from_equal_bills_to_equal_remainders() -> None:
    asked = problem(10.0, [2.0, 4.0, 7.0, 8.0])
    rates = {rra: ao.allocate(asked, "equal-sacrifice", rra=rra).burden("claim").to_numpy() for rra in (0.5, 1.0, 3.0)}
    assert (np.diff(rates[0.5]) < 0).all() and np.allclose(np.diff(rates[1.0]), 0) and (np.diff(rates[3.0]) > 0).all()
    steep = ao.allocate(asked, "equal-sacrifice", rra=20).paid
    np.testing.assert_allclose(steep, ao.allocate(asked, "constrained-equal-losses").paid, atol=1e-3)


@pytest.mark.parametrize("rra", [0.0, 0.5, 1.0, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("reading", ["burden", "payout"])
def test_the_program_of_equal_sacrifice(rra: float, reading: str) -> None:
    """Same shares by cone solver; the price is the slope of the program's own cost."""
    rule, asked = ao.scheme("equal-sacrifice", rra=rra, reading=reading), problem(10.0, [2.0, 4.0, 0.0, 7.0, 8.0])
    answer, program = rule.allocate(asked), rule.allocate(asked, by="program").verify(1e-9)
    np.testing.assert_allclose(program.paid, answer.paid, atol=1e-9)
    np.testing.assert_allclose(rule.program(asked).solve().x, answer.paid, atol=1e-3)
    assert program.price == pytest.approx(answer.price, rel=1e-8)

    def cost(loss: float) -> float:
        posed = rule.program(asked)
        posed.x.value = rule.allocate(asked.replace(loss=loss)).paid / posed.unit
        with np.errstate(invalid="ignore"):
            return float(posed.objective.value) * posed.unit * posed.price_unit

    if rra != 0.0 and rra != 0.5:  # at a full cap the power of zero plus rounding is not a number
        assert (cost(10.001) - cost(9.999)) / 0.002 == pytest.approx(answer.price, rel=1e-5)


@pytest.mark.parametrize("name", TRUNCATING)
def test_claims_beyond_the_loss_count_as_the_loss(name: str) -> None:
    endless, cut = problem(9.0, [2.0, math.inf, 7.0, math.inf]), problem(9.0, [2.0, 9.0, 7.0, 9.0])
    np.testing.assert_allclose(ao.allocate(endless, name).verify().paid, ao.allocate(cut, name).paid, atol=1e-12)
    if name not in SELF_DUAL or name == "adjusted-proportional":
        with pytest.raises(ao.DataError, match="payer 'c1' has none"):
            ao.allocate(endless, name, reading="payout")


@pytest.mark.parametrize("name", BOUNDED)
def test_rules_that_measure_against_the_cap_need_one(name: str) -> None:
    for by in ("auto", "program"):
        with pytest.raises(ao.DataError, match=r"payer 'c1' has none .* finite caps"):
            ao.allocate(problem(9.0, [2.0, math.inf, 7.0]), name, by=by)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("reading", ["burden", "payout"])
def test_many_at_once_are_one_by_one(name: str, reading: str) -> None:
    rng = np.random.default_rng(17)
    caps = rng.integers(0, 9, (30, 5)).astype(float)
    losses = caps.sum(axis=1) * rng.choice([0.0, 0.2, 0.5, 0.8, 1.0, 1.4], 30)
    together = ao.allocate_many(name, losses, None, caps, reading=reading)
    for row, loss, cap in zip(together, losses, caps, strict=True):
        alone = ao.allocate(problem(loss, cap), name, reading=reading)
        np.testing.assert_allclose(row, alone.paid, rtol=1e-10, atol=1e-12 * (loss or 1.0))


@pytest.mark.parametrize("name", ALL)
def test_nobody_and_one(name: str) -> None:
    for reading in ("burden", "payout"):
        nobody = ao.allocate(problem(3.0, []), name, reading=reading).verify()
        assert nobody.residual == 3.0 and not len(nobody.paid)
        for loss in (0.0, 2.0, 5.0, 7.0):
            one = ao.allocate(problem(loss, [5.0]), name, reading=reading).verify()
            np.testing.assert_allclose([*one.paid, one.residual], [min(loss, 5.0), max(loss - 5.0, 0.0)])
    with pytest.raises(ao.DataError, match="reading is 'award'"):
        ao.scheme(name, reading="award")


def test_the_average_of_awards_of_many_is_a_conditional_mean() -> None:
    rng = np.random.default_rng(19)
    for n, part in itertools.product((9, 13, 14), (0.002, 0.3, 0.5, 0.9)):
        claims = rng.lognormal(0, 1.5, n)
        amount = part * float(claims.sum())
        series = conditional_means(amount, claims)
        assert series is not None
        np.testing.assert_allclose(series, centroid_by_corners(amount, claims), rtol=1e-11, atol=1e-13 * amount)
    wide = problem(400.0, rng.lognormal(0, 1.0, 600))
    exact = ao.allocate(wide, "average-of-awards").verify(1e-10)
    drawn = ao.allocate(wide, "average-of-awards", way="sampled", seed=1, draws=2000)
    error = drawn.extras["standard_error"].to_numpy()
    assert np.abs((drawn.paid - exact.paid) / error).max() < 5 and not drawn.certificate.holds(1e-6)
    assert drawn.certificate.dual == 0 and 0 < drawn.certificate.gap < 0.01
    again = ao.allocate(wide, "average-of-awards", way="sampled", seed=1, draws=2000)
    np.testing.assert_array_equal(drawn.paid, again.paid)


def test_the_average_of_awards_says_when_only_sampling_helps() -> None:
    asked = problem(1.0, [1.0, 1.0, *[1e-12] * 30])
    with pytest.raises(ao.DataError, match="way='sampled'"):
        ao.allocate(asked, "average-of-awards")
    drawn = ao.allocate(asked, "average-of-awards", way="sampled", seed=2)
    np.testing.assert_allclose(drawn.paid[:2], 0.5, atol=5 * drawn.extras["standard_error"].max())
    for wrong in ({"way": "guess"}, {"draws": 1}, {"draws": 2.5}):
        with pytest.raises(ao.DataError, match="expected"):
            ao.scheme("average-of-awards", **wrong)


@pytest.mark.parametrize("rra", [-1.0, 21.0, math.nan, "2", True])
def test_risk_aversion_out_of_range_is_refused(rra: Any) -> None:
    with pytest.raises(ao.DataError, match="rra is"):
        ao.scheme("equal-sacrifice", rra=rra)


def test_the_definitions_notice_a_wrong_rule() -> None:
    """The comparison above would catch a rule that is another one."""
    wrong = 0
    for E, c in questions(10, 5, seed=23):
        paid = ao.allocate(problem(float(E), [float(x) for x in c]), "pro-rata").paid
        wrong += not np.allclose(paid, [float(x) for x in DEFINITIONS["piniles"](E, c)], rtol=1e-11)
    assert wrong >= 5
