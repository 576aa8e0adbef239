"""A page states what it claims, in HTML that opens anywhere and in Markdown: program, proof, data status, sources."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocopt as ao
from allocopt import notation
from allocopt.facts.certificate import Certificate
from allocopt.judgement.measure import incentive_measures
from allocopt.judgement.metric import fairness_metrics
from allocopt.pages import html, report
from allocopt.pages.blocks import Document, Formula, Heading, Table
from allocopt.pages.mathml import mathml
from allocopt.pages.numerals import amount, decimals, figure
from allocopt.pages.provenance import used
from allocopt.pages.section_rules import own_letters
from allocopt.schemes import constraints
from allocopt.shelf.library import load_event_document

HOSTILE = "<script>alert('x')</script>"
MEASURES = ["split_gain", "follow_on_defaults"]
VOID = {"meta", "link", "br", "hr", "img", "input"}


@pytest.fixture(scope="module")
def nasdaq() -> Any:
    event = ao.load_event("nasdaq-clearing-2018")
    fair = ao.scheme("fair", subject_to=[ao.gini_at_most(0.1, by="initial_margin")])
    return ao.compare(event, ["pro-rata", "talmud", fair, ao.load_model("nasdaq-clearing")], measures=MEASURES)


@pytest.fixture(scope="module")
def page(nasdaq: Any) -> str:
    return report.page(nasdaq)


def problem(ids: list[Any], fund: list[float], loss: float, **facts: Any) -> Any:
    table = pd.DataFrame({"default_fund": fund}, index=pd.Index(ids))
    return ao.LossProblem(loss, table, cap="default_fund", currency="EUR", **facts)


class Reader(HTMLParser):
    """What a browser would see: elements that must balance, ids, what is referred to, and the words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.tags: set[str] = set()
        self.words: list[str] = []
        self.handlers: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src", "xlink:href", "srcset", "data", "action"):
                self.targets.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def check_self_contained(text: str) -> Reader:
    """The page is well formed, runs nothing, and refers to nothing but itself."""
    read = Reader(text)
    assert read.open == []
    assert not read.tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    assert read.handlers == []
    assert len(read.ids) == len(set(read.ids))
    assert all(target.startswith("#") and target[1:] in read.ids for target in read.targets)
    styles = " ".join(re.findall(r"<style>(.*?)</style>", text, re.DOTALL))
    assert "url(" not in styles and "@import" not in styles
    assert "http" not in re.sub(r'http-equiv="[^"]*"', "", text)
    return read


@pytest.mark.parametrize(
    "wrong",
    ["<p><b>x</p></b>", "<p>x", "<script>x</script>", "<p onclick='x'>y</p>", '<a href="https://x.org">y</a>',
     '<a href="#nowhere">y</a>', '<p id="a">x</p><p id="a">y</p>', "<style>@import 'x'</style>"],
)  # fmt: skip
def test_the_check_of_a_page_sees_what_is_wrong(wrong: str) -> None:
    with pytest.raises(AssertionError):
        check_self_contained(wrong)


def test_a_comparison_opens_offline_and_says_all_it_must(nasdaq: Any, page: str) -> None:
    read = check_self_contained(page)
    for title in nasdaq.answers:
        assert title in read.text
    for word in (
        "Purpose and scope", "What happened", "11 September 2018", "The question", "The data and how well it is known",
        "The comparison", "Fairness scores", "Incentives", "Validation", "Limits", "Notation", "Reproducibility",
        "Nasdaq Statement Regarding Member Default", "Nothing about a single member is real", "one price", "conic dual",
        "107,000,000", "Source: O'Neill (1982)",
    ):  # fmt: skip
        assert word in read.text, word
    assert page.count('<math display="block">') >= 8
    assert page.count("<svg") == 7
    assert "DOES NOT HOLD" not in read.text


def test_synthetic_columns_are_named_in_a_banner_and_in_every_figure(nasdaq: Any, page: str) -> None:
    assert {name: used(nasdaq)[name] for name in ("default_fund", "initial_margin", "own_capital")} == {
        "default_fund": "synthetic", "initial_margin": "synthetic", "own_capital": "published",
    }  # fmt: skip
    assert "gross_exposure" not in used(nasdaq)
    banner = re.search(r'<aside class="banner".*?</aside>', page, re.DOTALL)
    assert (
        banner and "synthetic" in banner[0].lower() and "initial_margin" in banner[0] and "own_capital" not in banner[0]
    )
    assert Reader(page).text.count("Synthetic: default_fund") == page.count("<svg")


def test_facts_that_nobody_doubts_carry_no_banner() -> None:
    answer = ao.allocate(problem(["A", "B"], [6, 4], 5, status={"default_fund": "published"}), "pro-rata")
    assert "banner" not in report.page(answer).split("</style>")[1]
    doubted = ao.allocate(problem(["A", "B"], [6, 4], 5, status={"default_fund": "unverified"}), "pro-rata")
    assert "Unverified" in report.page(doubted).split("</style>")[1]


def test_a_certificate_that_fails_is_printed_as_failing() -> None:
    answer = ao.allocate(problem(["A", "B"], [6, 4], 5), "pro-rata")
    wrong = ao.Allocation(
        answer.problem, answer.paid[::-1], 0.0, answer.price, answer.duals, answer.method, answer.scheme,
        lambda _: Certificate(0.0, 0.2, 0.1, "one price"),
    )  # fmt: skip
    assert "It holds at the tolerance" in report.page(answer)
    assert "IT DOES NOT HOLD" in report.page(wrong) and "dual residual 2e−1" in report.page(wrong)


def test_names_of_payers_and_schemes_cannot_break_the_page(tmp_path: Path) -> None:
    question = problem([HOSTILE, "a|b`c`*d*_e_$f$", '"><img src=x>', "日本"], [4, 3, 2, 1], 5, about=HOSTILE)
    card = ao.compare(question, {f"label {HOSTILE}": "pro-rata"}, metrics=["gini"], measures=["split_gain"])
    read = check_self_contained(report.page(card))
    assert read.text.count(HOSTILE) > 5
    written = report.write(card, tmp_path / "hostile.md").read_text(encoding="utf-8")
    outside_code = "".join(written.split("```")[::2])
    assert "<script" not in outside_code and "<img" not in outside_code
    assert r"a\|b\`c\`\*d\*\_e\_\$f\$" in written
    check_tables(written)


@settings(max_examples=25)
@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=4, unique=True))
def test_whatever_payers_are_called_their_names_are_read_as_words(names: list[str]) -> None:
    answer = ao.allocate(problem(names, [1.0] * len(names), 0.5), "pro-rata")
    read = check_self_contained(report.page(answer).replace("\r", ""))
    for name in names:
        assert " ".join(name.split()) in " ".join(read.text.replace("\x00", "").split()) or not name.isprintable()


def check_tables(markdown: str) -> None:
    """Every row of a table has as many cells as its head."""
    for block in re.split(r"\n\s*\n", markdown):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) <= 1, block[:300]


def test_the_check_of_tables_sees_a_bar_too_many() -> None:
    with pytest.raises(AssertionError):
        check_tables("| a | b |\n| :- | -: |\n| x|y | 1 |")


def test_markdown_says_the_same_with_its_programs_and_figures_beside_it(nasdaq: Any, page: str, tmp_path: Path) -> None:
    place = report.write(nasdaq, tmp_path / "methodology.md")
    written = place.read_text(encoding="utf-8")
    assert "$$\n\\begin{aligned}\n\\min_x \\quad &" in written
    assert r"\text{s.t.} \quad & \sum_i x_i = L" in written
    headings = [line.lstrip("# ") for line in written.splitlines() if re.match(r"#{2,3} \d", line)]
    shown = re.findall(r'<h[23] id="[^"]*"><span class="number">([\d.]+)</span> (.*?) <a class', page)
    assert [h.replace("\\", "") for h in headings] == [f"{number} {text}" for number, text in shown]
    figures = re.findall(r"!\[[^\]]*\]\(([^)]*)\)", written)
    assert len(figures) == 7 and all((tmp_path / name).read_bytes().startswith(b"<?xml") for name in figures)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([place.name, *figures])
    check_tables(written)
    assert " ** " not in written and written.isprintable() is False


def test_the_same_facts_give_the_same_bytes(tmp_path: Path) -> None:
    question = problem(["A", "B", "C"], [60, 30, 10], 50)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        card = ao.compare(question, ["pro-rata", "talmud"], metrics=["gini", "hoover"], measures=["split_gain"])
        report.write(card, tmp_path / folder / "page.md")
        report.write(card, tmp_path / folder / "page.html")
    assert len(list((tmp_path / "one").iterdir())) == 8
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


@pytest.mark.parametrize("kind", ["comparison", "answer", "run"])
def test_the_lines_at_the_end_make_the_page_again(
    nasdaq: Any, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = {
        "comparison": nasdaq, "run": next(iter(nasdaq.cascades.values())), "answer": nasdaq.answers["talmud"],
    }[kind]  # fmt: skip
    monkeypatch.chdir(tmp_path)
    first = report.write(subject, "page.html").read_text(encoding="utf-8")
    lines = Reader(first).words[max(k for k, w in enumerate(Reader(first).words) if w.startswith("import allocopt"))]
    if kind == "answer":
        assert "...  # the facts described above" in lines
        lines = lines.replace("...  # the facts described above", "question")
    Path("page.html").unlink()
    exec(lines, {"question": nasdaq.question})
    assert Path("page.html").read_text(encoding="utf-8") == first


def test_lines_that_cannot_say_a_rule_leave_it_open_and_labels_are_kept() -> None:
    question = problem(["A", "B"], [6, 4], 5)
    own = ao.scheme("pro-rata", key=pd.Series({"A": 1.0, "B": 2.0}))
    text = Reader(
        report.page(ao.compare(question, {"mine": own, "equal": "constrained-equal-awards"}, measures=[]))
    ).text
    assert "'mine': ..., # pro-rata by stated key" in text
    assert "'equal': ao.scheme('constrained-equal-awards')," in text
    assert "measures=[]" in text


def test_a_command_takes_the_place_of_the_lines(tmp_path: Path) -> None:
    answer = ao.allocate(problem(["A"], [6], 5), "pro-rata")
    command = "allocopt allocate mine.toml --out page.html"
    text = report.write(answer, tmp_path / "page.html", command=command).read_text(encoding="utf-8")
    assert command in text and "import allocopt" not in text


@pytest.mark.parametrize(
    ("ids", "fund", "loss"),
    [([], [], 5.0), (["A"], [10.0], 5.0), (["A", "B"], [10.0, 5.0], 0.0), (["A", "B"], [0.0, 0.0], 5.0),
     (["A", "B"], [10.0, 5.0], 50.0), ([1, 2], [1e-6, 3e-6], 2e-6), (["A", "B"], [1e12, 3e12], 2e12)],
)  # fmt: skip
def test_questions_at_the_edge_have_pages_too(ids: list[Any], fund: list[float], loss: float, tmp_path: Path) -> None:
    rules = ["pro-rata", "constrained-equal-awards"]
    card = ao.compare(problem(ids, fund, loss), rules, metrics=["gini"], measures=[], by="default_fund")
    read = check_self_contained(report.page(card))
    check_tables(report.write(card, tmp_path / "edge.md").read_text(encoding="utf-8"))
    assert ("borne by nobody (residual)" in read.text) is (loss > sum(fund))
    assert ("The loss exceeds the caps." in read.text) is (loss > sum(fund))


def test_many_payers_are_named_in_part_and_the_rest_add_up(nasdaq: Any) -> None:
    answer = nasdaq.answers["pro-rata"]
    document = report.compose(answer)
    table = next(b for b in document.blocks if isinstance(b, Table) and b.caption.startswith("Shares under"))
    paid = [float(str(row[-3]).replace(",", "")) for row in table.rows]
    assert len(table.rows) == 16 and table.rows[-1][0] == "the other 151"
    assert sum(paid) == pytest.approx(107e6, abs=16)
    assert table.foot[0][0] == "all 166 payers"
    assert "All 166 payers" in report.page(answer)


def test_a_page_of_thousands_of_payers_stays_light() -> None:
    n = 5000
    card = ao.compare(
        problem(list(range(n)), [1.0 + k for k in range(n)], 1e6), ["pro-rata"], metrics=["gini"], measures=[]
    )
    assert len(report.page(card)) < 300_000


def test_a_run_and_an_answer_have_pages_of_their_own(nasdaq: Any) -> None:
    run = next(iter(nasdaq.cascades.values()))
    read = check_self_contained(report.page(run))
    for word in ("1. defaulter's collateral", "survivors' default fund", "published", "[1]", "together", "holds"):
        assert word in read.text
    answer = check_self_contained(report.page(nasdaq.answers["talmud"]))
    assert "Up to half of all caps losses are shared in equal amounts" in answer.text


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [("page.docx", ao.AllocOptError, "DOCX is not written here"), ("page.pdf", ImportError, "write .html"),
     ("page.txt", ao.DataError, "no page ends in .txt"), ("page", ao.DataError, "ends in nothing"),
     ("absent/page.md", ao.DataError, "there is no folder")],
)  # fmt: skip
def test_what_cannot_be_written_is_said_in_one_line(
    tmp_path: Path, name: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=re.escape(said)):
        report.write(ao.allocate(problem(["A"], [6], 5), "pro-rata"), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_headings_are_numbered_and_anchors_are_never_the_same() -> None:
    document = Document(
        "t", "", [Heading(2, "A b"), Heading(3, "x"), Heading(2, "A b"), Heading(3, "x"), Heading(3, "日")]
    )
    assert [(number, anchor) for _, number, anchor in document.numbered()] == [
        ("1", "a-b"), ("1.1", "x"), ("2", "a-b-2"), ("2.1", "x-2-1"), ("2.2", "section"),
    ]  # fmt: skip


def strangers(latex: str, rule: Any = None) -> list[str]:
    """Symbols that neither the notation of the house nor the rule itself explains."""
    return [name for name in notation.symbols_in(latex) if name not in {*notation.SYMBOLS, *own_letters(rule)}]


PARTS = ("formula", "objective", "latex")
SPEAKERS = {
    **ao.schemes(),
    **{name: getattr(constraints, name) for name in constraints.__all__},
    **fairness_metrics(),
    **incentive_measures(),
}
FORMULAS = {(name, p): (getattr(one, p), one) for name, one in SPEAKERS.items() for p in PARTS if getattr(one, p, "")}


@pytest.mark.parametrize("name", FORMULAS, ids=" ".join)
def test_every_symbol_of_a_formula_is_known_and_the_formula_can_be_shown(name: tuple[str, str]) -> None:
    latex, rule = FORMULAS[name]
    assert strangers(latex, rule) == []
    tree = ElementTree.fromstring(mathml(latex, block=True))
    assert tree.find(".//annotation").text == latex  # type: ignore[union-attr]


def test_every_program_of_the_registry_speaks_in_known_symbols() -> None:
    question = problem(["A", "B", "C"], [60, 30, 10], 50)
    asked = {"queue": {"score": "default_fund"}}
    seen = 0
    for name in ao.schemes():
        try:
            rule = ao.scheme(name, **asked.get(name, {}))
            statement = rule.program(question).statement()
        except ao.AllocOptError:
            continue  # it needs a game, scenarios or a table of its own
        assert strangers(statement, rule) == [], name
        ElementTree.fromstring(mathml(statement, block=True))
        seen += 1
    assert seen >= 7


def test_an_unknown_symbol_is_seen() -> None:
    found = notation.symbols_in(r"\Omega_i + \bar{x} + \text{words} + \min_j q_{ij}")
    assert found == (r"\Omega_i", r"\bar x", "q_i")
    assert strangers(r"\Omega_i x_i") == [r"\Omega_i"]
    assert strangers(r"\Omega_i x_i", SimpleNamespace(letters={r"\Omega_i": "what payer i dreads"})) == []


def test_a_rule_may_bring_letters_of_its_own_and_they_win() -> None:
    question = problem(["A", "B"], [6, 4], 5)
    rule = SimpleNamespace(
        name="dread", formula=r"x_i = \Omega_i + m_i", letters={r"\Omega_i": "what i dreads", "m_i": "what i minds"},
        reason=lambda answer, payer: "so be it",
    )  # fmt: skip
    answer = ao.Allocation(question, [3.0, 2.0], 0.0, 0.0, {}, "toss", rule, lambda _: Certificate(0, 0, 0, "toss"))
    text = Reader(report.page(answer)).text
    assert "what i dreads" in text and "what i minds" in text
    assert notation.SYMBOLS["m_i"].meaning not in text


def test_no_two_symbols_are_the_same_and_every_column_of_the_shelf_has_a_letter() -> None:
    letters = [symbol.latex for symbol in notation.COLUMNS.values()]
    assert len(letters) == len(set(letters))
    assert all(symbol.meaning for symbol in (*notation.SYMBOLS.values(), *notation.COLUMNS.values()))
    amounts = {
        c.name for name in ao.datasets() for c in load_event_document(name).columns.values() if c.unit != "label"
    }
    assert sorted(amounts - set(notation.COLUMNS)) == []


@pytest.mark.parametrize(
    ("latex", "inside"),
    [("x_i^2", "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>"), ("12.5", "<mn>12.5</mn>"),
     (r"\frac12", "<mfrac><mn>1</mn><mn>2</mn></mfrac>"), (r"\sum_i x", "<munder><mo movablelimits"),
     (r"a < b \& c", "<mo>&lt;</mo>"), (r"\text{if } x", "<mtext>if\N{NO-BREAK SPACE}</mtext>"),
     (r"\begin{cases} a & b \\ c & d \end{cases}", "<mtr><mtd><mi>a</mi></mtd><mtd><mi>b</mi></mtd></mtr>")],
)  # fmt: skip
def test_formulas_are_read_as_they_are_meant(latex: str, inside: str) -> None:
    assert inside in mathml(latex)
    ElementTree.fromstring(mathml(latex))


@pytest.mark.parametrize(
    "latex", [r"\frac{1}", r"\unheard x", "{x", "x}", "a & b", r"\left( x", r"\begin{tikz}x\end{tikz}"]
)
def test_a_formula_that_cannot_be_read_is_an_error_and_on_a_page_its_source(latex: str) -> None:
    with pytest.raises(ao.DataError):
        mathml(latex)
    shown = html.render(Document("t", "", [Formula(latex)]))
    assert latex in Reader(shown).text and '<code class="latex">' in shown


@given(st.floats(0, 1e15), st.floats(1e-9, 1e15))
def test_amounts_are_printed_as_they_are(value: float, top: float) -> None:
    places = decimals(max(value, top))
    assert float(amount(value, places).replace(",", "")) == pytest.approx(
        value, abs=0.5 * 10.0**-places + 1e-15 * value
    )
    assert float(figure(value).replace(",", "").replace("−", "-")) == pytest.approx(value, rel=6e-2)
    if 1e-5 <= value < 1e12:
        assert float(figure(value).replace(",", "")) == pytest.approx(value, rel=6e-6)


def test_a_rule_from_elsewhere_needs_little_to_get_a_page() -> None:
    """Another package's rule has a name and a reason; the page says what it can and leaves out the rest."""
    question = problem(["A", "B"], [6, 4], 5)
    rule = SimpleNamespace(name="coin", reason=lambda answer, payer: "the coin said so")
    answer = ao.Allocation(question, [5.0, 0.0], 0.0, 0.0, {}, "toss", rule, lambda _: Certificate(0, 0, 0, "toss"))
    text = Reader(report.page(answer)).text
    assert "the coin said so" in text and "..., # coin" in text
    assert sys.version.split()[0] in text
