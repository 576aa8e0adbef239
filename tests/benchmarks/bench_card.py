"""How long a comparison takes: 12 schemes, all criteria, 200 payers; then 1,000 losses, the bootstrap and the ranking.

Run with ``python tests/benchmarks/bench_card.py``. The losses are judged at once and, for the ratio, some of them one
by one as well, as metrics are called alone. Last, what the incentives of a rule that is slow to divide cost: random
arrival on a grid, in divisions.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

import allocopt as ao
from allocopt.judgement.many import scores
from allocopt.judgement.metric import fairness_metrics

RULES = [
    "pro-rata", "constrained-equal-awards", "constrained-equal-losses", "talmud", "reverse-talmud", "piniles",
    "constrained-egalitarian", "adjusted-proportional", "truncated-proportional", "alpha-min", "minimal-overlap",
]  # fmt: skip


def main(payers: int = 200, losses: int = 1000) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {name: rng.lognormal(13, 1, payers) for name in ("fund", "stress_loss", "equity")},
        index=[f"Member {k}" for k in range(payers)],
    )
    question = ao.LossProblem(0.4 * table["fund"].sum(), table, "fund", "EUR")
    rules = [*RULES, ao.scheme("pro-rata", key="stress_loss")]

    start = time.perf_counter()
    card = ao.compare(question, rules, axioms=False)
    whole = time.perf_counter() - start
    criteria = len(card.criteria)
    print(f"{len(rules)} schemes x {criteria} criteria x {payers} payers, first call: {whole:.2f} s")

    many = rng.uniform(0.1, 0.9, losses) * table["fund"].sum()
    start = time.perf_counter()
    card = ao.compare(question, rules, axioms=False, scenarios=many)
    scored = time.perf_counter() - start
    pairs = len(card.uncertainty)
    bootstrapped = time.perf_counter() - start - scored
    card.rank().table  # noqa: B018
    ranked = time.perf_counter() - start - scored - bootstrapped
    print(f"with {losses} losses: {scored:.2f} s, bootstrap of {pairs} pairs {bootstrapped:.2f} s, rank {ranked:.2f} s")

    moved = ao.compare(question, rules, axioms=False, scenarios=many[:2], uncertain="all").criteria
    start = time.perf_counter()
    ao.compare(question, rules, axioms=False, scenarios=many, uncertain="all")
    print(f"with incentives at eight of the losses ({len(moved)} criteria): {time.perf_counter() - start:.2f} s")

    # The same losses both ways, both warm: the card is compared with itself, not with a cold start.
    same, terms = many[:60], fairness_metrics()

    def alone() -> None:
        for loss in same:
            for rule in card.rules.values():
                answer = rule.allocate(question.replace(loss=float(loss)))
                for one in terms.values():
                    one(answer, "fund")

    def at_once() -> None:
        for rule in card.rules.values():
            scores(rule, question, None, terms, "fund", same)

    took = {}
    for way in (at_once, alone, at_once, alone):  # the first of each is the warm-up
        start = time.perf_counter()
        way()
        took[way] = (time.perf_counter() - start) / len(same)
    print(
        f"per loss {took[alone] * 1e3:.1f} ms one by one, {took[at_once] * 1e3:.2f} ms at once: "
        f"{took[alone] / took[at_once]:.1f} times faster"
    )

    members = pd.DataFrame({"fund": np.round(rng.lognormal(16, 1.2, 166))})
    one = ao.LossProblem(0.67 * members["fund"].sum(), members, "fund", "EUR")
    ao.allocate(one, "random-arrival")
    start = time.perf_counter()
    ao.allocate(one, "random-arrival")
    single = time.perf_counter() - start
    start = time.perf_counter()
    ao.compare(one, ["random-arrival"], [], axioms=False)
    whole = time.perf_counter() - start
    print(
        f"random arrival, 166 members: a division {single:.2f} s, incentives {whole:.2f} s, {whole / single:.1f} times"
    )


if __name__ == "__main__":
    main()
