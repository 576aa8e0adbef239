"""Runs from the terminal: pages, statements, many losses, and a saved period done again to the cent."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_cli import Run, refused
from test_cli import run as run

import allocopt as ao

CASE = "nasdaq-clearing-2018"


def test_many_losses_are_those_of_python(run: Run, tmp_path: Path) -> None:
    code, out, err = run("run", CASE, "--losses", "0:4e8:5", "--json")
    facts = json.loads(out)
    found = ao.load_model("nasdaq-clearing").run_many(np.linspace(0, 4e8, 5), ao.load_event(CASE))
    assert (code, err) == (0, "")
    assert [row["loss"] for row in facts["losses"]] == found.loss.tolist()
    assert [row["survivors' default fund"] for row in facts["losses"]] == found.by_layer.iloc[:, -1].tolist()
    assert facts["exhaustion"]["junior capital"] == 7e6
    place = tmp_path / "losses.csv"
    assert run("run", CASE, "--losses", "0:4e8:5", "--out", place)[0] == 0
    written = pd.read_csv(place)
    np.testing.assert_allclose(written.filter(like="payer: ").sum(axis=1) + written["residual"], written["loss"])
    assert "167,000,000" in run("run", CASE, "--losses", "0:4e8:5")[1]


@pytest.mark.parametrize("typed", ["1e6", "1:2", "a:b:c", "5:1:3", "-1:5:3", "1:5:0", "1:5:2.5", "1:inf:3", "0:nan:2"])
def test_losses_typed_wrongly_are_one_clear_line(run: Run, typed: str) -> None:
    refused(run("run", CASE, f"--losses={typed}"), 2, "--losses")


def test_many_losses_are_written_as_a_table_only(run: Run, tmp_path: Path) -> None:
    refused(run("run", CASE, "--losses", "1:2:2", "--out", tmp_path / "page.html"), 2, ".csv")


def test_statements_are_printed_and_come_as_json(run: Run) -> None:
    code, out, _ = run("run", CASE, "--statement", "Member 001", "--statement", "Nasdaq Clearing")
    assert code == 0 and "8,174,180" in out and "its cap" in out and "* synthetic: default_fund" in out
    facts = json.loads(run("run", CASE, "--statement", "Member 001", "--json")[1])
    frame = ao.load_model("nasdaq-clearing").run(ao.load_event(CASE)).statement("Member 001")
    assert facts["statements"]["Member 001"]["survivors' default fund"]["share"] == frame["share"].iloc[0]
    refused(run("run", CASE, "--statement", "Member 999"), 2, "Member 999")


@pytest.mark.parametrize("kind", ["html", "md"])
def test_a_run_is_written_as_a_page(run: Run, tmp_path: Path, kind: str) -> None:
    place = tmp_path / f"report.{kind}"
    code, out, _ = run("run", CASE, "--statement", "Member 003", "--out", place)
    page = place.read_text(encoding="utf-8")
    assert code == 0 and str(place.name) in out.replace("\n", "")
    for words in ("Statement of Member 003", "Certificates of the layers", "Sources", "Who bears it", "allocopt run"):
        assert words in page
    assert "Statement of Member 001" not in page


def test_a_saved_period_is_done_again_and_a_changed_cent_is_refused(run: Run, tmp_path: Path) -> None:
    period = ao.Period(ao.load_model("nasdaq-clearing"))
    period.default(ao.load_event(CASE), "2018-09-11")
    period.replenish("2018-09-17")
    place = period.save(tmp_path / "period.json")
    code, out, _ = run("period", place)
    assert code == 0 and "done again to the cent" in out and "107,000,000.00" in out
    facts = json.loads(run("period", place, "--timeline", "--json")[1])
    assert facts["verified"] and [row["left"] for row in facts["left"]] == period.timeline["left"].tolist()
    document = json.loads(place.read_text(encoding="utf-8"))
    document["log"][0]["outcome"][0][2] += 0.01
    place.write_text(json.dumps(document), encoding="utf-8")
    refused(run("period", place), 2, "entry 1", "the file says")
    refused(run("period", tmp_path / "none.json"), 2, "none.json")
