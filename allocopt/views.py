"""Answers show themselves without knowing the pages: a view is found by its name when somebody asks for it.

The pages stand above the answers they show, so the answers cannot import them. This list is the only link upwards, by
name, followed when a method such as ``card.report(...)`` is called.
"""

from __future__ import annotations

import importlib
from typing import Any

_VIEWS = {
    "report": "allocopt.pages.report:write",
    "scorecard plots": "allocopt.pages.plots:CardPlots",
    "ranking plots": "allocopt.pages.plots_ranking:RankingPlots",
    "frontier plot": "allocopt.pages.plots_frontier:frontier",
    "waterfall plot": "allocopt.pages.plots:waterfall",
    "flow plot": "allocopt.pages.plots:flow",
    "ensemble plot": "allocopt.pages.plots:ensemble",
    "period plot": "allocopt.pages.plots:timeline",
}


def view(name: str) -> Any:
    """The function or class that draws this view."""
    module, function = _VIEWS[name].split(":")
    return getattr(importlib.import_module(module), function)
