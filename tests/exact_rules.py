"""Every claims rule written down once more in fractions, with weights where it has them: no rounding."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from fractions import Fraction as F

Claims = list[F]
Rule = Callable[[F, Claims, Claims], Claims]  # amount (0 < E < the sum of claims), claims, weights (all above zero)


def clears(amount: F, points: list[F], at: Callable[[F], Claims]) -> Claims:
    """The shares at the one level where they add up; ``at`` is a straight line between the points."""
    ladder = sorted({F(0), *points})
    for low, high in itertools.pairwise(ladder):
        left, right = at(low), at(high)
        if sum(left) <= amount <= sum(right) and sum(left) < sum(right):
            part = (amount - sum(left)) / (sum(right) - sum(left))
            return [a + part * (b - a) for a, b in zip(left, right, strict=True)]
    raise AssertionError("the amount is not between nothing and all claims")


def proportional(E: F, c: Claims, w: Claims) -> Claims:
    return [E * x / sum(c) for x in c]


def equal_awards(E: F, c: Claims, w: Claims) -> Claims:
    """min(c, p w)."""
    return clears(
        E, [x / v for x, v in zip(c, w, strict=True)], lambda p: [min(x, p * v) for x, v in zip(c, w, strict=True)]
    )


def dual(rule: Rule) -> Rule:
    return lambda E, c, w: [x - y for x, y in zip(c, rule(sum(c) - E, c, w), strict=True)]


equal_losses = dual(equal_awards)


def cut(theta: F, first: Rule, second: Rule) -> Rule:
    """One rule on the first part of every claim; beyond that, another on the rest."""

    def rule(E: F, c: Claims, w: Claims) -> Claims:
        low, high = [theta * x for x in c], [(1 - theta) * x for x in c]
        if sum(low) >= E:
            return first(E, low, w)
        return [x + y for x, y in zip(low, second(E - sum(low), high, w), strict=True)]

    return rule


def constrained_egalitarian(E: F, c: Claims, w: Claims) -> Claims:
    half = [x / 2 for x in c]
    if sum(half) >= E:
        return equal_awards(E, half, w)
    points = [x / v for x, v in zip(half, w, strict=True)] + [x / v for x, v in zip(c, w, strict=True)]
    return clears(E, points, lambda p: [max(h, min(x, p * v)) for h, x, v in zip(half, c, w, strict=True)])


def alpha_min(E: F, c: Claims, w: Claims) -> Claims:
    n, least = len(c), min(c)
    if n * least >= E:
        return [E / n] * n
    return [least + (E - n * least) * (x - least) / (sum(c) - n * least) for x in c]


def truncated_proportional(E: F, c: Claims, w: Claims) -> Claims:
    return proportional(E, [min(x, E) for x in c], w)


def adjusted_proportional(E: F, c: Claims, w: Claims) -> Claims:
    sure = [max(F(0), E - (sum(c) - x)) for x in c]
    rest = E - sum(sure)
    left = [min(x - m, rest) for x, m in zip(c, sure, strict=True)]
    return [m + (rest * t / sum(left) if rest else 0) for m, t in zip(sure, left, strict=True)]


def minimal_overlap(E: F, c: Claims, w: Claims) -> Claims:
    """Nested up to a level, side by side above it."""
    n, top = len(c), [min(x, E) for x in c]
    level = E
    if max(c) < E:
        for low, high in itertools.pairwise(sorted({F(0), *c})):
            ends = [t + sum(max(x - t, F(0)) for x in c) for t in (low, high)]
            if ends[0] >= E >= ends[1] and ends[0] > ends[1]:
                level = low + (ends[0] - E) * (high - low) / (ends[0] - ends[1])
                break
    nested = sorted(range(n), key=top.__getitem__)
    out, reach, before = [F(0)] * n, F(0), F(0)
    for k, i in enumerate(nested):
        here = min(top[i], level)
        reach, before = reach + (here - before) / (n - k), here
        out[i] = reach + top[i] - here
    return out


def dominguez_thomson(E: F, c: Claims, w: Claims) -> Claims:
    """Round by round, until 10^-24 of the smaller side is left; 60 digits are kept, for fractions grow every round."""
    out, rest, n, enough = [F(0)] * len(c), E, len(c), min(E, sum(c) - E) / 10**18
    while rest > enough:
        b = [min(x, rest) / n for x in c]
        out = [o + x for o, x in zip(out, b, strict=True)]
        c, rest = [x - y for x, y in zip(c, b, strict=True)], rest - sum(b)
        if rest.denominator.bit_length() > 2000:
            rest, c = F(round(rest * 10**60), 10**60), [F(round(x * 10**60), 10**60) for x in c]
    return out


def average_of_awards(E: F, c: Claims, w: Claims) -> Claims:
    """The centroid by inclusion and exclusion over all corners."""
    held = [x for x in c if x]
    n, volume, moment = len(held), F(0), [F(0)] * len(held)
    for inside in itertools.product((0, 1), repeat=n):
        left = E - sum(x for x, s in zip(held, inside, strict=True) if s)
        if left > 0:
            face = (-1) ** sum(inside) * left ** (n - 1)
            volume += face
            moment = [m + face * (left / n + x * s) for m, x, s in zip(moment, held, inside, strict=True)]
    means = iter(m / volume for m in moment)
    return [next(means) if x else F(0) for x in c]


def random_arrival(E: F, c: Claims, w: Claims) -> Claims:
    """The average over all orders of arrival, the next to come drawn by weight among those still out."""
    out = [F(0)] * len(c)
    for order in itertools.permutations(range(len(c))):
        left, out_there, chance = E, sum(w, F(0)), F(1)
        for i in order:
            chance *= w[i] / out_there
            out_there -= w[i]
        for i in order:
            out[i] += min(c[i], left) * chance
            left -= min(c[i], left)
    return out


def average(*rules: Rule) -> Rule:
    return lambda E, c, w: [sum(x, F(0)) / len(rules) for x in zip(*(r(E, c, w) for r in rules), strict=True)]


# name -> (definition, parameters, whether it has weights)
RULES: dict[str, tuple[Rule, dict[str, float], bool]] = {
    "pro-rata": (proportional, {}, False),
    "constrained-equal-awards": (equal_awards, {}, True),
    "constrained-equal-losses": (equal_losses, {}, True),
    "talmud": (cut(F(1, 2), equal_awards, equal_losses), {}, True),
    "reverse-talmud": (cut(F(1, 2), equal_losses, equal_awards), {}, True),
    "tal-family": (cut(F(1, 4), equal_awards, equal_losses), {"theta": 0.25}, True),
    "piniles": (cut(F(1, 2), equal_awards, equal_awards), {}, True),
    "constrained-egalitarian": (constrained_egalitarian, {}, True),
    "alpha-min": (alpha_min, {}, False),
    "truncated-proportional": (truncated_proportional, {}, False),
    "adjusted-proportional": (adjusted_proportional, {}, False),
    "minimal-overlap": (minimal_overlap, {}, False),
    "dominguez-thomson": (dominguez_thomson, {}, False),
    "average-of-equal": (average(equal_awards, equal_losses), {}, False),
    "average-of-awards": (average_of_awards, {}, False),
    "random-arrival": (random_arrival, {}, True),
}


def shares(name: str, loss: F, caps: Claims, weights: Claims, reading: str) -> list[float]:
    """What the definition charges, in either reading; a payer without weight is left out, as the rules do."""
    rule = RULES[name][0]
    able = [i for i, v in enumerate(weights) if v > 0]
    c, w = [caps[i] for i in able], [weights[i] for i in able]
    if loss >= sum(c):
        found = c
    elif loss == 0:
        found = [F(0)] * len(c)
    else:
        found = (rule if reading == "burden" else dual(rule))(loss, c, w)
        if not math.isclose(float(sum(found) / loss), 1.0, rel_tol=1e-14):
            raise AssertionError(f"the definition of {name} does not add up")
    out = [0.0] * len(caps)
    for i, x in zip(able, found, strict=True):
        out[i] = float(x)
    return out
