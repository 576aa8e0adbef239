"""What is shipped: the package with its models and datasets inside, nothing beside it, and it works far from here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    (made,) = folder.glob("*.whl")
    return made


def test_nothing_stands_beside_the_package(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert len(tops) == 2 and "allocopt" in tops
    assert re.fullmatch(r"allocopt-[\d.]+\.dist-info", (tops - {"allocopt"}).pop())


def test_models_and_datasets_are_inside(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for kind in ("models", "datasets"):
        for place in (ROOT / kind).rglob("*"):
            if place.is_file():
                assert f"allocopt/{place.relative_to(ROOT).as_posix()}" in names
    assert "allocopt/py.typed" in names


def test_it_works_far_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    away = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}

    def python(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=away, capture_output=True, text=True, check=True, timeout=120)
        return done.stdout

    assert python("-c", "import allocopt; print(allocopt.__file__)").startswith(str(tmp_path))
    assert "nasdaq-clearing-2018" in python("-m", "allocopt", "datasets")
    assert "107,000,000" in python("-m", "allocopt", "allocate", "nasdaq-clearing-2018")
    assert "7,000,000" in python("-m", "allocopt", "run", "nasdaq-clearing-2018")
