"""What a page says of the choice: the order and its reasons, what would overturn it, and what it does not say."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from allocopt.judgement.metric import Metric
from allocopt.judgement.reasons import sentences
from allocopt.judgement.sets import nothing_assumed
from allocopt.judgement.uncertainty import STRATA, scenarios_called
from allocopt.pages import plots_profile, plots_ranking, plots_robust
from allocopt.pages.blocks import Block, Folded, Heading, Listing, Paragraph, Picture, Strong, Table, Text, prose
from allocopt.pages.heat import table_size
from allocopt.pages.numerals import digits

if TYPE_CHECKING:
    from allocopt.judgement.choice import Ranking

_SCALES = """
Every criterion that counts is put on its own fixed scale, from 0 at the worst end to 1 at the best, so that no scheme's
figure depends on which others are compared: a further scheme, however good or bad, cannot reorder these. The value of a
scheme is the weighted mean of its figures. A place in the order is a summary and no verdict: it is to be read with the
profile, with the weights it rests on, and with what would overturn it.
"""
_NO_WEIGHTS = """
No weights were chosen. Every set of weights is taken to be as likely as any other (stochastic multicriteria
acceptability analysis: Lahdelma, Hokkanen and Salminen, European Journal of Operational Research 106, 1998, 137-143;
Tervonen and Lahdelma, 178, 2007, 500-513), and schemes are placed by their mean value over all of them.
"""
_CONSTRUCTION = """
{given} of the {count} criteria that count are part of what sharing in proportion to {by} means (one rate for all,
nothing gained by splitting) and speak for it before anything is measured. The order is therefore given with and without
them, and for each kind of criterion alone.
"""
_FEW = 3  # criteria named in a cell


def choice(ranking: Ranking) -> list[Block]:
    """The section for a committee: order, profile, criteria, what the order rests on, and its limits."""
    return [
        Heading(2, "Which scheme, and why"),
        Paragraph(prose(_SCALES)),
        Paragraph(_basis(ranking)),
        *_order(ranking),
        *_profile(ranking),
        *_criteria(ranking),
        *_rests_on(ranking),
        *_robust(ranking),
        *_uncertain(ranking),
        *_limits(ranking),
    ]


def _basis(ranking: Ranking) -> str:
    """Whose weights these are."""
    corners = ranking.vertices.shape[1]
    if corners == 1:
        listed = "; ".join(f"{_label(ranking, str(name))}: {w:.1%}" for name, w in ranking.weights.items())
        return f"The weights are given, not found: {listed}. Somebody who weighs otherwise may find another order."
    if nothing_assumed(ranking):
        return prose(_NO_WEIGHTS)
    listed = ", then ".join(_label(ranking, name) for name in ranking.names)
    return f"An order of importance is given: {listed}. All weights that fall in this order are taken to be as likely."


def _label(ranking: Ranking, name: str) -> str:
    return ranking.card.criteria[name].label(ranking.card.by)


def _order(ranking: Ranking) -> list[Block]:
    over = plots_ranking.over(ranking)
    rows: list[list[Text]] = []
    for name, row in ranking.table.iterrows():
        error = "" if ranking.exact else f" ± {row['error']:.2%}"
        ranks = f"{row['best rank']} to {row['worst rank']}"
        rows.append([
            str(name), str(row["place"]), f"{row['value']:.3f}", f"{row['first']:.1%}{error}", ranks,
            f"{row['confidence']:.0%}", "yes" if row["pareto"] else "no",
        ])  # fmt: skip
    head = ["scheme", "place", "value", f"first, of {over}", "ranks", "confidence", "efficient"]
    first, *others = ranking.order
    said = (
        f"Probabilities of ranks: {plots_ranking.sure(ranking)}. Places, values, winning probabilities and shifts of "
        "weight are exact. Confidence is how likely a scheme is first under the weights that favour it; efficient says "
        "that no other scheme is at least as good on every criterion that counts and better on one."
    )
    return [
        Heading(3, "The order"),
        Paragraph((Strong(f"Why {first}. "), " ".join(sentences(ranking, first)))),
        Table("The schemes in order", head, rows, frozenset([0, 4, 6])),
        Paragraph(said),
        Picture("acceptability", f"How often each scheme has which rank, over {over}.",
                lambda ax: plots_ranking.acceptability(ranking, ax=ax), plots_ranking.acceptability_size(ranking)),
        Folded("Why each of the others stands where it does",
               [Listing([" ".join(sentences(ranking, one)) for one in others])]),
    ]  # fmt: skip


def _profile(ranking: Ranking) -> list[Block]:
    caption = "The schemes on all criteria that count, fairness beside incentives; each scale has fixed ends."
    return [
        Heading(3, "The profile"),
        Paragraph(
            "No scheme is best at everything, or there would be nothing to decide. A line far to the right is good; "
            "where lines cross, the choice between two schemes is a choice between two criteria."
        ),
        Picture("profile", caption, lambda ax: plots_profile.profile(ranking, ax=ax),
                plots_profile.profile_size(ranking)),
    ]  # fmt: skip


def _criteria(ranking: Ranking) -> list[Block]:
    card, weights = ranking.card, ranking.weights
    rows: list[list[Text]] = []
    for name in ranking.names:
        one = card.criteria[name]
        kind = "fairness" if isinstance(one, Metric) else "incentives"
        rows.append([one.label(card.by), kind, one.direction, one.family, f"{weights[name]:.1%}"])
    head = ["criterion", "kind", "direction", "family", "mean weight"]
    fair = [name for name in ranking.names if isinstance(card.criteria[name], Metric)]
    said = (
        f"{len(ranking.names)} criteria count, {len(fair)} of fairness and {len(ranking.names) - len(fair)} of "
        f"incentives; fairness as a whole carries {float(weights[fair].sum()):.0%} of the mean weight. Criteria of one "
        "family are not independent and count once."
    )
    lacking = ranking.lacking
    if lacking.to_numpy().any():
        gaps = [f"{one} ({int(lacking[one].sum())})" for one in ranking.order if lacking[one].any()]
        said += (
            f" Some schemes have no value for some criteria: {', '.join(gaps)}. There the mean of their other values "
            "stands in, which neither helps nor harms them; the profile leaves a gap."
        )
    blocks: list[Block] = [
        Heading(3, "Criteria that count, and those that do not"),
        Paragraph(said),
        Folded("The criteria that count", [Table("Criteria that count", head, rows, frozenset([0, 1, 2, 3]))]),
    ]
    if len(ranking.left_out):
        out: list[list[Text]] = [[_label(ranking, str(n)), str(why)] for n, why in ranking.left_out.items()]
        table = Table("Criteria that do not count", ["criterion", "why not"], out, frozenset([0, 1]))
        blocks.append(Folded(f"The {len(out)} that do not, and why", [table]))
    return blocks


def _rests_on(ranking: Ranking) -> list[Block]:
    leader = ranking.order[0]
    rows: list[list[Text]] = []
    for rival, row in ranking.shifts.iterrows():
        moved = float(row["moved"])
        told = "no weights do" if math.isinf(moved) else "level already" if not moved else f"{moved:.1%}"
        names = [name for name in str(row["from"]).split(", ") if name]
        taken = "; ".join(_label(ranking, name) for name in names[:_FEW])
        taken += f"; and {len(names) - _FEW} more" if len(names) > _FEW else ""
        rows.append([str(rival), told, taken, _label(ranking, str(row["to"])) if row["to"] else ""])
    blocks: list[Block] = [
        Heading(3, "What would overturn it"),
        Paragraph(
            f"The least weight that must move, and from where to where, before a rival has as much value as {leader}. "
            "The smaller it is, the less the first place can rest on these weights."
        ),
        Table("Shifts of weight that overturn the first place", ["rival", "weight that moves", "from", "to"], rows,
              frozenset([0, 2, 3])),
    ]  # fmt: skip
    if plots_ranking.over(ranking) == plots_ranking.GIVEN:
        return blocks
    size = table_size(len(ranking.schemes), len(ranking.schemes))
    blocks += [
        Paragraph("Two by two, which scheme has more value for which part of the weights:"),
        Picture("winning", "For which part of the weights the scheme of the row beats that of the column.",
                lambda ax: plots_ranking.winning(ranking, ax=ax), size),
    ]  # fmt: skip
    if ranking.vertices.shape[1] > 1:
        caption = "The mean of the weights under which each scheme is first: what somebody who prefers it values."
        picture = Picture("central-weights", caption, lambda ax: plots_ranking.weights(ranking, ax=ax),
                          plots_ranking.weights_size(ranking))  # fmt: skip
        blocks.append(Folded("What somebody who prefers a scheme values", [picture]))
    return blocks


def _robust(ranking: Ranking) -> list[Block]:
    card = ranking.card
    blocks: list[Block] = [Heading(3, "How robust it is")]
    sets = ranking.sets()
    given = ranking.by_construction
    if given:
        said = _CONSTRUCTION.format(given=len(given), count=len(ranking.names), by=card.by)
        listed = Listing([_label(ranking, name) for name in given])
        blocks += [Paragraph(prose(said)), Folded("What proportion has by construction", [listed])]
    if len(sets) > 1:
        rows: list[list[Text]] = [
            [one, *(f"{part.place[one]} ({part.value[one]:.3f})" for part in sets.values())] for one in ranking.order
        ]
        head = ["scheme", *(f"{title} ({len(part.names)})" for title, part in sets.items())]
        blocks.append(Table("Place and value on each set of criteria (how many)", head, rows, frozenset([0])))
        blocks.append(Paragraph(_led(sets)))
    found = ranking.stability()
    changed, tried = len(plots_robust.stability_data(ranking)) - 1, len(found) - 1
    if not tried:
        return blocks
    stays = int((found["first"].iloc[1:] == found["first"].iloc[0]).sum())
    blocks.append(
        Paragraph(
            f"Leaving out one criterion, one kind of criteria, or one of the largest payers at a time makes {tried} "
            f"other rankings: {ranking.order[0]} stays first in {stays} of them, and the whole order stays as it is in "
            f"{tried - changed}. Without a payer the others bear the same loss, and every scheme divides it anew."
        )
    )
    if changed:
        blocks.append(
            Picture("stability", "The omissions that change the order, and the places then.",
                    lambda ax: plots_robust.stability(ranking, ax=ax), plots_robust.stability_size(ranking))
        )  # fmt: skip
    lines: list[list[Text]] = [
        [plots_robust.left_out(ranking, *key), str(row["first"]), digits(float(row["tau"])), str(row["order"])]
        for key, row in zip(found.index, found.to_dict("records"), strict=True)
    ]
    head = ["omission", "first", "Kendall's tau-b", "order"]
    blocks.append(Folded("All omissions", [Table("The order under every omission", head, lines, frozenset([0, 1, 3]))]))
    return blocks


def _led(sets: dict[str, Ranking]) -> str:
    """Who is first on which sets of criteria."""
    whole, *parts = sets.items()
    first = set(_firsts(whole[1]))
    others = [f"{' and '.join(_firsts(part))} on “{title}”" for title, part in parts if not first & set(_firsts(part))]
    if not others:
        return f"{' and '.join(_firsts(whole[1]))} is first on every set of criteria."
    return f"The first place depends on which criteria count: it goes to {'; to '.join(others)}."


def _firsts(ranking: Ranking) -> list[str]:
    place = ranking.place
    return [one for one in ranking.order if place[one] == 1]


def _uncertain(ranking: Ranking) -> list[Block]:
    card = ranking.card
    if card.ensemble is None:
        return []
    first = ranking.order[0]
    rows: list[list[Text]] = [
        [str(rival), *_figures(row)] for rival, row in plots_robust.uncertainty_data(ranking).to_dict("index").items()
    ]
    tail = ["mean difference", "95 % from", "to", f"{first} better in", "worse in", "P(better on average)"]
    what, moved = scenarios_called(card.ensemble), list(dict.fromkeys(card.ensemble.columns.get_level_values(0)))
    rewards = any(not isinstance(card.criteria[name], Metric) for name in moved)
    where = "in every event" if what == "events" else f"at {STRATA} of the losses, each for those near it"
    blocks: list[Block] = [
        Heading(3, f"Over many {what}"),
        Paragraph(
            f"All schemes met the same {len(card.ensemble):,} {what}, so that each difference is one of pairs; "
            "the intervals are those of a paired bootstrap. Incentive measures are "
            f"{f'asked anew {where}' if rewards else 'those of the loss of the question'}."
        ),
        Picture("uncertainty", f"{first} against every other scheme: the paired difference in value.",
                lambda ax: plots_robust.uncertainty(ranking, ax=ax), plots_robust.uncertainty_size(ranking)),
        Table(f"{first} against every other scheme: value over the {what}", ["rival", *tail], rows, frozenset([0])),
    ]  # fmt: skip
    lines: list[list[Text]] = []
    for metric in moved:
        for rival, row in plots_robust.uncertainty_data(card, metric, first).to_dict("index").items():
            lines.append([_label(ranking, metric), str(rival), *_figures(row)])
    table = Table(f"{first} against every other scheme: scores over the {what}", ["criterion", "rival", *tail], lines,
                  frozenset([0, 1]))  # fmt: skip
    return [*blocks, Folded(f"Every score over the {what}", [table])]


def _figures(row: dict[Any, Any]) -> list[str]:
    parts = [digits(float(row[name])) for name in ("difference", "low", "high")]
    return [*parts, f"{row['better']:.0%}", f"{row['worse']:.0%}", digits(row["likely"])]


def _limits(ranking: Ranking) -> list[Block]:
    card = ranking.card
    return [
        Heading(3, "What the order does not say"),
        Listing([
            "It holds for this question, these schemes' parameters and these criteria; what nobody measured has no "
            "weight in it.",
            f"Burdens are judged against {card.by}. Another exposure can give another order.",
            "Where no worst end exists for a criterion, its scale has infinity there, and large differences far from "
            "the best end look small.",
            "Where law or a rulebook decides who pays, they decide.",
        ]),
    ]  # fmt: skip
