"""What a rule rewards, of any question: the incentive measures that need nothing but the table of payers.

Where a rule is asked about one payer, it is the largest, the median or a few between, by the exposure that the reader
names: enough to see what a rule rewards, and the same few for every rule. Incentives pull against each other: a price
on exposure that makes payers careful (own price) is also what they save by hiding it (misreport gain).
"""

from __future__ import annotations

from collections.abc import Iterable

from allocopt.errors import DataError
from allocopt.judgement import incentives
from allocopt.judgement.incentives import Incentive
from allocopt.judgement.measure import Case, measure

_ACCOUNTS = (2, 3, 5, 10)  # numbers of accounts tried; few, for each is one more solution of the rule

GAIN = "part of what the payer bears"


@measure(title="Own price", of="the next unit of {by} of the largest payer", direction="higher is better", best=1.0,
         worst=0.0, unit="per unit of exposure", formula=r"\partial x_i / \partial e_i")  # fmt: skip
def own_price(case: Case) -> Incentive:
    """What the largest payer would bear more had its whole account one more unit of exposure; 0 makes growth free."""
    return incentives.own_price(
        case.rule, case.facts, case.at(1.0)[0], case.by, whole_account=True, rates=case.rates
    )  # fmt: skip


@measure(title="Own elasticity", of="burden to the size of one's account, median of payers by {by}", best=1.0,
         worst=0.0, direction="higher is better", unit="per cent for one per cent",
         formula=r"\frac{e_i}{x_i} \frac{\partial x_i}{\partial e_i}")  # fmt: skip
def own_elasticity(case: Case) -> Incentive:
    """By how many per cent a burden grows with the account, median of five payers; 1 is in step, pro-rata 1 - share."""
    found = sorted(
        (
            incentives.own_elasticity(case.rule, case.facts, p, case.by, whole_account=True, rates=case.rates)
            for p in case.at(0.0, 0.25, 0.5, 0.75, 1.0)
        ),
        key=lambda one: one.value,
    )
    return found[len(found) // 2]


@measure(title="Pass-through", of="the loss that growth of the largest payer by {by} adds, to others", best=0.0,
         worst=1.0, direction="closer to zero is better", unit="share of the added loss",
         formula=r"\sum_{j \ne i} dx_j / dL")  # fmt: skip
def pass_through(case: Case) -> Incentive:
    """The part of the loss it adds that the largest payer leaves to others; 0 when it bears what it adds."""
    total = float(case.question.column(case.by).sum())
    return incentives.pass_through(
        case.rule, case.facts, case.at(1.0)[0], case.by, case.question.loss / total if total > 0 else 0.0,
        whole_account=True, rates=case.rates,
    )  # fmt: skip


@measure(title="Split gain", of="the largest or median payer by {by}", direction="lower is better", best=0.0, worst=1.0,
         unit=GAIN, formula=r"1 - \sum_k x_{ik} / x_i", favours="pro-rata")  # fmt: skip
def split_gain(case: Case) -> Incentive:
    """What appearing as 2 to 10 equal accounts saves, the better of two payers; below zero splitting costs."""
    return _best(
        incentives.split_gain(case.rule, case.facts, payer, _ACCOUNTS, rates=case.rates)
        for (payer,) in case.paying((payer,) for payer in case.at(1.0, 0.5))
    )


@measure(title="Uneven split gain", of="the largest payer by {by}", direction="lower is better", best=0.0, worst=1.0,
         unit=GAIN, formula=r"1 - \min_d (x_{i1} + x_{i2}) / x_i", favours="pro-rata")  # fmt: skip
def uneven_split_gain(case: Case) -> Incentive:
    """What the best split into two accounts of unequal make saves, for the largest who pays; found by search, a
    shorter one where every answer of the rule takes a program."""
    ((payer,), *_) = case.paying((payer,) for payer in case.at(1.0, 0.5))
    floor, quick = case.given.get("floor", 0.0), not case.answer.method.startswith("program")
    return incentives.best_split(case.rule, case.facts, payer, floor=floor, refine=quick, rates=case.rates)


@measure(title="Merge gain", of="the two largest, three median or three smallest payers by {by}", best=0.0, worst=1.0,
         direction="lower is better", unit=GAIN, formula=r"1 - x_{merged} / \sum_i x_i",
         favours="pro-rata")  # fmt: skip
def merge_gain(case: Case) -> Incentive:
    """What appearing as one account saves, the best of three groups; below zero merging costs."""
    ids = case.ranked
    if len(ids) < 2:
        return Incentive(0.0, f"{ids[0]} has nobody to merge with", case.facts.question, (ids[0],))
    few, middle = min(3, max(2, len(ids) - 1)), max(0, len(ids) // 2 - 1)
    groups = case.paying((tuple(ids[:-3:-1]), tuple(ids[middle : middle + few]), tuple(ids[:few])))
    return _best(incentives.merge_gain(case.rule, case.facts, group, rates=case.rates) for group in groups)


@measure(title="Misreport gain", of="the largest or median payer by {by}, hiding up to half", best=0.0, worst=1.0,
         direction="lower is better", unit=GAIN, formula=r"\max_r\, (x_i(e) - x_i(r e)) / x_i(e)")  # fmt: skip
def misreport_gain(case: Case) -> Incentive:
    """What hiding up to half of the exposure that the rule reads saves, the better of two payers."""
    return _best(
        incentives.misreport_gain(case.rule, case.facts, payer)
        for (payer,) in case.paying((payer,) for payer in case.at(1.0, 0.5))
    )


@measure(title="Free-rider index", of="burdens against risk contributions", direction="lower is better", best=0.0,
         worst=1.0, unit="share of the loss", formula=r"\tfrac12 \sum_i |x_i / L - \rho_i|")  # fmt: skip
def free_riding(case: Case) -> Incentive:
    """The part of the loss borne by others than those who brought the risk."""
    if not case.risk:
        raise DataError("no column of risk contributions is known; name one with risk=...")
    return incentives.free_riding(case.answer, case.risk)


@measure(title="Follow-on defaults", of="payers whose burden exceeds their equity", direction="lower is better",
         best=0.0, worst=1.0, unit="share of the payers", formula=r"\frac1n \#\{i : x_i > E_i\}")  # fmt: skip
def follow_on_defaults(case: Case) -> Incentive:
    """The part of the payers who could not bear their burden out of their own equity."""
    return incentives.follow_on_defaults(case.answer)


@measure(title="House absorption", of="the loss by the house itself", direction="higher is better", best=1.0, worst=0.0,
         unit="share of the loss", formula=r"x_{house} / L")  # fmt: skip
def house_absorption(case: Case) -> Incentive:
    """The part of the loss that the house bears, its skin in the game; judged only where the house is asked to pay."""
    return incentives.house_absorption(case.cascade or case.answer)


def _best(found: Iterable[Incentive]) -> Incentive:
    """The one that gains most: the manipulation a payer would choose."""
    return max(found, key=lambda one: one.value)
