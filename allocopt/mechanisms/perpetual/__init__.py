"""Perpetual-contract venues: books of positions, who is closed against whom, and who bears what no position pays."""
