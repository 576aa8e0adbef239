"""Datasets and models by name or path; a faulty document gets one line that names file, place, key and remedy."""

from __future__ import annotations

import datetime as dt
import shutil
import tomllib
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocopt.errors import DataError, DocumentError
from allocopt.shelf.library import (
    check_document,
    datasets,
    load_event,
    load_event_document,
    load_model,
    models,
    shelf,
)
from allocopt.shelf.regenerate import made_payers, made_scenarios, regenerate, stale
from allocopt.shelf.sheet import data_sheet
from allocopt.shelf.synthetic import synthetic_members

EVENT = """
schema = 1
name = "mine"
title = "A default of my own"
venue = "My clearing house"
date = 2024-02-29
currency = "EUR"
loss = 30
summary = "Somebody did not pay."

[question]
roles = "survivor"
cap = "default_fund"

[[figures]]
name = "Loss"
value = 30
unit = "EUR"
status = "published"
sources = ["notice"]

[sources.notice]
title = "Notice"
publisher = "My clearing house"
date = "2024-03"

[columns.default_fund]
meaning = "contribution"
unit = "EUR"
status = "published"
sources = ["notice"]

[columns.desk]
meaning = "who looks after the member"
unit = "label"
status = "published"
sources = ["notice"]

[columns.margin]
meaning = "margin"
unit = "EUR"
status = "synthetic"
[columns.margin.rule]
generator = "multiple"
of = "default_fund"
factor = 3

[expected]
survivor = 30

[sheet]
paid = ["The members."]
limits = ["None known."]
"""

PAYERS = """payer,role,default_fund,desk,margin
CCP,house,,,
Bank A,survivor,60.00,north,180.00
Bank B,survivor,40.00,south,120.00
"""

MODEL = """
schema = 1
name = "mine"
title = "My clearing house"
status = "rulebook"
as_of = 2024-01-01
currency = "EUR"
summary = "Two layers."

[sources.rules]
title = "Rules"
publisher = "My clearing house"
date = "2024-01-01"

[[layers]]
name = "skin in the game"
payer = "My clearing house"
amount = 5
sources = ["rules"]

[[layers]]
name = "fund"
payers = ["survivor"]
cap = "default_fund"
scheme = "pro-rata"
key = { default_fund = 0.5, margin = 0.5 }
sources = ["rules"]
"""


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "event.toml").write_text(EVENT)
    (folder / "payers.csv").write_text(PAYERS)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(MODEL)
    return path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) >= 1, f"{old!r} is not in {path.name}"
    path.write_text(text.replace(old, new, 1))


# What is on the shelf.


def test_the_shelf_holds_what_was_promised() -> None:
    assert {
        "nasdaq-clearing-2018", "krx-hanmag-2013", "lehman-cme-2008", "bitfinex-2016", "okex-2018-07-31",
        "lme-nickel-2022", "hkfe-1987",
    } <= set(datasets())  # fmt: skip
    assert {"nasdaq-clearing", "krx-2013", "eurex-clearing", "stylised-ccp"} <= set(models())


def test_every_name_loads_under_its_own_name_and_title() -> None:
    for name, title in datasets().items():
        event = load_event(name)
        assert (event.name, event.title) == (name, title)
        assert event.problem().n > 0 and event.summary and event.venue and event.sources
    for name, title in models().items():
        chain = load_model(name)
        assert (chain.name, chain.title) == (name, title)
        assert chain.layers and chain.summary


def test_the_names_are_read_only() -> None:
    with pytest.raises(TypeError):
        datasets()["mine"] = "A title"  # type: ignore[index]


def test_every_figure_says_how_it_is_known() -> None:
    for name in datasets():
        event = load_event(name)
        listed = {source.key for source in event.sources}
        for figure in event.figures:
            assert set(figure.sources) <= listed
            assert figure.sources or figure.status != "published"
        assert set(event.status) == set(event.payers.columns) - {"role"}


def test_every_layer_of_a_rulebook_has_a_dated_source() -> None:
    books = [load_model(name) for name in models() if load_model(name).status == "rulebook"]
    assert books
    for book in books:
        for layer in book.layers:
            assert any(source.date[:4].isdigit() for source in book.cited(layer))


def walk(folder: Traversable) -> list[str]:
    names = []
    for entry in folder.iterdir():
        names += walk(entry) if entry.is_dir() else [entry.name]
    return names


@pytest.mark.parametrize("kind", ["datasets", "models"])
def test_the_shelf_is_data_and_no_code(kind: str) -> None:
    assert {name.rpartition(".")[2] for name in walk(shelf(kind))} <= {"toml", "csv", "md"}


def test_no_dataset_is_large() -> None:
    for name in datasets():
        folder = shelf("datasets") / name
        assert sum(len(entry.read_bytes()) for entry in folder.iterdir()) < 400_000


@pytest.mark.parametrize("name", datasets())
def test_synthetic_figures_are_made_again_by_their_rules(name: str) -> None:
    assert stale(load_event_document(name)) == []


@pytest.mark.parametrize("name", datasets())
def test_the_data_sheet_is_the_document_in_words(name: str) -> None:
    document = load_event_document(name)
    remedy = f"run: python -m allocopt.shelf.regenerate datasets/{name}"
    assert (shelf("datasets") / name / "README.md").read_text(encoding="utf-8") == data_sheet(document), remedy


@pytest.mark.parametrize("name", models())
def test_shelf_models_pass_their_own_check(name: str) -> None:
    assert check_document(str(shelf("models") / f"{name}.toml")) == []


# Paths of one's own.


def test_a_dataset_of_one_s_own_loads_by_folder_and_by_file(dataset: Path) -> None:
    for path in (dataset, str(dataset), dataset / "event.toml", str(dataset / "event.toml")):
        event = load_event(path)
        assert event.date == dt.date(2024, 2, 29) and event.loss == 30
        assert event.problem().caps.tolist() == [60, 40]
        assert event.payers["desk"].to_list() == ["", "north", "south"]
        assert np.isnan(event.payers.at["CCP", "default_fund"])
    assert check_document(dataset) == []


def test_a_copy_of_a_shelf_dataset_is_the_same_event(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(str(shelf("datasets") / "nasdaq-clearing-2018"), copy)
    ours, theirs = load_event(copy), load_event("nasdaq-clearing-2018")
    pd.testing.assert_frame_equal(ours.payers, theirs.payers)
    assert ours.scenarios is not None and theirs.scenarios is not None
    pd.testing.assert_frame_equal(ours.scenarios, theirs.scenarios)
    assert check_document(copy) == []


def test_a_model_of_one_s_own_runs_on_an_event_of_one_s_own(dataset: Path, model: Path) -> None:
    run = load_model(model).run(load_event(dataset)).verify()
    assert run.by_payer.to_dict() == pytest.approx({"CCP": 0, "Bank A": 15, "Bank B": 10, "My clearing house": 5})
    assert check_document(model) == []


def test_a_rule_makes_the_figures_of_a_draft(dataset: Path) -> None:
    """A new dataset begins with its published figures; the rest is written from the rules."""
    (dataset / "payers.csv").write_text("payer,role,default_fund,desk\nBank A,survivor,60.00,north\n")
    with pytest.raises(DocumentError, match="column 'margin'"):
        load_event(dataset)
    regenerate(dataset)
    assert load_event(dataset).payers.at["Bank A", "margin"] == 180
    assert (dataset / "README.md").read_text().startswith("# A default of my own")
    assert check_document(dataset) == []


# Names and paths that are not there.


def test_an_unknown_name_gets_the_nearest_ones() -> None:
    with pytest.raises(DataError, match="no dataset is called 'nasdaq-clearing-2019'; did you mean 'nasdaq-clearing-2"):
        load_event("nasdaq-clearing-2019")
    with pytest.raises(DataError, match="no model is called 'eurex-clearin'; did you mean 'eurex-clearing'"):
        load_model("eurex-clearin")


def test_a_path_that_does_not_exist_is_a_path(tmp_path: Path) -> None:
    for missing in (tmp_path / "nothing", str(tmp_path / "nothing.toml")):
        with pytest.raises(DataError, match="there is no dataset at"):
            load_event(missing)
    with pytest.raises(DataError, match="a model is a name or a path, not a int"):
        load_model(3)  # type: ignore[arg-type]
    with pytest.raises(DocumentError, match=r"event\.toml: there is no such file"):
        load_event(tmp_path)
    assert check_document(tmp_path / "no.toml") == [f"{tmp_path / 'no.toml'}: there is no such file"]


# One bad document per kind of fault: (old text, new text, what the message must say).

EVENT_FAULTS = {
    "unknown key": ('venue = "My', 'vanue = "My', ["event.toml", "key 'venue': is missing", "is 'vanue' meant for it"]),
    "stray key": ("loss = 30\nsum", "loss = 30\nlos = 1\nsum", ["no key is called 'los'", "did you mean 'loss'"]),
    "missing key": ("loss = 30\nsum", "sum", ["key 'loss': is missing", "expected a number"]),
    "wrong type": ("loss = 30\nsum", 'loss = "30"\nsum', ["key 'loss': is '30'", "expected a number"]),
    "negative loss": ("loss = 30\nsum", "loss = -30\nsum", ["key 'loss'", "-30", ">= 0"]),
    "infinite loss": ("loss = 30\nsum", "loss = inf\nsum", ["key 'loss'", "finite"]),
    "true for a number": ("loss = 30\nsum", "loss = true\nsum", ["key 'loss': is True", "expected a number"]),
    "bad date": ("date = 2024-02-29", 'date = "29 Feb 2024"', ["key 'date'", "2018-09-11"]),
    "a time for a date": ("date = 2024-02-29", "date = 2024-02-29T10:00:00", ["key 'date'", "without a time"]),
    "impossible date": ("date = 2024-02-29", "date = 2023-02-29", ["event.toml", "is not TOML"]),
    "bad schema": ("schema = 1", "schema = 2", ["key 'schema': is 2", "reads schema 1"]),
    "blank text": ('venue = "My clearing house"\nd', 'venue = " "\nd', ["key 'venue': is blank"]),
    "bad source date": ('"2024-03"', '"March 2024"', ["[sources.notice]", "key 'date'", "'undated'"]),
    "bad status": ('"published"', '"publised"', ["figure 'Loss'", "key 'status'", "did you mean 'published'"]),
    "uncited": ('sources = ["notice"]\n\n[so', 'sources = ["note"]\n\n[so', ["figure 'Loss'", "'sources'", "'notice'"]),
    "unsourced": ('sources = ["notice"]\n\n[so', "\n[so", ["figure 'Loss'", "key 'sources'", "published figure"]),
    "underived": ('"published"', '"derived"', ["figure 'Loss'", "key 'note'", "how it was derived"]),
    "other currency": ('unit = "EUR"', 'unit = "SEK"', ["figure 'Loss'", "key 'unit'", "'SEK'", "EUR", "foreign"]),
    "column currency": ('contribution"\nunit = "EUR"', 'c"\nunit = "USD"', ["[columns.default_fund]", "key 'unit'"]),
    "figures no list": ("[[figures]]", "[figures]", ["key 'figures'", "[[figures]]"]),
    "sources no table": ("[sources.notice]", "[[sources]]", ["key 'sources'", "[sources.NAME]"]),
    "bad role asked": ('roles = "survivor"', 'roles = "survivors"', ["[question]", "key 'roles'", "'survivor'"]),
    "bad cap asked": ('cap = "default_fund"', 'cap = "fund"', ["[question]", "key 'cap'", "'fund'", "default_fund"]),
    "words as cap": ('cap = "default_fund"', 'cap = "desk"', ["[question]", "key 'cap'", "holds labels"]),
    "stray expectation": ("survivor = 30", "survivors = 30", ["[expected]", "'survivors'", "did you mean 'survivor'"]),
    "no rule": ("[columns.margin.rule]", "[columns.margin.rules]", ["[columns.margin]", "key 'rule'", "'rules'"]),
    "bad generator": ('"multiple"', '"multiples"', ["margin.rule]", "key 'generator'", "did you mean 'multiple'"]),
    "bad parameter": ("factor = 3", "faktor = 3", ["[columns.margin.rule]", "'faktor'", "did you mean 'factor'"]),
    "rule on real figures": ('"synthetic"', '"published"', ["[columns.margin]", "key 'status'", "'synthetic'"]),
    "not TOML": ("[question]", "[question", ["event.toml", "is not TOML"]),
}  # fmt: skip

PAYER_FAULTS = {
    "duplicate payer": ("Bank B", "Bank A", ["payers.csv", "row 'Bank A'", "more than once"]),
    "blank payer": ("Bank B", "", ["payers.csv", "line 4", "blank"]),
    "text in a number": ("40.00", "forty", ["row 'Bank B', column 'default_fund'", "'forty'", "plain number"]),
    "grouped digits": ("40.00", '"4,000"', ["row 'Bank B', column 'default_fund'", "'4,000'"]),
    "NaN": ("40.00", "NaN", ["row 'Bank B', column 'default_fund'", "'NaN'", "finite"]),
    "infinite": ("40.00", "inf", ["row 'Bank B', column 'default_fund'", "'inf'", "finite"]),
    "negative": ("40.00", "-40", ["row 'Bank B', column 'default_fund'", "-40", ">= 0"]),
    "blank where asked": ("40.00", "", ["row 'Bank B', column 'default_fund'", "is blank", "[question] cap"]),
    "bad role": ("Bank B,survivor", "Bank B,member", ["row 'Bank B', column 'role'", "'member'"]),
    "short row": (",south,120.00", ",south", ["line 4", "has 4 cells; expected 5"]),
    "column twice": ("desk,margin", "desk,desk", ["column 'desk'", "more than once"]),
    "column missing": ("default_fund,", "fund,", ["column 'default_fund'", "declared"]),
    "column undeclared": ("margin\n", "marging\n", ["'marging'", "did you mean 'margin'"]),
    "no payer column": ("payer,", "bank,", ["begins with column 'bank'", "expected 'payer'"]),
    "no role column": ("role,", "rolle,", ["column 'role'"]),
}

MODEL_FAULTS = {
    "unknown key": ('cap = "def', 'limit = "def', ["mine.toml", "layer 'fund'", "'limit'"]),
    "typo in a key": ('cap = "def', 'capp = "def', ["layer 'fund'", "'capp'", "did you mean 'cap'"]),
    "bad role": ('["survivor"]', '["surviver"]', ["layer 'fund'", "key 'payers'", "did you mean 'survivor'"]),
    "bad scheme": ('"pro-rata"', '"prorata"', ["layer 'fund'", "'prorata'", "did you mean 'pro-rata'"]),
    "bad parameter": ("sources = [\"rules\"]\n\n[[", 'parameters = { kee = 1 }\nsources = ["rules"]\n\n[[',
                      ["layer 'skin in the game'", "'kee'", "did you mean 'key'"]),
    "bad amount": ("amount = 5", 'amount = "5 m"', ["layer 'skin in the game'", "key 'amount'", "'5 m'"]),
    "negative amount": ("amount = 5", "amount = -5", ["layer 'skin in the game'", "key 'amount'", "-5"]),
    "no amount": ("amount = 5\n", "", ["layer 'skin in the game'", "its amount"]),
    "nobody": ('payer = "My clearing house"\n', "", ["layer 'skin in the game'", "one payer"]),
    "no currency": ('currency = "EUR"\n', "", ["layer 'skin in the game'", "key 'amount'", "no currency"]),
    "bad status": ('"rulebook"', '"rules"', ["key 'status'", "'rules'", "rulebook"]),
    "no day": ("as_of = 2024-01-01\n", "", ["key 'as_of'", "rulebook"]),
    "bad day": ("as_of = 2024-01-01", 'as_of = "2024"', ["key 'as_of'", "date without quotes"]),
    "undated source": ('date = "2024-01-01"', 'date = "undated"', ["layer 'skin in the game'", "'sources'", "dated"]),
    "unlisted source": ('sources = ["rules"]', 'sources = ["rule"]',
                        ["layer 'skin in the game'", "key 'sources'", "did you mean 'rules'"]),
    "unverified layer": ('cap = "def', 'status = "unverified"\ncap = "def', ["layer 'fund'", "'status'", "unverified"]),
    "two of one name": ('name = "fund"', 'name = "skin in the game"', ["two layers", "'skin in the game'"]),
    "no layers": (MODEL[MODEL.index("[[layers]]") :], "", ["key 'layers': is missing"]),
    "no name": ('name = "fund"\n', "", ["layer number 2", "key 'name': is missing"]),
    "stray layer": ("[[layers]]", "[[layer]]", ["'layer'", "did you mean 'layers'"]),
    "typo in tiers": ('cap = "def', 'tier = "bid"\ncap = "def', ["layer 'fund'", "'tier'", "did you mean 'tiers'"]),
    "typo in a group": ('cap = "def', 'paripassu = "g"\ncap = "def', ["'paripassu'", "did you mean 'pari_passu'"]),
    "lonely group": ('cap = "def', 'pari_passu = "g"\ncap = "def', ["layer 'fund'", "'pari_passu'", "no neighbour"]),
    "weight alone": ('cap = "def', 'weight = 2\ncap = "def', ["layer 'fund'", "weight 2", "pari_passu"]),
    "text for a weight": ('cap = "def', 'weight = "2"\ncap = "def', ["layer 'fund'", "key 'weight'", "a number"]),
    "bad renewal": ('cap = "def', 'renews = "daily"\ncap = "def', ["layer 'fund'", "key 'renews'", "'daily'"]),
    "half a day": ('cap = "def', 'restored_after = 1.5\ncap = "def', ["key 'restored_after'", "whole number >= 0"]),
    "low period cap": ('cap = "def', 'period_factor = 0.5\ncap = "def', ["layer 'fund'", "period_factor", ">= 1"]),
    "bad part": ("amount = 5", 'amount = { off = "fund" }', ["game', [amount]", "'of': is missing", "'off'"]),
    "part of nobody": ("amount = 5", 'amount = { of = "fund", payers = "member" }', ["[amount]", "'member'"]),
    "choice of tables": ('cap = "def', 'only = { bid = [[1]] }\ncap = "def', ["[only]", "texts or numbers"]),
    "no choice": ('cap = "def', 'only = { bid = [] }\ncap = "def', ["[only]", "key 'bid'", "empty list"]),
    "choice no table": ('cap = "def', 'only = "bid"\ncap = "def', ["layer 'fund'", "key 'only'", "a table"]),
    "bad period": ("[sources.rules]", '[period]\nlenght = 20\n[sources.rules]', ["[period]", "'lenght'", "'length'"]),
    "bad extension": ("[sources.rules]", '[period]\nextended = "yes"\n[sources.rules]', ["[period]", "'extended'"]),
    "no days": ("[sources.rules]", "[period]\nlength = 0\n[sources.rules]", ["[period]", "'length'", "number >= 1"]),
    "bad period source": ("[sources.rules]", '[period]\nsources = ["rule"]\n[sources.rules]',
                          ["[period]", "'sources'", "did you mean 'rules'"]),
    "bad blend": ("margin = 0.5", 'margin = "half"', ["layer 'fund', [key]", "key 'margin'", "'half'"]),
    "empty blend": ("{ default_fund = 0.5, margin = 0.5 }", "{ margin = 0 }", ["layer 'fund'", "key 'key'", "above 0"]),
    "blank column": ('cap = "default_fund"', 'cap = " "', ["layer 'fund'", "key 'cap'", "is blank", "leave it out"]),
    "small currency": ('currency = "EUR"', 'currency = "euro"', ["key 'currency'", "'euro'", "in capitals"]),
    "an empty list of layers": (MODEL[MODEL.index("[sources.rules]") :], "layers = []", ["key 'layers'", "empty list"]),
    "empty choice": ('cap = "def', 'only = {}\ncap = "def', ["layer 'fund'", "key 'only'", "empty table"]),
    "endless choice": ('cap = "def', 'only = { bid = inf }\ncap = "def', ["[only]", "key 'bid'", "finite"]),
    "factor of nothing": ('cap = "default_fund"', "factor = 2", ["layer 'fund'", "key 'factor'", "name the cap"]),
    "key twice": ("amount = 5", "amount = 5\namount = 6", ["mine.toml", "is not TOML", "at line 19"]),
    "period cap of nothing": ('cap = "default_fund"', "period_factor = 2", ["layer 'fund'", "key 'period_factor'"]),
    "both payers": ('payers = ["survivor"]', 'payers = "survivor"\npayer = "X"', ["layer 'fund'", "key 'payers'"]),
}  # fmt: skip


def assert_names(message: str, fragments: list[str]) -> None:
    assert "\n" not in message
    for fragment in fragments:
        assert fragment in message, f"{fragment!r} is not in: {message}"


def test_the_check_of_messages_sees_a_missing_fragment() -> None:
    with pytest.raises(AssertionError):
        assert_names("event.toml: key 'loss': is missing", ["key 'cap'"])


@pytest.mark.parametrize("fault", EVENT_FAULTS)
def test_a_faulty_event_gets_one_line(fault: str, dataset: Path) -> None:
    old, new, fragments = EVENT_FAULTS[fault]
    edit(dataset / "event.toml", old, new)
    with pytest.raises(DocumentError):
        load_event(dataset)
    assert_names(" | ".join(check_document(dataset)), fragments)


@pytest.mark.parametrize("fault", PAYER_FAULTS)
def test_a_faulty_table_gets_one_line(fault: str, dataset: Path) -> None:
    old, new, fragments = PAYER_FAULTS[fault]
    edit(dataset / "payers.csv", old, new)
    with pytest.raises(DocumentError, match=r"payers\.csv"):
        load_event(dataset)
    assert_names(" | ".join(check_document(dataset)), fragments)


@pytest.mark.parametrize("fault", MODEL_FAULTS)
def test_a_faulty_model_gets_one_line(fault: str, model: Path) -> None:
    old, new, fragments = MODEL_FAULTS[fault]
    edit(model, old, new)
    with pytest.raises(DocumentError):
        load_model(model)
    assert_names(" | ".join(check_document(model)), fragments)


def test_a_stylised_layer_cites_its_source_or_says_what_was_not_read(model: Path) -> None:
    edit(model, '"rulebook"', '"stylised"')
    edit(model, 'amount = 5\nsources = ["rules"]', "amount = 5\nsources = []")
    edit(model, 'cap = "def', 'status = "unverified"\ncap = "def')
    found = check_document(model)
    assert_names(found[0], ["mine.toml", "layer 'skin in the game'", "key 'sources'", "missing or empty"])
    assert_names(found[1], ["mine.toml", "layer 'fund'", "key 'note'", "what was not read"])
    edit(model, 'status = "unverified"', 'status = "unverified"\nnote = "the order"')
    edit(model, "sources = []", 'status = "unverified"\nnote = "the size"')
    assert check_document(model) == []


def test_every_layer_with_an_unknown_source_or_a_name_that_is_taken_is_named(model: Path) -> None:
    text = model.read_text().replace('sources = ["rules"]', 'sources = ["rulez"]')
    model.write_text(text + text[text.index("[[layers]]") :])
    found = check_document(model)
    assert [("no choice is called 'rulez'" in line, "two layers are called" in line) for line in found] == (
        [(True, False)] * 4 + [(False, True)] * 2
    )
    assert all("key 'sources'" in line or "key 'name'" in line for line in found)


@pytest.mark.parametrize("name", ["eurex-clearing", "sebi-core-sgf", "sgx-dc", "nasdaq-clearing-rates"])
def test_a_typo_in_any_key_of_a_rulebook_is_named_with_its_place(name: str, tmp_path: Path) -> None:
    lines = (shelf("models") / f"{name}.toml").read_text(encoding="utf-8").splitlines()
    place, path, seen = "", tmp_path / "typo.toml", 0
    for at, line in enumerate(lines):
        if line.startswith("["):
            named = [x for x in lines[at:] if x.startswith("name = ")]
            place = f"layer {tomllib.loads(named[0])['name']!r}" if line == "[[layers]]" else line
        key = line.partition(" = ")[0]
        if not key.isidentifier():
            continue
        wrong = key[:-1] + ("x" if key[-1] != "x" else "y")
        path.write_text("\n".join([*lines[:at], line.replace(key, wrong, 1), *lines[at + 1 :]]), encoding="utf-8")
        told = [found for found in check_document(path) if f"no key is called {wrong!r}" in found]
        assert len(told) == 1 and told[0].startswith(f"{path}: "), line
        assert place in told[0] or key == "name", line
        assert "did you mean" in told[0] or key in ("only", "key"), line
        seen += 1
    assert seen > 40


def test_a_model_may_say_everything_a_layer_can(model: Path, dataset: Path) -> None:
    more = """
[[layers]]
name = "calls"
payers = "survivor"
only = { desk = ["north", "south"] }
cap = "default_fund"
factor = 2
attributed = "margin"
amount = { of = "default_fund", factor = 0.5, payers = "survivor" }
tiers = "margin"
resource = "calls"
renews = "default"
period_factor = 3
restored_after = 10
pari_passu = "last"
weight = 3
sources = ["rules"]

[[layers]]
name = "parent"
payer = "Parent"
amount = 7
pari_passu = "last"
weight = 1
sources = ["rules"]

[period]
length = 30
unit = "calendar days"
extended = "add"
most_months = 3
most_days = 80
order = "top"
recoveries = "pro rata"
notice_factor = 2
sources = ["rules"]
note = "Invented."
"""
    model.write_text(MODEL + more)
    assert check_document(model) == []
    chain = load_model(model)
    layer = chain["calls"]
    assert (layer.tiers, layer.attributed, layer.renews, layer.restored_after) == ("margin", "margin", "default", 10)
    assert dict(layer.only) == {"desk": ("north", "south")} and (chain.period.length, chain.period.most_days) == (
        30,
        80,
    )
    run = chain.run(load_event(dataset), loss=117).verify()
    assert run.by_layer.to_dict() == pytest.approx({"skin in the game": 5, "fund": 100, "calls": 9, "parent": 3})
    assert len(chain.period.told) == 4


def test_an_event_may_state_its_loss_by_pool(dataset: Path, model: Path) -> None:
    edit(dataset / "event.toml", 'cap = "default_fund"', 'cap = "default_fund"\nlosses = { swaps = 10, "" = 20 }')
    edit(model, 'cap = "default_fund"', 'pool = "swaps"\ncap = "default_fund"')
    assert check_document(dataset) == [] and load_event(dataset).question["losses"] == {"swaps": 10, "": 20}
    run = load_model(model).run(load_event(dataset))
    assert run.by_layer.to_dict() == pytest.approx({"skin in the game": 5, "fund": 10 * 25 / 30})


def test_one_reading_finds_every_fault(dataset: Path) -> None:
    edit(dataset / "event.toml", "loss = 30\nsum", 'loss = "30"\nsum')
    edit(dataset / "event.toml", 'unit = "EUR"', 'unit = "SEK"')
    edit(dataset / "payers.csv", "40.00", "forty")
    found = check_document(dataset)
    assert len(found) == 3
    with pytest.raises(DocumentError, match=r"key 'loss'.*and 2 more") as raised:
        load_event(dataset)
    assert raised.value.file.endswith("event.toml") and "key 'loss'" in raised.value.problem


def test_a_figure_in_another_currency_may_be_told_if_it_says_so(dataset: Path) -> None:
    edit(dataset / "event.toml", 'unit = "EUR"', 'unit = "SEK"\nforeign = true')
    assert load_event(dataset).figures[0].unit == "SEK"


def test_a_synthetic_figure_that_was_changed_by_hand_is_found(dataset: Path) -> None:
    edit(dataset / "payers.csv", "120.00", "121.00")
    assert load_event(dataset).payers.at["Bank B", "margin"] == 121
    assert_names(" | ".join(check_document(dataset)), ["row 'Bank B', column 'margin'", "121", "120"])


def test_a_rule_that_cannot_work_says_so(dataset: Path) -> None:
    edit(dataset / "event.toml", 'of = "default_fund"', 'of = "nothing"')
    assert_names(" | ".join(check_document(dataset)), ["multiple", "nothing"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scenario,Bank A,Bank Z\nS1,1,2\n", "did you mean 'Bank"),
        ("scenario,Bank A,Bank B\nS1,1,\n", "row 'S1', column 'Bank B'.*is blank"),
        ("scenario,Bank A,Bank B\nS1,1,x\n", "row 'S1', column 'Bank B'.*'x'"),
        ("day,Bank A,Bank B\nS1,1,2\n", "expected 'scenario'"),
        ("", r"scenarios\.csv: is empty"),
    ],
)
def test_faulty_scenarios_are_named(text: str, message: str, dataset: Path) -> None:
    add_scenarios(dataset)
    (dataset / "scenarios.csv").write_text(text)
    with pytest.raises(DocumentError, match=message):
        load_event(dataset)


def add_scenarios(dataset: Path) -> None:
    edit(
        dataset / "event.toml",
        "[expected]",
        '[scenarios]\nmeaning = "P&L"\nunit = "EUR"\nstatus = "published"\nsources = ["notice"]\n\n[expected]',
    )


def test_scenarios_may_lose_and_gain(dataset: Path) -> None:
    add_scenarios(dataset)
    with pytest.raises(DocumentError, match=r"scenarios\.csv: there is no such file"):
        load_event(dataset)
    (dataset / "scenarios.csv").write_text("scenario,Bank A,Bank B\nS1,-1.5,2\nS2,0,-3\n")
    scenarios = load_event(dataset).scenarios
    assert scenarios is not None and scenarios.to_numpy().tolist() == [[-1.5, 2], [0, -3]]


def test_a_table_saved_by_a_spreadsheet_loads(dataset: Path) -> None:
    """With a byte order mark and Windows line ends; but not with semicolons, which is said."""
    text = (dataset / "payers.csv").read_text()
    (dataset / "payers.csv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert load_event(dataset).payers.at["Bank A", "margin"] == 180
    (dataset / "payers.csv").write_text(text.replace(",", ";"))
    with pytest.raises(DocumentError, match="commas between cells"):
        load_event(dataset)


def test_a_file_that_is_no_text_is_a_finding(dataset: Path) -> None:
    (dataset / "payers.csv").write_bytes(b"\xff\xfe\x00")
    assert_names(" | ".join(check_document(dataset)), ["payers.csv", "not a CSV file in UTF-8"])
    (dataset / "event.toml").write_bytes(b"\xff\xfe\x00")
    assert_names(" | ".join(check_document(dataset)), ["event.toml", "not UTF-8"])


# Synthetic figures.


@settings(derandomize=True, deadline=None, max_examples=50)
@given(n=st.integers(1, 80), total=st.floats(1e3, 1e7), seed=st.integers(0, 10), sigma=st.floats(0, 3))
def test_synthetic_sizes_add_up_to_the_cent(n: int, total: float, seed: int, sigma: float) -> None:
    whole = round(total, 2)
    sizes = synthetic_members(n, whole, seed, sigma=sigma, minimum=1.0)
    assert round(float(sizes.sum()), 2) == pytest.approx(whole, abs=0.006)
    assert (sizes >= 1.0).all() and (np.diff(sizes) <= 0.0101).all()
    assert (sizes == synthetic_members(n, whole, seed, sigma=sigma, minimum=1.0)).all()


def test_synthetic_sizes_at_the_edges() -> None:
    assert synthetic_members(0, 0.0, 1).tolist() == []
    assert synthetic_members(1, 5.0, 1).tolist() == [5.0]
    assert synthetic_members(3, 0.0, 1).tolist() == [0, 0, 0]
    assert synthetic_members(2, 10.0, 1, minimum=5.0).tolist() == [5, 5]
    with pytest.raises(DataError, match="need more than the total"):
        synthetic_members(3, 10.0, 1, minimum=5.0)


def test_another_seed_makes_other_figures() -> None:
    assert (synthetic_members(5, 100.0, 1) != synthetic_members(5, 100.0, 2)).any()


def test_the_check_of_rules_sees_another_seed() -> None:
    document = load_event_document("nasdaq-clearing-2018")
    made, held = made_payers(document), document.event.payers
    assert made["default_fund"].dropna().to_list() == pytest.approx(held["default_fund"].dropna().to_list())
    other = synthetic_members(166, 160e6, seed=1, sigma=1.3, minimum=50_000)
    assert (other != held["default_fund"].dropna().to_numpy()).any()
    scenarios = made_scenarios(document)
    assert scenarios is not None and abs(float(np.corrcoef(scenarios.abs().T)[0, 1])) < 1


# Further tables.

TABLES = """
[tables.waves]
row = "wave"
meaning = "one row per wave"
status = "published"
sources = ["notice"]
[tables.waves.columns]
taken = { meaning = "taken", unit = "EUR" }
coin = { meaning = "contract", unit = "label" }

[expected]"""


def add_table(dataset: Path, text: str) -> None:
    edit(dataset / "event.toml", "[expected]", TABLES)
    (dataset / "waves.csv").write_text(text)


def test_a_dataset_may_bring_further_tables(dataset: Path) -> None:
    assert load_event(dataset).tables == {}
    add_table(dataset, "wave,taken,coin\n1,-2.5,ETH\n2,,\n")
    event = load_event(dataset)
    waves = event.tables["waves"]
    assert waves["coin"].to_list() == ["ETH", ""] and waves["taken"]["1"] == -2.5 and np.isnan(waves["taken"]["2"])
    waves["taken"] = 0.0
    assert event.tables["waves"]["taken"]["1"] == -2.5
    assert "## Table waves.csv" in data_sheet(load_event_document(dataset)) and check_document(dataset) == []


@pytest.mark.parametrize(
    ("text", "fragments"),
    [
        ("wave,taken,coin\n1,two,ETH\n", ["waves.csv", "row '1', column 'taken'", "'two'"]),
        ("wave,taken,coin\n1,2,ETH\n1,3,ETH\n", ["waves.csv", "row '1'", "more than once"]),
        ("wave,taken\n1,2\n", ["waves.csv", "column 'coin'", "not in the table"]),
        ("wave,taken,coins\n1,2,ETH\n", ["waves.csv", "did you mean 'coin'"]),
        ("round,taken,coin\n1,2,ETH\n", ["waves.csv", "expected 'wave'"]),
        ("", ["waves.csv", "is empty"]),
    ],
)
def test_a_faulty_further_table_gets_one_line(text: str, fragments: list[str], dataset: Path) -> None:
    add_table(dataset, text)
    with pytest.raises(DocumentError, match=r"waves\.csv"):
        load_event(dataset)
    assert_names(" | ".join(check_document(dataset)), fragments)


@pytest.mark.parametrize(
    ("old", "new", "fragments"),
    [
        ('sources = ["notice"]\n[tables', "[tables", ["[tables.waves]", "key 'sources'", "published table"]),
        ('row = "wave"\n', "", ["[tables.waves]", "key 'row'", "missing"]),
        ('unit = "EUR" }', 'unit = "USD" }', ["[tables.waves.columns.taken]", "key 'unit'", "EUR"]),
        ('unit = "EUR" }', 'unit = "EUR", unti = 1 }', ["[tables.waves.columns.taken]", "did you mean 'unit'"]),
        ("[tables.waves.columns]", "[tables.waves.column]", ["[tables.waves]", "key 'columns'", "every column"]),
    ],
)
def test_a_further_table_must_be_declared(old: str, new: str, fragments: list[str], dataset: Path) -> None:
    add_table(dataset, "wave,taken,coin\n1,2,ETH\n")
    edit(dataset / "event.toml", old, new)
    assert_names(" | ".join(check_document(dataset)), fragments)


def test_a_missing_further_table_is_named(dataset: Path) -> None:
    add_table(dataset, "")
    (dataset / "waves.csv").unlink()
    with pytest.raises(DocumentError, match=r"waves\.csv: there is no such file"):
        load_event(dataset)


def test_the_sheet_prints_the_licence_and_figures_as_written(dataset: Path) -> None:
    edit(dataset / "event.toml", 'limits = ["None known."]', 'limits = ["None known."]\nlicence = ["Free for all."]')
    edit(dataset / "event.toml", "value = 30", "value = 653_552_663.51")
    page = data_sheet(load_event_document(dataset))
    assert page.endswith("## Licence\n\nFree for all.\n") and "653,552,663.51 |" in page
