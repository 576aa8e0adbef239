"""Where figures are drawn: on the axes given, on new ones, or off the screen into the bytes of a page."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from allocopt.pages.style import GRID, INK, MUTED, RC, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Size = tuple[float, float]  # inches

# Colours that follow the page from light to dark; every other colour is the same in both.
_THEME = {INK: "var(--ink)", MUTED: "var(--muted)", GRID: "var(--line)"}


@contextmanager
def axes(given: Axes | None, size: Size) -> Iterator[Axes]:
    """The axes given, or those of a new figure in our style; nothing is shown, the caller does that."""
    if given is not None:
        yield given
        return
    from matplotlib import pyplot

    with pyplot.rc_context(RC):
        _, ax = pyplot.subplots(figsize=size, layout="constrained")
        yield ax


def tall(rows: int, *, width: float = 7.6, row: float = 0.27, frame: float = 1.5) -> Size:
    """The size of a figure with one line of text per row."""
    return width, frame + row * max(rows, 2)


def footnote(ax: Axes, text: str, width: int = 86) -> None:
    """Lines of small print below the axes, up to ``width`` characters each: where the figures come from."""
    if text:
        told = plain(text, width, max(3, 260 // width))
        ax.annotate(
            told, (0.0, 0.0), (0.0, -6.0), xycoords=("axes fraction", ax.xaxis.label),
            textcoords="offset points", ha="left", va="top", fontsize=7.5, color=MUTED, annotation_clip=False,
        )  # fmt: skip


def blank(ax: Axes, title: str, why: str) -> None:
    """Say in an empty frame why there is nothing to draw."""
    ax.set_title(title)
    ax.text(0.5, 0.5, why, ha="center", va="center", transform=ax.transAxes, color=MUTED)
    ax.set_xticks([])
    ax.set_yticks([])


def rendered(draw: Callable[[Axes], Any], size: Size, kind: str = "svg") -> bytes:
    """A figure as the bytes of an SVG or PNG file, the same bytes from the same data, without a screen."""
    return _bytes(draw, size, kind, {"svg.fonttype": "path"})


def inline_svg(draw: Callable[[Axes], Any], size: Size, name: str) -> str:
    """A figure as an ``<svg>`` element for a page: text stays text, the colours follow the page, ids are its own."""
    svg = _bytes(draw, size, "svg", {"svg.fonttype": "none", "figure.facecolor": "none"}).decode()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\sxmlns(:xlink)?="[^"]*"', "", svg).replace("xlink:href", "href")
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = svg.replace('href="#', f'href="#{name}-').replace("url(#", f"url(#{name}-")
    for color, variable in _THEME.items():
        svg = svg.replace(color, variable)
    return re.sub(r'<svg [^>]*viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" aria-hidden="true">', svg, count=1)


def _bytes(draw: Callable[[Axes], Any], size: Size, kind: str, settings: dict[Any, Any]) -> bytes:
    import matplotlib
    from matplotlib.figure import Figure

    out = io.BytesIO()
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()  # a page must not depend on the reader's own settings
        matplotlib.rcParams.update(RC | settings)
        # A name in a script that the bundled font lacks is drawn by the reader's own fonts, or as boxes in a PNG.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure: Figure = Figure(figsize=size, layout="constrained")
        draw(figure.subplots())
        figure.savefig(out, format=kind, metadata={"Date": None} if kind == "svg" else {"Software": None}, dpi=160)
    return out.getvalue()
