"""Many losses judged in one call: what every scheme lays on whom, and the fairness metrics of all rows at once.

Each form here says the same as the metric of its name, on rows where somebody pays and everybody has exposure; tests
hold them together. Other rows, and metrics and rules without such a form, are judged loss by loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from allocopt.facts.allocation import Allocation
from allocopt.facts.checks import Array
from allocopt.facts.event import Event
from allocopt.facts.problem import LossProblem
from allocopt.judgement.inequality import ROUNDING
from allocopt.judgement.metric import Metric, fairness_metrics, kept
from allocopt.judgement.passage import passage
from allocopt.judgement.resolving import Rule
from allocopt.mechanisms.ensemble import batched
from allocopt.mechanisms.waterfall import Waterfall
from allocopt.schemes.keys import key_values
from allocopt.schemes.random_arrival import RandomArrival

Form = Callable[[Array, Array, Array], Array]  # burdens (S, n), caps (n,), exposures (n,) -> (S,)

_PAIRS = 400  # payers whose pairs are still compared all at once; beyond, sorting row by row is faster


def answered(rule: Rule, question: LossProblem, event: Event | None, loss: float) -> Allocation:
    """What a rule lays on the payers of the question for another loss; a waterfall's moves by the same amount."""
    if isinstance(rule, Waterfall) and event is not None:
        run = rule.run(event, max(0.0, event.loss - question.loss + loss))
        return passage(run, question, rule.name)
    return rule.allocate(question.replace(loss=loss))  # type: ignore[union-attr]


def burdens(rule: Rule, question: LossProblem, event: Event | None, losses: Array) -> Array | None:
    """What each payer of the question bears for each loss, (S, n); None where a rule has no batch form."""
    if isinstance(rule, Waterfall):
        if event is None:
            return None
        found = rule.run_many(np.maximum(0.0, event.loss - question.loss + losses), event).by_payer
        return np.asarray(found.reindex(columns=question.ids), dtype=np.float64)
    if isinstance(rule, RandomArrival):
        return rule.many(losses, question.caps)
    if not batched(rule):
        return None
    stated, keyed = getattr(rule, "key", None), getattr(rule, "keyed", "") or "key"
    key = None if stated is None else key_values(
        stated, question, np.ones(question.n), keyed, getattr(rule, "key_low", 0.0)
    )  # fmt: skip
    return np.asarray(rule.batch(losses, key, question.caps), dtype=np.float64)


def scores(
    rule: Rule, question: LossProblem, event: Event | None, metrics: Mapping[str, Metric], by: str, losses: Array
) -> dict[str, Array]:
    """Metric -> its value for each loss."""
    paid, exposure = burdens(rule, question, event, losses), question.column(by)
    listed, found = fairness_metrics(), {}
    answers: dict[int, Allocation] = {}
    for name, one in metrics.items():
        form = FORMS.get(name) if name in listed and listed[name].compute is one.compute else None
        values = np.full(len(losses), np.nan)
        plain = np.zeros(len(losses), dtype=np.bool_)
        if paid is not None and form is not None and question.n and (exposure > 0).all():
            most = paid.max(axis=1)
            plain = (most > 0) & (paid.min(axis=1) >= -ROUNDING * most)
            values[plain] = form(np.maximum(paid[plain], 0.0), question.caps, exposure)
        for row in np.flatnonzero(~plain).tolist():
            if row not in answers:
                answers[row] = answered(rule, question, event, float(losses[row]))
            values[row] = one(answers[row], by)
        found[name] = values
    return found


def _parts(paid: Array) -> Array:
    return np.asarray(paid / paid.sum(axis=1, keepdims=True))


def _by(form: Callable[[Array, Array], Array]) -> Form:
    """A form on rates: shares of burden against shares of exposure."""
    return lambda paid, caps, w: form(_parts(paid), w / w.sum())


def _alike(form: Callable[[Array, Array], Array]) -> Form:
    """A form on amounts: every payer counts the same."""
    return lambda paid, caps, w: form(_parts(paid), np.full(paid.shape[1], 1.0 / paid.shape[1]))


def _kept(form: Callable[[Array, Array], Array]) -> Form:
    """A form on what payers keep; NaN without caps, equal where all are left with nothing."""

    def judged(paid: Array, caps: Array, w: Array) -> Array:
        out = np.full(len(paid), np.nan)
        if np.isfinite(caps).all():
            left = kept(paid, caps)
            some = left.any(axis=1)
            out[~some] = 0.0
            out[some] = form(_parts(left[some]), np.full(paid.shape[1], 1.0 / paid.shape[1]))
        return out

    return judged


def _gini(p: Array, q: Array) -> Array:
    order = np.argsort(p / q, axis=1, kind="stable")
    p, q = np.take_along_axis(p, order, axis=1), q[order]
    return np.asarray(np.maximum(0.0, np.sum(p * (np.cumsum(q, axis=1) - q) - q * (np.cumsum(p, axis=1) - p), axis=1)))


def _variation(p: Array, q: Array) -> Array:
    return np.asarray(np.sqrt(np.sum((p - q) * ((p - q) / q), axis=1)))


def _jain(p: Array, q: Array) -> Array:
    return np.asarray(1.0 / (1.0 + _variation(p, q) ** 2))


def _theil(p: Array, q: Array) -> Array:
    logs = np.log(np.where(p > 0, p, 1.0) / q)
    return np.asarray(np.maximum(0.0, np.sum(np.where(p > 0, p * logs, 0.0) - p + q, axis=1)))


def _atkinson(p: Array, q: Array) -> Array:
    return np.asarray(np.maximum(0.0, 1.0 - np.mean(np.sqrt(p / q), axis=1) ** 2))


def _ratio(paid: Array, caps: Array, w: Array) -> Array:
    rates = paid / w
    low = rates.min(axis=1)
    return np.asarray(np.divide(rates.max(axis=1), low, out=np.full(len(paid), np.inf), where=low > 0))


def _tail(paid: Array, caps: Array, w: Array) -> Array:
    heaviest = -np.sort(-paid / w, axis=1)
    k = (1.0 - 0.9) * paid.shape[1]
    counted = np.clip(k - np.arange(paid.shape[1]), 0.0, 1.0) / k if k > 1 else np.eye(1, paid.shape[1])[0]
    return np.asarray(heaviest @ counted)


def _kolm(paid: Array, caps: Array, w: Array) -> Array:
    rates = paid / w
    rates = rates / rates.mean(axis=1, keepdims=True)
    top = rates.max(axis=1)
    return np.asarray(top + np.log(np.exp(rates - top[:, None]).mean(axis=1)) - 1.0)


def _in_order(p: Array, w: Array, q: Array) -> Array:
    """Twice the area between the diagonal and the curve of burdens against q, smallest exposures first."""
    levels, group = np.unique(w, return_inverse=True)
    member = np.zeros((len(w), len(levels)))
    member[np.arange(len(w)), group] = 1.0
    p, q = p @ member, q @ member
    return np.asarray(np.sum(p * (np.cumsum(q) - q) - q * (np.cumsum(p, axis=1) - p), axis=1))


def _kakwani(paid: Array, caps: Array, w: Array) -> Array:
    even = np.full(len(w), 1.0 / len(w))
    return _in_order(_parts(paid), w, even) - _in_order((w / w.sum())[None], w, even)


def _concentration(paid: Array, caps: Array, w: Array) -> Array:
    return _in_order(_parts(paid), w, np.full(len(w), 1.0 / len(w)))


def _left(paid: Array, caps: Array, w: Array) -> Array:
    if not np.isfinite(caps).all():
        return np.full(len(paid), np.nan)
    left = kept(paid, caps)
    some = left.any(axis=1)
    out = np.full(len(paid), _concentration(caps[None], caps, caps)[0])
    out[some] -= _concentration(left[some], caps, caps)
    return out


def _suits(paid: Array, caps: Array, w: Array) -> Array:
    return _in_order(_parts(paid), w, w / w.sum())


def _kendall(paid: Array, caps: Array, w: Array) -> Array:
    x = np.rint(paid / (ROUNDING * paid.max(axis=1, keepdims=True)))
    if x.shape[1] > _PAIRS:
        from scipy.stats import kendalltau

        return np.array([0.0 if np.ptp(r) == 0 or np.ptp(w) == 0 else kendalltau(r, w).statistic for r in x])
    above = np.triu(np.ones((len(w), len(w)), dtype=np.bool_), 1)
    signs = np.where(above, np.sign(w[:, None] - w), 0.0)
    ranked = np.count_nonzero(signs)
    out = np.zeros(len(x))
    for row, figures in enumerate(x):  # pairs of all rows at once would not fit the memory
        pairs = np.sign(figures[:, None] - figures)
        untied = np.count_nonzero(pairs) / 2 * ranked
        out[row] = np.sum(pairs * signs) / np.sqrt(untied) if untied else 0.0
    return out


FORMS: dict[str, Form] = {
    "gini": _by(_gini), "gini_of_burdens": _alike(_gini), "jain": _by(_jain),
    "coefficient_of_variation": _by(_variation), "jain_of_burdens": _alike(_jain),
    "hhi_of_burdens": _alike(lambda p, q: np.sum(p**2, axis=1)),
    "top_share_of_burdens": _alike(lambda p, q: p.max(axis=1)), "theil": _by(_theil),
    "hoover": _by(lambda p, q: 0.5 * np.abs(p - q).sum(axis=1)), "max_min_ratio": _ratio,
    "envy": lambda paid, caps, w: np.ptp(paid / w, axis=1), "max_burden": lambda paid, caps, w: (paid / w).max(axis=1),
    "cvar_of_burden": _tail, "kolm_pollak": _kolm, "kakwani": _kakwani, "suits": _suits,
    "concentration_index": _concentration, "reynolds_smolensky": _left, "kendall_tau_b": _kendall,
    "gini_of_residual_wealth": _kept(_gini), "atkinson_of_residual_wealth": _kept(_atkinson),
}  # fmt: skip
