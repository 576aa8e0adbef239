"""Fairness constraints by name, to be combined freely in the schemes ``fair`` and ``leximin``."""

from allocopt.schemes.constraints.atkinson import AtkinsonAtMost as atkinson_at_most
from allocopt.schemes.constraints.base import Constraint
from allocopt.schemes.constraints.core import InCore as in_core
from allocopt.schemes.constraints.cvar import CvarAtMost as cvar_at_most
from allocopt.schemes.constraints.entropy import KlAtMost as kl_at_most
from allocopt.schemes.constraints.entropy import TheilAtMost as theil_at_most
from allocopt.schemes.constraints.gini import GiniAtMost as gini_at_most
from allocopt.schemes.constraints.hoover import HooverAtMost as hoover_at_most
from allocopt.schemes.constraints.jain import JainAtLeast as jain_at_least
from allocopt.schemes.constraints.kolm_pollak import KolmPollakAtMost as kolm_pollak_at_most
from allocopt.schemes.constraints.lorenz import LorenzDominates as lorenz_dominates
from allocopt.schemes.constraints.owa import OwaAtMost as owa_at_most
from allocopt.schemes.constraints.progressive import ConcentrationBetween as concentration_between
from allocopt.schemes.constraints.progressive import KakwaniBetween as kakwani_between
from allocopt.schemes.constraints.progressive import SuitsBetween as suits_between
from allocopt.schemes.constraints.solvency import KeepSolvent as keep_solvent
from allocopt.schemes.constraints.spread import EnvyAtMost as envy_at_most
from allocopt.schemes.constraints.spread import GroupGapAtMost as group_gap_at_most
from allocopt.schemes.constraints.spread import GroupRatioAtMost as group_ratio_at_most
from allocopt.schemes.constraints.spread import RatioAtMost as ratio_at_most
from allocopt.schemes.constraints.within import Within as within

__all__ = [
    "Constraint", "atkinson_at_most", "concentration_between", "cvar_at_most", "envy_at_most", "gini_at_most",
    "group_gap_at_most", "group_ratio_at_most", "hoover_at_most", "in_core", "jain_at_least", "kakwani_between",
    "keep_solvent", "kl_at_most", "kolm_pollak_at_most", "lorenz_dominates", "owa_at_most", "ratio_at_most",
    "suits_between", "theil_at_most", "within",
]  # fmt: skip
