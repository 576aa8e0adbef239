"""Many losses down one waterfall in one call: what each layer, each payer and nobody bears, loss by loss."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allocopt.errors import DataError
from allocopt.facts.checks import Array, vector
from allocopt.facts.event import Event
from allocopt.mechanisms.asking import Asked, ask
from allocopt.mechanisms.layer import Layer
from allocopt.mechanisms.sharing import BY_SIZE, apart, collect, weights_of
from allocopt.mechanisms.walk import stages
from allocopt.schemes import Scheme
from allocopt.schemes.equal_sacrifice import EqualSacrifice
from allocopt.schemes.exact_rule import ExactRule
from allocopt.schemes.keys import key_values
from allocopt.schemes.one_price import OnePrice
from allocopt.views import view

if TYPE_CHECKING:
    from allocopt.mechanisms.waterfall import Waterfall

# Per payer, of what reaches a layer: a sum of shares is off by no more, so a larger rest is what nobody could bear.
_ROUND_OFF = 4 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False, repr=False)
class Ensemble:
    """What a waterfall lays on whom for each of many losses.

    ``by_layer`` (losses x layers), ``by_payer`` (losses x payers) and ``residual`` (losses) are in the event's
    currency, ``loss`` is the whole loss of each row. ``notes`` names the layers whose rule has no batch form and was
    asked loss by loss, and ``layers`` holds the layers themselves.
    """

    name: str
    event: Event
    loss: pd.Series[float]
    by_layer: pd.DataFrame
    by_payer: pd.DataFrame
    residual: pd.Series[float]
    notes: tuple[str, ...] = ()
    layers: tuple[Layer, ...] = ()

    @property
    def by_role(self) -> pd.DataFrame:
        """What each role bears; a payer the model names itself counts as house."""
        roles = self.event.payers["role"].reindex(self.by_payer.columns).fillna("house").astype(str)
        return self.by_payer.T.groupby(roles.to_numpy(), sort=False).sum().T

    @property
    def exhaustion(self) -> pd.Series[float]:
        r"""The loss at which each layer has borne all it can: :math:`\min\{L : x_k(L) = \max x_k\}`, in currency.

        NaN where no larger loss shows that the layer takes no more, or where it bears nothing. Found between two of
        the losses it is exact: all layers up to this one (and those beside it) are then exhausted, so it is the sum of
        what they bear. In a waterfall with pools, and where one layer of a group is exhausted before another, it is
        the first of the losses at which the layer is exhausted.
        """
        order = np.argsort(self.loss.to_numpy(), kind="stable")
        losses, borne = self.loss.to_numpy()[order], self.by_layer.to_numpy()[order]
        most = borne.max(axis=0, initial=0.0)
        whole = dict(zip(self.by_layer.columns, most.tolist(), strict=True))
        pooled, found, above = any(layer.pool for layer in self.layers), dict.fromkeys(whole, np.nan), 0.0
        for stage in stages(self.layers) if len(losses) else ():
            above += sum(whole[layer.name] for layer in stage)
            for layer in stage:
                at = self.by_layer.columns.get_loc(layer.name)
                full = borne[:, at] >= whole[layer.name] * (1 - 1e-12)
                first = int(np.argmax(full))
                if whole[layer.name] > 0 and full[first:].all() and losses[-1] > losses[first] * (1 + 1e-9):
                    inside = not pooled and (first == 0 or losses[first - 1] < above) and above <= losses[first]
                    found[layer.name] = above if inside else losses[first]
        return pd.Series(found, name="loss at exhaustion", dtype=float).rename_axis("layer")

    def plot(self, ax: Any = None) -> Any:
        """Who bears what as the loss grows, layer upon layer, with the loss that exhausts each; returns the Axes."""
        return view("ensemble plot")(self, ax=ax)

    def __len__(self) -> int:
        return len(self.loss)

    def __repr__(self) -> str:
        mean = ", ".join(f"{layer} {borne:,.0f}" for layer, borne in self.by_layer.mean().items())
        return f"Ensemble({self.name}: {len(self):,} losses; on average {mean}, nobody {self.residual.mean():,.0f})"


def run_many(waterfall: Waterfall, losses: Any, event: Event) -> Ensemble:
    """See :meth:`Waterfall.run_many <allocopt.Waterfall>`."""
    left, index = _losses(waterfall, losses, event)
    whole = sum(left.values())
    payers = pd.Index(
        dict.fromkeys([*event.payers.index, *(layer.payer for layer in waterfall.layers if layer.payer)]),
        name=event.payers.index.name,
    )
    drawn: dict[str, Array] = defaultdict(lambda: np.zeros((len(index), len(payers))))
    total = np.zeros((len(index), len(payers)))
    borne: dict[str, Array] = {}
    notes: list[str] = []
    pots = [layer.pot for layer in waterfall.layers]
    for stage in stages(waterfall.layers):
        pool = stage[0].pool
        reached = left.get(pool, np.zeros(len(index))) if pool else sum(left.values())
        group = [ask(layer, event) for layer in stage]
        at = [payers.get_indexer(asked.ids) for asked in group]
        spent = [
            drawn[a.layer.pot][:, k] if a.layer.pot in drawn else np.zeros(len(k))
            for a, k in zip(group, at, strict=True)
        ]
        if len(group) == 1:
            amounts = np.minimum(reached, group[0].amount)
            paid, residual = _share(group[0], amounts, spent[0], notes)
            answers, rest = [paid], reached - amounts + residual
        else:
            answers, rest = _side_by_side(group, np.asarray(reached), spent, notes)
        for asked, rows, paid in zip(group, at, answers, strict=True):
            borne[asked.layer.name] = paid.sum(axis=1)
            total[:, rows] += paid
            if pots.count(asked.layer.pot) > 1:
                drawn[asked.layer.pot][:, rows] += paid
        left = _passed_on(left, pool, np.asarray(reached), rest)
    return Ensemble(
        waterfall.name, event, pd.Series(whole, index=index, name="loss"), pd.DataFrame(borne, index=index),
        pd.DataFrame(total, index=index, columns=payers), pd.Series(sum(left.values()), index=index, name="residual"),
        tuple(dict.fromkeys(notes)), waterfall.layers,
    )  # fmt: skip


def _losses(waterfall: Waterfall, losses: Any, event: Event) -> tuple[dict[str, Array], pd.Index]:
    """One vector of losses by pool, all of one length, and the index of the rows."""
    given = losses if isinstance(losses, Mapping) else {"": losses}
    waterfall.losses(event, dict.fromkeys(given, 0.0))
    if not given:
        raise DataError("losses name no pool; give one loss per scenario, or a mapping from pool to that")
    found: dict[str, Array] = {}
    index: pd.Index | None = None
    for pool, values in given.items():
        if np.ndim(values) != 1:
            raise DataError(f"losses have shape {np.shape(values)}; expected one loss per scenario")
        own = values.index if isinstance(values, pd.Series) else pd.RangeIndex(len(values), name="scenario")
        index = own if index is None else index
        if len(own) != len(index):
            raise DataError(f"losses of pool {pool!r} have {len(own)} rows, others {len(index)}; give the same number")
        figures = values.to_numpy() if isinstance(values, pd.Series) else np.asarray(values)
        found[pool] = vector(figures, pd.RangeIndex(len(own)), "losses (by scenario)")
    ordered = {pool: found[pool] for pool in ("", *waterfall.pools) if pool in found}
    return ordered, index if index is not None else pd.RangeIndex(0)


def _share(asked: Asked, losses: Array, spent: Array, notes: list[str]) -> tuple[Array, Array]:
    """Shares (losses x payers) and residuals of one layer, tier by tier."""
    paid, left = np.zeros((len(losses), len(asked.ids))), np.array(losses)
    if not len(asked.ids):
        return paid, left
    ranks = np.zeros(len(asked.ids)) if asked.tiers is None else asked.tiers
    for tier in np.unique(ranks):
        rows = np.flatnonzero(ranks == tier)
        part = _rows(asked, rows)
        caps = part.caps(spent[..., rows])
        paid[:, rows] = shares = np.minimum(_batch(part, left, caps, notes), caps)
        rest = left - shares.sum(axis=1)
        left = np.where(rest > _ROUND_OFF * (len(rows) + 8) * left, rest, 0.0)
    return paid, left


def _rows(asked: Asked, rows: Any) -> Asked:
    if len(rows) == len(asked.ids):
        return asked
    return replace(asked, table=asked.table.iloc[rows], ceiling=asked.ceiling[rows], own=asked.own[rows], tiers=None)


def _batch(asked: Asked, losses: Array, caps: Array, notes: list[str]) -> Array:
    """The rule's own batch where it is the rule; else loss by loss, and a note."""
    rule = asked.layer.rule
    try:
        if batched(rule):
            return rule.batch(losses, _key(asked, rule), caps)
        notes.append(f"layer {asked.layer.name!r}: {rule.title} has no batch form; asked loss by loss")
        return _one_by_one(asked, rule, losses, caps)
    except DataError as fault:
        raise DataError(f"layer {asked.layer.name!r}: {fault}") from None


def batched(rule: Scheme) -> bool:
    """Whether the batch of a rule is known to be the rule: the supply of its key, or an exact algorithm of the caps."""
    kind = type(rule)
    if isinstance(rule, OnePrice):
        # A rule that poses its question in its own way reads more than a key, and its batch would not know.
        own = {name for base in kind.__mro__[: kind.__mro__.index(OnePrice)] for name in vars(base)}
        return not own & {"batch", "_posed"}
    return isinstance(rule, ExactRule | EqualSacrifice) and kind.batch in (ExactRule.batch, EqualSacrifice.batch)


def _key(asked: Asked, rule: Scheme) -> Array | None:
    stated = getattr(rule, "key", None)
    if stated is None:
        return None
    one = asked.problem(0.0, {})
    return key_values(stated, one, np.ones(one.n), getattr(rule, "keyed", "key"), getattr(rule, "key_low", 0.0))


def _one_by_one(asked: Asked, rule: Scheme, losses: Array, caps: Array) -> Array:
    caps = np.broadcast_to(caps, (len(losses), len(asked.ids)))
    out = np.zeros(caps.shape)
    question = asked.problem(0.0, {})
    for row in np.flatnonzero(losses > 0):
        limits = {} if asked.label is None else {"cap": caps[row]}
        out[row] = collect(rule, question.replace(loss=float(losses[row]), **limits)).paid
    return out


def _side_by_side(
    group: Sequence[Asked], losses: Array, spent: Sequence[Array], notes: list[str]
) -> tuple[list[Array], Array]:
    """The split among the layers of a group, redone where a layer could bear less than its limits say."""
    apart(group)
    sizes = np.stack(
        [
            np.broadcast_to(np.minimum(a.caps(s).sum(axis=-1), a.amount), losses.shape)
            for a, s in zip(group, spent, strict=True)
        ],
        axis=1,
    )
    weights = weights_of(group, sizes)
    for _ in range(len(group) + 1):
        split = np.minimum(BY_SIZE.batch(losses, weights, sizes), sizes)
        found = [_share(a, split[:, k], s, notes) for k, (a, s) in enumerate(zip(group, spent, strict=True))]
        borne = np.stack([paid.sum(axis=1) for paid, _ in found], axis=1)
        short = (np.stack([rest for _, rest in found], axis=1) > 0) & (borne < sizes)
        if not short.any():
            break
        sizes = np.where(short, borne, sizes)
    rest = losses - split.sum(axis=1)
    unplaced = np.where(rest > _ROUND_OFF * (len(group) + 8) * losses, rest, 0.0)
    return [paid for paid, _ in found], unplaced + np.sum([rest for _, rest in found], axis=0)


def _passed_on(left: Mapping[str, Array], pool: str, reached: Array, rest: Array) -> dict[str, Array]:
    if pool:
        return {**left, pool: rest} if pool in left else dict(left)
    if len(left) == 1:
        return dict.fromkeys(left, rest)
    part = np.divide(rest, reached, out=np.zeros(len(rest)), where=reached > 0)
    return {name: amount * part for name, amount in left.items()}
