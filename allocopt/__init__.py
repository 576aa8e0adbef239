"""Who bears the loss: loss allocation in derivative markets, posed as convex programs, proven and compared.

>>> import allocopt as ao
>>> event = ao.load_event("nasdaq-clearing-2018")
>>> answer = ao.allocate(event.problem(), "pro-rata", key="default_fund")
>>> f"{answer.shares.sum():,.0f} {event.currency}"
'107,000,000 EUR'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from allocopt import games as games
    from allocopt.errors import AllocOptError as AllocOptError
    from allocopt.errors import CertificateError as CertificateError
    from allocopt.errors import DataError as DataError
    from allocopt.errors import DocumentError as DocumentError
    from allocopt.errors import InfeasibleError as InfeasibleError
    from allocopt.errors import SolverError as SolverError
    from allocopt.facts.allocation import Allocation as Allocation
    from allocopt.facts.certificate import Certificate as Certificate
    from allocopt.facts.event import Event as Event
    from allocopt.facts.problem import LossProblem as LossProblem
    from allocopt.games.compromise import equal_surplus as equal_surplus
    from allocopt.games.compromise import gately as gately
    from allocopt.games.compromise import tau_value as tau_value
    from allocopt.games.constrained import constrained_shapley as constrained_shapley
    from allocopt.games.cooperation import myerson as myerson
    from allocopt.games.cooperation import owen as owen
    from allocopt.games.core import max_excess as max_excess
    from allocopt.games.core_nearest import core_nearest as core_nearest
    from allocopt.games.core_nearest import core_vertices as core_vertices
    from allocopt.games.core_nearest import is_balanced as is_balanced
    from allocopt.games.divisible import aumann_shapley as aumann_shapley
    from allocopt.games.interactions import interactions as interactions
    from allocopt.games.modiclus import kernel_point as kernel_point
    from allocopt.games.modiclus import modiclus as modiclus
    from allocopt.games.nucleolus import least_core as least_core
    from allocopt.games.nucleolus import nucleolus as nucleolus
    from allocopt.games.nucleolus import per_capita_nucleolus as per_capita_nucleolus
    from allocopt.games.nucleolus import prenucleolus as prenucleolus
    from allocopt.games.nucleolus import proportional_nucleolus as proportional_nucleolus
    from allocopt.games.shapley import shapley as shapley
    from allocopt.games.values import banzhaf as banzhaf
    from allocopt.games.values import least_squares as least_squares
    from allocopt.games.values import proportional_shapley as proportional_shapley
    from allocopt.games.values import semivalue as semivalue
    from allocopt.games.values import solidarity as solidarity
    from allocopt.games.values import weighted_shapley as weighted_shapley
    from allocopt.games.verified import verify_nucleolus as verify_nucleolus
    from allocopt.judgement import adl as adl
    from allocopt.judgement import criteria as criteria
    from allocopt.judgement import incentives as incentives
    from allocopt.judgement import metrics as metrics
    from allocopt.judgement.adl_study import adl_regret as adl_regret
    from allocopt.judgement.adl_study import adl_regret_bound as adl_regret_bound
    from allocopt.judgement.adl_study import standing_losses as standing_losses
    from allocopt.judgement.axioms import check_axioms as check_axioms
    from allocopt.judgement.choice import Ranking as Ranking
    from allocopt.judgement.design import Design as Design
    from allocopt.judgement.design import design as design
    from allocopt.judgement.frontier import price_of as price_of
    from allocopt.judgement.risk import expected_shortfall as expected_shortfall
    from allocopt.judgement.risk import tail_contributions as tail_contributions
    from allocopt.judgement.risk import var as var
    from allocopt.judgement.scorecard import Scorecard as Scorecard
    from allocopt.judgement.scorecard import compare as compare
    from allocopt.judgement.tradeoff import Frontier as Frontier
    from allocopt.judgement.tradeoff import frontier as frontier
    from allocopt.mechanisms.apportion import apportion as apportion
    from allocopt.mechanisms.auction import juniorise as juniorise
    from allocopt.mechanisms.auction import sgx_auction as sgx_auction
    from allocopt.mechanisms.calls import cash_call as cash_call
    from allocopt.mechanisms.cascade import Cascade as Cascade
    from allocopt.mechanisms.closeout import full_tear_up as full_tear_up
    from allocopt.mechanisms.forced import forced_allocation as forced_allocation
    from allocopt.mechanisms.fund_capital import default_fund_capital as default_fund_capital
    from allocopt.mechanisms.fund_size import size_insurance_fund as size_insurance_fund
    from allocopt.mechanisms.fund_slippage import book_slippage as book_slippage
    from allocopt.mechanisms.fund_slippage import liquidity_concentration as liquidity_concentration
    from allocopt.mechanisms.fund_slippage import slippage_at_risk as slippage_at_risk
    from allocopt.mechanisms.haircut import haircut_gains as haircut_gains
    from allocopt.mechanisms.insurance_fund import fund_inflows as fund_inflows
    from allocopt.mechanisms.insurance_fund import insurance_fund as insurance_fund
    from allocopt.mechanisms.insurance_fund import simulate_insurance_fund as simulate_insurance_fund
    from allocopt.mechanisms.layer import Layer as Layer
    from allocopt.mechanisms.margin_haircut import haircut_margin as haircut_margin
    from allocopt.mechanisms.non_default import non_default_loss as non_default_loss
    from allocopt.mechanisms.period import Period as Period
    from allocopt.mechanisms.perpetual.book import PerpetualBook as PerpetualBook
    from allocopt.mechanisms.perpetual.cross_margin import drain_leverage as drain_leverage
    from allocopt.mechanisms.perpetual.dydx import dydx_deleverage as dydx_deleverage
    from allocopt.mechanisms.perpetual.lending import comet_absorb as comet_absorb
    from allocopt.mechanisms.perpetual.lending import drift_spot_loss as drift_spot_loss
    from allocopt.mechanisms.perpetual.lending import maker_flop as maker_flop
    from allocopt.mechanisms.perpetual.lending import morpho_bad_debt as morpho_bad_debt
    from allocopt.mechanisms.perpetual.lending import synthetix_liquidation as synthetix_liquidation
    from allocopt.mechanisms.perpetual.lending import umbrella_slash as umbrella_slash
    from allocopt.mechanisms.perpetual.lights import adl_lights as adl_lights
    from allocopt.mechanisms.perpetual.pool import gmx_payout as gmx_payout
    from allocopt.mechanisms.perpetual.pool import gmx_pool_factor as gmx_pool_factor
    from allocopt.mechanisms.perpetual.queue import adl_queue as adl_queue
    from allocopt.mechanisms.perpetual.scope import deficit_problem as deficit_problem
    from allocopt.mechanisms.perpetual.shared_pool import pool_closing_price as pool_closing_price
    from allocopt.mechanisms.perpetual.shared_pool import redistribute_pool_loss as redistribute_pool_loss
    from allocopt.mechanisms.perpetual.shared_pool import separate_symbol as separate_symbol
    from allocopt.mechanisms.perpetual.simulate import simulate_book as simulate_book
    from allocopt.mechanisms.perpetual.social import drift_social_loss as drift_social_loss
    from allocopt.mechanisms.perpetual.social import percolator_factor as percolator_factor
    from allocopt.mechanisms.perpetual.social import socialise_session as socialise_session
    from allocopt.mechanisms.perpetual.venue_event import deficit_event as deficit_event
    from allocopt.mechanisms.perpetual.withdrawals import withdrawal_haircuts as withdrawal_haircuts
    from allocopt.mechanisms.perpetual.zero_price import lighter_zero_price as lighter_zero_price
    from allocopt.mechanisms.recompense import recompense as recompense
    from allocopt.mechanisms.second_skin import second_skin as second_skin
    from allocopt.mechanisms.tearup import tear_up as tear_up
    from allocopt.mechanisms.terms import Terms as Terms
    from allocopt.mechanisms.trigger import adl_trigger as adl_trigger
    from allocopt.mechanisms.waterfall import Waterfall as Waterfall
    from allocopt.schemes import Key as Key
    from allocopt.schemes import Scheme as Scheme
    from allocopt.schemes import allocate as allocate
    from allocopt.schemes import allocate_many as allocate_many
    from allocopt.schemes import scheme as scheme
    from allocopt.schemes import schemes as schemes
    from allocopt.schemes.constraints import atkinson_at_most as atkinson_at_most
    from allocopt.schemes.constraints import concentration_between as concentration_between
    from allocopt.schemes.constraints import cvar_at_most as cvar_at_most
    from allocopt.schemes.constraints import envy_at_most as envy_at_most
    from allocopt.schemes.constraints import gini_at_most as gini_at_most
    from allocopt.schemes.constraints import group_gap_at_most as group_gap_at_most
    from allocopt.schemes.constraints import group_ratio_at_most as group_ratio_at_most
    from allocopt.schemes.constraints import hoover_at_most as hoover_at_most
    from allocopt.schemes.constraints import in_core as in_core
    from allocopt.schemes.constraints import jain_at_least as jain_at_least
    from allocopt.schemes.constraints import kakwani_between as kakwani_between
    from allocopt.schemes.constraints import keep_solvent as keep_solvent
    from allocopt.schemes.constraints import kl_at_most as kl_at_most
    from allocopt.schemes.constraints import kolm_pollak_at_most as kolm_pollak_at_most
    from allocopt.schemes.constraints import lorenz_dominates as lorenz_dominates
    from allocopt.schemes.constraints import owa_at_most as owa_at_most
    from allocopt.schemes.constraints import ratio_at_most as ratio_at_most
    from allocopt.schemes.constraints import suits_between as suits_between
    from allocopt.schemes.constraints import theil_at_most as theil_at_most
    from allocopt.schemes.constraints import within as within
    from allocopt.shelf.library import datasets as datasets
    from allocopt.shelf.library import load_event as load_event
    from allocopt.shelf.library import load_model as load_model
    from allocopt.shelf.library import models as models

__version__ = "0.1.0"

# Where public names live -> the names; after "" and "judgement." a name is a module. Resolved on first use, so that
# `import allocopt` does not load the modelling layer, the compiler or the plotting library.
_NAMES = {
    "": "games schemes",
    "errors": "AllocOptError CertificateError DataError DocumentError InfeasibleError SolverError",
    "facts.allocation": "Allocation",
    "facts.certificate": "Certificate",
    "facts.event": "Event",
    "facts.problem": "LossProblem",
    "games.compromise": "equal_surplus gately tau_value",
    "games.constrained": "constrained_shapley",
    "games.cooperation": "myerson owen",
    "games.core": "max_excess",
    "games.core_nearest": "core_nearest core_vertices is_balanced",
    "games.divisible": "aumann_shapley",
    "games.interactions": "interactions",
    "games.modiclus": "kernel_point modiclus",
    "games.nucleolus": "least_core nucleolus per_capita_nucleolus prenucleolus proportional_nucleolus",
    "games.shapley": "shapley",
    "games.values": "banzhaf least_squares proportional_shapley semivalue solidarity weighted_shapley",
    "games.verified": "verify_nucleolus",
    "judgement.": "adl criteria incentives metrics",
    "judgement.adl_study": "adl_regret adl_regret_bound standing_losses",
    "judgement.axioms": "check_axioms",
    "judgement.choice": "Ranking",
    "judgement.design": "Design design",
    "judgement.frontier": "price_of",
    "judgement.tradeoff": "Frontier frontier",
    "judgement.risk": "expected_shortfall tail_contributions var",
    "judgement.scorecard": "Scorecard compare",
    "mechanisms.apportion": "apportion",
    "mechanisms.auction": "juniorise sgx_auction",
    "mechanisms.calls": "cash_call",
    "mechanisms.cascade": "Cascade",
    "mechanisms.closeout": "full_tear_up",
    "mechanisms.forced": "forced_allocation",
    "mechanisms.fund_capital": "default_fund_capital",
    "mechanisms.fund_size": "size_insurance_fund",
    "mechanisms.fund_slippage": "book_slippage liquidity_concentration slippage_at_risk",
    "mechanisms.haircut": "haircut_gains",
    "mechanisms.insurance_fund": "fund_inflows insurance_fund simulate_insurance_fund",
    "mechanisms.layer": "Layer",
    "mechanisms.margin_haircut": "haircut_margin",
    "mechanisms.non_default": "non_default_loss",
    "mechanisms.period": "Period",
    "mechanisms.perpetual.book": "PerpetualBook",
    "mechanisms.perpetual.cross_margin": "drain_leverage",
    "mechanisms.perpetual.dydx": "dydx_deleverage",
    "mechanisms.perpetual.lending": "comet_absorb drift_spot_loss maker_flop morpho_bad_debt synthetix_liquidation "
    "umbrella_slash",
    "mechanisms.perpetual.lights": "adl_lights",
    "mechanisms.perpetual.pool": "gmx_payout gmx_pool_factor",
    "mechanisms.perpetual.queue": "adl_queue",
    "mechanisms.perpetual.scope": "deficit_problem",
    "mechanisms.perpetual.shared_pool": "pool_closing_price redistribute_pool_loss separate_symbol",
    "mechanisms.perpetual.simulate": "simulate_book",
    "mechanisms.perpetual.social": "drift_social_loss percolator_factor socialise_session",
    "mechanisms.perpetual.venue_event": "deficit_event",
    "mechanisms.perpetual.withdrawals": "withdrawal_haircuts",
    "mechanisms.perpetual.zero_price": "lighter_zero_price",
    "mechanisms.recompense": "recompense",
    "mechanisms.second_skin": "second_skin",
    "mechanisms.tearup": "tear_up",
    "mechanisms.terms": "Terms",
    "mechanisms.trigger": "adl_trigger",
    "mechanisms.waterfall": "Waterfall",
    "schemes": "Key Scheme allocate allocate_many scheme",
    "schemes.constraints": (
        "atkinson_at_most concentration_between cvar_at_most envy_at_most gini_at_most group_gap_at_most "
        "group_ratio_at_most hoover_at_most in_core jain_at_least kakwani_between keep_solvent kl_at_most "
        "kolm_pollak_at_most lorenz_dominates owa_at_most ratio_at_most suits_between theil_at_most within"
    ),
    "shelf.library": "datasets load_event load_model models",
}

_HOME = {name: home for home, names in _NAMES.items() for name in names.split()}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'allocopt' has no attribute {name!r}")
    home = _HOME[name]
    if home == "" or home.endswith("."):
        value: Any = importlib.import_module(f"allocopt.{home}{name}")
    else:
        value = getattr(importlib.import_module(f"allocopt.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
