"""Run the code blocks of a Markdown page and hold what they print against what the page says they print."""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from allocopt.cli import main

_FENCE = re.compile(r"^```(\w*)[ ]?([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ALIKE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Block(NamedTuple):
    """A fenced block: its language, what stands behind the language, its text."""

    language: str
    note: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    for language, note, text in _FENCE.findall(page.read_text(encoding="utf-8")):
        yield Block(language, note.strip(), text)


def run_page(page: Path) -> int:
    """Run every block of a page in the current folder; return how many outputs were compared.

    ``python`` runs, all blocks of a page in one namespace; a ``text`` block after it is what it prints. A block that
    begins with ``>>>`` is a session on its own. ``console`` holds commands after ``$`` and what they print. A block
    whose language is followed by a file name is written to it. Other languages are for reading.
    """
    namespace: dict[str, Any] = {"__name__": page.stem}
    printed, compared = None, 0
    for block in blocks(page):
        if block.note:
            place = Path(block.note)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(block.text, encoding="utf-8")
        elif block.language == "python" and block.text.startswith(">>> "):
            run_session(block.text, page.name)
            compared += 1
        elif block.language == "python":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(block.text, str(page), "exec"), namespace)
            printed = out.getvalue()
            continue
        elif block.language == "text" and printed is not None:
            assert_printed(block.text, printed, f"{page.name}: a python block")
            compared += 1
        elif block.language == "console":
            for command, expected in commands(block.text):
                assert_printed(expected, run_command(command), f"{page.name}: $ {command}")
                compared += 1
        printed = None
    return compared


def run_session(text: str, name: str) -> None:
    """A block of a Python session prints what it shows, in a namespace of its own."""
    session = doctest.DocTestParser().get_doctest(text, {}, name, name, 0)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        failed = doctest.DocTestRunner(optionflags=_ALIKE).run(session).failed
    if failed:
        raise AssertionError(f"{name}: {out.getvalue()} instead of what the page says")


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block with the lines it prints."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        yield command, expected


def run_command(command: str) -> str:
    """What an ``allocopt`` command prints, on either stream."""
    program, *arguments = shlex.split(command)
    assert program == "allocopt", f"only allocopt runs in a console block, not {program!r}"
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        main(arguments)
    return out.getvalue()


def assert_printed(expected: str, printed: str, where: str) -> None:
    """Equal up to blanks; ``...`` stands for anything."""
    if not doctest.OutputChecker().check_output(expected.strip() + "\n", printed.strip() + "\n", _ALIKE):
        raise AssertionError(f"{where} printed\n{printed}\ninstead of\n{expected}")
