"""How frozen facts travel between processes: made again from their parts, so that what was frozen is frozen again."""

from __future__ import annotations

import dataclasses
from types import MappingProxyType
from typing import Any


def parts(frozen: Any) -> tuple[type[Any], tuple[Any, ...]]:
    """What ``__reduce__`` returns for a frozen dataclass: its class and its fields, read-only mappings as plain ones.

    pickle refuses a read-only view of a mapping, and hands back arrays that can be written to.
    """
    fields = (getattr(frozen, field.name) for field in dataclasses.fields(frozen))
    return type(frozen), tuple(dict(part) if isinstance(part, MappingProxyType) else part for part in fields)
