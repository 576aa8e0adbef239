"""Characteristic functions built from facts: the worth of every coalition."""

from allocopt.games.base import Game
from allocopt.games.claims import claims
from allocopt.games.table import table

__all__ = ["Game", "claims", "table"]
