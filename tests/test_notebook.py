"""The notebook runs from its source, its findings hold, and the executed copy is the source executed."""

from __future__ import annotations

from pathlib import Path

import jupytext
import nbformat
from test_docs import BUILD, DOCS

SOURCE, EXECUTED = DOCS / f"{BUILD.NOTEBOOK}.py", DOCS / f"{BUILD.NOTEBOOK}.ipynb"


def test_it_runs_and_its_findings_hold(tmp_path: Path) -> None:
    """Each finding is asserted in the notebook, beside the words; a cell that fails stops the run."""
    BUILD.write_notebook(tmp_path)
    made = nbformat.read(tmp_path / EXECUTED.relative_to(DOCS), as_version=4)
    outputs = [output for cell in made.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type in ("error", "stream")]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 3


def test_the_executed_copy_is_current_and_small() -> None:
    source, kept = jupytext.read(SOURCE), nbformat.read(EXECUTED, as_version=4)
    cells = [[(cell.cell_type, cell.source) for cell in book.cells] for book in (source, kept)]
    assert cells[0] == cells[1], "docs/notebooks is stale; run make docs"
    assert EXECUTED.stat().st_size < 1_500_000
    assert all(cell.execution_count for cell in kept.cells if cell.cell_type == "code")


def test_it_keeps_no_trace_of_the_machine() -> None:
    text = EXECUTED.read_text(encoding="utf-8")
    assert "iopub" not in text and "/home/" not in text and str(Path.home()) not in text
