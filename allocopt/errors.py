"""What can go wrong, one name per kind of trouble; every message says what, where, what was expected and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AllocOptError(Exception):
    """Any error that allocopt raises on purpose."""


class DataError(AllocOptError, ValueError):
    """A fact is unusable: the message names the row, the column, the value and the remedy."""


class DocumentError(AllocOptError, ValueError):
    """A model or dataset document is unusable: the message names the file, the layer and the key."""

    def __init__(self, file: object, where: str, problem: str) -> None:
        self.file, self.where, self.problem = str(file), where, problem
        super().__init__(f"{file}: {where}: {problem}" if where else f"{file}: {problem}")


class InfeasibleError(AllocOptError, ValueError):
    """Constraints contradict each other: the message names them and the amount by which they conflict."""


class SolverError(AllocOptError, RuntimeError):
    """No solver gave an answer that stands: the message names each solver, what it said, and what to try."""


class CertificateError(AllocOptError, RuntimeError):
    """An answer does not stand: the message gives the residual that is too large."""


class MissingExtraError(AllocOptError, ImportError):
    """An optional package is needed: the message names the extra that brings it."""


def unknown(kind: str, name: object, known: Iterable[str]) -> DataError:
    """The error for a name that is not on a list, with the nearest names as the remedy.

    >>> print(unknown("scheme", "pro-rate", ["pro-rata", "queue"]))
    no scheme is called 'pro-rate'; did you mean 'pro-rata'? known: pro-rata, queue
    """
    names = list(known)
    near = difflib.get_close_matches(str(name), names, n=2)
    hint = f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else ";"
    listed = ", ".join(names) if names else "none"
    return DataError(f"no {kind} is called {name!r}{hint} known: {listed}")
