"""Characteristic functions built from facts: the worth of every coalition."""

from allocopt.games.airport import airport
from allocopt.games.base import Game
from allocopt.games.claims import claims
from allocopt.games.cover import cover
from allocopt.games.function import function
from allocopt.games.margin import margin
from allocopt.games.network import network
from allocopt.games.table import table
from allocopt.games.tail import tail
from allocopt.games.unanimity import dividends, unanimity
from allocopt.games.variance import variance
from allocopt.games.waterfall import waterfall
from allocopt.games.weighted import additive, threshold, weighted

__all__ = [
    "Game", "additive", "airport", "claims", "cover", "dividends", "function", "margin", "network", "table", "tail",
    "threshold", "unanimity", "variance", "waterfall", "weighted",
]  # fmt: skip
