"""The command line: what it prints for people and machines, and one clear line with an exit code when it cannot."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import allocopt as ao
from allocopt.cli import comparing, main, selftest
from allocopt.cli.inputs import Asked, read_table, split, value
from allocopt.errors import DataError

MEMBERS = "member,default_fund,initial_margin,desk\nBank A,60,100,north\nBank B,30,,south\nBank C,10,50,south\n"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; its exit code, what it printed, and what it complained of."""

    def once(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return once


@pytest.fixture
def members(tmp_path: Path) -> Path:
    path = tmp_path / "members.csv"
    path.write_text(MEMBERS)
    return path


def refused(answer: tuple[int, str, str], code: int, *words: str) -> None:
    """One line on stderr, nothing on stdout, no traceback."""
    found, out, err = answer
    assert found == code, err
    assert out == ""
    assert err.startswith("allocopt: ") and err.count("\n") == 1 and "Traceback" not in err
    for word in words:
        assert word in err


def test_the_refusal_check_sees_two_lines() -> None:
    with pytest.raises(AssertionError):
        refused((2, "", "allocopt: one\ntwo\n"), 2)
    with pytest.raises(AssertionError):
        refused((2, "", "allocopt: one\n"), 2, "two")


# Help and lists.


def test_help_and_version_load_nothing_heavy() -> None:
    heavy = ["numpy", "pandas", "scipy", "cvxpy", "numba", "matplotlib"]
    for option in ("--help", "--version"):
        code = (
            f"import sys; from allocopt.cli import main; main([{option!r}]); print(set({heavy!r}) & set(sys.modules))"
        )
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert out.strip().endswith("set()")
        assert "Usage" in out or ao.__version__ in out


def test_every_command_has_help(run: Run) -> None:
    commands = (
        "datasets", "models", "schemes", "metrics", "allocate", "run", "period", "compare", "adl", "check", "selftest",
    )  # fmt: skip
    assert all(command in run("--help")[1] for command in commands)
    for command in commands:
        code, out, _ = run(command, "--help")
        assert code == 0 and "--json" in out


def test_the_module_runs_as_the_command() -> None:
    out = subprocess.run([sys.executable, "-m", "allocopt", "--version"], capture_output=True, text=True, check=True)
    assert out.stdout == f"allocopt {ao.__version__}\n"


@pytest.mark.parametrize("what", ["datasets", "models", "schemes"])
def test_lists_hold_everything_there_is(run: Run, what: str) -> None:
    known = getattr(ao, what)()
    code, out, _ = run(what)
    assert code == 0 and all(name in out for name in known)
    code, out, _ = run(what, "--json")
    assert code == 0 and list(json.loads(out)) == list(known)


def test_the_list_of_criteria_says_what_each_is(run: Run) -> None:
    code, out, _ = run("metrics")
    assert code == 0 and "hoover" in out and "count once" in out
    code, out, _ = run("metrics", "--json")
    facts = json.loads(out)
    assert code == 0 and {"gini", "atkinson_of_residual_wealth", "split_gain"} <= set(facts)
    assert facts["gini"]["best"] == 0.0 and facts["theil"]["worst"] is None and facts["gini"]["favours"] == "pro-rata"


# Dividing.


def test_allocate_gives_what_python_gives(run: Run) -> None:
    code, out, err = run("allocate", "nasdaq-clearing-2018", "--scheme", "talmud", "--json")
    facts = json.loads(out)
    answer = ao.allocate(ao.load_event("nasdaq-clearing-2018").problem(), "talmud")
    assert (code, err) == (0, "")
    assert facts["shares"] == answer.shares.to_dict()
    assert facts["certificate"]["holds"] and facts["columns"]["default_fund"] == "synthetic"
    assert facts["price"] == answer.price and facts["residual"] == 0.0 and facts["currency"] == "EUR"


def test_the_table_is_cut_and_adds_up(run: Run) -> None:
    _, short, _ = run("allocate", "nasdaq-clearing-2018")
    _, full, _ = run("allocate", "nasdaq-clearing-2018", "--all")
    assert "151 others" in short and "Member 166" not in short
    assert "others" not in full and "Member 166" in full
    for out in (short, full):
        assert "107,000,000   100.00 %" in out and "default_fund*" in out and "* synthetic: default_fund" in out
    assert "pro-rata by default_fund" in short


def test_a_csv_of_ones_own_with_the_loss_beside_it(run: Run, members: Path) -> None:
    asked = ("allocate", members, "--loss", "50", "--cap", "default_fund", "--currency", "EUR", "--json")
    code, out, _ = run(*asked)
    assert code == 0 and json.loads(out)["shares"] == {"Bank A": 30.0, "Bank B": 15.0, "Bank C": 5.0}
    code, out, _ = run(*asked, "--scheme", "constrained-equal-awards")
    assert code == 0 and json.loads(out)["shares"] == {"Bank A": 20.0, "Bank B": 20.0, "Bank C": 10.0}
    code, out, _ = run("allocate", members, "--loss", "5e1", "--cap", "20", "--key", "default_fund", "--json")
    assert code == 0 and json.loads(out)["shares"] == pytest.approx({"Bank A": 20.0, "Bank B": 20.0, "Bank C": 10.0})


def test_what_nobody_can_bear_is_said_and_is_no_error(run: Run, members: Path) -> None:
    asked = ("allocate", members, "--loss", "130", "--cap", "default_fund")
    code, out, err = run(*asked)
    assert (code, err) == (0, "") and "Borne by nobody: 30.00" in out
    assert json.loads(run(*asked, "--json")[1])["residual"] == 30.0


def test_no_cap_is_null_in_json(run: Run, members: Path) -> None:
    code, out, _ = run("allocate", members, "--loss", "50", "--key", "default_fund", "--cap", "none", "--json")
    assert code == 0 and json.loads(out)["caps"] == {"Bank A": None, "Bank B": None, "Bank C": None}


def test_parameters_roles_program_and_explanation(run: Run) -> None:
    asked = ("allocate", "nasdaq-clearing-2018", "--roles", "survivor", "--cap", "default_fund", "--loss", "1e6")
    code, out, _ = run(*asked, "--scheme", "queue", "--param", "score=stress_loss", "--program", "--json")
    assert code == 0 and json.loads(out)["method"] == "program (CLARABEL)"
    blend = "{default_fund=0.5, initial_margin=0.5}"
    code, out, _ = run(*asked, "--key", blend, "--by", "equity", "--json")
    facts = json.loads(out)
    assert code == 0 and facts["burden"].keys() == facts["shares"].keys()
    assert "0.5·default_fund + 0.5·initial_margin" in facts["title"]
    code, out, _ = run(*asked, "--explain", "Member 001")
    assert code == 0 and out.startswith("Member 001 bears EUR")
    bounds = "[gini_at_most(0.1, by=default_fund), keep_solvent(equity)]"
    fair = ("--scheme", "fair", "--param", "reference=constrained-equal-awards", "--param", f"subject_to={bounds}")
    code, out, _ = run(*asked, *fair)
    assert code == 0 and "certificate holds (conic dual" in out


def test_a_rule_that_reads_scenarios_takes_the_events_own(run: Run) -> None:
    code, out, _ = run("allocate", "nasdaq-clearing-2018", "--scheme", "euler-es", "--json")
    assert code == 0 and json.loads(out)["scheme"] == "euler-es"
    code, out, _ = run(
        "compare", "nasdaq-clearing-2018", "--schemes", "euler-es:level=0.9", "--model", "none", "--json"
    )
    assert code == 0 and len(json.loads(out)["schemes"]) == 1
    refused(run("allocate", "lme-nickel-2022", "--scheme", "euler-es"), 2, "scenarios")


def test_a_game_is_named_beside_the_rule_and_gives_what_python_gives(run: Run) -> None:
    event = ao.load_event("nasdaq-clearing-2018")
    problem = event.problem()
    stress = problem.payers["stress_loss"]
    cases = {
        ("nucleolus", "airport", "--by", "stress_loss"): ao.scheme("nucleolus", game=ao.games.airport(stress)),
        ("shapley", "cover:2:by=stress_loss"): ao.scheme("shapley", game=ao.games.cover(stress, 2)),
        ("banzhaf", "cover:k=3", "--by", "stress_loss"): ao.scheme("banzhaf", game=ao.games.cover(stress, 3)),
        ("nucleolus", "claims"): ao.scheme(
            "nucleolus", game=ao.games.claims(problem.loss, ao.allocate(problem.replace(loss=1e12), "pro-rata").shares)
        ),
    }
    for (rule, game, *more), expected in cases.items():
        code, out, err = run("allocate", "nasdaq-clearing-2018", "--scheme", rule, "--game", game, *more, "--json")
        assert code == 0, err
        facts = json.loads(out)
        assert facts["shares"] == pytest.approx(expected.allocate(problem).shares.to_dict(), abs=1e-6)
        assert set(facts["values"]) == set(facts["shares"]) and facts["notes"]


@pytest.mark.parametrize("rule", ["nucleolus", "shapley", "tau-value", "constrained-shapley", "core-nearest"])
def test_a_tail_game_is_made_from_the_events_scenarios(run: Run, monkeypatch: pytest.MonkeyPatch, rule: str) -> None:
    whole = ao.load_event("nasdaq-clearing-2018")
    assert whole.scenarios is not None
    table = whole.payers.loc[whole.problem().ids[:4]]
    four = ao.Event(
        "four", loss=1e7, currency="EUR", date=None, payers=table, scenarios=whole.scenarios[list(table.index)],
        question={"cap": "default_fund"},
    )  # fmt: skip
    monkeypatch.setattr(Asked, "event", lambda self: four)
    code, out, err = run("allocate", "four", "--scheme", rule, "--game", "tail:0.9:measure=es", "--json")
    assert code == 0, err
    game = ao.games.tail(four.scenarios, 0.9)
    expected = ao.scheme(rule, game=game).allocate(four.problem()).shares
    assert json.loads(out)["shares"] == pytest.approx(expected.to_dict(), rel=1e-9)
    code, out, err = run(
        "compare", "four", "--schemes", f"{rule}, banzhaf:game=variance(), pro-rata:key=stress_loss", "--game",
        "tail:0.9", "--by", "stress_loss", "--json",
    )  # fmt: skip
    assert code == 0, err
    assert json.loads(out)["shares"][rule] == pytest.approx(expected.to_dict(), rel=1e-9)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--scheme", "nucleolus"], ["nucleolus divides by a game", "--game", "tail:0.975"]),
        (["--scheme", "talmud", "--game", "tail"], ["not with talmud"]),
        (["--scheme", "shapley", "--game", "tial"], ["did you mean 'tail'"]),
        (["--scheme", "shapley", "--game", "cover:2"], ["needs a column", "--by"]),
        (["--scheme", "shapley", "--game", "cover:2:by=stress_los"], ["stress_los"]),
        (["--scheme", "shapley", "--game", "cover:0:by=stress_loss"], ["number of defaults covered"]),
        (["--scheme", "shapley", "--game", "cover:1:2:3"], ["takes k, by, each once"]),
        (["--scheme", "shapley", "--game", "cover:2:k=2"], ["takes k, by, each once"]),
        (["--scheme", "shapley", "--game", "variance:2"], ["takes nothing"]),
        (["--scheme", "shapley", "--game", "tail:depth=2"], ["parameter of the game tail", "level"]),
        (["--scheme", "shapley", "--game", "tail:1.5"], ["level"]),
        (["--scheme", "shapley", "--game", "threshold", "--by", "stress_loss"], ["needs a quota"]),
        (["--scheme", "nucleolus", "--game", "tail:0.9"], ["166 players"]),
        (["--scheme", "owen", "--game", "airport", "--by", "stress_loss"], ["unions"]),
    ],
)
def test_a_bad_game_is_one_clear_line(run: Run, arguments: list[str], words: list[str]) -> None:
    refused(run("allocate", "nasdaq-clearing-2018", *arguments), 2, *words)


def test_a_game_of_scenarios_needs_scenarios(run: Run) -> None:
    refused(run("allocate", "lme-nickel-2022", "--scheme", "shapley", "--game", "tail"), 2, "has none", "cover:2")


def test_a_sampled_answer_states_its_error(run: Run) -> None:
    sampled = ("--scheme", "random-arrival", "--param", "way=sampled", "--param", "seed=1")
    code, out, _ = run("allocate", "nasdaq-clearing-2018", *sampled)
    assert code == 0 and "largest standard error" in out


@pytest.mark.parametrize("name", ao.datasets())
def test_every_dataset_divides_and_runs(run: Run, name: str) -> None:
    code, out, err = run("allocate", name)
    assert (code, err) == (0, "") and "certificate holds" in out
    event = ao.load_event(name)
    if "model" in event.question:
        code, out, err = run("run", name)
        assert (code, err) == (0, "") and "Every layer's certificate holds" in out
        facts = json.loads(run("run", name, "--json")[1])
        assert sum(facts["by_payer"].values()) + facts["residual"] == pytest.approx(event.loss)
    else:
        refused(run("run", name), 2, "--model")


def test_run_with_a_model_of_ones_choice_explains_a_payer(run: Run) -> None:
    asked = ("run", "nasdaq-clearing-2018", "--model", "stylised-ccp", "--loss", "2e8")
    code, out, _ = run(*asked)
    assert code == 0 and "The model is illustrative" in out
    code, out, _ = run(*asked, "--explain", "Member 001")
    assert code == 0 and "Layer" in out


# Comparing.


def test_compare_prints_letters_and_writes_the_page(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "new folder" / "page.html"
    rules = "pro-rata:key=default_fund,talmud"
    code, out, err = run("compare", "nasdaq-clearing-2018", "--schemes", rules, "--rank", "--out", page)
    assert (code, err) == (0, "")
    assert "talmud" in out and " A " in out and "152 others" in out and page.name in out.replace("\n", "")
    text = page.read_text()
    assert "allocopt compare nasdaq-clearing-2018" in text and "<!doctype html>" in text.lower()
    assert "Which scheme, and why" in text and "is first on every set of criteria" in text


def test_compare_ranks_the_rules_when_asked(run: Run) -> None:
    asked = ("compare", "nasdaq-clearing-2018", "--schemes", "pro-rata,cea", "--model", "none", "--rank")
    code, out, _ = run(*asked)
    assert code == 0 and "Ranking over all weights" in out and "pro-rata is number 1 of 2" in " ".join(out.split())
    found = json.loads(run(*asked, "--json")[1])
    assert "number 1 of 2" in found["reasons"] and {"ranking", "acceptability"} <= set(found)


def test_compare_traces_the_frontier_between_criteria(run: Run, members: Path, tmp_path: Path) -> None:
    asked = ("compare", members, "--loss", "50", "--cap", "default_fund", "--schemes", "pro-rata,talmud", "--frontier")
    code, out, err = run(*asked, "gini,gini_of_burdens", "--json", "--out", tmp_path / "r.md")
    facts: dict[str, Any] = json.loads(out)["frontier"]
    assert code == 0 and err == "" and facts["points"]["10"]["gini_of_burdens"] == pytest.approx(2 / 15)
    assert facts["schemes"]["talmud"]["efficient"] is True and "efficient" in facts["reasons"]
    assert sum(facts["shares"]["0"].values()) == pytest.approx(50) and (tmp_path / "r-frontier.svg").exists()
    code, out, _ = run(*asked, "hoover,gini_of_burdens")
    assert code == 0 and "Frontier over all divisions" in out and "changes hands" in out
    refused(run(*asked, "gini"), 2, "two or three")
    refused(run(*asked, "gini,suits"), 2, "one family")


def test_compare_in_json_has_every_table(run: Run) -> None:
    code, out, _ = run("compare", "nasdaq-clearing-2018", "--schemes", "pro-rata,cea", "--model", "none", "--json")
    facts = json.loads(out)
    assert code == 0 and facts["schemes"] == ["pro-rata", "constrained-equal-awards"]
    for table in ("shares", "scores", "incentives", "pareto"):
        assert list(facts[table]) == facts["schemes"]
    assert facts["certificates"]["pro-rata"]["holds"] is True
    assert facts["metrics"]["gini"]["direction"] == "lower is better"
    assert facts["by"] == "default_fund"


def test_the_events_model_joins_only_where_the_loss_is_the_same(run: Run) -> None:
    def rules(*arguments: str) -> list[str]:
        code, out, _ = run("compare", "nasdaq-clearing-2018", "--schemes", "pro-rata", *arguments, "--json")
        assert code == 0
        return list(json.loads(out)["schemes"])

    assert len(rules()) == 2
    assert len(rules("--loss", "1e6")) == 1
    refused(run("compare", "nasdaq-clearing-2018", "--loss", "1e6", "--model", "nasdaq-clearing"), 2, "reaches these")


def test_a_csv_is_compared(run: Run, members: Path) -> None:
    asked = ("compare", members, "--loss", "50", "--cap", "default_fund", "--json")
    code, out, _ = run(*asked)
    assert code == 0 and "pro-rata by default_fund" in json.loads(out)["schemes"]


@pytest.mark.parametrize("name", ao.datasets())
def test_the_usual_rules_suit_every_dataset(name: str) -> None:
    event = ao.load_event(name)
    problem = event.problem()
    rules = comparing.usual(event, problem)
    assert len(rules) >= 4 and len({rule.title for rule in rules}) == len(rules)
    for rule in rules:
        rule.allocate(problem).verify()


# Bad input.


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["allocate", "nasdaq-2018"], ["nasdaq-clearing-2018"]),
        (["allocate", "no/such/folder"], ["no/such/folder"]),
        (["allocate", "missing.csv", "--loss", "1"], ["missing.csv", "no such file"]),
        (["allocate", "nasdaq-clearing-2018", "--scheme", "pro-rate"], ["did you mean 'pro-rata'"]),
        (["allocate", "nasdaq-clearing-2018", "--scheme", "queue"], ["score"]),
        (["allocate", "nasdaq-clearing-2018", "--key", "margins"], ["margins"]),
        (["allocate", "nasdaq-clearing-2018", "--key", "size"], ["not a number"]),
        (["allocate", "nasdaq-clearing-2018", "--cap", "funds"], ["default_fund"]),
        (["allocate", "nasdaq-clearing-2018", "--cap", "-5"], [">= 0"]),
        (["allocate", "nasdaq-clearing-2018", "--roles", "survivors"], ["survivor"]),
        (["allocate", "nasdaq-clearing-2018", "--loss", "-1"], [">= 0"]),
        (["allocate", "nasdaq-clearing-2018", "--loss", "nan"], ["NaN"]),
        (["allocate", "nasdaq-clearing-2018", "--loss", "much"], ["--loss"]),
        (["allocate", "nasdaq-clearing-2018", "--param", "key"], ["name=value"]),
        (["allocate", "nasdaq-clearing-2018", "--explain", "Nobody"], ["Nobody"]),
        (["allocate", "nasdaq-clearing-2018", "--by", "nothing"], ["nothing"]),
        (["allocate"], ["--help"]),
        (["divide"], ["divide", "--help"]),
        (["run", "nasdaq-clearing-2018", "--model", "nasdaq"], ["nasdaq-clearing"]),
        (["compare", "nasdaq-clearing-2018", "--schemes", "fair:subject_to=[gini(0.1)]"], ["gini_at_most"]),
        (["compare", "nasdaq-clearing-2018", "--schemes", "fair:subject_to=[gini_at_most(0.1)"], ["brackets"]),
        (["compare", "nasdaq-clearing-2018", "--schemes", "fair:subject_to=gini_at_most()"], ["bound"]),
        (["compare", "nasdaq-clearing-2018", "--schemes", ","], ["names no rule"]),
        (["compare", "nasdaq-clearing-2018", "--schemes", "pro-rata", "--out", "page.xls"], ["page.xls"]),
        (["compare", "nasdaq-clearing-2018", "--schemes", "pro-rata", "--by", "desk"], ["desk"]),
    ],
)
def test_bad_input_is_one_clear_line(run: Run, arguments: list[str], words: list[str]) -> None:
    refused(run(*arguments), 2, *words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["empty"]),
        ("member,fund\nA,1,2\n", ["line 2", "3 cells"]),
        ("member,fund\nA,1\nA,2\n", ["'A'", "more than once"]),
        ("member,fund\nA,1\nB,two\n", ["'B'", "'two'"]),
        ("member,fund\nA,1\nB,\n", ["'B'", "NaN"]),
        ("member,fund\nA,1\nB,-3\n", ["'B'", "-3"]),
        ("member,fund,fund\nA,1,2\n", ["'fund'", "more than once"]),
        ('member,fund\n"A,1\n', ["CSV"]),
        ("member,fund,currency\nA,1,EUR\nB,2,USD\n", ["EUR", "USD"]),
        ("member,fund,role\nA,1,payer\n", ["'payer'", "survivor"]),
        ("member,other\nA,1\n", ["'fund'"]),
    ],
)
def test_a_broken_csv_is_one_clear_line(run: Run, tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "broken.csv"
    path.write_text(text)
    refused(run("allocate", path, "--loss", "1", "--cap", "fund"), 2, *words)


def test_files_that_cannot_be_read_or_written(run: Run, tmp_path: Path) -> None:
    binary, folder, file = tmp_path / "binary.csv", tmp_path / "folder.csv", tmp_path / "file"
    binary.write_bytes(b"\xff\xfe\x00payer")
    folder.mkdir()
    file.write_text("")
    refused(run("allocate", binary, "--loss", "1"), 2, "binary.csv")
    refused(run("allocate", folder, "--loss", "1"), 2, "folder.csv")
    written = ("compare", "nasdaq-clearing-2018", "--schemes", "pro-rata", "--out")
    refused(run(*written, file / "page.html"), 2, "file")


def test_a_csv_states_no_loss(run: Run, members: Path) -> None:
    refused(run("allocate", members), 2, "--loss")


def test_an_empty_table_is_an_ordinary_question(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "nobody.csv"
    path.write_text("member,fund\n")
    code, out, err = run("allocate", path, "--loss", "5", "--cap", "fund")
    assert (code, err) == (0, "") and "Borne by nobody: 5.00" in out


def test_contradictory_constraints_exit_with_3(run: Run, members: Path) -> None:
    members.write_text(MEMBERS.replace("30,,", "30,200,"))
    bounds = "subject_to=[gini_at_most(0, by=default_fund), gini_at_most(0, by=initial_margin)]"
    asked = ("allocate", members, "--loss", "50", "--cap", "default_fund", "--scheme", "fair", "--param", bounds)
    refused(run(*asked), 3, "gini", "contradict")


@pytest.mark.parametrize("kind", [ao.SolverError, ao.CertificateError])
def test_an_answer_that_does_not_stand_exits_with_4(
    run: Run, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    def fail(self: object, *_: object) -> None:
        raise kind("the answer does not stand")

    monkeypatch.setattr(ao.schemes()["talmud"], "allocate", fail)
    refused(run("allocate", "nasdaq-clearing-2018", "--scheme", "talmud"), 4, "does not stand")


# Documents and the installation.


def test_check_lists_findings(run: Run, tmp_path: Path) -> None:
    wrong = tmp_path / "model.toml"
    wrong.write_text('schema = 1\nname = "x"\ntitel = "x"\n')
    code, out, err = run("check", wrong)
    assert (code, err) == (1, "") and "'titel'" in out
    facts = json.loads(run("check", wrong, "--json")[1])
    assert facts["fine"] is False and len(facts["findings"]) >= 2
    code, out, _ = run("check", tmp_path / "missing.toml")
    assert code == 1 and "no such file" in " ".join(out.split())


def test_check_finds_nothing_on_the_shelf(run: Run) -> None:
    root = Path(__file__).resolve().parents[1]
    for document in (root / "models" / "nasdaq-clearing.toml", root / "datasets" / "nasdaq-clearing-2018"):
        if document.exists():
            code, out, _ = run("check", document)
            assert code == 0 and "nothing to find fault with" in out


def test_selftest_passes_and_reports_versions(run: Run) -> None:
    code, out, _ = run("selftest")
    assert code == 0 and "FAILED" not in out and "numpy" in out
    assert json.loads(run("selftest", "--json")[1])["passed"] is True


def test_selftest_sees_a_wrong_figure(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "worked_examples", lambda: iter([selftest.Check("wrong", 1.0, 1.1, 1e-9)]))
    code, out, _ = run("selftest")
    assert code == 4 and "FAILED" in out


# What is typed.


def test_values_as_typed() -> None:
    assert value("3") == 3 and isinstance(value("3"), int)
    assert value("1e6") == 1e6 and value("true") is True and value("'a, b'") == "a, b"
    assert value("[a, 2]") == ["a", 2] and value("{a=1, b=0.5}") == {"a": 1, "b": 0.5}
    assert value("pro-rata(key=equity)").title == "pro-rata by equity"
    assert split("a:b=[1:2]:c", ":") == ["a", "b=[1:2]", "c"]
    for wrong in ("[1, 2", "1]", "'a"):
        with pytest.raises(DataError, match="do not match"):
            split(wrong)


def test_a_table_keeps_words_apart_from_numbers(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("payer,number,word,mixed,blank\nA,1,x,2,\nB,,y,z,\n")
    table = read_table(path)
    assert table["number"].dtype == float and table["number"].isna().tolist() == [False, True]
    assert table["word"].tolist() == ["x", "y"] and table["mixed"].tolist() == [2.0, "z"]
    assert table["blank"].tolist() == ["", ""]


def test_a_csv_with_roles_runs_down_a_model(members: Path, run: Run) -> None:
    members.write_text("member,role,own_capital,default_fund\nCCP,house,5,\nA,survivor,,60\nB,survivor,,40\n")
    event = Asked(str(members), 25.0, "EUR").event()
    assert list(event.payers["role"]) == ["house", "survivor", "survivor"]
    code, out, _ = run("run", members, "--loss", "25", "--currency", "EUR", "--model", "nasdaq-clearing", "--json")
    facts: dict[str, Any] = json.loads(out)
    assert code == 0 and facts["by_payer"] == {"CCP": 5.0, "A": 12.0, "B": 8.0}
