r"""A formula for a browser: the LaTeX of programs and scores as native MathML, which needs no script and no network.

It reads the part of LaTeX that formulas of this field use: letters, indices, fractions, roots, accents, sums and other
operators with limits, brackets of every size, words, and the environments ``aligned``, ``cases`` and ``matrix``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape

from allocopt.errors import DataError, unknown
from allocopt.notation import LETTERS

_TOKEN = re.compile(
    r"(?P<words>\\(?:text|mathrm|operatorname|texttt|mathbf)\*?\s*\{(?P<said>[^{}]*)\})"
    r"|(?P<begin>\\begin\s*\{(?P<opened>[a-z*]+)\})|(?P<end>\\end\s*\{[a-z*]+\})"
    r"|(?P<command>\\(?:[A-Za-z]+|.))|(?P<plain>\S)",
    re.DOTALL,
)
_SIGNS = {
    "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "ne": "≠", "neq": "≠", "in": "∈", "notin": "∉", "subset": "⊂",
    "subseteq": "⊆", "cup": "∪", "cap": "∩", "cdot": "·", "times": "×", "pm": "±", "approx": "≈", "sim": "∼",
    "equiv": "≡", "to": "→", "mapsto": "↦", "Rightarrow": "⇒", "Longrightarrow": "⟹", "iff": "⟺", "forall": "∀",
    "exists": "∃", "wedge": "∧", "vee": "∨", "ll": "≪", "gg": "≫", "propto": "∝", "perp": "⊥", "succeq": "⪰",
    "setminus": "\\",  # ∖ is missing from many fonts
    "mid": "∣", "top": "⊤", "colon": ":", "#": "#", "%": "%", "&": "&amp;", "_": "_",
}  # fmt: skip
_LETTERS = LETTERS | {"infty": "∞", "emptyset": "∅", "partial": "∂", "nabla": "∇"}
_DOTS = {"dots": "…", "ldots": "…", "cdots": "⋯", "vdots": "⋮"}
_SPACES = {",": 0.167, ":": 0.222, ";": 0.278, " ": 0.25, "!": -0.167, "quad": 1.0, "qquad": 2.0}
_LARGE = {"sum": "∑", "prod": "∏"}  # limits above and below
_NAMED = ("min", "max", "inf", "sup", "argmin", "argmax", "lim")  # what stands under them is a limit
_FUNCTIONS = ("log", "exp", "ln", "arg", "det", "Pr")
_FENCES = {"(": "(", ")": ")", "[": "[", "]": "]", "|": "|", "{": "{", "}": "}", "lvert": "|", "rvert": "|",
           "Vert": "‖", "lVert": "‖", "rVert": "‖", "|!": "‖", "langle": "⟨", "rangle": "⟩", "lfloor": "⌊",
           "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉"}  # fmt: skip
_SIZES = {"big": 1.2, "Big": 1.8, "bigg": 2.4, "Bigg": 3.0}
_ACCENTS = {"bar": "¯", "hat": "^", "tilde": "~", "vec": "→"}
_STYLES = {"textstyle": "false", "displaystyle": "true"}


def mathml(latex: str, *, block: bool = False) -> str:
    r"""The formula as a ``<math>`` element, with its LaTeX kept beside it for whoever copies it.

    Raises ``DataError`` with the command or bracket that could not be read.

    >>> mathml(r"x_i \le c_i")
    '<math><semantics><mrow><msub><mi>x</mi><mi>i</mi></msub><mo>≤</mo><msub><mi>c</mi>...
    """
    reader = _Reader(latex)
    inside = reader.row(lambda token: False)
    display = ' display="block"' if block else ""
    note = f'<annotation encoding="application/x-tex">{escape(latex)}</annotation>'
    return f"<math{display}><semantics><mrow>{inside}</mrow>{note}</semantics></math>"


def _space(width: float) -> str:
    return f'<mspace width="{width}em"></mspace>'


_THIN = _space(_SPACES[","])


class _Reader:
    """Reads one formula from left to right; each method returns finished MathML."""

    def __init__(self, latex: str) -> None:
        self.latex = latex
        self.tokens = list(_TOKEN.finditer(latex))
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self) -> re.Match[str]:
        if self.at >= len(self.tokens):
            raise DataError(f"the formula {self.latex!r} ends too early; a bracket or an argument is missing")
        self.at += 1
        return self.tokens[self.at - 1]

    def row(self, stops: Callable[[str], bool]) -> str:
        """Everything up to a token that stops the row, which is left for the caller; or up to the end."""
        parts = []
        while self.at < len(self.tokens) and not stops(self.peek()):
            style = _STYLES.get(self.peek().removeprefix("\\"))
            if style:
                self.take()
                parts.append(f'<mstyle displaystyle="{style}">{self.row(stops)}</mstyle>')
            else:
                parts.append(self.scripted())
        return "".join(parts)

    def scripted(self) -> str:
        """One thing with its indices and powers."""
        name = self.peek().removeprefix("\\")
        limits = name in (*_LARGE, *_NAMED)
        base = self.number() if self.peek().isdigit() else self.one()
        under = over = ""
        while self.peek() in ("_", "^", "'"):
            mark = self.take()[0]
            script = "<mo>′</mo>" if mark == "'" else self.one()
            under, over = (script, over) if mark == "_" else (under, over + script)
        kind = ("munder", "mover", "munderover") if limits else ("msub", "msup", "msubsup")
        if under or over:
            element = kind[2 if under and over else 0 if under else 1]
            base = f"<{element}>{base}{under}{over}</{element}>"
        # As in print: a thin space after the name of a function, and none before a bracket.
        named = name in _NAMED or name in _FUNCTIONS
        return base + _THIN if named and not self.peek().startswith(("(", "\\big", "\\left")) else base

    def number(self) -> str:
        """Digits that stand together are one number; an argument (as in a fraction of 1 and 2) takes only one."""
        digits = self.take()[0]
        while self.peek().isdigit() or (self.peek() == "." and self.at + 1 < len(self.tokens)):
            digits += self.take()[0]
        return f"<mn>{digits}</mn>"

    def one(self) -> str:
        """One thing without its indices: a letter, a sign, a group, a command with its arguments."""
        token = self.take()
        text = token[0]
        if token["words"]:
            said = escape(token["said"]).replace("\\,", " ").replace(" ", "\N{NO-BREAK SPACE}")
            return f"<mtext>{said}</mtext>" if text.startswith("\\text") else f'<mi mathvariant="normal">{said}</mi>'
        if token["begin"]:
            return self.environment(token["opened"].rstrip("*"))
        if text == "{":
            return self.group("}")
        if text.startswith("\\"):
            return self.command(text[1:])
        if text.isdigit():
            return f"<mn>{text}</mn>"
        if text.isalpha():
            return f"<mi>{text}</mi>"
        if text in ("}", "&", "^", "_") or token["end"]:
            raise DataError(f"the formula {self.latex!r} has {text!r} where something else is expected")
        return self.sign(text)

    def sign(self, text: str) -> str:
        if text in _FENCES:
            return f'<mo stretchy="false" lspace="0" rspace="0">{text}</mo>'
        if text == "/":
            return '<mo lspace="0" rspace="0">/</mo>'
        return f"<mo>{'−' if text == '-' else escape(text)}</mo>"

    def group(self, closing: str) -> str:
        inside = self.row(lambda token: token == closing)
        self.take()
        return f"<mrow>{inside}</mrow>"

    def command(self, name: str) -> str:
        if name in _LETTERS:
            return f"<mi>{_LETTERS[name]}</mi>"
        if name in _SIGNS:
            return f"<mo>{_SIGNS[name]}</mo>"
        if name in _DOTS:
            return f"<mi>{_DOTS[name]}</mi>"
        if name in _SPACES:
            return _space(_SPACES[name])
        if name in _LARGE:
            return f'<mo movablelimits="true">{_LARGE[name]}</mo>'
        if name == "int":
            return "<mo>∫</mo>"
        if name in _NAMED or name in _FUNCTIONS:
            spelled = name.replace("arg", "arg\N{NO-BREAK SPACE}").strip()
            return f'<mo movablelimits="true" lspace="0.167em" rspace="0">{spelled}</mo>'
        if name in ("frac", "tfrac", "dfrac"):
            part = f"<mfrac>{self.one()}{self.one()}</mfrac>"
            return f'<mstyle displaystyle="false">{part}</mstyle>' if name == "tfrac" else part
        if name == "sqrt":
            return f"<msqrt>{self.one()}</msqrt>"
        if name in _ACCENTS:
            return f'<mover accent="true">{self.one()}<mo stretchy="false">{_ACCENTS[name]}</mo></mover>'
        if name == "left":
            return self.stretched()
        if name.rstrip("lr") in _SIZES:
            size = _SIZES[name.rstrip("lr")]
            return (
                f'<mo stretchy="true" minsize="{size}em" maxsize="{size}em" lspace="0" rspace="0">{self.fence()}</mo>'
            )
        if name in _FENCES:
            sign = "‖" if name == "|" else _FENCES[name]
            return f'<mo stretchy="false" lspace="0" rspace="0">{sign}</mo>'
        raise DataError(f"the LaTeX command \\{name} (in {self.latex!r}) is not read here; use a simpler one")

    def fence(self) -> str:
        text = self.take()[0]
        if text == ".":
            return ""
        name = "|!" if text == "\\|" else text.removeprefix("\\")
        if name not in _FENCES:
            raise unknown(f"bracket (in {self.latex!r})", text, _FENCES)
        return _FENCES[name]

    def stretched(self) -> str:
        r"""Brackets that grow with what they hold: ``\left( ... \right)``."""
        opening = self.fence()
        inside = self.row(lambda token: token == "\\right")
        self.take()
        return f"<mrow><mo>{opening}</mo>{inside}<mo>{self.fence()}</mo></mrow>"

    def environment(self, name: str) -> str:
        """Rows and columns: an aligned program, cases, a matrix."""
        if name not in ("aligned", "align", "cases", "matrix", "pmatrix"):
            raise unknown(f"environment (in {self.latex!r})", name, ["aligned", "cases", "matrix"])
        lines: list[list[str]] = [[]]
        while True:
            cell = self.row(lambda token: token in ("&", "\\\\") or token.startswith("\\end"))
            lines[-1].append(f"<mtd>{cell}</mtd>")
            mark = self.take()
            if mark["end"]:
                break
            if mark[0] == "\\\\":
                lines.append([])
        body = "".join(f"<mtr>{''.join(line)}</mtr>" for line in lines)
        if name.startswith("align"):
            return f'<mtable class="aligned" displaystyle="true" columnalign="right left">{body}</mtable>'
        table = f'<mtable class="{name}" columnalign="left">{body}</mtable>'
        opening, closing = {"cases": ("{", ""), "pmatrix": ("(", ")")}.get(name, ("", ""))
        return f"<mrow><mo>{opening}</mo>{table}<mo>{closing}</mo></mrow>"
