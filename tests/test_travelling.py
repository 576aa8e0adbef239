"""Answers travel between processes: what arrives says the same, proves itself again, and is as frozen as before."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields
from functools import cache
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd
import pytest

import allocopt as ao


@cache
def problem() -> ao.LossProblem:
    table = pd.DataFrame(
        {"fund": [60.0, 30.0, 10.0], "risk": [1.0, 3.0, 2.0], "group": ["a", "a", "b"]}, index=["A", "B", "C"]
    )
    return ao.LossProblem(50, table, cap="fund", currency="EUR", status={"fund": "synthetic"}, about="three banks")


SCENARIOS = pd.DataFrame(np.random.default_rng(5).normal(-1, 4, (400, 3)), columns=["A", "B", "C"])
BY_SCENARIOS = ("aumann-shapley", "cost-gap", "covariance", "euler-es", "euler-std", "euler-var", "haircut",
                "optimal-capital", "shortfall-risk", "with-without")  # fmt: skip
NEEDS: dict[str, dict[str, Any]] = {rule: {"scenarios": SCENARIOS} for rule in BY_SCENARIOS} | {
    "queue": {"score": "risk"}, "contract-pro-rata": {"key": "risk"}, "risk-aware-pro-rata": {"leverage": "risk"},
    "minimax-leverage": {"equity": "risk"}, "lots": {"lot": 5.0},
    "elliptical": {"scale": [[9.0, 2.0, 0.0], [2.0, 16.0, 1.0], [0.0, 1.0, 4.0]]},
}  # fmt: skip
GAMES = [name for name, kind in ao.schemes().items() if "game" in {field.name for field in fields(kind)}]
BESIDE: dict[str, dict[str, Any]] = {
    "owen": {"unions": [["A", "B"], ["C"]]}, "myerson": {"links": [("A", "B"), ("B", "C")]},
    "weighted-shapley": {"weights": [1.0, 2.0, 1.0]},
}  # fmt: skip


def sent(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))


def same_answer(ours: ao.Allocation, theirs: ao.Allocation) -> None:
    pd.testing.assert_series_equal(ours.shares, theirs.shares)
    assert (ours.method, ours.notes, ours.residual) == (theirs.method, theirs.notes, theirs.residual)
    np.testing.assert_equal(ours.price, theirs.price)
    assert list(ours.duals) == list(theirs.duals) and list(ours.extras) == list(theirs.extras)
    one, two = ours.certificate, theirs.certificate
    np.testing.assert_allclose([two.primal, two.dual, two.gap], [one.primal, one.dual, one.gap], atol=1e-15)
    assert (one.kind, one.statement) == (two.kind, two.statement)
    payer = ours.problem.ids[0]
    assert ours.explain(payer) == theirs.explain(payer)


def test_the_comparison_of_answers_sees_another_share() -> None:
    with pytest.raises(AssertionError):
        same_answer(ao.allocate(problem(), "pro-rata"), ao.allocate(problem(), "talmud"))


@pytest.mark.parametrize("rule", [name for name in ao.schemes() if name not in GAMES])
def test_the_answer_of_every_rule_travels_with_its_evidence(rule: str) -> None:
    answer = ao.allocate(problem(), rule, **NEEDS.get(rule, {}))
    arrived = sent(answer)
    same_answer(answer, arrived)
    assert not arrived.paid.flags.writeable and not arrived.problem.caps.flags.writeable
    with pytest.raises(TypeError):
        arrived.duals["budget"] = 0.0


@pytest.mark.parametrize("rule", GAMES)
def test_a_rule_of_a_game_travels(rule: str) -> None:
    game = ao.games.table([0, 60, 30, 70, 10, 65, 38, 75], players=["A", "B", "C"], kind="cost")
    answer = ao.allocate(problem(), rule, game=game, **BESIDE.get(rule, {}))
    same_answer(answer, sent(answer))


@pytest.mark.parametrize("rule", ["pro-rata", "random-arrival", "fair", "leximin"])
def test_the_answer_of_a_program_travels(rule: str) -> None:
    parameters = {"subject_to": [ao.gini_at_most(0.1, by="fund")]} if rule in ("fair", "leximin") else {}
    answer = ao.allocate(problem(), rule, by="program", **parameters)
    same_answer(answer, sent(answer))


def test_a_sampled_answer_travels_with_its_error() -> None:
    answer = ao.allocate(problem(), "average-of-awards", way="sampled", seed=7)
    arrived = sent(answer)
    same_answer(answer, arrived)
    pd.testing.assert_series_equal(answer.extras["standard_error"], arrived.extras["standard_error"])


def test_evidence_that_travelled_still_refuses_other_shares() -> None:
    import dataclasses

    arrived = sent(ao.allocate(problem(), "pro-rata"))
    with pytest.raises(ao.CertificateError):
        dataclasses.replace(arrived, paid=[20.0, 20.0, 10.0]).verify()


def test_waterfalls_and_their_runs_travel() -> None:
    waterfall, event = ao.load_model("nasdaq-clearing"), ao.load_event("nasdaq-clearing-2018")
    there = sent(waterfall)
    assert repr(there) == repr(waterfall) and there.sources == waterfall.sources
    run = waterfall.run(event)
    arrived = sent(run).verify()
    pd.testing.assert_frame_equal(arrived.table, run.table)
    pd.testing.assert_frame_equal(arrived.rounded(), run.rounded())
    assert arrived.explain("Member 001") == run.explain("Member 001")
    pd.testing.assert_frame_equal(
        there.run_many([1e6, 9e7], event).by_payer, waterfall.run_many([1e6, 9e7], event).by_payer
    )
    with pytest.raises(TypeError):
        there.layers[0].only["role"] = ("house",)


def test_tiers_and_groups_travel() -> None:
    table = pd.DataFrame(
        {"role": ["house", "survivor", "survivor"], "own": [5.0, 0, 0], "fund": [0, 6.0, 4.0], "bid": [0, 1.0, 2.0]},
        index=["CCP", "A", "B"],
    )
    event = ao.Event("toy", loss=9, currency="EUR", date=None, payers=table)
    layers = (
        ao.Layer("skin", roles="house", cap="own", pari_passu="both"),
        ao.Layer("fund", roles="survivor", cap="fund", tiers="bid", pari_passu="both"),
    )
    run = ao.Waterfall("toy", layers).run(event)
    arrived = sent(run).verify()
    pd.testing.assert_frame_equal(arrived.table, run.table)
    assert all(arrived.explain(payer) == run.explain(payer) for payer in table.index)


def test_a_scorecard_travels_with_its_tables() -> None:
    card = ao.compare(problem(), ["pro-rata", "talmud"], seed=3)
    arrived = sent(card)
    for name in ("shares", "scores", "incentives", "witnesses", "prices", "certificates", "metrics"):
        pd.testing.assert_frame_equal(getattr(arrived, name), getattr(card, name))


def test_a_copy_is_a_copy_and_a_question_keeps_what_was_said_of_it() -> None:
    arrived = copy.deepcopy(problem())
    assert arrived is not problem()
    assert (arrived.status, arrived.about, arrived.cap_name) == ({"fund": "synthetic"}, "three banks", "fund")
    stated = sent(ao.LossProblem(5, problem().payers, cap=[1.0, 2.0, 3.0]))
    assert stated.replace(loss=6).caps.tolist() == [1.0, 2.0, 3.0]


def residual_of(waterfall: ao.Waterfall, event: ao.Event, loss: float) -> ao.Cascade:
    return waterfall.run(event, loss)


@pytest.mark.slow
def test_a_pool_of_processes_runs_waterfalls() -> None:
    waterfall, event = ao.load_model("nasdaq-clearing"), ao.load_event("nasdaq-clearing-2018")
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        runs = list(pool.map(residual_of, [waterfall] * 2, [event] * 2, [1e8, 2e8]))
    assert [run.residual for run in runs] == [waterfall.run(event, loss).residual for loss in (1e8, 2e8)]
