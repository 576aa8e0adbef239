"""A page as one HTML file that opens anywhere: no script, no network, formulas and figures inside, dark or light."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from allocopt.errors import DataError
from allocopt.pages import blocks
from allocopt.pages.blocks import Block, Document, Text, pieces, slug
from allocopt.pages.canvas import inline_svg
from allocopt.pages.css import CSS
from allocopt.pages.mathml import mathml

# Nothing may be fetched and nothing may run, so a payer's name can do no harm even if it got past the escaping.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render(document: Document) -> str:
    """The document as a whole HTML page."""
    headings = iter(document.numbered())
    body = "\n".join(_block(block, headings) for block in document.blocks)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="generator" content="allocopt">
<title>{escape(document.title)}</title>
<style>
{CSS.strip()}
</style>
</head>
<body>
<header>
<h1>{escape(document.title)}</h1>
<p class="subtitle">{escape(document.subtitle)}</p>
</header>
{_contents(document)}
<main>
{body}
</main>
</body>
</html>
"""


def _contents(document: Document) -> str:
    entries = [
        f'<li class="level{heading.level}"><a href="#{anchor}"><span>{number}</span> {escape(heading.text)}</a></li>'
        for heading, number, anchor in document.numbered()
    ]
    if len(entries) < 3:
        return ""
    return '<nav aria-label="Contents">\n<ol>\n' + "\n".join(entries) + "\n</ol>\n</nav>"


def _block(block: Block, headings: Iterator[tuple[blocks.Heading, str, str]]) -> str:
    match block:
        case blocks.Heading(level, text):
            _, number, anchor = next(headings)
            link = f'<a class="anchor" href="#{anchor}" aria-label="Link to this section">#</a>'
            return f'<h{level} id="{anchor}"><span class="number">{number}</span> {escape(text)} {link}</h{level}>'
        case blocks.Paragraph(text):
            return f"<p>{_text(text)}</p>"
        case blocks.Banner(title, text):
            return f'<aside class="banner" role="note"><strong>{escape(title)}</strong> {_text(text)}</aside>'
        case blocks.Formula(latex):
            return f'<div class="formula wide" tabindex="0">{_formula(latex, block=True)}</div>'
        case blocks.Listing(items, numbered):
            tag = "ol" if numbered else "ul"
            return f"<{tag}>\n" + "\n".join(f"<li>{_text(item)}</li>" for item in items) + f"\n</{tag}>"
        case blocks.Snippet(text, _):
            return f'<pre class="wide" tabindex="0"><code>{escape(text)}</code></pre>'
        case blocks.Table():
            return _table(block)
        case blocks.Folded(title, inner):
            inside = "\n".join(_block(part, headings) for part in inner)
            return f"<details>\n<summary>{escape(title)}</summary>\n{inside}\n</details>"
        case blocks.Picture(name, caption, draw, size):
            svg = inline_svg(draw, size, slug(name))
            # The width follows the drawing, so that print in every figure has the size of small print on the page; on a
            # narrow screen it is scrolled before it gets too small to read.
            svg = svg.replace("<svg ", f'<svg style="min-width: {size[0] * 4.2:.1f}rem" ', 1)
            return (
                f'<figure>\n<div class="drawing" role="img" tabindex="0" aria-label="{escape(caption)}" '
                f'style="max-width: {size[0] * 7.2:.1f}rem">{svg}</div>\n<figcaption>{escape(caption)}</figcaption>\n'
                "</figure>"
            )


def _table(table: blocks.Table) -> str:
    kinds = ["w" if k in table.words or k == 0 else "n" for k in range(len(table.head))]
    head = "".join(f'<th scope="col" class="{k}">{_text(t)}</th>' for k, t in zip(kinds, table.head, strict=True))
    body = "\n".join(_row(row, kinds) for row in table.rows)
    foot = "\n".join(_row(row, kinds) for row in table.foot)
    tail = f"\n<tfoot>\n{foot}\n</tfoot>" if foot else ""
    return (
        f'<div class="wide" tabindex="0">\n<table>\n<caption>{escape(table.caption)}</caption>\n'
        f"<thead>\n<tr>{head}</tr>\n</thead>\n<tbody>\n{body}\n</tbody>{tail}\n</table>\n</div>"
    )


def _row(row: Sequence[Text], kinds: Sequence[str]) -> str:
    first, *rest = row
    cells = "".join(f'<td class="{kind}">{_text(cell)}</td>' for kind, cell in zip(kinds[1:], rest, strict=True))
    return f'<tr><th scope="row" class="w">{_text(first)}</th>{cells}</tr>'


def _text(text: Text) -> str:
    return "".join(_piece(piece) for piece in pieces(text))


def _piece(piece: blocks.Piece) -> str:
    match piece:
        case blocks.Math(latex):
            return _formula(latex, block=False)
        case blocks.Code(text):
            return f"<code>{escape(text)}</code>"
        case blocks.Strong(text):
            return f"<strong>{escape(text)}</strong>"
        case str():
            return escape(piece)


def _formula(latex: str, *, block: bool) -> str:
    try:
        return mathml(latex, block=block)
    except DataError:
        # A scheme of one's own may use LaTeX beyond what is read here; its source is still exact.
        return f'<code class="latex">{escape(latex)}</code>'
