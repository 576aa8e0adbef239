"""How long a comparison takes: 12 schemes, all criteria, 200 payers; then 1,000 losses, the bootstrap and the ranking.

Run with ``python tests/benchmarks/bench_card.py``. The losses are judged at once and, for the ratio, a few of them one
by one, as metrics are called alone.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

import allocopt as ao
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

    few, listed = many[:10], fairness_metrics()
    start = time.perf_counter()
    for loss in few:
        for title in card.answers:
            answer = card.rules[title].allocate(question.replace(loss=float(loss)))
            for one in listed.values():
                one(answer, "fund")
    alone = (time.perf_counter() - start) / len(few)
    start = time.perf_counter()
    ao.compare(question, rules, measures=[], axioms=False, scenarios=many)
    at_once = (time.perf_counter() - start) / losses
    print(
        f"per loss {alone * 1e3:.1f} ms one by one, {at_once * 1e3:.2f} ms at once: {alone / at_once:.1f} times faster"
    )


if __name__ == "__main__":
    main()
