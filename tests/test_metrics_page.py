"""docs/metrics.md and docs/incentives.md list every criterion and measure as the code has it, and every function."""

from __future__ import annotations

import re
from pathlib import Path

import allocopt as ao
from allocopt.judgement.criterion import Criterion
from allocopt.judgement.known import FACTS
from allocopt.judgement.measure import Measure, incentive_measures
from allocopt.judgement.metric import fairness_metrics

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = (DOCS / "metrics.md").read_text(encoding="utf-8")
INCENTIVES = (DOCS / "incentives.md").read_text(encoding="utf-8")


def end(value: float | None) -> str:
    return "∞" if value is None else f"{value:g}"


def in_cell(formula: str) -> str:
    """A formula without bars, which would end a cell: pairs of them, and the bar of a condition."""
    return re.sub(r"\|([^|]*)\|", r"\\lvert \1 \\rvert", formula.replace(" | ", r" \mid "))


def scale(one: Criterion) -> str:
    either = "±" if one.direction == "closer to zero is better" else ""
    return f"{end(one.best)} → {either}{end(one.worst)}"


def row(one: Criterion) -> str:
    """A line of the table of criteria."""
    unit = f" {one.unit}" if one.unit else ""
    formula = f"${in_cell(one.formula)}$"
    cells = [f"`{one.name}`", one.label("exposure"), formula, scale(one) + unit, one.family, one.favours or "–"]
    return f"| {' | '.join(cells)} |"


def row_of_measure(one: Measure) -> str:
    """A line of the table of incentive measures."""
    needs = ", ".join(f"`{name}`" for name in one.needs) or "–"
    formula = f"$`{in_cell(one.formula)}`$"
    return f"| `{one.name}` | {one.label('exposure')} | {formula} | {scale(one)} | {one.unit} | {needs} |"


def test_every_criterion_stands_on_the_page_as_it_is() -> None:
    for one in fairness_metrics().values():
        assert row(one) in PAGE, row(one)


def test_the_check_sees_another_end() -> None:
    one = fairness_metrics()["gini"]
    assert row(one).replace("→ 1", "→ 2") not in PAGE


def test_every_function_and_maker_is_named() -> None:
    for name in [*ao.metrics.__all__, *(f"criteria.{n}" for n in ao.criteria.__all__)]:
        assert f"`{name}" in PAGE or f".{name}(" in PAGE, name


def test_every_incentive_measure_stands_on_its_page_as_it_is() -> None:
    lines = [row_of_measure(one) for one in incentive_measures().values()]
    assert "\n".join(lines) in INCENTIVES, [line for line in lines if line not in INCENTIVES]
    assert all(line.count("|") == 7 for line in lines)


def test_the_check_of_measures_sees_another_fact_and_another_end() -> None:
    line = row_of_measure(incentive_measures()["moral_hazard"])
    assert line in INCENTIVES
    assert line.replace("`pnl`", "`losses`") not in INCENTIVES and line.replace("1 → 0", "0 → 1") not in INCENTIVES


def test_every_fact_and_every_function_of_incentives_is_named() -> None:
    for name, words in FACTS.items():
        assert f"| `{name}` | {words.replace('|', chr(92) + '|')} |" in INCENTIVES, name
    for name in ao.incentives.__all__:
        assert f"`{name}`" in INCENTIVES, name
    favouring = {one.title for one in incentive_measures().values() if one.favours == "pro-rata"}
    assert favouring == {"Split gain", "Uneven split gain", "Merge gain"}  # what the page says of them
    assert "Split, uneven split and merge gains **favour** pro-rata" in " ".join(INCENTIVES.split())
