"""What a page says of one waterfall: its layers in order, what each bore, who paid, and the evidence layer by layer."""

from __future__ import annotations

from typing import Any

from allocopt.mechanisms.cascade import Cascade
from allocopt.mechanisms.layer import Layer, PartOf
from allocopt.pages import plots_layers
from allocopt.pages.blocks import Block, Code, Formula, Listing, Math, Paragraph, Picture, Strong, Table, Text
from allocopt.pages.numerals import amount, decimals, percent, residual
from allocopt.pages.section_facts import Citations, rulebook
from allocopt.pages.section_rules import TOLERANCE
from allocopt.pages.style import MOST


def cascade_blocks(run: Cascade, cited: Citations) -> list[Block]:
    """One run of a waterfall, from the loss to what is left."""
    places, currency = decimals(run.loss), run.event.currency
    steps, model = run.steps, rulebook(run)
    among = model.sources if model is not None else ()
    rows: list[list[Text]] = []
    for number, (layer, (_, step)) in enumerate(zip(run.layers, steps.iterrows(), strict=True), 1):
        figures: list[Text] = [amount(float(step[name]), places) for name in ("reached", "paid", "passed on")]
        words: list[Text] = [f"{number}. {layer.name}", layer.who, _limit(layer, places), layer.rule.title]
        rows.append([*words, *figures, layer.status, cited.marks(layer.sources, among)])
    unit = f", {currency}" if currency else ""
    paid = float(run.by_layer.sum())
    foot: list[list[Text]] = [
        ["all layers", "", "", "", "", amount(paid, places), amount(run.residual, places), "", ""]
    ]
    head = ["layer", "who pays", "limit", "rule", "reached it", "paid", "passed on", "status", "source"]
    proofs: list[list[Text]] = []
    for name, answer in run.allocations.items():
        found = answer.certificate
        three: list[Text] = [residual(found.primal), residual(found.dual), residual(found.gap)]
        proofs.append([name, found.kind, *three, "holds" if found.holds(TOLERANCE) else "DOES NOT HOLD"])
    for group, split in run.splits.items():
        found = split.certificate
        three = [residual(found.primal), residual(found.dual), residual(found.gap)]
        holds = "holds" if found.holds(TOLERANCE) else "DOES NOT HOLD"
        proofs.append([f"{group} (side by side)", found.kind, *three, holds])
    blocks: list[Block] = [
        Paragraph(
            "Layers bear the loss in order. Each divides what reaches it among its payers by its own rule, up to its "
            "limits, and passes on the rest; no resource is used twice."
        ),
        Formula(r"R_0 = L, \qquad R_k = R_{k-1} - \sum_i x_{ki}"),
        Table(f"Layers of {run.name}{unit}", head, rows, frozenset([0, 1, 2, 3, 7, 8]), foot),
        Paragraph("The rules of the layers:"),
        Listing(list(_rules(run).values())),
        Picture(
            f"waterfall {run.name}",
            f"The way of the loss under {run.name}: what each layer bears.",
            lambda ax: plots_layers.waterfall(run, ax=ax),
            plots_layers.waterfall_size(len(rows) + 2),
        ),
        _payers(run, places),
        Table(
            f"Certificates of the layers of {run.name} (residuals as fractions of what the layer divides)",
            ["layer", "kind of evidence", "primal", "dual", "gap", f"at {residual(TOLERANCE)}"],
            proofs,
            frozenset([0, 1, 5]),
        ),
    ]
    remarks = [f"{layer.name}: {layer.note}" for layer in run.layers if layer.note]
    remarks += [f"{name}: {note}" for name, answer in run.allocations.items() for note in answer.notes]
    return [*blocks, Listing(remarks)] if remarks else blocks


def _rules(run: Cascade) -> dict[str, Text]:
    """Every rule that a layer uses, once, in words and with its formula."""
    found: dict[str, Text] = {}
    for rule in (layer.rule for layer in run.layers):
        formula: tuple[Any, ...] = (" ", Math(rule.formula)) if rule.formula else ()
        found[rule.title] = (Strong(rule.title), f": {rule.sentence()}", *formula)
    return found


def _limit(layer: Layer, places: int) -> Text:
    parts: list[Any] = []
    if layer.cap:
        parts += [*([f"{layer.factor:g} × "] if layer.factor != 1 else []), Code(layer.cap)]
    if layer.attributed:
        parts += [f"{', ' if parts else ''}of ", Code(layer.attributed), " each its own"]
    if isinstance(layer.amount, PartOf):
        of, whose = Code(layer.amount.of), " and ".join(layer.amount.roles) or "all payers"
        parts += [f"{', ' if parts else ''}at most {layer.amount.factor:g} × the ", of, f" of {whose}"]
    elif layer.amount is not None:
        parts.append(f"{', ' if parts else ''}at most {amount(layer.amount, places)}")
    parts += [f"{'; ' if parts else ''}{trait}" for trait in layer.traits[:1]] + [f"; {t}" for t in layer.traits[1:]]
    return tuple(parts) or "none"


def _payers(run: Cascade, places: int) -> Table:
    """Who bears what over all layers: the heaviest burdens first, then the sum of each role."""
    borne = run.by_payer.sort_values(ascending=False, kind="stable")
    roles = run.event.payers["role"].reindex(borne.index).fillna("house")
    whole = run.loss or 1.0

    def line(name: str, role: str, paid: float) -> list[Text]:
        return [name, role, amount(paid, places), percent(paid / whole)]

    named = zip(borne.index[:MOST], roles, borne, strict=False)
    rows = [line(str(payer), str(role), float(paid)) for payer, role, paid in named]
    rest = borne.iloc[MOST:]
    if len(rest):
        rows.append(line(f"the other {len(rest)}", "", float(rest.sum())))
    foot = [line(f"{role}, together", "", float(paid)) for role, paid in run.by_role.items()]
    foot.append(line("borne by nobody (residual)", "", run.residual))
    unit = f", {run.event.currency}" if run.event.currency else ""
    head = ["payer", "role", "share", "part of the loss"]
    return Table(f"Payers under {run.name}{unit}", head, rows, frozenset([0, 1]), foot)
