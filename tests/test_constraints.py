"""Every fairness constraint: met at its bound, priced by finite difference, equal to its metric, named on failure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocopt as ao
from allocopt.games.claims import claims
from allocopt.games.table import table
from allocopt.judgement import equivalents, inequality, lorenz, metrics, progressivity
from allocopt.judgement.frontier import price_of
from allocopt.schemes import constraints as cs

N = 9


def question(scale: float = 1.0) -> ao.LossProblem:
    rng = np.random.default_rng(11)
    table = pd.DataFrame(
        {
            "fund": rng.lognormal(0, 0.8, N),
            "margin": rng.lognormal(0, 0.8, N),
            "wealth": rng.lognormal(1.5, 0.5, N) + 2,
            "size": np.where(np.arange(N) % 3 == 0, "large", "small"),
        },
        index=[f"member {i}" for i in range(N)],
    )
    table[["fund", "margin", "wealth"]] *= scale
    return ao.LossProblem(0.4 * table["fund"].sum(), table, cap="fund", currency="EUR")


PROBLEM = question()
REFERENCE = ao.scheme("pro-rata", key="margin")
TARGET = REFERENCE.allocate(PROBLEM).paid
LOSS = PROBLEM.loss
WEIGHTS = np.linspace(2.0, 0.0, N)
MEMBERS = (np.arange(2**N)[:, None] >> np.arange(N) & 1).astype(bool)


def worths(problem: ao.LossProblem) -> np.ndarray:
    """A concave cost game: what a coalition would pay by itself, with a gain from being many."""
    fund = MEMBERS @ problem.column("fund")
    return np.asarray(problem.loss * (fund / fund[-1]) ** 0.8)


Make = Callable[[float], Any]
# name -> (constraint at a bound, unit of the bound per unit of money); the bound is where binding starts, pulled in
CASES: dict[str, tuple[Make, int]] = {
    "jain": (lambda b: cs.jain_at_least(b), 0),
    "jain per fund": (lambda b: cs.jain_at_least(b, by="fund"), 0),
    "theil": (lambda b: cs.theil_at_most(b), 0),
    "theil per fund": (lambda b: cs.theil_at_most(b, by="fund"), 0),
    "kl": (lambda b: cs.kl_at_most(b, by="fund"), 0),
    "atkinson 0.5": (lambda b: cs.atkinson_at_most(b, 0.5, wealth="wealth"), 0),
    "atkinson 1": (lambda b: cs.atkinson_at_most(b, 1.0, wealth="wealth"), 0),
    "atkinson 2": (lambda b: cs.atkinson_at_most(b, 2.0, wealth="wealth"), 0),
    "kolm-pollak": (lambda b: cs.kolm_pollak_at_most(b, 3.0), 1),
    "kolm-pollak per fund": (lambda b: cs.kolm_pollak_at_most(b, 2.0, by="fund"), 0),
    "hoover": (lambda b: cs.hoover_at_most(b), 0),
    "hoover per fund": (lambda b: cs.hoover_at_most(b, by="fund"), 0),
    "ratio": (lambda b: cs.ratio_at_most(b), 0),
    "ratio per fund": (lambda b: cs.ratio_at_most(b, by="fund"), 0),
    "envy": (lambda b: cs.envy_at_most(b), 1),
    "envy per fund": (lambda b: cs.envy_at_most(b, by="fund"), 0),
    "group ratio": (lambda b: cs.group_ratio_at_most(b, by="fund"), 0),
    "group gap": (lambda b: cs.group_gap_at_most(b, by="fund"), 0),
    "group gap per head": (lambda b: cs.group_gap_at_most(b), 1),
    "owa": (lambda b: cs.owa_at_most(b, WEIGHTS), 1),
    "owa per fund": (lambda b: cs.owa_at_most(b, WEIGHTS, by="fund"), 0),
    "lorenz": (lambda b: cs.lorenz_dominates("constrained-equal-awards", bound=b), 0),
    "lorenz per fund": (lambda b: cs.lorenz_dominates("pro-rata", by="fund", bound=b), 0),
    "concentration": (lambda b: cs.concentration_between(-1.0, b, by="fund"), 0),
    "kakwani": (lambda b: cs.kakwani_between(-1.0, b, by="fund"), 0),
    "suits": (lambda b: cs.suits_between(-1.0, b, by="fund"), 0),
    "core": (lambda b: cs.in_core(worths(PROBLEM), bound=b), 1),
    "gini": (lambda b: cs.gini_at_most(b, by="fund"), 0),
    "cvar": (lambda b: cs.cvar_at_most(b, level=0.75), 1),
}


def solved(*constraints: Any, problem: ao.LossProblem = PROBLEM, tol: float = 1e-7, **parameters: Any) -> ao.Allocation:
    given = {"reference": REFERENCE, **parameters}
    return ao.allocate(problem, "fair", subject_to=list(constraints), **given).verify(tol)


def cost(answer: ao.Allocation) -> float:
    target = answer.extras["reference"].to_numpy()
    return float(((answer.paid - target) ** 2 / (2 * target)).sum())


FACTORS = ("ratio", "ratio per fund", "group ratio")


def reached(name: str) -> float:
    """What the reference itself has."""
    return float(CASES[name][0](1.5 if name in FACTORS else 0.5).measure(TARGET, PROBLEM, TARGET))


def binding(name: str, pull: float = 0.2) -> float:
    """A bound that the reference breaks and the caps allow."""
    has = reached(name)
    if name.startswith("jain"):
        return 1 - (1 - pull) * (1 - has)
    if name in FACTORS:
        return 1 + (1 - pull) * (has - 1)
    if name in ("concentration", "kakwani", "suits"):
        return has - pull / 4
    return (1 - pull / 2) * has if name.startswith(("kolm", "owa", "cvar")) else (1 - pull) * has


@pytest.mark.parametrize("name", CASES)
def test_a_binding_constraint_is_met_at_its_bound(name: str) -> None:
    constraint = CASES[name][0](binding(name))
    assert constraint.excess(TARGET, PROBLEM, TARGET) > 1e-3
    answer = solved(constraint)
    assert constraint.measure(answer.paid, PROBLEM, TARGET) == pytest.approx(binding(name), rel=1e-8)
    assert constraint.excess(answer.paid, PROBLEM, TARGET) <= 1e-8


@pytest.mark.parametrize("name", CASES)
def test_its_price_is_the_slope_of_the_cost(name: str) -> None:
    make, bound = CASES[name][0], binding(name)
    step = 1e-3 * abs(bound)
    slope = (cost(solved(make(bound + step))) - cost(solved(make(bound - step)))) / (2 * step)
    price = solved(make(bound)).duals[make(bound).name]
    assert price == pytest.approx(slope, rel=1e-4)
    assert (price > 0) == name.startswith("jain")


def test_a_lower_bound_of_an_index_between_two_has_a_positive_price() -> None:
    for make in (cs.concentration_between, cs.kakwani_between, cs.suits_between):
        has = make(-1.0, 1.0, by="fund").measure(TARGET, PROBLEM, TARGET)
        low = has + 0.05
        answer = solved(make(low, 1.0, by="fund"))
        slope = (cost(solved(make(low + 1e-4, 1.0, by="fund"))) - cost(solved(make(low - 1e-4, 1.0, by="fund")))) / 2e-4
        assert answer.duals[make.name] == pytest.approx(slope, rel=1e-6) and slope > 0
        assert make(low, 1.0, by="fund").measure(answer.paid, PROBLEM, TARGET) == pytest.approx(low)


@pytest.mark.parametrize("name", CASES)
def test_a_perturbed_answer_is_rejected(name: str) -> None:
    answer = solved(CASES[name][0](binding(name)))
    moved = answer.paid.copy()
    moved[1] += 1e-4 * LOSS
    moved[2] -= 1e-4 * LOSS
    with pytest.raises(ao.CertificateError, match="does not stand"):
        dataclasses.replace(answer, paid=moved).verify()
    with pytest.raises(ao.CertificateError):
        dataclasses.replace(answer, paid=answer.extras["reference"].to_numpy()).verify()


def worst_of_core(x: np.ndarray) -> float:
    return metrics.max_core_excess(x, worths(PROBLEM))


FUND = PROBLEM.column("fund")
METRICS: dict[str, Callable[[np.ndarray], float]] = {
    "jain": inequality.jain,
    "jain per fund": lambda x: inequality.jain(x, by=FUND),
    "theil": inequality.theil,
    "theil per fund": lambda x: inequality.theil(x, by=FUND),
    "kl": lambda x: metrics.kl_divergence(x, FUND),
    "atkinson 0.5": lambda x: equivalents.atkinson(PROBLEM.column("wealth") - x, 0.5),
    "atkinson 1": lambda x: equivalents.atkinson(PROBLEM.column("wealth") - x, 1.0),
    "atkinson 2": lambda x: equivalents.atkinson(PROBLEM.column("wealth") - x, 2.0),
    "kolm-pollak": lambda x: metrics.kolm_pollak(x, 3.0),
    "kolm-pollak per fund": lambda x: metrics.kolm_pollak(x / FUND, 2.0),
    "hoover": inequality.hoover,
    "hoover per fund": lambda x: inequality.hoover(x, by=FUND),
    "ratio": metrics.max_min_ratio,
    "ratio per fund": lambda x: metrics.max_min_ratio(x, by=FUND),
    "envy": metrics.envy,
    "envy per fund": lambda x: metrics.envy(x, by=FUND),
    "group ratio": lambda x: metrics.group_ratio(x, FUND, PROBLEM.labels("size")),
    "concentration": lambda x: progressivity.concentration_index(x, FUND),
    "kakwani": lambda x: progressivity.kakwani(x, FUND),
    "suits": lambda x: progressivity.suits(x, FUND),
    "core": lambda x: max(worst_of_core(x), x.sum() - LOSS, 0.0),
    "gini": lambda x: inequality.gini(x, by=FUND),
    "cvar": lambda x: metrics.cvar_of_burden(x, 0.75),
}


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=20)
@given(rates=st.lists(st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0.001, 1.0)), min_size=N, max_size=N))
def test_the_measure_is_the_metric(name: str, rates: list[float]) -> None:
    x = np.array(rates) * FUND
    constraint = CASES[name][0](2.0 if name in FACTORS else 0.5)
    assert constraint.measure(x, PROBLEM, TARGET) == pytest.approx(METRICS[name](x), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("by", [None, "fund"])
@settings(max_examples=40)
@given(data=st.data())
def test_lorenz_dominance_is_the_metric(by: str | None, data: st.DataObject) -> None:
    part = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=N, max_size=N)
    x, y = (np.array(data.draw(part)) * FUND for _ in range(2))
    blend = x + y
    order = metrics_order(blend, y, by)
    constraint = cs.lorenz_dominates(pd.Series(y, index=PROBLEM.ids), by=by)
    if y.any():
        holds = constraint.measure(blend, PROBLEM, TARGET) <= 1e-9
        assert holds == (order in (lorenz.LorenzOrder.FIRST_DOMINATES, lorenz.LorenzOrder.EQUAL))


def metrics_order(x: np.ndarray, y: np.ndarray, by: str | None) -> lorenz.LorenzOrder:
    return lorenz.lorenz_dominates(x, y, by=None if by is None else FUND)


@pytest.mark.parametrize("by", [None, "fund"])
def test_the_answer_lorenz_dominates_its_reference(by: str | None) -> None:
    other = ao.allocate(PROBLEM, "talmud").paid
    answer = solved(cs.lorenz_dominates("talmud", by=by))
    assert metrics_order(TARGET, other, by) not in (1, 2)
    assert metrics_order(answer.paid, other, by) in (1, 2)
    assert answer.duals["lorenz"] < 0


def test_a_generalised_gini_with_gini_weights_is_the_gini_bound() -> None:
    weights = (N - np.arange(1, N + 1)) * 2.0 / N  # sum_k a_k x_(k) = (G + (N - 1) / N) L for these weights
    gini = cs.gini_at_most(0.5)
    has = gini.measure(TARGET, PROBLEM, TARGET)
    first = solved(cs.gini_at_most(0.9 * has))
    second = solved(cs.owa_at_most((0.9 * has + (N - 1) / N) * LOSS, weights))
    np.testing.assert_allclose(first.paid, second.paid, atol=1e-8 * LOSS)
    assert first.duals["gini"] == pytest.approx(second.duals["owa"] * LOSS, rel=1e-6)


def test_the_least_core_is_the_least_allowed_objection() -> None:
    """The level a contradiction names, against a linear program over all coalitions."""
    from scipy.optimize import linprog

    tight = worths(PROBLEM) * np.where(np.arange(2**N) == 2**N - 1, 1.0, 0.7)
    with pytest.raises(ao.InfeasibleError, match=r"core of TableGame.*would have to reach") as conflict:
        solved(cs.in_core(tight))
    needed = float(str(conflict.value).split("would have to reach ")[1].split(")")[0])
    rows = np.hstack((MEMBERS[1:-1].astype(float), -np.ones((2**N - 2, 1))))
    whole = np.hstack((np.ones((1, N)), np.zeros((1, 1))))
    bounds = [(0, c) for c in PROBLEM.caps] + [(None, None)]
    least = linprog(np.eye(N + 1)[-1], A_ub=rows, b_ub=tight[1:-1], A_eq=whole, b_eq=[LOSS], bounds=bounds)
    assert needed == pytest.approx(least.x[-1], rel=1e-5)
    solved(cs.in_core(tight, bound=needed * 1.0001))


def test_the_core_knows_players_by_name_and_gains_turn_round() -> None:
    shuffled = list(PROBLEM.ids[::-1])
    masks = (MEMBERS[:, ::-1] @ (1 << np.arange(N))).astype(int)
    named = table(worths(PROBLEM)[masks], players=shuffled)
    np.testing.assert_allclose(solved(cs.in_core(named)).paid, solved(cs.in_core(worths(PROBLEM))).paid, atol=1e-9)
    escape = claims(LOSS, FUND, players=list(PROBLEM.ids))  # what a coalition cannot escape bearing
    lopsided = ao.scheme("queue", score="margin")
    answer = solved(cs.in_core(escape), reference=lopsided)
    np.testing.assert_allclose(answer.paid, lopsided.allocate(PROBLEM).paid, atol=1e-9)  # caps imply this core


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("scale", [1e-9, 1e12])
def test_the_scale_of_the_money_does_not_matter(name: str, scale: float) -> None:
    bound = binding(name)
    plain = CASES[name][0](bound)
    changes: dict[str, Any] = {"bound": bound * scale} if CASES[name][1] else {}
    if name == "kolm-pollak":
        changes["kappa"] = 3.0 / scale
    if name == "core":
        changes["game"] = table(worths(question(scale)))
    scaled = dataclasses.replace(plain, **changes) if changes else plain
    problem = question(scale)
    answer = solved(scaled, problem=problem)
    np.testing.assert_allclose(answer.paid / scale, solved(plain).paid, rtol=1e-5, atol=1e-6 * LOSS)
    assert scaled.measure(answer.paid, problem, TARGET * scale) == pytest.approx(
        bound * (scale if CASES[name][1] else 1.0), rel=1e-7
    )


@pytest.mark.parametrize("name", CASES)
def test_it_combines_with_two_others(name: str) -> None:
    constraint = CASES[name][0](binding(name, 0.1))
    others = [cs.group_gap_at_most(0.03, by="margin"), cs.hoover_at_most(0.24, by="wealth")]
    answer = solved(constraint, *others)
    worst = max(c.excess(answer.paid, PROBLEM, TARGET) for c in (constraint, *others))
    assert worst <= 1e-8
    assert cost(answer) >= max(cost(solved(constraint)), cost(solved(*others))) * (1 - 1e-7)


@pytest.mark.parametrize("name", CASES)
def test_a_contradiction_is_named_with_the_level_of_each_that_cures_it_alone(name: str) -> None:
    make, near = CASES[name][0], 0.02
    bound = binding(name, 0.5)
    with pytest.raises(ao.InfeasibleError, match="contradict each other") as conflict:
        solved(make(bound), cs.within(near))
    text = str(conflict.value)
    assert str(make(bound)) in text and "within 2%" in text
    ours, other = text.split("the others kept): ")[1].split("; loosen")[0].split("; ")
    levels = [float(part.split("would have to reach ")[1].rstrip(")").replace(",", "")) for part in (ours, other)]
    side = -1 if name.startswith("jain") or levels[0] < 0 else 1
    solved(make(levels[0] * (1 + side * 1e-4)), cs.within(near))
    solved(make(bound), cs.within(levels[1] * (1 + 1e-4)))
    if name in ("gini", "theil", "ratio", "core"):  # refusing once more is slow, and these are one of each kind
        for tight in (
            [make(levels[0] * (1 - 1e-3)), cs.within(near)],
            [make(bound), cs.within(levels[1] * (1 - 1e-3))],
        ):
            with pytest.raises(ao.InfeasibleError):
                solved(*tight)


def test_equity_against_equality_names_both_cures() -> None:
    """What a payer has caps its share: the shortfall and the inequality that would cure it are both stated."""
    poor = PROBLEM.replace(payers=PROBLEM.payers.assign(equity=np.where(np.arange(N) == 0, 0.01, 9.0)))
    pair = [cs.keep_solvent("equity"), cs.gini_at_most(0.02)]
    with pytest.raises(ao.InfeasibleError, match="every share within equity \\(short by") as conflict:
        solved(*pair, problem=poor)
    text = str(conflict.value)
    level = float(text.split("at most 0.02 (would have to reach ")[1].split(")")[0])
    short = float(text.split("short by ")[1].split(" ")[0])
    solved(pair[0], cs.gini_at_most(level * 1.0001), problem=poor)
    richer = poor.replace(payers=poor.payers.assign(equity=poor.column("equity") + short * 1.0001))
    solved(*pair, problem=richer)
    with pytest.raises(ao.InfeasibleError):
        solved(pair[0], cs.gini_at_most(level * 0.999), problem=poor)


def test_no_payers_no_loss_and_no_room_are_ordinary() -> None:
    nobody = ao.LossProblem(5.0, PROBLEM.payers.iloc[:0], cap="fund")
    for name, (make, _) in CASES.items():
        constraint = make(binding(name))
        if name.startswith("owa"):
            constraint = dataclasses.replace(constraint, weights=())
        if name != "core":
            assert solved(constraint, problem=nobody, reference="pro-rata").residual == 5.0
        idle = PROBLEM.replace(loss=0.0)
        assert not make(binding(name)).excess(np.zeros(N), idle, np.zeros(N)) or name.startswith(("atkinson", "core"))


def test_one_payer_is_never_unequal() -> None:
    one = ao.LossProblem(1.0, PROBLEM.payers.iloc[:1], cap=5.0)
    for name, (make, _) in CASES.items():
        if not name.startswith(("owa", "core", "cvar", "kolm", "group gap per head")):
            assert solved(make(max(binding(name), 0.0) or 0.1), problem=one).paid == pytest.approx([1.0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cs.jain_at_least(1.0), "gini_at_most\\(0"),
        (lambda: cs.jain_at_least(0.0), "leave the constraint out"),
        (lambda: cs.theil_at_most(0.0), "no finite price"),
        (lambda: cs.kl_at_most(float("nan"), by="fund"), "NaN"),
        (lambda: cs.atkinson_at_most(1.0, 0.5), "between 0 and 1"),
        (lambda: cs.atkinson_at_most(0.1, 0.0), "epsilon of atkinson_at_most is 0"),
        (lambda: solved(cs.atkinson_at_most(0.1, 1.0), problem=PROBLEM.replace(cap=None)), "kolm_pollak_at_most"),
        (lambda: cs.kolm_pollak_at_most(1.0, 0.0), "plain mean"),
        (lambda: cs.kolm_pollak_at_most("low", 1.0), "not a number"),
        (lambda: cs.hoover_at_most(1.5), "between 0 and 1"),
        (lambda: cs.ratio_at_most(0.5), "ratio_at_most is 0.5"),
        (lambda: cs.envy_at_most(-1.0), "envy_at_most is -1"),
        (lambda: cs.group_gap_at_most(-1.0), "group_gap_at_most is -1"),
        (lambda: cs.owa_at_most(1.0, [1.0, 2.0]), "must not increase"),
        (lambda: solved(cs.owa_at_most(1.0, [1.0])), "1 weights for 9 payers"),
        (lambda: cs.lorenz_dominates("talmud", bound=2.0), "lorenz_dominates is 2"),
        (lambda: solved(cs.lorenz_dominates("talmut")), "did you mean 'talmud'"),
        (lambda: cs.suits_between(0.2, 0.1, by="fund"), "exchange them"),
        (lambda: solved(cs.kakwani_between(0.0, 0.1, by="funds")), "did you mean 'fund'"),
        (lambda: cs.in_core([0.0, 1.0, 2.0]), "worths"),
        (lambda: solved(cs.in_core([0.0, 1.0])), "1 players and the question 9"),
        (lambda: solved(cs.theil_at_most(0.1, by="size")), "not a number"),
    ],
)
def test_bad_constraints_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ao.DataError, match=message):
        make()


def test_a_payer_without_wealth_has_no_geometric_mean() -> None:
    payers = PROBLEM.payers
    payers.loc["member 1", ["fund", "wealth"]] = 0.0
    problem = PROBLEM.replace(payers=payers)
    with pytest.raises(ao.DataError, match="no wealth"):
        solved(cs.atkinson_at_most(0.01, 1.0, wealth="wealth"), problem=problem)
    has = cs.atkinson_at_most(0.5, 0.5, wealth="wealth")
    target = REFERENCE.allocate(problem).paid
    bound = 0.95 * has.measure(target, problem, target)
    answer = solved(cs.atkinson_at_most(bound, 0.5, wealth="wealth"), problem=problem)
    assert has.measure(answer.paid, problem, target) == pytest.approx(bound, rel=1e-7)
    assert has.measure(payers["wealth"].to_numpy() * 1.1, problem, target) == np.inf


def test_every_constraint_says_what_it_is() -> None:
    for name in cs.__all__:
        kind = getattr(cs, name)
        assert (kind.__doc__ or "").strip() and (name == "Constraint" or (kind.latex and kind.reading and kind.name))


@pytest.mark.parametrize("name", ["theil", "envy per fund", "gini", "core", "atkinson 0.5", "lorenz"])
def test_the_frontier_falls_is_convex_and_its_slope_is_the_price(name: str) -> None:
    make, tight = CASES[name][0], binding(name, 0.4)
    bounds = np.linspace(tight, 1.1 * reached(name), 9)
    table = price_of(make(tight), PROBLEM, REFERENCE, bounds)
    assert list(table.columns) == ["bound", "distance", "price", "feasible"] and table["feasible"].all()
    d, p = table["distance"].to_numpy(), table["price"].to_numpy()
    assert (np.diff(d) <= 1e-9).all() and d[-1] == 0.0 and p[-1] == 0.0
    assert (np.diff(p) >= -1e-6 * abs(p[0])).all()
    # a convex curve lies above its tangents: the price is a slope at every point, not only nearly
    tangents = d[:, None] + p[:, None] * (bounds[None, :] - bounds[:, None])
    assert (tangents <= d[None, :] + 1e-7 * d[0]).all()


def test_a_frontier_says_where_it_ends() -> None:
    table = price_of(cs.gini_at_most(0.1), PROBLEM, REFERENCE, [0.0, 0.9], subject_to=[cs.within(0.5)])
    assert table["feasible"].to_list() == [False, True]
    assert table.loc[0, ["distance", "price"]].isna().all()
    whole = price_of(cs.hoover_at_most(0.15), PROBLEM, REFERENCE)
    assert whole["bound"].iloc[0] == 0.15 and whole["bound"].iloc[-1] == pytest.approx(reached("hoover"))
    assert len(whole) == 11 and whole["distance"].iloc[-1] == 0.0
    moved = price_of(lambda high: cs.suits_between(-1.0, high, by="fund"), PROBLEM, REFERENCE, [-0.3, -0.2])
    assert (moved["price"] < 0).all()


@pytest.mark.parametrize(
    ("constraint", "bounds", "message"),
    [
        (cs.keep_solvent("wealth"), [0.1], "no single bound"),
        (cs.hoover_at_most, None, "no bounds"),
        ("gini", [0.1], "takes a constraint"),
        (cs.hoover_at_most(0.1), [2.0], "between 0 and 1"),
        (cs.hoover_at_most(0.1), ["low"], "not a number"),
        (cs.within(0.1, of=pd.Series(0.0, index=PROBLEM.ids)), None, "no finite level"),
    ],
)
def test_a_frontier_of_nothing_is_refused(constraint: Any, bounds: Any, message: str) -> None:
    with pytest.raises(ao.DataError, match=message):
        price_of(constraint, PROBLEM, REFERENCE, bounds)
