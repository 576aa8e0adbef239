"""The typography of the HTML page: one column of text, tables that line up, restrained colour, dark mode, print."""

CSS = """
:root {
  --ink: #1d2127; --muted: #5f6873; --line: #dde1e6; --paper: #ffffff; --shade: #f5f6f8; --accent: #005a8f;
  --warn-ink: #6b3a00; --warn-paper: #fdf1de; --warn-line: #d98a1f;
  color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e7e9ec; --muted: #a2abb6; --line: #363c45; --paper: #15181c; --shade: #1d2127; --accent: #7cc0ec;
    --warn-ink: #f7d9a8; --warn-paper: #33260f; --warn-line: #c98622;
  }
}
* { box-sizing: border-box; }
html { font-size: 100%; -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 2.5rem 1.25rem 5rem; max-width: 68rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: lining-nums; overflow-wrap: break-word;
}
header { border-bottom: 2px solid var(--ink); margin-bottom: 1.5rem; padding-bottom: 1rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0; letter-spacing: -0.01em; }
.subtitle { margin: 0.5rem 0 0; color: var(--muted); }
h2 {
  font-size: 1.35rem; line-height: 1.25; margin: 3rem 0 0.9rem; padding-top: 0.6rem; border-top: 1px solid var(--line);
}
h3 { font-size: 1.08rem; line-height: 1.3; margin: 2.2rem 0 0.7rem; }
h2, h3 { scroll-margin-top: 1rem; text-wrap: balance; }
.number { color: var(--muted); font-weight: 500; margin-right: 0.35em; font-variant-numeric: tabular-nums; }
.anchor { color: var(--muted); text-decoration: none; opacity: 0; font-weight: 400; }
h2:hover .anchor, h3:hover .anchor, .anchor:focus { opacity: 1; }
p, ul, ol { margin: 0 0 0.9rem; max-width: 44rem; }
li { margin: 0.2rem 0; }
a { color: var(--accent); }
code, pre {
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.86em;
}
pre {
  background: var(--shade); border: 1px solid var(--line); border-radius: 4px; padding: 0.8rem 1rem; line-height: 1.45;
}
pre code { font-size: 1em; }
nav { margin: 0 0 1.5rem; font-size: 0.92rem; }
nav ol { list-style: none; padding: 0; margin: 0; max-width: none; columns: 19rem 2; column-gap: 2.5rem; }
nav li { margin: 0.12rem 0; break-inside: avoid; line-height: 1.4; }
nav li.level3 { padding-left: 1.4rem; font-size: 0.95em; }
nav a { color: inherit; text-decoration: none; }
nav a:hover { text-decoration: underline; }
nav span { color: var(--muted); font-variant-numeric: tabular-nums; margin-right: 0.3em; }
.banner {
  margin: 1.2rem 0 1.5rem; padding: 0.8rem 1rem; background: var(--warn-paper); color: var(--warn-ink);
  border-left: 5px solid var(--warn-line); border-radius: 0 4px 4px 0; max-width: 52rem;
}
.banner strong { display: block; }
.wide { overflow: auto hidden; margin: 1rem 0 1.6rem; }
.formula { padding: 0.35rem 0; }
math { font-family: "Cambria Math", "STIX Two Math", "Latin Modern Math", "DejaVu Math TeX Gyre", math, serif; }
.formula math { font-size: 1.12rem; text-align: left; margin-left: 1.5rem; width: max-content; display: block math; }
.aligned mtd { padding: 0.22em 0; text-align: left; }
.aligned mtd:nth-child(odd) { text-align: right; }
table {
  border-collapse: collapse; font-size: 0.88rem; line-height: 1.4; font-variant-numeric: lining-nums tabular-nums;
}
caption {
  caption-side: top; text-align: left; font-weight: 600; padding: 0 0 0.5rem; line-height: 1.35; max-width: 44rem;
}
th, td { padding: 0.3rem 0.85rem 0.3rem 0; text-align: left; vertical-align: top; font-weight: 400; }
th:last-child, td:last-child { padding-right: 0.2rem; }
tbody th { min-width: 8rem; max-width: 24rem; overflow-wrap: anywhere; }
td.n, th.n { text-align: right; padding-left: 0.6rem; }
td.n { white-space: nowrap; }
thead th { font-weight: 600; vertical-align: bottom; border-bottom: 1.5px solid var(--ink); hyphens: auto; }
thead { border-top: 1.5px solid var(--ink); }
tbody tr { border-bottom: 1px solid var(--line); }
tbody tr:last-child { border-bottom: 1.5px solid var(--ink); }
tbody tr:hover { background: var(--shade); }
tfoot tr { border-bottom: 1px solid var(--line); font-weight: 600; }
tfoot th, tfoot td { font-weight: inherit; }
figure { margin: 1.4rem 0 2rem; }
.drawing { width: 100%; overflow: auto hidden; }
.drawing svg { display: block; width: 100%; height: auto; }
figcaption { font-size: 0.88rem; color: var(--muted); margin-top: 0.4rem; max-width: 44rem; }
details { margin: 0.4rem 0 1.4rem; border: 1px solid var(--line); border-radius: 4px; padding: 0 0.9rem; }
details[open] { padding-bottom: 0.4rem; }
summary { cursor: pointer; padding: 0.5rem 0; font-size: 0.92rem; color: var(--accent); }
@media print {
  :root { --ink: #000; --muted: #444; --line: #bbb; --paper: #fff; --shade: #fff; --accent: #000; color-scheme: light;
    --warn-ink: #000; --warn-paper: #fff; --warn-line: #000; }
  @page { margin: 18mm 16mm; }
  body { padding: 0; max-width: none; font-size: 9.5pt; }
  .wide, .drawing { overflow: visible; }
  .drawing svg { min-width: 0 !important; }
  table { font-size: 8pt; }
  .anchor, tbody tr:hover { background: none; }
  .anchor { display: none; }
  h2, h3, caption { break-after: avoid; }
  tr, figure, .banner, .formula { break-inside: avoid; }
  thead { display: table-header-group; }
  tfoot { display: table-row-group; }
  a { color: inherit; text-decoration: none; }
}
"""
