"""Sharing rules by name: one short file per rule, registered by being in this folder."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from numbers import Real
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocopt.errors import DataError, unknown
from allocopt.facts.allocation import Allocation
from allocopt.facts.problem import LossProblem
from allocopt.schemes.base import Scheme
from allocopt.schemes.keys import Key

__all__ = ["Key", "Scheme", "allocate", "allocate_many", "resolve", "scheme", "schemes"]


def _subclasses(base: type[Any]) -> Iterator[type[Scheme]]:
    for child in base.__subclasses__():
        yield child
        yield from _subclasses(child)


@cache
def _registry() -> Mapping[str, type[Scheme]]:
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    found = {
        kind.name: kind for kind in _subclasses(Scheme) if kind.__module__.startswith(f"{__name__}.") and kind.name
    }
    for entry in importlib.metadata.entry_points(group="allocopt.schemes"):
        kind = entry.load()
        if not (isinstance(kind, type) and issubclass(kind, Scheme) and kind.name):
            raise DataError(f"entry point {entry.name!r} ({entry.value}) is not a Scheme class with a name")
        if kind.name in found:
            raise DataError(f"entry point {entry.name!r} calls its scheme {kind.name!r}, which is taken; rename it")
        found[kind.name] = kind
    return MappingProxyType(dict(sorted(found.items())))


def schemes() -> Mapping[str, type[Scheme]]:
    """Every scheme there is, name -> class: those of this package and of the entry-point group ``allocopt.schemes``.

    >>> [name for name in schemes() if name.startswith("constrained-equal-")]
    ['constrained-equal-awards', 'constrained-equal-losses']
    """
    return _registry()


def scheme(name: str, /, **parameters: Any) -> Scheme:
    """The scheme of this name (or alias) with these parameters.

    >>> scheme("pro-rata", key="default_fund").name
    'pro-rata'
    >>> scheme("pro-rata", keys="default_fund")
    Traceback (most recent call last):
    allocopt.errors.DataError: no parameter of pro-rata is called 'keys'; did you mean 'key'? known: key, label, reading
    """
    kind = _kind(name)
    fields = dataclasses.fields(kind)
    known = sorted(f.name for f in fields if f.init)
    for parameter in parameters:
        if parameter not in known:
            raise unknown(f"parameter of {kind.name}", parameter, known)
    missing = [
        f.name for f in fields
        if f.init and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        and f.name not in parameters
    ]  # fmt: skip
    if missing:
        raise DataError(f"{kind.name} needs {', '.join(missing)}; pass {missing[0]}=... (known: {', '.join(known)})")
    return kind(**parameters)


def _kind(name: Any) -> type[Scheme]:
    if not isinstance(name, str):
        raise DataError(f"a scheme is a name or a Scheme, not a {type(name).__name__}; see allocopt.schemes()")
    kind = _registry().get(name) or next((k for k in _registry().values() if name in k.aliases), None)
    if kind is None:
        raise unknown("scheme", name, _registry())
    return kind


def resolve(rule: str | Scheme, /, **parameters: Any) -> Scheme:
    """A scheme as given, or by name; parameters go with a name only."""
    if isinstance(rule, Scheme):
        if parameters:
            raise DataError(f"parameters {sorted(parameters)} go with a scheme's name, not with a scheme already made")
        return rule
    if not isinstance(rule, str):
        raise DataError(f"a scheme is a name or a Scheme, not a {type(rule).__name__}; see allocopt.schemes()")
    return scheme(rule, **parameters)


def allocate(problem: LossProblem, rule: str | Scheme, /, by: str = "auto", **parameters: Any) -> Allocation:
    """Divide a loss by a named rule: ``allocate(problem, "pro-rata", key="default_fund")``.

    ``by="program"`` forces the convex program, ``by="closed form"`` the fast path; both give the same answer.
    """
    return resolve(rule, **parameters).allocate(problem, by)


def allocate_many(rule: str | Scheme, losses: Any, keys: Any, caps: Any, **parameters: Any) -> NDArray[np.float64]:
    """Shares of many losses in one call: (S,) losses, (n,) or (S, n) keys and caps, an (S, n) array back.

    Row ``s`` is what ``allocate`` gives for loss ``s``; a loss beyond the caps takes all of them. ``keys`` plays the
    part of the scheme's key (pro-rata's key, weights of equal awards and losses, the score of a queue) and may be None
    for the figures the scheme was made with, or its default; ``caps`` may be None for no caps.

    >>> allocate_many("pro-rata", [30.0, 60.0], [1.0, 2.0], [15.0, 90.0])
    array([[10., 20.],
           [15., 45.]])
    """
    if isinstance(rule, str):
        keyed = getattr(_kind(rule), "keyed", "")
        if any(f.name == keyed for f in dataclasses.fields(_kind(rule))):
            parameters = {keyed: None, **parameters}
    chosen = resolve(rule, **parameters)
    loss = _rows("losses", losses, 1, finite=True)
    if loss.ndim != 1:
        raise DataError(f"losses have shape {loss.shape}; expected one loss per row, shape (S,)")
    if keys is None:
        keys = _stated(chosen, caps)
    if keys is None and caps is None:
        raise DataError("keys and caps are both None; give at least one so that the number of payers is known")
    key = None if keys is None else _rows("keys", keys, 2, finite=True, low=getattr(chosen, "key_low", 0.0))
    cap = np.full(key.shape[-1:], np.inf) if caps is None and key is not None else _rows("caps", caps, 2, finite=False)
    for name, array in (("keys", key), ("caps", cap)):
        if array is not None and array.ndim == 2 and len(array) != len(loss):
            raise DataError(
                f"{name} have {len(array)} rows for {len(loss)} losses; give one row per loss, or one in all"
            )
    if key is not None and key.shape[-1] != cap.shape[-1]:
        raise DataError(f"keys speak of {key.shape[-1]} payers and caps of {cap.shape[-1]}; give the same number")
    return chosen.batch(loss, key, cap)


def _stated(rule: Scheme, caps: Any) -> Any:
    """The figures a scheme was made with, for want of others; a column cannot be read, since a batch has no table."""
    keyed = getattr(rule, "keyed", "")
    own = getattr(rule, keyed, None) if keyed else None
    if own is None or isinstance(own, list | tuple | np.ndarray | pd.Series):
        return own
    if isinstance(own, Real):
        return np.full(np.shape(caps)[-1:], float(own))
    raise DataError(
        f"{rule.name} reads its {keyed} from {str(own)!r}, and a batch has no table; give the figures as keys"
    )


def _rows(name: str, values: Any, most: int, *, finite: bool, low: float = 0.0) -> NDArray[np.float64]:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name} hold something that is not a number; give an array of numbers") from None
    if not 1 <= array.ndim <= most:
        raise DataError(f"{name} have {array.ndim} dimensions; expected 1{' or 2' if most == 2 else ''}")
    bad = np.isnan(array) | (array < low) | (np.isinf(array) if finite else False)
    if bad.any():
        at = tuple(int(k) for k in np.argwhere(bad)[0])
        where = f"row {at[0]}" if len(at) == 1 else f"row {at[0]}, payer {at[1]}"
        raise DataError(f"{name}: {where} is {array[at]}; expected {'finite ' if finite else ''}numbers >= {low:g}")
    return array


class _SchemesModule(ModuleType):
    """``allocopt.schemes`` is this package and, in the public face, the function that lists the schemes: both work."""

    def __call__(self) -> Mapping[str, type[Scheme]]:
        return schemes()


sys.modules[__name__].__class__ = _SchemesModule
