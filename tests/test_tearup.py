"""Tear-up: pro rata as JSCC has it, cheapest first, least disturbance across contracts, whole lots; each proven."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocopt as ao
from allocopt.errors import CertificateError, DataError
from allocopt.mechanisms.torn import TearUp

HELD = pd.Series({"A": 40.0, "B": 10.0, "C": 10.0})
BOOK = pd.DataFrame({"gas": [40.0, 10.0, 10.0, 0.0], "oil": [0.0, 20.0, 10.0, 30.0]}, index=list("ABCD"))
WANTED = pd.Series({"gas": 30.0, "oil": 24.0})
MOVES = pd.DataFrame({"gas": [4.0, 1.5], "oil": [1.5, 1.0]}, index=["gas", "oil"])


def assert_stands(torn: TearUp, tol: float = 1e-7) -> None:
    """What can be closed is closed, nobody beyond what it holds, and the certificate holds."""
    unit = np.where(torn.wanted > 0, torn.wanted, 1.0)
    target = np.minimum(torn.wanted, torn.held.sum(axis=0))
    assert (np.abs(torn.torn.sum(axis=0) - target) <= 1e-9 * unit).all()
    assert (torn.torn >= 0).all() and (torn.torn <= torn.held * (1 + 1e-12)).all()
    assert np.allclose(torn.open, torn.wanted - target, atol=1e-9 * unit.max())
    torn.verify(tol)


def test_the_check_sees_too_little_closed() -> None:
    torn = ao.tear_up(30, HELD)
    with pytest.raises(AssertionError):
        assert_stands(dataclasses.replace(torn, torn=torn.torn * 0.9))


def test_the_certificate_sees_a_division_that_is_not_the_best() -> None:
    from allocopt.mechanisms.torn import box_certificate

    Q, q = np.array([30.0]), HELD.to_numpy()[:, None]
    other = np.array([[18.0], [6.0], [6.0]])
    assert not box_certificate(Q, q, other, other / q, np.array([0.5]), "").holds(1e-3)
    assert not box_certificate(Q, q, other[:, ::-1] * 1.1, other / q, np.array([0.5]), "").holds(1e-3)


# Degenerate first.


@pytest.mark.parametrize("method", ["pro-rata", "linear", "quadratic", "lots"])
def test_nothing_to_close_nobody_to_close_with_and_too_few_are_ordinary(method: str) -> None:
    extra: dict[str, Any] = {"cost": 1.0} if method == "linear" else {}
    none = ao.tear_up(0.0, HELD, method, **extra)
    assert none.closed.eq(0).all() and none.residual == 0.0
    nobody = ao.tear_up(5.0, HELD.iloc[:0], method, **extra)
    assert nobody.residual == 5.0 and len(nobody.closed) == 0
    idle = ao.tear_up(5.0, HELD * 0, method, **extra)
    assert idle.residual == 5.0 and idle.closed.eq(0).all()
    short = ao.tear_up(100.0, HELD, method, **extra)
    assert short.closed.equals(HELD.rename("closed")) and short.residual == 40.0 and short.left.eq(0).all()
    alone = ao.tear_up(3.0, HELD.iloc[:1], method, **extra)
    assert alone.closed.to_list() == [3.0]
    for torn in (none, nobody, idle, short, alone):
        assert_stands(torn)


def test_with_a_covariance_the_same_is_ordinary() -> None:
    for book, wanted in ((BOOK, WANTED * 0), (BOOK.iloc[:0], WANTED), (BOOK * 0, WANTED), (BOOK, WANTED * 9)):
        assert_stands(ao.tear_up(wanted, book, "quadratic", covariance=MOVES))


@pytest.mark.parametrize("scale", [1e-9, 1e12])
def test_the_unit_of_quantity_does_not_matter(scale: float) -> None:
    for method, extra in (("pro-rata", {}), ("linear", {"cost": [2.0, 1.0, 5.0]}), ("quadratic", {})):
        one, other = ao.tear_up(30, HELD, method, **extra), ao.tear_up(30 * scale, HELD * scale, method, **extra)
        assert np.allclose(other.closed, one.closed * scale, rtol=1e-12)
        assert_stands(other)
    one, other = (ao.tear_up(WANTED * s, BOOK * s, "quadratic", covariance=MOVES) for s in (1.0, scale))
    assert np.allclose(other.closed, one.closed * scale, rtol=1e-6, atol=1e-9 * scale)
    assert_stands(other)


# Pro rata.


def test_pro_rata_is_the_published_ratio_contract_by_contract() -> None:
    assert ao.tear_up(30, HELD).closed.to_dict() == {"A": 20.0, "B": 5.0, "C": 5.0}
    torn = ao.tear_up(WANTED, BOOK)
    assert np.allclose(torn.closed, BOOK * (WANTED / BOOK.sum()))
    assert torn.residual.to_dict() == {"gas": 0.0, "oil": 0.0}
    assert_stands(torn)


def test_the_quadratic_form_is_pro_rata_for_one_contract_and_without_a_covariance() -> None:
    assert np.allclose(ao.tear_up(30, HELD, "quadratic").closed, ao.tear_up(30, HELD).closed)
    assert np.allclose(ao.tear_up(WANTED, BOOK, "quadratic").closed, ao.tear_up(WANTED, BOOK).closed)
    one = ao.tear_up(WANTED[["gas"]], BOOK[["gas"]], "quadratic", covariance=[[9.0]])
    assert np.allclose(one.closed, ao.tear_up(WANTED[["gas"]], BOOK[["gas"]]).closed, rtol=1e-7)


def test_stated_sizes_close_at_one_rate_up_to_what_each_holds() -> None:
    torn = ao.tear_up(30, HELD, "quadratic", weight=[1.0, 1.0, 1.0])
    assert torn.closed.to_dict() == {"A": 10.0, "B": 10.0, "C": 10.0}
    more = ao.tear_up(42, HELD, "quadratic", weight=[1.0, 1.0, 1.0])
    assert more.closed.to_dict() == {"A": 22.0, "B": 10.0, "C": 10.0} and more.price == 22.0
    assert_stands(more)


# Linear.


def test_the_cheapest_positions_go_first_and_equals_share() -> None:
    torn = ao.tear_up(35, HELD, "linear", cost=pd.Series({"A": 2.0, "B": -1.0, "C": 2.0}))
    assert torn.closed.to_dict() == {"A": 20.0, "B": 10.0, "C": 5.0} and torn.price == 2.0
    assert_stands(torn)


@given(
    st.lists(st.tuples(st.floats(0, 20), st.sampled_from([-1.0, 0.0, 1.0, 2.5])), min_size=1, max_size=6),
    st.floats(0.01, 60),
)
def test_the_linear_form_costs_what_a_linear_program_costs(rows: list[tuple[float, float]], wanted: float) -> None:
    from scipy.optimize import linprog

    held = pd.Series([h for h, _ in rows])
    cost = np.array([c for _, c in rows])
    torn = ao.tear_up(wanted, held, "linear", cost=cost)
    assert_stands(torn)
    target = min(wanted, held.sum())
    best = linprog(cost, A_eq=np.ones((1, len(cost))), b_eq=[target], bounds=[(0, h) for h in held])
    assert cost @ torn.closed.to_numpy() == pytest.approx(best.fun, abs=1e-6)


# Quadratic, across contracts.


def disturbance(t: np.ndarray, S: np.ndarray, w: np.ndarray) -> float:
    return float((np.einsum("ik,kl,il->i", t, S, t) / w).sum() / 2)


def test_independent_contracts_are_divided_each_by_size() -> None:
    variances = np.diag([4.0, 1.0])
    torn = ao.tear_up(WANTED, BOOK, "quadratic", covariance=variances)
    size = BOOK.to_numpy() @ np.array([2.0, 1.0])
    for contract in BOOK:
        alone = ao.tear_up(WANTED[contract], BOOK[contract], "quadratic", weight=size)
        assert np.allclose(torn.closed[contract], alone.closed, rtol=1e-7, atol=1e-7)


def test_a_hedged_book_takes_more_of_both_legs() -> None:
    book = pd.DataFrame({"near": [10.0, 10.0], "far": [10.0, 0.0]}, index=["spread", "outright"])
    moves = np.array([[1.0, 0.9], [0.9, 1.0]])
    wanted = pd.Series({"near": 10.0, "far": 5.0})
    hedge = ao.tear_up(wanted, book, "quadratic", covariance=moves, side=pd.Series({"near": 1, "far": -1}), weight=1.0)
    adds = ao.tear_up(wanted, book, "quadratic", covariance=moves, weight=1.0)
    # 5 of the far leg are forced on the spread trader. As a hedge that calls for more of the near leg, else for less.
    assert hedge.closed.loc["spread", "far"] == adds.closed.loc["spread", "far"] == 5.0
    assert hedge.closed.loc["spread", "near"] == pytest.approx(5.0 + 0.9 * 5.0 / 2)
    assert adds.closed.loc["spread", "near"] == pytest.approx(5.0 - 0.9 * 5.0 / 2)


@st.composite
def books(draw: Any) -> tuple[pd.Series, pd.DataFrame, np.ndarray, np.ndarray]:
    n, K = draw(st.integers(2, 5)), draw(st.integers(1, 3))
    seed = draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    book = pd.DataFrame(rng.integers(0, 30, size=(n, K)).astype(float) + (rng.random((n, K)) < 0.1))
    book.iloc[:, 0] += 1.0
    root = rng.normal(size=(K, K)) + np.eye(K)
    side = rng.choice([-1.0, 1.0], size=K)
    return book.sum() * rng.uniform(0.1, 1.1, size=K), book, root @ root.T, side


@settings(max_examples=20)
@given(books())
def test_no_other_division_disturbs_the_books_less(case: tuple[Any, ...]) -> None:
    """Against a second solver, and against random divisions that are feasible."""
    from scipy.optimize import minimize

    wanted, book, moves, side = case
    torn = ao.tear_up(wanted, book, "quadratic", covariance=moves, side=side)
    assert_stands(torn, 1e-6)
    q, S = book.to_numpy(), moves * np.outer(side, side)
    w = np.maximum(q @ np.sqrt(np.diag(moves)), 1e-300)
    own = disturbance(torn.torn, S, w)
    start = torn.torn + 0.05 * (q * np.minimum(1.0, wanted.to_numpy() / np.maximum(q.sum(axis=0), 1e-300)) - torn.torn)
    assert own <= disturbance(start, S, w) * (1 + 1e-9)
    target = np.minimum(wanted.to_numpy(), q.sum(axis=0))
    found = minimize(
        lambda t: disturbance(t.reshape(q.shape), S, w), start.ravel(),
        jac=lambda t: (t.reshape(q.shape) @ S / w[:, None]).ravel(), method="SLSQP", bounds=[(0, h) for h in q.ravel()],
        constraints=[{"type": "eq", "fun": lambda t: t.reshape(q.shape).sum(axis=0) - target,
                      "jac": lambda t: np.tile(np.eye(q.shape[1]), q.shape[0])}],
        options={"maxiter": 300, "ftol": 1e-12},
    )  # fmt: skip
    feasible = np.abs(found.x.reshape(q.shape).sum(axis=0) - target).max() < 1e-6 * (1 + target.max())
    if found.success and feasible:
        assert own == pytest.approx(found.fun, rel=1e-5, abs=1e-9)


def test_the_price_is_what_one_more_unit_costs() -> None:
    size = BOOK.to_numpy() @ np.sqrt(np.diag(MOVES))
    S, step = MOVES.to_numpy(), 1e-3
    base = ao.tear_up(WANTED, BOOK, "quadratic", covariance=MOVES)
    for contract in WANTED.index:
        more = WANTED.copy()
        more[contract] += step
        other = ao.tear_up(more, BOOK, "quadratic", covariance=MOVES)
        slope = (disturbance(other.torn, S, size) - disturbance(base.torn, S, size)) / step
        assert base.price[contract] == pytest.approx(slope, rel=1e-3)


def test_a_singular_covariance_is_solved_and_said() -> None:
    torn = ao.tear_up(WANTED, BOOK, "quadratic", covariance=[[1.0, 1.0], [1.0, 1.0]])
    assert_stands(torn, 1e-6)
    assert "singular" in torn.notes[0]


# Lots.


def nearest(wanted: int, held: list[float], lots: list[int]) -> tuple[int, float]:
    """The most that lots can close and the least distance to pro rata, by looking at every division."""
    q = np.array(held)
    fair = q * min(wanted / q.sum(), 1.0) if q.sum() else q
    best: tuple[int, float] = (-1, 0.0)
    for count in itertools.product(*(range(int(h // lot) + 1) for h, lot in zip(held, lots, strict=True))):
        closed = np.array(count) * lots
        if closed.sum() <= wanted:
            best = max(best, (int(closed.sum()), -float(np.abs(closed - fair).sum())))
    return best[0], -best[1]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from([1, 2, 3])), min_size=1, max_size=4), st.integers(0, 25))
def test_lots_close_the_most_and_then_come_nearest_to_pro_rata(rows: list[tuple[int, int]], wanted: int) -> None:
    held, lots = [float(h) + 0.5 for h, _ in rows], [lot for _, lot in rows]
    torn = ao.tear_up(wanted, pd.Series(held), "lots", lot=lots)
    closed = torn.closed.to_numpy()
    most, distance = nearest(wanted, held, lots)
    fair = np.array(held) * min(wanted / sum(held), 1.0)
    assert closed.sum() == most and torn.residual == wanted - most
    assert np.abs(closed - fair).sum() == pytest.approx(distance, abs=1e-6)
    assert (closed % lots == 0).all() and (closed <= held).all()
    torn.verify(1e-9)


def test_lots_of_one_size_agree_with_the_integer_program_and_round_pro_rata() -> None:
    from allocopt.mechanisms.tearup_lots import _mixed, _one_size

    q = np.array([40.0, 10.0, 10.0, 7.0])
    exact, _ = _one_size(31.0, q, 1.0)
    program, proof = _mixed(31.0, q, np.ones(4))
    fair = q * 31 / q.sum()
    assert exact.tolist() == [18.0, 5.0, 5.0, 3.0] and proof.holds(1e-9)
    assert np.abs(exact - fair).sum() == pytest.approx(np.abs(program - fair).sum())
    assert (np.abs(exact - fair) < 1).all()


def test_lots_are_read_as_the_decimals_that_were_written() -> None:
    torn = ao.tear_up(0.3, pd.Series([0.3, 0.3]), "lots", lot=0.1)
    assert torn.closed.to_list() == pytest.approx([0.2, 0.1]) and torn.residual == 0.0
    assert ao.tear_up(2.5, pd.Series([9.0]), "lots").residual == 0.5
    big = ao.tear_up(1e12, pd.Series([1e12, 1e12]), "lots")
    assert big.closed.sum() == 1e12
    with pytest.raises(DataError, match="too many to count"):
        ao.tear_up(1e12, pd.Series([1e12, 1e12]), "lots", lot=[1.0, 2.0])


def test_where_truncated_positions_leave_room_only_with_one_survivor_it_takes_several_lots() -> None:
    torn = ao.tear_up(22, pd.Series([1.9] * 5 + [20.0]), "lots")
    assert torn.closed.to_list() == [1.0] * 5 + [17.0] and torn.residual == 0.0


# What a reader sees.


def test_a_survivor_can_see_why() -> None:
    words = ao.tear_up(WANTED, BOOK).explain("B")
    assert "B closes 5 of gas, closed in proportion" in words and "8 of oil" in words
    assert "3 survivors" in repr(ao.tear_up(30, HELD)) and "left open" in repr(ao.tear_up(300, HELD))
    with pytest.raises(DataError, match="no survivor is called 'Z'"):
        ao.tear_up(30, HELD).explain("Z")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quantity": -1.0}, "quantity is -1"),
        ({"quantity": float("nan")}, "quantity is NaN"),
        ({"quantity": "x"}, "not a number"),
        ({"quantity": 1e-300}, "too close to zero"),
        ({"quantity": WANTED * 1e-300, "opposite": BOOK}, "quantity: 'gas' is too close to zero"),
        ({"quantity": WANTED}, "give opposite as a DataFrame"),
        ({"opposite": HELD.mul(-1)}, "is -40"),
        ({"opposite": [1.0]}, "opposite is a list"),
        ({"opposite": pd.Series([1.0, 2.0], index=["A", "A"])}, "survivor 'A' occurs more than once"),
        ({"opposite": BOOK}, "give a Series by contract"),
        ({"opposite": BOOK, "quantity": WANTED[["gas"]]}, "quantity has no contract 'oil'"),
        ({"opposite": BOOK[["gas"]], "quantity": WANTED}, "opposite has no contract 'oil'"),
        ({"method": "fair"}, "no method is called 'fair'"),
        ({"cost": 1.0}, "cost belongs to method 'linear'"),
        ({"method": "linear"}, "needs cost"),
        ({"method": "linear", "cost": [1.0, float("nan"), 1.0]}, "'B' is NaN"),
        ({"method": "linear", "cost": BOOK}, "there is one contract"),
        ({"method": "quadratic", "weight": [1.0, 0.0, 1.0]}, "weight: 'B' is 0"),
        ({"method": "quadratic", "side": [1.0]}, "needs a covariance"),
        ({"method": "quadratic", "covariance": [[1.0]]}, "between contracts"),
        ({"method": "lots", "lot": 0.0}, "lot: 'A' is 0"),
    ],
)
def test_bad_input_gets_one_clear_line(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        ao.tear_up(**{"quantity": 30.0, "opposite": HELD, **change})


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"covariance": [[1.0, 0.0]]}, "expected 2 x 2"),
        ({"covariance": [[1.0, 0.5], [0.0, 1.0]]}, "not symmetric"),
        ({"covariance": [[1.0, 2.0], [2.0, 1.0]]}, "negative eigenvalue -1"),
        ({"covariance": MOVES.loc[["gas"], ["gas"]]}, "no contract 'oil'"),
        ({"covariance": MOVES, "side": [1.0, 0.5]}, "give [+]1"),
        ({"covariance": [[float("nan"), 0.0], [0.0, 1.0]]}, "is NaN"),
        ({"covariance": np.zeros((2, 2))}, "risk of zero"),
    ],
)
def test_a_bad_covariance_gets_one_clear_line(extra: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        ao.tear_up(WANTED, BOOK, "quadratic", **extra)


def test_costs_by_survivor_and_contract_are_read_by_name() -> None:
    cost = pd.DataFrame({"oil": [1.0, 3.0, 2.0, 1.0], "gas": [5.0, 1.0, 1.0, 1.0]}, index=list("ABCD"))
    torn = ao.tear_up(WANTED, BOOK, "linear", cost=cost)
    assert torn.closed["gas"].to_list() == [10.0, 10.0, 10.0, 0.0] and torn.closed["oil"].to_list() == [0, 0, 0, 24.0]
    assert torn.price.to_dict() == {"gas": 5.0, "oil": 1.0}
    with pytest.raises(DataError, match="no entry for 'oil'"):
        ao.tear_up(WANTED, BOOK, "linear", cost=cost[["gas"]])


def test_an_answer_that_does_not_stand_is_not_let_through() -> None:
    torn = ao.tear_up(30, HELD)
    from allocopt.mechanisms.torn import box_certificate

    bad = box_certificate(torn.wanted, torn.held, torn.torn[::-1], torn.torn / torn.held, np.array([0.5]), "")
    with pytest.raises(CertificateError, match="does not stand"):
        dataclasses.replace(torn, proof=bad).verify()


def test_equal_remainders_go_to_the_earlier_row() -> None:
    assert ao.tear_up(2, pd.Series({"A": 1.0, "B": 1.0, "C": 1.0}), "lots").closed.to_list() == [1.0, 1.0, 0.0]
