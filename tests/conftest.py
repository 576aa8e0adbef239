"""Hypothesis draws the same cases on every machine; the shared reference cases are loaded where they are present."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "same", derandomize=True, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("same")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "cases"


@pytest.fixture
def shared_cases() -> Any:
    """A loader of one shared case file; the test is skipped where the folder is not beside the checkout."""

    def load(name: str) -> Any:
        path = SHARED / name
        if not path.is_file():
            pytest.skip(f"{name} is not beside this checkout")
        return json.loads(path.read_text(encoding="utf-8"))

    return load
