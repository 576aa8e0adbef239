"""The shelf: datasets and models by name, or from a path of one's own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from os import PathLike, fspath
from pathlib import Path
from types import MappingProxyType

from allocopt.errors import DataError, DocumentError, unknown
from allocopt.facts.event import Event
from allocopt.mechanisms.waterfall import Waterfall
from allocopt.shelf.documents import Findings
from allocopt.shelf.event_document import EventDocument, open_event, read_event
from allocopt.shelf.model_document import read_model


def shelf(kind: str) -> Traversable:
    """The folder of ``datasets`` or ``models``: inside the installed package, or beside it in a checkout."""
    packed = files("allocopt") / kind
    if packed.is_dir():
        return packed
    root = Path(__file__).resolve().parents[2]
    # Without this guard a broken installation would look in site-packages/models, which may be another project's.
    if (root / "pyproject.toml").is_file() and (root / kind).is_dir():
        return root / kind
    raise DataError(f"no folder {kind!r} beside or inside the package at {root}; install allocopt again")


def _documents(kind: str) -> dict[str, Traversable]:
    """Name -> document, in the order of the names."""
    found = {}
    for entry in shelf(kind).iterdir():
        if kind == "models" and entry.name.endswith(".toml"):
            found[entry.name.removesuffix(".toml")] = entry
        elif kind == "datasets" and (entry / "event.toml").is_file():
            found[entry.name] = entry / "event.toml"
    return dict(sorted(found.items()))


def _titles(kind: str) -> Mapping[str, str]:
    documents = _documents(kind).items()
    return MappingProxyType({n: str(tomllib.loads(d.read_text(encoding="utf-8"))["title"]) for n, d in documents})


def datasets() -> Mapping[str, str]:
    """The datasets on the shelf, name -> title.

    >>> datasets()["nasdaq-clearing-2018"]
    'Nasdaq Clearing: default of a commodities member, September 2018'
    """
    return _titles("datasets")


def models() -> Mapping[str, str]:
    """The models on the shelf, name -> title.

    >>> models()["stylised-ccp"]
    'A clearing house with one skin in the game and one round of assessments'
    """
    return _titles("models")


def load_event(name: str | PathLike[str]) -> Event:
    """The event of this name on the shelf, or of this dataset folder (or its event.toml).

    Raises ``DataError`` for a name that is not on the shelf, with the nearest names, and ``DocumentError`` (file,
    place, key, what was expected) for a document that cannot be used.

    >>> load_event("nasdaq-clearing-2018").loss
    114000000.0
    """
    return load_event_document(name).event


def load_event_document(name: str | PathLike[str]) -> EventDocument:
    """The event with what only its document says: meanings of columns, rules of synthetic figures, its data sheet."""
    known = _documents("datasets")
    if isinstance(name, str) and name in known:
        return open_event(shelf("datasets") / name)
    path = _path("dataset", name, known)
    if not path.is_dir() and path.name != "event.toml":
        raise DataError(f"{path} is not a dataset: its document is called event.toml; name that file or its folder")
    return open_event(path if path.is_dir() else path.parent)


def load_model(name: str | PathLike[str]) -> Waterfall:
    """The waterfall of this name on the shelf, or of this .toml file.

    Raises as :func:`load_event` does.

    >>> [layer.name for layer in load_model("stylised-ccp").layers][2]
    'skin in the game'
    """
    known = _documents("models")
    source = known[name] if isinstance(name, str) and name in known else _path("model", name, known)
    found = Findings(source)
    return found.settle(read_model(source, found))


def check_document(path: str | PathLike[str]) -> list[str]:
    """All that is wrong with a dataset folder, an event.toml or a model, one line each; empty when it is fine."""
    place = Path(fspath(path))
    found = Findings(place / "event.toml" if place.is_dir() else place)
    try:
        if place.is_dir() or place.name == "event.toml":
            document = read_event(place if place.is_dir() else place.parent, found)
            if document is not None:
                from allocopt.shelf.regenerate import stale

                return stale(document)
        else:
            read_model(place, found)
    except DocumentError:
        pass  # a file that cannot be read at all; it is already among the findings
    except DataError as fault:
        found.add("", str(fault))
    return [str(fault) for fault in found.faults]


def _path(kind: str, name: str | PathLike[str], known: Mapping[str, Traversable]) -> Path:
    """A path of the user's own; a bare word that is no file was meant as a name."""
    if not isinstance(name, str | PathLike):
        raise DataError(f"a {kind} is a name or a path, not a {type(name).__name__}; see allocopt.{kind}s()")
    path = Path(fspath(name))
    if path.exists():
        return path
    if isinstance(name, PathLike) or path.suffix == ".toml" or len(path.parts) > 1:
        raise DataError(f"there is no {kind} at {path}; give a file that exists, or one of: {', '.join(known)}")
    raise unknown(kind, name, known)
