"""Many losses judged at once get the scores that each of them gets alone, whatever the rule and the metric."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest

import allocopt as ao
from allocopt.judgement.many import FORMS, burdens, scores
from allocopt.judgement.metric import fairness_metrics, metric
from allocopt.judgement.uncertainty import bootstrap

RULES = ["pro-rata", "constrained-equal-awards", "constrained-equal-losses", "talmud", "minimal-overlap",
         ao.scheme("pro-rata", key="stress"), "random-arrival"]  # fmt: skip


def question(seed, n, *, ties=False, idle=False, caps=True):
    rng = np.random.default_rng(seed)
    fund = rng.integers(1, 5, n) * 10.0 if ties else rng.lognormal(3, 1, n)
    table = pd.DataFrame({"fund": fund, "stress": rng.uniform(0, 9, n), "size": np.where(idle, 0.0, 1.0) * fund})
    if idle:
        table.loc[0, "size"], table.loc[1:, "size"] = 0.0, fund[1:]
    return ao.LossProblem(0.4 * fund.sum(), table, "fund" if caps else None)


def same(q, rule, by, losses):
    """Every metric of every row against the metric asked alone."""
    listed = fairness_metrics()
    found = scores(rule, q, None, listed, by, losses)
    for row, loss in enumerate(losses):
        answer = rule.allocate(q.replace(loss=float(loss)))
        for name, one in listed.items():
            expected = one(answer, by)
            if expected != pytest.approx(found[name][row], rel=1e-7, abs=1e-9, nan_ok=True):
                raise AssertionError(f"{name} of {rule.title} at {loss}: {found[name][row]} alone {expected}")


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("kind", [{}, {"ties": True}, {"idle": True}], ids=["plain", "ties", "idle"])
def test_scores_of_many_losses_are_those_of_each(rule, kind):
    q = question(1, 7, **kind)
    total = q.caps.sum()
    one = rule if not isinstance(rule, str) else ao.scheme(rule)
    same(q, one, "size" if kind.get("idle") else "fund", np.array([0.0, 1e-9, 0.1, 0.5, 0.9, 1.0, 1.3]) * total)


def test_larger_tables_and_no_caps():
    same(question(2, 33, caps=False), ao.scheme("constrained-equal-awards"), "fund", np.array([1.0, 1e12]))
    same(question(3, 401), ao.scheme("talmud"), "fund", np.array([100.0, 9000.0]))
    same(question(4, 1), ao.scheme("pro-rata"), "fund", np.array([0.0, 3.0]))


def test_the_comparison_sees_a_wrong_form(monkeypatch):
    monkeypatch.setitem(FORMS, "gini", lambda paid, caps, w: np.full(len(paid), 0.5))
    with pytest.raises(AssertionError, match="gini of pro-rata"):
        same(question(1, 7), ao.scheme("pro-rata"), "fund", np.array([5.0]))


def test_every_listed_metric_has_a_form_and_every_form_a_metric():
    assert list(FORMS) == list(fairness_metrics())


def test_rules_without_a_batch_and_metrics_of_one_s_own_are_asked_loss_by_loss():
    @metric(title="Count", of="payers", formula="n", direction="lower is better", best=0.0, worst=None)
    def gini(allocation, by):
        """A metric of one's own that bears the name of another."""
        return 7.0

    q = question(5, 5)
    assert burdens(ao.scheme("random-arrival", way="sampled"), q, None, np.array([1.0])) is None
    assert scores(ao.scheme("pro-rata"), q, None, {"gini": gini}, "fund", np.array([1.0]))["gini"].tolist() == [7.0]


def test_a_waterfall_meets_many_losses_as_it_meets_each():
    table = pd.DataFrame({"fund": [60.0, 30.0, 10.0, math.nan], "own": [math.nan] * 3 + [7.0],
                          "role": ["survivor"] * 3 + ["house"]}, index=["A", "B", "C", "CCP"])  # fmt: skip
    event = ao.Event("toy", loss=57, currency="EUR", date=dt.date(2020, 1, 1), payers=table,
                     question={"roles": "survivor", "cap": "fund", "loss": 50.0})  # fmt: skip
    model = ao.Waterfall("toy", (ao.Layer("skin", roles="house", cap="own"),
                                 ao.Layer("fund", roles="survivor", cap="fund", scheme="talmud")))  # fmt: skip
    losses = [10.0, 40.0, 90.0]
    card = ao.compare(event, [model, "talmud"], measures=[], axioms=False, scenarios=losses)
    for loss in losses:
        alone = ao.compare(event, [ao.scheme("talmud")], measures=[], problem=event.problem(loss=loss)).scores
        for title in card.answers:
            got = card.ensemble.loc[loss].unstack()[title].reindex(alone.index)
            assert np.allclose(got, alone["talmud"], equal_nan=True)


# --- the bootstrap


def test_intervals_cover_and_likely_follows_the_difference():
    q = question(6, 20)
    losses = np.random.default_rng(0).uniform(0.2, 0.9, 60) * q.caps.sum()
    card = ao.compare(
        q, ["pro-rata", "talmud", "constrained-equal-awards"], measures=[], axioms=False, scenarios=losses
    )
    table = card.uncertainty
    assert len(table) == len(fairness_metrics()) * 3 and (table["low"] <= table["high"] + 1e-12).all()
    row = table.loc[("gini", "pro-rata", "talmud")]
    a, b = card.ensemble["gini"]["pro-rata"], card.ensemble["gini"]["talmud"]
    assert row["difference"] == pytest.approx((a - b).mean()) and row["likely"] == 1.0
    error = (a - b).std(ddof=0) / math.sqrt(60)
    assert row["low"] == pytest.approx((a - b).mean() - 1.96 * error, abs=0.35 * error)
    assert row["high"] == pytest.approx((a - b).mean() + 1.96 * error, abs=0.35 * error)
    assert row["better"] == (a < b - 1e-9).mean()


def test_a_coin_is_likely_one_half():
    wins = np.where(np.arange(40) % 2, 0.3, 0.1)
    columns = pd.MultiIndex.from_tuples([("gini", "x"), ("gini", "y")])
    scored = pd.DataFrame(np.array([wins, 0.4 - wins]).T, columns=columns)
    spread = bootstrap(scored, {"gini": fairness_metrics()["gini"]}, 0)
    assert spread["likely"].item() == pytest.approx(0.5, abs=0.05) and spread["better"].item() == 0.5
