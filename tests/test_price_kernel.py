"""The one-price kernel against exact rationals, and the compiled batch against the kernel row by row."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocopt as ao
from allocopt.maths.batch import clear_many
from allocopt.maths.price import Supply, clear, residuals

AMOUNT = st.one_of(st.sampled_from([0.0, 1.0, 2.0, 2.0, 5.0]), st.floats(0.01, 100.0))

# Below a millionth of capacity a price of order one no longer has the digits to tell such a loss from nothing.
PART = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(1e-6, 1.0))


def exact(loss: Fraction, start: list[Fraction], weight: list[Fraction], cap: list[Fraction]) -> list[Fraction]:
    """Walk the breakpoints in rational arithmetic; a second road to the same answer, with nothing to round."""
    points = sorted({*start, *(s + c / w for s, w, c in zip(start, weight, cap, strict=True))})

    def at(price: Fraction) -> list[Fraction]:
        rows = zip(start, weight, cap, strict=True)
        return [min(max(w * (price - s), Fraction(0)), c) for s, w, c in rows]

    for left, right in itertools.pairwise(points):
        low, high = sum(at(left)), sum(at(right))
        if low <= loss <= high and high > low:
            return at(left + (loss - low) * (right - left) / (high - low))
    return cap if loss > 0 else [Fraction(0)] * len(cap)


@given(st.lists(st.tuples(AMOUNT, st.floats(0.01, 100.0), st.floats(0.01, 100.0)), min_size=1, max_size=6), PART)
def test_the_kernel_is_exact(blocks: list[tuple[float, float, float]], part: float) -> None:
    start, weight, cap = (np.array(column) for column in zip(*blocks, strict=True))
    loss = part * cap.sum()
    supply = Supply(start[None], weight[None], cap[None])
    given_, price = clear(loss, supply)
    rationals = [[Fraction(v) for v in column] for column in zip(*blocks, strict=True)]
    expected = exact(Fraction(loss), *rationals)
    np.testing.assert_allclose(given_[0], [float(e) for e in expected], rtol=1e-11, atol=1e-12 * max(loss, 1e-300))
    assert max(residuals(loss, supply, given_[0], price)) < 1e-9


def test_the_exact_oracle_is_not_the_kernel_in_disguise() -> None:
    """A wrong answer is told apart: capped pro-rata without re-spreading loses money."""
    start, weight, cap = [Fraction(0)] * 2, [Fraction(1)] * 2, [Fraction(1), Fraction(9)]
    assert exact(Fraction(4), start, weight, cap) == [1, 3]
    supply = Supply(np.zeros((1, 2)), np.ones((1, 2)), np.array([[1.0, 9.0]]))
    assert residuals(4.0, supply, np.array([1.0, 2.0]), 2.0).primal > 0.1
    assert residuals(4.0, supply, np.array([1.0, 3.0]), 2.9).dual > 0.01


def test_weights_that_differ_by_eighteen_orders_of_magnitude() -> None:
    supply = Supply(np.zeros((1, 3)), np.array([[1e-9, 1.0, 1e9]]), np.array([[1.0, 1.0, 1.0]]))
    given_, price = clear(2.5, supply)
    assert given_.sum() == pytest.approx(2.5, rel=1e-15)
    assert given_[0, 0] == pytest.approx(0.5, rel=1e-12) and price == pytest.approx(5e8, rel=1e-12)


@settings(max_examples=40)
@given(st.integers(1, 6), st.integers(1, 2), st.integers(0, 2**31))
def test_every_row_of_a_batch_is_the_single_answer(n: int, blocks: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = 5
    start = np.cumsum(rng.integers(0, 3, (rows, blocks, n)) * 20.0, axis=1)
    weight = rng.choice([0.0, 1.0, 2.0, 7.5], (rows, blocks, n))
    cap = rng.choice([0.0, 1.0, 2.0, 10.0], (rows, blocks, n))
    losses = rng.choice([0.0, 0.3, 1.0, 1.7], rows) * np.where(weight > 0, cap, 0).sum(axis=(1, 2))
    together = clear_many(losses, Supply(start, weight, cap))
    for row in range(rows):
        alone = clear(losses[row], Supply(start[row], weight[row], cap[row])).given.sum(axis=0)
        np.testing.assert_allclose(together[row], alone, rtol=1e-12, atol=1e-12 * max(losses[row], 1e-300))
    fixed = clear_many(losses, Supply(start[0], weight[0], cap[0]))
    for row in range(rows):
        alone = clear(losses[row], Supply(start[0], weight[0], cap[0])).given.sum(axis=0)
        np.testing.assert_allclose(fixed[row], alone, rtol=1e-12, atol=1e-12 * max(losses[row], 1e-300))


BATCHED = [
    ("pro-rata", {}), ("pro-rata", {"reading": "payout"}), ("constrained-equal-awards", {}),
    ("constrained-equal-losses", {}), ("talmud", {}), ("tal-family", {"theta": 0.3}),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "parameters"), BATCHED)
@pytest.mark.parametrize("varying", [False, True])
def test_allocate_many_is_allocate(rule: str, parameters: dict[str, object], varying: bool) -> None:
    rng = np.random.default_rng(7)
    losses = np.array([0.0, 1.0, 5.0, 13.0, 99.0])
    shape = (5, 4) if varying else (4,)
    keys, caps = rng.uniform(0.5, 3, shape), rng.uniform(1, 9, shape)
    together = ao.allocate_many(rule, losses, keys, caps, **parameters)
    assert together.shape == (5, 4)
    for row, loss in enumerate(losses):
        key, cap = (keys[row], caps[row]) if varying else (keys, caps)
        table = _table(4)
        given_ = {**parameters, "key": key}
        alone = ao.allocate(ao.LossProblem(loss, table, cap=cap), rule, **given_).paid
        np.testing.assert_allclose(together[row], alone, rtol=1e-11, atol=1e-12)


def test_a_queue_in_a_batch() -> None:
    together = ao.allocate_many("queue", [60.0, 10.0], [1.0, 9.0, 9.0], [50.0, 30.0, 20.0])
    np.testing.assert_allclose(together, [[10.0, 30.0, 20.0], [0.0, 6.0, 4.0]])


def test_bad_batches_are_refused_with_the_row_and_the_payer() -> None:
    with pytest.raises(ao.DataError, match=r"caps: row 1, payer 0 is nan"):
        ao.allocate_many("pro-rata", [1.0, 2.0], [1.0], [[1.0], [float("nan")]])
    with pytest.raises(ao.DataError, match="3 rows for 2 losses"):
        ao.allocate_many("pro-rata", [1.0, 2.0], np.ones((3, 2)), [1.0, 1.0])
    with pytest.raises(ao.DataError, match="losses: row 0 is -1"):
        ao.allocate_many("pro-rata", [-1.0], [1.0], [1.0])
    with pytest.raises(ao.DataError, match="not a number"):
        ao.allocate_many("pro-rata", ["a"], [1.0], [1.0])
    with pytest.raises(ao.DataError, match="both None"):
        ao.allocate_many("pro-rata", [1.0], None, None)


def _table(n: int) -> object:
    import pandas as pd

    return pd.DataFrame(index=[f"payer {i}" for i in range(n)])
