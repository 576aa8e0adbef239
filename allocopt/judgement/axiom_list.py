"""The axioms of dividing a loss by caps: each compares answers to questions that are related, many at once.

Names follow Thomson, "How to Divide When There Isn't Enough" (2019). See :mod:`allocopt.judgement.axiom` for what an
axiom is.
"""

from __future__ import annotations

import numpy as np

from allocopt.judgement.axiom import AXIOMS, Array, Divide, again, at, axiom, pick, raised, replaced, without, worst

__all__ = ["AXIOMS"]


@axiom("payers with equal caps bear the same")
def equal_treatment(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    """Make a second payer the twin of a first."""
    one, other = pick(draw, C.shape[1]), pick(again(draw), C.shape[1])
    twins = replaced(C, other, at(C, one))
    x = R(np.minimum(E, twins.sum(axis=1)), twins)
    return np.asarray(np.abs(at(x, one) - at(x, other)))


@axiom("a payer with a larger cap bears no less")
def order_preservation_of_burdens(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    x, order = R(E, C), np.argsort(C, axis=1, kind="stable")
    return worst(-np.diff(np.take_along_axis(x, order, axis=1), axis=1))


@axiom("a payer with a larger cap is left with no less of it")
def order_preservation_of_what_is_left(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    left, order = C - R(E, C), np.argsort(C, axis=1, kind="stable")
    return worst(-np.diff(np.take_along_axis(left, order, axis=1), axis=1))


@axiom("a payer whose cap grows bears no less")
def claim_monotonicity(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    payer, _, grown = raised(C, draw)
    return np.asarray(at(R(E, C), payer) - at(R(E, grown), payer))


@axiom("when one cap grows, nobody else bears more")
def others_oriented_claim_monotonicity(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    payer, _, grown = raised(C, draw)
    return worst(without(R(E, grown) - R(E, C), payer))


@axiom("more loss never lowers anybody's bill")
def loss_monotonicity(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    more = E + draw * (C.sum(axis=1) - E)
    return worst(R(E, C) - R(more, C))


@axiom("of an increase in the loss, a payer with a larger cap bears no less")
def supermodularity(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    step = R(E + draw * (C.sum(axis=1) - E), C) - R(E, C)
    return worst(-np.diff(np.take_along_axis(step, np.argsort(C, axis=1, kind="stable"), axis=1), axis=1))


@axiom("when a cap and the loss grow by the same amount, its owner bears no more than that amount extra")
def linked_claim_loss_monotonicity(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    payer, more, grown = raised(C, draw)
    return np.asarray(at(R(E + more, grown), payer) - at(R(E, C), payer) - more)


@axiom("when a payer joins and the loss stays, nobody bears more", payers=3)
def population_monotonicity(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    newcomer = pick(draw, C.shape[1])
    before = without(C, newcomer)
    loss = np.minimum(E, before.sum(axis=1))
    return worst(without(R(loss, C), newcomer) - R(loss, before))


@axiom("when a payer leaves after paying, the others' shares of the rest stand", payers=3)
def consistency(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    leaver = pick(draw, C.shape[1])
    x = R(E, C)
    return worst(np.abs(R(E - at(x, leaver), without(C, leaver)) - without(x, leaver)))


@axiom("a payer with a cap of zero can be left out", payers=3)
def null_payer(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    nobody = pick(draw, C.shape[1])
    with_nobody = replaced(C, nobody, np.zeros(len(C)))
    loss = np.minimum(E, with_nobody.sum(axis=1))
    return worst(np.abs(without(R(loss, with_nobody), nobody) - R(loss, without(C, nobody))))


@axiom("when the loss turns out smaller, dividing it by what was already charged gives the same")
def composition_down(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    larger = E + draw * (C.sum(axis=1) - E)
    return worst(np.abs(R(E, R(larger, C)) - R(E, C)))


@axiom("a loss revealed in two tranches is divided as if known at once")
def composition_up(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    first = R(draw * E, C)
    return worst(np.abs(first + R(E - first.sum(axis=1), C - first) - R(E, C)))


@axiom("dividing the loss and dividing what is left give the same shares")
def self_duality(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    return worst(np.abs(C - R(C.sum(axis=1) - E, C) - R(E, C)))


@axiom("half of all caps is borne half by each", loss=lambda C: C.sum(axis=-1) / 2)
def midpoint(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    return worst(np.abs(R(E, C) - C / 2))


@axiom("the unit of money does not matter")
def homogeneity(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    unit = 1.0 + np.floor(draw * 7)
    return worst(np.abs(R(unit * E, unit[:, None] * C) / unit[:, None] - R(E, C)))


@axiom("the part of a cap above the loss does not matter")
def claims_truncation_invariance(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    return worst(np.abs(R(E, np.minimum(C, E[:, None])) - R(E, C)))


@axiom("charging first what the others cannot bear changes nothing")
def minimal_rights_first(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    least = np.maximum(E[:, None] - (C.sum(axis=1, keepdims=True) - C), 0.0)
    return worst(np.abs(least + R(E - least.sum(axis=1), C - least) - R(E, C)))


@axiom("splitting an account never lowers what it bears", payers=3)
def no_gain_from_splitting(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    x, merged = _merged(R, E, C)
    return np.asarray(merged - x)


@axiom("merging accounts never lowers what they bear together", payers=3)
def no_gain_from_merging(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    x, merged = _merged(R, E, C)
    return np.asarray(x - merged)


def _merged(R: Divide, E: Array, C: Array) -> tuple[Array, Array]:
    """What the last two payers bear apart, and what they bear as one."""
    together = np.concatenate((C[:, :-2], C[:, -2:].sum(axis=1, keepdims=True)), axis=1)
    return R(E, C)[:, -2:].sum(axis=1), R(E, together)[:, -1]


@axiom("moving a part of a cap to somebody else does not raise the giver's bill or lower the taker's", payers=3)
def no_transfer_paradox(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    x, y, _ = _moved(R, E, C, draw)
    return np.asarray(np.maximum(y[:, 0] - x[:, 0], x[:, 1] - y[:, 1]))


@axiom("a group that moves caps among its members bears the same together", payers=3)
def no_advantageous_transfer(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    x, y, _ = _moved(R, E, C, draw)
    return np.asarray(np.abs((y - x)[:, :2].sum(axis=1)))


def _moved(R: Divide, E: Array, C: Array, draw: Array) -> tuple[Array, Array, Array]:
    part = draw * C[:, 0]
    shifted = C.copy()
    shifted[:, 0] -= part
    shifted[:, 1] += part
    return R(E, C), R(E, shifted), part


@axiom("a payer with a larger cap bears no smaller a part of it")
def progressivity(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    return worst(-_rate_steps(R, E, C))


@axiom("a payer with a larger cap bears no larger a part of it")
def regressivity(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    return worst(_rate_steps(R, E, C))


def _rate_steps(R: Divide, E: Array, C: Array) -> Array:
    """Steps in the rate from smaller to larger cap, times the smaller cap so that they are amounts."""
    order = np.argsort(C, axis=1, kind="stable")
    x, c = np.take_along_axis(R(E, C), order, axis=1), np.take_along_axis(C, order, axis=1)
    rate = x / np.where(c > 0, c, 1.0)
    both = (c[:, :-1] > 0) & (c[:, 1:] > 0)
    return np.where(both, np.diff(rate, axis=1) * c[:, :-1], 0.0)


@axiom("everybody bears at least a fair part of its cap, cut to the loss")
def lower_bound_on_burdens(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    return worst(np.minimum(C, E[:, None]) / C.shape[1] - R(E, C))


@axiom("everybody is left with at least a fair part of its cap, cut to what is left in all")
def lower_bound_on_what_is_left(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    left = np.maximum(C.sum(axis=1) - E, 0.0)
    return worst(np.minimum(C, left[:, None]) / C.shape[1] - (C - R(E, C)))


@axiom("two copies of every payer and twice the loss give everybody the same")
def replication_invariance(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    n = C.shape[1]
    return worst(np.abs(R(2 * E, np.concatenate((C, C), axis=1))[:, :n] - R(E, C)))


@axiom("a group with a larger cap in all bears no less, and is left with no less", payers=3)
def group_order_preservation(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    """Two groups without a common member, drawn by giving each payer a place in one, the other or neither."""
    n = C.shape[1]
    digits = np.floor(draw[:, None] * 3.0 ** np.arange(1, n + 1)).astype(np.intp) % 3
    x = R(E, C)
    first, second = (digits == 1), (digits == 2)
    more = (C * first).sum(axis=1) - (C * second).sum(axis=1)
    gap, left = (x * first - x * second).sum(axis=1), ((C - x) * first - (C - x) * second).sum(axis=1)
    side = np.sign(more)
    same = np.maximum(np.abs(gap), np.abs(left))
    return np.asarray(np.where(more == 0, same, np.maximum(-side * gap, -side * left)))


@axiom("when one cap grows, those with larger caps are relieved of no less", payers=3)
def order_preservation_under_claims_variation(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    payer, _, grown = raised(C, draw)
    return _relief_order(without(R(E, C) - R(E, grown), payer), without(C, payer))


@axiom("when a payer joins and the loss stays, those with larger caps are relieved of no less", payers=3)
def order_preservation_under_population_variation(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    newcomer = pick(draw, C.shape[1])
    before = without(C, newcomer)
    loss = np.minimum(E, before.sum(axis=1))
    return _relief_order(R(loss, before) - without(R(loss, C), newcomer), before)


def _relief_order(relief: Array, C: Array) -> Array:
    """How much more a smaller cap is relieved of than the next larger one."""
    order = np.argsort(C, axis=1, kind="stable")
    return worst(-np.diff(np.take_along_axis(relief, order, axis=1), axis=1))


@axiom("when a payer joins and brings a loss as large as its cap, nobody else bears less", payers=3)
def linked_loss_population_monotonicity(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    newcomer = pick(draw, C.shape[1])
    before = without(C, newcomer)
    loss = np.minimum(E, before.sum(axis=1))
    return worst(R(loss, before) - without(R(loss + at(C, newcomer), C), newcomer))


@axiom("moving a part of a cap changes neither side's bill by more than the part", payers=3)
def bounded_impact_of_transfers(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    x, y, part = _moved(R, E, C, draw)
    return np.asarray(np.maximum(x[:, 0] - y[:, 0] - part, y[:, 1] - x[:, 1] - part))


@axiom("payers whose caps and whose total stay the same bear the same, whatever changes elsewhere", payers=3)
def separability(R: Divide, E: Array, C: Array, draw: Array) -> Array:
    """One cap grows; the loss is moved until the others bear the same total as before.

    By halving an interval, and on what remains of it by a straight line, which is exact for rules that are piecewise
    linear in the loss. What the totals still differ by is not counted as a breach.
    """
    payer, _, grown = raised(C, draw)
    others = without(R(E, C), payer)
    total = others.sum(axis=1)

    def borne(loss: Array) -> Array:
        return without(R(loss, grown), payer)

    low, high = 0 * E, grown.sum(axis=1)
    for _ in range(30):
        middle = (low + high) / 2
        enough = borne(middle).sum(axis=1) >= total
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    below, above = borne(low).sum(axis=1), borne(high).sum(axis=1)
    rise = np.where(above > below, above - below, 1)
    found = borne(np.where(above > below, low + (high - low) * ((total - below) / rise), high))
    return np.asarray(worst(np.abs(found - others)) - np.abs(found.sum(axis=1) - total))
