"""Axioms: the published table is reproduced by hunting, claims survive, and every witness breaks its rule again."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import allocopt as ao
from allocopt.judgement.axiom_list import AXIOMS
from allocopt.judgement.axioms import Finding, check_axioms

TABLE = json.loads((Path(__file__).parent / "cases" / "axioms.json").read_text(encoding="utf-8"))
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
        assert (
            witness is not None and witness.recheck(scheme) == pytest.approx(witness.breach) and witness.breach > 1e-6
        )
        assert len(witness.caps) <= 5 and all(c == int(c) and c <= 12 for c in witness.caps)
        assert 2 * witness.loss == int(2 * witness.loss)
        assert sum(witness.shares) == pytest.approx(witness.loss)


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


def test_refusals() -> None:
    with pytest.raises(ao.DataError, match="no axiom is called 'fairness'"):
        check_axioms("pro-rata", ["fairness"])
    with pytest.raises(ao.DataError, match="asks for more"):
        check_axioms(ao.scheme("pro-rata", key="default_fund"), tries=10)
    with pytest.raises(ao.DataError, match="no scheme is called"):
        check_axioms("pro-rat")
