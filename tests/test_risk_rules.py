"""Rules by contribution to risk: the values of the literature, two faces, signs, cores, and clear refusals."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import allocopt as ao
from allocopt.judgement.risk import expected_shortfall, var
from allocopt.maths.shortfall import mean_penalty, shortfall_amounts
from allocopt.maths.tails import coalition_risks
from allocopt.mechanisms.sharing import collect
from allocopt.pages.mathml import mathml
from allocopt.schemes.cost_gap import cost_gap_values
from allocopt.schemes.risk_rule import ContributionRule

RULES: dict[str, dict[str, Any]] = {
    "euler-es": {"level": 0.8},
    "euler-var": {"level": 0.8},
    "euler-std": {},
    "covariance": {},
    "haircut": {"level": 0.8},
    "with-without": {"level": 0.8},
    "cost-gap": {"level": 0.8},
    "aumann-shapley": {"theta": 0.1},
    "shortfall-risk": {"systemic": 0.5},
    "optimal-capital": {"level": 0.8, "policy": "program"},
}
# Rules whose values add up to the measure they split: (measure, level)
ADDING = {"euler-es": "es", "euler-var": "var", "euler-std": "std", "cost-gap": "es"}
# An interior point on a flat optimum: two posings of one question agree to about six digits. All else is exact.
ACCURACY = {"shortfall-risk": 5e-5}
NAMES = ["A", "B", "C", "D"]


def book(seed: int = 0, count: int = 60, n: int = 4) -> pd.DataFrame:
    """Profit and loss with a common factor and heavy tails; everybody adds to the joint risk."""
    rng = np.random.default_rng(seed)
    common = rng.standard_t(3, (count, 1))
    return pd.DataFrame(common * np.arange(1, n + 1) + rng.normal(size=(count, n)), columns=NAMES[:n])


def with_hedger(seed: int = 0) -> pd.DataFrame:
    """The last payer gains when the others lose."""
    out = book(seed)
    out["D"] = -0.5 * out["C"]
    return out


def ask(loss: float, caps: Any = None, names: list[str] = NAMES) -> ao.LossProblem:
    return ao.LossProblem(loss, pd.DataFrame(index=names), cap=caps, currency="EUR")


def made(name: str, scenarios: Any, **changes: Any) -> Any:
    return ao.scheme(name, scenarios=scenarios, **(RULES[name] | changes))


def assert_stands(answer: ao.Allocation) -> None:
    """Budget, bounds and certificate."""
    problem = answer.problem
    unit = problem.loss or 1.0
    assert abs(answer.paid.sum() + answer.residual - problem.loss) <= 1e-12 * unit
    assert (answer.paid >= 0).all() and (answer.paid <= problem.caps + 1e-12 * unit).all()
    assert answer.certificate.holds(1e-7), str(answer.certificate)


def joint(scenarios: pd.DataFrame, measure: str, level: float = 0.8) -> float:
    total = -scenarios.sum(axis=1)
    if measure == "std":
        return float(total.std(ddof=0))
    return (var if measure == "var" else expected_shortfall)(total, level)


def test_every_risk_rule_is_tested_here() -> None:
    kinds = {name for name, kind in ao.schemes().items() if issubclass(kind, ContributionRule)}
    assert kinds - {"serial", "elliptical"} == set(RULES)  # neither has scenarios


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("policy", ["floor", "program"])
@pytest.mark.parametrize("scenarios", [book(1), with_hedger(1)], ids=["adders", "hedger"])
def test_two_faces_agree(name: str, policy: str, scenarios: pd.DataFrame) -> None:
    if name == "optimal-capital" and policy == "floor":
        with pytest.raises(ao.DataError, match="floor is in the program"):
            made(name, scenarios, policy=policy)
        return
    rule = made(name, scenarios, policy=policy)
    for loss, caps in ((0.0, None), (5.0, None), (5.0, [1.0, 2.0, 0.0, 4.0]), (5e9, [1e9, 2e9, 3e9, 0.0]), (9.0, 2.0)):
        fast, slow = rule.allocate(ask(loss, caps)), rule.allocate(ask(loss, caps), by="program")
        assert_stands(fast)
        assert_stands(slow)
        np.testing.assert_allclose(fast.paid, slow.paid, atol=1e-8 * (loss or 1.0))
        inside = (fast.paid > 1e-6 * loss) & (fast.paid < np.minimum(fast.problem.caps, loss) - 1e-6 * loss)
        if inside.any():
            assert fast.price == pytest.approx(slow.price, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", RULES)
def test_degenerate_questions(name: str) -> None:
    """No payers, one payer, nobody ever loses, one scenario."""
    assert made(name, pd.DataFrame(index=[0, 1])).allocate(ask(3.0, names=[])).residual == 3.0
    one = made(name, pd.DataFrame({"A": [1.0, -4.0, 2.0, -5.0, 0.5]})).allocate(ask(3.0, names=["A"]))
    assert one.shares.to_list() == pytest.approx([3.0])
    still = made(name, pd.DataFrame(np.zeros((5, 4)), columns=NAMES)).allocate(ask(3.0))
    assert still.certificate.holds() and still.paid.sum() + still.residual == pytest.approx(3.0)
    single = made(name, pd.DataFrame([[-1.0, -2.0, -3.0, -4.0]], columns=NAMES)).allocate(ask(10.0))
    if name not in ("euler-std", "covariance"):
        np.testing.assert_allclose(single.paid, [1.0, 2.0, 3.0, 4.0], rtol=1e-6)


@pytest.mark.parametrize("name", ADDING)
@given(seed=st.integers(0, 200))
@settings(max_examples=15)
def test_contributions_add_up(name: str, seed: int) -> None:
    for scenarios in (book(seed), with_hedger(seed)):
        found = made(name, scenarios).allocate(ask(1.0)).extras["contributions"]
        assert found.sum() == pytest.approx(joint(scenarios, ADDING[name]), rel=1e-9)


@pytest.mark.parametrize("name", ADDING)
def test_values_that_sum_to_the_loss_are_the_shares(name: str) -> None:
    scenarios = book(3)
    answer = made(name, scenarios).allocate(ask(joint(scenarios, ADDING[name])))
    np.testing.assert_allclose(answer.paid, answer.extras["contributions"], rtol=1e-9)
    assert answer.price == pytest.approx(1.0, rel=1e-9)
    assert "shares are the contributions" in answer.notes
    other = made(name, scenarios).allocate(ask(1.0))
    assert any("used as a key for capped pro-rata; largest departure" in note for note in other.notes)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=40)
def test_expected_shortfall_shares_are_in_the_core(seed: int) -> None:
    """The loss is the joint expected shortfall: no group of payers bears more than its own expected shortfall."""
    scenarios = book(seed, count=20)
    loss = joint(scenarios, "es")
    rule = made("euler-es", scenarios)
    found = rule.allocate(ask(loss)).extras["contributions"].to_numpy()
    alone = coalition_risks(-scenarios.to_numpy(), "es", 0.8)
    for mask in range(1, 16):
        assert sum(found[i] for i in range(4) if mask >> i & 1) <= alone[mask] + 1e-9 * abs(alone[-1])


def test_value_at_risk_shares_leave_the_core() -> None:
    """A witness to check by hand: each loses 10 in one scenario of four, safe alone at 75%, charged 5 together."""
    scenarios = pd.DataFrame({"A": [-10.0, 0.0, 0.0, 0.0], "B": [0.0, -10.0, 0.0, 0.0]})
    answer = ao.scheme("euler-var", scenarios=scenarios, level=0.75).allocate(ask(10.0, names=["A", "B"]))
    assert answer.shares.to_list() == [5.0, 5.0]
    assert var(-scenarios["A"], 0.75) == var(-scenarios["B"], 0.75) == 0.0


@pytest.mark.parametrize("name", [n for n in RULES if n != "aumann-shapley"])
def test_the_unit_of_money_does_not_matter(name: str) -> None:
    for scenarios in (book(5), with_hedger(5)):
        here = made(name, scenarios).allocate(ask(7.0, [2.0, 3.0, 3.0, 3.0]))
        there = made(name, scenarios * 1e9).allocate(ask(7e9, [2e9, 3e9, 3e9, 3e9]))
        np.testing.assert_allclose(there.paid / 1e9, here.paid, atol=ACCURACY.get(name, 1e-9))
    aversion = made("aumann-shapley", book(5) * 1e9, theta=1e-10).allocate(ask(7e9)).paid
    np.testing.assert_allclose(aversion / 1e9, made("aumann-shapley", book(5)).allocate(ask(7.0)).paid, rtol=1e-9)


@pytest.mark.parametrize("name", RULES)
def test_the_order_of_payers_and_scenarios_does_not_matter(name: str) -> None:
    scenarios, table = with_hedger(6), ask(7.0, pd.Series([2.0, 3.0, 3.0, 3.0], index=NAMES))
    here = made(name, scenarios).allocate(table).shares
    order = ["C", "A", "D", "B"]
    turned = scenarios.sample(frac=1.0, random_state=1)[order]
    for frame in (turned, turned.assign(stranger=99.0)):  # a column of nobody in the question is left out
        there = made(name, frame).allocate(table.replace(payers=table.payers.loc[["B", "D", "C", "A"]])).shares
        pd.testing.assert_series_equal(there.reindex(NAMES), here, rtol=0, atol=ACCURACY.get(name, 1e-9))
    plain = made(name, scenarios.to_numpy()).allocate(table).shares
    pd.testing.assert_series_equal(plain, here, atol=1e-12)


@pytest.mark.parametrize("name", RULES)
def test_repeating_a_scenario_is_weighing_it(name: str) -> None:
    scenarios = book(8, count=12)
    twice = pd.concat((scenarios, scenarios.iloc[:3]))
    weighed = made(name, scenarios, weights=[2.0] * 3 + [1.0] * 9).allocate(ask(4.0))
    np.testing.assert_allclose(weighed.paid, made(name, twice).allocate(ask(4.0)).paid, atol=ACCURACY.get(name, 1e-9))


def test_a_negative_contribution_is_said_and_floored() -> None:
    """Contributions (-1, 3, 2) of a loss of 4: floored, (0, 2.4, 1.6); nearest shares in the program, (0, 2.5, 1.5)."""
    scenarios = pd.DataFrame({"hedger": [0.0, 1.0], "B": [0.0, -3.0], "C": [0.0, -2.0]})
    problem = ask(4.0, names=["hedger", "B", "C"])
    floor = ao.scheme("euler-es", scenarios=scenarios, level=0.5).allocate(problem)
    assert floor.extras["contributions"].to_list() == [-1.0, 3.0, 2.0]
    np.testing.assert_allclose(floor.paid, [0.0, 2.4, 1.6], rtol=1e-12)
    assert any("negative contributions (hedger -1): counted as zero" in note for note in floor.notes)
    assert "offsets the losses of others" in floor.explain("hedger") and "2.40" in floor.explain("B")
    program = ao.scheme("euler-es", scenarios=scenarios, level=0.5, policy="program")
    for by in ("auto", "program"):
        nearest = program.allocate(problem, by=by).verify()
        np.testing.assert_allclose(nearest.paid, [0.0, 2.5, 1.5], atol=1e-9)
        assert any("floored within the program" in note for note in nearest.notes)
    assert r"\kappa_i\bigr)^2" in program.program(problem).statement()
    capped = program.allocate(ask(4.0, [9.0, 2.0, 1.0], ["hedger", "B", "C"]))
    np.testing.assert_allclose(capped.paid, [1.0, 2.0, 1.0], rtol=1e-12)  # the program fills caps of hedgers last
    left = ao.scheme("euler-es", scenarios=scenarios, level=0.5).allocate(capped.problem)
    assert left.residual == 1.0  # with the floor a hedger answers for nothing


CREDITS = pd.DataFrame({"hedger": [0.0, 1.0], "B": [0.0, -3.0], "C": [0.0, -2.0]})


def test_a_hedger_is_credited_where_that_is_allowed() -> None:
    """Contributions (-1, 3, 2) of a loss of 4 are the shares; a cap of 2.5 on B sends 0.25 to each of the others."""
    rule = ao.scheme("euler-es", scenarios=CREDITS, level=0.5, policy="allow")
    free = ask(4.0, 9.0, ["hedger", "B", "C"])
    capped = ask(4.0, [9.0, 2.5, 9.0], ["hedger", "B", "C"])
    for by in ("auto", "program"):
        answer = rule.allocate(free, by).verify(1e-9)
        np.testing.assert_allclose(answer.paid, [-1.0, 3.0, 2.0], atol=1e-9)
        assert "shares are the contributions" in answer.notes and answer.price == pytest.approx(0.0, abs=1e-9)
        held = rule.allocate(capped, by).verify(1e-9)
        np.testing.assert_allclose(held.paid, [-0.75, 2.5, 2.25], atol=1e-9)
        assert held.price == pytest.approx(0.25) and held.duals["cap"]["B"] == pytest.approx(-0.75)
        assert held.rounded(2).tolist() == [-0.75, 2.5, 2.25] and held.fractions.sum() == pytest.approx(1.0)
    assert "is credited EUR 1.00" in rule.allocate(free).explain("hedger")
    assert "its cap binds" in rule.allocate(capped).explain("B") and "caps cut off" in rule.allocate(capped).explain(
        "C"
    )
    assert answer.burden([0.0, 1.0, 1.0]).iloc[0] == -np.inf
    assert rule.allocate(capped.replace(loss=30.0)).verify().residual == pytest.approx(9.5)
    assert not rule.allocate(free.replace(loss=0.0)).verify().paid.any()
    assert r"\ge 0" not in rule.program(free).statement() and mathml(rule.program(free).statement())
    for moved in ([-1.001, 3.001, 2.0], [-1.0, 3.0, 2.001]):
        with pytest.raises(ao.CertificateError):
            dataclasses.replace(rule.allocate(free), paid=np.array(moved)).verify()
    with pytest.raises(ao.CertificateError):
        dataclasses.replace(rule.allocate(capped), paid=np.array([-1.0, 3.0, 2.0])).verify()


def test_credits_are_found_in_a_batch_at_every_scale() -> None:
    for scale in (1e-9, 1.0, 1e12):
        rule = ao.scheme("euler-es", scenarios=CREDITS * scale, level=0.5, policy="allow")
        losses = np.array([0.0, 1.0, 4.0, 12.0, 40.0]) * scale
        caps = np.array([9.0, 2.5, 9.0]) * scale
        many = ao.allocate_many(rule, losses, np.array([-1.0, 3.0, 2.0]) * scale, caps)
        for row, loss in zip(many, losses, strict=True):
            alone = rule.allocate(ask(loss, caps, ["hedger", "B", "C"])).verify(1e-9)
            np.testing.assert_allclose(row, alone.paid, rtol=1e-12, atol=1e-13 * scale)


def test_what_cannot_deal_with_credits_says_so() -> None:
    rule = ao.scheme("euler-es", scenarios=CREDITS, level=0.5, policy="allow")
    with pytest.raises(ao.DataError, match=r"credits payer 'hedger'.*compare it with policy='floor'"):
        table = pd.DataFrame({"fund": [9.0, 9.0, 9.0]}, index=["hedger", "B", "C"])
        ao.compare(ao.LossProblem(4.0, table, cap="fund"), [rule, "pro-rata"])
    with pytest.raises(ao.DataError, match="hedger"):
        collect(rule, ask(4.0, 9.0, ["hedger", "B", "C"]))
    gains = ao.scheme("euler-es", scenarios=-CREDITS, level=0.5, policy="allow")
    with pytest.raises(ao.DataError, match="cannot be scaled to a loss"):
        gains.allocate(ask(4.0, 9.0, ["hedger", "B", "C"]))


@pytest.mark.parametrize("name", [n for n in RULES if n != "optimal-capital"])
def test_every_contribution_can_be_allowed_its_sign(name: str) -> None:
    for scenarios in (book(1), with_hedger(1)):
        rule = made(name, scenarios, policy="allow")
        for loss, caps in ((0.0, None), (5.0, None), (5.0, [1.0, 2.0, 0.0, 4.0]), (5e9, [1e9, 2e9, 3e9, 4e9])):
            fast, slow = rule.allocate(ask(loss, caps)).verify(1e-7), rule.allocate(ask(loss, caps), "program").verify()
            np.testing.assert_allclose(fast.paid, slow.paid, atol=1e-8 * (loss or 1.0))
            assert (fast.paid <= fast.problem.caps).all()
            if caps is None and loss:
                target = fast.extras["contributions"] * loss / fast.extras["contributions"].sum()
                np.testing.assert_allclose(fast.paid, target, atol=1e-12 * loss)


@given(st.lists(st.integers(-4, 6), min_size=3, max_size=3).filter(lambda k: sum(k) > 0), st.floats(0.1, 9.0))
@settings(max_examples=25)
def test_the_program_policy_is_the_nearest_point(contributions: list[int], loss: float) -> None:
    scenarios = np.array([[0.0] * 3, [-float(k) for k in contributions]])
    caps = np.array([4.0, 3.0, 2.5])
    rule = ao.scheme("euler-es", scenarios=scenarios, level=0.5, policy="program")
    found = rule.allocate(ask(loss, caps, NAMES[:3])).paid
    target = np.array(contributions) * loss / sum(contributions)
    near = minimize(
        lambda x: ((x - target) ** 2).sum(), np.minimum(loss / 3, caps), method="SLSQP",
        bounds=[(0.0, c) for c in caps], constraints={"type": "eq", "fun": lambda x: x.sum() - min(loss, caps.sum())},
        options={"ftol": 1e-14},
    )  # fmt: skip
    assert ((found - target) ** 2).sum() <= near.fun + 1e-6


@pytest.mark.parametrize("name", RULES)
def test_a_perturbed_answer_is_rejected(name: str) -> None:
    answer = made(name, book(2)).allocate(ask(9.0, 4.0))
    moved = answer.paid.copy()
    moved[1] -= 1e-3
    moved[2] += 1e-3
    with pytest.raises(ao.CertificateError):
        dataclasses.replace(answer, paid=moved).verify()
    with pytest.raises(AssertionError):
        assert_stands(dataclasses.replace(answer, paid=answer.paid * 0.999))


def test_covariance_of_a_fixed_amount() -> None:
    """Row sums 7, 8, 10 of the covariance matrix split 100 (Overbeck 2000; exact)."""
    root = np.linalg.cholesky(np.array([[4.0, 2, 1], [2, 5, 1], [1, 1, 8]]))
    points = np.sqrt(3.0) * np.concatenate((root.T, -root.T))
    answer = ao.scheme("covariance", scenarios=points).allocate(ask(100.0, names=NAMES[:3]))
    np.testing.assert_allclose(answer.paid, [28.0, 32.0, 40.0], rtol=1e-12)
    deviations = ao.scheme("euler-std", scenarios=points).allocate(ask(5.0, names=NAMES[:3]))
    np.testing.assert_allclose(deviations.paid, [1.4, 1.6, 2.0], rtol=1e-12)
    assert "shares are the contributions" in deviations.notes


def test_haircut_by_stand_alone_risk() -> None:
    """Stand-alone values at risk 30, 50, 120 and a capital of 150 (Dhaene et al. 2012; exact)."""
    scenarios = -np.diag([30.0, 50.0, 120.0])
    answer = ao.scheme("haircut", scenarios=scenarios, level=0.99).allocate(ask(150.0, names=NAMES[:3]))
    assert answer.shares.to_list() == [22.5, 37.5, 90.0]


def test_cost_gap_and_with_without_of_games() -> None:
    """Tijs and Driessen's example as costs; the two-payer square-root game for the marginal amounts (exact)."""
    np.testing.assert_allclose(cost_gap_values([0, 6, 7, 10, 8, 11, 12, 14]), [11 / 3, 14 / 3, 17 / 3], rtol=1e-12)
    np.testing.assert_allclose(cost_gap_values([0, 3, 4, 7]), [3.0, 4.0])  # additive: nothing is left to share
    corners = np.array(list(itertools.product((3.0, -3.0), (4.0, -4.0))))
    answer = ao.scheme("with-without", scenarios=corners, measure="std").allocate(ask(5.0, names=["A", "B"]))
    np.testing.assert_allclose(answer.extras["contributions"], [1.0, 2.0])  # they sum to 3 of 5
    with pytest.raises(ao.DataError, match="not defined here"):
        cost_gap_values([0, 1, 1, 5])
    with pytest.raises(ao.DataError, match="sub-additive"):
        made("cost-gap", -np.diag([10.0, 10.0, 0.0, 0.0]), measure="var", level=0.75).allocate(ask(1.0))


def test_path_average_is_the_marginal_for_homogeneous_measures() -> None:
    scenarios = book(4)
    for measure in ("es", "var", "std"):
        path = ao.scheme("aumann-shapley", scenarios=scenarios, measure=measure, level=0.8)
        np.testing.assert_allclose(
            path.allocate(ask(5.0)).paid, made(f"euler-{measure}", scenarios).allocate(ask(5.0)).paid, rtol=1e-12
        )
    assert ao.scheme("aumann-shapley", scenarios=scenarios).chosen == "es"
    assert made("aumann-shapley", scenarios).chosen == "entropic"


SHORTFALL = np.array([[4.0, 0.0], [0.0, 2.0], [3.0, 3.0], [0.0, 0.0]])


@pytest.mark.parametrize(
    ("systemic", "total", "allocation"),
    [(0.0, 3.144345415417174, [2.072170145475599, 1.072175269941575]), (1.0, 10 / 3, [8 / 3, 2 / 3])],
)
def test_shortfall_risk_of_four_scenarios(systemic: float, total: float, allocation: list[float]) -> None:
    """Armenti et al. (2018), quadratic penalty, mean penalty at most 1: figures by two solvers."""
    rule = ao.scheme("shortfall-risk", scenarios=-SHORTFALL, systemic=systemic, unit=1.0, bound=1.0)
    answer = rule.allocate(ask(total, names=["A", "B"])).verify(1e-7)
    np.testing.assert_allclose(answer.extras["contributions"], allocation, atol=2e-5)
    assert answer.extras["contributions"].sum() == pytest.approx(total, rel=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_shortfall_amounts_are_the_least(seed: int) -> None:
    """A general-purpose optimiser finds no smaller total, and the amounts are acceptable by arithmetic."""
    rng = np.random.default_rng(seed)
    losses, link, bound = rng.standard_t(4, (30, 3)), (0.0, 0.3, 0.7, 1.0)[seed], (0.0, 0.5, 1.0, 0.2)[seed]
    found = shortfall_amounts(losses, link, bound)
    assert abs(mean_penalty(losses, found.values, link) - bound) <= 1e-12
    acceptable = {"type": "ineq", "fun": lambda m: bound - mean_penalty(losses, m, link)}
    starts = (found.values, losses.mean(axis=0) + 1.0, losses.max(axis=0))
    rivals = [
        minimize(np.sum, start, method="SLSQP", constraints=acceptable, options={"ftol": 1e-12}) for start in starts
    ]
    assert found.values.sum() <= min(r.fun for r in rivals if acceptable["fun"](r.x) >= -1e-9) + 1e-6
    shifted = shortfall_amounts(losses + np.array([5.0, 0.0, -2.0]), link, bound).values
    np.testing.assert_allclose(shifted - found.values, [5.0, 0.0, -2.0], atol=1e-5)


def test_a_wrong_shortfall_amount_is_rejected() -> None:
    rule = ao.scheme("shortfall-risk", scenarios=-SHORTFALL, unit=1.0, bound=1.0)
    answer = rule.allocate(ask(3.0, names=["A", "B"]))
    known = rule._known
    known[("A", "B")] = known[("A", "B")]._replace(misfit=1e-3)
    with pytest.raises(ao.CertificateError, match="does not stand"):
        rule.allocate(ask(3.0, names=["A", "B"])).verify()
    assert answer.certificate.holds()


def test_serial_shares() -> None:
    """Squared exposure 1, 2, 3: 3, 11, 22 (exact); the small payer does not answer for the growth of the large."""
    table = pd.DataFrame({"exposure": [3.0, 1.0, 2.0]}, index=["C", "A", "B"])
    for cost in (2.0, np.square):
        answer = ao.allocate(ao.LossProblem(36, table), "serial", key="exposure", cost=cost).verify()
        np.testing.assert_allclose(answer.shares[["A", "B", "C"]], [3.0, 11.0, 22.0], rtol=1e-12)
        assert "shares are the contributions" in answer.notes
    table["exposure"] = [30.0, 1.0, 2.0]
    larger = ao.allocate(ao.LossProblem(33.0**2, table), "serial", key="exposure", cost=np.square)
    assert larger.shares["A"] == pytest.approx(3.0)
    plain = ao.allocate(ao.LossProblem(33, table), "serial", key="exposure", cost=1.0)
    np.testing.assert_allclose(plain.paid, [30.0, 1.0, 2.0], rtol=1e-12)
    both = ao.allocate_many("serial", [36.0, 6.0, 0.0], [3.0, 1.0, 2.0], [20.0, 50.0, 50.0])
    alone = [
        ao.allocate(ao.LossProblem(loss, table.assign(exposure=[3.0, 1.0, 2.0], cap=[20.0, 50.0, 50.0]), "cap"),
                    "serial", key="exposure").paid
        for loss in (36.0, 6.0, 0.0)
    ]  # fmt: skip
    np.testing.assert_allclose(both, alone, rtol=1e-12)
    assert both[0].max() == 20.0 and both[0].sum() == pytest.approx(36.0)
    with pytest.raises(ao.DataError, match="state finite ones"):
        ao.allocate_many("serial", [1.0], None, [1.0, np.inf])
    equal = ao.allocate(ao.LossProblem(9, table.assign(exposure=2.0)), "serial", key="exposure")
    np.testing.assert_allclose(equal.paid, 3.0)


def test_optimal_capital_spreads_the_rest_by_volume() -> None:
    """Contributions 1 and 3, volumes 1 and 3: the loss of 8 exceeds them by 4, spread 1 to 3 (exact)."""
    scenarios = pd.DataFrame({"A": [0.0, -1.0], "B": [0.0, -3.0]})
    table = pd.DataFrame({"volume": [1.0, 3.0]}, index=["A", "B"])
    rule = ao.scheme("optimal-capital", scenarios=scenarios, level=0.5, volume="volume")
    for by in ("auto", "program"):
        np.testing.assert_allclose(rule.allocate(ao.LossProblem(8, table), by=by).verify().paid, [2.0, 6.0], atol=1e-9)
        np.testing.assert_allclose(rule.allocate(ao.LossProblem(2, table), by=by).paid, [0.5, 1.5], atol=1e-9)
    exact = rule.allocate(ao.LossProblem(4, table))
    assert exact.paid.tolist() == [1.0, 3.0] and "shares are the contributions" in exact.notes
    alone = ao.scheme("optimal-capital", scenarios=with_hedger(), driver="own", measure="var", level=0.8)
    assert (alone.allocate(ask(20.0)).extras["contributions"] > 0).all()
    with pytest.raises(ao.DataError, match="'A' has volume 0"):
        ao.scheme("optimal-capital", scenarios=scenarios, volume=[0.0, 1.0]).allocate(ao.LossProblem(8, table))
    with pytest.raises(ao.DataError, match="no batch form"):
        ao.allocate_many(rule, [1.0], [1.0, 3.0], [9.0, 9.0])


@pytest.mark.parametrize("name", [*RULES, "serial"])
def test_every_rule_has_its_formula_on_a_page(name: str) -> None:
    rule = ao.scheme("serial", key=[1.0] * 4) if name == "serial" else made(name, book(0))
    for latex in (rule.formula, rule.program(ask(5.0, 3.0)).statement()):
        assert mathml(latex).startswith("<math")
    assert rule.source and rule.sentence().endswith(".")


def test_a_batch_takes_contributions_as_keys() -> None:
    scenarios = with_hedger(9)
    problem = ask(5.0, [9.0, 9.0, 9.0, 9.0])
    for policy in ("floor", "program"):
        rule = made("euler-es", scenarios, policy=policy)
        keys = rule.allocate(problem).extras["contributions"].to_numpy()
        many = ao.allocate_many(rule, [5.0, 9.0], keys, [9.0] * 4)
        np.testing.assert_allclose(many[0], rule.allocate(problem).paid, atol=1e-12)
        np.testing.assert_allclose(many[1], rule.allocate(problem.replace(loss=9.0)).paid, atol=1e-12)
    with pytest.raises(ao.DataError, match="needs contributions as keys"):
        ao.allocate_many(rule, [5.0], None, [9.0] * 4)


def test_scenarios_of_an_event_are_profit_and_loss() -> None:
    table = pd.DataFrame({"role": "survivor", "fund": [9.0, 9.0]}, index=["A", "B"])
    pnl = pd.DataFrame({"A": [5.0, -1.0], "B": [5.0, -3.0]})
    event = ao.Event("toy", loss=4.0, currency="EUR", date=None, payers=table, scenarios=pnl)
    answer = ao.allocate(event.problem(cap="fund"), "euler-es", scenarios=event.scenarios, level=0.5)
    assert answer.shares.to_list() == [1.0, 3.0]
    pnl.iloc[1, 0] = -99.0
    assert event.scenarios is not None and event.scenarios.iloc[1, 0] == -1.0


@pytest.mark.parametrize("name", RULES)
def test_refusals_are_clear(name: str) -> None:
    rule = made(name, book(0)[["A", "B"]])
    with pytest.raises(ao.DataError, match="no column for payer 'C'"):
        rule.allocate(ask(1.0))
    with pytest.raises(ao.DataError, match="2 columns and the question 4 payers"):
        made(name, np.ones((3, 2))).allocate(ask(1.0))
    with pytest.raises(ao.DataError, match="has nan in scenario"):
        made(name, book(0).where(book(0) > -1))
    with pytest.raises(ao.DataError, match="no rows"):
        made(name, book(0).iloc[:0])
    with pytest.raises(ao.DataError, match=r"policy (is|of .* is) 'refund'"):
        made(name, book(0), policy="refund")
    with pytest.raises(ao.DataError, match="no payout reading"):
        made(name, book(0), reading="payout")
    with pytest.raises(ao.DataError, match="needs scenarios"):
        ao.scheme(name)
    if "level" in {f.name for f in dataclasses.fields(ao.schemes()[name])}:
        for level in (0.0, 1.0, 2.0, float("nan")):
            with pytest.raises(ao.DataError, match="level"):
                made(name, book(0), level=level)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: made("haircut", book(0), measure="es2"), "no risk measure is called 'es2'"),
        (lambda: made("aumann-shapley", book(0), measure="es"), "theta goes with measure='entropic'"),
        (lambda: made("aumann-shapley", book(0), theta=0.0), "theta of aumann-shapley is 0"),
        (lambda: made("euler-var", book(0), window=0.5), "window of euler-var"),
        (lambda: made("shortfall-risk", book(0), systemic=1.5), "systemic"),
        (lambda: made("shortfall-risk", book(0), unit=0.0), "unit of shortfall-risk is 0"),
        (lambda: made("shortfall-risk", np.ones((60_000, 4))).allocate(ask(1.0)), "draw fewer scenarios"),
        (lambda: made("cost-gap", np.ones((9, 40))).allocate(ask(1.0, names=list(range(40)))), "all 2\\*\\*40"),
        (lambda: made("euler-es", -book(0).abs() * 0 + 1.0, policy="program").allocate(ask(1.0)), "cannot be scaled"),
        (lambda: ao.scheme("serial", cost=0.0), "power 0"),
        (lambda: ao.scheme("serial").allocate(ask(1.0)), "name exposures with key"),
        (lambda: ao.scheme("serial", key=[1.0] * 4, cost=lambda q: q + 1.0).allocate(ask(1.0)), "must be 0"),
        (lambda: ao.scheme("serial", key=[1.0] * 4, cost=lambda q: 1.0).allocate(ask(1.0)), "one finite cost for each"),
    ],
)
def test_bad_parameters_are_named(call: Any, message: str) -> None:
    with pytest.raises(ao.DataError, match=message):
        call()


def test_shared_cases_of_the_rules(shared_cases: Any) -> None:
    checked = 0
    for case in shared_cases("risk.json")["cases"]:
        if case["function"] == "shortfall_allocation":
            inputs = case["inputs"]
            found = shortfall_amounts(np.array(inputs["losses"]), inputs["alpha"], inputs["c"]).values
            np.testing.assert_allclose(found, case["expected"]["allocation"], atol=1e-3, err_msg=case["id"])
            checked += 1
    for case in shared_cases("division.json")["risk_allocation_cases"]:
        model = case["model"]
        if case["method"] == "cost_gap":
            worth = {frozenset(k): v for k, v in model["c"].items()}
            costs = [worth.get(frozenset(str(i + 1) for i in range(3) if m >> i & 1), 0) for m in range(8)]
            np.testing.assert_allclose(cost_gap_values(costs), case["allocation"], rtol=1e-12)
            checked += 1
        if case["method"] == "haircut":
            amounts = np.array(model["standalone_VaR"], dtype=float)
            rule = ao.scheme("haircut", scenarios=-np.diag(amounts), level=0.9)
            answer = rule.allocate(ask(case["params"]["K"], names=NAMES[:3]))
            np.testing.assert_allclose(answer.paid, case["allocation"], rtol=1e-12)
            checked += 1
    assert checked >= 4
