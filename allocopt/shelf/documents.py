"""Read a document strictly: every fault is kept, and each names the file, the place, the key and what was expected."""

from __future__ import annotations

import datetime as dt
import difflib
import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

from allocopt.errors import DataError, DocumentError, unknown
from allocopt.facts.checks import number
from allocopt.facts.event import Source

SCHEMA = 1  # the one form of document there is; a document states it, so that a later form can be told apart
CURRENCY = re.compile(r"[A-Z]{3,5}")  # EUR, KRW, BTC: a unit in capitals is a currency
_MISSING: Any = object()

T = TypeVar("T")


class Findings:
    """The faults of one document, in the order in which they were met."""

    def __init__(self, file: object) -> None:
        self.file = str(file)
        self.faults: list[DocumentError] = []

    def add(self, where: str, problem: str, file: object = None) -> None:
        """Keep a fault; ``file`` names another file of the same document (its table of payers)."""
        self.faults.append(DocumentError(file or self.file, where, problem))

    def settle(self, answer: T | None) -> T:
        """Hand on what was read, or raise the first fault with the number of the others."""
        if self.faults or answer is None:
            first, more = self.faults[0], len(self.faults) - 1
            tail = f" (and {more} more; check_document lists them)" if more else ""
            raise DocumentError(first.file, first.where, first.problem + tail)
        return answer


class Section:
    """One table of a document: hands out its values by key, checked, and refuses the keys nobody asked for.

    A value that is wrong is noted in ``found`` and a harmless one is handed out in its place, so that one reading finds
    every fault; ``close()`` notes the keys that are left.
    """

    def __init__(self, entries: Any, where: str, found: Findings) -> None:
        self.where, self.found = where, found
        if not isinstance(entries, Mapping):
            found.add(where, f"is {entries!r}; expected a table of keys and values")
            entries = {}
        self.entries: Mapping[str, Any] = entries
        self._asked: dict[str, None] = {}

    def __contains__(self, key: str) -> bool:
        return key in self.entries

    def fault(self, key: str, problem: str) -> None:
        """Note what is wrong with the value of a key."""
        self.found.add(self.where, f"key {key!r}: {problem}")

    def _take(self, key: str, kind: type | tuple[type, ...], expected: str, default: Any) -> Any:
        self._asked[key] = None
        if key not in self.entries:
            if default is _MISSING:
                near = difflib.get_close_matches(key, [k for k in self.entries if k not in self._asked], n=1)
                hint = f"; is {near[0]!r} meant for it?" if near else ""
                self.fault(key, f"is missing; expected {expected}{hint}")
            return None if default is _MISSING else default
        value = self.entries[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.fault(key, f"is {value!r}; expected {expected}")
            return None if default is _MISSING else default
        return value

    def text(self, key: str, default: Any = _MISSING, choices: Iterable[str] | None = None) -> str:
        """A text that is not blank, one of ``choices`` when these are given; line breaks in it count as spaces."""
        value = self._take(key, str, "a text in quotes", default)
        if not isinstance(self.entries.get(key), str):
            return str(value or "")
        value = " ".join(value.split())
        if not value:
            self.fault(key, f"is blank; {'expected a text' if default is _MISSING else 'give a text, or leave it out'}")
        elif choices is not None and value not in (listed := list(choices)):
            self.fault(key, str(unknown("choice", value, listed)))
        return str(value)

    def currency(self, key: str, default: Any = _MISSING) -> str:
        """A currency in capitals: EUR, KRW, BTC."""
        value = self.text(key, default)
        if value and not CURRENCY.fullmatch(value):
            self.fault(key, f"is {value!r}; expected a currency in capitals, such as EUR")
        return value

    def texts(self, key: str, default: Any = _MISSING, choices: Iterable[str] | None = None) -> tuple[str, ...]:
        """A text or a list of texts, each one of ``choices`` when these are given."""
        value = self._take(key, (str, list), "a text or a list of texts", default)
        values = [value] if isinstance(value, str) else list(value or [])
        for entry in values:
            if not isinstance(entry, str) or not entry.strip():
                self.fault(key, f"holds {entry!r}; expected texts only")
                return ()
            if choices is not None and entry not in (listed := list(choices)):
                self.fault(key, str(unknown("choice", entry, listed)))
        return tuple(values)

    def amount(self, key: str, default: Any = _MISSING, low: float = 0.0) -> Any:
        """A finite number >= ``low``; the default when the key is absent."""
        value = self._take(key, (int, float), "a number", default)
        if value is None or key not in self.entries:
            return 0.0 if default is _MISSING else value
        try:
            return number(value, "it", low=low)
        except DataError as fault:
            self.fault(key, str(fault))
            return 0.0

    def count(self, key: str, default: Any = _MISSING, low: int = 1) -> Any:
        """A whole number >= ``low``; the default when the key is absent."""
        value = self._take(key, int, f"a whole number >= {low}", default)
        if value is not None and key in self.entries and isinstance(value, int) and value < low:
            self.fault(key, f"is {value}; expected a whole number >= {low}")
        return value

    def choice(self, key: str) -> tuple[str | float, ...]:
        """A text or a number, or a list of them."""
        value = self._take(key, (str, int, float, list), "a text, a number or a list of them", _MISSING)
        values = value if isinstance(value, list) else [] if value is None else [value]
        for entry in values:
            if not isinstance(entry, str | int | float) or isinstance(entry, bool):
                self.fault(key, f"holds {entry!r}; expected texts or numbers only")
                return ()
            if isinstance(entry, float) and not math.isfinite(entry):
                self.fault(key, f"holds {entry!r}; expected finite numbers")
                return ()
        if not values and value is not None:
            self.fault(key, "is an empty list; expected the values a payer's row may hold")
        return tuple(values)

    def flag(self, key: str) -> bool:
        """True or false; false when absent."""
        return bool(self._take(key, bool, "true or false", False))

    def day(self, key: str, default: Any = _MISSING) -> dt.date | None:
        """A date, written without quotes: 2018-09-11."""
        value = self._take(key, dt.date, "a date without quotes, such as 2018-09-11", default)
        if isinstance(value, dt.datetime):
            self.fault(key, f"is {value}; expected a date without a time, such as 2018-09-11")
            return value.date()
        return value if isinstance(value, dt.date) else None

    def section(self, key: str, required: bool = True) -> Section | None:
        """A table inside this one, or None when it is absent and need not be there."""
        value = self._take(key, Mapping, f"a table [{key}]", _MISSING if required else None)
        return None if value is None else Section(value, self._inside(key), self.found)

    def _inside(self, key: str) -> str:
        """What a table inside this one is called: [columns.margin.rule], or "layer 'fund', [key]"."""
        if self.where.startswith("["):
            return f"{self.where[:-1]}.{key}]"
        return f"{self.where}, [{key}]" if self.where else f"[{key}]"

    def named(self, key: str) -> dict[str, Section]:
        """A table of tables, [key.name]; none when absent."""
        value = self._take(key, Mapping, f"tables [{key}.NAME]", {})
        return {n: Section(entry, self._inside(f"{key}.{n}"), self.found) for n, entry in (value or {}).items()}

    def listed(self, key: str, required: bool = False) -> list[Section]:
        """An array of tables, [[key]]; each is called by its own ``name`` where it has one."""
        value = self._take(key, list, f"tables [[{key}]]", _MISSING if required else [])
        if value == [] and required:
            self.fault(key, f"is an empty list; expected tables [[{key}]]")
        sections = []
        for at, entry in enumerate(value or [], 1):
            name = entry.get("name") if isinstance(entry, Mapping) else None
            singular = key.removesuffix("s")
            sections.append(Section(entry, f"{singular} {name!r}" if name else f"{singular} number {at}", self.found))
        return sections

    def rest(self) -> dict[str, Any]:
        """The entries nobody has asked for yet; they count as asked for from now on."""
        left = {key: value for key, value in self.entries.items() if key not in self._asked}
        self._asked |= dict.fromkeys(left)
        return left

    def close(self) -> None:
        """Note every key nobody asked for."""
        for key in self.entries:
            if key not in self._asked:
                self.found.add(self.where, str(unknown("key", key, self._asked)))


def read_toml(source: Traversable, found: Findings) -> Section:
    """The whole document as one section; a file that is absent or is not TOML is a fault of its own."""
    try:
        return Section(tomllib.loads(source.read_text(encoding="utf-8-sig")), "", found)
    except FileNotFoundError:
        found.add("", "there is no such file")
    except OSError as fault:
        found.add("", f"cannot be read ({fault.strerror})")
    except UnicodeDecodeError:
        found.add("", "is not UTF-8 text; save it as UTF-8")
    except tomllib.TOMLDecodeError as fault:
        found.add("", f"is not TOML: {fault}")
    raise found.faults[-1]


def read_heading(root: Section) -> tuple[str, str]:
    """The schema, name and title every document begins with; the name and the title."""
    schema = root.amount("schema")
    if "schema" in root and schema != SCHEMA:
        root.fault("schema", f"is {schema:g}; this version reads schema {SCHEMA}")
    return root.text("name"), root.text("title")


def read_sources(root: Section) -> tuple[Source, ...]:
    """The tables [sources.KEY], in the order of the document."""
    sources = []
    for key, entry in root.named("sources").items():
        date = entry.text("date")
        if date and not _is_date(date):
            entry.fault("date", f"is {date!r}; expected '2018-09-14', '2018-09', '2018' or 'undated'")
        sources.append(
            Source(key, entry.text("title"), entry.text("publisher"), date, entry.text("locator", default=""))
        )
        entry.close()
    return tuple(sources)


def _is_date(text: str) -> bool:
    if text == "undated" or re.fullmatch(r"\d{4}(-(0[1-9]|1[0-2]))?", text):
        return True
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
