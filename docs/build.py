"""Make every page that is generated: the reference, the command line, the methodology page, the notebook."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import typer.main
from nbclient import NotebookClient

from allocopt.cli import main as allocopt
from allocopt.cli.app import app
from allocopt.pages.catalogue import pages

DOCS = Path(__file__).resolve().parent
NOTEBOOK = "notebooks/nasdaq_2018"
METHODOLOGY = "methodology-nasdaq-2018"
RULES = (
    "pro-rata:key=default_fund", "constrained-equal-awards", "talmud",
    "fair:reference=pro-rata(key=initial_margin):label=fair"
    ":subject_to=[gini_at_most(0.1, by=default_fund), keep_solvent(equity)]",
)  # fmt: skip

_TYPING = """\
Answers go to the standard output, as tables or, with `--json`, as JSON, in which numbers are numbers and infinity is
`null`. What goes wrong is one line on the standard error, and an exit code:

| code | means |
| --- | --- |
| 0 | done |
| 1 | `check` found something |
| 2 | the input cannot be used: what, where, what was expected, and the remedy |
| 3 | the constraints contradict each other |
| 4 | no answer stands |

Parameters are typed as `name=value`. A value is a number, `true`, a word such as a column, a list `[a, b]`, a blend of
columns `{default_fund=0.5, initial_margin=0.5}`, a rule `pro-rata(key=equity)` or a fairness constraint
`gini_at_most(0.1, by=default_fund)`. In `compare --schemes` rules are separated by commas, their parameters by colons:

```sh
allocopt compare nasdaq-clearing-2018 --schemes \\
  "pro-rata:key=equity, talmud, fair:reference=talmud:subject_to=[gini_at_most(0.1, by=default_fund)]"
```"""


def reference() -> dict[str, str]:
    """The pages that the code and the documents write themselves, by their path below docs/."""
    return {**pages(), "command-line.md": command_line()}


def command_line() -> str:
    """Every command with its arguments and options, as the command itself describes them."""
    group: Any = typer.main.get_command(app)
    parts = ["# The command line", f"{group.help}", _TYPING]
    for name, command in group.commands.items():
        rows = ["| | |", "| --- | --- |"]
        for parameter in command.params:
            spelled = ", ".join(f"`{option}`" for option in sorted(parameter.opts, key=len))
            shown = f"`{name_of(parameter)}`" if parameter.param_type_name == "argument" else spelled
            rows.append(f"| {shown} | {(getattr(parameter, 'help', '') or '').replace('|', chr(92) + '|')} |")
        parts += [f"## allocopt {name}", command.help, "\n".join(rows)]
    parts += ["---", "Made by `make docs` from `allocopt/cli/app.py`; edit that, not this page."]
    return "\n\n".join(parts) + "\n"


def name_of(parameter: Any) -> str:
    """An argument as it is written in a command line."""
    return str(parameter.name).upper()


def write_reference(folder: Path) -> None:
    """Write the reference pages, and remove those of things that are gone."""
    wanted = reference()
    for path, text in wanted.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8", newline="\n")
    for kind in ("schemes", "models", "datasets"):
        for page in (folder / kind).glob("*.md"):
            if page.relative_to(folder).as_posix() not in wanted:
                page.unlink()


def write_methodology(folder: Path) -> None:
    """Write the comparison on the Nasdaq case as a page, in Markdown and in HTML, by the command line it states."""
    for stray in folder.glob(f"{METHODOLOGY}*"):
        stray.unlink()
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        for suffix in (".md", ".html"):
            asked = ["compare", "nasdaq-clearing-2018", "--schemes", ",".join(RULES), "--rank"]
            if allocopt([*asked, "--out", METHODOLOGY + suffix]):
                sys.exit("the methodology page was not written")


def write_notebook(folder: Path) -> None:
    """Execute the notebook's source and keep it with its output, without the times at which cells ran."""
    notebook = jupytext.read(DOCS / f"{NOTEBOOK}.py")
    for number, cell in enumerate(notebook.cells, 1):
        cell.id = f"cell-{number}"  # random otherwise, and every build would look like a change
    NotebookClient(notebook, timeout=300, kernel_name="python3", record_timing=False).execute()
    place = folder / f"{NOTEBOOK}.ipynb"
    place.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, place)


if __name__ == "__main__":
    write_reference(DOCS)
    write_methodology(DOCS)
    write_notebook(DOCS)
