"""The program layer: scaled inside, certified outside, fallbacks told, no solver status believed."""

from __future__ import annotations

from types import SimpleNamespace

import cvxpy as cp
import numpy as np
import pandas as pd
import pytest

import allocopt as ao
from allocopt.maths import conic
from allocopt.maths.cones import violation
from allocopt.maths.program import Clause, Program


def question(n: int, scale: float, seed: int = 0) -> ao.LossProblem:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"fund": rng.lognormal(0, 1.5, n) * scale, "margin": rng.lognormal(0, 1, n)})
    return ao.LossProblem(0.4 * table["fund"].sum(), table, cap="fund")


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6, 1e9, 1e12])
def test_amounts_in_any_unit_are_solved_to_the_last_digits(scale: float) -> None:
    """Unscaled, Clarabel calls such programs infeasible from about 1e6 on."""
    problem = question(200, scale)
    for rule in (ao.scheme("pro-rata", key="margin"), ao.scheme("constrained-equal-losses"), ao.scheme("talmud")):
        program, exact = rule.allocate(problem, by="program").verify(1e-9), rule.allocate(problem)
        np.testing.assert_allclose(program.paid, exact.paid, rtol=1e-9, atol=1e-12 * problem.loss)


def test_polish_takes_two_thousand_payers_beyond_the_solvers_own_digits() -> None:
    problem = question(2000, 1e6)
    program = ao.allocate(problem, "constrained-equal-awards", by="program")
    exact = ao.allocate(problem, "constrained-equal-awards")
    assert np.abs(program.paid - exact.paid).max() < 1e-12 * problem.loss


def linear() -> Program:
    x = cp.Variable(3, name="x")
    clauses = (
        Clause("budget", [cp.sum(x) == 1], r"\sum_i x_i = 1", "one more unit"),
        Clause("floor", [x >= 0], "", "", 1.0, rows=np.arange(3)),
        Clause("cap", [x <= np.array([0.5, 0.4, 0.9])], "", "", rows=np.arange(3)),
    )
    return Program(np.array([1.0, 2.0, 4.0]) @ x, x, clauses, "c^\\top x")


def test_linear_programs_go_to_an_exact_vertex_and_prices_have_one_sign() -> None:
    answer = linear().solve()
    assert answer.solver == "HIGHS" and answer.trail == ()
    np.testing.assert_allclose(answer.x, [0.5, 0.4, 0.1], atol=1e-15)
    assert answer.prices["budget"] == pytest.approx(4.0)
    np.testing.assert_allclose(answer.prices["cap"], [-3.0, -2.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(linear().solve(("CLARABEL",)).prices["cap"], [-3.0, -2.0, 0.0], atol=1e-8)
    assert r"\sum_i x_i = 1" in linear().statement() and "min" in linear().statement()


def test_a_solver_that_fails_or_lies_is_passed_over_and_the_reason_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(program: conic.ConicProgram) -> object:
        raise MemoryError("out of luck")

    def lie(program: conic.ConicProgram) -> object:
        return "Solved", np.full(len(program.q), 9.0), np.full(len(program.b), 99.0)

    monkeypatch.setattr(conic, "polish", lambda program, x, z: (x, z))  # it would mend so small a lie
    monkeypatch.setitem(conic._BACKENDS, "HIGHS", crash)
    monkeypatch.setitem(conic._BACKENDS, "CLARABEL", lie)
    answer = linear().solve()
    np.testing.assert_allclose(answer.x, [0.5, 0.4, 0.1], atol=1e-7)
    assert answer.solver in ("PIQP", "OSQP")
    assert answer.trail[0] == "HIGHS failed: MemoryError: out of luck"
    assert answer.trail[1].startswith("CLARABEL said 'Solved' but its residuals are")
    problem = question(5, 1.0)
    told = ao.allocate(problem, "pro-rata", key="margin", by="program").verify()
    assert any("CLARABEL said" in note for note in told.notes)
    monkeypatch.setattr(conic, "_BACKENDS", {"CLARABEL": lie})
    with pytest.raises(ao.SolverError, match="no solver gave an answer that stands"):
        linear().solve(("CLARABEL",))


def test_an_unknown_solver_is_named() -> None:
    with pytest.raises(ao.SolverError, match="no solver is called 'MAGIC'"):
        ao.scheme("pro-rata").allocate(question(3, 1.0), by="program", solvers=("MAGIC",))


def test_every_solver_of_the_chain_gives_the_same_answer() -> None:
    problem = question(30, 1e8)
    rule = ao.scheme("pro-rata", key="margin")
    for solver in ("CLARABEL", "PIQP", "OSQP"):
        answer = rule.allocate(problem, by="program", solvers=(solver,)).verify(1e-9)
        assert answer.method == f"program ({solver})"
        np.testing.assert_allclose(answer.paid, rule.allocate(problem).paid, rtol=1e-9)


def test_curved_cones_are_judged_on_the_data() -> None:
    x = cp.Variable(3, name="x")
    clauses = (
        Clause("budget", [cp.sum(x) == 1], "", ""),
        Clause("floor", [x >= 0], "", "", 1.0, rows=np.arange(3)),
        Clause("spread", [cp.norm(x, 2) <= 0.7], "", ""),
        Clause("entropy", [cp.sum(cp.rel_entr(x, np.full(3, 1 / 3))) <= 0.25], "", ""),
    )
    answer = Program(np.array([1.0, 2.0, 4.0]) @ x, x, clauses, "").solve()
    assert answer.solver == "CLARABEL" and max(answer.residuals) < 1e-7
    binding = [np.linalg.norm(answer.x) - 0.7, (answer.x * np.log(3 * answer.x)).sum() - 0.25]
    assert max(binding) == pytest.approx(0.0, abs=1e-7)


def test_cone_violations_are_told_apart() -> None:
    soc = SimpleNamespace(soc=[3], exp=0, p3d=[])
    assert violation(np.array([5.0, 3.0, 4.0]), soc, dual=False) == 0
    assert violation(np.array([4.0, 3.0, 4.0]), soc, dual=False) == pytest.approx(1.0)
    exp = SimpleNamespace(soc=[], exp=1, p3d=[])
    assert violation(np.array([1.0, 1.0, np.e]), exp, dual=False) == pytest.approx(0.0, abs=1e-15)
    assert violation(np.array([1.0, 1.0, 2.0]), exp, dual=False) == pytest.approx(np.e - 2)
    assert violation(np.array([-1.0, 1.0, np.exp(-2.0)]), exp, dual=True) == pytest.approx(0.0, abs=1e-15)
    assert violation(np.array([-1.0, 1.0, 0.1]), exp, dual=True) > 0.03
    assert violation(np.array([1.0, 0.0, 0.0]), exp, dual=False) == 1.0
    power = SimpleNamespace(soc=[], exp=0, p3d=[0.5])
    assert violation(np.array([4.0, 1.0, 2.0]), power, dual=False) == 0
    assert violation(np.array([4.0, 1.0, 2.5]), power, dual=False) == pytest.approx(0.5)
    assert violation(np.array([2.0, 0.5, 2.0]), power, dual=True) == pytest.approx(0.0, abs=1e-15)
    unknown = SimpleNamespace(soc=[], exp=0, p3d=[])
    assert violation(np.array([1.0]), unknown, dual=False) == np.inf


def test_figures_of_any_origin_can_be_certified() -> None:
    problem = question(30, 1e6)
    rule = ao.scheme("pro-rata", key="margin")
    right = rule.allocate(problem)
    assert rule.certify(problem, right.rounded(2)).holds(1e-7)
    naive = np.minimum(problem.loss * problem.column("margin") / problem.column("margin").sum(), problem.caps)
    assert naive.sum() < problem.loss  # a cap binds, and nothing was spread again
    assert not rule.certify(problem, naive).holds()
    assert not rule.certify(problem, ao.allocate(problem, "talmud").shares).holds()
