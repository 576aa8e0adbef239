"""Characteristic functions built from facts: the worth of every coalition."""

from allocopt.games.airport import airport
from allocopt.games.base import Game
from allocopt.games.claims import claims
from allocopt.games.cover import cover
from allocopt.games.function import function
from allocopt.games.table import table
from allocopt.games.tail import tail
from allocopt.games.weighted import additive, threshold, weighted

__all__ = ["Game", "additive", "airport", "claims", "cover", "function", "table", "tail", "threshold", "weighted"]
