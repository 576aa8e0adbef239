"""Rules in fractions: the same lines as in floats give the same shares without rounding, and known answers exactly."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocopt as ao
from allocopt.judgement.axioms import divider, exact_divider
from allocopt.maths.exact import Ratio, clear_exactly, ratios, read
from allocopt.maths.price import Supply, clear
from allocopt.testing import question

EXACT = (
    "pro-rata", "constrained-equal-awards", "constrained-equal-losses", "talmud", "reverse-talmud", "tal-family",
    "piniles", "constrained-egalitarian", "average-of-equal", "adjusted-proportional", "truncated-proportional",
    "random-arrival", "minimal-overlap", "dominguez-thomson", "average-of-awards", "alpha-min",
)  # fmt: skip


def exactly(name: str, loss: Any, caps: Any, **parameters: Any) -> list[str]:
    shares = ao.scheme(name, **parameters).exact(Fraction(loss), tuple(map(Fraction, caps)))
    assert shares is not None
    return [str(share) for share in shares]


@pytest.mark.parametrize("reading", ["burden", "payout"])
@pytest.mark.parametrize("name", EXACT)
@settings(max_examples=15)
@given(caps=st.lists(st.integers(0, 9), min_size=1, max_size=5), part=st.sampled_from([0, 1, 2, 3, 5, 7, 8]))
def test_exact_shares_add_up_exactly_and_round_to_the_floats(
    name: str, reading: str, caps: list[int], part: int
) -> None:
    rule = ao.scheme(name, reading=reading)
    loss = Fraction(sum(caps) * part, 8)
    shares = rule.exact(loss, tuple(map(Fraction, caps)))
    assert shares is not None and sum(shares) == loss
    assert all(0 <= share <= cap for share, cap in zip(shares, caps, strict=True))
    floats = divider(rule)(np.array([float(loss)]), np.array([caps], dtype=float))[0]
    np.testing.assert_allclose(np.array(shares, dtype=float), floats, atol=1e-12)


def test_answers_that_are_known_by_hand() -> None:
    """The Talmud's own table, O'Neill's estate, and figures worked out on paper."""
    assert exactly("talmud", 200, (100, 200, 300)) == ["50", "75", "75"]
    assert exactly("random-arrival", 200, (100, 200, 300)) == ["100/3", "250/3", "250/3"]
    assert exactly("minimal-overlap", 120, (30, 40, 60, 120)) == ["15/2", "65/6", "125/6", "485/6"]
    assert exactly("average-of-awards", 200, (100, 200, 300)) == ["400/9", "700/9", "700/9"]
    assert exactly("dominguez-thomson", 10, (4, 20)) == ["13/4", "27/4"]
    assert exactly("tal-family", 4, (3, 6, 9), theta=1 / 3) == ["1", "3/2", "3/2"]
    assert exactly("alpha-min", 450, (100, 200, 300)) == ["100", "150", "200"]


def test_a_claim_of_zero_is_carried_through_the_recursion_and_the_centroid() -> None:
    """Zero claims count as heads in recursive lower bounds, whose rest is an infinite series, and nowhere else."""
    assert exactly("dominguez-thomson", 1, (0, 2, 2)) == ["0", "1/2", "1/2"]
    floats = ao.allocate(ao.LossProblem(3, question([0, 1, 4], 3).payers, cap="cap"), "dominguez-thomson")
    np.testing.assert_allclose([float(Fraction(x)) for x in exactly("dominguez-thomson", 3, (0, 1, 4))], floats.paid)
    assert exactly("average-of-awards", 1, (0, 0, 3)) == ["0", "0", "1"]


def test_rules_without_a_rational_face_say_so() -> None:
    assert ao.scheme("equal-sacrifice").exact(Fraction(1), (Fraction(1), Fraction(2))) is None
    assert ao.scheme("random-arrival", way="sampled").exact(Fraction(1), (Fraction(1), Fraction(2))) is None
    assert ao.scheme("pro-rata", key="fund").exact(Fraction(1), (Fraction(1), Fraction(2))) is None
    assert exact_divider(ao.scheme("equal-sacrifice")) is None


def test_ratios_stay_ratios_in_arrays_with_floats() -> None:
    third = ratios([1])[0] / 3
    for mixed in (third + 0.5, 0.5 + third, third - 0.5, 0.5 * third, third / 0.1, 1 - third, third % 0.25, -third):
        assert isinstance(mixed, Ratio)
    assert np.maximum(ratios([1, 2]) / 3, 0.5).tolist() == [0.5, Fraction(2, 3)]
    assert (ratios([0.1, 0.2]).sum()) == Fraction(3, 10)
    assert read(1 / 3) == Fraction(1, 3) and read(np.pi) == Fraction(np.pi)


def test_the_clearing_price_in_fractions_is_the_one_in_floats() -> None:
    """Steps, ties, plateaus, blocks that offer nothing: everything on a small grid."""
    for starts, weights in itertools.product(itertools.product((0, 1, 2), repeat=3), [(1, 1, 1), (1, 2, 0), (3, 1, 2)]):
        caps = (2, 1, 3)
        blocks = [np.array([row], dtype=float) for row in (starts, weights, caps)]
        exact = Supply(*(ratios(row)[None, :] for row in (starts, weights, caps)))
        total = sum(c for w, c in zip(weights, caps, strict=True) if w)
        for loss in (Fraction(k * total, 7) for k in range(8)):
            found = clear_exactly(loss, exact)
            assert sum(found) == loss
            np.testing.assert_allclose(found.astype(float), clear(float(loss), Supply(*blocks)).given[0], atol=1e-12)
