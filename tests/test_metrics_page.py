"""docs/metrics.md lists every criterion as the code has it, and every plain function."""

from __future__ import annotations

import re
from pathlib import Path

import allocopt as ao
from allocopt.judgement.criterion import Criterion
from allocopt.judgement.metric import fairness_metrics

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "metrics.md").read_text(encoding="utf-8")


def end(value: float | None) -> str:
    return "∞" if value is None else f"{value:g}"


def row(one: Criterion) -> str:
    """A line of the table of criteria; bars in a formula would end a cell."""
    formula = re.sub(r"\|([^|]*)\|", r"\\lvert \1 \\rvert", one.formula)
    either = "±" if one.direction == "closer to zero is better" else ""
    scale = f"{end(one.best)} → {either}{end(one.worst)}"
    unit = f" {one.unit}" if one.unit else ""
    cells = [f"`{one.name}`", one.label("exposure"), f"${formula}$", scale + unit, one.family, one.favours or "–"]
    return f"| {' | '.join(cells)} |"


def test_every_criterion_stands_on_the_page_as_it_is() -> None:
    for one in fairness_metrics().values():
        assert row(one) in PAGE, row(one)


def test_the_check_sees_another_end() -> None:
    one = fairness_metrics()["gini"]
    assert row(one).replace("→ 1", "→ 2") not in PAGE


def test_every_function_and_maker_is_named() -> None:
    for name in [*ao.metrics.__all__, *(f"criteria.{n}" for n in ao.criteria.__all__)]:
        assert f"`{name}" in PAGE or f".{name}(" in PAGE, name
