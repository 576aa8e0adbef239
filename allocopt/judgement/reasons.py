"""Why a scheme stands where it does: the sentences and the table of a ranking, for a committee and for a notebook."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from allocopt.errors import unknown
from allocopt.judgement.inequality import ROUNDING
from allocopt.judgement.ranking import dominance, turned
from allocopt.judgement.weighting import NO_WEIGHT

if TYPE_CHECKING:
    from rich.console import Group

    from allocopt.judgement.choice import Ranking

_FEW = 3  # criteria named on either side; the profile has all


def explain(ranking: Ranking, scheme: str | None) -> str:
    """The reasons in sentences: place, how sure, strong and weak sides, what would change it, what does not count."""
    one = ranking.order[0] if scheme is None else scheme
    if one not in ranking.schemes:
        raise unknown("scheme of this card", one, ranking.schemes)
    return " ".join([*sentences(ranking, one), *_left_out(ranking)])


def sentences(ranking: Ranking, one: str) -> list[str]:
    """Why this scheme stands where it does, without the criteria that do not count."""
    told = [_place(ranking, one), _chance(ranking, one), *_sides(ranking, one), *_beaten(ranking, one)]
    return list(filter(None, [*told, *_shift(ranking, one)]))


def _place(ranking: Ranking, one: str) -> str:
    place, value = ranking.place, ranking.value
    tied = [other for other in ranking.schemes if place[other] == place[one] and other != one]
    count = len(ranking.names)
    on = f"on {count} criteri{'on' if count == 1 else 'a'}, {ranking.basis}"
    said = f"{one} is number {place[one]} of {len(place)} {on}: its value is {value[one]:.3f}, where 1 is best on all"
    if tied:
        return f"{said}; {' and '.join(tied)} {'has' if len(tied) == 1 else 'have'} the same."
    first, second = ranking.order[0], ranking.order[1:2]
    rival = first if one != first else second[0] if second else ""
    return f"{said}{f'; {rival} has {value[rival]:.3f}' if rival else ''}."


def _chance(ranking: Ranking, one: str) -> str:
    schemes, size, corners = ranking.schemes, len(ranking.schemes), ranking.vertices.shape[1]
    scenarios = ranking.card.ensemble is not None
    if size == 1 or (corners == 1 and not scenarios):
        return ""
    over = " and ".join([*(["weights"] * (corners > 1)), *(["scenarios"] * scenarios)])
    ranks, at = np.asarray(ranking.acceptability), schemes.index(one)
    error = float(np.asarray(ranking.standard_error)[at, 0])
    sure = "exactly" if ranking.exact else f"Monte Carlo error {error:.2%} over {ranking.draws:,} draws"
    said = f"It is first under {ranks[at, 0]:.1%} of all {over} ({sure}) and last under {ranks[at, -1]:.1%}."
    most = int(ranks[:, 0].argmax())
    if one == ranking.order[0] and ranks[most, 0] > ranks[at, 0] + 3 * error:
        said += f" {schemes[most]} is first more often ({ranks[most, 0]:.1%}), with less value where it is not."
    return said


def _sides(ranking: Ranking, one: str) -> list[str]:
    """Where it is best of all schemes, and where it loses most of its value."""
    profile, weights = ranking.profile, ranking.weights.to_numpy()
    own = profile[one].to_numpy()
    has = ~ranking.lacking[one].to_numpy()
    lead = own - profile.drop(columns=one).max(axis=1).to_numpy() if profile.shape[1] > 1 else np.zeros(len(own))
    ahead = [k for k in np.argsort(-lead, kind="stable") if has[k] and lead[k] > ROUNDING][:_FEW]
    lost = weights * (1.0 - own)
    behind = [k for k in np.argsort(-lost, kind="stable") if has[k] and lost[k] > ROUNDING][:_FEW]

    def listed(places: list[int]) -> str:
        return "; ".join(f"{_label(ranking, ranking.names[k])} ({own[k]:.2f})" for k in places)

    told = [f"Better than every other on {listed(ahead)}."] if ahead else []
    told += [f"It loses most value on {listed(behind)}."] if behind else []
    missing = [name for name, there in zip(ranking.names, has, strict=True) if not there]
    if missing:
        named = "; ".join(_label(ranking, name) for name in missing)
        told.append(f"It has no value on {named}: the mean of its others stands in.")
    return told


def _beaten(ranking: Ranking, one: str) -> list[str]:
    card = ranking.card
    by = dominance(turned(card.values().loc[list(ranking.names)], card.criteria))[one]
    if not by.any():
        return []
    return [f"At least as good on every criterion that counts, and better on one: {', '.join(by.index[by])}."]


def _shift(ranking: Ranking, one: str) -> list[str]:
    """What the lead rests on."""
    shifts = ranking.shifts
    if one != ranking.order[0]:
        rival = one
    elif len(shifts):
        rival = str(shifts.index[int(np.argmin(shifts["moved"]))])
    else:
        return []
    found: dict[str, Any] = shifts.loc[rival].to_dict()  # type: ignore[assignment]
    share, giver, taker = float(found["moved"]), str(found["from"]), str(found["to"])
    leader = ranking.order[0]
    if math.isinf(share):
        return [f"No weights put {rival if one != leader else 'another scheme'} ahead of {leader}."]
    if not share:
        return []
    source = " and ".join(_label(ranking, name) for name in giver.split(", "))
    return [
        f"{rival} catches up with {leader} when {share:.1%} of the weight moves from {source} to "
        f"{_label(ranking, taker)}."
    ]


def _left_out(ranking: Ranking) -> list[str]:
    """Criteria that do not count, and why; those that only carry no weight are counted."""
    causes = [f"{_label(ranking, str(name))} ({why})" for name, why in ranking.left_out.items() if why != NO_WEIGHT]
    without = int((ranking.left_out == NO_WEIGHT).sum())
    if without:
        causes.append(f"{without} other criteri{'on' if without == 1 else 'a'} of the card without weight")
    return [f"Not counted: {'; '.join(causes)}."] if causes else []


def _label(ranking: Ranking, name: str) -> str:
    return ranking.card.criteria[name].label(ranking.card.by)


def html(ranking: Ranking) -> str:
    """The table of places with the reasons below it, for a notebook."""
    from allocopt.judgement.card_view import STYLE

    head = ["", "scheme", "value", "first", "ranks", "Pareto"]
    body = []
    for scheme, row in ranking.table.iterrows():
        place, value, first, ranks, pareto = _cells(ranking, row)
        named = f'<th scope="row">{escape(str(scheme))}</th>'
        shade = f' style="background:rgba(0,114,178,{0.30 * row["value"]:.2f})"'
        rest = "".join(f"<td>{cell}</td>" for cell in (first, ranks, pareto))
        body.append(f"<tr><td>{place}</td>{named}<td{shade}>{value}</td>{rest}</tr>")
    return (
        f'<div style="overflow-x:auto"><style>{STYLE}</style><table class="ao-card">'
        f"<caption>{escape(_caption(ranking))}</caption>"
        f"<thead><tr>{''.join(f'<th>{h}</th>' for h in head)}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table>"
        f"<p>{escape(ranking.explain())}</p></div>"
    )


def _caption(ranking: Ranking) -> str:
    count = len(ranking.names)
    return f"Ranking on {count} criteri{'on' if count == 1 else 'a'}, {ranking.basis}"


def _cells(ranking: Ranking, row: Any) -> list[str]:
    """Place (the first marked, so that colour is not the only cue), value, how often first, which ranks, Pareto."""
    error = "" if ranking.exact else f" ± {row['error']:.1%}"
    return [
        f"{'● ' if row['place'] == 1 else ''}{row['place']}", f"{row['value']:.3f}", f"{row['first']:.1%}{error}",
        f"{row['best rank']}–{row['worst rank']}", "yes" if row["pareto"] else "no",
    ]  # fmt: skip


def terminal(ranking: Ranking) -> Group:
    """The same table for a terminal, with the reasons below it."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(_caption(ranking)), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    table.add_column("scheme", overflow="fold", min_width=16)
    for head in ("value", "first", "ranks", "Pareto"):
        table.add_column(head, justify="right", no_wrap=True)
    for scheme, row in ranking.table.iterrows():
        place, value, first, ranks, pareto = _cells(ranking, row)
        bold = "bold" if row["place"] == 1 else ""
        table.add_row(place, Text(str(scheme)), value, first, ranks, pareto, style=bold)
    return Group(table, Text(ranking.explain()))
