"""The house keeps its floors: a room imports only from the floors below it, and data folders hold data."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import allocopt

PACKAGE = Path(allocopt.__file__).parent
ROOT = Path(__file__).resolve().parents[1]

FLOORS = {
    "errors": 0, "notation": 0, "views": 0, "facts": 1, "maths": 2, "games": 3, "schemes": 3, "mechanisms": 4,
    "judgement": 5, "shelf": 5, "pages": 6, "testing": 6, "cli": 7, "__main__": 8, "__init__": 9,
}  # fmt: skip
# The two rooms of one floor that may look at each other in one direction: a scheme may use a game, a page the shelf.
SIDEWAYS = {("schemes", "games"), ("testing", "schemes")}


def imports(path: Path) -> set[str]:
    """Rooms of the package that a file imports, wherever in the file the import stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "allocopt":
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        if isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("allocopt.")}
            found |= {a.name for a in node.names if a.name in ("models", "datasets")}
    return found


def room(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def trespasses(files: list[Path]) -> list[str]:
    wrong = []
    for path in files:
        here = room(path)
        for there in imports(path):
            if here in ("__init__", "__main__", "cli") or there == here:
                continue
            if there not in FLOORS or FLOORS[there] > FLOORS[here]:
                wrong.append(f"{path.relative_to(PACKAGE)} imports {there}")
            if FLOORS.get(there) == FLOORS[here] and (here, there) not in SIDEWAYS:
                wrong.append(f"{path.relative_to(PACKAGE)} imports its neighbour {there}")
    return wrong


def test_a_room_imports_only_from_the_floors_below() -> None:
    assert trespasses(sorted(PACKAGE.rglob("*.py"))) == []


def test_the_check_sees_a_trespass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    (tmp_path / "facts").mkdir()
    (tmp_path / "facts" / "bad.py").write_text("def f():\n    from allocopt.schemes import scheme\n")
    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf" / "bad.py").write_text("import allocopt.judgement.metrics\nimport datasets\n")
    assert len(trespasses(sorted(tmp_path.rglob("*.py")))) == 3


def test_every_room_has_a_floor() -> None:
    rooms = {room(path) for path in PACKAGE.rglob("*.py")}
    assert rooms <= set(FLOORS)


def test_maths_knows_no_finance() -> None:
    words = ("payer", "default fund", "clearing house", "clearing member", "currency", "scheme")
    for path in (PACKAGE / "maths").glob("*.py"):
        text = path.read_text(encoding="utf-8").lower()
        for word in words:
            assert word not in text, f"{path.name} speaks of {word!r}"


def test_data_folders_hold_data_only() -> None:
    for folder in ("models", "datasets"):
        suffixes = {p.suffix for p in (ROOT / folder).rglob("*") if p.is_file()}
        assert suffixes <= {".toml", ".csv", ".md"}, suffixes


def test_importing_the_package_stays_light() -> None:
    heavy = ["cvxpy", "numba", "matplotlib", "scipy", "typer", "rich"]
    code = f"import sys, allocopt; print([m for m in {heavy!r} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_every_public_name_resolves_and_says_what_it_is() -> None:
    for name in allocopt.__all__:
        thing = getattr(allocopt, name)
        assert name == "__version__" or (thing.__doc__ or "").strip(), name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = allocopt.nothing
