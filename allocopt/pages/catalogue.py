"""The reference pages: one per scheme, model and dataset, made from what code and documents say of themselves."""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from allocopt.facts.event import Event
from allocopt.judgement.axiom_list import AXIOMS
from allocopt.judgement.axioms import check_axioms, divides_by_caps_alone
from allocopt.judgement.risk_axioms import RISK_AXIOMS
from allocopt.mechanisms.layer import Layer, PartOf
from allocopt.mechanisms.waterfall import Waterfall
from allocopt.pages.numerals import amount, decimals
from allocopt.schemes import Scheme, constraints, schemes
from allocopt.schemes.distances import DISTANCES
from allocopt.schemes.risk_rule import RiskRule
from allocopt.shelf.library import datasets, load_event, load_event_document, load_model, models
from allocopt.shelf.sheet import data_sheet

_MADE = "Made by `make docs` from {source}; edit that, not this page."
_ROLE = re.compile(r":math:`([^`]*)`|:\w+:`~?([^`]*)`|``([^`]*)``")
_NAME = re.compile(r"(?<![\w.\"'])([A-Za-z]\w*)")
_WORDS = re.compile(r"\\text(?:tt)?\{[^{}]*\}")
_STATUS = {
    "rulebook": "Every layer cites a dated rule.",
    "stylised": "It follows a venue's published description, with gaps that the text states.",
    "illustrative": "It is nobody's rulebook.",
}


def pages() -> dict[str, str]:
    """Every page by its path below ``docs/``, and a contents page for each folder."""
    found: dict[str, str] = {}
    kinds, waterfalls, events = schemes(), _loaded(models(), load_model), _loaded(datasets(), load_event)
    found |= {f"schemes/{name}.md": scheme_page(kind) for name, kind in kinds.items()}
    found |= {f"models/{name}.md": model_page(waterfall, events.values()) for name, waterfall in waterfalls.items()}
    found |= {f"datasets/{name}.md": dataset_page(name) for name in events}
    rows = [[_link(name), _prose(sentence(kind)), _code(kind.aliases)] for name, kind in kinds.items()]
    found["schemes/README.md"] = _contents("Schemes: sharing rules", ["scheme", "what it does", "also called"], rows)
    rows = [[_link(n), w.title, w.status, str(w.as_of or ""), str(len(w.layers))] for n, w in waterfalls.items()]
    head = ["model", "what it is", "status", "as of", "layers"]
    found["models/README.md"] = _contents("Models: who pays in what order", head, rows)
    rows = [[_link(n), e.title, str(e.date), _money(e.loss, e), str(len(e.payers))] for n, e in events.items()]
    head = ["dataset", "what happened", "date", "loss", "payers"]
    found["datasets/README.md"] = _contents("Datasets: real defaults", head, rows)
    return found


def scheme_page(kind: type[Scheme]) -> str:
    """A rule: in words, as a program, its answer, its parameters, what it claims, an example, its source."""
    words, example = _docstring(kind)
    example = _imports(kind, example) + example
    parts = [f"# {kind.name}", words]
    if kind.formula:
        parts += ["Its answer:", _math(kind.formula)]
    rows = [[f"`{f.name}`", f.metadata.get("help", ""), _default(f)] for f in dataclasses.fields(kind) if f.init]
    parts += ["## Parameters", _table(["parameter", "what it is", "default"], rows)]
    if kind.claims:
        claims = [f"- {name}: {AXIOMS[name].sentence}" for name in sorted(kind.claims)]
        parts += ["## Claims", "`allocopt.testing.check_scheme` tries to break each of them.", "\n".join(claims)]
        parts += _broken(kind)
    if issubclass(kind, RiskRule):
        parts += _risk(kind)
    names = {f.name for f in dataclasses.fields(kind)}
    if "distance" in names:
        parts += _distances()
    if "subject_to" in names:
        parts += _constraints()
    if example:
        parts += ["## Example", f"```python\n{example}\n```"]
    if all(_given(f) for f in dataclasses.fields(kind)):
        parts += ["On a real default:", f"```sh\nallocopt allocate nasdaq-clearing-2018 --scheme {kind.name}\n```"]
    if kind.aliases:
        parts.append(f"Also called {_code(kind.aliases)}.")
    if kind.source:
        parts += ["## Source", f"{kind.source}."]
    return _page(parts, f"`{kind.__module__.replace('.', '/')}.py`")


def _broken(kind: type[Scheme]) -> list[str]:
    """The axioms a rule does not claim, each with the smallest question found that breaks it."""
    rule = kind() if all(_given(f) for f in dataclasses.fields(kind)) else None
    if rule is None or hasattr(rule, "subject_to") or not divides_by_caps_alone(rule):
        return []  # what constraints make of a rule is theirs to say: without any these are pro-rata
    found = check_axioms(rule, [name for name in AXIOMS if name not in kind.claims])
    rows = [
        [
            name,
            AXIOMS[name].sentence,
            "open: no counterexample found" if finding.witness is None else str(finding.witness),
        ]
        for name, finding in found.items()
    ]
    kinds = {finding.witness.exact for finding in found.values() if finding.witness is not None}
    sums = "Worked out in exact fractions. " if kinds == {True} else ""
    told = (
        f"{sums}Each with the smallest question found; t settles what an axiom leaves open (the part moved, the payer)."
    )
    listed = _table(["axiom", "which says", "counterexample"], rows)
    return ["## What it does not satisfy", told, listed] if rows else []


def _risk(kind: type[Scheme]) -> list[str]:
    """The axioms of risk capital, each with what a hunt brought home."""
    rows = [
        [name, RISK_AXIOMS[name].sentence, str(finding) if finding.holds else f"**broken**: {finding.witness}"]
        for name, finding in check_axioms(kind.name).items()
    ]
    told = (
        "Judged on the contributions, before floor and caps, by hunts over small scenario sets with equal chances at "
        "level 3/4. Where an axiom is broken, the smallest losses found on which it is; a failed hunt is no proof."
    )
    return ["## Axioms of risk capital", told, _table(["axiom", "which says", "found"], rows)]


def _distances() -> list[str]:
    """What nearest may mean."""
    rows = [[f"`{name}`", f"${found.latex}$", found.says] for name, found in DISTANCES.items()]
    return ["## Distances", "What `distance` may say.", _table(["distance", "formula", "which is"], rows)]


def _constraints() -> list[str]:
    """Every fairness constraint: how it is called, what it says, its formula, its cone, and what its price says."""
    rows = []
    for name in constraints.__all__:
        kind = getattr(constraints, name)
        if kind is constraints.Constraint:
            continue
        called = ", ".join(f.name if not _given(f) else f"{f.name}=..." for f in dataclasses.fields(kind))
        says = _prose((kind.__doc__ or "").strip().splitlines()[0])
        rows.append([f"`ao.{name}({called})`", says, f"${kind.latex}$", kind.cone, kind.reading])
    told = (
        "They combine freely. Each is met at its bound when it binds; its price is the slope of the distance in that "
        "bound, and `ao.price_of` traces the whole frontier. Constraints that contradict each other are named, each "
        "with the least relaxation that cures the conflict by itself."
    )
    head = ["constraint", "which says", "formula", "cone", "its price says"]
    return ["## Constraints", told, _table(head, rows)]


def model_page(waterfall: Waterfall, events: Iterable[Event]) -> str:
    """A waterfall: its layers in order, how each is known, its sources, and its run on the defaults that name it."""
    dated = f", as of {waterfall.as_of}" if waterfall.as_of else ""
    rows = [
        [str(k), layer.name, layer.who, _limit(layer, waterfall),
         f"`{layer.rule.title}`", layer.status, ", ".join(layer.sources)]
        for k, layer in enumerate(waterfall.layers, 1)
    ]  # fmt: skip
    head = ["", "layer", "who pays", "up to", "shared", "status", "sources"]
    parts = [
        f"# {waterfall.title}",
        f"Status: **{waterfall.status}**{dated}. {_STATUS[waterfall.status]}",
        waterfall.summary,
        "## Layers",
        _table(head, rows),
        "\n".join(f"- {layer.name}: {layer.note}" for layer in waterfall.layers if layer.note),
    ]
    if waterfall.period.told:
        parts += ["## Over time", "\n".join(f"- {sentence}" for sentence in waterfall.period.told)]
    for event in events:
        if event.question.get("model") == waterfall.name:
            parts += [f"## On [{event.name}](../datasets/{event.name}.md)", _steps(waterfall, event)]
    parts += ["## Sources", "\n".join(f"- `{source.key}`: {source}" for source in waterfall.sources)]
    return _page(parts, f"[`models/{waterfall.name}.toml`](../../models/{waterfall.name}.toml)")


def dataset_page(name: str) -> str:
    """A default: its data sheet, and who bears the loss under the model it names."""
    document = load_event_document(name)
    event, chosen = document.event, document.event.question.get("model")
    parts = [data_sheet(document).strip()]
    if chosen is not None:
        waterfall = load_model(chosen)
        parts += [f"## Divided by [{chosen}](../models/{chosen}.md)", _steps(waterfall, event)]
    return _page(parts, f"[`datasets/{name}/event.toml`](../../datasets/{name}/event.toml)")


def sentence(kind: type[Scheme]) -> str:
    """The rule in a sentence."""
    return (kind.__doc__ or "").strip().splitlines()[0]


def _loaded(names: Mapping[str, str], load: Any) -> dict[str, Any]:
    return {name: load(name) for name in names}


def _page(parts: Sequence[str], source: str) -> str:
    return "\n\n".join(part for part in [*parts, "---", _MADE.format(source=source)] if part) + "\n"


def _contents(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return _page([f"# {title}", _table(head, rows)], "the registry and the shelf")


def _link(name: str) -> str:
    return f"[{name}]({name}.md)"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _math(latex: str) -> str:
    # Some forges read a bare underscore as an index even inside words.
    return f"```math\n{_WORDS.sub(lambda words: words[0].replace('_', chr(92) + '_'), latex)}\n```"


def _given(parameter: dataclasses.Field[Any]) -> bool:
    return not (parameter.default is dataclasses.MISSING and parameter.default_factory is dataclasses.MISSING)


def _default(parameter: dataclasses.Field[Any]) -> str:
    if not _given(parameter):
        return "must be given"
    return f"`{parameter.default!r}`" if parameter.default not in (None, "", ()) else ""


def _docstring(kind: type[Scheme]) -> tuple[str, str]:
    """The documentation as Markdown, and its worked example."""
    text, _, example = inspect.cleandoc(kind.__doc__ or "").partition(">>> ")
    paragraphs = []
    for paragraph in text.strip().split("\n\n"):
        if paragraph.startswith(".. math::"):
            lines = paragraph.removeprefix(".. math::").strip().splitlines()
            paragraphs.append(_math("\n".join(line.strip() for line in lines)))
        else:
            paragraphs.append(_prose(paragraph))
    return "\n\n".join(paragraphs), f">>> {example.strip()}" if example else ""


def _imports(kind: type[Scheme], example: str) -> str:
    """The lines that the example of a docstring needs where it stands alone: what it uses and does not import."""
    lines, known = [], vars(sys.modules[kind.__module__])
    for name in dict.fromkeys(_NAME.findall(example)):
        if name not in known or re.search(rf"import .*\b{name}\b|^>>> {name} =", example, re.MULTILINE):
            continue
        thing = known[name]
        if inspect.ismodule(thing):
            lines.append(f">>> import {thing.__name__} as {name}\n")
        elif hasattr(thing, "__module__"):
            lines.append(f">>> from {thing.__module__} import {name}\n")
    return "".join(lines)


def _prose(text: str) -> str:
    """Inline marks of a docstring as Markdown: formulas in dollars, names of code in ticks."""

    def mark(found: re.Match[str]) -> str:
        formula, name, code = found.groups()
        return f"${formula}$" if formula is not None else f"`{name.split('.')[-1] if name else code}`"

    return _ROLE.sub(mark, text)


def _limit(layer: Layer, waterfall: Waterfall) -> str:
    column = f"{'' if layer.factor == 1 else f'{layer.factor:g} × '}`{layer.cap}`" if layer.cap else ""
    own = f"`{layer.attributed}`, each its own" if layer.attributed else ""
    if isinstance(layer.amount, PartOf):
        most = (
            f"{layer.amount.factor:g} × the `{layer.amount.of}` of {' and '.join(layer.amount.roles) or 'all payers'}"
        )
    else:
        most = f"{waterfall.currency} {layer.amount:,.0f}" if layer.amount is not None else ""
    limit = ", in all at most ".join(part for part in (", ".join(filter(None, (column, own))), most) if part)
    return "; ".join([limit or "no limit", *layer.traits])


def _money(value: float, event: Event) -> str:
    return f"{event.currency} {amount(value, decimals(event.loss))}"


def _steps(waterfall: Waterfall, event: Event) -> str:
    """What every layer of a run bears, and the sums that were published beside the ones computed."""
    run = waterfall.run(event).verify()
    rows = [[str(name), str(step["payers"]), _money(step["paid"], event)] for name, step in run.steps.iterrows()]
    rows.append(["borne by nobody", "", _money(run.residual, event)])
    known = {"residual": run.residual, **run.by_role.to_dict()}
    told = [
        f"{role} {_money(known.get(role, 0.0), event)} (expected {_money(value, event)})"
        for role, value in event.expected.items()
        if role != "rate"
    ]
    checked = [f"Computed against the totals of the data sheet: {'; '.join(told)}."] if told else []
    command = f"```sh\nallocopt run {event.name} --model {waterfall.name}\n```"
    return "\n\n".join([_table(["layer", "payers", "bears"], rows), *checked, command])
