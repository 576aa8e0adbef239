"""The README is true today: its code runs and prints what it says, its links lead somewhere, its commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from blocks import assert_printed, blocks, run_page

import allocopt as ao

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"


def test_the_blocks_run_and_print_what_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_page(README) >= 2


def test_the_runner_sees_a_wrong_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    for wrong in (
        "```python\nprint(1)\n```\n\n```text\n2\n```\n",
        "```console\n$ allocopt --version\nallocopt 9\n```\n",
    ):
        page.write_text(wrong)
        with pytest.raises(AssertionError, match="instead of"):
            run_page(page)
    page.write_text("```python\nraise KeyError('x')\n```\n")
    with pytest.raises(KeyError):
        run_page(page)
    page.write_text("```toml here/a.toml\nx = 1\n```\n")
    assert run_page(page) == 0 and (tmp_path / "here" / "a.toml").read_text() == "x = 1\n"
    assert_printed("a\n...\nd", "a\nb\nc\nd\n", "elided")


def test_the_make_targets_it_names_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {word for block in blocks(README) for word in re.findall(r"^make ([\w-]+)", block.text, re.MULTILINE)}
    assert named == {"demo", "test"} and named <= targets


def test_its_links_lead_somewhere() -> None:
    text = README.read_text(encoding="utf-8")
    anchors = {
        re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert link[1:] in anchors if link.startswith("#") else (ROOT / link).is_file(), link


def test_the_published_figures_it_states() -> None:
    nasdaq = ao.load_model("nasdaq-clearing").run(ao.load_event("nasdaq-clearing-2018")).by_role
    assert (nasdaq["house"], round(nasdaq["survivor"], 2), round(nasdaq.sum(), 2)) == (7e6, 107e6, 114e6)
    hanmag = ao.load_model("krx-2013").run(ao.load_event("krx-hanmag-2013"))
    assert (hanmag.loss, round(hanmag.by_role["survivor"], 2)) == (58.4e9, 57.0e9)
    bitfinex = ao.load_event("bitfinex-2016").problem()
    rates = ao.allocate(bitfinex, "pro-rata").burden("assets")
    assert rates.round(5).unique().tolist() == [0.36067]
