"""Axioms: the published table is reproduced by hunting, claims survive, and every witness breaks its rule again."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import allocopt as ao
from allocopt.judgement.axiom import Finding
from allocopt.judgement.axiom_list import AXIOMS
from allocopt.judgement.axioms import Witness, check_axioms, divides_by_caps_alone
from allocopt.judgement.risk_axioms import RISK_AXIOMS
from allocopt.schemes.risk_rule import ContributionRule

CASES = Path(__file__).parent / "cases"
TABLE = json.loads((CASES / "axioms.json").read_text(encoding="utf-8"))
STORED = json.loads((CASES / "axiom_witnesses.json").read_text(encoding="utf-8"))
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {"tal-family(1/3)": ("tal-family", {"theta": 1 / 3})}
PUBLISHED = {
    name: VARIANTS.get(name, (name, {}))
    for name in TABLE["breaks"]
    if VARIANTS.get(name, (name, {}))[0] in ao.schemes()
}


@functools.cache
def hunted(name: str) -> Mapping[str, Finding]:
    """Every axiom hunted once for the tests that look at what was brought home."""
    rule, parameters = PUBLISHED[name]
    return check_axioms(rule, **parameters)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_table_is_found_by_hunting(name: str) -> None:
    broken = sorted(axiom for axiom, finding in hunted(name).items() if not finding.holds)
    assert broken == sorted(TABLE["breaks"][name])


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_witness_breaks_its_rule_again_in_numbers_a_reader_can_check(name: str) -> None:
    rule, parameters = PUBLISHED[name]
    scheme = ao.scheme(rule, **parameters)
    for axiom in TABLE["breaks"][name]:
        witness = hunted(name)[axiom].witness
        assert witness.exact and witness.recheck(scheme) == witness.breach > 1e-6
        assert len(witness.caps) <= 5 and all(c.denominator == 1 and c <= 12 for c in witness.caps)
        assert (2 * witness.loss).denominator == 1
        assert sum(witness.shares) == witness.loss


@pytest.mark.parametrize("name", STORED["witnesses"])
def test_the_stored_witnesses_of_a_rule_break_it_again(name: str) -> None:
    """Exactly by the stated amount where the rule is exact; the hunt that found them need not be run again."""
    rule, parameters = VARIANTS.get(name, (name, {}))
    scheme = ao.scheme(rule, **parameters)
    for axiom, kept in STORED["witnesses"][name].items():
        number = Fraction if kept["exact"] else float
        caps, shares = (tuple(map(number, kept[word])) for word in ("caps", "shares"))
        loss, draw, breach = (number(kept[word]) for word in ("loss", "draw", "breach"))
        witness = Witness(axiom, loss, caps, draw, breach, shares, kept["exact"])
        assert witness.recheck(scheme) == (breach if kept["exact"] else pytest.approx(breach))
        assert breach > 1e-6
        if kept["exact"]:
            assert scheme.exact(loss, caps) == shares


def test_every_axiom_that_a_rule_does_not_claim_has_a_stored_witness_or_is_open() -> None:
    for name, kind in ao.schemes().items():
        rule = None if any(f.default is f.default_factory for f in dataclasses.fields(kind)) else kind()
        if rule is None or not rule.claims or isinstance(rule, ContributionRule) or not divides_by_caps_alone(rule):
            continue
        unclaimed = set(AXIOMS) - rule.claims
        witnessed, unknown = set(STORED["witnesses"][name]), set(STORED["open"].get(name, []))
        assert unclaimed == witnessed | unknown and not witnessed & unknown, name


@pytest.mark.parametrize("name", PUBLISHED)
def test_claims_are_axioms_and_the_table_agrees_with_them(name: str) -> None:
    """Each rule claims exactly what the table leaves unbroken; the hunt above has tried to break every one of these."""
    claims = ao.schemes()[PUBLISHED[name][0]].claims
    assert claims <= set(AXIOMS), claims - set(AXIOMS)
    assert not claims & set(TABLE["breaks"][name])


def test_corrected_cells_differ_from_the_older_table() -> None:
    """Rules that an older table calls manipulable by splitting are not, with ten times as many questions."""
    for name, axioms in TABLE["corrected"].items():
        if name in PUBLISHED:
            assert all(f.holds for f in check_axioms(PUBLISHED[name][0], axioms, tries=20_000).values())


class Capricious(ao.Scheme):
    """The first in the table pay what they can when the whole part of the loss is odd, else the last."""

    name = "capricious"

    def program(self, problem: Any) -> Any:
        raise AssertionError

    def solve(self, problem: Any, solvers: Any = None) -> Any:
        raise AssertionError

    def closed_form(self, problem: Any) -> Any:
        return self.batch(np.array([problem.loss]), None, problem.caps[None, :])

    def batch(self, losses: Any, keys: Any, caps: Any) -> Any:
        def first(c: Any) -> Any:
            return np.clip(losses[:, None] - (np.cumsum(c, axis=1) - c), 0, c)

        return np.where((np.floor(losses) % 2 == 1)[:, None], first(caps), first(caps[:, ::-1])[:, ::-1])


def test_a_rule_without_principle_is_found_out() -> None:
    """Hunts that never bring anything home would pass every other test here but the table's crosses."""
    broken = {axiom for axiom, finding in check_axioms(Capricious()).items() if not finding.holds}
    assert broken >= {
        "equal treatment", "order preservation of burdens", "order preservation of what is left", "loss monotonicity",
        "supermodularity", "homogeneity", "composition down", "composition up", "self duality", "midpoint",
    }  # fmt: skip


class Steep(ao.Scheme):
    """In proportion to a figure that grows with the cap up to 30 and falls from there; caps are not respected."""

    name = "steep"

    def program(self, problem: Any) -> Any:
        raise AssertionError

    def solve(self, problem: Any, solvers: Any = None) -> Any:
        raise AssertionError

    def closed_form(self, problem: Any) -> Any:
        paid = self.batch(np.array([problem.loss]), None, problem.caps[None, :])[0]
        return ao.allocate(problem, "pro-rata", key=paid + 1e-9)

    def batch(self, losses: Any, keys: Any, caps: Any) -> Any:
        weight = caps / (1.0 + (caps / 30.0) ** 2) + 1e-12
        return losses[:, None] * weight / weight.sum(axis=1, keepdims=True)


def test_a_breach_far_from_every_grid_is_climbed_to() -> None:
    """Caps on the grid and in the random questions stay below 13, where a growing cap always pays more."""
    finding = check_axioms(Steep(), ["claim monotonicity"])["claim monotonicity"]
    grid_and_random = 8001 - 3 * 25 * 8 * 5
    assert finding.tried > grid_and_random and max(finding.witness.caps) > 13
    assert not finding.witness.exact and str(finding).endswith("(in floats)")
    assert finding.witness.recheck(Steep()) == finding.witness.breach


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Rounded(type(ao.scheme("talmud"))):  # type: ignore[misc]
    """The Talmud rule with a fault in its float arithmetic alone."""

    name = "rounded-talmud"

    def batch(self, losses: Any, keys: Any, caps: Any) -> Any:
        return super().batch(losses, keys, caps) * (1.0 + 1e-6 * np.sign(losses[:, None] - 3.0))


def test_what_only_floats_accuse_of_is_dropped() -> None:
    found = check_axioms(Rounded(), ["homogeneity", "composition up", "equal treatment"], tries=60)
    assert found["homogeneity"].holds and found["homogeneity"].discarded > 0
    assert found["composition up"].witness.exact and found["equal treatment"].discarded == 0


RISK_BREAKS = {
    "euler-es": {"no negative contribution"},
    "euler-std": {"no negative contribution", "order preservation"},
    "euler-var": {"no negative contribution", "no undercut", "stand alone bound"},
    "with-without": {"adding up", "merge and split neutrality", "no negative contribution"},
    "cost-gap": {"merge and split neutrality", "no negative contribution", "no undercut"},
    "covariance": {
        "no undercut", "stand alone bound", "riskless allocation", "order preservation", "no negative contribution",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", RISK_BREAKS)
def test_the_axioms_of_risk_capital_are_broken_where_the_literature_says(name: str) -> None:
    """Kalkbrener's theorem holds up: the Euler rules of sub-additive measures alone are in the core and neutral."""
    found = check_axioms(name)
    assert set(found) == set(RISK_AXIOMS)
    assert {axiom for axiom, finding in found.items() if not finding.holds} == RISK_BREAKS[name]
    for finding in found.values():
        if finding.witness is not None:
            assert finding.witness.recheck(name) == pytest.approx(finding.witness.breach) and finding.witness.breach > 0
            assert all(x == int(x) for row in finding.witness.losses for x in row)


def test_a_haircut_rewards_nobody_for_offsetting_and_a_stated_rule_keeps_its_parameters() -> None:
    found = check_axioms("haircut", ["merge and split neutrality", "homogeneity"], measure="es")
    assert not found["merge and split neutrality"].holds and found["homogeneity"].holds
    rule = ao.scheme("aumann-shapley", scenarios=[[1.0, 2.0]], theta=0.5)
    assert not check_axioms(rule, ["homogeneity"])["homogeneity"].holds
    assert "losses by scenario" in str(found["merge and split neutrality"])


def test_refusals() -> None:
    with pytest.raises(ao.DataError, match="no axiom is called 'midpoint'"):
        check_axioms("euler-es", ["midpoint"])
    with pytest.raises(ao.DataError, match="no axiom is called 'fairness'"):
        check_axioms("pro-rata", ["fairness"])
    with pytest.raises(ao.DataError, match="asks for more"):
        check_axioms(ao.scheme("pro-rata", key="default_fund"), tries=10)
    with pytest.raises(ao.DataError, match="no scheme is called"):
        check_axioms("pro-rat")
