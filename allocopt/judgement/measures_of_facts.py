"""What a rule rewards, where more is known than the table of payers: legs, scenarios, bids, what each has outside.

Each measure names the facts it needs (:mod:`allocopt.judgement.known` lists them); with these it is on the card, and
without them only when asked for, as NaN with the reason. Amounts are shown as parts of the loss or of a burden, so that
scales are fixed; the plain functions in :mod:`allocopt.judgement.incentives` give them in currency.
"""

from __future__ import annotations

import dataclasses
import math

from allocopt.errors import DataError
from allocopt.judgement import incentives
from allocopt.judgement.incentives import Incentive
from allocopt.judgement.measure import Case, measure
from allocopt.judgement.measures import GAIN
from allocopt.mechanisms.waterfall import Waterfall


@measure(title="Gain from two legs", of="the largest payer by {by} with positions on both sides", best=0.0, worst=1.0,
         direction="lower is better", unit=GAIN, formula=r"1 - (x_{\text{long}} + x_{\text{short}}) / x_i",
         needs=("long", "short"))  # fmt: skip
def leg_split_gain(case: Case) -> Incentive:
    """What holding long and short positions in two accounts saves; below zero the rule rewards netting."""
    long, short = case.fact("long"), case.fact("short")
    both = (case.question.column(long) > 0) & (case.question.column(short) > 0)
    largest = [payer for payer in reversed(case.ranked) if both[case.question.ids.get_loc(payer)]]
    if not largest:
        return Incentive(0.0, "no payer has positions on both sides", case.question)
    ((payer,), *_) = case.paying((payer,) for payer in largest)
    return incentives.leg_split_gain(
        case.rule, case.facts, payer, long, short, net=case.given.get("net", ()), rates=case.rates
    )


@measure(title="Moral hazard elasticity", of="the expected share of the largest payer by {by} to its own risk",
         best=1.0, worst=0.0, direction="higher is better", unit="per cent for one per cent",
         formula=r"d \log E x_i / d \log \sigma_i", needs=("pnl",))  # fmt: skip
def moral_hazard(case: Case) -> Incentive:
    """By how many per cent the largest payer's expected share grows with its risk; 0 makes carelessness free."""
    return incentives.moral_hazard(case.rule, case.facts, _risky(case), *_scenarios(case))


@measure(title="Risk passed on", of="the expected loss that more risk of the largest payer by {by} adds", best=0.0,
         worst=1.0, direction="closer to zero is better", unit="share of the added loss",
         formula=r"\sum_{j \ne i} dE x_j / dE L", needs=("pnl",))  # fmt: skip
def risk_pass_through(case: Case) -> Incentive:
    """The part of the expected loss it adds by taking more risk that the largest payer leaves to others."""
    return incentives.risk_pass_through(case.rule, case.facts, _risky(case), *_scenarios(case))


@measure(title="Least deterred gain", of="private gain per unit of {by}, the least deterred payer", best=1.0, worst=0.0,
         direction="higher is better", unit="per unit of exposure", needs=("safe", "risky"),
         formula=r"\min_i (E[x_i | \text{risky}] - E[x_i | \text{safe}]) / e_i")  # fmt: skip
def incentive_budget(case: Case) -> Incentive:
    """The largest private gain from carelessness, per unit of exposure, that the rule deters in every payer."""
    return incentives.least_budget(case.rule, case.fact("safe"), case.fact("risky"), case.by)


@measure(title="Reward for bidding", of="the burden of the largest payer by {by}, without a bid", best=1.0, worst=0.0,
         direction="higher is better", unit=GAIN, needs=("auction",),
         formula=r"1 - x_i(\text{bid}) / x_i(\text{no bid})")  # fmt: skip
def auction_incentive(case: Case) -> Incentive:
    """What a bid in the default auction spares the largest payer, as a part of what it bears without one."""
    return incentives.auction_incentive(
        case.rule, case.facts, case.at(1.0)[0], **case.fact("auction"), relative=True
    )  # fmt: skip


@measure(title="Gain from leaving", of="what the payer with most reason to leave bears more than outside", best=0.0,
         worst=1.0, direction="lower is better", unit="share of the loss", needs=("standalone",),
         formula=r"\max_i (x_i + \text{fees}_i - \text{alone}_i) / L")  # fmt: skip
def exit_gain(case: Case) -> Incentive:
    """What the payer with most reason to leave saves by it; at most zero when nobody is better off outside."""
    return _of_loss(case, incentives.exit_gain(case.answer, case.fact("standalone"), case.given.get("fees", 0.0)))


@measure(title="Coalition excess", of="what the group with most reason to leave bears more than by itself", best=0.0,
         worst=1.0, direction="lower is better", unit="share of the loss", needs=("costs",),
         formula=r"\max_S (x(S) - C(S)) / L")  # fmt: skip
def coalition_excess(case: Case) -> Incentive:
    """What the group with most reason to leave saves by it; at most zero when the shares are in the core."""
    return _of_loss(case, incentives.coalition_excess(case.answer, case.fact("costs")))


@measure(title="Least clearing benefit", of="flat or directional portfolios against no clearing", best=1.0, worst=0.0,
         direction="higher is better", unit="part of the loss without clearing", needs=("bilateral", "directional"),
         formula=r"\min_G (\text{bilateral}(G) - x(G)) / \text{bilateral}(G)")  # fmt: skip
def clearing_benefit(case: Case) -> Incentive:
    """What clearing spares the kind of portfolio that gains least from it; below zero it loses by clearing."""
    benefit, told = _clearing(case)
    return Incentive(min(benefit), told, case.question)


@measure(title="Clearing gap", of="the benefit of flat portfolios over directional ones", best=0.0, worst=1.0,
         direction="closer to zero is better", unit="part of the loss without clearing",
         needs=("bilateral", "directional"),
         formula=r"\text{benefit}(\text{flat}) - \text{benefit}(\text{directional})")  # fmt: skip
def clearing_gap(case: Case) -> Incentive:
    """How much more of its loss clearing spares flat portfolios than directional ones; a key of net risk widens it."""
    (flat, directional), told = _clearing(case)
    return Incentive(flat - directional, told, case.question)


@measure(title="Expected house absorption", of="the losses beyond the defaulter", best=1.0, worst=0.0,
         direction="higher is better", unit="share of the losses", needs=("losses",),
         formula=r"E x_{house} / E (L - x_{\text{defaulter}})^+")  # fmt: skip
def expected_absorption(case: Case) -> Incentive:
    """The part of the losses beyond the defaulter that the house bears on average, its skin in the game at work."""
    event = case.facts.question
    if not isinstance(case.rule, Waterfall):
        raise DataError("a scheme divides among the payers of the question; only a waterfall lets the house absorb")
    beyond = max(0.0, event.loss - case.question.loss)
    return incentives.expected_absorption(case.rule, event, beyond + case.fact("losses"))  # type: ignore[arg-type]


@measure(title="Contagion", of="payers who have failed when the loss makes nobody else fail", best=0.0, worst=1.0,
         direction="lower is better", unit="share of the payers", needs=("equity",),
         formula=r"\tfrac1n \#\{i : x_i > E_i \text{ in some round, failed payers out}\}")  # fmt: skip
def contagion(case: Case) -> Incentive:
    """The part of the payers who fail when those who cannot bear their share drop out and the rest divide again."""
    return incentives.contagion(case.rule, case.facts, case.fact("equity"))


def _of_loss(case: Case, found: Incentive) -> Incentive:
    loss = case.question.loss
    return dataclasses.replace(found, value=found.value / loss if loss > 0 else 0.0)


def _risky(case: Case) -> object:
    """The largest payer of whom the scenarios speak."""
    listed = set(case.fact("pnl").columns)
    for payer in reversed(case.ranked):
        if payer in listed:
            return payer
    raise DataError("the scenarios speak of no payer of the question")


def _scenarios(case: Case) -> tuple[object, object]:
    return case.fact("pnl"), case.given.get("margin", 0.0)


def _clearing(case: Case) -> tuple[tuple[float, float], str]:
    table = incentives.clearing_benefit(case.answer, case.fact("bilateral"), case.fact("directional"))
    flat, directional = (float(table["benefit"][kind]) for kind in ("flat", "directional"))
    if math.isnan(flat) or math.isnan(directional):
        raise DataError("there are no portfolios of one kind with a loss to be spared, so the kinds cannot be compared")
    return (
        flat,
        directional,
    ), f"clearing spares flat portfolios {flat:.1%} of their loss, directional {directional:.1%}"
