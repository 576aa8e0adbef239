"""Fairness constraints by name, to be combined freely in the scheme ``fair``."""

from allocopt.schemes.constraints.base import Constraint
from allocopt.schemes.constraints.cvar import CvarAtMost as cvar_at_most
from allocopt.schemes.constraints.gini import GiniAtMost as gini_at_most
from allocopt.schemes.constraints.group_ratio import GroupRatioAtMost as group_ratio_at_most
from allocopt.schemes.constraints.solvency import KeepSolvent as keep_solvent
from allocopt.schemes.constraints.within import Within as within

__all__ = ["Constraint", "cvar_at_most", "gini_at_most", "group_ratio_at_most", "keep_solvent", "within"]
